"""Parquet files as one sequence of rows."""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from skbench._checks import check_count, did_you_mean, listed
from skbench._files import check_apart
from skbench._parquet import arrow_path, open_parquet, python_path

from ._footer import Footer, read_footer
from ._roles import index_columns
from ._unreadable import one_line, why_unreadable

# What is read at a time of all columns: a row group may be larger than memory.
_BUFFER_BYTES = 2**23
_CHUNK_BYTES = 2**20
_COLUMN_CHUNKS = 500
# Unless the caller says otherwise, a batch is at least so large.
_BATCH_BYTES = 2**25
_BYTES_OF_TEXT = 64


@dataclass(frozen=True)
class _File:
    path: str
    filesystem: Any
    constants: dict[str, Any]  # columns that stand in the names of folders

    @contextmanager
    def open(self) -> Iterator[Any]:
        with self.filesystem.open_input_file(self.path) as file:
            yield file

    def stamp(self) -> list[Any]:
        """Tell the file from another one that takes its place."""
        info = self.filesystem.get_file_info(self.path)
        return [info.path, info.size, info.mtime_ns]

    def layout(self, advice: str) -> tuple[pa.Schema, Footer, list[int]]:
        """Return the columns, where the row groups are, and their numbers of rows."""
        try:
            with self.open() as file:
                footer = read_footer(file)
                schema = footer.schema(file)
                n_rows = footer.n_rows(file, len(schema.names))
        except (pa.ArrowException, OSError) as error:
            why = why_unreadable(Path(self.path), error, advice)
            raise ValueError(f"{self.path} cannot be read: {why}") from error
        for name, value in self.constants.items():
            if name not in schema.names:
                schema = schema.append(pa.field(name, pa.scalar(value).type))
        return schema, footer, n_rows


def open_source(source: Any) -> "Source":
    """Open what a user names; a source that is open already is taken as it is."""
    return source if isinstance(source, Source) else Source(source)


