"""Submissions and models sent to Numerai, and seen to have arrived."""

from ._account import find_model as find_model
from ._diagnostics import Diagnostics, diagnostics
from ._receipt import ModelReceipt, SubmissionReceipt
from ._round import Round as Round
from ._round import current_round as current_round
from ._round import submitted as submitted
from ._submit import submit
from ._upload_model import upload_model

__all__ = [
    "Diagnostics",
    "ModelReceipt",
    "SubmissionReceipt",
    "diagnostics",
    "submit",
    "upload_model",
]
