"""Bad values for any argument, and ways to spoil rows of data: seeded, replayable."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy import sparse

# Made anew for each use, since a callee may keep or change what it is given.
JUNK = {
    "None": lambda: None,
    "NaN": lambda: float("nan"),
    "numpy NaN": lambda: np.float32("nan"),
    "infinity": lambda: float("inf"),
    "-infinity": lambda: -np.inf,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1": lambda: 1,
    "2": lambda: 2,
    "numpy 3": lambda: np.int64(3),
    "0.5": lambda: 0.5,
    "1.5": lambda: 1.5,
    "-0.5": lambda: -0.5,
    "5e-324": lambda: 5e-324,
    "1e308": lambda: 1e308,
    "10**18": lambda: 10**18,
    "-10**18": lambda: -(10**18),
    "10**400": lambda: 10**400,
    "empty text": lambda: "",
    "space": lambda: " ",
    "text": lambda: "nonsense",
    "era": lambda: "era",
    "digits": lambda: "12",
    "NUL": lambda: "a\0b",
    "surrogate": lambda: "\ud800",
    "long text": lambda: "x" * 5000,
    "path": lambda: Path("/nowhere/at all.parquet"),
    "folder": lambda: "/",
    "bytes": lambda: b"bytes",
    "True": lambda: True,
    "False": lambda: False,
    "complex": lambda: 1j,
    "NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "Decimal": lambda: Decimal("0.5"),
    "Fraction": lambda: Fraction(1, 3),
    "date": lambda: datetime.date(2026, 1, 2),
    "Timestamp": lambda: pd.Timestamp("2026-01-02"),
    "object": lambda: object(),
    "dots": lambda: ...,
    "function": lambda: lambda *_: None,
    "empty list": list,
    "empty tuple": lambda: (),
    "empty dict": dict,
    "empty set": lambda: set(),
    "list of None": lambda: [None],
    "list of NaN": lambda: [float("nan")],
    "list of text": lambda: ["nonsense"],
    "list twice": lambda: ["era", "era"],
    "list of numbers": lambda: [0.5, 2, -1],
    "list of huge": lambda: [10**400, 1e308],
    "nested list": lambda: [["era"], [1, [2]]],
    "ragged": lambda: [[1, 2], [3]],
    "tuple": lambda: (1, "a"),
    "bounds backwards": lambda: (3, 1),
    "set": lambda: {"a", "b"},
    "range": lambda: range(3),
    "generator": lambda: (i for i in range(3)),
    "dict of None": lambda: {"nonsense": None},
    "dict of text": lambda: {"nonsense": "nonsense"},
    "dict of numbers": lambda: {"nonsense": 1.0},
    "dict of NaN": lambda: {"corr": float("nan")},
    "dict of huge": lambda: {"corr": 1e308, "contribution": -1e308},
    "dict by number": lambda: {0: 0.5, None: 1},
    "nested dict": lambda: {"a": {"b": {}}},
    "scalar array": lambda: np.array(5.0),
    "empty array": lambda: np.array([]),
    "cube": lambda: np.zeros((2, 2, 2)),
    "text array": lambda: np.array(["a", "b"]),
    "object array": lambda: np.array([None, "a", 1], dtype=object),
    "empty frame": lambda: pd.DataFrame(),
    "empty Series": lambda: pd.Series(dtype=float),
    "Series": lambda: pd.Series([1.0, np.nan], index=["a", "a"]),
    "frame": lambda: pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}),
    "polars Series": lambda: pl.Series("a", [1, 2]),
    "polars frame": lambda: pl.DataFrame({"a": [1.0, None]}),
    "LazyFrame": lambda: pl.LazyFrame({"a": [1.0]}),
    "arrow": lambda: pa.table({"a": [1.0, None]}),
}

# What the cells of a column, or its labels, are replaced by.
CELLS = {
    "one NaN": lambda c, rng: _put(c, rng, np.nan),
    "all NaN": lambda c, rng: [np.nan] * len(c),
    "all None": lambda c, rng: [None] * len(c),
    "one infinity": lambda c, rng: _put(c, rng, np.inf),
    "all infinite": lambda c, rng: [-np.inf] * len(c),
    "huge": lambda c, rng: rng.choice([1e308, -1e308, 1e307], len(c)),
    "tiny": lambda c, rng: rng.choice([5e-324, 1e-310, 0.0], len(c)),
    "one huge": lambda c, rng: _put(c, rng, 1e308),
    "beyond float": lambda c, rng: _put(c, rng, 10**400),
    "constant": lambda c, rng: [1.0] * len(c),
    "zeros": lambda c, rng: np.zeros(len(c)),
    "constant text": lambda c, rng: ["a"] * len(c),
    "one text": lambda c, rng: _put(c, rng, "nonsense"),
    "numbers as text": lambda c, rng: [str(i % 7) for i in range(len(c))],
    "objects": lambda c, rng: pd.array(list(c), dtype=object),
    "unhashable": lambda c, rng: [[1, 2]] * len(c),
    "dicts": lambda c, rng: [{}] * len(c),
    "sets of numbers": lambda c, rng: [frozenset({1})] * len(c),
    "complex": lambda c, rng: np.full(len(c), 1 + 2j),
    "dates": lambda c, rng: pd.date_range("2026", periods=len(c)),
    "timedeltas": lambda c, rng: pd.to_timedelta(np.arange(len(c)), unit="s"),
    "booleans": lambda c, rng: np.arange(len(c)) % 2 == 0,
    "nullable": lambda c, rng: pd.array([None, *range(1, len(c))][: len(c)], "Int64"),
    "nullable float": lambda c, rng: pd.array([0.5] * len(c), "Float64"),
    "decimals": lambda c, rng: [Decimal(i) for i in range(len(c))],
    "float16": lambda c, rng: rng.normal(size=len(c)).astype(np.float16),
    "float32": lambda c, rng: rng.normal(size=len(c)).astype(np.float32),
    "uint64": lambda c, rng: np.full(len(c), 2**64 - 1, dtype=np.uint64),
    "ragged eras": lambda c, rng: [f"{i * i % 5:04d}" for i in range(len(c))],
    "one number twice": lambda c, rng: [("1", "01")[i % 2] for i in range(len(c))],
    "unnumbered": lambda c, rng: [("X", "eraX", "Y")[i % 3] for i in range(len(c))],
    "long number": lambda c, rng: ["9" * 5000] * len(c),
    "long numbers": lambda c, rng: [str(i % 3 + 1) + "0" * 400 for i in range(len(c))],
    "other digits": lambda c, rng: ["٣" if i % 2 else "²" for i in range(len(c))],
    "mixed labels": lambda c, rng: [(1, "2", 3.0, None)[i % 3] for i in range(len(c))],
    "a row each": lambda c, rng: [f"{i:04d}" for i in range(len(c))],
    "pairs": lambda c, rng: [f"{i // 2:04d}" for i in range(len(c))],
    "tuples": lambda c, rng: [(i, "a") for i in range(len(c))],
    "category": lambda c, rng: pd.Categorical([str(i % 3) for i in range(len(c))]),
    "sparse": lambda c, rng: pd.arrays.SparseArray(np.arange(len(c)) % 3 * 1.0),
    "intervals": lambda c, rng: pd.interval_range(0, len(c), len(c)),
    "periods": lambda c, rng: pd.period_range("2026-01", periods=len(c), freq="M"),
    "surrogates": lambda c, rng: pd.array(["\ud800"] * len(c), dtype=object),
    "arrow text": lambda c, rng: pd.array(
        ["a"] * len(c), dtype=pd.ArrowDtype(pa.string())
    ),
    "arrow numbers": lambda c, rng: pd.array(
        [None, *[0.5] * (len(c) - 1)][: len(c)], dtype=pd.ArrowDtype(pa.float64())
    ),
}

# What is done to a whole frame, of which `n` is the name of one column.
SHAPES = {
    "as it is": lambda f, n, rng: f,
    "column missing": lambda f, n, rng: f.drop(columns=[n]),
    "column twice": lambda f, n, rng: pd.concat([f, f[[n]]], axis=1),
    "no rows": lambda f, n, rng: f.iloc[:0],
    "no columns": lambda f, n, rng: f.iloc[:, :0],
    "one row": lambda f, n, rng: f.iloc[:1],
    "two rows": lambda f, n, rng: f.iloc[:2],
    "one row less": lambda f, n, rng: f.iloc[:-1],
    "rows twice": lambda f, n, rng: pd.concat([f, f]),
    "shuffled": lambda f, n, rng: f.iloc[rng.permutation(len(f))],
    "other index": lambda f, n, rng: f.set_axis(range(5, len(f) + 5)),
    "index twice": lambda f, n, rng: f.set_axis(["a"] * len(f)),
    "index missing": lambda f, n, rng: f.set_axis([np.nan] * len(f)),
    "two indexes": lambda f, n, rng: f.set_axis(
        pd.MultiIndex.from_arrays([np.arange(len(f)), np.arange(len(f))])
    ),
    "dates in the index": lambda f, n, rng: f.set_axis(
        pd.date_range("2026", periods=len(f))
    ),
    "two levels": lambda f, n, rng: pd.concat({"a": f}, axis=1),
    "columns in tuples": lambda f, n, rng: f.set_axis(
        pd.Index([(i, "a") for i in range(f.shape[1])], tupleize_cols=False), axis=1
    ),
    "column by number": lambda f, n, rng: f.rename(columns={n: 7}),
    "column without name": lambda f, n, rng: f.rename(columns={n: None}),
    "column called NaN": lambda f, n, rng: f.rename(columns={n: np.nan}),
    "column called as text": lambda f, n, rng: f.rename(columns={n: ""}),
    "columns by number": lambda f, n, rng: f.set_axis(range(f.shape[1]), axis=1),
    "transposed": lambda f, n, rng: f.T,
    "column alone": lambda f, n, rng: f[[n]],
    "Series": lambda f, n, rng: f[n],
    "polars": lambda f, n, rng: _to_polars(f),
    "lazy": lambda f, n, rng: _to_polars(f).lazy(),
    "arrow": lambda f, n, rng: pa.Table.from_pandas(f, preserve_index=False),
    "arrow batch": lambda f, n, rng: pa.RecordBatch.from_pandas(
        f, preserve_index=False
    ),
    "array": lambda f, n, rng: f.to_numpy(),
    "records": lambda f, n, rng: f.to_records(),
    "masked": lambda f, n, rng: np.ma.masked_invalid(_numbers(f)),
    "sparse matrix": lambda f, n, rng: sparse.csr_matrix(_numbers(f)),
    "float32": lambda f, n, rng: _numbers(f).astype(np.float32),
    "read-only": lambda f, n, rng: _read_only(_numbers(f)),
    "complex": lambda f, n, rng: _numbers(f) + 1j,
    "lists": lambda f, n, rng: f.to_numpy().tolist(),
    "mapping": lambda f, n, rng: f.to_dict("list"),
    "all objects": lambda f, n, rng: f.astype(object),
    "all text": lambda f, n, rng: f.astype(str),
    "all NaN": lambda f, n, rng: f * np.nan if _numeric(f) else f.map(lambda _: np.nan),
    "all infinite": lambda f, n, rng: _cells(f, np.inf),
    "all huge": lambda f, n, rng: _cells(f, 1e308),
    "all equal": lambda f, n, rng: _cells(f, 1.0),
}


def junk(rng):
    """Return a bad value, and what it is."""
    how = str(rng.choice(list(JUNK)))
    return JUNK[how](), how


def spoil(value, rng):
    """Return a spoiled argument, what was done, and the columns that were touched."""
    if isinstance(value, pd.DataFrame) and rng.random() < 0.8:
        return _spoil_frame(value, rng)
    if isinstance(value, pd.Series) and rng.random() < 0.7:
        frame, how, _ = _spoil_frame(value.to_frame(), rng)
        alone = isinstance(frame, pd.DataFrame) and frame.shape[1] == 1
        return (frame.iloc[:, 0] if alone else frame), how, [str(value.name)]
    if isinstance(value, Mapping) and value and rng.random() < 0.6:
        name = list(value)[rng.integers(len(value))]
        new, how, columns = spoil(value[name], rng)
        return {**value, name: new}, f"[{name!r}] {how}", [str(name), *columns]
    if isinstance(value, list) and value and rng.random() < 0.5:
        i = int(rng.integers(len(value)))
        new, how = junk(rng)
        return [*value[:i], new, *value[i + 1 :]], f"[{i}] {how}", []
    return (*junk(rng), [])


def _spoil_frame(frame, rng):
    """Spoil a column, the frame, or the one and then the other."""
    name = frame.columns[rng.integers(frame.shape[1])]
    done = []
    if rng.random() < 0.6:
        how = str(rng.choice(list(CELLS)))
        frame, how = _try(lambda: _replaced(frame, name, how, rng), frame, how)
        done.append(how)
    if not done or rng.random() < 0.25:
        how = str(rng.choice(list(SHAPES)))
        frame, how = _try(lambda: SHAPES[how](frame, name, rng), frame, how)
        done.append(how)
    return frame, f"{name}: {', '.join(done)}", [str(name)]


def _replaced(frame, name, how, rng):
    return frame.assign(**{str(name): CELLS[how](frame[name], rng)})


def _try(make, otherwise, how):
    """Spoil, where pandas can hold such a thing at all."""
    try:
        return make(), how
    except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        return otherwise, f"{how} (impossible: {type(error).__name__})"


def _put(column, rng, value):
    cells = column.astype(object).to_numpy().copy()
    cells[rng.integers(len(cells))] = value
    return pd.Series(list(cells), index=column.index).infer_objects().array


def _to_polars(frame):
    return pl.DataFrame({str(name): frame[name].tolist() for name in frame})


def _numbers(frame):
    return frame.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)


def _numeric(frame):
    return all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes)


def _read_only(array):
    array.flags.writeable = False
    return array


def _cells(frame, value):
    """Put a number into every cell that holds one."""
    return frame.assign(
        **{
            str(name): value
            for name in frame
            if pd.api.types.is_numeric_dtype(frame[name].dtype)
        }
    )
