"""Whole jobs on a folder of Numerai's files: what the command line does."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch

from ._base import warn
from ._ensemble import WeightedEnsemble
from ._files import Address, check_writable, written_whole
from ._frames import listed
from ._neutralizer import FeatureNeutralizer
from ._rank_gauss import EraRank, EraRankGauss
from ._stacking import StackingWeights
from .analysis import Analysis, analyze
from .datasets import load_benchmark_models, load_scores
from .datasets._features import feature_set, feature_sets
from .metrics import leaderboard, numerai_corr, score_models
from .report import PerformanceReport
from .staking import Allocation, PayoutRule, allocate

__all__ = [
    "FolderEnsemble",
    "analyze_folder",
    "ensemble_folder",
    "ensemble_pipeline",
    "report_account",
    "report_folder",
    "score_folder",
    "stake_account",
    "stake_folder",
]

_SPLIT = "validation"
_INPUT = re.compile(
    r"((train|validation|live)(_benchmark_models)?|meta_model)\.parquet"
)


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
    data = _load(path, target, models)
    scores = _scores(data, target, benchmark)
    return leaderboard(scores, recent=recent, target=target, random_state=random_state)


def report_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    benchmark: str | None = None,
    features: str | None = None,
    analysis: Analysis | None = None,
    random_state: int = 0,
) -> PerformanceReport:
    """Report on the models in a folder.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    target : str, default="target"
        Target to score with.
    models : sequence of str, default=None
        Models to report on; None: all of the folder.
    benchmark : str, default=None
        Model to compare the others with.
    features : str, default=None
        Name of a feature set: adds the scores of what is left of each model when it is
        neutral to these features.
    analysis : skbench.analysis.Analysis, default=None
        What `analyze_folder` found, to show too.
    random_state : int, default=0
        Seed of the intervals.

    Returns
    -------
    report : skbench.report.PerformanceReport
        To write as a page; its other reference is the Meta Model, where it is there.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file.
    ValueError
        If the files do not fit together, or lack a column.
    """
    data = _load(path, target, models, features)
    frame, meta_model = data.frame, None
    if data.meta_model is not None:
        reference = frame[data.meta_model]
        meta_model = numerai_corr(frame[target], reference, era=frame[data.era])
        meta_model = meta_model[data.meta_model]
    return PerformanceReport(
        _scores(data, target, benchmark),
        benchmark=benchmark,
        meta_model=meta_model,
        analysis=analysis,
        target=target,
        random_state=random_state,
        title=f"Models of {Path(path).resolve().name}",
    )


def report_account(
    account: str,
    *,
    against: str | None = None,
    benchmark: str | None = None,
    api: Any = None,
) -> PerformanceReport:
    """Report on the live scores of a model, or of all models of an account.

    Parameters
    ----------
    account : str
        Name of an account or model.
    against : str, default=None
        Name of another, such as "benchmark_models", whose models stand beside them.
    benchmark : str, default=None
        Model to compare the others with. None: of ``against``, the model with the most
        resolved rounds.
    api : numerapi.NumerAPI, default=None
        Client to ask. None: a new one.

    Returns
    -------
    report : skbench.report.PerformanceReport
        To write as a page; rounds take the place of eras.

    Raises
    ------
    ConnectionError
        If Numerai cannot be reached.
    ValueError
        If a name is unknown, or there are no scores.
    """
    scores = load_scores(account, api)
    if against is not None:
        others = load_scores(against, api)
        if benchmark is None and others["resolved"].any():
            benchmark = others.loc[others["resolved"], "model"].mode()[0]
        scores = pd.concat([scores, others[~others["model"].isin(scores["model"])]])
    return PerformanceReport.from_live(
        scores, benchmark=benchmark, title=f"Live rounds of {account}"
    )


def analyze_folder(
    path: Address,
    *,
    model: str | None = None,
    target: str = "target",
    random_state: int = 0,
) -> Analysis:
    """Ask what the Meta Model lacks, what ensembles well and if a model is still good.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    model : str, default=None
        One's own model among those of the folder.
    target : str, default="target"
        Target to score with.
    random_state : int, default=0
        Seed of the intervals.

    Returns
    -------
    analysis : skbench.analysis.Analysis
        As `skbench.analysis.analyze` gives it.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file.
    ValueError
        If the files do not fit together, or lack a column.
    """
    data = _load(path, target)
    return analyze(data, model=model, target=target, random_state=random_state)


def stake_folder(
    path: Address,
    rule: PayoutRule,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    random_state: int = 0,
    **options: Any,
) -> Allocation:
    """Spread a stake over the models of a folder. Nothing is staked.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    rule : skbench.staking.PayoutRule
        What the scores pay. Eras stand for rounds, and CORR and MMC with ``target``
        for the rule's scores of those kinds.
    target : str, default="target"
        Target to score with.
    models : sequence of str, default=None
        Models to stake on; None: all of the folder.
    random_state : int, default=0
        Seed of the intervals.
    **options
        For `skbench.staking.allocate`.

    Returns
    -------
    allocation : skbench.staking.Allocation
        The shares, and what they rest on.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file.
    ValueError
        If the files do not fit together, or lack what the rule pays.
    """
    scores = _scores(_load(path, target, models), target, None)
    kinds = {name: kind for name in rule.multipliers for kind in scores if kind in name}
    return allocate(scores, rule.renamed(kinds), random_state=random_state, **options)


def stake_account(
    account: str, rule: PayoutRule, *, api: Any = None, **options: Any
) -> Allocation:
    """Spread a stake over the models of an account. Nothing is staked.

    Parameters
    ----------
    account : str
        Name of an account or model.
    rule : skbench.staking.PayoutRule
        What the scores of live rounds pay.
    api : numerapi.NumerAPI, default=None
        Client to ask. None: a new one.
    **options
        For `skbench.staking.allocate`.

    Returns
    -------
    allocation : skbench.staking.Allocation
        The shares, and what they rest on.

    Raises
    ------
    ConnectionError
        If Numerai cannot be reached.
    ValueError
        If the name is unknown, or there are no scores that the rule pays.
    """
    scores = load_scores(account, api, resolved=True)
    return allocate(scores, rule, random_state=0, **options)


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
    if payout is not None and fit != "payout":
        raise ValueError(f"`payout` is for `fit` 'payout'; got it with {fit!r}")
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
        If the files do not fit together, the pipeline cannot be fitted to them, no era
        can be scored, or ``output`` is a file of Numerai's in the folder.
    """
    predictions_file = _check_output(output, path)
    pipeline_file = predictions_file.with_suffix(".joblib")
    data = _load(path, target, features=_features_of(pipeline), live=True)
    pipeline = clone(pipeline).fit(data.frame, data.frame[target])
    frames = [frame for frame in (data.frame, data.live) if frame is not None]
    predictions = pd.concat([_predict(pipeline, frame) for frame in frames])
    scores = _score_blend(predictions.iloc[: len(data.frame)], data.frame[target])
    _warn_of_missing(predictions, pd.concat([f[data.models] for f in frames]))
    with (
        written_whole(predictions_file) as unfinished,
        written_whole(pipeline_file) as unfinished_pipeline,
    ):
        predictions.to_parquet(unfinished)
        joblib.dump(pipeline, unfinished_pipeline)
    return FolderEnsemble(pipeline, predictions, scores)


