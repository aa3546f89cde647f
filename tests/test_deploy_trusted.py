"""Skops files of strangers: what `load_trusted` loads, and what it refuses."""

import importlib
import io
import json
import operator
import os
import sys
from collections import Counter
from functools import partial
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    _column_transformer,
    make_column_selector,
)
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skbench import EraRank, EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.deploy import load_trusted
from skbench.deploy.export._trusted import TRUSTED
from skbench.recipes import FeatureRegressor

skops = pytest.importorskip("skops.io")

PREFIX = "sklearn.preprocessing._function_transformer."


def node(kind, name, **content):
    """Return a node of a schema: what skops writes of one object."""
    module, _, own = name.rpartition(".")
    return {"__loader__": kind, "__module__": module, "__class__": own, **content}


def text(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def several(*nodes):
    return node("TupleNode", "builtins.tuple", content=list(nodes))


def attributes(schema):
    return schema["content"]["content"]


def write(path, estimator, edit=None):
    """Dump an estimator, with its schema edited as a hand would."""
    data = skops.dumps(estimator)
    with ZipFile(io.BytesIO(data)) as old, ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if edit is not None and name == "schema.json":
                schema = json.loads(content)
                edit(schema)
                content = json.dumps(schema)
            new.writestr(name, content)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "of_a_stranger.skops"


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((60, 4)), columns=["f_a", "f_b", "f_c", "f_d"])
    frame.insert(0, "era", np.arange(60) % 3 + 1)
    frame["target"] = rng.random(60)
    return frame


# What is loaded


OF_SKLEARN = [kind for kind in TRUSTED if kind.__module__.startswith("sklearn.")]
SELECT = make_column_selector("^f_[ab]", dtype_include=np.number)
# Those that cannot be made without arguments.
MADE = {
    ColumnTransformer: lambda: ColumnTransformer([("scale", StandardScaler(), SELECT)]),
    FeatureUnion: lambda: FeatureUnion([("scale", StandardScaler())]),
    Pipeline: lambda: make_pipeline(SimpleImputer(), StandardScaler(), Ridge()),
    make_column_selector: lambda: ColumnTransformer([("s", StandardScaler(), SELECT)]),
}


def results_of(estimator, frame):
    name = "predict" if hasattr(estimator, "predict") else "transform"
    out = getattr(estimator, name)(frame)
    return out.toarray() if hasattr(out, "toarray") else np.asarray(out)


@pytest.mark.filterwarnings("ignore:.*quantile_method.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:n_quantiles:UserWarning")
@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
@pytest.mark.parametrize("kind", OF_SKLEARN, ids=lambda kind: kind.__name__)
def test_each_type_of_sklearn_on_the_list_loads(kind, frame, path):
    frame = frame.drop(columns="era")
    if kind.__name__ in ("MissingIndicator", "SimpleImputer"):
        frame = frame.mask(frame > 0.9)
    fitted = MADE.get(kind, kind)().fit(frame, np.linspace(0, 1, len(frame)))
    loaded = load_trusted(write(path, fitted))
    assert type(loaded) is type(fitted)
    assert_array_equal(results_of(loaded, frame), results_of(fitted, frame))


def test_columns_may_be_chosen_by_a_selector(frame, path):
    fitted = WeightedEnsemble(columns=SELECT).fit(frame)
    loaded = load_trusted(write(path, fitted))
    assert list(loaded.weights_) == ["f_a", "f_b"]
    assert_array_equal(loaded.predict(frame), fitted.predict(frame))
    assert_array_equal(loaded.fit(frame).predict(frame), fitted.predict(frame))


def test_stacking_over_a_regressor_loads(frame, path):
    inner = FeatureRegressor(make_pipeline(StandardScaler(), Ridge()), ["f_a", "f_b"])
    fitted = inner.fit(frame, frame["target"])
    loaded = load_trusted(write(path, fitted))
    assert_array_equal(loaded.predict(frame), fitted.predict(frame))


def test_a_lightgbm_model_needs_its_two_types(frame, path):
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=3, verbose=-1)
    fitted = FeatureRegressor(model, ["f_a", "f_b"]).fit(frame, frame["target"])
    write(path, fitted)
    with pytest.raises(ValueError, match=r"lightgbm\.basic\.Booster', 'lightgbm\.skl"):
        load_trusted(path)
    loaded = load_trusted(path, also=[lightgbm.LGBMRegressor, lightgbm.Booster])
    assert_array_equal(loaded.predict(frame), fitted.predict(frame))


