"""A user's own models as they travel in an exported file."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import packages_distributions, version
from typing import Any

import cloudpickle

from skbench._warnings import warn
from skbench.deploy.check import RUNNERS, python_of

from ._local import is_local
from ._references import class_labels_in, modules_in

Entry = dict[str, Any]


def pack_model(column: str, model: Any, runner: str) -> tuple[Entry, str | bytes]:
    """Return how a model is to be run, and the model itself as text or bytes.

    A fitted LightGBM model or Booster travels as text and needs lightgbm alone;
    anything else with ``predict`` and ``feature_names_in_`` travels as a pickle.
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
    what = f"the model for column {column!r}"
    entry["python"], data = _packed(what, type(model).__name__, model, runner)
    return entry, data


def pack_function(
    name: str, function: Any, options: dict[str, Any], runner: str
) -> tuple[str | None, bytes]:
    """Return the Python that a step's own function is bound to, if any; a pickle.

    Its options are in it, which may be anything: JSON would change tuples, and refuse
    arrays.
    """
    called = getattr(function, "__name__", type(function).__name__)
    what = f"the function of step {name!r}"
    return _packed(what, called, partial(function, **options), runner)


def _packed(
    what: str, called: str, thing: Any, runner: str
) -> tuple[str | None, bytes]:
    data, modules = _pickled(what, thing)
    by_value = any(name.startswith("cloudpickle") for name in modules)
    _warn_of_needs(f"{what} ({called})", modules, by_value, runner)
    return this_python() if by_value else None, data


def _entry(column: str, kind: str, features: Any) -> Entry:
    names = [str(name) for name in features]
    # What LightGBM calls the columns of an array.
    if not names or names == [f"Column_{i}" for i in range(len(names))]:
        raise ValueError(
            f"the model for column {column!r} in `models` knows no column names: fit "
            "it on a frame, so that its features can be found in live data"
        )
    return {"column": column, "kind": kind, "features": names}


def _pickled(what: str, model: Any) -> tuple[bytes, set[str]]:
    """Pickle a model with the code of local modules; name the modules it needs."""
    registered: set[str] = set()
    with _registry_restored():
        while True:
            data = cloudpickle.dumps(model)
            modules = modules_in(data)
            if "skbench" in map(_top, modules):
                raise TypeError(
                    f"{what} holds an object of skbench, which is not installed where "
                    "the file is to run: only `pipeline` may be made of skbench's "
                    "estimators"
                )
            local = {name for name in modules if is_local(name)} - registered
            if not local:
                return _set_apart(data), modules
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


def _set_apart(data: bytes) -> bytes:
    """Label the classes in a pickle by what it holds, in place of cloudpickle's labels.

    By its labels a process would know again the class here, or the one of an earlier
    file, and loading the file would overwrite the methods of that class.
    """
    labels = sorted(map(str.encode, class_labels_in(data)), key=data.index)
    bare = data
    for label in labels:
        bare = bare.replace(label, bytes(len(label)))
    for number, label in enumerate(labels):
        digest = hashlib.sha256(b"%d " % number + bare).hexdigest()
        data = data.replace(label, digest[: len(label)].encode())
    return data


def _warn_of_needs(what: str, modules: set[str], by_value: bool, runner: str) -> None:
    distributions = packages_distributions()
    tops = {_top(name) for name in modules} & {*distributions}
    packages = sorted({distributions[top][0] for top in tops})
    needs = [f"{name} {version(name)}" for name in packages]
    if by_value:
        needs.append(f"Python {this_python()}, whose bytecode its code travels as")
    warn(
        f"{what} is pickled as it is: where the file runs, it needs "
        f"{', '.join(needs) or 'Python alone'}{_unlike(runner, packages, by_value)}"
    )


def _unlike(runner: str, packages: list[str], by_value: bool) -> str:
    """Tell of what a runner has in other versions than there are here."""
    pins, python = RUNNERS[runner], python_of(runner)
    other = [
        f"{name} {pins[name]}"
        for name in packages
        if pins.get(name, version(name)) != version(name)
    ]
    told = ""
    if other:
        told += f". The runner {runner} has {', '.join(other)}: try the file with these"
    if by_value and python != this_python():
        told += (
            f". The runner {runner} cannot run code of another Python than {python}: "
            f"choose the runner of Python {this_python()}"
        )
        if python != "3.10":  # on which skbench itself does not run
            told += f", or export the file with Python {python}"
    return told


def _top(module: str) -> str:
    return module.partition(".")[0]


def this_python() -> str:
    """Return the minor version of the Python that runs, such as "3.12"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
