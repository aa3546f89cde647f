"""Whole commands as processes, beside what they cannot do without."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.release import Size, write_release

ROOT = Path(__file__).parents[1]
HEADING = (
    "| work | against | asked | found | wall (s) | CPU (s) | peak (MB) |\n"
    "|---|---|---|---|---|---|---|"
)
SMALL = Size(eras=60, rows=600, models=4, features=12, meta_model_eras=20)
# One that most laptops run, whatever this machine is.
HASWELL = {"OPENBLAS_CORETYPE": "Haswell"}
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
LOAD = "from skbench.datasets import load_benchmark_models as load; load"


@dataclass(frozen=True)
class Run:
    """What a process took."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Row:
    """A command and what it is held against: the CPU time of another process."""

    work: str
    ours: list
    against: str
    other: list
    at_most: float
    busy: bool = False
    environment: tuple = ()
    of_other: tuple = ()
    at_most_megabytes: float = 600


def run(arguments, environment=()):
    """Run a Python process to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **dict(environment)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(time.perf_counter() - start, cpu, usage.ru_maxrss / 1000)


@contextmanager
def one_core_busy():
    """Keep a core busy with another process."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def rows(full, medium, out):
    """The rows of the table; the folders hold releases."""
    score = ["-m", "skbench", "score", full]
    ensemble = ["-m", "skbench", "ensemble", full, "-o", out / "a.parquet"]
    ensemble += ["--fit", "corr", "--neutralize", "small"]
    wide = ["-m", "skbench", "ensemble", medium, "-o", out / "b.parquet"]
    wide += ["--neutralize", "medium"]
    floor = ["-m", "benchmarks.floors"]
    reading = "reading its columns, and the bare kernels"
    alone = "its CPU time alone with one BLAS thread"
    yield Row("`skbench score`", score, reading, [*floor, "score", full], 1.5)
    in_polars = [*floor, "polars", full]
    yield Row("`skbench score`", score, "polars, CORR alone", in_polars, 0.7)
    yield Row(
        "`skbench ensemble --fit corr --neutralize small`",
        ensemble,
        reading,
        [*floor, "ensemble", full],
        1.5,
    )
    yield Row(
        "`skbench ensemble --neutralize medium`, fewer eras",
        wide,
        reading,
        [*floor, "neutralize", medium],
        1.5,
    )
    haswell = tuple(HASWELL.items())
    one = (*haswell, *ONE_THREAD.items())
    for name, command in (("score", score), ("ensemble ... small", ensemble)):
        yield Row(
            f"`skbench {name}` beside a busy process",
            command,
            alone,
            command,
            1.2,
            busy=True,
            environment=haswell,
            of_other=one,
        )
    several = ["-m", "skbench", "backtest", full, "--neutralize", "small"]
    several += ["--fit", "corr,sharpe,mse,contribution,payout"]
    several += ["--proportion", "0,0.25,0.5,1"]
    yield Row(
        "`skbench backtest`, 5 objectives x 4 proportions",
        several,
        "`skbench ensemble --fit corr --neutralize small`",
        ensemble,
        2.0,
    )
    report = ["-m", "skbench", "report", full, "-o", out / "r.html"]
    yield Row("`skbench report`", report, "`skbench score`", score, 1.3)
    analyze = ["-m", "skbench", "analyze", full]
    yield Row("`skbench analyze`", analyze, "`skbench score`", score, float("inf"))
    loaded = ["-c", f"{LOAD}({str(full)!r}, live=False)"]
    by_pandas = "pandas.read_parquet, and joins by id"
    yield Row(
        "`load_benchmark_models`",
        loaded,
        by_pandas,
        [*floor, "load", full],
        1.2,
        at_most_megabytes=float("inf"),
    )


def line(row, repeats):
    """Run both sides of a row in turn, and write its line; whether it is reached."""
    own, other = [], []
    for _ in range(repeats):
        if row.busy:
            with one_core_busy():
                own.append(run(row.ours, row.environment))
        else:
            own.append(run(row.ours, row.environment))
        other.append(run(row.other, row.of_other))
    ratio = median(a.cpu / b.cpu for a, b in zip(own, other, strict=True))
    peak = max(one.peak for one in own)
    reached = ratio <= row.at_most and peak <= row.at_most_megabytes
    asked = "" if row.at_most == float("inf") else f"at most {row.at_most}x"
    cells = [
        row.work,
        row.against,
        asked,
        f"{ratio:.2f}x" if reached else f"**{ratio:.2f}x**",
        f"{median(one.wall for one in own):.1f}",
        f"{median(one.cpu for one in own):.1f} / {median(o.cpu for o in other):.1f}",
        f"{peak:.0f}",
    ]
    return f"| {' | '.join(cells)} |", reached


def lines(folder, quick, repeats):
    """Make the releases, and yield the table line by line with what is reached."""
    full = SMALL if quick else Size()
    medium = replace(full, eras=max(20, full.eras // 7), models=2, meta_model_eras=5)
    medium = replace(medium, features=60 if quick else 780)
    releases = [
        write_release(Path(folder) / name, size)
        for name, size in (("full", full), ("medium", medium))
    ]
    for row in rows(*releases, Path(folder)):
        yield line(row, repeats)
