"""A submission checked against Numerai's rules: `validate_submission`."""

import os
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.csv import ConvertOptions, read_csv

from skbench._checks import check_flag, listed
from skbench._files import Address, check_there
from skbench._frames import Table, as_table
from skbench.tournament import id_problems

from ._ids import label_index, read_live_ids
from ._problems import (
    ID,
    PREDICTION,
    era_problems,
    prediction_problems,
    refuse,
)


def validate_submission(
    submission: Any, live_ids: Any, *, allow_ties: bool = False
) -> Any:
    """Check a submission against all that Numerai asks, and for common mistakes.

    Numerai asks for exactly the columns ``id,prediction``; every live id once and no
    other; predictions within [0, 1], none missing, with a standard deviation above 0.
    Refused as well, since it can hardly be meant:

    - ids of which less than half are live: predictions of validation or another round;
    - rows of several eras, where there is a column `era`;
    - predictions of another dtype than numpy's floats and integers, such as truth
      values, complex numbers, or pandas' nullable and pyarrow's dtypes;
    - predictions that differ by at most 1e-9, or have many ties: fewer than 10
      different values (and fewer than half as many as rows), or one value in more than
      half of the rows.

    Nothing is mended. The order of the rows is free.

    Parameters
    ----------
    submission : DataFrame, Table or path-like
        Ids and predictions in two columns, or the CSV file of them.
    live_ids : array-like of str, or DataFrame
        Ids of the round's live rows; or the live rows themselves, with the ids in the
        column `id` or as the index.
    allow_ties : bool, default=False
        Whether to let predictions with many ties pass.

    Returns
    -------
    submission : DataFrame or Table
        What was passed, or what the file holds.

    Raises
    ------
    ValueError
        If there is a problem; the message lists all of them, and what to do. Also if
        the file is no CSV file or `live_ids` cannot be used.
    FileNotFoundError
        If the file is not there.
    TypeError
        If `submission` is neither a frame nor a path.

    See Also
    --------
    submission : Make such a frame from predictions.
    submit : Validate and send it.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.deploy import validate_submission
    >>> frame = pd.DataFrame({"id": ["n1", "n2", "n2"], "prediction": [0.3, 0.7, 1.2]})
    >>> validate_submission(frame, ["n1", "n2", "n3"])
    Traceback (most recent call last):
        ...
    ValueError: `submission` cannot be submitted, it has 3 problems:
    - 1 id ('n2') is more than once: submit one prediction for each id
    - 1 id ('n3') is live and without a prediction: predict every row of the live file
    - 1 row has a prediction outside [0, 1]; they go from 0.3 to 1.2: end the pipeline
      in `EraRank()`, or rank them
    """
    if isinstance(submission, (str, os.PathLike)):
        return validate_file(submission, "submission", live_ids, allow_ties)
    check_flag("allow_ties", allow_ties)
    live = read_live_ids(live_ids)
    _check_table(_as_frame(submission), live, allow_ties, "`submission`")
    return submission


def validate_file(
    path: Address, parameter: str, live_ids: Any, allow_ties: bool
) -> pd.DataFrame:
    """Check a CSV file that the caller knows as ``parameter``; return what it holds."""
    check_flag("allow_ties", allow_ties)
    live = read_live_ids(live_ids)
    path = check_there(path, parameter)
    try:
        frame = read_submission(path.read_bytes())
    except ValueError as error:
        raise ValueError(
            f"`{parameter}` must be a CSV file of ids and predictions; got {path}, "
            f"which cannot be read: {error}"
        ) from None
    _check_table(as_table(frame, name=f"`{parameter}`"), live, allow_ties, path.name)
    return frame


def read_submission(content: bytes) -> pd.DataFrame:
    """Read the text of a CSV file: ids as text, numbers to the last digit."""
    # Unlike pandas 2 by default, pyarrow reads numbers exactly.
    types = ConvertOptions(column_types={ID: pa.string()})
    table = read_csv(pa.BufferReader(content), convert_options=types)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _check_table(
    table: Table, live: "pd.Index[Any]", allow_ties: bool, name: str
) -> None:
    """Refuse what has a problem; ``name`` is what the message calls it."""
    problems = _column_problems(table) + era_problems(table)
    ids = label_index(table, ID) if ID in table.names else None
    if ids is not None:
        problems += id_problems(ids, live)
    if PREDICTION in table.names:
        rows = pd.RangeIndex(table.n_rows) if ids is None else ids
        problems += prediction_problems(table, PREDICTION, rows, allow_ties)
    refuse(problems, name)


def _as_frame(submission: Any) -> Table:
    if isinstance(submission, (pd.Series, np.ndarray)):
        raise TypeError(
            "`submission` must be a frame of ids and predictions, or a path; got "
            f"{type(submission).__name__}: make a frame of it with `submission`"
        )
    return as_table(submission, name="`submission`")


def _column_problems(table: Table) -> list[str]:
    """Tell of columns that are too many, missing or in another order."""
    wanted: list[Any] = [ID, PREDICTION]
    if table.names == wanted:
        return []
    fix = "keep these two alone, in this order"
    index = getattr(table.native, "index", None)
    if ID not in table.names and getattr(index, "name", None) == ID:
        fix = "the ids are the index, which is not sent: call reset_index()"
    elif any(str(name).startswith("Unnamed:") or name == "" for name in table.names):
        fix = "the index was written too: write the file with index=False"
    return [
        f"the columns must be exactly {listed(wanted)}; got {listed(table.names)}: "
        f"{fix}"
    ]
