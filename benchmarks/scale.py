"""What a step costs per million rows, how it grows, and what a billion would take."""

import warnings
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import ceil, log2

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks import merging, steps, timing
from benchmarks.report import _joined

BILLION = 1_000_000_000
PARTITIONS = 1000


@dataclass(frozen=True)
class ScaleSizes:
    """Eras for few models and for many, searches, and the states that are merged."""

    rows: int = 5000  # of an era
    long_era: int = 100_000
    few: int = 22
    many: int = 1000
    features: tuple[int, int] = (42, 780)
    eras_of_few: int = 40
    eras_of_many: int = 1
    eras_read_of_many: int = 4
    eras_in_batches: int = 16
    # Objective, models and eras of a search; the last two of "corr" say how it grows.
    searches: tuple[tuple[str, int, int], ...] = (
        ("corr", 22, 20),
        ("corr", 22, 1000),
        ("corr", 100, 20),
        ("corr", 200, 20),
        ("mse", 100, 20),
        ("mse", 200, 20),
        ("mse", 1000, 20),
    )
    # Models, eras and parts of a tree.
    trees: tuple[tuple[int, int, int], ...] = (
        (22, 1024, 256),
        (200, 512, 128),
        (1000, 32, 16),
    )


FULL_SCALE = ScaleSizes()
QUICK_SCALE = ScaleSizes(
    many=200,
    features=(42, 200),
    eras_of_few=10,
    eras_in_batches=8,
    searches=(("corr", 10, 20), ("corr", 20, 20), ("mse", 20, 20), ("mse", 200, 20)),
    trees=((22, 128, 32), (200, 32, 16)),
)


class Scale:
    """The tables of `--scale`, on one thread."""

    def __init__(self, sizes, folder, seed=0):
        self.sizes, self.folder = sizes, folder
        self.rng = np.random.default_rng(seed)
        self.costs = {}  # seconds per million rows, by step and columns
        self.searched = {}  # seconds by objective, models and eras

    def lines(self, repeats):
        """Write each table, line by line as it is measured."""
        with threadpool_limits(1):
            yield from self._step_lines(repeats)
            yield ""
            yield from self._search_lines()
            yield ""
            yield from self._tree_lines()
            yield ""
            yield from self._estimate_lines()

    def _step_lines(self, repeats):
        yield from _head(
            "step",
            "columns",
            "s per million rows",
            "twice the eras",
            "twice the columns",
        )
        for step in steps.steps(self.sizes, self.folder, self.rng):
            cost, eras, columns = step.measure(repeats)
            of = f"{step.columns:,} {step.unit}"
            self.costs[step.name, of] = cost
            yield _joined(
                [step.name, of, f"{cost:.3g}", f"{eras:.1f}x", f"{columns:.1f}x"]
            )

    def _search_lines(self):
        yield from _head("search", "models", "eras", "s", "iterations")
        for objective, models, eras in self.sizes.searches:
            state = merging.state(models, range(eras), self.rng)
            with warnings.catch_warnings():  # the iterations tell
                warnings.simplefilter("ignore", ConvergenceWarning)
                time = timing.seconds(partial(state.refit, objective=objective))
            self.searched[objective, models, eras] = time
            numbers = f"{models:,}", f"{eras:,}", f"{time:.3g}", f"{state.n_iter_}"
            yield _joined([f'"{objective}"', *numbers])

    def _tree_lines(self):
        yield from _head(
            "models",
            "eras",
            "parts",
            "levels",
            "bytes of a part",
            "bytes at the root",
            "peak at the root",
            "s a merge",
            "s of the last",
            "weights differ by",
        )
        if find_spec("dask") is None:
            yield _joined(["not measured: dask is not installed", *[""] * 9])
            return
        for models, eras, parts in self.sizes.trees:
            yield self._tree_line(models, eras, parts)

    def _tree_line(self, models, eras, n_parts):
        parts = merging.states(models, eras, n_parts, self.rng)
        merged = merging.tree(parts, merging.merge_as_dask)
        held = merging.state_bytes(merged.root)
        difference = merging.largest_difference(merged.root, parts)
        return _joined(
            [
                f"{models:,}",
                f"{eras:,}",
                f"{n_parts:,}",
                f"{merged.depth}",
                _size(merged.sent_bytes),
                _size(held),
                f"{merged.root_peak_bytes / held:.1f} times that",
                f"{merged.median_seconds:.2g}",
                f"{merged.seconds[-1][0]:.2g}",
                f"{difference:.1g}",
            ]
        )

    def _estimate_lines(self):
        models, rows = self.sizes.many, (self.sizes.rows, self.sizes.long_era)
        eras = [BILLION // n for n in rows]
        shapes = zip(eras, rows, strict=True)
        yield from _head(
            f"{BILLION:,} rows, {models:,} models",
            *(f"{n:,} eras of {rows:,} rows" for n, rows in shapes),
        )
        for name, of in self._chain():
            seconds = self.costs[name, of] * BILLION / steps.MILLION
            longer = self._long_era_times() if name.startswith("`EraRank") else 1
            hours = [_hours(seconds), _hours(seconds * longer)]
            yield _joined([f"{name}, {of}", *hours])
        moments = [state_bytes(models, n) for n in eras]
        yield _joined(["moments of all eras", *map(_size, moments)])
        sent = (bytes_sent(held, PARTITIONS) for held in moments)
        yield _joined([f"sent by {PARTITIONS:,} partitions", *map(_size, sent)])
        search = _hours(self._search_of(models))
        yield _joined(['search "corr", on 20 eras only', search, search])

    def _chain(self):
        """Steps of an ensemble of many models, and their columns."""
        models = f"{self.sizes.many:,} models"
        features = f"{self.sizes.features[-1]:,} features"
        return [
            ("read parquet", models),
            ("`EraRankGauss`", models),
            ("moments of `StackingWeights`", models),
            ("`WeightedEnsemble`", models),
            ("read parquet, int8", features),
            ("`FeatureNeutralizer`", features),
            ("`EraRank`", "1 prediction"),
            ("write parquet", "1 prediction"),
        ]

    def _long_era_times(self):
        """How many times as long a rank takes in a long era."""
        of = f"{self.sizes.few:,} models"
        long_era = self.costs["`EraRankGauss`, one long era", of]
        return long_era / self.costs["`EraRankGauss`", of]

    def _search_of(self, models):
        """Seconds of a search, had it grown on as between the last two sizes."""
        sizes = [key for key in self.searched if key[0] == "corr"][-2:]
        (before, after), times = sizes, [self.searched[key] for key in sizes]
        power = log2(times[1] / times[0]) / log2(after[1] / before[1])
        return times[1] * (models / after[1]) ** power


def state_bytes(models, eras):
    """Bytes of the moments held: two matrices of 8-byte numbers an era, and little."""
    return 16 * models**2 * eras


def bytes_sent(held, partitions):
    """Bytes that a tree of merges sends, where each sends the smaller of its parts."""
    return held / 2 * ceil(log2(partitions))


def _head(*names):
    return _joined(names), "|" + "---|" * len(names)


def _size(n_bytes):
    """Write bytes with a unit, two digits or three."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if n_bytes < 1000 or unit == "TB":
            return f"{n_bytes:,.3g} {unit}"
        n_bytes /= 1000


def _hours(seconds):
    hours = seconds / 3600
    return f"{hours:,.0f} core hours" if hours >= 10 else f"{hours:.2g} core hours"
