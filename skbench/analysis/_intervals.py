"""Intervals of means over eras: moving-block bootstrap."""

import copy
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from skbench._base import check_count, check_resamples
from skbench._eras import horizon_of
from skbench._frames import name_of
from skbench.kernels.bootstrap import block_counts, mean_interval
from skbench.metrics._summary import check_confidence

Floats = NDArray[np.float64]


class Bootstrap:
    """How to resample eras; the block length is that of the target, unless given."""

    def __init__(
        self,
        y: Any,
        *,
        n_bootstrap: int,
        block_size: int | None,
        confidence: float,
        random_state: Any,
    ) -> None:
        check_resamples(n_bootstrap)
        if block_size is not None:
            check_count("block_size", block_size, 1)
        check_confidence(confidence)
        self.n_bootstrap = int(n_bootstrap)
        self.block_size = int(block_size or horizon_of(name_of(y)))
        self.confidence = float(confidence)
        self.seed = int(check_random_state(random_state).randint(2**31 - 1))

    @property
    def percent(self) -> str:
        """The confidence, as a sentence writes it."""
        return f"{100 * self.confidence:g} %"

    def at_least(self, n_bootstrap: int) -> Self:
        """Return the same with more resamples, if these are fewer."""
        other = copy.copy(self)
        other.n_bootstrap = max(self.n_bootstrap, n_bootstrap)
        return other

    def of_means(self, name: str, values: Floats) -> dict[str, Floats]:
        """Mean over eras of each column (n_eras, n_columns), and its interval."""
        low, high = mean_interval(
            np.ascontiguousarray(values.T),
            self.block_size,
            self.n_bootstrap,
            self.confidence,
            self.seed,
        )
        means = pd.DataFrame(values).mean().to_numpy()
        return {name: means, f"{name}_low": low, f"{name}_high": high}

    def resamples(self, n_eras: int) -> Floats | None:
        """Weights of the eras in each resample; None for fewer than two blocks."""
        if n_eras < 2 * self.block_size or not self.n_bootstrap:
            return None
        rng = np.random.default_rng(self.seed)
        return block_counts(n_eras, self.block_size, self.n_bootstrap, rng) / n_eras

    def limits(self, resampled: Floats) -> Floats:
        """Return the ends of the interval of what was found in each resample."""
        tail = (1.0 - self.confidence) / 2
        ends: Floats = np.quantile(resampled, [tail, 1.0 - tail], axis=0)
        return ends
