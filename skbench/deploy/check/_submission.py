"""Predictions laid out as Numerai takes them: `submission`."""

from typing import Any

import pandas as pd

from skbench._checks import check_flag, listed
from skbench._frames import Name, Table, as_columns, keeps_kind
from skbench.tournament import id_problems

from ._ids import ids_beside, read_live_ids
from ._problems import (
    ERA,
    ID,
    PREDICTION,
    era_problems,
    numbers,
    prediction_problems,
    refuse,
)


@keeps_kind
def submission(
    predictions: Any, live_ids: Any, *, allow_ties: bool = False
) -> pd.DataFrame:
    """Make the frame to submit: each live id once, in order, with its prediction.

    Predictions that name their rows are found by id, whatever their order: a pandas
    object by its index, a frame by its column `id` if it has one. Anything else is
    taken in the order of `live_ids`. Nothing is filled, clipped, ranked or dropped:
    what `validate_submission` would refuse is refused here.

    Parameters
    ----------
    predictions : array-like of shape (n_rows,), DataFrame or Table
        One prediction for each live row. A frame has one column of predictions, of any
        name, and may have the columns `id` and `era` beside it.
    live_ids : array-like of str, or DataFrame
        Ids of the round's live rows; or the live rows themselves, with the ids in the
        column `id` or as the index.
    allow_ties : bool, default=False
        Whether to let predictions with many ties pass.

    Returns
    -------
    frame : DataFrame of shape (n_rows, 2)
        The columns `id` and `prediction` (float64), of the kind that came in: pandas,
        polars or pyarrow; of arrays and lists, pandas. Write a pandas frame with
        ``index=False``.

    Raises
    ------
    ValueError
        If the predictions cannot be submitted; the message lists all that is wrong.

    See Also
    --------
    validate_submission : Check a frame or file that is there already.
    submit : Send it.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.deploy import submission
    >>> predictions = pd.Series([0.9, 0.1, 0.5], index=["n3", "n1", "n2"])
    >>> submission(predictions, ["n1", "n2", "n3"])
       id  prediction
    0  n1         0.1
    1  n2         0.5
    2  n3         0.9
    """
    check_flag("allow_ties", allow_ties)
    live = read_live_ids(live_ids)
    table = as_columns(predictions, "predictions")
    column = _prediction_column(table)
    ids = _row_ids(predictions, table, live)
    problems = era_problems(table) + id_problems(ids, live)
    problems += prediction_problems(table, column, ids, allow_ties)
    refuse(problems, "`predictions`")
    values = numbers(table, column)[ids.get_indexer(live)]
    return pd.DataFrame({ID: list(live), PREDICTION: values})


def _prediction_column(table: Table) -> Name:
    columns = [name for name in table.names if name not in (ID, ERA)]
    if len(columns) != 1:
        raise ValueError(
            f"`predictions` must have one column of predictions beside {ID!r} and "
            f"{ERA!r}; it has {listed(columns) or 'none'}: pass one of them alone"
        )
    return columns[0]


def _row_ids(predictions: Any, table: Table, live: "pd.Index[Any]") -> "pd.Index[Any]":
    """Return the ids that predictions come with or, without any, the live ids."""
    ids = ids_beside(predictions, table, "predictions")
    if ids is not None:
        return ids
    if table.n_rows != len(live):
        raise ValueError(
            f"`predictions` must have one value for each of {len(live):,} live ids, in "
            f"their order; got {table.n_rows:,}. Pass a pandas Series with the ids as "
            "index, and they are found by id"
        )
    return live
