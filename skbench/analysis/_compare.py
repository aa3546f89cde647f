"""Whether a model is still competitive: `compare`."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from skbench._base import check_count
from skbench._frames import name_of
from skbench.kernels.rank import rank_gauss
from skbench.kernels.score import correlations, numerai_corr

from ._intervals import Bootstrap
from ._rows import Floats, check_models, read


def compare(
    model: Any,
    benchmarks: Any,
    y: Any,
    *,
    era: Any,
    recent: int = 52,
    window: int = 13,
    n_bootstrap: int = 1000,
    block_size: int | None = None,
    confidence: float = 0.95,
    random_state: Any = None,
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
    n_bootstrap : int, default=1000
        Number of resamples. 0: no intervals.
    block_size : int, default=None
        Eras in a block. None: as many as a target of the name of ``y`` spans; 13 where
        that does not say.
    confidence : float, default=0.95
        Probability that an interval is to have.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    Returns
    -------
    comparison : pandas.DataFrame of shape (n_benchmarks, 10)
        One row a benchmark, in column order, with the columns:

        - corr, benchmark_corr: mean CORR of the model and of the benchmark, over the
          eras that both have;
        - difference, difference_low, difference_high: mean over these eras of model
          less benchmark, and its interval, NaN for fewer eras than two blocks;
        - share_won: share of the windows within the recent eras in which the mean
          difference is above 0; NaN where there is no whole window;
        - correlation: Pearson correlation of the two, ranked and gaussianized within
          each era, on the rows that both have, mean over these eras;
        - n_eras: number of these eras;
        - ahead: whether the interval lies above 0 (True) or below (False), or holds 0,
          so that nobody can tell (None);
        - verdict: all this in a sentence.

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
    ...                      era=frame["era"], random_state=0)
    >>> comparison.loc[others[1], "verdict"]
    'v53_lgbm_cyrus20 beats v53_lgbm_ender20: +0.0152 CORR an era
    (95 % interval +0.0051 to +0.0253, 85 eras).'
    """
    check_count("recent", recent, 1)
    check_count("window", window, 1)
    bootstrap = Bootstrap(
        y,
        n_bootstrap=n_bootstrap,
        block_size=block_size,
        confidence=confidence,
        random_state=random_state,
    )
    rows = read("benchmarks", benchmarks, era, y=y, model=model).covered()
    found = rows.each(_describe)
    check_models(rows, found["varies"])
    own, scores = found["scores"][:, :1], found["scores"][:, 1:]
    difference = own - scores
    there = ~np.isnan(difference)
    comparison = {
        "corr": _means(own, there),
        "benchmark_corr": _means(scores, there),
        **bootstrap.of_means("difference", difference),
        "share_won": [_share_won(column, recent, window) for column in difference.T],
        "correlation": _means(found["correlation"], there),
        "n_eras": there.sum(axis=0),
    }
    index = pd.Index(rows.models, name="benchmark", tupleize_cols=False)
    frame = pd.DataFrame(comparison, index)
    frame["ahead"] = pd.Series(_ahead(frame), index, object)
    return frame.assign(verdict=_verdicts(frame, name_of(model), bootstrap))


def _describe(models: Floats, columns: dict[str, Floats]) -> dict[str, Any]:
    """Scores of the model, first, and the benchmarks; their correlations with it."""
    both = np.vstack([columns["model"], models])
    normal = rank_gauss(both)
    return {
        "scores": numerai_corr(both, columns["y"]),
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


def _verdicts(frame: pd.DataFrame, name: str | None, bootstrap: Bootstrap) -> list[str]:
    name = name or "the model"
    return [_verdict(name, row.Index, row, bootstrap) for row in frame.itertuples()]


def _verdict(name: str, benchmark: Hashable, row: Any, bootstrap: Bootstrap) -> str:
    numbers = f"{row.difference:+.4f} CORR an era"
    eras = f"{row.n_eras} eras"
    if np.isnan(row.difference_low):
        return (
            f"Cannot tell whether {name} or {benchmark} is better: {numbers} over "
            f"{eras}, too few for an interval."
        )
    interval = (
        f"{bootstrap.percent} interval {row.difference_low:+.4f} to "
        f"{row.difference_high:+.4f}, {eras}"
    )
    if row.ahead is None:
        return (
            f"Cannot tell whether {name} or {benchmark} is better: {numbers} "
            f"({interval})."
        )
    verb = "beats" if row.ahead else "is behind"
    return f"{name} {verb} {benchmark}: {numbers} ({interval})."
