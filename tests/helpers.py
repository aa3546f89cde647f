"""Plain functions that several files share; fixtures stand in `conftest.py`."""

import re
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from inspect import signature

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer
from skbench.cli import main, skbench
from skbench.datasets import make_benchmark_models
from skbench.metrics import score_models

commands = skbench.commands

each_kind = pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])


def to_kind(frame, kind):
    """Return the rows of a pandas frame in a container, which may be changed."""
    if kind == "polars":
        return pl.from_pandas(frame)
    if kind == "pyarrow":
        return pa.Table.from_pandas(frame, preserve_index=False)
    return frame.copy()


def to_pandas(frame, index=None):
    """Return a result of any kind as pandas, with a column as its index."""
    frame = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
    return frame.set_index(index) if index in frame else frame


def assert_close(got, expected, tolerance=1e-12):
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


def assert_weights(got, expected, tolerance=1e-12):
    """Compare two `StackingWeights`, and to 1e-12 the moments that they rest on."""
    assert got.columns_ == expected.columns_
    for attribute in ("weights_", "weights_interval_"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # too few eras for an interval
            a, b = (getattr(e, attribute) for e in (got, expected))
        assert list(a) == list(b)
        assert_close([*a.values()], [*b.values()], tolerance)
    names = ("n_eras_", "n_rows_", "n_eras_left_out_", "n_rows_left_out_", "shrinkage_")
    for name in (*names, "n_features_in_", "_target"):
        assert getattr(got, name) == getattr(expected, name)
    assert got.feature_names_in_.tolist() == expected.feature_names_in_.tolist()
    held, wanted = got.era_statistics_, expected.era_statistics_
    assert held["era"].tolist() == wanted["era"].tolist()
    for name in set(held) - {"era"}:
        assert_close(held[name].astype(float), wanted[name].astype(float))
    assert set(vars(got)) == set(vars(expected))  # intervals are kept once asked for


def is_plain(value):
    """Whether a value is made of Python's own types and arrays, all the way down."""
    if isinstance(value, dict):
        return all(map(is_plain, value)) and all(map(is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return type(value) in (str, int, float, bool, np.ndarray)


def five_steps(ensemble, **neutralizer):
    """Return a pipeline as Numerai builds its benchmarks."""
    return make_pipeline(
        EraRankGauss(),
        ensemble,
        EraRankGauss(),
        FeatureNeutralizer(**neutralizer),
        EraRank(),
    )


@cache
def long_tournament():
    """Return 70 eras, of which 30 have a meta model: nobody is to change them."""
    return make_benchmark_models(70, 100, 3, 8, meta_model_eras=30, random_state=3)


@cache
def long_scores():
    """Return all scores of a long tournament; its second model is the benchmark."""
    data = long_tournament()
    frame = data.frame
    return score_models(
        frame["target"],
        frame[data.models],
        era=frame["era"],
        meta_model=frame[data.meta_model],
        benchmark=data.models[1],
        features=frame[data.features],
    )


@cache
def parameters_of_python():
    """Return the names of all parameters in the public functions of the package."""
    names = set()
    for package in ("", *PACKAGES):
        module = import_module(f"skbench.{package}".rstrip("."))
        for name in module.__all__:
            with suppress(TypeError, ValueError):  # a value, or a package
                names |= {*signature(getattr(module, name)).parameters}
    return names


PACKAGES = [
    "analysis", "datasets", "deploy", "folders", "metrics", "model_selection",
    "recipes", "report", "staking", "streaming",
]  # fmt: skip


def check_advice(args, text):
    """Check that what a command says names options that it has, and no Python."""
    told = [word for word in re.findall(r"skbench (\w+)", text) if word in commands]
    known = {"--help", *(option.partition("=")[0] for option in args)}
    for command in {args[0], *told}:
        known |= {opt for p in commands[command].params for opt in p.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))
    assert named <= known, text
    # But for what Numerai's server is asked for, as in `rounds`(tournament=8).
    text = re.sub(r"`\w+`\([^)]*\)", "", text)
    assert "`" not in text, text
    unquoted = re.sub(r"'[^']*'", "", text)
    values = set(re.findall(r"(?<![\w./-])([a-z_]+)=", unquoted))
    assert not values & parameters_of_python(), text


def run(capsys, *args):
    """Run a command that must not fail; return what it prints."""
    args = [str(arg) for arg in args]
    main(args)
    out, err = capsys.readouterr()
    check_advice(args, err)
    return out


def failure(capsys, *args):
    """Run a command that must fail; return its one line."""
    args = [str(arg) for arg in args]
    with pytest.raises(SystemExit) as exit_:
        main(args)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    check_advice(args, err)
    (line,) = [line for line in err.splitlines() if "warning:" not in line]
    return line