def _check_output(output: Address, path: Address) -> Path:
    file = check_writable(output, "output")
    if file.suffix != ".parquet":
        raise ValueError(f"`output` must end in .parquet; got {file}")
    if _INPUT.fullmatch(file.name) and file.parent.resolve() == Path(path).resolve():
        raise ValueError(
            f"`output` must not replace a file that is read; got {file}: give it "
            "another name"
        )
    return file


def _score_blend(validation: pd.DataFrame, target: "pd.Series[float]") -> pd.DataFrame:
    predictions = validation["prediction"]
    scores = numerai_corr(target, predictions, era=validation["era"]).dropna()
    if scores.empty:
        raise ValueError(
            f"no era can be scored: of {len(target)} validation rows, "
            f"{predictions.count()} have a prediction and {target.count()} have "
            f"{target.name!r}. A model that is missing makes the blend missing"
        )
    return scores


def _warn_of_missing(predictions: pd.DataFrame, models: pd.DataFrame) -> None:
    missing = predictions["prediction"].isna().to_numpy()
    if missing.any():
        gaps = models[missing].isna().any()
        warn(
            f"{missing.sum()} of {len(missing)} predictions are missing, as there are "
            f"gaps in {listed(gaps.index[gaps])}: leave these models out, or fill them"
        )


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


def _load(
    path: Address,
    target: str,
    models: Sequence[str] | None = None,
    features: Sequence[str] | str | None = None,
    *,
    live: bool = False,
) -> Bunch:
    """Load the validation rows, with the Meta Model where it is there."""
    return load_benchmark_models(
        path,
        _SPLIT,
        models=models,
        features=features,
        targets=(target,),
        meta_model=(Path(path) / "meta_model.parquet").is_file(),
        live=live,
    )


def _scores(data: Bunch, target: str, benchmark: str | None) -> dict[str, pd.DataFrame]:
    frame = data.frame
    return score_models(
        frame[target],
        frame[data.models],
        era=frame[data.era],
        meta_model=None if data.meta_model is None else frame[data.meta_model],
        benchmark=benchmark,
        features=frame[data.features] if data.features else None,
    )
