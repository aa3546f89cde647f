"""The table of rows: each compares one piece of work with one alternative."""

from dataclasses import dataclass, field
from statistics import median

import numpy as np

from benchmarks import timing

ROWS = {}


class UnmeasurableError(Exception):
    """A row cannot be measured here, and why."""


def row(name):
    """Enter a function that makes a `Comparison` from a `Setup` in the table."""

    def enter(function):
        ROWS[name] = function
        return function

    return enter


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Ours beside another way, and the ratio asked for; without one, information."""

    work: str
    against: str
    ours: object
    other: object
    at_least: float | None = None  # so many times faster than the other
    at_most: float | None = None  # so much of what the other takes
    ceiling: float | None = None  # of ours, in `unit`
    # Makes two arrays, to be equal within the tolerance, of what both sides return.
    numbers: object = None
    tolerance: float = 0.0
    measure: object = timing.seconds
    unit: str = "s"
    warm_up: bool = True
    once: bool = False  # what does not vary, and takes minutes

    def run(self, repeats):
        """Check that the numbers agree, then measure both sides in turn."""
        result = Result(self)
        if self.warm_up:
            first = self.ours(), self.other()
            if self.numbers is not None:
                result.difference = largest_difference(*self.numbers(*first))
                if not result.difference <= self.tolerance:
                    result.note = f"the numbers differ by {result.difference:.2g}"
                    return result
            del first
        sides, repeats = (self.ours, self.other), 1 if self.once else repeats
        result.own, result.theirs = timing.interleaved(sides, repeats, self.measure)
        return result


@dataclass
class Result:
    """What a comparison found."""

    comparison: Comparison
    difference: float | None = None
    own: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def ratios(self):
        """Of each pair of measurements: as limits go, above 1 is good, or bad."""
        pairs = zip(self.own, self.theirs, strict=True)
        if self.comparison.at_most is None:
            return [theirs / own for own, theirs in pairs]
        return [own / theirs for own, theirs in pairs]

    @property
    def reached(self):
        """Whether the ratio is what is asked for; None where nothing is."""
        asked = self.comparison
        if not self.own:
            return False
        limits = [
            asked.at_least is None or median(self.ratios) >= asked.at_least,
            asked.at_most is None or median(self.ratios) <= asked.at_most,
            asked.ceiling is None or median(self.own) <= asked.ceiling,
        ]
        if (asked.at_least, asked.at_most, asked.ceiling) == (None, None, None):
            return None
        return all(limits)


def largest_difference(ours, other):
    """Largest absolute difference of two arrays; NaN where only one is NaN."""
    ours, other = np.asarray(ours, dtype=float), np.asarray(other, dtype=float)
    if ours.shape != other.shape:
        raise ValueError(f"ours has shape {ours.shape}, the other {other.shape}")
    both = np.isnan(ours) & np.isnan(other)
    return float(np.max(np.abs(ours - other), where=~both, initial=0.0))
