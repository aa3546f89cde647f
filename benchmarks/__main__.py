"""Print a Markdown table of ratios; exit 1 when one falls short."""

import sys
from statistics import median

import click
import numpy as np
import pandas as pd

from benchmarks import peers, timing
from skbench import EraRankGauss, FeatureNeutralizer


def make_predictions(n_eras, n_rows, n_models, rng):
    """Predictions of some models, eras one after the other."""
    names = [f"model_{i}" for i in range(n_models)]
    values = rng.standard_normal((n_eras * n_rows, n_models))
    frame = pd.DataFrame(values, columns=names)
    frame.insert(0, "era", np.repeat([f"{i:04d}" for i in range(n_eras)], n_rows))
    return frame, names


def make_era(n_rows, n_features, rng):
    """One era of binned features and one prediction that leans on them."""
    names = [f"feature_{i}" for i in range(n_features)]
    bins = rng.integers(0, 5, (n_features, n_rows), dtype=np.int8)
    frame = pd.DataFrame(bins.T, columns=names, copy=False)
    lean = bins[:20].sum(axis=0) / 10 + rng.standard_normal(n_rows)
    left = pd.DataFrame({"era": "0001", "prediction": lean}, index=frame.index)
    return pd.concat([left, frame], axis=1), names


def rank_row(quick, repeats, rng):
    """``EraRankGauss`` beside Numerai's published pandas code."""
    n_eras = 20 if quick else 200
    frame, names = make_predictions(n_eras, 5000, 22, rng)

    def ours():
        return EraRankGauss(names).fit_transform(frame)

    def peer():
        return peers.published_rank_gauss(frame, names)

    np.testing.assert_allclose(ours()[names], peer()[names], rtol=0, atol=1e-10)
    work = f"EraRankGauss, {n_eras} eras x 5,000 x 22 float64"
    return work, "published pandas", 20, timing.interleaved(ours, peer, repeats)


def pinv_row(quick, repeats, rng):
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
    work = f"FeatureNeutralizer, {n_rows:,} x {n_features:,} int8, 1 column"
    return work, "published float32 pinv", 18, timing.interleaved(ours, peer, repeats)


def lstsq_row(quick, repeats, rng):
    """``FeatureNeutralizer`` beside the official ``lstsq``."""
    n_rows, n_features = (2000, 780) if quick else (5000, 2376)
    era, names = make_era(n_rows, n_features, rng)
    neutralizer = FeatureNeutralizer(standardize=False, single_era_rows=(0, 10_000))

    def ours():
        return neutralizer.fit(era).predict(era)

    def peer():
        return peers.official_neutralize(era, "prediction", names)

    np.testing.assert_allclose(ours(), peer(), rtol=0, atol=1e-9)
    work = f"FeatureNeutralizer, {n_rows:,} x {n_features:,} int8, 1 column"
    return work, "numerai_tools neutralize", 7, timing.interleaved(ours, peer, repeats)


@click.command()
@click.option("--quick", is_flag=True, help="Smaller sizes, about a minute.")
@click.option("--repeats", default=5, show_default=True, help="Timed pairs a row.")
def main(quick, repeats):
    """Time skbench and its peers in turn, on the same rows and threads."""
    rng = np.random.default_rng(0)
    short = False
    click.echo("| work | against | asked | found | ours (s) | peer (s) |")
    click.echo("|---|---|---|---|---|---|")
    for row in (rank_row, pinv_row, lstsq_row):
        work, against, asked, (own, theirs, ratio) = row(quick, repeats, rng)
        short |= ratio < asked
        click.echo(
            f"| {work} | {against} | {asked}x | {ratio:.1f}x | "
            f"{_spread(own)} | {_spread(theirs)} |"
        )
    sys.exit(1 if short else 0)


def _spread(times):
    return f"{median(times):.3f} ({min(times):.3f}-{max(times):.3f})"


if __name__ == "__main__":
    main()
