"""Predictions out of sample, window by window: `walk_forward_predict`."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import check_cv

from skbench._checks import check_flag
from skbench._frames import (
    Table,
    as_table,
    check_alignment,
    has_name,
    like_rows,
    take,
    without,
)
from skbench._progress import with_progress

from ._split import Indices, WalkForwardEraSplit


def walk_forward_predict(
    estimator: Any,
    X: Any,
    y: Any = None,
    cv: Any = None,
    *,
    groups: Any = None,
    keep_era: bool | None = None,
    progress: bool = False,
) -> Any:
    """Predict each window from a model that was trained on the eras before it.

    For each window a clone of the estimator is fitted on the training rows and predicts
    the test rows. Rows that no window predicts, such as those before the first, are
    NaN: unlike `sklearn.model_selection.cross_val_predict`, this needs no partition.
    Windows that cannot be scored yet, for want of targets, are predicted too.

    Parameters
    ----------
    estimator : estimator with ``fit`` and ``predict``
        What to train; it is cloned, and not fitted itself.
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
    keep_era : bool, default=None
        Whether the estimator is handed the era column too, that of ``cv`` or else
        "era". A model must not train on it; a pipeline that works era by era needs it.
        None: if a parameter ``era`` of the estimator, or of a step, names the column.
    progress : bool, default=False
        Whether to show a progress bar of the windows.

    Returns
    -------
    y_pred : Series, DataFrame or ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Predictions aligned to the rows of X, with its index if it is a pandas frame:
        float32 where all windows predict float32, otherwise float64.

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
    >>> from sklearn.linear_model import LinearRegression
    >>> from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict
    >>> X = pd.DataFrame({"era": ["0001", "0001", "0002", "0003"], "x": [0, 1, 2, 3]},
    ...                  index=["n1", "n2", "n3", "n4"])
    >>> cv = WalkForwardEraSplit(chunk_size=1, purge=0)
    >>> walk_forward_predict(LinearRegression(), X, [0.0, 0.5, 1.0, 1.0], cv)
    n1    NaN
    n2    NaN
    n3    1.0
    n4    1.5
    Name: prediction, dtype: float64
    """
    check_flag("progress", progress)
    if keep_era is not None:
        check_flag("keep_era", keep_era)
    table = as_table(X, object_array=True)
    if y is not None:
        check_alignment(table, y)
    splits = _splits(table.native, y, cv, groups)
    _check_disjoint([test for _, test in splits], table.n_rows)
    seen = _without_era(table, getattr(cv, "era", "era"), estimator, keep_era)
    predicted = [
        _fit_predict(estimator, seen, y, train, test)
        for train, test in with_progress(splits, "window", progress)
    ]
    dtype = np.result_type(np.float32, *{values.dtype for values in predicted})
    out = np.full((table.n_rows, *_common_shape(predicted)), np.nan, dtype=dtype)
    for (_, test), values in zip(splits, predicted, strict=True):
        out[test] = values
    return like_rows(X, out, "prediction")


def _without_era(table: Table, era: Any, estimator: Any, keep_era: bool | None) -> Any:
    """Return X without the era column, unless the estimator is to have it."""
    if keep_era is None:
        params = estimator.get_params() if hasattr(estimator, "get_params") else {}
        keep_era = any(
            name.rpartition("__")[2] == "era" and value == era
            for name, value in params.items()
        )
    named = table.named and has_name(table.names, era)
    if keep_era or not (named or isinstance(era, Integral)):
        return table.native
    return without(table, range(len(table.names))[era] if not table.named else era)


def _splits(X: Any, y: Any, cv: Any, groups: Any) -> list[tuple[Indices, Indices]]:
    if isinstance(cv, Integral):
        raise ValueError(
            f"`cv` must be a splitter such as WalkForwardEraSplit; got {cv!r}, which "
            "would train on later eras than it predicts"
        )
    try:
        splitter = check_cv(WalkForwardEraSplit() if cv is None else cv)
        ours = isinstance(splitter, WalkForwardEraSplit)
        split = splitter._whether_scored_or_not if ours else splitter.split
        return [
            (_positions(train), _positions(test)) for train, test in split(X, y, groups)
        ]
    except (TypeError, ValueError) as error:
        splits_itself = cv is None or hasattr(cv, "split")
        if splits_itself and isinstance(error, ValueError):
            raise  # in the words of the splitter
        raise ValueError(
            f"`cv` must be a splitter, or pairs of row positions: {error}"
        ) from error


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
