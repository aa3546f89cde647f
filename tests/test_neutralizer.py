"""Neutralised predictions are neutral, equal to every judge, and never noise."""

import numpy as np
import pandas as pd
import pytest
import reference
from helpers import assert_close
from numerai_tools import scoring
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skbench import EraRankGauss, FeatureNeutralizer, neutralization_path
from skbench.kernels.neutralize import (
    EXACT,
    TRUSTED,
    _cholesky,
    _exact_design,
    _trusted,
    _whole_numbers,
    fill_missing,
    least_rcond,
    neutralize,
)
from skbench.kernels.products import product

NAN = np.nan


def kernel(prediction, features, proportion=1.0, **options):
    """Neutralise one prediction; features are (n_rows, n_features)."""
    block = np.asarray(prediction, dtype=float)[None, :]
    features = np.asarray(features).T
    return neutralize(block, features, proportions=[proportion], **options)[0, 0]


def largest_correlation(output, features):
    """Largest |Pearson correlation| with a feature that varies; a zero output has 0."""
    features = np.asarray(features, dtype=float)
    x = output - output.mean()
    if np.linalg.norm(x) == 0:
        return 0.0
    varying = features[:, np.ptp(features, axis=0) > 0]
    F = varying - varying.mean(axis=0)
    sizes = np.linalg.norm(F, axis=0) * np.linalg.norm(x)
    return (np.abs(x @ F) / sizes).max(initial=0.0)


def bins(rng, n, m):
    return rng.integers(0, 5, (n, m)).astype(np.int8)


FEATURES = {
    "int8 bins": bins,
    "float32 quarters": lambda rng, n, m: (bins(rng, n, m) / 4).astype(np.float32),
    "float64 quarters": lambda rng, n, m: bins(rng, n, m) / 4,
    "continuous": lambda rng, n, m: rng.normal(size=(n, m)),
    "float32": lambda rng, n, m: rng.random((n, m)).astype(np.float32),
    "large integers": lambda rng, n, m: rng.integers(0, 100_000, (n, m)),
}
every_kind = pytest.mark.parametrize("kind", FEATURES)


def frame(kind="int8 bins", m=6, size=50, n_eras=3, seed=0, names=("p", "q")):
    """Eras of different sizes, rows shuffled, predictions that features explain."""
    rng = np.random.default_rng(seed)
    era = np.repeat([f"{i:04}" for i in range(n_eras)], size + 9 * np.arange(n_eras))
    n = len(era)
    F = FEATURES[kind](rng, n, m)
    signal = (F - F.mean(axis=0)) @ rng.normal(size=m)
    X = pd.DataFrame({"era": era})
    for name in names:
        X[name] = rng.normal(size=n) + signal / signal.std() + 0.5
    features = pd.DataFrame(F, columns=[f"feature_{i}" for i in range(m)])
    return pd.concat([X, features], axis=1).iloc[rng.permutation(n)]


def features_of(X):
    return [name for name in X if name.startswith("feature")]


def neutralized(X, **options):
    return FeatureNeutralizer(**options).fit(X).predict(X)


def expected_by_era(function, X, name, **options):
    def one_era(prediction, features):
        return function(prediction, features, **options)

    arrays = X[name], X[features_of(X)].astype(float)
    return reference.by_era(one_era, X["era"], *arrays)


def rounding(X, name, **options):
    """Largest bound of any era."""
    error = reference.neutralization_error
    return expected_by_era(error, X, name, **options).max()


class TestFrozenNumbers:
    x = (1.0, 2.0, 3.0, 6.0)
    f = ((0.0,), (0.0,), (1.0,), (1.0,))

    def test_a_dummy_takes_the_group_means(self):
        got = kernel(self.x, self.f, standardize=False)
        assert_close(got, [-0.5, 0.5, -1.5, 1.5])

    def test_half_the_proportion(self):
        # Half of the group means 1.5 and 4.5 goes.
        got = kernel(self.x, self.f, 0.5, standardize=False)
        assert_close(got, [0.25, 1.25, 0.75, 3.75])

    def test_proportion_zero_changes_nothing(self):
        assert_close(kernel(self.x, self.f, 0.0, standardize=False), self.x)

    def test_divided_by_the_population_deviation_and_not_centred(self):
        got = kernel(self.x, self.f, 0.0)
        assert_close(got, np.array(self.x) / np.sqrt(3.5))

    def test_without_intercept(self):
        # The projection on (0, 0, 1, 1) is 4.5 there; nothing else goes.
        got = kernel(self.x, self.f, fit_intercept=False, standardize=False)
        assert_close(got, [1, 2, -1.5, 1.5])

    def test_intercept_alone(self):
        got = kernel(self.x, np.ones((4, 1)), standardize=False)
        assert_close(got, [-2, -1, 0, 3])

    def test_missing_features_become_the_median_then_a_half(self):
        features = np.array([[1.0, NAN, 3.0, 9.0], [NAN] * 4])
        filled = fill_missing(features)
        np.testing.assert_array_equal(filled, [[1, 3, 3, 9], [0.5] * 4])
        assert np.isnan(features).sum() == 5

    def test_missing_features_become_a_number(self):
        got = fill_missing(np.array([[1.0, NAN]]), 7.0)
        np.testing.assert_array_equal(got, [[1, 7]])


