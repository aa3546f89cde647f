"""From the tidy scores of live rounds to one frame a score: rounds x models."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench._eras import chronological
from skbench.metrics._live import KEY, labels_of, last_values, numbers_of

_COLUMNS = ["model", "round", "day", "resolved", "score", "value"]


@dataclass(frozen=True)
class LiveScores:
    """Scores of live rounds.

    Attributes
    ----------
    frames : dict of str to pandas.DataFrame of shape (n_rounds, n_models)
        By score: the last value of each round.
    unresolved : dict of str to pandas.DataFrame of shape (n_rounds, n_models)
        By score: whether the value may still change.
    """

    frames: dict[str, pd.DataFrame]
    unresolved: dict[str, pd.DataFrame]


def read_live(scores: Any) -> LiveScores:
    """Take the last day of each model, round and score."""
    last = _last_days(_checked(scores))
    frames, unresolved = {}, {}
    for score, rows in last.groupby("score", sort=False):
        frames[str(score)] = rows.pivot(index="round", columns="model", values="value")
        resolved = rows.pivot(index="round", columns="model", values="resolved")
        # What is not there is neither resolved nor open.
        unresolved[str(score)] = resolved.eq(False)
    return LiveScores(frames, unresolved)


def horizon_in_rounds(score: str) -> int:
    """Count the rounds over which a score shares days with others: a day each, and 4.

    The days are the number that the name of the score ends in; 60 if there is none.
    """
    days = re.search(r"(?<!\d)(\d{1,4})$", score)
    return (int(days[1]) if days else 60) + 4


def _checked(scores: Any) -> pd.DataFrame:
    if not isinstance(scores, pd.DataFrame):
        raise TypeError(
            "`scores` must be a pandas frame of one row a model, round and score; "
            f"got {type(scores).__name__}"
        )
    if missing := [name for name in _COLUMNS if name not in scores]:
        raise ValueError(
            f"`scores` has no column {listed(missing)}; it has {listed(scores.columns)}"
        )
    rows = scores[_COLUMNS].assign(
        **{name: _labels(scores[name], name) for name in (*KEY, "resolved")},
        **{name: numbers_of(scores[name]) for name in ("day", "value")},
    )
    if not all(label in (True, False) for label in rows["resolved"]):
        raise ValueError("`scores` must have True or False in its column 'resolved'")
    if twice := rows.duplicated([*KEY, "day"]).sum():
        raise ValueError(
            f"`scores` has {twice} rows of a model, round, score and day that stand "
            "there already"
        )
    return rows.astype({"value": np.float64, "resolved": bool})


def _labels(column: pd.Series, name: str) -> pd.Series:
    """Return the labels of a column as plain objects, whatever its dtype."""
    codes, labels = labels_of(column, name)
    plain = pd.Index(list(labels), dtype=object, tupleize_cols=False)
    return pd.Series(plain[codes], index=column.index, dtype=object)


def _last_days(rows: pd.DataFrame) -> pd.DataFrame:
    valued = last_values(rows, KEY).dropna(subset="value")
    if valued.empty:
        raise ValueError("`scores` has no value: has any round been scored yet?")
    rounds = list(valued["round"].unique())
    places = {rounds[i]: place for place, i in enumerate(chronological(rounds))}
    return valued.sort_values("round", key=lambda r: r.map(places), kind="stable")
