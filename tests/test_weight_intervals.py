"""Intervals of learned weights: the inverted score test, and that they hold."""

from dataclasses import replace

import numpy as np
import pytest
import reference

from benchmarks.coverage import best_weights, moments, weights_held
from skbench.solvers.objectives import MeanScore, Ratio
from skbench.solvers.weight_intervals import of_weights
from skbench.solvers.weights import Problem

TRUTH = np.array([0.5, 0.3, 0.2])


def problem(seed=0, n_eras=60, horizon=5, truth=TRUTH, correlation=0.5, **options):
    rng = np.random.default_rng(seed)
    held = moments(truth, correlation, n_eras, horizon, rng)
    prior = np.full(truth.size, 1 / truth.size)
    numbers = np.arange(1.0, n_eras + 1)
    return Problem(held, numbers=numbers, prior=prior, **options)


def interval(one, horizon=5, confidence=0.95):
    low, high = of_weights(one, one.best_weights(), horizon, confidence)
    return np.diag(low), np.diag(high)


@pytest.mark.parametrize("objective", ["corr", "sharpe"])
@pytest.mark.parametrize("seed", range(2))
def test_an_interval_holds_what_the_slow_test_does_not_refuse(objective, seed):
    one = problem(seed, 150, objective=objective)
    ratio = one.function(one.era_weights()).terms[0]
    low, high = interval(one)
    assert ((low > 0) | (high < 1)).any()
    for column in range(3):
        expected = reference.weight_of_three(
            lambda w: ratio.scores(w[:, None])[:, 0],
            column,
            one.numbers,
            5,
            0.95,
            objective == "sharpe",
        )
        np.testing.assert_allclose((low[column], high[column]), expected, atol=0.011)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("max_weight", [1.0, 0.6])
@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse"])
def test_ends_are_blends_that_are_allowed(objective, max_weight, signed):
    one = problem(1, objective=objective, max_weight=max_weight, signed=signed)
    weights = one.best_weights()
    for blends in of_weights(one, weights, 5, 0.95):
        sizes = np.abs(blends)
        np.testing.assert_allclose(sizes.sum(axis=1), 1)
        assert sizes.max() <= max_weight + 1e-9
        if not signed:
            assert blends.min() >= 0
    low, high = interval(one)
    assert (low <= weights).all()
    assert (weights <= high).all()
    assert (low < high).all()


def test_a_higher_confidence_and_a_longer_horizon_are_wider():
    one = problem(2, 300)
    low, high = interval(one)
    for wider in (interval(one, confidence=0.99), interval(one, horizon=13)):
        assert (wider[0] <= low).all()
        assert (wider[1] >= high).all()
        assert (wider[1] - wider[0] > high - low).any()


def test_the_order_of_the_columns_does_not_matter():
    one = problem(3, 200)
    order = np.array([2, 0, 1])
    for a, b in zip(interval(one), interval(one.of_columns(order)), strict=True):
        np.testing.assert_allclose(a[order], b, atol=1e-3)


def test_a_copy_may_have_all_that_the_two_share():
    one = problem(4, 300)
    low, high = interval(one)
    twins = interval(one.of_columns(np.array([0, 0, 1, 2])))
    np.testing.assert_allclose(twins[0][:2], 0, atol=1e-6)
    np.testing.assert_allclose(twins[1][:2], high[0], atol=2e-3)
    np.testing.assert_allclose(twins[0][2:], low[1:], atol=2e-3)
    np.testing.assert_allclose(twins[1][2:], high[1:], atol=2e-3)


def test_a_weight_at_its_bound_is_in_its_interval():
    one = problem(5, 300, truth=np.array([0.9, 0.1, 0.0]), max_weight=0.7)
    weights = one.best_weights()
    low, high = interval(one)
    assert weights[0] == high[0] == 0.7
    assert low[0] < 0.7
    only = problem(0, truth=np.array([1.0]))
    np.testing.assert_allclose(interval(only), 1.0)
    halves = problem(0, truth=TRUTH[:2], max_weight=0.5)
    np.testing.assert_allclose(interval(halves), 0.5)


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse"])
def test_of_blends_that_do_not_help_none_is_spoken_against(objective):
    one = problem(objective=objective)
    held = dict(one.moments)
    held["target_covariance"] = -np.abs(held["target_covariance"])
    low, high = interval(replace(one, moments=held))
    assert (low == 0).all()
    assert (high == 1).all()


def test_fewer_than_two_horizons_of_eras_have_no_interval():
    one = problem(n_eras=26)
    assert of_weights(one, one.best_weights(), 13, 0.95) is not None
    fewer = one.of_eras(np.arange(25))
    assert of_weights(fewer, fewer.best_weights(), 13, 0.95) is None


def test_eras_count_as_the_halflife_says():
    one = problem(6, 150, halflife=50.0)
    ratio = one.function(one.era_weights()).terms[0]
    shares = one.era_weights() * 150
    low, high = interval(one)
    expected = reference.weight_of_three(
        lambda w: shares * ratio.scores(w[:, None])[:, 0], 0, one.numbers, 5, 0.95
    )
    np.testing.assert_allclose((low[0], high[0]), expected, atol=0.011)


def test_eras_that_lack_all_columns_of_the_blend_are_left_out():
    one = problem(7, 100)
    weights = one.best_weights()
    present = one.moments["present"].copy()
    present[:20] = False
    held = dict(one.moments, present=present)
    for name in ("covariance", "target_covariance"):
        held[name] = np.where(
            np.arange(100).reshape(-1, *[1] * (held[name].ndim - 1)) < 20, 0, held[name]
        )
    late = replace(one, moments=held)
    expected = interval(one.of_eras(np.arange(20, 100)))
    np.testing.assert_allclose(interval(late), expected, atol=1e-3)
    assert np.abs(late.best_weights() - weights).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse"])
@pytest.mark.parametrize("n_eras", [41, 87, 300])
@pytest.mark.parametrize("horizon", [5, 13])
def test_intervals_hold_the_best_weights(objective, n_eras, horizon):
    every, farthest = weights_held(objective, n_eras, horizon, 25)
    assert 0.92 <= every <= 0.99
    assert farthest >= 0.84  # three standard errors of 50 below 0.95


@pytest.mark.parametrize("n_eras", [41, 87, 300])
@pytest.mark.parametrize("horizon", [5, 13])
def test_intervals_of_shrunk_weights_hold_the_best_ones(horizon, n_eras):
    every, farthest = weights_held("bayes", n_eras, horizon, 25)
    assert 0.94 <= every < 1.0
    assert 0.7 <= farthest < every  # what lies far off is drawn towards the others


@pytest.mark.parametrize("objective", ["corr", "sharpe"])
def test_the_best_weights_of_the_worlds_are_what_many_eras_teach(objective):
    expected = best_weights(objective, TRUTH, 0.5)
    np.testing.assert_allclose(expected.sum(), 1)
    long = problem(0, 20_000, 1, objective=objective)
    np.testing.assert_allclose(long.best_weights(), expected, atol=0.02)


def test_a_mean_of_eras_that_are_alike_is_certain():
    linear = np.tile([0.2, 0.1], (40, 1))
    ratio = Ratio(linear, np.tile(np.eye(2), (40, 1, 1)))
    mean = MeanScore([ratio], np.full(40, 1 / 40))
    np.testing.assert_allclose(mean.influence(np.array([0.5, 0.5])), 0, atol=1e-16)
