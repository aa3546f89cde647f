"""Numerai's files of a folder, joined to one source."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from skbench._eras import target_days
from skbench._files import Address
from skbench._frames import META_MODEL, equal_columns
from skbench.datasets._load import (
    Columns,
    as_list,
    check_folder,
    check_meta_model,
    choose_columns,
    has_live,
    read_sets,
    warn_of_no_meta_model,
    warn_of_unmatched,
)
from skbench.datasets._parquet import DATA_TYPE, ERA, ID, check_numeric

from ._era_file import EraFile
from ._join import Joined, Part
from ._prediction_files import check_eras, check_names, open_predictions


@dataclass(frozen=True)
class FolderRows:
    """The rows of a split, as `load_benchmark_models` would load them, as a source.

    `target` is the column of targets, if there is one, and `predictions` are the files
    that hold further models.
    """

    source: Joined
    benchmarks: list[str]
    features: list[str]
    meta_model: str | None
    target: str = ""
    predictions: Sequence[Part] = ()

    @property
    def models(self) -> list[str]:
        """The benchmark models, and then those of the files of predictions."""
        return self.benchmarks + [
            name for part in self.predictions for name in part.names
        ]

    @property
    def unmatched(self) -> dict[str, int]:
        """Number of rows of each file of the folder that are left out."""
        n_files = len(self.source.parts) - len(self.predictions)
        names = [part.file.path.name for part in self.source.parts[:n_files]]
        return dict(zip(names, self.source.unmatched[:n_files], strict=True))


def open_folder(
    path: Address,
    *,
    target: str,
    models: Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
    predictions: Address | Sequence[Address] = (),
    live: bool = False,
) -> tuple[FolderRows, FolderRows | None]:
    """Open the validation rows and, if asked for and there, the live rows.

    The arguments, and what of the files is refused, are as for `load_benchmark_models`;
    but here an id need only be unique in its era. Of the rows only eras and ids are
    read. The validation rows may have further models, of files of predictions. Where
    "target" is a copy of another column, that one is read in its place.
    """
    folder = check_folder(path)
    features = as_list(features, "features")
    parts = open_predictions(predictions)
    rows = _validation(folder, target, models, features, parts)
    later = _live(folder, rows) if live and has_live(folder, rows.features) else None
    warn_of_unmatched(rows.unmatched | ({} if later is None else later.unmatched))
    check_eras(rows.source, rows.predictions)
    return rows, later


def _validation(
    folder: Path, target: str, models: Any, features: Any, predictions: Sequence[Part]
) -> FolderRows:
    file, main = (
        open_file(folder, "validation_benchmark_models"),
        open_file(folder, "validation"),
    )
    sets = read_sets(folder, features)
    target = target_of(main, target)
    columns = choose_columns(file, main, models, [target], features, sets)
    meta = _meta_model(folder)
    return _joined("validation", columns, file, main, meta, predictions)


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
            return max(same, key=lambda other: target_days(other) or 0)
    return name


def _live(folder: Path, rows: FolderRows) -> FolderRows:
    file = open_file(folder, "live_benchmark_models")
    main = open_file(folder, "live") if rows.features else None
    columns = choose_columns(file, main, rows.benchmarks, None, rows.features, {})
    return _joined("live", columns, file, main, None)


def open_file(folder: Path, name: str) -> EraFile:
    """Open a parquet file of a folder by its name without the ending."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: download it")
    return EraFile(path)


def _meta_model(folder: Path) -> EraFile | None:
    if not (folder / "meta_model.parquet").is_file():
        return None
    file = open_file(folder, "meta_model")
    check_meta_model(file)
    return file


def _joined(
    split: str,
    columns: Columns,
    file: EraFile,
    main: EraFile | None,
    meta_model: EraFile | None,
    predictions: Sequence[Part] = (),
) -> FolderRows:
    check_numeric(file, columns.models)
    parts = [Part(file, [*_data_type(file), *columns.models])]
    if meta_model is not None:
        check_numeric(meta_model, [META_MODEL])
        parts.append(Part(meta_model, [META_MODEL], required=False))
    if main is not None:
        check_numeric(main, [*columns.targets, *columns.features])
        own = _data_type(main) if DATA_TYPE not in file.types else []
        parts.append(Part(main, [*own, *columns.targets, *columns.features]))
    check_names(parts, predictions)
    known = any(DATA_TYPE in part.columns for part in parts)
    reference = [META_MODEL] if meta_model is not None else []
    order = [ID, ERA, DATA_TYPE, *columns.models, *reference]
    order += [*columns.targets, *columns.features]
    order += [name for part in predictions for name in part.names]
    constants = {} if known else {DATA_TYPE: split}
    source = Joined([*parts, *predictions], constants, order)
    if meta_model is not None and not source.shares_eras(parts[1]):
        warn_of_no_meta_model(meta_model.path.name)
    name = META_MODEL if meta_model else None
    target = next(iter(columns.targets), "")
    return FolderRows(
        source, columns.models, columns.features, name, target, predictions
    )


def _data_type(file: EraFile) -> list[str]:
    return [DATA_TYPE] if DATA_TYPE in file.types else []
