"""Warnings that point at the line of the caller."""

import sys
import warnings

# Of the frames between a warning and the caller: a cached property is one, too.
_INSIDE = ("skbench.", "sklearn.", "functools")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the caller that is outside skbench and scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
