"""Whole jobs on a folder of Numerai's files: what the command line does."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from ._ensemble import WeightedEnsemble
from ._files import Address, check_writable, written_whole
from ._neutralizer import FeatureNeutralizer
from ._rank_gauss import EraRank, EraRankGauss
from ._stacking import StackingWeights
from .datasets import load_benchmark_models
from .datasets._features import feature_set, feature_sets
from .metrics import leaderboard, numerai_corr, score_models

__all__ = ["FolderEnsemble", "ensemble_folder", "ensemble_pipeline", "score_folder"]

_SPLIT = "validation"


def score_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    benchmark: str | None = None,
    recent: int = 52,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Rank the models in a folder by their scores.

    Parameters
    ----------
    path : path-like
        Folder with ``validation.parquet`` and ``validation_benchmark_models.parquet``,
        as Numerai lays them out. Where ``meta_model.parquet`` is there too, the
        contribution to the Meta Model is scored.
    target : str, default="target"
        Target to score with; its name sets the block length of the intervals.
    models : sequence of str, default=None
        Models to rank; None: all of the folder.
    benchmark : str, default=None
        Model to which the contribution is scored as well.
    recent : int, default=52
        Number of the most recent eras that are also scored by themselves.
    random_state : int, default=0
        Seed of the intervals.

    Returns
    -------
    board : pandas.DataFrame
        As `skbench.metrics.leaderboard` gives it.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file.
    ValueError
        If the files do not fit together, or lack a column.
    """
    has_meta_model = _has_meta_model(path)
    data = load_benchmark_models(
        path, _SPLIT, models=models, targets=(target,), meta_model=has_meta_model
    )
    frame = data.frame
    scores = score_models(
        frame[target],
        frame[data.models],
        era=frame[data.era],
        meta_model=frame[data.meta_model] if has_meta_model else None,
        benchmark=benchmark,
    )
    return leaderboard(scores, recent=recent, target=target, random_state=random_state)


@dataclass(frozen=True)
class FolderEnsemble:
    """What `ensemble_folder` made.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        The fitted ensemble.
    predictions : pandas.DataFrame of shape (n_rows, 3)
        Columns ``era``, ``data_type`` and ``prediction`` of the validation rows and
        then of the live rows, if there are any, indexed by id.
    scores : pandas.DataFrame of shape (n_eras, 1)
        Numerai CORR of the ensemble in each validation era with a target.
    """

    pipeline: Pipeline
    predictions: pd.DataFrame
    scores: pd.DataFrame

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


def ensemble_pipeline(
    path: Address,
    *,
    weights: Mapping[str, float] | None = None,
    fit: str | None = None,
    payout: Mapping[str, float] | None = None,
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
    if recipe is not None:
        if neutralize is not None:
            raise ValueError(
                "`neutralize` cannot go with `recipe`, which neutralises as published; "
                f"got {neutralize!r}"
            )
        return _published(path, recipe, columns)
    if columns is not None:
        raise ValueError("`columns` is for a `recipe`; got it without one")
    blend = WeightedEnsemble(weights)
    if fit is not None:
        blend = StackingWeights(fit, payout=payout)
    steps = [EraRankGauss(), blend, EraRankGauss()]
    if neutralize is not None:
        names = feature_set(neutralize, feature_sets(_features_file(path)))
        steps.append(FeatureNeutralizer(names, proportion=proportion))
    return make_pipeline(*steps, EraRank())


def _published(
    path: Address, recipe: str, columns: Mapping[str, str] | None
) -> Pipeline:
    from .recipes import recipe as find

    found = find(recipe)
    sets = feature_sets(_features_file(path)) if found.neutralizers else None
    pipeline: Pipeline = found.pipeline(columns=columns, feature_sets=sets)
    return pipeline


def ensemble_folder(
    path: Address, output: Address, pipeline: Pipeline, *, target: str = "target"
) -> FolderEnsemble:
    """Fit an ensemble on a folder, and write it and its predictions.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`; where it holds the files of
        the live era, these are predicted too.
    output : path-like
        Parquet file to write the predictions to. The fitted pipeline is written by
        joblib beside it, under the same name with the ending ``.joblib``.
    pipeline : sklearn.pipeline.Pipeline
        What to fit, such as `ensemble_pipeline` makes.
    target : str, default="target"
        Target to learn from and to score with.

    Returns
    -------
    ensemble : FolderEnsemble
        The fitted pipeline, its predictions and their scores.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or the folder of ``output`` is not there.
    ValueError
        If the files do not fit together, or the pipeline cannot be fitted to them.
    """
    predictions_file = check_writable(output, "output")
    pipeline_file = predictions_file.with_suffix(".joblib")
    if predictions_file.suffix != ".parquet":
        raise ValueError(f"`output` must end in .parquet; got {predictions_file}")
    data = load_benchmark_models(
        path,
        _SPLIT,
        features=_features_of(pipeline),
        targets=(target,),
        meta_model=_has_meta_model(path),
    )
    pipeline = clone(pipeline).fit(data.frame, data.frame[target])
    frames = [frame for frame in (data.frame, data.live) if frame is not None]
    predictions = pd.concat([_predict(pipeline, frame) for frame in frames])
    with (
        written_whole(predictions_file) as unfinished,
        written_whole(pipeline_file) as unfinished_pipeline,
    ):
        predictions.to_parquet(unfinished)
        joblib.dump(pipeline, unfinished_pipeline)
    validation = predictions.iloc[: len(data.frame)]
    scores = numerai_corr(
        data.frame[target], validation["prediction"], era=validation["era"]
    )
    return FolderEnsemble(pipeline, predictions, scores.dropna())


def _predict(pipeline: Pipeline, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["era", "data_type"]].assign(prediction=pipeline.predict(frame))


def _features_of(pipeline: Pipeline) -> list[str] | str | None:
    """Features that the neutralizers of a pipeline need: names, or all."""
    wanted = [
        step.neutralizers
        for _, step in pipeline.steps
        if isinstance(step, FeatureNeutralizer)
    ]
    if None in wanted:
        return "all"
    return [name for names in wanted for name in names] or None


def _blend_of(pipeline: Pipeline) -> WeightedEnsemble:
    return next(s for _, s in pipeline.steps if isinstance(s, WeightedEnsemble))


def _features_file(path: Address) -> Path:
    return Path(path) / "features.json"


def _has_meta_model(path: Address) -> bool:
    return (Path(path) / "meta_model.parquet").is_file()
