"""Frames of the same columns, written one after the other to a parquet file."""

from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from skbench._files import Address
from skbench._parquet import parquet_writer

# Rows in a row group of what is written.
_GROUP_ROWS = 2**16


class FrameWriter:
    """Frames of the same columns, written one after the other to a parquet file."""

    def __init__(self, path: Address) -> None:
        self._path = path
        self._held: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        """Begin; the file is there once all is written."""
        return self

    def write(self, frame: pd.DataFrame) -> None:
        """Add the rows of a frame."""
        self._held.append(pa.Table.from_pandas(frame))
        if sum(map(len, self._held)) >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = parquet_writer(self._path, self._held[0].schema)
        schema = self._writer.schema
        rows = pa.concat_tables([held.cast(schema) for held in self._held])
        self._writer.write_table(rows)
        self._held = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is held, unless something went wrong; close the file."""
        if kind is None and self._held:
            self._flush()
        if self._writer is not None:
            self._writer.close()
