"""What weights can be good for, as functions of per-era moments.

Every score of a blend here is a ratio, ``w @ a / sqrt(w @ S @ w)``: it does not change
when all weights are scaled alike. A sum of such ratios is an `EraScores`; an objective
reduces the scores of all eras to one number to maximise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Ratio:
    """``multiplier * w @ linear / sqrt(w @ square @ w)`` for each era; 0 where 0 / 0.

    ``linear`` has shape (n_eras, n_columns), ``square`` (n_eras, n_columns, n_columns);
    it is best contiguous, since every score looks at all of it.
    """

    linear: Floats
    square: Floats
    multiplier: float = 1.0

    def scores(self, weights: Floats) -> Floats:
        """Score the blends (n_columns, n_blends): (n_eras, n_blends)."""
        n_eras, k = self.linear.shape
        products = (self.square.reshape(-1, k) @ weights).reshape(n_eras, k, -1)
        size = np.einsum("ekb,kb->eb", products, weights)
        return self.multiplier * _divided(self.linear @ weights, _root(size))

    def gradient(self, weights: Floats) -> tuple[Floats, Floats]:
        """Scores (n_eras,) of one blend, and their gradients (n_eras, n_columns)."""
        n_eras, k = self.linear.shape
        products = (self.square.reshape(-1, k) @ weights).reshape(n_eras, k)
        root = _root(products @ weights)[:, None]
        scores = _divided((self.linear @ weights)[:, None], root)
        slopes = _divided(self.linear - scores * _divided(products, root), root)
        return self.multiplier * scores[:, 0], self.multiplier * slopes


class Objective(Protocol):
    """Something to maximise."""

    def values(self, weights: Floats) -> Floats:
        """Value of each column of ``weights``, (n_blends,)."""

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Value of one blend, and the gradient (n_columns,)."""


@dataclass(frozen=True)
class MeanScore:
    """Weighted mean of the scores of the eras; ``eras`` sum to one."""

    terms: Sequence[Ratio]
    eras: Floats

    def values(self, weights: Floats) -> Floats:
        """Value of each column of ``weights``, (n_blends,)."""
        values: Floats = self.eras @ _sum_of_scores(self.terms, weights)
        return values

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Value of one blend, and the gradient (n_columns,)."""
        scores, slopes = _sum_of_gradients(self.terms, weights)
        return float(self.eras @ scores), self.eras @ slopes


@dataclass(frozen=True)
class SharpeRatio:
    """Weighted mean of the scores over their standard deviation (``ddof=0``).

    0 where the scores of all eras are alike.
    """

    terms: Sequence[Ratio]
    eras: Floats

    def values(self, weights: Floats) -> Floats:
        """Value of each column of ``weights``, (n_blends,)."""
        scores = _sum_of_scores(self.terms, weights)
        mean = self.eras @ scores
        return _divided(mean, _spread(mean, self.eras @ (scores - mean) ** 2))

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Value of one blend, and the gradient (n_columns,)."""
        scores, slopes = _sum_of_gradients(self.terms, weights)
        mean = self.eras @ scores
        spread = float(_spread(mean, self.eras @ (scores - mean) ** 2))
        if spread == 0.0:
            return 0.0, np.zeros_like(weights)
        mean_slope = self.eras @ slopes
        spread_slope = (self.eras * (scores - mean)) @ slopes / spread
        slope = (mean_slope - mean / spread * spread_slope) / spread
        return float(mean / spread), slope


def _sum_of_scores(terms: Sequence[Ratio], weights: Floats) -> Floats:
    total: Floats = np.sum([term.scores(weights) for term in terms], axis=0)
    return total


def _sum_of_gradients(terms: Sequence[Ratio], weights: Floats) -> tuple[Floats, Floats]:
    scores, slopes = zip(*(term.gradient(weights) for term in terms), strict=True)
    return np.sum(scores, axis=0), np.sum(slopes, axis=0)


def _spread(mean: Floats, variance: Floats) -> Floats:
    """Root of the variance, 0 where it is only what rounding left of the mean."""
    root = _root(np.asarray(variance))
    return np.where(root <= _ROUNDING * np.abs(mean), 0.0, root)


def _root(size: Floats) -> Floats:
    return np.sqrt(np.maximum(size, 0.0))


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, 0 where the denominator is 0: a constant blend scores nothing."""
    safe = np.where(denominator > 0, denominator, 1.0)
    return np.where(denominator > 0, numerator / safe, 0.0)
