"""A pipeline fitted on a Dask frame: `fit`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from skbench._checks import one_or_several
from skbench._steps import era_of, fit_each, gathers, learns, steps_of, through

from ._merge import merge_moments, of_partitions
from ._partitions import check_columns, check_frame, made_up
from ._target import target_of


def fit(ddf: Any, pipeline: Any, y: str | Sequence[str] = "target") -> Any:
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
    y : str or sequence of str, default="target"
        Column of the targets. Several: weights are learned for each, as
        `StackingWeights.fit` does. Among several, "target" is refused where it is a
        copy: name the column that it is a copy of.

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
    targets = one_or_several("y", y)
    check_columns(ddf, [era, *targets], "the eras and the targets")
    for step in steps:
        if learns(step) and not gathers(step):
            raise TypeError(
                f"{type(step).__name__} learns from the rows and cannot be merged: "
                "fit it in memory"
            )
    # The other steps look at names and types alone, which these rows have.
    head = made_up(ddf)
    target = head[targets if len(targets) > 1 else targets[0]]

    def learn(step: Any, before: Sequence[Any], X: pd.DataFrame) -> Any:
        step.gather(X, target)  # refuses columns before there is work
        called = {name: target_of(ddf, name) for name in targets}
        if len(called) > 1:
            _refuse_copies(called)
        work = partial(_learn, before=before, step=step, called=called)
        return of_partitions(ddf, work, merge_moments).finish()

    fit_each(steps, head, target, learn)
    return pipeline


def _refuse_copies(called: dict[str, str]) -> None:
    """Refuse a name whose column is another's copy: it would name what is learned."""
    for name, original in called.items():
        if name != original:
            raise ValueError(
                f"`y` names {name!r} among several targets, which is a copy of "
                f"{original!r}: name that one"
            )


def _learn(
    frame: pd.DataFrame, before: Sequence[Any], step: Any, called: dict[str, str]
) -> Any:
    """Learn from the eras of a partition."""
    targets = frame[[*called]].rename(columns=called)
    return step.gather(through(before, frame), targets)
