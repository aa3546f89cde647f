"""Parquet files joined by era and id, an era at a time."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from skbench._progress import progress_bar

from ._era_file import Cursor, EraFile
from ._match import RELEASE, check_share, check_unique, find
from ._roles import ERA, ID
from ._source import Source
from ._whole_eras import whole_eras

# Rows of a folder that are worked on at a time, and more to make whole eras.
BATCH_ROWS = 2**13
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Side:
    """A file of a join, the columns to take of it, and whether rows must be in it.

    The era and the id are those of the first file. `renamed` says what columns are
    called in the join, where not as in the file; `advice` what to do where the file
    does not fit.
    """

    file: EraFile
    columns: Sequence[str]
    required: bool = True
    renamed: Mapping[str, str] = field(default_factory=dict)
    advice: str = RELEASE

    @property
    def names(self) -> dict[str, str]:
        """The columns, by what they are called in the join."""
        return {self.renamed.get(name, name): name for name in self.columns}


@dataclass(frozen=True)
class _Counts:
    """Rows of an era: of the first file, of each other, and how many go together."""

    here: int
    there: list[int]
    both: list[int]
    joined: int
    joined_of: list[int]
    in_place: bool  # whether all rows go together by their position


@dataclass(frozen=True)
class _Ids:
    """The ids of an era in the first file, and in the others that have the era."""

    here: pa.ChunkedArray
    there: list[pa.ChunkedArray | None]


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
    to stand; without it: id, era, constants, then by side.
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
        ids = _IdReader(self.sides)
        self._counts = {key: self._count(ids.read(key)) for key in self.base.file.runs}
        self._check()
        self.n_rows = sum(counts.joined for counts in self._counts.values())

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
        """
        i = next(i for i, other in enumerate(self.others) if other is side)
        counts = self._counts.values()
        joined = sum(c.joined_of[i] for c in counts)
        return self.n_rows - joined, sum(c.there[i] for c in counts) - joined

    def shares_eras(self, side: Side) -> bool:
        """Whether the first side and another have an era in common."""
        return not self.base.file.runs.keys().isdisjoint(side.file.runs)

    def stamp(self) -> list[Any]:
        """Tell this join from another, or from what it was before."""
        how = [[side.names, side.required] for side in self.sides]
        return [*super().stamp(), how, self.constants]

    def chunks(self, columns: Sequence[str], skip: int = 0) -> Iterator[pa.Table]:
        """Yield some columns of all rows but the first, an era at a time."""
        keys = []
        for key, counts in self._counts.items():
            if skip < counts.joined:
                keys.append(key)
            else:
                skip -= counts.joined
        schema = self._part_of_schema(columns)
        ids, readers = _IdReader(self.sides), [_Reader(s, columns) for s in self.sides]
        for key in keys:
            yield self._rows(key, ids, readers, schema).slice(skip)
            skip = 0

    def frames(
        self, columns: Collection[str] | None = None, *, progress: bool = False
    ) -> Iterator[pd.DataFrame]:
        """Yield whole eras: some columns beside the index; None: all columns."""
        names = self.schema.names
        if columns is not None:
            wanted = {*columns, *self.index(), ERA}
            names = [name for name in names if name in wanted]
        with progress_bar(progress, self.n_rows) as bar:
            # Unlike a loop, map does not keep eras while the next ones are read.
            batches = whole_eras(bar(self.chunks(names)), ERA, BATCH_ROWS)
            yield from map(pa.Table.to_pandas, batches)

    def _rows(
        self,
        key: Hashable,
        ids: "_IdReader",
        readers: Sequence["_Reader"],
        schema: pa.Schema,
    ) -> pa.Table:
        """Return the joined rows of an era."""
        counts = self._counts[key]
        columns: dict[str, Any] = {}
        rows: list[Places | None] = [None for _ in readers]
        if not counts.in_place:
            era = ids.read(key)
            places = self._places(era)
            kept = np.flatnonzero(self._is_kept(places, counts.here))
            rows = [kept, *(found[kept] for found in places)]
            columns[ID] = era.here.take(pa.array(kept))
        elif ID in schema.names:
            columns[ID] = ids.of_first(key)
        for reader, wanted in zip(readers, rows, strict=True):
            columns |= reader.read(key, wanted, counts.joined)
        for name in self.constants.keys() & set(schema.names):
            columns[name] = pa.repeat(pa.scalar(self.constants[name]), counts.joined)
        return pa.table([_cast(columns[f.name], f.type) for f in schema], schema)

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

    def _part_of_schema(self, columns: Sequence[str]) -> pa.Schema:
        fields = [self.schema.field(name) for name in columns]
        return pa.schema(fields, self.schema.metadata if ID in columns else None)

    # Ids, era by era

    def _places(self, era: "_Ids") -> list[Places]:
        """Return the row in each other side of the ids of an era, or -1."""
        missing = np.full(len(era.here), -1)
        return [missing if x is None else _rows_in(x, era.here) for x in era.there]

    def _is_kept(self, places: Sequence[Places], n_rows: int) -> NDArray[np.bool_]:
        inside = [
            rows >= 0
            for side, rows in zip(self.others, places, strict=True)
            if side.required
        ]
        return reduce(and_, inside, np.ones(n_rows, dtype=bool))

    def _count(self, era: "_Ids") -> _Counts:
        check_unique(era.here, self.base.file.path)
        in_place = True
        for side, ids in zip(self.others, era.there, strict=True):
            if ids is None:
                in_place &= not side.required
            elif not ids.equals(era.here):
                check_unique(ids, side.file.path)
                in_place = False
        places = self._places(era)
        kept = self._is_kept(places, len(era.here))
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


