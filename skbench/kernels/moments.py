"""Moments of the predictions of one era, all that learning weights ever needs.

Everything is a mean over rows, so that the score of any blend follows from it: with w
the weights, the covariance of the blend with the target is ``w @ c`` and its variance
``w @ S @ w``. Eras are never added up here: statistics of more eras are more entries.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rank import rank_gauss
from .score import MIN_ROWS

Floats = NDArray[np.float64]
Moments = dict[str, Any]


def era_moments(
    columns: Floats,
    target: Floats,
    reference: Floats | None = None,
    *,
    missing_as_zero: bool = False,
) -> Moments:
    """Moments of one era, over its rows that have a target and their predictions.

    A column without any value in the era is left out of what a row must have; its
    moments are zero. The reference is gaussianized over the rows that have it.

    Parameters
    ----------
    columns : array of shape (n_columns, n_rows)
        Predictions.
    target : array of shape (n_rows,)
    reference : array of shape (n_rows,), default=None
    missing_as_zero : bool
        Whether a missing prediction counts as 0 where its row has another one.

    Returns
    -------
    dict
        - ``n_all``, ``n_target``, ``n_rows``: rows, those with a target, and those of
          them that count;
        - ``n_missing`` (n_columns,): values missing in rows with a target;
        - ``standardized`` (n_columns,): whether the era's values are, or are alike;
        - ``varies`` (n_columns,): whether not all values of these rows are alike;
        - ``present`` (n_columns,): whether the column alone can be scored: it has
          values in 3 of these rows or more, over which the target varies;
        - ``covariance`` (n_columns, n_columns), ``target_covariance`` (n_columns,),
          ``target_variance``;
        - ``reference_...``: the same over the rows that also have the reference, which
          is what has to vary for ``reference_present``;
          ``reference_cross`` (n_columns,), ``reference_square``, ``reference_target``:
          mean products of the reference with the columns, itself, the centred target;
        - ``target_unit``: 4 if the target lies inside [0, 1] there, else 1.
    """
    has_target = ~np.isnan(target)
    missing = None
    # One sum tells whether anything is missing, in a fraction of the time of a mask.
    if np.isnan(columns.sum()):
        missing = np.isnan(columns)
        filled = np.where(missing, 0.0, columns)
        n_missing = missing[:, has_target].sum(axis=1)
        used = has_target & _counted(
            missing, n_missing < has_target.sum(), missing_as_zero
        )
        standardized = _standardized(filled, (~missing).sum(axis=1))
    else:
        filled, used = columns, has_target
        n_missing = np.zeros(len(columns), dtype=np.intp)
        standardized = _standardized(columns, np.full(len(columns), target.size))
    moments = _moments(filled, target, used)
    present = np.full(len(columns), moments["target_variance"] > 0)
    if missing is not None:
        present = _present(missing, used, target)
    return {
        "n_all": target.size,
        "n_target": int(has_target.sum()),
        "n_missing": n_missing,
        "standardized": standardized,
        **moments,
        "present": present,
        **_reference_moments(filled, target, reference, used, missing),
    }


def _counted(
    missing: NDArray[np.bool_], present: NDArray[np.bool_], missing_as_zero: bool
) -> NDArray[np.bool_]:
    """Rows that count, by the predictions that they have."""
    if missing_as_zero:
        return np.asarray(~missing.all(axis=0))
    return np.asarray(~missing[present].any(axis=0) & present.any())


def _present(
    missing: NDArray[np.bool_], rows: NDArray[np.bool_], other: Floats
) -> NDArray[np.bool_]:
    """Whether each column has values in enough of the rows, where the other varies."""
    there = rows & ~missing
    highest = np.where(there, other, -np.inf).max(axis=1)
    lowest = np.where(there, other, np.inf).min(axis=1)
    present: NDArray[np.bool_] = (there.sum(axis=1) >= MIN_ROWS) & (highest > lowest)
    return present


def _standardized(filled: Floats, counts: NDArray[np.intp]) -> NDArray[np.bool_]:
    counts = np.maximum(counts, 1)
    means = filled.sum(axis=1) / counts
    variances = np.einsum("ij,ij->i", filled, filled) / counts - means**2
    # Wide enough for ties, few rows, and either count of degrees of freedom.
    unit = (np.abs(variances - 1.0) <= 0.1 + 2.0 / counts) & (np.abs(means) <= 0.5)
    standardized: NDArray[np.bool_] = unit | (variances <= 1e-12 * means**2)
    return standardized


def _moments(columns: Floats, target: Floats, rows: NDArray[np.bool_]) -> Moments:
    n, k = int(rows.sum()), len(columns)
    if n < MIN_ROWS:
        return {
            "n_rows": 0,
            "varies": np.zeros(k, dtype=bool),
            "covariance": np.zeros((k, k)),
            "target_covariance": np.zeros(k),
            "target_variance": 0.0,
        }
    x, y = _of_rows(columns, rows), target[rows]
    means = x.mean(axis=1)
    x, y = x - means[:, None], y - y.mean()
    covariance = x @ x.T / n
    return {
        "n_rows": n,
        # A constant column differs from its mean by rounding at most.
        "varies": covariance.diagonal() > 1e-28 * means**2,
        "covariance": covariance,
        "target_covariance": x @ y / n,
        "target_variance": y @ y / n if y.max() > y.min() else 0.0,
    }


def _of_rows(columns: Floats, rows: NDArray[np.bool_]) -> Floats:
    """Columns of some rows, laid out alike whether they are all or not."""
    return columns if rows.all() else np.compress(rows, columns, axis=1)


def _reference_moments(
    columns: Floats,
    target: Floats,
    reference: Floats | None,
    used: NDArray[np.bool_],
    missing: NDArray[np.bool_] | None,
) -> Moments:
    rows = np.zeros_like(used) if reference is None else used & ~np.isnan(reference)
    moments = _moments(columns, target, rows)
    out = {f"reference_{name}": value for name, value in moments.items()}
    if reference is None or not moments["n_rows"]:
        nothing = np.zeros(len(columns))
        return out | {
            "reference_cross": nothing,
            "reference_square": 0.0,
            "reference_target": 0.0,
            "reference_present": np.zeros(len(columns), dtype=bool),
            "target_unit": 1.0,
        }
    x, y = _of_rows(columns, rows), target[rows]
    m = rank_gauss(reference[None, rows], scale=False)[0]
    present = np.full(len(columns), m.any())
    if missing is not None:
        present = _present(missing, rows, reference)
    return out | {
        "reference_cross": x @ m / m.size,
        "reference_square": m @ m / m.size,
        "reference_target": (y - y.mean()) @ m / m.size,
        "reference_present": present,
        "target_unit": 4.0 if y.min() >= 0 and y.max() <= 1 else 1.0,
    }
