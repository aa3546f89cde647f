"""Scores of live rounds, which come day by day: what counts is the last value."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench._eras import chronological
from skbench._frames import as_table, factorize

from ._tables import Frames, check_frame

# What tells one series of live scores from another.
_KEY = ["model", "round", "score"]
# What a frame may lack: it then has one value a series, and all of them are final.
_OPTIONAL = {"day": 0, "resolved": True}


def read_live(scores: Any, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read the last day with a value of each model, round and score; rounds in order.

    Where no day has a value, a row stays all the same, so that nothing gets lost. A row
    without a day, should there be one, is never taken for the last day. ``needed`` are
    the columns that a frame must have beside those that tell series apart and values.
    """
    check_frame(scores, "scores", "one row a model, round, score and day")
    if scores.empty:
        raise ValueError("`scores` has no rows: has any round been scored yet?")
    as_table(scores, name="`scores`")  # refuses a column that stands twice
    if missing := [name for name in (*_KEY, *needed, "value") if name not in scores]:
        raise ValueError(
            f"`scores` lacks {listed(missing)}, which a frame of live scores has; it "
            f"has {listed(scores.columns)}. Frames of rounds x models are given by "
            "name: {'corr': frame}"
        )
    last = _last_days(_checked(scores))
    rounds = last["round"].unique().tolist()
    places = {rounds[i]: place for place, i in enumerate(chronological(rounds))}
    return last.sort_values("round", key=lambda r: r.map(places), kind="stable")


def by_score(rows: pd.DataFrame, column: str) -> Frames:
    """Lay a column of live scores out as one frame a score, rounds x models."""
    return {
        str(score): part.pivot(index="round", columns="model", values=column)
        for score, part in rows.groupby("score", sort=False)
    }


def _checked(scores: pd.DataFrame) -> pd.DataFrame:
    absent = {name: v for name, v in _OPTIONAL.items() if name not in scores}
    rows = scores.assign(**absent)[[*_KEY, *_OPTIONAL, "value"]]
    rows = rows.assign(
        **{name: _labels(rows[name]) for name in (*_KEY, "resolved")},
        **{name: _numbers(rows[name]) for name in ("day", "value")},
    )
    if not all(label in (True, False) for label in rows["resolved"]):
        raise ValueError("`scores` must have True or False in its column 'resolved'")
    series = [*_KEY, "day"]
    if (twice := rows.duplicated(series)).any():
        found = rows.loc[twice, series].iloc[:1].to_dict("records")[0]
        raise ValueError(
            f"`scores` must have one row a {', '.join(series)}; there are several for "
            f"{found!r}"
        )
    return rows.astype({"value": np.float64, "resolved": bool})


def _last_days(rows: pd.DataFrame) -> pd.DataFrame:
    known = rows["value"].notna()
    valued = rows[known].sort_values("day", kind="stable", na_position="first")
    return pd.concat([rows[~known], valued]).drop_duplicates(_KEY, keep="last")


def _labels(column: pd.Series) -> pd.Series:
    """Return labels, of which none is missing, as plain objects."""
    codes, labels = factorize(column, column.name)
    if (codes < 0).any():
        raise ValueError(f"`scores` has rows without a {column.name!r}: drop them")
    plain = pd.Index(list(labels), dtype=object, tupleize_cols=False)
    return pd.Series(plain[codes], index=column.index, dtype=object)


def _numbers(column: pd.Series) -> pd.Series:
    """Return numbers, which may be given as text or objects, in a numeric dtype."""
    try:
        if column.dtype.kind == "O":
            column = pd.to_numeric(column.astype(object))
        if column.dtype.kind not in "biuf":
            raise TypeError(f"its dtype is {column.dtype}")
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"`scores` must have numbers in its column {column.name!r}: {error}"
        ) from error
    return column
