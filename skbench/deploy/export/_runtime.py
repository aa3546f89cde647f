"""What an exported file runs: the steps of a plan, on the two frames of the runner.

The text of this module travels in the file, beside those of the era rules and of the
kernels, so it may use numpy, pandas and these alone; lightgbm where a model needs it.
It cannot be imported, so that no file can name a function here that loads a pickle.
"""

import logging
import pickle
import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._apply import Plan, apply
from skbench._eras import Eras, Rows, era_column, find_eras, map_eras
from skbench.kernels.rank import is_constant

if __name__.partition(".")[0] == "skbench":
    raise ImportError(f"{__name__} is a text that runs in exported files alone")

Floats = NDArray[np.float64]
Model = Callable[[pd.DataFrame], NDArray[Any]]

_VERSION = "is the model's data version the one that it was built with?"
# Rows that LightGBM predicts at a time, which it copies as floats first.
_CHUNK = 10_000


def make_predict(plan: Plan, models: Sequence[str | bytes]) -> Callable[..., Any]:
    """Make the function of a plan, with the parameters that the runner counts.

    ``models`` are those that the plan tells of, in its order, and then the functions of
    steps that are a user's own.
    """
    of_columns, of_steps = models[: len(plan["models"])], models[len(plan["models"]) :]
    supplied = {
        entry["column"]: _MODELS[entry["kind"]](entry, model)
        for entry, model in zip(plan["models"], of_columns, strict=True)
    }
    own = [step for step in plan["steps"] if step["kind"] == "own"]
    for step, function in zip(own, of_steps, strict=True):
        what = f"the function that makes {_listed(list(step['makes']))}"
        step |= {"function": _loaded(what, step["python"], function), "options": {}}
    if not plan["benchmarks"]:

        def predict_features(live_features: pd.DataFrame) -> pd.DataFrame:
            return _run(plan, supplied, live_features, None)

        return predict_features

    def predict(
        live_features: pd.DataFrame, live_benchmark_models: pd.DataFrame
    ) -> pd.DataFrame:
        return _run(plan, supplied, live_features, live_benchmark_models)

    return predict


def _run(
    plan: Plan,
    models: dict[str, Model],
    live: pd.DataFrame,
    benchmarks: pd.DataFrame | None,
) -> pd.DataFrame:
    _check_frame(live, "live_features", plan["features"])
    columns = _Columns(live)
    if benchmarks is not None:
        _check_frame(benchmarks, "live_benchmark_models", plan["benchmarks"])
        columns.join(benchmarks, plan["benchmarks"])
    for name, model in models.items():
        columns.made[name] = model(live)
    for step in plan["steps"]:
        _run_step(columns, step)
    prediction = columns.made[plan["prediction"]].astype(np.float64)
    _tell_of_constants(prediction, columns.eras(plan["steps"][-1]))
    return pd.DataFrame(
        {"prediction": _filled(prediction, plan["fill"])}, index=live.index.rename("id")
    )


def _check_frame(frame: Any, name: str, needed: Sequence[str]) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"`{name}` must be a pandas DataFrame; got {type(frame).__name__}"
        )
    if frame.empty:
        raise ValueError(f"`{name}` has no rows or no columns: its shape {frame.shape}")
    for labels, what in ((frame.columns, "columns"), (frame.index, "ids")):
        if not labels.is_unique:
            twice = labels[labels.duplicated()].unique()
            raise ValueError(f"`{name}` has duplicate {what}: {_listed(list(twice))}")
    present = set(frame.columns)
    if missing := [column for column in needed if column not in present]:
        raise ValueError(f"`{name}` lacks the columns {_listed(missing)}: {_VERSION}")


def _filled(prediction: Floats, fill: float | None) -> Floats:
    """Fill the rows without a prediction, and tell the log how many they are."""
    missing = np.isnan(prediction)
    count = int(missing.sum())
    if count == 0:
        return prediction
    found = f"{count} of {prediction.size} rows have no prediction"
    if fill is None or count == prediction.size:
        raise ValueError(f"{found}: `live_benchmark_models` lacks ids, or has gaps")
    logging.getLogger("skbench").warning("%s: filled with %s", found, fill)
    return np.where(missing, fill, prediction)


def _tell_of_constants(prediction: Floats, eras: Eras) -> None:
    """Tell the log in how many eras the prediction tells no row from another."""
    count = sum(bool(is_constant(prediction[None, rows])) for rows in eras.rows)
    if count:
        logging.getLogger("skbench").warning(
            "the prediction is the same in all rows of %s of %s eras: look for models "
            "that are constant there",
            count,
            len(eras.rows),
        )


