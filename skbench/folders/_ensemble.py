"""An ensemble of the models of a folder, fitted, and its predictions."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import joblib
import pyarrow as pa
from sklearn.pipeline import Pipeline, make_pipeline

from skbench._checks import check_choice, check_count, is_several
from skbench._ensemble import WeightedEnsemble
from skbench._files import Address, as_path, check_writable, written_whole
from skbench._neutralizer import FeatureNeutralizer
from skbench._rank_gauss import EraRank, EraRankGauss
from skbench._stacking import OBJECTIVES, SHRUNK_BY_BAYES, StackingWeights
from skbench._steps import steps_of
from skbench.staking import latest_payout
from skbench.streaming import write_tables
from skbench.tournament import (
    FEATURES_FILE,
    FolderRows,
    Origin,
    feature_set,
    feature_sets,
    open_folder,
    with_origin,
)

from ._ensemble_result import FolderEnsemble
from ._files import input_files
from ._predicted import AllEras, OutOfSample, learns_weights_alone
from ._walk import check_meta_model

# Share of what features explain to neutralise, unless a user says otherwise.
PROPORTION = 0.5


def ensemble_pipeline(
    path: Address,
    *,
    weights: Mapping[str, float] | None = None,
    fit: str | None = None,
    payout: Mapping[str, float] | None = None,
    shrinkage: float | str | None = None,
    recipe: str | None = None,
    columns: Mapping[str, str] | None = None,
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
    payout : mapping of str to float, default=None
        For ``fit="payout"``: the multipliers. None: those of the newest payout rule.
    shrinkage : float, "auto" or "bayes", default=None
        For ``fit``: as in `StackingWeights`. None: "bayes" for the objectives that have
        it, 0 for the others.
    recipe : str, default=None
        Name of a published ensemble, see `skbench.recipes.list_recipes`; it neutralises
        as it was published.
    columns : mapping of str to str, default=None
        For a recipe: from its models to columns of the folder.
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
    chosen = {"weights": weights, "fit": fit, "recipe": recipe}
    ways = [f"`{name}`" for name, value in chosen.items() if value is not None]
    if len(ways) > 1:
        raise ValueError(f"choose one way to blend; got {' and '.join(ways)}")
    if neutralize is None and proportion is not None:
        raise ValueError(
            f"`proportion` is for `neutralize`; got {proportion!r} without features"
        )
    if recipe is not None:
        if neutralize is not None:
            raise ValueError(
                "`neutralize` cannot go with `recipe`, which neutralises as published; "
                f"got {neutralize!r}"
            )
        return _published(path, recipe, columns)
    if columns is not None:
        raise ValueError("`columns` is for a `recipe`; got it without one")
    blend = _blend(weights, fit, payout, shrinkage)
    if neutralize is None:
        return five_steps(blend)
    sets = feature_sets(as_path(path) / FEATURES_FILE)
    names = feature_set(neutralize, sets, "neutralize")
    share = PROPORTION if proportion is None else proportion
    return five_steps(blend, FeatureNeutralizer(names, proportion=share))


def _blend(
    weights: Mapping[str, float] | None,
    fit: str | None,
    payout: Mapping[str, float] | None,
    shrinkage: float | str | None,
) -> WeightedEnsemble:
    """Make the blend of weights that are given, or to be learned."""
    if payout is not None and fit != "payout":
        raise ValueError(f"`payout` is for `fit` 'payout'; got it with {fit!r}")
    if fit is None:
        if shrinkage is not None:
            raise ValueError(f"`shrinkage` is for `fit`; got {shrinkage!r} without it")
        return WeightedEnsemble(weights)
    check_choice("fit", fit, OBJECTIVES)
    if fit == "payout" and payout is None:
        payout = latest_payout()
    if shrinkage is None:
        shrinkage = "bayes" if fit in SHRUNK_BY_BAYES else 0.0
    return StackingWeights(fit, payout=payout, shrinkage=shrinkage)


def five_steps(
    blend: WeightedEnsemble, neutralizer: FeatureNeutralizer | None = None
) -> Pipeline:
    """Make the pipeline of Numerai's ensembles; None: it is not neutralised."""
    neutral = [] if neutralizer is None else [neutralizer]
    return make_pipeline(EraRankGauss(), blend, EraRankGauss(), *neutral, EraRank())


def _published(
    path: Address, recipe: str, columns: Mapping[str, str] | None
) -> Pipeline:
    from skbench.recipes import recipe as find

    found = find(recipe)
    sets = feature_sets(as_path(path) / FEATURES_FILE) if found.neutralizers else None
    pipeline: Pipeline = found.pipeline(columns=columns, feature_sets=sets)
    return pipeline


def ensemble_folder(
    path: Address,
    output: Address,
    pipeline: Pipeline,
    *,
    target: str = "target",
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
    target : str, default="target"
        Target to learn from and to score with.
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
        fitted to them, no era can be scored, or ``output`` is a file of Numerai's in
        the folder, by whatever path; if there are too few eras for a window, and no
        live era.
    """
    predictions_file = _check_output(output, path)
    pipeline_file = check_writable(
        predictions_file.with_suffix(".joblib"), "output", input_files(path)
    )
    check_count("chunk", chunk, 1)
    rows, live = open_folder(
        path, target=target, features=_features_of(pipeline), live=True
    )
    made = _made(rows, live, pipeline, chunk, progress)
    with (
        written_whole(predictions_file) as unfinished,
        written_whole(pipeline_file) as unfinished_pipeline,
    ):
        parts = [made.validation()]
        if live is not None:
            parts.append(made.blend.of(made.pipeline, live.source, progress))
        tables = chain.from_iterable(parts)
        write_tables((_said(table, made.origin) for table in tables), unfinished)
        scores = made.scores()
        made.blend.warn_of_missing()
        joblib.dump(made.pipeline, unfinished_pipeline)
    return FolderEnsemble(
        made.pipeline,
        predictions_file,
        dict(made.blend.n_rows),
        scores,
        rows.target,
        made.payout,
        made.out_of_sample_from,
        made.lacking.n_lacking if made.lacking else 0,
    )


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


def _said(table: pa.Table, origin: Origin) -> pa.Table:
    """Say in a table how its predictions were made."""
    return table.replace_schema_metadata(with_origin(table.schema, origin).metadata)


def _check_output(output: Address, path: Address) -> Path:
    file = check_writable(output, "output", input_files(path))
    if file.suffix != ".parquet":
        raise ValueError(f"`output` must end in .parquet; got {file}")
    return file


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
