"""Synthetic tournaments that look like Numerai's and whose truth is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtr, ndtri
from sklearn.utils import Bunch

from skbench._checks import check_count, check_flag, is_number
from skbench._eras import blas_threads, horizon_of
from skbench._frames import META_MODEL
from skbench._random import generator_of
from skbench.solvers.search import least_squares

from ._tournament import Tournament

__all__ = ["make_benchmark_models"]

Floats = npt.NDArray[np.float64]

_ERA = "era"

_GROUPS = (
    "agility",
    "charisma",
    "constitution",
    "dexterity",
    "intelligence",
    "serenity",
    "strength",
    "wisdom",
)
_MODELS = (
    "cyrus",
    "ender",
    "ralph",
    "jeremy",
    "waldo",
    "tyler",
    "victor",
    "xerxes",
    "teager2b",
    "claudia",
    "agnes",
    "rowan",
)

_BIN_VALUES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
_BIN_EDGES = np.array([0.05, 0.25, 0.75, 0.95])  # shares of 5, 20, 50, 20 and 5 %
_FEATURE_CUTS = ndtri([0.2, 0.4, 0.6, 0.8]).astype(np.float32)  # five equal bins

_FEATURE_SHARE = 0.25  # of a model's variance, carried by the feature groups
_SHARED_SHARE = (0.2, 0.6)  # of a model's variance, carried by the shared factor
_GROUP_CORR = 0.5  # between two features of a group, before they are binned
_TARGET_CORR = 0.7  # between the noises of two targets
_META_SHARE = 0.8  # of the Meta Model's variance, carried by the models
_MOST_MODELS = 200

# Numerai's CORR raises both sides to the power 1.5 and its target has five bins. To
# first order both only shrink a correlation of normal variables, by 0.9763 (the power)
# and 0.9245 (bins and power), whatever its size: CORR = 0.9025 times correlation.
_CORR_PER_CORRELATION = 0.9025

_DESCR = """\
Synthetic tournament in the layout of Numerai's files
-----------------------------------------------------
{rows} rows in {n_eras} weekly eras, {n_models} models, {n_features} features in
{n_groups} groups, {n_targets} targets, of which the first is also `target`.

frame            validation rows, index `id`; the newest eras wait for their targets
live             one later era: no targets, no Meta Model
era, meta_model  names of single columns
models, features, targets
                 names of columns; `targets` starts with `target`
feature_groups   group -> names of its features
weights          model -> its weight in the blend of the per-era gaussianized models
                 that has the highest expected correlation with every target
expected_corr    model -> mean over eras of its Numerai CORR, without sampling noise
model_corr       correlation between the models within an era
meta_weights     model -> its weight in the part of the Meta Model the models explain