@every_kind
@pytest.mark.parametrize("seed", range(3))
class TestSlowReference:
    @pytest.mark.parametrize("proportion", [0.0, 0.3, 1.0, 1])
    @pytest.mark.parametrize("fit_intercept", [True, False])
    @pytest.mark.parametrize("standardize", [True, False])
    def test_every_setting(self, kind, seed, proportion, fit_intercept, standardize):
        X = frame(kind, seed=seed)
        options = {
            "proportion": proportion,
            "fit_intercept": fit_intercept,
            "standardize": standardize,
        }
        got = neutralized(X, **options)
        for i, name in enumerate(["p", "q"]):
            expected = expected_by_era(reference.neutralize, X, name, **options)
            tolerance = rounding(X, name, **options)
            if not standardize:  # whose proportion 0 leaves the most of a prediction
                tolerance *= X[name].std()
            assert_close(got[:, i], expected, tolerance)

    def test_many_features(self, kind, seed):
        X = frame(kind, 60, 150, seed=seed)
        expected = expected_by_era(reference.neutralize, X, "p")
        assert_close(neutralized(X)[:, 0], expected, rounding(X, "p"))

    def test_missing_predictions_and_features(self, kind, seed):
        rng = np.random.default_rng(seed)
        X = frame(kind, seed=seed)
        X["p"] = X["p"].mask(rng.random(len(X)) < 0.2)
        names = features_of(X)
        X = X.astype(dict.fromkeys(names, np.float64))
        X[names] = X[names].mask(rng.random((len(X), 6)) < 0.2)
        X.loc[X["era"] == "0001", names[2]] = NAN
        for missing in ("median", 0.25):
            got = neutralized(X, missing=missing)[:, 0]
            options = {"missing": missing}
            expected = expected_by_era(reference.neutralize, X, "p", **options)
            assert_close(got, expected, rounding(X, "p", **options))


class TestJudges:
    @pytest.mark.parametrize("kind", ["int8 bins", "continuous", "float32 quarters"])
    @pytest.mark.parametrize("proportion", [1.0, 0.4])
    @pytest.mark.parametrize("m", [1, 6, 40])
    def test_numerai_tools(self, kind, proportion, m):
        X = frame(kind, m, size=80)
        options = {"proportion": proportion, "standardize": False}
        got = pd.DataFrame(neutralized(X, **options), X.index, ["p", "q"])
        for _, era in X.groupby("era"):
            features = era[features_of(X)]
            expected = scoring.neutralize(era[["p", "q"]], features, proportion)
            assert_close(got.loc[era.index], expected, 1e-9)

    @pytest.mark.parametrize("kind", ["int8 bins", "continuous", "float32 quarters"])
    def test_numerai_tools_at_a_large_size(self, kind):
        X = frame(kind, 300, size=1500, n_eras=1)
        got = neutralized(X, standardize=False)
        expected = scoring.neutralize(X[["p", "q"]], X[features_of(X)])
        assert_close(got, expected, 1e-9)

    @pytest.mark.parametrize("kind", ["int8 bins", "continuous", "float32 quarters"])
    @pytest.mark.parametrize("proportion", [1.0, 0.5])
    def test_published_snippet_in_float64(self, kind, proportion):
        X = frame(kind, 10, size=120)
        X["p"] = X["p"].round(1)  # ties, which the snippet breaks by row order
        X.loc[X.index[::7], "q"] = X["q"].iloc[0]
        pipeline = make_pipeline(
            EraRankGauss(ties="first", scale=False),
            FeatureNeutralizer(fit_intercept=False, proportion=proportion),
        )
        got = pipeline.fit(X).predict(X)
        for i, name in enumerate(["p", "q"]):
            expected = expected_by_era(
                reference.published_neutralization, X, name, proportion=proportion
            )
            assert_close(got[:, i], expected, 1e-9)

    def test_published_snippet_with_missing_features(self):
        X = frame("float64 quarters", 5, size=100)
        rng = np.random.default_rng(0)
        names = features_of(X)
        X[names] = X[names].mask(rng.random((len(X), 5)) < 0.1)
        X.loc[X["era"] == "0002", names[0]] = NAN
        pipeline = make_pipeline(
            EraRankGauss(ties="first", scale=False),
            FeatureNeutralizer(fit_intercept=False),
        )
        got = pipeline.fit(X).predict(X)[:, 0]
        expected = expected_by_era(reference.published_neutralization, X, "p")
        assert_close(got, expected, 1e-9)

    @every_kind
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_residuals_of_a_regression(self, kind, fit_intercept):
        X = frame(kind, n_eras=1)
        F = X[features_of(X)].astype(float)
        F = F / F.abs().max()
        model = LinearRegression(fit_intercept=fit_intercept).fit(F, X["p"])
        got = neutralized(X, fit_intercept=fit_intercept, standardize=False)[:, 0]
        assert_close(got, X["p"] - model.predict(F), 1e-9)

    def test_normal_scores_are_those_of_scipy(self):
        """The judge above ranks by pandas; here the same step by another way."""
        x = np.random.default_rng(0).normal(size=50)
        p = (np.argsort(np.argsort(x)) + 0.5) / 50
        expected = norm.ppf(p) / norm.ppf(p).std()
        got = reference.published_neutralization(x, np.zeros((50, 1)))
        assert_close(got, expected)


def nearly_equal(noise):
    def features(rng, n):
        common = rng.normal(size=(n, 1))
        return np.hstack([common, common + noise * rng.normal(size=(n, 1))])

    return features


def off_centre(rng, n):
    """Several columns with different means, related to each other."""
    F = rng.normal(size=(n, 5)) @ rng.normal(size=(5, 5))
    return F + np.array([3.0, -40.0, 0.5, 700.0, 12.0])


def one_hot(rng, n):
    return np.eye(6)[rng.integers(0, 6, n)]


def combined(rng, n):
    F = rng.normal(size=(n, 4))
    return np.hstack([F, F @ rng.normal(size=(4, 5)), F.sum(axis=1, keepdims=True)])


def scaled(rng, n):
    F = rng.normal(size=(n, 5))
    F[:, :2] *= 1e-6
    F[:, 2] *= 1e6
    return F


def beside(constant):
    def features(rng, n):
        return np.hstack([np.full((n, 2), constant), rng.normal(size=(n, 3))])

    return features


def rank_deficient_wide(rng, n):
    return rng.normal(size=(n, 7)) @ rng.normal(size=(7, n + 30))


def binned_wide(rng, n):
    columns = rng.integers(0, 5, (n, 9))
    return columns[:, rng.integers(0, 9, n + 30)].astype(np.int8)


