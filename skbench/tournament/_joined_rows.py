"""Parquet files joined by id in memory, wherever in them the rows of an era stand."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from skbench._checks import is_several, listed
from skbench._eras import chronological, era_key
from skbench._frames import copy_on_write

from ._blocks import Blocks
from ._era_file import EraFile, Runs
from ._match import check_share, check_unique, find
from ._roles import DATA_TYPE, ERA, ID
from ._sides import Places, Side
from ._whole_eras import plain

# Chunks are small beside a frame, and few.
_CHUNK_BYTES = 2**23


class JoinedRows:
    """The rows that `Joined` has, of all eras or of some, to be read into one frame.

    All ids are in memory, and so the rows of an era need not be neighbours. An id must
    be unique in its file. Row groups without a row of the join are not read.
    """

    def __init__(self, sides: Sequence[Side], eras: Any = None) -> None:
        self.sides = sides
        runs = sides[0].file.all_runs()
        keys = _keys_of(eras, runs.eras, sides[0].file.path)
        base = _Rows(sides[0].file, runs, keys)
        check_unique(base.ids, base.file.path)
        kept = np.ones(len(base.rows), dtype=bool)
        matched: dict[int, tuple[Places, Places]] = {}
        self._apart = []
        # What must match comes first: its faults are the ones to tell.
        for i in sorted(range(1, len(sides)), key=lambda i: not sides[i].required):
            side = sides[i]
            rows, found = matched[i] = _partners(base, side, keys)
            if not (found >= 0).any():
                self._apart.append(side)
            if side.required:
                inside = np.zeros(len(kept), dtype=bool)
                inside[found[found >= 0]] = True
                kept &= inside
        place = np.where(kept, np.cumsum(kept, dtype=np.int32) - 1, np.int32(-1))
        self.n_rows = int(kept.sum())
        ids = base.ids if kept.all() else base.ids.filter(pa.array(kept))
        # No two ids are the same, so pandas 2 need not look for strings to share.
        self._index = pd.Index(ids.to_pandas(deduplicate_objects=False), name=ID)
        places = [(base.rows, place)]
        for _, (rows, found) in sorted(matched.items()):
            places.append((rows, np.where(found < 0, np.int32(-1), place[found])))
        self.unmatched = [int((to < 0).sum()) for _, to in places]
        self._places = [
            _spread(side.file, *placed)
            for side, placed in zip(sides, places, strict=True)
        ]

    def shares_eras(self, side: Side) -> bool:
        """Whether the first side and another have an era in common."""
        return side not in self._apart

    def frame(self, constants: Mapping[str, str]) -> pd.DataFrame:
        """Read the rows: era, type of data, and then the columns of each side."""
        labels: dict[str, Any] = {ERA: self._labels(0, ERA).to_pandas(), **constants}
        frames = []
        for i, side in enumerate(self.sides):
            if DATA_TYPE in side.columns:
                labels[DATA_TYPE] = plain(self._labels(i, DATA_TYPE)).to_pandas()
            frames += self._numbers(i)
        with copy_on_write():
            frame = pd.concat([pd.DataFrame(labels), *frames], axis=1)
        frame.index = self._index
        return frame

    def _labels(self, i: int, name: str) -> pa.ChunkedArray:
        """Read a column of a side that has all rows."""
        places = self._places[i]
        column = _read(self.sides[i].file, name, places >= 0)
        to = places[places >= 0]
        if (np.diff(to) == 1).all():
            return column
        order = np.empty_like(to)
        order[to] = np.arange(len(to))
        return column.take(pa.array(order))

    def _numbers(self, i: int) -> list[pd.DataFrame]:
        side, places = self.sides[i], self._places[i]
        kinds = {n: side.file.types[n] for n in side.columns if n != DATA_TYPE}
        if not kinds:
            return []
        blocks = Blocks(kinds, self.n_rows, gaps=not side.required)
        for part, chunk in _chunks(side.file, list(kinds), places >= 0):
            blocks.put(chunk, places[part])
        return blocks.frames()


class _Rows:
    """The rows of a file that are of some eras, in order."""

    def __init__(
        self, file: EraFile, runs: Runs, keys: set[Hashable] | None = None
    ) -> None:
        wanted = np.array([keys is None or key in keys for key in runs.eras])
        codes = np.repeat(runs.codes.astype(np.int32), runs.n_rows)
        self.file, self.eras = file, runs.eras
        self.rows = np.flatnonzero(wanted[codes])
        self.codes = codes[self.rows]  # of each row, the place of its era among all

    @cached_property
    def ids(self) -> pa.ChunkedArray:
        """The id of each row."""
        wanted = np.zeros(self.file.source.n_rows, dtype=bool)
        wanted[self.rows] = True
        return plain(_read(self.file, self.file.id, wanted))


def _chunks(
    file: EraFile, columns: Sequence[str], wanted: NDArray[np.bool_]
) -> Iterator[tuple[slice, pa.Table]]:
    """Read the row groups that have a row that is wanted, and say where they are."""

    def is_needed(first: int, stop: int) -> bool:
        return bool(wanted[first:stop].any())

    for start, chunk in file.source.placed(columns, is_needed, _CHUNK_BYTES):
        yield slice(start, start + len(chunk)), chunk


def _read(file: EraFile, name: str, wanted: NDArray[np.bool_]) -> pa.ChunkedArray:
    """Read a column of labels at the rows that are wanted."""
    parts = []
    for part, chunk in _chunks(file, [name], wanted):
        parts += chunk[name].filter(pa.array(wanted[part])).chunks
    return pa.chunked_array(parts, file.types[name])


def _spread(file: EraFile, rows: Places, values: Places) -> NDArray[np.int32]:
    """Return values of some rows of a file for each of its rows, -1 for the others."""
    every = np.full(file.source.n_rows, -1, np.int32)
    every[rows] = values
    return every


def _keys_of(
    eras: Any, known: Mapping[Hashable, Hashable], path: Path
) -> set[Hashable] | None:
    """Return what names the eras asked for, all of which the file has."""
    if eras is None:
        return None
    if not is_several(eras):
        raise ValueError(f"`eras` must be a list of era labels; got {eras!r}")
    wanted = {era_key(label): label for label in eras}
    if not wanted:
        raise ValueError("`eras` must name an era at least; None stands for all")
    if absent := [label for key, label in wanted.items() if key not in known]:
        labels = list(known.values())
        ordered = [labels[i] for i in chronological(labels, needed=False)]
        raise ValueError(
            f"`eras` names {listed(absent)}, which {path} does not have; it has "
            f"{len(ordered)} eras, {ordered[0]!r} to {ordered[-1]!r}"
        )
    return set(wanted)


def _partners(
    left: _Rows, side: Side, keys: set[Hashable] | None
) -> tuple[Places, Places]:
    """Return the rows of a file, and for each the row of ``left`` with its id, or -1.

    Refused are files that do not belong together.
    """
    right = _Rows(side.file, side.file.all_runs(), keys)
    position = {key: i for i, key in enumerate(left.eras)}
    eras = np.array([position.get(key, -1) for key in right.eras])[right.codes]
    n_eras = len(left.eras)
    here = np.bincount(left.codes, minlength=n_eras)
    there = np.bincount(eras[eras >= 0], minlength=n_eras)
    shared = (here > 0) & (there > 0)
    if not side.required and not shared.any():
        return right.rows, np.full(len(right.rows), -1)
    # The rows of most files are in one order, which spares the search.
    same = np.flatnonzero(shared[left.codes])
    ids = left.ids if len(same) == len(left.rows) else left.ids.take(pa.array(same))
    if ids.equals(right.ids):
        found = same
    else:
        check_unique(right.ids, side.file.path)
        found = find(left.ids, right.ids)
    _check_same_eras(left, right, found, eras)
    both = np.bincount(eras[found >= 0], minlength=n_eras)
    names = left.file.path.name, side.file.path.name
    labels = list(left.eras.values())
    check_share(*names, labels, here, there, both, side.advice)
    return right.rows, found


def _check_same_eras(left: _Rows, right: _Rows, found: Places, eras: Places) -> None:
    rows = np.flatnonzero(found >= 0)
    other = rows[left.codes[found[rows]] != eras[rows]]
    if other.size == 0:
        return
    row = other[0]
    there = list(right.eras.values())[right.codes[row]]
    here = list(left.eras.values())[left.codes[found[row]]]
    raise ValueError(
        f"{other.size} ids have another era in {right.file.path.name} than in "
        f"{left.file.path.name}: {right.ids[row].as_py()!r} is in {there!r} and "
        f"{here!r}. Are the files of one release?"
    )
