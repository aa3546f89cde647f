"""Which models do well together: `synergy`."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._base import check_choice, check_name
from skbench._frames import Name, as_mapping, listed
from skbench.kernels.moments import era_moments
from skbench.kernels.pairs import Pairs
from skbench.kernels.rank import rank_gauss
from skbench.kernels.relations import correlations

from ._chance import chance, is_clear, tail_of
from ._gains import Gains, pair_gains
from ._intervals import Bootstrap
from ._rows import Floats, check_models, read, scored, warn_of_lost_rows


@dataclass(frozen=True)
class Synergy:
    """What pairs of models gain over the better of the two.

    Attributes
    ----------
    gain : pandas.DataFrame of shape (n_models, n_models)
        Score of the best blend of two models less that of the better one; symmetric.
    half_width : pandas.DataFrame of shape (n_models, n_models)
        Half of the length of the interval of each gain.
    share_positive : pandas.DataFrame of shape (n_models, n_models)
        Share of the resamples in which a pair gains anything: near 1 where it is clear
        that the pair gains, which the gain itself, never below 0, cannot tell.
    n_bootstrap : int
        Number of resamples.
    confidence : float
        Probability that an interval is to have.
    chance_of_best : float
        Of the pair with the largest gain: (misses + 1) / (resamples + 1), a miss being
        a resample in which it gains nothing. Of so many resamples, more than
        ``n_bootstrap`` if need be, that the best of all pairs can be told from chance.
        NaN without intervals.
    """

    gain: pd.DataFrame
    half_width: pd.DataFrame
    share_positive: pd.DataFrame
    n_bootstrap: int
    confidence: float
    chance_of_best: float

    @property
    def clear(self) -> pd.DataFrame:
        """Whether each gain is clear by itself, of whatever other pairs there are.

        Returns
        -------
        clear : pandas.DataFrame of shape (n_models, n_models)
            True where (misses + 1) / (``n_bootstrap`` + 1) is at most
            (1 - ``confidence``) / 2, with as many misses as there are resamples in
            which the pair gains nothing.
        """
        missed = chance(self.share_positive, self.n_bootstrap)
        found: pd.DataFrame = is_clear(missed, self.confidence)
        return found

    @property
    def can_be_clear(self) -> bool:
        """Whether there are resamples enough for any gain to be clear.

        Returns
        -------
        can_be_clear : bool
            False for fewer than some 2 / (1 - ``confidence``).
        """
        return bool(is_clear(chance(1.0, self.n_bootstrap), self.confidence))


def synergy(
    models: Any,
    y: Any,
    *,
    era: Any,
    objective: str = "corr",
    groups: Mapping[Name, Hashable] | None = None,
    n_bootstrap: int = 1000,
    block_size: int | None = None,
    confidence: float = 0.95,
    random_state: Any = None,
) -> Synergy:
    r"""Measure how much better the best blend of two models is than the better one.

    Models are ranked and gaussianized within each era, and :math:`\rho_i` is the
    Pearson correlation of one with the target in an era, :math:`r_{ij}` that of two
    models. A blend has non-negative weights. With bars for means over the eras that
    both models have, the best blend of two scores

    .. math:: \sqrt{\frac{\bar\rho_i^2 q_j - 2 \bar\rho_i \bar\rho_j q_{ij} +
        \bar\rho_j^2 q_i}{q_i q_j - q_{ij}^2}}

    where both of its weights are positive; else the better model is best alone and the
    gain is 0. With the objective "corr" the score is the mean correlation of a blend
    over the root of its mean variance: :math:`q_i = q_j = 1` and :math:`q_{ij} = \bar
    r_{ij}`. With "sharpe" it is the mean over the standard deviation (``ddof=0``) of
    the weighted sum of the :math:`\rho`: then q are their variances and covariance over
    the eras. Two independent models of equal score gain 41 %; a model and its copy
    exactly nothing.

    The blend is chosen on the eras on which it is scored, so gains flatter, and are
    never below 0, whatever their half width; in each resample it is chosen anew. That a
    pair gains is clear where it does so in nearly all resamples,

    .. math:: \frac{\mathrm{misses} + 1}{\mathrm{resamples} + 1} \le
        \frac{1 - \mathrm{confidence}}{2 k},

    with k = 1 for a pair by itself, and the number of pairs for the best of them, which
    takes more resamples, so that these are drawn for it alone. In simulated pairs of
    which the second adds nothing, 4 to 9 % pass this (k = 1, a confidence of 95 %, 60
    to 300 eras that overlap as those of a target do), where 2.5 % should. A row counts
    where it has the target and all models.

    Parameters
    ----------
    models : array-like of shape (n_rows, n_models)
        Predictions, one column a model.
    y : array-like of shape (n_rows,)
        Targets, NaN where there is none yet.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    objective : {"corr", "sharpe"}, default="corr"
        What blends are scored by.
    groups : mapping of model to label, default=None
        Group of each model, such as its target or its set of features. The result is
        then the mean over pairs of different models, one from each of two groups, or
        both from one; NaN for a group of one model with itself.
    n_bootstrap : int, default=1000
        Number of resamples. 0: no intervals.
    block_size : int, default=None
        Eras in a block. None: as many as a target of the name of ``y`` spans; 13 where
        that does not say.
    confidence : float, default=0.95
        Probability that an interval is to have.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    Returns
    -------
    synergy : Synergy
        Frames ``gain``, ``half_width`` and ``share_positive`` (for groups, the mean
        over their pairs), models x models or groups x groups. The last two are NaN for
        fewer eras than two blocks. ``clear`` tells which gains are.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, there are fewer than 2 models or 2
        eras with targets, a model is constant, or ``groups`` does not name all models
        and no others.

    References
    ----------
    A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application",
    Cambridge University Press (1997), chapter 4, on the one more that is counted.

    Examples
    --------
    >>> from skbench.analysis import synergy
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(90, 1000, 3, random_state=0)
    >>> frame = data.frame
    >>> found = synergy(frame[data.models], frame["target_cyrus_20"], era=frame["era"],
    ...                 random_state=0)
    >>> found.gain.round(4).to_numpy()
    array([[0.    , 0.0011, 0.    ],
           [0.0011, 0.    , 0.    ],
           [0.    , 0.    , 0.    ]])
    """
    check_choice("objective", objective, ("corr", "sharpe"))
    bootstrap = Bootstrap(
        y,
        n_bootstrap=n_bootstrap,
        block_size=block_size,
        confidence=confidence,
        random_state=random_state,
    )
    rows = read("models", models, era, y=y)
    names = rows.models
    if len(names) < 2:
        raise ValueError(f"`models` must hold 2 models or more; got {listed(names)}")
    labels, codes = _labels_and_codes(groups, names)
    rows = rows.covered()
    moments = rows.each(_describe)
    warn_of_lost_rows(rows, moments)
    varies = moments["varies"] & scored(moments)[:, None]
    check_models(rows, varies)
    pairs, both = _pairs(moments, varies)
    found = pair_gains(pairs, both, bootstrap, objective)
    # One pair a cell without groups, where a model with itself gains nothing.
    cells = _cells(codes)
    alone = 0.0 if groups is None else np.nan
    values = _of_cells(found, cells, bootstrap)
    best = _chance_of_best(values[0], cells, pairs, both, bootstrap, objective)
    gain, half_width, positive = (_square(labels, cells, v, alone) for v in values)
    basis = (bootstrap.n_bootstrap, bootstrap.confidence, best)
    return Synergy(gain, half_width, positive, *basis)


def _labels_and_codes(
    groups: Mapping[Name, Hashable] | None, names: list[Name]
) -> tuple[list[Hashable], NDArray[np.intp]]:
    """Return the groups, and the position of each model's; without any, its own."""
    if groups is None:
        return list(names), np.arange(len(names))
    groups = as_mapping(groups)
    if not isinstance(groups, Mapping) or set(groups) != set(names):
        found = listed(groups) if isinstance(groups, Mapping) else repr(groups)
        raise ValueError(
            f"`groups` must map each of the models, {listed(names)}, to a label, and "
            f"no others; got {found}"
        )
    for name in names:
        if not isinstance(groups[name], Hashable) or groups[name] is pd.NA:
            raise ValueError(
                f"`groups` must hold labels; got {groups[name]!r} for {name!r}"
            )
        if isinstance(groups[name], str):
            check_name(f"groups[{name!r}]", groups[name])
    labels = list(dict.fromkeys(groups[name] for name in names))
    return labels, np.array([labels.index(groups[name]) for name in names])


