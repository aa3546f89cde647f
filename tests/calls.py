"""Every public name of the package, called with arguments that it works with."""

from copy import copy, deepcopy
from dataclasses import replace
from functools import cached_property, partial
from os import environ
from pathlib import Path
from unittest.mock import patch

import dask
import dask.dataframe as dd
import joblib
import pandas as pd
import skops.io
from click.testing import CliRunner
from helpers import check_advice
from matplotlib.figure import Figure
from numerai_server import KEYS, NumeraiServer, make_scores
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from tournament_files import write_tournament

import skbench
from skbench import (
    analysis,
    cli,
    daily,
    datasets,
    demo,
    deploy,
    distributed,
    folders,
    metrics,
    model_selection,
    recipes,
    report,
    staking,
    streaming,
)

RULE = staking.PayoutRule("half", {"corr": 1.0, "mmc": 2.0}, clip=0.5)
ATOMIC = replace(RULE, mode="atomic")
MODELS = ["v53_lgbm_cyrus20", "v53_lgbm_ender20"]
# The parameters that neutralising has in a step and in a path.
NEUTRALIZER = {
    "neutralizers": None, "columns": None, "fit_intercept": True, "standardize": True,
    "missing": "median", "rcond": 1e-6, "era": "era", "single_era_rows": (1800, 10000),
    "n_jobs": None,
}  # fmt: skip


class World:
    """A small tournament, its files and a server, in a folder of its own."""

    def __init__(self, home):
        self.home = Path(home)
        self.data = datasets.make_benchmark_models(
            30, 20, 3, 6, meta_model_eras=30, random_state=0
        )
        self.frame = self.data.frame
        self.models = self.frame[self.data.models]
        self.features = self.frame[self.data.features]
        self.era = self.frame["era"]
        self.y = self.frame["target"].fillna(self.features.iloc[:, 0] / 4)
        self.meta = self.frame["numerai_meta_model"]
        self.short = self.frame[self.era <= "0012"]
        self.short_y = self.y[self.era <= "0012"]
        self.scores = metrics.numerai_corr(self.y, self.models, era=self.era)
        self.folder = write_tournament(self.home / "v5.3", self.data)
        # In windows of 26 eras, which the demo has.
        longer = datasets.make_benchmark_models(45, 20, 3, 6, random_state=0)
        self.longer = write_tournament(self.home / "longer", longer)
        self.rows = self.home / "rows.parquet"
        self.frame.assign(target=self.y).to_parquet(self.rows)
        self.fitted = make_pipeline(
            skbench.EraRankGauss(),
            skbench.WeightedEnsemble(dict.fromkeys(MODELS, 0.5)),
            skbench.EraRank(),
        ).fit(self.frame)
        self.learner = make_pipeline(
            skbench.EraRankGauss(), skbench.StackingWeights(horizon=2)
        )

    def __enter__(self):
        server = NumeraiServer({"v5.3": self.folder})
        server.accounts["somebody"] = MODELS
        made = make_scores(range(1200, 1230), [20], names=("corr", "mmc"))
        for i, score in enumerate(made):
            score["value"] = 0.001 * ((i * 37) % 17 - 7)
        server.scores = {server.model_id(model): made for model in MODELS}
        self.server = server.__enter__()
        self.api = server.api(*KEYS)
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)

    @cached_property
    def live_scores(self):
        return datasets.load_scores("somebody", self.api)

    @cached_property
    def backtest(self):
        return model_selection.backtest(
            {"learned": self.learner},
            self.frame,
            self.y,
            model_selection.WalkForwardEraSplit(8, 2),
        )

    @cached_property
    def exported(self):
        return deploy.export_predict(self.fitted, self.home / "predict.pkl")

    @cached_property
    def submission(self):
        rank = skbench.EraRank(era=None).fit_transform(self.data.live[MODELS[:1]])
        made = deploy.submission(rank[MODELS[0]], self.data.live)
        made.to_csv(self.home / "mine.csv", index=False)
        return self.home / "mine.csv"

    @cached_property
    def settings(self):
        path = self.home / "daily.toml"
        path.write_text(
            f"output = '{self.home / 'daily'}'\n"
            f"data_home = '{self.home / 'data'}'\n[models.{MODELS[0]}]\n"
        )
        return path

    @cached_property
    def predictions(self):
        rows = self.frame[["era", MODELS[0]]].set_axis(["era", "prediction"], axis=1)
        skbench.EraRank().fit_transform(rows).to_parquet(self.home / "p.parquet")
        return self.home / "p.parquet"

    @cached_property
    def joblib_file(self):
        joblib.dump(self.fitted, self.home / "pipeline.joblib")
        return self.home / "pipeline.joblib"

    @cached_property
    def skops_file(self):
        skops.io.dump(self.fitted, self.home / "pipeline.skops")
        return self.home / "pipeline.skops"


