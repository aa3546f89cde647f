"""What is known of a submission or a model once it was sent, or would have been."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SubmissionReceipt:
    """What `submit` did.

    Attributes
    ----------
    model : str
        Name of the model.
    round : int
        Number of the round that was current.
    n_rows : int
        Number of predictions.
    dry_run : bool
        Whether nothing was sent.
    submission_id : str or None
        Numerai's id of the submission; None in a dry run.
    verified : bool
        Whether the predictions were read back and are those that were sent.
    ids_given : bool
        Whether the live ids were passed to `submit`. Numerai was not asked then whether
        they are those of the round.
    """

    model: str
    round: int
    n_rows: int
    dry_run: bool
    submission_id: str | None = None
    verified: bool = False
    ids_given: bool = False

    def __str__(self) -> str:
        """Write it as a sentence."""
        what = f"{self.n_rows:,} predictions for {self.model!r}, round {self.round}"
        if self.dry_run:
            ids = " for the ids given" if self.ids_given else ""
            return f"Dry run: {what}, are valid{ids}; nothing was sent"
        return f"{_state(self.verified)}: {what}, as {self.submission_id}"

    __repr__ = __str__


@dataclass(frozen=True)
class ModelReceipt:
    """What `upload_model` did.

    Attributes
    ----------
    model : str
        Name of the model.
    data_version : str
        Data version of the frames that it will be given.
    docker_image : str
        Name of the image that it will run in.
    n_bytes : int
        Size of the file.
    dry_run : bool
        Whether nothing was sent.
    upload_id : str or None
        Numerai's id of the upload; None in a dry run.
    verified : bool
        Whether the file was read back and is the one that was sent.
    status : str or None
        How far Numerai was with validating the model, in its own words, right after
        the upload; None in a dry run or where it did not say.
    """

    model: str
    data_version: str
    docker_image: str
    n_bytes: int
    dry_run: bool
    upload_id: str | None = None
    verified: bool = False
    status: str | None = None

    def __str__(self) -> str:
        """Write it as a sentence."""
        what = (
            f"a file of {self.n_bytes:,} bytes for {self.model!r}, to run on data "
            f"{self.data_version} in {self.docker_image!r}"
        )
        if self.dry_run:
            return f"Dry run: {what}; nothing was sent"
        status = f" (validation: {self.status})" if self.status else ""
        return f"{_state(self.verified)}: {what}, as {self.upload_id}{status}"

    __repr__ = __str__


def _state(verified: bool) -> str:
    return "Received" if verified else "Sent, but NOT verified"