All truths come from the parameters that generated the rows, not from the rows.
"""


def make_benchmark_models(
    n_eras: int = 120,
    rows_per_era: int = 500,
    n_models: int = 6,
    n_features: int = 40,
    *,
    targets: Sequence[str] = ("target_cyrus_20", "target_ender_60"),
    mean_corr: float = 0.02,
    era_std: float = 0.016,
    skill_std: float | None = None,
    first_era: int = 1,
    unscored: bool = True,
    meta_model_eras: int | None = None,
    dtype: npt.DTypeLike = np.float64,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> Bunch:
    r"""Make a synthetic tournament whose best ensemble is known.

    Each row has independent standard normal factors :math:`x`: one that all models
    share, one for each group of features, and one for each model. In era :math:`t`

    .. math::

        z &= L x, \quad \Sigma = L L^\top, \quad \operatorname{diag} \Sigma = 1

        y_t &= \lambda_t^\top x + \sqrt{1 - |\lambda_t|^2} \, \varepsilon, \quad
        \lambda_t = b \, L^\top w + \tau v_t

        u_j &= \sqrt{r} \, x_{g(j)} + \sqrt{1 - r} \, e_j

    where :math:`z` are the models, :math:`y_t` the latent target and :math:`u_j` the
    latent feature :math:`j` of group :math:`g(j)`. The published columns are monotone
    in these: a model is 0.5 plus a multiple of :math:`z`, a feature is :math:`u` cut
    into five equal bins, and a target is :math:`y` cut by its rank in the era into 0,
    0.25, 0.5, 0.75 and 1 with shares of 5, 20, 50, 20 and 5 %.

    The correlations of the models with the target are :math:`c_t = L \lambda_t`. Since
    :math:`v_t` has mean zero, a blend :math:`q` has the expected correlation
    :math:`b \, q^\top \Sigma w / \sqrt{q^\top \Sigma q}`, which is highest where
    :math:`q` is proportional to :math:`w`. The weights :math:`w` are drawn evenly from
    those that are non-negative and sum to one, so they are the optimum with and
    without constraints, and for every target.

    With `skill_std` the models' expected scores are drawn in place of :math:`w`: in
    proportion to :math:`\Sigma 1`, for which equal weights are best, plus that
    deviation times a standard normal number for each model. The :math:`w` with these
    scores may have negative parts; `weights` are the best ones without.

    The signal comes and goes: :math:`v_t` has unit variance and is the scaled sum of
    the weekly shocks inside the window of the target. A target over :math:`d` days
    spans :math:`m = \lceil d / 5 \rceil + 1` weekly shocks, so :math:`v_t` has the
    autocorrelation :math:`1 - l / m` at lag :math:`l < m` and zero from there on: 5
    lags for 20 days, 13 for 60 days. Models that are alike do well in the same eras.

    The strength :math:`b` gives the average model a CORR of `mean_corr`, and
    :math:`\tau` is `era_std`, both divided by 0.9025, the ratio of Numerai's CORR to
    the correlation with the latent target. Sampling adds about
    :math:`1 / \sqrt{n}` to the spread of the scores of eras of :math:`n` rows: the
    defaults give a standard deviation of 0.021 at 5,000 rows and of 0.047 at 500,
    where sampling noise also hides most of the autocorrelation.

    Models correlate by about 0.35 to 0.85 with one another and by about 0.1 to 0.35
    with the feature they lean on most.

    Parameters
    ----------
    n_eras : int, default=120
        Number of weekly validation eras.
    rows_per_era : int, default=500
        Rows in an era; each era has its own number, within 10 % of this.
    n_models : int, default=6
        Number of models, 2 to 200.
    n_features : int, default=40
        Number of features, in one group for every four, at most eight groups.
    targets : sequence of str, default=("target_cyrus_20", "target_ender_60")
        Names of the targets; each ends in its length in trading days. The column
        `target` repeats the first.
    mean_corr : float, default=0.02
        Mean over eras and models of Numerai's CORR.
    era_std : float, default=0.016
        Standard deviation over eras of a model's CORR, before sampling noise.
    skill_std : float, default=None
        Standard deviation over models of what each has of its own in its expected CORR;
        0 makes equal weights the best. None: the best weights are drawn evenly.
    first_era : int, default=1
        Number of the first era; 575 gives the label "0575".
    unscored : bool, default=True
        Whether the newest eras have no targets yet: the last 5 for a target over 20
        days, the last 13 for one over 60 days.
    meta_model_eras : int, default=None
        Number of newest eras that have the Meta Model; the other eras have NaN. None
        stands for a third of the eras, at most 87.
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        Type of the model, Meta Model and target columns.
    random_state : int, RandomState instance, Generator or None, default=None
        Where the random numbers come from. An int gives the same data on every call;
        None draws from the global state of numpy, as in scikit-learn.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With these keys:

        frame : DataFrame of about (n_eras * rows_per_era) rows
            Index `id`; columns `era`, `data_type`, the models, `numerai_meta_model`,
            `target`, the targets and the int8 features, 0 to 4.
        live : DataFrame of about (rows_per_era) rows
            One later era, "X"; targets are NaN and there is no Meta Model.
        era, meta_model : str
            Names of these columns.
        models, features, targets : list of str
            Names of these columns; `targets` starts with "target".
        feature_groups : dict of str to list of str
            Names of the features of each group.
        weights : dict of str to float
            The optimal weight :math:`w` of each model, in column order; sum one.
        expected_corr : dict of str to float
            Mean over eras of the CORR of each model.
        model_corr : DataFrame of shape (n_models, n_models)
            The correlations :math:`\Sigma` of the models within an era.
        meta_weights : dict of str to float
            Weight of each model in the Meta Model, which is 80 % (of variance) a blend
            of the models and 20 % of its own; sum one.
        DESCR : str
            Description of the data.

    Raises
    ------
    ValueError
        If an argument is out of its range, or `mean_corr` and `era_std` are so large
        that nothing of the target would be left to noise.

    Examples
    --------
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(n_eras=20, n_models=3, random_state=0)
    >>> data.models
    ['v53_lgbm_cyrus20', 'v53_lgbm_cyrus60', 'v53_lgbm_ender20']
    >>> round(sum(data.weights.values()), 6)
    1.0
    >>> data.frame["era"].nunique(), data.frame.dropna(subset="target")["era"].nunique()
    (20, 15)
    >>> first = data.frame.loc[data.frame["era"] == "0001", "target"]
    >>> first.value_counts(normalize=True).sort_index().round(2).tolist()
    [0.05, 0.2, 0.5, 0.2, 0.05]
    """
    _check_sizes(n_eras, rows_per_era, n_models, n_features, first_era)
    _check_strengths(mean_corr, era_std, 0.0 if skill_std is None else skill_std)
    check_flag("unscored", unscored)
    weeks = {name: _weeks_in(name) for name in _check_targets(targets)}
    waits = {name: weeks[name] if unscored else 0 for name in weeks}
    _check_some_scored(n_eras, waits)
    n_meta_eras = _check_meta_model_eras(meta_model_eras, n_eras)
    float_type = _check_dtype(dtype)

    rng = generator_of(random_state)
    world = _draw_world(rng, n_models, n_features, mean_corr, skill_std)
    signals = _draw_signals(rng, world, list(weeks.values()), n_eras, era_std)
    rows = _draw_row_counts(rng, n_eras + 1, rows_per_era)
    ids = _draw_ids(rng, int(rows.sum()))
    past = _draw_rows(rng, world, signals, rows[:-1], float_type)
    today = _draw_rows(rng, world, signals[:, -1:], rows[-1:], float_type)

    _blank_newest(past.targets, rows[:-1], list(waits.values()))
    _blank_oldest(past.meta_model, rows[:-1], n_meta_eras)
    today.targets[:] = np.nan
    names = _column_names(n_models, world.groups, list(weeks))
    eras = np.repeat([f"{first_era + t:04d}" for t in range(n_eras)], rows[:-1])
    frame = _build_frame(ids[: len(eras)], eras, "validation", past, names)
    live = _build_frame(ids[len(eras) :], "X", "live", today, names)
    live = live.drop(columns=META_MODEL)
    return _bundle(frame, live, names, world)


class _World(NamedTuple):
    """What stays the same in every era. Factors: shared, one a group, one a model."""

    loadings: Floats  # (n_models, n_factors), rows of norm 1
    weights: Floats  # (n_models,), the best ones
    mixture: Floats  # (n_models,), of the models in what is steady of the targets
    strength: float
    meta_weights: Floats  # (n_models,)
    scales: Floats  # (n_models,), standard deviation of each model's column
    groups: npt.NDArray[np.intp]  # (n_features,), the group of each feature

    @property
    def model_corr(self) -> Floats:
        return self.loadings @ self.loadings.T


class _Rows(NamedTuple):
    """The numbers of many rows, one array a block of the frame, columns first.

    The first three are views of `floats`.
    """

    models: npt.NDArray[np.floating]
    meta_model: npt.NDArray[np.floating]
    targets: npt.NDArray[np.floating]  # the first is repeated as `target`
    floats: npt.NDArray[np.floating]
    features: npt.NDArray[np.int8]


class _Names(NamedTuple):
    models: list[str]
    targets: list[str]
    features: list[str]
    feature_groups: dict[str, list[str]]

    @property
    def floats(self) -> list[str]:
        return [*self.models, META_MODEL, *self.targets]


# Arguments


def _check_sizes(
    n_eras: int, rows_per_era: int, n_models: int, n_features: int, first_era: int
) -> None:
    check_count("n_eras", n_eras, 1)
    check_count("rows_per_era", rows_per_era, 1)
    check_count("n_models", n_models, 2, _MOST_MODELS)
    check_count("n_features", n_features, 1)
    check_count("first_era", first_era, 0)


def _check_strengths(mean_corr: float, era_std: float, skill_std: float) -> None:
    given = {"mean_corr": mean_corr, "era_std": era_std, "skill_std": skill_std}
    for name, value in given.items():
        if not is_number(value):
            raise ValueError(f"`{name}` must be a number; got {value!r}")
    if not 0 < mean_corr < 1:
        raise ValueError(f"`mean_corr` must be between 0 and 1; got {mean_corr}")
    for name in ("era_std", "skill_std"):
        if not 0 <= given[name] < 1:
            raise ValueError(
                f"`{name}` must be at least 0 and below 1; got {given[name]}"
            )


def _check_targets(targets: Sequence[str]) -> list[str]:
    if not pd.api.types.is_list_like(targets) or len(targets) == 0:
        raise ValueError(f"`targets` must be a list of names; got {targets!r}")
    names = [str(name) for name in targets]
    if len(set(names)) < len(names):
        raise ValueError(f"`targets` must be different names; got {targets!r}")
    return names


def _weeks_in(target: str) -> int:
    """Read from its name how many weekly shocks a target spans."""
    if not re.fullmatch(r"target_\w+_[1-9]\d{0,2}", target):
        raise ValueError(
            "`targets` must be names that end in their days, such as "
            f"'target_cyrus_20'; got {target!r}"
        )
    return horizon_of(target)


def _check_some_scored(n_eras: int, waits: dict[str, int]) -> None:
    main, wait = next(iter(waits.items()))
    if n_eras <= wait:
        raise ValueError(
            f"`n_eras` must be above {wait}, the newest eras that wait for {main!r} "
            f"(unless `unscored` is False); got {n_eras}"
        )


def _check_meta_model_eras(meta_model_eras: int | None, n_eras: int) -> int:
    if meta_model_eras is None:
        return min(87, ceil(n_eras / 3))
    check_count("meta_model_eras", meta_model_eras, 0, n_eras)
    return meta_model_eras


def _check_dtype(dtype: npt.DTypeLike) -> np.dtype[np.floating]:
    found: np.dtype[Any] | None = None
    with suppress(TypeError):  # not a type at all
        found = np.dtype(dtype)
    if found is None or found not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"`dtype` must be float64 or float32; got {dtype!r}")
    return found


# The world: what is the same in every era


def _draw_world(
    rng: np.random.Generator,
    n_models: int,
    n_features: int,
    mean_corr: float,
    skill_std: float | None,
) -> _World:
    n_groups = min(len(_GROUPS), max(1, n_features // 4))
    loadings = _draw_loadings(rng, n_models, n_groups)
    weights = rng.dirichlet(np.ones(n_models))
    mixture = weights
    if skill_std is not None:
        mixture, weights = _draw_skills(rng, loadings, skill_std / mean_corr)
    average = float((loadings @ (mixture @ loadings)).mean())
    return _World(
        loadings=loadings,
        weights=weights,
        mixture=mixture,
        strength=mean_corr / (_CORR_PER_CORRELATION * average),
        meta_weights=rng.dirichlet(np.ones(n_models)),
        scales=rng.uniform(0.01, 0.03, n_models),
        groups=np.arange(n_features) * n_groups // n_features,
    )


def _draw_skills(
    rng: np.random.Generator, loadings: Floats, spread: float
) -> tuple[Floats, Floats]:
    """Draw what models score, 1 on average; return the mixture that gives these scores.

    And the weights that are best of those that are not negative.
    """
    alike = loadings @ loadings.T
    common = alike.sum(axis=1)
    own = rng.standard_normal(common.size)
    scores = common / common.mean() + spread * (own - own.mean())
    best = least_squares(alike, scores)
    return np.linalg.solve(alike, scores), best / best.sum()


def _draw_loadings(rng: np.random.Generator, n_models: int, n_groups: int) -> Floats:
    """Variance shares of the shared factor, the groups and the model's own factor."""
    shared = rng.uniform(*_SHARED_SHARE, (n_models, 1))
    # Every model leans on a group in the same direction, some more and some less:
    # else the models would hardly correlate where there are few groups.
    taste = rng.choice([-1.0, 1.0], n_groups) * rng.uniform(0.5, 1.0, n_groups)
    lean = taste * rng.uniform(0.5, 1.5, (n_models, n_groups))
    lean *= np.sqrt(_FEATURE_SHARE) / np.linalg.norm(lean, axis=1, keepdims=True)
    own = np.sqrt(1 - _FEATURE_SHARE - shared)
    return np.hstack([np.sqrt(shared), lean, own * np.eye(n_models)])


