"""What counts of a live round that is scored day by day: its last value."""

from collections.abc import Sequence

import pandas as pd


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
    """
    known = scores["value"].notna()
    valued = scores[known]
    if "day" in scores.columns:
        valued = valued.sort_values("day", kind="stable", na_position="first")
    rows = pd.concat([scores[~known], valued])
    return rows.drop_duplicates(list(key), keep="last")
