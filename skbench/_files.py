"""Files that are there, or are written whole or not at all."""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    path = Path(path)
    target = linked(path)
    unfinished = target.with_name(
        f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}"
    )
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def is_unfinished(name: str, path: Address) -> bool:
    """Whether a name is one that `written_whole` gives while it writes ``path``."""
    stem, suffix = map(re.escape, (Path(path).stem, Path(path).suffix))
    return re.fullmatch(rf"\.{stem}\.[0-9a-f]{{8}}\.part{suffix}", name) is not None
