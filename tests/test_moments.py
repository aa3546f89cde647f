"""Moments hold all that the scores of a blend need; the search finds the best."""

from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
import reference
import stacking_reference as slow
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad, nnls

from skbench.kernels.moments import era_moments
from skbench.kernels.objectives import MeanScore, Ratio, SharpeRatio
from skbench.kernels.search import ascend, least_squares, pick
from skbench.kernels.weights import SHRINKAGES, Problem, shrunk

NAN = np.nan


def assert_close(got, expected, tolerance=1e-12):
    assert_allclose(got, expected, rtol=0, atol=tolerance)


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


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_reference_moments_are_of_the_rows_that_have_it(share):
    columns, target, m = block()
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
    assert not got["covariance"].any()
    assert not got["varies"].any()


def test_moments_have_the_same_shapes_in_every_era():
    columns, target, m = block()
    shapes = [
        {name: np.shape(value) for name, value in era_moments(*args).items()}
        for args in [
            (columns, target, m),
            (columns, target),
            (columns, target * NAN, m),
            (columns * NAN, target, m * NAN),
        ]
    ]
    assert all(one == shapes[0] for one in shapes)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_covariances_do_not_suffer_from_large_means(offset):
    columns, target, _ = block()
    got = era_moments(columns + offset, target + offset)
    expected = era_moments(columns, target)
    assert_close(got["covariance"], expected["covariance"], 1e-8)
    assert_close(got["target_covariance"], expected["target_covariance"], 1e-8)


@pytest.mark.parametrize(
    ("scale", "shift", "standard"),
    [(1, 0, True), (0.02, 0.5, False), (2, 0, False), (0.5, 0, False), (1, 3, False)],
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


# Objectives


def ratio(seed=0, n_eras=6, k=4, multiplier=1.0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n_eras, k, k + 2))
    linear = rng.normal(size=(n_eras, k)) + 0.5
    return Ratio(linear, root @ root.transpose(0, 2, 1), multiplier)


ERAS = np.array([0.3, 0.05, 0.1, 0.25, 0.2, 0.1])
FUNCTIONS = {
    "mean": MeanScore([ratio()], ERAS),
    "pooled": MeanScore([ratio(n_eras=1)], np.ones(1)),
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
    w, optimal, _ = astuple(ascend(function, starts(), max_iter=1))
    assert not optimal
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


def folds(monkeypatch, numbers, block_size):
    """Numbers of the eras that each fold learns from and is tried on."""
    asked, of_eras = [], Problem.of_eras

    def recorded(self, eras):
        asked.append(self.numbers[eras])
        return of_eras(self, eras)

    monkeypatch.setattr(Problem, "of_eras", recorded)
    problem(len(numbers), numbers).best_shrinkage(block_size)
    return list(zip(asked[::2], asked[1::2], strict=True))


CALENDARS = {
    "weekly": np.arange(575, 615),
    "every fourth": np.arange(575, 735, 4),
    "with a gap": np.r_[1:21, 60:80],
    "with a late gap": np.r_[1:35, 90:96],
}


@pytest.mark.parametrize("block_size", [1, 5, 13])
@pytest.mark.parametrize("numbers", list(CALENDARS.values()), ids=list(CALENDARS))
def test_shrinkage_is_chosen_on_five_expanding_purged_folds(
    monkeypatch, numbers, block_size
):
    found = folds(monkeypatch, numbers, block_size)
    assert len(found) == 5
    for train, test in found:
        assert train.size
        assert test.size
        assert train[0] == numbers[0]
        assert test[0] - train[-1] > block_size
    trains, tests = zip(*found, strict=True)
    assert all(a.size <= b.size for a, b in pairwise(trains))
    assert trains[0].size < trains[-1].size or (np.diff(numbers) > block_size).any()
    tested = np.concatenate(tests)
    assert (np.diff(tested) > 0).all()  # no era twice
    assert tested[-1] == numbers[-1]


def test_the_shares_tried_are_tenths():
    assert_close(SHRINKAGES, np.arange(11) / 10)


def test_shrunk_goes_a_share_of_the_way():
    w, prior = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    assert_close(shrunk(w, prior, 0.2), [0.9, 0.1])
    assert_array_equal(shrunk(w, prior, 0.0), w)
    assert_array_equal(shrunk(w, prior, 1.0), prior)


def test_resamples_are_of_whole_blocks():
    found = problem().resampled(7, 3, np.random.default_rng(0))
    assert found.shape == (7, 3)
    assert_close(found.sum(axis=1), 1)
    again = problem().resampled(7, 3, np.random.default_rng(0))
    assert_array_equal(found, again)
    whole = problem().resampled(3, 12, np.random.default_rng(0))
    assert_close(whole, np.tile(problem().solve().weights, (3, 1)), 1e-6)
