"""Numerai's files fetched from its server, as little of them as is needed."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

from skbench._checks import check_choice, check_flag, listed
from skbench._files import as_path
from skbench._numerai import client
from skbench.tournament import (
    FEATURES_FILE,
    META_MODEL_FILE,
    SPLITS,
    EraFile,
    check_other_meta_model,
    feature_sets,
    main_file,
    models_file,
    read_record,
    resolve_columns,
    resolve_features,
)

from ._cache import alone_with, keep_columns, keep_whole, make_folder
from ._load import load_benchmark_models
from ._remote import RemoteFile

__all__ = ["fetch_benchmark_models"]


# A release, and the round of which it is asked for.
_SOURCE = re.compile(r"v\d+(\.\d+)*(@\d{1,6})?")

Choose = Callable[[Sequence[str]], list[str]]


def fetch_benchmark_models(
    version: str = "latest",
    splits: Sequence[str] = ("validation", "live"),
    *,
    meta_model: bool | str = True,
    targets: Sequence[str] | bool = True,
    features: str | Sequence[str] | None = None,
    data_home: str | os.PathLike[str] | None = None,
    api: Any = None,
    progress: bool = False,
) -> Bunch:
    """Fetch benchmark predictions, the Meta Model, targets and features from Numerai.

    No API keys are needed. What is transferred, and kept in the folder
    ``{data_home}/{version}`` under the names that Numerai gives its files:

    - whole: ``{split}_benchmark_models.parquet`` of each split, ``meta_model.parquet``
      and ``features.json``, about 150 MB for the default splits;
    - of the large file ``{split}.parquet`` only its footer and the columns asked for:
      ids, eras, data types, targets and features. The copy has no others, with
      their types. For validation that is a few per cent of 5.6 GB with all targets, and
      about 1.5 MB more for each feature.

    A later call asks the server about each file, which costs one byte. What has not
    changed is not fetched again. What has, as live data does every day, is; so are live
    files that are there already where the splits leave them out. Where a call asks for
    further columns, those and the ids are read, and the ids compared. A file that
    somebody else put there serves if it is as long as the server's, and is an error if
    not; it is never written to.

    Each copy is written whole or not at all. Where several calls fill one folder at the
    same time, one fetches a file while the others wait, and then go on from its copy. A
    copy that turns out to be damaged is fetched anew by the next call. Requests that
    fail, or bring other bytes than were asked for, are sent again, after 1, 2, 4 and 8
    seconds; one whose answer takes longer than five minutes is given up. All goes over
    HTTPS.

    Parameters
    ----------
    version : str, default="latest"
        Data version, such as "v5.3". "latest" is the highest that has benchmark models
        for these splits.
    splits : sequence of {"train", "validation", "live"}, \
            default=("validation", "live")
        Splits to fetch. The first one is loaded as `frame`.
    meta_model : bool or str, default=True
        Whether to fetch the Meta Model; or the release to take it from, such as "v4.3"
        or, as that was in a round, "v4.3@842": that one is older, and covers more eras.
        It must share rows with the first split, and is kept as ``meta_model.parquet``
        in the folder; later calls with True keep to it. The release's own is fetched
        again where ``version`` is named here too.
    targets : sequence of str or bool, default=True
        Targets to fetch. True: `target` and all others. False: none. The split "live"
        has none.
    features : str or sequence of str, default=None
        Features to fetch, or the name of a set in ``features.json``, such as "small",
        "medium" or "all". None: no features.
    data_home : path-like, default=None
        Folder of the copies. None: the environment variable ``SKBENCH_HOME``, or
        ``~/skbench_data`` where it is not set.
    api : numerapi.NumerAPI, default=None
        Client to ask. None: a new one.
    progress : bool, default=False
        Whether to show progress bars for what is transferred, on a terminal.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        What `load_benchmark_models` returns for the first split: `frame`, `live` and
        the names of columns; and `folder`, where the copies are, and `version`.

    Raises
    ------
    ValueError
        If a parameter cannot be used, the version or a file of it is not on the server
        (the message lists what is), or a column is not in the file.
    FileExistsError
        If a file in the folder was put there by somebody else and differs.
    ConnectionError
        If Numerai cannot be reached, or the connection breaks again and again.
    OSError
        If a copy cannot be written.

    Examples
    --------
    >>> from skbench.datasets import fetch_benchmark_models
    >>> data = fetch_benchmark_models(features="small")  # doctest: +SKIP
    >>> data.frame.shape, data.live.shape  # doctest: +SKIP
    """
    splits = _check_splits(splits)
    chosen: dict[str, Any] = {
        "targets": _check_targets(targets),
        "features": _check_features(features),
    }
    options: dict[str, Any] = {"data_home": data_home, "api": api, "progress": progress}
    folder = fetch_files(version, splits, meta_model=meta_model, **chosen, **options)
    with ExitStack() as stack:
        # Or another call, which adds columns, replaces a copy that is being read.
        for path in sorted(folder.glob("*.parquet")):
            stack.enter_context(alone_with(path, progress))
        data = load_benchmark_models(
            folder, splits[0], **chosen, meta_model=bool(meta_model)
        )
    data.update(folder=folder, version=folder.name)
    return data


def fetch_files(
    version: str = "latest",
    splits: Sequence[str] = ("validation", "live"),
    *,
    meta_model: bool | str = True,
    targets: list[str] | bool = True,
    features: str | list[str] | None = None,
    data_home: str | os.PathLike[str] | None = None,
    api: Any = None,
    progress: bool = False,
) -> Path:
    """Fetch what `fetch_benchmark_models` loads, and load none of it; return where."""
    source = _check_meta_model(meta_model)
    check_flag("progress", progress)
    splits, home, api = [*splits], folder_of_data(data_home), client(api)
    available = _list_files(api)
    version = _resolve_version(version, splits, available)
    folder = home / version
    make_folder(folder)
    if (folder / models_file("live")).exists() and "live" not in splits:
        splits = [*splits, "live"]

    files = _plan(folder, splits, bool(meta_model), targets, features)
    source = source or _source_of(folder / META_MODEL_FILE)
    other = META_MODEL_FILE in files and source not in (None, version)
    if other:
        del files[META_MODEL_FILE]
    _check_available(version, files, available)
    _keep_all(api, folder, files, progress)
    if other:
        _keep_other_meta_model(api, folder, str(source), splits[0], progress)
    return folder


def _check_splits(splits: Any) -> list[str]:
    if isinstance(splits, str) or not isinstance(splits, Sequence) or not splits:
        raise ValueError(f"`splits` must be a list of splits; got {splits!r}")
    for split in splits:
        check_choice("splits", split, SPLITS)
    return list(dict.fromkeys(splits))


def _check_meta_model(meta_model: Any) -> str | None:
    """Return the release to take the Meta Model from, if one is named."""
    if isinstance(meta_model, bool):
        return None
    if not isinstance(meta_model, str) or not _SOURCE.fullmatch(meta_model):
        raise ValueError(
            "`meta_model` must be True, False, or a release such as 'v4.3' or, as it "
            f"was in a round, 'v4.3@842'; got {meta_model!r}"
        )
    return meta_model


def _source_of(path: Path) -> str | None:
    """Return the release that a copy was taken from, where it is another."""
    record = read_record(path) if path.is_file() else None
    return None if record is None else record.get("source")


def _keep_other_meta_model(
    api: Any, folder: Path, source: str, split: str, progress: bool
) -> None:
    """Keep the Meta Model of another release, if it has rows of the split."""
    release, _, number = source.partition("@")
    name, path = f"{release}/{META_MODEL_FILE}", folder / META_MODEL_FILE
    models = EraFile(folder / models_file(split))

    def check(unfinished: Path) -> None:
        try:
            check_other_meta_model(unfinished, models)
        except ValueError as error:
            told = str(error).replace(str(unfinished), f"{META_MODEL_FILE} of {source}")
            raise ValueError(told) from error

    with (
        alone_with(path, progress),
        RemoteFile(api, name, int(number) if number else None) as remote,
    ):
        keep_whole(remote, path, source=source, check=check, progress=progress)


def _check_targets(targets: Any) -> list[str] | bool:
    if isinstance(targets, bool):
        return targets
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        raise ValueError(
            f"`targets` must be True, False or a list of names; got {targets!r}"
        )
    return list(targets)


def _check_features(features: Any) -> str | list[str] | None:
    if features is None or isinstance(features, str):
        return features
    if not isinstance(features, Sequence):
        raise ValueError(
            "`features` must be the name of a feature set, a list of names or None; "
            f"got {features!r}"
        )
    return list(features) or None


def folder_of_data(data_home: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder in which whatever is fetched is kept."""
    if data_home is None:
        data_home = os.environ.get("SKBENCH_HOME") or "~/skbench_data"
    return as_path(data_home, "data_home").expanduser()


