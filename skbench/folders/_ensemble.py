"""An ensemble of the models of a folder, fitted, and its predictions."""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pyarrow as pa
from sklearn.pipeline import Pipeline, make_pipeline

from skbench._checks import check_count, is_several, listed
from skbench._ensemble import WeightedEnsemble
from skbench._files import Address, as_path, check_writable, written_whole
from skbench._frames import ArrowTable
from skbench._learning import OBJECTIVES, SHRUNK_BY_BAYES
from skbench._neutralizer import FeatureNeutralizer
from skbench._rank_gauss import EraRank, EraRankGauss
from skbench._score_names import score_choice
from skbench._stacking import StackingWeights
from skbench._steps import steps_of
from skbench._warnings import warn
from skbench.staking import latest_payout
from skbench.streaming import write_tables
from skbench.tournament import (
    ERA,
    FEATURES_FILE,
    ID,
    FolderRows,
    Origin,
    OwnPredictions,
    feature_set,
    feature_sets,
    folder_models,
    open_folder,
    origin_of,
    resolve_columns,
    with_origin,
)

from ._ensemble_result import FolderEnsemble
from ._files import input_files
from ._payout import read_payout
from ._predicted import AllEras, OutOfSample, learns_weights_alone
from ._walk import check_meta_model, warn_of_in_sample

# Share of what features explain to neutralise, unless a user says otherwise.
PROPORTION = 0.5


def ensemble_pipeline(
    path: Address,
    *,
    weights: Mapping[str, float] | None = None,
    fit: str | None = None,
    payout: str | Mapping[str, float] | None = None,
    shrinkage: float | str | None = None,
    recipe: str | None = None,
    columns: Mapping[str, str] | None = None,
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
    nan_policy: str = "propagate",
    neutralize: str | None = None,
    proportion: float | None = None,
) -> Pipeline:
    """Make the pipeline of an ensemble of the models in a folder.

    It gaussianizes the models per era, blends and gaussianizes them again, neutralises
    the blend if asked to, and ranks it. One of ``weights``, ``fit`` and ``recipe`` says
    how it blends; none of them means equal weights.

    Parameters
    ----------
    path : path-like
        Folder whose ``features.json`` names the feature sets.
    weights : mapping of str to float, default=None
        Weight of each model.
    fit : str, default=None
        Objective of `StackingWeights` by which to learn the weights.
    payout : str or mapping of str to float, default=None
        For ``fit="payout"``: the name of a payout rule, such as "2026", or multipliers
        of "corr" and "mmc". None: those of the newest payout rule.
    shrinkage : float, "auto" or "bayes", default=None
        For ``fit``: as in `StackingWeights`. None: "bayes" for the objectives that have
        it, 0 for the others.
    recipe : str, default=None
        Name of a published ensemble, see `skbench.recipes.list_recipes`; it neutralises
        as it was published.
    columns : mapping of str to str, default=None
        For a recipe: from its models to columns of the folder.
    models : sequence of str, default=None
        As for `ensemble_folder`: ``weights`` and a recipe may name no others.
    without : sequence of str, default=None
        As for `ensemble_folder`.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models that may be named, as for `score_folder`.
    nan_policy : {"propagate", "omit", "raise"}, default="propagate"
        What becomes of a row that a model does not predict: it has no prediction, one
        of the other models by their weights, or is refused; as in `StackingWeights`.
    neutralize : str, default=None
        Name of the feature set to neutralise to.
    proportion : float, default=None
        For ``neutralize``: share of what these features explain to neutralise, between
        0 and 1. None: 0.5.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        The ensemble, to be fitted.

    Raises
    ------
    FileNotFoundError
        If a feature set is named and the folder has no ``features.json``.
    ValueError
        If the options exclude each other, or name something that is not there.
    """
    _check_one_way(weights=weights, fit=fit, recipe=recipe)
    _check_recipe(recipe, columns, neutralize)
    if neutralize is None and proportion is not None:
        raise ValueError(
            f"`proportion` is for `neutralize`; got {proportion!r} without features"
        )
    if recipe is not None or isinstance(weights, Mapping):
        known = folder_models(path, models, without, predictions)
        every = folder_models(path, predictions=predictions)
        left_out = _left_out(every, known, without)
    if recipe is not None:
        return _published(as_path(path), recipe, columns, known, left_out, nan_policy)
    if isinstance(weights, Mapping):
        _check_used("`weights` names", weights, left_out)
        resolve_columns(weights, known, "weights", os.fspath(path))
    blend = _blend(weights, fit, payout, shrinkage).set_params(nan_policy=nan_policy)
    if neutralize is None:
        return five_steps(blend)
    sets = feature_sets(as_path(path) / FEATURES_FILE, neutralize)
    names = feature_set(neutralize, sets, "neutralize")
    proportion = PROPORTION if proportion is None else proportion
    return five_steps(blend, FeatureNeutralizer(names, proportion=proportion))


