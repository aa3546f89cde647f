"""Columns of numbers in memory, of which rows come in parts and in any order."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray


class Blocks:
    """Columns of so many rows; neighbours of one type share a block.

    Rows go straight to their places, so that nothing is ever held twice. ``gaps`` says
    that some may get no row, and are NaN.
    """

    def __init__(
        self, kinds: Mapping[str, pa.DataType], n_rows: int, gaps: bool
    ) -> None:
        dtypes = {
            name: np.dtype(kind.to_pandas_dtype()) for name, kind in kinds.items()
        }
        if gaps:
            dtypes = {name: _with_nan(dtype) for name, dtype in dtypes.items()}
        # Each column is a row of a block.
        self._columns: dict[str, tuple[NDArray[Any], int]] = {}
        for dtype, run in groupby(dtypes, key=dtypes.__getitem__):
            names = list(run)
            block = np.empty((len(names), n_rows), dtype)
            if gaps:
                block.fill(np.nan)
            self._columns |= {name: (block, i) for i, name in enumerate(names)}

    def put(self, rows: pa.Table, places: NDArray[np.int32]) -> None:
        """Put rows where they go; -1: nowhere."""
        source, to = _moves(places)
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            block, i = self._columns[name]
            if values.null_count and block.dtype.kind != "f":
                # Whole numbers have no NaN: this column, and no other, gets floats.
                block, i = block[i : i + 1].astype(_with_nan(block.dtype)), 0
                self._columns[name] = block, i
            block[i, to] = values.to_numpy()[source]

    def frames(self) -> list[pd.DataFrame]:
        """Make frames that stand side by side, each of a block, without a copy."""
        frames = []
        columns = self._columns
        for _, run in groupby(columns, key=lambda name: id(columns[name][0])):
            names = list(run)
            block, first = columns[names[0]]
            part = block[first : first + len(names)]
            frames.append(pd.DataFrame(part.T, columns=names, copy=False))
        return frames


def _moves(places: NDArray[np.int32]) -> tuple[Any, Any]:
    """Which rows go where, as slices where all move together."""
    if places[0] >= 0 and (np.diff(places) == 1).all():
        return slice(None), slice(places[0], places[-1] + 1)
    source = np.flatnonzero(places >= 0)
    return source, places[source]


def _with_nan(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the smallest type that holds the same numbers, and NaN."""
    return dtype if dtype.kind == "f" else np.result_type(dtype, np.float32)
