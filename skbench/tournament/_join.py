"""Parquet files joined by era and id, an era at a time."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._match import check_share, check_unique
from ._origin import origin_of
from ._roles import ERA, ID
from ._sides import ColumnReader, IdReader, Ids, Places, Side
from ._source import Source


@dataclass(frozen=True)
class _Counts:
    """Rows of an era: of the first file, of each other, and how many go together."""

    here: int
    there: list[int]
    both: list[int]
    joined: int
    joined_of: list[int]
    in_place: bool  # whether all rows go together by their position


class Joined(Source):
    """Parquet files side by side: to a pipeline one source, with the index `id`.

    The rows are those of the first side, in its order, that are in every required side
    too. Where another side has no such row, its columns are null. Ids are matched
    within their era, so that memory holds one era, and an era is the same where its
    number is. The rows of an era must be neighbours in each file, but the files may
    have the eras in different orders: it is only slower, as a file is then read in
    leaps.

    All ids are read once at the start: that they are unique in their era, and that at
    least 80 % of them match a required side in the eras that both have. Later they are
    read again in eras whose rows differ between the files, or where they are asked for.

    ``constants`` are further columns of one value, and ``order`` is how all columns are
    to stand; without it: id, era, constants, then by side. `eras` has the number of
    rows of each era that has some, by what names the era in any file.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        constants: Mapping[str, str] | None = None,
        order: Sequence[str] | None = None,
    ) -> None:
        self.base = replace(sides[0], columns=[ERA, *sides[0].columns])
        self.others = list(sides[1:])
        self.constants = dict(constants or {})
        self.files = [file for side in sides for file in side.file.source.files]
        self.schema = self._joined_schema(order)
        ids, keys = IdReader(self.sides), self.base.file.runs
        self._counts = {key: self._count(ids.of_all(key)) for key in keys}
        self._check()
        numbers = {key: counts.joined for key, counts in self._counts.items()}
        self.eras = {key: n_rows for key, n_rows in numbers.items() if n_rows}
        self.n_rows = sum(self.eras.values())

    @property
    def sides(self) -> list[Side]:
        """The files, the first among them."""
        return [self.base, *self.others]

    @property
    def unmatched(self) -> list[int]:
        """Number of rows of each side that are not among the joined."""
        counts = list(self._counts.values())
        joined = [self.n_rows]
        joined += [sum(c.joined_of[i] for c in counts) for i in range(len(self.others))]
        sources = [side.file.source for side in self.sides]
        return [source.n_rows - n for source, n in zip(sources, joined, strict=True)]

    def gaps(self, side: Side) -> tuple[int, int]:
        """Rows that another side lacks, and those of its own that have no partner.

        The latter in the eras of the first side: rows of other eras are not counted.
        Nor are eras that ensembles are not to have, as these are not out of sample.
        """
        i = next(i for i, other in enumerate(self.others) if other is side)
        origin = origin_of(side.file.source.schema)
        walked = origin is not None and origin.out_of_sample_from is not None
        runs = side.file.runs
        eras = [c for key, c in self._counts.items() if key in runs or not walked]
        joined = sum(c.joined_of[i] for c in eras)
        lacking = sum(c.joined for c in eras) - joined
        return lacking, sum(c.there[i] for c in eras) - joined

    def shares_eras(self, side: Side) -> bool:
        """Whether the first side and another have an era in common."""
        return not self.base.file.runs.keys().isdisjoint(side.file.runs)

    def stamp(self) -> list[Any]:
        """Tell this join from another, or from what it was before."""
        how = [[side.names, side.required] for side in self.sides]
        return [*super().stamp(), how, self.constants]

    def chunks(self, columns: Sequence[str], skip: int = 0) -> Iterator[pa.Table]:
        """Yield some columns of all rows but the first, an era at a time."""
        reader = self.reader(columns)
        for key, n_rows in self.eras.items():
            if skip < n_rows:
                yield reader.read(key).slice(skip)
            skip = max(0, skip - n_rows)

    def reader(self, columns: Sequence[str]) -> "JoinReader":
        """Return what reads some columns of one era after the other."""
        fields = [self.schema.field(name) for name in columns]
        schema = pa.schema(fields, self.schema.metadata if ID in columns else None)
        return JoinReader(self, schema)

    def _joined_schema(self, order: Sequence[str] | None) -> pa.Schema:
        base = self.base.file.types
        fields = {ID: base[self.base.file.id], ERA: base[ERA]}
        fields |= dict.fromkeys(self.constants, pa.string())
        for side in self.sides:
            fields |= {new: side.file.types[old] for new, old in side.names.items()}
        # Those of one era need not be those of another.
        plain = {
            name: kind.value_type if pa.types.is_dictionary(kind) else kind
            for name, kind in fields.items()
        }
        index = pa.schema([(ID, plain[ID])]).empty_table().to_pandas().set_index(ID)
        ordered = [(name, plain[name]) for name in order or plain]
        return pa.schema(ordered, pa.Schema.from_pandas(index).metadata)

    def in_place(self, key: Hashable) -> bool:
        """Whether all rows of an era go together by their position."""
        return self._counts[key].in_place

    def is_kept(self, places: Sequence[Places], n_rows: int) -> NDArray[np.bool_]:
        """Whether each row of the first file is in every file in which it must be."""
        inside = [
            rows >= 0
            for side, rows in zip(self.others, places, strict=True)
            if side.required
        ]
        return reduce(and_, inside, np.ones(n_rows, dtype=bool))

    def _count(self, era: Ids) -> _Counts:
        check_unique(era.here, self.base.file.path)
        in_place = True
        for side, ids in zip(self.others, era.there, strict=True):
            if ids is None:
                in_place &= not side.required
            elif not ids.equals(era.here):
                check_unique(ids, side.file.path)
                in_place = False
        places = era.places()
        kept = self.is_kept(places, len(era.here))
        return _Counts(
            here=len(era.here),
            there=[0 if ids is None else len(ids) for ids in era.there],
            both=[int((rows >= 0).sum()) for rows in places],
            joined=int(kept.sum()),
            joined_of=[int((rows[kept] >= 0).sum()) for rows in places],
            in_place=in_place,
        )

    def _check(self) -> None:
        """Refuse files that do not belong together."""
        labels = [run.label for run in self.base.file.runs.values()]
        here = np.array([counts.here for counts in self._counts.values()])
        for i, side in enumerate(self.others):
            if not side.required and not self.shares_eras(side):
                continue
            there = np.array([counts.there[i] for counts in self._counts.values()])
            both = np.array([counts.both[i] for counts in self._counts.values()])
            names = self.base.file.path.name, side.file.path.name
            check_share(*names, labels, here, there, both, side.advice)


