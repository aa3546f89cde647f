"""What frames of numbers and intervals say, in plain sentences."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ._chance import is_clear, tail_of
from ._synergy import Synergy

Floats = NDArray[np.float64]

# Names in a sentence, and benchmarks with a sentence of their own.
_FEW = 5

_NO_PAIRS = "Cannot tell which models ensemble well: no two have an era in common."
_NO_GROUPS = (
    "Cannot tell which groups ensemble well: in each, and between any two of them, "
    "some pair of models has no era in common."
)


def widened(
    middle: Floats, low: Floats, high: Floats, n: int, confidence: float
) -> tuple[Floats, Floats]:
    """Lengthen intervals for the best of n, as Bonferroni would on a normal scale."""
    tail = tail_of(confidence)
    factor = ndtri(tail / n) / ndtri(tail)
    return middle - factor * (middle - low), middle + factor * (high - middle)


def about_weights(means: pd.DataFrame, confidence: float) -> str:
    """Say what the Meta Model consists of, from the summary of implied weights."""
    models, explained = means.iloc[:-1], means.iloc[-1]
    if models["mean"].isna().all():
        return "No blend of the models explains anything of the Meta Model."
    most = _weightiest(models)
    return (
        f"The models explain {100 * explained['mean']:.0f} % of the Meta Model "
        f"({_range(explained, confidence)}); {most.name} has the largest implied "
        f"weight, {100 * most['mean']:.0f} % ({_range(most, confidence)})."
    )


def _weightiest(models: pd.DataFrame) -> pd.Series:
    """Return the largest mean weight that does not rest on a few eras alone."""
    known = models[models["low"].notna()]
    if known.empty:
        known = models[models["mean"].notna()]
        known = known[known["n_eras"] == known["n_eras"].max()]
    return known.iloc[int(known["mean"].argmax())]


def about_underweight(board: pd.DataFrame, confidence: float, target: str) -> str:
    """Say which models the Meta Model underweights."""
    names = ["derivative", "derivative_low", "derivative_high"]
    middle, low, high = board[names].to_numpy().T
    low, high = widened(middle, low, high, len(board), confidence)
    clear = board.index[low > 0]
    told = int(np.argmax(low > 0))  # the first of all if none is clear
    eras = _eras(board["n_eras"].iloc[told])
    if np.isnan(low[told]):
        where = f"{eras}, too few for an interval"
    else:
        where = (
            f"{_percent(confidence)} interval {low[told] / 100:+.5f} to "
            f"{high[told] / 100:+.5f} for the best of {len(board)}, {eras}"
        )
    effect = (
        f"1 % of {board.index[told]} added to it changes its correlation with {target} "
        f"by {middle[told] / 100:+.5f} ({where})"
    )
    if len(clear):
        return f"The Meta Model underweights {_listed(list(clear))}: {effect}."
    return (
        f"Cannot tell which models the Meta Model underweights: {effect}, "
        "the most of all."
    )


def about_synergy(pairs: Synergy, target: str, grouped: bool) -> str:
    """Say which pair of models, or of groups, gains most."""
    i, j = np.triu_indices(len(pairs.gain), 0 if grouped else 1)
    gain, half = (f.to_numpy()[i, j] for f in (pairs.gain, pairs.half_width))
    n = int(np.isfinite(gain).sum())
    if n == 0:
        return _NO_GROUPS if grouped else _NO_PAIRS
    best = int(np.nanargmax(gain))
    names = f"{pairs.gain.index[i[best]]} and {pairs.gain.index[j[best]]}"
    if np.isnan(half[best]):
        where = "too few eras for an interval"
    else:
        allowed = tail_of(pairs.confidence) / n
        where = (
            f"± {half[best]:.4f} at {_percent(pairs.confidence)}; above 0 in all but "
            f"{100 * pairs.chance_of_best:.2g} % of the resamples, where the best of "
            f"{n} may miss {100 * allowed:.2g} %"
        )
    effect = (
        f"the best blend of {names} scores {gain[best]:+.4f} above the better one with "
        f"{target} ({where})"
    )
    if is_clear(pairs.chance_of_best, pairs.confidence, n):
        return f"{names} ensemble best: {effect}."
    return f"Cannot tell which models ensemble well: {effect}."


def about_comparison(
    comparison: pd.DataFrame, confidence: float, target: str
) -> list[str]:
    """Say how many benchmarks a model beats, and how it does against the best."""
    ahead, n = comparison["ahead"], len(comparison)
    won, lost = (sum(a is side for a in ahead) for side in (True, False))
    count = (
        f"Of {n} benchmarks the model beats {won} and is behind {lost} in CORR with "
        f"{target}; for {n - won - lost} the data cannot tell ({_percent(confidence)} "
        "intervals)."
    )
    best = comparison.sort_values("benchmark_corr", ascending=False, kind="stable")
    return [count, *best["verdict"].iloc[:_FEW]]


def _range(numbers: pd.Series, confidence: float) -> str:
    low, high = 100 * numbers["low"], 100 * numbers["high"]
    eras = _eras(numbers["n_eras"])
    if np.isnan(low):
        return f"{eras}, too few for an interval"
    return f"{_percent(confidence)} interval {low:.0f} to {high:.0f} %, {eras}"


def _eras(n: float) -> str:
    return "1 era" if n == 1 else f"{n:.0f} eras"


def _percent(confidence: float) -> str:
    return f"{100 * confidence:g} %"


def _listed(names: list[object]) -> str:
    some = [str(name) for name in names[:_FEW]]
    if len(names) > _FEW:
        return f"{', '.join(some)} and {len(names) - _FEW} more"
    return " and ".join([", ".join(some[:-1]), some[-1]] if some[1:] else some)
