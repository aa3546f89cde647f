"""What a dataframe is: columns and their roles, and the same kind out as came in.

A `Table` shows pandas, polars, pyarrow and arrays as named columns of numbers. Nothing
else in the package calls a method of a dataframe.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.utils import check_array

from ._eras import Rows

Name = Hashable
# Fetches columns of some rows, of shape (n_columns, n_rows); never to be written to.
Fetch = Callable[[Rows], NDArray[Any]]
# New columns: one array (n_columns, n_rows), or one a column where dtypes differ.
Values = NDArray[Any] | list[NDArray[Any]]
# The columns of an output in order, each with its position among the new ones, if any.
Layout = Sequence[tuple[Name, int | None]]

META_MODEL = "numerai_meta_model"
_IDENTIFIERS = ("id", "data_type")
_PANDAS_2 = pd.__version__.startswith("2.")
_PANDAS = (pd.Series, pd.DataFrame)


class Table(ABC):
    """Rows and columns of whatever kind; an array's columns are named 0, 1, ..."""

    named = True

    def __init__(self, native: Any, names: list[Name], n_rows: int) -> None:
        self.native = native
        self.names = names
        self.n_rows = n_rows

    @abstractmethod
    def kind(self, name: Name) -> str:
        """Return "float", "number", or the name of a dtype that is neither."""

    @abstractmethod
    def single_precision(self, name: Name) -> bool:
        """Whether a column is float32."""

    @abstractmethod
    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        """Codes of a column's labels in order of appearance (-1: none), the labels."""

    @abstractmethod
    def select(self, names: Sequence[Name]) -> Fetch:
        """Return what fetches these columns of some rows, without a copy if it can."""

    @abstractmethod
    def build(self, layout: Layout, values: Values) -> Any:
        """Make a container of the same kind and rows, with the columns of a layout."""


