"""Which version of a file on the server a copy was made from, and if it still serves.

The record of a copy stands beside it. A file without one was put there by the user.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from skbench._files import written_whole

from ._remote import Identity


def record_path(path: Path) -> Path:
    """Return where the record of a copy is."""
    return path.with_name(f".{path.name}.json")


def read_record(path: Path) -> dict[str, Any] | None:
    """Read the record of a copy; a file that is not the one it is about has none."""
    try:
        record: dict[str, Any] = json.loads(record_path(path).read_bytes())
        size = record["bytes"]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{record_path(path)} cannot be read: delete it and {path}, and call again"
        ) from error
    return record if size in (None, path.stat().st_size) else None


def write_record(
    path: Path,
    identity: Identity | None = None,
    columns: Sequence[str] | None = None,
) -> None:
    """Record what a copy was made from; of no version, it is fetched anew."""
    record = {
        "remote": identity and identity._asdict(),
        "bytes": identity and path.stat().st_size,
        "columns": columns,
    }
    with written_whole(record_path(path)) as unfinished:
        unfinished.write_text(json.dumps(record), encoding="utf-8")


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
