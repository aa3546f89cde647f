"""The dot product of predictions with weights: `WeightedEnsemble`."""

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ._apply import Plan, apply
from ._base import EraEstimator, prediction_columns
from ._checks import Check, check_name, is_number, is_several, listed, one_of
from ._eras import Eras
from ._frames import Table, as_mapping, columns_of_role, resolve_names

Name = Hashable


def _check_weights(parameter: str, value: Any) -> None:
    if value is not None and not is_several(value):
        raise ValueError(
            f"`{parameter}` must be a mapping from column to weight, a sequence or "
            f"None; got {value!r}"
        )


class WeightedEnsemble(EraEstimator):
    r"""Blend prediction columns into one by given weights.

    .. math:: b_i = \sum_j w_j x_{ij}

    Weights are used as they are given, not normalised. A column of weight 0 is never
    read. The output takes the place of every prediction column, also of those without
    a weight. Columns should be standardised first, as `EraRankGauss` does.

    Missing values follow ``nan_policy``; infinite ones are an error.

    Parameters
    ----------
    weights : mapping or sequence of float, default=None
        Weight of each column: a mapping from name (from position, for an array), which
        also names the columns to use, or a sequence in column order. None: equal
        weights that sum to one.
    columns : str, int, list of these or callable, default=None
        Columns to blend: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: those that ``weights``
        names, or else every prediction column.
    output : str, default="prediction"
        Name of the output column.
    nan_policy : {"propagate", "omit", "raise"}, default="propagate"
        What a missing value does to its row: the blend is missing; or the other weights
        are rescaled so that their absolute sum is kept, and a row without any value is
        missing; or an error.
    era : str, int or None, default="era"
        The era column: its name, or its position in an array. None: all rows are one
        era.
    single_era_rows : tuple of (float, float), default=(1800, 10000)
        A frame without the era column is taken as one era if its row count lies
        between these.

    Attributes
    ----------
    weights_ : dict of str or int to float
        Weight of each column, in column order.
    columns_ : list of str or int
        The columns that have a weight, be it 0.
    n_features_in_ : int
        Number of columns of X at fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X at fit, where all are strings.

    References
    ----------
    Numerai, "Benchmark Models": the weights vector of the ensembles.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench import WeightedEnsemble
    >>> X = pd.DataFrame({"era": ["0001", "0001"], "a": [1.0, -1.0], "b": [0.0, 2.0]})
    >>> WeightedEnsemble({"a": 0.5, "b": 0.25}).fit_transform(X)
        era  prediction
    0  0001         0.5
    1  0001         0.0
    """

    # Equal weights depend on which columns there were at fit.
    _stateless = False

    _parameters: ClassVar[Mapping[str, Check]] = {
        "nan_policy": one_of("propagate", "omit", "raise"),
        "output": check_name,
        "weights": _check_weights,
    }

    def __init__(
        self,
        weights: Any = None,
        *,
        columns: Any = None,
        output: str = "prediction",
        nan_policy: str = "propagate",
        era: Any = "era",
        single_era_rows: tuple[float, float] = (1800, 10000),
    ) -> None:
        self.weights = weights
        self.columns = columns
        self.output = output
        self.nan_policy = nan_policy
        self.era = era
        self.single_era_rows = single_era_rows

    def _choose_columns(self, table: Table, era: Name) -> None:
        columns = self._blended(table, era)
        self.weights_ = self._weights_of(table, columns)
        self.columns_ = list(self.weights_)
        if self.columns is None:
            columns = columns_of_role(table, "prediction", era) + self.columns_
        self._inputs = list(dict.fromkeys(columns))

    def _blended(self, table: Table, era: Name) -> list[Name]:
        """Columns to blend, in column order."""
        columns: Any = self.columns
        weights = as_mapping(self.weights)
        if columns is None and isinstance(weights, Mapping):
            named = set(resolve_names(table, list(weights), "weights"))
            columns = [i for i, name in enumerate(table.names) if name in named]
        return prediction_columns(table, columns, era)

    def _weights_of(self, table: Table, columns: list[Name]) -> dict[Name, float]:
        if self.weights is None:
            return dict.fromkeys(columns, 1.0 / len(columns))
        weights = as_mapping(self.weights)
        if isinstance(weights, Mapping):
            names = resolve_names(table, list(weights), "weights")
            given = dict(zip(names, weights.values(), strict=True))
            if other := [name for name in given if name not in columns]:
                raise ValueError(
                    f"`weights` names {listed(other)}, which `columns` leaves out"
                )
            columns = [name for name in columns if name in given]
        else:
            values = list(weights)
            if len(values) != len(columns):
                raise ValueError(
                    f"`weights` must have one weight for each of the {len(columns)} "
                    f"columns {listed(columns)}; got {len(values)}"
                )
            given = dict(zip(columns, values, strict=True))
        return {name: _checked_weight(name, given[name]) for name in columns}

    def _blends(self) -> dict[Name, dict[Name, float]]:
        """Return the weights of each blend, by the column that it becomes."""
        return {self.output: self.weights_}

    def _reads(self) -> list[list[Name]]:
        blends = self._blends().values()
        return [[c for c in self.columns_ if any(of[c] != 0 for of in blends)]]

    def _replaced(self, table: Table | None = None) -> list[Name]:
        if table is None or self.columns is not None:
            return self._inputs
        # Also a model that is new in X: it is not used, and makes room all the same.
        return self._inputs + columns_of_role(table, "prediction", self.era)

    def _makes(self) -> dict[Name, list[Name]]:
        return {
            output: [name for name, weight in blend.items() if weight] or self.columns_
            for output, blend in self._blends().items()
        }

    def _plan(self) -> Plan:
        used, blends = self._used(), self._blends().values()
        weights: list[Any] = [[float(blend[c]) for c in used] for blend in blends]
        if len(weights) == 1:
            (weights,) = weights
        return {"kind": "blend", "weights": weights, "nan_policy": self.nan_policy}

    def _compute(self, table: Table, eras: Eras) -> NDArray[np.float64]:
        names = self._used()
        block = np.empty((0, table.n_rows))
        if names:
            # What becomes of a row is told by that row: all eras are one block.
            block = table.select(names)(slice(None))
        return apply(self.era_plan(), block)


def _checked_weight(name: Name, weight: Any) -> float:
    if not is_number(weight) or not np.isfinite(float(weight)):
        raise ValueError(
            f"`weights` must be finite numbers; got {weight!r} for column {name!r}"
        )
    return float(weight)
