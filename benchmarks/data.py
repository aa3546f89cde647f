"""Synthetic rows, in frames as a user has them."""

import numpy as np
import pandas as pd


def predictions(n_eras, n_rows, n_models, rng):
    """Predictions of some models and a target, eras one after the other."""
    names = [f"model_{i}" for i in range(n_models)]
    values = rng.standard_normal((n_models, n_eras * n_rows))
    frame = pd.DataFrame(values.T, columns=names, copy=False)
    frame.insert(0, "era", np.repeat([f"{i:04d}" for i in range(n_eras)], n_rows))
    target = pd.Series(rng.integers(0, 5, n_eras * n_rows) / 4, name="target")
    return frame, names, target


def era(n_rows, n_features, n_columns, rng):
    """One era of predictions that lean on binned features."""
    features = [f"feature_{i}" for i in range(n_features)]
    bins = rng.integers(0, 5, (n_features, n_rows), dtype=np.int8)
    frame = pd.DataFrame(bins.T, columns=features, copy=False)
    columns = prediction_names(n_columns)
    noise = rng.standard_normal((n_columns, n_rows))
    leaning = pd.DataFrame((bins[:20].sum(axis=0) / 10 + noise).T, columns=columns)
    leaning.insert(0, "era", "0001")
    return pd.concat([leaning, frame], axis=1), features


def prediction_names(n_columns):
    """Names of the predictions of `era`."""
    return [f"prediction_{i}" for i in range(n_columns)]


def by_era(frame):
    """Slices of the rows of each era, which stand one after the other."""
    starts = np.flatnonzero(frame["era"].ne(frame["era"].shift()).to_numpy())
    stops = np.append(starts[1:], len(frame))
    return [slice(*pair) for pair in zip(starts, stops, strict=True)]
