"""Ranks and normal quantiles of the rows of a block, a row being one column of an era.

Sorting dominates everything here. numpy's stable ``argsort`` of 16-bit integers is a
radix sort: several times faster than a comparison sort and equally fast on every
processor, whereas the vectorised 64-bit sort is four times slower on some than on
others. So values are first put into 65,533 buckets of equal width, the buckets are
sorted, and the few neighbours that share a bucket are swapped until all is in order.
A row whose values crowd into few buckets (one far outlier is enough) is sorted as
packed 64-bit keys instead.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

# Buckets 1 to _LAST_BUCKET hold finite values; the others what has no place in a range.
_LAST_BUCKET = 65_533
_MINUS_INFINITY, _PLUS_INFINITY, _MISSING = 0, 65_534, 65_535
_SWAP_PASSES = 12


def rank_uniform(block: Floats, *, ties: str = "average") -> Floats:
    """Rank each row to (0, 1): ``p = (r - 1/2) / n`` of its n non-missing values.

    Ties share their average rank, or with ``ties="first"`` rank in order of position.
    NaN stays NaN. A row without two different values is 1/2 throughout.
    """
    return _rank(block, ties, _uniform, _uniform_tied, constant=0.5)


def rank_gauss(block: Floats, *, ties: str = "average", scale: bool = True) -> Floats:
    """Map each row to normal quantiles, of unit sample deviation if ``scale``.

    ``z = Phi^-1((r - 1/2) / n)``, with ties and NaN as in `rank_uniform`. A row without
    two different values is 0 throughout: it carries no information.
    """
    if scale:
        return _rank(block, ties, _unit_normal, _unit_normal_tied, constant=0.0)
    return _rank(block, ties, _normal, _normal_tied, constant=0.0)


def is_constant(block: Floats) -> NDArray[np.bool_]:
    """Tell which rows have two or more non-missing values, and all of them the same."""
    same = np.fmin.reduce(block, axis=1) == np.fmax.reduce(block, axis=1)
    if same.any():
        same &= (~np.isnan(block)).sum(axis=1) > 1
    constant: NDArray[np.bool_] = same
    return constant


def ascending_gauss(block: Floats) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield for each row where its ascending values stand, and their normal quantiles.

    These are what `rank_gauss` without ``scale`` puts there; missing values have none.
    Rows without ties share one array of quantiles, so that a sum over a row, which
    needs no order, can be had without writing the row out.
    """
    rows = _ascending(block, "average", _normal, _normal_tied, constant=0.0)
    for row, (places, scores) in enumerate(rows):
        yield places - row * block.shape[1], scores


def _rank(
    block: Floats,
    ties: str,
    untied: Callable[[int], Floats],
    tied: Callable[[NDArray[np.intp], int], Floats],
    constant: float,
) -> Floats:
    """Write the scores of `_ascending` where they belong."""
    out = np.empty(block.shape)
    flat = out.reshape(-1)
    rows = _ascending(block, ties, untied, tied, constant)
    for out_row, (places, scores) in zip(out, rows, strict=True):
        if places.size < out_row.size:
            out_row.fill(np.nan)
        flat[places] = scores
    return out


