"""Products of matrices in the BLAS of scipy, beside its factorisations.

numpy and scipy bring a BLAS each, with threads of its own. Used in turn, the threads of
one wait in a loop for work and keep a core from the other: alternating between
``numpy.matmul`` and ``scipy.linalg.blas`` was seen to take four times as long with two
threads as with one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

_SUFFIX = {np.dtype(np.float32): "s", np.dtype(np.float64): "d"}


def product(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Multiply two matrices of one dtype, float32 or float64: ``a @ b``.

    ``b`` or its transpose lies by rows, ``a`` by rows; others are copied.
    """
    if a.size == 0 or b.size == 0:  # which BLAS refuses
        return np.zeros((len(a), b.shape[1]), dtype=a.dtype)
    kind = _SUFFIX[a.dtype]
    # What lies by rows lies by columns, as BLAS has it, once transposed: b'a' = (ab)'.
    flipped = not b.T.flags.f_contiguous
    stored = b if flipped else b.T
    if len(a) == 1:
        gemv = getattr(blas, f"{kind}gemv")
        row: NDArray[Any] = gemv(1.0, stored, a[0], trans=flipped)
        return row[None]
    gemm = getattr(blas, f"{kind}gemm")
    columns: NDArray[Any] = gemm(1.0, stored, a.T, trans_a=flipped)
    return columns.T
