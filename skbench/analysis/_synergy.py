"""Which models do well together: `synergy`."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._base import check_choice
from skbench._frames import Name, as_mapping, listed
from skbench.kernels.moments import era_moments
from skbench.kernels.pairs import Pairs
from skbench.kernels.rank import rank_gauss
from skbench.kernels.relations import correlations

from ._gains import pair_gains
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
    """

    gain: pd.DataFrame
    half_width: pd.DataFrame
    share_positive: pd.DataFrame


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
    pair gains is clear where it does so in nearly all resamples: at least in a share of
    1 - (1 - ``confidence``) / 2, and more if it is the best of many. In simulated pairs
    of which the second adds nothing, 4 to 9 % pass this (60 to 300 eras that overlap as
    those of a target do), where 2.5 % should. A row counts where
    it has the target and all models.

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
        fewer eras than two blocks.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, there are fewer than 2 models or 2
        eras with targets, a model is constant, or ``groups`` does not name all models
        and no others.

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
    group_of = _group_of(groups, names)
    rows = rows.covered()
    moments = rows.each(_describe)
    warn_of_lost_rows(rows, moments)
    varies = moments["varies"] & scored(moments)[:, None]
    check_models(rows, varies)
    scores, between = correlations(moments)
    i, j = np.triu_indices(len(names), 1)
    pairs = Pairs(scores.T[i], scores.T[j], between[:, i, j].T)
    both = (varies[:, i] & varies[:, j]).T
    found = pair_gains(pairs, both, bootstrap, objective)
    labels = list(dict.fromkeys(group_of.values()))
    codes = np.array([labels.index(group_of[name]) for name in names])
    # One pair a cell without groups, where a model with itself gains nothing.
    cells = _cells(codes[i], codes[j])
    gain, resampled = found.whole.over_better[0], found.resampled.over_better
    averaged = np.array([resampled[:, pairs].mean(axis=1) for pairs in cells.values()])
    low, high = bootstrap.limits(averaged.T)
    # NaN, where there are no resamples, is not above 0.
    positive = np.where(np.isnan(resampled), np.nan, resampled > 0).mean(axis=0)
    alone = 0.0 if groups is None else np.nan
    values = (
        [gain[pairs].mean() for pairs in cells.values()],
        (high - low) / 2,
        [positive[pairs].mean() for pairs in cells.values()],
    )
    return Synergy(*(_square(labels, cells, v, alone) for v in values))


def _group_of(
    groups: Mapping[Name, Hashable] | None, names: list[Name]
) -> dict[Name, Hashable]:
    """Group of each model; its own name without groups."""
    if groups is None:
        return {name: name for name in names}
    groups = as_mapping(groups)
    if not isinstance(groups, Mapping) or set(groups) != set(names):
        found = listed(groups) if isinstance(groups, Mapping) else repr(groups)
        raise ValueError(
            f"`groups` must map each of the models, {listed(names)}, to a label, and "
            f"no others; got {found}"
        )
    return {name: groups[name] for name in names}


def _cells(
    first: NDArray[np.intp], second: NDArray[np.intp]
) -> dict[tuple[int, int], list[int]]:
    """Pairs of models by the groups that they are of, the earlier group first."""
    cells: dict[tuple[int, int], list[int]] = {}
    for pair, groups in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        cells.setdefault((min(groups), max(groups)), []).append(pair)
    return cells


def _square(
    labels: list[Hashable],
    cells: dict[tuple[int, int], list[int]],
    values: Sequence[float] | Floats,
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
