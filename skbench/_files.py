"""Files that are there, or are written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ._disk import disk_errors

Address = str | os.PathLike[str]


def as_path(path: Any, name: str = "path") -> Path:
    """Return a path, whether anything is there or not."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"`{name}` must be a path; got {path!r}")
    if not os.fspath(path):
        raise ValueError(f"`{name}` must not be empty: name a file or folder")
    if "\0" in os.fspath(path):
        raise ValueError(f"`{name}` must be a path without NUL; got {path!r}")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ValueError(
            f"`{name}` must be a path that a file system can hold; got {path!r}"
        ) from None
    return Path(path)


def check_writable(path: Address, name: str = "path") -> Path:
    """Return a path that a file can be written to, before any work is done for it."""
    path = as_path(path, name)
    if path.is_dir():
        raise IsADirectoryError(f"`{name}` must name a file; {path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`{name}` must name a file in a folder that is there; got {path}"
        )
    return path


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
    the ending of ``path``, which some writers go by.
    """
    path = Path(path)
    unfinished = path.with_name(
        f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}"
    )
    try:
        with disk_errors(path):
            yield unfinished
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
