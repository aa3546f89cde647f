"""Whole jobs on a folder of Numerai's files: what the command line does."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pyarrow as pa
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch

from ._checks import check_flag, check_name, is_several
from ._ensemble import WeightedEnsemble
from ._eras import horizon_of
from ._files import Address, as_path, check_writable, written_whole
from ._neutralizer import FeatureNeutralizer
from ._parquet import arrow_path, read_parquet
from ._rank_gauss import EraRank, EraRankGauss
from ._stacking import SHRUNK_BY_BAYES, StackingWeights
from .analysis import Analysis, analyze
from .datasets import load_scores
from .metrics import concat_scores, leaderboard, numerai_corr, score_models
from .report import PerformanceReport
from .staking import Allocation, PayoutRule, allocate, check_rule
from .streaming import Predictions, fit_parquet, write_frames
from .tournament import (
    BATCH_ROWS,
    FEATURES_FILE,
    FILES,
    FolderRows,
    check_folder,
    feature_set,
    feature_sets,
    main_file,
    open_file,
    open_folder,
    target_of,
)

__all__ = [
    "FolderEnsemble",
    "analyze_folder",
    "ensemble_folder",
    "ensemble_pipeline",
    "folder_target",
    "report_account",
    "report_folder",
    "score_folder",
    "stake_account",
    "stake_folder",
]


def input_files(
    path: Address | None, predictions: Sequence[Address] = ()
) -> list[Path]:
    """Return the files that a job may read, there or not: no output may replace one."""
    numerais = [] if path is None else [as_path(path) / name for name in FILES]
    return [*numerais, *map(Path, predictions)]


def folder_target(path: Address, target: str = "target") -> str:
    """Return the target that a name stands for in a folder.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    target : str, default="target"
        The name. Numerai's files have a column "target", which is a copy of another.

    Returns
    -------
    target : str
        The name of that other column, such as "target_ender_60", whose number of days
        says how far it looks ahead; or the name given, if it is no copy.

    Raises
    ------
    FileNotFoundError
        If the folder lacks ``validation.parquet``.
    ValueError
        If that file cannot be read.
    """
    return target_of(open_file(check_folder(path), main_file("validation")), target)


def score_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    predictions: Address | Sequence[Address] = (),
    benchmark: str | None = None,
    recent: int = 52,
    progress: bool = False,
) -> pd.DataFrame:
    """Rank the models in a folder by their scores.

    Memory holds one era, however large the files are.

    Where a file of predictions has no row, its models have no prediction; that is
    warned of. Rows that it has of eras that the folder lacks, such as the live era,
    are left out. In the eras that both have, at least 80 % of the ids must match.

    Parameters
    ----------
    path : path-like
        Folder with ``validation.parquet`` and ``validation_benchmark_models.parquet``,
        as Numerai lays them out. Where ``meta_model.parquet`` is there too, the
        contribution to the Meta Model is scored.
    target : str, default="target"
        Target to score with; its name sets the horizon of the intervals. "target"
        stands for the column of which it is a copy.
    models : sequence of str, default=None
        Models of the folder to rank; None: all.
    predictions : path-like or sequence of path-like, default=()
        Parquet files with further models, matched by `id` and `era`: one for each
        floating-point column, which gives it its name. A column `prediction`, as
        `ensemble_folder` writes it, gets the name of its file.
    benchmark : str, default=None
        Model to which the contribution is scored as well.
    recent : int, default=52
        Number of the most recent eras that are also scored by themselves.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    board : pandas.DataFrame
        As `skbench.metrics.leaderboard` gives it.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name.
    """
    check_flag("progress", progress)
    rows, _ = open_folder(path, target=target, models=models, predictions=predictions)
    scores = _scores(rows, benchmark, progress)
    return leaderboard(scores, recent=recent, target=rows.target)


def report_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    predictions: Address | Sequence[Address] = (),
    benchmark: str | None = None,
    features: str | None = None,
    analysis: Analysis | None = None,
) -> PerformanceReport:
    """Report on the models in a folder.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    target : str, default="target"
        Target to score with.
    models : sequence of str, default=None
        Models of the folder to report on; None: all.
    predictions : path-like or sequence of path-like, default=()
        Files with further models, as for `score_folder`.
    benchmark : str, default=None
        Model to compare the others with.
    features : str, default=None
        Name of a feature set: adds the scores of what is left of each model when it is
        neutral to these features.
    analysis : skbench.analysis.Analysis, default=None
        What `analyze_folder` found, to show too.

    Returns
    -------
    report : skbench.report.PerformanceReport
        To write as a page; its other reference is the Meta Model, where it is there.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name.
    """
    rows, _ = open_folder(
        path,
        target=target,
        models=models,
        features=features,
        predictions=predictions,
    )
    return PerformanceReport(
        _scores(rows, benchmark),
        benchmark=benchmark,
        meta_model=_scores_of_meta_model(rows),
        analysis=analysis,
        target=rows.target,
        title=f"Models of {arrow_path(Path(path).resolve().name)}",
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
    check_name("account", account, "a name")
    if against is not None:
        check_name("against", against, "a name")
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
    predictions: Address | Sequence[Address] = (),
    target: str = "target",
) -> Analysis:
    """Ask what the Meta Model lacks, what ensembles well and if a model is still good.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    model : str, default=None
        One's own model among those of the folder and of the predictions.
    predictions : path-like or sequence of path-like, default=()
        Files with further models, as for `score_folder`.
    target : str, default="target"
        Target to score with.

    Returns
    -------
    analysis : skbench.analysis.Analysis
        As `skbench.analysis.analyze` gives it.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name.
    """
    rows, _ = open_folder(path, target=target, predictions=predictions)
    data = Bunch(
        frame=pd.concat(rows.source.frames()),
        era="era",
        meta_model=rows.meta_model,
        models=rows.models,
        targets=[rows.target],
    )
    return analyze(data, model=model)


def stake_folder(
    path: Address,
    rule: PayoutRule,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    predictions: Address | Sequence[Address] = (),
    total_at_risk: float | None = None,
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
        Models of the folder to stake on; None: all.
    predictions : path-like or sequence of path-like, default=()
        Files with further models, as for `score_folder`.
    total_at_risk : float, default=None
        Stakes at risk in the tournament, in NMR, as for `skbench.staking.allocate`.
    **options
        For `skbench.staking.allocate`.

    Returns
    -------
    allocation : skbench.staking.Allocation
        The shares, and what they rest on.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, give two models one name, or lack what the
        rule pays, or the payout factor is not known.
    TypeError
        If the rule is no PayoutRule.
    """
    check_rule(rule, total_at_risk)  # what is missing is said before the long work
    rows, _ = open_folder(path, target=target, models=models, predictions=predictions)
    scores = _scores(rows, None)
    kinds = {name: kind for name in rule.multipliers for kind in scores if kind in name}
    return allocate(
        scores,
        rule.renamed(kinds),
        total_at_risk=total_at_risk,
        **{"horizon": horizon_of(rows.target), **options},
    )


