"""`backtest` against a slow loop that fits pipelines on rows, window by window."""

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from helpers import assert_close, each_kind, five_steps, to_kind
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from strategies import law

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.datasets import make_benchmark_models
from skbench.metrics import (
    correlation_contribution,
    max_feature_exposure,
    numerai_corr,
    summarize,
)
from skbench.model_selection import WalkForwardEraSplit, backtest
from skbench.report import BacktestReport
from skbench.solvers import intervals

pytestmark = pytest.mark.filterwarnings(
    "ignore:.* windows have fewer than two horizons"
)

HORIZON = 5  # of a target over 20 days
CV = WalkForwardEraSplit(9, HORIZON)


def blend_of(ensemble):
    return make_pipeline(EraRankGauss(), ensemble, EraRankGauss())


@cache
def tournament():
    """Return 45 eras of interleaved rows: nobody is to change them."""
    data = make_benchmark_models(45, 40, 3, 6, meta_model_eras=40, random_state=0)
    data.frame = data.frame.sample(frac=1, random_state=1)
    return data


def rows(dtype=np.float64, gaps=0.0):
    """Return a copy of the rows, with gaps in the second model."""
    data = tournament()
    frame = data.frame.astype(dict.fromkeys(data.models, dtype))
    if gaps:
        frame.loc[frame.sample(frac=gaps, random_state=2).index, data.models[1]] = (
            np.nan
        )
    return frame


