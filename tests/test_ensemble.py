"""A weighted ensemble is the dot product, and says what it does where values miss."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import reference
from helpers import assert_close
from sklearn.linear_model import LinearRegression

from skbench import WeightedEnsemble
from skbench.kernels.blend import blend, blend_present

NAN = np.nan
MODELS = ["a", "b", "c", "d"]
POLICIES = ["propagate", "omit"]


def frame(n=200, seed=0, gaps=0.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, len(MODELS)))
    values[rng.random(values.shape) < gaps] = NAN
    X = pd.DataFrame(values, columns=MODELS)
    X.insert(0, "era", rng.choice(["0001", "0002", "eraX"], n))
    return X


def small(**columns):
    return pd.DataFrame({"era": "1", **columns})


def blended(X, weights=None, **options):
    return WeightedEnsemble(weights, **options).fit(X).predict(X)


class TestFrozenNumbers:
    def test_dot_product(self):
        X = small(a=[1.0, -2.0], b=[10.0, 0.5], c=[0.0, 8.0])
        got = blended(X, {"a": 0.5, "b": 0.25, "c": -1.0})
        np.testing.assert_array_equal(got, [3.0, -8.875])

    def test_equal_weights_sum_to_one(self):
        X = small(a=[1.0, 2.0], b=[3.0, -8.0], c=[0.5, 0.0], d=[0.5, 8.0])
        np.testing.assert_array_equal(blended(X), [1.25, 0.5])

    def test_weights_are_not_normalised(self):
        X = small(a=[1.0], b=[2.0])
        np.testing.assert_array_equal(blended(X, [3.0, 4.0]), [11.0])

    def test_propagate_loses_the_row(self):
        X = small(a=[1.0, NAN, 1.0], b=[2.0, 2.0, NAN])
        np.testing.assert_array_equal(blended(X, [0.5, 0.5]), [1.5, NAN, NAN])

    def test_omit_keeps_the_absolute_sum_of_the_weights(self):
        X = small(a=[4.0, NAN, 4.0, 4.0], b=[8.0, 8.0, NAN, 8.0], c=[2, 2, 2, NAN])
        got = blended(X, [0.5, -0.25, 0.25], nan_policy="omit")
        # Absolute sum 1: left of it are 1, 1/2, 3/4 and 3/4.
        assert_close(got, [0.5, (-2 + 0.5) * 2, (2 + 0.5) / 0.75, (2 - 2) / 0.75])

    def test_omit_leaves_a_row_without_values_missing(self):
        X = small(a=[NAN, 1.0], b=[NAN, NAN])
        np.testing.assert_array_equal(blended(X, nan_policy="omit"), [NAN, 1.0])

    def test_raise_accepts_complete_rows(self):
        X = small(a=[1.0], b=[2.0])
        np.testing.assert_array_equal(blended(X, nan_policy="raise"), [1.5])

    def test_raise_names_the_column(self):
        X = small(a=[1.0], b=[NAN])
        with pytest.raises(ValueError, match="'b' has 1 missing"):
            blended(X, nan_policy="raise")


class TestWeights:
    def test_a_mapping_is_by_name_whatever_the_order(self):
        X = frame()
        expected = blended(X, {"a": 0.1, "c": 0.2, "d": 0.7})
        got = blended(X, {"d": 0.7, "a": 0.1, "c": 0.2})
        np.testing.assert_array_equal(got, expected)
        backwards = X[["d", "era", "c", "b", "a"]]
        assert_close(blended(backwards, {"a": 0.1, "c": 0.2, "d": 0.7}), expected)

    def test_a_sequence_is_in_column_order(self):
        X = frame()[["c", "a", "era", "d", "b"]]
        expected = blended(X, {"c": 1.0, "a": 2.0, "d": 3.0, "b": 4.0})
        np.testing.assert_array_equal(blended(X, [1, 2, 3, 4]), expected)
        np.testing.assert_array_equal(blended(X, np.arange(1, 5)), expected)

    def test_weights_of_chosen_columns(self):
        X = frame()
        got = blended(X, [2.0, 3.0], columns=["d", "b"])
        assert_close(got, 2 * X["d"] + 3 * X["b"])

    def test_weights_are_recorded_in_column_order(self):
        fitted = WeightedEnsemble({"d": 0.7, "a": 0, "b": 0.3}).fit(frame())
        assert fitted.weights_ == {"a": 0.0, "b": 0.3, "d": 0.7}
        assert list(fitted.weights_) == ["a", "b", "d"]

    @pytest.mark.parametrize("policy", [*POLICIES, "raise"])
    def test_a_column_of_weight_zero_is_never_read(self, policy):
        X = frame()
        expected = blended(X, {"a": 0.25, "b": 0.75}, nan_policy=policy)
        X["c"] = NAN
        X["d"] = np.inf
        weights = {"a": 0.25, "b": 0.75, "c": 0, "d": 0.0}
        got = blended(X, weights, nan_policy=policy)
        np.testing.assert_array_equal(got, expected)

    def test_a_column_of_weight_zero_may_be_gone(self):
        X = frame()
        fitted = WeightedEnsemble({"a": 1.0, "b": 0.0}).fit(X)
        got = fitted.predict(X.drop(columns="b"))
        np.testing.assert_array_equal(got, X["a"])

    def test_all_weights_zero_give_zeros(self):
        X = frame(gaps=0.3)
        with pytest.warns(UserWarning, match="'prediction' is the same in all rows"):
            got = blended(X, [0.0] * 4)
        np.testing.assert_array_equal(got, np.zeros(len(X)))

    def test_equal_weights_are_those_of_fit(self):
        X = frame()
        fitted = WeightedEnsemble().fit(X)
        live = X.assign(new_model=100.0)
        np.testing.assert_array_equal(fitted.predict(live), fitted.predict(X))

    def test_negative_weights(self):
        X = frame()
        assert_close(blended(X, [1, -1, 0, 0]), X["a"] - X["b"])

    @pytest.mark.filterwarnings("ignore:X has no era column")
    @pytest.mark.filterwarnings("ignore:X has no era column")
    def test_array_positions(self):
        X = frame()
        array = X[MODELS].to_numpy()
        got = WeightedEnsemble({0: 0.25, 3: 0.75}).fit(array).predict(array)
        expected = blended(X, {"a": 0.25, "d": 0.75})
        np.testing.assert_array_equal(got, expected)


class TestProperties:
    @pytest.mark.parametrize("policy", POLICIES)
    def test_linear_in_the_weights(self, policy):
        X = frame(gaps=0.2)
        one = blended(X, [1, 2, 3, 4], nan_policy=policy)
        assert_close(blended(X, [2, 4, 6, 8], nan_policy=policy), 2 * one)
        assert_close(blended(X, [-1, -2, -3, -4], nan_policy=policy), -one)

    def test_omit_leaves_complete_rows_alone(self):
        X = frame(gaps=0.2)
        complete = X.notna().all(axis=1).to_numpy()
        assert 0 < complete.sum() < len(X)
        weights = [0.1, 0.2, 0.3, -0.7]
        omit = blended(X, weights, nan_policy="omit")
        propagate = blended(X, weights)
        np.testing.assert_array_equal(omit[complete], propagate[complete])
        assert np.isnan(propagate[~complete]).all()

    def test_omit_of_equal_columns_is_that_column(self):
        X = frame()
        X = X.assign(b=X["a"], c=X["a"], d=X["a"])
        X.loc[::3, "a"] = NAN
        X.loc[::2, "c"] = NAN
        X.loc[::6, "d"] = NAN
        got = blended(X, [0.1, 0.2, 0.3, 0.4], nan_policy="omit")
        assert_close(got, X["b"])

    def test_the_eras_make_no_difference(self):
        X = frame(gaps=0.1)
        other = X.assign(era="one")
        np.testing.assert_array_equal(blended(other), blended(X))

    @pytest.mark.parametrize("n", [1, 7, 100])
    @pytest.mark.filterwarnings("ignore:X has no era column")
    @pytest.mark.filterwarnings("ignore:X has no era column")
    def test_layout_makes_no_difference(self, n):
        X = frame(n)
        weights = [0.1, 0.3, 0.7, 1.1]
        expected = blended(X, weights)
        by_row = np.ascontiguousarray(X[MODELS].to_numpy())
        by_column = np.asfortranarray(by_row)
        for array in (by_row, by_column, np.repeat(by_row, 2, axis=1)[:, ::2]):
            got = WeightedEnsemble(weights).fit(array).predict(array)
            np.testing.assert_array_equal(got, expected)

    def test_float32_only_if_all_columns_in_use_are(self):
        X = frame()
        single = X.astype(dict.fromkeys(MODELS, np.float32))
        assert blended(single, [1, 2, 3, 4]).dtype == np.float32
        mixed = single.astype({"d": np.float64})
        assert blended(mixed, [1, 2, 3, 4]).dtype == np.float64
        assert blended(mixed, {"a": 1.0, "b": 2.0}).dtype == np.float32

    def test_float32_is_rounded_only_at_the_end(self):
        single = frame().astype(dict.fromkeys(MODELS, np.float32))
        double = single.astype(dict.fromkeys(MODELS, np.float64))
        weights = [0.1, 0.3, 0.7, 1.1]
        expected = blended(double, weights).astype(np.float32)
        np.testing.assert_array_equal(blended(single, weights), expected)

    def test_weights_may_be_fractions(self):
        X = small(a=[1.0], b=[2.0])
        np.testing.assert_array_equal(blended(X, [Fraction(1, 2)] * 2), [1.5])

    @pytest.mark.parametrize("kernel", [blend, blend_present])
    def test_kernels_do_not_write_to_their_input(self, kernel):
        columns = [np.array([1.0, NAN]), np.array([2.0, 3.0])]
        for column in columns:
            column.flags.writeable = False
        kernel(columns, [0.5, 0.5])
        np.testing.assert_array_equal(columns, [[1, NAN], [2, 3]])

    @pytest.mark.parametrize("kernel", [blend, blend_present])
    def test_kernels_want_one_weight_a_column(self, kernel):
        columns = [np.ones(2), np.ones(2)]
        for weights in ([1.0], [0.2, 0.3, 0.5]):
            with pytest.raises(ValueError, match="argument 2 is"):
                kernel(columns, weights)


class TestOutput:
    def test_the_output_replaces_every_prediction(self):
        X = frame().assign(feature_x=1, target=0.5, numerai_meta_model=0.1)
        X = X[["era", "feature_x", "b", "target", "a", "numerai_meta_model", "c", "d"]]
        out = WeightedEnsemble({"a": 0.5, "c": 0.5}).fit_transform(X)
        expected = ["era", "feature_x", "prediction", "target", "numerai_meta_model"]
        assert list(out) == expected
        passed = out.drop(columns="prediction")
        pd.testing.assert_frame_equal(passed, X[list(passed)])
        np.testing.assert_array_equal(out["prediction"], 0.5 * X["a"] + 0.5 * X["c"])

    def test_the_meta_model_is_not_blended(self):
        X = frame().assign(numerai_meta_model=1e6)
        np.testing.assert_array_equal(blended(X), blended(frame()))

    def test_the_output_may_take_the_name_of_an_input(self):
        X = frame()
        out = WeightedEnsemble([1, 0, 0, 1], output="b").fit_transform(X)
        assert list(out) == ["era", "b"]
        np.testing.assert_array_equal(out["b"], X["a"] + X["d"])

    def test_score_is_that_of_the_blend(self):
        X = frame(300, gaps=0.1)
        y = (X["a"] + np.random.default_rng(1).normal(size=300)).round(1)
        fitted = WeightedEnsemble([4, 3, 2, 1], nan_policy="omit").fit(X)
        expected = reference.score(fitted.predict(X), y, X["era"])
        assert_close(fitted.score(X, y), expected)


class TestSlowReference:
    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("policy", POLICIES)
    def test_random_weights_and_gaps(self, seed, policy):
        rng = np.random.default_rng(seed)
        X = frame(100, seed, gaps=0.4)
        weights = rng.normal(size=4).round(2) * rng.integers(0, 2, 4)
        weights[seed % 4] = 0.5
        expected = reference.blend(X[MODELS], weights, policy)
        assert_close(blended(X, weights, nan_policy=policy), expected)

    def test_bit_for_bit_on_complete_rows(self):
        X = frame()
        weights = [0.1, 0.7, -0.3, 1.9]
        expected = reference.blend(X[MODELS], weights)
        np.testing.assert_array_equal(blended(X, weights), expected)


class TestJudges:
    def test_numpy(self):
        X = frame()
        weights = [0.1, 0.7, -0.3, 1.9]
        assert_close(blended(X, weights), X[MODELS].to_numpy() @ weights)

    def test_numpy_masked_average(self):
        """With non-negative weights, omit is the average of what there is."""
        X = frame(gaps=0.4)
        weights = np.array([0.1, 0.2, 0.3, 0.4])
        there = np.ma.masked_invalid(X[MODELS].to_numpy())
        expected = np.ma.average(there, axis=1, weights=weights).filled(NAN)
        assert_close(blended(X, weights, nan_policy="omit"), expected)

    def test_pandas_mean(self):
        X = frame(gaps=0.4)
        assert_close(blended(X, nan_policy="omit"), X[MODELS].mean(axis=1))
        assert_close(blended(X), X[MODELS].mean(axis=1, skipna=False))

    def test_a_regression_finds_the_weights_again(self):
        X = frame()
        weights = [0.1, 0.7, -0.3, 1.9]
        model = LinearRegression(fit_intercept=False)
        model.fit(X[MODELS], blended(X, weights))
        assert_close(model.coef_, weights)
