"""Scorers read the eras from X, in every tool of scikit-learn that takes a scorer."""

import pickle
from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import assert_close
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_selector
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble, metrics
from skbench.metrics import (
    contribution_scorer,
    era_scorer,
    numerai_corr_scorer,
    sharpe_scorer,
)

META = "numerai_meta_model"


def data(n_eras=8, size=40, seed=0):
    """Rows in shuffled order, so that every fold has rows of many eras."""
    rng = np.random.default_rng(seed)
    n = n_eras * size
    signal = rng.normal(size=n)
    X = pd.DataFrame({"era": np.repeat([f"{i:04}" for i in range(n_eras)], size)})
    X["a"], X["b"] = (0.4 * signal + rng.normal(size=n) for _ in range(2))
    X[META] = 0.2 * signal + rng.normal(size=n)
    for i in range(4):
        X[f"feature_{i}"] = rng.integers(0, 5, n).astype(np.int8)
    y = pd.Series(np.clip(np.round(2 + signal), 0, 4) / 4, name="target")
    rows = rng.permutation(n)
    return X.iloc[rows], y.iloc[rows]


def span(scores):
    """Reduce in some other way."""
    return scores.max() - scores.min()


def last(scores):
    """Return the score of the last era."""
    return scores[-1]


def pooled(y_true, y_pred, *, era):
    """Score each era by a metric of one's own."""
    frame = pd.DataFrame(
        {"y": y_true.to_numpy(), "p": y_pred, "era": era["era"].to_numpy()}
    )
    return frame.groupby("era").apply(
        lambda g: g["y"].corr(g["p"]), include_groups=False
    )


class Constant(RegressorMixin, BaseEstimator):
    """Counts the rows that it is asked to predict."""

    seen = 0

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        type(self).seen = len(X)
        return np.arange(len(X), dtype=float)


@pytest.fixture(name="Xy")
def rows_and_targets():
    return data()


@pytest.fixture
def ensemble(Xy):
    return make_pipeline(EraRankGauss(), WeightedEnsemble()).fit(*Xy)


