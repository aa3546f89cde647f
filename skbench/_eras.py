"""What an era is: labels to blocks of rows, their order, and work done era by era."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain, pairwise
from math import ceil
from numbers import Integral
from typing import Any, Protocol, TypeVar

import numpy as np
from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from numpy.typing import NDArray

Rows = slice | NDArray[np.intp]
Item = TypeVar("Item")
Result = TypeVar("Result")

_TASKS_A_JOB = 8


class Labelled(Protocol):
    """What this module needs to know of a table."""

    named: bool
    names: list[Hashable]
    n_rows: int

    def labels(self, name: Hashable) -> tuple[NDArray[Any], list[Hashable]]:
        """Codes of a column's labels in order of appearance (-1: none), the labels."""


@dataclass(frozen=True)
class Eras:
    """The rows of each era, eras in order of appearance, rows in their own order."""

    labels: list[Hashable]
    rows: list[Rows]

    @property
    def n_rows(self) -> int:
        """Number of rows of all eras."""
        return sum(
            rows.stop - rows.start if isinstance(rows, slice) else rows.size
            for rows in self.rows
        )


def era_column(
    table: Labelled, era: Hashable, single_era_rows: tuple[float, float]
) -> Hashable:
    """Return the name of the era column, or None where all rows are one era."""
    if era is None:
        return None
    _check_name(era)
    if not table.named:
        return _array_era_column(table, era, single_era_rows)
    if isinstance(era, Integral):
        raise ValueError(f"`era` must be a column name for a frame; got {era!r}")
    if era in table.names:
        return era
    low, high = single_era_rows
    if low < table.n_rows < high:
        return None
    raise ValueError(
        f"X has no era column {era!r}, and its {table.n_rows} rows cannot be taken as "
        f"one era: `single_era_rows` expects more than {low} and fewer than {high}. "
        f"Add the column {era!r}, or pass era=None if all rows are one era"
    )


def _check_name(era: Any) -> None:
    try:
        usable = isinstance(era, Hashable) and bool(era == era)
    except TypeError:  # pandas.NA
        usable = False
    if not usable:
        raise ValueError(
            f"`era` must be a column name, a position or None; got {era!r}"
        )


def _array_era_column(
    table: Labelled, era: Hashable, single_era_rows: tuple[float, float]
) -> Hashable:
    n_columns = len(table.names)
    if isinstance(era, Integral):
        if not -n_columns <= era < n_columns:
            raise ValueError(
                f"`era` must be a position among the {n_columns} columns; got {era}"
            )
        return range(n_columns)[int(era)]
    if era != "era":
        raise ValueError(
            f"X is an array and has no column {era!r}: "
            "pass the position of the era column as `era`, or a frame"
        )
    if table.n_rows >= single_era_rows[1]:
        raise ValueError(
            f"X is an array of {table.n_rows} rows without eras; one era has fewer "
            f"than {single_era_rows[1]} (`single_era_rows`). Pass the position of the "
            "era column as `era`, or era=None if all rows are one era"
        )
    return None


def stated_era_column(table: Labelled, era: Hashable) -> Hashable:
    """Return the name of an era column that must be there: one era is not enough."""
    _check_name(era)
    if era is not None and (era in table.names or isinstance(era, Integral)):
        return era_column(table, era, (0, 0))
    raise ValueError(
        f"X has no era column {era!r}: name it in `era` (by its position in an array), "
        "or pass the era of each row as `groups`"
    )


def find_eras(table: Labelled, column: Hashable) -> Eras:
    """Find the rows of each era by the labels in ``column`` (None: all are one era)."""
    if column is None:
        return Eras([None], [slice(0, table.n_rows)])
    codes, labels = table.labels(column)
    missing = np.flatnonzero(codes < 0)
    if missing.size:
        raise ValueError(
            f"era column {column!r} has {missing.size} missing labels, the first in "
            f"row {missing[0]}: label these rows or drop them"
        )
    return Eras(labels, _group(codes, len(labels)))


def _group(codes: NDArray[Any], n_eras: int) -> list[Rows]:
    """Rows of each code; the codes count up in order of appearance."""
    starts = np.arange(n_eras + 1)
    if (codes[1:] >= codes[:-1]).all():
        # No era interrupts another: a slice each, so that their rows are not copied.
        bounds = np.searchsorted(codes, starts).tolist()
        return [slice(*pair) for pair in pairwise(bounds)]
    # So few eras fit 16 bits, which numpy sorts by radix, fifteen times faster.
    small = codes.astype(np.uint16) if n_eras <= 2**16 else codes
    order = np.argsort(small, kind="stable")
    return [*np.split(order, np.searchsorted(codes[order], starts[1:-1]))]


def rows_of(eras: Eras, positions: Iterable[int]) -> NDArray[np.intp]:
    """Rows of some of the eras, in row order."""
    inside = np.zeros(eras.n_rows, dtype=bool)
    for position in positions:
        inside[eras.rows[position]] = True
    return np.flatnonzero(inside)


