"""The files of a join: their ids and columns, an era at a time."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._era_file import Cursor, EraFile
from ._match import RELEASE, find
from ._whole_eras import plain

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

    def only(self, names: Collection[str]) -> Self:
        """Take the columns of these names alone."""
        kept = [old for old in self.columns if self.renamed.get(old, old) in names]
        return replace(self, columns=kept)


@dataclass(frozen=True)
class Ids:
    """The ids of an era in the first file, and in the others that have the era."""

    here: pa.ChunkedArray
    there: list[pa.ChunkedArray | None]

    def places(self) -> list[Places]:
        """Return the row in each other file of the ids of the first, or -1."""
        missing = np.full(len(self.here), -1)
        return [missing if ids is None else self._rows_in(ids) for ids in self.there]

    def _rows_in(self, ids: pa.ChunkedArray) -> Places:
        same = ids.equals(self.here)
        return np.arange(len(ids)) if same else find(ids, self.here)


class IdReader:
    """The ids of several files, era by era."""

    def __init__(self, sides: Sequence[Side]) -> None:
        files = [side.file for side in sides]
        self._runs = [file.runs for file in files]
        self._cursors = [Cursor(file.source, [file.id]) for file in files]

    def of_first(self, key: Hashable) -> pa.ChunkedArray:
        """Return the ids of an era in the first file, which has it."""
        return self._of(0, key)

    def of_all(self, key: Hashable) -> Ids:
        """Return the ids of an era in all files."""
        others = range(1, len(self._runs))
        there = [self._of(i, key) if key in self._runs[i] else None for i in others]
        return Ids(self.of_first(key), there)

    def _of(self, i: int, key: Hashable) -> pa.ChunkedArray:
        run = self._runs[i][key]
        return plain(self._cursors[i].rows(run.start, run.stop).column(0))


class ColumnReader:
    """Some columns of a file, by what they are called in the join, era by era."""

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
