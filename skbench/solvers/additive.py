"""Means of series that were not all seen in the same rounds."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def adjusted_means(values: Floats) -> Floats:
    """Mean of each model had it been seen in every round, by an additive model.

    Least squares fits value = model effect + round effect + error to what was seen, so
    models are compared in the rounds that they share, and a model seen only in good
    rounds gains nothing by it. Where all is seen, these are the plain means. The models
    must be linked by shared rounds; every round must have a value.

    Parameters
    ----------
    values : array of shape (n_rounds, n_models)
        NaN where a model was not seen.

    Returns
    -------
    array of shape (n_models,)
    """
    seen = ~np.isnan(values)
    share = seen / seen.sum(axis=1, keepdims=True)
    known = np.where(seen, values, 0.0)
    # The normal equations of the model effects, after those of the rounds.
    design = np.diag(seen.sum(axis=0)) - seen.T.astype(np.float64) @ share
    response = known.sum(axis=0) - share.T @ known.sum(axis=1)
    effects: Floats = np.linalg.lstsq(design, response)[0]
    rounds = (share * (known - effects)).sum(axis=1)
    means: Floats = effects + rounds.mean()
    return means


def n_compared(values: Floats) -> NDArray[np.intp]:
    """Count the rounds of each model in which another was seen too."""
    seen = ~np.isnan(values)
    count: NDArray[np.intp] = seen[seen.sum(axis=1) > 1].sum(axis=0)
    return count
