"""`StackingWeights` of many models and eras without their rows, merged in a tree."""

import pickle
import tracemalloc
from copy import copy
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.timing import seconds
from skbench import StackingWeights
from skbench._era_statistics import merged

N_ROWS = 5000
N_FACTORS = 8


@dataclass(frozen=True)
class Merged:
    """What merging in a tree took, and what came of it."""

    root: StackingWeights
    depth: int
    sent_bytes: int  # of the smallest part, as it would be sent
    seconds: list[list[float]]  # of each merge, level by level
    root_peak_bytes: int  # most allocated at once by the last merge, its parts included

    @property
    def median_seconds(self):
        """Median over all merges."""
        return median(time for level in self.seconds for time in level)


def state(n_models, eras, rng):
    """Make a `StackingWeights` that holds made-up moments of some eras."""
    fitted = StackingWeights("mse")
    names = [f"model_{i}" for i in range(n_models)]
    fitted.columns_, fitted._inputs = names, names
    fitted._reference, fitted._target = None, "target"
    fitted.era_statistics_ = merged(_statistics(n_models, list(eras), rng))
    return fitted


def states(n_models, n_eras, n_parts, rng):
    """Make the parts of a partitioned frame: eras in turn, as many in each."""
    parts = np.array_split(np.arange(n_eras), n_parts)
    return [state(n_models, [f"{i:06d}" for i in part], rng) for part in parts]


def state_bytes(part):
    """Bytes of all arrays that a part keeps of its eras."""
    return sum(values.nbytes for values in part.era_statistics_.values())


def tree(parts, merge):
    """Merge two by two until one is left, as `skbench.distributed.fit` does."""
    sent = min(len(pickle.dumps(part)) for part in parts)
    times = []
    while len(parts) > 2:
        level = [_timed(merge, parts[i : i + 2]) for i in range(0, len(parts), 2)]
        parts = [part for part, _ in level]
        times.append([time for _, time in level if time is not None])
    _, time = _timed(merge, parts)
    tracemalloc.start()
    root = merge(*parts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    peak += sum(state_bytes(part) for part in parts)
    return Merged(root, len(times) + 1, sent, [*times, [time]], peak)


def merge_as_dask(first, second):
    """Put the moments of two together without a search for weights."""
    from skbench.distributed._merge import merge_moments

    return merge_moments(first, second)


def one_pass(parts):
    """Hold the eras of all parts at once, as a fit on all rows does."""
    everything = copy(parts[0])
    statistics = [part.era_statistics_ for part in parts]
    together = {
        name: np.concatenate([one[name] for one in statistics])
        for name in statistics[0]
    }
    everything.era_statistics_ = merged(together)
    return everything


def largest_difference(root, parts):
    """Largest difference of the weights from those of one pass."""
    both = (root.refit(), one_pass(parts).refit())
    own, other = (list(each.weights_.values()) for each in both)
    return float(np.abs(np.subtract(own, other)).max())


def _timed(merge, pair):
    """Merge a pair; the last part of an odd number is passed on."""
    if len(pair) == 1:
        return pair[0], None
    found = []
    time = seconds(lambda: found.append(merge(*pair)))
    return found[0], time


def _statistics(n_models, labels, rng):
    """Moments of standardised models that share factors and know a little."""
    eras, k = len(labels), n_models
    names = np.empty(eras, dtype=object)
    names[:] = labels
    one, each = np.ones(eras), np.ones((eras, k), dtype=bool)
    nothing = np.zeros((eras, k))
    return {
        "era": names,
        "n_all": np.full(eras, N_ROWS),
        "n_target": np.full(eras, N_ROWS),
        "n_missing": np.zeros((eras, k), dtype=np.intp),
        "standardized": each,
        "n_rows": np.full(eras, N_ROWS),
        "varies": each,
        "present": each,
        "covariance": np.array([_correlations(k, rng) for _ in labels]),
        "target_covariance": 0.01 + 0.01 * rng.standard_normal((eras, k)),
        "target_variance": one / 12,
        "reference_n_rows": np.zeros(eras, dtype=np.intp),
        "reference_varies": ~each,
        "reference_present": ~each,
        "reference_covariance": np.zeros((eras, k, k)),
        "reference_target_covariance": nothing,
        "reference_target_variance": 0 * one,
        "reference_cross": nothing.copy(),
        "reference_square": 0 * one,
        "reference_target": 0 * one,
        "target_unit": one,
    }


def _correlations(k, rng):
    """Correlations of models: half of their variance is shared, by some factors."""
    loadings = rng.standard_normal((k, N_FACTORS))
    loadings /= np.sqrt(2 * np.square(loadings).sum(axis=1, keepdims=True))
    correlations = loadings @ loadings.T
    np.fill_diagonal(correlations, 1.0)
    return correlations
