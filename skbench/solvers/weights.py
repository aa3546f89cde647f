"""From per-era moments to the weights of a blend."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .objectives import (
    MeanScore,
    Objective,
    PooledScore,
    Ratio,
    SharpeRatio,
    counted,
)
from .search import NOTHING, TRACE, Found, ascend, least_squares, pick, settled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]


class NotEnoughErasError(ValueError):
    """What is held does not determine the weights, but more eras may."""


# What rounding may leave between two equal times, which are weeks where eras are dates.
_SAME = 1e-6
SHRINKAGES = np.arange(11) / 10
N_FOLDS = 5
# Faces of the weights that are searched from one point, the most promising ones.
N_FACES = 4


@dataclass(frozen=True)
class Problem:
    """Moments of the eras that are scored, in order, and what is asked of the weights.

    ``moments`` holds arrays with one entry an era, as `era_moments` gives them;
    ``numbers`` say where the eras stand in time, in eras or weeks. ``lift`` is added to
    the score of each column in each era that has it, and to those of blends as these
    load on it.
    """

    moments: Mapping[str, NDArray[Any]]
    numbers: Floats
    prior: Floats
    objective: str = "corr"
    multipliers: Mapping[str, float] | None = None
    signed: bool = False
    max_weight: float = 1.0
    search: str = "slsqp"
    max_iter: int = 100
    halflife: float | None = None
    lift: Floats | None = None

    def of_eras(self, eras: Indices) -> Self:
        """Return the same problem on some of the eras."""
        moments = {name: values[eras] for name, values in self.moments.items()}
        return replace(self, moments=moments, numbers=self.numbers[eras])

    def of_columns(self, columns: Indices) -> Self:
        """Return the same problem on some of the columns."""
        moments = {
            name: columns_of(values, columns) for name, values in self.moments.items()
        }
        prior = self.prior[columns]
        if not prior.any():
            prior = np.ones(columns.size)
        return replace(
            self,
            moments=moments,
            prior=prior / np.abs(prior).sum(),
            lift=None if self.lift is None else self.lift[columns],
        )

    def present(self) -> Bools:
        """Whether each era can score each column alone: (n_eras, n_columns)."""
        default = "contribution" if self.objective == "contribution" else "corr"
        return presence(self.moments, self.multipliers or [default])

    def era_weights(self, counts: Indices | None = None) -> Floats:
        """Weigh the eras alike, or by halves every ``halflife``; the sum is one.

        ``counts`` is how often each era is there; once without it.
        """
        there = np.ones(self.numbers.size) if counts is None else counts
        weights: Floats = there * self._halved(self.numbers[there > 0][-1])
        weights /= weights.sum()
        return weights

    def _halved(self, last: float) -> Floats:
        """Weigh the last era that is there by one, so that the sum is never zero."""
        if self.halflife is None:
            return np.ones(self.numbers.size)
        ages = np.maximum(last - self.numbers, 0.0)
        with np.errstate(over="ignore"):  # what is infinitely old weighs nothing
            weights: Floats = 0.5 ** (ages / self.halflife)
        return weights

    def function(self, eras: Floats) -> MeanScore | SharpeRatio | PooledScore:
        """Return the objective for given weights of the eras.

        An era in which a blend has no value counts as 0: over its own eras alone, a
        column that began late would win by what these gave to all columns.
        """
        if self.objective == "mse":
            m = self.moments
            moments = m["target_covariance"], m["covariance"], m["target_variance"]
            return PooledScore(*moments, eras)
        reduce = SharpeRatio if self.objective == "sharpe" else MeanScore
        return reduce(self.terms(), eras)

    def solve(self, start: Floats | None = None) -> Found:
        """Find the weights; zeros where least squares find none that help.

        ``start`` takes the place of the several starts of a search from nowhere.
        """
        eras = self.era_weights()
        if self.search == "greedy":
            picked = pick(self.function(eras), self.prior.size, **self._limits())
            return Found(picked, True, self.max_iter)
        if self.present()[eras > 0].all():
            return self._search(eras, start)
        return self._search_faces(eras)

    def _limits(self) -> dict[str, Any]:
        return {
            "max_weight": self.max_weight,
            "signed": self.signed,
            "max_iter": self.max_iter,
        }

    def _search(
        self, eras: Floats, start: Floats | None = None, least: float = 0.0
    ) -> Found:
        """Find the weights, where all eras count."""
        objective = self.function(eras)
        fitted = self._least_squares(eras)
        if self.objective == "mse":
            if not fitted.any() or np.abs(fitted).max() <= self.max_weight:
                return Found(fitted)
            return ascend(objective, [fitted], **self._limits())
        starts = [start] if start is not None else self._starts(objective)
        return ascend(objective, [*starts, fitted], **self._limits(), least=least)

    def _search_faces(self, eras: Floats) -> Found:
        """Find the weights where some era lacks a column.

        Where weights drop all columns of an era, the objective jumps. So it is also
        searched without the columns that an era has, for one such set after the other,
        as long as that gains.
        """
        objective, present = self.function(eras), self.present()[eras > 0]
        face = np.asarray(present.any(axis=0))
        if not self._is_feasible(face):
            face = np.ones_like(face)
        best = self._search_face(face, eras, None)
        while True:
            before = best
            for smaller in self._faces(objective, present, face, before.weights):
                other = self._search_face(smaller, eras, before.weights)
                if _beats(other, best, objective):
                    best, face = other, smaller
            if best is before:
                return best

    def _is_feasible(self, face: Bools) -> bool:
        return bool(face.any() and face.sum() * self.max_weight >= 1.0 - 1e-12)

    def _faces(
        self, objective: Objective, present: Bools, face: Bools, weights: Floats
    ) -> list[Bools]:
        """Faces without all columns of some era, those that promise most first.

        And that of the columns that have a weight, and those of single columns.
        """
        lost, single = np.unique(present & face, axis=0), np.eye(face.size, dtype=bool)
        smaller = face & np.vstack([~lost, weights != 0, single])
        faces = [
            one
            for one in smaller
            if (one != face).any() and self._is_feasible(one) and (present & one).any()
        ]
        if not faces:
            return []
        there = np.array(faces)
        blends = np.where(there, weights, 0.0)
        blends = np.where(blends.any(axis=1, keepdims=True), blends, there)
        best_first = np.argsort(-objective.values(blends.T), kind="stable")
        return [faces[i] for i in best_first[:N_FACES]]

    def _search_face(self, face: Bools, eras: Floats, start: Floats | None) -> Found:
        """Find the weights among those of some columns."""
        columns = np.flatnonzero(face)
        part = self.of_columns(columns)
        if start is not None:
            start = start[columns]
            start = start / np.abs(start).sum() if start.any() else None
        there = part.present()[eras > 0]
        smooth = there.all(axis=1) | ~there.any(axis=1)
        if self.objective == "mse" or smooth.all():
            found = part._search(eras, start)
        else:  # the objective is smooth as long as no weight is zero
            least = min(TRACE, 0.1 / columns.size)
            found = part._search(eras, start, least)
            function = part.function(eras)
            found = settled(found, function, least, self.max_weight, self.signed)
        weights = np.zeros(face.size)
        weights[columns] = found.weights
        return replace(found, weights=weights)

    def value(self, weights: Floats) -> float:
        """Value of the objective over the eras in which a blend has one; else NaN."""
        eras = np.flatnonzero(counted(self.present(), weights[:, None])[:, 0])
        if not eras.size:
            return np.nan
        part = self.of_eras(eras)
        return float(part.function(part.era_weights()).values(weights[:, None])[0])

    def best_shrinkage(self, horizon: int) -> float:
        """Share of the prior that does best on later eras than those it was fitted on.

        The mean over five expanding folds; of equals the larger share.
        """
        gains = []
        for train, test in self._folds(horizon):
            best = self.of_eras(train).best_weights()
            blends = [self.shrunk(best, share) for share in SHRINKAGES]
            later = self.of_eras(test)
            objective = later.function(later.era_weights())
            gains.append(objective.values(np.transpose(blends)))
        means = np.mean(gains, axis=0)
        return float(SHRINKAGES[np.flatnonzero(means == means.max())[-1]])

    def shrunk(self, weights: Floats, share: float) -> Floats:
        """Move weights towards the prior by a share of the way.

        Signed weights cancel on the way, and are scaled to absolute sum one again: a
        weight above the largest is cut, in favour of the others. Where nothing is
        left, this is the prior.
        """
        moved = (1.0 - share) * weights + share * self.prior
        if not self.signed or share in (0.0, 1.0):
            return moved
        sizes = np.abs(moved)
        if sizes.sum() <= NOTHING:
            return self.prior
        signs = np.sign(np.where(moved == 0, self.prior, moved))
        return signs * _capped(sizes, np.abs(self.prior), self.max_weight)

    def best_weights(self) -> Floats:
        """Weights that `solve` finds, or the prior where none help."""
        weights = self.solve().weights
        return weights if weights.any() else self.prior

    def terms(self) -> list[Ratio]:
        """Return the scores whose sum an objective is made of, but for "mse"."""
        multipliers = self.multipliers or {self.objective: 1.0}
        if self.objective == "sharpe":
            multipliers = {"corr": 1.0}
        makers = {"corr": self._corr, "contribution": self._contribution}
        terms = [makers[name](value) for name, value in multipliers.items()]
        return terms if self.lift is None else [terms[0].lifted(self.lift), *terms[1:]]

    def _corr(self, multiplier: float) -> Ratio:
        m = self.moments
        linear = m["target_covariance"] / np.sqrt(m["target_variance"])[:, None]
        return Ratio(linear, np.ascontiguousarray(m["covariance"]), multiplier)

    def _contribution(self, multiplier: float) -> Ratio:
        """Covariance with the target of what the reference does not explain."""
        m = self.moments
        slope = m["reference_target"] / m["reference_square"]
        linear = (
            m["reference_target_covariance"] - slope[:, None] * m["reference_cross"]
        )
        square = np.ascontiguousarray(m["reference_covariance"])
        return Ratio(m["target_unit"][:, None] * linear, square, multiplier)

    def _least_squares(self, eras: Floats) -> Floats:
        """Least squares on the mean moments, to sum one; zeros where nothing helps."""
        function = self.function(eras)
        if isinstance(function, PooledScore):
            terms, eras = [function.ratio], np.ones(1)
        else:
            terms = list(function.terms)
        linear = sum(term.multiplier * (eras @ term.linear) for term in terms)
        square = np.tensordot(eras, terms[0].square, 1)
        weights = least_squares(square, np.asarray(linear), signed=self.signed)
        return weights / (np.abs(weights).sum() or 1.0)

    def _starts(self, objective: Objective) -> list[Floats]:
        equal = np.full(self.prior.size, 1.0 / self.prior.size)
        single = np.eye(self.prior.size)
        best = single[int(np.argmax(objective.values(single)))]
        believed = [] if np.array_equal(equal, self.prior) else [self.prior]
        return [equal, *believed, (equal + best) / 2]

    def _folds(self, horizon: int) -> Iterator[tuple[Indices, Indices]]:
        numbers, n = self.numbers, self.numbers.size
        # A block may be beyond any float; beyond all eras it has no other effect.
        gap = min(horizon, float(np.ptp(numbers)) + 1.0) + _SAME
        # A sixth of the eras is always learned from, and what follows a gap is tried.
        first = int(np.searchsorted(numbers, numbers[n // 6] + gap, side="right"))
        if n - first < N_FOLDS:
            raise NotEnoughErasError(
                f"shrinkage='auto' needs more than {n} scored eras: it learns from a "
                f"sixth of them or more, and tries {N_FOLDS} parts of those that come "
                f"{horizon} eras later (`horizon`). Give a number, or more eras"
            )
        edges = np.linspace(first, n, N_FOLDS + 1).astype(int)
        for begin, end in pairwise(edges):
            train = np.flatnonzero(numbers < numbers[begin] - gap)
            yield train, np.arange(begin, end)


def _beats(other: Found, best: Found, objective: Objective) -> bool:
    """Whether other weights are better; or about as good, and alone an optimum."""
    both = np.stack([other.weights, best.weights], axis=1)
    value, least = objective.values(both).tolist()
    margin = 1e-9 if best.optimal or not other.optimal else -1e-6
    return bool(value > least + margin * abs(value))


def presence(moments: Mapping[str, NDArray[Any]], scores: Iterable[str]) -> Bools:
    """Whether each era has all of the scores of each column: (n_eras, n_columns)."""
    names = {"corr": "present", "contribution": "reference_present"}
    each = [moments[names[score]] for score in scores]
    return np.asarray(np.logical_and.reduce(each))


def columns_of(values: NDArray[Any], columns: Indices) -> NDArray[Any]:
    """Of moments of eras, take what is of each column, of each pair, or of none."""
    if values.ndim == 3:
        return values[:, columns[:, None], columns]
    return values[:, columns] if values.ndim == 2 else values


def _capped(sizes: Floats, spare: Floats, most: float) -> Floats:
    """Scale sizes to sum one, none above ``most``: what exceeds it goes to the others.

    In proportion to their sizes; where none is left, in proportion to ``spare``.
    """
    full = np.zeros(sizes.size, dtype=bool)
    while True:
        rest = np.where(full, 0.0, sizes)
        if not rest.any():
            rest = np.where(full, 0.0, spare)
        left = 1.0 - most * full.sum()
        scaled: Floats = np.where(full, most, rest * (left / (rest.sum() or 1.0)))
        above = ~full & (scaled > most * (1.0 + 1e-12))
        if not above.any():
            return scaled
        full |= above
