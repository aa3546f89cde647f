"""Statistics of eras, as they are kept to learn from: gathered, merged, in part."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._aligned import Aligned
from ._eras import Eras, chronological
from .solvers.weights import columns_of

# By name, arrays of one entry an era; "era" are the labels.
Statistics = dict[str, NDArray[Any]]


def gathered(rows: Aligned, describe: Callable[..., dict[str, Any]]) -> Statistics:
    """Describe the inputs of each era, and stack what is found."""
    return _stacked(rows.eras, list(rows.by_era(describe)))


def gathered_each(
    rows: Aligned, describe: Callable[..., Sequence[dict[str, Any]]]
) -> list[Statistics]:
    """Describe the inputs of each era in several ways, as of several targets."""
    parts = zip(*rows.by_era(describe), strict=True)
    return [_stacked(rows.eras, part) for part in parts]


def _stacked(eras: Eras, parts: Sequence[dict[str, Any]]) -> Statistics:
    """Stack what was found in each era."""
    values = {name: np.array([part[name] for part in parts]) for name in parts[0]}
    labels = np.empty(len(parts), dtype=object)
    labels[:] = eras.labels
    return {"era": labels, **values}


def merged(*parts: Statistics) -> Statistics:
    """Put statistics together, eras in the order of time, or else of text."""
    labels = [label for part in parts for label in part["era"]]
    if len(set(labels)) < len(labels):
        twice = [label for label, count in Counter(labels).items() if count > 1]
        raise ValueError(
            f"era {min(twice, key=str)!r} is held already: hand over every era once, "
            "and whole"
        )
    order = chronological(labels, needed=False)
    values = {name: [part[name] for part in parts] for name in parts[0]}
    return {name: np.concatenate(some)[order] for name, some in values.items()}


def part_of(
    held: Statistics, eras: NDArray[np.intp], columns: NDArray[np.intp]
) -> Statistics:
    """Return the statistics of some eras, and of some of their columns."""
    return {name: columns_of(values[eras], columns) for name, values in held.items()}
