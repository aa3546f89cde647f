r"""Intervals of the weights of a blend: all values that the eras do not rule out.

Weights that maximise an objective often lie at a bound, and are no smooth function of
the scores; resampled eras then give intervals that are too narrow. But the slope of the
objective is a mean over eras. For a value v of one weight, let the others be the best
ones, and let d be how fast they all move with v. The objective then rises with v by

.. math::

    \text{slope}(v) = g \cdot d, \qquad \eta_t = \psi_t \cdot d

with g its gradient and :math:`\psi_t` the influence of era t on g, so that the variance
of the slope is that of the mean of :math:`\eta`, in the closed form of
`skbench.solvers.intervals`. The interval holds the values whose slope is within
Student's t times the root of that: an inverted score test. The value of a weight
that is at a bound, where the objective would rise beyond it, is in it, too.

C. R. Rao, "Large Sample Tests of Statistical Hypotheses Concerning Several Parameters",
Proceedings of the Cambridge Philosophical Society 44 (1948).
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from skbench.solvers.objectives import Objective, counted
from skbench.solvers.search import NOTHING, ascend
from skbench.solvers.weights import Problem

from .intervals import Cosines, cosines, critical_value

Floats = NDArray[np.float64]

# How far inside its range, and how finely, a weight is looked for.
_INSIDE = 1e-3
# A weight this close to a bound stays there as another one moves.
_AT_BOUND = 1e-7
_STEP = 1e-4  # of the differences that give the curvature
# In units of the largest slope; below it a slope is what rounding left of none.
_FLAT = 1e-9


def of_weights(
    problem: Problem, weights: Floats, horizon: float, confidence: float
) -> tuple[Floats, Floats] | None:
    """Find the blends in which each weight is the least, and the most, it may be.

    Both have shape (n_columns, n_columns), a row for each weight. None where there are
    too few eras for an interval. Where the blend scores nothing, or less, no value of a
    weight is ruled out.

    Parameters
    ----------
    problem : Problem
        What the weights solve.
    weights : array of shape (n_columns,)
        Its solution.
    horizon : float
        Over how many units of time an era shares days with others.
    confidence : float
        Probability that an interval is to have.
    """
    # A blend has a value in the eras that have one of its columns.
    problem = problem.of_eras(np.flatnonzero(counted(problem.present(), weights)))
    prepared = cosines(problem.numbers, horizon)
    if prepared is None:
        return None
    profile = _Profile(problem, weights, prepared, confidence)
    ends = [profile.ends(column) for column in range(weights.size)]
    low, high = zip(*ends, strict=True)
    return np.array(low), np.array(high)


class _Profile:
    """The objective as a function of one weight, with the others at their best."""

    def __init__(
        self, problem: Problem, weights: Floats, prepared: Cosines, confidence: float
    ) -> None:
        self.weights, self.prepared = weights, prepared
        eras = problem.era_weights()
        self.objective, self.shares = problem.function(eras), eras * eras.size
        self.most, self.signed = problem.max_weight, problem.signed
        self.max_iter = problem.max_iter
        self.critical = critical_value(prepared.df, confidence)
        value, gradient = self.objective.gradient(np.ones(weights.size))
        self.unit = max(float(np.abs(gradient).max()), abs(value))
        self.scores = self.objective.gradient(weights)[0] > 0.0

    def ends(self, column: int) -> tuple[Floats, Floats]:
        """Return the blends in which a weight is the least and the most it may be."""
        lowest, highest = self._range(column)
        edge = _INSIDE * (highest - lowest)
        value = float(self.weights[column])
        low = self._end(column, 1.0, lowest, min(lowest + edge, value))
        high = self._end(column, -1.0, highest, max(highest - edge, value))
        return low, high

    def _range(self, column: int) -> tuple[float, float]:
        """Values that a weight can have, where no other one exceeds the largest."""
        least = max(1.0 - (self.weights.size - 1) * self.most, 0.0)
        if not self.signed:
            return least, self.most
        if least == 0.0:
            return -self.most, self.most
        return (-self.most, -least) if self.weights[column] < 0 else (least, self.most)

    def _end(self, column: int, sign: float, bound: float, edge: float) -> Floats:
        """Search from the weight to its bound; ``sign`` is that of a telling slope."""
        value = float(self.weights[column])
        if value == bound:
            return self.weights
        tells = cache(partial(self._tells, column, sign))
        if self.scores and tells(edge) > 0.0:
            if tells(value) >= 0.0:
                return self.weights
            bound = brentq(tells, edge, value, xtol=0.1 * _INSIDE)
        return self._best(column, bound)

    def _tells(self, column: int, sign: float, value: float) -> float:
        """By how much the slope exceeds what it may be by chance."""
        blend = self._best(column, value)
        moves = self._moves(column, blend)
        slope = float(self.objective.gradient(blend)[1] @ moves)
        series = self.objective.influence(blend) @ moves * self.shares
        error = float(np.sqrt(self.prepared.variance(series[None])[0]))
        return float(sign * slope - self.critical * error - _FLAT * self.unit)

    def _best(self, column: int, value: float) -> Floats:
        """Find the best blend with a given weight."""
        left, others = 1.0 - abs(value), np.delete(self.weights, column)
        if left <= NOTHING:
            return np.insert(np.zeros(others.size), column, value)
        total = np.abs(others).sum()
        equal = np.full(others.size, 1.0 / others.size)
        start = others / total if total > NOTHING else equal
        limits: dict[str, Any] = {
            "max_weight": self.most / left,
            "signed": self.signed,
            "max_iter": self.max_iter,
        }
        pinned = _Pinned(self.objective, column, value)
        found = ascend(pinned, [start], **limits)
        if not found.optimal:
            found = ascend(pinned, [found.weights, equal], **limits)
        return pinned.blend(found.weights)

    def _moves(self, column: int, blend: Floats) -> Floats:
        """Return how fast the best blend moves with one weight.

        The others move so that, to second order, the objective loses least, and the sum
        of all sizes stays. Those at a bound stay there.
        """
        sizes = np.abs(blend)
        free = (sizes > _AT_BOUND) & (sizes < self.most - _AT_BOUND)
        free[column] = False
        others = np.flatnonzero(free)
        curvature = self._curvature(blend, np.append(others, column))
        n, signs = others.size, np.where(blend < 0, -1.0, 1.0)
        system = np.zeros((n + 1, n + 1))
        system[:n, :n] = curvature[:n, :n]
        system[n, :n] = system[:n, n] = signs[others]
        wanted = -np.append(curvature[:n, n], signs[column])
        moves = np.zeros(blend.size)
        moves[column] = 1.0
        moves[others] = np.linalg.lstsq(system, wanted)[0][:n]
        return moves

    def _curvature(self, blend: Floats, columns: NDArray[np.intp]) -> Floats:
        """Second derivatives of the objective in some weights, in units of a slope."""
        steps = _STEP * np.eye(blend.size)[columns]
        up, down = (
            np.array([self.objective.gradient(blend + step)[1] for step in signed])
            for signed in (steps, -steps)
        )
        second: Floats = (up - down)[:, columns] / (2.0 * _STEP * self.unit)
        return (second + second.T) / 2.0


@dataclass(frozen=True)
class _Pinned:
    """The objective of the other weights, which share what a pinned one leaves."""

    objective: Objective
    column: int
    value: float

    def blend(self, others: Floats) -> Floats:
        """Put the pinned weight between the others."""
        shares = (1.0 - abs(self.value)) * others
        return np.insert(shares, self.column, self.value, axis=0)

    def values(self, weights: Floats) -> Floats:
        return self.objective.values(self.blend(weights))

    def gradient(self, weights: Floats) -> tuple[float, Floats]:
        value, slope = self.objective.gradient(self.blend(weights))
        return value, (1.0 - abs(self.value)) * np.delete(slope, self.column)
