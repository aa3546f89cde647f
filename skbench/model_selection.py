"""Choosing a model in the order of time: walk-forward windows and grids of weights."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, log10
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils import check_consistent_length

from ._base import check_count, check_share, is_number
from ._eras import Eras, calendar, find_eras, rows_of, stated_era_column
from ._frames import as_column, as_table, check_alignment, check_index, listed, take

__all__ = ["WalkForwardEraSplit", "walk_forward_predict", "weight_grid"]

Name = Hashable
Indices = NDArray[np.intp]

_MAX_POINTS = 100_000
# Steps and weights are decimal fractions, which a float holds only nearly.
_ROUNDING = Fraction(1, 10**9)


@dataclass(frozen=True)
class _Window:
    """Positions of the eras to train on and of those to test on, in their order."""

    train: list[int]
    test: list[int]


class WalkForwardEraSplit(BaseCrossValidator):
    r"""Predict eras in chunks, each from a model trained on the eras before it.

    With c the chunk size, p the purge, f the first era and L the bound on the training
    eras (infinite unless given), window k = 1, 2, ... has

    .. math::

        \text{train} &= [\max(f, \; f + kc - p - L), \; f + kc - p)

        \text{test} &= [f + kc, \; f + (k + 1) c)

    The defaults are the windows of Numerai's benchmark models for 20-day targets;
    60-day targets need ``purge=16``, which only ends the training eras earlier. Purged
    eras are those whose targets still reach into the test eras.

    Eras count by the number in their label ("0575", "era12", 12), so that a file which
    starts late, or holds every fourth era, keeps the published windows and a purge of
    the same length in time. Labels without a number ("X", a live era) count on from the
    last number, in order of appearance: a live era moves no window. Where no label has
    a number, all eras thus count by position, from 1; the rows must then be sorted by
    time, and it is an error if the rows of the eras are mixed.

    A window without an era to train on, or without one to test on, is skipped. Eras
    before ``first_era`` take no part. All rows of an era are in the same part, in
    whatever order the rows are.

    Parameters
    ----------
    chunk_size : int, default=156
        Eras that one model predicts.
    purge : int, default=8
        Eras left out between the last training era and the first test era.
    first_era : int, default=1
        Number of the era with which the first chunk starts, which is never tested.
    max_train_eras : int, default=None
        Train only on the last so many eras before the purge, where eras that the data
        lacks count too, so that this is a length of time. None: on all.
    era : str or int, default="era"
        The era column of X: its name, or its position in an array.

    See Also
    --------
    walk_forward_predict : Predictions of every window, in one array.

    References
    ----------
    Numerai, "Benchmark Models": the walk-forward windows.

    Examples
    --------
    >>> from skbench.model_selection import WalkForwardEraSplit
    >>> WalkForwardEraSplit().windows(range(1, 625))
       train_first  train_last  n_train  test_first  test_last  n_test
    0            1         148      148         157        312     156
    1            1         304      304         313        468     156
    2            1         460      460         469        624     156

    >>> X = [[1, 0.1], [3, 0.4], [2, 0.3], [3, 0.2], [4, 0.9]]
    >>> cv = WalkForwardEraSplit(chunk_size=1, purge=1, era=0)
    >>> for train, test in cv.split(X):
    ...     print(train, test)
    [0] [1 3]
    [0 2] [4]
    """

    # Where metadata routing is on, groups come to a splitter that asks for them.
    __metadata_request__split: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(
        self,
        chunk_size: int = 156,
        purge: int = 8,
        *,
        first_era: int = 1,
        max_train_eras: int | None = None,
        era: Any = "era",
    ) -> None:
        self.chunk_size = chunk_size
        self.purge = purge
        self.first_era = first_era
        self.max_train_eras = max_train_eras
        self.era = era

    def split(
        self, X: Any = None, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[Indices, Indices]]:
        """Yield the rows of each window, windows in the order of time.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns), default=None
            Rows with the era column; any X where ``groups`` is given.
        y : array-like of shape (n_rows,), default=None
            Not used.
        groups : array-like of shape (n_rows,), default=None
            The era of each row, instead of the era column; a pandas object must have
            the index of X.

        Yields
        ------
        train : ndarray of shape (n_train_rows,)
            Positions of the rows to train on, in row order.
        test : ndarray of shape (n_test_rows,)
            Positions of the rows to test on, in row order.

        Raises
        ------
        ValueError
            If a parameter cannot be used, the eras are not to be found, one is missing,
            or no window has eras of both kinds.
        """
        eras = self._read(X, groups)
        for window in self._windows(eras):
            yield rows_of(eras, window.train), rows_of(eras, window.test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Count the windows, which depend on the eras there are.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns), default=None
            As for `split`.
        y : array-like of shape (n_rows,), default=None
            Not used.
        groups : array-like of shape (n_rows,), default=None
            As for `split`.

        Returns
        -------
        n_splits : int
            The number of windows.

        Raises
        ------
        ValueError
            As for `split`.
        """
        return len(self._windows(self._read(X, groups)))

    def windows(self, eras: Any) -> pd.DataFrame:
        """Tabulate the windows of some eras, to be read before anything runs.

        Parameters
        ----------
        eras : array-like of shape (n_labels,)
            Era labels, one an era or one a row.

        Returns
        -------
        windows : pandas.DataFrame of shape (n_windows, 6)
            ``train_first``, ``train_last``, ``test_first`` and ``test_last`` are labels
            of eras there are; ``n_train`` and ``n_test`` are numbers of eras.

        Raises
        ------
        ValueError
            If a parameter cannot be used, an era is missing, or no window has eras of
            both kinds.
        """
        found = find_eras(as_column(eras, "eras"), "eras")
        rows = [
            {
                "train_first": found.labels[window.train[0]],
                "train_last": found.labels[window.train[-1]],
                "n_train": len(window.train),
                "test_first": found.labels[window.test[0]],
                "test_last": found.labels[window.test[-1]],
                "n_test": len(window.test),
            }
            for window in self._windows(found)
        ]
        return pd.DataFrame(rows)

    def _read(self, X: Any, groups: Any) -> Eras:
        """Find the rows of each era by the labels in ``groups``, or else in X."""
        if groups is not None:
            check_consistent_length(X, groups)
            check_index(X, groups, "groups")
            return find_eras(as_column(groups, "groups"), "groups")
        if X is None:
            raise ValueError(
                f"the windows depend on the eras: pass X with the column {self.era!r}, "
                "or the era of each row as `groups`"
            )
        table = as_table(X, object_array=True)
        return find_eras(table, stated_era_column(table, self.era))

    def _windows(self, eras: Eras) -> list[_Window]:
        self._check_parameters()
        dates = calendar(eras)
        chunks: dict[int, list[int]] = {}
        for position, number in dates:
            chunk = (number - self.first_era) // self.chunk_size
            chunks.setdefault(chunk, []).append(position)
        windows = []
        for chunk, test in chunks.items():
            first, end = self._train_span(chunk)
            train = [position for position, number in dates if first <= number < end]
            if train:
                windows.append(_Window(train, test))
        if not windows:
            raise ValueError(
                f"no window has eras to train on and eras to test on: there are "
                f"{len(dates)} eras, which count from {dates[0][1]} to {dates[-1][1]}, "
                f"with chunk_size={self.chunk_size}, purge={self.purge}, first_era="
                f"{self.first_era}. Choose a smaller `chunk_size`"
            )
        return windows

    def _train_span(self, chunk: int) -> tuple[int, int]:
        """First training era of a chunk's window, and the era after the last."""
        end = self.first_era + chunk * self.chunk_size - self.purge
        if self.max_train_eras is None:
            return self.first_era, end
        return max(self.first_era, end - self.max_train_eras), end

    def _check_parameters(self) -> None:
        check_count("chunk_size", self.chunk_size, 1)
        check_count("purge", self.purge, 0)
        check_count("first_era", self.first_era, 0)
        if self.max_train_eras is not None:
            check_count("max_train_eras", self.max_train_eras, 1)


