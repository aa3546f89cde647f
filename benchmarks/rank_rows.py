"""`EraRankGauss` beside what else ranks by era."""

from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks import data, peers
from benchmarks.rows import Comparison, row
from skbench import EraRankGauss


@row("rank")
def pandas_row(setup):
    """Numerai's published code, which has no use for a second thread."""
    frame, names = _frame(setup)
    return _comparison(
        setup,
        "Numerai's published pandas code",
        ours=_ours(frame, names, setup.threads),
        other=lambda: peers.published_rank_gauss(frame, names),
        numbers=lambda ours, other: (ours[names], other[names]),
        at_least=20,
    )


@row("rank-one-thread")
def one_thread_row(setup):
    """The same on one thread."""
    frame, names = _frame(setup)
    return _comparison(
        setup,
        "the same, ours on one thread",
        ours=_ours(frame, names, None),
        other=lambda: peers.published_rank_gauss(frame, names),
        numbers=lambda ours, other: (ours[names], other[names]),
    )


@row("rank-polars")
def polars_row(setup):
    """The rank of polars, and the rest of the formula."""
    polars = peers.module("polars")
    frame, names = _frame(setup)
    columns = polars.from_pandas(frame)
    return _comparison(
        setup,
        'polars `rank().over("era")` and the rest',
        ours=_ours(frame, names, setup.threads),
        other=lambda: peers.polars_rank_gauss(columns, names),
        numbers=lambda ours, other: (ours[names], other.select(names).to_numpy()),
        at_least=5,
    )


@row("rank-sort")
def sort_row(setup):
    """The floor: sorting the same blocks."""
    frame, names = _frame(setup)
    values = np.ascontiguousarray(frame[names].to_numpy().T)
    sort = partial(peers.sorted_blocks, values, data.by_era(frame), setup.threads)
    return _comparison(
        setup,
        "`numpy.sort` alone",
        ours=_ours(frame, names, setup.threads),
        other=sort,
        at_most=2.5,
    )


@row("rank-skfolio")
def skfolio_row(setup):
    """A cross-sectional scaler: an observation is a column of an era.

    A tenth of the eras, since it takes seconds for each.
    """
    skfolio = peers.module("skfolio.preprocessing")
    n_eras = max(setup.sizes.eras // 10, 1)
    setup = replace(setup, sizes=replace(setup.sizes, eras=n_eras))
    frame, names = _frame(setup)
    values = np.ascontiguousarray(frame[names].to_numpy().T)
    observations = values.reshape(-1, setup.sizes.rows)
    return _comparison(
        setup,
        "skfolio `CSGaussianRankScaler`",
        ours=_ours(frame, names, setup.threads),
        other=lambda: skfolio.CSGaussianRankScaler().fit_transform(observations),
        numbers=lambda ours, other: (ours[names].T, other.reshape(values.shape)),
    )


def _frame(setup):
    sizes = setup.sizes
    frame, names, _ = data.predictions(sizes.eras, sizes.rows, sizes.models, setup.rng)
    return frame, names


def _ours(frame, names, n_jobs):
    return lambda: EraRankGauss(names, n_jobs=n_jobs).fit_transform(frame)


def _comparison(setup, against, **options):
    sizes = setup.sizes
    shape = f"{sizes.eras} eras x {sizes.rows:,} rows x {sizes.models} float64"
    work = f"`EraRankGauss`, {shape}"
    return Comparison(work=work, against=against, tolerance=1e-10, **options)
