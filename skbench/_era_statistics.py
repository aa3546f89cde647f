"""Statistics of eras, as they are kept to learn from: gathered, merged, in part."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._aligned import Aligned
from ._eras import chronological
from .solvers.weights import columns_of

# By name, arrays of one entry an era; "era" are the labels.
Statistics = dict[str, NDArray[Any]]


def gathered(rows: Aligned, describe: Callable[..., dict[str, Any]]) -> Statistics:
    """Describe the inputs of each era, and stack what is found."""
    parts = list(rows.by_era(describe))
    stacked = {name: np.array([part[name] for part in parts]) for name in parts[0]}
    labels = np.empty(len(parts), dtype=object)
    labels[:] = rows.eras.labels
    return {"era": labels, **stacked}


def merged(held: Statistics | None, new: Statistics) -> Statistics:
    """Add the statistics of further eras, all in the order of time, or else of text."""
    if held is not None:
        if twice := set(held["era"]) & set(new["era"]):
            raise ValueError(
                f"era {min(twice, key=str)!r} is held already: hand over every era "
                "once, and whole"
            )
        new = {name: np.concatenate([held[name], new[name]]) for name in new}
    order = chronological(new["era"].tolist(), needed=False)
    return {name: values[order] for name, values in new.items()}


def part_of(
    held: Statistics, eras: NDArray[np.intp], columns: NDArray[np.intp]
) -> Statistics:
    """Return the statistics of some eras, and of some of their columns."""
    return {name: columns_of(values[eras], columns) for name, values in held.items()}