class TestValues:
    def test_corr(self, ensemble, Xy):
        X, y = Xy
        scores = metrics.numerai_corr(y, ensemble.predict(X), era=X["era"])
        assert_close(numerai_corr_scorer(ensemble, X, y), scores.to_numpy().mean())
        assert_close(numerai_corr_scorer(ensemble, X, y), ensemble.score(X, y))

    def test_sharpe(self, ensemble, Xy):
        X, y = Xy
        scores = metrics.numerai_corr(y, ensemble.predict(X), era=X["era"]).to_numpy()
        assert_close(sharpe_scorer(ensemble, X, y), scores.mean() / scores.std())

    def test_contribution(self, ensemble, Xy):
        X, y = Xy
        scores = metrics.correlation_contribution(
            y, ensemble.predict(X), X[META], era=X["era"]
        )
        for scorer in (contribution_scorer(), contribution_scorer(META)):
            assert_close(scorer(ensemble, X, y), scores.to_numpy().mean())

    def test_features(self, Xy):
        X, y = Xy
        features = make_column_selector("^feature")
        exposure = era_scorer(
            metrics.max_feature_exposure,
            columns={"features": features},
            greater_is_better=False,
        )
        model = WeightedEnsemble({"a": 1.0}).fit(X)
        assert exposure(model, X) < -0.05
        neutral = make_pipeline(model, FeatureNeutralizer(), EraRank()).fit(X)
        assert exposure(model, X) < exposure(neutral, X) <= 0
        fnc = era_scorer(
            metrics.feature_neutral_corr,
            columns={"features": ["feature_0", "feature_1"]},
        )
        expected = metrics.feature_neutral_corr(
            y, X["a"], X[["feature_0", "feature_1"]], era=X["era"]
        )
        assert_close(fnc(model, X, y), expected.to_numpy().mean())

    def test_options_reach_the_metric(self, ensemble, Xy):
        X, y = Xy
        scores = metrics.numerai_corr(
            y, ensemble.predict(X), era=X["era"], top_bottom=10
        )
        scorer = era_scorer(metrics.numerai_corr, top_bottom=10)
        assert_close(scorer(ensemble, X, y), scores.to_numpy().mean())

    def test_reduce(self, ensemble, Xy):
        X, y = Xy
        scores = metrics.numerai_corr(y, ensemble.predict(X), era=X["era"]).to_numpy()
        for reduce, expected in ((span, np.ptp(scores)), (last, scores[-1, 0])):
            scorer = era_scorer(metrics.numerai_corr, reduce=reduce)
            assert_close(scorer(ensemble, X, y), expected)

    def test_eras_without_targets_are_left_out(self, ensemble, Xy):
        X, y = Xy
        there = X["era"] < "0005"
        for scorer in (numerai_corr_scorer, sharpe_scorer, contribution_scorer()):
            expected = scorer(ensemble, X[there], y[there])
            assert_close(scorer(ensemble, X, y.where(there)), expected)

    def test_several_columns(self, Xy):
        X, y = Xy
        ranks = EraRank().fit(X)
        scores = metrics.numerai_corr(y, X[["a", "b"]], era=X["era"]).to_numpy()
        assert_close(numerai_corr_scorer(ranks, X, y), scores.mean())
        sharpes = scores.mean(axis=0) / scores.std(axis=0)
        assert_close(sharpe_scorer(ranks, X, y), sharpes.mean())

    def test_a_metric_of_ones_own(self, ensemble, Xy):
        X, y = Xy
        scorer = era_scorer(pooled)
        assert_close(
            scorer(ensemble, X, y),
            pooled(y, ensemble.predict(X), era=X[["era"]]).mean(),
        )

    def test_it_predicts_once_for_all_rows(self, Xy):
        X, y = Xy
        numerai_corr_scorer(Constant().fit(X, y), X, y)
        assert Constant.seen == len(X)

    def test_numbers_come_out(self, ensemble, Xy):
        assert type(numerai_corr_scorer(ensemble, *Xy)) is float


class TestContainers:
    def test_polars(self, ensemble, Xy):
        X, y = Xy
        expected = numerai_corr_scorer(ensemble, X, y)
        P = pl.from_pandas(X.reset_index(drop=True))
        fitted = make_pipeline(EraRankGauss(), WeightedEnsemble()).fit(P)
        for target in (y.to_numpy(), pl.Series(y.to_numpy())):
            assert_close(numerai_corr_scorer(fitted, P, target), expected)
        assert_close(
            contribution_scorer()(fitted, P, y.to_numpy()),
            contribution_scorer()(ensemble, X, y),
        )

    @pytest.mark.parametrize("kind", [float, object])
    def test_arrays_have_positions(self, kind, Xy):
        X, y = Xy
        A = X[["a", "b", "era", META]].to_numpy(dtype=object)
        if kind is float:
            A[:, 2] = A[:, 2].astype(int)
        A = A.astype(kind)
        model = WeightedEnsemble(columns=[0, 1], era=2).fit(A)
        expected = WeightedEnsemble(columns=["a", "b"]).fit(X).score(X, y)
        scorer = era_scorer(metrics.numerai_corr, era=2)
        assert_close(scorer(model, A, y.to_numpy()), expected)
        named = contribution_scorer(3, era=2)
        assert np.isfinite(named(model, A, y.to_numpy()))

    def test_one_era(self, Xy):
        X, y = Xy
        first = X["era"] == "0001"
        model = WeightedEnsemble({"a": 1.0}, era=None).fit(X)
        scorer = era_scorer(metrics.numerai_corr, era=None)
        expected = metrics.numerai_corr(y[first], X["a"][first], era=X["era"][first])
        got = scorer(model, X[first].drop(columns="era"), y[first])
        assert_close(got, expected.iloc[0, 0])


