"""score() is the mean Numerai CORR over eras and columns."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import reference
from helpers import assert_close
from numerai_tools import scoring
from sklearn import config_context
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
from skbench.kernels.score import numerai_corr
from skbench.metrics import numerai_corr_scorer

NAN = np.nan
BINS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def data(n_eras=5, size=60, models=("m",), seed=0):
    """Eras of different sizes with targets in five uneven bins, rows shuffled."""
    rng = np.random.default_rng(seed)
    era = np.repeat([f"{i:04}" for i in range(n_eras)], size + 5 * np.arange(n_eras))
    signal = rng.normal(size=len(era))
    X = pd.DataFrame({"era": era})
    for i, model in enumerate(models):
        X[model] = (0.3 * signal + rng.normal(size=len(era))).round(i % 2 + 1)
    share = pd.Series(signal + rng.normal(size=len(era))).rank(pct=True)
    y = pd.Series(BINS[np.searchsorted([0.05, 0.25, 0.75, 0.96], share)], name="target")
    order = rng.permutation(len(X))
    return X.iloc[order], y.iloc[order]


def judged(X, y, models=("m",)):
    """One score an era and model by Numerai's own library."""
    scores = []
    for era in X["era"].unique():
        rows = X["era"] == era
        scores.append(scoring.numerai_corr(X.loc[rows, list(models)], y[rows]))
    return pd.DataFrame(scores)


def score(X, y, **options):
    return EraRankGauss(**options).fit(X).score(X, y)


def one_era_of(X, y, label="0002"):
    rows = X["era"] == label
    return X[rows], y[rows]


def one_era(prediction, target):
    prediction = np.asarray(prediction, dtype=float)
    return numerai_corr(prediction[None, :], np.asarray(target, dtype=float))[0]


class TestFrozenNumbers:
    def test_three_rows_in_order(self):
        # Both are symmetric about a middle of 0, so nothing bends the line.
        assert_close(one_era([1, 2, 3], [0, 0.5, 1]), 1)
        assert_close(one_era([3, 2, 1], [0, 0.5, 1]), -1)

    def test_four_rows(self):
        # Targets -1/2, -1/4, 1/4, 1/2; scores -z, z, -s, s of 7/8 and 5/8, swapped.
        large = 1.1503493803760079**1.5
        small = 0.3186393639643752**1.5
        x = np.array([-small, -large, large, small])
        y = np.sign([-1, -1, 1, 1]) * np.array([0.5, 0.25, 0.25, 0.5]) ** 1.5
        expected = (x @ y) / np.sqrt((x @ x) * (y @ y))
        assert_close(one_era([2, 1, 4, 3], [0, 0.25, 0.75, 1]), expected)

    def test_the_stretch_counts(self):
        prediction, target = [1, 2, 3, 4, 5], [0.5, 0.5, 0.25, 0.75, 1.0]
        z = np.array([-1.2815515655446004, -0.5244005127080407, 0])
        z = np.r_[z, -z[1], -z[0]]
        x = np.sign(z) * np.abs(z) ** 1.5
        centred = np.array(target) - 0.6
        y = np.sign(centred) * np.abs(centred) ** 1.5
        expected = np.corrcoef(x, y)[0, 1]
        assert_close(one_era(prediction, target), expected)
        assert abs(expected - np.corrcoef(z, centred)[0, 1]) > 0.01

    def test_a_constant_prediction_scores_zero(self):
        assert one_era([0.3] * 4, [0, 0.5, 0.5, 1]) == 0

    def test_rounding_takes_no_score_beyond_one(self):
        for seed in range(20):
            prediction = np.random.default_rng(seed).normal(size=seed + 200)
            target = reference.rank_gauss(prediction, scale=False)
            for sign in (1, -1):
                got = one_era(sign * prediction, target)
                assert abs(got) <= 1
                assert_close(got, sign)

    def test_fewer_than_three_rows_cannot_be_told(self):
        assert np.isnan(one_era([1, 2], [0, 1]))
        assert np.isnan(one_era([1, 2, NAN], [0, 1, 0.5]))
        assert np.isnan(one_era([1, 2, 3], [0, 1, NAN]))
        assert np.isnan(one_era([NAN] * 4, [0, 1, 0.5, 1]))
        assert np.isnan(one_era([1, 2, 3, 4], [NAN] * 4))


