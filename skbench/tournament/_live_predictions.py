"""The live rows of predictions: in the same file or frame, or in a file beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from skbench._checks import listed
from skbench._eras import era_time

from ._era_file import Cursor, EraFile
from ._held import Held
from ._live import check_live, ids_of, index_of
from ._prediction_files import OwnPredictions, named
from ._prediction_tables import (
    ANONYMOUS,
    ENDINGS,
    in_roles,
    is_file,
    name_of,
    path_of,
    read_given,
)
from ._roles import ERA, ID
from ._sides import Side


def live_beside(given: Any) -> list[Path]:
    """Return the files with the live rows of a file of predictions, by their names."""
    if not is_file(given):
        return []
    path = Path(given)
    paths = [path.with_name(f"{name_of(path)}_live{ending}") for ending in ENDINGS]
    return [path for path in paths if path.is_file()]


def files_of(predictions: OwnPredictions) -> list[Path]:
    """Return the files that predictions are read from."""
    files = []
    for _, given in named(predictions):
        if is_file(given):
            files += [Path(given), *live_beside(given)]
    return files


def open_live(
    predictions: OwnPredictions,
    sides: Sequence[Side],
    live: EraFile,
    other: EraFile,
) -> tuple[list[Side], str]:
    """Open the live rows of predictions, or say what lacks them.

    ``live`` and ``other`` have the live rows of the folder and its other rows.
    """
    found: list[Side] = []
    used = {(side.file.path, side.renamed[ANONYMOUS]): side for side in sides}
    for name, given in named(predictions):
        side = used.get((path_of(name, given), name))
        if side is None:
            continue
        parts = [read_given(name, path) for path in live_beside(given)]
        parts += _own_rows(side.file, live, other)
        if len(parts) > 1:
            places = " and ".join(str(path) for path, _ in parts)
            raise ValueError(
                f"there are live predictions of {listed(side.names)} in {places}: keep "
                "those of one"
            )
        if not parts:
            what = f"{side.file.path} has no live rows"
            name = name_of(Path(given)) if is_file(given) else ""
            return [], f"{what}: give {name}_live.csv beside it" if name else what
        path, table = parts[0]
        found.append(_checked(path, table, side, live))
    return found, ""


def _own_rows(
    file: EraFile, live: EraFile, other: EraFile
) -> list[tuple[Path, pa.Table]]:
    """Return the rows of the live era, if a file has some: it may have another label.

    A label that is no time is that of the live era, unless other rows have it.
    """
    runs = [
        run
        for key, run in file.runs.items()
        if key in live.runs or (era_time(run.label) is None and key not in other.runs)
    ]
    if not runs:
        return []
    cursor = Cursor(file.source, file.source.schema.names)
    rows = pa.concat_tables([cursor.rows(run.start, run.stop) for run in runs])
    rows = rows.replace_schema_metadata(file.source.schema.metadata)
    return [(file.path, in_roles(rows, file.path))]


def _checked(path: Path, table: pa.Table, side: Side, live: EraFile) -> Side:
    """Return live rows as a side like that of the other rows."""
    names = {side.renamed.get(name, name): name for name in table.column_names}
    if missing := [name for name in side.names if name not in names]:
        raise ValueError(
            f"{path} lacks {listed(missing)}, which {side.file.path} has: live rows "
            "need the same models"
        )
    eras = table[ERA].unique().to_pylist() if ERA in table.column_names else []
    check_live(path, eras, index_of(table[ID].chunks), ids_of(live))
    (run,) = live.runs.values()
    own = [names[name] for name in side.names]
    rows = table.select([ID, *own])
    rows = rows.append_column(ERA, pa.repeat(pa.scalar(str(run.label)), len(rows)))
    file = EraFile(path, source=Held(rows))
    return Side(file, own, required=False, renamed=side.renamed, advice=side.advice)
