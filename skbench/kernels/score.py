"""Scores of the predictions of one era, all models in one call.

Every prediction is a row of a block, NaN where it is missing, and is scored on the rows
where it and all that it is compared with are there. So a score never depends on the
gaps of another prediction. Fewer than three such rows give NaN; a constant prediction
scores 0.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gaps import ALL, Indices, alike
from .neutralize import neutralize
from .rank import Places, ascending_gauss, rank_gauss

Floats = NDArray[np.float64]
# Columns that are alike, where their ascending values stand, their normal quantiles.
Order = Iterable[tuple[Indices, Places, Floats]]
# A correlation of two points says nothing.
MIN_ROWS = 3
_CHUNK = 128


def ranked(predictions: Floats, target: Floats) -> Order:
    """Sort each prediction on the rows that have the target, for scores to share.

    Sorting takes most of the time of a score.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)

    Returns
    -------
    iterable of (columns, places, quantiles), as `ascending_gauss` gives them
    """
    rows = _without(np.isnan(target))
    return ascending_gauss(_take(predictions, rows)) if target[rows].size else ()


def numerai_corr(
    predictions: Floats,
    target: Floats,
    top_bottom: int | None = None,
    *,
    order: Order | None = None,
) -> Floats:
    """Numerai CORR of each prediction: Pearson correlation of two stretched columns.

    The prediction is ranked (ties kept), gaussianized and stretched by
    ``sign(x) |x|^1.5``; the target is centred over all its rows and stretched alike.
    A prediction counts on the rows where it and the target are there. A constant
    prediction scores 0; fewer than 3 rows, or a constant target, give NaN.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)
    top_bottom : int or None
        Correlate only so many of the highest and of the lowest predictions.
    order : iterable or None
        The predictions as `ranked` sorts them. None: they are still to be sorted.

    Returns
    -------
    array of shape (n_columns,)
    """
    rows = _without(np.isnan(target))
    if target[rows].size == 0:
        return np.full(len(predictions), np.nan)
    centred = target[rows] - target[rows].mean()
    order = ranked(predictions, target) if order is None else order
    return _correlation(order, len(predictions), stretch(centred), top_bottom)


def quantile_means(
    predictions: Floats, target: Floats, n: int, *, order: Order | None = None
) -> Floats:
    """Mean target in each of n groups of rows, from the lowest to the highest ranks.

    A prediction counts on the rows where it and the target are there, and the target
    less its mean on these. The sizes of the groups differ by one row at most. Ties
    share the mean of their targets, so that it does not matter which of them come into
    which group: a constant prediction gives 0. Fewer rows than groups give NaN.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)
    n : int
        Number of groups.
    order : iterable or None
        The predictions as `ranked` sorts them. None: they are still to be sorted.

    Returns
    -------
    array of shape (n_columns, n)
    """
    means = np.full((len(predictions), n), np.nan)
    known = target[_without(np.isnan(target))]
    order = ranked(predictions, target) if order is None else order
    for columns, places, normal in order:
        n_rows = places.shape[1]
        if n_rows < n:
            continue
        values = np.take(known, places, mode="clip")
        values -= values.mean(axis=1, keepdims=True)
        starts = np.arange(n) * n_rows // n
        sums = np.add.reduceat(_shared_by_ties(values, normal), starts, axis=1)
        means[columns] = sums / np.diff(starts, append=n_rows)
    return means


def _shared_by_ties(values: Floats, normal: Floats) -> Floats:
    """Give each of the values whose quantiles are the same their mean."""
    if normal.ndim == 1:  # without ties, or nothing else
        return np.zeros_like(values) if normal[0] == normal[-1] else values
    begins = np.ones(values.shape, dtype=bool)
    begins[:, 1:] = normal[:, 1:] != normal[:, :-1]
    tie = np.cumsum(begins) - 1
    means = np.bincount(tie, weights=values.reshape(-1)) / np.bincount(tie)
    shared: Floats = means[tie].reshape(values.shape)
    return shared


def correlation_with(predictions: Floats, reference: Floats) -> Floats:
    """Pearson correlation of each prediction, stretched as in CORR, with a reference.

    The reference stays as it is. A constant prediction scores 0; fewer than 3 rows
    that both have, or a constant reference, give NaN.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    reference : array of shape (n_rows,)

    Returns
    -------
    array of shape (n_columns,)
    """
    rows = _without(np.isnan(reference))
    if reference[rows].size == 0:
        return np.full(len(predictions), np.nan)
    order = ranked(predictions, reference)
    return _correlation(order, len(predictions), reference[rows])


def feature_neutral_corr(
    predictions: Floats,
    target: Floats,
    features: NDArray[Any],
    top_bottom: int | None = None,
) -> Floats:
    """Numerai CORR of what the features leave of each gaussianized prediction.

    Ranks and regression use all rows that have the prediction and every feature, also
    those without a target. A prediction of which nothing is left scores 0.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)
    features : array of shape (n_features, n_rows)
    top_bottom : int or None
        As for `numerai_corr`; the extremes are those of the neutralised prediction.

    Returns
    -------
    array of shape (n_columns,)
    """
    gaps = np.asarray(_missing(features).any(axis=0))
    if (gaps | np.isnan(target)).all():
        return np.full(len(predictions), np.nan)
    neutral = np.full(predictions.shape, np.nan)
    rows = _without(gaps)
    normal = rank_gauss(_take(predictions, rows), scale=False)
    neutral[:, rows] = neutralize(normal, _take(features, rows), standardize=False)[0]
    return numerai_corr(neutral, target, top_bottom)


def neutral_correlation(
    predictions: Floats,
    target: Floats,
    features: NDArray[Any],
    top_bottom: int | None = None,
) -> Floats:
    """Pearson correlation with the target of what the features leave of predictions.

    Each prediction is ranked (ties kept) and gaussianized on the rows that have it, the
    target and every feature, and neutralised; neither side is stretched. Where nothing
    is left of a prediction it scores 0; a constant target, or fewer than 3 rows, give
    NaN.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)
    features : array of shape (n_features, n_rows)
    top_bottom : int or None
        Correlate only so many of the highest and of the lowest neutralised predictions.

    Returns
    -------
    array of shape (n_columns,)
    """
    gaps = np.isnan(target) | _missing(features).any(axis=0)
    scores = np.full(len(predictions), np.nan)
    for models, rows in alike(np.isnan(predictions) | gaps):
        if len(target[rows]) >= MIN_ROWS:
            normal = rank_gauss(_take(predictions[models], rows), scale=False)
            known = _take(features, rows)
            left = neutralize(normal, known, standardize=False)[0]
            scores[models] = _pearsons(left, target[rows], top_bottom)
    return scores


def correlation_contribution(
    predictions: Floats,
    target: Floats,
    reference: Floats,
    top_bottom: int | None = None,
) -> Floats:
    """Covariance with the target of what each prediction adds to a reference.

    Prediction and reference are ranked (ties kept) and gaussianized; the prediction
    loses its projection on the reference. The target, times 4 where all of it lies in
    [0, 1], is centred on the rows that count. A constant prediction or target gives 0;
    a constant reference, or fewer than 3 rows that have all, give NaN.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)
    reference : array of shape (n_rows,)
    top_bottom : int or None
        Sum only over so many of the highest and of the lowest values of what is added.

    Returns
    -------
    array of shape (n_columns,)
    """
    gaps = np.isnan(target) | np.isnan(reference)
    scores = np.full(len(predictions), np.nan)
    for models, rows in alike(np.isnan(predictions) | gaps):
        if len(target[rows]) >= MIN_ROWS:
            known, other = _take(predictions[models], rows), reference[None, rows]
            other = rank_gauss(other, scale=False)[0]
            if top_bottom is None:
                scores[models] = _contribution(known, target[rows], other)
            else:
                own = rank_gauss(known, scale=False)
                scores[models] = _covariance(own, target[rows], other, top_bottom)
    return scores


def neutral_contribution(
    predictions: Floats,
    target: Floats,
    reference: Floats,
    features: NDArray[Any],
    top_bottom: int | None = None,
) -> Floats:
    """Contribution as above, prediction and reference neutralised to features first.

    A reference of which nothing is left gives NaN, as a constant one does.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    target : array of shape (n_rows,)
    reference : array of shape (n_rows,)
    features : array of shape (n_features, n_rows)
    top_bottom : int or None
        As for `correlation_contribution`.

    Returns
    -------
    array of shape (n_columns,)
    """
    gaps = np.isnan(target) | np.isnan(reference) | _missing(features).any(axis=0)
    scores = np.full(len(predictions), np.nan)
    for models, rows in alike(np.isnan(predictions) | gaps):
        if len(target[rows]) >= MIN_ROWS:
            block = _take(np.vstack([predictions[models], reference]), rows)
            normal = rank_gauss(block, scale=False)
            known = _take(features, rows)
            *own, other = neutralize(normal, known, standardize=False)[0]
            scores[models] = _covariance(np.array(own), target[rows], other, top_bottom)
    return scores


def _contribution(predictions: Floats, target: Floats, reference: Floats) -> Floats:
    """Covariance of a target with what predictions, still to be ranked, add."""
    scores = np.full(len(predictions), np.nan)
    size = _dot(reference, reference)
    if size == 0:
        return scores
    centred = centred_target(target)
    # What is not in the reference is orthogonal to it: so take it from the target.
    rest = (centred - _dot(centred, reference) / size * reference) / target.size
    for rows, places, normal in ascending_gauss(predictions):
        scores[rows] = _dots(np.take(rest, places, mode="clip"), normal)
    return scores


def _covariance(
    predictions: Floats, target: Floats, reference: Floats, top_bottom: int | None
) -> Floats:
    """Covariance of a target with what predictions, in normal quantiles, add."""
    size = _dot(reference, reference)
    if size == 0:
        return np.full(len(predictions), np.nan)
    shares = (predictions * reference).sum(axis=1, keepdims=True) / size
    added = predictions - shares * reference
    products = added * centred_target(target)
    counted = True if top_bottom is None else ~_inside(added, top_bottom)
    scores: Floats = products.mean(axis=1, where=counted)
    return scores


def centred_target(target: Floats) -> Floats:
    """Centre a target, times 4 if it lies in [0, 1]: bins that are one apart."""
    if target.min() >= 0 and target.max() <= 1:
        target = 4 * target
    centred: Floats = target - target.mean()
    return centred


def correlations(
    predictions: Floats, features: NDArray[Any], top_bottom: int | None = None
) -> Floats:
    """Pearson correlation of each prediction with each feature, neither ranked.

    Each pair on the rows that both have; fewer than 3 give NaN. A constant prediction
    or feature has correlation 0.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    features : array of shape (n_features, n_rows)
    top_bottom : int or None
        Correlate only so many of the highest and of the lowest predictions.

    Returns
    -------
    array of shape (n_columns, n_features)
    """
    unknown = _missing(features)
    chosen = predictions
    if top_bottom is not None:
        chosen = np.where(_inside(predictions, top_bottom), np.nan, predictions)
    out = np.empty((len(predictions), len(features)))
    for some, rows in alike(unknown):
        known = _take(features[some], rows)
        block = _complete_correlations(_take(chosen, rows), known)
        block[(~np.isnan(_take(predictions, rows))).sum(axis=1) < MIN_ROWS] = np.nan
        out[:, some] = block
    return out


def _complete_correlations(predictions: Floats, features: NDArray[Any]) -> Floats:
    """Correlations with features that lack no value."""
    out = np.full((len(predictions), len(features)), np.nan)
    for models, rows in alike(np.isnan(predictions)):
        block = _take(predictions[models], rows)
        if block.shape[1] < 2:
            continue
        units = _unit(block)
        for start in range(0, len(features), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            out[models, chunk] = units @ _unit(_take(features[chunk], rows)).T
    clipped: Floats = np.clip(out, -1.0, 1.0)
    return clipped


def pearson(column: Floats, other: Floats) -> float:
    """Pearson correlation of two columns without missing values.

    A constant column has correlation 0, a constant other NaN.
    """
    if other.min() == other.max():
        return float("nan")
    return min(max(_dot(_unit(column), _unit(other)), -1.0), 1.0)


def _pearsons(columns: Floats, other: Floats, top_bottom: int | None) -> list[float]:
    """Pearson correlation of columns, or of their extremes, with another column."""
    if top_bottom is None:
        return [pearson(column, other) for column in columns]
    chosen = zip(columns, ~_inside(columns, top_bottom), strict=True)
    return [pearson(column[ends], other[ends]) for column, ends in chosen]


def _without(gaps: NDArray[np.bool_]) -> Indices:
    return np.flatnonzero(~gaps) if gaps.any() else ALL


def _take(block: NDArray[Any], rows: Indices) -> NDArray[Any]:
    """Rows of an era, contiguous: an index would leave the columns interleaved."""
    return block[:, rows] if isinstance(rows, slice) else np.take(block, rows, axis=1)


def _correlation(
    order: Order, n_columns: int, other: Floats, top_bottom: int | None = None
) -> Floats:
    """Correlation of each prediction, its normal quantiles stretched, with another."""
    scores = np.full(n_columns, np.nan)
    if other.min() == other.max():
        return scores
    whole = _unit(other)
    for rows, places, normal in order:
        n = places.shape[1]
        if n < MIN_ROWS:
            continue
        ends = _ends(n, top_bottom)
        stretched = stretch(normal)[..., ends]
        if ends is ALL and n == other.size:
            chosen = np.take(whole, places, mode="clip")
        else:
            chosen = np.take(other, places[:, ends], mode="clip")
            constant = chosen.min(axis=1) == chosen.max(axis=1)
            chosen = _unit(chosen)
            chosen[constant] = np.nan
        scores[rows] = np.clip(_dots(chosen, _unit(stretched)), -1.0, 1.0)
    return scores


def _ends(n: int, top_bottom: int | None) -> Indices:
    """Find the lowest and the highest of n ascending values; all, where they meet."""
    if top_bottom is None or 2 * top_bottom >= n:
        return ALL
    return np.concatenate([np.arange(top_bottom), np.arange(n - top_bottom, n)])


def _dot(a: Floats, b: Floats) -> float:
    """Inner product, without the threads that a BLAS would start for it."""
    return float(np.einsum("i,i->", a, b))


def _dots(rows: Floats, others: Floats) -> Floats:
    """Inner product of each row with its other, or with the one that all share.

    All in one call, as threads wait for each other between calls; but one by one where
    einsum would add up a row in another order because others stand beside it.
    """
    others = np.broadcast_to(others, rows.shape)
    if rows.shape[1] > np.getbufsize():
        return np.array([*map(_dot, rows, others)])
    dots: Floats = np.einsum("ij,ij->i", rows, others)
    return dots


def _inside(columns: Floats, top_bottom: int) -> NDArray[np.bool_]:
    """Mark the values of each column that are not among its highest or lowest.

    Of ties, the first in row order are the lowest. Where top and bottom overlap, no
    value is marked. Nor is a missing one.
    """
    top_bottom = min(top_bottom, columns.shape[1])  # a count may be beyond any integer
    order = np.argsort(columns, axis=1, kind="stable")  # NaN last
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(columns.shape[1])[None, :], axis=1)
    counts = (~np.isnan(columns)).sum(axis=1, keepdims=True)
    inside: NDArray[np.bool_] = (place >= top_bottom) & (place < counts - top_bottom)
    return inside


def _missing(features: NDArray[Any]) -> NDArray[np.bool_]:
    missing = np.zeros(features.shape, dtype=bool)
    if features.dtype.kind == "f":
        np.isnan(features, out=missing)
    return missing


def stretch(values: Floats) -> Floats:
    """Stretch values as CORR does: ``sign(x) |x|^1.5``."""
    stretched: Floats = values * np.sqrt(np.abs(values))
    return stretched


def _unit(columns: NDArray[Any]) -> Floats:
    """Centre each column and scale it to unit norm; a constant one is zero."""
    values = columns.astype(np.float64, order="C")
    varies = values.max(axis=-1, keepdims=True) > values.min(axis=-1, keepdims=True)
    values -= values.mean(axis=-1, keepdims=True)
    # Scaled to 1 first, because squares of tiny values would be 0.
    largest = np.maximum(
        values.max(axis=-1, keepdims=True), -values.min(axis=-1, keepdims=True)
    )
    varies &= largest >= np.finfo(np.float64).tiny  # or 1 / largest has no place
    values *= varies / np.where(varies, largest, 1.0)
    rows = np.atleast_2d(values)
    norm = np.sqrt(_dots(rows, rows)).reshape(varies.shape)
    values /= np.where(varies, norm, 1.0)
    return values