AWKWARD = {
    "continuous": lambda rng, n: rng.normal(size=(n, 5)),
    "large mean": lambda rng, n: 100 + rng.normal(size=(n, 5)),
    "larger mean": lambda rng, n: 1e6 + rng.normal(size=(n, 5)),
    "large mean, float32": lambda rng, n: (100 + rng.normal(size=(n, 5))).astype("f4"),
    "off centre": off_centre,
    "scaled": scaled,
    "duplicated": lambda rng, n: np.repeat(rng.normal(size=(n, 3)), 3, axis=1),
    "duplicated bins": lambda rng, n: np.repeat(bins(rng, n, 3), 3, axis=1),
    "negated": lambda rng, n: np.hstack([F := rng.normal(size=(n, 3)), -F]),
    "constant 0.1": beside(0.1),
    "constant 2": beside(2.0),
    "constant 1e9": beside(1e9),
    "constant bins": lambda rng, n: np.c_[np.full((n, 2), 2), bins(rng, n, 3)],
    "nothing but constants": lambda rng, n: np.full((n, 3), 0.1),
    "nearly constant": lambda rng, n: 2 + 1e-6 * rng.normal(size=(n, 2)),
    "combinations": combined,
    "dummies": one_hot,
    "dummies, int8": lambda rng, n: one_hot(rng, n).astype(np.int8),
    "dummies and more": lambda rng, n: np.hstack([one_hot(rng, n), bins(rng, n, 3)]),
    "one odd row": lambda rng, n: np.eye(n)[:, :3],
    "more features than rows": lambda rng, n: rng.normal(size=(n, n + 30)),
    "more bins than rows": lambda rng, n: bins(rng, n, n + 30),
    "as many features as rows": lambda rng, n: rng.normal(size=(n, n)),
    "one feature fewer than rows": lambda rng, n: bins(rng, n, n - 1),
    "wide and rank deficient": rank_deficient_wide,
    "wide, few different bins": binned_wide,
    "large integers": lambda rng, n: rng.integers(0, 10**6, (n, 5)),
    "larger integers": lambda rng, n: 10**8 + rng.integers(0, 5, (n, 5)),
    "just too large": lambda rng, n: 4100 // n**0.5 + rng.integers(0, 5, (n, 5)),
    "negative bins": lambda rng, n: -bins(rng, n, 4),
    "extreme int8": lambda rng, n: rng.choice([-128, 127], (n, 3)).astype(np.int8),
    "uint8": lambda rng, n: rng.integers(0, 256, (n, 3)).astype(np.uint8),
    "bool": lambda rng, n: rng.random((n, 3)) < 0.5,
    **{f"noise 1e-{k}": nearly_equal(10.0**-k) for k in range(3, 10)},
}


def awkward(name, n=100, seed=0):
    """Features, and predictions that lean on them, on their differences, on nothing."""
    rng = np.random.default_rng(seed)
    F = AWKWARD[name](rng, n)
    real = F.astype(float)
    unit = (real - real.mean(axis=0)) / np.maximum(real.std(axis=0), 1e-12)
    predictions = {
        "noise": rng.normal(size=n),
        "leaning": rng.normal(size=n) + unit[:, 0],
        "off centre": rng.normal(size=n) + unit.sum(axis=1) + 50,
    }
    return predictions, F


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("seed", range(2))
class TestNeutrality:
    def test_no_correlation_is_left(self, name, seed):
        predictions, F = awkward(name, seed=seed)
        for prediction in predictions.values():
            for standardize in (True, False):
                output = kernel(prediction, F, standardize=standardize)
                assert largest_correlation(output, F) <= 1e-6

    def test_what_is_left_is_what_the_reference_leaves(self, name, seed):
        predictions, F = awkward(name, seed=seed)
        for prediction in predictions.values():
            output = kernel(prediction, F, standardize=False)
            expected = reference.neutralize(prediction, F, standardize=False)
            tolerance = reference.neutralization_error(prediction, F) * expected.std()
            if name.startswith("noise"):
                # Which of two columns nearly equal stands for both is up to rcond.
                tolerance = 1e-6 * np.abs(prediction).max()
            assert_close(output, expected, tolerance)

    def test_without_intercept_nothing_can_be_projected_again(self, name, seed):
        predictions, F = awkward(name, seed=seed)
        norms = np.linalg.norm(F.astype(float), axis=0)
        for prediction in predictions.values():
            out = kernel(prediction, F, fit_intercept=False, standardize=False)
            products = np.abs(out @ F) / np.maximum(norms, 1e-300)
            assert products.max() <= 1e-6 * max(np.linalg.norm(out), 1e-300)

    def test_the_mean_is_gone_and_the_deviation_one(self, name, seed):
        predictions, F = awkward(name, seed=seed)
        for prediction in predictions.values():
            output = kernel(prediction, F)
            assert_close(output.mean(), 0, 1e-8)
            if output.any():
                assert_close(output.std(), 1)


class TestNearlyEqualColumns:
    @pytest.mark.parametrize("noise", [10.0**-k for k in range(3, 10)])
    def test_a_prediction_along_the_difference(self, noise):
        """The hardest prediction: the direction that hardly counts is all it has."""
        rng = np.random.default_rng(0)
        common, one, other = rng.normal(size=(3, 200))
        F = np.column_stack([common + noise * one, common + noise * other])
        for prediction in (one, one - other, common + one - other):
            output = kernel(prediction, F)
            assert largest_correlation(output, F) <= 1e-6

    @pytest.mark.parametrize("m", [10, 50])
    @pytest.mark.parametrize("noise", [10.0**-k for k in range(3, 10)])
    def test_many_columns(self, m, noise):
        """What counts as zero is a share of the largest singular value, about √m."""
        rng = np.random.default_rng(0)
        own = rng.normal(size=(200, m))
        F = rng.normal(size=(200, 1)) + noise * own
        assert largest_correlation(kernel(rng.normal(size=200), F), F) <= 1e-6
        for prediction in (own[:, 0], own[:, 0] - own[:, 1]):
            output = kernel(prediction, F)
            assert largest_correlation(output, F) <= 1e-6 * np.sqrt(m)


