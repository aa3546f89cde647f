"""What a dataframe is: columns and their roles, and the same kind out as came in.

A `Table` shows pandas, polars, pyarrow and arrays as named columns of numbers. Nothing
else in the package calls a method of a dataframe.
"""

import reprlib
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ._checks import HUGE, did_you_mean, listed
from ._eras import Eras, Rows, find_eras, target_days
from ._warnings import warn

Name = Hashable
# Fetches columns of some rows, of shape (n_columns, n_rows); never to be written to.
Fetch = Callable[[Rows], NDArray[Any]]
# New columns: one array (n_columns, n_rows), or one a column where dtypes differ.
Values = NDArray[Any] | list[NDArray[Any]]
# The columns of an output in order, each with its position among the new ones, if any.
Layout = Sequence[tuple[Name, int | None]]
Params = ParamSpec("Params")
Made = TypeVar("Made")

META_MODEL = "numerai_meta_model"
_IDENTIFIERS = ("id", "data_type")
_INTEGERS = ("bool", "uint8", "int8", "int16", "int32", "int64")
_TENSOR_DTYPES = (*_INTEGERS, "float16", "float32", "float64")
ALL = slice(None)
# float64 holds every whole number up to here, and beyond it every second at most.
_EXACT = 2**53
_PANDAS = (pd.Series, pd.DataFrame)


class Table(ABC):
    """Rows and columns of whatever kind; an array's columns are named 0, 1, ..."""

    named = True
    known_eras: Eras | None = None  # without a look at labels

    def __init__(self, native: Any, names: list[Name], n_rows: int) -> None:
        self.native = native
        self.names = names
        self.n_rows = n_rows

    @abstractmethod
    def kind(self, name: Name) -> str:
        """Return "float", "number", or the name of a dtype that is neither."""

    @abstractmethod
    def dtype(self, name: Name) -> Any:
        """Return the dtype of a column as pandas or numpy has it."""

    @abstractmethod
    def remedy(self, name: Name) -> str:
        """Return the code that makes a column of another dtype one of floats."""

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
        # A bool of pyarrow is none of the numeric dtypes of pandas, others are.
        return "number" if number or dtype.kind == "b" else str(dtype)

    def dtype(self, name: Name) -> Any:
        return self.dtypes[name]

    def remedy(self, name: Name) -> str:
        return f"astype({{{name!r}: 'float64'}})"

    def single_precision(self, name: Name) -> bool:
        dtype = self.dtypes[name]
        return bool(getattr(dtype, "numpy_dtype", dtype) == np.float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        return _labels_of_runs(self.native[name])

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
        names = [name for name, new in layout if new is not None]
        made.columns = pd.Index(names, name=self.native.columns.name)
        made.attrs = self.native.attrs
        at = [new is not None for _, new in layout].index(True)
        with copy_on_write():
            return pd.concat([rest.iloc[:, :at], made, rest.iloc[:, at:]], axis=1)

    def _keep(self, names: set[Name]) -> pd.DataFrame:
        frame: pd.DataFrame = self.native
        kept = np.flatnonzero([name in names for name in self.names])
        runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
        with copy_on_write():
            # Unlike a selection of columns, slices of neighbours copy nothing.
            parts = [frame.iloc[:, run[0] : run[-1] + 1] for run in runs if run.size]
            if not parts:
                return frame.iloc[:, :0]
            return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)


def copy_on_write() -> AbstractContextManager[Any]:
    """Let pandas 2 pass columns on without a copy, as pandas 3 always does."""
    if pd.__version__.startswith("2."):
        return pd.option_context("mode.copy_on_write", True)
    return nullcontext()


class ArrowTable(Table):
    """A pyarrow Table. Missing values are nulls, in and out."""

    def __init__(self, native: pa.Table) -> None:
        super().__init__(native, native.column_names, native.num_rows)

    def kind(self, name: Name) -> str:
        kind = self._type(name)
        if pa.types.is_floating(kind):
            return "float"
        return "number" if _is_arrow_number(kind) else str(kind)

    def dtype(self, name: Name) -> Any:
        return np.dtype(self._type(name).to_pandas_dtype())

    def remedy(self, name: Name) -> str:
        place = self.names.index(name)
        return f"set_column({place}, {name!r}, X[{name!r}].cast('float64'))"

    def single_precision(self, name: Name) -> bool:
        return bool(pa.types.is_float32(self._type(name)))

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        return _arrow_labels(self.native.column(str(name)), name)

    def select(self, names: Sequence[Name]) -> Fetch:
        columns = [_plain(self.native.column(str(name))) for name in names]

        def fetch(rows: Rows) -> NDArray[Any]:
            if isinstance(rows, slice):
                start, stop, _ = rows.indices(self.n_rows)
                part = [column.slice(start, stop - start) for column in columns]
            else:
                places = pa.array(rows)
                part = [column.take(places) for column in columns]
            return np.stack([column.to_numpy() for column in part])

        return fetch

    def build(self, layout: Layout, values: Values) -> Any:
        columns = {
            str(name): self.native.column(str(name))
            if i is None
            else _with_nulls(values[i])
            for name, i in layout
        }
        # The metadata restores the index of pandas.
        return pa.table(columns, metadata=self.native.schema.metadata)

    def _type(self, name: Name) -> pa.DataType:
        return self.native.schema.field(str(name)).type


