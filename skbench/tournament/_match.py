"""Ids of two files matched, and refused where the files do not fit."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skbench._checks import listed

RELEASE = "are they of one release? Download both again"
_LEAST_SHARE = 0.8


def check_unique(ids: pa.ChunkedArray, path: Path) -> None:
    """Refuse missing and duplicate ids of a file."""
    if missing := ids.null_count:
        raise ValueError(f"{path} has {missing} rows without an id")
    if len(pc.unique(ids)) == len(ids):  # twice as fast as count_distinct
        return
    counts = ids.value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    raise ValueError(
        f"{path} has duplicate ids: {listed(twice.to_pylist())}. "
        "Keep one row of each, or get the file again"
    )


def find(left: pa.ChunkedArray, right: pa.ChunkedArray) -> NDArray[np.intp]:
    """Return the row of ``left`` with each id of ``right``, or -1."""
    if left.type != right.type:
        left, right = left.cast(pa.large_string()), right.cast(pa.large_string())
    found = pc.index_in(right, value_set=left.combine_chunks())
    places: NDArray[np.intp] = found.fill_null(-1).to_numpy().astype(np.intp)
    return places


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
