"""Files that are there, or are written whole or not at all."""

import glob
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ._disk import disk_errors
from ._locks import lock_of, locked

Address = str | os.PathLike[str]


def as_path(path: Any, name: str = "path") -> Path:
    """Return a path, whether anything is there or not."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"`{name}` must be a path; got {path!r}")
    if not os.fspath(path):
        raise ValueError(f"`{name}` must not be empty: name a file or folder")
    return Path(path)


def check_writable(
    path: Address, name: str = "path", apart: Iterable[Address] = ()
) -> Path:
    """Return a path that a file can be written to, before any work is done for it.

    ``apart`` are the files that must not be replaced, as for `check_apart`.
    """
    path = as_path(path, name)
    if path.is_dir():
        raise IsADirectoryError(f"`{name}` must name a file; {path} is a folder")
    if path.exists() and not path.is_file():
        raise ValueError(f"`{name}` must name a file; {path} is a device or pipe")
    file = linked(path)
    if file.is_symlink():
        raise ValueError(f"`{name}` must name a file; {path} is a link to itself")
    if not file.parent.is_dir():
        raise FileNotFoundError(
            f"`{name}` must name a file in a folder that is there; got {path}"
        )
    check_apart(path, name, apart)
    return path


def check_apart(path: Address, name: str, others: Iterable[Address]) -> None:
    """Refuse to replace a file that the same job reads or writes, however spelled."""
    for other in others:
        if _is_same(path, other):
            raise ValueError(
                f"`{name}` must be another file than {other}, which the same job reads "
                f"or writes; got {path}: give it another name"
            )


def _is_same(one: Address, other: Address) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # where one is not there, it may still be by the end
        return os.path.realpath(one) == os.path.realpath(other)


def linked(path: Address) -> Path:
    """Return the file that a symbolic link leads to; any other path as it is."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)


def check_there(path: Address, name: str = "path") -> Path:
    """Return the path of a file that can be read, before any work is done for it."""
    path = as_path(path, name)
    if not path.is_file():
        raise FileNotFoundError(f"`{name}` must name a file that is there; got {path}")
    return path


@contextmanager
def written_whole(path: Address) -> Iterator[Path]:
    """Yield a name beside ``path`` to write to; it becomes ``path`` on success.

    After an error, ``path`` is what it was and nothing else is left. The name keeps
    the ending of ``path``, which some writers go by. A symbolic link stays, and the
    file that it leads to is replaced.
    """
    ending, path = Path(path).suffix, linked(path)
    with disk_errors(path), kept_apart(path, ending) as unfinished:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)


@contextmanager
def kept_apart(path: Path, ending: str = "") -> Iterator[Path]:
    """Yield a hidden name beside ``path`` for a file or folder that goes in the end.

    It is locked meanwhile, so that what a process left there that was killed can be
    told from what another is writing. The former is removed.
    """
    pattern = f"{glob.escape(path.name)}.{'[0-9a-f]' * 8}"
    for lock in path.parent.glob(lock_of(Path(pattern)).name):
        token = lock.suffixes[-2]
        # An error is no reason not to write: it is in use, or of another user.
        with suppress(OSError), locked(path.with_name(path.name + token), _refuse):
            start = glob.escape(f".{path.stem}{token}.part")
            for left in path.parent.glob(f"{start}*"):
                _remove(left)
    token = f".{secrets.token_hex(4)}"
    # Nobody else has it, but to see whether it was left: that is over in a moment.
    with locked(path.with_name(path.name + token), busy=lambda owner: None):
        unfinished = path.with_name(f".{path.stem}{token}.part{ending}")
        try:
            yield unfinished
        finally:
            _remove(unfinished)


def _refuse(owner: str) -> None:
    raise BlockingIOError(owner)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
