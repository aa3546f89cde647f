"""The best blend of two models, in closed form from numbers of the eras.

A blend with the weights u and v of two models scores

    (u a + v b) / sqrt(u^2 p + 2 u v r + v^2 q),

with a and b what the models themselves have in the numerator, and p, q and r what they
have in the denominator, alone and between them. Where both weights of the peak are
positive it is ``sqrt((a^2 q - 2 a b r + b^2 p) / (p q - r^2))``; elsewhere the better
of the two does best alone.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .gaps import Indices

Floats = NDArray[np.float64]

# Models that differ by no more than rounding are one model.
_ROUNDING = 1e-12
# Pairs at a time, which bounds the memory for the resamples of many.
_CHUNK = 1024


@dataclass(frozen=True)
class Pairs:
    """Numbers of pairs of models in the eras that both have: (n_pairs, n_eras).

    ``first`` and ``second`` are the correlations of each model with the target, and
    ``between`` that of the two models.
    """

    first: Floats
    second: Floats
    between: Floats

    def of(self, pairs: Indices, eras: Indices) -> Self:
        """Keep some pairs, and the eras that both models of these have."""
        parts = (self.first, self.second, self.between)
        return type(self)(*(part[pairs][:, eras] for part in parts))

    def best(self, eras: Floats, objective: str = "corr") -> "Blends":
        """Find the best blend of each pair, in samples of the eras.

        ``eras`` holds weights of the eras that sum to one, (n_samples, n_eras). With
        "corr" the score is the mean correlation of the blend, over the root of its mean
        variance; with "sharpe" the mean over the standard deviation of the weighted sum
        of ``first`` and ``second``.
        """
        parts = [
            self._best(slice(at, at + _CHUNK), eras, objective)
            for at in range(0, len(self.first), _CHUNK)
        ]
        whole = zip(*parts, strict=True)
        return Blends(*(np.concatenate(arrays, axis=1) for arrays in whole))

    def _best(self, some: slice, eras: Floats, objective: str) -> "Blends":
        first, second = self.first[some], self.second[some]
        a, b = eras @ first.T, eras @ second.T
        if objective == "corr":
            one = np.ones_like(a)
            return best_blend(a, b, one, one, eras @ self.between[some].T)
        return best_blend(
            a,
            b,
            _variance(eras, first, a),
            _variance(eras, second, b),
            eras @ (first * second).T - a * b,
        )


class Blends(NamedTuple):
    """Share of the second model in the best blends, and what these gain.

    That is what a blend scores above the first model, and above the better of the two.
    """

    share: Floats
    over_first: Floats
    over_better: Floats


def _variance(eras: Floats, scores: Floats, means: Floats) -> Floats:
    """Variance over the eras; 0 where rounding may be all that there is of it."""
    variance = eras @ (scores * scores).T - means**2
    return np.where(variance <= _ROUNDING * means**2, 0.0, variance)


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