def walk_forward_predict(
    estimator: Any,
    X: Any,
    y: Any = None,
    cv: Any = None,
    *,
    groups: Any = None,
    progress: bool = False,
) -> NDArray[Any]:
    """Predict each window from a model that was trained on the eras before it.

    For each window a clone of the estimator is fitted on the training rows and predicts
    the test rows. Rows that no window predicts, such as those before the first, are
    NaN: unlike `sklearn.model_selection.cross_val_predict`, this needs no partition.

    Parameters
    ----------
    estimator : estimator with ``fit`` and ``predict``
        What to train; it is cloned, and not fitted itself. It is handed the columns of
        X as they are, also the era column.
    X : DataFrame, Table or array of shape (n_rows, n_columns)
        Rows in any order; each window's are handed on in the kind of X.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        Targets; a pandas object must have the index of X. None: for an estimator that
        needs none.
    cv : splitter or iterable of (train, test), default=None
        A `WalkForwardEraSplit` or another scikit-learn splitter, or row positions. No
        two windows may predict the same row. None: ``WalkForwardEraSplit()``.
    groups : array-like of shape (n_rows,), default=None
        The era of each row for the splitter, where X has no era column.
    progress : bool, default=False
        Whether to show a progress bar of the windows.

    Returns
    -------
    y_pred : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Predictions aligned to the rows of X: float32 where all windows predict
        float32, otherwise float64.

    Raises
    ------
    ValueError
        If there is no window, windows overlap, or the predictions are not numbers or
        not one a row.

    See Also
    --------
    WalkForwardEraSplit : The windows.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyRegressor
    >>> from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict
    >>> X = pd.DataFrame({"era": ["0001", "0002", "0003", "0003"]})
    >>> y = [0.0, 0.5, 1.0, 1.0]
    >>> cv = WalkForwardEraSplit(chunk_size=1, purge=0)
    >>> walk_forward_predict(DummyRegressor(), X, y, cv)
    array([ nan, 0.  , 0.25, 0.25])
    """
    table = as_table(X, object_array=True)
    if y is not None:
        check_alignment(table, y)
    splits = _splits(table.native, y, cv, groups)
    _check_disjoint([test for _, test in splits], table.n_rows)
    predicted = [
        _fit_predict(estimator, table.native, y, train, test)
        for train, test in _with_progress(splits, progress)
    ]
    dtype = np.result_type(np.float32, *{values.dtype for values in predicted})
    out = np.full((table.n_rows, *_common_shape(predicted)), np.nan, dtype=dtype)
    for (_, test), values in zip(splits, predicted, strict=True):
        out[test] = values
    return out