def slowly(pipeline, X, y, cv=CV):
    """Fit a pipeline on the rows before each window that has eras enough."""
    predicted = pd.Series(np.nan, X.index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gaps, and of windows without targets
        for train, test in cv.split(X):
            known = X.iloc[train]
            if known["era"][y.iloc[train].notna()].nunique() >= 2 * HORIZON:
                fitted = clone(pipeline).fit(known, y.iloc[train])
                predicted.iloc[test] = fitted.predict(X.iloc[test])
    return predicted


def assert_as_slowly(found, candidates, X, y, cv=CV):
    for name, pipeline in candidates.items():
        expected = slowly(pipeline, X, y, cv)
        assert expected.notna().any()
        assert found.predictions[name].isna().equals(expected.isna()), name
        assert_close(found.predictions[name], expected, 1e-10)


def in_numbers(labels):
    return [int(label) for label in labels]


class EraSpread(TransformerMixin, BaseEstimator):
    """A step of a user's own, which tells what it does to an era."""

    def __init__(self, exponent=1.5, other=None, era="era"):
        self.exponent = exponent
        self.other = other
        self.era = era

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        out = X.copy()
        (names,) = self._reads()
        for places in X.groupby(self.era).indices.values():
            column = spread(X.iloc[places][names].to_numpy().T, self.exponent)[0]
            column = column.astype(X["prediction"].dtype)
            out.iloc[places, X.columns.get_loc("prediction")] = column
        return out

    def _reads(self):
        return [["prediction", *([] if self.other is None else [self.other])]]

    def era_plan(self):
        return {
            "kind": "own",
            "function": spread,
            "options": {"exponent": self.exponent},
            "reads": self._reads(),
            "makes": {"prediction": ["prediction"]},
            "drops": [],
            "era": self.era,
            "single_era_rows": (1800, 10000),
        }


def spread(block, exponent):
    """Take a power of the first column, and add a tenth of the others."""
    centred = block[:1] - block[:1].mean()
    return np.sign(centred) * np.abs(centred) ** exponent + 0.1 * block[1:].sum(0)


class TestAsASlowLoop:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize(
        ("nan_policy", "gaps"), [("propagate", 0.0), ("propagate", 0.05), ("omit", 0.3)]
    )
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_objectives_shrinkages_and_proportions(self, dtype, nan_policy, gaps):
        X = rows(dtype, gaps)
        candidates = {
            f"{objective}, {shrinkage}, {proportion}": five_steps(
                StackingWeights(
                    objective,
                    shrinkage=shrinkage,
                    nan_policy=nan_policy,
                    payout={"corr": 1.0, "contribution": 2.0},
                ),
                proportion=proportion,
            )
            for objective, shrinkage in [
                ("corr", 0.0), ("corr", "bayes"), ("corr", "auto"), ("sharpe", 0.5),
                ("mse", 0.0), ("contribution", 0.0), ("payout", "bayes"),
            ]
            for proportion in ((0.0, 0.5, 1.0) if objective == "corr" else (0.5,))
        }  # fmt: skip
        few = {"contribution, 0.0, 0.5", "payout, bayes, 0.5"}
        found = backtest(candidates, X, X["target"], CV)
        slow = {
            name: one
            for name, one in candidates.items()
            if not name.startswith(("contribution", "payout"))
        }
        assert_as_slowly(found, slow, X, X["target"])
        # The Meta Model begins five eras later, and windows with it.
        late = X["target_cyrus_20"].where(X["numerai_meta_model"].notna())
        for name in few:
            expected = slowly(candidates[name], X, late)
            assert found.predictions[name].isna().equals(expected.isna())
            assert_close(found.predictions[name], expected, 1e-10)

    def test_columns_of_either_precision(self):
        # A weight of 0 in some windows leaves a blend of float32 alone.
        data = tournament()
        X = rows().astype({data.models[0]: np.float32, data.models[2]: np.float32})
        y = X["target"]
        weights = {data.models[0]: 0.7, data.models[1]: 0.0, data.models[2]: 0.3}
        candidates = {
            "learned": five_steps(StackingWeights(max_weight=0.9), proportion=0.5),
            "given": make_pipeline(EraRankGauss(), WeightedEnsemble(weights)),
            "greedy": make_pipeline(
                EraRankGauss(), StackingWeights(search="greedy", max_iter=2)
            ),
        }
        found = backtest(candidates, X, y, CV)
        assert (found.weights["greedy"][data.models[1]] == 0).any()
        assert_as_slowly(found, candidates, X, y)

    @pytest.mark.filterwarnings("ignore:X has a value outside")
    def test_pipelines_unlike_each_other(self):
        data = tournament()
        X = rows()
        y = X["target"]
        candidates = {
            "blend alone": StackingWeights(columns=data.models[:2]),
            "no rank before": make_pipeline(StackingWeights("mse"), EraRank()),
            "a rank before and after": make_pipeline(
                EraRank(), StackingWeights(output="blend"), EraRank()
            ),
            "neutralised before": make_pipeline(
                EraRankGauss(), FeatureNeutralizer(), EraRankGauss(), StackingWeights()
            ),
            "neutralised twice": make_pipeline(
                EraRankGauss(),
                StackingWeights(),
                FeatureNeutralizer(data.features[:2], proportion=0.5),
                EraRankGauss(),
                FeatureNeutralizer(data.features[2:], proportion=0.8),
            ),
            "given": five_steps(
                WeightedEnsemble({data.models[0]: 0.7, data.models[2]: 0.3}),
                proportion=0.5,
            ),
            "negative": blend_of(StackingWeights(nonnegative=False, halflife=20)),
            "pipeline within": make_pipeline(blend_of(StackingWeights()), EraRank()),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # columns that are not standardised
            found = backtest(candidates, X, y, CV)
        assert_as_slowly(found, candidates, X, y)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_step_of_a_users(self, dtype):
        X = rows(dtype)
        candidates = {
            f"{exponent}, {other}": make_pipeline(
                EraRankGauss(), StackingWeights(), EraSpread(exponent, other), EraRank()
            )
            for exponent in (0.5, 2.0)
            for other in (None, tournament().features[0])
        }
        found = backtest(candidates, X, X["target"], CV)
        assert_as_slowly(found, candidates, X, X["target"])
        assert found.predictions.iloc[:, :4].corr().to_numpy().min() < 0.99

    @each_kind
    def test_containers(self, kind):
        X = rows(np.float32)
        candidates = {"a": five_steps(StackingWeights(horizon=5), proportion=0.5)}
        expected = backtest(candidates, X, X["target"], CV)
        native = to_kind(X, kind)
        found = backtest(candidates, native, X["target"].to_numpy(), CV, horizon=5)
        again = backtest(candidates, native, native["target"], CV)
        for one in (found, again):
            np.testing.assert_array_equal(
                one.predictions.to_numpy(), expected.predictions.to_numpy()
            )
            for name, table in expected.scores.items():
                pd.testing.assert_frame_equal(one.scores[name], table)

    def test_rows_in_order_or_not(self):
        X = rows()
        candidates = {"a": five_steps(StackingWeights(), proportion=0.5)}
        mixed = backtest(candidates, X, X["target"], CV)
        X = X.sort_values("era", kind="stable")
        sorted_ = backtest(candidates, X, X["target"], CV)
        assert_close(sorted_.predictions, mixed.predictions.loc[X.index])
        assert_close(sorted_.scores["corr"], mixed.scores["corr"])

    def test_the_index_of_x(self):
        X = rows().set_axis(["same"] * len(rows()))
        found = backtest(blend_of(StackingWeights()), X, X["target"], CV)
        assert found.predictions.index.equals(X.index)


@cache
def small(days):
    data = make_benchmark_models(
        84, 12, 2, 2, targets=[f"target_x_{days}"], meta_model_eras=84, random_state=5
    )
    return data.frame.drop(columns="target")


@law
@given(
    st.integers(2, 84),
    st.sampled_from([20, 60]),
    st.sampled_from([None, 0, 4, 9, 16]),
    st.sampled_from([11, 26]),
    st.sampled_from(["target", "numerai_meta_model", "models"]),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_comes_later_changes_nothing_before(first, days, purge, chunk, what):
    X, target = small(days), f"target_x_{days}"
    models = [name for name in X if name.startswith("v53")]
    columns = {"target": [target], "models": models}.get(what, [what])
    later = X["era"] >= f"{first:04d}"
    poisoned = X.copy()
    noise = np.random.default_rng(first).random((int(later.sum()), len(columns)))
    poisoned.loc[later, columns] = noise
    cv = None if purge is None else WalkForwardEraSplit(chunk, purge)
    if purge is None:
        purge, chunk = {20: 5, 60: 13}[days], 26
    candidates = {
        "bayes": make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes")),
        "mmc": make_pipeline(EraRankGauss(), StackingWeights("contribution")),
    }
    before, after = (
        backtest(candidates, frame, frame[target], cv) for frame in (X, poisoned)
    )
    # A window is safe as long as no era that it learns from is poisoned.
    starts = np.array(in_numbers(before.weights["bayes"].index))
    safe = starts[starts - purge <= first]
    for name, path in before.weights.items():
        known = [start for start in path.index if int(start) in safe]
        pd.testing.assert_frame_equal(after.weights[name].loc[known], path.loc[known])
    end = safe.max(initial=0) + chunk if safe.size else 0
    if what == "models":
        end = min(end, first)
    same = X["era"] < f"{end:04d}"
    pd.testing.assert_frame_equal(after.predictions[same], before.predictions[same])


def test_what_is_learned_from_changes_what_comes_later():
    X = small(20)
    y = X["target_x_20"]
    blend = make_pipeline(EraRankGauss(), StackingWeights())
    first = X["era"] <= "0020"
    # The other way round for so many eras, and for those that nothing learns from.
    before, early, late = (
        backtest(blend, X, y.where(~some, 1 - y)).weights["candidate"]
        for some in (X["era"] == "", first, X["era"] >= "0075")
    )
    assert not np.allclose(early.iloc[0], before.iloc[0], atol=0.01)
    pd.testing.assert_frame_equal(late, before)


class TestRivals:
    def test_equal_weights(self):
        X = rows()
        found = backtest(five_steps(StackingWeights(), proportion=0.5), X, X["target"])
        name = found.rivals["candidate"]["equal weights"]
        assert name == "equal weights"
        equal = five_steps(WeightedEnsemble(), proportion=0.5)
        there = found.predictions[name].notna()
        expected = equal.fit(X).predict(X)
        assert_close(found.predictions[name][there], expected[there], 1e-12)
        assert there.equals(found.predictions["candidate"].notna())

    def test_the_best_single_model_of_the_same_past(self):
        X = rows()
        models = tournament().models
        noise = np.random.default_rng(0).random(len(X)) / 10
        y = X[models[0]].where(X["era"] <= "0010", X[models[1]]) + noise
        y = y.rename("target_x_20")
        found = backtest(blend_of(StackingWeights("mse")), X, y, CV)
        gauss = EraRankGauss().fit_transform(X)
        corr = pd.DataFrame(
            {
                era: {m: part[m].corr(y[part.index]) for m in models}
                for era, part in gauss[y.notna()].groupby("era")
            }
        ).T
        chosen = []
        for window in CV.windows(X["era"]).itertuples():
            past = corr[corr.index <= window.train_last]
            if len(past) >= 2 * HORIZON:
                chosen.append((window.test_first, past.mean().idxmax()))
        path = found.weights["best single model"]
        assert path.index.tolist() == [era for era, _ in chosen]
        assert path.idxmax(axis=1).tolist() == [model for _, model in chosen]
        assert sorted(np.unique(path)) == [0, 1]
        assert len({model for _, model in chosen}) > 1
        first, model = chosen[-1]
        last = X["era"] >= first
        assert_close(
            found.predictions.loc[last, "best single model"], gauss.loc[last, model]
        )

    def test_each_tail_has_its_own(self):
        X = rows()
        candidates = {
            f"p{p}": five_steps(StackingWeights(), proportion=p) for p in (0, 0.5)
        }
        candidates["given"] = five_steps(WeightedEnsemble([1, 0, 0]), proportion=1)
        found = backtest(candidates, X, X["target"], CV)
        assert found.rivals["p0"]["equal weights"] == "equal weights, proportion 0"
        assert found.rivals["p0.5"]["best single model"] == (
            "best single model, proportion 0.5"
        )
        # None learns what is neutralised as the one given is.
        assert found.rivals["given"] == found.rivals["p0"]
        assert {0.0: "p0", 0.5: "p0.5"} in found.curves

    def test_they_have_the_horizon_of_what_they_stand_beside(self):
        X = rows()
        y = X["target"].to_numpy()
        X = X.drop(columns=tournament().targets)
        found = backtest(blend_of(StackingWeights(horizon=5)), X, y)
        starts = {tuple(path.index) for path in found.weights.values()}
        assert starts == {("0027",)}

    def test_names_that_are_taken(self):
        X = rows()
        candidates = {
            "equal weights": blend_of(StackingWeights()),
            "best single model": blend_of(StackingWeights("mse")),
        }
        found = backtest(candidates, X, X["target"], CV)
        rivals = {
            "equal weights": "equal weights (2)",
            "best single model": "best single model (2)",
        }
        assert found.rivals["equal weights"] == rivals
        assert found.rivals["best single model"] == rivals
        assert_as_slowly(found, candidates, X, X["target"])

    def test_beside_weights_that_are_given(self):
        X = rows()
        given_ = make_pipeline(EraRankGauss(), WeightedEnsemble([0.6, 0.4, 0.0]))
        found = backtest({"given": given_}, X, X["target"])
        assert found.weights == {}
        assert found.rivals == {"given": {"equal weights": "equal weights"}}
        # Nothing is learned, so no era is kept back.
        assert found.predictions.notna().all(axis=None)
        assert_close(found.predictions["given"], given_.fit(X).predict(X))


class TestScores:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_are_those_of_the_predictions(self, dtype):
        X = rows(dtype)
        y, era, meta = X["target"], X["era"], X["numerai_meta_model"]
        payout = {"corr": 0.75, "contribution": 2.25}
        candidates = {
            f"p{p}": five_steps(StackingWeights("payout", payout=payout), proportion=p)
            for p in (0.0, 1.0)
        }
        found = backtest(candidates, X, y, CV)
        made = found.predictions
        assert set(found.scores) == {"corr", "mmc", "payout"}
        corr = numerai_corr(y, made, era=era)
        mmc = correlation_contribution(y, made, meta, era=era)
        exposure = max_feature_exposure(made, X[tournament().features], era=era)
        eras = found.scores["corr"].index
        assert eras.tolist() == sorted(eras)
        for table, expected in [
            (found.scores["corr"], corr),
            (found.scores["mmc"], mmc),
            (found.scores["payout"], 0.75 * corr + 2.25 * mmc),
            (found.exposures, exposure),
        ]:
            assert_close(table, expected.loc[eras, table.columns])
        assert corr.drop(eras).isna().all(axis=None)

    def test_only_what_can_be_scored(self):
        X = rows().drop(columns="numerai_meta_model")
        blend = blend_of(StackingWeights())
        found = backtest(blend, X, X["target"], CV)
        assert set(found.scores) == {"corr"}
        assert found.exposures.isna().all(axis=None)
        X["meta"] = np.nan
        blend = make_pipeline(EraRankGauss(), StackingWeights(meta_model="meta"))
        found = backtest(blend, X, X["target"], CV, meta_model="meta")
        assert set(found.scores) == {"corr"}

    def test_of_given_multipliers(self):
        X = rows()
        payout = {"corr": 0.5, "contribution": 2.0}
        found = backtest(blend_of(StackingWeights()), X, X["target"], CV, payout=payout)
        expected = 0.5 * found.scores["corr"] + 2.0 * found.scores["mmc"]
        pd.testing.assert_frame_equal(found.scores["payout"], expected)

    @pytest.mark.parametrize("payout", [3, {"bmc": 1.0}, {}, {"corr": "much"}])
    def test_multipliers_that_cannot_be_used(self, payout):
        X = rows()
        with pytest.raises(ValueError, match="`payout` must map 'corr' and 'contribut"):
            backtest(blend_of(StackingWeights()), X, X["target"], CV, payout=payout)

    def test_predictions_that_are_not_kept(self):
        X = rows()
        blend = blend_of(StackingWeights())
        kept = backtest(blend, X, X["target"], CV)
        found = backtest(blend, X, X["target"], CV, keep_predictions=False)
        assert found.predictions is None
        pd.testing.assert_frame_equal(found.scores["corr"], kept.scores["corr"])

    def test_a_progress_bar(self, capfd):
        pytest.importorskip("tqdm")
        X = rows()
        backtest(blend_of(StackingWeights()), X, X["target"], CV, progress=True)
        assert "27era" in capfd.readouterr().err


def test_pipelines_predict_live_as_those_fitted_on_everything():
    X, live = rows(), tournament().live
    candidates = {
        "a": five_steps(StackingWeights(shrinkage="bayes"), proportion=0.5),
        "b": blend_of(StackingWeights("mse")),
        "c": blend_of(WeightedEnsemble([0.2, 0.3, 0.5])),
    }
    found = backtest(candidates, X, X["target"], CV)
    for name, pipeline in candidates.items():
        expected = clone(pipeline).fit(X, X["target"]).predict(live)
        assert_close(found.pipelines[name].predict(live), expected)
    assert set(found.pipelines) > set(candidates)


def test_candidates_stay_as_they_are():
    X = rows()
    prior = dict.fromkeys(tournament().models, 1.0)
    pipeline = blend_of(StackingWeights(prior=prior, shrinkage=0.5))
    told = repr(pipeline)
    states = [dict(vars(step)) for _, step in pipeline.steps]
    found = backtest({"a": pipeline}, X, X["target"], CV)
    assert repr(pipeline) == told
    assert [vars(step) for _, step in pipeline.steps] == states
    assert found.pipelines["a"] is not pipeline
    got = [step.get_params() for _, step in found.pipelines["a"].steps]
    assert got == [step.get_params() for _, step in pipeline.steps]


class Own(EraRank):
    """Does more than its plan tells."""

    def transform(self, X):
        return super().transform(X)


class TestMistakes:
    @pytest.mark.parametrize(
        ("candidates", "message"),
        [
            ({}, "`candidates` must hold at least one pipeline"),
            (None, "`candidates` must be a pipeline, or a mapping .* got None"),
            ([StackingWeights()], "`candidates` must be a pipeline, or a mapping"),
            ({"a": 3}, "`candidates` must .* pipelines; 'a' is 3"),
            (
                {1: StackingWeights(), "1": StackingWeights("mse")},
                "`candidates` must have names that differ; .* '1'",
            ),
            (
                make_pipeline(EraRankGauss()),
                "'candidate' must have one step that blends.* it has 0 among 'EraRank",
            ),
            (
                {"a": make_pipeline(WeightedEnsemble(), StackingWeights())},
                "'a' must have one step that blends.* it has 2 among",
            ),
            (
                {"a": make_pipeline(StackingWeights(), LinearRegression())},
                "'a' has the step LinearRegression, which learns .*walk_forward_predic",
            ),
            (
                {"a": make_pipeline(Own(), StackingWeights())},
                "Own has a `transform` or `predict` of its own.*walk_forward_predict",
            ),
            (
                {"a": make_pipeline(StackingWeights(), Own())},
                "Own has a `transform` or `predict` of its own.*walk_forward_predict",
            ),
            (
                make_pipeline(StackingWeights(), EraRank(columns=["feature_x"])),
                "EraRank .* must make one column of 'prediction'",
            ),
            (StackingWeights("best"), "`objective` must be 'corr' or 'sharpe'"),
            (StackingWeights(era=0), "all steps must name the same era column.* 0"),
            (
                make_pipeline(EraRank(era="a"), StackingWeights()),
                "all steps must name the same era column.* 'a', 'era'",
            ),
        ],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_candidates_that_cannot_be_walked(self, candidates, message):
        X = rows().assign(a=rows()["era"], feature_x=0.0)
        with pytest.raises(ValueError, match=message):
            backtest(candidates, X, X["target"], CV)

    @pytest.mark.filterwarnings("ignore:X has no era column")
    def test_no_eras(self):
        X = rows()
        blend = blend_of(StackingWeights())
        with pytest.raises(ValueError, match="X has no era column 'era'"):
            backtest(blend, X.drop(columns="era"), X["target"], CV)
        models = X[tournament().models].to_numpy()
        with pytest.raises(ValueError, match="X has no era column 'era'"):
            backtest(blend, models, X["target"].to_numpy(), CV)
        none = make_pipeline(EraRankGauss(era=None), StackingWeights(era=None))
        with pytest.raises(ValueError, match="all steps must name the same era column"):
            backtest(none, models, X["target"].to_numpy(), CV)

    def test_targets(self):
        X = rows()
        blend = blend_of(StackingWeights())
        with pytest.raises(ValueError, match="y has another index than X"):
            backtest(blend, X, X["target"].sort_index(), CV)
        with pytest.raises(ValueError, match="y must hold one target a row; got None"):
            backtest(blend, X, None, CV)
        with pytest.raises(ValueError, match="'corr' needs at least 1 eras"):
            backtest(blend, X, X["target"] * np.nan, CV)

    @pytest.mark.parametrize("cv", [5, [([0], [1])], "weekly"])
    def test_a_splitter_of_another_kind(self, cv):
        X = rows()
        with pytest.raises(ValueError, match="`cv` must be a WalkForwardEraSplit; got"):
            backtest(blend_of(StackingWeights()), X, X["target"], cv)

    def test_a_purge_that_is_too_short_warns(self):
        X = rows()
        blend = blend_of(StackingWeights())
        with pytest.warns(UserWarning, match="`purge` 3 is too short for '.*_20'"):
            backtest(blend, X, X["target"], WalkForwardEraSplit(12, 3))

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("confidence", 95),
            ("horizon", 0),
            ("progress", "yes"),
            ("keep_predictions", 1),
            ("meta_model", 3),
        ],
    )
    def test_options(self, option, value):
        X = rows()
        with pytest.raises(ValueError, match=option):
            backtest(blend_of(StackingWeights()), X, X["target"], CV, **{option: value})

    def test_no_window_for_any_candidate_is_an_error(self):
        # Its rivals, which need no Meta Model, have some.
        X = rows()
        X["numerai_meta_model"] = X["numerai_meta_model"].where(X["era"] > "0037")
        mmc = blend_of(StackingWeights("contribution"))
        with pytest.raises(
            ValueError, match=r"no window has two horizons.* With \d+ eras"
        ):
            backtest(mmc, X, X["target"], CV)
        with pytest.warns(UserWarning, match="'mmc' is left out: no window"):
            found = backtest(
                {"mmc": mmc, "corr": blend_of(StackingWeights())}, X, X["target"], CV
            )
        assert "mmc" not in found.predictions
        assert "mmc" not in found.summary().index

    def test_what_is_left_out_is_on_no_curve(self):
        X = rows()
        X["numerai_meta_model"] = X["numerai_meta_model"].where(X["era"] > "0037")
        candidates = {
            f"{objective} {p}": five_steps(StackingWeights(objective), proportion=p)
            for objective in ("corr", "contribution")
            for p in (0.0, 1.0)
        }
        with pytest.warns(UserWarning, match="'contribution [01].0' is left out"):
            found = backtest(candidates, X, X["target"], CV)
        assert {0.0: "corr 0.0", 1.0: "corr 1.0"} in found.curves
        on_curves = {name for curve in found.curves for name in curve.values()}
        assert on_curves <= set(found.summary().index)
        # The page draws the curves.
        assert len(BacktestReport(found).to_dict()["curves"]) == len(found.curves)


@cache
def judged():
    X = rows()
    candidates = {
        f"{o} p{p}": five_steps(StackingWeights(o), proportion=p)
        for o in ("corr", "mse")
        for p in (0.0, 1.0)
    }
    candidates["given"] = blend_of(WeightedEnsemble([0.5, 0.5, 0.0]))
    cv = WalkForwardEraSplit(6, HORIZON)
    return backtest(candidates, X, X["target"], cv)


class TestJudgement:
    def test_summary(self):
        found = judged()
        summary = found.summary()
        assert summary["corr"].is_monotonic_decreasing
        for name, row in summary.iterrows():
            corr = found.scores["corr"][name]
            expected = summarize(corr, horizon=HORIZON).iloc[0]
            got = row[
                ["corr", *(f"corr_{k}" for k in ("low", "high", "sharpe"))]
            ].to_numpy(float)
            assert_close(got, expected[["mean", "low", "high", "sharpe"]])
            assert row["corr_max_drawdown"] == expected["max_drawdown"]
            assert row["corr_n_eras"] == expected["n_eras"]
            rivals = found.rivals.get(name, {})
            if "equal weights" not in rivals:
                assert np.isnan(row["corr_difference"])
                continue
            beside = found.scores["mmc"][rivals["equal weights"]]
            paired = summarize(found.scores["mmc"][name], beside, horizon=HORIZON)
            assert_close(
                row[[f"mmc_difference{end}" for end in ("", "_low", "_high")]].to_numpy(
                    float
                ),
                paired.iloc[0][[f"difference{end}" for end in ("", "_low", "_high")]],
            )
        path = found.weights["mse p1.0"]
        moved = path.diff().abs().sum(axis=1)[1:].mean() / 2
        assert np.isclose(summary.loc["mse p1.0", "turnover"], moved, atol=1e-15)
        assert np.isnan(summary.loc["given", "turnover"])
        exposure = found.exposures["corr p1.0"].mean()
        assert summary.loc["corr p1.0", "exposure"] == exposure

    def test_the_verdict_holds_for_all_candidates_together(self):
        found = judged()
        given_ = ["corr p0.0", "corr p1.0", "mse p0.0", "mse p1.0", "given"]
        values, lows, highs = [], [], []
        for name in given_:
            beside = found.rivals[name]["equal weights"]
            gap = (found.scores["corr"][name] - found.scores["corr"][beside]).dropna()
            numbers = np.array(in_numbers(gap.index), float)
            made = intervals.of_means(gap.to_numpy()[None], numbers, HORIZON, 0.95)
            share = 0.95 ** (1 / len(given_))
            factor = student.ppf((1 + share) / 2, made.df) / student.ppf(0.975, made.df)
            values.append(made.value.item())
            lows.append((made.value - made.half * factor).item())
            highs.append((made.value + made.half * factor).item())
        best = int(np.argmax(values))
        assert best != int(np.argmax(lows))
        verdict = found.verdict()
        assert verdict.startswith("equal weights: nothing here can be told from them")
        size = f"{abs(values[best]):.4f} CORR an era"
        assert f"the best, {given_[best]}, is {size} above them (" in verdict
        assert (
            f"(95% interval of the difference {lows[best]:.4f} to {highs[best]:.4f}, "
            "held together over 5 candidates)"
        ) in verdict
        assert "MMC an era" in found.verdict("mmc")
        with pytest.raises(ValueError, match="`score` must be 'corr' or 'mmc'; got"):
            found.verdict("sharpe")

    def test_the_verdict_where_all_are_worse(self):
        found = judged()
        corr = found.scores["corr"].copy()
        given_ = ["corr p0.0", "corr p1.0", "mse p0.0", "mse p1.0", "given"]
        for k, name in enumerate(given_):
            equal = corr[found.rivals[name]["equal weights"]]
            corr[name] = equal - 1.0 - 0.1 * k + 0.01 * corr[name]
        worse = replace(found, scores={**found.scores, "corr": corr})
        assert worse.verdict().startswith(
            "equal weights do better than all else; the best of the others, corr p0.0, "
            "is 1.0000 CORR an era below them (95% interval of the difference -1."
        )

    def test_few_eras_are_counted_as_scored(self):
        X = rows()
        y = X["target_cyrus_20"].where(X["era"] <= "0032")
        found = backtest(blend_of(StackingWeights()), X, y)
        assert found.verdict() == (
            "too few eras to tell anything from equal weights: 6 with a score, where "
            "two horizons are 10"
        )

    def test_eras_of_those_that_candidates_stand_against_do_not_count(self):
        X = rows()
        late = {"payout": {"corr": 1.0, "contribution": 1.0}}
        X.loc[X["era"] < "0018", "numerai_meta_model"] = np.nan
        found = backtest(
            {"late": blend_of(StackingWeights("payout", **late))}, X, X["target"], CV
        )
        n_own = int(found.scores["corr"]["late"].notna().sum())
        single = found.scores["corr"]["best single model"]
        assert 0 < n_own < 2 * HORIZON < single.notna().sum()
        assert f"from equal weights: {n_own} with a score, " in found.verdict()

    def test_each_score_has_its_order_in_which_few_eras_come_last(self):
        found = judged()
        for score in found.scores:
            assert found.summary(score)[score].is_monotonic_decreasing
        best = found.summary("mmc").index[0]
        mmc = found.scores["mmc"].copy()
        mmc.loc[mmc.index[3:], best] = np.nan
        found = replace(found, scores={**found.scores, "mmc": mmc})
        assert found.summary("mmc").index[-1] == best
        assert found.summary().index.tolist() == judged().summary().index.tolist()
        with pytest.raises(ValueError, match="`by` must be 'corr' or 'mmc'; got 'l"):
            found.summary("luck")

    def test_in_a_notebook(self):
        found = backtest(
            {"<b>": blend_of(StackingWeights())}, rows(), rows()["target"], CV
        )
        page = found._repr_html_()
        assert "<table" in page
        assert "&lt;b&gt;" in page
        assert "<b>" not in page
        assert repr(found).startswith("Backtest(2 candidates, 27 eras: ")


def made_up(weights, n_eras, n_rows, strength, seed):
    """Return rows of independent models, and a target that is best met by weights."""
    rng = np.random.default_rng(seed)
    models = rng.standard_normal((n_eras * n_rows, len(weights)))
    signal = models @ np.asarray(weights) / np.linalg.norm(weights)
    noise = rng.standard_normal(len(signal))
    y = strength * signal + np.sqrt(1 - strength**2) * noise
    frame = pd.DataFrame(models, columns=[f"model_{i}" for i in range(len(weights))])
    frame["era"] = np.repeat([f"{i:04d}" for i in range(1, n_eras + 1)], n_rows)
    return frame, pd.Series(y, name="target_x_20")


def three_ways():
    return {
        "corr": make_pipeline(EraRankGauss(), StackingWeights()),
        "bayes": make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes")),
        "mse": make_pipeline(EraRankGauss(), StackingWeights("mse")),
    }


@pytest.mark.slow
def test_weights_far_from_equal_are_found_to_be_better():
    X, y = made_up([0.8, 0.15, 0.05], 150, 100, 0.15, seed=0)
    found = backtest(three_ways(), X, y)
    best = found.verdict().partition(" does better than equal weights by ")[0]
    assert best in three_ways()
    assert_close(found.weights[best].iloc[-1], [0.8, 0.15, 0.05], 0.1)
    assert (found.summary().loc[list(three_ways()), "corr_difference_low"] > 0).all()


@pytest.mark.slow
def test_where_equal_weights_are_best_nothing_else_is_claimed():
    claims = []
    for seed in range(200):
        X, y = made_up([1, 1, 1], 70, 20, 0.2, seed)
        claims.append(backtest(three_ways(), X, y, keep_predictions=False).verdict())
    claims = [v for v in claims if not v.startswith("equal weights: nothing")]
    assert len(claims) <= 10, claims
