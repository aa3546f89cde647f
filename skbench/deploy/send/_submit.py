"""Predictions sent to Numerai, and seen to have arrived: `submit`."""

import os
import tempfile
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import check_flag, check_name
from skbench._frames import convert
from skbench._numerai import client
from skbench.datasets import fetch_benchmark_models
from skbench.deploy.check import read_submission, submission, validate_file

from ._account import find_model
from ._receipt import SubmissionReceipt
from ._upload import ask, deliver

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
) -> SubmissionReceipt:
    """Validate predictions, send them to Numerai, and see that they arrived.

    A dry run does all but send: it validates the predictions, and asks Numerai whether
    the account has the model and which round is the current one. Otherwise the file is
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
        What `submission` makes a frame of; or the CSV file of a submission.
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

    Returns
    -------
    receipt : SubmissionReceipt
        The model, the round, the number of rows and the id of the submission.

    Raises
    ------
    ValueError
        If the predictions cannot be submitted, the account has no such model, the keys
        are missing or wrong, or Numerai refuses. Nothing was submitted.
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
    check_name("model_name", model_name, "the name of a model of yours")
    api = client(api)
    live = _fetch_live(api) if live_ids is None else live_ids
    frame = _frame(predictions, live, allow_ties)
    model_id = find_model(api, model_name)
    receipt = SubmissionReceipt(
        model_name,
        _current_round(api),
        len(frame),
        dry_run=bool(dry_run),
        ids_given=live_ids is not None,
    )
    if dry_run:
        return receipt
    about = {"tournament": api.tournament_id, "modelId": model_id}
    made, verified = deliver(
        "submission",
        frame.to_csv(index=False, lineterminator="\n").encode(),
        address=lambda: ask(api, _ADDRESS, {"filename": _FILENAME, **about}),
        create=lambda name: ask(api, _CREATE, {"filename": name, **about}),
        listed=lambda: api.submission_ids(model_id) or [],
        download=lambda made_id: str(ask(api, _DOWNLOAD, {"id": made_id})["url"]),
        is_same=lambda content: _is_same(content, frame),
    )
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
        checked = validate_file(predictions, "predictions", live_ids, allow_ties)
        frame: pd.DataFrame = checked.astype({"prediction": np.float64})
        return frame
    made = submission(predictions, live_ids, allow_ties=allow_ties)
    frame = convert(made, "pandas", [])
    return frame


def _current_round(api: Any) -> int:
    try:
        number = api.get_current_round()
    except (IndexError, TypeError):  # what numerapi raises where there are no rounds
        number = None
    if number is None:
        raise ValueError("Numerai has no round to submit to: try again when one opens")
    return int(number)


def _is_same(content: bytes, frame: pd.DataFrame) -> bool:
    """Whether a file holds the ids and predictions of a frame, in its order."""
    try:
        back = read_submission(content)
    except ValueError:
        return False
    return list(back.columns) == list(frame.columns) and all(
        np.array_equal(back[name], frame[name]) for name in frame.columns
    )
