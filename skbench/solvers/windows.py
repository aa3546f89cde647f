"""Windows of eras in the order of time: those to learn from and those to predict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """Positions of the eras to train on and of those to test on, in their order."""

    train: list[int]
    test: list[int]


@dataclass(frozen=True)
class Chunks:
    """Eras in chunks of one size, each predicted from the eras before it.

    ``purge`` eras before a chunk are left out; ``max_train_eras`` None: all before it.
    """

    size: int
    purge: int
    first_era: int
    max_train_eras: int | None = None

    def windows(self, numbers: Floats) -> list[Window]:
        """Return the windows of eras by their numbers, in the order of time."""
        order = np.argsort(numbers, kind="stable").tolist()
        chunks: dict[int, list[int]] = {}
        for position in order:
            chunk = int((numbers[position] - self.first_era) // self.size)
            chunks.setdefault(chunk, []).append(position)
        windows = []
        for chunk, test in chunks.items():
            first, end = self.train_span(chunk)
            train = [position for position in order if first <= numbers[position] < end]
            if train:
                windows.append(Window(train, test))
        return windows

    def train_span(self, chunk: int) -> tuple[int, int]:
        """First training era of a chunk's window, and the era after the last."""
        end = self.first_era + chunk * self.size - self.purge
        if self.max_train_eras is None:
            return self.first_era, end
        return max(self.first_era, end - self.max_train_eras), end