def _check_one_way(**ways: Any) -> None:
    """Refuse several ways to blend."""
    given = [f"`{name}`" for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"choose one way to blend; got {' and '.join(given)}")


def _check_recipe(recipe: Any, columns: Any, neutralize: Any) -> None:
    """Refuse options that do not go with a recipe, or not without one."""
    if recipe is None and columns is not None:
        raise ValueError("`columns` is for a `recipe`; got it without one")
    if recipe is not None and neutralize is not None:
        raise ValueError(
            "`neutralize` cannot go with `recipe`, which neutralises as published; got "
            f"{neutralize!r}"
        )


def _left_out(
    every: Sequence[str], known: Sequence[str], without: Sequence[str] | None
) -> dict[str, str]:
    """Return the models that are not used, and the parameter that leaves each out."""
    named = [without] if isinstance(without, str) else without or ()
    by = {True: "without", False: "models"}
    return {name: by[name in named] for name in every if name not in known}


def _check_used(who: str, names: Iterable[str], left_out: Mapping[str, str]) -> None:
    """Refuse to blend a model that is left out."""
    for name in names:
        if name in left_out:
            raise ValueError(
                f"{who} {name!r}, which `{left_out[name]}` leaves out: leave it out of "
                "both, or of neither"
            )


def _blend(
    weights: Mapping[str, float] | None,
    fit: str | None,
    payout: str | Mapping[str, float] | None,
    shrinkage: float | str | None,
) -> WeightedEnsemble:
    """Make the blend of weights that are given, or to be learned."""
    if payout is not None and fit != "payout":
        raise ValueError(f"`payout` is for `fit` 'payout'; got it with {fit!r}")
    if fit is None:
        if shrinkage is not None:
            raise ValueError(f"`shrinkage` is for `fit`; got {shrinkage!r} without it")
        return WeightedEnsemble(weights)
    objective = score_choice("fit", fit, OBJECTIVES)
    multipliers: Mapping[str, float] | None = None
    if objective == "payout":
        multipliers = latest_payout() if payout is None else read_payout(payout)
    if shrinkage is None:
        shrinkage = "bayes" if objective in SHRUNK_BY_BAYES else 0.0
    return StackingWeights(fit, payout=multipliers, shrinkage=shrinkage)


def five_steps(
    blend: WeightedEnsemble, neutralizer: FeatureNeutralizer | None = None
) -> Pipeline:
    """Make the pipeline of Numerai's ensembles; None: it is not neutralised."""
    neutral = [] if neutralizer is None else [neutralizer]
    return make_pipeline(EraRankGauss(), blend, EraRankGauss(), *neutral, EraRank())


def _published(
    folder: Path,
    name: str,
    columns: Mapping[str, str] | None,
    known: Sequence[str],
    left_out: Mapping[str, str],
    nan_policy: str,
) -> Pipeline:
    """Make a published ensemble of models that are known."""
    from skbench.recipes import RISKIEST, published_columns, recipe

    found = recipe(name)
    there = published_columns(found, known)
    lacking = [part for part in found.weights if part not in there]
    if columns is None and lacking:
        _check_used(f"the recipe {found.name!r} needs", lacking, left_out)
        raise ValueError(
            f"the recipe {found.name!r} needs the models {listed(lacking)}, which are "
            f"not among those of {folder}, {listed(known)}: skbench recipes "
            f"{shlex.quote(str(folder))} shows what fits"
        )
    if found.neutralizers == RISKIEST:
        raise ValueError(
            f"the recipe {found.name!r} is neutralised to the riskiest features of its "
            "training rows, which no folder lists: find them in Python, as "
            "skbench.recipes.riskiest_features does"
        )
    names = there if columns is None else columns
    sets = _sets_for(found, folder)
    pipeline: Pipeline = found.pipeline(columns=names or None, feature_sets=sets)
    if columns is not None:
        _check_used("`columns` names", columns.values(), left_out)
        resolve_columns([*columns.values()], known, "columns", os.fspath(folder))
    return pipeline.set_params(weightedensemble__nan_policy=nan_policy)


