"""A progress bar over rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def progress_bar(
    show: bool, total: int, done: int = 0
) -> Iterator[Callable[[Iterator[pa.Table]], Iterator[pa.Table]]]:
    """Yield what counts the rows of chunks that are read through it."""
    from tqdm import tqdm

    with tqdm(
        total=total, initial=done, unit="row", unit_scale=True, disable=not show
    ) as bar:

        def count(chunks: Iterator[pa.Table]) -> Iterator[pa.Table]:
            for chunk in chunks:
                yield chunk
                bar.update(len(chunk))

        yield count
