"""Draw how learned weights settle as eras come in: ``python docs/weights.py``.

It takes matplotlib, and some seconds. The world is one of `benchmarks.shrinkage`.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.shrinkage import HORIZON, made_up
from skbench.solvers.shrinkage import shrinkage
from skbench.solvers.weights import Problem

PICTURE = Path(__file__).parent / "_static" / "weights.svg"
N_ERAS = np.arange(30, 691, 6)
N_MODELS, SPREAD, SEED = 4, 0.003, 2
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def paths():
    """Weights after each number of eras, raw and shrunk, and the best ones."""
    rng = np.random.default_rng(SEED)
    world, moments = made_up(N_MODELS, int(N_ERAS[-1]), SPREAD, False, "corr", rng)
    times, prior = np.arange(float(N_ERAS[-1])), np.full(N_MODELS, 1 / N_MODELS)
    whole = Problem(moments, times, prior)
    raw, shrunk = [], []
    for n_eras in N_ERAS:
        problem = whole.of_eras(np.arange(n_eras))
        known = shrinkage(problem, HORIZON)
        raw.append(problem.best_weights())
        shrunk.append(known.with_scores(known.known.mean).best_weights())
    return np.array(raw), np.array(shrunk), world.best()


def draw(path=PICTURE):
    """Draw a line for each model: raw on the left, shrunk on the right."""
    plt.rcParams["svg.fonttype"] = "none"
    plt.rcParams["svg.hashsalt"] = "weights"
    *both, best = paths()
    figure, axes = plt.subplots(
        1, 2, figsize=(8, 3.6), sharey=True, layout="constrained"
    )
    titles = ("raw: shrinkage=0", 'shrunk: shrinkage="bayes"')
    for ax, found, title in zip(axes, both, titles, strict=True):
        for weights, true, colour in zip(found.T, best, COLOURS, strict=True):
            ax.plot(N_ERAS, weights, color=colour, linewidth=1.8)
            ax.axhline(true, color=colour, linestyle=":", linewidth=1.2)
        ax.axhline(1 / N_MODELS, color="0.5", linewidth=0.8)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("eras learned from")
        ax.set_xlim(0, N_ERAS[-1])
        ax.set_ylim(0, 1)
    axes[0].set_ylabel("weight")
    axes[0].annotate("equal", (690, 1 / N_MODELS), (-3, 3), ha="right", color="0.4",
                     textcoords="offset points", fontsize=9)  # fmt: skip
    figure.savefig(path, metadata={"Date": None})
    return figure


if __name__ == "__main__":
    draw().savefig(sys.argv[1], dpi=110) if sys.argv[1:] else draw()