def _list_files(api: Any) -> list[str]:
    """Ask for the names of all files that the server has."""
    names = api.list_datasets()
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ConnectionError(
            "Numerai answered `listDatasets` with something else than a list of names "
            f"(a {type(names).__name__}): try again later"
        )
    return names


def _resolve_version(version: Any, splits: list[str], available: Sequence[str]) -> str:
    """Return a version that the server has; "latest" is the highest by number."""
    files: dict[str, set[str]] = {}
    for folder, _, name in (path.rpartition("/") for path in available):
        files.setdefault(folder, set()).add(name)
    numbered = [found for found in files if re.fullmatch(r"v\d+(\.\d+)*", found)]
    numbered.sort(key=lambda found: [int(part) for part in found[1:].split(".")])
    given = version if isinstance(version, str) else ""
    if given == "latest":
        needed = {models_file(split) for split in splits}
        complete = [found for found in numbered if needed <= files[found]]
        if complete:
            return complete[-1]
        reason = f"Numerai has no version with {listed(sorted(needed))}"
    elif given in numbered:
        return given
    else:
        reason = f"`version` must be one that Numerai has, or 'latest'; got {version!r}"
    raise ValueError(
        f"{reason}; it has {listed(numbered, limit=100)}. Files of another one that "
        "were fetched earlier can be used as they are"
    )


