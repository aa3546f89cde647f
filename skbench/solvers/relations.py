"""How the columns of an era go with its target and with each other, from its moments.

Arrays have one entry an era, as `era_moments` gives them and its callers stack them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .objectives import Ratio

Floats = NDArray[np.float64]
Moments = Mapping[str, NDArray[Any]]


def slopes(moments: Moments, column: int) -> Floats:
    """Differentiate one column's correlation with the target: (n_eras, n_columns).

    One derivative in the direction of each column, in the units that it comes in.
    """
    variance = moments["target_variance"][:, None]
    root = np.sqrt(np.where(variance > 0, variance, np.inf))
    ratio = Ratio(moments["target_covariance"] / root, moments["covariance"])
    direction = np.zeros(ratio.linear.shape[1])
    direction[column] = 1.0
    return ratio.gradient(direction)[1]


def correlations(moments: Moments) -> tuple[Floats, Floats]:
    """Correlations of the columns with the target, and with each other.

    The shapes are (n_eras, n_columns) and (n_eras, n_columns, n_columns). A column that
    does not vary has correlation 0.
    """
    square = moments["covariance"]
    sizes = np.sqrt(np.einsum("eii->ei", square))
    sizes = np.where(moments["varies"], sizes, np.inf)
    variance = moments["target_variance"][:, None]
    root = np.sqrt(np.where(variance > 0, variance, np.inf))
    with_target = moments["target_covariance"] / (sizes * root)
    return with_target, square / sizes[:, :, None] / sizes[:, None, :]