class BlockTable(Table):
    """Rows of a pyarrow Table with arrays in place of the columns made since.

    What steps hand to each other where no frame is asked for: a block of new columns
    stays as it is, and no other is touched. NaN is missing.
    """

    def __init__(self, rows: pa.Table, era: Name) -> None:
        super().__init__(None, rows.column_names, rows.num_rows)
        self._rows = ArrowTable(rows)
        self.known_eras = find_eras(self._rows, era)
        self._made: dict[Name, tuple[NDArray[Any], int]] = {}

    def kind(self, name: Name) -> str:
        return "float" if name in self._made else self._rows.kind(name)

    def dtype(self, name: Name) -> Any:
        made = self._made.get(name)
        return self._rows.dtype(name) if made is None else made[0].dtype

    def remedy(self, name: Name) -> str:
        return self._rows.remedy(name)

    def single_precision(self, name: Name) -> bool:
        return bool(self.dtype(name) == np.float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        return self._rows.labels(name)

    def select(self, names: Sequence[Name]) -> Fetch:
        made = [self._made[name] for name in names if name in self._made]
        if not made:
            return self._rows.select(names)
        block, first = made[0]
        in_order = [(id(block), first + k) for k in range(len(names))]
        if [(id(own), i) for own, i in made] == in_order:
            return lambda rows: block[first : first + len(names), rows]
        columns = [self._column(name) for name in names]
        return lambda rows: np.stack([column[rows] for column in columns])

    def build(self, layout: Layout, values: Values) -> "BlockTable":
        out = copy(self)
        out.names = [name for name, _ in layout]
        kept = {name: self._made[name] for name in out.names if name in self._made}
        for name, i in layout:
            if i is not None and isinstance(values, np.ndarray):
                kept[name] = values, i
            elif i is not None:
                kept[name] = values[i][None], 0
        out._made = kept
        return out

    def to_arrow(self) -> pa.Table:
        """Return all columns, nulls where they are missing."""
        made = list(self._made)
        places = {name: i for i, name in enumerate(made)}
        layout = [(name, places.get(name)) for name in self.names]
        return self._rows.build(layout, [self._column(name) for name in made])

    def _column(self, name: Name) -> NDArray[Any]:
        if name not in self._made:
            column: NDArray[Any] = self._rows.select([name])(ALL)[0]
            return column
        block, i = self._made[name]
        return np.asarray(block[i])


class _BatchTable(ArrowTable):
    """A pyarrow RecordBatch: a table of one piece."""

    def __init__(self, native: pa.RecordBatch) -> None:
        super().__init__(pa.Table.from_batches([native]))

    def build(self, layout: Layout, values: Values) -> Any:
        table = super().build(layout, values).combine_chunks()
        return table.to_batches()[0]


def _with_nulls(values: NDArray[Any]) -> pa.Array:
    """Return values as they are where none is missing, and else a copy."""
    return pa.array(values, from_pandas=bool(np.isnan(values).any()))


def _is_arrow_number(kind: pa.DataType) -> bool:
    of = pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal
    return any(is_one(kind) for is_one in of)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as numbers for which numpy has a dtype, not just objects."""
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    wide = pa.types.is_decimal(column.type)
    return column.cast(pa.float64()) if wide else column


def _arrow_labels(
    column: pa.ChunkedArray, name: Name
) -> tuple[NDArray[Any], list[Hashable]]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    try:
        # The rows of an era mostly stand together: a label is looked up once a run.
        runs = pc.run_end_encode(column.combine_chunks())
        encoded = runs.values.dictionary_encode()
    except pa.ArrowNotImplementedError as error:
        raise ValueError(f"column {name!r} must hold labels: {error}") from error
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    lengths = np.diff(runs.run_ends.to_numpy(), prepend=0)
    return np.repeat(codes, lengths), encoded.dictionary.to_pylist()


class _NarwhalsTable(Table):
    """A polars DataFrame. Missing values are nulls, in and out."""

    def __init__(self, native: Any) -> None:
        self.frame = nw.from_native(native, eager_only=True)
        super().__init__(native, list(self.frame.columns), len(self.frame))
        self.dtypes = dict(self.frame.schema)

    def kind(self, name: Name) -> str:
        dtype = self.dtypes[str(name)]
        if dtype.is_float():
            return "float"
        number = dtype.is_numeric() or dtype == nw.Boolean
        return "number" if number else str(dtype)

    def dtype(self, name: Name) -> Any:
        return self.frame[str(name)].head(0).to_numpy().dtype

    def remedy(self, name: Name) -> str:
        if self.dtypes[str(name)] == nw.Object:
            values = f"X[{name!r}].to_list(), dtype=pl.Float64"
            return f"with_columns(pl.Series({name!r}, {values}))"
        return f"with_columns(pl.col({name!r}).cast(pl.Float64))"

    def single_precision(self, name: Name) -> bool:
        return bool(self.dtypes[str(name)] == nw.Float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        column = self.frame[str(name)].to_arrow()
        return _arrow_labels(pa.chunked_array([column]), name)

    def select(self, names: Sequence[Name]) -> Fetch:
        columns = self.frame.select(self._plain(str(name)) for name in names)
        return lambda rows: columns[rows].to_numpy().T

    def _plain(self, name: str) -> nw.Expr:
        """Return a column as numbers for which numpy has a dtype, not just objects."""
        column, dtype = nw.col(name), self.dtypes[name]
        if dtype == nw.Boolean:
            return column.cast(nw.Int8)
        wide = dtype.is_decimal() or dtype in (nw.Int128, nw.UInt128)
        return column.cast(nw.Float64) if wide else column

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
        if self.native.dtype.kind == "f":
            return "float"
        if self.native.dtype.kind not in "OUS":
            return "number"
        try:
            self.native[:, name].astype(np.float64)
        except (TypeError, ValueError):
            return str(self.native.dtype)
        return "number"

    def dtype(self, name: Name) -> Any:
        return self.select([name])(slice(0)).dtype

    def remedy(self, name: Name) -> str:
        return "astype('float64')"

    def single_precision(self, name: Name) -> bool:
        return bool(self.native.dtype == np.float32)

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        codes, labels = factorize(self.native[:, name], name)
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


class _TensorTable(Table):
    """A torch tensor, on whatever device. What is fetched of it is on the CPU."""

    named = False

    def __init__(self, native: Any, name: str) -> None:
        if str(native.dtype).removeprefix("torch.") not in _TENSOR_DTYPES:
            raise TypeError(
                f"{name} is a tensor of {native.dtype}: convert it to torch.float64"
            )
        if native.ndim != 2 or "strided" not in str(native.layout):
            raise ValueError(
                f"{name} must be a dense tensor of two dimensions; got shape "
                f"{tuple(native.shape)}, layout {native.layout}"
            )
        if native.requires_grad:
            raise ValueError(
                f"{name} requires a gradient, which ends here: pass {name}.detach()"
            )
        super().__init__(native, list(range(native.shape[1])), len(native))

    def kind(self, name: Name) -> str:
        return "float" if self.native.is_floating_point() else "number"

    def dtype(self, name: Name) -> Any:
        return self.select([name])(slice(0)).dtype

    def remedy(self, name: Name) -> str:
        return "double()"

    def single_precision(self, name: Name) -> bool:
        return str(self.native.dtype) == "torch.float32"

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        codes, labels = pd.factorize(to_host(self.native[:, name]))
        return codes, list(labels)

    def select(self, names: Sequence[Name]) -> Fetch:
        return lambda rows: to_host(self.native[rows][:, list(names)].T)

    def build(self, layout: Layout, values: Values) -> Any:
        import torch

        single = self.native.dtype == torch.float32
        dtype = torch.float32 if single else torch.float64
        shape = self.n_rows, len(layout)
        out = torch.empty(shape, dtype=dtype, device=self.native.device)
        for at, (name, i) in enumerate(layout):
            column = self.native[:, name] if i is None else torch.as_tensor(values[i])
            out[:, at] = column
        return out


def is_frame(X: Any) -> bool:
    """Whether this is a container of named columns."""
    return isinstance(X, pa.RecordBatch) or nw.dependencies.is_into_dataframe(X)


def to_arrow(X: Any, name: str) -> pa.Table:
    """Return a frame as a table; the index of pandas is a column, as in its files."""
    if isinstance(X, pa.RecordBatch):
        X = pa.Table.from_batches([X])
    table = as_table(X, name=name)
    if not table.named:
        raise TypeError(f"{name} must be a frame; got {type(X).__name__}")
    if isinstance(X, pd.DataFrame):
        return pa.Table.from_pandas(X)
    return nw.from_native(X, eager_only=True).to_arrow()


def unmasked(values: Any) -> Any:
    """Return a masked array as a plain one, NaN where it is masked; others as is."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return values.data
    kind = values.dtype.kind
    dtype = {"b": "f8", "i": "f8", "u": "f8", "f": values.dtype}.get(kind, object)
    return np.ma.filled(values.astype(dtype), np.nan)


def is_tensor(X: Any) -> bool:
    """Whether this is a torch tensor, without importing torch to know."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(X, torch.Tensor)


def to_host(tensor: Any) -> NDArray[Any]:
    """Return a tensor as an array, which shares its memory if it can."""
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def as_table(X: Any, *, object_array: bool = False, name: str = "X") -> Table:
    """Wrap a container, or say why it cannot be used.

    ``object_array`` admits arrays of dtype object, whose era labels may be strings.
    ``name`` is what a message calls the container.
    """
    if isinstance(X, Table):
        return X
    if isinstance(X, pd.DataFrame):
        table: Table = _PandasTable(X)
    elif nw.dependencies.is_polars_lazyframe(X):
        raise TypeError(
            f"{name} is a polars LazyFrame, without rows yet: pass {name}.collect()"
        )
    elif isinstance(X, pa.Table):
        table = ArrowTable(X)
    elif isinstance(X, pa.RecordBatch):
        table = _BatchTable(X)
    elif nw.dependencies.is_into_dataframe(X):
        table = _NarwhalsTable(X)
    elif is_tensor(X):
        table = _TensorTable(X, name)
    else:
        return _ArrayTable(_checked_array(X, object_array, name))
    _check_frame(table, name)
    return table


def _checked_array(X: Any, object_array: bool, name: str) -> NDArray[Any]:
    """Return an array of two dimensions; scikit-learn's own words where it is X."""
    from sklearn.utils import check_array  # half a second that files do without

    X = unmasked(X)
    try:
        mixed = np.asarray(X).dtype.kind in "OUS"
        if mixed and name == "X" and not object_array:
            _refuse_text(np.asarray(X))
        array: NDArray[Any] = check_array(
            X,
            dtype=None if mixed and object_array else "numeric",
            ensure_all_finite=False,
        )
    except (TypeError, ValueError) as error:
        if name == "X" and "inhomogeneous" not in str(error):
            raise
        raise type(error)(f"{name} cannot be used: {error}") from error
    return array


def _refuse_text(X: NDArray[Any]) -> None:
    """Refuse an array of which text may be the eras, and would pass as numbers."""
    text = next((value for value in X.flat if isinstance(value, str)), None)
    if text is not None:
        raise ValueError(
            f"X is an array that holds text, {str(text)!r}: pass a frame, whose "
            "columns have names, or the position of the era column as `era`"
        )


def as_column(values: Any, name: str, argument: str | None = None) -> Table:
    """Wrap a series or sequence of labels as a table of one column.

    ``name`` is that of the column, and what a message calls it without ``argument``.
    """
    argument = f"`{argument or name}`"
    values = unmasked(values)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return as_table(pa.table({name: values}), name=argument)
    if nw.dependencies.is_into_series(values):
        series = nw.from_native(values, series_only=True)
        return as_table(series.alias(name).to_frame().to_native(), name=argument)
    check_one_dimension(values, argument)
    series = _as_series(values, argument)
    return as_table(pd.DataFrame({name: series}), name=argument)


def _as_series(values: Any, argument: str, *, infer: bool = False) -> pd.Series:
    try:
        series = pd.Series(values)
        return series.infer_objects() if infer else series
    except OverflowError as error:  # pandas 2
        raise ValueError(f"{argument} must hold numbers or labels: {error}") from error


def check_one_dimension(values: Any, argument: str) -> None:
    """Refuse what is no one column as an array."""
    if n_dimensions(values) != 1:
        raise ValueError(
            f"{argument} must be one column of values; got {type(values).__name__} "
            f"{reprlib.repr(values)}"
        )


def n_dimensions(values: Any) -> int:
    """Return the dimensions of values as an array, 0 for what is no plain array."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of several lengths
        return 0
    return 0 if array.dtype.names else array.ndim


def as_columns(values: Any, name: str, default: str | None = None) -> Table:
    """Wrap a frame, or one column: under its own name, if it has one.

    ``name`` is what a message calls it, and ``default`` (else ``name``) what a column
    without a name is called.
    """
    default = default or name
    if isinstance(values, Table):
        return values
    values = unmasked(values)
    if is_tensor(values):
        if values.ndim == 2 and values.shape[1] != 1:
            return as_table(values, name=f"`{name}`")
        values = to_host(values)
    if isinstance(values, pd.Series):
        own = default if values.name is None else values.name
        return as_table(values.to_frame(own), name=f"`{name}`")
    lazy = nw.dependencies.is_polars_lazyframe(values)
    if lazy or is_frame(values):
        return as_table(values, name=f"`{name}`")
    if n_dimensions(values) == 2:
        values = np.asarray(values)
        if values.shape[1] != 1:
            return as_table(values, name=f"`{name}`")
        values = values[:, 0]
    if isinstance(values, np.ndarray) and values.dtype == object:
        # Numbers, if that is what they are.
        values = _as_series(values, f"`{name}`", infer=True)
    return as_column(values, getattr(values, "name", None) or default, name)


def pick(table: Table, names: Sequence[Name]) -> Any:
    """Return some columns as a container of the same kind."""
    if isinstance(table.native, pd.DataFrame):
        return table.native[list(names)]
    if not table.named:
        return table.native[:, np.array(names, dtype=np.intp)]
    return (
        nw.from_native(table.native).select([str(name) for name in names]).to_native()
    )


def without(table: Table, name: Name) -> Any:
    """Return a container without one column; pandas copies none of the others."""
    kept = [other for other in table.names if other != name]
    if isinstance(table, _PandasTable):
        return table._keep(set(kept))
    return pick(table, kept)


def like_rows(X: Any, values: NDArray[Any], name: str) -> Any:
    """Return values of the rows of X, with its index if it is a pandas frame."""
    if not isinstance(X, pd.DataFrame):
        return values
    if values.ndim == 1:
        return pd.Series(values, index=X.index, name=name)
    return pd.DataFrame(values, index=X.index)


def row_labels(values: Any) -> list[Hashable]:
    """Return the index of a pandas object; without one, the rows count from 0."""
    return list(values.index) if isinstance(values, _PANDAS) else [*range(len(values))]


def at_labels(values: Any, labels: Sequence[Hashable], name: str) -> NDArray[Any]:
    """Return one column at the labels of rows, NaN where it has none.

    A pandas object is read by its index, anything else by position.
    """
    table = as_columns(values, name)
    check_numbers(table, table.names)
    check_one_column(table, name)
    block = table.select(table.names)(slice(0, table.n_rows))
    column: NDArray[np.float64] = block[0].astype(np.float64)
    if not isinstance(values, _PANDAS):
        if len(column) != len(labels):
            raise ValueError(
                f"`{name}` must have one value a row; got {len(column)} for "
                f"{len(labels)} rows"
            )
        return column
    if values.index.has_duplicates:
        twice = list(values.index[values.index.duplicated()].unique())
        raise ValueError(f"`{name}` has several values for {listed(twice)}")
    places = values.index.get_indexer(pd.Index(labels))
    if (places < 0).all():
        raise ValueError(
            f"`{name}` has no value for any of {listed(labels)}; "
            f"it has {listed(values.index)}"
        )
    return np.where(places < 0, np.nan, column[places])


def take(values: Any, rows: NDArray[np.intp]) -> Any:
    """Return some rows of a frame, series or array, of the same kind."""
    if isinstance(values, _PANDAS):
        return values.iloc[rows]
    if is_tensor(values):
        return values[rows]
    if isinstance(values, pa.RecordBatch):
        return values.take(pa.array(rows))
    if nw.dependencies.is_into_dataframe(values) or nw.dependencies.is_into_series(
        values
    ):
        native = nw.from_native(values, eager_only=True, allow_series=True)
        return native[rows].to_native()
    return np.asarray(unmasked(values))[rows]


def _check_frame(table: Table, name: str) -> None:
    if len(set(table.names)) < len(table.names):
        twice = [name for name, count in Counter(table.names).items() if count > 1]
        raise ValueError(f"{name} has duplicate column names: {listed(twice)}")
    if table.n_rows == 0 or not table.names:
        raise ValueError(
            f"{name} has {table.n_rows} rows and {len(table.names)} columns; "
            "at least one of each is needed"
        )


def convert(native: Any, container: str, names: Sequence[str]) -> Any:
    """Turn an output into what `set_output` asked for; ``names`` are for arrays."""
    if container == "default":
        return native
    native = native.to_arrow() if isinstance(native, BlockTable) else native
    native = to_host(native) if is_tensor(native) else native
    if isinstance(native, pa.RecordBatch):
        native = pa.Table.from_batches([native])
    if isinstance(native, np.ndarray):
        native = pd.DataFrame(native, columns=list(names))
    frame = nw.from_native(native, eager_only=True)
    return frame.to_polars() if container == "polars" else frame.to_pandas()


def keeps_kind(function: Callable[Params, Made]) -> Callable[Params, Made]:
    """Let a function that makes pandas frames return the kind of its arguments.

    That of the first of them that is a frame or series; pandas if none is. A kind
    without an index has it as the first column, and null where a number is missing. To
    a type checker the result is of pandas.
    """

    @wraps(function)
    def call(*args: Params.args, **options: Params.kwargs) -> Made:
        made: Any = function(*args, **options)
        backend = _backend_of([*args, *options.values()])
        if backend is not None and isinstance(made, Mapping):
            made = {name: _in_kind(frame, backend) for name, frame in made.items()}
        elif backend is not None:
            made = _in_kind(made, backend)
        return cast("Made", made)

    return call


def _backend_of(values: Iterable[Any]) -> Any:
    """Return what narwhals calls the kind of the first frame or series, if not pandas.

    A mapping stands for what it holds.
    """
    for value in values:
        if isinstance(value, Mapping):
            if (backend := _backend_of(value.values())) is not None:
                return backend
        elif isinstance(value, _PANDAS):
            return None
        elif isinstance(value, (pa.RecordBatch, pa.Array)):
            return nw.Implementation.PYARROW
        elif is_frame(value) or nw.dependencies.is_into_series(value):
            native = nw.from_native(value, eager_only=True, allow_series=True)
            return native.implementation
    return None


def _in_kind(frame: Any, backend: Any) -> Any:
    """Return a pandas frame in another kind; a nested header in one level."""
    if not isinstance(frame, pd.DataFrame):
        return frame  # converted within
    if has_name(frame.columns, frame.index.name):
        raise ValueError(
            f"a column is called {frame.index.name!r}, as the one that names the rows "
            "of the result: leave it out, or rename it"
        )
    several = frame.columns.nlevels > 1
    names = [
        " / ".join(map(str, name)) if several else str(name) for name in frame.columns
    ]
    flat = frame.set_axis(names, axis=1).reset_index(drop=frame.index.name is None)
    table = pa.Table.from_pandas(flat, preserve_index=False)
    return nw.from_arrow(table.replace_schema_metadata(), backend=backend).to_native()


def indexed(values: Any, column: str) -> Any:
    """Return a frame of a kind without an index as pandas, a column as its index.

    Whatever has no such column, or is no such frame, stays as it is.
    """
    if isinstance(values, pd.DataFrame) or not is_frame(values):
        return values
    native = values
    if hasattr(values, "replace_schema_metadata"):  # pyarrow's, of another index
        native = values.replace_schema_metadata()
    frame = convert(native, "pandas", [])
    return frame.set_index(column) if column in frame else values


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


def feature_columns(table: Table, era: Name, parameter: str) -> list[Name]:
    """Return the feature columns, where ``parameter`` names none."""
    names = columns_of_role(table, "feature", era)
    if not names:
        raise ValueError(
            "X has no column whose name starts with 'feature'; it has "
            f"{listed(table.names)}. Name the columns in `{parameter}`"
        )
    return names


def resolve(table: Table, columns: Any, parameter: str) -> list[Name]:
    """Return the columns that names, positions or a callable stand for."""
    if callable(columns):
        columns = columns(table.native)
    if isinstance(columns, (str, int)) or not isinstance(columns, Iterable):
        columns = [columns]
    elif isinstance(columns, np.ndarray) and columns.ndim == 0:
        columns = [columns.item()]
    present = set(table.names)
    names = [_resolve_one(table, present, column, parameter) for column in columns]
    if not names:
        raise ValueError(f"`{parameter}` selects no column of X")
    if len(set(names)) < len(names):
        raise ValueError(f"`{parameter}` names a column twice: {listed(names)}")
    return names


def _resolve_one(
    table: Table, present: Collection[Name], column: Any, parameter: str
) -> Name:
    if not isinstance(column, Hashable):
        raise ValueError(
            f"`{parameter}` must hold names or positions of columns; got {column!r}"
        )
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool):
        if -len(table.names) <= column < len(table.names):
            return table.names[column]
        raise ValueError(
            f"`{parameter}` has position {column}, but X has {len(table.names)} columns"
        )
    if table.named and column in present:
        return column if not isinstance(column, np.str_) else str(column)
    if not table.named:
        raise ValueError(
            f"`{parameter}` must hold positions, as X is an array; got {column!r}"
        )
    raise ValueError(
        f"`{parameter}` names {column!r}, which X does not have; "
        f"it has {listed(table.names)}{did_you_mean(column, table.names)}"
    )


def resolve_names(table: Table, names: Sequence[Any], parameter: str) -> list[Name]:
    """Return the columns that the keys of a mapping stand for (array: positions)."""
    if table.named and (absent := [n for n in names if n not in set(table.names)]):
        raise ValueError(
            f"`{parameter}` names {listed(absent)}, which X does not have; "
            f"it has {listed(table.names)}{did_you_mean(absent[0], table.names)}"
        )
    if table.named and names:
        return list(names)
    return resolve(table, names, parameter)


def has_name(names: Iterable[Name], name: Any) -> bool:
    """Whether something is one of these names; it may be anything at all."""
    try:
        return name in set(names)
    except TypeError:  # not hashable
        return False


def as_mapping(values: Any) -> Any:
    """Return a pandas Series as the mapping that its index makes of it."""
    return values.to_dict() if isinstance(values, pd.Series) else values


def check_named(table: Table, name: str) -> None:
    """Refuse an array, whose columns have no names to find them by."""
    if not table.named:
        raise ValueError(
            f"{name} must be a frame, whose columns have names; got an array of shape "
            f"{tuple(table.native.shape)}"
        )


def check_one_column(table: Table, name: str) -> None:
    """Refuse several columns where one is asked for."""
    if len(table.names) > 1:
        raise ValueError(f"`{name}` must be one column; got {listed(table.names)}")


def check_numbers(table: Table, names: Iterable[Name]) -> None:
    """Refuse columns that hold no real numbers."""
    for name in names:
        if (kind := table.kind(name)) not in ("float", "number"):
            raise ValueError(
                f"column {name!r} must hold numbers; its dtype is {kind}: if they are "
                f"numbers, convert it with {table.remedy(name)}"
            )


def warn_of_ties(table: Table, names: Iterable[Name]) -> None:
    """Warn of columns to be ranked that hold integers too large for float64."""
    for name in names:
        if _loses_integers(table, name):
            warn(
                f"column {name!r} holds integers beyond 2**53 (9e15), which float64 "
                "cannot tell from their neighbours, so that these tie: subtract a "
                "number near to them all, or rank them as integers first"
            )


def _loses_integers(table: Table, name: Name) -> bool:
    """Whether a column holds whole numbers that float64 takes for one another."""
    if table.kind(name) == "float":
        return False
    values = table.select([name])(slice(None))[0]
    if values.dtype.kind != "f":
        return bool(int(values.max()) > _EXACT or int(values.min()) < -_EXACT)
    # Rounded already, where there are gaps: what was beyond may now be at the bound.
    return bool((np.isfinite(values) & (np.abs(values) >= _EXACT)).any())


def too_large(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether floats are infinite, or so large that sums of their squares are."""
    large: NDArray[np.bool_]
    large = np.isinf(values) if values.dtype != np.float64 else abs(values) > HUGE
    return large


def aligned_target(table: Table, y: Any, argument: str = "y") -> NDArray[np.float64]:
    """Return y as floats, one a row of the table."""
    check_alignment(table, y)
    values = as_floats(y, argument)
    if infinite := int(too_large(values).sum()):
        raise ValueError(
            f"{argument} has {infinite} infinite or huge values: the targets must be "
            "finite"
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"{argument} must be one column; got an array of shape {values.shape}"
        )
    return values


def several_columns(y: Any) -> Table | None:
    """Return y as a table where it has several columns; None where it has one."""
    y = to_host(y) if is_tensor(y) else y
    if not (isinstance(y, Table) or is_frame(y) or n_dimensions(y) == 2):
        return None
    table = as_columns(y, "y")
    return table if len(table.names) > 1 else None


def as_floats(values: Any, argument: str) -> NDArray[np.float64]:
    """Return numbers as an array of float64, NaN where they are missing."""
    values = to_host(values) if is_tensor(values) else unmasked(values)
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":
            raise TypeError("they are complex")
        if isinstance(values, _PANDAS):
            array = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return array.astype(np.float64, copy=False)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{argument} must hold numbers: {error}") from error


def check_alignment(table: Table, y: Any) -> None:
    """Refuse a y of other rows: another length or, both pandas, another index."""
    try:
        n_rows = len(y) if hasattr(y, "__len__") else len(np.asarray(y))
    except TypeError:
        raise ValueError(f"y must hold one target a row; got {y!r}") from None
    if n_rows != table.n_rows:
        raise ValueError(f"X has {table.n_rows} rows and y has {n_rows}")
    check_index(table.native, y, "y")


def check_index(X: Any, other: Any, name: str) -> None:
    """Refuse, where both are pandas, another index than that of X."""
    both_pandas = isinstance(other, _PANDAS) and isinstance(X, _PANDAS)
    if both_pandas and not other.index.equals(X.index):
        raise ValueError(
            f"{name} has another index than X, so their rows may not belong together: "
            f"pass {name}.loc[X.index], or {name}.to_numpy() if the order is right"
        )


def present(values: Any) -> NDArray[np.bool_]:
    """Whether each row has a value; of several columns, in any of them."""
    array = to_host(values) if is_tensor(values) else np.asarray(unmasked(values))
    missing = np.asarray(pd.isna(array)).reshape(len(array), -1)
    return np.asarray(~missing.all(axis=1))


def target_name(X: Any, y: Any) -> str | None:
    """Return the name of y; for the alias "target", that of the column it stands for.

    Numerai's files have a column "target" that is a copy of another. Of several that
    equal it, the one that looks furthest ahead counts.
    """
    return meant_target(X, y, name_of(y))


def meant_target(X: Any, values: Any, name: str | None) -> str | None:
    """Return which target a name and values stand for, as `target_name` says."""
    if name != "target" or not is_frame(X):
        return name
    return furthest(copies_of(X, values), name)


def copies_of(X: Any, y: Any) -> list[str]:
    """Return the targets in a frame, other than its column "target", that equal y."""
    table = as_table(X)
    return [
        str(other)
        for other in columns_of_role(table, "target", None)
        if other != "target"
        and table.kind(other) in ("float", "number")
        and equal_columns(table.select([other])(ALL)[0], y)
    ]


def furthest(targets: Iterable[str], default: str) -> str:
    """Return the target that looks furthest ahead, or the default where there is none.

    Of several that look as far, it is the first.
    """
    return max(targets, key=lambda name: target_days(name) or 0, default=default)


def equal_columns(column: Any, values: Any) -> bool:
    """Whether two columns of numbers are one, missing where the other is."""
    column, values = np.asarray(column), np.asarray(values).ravel()
    if values.dtype.kind == "O":  # of nullable numbers
        values = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(float)
    same_kind = values.dtype.kind in "biuf"
    return same_kind and np.array_equal(column, values, equal_nan=True)


def name_of(y: Any) -> str | None:
    """Return the name of a column, if it has one; it may come as a frame of one."""
    if is_frame(y) or isinstance(y, Table):
        table = as_columns(y, "y")
        return str(table.names[0]) if table.named and len(table.names) == 1 else None
    name = getattr(y, "name", None)
    return None if name is None else str(name)


def check_same_rows(inputs: Mapping[str, Any]) -> None:
    """Refuse inputs of different lengths or, where they are pandas, indexes."""
    (first, values), *others = inputs.items()
    for name, other in others:
        if len(other) != len(values):
            raise ValueError(
                f"`{first}` has {len(values)} rows and `{name}` has {len(other)}"
            )
    pandas = [name for name, values in inputs.items() if isinstance(values, _PANDAS)]
    for name in pandas[1:]:
        if not inputs[name].index.equals(inputs[pandas[0]].index):
            raise ValueError(
                f"`{name}` has another index than `{pandas[0]}`, so their rows may not "
                f"belong together: pass `{name}` in the order of `{pandas[0]}`, or "
                "its to_numpy() if the order is right"
            )


def _numpy_options(dtypes: set[Any]) -> dict[str, Any]:
    """Arguments of pandas' `to_numpy` that give one numeric dtype, missing as NaN."""
    if all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return {"dtype": np.result_type(*dtypes)}
    return {"dtype": np.float64, "na_value": np.nan}


def factorize(values: Any, name: Name) -> tuple[NDArray[Any], Any]:
    """Return `pandas.factorize` of a column, whose labels must be hashable."""
    try:
        return pd.factorize(values)
    except TypeError as error:
        raise ValueError(f"column {name!r} must hold labels: {error}") from error


def _labels_of_runs(column: pd.Series) -> tuple[NDArray[Any], list[Hashable]]:
    """Codes of text labels, looked up once a run of rows that share one.

    The rows of an era mostly stand together, and to compare neighbours is several times
    faster than to look each label up.
    """
    starts = _starts_of_runs(column)
    if starts is None or 4 * starts.size > column.size:
        codes, labels = factorize(column, column.name)
        return codes, list(labels)
    codes, labels = factorize(column.iloc[starts], column.name)
    lengths = np.diff(np.append(starts, column.size))
    return np.repeat(codes, lengths), list(labels)


def _starts_of_runs(column: pd.Series) -> NDArray[np.intp] | None:
    """Rows whose label is not that of the row before; None where it may not be asked.

    Of other dtypes some are as quickly looked up, and some compare to neither true nor
    false where a label is missing.
    """
    values: Any = column.array
    if column.dtype == object:
        if pd.api.types.infer_dtype(column, skipna=False) != "string":
            return None
        values = column.to_numpy()
    elif column.dtype != "str":
        return None
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def _rows_of(block: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    """Pick rows of a block in some order, without a copy where that is all of them."""
    same = order.size == len(block) and (order == np.arange(order.size)).all()
    return block if same else block[order]
