"""The best blend of two models, in closed form from numbers of the eras.

A blend with the weights u and v of two models scores

    (u a + v b) / sqrt(u^2 p + 2 u v r + v^2 q),

with a and b what the models themselves have in the numerator, and p, q and r what they
have in the denominator, alone and between them. Where both weights of the peak are
positive it is ``sqrt((a^2 q - 2 a b r + b^2 p) / (p q - r^2))``; elsewhere the better
of the two does best alone.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Models that differ by no more than rounding are one model.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Pairs:
    """Numbers of pairs of models in each era, NaN where one lacks it.

    ``first`` and ``second``, (n_pairs, n_eras), are the correlations of each model with
    the target, and ``between`` that of the two models.
    """

    first: Floats
    second: Floats
    between: Floats

    def best(self, objective: str = "corr") -> "Blends":
        """Find the best blend of each pair, (n_pairs,); NaN for one without eras.

        With "corr" the score is the mean correlation of the blend, over the root of its
        mean variance; with "sharpe" the mean over the standard deviation of the
        weighted sum of ``first`` and ``second``.
        """
        a, b = _mean(self.first), _mean(self.second)
        if objective == "corr":
            one = np.ones_like(a)
            found = best_blend(a, b, one, one, _mean(self.between))
        else:
            product = (self.first - a[:, None]) * (self.second - b[:, None])
            parts = _variance(self.first), _variance(self.second), _mean(product)
            found = best_blend(a, b, *parts)
        return Blends(*(np.where(np.isnan(a), np.nan, part) for part in found))

    def tilts(self, objective: str = "corr") -> Floats:
        r"""Series whose means say if a little of the worse model helps the better one.

        With a the score of the better model in an era, b that of the other and r their
        correlation, "corr" takes b - r a: the derivative of the correlation of
        :math:`a + \lambda b` at 0. "sharpe" takes that of their Sharpe ratio, which is
        :math:`\tau = \alpha / s_a` with :math:`\alpha = \bar b - \beta \bar a` the
        intercept of the regression of b on a, plus its influence function
        :math:`e (1 - \bar a z / s_a) / s_a - \tau (z^2 - 1) / 2`, with e the residual
        of the regression and :math:`z = (a - \bar a) / s_a`; NaN where a does not vary.
        """
        score = _mean if objective == "corr" else _sharpe
        other = (score(self.second) > score(self.first))[:, None]
        better = np.where(other, self.second, self.first)
        partner = np.where(other, self.first, self.second)
        if objective == "corr":
            tilts: Floats = partner - self.between * better
            return tilts
        return _sharpe_slopes(partner, better)


class Blends(NamedTuple):
    """Share of the second model in the best blends, and what these gain.

    That is what a blend scores above the first model, and above the better of the two.
    """

    share: Floats
    over_first: Floats
    over_better: Floats


def _mean(values: Floats) -> Floats:
    """Mean over the eras that are there; NaN without any."""
    count = (~np.isnan(values)).sum(axis=1)
    total = np.nansum(values, axis=1)
    means: Floats = np.divide(
        total, count, where=count > 0, out=np.full_like(total, np.nan)
    )
    return means


def _variance(scores: Floats) -> Floats:
    """Variance over the eras; 0 where rounding may be all that there is of it."""
    means = _mean(scores)
    variance = _mean(np.square(scores - means[:, None]))
    return np.where(variance <= _ROUNDING * means**2, 0.0, variance)


def _sharpe(scores: Floats) -> Floats:
    return _divided(_mean(scores), np.sqrt(_variance(scores)))


def _sharpe_slopes(y: Floats, x: Floats) -> Floats:
    """Slope of the Sharpe ratio of x as y comes in, plus its influence function."""
    mean, middle = _mean(x)[:, None], _mean(y)[:, None]
    spread = np.sqrt(_variance(x))[:, None]
    spread = np.where(spread > 0, spread, np.nan)
    z = (x - mean) / spread
    beta = _mean(z * (y - middle))[:, None] / spread
    residual = y - middle - beta * (x - mean)
    slope = (middle - beta * mean) / spread
    influence: Floats = (
        residual * (1.0 - mean / spread * z) / spread - slope * (z**2 - 1.0) / 2.0
    )
    return slope + influence


def best_blend(a: Floats, b: Floats, p: Floats, q: Floats, r: Floats) -> Blends:
    """Find the best non-negative blends, from what the module says.

    Two models that are the same gain exactly nothing. A model without a denominator
    scores 0.
    """
    first, second = _divided(a, np.sqrt(p)), _divided(b, np.sqrt(q))
    u, v, rest = q * a - r * b, p * b - r * a, p * q - r * r
    inside = (rest > _ROUNDING * p * q) & (u > 0) & (v > 0)
    peak = np.sqrt(_divided(np.where(inside, a * u + b * v, 0.0), rest))
    other = second - first > _ROUNDING * np.abs(first)
    best = np.where(inside, peak, np.where(other, second, first))
    return Blends(
        np.where(inside, _divided(v, u + v), other),
        np.maximum(best - first, 0.0),
        np.maximum(best - np.maximum(first, second), 0.0),
    )


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, 0 where the denominator is not positive."""
    safe = np.where(denominator > 0, denominator, 1.0)
    return np.where(denominator > 0, numerator / safe, 0.0)
