"""What is made of each partition, put together two by two."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from typing import Any

import pandas as pd
from dask.delayed import delayed

from skbench._checks import listed
from skbench._stacking import StackingWeights


def of_partitions(
    ddf: Any, work: Callable[[pd.DataFrame], Any], merge: Callable[[Any, Any], Any]
) -> Any:
    """Compute what ``work`` makes of each partition with rows, and merge it.

    Where it has nothing to say of some rows, it returns None.
    """
    # Tasks share what is delayed: the graph holds it once.
    work, merge = (delayed(function, traverse=False) for function in (work, merge))
    parts = [delayed(_of_rows)(part, work) for part in ddf.to_delayed()]
    # In a tree, so that no worker needs more than two at a time.
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [delayed(_merged)(merge, *pair) for pair in pairs]
    merged = parts[0].compute()
    if merged is None:
        raise ValueError("`ddf` holds no rows to learn from, or to score")
    return merged


def _of_rows(frame: pd.DataFrame, work: Callable[[pd.DataFrame], Any]) -> Any:
    return None if frame.empty else work(frame)


def _merged(merge: Callable[[Any, Any], Any], first: Any, second: Any = None) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return merge(first, second)


def merge_moments(first: StackingWeights, second: StackingWeights) -> StackingWeights:
    """Put moments together; weights are found when all are."""
    check_apart([part.gathered_eras() for part in (first, second)])
    return copy(first).absorb(second)  # a task must not change what it was given


def merge_scores(
    first: Mapping[str, pd.DataFrame], second: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Put scores by name together, eras as they come."""
    check_apart([list(part["corr"].index) for part in (first, second)])
    return {name: pd.concat([first[name], second[name]]) for name in first}


def check_apart(eras: Sequence[list[Hashable]]) -> bool:
    """Refuse eras of partitions if one is in several."""
    counts = Counter(label for part in eras for label in part)
    if divided := [label for label, count in counts.items() if count > 1]:
        raise ValueError(
            f"a partition must hold whole eras, but {listed(divided)} are in several: "
            "use partition_by_era first"
        )
    return True
