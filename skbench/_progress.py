"""Progress bars, over rows and over things of which each takes its time."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa

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


@contextmanager
def progress_bar(
    show: bool, total: int, done: int = 0
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """Yield what counts the rows of chunks as they are read.

    ``map`` calls it for an iterator of them and, unlike a loop, does not keep a chunk
    while the next one is read.
    """
    from tqdm import tqdm

    with tqdm(
        total=total, initial=done, unit="row", unit_scale=True, disable=not show
    ) as bar:

        def counted(chunk: pa.Table) -> pa.Table:
            bar.update(len(chunk))
            return chunk

        yield counted