class JoinReader:
    """Some columns of a join, of which eras are best asked for in their order."""

    def __init__(self, join: Joined, schema: pa.Schema) -> None:
        self._join, self._schema = join, schema
        self._ids = IdReader(join.sides)
        self._columns = [ColumnReader(side, schema.names) for side in join.sides]

    def read(self, key: Hashable) -> pa.Table:
        """Return the rows of an era."""
        n_rows = self._join.eras[key]
        columns: dict[str, Any] = {}
        rows: list[Places | None] = [None for _ in self._columns]
        if not self._join.in_place(key):
            ids = self._ids.of_all(key)
            places = ids.places()
            kept = np.flatnonzero(self._join.is_kept(places, len(ids.here)))
            rows = [kept, *(found[kept] for found in places)]
            columns[ID] = ids.here.take(pa.array(kept))
        elif ID in self._schema.names:
            columns[ID] = self._ids.of_first(key)
        for side, wanted in zip(self._columns, rows, strict=True):
            columns |= side.read(key, wanted, n_rows)
        for name, value in self._join.constants.items():
            if name in self._schema.names:
                columns[name] = pa.repeat(pa.scalar(value), n_rows)
        arrays = [_cast(columns[field.name], field.type) for field in self._schema]
        return pa.table(arrays, schema=self._schema)


def _cast(column: Any, kind: pa.DataType) -> Any:
    """Return a column of a type; of most it is their own, and a cast is not free."""
    return column if column.type == kind else column.cast(kind)