class TestTools:
    def test_every_era_of_a_test_fold_is_seen(self, Xy):
        X, y = Xy
        folds = list(KFold(4).split(X))
        model = WeightedEnsemble({"a": 1.0})
        got = cross_val_score(model, X, y, cv=folds, scoring=numerai_corr_scorer)
        for (_, test), fold_score in zip(folds, got, strict=True):
            part = X.iloc[test]
            assert part["era"].nunique() == 8
            scores = metrics.numerai_corr(y.iloc[test], part["a"], era=part["era"])
            assert len(scores) == 8
            assert_close(fold_score, scores.to_numpy().mean())

    def test_several_scorers_at_once(self, Xy):
        X, y = Xy
        scoring = {
            "corr": numerai_corr_scorer,
            "sharpe": sharpe_scorer,
            "mmc": contribution_scorer(META),
        }
        pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank())
        got = cross_validate(pipeline, X, y, cv=KFold(3), scoring=scoring, n_jobs=2)
        for name in scoring:
            assert np.isfinite(got[f"test_{name}"]).all()
        assert (got["test_corr"] != got["test_mmc"]).all()

    @pytest.mark.parametrize(
        "scorer", [numerai_corr_scorer, sharpe_scorer, contribution_scorer(META)]
    )
    def test_grid_search(self, scorer, Xy):
        X, y = Xy
        pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble())
        grid = {
            "weightedensemble__weights": [{"a": 1.0}, {"b": 1.0}, {"a": 0.5, "b": 0.5}]
        }
        search = GridSearchCV(pipeline, grid, cv=KFold(3), scoring=scorer)
        search = clone(search).fit(X, y)
        best = search.cv_results_["mean_test_score"]
        folds = [
            scorer(
                clone(pipeline).set_params(**search.best_params_).fit(X),
                X.iloc[t],
                y.iloc[t],
            )
            for _, t in KFold(3).split(X)
        ]
        assert_close(best.max(), np.mean(folds))
        assert_close(search.score(X, y), scorer(search.best_estimator_, X, y))

    def test_estimators_of_scikit_learn(self, Xy):
        X, y = Xy
        X = X.assign(era=X["era"].astype(int))
        got = cross_val_score(
            LinearRegression(), X, y, cv=KFold(3), scoring=contribution_scorer(META)
        )
        assert (got > 0).all()

    @pytest.mark.parametrize(
        "scorer",
        [
            numerai_corr_scorer,
            sharpe_scorer,
            contribution_scorer(META),
            era_scorer(
                metrics.max_feature_exposure,
                columns={"features": make_column_selector("^feature")},
                greater_is_better=False,
            ),
            era_scorer(metrics.numerai_corr, reduce=span, top_bottom=20),
        ],
    )
    def test_copies(self, scorer, ensemble, Xy):
        # Tests are imported under a name of their own, so `span` is not pickled here.
        again = [deepcopy(scorer), clone(scorer, safe=False)]
        if scorer.reduce is not span:
            again.append(pickle.loads(pickle.dumps(scorer)))
        for other in again:
            assert other(ensemble, *Xy) == scorer(ensemble, *Xy)


class TestRepr:
    @pytest.mark.parametrize(
        ("scorer", "text"),
        [
            (numerai_corr_scorer, "era_scorer(numerai_corr)"),
            (sharpe_scorer, "era_scorer(numerai_corr, reduce='sharpe')"),
            (
                contribution_scorer("bench", era=0),
                "era_scorer(correlation_contribution, columns={'meta_model': 'bench'}, "
                "era=0)",
            ),
            (
                era_scorer(
                    metrics.max_feature_exposure,
                    columns={"features": [1, 2]},
                    reduce=span,
                    greater_is_better=False,
                    top_bottom=200,
                ),
                "era_scorer(max_feature_exposure, columns={'features': [1, 2]}, "
                "reduce=span, greater_is_better=False, top_bottom=200)",
            ),
        ],
    )
    def test_it_is_the_call(self, scorer, text):
        assert repr(scorer) == text


