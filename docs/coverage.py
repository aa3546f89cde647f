"""Draw how often intervals hold, old against new: ``python docs/coverage.py``.

It takes matplotlib, and some seconds. The numbers are those of `benchmarks.coverage`.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.coverage import HORIZONS, coverage

PICTURE = Path(__file__).parent / "_static" / "coverage.svg"
N_ERAS = (26, 40, 60, 87, 130, 200, 300, 450, 690)
NEW, OLD = "#0072B2", "#D55E00"


def draw(path=PICTURE, n_worlds=4000):
    """Draw a line for each horizon and kind of interval."""
    plt.rcParams["svg.fonttype"] = "none"
    plt.rcParams["svg.hashsalt"] = "coverage"
    figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for (days, horizon), style in zip(HORIZONS.items(), ("--", "-"), strict=True):
        found = [coverage(horizon, n, "normal", n_worlds) for n in N_ERAS]
        for key, colour, name in (("mean", NEW, "skbench"), ("blocks", OLD, "blocks")):
            shares = [100 * one[key] for one in found]
            label = f"{name}, {days.replace(' days', '-day')} target"
            ax.plot(N_ERAS, shares, style, color=colour, marker="o", label=label)
    ax.axhline(95, color="0.4", linewidth=1)
    ax.annotate("promised: 95 %", (690, 95), (0, 8), textcoords="offset points",
                ha="right", color="0.3")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(N_ERAS, [str(n) for n in N_ERAS])
    ax.minorticks_off()
    ax.set_ylim(40, 100)
    ax.set_xlabel("eras with a score")
    ax.set_ylabel("intervals that hold the true mean, %")
    ax.legend(loc="lower right")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    draw()
