"""Which models do well together: `synergy`."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._aligned import Aligned
from skbench._checks import check_name, listed
from skbench._eras import era_numbers
from skbench._frames import Name, as_mapping, several_columns
from skbench._score_names import score_choice
from skbench._shown import Part, Shown
from skbench.kernels.moments import era_moments
from skbench.kernels.rank import rank_gauss
from skbench.solvers.pairs import Pairs
from skbench.solvers.relations import correlations

from ._intervals import Intervals
from ._rows import (
    Floats,
    Moments,
    check_models,
    moments_of,
    moments_of_targets,
    read,
    read_targets,
    scored,
)

_ENDS = ("tilt_low", "tilt_high", "tilt_joint_low", "tilt_joint_high")


@dataclass(frozen=True, repr=False)
class Synergy(Shown):
    """What pairs of models gain over the better of the two.

    All frames are symmetric. In those of groups a cell is a mean over pairs, and NaN
    where there is no pair, or some pair has no era in common.

    Attributes
    ----------
    gain : pandas.DataFrame of shape (n_models, n_models)
        Score of the best blend of two models less that of the better one. Never below
        0, so that it cannot tell whether there is anything to gain.
    tilt : pandas.DataFrame of shape (n_models, n_models)
        What tells: above 0 where a little of the worse model makes the better one
        better still. The derivative of its score.
    tilt_low, tilt_high : pandas.DataFrame of shape (n_models, n_models)
        Ends of the interval of each tilt by itself; NaN for fewer eras than two
        horizons.
    tilt_joint_low, tilt_joint_high : pandas.DataFrame of shape (n_models, n_models)
        Ends of the intervals that hold for all pairs together, for whoever picks the
        best of them.
    n_eras : pandas.DataFrame of shape (n_models, n_models)
        Number of eras of the tilt.
    confidence : float
        Probability that an interval, or all joint intervals together, are to have.
    horizon : int or None
        Over how many eras a score shares days with others, as the intervals allow for.
    """

    gain: pd.DataFrame
    tilt: pd.DataFrame
    tilt_low: pd.DataFrame
    tilt_high: pd.DataFrame
    tilt_joint_low: pd.DataFrame
    tilt_joint_high: pd.DataFrame
    n_eras: pd.DataFrame
    confidence: float
    horizon: int | None = None

    @property
    def pairs(self) -> pd.DataFrame:
        """Return all in one table, such as to put those of several targets together.

        Returns
        -------
        pairs : pandas.DataFrame of shape (n_pairs, 10)
            One row a pair of different models or groups, or of a group with itself
            where it has several models, the largest tilt first: ``first``, ``second``,
            ``gain``, ``tilt`` and the ends of its intervals, ``n_eras``, ``horizon``.
            Pairs without an era in common are left out.
        """
        i, j = np.triu_indices(len(self.tilt))
        names = ("gain", "tilt", *_ENDS, "n_eras")
        labels = self.tilt.index
        table = pd.DataFrame(
            {"first": labels[i], "second": labels[j]}
            | {name: getattr(self, name).to_numpy()[i, j] for name in names}
            | {"horizon": self.horizon}
        )
        table = table[table["n_eras"] > 0]
        return table.sort_values(
            "tilt", ascending=False, kind="stable", ignore_index=True
        )

    @property
    def clear(self) -> pd.DataFrame:
        """Whether each pair gains, by itself, of whatever other pairs there are.

        Returns
        -------
        clear : pandas.DataFrame of shape (n_models, n_models)
            True where the interval of the tilt lies above 0.
        """
        return self._gains_surely(self.tilt_low)

    @property
    def jointly_clear(self) -> pd.DataFrame:
        """Whether each pair gains, however many pairs were looked at.

        Returns
        -------
        jointly_clear : pandas.DataFrame of shape (n_models, n_models)
            True where the joint interval of the tilt lies above 0.
        """
        return self._gains_surely(self.tilt_joint_low)

    def _parts(self) -> list[Part]:
        alone, jointly = (
            int(np.triu(found).sum()) for found in (self.clear, self.jointly_clear)
        )
        return [
            f"Synergy of {len(self.tilt)} models or groups: pairs that gain, each by "
            f"itself: {alone}, however many were looked at: {jointly}. The tilt is "
            "above 0 where a little of the worse one makes the better one better:",
            self.tilt,
        ]

    def _gains_surely(self, low: pd.DataFrame) -> pd.DataFrame:
        # Of a model and its copy, rounding leaves a tilt, but no gain.
        found: pd.DataFrame = (low > 0) & (self.gain > 0)
        return found


def synergy(
    models: Any,
    y: Any,
    *,
    era: Any,
    objective: str = "corr",
    groups: Mapping[Name, Hashable] | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> Any:
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
    never below 0. Whether there is anything to gain is told by the tilt: with a the
    better of the two, on these eras, and b the other, it is

    .. math:: \overline{\rho_b - r_{ab} \, \rho_a}

    with "corr", the derivative of the mean correlation of :math:`a + \lambda b` at 0,
    and with "sharpe" the derivative of the Sharpe ratio of :math:`\rho_a + \lambda
    \rho_b` at 0,

    .. math:: \frac 1 {\sqrt{q_a}} \left(\bar\rho_b -
        \frac{q_{ab}}{q_a} \bar\rho_a\right).

    Above 0, some small weight on b helps.
    The first is a mean over eras, the second has a smooth influence function, so both
    have the intervals of `skbench.metrics.summarize`. A pair is clear where its
    interval lies above 0: of partners that add nothing, up to 2.5 in 100 are by chance,
    at a confidence of 95 %, and with "sharpe" up to 4. Whoever
    picks the best of k pairs goes by the joint intervals, each of a confidence of
    ``confidence ** (1 / k)`` (Sidak). A row counts where it has the target and all
    models.

    Parameters
    ----------
    models : array-like of shape (n_rows, n_models)
        Predictions, one column a model.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none yet.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    objective : {"corr", "sharpe"}, default="corr"
        What blends are scored by.
    groups : mapping of model to label, default=None
        Group of each model, such as its target or its set of features. The result is
        then the mean over pairs of different models, one from each of two groups, or
        both from one; NaN for a group of one model with itself. The tilt is the mean
        over eras of the mean over these pairs, of the eras that all of them have.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as the name of ``y``
        says, or of each target, 13 where it does not.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    synergy : Synergy, or dict of target to Synergy
        Frames ``gain``, ``tilt`` and its intervals, models x models or groups x groups.
        ``clear`` and ``jointly_clear`` tell which pairs gain. With several targets, one
        for each, as of that target alone; all rows are read once.

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
    >>> found = synergy(frame[data.models], frame["target_cyrus_20"], era=frame["era"])
    >>> found.gain.round(4).to_numpy()
    array([[0.    , 0.0011, 0.    ],
           [0.0011, 0.    , 0.    ],
           [0.    , 0.    , 0.    ]])
    >>> bool(found.clear.any(axis=None))  # nor is it sure that the first two gain
    False

    Several targets at once:

    >>> targets = frame[["target_cyrus_20", "target_ender_60"]]
    >>> each = synergy(frame[data.models], targets, era=frame["era"])
    >>> for name, found in each.items():
    ...     print(name, found.horizon, found.pairs["gain"].max().round(4))
    target_cyrus_20 5 0.0011
    target_ender_60 13 0.0008
    """
    objective = score_choice("objective", objective, ("corr", "sharpe"))
    if several_columns(y) is None:
        intervals = Intervals.checked(y, horizon, confidence)
        rows = read("models", models, era, y=y)
        labels = _labels_and_codes(groups, rows.models)
        moments = moments_of(rows, _describe)
        return _synergy(rows, moments, labels, groups, objective, intervals)
    rows, covered = read_targets("models", models, era, y)
    labels = _labels_and_codes(groups, rows.models)
    each = {
        name: Intervals.of_target(str(name), horizon, confidence) for name in covered
    }
    found = moments_of_targets(rows, covered, _describe_each)
    return {
        name: _synergy(*held, labels, groups, objective, each[name])
        for name, held in found.items()
    }