class TestLeftOut:
    @pytest.fixture
    def complete(self):
        return data(models=("m", "n"))

    def with_era(self, X, y, values, targets, name="9999"):
        """Append an era that has these predictions and targets."""
        more = pd.DataFrame({"era": name, "m": values, "n": values})
        X = pd.concat([X, more], ignore_index=True)
        return X, pd.concat([y, pd.Series(targets, dtype=float)], ignore_index=True)

    def test_eras_without_targets(self, complete):
        X, y = self.with_era(*complete, [1.0, 2, 3, 4], [NAN] * 4)
        assert score(X, y) == score(*complete)

    @pytest.mark.parametrize(
        ("values", "targets"),
        [
            ([1.0, 2], [0, 1]),
            ([1.0], [1.0]),
            ([1.0, 2, NAN, 4], [0, 1, 0.5, NAN]),
            ([NAN, NAN, NAN], [0, 0.5, 1]),
        ],
    )
    def test_eras_with_fewer_than_three_scored_rows(self, complete, values, targets):
        X, y = self.with_era(*complete, values, targets)
        assert score(X, y) == score(*complete)

    def test_an_era_of_three_rows_counts(self, complete):
        X, y = self.with_era(*complete, [1.0, 2, 3], [0, 0.5, 1])
        assert_close(score(X, y), (5 * score(*complete) + 1) / 6)

    def test_a_constant_prediction_counts_as_zero(self, complete):
        X, y = self.with_era(*complete, [0.1] * 4, [0, 0.5, 1, 1])
        assert_close(score(X, y), 5 / 6 * score(*complete))

    def test_which_eras_lack_what(self, complete):
        X, y = complete
        late = X["era"] > "0002"
        message = (
            r"no era can be scored: 3 of 5 \('0000' to '0002'\) lack a target; "
            r"2 of 5 \('0003' to '0004'\) lack a prediction"
        )
        with pytest.raises(ValueError, match=message):
            score(X.assign(m=NAN, n=X["n"].mask(late)), y.where(late))

    def test_one_column_may_lack_an_era(self, complete):
        X, y = complete
        X = X.copy()
        X.loc[X["era"] == "0002", "n"] = NAN
        scores = judged(X[X["era"] != "0002"], y[X["era"] != "0002"], ["m", "n"])
        extra = judged(X[X["era"] == "0002"], y[X["era"] == "0002"])
        of_m = [*scores["m"], *extra["m"]]
        assert_close(score(X, y), (np.mean(of_m) + scores["n"].mean()) / 2)

    def test_a_column_with_few_eras_weighs_as_much_as_any(self, complete):
        X, y = complete
        X = X.copy()
        X.loc[X["era"] != "0002", "n"] = NAN
        X.loc[X["era"] == "0002", "n"] = y[X["era"] == "0002"]
        of_m = judged(X, y)["m"]
        assert of_m.size == 5
        expected = (of_m.mean() + judged(*one_era_of(X, y), ["n"]).iat[0, 0]) / 2
        assert_close(score(X, y), expected)
        assert_close(score(X, y), numerai_corr_scorer(EraRankGauss(), X, y), 1e-15)

    def test_a_column_without_any_score_has_no_part(self, complete):
        X, y = complete
        lost = X.assign(n=NAN)
        assert score(lost, y) == score(X, y, columns=["m"])

    def test_no_era_at_all_is_an_error(self, complete):
        X, y = complete
        with pytest.raises(ValueError, match=r"no era can be scored: (\d of \d|none)"):
            score(X, y * NAN)

    def test_some_targets_of_an_era_may_be_missing(self, complete):
        X, y = complete
        y = y.copy()
        y.iloc[::4] = NAN
        there = y.notna()
        scores = judged(X[there], y[there], ["m", "n"])
        assert_close(score(X, y), scores.to_numpy().mean())


