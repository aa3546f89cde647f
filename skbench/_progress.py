"""Progress bars over things of which each takes its time."""

import sys
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def with_progress(items: Iterable[T], unit: str, show: bool) -> Iterable[T]:
    """Return the items, counted by a bar as they are taken if it is to be shown."""
    if not show:
        return items
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, unit=unit)
    return bar


def tell(line: str, show: bool) -> None:
    """Say on a line of its own what is going on, if progress is to be shown."""
    if show:
        print(line, file=sys.stderr)
