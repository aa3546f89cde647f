"""Every public name of the package, with arguments that it works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import joblib
import pandas as pd
import skops.io
from click.testing import CliRunner
from matplotlib.figure import Figure
from numerai_server import KEYS, NumeraiServer, make_scores
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from tournament_files import write_tournament

import skbench
from skbench import (
    analysis,
    cli,
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
FEW = {"horizon": 3, "confidence": 0.9}
MODELS = ["v53_lgbm_cyrus20", "v53_lgbm_ender20"]
# Ends of intervals, which fewer eras than two horizons do not have.
ENDS = ("low", "high", *(f"{name}_{end}" for end in ("low", "high") for name in (
    "difference", "derivative", "derivative_joint", "correlation", "implied_weight",
    "corr", "contribution", "mmc")))  # fmt: skip
# The same of synergy.
ODDS = ("tilt_low", "tilt_high", "tilt_joint_low", "tilt_joint_high")


@dataclass
class Call:
    """A public function, how often it is tried, and what it may not give.

    ``missing`` are columns of the result that may be NaN by its documentation though no
    argument is, and arguments whose change may lead to that.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    weight: int = 8
    missing: tuple[str, ...] = ()
    # Arguments that stay as they are, such as the server.
    fixed: tuple[str, ...] = ()
    # Other words by which a message may call an argument.
    aliases: dict[str, str] = field(default_factory=dict)


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

    @cached_property
    def folder(self):
        return write_tournament(self.home / "v5.3", self.data)

    @cached_property
    def server(self):
        server = NumeraiServer({"v5.3": self.folder})
        server.accounts["fuzz"] = MODELS
        rounds = range(1200, 1230)
        names = ("corr", "mmc")
        made = make_scores(rounds, [20], names=names)
        for i, score in enumerate(made):
            score["value"] = 0.001 * ((i * 37) % 17 - 7)
        server.scores = {server.model_id(m): made for m in MODELS}
        return server.__enter__()

    def close(self):
        if "server" in vars(self):
            self.server.__exit__()

    @cached_property
    def api(self):
        return self.server.api(*KEYS)

    @cached_property
    def live_scores(self):
        return datasets.load_scores("fuzz", self.api)

    @cached_property
    def pipeline(self):
        blend = skbench.WeightedEnsemble(dict.fromkeys(self.data.models[:2], 0.5))
        steps = skbench.EraRankGauss(), blend, skbench.EraRank()
        return make_pipeline(*steps).fit(self.frame)

    @cached_property
    def stacked(self):
        stacking = skbench.StackingWeights(horizon=2)
        return make_pipeline(skbench.EraRankGauss(), stacking).fit(self.frame, self.y)

    @cached_property
    def exported(self):
        return deploy.export_predict(self.pipeline, self.home / "predict.pkl")

    @cached_property
    def saved(self):
        joblib.dump(self.pipeline, self.home / "pipeline.joblib")
        return self.home / "pipeline.joblib"

    @cached_property
    def written(self):
        skops.io.dump(self.pipeline, self.home / "pipeline.skops")
        return self.home / "pipeline.skops"

    @cached_property
    def ax(self):
        return Figure().add_subplot()


def _estimator(kind, X, y, **params):
    made = kind(**params)
    made.fit(X, y)
    return made.transform(X), made.predict(X), made.score(X, y), repr(made)


def _rest_of_estimator(kind, X, y, output, names):
    made = kind().fit(X, y).set_output(transform=output)
    return made.transform(X), made.get_feature_names_out(names)


def _stacking_in_parts(first, second, y, z, **changed):
    left = skbench.StackingWeights().partial_fit(first, y)
    right = skbench.StackingWeights().partial_fit(second, z)
    return left.merge(right).refit(**changed).weights_


def _split(X, y, groups, **params):
    cv = model_selection.WalkForwardEraSplit(**params)
    return list(cv.split(X, y, groups)), cv.get_n_splits(X, y, groups)


def _windows(eras, **params):
    return model_selection.WalkForwardEraSplit(**params).windows(eras)


