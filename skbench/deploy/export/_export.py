"""A fitted pipeline as one file that Numerai's runner can run: `export_predict`."""

import hashlib
import json
import pickle
import pickletools
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from skbench._apply import Plan
from skbench._checks import check_choice, is_number, listed
from skbench._files import Address, check_writable, written_whole
from skbench._frames import META_MODEL
from skbench.deploy.check import DEFAULT, RUNNERS, python_of

from ._compile import compile_pipeline
from ._models import pack_function, pack_model, this_python

# In the order in which one may import another. None: a package.
_MODULES = {
    "": None,
    "_checks": "_checks.py",
    "_eras": "_eras.py",
    "kernels": None,
    "kernels.gaps": "kernels/gaps.py",
    "kernels.blend": "kernels/blend.py",
    "kernels.rank": "kernels/rank.py",
    "kernels.products": "kernels/products.py",
    "kernels.neutralize": "kernels/neutralize.py",
    "_apply": "_apply.py",
    "_runtime": "deploy/export/_runtime.py",
}
# An expression, because a call with text is all that a pickle needs to start with.
_START = "exec(loader, space := {}) or space['load'](sources, plan, models)"
# Fixed, so that every Python writes the same bytes.
_PROTOCOL = 4
# Endings that pandas takes for those of compressed files.
_COMPRESSED = (".bz2", ".gz", ".tar", ".xz", ".zip", ".zst")


def export_predict(
    pipeline: Any,
    path: Address,
    *,
    models: Mapping[str, Any] | None = None,
    feature_columns: Iterable[str] | None = None,
    fill: float | None = 0.5,
    runner: str = DEFAULT,
) -> Path:
    """Write a fitted pipeline as a file that Numerai can run without skbench.

    The file is a pickle that loads as a plain function. It takes ``live_features``, or
    ``live_features, live_benchmark_models`` if the pipeline uses columns of the latter;
    joins the two by id; and returns a frame with the index ``id`` and one column
    ``prediction`` between 0 and 1, equal to ``pipeline.predict``. Rows may belong to
    one era or to many.

    The file holds text alone: the numbers of the pipeline, and the source of the
    functions that do the arithmetic. It needs numpy, scipy, pandas and joblib, of any
    version and under any Python that these sources run on; no scikit-learn object is
    in it. The same pipeline always gives the same bytes. Like every pickle, it runs
    code when it is loaded. The function cannot be pickled anew: copy the file.

    Parameters
    ----------
    pipeline : Pipeline or estimator
        Fitted on frames. Every step is one of skbench's estimators, or has an
        `era_plan` of its own, whose function and options then travel along as a
        pickle; the last is an `EraRank` of one column.
    path : str or path-like
        The file to write.
    models : mapping from str to object, default=None
        Fitted models that supply prediction columns from the features in
        ``live_features``. A LightGBM regressor, ranker or Booster travels as its text
        and needs lightgbm. Any other model is pickled, with a warning that says what
        it needs; the code of modules that belong to no installed package, or to one
        installed for editing, is included, and with it their file names.
    feature_columns : iterable of str, default=None
        Columns that are in ``live_features``. None: those whose name starts with
        "feature". All others are in ``live_benchmark_models``.
    fill : float or None, default=0.5
        Prediction for rows that have none, strictly between 0 and 1; their number goes
        to the log. None: such rows are an error.
    runner : str, default="3.12"
        Runner of Numerai that the file is meant for, as for `check_predict`. The file
        is the same for all of them; but where what is pickled, a model or a function of
        a step, needs what this runner does not have, the warning says so. Code of
        modules of your own needs the Python that it is pickled with, so none of it can
        run on the runner 3.10.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    TypeError
        If a step has no plan that says all it does, or a model cannot predict.
    ValueError
        If the pipeline does not end in one ranked prediction, was fitted on arrays, or
        uses columns that live data does not have; if another argument cannot be used.
    sklearn.exceptions.NotFittedError
        If a step is not fitted.

    See Also
    --------
    check_predict : Try the file as Numerai's runner would.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbench import EraRank, EraRankGauss, WeightedEnsemble
    >>> from skbench.deploy import export_predict
    >>> X = pd.DataFrame({"era": ["0001"] * 3, "a": [0.1, 0.5, 0.3],
    ...                   "b": [0.2, 0.3, 0.9]}, index=["n1", "n2", "n3"])
    >>> pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank()).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_predict(pipeline, Path(folder) / "predict.pkl")
    ...     predict = pd.read_pickle(path)
    >>> predict(X[["era"]], X).round(3)
        prediction
    id
    n1       0.167
    n2       0.667
    n3       0.667
    """
    path = _check_ending(check_writable(path))
    _check_fill(fill)
    check_choice("runner", runner, list(RUNNERS))
    models = _checked_models(models)
    steps, inputs, prediction = compile_pipeline(pipeline)
    _check_supplied(models, inputs)
    features = _features(inputs, models, feature_columns)
    benchmarks = [name for name in inputs if name not in {*features, *models}]
    _check_live(benchmarks)
    packed = [pack_model(name, models[name], runner) for name in sorted(models)]
    functions = _packed_functions(steps, runner)
    entries = [entry for entry, _ in packed]
    read = [name for entry in entries for name in entry["features"]]
    plan = {
        "benchmarks": benchmarks,
        "features": list(dict.fromkeys(features + read)),
        "fill": fill if fill is None else float(fill),
        "models": entries,
        "prediction": prediction,
        "steps": list(steps.values()),
    }
    data = _file_of(plan, [model for _, model in packed] + functions)
    with written_whole(path) as unfinished:
        unfinished.write_bytes(data)
    return path