def stake_account(
    account: str,
    rule: PayoutRule,
    *,
    total_at_risk: float | None = None,
    api: Any = None,
    **options: Any,
) -> Allocation:
    """Spread a stake over the models of an account. Nothing is staked.

    Parameters
    ----------
    account : str
        Name of an account or model.
    rule : skbench.staking.PayoutRule
        What the scores of live rounds pay.
    total_at_risk : float, default=None
        Stakes at risk in the tournament, in NMR, as for `skbench.staking.allocate`.
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
        If the name is unknown, there are no scores that the rule pays, or the payout
        factor is not known.
    TypeError
        If the rule is no PayoutRule.
    """
    check_rule(rule, total_at_risk)  # what is missing is said before the long work
    scores = load_scores(account, api, resolved=True)
    return allocate(scores, rule, total_at_risk=total_at_risk, **options)


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
    from .recipes import recipe as find

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
        write_frames(chain.from_iterable(parts), unfinished)
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


def _scores(
    rows: FolderRows, benchmark: str | None, progress: bool = False
) -> dict[str, pd.DataFrame]:
    def score(era: pd.DataFrame) -> dict[str, pd.DataFrame]:
        return score_models(
            era[rows.target],
            era[rows.models],
            era=era["era"],
            meta_model=era[rows.meta_model] if rows.meta_model else None,
            benchmark=benchmark,
            features=era[rows.features] if rows.features else None,
        )

    return concat_scores(map(score, rows.source.frames(progress=progress)))


def _scores_of_meta_model(rows: FolderRows) -> "pd.Series[float] | None":
    name, target = rows.meta_model, rows.target
    if name is None:
        return None
    scores = concat_scores(
        {name: numerai_corr(era[target], era[name], era=era["era"])}
        for era in rows.source.frames([target, name])
    )
    return scores[name][name]