def _draw_signals(
    rng: np.random.Generator,
    world: _World,
    weeks: list[int],
    n_eras: int,
    era_std: float,
) -> Floats:
    """Load each target on each factor: shape (n_targets, n_eras, n_factors)."""
    steady = world.strength * (world.mixture @ world.loadings)
    shocks = rng.standard_normal((n_eras + max(weeks) - 1, len(steady)))
    signals = np.empty((len(weeks), n_eras, len(steady)))
    for signal, n_weeks in zip(signals, weeks, strict=True):
        windows = sliding_window_view(shocks, n_weeks, axis=0)[:n_eras]
        swing = windows.sum(axis=-1) / np.sqrt(n_weeks)
        # The rows of the loadings have norm 1, so that each model's correlation
        # with the target gets exactly this standard deviation over eras.
        signal[:] = steady + era_std / _CORR_PER_CORRELATION * swing
    explained = float((signals**2).sum(axis=-1).max())
    if explained >= 1:
        raise ValueError(
            "`mean_corr` and `era_std` must be so small that they, and `skill_std`, "
            f"explain less than 100 % of a target; got {100 * explained:.0f} %"
        )
    return signals


# The rows, era by era


def _draw_row_counts(
    rng: np.random.Generator, n_eras: int, rows_per_era: int
) -> npt.NDArray[np.int64]:
    spread = rows_per_era // 10
    return rng.integers(
        rows_per_era - spread, rows_per_era + spread, n_eras, endpoint=True
    )