def calls(world):
    """Return (function, arguments) by name; ``module.name`` where that is public."""
    return {
        **dict(_estimators(world)), **_core(world), **_metrics(world), **_data(world),
        **_analysis(world), **_staking(world), **_reports(world), **_deploy(world),
        **_jobs(world), **_commands(world),
    }  # fmt: skip


def _output(X, transform, input_features):
    made = skbench.EraRank().fit(X).set_output(transform=transform)
    return made.transform(X), made.get_feature_names_out(input_features)


def _estimators(world):
    """Yield the methods of each estimator, and its parameters in and after a fit."""
    both = {"X": world.short, "y": world.short_y}
    era = {"era": "era", "single_era_rows": (1800, 10000)}
    rank = {"columns": None, "ties": "average", **era, "n_jobs": None}
    blend = {
        "columns": None, "output": "prediction", "nan_policy": "propagate", **era,
    }  # fmt: skip
    stacking = {
        "objective": "payout", "payout": {"corr": 1.0, "contribution": 2.0},
        "nonnegative": True, "max_weight": 1.0, "prior": None, "shrinkage": 0.0,
        "search": "slsqp", "max_iter": 10, "halflife": 3.0, "horizon": 2,
        "confidence": 0.95, "meta_model": "numerai_meta_model", "random_state": 0,
    }  # fmt: skip
    used_in_fit = {"columns", "neutralizers", "weights", *stacking}
    for kind, params in {
        skbench.EraRank: rank,
        skbench.EraRankGauss: {**rank, "scale": True},
        skbench.WeightedEnsemble: {
            **blend, "weights": dict.fromkeys(world.data.models, 0.5)},
        skbench.FeatureNeutralizer: {
            **NEUTRALIZER, "proportion": 1.0, "keep_neutralizers": False},
        skbench.StackingWeights: {**blend, **stacking},
    }.items():  # fmt: skip
        name, fitted = kind.__name__, kind(**params).fit(**both)
        later = {k: v for k, v in params.items() if k not in used_in_fit}
        yield name, (partial(_fit, kind), {**both, **params})
        yield f"{name} fit_transform", (clone(fitted).fit_transform, both)
        yield f"{name} transform", (fitted.transform, {"X": world.short})
        yield f"{name} predict", (fitted.predict, {"X": world.short})
        yield f"{name} score", (fitted.score, {**both, "sample_weight": None})
        yield f"{name} set_params", (partial(_set_params, fitted, world.short), later)


def _fit(kind, X, y, **params):
    return kind(**params).fit(X, y).transform(X)


def _set_params(fitted, X, **params):
    return copy(fitted).set_params(**params).transform(X)


