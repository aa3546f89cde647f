"""Numerai's files of a folder, joined to one source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from skbench._checks import listed
from skbench._files import Address
from skbench._frames import META_MODEL

from ._columns import Columns, as_list, choose_columns
from ._era_file import EraFile
from ._features import read_sets
from ._join import Joined
from ._live import check_live_files
from ._live_predictions import open_live
from ._models import check_same_models, choose_models
from ._prediction_files import (
    OwnPredictions,
    check_eras,
    check_names,
    models_of,
    open_predictions,
    words_of_origin,
)
from ._release import (
    META_MODEL_FILE,
    check_folder,
    has_live,
    main_file,
    models_file,
    to_download,
    warn_of_no_meta_model,
    warn_of_unmatched,
)
from ._roles import DATA_TYPE, ERA, ID, check_meta_model, check_numeric
from ._sides import Side
from ._table import JoinedTable
from ._target import targets_of


@dataclass(frozen=True)
class FolderRows:
    """The rows of a split, as `load_benchmark_models` would load them, as a source.

    `targets` are the columns of targets, `predictions` are the files that hold further
    models, and `no_live` says why there are no live rows with these.
    """

    source: Joined
    benchmarks: list[str]
    features: list[str]
    meta_model: str | None
    targets: Sequence[str] = ()
    predictions: Sequence[Side] = ()
    no_live: str = ""

    @property
    def target(self) -> str:
        """The one target, where there is one; several are refused."""
        if len(self.targets) > 1:
            raise ValueError(
                f"`target` must name one target here; got {listed(self.targets)}"
            )
        return next(iter(self.targets), "")

    @property
    def models(self) -> list[str]:
        """The benchmark models, and then those of the files of predictions."""
        return self.benchmarks + [
            name for side in self.predictions for name in side.names
        ]

    @property
    def made(self) -> dict[str, str]:
        """How the predictions of each model of a file were made, in words."""
        told = [(side, words_of_origin(self.source, side)) for side in self.predictions]
        return {name: words for side, words in told for name in side.names}

    def table(
        self, *names: str, counted: Callable[[pa.Table], pa.Table] | None = None
    ) -> JoinedTable:
        """Return columns to score, as if they were in memory."""
        counts = next((name for name in self.models if name in names), None)
        return JoinedTable(self.source, names, counted, counts)

    @property
    def unmatched(self) -> dict[str, int]:
        """Number of rows of each file of the folder that are left out."""
        n_files = len(self.source.sides) - len(self.predictions)
        names = [side.file.path.name for side in self.source.sides[:n_files]]
        return dict(zip(names, self.source.unmatched[:n_files], strict=True))


def open_folder(
    path: Address,
    *,
    target: str | Sequence[str],
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
    predictions: OwnPredictions = (),
    live: bool = False,
) -> tuple[FolderRows, FolderRows | None]:
    """Open the validation rows and, if asked for and there, the live rows.

    The arguments, and what of the files is refused, are as for `load_benchmark_models`;
    but here an id need only be unique in its era. Of the rows only eras and ids are
    read. The validation rows may have further models, of files of predictions; which
    are used is as `choose_models` says. Where "target" is a copy of another column,
    that one is read in its place. Of several targets each is named once.
    """
    folder = check_folder(path)
    features = as_list(features, "features")
    rows = _validation(folder, target, models, without, features, predictions)
    later = None
    if live:
        later, why = _live(folder, rows, predictions)
        rows = replace(rows, no_live=why)
    warn_of_unmatched(rows.unmatched | ({} if later is None else later.unmatched))
    check_eras(rows.source, rows.predictions)
    return rows, later


def _validation(
    folder: Path,
    target: str | Sequence[str],
    models: Any,
    without: Any,
    features: Any,
    predictions: OwnPredictions,
) -> FolderRows:
    file = open_file(folder, models_file("validation"))
    known = [folder / models_file(split) for split in ("validation", "live")]
    # Eras that they lack are those of the folder's ids.
    own = open_predictions(predictions, [path for path in known if path.is_file()])
    others = [(side.file.path, side.names) for side in own]
    names, kept = choose_models(file, models, without, others)
    own = [side.only(some) for side, some in zip(own, kept, strict=True) if some]
    main = open_file(folder, main_file("validation"))
    sets = read_sets(folder, features)
    columns = choose_columns(main, names, targets_of(main, target), features, sets)
    path = folder / META_MODEL_FILE
    meta = open_meta_model(path) if path.is_file() else None
    return _joined("validation", columns, file, main, meta, own)


def _live(
    folder: Path, rows: FolderRows, predictions: OwnPredictions
) -> tuple[FolderRows | None, str]:
    """Open the live rows, or say what they lack."""
    if not has_live(folder, rows.features):
        names = [models_file("live"), *([main_file("live")] if rows.features else [])]
        return None, f"{folder} lacks {' or '.join(names)}"
    file = open_file(folder, models_file("live"))
    check_same_models(file, rows.benchmarks, "without")
    other = rows.source.base.file
    ids = (chunk[other.id] for chunk in other.source.chunks([other.id]))
    check_live_files(file, [run.label for run in other.runs.values()], ids)
    own, why = open_live(predictions, rows.predictions, file, other)
    if why:
        return None, why
    main = open_file(folder, main_file("live")) if rows.features else None
    sets = read_sets(folder, rows.features or None)
    columns = choose_columns(main, rows.benchmarks, None, rows.features, sets)
    return _joined("live", columns, file, main, None, own), ""


def folder_models(
    path: Address,
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
) -> list[str]:
    """Return the models that `open_folder` would open; no row of theirs is read."""
    folder = check_folder(path)
    file = open_file(folder, models_file("validation"))
    names, kept = choose_models(file, models, without, models_of(predictions))
    return [*names, *chain.from_iterable(kept)]


def open_file(folder: Path, name: str, hint: str = "") -> EraFile:
    """Open a parquet file of a folder by its name."""
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: {hint or to_download(folder)}")
    return EraFile(path, "Delete it, and download it again")


def open_meta_model(path: Path, hint: str = "") -> EraFile:
    """Open the file of the Meta Model."""
    file = open_file(path.parent, path.name, hint)
    check_meta_model(file)
    return file


def check_other_meta_model(path: Path, models: EraFile) -> None:
    """Refuse a Meta Model of another release that has no rows of the models."""
    file = EraFile(path)
    check_meta_model(file)
    meta = Side(file, [META_MODEL], required=False)
    joined = Joined([Side(models, []), meta])
    if joined.gaps(meta)[0] == joined.n_rows:
        raise no_rows_of_meta_model(path, models.path)


def no_rows_of_meta_model(path: Path, models: Path) -> ValueError:
    """Say that a Meta Model has none of the rows of the models."""
    return ValueError(
        f"{path} has the Meta Model of no row of {models}: name one of a release that "
        "shares eras and ids with it"
    )


def _joined(
    split: str,
    columns: Columns,
    file: EraFile,
    main: EraFile | None,
    meta_model: EraFile | None,
    predictions: Sequence[Side] = (),
) -> FolderRows:
    sides, constants = sides_of(split, columns, file, main, meta_model)
    check_names(sides, predictions)
    reference = [META_MODEL] if meta_model is not None else []
    order = [ID, ERA, DATA_TYPE, *columns.models, *reference]
    order += [*columns.targets, *columns.features]
    order += [name for side in predictions for name in side.names]
    source = Joined([*sides, *predictions], constants, order)
    if meta_model is not None and not source.shares_eras(sides[1]):
        advice = "get the file of this release, or go without MMC"
        warn_of_no_meta_model(meta_model.path.name, advice)
    name = META_MODEL if meta_model else None
    return FolderRows(
        source, columns.models, columns.features, name, columns.targets, predictions
    )


def sides_of(
    split: str,
    columns: Columns,
    file: EraFile,
    main: EraFile | None,
    meta_model: EraFile | None,
) -> tuple[list[Side], dict[str, str]]:
    """Return the files of a split as sides to join, and the columns of one value."""
    check_numeric(file, columns.models)
    sides = [Side(file, [*_data_type(file), *columns.models])]
    if meta_model is not None:
        check_numeric(meta_model, [META_MODEL])
        sides.append(Side(meta_model, [META_MODEL], required=False))
    if main is not None:
        check_numeric(main, [*columns.targets, *columns.features])
        own = _data_type(main) if DATA_TYPE not in file.types else []
        sides.append(Side(main, [*own, *columns.targets, *columns.features]))
    known = any(DATA_TYPE in side.columns for side in sides)
    return sides, {} if known else {DATA_TYPE: split}


def _data_type(file: EraFile) -> list[str]:
    return [DATA_TYPE] if DATA_TYPE in file.types else []
