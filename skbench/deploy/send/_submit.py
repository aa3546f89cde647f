"""Predictions sent to Numerai, and seen to have arrived: `submit`."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import check_flag
from skbench._numerai import client
from skbench.deploy.check._ids import ID, fetch_live_ids
from skbench.deploy.check._validate import PREDICTION, read_submission, validate_file

from ._account import check_model_name, find_model
from ._receipt import SubmissionReceipt
from ._submission import submission
from ._upload import ask, put_file, read_back, unverified

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
    check_model_name(model_name)
    api = client(api)
    live = fetch_live_ids(api) if live_ids is None else live_ids
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
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    submission_id = _send(api, content, model_id)
    _verify(api, frame, len(content), model_id, submission_id)
    return replace(receipt, submission_id=submission_id, verified=True)


def _frame(predictions: Any, live_ids: Any, allow_ties: bool) -> pd.DataFrame:
    if isinstance(predictions, (str, os.PathLike)):
        checked = validate_file(predictions, "predictions", live_ids, allow_ties)
        frame: pd.DataFrame = checked.astype({PREDICTION: np.float64})
        return frame
    return submission(predictions, live_ids, allow_ties=allow_ties)


def _current_round(api: Any) -> int:
    try:
        number = api.get_current_round()
    except (IndexError, TypeError):  # what numerapi raises where there are no rounds
        number = None
    if number is None:
        raise ValueError("Numerai has no round to submit to: try again when one opens")
    return int(number)


def _send(api: Any, content: bytes, model_id: str) -> str:
    """Send the file, then make a submission of it; return the submission's id."""
    about = {"tournament": api.tournament_id, "modelId": model_id}
    address = ask(api, _ADDRESS, {"filename": _FILENAME, **about})
    put_file(address["url"], content)
    with unverified("the submission"):
        made = ask(api, _CREATE, {"filename": address["filename"], **about})
    return str(made["id"])


def _verify(
    api: Any, frame: pd.DataFrame, n_bytes: int, model_id: str, submission_id: str
) -> None:
    """Read the submission back, and compare it with what was sent."""

    def address() -> Any:
        made = api.submission_ids(model_id) or []
        if submission_id not in [one["id"] for one in made]:
            raise ValueError("it is not among the model's submissions")
        return ask(api, _DOWNLOAD, {"id": submission_id})["url"]

    with unverified(f"the submission {submission_id}"):
        if not _same(read_back(address, n_bytes), frame):
            raise ConnectionError("what Numerai has differs from what was sent")


def _same(content: bytes, frame: pd.DataFrame) -> bool:
    """Whether a file holds the ids and predictions of a frame, in its order."""
    try:
        back = read_submission(content)
    except ValueError:
        return False
    return (
        list(back.columns) == list(frame.columns)
        and list(back[ID]) == list(frame[ID])
        and np.array_equal(back[PREDICTION], frame[PREDICTION])
    )