def _core(world):
    both = {"X": world.short, "y": world.short_y}
    sizes = {"chunk_size": 2, "purge": 1, "first_era": 1, "max_train_eras": None}
    split = model_selection.WalkForwardEraSplit
    ensemble = skbench.WeightedEnsemble(dict.fromkeys(MODELS, 0.5))
    early = world.era <= "0012"
    learned, later = (
        skbench.StackingWeights().partial_fit(world.frame[rows], world.y[rows])
        for rows in (early, ~early)
    )
    return {
        "StackingWeights partial_fit": (
            lambda X, y: skbench.StackingWeights().partial_fit(X, y), both),
        "StackingWeights merge": (
            lambda other: deepcopy(learned).merge(other), {"other": later}),
        "StackingWeights refit": (
            learned.refit, {"objective": "sharpe", "shrinkage": 0.5}),
        "set_output": (
            _output,
            {"X": world.short, "transform": "default", "input_features": None}),
        "neutralization_path": (
            skbench.neutralization_path,
            {"X": world.short, "proportions": [0.0, 0.5], **NEUTRALIZER}),
        "rank_gauss": (
            skbench.rank_gauss,
            {"values": world.short[MODELS[0]], "ties": "average", "scale": True}),
        "model_selection.WalkForwardEraSplit": (
            lambda X, y, groups, **params: list(split(**params).split(X, y, groups)),
            {**both, "groups": None, **sizes, "era": "era", "reference": None}),
        "model_selection.WalkForwardEraSplit groups": (
            lambda X, groups: list(split(2).split(X, groups=groups)),
            {"X": world.short, "groups": world.short["era"]}),
        "model_selection.WalkForwardEraSplit windows": (
            lambda eras, **params: split(**params).windows(eras),
            {"eras": world.short["era"], **sizes}),
        "model_selection.walk_forward_predict": (
            model_selection.walk_forward_predict,
            {"estimator": ensemble, **both, "cv": split(2, 0), "groups": None,
             "keep_era": True, "progress": False}),
        "model_selection.walk_forward_weights": (
            model_selection.walk_forward_weights,
            {"stacking": world.learner.fit(world.frame, world.y)[-1],
             "cv": split(27, 1)}),
        "model_selection.backtest": (
            partial(model_selection.backtest, X=world.frame, y=world.y),
            {"candidates": world.learner, "cv": split(27, 1),
             "payout": {"corr": 1.0}, "horizon": 3, "confidence": 0.9,
             "keep_predictions": False, "progress": False}),
        "model_selection.weight_grid": (
            model_selection.weight_grid,
            {"names": ["a", "b", "c"], "step": 0.25, "max_weight": 1.0}),
    }  # fmt: skip


def _era_scorer(X, y, **options):
    return metrics.era_scorer(**options)(skbench.WeightedEnsemble().fit(X), X, y)


def _contribution_scorer(X, y, **options):
    scorer = metrics.contribution_scorer(**options)
    return scorer(skbench.WeightedEnsemble().fit(X), X, y)


def _scorer(scorer, X, y):
    return scorer(skbench.WeightedEnsemble().fit(X), X, y)


def _metrics(world):
    m = metrics
    rows = {"y_pred": world.models, "era": world.era}
    scored = {"y_true": world.y, **rows, "top_bottom": None}
    meta, features = {"meta_model": world.meta}, {"features": world.features}
    of_table = {"target": None, "horizon": 3, "confidence": 0.9}
    of_scorer = {"X": world.short, "y": world.short_y, "era": "era", "reduce": "mean"}
    return {
        "metrics.numerai_corr": (m.numerai_corr, {**scored, "n_jobs": None}),
        "metrics.correlation_contribution": (
            m.correlation_contribution, {**scored, **meta, "n_jobs": None}),
        "metrics.neutral_contribution": (
            m.neutral_contribution,
            {**scored, **meta, "neutralizers": world.features}),
        "metrics.neutral_correlation": (
            m.neutral_correlation, {**scored, "neutralizers": world.features}),
        "metrics.feature_neutral_corr": (
            m.feature_neutral_corr, {**scored, **features}),
        "metrics.correlation_with": (
            m.correlation_with, {**rows, "reference": world.meta}),
        "metrics.feature_exposure": (m.feature_exposure, {**rows, **features}),
        "metrics.max_feature_exposure": (
            m.max_feature_exposure, {**rows, **features, "top_bottom": None}),
        "metrics.mean_target_by_quantile": (
            m.mean_target_by_quantile,
            {"y_true": world.y, **rows, "n_quantiles": 5, "n_jobs": None}),
        "metrics.score_models": (
            m.score_models,
            {"y_true": world.y, **rows, **meta, "benchmark": MODELS[0], **features,
             "payout": {"corr": 3.0, "mmc": 15.0}}),
        "metrics.summarize": (
            m.summarize,
            {"scores": world.scores, "benchmark": MODELS[0], **of_table}),
        "metrics.leaderboard": (
            m.leaderboard,
            {"scores": {"corr": world.scores, "mmc": world.scores / 2}, "recent": 10,
             **of_table}),
        "metrics.era_scorer": (
            _era_scorer,
            {**of_scorer, "metric": m.feature_neutral_corr,
             "columns": {"features": world.data.features[:2]},
             "greater_is_better": False}),
        "metrics.contribution_scorer": (
            _contribution_scorer, {**of_scorer, "column": "numerai_meta_model"}),
        "metrics.numerai_corr_scorer": (
            partial(_scorer, m.numerai_corr_scorer),
            {"X": world.short, "y": world.short_y}),
        "metrics.sharpe_scorer": (
            partial(_scorer, m.sharpe_scorer), {"X": world.short, "y": world.short_y}),
    }  # fmt: skip