def _draw_ids(rng: np.random.Generator, n_rows: int) -> list[str]:
    numbers = rng.integers(16**15, size=n_rows)
    while len(np.unique(numbers)) < n_rows:  # once in millions of calls
        numbers = rng.integers(16**15, size=n_rows)
    return [f"n{number:015x}" for number in numbers.tolist()]


def _allocate_rows(
    n_rows: int,
    n_models: int,
    n_targets: int,
    n_features: int,
    dtype: np.dtype[np.floating],
) -> _Rows:
    floats = np.empty((n_models + 2 + n_targets, n_rows), dtype)
    return _Rows(
        models=floats[:n_models],
        meta_model=floats[n_models],
        targets=floats[n_models + 1 :],
        floats=floats,
        features=np.empty((n_features, n_rows), np.int8),
    )


def _draw_rows(
    rng: np.random.Generator,
    world: _World,
    signals: Floats,
    row_counts: npt.NDArray[np.int64],
    dtype: np.dtype[np.floating],
) -> _Rows:
    """Draw an era at a time, so that only the published columns are ever held whole."""
    n_models, n_factors = world.loadings.shape
    sizes = int(row_counts.sum()), n_models, len(signals), len(world.groups)
    rows = _allocate_rows(*sizes, dtype)
    ends = np.cumsum(row_counts)
    for era, (end, count) in enumerate(zip(ends, row_counts, strict=True)):
        part = slice(end - count, end)
        factors = rng.standard_normal((n_factors, count))
        with blas_threads(None, int(count), n_factors):
            models = world.loadings @ factors
            rows.models[:, part] = 0.5 + world.scales[:, None] * models
            rows.meta_model[part] = _draw_meta_model(rng, world, models)
            rows.targets[1:, part] = _draw_targets(rng, signals[:, era], factors)
        rows.targets[0, part] = rows.targets[1, part]
        rows.features[:, part] = _draw_features(rng, world.groups, factors)
    return rows


