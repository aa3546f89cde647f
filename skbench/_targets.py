"""Targets beside the rows of a table: one, or several in the columns of a frame."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import listed
from ._frames import (
    ALL,
    Name,
    Table,
    aligned_target,
    check_alignment,
    check_numbers,
    meant_target,
    several_columns,
    target_name,
)

Floats = NDArray[np.float64]
# What targets are called, which tells how far they look ahead: the name of one, or, of
# several, that of each column.
Called = str | None | dict[Name, str | None]


def read_targets(table: Table, X: Any, y: Any) -> tuple[dict[Name, Floats], Called]:
    """Return each column of y as floats, and what it is called; one is under None."""
    columns = several_columns(y)
    if columns is None:
        return {None: aligned_target(table, y)}, target_name(X, y)
    check_alignment(table, y)
    check_numbers(columns, columns.names)
    targets = {
        name: aligned_target(table, columns.select([name])(ALL)[0], f"y[{name!r}]")
        for name in columns.names
    }
    if not columns.named:
        return targets, dict.fromkeys(targets)
    return targets, {
        name: meant_target(X, values, str(name)) for name, values in targets.items()
    }


def check_same_targets(called: Called, other: Called, what: str) -> None:
    """Refuse other targets than those that were learned from."""
    own, others = _names(called), _names(other)
    if own != others:
        raise ValueError(
            f"{what} must have {_told(own)}, as the eras that are held have; got "
            f"{_told(others)}"
        )


def _names(called: Called) -> set[Name] | None:
    return {*called} if isinstance(called, dict) else None


def _told(names: set[Name] | None) -> str:
    if names is None:
        return "one target"
    return f"the targets {listed(sorted(names, key=str))}"


def of_each(called: Called, function: Callable[..., Any], *values: Any) -> Any:
    """Call a function with values; with those of each target, where there are several.

    Then each of the values, and what comes back, has the targets as keys.
    """
    if not isinstance(called, dict):
        return function(*values)
    return {name: function(*(each[name] for each in values)) for name in called}


def at_target(
    state: Mapping[str, Any], names: tuple[str, ...], target: Hashable
) -> dict[str, Any]:
    """Return attributes with, in place of those with targets as keys, one target's."""
    return {k: v[target] if k in names else v for k, v in state.items()}


def side_by_side(
    states: Mapping[Name, Mapping[str, Any]], names: tuple[str, ...]
) -> dict[str, Any]:
    """Undo `at_target`; attributes that not all targets have are left out."""
    first = next(iter(states.values()))
    return {k: v for k, v in first.items() if k not in names} | {
        k: {target: state[k] for target, state in states.items()}
        for k in names
        if all(k in state for state in states.values())
    }
