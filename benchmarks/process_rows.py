"""What needs a process of its own: peak memory, and the time to import."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import timing
from benchmarks.rows import Comparison, UnmeasurableError, row

_OURS = "import skbench; skbench.EraRankGauss()"
_OTHER = "import pandas, sklearn.base, scipy.special"


@row("streaming")
def streaming_row(setup):
    """Peak memory of many eras beside that of a tenth of them."""
    if not Path("/proc/self/status").exists():
        raise UnmeasurableError("the peak memory of a process is read as Linux has it")
    sizes = setup.sizes
    n_eras, few = sizes.streamed_eras, sizes.streamed_eras // 10
    write_eras(setup.folder / "many.parquet", n_eras, setup)
    write_eras(setup.folder / "few.parquet", few, setup)

    def peak(name):
        source = setup.folder / f"{name}.parquet"
        target = setup.folder / "out.parquet"
        return _output("-m", "benchmarks.peak", source, target, sizes.batch_rows)

    shape = f"{sizes.rows:,} rows x {sizes.streamed_features} int8"
    return Comparison(
        work=f"streaming {n_eras} eras x {shape} through the five steps",
        against=f"its own peak memory at {few} eras",
        ours=lambda: peak("many"),
        other=lambda: peak("few"),
        at_most=1.1,
        ceiling=1500,
        measure=timing.reported,
        unit="MB",
        warm_up=False,
        once=True,
    )


@row("import")
def import_row(setup):
    """Seconds until the first estimator, beside those of what it stands on."""
    return Comparison(
        work="`import skbench` and its first estimator",
        against=f"`{_OTHER}`",
        ours=lambda: _import_seconds(_OURS),
        other=lambda: _import_seconds(_OTHER),
        at_most=1.15,
        measure=timing.reported,
    )


def write_eras(path, n_eras, setup):
    """Write eras of binned features, two predictions and a target, a row group each."""
    sizes, rng = setup.sizes, setup.rng
    shape = sizes.streamed_features, sizes.rows
    bins = rng.integers(0, 5, shape, dtype=np.int8)
    columns = {f"feature_{i}": feature for i, feature in enumerate(bins)}
    # The features of all eras are alike: they cost the same memory as others would.
    columns |= {f"model_{i}": rng.standard_normal(sizes.rows) for i in range(2)}
    columns["target"] = rng.random(sizes.rows)
    writer = None
    for number in range(n_eras):
        table = pa.table({"era": [f"{number:04d}"] * sizes.rows, **columns})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def _import_seconds(statements):
    clock = "import time; start = time.perf_counter()"
    return _output("-c", f"{clock}; {statements}; print(time.perf_counter() - start)")


def _output(*arguments):
    """Return the number that another Python prints."""
    root = Path(__file__).parents[1]
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE)
    return float(done.stdout)
