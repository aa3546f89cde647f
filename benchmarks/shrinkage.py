"""Judge learned weights out of sample: ``python -m benchmarks.shrinkage``.

Each world has models whose true scores are known. Weights are learned from some eras of
a 60-day target, in each way that there is, and judged by the true score of their blend.
A cell is the mean of that over worlds. The first tables are made from moments: models
of true scores 0.015 plus ``spread`` times a normal number, which correlate by about 0.5
("near copies": in pairs by 0.95), and whose scores vary by 0.021 from era to era. The
"rows" ones are made from the rows of `make_benchmark_models`, with its ``skill_std``.
"payout" is 0.75 times CORR and 2.25 times the contribution.

"bayes" is to lose at most 3 % to equal weights and at most 1 % to the raw optimum. The
last column says "fails" where it loses more; within two standard errors, "close".
"""

from dataclasses import dataclass
from functools import partial

import click
import numpy as np

from benchmarks.coverage import overlapping
from skbench import EraRankGauss, StackingWeights
from skbench.datasets import make_benchmark_models
from skbench.solvers.objectives import MeanScore, Ratio
from skbench.solvers.search import ascend
from skbench.solvers.shrinkage import shrinkage
from skbench.solvers.weights import Problem

HORIZON = 13
# Models, eras, and by how much true scores differ.
CELLS = [
    (10, 100, 0.0),
    (10, 100, 0.002),
    (10, 100, 0.004),
    (10, 100, 0.008),
    (10, 690, 0.0),
    (10, 690, 0.004),
    (22, 100, 0.0),
    (22, 100, 0.004),
    (22, 300, 0.002),
]
QUICK_CELLS = [(4, 60, 0.0), (4, 60, 0.008)]
CELLS_OF_PAYOUT = [(10, 100, 0.0), (10, 100, 0.004), (10, 100, 0.008), (22, 300, 0.002)]
CELLS_OF_ROWS = [(6, 100, 0.0), (6, 100, 0.004), (6, 300, 0.004)]
QUICK_CELLS_OF_ROWS = [(3, 45, 0.004)]
MEAN, NOISE = 0.015, 0.021
LOADS = (0.45, 0.55)  # squared: of each model on what all share
NEAR = 0.95
META_SHARE = 0.8  # of the Meta Model's variance, carried by the models
# Of each score in an objective.
MULTIPLIERS = {
    "corr": {"corr": 1.0},
    "contribution": {"contribution": 1.0},
    "payout": {"corr": 0.75, "contribution": 2.25},
}
WAYS = ("equal", "raw", "half-way", "auto", "bayes", "best single", "best possible")
AT_MOST = {"equal": 0.03, "raw": 0.01}  # what "bayes" may lose


@dataclass(frozen=True)
class World:
    """What is true: how alike models are, and what they score alone."""

    alike: np.ndarray
    scores: np.ndarray

    def value(self, weights):
        """Score of a blend."""
        return weights @ self.scores / np.sqrt(weights @ self.alike @ weights)

    def best(self):
        """Weights that no others beat."""
        ratio = Ratio(self.scores[None], self.alike[None])
        k = self.scores.size
        starts = [np.full(k, 1 / k), *np.eye(k)]
        return ascend(MeanScore([ratio], np.ones(1)), starts).weights


def made_up(n_models, n_eras, spread, near, objective, rng):
    """Make a world, and the moments of its eras; the Meta Model is the last column."""
    loads = np.sqrt(rng.uniform(*LOADS, n_models))
    alike, own = np.outer(loads, loads), np.eye(n_models)
    if near:
        pairs = np.arange(n_models) ^ 1
        pairs[pairs >= n_models] = n_models - 1
        mates = pairs != np.arange(n_models)
        alike[mates, pairs[mates]] = NEAR
        own[mates, pairs[mates]] = 2 * NEAR - 1  # as the pair shares its own part
    np.fill_diagonal(alike, 1.0)
    scores = MEAN + spread * np.linalg.cholesky(own) @ rng.standard_normal(n_models)
    meta = rng.dirichlet(np.ones(n_models))
    meta *= np.sqrt(META_SHARE / (meta @ alike @ meta))
    alike = np.block([[alike, (alike @ meta)[:, None]], [meta @ alike, np.ones(1)]])
    scores = np.append(scores, meta @ scores)
    noise = np.linalg.cholesky(alike) @ overlapping(n_models + 1, n_eras, HORIZON, rng)
    seen = (scores[:, None] + NOISE * noise).T
    cross = alike[-1, :-1]
    covariance = np.repeat(alike[None, :-1, :-1], n_eras, axis=0)
    present = np.ones((n_eras, n_models), dtype=bool)
    moments = {
        "covariance": covariance,
        "target_covariance": seen[:, :-1],
        "target_variance": np.ones(n_eras),
        "present": present,
        "reference_covariance": covariance,
        "reference_target_covariance": seen[:, :-1],
        "reference_target_variance": np.ones(n_eras),
        "reference_cross": np.repeat(cross[None], n_eras, axis=0),
        "reference_square": np.ones(n_eras),
        "reference_target": seen[:, -1],
        "reference_present": present,
        "target_unit": np.ones(n_eras),
    }
    true = worth(objective, scores[:-1], cross, scores[-1])
    return World(alike[:-1, :-1], true), moments


def worth(objective, scores, cross, score_of_meta):
    """What models are worth alone; they correlate with the Meta Model by ``cross``."""
    multipliers = MULTIPLIERS[objective]
    added = multipliers.get("contribution", 0.0) * (scores - cross * score_of_meta)
    return multipliers.get("corr", 0.0) * scores + added


