"""A parquet file of which the rows of any one era can be read."""

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from skbench._eras import era_key
from skbench._files import Address

from ._roles import ERA, id_column
from ._source import Source
from ._whole_eras import runs


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


class EraFile:
    """A parquet file with an id and an era, and where in it each era is."""

    def __init__(self, path: Address) -> None:
        self.path = Path(path)
        self.source = Source(path)
        schema = self.source.schema
        self.id = id_column(schema, self.path)
        self.types = dict(zip(schema.names, schema.types, strict=True))

    @cached_property
    def runs(self) -> dict[Hashable, Run]:
        """The rows of each era, by what names the era however it is written."""
        found: dict[Hashable, Run] = {}
        n_rows = 0
        for chunk in self.source.chunks([ERA]):
            if missing := chunk[ERA].null_count:
                raise ValueError(
                    f"{self.path} has {missing} rows or more without an era"
                )
            for label, start, stop in runs(chunk[ERA], ERA):
                run = Run(label, n_rows + start, n_rows + stop)
                self._add(run, found)
            n_rows += len(chunk)
        return found

    def _add(self, run: Run, found: dict[Hashable, Run]) -> None:
        before = found.setdefault(key := era_key(run.label), run)
        check_one_way(self.path, before.label, run.label)
        if before is run:
            return
        if before.stop != run.start:
            raise ValueError(
                f"era {run.label!r} goes on after other eras have begun in "
                f"{self.path}: the rows of an era must be neighbours. Sort the file "
                "first (skbench.streaming.sort_parquet)"
            )
        found[key] = Run(run.label, before.start, run.stop)


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
    with ThreadPoolExecutor(1) as thread:
        pending = thread.submit(next, chunks, None)
        while (chunk := pending.result()) is not None:
            pending = thread.submit(next, chunks, None)
            yield chunk
