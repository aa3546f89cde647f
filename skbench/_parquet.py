"""Parquet files: whatever is written has checksums, and they are checked on reading.

Without one, a flipped bit in the numbers of an uncompressed page is another number, and
nothing tells.
"""

import os
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ._files import Address


def arrow_path(path: Address) -> str:
    """Return a path as pyarrow takes it: as UTF-8, whatever the locale is."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def python_path(path: str) -> str:
    """Return a path of pyarrow's as Python takes it."""
    return os.fsdecode(path.encode("utf-8", "surrogateescape"))


def open_parquet(file: Any, **options: Any) -> pq.ParquetFile:
    """Open a file by its path, or one that is open, to read it in parts."""
    if isinstance(file, (str, os.PathLike)):
        file = arrow_path(file)
    return pq.ParquetFile(file, page_checksum_verification=True, **options)


def read_parquet(path: Address, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a file whole, or some of its columns."""
    with open_parquet(path) as file:
        return file.read(columns)


def parquet_writer(
    path: Address, schema: pa.Schema, **options: Any
) -> pq.ParquetWriter:
    """Begin a file, to be written in parts."""
    return pq.ParquetWriter(
        arrow_path(path), schema, write_page_checksum=True, **options
    )
