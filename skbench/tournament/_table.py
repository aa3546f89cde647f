"""Columns of joined files as a table, of which the rows of an era are read when asked.

To metrics and analyses it is a frame like any other, so they need no memory for rows.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skbench._eras import Eras, Rows
from skbench._frames import ALL, ArrowTable, Fetch, Name, as_table

from ._join import Joined


class JoinedTable(ArrowTable):
    """Columns of a join. Rows are fetched by whole eras, best in their order.

    ``counted`` is called with each era of which the column ``counts`` is read, by
    default the first.
    """

    def __init__(
        self,
        source: Joined,
        names: Sequence[str],
        counted: Callable[[pa.Table], pa.Table] | None = None,
        counts: Name = None,
    ) -> None:
        super().__init__(source.schema.empty_table().select(names))
        self.n_rows = source.n_rows
        self._source, self._counted = source, counted
        self._counts = names[0] if counts is None else counts
        self._stops = [*accumulate(source.eras.values(), initial=0)]
        runs = source.base.file.runs
        self.known_eras = Eras(
            [runs[key].label for key in source.eras],
            [slice(*ends) for ends in pairwise(self._stops)],
        )

    def __len__(self) -> int:
        return self.n_rows

    @property
    def name(self) -> Name:
        """The name of the one column."""
        (name,) = self.names
        return name

    def select(self, names: Sequence[Name]) -> Fetch:
        read = self.reader(names)
        counted = self._counted if self._counts in names else None

        def fetch(rows: Rows) -> NDArray[Any]:
            table = read(rows)
            if counted is not None:
                counted(table)
            return as_table(table).select(names)(ALL)

        return fetch

    def reader(self, names: Sequence[Name]) -> Callable[[Rows], pa.Table]:
        """Return what reads these columns of whole eras."""
        reader = self._source.reader([*map(str, names)])
        keys = list(self._source.eras)

        def read(rows: Rows) -> pa.Table:
            assert isinstance(rows, slice)  # as the rows of an era are neighbours
            start, stop, _ = rows.indices(self.n_rows)
            first, last = np.searchsorted(self._stops, [start, stop])
            return pa.concat_tables(map(reader.read, keys[first:last]))

        return read
