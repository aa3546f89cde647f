"""Predictions of whatever kind of file or frame: ids, eras and models of them."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from skbench._checks import listed
from skbench._files import check_there
from skbench._frames import to_arrow
from skbench._parquet import arrow_path
from skbench._warnings import warn

from ._any_file import is_parquet, read_schema, read_table
from ._era_file import EraFile
from ._match import check_unique, find
from ._roles import ERA, ID, find_id, is_model
from ._source import Source
from ._whole_eras import as_text, plain

# What ensembles call their column, which says nothing beside others of its kind.
ANONYMOUS = "prediction"

# Endings of files of predictions; what is read goes by what files begin with.
ENDINGS = (".parquet", ".csv", ".csv.gz", ".feather", ".arrow", ".ipc")


def name_of(path: Path) -> str:
    """Return the name of a file without its ending."""
    name = arrow_path(path.name)
    ending = ".csv.gz"
    return name.removesuffix(ending) if name.endswith(ending) else Path(name).stem


def is_file(given: Any) -> bool:
    """Whether predictions are in a file, by its path, and not in a frame."""
    return isinstance(given, str | os.PathLike)


def path_of(name: str, given: Any) -> Path:
    """Return what messages call a file or frame."""
    return Path(given) if is_file(given) else Path(f"predictions[{name!r}]")


def open_given(name: str, given: Any) -> tuple[Path, Source | pa.Table]:
    """Open a file or frame; return what messages call it, and its rows.

    The rows are a source where they can be read an era at a time. Elsewhere they are a
    table of the ids, the eras if there are any, and predictions.
    """
    if is_file(given):
        path = check_there(given, "predictions")
        if not is_parquet(path):
            return path, in_roles(read_table(path), path)
        source = Source(path)
        if ERA in source.schema.names and not _has_whole_numbers(source.schema):
            return path, source
        return path, in_roles(source.whole(), path)
    path = path_of(name, given)
    return path, in_roles(_arrow_of(given, path), path)


def _arrow_of(given: Any, path: Path) -> pa.Table:
    frame = given.to_frame(ANONYMOUS) if isinstance(given, pd.Series) else given
    return to_arrow(frame, f"`{path}`")


def models_of_given(name: str, given: Any) -> tuple[Path, list[str]]:
    """Return what messages call a file or frame, and its models; no row is read."""
    if not is_file(given):
        path = path_of(name, given)
        schema = _arrow_of(given, path).schema
    else:
        path = check_there(given, "predictions")
        schema = Source(path).schema if is_parquet(path) else read_schema(path)
    models = _models_of(schema, path)
    return path, [name if model == ANONYMOUS else model for model in models]


def _models_of(schema: pa.Schema, path: Path) -> list[str]:
    """Return the columns of predictions, of which there must be one."""
    key = _check_id(schema, path)
    kinds = dict(zip(schema.names, schema.types, strict=True))
    if _has_whole_numbers(schema):
        kinds[ANONYMOUS] = pa.float64()
    models = [name for name in kinds if name != key and is_model(name, kinds[name])]
    check_any(models, kinds, path)
    return models


def read_given(name: str, given: Any) -> tuple[Path, pa.Table]:
    """Read a file or frame whole, as `open_given` reads what is no parquet file."""
    path, rows = open_given(name, given)
    return path, in_roles(rows.whole(), path) if isinstance(rows, Source) else rows


def check_any(columns: Sequence[str], known: Collection[str], path: Path) -> None:
    """Refuse what has no predictions."""
    if not columns:
        raise ValueError(
            f"{path} has no predictions: it must have a floating-point column, such as "
            f"{ANONYMOUS!r}; it has {listed(known)}"
        )


def _has_whole_numbers(schema: pa.Schema) -> bool:
    """Whether predictions are whole numbers, as ranks are; other columns count."""
    named = ANONYMOUS in schema.names
    return named and pa.types.is_integer(schema.field(ANONYMOUS).type)


def in_roles(table: pa.Table, path: Path) -> pa.Table:
    """Return ids, eras if there are any, and predictions; what is no such is left."""
    key = _check_id(table.schema, path)
    if not len(table):
        raise ValueError(f"{path} has no rows")
    columns = {ID: as_text(_without_views(table[key]))}
    if ERA in table.column_names:
        columns[ERA] = plain(_without_views(table[ERA]))
    columns |= {name: table[name] for name in _models_of(table.schema, path)}
    if _has_whole_numbers(table.schema):
        columns[ANONYMOUS] = table[ANONYMOUS].cast(pa.float64())
    return pa.table(columns, metadata=_without_index(table.schema.metadata))


def _without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return labels without the views of text that polars writes, which few can use."""
    kind, text = column.type, pa.large_string()
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        parts = [
            part.dictionary.cast(text).take(part.indices) for part in column.chunks
        ]
        return pa.chunked_array(parts, text)
    return column.cast(text) if pa.types.is_string_view(kind) else column


def _check_id(schema: pa.Schema, path: Path) -> str:
    """Return the column of ids, which must be there."""
    name = find_id(schema, path)
    if name not in schema.names:
        raise ValueError(
            f"{path} must have the column {ID!r}; it has {listed(schema.names)}"
        )
    return name


def _without_index(metadata: dict[bytes, bytes] | None) -> dict[bytes, bytes]:
    """Return what a file says of its rows, but not which column pandas may index."""
    return {key: told for key, told in (metadata or {}).items() if key != b"pandas"}


def with_eras(table: pa.Table, path: Path, known: Sequence[Path]) -> pa.Table:
    """Return a table with the eras that files have for its ids, if it has none.

    Rows of which no era is known are left out.
    """
    if ERA in table.column_names:
        return table
    if not known:
        raise ValueError(
            f"{path} must have the columns {ID!r} and {ERA!r}; it has "
            f"{listed(table.column_names)}"
        )
    check_unique(table[ID], path)
    ids, eras = _ids_and_eras(known)
    places = pa.array(find(ids, table[ID]))
    places = pc.if_else(pc.less(places, 0), None, places)
    if places.null_count == len(table):
        raise ValueError(
            f"{path} has none of the ids of {known[0]}, such as {ids[0].as_py()!r}: "
            f"its own are as {table[ID][0].as_py()!r}. Predict the rows of this release"
        )
    if places.null_count:
        warn(f"{places.null_count} ids of {path} have no partner and are left out")
    table = table.append_column(ERA, eras.take(places))
    return table.filter(places.is_valid())


def _ids_and_eras(paths: Sequence[Path]) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Read the ids of files, and the era of each as text."""
    ids: list[pa.ChunkedArray] = []
    eras = []
    for file in map(EraFile, paths):
        ids += [as_text(chunk[file.id]) for chunk in file.source.chunks([file.id])]
        runs = file.runs.values()
        labels = pa.array([str(run.label) for run in runs], pa.large_string())
        codes = np.repeat(np.arange(len(labels)), [run.n_rows for run in runs])
        eras.append(labels.take(pa.array(codes)))
    chunks = [chunk for column in ids for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.large_string()), pa.chunked_array(eras)
