"""The steps of an ensemble on rows of their own, to be timed in several sizes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import pandas as pd

from benchmarks import data, timing
from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)

MILLION = 1_000_000
ERAS_A_CALL = 4


@dataclass(frozen=True)
class Step:
    """A step on so many eras and columns."""

    name: str
    unit: str  # what the columns are
    eras: int
    rows: int  # of an era
    columns: int
    work: Callable  # from eras, rows of an era, columns to a call without arguments

    def measure(self, repeats):
        """Seconds per million rows; how many times that of twice the work."""
        calls = [
            self.work(self.eras, self.rows, self.columns),
            self.work(2 * self.eras, self.rows, self.columns),
            self.work(self.eras, self.rows, 2 * self.columns),
        ]
        base, *others = timing.interleaved(calls, repeats)
        cost = median(base) / (self.eras * self.rows) * MILLION
        return cost, *(_times(other, base) for other in others)


def steps(sizes, folder, rng):
    """All steps, in the order of the pipeline, for few models and for many."""
    make = Work(rng, folder)
    few = (sizes.eras_of_few, sizes.rows, sizes.few)
    many = (sizes.eras_of_many, sizes.rows, sizes.many)
    batches = (sizes.eras_in_batches, sizes.rows, sizes.few)
    long_era = (1, sizes.long_era, sizes.few)
    one_column = (5 * sizes.eras_of_few, sizes.rows, 1)
    return [
        *make.blend(few, sizes.eras_of_few),
        Step("`EraRankGauss`, one long era", "models", *long_era, make.rank_gauss),
        Step("`StackingWeights.fit`", "models", *few, make.fit),
        Step(
            f"`partial_fit`, {ERAS_A_CALL} eras a call",
            "models",
            *batches,
            make.fit_in_batches,
        ),
        *make.blend(many, sizes.eras_read_of_many),
        *make.neutralizers(sizes),
        Step("`EraRank`", "prediction", *one_column, make.rank),
        Step("write parquet", "prediction", *one_column, make.write),
    ]


@dataclass(frozen=True)
class Work:
    """Makes the rows of a step, and the call that is timed."""

    rng: np.random.Generator
    folder: object

    def blend(self, size, read_eras):
        """Steps whose columns are models."""
        return [
            Step("read parquet", "models", read_eras, *size[1:], self.read_models),
            Step("`EraRankGauss`", "models", *size, self.rank_gauss),
            Step("moments of `StackingWeights`", "models", *size, self.moments),
            Step("`WeightedEnsemble`", "models", *size, self.ensemble),
        ]

    def neutralizers(self, sizes):
        """Steps whose columns are features."""
        few, many = (
            (eras, sizes.rows, n_features)
            for eras, n_features in zip((20, 2), sizes.features, strict=True)
        )
        return [
            Step("read parquet, int8", "features", *few, self.read_features),
            Step("`FeatureNeutralizer`", "features", *few, self.neutralize),
            Step("read parquet, int8", "features", *many, self.read_features),
            Step("`FeatureNeutralizer`", "features", *many, self.neutralize),
        ]

    def rank_gauss(self, eras, rows, models):
        """Rank the predictions of all models."""
        frame, _ = self._predictions(eras, rows, models)
        return partial(EraRankGauss().fit_transform, frame)

    def moments(self, eras, rows, models):
        """Take the moments, as `fit_parquet` and Dask do: without a search."""
        frame, target = self._predictions(eras, rows, models)
        return partial(StackingWeights().gather, frame, target)

    def fit(self, eras, rows, models):
        """Moments, the search, and the exact score."""
        frame, target = self._predictions(eras, rows, models)
        return partial(StackingWeights().fit, frame, target)

    def fit_in_batches(self, eras, rows, models):
        """The same, with a search after each batch."""
        frame, target = self._predictions(eras, rows, models)
        batches = _batches(frame, target, ERAS_A_CALL * rows)

        def work():
            stacking = StackingWeights()
            for batch in batches:
                stacking.partial_fit(*batch)

        return work

    def ensemble(self, eras, rows, models):
        """Blend all models with equal weights."""
        frame, _ = self._predictions(eras, rows, models)
        return partial(WeightedEnsemble().fit_transform, frame)

    def neutralize(self, eras, rows, features):
        """Neutralise one prediction."""
        step = FeatureNeutralizer(proportion=0.5, single_era_rows=(0, 10_000))
        return partial(step.fit_transform, self._features(eras, rows, features))

    def rank(self, eras, rows, columns):
        """Rank what is submitted."""
        frame, _ = self._predictions(eras, rows, columns)
        return partial(EraRank().fit_transform, frame)

    def write(self, eras, rows, columns):
        """Write predictions."""
        frame, _ = self._predictions(eras, rows, columns)
        return partial(frame.to_parquet, self._path(eras, columns))

    def read_models(self, eras, rows, models):
        """Read the predictions of all models."""
        return self._read(self._predictions(eras, rows, models)[0], eras, models)

    def read_features(self, eras, rows, features):
        """Read features."""
        return self._read(self._features(eras, rows, features), eras, features)

    def _read(self, frame, eras, columns):
        path = self._path(eras, columns)
        frame.to_parquet(path)
        return partial(pd.read_parquet, path, use_threads=False)

    def _path(self, eras, columns):
        return self.folder / f"{eras}_{columns}.parquet"

    def _predictions(self, eras, rows, models):
        """Standardised predictions that have much in common and know a little."""
        frame, names, target = data.predictions(eras, rows, models, self.rng)
        common = self.rng.standard_normal(len(frame)) + 0.05 * target.to_numpy()
        values = (frame[names].to_numpy() + common[:, None]) / np.sqrt(2)
        mixed = pd.DataFrame(values, columns=names, copy=False)
        mixed.insert(0, "era", frame["era"])
        return mixed, target

    def _features(self, eras, rows, features):
        frame, _ = data.era(eras * rows, features, 1, self.rng)
        return frame.assign(era=np.repeat([f"{i:04d}" for i in range(eras)], rows))


def _batches(frame, target, rows):
    starts = range(0, len(frame), rows)
    return [(frame[i : i + rows], target[i : i + rows]) for i in starts]


def _times(times, base):
    """Median of the ratios, round by round."""
    return median(time / one for time, one in zip(times, base, strict=True))
