"""Files of predictions that stand beside the models of a folder."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from skbench._checks import check_name, is_several, listed
from skbench._eras import chronological
from skbench._files import Address, as_path
from skbench._frames import is_frame
from skbench._warnings import warn

from ._era_file import EraFile
from ._held import Held
from ._join import Joined
from ._origin import how_made, origin_of
from ._prediction_tables import (
    ANONYMOUS,
    check_any,
    models_of_given,
    name_of,
    open_given,
    with_eras,
)
from ._roles import DATA_TYPE, is_model
from ._sides import Side
from ._source import Source

# Files of predictions, or frames and files by the names of their models.
OwnPredictions = Address | Sequence[Address] | Mapping[str, Any]

_ADVICE = "are they of one release? Predict all rows of these eras again"


def named(predictions: OwnPredictions) -> list[tuple[str, Any]]:
    """Return the files and frames given, each with what models may be named after."""
    if isinstance(predictions, Mapping):
        for name in predictions:
            check_name("predictions", name, "a mapping from names")
        return list(predictions.items())
    if isinstance(predictions, str | os.PathLike):
        predictions = [predictions]
    if not is_several(predictions) or is_frame(predictions):
        raise ValueError(
            "`predictions` must be names of files, or a mapping from names to frames; "
            f"got {predictions!r}"
        )
    return [(name_of(as_path(path, "predictions")), path) for path in predictions]


def open_predictions(
    predictions: OwnPredictions, known: Sequence[Path] = ()
) -> list[Side]:
    """Open predictions; a column `prediction` gets the name of its file or frame.

    A parquet file with eras is read an era at a time. All else is read whole; where it
    has no eras, these are those that the ``known`` files have for its ids.
    """
    return [_open(name, given, known) for name, given in named(predictions)]


def models_of(predictions: OwnPredictions) -> list[tuple[Path, list[str]]]:
    """Return each file or frame and the models that it would bring; no row is read."""
    return [models_of_given(name, given) for name, given in named(predictions)]


def _open(name: str, given: Any, known: Sequence[Path]) -> Side:
    path, source = open_given(name, given)
    if not isinstance(source, Source):
        source = Held(with_eras(source, path, known))
    file = EraFile(path, source=source)
    columns = [name for name, kind in file.types.items() if is_model(name, kind)]
    check_any(columns, file.types, path)
    renamed = {ANONYMOUS: name}
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
