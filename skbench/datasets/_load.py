"""Numerai's files joined into one frame."""

import os
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.utils import Bunch

from skbench._checks import check_choice, check_flag, is_several, listed
from skbench._eras import chronological, era_key
from skbench._frames import META_MODEL, copy_on_write
from skbench.tournament import (
    DATA_TYPE,
    ERA,
    ID,
    META_MODEL_FILE,
    SPLITS,
    Columns,
    as_list,
    check_folder,
    check_meta_model,
    choose_columns,
    has_live,
    main_file,
    models_file,
    read_sets,
    warn_of_no_meta_model,
    warn_of_unmatched,
)

from ._join import Keys, Placed, align, read_keys, share_eras
from ._rows_file import RowsFile

__all__ = ["load_benchmark_models"]

_DESCR = """\
Benchmark models of Numerai
---------------------------
Read from {folder}

split               {split}
rows                {rows}
eras                {n_eras}
models              {n_models}
features            {n_features}
targets             {n_targets}
rows of Meta Model  {n_meta}
live rows           {live}

Ids of each file without a partner in the other files, left out:

{unmatched}
"""


def load_benchmark_models(
    path: str | os.PathLike[str],
    split: str = "validation",
    *,
    models: Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
    targets: Sequence[str] | bool = ("target",),
    eras: Iterable[Hashable] | None = None,
    meta_model: bool = True,
    live: bool = True,
) -> Bunch:
    """Load predictions, Meta Model, targets and features from Numerai's files.

    Files are joined by id. Only the columns that are asked for are read, and only the
    row groups that hold an era that is asked for.

    The rows are those of ``{split}_benchmark_models.parquet``, in its order. Where
    targets or features are asked for, they must be in ``{split}.parquet`` too. Rows
    that only one of the two has are dropped, counted in `unmatched` and warned of. The
    Meta Model covers few eras and drops no rows: without it, a row has NaN.

    Two files must belong together. In the eras that both have, at least 80 % of the ids
    of the larger side must be in the other, and an id has one era. Eras are the same
    where their numbers are: 575 and "0575".

    Parameters
    ----------
    path : path-like
        Folder with the files: ``{split}_benchmark_models.parquet`` and, for what is
        asked for, ``{split}.parquet``, ``meta_model.parquet`` and ``features.json``.
        Each file has a column or an index `id`, and a column `era`.
    split : {"train", "validation", "live"}, default="validation"
        Which rows to load. "live" has neither targets nor the Meta Model.
    models : sequence of str, default=None
        Models to load. None: all floating-point columns of the benchmark file.
    features : str or sequence of str, default=None
        Features to load, or the name of a set in ``features.json``, such as "small",
        "medium" or "all". None: no features.
    targets : sequence of str or bool, default=("target",)
        Targets to load. True: all that the file has. () or False: no targets.
    eras : iterable of labels, default=None
        Eras to load, such as ``range(1133, 1220)``. A label stands for the era of its
        number. None: all eras. Live rows are loaded whole beside another split.
    meta_model : bool, default=True
        Whether to load the Meta Model.
    live : bool, default=True
        Whether to load the live rows too, if their files are there.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the keys that `make_benchmark_models` has, and one more:

        frame : DataFrame of shape (n_rows, n_columns)
            Index `id`; columns `era` and `data_type`, the models,
            `numerai_meta_model`, the targets and the features. Types are those of the
            files, so features stay int8; only a whole-number column with missing
            values becomes floating-point, with NaN.
        live : DataFrame or None
            The live rows of the same models and features; None where their files are
            not in the folder, or were not asked for. The rows of `frame` for the split
            "live".
        era, meta_model : str
            Names of these columns; `meta_model` is None where it was not loaded.
        models, features, targets : list of str
            Names of these columns.
        feature_groups : dict of str to list of str
            The sets of ``features.json`` of which every feature was loaded; empty
            without features, or without that file.
        weights, expected_corr, model_corr, meta_weights : None
            Only a synthetic tournament knows the truth.
        unmatched : dict of str to int
            For each file read, how many of its ids in the eras asked for found no
            partner, and so are not in the frame.
        DESCR : str
            Description of the data.

    Raises
    ------
    FileNotFoundError
        If the folder, or a file that is needed, is not there.
    ValueError
        If a file cannot be read, lacks a column or an era that is asked for, has
        duplicate ids, or does not belong to the others.

    Examples
    --------
    A tournament of one file, with two models and no targets:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skbench.datasets import load_benchmark_models, make_benchmark_models
    >>> made = make_benchmark_models(n_eras=20, n_models=2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "validation_benchmark_models.parquet"
    ...     made.frame[["era", *made.models]].to_parquet(path)
    ...     data = load_benchmark_models(
    ...         folder, targets=(), eras=[19, 20], meta_model=False
    ...     )
    >>> list(data.frame.columns)
    ['era', 'data_type', 'v53_lgbm_cyrus20', 'v53_lgbm_cyrus60']
    >>> data.frame["era"].unique().tolist()
    ['0019', '0020']
    >>> data.unmatched
    {'validation_benchmark_models.parquet': 0}
    """
    check_choice("split", split, SPLITS)
    check_flag("meta_model", meta_model)
    check_flag("live", live)
    folder = check_folder(path)
    targets = [] if split == "live" else as_list(targets, "targets")
    features = as_list(features, "features")
    files = _open(folder, split, targets, features)
    sets = read_sets(folder, features)
    columns = choose_columns(files.models, files.main, models, targets, features, sets)
    meta = _open_meta_model(folder) if meta_model and split != "live" else None
    loaded = _join(files, columns, _era_keys(files.models, eras), meta)
    later = _load_live(folder, columns) if live and split != "live" else None
    unmatched = loaded.unmatched | (later.unmatched if later is not None else {})
    if split == "live":
        later = loaded
    warn_of_unmatched(unmatched)
    return Bunch(
        frame=loaded.frame,
        live=later.frame if later is not None else None,
        era=ERA,
        meta_model=META_MODEL if meta is not None else None,
        models=columns.models,
        features=columns.features,
        targets=columns.targets,
        feature_groups=_read_whole(sets, columns.features),
        weights=None,
        expected_corr=None,
        model_corr=None,
        meta_weights=None,
        unmatched=unmatched,
        DESCR=_describe(folder, split, columns, loaded, later, unmatched),
    )