class TestMissingPredictions:
    def test_targets_are_centred_before_rows_are_dropped(self):
        X, y = data(3)
        X.iloc[::9, 1] = NAN
        expected = judged(X, y).to_numpy().mean()  # the judge centres first, too
        assert_close(score(X, y), expected)
        there = X["m"].notna()
        assert abs(judged(X[there], y[there]).to_numpy().mean() - expected) > 1e-6

    def test_each_column_loses_its_own_rows_only(self):
        X, y = data(models=("m", "n"))
        alone = [score(X, y, columns=[name]) for name in ("m", "n")]
        X.iloc[::6, 1] = NAN
        lost = score(X, y, columns=["m"])
        assert lost != alone[0]
        assert_close(score(X, y), (lost + alone[1]) / 2)


class TestProperties:
    def test_any_increasing_function_scores_the_same(self):
        X, y = data()
        expected = score(X, y)
        assert score(X.assign(m=np.exp(X["m"])), y) == expected
        assert score(X.assign(m=X["m"] * 1e-300), y) == expected

    def test_the_mirror_image_scores_the_opposite(self):
        X, y = data()
        assert_close(score(X.assign(m=-X["m"]), y), -score(X, y))

    def test_targets_may_be_shifted_and_scaled(self):
        X, y = data()
        assert_close(score(X, 7 * y - 3), score(X, y))

    def test_within_one(self):
        for seed in range(20):
            X, y = data(1, 5, seed=seed)
            assert abs(score(X, y)) <= 1 + 1e-12

    def test_each_era_weighs_the_same(self):
        X, y = data(2, 30)
        first = X["era"] == "0000"
        parts = [score(X[rows], y[rows]) for rows in (first, ~first)]
        assert_close(score(X, y), np.mean(parts))

    def test_row_order_does_not_matter(self):
        X, y = data()
        assert_close(score(X.sort_index(), y.sort_index()), score(X, y))

    @pytest.mark.parametrize(
        "convert",
        [
            np.asarray,
            list,
            pd.Series.to_frame,
            lambda y: y.to_numpy()[:, None],
            lambda y: y.astype("Float64"),
            pl.from_pandas,
            lambda y: pa.array(y.to_numpy()),
            lambda y: pa.chunked_array([y.iloc[:5].to_numpy(), y.iloc[5:].to_numpy()]),
        ],
    )
    def test_kinds_of_target(self, convert):
        X, y = data()
        assert score(X, convert(y)) == score(X, y)

    def test_numbers_come_out(self):
        assert type(score(*data())) is float


class TestSlowReference:
    @pytest.mark.parametrize("seed", range(8))
    def test_gaps_everywhere(self, seed):
        rng = np.random.default_rng(seed)
        X, y = data(6, 12, ("m", "n", "o"), seed)
        X.iloc[rng.random(len(X)) < 0.3, 1 + seed % 3] = NAN
        y = y.mask(rng.random(len(X)) < 0.5)
        expected = reference.score(X[["m", "n", "o"]], y, X["era"])
        assert_close(score(X, y), expected)
        assert_close(score(X, y), numerai_corr_scorer(EraRankGauss(), X, y), 1e-15)


class TestJudges:
    @pytest.mark.parametrize("seed", range(3))
    def test_numerai_tools(self, seed):
        X, y = data(seed=seed)
        assert_close(score(X, y), judged(X, y).to_numpy().mean())

    def test_numerai_tools_many_models(self):
        models = ["m", "n", "o", "p"]
        X, y = data(models=models)
        assert_close(score(X, y), judged(X, y, models).to_numpy().mean())

    @pytest.mark.parametrize("models", ["m", "mno"])
    @pytest.mark.filterwarnings("ignore:X has no era column")
    @pytest.mark.filterwarnings("ignore:X has no era column")
    def test_numerai_tools_at_full_size(self, models):
        X, y = data(1, 6000, models)
        X[list(models)] += np.arange(6000)[:, None] % 1000 / 1e5
        expected = judged(X, y, models).to_numpy().mean()
        assert_close(score(X, y), expected)
        array = np.ascontiguousarray(X[list(models)])
        assert_close(EraRankGauss().fit(array).score(array, y), expected)

    @pytest.mark.parametrize(
        "estimator",
        [
            EraRank(),
            EraRankGauss(),
            WeightedEnsemble([0.3, 0.7]),
            FeatureNeutralizer(),
            FeatureNeutralizer(proportion=0.5, standardize=False),
        ],
    )
    def test_every_estimator_scores_what_it_predicts(self, estimator):
        X, y = data(models=("m", "n"))
        X["feature_a"] = np.arange(len(X)) % 5
        predictions = estimator.fit(X).predict(X).reshape(len(X), -1)
        names = list("mn")[: predictions.shape[1]]
        outputs = pd.DataFrame(predictions, columns=names, index=X.index)
        expected = judged(outputs.assign(era=X["era"]), y, names).to_numpy().mean()
        assert_close(estimator.score(X, y), expected)

    def test_grid_search_needs_no_scorer(self):
        X, y = data(models=("m", "n"))
        grid = {"weights": [[1, 0], [0, 1], [0.5, 0.5]]}
        search = GridSearchCV(WeightedEnsemble(), grid, cv=KFold(3))
        search.fit(X, y)
        folds = [
            WeightedEnsemble([0, 1]).fit(X).score(X.iloc[test], y.iloc[test])
            for _, test in KFold(3).split(X)
        ]
        assert_close(search.cv_results_["mean_test_score"][1], np.mean(folds))


