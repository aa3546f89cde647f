"""What is wrong with a file that cannot be read, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from ._record import record_path, write_record


def why_unreadable(path: Path, error: Exception, otherwise: str = "") -> str:
    """Say on one line what is wrong with a file, and what to do about it.

    A damaged copy of ours, whole or cut short, is recorded to be of no version, so that
    the next fetch mends it. ``otherwise`` is the advice on a file of the user.
    """
    reason = one_line(error)
    advice = _forget(path) if _is_about_content(error) else None
    return ". ".join(filter(None, [reason, advice or otherwise]))


@contextmanager
def reading(path: Path, otherwise: str) -> Iterator[None]:
    """Say which file it is that cannot be read, why, and what to do about it."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        why = why_unreadable(path, error, otherwise)
        raise ValueError(f"{path} cannot be read: {why}") from error


def one_line(error: Exception) -> str:
    """Return what pyarrow says, which may be a page of advice, on one line."""
    return " ".join(str(error).split())


def _is_about_content(error: Exception) -> bool:
    """Whether it is what is in a file that is wrong, as far as pyarrow says."""
    named = isinstance(error, OSError) and type(error) is not OSError
    return not (named or isinstance(error, MemoryError))


def _forget(path: Path) -> str | None:
    with suppress(OSError):  # where the folder cannot be written to
        if record_path(path).is_file():
            write_record(path)
            return "Fetch it again: skbench fetch, or fetch_benchmark_models"
    return None
