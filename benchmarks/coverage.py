"""Print how often intervals of 95 % hold the truth: ``python -m benchmarks.coverage``.

Each world is a history of era scores whose mean is known. Scores of a target of some
days share those days with their neighbours, as here: the score of an era is the mean
of what happens in the weeks of its horizon. What happens is normal or has fat tails (t
with 4 degrees of freedom); in "half white" half of the variance is of each era alone;
"white" has no overlap at all, which the intervals do not know. Beside the intervals of
skbench stand those of a moving-block bootstrap, blocks of one horizon, which it had
before.

``--weights`` prints instead how often the interval of a learned weight holds the best
one, in worlds of a few models whose best weights are known: some of them zero, some
small, models that are much and very much alike. In brackets stands how often it does
for the weight of 0.5 among five, which lies farthest from equal ones.
"""

from itertools import product

import click
import numpy as np

from skbench.solvers import intervals
from skbench.solvers.search import least_squares
from skbench.solvers.shrinkage import shrinkage
from skbench.solvers.weight_intervals import of_weights
from skbench.solvers.weights import Problem

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
# Of the worlds for weights: best weights on CORR, and how models correlate.
BLENDS = [(0.4, 0.3, 0.2, 0.1), (0.5, 0.3, 0.2, 0.0, 0.0), (1 / 3, 1 / 3, 1 / 3)]
CORRELATIONS = (0.5, 0.9)
FARTHEST = 0.5  # from equal weights, of the best ones
# By what weights are learned; "bayes" is "corr" with that shrinkage.
WAYS = ("corr", "sharpe", "mse", "bayes")
N_DRAWS = 200
MARKET = 0.7  # part of the noise that all models share, in deviations of their own
SCORE = 0.03  # mean and deviation of the scores, as of real models


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


def moments(truth, correlation, n_eras, horizon, rng):
    """Moments of eras in which a blend scores best by its mean score."""
    alike = _alike(truth.size, correlation)
    root = np.linalg.cholesky(alike)
    noise = overlapping(truth.size, n_eras, horizon, rng)
    market = MARKET * overlapping(1, n_eras, horizon, rng)
    means = alike @ truth / np.sqrt(truth @ alike @ truth)
    return {
        "covariance": np.repeat(alike[None], n_eras, axis=0),
        "target_covariance": SCORE * (means + (root @ noise + market).T),
        "target_variance": np.ones(n_eras),
        "present": np.ones((n_eras, truth.size), dtype=bool),
    }


def _alike(n_models, correlation):
    return correlation + (1 - correlation) * np.eye(n_models)


def best_weights(objective, truth, correlation):
    """Weights that are best on average over all worlds, by the moments of these."""
    alike = _alike(truth.size, correlation)
    risk = alike + MARKET**2 if objective == "sharpe" else alike
    weights = least_squares(risk, alike @ truth)
    return weights / weights.sum()


def ends_of_weights(problem, horizon):
    """Ends of the intervals of the weights that are learned, by the score test."""
    learned = problem.best_weights()
    return map(np.diag, of_weights(problem, learned, horizon, CONFIDENCE))


def ends_of_shrunk_weights(problem, horizon):
    """Ends of the intervals of weights that are best for scores as they may be."""
    known = shrinkage(problem, horizon).known
    drawn = [known.mean, *known.draws(N_DRAWS, np.random.default_rng(0))]
    # Eras are alike but for their scores, so that the best weights are least squares.
    alike = problem.moments["covariance"][0]
    learned, *others = (_best(alike, scores) for scores in drawn)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(others, [tail, 1 - tail], axis=0)
    return np.minimum(low, learned), np.maximum(high, learned)


def _best(alike, scores):
    weights = least_squares(alike, scores)
    if not weights.any():  # nothing scores above 0, and to mix is no gain
        weights = np.where(scores == scores.max(), 1.0, 0.0)
    return weights / weights.sum()


def weights_held(way, n_eras, horizon, n_worlds):
    """Share of the weights of all worlds whose interval holds the best one.

    And the share of those that lie farthest from equal ones.
    """
    times, found, far = np.arange(float(n_eras)), [], []
    objective = "corr" if way == "bayes" else way
    ends = ends_of_shrunk_weights if way == "bayes" else ends_of_weights
    for truth, correlation in product(map(np.array, BLENDS), CORRELATIONS):
        best = best_weights(objective, truth, correlation)
        prior = np.full(truth.size, 1 / truth.size)
        for seed in range(n_worlds):
            rng = np.random.default_rng([seed, n_eras, horizon])
            world = moments(truth, correlation, n_eras, horizon, rng)
            problem = Problem(world, times, prior, objective)
            low, high = ends(problem, horizon)
            holds = (low <= best + 1e-9) & (best - 1e-9 <= high)
            found.extend(holds)
            far.extend(holds[truth == FARTHEST])
    return float(np.mean(found)), float(np.mean(far))


def table(n_worlds):
    """Yield the rows of the table: what the worlds are, and what was found."""
    for days, horizon in HORIZONS.items():
        for noise in NOISES:
            for n_eras in N_ERAS:
                yield (days, noise, n_eras), coverage(horizon, n_eras, noise, n_worlds)


@click.command(help=__doc__)
@click.option("--worlds", "n_worlds", type=int, help="4000; of weights 100.")
@click.option("--weights", is_flag=True, help="The intervals of learned weights.")
def main(n_worlds, weights):
    """Print the table as Markdown."""
    if weights:
        _print_weights(n_worlds or 100)
    else:
        _print_means(n_worlds or 4000)


def _print_means(n_worlds):
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


def _print_weights(n_worlds):
    n = n_worlds * len(CORRELATIONS) * sum(len(blend) for blend in BLENDS)
    click.echo(
        f"Share of {n:,} learned weights whose interval of 95 % holds the best one; in "
        f"brackets, of {n_worlds * len(CORRELATIONS)} whose best is {FARTHEST}.\n"
    )
    click.echo(f"| horizon | eras | {' | '.join(WAYS)} |")
    click.echo("|---" * (len(WAYS) + 2) + "|")
    for (days, horizon), n_eras in product(HORIZONS.items(), (41, 87, 300)):
        cells = (weights_held(name, n_eras, horizon, n_worlds) for name in WAYS)
        shares = " | ".join(f"{every:.1%} ({far:.0%})" for every, far in cells)
        click.echo(f"| {days} | {n_eras} | {shares} |")


if __name__ == "__main__":
    main()
