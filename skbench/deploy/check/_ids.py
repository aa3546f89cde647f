"""The ids of rows: of the live rows, and of those that predictions are for."""

from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench._frames import Name, Table, as_columns
from skbench.tournament import ID, more_than_once, several_eras

from ._problems import eras_of


def read_live_ids(live_ids: Any) -> "pd.Index[Any]":
    """Return the ids of the live rows; each must be a string, and there once."""
    if _is_empty(live_ids):
        raise ValueError("`live_ids` is empty: pass the ids of this round's live rows")
    table = as_columns(live_ids, "live_ids")
    if several := several_eras(eras_of(table)):
        raise ValueError(f"`live_ids` has rows {several}: pass the live rows alone")
    if np.ndim(live_ids) == 1:
        ids = label_index(table, table.names[0])
    elif (beside := ids_beside(live_ids, table, "live_ids")) is not None:
        ids = beside
    else:
        raise ValueError(
            f"`live_ids` must be ids, or a frame with the column {ID!r}; it has the "
            f"columns {listed(table.names)}"
        )
    wrong = [label for label in ids if not isinstance(label, str)]
    if wrong:
        raise ValueError(
            f"`live_ids` must hold the ids of the live rows, which are strings; got "
            f"{listed(wrong, 3)}: read the live file with its index"
        )
    if twice := more_than_once(ids):
        raise ValueError(f"`live_ids` must have each id once; {twice}")
    return ids


def _is_empty(live_ids: Any) -> bool:
    try:
        return len(live_ids) == 0
    except TypeError:  # not of rows at all, as `as_columns` then says
        return False


def ids_beside(values: Any, table: Table, parameter: str) -> "pd.Index[Any] | None":
    """Return the ids that rows come with: a column or, of pandas, the index."""
    if ID in table.names:
        return label_index(table, ID)
    if not isinstance(values, (pd.Series, pd.DataFrame)):
        return None
    if values.index.nlevels > 1:
        raise ValueError(
            f"`{parameter}` must have the ids alone as index; got the levels "
            f"{listed(values.index.names)}: drop the others with droplevel()"
        )
    return values.index.astype(object)


def label_index(table: Table, name: Name) -> "pd.Index[Any]":
    """Return a column of labels, None where one is missing."""
    codes, labels = table.labels(name)
    known = np.empty(len(labels) + 1, dtype=object)  # the code of a missing one is -1
    known[:-1] = labels
    ids: pd.Index[Any] = pd.Index(known[codes], dtype=object)
    return ids
