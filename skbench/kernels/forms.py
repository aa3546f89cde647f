r"""Scores of any blend of an era, as a line of the weights over the root of a form.

With :math:`Z` the gaussianized and centred models of n rows, H the projection on the
features and the constant, and w the weights, the blend that is neutralised by the
proportion p is :math:`b = (I - p H) Z w`. H is a projection, so :math:`H^2 = H`, and

.. math::

    b'b &= w' \bigl(Z'Z - (2 p - p^2) Z'HZ\bigr) w

    t'b &= (Z't - p Z'Ht)' w

for every column t. So two forms and a pair of lines serve every proportion.

CORR ranks the blend and stretches it by :math:`s(x) = \operatorname{sign}(x)|x|^{1.5}`.
Of a normal variable x, what is stretched correlates with what is not by

.. math::

    \frac{E|x|^{2.5}}{\sqrt{E|x|^3}} = \sqrt 2 \, \Gamma(7/4) / \pi^{1/4} = 0.976,

so the correlation of the blend with the stretched target, times this, stands for CORR.
"""

from math import gamma, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blend import blend
from .moments import era_moments
from .neutralize import fill_missing, neutralize
from .rank import rank_gauss
from .score import (
    MIN_ROWS,
    centred_target,
    correlation_contribution,
    numerai_corr,
    stretch,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Forms = dict[str, Any]

STRETCHED = sqrt(2.0) * gamma(7 / 4) / pi**0.25
SCORES = ("corr", "mmc", "meta_model")


def era_forms(
    models: Floats,
    target: Floats,
    reference: Floats | None = None,
    features: NDArray[Any] | None = None,
) -> Forms:
    """Moments of one era, and lines and forms over the rows that these count.

    Parameters
    ----------
    models : array of shape (n_models, n_rows)
        Gaussianized predictions.
    target : array of shape (n_rows,)
    reference : array of shape (n_rows,), default=None
    features : array of shape (n_features, n_rows), default=None

    Returns
    -------
    dict
        What `era_moments` returns, and more. There n_ways is 2 with features, for what
        there is and what they explain of that, else 1; n_pairs counts the pairs of
        models, those of a model with itself among them:

        - ``lines`` (3, n_ways, n_models): for each of `SCORES`; NaN for a model that
          has no score;
        - ``forms`` (2, n_ways, n_pairs): of the rows of CORR, and of those that have
          the reference too; ``alike``: whether these are the same rows;
        - ``reference_corr``: the same score of the reference.
    """
    moments = era_moments(models, target, reference)
    there, rows, both = _counted(models, target, reference)
    known = ~np.isnan(target)
    stretched = stretch(target - target[known].mean()) if known.any() else target
    n_ways, n_models = 1 if features is None else 2, len(models)
    lines = np.full((len(SCORES), n_ways, n_models), np.nan)
    forms = np.zeros((2, n_ways, n_models * (n_models + 1) // 2))
    found: Forms = {"alike": bool((rows == both).all()), "reference_corr": np.nan}
    if features is not None:
        features = fill_missing(features)
    block = None
    if rows.sum() >= MIN_ROWS:
        block = _Block.of(models, there, rows, features)
        forms[0] = block.forms(moments["covariance"])
        column = _unit(stretched[rows])
        lines[0][:, there] = STRETCHED * block.lines(column)
    if reference is not None and both.sum() >= MIN_ROWS:
        if block is None or not found["alike"]:
            block = _Block.of(models, there, both, features)
        forms[1] = block.forms(moments["reference_covariance"])
        other = rank_gauss(reference[None, both], scale=False)[0]
        if other.any():
            lines[1][:, there] = block.lines(_rest(target[both], other))
            lines[2][:, there] = block.lines(_unit(other))
            column = _unit(stretched[both])
            found["reference_corr"] = STRETCHED * (_unit(other) @ column) / both.sum()
    return (
        moments
        | found
        | {
            "lines": lines.astype(np.float32),
            "forms": forms.astype(np.float32),
        }
    )


def _counted(
    models: Floats, target: Floats, reference: Floats | None
) -> tuple[Bools, Bools, Bools]:
    """Models that are there, rows that count, and those that have the reference too."""
    known, there = ~np.isnan(target), np.ones(len(models), dtype=bool)
    rows: Bools = known
    if np.isnan(models.sum()):  # in a fraction of the time of a mask
        missing = np.isnan(models)
        there = ~np.logical_and.reduce(missing[:, known], axis=1)
        rows = known & ~np.logical_or.reduce(missing[there]) & bool(there.any())
    if reference is None:
        return there, rows, np.zeros_like(rows)
    return there, rows, rows & ~np.isnan(reference)


class _Block:
    """Models of some rows, and what features leave of them."""

    def __init__(self, ways: list[Floats], places: NDArray[np.intp]) -> None:
        self._ways, self._places = ways, places

    @classmethod
    def of(
        cls,
        models: Floats,
        there: Bools,
        rows: Bools,
        features: NDArray[Any] | None,
    ) -> "_Block":
        """Take rows that all models have that are there, and centre them."""
        block = models if there.all() else models[there]
        block = block if rows.all() else np.compress(rows, block, axis=1)
        ways = [block - block.mean(axis=1, keepdims=True)]
        if features is not None:
            known = features if rows.all() else np.compress(rows, features, axis=1)
            ways.append(neutralize(ways[0], known, standardize=False)[0])
        return cls(ways, np.flatnonzero(there))

    def forms(self, covariance: Floats) -> Floats:
        """Mean products of each two models, which are known: (n_ways, n_pairs)."""
        full = [covariance]
        for left in self._ways[1:]:
            full.append(np.zeros_like(covariance))
            full[-1][np.ix_(self._places, self._places)] = left @ left.T / left.shape[1]
        upper = np.triu_indices(len(covariance))
        return _explained(np.array([form[upper] for form in full]))

    def lines(self, column: Floats) -> Floats:
        """Mean products with a column: (n_ways, n_models that are there)."""
        products = np.array([way @ column for way in self._ways])
        return _explained(products / column.size)


def _explained(ways: Floats) -> Floats:
    """Turn what features leave, which stands last if there are some, into the rest."""
    ways[1:] = ways[0] - ways[1:]
    return ways


def _rest(target: Floats, reference: Floats) -> Floats:
    """Return what a reference leaves of a target in the bins that MMC counts in."""
    column = centred_target(target)
    slope = (column @ reference) / (reference @ reference)
    rest: Floats = column - slope * reference
    return rest


def _unit(column: Floats) -> Floats:
    """Centre a column, to unit deviation; NaN for one that does not vary."""
    if column.min() == column.max():
        return np.full(column.size, np.nan)
    varying = column - column.mean()
    unit: Floats = varying / np.sqrt(np.square(varying).mean())
    return unit


def exact_scores(
    models: Floats,
    weights: Floats,
    target: Floats,
    reference: Floats | None = None,
    features: NDArray[Any] | None = None,
    *,
    proportions: tuple[float, ...] = (0.0,),
) -> dict[str, Floats]:
    """Score blends of one era as the pipeline makes them, ranked before and after.

    Parameters
    ----------
    models : array of shape (n_models, n_rows)
        Gaussianized predictions.
    weights : array of shape (n_blends, n_models)
    target : array of shape (n_rows,)
    reference : array of shape (n_rows,), default=None
    features : array of shape (n_features, n_rows), default=None
    proportions : tuple of float
        Without features, 0 alone.

    Returns
    -------
    dict
        "corr" and, with a reference, "mmc": (n_proportions, n_blends).
    """
    used = [np.flatnonzero(own) for own in weights]
    blends = [
        blend([models[i] for i in some], own[some])
        for some, own in zip(used, weights, strict=True)
    ]
    made = rank_gauss(np.array(blends))[None]
    if features is not None:
        made = neutralize(made[0], fill_missing(features), proportions=proportions)
    shape, columns = made.shape[:2], made.reshape(-1, target.size)
    scores = {"corr": numerai_corr(columns, target).reshape(shape)}
    if reference is not None:
        found = correlation_contribution(columns, target, reference)
        scores["mmc"] = found.reshape(shape)
    return scores
