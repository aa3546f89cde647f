"""Least-squares neutralisation of the predictions of one era.

The projection onto m features of n rows comes from the Gram matrix of the features,
centred (with an intercept) and scaled to unit norm: one ``syrk``, one Cholesky. A Gram
matrix squares the condition number, so the residual is refined against the features
themselves, in float64. Binned features are small whole numbers, whose Gram matrix is
exact in float32 at half the time. A singular Gram matrix is factorised again with
pivoting; where that leaves a doubt about the rank, singular values decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack, svd

from .gaps import alike, where
from .products import product

Floats = NDArray[np.float64]
Solver = Callable[[Floats], Floats]

# Share of the largest eigenvalue beyond which the smallest is known to be no rounding.
TRUSTED = 1e-10
# Pivoting stops where this is left of the norm of each feature. It could not tell
# smaller singular values from rounding.
_FINEST = 1e-6
# A feature whose spread is below this share of its size is constant but for rounding.
CONSTANT = 1e-13
# float32 sums hold whole numbers exactly up to here.
EXACT = 2.0**24
# A correction below this share of what remains may be added in single precision.
SMALL = 1e-4
REFINEMENTS = 6
# What is read twice should stay in a cache, and not be cut into too many pieces.
_VALUES_A_CHUNK = 2**15
_LEAST_ROWS_A_CHUNK = 128


def neutralize(
    predictions: Floats,
    features: NDArray[Any],
    *,
    proportions: Sequence[float] = (1.0,),
    fit_intercept: bool = True,
    standardize: bool = True,
    rcond: float = 1e-6,
) -> Floats:
    """Subtract each proportion of the projection of each prediction on the features.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
        NaN stays NaN and is left out of its column's regression.
    features : array of shape (n_features, n_rows)
        Any real dtype; finite.
    proportions : sequence of float
        Shares of the projection to subtract.
    fit_intercept : bool
        Whether to centre the features and the predictions, as an intercept does.
    standardize : bool
        Whether to divide by the population standard deviation.
    rcond : float
        Singular values below ``rcond`` times the largest count as zero; an output
        whose norm is below ``rcond`` times that of the input is zero. Not below
        `least_rcond`.

    Returns
    -------
    array of shape (n_proportions, n_columns, n_rows)
    """
    out = np.full((len(proportions), *predictions.shape), np.nan)
    rcond = max(rcond, least_rcond(*features.shape))
    for columns, rows in alike(np.isnan(predictions)):
        part = where(columns, rows)
        # Laid out alike whatever the container, so that sums have the same bits.
        block = np.ascontiguousarray(predictions[part])
        if block.size == 0:
            continue
        block, exponents = unit_range(block)
        design = _design(features[:, rows], fit_intercept)
        residual = _residual(block, design, fit_intercept, rcond)
        for i, proportion in enumerate(proportions):
            result = subtract_share(block, residual, proportion, fit_intercept, rcond)
            out[i][part] = in_units(result, exponents, standardize)
    return out


def least_rcond(n_features: int, n_rows: int) -> float:
    """Return the share of the largest singular value that rounding alone can make."""
    return float(np.finfo(np.float64).eps) * max(n_features, n_rows)


def fill_missing(features: NDArray[Any], fill: float | None = None) -> NDArray[Any]:
    """Replace NaN by ``fill``, by default each feature's median, or 1/2 without one."""
    if features.dtype.kind != "f" or not np.isnan(features).any():
        return features
    features = _widened(features).copy()
    for row in np.flatnonzero(np.isnan(features).any(axis=1)):
        gaps = np.isnan(features[row])
        value = fill
        if value is None:
            value = 0.5 if gaps.all() else np.median(features[row][~gaps])
        features[row][gaps] = value
    return features


def unit_range(block: Floats) -> tuple[Floats, NDArray[np.intc]]:
    """Rows scaled by powers of two, without rounding, so that no square overflows."""
    _, exponents = np.frexp(np.abs(block).max(axis=1, keepdims=True))
    return np.ldexp(block, -exponents), exponents


def subtract_share(
    block: Floats, residual: Floats, proportion: float, centre: bool, rcond: float
) -> Floats:
    """``block - proportion * projection``, and what is only rounding noise as zero."""
    mean = block.mean(axis=1, keepdims=True) if centre else np.zeros((len(block), 1))
    varying = block - mean
    result = (1.0 - proportion) * varying + proportion * residual
    size = _norm(varying)
    noise = size <= CONSTANT * _norm(block)
    result[(_norm(result) <= rcond * size) | noise] = 0.0
    return result + (1.0 - proportion) * mean


