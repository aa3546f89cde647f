"""A tournament in memory written as the files that Numerai publishes."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from sklearn.utils import Bunch

from skbench._checks import check_flag, listed
from skbench._disk import disk_errors
from skbench._files import as_path, written_whole
from skbench._frames import META_MODEL
from skbench._parquet import parquet_writer
from skbench.tournament import (
    DATA_TYPE,
    ERA,
    FEATURES_FILE,
    ID,
    META_MODEL_FILE,
    main_file,
    models_file,
)

__all__ = ["to_folder"]


def to_folder(
    data: Bunch, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a tournament as Numerai's files, as `load_benchmark_models` reads them.

    The rows of `frame` are of the split that its column `data_type` names, "train" or
    "live", and else of validation. Their features and targets go to
    ``{split}.parquet``, the models to ``{split}_benchmark_models.parquet`` and the Meta
    Model, where it is known, to ``meta_model.parquet``. `live` goes to the two files of
    the live rows, if it is there. With features there is ``features.json``: the sets of
    `feature_groups`, and where it lacks them "small", the first half of the features,
    "medium" and "all".

    Loaded again, with all targets and the features "all", the data are the same to the
    bit, but that live rows have no targets. All files are written whole or none is.

    Parameters
    ----------
    data : :class:`~sklearn.utils.Bunch`
        What `make_benchmark_models`, `load_benchmark_models` or
        `fetch_benchmark_models` gave. The frames may have lost rows since.
    path : path-like
        Folder to write to. It is made if it is not there.
    overwrite : bool, default=False
        Whether to replace files that are there. Others in the folder stay.

    Returns
    -------
    folder : pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If `data` is something else, or a frame has lost its ids or a column.
    FileExistsError
        If a file is there already, or `path` is a file.
    OSError
        If a file cannot be written.

    See Also
    --------
    load_benchmark_models : Read the files.

    Examples
    --------
    >>> import tempfile
    >>> from skbench.datasets import load_benchmark_models, make_benchmark_models
    >>> from skbench.datasets import to_folder
    >>> made = make_benchmark_models(n_eras=20, n_models=2, random_state=0)
    >>> folder = to_folder(made, tempfile.mkdtemp())
    >>> sorted(path.name for path in folder.iterdir())
    ['features.json', 'live.parquet', 'live_benchmark_models.parquet',
    'meta_model.parquet', 'validation.parquet', 'validation_benchmark_models.parquet']
    >>> loaded = load_benchmark_models(folder, targets=True, features="all")
    >>> loaded.frame.equals(made.frame)
    True
    """
    check_flag("overwrite", overwrite)
    folder = as_path(path)
    tables, sets = _tables(data), _feature_sets(data)
    _check_free(folder, [*tables, *sets], overwrite)
    with disk_errors(folder, elsewhere="name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    # None takes its name before all are whole.
    with ExitStack() as stack:
        unfinished = {
            name: stack.enter_context(written_whole(folder / name))
            for name in (*tables, *sets)
        }
        for name, table in tables.items():
            with parquet_writer(unfinished[name], table.schema) as writer:
                writer.write_table(table)
        for name, content in sets.items():
            unfinished[name].write_text(json.dumps(content), encoding="utf-8")
    return folder


def _tables(data: Any) -> dict[str, pa.Table]:
    """Return what each Parquet file is to hold."""
    if not isinstance(data, Mapping) or "frame" not in data or "models" not in data:
        raise ValueError(
            "`data` must be a tournament as load_benchmark_models or "
            f"make_benchmark_models gives it; got {type(data).__name__}"
        )
    frame, live, labels = data["frame"], data["live"], [ERA, DATA_TYPE]
    parts = {_split_of(frame): frame, **({} if live is None else {"live": live})}
    tables = {}
    for split, rows in parts.items():
        targets = [name for name in data["targets"] if split != "live" or name in rows]
        main = [*labels, *data["features"], *targets]
        tables[main_file(split)] = _table(rows, main)
        tables[models_file(split)] = _table(rows, [ERA, *data["models"]])
    if data["meta_model"] is not None:
        known = frame.dropna(subset=META_MODEL)
        tables[META_MODEL_FILE] = _table(known, [*labels, META_MODEL])
    return tables


def _split_of(frame: Any) -> str:
    """Return the split of rows; those of validation have several types of data."""
    kinds = _table(frame, [DATA_TYPE])[DATA_TYPE].unique().to_pylist()
    return kinds[0] if kinds in (["train"], ["live"]) else "validation"


def _table(frame: Any, columns: list[str]) -> pa.Table:
    """Return columns of a frame, and the ids of its rows."""
    if not isinstance(frame, pd.DataFrame) or frame.index.name != ID:
        raise ValueError(
            f"`data` must have pandas frames whose index is the {ID!r} of each row"
        )
    if absent := [name for name in columns if name not in frame]:
        raise ValueError(
            f"`data` names {listed(absent)}, which its frame does not have; it has "
            f"{listed(frame.columns)}"
        )
    if frame.index.has_duplicates:
        twice = frame.index[frame.index.duplicated()].unique()
        raise ValueError(f"`data` must have each id once; several have {listed(twice)}")
    return pa.Table.from_pandas(frame[columns])


def _feature_sets(data: Any) -> dict[str, Any]:
    """Return what the file of feature sets is to hold, by its name."""
    features = data["features"]
    if not features:
        return {}
    half = features[: (len(features) + 1) // 2]
    sets = {"small": half, "medium": features, "all": features}
    sets |= data["feature_groups"]
    return {FEATURES_FILE: {"feature_sets": sets, "targets": data["targets"]}}


def _check_free(folder: Path, names: list[str], overwrite: bool) -> None:
    """Refuse to write where something is."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"`path` must name a folder; {folder} is a file")
    there = [name for name in names if (folder / name).exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{folder} has {listed(there)} already: name another folder, or pass "
            "overwrite=True to replace them"
        )