# Blends without ties, which rounding would break.
GRID = {"weightedensemble__weights": [[1, 0], [0, 1], [0.7, 0.3]]}


@pytest.fixture(params=[False, True], ids=["routing off", "routing on"])
def routing(request):
    """Whatever scikit-learn's metadata routing does, a score stays what it is."""
    with config_context(enable_metadata_routing=request.param):
        yield request.param


class TestMetadataRouting:
    @pytest.fixture
    def fitted(self, routing):
        X, y = data(9, models=("m", "n"))
        X = X.sort_values("era", kind="stable")
        pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble([0.7, 0.3]))
        return pipeline.fit(X), X, y[X.index]

    def by_hand(self, X, y, weights=(0.7, 0.3)):
        """Mean CORR of a blend of normal quantiles, by Numerai's own library."""
        normal = X.groupby("era")[["m", "n"]].transform(reference.rank_gauss)
        return judged(X[["era"]].assign(m=normal @ list(weights)), y)["m"].mean()

    def folds(self, X, y, weights=(0.7, 0.3)):
        return [
            self.by_hand(X.iloc[test], y.iloc[test], weights)
            for _, test in KFold(3).split(X)
        ]

    def test_score_of_a_pipeline(self, fitted):
        pipeline, X, y = fitted
        assert_close(pipeline.score(X, y), self.by_hand(X, y))

    def test_cross_validate(self, fitted):
        pipeline, X, y = fitted
        got = cross_validate(pipeline, X, y, cv=KFold(3), error_score="raise")
        assert_close(got["test_score"], self.folds(X, y))
        scoring = {"one": numerai_corr_scorer}
        got = cross_validate(pipeline, X, y, cv=KFold(3), scoring=scoring)
        assert_close(got["test_one"], self.folds(X, y))

    @pytest.mark.parametrize("kind", [GridSearchCV, HalvingGridSearchCV])
    def test_searches(self, kind, fitted):
        pipeline, X, y = fitted
        options = {"error_score": "raise"}
        if kind is HalvingGridSearchCV:
            options |= {"min_resources": len(X), "random_state": 0}
        search = kind(pipeline, GRID, cv=KFold(3), **options)
        assert search.fit(X, y).n_splits_ == 3
        if kind is GridSearchCV:
            expected = [np.mean(self.folds(X, y, w)) for w in [(1, 0), (0, 1)]]
            assert_close(search.cv_results_["mean_test_score"][:2], expected)
        best = search.best_params_["weightedensemble__weights"]
        assert_close(search.score(X, y), self.by_hand(X, y, best))

    def test_weights_of_rows_are_refused_by_name(self, fitted, routing):
        pipeline, X, y = fitted
        ensemble = clone(pipeline[-1])
        if routing:
            ensemble.set_score_request(sample_weight=True)
            pipeline = make_pipeline(EraRankGauss(), ensemble).fit(X)
        with pytest.raises(ValueError, match="`sample_weight` must"):
            pipeline.score(X, y, sample_weight=np.ones(len(X)))
        with pytest.raises(ValueError, match=r"`sample_weight`.*got 'list'"):
            pipeline[-1].score(X, y, sample_weight=[1.0] * len(X))
        assert pipeline.score(X, y, sample_weight=None) == pipeline.score(X, y)