def chronological(labels: Sequence[Hashable]) -> list[int]:
    """Positions of the labels in the order of the number in each.

    Labels without a number come last: first dates, then others ("X", "eraX") in order
    of appearance.
    """
    numbers = [era_number(label) for label in labels]
    seen: dict[int, Hashable] = {}
    for label, number in zip(labels, numbers, strict=True):
        if number is not None and seen.setdefault(number, label) != label:
            raise ValueError(
                f"era labels {seen[number]!r} and {label!r} have the same number: "
                "write every era in one way"
            )

    def place(i: int) -> tuple[bool, int, bool, str]:
        date = _date(labels[i])
        return numbers[i] is None, numbers[i] or 0, date is None, date or ""

    return sorted(range(len(labels)), key=place)


def era_number(label: Hashable) -> int | None:
    """Return the one whole number in an era label such as "0575", "era12" or 12."""
    # More digits than an int64 has are no count of eras.
    match = re.fullmatch(r"\D*(\d{1,18})(?:\.0)?\D*", str(label))
    return int(match[1]) if match else None


def _date(label: Hashable) -> str | None:
    """Return the text of a label that begins with an ISO date: it sorts as dates do."""
    text = str(label)
    return text if re.match(r"\d{4}-\d\d-\d\d(?!\d)", text) else None


def calendar(eras: Eras) -> list[tuple[int, int]]:
    """Pair each era's position with its number, in the order of the numbers.

    Labels without a number ("X", "eraX") count on from the last number, dates in their
    order, others in order of appearance; so where no label has one, eras count by
    position, from 1. Order of appearance means nothing where the rows of the eras mix:
    then at most one may have neither number nor date.
    """
    unnumbered = [
        label
        for label in eras.labels
        if era_number(label) is None and _date(label) is None
    ]
    if len(unnumbered) > 1 and not all(isinstance(rows, slice) for rows in eras.rows):
        raise ValueError(
            f"the era labels {unnumbered[0]!r}, {unnumbered[1]!r} have no number to "
            "order them by, and the rows of the eras are mixed: number the eras, or "
            "sort the rows by time"
        )
    return count_eras(eras.labels)


def count_eras(labels: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Pair each label's position with its number, as `calendar` does."""
    dates: list[tuple[int, int]] = []
    last = 0
    for position in chronological(labels):
        number = era_number(labels[position])
        last = last + 1 if number is None else number
        dates.append((position, last))
    return dates


def block_length(target: str | None) -> int:
    """Eras over which the scores of a target hang together: blocks for a bootstrap.

    One a week of the target's days, which its name ends in, and one more; 13 (60 days)
    where it does not say.
    """
    match = re.search(r"_(\d{1,4})$", target or "")  # more digits are no days
    return ceil(int(match[1]) / 5) + 1 if match else 13


def map_eras(
    function: Callable[[Rows], Result], eras: Eras, n_jobs: int | None = None
) -> Iterator[tuple[Rows, Result]]:
    """Apply a function to the rows of each era; yield rows and result in order."""
    return zip(eras.rows, in_threads(function, eras.rows, n_jobs), strict=True)


def check_jobs(n_jobs: Any) -> None:
    """Check a number of threads, as joblib takes it."""
    whole = isinstance(n_jobs, Integral) and not isinstance(n_jobs, bool)
    if n_jobs is not None and not (whole and n_jobs != 0 and abs(n_jobs) < 2**31):
        raise ValueError(
            f"`n_jobs` must be None or a whole number other than 0; got {n_jobs!r}"
        )


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], n_jobs: int | None
) -> Iterator[Result]:
    """Apply a function that looks at one era to each item; yield results in order."""
    check_jobs(n_jobs)
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    if parallel.n_jobs == 1:
        return map(function, items)
    return _threaded(parallel, function, items)


def _threaded(
    parallel: Parallel, function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[Result]:
    """Yield results from several threads, in each of which BLAS has but one.

    Threads of both kinds wait for each other. BLAS is kept to one for a single item
    too, so that the bits of an era do not depend on how many others there are.
    """
    # Handing over a task costs as much as a small era, so a task has many; and there
    # are enough tasks that no job waits long for the last one.
    n_tasks = _TASKS_A_JOB * max(parallel.n_jobs, cpu_count())
    size = ceil(len(items) / n_tasks)
    tasks = [items[start : start + size] for start in range(0, len(items), size)]
    # Joblib starts the first tasks when it is called: BLAS must be limited before.
    with _limited_blas(1):
        yield from chain.from_iterable(
            parallel(delayed(_each)(function, task) for task in tasks)
        )


def blas_threads(n_jobs: int | None) -> AbstractContextManager[Any]:
    """Give BLAS so many threads, for eras that come one after another.

    None leaves BLAS the threads it has.
    """
    check_jobs(n_jobs)
    if n_jobs is None:
        return nullcontext()
    return _limited_blas(int(effective_n_jobs(n_jobs)))


def _limited_blas(n_threads: int) -> AbstractContextManager[Any]:
    # A deployed model has no `n_jobs`, and needs no threadpoolctl where it runs.
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(n_threads, user_api="blas")
    return limits


def _each(function: Callable[[Item], Result], task: Sequence[Item]) -> list[Result]:
    return [function(item) for item in task]
