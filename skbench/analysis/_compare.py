"""Whether a model is still competitive: `compare`."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from skbench._checks import check_count
from skbench._era_statistics import gathered
from skbench._eras import era_numbers
from skbench._frames import name_of
from skbench.kernels.rank import rank_gauss
from skbench.kernels.score import correlations, numerai_corr

from ._intervals import Intervals
from ._rows import Floats, check_models, read
from ._words import counted, decimals, percent, too_few, until_told


def compare(
    model: Any,
    benchmarks: Any,
    y: Any,
    *,
    era: Any,
    recent: int = 52,
    window: int = 13,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare a model with benchmarks on the eras that both have.

    Each is scored by Numerai CORR in each era, on the rows that it has. What counts is
    the difference in the same era, since models do well and badly together.

    Parameters
    ----------
    model : array-like of shape (n_rows,)
        Predictions of the model, NaN where there are none.
    benchmarks : array-like of shape (n_rows, n_benchmarks)
        Predictions to compare with, one column a benchmark.
    y : array-like of shape (n_rows,)
        Targets, NaN where there is none yet.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    recent : int, default=52
        Number of the newest eras that both have, to look at windows in.
    window : int, default=13
        Number of neighbouring eras in a window.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as the name of ``y``
        says, 13 where it does not.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    comparison : pandas.DataFrame of shape (n_benchmarks, 10)
        One row a benchmark, in column order, with the columns:

        - corr, benchmark_corr: mean CORR of the model and of the benchmark, over the
          eras that both have;
        - difference, difference_low, difference_high: mean over these eras of model
          less benchmark, and its interval, as `skbench.metrics.summarize` has it; NaN
          for fewer eras than two horizons;
        - share_won: share of the windows within the recent eras in which the mean
          difference is above 0; NaN where there is no whole window;
        - correlation: Pearson correlation of the two, ranked and gaussianized within
          each era, on the rows that both have, mean over these eras;
        - n_eras: number of these eras;
        - ahead: whether the interval lies above 0 (True) or below (False), or holds 0,
          so that nobody can tell (None);
        - verdict: all this in a sentence; where nobody can tell, also how many eras
          would, if the difference stayed as it is: half an interval shrinks with the
          root of the number of eras.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, fewer than 2 eras have both the model
        and targets, or the model or a benchmark is constant.

    Examples
    --------
    >>> from skbench.analysis import compare
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(90, 1000, 3, random_state=0)
    >>> frame = data.frame
    >>> own, *others = data.models
    >>> comparison = compare(frame[own], frame[others], frame["target_cyrus_20"],
    ...                      era=frame["era"])
    >>> comparison.loc[others[1], "verdict"]
    'v53_lgbm_cyrus20 beats v53_lgbm_ender20: +0.0152 CORR an era
    (95 % interval +0.0027 to +0.0276, 85 eras).'
    """
    check_count("recent", recent, 1)
    check_count("window", window, 1)
    intervals = Intervals.checked(y, horizon, confidence)
    rows = read("benchmarks", benchmarks, era, y=y, model=model)
    found = gathered(rows, _describe)
    check_models(rows, found["varies"])
    own, scores = found["scores"][:, :1], found["scores"][:, 1:]
    difference = own - scores
    there = ~np.isnan(difference)
    numbers = era_numbers(rows.eras.labels)
    comparison = {
        "corr": _means(own, there),
        "benchmark_corr": _means(scores, there),
        **intervals.of_means("difference", difference, numbers),
        "share_won": [_share_won(column, recent, window) for column in difference.T],
        "correlation": _means(found["correlation"], there),
        "n_eras": there.sum(axis=0),
    }
    index = pd.Index(rows.models, name="benchmark", tupleize_cols=False)
    frame = pd.DataFrame(comparison, index)
    frame["ahead"] = pd.Series(_ahead(frame), index, object)
    name = name_of(model) or "the model"
    least = intervals.least_eras(numbers)
    verdicts = [
        _verdict(name, row.Index, row, intervals.confidence, least)
        for row in frame.itertuples()
    ]
    return frame.assign(verdict=verdicts)


def _describe(models: Floats, y: Floats, model: Floats) -> dict[str, Any]:
    """Scores of the model, first, and the benchmarks; their correlations with it."""
    both = np.vstack([model, models])
    normal = rank_gauss(both)
    return {
        "scores": numerai_corr(both, y),
        "correlation": correlations(normal[:1], normal[1:])[0],
        "varies": np.nan_to_num(normal[1:]).any(axis=1),
    }


def _means(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """Mean over the eras that both models have."""
    means: Floats = pd.DataFrame(np.where(there, values, np.nan)).mean().to_numpy()
    return means


def _share_won(difference: Floats, recent: int, window: int) -> float:
    newest = difference[~np.isnan(difference)][-recent:]
    if newest.size < window:
        return float("nan")
    return float((sliding_window_view(newest, window).mean(axis=1) > 0).mean())


def _ahead(frame: pd.DataFrame) -> list[bool | None]:
    """Whether the model is ahead of each benchmark; None where the data cannot tell."""
    ends = zip(frame["difference_low"], frame["difference_high"], strict=True)
    return [True if low > 0 else False if high < 0 else None for low, high in ends]


def _verdict(
    name: str, benchmark: Hashable, row: Any, confidence: float, least: int
) -> str:
    low, high = row.difference_low, row.difference_high
    digits = 4 if np.isnan(low) else decimals(low, high, 4)
    numbers = f"{row.difference:+.{digits}f} CORR an era"
    unknown = f"Cannot tell whether {name} or {benchmark} is better: {numbers}"
    if np.isnan(low):
        return f"{unknown} ({too_few(row.n_eras, least)})."
    interval = (
        f"({percent(confidence)} interval {low:+.{digits}f} to {high:+.{digits}f}, "
        f"{counted(row.n_eras)})"
    )
    if row.ahead is None:
        more = until_told(row.difference, (high - low) / 2, row.n_eras)
        return f"{unknown} {interval}.{more}"
    verb = "beats" if row.ahead else "is behind"
    return f"{name} {verb} {benchmark}: {numbers} {interval}."
