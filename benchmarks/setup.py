"""How much work the rows do, and what they share."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Sizes:
    """Eras, rows, models and features; by default those that the limits are for."""

    eras: int = 200
    rows: int = 5000
    models: int = 22
    features: int = 2376
    columns: int = 20
    exposed_models: int = 20
    exposed_features: int = 300
    scored_eras: int = 100
    refit_eras: int = 600
    streamed_eras: int = 600
    streamed_features: int = 780
    batch_rows: int = 0  # 0: as many as streaming takes by itself
    grown_eras: int = 25
    grown_features: tuple[int, ...] = (40, 780, 2376, 3555)
    grown_models: tuple[int, ...] = (2, 22, 60)


FULL = Sizes()
# About a minute in all. Small work shows more of the fixed cost of a call.
QUICK = Sizes(
    eras=20,
    features=780,
    scored_eras=5,
    exposed_models=5,
    refit_eras=60,
    streamed_eras=40,
    streamed_features=60,
    batch_rows=10_000,
    grown_eras=5,
    grown_features=(40, 780),
)


@dataclass(frozen=True)
class Setup:
    """What a row is given: sizes, threads for either side, and random numbers."""

    sizes: Sizes
    threads: int = 2
    folder: Path | None = None  # for files, gone after the last row
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
