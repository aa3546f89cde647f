"""An exported file tried, and a submission checked, before anything is sent."""

from ._check import check_predict
from ._check_report import CheckReport
from ._duplicates import find_duplicates
from ._validate import validate_submission

__all__ = ["CheckReport", "check_predict", "find_duplicates", "validate_submission"]