class _Columns:
    """Columns by name: the features of a frame as they are, and those made since.

    Also a table of labels, as the era rules ask for it.
    """

    named = True

    def __init__(self, live: pd.DataFrame) -> None:
        self.live = live
        self.other: pd.DataFrame | None = None
        self.names: list[Hashable] = list(live.columns)
        self.n_rows = len(live)
        self.made: dict[str, NDArray[Any]] = {}

    def join(self, frame: pd.DataFrame, names: Sequence[str]) -> None:
        """Add columns of another frame by id; an id that it lacks has NaN."""
        places = frame.index.get_indexer(self.live.index)
        absent = places < 0
        if absent.all():
            raise ValueError(
                "`live_benchmark_models` has none of the ids of `live_features`: "
                "the index of both must be the id, of the same round"
            )
        for name in names:
            values = _values(frame[name])[places]
            self.made[name] = (
                np.where(absent, np.nan, values) if absent.any() else values
            )
        self.names += list(frame.columns)
        self.other = frame

    def labels(self, name: Hashable) -> tuple[NDArray[Any], list[Hashable]]:
        """Codes of a column's labels in order of appearance (-1: none), the labels."""
        if name in self.live.columns:
            column = self.live[name]
        else:
            assert self.other is not None
            column = self.other[name].reindex(self.live.index)
        codes, labels = pd.factorize(column)
        return codes, list(labels)

    def eras(self, step: Plan) -> Eras:
        """Find the eras as a step reads them."""
        low, high = step["single_era_rows"]
        return find_eras(self, era_column(self, step["era"], (low, high)))

    def block(self, names: Sequence[str], rows: Rows) -> NDArray[Any]:
        """Columns of some rows, (n_columns, n_rows), in one dtype."""
        if not names:
            return np.empty((0, self.n_rows))[:, rows]
        if not any(name in self.made for name in names):
            places = self.live.columns.get_indexer(pd.Index(names))
            part = self.live.iloc[rows, places]
            return part.to_numpy(**_numpy_options(part.dtypes)).T
        return np.stack([self.column(name)[rows] for name in names])

    def column(self, name: str) -> NDArray[Any]:
        """Return one column of all rows."""
        return self.made[name] if name in self.made else _values(self.live[name])

    def are_single(self, names: Sequence[str]) -> bool:
        """Whether columns are float32, as then is what comes of them."""
        there = [name for name in names if name in self.made or name in self.live]
        return bool(there) and all(self.column(n).dtype == np.float32 for n in there)


def _values(column: pd.Series) -> NDArray[Any]:
    """Numbers of a column, missing ones NaN; single precision stays single."""
    values = column.to_numpy(**_numpy_options(pd.Series({column.name: column.dtype})))
    single = getattr(column.dtype, "numpy_dtype", column.dtype) == np.float32
    return values.astype(np.float32, copy=False) if single else values


def _numpy_options(dtypes: "pd.Series[Any]") -> dict[str, Any]:
    """Arguments of `to_numpy` that give one numeric dtype, missing as NaN."""
    kinds = set(dtypes)
    for dtype in kinds:
        number = pd.api.types.is_numeric_dtype(dtype) or dtype.kind == "b"
        if not number or dtype.kind == "c":
            names = dtypes.index[[other == dtype for other in dtypes]]
            raise ValueError(
                f"{_listed(list(names))} must hold numbers; the dtype is {dtype}: if "
                "they are numbers, convert them with astype('float64')"
            )
    if all(isinstance(dtype, np.dtype) for dtype in kinds):
        return {"dtype": np.result_type(*kinds)}
    return {"dtype": np.float64, "na_value": np.nan}


def _run_step(columns: _Columns, plan: Plan) -> None:
    """Make the columns of a step, era by era."""

    def made_in(rows: Rows) -> Floats:
        return apply(plan, *(columns.block(names, rows) for names in plan["reads"]))

    out = np.empty((len(plan["makes"]), columns.n_rows))
    for rows, block in map_eras(made_in, columns.eras(plan)):
        out[:, rows] = block
    singles = [columns.are_single(names) for names in plan["makes"].values()]
    for name, values, single in zip(plan["makes"], out, singles, strict=True):
        columns.made[name] = values.astype(np.float32) if single else values


def _lightgbm(entry: Plan, model: Any) -> Model:
    from lightgbm import Booster

    booster = Booster(model_str=model)

    def predict(live: pd.DataFrame) -> NDArray[Any]:
        starts = range(0, len(live), _CHUNK)
        chunks = (live.iloc[start : start + _CHUNK] for start in starts)
        parts = [booster.predict(chunk[entry["features"]]) for chunk in chunks]
        return _one_column(np.concatenate(parts), entry, live)

    return predict


def _loaded(what: str, python: str | None, data: Any) -> Any:
    """Load a pickle, which may hold code of one version of Python."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if python not in (None, here):
        raise RuntimeError(
            f"{what} holds code of Python {python}, which Python {here} cannot run: "
            f"choose the runner of Python {python}, or export it with Python {here}"
        )
    return pickle.loads(data)


def _pickled(entry: Plan, model: Any) -> Model:
    what = f"the model of column {entry['column']!r}"
    fitted = _loaded(what, entry["python"], model)

    def predict(live: pd.DataFrame) -> NDArray[Any]:
        return _one_column(fitted.predict(live[entry["features"]]), entry, live)

    return predict


def _one_column(values: Any, entry: Plan, live: pd.DataFrame) -> NDArray[Any]:
    """Check that a model gives one number a row."""
    column = np.asarray(values)
    if column.shape not in ((len(live),), (len(live), 1)):
        raise ValueError(
            f"the model of column {entry['column']!r} must give one value for each of "
            f"{len(live)} rows; it gave the shape {column.shape}"
        )
    floats = column.dtype if column.dtype.kind == "f" else np.float64
    return column.reshape(-1).astype(floats)


def _listed(names: Sequence[Any], limit: int = 12) -> str:
    text = ", ".join(repr(name) for name in names[:limit])
    return text if len(names) <= limit else f"{text} and {len(names) - limit} more"


_MODELS: dict[str, Callable[[Plan, Any], Model]] = {
    "lightgbm": _lightgbm,
    "pickle": _pickled,
}
