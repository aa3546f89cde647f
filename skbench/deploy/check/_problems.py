"""What can be wrong with a submission, in words that say how to mend it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import listed
from skbench._frames import Name, Table, too_large

from ._ids import eras_of
from ._plain import is_plain

Floats = NDArray[np.float64]

# Values that differ by less are one value and the rounding of it.
_SPREAD = 1e-9
_MIN_DISTINCT = 10
_SHOWN = 3


def refuse(problems: Sequence[str], what: str) -> None:
    """Raise one error that lists all problems, if there are any.

    Parameters
    ----------
    problems : sequence of str
        One sentence each.
    what : str
        What has the problems, as the message is to call it.

    Raises
    ------
    ValueError
        If there is a problem.
    """
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        lines = "".join(f"\n- {problem}" for problem in problems)
        raise ValueError(f"{what} cannot be submitted, it has {count}:{lines}")


def era_problems(table: Table) -> list[str]:
    """Tell of rows of several eras.

    Parameters
    ----------
    table : Table
        The rows.

    Returns
    -------
    problems : list of str
        At most one.
    """
    eras = eras_of(table)
    if len(eras) < 2:
        return []
    return [
        f"the rows are of {len(eras):,} eras ({listed(eras, _SHOWN)}), and live rows "
        "are of one: predict the live rows alone"
    ]


def id_problems(ids: "pd.Index[Any]", live: "pd.Index[Any]") -> list[str]:
    """Tell of ids that are missing, there twice, or not those of the live rows.

    Parameters
    ----------
    ids : Index
        Ids of the predictions.
    live : Index
        The live ids, each once.

    Returns
    -------
    problems : list of str
        One a kind.
    """
    problems = []
    missing = np.asarray(ids.isna())
    if count := int(missing.sum()):
        problems.append(f"{_rows(count)} no id: give each row the id of its live row")
    given = ids[~missing]
    if len(twice := given[given.duplicated()].unique()):
        problems.append(
            f"{_some(twice)} more than once: submit one prediction for each id"
        )
    return problems + _live_problems(given.unique(), live)


def _live_problems(given: "pd.Index[Any]", live: "pd.Index[Any]") -> list[str]:
    is_live = given.isin(live)
    if not is_live.any() or is_live.mean() < 0.5:
        found = f"{is_live.sum():,} of {len(given):,} ids" if len(given) else "no row"
        return [
            f"{found} are live ids, such as {live[0]!r}"
            f"{_instead(given[~is_live])}: these look like predictions of validation "
            "or of another round; predict this round's live file, and keep its index"
        ]
    problems = []
    if not is_live.all():
        problems.append(
            f"{_some(given[~is_live])} not live: drop the rows, or predict this "
            "round's live file"
        )
    absent = live[~live.isin(given)]
    if len(absent):
        problems.append(
            f"{_some(absent)} live and without a prediction: predict every row of the "
            "live file"
        )
    return problems


def value_problems(values: Floats, ids: "pd.Index[Any]", allow_ties: bool) -> list[str]:
    """Tell of predictions that are missing, out of range or hardly differ.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Predictions.
    ids : Index of shape (n_rows,)
        Their ids.
    allow_ties : bool
        Whether predictions with many ties may pass.

    Returns
    -------
    problems : list of str
        One a kind.
    """
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


def number_problems(table: Table, name: Name) -> list[str]:
    """Tell of predictions that are no plain numbers.

    Parameters
    ----------
    table : Table
        The rows.
    name : str
        Name of the column of predictions.

    Returns
    -------
    problems : list of str
        At most one.
    """
    dtype, kind = table.dtype(name), table.kind(name)
    if is_plain(dtype):
        return []
    return [
        f"the column {name!r} must hold numbers of a plain dtype such as float64, and "
        f"its dtype is {dtype if kind in ('float', 'number') else kind}: look for text "
        f"or truth values in it, or convert it with {table.remedy(name)}"
    ]


def _rows(count: int) -> str:
    return f"{count:,} row{'s have' if count > 1 else ' has'}"


def _some(ids: "pd.Index[Any]") -> str:
    """Write how many ids there are, and the first of them."""
    shown = f"({listed(ids[:_SHOWN])}{', ...' if len(ids) > _SHOWN else ''})"
    return f"{len(ids):,} id{'s' * (len(ids) > 1)} {shown} {_are(len(ids))}"


def _are(count: int) -> str:
    return "are" if count > 1 else "is"


def _instead(strangers: "pd.Index[Any]") -> str:
    return f", and others are not, such as {strangers[0]!r}" if len(strangers) else ""
