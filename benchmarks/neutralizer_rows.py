"""`FeatureNeutralizer` beside what else solves least squares."""

import numpy as np

from benchmarks import data, peers
from benchmarks.rows import Comparison, row
from skbench import EraRankGauss, FeatureNeutralizer, neutralization_path

_PROPORTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)


@row("neutralize-pinv")
def pinv_row(setup):
    """Numerai's published code: ranks, then a float32 pseudo-inverse, no intercept."""
    era, features = _era(setup)
    ranked = EraRankGauss(ties="first", scale=False).fit_transform(era)
    neutralizer = _neutralizer(fit_intercept=False)
    return _comparison(
        setup,
        "the published float32 `pinv`",
        ours=lambda: neutralizer.fit(ranked).predict(ranked),
        other=lambda: peers.published_neutralize(era, "prediction_0", features),
        numbers=lambda ours, other: (ours, other),
        # float32 leaves exposures of 1e-3 and more: they agree no better than that.
        tolerance=0.05,
        at_least=18,
    )


@row("neutralize-lstsq")
def lstsq_row(setup):
    """The official library: least squares in float64, with an intercept."""
    peers.module("numerai_tools")
    era, features = _era(setup)
    neutralizer = _neutralizer(standardize=False)
    return _comparison(
        setup,
        "`numerai_tools.scoring.neutralize`",
        ours=lambda: neutralizer.fit(era).predict(era),
        other=lambda: peers.official_neutralize(era, "prediction_0", features),
        numbers=lambda ours, other: (ours, other),
        tolerance=1e-9,
        at_least=7,
    )


@row("neutralize-floor")
def floor_row(setup):
    """The floor: the Gram matrix and its factor, of features converted already."""
    era, features = _era(setup)
    matrix = np.ascontiguousarray(era[features].to_numpy(dtype=np.float32).T)
    neutralizer = _neutralizer()
    return _comparison(
        setup,
        "float32 `syrk` + float64 `potrf` alone",
        ours=lambda: neutralizer.fit(era).predict(era),
        other=lambda: peers.gram_and_cholesky(matrix),
        at_most=1.6,
    )


@row("neutralize-many")
def many_row(setup):
    """Many columns and proportions beside one of each."""
    n_columns = setup.sizes.columns
    era, features = _era(setup, n_columns)
    one = era.drop(columns=data.prediction_names(n_columns)[1:])
    neutralizer = _neutralizer()
    last = [f"prediction_0_{_PROPORTIONS[-1]:g}"]
    return _comparison(
        setup,
        "its own 1 column, 1 proportion",
        n_columns=n_columns,
        n_proportions=len(_PROPORTIONS),
        ours=lambda: neutralization_path(
            era, _PROPORTIONS, neutralizers=features, single_era_rows=(0, 10_000)
        ),
        other=lambda: neutralizer.fit(one).predict(one),
        numbers=lambda ours, other: (ours[last[0]], other),
        tolerance=1e-9,
        at_most=1.3,
    )


def _era(setup, n_columns=1):
    return data.era(setup.sizes.rows, setup.sizes.features, n_columns, setup.rng)


def _neutralizer(**options):
    return FeatureNeutralizer(single_era_rows=(0, 10_000), **options)


def _comparison(setup, against, n_columns=1, n_proportions=1, **options):
    sizes = setup.sizes
    columns = f"{n_columns} columns" if n_columns > 1 else "1 column"
    if n_proportions > 1:
        columns += f" x {n_proportions} proportions"
    shape = f"{sizes.rows:,} rows x {sizes.features:,} int8, {columns}"
    work = f"`FeatureNeutralizer`, {shape}"
    return Comparison(work=work, against=against, **options)
