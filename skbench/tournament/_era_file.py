"""A parquet file of which the rows of any one era can be read."""

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skbench._eras import era_key
from skbench._files import Address
from skbench._frames import ArrowTable

from ._roles import ERA, id_column
from ._source import Source


@dataclass(frozen=True)
class Run:
    """The rows of an era: they are neighbours."""

    label: Hashable
    start: int
    stop: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.stop - self.start


@dataclass(frozen=True)
class Runs:
    """Rows of one era that are neighbours, run after run.

    `eras` come in order of appearance: what names each in any file, and its label here.
    """

    eras: dict[Hashable, Hashable]
    codes: NDArray[np.intp]  # of each run, the place of its era among all
    ends: NDArray[np.intp]  # where the first begins, and where each stops

    @property
    def n_rows(self) -> NDArray[np.intp]:
        """Number of rows of each run."""
        return np.diff(self.ends)


class EraFile:
    """A parquet file with an id and an era, and where in it each era is.

    ``advice`` says what to do about a file that is damaged. A ``source`` that is open
    stands for the file, whose name messages then tell.
    """

    def __init__(
        self, path: Address, advice: str = "", source: Source | None = None
    ) -> None:
        self.path = Path(path)
        self.source = Source(path, advice) if source is None else source
        schema = self.source.schema
        self.id = id_column(schema, self.path)
        self.types = dict(zip(schema.names, schema.types, strict=True))

    def all_runs(self) -> Runs:
        """Find the eras, of which each may have several runs of rows."""
        places: dict[Hashable, int] = {}
        starts, codes, n_rows = [], [], 0
        for chunk in self.source.chunks([ERA]):
            found, labels = ArrowTable(chunk).labels(ERA)
            known = [places.setdefault(label, len(places)) for label in labels]
            at = np.flatnonzero(np.diff(found, prepend=-2))
            codes.append(np.array([*known, -1])[found[at]])
            starts.append(at + n_rows)
            n_rows += len(chunk)
        every = np.concatenate(codes)
        goes_on = np.diff(every, prepend=-2) == 0  # in the next chunk
        ends = np.append(np.concatenate(starts)[~goes_on], n_rows)
        eras: dict[Hashable, Hashable] = {}
        for label in places:
            check_one_way(self.path, eras.setdefault(era_key(label), label), label)
        runs = Runs(eras, every[~goes_on], ends)
        if missing := int(runs.n_rows[runs.codes < 0].sum()):
            raise ValueError(f"{self.path} has {missing} rows without an era")
        return runs

    @cached_property
    def runs(self) -> dict[Hashable, Run]:
        """The rows of each era, which are neighbours, by what names the era."""
        runs = self.all_runs()
        labels = list(runs.eras.values())
        for i, code in enumerate(runs.codes):
            if code < i:
                raise ValueError(
                    f"era {labels[code]!r} goes on after other eras have begun in "
                    f"{self.path}: the rows of an era must be neighbours. Sort the "
                    "file first (skbench.streaming.sort_parquet)"
                )
        ends = runs.ends.tolist()
        return dict(zip(runs.eras, map(Run, labels, ends, ends[1:]), strict=True))


def check_one_way(path: Path, label: Hashable, other: Hashable) -> None:
    """Refuse two labels of one era in a file."""
    if label != other:
        raise ValueError(
            f"{path} has the eras {label!r} and {other!r} of the same number or date: "
            "write every era in one way"
        )


class Cursor:
    """Some columns of a file, of which rows are best asked for in their order."""

    def __init__(self, source: Source, columns: Sequence[str]) -> None:
        self._source, self._columns = source, columns
        self._chunks: Iterator[pa.Table] = iter(())
        self._held: pa.Table | None = None  # has the row that is next
        self._next = -1

    def rows(self, start: int, stop: int) -> pa.Table:
        """Read the rows from one to before another."""
        if not 0 <= self._next <= start:
            self._chunks = _ahead(self._source.chunks(self._columns, skip=start))
            self._held, self._next = None, start
        self._take(start - self._next)
        return pa.concat_tables(self._take(stop - start))

    def _take(self, count: int) -> list[pa.Table]:
        """Return so many rows, as they come."""
        taken = []
        self._next += count
        while count:
            chunk = next(self._chunks) if self._held is None else self._held
            taken.append(chunk.slice(0, count))
            self._held = chunk.slice(count) if len(chunk) > count else None
            count -= len(taken[-1])
        return taken


def _ahead(chunks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield what is read, while a thread reads the next: decoding needs no lock."""
    thread = ThreadPoolExecutor(1)
    try:
        pending = thread.submit(next, chunks, None)
        while (chunk := pending.result()) is not None:
            pending = thread.submit(next, chunks, None)
            yield chunk
    finally:
        # Not to be waited for: it may be the thread itself that collects what is left.
        thread.shutdown(wait=False)
