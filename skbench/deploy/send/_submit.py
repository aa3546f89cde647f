"""Predictions sent to Numerai, and seen to have arrived: `submit`."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from skbench._checks import check_flag, check_name, listed
from skbench._files import Address, check_there
from skbench._frames import convert
from skbench._numerai import client
from skbench._parquet import read_parquet
from skbench.datasets import fetch_benchmark_models
from skbench.deploy.check import read_submission, submission, validate_file
from skbench.tournament import DATA_TYPE, reading

from ._account import find_model
from ._receipt import SubmissionReceipt
from ._round import Round, current_round, submitted
from ._upload import Listed, ask, deliver, read_back

_FILENAME = "predictions.csv"
_ADDRESS = """
    query($filename: String! $tournament: Int! $modelId: String) {
        submission_upload_auth(filename: $filename
                               tournament: $tournament
                               modelId: $modelId) {
            filename
            url
        }
    }
"""
_CREATE = """
    mutation($filename: String! $tournament: Int! $modelId: String) {
        create_submission(filename: $filename
                          tournament: $tournament
                          modelId: $modelId
                          source: "skbench") {
            id
        }
    }
"""
_DOWNLOAD = """
    query($id: String) {
        submissionDownloadAuth(id: $id) {
            filename
            url
        }
    }
