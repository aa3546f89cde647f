"""What frames of numbers and intervals say, in plain sentences."""

from typing import Any

import numpy as np
import pandas as pd

from ._synergy import Synergy
from ._words import counted, decimals, percent, too_few, until_told

# Names in a sentence, and benchmarks with a sentence of their own.
_FEW = 5

_NO_PAIRS = "Cannot tell which models ensemble well: no two have an era in common."
_NO_GROUPS = (
    "Cannot tell which groups ensemble well: in each, and between any two of them, "
    "some pair of models has no era in common."
)


def about_weights(means: pd.DataFrame, confidence: float, least: int) -> str:
    """Say what the Meta Model consists of, from the summary of implied weights.

    Here as below, ``least`` is the number of eras that an interval takes.
    """
    models, explained = means.iloc[:-1], means.iloc[-1]
    if models["mean"].isna().all():
        return "No blend of the models explains anything of the Meta Model."
    most = _weightiest(models)
    share, of_all = _share(explained, confidence, least)
    weight, of_most = _share(most, confidence, least)
    return (
        f"The models explain {share} % of the Meta Model ({of_all}); {most.name} has "
        f"the largest implied weight, {weight} % ({of_most})."
    )


def _weightiest(models: pd.DataFrame) -> pd.Series:
    """Return the largest mean weight that does not rest on a few eras alone."""
    known = models[models["low"].notna()]
    if known.empty:
        known = models[models["mean"].notna()]
        known = known[known["n_eras"] == known["n_eras"].max()]
    return known.iloc[int(known["mean"].argmax())]


def about_underweight(
    board: pd.DataFrame, confidence: float, target: str, least: int
) -> str:
    """Say which models the Meta Model underweights."""
    names = ["derivative", "derivative_joint_low", "derivative_joint_high", "n_eras"]
    numbers = board[names].to_numpy(dtype=float)
    clear = numbers[:, 1] > 0
    told = int(np.argmax(clear))  # the first of all if none is clear
    change, where, more = _of_best(numbers[told], confidence, len(board), least)
    effect = (
        f"1 % of {board.index[told]} added to it changes its correlation with {target} "
        f"by {change} ({where})"
    )
    if clear.any():
        some = _listed(list(board.index[clear]))
        return f"The Meta Model underweights {some}: {effect}."
    return (
        f"Cannot tell which models the Meta Model underweights: {effect}, "
        f"the most of all.{more}"
    )


def about_synergy(pairs: Synergy, target: str, grouped: bool, least: int) -> str:
    """Say which pair of models, or of groups, gains most."""
    i, j = np.triu_indices(len(pairs.gain), 0 if grouped else 1)
    frames = (pairs.tilt, pairs.tilt_joint_low, pairs.tilt_joint_high, pairs.n_eras)
    numbers = np.array([frame.to_numpy()[i, j] for frame in frames], dtype=float).T
    gain, clear = pairs.gain.to_numpy()[i, j], pairs.jointly_clear.to_numpy()[i, j]
    known = ~np.isnan(numbers[:, 0])
    if not known.any():
        return _NO_GROUPS if grouped else _NO_PAIRS
    best = int(np.argmax(np.where(clear if clear.any() else known, gain, -1.0)))
    names = f"{pairs.gain.index[i[best]]} and {pairs.gain.index[j[best]]}"
    change, where, more = _of_best(
        numbers[best], pairs.confidence, int(known.sum()), least
    )
    average = "on average over their pairs, " if grouped else ""
    effect = (
        f"{average}the best blend scores {gain[best]:+.4f} above the better one in the "
        "eras that chose it, and 1 % of the other added to the better one changes its "
        f"correlation with {target} by {change} ({where})"
    )
    if clear.any():
        n = int(clear.sum()) - 1
        others = f"; so do {n} other pairs, which gain less" if n > 1 else ""
        others = "; so does one other pair, which gains less" if n == 1 else others
        return f"{names} ensemble well: {effect}{others}."
    what = "groups" if grouped else "models"
    return (
        f"Cannot tell which {what} ensemble well: of {names}, which gain most, "
        f"{effect}.{more}"
    )


def _of_best(
    numbers: Any, confidence: float, n: int, least: int
) -> tuple[str, str, str]:
    """Write the change by 1 % of a model, its joint interval, and how to know more.

    ``numbers`` are the derivative, the ends of its interval and its number of eras.
    """
    change, low, high = numbers[:3] / 100
    n_eras = numbers[3]
    if np.isnan(low):
        return f"{change:+.5f}", too_few(n_eras, least), ""
    digits = decimals(low, high, 5)
    chosen = f" for the best of {n}" if n > 1 else ""
    where = (
        f"{percent(confidence)} interval {low:+.{digits}f} to {high:+.{digits}f}"
        f"{chosen}, {counted(n_eras)}"
    )
    more = until_told(change, (high - low) / 2, n_eras)
    return f"{change:+.{digits}f}", where, more


def about_comparison(
    comparison: pd.DataFrame, model: str, confidence: float, target: str
) -> list[str]:
    """Say how many benchmarks a model beats, and how it does against the best."""
    ahead, n = comparison["ahead"], len(comparison)
    won, lost = (sum(a is side for a in ahead) for side in (True, False))
    count = (
        f"Of {n} benchmarks {model} beats {won} and is behind {lost} in CORR with "
        f"{target}; for {n - won - lost} the data cannot tell ({percent(confidence)} "
        "intervals), so that other reasons may decide."
    )
    best = comparison.sort_values("benchmark_corr", ascending=False, kind="stable")
    return [count, *best["verdict"].iloc[:_FEW]]


def _share(numbers: pd.Series, confidence: float, least: int) -> tuple[str, str]:
    """Write a mean in percent, and its interval."""
    share, low, high = 100 * numbers[["mean", "low", "high"]].astype(float)
    if np.isnan(low):
        return f"{share:.0f}", too_few(numbers["n_eras"], least)
    digits = decimals(low, high, 0)
    return f"{share:.{digits}f}", (
        f"{percent(confidence)} interval {low:.{digits}f} to {high:.{digits}f} %, "
        f"{counted(numbers['n_eras'])}"
    )


def _listed(names: list[object]) -> str:
    some = [str(name) for name in names[:_FEW]]
    if len(names) > _FEW:
        return f"{', '.join(some)} and {len(names) - _FEW} more"
    return " and ".join([", ".join(some[:-1]), some[-1]] if some[1:] else some)
