"""Which models are used: of a folder, and of files of predictions beside it."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from skbench._checks import listed

from ._features import resolve_columns
from ._roles import HasColumns, is_model


def choose_models(
    file: HasColumns,
    models: Any,
    without: Any = None,
    others: Sequence[tuple[Path, Collection[str]]] = (),
) -> tuple[list[str], list[list[str]]]:
    """Return the models of the folder's file, and of each file of predictions.

    A file of predictions of which ``models`` names none is used whole: who names a file
    means its predictions.
    """
    types = file.types
    of_folder = [name for name, kind in types.items() if is_model(name, kind)]
    of_others = [name for _, names in others for name in names]
    known, shown = [*types, *of_others], [*of_folder, *of_others]
    files = " and ".join([file.path.name, *(path.name for path, _ in others)])
    left_out = resolve_columns(without or (), known, "without", files, shown)
    asked = of_folder
    if models is not None:
        asked = resolve_columns(models, known, "models", files, shown)
    names = [n for n in asked if n in types and n not in left_out]
    own = () if models is None else asked
    kept = [_kept(some, own, left_out) for _, some in others]
    if not names and not any(kept):
        why = f"`without` is {without!r}" if left_out else f"`models` is {models!r}"
        raise ValueError(
            f"no model to load: {why}, and {file.path} has {listed(of_folder)}"
        )
    return names, kept


def _kept(
    names: Collection[str], asked: Collection[str], left_out: Collection[str]
) -> list[str]:
    some = set(names).intersection(asked) or names
    return [name for name in names if name in some and name not in left_out]


def check_same_models(live: HasColumns, names: Sequence[str], choice: str) -> None:
    """Refuse live rows that lack a model of others; ``choice`` leaves models out."""
    if lacking := [name for name in names if name not in live.types]:
        raise ValueError(
            f"{live.path} lacks {listed(lacking)}, which the other rows have: leave "
            f"such models out (`{choice}`), or get the live files of this release"
        )