def _recipe(method, name, **options):
    return getattr(recipes.recipe(name), method)(**options)


def _data(world):
    d, r, features = datasets, recipes, world.data.features
    rows = {"X": world.short, "y": world.short_y}
    return {
        "datasets.make_benchmark_models": (
            d.make_benchmark_models,
            {"n_eras": 6, "rows_per_era": 12, "n_models": 2, "n_features": 3,
             "targets": ("target_cyrus_20",), "mean_corr": 0.02, "era_std": 0.016,
             "first_era": 1, "unscored": False, "meta_model_eras": 6,
             "skill_std": None, "dtype": "float64", "random_state": 0}),
        "datasets.load_benchmark_models": (
            d.load_benchmark_models,
            {"path": world.folder, "split": "validation", "models": None,
             "features": "small", "targets": ("target",), "eras": None,
             "meta_model": True, "live": True}),
        "datasets.to_folder": (
            d.to_folder,
            {"data": world.data, "path": world.home / "written", "overwrite": True}),
        "datasets.fetch_benchmark_models": (
            d.fetch_benchmark_models,
            {"version": "v5.3", "splits": ("validation",), "meta_model": True,
             "targets": True, "features": None, "data_home": world.home / "data",
             "progress": False, "api": world.api}),
        "datasets.load_scores": (
            d.load_scores,
            {"account_or_model": "somebody", "resolved": True, "last_n_rounds": None,
             "api": world.api}),
        "recipes.recipe": (r.recipe, {"name": "v43_lgbm_ct_blend"}),
        "recipes.list_recipes": (r.list_recipes, {}),
        "recipes.recipes_for": (r.recipes_for, {"columns": world.data.models}),
        "recipes.describe_recipes": (r.describe_recipes, {}),
        "recipes.Recipe": (
            partial(_recipe, "pipeline"),
            {"name": "v41_example_preds", "columns": None,
             "feature_sets": {"medium": features},
             "exact": False, "era": "era"}),
        "recipes.Recipe estimator": (
            partial(_recipe, "estimator"),
            {"name": "v53_lgbm_ender20", "features": features[:3]}),
        "recipes.Recipe cv": (
            partial(_recipe, "cv"), {"name": "v5_lgbm_cyrusd20", "era": "era"}),
        "recipes.FeatureRegressor": (
            lambda X, y, features: r.FeatureRegressor(
                LinearRegression(), features).fit(X, y).predict(X),
            {**rows, "features": features[3:]}),
        "recipes.riskiest_features": (
            r.riskiest_features, {**rows, "n": 2, "features": features, "era": "era"}),
    }  # fmt: skip


def _analysis(world):
    a, own, others = analysis, MODELS[0], world.data.models[1:]
    rows = {"models": world.models, "y": world.y, "era": world.era}
    level = {"horizon": 3, "confidence": 0.9}
    groups = {"groups": {name: name[-2:] for name in world.data.models}}
    meta = {"meta_model": world.meta}
    return {
        "analysis.analyze": (
            a.analyze,
            {"data": world.data, "model": None, "target": "target", **groups, **level}),
        "analysis.compare": (
            a.compare,
            {"model": world.models[own], "benchmarks": world.models[others],
             "y": world.y, "era": world.era, "recent": 10, "window": 5, **level}),
        "analysis.implied_weights": (
            a.implied_weights,
            {**meta, "models": world.models, "era": world.era, "window": None}),
        "analysis.marginal_contribution": (
            a.marginal_contribution,
            {"portfolio": world.models[own], **rows, "models": world.models[others],
             **level}),
        "analysis.synergy": (
            a.synergy, {**rows, "objective": "corr", **groups, **level}),
        "analysis.underweight": (a.underweight, {**meta, **rows, **level}),
    }  # fmt: skip


def _rule(scores, total_at_risk, names, **params):
    rule = staking.PayoutRule(**params)
    paid = rule.payout(scores, total_at_risk=total_at_risk)
    return paid, rule.payout_factor(total_at_risk), rule.renamed(names)


