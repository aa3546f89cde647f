"""Weights that maximise an objective on the simplex, and least squares on it.

Objectives do not change when all weights are scaled alike. Weights sum to one; where
they may be negative, the absolute weights do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls

from .objectives import Objective

Floats = NDArray[np.float64]

# SLSQP stops when the objective gains less than this, in units of its slope.
_TOLERANCE = 1e-14
# What moving weight from one column to another may gain, in the same units, where the
# weights count as optimal.
_OPTIMAL = 1e-5
# Weights below this are what rounding left of zero.
NOTHING = 1e-12
# What a column gets at least that is there for the sake of eras without any other.
TRACE = 1e-3


@dataclass(frozen=True)
class Found:
    """Weights, whether they are optimal as far as can be told, and the steps taken."""

    weights: Floats
    optimal: bool = True
    n_iter: int = 1


def ascend(
    objective: Objective,
    starts: Sequence[Floats],
    *,
    max_weight: float = 1.0,
    signed: bool = False,
    max_iter: int = 100,
    least: float = 0.0,
) -> Found:
    """Maximise by SLSQP from each start, and take the best.

    Parameters
    ----------
    objective : Objective
        What to maximise.
    starts : sequence of arrays of shape (n_columns,)
        Weights to start from.
    max_weight : float
        Largest absolute weight.
    signed : bool
        Whether weights may be negative.
    max_iter : int
        Iterations from each start.
    least : float
        Smallest absolute weight.
    """
    if not signed:
        return _ascend_within(
            objective, np.ones(starts[0].size), starts, max_weight, max_iter, least
        )
    # As the difference of two non-negative parts. What both parts of a column hold
    # cancels, and would loosen a cap: so this only finds the signs.
    parts = [np.concatenate([_positive(w), _positive(-w)]) for w in starts]
    both = ascend(_Difference(objective), parts, max_iter=max_iter).weights
    difference = both[: starts[0].size] - both[starts[0].size :]
    starts = [difference, *starts]
    signs = np.where(difference < 0, -1.0, 1.0)
    limits = max_weight, max_iter, least
    best = _ascend_within(objective, signs, starts, *limits)
    if max_weight < 1.0:
        best = _flip_signs(objective, best, starts, *limits)
    return best


def settled(
    found: Found, objective: Objective, least: float, max_weight: float, signed: bool
) -> Found:
    """Give up the least weights that the objective can spare, or turn them."""
    weights, factors = found.weights, [0.0, 1.0, -1.0] if signed else [0.0, 1.0]
    for column in np.flatnonzero(np.abs(weights) < 1.5 * least):
        tried = np.repeat(weights[:, None], len(factors), axis=1)
        tried[column] *= factors
        weights = tried[:, int(np.argmax(objective.values(tried)))]
    kept = weights != 0
    if kept.sum() * max_weight < 1.0 - 1e-12:
        return found
    out = np.zeros(weights.size)
    out[kept] = _onto_simplex(np.abs(weights[kept]), max_weight)
    return replace(found, weights=np.sign(weights) * out)


def _ascend_within(
    objective: Objective,
    signs: Floats,
    starts: Sequence[Floats],
    max_weight: float,
    max_iter: int,
    least: float = 0.0,
) -> Found:
    """Maximise over weights of given signs."""
    orthant = _Orthant(objective, signs, max_weight, starts[0], least)
    found = [orthant.ascend(_positive(signs * start), max_iter) for start in starts]
    best, n_iter = max(found, key=lambda pair: orthant.value(pair[0]))
    if orthant.value(best) <= 0.0:
        # Where nothing scores above 0, to mix is no gain: single columns are the peaks.
        found += [orthant.ascend(column, max_iter) for column in np.eye(signs.size)]
        best, n_iter = max(found, key=lambda pair: orthant.value(pair[0]))
    return Found(signs * best, orthant.is_optimal(best), n_iter)


def _flip_signs(
    objective: Objective,
    best: Found,
    starts: Sequence[Floats],
    *limits: Any,
) -> Found:
    """Flip the sign of one column at a time for as long as that gains."""
    value = objective.gradient(best.weights)[0]
    tried = set()
    while True:
        signs = np.where(best.weights < 0, -1.0, 1.0)
        around = signs * (1.0 - 2.0 * np.eye(signs.size))
        found = []
        for flipped in around:
            if tuple(flipped) not in tried:
                tried.add(tuple(flipped))
                nearby = [flipped * np.abs(best.weights), *starts]
                found.append(_ascend_within(objective, flipped, nearby, *limits))
        values = [objective.gradient(one.weights)[0] for one in found]
        if not values or max(values) <= value + 1e-12 * abs(value):
            return best
        best, value = found[int(np.argmax(values))], max(values)


def pick(
    objective: Objective,
    n_columns: int,
    *,
    max_weight: float = 1.0,
    signed: bool = False,
    max_iter: int = 100,
) -> Floats:
    """Forward selection with replacement: the best of the blends met on the way.

    Each step adds one more share of the column that helps the objective most, the
    first of equals. A column gets no more shares than ``max_weight`` allows at the end.
    """
    steps = np.eye(n_columns)
    if signed:
        steps = np.hstack([steps, -steps])
    shares, best, best_value = np.zeros(n_columns), None, -np.inf
    for count in range(1, max_iter + 1):
        candidates = shares[:, None] + steps
        values = objective.values(candidates)
        largest = np.abs(candidates).max(axis=0)
        values[largest > max(max_weight * max_iter, 1) + 1e-9] = -np.inf
        # A share that takes back another leaves a blend of fewer shares: no step.
        values[np.abs(candidates).sum(axis=0) < count - 0.5] = -np.inf
        chosen = int(np.argmax(values))
        shares = candidates[:, chosen]
        feasible = largest[chosen] <= max_weight * count + 1e-9
        if feasible and values[chosen] > best_value:
            best, best_value = shares / count, values[chosen]
    if best is None:
        raise ValueError(
            f"no blend of at most {max_iter} shares keeps every weight within "
            f"{max_weight}: allow more shares or a larger weight"
        )
    return best


def least_squares(square: Floats, linear: Floats, *, signed: bool = False) -> Floats:
    """Minimise ``w @ square @ w - 2 w @ linear``, over w >= 0 unless ``signed``."""
    values, vectors = np.linalg.eigh(square)
    kept = values > max(values[-1], 0.0) * len(square) * np.finfo(np.float64).eps
    if not kept.any():
        return np.zeros(len(linear))
    root = np.sqrt(values[kept])
    design, response = (vectors[:, kept] * root).T, vectors[:, kept].T @ linear / root
    if signed:
        weights: Floats = np.linalg.lstsq(design, response)[0]
    else:
        weights = nnls(design, response)[0]
    return weights


@dataclass(frozen=True)
class _Difference:
    """An objective of two non-negative parts, stacked, by their difference."""

    objective: Objective

    def values(self, weights: Floats) -> Floats:
        k = len(weights) // 2
        return self.objective.values(weights[:k] - weights[k:])

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        k = weights.size // 2
        value, slope = self.objective.gradient(weights[:k] - weights[k:])
        return value, np.concatenate([slope, -slope])


class _Orthant:
    """The objective on ``signs * x``; x has a least and a most, and sums to one."""

    def __init__(
        self,
        objective: Objective,
        signs: Floats,
        max_weight: float,
        start: Floats,
        least: float = 0.0,
    ) -> None:
        self.objective = objective
        self.signs = signs
        self.least, self.most = least, min(max_weight, 1.0)
        # SLSQP's tolerances are absolute: the objective is put in units of its slope.
        value, slope = objective.gradient(start)
        self.unit = max(float(np.abs(slope).max()), abs(value)) or 1.0

    def value(self, x: Floats) -> float:
        return self.objective.gradient(self.signs * x)[0]

    def ascend(self, start: Floats, max_iter: int) -> tuple[Floats, int]:
        begin = _onto_simplex(start, self.most, self.least)
        result = minimize(
            self._loss,
            begin,
            jac=True,
            method="SLSQP",
            bounds=[(self.least, self.most)] * start.size,
            constraints={"type": "eq", "fun": _excess, "jac": np.ones_like},
            options={"ftol": _TOLERANCE, "maxiter": max_iter},
        )
        end = _onto_simplex(np.nan_to_num(result.x), self.most, self.least)
        return max(begin, end, key=self.value), max(int(result.nit), 1)

    def is_optimal(self, x: Floats) -> bool:
        """Whether moving weight from one column to another gains nothing."""
        slope = self.signs * self.objective.gradient(self.signs * x)[1] / self.unit
        can_grow, can_shrink = x < self.most - 1e-9, x > self.least + 1e-9
        if not can_grow.any():
            return True
        return bool(slope[can_grow].max() - slope[can_shrink].min() <= _OPTIMAL)

    def _loss(self, x: Floats) -> tuple[float, Floats]:
        value, slope = self.objective.gradient(self.signs * x)
        return -value / self.unit, -self.signs * slope / self.unit


def _excess(x: Floats) -> float:
    return float(x.sum() - 1.0)


def _positive(x: Floats) -> Floats:
    return np.maximum(x, 0.0)


def _onto_simplex(x: Floats, most: float, least: float = 0.0) -> Floats:
    """Nearest point with entries in [least, most] that sum to one, by bisection."""
    low, high = x.min() - 1.0, x.max()
    for _ in range(100):
        shift = (low + high) / 2
        if np.clip(x - shift, least, most).sum() > 1.0:
            low = shift
        else:
            high = shift
    point = np.clip(x - high, least, most)
    point[point < NOTHING] = 0.0
    nearest: Floats = point / point.sum()
    return nearest
