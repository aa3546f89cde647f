"""A regressor that finds its features in a frame, and skips rows without a target."""

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from skbench._checks import listed
from skbench._frames import (
    Table,
    aligned_target,
    as_table,
    check_named,
    check_numbers,
    convert,
    feature_columns,
    pick,
    resolve,
    take,
    too_large,
)

Name = Hashable


class FeatureRegressor(RegressorMixin, BaseEstimator):
    """Train a regressor on the feature columns of a frame, wherever they stand.

    The regressor is handed these columns alone, as a pandas frame in the order of fit
    and with their dtypes. Rows whose target is NaN are left out of `fit`. Eras, targets
    and whatever else a frame holds are never seen by the regressor.

    Parameters
    ----------
    regressor : estimator with ``fit`` and ``predict``
        What to train; it is cloned, and not fitted itself.
    features : list of str, default=None
        Columns to train on. None: every column whose name starts with "feature".

    Attributes
    ----------
    features_ : list of str
        The columns trained on.
    regressor_ : estimator
        The trained regressor.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from skbench.recipes import FeatureRegressor
    >>> X = pd.DataFrame({"era": ["0001"] * 3, "feature_a": [0, 1, 2]})
    >>> model = FeatureRegressor(LinearRegression()).fit(X, [0.0, 0.5, float("nan")])
    >>> model.predict(X).round(6)
    array([0. , 0.5, 1. ])
    """

    def __init__(self, regressor: Any, features: Sequence[str] | None = None) -> None:
        self.regressor = regressor
        self.features = features

    def fit(self, X: Any, y: Any) -> Self:
        """Train a clone of the regressor on the rows that have a target.

        Parameters
        ----------
        X : DataFrame or Table of shape (n_rows, n_columns)
            Rows with the feature columns, and whatever else there is.
        y : array-like of shape (n_rows,)
            Targets, NaN where there is none; a pandas object must have the index of X.

        Returns
        -------
        self : object
            The trained estimator.

        Raises
        ------
        ValueError
            If X is an array, a feature column is missing or holds no numbers or an
            infinite one, or no row has a target.
        """
        table = _as_frame(X)
        target = aligned_target(table, y)
        rows = np.flatnonzero(~np.isnan(target))
        if rows.size == 0:
            raise ValueError(
                f"there is nothing to train on: all {target.size} targets are missing"
            )
        features = self._choose(table)
        frame = _columns(table, features)
        if rows.size < target.size:
            frame, target = take(frame, rows), target[rows]
        self.regressor_ = clone(self.regressor).fit(frame, target)
        self.features_ = features
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict every row.

        Parameters
        ----------
        X : DataFrame or Table of shape (n_rows, n_columns)
            Rows with the feature columns of fit, in any order.

        Returns
        -------
        y_pred : ndarray of shape (n_rows,)
            One prediction a row.

        Raises
        ------
        ValueError
            If X is an array, or lacks a feature column, or one has infinite values.
        """
        check_is_fitted(self)
        table = _as_frame(X)
        present = set(table.names)
        if missing := [name for name in self.features_ if name not in present]:
            raise ValueError(
                f"X lacks {listed(missing)}, on which the model was trained; "
                f"it has {listed(table.names)}"
            )
        return np.asarray(self.regressor_.predict(_columns(table, self.features_)))

    def _choose(self, table: Table) -> list[Name]:
        if self.features is not None:
            return resolve(table, self.features, "features")
        return feature_columns(table, None, "features")


def _as_frame(X: Any) -> Table:
    table = as_table(X)
    check_named(table, "X")
    return table


def _columns(table: Table, names: Sequence[Name]) -> Any:
    """Return some columns as a pandas frame."""
    check_numbers(table, names)
    frame = convert(pick(table, names), "pandas", [])
    for name in names:
        _check_size(frame[name])
    return frame


def _check_size(column: "pd.Series[float]") -> None:
    if column.dtype.kind != "f":
        return
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if huge := int(too_large(values).sum()):
        raise ValueError(
            f"column {column.name!r} has {huge} infinite or huge values: replace them"
        )
