"""The same pipelines on Dask: a partition holds whole eras, and weights merge."""

from collections import Counter
from collections.abc import Hashable, Sequence
from copy import copy
from typing import Any

import dask.dataframe as dd
import pandas as pd
from dask.delayed import delayed

from ._checks import check_count, check_name, listed
from ._steps import (
    as_frame,
    era_of,
    fit_each,
    gathers,
    learns,
    steps_of,
    through,
)

__all__ = ["fit", "partition_by_era", "transform"]


def partition_by_era(ddf: Any, era: str = "era", npartitions: int | None = None) -> Any:
    """Shuffle a Dask frame so that each era is in one partition.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Rows in any partitions.
    era : str, default="era"
        The era column.
    npartitions : int, default=None
        Number of partitions of the result; None: as many as there are.

    Returns
    -------
    ddf : dask.dataframe.DataFrame
        The same rows and index in another order; nothing is computed yet.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from skbench.distributed import partition_by_era
    >>> ddf = dd.from_pandas(pd.DataFrame({"era": ["1", "2"] * 4}), npartitions=4)
    >>> whole = partition_by_era(ddf, npartitions=2)
    >>> int(whole.map_partitions(lambda part: part["era"].nunique()).sum().compute())
    2
    """
    _check_frame(ddf)
    check_name("era", era)
    _check_columns(ddf, [era], "the era column")
    if npartitions is not None:
        check_count("npartitions", npartitions, 1)
    return ddf.shuffle(on=era, npartitions=npartitions)


def transform(ddf: Any, pipeline: Any) -> Any:
    """Transform a Dask frame by a fitted pipeline, partition by partition.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Rows with the era column; a partition holds whole eras, see `partition_by_era`.
    pipeline : estimator
        Fitted `sklearn.pipeline.Pipeline` or single estimator.

    Returns
    -------
    ddf : dask.dataframe.DataFrame
        What ``pipeline.transform`` gives of the rows; nothing is computed yet. It is an
        error of the computation if an era is found in two partitions.

    Raises
    ------
    ValueError
        If a column is missing that the pipeline uses.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from skbench import EraRank
    >>> from skbench.distributed import transform
    >>> frame = pd.DataFrame({"era": ["1", "1", "2", "2"],
    ...                       "model": [0.3, 0.1, 0.2, 0.9]})
    >>> ddf = dd.from_pandas(frame, npartitions=2)
    >>> transform(ddf, EraRank().fit(frame))["model"].compute().tolist()
    [0.75, 0.25, 0.25, 0.75]
    """
    _check_frame(ddf)
    era = era_of(steps_of(pipeline))
    _check_columns(ddf, [era], "the era column")
    meta = as_frame(pipeline.transform(_made_up(ddf))).iloc[:0]
    # Tasks share what is delayed: the graph holds the pipeline once.
    shared = [delayed(pipeline, traverse=False), delayed(meta), _whole_eras(ddf, era)]
    return ddf.map_partitions(_transform, *shared, meta=meta)