class TestExactIntegers:
    """Whole numbers take a shortcut in float32; its results are those of float64."""

    def error(self, prediction, F, fit_intercept=True):
        return reference.neutralization_error(prediction, F, fit_intercept)

    @pytest.mark.parametrize("m", [1, 5, 60, 99])
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_shifted_by_an_irrational_share_they_take_the_long_way(
        self, m, fit_intercept
    ):
        rng = np.random.default_rng(m)
        F = bins(rng, 100, m)
        prediction = rng.normal(size=100) + F[:, 0]
        scale = np.pi * np.ones(m)  # no whole numbers, the same directions
        got = kernel(prediction, F, fit_intercept=fit_intercept)
        expected = kernel(prediction, F * scale, fit_intercept=fit_intercept)
        assert_close(got, expected, self.error(prediction, F, fit_intercept))

    @pytest.mark.parametrize(
        "dtype", [np.int8, np.uint8, np.int16, np.int64, np.float32, np.float64]
    )
    def test_every_dtype_gives_the_same(self, dtype):
        rng = np.random.default_rng(0)
        F = bins(rng, 300, 20)
        prediction = rng.normal(size=300)
        expected = kernel(prediction, F)
        np.testing.assert_array_equal(kernel(prediction, F.astype(dtype)), expected)
        quarters = (F / 4).astype(dtype if dtype == np.float32 else np.float64)
        tolerance = self.error(prediction, F)
        assert_close(kernel(prediction, quarters), expected, tolerance)

    @pytest.mark.parametrize("largest", [30, 100, 289, 290, 405, 409, 410, 1000, 5000])
    @pytest.mark.parametrize("bins", [2, 5])
    def test_whole_numbers_far_from_zero(self, largest, bins):
        """Up to 409 the squares of 100 rows fit float32; beyond it they do not."""
        for seed in range(10):
            rng = np.random.default_rng(seed)
            F = largest - rng.integers(0, bins, (100, 8))
            prediction = rng.normal(size=100) + F @ rng.normal(size=8)
            expected = reference.neutralize(prediction, F)
            output = kernel(prediction, F)
            assert_close(output, expected, 1e-9)
            assert largest_correlation(output, F) <= 1e-9

    def test_full_size(self):
        rng = np.random.default_rng(0)
        F = bins(rng, 2000, 400)
        prediction = rng.normal(size=2000) + F[:, :9].sum(axis=1)
        output, tolerance = kernel(prediction, F), self.error(prediction, F)
        assert_close(output, reference.neutralize(prediction, F), tolerance)
        assert largest_correlation(output, F) <= 1e-9

    @pytest.mark.parametrize("share", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
    def test_a_prediction_almost_in_the_span(self, share):
        rng = np.random.default_rng(0)
        F = bins(rng, 300, 20)
        noise = rng.normal(size=300)
        prediction = F @ rng.normal(size=20) + share * noise
        expected = reference.neutralize(noise, F)
        for features in (F, F * np.pi):
            output = kernel(prediction, features)
            assert_close(output, expected, self.error(prediction, F))
            assert largest_correlation(output, F) <= 1e-6


class TestShortcut:
    """Whole numbers go as float32 where their Gram matrix is exact in it."""

    def test_bins_are_taken_as_whole_numbers_from_zero_up(self):
        F = bins(np.random.default_rng(0), 100, 8).T
        for features in (F, F / 4, (F / 4).astype(np.float32)):
            np.testing.assert_array_equal(_whole_numbers(features, True), F)
            np.testing.assert_array_equal(_whole_numbers(features, False), F)

    def test_bins_far_from_zero_are_moved_there_if_they_are_centred(self):
        F = bins(np.random.default_rng(0), 100, 3).T
        far = F + np.array([[0], [100_000], [-3000]])
        np.testing.assert_array_equal(_whole_numbers(far, True), F)
        assert _whole_numbers(far, False) is None

    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("other", [0, 7, -7])
    def test_the_largest_whole_number_of_100_rows_is_409(self, sign, other):
        F = np.full((8, 100), other)
        for largest, fits in [(409, True), (410, False)]:
            F[5, 17] = sign * largest
            assert 100 * largest**2 < EXACT if fits else 100 * largest**2 > EXACT
            assert (_whole_numbers(F, False) is not None) == fits

    @pytest.mark.parametrize("odd", [0, 62, 63, 64, 65, 127, 129])
    def test_one_feature_not_in_quarters_keeps_all_from_it(self, odd):
        F = bins(np.random.default_rng(0), 200, 130).T / 4
        assert _whole_numbers(F, True) is not None
        F[odd, 3] += 1e-3
        assert _whole_numbers(F, True) is None

    @pytest.mark.parametrize("offset", [2**25, -(2**25), 5_000_000, -5_000_000])
    def test_numbers_too_large_for_float32_are_not_rounded_to_it(self, offset):
        rng = np.random.default_rng(0)
        F = bins(rng, 100, 5) / 4
        if abs(offset) > EXACT:
            F *= 4
        prediction = rng.normal(size=100) + F[:, 0]
        expected = kernel(prediction, F)
        for far in (offset, offset * np.eye(5)[2]):  # all features, or one of them
            assert_close(kernel(prediction, F + far), expected, 1e-9)

    @pytest.mark.parametrize("centre", [True, False])
    def test_the_gram_matrix_is_that_of_features_of_unit_norm(self, centre):
        F = bins(np.random.default_rng(0), 100, 6).T
        F[4] = 3 if centre else 0  # explains nothing
        design = _exact_design(_whole_numbers(F, centre), centre)
        unit = F - (F.mean(axis=1, keepdims=True) if centre else 0.0)
        unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-300)
        expected = np.triu(unit @ unit.T)
        expected[4, 4] = 1.0
        # A sum of n products rounds n times, by half an epsilon of at most one.
        tolerance = F.shape[1] * np.finfo(float).eps / 2
        assert_close(np.triu(design.gram), expected, tolerance)
        np.testing.assert_array_equal(design.gram.diagonal(), 1.0)
        assert_close(design.written_out(), unit, tolerance)

    def test_a_feature_of_zeros_and_one_of_a_single_one_without_intercept(self):
        x = np.random.default_rng(0).normal(size=9)
        F = np.zeros((9, 2), dtype=np.int8)
        F[3, 1] = 1
        options = {"fit_intercept": False, "standardize": False}
        assert_close(kernel(x, F, **options), np.where(F[:, 1], 0.0, x))

    @pytest.mark.parametrize("rcond", [1e-6, 1e-9])
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_bins_of_doubtful_rank(self, rcond, fit_intercept):
        rng = np.random.default_rng(0)
        F = np.repeat(bins(rng, 100, 4), 2, axis=1)
        F[:, :2] = 0
        x = rng.normal(size=100) + F.sum(axis=1)
        options = {"rcond": rcond, "fit_intercept": fit_intercept}
        tolerance = reference.neutralization_error(x, F, **options)
        expected = reference.neutralize(x, F, **options)
        assert_close(kernel(x, F, **options), expected, tolerance)


