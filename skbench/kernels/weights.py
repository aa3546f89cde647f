"""From per-era moments to the weights of a blend."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .bootstrap import block_counts
from .objectives import MeanScore, Objective, Ratio, SharpeRatio
from .search import Found, ascend, least_squares, pick

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class NotEnoughErasError(ValueError):
    """What is held does not determine the weights, but more eras may."""


# What rounding may leave between two equal times, which are weeks where eras are dates.
_SAME = 1e-6
SHRINKAGES = np.arange(11) / 10
N_FOLDS = 5


@dataclass(frozen=True)
class Problem:
    """Moments of the eras that are scored, in order, and what is asked of the weights.

    ``moments`` holds arrays with one entry an era, as `era_moments` gives them;
    ``numbers`` say where the eras stand in time, in eras or weeks.
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

    def of_eras(self, eras: Indices) -> Self:
        """Return the same problem on some of the eras."""
        moments = {name: values[eras] for name, values in self.moments.items()}
        return replace(self, moments=moments, numbers=self.numbers[eras])

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

    def function(self, eras: Floats) -> Objective:
        """Return the objective for given weights of the eras."""
        if self.objective == "mse":
            return MeanScore([self._pooled(eras)], np.ones(1))
        reduce = SharpeRatio if self.objective == "sharpe" else MeanScore
        return reduce(self._terms(), eras)

    def solve(self, eras: Floats | None = None, start: Floats | None = None) -> Found:
        """Find the weights; zeros where least squares find none that help.

        ``start`` takes the place of the several starts of a search from nowhere.
        """
        eras = self.era_weights() if eras is None else eras
        objective = self.function(eras)
        limits: dict[str, Any] = {
            "max_weight": self.max_weight,
            "signed": self.signed,
            "max_iter": self.max_iter,
        }
        if self.search == "greedy":
            return Found(
                pick(objective, self.prior.size, **limits), True, self.max_iter
            )
        fitted = self._least_squares(eras)
        if self.objective == "mse":
            if not fitted.any() or np.abs(fitted).max() <= self.max_weight:
                return Found(fitted)
            return ascend(objective, [fitted], **limits)
        starts = [start] if start is not None else self._starts(objective)
        return ascend(objective, [*starts, fitted], **limits)

    def value(self, weights: Floats) -> float:
        """Value of the objective for given weights."""
        return float(self.function(self.era_weights()).values(weights[:, None])[0])

    def best_shrinkage(self, block_size: int) -> float:
        """Share of the prior that does best on later eras than those it was fitted on.

        The mean over five expanding folds; of equals the larger share.
        """
        gains = []
        for train, test in self._folds(block_size):
            best = self.of_eras(train)._weights()
            blends = [shrunk(best, self.prior, share) for share in SHRINKAGES]
            later = self.of_eras(test)
            gains.append(
                later.function(later.era_weights()).values(np.transpose(blends))
            )
        means = np.mean(gains, axis=0)
        return float(SHRINKAGES[np.flatnonzero(means == means.max())[-1]])

    def resampled(
        self, n_bootstrap: int, block_size: int, rng: np.random.Generator
    ) -> Floats:
        """Solve moving-block bootstrap samples of eras: (n_bootstrap, n_columns)."""
        counts = block_counts(self.numbers.size, block_size, n_bootstrap, rng)
        start = self._weights()
        return np.stack([self._weights(self.era_weights(n), start) for n in counts])

    def _weights(
        self, eras: Floats | None = None, start: Floats | None = None
    ) -> Floats:
        """Weights that `solve` finds, or the prior where none help."""
        weights = self.solve(eras, start).weights
        return weights if weights.any() else self.prior

    def _terms(self) -> list[Ratio]:
        multipliers = self.multipliers or {self.objective: 1.0}
        if self.objective == "sharpe":
            multipliers = {"corr": 1.0}
        makers = {"corr": self._corr, "contribution": self._contribution}
        return [makers[name](value) for name, value in multipliers.items()]

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

    def _pooled(self, eras: Floats) -> Ratio:
        """Correlation over the rows of all eras, each centred, as if they were one."""
        m = self.moments
        linear = eras @ m["target_covariance"] / np.sqrt(eras @ m["target_variance"])
        square = np.tensordot(eras, m["covariance"], 1)
        return Ratio(linear[None], square[None])

    def _least_squares(self, eras: Floats) -> Floats:
        """Least squares on the mean moments, to sum one; zeros where nothing helps."""
        terms = [self._pooled(eras)] if self.objective == "mse" else self._terms()
        eras = np.ones(1) if self.objective == "mse" else eras
        linear = sum(term.multiplier * (eras @ term.linear) for term in terms)
        square = np.tensordot(eras, terms[0].square, 1)
        weights = least_squares(square, np.asarray(linear), signed=self.signed)
        return weights / (np.abs(weights).sum() or 1.0)

    def _starts(self, objective: Objective) -> list[Floats]:
        equal = np.full(self.prior.size, 1.0 / self.prior.size)
        single = np.eye(self.prior.size)
        best = single[int(np.argmax(objective.values(single)))]
        return [equal, self.prior, (equal + best) / 2]

    def _folds(self, block_size: int) -> Iterator[tuple[Indices, Indices]]:
        numbers, n = self.numbers, self.numbers.size
        # A block may be beyond any float; beyond all eras it has no other effect.
        gap = min(block_size, float(np.ptp(numbers)) + 1.0) + _SAME
        # A sixth of the eras is always learned from, and what follows a gap is tried.
        first = int(np.searchsorted(numbers, numbers[n // 6] + gap, side="right"))
        if n - first < N_FOLDS:
            raise NotEnoughErasError(
                f"shrinkage='auto' needs more than {n} scored eras: it learns from a "
                f"sixth of them or more, and tries {N_FOLDS} parts of those that come "
                f"{block_size} eras later (`block_size`). Give a number, or more eras"
            )
        edges = np.linspace(first, n, N_FOLDS + 1).astype(int)
        for begin, end in pairwise(edges):
            train = np.flatnonzero(numbers < numbers[begin] - gap)
            yield train, np.arange(begin, end)


def shrunk(weights: Floats, prior: Floats, share: float) -> Floats:
    """Move weights towards the prior by a share of the way."""
    return (1.0 - share) * weights + share * prior
