"""Rows of two files matched by id, and refused where the files do not fit."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skbench._checks import listed

from ._parquet import RowsFile

_LEAST_SHARE = 0.8
RELEASE = "are they of one release? Download both again"


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
class Part:
    """Rows of a file, and the place of each in the frame, -1 for none."""

    keys: Keys
    places: NDArray[np.intp]

    @property
    def n_unmatched(self) -> int:
        """Number of rows that are not in the frame."""
        return int((self.places < 0).sum())

    def partner(self, keys: Keys) -> "Part":
        """Match the rows of another file, which go where their partners go."""
        rows = match(self.keys, keys)
        return Part(keys, np.where(rows < 0, -1, self.places[rows]))

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


def align(base: Keys, main: Keys | None) -> tuple[Part, Part | None]:
    """Place the rows of two files that are in both, in the order of the first."""
    check_ids(base)
    whole = Part(base, np.arange(len(base.rows)))
    if main is None:
        return whole, None
    matches = whole.partner(main).places
    kept = np.zeros(len(base.rows), dtype=bool)
    kept[matches[matches >= 0]] = True
    left = Part(base, np.where(kept, np.cumsum(kept) - 1, -1))
    return left, Part(main, np.where(matches < 0, -1, left.places[matches]))


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


def check_unique(ids: pa.ChunkedArray, path: Path) -> None:
    """Refuse missing and duplicate ids of a file."""
    if missing := ids.null_count:
        raise ValueError(f"{path} has {missing} rows without an id")
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = ids.value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    raise ValueError(
        f"{path} has duplicate ids: {listed(twice.to_pylist())}. "
        "Keep one row of each, or get the file again"
    )


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


def find(left: pa.ChunkedArray, right: pa.ChunkedArray) -> NDArray[np.intp]:
    """Return the row of ``left`` with each id of ``right``, or -1."""
    if left.type != right.type:
        left, right = left.cast(pa.large_string()), right.cast(pa.large_string())
    found = pc.index_in(right, value_set=left.combine_chunks())
    places: NDArray[np.intp] = found.fill_null(-1).to_numpy().astype(np.intp)
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


def check_share(
    left: str,
    right: str,
    labels: Sequence[Hashable],
    here: NDArray[np.intp],
    there: NDArray[np.intp],
    both: NDArray[np.intp],
    advice: str = RELEASE,
) -> None:
    """Refuse files of which too few ids match, where both have an era at all.

    ``here``, ``there`` and ``both`` count the ids of each era in the two files, and
    those that match. The share is that of the file with more rows in those eras, so
    that half a file is as little a match for a whole one as a whole one is for half.
    """
    shared = np.flatnonzero((here > 0) & (there > 0))
    if shared.size == 0:
        raise ValueError(f"{left} and {right} share no era: {advice}")
    here, there, both = here[shared], there[shared], both[shared]
    if both.sum() >= _LEAST_SHARE * max(here.sum(), there.sum()):
        return
    worst = np.argmin(both / np.maximum(here, there))
    raise ValueError(
        f"in the eras that they share, {left} has {here.sum()} ids and "
        f"{right} {there.sum()}, but only {both.sum()} are in both; fewest in era "
        f"{labels[shared[worst]]!r}, {both[worst]} of "
        f"{max(here[worst], there[worst])}: {advice}"
    )
