"""An exported file tried, and a submission checked, before anything is sent."""

from ._check import check_predict
from ._duplicates import find_duplicates
from ._environment import runner_python as runner_python
from ._problems import prediction_problems as prediction_problems
from ._problems import refuse as refuse
from ._report import CheckReport
from ._runners import DEFAULT as DEFAULT
from ._runners import RUNNERS as RUNNERS
from ._runners import python_of as python_of
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
