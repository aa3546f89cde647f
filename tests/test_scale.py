"""The page on scale: merging in a tree, its arithmetic, and the scripts it shows."""

import importlib.util
import re
import runpy
import shutil
import subprocess
import sys
from math import ceil, log2
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from benchmarks import merging, scale, steps
from skbench import EraRankGauss, StackingWeights
from skbench.datasets import make_benchmark_models

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guide" / "scale.md").read_text()
DATA = make_benchmark_models(36, 80, 4, mean_corr=0.1, random_state=3)
GAUSS = EraRankGauss().fit_transform(DATA.frame)


def dask_is_here():
    pytest.importorskip("dask.dataframe", reason="needs the extra `dask`")


def moments(rows, objective="corr"):
    return StackingWeights(objective).gather(rows, rows["target"])


def parts_of_rows(n_parts, objective):
    """Parts of unlike size, eras of one part in no order."""
    labels = np.random.default_rng(0).permutation(GAUSS["era"].unique())
    cuts = np.sort(np.random.default_rng(1).choice(range(1, 36), n_parts - 1, False))
    return [
        moments(GAUSS[GAUSS["era"].isin(part)], objective)
        for part in np.split(labels, cuts)
    ]


def weights_of(stacking):
    return np.array(list(stacking.weights_.values()))


# Merging


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse", "contribution"])
@pytest.mark.parametrize("n_parts", [2, 7, 16])
def test_a_tree_of_merges_gives_the_weights_of_one_pass(n_parts, objective):
    dask_is_here()
    one_pass = weights_of(StackingWeights(objective).fit(GAUSS, GAUSS["target"]))
    assert (one_pass > 0).sum() > 1
    merged = merging.tree(parts_of_rows(n_parts, objective), merging.merge_as_dask)
    np.testing.assert_allclose(
        weights_of(merged.root.refit()), one_pass, rtol=0, atol=1e-12
    )
    assert merged.depth == ceil(log2(n_parts))
    assert sum(len(level) for level in merged.seconds) == n_parts - 1


def test_a_tree_of_states_without_rows_gives_the_weights_of_one_pass():
    dask_is_here()
    parts = merging.states(30, 64, 13, np.random.default_rng(0))
    root = merging.tree(parts, merging.merge_as_dask).root.refit()
    one_pass = weights_of(merging.one_pass(parts[::-1]).refit())
    np.testing.assert_allclose(weights_of(root), one_pass, rtol=0, atol=1e-12)
    assert (one_pass > 0).sum() > 5
    assert merging.largest_difference(root, parts) <= 1e-12


def test_a_wrong_merge_would_be_seen():
    dask_is_here()
    parts = merging.states(10, 8, 4, np.random.default_rng(0))
    lossy = merging.tree(parts, lambda first, second: first)
    assert merging.largest_difference(lossy.root, parts) > 1e-3


def test_made_up_states_hold_what_fitted_ones_hold():
    fitted = moments(GAUSS)
    made = merging.state(4, fitted.era_statistics_["era"], np.random.default_rng(0))
    assert set(made.era_statistics_) == set(fitted.era_statistics_)
    for name, values in fitted.era_statistics_.items():
        made_up = made.era_statistics_[name]
        assert (name, made_up.shape) == (name, values.shape)
        assert (name, made_up.dtype) == (name, values.dtype)


@pytest.mark.parametrize(("models", "eras"), [(200, 3), (300, 2)])
def test_the_size_of_a_state_is_that_of_two_matrices_an_era(models, eras):
    part = merging.state(models, range(eras), np.random.default_rng(0))
    said = scale.state_bytes(models, eras)
    assert said <= merging.state_bytes(part) <= 1.03 * said


def test_the_last_merge_needs_two_and_a_half_times_what_it_makes():
    dask_is_here()
    parts = merging.states(100, 32, 4, np.random.default_rng(0))
    merged = merging.tree(parts, merging.merge_as_dask)
    ratio = merged.root_peak_bytes / merging.state_bytes(merged.root)
    assert 2.3 < ratio < 2.7


def sent_in_a_tree(sizes):
    """Count what is sent, merge by merge: the smaller of two goes to the other."""
    sent = 0
    while len(sizes) > 1:
        pairs = [sizes[i : i + 2] for i in range(0, len(sizes), 2)]
        sent += sum(min(pair) for pair in pairs if len(pair) == 2)
        sizes = [sum(pair) for pair in pairs]
    return sent


@pytest.mark.parametrize("partitions", [2, 3, 5, 8, 37, 64, 1000, 1024])
def test_no_tree_sends_more_than_the_formula(partitions):
    sent = sent_in_a_tree([1.0] * partitions)
    said = scale.bytes_sent(partitions, partitions)
    assert sent <= said
    if log2(partitions).is_integer():
        assert sent == said


