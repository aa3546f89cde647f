"""Moving-block bootstrap of series whose neighbours depend on each other.

A resample of n values is made of blocks of neighbours, drawn with replacement, the last
one cut so that n values come together. All that is needed of it is how often it holds
each value.
"""

import numpy as np
from numpy.typing import NDArray


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
