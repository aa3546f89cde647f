"""Files of rows that are not of parquet, read whole: CSV and Arrow's own."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow.csv import ConvertOptions, read_csv

from skbench._checks import listed
from skbench._parquet import arrow_path

from ._roles import DATA_TYPE, ERA, ID, is_model
from ._unreadable import reading

# What files that are no text begin with.
_PARQUET, _GZIP, _ARROW, _STREAM = b"PAR1", b"\x1f\x8b", b"ARROW1", b"\xff\xff\xff\xff"
_REFUSED = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 2**18
_KINDS = "a parquet, CSV (also .csv.gz) or Feather file"
_AS_CSV = (
    "Write a CSV file as pandas does with to_csv: in UTF-8, its first line the names "
    "of the columns, with commas between columns and points in numbers"
)


def is_parquet(path: Path) -> bool:
    """Whether a file is one of parquet, or calls itself one and is nothing else."""
    head = _head(path, 8)
    known = head.startswith((_GZIP, _ARROW, _STREAM, *_REFUSED)) or _is_text(head)
    return head.startswith(_PARQUET) or (path.suffix == ".parquet" and not known)


def read_table(path: Path) -> pa.Table:
    """Read a file that is not of parquet, by what it begins with."""
    if _is_arrow(path):
        with _arrow_reader(path) as reader:
            return reader.read_all()
    with reading(path, _AS_CSV):
        _, kinds = _columns_of_csv(path)
        options = ConvertOptions(
            column_types=kinds, include_columns=[*kinds], strings_can_be_null=True
        )
        with _text_of(path) as file:
            table = read_csv(file, convert_options=options)
    return table.rename_columns([ID, *table.column_names[1:]])


def read_schema(path: Path) -> pa.Schema:
    """Return the columns that `read_table` gives, without a look at the rows."""
    if _is_arrow(path):
        with _arrow_reader(path) as reader:
            return reader.schema
    with reading(path, _AS_CSV):
        key, kinds = _columns_of_csv(path)
    return pa.schema({ID if name == key else name: kinds[name] for name in kinds})


def _is_arrow(path: Path) -> bool:
    """Whether a file is one of Arrow, or else of CSV; refuse what is neither."""
    head = _head(path, 8)
    for start, what in _REFUSED.items():
        if head.startswith(start):
            raise ValueError(
                f"{path} is {what}, which is not read: save it as {_KINDS}. {_AS_CSV}"
            )
    return head.startswith((_ARROW, _STREAM))


@contextmanager
def _arrow_reader(path: Path) -> Iterator[Any]:
    with reading(path, "Write it again"), pa.memory_map(arrow_path(path)) as file:
        is_file = _head(path, 8).startswith(_ARROW)
        yield (pa.ipc.open_file if is_file else pa.ipc.open_stream)(file)


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _is_text(head: bytes) -> bool:
    return bool(head) and all(byte >= 32 or byte in b"\t\r\n" for byte in head)


def _text_of(path: Path) -> pa.NativeFile:
    compression = "gzip" if _head(path, 8).startswith(_GZIP) else None
    return pa.input_stream(arrow_path(path), compression=compression)


def _columns_of_csv(path: Path) -> tuple[str, dict[str, pa.DataType]]:
    """Return the column of ids of a CSV file, and what columns are read as.

    Ids and eras are text, and all else is floats.
    """
    with _text_of(path) as file:
        names = _header(path, file.read(_HEAD_BYTES))
    key = names[0] if ID not in names and _is_unnamed(names[0]) else ID
    models = [name for name in names if name != key and _is_prediction(name)]
    labels = [name for name in (key, ERA) if name in names]
    if key not in names or len(set(names)) < len(names):
        raise _unlike(
            path,
            f"must have the column {ID!r}, and no name twice; it has {listed(names)}",
        )
    text, floats = pa.large_string(), pa.float64()
    return key, dict.fromkeys(labels, text) | dict.fromkeys(models, floats)


def _is_prediction(name: str) -> bool:
    other = name == DATA_TYPE or _is_unnamed(name)
    return is_model(name, pa.float64()) and not other


def _is_unnamed(name: str) -> bool:
    """Whether a column is an index that pandas wrote without a name."""
    return name == "" or name.startswith("Unnamed:")


def _header(path: Path, head: bytes) -> Sequence[str]:
    """Return the names of the columns of a CSV file."""
    if b"\0" in head:
        raise _unlike(path, f"is not {_KINDS}")
    lines = head.removeprefix(_BOM).lstrip(b"\r\n").splitlines()
    if not lines:
        raise _unlike(path, "is empty")
    try:
        line = lines[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unlike(path, "is not text in UTF-8") from error
    names: Sequence[str] = next(csv.reader([line]))
    for sign in ";", "\t", "|":
        if len(names) == 1 and sign in line:
            raise _unlike(path, f"has {sign!r} between its columns, not commas")
    return names


def _unlike(path: Path, what: str) -> ValueError:
    return ValueError(f"{path} {what}. {_AS_CSV}")
