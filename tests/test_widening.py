"""The factor by which a block bootstrap is widened."""

import numpy as np
import pytest
from scipy import stats

from skbench.kernels.bootstrap import block_counts
from skbench.solvers import intervals, widening


@pytest.mark.parametrize(
    ("n", "horizon", "block", "step"),
    [(41, 5, 5, 1), (41, 5, 8, 1), (60, 13, 13, 1), (40, 13, 4, 4)],
)
def test_the_factor_is_what_drawn_samples_lack(n, horizon, block, step):
    times = step * np.arange(float(n))
    apart = np.abs(times[:, None] - times[None, :])
    shared = np.clip(1 - apart / horizon, 0, None)
    counts = block_counts(n, block, 20_000, np.random.default_rng(0))
    excess = counts - counts.mean(axis=0)
    seen = np.einsum("bi,ij,bj->b", excess, shared, excess, optimize=True).mean()
    df = intervals.cosines(times, horizon).df
    quantiles = stats.t.ppf(0.95, df) / stats.norm.ppf(0.95)
    expected = quantiles * np.sqrt(shared.sum() / seen)
    found = widening.factor(times, horizon, block, 0.9)
    assert found == pytest.approx(expected, rel=0.02)
    assert found > 1
