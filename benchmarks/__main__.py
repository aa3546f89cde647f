"""Print a Markdown table of ratios; exit 1 when one falls short."""

import sys
from dataclasses import dataclass
from statistics import median

import click
import numpy as np
import pandas as pd
from numerai_tools import scoring

from benchmarks import peers, timing
from skbench import EraRankGauss, FeatureNeutralizer, StackingWeights, metrics


@dataclass
class Row:
    """One line of the table: ours beside something else, and the ratio asked for."""

    work: str
    against: str
    limit: float
    ours: object
    other: object
    at_least: bool = True  # so many times faster; otherwise at most so much of its time

    def measured(self, repeats):
        """Time both; return the cells of the line, and whether the ratio is reached."""
        own, theirs = timing.interleaved(self.ours, self.other, repeats)
        pairs = zip(own, theirs, strict=True)
        if self.at_least:
            ratio = median(b / a for a, b in pairs)
            cells = f"at least {self.limit:g}x faster", f"{ratio:.1f}x faster"
            return [*cells, _spread(own), _spread(theirs)], ratio >= self.limit
        ratio = median(a / b for a, b in pairs)
        cells = f"at most {self.limit:g}x its time", f"{ratio:.2f}x its time"
        return [*cells, _spread(own), _spread(theirs)], ratio <= self.limit


def make_predictions(n_eras, n_rows, n_models, rng):
    """Predictions of some models and a target, eras one after the other."""
    names = [f"model_{i}" for i in range(n_models)]
    values = rng.standard_normal((n_models, n_eras * n_rows))
    frame = pd.DataFrame(values.T, columns=names, copy=False)
    frame.insert(0, "era", np.repeat([f"{i:04d}" for i in range(n_eras)], n_rows))
    target = pd.Series(rng.integers(0, 5, n_eras * n_rows) / 4, name="target")
    return frame, names, target


def make_era(n_rows, n_features, rng):
    """One era of binned features and one prediction that leans on them."""
    names = [f"feature_{i}" for i in range(n_features)]
    bins = rng.integers(0, 5, (n_features, n_rows), dtype=np.int8)
    frame = pd.DataFrame(bins.T, columns=names, copy=False)
    lean = bins[:20].sum(axis=0) / 10 + rng.standard_normal(n_rows)
    left = pd.DataFrame({"era": "0001", "prediction": lean}, index=frame.index)
    return pd.concat([left, frame], axis=1), names


def rank_row(quick, rng):
    """``EraRankGauss`` beside Numerai's published pandas code."""
    n_eras = 20 if quick else 200
    frame, names, _ = make_predictions(n_eras, 5000, 22, rng)

    def ours():
        return EraRankGauss(names).fit_transform(frame)

    def peer():
        return peers.published_rank_gauss(frame, names)

    np.testing.assert_allclose(ours()[names], peer()[names], rtol=0, atol=1e-10)
    work = f"`EraRankGauss`, {n_eras} eras x 5,000 x 22 float64"
    return Row(work, "published pandas", 20, ours, peer)


def pinv_row(quick, rng):
    """``FeatureNeutralizer`` beside the published float32 ``pinv``."""
    n_rows, n_features = (2000, 780) if quick else (5000, 2376)
    era, names = make_era(n_rows, n_features, rng)
    neutralizer = FeatureNeutralizer(fit_intercept=False, single_era_rows=(0, 10_000))
    ranked = EraRankGauss(ties="first", scale=False).fit_transform(era)

    def ours():
        return neutralizer.fit(ranked).predict(ranked)

    def peer():
        return peers.published_neutralize(era, "prediction", names)

    # float32 leaves exposures of 1e-3 and more: the answers agree no better than that.
    np.testing.assert_allclose(ours(), peer(), rtol=0, atol=0.05)
    work = f"`FeatureNeutralizer`, {n_rows:,} x {n_features:,} int8, 1 column"
    return Row(work, "published float32 `pinv`", 18, ours, peer)


def lstsq_row(quick, rng):
    """``FeatureNeutralizer`` beside the official ``lstsq``."""
    n_rows, n_features = (2000, 780) if quick else (5000, 2376)
    era, names = make_era(n_rows, n_features, rng)
    neutralizer = FeatureNeutralizer(standardize=False, single_era_rows=(0, 10_000))

    def ours():
        return neutralizer.fit(era).predict(era)

    def peer():
        return peers.official_neutralize(era, "prediction", names)

    np.testing.assert_allclose(ours(), peer(), rtol=0, atol=1e-9)
    work = f"`FeatureNeutralizer`, {n_rows:,} x {n_features:,} int8, 1 column"
    return Row(work, "`numerai_tools` neutralize", 7, ours, peer)


