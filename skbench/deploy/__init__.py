"""From a fitted pipeline to Numerai: run there as a file, or submitted from here."""

from ._check import check_predict
from ._check_report import CheckReport
from ._duplicates import find_duplicates
from ._export import export_predict
from ._receipt import ModelReceipt, SubmissionReceipt
from ._submission import submission
from ._submit import submit
from ._trusted import load_trusted
from ._upload_model import upload_model
from ._validate import validate_submission

__all__ = [
    "CheckReport",
    "ModelReceipt",
    "SubmissionReceipt",
    "check_predict",
    "export_predict",
    "find_duplicates",
    "load_trusted",
    "submission",
    "submit",
    "upload_model",
    "validate_submission",
]