def _walk(X, y, groups, cv, progress):
    estimator = skbench.WeightedEnsemble(dict.fromkeys(MODELS, 0.5))
    made = model_selection.walk_forward_predict(
        estimator, X, y, cv, groups=groups, progress=progress
    )
    return made[len(made) // 2 :]


def _era_scorer(X, y, metric, columns, **options):
    scorer = metrics.era_scorer(metric, columns=columns, **options)
    return scorer(skbench.WeightedEnsemble().fit(X), X, y)


def _contribution_scorer(X, y, **options):
    return metrics.contribution_scorer(**options)(
        skbench.WeightedEnsemble().fit(X), X, y
    )


def _scorers(X, y):
    fitted = skbench.WeightedEnsemble().fit(X)
    return metrics.numerai_corr_scorer(fitted, X, y), metrics.sharpe_scorer(
        fitted, X, y
    )


def _pipeline_of(name, columns, feature_sets, exact, era):
    return recipes.recipe(name).pipeline(columns, feature_sets, exact, era=era)


def _estimator_of(name, features, n_estimators):
    return recipes.recipe(name).estimator(features, n_estimators=n_estimators)


def _cv_of(name, era):
    return recipes.recipe(name).cv(era=era)


def _regressor(X, y, features):
    made = recipes.FeatureRegressor(LinearRegression(), features)
    return made.fit(X, y).predict(X)


def _rule(scores, total_at_risk, names, **params):
    rule = staking.PayoutRule(**params)
    paid = rule.payout(scores, total_at_risk=total_at_risk)
    return paid, rule.payout_factor(total_at_risk), rule.renamed(names)


def _stakes(scores, total):
    return staking.allocate(scores, RULE, method="equal").stakes(total)


def _distributed(world, function, frame, **options):
    ddf = _to_dask(frame)
    with dask.config.set(scheduler="synchronous"):
        made = function(ddf, **options)
        return made.compute() if hasattr(made, "compute") else made


def _to_dask(frame):
    if not isinstance(frame, pd.DataFrame):
        return frame
    return dd.from_pandas(frame, npartitions=1)


def _partition(frame, era, npartitions):
    made = distributed.partition_by_era(_to_dask(frame), era, npartitions)
    return made.compute(scheduler="synchronous")


def _page(home, scores, **options):
    made = report.PerformanceReport(scores, **options)
    made.write_html(home / "page.html")
    return repr(made)


def _synergy_display(models, y, era, ax):
    return report.SynergyDisplay.from_synergy(
        analysis.synergy(models, y, era=era), ax=ax
    )


def _source(world, frame):
    """Write rows that may be spoiled, where they can be written at all."""
    path = world.home / "source.parquet"
    if isinstance(frame, pd.DataFrame):
        try:
            frame.to_parquet(path)
        except Exception:
            return frame
        return path
    return frame


def _transform_parquet(world, frame, pipeline, **options):
    target = world.home / "target.parquet"
    source = _source(world, frame)
    streaming.transform_parquet(pipeline, source, target, **options)
    return pd.read_parquet(target)[["prediction"]]


def _fit_parquet(world, frame, pipeline, **options):
    return streaming.fit_parquet(pipeline, _source(world, frame), **options)[
        -1
    ].weights_


def _sort_parquet(world, frame, **options):
    streaming.sort_parquet(
        _source(world, frame), world.home / "sorted.parquet", **options
    )
    return pd.read_parquet(world.home / "sorted.parquet")


def _files(world, validation, benchmark_models, models, targets, eras, split):
    """Load a folder of which two files are spoiled."""
    folder = world.home / "spoiled"
    folder.mkdir(exist_ok=True)
    for name, frame in {
        "validation.parquet": validation,
        "validation_benchmark_models.parquet": benchmark_models,
    }.items():
        (folder / name).unlink(missing_ok=True)
        if isinstance(frame, pd.DataFrame):
            try:
                frame.to_parquet(folder / name)
            except Exception:
                (folder / name).write_bytes(b"PAR1 and nothing else")
        else:
            (folder / name).write_text(repr(frame), errors="replace")
    return datasets.load_benchmark_models(
        folder, split, models=models, targets=targets, eras=eras, meta_model=False,
        live=False,
    ).frame  # fmt: skip


def _command(name, **arguments):
    """Run a command as from a shell: exit status 2 for what the user can mend."""
    given = [[v] if k.startswith("argument") else [_flag(k), v]
             for k, v in arguments.items()]  # fmt: skip
    texts = [name, *(str(part) for parts in given for part in parts)]
    with CliRunner().isolation() as streams:
        try:
            cli.main(texts)
            status = 0
        except SystemExit as exit_:
            status = exit_.code
        told = streams[1].getvalue().decode(errors="replace")
    if status not in (0, None):
        raise CommandRefusedError(f"{status}: {told}")


def _flag(name):
    return "--" + name.replace("_", "-")


class CommandRefusedError(Exception):
    """What a command said before it ended with another status than 0."""


def _command_calls(world):
    folder, page = world.folder, world.home / "page.html"
    out = world.home / "out.parquet"
    target = "target"
    commands = {
        "score": ([folder], {"target": target, "benchmark": MODELS[0], "recent": 5}),
        "report": ([folder], {"output": page, "benchmark": MODELS[0], "target": target,
                              "features": "small"}),
        "report account": ([], {"output": page, "account": "fuzz", "against": "fuzz"}),
        "ensemble": ([folder], {"output": out, "weights": f"{MODELS[0]}=1",
                                "neutralize": "small", "proportion": 0.5,
                                "target": target, "format": "csv"}),
        "ensemble learned": ([folder], {"output": out, "fit": "payout",
                                        "payout": "corr=1,contribution=2"}),
        "ensemble recipe": ([folder], {"output": out, "recipe": "v43_lgbm_ct_blend",
                                       "columns": f"v43_lgbm_teager20={MODELS[0]},"
                                                  f"v43_lgbm_cyrus20={MODELS[1]}"}),
        "analyze": ([folder], {"model": MODELS[0], "target": target, "report": page}),
        "stake": ([folder], {"rule": "round 1343", "method": "equal", "max_share": 0.9,
                             "target": target}),
        "export": ([world.saved], {"output": world.home / "e.pkl", "fill": 0.4}),
        "recipes": (["v43_lgbm_ct_blend"], {"format": "json"}),
        "fetch": ([], {"version": "v5.3", "features": "small",
                       "data_home": world.home / "fetched"}),
        "check": ([world.exported, folder], {"time_limit": 60, "memory_limit": "2GB"}),
        "demo": ([], {"data": folder, "output": world.home / "s.csv", "seed": 1,
                      "proportion": 0.5, "report": page}),
    }  # fmt: skip
    slow = {"check": 1, "demo": 1, "analyze": 2, "report": 2, "fetch": 2}
    for name, (positional, options) in commands.items():
        given = {f"argument {i}": value for i, value in enumerate(positional)}
        run = partial(_command, name.split()[0])
        yield f"cli {name}", Call(run, {**given, **options}, slow.get(name, 3))


def calls(world):
    """Return the calls by name; ``module.name`` where that is a public name."""
    return {**_core(world), **_metrics(world), **_data(world), **_analysis(world),
            **_staking(world), **_reports(world), **_deploy(world),
            **_whole_jobs(world), **dict(_command_calls(world))}  # fmt: skip


def _core(world):
    X, y = world.short, world.short_y
    early = X["era"] <= "0006"
    era = {"era": "era", "single_era_rows": (1800, 10000)}
    both = {"X": X, "y": y}
    halves = {"first": X[early], "second": X[~early]}
    halves |= {"y": y[early], "z": y[~early]}
    rank = {"columns": None, "ties": "average", **era, "n_jobs": None}
    neutralizer = {
        "neutralizers": None, "columns": None, "proportion": 1.0,
        "fit_intercept": True, "standardize": True, "missing": "median", "rcond": 1e-6,
        **era, "n_jobs": None,
    }  # fmt: skip
    stacking = {
        "objective": "corr", "columns": None, "output": "prediction",
        "payout": {"corr": 1.0, "contribution": 2.0}, "nonnegative": True,
        "max_weight": 1.0, "prior": None, "shrinkage": 0.0, "search": "slsqp",
        "max_iter": 10, "halflife": None, "horizon": 2, "confidence": 0.95,
        "random_state": 0, "nan_policy": "propagate",
        "meta_model": "numerai_meta_model", **era,
    }  # fmt: skip
    blend = {"weights": None, "columns": None, "output": "prediction",
             "nan_policy": "propagate", **era}  # fmt: skip
    path = {k: v for k, v in neutralizer.items() if k != "proportion"}
    rest = {"output": "default", "names": None}
    sizes = {"chunk_size": 2, "purge": 1, "first_era": 1, "max_train_eras": None}
    return {
        "EraRank": Call(partial(_estimator, skbench.EraRank), {**both, **rank}),
        "EraRankGauss": Call(
            partial(_estimator, skbench.EraRankGauss), {**both, **rank, "scale": True}
        ),
        "WeightedEnsemble": Call(
            partial(_estimator, skbench.WeightedEnsemble), {**both, **blend}
        ),
        "WeightedEnsemble weights": Call(
            partial(_estimator, skbench.WeightedEnsemble),
            {**both, **blend, "weights": dict.fromkeys(MODELS, 0.5)},
        ),
        "FeatureNeutralizer": Call(
            partial(_estimator, skbench.FeatureNeutralizer),
            {**both, **neutralizer, "keep_neutralizers": False},
        ),
        "StackingWeights": Call(
            partial(_estimator, skbench.StackingWeights), {**both, **stacking}
        ),
        "StackingWeights greedy": Call(
            partial(_estimator, skbench.StackingWeights),
            {**both, **stacking, "search": "greedy", "objective": "sharpe"},
        ),
        "StackingWeights payout": Call(
            partial(_estimator, skbench.StackingWeights),
            {**both, **stacking, "objective": "payout", "halflife": 3.0},
        ),
        "StackingWeights mse": Call(
            partial(_estimator, skbench.StackingWeights),
            {**both, **stacking, "objective": "mse", "nan_policy": "omit"},
        ),
        "StackingWeights signed": Call(
            partial(_estimator, skbench.StackingWeights),
            {**both, **stacking, "nonnegative": False, "shrinkage": "auto"},
        ),
        "StackingWeights bayes": Call(
            partial(_estimator, skbench.StackingWeights),
            {**both, **stacking, "objective": "contribution", "shrinkage": "bayes"},
        ),
        "StackingWeights parts": Call(
            _stacking_in_parts, {**halves, "objective": "sharpe", "shrinkage": 0.5},
            aliases={"z": "y", "first": "X", "second": "X"},
        ),
        "neutralization_path": Call(
            skbench.neutralization_path, {"X": X, "proportions": [0.0, 0.5], **path}
        ),
        "rank_gauss": Call(
            skbench.rank_gauss,
            {"values": X[MODELS[0]], "ties": "average", "scale": True},
        ),
        "set_output": Call(
            partial(_rest_of_estimator, skbench.EraRank), {**both, **rest},
            aliases={"output": "transform", "names": "input_features"},
        ),
        "model_selection.WalkForwardEraSplit": Call(
            _split, {**both, "groups": None, **sizes, "era": "era"}
        ),
        "model_selection.WalkForwardEraSplit groups": Call(
            _split, {"X": None, "y": None, "groups": X["era"], **sizes}
        ),
        "model_selection.WalkForwardEraSplit windows": Call(
            _windows, {"eras": X["era"], **sizes}
        ),
        "model_selection.walk_forward_predict": Call(
            _walk,
            {**both, "groups": None, "progress": False,
             "cv": model_selection.WalkForwardEraSplit(2, 0)},
            aliases={"cv": "no window has eras"},
        ),
        "model_selection.weight_grid": Call(
            model_selection.weight_grid,
            {"names": ["a", "b", "c"], "step": 0.25, "max_weight": 1.0},
        ),
    }  # fmt: skip


def _metrics(world):
    rows = {"y_pred": world.models, "era": world.era}
    y, meta, features = world.y, world.meta, world.features
    scored = {"X": world.short.fillna(0.5), "y": world.short_y}
    top = {"top_bottom": None}
    # The targets of few rows may all be equal.
    constant = ("top_bottom",)
    m = metrics
    scorer = {"era": "era", "reduce": "mean"}
    row = {"aliases": {"X": "y_true|y_pred|era|feature", "y": "y_true|era"}}
    return {
        "metrics.numerai_corr": Call(
            m.numerai_corr, {"y_true": y, **rows, **top}, missing=constant
        ),
        "metrics.correlation_contribution": Call(
            m.correlation_contribution, {"y_true": y, **rows, "meta_model": meta, **top}
        ),
        "metrics.neutral_contribution": Call(
            m.neutral_contribution,
            {"y_true": y, **rows, "meta_model": meta, "neutralizers": features, **top},
        ),
        "metrics.feature_neutral_corr": Call(
            m.feature_neutral_corr, {"y_true": y, **rows, "features": features, **top},
            missing=constant,
        ),
        "metrics.correlation_with": Call(
            m.correlation_with, {**rows, "reference": meta}
        ),
        "metrics.feature_exposure": Call(
            m.feature_exposure, {**rows, "features": features}
        ),
        "metrics.max_feature_exposure": Call(
            m.max_feature_exposure, {**rows, "features": features, **top}
        ),
        "metrics.score_models": Call(
            m.score_models,
            {"y_true": y, **rows, "meta_model": meta, "benchmark": MODELS[0],
             "features": features},
        ),
        "metrics.summarize": Call(
            m.summarize,
            {"scores": world.scores, "benchmark": MODELS[0], "target": None, **FEW},
            missing=("sharpe", *ENDS),
        ),
        "metrics.leaderboard": Call(
            m.leaderboard,
            {"scores": {"corr": world.scores, "mmc": world.scores / 2}, "recent": 10,
             "target": None, **FEW},
            missing=("corr_sharpe", "mmc_sharpe", *ENDS),
        ),
        "metrics.era_scorer": Call(
            _era_scorer,
            {**scored, "metric": m.max_feature_exposure,
             "columns": {"features": world.data.features[:2]}, **scorer,
             "greater_is_better": False},
            aliases={**row["aliases"], "metric": "unexpected keyword argument"},
        ),
        "metrics.contribution_scorer": Call(
            _contribution_scorer, {**scored, **scorer, "column": "numerai_meta_model"},
            **row,
        ),
        "metrics.numerai_corr_scorer": Call(_scorers, scored, **row),
        "metrics.sharpe_scorer": Call(_scorers, scored, **row),
    }  # fmt: skip


def _data(world):
    d, r = datasets, recipes
    cols = ["era", "data_type", *world.data.features, *world.data.targets]
    features, y = world.data.features, world.short_y
    name = {"name": "v43_lgbm_ct_blend"}
    some = {"features": features[:3]}
    return {
        "datasets.make_benchmark_models": Call(
            d.make_benchmark_models,
            {"n_eras": 6, "rows_per_era": 12, "n_models": 2, "n_features": 3,
             "targets": ("target_cyrus_20",), "mean_corr": 0.02, "era_std": 0.016,
             "skill_std": None, "first_era": 1, "unscored": False, "meta_model_eras": 6,
             "dtype": "float64", "random_state": 0},
            missing=("meta_model_eras",),
        ),
        "datasets.load_benchmark_models": Call(
            d.load_benchmark_models,
            {"path": world.folder, "split": "validation", "models": None,
             "features": "small", "targets": ("target",), "eras": None,
             "meta_model": True, "live": True},
            missing=("target",),
        ),
        "datasets.load_benchmark_models files": Call(
            partial(_files, world),
            {"validation": world.frame[cols], "split": "validation", "models": None,
             "benchmark_models": world.frame[["era", *world.data.models]],
             "targets": ("target",), "eras": None},
            missing=("target",),
            aliases={"validation": r"validation\.parquet|era|id",
                     "benchmark_models": "benchmark_models|era|id"},
        ),
        "datasets.fetch_benchmark_models": Call(
            d.fetch_benchmark_models,
            {"version": "v5.3", "splits": ("validation",), "meta_model": True,
             "targets": True, "features": None, "data_home": world.home / "data",
             "progress": False, "api": world.api},
            2, fixed=("api",), missing=("numerai_meta_model", "target"),
        ),
        "datasets.load_scores": Call(
            d.load_scores,
            {"account_or_model": "fuzz", "resolved": True, "last_n_rounds": None,
             "api": world.api},
            3, fixed=("api",), aliases={"account_or_model": "account"},
        ),
        "recipes.recipe": Call(r.recipe, name),
        "recipes.list_recipes": Call(r.list_recipes, {}, 1),
        "recipes.describe_recipes": Call(r.describe_recipes, {}, 1),
        "recipes.Recipe": Call(
            _pipeline_of,
            {**name, "columns": None, "feature_sets": None, "exact": False,
             "era": "era"},
        ),
        "recipes.Recipe estimator": Call(
            _estimator_of, {"name": "V53_LGBM_ENDER20", **some, "n_estimators": 3}
        ),
        "recipes.Recipe cv": Call(_cv_of, {"name": "v5_lgbm_cyrusd20", "era": "era"}),
        "recipes.FeatureRegressor": Call(
            _regressor, {"X": world.short, "y": y, **some}
        ),
        "recipes.riskiest_features": Call(
            r.riskiest_features,
            {"X": world.short, "y": y, "n": 2, "features": features, "era": "era"},
            aliases={"X": "with a correlation", "y": "with a correlation"},
        ),
    }  # fmt: skip


def _analysis(world):
    a = analysis
    rows = {"models": world.models, "y": world.y, "era": world.era}
    own, others = MODELS[0], world.data.models[1:]
    groups = {name: name[-2:] for name in world.data.models}
    return {
        "analysis.analyze": Call(
            a.analyze,
            {"data": world.data, "model": None, "target": "target", "groups": groups,
             **FEW},
            3, fixed=("data",), missing=("groups", *ENDS, *ODDS),
        ),
        "analysis.compare": Call(
            a.compare,
            {"model": world.models[own], "benchmarks": world.models[others],
             "y": world.y, "era": world.era, "recent": 10, "window": 5, **FEW},
            missing=("share_won", *ENDS),
        ),
        "analysis.implied_weights": Call(
            a.implied_weights,
            {"meta_model": world.meta, "models": world.models, "era": world.era,
             "window": None},
        ),
        "analysis.marginal_contribution": Call(
            a.marginal_contribution,
            {"portfolio": world.models[own], **rows, "models": world.models[others],
             **FEW},
            missing=ENDS,
        ),
        "analysis.synergy": Call(
            a.synergy, {**rows, "objective": "corr", "groups": groups, **FEW},
            missing=("groups", *ODDS),
        ),
        "analysis.underweight": Call(
            a.underweight, {"meta_model": world.meta, **rows, **FEW}, missing=ENDS
        ),
    }  # fmt: skip


def _staking(world):
    s = staking
    scores = {"corr": world.scores, "mmc": world.scores / 2}
    flat = {"corr": 0.02, "mmc": 0.01}
    rule = {
        "name": "half", "multipliers": {"corr": 1.0, "mmc": 2.0}, "clip": 0.5,
        "factor": 1.0, "threshold": 72000.0, "concurrent_rounds": 2, "first": "2026",
        "last": None, "status": "confirmed", "source": "",
    }  # fmt: skip
    options = {
        "total_at_risk": None, "method": "mean_cvar", "max_share": 1.0,
        "risk_aversion": 1.0, "tail": 0.1,
        "prior_rounds": None, **FEW,
    }  # fmt: skip
    simulation = {"stakes": {MODELS[0]: 10.0, MODELS[1]: 5.0}, "duration": 4,
                  "compound": True, "total_at_risk": None}  # fmt: skip
    return {
        "staking.PayoutRule": Call(
            _rule,
            {**rule, "scores": flat, "total_at_risk": None, "names": {"corr": "canon"}},
            missing=("scores",),  # where a score is missing, so is its payout
        ),
        "staking.PayoutRule frames": Call(
            _rule, {**rule, "scores": scores, "total_at_risk": 1e5, "names": {}}
        ),
        "staking.PayoutRule from_api": Call(
            s.PayoutRule.from_api, {"api": world.api, "concurrent_rounds": 64}, 2,
            fixed=("api",),
        ),
        "staking.allocate": Call(
            s.allocate, {"scores": scores, "rule": RULE, **options},
            missing=("low", "high"),
        ),
        "staking.allocate live": Call(
            s.allocate, {"scores": world.live_scores, "rule": RULE, **options},
            missing=("low", "high"),
        ),
        "staking.Allocation": Call(_stakes, {"scores": scores, "total": 10.0}),
        "staking.simulate": Call(
            s.simulate, {"scores": scores, "rule": RULE, **simulation},
            missing=("return",),
        ),
        "staking.simulate live": Call(
            s.simulate,
            {"scores": world.live_scores, "rule": RULE, **simulation},
            missing=("return",),
        ),
    }  # fmt: skip


def _reports(world):
    r, scores, own = report, world.scores, MODELS[0]
    rows = {"before": world.models[own], "after": world.models[MODELS[1]]}
    exposures = metrics.feature_exposure(rows["before"], world.features, era=world.era)
    weights = analysis.implied_weights(world.meta, world.models, era=world.era)
    path = {"proportions": [0.0, 0.5, 1.0], "columns": [own]}
    ax = {"ax": world.ax}
    shown = {"score_name": "corr", **ax}
    path_scores = scores.set_axis([0.0, 0.5, 1.0], axis=1)
    seed = {"horizon": 3}
    return {
        "report.CumulativeScoreDisplay": Call(
            r.CumulativeScoreDisplay.from_scores,
            {"scores": scores, "benchmark": own, "name": None, **shown}, 4,
        ),
        "report.EraScoreDisplay": Call(
            r.EraScoreDisplay.from_scores,
            {"scores": scores, "model": own, "window": 5, "target": None, **shown,
             **seed}, 4,
        ),
        "report.FeatureExposureDisplay": Call(
            r.FeatureExposureDisplay.from_exposures,
            {"before": exposures, "after": exposures / 2, "n_features": 3, **ax}, 4,
        ),
        "report.FeatureExposureDisplay predictions": Call(
            r.FeatureExposureDisplay.from_predictions,
            {**rows, "features": world.features, "era": world.era, "n_features": 3,
             **ax}, 4,
        ),
        "report.ImpliedWeightsDisplay": Call(
            r.ImpliedWeightsDisplay.from_weights,
            {"weights": weights, "n_models": 2, **ax}, 4,
        ),
        "report.NeutralizationPathDisplay": Call(
            r.NeutralizationPathDisplay.from_scores,
            {"scores": path_scores, "target": None, **seed, **shown}, 4,
        ),
        "report.NeutralizationPathDisplay predictions": Call(
            r.NeutralizationPathDisplay.from_predictions,
            {"X": world.short, "y": world.short_y, **path, **seed, **ax}, 4,
        ),
        "report.SynergyDisplay": Call(
            _synergy_display,
            {"models": world.models, "y": world.y, "era": world.era, **ax}, 2,
        ),
        "report.WeightsDisplay": Call(
            r.WeightsDisplay.from_weights,
            {"weights": {"a": 0.2, "b": 0.8}, "intervals": None, **ax}, 4,
        ),
        "report.WeightsDisplay estimator": Call(
            r.WeightsDisplay.from_estimator, {"estimator": world.stacked[-1], **ax}, 2
        ),
        "report.PerformanceReport": Call(
            partial(_page, world.home),
            {"scores": {"corr": scores, "mmc": scores / 2}, "benchmark": own,
             "meta_model": scores[MODELS[1]], "weights": {"a": 0.2, "b": 0.8},
             "exposures": {"before": exposures, "after": exposures / 2},
             "correlations": world.models.corr(), "target": None, "horizon": 3,
             "title": "Scores"},
            aliases={"weights": "weight"},
        ),
        "report.PerformanceReport from_live": Call(
            r.PerformanceReport.from_live,
            {"scores": world.live_scores, "benchmark": own, "meta_model": None,
             "horizon": 3, "title": "Live"},
        ),
    }  # fmt: skip


def _deploy(world):
    d, home = deploy, world.home
    live = world.data.live
    ids = pd.Series(live.index, name="id")
    ranked = skbench.EraRank(era=None).fit_transform(live[MODELS[:1]])
    given = ranked.set_axis(["prediction"], axis=1).rename_axis("id").reset_index()
    ties = {"allow_ties": False}
    features = live[["era", *world.data.features]]
    benchmarks = live[["era", *world.data.models]]
    return {
        "deploy.submission": Call(
            d.submission, {"predictions": given, "live_ids": ids, **ties},
            aliases={"live_ids": "live ids"},
        ),
        "deploy.validate_submission": Call(
            d.validate_submission, {"submission": given, "live_ids": ids, **ties},
            aliases={"live_ids": "live ids"},
        ),
        "deploy.submit": Call(
            d.submit,
            {"predictions": given, "model_name": MODELS[0], "live_ids": ids,
             "api": world.api, "dry_run": True, **ties},
            3, fixed=("api", "dry_run"), aliases={"live_ids": "live ids"},
        ),
        "deploy.find_duplicates": Call(
            d.find_duplicates,
            {"predictions": world.short[["era", *world.data.models]],
             "threshold": 0.5, "era": "era"},
        ),
        "deploy.export_predict": Call(
            d.export_predict,
            {"pipeline": world.pipeline, "path": home / "made.pkl", "models": None,
             "feature_columns": None, "fill": 0.5},
        ),
        "deploy.load_trusted": Call(
            d.load_trusted, {"path": world.written, "also": ["skbench.EraRank"]}
        ),
        "deploy.upload_model": Call(
            d.upload_model,
            {"path": world.exported, "model_name": MODELS[0], "api": world.api,
             "dry_run": True, "data_version": "v5.2", "docker_image": "Python 3.12",
             "python": None},
            2, fixed=("api", "dry_run"),
        ),
        "deploy.check_predict": Call(
            d.check_predict,
            {"path": world.exported, "live_features": features,
             "live_benchmark_models": benchmarks, "python": None,
             "memory_limit": "2GB", "time_limit": 60.0}, 1,
        ),
    }  # fmt: skip


def _whole_jobs(world):
    f, home, frame = folders, world.home, world.frame
    target, own = {"target": "target"}, MODELS[0]
    whole = frame.assign(target=world.y)
    stacking = make_pipeline(skbench.EraRankGauss(), skbench.StackingWeights())
    batches = {"batch_rows": 100, "progress": False}
    file = {"frame": r"\.parquet|source|row|era|column|X|y"}
    return {
        "streaming.transform_parquet": Call(
            partial(_transform_parquet, world),
            {"frame": whole, "pipeline": world.pipeline, "columns": None, **batches,
             "resume": False}, 4, aliases=file,
        ),
        "streaming.fit_parquet": Call(
            partial(_fit_parquet, world),
            {"frame": whole, "pipeline": stacking, "y": "target", **batches}, 4,
            aliases=file,
        ),
        "streaming.sort_parquet": Call(
            partial(_sort_parquet, world), {"frame": whole, "era": "era", **batches}, 4,
            missing=("target", "numerai_meta_model"), aliases=file,
        ),
        "distributed.partition_by_era": Call(
            _partition, {"frame": whole, "era": "era", "npartitions": None}, 2,
            aliases=file,
        ),
        "distributed.transform": Call(
            partial(_distributed, world, distributed.transform),
            {"frame": whole, "pipeline": world.pipeline}, 2, aliases=file,
        ),
        "distributed.fit": Call(
            partial(_distributed, world, distributed.fit),
            {"frame": whole, "pipeline": stacking, "y": "target"}, 2, aliases=file,
        ),
        "folders.folder_target": Call(
            f.folder_target, {"path": world.folder, **target}, 1
        ),
        "folders.score_folder": Call(
            f.score_folder,
            {"path": world.folder, **target, "models": None, "benchmark": own,
             "predictions": (), "recent": 5}, 3,
        ),
        "folders.report_folder": Call(
            f.report_folder,
            {"path": world.folder, **target, "models": None, "benchmark": own,
             "predictions": (), "features": "small", "analysis": None,
             }, 3,
        ),
        "folders.report_account": Call(
            f.report_account,
            {"account": "fuzz", "against": None, "benchmark": None, "api": world.api},
            2, fixed=("api",),
        ),
        "folders.analyze_folder": Call(
            f.analyze_folder,
            {"path": world.folder, "model": own, **target, "predictions": (),
             }, 2,
        ),
        "folders.stake_folder": Call(
            f.stake_folder,
            {"path": world.folder, "rule": RULE, **target, "models": None,
             "predictions": (), "method": "equal"}, 3,
        ),
        "folders.stake_account": Call(
            f.stake_account,
            {"account": "fuzz", "rule": RULE, "api": world.api, "method": "equal"}, 2,
            fixed=("api",),
        ),
        "folders.ensemble_pipeline": Call(
            f.ensemble_pipeline,
            {"path": world.folder, "weights": {own: 1.0}, "fit": None, "payout": None,
             "shrinkage": None, "recipe": None, "columns": None, "neutralize": "small",
             "proportion": 0.5},
        ),
        "folders.ensemble_folder": Call(
            f.ensemble_folder,
            {"path": world.folder, "output": home / "ensemble.parquet",
             "pipeline": world.pipeline, **target}, 2,
        ),
        "demo.run_demo": Call(
            demo.run_demo,
            {"data": world.folder, "output": home / "submission.csv", "n_eras": 30,
             "rows_per_era": 50, "n_models": 2, "proportion": 0.5, "random_state": 0,
             "progress": False}, 1,
        ),
    }  # fmt: skip
