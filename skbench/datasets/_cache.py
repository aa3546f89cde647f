"""Copies of Numerai's files that are kept as the server has them.

Beside each copy stands a record: which version of the file it was made from. A file
without one was put there by the user, and is never written to.
"""

import errno
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skbench._disk import OF_DISKS, cannot_write, disk_errors
from skbench._files import written_whole
from skbench._locks import locked
from skbench._parquet import open_parquet, parquet_writer
from skbench._progress import tell
from skbench.tournament import (
    DATA_TYPE,
    ERA,
    ID,
    index_columns,
    read_record,
    reading,
    record_path,
    write_record,
)

from ._remote import BLOCK, RemoteFile

_ELSEWHERE = "name another folder as `data_home`"
_ADVICE = "Delete it, and call again"


def make_folder(folder: Path) -> None:
    """Make a folder for copies."""
    with disk_errors(folder, elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def alone_with(path: Path, progress: bool) -> Iterator[None]:
    """Wait while another call makes a copy, to go on from what it has made."""

    def busy(owner: str) -> None:
        shown = progress and sys.stderr.isatty()
        tell(f"waiting for {owner}, which is fetching {path}", shown)

    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, busy))
        except OSError as error:
            # Where nothing can be written, a complete folder may still be read.
            if error.errno not in OF_DISKS:
                raise
        yield


def keep_whole(
    remote: RemoteFile,
    path: Path,
    *,
    source: str | None = None,
    check: Callable[[Path], object] | None = None,
    progress: bool = False,
) -> None:
    """Make ``path`` a copy of a file on the server, unless it is one already.

    ``source`` is the release that it is taken from, where that is another than that of
    the folder, and ``check`` refuses a copy that does not fit before it is put there.
    """
    size = remote.identity.size
    if _is_current(path, remote):
        return
    with (
        _replaced(path, remote, size, source=source) as unfinished,
        remote.shown(size, progress),
    ):
        with unfinished.open("wb") as file:
            while block := remote.read(BLOCK):
                file.write(block)
        _check_whole(unfinished, remote)
        if check is not None:
            check(unfinished)


def keep_columns(
    remote: RemoteFile,
    path: Path,
    choose: Callable[[Sequence[str]], Sequence[str]],
    *,
    progress: bool = False,
) -> None:
    """Make ``path`` hold some columns of a Parquet file on the server.

    ``choose`` is given the names of all columns and returns those that are wanted; ids,
    eras and data types always are. Columns that ``path`` has are not read again.
    """
    held: Sequence[str] = ()
    if _is_current(path, remote):
        held = _columns_of(path)
        record = read_record(path)
        if set(choose(record["columns"] if record else held)) <= set(held):
            return
    with _clear_format_errors(remote):
        source = open_parquet(remote, pre_buffer=True)
    names = source.schema_arrow.names
    ids = _id_columns(source.schema_arrow)
    wanted = {*ids, ERA, DATA_TYPE, *choose(names)} - set(held)
    # To merge columns, ids are read again and compared.
    read = [name for name in names if name in wanted or name in ids]
    size = _compressed_size(source, read)
    with (
        _clear_format_errors(remote),
        _replaced(path, remote, size, names) as unfinished,
        remote.shown(size, progress),
    ):
        _write_groups(unfinished, source, read, path if held else None)


def _columns_of(path: Path) -> Sequence[str]:
    with reading(path, _ADVICE):
        names: Sequence[str] = open_parquet(path).schema_arrow.names
    return names


def _write_groups(
    unfinished: Path, source: pq.ParquetFile, read: Sequence[str], copy: Path | None
) -> None:
    """Write columns of the server's file, and all of an older copy, by row groups."""
    with open_parquet(copy) if copy else nullcontext() as old:
        held = old.schema_arrow.names if old else []
        names = [n for n in source.schema_arrow.names if n in {*read, *held}]
        schema = _part_of(source.schema_arrow, names)
        if old and old.num_row_groups != source.num_row_groups:
            raise _other_rows(copy)
        with parquet_writer(unfinished, schema) as writer:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group, columns=list(read))
                if old and copy:
                    table = _merged(_group_of(old, group, copy), table, copy)
                table = table.select(names).replace_schema_metadata(schema.metadata)
                writer.write_table(table, row_group_size=max(len(table), 1))


def _group_of(old: pq.ParquetFile, group: int, copy: Path) -> pa.Table:
    with reading(copy, _ADVICE):
        return old.read_row_group(group)