def _ascending(
    block: Floats,
    ties: str,
    untied: Callable[[int], Floats],
    tied: Callable[[NDArray[np.intp], int], Floats],
    constant: float,
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Give position i of each sorted row ``untied(n)[i]``, or what its ties share.

    With it comes where in the block, laid out by rows, its value stands.
    """
    places, ascending = _sort(block)
    counts = _counts(ascending)
    has_ties = (ascending[:, 1:] == ascending[:, :-1]).any(axis=1)
    for row, n in enumerate(counts):
        values = ascending[row, :n]
        if n == 0 or values[0] == values[-1]:
            scores = np.full(n, constant)
        elif ties == "average" and has_ties[row]:
            scores = tied(_doubled_ranks(values), n)
        else:
            scores = untied(n)
        yield places[row, :n], scores


def _counts(ascending: Floats) -> list[int]:
    """Count the non-missing values of sorted rows."""
    n = ascending.shape[1]
    if not np.isnan(ascending[:, -1]).any():
        return [n] * len(ascending)
    return list(n - np.isnan(ascending).sum(axis=1))


def _doubled_ranks(ascending: Floats) -> NDArray[np.intp]:
    """Twice the average rank, less one: whole numbers that index a half-rank table."""
    first = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))
    lengths = np.diff(np.append(first, ascending.size))
    return np.repeat(2 * first + lengths, lengths)


# One table a count: the score of a rank depends on nothing but the rank and the count.


@lru_cache(maxsize=256)
def _uniform(n: int) -> Floats:
    return _frozen((np.arange(n) + 0.5) / n)


def _uniform_tied(doubled: NDArray[np.intp], n: int) -> Floats:
    return doubled / (2.0 * n)


@lru_cache(maxsize=256)
def _normal(n: int) -> Floats:
    return _frozen(_symmetric_quantiles(n, 2 * np.arange((n + 1) // 2) + 1, n))


@lru_cache(maxsize=256)
def _unit_normal(n: int) -> Floats:
    return _frozen(_normal(n) / _normal(n).std(ddof=1))


@lru_cache(maxsize=64)
def _half_rank_normal(n: int) -> Floats:
    return _frozen(_symmetric_quantiles(n, np.arange(1, n + 1), 2 * n - 1))


def _normal_tied(doubled: NDArray[np.intp], n: int) -> Floats:
    return _half_rank_normal(n)[doubled - 1]


def _unit_normal_tied(doubled: NDArray[np.intp], n: int) -> Floats:
    scores = _normal_tied(doubled, n)
    return scores / float(scores.std(ddof=1))


def _symmetric_quantiles(n: int, doubled: NDArray[np.intp], size: int) -> Floats:
    """``Phi^-1(doubled / 2n)`` up to the median, and its mirror image beyond it."""
    lower: Floats = ndtri(doubled / (2.0 * n))
    return np.concatenate([lower, -lower[: size - lower.size][::-1]])


def _frozen(table: Floats) -> Floats:
    table.flags.writeable = False
    return table


def _sort(block: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Sort each row, stably, NaN last: where its values stand, and the values.

    Places are those in the whole block, so that one ``take`` serves all rows. A call
    for each would be half as long again, and hold up other threads in between.
    """
    places = np.argsort(_buckets(block), axis=1, kind="stable")
    places += block.shape[1] * np.arange(len(block))[:, None]
    flat = block.reshape(-1)
    ascending = np.take(flat, places, mode="clip")
    for row in _swap_neighbours(places, ascending):
        places[row] = _packed_argsort(block[row]) + row * block.shape[1]
        ascending[row] = flat[places[row]]
    return places, ascending


def _buckets(block: Floats) -> NDArray[np.uint16]:
    """Sixteen-bit keys that never contradict the order of the values of a row."""
    low, high = (f(axis=1, keepdims=True) for f in (block.min, block.max))
    if np.isfinite(low).all() and np.isfinite(high).all():
        return _finite_buckets(block, low, high)
    finite = np.isfinite(block)
    inside = np.where(finite, block, np.nan)
    inside[~finite.any(axis=1)] = 0.0
    low, high = (f(inside, axis=1, keepdims=True) for f in (np.nanmin, np.nanmax))
    buckets = _finite_buckets(np.where(finite, block, low), low, high)
    buckets[block == -np.inf] = _MINUS_INFINITY
    buckets[block == np.inf] = _PLUS_INFINITY
    buckets[np.isnan(block)] = _MISSING
    return buckets


def _finite_buckets(block: Floats, low: Floats, high: Floats) -> NDArray[np.uint16]:
    with np.errstate(over="ignore", divide="ignore"):
        width = (_LAST_BUCKET - 1) / (high - low)
    # A range too wide or too narrow for floats has one bucket: packed keys sort it.
    width[~np.isfinite(width)] = 0.0
    buckets = (block if width.all() else np.where(width > 0, block, low)) - low
    buckets *= width
    buckets += 1.0
    return buckets.astype(np.uint16)


def _swap_neighbours(order: NDArray[np.intp], ascending: Floats) -> NDArray[np.intp]:
    """Swap neighbours out of order, in place; return the rows that need a real sort.

    Those at even positions, then those at odd ones, and so on: no value is in two swaps
    at once. After both, only beside a swap can there be an inversion.
    """
    n, values = order.shape[1], ascending.reshape(-1)
    left = np.flatnonzero(values[1:] < values[:-1])
    left = left[left % n != n - 1]  # the end of a row and the start of the next
    odd = left % 2 == 1
    now, later = left[~odd], left[odd]
    for _ in range(_SWAP_PASSES):
        if left.size == 0 or left.size > order.size // 4:
            break
        right = now + 1
        for flat in (order.reshape(-1), values):
            flat[now], flat[right] = flat[right], flat[now]
        beside = np.concatenate([later, now - 1, right])
        now = left = beside[_inverted(beside, values, n)]
        later = left[:0]
    return np.unique(left // n)


def _inverted(places: NDArray[np.intp], values: Floats, n: int) -> NDArray[np.bool_]:
    """Tell where a value is greater than the next, in the same row of n values."""
    after = np.take(values, places + 1, mode="wrap")
    inverted: NDArray[np.bool_] = (after < values[places]) & (places % n != n - 1)
    return inverted


def _packed_argsort(values: Floats) -> NDArray[np.intp]:
    """Stable ``argsort`` of one row, NaN last, by sorting value and position as one.

    The leading bits of a key order the values, the trailing bits are the position.
    Values that differ only in the bits that gave way are rare, but must be sorted.
    """
    bits = (values + 0.0).view(np.int64)  # + 0.0 makes -0.0 equal to 0.0
    keys = (bits ^ ((bits >> 63) | np.int64(-(2**63)))).view(np.uint64)
    keys[np.isnan(values)] = np.uint64(2**64 - 1)
    position = np.uint64(2 ** (values.size - 1).bit_length() - 1)
    keys &= ~position
    keys |= np.arange(values.size, dtype=np.uint64)
    keys.sort()
    order = (keys & position).astype(np.intp)
    ascending = values[order]
    if (ascending[1:] < ascending[:-1]).any():
        return np.argsort(values, kind="stable")
    return order
