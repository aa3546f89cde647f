"""Which version of a file on the server a copy was made from, and if it still serves.

The record of a copy stands beside it. A file without one was put there by the user.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skbench._files import written_whole


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
    remote: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    source: str | None = None,
) -> None:
    """Record what a copy was made from; of no version, it is fetched anew.

    ``source`` is the release that it was taken from, where that is another.
    """
    record = {
        "remote": remote,
        "bytes": remote and path.stat().st_size,
        "columns": columns,
        "source": source,
    }
    with written_whole(record_path(path)) as unfinished:
        unfinished.write_text(json.dumps(record), encoding="utf-8")
