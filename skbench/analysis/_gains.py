"""Gains of the best blends of pairs of models, also in resamples of the eras."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbench.kernels.gaps import alike
from skbench.kernels.pairs import Blends, Pairs

from ._intervals import Bootstrap

Floats = NDArray[np.float64]


class Gains(NamedTuple):
    """Best blends of pairs on all eras, (1, n_pairs), and on resamples of them."""

    whole: Blends
    resampled: Blends


def pair_gains(
    pairs: Pairs,
    both: NDArray[np.bool_],
    bootstrap: Bootstrap,
    objective: str = "corr",
) -> Gains:
    """Find the best blend of each pair on the eras that both have, (n_pairs, n_eras).

    NaN for a pair without such an era, and in resamples of fewer than two blocks.
    """
    whole = _unknown(1, len(both))
    resampled = _unknown(max(bootstrap.n_bootstrap, 1), len(both))
    for some, eras in alike(~both):
        part = pairs.of(some, eras)
        n_eras = part.first.shape[1]
        if n_eras == 0:
            continue
        equal = np.full((1, n_eras), 1.0 / n_eras)
        _fill(whole, some, part.best(equal, objective))
        samples = bootstrap.resamples(n_eras)
        if samples is not None:
            _fill(resampled, some, part.best(samples, objective))
    return Gains(whole, resampled)


def _unknown(n_samples: int, n_pairs: int) -> Blends:
    return Blends(*np.full((len(Blends._fields), n_samples, n_pairs), np.nan))


def _fill(blends: Blends, some: slice | NDArray[np.intp], found: Blends) -> None:
    for values, new in zip(blends, found, strict=True):
        values[:, some] = new