def _pairs(
    moments: dict[str, Any], varies: NDArray[np.bool_]
) -> tuple[Pairs, NDArray[np.bool_]]:
    """Return the pairs of models, and whether an era has both of each."""
    scores, between = correlations(moments)
    i, j = np.triu_indices(varies.shape[1], 1)
    pairs = Pairs(scores.T[i], scores.T[j], between[:, i, j].T)
    return pairs, (varies[:, i] & varies[:, j]).T


def _cells(codes: NDArray[np.intp]) -> dict[tuple[int, int], list[int]]:
    """Pairs of models by the groups that they are of, the earlier group first."""
    first, second = codes[np.array(np.triu_indices(len(codes), 1))]
    cells: dict[tuple[int, int], list[int]] = {}
    for pair, groups in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        cells.setdefault((min(groups), max(groups)), []).append(pair)
    return cells


def _of_cells(
    found: Gains, cells: dict[tuple[int, int], list[int]], bootstrap: Bootstrap
) -> tuple[Floats, Floats, Floats]:
    """Average over the pairs of each cell: gain, half width and share positive."""
    pairs = list(cells.values())
    gain, resampled = found.whole.over_better[0], found.resampled.over_better
    averaged = np.array([resampled[:, some].mean(axis=1) for some in pairs])
    low, high = bootstrap.limits(averaged.T)
    # NaN, where there are no resamples, is not above 0.
    positive = np.where(np.isnan(resampled), np.nan, resampled > 0).mean(axis=0)
    return (
        np.array([gain[some].mean() for some in pairs]),
        (high - low) / 2,
        np.array([positive[some].mean() for some in pairs]),
    )