def _packed_functions(steps: dict[str, Plan], runner: str) -> list[str | bytes]:
    """Take the functions of a user's own steps out of their plans, as pickles."""
    packed: list[str | bytes] = []
    for name, plan in steps.items():
        if plan["kind"] == "own":
            plan["python"], data = pack_function(
                name, plan.pop("function"), plan.pop("options"), runner
            )
            packed.append(data)
    return packed


def _check_ending(path: Path) -> Path:
    if path.suffix in _COMPRESSED:
        raise ValueError(
            f"`path` must not end in {path.suffix}, as pandas.read_pickle would try to "
            f"unpack it; got {path}"
        )
    return path


def _check_fill(fill: Any) -> None:
    if fill is not None and not (is_number(fill) and 0 < fill < 1):
        raise ValueError(
            f"`fill` must be a number between 0 and 1, not one of them, or None; "
            f"got {fill!r}"
        )


def _checked_models(models: Any) -> dict[str, Any]:
    if models is None:
        return {}
    if not isinstance(models, Mapping) or not all(isinstance(n, str) for n in models):
        raise TypeError(
            "`models` must be a mapping from the name of a prediction column to a "
            f"fitted model; got {models!r}"
        )
    return dict(models)


def _check_supplied(models: Mapping[str, Any], inputs: list[str]) -> None:
    if unused := [name for name in models if name not in inputs]:
        raise ValueError(
            f"`models` supplies {listed(unused)}, which the pipeline does not use; "
            f"it uses {listed(inputs)}"
        )


def _features(
    inputs: list[str], models: Mapping[str, Any], feature_columns: Any
) -> list[str]:
    """Columns that come from `live_features`."""
    if feature_columns is None:
        named = {name for name in inputs if name.startswith("feature")} - {*models}
    else:
        named = _names(feature_columns)
    if both := named & {*models}:
        raise ValueError(
            f"{listed(sorted(both))} cannot come from both `feature_columns` and "
            "`models`"
        )
    return [name for name in inputs if name in named]


def _names(feature_columns: Any) -> set[str]:
    names: list[Any]
    try:
        names = [None] if isinstance(feature_columns, str) else list(feature_columns)
    except TypeError:  # no iterable
        names = [None]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"`feature_columns` must be a list of column names; got {feature_columns!r}"
        )
    return set(names)


def _check_live(benchmarks: list[str]) -> None:
    """Refuse columns that validation data has and live data never does."""
    unknown = [n for n in benchmarks if n == META_MODEL or n.startswith("target")]
    if unknown:
        raise ValueError(
            f"`pipeline` uses {listed(unknown)}, which live data does not have: leave "
            "it out of the pipeline, or supply it by `models`"
        )


def _file_of(plan: Mapping[str, Any], models: list[str | bytes]) -> bytes:
    """Return the bytes of a pickle that makes the function of a plan."""
    arguments = {
        "loader": _text("deploy/export/_loader.py"),
        "sources": _sources(),
        "plan": json.dumps(plan, separators=(",", ":")),
        "models": models,
    }
    return pickle.dumps(_Call(eval, (_START, arguments)), protocol=_PROTOCOL)


def python_for(content: bytes) -> str:
    """Return the Python that a pickle is to run on; it is not loaded.

    Code in a pickle is of the Python that wrote it: this one, if nothing else is known.
    An exported file names it; where it holds none, any Python will do.
    """
    texts = [a for _, a, _ in pickletools.genops(content) if isinstance(a, str)]
    if _START not in texts:
        return this_python()
    plan = json.loads(texts[texts.index("plan") + 1])
    parts = [*plan["models"], *plan["steps"]]
    written_with = [part["python"] for part in parts if part.get("python")]
    return next(iter(written_with), python_of(DEFAULT))


class _Call:
    """What is pickled as a call of a function, made when the file is loaded."""

    def __init__(self, function: Any, arguments: tuple[Any, ...]) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def _sources() -> list[tuple[str, str]]:
    """Names and texts of the modules in the file, which never refer to skbench."""
    texts = {name: _text(at) if at else "" for name, at in _MODULES.items()}
    digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    package = f"_skbench_{digest[:16]}"
    return [
        (f"{package}.{name}" if name else package, text) for name, text in texts.items()
    ]


def _text(at: str) -> str:
    """Text of one of skbench's modules, which finds the others beside itself."""
    text = files("skbench").joinpath(at).read_text(encoding="utf-8")
    return text.replace("\nfrom skbench.", "\nfrom .")
