"""How cost grows with the work, and what part of it the frame is."""

from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks import data, peers, timing
from skbench import EraRankGauss, FeatureNeutralizer, metrics
from skbench.kernels.neutralize import neutralize
from skbench.kernels.rank import rank_gauss

GROWTH = {}


@dataclass
class Series:
    """The same work in several sizes; the first is what the others are times of."""

    work: str
    functions: dict[str, object]
    at_most: float | None = None  # so many times the first, for the last
    times: dict[str, list[float]] = field(default_factory=dict)

    def run(self, repeats):
        """Measure all sizes in turn."""
        functions = list(self.functions.values())
        for function in functions:
            function()
        times = timing.interleaved(functions, repeats)
        self.times = dict(zip(self.functions, times, strict=True))
        return self

    def ratio(self, label):
        """Median of the times over those of the first size, round by round."""
        first = next(iter(self.times.values()))
        pairs = zip(self.times[label], first, strict=True)
        return median(time / base for time, base in pairs)

    @property
    def reached(self):
        """Whether the last size costs no more than asked; None where nothing is."""
        if self.at_most is None:
            return None
        return self.ratio(list(self.times)[-1]) <= self.at_most


def growth(name):
    """Enter a function that makes a `Series` from a `Setup`."""

    def enter(function):
        GROWTH[name] = function
        return function

    return enter


@growth("eras-rank")
def eras_of_ranks(setup):
    """Eight times the eras must cost at most nine times as much."""
    return Series(
        "`EraRankGauss`, eras",
        {
            f"{n_eras} eras": partial(_rank().fit_transform, _frame(setup, n_eras))
            for n_eras in _eras(setup)
        },
        at_most=9,
    )


@growth("eras-corr")
def eras_of_scores(setup):
    """The same for a metric."""
    return Series(
        "`numerai_corr`, eras",
        {f"{n_eras} eras": _corr(setup, n_eras) for n_eras in _eras(setup)},
        at_most=9,
    )


@growth("eras-neutralize")
def eras_of_neutralized(setup):
    """The same for the neutralizer."""
    functions = {}
    for n_eras in _eras(setup):
        eras = _neutral_eras(setup, n_eras, 100)
        functions[f"{n_eras} eras"] = partial(_neutralizer().fit_transform, eras)
    return Series("`FeatureNeutralizer`, 100 features, eras", functions, at_most=9)


@growth("features")
def features(setup):
    """The Gram matrix grows with the square of the features, its factor faster."""
    functions = {}
    for n_features in setup.sizes.grown_features:
        era, _ = data.era(setup.sizes.rows, n_features, 1, setup.rng)
        functions[f"{n_features:,} features"] = partial(
            _neutralizer().fit_transform, era
        )
    return Series("`FeatureNeutralizer`, one era, features", functions)


@growth("models")
def models(setup):
    """Columns are ranked one by one."""
    n_eras = setup.sizes.grown_eras
    return Series(
        f"`EraRankGauss`, {n_eras} eras, models",
        {
            f"{n_models} models": partial(
                _rank().fit_transform, _frame(setup, n_eras, n_models)
            )
            for n_models in setup.sizes.grown_models
        },
    )


@growth("missing")
def missing(setup):
    """Missing values, and single precision."""
    frame = _frame(setup, setup.sizes.grown_eras)
    values = frame.drop(columns="era")
    gaps = values.mask(setup.rng.random(values.shape) < 0.1)
    gaps.insert(0, "era", frame["era"])
    single = values.astype(np.float32)
    single.insert(0, "era", frame["era"])
    frames = {"no value missing": frame, "10 % missing": gaps, "float32": single}
    return Series(
        f"`EraRankGauss`, {setup.sizes.grown_eras} eras, values",
        {label: partial(_rank().fit_transform, X) for label, X in frames.items()},
    )


@growth("frame-rank")
def frame_of_ranks(setup):
    """The bare kernel on arrays, and the estimator on every container."""
    frame = _frame(setup, setup.sizes.grown_eras)
    names = list(frame.columns[1:])
    blocks = [
        np.ascontiguousarray(frame[names].to_numpy()[rows].T)
        for rows in data.by_era(frame)
    ]
    functions = {
        "bare kernel": lambda: [rank_gauss(block) for block in blocks],
        "pandas": partial(_rank().fit_transform, frame),
        "pyarrow": partial(_rank().fit_transform, pa.Table.from_pandas(frame)),
        "array": partial(
            EraRankGauss(_positions(frame), era=0).fit_transform, _numbered(frame)
        ),
    }
    if find_spec("polars"):
        polars = peers.module("polars").from_pandas(frame)
        functions["polars"] = partial(_rank().fit_transform, polars)
    return Series(f"`EraRankGauss`, {setup.sizes.grown_eras} eras, frame", functions)


@growth("frame-neutralize")
def frame_of_neutralized(setup):
    """The same for one era of features."""
    era, features = data.era(setup.sizes.rows, setup.sizes.features, 1, setup.rng)
    prediction = era[["prediction_0"]].to_numpy().T
    matrix = np.ascontiguousarray(era[features].to_numpy().T)
    return Series(
        f"`FeatureNeutralizer`, {setup.sizes.features:,} features, frame",
        {
            "bare kernel": lambda: neutralize(prediction, matrix),
            "pandas": partial(_neutralizer().fit_transform, era),
        },
    )


def _positions(frame):
    """Positions of all columns but the era."""
    return list(range(1, frame.shape[1]))


def _numbered(frame):
    """Make an array of a frame, the eras by their numbers."""
    return frame.assign(era=frame["era"].astype(float)).to_numpy()


def _eras(setup):
    return [setup.sizes.grown_eras * times for times in (1, 2, 4, 8)]


def _frame(setup, n_eras, n_models=None):
    n_models = n_models or setup.sizes.models
    return data.predictions(n_eras, setup.sizes.rows, n_models, setup.rng)[0]


def _corr(setup, n_eras):
    sizes = setup.sizes
    frame, names, y = data.predictions(n_eras, sizes.rows, sizes.models, setup.rng)
    return lambda: metrics.numerai_corr(y, frame[names], era=frame["era"])


def _neutral_eras(setup, n_eras, n_features):
    era, _ = data.era(setup.sizes.rows * n_eras, n_features, 1, setup.rng)
    return era.assign(era=np.repeat(np.arange(n_eras), setup.sizes.rows))


def _rank():
    return EraRankGauss()


def _neutralizer():
    return FeatureNeutralizer(single_era_rows=(0, 10_000))
