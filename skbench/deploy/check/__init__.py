"""An exported file tried, and a submission checked, before anything is sent."""

from ._check import check_predict
from ._duplicates import find_duplicates
from ._report import CheckReport
from ._submission import submission
from ._validate import read_submission as read_submission
from ._validate import validate_file as validate_file
from ._validate import validate_submission

__all__ = [
    "CheckReport",
    "check_predict",
    "find_duplicates",
    "submission",
    "validate_submission",
]
