"""Inputs of which rows belong together by position, and what is done era by era."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._eras import (
    Eras,
    Rows,
    blas_threads,
    chronological,
    find_eras,
    in_threads,
    n_rows_of,
)
from ._frames import (
    Fetch,
    Name,
    Table,
    as_columns,
    check_numbers,
    check_one_column,
    check_same_rows,
    too_large,
    warn_of_ties,
)

Floats = NDArray[np.float64]
Result = TypeVar("Result")

# Inputs of many columns, which stay in their own dtype.
_FEATURES = ("features", "neutralizers")


@dataclass(frozen=True)
class Input:
    """Columns to fetch of some rows: (n_columns, n_rows), or (n_rows,) of just one.

    ``finite``: whether infinite and huge values are refused.
    """

    names: list[Name]
    fetch: Fetch
    finite: bool = False


def block(table: Table, names: list[Name], *, finite: bool = False) -> Input:
    """Take columns of a table, as floats that stand together for each column."""
    fetch = table.select(names)

    def floats(rows: Rows) -> Floats:
        values = fetch(rows).astype(np.float64, copy=False)
        together = values.strides[1] == values.itemsize
        return values if together else np.ascontiguousarray(values)

    return Input(names, floats, finite)


def column(name: Name, values: NDArray[Any], *, finite: bool = False) -> Input:
    """Take one column: a value a row."""
    floats = np.ascontiguousarray(values, dtype=np.float64)
    return Input([name], floats.__getitem__, finite)


@dataclass(frozen=True)
class Aligned:
    """Inputs of the same rows, in the order in which a kernel takes them, and eras."""

    inputs: dict[str, Input]
    eras: Eras

    @property
    def models(self) -> list[Name]:
        """Columns of the first input, which is what is looked at."""
        return next(iter(self.inputs.values())).names

    def at(self, positions: Sequence[int]) -> Self:
        """Keep some of the eras, in this order."""
        labels = [self.eras.labels[position] for position in positions]
        rows = [self.eras.rows[position] for position in positions]
        return replace(self, eras=Eras(labels, rows))

    def of(self, rows: Rows) -> list[NDArray[Any]]:
        """Return the inputs of one era."""
        return [self.one(name, rows) for name in self.inputs]

    def one(self, name: str, rows: Rows) -> NDArray[Any]:
        """Return an input of one era."""
        values = self.inputs[name].fetch(rows)
        if self.inputs[name].finite and values.dtype.kind == "f":
            self._refuse_infinite(name, values, rows)
        return values

    def by_era(
        self,
        kernel: Callable[..., Result],
        n_jobs: int | None = None,
        *,
        squared: str | None = None,
    ) -> Iterator[Result]:
        """Call a kernel with the inputs of each era, in threads if asked.

        ``squared``: the input of which the kernel multiplies all columns by each other,
        so that it may want threads of BLAS. None: the first.
        """
        columns = self.models if squared is None else self.inputs[squared].names

        def work(rows: Rows) -> Result:
            with blas_threads(None, n_rows_of(rows), len(columns)):
                return kernel(*self.of(rows))

        return in_threads(work, self.eras.rows, n_jobs)

    def _refuse_infinite(self, name: str, values: NDArray[Any], rows: Rows) -> None:
        counts = np.atleast_1d(too_large(values).sum(axis=-1))
        if counts.any():
            worst = int(np.flatnonzero(counts)[0])
            place = [own is rows for own in self.eras.rows].index(True)
            raise ValueError(
                f"`{name}` has {counts[worst]} infinite or huge values in column "
                f"{self.inputs[name].names[worst]!r} in era "
                f"{self.eras.labels[place]!r}: replace them by NaN to leave them out"
            )


def align(
    inputs: Mapping[str, Any],
    era: Any,
    *,
    called: str,
    ranked: Collection[str],
    several: Collection[str] = (),
    ordered: bool = False,
) -> Aligned:
    """Wrap inputs, each of one column but the first and features, and find the eras.

    ``called`` is what an unnamed column of the first input is called. Of those that are
    ``ranked``, an infinite value is the extreme one, and integers that would tie are
    warned of; of others it is refused. Those of ``several`` may have several columns,
    too. ``ordered``: whether the labels of the eras must
    say which comes first.
    """
    first = next(iter(inputs))
    given = {"era": era, **inputs}
    for name, values in given.items():
        if values is None or isinstance(values, str):
            raise ValueError(f"`{name}` must hold one value a row; got {values!r}")
    tables = {
        name: as_columns(values, name, called if name == first else None)
        for name, values in given.items()
    }
    for name, table in tables.items():
        if name not in {first, *_FEATURES, *several}:
            check_one_column(table, name)
        if name != "era":
            check_numbers(table, table.names)
        if name in ranked:
            warn_of_ties(table, table.names)
    check_same_rows(given)
    labels = tables.pop("era")
    eras = find_eras(labels, labels.names[0])
    more = [name for name, table in tables.items() if len(table.names) > 1]
    wide = {first, *several} & {first, *more}
    rows = Aligned(
        {
            name: _input(name, table, several=name in wide, finite=name not in ranked)
            for name, table in tables.items()
        },
        eras,
    )
    return rows.at(chronological(eras.labels, needed=ordered))


def _input(name: str, table: Table, *, several: bool, finite: bool) -> Input:
    if name in _FEATURES:
        return Input(table.names, table.select(table.names), finite=True)
    of_all = block(table, table.names, finite=finite)
    if several:
        return of_all
    return replace(of_all, fetch=lambda rows: of_all.fetch(rows)[0])
