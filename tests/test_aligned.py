"""Inputs by position: which rows belong together, what is refused or warned of."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skbench import analysis, metrics
from skbench._aligned import Aligned, align, block, column
from skbench._eras import find_eras
from skbench._frames import as_table
from skbench.deploy import find_duplicates

NAN = np.nan
ERA = ["0002", "0001", "0002", "0001"]
FIRST = {"y_pred": [[1, 5], [2, 6], [3, 7], [4, 8]], "y_true": [0.1, 0.2, 0.3, 0.4]}


def aligned(inputs, era=ERA, *, called="prediction", ranked=("y_pred",), **options):
    return align(inputs, era, called=called, ranked=ranked, **options)


def seen(rows):
    return list(rows.by_era(lambda *inputs: inputs))


class TestRows:
    def test_eras_come_in_order_and_rows_in_their_own(self):
        rows = aligned(FIRST)
        assert rows.eras.labels == ["0001", "0002"]
        (first, target), (second, _) = seen(rows)
        assert_array_equal(first, [[2, 4], [6, 8]])
        assert_array_equal(second, [[1, 3], [5, 7]])
        assert_array_equal(target, [0.2, 0.4])

    def test_some_eras_in_another_order(self):
        rows = aligned(FIRST).at([1, 0])
        assert rows.eras.labels == ["0002", "0001"]
        assert_array_equal(seen(rows)[0][1], [0.1, 0.3])

    def test_threads_see_the_same(self):
        rows = aligned(FIRST)
        for one, other in zip(seen(rows), rows.by_era(list_of, n_jobs=2), strict=True):
            for a, b in zip(one, other, strict=True):
                assert_array_equal(a, b)

    def test_a_kernel_gets_floats_that_stand_together(self):
        frame = pd.DataFrame(
            np.arange(8, dtype="int32").reshape(4, 2), columns=["a", "b"]
        )
        for rows in (aligned({"y_pred": frame}, [1] * 4), aligned({"y_pred": frame})):
            for (values,) in seen(rows):
                assert values.dtype == np.float64
                assert all(row.flags.c_contiguous for row in values)

    def test_features_stay_in_their_dtype(self):
        features = np.ones((4, 3), dtype=np.int8)
        for *_, values in seen(aligned({**FIRST, "features": features})):
            assert values.dtype == np.int8

    def test_order_may_be_needed(self):
        labels = ["b", "a", "b", "a"]
        assert aligned(FIRST, labels).eras.labels == ["a", "b"]
        with pytest.raises(ValueError, match="do not say which comes first"):
            aligned(FIRST, labels, ordered=True)

    def test_an_unnamed_column_has_a_name(self):
        assert aligned({"models": [1, 2, 3, 4]}, called="model").models == ["model"]
        assert aligned(FIRST).inputs["y_true"].names == ["y_true"]

    def test_a_table_that_holds_its_eras(self):
        frame = pd.DataFrame({"era": ERA, "a": [1.0, 2, 3, 4], "b": [5.0, 6, 7, 8]})
        table = as_table(frame)
        inputs = {"a": block(table, ["b", "a"]), "y": column("y", np.arange(4))}
        rows = Aligned(inputs, find_eras(table, "era"))
        assert rows.eras.labels == ["0002", "0001"]  # as they appear
        assert rows.models == ["b", "a"]
        assert_array_equal(seen(rows)[0][0], [[5, 7], [1, 3]])
        assert_array_equal(seen(rows)[0][1], [0, 2])


def list_of(*inputs):
    return inputs


class TestRefusals:
    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"y_true": None}, "`y_true` must hold one value a row; got None"),
            ({"y_true": "target"}, "`y_true` must hold one value a row; got 'target'"),
            ({"y_true": np.ones((4, 2))}, "`y_true` must be one column; got 0, 1"),
            ({"y_true": [1.0] * 3}, "`era` has 4 rows and `y_true` has 3"),
            ({"y_true": list("abcd")}, "column 'y_true' must hold numbers"),
        ],
    )
    def test_what_is_no_input(self, changed, message):
        with pytest.raises(ValueError, match=message):
            aligned({**FIRST, **changed})

    @pytest.mark.parametrize("value", [np.inf, -np.inf, 1e101])
    @pytest.mark.parametrize("name", ["y_true", "features", "y_pred"])
    def test_what_is_not_finite_is_named_with_its_column_and_era(self, name, value):
        features = pd.DataFrame({"f": [1.0, 2, 3, 4], "g": [1.0, 2, 3, 4]})
        inputs = {**FIRST, "features": features}
        inputs[name] = pd.DataFrame(inputs[name]).astype(float)
        inputs[name].iloc[3, -1] = value
        last = inputs[name].columns[-1]
        rows = aligned(inputs, ranked=())
        message = (
            f"`{name}` has 1 infinite or huge values in column {last!r} in era '0001'"
        )
        with pytest.raises(ValueError, match=message):
            seen(rows)
        seen(rows.at([1]))  # the other era is as good as it was

    def test_ranked_values_may_be_infinite_and_huge(self):
        (_, (values,)) = seen(aligned({"y_pred": [np.inf, 1, 1e300, 2]}))
        assert_array_equal(values, [[np.inf, 1e300]])

    def test_missing_values_are_neither(self):
        features = np.array([[1.0], [NAN], [3.0], [NAN]])
        assert len(seen(aligned({"y_pred": [NAN] * 4, "features": features}))) == 2


LARGE = 2**53 + np.arange(12)
M, Y = np.random.default_rng(0).random((2, 12))
LONG = [1] * 6 + [2] * 6


class TestTies:
    """Whole numbers that float64 takes for one another tie once they are ranked."""

    @pytest.mark.parametrize(
        "call",
        [
            lambda: metrics.numerai_corr(Y, LARGE, era=LONG),
            lambda: metrics.correlation_contribution(Y, M, LARGE, era=LONG),
            lambda: analysis.underweight(LARGE, M, Y, era=LONG),
            lambda: analysis.implied_weights(M, LARGE, era=LONG),
            lambda: analysis.compare(LARGE, M, Y, era=LONG),
            lambda: analysis.marginal_contribution(LARGE, M, Y, era=LONG),
            lambda: find_duplicates(pd.DataFrame({"a": LARGE, "b": M})),
        ],
    )
    def test_are_warned_of_where_values_are_ranked(self, call):
        with pytest.warns(UserWarning, match=r"integers beyond 2\*\*53"):
            call()

    def test_are_no_matter_where_nothing_is_ranked(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            metrics.feature_exposure(LARGE, M[:, None], era=LONG)
