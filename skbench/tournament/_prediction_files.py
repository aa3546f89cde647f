"""Files of predictions that stand beside the models of a folder."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from skbench._checks import is_several, listed
from skbench._eras import chronological
from skbench._files import Address, check_there
from skbench._parquet import arrow_path
from skbench._warnings import warn

from ._era_file import EraFile
from ._join import Joined
from ._origin import how_made, origin_of
from ._roles import DATA_TYPE, is_model
from ._sides import Side

# What ensembles call their column, which says nothing beside others of its kind.
_ANONYMOUS = "prediction"
_ADVICE = "are they of one release? Predict all rows of these eras again"


def open_predictions(paths: Address | Sequence[Address]) -> list[Side]:
    """Open files of predictions; a column `prediction` gets the name of its file."""
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not is_several(paths):
        raise ValueError(f"`predictions` must be names of files; got {paths!r}")
    return [_open(check_there(path, "predictions")) for path in paths]


def _open(path: Path) -> Side:
    file = EraFile(path)
    columns = [name for name, kind in file.types.items() if is_model(name, kind)]
    if not columns:
        raise ValueError(
            f"{path} has no predictions: it must have a floating-point column, such as "
            f"{_ANONYMOUS!r}; it has {listed(file.types)}"
        )
    renamed = {_ANONYMOUS: Path(arrow_path(path)).stem}
    return Side(file, columns, required=False, renamed=renamed, advice=_ADVICE)


def check_names(others: Sequence[Side], predictions: Sequence[Side]) -> None:
    """Refuse predictions that would be called as something else is."""
    taken = {name: side.file.path for side in others for name in side.names}
    for side in predictions:
        path = side.file.path
        for column in side.columns:
            name = side.renamed.get(column, column)
            if name == DATA_TYPE or not is_model(name, pa.float64()):
                raise ValueError(
                    f"{path} would call a model {name!r}, which is a name of another "
                    "kind of column: rename the file, or the column in it"
                )
            if name in taken:
                raise ValueError(
                    f"two columns would be called {name!r}, of {taken[name]} and of "
                    f"{path}: name each file once, or rename the file or its column"
                )
            taken[name] = path


def check_eras(source: Joined, predictions: Sequence[Side]) -> None:
    """Refuse predictions of other eras only, and warn of those that have gaps."""
    for side in predictions:
        if not source.shares_eras(side):
            raise ValueError(
                f"{side.file.path} has none of the eras of {source.base.file.path}, "
                f"{_span(source.base)}, but {_span(side)}: predict some of them"
            )
        _warn_of_gaps(source, side)


def words_of_origin(source: Joined, side: Side) -> str:
    """Say how predictions were made, of which the eras of both files are scored."""
    runs = source.base.file.runs.keys() & side.file.runs.keys()
    labels = [side.file.runs[key].label for key in runs]
    first = labels[chronological(labels, needed=False)[0]]
    return how_made(origin_of(side.file.source.schema), first)


def _span(side: Side) -> str:
    labels = [run.label for run in side.file.runs.values()]
    order = chronological(labels, needed=False)
    return f"{labels[order[0]]!r} to {labels[order[-1]]!r}"


def _warn_of_gaps(source: Joined, side: Side) -> None:
    path = side.file.path
    lacking, unmatched = source.gaps(side)
    if lacking:
        warn(
            f"{path} lacks {lacking} of {source.n_rows} rows: no predictions there of "
            f"{listed(side.names)}"
        )
    if unmatched:
        warn(f"{unmatched} ids of {path} have no partner and are left out")
