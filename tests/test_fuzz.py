"""Bad arguments over the whole public API: work, or say which argument is wrong.

Each case is drawn from a seed and runs in another process, so that a crash is seen as
one. A case that worked gave no NaN and no infinity that its result has not where
nothing is spoiled, if rows of data were left alone. One that was refused raised an
exception of a documented type, whose message names the argument, a column or a file;
and there was no warning but those meant for the user. To see one case again:
``python tests/fuzzing.py SEED``.
"""

import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("dask", reason="needs the extra `dask`")
pytest.importorskip("skops", reason="needs the extra `secure`")

import fuzzing

HERE = Path(__file__).parent
PACKAGES = [
    "analysis", "datasets", "deploy", "distributed", "folders", "metrics",
    "model_selection", "recipes", "report", "staking", "streaming",
]  # fmt: skip
SHARDS = range(0, 10_000, 1000)
# Names that only carry results, or values; nothing is passed to them.
RESULTS = {
    "analysis.Analysis", "analysis.Synergy", "deploy.CheckReport",
    "deploy.ModelReceipt", "deploy.SubmissionReceipt", "folders.FolderEnsemble",
    "staking.PAYOUT_2024", "staking.PAYOUT_2026", "staking.PAYOUT_ROUND_1343",
    "staking.PAYOUT_RULES", "staking.Simulation",
}  # fmt: skip


def run(first, last):
    """Start a process on some seeds."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, str(HERE / "fuzzing.py"), str(first), str(last)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )


def done(process):
    """Wait for a process; return its cases. One that crashed is a case as well."""
    out, _ = process.communicate()
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    cases = [line["done"] for line in lines if "done" in line]
    if process.returncode:
        begun = lines[-1].get("begun", {}) if lines else {}
        fault = f"the process ended with {process.returncode}"
        crash = {"seed": None, "name": "start", "spoiled": {}} | begun
        cases.append(crash | {"outcome": "crash", "fault": fault})
    return cases


def told(cases):
    """Count the cases by outcome and by name, for people to read."""
    outcomes = Counter(case["outcome"] for case in cases)
    worked = Counter(c["name"] for c in cases if c["outcome"] == "worked")
    every = Counter(case["name"] for case in cases)
    lines = [f"{len(cases)} cases: {dict(outcomes.most_common())}"]
    lines += [
        f"  {name}: {worked[name]} worked, {count - worked[name]} refused"
        for name, count in sorted(every.items())
    ]
    return "\n".join(lines)


def check(cases, count):
    assert len(cases) == count
    faults = [case for case in cases if case["fault"]]
    shown = "\n".join(
        f"seed {c['seed']}: {c['name']} with {c['spoiled']}: {c['fault']}"
        for c in faults
    )
    assert not faults, f"{len(faults)} of {count}:\n{shown}"


def test_every_public_name_is_tried():
    import skbench

    names = {name for name in skbench.__all__ if name not in PACKAGES}
    for package in PACKAGES:
        module = importlib.import_module(f"skbench.{package}")
        names |= {f"{package}.{name}" for name in module.__all__}
    with fuzzing.table() as calls:
        tried = {name.split()[0] for name in calls}
        commands = {name.split()[1] for name in calls if name.startswith("cli ")}
    assert names - RESULTS <= tried
    assert commands == set(importlib.import_module("skbench.cli").skbench.commands)


def test_a_crash_is_seen(tmp_path, monkeypatch):
    script = tmp_path / "fuzzing.py"
    script.write_text(
        'import os; print(\'{"begun": {"seed": 3}}\', flush=True); os.abort()'
    )
    monkeypatch.setattr(sys.modules[__name__], "HERE", tmp_path)
    (case,) = done(run(0, 1))
    assert case["outcome"] == "crash"
    assert case["seed"] == 3
    with pytest.raises(AssertionError, match="seed 3"):
        check([case], 1)


def test_a_seed_gives_the_same_case_again():
    with fuzzing.table() as calls:
        for seed in range(50):
            first, second = (fuzzing.draw(calls, seed)[0] for _ in range(2))
            assert (first.name, first.spoiled) == (second.name, second.spoiled)


def test_a_few_hundred():
    check(done(run(0, 300)), 300)


@pytest.mark.slow
@pytest.mark.skipif(
    "SKBENCH_FUZZ" not in os.environ,
    reason="takes several minutes; set SKBENCH_FUZZ=1 to run it",
)
def test_ten_thousand(capsys):
    with ThreadPoolExecutor(2) as pool:
        shards = pool.map(lambda first: done(run(first, first + 1000)), SHARDS)
        cases = [case for shard in shards for case in shard]
    with capsys.disabled():
        print(f"\n{told(cases)}")
    check(cases, 10_000)
