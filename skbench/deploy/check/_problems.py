"""What can be wrong with a submission, in words that say how to mend it."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._frames import ALL, Name, Table, too_large
from skbench.tournament import several_eras

from ._plain import is_plain

Floats = NDArray[np.float64]

ID, ERA, PREDICTION = "id", "era", "prediction"

# Values that differ by less are one value and the rounding of it.
_SPREAD = 1e-9
_MIN_DISTINCT = 10


def refuse(problems: Sequence[str], what: str) -> None:
    """Raise one error that lists all problems, if there are any."""
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        lines = "".join(f"\n- {problem}" for problem in problems)
        raise ValueError(f"{what} cannot be submitted, it has {count}:{lines}")


def era_problems(table: Table) -> list[str]:
    """Tell of rows of several eras."""
    several = several_eras(eras_of(table))
    return [f"the rows are {several}: predict the live rows alone"] if several else []


def eras_of(table: Table) -> list[Hashable]:
    """Return the eras of rows, if there is a column of them."""
    return table.labels(ERA)[1] if ERA in table.names else []


def prediction_problems(
    table: Table, name: Name, ids: "pd.Index[Any]", allow_ties: bool
) -> list[str]:
    """Tell what is wrong with predictions; ``ids`` are those of their rows."""
    if problems := _number_problems(table, name):
        return problems
    return _value_problems(numbers(table, name), ids, allow_ties)


def numbers(table: Table, name: Name) -> Floats:
    """Return a column of numbers as floats, NaN where one is missing."""
    values: Floats = table.select([name])(ALL)[0].astype(np.float64)
    return values


def _number_problems(table: Table, name: Name) -> list[str]:
    """Tell of predictions that are no plain numbers."""
    dtype, kind = table.dtype(name), table.kind(name)
    if is_plain(dtype):
        return []
    return [
        f"the column {name!r} must hold numbers of a plain dtype such as float64, and "
        f"its dtype is {dtype if kind in ('float', 'number') else kind}: look for text "
        f"or truth values in it, or convert it with {table.remedy(name)}"
    ]


def _value_problems(
    values: Floats, ids: "pd.Index[Any]", allow_ties: bool
) -> list[str]:
    """Tell of predictions that are missing, out of range or hardly differ."""
    problems = []
    missing = np.isnan(values)
    if count := int(missing.sum()):
        problems.append(
            f"{_rows(count)} no prediction (NaN), such as the id "
            f"{ids[missing][0]!r}: predict them, or fill them with 0.5"
        )
    present = values[~missing]
    outside = (present < 0) | (present > 1)
    if count := int(outside.sum()):
        problems.append(
            f"{_rows(count)} a prediction outside [0, 1]; they go from "
            f"{present.min():.6g} to {present.max():.6g}: end the pipeline in "
            "`EraRank()`, or rank them"
        )
    if not too_large(present).any() and present.size:
        problems += _spread_problems(present, allow_ties)
    return problems


def _spread_problems(values: Floats, allow_ties: bool) -> list[str]:
    """Tell of a standard deviation of 0 or nearly so, and of too many ties."""
    if np.ptp(values) <= _SPREAD:
        return [
            f"all predictions are {values[0]:.6g}, so their standard deviation is 0: "
            "look for a model that was not fitted, or for features that are all alike"
        ]
    different, counts = np.unique(values, return_counts=True)
    enough = min(_MIN_DISTINCT, values.size / 2)
    most = counts.argmax()
    if allow_ties or (different.size >= enough and counts[most] <= values.size / 2):
        return []
    return [
        f"the {values.size:,} predictions have {different.size:,} different values, "
        f"and {counts[most] / values.size:.0%} are {different[most]:.6g}: look for "
        "missing predictions that were filled, or pass `allow_ties=True` if it is meant"
    ]


def _rows(count: int) -> str:
    return f"{count:,} row{'s have' if count > 1 else ' has'}"
