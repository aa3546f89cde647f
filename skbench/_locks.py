"""Locks on files, between processes and between the threads of one.

The kernel frees a lock when its process ends, however it ends. So the file of a process
that was killed may stay, and stands in nobody's way.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

_PAUSE = 0.05  # seconds from one attempt to the next

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        # A byte behind the text, as nobody else can read one that is locked.
        file.seek(2**20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _release(file: IO[bytes], path: Path) -> None:
        file.close()
        with suppress(PermissionError):  # another has opened it meanwhile
            path.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: IO[bytes], path: Path) -> None:
        # In this order, or it might be the file of the next owner that is removed.
        path.unlink(missing_ok=True)
        file.close()


def lock_of(path: Path) -> Path:
    """Return the hidden file beside a path by which it is locked."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def locked(path: Path, busy: Callable[[str], object]) -> Iterator[None]:
    """Hold the lock of a path; the file of the lock is removed in the end.

    Where another holds it, ``busy`` is told once who that is, and may raise; if it does
    not, wait.
    """
    lock, told = lock_of(path), False
    while (file := _taken(lock)) is None:
        if not told and (owner := _owner(lock)):
            busy(owner)
            told = True
        time.sleep(_PAUSE)
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}".encode())
        file.flush()
        yield
    finally:
        _release(file, lock)


def _taken(path: Path) -> IO[bytes] | None:
    """Return the file, now locked; None where another has the lock."""
    with ExitStack() as stack:
        file = stack.enter_context(path.open("a+b"))
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            return None
        except OSError as error:
            raise OSError(
                error.errno,
                f"{path} cannot be locked ({error.strerror}): name a file on "
                "a disk that has locks",
            ) from error
        if not _is_at(file, path):
            return None
        stack.pop_all()
        return file


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether a file still has its name, or its last owner has removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _owner(path: Path) -> str:
    """Return who holds a lock; empty where that is just changing."""
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