def _sets_for(found: Any, folder: Path) -> dict[str, list[str]]:
    """Return the sets of features of a folder, those that a recipe needs among them."""
    sets: dict[str, list[str]] = {}
    file = folder / FEATURES_FILE
    for needed in found.neutral_sets:
        sets = feature_sets(file, needed)
        if needed not in sets:
            raise ValueError(
                f"the recipe {found.name!r} is neutralised to the features of "
                f"{needed!r}, which is none of the sets of {file}: {listed(sets, 100)}"
            )
    if found.neutral_sets and not found.neutral_features(sets):
        raise ValueError(
            f"the recipe {found.name!r} is neutralised to the features that "
            f"{' and '.join(map(repr, found.neutral_sets))} have in common, and in "
            f"{file} they have none"
        )
    return sets


def ensemble_folder(
    path: Address,
    output: Address,
    pipeline: Pipeline,
    *,
    predictions: OwnPredictions = (),
    live: Address | None = None,
    target: str = "target",
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    chunk: int = 26,
    progress: bool = False,
) -> FolderEnsemble:
    """Fit an ensemble on a folder, and write it and its predictions.

    Validation predictions are out of sample: where `StackingWeights` learns the
    weights, each era is blended with those learned from what was known before its
    window, as in `skbench.model_selection.backtest`, and the eras before the first
    window are absent. The live era gets the weights of all eras. Weights that are given
    hold in all eras.

    Memory holds one era, however large the files are, and the targets.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`; where it holds the files of
        the live era, these are predicted too.
    output : path-like
        Parquet file to write the predictions to. The fitted pipeline is written by
        joblib beside it, under the same name with the ending ``.joblib``; its weights
        are those of all eras, so what it predicts of these eras is in sample.
    pipeline : sklearn.pipeline.Pipeline
        What to fit, such as `ensemble_pipeline` makes; its steps are those of skbench,
        or learn nothing from rows, or have ``partial_fit``. Where something else than
        `StackingWeights` learns, the predictions of all eras are in sample.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Further models to blend, as for `score_folder`. The live era needs their live
        rows: in the same file or frame, or in a file beside it, ``mine_live.csv``
        beside ``mine.csv``, of any of the kinds that are read. Where one has none,
        that is warned of, and validation rows alone are predicted.
    live : path-like, default=None
        CSV file to write the predictions of the live era to, as Numerai takes them.
    target : str, default="target"
        Target to learn from and to score with.
    models : sequence of str, default=None
        Models to blend, in validation and live; None: all.
    without : sequence of str, default=None
        Models to leave out.
    chunk : int, default=26
        Eras of a window, whose weights are learned before it.
    progress : bool, default=False
        Whether to show a progress bar for each pass over the rows.

    Returns
    -------
    ensemble : FolderEnsemble
        The fitted pipeline, its predictions and their scores.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or the folder of ``output`` is not there.
    ValueError
        If the files do not fit together, an era is in pieces, the pipeline cannot be
        fitted to them, no era can be scored, or ``output`` or ``live`` is a file of
        Numerai's in the folder or of ``predictions``, by whatever path; if there are
        too few eras for a window, and no live era; if the live files are of several
        eras, or of other rows than ``live.parquet``; or if ``live`` is asked for and
        no live rows can be predicted, or not all of them.
    """
    predictions_file, pipeline_file = _check_outputs(
        output, live, input_files(path, predictions)
    )
    check_count("chunk", chunk, 1)
    asked: dict[str, Any] = {"models": models, "without": without, "target": target}
    asked |= {"features": _features_of(pipeline), "predictions": predictions}
    rows, later = open_folder(path, **asked, live=True)
    _check_live(rows, later, live)
    warn_of_in_sample(rows)
    made = _made(rows, later, pipeline, chunk, progress)
    with nullcontext() if live is None else written_whole(live) as unfinished:
        tables = [made.validation()]
        if later is not None:
            of_live = made.blend.of(made.pipeline, later.source, progress)
            tables.append(_submitted(of_live, unfinished))
        told = _told(tables, made, rows, later)
        scores = _written(told, made, predictions_file, pipeline_file)
    return _result(made, predictions_file, scores, rows.target)


def _result(
    made: AllEras | OutOfSample,
    file: Path,
    scores: dict[str, pd.DataFrame],
    target: str,
) -> FolderEnsemble:
    return FolderEnsemble(
        made.pipeline,
        file,
        dict(made.blend.n_rows),
        dict(made.blend.n_predicted),
        scores,
        target,
        made.payout,
        made.out_of_sample_from,
        made.lacking.n_lacking if made.lacking else 0,
    )


