"""Rows of two files matched by id, and placed in a frame."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from skbench.tournament import check_share, check_unique, find

from ._rows_file import RowsFile


@dataclass(frozen=True)
class Keys:
    """Some rows of a file, in order, and their ids."""

    file: RowsFile
    rows: NDArray[np.intp]
    ids: pa.ChunkedArray

    @property
    def eras(self) -> NDArray[np.intp]:
        """The era of each row, as its position among the labels of the file."""
        codes: NDArray[np.intp] = self.file.codes[self.rows]
        return codes

    @property
    def name(self) -> str:
        """The name of the file, for messages."""
        return self.file.path.name


@dataclass(frozen=True)
class Placed:
    """Rows of a file, and the place of each in the frame, -1 for none."""

    keys: Keys
    places: NDArray[np.intp]

    @property
    def n_unmatched(self) -> int:
        """Number of rows that are not in the frame."""
        return int((self.places < 0).sum())

    def partner(self, keys: Keys) -> "Placed":
        """Match the rows of another file, which go where their partners go."""
        rows = match(self.keys, keys)
        return Placed(keys, np.where(rows < 0, -1, self.places[rows]))

    def in_frame(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Bring values of these rows into the order of the frame, which they fill."""
        found = np.flatnonzero(self.places >= 0)
        rows = np.empty_like(found)
        rows[self.places[found]] = found
        in_order = rows.size == len(values) and (rows == np.arange(rows.size)).all()
        return values if in_order else values.take(pa.array(rows))

    def read(self, names: list[str], n_rows: int | None = None) -> list[pd.DataFrame]:
        """Read columns of numbers into the frame.

        ``n_rows`` is the length of a frame that these rows do not fill.
        """
        places = np.full(self.keys.file.n_rows, -1)
        places[self.keys.rows] = self.places
        return self.keys.file.numbers(names, places, n_rows)


def align(base: Keys, main: Keys | None) -> tuple[Placed, Placed | None]:
    """Place the rows of two files that are in both, in the order of the first."""
    check_ids(base)
    whole = Placed(base, np.arange(len(base.rows)))
    if main is None:
        return whole, None
    matches = whole.partner(main).places
    kept = np.zeros(len(base.rows), dtype=bool)
    kept[matches[matches >= 0]] = True
    left = Placed(base, np.where(kept, np.cumsum(kept) - 1, -1))
    return left, Placed(main, np.where(matches < 0, -1, left.places[matches]))


def read_keys(file: RowsFile, eras: set[Hashable] | None = None) -> Keys:
    """Read the ids of a file's rows, or of those of some eras."""
    if eras is None:
        rows = np.arange(file.n_rows)
    else:
        rows = np.flatnonzero(np.array([key in eras for key in file.keys])[file.codes])
    if rows.size == 0:
        return Keys(file, rows, pa.chunked_array([], file.types[file.id]))
    return Keys(file, rows, file.strings(file.id, rows))


def check_ids(keys: Keys) -> None:
    """Refuse missing and duplicate ids."""
    check_unique(keys.ids, keys.file.path)


def share_eras(left: Keys, right: Keys) -> bool:
    """Whether any era has rows in both."""
    eras = _eras_as_in(left, right)
    return bool(np.isin(eras[eras >= 0], left.eras).any())


def match(left: Keys, right: Keys) -> NDArray[np.intp]:
    """Return the row of ``left`` with the id of each row of ``right``, or -1.

    The ids of ``left`` are different and none is missing; those of ``right`` are
    checked here.
    """
    eras = _eras_as_in(left, right)
    # The rows of most files are in one order, which spares the search.
    shared = np.flatnonzero(np.isin(left.eras, eras))
    if left.ids.take(pa.array(shared)).equals(right.ids):
        places = shared
    else:
        check_ids(right)
        places = find(left.ids, right.ids)
    _check_same_eras(left, right, places, eras)
    _check_share(left, right, places, eras)
    return places


def _eras_as_in(left: Keys, right: Keys) -> NDArray[np.intp]:
    """Return the eras of ``right`` as positions among the labels of ``left``, or -1."""
    position = {key: i for i, key in enumerate(left.file.keys)}
    positions = np.array([position.get(key, -1) for key in right.file.keys])
    return positions[right.eras]


def _check_same_eras(
    left: Keys, right: Keys, places: NDArray[np.intp], eras: NDArray[np.intp]
) -> None:
    found = np.flatnonzero(places >= 0)
    other = found[left.eras[places[found]] != eras[found]]
    if other.size == 0:
        return
    row = other[0]
    raise ValueError(
        f"{other.size} ids have another era in {right.name} than in {left.name}: "
        f"{right.ids[row].as_py()!r} is in {right.file.labels[right.eras[row]]!r} and "
        f"{left.file.labels[left.eras[places[row]]]!r}. Are the files of one release?"
    )


def _check_share(
    left: Keys, right: Keys, places: NDArray[np.intp], eras: NDArray[np.intp]
) -> None:
    n_eras = len(left.file.labels)
    here = np.bincount(left.eras, minlength=n_eras)
    there = np.bincount(eras[eras >= 0], minlength=n_eras)
    both = np.bincount(eras[places >= 0], minlength=n_eras)
    check_share(left.name, right.name, left.file.labels, here, there, both)
