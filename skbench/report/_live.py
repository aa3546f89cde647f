"""From the tidy scores of live rounds to what a report is made of."""

import re
from typing import Any

from skbench.metrics import Frames, by_score, read_live


def live_tables(scores: Any) -> tuple[Frames, Frames]:
    """Return rounds x models by score: the last values, and which of them are open."""
    last = read_live(scores, needed=("day", "resolved")).dropna(subset="value")
    if last.empty:
        raise ValueError("`scores` has no value: has any round been scored yet?")
    # What is not there is neither resolved nor open.
    resolved = by_score(last, "resolved")
    is_open = {score: frame.eq(False) for score, frame in resolved.items()}
    return by_score(last, "value"), is_open


def horizon_in_rounds(score: str) -> int:
    """Count the rounds over which a score shares days with others: a day each, and 4.

    The days are the number that the name of the score ends in; 60 if there is none.
    """
    days = re.search(r"(?<!\d)(\d{1,4})$", score)
    return (int(days[1]) if days else 60) + 4
