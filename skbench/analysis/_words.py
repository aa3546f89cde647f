"""Numbers and their intervals, as sentences write them."""

from math import ceil

# No one waits for more eras than that.
_MOST_ERAS = 1000


def percent(confidence: float) -> str:
    """Confidence, in percent."""
    return f"{100 * confidence:g} %"


def counted(n: float) -> str:
    """So many eras."""
    return "1 era" if n == 1 else f"{n:.0f} eras"


def decimals(low: float, high: float, least: int) -> int:
    """How many decimals tell the ends of an interval apart; a few more at most."""
    if low == high:
        return least
    some = range(least, least + 3)
    return next((d for d in some if f"{low:.{d}f}" != f"{high:.{d}f}"), least + 3)


def too_few(n_eras: float, least: int) -> str:
    """Say why there is no interval; ``least`` is how many eras it takes."""
    return f"{counted(n_eras)}, too few for an interval, which takes {least}"


def until_told(value: float, half: float, n_eras: float) -> str:
    """Say how many eras would tell a mean from 0, whose interval holds it.

    Half an interval shrinks with the root of the number of eras.
    """
    if value == 0.0:
        return ""
    ratio = float(half) / abs(float(value))  # of floats, too large a one is infinite
    needed = n_eras * ratio * ratio
    if needed > _MOST_ERAS:
        eras = f"more than {_MOST_ERAS:,} eras"
    else:
        eras = f"some {10 * ceil(needed / 10)} eras"
    return f" To tell it from 0 would take {eras} in all, if it stays as it is."
