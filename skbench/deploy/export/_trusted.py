"""A skops file opened with an exact list of types: `load_trusted`.

skops asks to be told which types to trust, but trusts much by itself: all estimators of
scikit-learn, FunctionTransformer among them, and a name that is trusted may be that of
a function. So the file is read here first, node by node, before skops makes anything.
"""

import io
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    Ridge,
)
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from skbench._checks import listed
from skbench._ensemble import WeightedEnsemble
from skbench._files import Address, check_there
from skbench._neutralizer import FeatureNeutralizer
from skbench._rank_gauss import EraRank, EraRankGauss
from skbench._stacking import StackingWeights
from skbench.recipes import FeatureRegressor

# They hold settings and what they have learned, and are not made to run a function.
TRUSTED: tuple[type, ...] = (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    FeatureRegressor,
    StackingWeights,
    WeightedEnsemble,
    ColumnTransformer,
    FeatureUnion,
    Pipeline,
    make_column_selector,
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    MissingIndicator,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PCA,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SimpleImputer,
    StandardScaler,
    VarianceThreshold,
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    Ridge,
)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_SCALARS = {_name(kind) for kind in np.sctypeDict.values()}
# What each kind of node may be that holds plain data.
_PLAIN = {
    "DTypeNode": {"numpy.dtype"},
    "DefaultDictNode": {"collections.defaultdict"},
    "DictNode": {"builtins.dict", "collections.OrderedDict"},
    "JsonNode": {"builtins.str"},  # as skops calls all that JSON can hold
    "ListNode": {"builtins.list"},
    "NdArrayNode": {"numpy.ndarray", *_SCALARS},
    "SetNode": {"builtins.set"},
    "SliceNode": {"builtins.slice"},
    "TupleNode": {"builtins.tuple"},
    "TypeNode": {
        *map(_name, (bool, float, int, str, OrderedDict)),
        *map(_name, (np.floating, np.integer, np.number)),
        *_SCALARS,
    },
}
# The kind that makes an object of its attributes. Others call the type that they name,
# which is left to types that the user has named.
_OBJECT = "ObjectNode"
# Kinds that give a function, method or class, to be called by whatever holds it.
_CALLABLES = (
    "FunctionNode",
    "MethodNode",
    "OperatorFuncNode",
    "PartialNode",
    "TypeNode",
)


def load_trusted(path: Address, also: Iterable[str | type] = ()) -> Any:
    """Load an estimator from a skops file, if it holds nothing that could run code.

    The file may hold skbench's estimators and those of scikit-learn that only
    compute: pipelines, column transformers, scalers, encoders, imputers, PCA and linear
    models; and numbers, strings, arrays and containers of them. Their types are
    compared with a list of exact names, before anything is made of the file. A file
    that names a function or a method is refused, whosever it is. That goes for
    numpy's too, and so for every FunctionTransformer that does something.

    Trees and forests are not on the list, since what they hold can crash the process.

    Parameters
    ----------
    path : str or path-like
        What `skops.io.dump` wrote.
    also : iterable of str or type, default=()
        Further types that the file may hold: those of your own, or of another package
        that you know. Classes, or their full names.

    Returns
    -------
    estimator : object
        The estimator.

    Raises
    ------
    ValueError
        If the file holds anything else, which the message names; if it is no skops file
        or cannot be loaded here; if `also` names something that is no type.
    TypeError
        If `also` holds anything but types and names.
    FileNotFoundError
        If the file is not there.
    ModuleNotFoundError
        If skops is not installed.

    See Also
    --------
    export_predict : Write the pipeline as a file that Numerai can run.

    Notes
    -----
    A Pipeline with a `memory` is refused as well: `fit` would load the pickles in that
    folder. A ColumnTransformer or FeatureUnion that passes columns through holds a
    FunctionTransformer without a function; it loads with
    ``also=[FunctionTransformer]``, which lets no function in.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import skops.io
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer, StandardScaler
    >>> from skbench.deploy import load_trusted
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "pipeline.skops"
    >>> skops.io.dump(make_pipeline(StandardScaler()), path)
    >>> load_trusted(path)
    Pipeline(steps=[('standardscaler', StandardScaler())])
    >>> skops.io.dump(make_pipeline(FunctionTransformer(np.load)), path)
    >>> load_trusted(path)
    Traceback (most recent call last):
        ...
    ValueError: `path` must hold nothing that may run code; got ...pipeline.skops, which
    holds functions, methods or classes to call ('numpy.load'): no file may name one;
    types that are not on the list
    ('sklearn.preprocessing._function_transformer.FunctionTransformer'): name those that
    you know in `also`
    >>> folder.cleanup()
    """
    path = check_there(path)
    further = {_name(kind) for kind in _types(also)}
    try:
        from skops.io import loads
    except ImportError as error:
        raise ModuleNotFoundError(
            'skops files need skops: pip install "skbench[secure]"', name=error.name
        ) from error
    data = path.read_bytes()
    with _readable(path):
        schema = json.loads(ZipFile(io.BytesIO(data)).read("schema.json"))
        functions, types = _refused(schema, further)
    _check_names(path, functions, types)
    trusted = set().union(*_PLAIN.values(), map(_name, TRUSTED), further)
    with _readable(path):
        loaded = loads(data, trusted=sorted(trusted))
        caches = _caches(loaded)
    if caches:
        raise ValueError(
            "`path` must hold no pipeline with a cache, since fit would load the "
            f"pickles in it; got {path} with {listed(caches)}: write it with "
            "memory=None"
        )
    return loaded


