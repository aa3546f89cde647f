"""What people get wrong in a call, and what they are told: in every parameter there is.

`calls.py` calls each public name with arguments that it works with. Here one of them is
spoiled as a person does it, and the message must name the argument, what was found, and
what to do.
"""

import importlib
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from helpers import each_kind, to_kind
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

pytest.importorskip("dask", reason="needs the extra `dask`")
pytest.importorskip("skops", reason="needs the extra `secure`")

import calls
from mistakes import TAKEN, mistakes, no_rows

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    WeightedEnsemble,
    _numerai,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PACKAGES = [
    "analysis", "daily", "datasets", "deploy", "distributed", "folders", "metrics",
    "model_selection", "recipes", "report", "staking", "streaming",
]  # fmt: skip
# Names that only carry results, or values; nothing is passed to them.
RESULTS = {
    "analysis.Analysis", "analysis.Synergy", "daily.Daily", "daily.DataError",
    "daily.KeysError", "daily.RefusedError", "deploy.CheckReport",
    "deploy.Diagnostics", "deploy.ModelReceipt", "deploy.SubmissionReceipt",
    "folders.FolderEnsemble", "model_selection.Backtest",
    "staking.PAYOUT_2024", "staking.PAYOUT_2026", "staking.PAYOUT_ROUND_1343",
    "staking.PAYOUT_RULES", "staking.Simulation",
}  # fmt: skip
# What the documentation lets a caller expect, exactly these: a subclass, such as
# LinAlgError, is a leak. Errors of our own are told by their module.
DOCUMENTED = {
    TypeError, ValueError, calls.CommandRefusedError, FileNotFoundError,
    IsADirectoryError, NotFittedError,
}  # fmt: skip

MISTAKES = mistakes()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return the world of the calls, in which Numerai is a server on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
            patch.delenv(name, raising=False)
        patch.setattr(_numerai, "DELAYS", (0.0,))
        with calls.World(tmp_path_factory.mktemp("world")) as world:
            yield world


@pytest.fixture(scope="module")
def table(world):
    return calls.calls(world)


def key_of(name, parameter):
    """Return the key of a parameter: of the function, of its package, or of all."""
    package, _, function = name.rpartition(".")
    words = (function, function.split()[-1], package)
    keys = [*(f"{word} {parameter}" for word in words), parameter]
    if name.startswith("cli "):
        keys = [f"cli {parameter}"]
    return next((key for key in keys if key in MISTAKES), None)


def fault(function, arguments, message):
    """Return what is wrong with how a call is refused, if anything."""
    try:
        function(**arguments)
    except Exception as error:
        ours = type(error).__module__.startswith("skbench.")
        if type(error) in DOCUMENTED or (ours and isinstance(error, ValueError)):
            return None if re.search(message, str(error), re.DOTALL) else repr(error)
        return f"not documented: {error!r}"
    return "worked"


def files(world):
    """Return when each file was changed, but for what may be fetched first."""
    every = (path for path in world.home.rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in every if "data" not in path.parts}


@pytest.mark.parametrize("key", [key for key in MISTAKES if key not in TAKEN])
def test_a_mistake_is_named(key, table, world):
    before, faults = files(world), []
    for name, (function, arguments) in table.items():
        for parameter in arguments:
            for bad, said in MISTAKES[key] if key_of(name, parameter) == key else []:
                value = bad(arguments[parameter]) if callable(bad) else bad
                said = said.replace("{name}", parameter)
                wrong = fault(function, {**arguments, parameter: value}, said)
                if wrong:
                    faults.append(f"{name} with {parameter} {bad}: {wrong}")
    assert not faults, "\n".join(faults)
    assert files(world) == before


def test_every_public_name_is_tried(table):
    import skbench

    names = {name for name in skbench.__all__ if name not in PACKAGES}
    for package in PACKAGES:
        module = importlib.import_module(f"skbench.{package}")
        names |= {f"{package}.{name}" for name in module.__all__}
    assert names - RESULTS <= {name.split()[0] for name in table}
    commands = {name.split()[1] for name in table if name.startswith("cli ")}
    assert commands == set(importlib.import_module("skbench.cli").skbench.commands)