class _IdReader:
    """The ids of several sides, era by era."""

    def __init__(self, sides: Sequence[Side]) -> None:
        files = [side.file for side in sides]
        self._runs = [file.runs for file in files]
        self._cursors = [Cursor(file.source, [file.id]) for file in files]

    def of_first(self, key: Hashable) -> pa.ChunkedArray:
        """Return the ids of an era in the first file, which has it."""
        run = self._runs[0][key]
        return _labels(self._cursors[0].rows(run.start, run.stop))

    def read(self, key: Hashable) -> _Ids:
        """Return the ids of an era in all files."""
        there = [
            _labels(cursor.rows(runs[key].start, runs[key].stop))
            if key in runs
            else None
            for runs, cursor in zip(self._runs[1:], self._cursors[1:], strict=True)
        ]
        return _Ids(self.of_first(key), there)


class _Reader:
    """Columns of a side, era by era."""

    def __init__(self, side: Side, columns: Sequence[str]) -> None:
        self._file = side.file
        self._names = {new: old for new, old in side.names.items() if new in columns}
        self._cursor = Cursor(side.file.source, list(self._names.values()))

    def read(
        self, key: Hashable, rows: Places | None, n_rows: int
    ) -> dict[str, pa.ChunkedArray]:
        """Return the columns at some rows of an era; null for those that are -1.

        None: all rows as they are, of which there are so many.
        """
        if not self._names:
            return {}
        run = self._file.runs.get(key)
        if run is None:
            kinds = {new: self._file.types[old] for new, old in self._names.items()}
            return {name: pa.nulls(n_rows, kind) for name, kind in kinds.items()}
        table = self._cursor.rows(run.start, run.stop)
        if rows is not None and not np.array_equal(rows, np.arange(run.n_rows)):
            table = table.take(pa.array(rows, mask=rows < 0))
        return {new: table[old] for new, old in self._names.items()}


def _cast(column: Any, kind: pa.DataType) -> Any:
    """Return a column of a type; of most it is their own, and a cast is not free."""
    return column if column.type == kind else column.cast(kind)


def _labels(column: pa.Table) -> pa.ChunkedArray:
    """Return the one column of a table, as labels and not as codes."""
    labels = column.column(0)
    if pa.types.is_dictionary(labels.type):
        return labels.cast(labels.type.value_type)
    return labels


def _rows_in(ids: pa.ChunkedArray, wanted: pa.ChunkedArray) -> Places:
    if ids.equals(wanted):
        return np.arange(len(ids))
    return find(ids, wanted)
