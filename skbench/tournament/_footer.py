"""The footer of a parquet file, some row groups at a time where it is large.

pyarrow reads a footer whole, and needs 1 kB for each column of each row group: half a
gigabyte for 600 eras of 783 columns, far more than the rows of a batch. So the row
groups are found in the bytes of a large footer, and pyarrow gets one with some of them.

References
----------
Apache Parquet, ``parquet.thrift``. Apache Thrift, "Thrift compact protocol encoding".
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

T = TypeVar("T")

_MAGIC = b"PAR1"
_ROW_GROUPS = 4  # number of their field in the footer
_WINDOW = 2**20
# Bytes in the file; pyarrow needs some ten times as many.
_LARGE = 2**21
# pyarrow is given a footer of so many, which takes some 4 MB.
_COLUMN_CHUNKS = 2**12

# Kinds of values.
_BOOLEANS, _INTEGERS, _LISTS = (1, 2), (4, 5, 6), (9, 10)
_BYTE, _BINARY, _STRUCT = 3, 8, 12
_SIZES = {1: 0, 2: 0, _BYTE: 1, 7: 8}  # in bytes, of those that have one


class Footer(ABC):
    """What a parquet file says of its row groups."""

    @property
    @abstractmethod
    def n_groups(self) -> int:
        """Number of row groups."""

    @abstractmethod
    def part(
        self, file: Any, first: int, stop: int
    ) -> tuple[pq.FileMetaData, list[int]]:
        """Return a footer that has these row groups, and which of its own they are."""

    def schema(self, file: Any) -> pa.Schema:
        """Return the columns."""
        return self.part(file, 0, 0)[0].schema.to_arrow_schema()

    def n_rows(self, file: Any, n_columns: int) -> list[int]:
        """Return the number of rows of each row group."""
        found = []
        for first, stop in self.pieces(n_columns):
            metadata, groups = self.part(file, first, stop)
            found += [metadata.row_group(group).num_rows for group in groups]
        return found

    def pieces(self, n_columns: int) -> list[tuple[int, int]]:
        """Divide the row groups into runs whose footer is small."""
        size = max(1, _COLUMN_CHUNKS // max(1, n_columns))
        starts = range(0, self.n_groups, size)
        return [(first, min(first + size, self.n_groups)) for first in starts]


@dataclass(frozen=True)
class WholeFooter(Footer):
    """A small footer, as pyarrow holds it."""

    metadata: pq.FileMetaData

    @property
    def n_groups(self) -> int:
        """Number of row groups."""
        count: int = self.metadata.num_row_groups
        return count

    def part(
        self, file: Any, first: int, stop: int
    ) -> tuple[pq.FileMetaData, list[int]]:
        """Return the footer, which has all row groups."""
        return self.metadata, [*range(first, stop)]


@dataclass(frozen=True)
class DividedFooter(Footer):
    """Where the parts of a footer are in its file; none of them is held."""

    start: int
    groups_start: int  # of the list of row groups
    group_stops: list[int]  # the first: where the first row group begins
    stop: int

    @property
    def n_groups(self) -> int:
        """Number of row groups."""
        return len(self.group_stops) - 1

    def part(
        self, file: Any, first: int, stop: int
    ) -> tuple[pq.FileMetaData, list[int]]:
        """Read the footer as if the file had these row groups alone."""
        parts = [
            _read(file, self.start, self.groups_start),
            _as_list_header(stop - first),
            _read(file, self.group_stops[first], self.group_stops[stop]),
            _read(file, self.group_stops[-1], self.stop),
        ]
        footer = b"".join(parts)
        size = len(footer).to_bytes(4, "little")
        whole = pa.BufferReader(_MAGIC + footer + size + _MAGIC)
        return pq.read_metadata(whole), [*range(stop - first)]


def read_footer(file: Any) -> Footer:
    """Read the footer of a parquet file, or find its parts if it is large.

    Raises `pyarrow.ArrowInvalid`, as pyarrow does, where it is none.
    """
    stop = file.size() - 8
    end = _read(file, max(0, stop), file.size())
    start = stop - int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or start < len(_MAGIC):
        raise pa.ArrowInvalid("it does not end in a parquet footer")
    if stop - start < _LARGE:
        file.seek(0)
        return WholeFooter(pq.read_metadata(file))
    list_start, first, count = _grown(file, start, stop, _row_groups)
    stops = [start + first]
    while len(stops) <= count:
        missing = count + 1 - len(stops)
        ends = _grown(file, stops[-1], stop, partial(_ends, count=missing))
        stops += [stops[-1] + end for end in ends]
    return DividedFooter(start, start + list_start, stops, stop)


def _read(file: Any, start: int, stop: int) -> bytes:
    file.seek(start)
    data: bytes = file.read(stop - start)
    return data


def _grown(file: Any, start: int, stop: int, parse: Callable[[bytes], T]) -> T:
    """Parse some bytes, and more of them where they turn out to be too few."""
    size = _WINDOW
    while True:
        try:
            return parse(_read(file, start, min(start + size, stop)))
        except IndexError:
            if start + size >= stop:
                raise _damaged() from None
        except RecursionError:
            raise _damaged() from None
        size *= 2


def _damaged() -> Exception:
    error: Exception = pa.ArrowInvalid("its footer is damaged")
    return error


def _row_groups(data: bytes) -> tuple[int, int, int]:
    """Return where their list begins, where the first does, and their number."""
    at = field = 0
    while header := data[at]:
        field += header >> 4  # fields come in order, without gaps so far
        if field == _ROW_GROUPS:
            count, _, first = _list_header(data, at + 1)
            return at + 1, first, count
        at = _end(data, at + 1, header & 15)
    raise _damaged()


def _ends(data: bytes, count: int) -> list[int]:
    """Return where structs end, of so many: those that end in these bytes."""
    ends: list[int] = []
    at = 0
    try:
        while len(ends) < count:
            at = _end(data, at, _STRUCT)
            ends.append(at)
    except IndexError:
        if not ends:
            raise
    return ends


def _end(data: bytes, at: int, kind: int) -> int:
    """Return where a value ends that begins here."""
    if kind in _INTEGERS:
        while data[at] & 0x80:
            at += 1
        return at + 1
    if kind == _STRUCT:
        while header := data[at]:
            at += 1
            if not header >> 4:  # the number of the field comes on its own
                at = _end(data, at, _INTEGERS[0])
            at = _end(data, at, header & 15)
        return at + 1
    if kind == _BINARY:
        size, at = _number(data, at)
        return at + size
    if kind in _LISTS:
        count, kind, at = _list_header(data, at)
        for _ in range(count):
            # On its own a boolean is its kind; in a list it takes a byte.
            at = _end(data, at, _BYTE if kind in _BOOLEANS else kind)
        return at
    if kind in _SIZES:
        return at + _SIZES[kind]
    raise _damaged()


def _as_list_header(count: int) -> bytes:
    """Write the beginning of a list of structs."""
    if count < 15:
        return bytes([count << 4 | _STRUCT])
    header = [15 << 4 | _STRUCT]
    while count > 127:
        header.append(count & 0x7F | 0x80)
        count >>= 7
    return bytes([*header, count])


def _list_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the number of elements, their kind, and where the first begins."""
    count, kind = data[at] >> 4, data[at] & 15
    at += 1
    if count == 15:
        count, at = _number(data, at)
    return count, kind, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | data[at] << shift, at + 1
