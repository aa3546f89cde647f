"""Killed at any moment, a job leaves old files or whole new ones, and no trouble."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from tournament_files import write_tournament

from skbench import EraRankGauss
from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.streaming import transform_parquet

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parent
N_KILLS = 20
OLD = b"old"


def transform(files, target, **options):
    source = files / "validation_benchmark_models.parquet"
    pipeline = EraRankGauss().fit(pd.read_parquet(source))
    transform_parquet(pipeline, source, target, batch_rows=1, **options)


def resume(files, target):
    transform(files, target, resume=True)


def ensemble(files, target):
    main(["ensemble", str(files), "-o", str(target)])


# Says when all is imported, and begins at a line from outside.
CHILD = """
import sys
from pathlib import Path
import test_killed_writers
job, files, target = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
getattr(test_killed_writers, job)(Path(files), Path(target))
"""


def begun(job, files, target):
    """Return a process that is at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, job.__name__, files, target],
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n", process.communicate()
    process.stdin.write(b"\n")
    process.stdin.flush()
    return process


@pytest.mark.parametrize("job", [transform, resume, ensemble])
def test_killed_at_random_moments(job, tmp_path):
    data = make_benchmark_models(120, 50, 3, 4, meta_model_eras=80, random_state=0)
    files = write_tournament(tmp_path / "files", data)
    target = tmp_path / "out" / "e.parquet"
    target.parent.mkdir()
    with begun(job, files, target) as process:
        start = time.monotonic()
        process.communicate()
    seconds = time.monotonic() - start
    whole = {path: path.read_bytes() for path in target.parent.iterdir()}
    assert target in whole

    draw, found, left_behind = random.Random(0), Counter(), 0
    for _ in range(N_KILLS):
        for path in whole:
            path.write_bytes(OLD)
        with begun(job, files, target) as process:
            time.sleep(draw.uniform(0, seconds))
            process.kill()
        for path, new in whole.items():
            content = path.read_bytes()
            assert content in (OLD, new), path.name
            found["old" if content == OLD else "new"] += 1
        left_behind += bool(set(target.parent.iterdir()) - set(whole))
        job(files, target)
        assert {path: path.read_bytes() for path in target.parent.iterdir()} == whole
    assert found.total() == N_KILLS * len(whole)
    # Or no moment was one in which anything can go wrong.
    assert left_behind > 0
