"""What people use today, written afresh from the published formulas."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from scipy.linalg import blas, lapack
from scipy.special import ndtri

from benchmarks.rows import UnmeasurableError


def module(name):
    """Import a peer, or say that it is not there."""
    if find_spec(name.partition(".")[0]) is None:
        raise UnmeasurableError(f"{name} is not installed (extra `benchmarks`)")
    return import_module(name)


def published_rank_gauss(frame, columns):
    """Numerai's per-era ensemble steps 1 and 2: pandas, one column at a time."""
    frame = frame.copy()
    for column in columns:
        groups = frame.groupby("era", group_keys=False)[column]
        frame[column] = groups.transform(_rank_gauss)
    return frame


def _rank_gauss(series):
    ranks = (series.rank(method="average") - 0.5) / series.count()
    normal = pd.Series(stats.norm.ppf(ranks), index=ranks.index)
    return normal / normal.std()


def polars_rank_gauss(frame, columns):
    """The same in polars, which does all columns at once, on all its threads."""
    pl = module("polars")
    values = pl.col(columns)
    ranks = (values.rank("average") - 0.5).over("era") / values.count().over("era")
    normal = ranks.map_batches(
        lambda series: pl.Series(ndtri(series.to_numpy())), return_dtype=pl.Float64
    )
    return frame.with_columns(normal).with_columns(values / values.std().over("era"))


def sorted_blocks(values, eras, threads):
    """Sort the columns of each era with numpy, and nothing else."""
    sort = delayed(np.sort)
    return Parallel(threads, prefer="threads")(sort(values[:, rows]) for rows in eras)


def published_neutralize(era, column, features):
    """Numerai's published neutralisation of one era: float32 ``pinv``, no intercept."""
    scores = era[column]
    ranks = (scores.rank(method="first") - 0.5) / scores.count()
    scores = stats.norm.ppf(ranks).astype(np.float32)
    matrix = era[features].to_numpy(dtype=np.float32)
    scores = scores - matrix @ (np.linalg.pinv(matrix, rcond=1e-6) @ scores)
    return scores / scores.std(ddof=0)


def official_neutralize(era, column, features):
    """The official library's neutralisation of one era: ``lstsq``."""
    scoring = module("numerai_tools.scoring")
    return scoring.neutralize(era[[column]], era[features])[column]


def gram_and_cholesky(features):
    """Factorise the Gram matrix of (n_features, n_rows) float32, and nothing else."""
    gram = blas.ssyrk(1.0, features.T, trans=1)
    return lapack.dpotrf(gram, overwrite_a=1)


def scored_by_era(frame, eras, score):
    """A score of the official library, era by era, as a frame of eras x models."""
    return pd.DataFrame({label: score(era) for label, era in frame.groupby(eras)}).T