class _PandasTable(Table):
    def __init__(self, native: pd.DataFrame) -> None:
        super().__init__(native, list(native.columns), len(native))
        self.dtypes = dict(zip(self.names, native.dtypes, strict=True))

    def kind(self, name: Name) -> str:
        dtype = self.dtypes[name]
        if pd.api.types.is_float_dtype(dtype):
            return "float"
        number = pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c"
        return "number" if number else str(dtype)

    def single_precision(self, name: Name) -> bool:
        return bool(self.dtypes[name] == np.float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        codes, labels = pd.factorize(self.native[name])
        return codes, list(labels)

    def select(self, names: Sequence[Name]) -> Fetch:
        columns = self._keep(set(names))
        order = columns.columns.get_indexer_for(pd.Index(names))
        options = _numpy_options({self.dtypes[name] for name in names})
        return lambda rows: _rows_of(columns.iloc[rows].to_numpy(**options).T, order)

    def build(self, layout: Layout, values: Values) -> Any:
        rest = self._keep({name for name, new in layout if new is None})
        # The new columns stand together, so that one frame can be made of them at once.
        data = values.T if isinstance(values, np.ndarray) else dict(enumerate(values))
        made = pd.DataFrame(data, index=self.native.index, copy=False)
        made.columns = pd.Index([name for name, new in layout if new is not None])
        at = [new is not None for _, new in layout].index(True)
        # Not to copy is the default since pandas 3, which deprecates the argument.
        options: dict[str, Any] = {"copy": False} if _PANDAS_2 else {}
        parts = [rest.iloc[:, :at], made, rest.iloc[:, at:]]
        return pd.concat(parts, axis=1, **options)

    def _keep(self, names: set[Name]) -> pd.DataFrame:
        # Unlike a selection, dropping the other columns copies nothing.
        frame: pd.DataFrame = self.native
        return frame.drop(columns=[name for name in self.names if name not in names])


class _NarwhalsTable(Table):
    """A polars DataFrame or a pyarrow Table. Missing values are nulls, in and out."""

    def __init__(self, native: Any) -> None:
        self.frame = nw.from_native(native, eager_only=True)
        super().__init__(native, list(self.frame.columns), len(self.frame))
        self.dtypes = dict(self.frame.schema)

    def kind(self, name: Name) -> str:
        dtype = self.dtypes[str(name)]
        if dtype.is_float():
            return "float"
        return "number" if dtype.is_numeric() or dtype == nw.Boolean else str(dtype)

    def single_precision(self, name: Name) -> bool:
        return bool(self.dtypes[str(name)] == nw.Float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        column = self.frame[str(name)].to_arrow()
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        encoded = column.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return codes, encoded.dictionary.to_pylist()

    def select(self, names: Sequence[Name]) -> Fetch:
        # Beside numbers, polars has no common dtype for booleans but object.
        columns = self.frame.select(
            nw.col(str(name)).cast(nw.Int8)
            if self.dtypes[str(name)] == nw.Boolean
            else nw.col(str(name))
            for name in names
        )
        return lambda rows: columns[rows].to_numpy().T

    def build(self, layout: Layout, values: Values) -> Any:
        new = {
            str(name): pa.array(values[i], from_pandas=True)
            for name, i in layout
            if i is not None
        }
        made = nw.from_arrow(pa.table(new), backend=self.frame.implementation)
        frame = self.frame.with_columns(made[name] for name in new)
        return frame.select([str(name) for name, _ in layout]).to_native()


class _ArrayTable(Table):
    named = False

    def __init__(self, native: NDArray[Any]) -> None:
        super().__init__(native, list(range(native.shape[1])), len(native))

    def kind(self, name: Name) -> str:
        if self.native.dtype.kind not in "OUS":
            return "number"
        try:
            self.native[:, name].astype(np.float64)
        except (TypeError, ValueError):
            return str(self.native.dtype)
        return "number"

    def single_precision(self, name: Name) -> bool:
        return bool(self.native.dtype == np.float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        codes, labels = pd.factorize(self.native[:, name])
        return codes, list(labels)

    def select(self, names: Sequence[Name]) -> Fetch:
        positions = np.array(names, dtype=np.intp)

        def fetch(rows: Rows) -> NDArray[Any]:
            block = _rows_of(self.native[rows].T, positions)
            return block.astype(np.float64) if block.dtype.kind in "OUS" else block

        return fetch

    def build(self, layout: Layout, values: Values) -> Any:
        columns = [
            self.native[:, name] if i is None else values[i] for name, i in layout
        ]
        dtype = np.result_type(*(column.dtype for column in columns))
        out = np.empty((self.n_rows, len(columns)), dtype=dtype)
        for i, column in enumerate(columns):
            out[:, i] = column
        return out


def as_table(X: Any, *, object_array: bool = False) -> Table:
    """Wrap a container, or say why it cannot be used.

    ``object_array`` admits arrays of dtype object, whose era labels may be strings.
    """
    if isinstance(X, pd.DataFrame):
        table: Table = _PandasTable(X)
    elif nw.dependencies.is_polars_lazyframe(X):
        raise TypeError("X is a polars LazyFrame, without rows yet: pass X.collect()")
    elif nw.dependencies.is_into_dataframe(X):
        table = _NarwhalsTable(X)
    else:
        mixed = object_array and np.asarray(X).dtype.kind in "OUS"
        array = check_array(
            X, dtype=None if mixed else "numeric", ensure_all_finite=False
        )
        return _ArrayTable(array)
    _check_frame(table)
    return table


def _check_frame(table: Table) -> None:
    if len(set(table.names)) < len(table.names):
        twice = [name for name, count in Counter(table.names).items() if count > 1]
        raise ValueError(f"X has duplicate column names: {listed(twice)}")
    if table.n_rows == 0 or not table.names:
        raise ValueError(
            f"X has {table.n_rows} rows and {len(table.names)} columns; "
            "at least one of each is needed"
        )


def convert(native: Any, container: str, names: Sequence[str]) -> Any:
    """Turn an output into what `set_output` asked for; ``names`` are for arrays."""
    if container == "default":
        return native
    if isinstance(native, np.ndarray):
        native = pd.DataFrame(native, columns=list(names))
    frame = nw.from_native(native, eager_only=True)
    return frame.to_polars() if container == "polars" else frame.to_pandas()


def role(table: Table, name: Name, era: Name) -> str:
    """Return the role of a column: what its name or, failing that, its dtype says."""
    if name == era:
        return "era"
    if not table.named:
        return "prediction"
    text = str(name)
    for start in ("feature", "target"):
        if text.startswith(start):
            return start
    if text == META_MODEL:
        return "reference"
    if text in _IDENTIFIERS:
        return "identifier"
    return "prediction" if table.kind(name) == "float" else "other"


def columns_of_role(table: Table, wanted: str, era: Name) -> list[Name]:
    """Return the columns of one role, in their order."""
    return [name for name in table.names if role(table, name, era) == wanted]


def resolve(table: Table, columns: Any, parameter: str) -> list[Name]:
    """Return the columns that names, positions or a callable stand for."""
    if callable(columns):
        columns = columns(table.native)
    if isinstance(columns, (str, int)) or not isinstance(columns, Iterable):
        columns = [columns]
    names = [_resolve_one(table, column, parameter) for column in columns]
    if not names:
        raise ValueError(f"`{parameter}` selects no column of X")
    if len(set(names)) < len(names):
        raise ValueError(f"`{parameter}` names a column twice: {listed(names)}")
    return names


def _resolve_one(table: Table, column: Any, parameter: str) -> Name:
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool):
        if -len(table.names) <= column < len(table.names):
            return table.names[column]
        raise ValueError(
            f"`{parameter}` has position {column}, but X has {len(table.names)} columns"
        )
    if table.named and column in table.names:
        return column if not isinstance(column, np.str_) else str(column)
    if not table.named:
        raise ValueError(
            f"`{parameter}` must hold positions, as X is an array; got {column!r}"
        )
    raise ValueError(
        f"`{parameter}` names {column!r}, which X does not have; "
        f"it has {listed(table.names)}"
    )


def check_numbers(table: Table, names: Iterable[Name]) -> None:
    """Refuse columns that hold no real numbers."""
    for name in names:
        if (kind := table.kind(name)) not in ("float", "number"):
            raise ValueError(f"column {name!r} must hold numbers; its dtype is {kind}")


def aligned_target(table: Table, y: Any) -> NDArray[np.float64]:
    """Return y as floats, one a row of the table."""
    check_alignment(table, y)
    if isinstance(y, _PANDAS):
        y = y.to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.asarray(y, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"y must be one column; got an array of shape {values.shape}")
    return values


def check_alignment(table: Table, y: Any) -> None:
    """Refuse a y of other rows: another length or, both pandas, another index."""
    if len(y) != table.n_rows:
        raise ValueError(f"X has {table.n_rows} rows and y has {len(y)}")
    X = table.native
    both_pandas = isinstance(y, _PANDAS) and isinstance(X, pd.DataFrame)
    if both_pandas and not y.index.equals(X.index):
        raise ValueError(
            "y has another index than X, so their rows may not belong together: "
            "pass y.loc[X.index], or y.to_numpy() if the order is right"
        )


def listed(names: Iterable[Name], limit: int = 12) -> str:
    """Write names for a message, the first few of many."""
    names = list(names)
    text = ", ".join(repr(name) for name in names[:limit])
    return text if len(names) <= limit else f"{text} and {len(names) - limit} more"


def _numpy_options(dtypes: set[Any]) -> dict[str, Any]:
    """Arguments of pandas' `to_numpy` that give one numeric dtype, missing as NaN."""
    if all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return {"dtype": np.result_type(*dtypes)}
    return {"dtype": np.float64, "na_value": np.nan}


def _rows_of(block: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    """Pick rows of a block in some order, without a copy where that is all of them."""
    same = order.size == len(block) and (order == np.arange(order.size)).all()
    return block if same else block[order]
