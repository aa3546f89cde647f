"""What frames of numbers and intervals say, in plain sentences."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ._synergy import Synergy

Floats = NDArray[np.float64]

# Names in a sentence, and benchmarks with a sentence of their own.
_FEW = 5


def widened(
    middle: Floats, low: Floats, high: Floats, n: int, confidence: float
) -> tuple[Floats, Floats]:
    """Lengthen intervals for the best of n, as Bonferroni would on a normal scale."""
    tail = (1.0 - confidence) / 2
    factor = ndtri(tail / n) / ndtri(tail)
    return middle - factor * (middle - low), middle + factor * (high - middle)


def about_weights(means: pd.DataFrame, confidence: float) -> str:
    """Say what the Meta Model consists of, from the summary of implied weights."""
    models, explained = means.iloc[:-1], means.iloc[-1]
    if models["mean"].isna().all():
        return "No blend of the models explains anything of the Meta Model."
    most = models.iloc[int(np.nanargmax(models["mean"]))]
    return (
        f"The models explain {100 * explained['mean']:.0f} % of the Meta Model "
        f"({_range(explained, confidence)}, {explained['n_eras']:.0f} eras); "
        f"{most.name} has the largest implied weight, {100 * most['mean']:.0f} % "
        f"({_range(most, confidence)})."
    )


def about_underweight(board: pd.DataFrame, confidence: float, target: str) -> str:
    """Say which models the Meta Model underweights."""
    names = ["derivative", "derivative_low", "derivative_high"]
    middle, low, high = board[names].to_numpy().T
    low, high = widened(middle, low, high, len(board), confidence)
    eras = f"{board['n_eras'].iloc[0]} eras"
    if np.isnan(low[0]):
        where = f"{eras}, too few for an interval"
    else:
        where = (
            f"{_percent(confidence)} interval {low[0] / 100:+.5f} to "
            f"{high[0] / 100:+.5f} for the best of {len(board)}, {eras}"
        )
    effect = (
        f"1 % of {board.index[0]} added to it changes its correlation with {target} by "
        f"{middle[0] / 100:+.5f} ({where})"
    )
    clear = board.index[low > 0]
    if len(clear):
        return f"The Meta Model underweights {_listed(list(clear))}: {effect}."
    return (
        f"Cannot tell which models the Meta Model underweights: {effect}, "
        "the most of all."
    )


def about_synergy(pairs: Synergy, confidence: float, grouped: bool) -> str:
    """Say which pair of models, or of groups, gains most."""
    i, j = np.triu_indices(len(pairs.gain), 0 if grouped else 1)
    gain, half, positive = (
        frame.to_numpy()[i, j]
        for frame in (pairs.gain, pairs.half_width, pairs.share_positive)
    )
    best, n = int(np.nanargmax(gain)), int(np.isfinite(gain).sum())
    names = f"{pairs.gain.index[i[best]]} and {pairs.gain.index[j[best]]}"
    if np.isnan(half[best]):
        where = "too few eras for an interval"
    else:
        where = (
            f"± {half[best]:.4f} at {_percent(confidence)}, above 0 in "
            f"{100 * positive[best]:.1f} % of the resamples, the best of {n} pairs"
        )
    effect = (
        f"the best blend of {names} scores {gain[best]:+.4f} above the better one "
        f"({where})"
    )
    if 1.0 - positive[best] <= (1.0 - confidence) / 2 / n:
        return f"{names} ensemble best: {effect}."
    return f"Cannot tell which models ensemble well: {effect}."


def about_comparison(comparison: pd.DataFrame) -> list[str]:
    """Say how many benchmarks a model beats, and how it does against the best."""
    ahead, n = comparison["ahead"], len(comparison)
    won, lost = (sum(a is side for a in ahead) for side in (True, False))
    count = (
        f"Of {n} benchmarks the model beats {won} and is behind {lost}; for "
        f"{n - won - lost} the data cannot tell."
    )
    best = comparison.sort_values("benchmark_corr", ascending=False, kind="stable")
    return [count, *best["verdict"].iloc[:_FEW]]


def _range(numbers: pd.Series, confidence: float) -> str:
    low, high = 100 * numbers["low"], 100 * numbers["high"]
    if np.isnan(low):
        return "too few eras for an interval"
    return f"{_percent(confidence)} interval {low:.0f} to {high:.0f} %"


def _percent(confidence: float) -> str:
    return f"{100 * confidence:g} %"


def _listed(names: list[object]) -> str:
    some = [str(name) for name in names[:_FEW]]
    if len(names) > _FEW:
        return f"{', '.join(some)} and {len(names) - _FEW} more"
    return " and ".join([", ".join(some[:-1]), some[-1]] if some[1:] else some)
