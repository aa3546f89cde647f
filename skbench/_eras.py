"""What an era is: labels to blocks of rows, their order, and work done era by era."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain, pairwise
from math import ceil
from numbers import Integral
from typing import Any, Protocol, TypeVar

import numpy as np
from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from numpy.typing import NDArray

from ._checks import check_count, check_jobs

Rows = slice | NDArray[np.intp]
Item = TypeVar("Item")
Result = TypeVar("Result")

_TASKS_A_JOB = 8
# Multiplications of a product from which on a second thread pays.
_LARGE = 10**9


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
        return sum(map(n_rows_of, self.rows))


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
    _refuse_prefixed(table, era)
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


def _refuse_prefixed(table: Labelled, era: Hashable) -> None:
    """Refuse a frame whose era column got another name on the way to us."""
    ending = re.compile(f".*[^0-9A-Za-z]{re.escape(str(era))}", re.DOTALL)
    if found := [name for name in table.names if ending.fullmatch(str(name))]:
        raise ValueError(
            f"X has no era column {era!r}, but a column {found[0]!r}. If those are the "
            f"eras, pass era={found[0]!r}, or keep the name: a ColumnTransformer does "
            "so with verbose_feature_names_out=False"
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
    known: Eras | None = getattr(table, "known_eras", None)
    if known is not None:
        return known
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


def n_rows_of(rows: Rows) -> int:
    """Return the number of rows of an era."""
    return rows.stop - rows.start if isinstance(rows, slice) else rows.size


def rows_of(eras: Eras, positions: Iterable[int]) -> NDArray[np.intp]:
    """Rows of some of the eras, in row order."""
    inside = np.zeros(eras.n_rows, dtype=bool)
    for position in positions:
        inside[eras.rows[position]] = True
    return np.flatnonzero(inside)


# Time: the one rule by which eras are ordered and counted.


class NoOrderError(ValueError):
    """Eras whose labels do not say which of them comes first."""


_EPOCH = datetime(1970, 1, 1)
# Nothing but a sign and digits; any text with one number in it.
_SIGNED = re.compile(r"([+-]?)0*(\d{1,4})(?:\.0+)?")
_NUMBERED = re.compile(r"\D*()0*(\d{1,4})(?:\.0+)?\D*")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].+)?")
_DIGITS = re.compile(r"((?:19|20)\d\d|2100)(\d\d)(\d\d)(?:\.0+)?")
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_WEEK = re.compile(r"(\d{4})-W(\d\d)")


def era_time(label: Hashable) -> tuple[str, float] | None:
    """Say what an era label names: ("number", n), ("date", weeks) or None, no time.

    A number is the label's one number, if it is whole and below 10,000 ("0575",
    "era12", 575). The weeks of a date are its days since 1970-01-01 over 7.
    """
    text = str(label).strip()
    if (moment := _moment(label, text)) is not None:
        return "date", (moment - _EPOCH) / timedelta(weeks=1)
    found = _SIGNED.fullmatch(text) or _NUMBERED.fullmatch(text)
    return None if found is None else ("number", float("".join(found.groups())))


def _moment(label: Any, text: str) -> datetime | None:
    """Return the moment that a date names, a period's first, in its own time zone."""
    if hasattr(label, "to_timestamp"):  # a period of pandas
        label = label.to_timestamp()
    elif isinstance(label, np.datetime64):
        label = label.astype("datetime64[us]").item()
    try:
        if not isinstance(label, date):
            return _parsed(text)
        day = date(label.year, label.month, label.day)
        time = label.time() if isinstance(label, datetime) else datetime.min.time()
        return datetime.combine(day, time)
    except ValueError:  # no day of any calendar
        return None


def _parsed(text: str) -> datetime | None:
    """Read a date that is written as text or as a number of eight digits."""
    if _DAY.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=None)
    if found := _DIGITS.fullmatch(text):
        year, month, day = map(int, found.groups())
        return datetime(year, month, day)
    if found := _MONTH.fullmatch(text):
        return datetime(int(found[1]), int(found[2]), 1)
    if found := _WEEK.fullmatch(text):
        return datetime.fromisocalendar(int(found[1]), int(found[2]), 1)
    return None


def era_key(label: Hashable) -> Hashable:
    """Return what names an era in any file, however its label is written there."""
    return era_time(label) or str(label)


