"""Numbers about one series of era scores, in order of the eras, none missing."""

import numpy as np
from numpy.typing import NDArray

from skbench.kernels.score import MIN_ROWS, pearson

Floats = NDArray[np.float64]


def sharpe(scores: Floats) -> float:
    """Mean over population standard deviation; NaN for a series that does not vary."""
    # Rounding leaves a constant a deviation, and takes that of the tiniest numbers.
    if scores.size == 0 or scores.min() == scores.max() or not scores.std():
        return float("nan")
    return float(scores.mean() / scores.std())


def max_drawdown(scores: Floats) -> float:
    """Largest fall of the cumulative sum from its highest point before, or from 0."""
    cumulative = np.concatenate([[0.0], np.cumsum(scores)])
    return float((np.maximum.accumulate(cumulative) - cumulative).max())


def autocorrelation(scores: Floats) -> float:
    """Pearson correlation of each score with the next, in pairs that lack neither.

    Unlike elsewhere here, NaN may stand in the series: what is beside it is not a pair.
    Fewer than 3 pairs, or pairs that do not vary, give NaN.
    """
    pairs = np.stack([scores[:-1], scores[1:]])
    pairs = pairs[:, ~np.isnan(pairs).any(axis=0)]
    if pairs.shape[1] < MIN_ROWS or pairs[0].min() == pairs[0].max():
        return float("nan")
    return pearson(pairs[0], pairs[1])
