"""Why a round could not be submitted: errors that a program can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager


class KeysError(PermissionError):
    """API keys are missing or wrong, or their account lacks a model."""


class DataError(ValueError):
    """Numerai's files cannot be used, or not for the ensemble that is asked for."""


class RefusedError(ValueError):
    """Predictions do not pass the checks, or Numerai refuses; nothing was submitted."""


@contextmanager
def raised_as(kind: type[Exception]) -> Iterator[None]:
    """Raise what is wrong in one step as the error of that step."""
    try:
        yield
    except ValueError as error:
        raise kind(str(error)) from error
