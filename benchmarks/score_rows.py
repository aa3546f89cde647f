"""The metrics beside the official library, era by era."""

import pandas as pd

from benchmarks import data, peers
from benchmarks.rows import Comparison, row
from skbench import metrics


@row("corr")
def corr_row(setup):
    """CORR of many models."""
    scoring = peers.module("numerai_tools.scoring")
    predictions, eras, target = _predictions(setup)
    return Comparison(
        work=f"`numerai_corr`, {_shape(setup)}",
        against="`numerai_tools` per era",
        ours=lambda: metrics.numerai_corr(
            target, predictions, era=eras, n_jobs=setup.threads
        ),
        other=lambda: peers.scored_by_era(
            predictions, eras, lambda era: scoring.numerai_corr(era, target[era.index])
        ),
        numbers=lambda ours, other: (ours, other),
        tolerance=1e-12,
        at_least=30,
    )


@row("contribution")
def contribution_row(setup):
    """Contribution of many models to one reference."""
    scoring = peers.module("numerai_tools.scoring")
    predictions, eras, target = _predictions(setup)
    reference = pd.Series(setup.rng.standard_normal(len(eras)), name="meta_model")
    return Comparison(
        work=f"`correlation_contribution`, {_shape(setup)}",
        against="`numerai_tools` per era",
        ours=lambda: metrics.correlation_contribution(
            target, predictions, reference, era=eras, n_jobs=setup.threads
        ),
        other=lambda: peers.scored_by_era(
            predictions,
            eras,
            lambda era: scoring.correlation_contribution(
                era, reference[era.index], target[era.index]
            ),
        ),
        numbers=lambda ours, other: (ours, other),
        tolerance=1e-12,
        at_least=20,
    )


@row("exposure")
def exposure_row(setup):
    """Largest correlation of many models with many features."""
    scoring = peers.module("numerai_tools.scoring")
    sizes = setup.sizes
    n_models, n_features = sizes.exposed_models, sizes.exposed_features
    era, features = data.era(sizes.rows, n_features, n_models, setup.rng)
    predictions, known = era[data.prediction_names(n_models)], era[features]
    return Comparison(
        work=f"`max_feature_exposure`, {n_models} models x {n_features} features",
        against="`numerai_tools` per model",
        ours=lambda: metrics.max_feature_exposure(predictions, known, era=era["era"]),
        other=lambda: [
            scoring.max_feature_correlation(predictions[model], known)[1]
            for model in predictions
        ],
        numbers=lambda ours, other: (ours.iloc[0], other),
        tolerance=1e-12,
        at_least=100,
    )


def _predictions(setup):
    sizes = setup.sizes
    n_eras, n_rows = sizes.scored_eras, sizes.rows
    frame, names, target = data.predictions(n_eras, n_rows, sizes.models, setup.rng)
    return frame[names], frame["era"], target


def _shape(setup):
    sizes = setup.sizes
    return f"{sizes.scored_eras} eras x {sizes.rows:,} rows x {sizes.models} models"
