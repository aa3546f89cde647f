"""Moments hold all that the scores of a blend need; the search finds the best."""

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest
import reference
import stacking_reference as slow
from helpers import assert_close
from numpy.testing import assert_array_equal
from scipy.optimize import brentq, check_grad, nnls

from skbench.kernels.moments import era_moments
from skbench.solvers import search
from skbench.solvers.objectives import MeanScore, PooledScore, Ratio, SharpeRatio
from skbench.solvers.search import Found, ascend, least_squares, pick
from skbench.solvers.weights import SHRINKAGES, Problem

NAN = np.nan


def block(n=50, k=3, seed=0):
    """Columns (k, n), a target and a reference of one era."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(k, n)) + rng.normal(size=n)
    target = rng.integers(5, size=n) / 4
    return columns, target, columns.mean(axis=0) + rng.normal(size=n)


# Moments of one era


def test_moments_are_those_of_the_rows():
    columns, target, _ = block()
    m = era_moments(columns, target)
    assert (m["n_rows"], m["n_target"]) == (50, 50)
    assert_close(m["covariance"], np.cov(columns, ddof=0))
    joint = np.cov(np.vstack([columns, target]), ddof=0)
    assert_close(m["target_covariance"], joint[-1, :-1])
    assert_close(m["target_variance"], joint[-1, -1])
    assert m["varies"].all()


@pytest.mark.parametrize("decimals", [0, 9])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_reference_moments_are_of_the_rows_that_have_it(share, decimals):
    columns, target, m = block()
    m = m.round(decimals)
    m[np.random.default_rng(1).random(m.size) < share] = NAN
    has = ~np.isnan(m)
    got = era_moments(columns, target, m)
    assert got["reference_n_rows"] == has.sum()
    assert_close(got["reference_covariance"], np.cov(columns[:, has], ddof=0))
    gauss = reference.rank_gauss(m[has], scale=False)
    centred = target[has] - target[has].mean()
    assert_close(
        got["reference_target_covariance"], columns[:, has] @ centred / has.sum()
    )
    assert_close(got["reference_cross"], columns[:, has] @ gauss / has.sum())
    assert_close(got["reference_square"], gauss @ gauss / has.sum())
    assert_close(got["reference_target"], centred @ gauss / has.sum())
    assert got["n_rows"] == 50


@pytest.mark.parametrize(
    ("shift", "unit"), [(0.0, 4.0), (0.01, 1.0), (-0.01, 1.0), (5.0, 1.0)]
)
def test_only_targets_from_0_to_1_count_four_times(shift, unit):
    columns, target, m = block()
    assert era_moments(columns, target + shift, m)["target_unit"] == unit


@pytest.mark.parametrize("as_zero", [False, True])
def test_missing_values_cost_the_row_or_count_as_zero(as_zero):
    columns, target, m = block()
    columns[0, :5] = NAN
    columns[:, 5:8] = NAN
    target[20:24] = NAN
    kept = ~np.isnan(target)
    kept[0 if not as_zero else 5 : 8] = False
    got = era_moments(columns, target, m, missing_as_zero=as_zero)
    expected = era_moments(np.nan_to_num(columns)[:, kept], target[kept], m[kept])
    assert got["n_rows"] == kept.sum()
    assert got["n_target"] == 46
    assert_array_equal(got["n_missing"], [8, 3, 3])
    for name in ("covariance", "target_covariance", "target_variance"):
        assert_close(got[name], expected[name])
        assert_close(got[f"reference_{name}"], expected[f"reference_{name}"])


def test_a_column_is_present_where_it_can_be_scored_alone():
    columns, target, m = block(k=6)
    target[:4] = 0.5
    missing = np.ones(columns.shape, dtype=bool)
    missing[0] = False
    missing[1, 4:7] = False  # three rows
    missing[2, 5:7] = False  # two
    missing[3, :4] = False  # of one target
    missing[4, [4, 5, 8]] = False  # one of which lacks the target
    columns[missing] = NAN
    target[8] = NAN
    got = era_moments(columns, target, m, missing_as_zero=True)
    assert_array_equal(got["present"], [True, True, False, False, False, False])
    m[5:] = np.where(np.arange(m.size)[5:] < 20, NAN, m[5:])
    m[:4] = [1, 2, 3, 4]
    got = era_moments(columns, target, m, missing_as_zero=True)
    # The rest of the reference varies on the target's rows of one value too.
    assert_array_equal(
        got["reference_present"], [True, False, False, True, False, False]
    )
    whole = block(k=2)
    assert era_moments(*whole)["present"].all()
    assert era_moments(*whole)["reference_present"].all()
    assert not era_moments(*whole[:2])["reference_present"].any()


@pytest.mark.parametrize("as_zero", [False, True])
def test_a_column_missing_throughout_costs_no_row(as_zero):
    columns, target, m = block()
    columns[1, 3:] = NAN
    target[:3] = NAN  # its only values are in rows without target
    got = era_moments(columns, target, m, missing_as_zero=as_zero)
    expected = era_moments(columns[[0, 2]], target, m)
    assert got["n_rows"] == 47
    assert_array_equal(got["varies"], [True, False, True])
    assert_close(got["covariance"][np.ix_([0, 2], [0, 2])], expected["covariance"])
    assert_close(got["covariance"][1], 0)
    assert_close(got["target_covariance"][1], 0)


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_fewer_than_three_rows_are_none(n_rows):
    columns, target, m = block()
    target[n_rows:] = NAN
    got = era_moments(columns, target, m)
    assert (got["n_target"], got["n_rows"], got["reference_n_rows"]) == (n_rows, 0, 0)
    for name in ("covariance", "target_covariance", "target_variance", "varies"):
        assert not np.any(got[name])
        assert not np.any(got[f"reference_{name}"])


def test_three_rows_are_enough():
    columns, target, m = block(n=3)
    got = era_moments(columns, target, m)
    assert (got["n_rows"], got["reference_n_rows"]) == (3, 3)
    assert_close(got["covariance"], np.cov(columns, ddof=0))


def test_without_a_reference_its_moments_are_zero():
    columns, target, m = block()
    for nothing in (None, m * NAN):
        got = era_moments(columns, target, nothing)
        for name in ("n_rows", "covariance", "cross", "square", "target"):
            assert not np.any(got[f"reference_{name}"])
        assert got["target_unit"] == 1


@pytest.mark.parametrize("value", [0.1, -7.7, 1e6 + 0.1])
def test_constants_have_no_variance_but_for_rounding(value):
    columns, target, _ = block()
    columns[1] = value
    got = era_moments(columns, np.full(target.size, value))
    assert got["target_variance"] == 0
    assert_array_equal(got["varies"], [True, False, True])
    assert got["standardized"][1]


def test_the_least_variation_counts():
    columns, target, _ = block()
    got = era_moments(1e6 + 2e-7 * columns, target)
    assert got["varies"].all()


def test_moments_have_the_same_shapes_and_dtypes_in_every_era():
    columns, target, m = block()

    def kinds(moments):
        arrays = {name: np.asarray(value) for name, value in moments.items()}
        return {name: (array.shape, array.dtype) for name, array in arrays.items()}

    found = [
        kinds(era_moments(*args))
        for args in [
            (columns, target, m),
            (columns, target),
            (columns, target * NAN, m),
            (columns * NAN, target, m * NAN),
        ]
    ]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_covariances_do_not_suffer_from_large_means(offset):
    columns, target, _ = block()
    got = era_moments(columns + offset, target + offset)
    expected = era_moments(columns, target)
    assert_close(got["covariance"], expected["covariance"], 1e-8)
    assert_close(got["target_covariance"], expected["target_covariance"], 1e-8)


@pytest.mark.parametrize(
    ("scale", "shift", "standard"),
    [
        (1, 0, True),
        (0.02, 0.5, False),
        (2, 0, False),
        (0.5, 0, False),
        (1, 3, False),
        (1, -3, False),
        (10, 1e6, False),
        # The variance may be off by a tenth and a bit, the mean by a half.
        (np.sqrt(1.09), 0, True),
        (np.sqrt(1.12), 0, False),
        (np.sqrt(0.92), 0, True),
        (np.sqrt(0.88), 0, False),
        (1, 0.45, True),
        (1, -0.45, True),
        (1, 0.6, False),
    ],
)
def test_standardised_columns_are_told_from_others(scale, shift, standard):
    columns, target, _ = block(n=500)
    columns -= columns.mean(axis=1, keepdims=True)
    columns /= columns.std(axis=1, ddof=1, keepdims=True)
    columns[0] = columns[0] * scale + shift
    columns[2] = 0.0  # a constant column has nothing to standardise
    target[:400] = NAN  # an era is standardised on all its rows
    got = era_moments(columns, target)["standardized"]
    assert_array_equal(got, [standard, True, True])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("ddof", [0, 1])
def test_few_rows_are_standardised_with_either_count_of_degrees_of_freedom(n, ddof):
    columns, target, _ = block(n=n)
    if n > 1:
        columns -= columns.mean(axis=1, keepdims=True)
        columns /= columns.std(axis=1, ddof=ddof, keepdims=True)
    assert era_moments(columns, target)["standardized"].all()


def test_one_row_alone_has_nothing_to_standardise():
    columns, target, _ = block(n=1)
    assert era_moments(columns + 7, target)["standardized"].all()


# Objectives


def ratio(seed=0, n_eras=6, k=4, multiplier=1.0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n_eras, k, k + 2))
    linear = rng.normal(size=(n_eras, k)) + 0.5
    return Ratio(linear, root @ root.transpose(0, 2, 1), multiplier)


ONE = np.ones(1)
ERAS = np.array([0.3, 0.05, 0.1, 0.25, 0.2, 0.1])
FUNCTIONS = {
    "mean": MeanScore([ratio()], ERAS),
    "pooled": PooledScore(ratio().linear, ratio().square, np.arange(1.0, 7.0), ERAS),
    "sum of two": MeanScore(
        [ratio(0, multiplier=3.0), ratio(1, multiplier=-15.0)], ERAS
    ),
    "sharpe": SharpeRatio([ratio()], ERAS),
    "sharpe of two": SharpeRatio([ratio(), ratio(1, multiplier=2.0)], ERAS),
}
each_function = pytest.mark.parametrize(
    "function", list(FUNCTIONS.values()), ids=list(FUNCTIONS)
)


@pytest.mark.parametrize("seed", range(3))
@each_function
def test_gradients_are_those_of_finite_differences(function, seed):
    w = np.random.default_rng(seed).normal(size=4)
    error = check_grad(
        lambda x: function.values(x[:, None])[0], lambda x: function.gradient(x)[1], w
    )
    assert error < 1e-5 * max(1, np.abs(function.gradient(w)[1]).max())


@pytest.mark.parametrize("seed", range(3))
@each_function
def test_influences_are_how_gradients_move_with_the_eras(function, seed):
    w, step = np.random.default_rng(seed).normal(size=4), 1e-5

    def gradient(era, share):
        eras = (1 - share) * function.eras + share * np.eye(6)[era]
        return replace(function, eras=eras).gradient(w)[1]

    expected = [
        (gradient(era, step) - gradient(era, -step)) / (2 * step) for era in range(6)
    ]
    found = function.influence(w)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert_close(function.eras @ found, 0)


@each_function
def test_values_of_many_blends_are_those_of_each(function):
    W = np.random.default_rng(0).normal(size=(4, 7))
    values = function.values(W)
    assert values.shape == (7,)
    assert_close(values, [function.gradient(w)[0] for w in W.T])


@each_function
def test_the_scale_of_the_weights_does_not_matter(function):
    w = np.random.default_rng(0).normal(size=4)
    assert_close(function.gradient(1e6 * w)[0], function.gradient(w)[0])


def test_scores_are_ratios():
    r, w = ratio(multiplier=3.0), np.array([0.1, -0.2, 0.3, 0.8])
    expected = [
        3.0 * w @ a / np.sqrt(w @ S @ w)
        for a, S in zip(r.linear, r.square, strict=True)
    ]
    assert_close(r.scores(w[:, None])[:, 0], expected)
    assert_close(MeanScore([r], ERAS).gradient(w)[0], ERAS @ expected)
    mean = ERAS @ expected
    spread = np.sqrt(ERAS @ (expected - mean) ** 2)
    assert_close(SharpeRatio([r], ERAS).gradient(w)[0], mean / spread)


def test_a_ratio_is_taken_once_by_default():
    one = ratio(multiplier=1.0)
    weights = np.ones((4, 1))
    default = Ratio(one.linear, one.square)
    assert_array_equal(default.scores(weights), one.scores(weights))


def test_a_variance_that_rounding_left_below_zero_counts_as_zero():
    square = np.array([[[1.0, -1.0], [-1.0, 1.0 - 2.0**-53]]])
    scores, slopes = Ratio(np.ones((1, 2)), square).gradient(np.ones(2))
    assert_array_equal(scores, [0])
    assert_array_equal(slopes, [[0, 0]])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_eras_that_score_alike_have_no_sharpe_ratio(sign):
    n_eras = 49  # rounding leaves the sum of 49 times 1 / 49 below 1
    linear = sign * np.tile([0.1, 0.3], (n_eras, 1))
    square = np.tile(np.eye(2), (n_eras, 1, 1))
    eras = np.full(n_eras, 1 / n_eras)
    function = SharpeRatio([Ratio(linear, square)], eras)
    weights = np.array([0.3, 0.7])
    assert eras @ function.terms[0].scores(weights[:, None]) != linear[0] @ weights
    assert function.values(weights[:, None]) == 0
    value, slope = function.gradient(weights)
    assert value == 0
    assert_array_equal(slope, [0, 0])


def test_a_constant_blend_scores_nothing():
    r = Ratio(np.zeros((2, 2)), np.zeros((2, 2, 2)))
    for function in (MeanScore([r], np.ones(2) / 2), SharpeRatio([r], np.ones(2) / 2)):
        value, slope = function.gradient(np.ones(2))
        assert value == 0
        assert_array_equal(slope, 0)
        assert_array_equal(function.values(np.ones((2, 1))), 0)


# Search


def starts(k=4):
    return [np.full(k, 1 / k), np.eye(k)[0], np.eye(k)[k - 1]]


@pytest.mark.parametrize("max_weight", [1.0, 0.4, 0.25])
@pytest.mark.parametrize("signed", [False, True])
@each_function
def test_the_ascent_keeps_within_the_bounds(function, signed, max_weight):
    w = ascend(function, starts(), max_weight=max_weight, signed=signed).weights
    assert_close(np.abs(w).sum(), 1.0)
    assert np.abs(w).max() <= max_weight + 1e-12
    if not signed:
        assert w.min() >= 0


@pytest.mark.parametrize("max_weight", [1.0, 0.4])
@pytest.mark.parametrize("signed", [False, True])
@each_function
def test_the_ascent_is_not_worse_than_scipy(function, signed, max_weight):
    w, optimal, _ = astuple(
        ascend(function, starts(), max_weight=max_weight, signed=signed)
    )
    assert optimal
    best = slow.best_by_scipy(
        lambda x: function.values(x[:, None])[0], 4, max_weight, signed
    )
    assert function.gradient(w)[0] >= best - 1e-8


@each_function
def test_an_ascent_cut_short_says_so_and_is_no_worse_than_its_starts(function):
    w, optimal, n_iter = astuple(ascend(function, starts(), max_iter=1))
    assert (optimal, n_iter) == (False, 1)
    assert function.gradient(w)[0] >= max(function.gradient(x)[0] for x in starts())


def test_the_best_of_several_ascents_is_kept():
    # Of no good columns, none mixed with another is best: every corner is a summit.
    rng = np.random.default_rng(0)
    function = MeanScore([Ratio(-1 - rng.random((6, 4)), ratio().square)], ERAS)
    corners = list(np.eye(4))
    value = max(function.gradient(corner)[0] for corner in corners)
    for order in (corners, corners[::-1]):
        w, optimal, _ = astuple(ascend(function, order))
        assert optimal
        assert function.gradient(w)[0] >= value


@pytest.mark.parametrize("seed", range(10))
def test_no_ascent_ends_below_its_start(seed):
    function = SharpeRatio([ratio(seed)], ERAS)
    start = np.random.default_rng(seed).dirichlet(np.ones(4))
    w = ascend(function, [start], max_iter=1).weights
    assert function.gradient(w)[0] >= function.gradient(start)[0] - 1e-12


@pytest.mark.parametrize("signed", [False, True])
@each_function
def test_picks_are_those_of_the_slow_loop(function, signed):
    expected = slow.caruana(lambda w: function.values(w[:, None])[0], 4, 9, signed)
    assert_close(pick(function, 4, signed=signed, max_iter=9), expected)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("max_weight", [0.25, 0.3, 0.5, 0.7])
@each_function
def test_picks_keep_within_the_largest_weight(function, max_weight, signed):
    w = pick(function, 4, max_weight=max_weight, signed=signed, max_iter=40)
    assert np.abs(w).max() <= max_weight + 1e-9
    assert_close(np.abs(w).sum(), 1.0)


def test_of_equal_columns_the_first_is_picked():
    twins = Ratio(np.ones((1, 3)), np.ones((1, 3, 3)))
    assert_array_equal(pick(MeanScore([twins], np.ones(1)), 3), [1, 0, 0])


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("copied", [False, True])
def test_least_squares_from_moments_are_those_from_rows(signed, copied):
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(30, 4)), rng.normal(size=30)
    if copied:
        A[:, 3] = A[:, 0]
    got = least_squares(A.T @ A, A.T @ b, signed=signed)
    expected = np.linalg.lstsq(A, b)[0] if signed else nnls(A, b)[0]
    assert_close(A @ got, A @ expected, 1e-9)
    assert signed or got.min() >= 0


def test_least_squares_of_nothing_are_zero():
    assert_array_equal(least_squares(np.zeros((2, 2)), np.zeros(2)), 0)
    assert_array_equal(least_squares(np.eye(2), -np.ones(2)), 0)


@pytest.mark.parametrize("columns", [[0, 1, 2, 0, 1], [0, 0, 0], [0, 1, 1]])
def test_least_squares_of_copied_columns_are_the_smallest_and_have_no_scale(columns):
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(30, 3))[:, columns], rng.normal(size=30)
    expected = np.linalg.lstsq(A, b)[0]
    for scale in (1.0, 1e-20, 1e20):
        got = least_squares(scale * A.T @ A, scale * A.T @ b, signed=True)
        assert_close(got, expected, 1e-9)


@each_function
def test_an_objective_of_two_parts_is_that_of_their_difference(function):
    W = np.random.default_rng(0).normal(size=(8, 5))
    parts = search._Difference(function)
    assert_close(parts.values(W), function.values(W[:4] - W[4:]))
    for w in W.T:
        value, slope = parts.gradient(w)
        expected, change = function.gradient(w[:4] - w[4:])
        assert value == expected
        assert_array_equal(slope, [*change, *-change])


def test_the_optimum_of_one_era_is_that_of_linear_algebra():
    """``w @ a / sqrt(w @ S @ w)`` is largest along the solution of ``S w = a``."""
    for seed in range(5):
        one = ratio(seed, n_eras=1)
        w = np.linalg.solve(one.square[0], one.linear[0])
        for multiplier in (1e-9, 1.0, 1e9):
            function = MeanScore([Ratio(one.linear, one.square, multiplier)], ONE)
            found = ascend(function, [np.full(4, 0.25)], signed=True)
            assert_close(found.weights, w / np.abs(w).sum(), 1e-5)
            assert found.optimal
            assert 1 < found.n_iter < 100


@pytest.mark.parametrize("multiplier", [1e-9, 1.0, 1e9])
def test_only_an_optimum_counts_as_one(multiplier):
    S = np.eye(4)[None]
    function = MeanScore([Ratio(np.array([[4.0, 3, 2, 1]]), S, multiplier)], ONE)
    for cap, optimum in [(1.0, [0.4, 0.3, 0.2, 0.1]), (0.25, [0.25] * 4)]:
        orthant = search._Orthant(function, np.ones(4), cap, np.ones(4))
        assert orthant.is_optimal(np.array(optimum))
    orthant = search._Orthant(function, np.ones(4), 0.4, np.ones(4))
    for other in ([0.25] * 4, [0.4, 0.0, 0.3, 0.3], [0.1, 0.2, 0.3, 0.4]):
        assert not orthant.is_optimal(np.array(other))


def test_of_several_summits_above_zero_the_highest_is_kept():
    # The first term hardly asks how columns are mixed; the second punishes it.
    alike = np.full((1, 3, 3), 0.99) + 0.01 * np.eye(3)
    mix = Ratio(np.ones((1, 3)), np.eye(3)[None], -1.0)
    function = MeanScore([Ratio(np.array([[1.0, 1.1, 1.0]]), alike, 3.0), mix], ONE)
    columns = list(np.eye(3))
    for order in (columns, columns[::-1], columns[1:], columns[:2]):
        assert_close(ascend(function, order).weights, [0, 1, 0])
    # From a summit of its own there is no way to a higher one.
    assert_close(ascend(function, columns[2:]).weights, [0, 0, 1])


def test_where_the_blend_of_opposites_is_nothing_the_best_column_is_taken():
    opposite = np.array([[[1.0, -1.0], [-1.0, 1.0]]])
    function = MeanScore([Ratio(np.array([[0.5, -0.5]]), opposite)], ONE)
    assert function.gradient(np.full(2, 0.5))[0] == 0.0
    assert_close(ascend(function, [np.full(2, 0.5)]).weights, [1, 0])


@pytest.mark.parametrize("seed", range(4, 10))
def test_where_nothing_scores_above_zero_the_best_column_is_taken(seed):
    linear = -1 - np.random.default_rng(seed).random((6, 4))
    function = MeanScore([Ratio(linear, ratio(seed).square)], ERAS)
    w = ascend(function, [np.full(4, 0.25)]).weights
    values = function.values(np.eye(4))
    assert_close(w, np.eye(4)[values.argmax()])


@pytest.mark.parametrize(
    ("x", "cap", "expected"),
    [
        ([0.5, 0.3, 0.2], 1.0, [0.5, 0.3, 0.2]),
        ([2.0, 1.0, 0.0], 1.0, [1.0, 0.0, 0.0]),
        ([0.9, 0.5, -1.0], 1.0, [0.7, 0.3, 0.0]),
        ([5.4, 5.2, 5.0], 1.0, [8 / 15, 1 / 3, 2 / 15]),
        ([-5.0, -5.0, -9.0], 1.0, [0.5, 0.5, 0.0]),
        ([0.0, 0.0, 0.0], 1.0, [1 / 3, 1 / 3, 1 / 3]),
        ([9.0, 0.1, 0.0], 0.4, [0.4, 0.35, 0.25]),
        ([9.0, 8.0, 0.0], 0.5, [0.5, 0.5, 0.0]),
    ],
)
def test_the_nearest_weights_that_sum_to_one(x, cap, expected):
    assert_close(search._onto_simplex(np.array(x), cap), expected)


def orthants(k):
    return np.array(np.meshgrid(*[[1.0, -1.0]] * k)).reshape(k, -1).T


@pytest.mark.parametrize("seed", range(4))
def test_signs_flip_one_by_one_up_to_the_best(seed, monkeypatch):
    function, limits = MeanScore([ratio(seed, n_eras=1)], ONE), (0.4, 100)
    start = [np.full(4, 0.25)]
    found = {
        tuple(signs): search._ascend_within(function, signs, start, *limits)
        for signs in orthants(4)
    }
    value = {signs: function.gradient(x.weights)[0] for signs, x in found.items()}
    searched = []

    def ascend_within(objective, signs, starts, max_weight, max_iter):
        searched.append(tuple(signs))
        assert_close(np.abs(starts[0]).sum(), 1.0)
        assert (signs * starts[0] >= 0).all()
        return found[tuple(signs)]

    monkeypatch.setattr(search, "_ascend_within", ascend_within)
    worst = found[min(value, key=value.get)]
    best = search._flip_signs(function, worst, start, *limits)
    assert_close(function.gradient(best.weights)[0], max(value.values()), 1e-9)
    assert len(searched) == len(set(searched)), "no signs are tried twice"
    # From the best itself no flip gains: one round, and it is kept.
    searched.clear()
    assert search._flip_signs(function, best, start, *limits) is best
    assert len(searched) == 4


def test_signs_are_flipped_only_under_a_largest_weight(monkeypatch):
    flipped = []
    monkeypatch.setattr(
        search, "_flip_signs", lambda _, best, *__: flipped.append(best) or best
    )
    for max_weight in (1.0, 0.5):
        ascend(FUNCTIONS["mean"], starts(), signed=True, max_weight=max_weight)
    assert len(flipped) == 1


def test_what_is_found_without_a_search_is_optimal_in_one_step():
    assert astuple(Found(ONE))[1:] == (True, 1)


def test_picks_have_no_sign_unless_asked():
    function = MeanScore([Ratio(np.array([[1.0, -2.0]]), np.eye(2)[None])], ONE)
    assert_array_equal(pick(function, 2), [1, 0])
    assert_close(pick(function, 2, signed=True, max_iter=3), [1 / 3, -2 / 3])


def test_of_equal_blends_the_first_met_is_picked():
    twins = MeanScore([Ratio(np.ones((1, 3)), np.ones((1, 3, 3)))], ONE)
    assert_array_equal(pick(twins, 3, max_weight=0.5, max_iter=5), [0.5, 0.5, 0])


def test_no_column_is_picked_more_often_than_it_can_keep():
    # Twice the first column would be best of two, but more than 0.3 of any five.
    S = np.eye(4)[None]
    function = MeanScore([Ratio(np.array([[10.0, 1, 1, 1]]), S)], ONE)
    assert_array_equal(pick(function, 4, max_weight=0.3, max_iter=5), [0.25] * 4)


# Problems


def problem(n_eras=12, numbers=None, k=3, **options):
    parts = [era_moments(*block(k=k, seed=seed)) for seed in range(n_eras)]
    moments = {name: np.array([part[name] for part in parts]) for name in parts[0]}
    numbers = (
        np.arange(1.0, n_eras + 1) if numbers is None else np.asarray(numbers, float)
    )
    return Problem(moments, numbers=numbers, prior=np.full(k, 1 / k), **options)


def test_eras_weigh_the_same_or_by_halves():
    assert_close(problem().era_weights(), 1 / 12)
    w = problem(halflife=3.0).era_weights()
    assert_close(w.sum(), 1)
    assert_close(w[3:] / w[:-3], 2)


def test_some_of_the_eras_are_a_problem_of_their_own():
    whole, some = problem(), problem(5)
    part = whole.of_eras(np.arange(5))
    w = np.array([0.2, 0.5, 0.3])
    assert part.value(w) == some.value(w)
    assert_array_equal(part.numbers, some.numbers)


def folds(monkeypatch, numbers, horizon):
    """Numbers of the eras that each fold learns from and is tried on."""
    asked, of_eras = [], Problem.of_eras

    def recorded(self, eras):
        asked.append(self.numbers[eras])
        return of_eras(self, eras)

    monkeypatch.setattr(Problem, "of_eras", recorded)
    problem(len(numbers), numbers).best_shrinkage(horizon)
    return list(zip(asked[::2], asked[1::2], strict=True))


CALENDARS = {
    "weekly": np.arange(575, 615),
    "every fourth": np.arange(575, 735, 4),
    "with a gap": np.r_[1:21, 60:80],
    "with a late gap": np.r_[1:35, 90:96],
}


@pytest.mark.parametrize("horizon", [1, 5, 13])
@pytest.mark.parametrize("numbers", list(CALENDARS.values()), ids=list(CALENDARS))
def test_shrinkage_is_chosen_on_five_expanding_purged_folds(
    monkeypatch, numbers, horizon
):
    found = folds(monkeypatch, numbers, horizon)
    assert len(found) == 5
    for train, test in found:
        assert train.size
        assert test.size
        assert train[0] == numbers[0]
        assert test[0] - train[-1] > horizon
    trains, tests = zip(*found, strict=True)
    assert all(a.size <= b.size for a, b in pairwise(trains))
    assert trains[0].size < trains[-1].size or (np.diff(numbers) > horizon).any()
    tested = np.concatenate(tests)
    assert (np.diff(tested) > 0).all()  # no era twice
    assert tested[-1] == numbers[-1]


def test_the_shares_tried_are_tenths():
    assert_close(SHRINKAGES, np.arange(11) / 10)


def shrunk(w, prior, share, **options):
    one = replace(problem(k=len(w), **options), prior=np.asarray(prior, dtype=float))
    return one.shrunk(np.asarray(w, dtype=float), share)


def test_shrunk_goes_a_share_of_the_way():
    w, prior = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    assert_close(shrunk(w, prior, 0.2), [0.9, 0.1])
    assert_array_equal(shrunk(w, prior, 0.0), w)
    assert_array_equal(shrunk(w, prior, 1.0), prior)


def test_signed_weights_that_shrink_have_an_absolute_sum_of_one():
    w, prior = [0.7, -0.3], [0.5, 0.5]
    assert_close(shrunk(w, prior, 0.5, signed=True), np.array([0.6, 0.1]) / 0.7)
    assert_array_equal(shrunk(w, prior, 0.0, signed=True), w)
    assert_array_equal(shrunk(w, prior, 1.0, signed=True), prior)


@pytest.mark.parametrize("prior", [[0.5, 0.5, 0.0], [1 / 3, -1 / 3, 1 / 3]])
def test_where_nothing_is_left_of_signed_weights_they_are_the_prior(prior):
    assert_array_equal(shrunk(-np.array(prior), prior, 0.5, signed=True), prior)


@pytest.mark.parametrize("seed", range(20))
def test_signed_weights_that_shrink_keep_within_the_largest(seed):
    rng = np.random.default_rng(seed)
    k, most = 5, 0.25
    w = rng.choice([-0.2, 0.2], k)
    prior = rng.permutation([0.25, 0.25, -0.25, 0.2, 0.05])
    moved = 0.6 * w + 0.4 * prior
    got = shrunk(w, prior, 0.4, signed=True, max_weight=most)
    # The same multiple of every weight, but for those that it takes above the largest.
    times = brentq(lambda t: np.minimum(t * abs(moved), most).sum() - 1, 0.5, 99)
    assert_close(got, np.sign(moved) * np.minimum(times * np.abs(moved), most))
    assert_close(np.abs(got).sum(), 1)


def test_what_no_other_weight_can_take_goes_where_the_prior_has_some():
    # Half-way, (0.5, 0, 0, 0) is left.
    w, prior = [0.5, 0.0, -0.3, 0.2], [0.5, 0.0, 0.3, -0.2]
    got = shrunk(w, prior, 0.5, signed=True, max_weight=0.5)
    assert_close(got, [0.5, 0.0, 0.3, -0.2])