def test_columns_that_are_passed_through_need_one_more_type(frame, path):
    fitted = ColumnTransformer(
        [("scale", StandardScaler(), ["f_a"])], remainder="passthrough"
    ).fit(frame)
    write(path, fitted)
    with pytest.raises(ValueError, match="FunctionTransformer"):
        load_trusted(path)
    # What scikit-learn before 1.9 lists the other columns in.
    older = getattr(_column_transformer, "_RemainderColsList", FunctionTransformer)
    loaded = load_trusted(path, also=[FunctionTransformer, older])
    assert_array_equal(loaded.transform(frame), fitted.transform(frame))


# Which types are on the list


# Parameters of listed types that may be functions: none can come out of a file, and
# those of the first two make nothing but names of columns.
MAY_BE_FUNCTIONS = {
    (ColumnTransformer, "verbose_feature_names_out"),
    (OneHotEncoder, "feature_name_combiner"),
    (SimpleImputer, "strategy"),
}


def test_no_type_on_the_list_is_made_to_run_a_function():
    found = {
        (kind, parameter)
        for kind in TRUSTED
        for parameter, kinds in getattr(kind, "_parameter_constraints", {}).items()
        if isinstance(kinds, list) and callable in kinds
    }
    assert found <= MAY_BE_FUNCTIONS
    assert not {FunctionTransformer, TransformedTargetRegressor, RidgeCV} & {*TRUSTED}


def test_every_estimator_of_skbench_is_on_the_list():
    import skbench
    from skbench import recipes

    published = [
        found
        for room in (skbench, recipes)
        for found in (getattr(room, name) for name in room.__all__)
        if isinstance(found, type) and issubclass(found, BaseEstimator)
    ]
    ours = [kind for kind in TRUSTED if kind.__module__.startswith("skbench.")]
    assert Counter(ours) == Counter(published)


def test_every_name_on_the_list_is_that_of_a_type():
    for kind in TRUSTED:
        found = getattr(importlib.import_module(kind.__module__), kind.__name__)
        assert isinstance(found, type), kind
        assert found is kind


# Files that skops itself writes of hostile objects


def echo(frame):
    return frame


HOSTILE = {
    "a function of numpy's": (FunctionTransformer(np.load), "numpy.load"),
    "a ufunc, which skops trusts": (FunctionTransformer(np.log1p), "log1p"),
    "eval": (FunctionTransformer(eval), "builtins.eval"),
    "exec": (FunctionTransformer(exec), "builtins.exec"),
    "a command": (FunctionTransformer(os.system), "system"),
    "a function of the file's author": (FunctionTransformer(echo), "echo"),
    "a partial": (FunctionTransformer(partial(eval, "1")), "functools.partial"),
    "a method by its name": (
        FunctionTransformer(operator.methodcaller("query", "1")),
        "operator.methodcaller",
    ),
    "an attribute by its name": (
        FunctionTransformer(operator.attrgetter("x")),
        "operator.attrgetter",
    ),
    "columns that are a function": (WeightedEnsemble(columns=echo), "echo"),
    "columns that are a partial": (WeightedEnsemble(columns=partial(echo)), "partial"),
    "columns that are a method": (
        WeightedEnsemble(columns=EraRank().fit),
        "EraRank",
    ),
    "columns that are one of our functions": (
        WeightedEnsemble(columns=load_trusted),
        "skbench.deploy.export._trusted.load_trusted",
    ),
    "columns that are one of our classes": (
        WeightedEnsemble(columns=StackingWeights),
        "skbench._stacking.StackingWeights",
    ),
    "deep in a pipeline": (
        make_pipeline(EraRankGauss(), make_pipeline(FunctionTransformer(eval))),
        "builtins.eval",
    ),
    "in a selector": (
        WeightedEnsemble(columns=make_column_selector(dtype_include=[map])),
        "builtins.map",
    ),
}


@pytest.mark.parametrize(("hostile", "told"), HOSTILE.values(), ids=HOSTILE)
def test_a_function_is_refused_wherever_it_stands(hostile, told, path):
    write(path, hostile)
    with pytest.raises(ValueError, match=rf"to call \([^)]*{told}'[^)]*\): no file"):
        load_trusted(path, also=[FunctionTransformer])


def test_a_type_that_is_not_on_the_list_is_named(path):
    write(path, make_pipeline(FunctionTransformer()))
    with pytest.raises(
        ValueError, match=rf"list \('{PREFIX}FunctionTransformer'\): name"
    ):
        load_trusted(path)


def test_trees_are_not_on_the_list(frame, path):
    fitted = RandomForestRegressor(2).fit(frame, frame["target"])
    with pytest.raises(
        ValueError, match=r"RandomForestRegressor.*sklearn\.tree\._tree"
    ):
        load_trusted(write(path, fitted))


# Files edited by hand


