"""The order of models, of which those with fewer eras are judged by what both have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._summary import summarize

# A model counts as whole if it has so many in a hundred of the eras of any other.
_WHOLE = 90


def compare_shorter(
    scores: pd.DataFrame, numbers: pd.DataFrame, **options: Any
) -> pd.DataFrame:
    """Compare the models that lack eras with the best of the others.

    One row for each model with less than 90 % of the eras that any has: its ``eras``,
    the model it is compared with (``versus``), and the difference in the eras of both.
    The rows of ``scores`` are in order of time; ``numbers`` is their summary.
    """
    is_shorter = lacks_eras(numbers["n_eras"].to_numpy())
    own = scores.loc[:, is_shorter]
    found = pd.DataFrame(index=own.columns.rename("model"))
    if not is_shorter.any():
        return found
    means = numbers["mean"].mask(is_shorter).to_numpy()
    best = int(np.nanargmax(means))
    found["eras"] = [_first_to_last(own.iloc[:, i]) for i in range(own.shape[1])]
    versus = [scores.columns[best]] * len(found)
    found["versus"] = pd.Series(versus, found.index, dtype=object)
    compared = summarize(own, scores.iloc[:, best], **options)
    names = ["difference", "difference_low", "difference_high", "n_paired"]
    return found.join(compared[names])


def lacks_eras(n_eras: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether models have fewer eras than it takes to stand among those with most."""
    lacks: NDArray[np.bool_] = 100 * n_eras < _WHOLE * n_eras.max()
    return lacks


def _first_to_last(scores: pd.Series) -> str:
    # Era 57 may be written as 57.0.
    scored = [str(era).removesuffix(".0") for era in scores.dropna().index]
    return f"{scored[0]} to {scored[-1]}" if scored else ""


def best_first(board: pd.DataFrame, name: str) -> pd.DataFrame:
    """Sort the models of one span of a leaderboard by one of its scores.

    Those with fewer eras come last, in order of their differences.
    """
    values = board[name]
    is_last = values.isna()
    if f"{name}_versus" in board:
        is_last |= board[f"{name}_versus"].notna()
        values = values.mask(is_last, board[f"{name}_difference"])
    return board.iloc[np.lexsort([-values.to_numpy(float), is_last.to_numpy()])]


def shorter_lines(board: pd.DataFrame, name: str) -> list[str]:
    """Write what a leaderboard says of models with fewer eras of a score."""
    if f"{name}_versus" not in board:
        return []
    rows = board[board[f"{name}_versus"].notna()]
    own = rows.filter(regex=f"^{name}_").rename(columns=lambda c: c[len(name) + 1 :])
    records = own.to_dict("records")
    return [
        about_shorter(model, found, "era")
        for model, found in zip(rows["model"], records, strict=True)
    ]


def about_shorter(model: Any, found: Mapping[Any, Any], unit: str) -> str:
    """Say in a line what `compare_shorter` found of a model."""
    if not (n := int(found["n_eras"])):
        return f"{model}: no {unit}s"
    told = f"{model}: {n} {unit}{'s' if n > 1 else ''}, {found['eras']}; "
    if not (n_both := int(found["n_paired"])):
        return f"{told}none of them has {found['versus']}"
    there = "there" if n_both == n else f"in the {n_both} that both have"
    difference, low, high = (found[f"difference{end}"] for end in ("", "_low", "_high"))
    side = "below" if difference < 0 else "above"
    interval = f"{low:.4f} to {high:.4f}" if low == low else "too few for an interval"
    return f"{told}{there} {abs(difference):.4f} {side} {found['versus']} ({interval})"
