"""The features whose link to the target changed most: `riskiest_features`."""

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbench._aligned import Aligned, Input, column
from skbench._checks import check_count
from skbench._eras import chronological, find_eras, stated_era_column
from skbench._frames import (
    Table,
    aligned_target,
    as_table,
    check_numbers,
    feature_columns,
    resolve,
)
from skbench.kernels.score import correlations

Name = Hashable
Floats = NDArray[np.float64]


def riskiest_features(
    X: Any, y: Any, n: int = 50, *, features: Any = None, era: Any = "era"
) -> list[Any]:
    r"""Find the features whose correlation with the target changes most over time.

    With :math:`\rho_{tj}` the Pearson correlation of feature j with the target in era
    t, and the eras that have a target in the order of time, :math:`t = 1, \dots, T`,

    .. math::

        \left| \frac{1}{|B_j|} \sum_{t \in B_j} \rho_{tj}
        - \frac{1}{|A_j|} \sum_{t \in A_j} \rho_{tj} \right|

    is the change of feature j, where :math:`A_j` are the eras up to
    :math:`\lfloor T / 2 \rfloor`, and :math:`B_j` those after it, in which the feature
    has a correlation. It has none where it or the target is constant, or where fewer
    than 3 rows have both. A feature that has none in all of a half has no change, and
    is never among the riskiest. Of features that change alike, those that stand first
    come first.

    Parameters
    ----------
    X : DataFrame, Table or array of shape (n_rows, n_columns)
        Training rows with the features and the era column, in any order.
    y : array-like of shape (n_rows,)
        Targets, NaN where there is none; a pandas object must have the index of X.
    n : int, default=50
        How many features to return.
    features : str, int, list of these or callable, default=None
        The features to choose from: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: every column whose name
        starts with "feature".
    era : str or int, default="era"
        The era column: its name, or its position in an array.

    Returns
    -------
    names : list of str or int
        The ``n`` riskiest features, that with the largest change first.

    Raises
    ------
    ValueError
        If fewer than two eras have a target, fewer than ``n`` features have a change,
        or a feature has infinite or huge values.

    References
    ----------
    Numerai, "Benchmark Models": the neutralizers of V4_EXAMPLE_PREDS.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.recipes import riskiest_features
    >>> X = pd.DataFrame({"era": ["0001"] * 3 + ["0002"] * 3,
    ...                   "feature_steady": [0, 1, 2, 0, 1, 2],
    ...                   "feature_turned": [0, 1, 2, 2, 1, 0]})
    >>> riskiest_features(X, [0.0, 0.5, 1.0, 0.0, 0.5, 1.0], n=1)
    ['feature_turned']
    """
    check_count("n", n, 1)
    table = as_table(X, object_array=True)
    era = stated_era_column(table, era)
    names = _choose(table, features, era)
    check_numbers(table, names)
    target = aligned_target(table, y)
    change = _change(_by_era(table, names, target, era))
    known = int((~np.isnan(change)).sum())
    if n > known:
        raise ValueError(
            f"`n` must be at most {known}, the number of features with a correlation "
            f"in both halves of the eras; got {n}"
        )
    order = np.argsort(-change, kind="stable")  # NaN last
    return [names[position] for position in order[:n]]


def _choose(table: Table, features: Any, era: Name) -> list[Name]:
    if features is None:
        return feature_columns(table, era, "features")
    names = resolve(table, features, "features")
    if era in names:
        raise ValueError(f"the era column {era!r} cannot be a feature")
    return names


def _by_era(table: Table, names: list[Name], target: Floats, era: Name) -> Floats:
    """Correlate each feature with the target: (n_eras, n_features), eras in order."""
    eras = find_eras(table, era)
    order = chronological(eras.labels)
    known = [i for i in order if not np.isnan(target[eras.rows[i]]).all()]
    if len(known) < 2:
        raise ValueError(
            f"two eras or more must have a target to be compared; {len(known)} of "
            f"{len(order)} has one"
        )
    features = Input(names, table.select(names), finite=True)
    rows = Aligned({"features": features, "y": column("y", target)}, eras)
    return np.array(list(rows.at(known).by_era(_correlate, squared="y")))


def _correlate(features: NDArray[Any], target: Floats) -> Floats:
    known = ~np.isnan(target)
    block, target = features[:, known], target[known]
    # The kernel lets what is constant correlate by 0; here that tells nothing.
    silent = np.fmax.reduce(block, axis=1) == np.fmin.reduce(block, axis=1)
    if target.min() == target.max():
        silent[:] = True
    return np.where(silent, np.nan, correlations(block, target[None, :])[:, 0])


def _change(by_era: Floats) -> Floats:
    half = len(by_era) // 2
    change: Floats = np.abs(_mean(by_era[half:]) - _mean(by_era[:half]))
    return change


def _mean(values: Floats) -> Floats:
    """Mean of what is not NaN in each column; NaN where nothing is."""
    count = (~np.isnan(values)).sum(axis=0)
    total = np.nansum(values, axis=0)
    mean: Floats = np.divide(
        total, count, out=np.full(len(total), np.nan), where=count > 0
    )
    return mean