def _draw_meta_model(rng: np.random.Generator, world: _World, models: Floats) -> Floats:
    blend = world.meta_weights @ models
    blend *= np.sqrt(_META_SHARE / np.sum((world.meta_weights @ world.loadings) ** 2))
    own = np.sqrt(1 - _META_SHARE) * rng.standard_normal(blend.shape)
    # Halved, because a mean of many ranks spreads less than ranks do.
    return np.asarray(ndtr((blend + own) / 2))


def _draw_targets(rng: np.random.Generator, signals: Floats, factors: Floats) -> Floats:
    n_targets, n_rows = len(signals), factors.shape[1]
    noise = np.sqrt(_TARGET_CORR) * rng.standard_normal(n_rows) + np.sqrt(
        1 - _TARGET_CORR
    ) * rng.standard_normal((n_targets, n_rows))
    left = 1 - np.sum(signals**2, axis=1, keepdims=True)
    return _bin_by_rank(signals @ factors + np.sqrt(left) * noise)


def _bin_by_rank(latent: Floats) -> Floats:
    """Replace each row's values by the five target values in their fixed shares."""
    n_columns = latent.shape[1]
    ends = np.round(_BIN_EDGES * n_columns).astype(int)
    in_order = np.repeat(_BIN_VALUES, np.diff(ends, prepend=0, append=n_columns))
    binned = np.empty_like(latent)
    np.put_along_axis(binned, np.argsort(latent, axis=1), in_order[None, :], axis=1)
    return binned


