"""Windows of eras to train on and to test on: `WalkForwardEraSplit`."""

from collections.abc import Hashable, Iterator, Sequence
from copy import copy
from math import ceil
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator

from skbench._checks import check_count
from skbench._eras import (
    Eras,
    era_counts,
    find_eras,
    rows_of,
    stated_era_column,
    target_days,
)
from skbench._frames import (
    ALL,
    Table,
    as_column,
    as_table,
    check_index,
    furthest,
    meant_target,
    pick,
    present,
    resolve,
    several_columns,
    target_name,
)
from skbench._warnings import warn
from skbench.solvers.windows import Chunks, Window

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
Splits = Iterator[tuple[Indices, Indices]]


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
    the same length in time. Dates count in weeks, the first as 1: a purge of 8 is eight
    weeks, also where weeks are missing and with data of months or days. One label that
    is neither ("X", a live era) counts one after the last, and moves no window. It is
    an error if labels do not say which era comes first.

    A window without an era to train on, or without one to test on, is skipped; with
    targets, or a ``reference``, also one that cannot be scored, with a warning that
    counts these: a search over windows whose score is NaN would choose at random. Eras
    before ``first_era`` take no part. All rows of an era are in the same part, in
    whatever order the rows are.

    `split` warns where the target, by its name, looks further ahead than the purge.

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
    reference : str or int, default=None
        Column of X, its name or position, that the test eras need to be scored, as
        "numerai_meta_model" is for MMC.
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
        reference: Any = None,
        era: Any = "era",
    ) -> None:
        self.chunk_size = chunk_size
        self.purge = purge
        self.first_era = first_era
        self.max_train_eras = max_train_eras
        self.reference = reference
        self.era = era

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Splits:
        """Yield the rows of each window, windows in the order of time.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns), default=None
            Rows with the era column; any X where ``groups`` is given.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Targets. Where given, windows without a target to test on are skipped.
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
            they have no order, or no window has eras of both kinds and can be scored.

        Warns
        -----
        UserWarning
            If windows cannot be scored, or the target looks further ahead than the
            purge.
        """
        eras, needed = self._read(X, y, groups)
        self._check_purge(X, y)
        for window in self._scored(eras, needed, loud=True):
            yield rows_of(eras, window.train), rows_of(eras, window.test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Count the windows that `split` yields, which depend on the eras there are.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns), default=None
            As for `split`.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            As for `split`.
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
        return len(self._scored(*self._read(X, y, groups)))

    def windows(self, eras: Any, y: Any = None, reference: Any = None) -> pd.DataFrame:
        """Tabulate the windows of some eras, to be read before anything runs.

        Parameters
        ----------
        eras : array-like of shape (n_labels,)
            Era labels, one an era or one a row.
        y : array-like of shape (n_labels,), default=None
            A target for each label. Where given, windows that `split` skips for want of
            one are left out, with the same warning.
        reference : array-like of shape (n_labels,), default=None
            A value of the reference for each label, likewise.

        Returns
        -------
        windows : pandas.DataFrame of shape (n_windows, 6)
            ``train_first``, ``train_last``, ``test_first`` and ``test_last`` are labels
            of eras there are; ``n_train`` and ``n_test`` are numbers of eras.

        Raises
        ------
        ValueError
            As for `split`.
        """
        labels = as_column(eras, "eras")
        found = find_eras(labels, "eras")
        name = repr(self.reference) if self.reference is not None else "`reference`"
        inputs = {"y": y, "reference": reference}
        needed = _needed(eras, labels.n_rows, inputs, name)
        rows = [
            {
                "train_first": found.labels[window.train[0]],
                "train_last": found.labels[window.train[-1]],
                "n_train": len(window.train),
                "test_first": found.labels[window.test[0]],
                "test_last": found.labels[window.test[-1]],
                "n_test": len(window.test),
            }
            for window in self._scored(found, needed, loud=True)
        ]
        return pd.DataFrame(rows)

    def _read(self, X: Any, y: Any, groups: Any) -> tuple[Eras, dict[str, Mask]]:
        """Find the rows of each era, and those that have what scoring needs."""
        labels, column = self._labels(X, groups)
        inputs, name = {"y": y}, repr(self.reference)
        if self.reference is not None:
            if X is None:
                raise ValueError(
                    f"`reference` names the column {self.reference!r} of X: pass X"
                )
            table = as_table(X, object_array=True)
            values = pick(table, resolve(table, self.reference, "reference"))
            inputs["reference"] = values
        return find_eras(labels, column), _needed(X, labels.n_rows, inputs, name)

    def _labels(self, X: Any, groups: Any) -> tuple[Table, Any]:
        """Return the table that holds the era labels, and the name of their column."""
        if groups is not None:
            labels = as_column(groups, "groups")
            _check_length(X, labels.n_rows)
            check_index(X, groups, "groups")
            return labels, "groups"
        if X is None:
            raise ValueError(
                f"the windows depend on the eras: pass X with the column {self.era!r}, "
                "or the era of each row as `groups`"
            )
        table = as_table(X, object_array=True)
        return table, stated_era_column(table, self.era)

    def _whether_scored_or_not(self, X: Any, y: Any, groups: Any) -> Splits:
        """Split into all windows, as it takes to predict them."""
        anyhow = copy(self)
        anyhow.reference = None
        self._check_purge(X, y)
        return anyhow.split(X, None, groups)

    def _check_purge(self, X: Any, y: Any) -> None:
        """Warn where the name of y says that it looks further ahead than the purge."""
        self._check_parameters()
        targets = several_columns(y)
        if targets is None:
            return self._check_reach(target_name(X, y))
        meant = [
            meant_target(X, targets.select([name])(ALL)[0], str(name)) or ""
            for name in targets.names
        ]
        return self._check_reach(furthest(meant, ""))

    def _check_reach(self, name: str | None) -> None:
        """Warn where the name of a target says that it looks beyond the purge."""
        ahead = ceil((target_days(name) or 0) / 5)
        if self.purge < ahead:
            warn(
                f"`purge` {self.purge} is too short for {name!r}, which looks {ahead} "
                "weeks ahead: targets of the last training eras reach into the test "
                f"eras. Set purge={ahead} or more"
            )

    def _scored(
        self, eras: Eras, needed: dict[str, Mask], *, loud: bool = False
    ) -> list[Window]:
        """Return the windows that can be scored; warn of the others, or if none can."""
        windows = self._some_windows(eras.labels)
        lacks = [_lack(eras, window, needed) for window in windows]
        kept = [window for window, lack in zip(windows, lacks, strict=True) if not lack]
        counts = {lack: lacks.count(lack) for lack in lacks if lack}
        why = "; ".join(f"{n} have {lack}" for lack, n in counts.items())
        if not kept:
            raise ValueError(f"none of the {len(windows)} windows can be scored: {why}")
        if counts and loud:
            warn(
                f"{len(windows) - len(kept)} of {len(windows)} windows cannot be "
                f"scored and are skipped: {why}"
            )
        return kept

    def _some_windows(self, labels: Sequence[Hashable]) -> list[Window]:
        """Return the windows, of which there must be one."""
        if windows := self._windows(labels):
            return windows
        numbers = era_counts(labels)
        raise ValueError(
            f"no window has eras to train on and eras to test on: there are "
            f"{numbers.size} eras, which count from {numbers.min():g} to "
            f"{numbers.max():g}, with chunk_size={self.chunk_size}, a purge of "
            f"{self.purge} and the first era {self.first_era}. Choose a smaller "
            "`chunk_size`"
        )

    def _windows(self, labels: Sequence[Hashable]) -> list[Window]:
        """Return the windows, in the order of time."""
        self._check_parameters()
        return self._chunks.windows(era_counts(labels))

    @property
    def _chunks(self) -> Chunks:
        return Chunks(self.chunk_size, self.purge, self.first_era, self.max_train_eras)

    def _check_parameters(self) -> None:
        check_count("chunk_size", self.chunk_size, 1)
        check_count("purge", self.purge, 0)
        check_count("first_era", self.first_era, 0)
        if self.max_train_eras is not None:
            check_count("max_train_eras", self.max_train_eras, 1)


def _needed(X: Any, n_rows: int, inputs: dict[str, Any], name: str) -> dict[str, Mask]:
    """Return by what it is, of all that is given, which rows have it."""
    wording = {"y": "a target", "reference": f"a value in {name}"}
    needed = {}
    for parameter, values in inputs.items():
        if values is None:
            continue
        check_index(X, values, parameter)
        needed[wording[parameter]] = there = present(values)
        if there.shape != (n_rows,):
            raise ValueError(
                f"`{parameter}` must have one value for each of {n_rows} rows; got "
                f"{there.size}"
            )
    return needed


def _lack(eras: Eras, window: Window, needed: dict[str, Mask]) -> str:
    """Say what keeps a window from being scored; nothing if it can be."""
    if not needed:
        return ""
    rows = rows_of(eras, window.test)
    for what, there in needed.items():
        if not there[rows].any():
            return f"no test era with {what}"
    together = np.logical_and.reduce(list(needed.values()))
    if together[rows].any():
        return ""
    return f"no test era in which a row has {' and '.join(needed)}"