def _splits(X: Any, y: Any, cv: Any, groups: Any) -> list[tuple[Indices, Indices]]:
    if isinstance(cv, Integral):
        raise ValueError(
            f"`cv` must be a splitter such as WalkForwardEraSplit; got {cv!r}, which "
            "would train on later eras than it predicts"
        )
    splitter = check_cv(WalkForwardEraSplit() if cv is None else cv)
    return [
        (_positions(train), _positions(test))
        for train, test in splitter.split(X, y, groups)
    ]


def _positions(rows: Any) -> Indices:
    array = np.asarray(rows)
    return np.flatnonzero(array) if array.dtype == bool else array.astype(np.intp)


def _check_disjoint(tests: list[Indices], n_rows: int) -> None:
    if not tests:
        raise ValueError("`cv` has no window: nothing can be predicted")
    times = np.bincount(np.concatenate(tests), minlength=n_rows)
    if (times > 1).any():
        row = int(times.argmax())
        raise ValueError(
            f"`cv` predicts row {row} in {times[row]} windows: at most one may, so "
            "that each row has one prediction"
        )


def _fit_predict(
    estimator: Any, X: Any, y: Any, train: Indices, test: Indices
) -> NDArray[Any]:
    fitted = clone(estimator)
    if y is None:
        fitted.fit(take(X, train))
    else:
        fitted.fit(take(X, train), take(y, train))
    predicted = np.asarray(fitted.predict(take(X, test)))
    if predicted.dtype.kind not in "biuf":
        raise ValueError(
            f"predictions must be numbers; {type(estimator).__name__} predicts values "
            f"of dtype {predicted.dtype}"
        )
    if predicted.shape[:1] != test.shape:
        raise ValueError(
            f"predictions must be one a row; {type(estimator).__name__} predicts an "
            f"array of shape {predicted.shape} for {len(test)} rows"
        )
    return predicted


def _common_shape(predicted: Sequence[NDArray[Any]]) -> tuple[int, ...]:
    """Shape of one row's prediction, which must be that of all."""
    shapes = {values.shape[1:] for values in predicted}
    if len(shapes) > 1:
        raise ValueError(
            "windows predict unlike numbers of columns; the shapes of a row are "
            f"{sorted(shapes)}"
        )
    return shapes.pop()


def _with_progress(
    splits: list[tuple[Indices, Indices]], progress: bool
) -> Iterable[tuple[Indices, Indices]]:
    if not progress:
        return splits
    from tqdm import tqdm

    bar: Iterable[tuple[Indices, Indices]] = tqdm(splits, unit="window")
    return bar


