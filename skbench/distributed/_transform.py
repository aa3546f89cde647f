"""A Dask frame transformed by a fitted pipeline: `transform`."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
from dask.delayed import delayed

from skbench._steps import as_frame, era_of, steps_of

from ._merge import check_apart
from ._partitions import check_columns, check_frame, made_up


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
    check_frame(ddf)
    era = era_of(steps_of(pipeline))
    check_columns(ddf, [era], "the era column")
    meta = as_frame(pipeline.transform(made_up(ddf))).iloc[:0]
    # Tasks share what is delayed: the graph holds the pipeline once.
    shared = [delayed(pipeline, traverse=False), delayed(meta), _whole_eras(ddf, era)]
    return ddf.map_partitions(_transform, *shared, meta=meta)


def _whole_eras(ddf: Any, era: str) -> Any:
    """Return a task that fails if an era is in two partitions."""
    parts = [delayed(_eras_of)(part, era) for part in ddf[[era]].to_delayed()]
    return delayed(check_apart)(parts)


def _eras_of(frame: pd.DataFrame, era: str) -> list[Hashable]:
    return list(frame[era].unique())


def _transform(
    frame: pd.DataFrame, pipeline: Any, meta: pd.DataFrame, _checked: bool
) -> pd.DataFrame:
    """Transform a partition, once it is known that eras are whole."""
    out: pd.DataFrame = meta if frame.empty else pipeline.transform(frame)
    return out
