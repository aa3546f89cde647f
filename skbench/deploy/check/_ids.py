"""The ids of live rows, which the caller has or Numerai tells."""

import tempfile
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench._frames import Name, Table, as_columns
from skbench.datasets import fetch_benchmark_models

ID, ERA = "id", "era"


def read_live_ids(live_ids: Any) -> "pd.Index[Any]":
    """Return the ids of the live rows; each must be a string, and there once.

    Parameters
    ----------
    live_ids : array-like of str of shape (n_rows,), or DataFrame
        The ids; or live rows, with the ids in the column `id` or as the index.

    Returns
    -------
    ids : Index of str objects
        The ids in their order.

    Raises
    ------
    ValueError
        If there are none, or some that are missing, no strings, or there twice; or if
        the rows are of several eras, which live rows never are.
    """
    ids = _ids_of(live_ids)
    wrong = [label for label in ids if not isinstance(label, str)]
    if wrong:
        raise ValueError(
            f"`live_ids` must hold the ids of the live rows, which are strings; got "
            f"{listed(wrong, 3)}: read the live file with its index"
        )
    if twice := list(ids[ids.duplicated()].unique()):
        raise ValueError(
            f"`live_ids` has {len(twice):,} ids more than once: {listed(twice, 3)}"
        )
    return ids


def _ids_of(live_ids: Any) -> "pd.Index[Any]":
    if _is_empty(live_ids):
        raise ValueError("`live_ids` is empty: pass the ids of this round's live rows")
    table = as_columns(live_ids, "live_ids")
    if len(eras := eras_of(table)) > 1:
        raise ValueError(
            f"`live_ids` has rows of {len(eras):,} eras ({listed(eras, 3)}), so these "
            "are no live rows: live data is one era"
        )
    if ID in table.names:
        return label_index(table, ID)
    if isinstance(live_ids, pd.DataFrame):
        return live_ids.index.astype(object)
    if len(table.names) == 1 and np.ndim(live_ids) == 1:
        return label_index(table, table.names[0])
    raise ValueError(
        f"`live_ids` must be ids, or a frame with the column {ID!r}; it has the "
        f"columns {listed(table.names)}"
    )


def _is_empty(live_ids: Any) -> bool:
    try:
        return len(live_ids) == 0
    except TypeError:  # not of rows at all, as `as_columns` then says
        return False


def label_index(table: Table, name: Name) -> "pd.Index[Any]":
    """Return a column of labels, None where one is missing.

    Parameters
    ----------
    table : Table
        The rows.
    name : str
        Name of the column.

    Returns
    -------
    labels : Index of objects
        One label a row.
    """
    codes, labels = table.labels(name)
    known = np.empty(len(labels) + 1, dtype=object)  # the code of a missing one is -1
    known[:-1] = labels
    ids: pd.Index[Any] = pd.Index(known[codes], dtype=object)
    return ids


def eras_of(table: Table) -> list[Any]:
    """Return the labels of the eras in the column `era`, if there is one.

    Parameters
    ----------
    table : Table
        The rows.

    Returns
    -------
    eras : list
        Labels in order of appearance.
    """
    return list(table.labels(ERA)[1]) if ERA in table.names else []


def fetch_live_ids(api: Any) -> "pd.Index[Any]":
    """Ask Numerai for the ids of the current round, and keep no file.

    Parameters
    ----------
    api : numerapi.NumerAPI
        Client to ask.

    Returns
    -------
    ids : Index of str objects
        The ids of the newest data version that has live benchmark models.
    """
    with tempfile.TemporaryDirectory() as folder:
        live = fetch_benchmark_models(
            splits=["live"], meta_model=False, targets=False, data_home=folder, api=api
        )
        return read_live_ids(live.frame)