class TestOneByOne:
    """What else is in the block, or how it lies in memory, changes no prediction."""

    @pytest.mark.parametrize("proportion", [0.5, 1.0])
    @pytest.mark.parametrize("kind", ["int8 bins", "continuous"])
    def test_predictions_of_any_mean_and_size_together(self, kind, proportion):
        rng = np.random.default_rng(0)
        F = FEATURES[kind](rng, 60, 5)
        x = rng.random((4, 60)) + np.array([[0.0], [1.0], [-5.0], [40.0]])
        x = np.vstack([x, 2.0**600 * x[0], 2.0**-600 * x[0], -(2.0**600) * x[0]])
        x[:, 7] = 0.0
        got = neutralize(x, F.T, proportions=[proportion])[0]
        tolerance = max(reference.neutralization_error(one, F) for one in x[:4])
        for one, output in zip(x, got, strict=True):
            assert_close(output, kernel(one, F, proportion), tolerance)
        assert_close(got[4:], [got[0], got[0], -got[0]], tolerance)

    @pytest.mark.parametrize("kind", FEATURES)
    @pytest.mark.parametrize("m", [5, 80])
    def test_the_order_in_memory_changes_no_bit(self, kind, m):
        rng = np.random.default_rng(0)
        F, x = FEATURES[kind](rng, 60, m).T, rng.normal(size=(3, 60))
        got = neutralize(np.asfortranarray(x), np.asfortranarray(F))
        expected = neutralize(np.ascontiguousarray(x), np.ascontiguousarray(F))
        np.testing.assert_array_equal(got, expected)


class TestFarFromZero:
    def test_the_mean_of_a_feature_may_be_a_million_million_deviations(self):
        rng = np.random.default_rng(0)
        F = rng.normal(size=(100, 3)) + np.array([2.0**40, -(2.0**39), 2.0**38])
        x = rng.normal(size=100) + rng.normal(size=(3, 100)).sum(axis=0)
        near = F - np.round(F[0])  # without rounding
        got = kernel(x, F, standardize=False)
        assert_close(got, kernel(x, near, standardize=False), 1e-10)
        assert_close(got.mean(), 0.0, 1e-14)

    def test_more_constant_features_than_rows_explain_nothing(self):
        x = np.array([1.0, 2.0, 6.0])
        for value in (0.0, 0.1, 3.0):
            got = kernel(x, np.full((3, 5), value), standardize=False)
            assert_close(got, x - 3)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["int8 bins", "continuous"])
def test_no_singular_values_where_the_rank_is_beyond_doubt(
    kind, fit_intercept, monkeypatch
):
    def slow(*_, **__):
        raise AssertionError("an era of full size would take minutes")

    monkeypatch.setattr("skbench.kernels.neutralize.svd", slow)
    rng = np.random.default_rng(0)
    x, F = rng.normal(size=60), FEATURES[kind](rng, 60, 6)
    constant = np.full((60, 1), 2 if fit_intercept else 0)
    for features in (F, np.hstack([F, F]), np.hstack([F, constant])):
        for rcond in (1e-6, 1e-3):
            got = kernel(x, features, fit_intercept=fit_intercept, rcond=rcond)
            assert_close(got, reference.neutralize(x, F, fit_intercept=fit_intercept))
    wide = FEATURES[kind](rng, 60, 150)
    assert not kernel(x, wide, fit_intercept=fit_intercept).any()


@pytest.mark.parametrize("seed", [0, 5, 6])
def test_refined_until_single_precision_is_enough(seed):
    """Bins copied but for three rows, and a prediction almost in their span."""
    rng = np.random.default_rng(seed)
    F = bins(rng, 300, 20)
    for j in range(1, 10):
        F[:, j] = F[:, 0]
        F[rng.integers(0, 300, 3), j] = rng.integers(0, 5, 3)
    signal = F @ rng.normal(size=20)
    x = signal / signal.std() + 1e-5 * rng.normal(size=300)
    expected = reference.neutralize(x, F, standardize=False)
    assert_close(kernel(x, F, standardize=False), expected, 5e-13)
    beside = np.vstack([rng.normal(size=300), x])  # the first is refined at once
    got = neutralize(beside, F.T, standardize=False)[0, 1]
    assert_close(got, expected, 5e-13)


