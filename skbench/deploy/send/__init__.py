"""Submissions and models sent to Numerai, and seen to have arrived."""

from ._diagnostics import Diagnostics, diagnostics
from ._receipt import ModelReceipt, SubmissionReceipt
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
