"""A tournament written as the files that Numerai publishes."""

import json
from pathlib import Path

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