@pytest.mark.filterwarnings("ignore:the prediction .* is the same in all rows")
class TestNothingLeft:
    @every_kind
    @pytest.mark.parametrize("standardize", [True, False])
    def test_prediction_in_the_span(self, kind, standardize):
        X = frame(kind)
        F = X[features_of(X)].astype(float)
        X["p"] = F @ np.arange(1, 7) + 3
        got = neutralized(X, columns="p", standardize=standardize)
        np.testing.assert_array_equal(got, np.zeros(len(X)))

    def test_prediction_in_the_span_half_neutralised_keeps_its_shape(self):
        X = frame()
        X["p"] = X[features_of(X)].astype(float) @ np.arange(1, 7)
        got = neutralized(X, columns="p", proportion=0.5, standardize=False)
        assert_close(got, X["p"] / 2)
        got = neutralized(X, columns="p", proportion=0.25)
        deviations = X.groupby("era")["p"].transform("std", ddof=0)
        assert_close(got, X["p"] / deviations)

    @pytest.mark.parametrize("value", [0.1, 0.0, -3.0, 1e9, 1 / 3])
    @pytest.mark.parametrize("standardize", [True, False])
    def test_constant_prediction(self, value, standardize):
        X = frame("continuous").assign(p=value)
        got = neutralized(X, columns="p", standardize=standardize)
        np.testing.assert_array_equal(got, np.zeros(len(X)))

    @pytest.mark.parametrize("value", [0.1, 1 / 3, 1e9])
    def test_constant_prediction_half_neutralised(self, value):
        X = frame("continuous").assign(p=value)
        got = neutralized(X, columns="p", proportion=0.5, standardize=False)
        np.testing.assert_allclose(got, value / 2, rtol=1e-12)
        got = neutralized(X, columns="p", proportion=0.5)
        np.testing.assert_array_equal(got, np.zeros(len(X)))

    def test_constant_prediction_without_intercept_is_a_prediction(self):
        X = frame("continuous").assign(p=0.1)
        options = {"fit_intercept": False}
        got = neutralized(X, columns="p", **options)
        assert_close(got, expected_by_era(reference.neutralize, X, "p", **options))
        assert got.any()

    @pytest.mark.parametrize("fit_intercept", [True, False])
    @pytest.mark.parametrize("proportion", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("feature", [0, 2])
    def test_one_row_eras(self, fit_intercept, proportion, feature):
        X = pd.DataFrame({"era": ["1", "2"], "p": [3.0, NAN], "feature_a": feature})
        options = {"fit_intercept": fit_intercept, "proportion": proportion}
        np.testing.assert_array_equal(neutralized(X, **options), [0, NAN])
        explained = proportion if fit_intercept or feature else 0.0
        got = neutralized(X, standardize=False, **options)
        assert_close(got, [3 * (1 - explained), NAN])

    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_as_many_independent_features_as_rows(self, fit_intercept):
        F = np.random.default_rng(0).normal(size=(20, 20))
        got = kernel(np.arange(20.0), F, fit_intercept=fit_intercept)
        np.testing.assert_array_equal(got, np.zeros(20))

    def test_half_neutralised_to_everything(self):
        F = np.random.default_rng(0).normal(size=(20, 40))
        x = np.random.default_rng(1).normal(size=20) + 5
        got = kernel(x, F, 0.5, standardize=False)
        assert_close(got, x / 2)

    @pytest.mark.parametrize("rcond", [1e-3, 1e-6])
    @pytest.mark.parametrize(("factor", "nothing"), [(0.5, True), (2.0, False)])
    def test_the_limit_is_rcond_times_the_norm_of_the_input(
        self, rcond, factor, nothing
    ):
        rng = np.random.default_rng(0)
        F = rng.normal(size=(50, 3))
        noise = reference.neutralize(rng.normal(size=50), F)
        signal = F[:, 0] - F[:, 0].mean()
        prediction = signal / np.linalg.norm(signal)
        prediction += factor * rcond * noise / np.linalg.norm(noise)
        output = kernel(prediction, F, rcond=rcond)
        assert output.any() != nothing
        if rcond == 1e-6:  # the default
            np.testing.assert_array_equal(kernel(prediction, F), output)

    def test_predictions_beside_it_of_another_mean_do_not_raise_the_limit(self):
        rng = np.random.default_rng(0)
        F, x = rng.normal(size=(50, 3)), rng.normal(size=50)
        prediction = F[:, 0] + 1.5e-6 * x
        beside = np.tile(prediction + 10, (9, 1))
        got = neutralize(np.vstack([prediction, beside]), F.T)[0]
        tolerance = reference.neutralization_error(prediction, F)
        assert_close(got[0], kernel(prediction, F), tolerance)
        assert got[0].any()

    def test_all_predictions_missing(self):
        X = frame().assign(p=NAN)
        assert np.isnan(neutralized(X, columns="p")).all()


class TestRcond:
    @pytest.mark.parametrize(
        ("noise", "rcond"),
        [
            (1.6e-2, 1e-2),
            (2e-3, 1e-2),
            (2e-3, 1e-4),
            (2e-5, 1e-6),
            (2e-7, 1e-6),
            (2e-7, 1e-9),
        ],
    )
    @pytest.mark.parametrize("copies", [1, 2])
    @pytest.mark.parametrize("n", [100, 3])
    def test_singular_values_count_down_to_rcond(self, noise, rcond, copies, n):
        """Of two nearly equal columns: 1 for the sum, noise / 2 for the difference."""
        rng = np.random.default_rng(0)
        one = unit(rng.normal(size=n))
        other = unit(one + noise * unit(rng.normal(size=n)))
        F = np.column_stack([one, other] * copies)
        directions = [one + other]
        if noise / 2 > rcond:
            directions.append((one - other) / noise)
        prediction = unit(rng.normal(size=n))
        options = {"standardize": False, "fit_intercept": False}
        got = kernel(prediction, F, rcond=rcond, **options)
        basis = np.column_stack(directions)
        expected = prediction - basis @ (np.linalg.pinv(basis) @ prediction)
        assert_close(got, expected, 1e-7)


@pytest.mark.parametrize("rcond", [1e-6, 1e-4])
@pytest.mark.parametrize(("share", "trusted"), [(0.75, False), (1.5, True)])
def test_a_factor_is_trusted_above_its_limit_and_not_below(rcond, share, trusted):
    """Both bounds are exact for a diagonal matrix."""
    limit = np.sqrt(2.0 * 4) * max(TRUSTED, 10 * rcond**2)
    gram = np.asfortranarray(np.diag([1.0, 1.0, 1.0, 1.0, share * limit]))
    assert _trusted(_cholesky(gram), gram, rcond) is trusted


class TestRcondBelowRounding:
    """Numpy's `lstsq` draws the line where rounding ends: epsilon x max(shape)."""

    @pytest.mark.parametrize("shape", [(4, 900), (900, 4)])
    def test_the_line_is_that_of_numpy(self, shape):
        assert least_rcond(*shape) == np.finfo(float).eps * 900

    @pytest.mark.parametrize("rcond", [0, 0.0, 1e-16, 1e-300])
    @pytest.mark.parametrize("shape", [(200, 10), (60, 40), (30, 60), (3, 8)])
    @pytest.mark.parametrize("kind", ["int8 bins", "continuous", "float32"])
    def test_duplicates_give_the_minimum_norm_answer(self, rcond, shape, kind):
        rng = np.random.default_rng(0)
        n, m = shape
        F = np.repeat(FEATURES[kind](rng, n, m // 2), 2, axis=1)
        x = rng.normal(size=n)
        output = kernel(x, F, rcond=rcond, standardize=False)
        F, x = F - F.mean(axis=0, dtype=float), x - x.mean()
        scaled = F / np.maximum(np.linalg.norm(F, axis=0), 1e-300)
        expected = x - scaled @ np.linalg.lstsq(scaled, x, rcond=None)[0]
        assert_close(output, expected, 1e-9)

    def test_a_sum_of_others_too(self):
        rng = np.random.default_rng(0)
        F = rng.normal(size=(100, 4)) @ rng.normal(size=(4, 30))
        x = rng.normal(size=100)
        output = kernel(x, F, rcond=0.0, standardize=False, fit_intercept=False)
        expected = x - F @ np.linalg.lstsq(F, x, rcond=1e-10)[0]
        assert_close(output, expected, 1e-9)

    def test_what_counts_above_it_still_counts(self):
        """A direction of 1e-12 is no rounding: only rcond can leave it out."""
        rng = np.random.default_rng(0)
        one, other, x = rng.normal(size=(3, 100))
        F = np.column_stack([one, one + 1e-12 * other])
        options = {"standardize": False, "fit_intercept": False}
        both = np.column_stack([one, F[:, 1] - one])
        both /= np.linalg.norm(both, axis=0)
        expected = x - both @ np.linalg.lstsq(both, x, rcond=None)[0]
        assert_close(kernel(x, F, rcond=0.0, **options), expected, 1e-2)
        expected = x - one * (one @ x) / (one @ one)
        assert_close(kernel(x, F, **options), expected, 1e-9)

    @pytest.mark.parametrize("rcond", [0.0, 1e-16])
    def test_nothing_left_is_zero_and_no_rounding_scaled_up(self, rcond):
        rng = np.random.default_rng(0)
        F = bins(rng, 100, 5)
        assert not kernel(F @ rng.normal(size=5), F, rcond=rcond).any()

    @pytest.mark.parametrize("rcond", [0.0, 1e-16])
    def test_in_the_estimator_and_the_path(self, rcond):
        X = frame()
        X = X.assign(**{f"{name}_too": X[name] for name in features_of(X)})
        expected = FeatureNeutralizer(columns="p").fit(X).predict(X)
        got = FeatureNeutralizer(columns="p", rcond=rcond).fit(X).predict(X)
        path = neutralization_path(X, [1], columns="p", rcond=rcond)
        assert_close(got, expected, 1e-9)
        assert_close(path["p_1"], expected, 1e-9)


class TestHalfPrecision:
    """float16 holds numbers up to 65,504, and four times one only up to 16,376."""

    @pytest.mark.parametrize("largest", [16_376, 16_384, 40_000, 65_504])
    @pytest.mark.parametrize("m", [5, 120])
    def test_large_features_and_predictions(self, largest, m):
        rng = np.random.default_rng(0)
        F = (largest * rng.random((100, m))).astype(np.float16)
        F[0] = largest
        x = (largest * rng.random(100)).astype(np.float16)
        got, expected = kernel(x, F), kernel(x, F.astype(float))
        assert np.isfinite(got).all()
        np.testing.assert_array_equal(got, expected)
        assert_close(got, reference.neutralize(x, F), 1e-9)

    def test_a_fill_that_it_cannot_hold(self):
        X = frame("float32 quarters").astype({"feature_0": np.float16})
        X.loc[X.index[::5], "feature_0"] = NAN
        wide = X.astype({"feature_0": np.float64})
        np.testing.assert_array_equal(
            neutralized(X, missing=1e5), neutralized(wide, missing=1e5)
        )

    def test_a_median_between_its_largest_numbers(self):
        features = np.array([[65_504.0, NAN, 65_472.0]], dtype=np.float16)
        filled = fill_missing(features)
        np.testing.assert_array_equal(filled, [[65_504, 65_488, 65_472]])


def unit(x):
    return x / np.linalg.norm(x)


class TestScaleOfTheUnits:
    @pytest.mark.parametrize(
        "factor", [1e-12, 1e12, 2.0**-100, 2.0**100, 2.0**-600, 2.0**600]
    )
    def test_features(self, factor):
        X = frame("continuous")
        scaled = X.assign(feature_0=X["feature_0"] * factor)
        assert_close(neutralized(scaled), neutralized(X), 1e-10)

    @pytest.mark.parametrize("kind", ["int8 bins", "continuous"])
    @pytest.mark.parametrize(
        "factor", [1e-12, 1e12, 2.0**-140, 2.0**140, 2.0**-600, 2.0**600]
    )
    def test_predictions(self, kind, factor):
        X = frame(kind)
        scaled = X.assign(p=X["p"] * factor, q=X["q"] * factor)
        assert_close(neutralized(scaled), neutralized(X), 1e-10)


class TestMissingPredictions:
    def test_patterns_in_two_columns_do_not_touch_each_other(self):
        X = frame()
        X.iloc[::4, 1] = NAN
        X.iloc[1::3, 2] = NAN
        both = neutralized(X)
        for i, name in enumerate(["p", "q"]):
            alone = neutralized(X, columns=name)
            assert_close(both[:, i], alone)
            assert np.isnan(both[:, i]).sum() == X[name].isna().sum() > 0

    def test_they_stay_missing_and_are_left_out(self):
        X = frame(names=("p",))
        gaps = np.arange(len(X)) % 5 == 0
        X.loc[gaps, "p"] = NAN
        got = neutralized(X)
        assert_close(got[~gaps], neutralized(X[~gaps]))
        assert np.isnan(got[gaps]).all()

    def test_the_median_of_a_feature_is_that_of_all_rows_of_the_era(self):
        X = pd.DataFrame(
            {
                "era": "1",
                "p": [1.0, 4.0, 2.0, 8.0, NAN, NAN],
                "feature_a": [0.0, 1.0, NAN, 3.0, 9.0, 9.0],
            }
        )
        filled = X.fillna({"feature_a": 3.0})
        assert_close(neutralized(X), neutralized(filled))


class TestPath:
    proportions = (0, 0.25, 0.5, 1)

    @pytest.mark.parametrize("kind", ["int8 bins", "continuous"])
    @pytest.mark.parametrize("standardize", [True, False])
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_every_proportion_is_that_of_the_estimator(
        self, kind, standardize, fit_intercept
    ):
        X = frame(kind)
        X.iloc[::4, 1] = NAN
        options = {"standardize": standardize, "fit_intercept": fit_intercept}
        path = neutralization_path(X, self.proportions, **options)
        expected = [f"{name}_{c:g}" for name in "pq" for c in self.proportions]
        assert list(path) == expected
        assert path.index.equals(X.index)
        for c in self.proportions:
            alone = neutralized(X, proportion=c, **options)
            np.testing.assert_array_equal(path[[f"p_{c:g}", f"q_{c:g}"]], alone)

    def test_one_column(self):
        X = frame(names=("p",))
        path = neutralization_path(X, [0.3])
        np.testing.assert_array_equal(path["p_0.3"], neutralized(X, proportion=0.3))

    def test_chosen_columns_neutralizers_and_policies(self):
        X = frame("continuous")
        X.iloc[::5, 4] = NAN
        options = {
            "columns": ["q"],
            "neutralizers": ["feature_1", "feature_2"],
            "missing": 0.5,
            "rcond": 1e-4,
        }
        path = neutralization_path(X, self.proportions, **options)
        for c in self.proportions:
            alone = neutralized(X, proportion=c, **options)
            np.testing.assert_array_equal(path[f"q_{c:g}"], alone)

    def test_float32_stays_float32(self):
        X = frame().astype({"p": np.float32})
        path = neutralization_path(X, [0.5])
        assert [str(dtype) for dtype in path.dtypes] == ["float32", "float64"]


class TestEstimator:
    def test_the_neutralizers_leave_and_other_columns_stay(self):
        X = frame().assign(target=0.5, numerai_meta_model=0.25)
        out = FeatureNeutralizer(["feature_1", "feature_3"]).fit_transform(X)
        expected = [name for name in X if name not in ("feature_1", "feature_3")]
        assert list(out) == expected
        unchanged = [name for name in expected if name not in "pq"]
        pd.testing.assert_frame_equal(out[unchanged], X[unchanged])

    def test_the_neutralizers_stay_if_asked_to(self):
        X = frame()
        out = FeatureNeutralizer(keep_neutralizers=True).fit_transform(X)
        assert list(out) == list(X)
        pd.testing.assert_frame_equal(out[features_of(X)], X[features_of(X)])

    def test_none_means_every_feature_column(self):
        X = frame()
        named = neutralized(X, neutralizers=features_of(X))
        np.testing.assert_array_equal(neutralized(X), named)

    @pytest.mark.parametrize("dtype", ["int8", "bool", "Int8", "float32"])
    def test_complete_features_of_any_dtype_are_taken(self, dtype):
        X = frame().astype({"feature_0": dtype})
        assert np.isfinite(neutralized(X, missing="raise")).all()

    def test_another_prediction_may_be_the_neutralizer(self):
        X = frame(names=("p", "q"))
        got = neutralized(X, neutralizers="q")
        for rows in X.groupby("era").indices.values():
            assert largest_correlation(got[rows], X[["q"]].iloc[rows]) <= 1e-9

    def test_float32_is_rounded_only_at_the_end(self):
        single = frame().astype({"p": np.float32, "q": np.float32})
        double = single.astype({"p": np.float64, "q": np.float64})
        got, exact = neutralized(single), neutralized(double)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, exact.astype(np.float32))

    def test_no_era_leaks_into_another(self):
        """Each era is neutral by itself, not only all of them together."""
        X = frame("continuous", names=("p",))
        got = neutralized(X)
        for rows in X.groupby("era").indices.values():
            features = X[features_of(X)].iloc[rows]
            assert largest_correlation(got[rows], features) <= 1e-9
            assert_close(got[rows].std(), 1)


def test_a_prediction_without_values_costs_no_other_its_own():
    rng = np.random.default_rng(0)
    features, values = rng.normal(size=(3, 40)), rng.normal(size=40)
    gaps = np.where(np.arange(40) < 5, np.nan, values)
    got = neutralize(np.stack([values * np.nan, values, gaps]), features)[0]
    assert np.isnan(got[0]).all()
    np.testing.assert_allclose(got[1], neutralize(values[None], features)[0, 0])
    np.testing.assert_allclose(got[2], neutralize(gaps[None], features)[0, 0])


class TestProduct:
    """`kernels.products.product` against numpy, for each way that memory may lie."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(1, 4, 3), (2, 4, 3), (1, 1, 1), (5, 1, 7)])
    @pytest.mark.parametrize("lies", ["rows", "transposed", "strided"])
    def test_equals_numpy(self, dtype, shape, lies):
        n, m, k = shape
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(n, m)).astype(dtype), rng.normal(size=(m, k))
        b = {
            "rows": b.astype(dtype),
            "transposed": np.ascontiguousarray(b.T.astype(dtype)).T,
            "strided": np.repeat(b.astype(dtype), 2, axis=1)[:, ::2],
        }[lies]
        found, tiny = product(a, b), 20 * np.finfo(dtype).eps
        assert found.dtype == dtype
        np.testing.assert_allclose(found, a @ b, rtol=tiny, atol=tiny)

    @pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3), (1, 0, 3), (2, 4, 0)])
    def test_of_nothing(self, shape):
        n, m, k = shape
        found = product(np.ones((n, m)), np.ones((m, k)))
        np.testing.assert_array_equal(found, np.zeros((n, k)))


class TestProductOfNothing:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(0, 4, 3), (1, 0, 3), (1, 4, 0), (2, 4, 0)])
    def test_keeps_the_dtype(self, dtype, shape):
        n, m, k = shape
        found = product(np.ones((n, m), dtype), np.ones((m, k), dtype))
        assert found.dtype == dtype
        assert found.shape == (n, k)
