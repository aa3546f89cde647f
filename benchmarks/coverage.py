"""Print how often intervals of 95 % hold the truth: ``python -m benchmarks.coverage``.

Each world is a history of era scores whose mean is known. Scores of a target of some
days share those days with their neighbours, as here: the score of an era is the mean
of what happens in the weeks of its horizon. What happens is normal or has fat tails (t
with 4 degrees of freedom); in "half white" half of the variance is of each era alone;
"white" has no overlap at all, which the intervals do not know. Beside the intervals of
skbench stand those of a moving-block bootstrap, blocks of one horizon, which it had
before.
"""

import click
import numpy as np

from skbench.solvers import intervals

HORIZONS = {"20 days": 5, "60 days": 13}
N_ERAS = (26, 40, 87, 100, 300)
# Kind of noise, share of the variance that is of each era alone.
NOISES = {
    "normal": ("normal", 0.0),
    "fat tails": ("t4", 0.0),
    "half white": ("normal", 0.5),
    "white": ("normal", 1.0),
}
TRUTH = 0.5  # of the mean, in deviations, and so of the Sharpe ratio
CONFIDENCE = 0.95
N_RESAMPLES = 500


def overlapping(n_worlds, n_eras, horizon, rng, noise="normal", white=0.0):
    """Scores that share days as targets do, of mean 0 and variance 1, a row a world.

    A share ``white`` of the variance is of each era alone.
    """
    size = (n_worlds, n_eras + horizon - 1)
    heavy = noise == "t4"
    weeks = rng.standard_t(4, size) / np.sqrt(2) if heavy else rng.normal(size=size)
    sums = np.cumsum(np.pad(weeks, ((0, 0), (1, 0))), axis=1)
    common = (sums[:, horizon:] - sums[:, :-horizon]) / np.sqrt(horizon)
    own = rng.normal(size=common.shape)
    return np.sqrt(1 - white) * common + np.sqrt(white) * own


def held(found, truth):
    """Share of the worlds whose interval holds the truth."""
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def by_blocks(series, block, rng):
    """Coverage of the percentiles of the means of blocks drawn with replacement."""
    n = series.shape[1]
    starts = rng.integers(n - block + 1, size=(N_RESAMPLES, -(-n // block), 1))
    places = (starts + np.arange(block)).reshape(N_RESAMPLES, -1)[:, :n]
    counts = np.zeros((N_RESAMPLES, n))
    np.add.at(counts, (np.arange(N_RESAMPLES)[:, None], places), 1.0)
    means = counts @ series.T / n
    # Moved by what the ends of a series lack, which stand in fewer blocks.
    means -= means.mean(axis=0) - series.mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return float(np.mean((low <= TRUTH) & (high >= TRUTH)))


def coverage(horizon, n_eras, noise, n_worlds, seed=0):
    """Return by what it is the share of the worlds in which an interval holds."""
    rng = np.random.default_rng([seed, horizon, n_eras, list(NOISES).index(noise)])
    times = np.arange(float(n_eras))
    size = (n_worlds, n_eras, horizon)
    series, other = (TRUTH + overlapping(*size, rng, *NOISES[noise]) for _ in range(2))

    def interval(values):
        return intervals.of_means(values, times, horizon, CONFIDENCE)

    mean = interval(series)
    influence = intervals.sharpe_influence(series)
    error = np.sqrt(np.mean((mean.value - TRUTH) ** 2))
    return {
        "mean": held(mean, TRUTH),
        "sharpe": held(interval(influence), TRUTH),
        "difference": held(interval(series - other), 0.0),
        "blocks": by_blocks(series, horizon, rng),
        "width": float(np.median(mean.half) / (1.96 * error)),
    }


def table(n_worlds):
    """Yield the rows of the table: what the worlds are, and what was found."""
    for days, horizon in HORIZONS.items():
        for noise in NOISES:
            for n_eras in N_ERAS:
                yield (days, noise, n_eras), coverage(horizon, n_eras, noise, n_worlds)


@click.command(help=__doc__)
@click.option("--worlds", "n_worlds", default=4000, show_default=True)
def main(n_worlds):
    """Print the table as Markdown."""
    click.echo(
        f"Share of {n_worlds:,} worlds in which an interval of 95 % holds the truth; "
        "width is the median half-width over 1.96 true standard errors.\n"
    )
    click.echo(
        "| horizon | noise | eras | mean | Sharpe | difference | blocks | width |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for (days, noise, n_eras), found in table(n_worlds):
        shares = ("mean", "sharpe", "difference", "blocks")
        cells = [f"{found[name]:.1%}" for name in shares]
        click.echo(
            f"| {days} | {noise} | {n_eras} | {' | '.join(cells)} | "
            f"{found['width']:.2f} |"
        )


if __name__ == "__main__":
    main()
