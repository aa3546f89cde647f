"""What a command cannot do without: reading its columns, and the kernels on arrays.

``python -m benchmarks.floors NAME FOLDER`` does so once, in a process that is measured
from outside. The rows of the files must stand in the same order, eras together.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.release import META_MODEL
from skbench.kernels.blend import blend
from skbench.kernels.moments import era_moments
from skbench.kernels.neutralize import neutralize
from skbench.kernels.rank import rank_gauss, rank_uniform
from skbench.kernels.score import correlation_contribution, numerai_corr

BATCH_ROWS = 65_536


def names_in(path, start):
    """Columns of a file whose names begin so."""
    return [name for name in pq.read_schema(path).names if name.startswith(start)]


def eras_of(path, columns):
    """Yield the eras of a file as arrays: the label, (n_columns, n_rows)."""
    rows = BATCH_ROWS if len(columns) < 200 else BATCH_ROWS // 8
    held, label = [], None
    file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**18)
    for batch in file.iter_batches(rows, columns=["era", *columns]):
        codes = batch.column(0).dictionary_encode()
        labels, codes = codes.dictionary.to_pylist(), codes.indices.to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        arrays = [batch.column(i + 1).to_numpy() for i in range(len(columns))]
        for start, stop in pairwise(starts):
            if held and labels[codes[start]] != label:
                yield label, np.concatenate(held, axis=1)
                held = []
            label = labels[codes[start]]
            held.append(np.stack([array[start:stop] for array in arrays]))
    yield label, np.concatenate(held, axis=1)


def files_of(folder):
    """The three files of a release."""
    names = "validation_benchmark_models", "validation", "meta_model"
    return [Path(folder) / f"{name}.parquet" for name in names]


def score(folder):
    """CORR of all models in all eras, contribution where the Meta Model is."""
    models_file, main, meta_file = files_of(folder)
    meta = dict(eras_of(meta_file, [META_MODEL]))
    models = eras_of(models_file, names_in(models_file, "v53"))
    for (label, block), (_, rest) in zip(
        models, eras_of(main, ["target"]), strict=True
    ):
        block, target = block.astype(np.float64), rest[0].astype(np.float64)
        numerai_corr(block, target)
        if label in meta:
            reference = meta[label][0].astype(np.float64)
            correlation_contribution(block, target, reference)


def ensemble(folder):
    """Rank and learn; then blend in four ways, rank, neutralise, rank and score."""
    models_file, main, meta_file = files_of(folder)
    names = names_in(models_file, "v53")
    models = eras_of(models_file, names)
    for (_, block), (_, rest) in zip(models, eras_of(main, ["target"]), strict=True):
        era_moments(rank_gauss(block.astype(np.float64)), rest[0].astype(np.float64))
    meta = dict(eras_of(meta_file, [META_MODEL]))
    # The ensemble, equal weights, the best single model, and what is in sample.
    equal, single = np.full(len(names), 1 / len(names)), np.eye(len(names))[0]
    for label, columns, target in _blended(folder, [equal, equal, single, equal]):
        numerai_corr(columns, target)
        if label in meta:
            reference = meta[label][0].astype(np.float64)
            correlation_contribution(columns, target, reference)


def ensemble_without_learning(folder):
    """Blend with equal weights, rank, neutralise, rank and score."""
    models_file, _, _ = files_of(folder)
    n_models = len(names_in(models_file, "v53"))
    for _, columns, target in _blended(folder, [np.full(n_models, 1 / n_models)]):
        numerai_corr(columns, target)


def _blended(folder, several):
    """Yield the eras: the label, a column for each weights, and the target."""
    models_file, main, _ = files_of(folder)
    names, features = names_in(models_file, "v53"), names_in(main, "feature")
    models, targets = eras_of(models_file, names), eras_of(main, ["target"])
    rows = zip(models, targets, eras_of(main, features), strict=True)
    for (label, block), (_, target), (_, bins) in rows:
        gauss = list(rank_gauss(block.astype(np.float64)))
        blends = np.array([blend(gauss, weights) for weights in several])
        neutral = neutralize(rank_gauss(blends), bins, proportions=[0.5])[0]
        yield label, rank_uniform(neutral), target[0].astype(np.float64)


def load(folder):
    """Read the same columns with pandas, and join them by their ids."""
    import pandas as pd

    models_file, main, meta_file = files_of(folder)
    names = names_in(models_file, "v53")
    frame = pd.read_parquet(models_file, columns=["id", "era", *names])
    frame = frame.set_index("id")
    columns = ["data_type", *names_in(main, "target")]
    for path, some in ((main, columns), (meta_file, [META_MODEL])):
        other = pd.read_parquet(path, columns=["id", *some])
        frame = frame.join(other.set_index("id"))


def polars(folder):
    """CORR alone in polars, in memory: read, join by id, rank over era, correlate."""
    import polars as pl

    models_file, main, _ = files_of(folder)
    names = names_in(models_file, "v53")
    models = pl.read_parquet(models_file, columns=["id", "era", *names])
    frame = models.join(pl.read_parquet(main, columns=["id", "target"]), on="id")
    n = pl.len().over("era")
    ranks = frame.select(
        "era",
        (pl.col("target") - pl.col("target").mean().over("era")).alias("target"),
        *((pl.col(name).rank().over("era") - 0.5) / n for name in names),
    )
    from scipy.special import ndtri

    stretched = ranks.select(
        "era",
        _stretched(pl.col("target")),
        *(
            _stretched(pl.col(name).map_batches(lambda s: pl.Series(ndtri(s))))
            for name in names
        ),
    )
    stretched.group_by("era").agg(pl.corr(name, "target") for name in names)


def _stretched(column):
    return column.sign() * column.abs() ** 1.5


FLOORS = {
    "score": score,
    "ensemble": ensemble,
    "neutralize": ensemble_without_learning,
    "polars": polars,
    "load": load,
}

if __name__ == "__main__":
    FLOORS[sys.argv[1]](sys.argv[2])
