"""A progress bar over rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

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

        def counted(chunk: pa.Table) -> pa.Table:
            bar.update(len(chunk))
            return chunk

        # Unlike a loop, map does not keep a chunk while the next one is read.
        yield partial(map, counted)
