"""From one score an era to the numbers of a model: `summarize`."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from skbench._base import check_count, check_resamples, is_number
from skbench._eras import chronological, horizon_of
from skbench._frames import (
    as_columns,
    at_labels,
    check_numbers,
    has_name,
    listed,
    n_dimensions,
    row_labels,
    too_large,
)
from skbench.kernels.bootstrap import mean_interval
from skbench.kernels.series import autocorrelation, max_drawdown, sharpe

Floats = NDArray[np.float64]


def summarize(
    scores: Any,
    benchmark: Any = None,
    *,
    target: str | None = None,
    n_bootstrap: int = 1000,
    block_size: int | None = None,
    confidence: float = 0.95,
    random_state: Any = None,
) -> pd.DataFrame:
    r"""Summarise era scores: one row a model.

    Eras without a score are left out and counted, never filled; their
    labels must say which comes first.

    Targets of successive eras overlap, so their scores depend on each other, and an
    interval that ignores this is far too narrow. The interval of a mean comes from a
    moving-block bootstrap: resamples of blocks of neighbouring scored eras, drawn with
    replacement. It is NaN for fewer eras than two blocks. Even so it is rather too
    narrow: in simulated series whose neighbours overlap as those of a target do, an
    interval of 95 % holds the true mean in 86 % of the cases with 300 eras, and in 80
    to 85 % with 100.

    Parameters
    ----------
    scores : DataFrame of shape (n_eras, n_models) or Series of shape (n_eras,)
        One score an era and model, NaN where there is none; the index of a pandas
        object holds the eras.
    benchmark : column name, Series or array of shape (n_eras,), default=None
        What to compare each model with, on the eras that both have. A pandas object is
        matched by era, an array by position.
    target : str, default=None
        Name of the target, whose last number, as in "target_ender_20", is its days:
        blocks have one era for each 5 of them, rounded up, and one more. None, or no
        number: 13 eras, right for 60 days.
    n_bootstrap : int, default=1000
        Number of resamples. 0: no intervals.
    block_size : int, default=None
        Eras in a block. None: as `target` says.
    confidence : float, default=0.95
        Probability that an interval is to have.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples. The interval of a model does not depend on which other
        models stand beside it.

    Returns
    -------
    summary : pandas.DataFrame of shape (n_models, 10) or (n_models, 14)
        The columns:

        - mean, std: of the scores, std with ``ddof=0``;
        - sharpe: mean / std, NaN where the scores do not vary;
        - max_drawdown: largest fall of the cumulative score from its highest point
          before, or from 0, where it starts;
        - autocorrelation: Pearson correlation of a score with that of the next row
          (lag 1), both scored; NaN for fewer than 3 such pairs;
        - share_positive: share of scores above 0;
        - n_eras, n_missing: number of eras with a score, and without;
        - low, high: interval of the mean;
        - with a benchmark: difference, the mean over the n_paired eras that both have
          of model less benchmark; difference_low, difference_high: its interval.

    Raises
    ------
    ValueError
        If an option cannot be used, an era stands twice, or the benchmark has none of
        the eras.

    References
    ----------
    H. R. Künsch, "The Jackknife and the Bootstrap for General Stationary
    Observations", Annals of Statistics 17 (1989).

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.metrics import summarize
    >>> scores = pd.DataFrame({"a": [0.02, -0.01, 0.03, 0.04],
    ...                        "b": [0.01, 0.01, None, 0.02]},
    ...                       index=["0001", "0002", "0003", "0004"])
    >>> summary = summarize(scores, "b", block_size=1, random_state=0)
    >>> summary[["mean", "sharpe", "max_drawdown", "n_eras", "difference"]].round(4)
             mean  sharpe  max_drawdown  n_eras  difference
    model
    a      0.0200  1.0690          0.01       4      0.0033
    b      0.0133  2.8284          0.00       3      0.0000
    >>> summary[["low", "high"]].round(4)
            low   high
    model
    a      0.00  0.035
    b      0.01  0.020
    """
    size = _block_size(target, block_size)
    check_resamples(n_bootstrap)
    check_confidence(confidence)
    models, eras, series = _read(scores)
    order = chronological(eras)
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    options = (size, int(n_bootstrap), float(confidence), seed)

    numbers = [_numbers(row) for row in series[:, order]]
    index = pd.Index(models, name="model", tupleize_cols=False)
    summary = pd.DataFrame(numbers, index=index)
    summary["low"], summary["high"] = mean_interval(series[:, order], *options)
    if benchmark is not None:
        difference = series - _benchmark(benchmark, models, eras, series)
        low, high = mean_interval(difference[:, order], *options)
        summary["difference"] = [_mean(row[~np.isnan(row)]) for row in difference]
        summary["difference_low"], summary["difference_high"] = low, high
        summary["n_paired"] = (~np.isnan(difference)).sum(axis=1)
    return summary


def _numbers(series: Floats) -> dict[str, float]:
    """Numbers of one model, from its scores in order of the eras."""
    scored = series[~np.isnan(series)]
    some = scored.size > 0
    return {
        "mean": _mean(scored),
        "std": float(scored.std()) if some else np.nan,
        "sharpe": sharpe(scored),
        "max_drawdown": max_drawdown(scored) if some else np.nan,
        "autocorrelation": autocorrelation(series),
        "share_positive": _mean(scored > 0),
        "n_eras": scored.size,
        "n_missing": series.size - scored.size,
    }


def _mean(scored: NDArray[Any]) -> float:
    return float(scored.mean()) if scored.size else float("nan")


def _read(scores: Any) -> tuple[list[Hashable], list[Hashable], Floats]:
    """Return the models, the eras of the rows, and the scores (n_models, n_eras)."""
    table = as_columns(scores, "scores", "prediction")
    check_numbers(table, table.names)
    labels = row_labels(scores)
    check_eras(labels)
    block = table.select(table.names)(slice(0, table.n_rows))
    series = np.ascontiguousarray(block, dtype=np.float64)
    if too_large(series).any():
        raise ValueError("`scores` must not be infinite: mark a missing score by NaN")
    return table.names, labels, series


def _benchmark(
    benchmark: Any, models: Sequence[Hashable], eras: Sequence[Hashable], series: Floats
) -> Floats:
    """Return the scores of the benchmark in the eras."""
    if n_dimensions(benchmark) == 0 or isinstance(benchmark, tuple):
        if not has_name(models, benchmark):
            raise ValueError(
                f"`benchmark` must name a column of the scores, {listed(models)}, or "
                f"hold one score an era; got {benchmark!r}"
            )
        column: Floats = series[models.index(benchmark)]
        return column
    return at_labels(benchmark, eras, "benchmark")


def check_eras(labels: Sequence[Hashable]) -> None:
    """Refuse rows of scores of which not each is of an era of its own.

    Parameters
    ----------
    labels : sequence of hashable
        The index of the scores.

    Raises
    ------
    ValueError
        If a label is missing, or stands twice.
    """
    index = pd.Index(list(labels), tupleize_cols=False)
    if missing := int(np.sum(index.isna())):
        raise ValueError(
            f"`scores` must have an era a row; {missing} labels are missing"
        )
    if len(set(labels)) < len(labels):
        twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
        raise ValueError(
            f"`scores` must have one row an era; several are {listed(twice)}"
        )


def check_confidence(confidence: Any) -> None:
    """Refuse what cannot be the probability of an interval.

    Parameters
    ----------
    confidence : object
        What was given.

    Raises
    ------
    ValueError
        Unless it is above 0 and below 1.
    """
    if not is_number(confidence) or not 0 < confidence < 1:
        raise ValueError(
            f"`confidence` must be above 0 and below 1; got {confidence!r}"
        )


def _block_size(target: Any, block_size: Any) -> int:
    if not (target is None or isinstance(target, str)):
        raise ValueError(f"`target` must be the name of a target; got {target!r}")
    if block_size is None:
        return horizon_of(target)
    check_count("block_size", block_size, 1)
    return int(block_size)
