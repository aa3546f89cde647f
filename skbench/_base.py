"""The contract that all estimators share: era, predict, score, tags, set_output."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from copy import copy
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._apply import Plan
from ._checks import Check, check_bounds, did_you_mean, listed
from ._eras import Eras, era_column, eras_lack, find_eras
from ._frames import (
    META_MODEL,
    Layout,
    Table,
    Values,
    aligned_target,
    as_table,
    check_alignment,
    check_numbers,
    columns_of_role,
    convert,
    n_dimensions,
    present,
    resolve,
    role,
)
from ._warnings import warn
from .kernels.rank import is_constant
from .kernels.score import numerai_corr

Name = Hashable
_CONTAINERS = ("default", "pandas", "polars")


class EraEstimator(  # type: ignore[call-arg]
    TransformerMixin, BaseEstimator, ABC, auto_wrap_output_keys=None
):
    """A transformer of prediction columns that looks at one era at a time.

    A subclass checks its parameters, chooses its columns at fit and computes new ones.
    `set_output` is our own: scikit-learn's wrapper of `transform` names the columns of
    an output by their order at fit, and ours may come in any order.
    """

    # What a parameter must be, whatever the data.
    _parameters: ClassVar[Mapping[str, Check]] = {}
    # Whether `transform` works before `fit`, on the columns that `fit` would choose.
    _stateless = True
    # The attribute without which there is nothing to transform with.
    _fitted_by = "columns_"

    @abstractmethod
    def _compute(self, table: Table, eras: Eras) -> NDArray[np.float64]:
        """Return the new columns, (n_new, n_rows)."""

    def _choose_columns(self, table: Table, era: Name) -> None:
        """Record the columns in use."""
        self.columns_ = prediction_columns(table, self.columns, era)

    def _reads(self) -> list[list[Name]]:
        """Columns that must be there, and hold numbers, in the blocks of the plan."""
        return [self.columns_]

    def _used(self) -> list[Name]:
        return [name for block in self._reads() for name in block]

    def _replaced(self, table: Table | None = None) -> list[Name]:
        """Columns that make room for the new ones, in X or as seen at fit."""
        return self.columns_

    def _dropped(self) -> list[Name]:
        """Further columns that are not in the output."""
        return []

    def _makes(self) -> dict[Name, list[Name]]:
        """Return the new columns, each with those of which it has the precision."""
        return {name: [name] for name in self.columns_}

    def _new(self) -> list[Name]:
        return list(self._makes())

    @abstractmethod
    def _plan(self) -> Plan:
        """Return the kind of the step, and the plain numbers that tell what it does."""

    def era_plan(self) -> Plan:
        """Tell in names and plain numbers what the fitted step does to an era.

        That is all that is needed to run it without a frame, or elsewhere.

        Returns
        -------
        plan : dict
            "kind" and what `skbench` needs to know of a step of that kind; "reads": the
            columns it reads, in one list or more; "makes": those it makes, each with
            the columns whose precision it takes; "drops": those that its output lacks;
            "era" and "single_era_rows", as the parameters of these names.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the step is not fitted.
        """
        self._check_fitted()
        self.check_parameters()
        makes, bounds = self._makes(), check_bounds(self.single_era_rows)
        gone = dict.fromkeys([*self._replaced(), *self._dropped()])
        return {
            **self._plan(),
            "reads": self._reads(),
            "makes": makes,
            "drops": [name for name in gone if name not in makes],
            "era": self.era,
            "single_era_rows": [_plain(end) for end in bounds],
        }

    def _single_precision(self, table: Table) -> list[bool]:
        """Whether each new column comes from float32, and so is float32."""
        found, there = [], set(table.names)
        for names in self._makes().values():
            single = [table.single_precision(n) for n in names if n in there]
            found.append(bool(single) and all(single))
        return found

    def check_parameters(self) -> None:
        """Check the parameters, as far as they can be without data.

        Raises
        ------
        ValueError
            If one cannot be used.
        """
        for name, check in self._parameters.items():
            check(name, getattr(self, name))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # The argument of this class is not inherited.
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Record the columns to work on; nothing is learned from the rows.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            Predictions, and whatever else there is; with the era column.
        y : array-like of shape (n_rows,), default=None
            Not used; a pandas object must have the index of X.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the era column or a column to work on cannot be used.

        Warns
        -----
        UserWarning
            If X has no era column, and so is taken as one era.
        """
        self.check_parameters()
        table, era = self._read(X)
        self._warn_without_eras(table, era)
        find_eras(table, era)
        if y is not None:
            check_alignment(table, y)
        self.__dict__ = self._fitted(table, era).__dict__
        return self

    def _fitted(self, table: Table, era: Name) -> Self:
        """Return a fitted copy, so that a fit that fails leaves this as it was."""
        fitted = copy(self)
        fitted._choose_columns(table, era)
        check_numbers(table, fitted._used())
        fitted._layout(table.names, fitted._replaced(table))
        fitted._record(table)
        return fitted

    def transform(self, X: Any) -> Any:
        """Replace the columns worked on; pass all others through, not copied.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            Whole eras, in any row order, with the columns in any order.

        Returns
        -------
        X_out : same kind as X, or what `set_output` asks for
            The same rows and index. New columns stand in place of the first replaced.

        Raises
        ------
        ValueError
            If a column in use is missing, or the era column cannot be used.
        """
        fitted, table, eras = self._check(X)
        return fitted._output(table, fitted._compute(table, eras))

    def predict(self, X: Any) -> NDArray[Any]:
        """Transform, and return the columns worked on as an array.

        Warns where a column is the same in all rows of an era, of which it has two or
        more.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            As for `transform`.

        Returns
        -------
        y_pred : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            One prediction a row, or one a row and column where there are several.
        """
        fitted, table, eras = self._check(X)
        computed = fitted._compute(table, eras)
        _warn_of_constants(computed, fitted._new(), eras)
        values = in_precision(computed, fitted._single_precision(table))
        return values[0] if len(values) == 1 else np.column_stack(list(values))

    def score(self, X: Any, y: Any, sample_weight: None = None) -> float:
        """Mean Numerai CORR over the eras of each column, then over the columns.

        What is scored is what `predict` returns. Eras without targets, or with fewer
        than 3 scored rows, are left out, for each column its own; a constant prediction
        scores 0. That is what `skbench.metrics.numerai_corr_scorer` gives.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            As for `transform`.
        y : array-like of shape (n_rows,)
            Targets, NaN where there is none yet.
        sample_weight : None
            Rows have no weights; here because scikit-learn's metadata routing passes
            it.

        Returns
        -------
        score : float
            The mean score.

        Raises
        ------
        ValueError
            If no era can be scored, or `sample_weight` is not None.
        """
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` must be None, as every row of an era weighs the same "
                f"and so does every era; got {type(sample_weight).__name__!r}"
            )
        fitted, table, eras = self._check(X)
        if y is None:
            raise ValueError("`score` needs the targets `y`; got None")
        target = aligned_target(table, y)
        values = fitted._compute(table, eras)
        scores = np.array(
            [numerai_corr(values[:, rows], target[rows]) for rows in eras.rows]
        )
        columns = [column[~np.isnan(column)] for column in scores.T]
        means = [column.mean() for column in columns if column.size]
        if not means:
            there = {"a target": present(target), "a prediction": present(values.T)}
            raise ValueError(f"no era can be scored: {eras_lack(eras, there)}")
        return float(np.mean(means))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the output's columns for the columns seen at fit.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names for the columns of an array; for a frame, those of fit.

        Returns
        -------
        names : ndarray of str objects
            The names, in the order of the output.
        """
        self._check_fitted()
        labels = dict(zip(self._names_in, self._labels_in(input_features), strict=True))
        layout = self._layout(self._names_in, self._replaced())
        out = [labels.get(name, name) for name, _ in layout]
        return np.asarray(out, dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container that `transform` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            "default": the kind that came in. None leaves the choice as it is.

        Returns
        -------
        self : object
            The estimator.
        """
        known = isinstance(transform, str) and transform in _CONTAINERS
        if transform is not None and not known:
            raise ValueError(
                "`transform` must be 'default', 'pandas' or 'polars'; "
                f"got {transform!r}"
            )
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Show the parameters and, once fitted, the columns in use."""
        text: str = super().__repr__(N_CHAR_MAX)
        if hasattr(self, "columns_"):
            text += f" on {listed(self.columns_)}"
        return text

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is welcome, and whether `fit` is needed."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = not self._stateless
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _warn_without_eras(self, table: Table, era: Name) -> None:
        """Warn of learning from rows that are one era for want of an era column."""
        if era is None and self.era is not None:
            warn(
                f"X has no era column {self.era!r}: its {table.n_rows} rows are taken "
                "as one era. If that is not so, a step before lost the column. Live "
                "data need no fit: `transform` and `predict` take them as one era. "
                "Pass era=None to say that all rows are one era"
            )

    def _read(self, X: Any) -> tuple[Table, Name]:
        table = as_table(X, object_array=isinstance(self.era, Integral))
        return table, era_column(table, self.era, check_bounds(self.single_era_rows))

    def _check_fitted(self) -> None:
        check_is_fitted(self, self._fitted_by)

    def _check(self, X: Any) -> tuple[Self, Table, Eras]:
        """Return the fitted estimator, and X as a table that it can work on."""
        if hasattr(self, "columns_") or not self._stateless:
            self._check_fitted()
        self.check_parameters()
        table, era = self._read(X)
        if not hasattr(self, "columns_"):
            self = self._fitted(table, era)
        self._check_names(table, self._used())
        check_numbers(table, self._used())
        return self, table, find_eras(table, era)

    def _check_names(self, table: Table, needed: Sequence[Name]) -> None:
        estimator = type(self).__name__
        if table.named != self._named:
            kinds = {True: "a frame", False: "an array"}
            raise ValueError(
                f"X is {kinds[table.named]}, but {estimator} was fitted on "
                f"{kinds[self._named]}: pass the kind of fit, which tells the columns"
            )
        if not table.named and len(table.names) != self.n_features_in_:
            raise ValueError(
                f"X has {len(table.names)} features, but {estimator} is expecting "
                f"{self.n_features_in_} features as input"
            )
        present = set(table.names)
        missing = [name for name in needed if name not in present]
        if missing:
            raise ValueError(
                f"X lacks {listed(missing)}, which {estimator} uses; "
                f"it has {listed(table.names)}{did_you_mean(missing[0], table.names)}"
            )

    def _record(self, table: Table) -> None:
        """Record the columns of X, as scikit-learn does."""
        self._named = table.named
        self._names_in = list(table.names)
        self.n_features_in_ = len(table.names)
        if table.named and all(isinstance(name, str) for name in table.names):
            self.feature_names_in_ = np.asarray(table.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _labels_in(self, input_features: Any) -> list[Name]:
        if input_features is None:
            return [name if self._named else f"x{name}" for name in self._names_in]
        if isinstance(input_features, str) or n_dimensions(input_features) != 1:
            raise ValueError(
                f"`input_features` must be a list of names; got {input_features!r}"
            )
        labels = list(input_features)
        if len(labels) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(labels)}"
            )
        if self._named and labels != self._names_in:
            raise ValueError("input_features is not equal to feature_names_in_")
        return labels

    def _layout(self, names: Sequence[Name], replaced: Collection[Name]) -> Layout:
        """Columns of the output: new ones in place of the first that they replace."""
        replaced, dropped = set(replaced), set(self._dropped())
        new: list[tuple[Name, int | None]] = [
            (name, i) for i, name in enumerate(self._new())
        ]
        layout: list[tuple[Name, int | None]] = []
        for name in names:
            if name in replaced:
                layout, new = layout + new, []
            elif name not in dropped:
                layout.append((name, None))
        layout += new  # where nothing is left to replace
        kept = {name for name, i in layout if i is None}
        if clash := [name for name in self._new() if name in kept]:
            raise ValueError(
                f"the output column {clash[0]!r} clashes with a column that passes "
                "through: rename one of them (see `output`)"
            )
        return layout

    def _output(self, table: Table, values: NDArray[np.float64]) -> Any:
        layout = self._layout(table.names, self._replaced(table))
        native = table.build(
            layout, in_precision(values, self._single_precision(table))
        )
        config = getattr(self, "_sklearn_output_config", {})
        container = config.get("transform", get_config()["transform_output"])
        names = [] if table.named else list(self.get_feature_names_out())
        return convert(native, container, names)


def _plain(number: Any) -> int | float:
    """Return a number as one of Python's own."""
    return int(number) if isinstance(number, Integral) else float(number)


def in_precision(values: NDArray[np.float64], single: Sequence[bool]) -> Values:
    """Return each row as float32 where that is what it comes from."""
    if not any(single):
        return values
    if all(single):
        return values.astype(np.float32)
    dtypes = [np.float32 if is_single else np.float64 for is_single in single]
    return [column.astype(d) for column, d in zip(values, dtypes, strict=True)]


def prediction_columns(
    table: Table, columns: Any, era: Name, without: Collection[Name] = ()
) -> list[Name]:
    """Return the columns to work on: those asked for, or else the other predictions."""
    if columns is None:
        names = columns_of_role(table, "prediction", era)
        names = [name for name in names if name not in without]
        if not names:
            raise ValueError(
                f"X with {len(table.names)} feature(s) has no prediction column "
                f"(floating-point, and not a feature, target or {META_MODEL!r}); "
                f"it has {listed(table.names)}. Name one in `columns`"
            )
        return names
    names = resolve(table, columns, "columns")
    warn_of_roles(table, names, era)
    return names


def warn_of_roles(table: Table, names: Sequence[Name], era: Name) -> None:
    """Warn of columns to work on whose names say that they are something else."""
    for name in names:
        found = role(table, name, era)
        if found == "era":
            raise ValueError(f"the era column {name!r} cannot be a prediction")
        if found not in ("prediction", "other"):
            warn(
                f"column {name!r} is used as a prediction, but by its name it is "
                f"a column of the role {found!r}"
            )


def _warn_of_constants(
    values: NDArray[np.float64], names: Sequence[Name], eras: Eras
) -> None:
    """Warn of eras in which a prediction tells no row from another."""
    constant = np.stack([is_constant(values[:, rows]) for rows in eras.rows])
    found, columns = np.nonzero(constant)
    if not found.size:
        return
    first = eras.labels[found[0]]
    of_many = "" if first is None else f", the first {first!r}"
    warn(
        f"the prediction {listed(names[i] for i in np.unique(columns))} is the same in "
        f"all rows of {np.unique(found).size} of {len(constant)} eras{of_many}: look "
        "for models that are constant there, or for features that explain them wholly"
    )
