"""Submissions and models sent to Numerai, and seen to have arrived."""

from ._receipt import ModelReceipt, SubmissionReceipt
from ._submit import submit
from ._upload_model import upload_model

__all__ = [
    "ModelReceipt",
    "SubmissionReceipt",
    "submit",
    "upload_model",
]