def test_every_parameter_is_tried(table):
    found = {
        (name, parameter)
        for name, (_, arguments) in table.items()
        for parameter in arguments
    }
    assert {pair for pair in found if key_of(*pair) is None} == set()
    assert set(MISTAKES) == {key_of(*pair) for pair in found}


def test_the_calls_work_as_long_as_nothing_is_spoiled(table):
    for function, arguments in table.values():
        function(**arguments)


# Rows that the estimators refuse, in whatever container: by title, those that do, what
# is done to the rows, and what is said.

FOUR = [EraRank(), EraRankGauss(), WeightedEnsemble(), FeatureNeutralizer()]
BLENDS = [WeightedEnsemble(), FeatureNeutralizer()]


def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "era": ["0001"] * 6 + ["0002"] * 6,
            "model_a": rng.normal(size=12),
            "model_b": rng.normal(size=12),
            "feature_x": rng.integers(0, 5, 12).astype(float),
            "feature_y": rng.integers(0, 5, 12).astype(float),
            "name": list("abcdefghijkl"),
        }
    )


def as_it_is(X):
    return X


def with_(**columns):
    return lambda X: X.assign(**columns)


def without(*names):
    return lambda X: X.drop(columns=list(names))


def put(name, *values):
    """Return a change that puts values into a column, from the fourth row on."""

    def change(X):
        cells = X[name].to_list()
        cells[3 : 3 + len(values)] = values
        return X.assign(**{name: cells})

    return change


