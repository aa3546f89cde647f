"""Windows of eras to train on and to test on: `WalkForwardEraSplit`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator

from skbench._base import check_count
from skbench._eras import Eras, calendar, find_eras, rows_of, stated_era_column
from skbench._frames import as_column, as_table, check_index

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class _Window:
    """Positions of the eras to train on and of those to test on, in their order."""

    train: list[int]
    test: list[int]


def _check_length(X: Any, n_labels: int) -> None:
    if X is None:
        return
    try:
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    except (IndexError, TypeError):
        raise ValueError(f"X must hold rows, as `groups` does; got {X!r}") from None
    if n_rows != n_labels:
        raise ValueError(f"X has {n_rows} rows and `groups` has {n_labels}")


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
            labels = as_column(groups, "groups")
            _check_length(X, labels.n_rows)
            check_index(X, groups, "groups")
            return find_eras(labels, "groups")
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
