"""Fit a pipeline on a parquet file, whole eras at a time: `fit_parquet`."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa

from skbench._checks import check_flag, one_or_several
from skbench._progress import progress_bar
from skbench._steps import (
    columns_of,
    container,
    era_of,
    fit_each,
    gathers,
    learn_more,
    learns,
    steps_of,
    through,
)
from skbench.tournament import Source, open_source, whole_eras


def fit_parquet(
    pipeline: Any,
    source: Any,
    y: str | Sequence[str] = "target",
    *,
    batch_rows: int | None = None,
    progress: bool = False,
) -> Any:
    """Fit a pipeline on parquet files of any size, whole eras at a time.

    Steps that learn nothing from the rows are fitted on the first era. A step that
    learns, such as `StackingWeights`, is fitted by ``partial_fit`` in one pass over the
    file, with the result of fitting on all rows at once; steps that learn after it
    need a pass each. Memory holds one batch and what the steps keep of an era.

    Parameters
    ----------
    pipeline : estimator
        `sklearn.pipeline.Pipeline` or single estimator; it is fitted itself. A step
        that learns must have ``partial_fit``.
    source : path-like, list of path-like or pyarrow.dataset.Dataset
        As for `transform_parquet`.
    y : str or sequence of str, default="target"
        Column of the targets. Several: weights are learned for each in the one pass, as
        `StackingWeights.fit` does.
    batch_rows : int, default=None
        As for `transform_parquet`.
    progress : bool, default=False
        Whether to show a progress bar for each pass.

    Returns
    -------
    pipeline : estimator
        The pipeline that was passed.

    Raises
    ------
    FileNotFoundError
        If a file of the source is not there.
    ValueError
        If a file cannot be read or lacks a column, an era is not contiguous, or a step
        can only learn from all rows at once. The pipeline is as it was then.

    See Also
    --------
    transform_parquet : Transform such files.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.streaming import fit_parquet
    >>> path = Path(tempfile.mkdtemp()) / "validation.parquet"
    >>> make_benchmark_models(30, 50, 2, random_state=0).frame.to_parquet(path)
    >>> ensemble = make_pipeline(EraRankGauss(), StackingWeights())
    >>> fit_parquet(ensemble, path)[-1].n_eras_
    25
    """
    targets = one_or_several("y", y)
    check_flag("progress", progress)
    opened = open_source(source)
    opened.check_columns(targets, "the column of targets `y`")
    steps = steps_of(pipeline)
    era = era_of(steps)
    opened.check_era(era)
    for step in steps:
        learns(step)  # or it is refused, before rows are read
    stream = _Stream(opened, era, targets, batch_rows, progress)
    head = stream.first_era()
    target = head[stream.y]
    fit_each(steps, head, target, partial(stream.learn, target=target))
    return pipeline


class _Stream:
    """The batches of a file, as the steps of a pipeline need them."""

    def __init__(
        self,
        source: Source,
        era: str,
        targets: list[str],
        batch_rows: int | None,
        progress: bool,
    ) -> None:
        self.source, self.era, self.targets = source, era, targets
        self.y: Any = targets if len(targets) > 1 else targets[0]
        self.rows, self.progress = batch_rows, progress
        source.batch_rows(batch_rows, source.schema.names)  # or it is refused

    def first_era(self) -> pd.DataFrame:
        """Read the first era, with all columns."""
        chunks = self.source.chunks(self.source.schema.names)
        rows = next(whole_eras(chunks, self.era, 1))
        self.first = rows[self.era][0].as_py()
        head: pd.DataFrame = rows.to_pandas()
        return head

    def learn(
        self,
        step: Any,
        before: Sequence[Any],
        head: pd.DataFrame,
        target: pd.Series | pd.DataFrame,
    ) -> Any:
        """Fit a step batch by batch; ``head`` is what it gets of the first era."""
        learn = step.gather if gathers(step) else step.partial_fit
        # It chooses its columns here, where all of them are seen.
        step = learn(head, target)
        contained = container(before, self.era) if gathers(step) else pa.Table.to_pandas

        def taught(rows: pa.Table) -> tuple[Any, Any]:
            X = contained(rows)
            if isinstance(X, pd.DataFrame):
                y: Any = X[self.y]
            elif len(self.targets) > 1:
                y = rows.select(self.targets)
            else:
                y = rows[self.y].to_numpy()
            return through(before, X), y

        batches = self._batches(self._columns(before, step), skip=len(head))
        learn_more(step, map(taught, batches))
        return step

    def _columns(self, before: Sequence[Any], step: Any) -> list[str]:
        names = self.source.schema.names
        used, made = columns_of(before)
        if used is None or made is None or not gathers(step):
            return list(names)
        wanted = {*used, *self.source.index(), self.era, *self.targets}
        wanted |= {*map(str, step.gathered_columns())} - {*made}
        return [name for name in names if name in wanted]

    def _batches(self, columns: Sequence[str], skip: int) -> Iterator[pa.Table]:
        rows = self.source.batch_rows(self.rows, columns)
        with progress_bar(self.progress, self.source.n_rows, skip) as counted:
            chunks = map(counted, self.source.chunks(columns, skip))
            yield from whole_eras(chunks, self.era, rows, [self.first])