def _draw_features(
    rng: np.random.Generator, groups: npt.NDArray[np.intp], factors: Floats
) -> npt.NDArray[np.int8]:
    """Draw in single precision: the five bins do not need more, and it is faster."""
    shape = len(groups), factors.shape[1]
    latent = rng.standard_normal(shape, dtype=np.float32)
    latent *= np.float32(np.sqrt(1 - _GROUP_CORR))
    latent += (np.sqrt(_GROUP_CORR) * factors).astype(np.float32)[1 + groups]
    bins = np.zeros(shape, np.int8)
    for cut in _FEATURE_CUTS:
        bins += latent > cut
    return bins


def _blank_newest(
    targets: npt.NDArray[np.floating],
    row_counts: npt.NDArray[np.int64],
    waits: list[int],
) -> None:
    """Make targets NaN in the newest eras, a number of them for each target."""
    for target, wait in zip(targets, [waits[0], *waits], strict=True):
        target[row_counts[: len(row_counts) - wait].sum() :] = np.nan


def _blank_oldest(
    values: npt.NDArray[np.floating], row_counts: npt.NDArray[np.int64], n_kept: int
) -> None:
    values[: row_counts[: len(row_counts) - n_kept].sum()] = np.nan


# The frames


def _column_names(
    n_models: int, groups: npt.NDArray[np.intp], targets: list[str]
) -> _Names:
    models = [f"{name}{days}" for name in _MODELS for days in (20, 60)]
    width = len(str(len(groups)))
    features: dict[str, list[str]] = {}
    for number, group in enumerate(groups, start=1):
        name = _GROUPS[group]
        features.setdefault(name, []).append(f"feature_{name}_{number:0{width}d}")
    return _Names(
        # After the last name on the list comes the data version before: v53, v52, ...
        models=[
            f"v{53 - k // len(models)}_lgbm_{models[k % len(models)]}"
            for k in range(n_models)
        ],
        targets=["target", *targets],
        features=[name for names in features.values() for name in names],
        feature_groups=features,
    )


def _build_frame(
    ids: list[str],
    eras: str | npt.NDArray[np.str_],
    data_type: str,
    rows: _Rows,
    names: _Names,
) -> pd.DataFrame:
    """Join three blocks; the arrays are ours alone, so they need no copy."""
    index = pd.Index(ids, name="id")
    labels = pd.DataFrame({_ERA: eras, "data_type": data_type}, index=index)
    floats = pd.DataFrame(rows.floats.T, index, names.floats, copy=False)
    features = pd.DataFrame(rows.features.T, index, names.features, copy=False)
    return pd.concat([labels, floats, features], axis=1)


def _bundle(
    frame: pd.DataFrame, live: pd.DataFrame, names: _Names, world: _World
) -> Bunch:
    model_corr = world.model_corr
    corr = _CORR_PER_CORRELATION * world.strength * (model_corr @ world.mixture)
    return Tournament(
        frame=frame,
        live=live,
        era=_ERA,
        meta_model=META_MODEL,
        models=names.models,
        features=names.features,
        targets=names.targets,
        feature_groups=names.feature_groups,
        weights=_by_name(names.models, world.weights),
        expected_corr=_by_name(names.models, corr),
        model_corr=pd.DataFrame(model_corr, names.models, names.models),
        meta_weights=_by_name(names.models, world.meta_weights),
        DESCR=_describe(frame, names),
    )


def _by_name(names: list[str], values: Floats) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _describe(frame: pd.DataFrame, names: _Names) -> str:
    return _DESCR.format(
        rows=f"{len(frame):,}",
        n_eras=frame[_ERA].nunique(),
        n_models=len(names.models),
        n_features=len(names.features),
        n_groups=len(names.feature_groups),
        n_targets=len(names.targets) - 1,
    )
