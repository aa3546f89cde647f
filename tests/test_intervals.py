"""Intervals of means over overlapping eras: the formula, and that they hold."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import overlapping
from skbench.solvers import intervals


class TestFormula:
    @settings(max_examples=60, deadline=None)
    @given(
        numbers=st.sets(st.integers(1, 120), min_size=1, max_size=60),
        horizon=st.sampled_from([1, 5, 13, 24]),
        step=st.sampled_from([1, 4, 1 / 7]),
        confidence=st.sampled_from([0.5, 0.9, 0.95]),
        chosen=st.sampled_from([1, 22]),
        seed=st.integers(0, 99),
    )
    def test_is_the_literal_one(self, numbers, horizon, step, confidence, chosen, seed):
        times = step * np.array(sorted(numbers), dtype=float)
        series = np.random.default_rng(seed).normal(0.02, 0.03, (3, times.size))
        found = intervals.of_means(series, times, horizon, confidence, chosen)
        for i, row in enumerate(series):
            expected = reference.interval_of_mean(
                row, times, horizon, confidence, chosen
            )
            got = found.value[i], found.half[i], found.df[i]
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)

    def test_missing_values_are_left_out_at_their_time(self):
        rng = np.random.default_rng(0)
        times = np.arange(1.0, 101)
        series = rng.normal(size=(4, 100))
        series[1, ::3] = np.nan
        series[2, 20:60] = np.nan
        series[3] = np.nan
        found = intervals.of_means(series, times, 5, 0.95)
        for i in range(3):
            there = ~np.isnan(series[i])
            expected = reference.interval_of_mean(
                series[i, there], times[there], 5, 0.95
            )
            got = found.value[i], found.half[i], found.df[i]
            np.testing.assert_allclose(got, expected, rtol=1e-12)
        assert np.isnan([found.value[3], found.half[3], found.df[3]]).all()

    def test_a_series_does_not_depend_on_others(self):
        series = np.random.default_rng(0).normal(size=(5, 90))
        times = np.arange(90.0)
        together = intervals.of_means(series, times, 13, 0.95)
        for i in range(5):
            alone = intervals.of_means(series[i : i + 1], times, 13, 0.95)
            assert alone.half[0] == pytest.approx(together.half[i], rel=1e-14)

    @pytest.mark.parametrize(("horizon", "step"), [(5, 1), (13, 1), (13, 4), (24, 1)])
    def test_two_horizons_of_eras_are_needed(self, horizon, step):
        least = 2 * -(-horizon // step)
        times = step * np.arange(1.0, least + 1)
        assert intervals.least_eras(times, horizon) == least
        series = np.random.default_rng(0).normal(size=(1, least))
        assert intervals.of_means(series, times, horizon, 0.95).half[0] > 0
        fewer = intervals.of_means(series[:, 1:], times[1:], horizon, 0.95)
        assert np.isnan(fewer.half[0])
        assert fewer.value[0] == series[0, 1:].mean()

    def test_a_constant_series_has_an_interval_of_no_width(self):
        found = intervals.of_means(np.full((1, 60), 0.1), np.arange(60.0), 5, 0.95)
        assert found.half[0] == pytest.approx(0.0, abs=1e-15)
        assert found.value[0] == pytest.approx(0.1)

    def test_many_models_to_choose_from_in_few_eras(self):
        prepared = intervals.cosines(np.arange(41.0), 13)
        critical = intervals.critical_value(prepared.df, 0.95, 22)
        assert critical == pytest.approx(11, abs=0.5)

    def test_the_interval_of_dates_is_that_of_eras(self):
        series = np.random.default_rng(0).normal(size=(1, 80))
        weeks = 15709 / 7 + 7 * np.arange(80) / 7
        a = intervals.of_means(series, weeks, 13, 0.95)
        b = intervals.of_means(series, np.arange(1.0, 81), 13, 0.95)
        np.testing.assert_allclose(a.half, b.half, rtol=1e-9)


class TestSharpe:
    def test_the_mean_of_the_influence_is_the_ratio(self):
        x = np.random.default_rng(0).normal(0.02, 0.03, (2, 200))
        x[1, ::5] = np.nan
        influence = intervals.sharpe_influence(x)
        expected = np.nanmean(x, axis=1) / np.nanstd(x, axis=1)
        np.testing.assert_allclose(np.nanmean(influence, axis=1), expected, rtol=1e-12)
        assert np.isnan(influence[1, ::5]).all()

    def test_the_influence_is_the_derivative(self):
        x = np.random.default_rng(0).normal(0.02, 0.03, 50)
        influence = intervals.sharpe_influence(x[None])[0]
        ratio, step = x.mean() / x.std(), 1e-6
        for i in (0, 7, 49):
            # The ratio where value i has a little more weight than the others.
            w = np.full(50, (1 - step) / 50)
            w[i] += step
            m = w @ x
            moved = m / np.sqrt(w @ (x - m) ** 2)
            derivative = (moved - ratio) / step
            assert influence[i] - ratio == pytest.approx(derivative, abs=1e-3)

    @pytest.mark.parametrize("value", [0.0, 0.1, -3.7])
    def test_what_does_not_vary_has_none(self, value):
        x = np.full((1, 40), value)
        x[0, 3] += 1e-12 * abs(value)
        assert np.isnan(intervals.sharpe_influence(x)).all()


NOISES = {"normal": ("normal", 0.0), "t4": ("t4", 0.0), "half white": ("normal", 0.5)}


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("n_eras", [41, 87, 300])
@pytest.mark.parametrize("horizon", [5, 13])
class TestCoverage:
    """Of 4,000 worlds, how many intervals of 95 % hold the truth."""

    def worlds(self, noise, n_eras, horizon):
        kind, white = NOISES[noise]
        rng = np.random.default_rng([n_eras, horizon])
        return overlapping(4000, n_eras, horizon, rng, kind, white)

    def test_of_the_mean(self, noise, n_eras, horizon):
        series = 0.5 + self.worlds(noise, n_eras, horizon)
        found = intervals.of_means(series, np.arange(float(n_eras)), horizon, 0.95)
        held = np.mean((found.low <= 0.5) & (found.high >= 0.5))
        assert 0.93 <= held <= 0.975

    def test_of_the_sharpe_ratio(self, noise, n_eras, horizon):
        series = 0.5 + self.worlds(noise, n_eras, horizon)
        influence = intervals.sharpe_influence(series)
        found = intervals.of_means(influence, np.arange(float(n_eras)), horizon, 0.95)
        held = np.mean((found.low <= 0.5) & (found.high >= 0.5))
        assert 0.93 <= held <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 4])
def test_coverage_with_gaps_in_the_calendar(step):
    rng = np.random.default_rng(0)
    series = overlapping(4000, 300, 13, rng)[:, ::step]
    n = series.shape[1]
    kept = np.sort(rng.choice(n, int(0.8 * n), replace=False))
    times = step * np.arange(n, dtype=float)[kept]
    found = intervals.of_means(series[:, kept], times, 13, 0.95)
    assert 0.93 <= np.mean(np.abs(found.value) <= found.half) <= 0.975


@pytest.mark.slow
def test_the_best_of_many_is_held_to_a_simultaneous_interval():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        series = overlapping(22, 120, 5, rng)
        found = intervals.of_means(series, np.arange(120.0), 5, 0.95, 22)
        held.append((np.abs(found.value) <= found.half).all())
    assert np.mean(held) >= 0.93
