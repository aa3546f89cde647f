"""Scores of the predictions of one era against its targets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rank import rank_gauss

Floats = NDArray[np.float64]
# A correlation of two points says nothing.
MIN_ROWS = 3


def numerai_corr(predictions: Floats, target: Floats) -> Floats:
    """Numerai CORR of each prediction: Pearson correlation of two stretched columns.

    The prediction is ranked (ties kept), gaussianized and stretched by
    ``sign(x) |x|^1.5``; the target is centred over all its rows and stretched alike.
    A prediction counts on the rows where it and the target are there. A constant
    prediction scores 0; fewer than 3 rows, or a constant target, give NaN.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)

    Returns
    -------
    array of shape (n_columns,)
    """
    scored = ~np.isnan(target)
    if not scored.any():
        return np.full(len(predictions), np.nan)
    centred = target[scored] - target[scored].mean()
    normal = rank_gauss(predictions[:, scored], scale=False)
    return _correlation(_stretch(normal), _stretch(centred))


def _stretch(values: Floats) -> Floats:
    stretched: Floats = np.sign(values) * np.abs(values) ** 1.5
    return stretched


def _correlation(columns: Floats, target: Floats) -> Floats:
    """Pearson correlation of each column with the target, on the rows it has."""
    present = ~np.isnan(columns)
    counts = present.sum(axis=1)
    x = _deviations(np.where(present, columns, 0.0), present, counts)
    y = _deviations(np.where(present, target, 0.0), present, counts)
    spread = np.sqrt((x * x).sum(axis=1)), np.sqrt((y * y).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores: Floats = (x * y).sum(axis=1) / (spread[0] * spread[1])
    scores[spread[0] == 0] = 0.0
    lowest = np.where(present, target, np.inf).min(axis=1)
    highest = np.where(present, target, -np.inf).max(axis=1)
    scores[(counts < MIN_ROWS) | (lowest >= highest)] = np.nan
    return scores


def _deviations(
    columns: Floats, present: NDArray[np.bool_], counts: NDArray[np.intp]
) -> Floats:
    means = columns.sum(axis=1) / np.maximum(counts, 1)
    return np.where(present, columns - means[:, None], 0.0)


def largest_correlation(prediction: Floats, features: NDArray[Any]) -> float:
    """Largest absolute Pearson correlation of a prediction with any feature.

    Without missing values. A constant prediction or feature has correlation 0.
    """
    x = prediction - prediction.mean()
    f = features.astype(np.float64)
    f -= f.mean(axis=1, keepdims=True)
    size = np.sqrt((x @ x) * np.einsum("ij,ij->i", f, f))
    products = np.abs(f @ x)
    return float((products / np.where(size > 0, size, np.inf)).max())
