"""Moving-block bootstrap of means of series whose neighbours depend on each other.

A resample of n values is made of blocks of neighbours, drawn with replacement, the last
one cut so that n values come together. All that a mean needs is how often a resample
holds each value, so all resamples of all series are one matrix product.
"""

import numpy as np
from numpy.typing import NDArray

from .gaps import alike

Floats = NDArray[np.float64]


def mean_interval(
    series: Floats, block_size: int, n_resamples: int, confidence: float, seed: int
) -> Floats:
    """Bootstrap interval of the mean of each series.

    The percentiles of the resampled means, moved by what the resampled means are off on
    average: the ends of a series stand in fewer blocks than its middle. NaN is left
    out of its series, whose other values close ranks. A series of fewer than two blocks
    has the interval NaN. The result for a series does not depend on other series.

    Parameters
    ----------
    series : array of shape (n_series, n_eras)
        Values in order, NaN where there is none.
    block_size : int
        Length of a block, in values.
    n_resamples : int
        Number of resamples.
    confidence : float
        Probability that the interval is to have.
    seed : int
        Seed of the resamples.

    Returns
    -------
    array of shape (2, n_series)
        Lower and upper end.
    """
    interval = np.full((2, len(series)), np.nan)
    tail = (1.0 - confidence) / 2.0
    for some, eras in alike(np.isnan(series)):
        values = series[some][:, eras]
        n = values.shape[1]
        if n < 2 * block_size or n_resamples == 0:
            continue
        means = values.mean(axis=1)
        counts = block_counts(n, block_size, n_resamples, np.random.default_rng(seed))
        # Only the deviations, so that a constant series has an interval of no length.
        excess = counts - expected_counts(n, block_size)
        errors = excess @ (values - means[:, None]).T / n
        interval[:, some] = means + np.quantile(errors, [tail, 1.0 - tail], axis=0)
    return interval


def block_counts(
    n: int, block_size: int, n_resamples: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Count how often each of n values is in each resample: (n_resamples, n)."""
    n_blocks = -(-n // block_size)
    starts = rng.integers(n - block_size + 1, size=(n_resamples, n_blocks, 1))
    places = (starts + np.arange(block_size)).reshape(n_resamples, -1)[:, :n]
    places += n * np.arange(n_resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=n_resamples * n)
    return counts.reshape(n_resamples, n)


def expected_counts(n: int, block_size: int) -> Floats:
    """Mean of `block_counts` over all resamples that can be drawn."""
    n_starts = n - block_size + 1
    whole, rest = divmod(n, block_size)
    place = np.arange(n)

    def starts_that_reach(length: int) -> NDArray[np.intp]:
        first, last = np.maximum(place - length + 1, 0), np.minimum(place, n_starts - 1)
        number: NDArray[np.intp] = np.maximum(last - first + 1, 0)
        return number

    total = whole * starts_that_reach(block_size) + starts_that_reach(rest)
    return total / n_starts
