"""What weights can be good for, as functions of per-era moments.

Every score of a blend here is a ratio, ``w @ a / sqrt(w @ S @ w)``: it does not change
when all weights are scaled alike. A sum of such ratios is an `EraScores`; an objective
reduces the scores of all eras to one number to maximise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
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

    @cached_property
    def sizes(self) -> Floats:
        """Root of what each column alone is divided by: (n_eras, n_columns)."""
        return _root(np.diagonal(self.square, axis1=1, axis2=2))

    def alone(self) -> Floats:
        """Score the columns alone: (n_eras, n_columns)."""
        return self.multiplier * _divided(self.linear, self.sizes)

    def lifted(self, lift: Floats) -> "Ratio":
        """Add so much to the score of each column, in every era."""
        return Ratio(self.multiplier * self.linear + lift * self.sizes, self.square)


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
        return self.reduced(_sum_of_scores(self.terms, weights), self.eras)

    def reduced(self, scores: Floats, eras: Floats) -> Floats:
        """Reduce scores (n_eras, n_blends) to values, with other weights of eras."""
        return _mean(scores, eras)

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Value of one blend, and the gradient (n_columns,)."""
        scores, slopes = _sum_of_gradients(self.terms, weights)
        return float(self.eras @ scores), self.eras @ slopes

    def influence(self, weights: Floats) -> Floats:
        """Influence of each era on the gradient of one blend: (n_eras, n_columns).

        How fast the gradient moves as the era gets weight at the cost of all alike.
        """
        _, slopes = _sum_of_gradients(self.terms, weights)
        return slopes - self.eras @ slopes


@dataclass(frozen=True)
class SharpeRatio:
    """Weighted mean of the scores over their standard deviation (``ddof=0``).

    0 where the scores of all eras are alike.
    """

    terms: Sequence[Ratio]
    eras: Floats

    def values(self, weights: Floats) -> Floats:
        """Value of each column of ``weights``, (n_blends,)."""
        return self.reduced(_sum_of_scores(self.terms, weights), self.eras)

    def reduced(self, scores: Floats, eras: Floats) -> Floats:
        """Reduce scores (n_eras, n_blends) to values, with other weights of eras."""
        mean = _mean(scores, eras)
        return _divided(mean, _spread(mean, _mean((scores - mean) ** 2, eras)))

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

    def influence(self, weights: Floats) -> Floats:
        """Influence of each era on the gradient of one blend: (n_eras, n_columns).

        With m the mean, s the deviation, m' and c / s their slopes, the gradient is
        m' / s - m c / s^3; m, s^2, m' and c are means over eras, and so each era's
        part in them gives its part in the gradient. Zeros where there is no deviation.
        """
        scores, slopes = _sum_of_gradients(self.terms, weights)
        mean, mean_slope = self.eras @ scores, self.eras @ slopes
        apart = (scores - mean)[:, None]
        variance = self.eras @ apart[:, 0] ** 2
        spread = float(_spread(mean, variance))
        if spread == 0.0:
            return np.zeros_like(slopes)
        c = self.eras @ (apart * slopes)
        of_variance = apart**2 - variance
        of_slope = slopes - mean_slope
        of_c = apart * of_slope - c
        influence: Floats = (
            of_slope
            - (0.5 * of_variance * mean_slope + apart * c + mean * of_c) / variance
            + 1.5 * mean * of_variance * c / variance**2
        ) / spread
        return influence


@dataclass(frozen=True)
class PooledScore:
    """Correlation over the rows of all eras, each centred, as if they were one.

    ``sizes`` (n_eras,) are the variances of the target; ``linear`` and ``square`` are
    as in `Ratio`.
    """

    linear: Floats
    square: Floats
    sizes: Floats
    eras: Floats

    @cached_property
    def ratio(self) -> Ratio:
        """The one ratio of the mean moments."""
        linear = self.eras @ self.linear / np.sqrt(self.eras @ self.sizes)
        return Ratio(linear[None], np.tensordot(self.eras, self.square, 1)[None])

    def values(self, weights: Floats) -> Floats:
        """Value of each column of ``weights``, (n_blends,)."""
        values: Floats = self.ratio.scores(weights)[0]
        return values

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Value of one blend, and the gradient (n_columns,)."""
        scores, slopes = self.ratio.gradient(weights)
        return float(scores[0]), slopes[0]

    def influence(self, weights: Floats) -> Floats:
        """Influence of each era on the gradient of one blend: (n_eras, n_columns).

        With l and S the mean moments, u = S w, q = w' u and v the mean size, the
        gradient is (l - (w' l) u / q) / sqrt(q v). Each of these is a mean over eras,
        and so each era's part in them gives its part in the gradient.
        """
        linear, square = self.eras @ self.linear, self.ratio.square[0]
        size, u = self.eras @ self.sizes, square @ weights
        q, covariance = weights @ u, weights @ linear
        if q <= 0.0:
            return np.zeros_like(self.linear)
        of_linear = self.linear - linear
        of_u = self.square @ weights - u
        of_q = (of_u @ weights / q)[:, None]
        of_covariance = (of_linear @ weights)[:, None]
        of_size = (self.sizes / size - 1.0)[:, None]
        gradient = linear - covariance * u / q
        of_gradient = (
            of_linear - (of_covariance * u + covariance * (of_u - of_q * u)) / q
        )
        of_root = 0.5 * (of_q + of_size)
        influence: Floats = (of_gradient - of_root * gradient) / np.sqrt(q * size)
        return influence


def counted(present: NDArray[np.bool_], weights: Floats) -> NDArray[np.bool_]:
    """Whether each era has a column of each blend: (n_eras, n_blends)."""
    n_columns = present.astype(np.float64) @ (weights != 0)
    return np.asarray(n_columns > 0)


def _mean(values: Floats, eras: Floats) -> Floats:
    """Mean over eras, whose weights are those of all blends or of each its own."""
    mean: Floats = eras @ values if eras.ndim == 1 else (eras * values).sum(axis=0)
    return mean


def _sum_of_scores(terms: Sequence[Ratio], weights: Floats) -> Floats:
    total: Floats = np.sum([term.scores(weights) for term in terms], axis=0)
    return total


def _sum_of_gradients(terms: Sequence[Ratio], weights: Floats) -> tuple[Floats, Floats]:
    scores, slopes = zip(*(term.gradient(weights) for term in terms), strict=True)
    return reduce(np.add, scores), reduce(np.add, slopes)


def _spread(mean: Floats, variance: Floats) -> Floats:
    """Root of the variance, 0 where it is only what rounding left of the mean."""
    root = _root(np.asarray(variance))
    return np.where(root <= _ROUNDING * np.abs(mean), 0.0, root)


def _root(size: Floats) -> Floats:
    return np.sqrt(np.maximum(size, 0.0))


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, 0 where the denominator is 0: a constant blend scores nothing."""
    positive = denominator > 0
    if positive.all():
        return np.asarray(numerator / denominator)
    return np.where(positive, numerator / np.where(positive, denominator, 1.0), 0.0)
