"""What is made of an era for many candidates: what they share is made once."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skbench._apply import Plan, apply, neutralized
from skbench._eras import Rows, blas_threads
from skbench._frames import Name, Table
from skbench.kernels.score import correlations

from ._candidate import Candidate, hashed, told

Floats = NDArray[np.float64]
# By the key of a source, what fetches its columns of the rows of an era.
Fetch = Callable[[str], NDArray[Any]]
# A blend, and the steps after it as far as they have been gone.
Way = tuple[Hashable, ...]


@dataclass(frozen=True)
class EraColumns:
    """Columns of an era, (n_columns, n_rows), by the names of their candidates.

    ``exposures`` measures the largest absolute correlation of each with what it is
    neutralised to; NaN for one that is not.
    """

    names: list[str]
    columns: Floats
    exposures: Callable[[], Floats]


@dataclass(frozen=True)
class _Column:
    """A column of an era, rounded as in a frame where it is of single precision."""

    values: Floats
    single: bool

    @classmethod
    def of(cls, values: Floats, single: bool) -> Self:
        if single:
            values = values.astype(np.float32).astype(np.float64)
        return cls(values, single)

    @property
    def dtype(self) -> type[np.floating]:
        return np.float32 if self.single else np.float64


class Paths:
    """What is done to the rows of an era on the way to the columns of candidates.

    Candidates that have the first part of the way in common go it together: a blend is
    made once, blends are ranked at once, and the features of an era are factorised once
    for all blends and proportions.
    """

    def __init__(self, candidates: Sequence[Candidate], table: Table) -> None:
        self._names = [one.name for one in candidates]
        tables = {one.reads: one.read(table) for one in candidates}
        names: dict[str, list[Name]] = {source: [] for source in tables}
        for one in candidates:
            own = names[one.reads]
            own += [name for name in one.blend.columns_ if name not in own]
        self._sources = {s: tables[s].select(some) for s, some in names.items() if some}
        self._blends = [
            _Blend.of(one, tables[one.reads], names[one.reads]) for one in candidates
        ]
        self._steps = [_steps_after(one, tables[one.reads]) for one in candidates]
        for one, steps in zip(candidates, self._steps, strict=True):
            for step in steps:
                if step.others and step.source not in self._sources:
                    self._sources[step.source] = tables[one.reads].select(step.others)
        self._ways: list[Way] = [
            (blend.key, *((step.family, step.proportion) for step in steps))
            for blend, steps in zip(self._blends, self._steps, strict=True)
        ]

    def of(self, label: Hashable, rows: Rows) -> EraColumns:
        """Make the columns of an era; a candidate without weights there has none."""
        fetched: dict[str, NDArray[Any]] = {}

        def fetch(source: str) -> NDArray[Any]:
            if source not in fetched:
                fetched[source] = self._sources[source](rows)
            return fetched[source]

        made: dict[Way, _Column] = {}
        there = [i for i, blend in enumerate(self._blends) if blend.plan(label)]
        for i in there:
            way, blend = self._ways[i][:1], self._blends[i]
            if way not in made:
                made[way] = blend.column(label, fetch)
        for depth in range(max(map(len, self._steps))):
            going = [i for i in there if depth < len(self._steps[i])]
            self._go_on(made, going, depth, fetch)
        columns = np.array([made[self._ways[i]].values for i in there])
        measure = partial(self._exposures, there, columns, fetch)
        return EraColumns([self._names[i] for i in there], columns, measure)

    def _go_on(
        self, made: dict[Way, _Column], candidates: list[int], depth: int, fetch: Fetch
    ) -> None:
        """Add what the candidates have after one step more."""
        families: dict[str, list[int]] = {}
        for i in candidates:
            families.setdefault(self._steps[i][depth].family, []).append(i)
        for members in families.values():
            before = list(dict.fromkeys(self._ways[i][: depth + 1] for i in members))
            shares = list(
                dict.fromkeys(self._steps[i][depth].proportion for i in members)
            )
            columns = [made[way] for way in before]
            out = self._steps[members[0]][depth].of(columns, shares, fetch)
            for i in members:
                step, way = self._steps[i][depth], self._ways[i][: depth + 1]
                column = out[shares.index(step.proportion), before.index(way)]
                single = step.single(made[way].single)
                made[self._ways[i][: depth + 2]] = _Column.of(column, single)

    def _exposures(
        self, candidates: list[int], columns: Floats, fetch: Fetch
    ) -> Floats:
        largest = np.full(len(candidates), np.nan)
        by_source: dict[str, list[int]] = {}
        for place, i in enumerate(candidates):
            sources = [
                s.source for s in self._steps[i] if s.plan["kind"] == "neutralize"
            ]
            if sources:
                by_source.setdefault(sources[-1], []).append(place)
        for source, places in by_source.items():
            exposures = np.abs(correlations(columns[places], fetch(source)))
            largest[places] = np.fmax.reduce(exposures, axis=1)
        return largest


@dataclass(frozen=True)
class _Placed:
    """A plan, with the places of what it reads among the columns of its source."""

    plan: Plan
    places: list[int]
    single: bool


@dataclass(frozen=True)
class _Blend:
    """A blend in each era.

    ``plans`` are the plans by era, of which None stands for all others. ``key`` tells
    blends apart.
    """

    source: str
    key: str
    plans: Mapping[Hashable, _Placed]

    @classmethod
    def of(cls, one: Candidate, table: Table, names: Sequence[Name]) -> Self:
        places = {name: i for i, name in enumerate(names)}

        def placed(step: Any) -> _Placed:
            plan = told(step)
            (read,), (of,) = plan["reads"], plan["makes"].values()
            single = all(map(table.single_precision, of))
            return _Placed(plan, [places[name] for name in read], single)

        plans: dict[Hashable, _Placed] = {}
        for window in one.windows or ():
            step = copy(one.blend)
            step.weights_ = window.weights
            plans |= dict.fromkeys(window.test, placed(step))
        if one.windows is None:
            plans[None] = placed(one.blend)
        key = hashed([one.reads, told(one.blend), one.windows])
        return cls(one.reads, key, plans)

    def plan(self, label: Hashable) -> _Placed | None:
        """Return the plan in an era, if there is one."""
        return self.plans.get(label, self.plans.get(None))

    def column(self, label: Hashable, fetch: Fetch) -> _Column:
        """Blend the columns of an era."""
        found = self.plan(label)
        assert found is not None  # or the candidate is not there
        blended = apply(found.plan, fetch(self.source)[found.places])[0]
        return _Column.of(blended, found.single)


@dataclass(frozen=True)
class _Step:
    """A step after the blend, whose output it reads, and maybe other columns.

    Steps of one ``family`` differ at most in the proportion to neutralise.
    """

    plan: Plan
    column: Name
    others: list[Name]
    others_single: bool
    source: str
    family: str
    proportion: float

    def of(
        self, columns: Sequence[_Column], proportions: list[float], fetch: Fetch
    ) -> Floats:
        """Apply it to columns: (n_proportions, n_columns, n_rows)."""
        kind, values = self.plan["kind"], np.array([c.values for c in columns])
        if kind == "neutralize":
            with blas_threads(None, values.shape[1], len(self.others)):
                return neutralized(self.plan, proportions, values, fetch(self.source))
        if kind in ("rank", "rank_gauss"):
            return apply(self.plan, values)[None]
        return np.array([[self._own(column, fetch) for column in columns]])

    def single(self, before: bool) -> bool:
        """Whether it makes a column of single precision of one that is, or is not."""
        (of,) = self.plan["makes"].values()
        return self.others_single and (before or self.column not in of)

    def _own(self, column: _Column, fetch: Fetch) -> Floats:
        """Apply a step of a user's to one column, in the blocks that it reads."""
        known = {self.column: column.values.astype(column.dtype)}
        if self.others:
            known |= dict(zip(self.others, fetch(self.source), strict=True))
        blocks = (np.array([known[name] for name in b]) for b in self.plan["reads"])
        made: Floats = apply(self.plan, *blocks)[0]
        return made


def _steps_after(one: Candidate, table: Table) -> list[_Step]:
    """Return the steps after a blend, each of which makes one column of the last."""
    steps, column = [], one.blend.output
    for step in one.after:
        plan = told(step)
        read = [name for names in plan["reads"] for name in names]
        if column not in read or len(plan["makes"]) != 1:
            raise ValueError(
                f"the step {type(step).__name__} of candidate {one.name!r} must make "
                f"one column of {column!r}; it reads {read[:3]} and makes "
                f"{[*plan['makes']]}"
            )
        others = [name for name in read if name != column]
        ((made, of),) = plan["makes"].items()
        single = all(table.single_precision(name) for name in of if name != column)
        proportion = float(plan.get("proportion", 1.0))
        source = hashed([one.reads, others])
        family = hashed([source, column, {**plan, "proportion": None}])
        steps.append(_Step(plan, column, others, single, source, family, proportion))
        column = made
    return steps