def corr_row(quick, rng):
    """``numerai_corr`` beside the official function, era by era."""
    n_eras = 2 if quick else 10
    frame, names, target = make_predictions(n_eras, 5000, 22, rng)

    def ours():
        return metrics.numerai_corr(target, frame[names], era=frame["era"])

    def peer():
        return peers.by_era(
            frame, lambda era: scoring.numerai_corr(era[names], target[era.index])
        )

    np.testing.assert_allclose(ours(), peer(), rtol=0, atol=1e-12)
    work = f"`numerai_corr`, {n_eras} eras x 5,000 x 22 models"
    return Row(work, "`numerai_tools` per era", 30, ours, peer)


def contribution_row(quick, rng):
    """``correlation_contribution`` beside the official function, era by era."""
    n_eras = 2 if quick else 10
    frame, names, target = make_predictions(n_eras, 5000, 22, rng)
    meta_model = pd.Series(rng.standard_normal(len(frame)), name="numerai_meta_model")

    def ours():
        return metrics.correlation_contribution(
            target, frame[names], meta_model, era=frame["era"]
        )

    def peer():
        return peers.by_era(
            frame,
            lambda era: scoring.correlation_contribution(
                era[names], meta_model[era.index], target[era.index]
            ),
        )

    np.testing.assert_allclose(ours(), peer(), rtol=0, atol=1e-12)
    work = f"`correlation_contribution`, {n_eras} eras x 5,000 x 22 models"
    return Row(work, "`numerai_tools` per era", 20, ours, peer)


def exposure_row(quick, rng):
    """``max_feature_exposure`` beside the official function, model by model."""
    n_models, n_features = (2, 60) if quick else (20, 300)
    era, features = make_era(5000, n_features, rng)
    models = [f"model_{i}" for i in range(n_models)]
    values = rng.standard_normal((5000, n_models))
    predictions = pd.DataFrame(values, columns=models, index=era.index)

    def ours():
        return metrics.max_feature_exposure(predictions, era[features], era=era["era"])

    def peer():
        return [
            scoring.max_feature_correlation(predictions[model], era[features])[1]
            for model in models
        ]

    np.testing.assert_allclose(ours().iloc[0], peer(), rtol=0, atol=1e-12)
    work = f"`max_feature_exposure`, {n_models} models x {n_features} features"
    return Row(work, "`numerai_tools` per model", 100, ours, peer)


def stacking_row(quick, rng):
    """``StackingWeights.fit`` beside one ``EraRankGauss.transform`` of its rows."""
    n_eras = 20 if quick else 200
    frame, names, target = make_predictions(n_eras, 5000, 22, rng)
    gauss = EraRankGauss().fit(frame)
    rows = gauss.transform(frame)
    work = f"`StackingWeights.fit`, {n_eras} eras x 5,000 x 22 models"
    return Row(
        work,
        "`EraRankGauss.transform` of the same rows",
        1.5,
        lambda: StackingWeights(columns=names).fit(rows, target),
        lambda: gauss.transform(frame),
        at_least=False,
    )


def refit_row(quick, rng):
    """``refit`` with another objective beside a fit from rows."""
    n_eras = 60 if quick else 600
    frame, _, target = make_predictions(n_eras, 5000, 22, rng)
    rows = EraRankGauss().fit_transform(frame)
    learned = StackingWeights().fit(rows, target)
    work = f"`refit` with another objective, {n_eras} eras x 5,000 x 22 models"
    return Row(
        work,
        "fitting it from rows",
        10,
        lambda: learned.refit(objective="sharpe"),
        lambda: StackingWeights("sharpe").fit(rows, target),
    )


ROWS = {
    "rank": rank_row,
    "pinv": pinv_row,
    "lstsq": lstsq_row,
    "corr": corr_row,
    "contribution": contribution_row,
    "exposure": exposure_row,
    "stacking": stacking_row,
    "refit": refit_row,
}


@click.command()
@click.option("--quick", is_flag=True, help="Smaller sizes, about a minute.")
@click.option("--repeats", default=5, show_default=True, help="Timed pairs a row.")
@click.option("--row", "names", type=click.Choice(list(ROWS)), multiple=True)
def main(quick, repeats, names):
    """Time skbench and its peers in turn, on the same rows and threads."""
    short = False
    click.echo("| work | against | asked | found | ours (s) | the other (s) |")
    click.echo("|---|---|---|---|---|---|")
    for name in names or ROWS:
        row = ROWS[name](quick, np.random.default_rng(0))
        cells, reached = row.measured(repeats)
        short |= not reached
        click.echo("| " + " | ".join([row.work, row.against, *cells]) + " |")
    sys.exit(1 if short else 0)


def _spread(times):
    return f"{median(times):.3f} ({min(times):.3f}-{max(times):.3f})"


if __name__ == "__main__":
    main()