def weight_grid(
    names: Iterable[Name], step: float = 0.1, max_weight: float = 1.0
) -> list[dict[Name, float]]:
    r"""List all weights in multiples of a step that sum to one.

    For k names and n = 1 / ``step``, all of

    .. math::

        \left\{ \left( \frac{i_1}{n}, \dots, \frac{i_k}{n} \right) :
        i_j \in \{0, \dots, m\}, \; \sum_j i_j = n \right\}

    with m the largest multiple that ``max_weight`` allows. Without that bound there are
    :math:`\binom{n + k - 1}{k - 1}` of them. They are counted before any is made, and
    more than 100,000 are refused. Weights of 0 are written out.

    Parameters
    ----------
    names : iterable of str or int
        Columns to weight: names, or positions in an array.
    step : float, default=0.1
        Distance of neighbouring weights: 1 divided by a whole number.
    max_weight : float, default=1.0
        The largest weight that one column may have.

    Returns
    -------
    grid : list of dict of str to float
        Weights as `skbench.WeightedEnsemble` takes them: the values to try for
        ``weightedensemble__weights`` in `sklearn.model_selection.GridSearchCV`. In
        ascending order of the first weight, then of the second, and so on.

    Raises
    ------
    ValueError
        If a name comes twice, 1 is no multiple of ``step``, no weights under
        ``max_weight`` sum to one, or there would be over 100,000 points.

    Examples
    --------
    >>> from skbench.model_selection import weight_grid
    >>> weight_grid(["a", "b"], step=0.5)
    [{'a': 0.0, 'b': 1.0}, {'a': 0.5, 'b': 0.5}, {'a': 1.0, 'b': 0.0}]
    >>> len(weight_grid(["a", "b", "c", "d"], step=0.1, max_weight=0.4))
    68
    """
    columns = _checked_names(names)
    parts = _parts(step)
    largest = _largest(parts, max_weight, len(columns), step)
    n_points = _count(parts, len(columns), largest)
    if n_points > _MAX_POINTS:
        raise ValueError(
            f"{len(columns)} names in steps of {step!r} would make {_in_full(n_points)}"
            f" points, over {_MAX_POINTS:,}: choose a larger `step`, a smaller "
            "`max_weight` or fewer names"
        )
    return [
        {name: share / parts for name, share in zip(columns, point, strict=True)}
        for point in _compositions(parts, len(columns), largest)
    ]


def _checked_names(names: Any) -> list[Name]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"`names` must be a list of names; got {names!r}")
    columns = list(names)
    if not columns:
        raise ValueError("`names` must hold at least one name; got none")
    if twice := [name for i, name in enumerate(columns) if name in columns[:i]]:
        raise ValueError(f"`names` must differ; {listed(twice)} come more than once")
    return columns


def _parts(step: Any) -> int:
    """Into how many parts a step divides one."""
    if is_number(step) and 0 < step <= 1:
        exact = Fraction(float(step))
        parts = round(1 / exact)
        if abs(parts * exact - 1) <= _ROUNDING:
            return parts
    raise ValueError(
        f"`step` must be 1 divided by a whole number, such as 0.1 or 0.05; got {step!r}"
    )


def _largest(parts: int, max_weight: Any, n_names: int, step: Any) -> int:
    """How many parts one weight may have."""
    check_share("max_weight", max_weight)
    largest = int(Fraction(float(max_weight)) * parts + _ROUNDING)
    if largest * n_names < parts:
        least = -(-parts // n_names) / parts
        raise ValueError(
            f"`max_weight` must be at least {least!r} for {n_names} weights in steps "
            f"of {step!r} to sum to one; got {max_weight!r}"
        )
    return largest


def _count(total: int, n_parts: int, largest: int) -> int:
    """Count the compositions of a total into parts from 0 to the largest.

    Inclusion and exclusion: j parts that are too large can be chosen in C(n_parts, j)
    ways, and what is left of the total once each has taken ``largest + 1`` is free.
    """
    return sum(
        (-1) ** j
        * comb(n_parts, j)
        * comb(total - j * (largest + 1) + n_parts - 1, n_parts - 1)
        for j in range(min(n_parts, total // (largest + 1)) + 1)
    )


def _in_full(count: int) -> str:
    """Write a count, one of many digits in short."""
    return f"{count:,}" if count < 10**15 else f"about 10^{log10(count):.0f}"


def _compositions(total: int, n_parts: int, largest: int) -> Iterable[tuple[int, ...]]:
    """List the compositions of a total into parts from 0 to the largest, in order.

    Part by part, keeping only what the remaining parts can still fill up: so there are
    never more beginnings than compositions.
    """
    begun: list[tuple[tuple[int, ...], int]] = [((), total)]
    for remaining in range(n_parts - 1, -1, -1):
        begun = [
            ((*start, part), rest - part)
            for start, rest in begun
            for part in range(
                max(0, rest - remaining * largest), min(rest, largest) + 1
            )
        ]
    return (point for point, _ in begun)
