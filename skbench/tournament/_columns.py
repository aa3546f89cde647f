"""Columns that are asked for, by what they are: which of those that files have."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from skbench._checks import is_several, listed
from skbench._frames import META_MODEL

from ._features import (
    check_fetched,
    feature_set,
    resolve_columns,
    resolve_features,
)
from ._roles import DATA_TYPE, ERA, ID, HasColumns


@dataclass(frozen=True)
class Columns:
    """Columns that are read, by what they are."""

    models: list[str]
    targets: list[str]
    features: list[str]


def as_list(names: Any, parameter: str) -> Any:
    """Return a list for several names; a name, a bool and None stay what they are."""
    if names is None or isinstance(names, (str, bool)):
        return names
    if not is_several(names):
        raise ValueError(f"`{parameter}` must be names of columns; got {names!r}")
    return list(names)


def choose_columns(
    main: HasColumns | None,
    models: list[str],
    targets: Any,
    features: Any,
    sets: dict[str, list[str]],
) -> Columns:
    """Return the columns asked for, all of which the main file has, beside models."""
    columns = Columns(models, [], [])
    if main is not None:
        available, source = main.types, main.path.name
        if isinstance(targets, bool):
            targets = _all_targets(main) if targets else []
        if isinstance(features, str):
            features = feature_set(features, sets)
        check_fetched(features if isinstance(features, list) else (), main, sets)
        columns = Columns(
            columns.models,
            resolve_columns(targets or [], available, "targets", source),
            resolve_features(features, sets, available, source),
        )
    names = [ID, ERA, DATA_TYPE, META_MODEL]
    names += [*columns.models, *columns.targets, *columns.features]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(
            f"the frame would have two columns called {listed(twice)}: name each once, "
            "as a model, a target or a feature"
        )
    return columns


def _all_targets(file: HasColumns) -> list[str]:
    names = [name for name in file.types if name.startswith("target")]
    if not names:
        raise ValueError(f"{file.path} has no targets; pass targets=()")
    # `target` repeats one of the others, and comes first in every frame of skbench.
    return sorted(names, key="target".__ne__)
