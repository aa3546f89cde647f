"""Clear words where a disk is full, or cannot be written to."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Numbers of the errors that are of a disk, and not of a connection or a program.
OF_DISKS = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
)
_ELSEWHERE = "name a file on another"


@contextmanager
def disk_errors(
    path: Path, parameter: str | None = None, elsewhere: str = _ELSEWHERE
) -> Iterator[None]:
    """Name the file, and what to do, in errors of the disk that it is written to.

    ``parameter`` is what the caller calls it, ``elsewhere`` what to do if the disk
    stays as it is. Where one stands within another, the outer one has the last word.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in OF_DISKS:
            raise
        number = error.errno
        reason = os.strerror(number)
        raise cannot_write(path, number, reason, parameter, elsewhere) from error


def cannot_write(
    path: Path,
    number: int,
    reason: str,
    parameter: str | None = None,
    elsewhere: str = _ELSEWHERE,
) -> OSError:
    """Make the error of a file that the disk does not take."""
    name = f"`{parameter}` {path}" if parameter else path
    return OSError(
        number,
        f"{name} cannot be written: {reason}. See that its disk has room and may be "
        f"written to, or {elsewhere}",
    )
