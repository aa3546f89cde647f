"""Clear words where a disk is full, or cannot be written to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def room_for(target: Path) -> Iterator[None]:
    """Name the file, and what to do, in errors of the disk that it is written to."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(
            error.errno,
            f"`target` {target} cannot be written: {os.strerror(error.errno)}. See "
            "that its disk has room and may be written to, or name a file on another",
        ) from error