def _staking(world):
    s, scores = staking, {"corr": world.scores, "mmc": world.scores / 2}
    return {
        "staking.PayoutRule": (
            _rule,
            {"name": "half", "multipliers": {"corr": 1.0, "mmc": 2.0}, "clip": 0.5,
             "factor": 1.0, "threshold": 72000.0, "concurrent_rounds": 2,
             "mode": "atomic", "target": "target_ender_60", "first_round": 1343,
             "first": "2026", "last": None, "status": "confirmed", "source": "",
             "scores": scores, "total_at_risk": 1e5, "names": {}}),
        "staking.PayoutRule from_api": (
            s.PayoutRule.from_api, {"api": world.api, "concurrent_rounds": 64}),
        "staking.allocate": (
            s.allocate,
            {"scores": scores, "rule": RULE, "total_at_risk": None,
             "method": "mean_cvar", "max_share": 1.0, "risk_aversion": 1.0,
             "tail": 0.1, "prior_rounds": None, "horizon": 3, "confidence": 0.9}),
        "staking.Allocation": (
            s.allocate(scores, ATOMIC, method="equal").stakes,
            {"total": 10.0, "open_rounds": 13}),
        "staking.with_season": (s.with_season, {"scores": world.live_scores}),
        "staking.simulate": (
            s.simulate,
            {"scores": scores, "stakes": dict.fromkeys(MODELS, 5.0), "rule": RULE,
             "duration": 4, "compound": True, "total_at_risk": None}),
        "staking.simulate atomic": (
            s.simulate,
            {"scores": scores, "stakes": 5.0, "rule": ATOMIC, "duration": 4,
             "balance": 100.0}),
    }  # fmt: skip


def _page(home, make, **options):
    make(**options).write_html(home / "page.html")


def _reports(world):
    r, scores, own = report, world.scores, MODELS[0]
    ax, named = {"ax": Figure().add_subplot()}, {"score_name": "corr"}
    rows = {"before": world.models[own], "after": world.models[MODELS[1]]}
    exposures = metrics.feature_exposure(rows["before"], world.features, era=world.era)
    both = {"before": exposures, "after": exposures / 2}
    weights = {"a": 0.2, "b": 0.8}
    shares = [0.0, 0.5, 1.0]
    synergy = analysis.synergy(world.models, world.y, era=world.era)
    means = metrics.mean_target_by_quantile(world.y, world.models, era=world.era)
    of_page = {"benchmark": own, "horizon": 3, "title": "Scores"}
    return {
        "report.BacktestReport": (
            partial(_page, world.home, r.BacktestReport),
            {"found": world.backtest, "title": "Backtest"}),
        "report.BlendExplorer": (
            partial(_page, world.home, r.BlendExplorer),
            {"models": world.models, "y": world.y, "era": world.era,
             "meta_model": world.meta, "neutralizers": world.features,
             "objectives": ["mse"], "presets": {"mine": {own: 1.0}},
             "proportions": {"mine": 0.5}, "n_exact_eras": 3, "folder": "data",
             "neutralize": "small", "elsewhere": {own: "a.parquet"}, "target": "target",
             "horizon": 2, "confidence": 0.9, "title": "Blends"}),
        "report.CumulativeScoreDisplay": (
            r.CumulativeScoreDisplay.from_scores,
            {"scores": scores, "benchmark": own, "name": None, **named, **ax}),
        "report.EraScoreDisplay": (
            r.EraScoreDisplay.from_scores,
            {"scores": scores, "model": own, "window": 5, "target": None,
             "horizon": 3, **named, **ax}),
        "report.FeatureExposureDisplay": (
            r.FeatureExposureDisplay.from_exposures, {**both, "n_features": 3, **ax}),
        "report.FeatureExposureDisplay predictions": (
            r.FeatureExposureDisplay.from_predictions,
            {**rows, "features": world.features, "era": world.era, "n_features": 3,
             **ax}),
        "report.ImpliedWeightsDisplay": (
            r.ImpliedWeightsDisplay.from_weights,
            {"weights": analysis.implied_weights(world.meta, world.models,
                                                 era=world.era),
             "n_models": 2, **ax}),
        "report.NeutralizationPathDisplay": (
            r.NeutralizationPathDisplay.from_scores,
            {"scores": scores.set_axis(shares, axis=1), "target": None, "horizon": 3,
             **named, **ax}),
        "report.NeutralizationPathDisplay predictions": (
            r.NeutralizationPathDisplay.from_predictions,
            {"X": world.short, "y": world.short_y, "proportions": shares,
             "columns": [own], "horizon": 3, **ax}),
        "report.SynergyDisplay": (
            r.SynergyDisplay.from_synergy, {"synergy": synergy, **ax}),
        "report.TargetByQuantileDisplay": (
            r.TargetByQuantileDisplay.from_means,
            {"means": means, "model": own, "target": None, "horizon": 3, **ax}),
        "report.TargetByQuantileDisplay predictions": (
            r.TargetByQuantileDisplay.from_predictions,
            {"y_true": world.y, "y_pred": world.models[[own]], "era": world.era,
             "n_quantiles": 5, "target": None, "horizon": 3, **ax}),
        "report.WeightsDisplay": (
            r.WeightsDisplay.from_weights, {"weights": weights, "intervals": None,
                                            **ax}),
        "report.WeightsDisplay estimator": (
            r.WeightsDisplay.from_estimator,
            {"estimator": world.learner.fit(world.frame, world.y)[-1], **ax}),
        "report.WeightsPathDisplay": (
            r.WeightsPathDisplay.from_weights,
            {"weights": pd.DataFrame({"a": [0.4, 0.6], "b": [0.6, 0.4]},
                                     ["0001", "0005"]), **ax}),
        "report.WeightsPathDisplay estimator": (
            r.WeightsPathDisplay.from_estimator,
            {"stacking": world.learner.fit(world.frame, world.y)[-1],
             "cv": model_selection.WalkForwardEraSplit(27, 1), **ax}),
        "report.PerformanceReport": (
            partial(_page, world.home, r.PerformanceReport),
            {"scores": {"corr": scores, "mmc": scores / 2}, **of_page,
             "meta_model": scores[MODELS[1]], "weights": weights, "exposures": both,
             "correlations": world.models.corr(), "analysis": None, "target": None,
             "quantiles": means}),
        "report.PerformanceReport from_live": (
            partial(_page, world.home, r.PerformanceReport.from_live),
            {"scores": world.live_scores, **of_page, "meta_model": None}),
    }  # fmt: skip


