"""A round submitted, or left alone where it is: `run_daily`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skbench._checks import check_flag, check_name, listed
from skbench._disk import disk_errors
from skbench._files import Address, as_path
from skbench._locks import locked
from skbench._numerai import client
from skbench.datasets import fetch_files
from skbench.deploy import (
    Round,
    SubmissionReceipt,
    current_round,
    find_model,
    submit,
    submitted,
)
from skbench.folders import ensemble_folder, ensemble_pipeline
from skbench.tournament import models_file, open_file

from ._config import OF_FIT, OF_PIPELINE, Options, check_models, chosen, features_of
from ._errors import DataError, KeysError, RefusedError, raised_as
from ._result import Daily

Tell = Callable[[str], object]


def run_daily(
    models: Mapping[str, Mapping[str, Any]],
    output: Address,
    *,
    version: str = "latest",
    data_home: Address | None = None,
    dry_run: bool = True,
    api: Any = None,
    tell: Tell | None = None,
) -> Daily:
    """Make the predictions of a round and submit them: what a timer calls each day.

    For each model the files that have changed are fetched, an ensemble of Numerai's
    models is made of them, and the predictions of its live rows are checked and
    submitted. A dry run does all but submit.

    It may be called as often as you like. A model that has a submission in the round
    is left alone, whoever made it. One that was cut off, or could not be verified, is
    seen to: the next call compares what Numerai has with the predictions, and submits
    them if they differ. Only one call at a time works on an output folder.

    Where something is wrong with one model, the others are still seen to, and then the
    first error is raised. It needs the API keys that `submit` needs; they are tried
    before anything is fetched.

    Parameters
    ----------
    models : mapping of str to mapping
        From names of your models to the options of their ensembles: those of
        `ensemble_pipeline`, and ``target`` and ``chunk`` as in `ensemble_folder`.
    output : path-like
        Folder for the predictions and pipelines, called after the models. It is made
        if need be.
    version : str, default="latest"
        Data version, as in `fetch_benchmark_models`.
    data_home : path-like, default=None
        Folder of Numerai's files, as in `fetch_benchmark_models`.
    dry_run : bool, default=True
        Whether to submit nothing.
    api : numerapi.NumerAPI, default=None
        Client to use. None: a new one, with the keys of the environment.
    tell : callable, default=None
        Called with a sentence for each step that is done. None: nobody is told.

    Returns
    -------
    done : Daily
        The round, and the receipt of each model.

    Raises
    ------
    ValueError
        If an argument cannot be used. Nothing was asked of Numerai.
    KeysError
        If keys are missing or wrong, or the account has no such model. It is a
        PermissionError.
    ConnectionError
        If Numerai cannot be reached, or what it has is not what was sent.
    DataError
        If Numerai's files cannot be used, or not for such an ensemble. It is a
        ValueError.
    RefusedError
        If no round is open, the predictions do not pass the checks, or Numerai refuses
        them. It is a ValueError.
    BlockingIOError
        If another call is at work on the output folder.
    OSError
        If a file cannot be written.

    See Also
    --------
    skbench.deploy.submit : What the checks are, and which keys are needed.

    Examples
    --------
    >>> from skbench.daily import run_daily
    >>> models = {"my_model": {"fit": "corr", "neutralize": "small"}}
    >>> print(run_daily(models, "predictions"))  # doctest: +SKIP
    round 1344 my_model 6733 rows dry run
    """
    check_flag("dry_run", dry_run)
    check_name("version", version, "a data version, such as 'v5.3', or 'latest'")
    if tell is not None and not callable(tell):
        raise ValueError(f"`tell` must be a function or None; got {tell!r}")
    check_models(models)
    folder = _check_folder(output)
    api, tell = client(api), tell or _to_nobody
    with raised_as(KeysError):
        ids = {name: find_model(api, name) for name in models}
    tell(f"Keys accepted, for {listed(models)}")
    with raised_as(RefusedError):
        round_ = current_round(api)
    tell(f"Round {round_.number} is open")
    shared = _Shared(api, round_, folder, version, data_home, bool(dry_run), tell)
    receipts, failed = {}, []
    with _alone_in(folder):
        for name, options in models.items():
            try:
                receipts[name] = _see_to(name, ids[name], options, shared)
            except (OSError, ValueError) as error:
                failed.append(error)
                tell(f"{name}: failed, {getattr(error, 'strerror', None) or error}")
    if failed:
        raise failed[0]
    return Daily(round_.number, receipts)


def _to_nobody(line: str) -> None:
    pass


def _check_folder(output: Address) -> Path:
    folder = as_path(output, "output").expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`output` must name a folder; {folder} is a file")
    return folder


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make the folder of the outputs, and refuse to work beside another call."""

    def busy(owner: str) -> None:
        raise BlockingIOError(
            f"{owner} is at work on {folder}: wait until it is done, or stop it"
        )

    with disk_errors(folder, "output", "name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "daily", busy):
        yield


@dataclass(frozen=True)
class _Shared:
    """What the models of a call have in common."""

    api: Any
    round_: Round
    output: Path
    version: str
    data_home: Address | None
    dry_run: bool
    tell: Tell
    fetched: dict[Any, Path] = field(default_factory=dict)


def _see_to(
    name: str, model_id: str, options: Options, shared: _Shared
) -> SubmissionReceipt | None:
    """Submit the predictions of a model, unless that was done in this round."""
    note = shared.output / f".{name}.sending"
    with raised_as(RefusedError):
        if not shared.dry_run and _is_done(note, model_id, shared):
            shared.tell(f"{name}: already submitted in this round, and left alone")
            return None
    with raised_as(DataError):
        file = _predicted(name, options, shared)
    with (
        nullcontext() if shared.dry_run else _noted(note, shared.round_),
        raised_as(RefusedError),
    ):
        receipt = submit(
            file, name, api=shared.api, dry_run=shared.dry_run, again=False
        )
    shared.tell(f"{name}: {receipt}")
    return receipt


def _is_done(note: Path, model_id: str, shared: _Shared) -> bool:
    """Whether there is a submission in the round that need not be looked at again."""
    ours = note.is_file() and note.read_text(encoding="utf-8")
    unknown = ours == str(shared.round_.number)
    return not unknown and submitted(shared.api, model_id, shared.round_) is not None


@contextmanager
def _noted(note: Path, round_: Round) -> Iterator[None]:
    """Keep a note of the round as long as it is not known what Numerai has of us.

    So it stays where the process is killed, or what was sent could not be verified.
    """
    note.write_text(str(round_.number), encoding="utf-8")
    try:
        yield
    except ValueError:  # nothing was submitted
        note.unlink()
        raise
    note.unlink()


def _predicted(name: str, options: Options, shared: _Shared) -> Path:
    """Make the ensemble of what Numerai has now; return the file of its predictions."""
    features = features_of(options)
    if features not in shared.fetched:
        shared.fetched[features] = _fetch(features, shared)
    folder = shared.fetched[features]
    made = ensemble_folder(
        folder,
        shared.output / f"{name}.parquet",
        ensemble_pipeline(folder, **chosen(options, OF_PIPELINE)),
        **chosen(options, OF_FIT),
    )
    shared.tell(f"{name}: predictions written to {made.file}")
    return made.file


def _fetch(features: Any, shared: _Shared) -> Path:
    """Fetch what has changed."""
    folder = fetch_files(
        shared.version, features=features, data_home=shared.data_home, api=shared.api
    )
    live = open_file(folder, models_file("live")).source
    shared.tell(f"Fetched {folder}: {live.n_rows:,} live rows")
    return folder
