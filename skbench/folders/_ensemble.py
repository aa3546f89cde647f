"""An ensemble of the models of a folder, fitted, and its predictions."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import joblib
import pandas as pd
import pyarrow as pa
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from skbench._checks import is_several
from skbench._ensemble import WeightedEnsemble
from skbench._files import Address, as_path, check_writable, written_whole
from skbench._neutralizer import FeatureNeutralizer
from skbench._parquet import read_parquet
from skbench._rank_gauss import EraRank, EraRankGauss
from skbench._stacking import SHRUNK_BY_BAYES, StackingWeights
from skbench.streaming import BATCH_ROWS, Predictions, fit_parquet, write_tables
from skbench.tournament import FEATURES_FILE, feature_set, feature_sets, open_folder

from ._files import input_files


@dataclass(frozen=True)
class FolderEnsemble:
    """What `ensemble_folder` made.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        The fitted ensemble.
    file : pathlib.Path
        Parquet file of the predictions.
    n_rows : dict of str to int
        Number of predictions of each data type.
    scores : pandas.DataFrame of shape (n_eras, 1)
        Numerai CORR of the ensemble in each validation era with a target.
    target : str
        The target of these scores.
    """

    pipeline: Pipeline
    file: Path
    n_rows: dict[str, int]
    scores: pd.DataFrame
    target: str

    @property
    def predictions(self) -> pd.DataFrame:
        """The predictions, read from their file.

        Returns
        -------
        predictions : pandas.DataFrame of shape (n_rows, 3)
            Columns ``era``, ``data_type`` and ``prediction`` of the validation rows and
            then of the live rows, if there are any, indexed by id.
        """
        try:
            predictions: pd.DataFrame = read_parquet(self.file).to_pandas()
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.file} cannot be read: {error}. Make the ensemble again"
            ) from error
        return predictions

    @property
    def weights(self) -> dict[Hashable, float]:
        """Weight of each model.

        Returns
        -------
        weights : dict of str to float
            In the order of the columns.
        """
        weights: dict[Hashable, float] = _blend_of(self.pipeline).weights_
        return weights

    @property
    def learned(self) -> bool:
        """Whether the weights were learned on these eras, which flatters the scores.

        Returns
        -------
        learned : bool
            False for weights that were given.
        """
        return isinstance(_blend_of(self.pipeline), StackingWeights)

    @property
    def summary(self) -> str:
        """What was learned of the models, in a sentence.

        Returns
        -------
        summary : str
            As `StackingWeights.summary` has it; empty for weights that were given.
        """
        blend = _blend_of(self.pipeline)
        return blend.summary if isinstance(blend, StackingWeights) else ""


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
    proportion: float = 1.0,
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
        For ``fit="payout"``: the multipliers.
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
    proportion : float, default=1.0
        Share of what these features explain to neutralise, between 0 and 1.

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
    if neutralize is None and proportion != 1:
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
    return five_steps(blend, FeatureNeutralizer(names, proportion=proportion))


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
    progress: bool = False,
) -> FolderEnsemble:
    """Fit an ensemble on a folder, and write it and its predictions.

    Memory holds one era, however large the files are.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`; where it holds the files of
        the live era, these are predicted too.
    output : path-like
        Parquet file to write the predictions to. The fitted pipeline is written by
        joblib beside it, under the same name with the ending ``.joblib``.
    pipeline : sklearn.pipeline.Pipeline
        What to fit, such as `ensemble_pipeline` makes; its steps are those of skbench,
        or learn nothing from rows, or have ``partial_fit``.
    target : str, default="target"
        Target to learn from and to score with.
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
        the folder, by whatever path.
    """
    predictions_file = _check_output(output, path)
    pipeline_file = check_writable(
        predictions_file.with_suffix(".joblib"), "output", input_files(path)
    )
    rows, live = open_folder(
        path, target=target, features=_features_of(pipeline), live=True
    )
    pipeline = fit_parquet(
        clone(pipeline),
        rows.source,
        rows.target,
        batch_rows=BATCH_ROWS,
        progress=progress,
    )
    blend = Predictions(rows.models, rows.target)
    with (
        written_whole(predictions_file) as unfinished,
        written_whole(pipeline_file) as unfinished_pipeline,
    ):
        parts = (
            blend.of(pipeline, part.source, progress)
            for part in filter(None, (rows, live))
        )
        write_tables(chain.from_iterable(parts), unfinished)
        scores = blend.scores()
        blend.warn_of_missing()
        joblib.dump(pipeline, unfinished_pipeline)
    return FolderEnsemble(
        pipeline, predictions_file, dict(blend.n_rows), scores, rows.target
    )


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


def _blend_of(pipeline: Pipeline) -> WeightedEnsemble:
    return next(s for _, s in pipeline.steps if isinstance(s, WeightedEnsemble))
