"""A pipeline fitted on a Dask frame: `fit`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from skbench._checks import check_name
from skbench._steps import era_of, fit_each, gathers, learns, steps_of, through

from ._merge import merge_moments, of_partitions
from ._partitions import check_columns, check_frame, made_up
from ._target import target_of


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
    check_frame(ddf)
    steps = steps_of(pipeline)
    era = era_of(steps)
    check_name("y", y)
    check_columns(ddf, [era, y], "the eras and the targets")
    for step in steps:
        if learns(step) and not gathers(step):
            raise TypeError(
                f"{type(step).__name__} learns from the rows and cannot be merged: "
                "fit it in memory"
            )
    # The other steps look at names and types alone, which these rows have.
    head = made_up(ddf)
    target = head[y]

    def learn(step: Any, before: Sequence[Any], X: pd.DataFrame) -> Any:
        step.gather(X, target)  # refuses columns before there is work
        called = target_of(ddf, y)
        work = partial(_learn, before=before, step=step, y=y, called=called)
        return of_partitions(ddf, work, merge_moments).finish()

    fit_each(steps, head, target, learn)
    return pipeline


def _learn(
    frame: pd.DataFrame, before: Sequence[Any], step: Any, y: str, called: str
) -> Any:
    """Learn from the eras of a partition."""
    return step.gather(through(before, frame), frame[y].rename(called))