def _synergy(
    rows: Aligned,
    moments: Moments,
    labels_and_codes: tuple[list[Hashable], NDArray[np.intp]],
    groups: Mapping[Name, Hashable] | None,
    objective: str,
    intervals: Intervals,
) -> Synergy:
    """Measure what pairs gain in eras that all have one target."""
    labels, codes = labels_and_codes
    varies = moments["varies"] & scored(moments)[:, None]
    check_models(rows, varies)
    pairs, cells = _pairs(moments, varies), _cells(codes)
    found = _of_cells(pairs, cells, objective, intervals, era_numbers(rows.eras.labels))
    # One pair a cell without groups, where a model with itself gains nothing.
    alone = 0.0 if groups is None else np.nan
    frames: dict[str, Any] = {
        name: _square(labels, cells, values, 0 if name == "n_eras" else alone)
        for name, values in found.items()
    }
    return Synergy(**frames, confidence=intervals.confidence, horizon=intervals.horizon)


def _labels_and_codes(
    groups: Mapping[Name, Hashable] | None, names: list[Name]
) -> tuple[list[Hashable], NDArray[np.intp]]:
    """Return the groups, and the position of each model's; without any, its own."""
    if len(names) < 2:
        raise ValueError(f"`models` must hold 2 models or more; got {listed(names)}")
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