def learned(problem):
    """Weights by the name of the way in which they were found."""
    raw, k = problem.best_weights(), problem.prior.size
    alone = problem.function(problem.era_weights()).values(np.eye(k))
    shrunk = shrinkage(problem, HORIZON)
    return {
        "equal": problem.prior,
        "raw": raw,
        "half-way": problem.shrunk(raw, 0.5),
        "auto": problem.shrunk(raw, problem.best_shrinkage(HORIZON)),
        "bayes": shrunk.with_scores(shrunk.known.mean).best_weights(),
        "best single": np.eye(k)[int(np.argmax(alone))],
    }


def asked(moments, objective):
    """Return what is to be learned, with equal weights to be believed in."""
    n_eras, n_models = moments["present"].shape
    numbers, prior = np.arange(float(n_eras)), np.full(n_models, 1 / n_models)
    return Problem(moments, numbers, prior, objective, MULTIPLIERS[objective])


def of_moments(cell, objective, near, seed):
    """True scores of what is learned in one world, by the way."""
    rng = np.random.default_rng([seed, *(int(1e4 * number) for number in cell)])
    world, moments = made_up(*cell, near, objective, rng)
    problem = asked(moments, objective)
    found = {**learned(problem), "best possible": world.best()}
    return {way: world.value(weights) for way, weights in found.items()}


def of_rows(cell, objective, rows_per_era, seed):
    """The same, from the rows of a tournament that was made up."""
    n_models, n_eras, spread = cell
    data = make_benchmark_models(
        n_eras,
        rows_per_era,
        n_models,
        targets=["target_x_60"],
        mean_corr=MEAN,
        era_std=NOISE,
        skill_std=spread,
        unscored=False,
        meta_model_eras=n_eras,
        random_state=seed,
    )
    columns = [data.era, *data.models, data.meta_model]
    gauss = EraRankGauss(data.models).fit_transform(data.frame[columns])
    stacking = StackingWeights(objective, columns=data.models, horizon=HORIZON)
    stacking.fit(gauss, data.frame["target_x_60"])
    blends = {"equal": np.full(n_models, 1 / n_models)}
    ways = {"raw": 0.0, "half-way": 0.5, "auto": "auto", "bayes": "bayes"}
    for way, share in ways.items():
        stacking.refit(shrinkage=share)
        blends[way] = np.array(list(stacking.weights_.values()))
    best_of_past = int(np.argmax(_past(stacking)))
    blends["best single"] = np.eye(n_models)[best_of_past]
    world = _truth(data, objective)
    blends["best possible"] = world.best()
    return {way: world.value(weights) for way, weights in blends.items()}


def _past(stacking):
    """Mean score of each model alone over the eras that were learned from."""
    return [
        stacking.refit(shrinkage=1.0, prior={name: 1.0}).train_score_["optimised"]
        for name in stacking.columns_
    ]


def _truth(data, objective):
    alike = data.model_corr.to_numpy()
    scores = np.array(list(data.expected_corr.values()))
    meta = np.array(list(data.meta_weights.values()))
    meta *= np.sqrt(META_SHARE / (meta @ alike @ meta))
    return World(alike, worth(objective, scores, alike @ meta, meta @ scores))


def cell_of(one_world, n_worlds):
    """Mean true scores by the way, and whether "bayes" is as good as it is to be."""
    found = [one_world(seed) for seed in range(n_worlds)]
    values = {way: np.array([one[way] for one in found]) for way in WAYS}
    verdict = ""
    for way, most in AT_MOST.items():
        excess = (1 - most) * values[way] - values["bayes"]
        error = excess.std() / np.sqrt(n_worlds)
        if excess.mean() > 2 * error:
            verdict = "fails"
        elif excess.mean() > 0:
            verdict = verdict or "close"
    return {way: float(series.mean()) for way, series in values.items()}, verdict


def tables(quick, n_worlds, n_of_rows):
    """Yield the title of each table, its worlds a cell, and what to run for each."""
    cells = QUICK_CELLS if quick else CELLS
    of_rows_cells = QUICK_CELLS_OF_ROWS if quick else CELLS_OF_ROWS
    rows_per_era = 100 if quick else 500
    for objective in ("corr", "contribution"):
        for near in (False, True):
            title = f"{objective}, moments{', near copies' if near else ''}"
            yield title, n_worlds, _each(cells, of_moments, objective, near)
        each = _each(of_rows_cells, of_rows, objective, rows_per_era)
        yield f"{objective}, rows", n_of_rows, each
    of_payout = QUICK_CELLS[:1] if quick else CELLS_OF_PAYOUT
    yield "payout, moments", n_worlds, _each(of_payout, of_moments, "payout", False)


def _each(cells, one_world, *what):
    return [(cell, partial(one_world, cell, *what)) for cell in cells]


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Small worlds and few, some seconds.")
@click.option("--worlds", type=int, help="In a cell: 200, of rows a quarter; quick 4.")
def main(quick, worlds):
    """Print the tables as Markdown; exit with 1 where "bayes" fails."""
    n_worlds = worlds or (4 if quick else 200)
    n_of_rows = max(n_worlds // 4, 2)
    failed = False
    for title, count, cells in tables(quick, n_worlds, n_of_rows):
        click.echo(f"\n{title}: true scores in 1e-4, {count} worlds a cell\n")
        click.echo(f"| models, eras | spread | {' | '.join(WAYS)} | |")
        click.echo("|---" * (len(WAYS) + 3) + "|")
        for (n_models, n_eras, spread), one_world in cells:
            means, verdict = cell_of(one_world, count)
            numbers = " | ".join(f"{1e4 * means[way]:.1f}" for way in WAYS)
            click.echo(f"| {n_models}, {n_eras} | {spread:g} | {numbers} | {verdict} |")
            failed |= verdict == "fails"
    raise SystemExit(1 if failed and not quick else 0)


if __name__ == "__main__":
    main()
