"""Intervals of means over eras whose targets overlap."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skbench._checks import check_confidence
from skbench._eras import check_horizon
from skbench._frames import name_of
from skbench.solvers import intervals

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Intervals:
    """Over how many eras scores share days, and how probable intervals are to be."""

    horizon: int
    confidence: float

    @classmethod
    def checked(cls, y: Any, horizon: Any, confidence: Any) -> Self:
        """Check what is given; a horizon of None is that of the name of y."""
        return cls.of_target(name_of(y), horizon, confidence)

    @classmethod
    def of_target(cls, name: str | None, horizon: Any, confidence: Any) -> Self:
        """Check what is given; a horizon of None is that of the name of a target."""
        check_confidence("confidence", confidence)
        return cls(check_horizon(horizon, name), float(confidence))

    def of(
        self, series: Floats, numbers: Floats, n_chosen_from: int = 1
    ) -> intervals.Estimate:
        """Mean of each series, (n_series, n_eras), of eras at some times."""
        return intervals.of_means(
            series, numbers, self.horizon, self.confidence, n_chosen_from
        )

    def of_means(self, name: str, values: Floats, numbers: Floats) -> dict[str, Floats]:
        """Mean over eras of each column (n_eras, n_columns), and its interval."""
        found = self.of(values.T, numbers)
        return {
            name: found.value,
            f"{name}_low": found.low,
            f"{name}_high": found.high,
        }

    def joint(self, name: str, values: Floats, numbers: Floats) -> dict[str, Floats]:
        """Find the intervals that hold for all columns together (Sidak)."""
        found = self.of(values.T, numbers, max(values.shape[1], 1))
        return {f"{name}_joint_low": found.low, f"{name}_joint_high": found.high}

    def least_eras(self, numbers: Floats) -> int:
        """How many eras an interval needs."""
        return intervals.least_eras(numbers, self.horizon)
