"""What the columns of Numerai's files are, and which a file must have."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from skbench._checks import listed
from skbench._frames import META_MODEL

ERA = "era"
ID = "id"
DATA_TYPE = "data_type"


class HasColumns(Protocol):
    """What is needed of a file to choose columns of it."""

    path: Path
    types: dict[str, pa.DataType]


def index_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that pandas takes as the index."""
    columns = (schema.pandas_metadata or {}).get("index_columns", [])
    # An index that only counts the rows is no column, and is described by a dict.
    return [name for name in columns if isinstance(name, str)]


def id_column(schema: pa.Schema, path: Path) -> str:
    """Return the column of ids: that name or, failing that, the index pandas wrote.

    Raises where the file has no such column, none of eras, or two of one name.
    """
    name = find_id(schema, path)
    if not {name, ERA} <= set(schema.names):
        raise ValueError(
            f"{path} must have the columns {ID!r} and {ERA!r}; "
            f"it has {listed(schema.names)}"
        )
    return name


def find_id(schema: pa.Schema, path: Path) -> str:
    """Return what must be the column of ids, there or not; refuse two of one name."""
    if len(set(schema.names)) < len(schema.names):
        raise ValueError(f"{path} has two columns of one name")
    index = index_columns(schema)
    return index[0] if ID not in schema.names and len(index) == 1 else ID


def check_numeric(file: HasColumns, names: Iterable[str]) -> None:
    """Refuse to read anything but numbers from these columns."""
    for name in names:
        kind = file.types[name]
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise ValueError(
                f"column {name!r} of {file.path} must hold numbers; its type is {kind}"
            )


def is_model(name: str, kind: pa.DataType) -> bool:
    """Whether a column is taken for predictions of a model."""
    other = name.startswith(("feature", "target")) or name in (ID, ERA, META_MODEL)
    return pa.types.is_floating(kind) and not other


def check_meta_model(file: HasColumns) -> None:
    """Refuse a file without the Meta Model."""
    if META_MODEL not in file.types:
        raise ValueError(
            f"{file.path} must have the column {META_MODEL!r}; it has "
            f"{listed(file.types)}"
        )