"""


def submit(
    predictions: Any,
    model_name: str,
    *,
    live_ids: Any = None,
    api: Any = None,
    dry_run: bool = True,
    allow_ties: bool = False,
    again: bool = True,
) -> SubmissionReceipt:
    """Validate predictions, send them to Numerai, and see that they arrived.

    A dry run does all but send: it validates the predictions, and asks Numerai whether
    the account has the model and which round is open. Otherwise the file is
    sent, the submission made, and then the predictions are read back from Numerai until
    they are there, for two minutes at most, and compared with what was sent, to the
    last digit. Only where they are equal does the function return; all else is an
    error.

    It needs API keys, of the environment variables ``NUMERAI_PUBLIC_ID`` and
    ``NUMERAI_SECRET_KEY``, that may upload, download and view submissions. Requests end
    where no answer comes for 60 seconds, or not all of it in five minutes, and are sent
    again when they fail, after 1, 2, 4 and 8 seconds; but what makes the submission is
    sent once.

    Parameters
    ----------
    predictions : array-like of shape (n_rows,), DataFrame, Table or path-like
        What `submission` makes a frame of; or the CSV file of a submission; or a
        parquet file of predictions, such as `ensemble_folder` writes, of which the
        live rows are taken.
    model_name : str
        Name of one of your models.
    live_ids : array-like of str, or DataFrame, default=None
        Ids of the round's live rows, or these rows; that they are those of the current
        round is not checked. None: asked of Numerai, which costs about a megabyte and
        leaves no file.
    api : numerapi.NumerAPI, default=None
        Client to use. None: a new one.
    dry_run : bool, default=True
        Whether to send nothing.
    allow_ties : bool, default=False
        Whether to let predictions with many ties pass.
    again : bool, default=True
        Whether to send what Numerai has already. False: where the model's newest
        submission in this round holds these very predictions, nothing is sent, and the
        receipt is that of this submission.

    Returns
    -------
    receipt : SubmissionReceipt
        The model, the round, the number of rows and the id of the submission.

    Raises
    ------
    ValueError
        If the predictions cannot be submitted, the account has no such model, the keys
        are missing or wrong, no round is open, or Numerai refuses. Nothing was
        submitted.
    FileNotFoundError
        If `predictions` is a path and no file is there.
    ConnectionError
        If Numerai cannot be reached, does not take the file, or what it has is not
        what was sent. The message says whether something may have arrived.

    See Also
    --------
    validate_submission : The checks.
    upload_model : Let Numerai run the model each round.

    Examples
    --------
    >>> from skbench.deploy import submit
    >>> submit(predictions, "my_model")  # doctest: +SKIP
    Dry run: 6,733 predictions for 'my_model', round 1344, are valid; nothing was sent
    >>> submit(predictions, "my_model", dry_run=False)  # doctest: +SKIP
    Received: 6,733 predictions for 'my_model', round 1344, as 93c46857-fed9-...
    """
    check_flag("dry_run", dry_run)
    check_flag("again", again)
    check_name("model_name", model_name, "the name of a model of yours")
    if isinstance(predictions, (str, os.PathLike)):
        check_there(predictions, "predictions")
    api = client(api)
    live = _fetch_live(api) if live_ids is None else live_ids
    frame = _frame(predictions, live, allow_ties)
    model_id, round_ = find_model(api, model_name), current_round(api)
    receipt = SubmissionReceipt(
        model_name,
        round_.number,
        len(frame),
        dry_run=bool(dry_run),
        ids_given=live_ids is not None,
    )
    if dry_run:
        return receipt
    if not again and (there := _same_already(api, model_id, round_, frame)):
        return replace(receipt, submission_id=there, verified=True)
    made, verified = _deliver(api, model_id, frame)
    return replace(receipt, submission_id=str(made["id"]), verified=verified)


def _fetch_live(api: Any) -> pd.DataFrame:
    """Ask Numerai for the live rows of the current round, and keep no file."""
    with tempfile.TemporaryDirectory() as folder:
        live = fetch_benchmark_models(
            splits=["live"], meta_model=False, targets=False, data_home=folder, api=api
        )
        frame: pd.DataFrame = live.frame
        return frame


def _frame(predictions: Any, live_ids: Any, allow_ties: bool) -> pd.DataFrame:
    if isinstance(predictions, (str, os.PathLike)):
        if not os.fspath(predictions).endswith(".parquet"):
            checked = validate_file(predictions, "predictions", live_ids, allow_ties)
            return checked.astype({"prediction": np.float64})
        predictions = _read_live(predictions)
    made = submission(predictions, live_ids, allow_ties=allow_ties)
    frame: pd.DataFrame = convert(made, "pandas", [])
    return frame


def _read_live(path: Address) -> pd.DataFrame:
    """Read the live rows of a parquet file of predictions; all, if it names no kind."""
    with reading(Path(path), "Make it again"):
        table = read_parquet(path)
    if DATA_TYPE in table.column_names:
        kinds = pc.cast(table[DATA_TYPE], "string")
        table = table.filter(pc.equal(kinds, "live")).drop_columns(DATA_TYPE)
        if not table.num_rows:
            raise ValueError(
                f"`predictions` must have live rows; got {path} with rows of "
                f"{listed(pc.unique(kinds).to_pylist())}: fetch the live files, and "
                "make the ensemble again"
            )
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _deliver(api: Any, model_id: str, frame: pd.DataFrame) -> tuple[Listed, bool]:
    about = {"tournament": api.tournament_id, "modelId": model_id}
    return deliver(
        "submission",
        _content(frame),
        address=lambda: ask(api, _ADDRESS, {"filename": _FILENAME, **about}),
        create=lambda name: ask(api, _CREATE, {"filename": name, **about}),
        listed=lambda: api.submission_ids(model_id) or [],
        download=lambda made_id: _address(api, made_id),
        is_same=lambda content: _is_same(content, frame),
    )


def _content(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _address(api: Any, made_id: str) -> str:
    """Ask for the address to read a submission back from."""
    return str(ask(api, _DOWNLOAD, {"id": made_id})["url"])


def _same_already(
    api: Any, model_id: str, round_: Round, frame: pd.DataFrame
) -> str | None:
    """Return the id of the newest submission of the round if it holds these rows."""
    made_id = submitted(api, model_id, round_)
    if made_id is None:
        return None
    content = read_back(_address(api, made_id), _content(frame))
    return made_id if content is not None and _is_same(content, frame) else None


def _is_same(content: bytes, frame: pd.DataFrame) -> bool:
    """Whether a file holds the ids and predictions of a frame, in its order."""
    try:
        back = read_submission(content)
    except ValueError:
        return False
    return list(back.columns) == list(frame.columns) and all(
        np.array_equal(back[name], frame[name]) for name in frame.columns
    )
