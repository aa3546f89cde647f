"""From one score an era to the numbers of a model: `summarize`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import check_confidence
from skbench._eras import check_horizon, chronological, era_numbers
from skbench._frames import keeps_kind
from skbench.solvers import intervals
from skbench.solvers.series import autocorrelation, max_drawdown, sharpe

from ._tables import read_benchmark, read_table

Floats = NDArray[np.float64]


@keeps_kind
def summarize(
    scores: Any,
    benchmark: Any = None,
    *,
    target: str | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    r"""Summarise era scores: one row a model.

    Eras without a score are left out and counted, never filled; their labels must say
    which comes first.

    Scores of neighbouring eras share days, over a horizon of h eras, and an interval
    that ignores this is far too narrow. Here it is the mean plus and minus

    .. math:: t_{\text{df}} \sqrt{s'Qs \cdot c}

    with Q the equal-weighted cosine estimator of the long-run variance; df and c follow
    from the overlap of the eras that have a score. The intervals of the Sharpe ratio
    and of differences are those of the means of their influence functions. Fewer
    than 2 h eras (in their usual distance) have no interval: NaN. In simulated series
    that overlap as targets do, an interval of 95 % holds the truth in 94 to 96 % of the
    cases, with 41 eras of a 60-day target as with 690; where eras do not overlap at all
    it is wider than it need be, and holds it in some 97 %. The user guide has the
    formula in full, and what intervals do not tell.

    Parameters
    ----------
    scores : DataFrame of shape (n_eras, n_models) or Series of shape (n_eras,)
        One score an era and model, NaN where there is none; the index of a pandas
        object, or else the column `era`, holds the eras.
    benchmark : column name, Series or array of shape (n_eras,), default=None
        What to compare each model with, on the eras that both have. A frame or series
        that names its eras is matched by era, an array by position.
    target : str, default=None
        Name of the target, whose last number, as in "target_ender_20", is its days: the
        horizon is one era for each 5 of them, rounded up, and one more. None, or no
        number: 13 eras, right for 60 days.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as `target` says.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    summary : DataFrame of shape (n_models, 12) or (n_models, 19)
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the models in a first column, `model`, and null for NaN. The columns:

        - mean, std: of the scores, std with ``ddof=0``;
        - sharpe: mean / std, NaN where the scores do not vary;
        - max_drawdown: largest fall of the cumulative score from its highest point
          before, or from 0, where it starts;
        - autocorrelation: Pearson correlation of a score with that of the next row
          (lag 1), both scored; NaN for fewer than 3 such pairs;
        - share_positive: share of scores above 0;
        - n_eras, n_missing: number of eras with a score, and without;
        - low, high: interval of the mean; sharpe_low, sharpe_high: of the Sharpe ratio;
        - with a benchmark: difference, the mean over the n_paired eras that both have
          of model less benchmark; difference_low, difference_high: its interval;
          sharpe_difference, sharpe_difference_low, sharpe_difference_high: the same of
          the Sharpe ratios in these eras.

    Raises
    ------
    ValueError
        If an option cannot be used, an era stands twice, eras have no order, or the
        benchmark has none of the eras.

    References
    ----------
    E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR Inference:
    Recommendations for Practice", Journal of Business & Economic Statistics 36 (2018).

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.metrics import summarize
    >>> scores = pd.DataFrame({"a": [0.02, -0.01, 0.03, 0.04],
    ...                        "b": [0.01, 0.01, None, 0.02]},
    ...                       index=["0001", "0002", "0003", "0004"])
    >>> summary = summarize(scores, "b", horizon=1)
    >>> summary[["mean", "sharpe", "max_drawdown", "n_eras", "difference"]].round(4)
             mean  sharpe  max_drawdown  n_eras  difference
    model
    a      0.0200  1.0690          0.01       4      0.0033
    b      0.0133  2.8284          0.00       3      0.0000
    >>> summary[["low", "high"]].round(4)
              low    high
    model
    a     -0.0144  0.0544
    b     -0.0010  0.0277
    """
    horizon = check_horizon(horizon, target)
    check_confidence("confidence", confidence)
    table = read_table(scores, "scores", "prediction")
    eras = list(table.index)
    order = chronological(eras)
    times = era_numbers(eras)[order]
    in_time = np.ascontiguousarray(table.to_numpy().T)[:, order]

    def interval(values: Floats) -> intervals.Estimate:
        return intervals.of_means(values, times, horizon, confidence)

    index = table.columns.rename("model")
    summary = pd.DataFrame([_numbers(row) for row in in_time], index=index)
    mean, ratio = interval(in_time), interval(intervals.sharpe_influence(in_time))
    summary["low"], summary["high"] = mean.low, mean.high
    summary["sharpe_low"], summary["sharpe_high"] = ratio.low, ratio.high
    if benchmark is not None:
        other = read_benchmark(benchmark, table).to_numpy()[order]
        paired = np.where(np.isnan(other), np.nan, in_time)
        beside = np.where(np.isnan(in_time), np.nan, other)
        influence = intervals.sharpe_influence(paired)
        influence -= intervals.sharpe_influence(beside)
        for name, values in {
            "difference": paired - beside,
            "sharpe_difference": influence,
        }.items():
            found = interval(values)
            summary[name] = found.value
            summary[f"{name}_low"], summary[f"{name}_high"] = found.low, found.high
        summary["n_paired"] = (~np.isnan(paired)).sum(axis=1)
    return summary


def summarize_beside(
    scores: pd.DataFrame, differences: pd.DataFrame, **options: Any
) -> pd.DataFrame:
    """Summarise scores by era, and beside them how far each is from another."""
    lines, beside = (summarize(table, **options) for table in (scores, differences))
    lines = lines[["mean", "low", "high", "sharpe", "max_drawdown", "n_eras"]]
    names = ["difference", "difference_low", "difference_high"]
    return lines.join(beside[["mean", "low", "high"]].set_axis(names, axis=1))


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