NO_ERA = r"no era column 'era'.*12 rows.*1800.*10000.*Add the column.*era=None"
IN_FIT = {
    "no eras": (FOUR, without("era"), NO_ERA),
    "eras of another name": ([EraRank(era="week")], as_it_is, "no era column 'week'"),
    "a row without an era": (
        FOUR, put("era", None), "era column 'era' has 1 missing label.*row 3"),
    "a row without a number of its era": (
        FOUR, with_(era=[1.0] * 6 + [np.nan] * 6), "'era' has 6 missing labels.*row 6"),
    "eras that are no labels": (
        FOUR, with_(era=[[1]] * 12), "column 'era' must hold labels"),
    "eras as predictions": (
        [EraRank("era"), WeightedEnsemble({"era": 1}), FeatureNeutralizer(["era"])],
        with_(era=[1.0] * 6 + [2.0] * 6), "era column 'era' cannot be a"),
    "no predictions": (
        FOUR, without("model_a", "model_b"),
        "no prediction column.*'era', 'feature_x'.*`columns`"),
    "no features": (
        [FeatureNeutralizer()], without("feature_x", "feature_y"),
        "no column.*'feature'.*'model_a', 'model_b'.*`neutralizers`"),
    "no rows": (FOUR, no_rows, "0 rows"),
    "text to blend": (
        [EraRank("name"), WeightedEnsemble({"name": 1.0})], as_it_is,
        "'name' must hold numbers.*(?i:str|obj)"),
    "text to neutralize to": (
        [FeatureNeutralizer(["name"])], as_it_is, "'name' must hold numbers"),
    "times": (
        [EraRank("model_a")], with_(model_a=pd.Timestamp("2020-01-01")),
        "'model_a' must hold numbers"),
    "a weight of a column left out": (
        [WeightedEnsemble({"model_b": 1.0}, columns=["model_a"])], as_it_is,
        "`weights` names 'model_b'.*`columns` leaves out"),
    "a column to itself": (
        [FeatureNeutralizer(["feature_x", "model_a"], columns=["model_b", "model_a"])],
        as_it_is, "'model_a'.*both"),
    "an output that is taken": (
        [WeightedEnsemble(output="name"), WeightedEnsemble(output="era")], as_it_is,
        "output column '(name|era)' clashes"),
    "positions that are not there": (
        [EraRank(6), EraRank(-7)], as_it_is,
        "`columns` has position (6|-7), but X has 6 columns"),
    "a selector that finds nothing": (
        [FeatureNeutralizer(lambda X: [])], as_it_is, "selects no column"),
    "a column twice": ([EraRank([1, "model_a"])], as_it_is, "twice: 'model_a'"),
}  # fmt: skip
AFTER_FIT = {
    "no eras": (FOUR, without("era"), NO_ERA),
    "rows without an era": (FOUR, put("era", None), "'era' has 1 missing label.*row 3"),
    "no rows": (FOUR, no_rows, "0 rows"),
    "a column that is gone": (
        FOUR, without("model_b"), "lacks 'model_b', which .* uses.*'model_a'"),
    "a feature that is gone": (
        [FeatureNeutralizer()], without("feature_y"), "lacks 'feature_y', which"),
    "text": (FOUR, with_(model_b="high"), "'model_b' must hold numbers"),
    "infinite predictions": (
        BLENDS, put("model_b", np.inf, np.nan), "'model_b' has 1 infinite"),
    "infinite features": (
        [FeatureNeutralizer()], put("feature_y", np.inf, -np.inf, np.nan),
        "'feature_y' has 2 infinite"),
    "missing predictions": (
        [WeightedEnsemble(nan_policy="raise")], put("model_b", np.nan, np.nan),
        "'model_b' has 2 missing.*nan_policy"),
    "missing features": (
        [FeatureNeutralizer(missing="raise")], put("feature_y", np.nan),
        "'feature_y' has 1 missing.*missing='median'"),
}  # fmt: skip
# The same of arrays, whose columns have positions: what is fitted on, if anything, and
# what is refused.
NAMED = frame()[["model_a", "model_b", "feature_x"]]
ARRAY = NAMED.to_numpy()
OF_ARRAYS = {
    "eras at no position": ([EraRank(era=3)], None, ARRAY, "`era`.*3 columns.*got 3"),
    "eras by name": ([EraRank(era="week")], None, ARRAY, "array.*'week'.*position"),
    "a row without an era": (
        [EraRank(era=0)], None, np.array([[1.0, 0.5], [np.nan, 0.2]]),
        "era column 0 has 1 missing label.*row 1"),
    "weights by name": (
        [WeightedEnsemble({"model_a": 1.0}, era=None)], None, ARRAY,
        "`weights` must hold positions.*'model_a'"),
    "a weight at no position": (
        [WeightedEnsemble({3: 1.0}, era=None)], None, ARRAY, "`weights`.*3.*3 columns"),
    "neutralizers by name": (
        [FeatureNeutralizer(era=None), FeatureNeutralizer("feature", era=None)], None,
        ARRAY, "`neutralizers` must hold positions"),
    "text": (
        [EraRank(), EraRank(era=None)], None, np.array([["a", "b"], ["c", "d"]]),
        "X is an array that holds text, 'a': pass a"),
    "text beside eras": (
        [EraRank(era=0)], None, np.array([["1", 0.5], ["1", "high"]], dtype=object),
        "column 1 must hold numbers"),
    "one dimension": (FOUR, None, ARRAY[0], "2D array"),
    "no rows": (FOUR, None, ARRAY[:0], "0 sample"),
    "after names": (
        [clone(made).set_params(era=None) for made in FOUR], NAMED, ARRAY,
        "X is an array, but .* was fitted on a frame"),
    "before names": (
        [EraRank(era=None), FeatureNeutralizer([1], era=None)], ARRAY, NAMED,
        "X is a frame, but .* was fitted on an array"),
    "another number of columns": (
        [EraRank(era=None), FeatureNeutralizer([1], era=None)], ARRAY, ARRAY[:, :2],
        "X has 2 features, but .* is expecting 3"),
}  # fmt: skip


def as_frame(X):
    """Copy rows of any kind into what can be compared where it holds NaN."""
    if isinstance(X, pa.Table):
        return pd.DataFrame(X.to_pydict())
    return X.to_pandas() if isinstance(X, pl.DataFrame) else pd.DataFrame(X, copy=True)