def _written(
    tables: Iterator[pa.Table], made: AllEras | OutOfSample, output: Path, fitted: Path
) -> dict[str, pd.DataFrame]:
    """Write predictions and the pipeline, both or none; return the scores."""
    with written_whole(output) as unfinished, written_whole(fitted) as unfinished_too:
        write_tables(tables, unfinished)
        scores = made.scores()
        made.blend.warn_of_missing()
        joblib.dump(made.pipeline, unfinished_too)
    return scores


def _made(
    rows: FolderRows,
    live: FolderRows | None,
    pipeline: Pipeline,
    chunk: int,
    progress: bool,
) -> AllEras | OutOfSample:
    """Fit a pipeline, as what it learns allows."""
    check_meta_model(rows, steps_of(pipeline))
    if not learns_weights_alone(pipeline):
        return AllEras(rows, pipeline, progress)
    made = OutOfSample(rows, pipeline, chunk, progress)
    if made.lacking and live is None:
        raise ValueError(
            "no era can be predicted out of sample, and there is no live era: "
            f"{made.lacking}. Choose a smaller `chunk`"
        )
    return made


def _has_text(rows: FolderRows) -> bool:
    """Whether eras are labelled by text."""
    kind = rows.source.schema.field(ERA).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _labelled(table: pa.Table) -> pa.Table:
    """Return a table whose eras, dates or numbers, are text beside a live 'X'."""
    codes, labels = ArrowTable(table).labels(ERA)
    text = pa.array([str(label) for label in labels]).take(pa.array(codes))
    return table.set_column(table.column_names.index(ERA), ERA, text)


def _told(
    parts: Sequence[Iterator[pa.Table]],
    made: AllEras | OutOfSample,
    rows: FolderRows,
    later: FolderRows | None,
) -> Iterator[pa.Table]:
    """Say in tables how predictions were made; label eras alike, the live one too."""
    origin = _origin(rows, made.origin)
    unlike = later is not None and _has_text(later) and not _has_text(rows)
    for table in chain.from_iterable(parts):
        told = _labelled(table) if unlike else table
        yield told.replace_schema_metadata(with_origin(told.schema, origin).metadata)


def _check_live(
    rows: FolderRows, later: FolderRows | None, live: Address | None
) -> None:
    """Say that there are no live rows, where some are asked for or might be."""
    if later is not None:
        return
    if live is not None:
        raise ValueError(f"`live` cannot be written: {rows.no_live}")
    if rows.predictions:
        warn(f"no live rows are predicted: {rows.no_live}")


def _origin(rows: FolderRows, origin: Origin) -> Origin:
    """Return how predictions are made: what blends others in sample is so too."""
    for side in rows.predictions:
        words = rows.made[next(iter(side.names))]
        own = origin_of(side.file.source.schema)
        if own is not None and words.startswith("in sample"):
            until = [origin.learned_until, own.learned_until][origin.weights == "given"]
            return Origin("learned", origin.fit, until)
    return origin


def _submitted(tables: Iterator[pa.Table], file: Path | None) -> Iterator[pa.Table]:
    """Yield tables of live rows; write them as Numerai takes them, if asked to."""
    held = list(tables)
    if file is not None:
        from skbench.deploy import submission

        made = pa.concat_tables(held)
        ranks, ids = made["prediction"].to_numpy(), made[ID].to_pylist()
        submission(ranks, ids).to_csv(file, index=False)
    yield from held


def _check_outputs(
    output: Address, live: Address | None, inputs: Sequence[Path]
) -> tuple[Path, Path]:
    """Return the files to write predictions and the pipeline to."""
    file = check_writable(output, "output", inputs)
    if file.suffix != ".parquet":
        raise ValueError(f"`output` must end in .parquet; got {file}")
    pipeline = check_writable(file.with_suffix(".joblib"), "output", inputs)
    if live is not None:
        check_writable(live, "live", [*inputs, file, pipeline])
    return file, pipeline


def _features_of(pipeline: Pipeline) -> list[str] | str | None:
    """Features that the neutralizers of a pipeline need: names, or all."""
    if not isinstance(pipeline, Pipeline):
        raise TypeError(f"`pipeline` must be a scikit-learn Pipeline; got {pipeline!r}")
    wanted = [
        step.neutralizers
        for _, step in pipeline.steps
        if isinstance(step, FeatureNeutralizer)
    ]
    if None in wanted:
        return "all"
    wanted = [[names] if isinstance(names, str) else names for names in wanted]
    if wrong := [names for names in wanted if not is_several(names)]:
        raise ValueError(
            f"`pipeline` must list its `neutralizers` by name; got {wrong[0]!r}"
        )
    return [name for names in wanted for name in names] or None
