"""Which of a file's columns the name of a target stands for."""

from collections.abc import Sequence

import pyarrow as pa

from skbench._checks import one_or_several
from skbench._eras import target_days
from skbench._frames import equal_columns, furthest

from ._era_file import EraFile


def target_of(file: EraFile, name: str) -> str:
    """Return the target that a name stands for in a file.

    "target" is a copy of another column. Of several that equal it, the one that looks
    furthest ahead counts; where none does, or the file has none, the name stays.
    """
    floats = [str(f) for f, kind in file.types.items() if pa.types.is_floating(kind)]
    same = [f for f in floats if f.startswith("target_") and target_days(f)]
    while name == "target" and name in floats and same:
        for chunk in file.source.chunks([name, *same]):
            kept = [other for other in same if equal_columns(chunk[other], chunk[name])]
            if kept != same:
                same = kept  # most differ at once: begin again with the others
                break
        else:
            return furthest(same, name)
    return name


def targets_of(file: EraFile, names: str | Sequence[str]) -> list[str]:
    """Return the targets that one or several names stand for, no column twice."""
    meant = {name: target_of(file, name) for name in one_or_several("target", names)}
    for name, other in meant.items():
        if name != other and other in meant:
            raise ValueError(
                f"`target` names {name!r} and {other!r}, which are one column: name it "
                "once"
            )
    return [*meant.values()]
