"""Numerai's files joined into one frame."""

import os
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from sklearn.utils import Bunch

from skbench._checks import check_choice, check_flag
from skbench._files import check_there
from skbench._frames import META_MODEL
from skbench.tournament import (
    ERA,
    META_MODEL_FILE,
    SPLITS,
    Columns,
    EraFile,
    JoinedRows,
    as_list,
    check_folder,
    check_live_files,
    check_same_models,
    choose_columns,
    choose_models,
    has_live,
    main_file,
    models_file,
    no_rows_of_meta_model,
    open_file,
    open_meta_model,
    read_sets,
    sides_of,
    to_download,
    warn_of_no_meta_model,
    warn_of_unmatched,
)

from ._tournament import Tournament

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
    meta_model: bool | str | os.PathLike[str] = True,
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
    meta_model : bool or path-like, default=True
        Whether to load the Meta Model; or the file of another release to take it from,
        such as an older and longer one, which must share rows with the split.
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
    if isinstance(meta_model, str | os.PathLike):
        meta_model = check_there(meta_model, "meta_model")
    else:
        check_flag("meta_model", meta_model)
    check_flag("live", live)
    folder = check_folder(path)
    targets = [] if split == "live" else as_list(targets, "targets")
    features = as_list(features, "features")
    file, main = _open(folder, split, targets, features)
    sets = read_sets(folder, features)
    names, _ = choose_models(file, models)
    columns = choose_columns(main, names, targets, features, sets)
    meta = None
    if meta_model and split != "live":
        given = meta_model if isinstance(meta_model, Path) else folder / META_MODEL_FILE
        meta = open_meta_model(given, "download it, or pass meta_model=False")
    loaded = _join(split, columns, file, main, meta, eras)
    later = _load_live(folder, columns, loaded) if live and split != "live" else None
    unmatched = loaded.unmatched | (later.unmatched if later is not None else {})
    if split == "live":
        check_live_files(file, [], [])
        later = loaded
    warn_of_unmatched(unmatched)
    return Tournament(
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
class _Loaded:
    frame: pd.DataFrame
    unmatched: dict[str, int]

    @property
    def ids(self) -> pa.ChunkedArray:
        """The ids of the rows."""
        return pa.chunked_array([pa.array(self.frame.index, pa.large_string())])


def _open(
    folder: Path, split: str, targets: Any, features: Any
) -> tuple[EraFile, EraFile | None]:
    """Open the files of a split; the main one only where it is needed."""
    file = open_file(folder, models_file(split))
    if targets in (None, False, []) and features in (None, []):
        return file, None
    hint = (
        "it has the targets and features. Ask for neither of them, or "
        f"{to_download(folder)}"
    )
    return file, open_file(folder, main_file(split), hint)


def _load_live(folder: Path, columns: Columns, others: _Loaded) -> _Loaded | None:
    """Load the live rows of the same columns, if their files are there."""
    if not has_live(folder, columns.features):
        return None
    models, features = columns.models, columns.features
    file, main = _open(folder, "live", None, features)
    check_same_models(file, models, "models")
    sets = read_sets(folder, features or None)
    columns = choose_columns(main, models, None, features, sets)
    live = _join("live", columns, file, main)
    check_live_files(file, others.frame[ERA].unique(), [others.ids])
    return live


def _join(
    split: str,
    columns: Columns,
    file: EraFile,
    main: EraFile | None,
    meta_model: EraFile | None = None,
    eras: Any = None,
) -> _Loaded:
    """Read the rows of the benchmark file that the main file has too, in its order."""
    sides, constants = sides_of(split, columns, file, main, meta_model)
    rows = JoinedRows(sides, eras)
    if meta_model is not None and not rows.shares_eras(sides[1]):
        if meta_model.path.parent != file.path.parent:
            raise no_rows_of_meta_model(meta_model.path, file.path)
        advice = "load other eras, or pass meta_model=False"
        warn_of_no_meta_model(meta_model.path.name, advice)
    names = [side.file.path.name for side in sides]
    return _Loaded(rows.frame(constants), dict(zip(names, rows.unmatched, strict=True)))


def _read_whole(
    sets: dict[str, list[str]], features: list[str]
) -> dict[str, list[str]]:
    """Return the sets of which every feature was read; part of one is another set."""
    read = set(features)
    return {name: s for name, s in sets.items() if s and read.issuperset(s)}


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
