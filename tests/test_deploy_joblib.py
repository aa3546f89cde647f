"""Fitted estimators on disk: other processes, other scikit-learn versions, skops."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import five_steps
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.deploy import load_trusted

ROOT = Path(__file__).parents[1]
MODELS = ["v5_a", "v5_b", "v5_c"]

# Reads a pipeline, predicts, and writes it anew.
SCRIPT = """if True:
    import sys, warnings
    import joblib, numpy as np, pandas as pd
    from sklearn.exceptions import InconsistentVersionWarning
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", InconsistentVersionWarning)
    source, rows, predictions, target = sys.argv[1:]
    fitted = joblib.load(source)
    np.save(predictions, fitted.predict(pd.read_csv(rows)))
    repr(fitted)
    joblib.dump(fitted, target)
"""


def rows_of(n=90, n_eras=3):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"era": np.arange(n) % n_eras + 1})
    for i in range(4):
        frame[f"feature_{i}"] = rng.integers(5, size=n)
    for name in MODELS:
        frame[name] = rng.normal(size=n)
    frame["target"] = rng.integers(5, size=n) / 4
    return frame


def stacking(**params):
    return StackingWeights(horizon=1, **params)


FITTED = {
    "rank": EraRank(),
    "gauss": EraRankGauss(ties="first"),
    "ensemble": WeightedEnsemble({"v5_a": 0.4, "v5_c": np.float64(0.6)}),
    "neutralizer": FeatureNeutralizer(keep_neutralizers=True),
    "stacking": make_pipeline(EraRankGauss(), stacking(shrinkage=0.1)),
    "five steps": five_steps(WeightedEnsemble(), proportion=0.5),
    "five steps, stacked": five_steps(stacking(objective="sharpe"), proportion=0.5),
}

each = pytest.mark.parametrize("name", FITTED)


@pytest.fixture
def frame():
    return rows_of()


@pytest.fixture
def fitted(name, frame):
    model = pickle.loads(pickle.dumps(FITTED[name]))  # untouched by other tests
    return model.fit(frame, frame["target"])


def passed_on(python, source, frame, folder):
    """Let another Python read a file: its predictions, and the file it writes."""
    frame.to_csv(folder / "rows.csv", index=False)
    out = folder / "predictions.npy", folder / "again.joblib"
    names = [str(path) for path in (source, folder / "rows.csv", *out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [python, "-c", SCRIPT, *names], check=True, env=environment, cwd=folder
    )
    return np.load(out[0]), out[1]


def assert_it_travels(python, fitted, frame, folder, rtol):
    joblib.dump(fitted, folder / "fitted.joblib")
    expected = fitted.predict(frame)
    there, again = passed_on(python, folder / "fitted.joblib", frame, folder)
    np.testing.assert_allclose(there, expected, rtol=rtol, atol=rtol)
    back = joblib.load(again)
    assert_array_equal(back.predict(frame), expected)
    assert repr(back) == repr(fitted)


@pytest.mark.parametrize("name", ["stacking", "five steps, stacked"])
def test_it_is_read_by_a_new_process(fitted, frame, tmp_path):
    assert_it_travels(sys.executable, fitted, frame, tmp_path, 0)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.InconsistentVersionWarning",
)
@each
def test_it_is_read_by_other_versions_and_back(fitted, frame, tmp_path):
    other = os.environ.get("SKBENCH_OTHER_PYTHON")
    if not other:
        pytest.skip("SKBENCH_OTHER_PYTHON names no other environment")
    assert_it_travels(other, fitted, frame, tmp_path, 1e-12)


@each
def test_skops_stores_it_and_no_further_type_is_needed(fitted, frame, tmp_path):
    skops = pytest.importorskip("skops.io")
    skops.dump(fitted, tmp_path / "fitted.skops")
    loaded = load_trusted(tmp_path / "fitted.skops")
    assert_array_equal(loaded.predict(frame), fitted.predict(frame))
    assert repr(loaded) == repr(fitted)
    refit = loaded.fit(frame, frame["target"])
    assert_array_equal(refit.predict(frame), fitted.predict(frame))


@each
def test_what_is_learned_is_arrays_strings_and_numbers(fitted):
    steps = [step for _, step in getattr(fitted, "steps", [("only", fitted)])]
    for step in steps:
        for name, value in vars(step).items():
            if name.endswith("_"):
                assert_plain(value, name)


def assert_plain(value, name):
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for entry in value:
            assert_plain(entry, name)
    else:
        assert isinstance(value, (str, int, float, np.ndarray, type(None))), name