def test_mse_of_longer_eras_is_the_same_for_eras_of_equal_size():
    whole = GAUSS[GAUSS["target"].notna()].groupby("era").head(60)
    labels = sorted(whole["era"].unique())[:30]
    whole = EraRankGauss().fit_transform(whole[whole["era"].isin(labels)])
    assert (whole.groupby("era").size() == 60).all()
    blocks = whole.assign(block=whole["era"].map(labels.index) // 5)
    by_era = StackingWeights("mse").fit(blocks, blocks["target"])
    by_block = StackingWeights("mse", era="block").fit(blocks, blocks["target"])
    assert (by_era.n_eras_, by_block.n_eras_) == (30, 6)
    assert (weights_of(by_era) > 0).sum() > 1
    np.testing.assert_allclose(
        weights_of(by_era), weights_of(by_block), rtol=0, atol=1e-12
    )


# The tables


def test_costs_are_a_million_rows_worth(tmp_path, monkeypatch):
    # Work that takes a second a row of all columns, as far as the clock can tell.
    monkeypatch.setattr(
        "benchmarks.timing.interleaved",
        lambda calls, repeats: [[call()] * repeats for call in calls],
    )
    step = steps.Step("x", "models", 2, 50, 3, lambda e, r, c: lambda: e * r * c**2)
    assert step.measure(5) == (9 * steps.MILLION, 2.0, 4.0)


def test_a_search_is_taken_to_grow_as_it_did():
    measured = scale.Scale(scale.QUICK_SCALE, None)
    measured.searched = {
        ("corr", 50, 20): 99.0,
        ("corr", 100, 20): 1.0,
        ("corr", 200, 20): 8.0,
        ("mse", 400, 20): 1.0,
    }
    assert measured._search_of(1000) == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(10, "10 bytes"), (999_000, "999 kB"), (3.2e12, "3.2 TB"), (16e6, "16 MB")],
)
def test_sizes_have_units(n_bytes, text):
    assert scale._size(n_bytes) == text


def test_the_page_shows_the_tables_of_the_command(tmp_path):
    """Whatever was measured: the same tables, with a line for each thing."""
    sizes = scale.FULL_SCALE
    rows = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)
    starts = {tuple(row.split(" | ")[:2]) for row in rows}
    for step in steps.steps(sizes, tmp_path, None):
        assert (step.name, f"{step.columns:,} {step.unit}") in starts
    searches = {tuple(row.split(" | ")[:3]) for row in rows}
    for objective, *numbers in sizes.searches:
        assert (f'"{objective}"', *(f"{n:,}" for n in numbers)) in searches
    for tree in sizes.trees:
        assert tuple(f"{n:,}" for n in tree) in searches
    firsts = {row.split(" | ")[0] for row in rows}
    chain = scale.Scale(sizes, tmp_path)._chain()
    assert firsts >= {f"{name}, {of}" for name, of in chain}


# The scripts

SCRIPTS = {"on_ray": ["ray"], "on_spark": ["pyspark", "pyspark.sql"]}


@pytest.fixture(params=SCRIPTS)
def script(request, monkeypatch):
    """Names of a script, whose engine is an empty module."""
    for name in SCRIPTS[request.param]:
        engine = ModuleType(name)
        engine.SparkSession = None
        monkeypatch.setitem(sys.modules, name, engine)
    return runpy.run_path(str(ROOT / "examples" / f"{request.param}.py"))


@pytest.mark.filterwarnings("ignore:no non-negative weights")
def test_the_pieces_of_a_script_give_what_memory_gives(script):
    frame = script["tournament"]()
    eras = [rows for _, rows in frame.groupby("era")][::-1]
    moments = [script["learn"](rows)["moments"].iloc[0] for rows in eras]
    learned = script["merged"](moments).refit(objective="corr")
    out = pd.concat(
        [script["five_steps"](learned.weights_).fit_transform(rows) for rows in eras]
    )
    assert len(set(learned.weights_.values())) == 3
    assert script["compare"](frame, out) <= 1e-12


def test_a_script_would_see_a_difference(script):
    frame = script["tournament"]()
    wrong = frame[["id"]].assign(prediction=0.5)
    assert script["compare"](frame, wrong) > 0.4
    with pytest.raises(AssertionError):
        script["compare"](frame, wrong[1:])


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_on_its_engine(name, tmp_path):
    engine = SCRIPTS[name][0]
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed")
    if engine == "pyspark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows, difference = re.findall(
        r"([\d,]+) rows; largest difference: (\S+)", done.stdout
    )[0]
    assert int(rows.replace(",", "")) > 5000
    assert float(difference) <= 1e-12
