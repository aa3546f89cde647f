"""A release of Numerai's files of full size, made up: the same bytes every time."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

META_MODEL = "numerai_meta_model"


@dataclass(frozen=True)
class Size:
    """How large a release is; the Meta Model is there in the last eras."""

    eras: int = 690
    rows: int = 5_900
    models: int = 22
    features: int = 42
    meta_model_eras: int = 87


def write_release(folder, size=Size(), groups="eras"):
    """Write the files of validation rows; a row group is an era, or all rows.

    Models share factors with each other and a little with the target, in float32; the
    features are five bins in int8.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    features = [f"feature_{i:04d}" for i in range(size.features)]
    models = [f"v53_lgbm_model{i:02d}_20" for i in range(size.models)]
    sets = {"small": features, "medium": features, "all": features}
    described = {"feature_sets": sets, "targets": ["target", "target_ender_20"]}
    (folder / "features.json").write_text(json.dumps(described), encoding="utf-8")
    files = {
        name: _Writer(folder / f"{name}.parquet", size.rows, groups)
        for name in ("validation", "validation_benchmark_models", "meta_model")
    }
    loadings = rng.normal(size=(size.models, 4)).astype(np.float32)
    bins = rng.integers(0, 5, (size.features, size.rows), dtype=np.int8)
    for number in range(1, size.eras + 1):
        ids = [f"n{number:04d}{row:07x}" for row in range(size.rows)]
        common = {"id": ids, "era": [f"{number:04d}"] * size.rows}
        factors = rng.standard_normal((4, size.rows), dtype=np.float32)
        own = rng.standard_normal((size.models, size.rows), dtype=np.float32)
        predictions = loadings @ factors + own
        signal = 0.03 * factors[0] + rng.standard_normal(size.rows, dtype=np.float32)
        ranks = np.argsort(np.argsort(signal)) / size.rows
        target = np.digitize(ranks, [0.05, 0.25, 0.75, 0.95]).astype(np.float32) / 4
        # Rolled, so that eras differ, and the file is written quickly.
        rolled = np.roll(bins, 17 * number, axis=1)
        files["validation"].write(
            common
            | {"data_type": ["validation"] * size.rows}
            | {"target": target, "target_ender_20": target}
            | dict(zip(features, rolled, strict=True))
        )
        files["validation_benchmark_models"].write(
            common | dict(zip(models, predictions, strict=True))
        )
        if number > size.eras - size.meta_model_eras:
            meta = predictions.mean(axis=0) + own[0]
            files["meta_model"].write(common | {META_MODEL: meta})
    for file in files.values():
        file.close()
    return folder


class _Writer:
    """Writes eras to a file: a row group each, or one of all."""

    def __init__(self, path, rows, groups):
        self.path, self.rows, self.groups = path, rows, groups
        self.writer, self.held = None, []

    def write(self, columns):
        table = pa.table(columns)
        self.writer = self.writer or pq.ParquetWriter(self.path, table.schema)
        if self.groups == "eras":
            self.writer.write_table(table)
        else:
            self.held.append(table)

    def close(self):
        if self.held:
            whole = pa.concat_tables(self.held)
            self.writer.write_table(whole, row_group_size=len(whole))
        self.writer.close()