LOADER = "skbench.deploy.export._loader.load"
OURS = "skbench._ensemble.WeightedEnsemble"
EDITED = {
    "our loader": node("FunctionNode", LOADER),
    "our loader as a type": node("TypeNode", LOADER),
    "our loader as an object": node("ObjectNode", LOADER, content=None),
    "our loader as a constructor": node(
        "ConstructorFromReduceNode",
        LOADER,
        content=several(several(several(text("m"), text("boom = 1")))),
    ),
    "our loader as a loss": node(
        "LossNode", LOADER, __reduce__={"args": several()}, content=several()
    ),
    "a function of old files": node(
        "FunctionNode",
        OURS,
        content={"module_path": "os", "function": "system"},
    ),
    "a type of ours as a function": node("FunctionNode", OURS),
    "a type of ours as a value": node("TypeNode", OURS),
    "a type of ours with __reduce__": node(
        "LossNode", OURS, __reduce__={"args": several()}, content=several()
    ),
    "a type of ours that is a tree": node(
        "TreeNode", OURS, __reduce__={"args": several()}, content=several()
    ),
    "a type of ours that is called": node(
        "ConstructorFromReduceNode", OURS, content=several()
    ),
    "a type of ours that is a list": node("ListNode", OURS, content=[]),
    "a method of ours": node(
        "MethodNode",
        OURS,
        content={"func": "fit", "obj": node("ObjectNode", OURS, content=None)},
    ),
    "an operator": node("OperatorFuncNode", "operator.call", attrs=several()),
    "a module of ours as a type": node("TypeNode", "skbench.deploy.export._runtime"),
    "a bit generator": node(
        "RandomGeneratorNode",
        "numpy.random._generator.Generator",
        content={"bit_generator": text({"bit_generator": "seed"}), "seed_seq": text(1)},
    ),
    "a reference to nothing": node("CachedNode", OURS, __id__=7),
    "keys of a function": node(
        "DictNode",
        "builtins.dict",
        key_types=node(
            "ListNode", "builtins.list", content=[node("TypeNode", "builtins.eval")]
        ),
        content={"__import__('os').getcwd()": text(1)},
    ),
    "an array of a function": node(
        "NdArrayNode", "os.system", type="numpy", file="1.npy"
    ),
    "a factory that is a function": node(
        "DefaultDictNode",
        "collections.defaultdict",
        content={
            "main": node("DictNode", "builtins.dict", key_types=several(), content={}),
            "default_factory": node("FunctionNode", "builtins.breakpoint"),
        },
    ),
}


@pytest.mark.parametrize("held", ["columns", "func"])
@pytest.mark.parametrize("edited", EDITED.values(), ids=EDITED)
def test_what_a_hand_put_into_the_file_is_refused(edited, held, path):
    def edit(schema):
        attributes(schema)[held] = edited

    holder = {"columns": WeightedEnsemble(), "func": FunctionTransformer()}[held]
    with pytest.raises(ValueError, match="must hold nothing that may run code"):
        load_trusted(write(path, holder, edit), also=[FunctionTransformer])


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_older_protocols_let_nothing_more_in(protocol, path):
    def edit(schema):
        schema["protocol"] = protocol
        attributes(schema)["columns"] = EDITED["a function of old files"]

    with pytest.raises(ValueError, match=f"'{OURS}'"):
        load_trusted(write(path, WeightedEnsemble(), edit))


