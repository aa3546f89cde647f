"""Time the products of one era with one and with two threads of BLAS, idle and busy.

    OPENBLAS_CORETYPE=Haswell python -m benchmarks.blas_threads [--quick]

prints two Markdown tables: the Gram matrix of float32 features in scipy's BLAS, which
the neutralizer factorises, and the covariance of float64 predictions in numpy's, which
learns weights. Busy: beside a process that keeps one core to itself. Where two threads
gain nothing, or lose while the machine is busy, `skbench._eras` should keep to one.
"""

import subprocess
import sys
from contextlib import contextmanager
from statistics import median

import click
import numpy as np
from scipy.linalg import blas
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks import timing

N_ROWS = 5900
FULL = (22, 42, 100, 200, 300, 400, 600, 780, 1200, 2376)
QUICK = (22, 42, 100)
# Short products are repeated, so that a measurement takes a few milliseconds.
MULTIPLICATIONS = 10**8


def gram(n_columns, rng):
    """Return the product of features, as the neutralizer has it."""
    features = rng.integers(0, 5, (n_columns, N_ROWS)).astype(np.float32)
    return lambda: blas.ssyrk(1.0, features.T, trans=1)


def covariance(n_columns, rng):
    """Return the product of predictions, as learning has it."""
    predictions = rng.standard_normal((n_columns, N_ROWS))
    return lambda: predictions @ predictions.T


def limited(product, n_threads, n_times):
    """Return what calculates a product so many times, on so many threads."""

    def run():
        with threadpool_limits(n_threads, user_api="blas"):
            for _ in range(n_times):
                product()

    return run


@contextmanager
def busy_core():
    """Keep one core busy by a process of its own."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def measured(product, n_columns, repeats):
    """Median milliseconds of a product: idle on 1 and 2 threads, then busy."""
    n_times = max(1, MULTIPLICATIONS // (n_columns**2 * N_ROWS))
    ways = [limited(product, n_threads, n_times) for n_threads in (1, 2)]
    timing.interleaved(ways, 1)  # to warm up
    times = timing.interleaved(ways, repeats)
    with busy_core():
        times += timing.interleaved(ways, repeats)
    return [1e3 * median(seconds) / n_times for seconds in times]


@click.command()
@click.option("--quick", is_flag=True, help="Small products only.")
@click.option("--repeats", default=25, show_default=True, help="Runs of each way.")
def main(quick, repeats):
    """Print the tables."""
    kernels = {i["architecture"] for i in threadpool_info() if "architecture" in i}
    print(f"Milliseconds, median of {repeats} runs; kernels: {', '.join(kernels)}.")
    rng = np.random.default_rng(0)
    for make in (gram, covariance):
        print(f"\n| {make.__name__} | multiplications | 1 | 2 | 1, busy | 2, busy |")
        print("|---|---|---|---|---|---|")
        for n_columns in QUICK if quick else FULL:
            times = measured(make(n_columns, rng), n_columns, repeats)
            cells = " | ".join(f"{each:.3g}" for each in times)
            size = f"{n_columns:,} x {N_ROWS:,} | {n_columns**2 * N_ROWS:.2g}"
            print(f"| {size} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
