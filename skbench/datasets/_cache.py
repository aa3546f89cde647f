"""Copies of Numerai's files that are kept as the server has them.

Beside each copy stands a record: which version of the file it was made from. A file
without one was put there by the user, and is never written to.
"""

import errno
import json
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skbench._files import is_unfinished, written_whole

from ._parquet import DATA_TYPE, ERA, ID
from ._record import read_record, record_path, why_unreadable, write_record
from ._remote import BLOCK, RemoteFile

# Nobody writes to an unfinished file any more after so many seconds, which is longer
# than all attempts to get one block take.
_STALE_AFTER = 3600
_DISK_ERRORS = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
)


def make_folder(folder: Path, names: Collection[str]) -> None:
    """Make a folder for copies of these names.

    What earlier calls left unfinished is removed, and nothing else.
    """
    with _clear_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        ours = [folder / name for name in names]
        ours += [record_path(path) for path in ours]
        for found in folder.glob(".*.part.*"):
            if any(is_unfinished(found.name, path) for path in ours):
                _remove_if_stale(found)


def keep_whole(remote: RemoteFile, path: Path, *, progress: bool = False) -> None:
    """Make ``path`` a copy of a file on the server, unless it is one already."""
    size = remote.identity.size
    if _is_current(path, remote):
        return
    with _replaced(path, remote, size) as unfinished, remote.shown(size, progress):
        with unfinished.open("wb") as file:
            while block := remote.read(BLOCK):
                file.write(block)
        _check_whole(unfinished, remote)


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
        source = pq.ParquetFile(remote, pre_buffer=True)
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
    try:
        names: Sequence[str] = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return names


def _damaged(path: Path, error: Exception) -> ValueError:
    why = why_unreadable(path, error, "Delete it, and call again")
    return ValueError(f"{path} cannot be read: {why}")


def _write_groups(
    unfinished: Path, source: pq.ParquetFile, read: Sequence[str], copy: Path | None
) -> None:
    """Write columns of the server's file, and all of an older copy, by row groups."""
    with pq.ParquetFile(copy) if copy else nullcontext() as old:
        held = old.schema_arrow.names if old else []
        names = [n for n in source.schema_arrow.names if n in {*read, *held}]
        schema = _part_of(source.schema_arrow, names)
        if old and old.num_row_groups != source.num_row_groups:
            raise _other_rows(copy)
        with pq.ParquetWriter(unfinished, schema) as writer:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group, columns=list(read))
                if old and copy:
                    table = _merged(_read_group(old, group, copy), table, copy)
                table = table.select(names).replace_schema_metadata(schema.metadata)
                writer.write_table(table, row_group_size=max(len(table), 1))


def _read_group(old: pq.ParquetFile, group: int, copy: Path) -> pa.Table:
    try:
        return old.read_row_group(group)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(copy, error) from error


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
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in index if isinstance(name, str)]
    return names or [name for name in schema.names if name == ID]


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
        pq.read_metadata(path)
    else:
        json.loads(path.read_bytes())


@contextmanager
def _clear_format_errors(remote: RemoteFile) -> Iterator[None]:
    """Say which file it is that cannot be read as what it is."""
    try:
        yield
    except (pa.ArrowException, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConnectionError(
            f"what came as {remote.name} cannot be read ({error}): call again later"
        ) from error


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
        "fetched, or load it as it is with `load_benchmark_models`"
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
    path: Path, remote: RemoteFile, size: int, columns: Sequence[str] | None = None
) -> Iterator[Path]:
    """Yield a name to write a new copy to, of about so many bytes."""
    with _clear_disk_errors(path):
        if (free := shutil.disk_usage(path.parent).free) < size:
            raise OSError(errno.ENOSPC, f"{size} bytes are needed, {free} are free")
        with written_whole(path) as unfinished:
            yield unfinished
            # Whatever happens from here on, no old record vouches for the new copy.
            write_record(path)
        write_record(path, remote.identity, columns)


@contextmanager
def _clear_disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise OSError(
            error.errno,
            f"{path} cannot be written ({error.strerror or error}): make room and "
            "check the permissions, or name another folder as `data_home`",
        ) from error


def _remove_if_stale(path: Path) -> None:
    # Another process may rename its file, now finished, at any moment.
    with suppress(FileNotFoundError):
        found = path.lstat()
        age = time.time() - found.st_mtime
        if stat.S_ISREG(found.st_mode) and age > _STALE_AFTER:
            path.unlink()
