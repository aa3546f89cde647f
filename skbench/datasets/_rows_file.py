"""A Parquet file of rows with an id and an era, of which only parts are read."""

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from skbench._eras import era_key
from skbench._frames import as_table
from skbench._parquet import open_parquet
from skbench.tournament import ERA, check_numeric, check_one_way, id_column, reading

# Enough rows for numpy to work at full speed; 64 columns of them fit in a cache.
_BATCH = 2**16
_ADVICE = "Delete it, and download it again"


class RowsFile:
    """A file, its columns, and the era of each of its rows."""

    def __init__(self, path: Path, hint: str) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there: {hint}")
        self.path = path
        with reading(path, _ADVICE):
            self._parquet = open_parquet(path)
            schema = self._parquet.schema_arrow
        self.types = dict(zip(schema.names, schema.types, strict=True))
        self.id = id_column(schema, path)
        self.n_rows = self._parquet.metadata.num_rows
        if self.n_rows == 0:
            raise ValueError(f"{path} has no rows: download it again")

    @cached_property
    def era_column(self) -> pa.ChunkedArray:
        """The era of each row, in the form that the file has."""
        with reading(self.path, _ADVICE):
            return self._parquet.read(columns=[ERA])[ERA]

    @cached_property
    def _coded(self) -> tuple[NDArray[Any], list[Hashable]]:
        codes, labels = as_table(pa.table({ERA: self.era_column})).labels(ERA)
        if missing := int((codes < 0).sum()):
            raise ValueError(f"{self.path} has {missing} rows without an era")
        return codes, labels

    @property
    def codes(self) -> NDArray[Any]:
        """The position of each row's era among `labels`."""
        return self._coded[0]

    @property
    def labels(self) -> list[Hashable]:
        """The eras in order of appearance."""
        return self._coded[1]

    @cached_property
    def keys(self) -> list[Hashable]:
        """What names each era of `labels` in any file, however it is written."""
        keys = [era_key(label) for label in self.labels]
        seen: dict[Hashable, Hashable] = {}
        for key, label in zip(keys, self.labels, strict=True):
            check_one_way(self.path, seen.setdefault(key, label), label)
        return keys

    def strings(self, name: str, rows: NDArray[np.intp]) -> pa.ChunkedArray:
        """Read a column of labels at some rows, which are in order."""
        wanted = np.zeros(self.n_rows, dtype=bool)
        wanted[rows] = True
        parts = [
            batch.column(name).filter(pa.array(wanted[part]))
            for part, batch in self._batches([name], wanted)
        ]
        column = pa.chunked_array(parts)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return column

    def numbers(
        self,
        names: Sequence[str],
        places: NDArray[np.intp],
        n_rows: int | None = None,
    ) -> list[pd.DataFrame]:
        """Read columns into the rows of frames that stand side by side.

        ``places`` has the place of each row of the file, -1 where it is not wanted.
        Batches go straight to their places, so that nothing is ever held twice.
        ``n_rows`` says that there are that many places, and that those which get no row
        are NaN; by default each gets one.
        """
        if not names:
            return []
        gaps = n_rows is not None
        length = int((places >= 0).sum()) if n_rows is None else n_rows
        columns = _allocate(self._dtypes(names, gaps), length, gaps)
        for part, batch in self._batches(names, places >= 0):
            source, target = _moves(places[part])
            for name in names:
                _put(columns, name, batch.column(name), source, target)
        return _frames(columns)

    def _dtypes(self, names: Sequence[str], gaps: bool) -> dict[str, np.dtype[Any]]:
        dtypes = {}
        check_numeric(self, names)
        for name in names:
            dtype = np.dtype(self.types[name].to_pandas_dtype())
            dtypes[name] = _with_nan(dtype) if gaps else dtype
        return dtypes

    def _batches(
        self, names: Sequence[str], wanted: NDArray[np.bool_]
    ) -> Iterator[tuple[slice, pa.RecordBatch]]:
        """Read columns of the row groups that hold a wanted row, batch by batch."""
        metadata, start = self._parquet.metadata, 0
        for group in range(metadata.num_row_groups):
            end = start + metadata.row_group(group).num_rows
            if wanted[start:end].any():
                with reading(self.path, _ADVICE):
                    for batch in self._parquet.iter_batches(
                        _BATCH, row_groups=[group], columns=list(names)
                    ):
                        yield slice(start, start + batch.num_rows), batch
                        start += batch.num_rows
            start = end


# Columns in memory: each a row of a block, and neighbours of one dtype share a block.
_Columns = dict[str, tuple[NDArray[Any], int]]


def _allocate(dtypes: dict[str, np.dtype[Any]], n_rows: int, gaps: bool) -> _Columns:
    columns: _Columns = {}
    for dtype, run in groupby(dtypes, key=dtypes.__getitem__):
        names = list(run)
        block = np.empty((len(names), n_rows), dtype)
        if gaps:
            block.fill(np.nan)
        columns |= {name: (block, i) for i, name in enumerate(names)}
    return columns


def _moves(
    places: NDArray[np.intp],
) -> tuple[slice | NDArray[np.intp], slice | NDArray[np.intp]]:
    """Which rows of a batch go where, as slices where all move together."""
    if (np.diff(places, prepend=places[0] - 1) == 1).all() and places[0] >= 0:
        return slice(None), slice(places[0], places[-1] + 1)
    source = np.flatnonzero(places >= 0)
    return source, places[source]


def _put(columns: _Columns, name: str, values: pa.Array, source: Any, to: Any) -> None:
    block, i = columns[name]
    if values.null_count and block.dtype.kind != "f":
        # Whole numbers have no NaN: this column, and no other, becomes floating.
        block, i = block[i : i + 1].astype(_with_nan(block.dtype)), 0
        columns[name] = block, i
    block[i, to] = values.to_numpy(zero_copy_only=False)[source]


def _with_nan(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the smallest type that holds the same numbers, and NaN."""
    return dtype if dtype.kind == "f" else np.result_type(dtype, np.float32)


def _frames(columns: _Columns) -> list[pd.DataFrame]:
    """Make frames of the runs of columns that share a block, without a copy."""
    frames = []
    for _, run in groupby(columns, key=lambda name: id(columns[name][0])):
        names = list(run)
        block, first = columns[names[0]]
        part = block[first : first + len(names)]
        frames.append(pd.DataFrame(part.T, columns=names, copy=False))
    return frames
