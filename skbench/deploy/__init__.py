"""From a fitted pipeline to Numerai: run there as a file, or submitted from here."""

from .check import (
    CheckReport,
    check_predict,
    find_duplicates,
    submission,
    validate_submission,
)
from .export import export_predict, load_trusted
from .send import (
    Diagnostics,
    ModelReceipt,
    SubmissionReceipt,
    diagnostics,
    submit,
    upload_model,
)
from .send import Round as Round
from .send import current_round as current_round
from .send import find_model as find_model
from .send import submitted as submitted

__all__ = [
    "CheckReport",
    "Diagnostics",
    "ModelReceipt",
    "SubmissionReceipt",
    "check_predict",
    "diagnostics",
    "export_predict",
    "find_duplicates",
    "load_trusted",
    "submission",
    "submit",
    "upload_model",
    "validate_submission",
]
