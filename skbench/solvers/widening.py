r"""How much too narrow a block bootstrap is where scores overlap.

What is no smooth function of means has no closed form; its interval comes from samples
of blocks of neighbouring eras. These see too little of the variance, since eras of
different blocks are independent, and their percentiles are those of a normal
distribution. So the deviations of the samples are multiplied by

.. math::

    \frac{t_{\text{df}}}{z} \sqrt{\frac{1' S 1}{\operatorname{tr}(S V)}}

where t and z are quantiles, S and df are those of `skbench.solvers.intervals`, and V is
the covariance matrix of how often a sample holds each era. For a mean of scores that
overlap as S says, this is right on average.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .intervals import cosines, critical_value, overlap

Floats = NDArray[np.float64]


def factor(
    numbers: Floats, horizon: float, block_size: int, confidence: float
) -> float:
    """Return what deviations of a moving-block bootstrap are to be multiplied by.

    There must be two horizons of eras, and two blocks.

    Parameters
    ----------
    numbers : array of shape (T,)
        Time of each era, increasing.
    horizon : float
        Over how many units of time a score shares days with others.
    block_size : int
        Eras in a block, as `skbench.kernels.bootstrap.block_counts` takes it.
    confidence : float
        Probability that an interval is to have.
    """
    prepared = cosines(numbers, horizon)
    assert prepared is not None
    shared = overlap(numbers, horizon)
    ratio = shared.sum() / _seen(shared, block_size)
    quantile = critical_value(prepared.df, confidence)
    return float(quantile / -ndtri((1.0 - confidence) / 2.0) * np.sqrt(ratio))


def _seen(shared: Floats, block_size: int) -> float:
    """Sum of S times the covariances of the counts: blocks are drawn independently."""
    whole, rest = divmod(len(shared), block_size)
    starts = np.arange(len(shared) - block_size + 1)[:, None]

    def of_block(length: int) -> float:
        place = np.arange(len(shared))
        held = ((place >= starts) & (place < starts + length)).astype(np.float64)
        # Of the deviations from the mean: that of a sum would be lost in rounding.
        held -= held.mean(axis=0)
        return float(np.sum((held @ shared) * held) / len(starts))

    return whole * of_block(block_size) + (of_block(rest) if rest else 0.0)
