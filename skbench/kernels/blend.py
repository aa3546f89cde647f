"""Weighted sums of prediction columns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def blend(columns: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Sum ``weight * column``; NaN wherever a column is missing.

    Column by column: the bits of a matrix product would depend on the memory layout.
    """
    out = np.zeros(len(columns[0]))
    for column, weight in zip(columns, weights, strict=True):
        out += weight * column
    return out


def blend_present(columns: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Sum over the columns that a row has, its weights rescaled to make up.

    The remaining weights of a row are multiplied so that their absolute sum is that
    of all weights. A row without any value stays NaN.
    """
    out, size = np.zeros(len(columns[0])), np.zeros(len(columns[0]))
    for column, weight in zip(columns, weights, strict=True):
        present = ~np.isnan(column)
        out += np.where(present, weight * column, 0.0)
        size += abs(weight) * present
    whole = sum(abs(weight) for weight in weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A complete row is multiplied by exactly 1; one without values by infinity.
        return out * (whole / size)
