"""A user's own models as they travel in an exported file."""

import io
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions, version
from typing import Any

import cloudpickle

from skbench._base import warn

Entry = dict[str, Any]


def pack_model(column: str, model: Any) -> tuple[Entry, str | bytes]:
    """Return how a model is to be run, and the model itself as text or bytes.

    Parameters
    ----------
    column : str
        The prediction column that it supplies.
    model : object
        A fitted LightGBM model or Booster, which travels as text and needs lightgbm
        alone; anything else with ``predict`` and ``feature_names_in_`` as a pickle.

    Returns
    -------
    entry : dict
        Column, kind, features, and the Python version that it is bound to, if any.
    model : str or bytes
        The model.
    """
    lightgbm = sys.modules.get("lightgbm")
    if lightgbm and type(model) in (lightgbm.LGBMRegressor, lightgbm.LGBMRanker):
        model = model.booster_
    if lightgbm and type(model) is lightgbm.Booster:
        entry = _entry(column, "lightgbm", model.feature_name())
        return entry, model.model_to_string()
    if not callable(getattr(model, "predict", None)):
        raise TypeError(
            f"`models` must hold fitted models with a method predict; got "
            f"{type(model).__name__} for column {column!r}"
        )
    entry = _entry(column, "pickle", getattr(model, "feature_names_in_", []))
    distributions = packages_distributions()
    data, modules = _pickled(column, model, {*distributions, *sys.stdlib_module_names})
    by_value = any(name.startswith("cloudpickle") for name in modules)
    entry["python"] = _python() if by_value else None
    tops = {name.partition(".")[0] for name in modules}
    packages = {distributions[top][0] for top in tops if top in distributions}
    _warn_of_needs(column, model, sorted(packages), by_value)
    return entry, data


def _entry(column: str, kind: str, features: Any) -> Entry:
    names = [str(name) for name in features]
    # What LightGBM calls the columns of an array.
    if not names or names == [f"Column_{i}" for i in range(len(names))]:
        raise ValueError(
            f"the model for column {column!r} in `models` knows no column names: fit "
            "it on a frame, so that its features can be found in live data"
        )
    return {"column": column, "kind": kind, "features": names}


def _pickled(column: str, model: Any, installed: set[str]) -> tuple[bytes, set[str]]:
    """Pickle a model, with the code of modules that are in no installed package."""
    registered: set[str] = set()
    with _registry_restored():
        while True:
            data = cloudpickle.dumps(model)
            modules = _modules_in(data)
            tops = {name: name.partition(".")[0] for name in modules}
            if "skbench" in tops.values():
                raise TypeError(
                    f"the model for column {column!r} in `models` holds an object of "
                    "skbench, which is not installed where the file is to run: only "
                    "`pipeline` may be made of skbench's estimators"
                )
            local = {name for name, top in tops.items() if top not in installed}
            local -= registered
            if not local:
                return data, modules
            for name in local:
                cloudpickle.register_pickle_by_value(sys.modules[name])
            registered |= local


@contextmanager
def _registry_restored() -> Iterator[None]:
    """Leave cloudpickle's list of modules to pickle by value as it was."""
    before = cloudpickle.list_registry_pickle_by_value()
    try:
        yield
    finally:
        for name in cloudpickle.list_registry_pickle_by_value() - before:
            cloudpickle.unregister_pickle_by_value(sys.modules[name])


def _modules_in(data: bytes) -> set[str]:
    """Names of the modules that loading a pickle imports from; it is loaded for it."""
    modules: set[str] = set()

    def import_module(name: str) -> Any:
        modules.add(name)
        return sys.modules[name]

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            modules.add(module)
            # A function's global that is a module is pickled as a call of this.
            if name == "subimport":
                return import_module
            return super().find_class(module, name)

    Reader(io.BytesIO(data)).load()
    return modules


def _warn_of_needs(
    column: str, model: Any, packages: list[str], by_value: bool
) -> None:
    needs = [f"{name} {version(name)}" for name in packages]
    if by_value:
        needs.append(f"Python {_python()}, whose bytecode its class travels as")
    warn(
        f"the model for column {column!r} ({type(model).__name__}) is pickled as it "
        f"is: where the file runs, it needs {', '.join(needs) or 'Python alone'}"
    )


def _python() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
