"""Rows in memory as a source, their eras one after the other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from skbench._frames import ArrowTable

from ._roles import ERA
from ._source import Source


class Held(Source):
    """Rows of a table, put in the order of their eras' first rows."""

    def __init__(self, table: pa.Table) -> None:
        self.files = []
        codes, _ = ArrowTable(table).labels(ERA)
        if (np.diff(codes) < 0).any():
            table = table.take(pa.array(np.argsort(codes, kind="stable")))
        self._table, self.schema, self.n_rows = table, table.schema, len(table)

    def stamp(self) -> list[Any]:
        """Return the rows themselves."""
        return [self._table]

    def placed(
        self,
        columns: Sequence[str],
        is_needed: Callable[[int, int], bool],
        chunk_bytes: int = 0,
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield all rows at once, if any is needed."""
        if is_needed(0, self.n_rows):
            yield 0, self._table.select(columns)
