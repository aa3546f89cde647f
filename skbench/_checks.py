"""Checks of parameters, and how a refusal is worded."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np

# Raises where a value, here the second, is not what a parameter of that name must be.
Check = Callable[[str, Any], object]

# A number beyond it is refused as huge: its square has hardly a sum any more.
HUGE = 1e100
# Letters from which on a part of a name tells it, and how many names are suggested.
_LEAST_PART, _MOST_ALIKE = 3, 3


def listed(names: Iterable[Hashable], limit: int = 12) -> str:
    """Write names for a message, the first few of many."""
    names = list(names)
    text = ", ".join(repr(name) for name in names[:limit])
    return text if len(names) <= limit else f"{text} and {len(names) - limit} more"


def alike(name: str, known: Iterable[Any]) -> list[str]:
    """Return the names that are like one, or contain it, whatever their case."""
    word = name.casefold()
    spelled = {str(other).casefold(): str(other) for other in known}
    around = [key for key in spelled if len(word) >= _LEAST_PART and word in key]
    keys = dict.fromkeys([*get_close_matches(word, spelled), *around])
    return [spelled[key] for key in keys][:_MOST_ALIKE]


def did_you_mean(name: Any, known: Iterable[Any]) -> str:
    """End a message on an unknown name; empty where there is none like it."""
    close = alike(name, known) if isinstance(name, str) else []
    return f"; did you mean {listed(close)}?" if close else ""


def check_bounds(bounds: Any) -> tuple[float, float]:
    """Check `single_era_rows`."""
    try:
        low, high = bounds
        if is_number(low) and is_number(high) and low < high:
            return low, high
    except (TypeError, ValueError):
        pass
    raise ValueError(
        "`single_era_rows` must be two numbers, the smaller first, between which the "
        f"row count of one era lies; got {bounds!r}"
    )


def check_choice(
    parameter: str, value: Any, choices: Sequence[Any], further: Iterable[str] = ()
) -> None:
    """Check a parameter that is one of a few values; ``further`` are words for some."""
    if not isinstance(value, str) or value not in choices:
        allowed = " or ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{parameter}` must be {allowed}; got {value!r}"
            f"{did_you_mean(value, [*choices, *further])}"
        )


def one_of(*choices: str) -> Check:
    """Return the check of a parameter that is one of these."""
    return partial(check_choice, choices=choices)


def optional(check: Check) -> Check:
    """Return a check that lets None pass."""
    return lambda parameter, value: value is None or check(parameter, value)


def check_share(parameter: str, value: Any) -> None:
    """Check a parameter that is a number between 0 and 1."""
    if not is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"`{parameter}` must be between 0 and 1; got {value!r}")


def check_name(parameter: str, value: Any, what: str = "a column name") -> None:
    """Check a parameter that is a name, of a column if nothing else is said."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{parameter}` must be {what}; got {value!r}")


def one_or_several(parameter: str, value: Any) -> list[str]:
    """Return the columns that a parameter names: one, or several, each once."""
    names = list(value) if is_several(value) else [value]
    for name in names:
        check_name(parameter, name)
    if not names:
        raise ValueError(f"`{parameter}` must name a column at least; got {value!r}")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"`{parameter}` names a column twice: {listed(twice)}")
    return names


def check_positive(parameter: str, value: Any) -> None:
    """Check a parameter that is a number above 0."""
    if not is_number(value) or not 0 < value < float("inf"):
        raise ValueError(f"`{parameter}` must be above 0; got {value!r}")


def check_flag(parameter: str, value: Any) -> None:
    """Check a parameter that is true or false."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{parameter}` must be True or False; got {value!r}")


def check_count(
    parameter: str, value: Any, least: int, most: float = float("inf")
) -> None:
    """Check a parameter that is a whole number."""
    whole = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
    if not whole or value < least:
        raise ValueError(
            f"`{parameter}` must be a whole number of at least {least}; got {value!r}"
        )
    if value > most:
        raise ValueError(f"`{parameter}` must be at most {most:,}; got {value!r}")


def check_confidence(parameter: str, value: Any) -> None:
    """Check the probability of an interval."""
    if not is_number(value) or not 0 < value < 1:
        raise ValueError(f"`{parameter}` must be above 0 and below 1; got {value!r}")


def is_several(value: Any) -> bool:
    """Whether a value is a collection of others; a text and an array of one are not."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return False
    return bool(getattr(value, "ndim", 1) > 0)


def is_number(value: Any) -> bool:
    """Whether a value is a real number that a float can hold, and no bool."""
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def check_jobs(n_jobs: Any) -> None:
    """Check a number of threads, as joblib takes it."""
    whole = isinstance(n_jobs, Integral) and not isinstance(n_jobs, bool)
    if n_jobs is not None and not (whole and n_jobs != 0 and abs(n_jobs) < 2**31):
        raise ValueError(
            f"`n_jobs` must be None or a whole number other than 0; got {n_jobs!r}"
        )