def _plan(
    folder: Path,
    splits: list[str],
    meta_model: bool,
    targets: list[str] | bool,
    features: Any,
) -> dict[str, Choose | None]:
    """Return the files to fetch, each with what chooses its columns, if so.

    Those with columns to choose come first: a wrong name is found before much is read.
    """
    files: dict[str, Choose | None] = {FEATURES_FILE: None}
    for split in splits:
        some = targets if split != "live" else False
        if some or features:
            files[main_file(split)] = _chooser(folder, split, some, features)
    if meta_model and splits != ["live"]:
        files[META_MODEL_FILE] = None
    return files | dict.fromkeys(map(models_file, splits))


def _check_available(
    version: str, files: Iterable[str], available: Sequence[str]
) -> None:
    if missing := [name for name in files if f"{version}/{name}" not in available]:
        there = [path for path in available if path.startswith(f"{version}/")]
        raise ValueError(
            f"Numerai has no {listed(missing)} in version {version}; it has "
            f"{listed(sorted(there), limit=100)}: ask for less, or another version"
        )


def _keep_all(
    api: Any, folder: Path, files: dict[str, Choose | None], progress: bool
) -> None:
    """Keep files of the release after which the folder is called."""
    for name, choose in files.items():
        path, remote = folder / name, f"{folder.name}/{name}"
        with alone_with(path, progress), RemoteFile(api, remote) as file:
            _keep(file, path, choose, progress)


def _keep(
    remote: RemoteFile, path: Path, choose: Choose | None, progress: bool
) -> None:
    if choose is None:
        keep_whole(remote, path, progress=progress)
    else:
        keep_columns(remote, path, choose, progress=progress)


def _chooser(
    folder: Path, split: str, targets: list[str] | bool, features: Any
) -> Choose:
    """Return what chooses the columns to fetch from the names of all of a file."""

    def choose(columns: Sequence[str]) -> list[str]:
        source = main_file(split)
        if isinstance(targets, bool):
            kind = ("target",) if targets else ()
            chosen = [name for name in columns if name.startswith(kind)]
        else:
            chosen = resolve_columns(targets, columns, "targets", source)
        sets = feature_sets(folder / FEATURES_FILE) if isinstance(features, str) else {}
        return chosen + resolve_features(features, sets, columns, source)

    return choose