def fit(ddf: Any, pipeline: Any, y: str = "target") -> Any:
    """Fit a pipeline on a Dask frame, partition by partition.

    Each partition yields the moments of its eras, which `StackingWeights.absorb` puts
    together two by two; the rows stay where they are. The result is that of fitting on
    all rows at once.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Rows with the era column; a partition holds whole eras, see `partition_by_era`.
    pipeline : estimator
        `sklearn.pipeline.Pipeline` or single estimator; it is fitted itself. The steps
        that learn must be `StackingWeights`.
    y : str, default="target"
        Column of the targets.

    Returns
    -------
    pipeline : estimator
        The pipeline that was passed.

    Raises
    ------
    TypeError
        If a step learns otherwise.
    ValueError
        If a column is missing, an era is in two partitions, or the weights cannot be
        learned.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.distributed import fit, partition_by_era
    >>> frame = make_benchmark_models(30, 50, 2, random_state=0).frame
    >>> ddf = partition_by_era(dd.from_pandas(frame, npartitions=3))
    >>> fit(ddf, make_pipeline(EraRankGauss(), StackingWeights()))[-1].n_eras_
    25
    """
    _check_frame(ddf)
    steps = steps_of(pipeline)
    era = era_of(steps)
    check_name("y", y)
    _check_columns(ddf, [era, y], "the eras and the targets")
    for step in steps:
        if learns(step) and not gathers(step):
            raise TypeError(
                f"{type(step).__name__} learns from the rows and cannot be merged: "
                "fit it in memory"
            )
    # The other steps look at names and types alone, which these rows have.
    head = _made_up(ddf)
    target = head[y]

    def learn(step: Any, before: Sequence[Any], X: pd.DataFrame) -> Any:
        step.gather(X, target)  # refuses columns before there is work
        return _moments(ddf, before, step, y).finish()

    fit_each(steps, head, target, learn)
    return pipeline


def _made_up(ddf: Any) -> pd.DataFrame:
    """Return one row of the right names and types, none of the frame's own."""
    row: pd.DataFrame = ddf._meta_nonempty.iloc[:1]
    return row


def _moments(ddf: Any, before: Sequence[Any], step: Any, y: str) -> Any:
    """Return the step with the moments of all partitions, merged."""
    shared = delayed((before, step), traverse=False)
    parts = [delayed(_learn)(part, shared, y) for part in ddf.to_delayed()]
    # In a tree, so that no worker needs more than two at a time.
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [delayed(_merge)(*pair) for pair in pairs]
    merged = parts[0].compute()
    if merged is None:
        raise ValueError("`ddf` holds no rows to learn from")
    return merged


def _learn(frame: pd.DataFrame, shared: tuple[list[Any], Any], y: str) -> Any:
    """Learn from the eras of a partition; None where it is empty."""
    if frame.empty:
        return None
    before, step = shared
    return step.gather(through(before, frame), frame[y])


def _merge(first: Any, second: Any = None) -> Any:
    """Put moments together; weights are found when all are."""
    if first is None or second is None:
        return second if first is None else first
    _check_apart([list(part.era_statistics_["era"]) for part in (first, second)])
    return copy(first).absorb(second)  # a task must not change what it was given


def _whole_eras(ddf: Any, era: str) -> Any:
    """Return a task that fails if an era is in two partitions."""
    parts = [delayed(_eras_of)(part, era) for part in ddf[[era]].to_delayed()]
    return delayed(_check_apart)(parts)


def _eras_of(frame: pd.DataFrame, era: str) -> list[Hashable]:
    return list(frame[era].unique())


def _check_apart(eras: list[list[Hashable]]) -> bool:
    counts = Counter(label for part in eras for label in part)
    if divided := [label for label, count in counts.items() if count > 1]:
        raise ValueError(
            f"a partition must hold whole eras, but {listed(divided)} are in several: "
            "use partition_by_era first"
        )
    return True


def _transform(
    frame: pd.DataFrame, pipeline: Any, meta: pd.DataFrame, _checked: bool
) -> pd.DataFrame:
    """Transform a partition, once it is known that eras are whole."""
    out: pd.DataFrame = meta if frame.empty else pipeline.transform(frame)
    return out


def _check_frame(ddf: Any) -> None:
    if not isinstance(ddf, dd.DataFrame):
        raise TypeError(
            f"`ddf` must be a Dask DataFrame of pandas frames; got "
            f"{type(ddf).__name__}. Make one with dask.dataframe.read_parquet"
        )


def _check_columns(ddf: Any, names: Sequence[str], what: str) -> None:
    columns = list(ddf.columns)
    if missing := [name for name in names if name not in columns]:
        raise ValueError(
            f"`ddf` lacks {listed(missing)}, {what}; it has {listed(columns)}"
        )