def _pairs(moments: Moments, varies: NDArray[np.bool_]) -> Pairs:
    """Return the pairs of models, in the eras that have both."""
    scores, between = correlations(moments)
    i, j = np.triu_indices(varies.shape[1], 1)
    parts = scores[:, i], scores[:, j], between[:, i, j]
    both = varies[:, i] & varies[:, j]
    return Pairs(*(np.where(both, part, np.nan).T for part in parts))


def _cells(codes: NDArray[np.intp]) -> dict[tuple[int, int], list[int]]:
    """Pairs of models by the groups that they are of, the earlier group first."""
    first, second = codes[np.array(np.triu_indices(len(codes), 1))]
    cells: dict[tuple[int, int], list[int]] = {}
    for pair, groups in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        cells.setdefault((min(groups), max(groups)), []).append(pair)
    return cells


def _of_cells(
    pairs: Pairs,
    cells: dict[tuple[int, int], list[int]],
    objective: str,
    intervals: Intervals,
    numbers: Floats,
) -> dict[str, NDArray[Any]]:
    """Average over the pairs of each cell; intervals of what that gives."""
    gains, series = pairs.best(objective).over_better, pairs.tilts(objective)
    gain = np.array([gains[some].mean() for some in cells.values()])
    tilts = np.array([series[some].mean(axis=0) for some in cells.values()]).T
    # Cells without an era are no pairs to choose from.
    known = ~np.isnan(tilts).all(axis=0)
    joint = intervals.joint("tilt", tilts[:, known], numbers)
    found = {"gain": gain, **intervals.of_means("tilt", tilts, numbers)}
    for name, ends in joint.items():
        found[name] = np.full(gain.size, np.nan)
        found[name][known] = ends
    return {**found, "n_eras": (~np.isnan(tilts)).sum(axis=0)}


def _square(
    labels: list[Hashable],
    cells: dict[tuple[int, int], list[int]],
    values: NDArray[Any],
    alone: float,
) -> pd.DataFrame:
    """Put values in the cells of a symmetric frame, ``alone`` on the rest of it."""
    square = np.full((len(labels), len(labels)), alone, np.result_type(values, alone))
    for (g, h), value in zip(cells, values, strict=True):
        square[g, h] = square[h, g] = value
    names = pd.Index(labels, tupleize_cols=False)
    return pd.DataFrame(square, index=names, columns=names)


def _describe(models: Floats, y: Floats) -> dict[str, Any]:
    return era_moments(rank_gauss(models), y)


def _describe_each(models: Floats, targets: Floats) -> list[dict[str, Any]]:
    ranked = rank_gauss(models)
    return [era_moments(ranked, y) for y in targets]
