"""Time `FeatureNeutralizer` on arrays, on tensors and, where there is one, on a GPU.

    python -m benchmarks.accelerator [--quick]

prints a Markdown table. Every way starts from float32 rows in the computer's memory and
ends with the output there, so the times of a GPU include both transfers. Large work is
done in several calls on the same rows, as a file larger than memory would be.
"""

import sys
from dataclasses import dataclass
from statistics import median

import click
import numpy as np
import torch
from sklearn.base import clone

from benchmarks import timing
from skbench import FeatureNeutralizer


@dataclass
class Work:
    """So many eras, so many of them in a call."""

    n_eras: int
    n_rows: int
    n_features: int
    eras_a_call: int

    def __str__(self):
        eras = "one era" if self.n_eras == 1 else f"{self.n_eras} eras"
        return f"{eras} of {self.n_rows:,} x {self.n_features:,}"

    def rows(self):
        """Era, a prediction that leans on features, and binned features."""
        rng = np.random.default_rng(0)
        n = self.eras_a_call * self.n_rows
        X = np.empty((n, 2 + self.n_features), dtype=np.float32)
        X[:, 0] = np.repeat(np.arange(self.eras_a_call), self.n_rows)
        X[:, 2:] = rng.integers(0, 5, (n, self.n_features), dtype=np.int8)
        X[:, 1] = X[:, 2:22].sum(axis=1) / 10 + rng.standard_normal(n)
        return X


FULL = (Work(1, 5000, 2376, 1), Work(100, 5000, 2376, 10), Work(600, 5000, 780, 60))
QUICK = (Work(1, 2000, 780, 1), Work(10, 2000, 300, 5))


def on(device, X, neutralizer):
    """Move to a device, neutralise there, and bring the output back."""
    tensor = torch.from_numpy(X).to(device)
    return clone(neutralizer).fit_transform(tensor).cpu().numpy()


def ways(X):
    """Name each way, and the function that goes it once over the rows."""
    neutralizer = FeatureNeutralizer([*range(2, X.shape[1])], era=0)
    named = {"array": lambda: clone(neutralizer).fit_transform(X)}
    named["tensor, CPU"] = lambda: on("cpu", X, neutralizer)
    if torch.cuda.is_available():
        named["tensor, GPU"] = lambda: on("cuda", X, neutralizer)
    return named


def measured(work, repeats):
    """Median seconds of the whole work, one number a way."""
    named = ways(work.rows())
    # This also warms each way up.
    first, *others = (function() for function in named.values())
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-6)

    def whole(function):
        for _ in range(work.n_eras // work.eras_a_call):
            function()

    functions = [lambda f=function: whole(f) for function in named.values()]
    times = timing.interleaved(functions, repeats)
    return dict(zip(named, map(median, times), strict=True))


def machine():
    """Say what the times were taken on."""
    gpu = "no GPU here"
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_name()
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads, {gpu}"


@click.command()
@click.option("--quick", is_flag=True, help="Less work, to try the script.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each way.")
def main(quick, repeats):
    """Print the table."""
    print(f"Seconds, transfers included; {machine()}.\n")
    for i, work in enumerate(QUICK if quick else FULL):
        times = measured(work, repeats)
        if i == 0:
            print("| work | " + " | ".join(times) + " |")
            print("|---|" + "---|" * len(times))
        cells = " | ".join(f"{seconds:.2f}" for seconds in times.values())
        print(f"| {work} | {cells} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
