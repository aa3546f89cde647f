"""The non-negative blend of models that best explains a reference."""

import numpy as np
from numpy.typing import NDArray

from .search import least_squares

Floats = NDArray[np.float64]


def implied_weights(
    covariance: Floats, cross: Floats, variance: float, usable: NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Weights of the blend, scaled to sum one, and the share that it explains.

    Parameters
    ----------
    covariance : array of shape (n_models, n_models)
    cross : array of shape (n_models,)
        Covariance of each model with the reference.
    variance : float
        Variance of the reference, above 0.
    usable : array of shape (n_models,)
        Models to blend; the weight of the others is NaN.

    Returns
    -------
    weights : array of shape (n_models,)
        NaN where no model helps, and the share explained is 0.
    explained : float
    """
    weights = np.full(cross.size, np.nan)
    fitted = least_squares(covariance[np.ix_(usable, usable)], cross[usable])
    if not fitted.any():
        return weights, 0.0
    weights[usable] = fitted / fitted.sum()
    # At the minimum the blend covaries with the reference as it does with itself.
    return weights, float(fitted @ cross[usable] / variance)


def implied_by_era(
    covariance: Floats, cross: Floats, variance: Floats, usable: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Do the same for each era: (n_eras, n_models) and (n_eras,)."""
    found = [
        implied_weights(*era)
        for era in zip(covariance, cross, variance, usable, strict=True)
    ]
    weights, explained = zip(*found, strict=True)
    return np.array(weights), np.array(explained)