def _chance_of_best(
    gain: Floats,
    cells: dict[tuple[int, int], list[int]],
    pairs: Pairs,
    both: NDArray[np.bool_],
    bootstrap: Bootstrap,
    objective: str,
) -> float:
    """Resample the cell of the largest gain often enough to tell it from chance."""
    n = int(np.isfinite(gain).sum())
    if n == 0 or not bootstrap.n_bootstrap:
        return np.nan
    best = np.array(list(cells.values())[int(np.nanargmax(gain))])
    often = bootstrap.at_least(ceil(n / tail_of(bootstrap.confidence)))
    part = pairs.of(best, slice(None))
    gains = pair_gains(part, both[best], often, objective).resampled.over_better
    # NaN, of fewer than two blocks, is not above 0.
    positive = np.where(np.isnan(gains), np.nan, gains > 0).mean()
    return float(chance(positive, often.n_bootstrap))


def _square(
    labels: list[Hashable],
    cells: dict[tuple[int, int], list[int]],
    values: Floats,
    alone: float,
) -> pd.DataFrame:
    """Put values in the cells of a symmetric frame, ``alone`` on the rest of it."""
    square = np.full((len(labels), len(labels)), alone)
    for (g, h), value in zip(cells, values, strict=True):
        square[g, h] = square[h, g] = value
    names = pd.Index(labels, tupleize_cols=False)
    return pd.DataFrame(square, index=names, columns=names)


def _describe(models: Floats, columns: dict[str, Floats]) -> dict[str, Any]:
    return era_moments(rank_gauss(models), columns["y"])