def era_numbers(labels: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return where each label stands in time: its number, or the weeks of its date.

    One label that is neither ("X") is the live era, and stands one after the last.
    Labels that do not say which comes first are a `NoOrderError`, two of one time a
    ValueError.
    """
    times = _distinct_times(labels)
    pairs = list(zip(labels, times, strict=True))
    unknown = list(dict.fromkeys(label for label, time in pairs if time is None))
    of_kind = {time[0]: label for label, time in pairs if time is not None}
    unlike = unknown if len(unknown) > 1 else list(of_kind.values())
    if len(unlike) > 1:
        first, second = unlike[:2]
        raise NoOrderError(
            f"the era labels {first!r} and {second!r} do not say which comes first. "
            "Label all eras by numbers below 10,000 ('0575', 'era12', 575), or all by "
            "dates ('2024-01-05', '20240105', '2024-01', '2024-W01' or datetimes); one "
            "label that is neither ('X') is the live era, after the last"
        )
    numbers = np.array([time[1] if time else np.nan for time in times])
    last = 0.0 if np.isnan(numbers).all() else np.nanmax(numbers)
    return np.where(np.isnan(numbers), last + 1.0, numbers)


def _distinct_times(labels: Sequence[Hashable]) -> list[tuple[str, float] | None]:
    """Return the time of each label, no two of which may name the same one."""
    times = [era_time(label) for label in labels]
    seen: dict[Hashable, Hashable] = {}
    for label, time in zip(labels, times, strict=True):
        if time is not None and seen.setdefault(time, label) != label:
            raise ValueError(
                f"era labels {seen[time]!r} and {label!r} have the same {time[0]}: "
                "write every era in one way"
            )
    return times


def era_counts(labels: Sequence[Hashable]) -> NDArray[np.float64]:
    """Count whole eras: `era_numbers`, but dates in weeks since the first, plus 1.

    These are rounded, unless two dates would then share one, as days of a week do.
    """
    numbers = era_numbers(labels)
    dated = np.array([(era_time(label) or "-")[0] == "date" for label in labels])
    if not dated.any():
        return numbers
    # Without what rounding leaves of the sevenths: eight weeks are exactly eight.
    weeks = np.round(numbers - numbers.min(), 9) + 1.0
    whole: NDArray[np.float64] = np.round(weeks)
    distinct = np.unique(whole).size == np.unique(weeks).size
    return whole if distinct else weeks


def eras_lack(eras: Eras, there: Mapping[str, NDArray[np.bool_]]) -> str:
    """Say which eras have no row with what scoring needs, by what it is called."""
    lack, order = [], chronological(eras.labels, needed=False)
    for what, has in there.items():
        without = [i for i in order if not has[eras.rows[i]].any()]
        if without:
            first, last = eras.labels[without[0]], eras.labels[without[-1]]
            which = repr(first) if len(without) == 1 else f"{first!r} to {last!r}"
            lack.append(f"{len(without)} of {len(eras.rows)} ({which}) lack {what}")
    needed = " and ".join(there)
    return "; ".join(lack) or f"none has 3 rows with {needed} that vary"


def chronological(labels: Sequence[Hashable], *, needed: bool = True) -> list[int]:
    """Positions of the labels in the order of time.

    Labels that have no such order are an error, or are sorted as text where none is
    ``needed``.
    """
    try:
        numbers = era_numbers(labels)
    except NoOrderError:
        if needed:
            raise
        return sorted(range(len(labels)), key=lambda i: str(labels[i]))
    order: list[int] = np.argsort(numbers, kind="stable").tolist()
    return order


def horizon_of(target: str | None) -> int:
    """Return the horizon of a target: over how many eras its scores share days.

    One a week of the target's days, which its name ends in, and one more; 13 (60 days)
    where it does not say.
    """
    days = target_days(target)
    return 13 if days is None else ceil(days / 5) + 1


def target_days(target: str | None) -> int | None:
    """Return the days over which a target looks ahead, with which its name ends."""
    match = re.search(r"_(\d{1,4})$", target or "")  # more digits are no days
    return int(match[1]) if match else None


def check_horizon(horizon: Any, target: Any) -> int:
    """Return the horizon that is given, in eras, or else that of the target's name."""
    if not (target is None or isinstance(target, str)):
        raise ValueError(f"`target` must be the name of a target; got {target!r}")
    if horizon is None:
        return horizon_of(target)
    check_count("horizon", horizon, 1)
    return int(horizon)


def map_eras(
    function: Callable[[Rows], Result], eras: Eras, n_jobs: int | None = None
) -> Iterator[tuple[Rows, Result]]:
    """Apply a function to the rows of each era; yield rows and result in order."""
    return zip(eras.rows, in_threads(function, eras.rows, n_jobs), strict=True)


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], n_jobs: int | None
) -> Iterator[Result]:
    """Apply a function that looks at one era to each item; yield results in order."""
    check_jobs(n_jobs)
    _keep_freed_memory()
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


def blas_threads(
    n_jobs: int | None, n_rows: int, n_columns: int
) -> AbstractContextManager[Any]:
    """Give BLAS so many threads, for the products of an era, if its size says they pay.

    None: those that BLAS has. A small product has one thread whatever is asked for: on
    two it is no faster, since they wait for each other in a loop, and the longer the
    busier the machine is. An era alone decides, so that its bits depend on no other.
    """
    check_jobs(n_jobs)
    if n_columns**2 * n_rows < _LARGE:
        return _limited_blas(1)
    if n_jobs is None:
        return nullcontext()
    return _limited_blas(int(effective_n_jobs(n_jobs)))


def _limited_blas(n_threads: int) -> AbstractContextManager[Any]:
    limits: AbstractContextManager[Any] = _threadpools().limit(
        limits=n_threads, user_api="blas"
    )
    return limits


@cache
def _threadpools() -> Any:
    """Return what knows the threads of BLAS; to look for them takes milliseconds."""
    # A deployed model has no `n_jobs`, and needs no threadpoolctl where it runs.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _keep_freed_memory() -> None:
    """Let the allocator keep what an era frees for the next one.

    By itself glibc hands arrays of a megabyte back to the system, and every page of the
    next one costs a fault. Once a large array was freed, it keeps those up to its size
    (M_MMAP_THRESHOLD in mallopt(3)). This one is not touched, and so takes no memory.
    """
    np.empty(2**24, dtype=np.uint8)


def _each(function: Callable[[Item], Result], task: Sequence[Item]) -> list[Result]:
    return [function(item) for item in task]
