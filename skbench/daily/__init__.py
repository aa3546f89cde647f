"""What is done for every round: fetch, ensemble, check, submit; and safely again."""

from ._config import read_config
from ._errors import DataError, KeysError, RefusedError
from ._result import Daily
from ._run import run_daily

__all__ = [
    "Daily",
    "DataError",
    "KeysError",
    "RefusedError",
    "read_config",
    "run_daily",
]
