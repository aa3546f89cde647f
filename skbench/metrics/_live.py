"""What counts of a live round that is scored day by day: its last value."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._frames import factorize

# What tells one series of live scores from another.
KEY = ["model", "round", "score"]


def last_values(scores: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Keep one row of each key: the last day that has a value.

    A row without a day, should there be one, is never taken for the last day. Where no
    day has a value, one of them is kept all the same, so that nothing gets lost.

    Parameters
    ----------
    scores : pandas.DataFrame of shape (n_rows, n_columns)
        Live scores with a column ``value``, and mostly ``day``.
    key : sequence of str
        Columns that tell scores apart, such as model, round and score.

    Returns
    -------
    last : pandas.DataFrame
        Some of the rows, no two of one key.

    Raises
    ------
    ValueError
        If a day is no number.
    """
    known = scores["value"].notna()
    valued = scores[known]
    if "day" in scores.columns:
        valued = valued.sort_values(
            "day", key=numbers_of, kind="stable", na_position="first"
        )
    rows = pd.concat([scores[~known], valued])
    return rows.drop_duplicates(list(key), keep="last")


def labels_of(column: pd.Series, name: str) -> tuple[NDArray[np.intp], Any]:
    """Read a column of live scores as labels, of which none is missing.

    Parameters
    ----------
    column : pandas.Series of shape (n_rows,)
        The labels.
    name : str
        What a message calls the column.

    Returns
    -------
    codes : ndarray of shape (n_rows,)
        The position of each row's label.
    labels : Index or ndarray
        The labels, in order of appearance.

    Raises
    ------
    ValueError
        If a label is missing, or is none.
    """
    codes, labels = factorize(column, name)
    if (codes < 0).any():
        raise ValueError(f"`scores` has rows without a {name!r}: drop them")
    return codes, labels


def numbers_of(column: pd.Series) -> pd.Series:
    """Read a column of live scores as numbers.

    Parameters
    ----------
    column : pandas.Series of shape (n_rows,)
        Numbers, also as text or objects, missing ones among them.

    Returns
    -------
    numbers : pandas.Series of shape (n_rows,)
        The same, of a numeric dtype.

    Raises
    ------
    ValueError
        If something else stands there.
    """
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
