"""Frames of Dask: their columns, and partitions that hold whole eras."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import dask.dataframe as dd
import pandas as pd

from skbench._checks import (
    check_count,
    check_name,
    did_you_mean,
    is_several,
    listed,
)
from skbench._frames import META_MODEL


def partition_by_era(ddf: Any, era: str = "era", npartitions: int | None = None) -> Any:
    """Shuffle a Dask frame so that each era is in one partition.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Rows in any partitions.
    era : str, default="era"
        The era column.
    npartitions : int, default=None
        Number of partitions of the result; None: as many as there are.

    Returns
    -------
    ddf : dask.dataframe.DataFrame
        The same rows and index in another order; nothing is computed yet.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from skbench.distributed import partition_by_era
    >>> ddf = dd.from_pandas(pd.DataFrame({"era": ["1", "2"] * 4}), npartitions=4)
    >>> whole = partition_by_era(ddf, npartitions=2)
    >>> int(whole.map_partitions(lambda part: part["era"].nunique()).sum().compute())
    2
    """
    check_frame(ddf)
    check_name("era", era)
    check_columns(ddf, [era], "the era column")
    if npartitions is not None:
        check_count("npartitions", npartitions, 1)
    return ddf.shuffle(on=era, npartitions=npartitions)


def made_up(ddf: Any) -> pd.DataFrame:
    """Return one row of the right names and types, none of the frame's own."""
    row: pd.DataFrame = ddf._meta_nonempty.iloc[:1]
    return row


def check_frame(ddf: Any) -> None:
    """Refuse what is no frame of Dask."""
    if not isinstance(ddf, dd.DataFrame):
        raise TypeError(
            f"`ddf` must be a Dask DataFrame of pandas frames; got "
            f"{type(ddf).__name__}. Make one with dask.dataframe.read_parquet"
        )


def check_columns(ddf: Any, names: Sequence[str], what: str) -> None:
    """Refuse a frame that lacks columns; ``what`` says what they are for."""
    columns = list(ddf.columns)
    if missing := [name for name in names if name not in columns]:
        raise ValueError(
            f"`ddf` lacks {listed(missing)}, {what}; it has {listed(columns)}"
            f"{did_you_mean(missing[0], columns)}"
        )


def column_names(ddf: Any, names: Any, parameter: str) -> list[str]:
    """Return the columns that a parameter names: one or several of the frame."""
    if isinstance(names, str):
        names = [names]
    if not is_several(names) or not (names := list(names)):
        raise ValueError(f"`{parameter}` must be names of columns; got {names!r}")
    check_columns(ddf, names, f"named in `{parameter}`")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"`{parameter}` names a column twice: {listed(twice)}")
    return names


def reference_of(ddf: Any, meta_model: str) -> list[str]:
    """Return the column of the Meta Model, if there is one: it must, if it is named."""
    check_name("meta_model", meta_model)
    if meta_model == META_MODEL and meta_model not in ddf.columns:
        return []
    check_columns(ddf, [meta_model], "named in `meta_model`")
    return [meta_model]


def keep_columns(ddf: Any, names: Collection[str]) -> Any:
    """Return the frame with these columns alone, in their order."""
    return ddf[[name for name in ddf.columns if str(name) in names]]