def _deploy(world):
    d, live = deploy, world.data.live
    ids = {"live_ids": pd.Series(live.index, name="id"), "allow_ties": False}
    ranked = skbench.EraRank(era=None).fit_transform(live[MODELS[:1]])
    given = ranked.set_axis(["prediction"], axis=1).rename_axis("id").reset_index()
    sent = {"model_name": MODELS[0], "api": world.api, "dry_run": True}
    return {
        "deploy.submission": (d.submission, {"predictions": given, **ids}),
        "deploy.validate_submission": (
            d.validate_submission, {"submission": given, **ids}),
        "deploy.submit": (
            d.submit, {"predictions": given, **sent, **ids, "again": False}),
        "deploy.diagnostics": (
            d.diagnostics,
            {"predictions": world.predictions, **sent, "progress": False}),
        "deploy.find_duplicates": (
            d.find_duplicates,
            {"predictions": world.short[["era", *world.data.models]],
             "threshold": 0.5, "era": "era"}),
        "deploy.export_predict": (
            d.export_predict,
            {"pipeline": world.fitted, "path": world.home / "made.pkl",
             "models": None, "feature_columns": None, "fill": 0.5,
             "runner": "3.12"}),
        "deploy.load_trusted": (
            d.load_trusted, {"path": world.skops_file, "also": ["skbench.EraRank"]}),
        "deploy.upload_model": (
            d.upload_model,
            {"path": world.exported, **sent, "data_version": "v5.2",
             "docker_image": "Python 3.12", "python": None}),
        "deploy.check_predict": (
            d.check_predict,
            {"path": world.exported,
             "live_features": live[["era", *world.data.features]],
             "live_benchmark_models": live[["era", *world.data.models]],
             "runner": None, "python": None, "memory_limit": "2GB",
             "time_limit": 60.0, "progress": False}),
    }  # fmt: skip