def test_nothing_of_a_refused_file_is_imported(path, tmp_path, monkeypatch):
    (tmp_path / "a_trap.py").write_text("def function(frame): pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    def edit(schema):
        attributes(schema)["columns"] = node("FunctionNode", "a_trap.function")

    with pytest.raises(ValueError, match=r"a_trap\.function"):
        load_trusted(write(path, WeightedEnsemble(), edit))
    assert "a_trap" not in sys.modules


def loader_in_a_transformer(schema):
    """Make a FunctionTransformer run a text at `transform`, as our loader does."""
    sources = several(several(text("boom"), text("make_predict = print")))
    attributes(schema)["func"] = node("FunctionNode", LOADER)
    attributes(schema)["kw_args"] = node(
        "DictNode",
        "builtins.dict",
        key_types=several(node("TypeNode", "builtins.str")),
        content={"sources": sources},
    )


def test_names_that_start_with_skbench_are_no_test(path):
    """The file passes that test, and yet cannot reach what executes a text."""
    write(path, FunctionTransformer(), loader_in_a_transformer)
    untrusted = skops.get_untrusted_types(file=path)
    assert untrusted == [LOADER]
    with pytest.raises(ImportError, match="runs in exported files alone"):
        skops.load(path, trusted=untrusted)
    with pytest.raises(ValueError, match=LOADER):
        load_trusted(path)


def caches_on(folder):
    return make_pipeline(StandardScaler(), Ridge(), memory=str(folder))


@pytest.mark.parametrize("within", [lambda p: p, FeatureRegressor, make_pipeline])
def test_a_pipeline_whose_cache_holds_pickles_is_refused(within, path, tmp_path):
    write(path, within(caches_on(tmp_path)))
    with pytest.raises(ValueError, match=r"no pipeline with a cache.*memory'"):
        load_trusted(path)


def test_a_cache_is_found_behind_a_number_of_another_object(path, tmp_path):
    """skops takes the first node of a number for all later ones."""
    pipeline = make_pipeline(WeightedEnsemble(), make_pipeline(StandardScaler()))

    def edit(schema):
        steps = attributes(schema)["steps"]["content"]
        ensemble, inner = (step["content"][1] for step in steps)
        first = json.loads(json.dumps(inner["content"]))
        first["content"]["memory"] = text(str(tmp_path))
        attributes(ensemble)["columns"] = first
        first["__id__"] = inner["content"]["__id__"] = 7

    with pytest.raises(ValueError, match=r"'pipeline__memory'"):
        load_trusted(write(path, pipeline, edit))


# What is no estimator, and no file of skops


def test_what_is_no_skops_file(path, tmp_path):
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(ValueError, match=r"must be a skops file.*not a zip"):
        load_trusted(path)
    with ZipFile(path, "w") as file:
        file.writestr("other.json", "{}")
    with pytest.raises(ValueError, match=r"must be a skops file.*schema\.json"):
        load_trusted(path)
    with pytest.raises(FileNotFoundError, match=r"none\.skops"):
        load_trusted(tmp_path / "none.skops")


@pytest.mark.parametrize("broken", ["__class__", "__module__", "content"])
def test_a_broken_schema(broken, path):
    def edit(schema):
        del schema["content"][broken]

    with pytest.raises(ValueError, match=r"must be a skops file of an estimator"):
        load_trusted(write(path, WeightedEnsemble(), edit))


@pytest.mark.parametrize("kind", [["ListNode"], {"a": 1}])
def test_a_kind_of_node_that_is_no_text(kind, path):
    def edit(schema):
        attributes(schema)["columns"] = node(kind, OURS)

    with pytest.raises(ValueError, match=r"must be a skops file of an estimator"):
        load_trusted(write(path, WeightedEnsemble(), edit))


def test_a_file_must_hold_an_estimator(path):
    write(path, {"a": 1})
    with pytest.raises(ValueError, match=r"of an estimator.*holds a dict"):
        load_trusted(path)


def test_without_skops_it_says_what_to_install(path, monkeypatch):
    write(path, EraRank())
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "skbench\[secure\]"'):
        load_trusted(path)


# Further types


@pytest.mark.parametrize(
    "also",
    [
        [RidgeCV],
        ["sklearn.linear_model.RidgeCV"],
        ("sklearn.linear_model._ridge.RidgeCV",),
    ],
)
def test_further_types_are_classes_or_names(also, frame, path):
    fitted = RidgeCV().fit(frame, frame["target"])
    write(path, fitted)
    with pytest.raises(ValueError, match="RidgeCV"):
        load_trusted(path)
    loaded = load_trusted(path, also=also)
    assert_array_equal(loaded.predict(frame), fitted.predict(frame))


@pytest.mark.parametrize(
    ("also", "error", "told"),
    [
        ("sklearn.linear_model.RidgeCV", TypeError, "a list of types"),
        (RidgeCV, TypeError, "a list of types"),
        (5, TypeError, "a list of types"),
        (np.array(5), TypeError, "a list of types"),
        ([5], TypeError, "their full names; got 5"),
        (["RidgeCV"], ValueError, "that can be imported"),
        (["sklearn.linear_model.Crest"], ValueError, "has no attribute 'Crest'"),
        (["no_such_package.Model"], ValueError, "No module named 'no_such_package'"),
        (["numpy.load"], ValueError, "no function of a file is ever loaded"),
        (["os.system"], ValueError, "no function of a file is ever loaded"),
        ([LOADER], ValueError, "runs in exported files alone"),
        (["sklearn.pipeline"], ValueError, "a module"),
    ],
)
def test_further_types_that_are_none(also, error, told, path):
    write(path, EraRank())
    with pytest.raises(error, match=rf"`also` must .*{told}"):
        load_trusted(path, also=also)


def test_a_further_type_is_no_function_of_the_file(path):
    def edit(schema):
        attributes(schema)["func"] = node("FunctionNode", "subprocess.Popen")

    write(path, FunctionTransformer(), edit)
    with pytest.raises(ValueError, match=r"to call \('subprocess\.Popen'\)"):
        load_trusted(path, also=[FunctionTransformer, "subprocess.Popen"])