class TestErrors:
    def test_no_era_column(self, ensemble, Xy):
        X, y = Xy
        with pytest.raises(
            ValueError, match="`era` names 'era', which X does not have"
        ):
            numerai_corr_scorer(ensemble, X.drop(columns="era"), y)

    def test_no_reference(self, ensemble, Xy):
        X, y = Xy
        message = f"`meta_model` names '{META}', which X does not have"
        with pytest.raises(ValueError, match=message):
            contribution_scorer()(ensemble, X.drop(columns=META), y)

    def test_arrays_need_positions(self, Xy):
        X, y = Xy
        A = X[["a", "b"]].to_numpy()
        with pytest.raises(ValueError, match="must hold positions, as X is an array"):
            numerai_corr_scorer(WeightedEnsemble(era=None).fit(A), A, y)

    def test_no_targets(self, ensemble, Xy):
        X, y = Xy
        message = (
            r"no era can be scored by era_scorer\(numerai_corr\): "
            r"8 of 8 \('0000' to '0007'\) lack a target$"
        )
        with pytest.raises(ValueError, match=message):
            numerai_corr_scorer(ensemble, X, y * np.nan)

    def test_which_eras_lack_what(self, ensemble, Xy):
        X, y = Xy
        number = X["era"].astype(int)
        X, y = X.assign(**{META: X[META].where(number > 2)}), y.where(number == 2)
        message = (
            "no era can be scored by .*: 7 of 8 \\('0000' to '0007'\\) lack a target; "
            f"3 of 8 \\('0000' to '0002'\\) lack a value of '{META}'$"
        )
        with pytest.raises(ValueError, match=message):
            contribution_scorer()(ensemble, X, y)
        constant = y.where(y.isna(), 0.5)
        with pytest.raises(ValueError, match=r"7 of 8 .* lack a target$"):
            numerai_corr_scorer(ensemble, X, constant)
        with pytest.raises(ValueError, match="none has 3 rows with a target and a pre"):
            numerai_corr_scorer(ensemble, X, y.fillna(0.5) * 0)
        with pytest.raises(ValueError, match="`y_true` must hold one value a row"):
            numerai_corr_scorer(ensemble, X)

    @pytest.mark.parametrize("maker", [contribution_scorer, era_scorer])
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_a_maker_that_was_not_called(self, ensemble, Xy, maker, wrapped):
        X, y = Xy
        scoring = {"mmc": maker} if wrapped else maker
        message = f"must return a number, got nothing: pass scoring={maker.__name__}"
        with pytest.raises(ValueError, match=message):
            cross_validate(ensemble, X, y, cv=KFold(2), scoring=scoring)
        search = GridSearchCV(ensemble, {}, cv=KFold(2), scoring=scoring, refit=False)
        with pytest.raises(ValueError, match=message):
            search.fit(X, y)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"metric": "sharpe"},
                "`metric` must be a function, or the name of a score, o",
            ),
            ({"metric": "mcm"}, "got 'mcm'; did you mean 'mmc'"),
            ({"metric": "bmc"}, "`columns` must name the benchmark for 'bmc'"),
            ({"metric": 5}, "`metric` must be a function, or the name .*got 5"),
            ({"reduce": "median"}, "`reduce` must be 'mean' or 'sharpe'; got 'median'"),
            ({"reduce": None}, "`reduce` must be 'mean' or 'sharpe'; got None"),
            ({"columns": ["a"]}, "`columns` must map parameters of the metric"),
            ({"greater_is_better": 1}, "`greater_is_better` must be True or False"),
        ],
    )
    def test_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            era_scorer(**{"metric": metrics.numerai_corr, **arguments})
