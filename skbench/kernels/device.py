"""Neutralisation of many eras at once, on the device that holds their features.

The features are a torch tensor, on a CUDA device or the CPU, and stay where they are:
there the Gram matrices of a batch of eras are made and factorised. Only columns travel,
predictions to the device and residuals back. The method is that of the numpy kernel,
one refined Cholesky an era. So are the policies, because that kernel gets every era
that asks for one: with a gap, with no more rows than features, or with features so near
to collinear that their rank is in doubt.

Eras of a batch are padded with rows of zeros, which add nothing to any product.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .neutralize import (
    CONSTANT,
    EXACT,
    REFINEMENTS,
    SMALL,
    TRUSTED,
    in_units,
    least_rcond,
    subtract_share,
    unit_range,
)

Floats = NDArray[np.float64]
Rows = slice | NDArray[np.intp]
Tensor = Any  # a torch.Tensor, whose types are not at hand without torch

# What a batch may need on the device, its Gram matrices and temporaries included.
_BATCH_BYTES = 2 * 2**30
_BYTES_A_VALUE, _BYTES_A_PAIR = 32, 40
# Beyond these a square may be lost in float64.
_LEAST, _LARGEST = 1e-100, 1e100
# Whole numbers up to here are exact whatever a device may make of a float32 factor
# (TF32, bfloat16).
_EXACT_FACTOR = 256.0
_CHUNK = 512
_NORM_STEPS = 5


def neutralize_eras(
    predictions: Floats,
    table: Tensor,
    columns: Sequence[int],
    eras: Sequence[Rows],
    *,
    proportions: Sequence[float] = (1.0,),
    fit_intercept: bool = True,
    standardize: bool = True,
    rcond: float = 1e-6,
) -> Iterator[tuple[int, Floats | None]]:
    """Neutralise the predictions of each era, as `neutralize` does.

    Parameters
    ----------
    predictions : array of shape (n_columns, n_rows)
    table : tensor of shape (n_rows, n_table_columns)
        Any real dtype.
    columns : sequence of int
        The columns of the table that are the features.
    eras : sequence of slices or arrays
        The rows of each era.
    proportions, fit_intercept, standardize, rcond
        As for `neutralize`.

    Yields
    ------
    position : int
        Of an era, each once, in no particular order.
    block : array of shape (n_proportions, n_columns, n_era_rows) or None
        None leaves the era to the numpy kernel.
    """
    able = [i for i, rows in enumerate(eras) if _able(predictions[:, rows], columns)]
    yield from ((i, None) for i in sorted({*range(len(eras))} - {*able}))
    index = _index(columns)
    for batch in _batches({i: _size(eras[i], table) for i in able}, len(columns)):
        given = [predictions[:, eras[i]] for i in batch]
        scaled = [unit_range(_known(block)) for block in given]
        centred = [_centred(block, fit_intercept) for block, _ in scaled]
        features = [table[eras[i]][:, index] for i in batch]
        residuals, trusted = _residuals(centred, features, fit_intercept, rcond)
        for k, i in enumerate(batch):
            block, exponents = scaled[k]
            residual = residuals[k, :, : block.shape[1]]
            least = max(rcond, least_rcond(len(columns), block.shape[1]))
            shares = (
                subtract_share(block, residual, proportion, fit_intercept, least)
                for proportion in proportions
            )
            out = np.stack([in_units(x, exponents, standardize) for x in shares])
            out[:, np.isnan(given[k])] = np.nan
            yield i, out if trusted[k] else None


def _able(block: Floats, columns: Sequence[int]) -> bool:
    """Whether an era has no gap but whole columns, and more rows than features."""
    known = block[~np.isnan(block).all(axis=1)]
    return block.shape[1] > len(columns) and bool(np.isfinite(known).all())


def _known(block: Floats) -> Floats:
    """Columns of an era, those that are missing as zeros."""
    return np.ascontiguousarray(np.nan_to_num(block, nan=0.0))


def _centred(block: Floats, centre: bool) -> Floats:
    return block - block.mean(axis=1, keepdims=True) if centre else block


def _size(rows: Rows, table: Tensor) -> int:
    if isinstance(rows, slice):
        return len(range(*rows.indices(len(table))))
    return rows.size


def _index(columns: Sequence[int]) -> slice | list[int]:
    """Neighbouring columns as a slice, which copies nothing."""
    first, stop = columns[0], columns[0] + len(columns)
    return slice(first, stop) if [*columns] == [*range(first, stop)] else [*columns]


def _batches(sizes: dict[int, int], n_features: int) -> Iterator[list[int]]:
    """Group eras of about the same size, so many that they fit into memory."""
    batch: list[int] = []
    for i in sorted(sizes, key=lambda i: -sizes[i]):
        largest = sizes[batch[0] if batch else i]
        era = n_features * (_BYTES_A_VALUE * largest + _BYTES_A_PAIR * n_features)
        if batch and (len(batch) + 1) * era > _BATCH_BYTES:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _residuals(
    blocks: list[Floats], features: list[Tensor], centre: bool, rcond: float
) -> tuple[Floats, list[bool]]:
    """Subtract from the predictions of each era their projections on its features.

    Returns the residuals, (n_eras, n_columns, n_padded_rows), and which to trust.
    """
    import torch

    device = features[0].device
    rcond = max(rcond, least_rcond(features[0].shape[1], len(features[0])))
    # Whatever the caller has set for training a model is not for this.
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        values, present = _padded(features)
        usable = _usable(values)
        design = _design(values, present, centre)
        factor, trusted = _factorize(design.gram, rcond)
        start = _padded_predictions(blocks, values.shape[1]).to(device)
        residual, settled = _refined(start, design, factor, usable & trusted, rcond)
        return residual.mT.cpu().numpy(), settled.tolist()


def _padded(features: list[Tensor]) -> tuple[Tensor, Tensor]:
    """One block (n_eras, n_rows, n_features), times 4, and 1 where a row is real.

    Bins in quarters (0, 0.25, ... 1) are whole numbers once multiplied by four.
    """
    import torch

    first = features[0]
    # Whatever is shorter than float32 fits into it.
    short = first.element_size() <= 2 or first.dtype == torch.float32
    dtype = torch.float32 if short else torch.float64
    shape = len(features), max(len(era) for era in features), first.shape[1]
    values = torch.zeros(shape, dtype=dtype, device=first.device)
    present = torch.zeros(*shape[:2], 1, dtype=torch.float64, device=first.device)
    for i, era in enumerate(features):
        values[i, : len(era)] = era
        present[i, : len(era)] = 1.0
    return values.mul_(4.0), present


def _padded_predictions(blocks: list[Floats], n_rows: int) -> Tensor:
    """Stack predictions to one block (n_eras, n_rows, n_columns)."""
    import torch

    out = np.zeros((len(blocks), n_rows, len(blocks[0])))
    for i, block in enumerate(blocks):
        out[i, : block.shape[1]] = block.T
    return torch.from_numpy(out)


def _usable(values: Tensor) -> Tensor:
    """Which eras hold neither NaN nor numbers whose squares overflow or vanish."""
    largest = values.amax(dim=1).maximum(-values.amin(dim=1)).double()
    inside = (largest > _LEAST) & (largest < _LARGEST)
    return ((largest == 0.0) | inside).all(dim=1)


@dataclass
class _Design:
    """Features of unit norm, ``unit * (values - mean)``, as in the numpy kernel.

    ``values`` is (n_eras, n_rows, n_features), ``mean`` and ``unit`` are
    (n_eras, n_features, 1), ``present`` is (n_eras, n_rows, 1).
    """

    values: Tensor
    present: Tensor
    mean: Tensor
    unit: Tensor
    gram: Tensor

    def products(self, residual: Tensor) -> Tensor:
        """Inner products of (n_eras, n_rows, n_columns) with the features."""
        # A chunk of rows at a time, as float64 of all would double the memory.
        chunks = zip(
            self.values.split(_CHUNK, dim=1),
            residual.split(_CHUNK, dim=1),
            strict=True,
        )
        products = sum(values.double().mT @ part for values, part in chunks)
        return self.unit * (products - self.mean * residual.sum(dim=1, keepdim=True))

    def combine(self, weights: Tensor) -> Tensor:
        """Sum the features by weights (n_eras, n_features, n_columns)."""
        import torch

        weights = weights * self.unit
        parts = [values.double() @ weights for values in self.values.split(_CHUNK, 1)]
        return (torch.cat(parts, dim=1) - self.mean.mT @ weights) * self.present


def _design(values: Tensor, present: Tensor, centre: bool) -> _Design:
    import torch

    counts = present.sum(dim=1, keepdim=True)
    mean = torch.zeros_like(values[:, 0, :, None], dtype=torch.float64)
    if _whole_numbers(values, counts):
        values = values.float()
        gram = (values.mT @ values).double()
        size = gram.diagonal(dim1=1, dim2=2) * CONSTANT
        if centre:
            mean = values.sum(dim=1).double()[:, :, None] / counts
            gram = gram - counts * mean @ mean.mT
    else:
        values = values.double()
        size = values.square().sum(dim=1) * CONSTANT**2
        # Twice: the first mean of values far from zero is rounded too.
        for _ in range(2 if centre else 0):
            values = values - values.sum(dim=1, keepdim=True) / counts * present
        gram = values.mT @ values
    norms = gram.diagonal(dim1=1, dim2=2)
    constant = norms <= size
    unit = torch.where(constant, 0.0, torch.where(constant, 1.0, norms).rsqrt())
    unit = unit[:, :, None]
    gram = gram.mul_(unit).mul_(unit.mT)
    gram.diagonal(dim1=1, dim2=2).fill_(1.0)
    return _Design(values, present, mean, unit, gram)


def _whole_numbers(values: Tensor, counts: Tensor) -> bool:
    """Whether the Gram matrices of these values are exact in float32."""
    largest = values.amax().maximum(-values.amin()).double()
    exact = (largest <= _EXACT_FACTOR) & (counts.max() * largest**2 < EXACT)
    return bool(exact) and bool((values == values.round()).all())


def _factorize(gram: Tensor, rcond: float) -> tuple[Tensor, Tensor]:
    """Cholesky factors, and which eras have no eigenvalue near to counting as zero."""
    import torch

    factor, failed = torch.linalg.cholesky_ex(gram)
    largest = torch.linalg.matrix_norm(gram)  # Frobenius: a bound
    least = max(TRUSTED, 10 * rcond**2)
    # A failed factor may hold NaN, which no comparison trusts.
    trusted = _inverse_norm(factor) * largest * least < 1.0
    return factor, (failed == 0) & trusted


def _inverse_norm(factor: Tensor) -> Tensor:
    """Estimate the 1-norm of the inverse of each factorised matrix, from below.

    Hager (1984), "Condition estimates", with the second start of Higham (1988), as
    LAPACK's ``pocon`` does it.
    """
    import torch

    m = factor.shape[-1]
    place = torch.arange(m, dtype=factor.dtype, device=factor.device)[:, None]
    alternating = (1.0 - 2.0 * (place % 2)) * (1.0 + place / max(m - 1, 1))
    x = torch.cholesky_solve(alternating.expand(len(factor), m, 1), factor)
    estimate = x.abs().sum(dim=(1, 2)) * 2 / (3 * m)
    x = torch.full_like(x, 1.0 / m)
    for _ in range(_NORM_STEPS):
        y = torch.cholesky_solve(x, factor)
        estimate = torch.maximum(estimate, y.abs().sum(dim=(1, 2)))
        steepest = torch.cholesky_solve(y.sign(), factor).abs().argmax(dim=1)
        x = torch.zeros_like(x).scatter_(1, steepest[:, None], 1.0)
    return estimate


def _refined(
    residual: Tensor, design: _Design, factor: Tensor, trusted: Tensor, rcond: float
) -> tuple[Tensor, Tensor]:
    """Subtract projections until what is subtracted is small, and where it is not."""
    import torch

    least = rcond**2 * residual.square().sum(dim=1)
    settled = torch.zeros_like(trusted)
    for _ in range(REFINEMENTS):
        products = design.products(residual)
        weights = torch.cholesky_solve(products, factor)
        residual = residual - design.combine(weights)
        correction = (weights * products).sum(dim=1)
        remaining = torch.maximum(residual.square().sum(dim=1), least)
        settled = (correction <= SMALL**2 * remaining).all(dim=1)
        if bool((settled | ~trusted).all()):
            break
    return residual, settled & trusted
