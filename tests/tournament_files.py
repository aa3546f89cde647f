"""A tournament written as the files that Numerai publishes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from skbench.datasets import to_folder

FILES = [
    "features.json",
    "live.parquet",
    "live_benchmark_models.parquet",
    "meta_model.parquet",
    "validation.parquet",
    "validation_benchmark_models.parquet",
]


def write_tournament(folder, data):
    """Write what `make_benchmark_models` returned into a folder, which is made."""
    return to_folder(data, folder, overwrite=True)


def write_feature_sets(path, sets, targets):
    """Write a file as Numerai's `features.json`."""
    Path(path).write_text(json.dumps({"feature_sets": sets, "targets": list(targets)}))


def own_predictions(frame, model):
    """Return predictions of one's own for rows, like those of a model."""
    noise = np.random.default_rng(1).normal(size=len(frame))
    prediction = frame[model].rank(pct=True) + 0.1 * noise
    return pd.DataFrame({"era": frame["era"], "prediction": prediction})


def write_rows(path, frame):
    """Write a file of the kind that its ending names; return its path."""
    write = frame.to_parquet if path.suffix == ".parquet" else frame.to_csv
    write(path)
    return path