def in_units(block: Floats, exponents: NDArray[np.intc], standardize: bool) -> Floats:
    """Give rows scaled by `unit_range` unit deviation, or their own size again."""
    if standardize:
        return _unit_deviation(block)
    scaled: Floats = np.ldexp(block, exponents)
    return scaled


def _unit_deviation(block: Floats) -> Floats:
    """Divide each row by its population standard deviation; a constant row is zero."""
    deviation = block.std(axis=1, keepdims=True)
    size = _norm(block)[:, None] / np.sqrt(block.shape[1])
    constant = deviation <= CONSTANT * size
    return np.where(constant, 0.0, block) / np.where(constant, 1.0, deviation)


def _norm(block: Floats) -> Floats:
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", block, block))
    return norms


@dataclass
class _Design:
    """Features of unit norm: ``unit * (values - mean)``, never written out.

    ``values`` are float32 when they are exact whole numbers; then ``mean`` centres
    them. Otherwise they are float64, and centred already.
    """

    values: NDArray[Any]
    mean: Floats
    unit: Floats
    gram: Floats | None

    def products(self, residual: Floats) -> Floats:
        """Inner products with the features, in the precision of ``values``."""
        products = product(residual.astype(self.values.dtype), self.values.T)
        return self._scaled(products, residual)

    def combine(self, weights: Floats) -> Floats:
        """Weighted sum of the features, in the precision of ``values``."""
        weights = weights * self.unit
        combined = product(weights.astype(self.values.dtype), self.values)
        return combined - self._shift(weights)

    def subtract(self, weights: Floats, residual: Floats) -> Floats:
        """Subtract a weighted sum of the features in place; return the new products.

        In float64 throughout. A chunk of rows at a time serves both products.
        """
        weights = weights * self.unit
        shift = self._shift(weights)
        products = np.zeros_like(weights)
        size = max(_LEAST_ROWS_A_CHUNK, _VALUES_A_CHUNK // len(self.values))
        for start in range(0, residual.shape[1], size):
            rows = slice(start, start + size)
            chunk = self.values[:, rows].astype(np.float64, copy=False)
            part = residual[:, rows]
            part += shift - product(weights, chunk)
            products += product(part, chunk.T)
        return self._scaled(products, residual)

    def written_out(self) -> Floats:
        """Return the features themselves, of unit norm."""
        values: Floats = (self.values - self.mean[:, None]) * self.unit[:, None]
        return values

    def _shift(self, weights: Floats) -> Floats:
        """Return what the means add to a weighted sum of the values."""
        return product(weights, self.mean[:, None])

    def _scaled(self, products: NDArray[Any], residual: Floats) -> Floats:
        """Products with the values, as products with the centred unit features."""
        sums = residual.sum(axis=1, keepdims=True)
        scaled: Floats = (products - sums * self.mean) * self.unit
        return scaled


def _widened(features: NDArray[Any]) -> NDArray[Any]:
    """Return half precision as single, which also holds four times its values."""
    return features.astype(np.float32) if features.dtype == np.float16 else features


def _design(features: NDArray[Any], centre: bool) -> _Design:
    features = _widened(features)
    if features.shape[0] < features.shape[1]:
        binned = _whole_numbers(features, centre)
        if binned is not None:
            return _exact_design(binned, centre)
    return _dense_design(features, centre)


def _whole_numbers(features: NDArray[Any], centre: bool) -> NDArray[np.float32] | None:
    """Return features as float32 if their Gram matrix is exact in it, else None.

    Bins in quarters (0, 0.25, ... 1) are whole numbers once multiplied by four. If
    they are to be centred, bins far from zero are moved there.
    """
    if max(abs(float(features.max())), abs(float(features.min()))) > EXACT / 4:
        return None
    if features.dtype.kind == "f":
        for start in range(0, len(features), 64):
            quarters = 4 * features[start : start + 64]
            if (quarters != np.rint(quarters)).any():
                return None
        features = 4 * features
    values = features.astype(np.float32, order="C")
    low = features.min(axis=1, keepdims=True)
    if centre and low.any():
        values -= low.astype(np.float32)
    largest = max(abs(float(values.max())), abs(float(values.min())))
    return values if values.shape[1] * largest**2 < EXACT else None


def _exact_design(values: NDArray[np.float32], centre: bool) -> _Design:
    n = values.shape[1]
    gram = blas.ssyrk(1.0, values.T, trans=1).astype(np.float64)
    mean = np.zeros(len(values))
    if centre:
        ones = np.ones((1, n), dtype=np.float32)
        mean = product(ones, values.T)[0].astype(np.float64) / n
        size = gram.diagonal().copy()
        # Only the upper triangle is ever read: update it in place, without a copy.
        gram = blas.dsyr(-n, mean, a=gram, overwrite_a=1)
        constant = gram.diagonal() <= CONSTANT * size
    else:
        constant = gram.diagonal() == 0
    unit = np.where(constant, 0.0, 1.0) / np.sqrt(
        np.where(constant, 1.0, gram.diagonal())
    )
    gram *= unit
    gram *= unit[:, None]
    np.fill_diagonal(gram, 1.0)
    return _Design(values, mean, unit, gram)


def _dense_design(features: NDArray[Any], centre: bool) -> _Design:
    values, _ = unit_range(features.astype(np.float64, order="C"))
    size = _norm(values)
    if centre:
        # Twice: the first mean of values far from zero is rounded too.
        values -= values.mean(axis=1, keepdims=True)
        values -= values.mean(axis=1, keepdims=True)
    norm = _norm(values)
    constant = norm <= CONSTANT * size
    unit = np.where(constant, 0.0, 1.0) / np.where(constant, 1.0, norm)
    values *= unit[:, None]
    gram = None
    if values.shape[0] < values.shape[1]:
        gram = blas.dsyrk(1.0, values.T, trans=1)
        np.fill_diagonal(gram, 1.0)
    return _Design(values, np.zeros(len(values)), np.ones(len(values)), gram)


def _residual(block: Floats, design: _Design, centre: bool, rcond: float) -> Floats:
    """Subtract from each prediction its projection on features and intercept."""
    residual = block - block.mean(axis=1, keepdims=True) if centre else block.copy()
    if design.gram is None:
        return _few_rows_residual(residual, design.values, centre, rcond)
    solve = _solver(design.gram, rcond)
    if solve is None:
        return _without_span(residual, design.written_out(), rcond)
    least = (rcond * _norm(residual)) ** 2
    weights = solve(design.products(residual))
    for _ in range(REFINEMENTS):
        products = design.subtract(weights, residual)
        weights = solve(products)
        # The squared norm of the correction that these weights stand for.
        correction = np.einsum("ij,ij->i", weights, products)
        remaining = np.maximum(_norm(residual) ** 2, least)
        if (correction <= SMALL**2 * remaining).all():
            break
    return residual - design.combine(weights)


def _few_rows_residual(
    residual: Floats, values: Floats, centre: bool, rcond: float
) -> Floats:
    """Do so where features are as many as rows: mostly nothing is left."""
    gram = blas.dsyrk(1.0, values.T)
    # The intercept spans the constant, which centred features leave out.
    whole = gram + gram.trace() / len(gram) ** 2 if centre else gram
    factor = _cholesky(whole)
    if factor is not None and _trusted(factor, whole, rcond):
        return np.zeros_like(residual)
    return _without_span(residual, values, rcond)


def _without_span(residual: Floats, values: Floats, rcond: float) -> Floats:
    """Subtract the projection on the singular directions that count."""
    _, sizes, directions = svd(values, full_matrices=False)
    directions = directions[sizes > rcond * sizes[0]]
    for _ in range(2):  # the second time for what rounding left
        along = product(residual, directions.T)
        residual = residual - product(along, directions)
    return residual


def _solver(gram: Floats, rcond: float) -> Solver | None:
    """Return what solves ``gram @ weights = products``; None if the rank is in doubt.

    Only the upper triangle of ``gram`` is read.
    """
    factor = _cholesky(gram)
    if factor is not None and _trusted(factor, gram, rcond):
        return partial(_solve_cholesky, factor)
    if rcond < _FINEST:
        return None
    pivoted, order, rank, _ = lapack.dpstrf(gram, tol=_FINEST**2)
    leading = np.asfortranarray(pivoted[:rank, :rank])
    if _trusted(leading, gram, rcond):
        return partial(_solve_kept, leading, order[:rank] - 1)
    return None


def _cholesky(gram: Floats) -> Floats | None:
    factor, info = lapack.dpotrf(gram, clean=0)
    return factor if info == 0 else None


def _trusted(factor: Floats, gram: Floats, rcond: float) -> bool:
    """Whether no eigenvalue of the factorised matrix comes near to counting as zero."""
    flat = gram.ravel(order="K")
    largest = np.sqrt(2.0 * blas.ddot(flat, flat))  # of its upper triangle: a bound
    smallest, _ = lapack.dpocon(factor, 1.0)  # with norm 1: 1 / |inverse|
    return bool(smallest > largest * max(TRUSTED, 10 * rcond**2))


def _solve_cholesky(factor: Floats, products: Floats) -> Floats:
    weights, _ = lapack.dpotrs(factor, products.T)
    return np.ascontiguousarray(weights.T)


def _solve_kept(factor: Floats, kept: NDArray[np.intp], products: Floats) -> Floats:
    weights = np.zeros_like(products)
    weights[:, kept] = _solve_cholesky(factor, products[:, kept])
    return weights
