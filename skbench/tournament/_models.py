"""Which models are used: of a folder, and of files of predictions beside it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from skbench._checks import listed

from ._features import resolve_columns
from ._roles import HasColumns, is_model
from ._sides import Side


def choose_models(
    file: HasColumns, models: Any, without: Any = None, predictions: Sequence[Side] = ()
) -> tuple[list[str], list[Side]]:
    """Return the models of the folder's file, and of each file of predictions.

    A file of predictions of which ``models`` names none is used whole: who names a file
    means its predictions.
    """
    known = [*file.types, *(name for side in predictions for name in side.names)]
    files = " and ".join([file.path.name, *(s.file.path.name for s in predictions)])
    left_out = resolve_columns(without or (), known, "without", files)
    if models is None:
        asked = [name for name, kind in file.types.items() if is_model(name, kind)]
    else:
        asked = resolve_columns(models, known, "models", files)
    names = [n for n in asked if n in file.types and n not in left_out]
    own = () if models is None else asked
    sides = [_kept(side, own, left_out) for side in predictions]
    sides = [side for side in sides if side.columns]
    if not names and not sides:
        why = f"`without` is {without!r}" if left_out else f"`models` is {models!r}"
        raise ValueError(
            f"no model to load: {why}, and {file.path} has {listed(file.types)}"
        )
    return names, sides


def _kept(side: Side, asked: Collection[str], left_out: Collection[str]) -> Side:
    named = {column: side.renamed.get(column, column) for column in side.columns}
    some = set(asked).intersection(named.values()) or set(named.values())
    kept = some.difference(left_out)
    return replace(side, columns=[c for c, name in named.items() if name in kept])


def check_same_models(live: HasColumns, names: Sequence[str]) -> None:
    """Refuse live rows that lack a model of the validation rows."""
    if lacking := [name for name in names if name not in live.types]:
        raise ValueError(
            f"{live.path} lacks {listed(lacking)}, which the validation rows have: "
            "leave such models out (`without`), or get the live files of this release"
        )