def _dask(function, ddf, **options):
    with dask.config.set(scheduler="synchronous"):
        made = function(ddf, **options)
        return made.compute() if hasattr(made, "compute") else made


def _jobs(world):
    f, s, c, home = folders, streaming, distributed, world.home
    target, own = {"target": "target"}, MODELS[0]
    ddf = {"ddf": dd.from_pandas(pd.read_parquet(world.rows), npartitions=1)}
    batches = {"source": world.rows, "batch_rows": 100, "progress": False}
    chosen = {"models": None, "without": None}
    folder = {"path": world.folder, **target, **chosen, "predictions": ()}
    account = {"account": "somebody", "api": world.api}
    return {
        "streaming.transform_parquet": (
            s.transform_parquet,
            {"pipeline": world.fitted, **batches, "target": home / "made.parquet",
             "columns": None, "resume": False}),
        "streaming.fit_parquet": (
            s.fit_parquet, {"pipeline": world.learner, **batches, "y": "target"}),
        "streaming.sort_parquet": (
            s.sort_parquet,
            {**batches, "target": home / "sorted.parquet", "era": "era"}),
        "distributed.partition_by_era": (
            partial(_dask, c.partition_by_era),
            {**ddf, "era": "era", "npartitions": None}),
        "distributed.transform": (
            partial(_dask, c.transform), {**ddf, "pipeline": world.fitted}),
        "distributed.fit": (
            partial(_dask, c.fit), {**ddf, "pipeline": world.learner, "y": "target"}),
        "distributed.score models": (
            partial(_dask, c.score),
            {**ddf, "models": world.data.models, "y": "target", "era": "era",
             "meta_model": "numerai_meta_model", "benchmark": own,
             "features": world.data.features[:2], "payout": {"mmc": 1.0}}),
        "distributed.backtest candidates": (
            partial(_dask, c.backtest),
            {**ddf, "candidates": world.learner, "y": "target",
             "cv": model_selection.WalkForwardEraSplit(8, 2),
             "meta_model": "numerai_meta_model",
             "payout": {"corr": 0.5, "contribution": 2.0}, "horizon": 2,
             "confidence": 0.9}),
        "folders.folder_target": (f.folder_target, {"path": world.folder, **target}),
        "folders.folder_recipes": (
            f.folder_recipes,
            {"path": world.folder, **chosen, "predictions": ()}),
        "folders.score_folder": (
            f.score_folder,
            {**folder, "benchmark": own, "payout": "2026", "recent": 5,
             "progress": False}),
        "folders.diagnose_folder": (
            f.diagnose_folder,
            {"path": world.folder, **target, "predictions": world.predictions,
             "model_name": own,
             "benchmark": own, "api": world.api, "dry_run": True,
             "progress": False}),
        "folders.report_folder": (
            f.report_folder,
            {**folder, "benchmark": own, "features": "small",
             "payout": {"corr": 1.0}, "analysis": None}),
        "folders.report_account": (
            f.report_account, {**account, "against": None, "benchmark": None}),
        "folders.analyze_folder": (f.analyze_folder, {**folder, "model": own}),
        "folders.stake_folder": (
            f.stake_folder,
            {**folder, "rule": RULE, "method": "equal", "total_at_risk": None}),
        "folders.stake_account": (
            f.stake_account,
            {**account, "rule": RULE, "method": "equal", "total_at_risk": None}),
        "folders.ensemble_pipeline": (
            lambda **options: f.ensemble_pipeline(**options).fit(world.frame),
            {"path": world.folder, "weights": {own: 1.0}, "fit": None, "payout": None,
             "recipe": None, "columns": None, "neutralize": "small",
             "proportion": 0.5, "shrinkage": None, **chosen, "predictions": (),
             "nan_policy": "propagate"}),
        "folders.ensemble_folder": (
            f.ensemble_folder,
            {"path": world.folder, "output": home / "ensemble.parquet",
             "predictions": (), "live": home / "live.csv",
             "pipeline": make_pipeline(
                 skbench.WeightedEnsemble(),
                 skbench.FeatureNeutralizer(world.data.features[0]),
                 skbench.EraRank()), **target,
             **chosen, "chunk": 26, "progress": False}),
        "folders.backtest_folder": (
            f.backtest_folder,
            {**folder, "fit": "corr", "shrinkage": 0.5, "payout": None,
             "nan_policy": "omit",
             "neutralize": "small", "proportions": [0.5], "chunk": 5,
             "progress": False}),
        "daily.read_config": (daily.read_config, {"path": world.settings}),
        "daily.run_daily": (
            daily.run_daily,
            {"models": {own: {"weights": {own: 1.0}}}, "output": home / "daily",
             "version": "v5.3", "data_home": home / "data", "dry_run": True,
             "api": world.api, "tell": None}),
        "folders.explore_folder": (
            f.explore_folder,
            {**folder, "models": [MODELS[0]], "neutralize": "small",
             "progress": False}),
        "demo.run_demo": (
            demo.run_demo,
            {"data": None, "output": home / "submission.csv", "folder": None,
             "n_eras": 40,
             "rows_per_era": 50, "n_models": 2, "proportion": 0.5, "random_state": 0,
             **chosen, "nan_policy": "propagate", "progress": False}),
    }  # fmt: skip


