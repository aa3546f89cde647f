"""Pipelines walked forward together: their steps, their rivals, their weights."""

from collections.abc import Hashable, Mapping
from copy import copy
from typing import Any

from skbench._frames import Table
from skbench._stacking import StackingWeights
from skbench._steps import era_of
from skbench._warnings import warn

from ._candidate import EQUAL, IN_SAMPLE, SINGLE, Candidate, unique_name
from ._paths import Paths
from ._split import WalkForwardEraSplit
from ._weights import LearnedWindow, NoWindowError, learned_windows


class Walk:
    """Pipelines, beside the same ones with equal weights and with the best model alone.

    They are fitted in steps, each of which may be done elsewhere: `fit_before`, then
    `gather` on whole eras, `learn`, `fit_after`. `paths` then makes their columns.
    """

    def __init__(self, pipelines: Mapping[str, Any], in_sample: bool = False) -> None:
        self.candidates: dict[str, Candidate] = {}
        self.lacking: dict[str, NoWindowError] = {}
        self._walked: set[Hashable] = set()
        for name, pipeline in pipelines.items():
            self._add(Candidate.of(name, pipeline))
        given = [*self.candidates.values()]
        self._given = [one.name for one in given if one.learns]
        apart = {one.but_for_weights: one for one in reversed(given) if one.learns}
        rivals = {
            key: self._add_rivals(one, one.tail if len(apart) > 1 else "", in_sample)
            for key, one in reversed(apart.items())
        }
        if not rivals:
            rivals[""] = {EQUAL: self._add(given[0].equally_weighted(EQUAL))}
        first = next(iter(rivals.values()))
        for one in given:
            one.rivals = rivals.get(one.but_for_weights, first)

    def _add_rivals(self, one: Candidate, tail: str, in_sample: bool) -> dict[str, str]:
        equal = self._add(one.equally_weighted(EQUAL + tail))
        single = self._add(one.with_single_best(SINGLE + tail))
        self.candidates[single].rivals = {EQUAL: equal}
        rivals = {EQUAL: equal, SINGLE: single}
        if in_sample:
            own = one.learned_in_sample(IN_SAMPLE + tail)
            rivals[IN_SAMPLE] = self._add(own)
        return rivals

    def _add(self, one: Candidate) -> str:
        one.name = unique_name(one.name, [*self.candidates])
        self.candidates[one.name] = one
        return one.name

    @property
    def era(self) -> str:
        """The era column, which all candidates share."""
        candidates = self.candidates.values()
        return era_of(step for one in candidates for step in one.steps)

    @property
    def payout(self) -> Mapping[str, float] | None:
        """Multipliers of the first candidate that learns for the payout."""
        several = (one.blend for one in self.candidates.values() if one.learns)
        return next((b.payout for b in several if b.objective == "payout"), None)

    @property
    def curves(self) -> list[dict[float, str]]:
        """Names by proportion, of candidates that differ in nothing else."""
        curves: dict[str, dict[float, str]] = {}
        for name, one in self.candidates.items():
            if len(one.neutralizers) == 1 and name not in self.lacking:
                curve = curves.setdefault(one.but_for_proportion, {})
                curve[float(one.neutralizers[0].proportion)] = name
        return [dict(sorted(curve.items())) for curve in curves.values()]

    @property
    def windows(self) -> dict[str, list[LearnedWindow]]:
        """The windows of each candidate that has learned some."""
        every = self.candidates.items()
        return {name: one.windows for name, one in every if one.windows is not None}

    @property
    def names(self) -> list[str]:
        """Names of the candidates."""
        return list(self.candidates)

    def is_walked(self, label: Hashable) -> bool:
        """Whether a candidate has learned weights for an era, or none learns."""
        return not self._walked or label in self._walked

    def fit(self, table: Table, y: Any, cv: WalkForwardEraSplit | None) -> None:
        """Fit all of it on the eras of one table."""
        self.fit_before(table)
        self.learn(self.gather(table, y), cv)
        self.fit_after(table)

    def fit_before(self, table: Table) -> None:
        """Fit what learns no weights, and the steps before the blends that do.

        Of the rows only the columns count.
        """
        for one in self.candidates.values():
            one.fit_before(table)
            if not one.learns:
                one.blend.fit(one.read(table))
                one.fit_after(table)

    def gather(self, table: Table, y: Any) -> dict[str, StackingWeights]:
        """Return the moments that the candidates learn from, of the eras of a table."""
        learners = {one.gathers: one for one in self.candidates.values() if one.learns}
        return {
            key: one.blend.gather(one.read(table), y) for key, one in learners.items()
        }

    def learn(
        self, held: Mapping[str, StackingWeights], cv: WalkForwardEraSplit | None
    ) -> None:
        """Learn the weights of all eras, and then those before each window.

        Candidates without a window are ``lacking``, and are warned of; it is an error
        if these are all that learn, of those that were given.
        """
        known: dict[str, tuple[StackingWeights, list[LearnedWindow]]] = {}
        errors: dict[str, NoWindowError] = {}
        learners = [one for one in self.candidates.values() if one.learns]
        for one in learners:
            key = one.weighs
            if key not in known:
                own = copy(held[one.gathers]).set_params(**one.blend.get_params())
                own.finish()
                try:
                    known[key] = own, learned_windows(own, cv)[0]
                except NoWindowError as error:
                    known[key], errors[key] = (own, []), error
            one.blend, windows = known[key]
            one.windows = None if one.in_sample else windows
            if key in errors:
                self.lacking[one.name] = errors[key]
        several = self.windows.values()
        self._walked = {era for some in several for w in some for era in w.test}
        if self._given and all(name in self.lacking for name in self._given):
            raise self.lacking[self._given[0]]
        for name, reason in self.lacking.items():
            warn(f"{name!r} is left out: {reason}")

    def fit_after(self, table: Table) -> None:
        """Fit the steps after each blend that has learned its weights."""
        for one in self.candidates.values():
            if one.learns:
                one.fit_after(table)

    def without_moments(self) -> "Walk":
        """Return what is needed to score, without what the weights rest on."""
        walk = copy(self)
        every = self.candidates.items()
        walk.candidates = {name: one.without_moments() for name, one in every}
        walk.lacking = {}
        return walk

    def paths(self, table: Table) -> "Paths":
        """Return what makes the columns of the candidates from rows of this table."""
        return Paths([*self.candidates.values()], table)