def _merged(old: pa.Table, new: pa.Table, copy: Path | None) -> pa.Table:
    """Add the new columns to the old ones; those that both have must be equal."""
    both = set(old.column_names) & set(new.column_names)
    if len(old) != len(new) or any(not old[name].equals(new[name]) for name in both):
        raise _other_rows(copy)
    for name in new.column_names:
        if name not in both:
            old = old.append_column(new.schema.field(name), new[name])
    return old


def _other_rows(copy: Path | None) -> ValueError:
    return ValueError(
        f"{copy} has other rows than the server's file that it was made from: delete "
        "it, and call again"
    )


def _part_of(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """Return the schema of some columns, with what pandas noted about those alone."""
    metadata = dict(schema.metadata or {})
    if b"pandas" in metadata:
        notes = json.loads(metadata[b"pandas"])
        notes["columns"] = [c for c in notes["columns"] if c["field_name"] in names]
        metadata[b"pandas"] = json.dumps(notes).encode()
    return pa.schema([schema.field(name) for name in names], metadata)


def _id_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that name the rows: the index pandas wrote, or `id`."""
    return index_columns(schema) or [name for name in schema.names if name == ID]


def _compressed_size(source: pq.ParquetFile, names: Sequence[str]) -> int:
    places = [source.schema_arrow.names.index(name) for name in names]
    groups = map(source.metadata.row_group, range(source.num_row_groups))
    return sum(
        group.column(i).total_compressed_size for group in groups for i in places
    )


def _check_whole(path: Path, remote: RemoteFile) -> None:
    """Check that a file came as long as the server's, and reads as what it is."""
    size = path.stat().st_size
    if size != remote.identity.size:
        raise ConnectionError(
            f"{size} of the {remote.identity.size} bytes of {remote.name} came: call "
            "again"
        )
    with _clear_format_errors(remote):
        _read_as_what_it_is(path)


def _read_as_what_it_is(path: Path) -> None:
    if path.suffix == ".parquet":
        open_parquet(path).close()
    else:
        json.loads(path.read_bytes())


@contextmanager
def _clear_format_errors(remote: RemoteFile) -> Iterator[None]:
    """Say which file it is that cannot be read as what it is."""
    try:
        yield
    except (pa.ArrowException, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _unreadable(remote, error) from error
    except OSError as error:
        # What pyarrow says of a wrong checksum has no number.
        if error.errno is not None or isinstance(error, ConnectionError):
            raise
        raise _unreadable(remote, error) from error


def _unreadable(remote: RemoteFile, error: Exception) -> ConnectionError:
    return ConnectionError(
        f"what came as {remote.name} cannot be read ({error}): call again later"
    )


# Which version of a file a copy was made from


def _is_current(path: Path, remote: RemoteFile) -> bool:
    """Whether a copy is of the version that the server has now."""
    if not path.exists():
        return False
    record = read_record(path)
    if record is not None:
        return bool(record["remote"] == remote.identity._asdict())
    size = path.stat().st_size
    if size == remote.identity.size:
        return True
    if _is_damaged_copy(path):
        return False
    raise FileExistsError(
        f"{path} was not put there by skbench, and is not the file that the server has "
        f"now ({size} bytes against {remote.identity.size}): move it away to have it "
        "fetched, or use it as it is"
    )


def _is_damaged_copy(path: Path) -> bool:
    """Whether a file is of another size than our copy was, and nothing to read."""
    if not record_path(path).is_file():
        return False
    try:
        _read_as_what_it_is(path)
    except (pa.ArrowException, ValueError):
        return True
    return False


@contextmanager
def _replaced(
    path: Path,
    remote: RemoteFile,
    size: int,
    columns: Sequence[str] | None = None,
    source: str | None = None,
) -> Iterator[Path]:
    """Yield a name to write a new copy to, of about so many bytes."""
    if (free := shutil.disk_usage(path.parent).free) < size:
        reason = f"{size} bytes are needed, {free} are free"
        raise cannot_write(path, errno.ENOSPC, reason, elsewhere=_ELSEWHERE)
    with disk_errors(path, elsewhere=_ELSEWHERE):
        with written_whole(path) as unfinished:
            yield unfinished
            # Whatever happens from here on, no old record vouches for the new copy.
            write_record(path)
        write_record(path, remote.identity._asdict(), columns, source)