@dataclass(frozen=True)
class _Files:
    """The files of a split; the main one only where it is needed."""

    split: str
    models: RowsFile
    main: RowsFile | None


@dataclass(frozen=True)
class _Loaded:
    frame: pd.DataFrame
    unmatched: dict[str, int]


# Arguments


def _era_keys(file: RowsFile, eras: Any) -> set[Hashable] | None:
    """Return what names the eras asked for, all of which the file has."""
    if eras is None:
        return None
    if not is_several(eras):
        raise ValueError(f"`eras` must be a list of era labels; got {eras!r}")
    wanted = {era_key(label): label for label in eras}
    if not wanted:
        raise ValueError("`eras` must name an era at least; None stands for all")
    known = set(file.keys)
    if absent := [label for key, label in wanted.items() if key not in known]:
        ordered = [file.labels[i] for i in chronological(file.labels, needed=False)]
        raise ValueError(
            f"`eras` names {listed(absent)}, which {file.path} does not have; it has "
            f"{len(ordered)} eras, {ordered[0]!r} to {ordered[-1]!r}"
        )
    return set(wanted)


def _read_whole(
    sets: dict[str, list[str]], features: list[str]
) -> dict[str, list[str]]:
    """Return the sets of which every feature was read; part of one is another set."""
    read = set(features)
    return {name: s for name, s in sets.items() if s and read.issuperset(s)}


# Files and their columns


def _open(folder: Path, split: str, targets: Any, features: Any) -> _Files:
    models = RowsFile(folder / models_file(split), "download it")
    if targets in (None, False, []) and features in (None, []):
        return _Files(split, models, None)
    hint = "it has the targets and features. Download it, or ask for neither of them"
    return _Files(split, models, RowsFile(folder / main_file(split), hint))


def _open_meta_model(folder: Path) -> RowsFile:
    hint = "download it, or pass meta_model=False"
    file = RowsFile(folder / META_MODEL_FILE, hint)
    check_meta_model(file)
    return file


# Rows


def _load_live(folder: Path, columns: Columns) -> _Loaded | None:
    """Load the live rows of the same columns, if their files are there."""
    if not has_live(folder, columns.features):
        return None
    files = _open(folder, "live", None, columns.features)
    columns = choose_columns(
        files.models, files.main, columns.models, None, columns.features, {}
    )
    return _join(files, columns, None, None)


def _join(
    files: _Files,
    columns: Columns,
    eras: set[Hashable] | None,
    meta_model: RowsFile | None,
) -> _Loaded:
    """Read the rows of the benchmark file that the main file has too, in its order."""
    main_keys = read_keys(files.main, eras) if files.main is not None else None
    base, main = align(read_keys(files.models, eras), main_keys)
    parts = [base]
    frames = [_labels(files.split, base, main)]
    frames += base.read(columns.models)
    if meta_model is not None:
        parts.append(_find_meta_model(base, read_keys(meta_model, eras)))
        frames += parts[-1].read([META_MODEL], len(frames[0]))
    if main is not None:
        parts.append(main)
        frames += main.read([*columns.targets, *columns.features])
    with copy_on_write():
        frame = pd.concat(frames, axis=1)
    # No two ids are the same, so pandas 2 need not look for strings to share.
    ids = base.in_frame(base.keys.ids).to_pandas(deduplicate_objects=False)
    frame.index = pd.Index(ids, name=ID)
    return _Loaded(frame, {part.keys.name: part.n_unmatched for part in parts})


def _labels(split: str, base: Placed, main: Placed | None) -> pd.DataFrame:
    """Return the eras as the benchmark file has them, and what kind of data it is."""
    eras = base.in_frame(base.keys.file.era_column.take(pa.array(base.keys.rows)))
    labels = {ERA: eras.to_pandas(), DATA_TYPE: split}
    for part in (main, base):
        if part is not None and DATA_TYPE in part.keys.file.types:
            column = part.in_frame(part.keys.file.strings(DATA_TYPE, part.keys.rows))
            labels[DATA_TYPE] = column.to_pandas()
    return pd.DataFrame(labels)


def _find_meta_model(base: Placed, keys: Keys) -> Placed:
    """Place the rows of the Meta Model; that it has none in these eras is no error."""
    if share_eras(base.keys, keys):
        return base.partner(keys)
    warn_of_no_meta_model(keys.name)
    return Placed(keys, np.full(len(keys.rows), -1))


# What is said about them


def _describe(
    folder: Path,
    split: str,
    columns: Columns,
    loaded: _Loaded,
    live: _Loaded | None,
    unmatched: dict[str, int],
) -> str:
    frame = loaded.frame
    n_meta = frame[META_MODEL].count() if META_MODEL in frame else 0
    return _DESCR.format(
        folder=folder,
        split=split,
        rows=f"{len(frame):,}",
        n_eras=frame[ERA].nunique(),
        n_models=len(columns.models),
        n_features=len(columns.features),
        n_targets=len(columns.targets),
        n_meta=f"{n_meta:,}",
        live="not loaded" if live is None else f"{len(live.frame):,}",
        unmatched="\n".join(f"{name:36s}{n:,}" for name, n in unmatched.items()),
    )