class Source:
    """One or many parquet files, or a dataset of them, in reading order.

    ``advice`` says what to do about files that are damaged.
    """

    def __init__(self, source: Any, advice: str = "") -> None:
        self.files, self._advice = _files(source), advice
        self._stamps = {file.path: file.stamp() for file in self.files}
        self.schema, footer, n_rows = self.files[0].layout(advice)
        self._layouts = [(self.files[0], footer, n_rows)]
        for file in self.files[1:]:
            schema, footer, n_rows = file.layout(advice)
            self.schema = self._common(file, schema)
            self._layouts.append((file, footer, n_rows))
        self.n_rows = sum(sum(groups) for _, _, groups in self._layouts)
        if self.n_rows == 0:
            paths = ", ".join(file.path for file in self.files)
            raise ValueError(". ".join(filter(None, [f"{paths} has no rows", advice])))

    def stamp(self) -> list[Any]:
        """Tell this source from another, or from what it was before."""
        return [file.stamp() for file in self.files]

    def batch_rows(self, batch_rows: int | None, columns: Collection[str]) -> int:
        """Rows at least in a batch."""
        if batch_rows is None:
            widths = [_bytes_of(self.schema.field(name).type) for name in columns]
            return max(1, _BATCH_BYTES // sum(widths))
        check_count("batch_rows", batch_rows, 1)
        return int(batch_rows)

    def check_columns(self, names: Collection[Hashable], what: str) -> None:
        """Refuse to read what is not there."""
        if missing := [name for name in names if name not in self.schema.names]:
            raise ValueError(
                f"`source` lacks {listed(missing)}, {what}; it has "
                f"{listed(self.schema.names)}"
                f"{did_you_mean(missing[0], self.schema.names)}"
            )

    def check_era(self, era: str) -> None:
        """Refuse a source without an era column that a pipeline can see."""
        self.check_columns([era], "the era column")
        if era in self.index():
            raise ValueError(
                f"the eras {era!r} are the index of `source`, where they must be a "
                "column: write it after reset_index()"
            )

    def check_apart(self, target: Path) -> None:
        """Refuse to write over what is being read."""
        check_apart(target, "target", [python_path(f.path) for f in self.files])

    def index(self) -> list[str]:
        """Columns that pandas takes as the index."""
        return index_columns(self.schema)

    def whole(self) -> pa.Table:
        """Read all rows at once."""
        chunks = list(self.chunks(self.schema.names))
        return pa.concat_tables(chunks).replace_schema_metadata(self.schema.metadata)

    def chunks(self, columns: Sequence[str], skip: int = 0) -> Iterator[pa.Table]:
        """Yield some columns of all rows but the first, about a megabyte at a time."""
        for start, chunk in self.placed(columns, lambda _, stop: stop > skip):
            if start + len(chunk) > skip:
                yield chunk.slice(max(0, skip - start))

    def placed(
        self,
        columns: Sequence[str],
        is_needed: Callable[[int, int], bool],
        chunk_bytes: int = _CHUNK_BYTES,
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield the rows of row groups that are needed, and where each chunk begins.

        ``is_needed`` is asked with the rows at which a group begins and ends.
        """
        width = sum(_bytes_of(self.schema.field(name).type) for name in columns)
        n_rows = min(2**16, max(2**12, chunk_bytes // max(1, width)))
        for file, footer, groups, start in self._needed(is_needed):
            for chunk in self._read(file, footer, groups, columns, n_rows):
                yield start, chunk
                start += len(chunk)

    def _needed(
        self, is_needed: Callable[[int, int], bool]
    ) -> Iterator[tuple[_File, Footer, tuple[int, int], int]]:
        """Yield runs of row groups that are needed, and the row where each begins."""
        stop = 0
        for file, footer, groups in self._layouts:
            starts = [*accumulate(groups, initial=stop)]
            stop = starts[-1]
            needed = [is_needed(*ends) for ends in pairwise(starts)]
            for first, last in footer.pieces(len(self.schema.names)):
                for is_read, run in groupby(range(first, last), needed.__getitem__):
                    if is_read:
                        part = [*run]
                        yield file, footer, (part[0], part[-1] + 1), starts[part[0]]

    def _read(
        self,
        file: _File,
        footer: Footer,
        groups: tuple[int, int],
        columns: Sequence[str],
        n_rows: int,
    ) -> Iterator[pa.Table]:
        stored = [name for name in columns if name not in file.constants]
        buffer = min(2**20, max(2**16, _BUFFER_BYTES // max(1, len(stored))))
        first, stop = groups
        try:
            with file.open() as opened:
                # Of another file, a footer would give other numbers than those meant.
                if file.stamp() != self._stamps[file.path]:
                    raise _replaced(file)
                metadata, row_groups = footer.part(opened, first, stop)
                parquet = open_parquet(
                    opened,
                    metadata=metadata,
                    buffer_size=buffer,
                    pre_buffer=False,
                )
                # With no column to read there would be no rows to add constants to.
                stored = stored or parquet.schema_arrow.names[:1]
                for batch in _batches(parquet, n_rows, row_groups, stored):
                    yield self._complete(pa.Table.from_batches([batch]), file, columns)
        except (pa.ArrowException, OSError) as error:
            if stop - first > 1:  # look for the one that is to be named
                for group in range(first, stop):
                    alone = self._read(
                        file, footer, (group, group + 1), columns, n_rows
                    )
                    deque(alone, maxlen=0)
            raise ValueError(
                f"{file.path} cannot be read in row group {first}: "
                f"{why_unreadable(Path(file.path), error, self._advice)}"
            ) from error

    def _complete(
        self, table: pa.Table, file: _File, columns: Sequence[str]
    ) -> pa.Table:
        """Add the columns that the folders name; the types are those of all files."""
        for name in file.constants.keys() & set(columns):
            column = pa.repeat(pa.scalar(file.constants[name]), len(table))
            table = table.append_column(name, column)
        fields = [self.schema.field(name) for name in columns]
        schema = pa.schema(fields, self.schema.metadata)
        table = table.select(columns)
        if table.schema.types == schema.types:  # as mostly: a cast is not free
            return pa.table(table.columns, schema=schema)
        return table.cast(schema)

    def _common(self, file: _File, schema: pa.Schema) -> pa.Schema:
        """Columns of the first file, of types that hold the values of this as well."""
        first = self.schema
        if missing := set(first.names) - set(schema.names):
            raise ValueError(
                f"{file.path} lacks {listed(sorted(missing))}, which "
                f"{self.files[0].path} has: files of one source have one layout"
            )
        alike = pa.schema([schema.field(name) for name in first.names])
        try:
            # An int8 feature may be a float in another file, where some are missing.
            unified = pa.unify_schemas([first, alike], promote_options="permissive")
        except pa.ArrowException as error:
            raise ValueError(
                "files of one source must agree on the types of their columns, but "
                f"{file.path} differs: {error}"
            ) from error
        return unified.with_metadata(first.metadata)


def _replaced(file: _File) -> ValueError:
    return ValueError(f"{file.path} was replaced while it was being read: call again")


def _batches(
    parquet: Any, n_rows: int, row_groups: Sequence[int], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of row groups, few of which are open at a time."""
    size = max(1, _COLUMN_CHUNKS // len(columns))
    for k in range(0, len(row_groups), size):
        # Threads of pyarrow's would each hold memory, and wait for one another.
        yield from parquet.iter_batches(
            n_rows, row_groups[k : k + size], columns=columns, use_threads=False
        )


def _bytes_of(dtype: pa.DataType) -> int:
    """Bytes of a value in memory."""
    try:
        return max(1, int(dtype.bit_width) // 8)
    except ValueError:  # text, of any length
        return _BYTES_OF_TEXT


def _files(source: Any) -> list[_File]:
    if not isinstance(source, ds.Dataset):
        paths = source if isinstance(source, list | tuple) else [source]
        if not paths:
            raise ValueError("`source` must name at least one parquet file; got none")
        for path in paths:
            if not Path(path).exists():
                raise FileNotFoundError(f"`source` {path} is not there")
        source = _dataset([arrow_path(path) for path in paths])
    if not isinstance(source, ds.FileSystemDataset):
        raise TypeError(
            f"`source` must be parquet files; got a {type(source).__name__}"
        )
    return [
        _File(
            fragment.path,
            fragment.filesystem,
            ds.get_partition_keys(fragment.partition_expression),
        )
        for fragment in source.get_fragments()
    ]


def _dataset(paths: list[str]) -> ds.Dataset:
    source = paths[0] if len(paths) == 1 else paths
    try:
        # With a schema pyarrow leaves the footers alone, which may be large.
        files = ds.dataset(source, schema=pa.schema([]))
        if any("=" in file for file in files.files):
            return ds.dataset(source, partitioning="hive")
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"`source` cannot be read as parquet files: {one_line(error)}"
        ) from error
    return files
