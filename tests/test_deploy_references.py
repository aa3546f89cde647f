"""What a pickle refers to, and what of it is the user's own code."""

import array
import collections
import datetime
import decimal
import enum
import functools
import importlib
import io
import os
import pickle
import sys

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbench.deploy.export._local import is_local
from skbench.deploy.export._references import class_labels_in, modules_in


class Items(dict):
    """Pickled with state, items and values set one by one."""

    def __init__(self, **items):
        super().__init__(**items)
        self.note = ["text"]

    def __getnewargs_ex__(self):
        return (), {"key": "word"}

    def __new__(cls, **_):
        return super().__new__(cls)


class Slots:
    __slots__ = ("one", "two")

    def __init__(self):
        self.one, self.two = self, [self]


class List(list):
    pass


def uses_a_module():
    return os.path.join(sklearn.__name__, "x")


class Colour(enum.Enum):
    RED = datetime.date(2020, 1, 1)


def modules_that_loading_imports(data):
    """List the modules as pickle itself finds them: it loads the pickle."""
    names = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(module)
            return super().find_class(module, name)

    Reader(io.BytesIO(data)).load()
    return names


OBJECTS = [
    None,
    {"a": [1, 2.5, {3, "x"}, frozenset([b"y"])], ("k", 1): bytearray(b"z")},
    {datetime.date(2020, 1, 1): {decimal.Decimal("1.5")}},
    Items(a=1, b=Items()),
    Slots(),
    List([1, List()]),
    collections.OrderedDict(a=collections.deque([1], 3)),
    collections.defaultdict(list, a=[1]),
    functools.partial(sorted, key=len),
    array.array("d", [1.0]),
    Colour.RED,
    os.path.join,
    np.float32(1),
    np.array([{"a": np.datetime64("2020-01-01")}], dtype=object),
    np.random.default_rng(0),
    pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": pd.array([1, None])}),
    make_pipeline(StandardScaler(), RandomForestRegressor(2)).fit(
        np.eye(4), np.arange(4)
    ),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("held", OBJECTS, ids=lambda held: type(held).__name__)
def test_all_modules_are_found_without_loading(held, protocol):
    if protocol < 2 and isinstance(held, Slots):
        pytest.skip("older protocols cannot pickle it")
    data = pickle.dumps(held, protocol)
    assert modules_in(data) == modules_that_loading_imports(data)


def test_modules_that_a_function_uses_are_found(by_value):
    data = cloudpickle.dumps(uses_a_module)
    names = modules_in(data)
    assert {"os", "sklearn"} <= names
    assert __name__ not in names


@pytest.fixture
def by_value():
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def test_nothing_is_called_or_changed():
    def fails():
        raise AssertionError("called")

    class Calls:
        def __reduce__(self):
            return fails, ()

    assert modules_in(cloudpickle.dumps(Calls()))
    # Nor imported: a module that there is not.
    assert modules_in(b"cnot_a_module_at_all\nname\n.") == {"not_a_module_at_all"}


def test_labels_of_classes_are_told_from_other_text(by_value):
    text = "0123456789abcdef" * 2
    assert class_labels_in(pickle.dumps([text, List([text])])) == set()
    labels = class_labels_in(cloudpickle.dumps([text, List([text]), Colour.RED]))
    assert len(labels) == 2
    assert text not in labels


@pytest.mark.parametrize(
    ("name", "local"),
    [
        (__name__, True),
        ("skbench_of_nobody", False),
        ("sys", False),
        ("json.decoder", False),
        ("array", False),
        ("numpy", False),
        ("numpy._core.multiarray", False),
        ("sklearn._loss._loss", False),
        ("cloudpickle.cloudpickle", False),
    ],
)
def test_what_is_local_goes_by_the_place_of_its_file(name, local):
    assert is_local(name) == local


def test_other_names_of_modules_change_nothing(monkeypatch):
    from sklearn._loss import _loss

    monkeypatch.setitem(sys.modules, "_another_loss", _loss)
    assert not is_local("_another_loss")
    # The name of an installed package, but the user's own file.
    monkeypatch.setitem(sys.modules, "yaml", sys.modules[__name__])
    assert is_local("yaml")


@pytest.mark.parametrize("site", ["site-packages", "dist-packages"])
def test_more_folders_of_packages(site, tmp_path, monkeypatch):
    name = f"only_in_{site[:4]}"
    elsewhere = tmp_path / "elsewhere" / f"{name}.py"
    for folder in elsewhere.parent, tmp_path / site:
        folder.mkdir()
    elsewhere.write_text("A = 1\n")
    monkeypatch.syspath_prepend(elsewhere.parent)
    monkeypatch.setitem(sys.modules, name, importlib.import_module(name))
    assert is_local(name)
    # As an installer that links files.
    (tmp_path / site / f"{name}.py").symlink_to(elsewhere)
    monkeypatch.syspath_prepend(tmp_path / site)
    monkeypatch.delitem(sys.modules, name)
    assert importlib.import_module(name).A == 1
    assert not is_local(name)
    del sys.modules[name]