class CommandRefusedError(Exception):
    """What a command said before it ended with another status than 0."""


def _command(name, given, **options):
    """Run a command as from a shell."""
    texts = [name, *given]
    for option, value in options.items():
        texts += ["--" + option.replace("_", "-"), value]
    keys = dict(zip(("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"), KEYS, strict=True))
    with CliRunner().isolation() as streams, patch.dict(environ, keys):
        try:
            cli.main([str(text) for text in texts])
        except SystemExit as exit_:
            if exit_.code:
                told = streams[1].getvalue().decode()
                check_advice([str(text) for text in texts], told)
                raise CommandRefusedError(f"{exit_.code}: {told}") from None


def _commands(world):
    home, own, target = world.home, MODELS[0], {"target": "target"}
    page, out = {"report": home / "page.html"}, {"output": home / "out.parquet"}
    folder = {"given": [world.folder]}
    commands = {
        "score": {**folder, **target, "benchmark": own, "payout": "2026",
                  "recent": 5, "models": ",".join(MODELS), "without": MODELS[1]},
        "report": {**folder, "output": home / "page.html", "benchmark": own, **target,
                   "features": "small", "payout": "corr=1"},
        "report account": {"given": [], "output": home / "page.html",
                           "account": "somebody", "against": "somebody"},
        "ensemble": {**folder, **out, "weights": f"{own}=1", "neutralize": "small",
                     "proportion": 0.5, **target, "format": "csv",
                     "missing": "omit", "live": home / "live.csv"},
        "ensemble learned": {**folder, **out, "fit": "payout",
                             "payout": "corr=1,contribution=2"},
        "ensemble recipe": {**folder, **out, "recipe": "v43_lgbm_ct_blend",
                            "columns": f"v43_lgbm_teager20={own},"
                                       f"v43_lgbm_cyrus20={MODELS[1]}"},
        "analyze": {**folder, "model": own, **target, **page},
        "backtest": {**folder, "fit": "mse", "neutralize": "small",
                     "proportion": "0,1", "chunk": 5, **target, **page},
        "explore": {**folder, "output": home / "page.html", "models": own,
                    "neutralize": "small", **target},
        "stake": {**folder, "rule": "round 1343", "method": "equal",
                  "max_share": 0.9, **target},
        "export": {"given": [world.joblib_file], "output": home / "e.pkl",
                   "fill": 0.4, "runner": "3.12"},
        "recipes": {"given": ["v43_lgbm_ct_blend"], "format": "json"},
        "fetch": {"given": ["--data-home", home / "data"], "version": "v5.3",
                  "features": "small"},
        "check": {"given": [world.exported, world.folder], "time_limit": 60,
                  "memory_limit": "2GB"},
        "daily": {"given": [world.settings]},
        "submit": {"given": [world.submission, own]},
        "upload": {"given": [world.exported, own], "data_version": "v5.2",
                   "python": "3.12"},
        "upload image": {"given": [world.exported, own],
                         "docker_image": "Python 3.12"},
        "diagnose": {"given": [world.predictions, own, world.folder], **target,
                     "benchmark": own},
        "demo": {"given": [], "data": world.longer, "output": home / "s.csv",
                 "seed": 1, "proportion": 0.5, **page},
    }  # fmt: skip
    return {
        f"cli {name}": (partial(_command, name.split()[0]), arguments)
        for name, arguments in commands.items()
    }
