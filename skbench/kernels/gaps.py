"""Columns of an era that miss the same rows, which can be worked on together."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = slice | NDArray[np.intp]
ALL = slice(None)


def alike(missing: NDArray[np.bool_]) -> Iterator[tuple[Indices, Indices]]:
    """Group the columns that miss the same rows: the columns, the rows they have."""
    if not missing.any():
        yield ALL, ALL
        return
    groups: dict[bytes, list[int]] = {}
    for column, gaps in enumerate(missing):
        groups.setdefault(gaps.tobytes(), []).append(column)
    for columns in groups.values():
        yield np.array(columns), np.flatnonzero(~missing[columns[0]])


def where(columns: Indices, rows: Indices) -> Any:
    """Index of a block at which some columns and rows, as from `alike`, meet."""
    if isinstance(columns, slice) or isinstance(rows, slice):
        return columns, rows
    return np.ix_(columns, rows)