def _types(also: Any) -> list[type]:
    """Return the types that the user trusts further."""
    try:
        given = None if isinstance(also, (str, type)) else list(also)
    except TypeError:  # no iterable
        given = None
    if given is None:
        raise TypeError(f"`also` must be a list of types or their names; got {also!r}")
    return [one if isinstance(one, type) else _type_called(one) for one in given]


def _type_called(name: Any) -> type:
    if not isinstance(name, str):
        raise TypeError(f"`also` must hold types or their full names; got {name!r}")
    module, _, own = name.rpartition(".")
    try:
        found = getattr(import_module(module), own)
    except (AttributeError, ImportError, ValueError) as error:
        raise ValueError(
            "`also` must hold types that can be imported, by their full names, such "
            f"as 'sklearn.linear_model.RidgeCV'; got {name!r} ({error})"
        ) from None
    if not isinstance(found, type):
        raise ValueError(
            f"`also` must hold types, since no function of a file is ever loaded; got "
            f"{name!r}, a {type(found).__name__}"
        )
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of any kind, depending on where the file is wrong
        raise ValueError(
            f"`path` must be a skops file of an estimator that can be loaded here; got "
            f"{path} ({error!r})"
        ) from error


def _refused(schema: Any, further: set[str]) -> tuple[list[str], list[str]]:
    """Names of functions, and of types that are not on the list, in a schema."""
    functions, types = set(), set()
    objects = {*map(_name, TRUSTED)}
    for node in _nodes(schema):
        kind, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        if name in _PLAIN.get(kind, ()):
            continue
        if kind in _CALLABLES:
            functions.add(name)
        elif name not in further and not (kind == _OBJECT and name in objects):
            types.add(name)
    return sorted(functions), sorted(types)


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """All that skops might take for a node, however deep, and more."""
    rest = [schema]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                yield value
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)


def _check_names(path: Path, functions: list[str], types: list[str]) -> None:
    told = []
    if functions:
        told.append(
            f"functions, methods or classes to call ({listed(functions)}): no file may "
            "name one"
        )
    if types:
        told.append(
            f"types that are not on the list ({listed(types)}): name those that you "
            "know in `also`"
        )
    if told:
        raise ValueError(
            f"`path` must hold nothing that may run code; got {path}, which holds "
            + "; ".join(told)
        )


def _caches(loaded: Any) -> list[str]:
    """Names of the parameters of an estimator that are the caches of pipelines."""
    if not isinstance(loaded, BaseEstimator):
        raise TypeError(f"it holds a {type(loaded).__name__}")
    settings = loaded.get_params().items()
    return [
        name
        for name, value in settings
        if name.rpartition("__")[2] == "memory" and value is not None
    ]