def refused_in_fit(made, X, message):
    """Check that fit refuses X, untouched, as transform does where it needs no fit."""
    made, before = clone(made), as_frame(X)
    methods = [made.fit]
    if not isinstance(made, WeightedEnsemble):
        methods += [made.transform, made.predict]
    for method in methods:
        with pytest.raises((ValueError, TypeError), match=message):
            method(X)
    assert as_frame(X).equals(before)
    assert not [name for name in vars(made) if name.endswith("_")]


def refused_after_fit(made, good, bad, message):
    """Check that a fitted estimator refuses rows, untouched, and works on as before."""
    fitted, before = clone(made).fit(good), as_frame(bad)
    expected = fitted.predict(good)
    for method in (fitted.transform, fitted.predict):
        with pytest.raises(ValueError, match=message):
            method(bad)
    assert as_frame(bad).equals(before)
    np.testing.assert_array_equal(fitted.predict(good), expected)


@each_kind
@pytest.mark.parametrize("title", IN_FIT)
def test_rows_refused_in_fit(title, kind):
    estimators, change, message = IN_FIT[title]
    for made in estimators:
        refused_in_fit(made, to_kind(change(frame()), kind), message)


@each_kind
@pytest.mark.parametrize("title", AFTER_FIT)
def test_rows_refused_after_fit(title, kind):
    estimators, change, message = AFTER_FIT[title]
    bad = to_kind(change(frame()), kind)
    for made in estimators:
        refused_after_fit(made, to_kind(frame(), kind), bad, message)


@pytest.mark.parametrize("title", OF_ARRAYS)
def test_arrays_refused(title):
    estimators, good, bad, message = OF_ARRAYS[title]
    for made in estimators:
        if good is None:
            refused_in_fit(made, bad, message)
        else:
            refused_after_fit(made, good, bad, message)


@pytest.mark.parametrize(
    "era",
    [
        pd.Categorical.from_codes([0, 0, -1], ["0001"]),
        pd.array([1, 1, None], "Int64"),
        pl.Series(["0001", "0001", None], dtype=pl.Categorical),
        pl.Series([1.0, 1.0, np.nan]),
        pa.array(["0001", "0001", None]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, 0, 1]), pa.array(["0001", None])),
    ],
    ids=lambda era: type(era).__name__,
)
def test_a_missing_era_is_seen_in_any_type(era):
    table = {pl.Series: pl.DataFrame, pa.Array: pa.table}
    X = {"era": era, "a": [0.5, 0.2, 0.3]}
    kind = next((made for t, made in table.items() if isinstance(era, t)), pd.DataFrame)
    refused_in_fit(EraRank(), kind(X), "era column 'era' has 1 missing label.*row 2")


def test_a_table_with_a_name_twice_is_refused():
    table = to_kind(frame(), "pyarrow")
    twice = table.append_column("model_a", table["model_b"])
    for made in FOUR:
        refused_in_fit(made, twice, "(?is)(duplicate|unique).*'model_a'")


@pytest.mark.parametrize("made", FOUR, ids=repr)
def test_a_fit_that_fails_leaves_the_earlier_one(made):
    fitted = clone(made).fit(frame())
    expected = fitted.predict(frame())
    with pytest.raises(ValueError, match="no prediction column"):
        fitted.fit(without("model_a", "model_b")(frame()))
    np.testing.assert_array_equal(fitted.predict(frame()), expected)


def test_a_container_that_is_refused_leaves_the_choice():
    made = EraRank().set_output(transform="polars")
    with pytest.raises(ValueError, match="`transform` must be"):
        made.set_output(transform="arrow")
    assert isinstance(made.fit_transform(frame()), pl.DataFrame)


def test_an_output_name_that_is_taken_later_still_predicts():
    fitted = WeightedEnsemble(output="blend").fit(frame())
    bad = frame().assign(blend="taken")
    with pytest.raises(ValueError, match=r"output column 'blend' clashes.*rename"):
        fitted.transform(bad)
    np.testing.assert_array_equal(fitted.predict(bad), fitted.predict(frame()))
