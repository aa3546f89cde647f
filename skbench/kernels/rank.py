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

from .gaps import ALL, Indices

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

# Buckets 1 to _LAST_BUCKET hold finite values; the others what has no place in a range.
_LAST_BUCKET = 65_533
_MINUS_INFINITY, _PLUS_INFINITY, _MISSING = 0, 65_534, 65_535
_SWAP_PASSES = 12


def rank_uniform(block: Floats, *, ties: str = "average") -> Floats:
    """Rank each row to (0, 1): ``p = (r - 1/2) / n`` of its n non-missing values.

    Ties share their average rank, or with ``ties="first"`` rank in order of position.
    NaN stays NaN. A row without two different values is 1/2 throughout.
    """
    return _rank(block, ties, _uniform, _uniform_of, constant=0.5)


def rank_gauss(block: Floats, *, ties: str = "average", scale: bool = True) -> Floats:
    """Map each row to normal quantiles, of unit sample deviation if ``scale``.

    ``z = Phi^-1((r - 1/2) / n)``, with ties and NaN as in `rank_uniform`. A row without
    two different values is 0 throughout: it carries no information.
    """
    return _rank(block, ties, _normal, _normal_of, constant=0.0, scale=scale)


def is_constant(block: Floats) -> NDArray[np.bool_]:
    """Tell which rows have two or more non-missing values, and all of them the same."""
    same = np.fmin.reduce(block, axis=1) == np.fmax.reduce(block, axis=1)
    if same.any():
        same &= (~np.isnan(block)).sum(axis=1) > 1
    constant: NDArray[np.bool_] = same
    return constant


def ascending_gauss(block: Floats) -> Iterator[tuple[Indices, Places, Floats]]:
    """Yield rows that are alike, where their ascending values stand, their quantiles.

    These are what `rank_gauss` without ``scale`` puts there; missing values have none.
    Rows without ties share one array of quantiles, so that a sum over a row, which
    needs no order, can be had without writing the row out.
    """
    groups = _ascending(block, "average", _normal, _normal_of, constant=0.0)
    for rows, places, scores in groups:
        places -= _starts(block)[rows]
        yield rows, places, scores


def _rank(
    block: Floats,
    ties: str,
    untied: Callable[[int], Floats],
    of_rank: Callable[[Places, int], Floats],
    *,
    constant: float,
    scale: bool = False,
) -> Floats:
    """Write the scores of `_ascending` where they belong."""
    out = np.empty(block.shape)
    flat = out.reshape(-1)
    for rows, places, scores in _ascending(block, ties, untied, of_rank, constant):
        if places.shape[1] < block.shape[1]:
            out[rows] = np.nan
        if scale and scores.any():
            scores = scores / scores.std(axis=-1, ddof=1, keepdims=True)
        flat[places] = scores
    return out


def _ascending(
    block: Floats,
    ties: str,
    untied: Callable[[int], Floats],
    of_rank: Callable[[Places, int], Floats],
    constant: float,
) -> Iterator[tuple[Indices, Places, Floats]]:
    """Give position i of each sorted row ``untied(n)[i]``, or what its ties share.

    With it comes where in the block, laid out by rows, its value stands. Rows that are
    alike go together, so that the calls of numpy are few and long: threads wait for
    each other between them.
    """
    places, ascending = _sort(block)
    counts = _counts(ascending)
    last = ascending[np.arange(len(block)), counts - 1]
    alike = (counts == 0) | (ascending[:, 0] == last)
    tied = np.zeros(len(block), dtype=bool)
    if ties == "average":
        tied = (ascending[:, 1:] == ascending[:, :-1]).any(axis=1)
    groups: dict[tuple[int, bool, bool], list[int]] = {}
    kinds = zip(counts.tolist(), alike.tolist(), tied.tolist(), strict=True)
    for row, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(row)
    for (n, all_alike, has_ties), some in groups.items():
        rows = ALL if len(some) == len(block) else np.array(some)
        if all_alike:
            scores = np.full(n, constant)
        else:
            scores = untied(n)
            if has_ties:
                scores = _shared(ascending[rows, :n], scores, of_rank)
        yield rows, places[rows, :n], scores


def _counts(ascending: Floats) -> NDArray[np.intp]:
    """Count the non-missing values of sorted rows."""
    counts = np.full(len(ascending), ascending.shape[1])
    if np.isnan(ascending[:, -1]).any():
        counts -= np.isnan(ascending).sum(axis=1)
    return counts


def _shared(
    ascending: Floats, untied: Floats, of_rank: Callable[[Places, int], Floats]
) -> Floats:
    """Scores of sorted rows, where ties have the score of their average rank."""
    n = ascending.shape[1]
    scores = np.tile(untied, (len(ascending), 1))
    pairs = np.flatnonzero(ascending[:, 1:] == ascending[:, :-1])
    pairs += pairs // (n - 1)  # as places in rows of n values
    starts = np.flatnonzero(np.diff(pairs, prepend=-2) != 1)
    lengths = np.diff(starts, append=pairs.size) + 1
    tied = np.zeros(scores.shape, dtype=bool)
    for places in (pairs, pairs + 1):
        tied.reshape(-1)[places] = True
    # Twice the average rank, less one: a whole number.
    scores[tied] = np.repeat(of_rank(2 * (pairs[starts] % n) + lengths, n), lengths)
    return scores


# One table a count: the score of a rank depends on nothing but the rank and the count.


@lru_cache(maxsize=256)
def _uniform(n: int) -> Floats:
    return _frozen((np.arange(n) + 0.5) / n)


def _uniform_of(doubled: Places, n: int) -> Floats:
    return doubled / (2.0 * n)


@lru_cache(maxsize=256)
def _normal(n: int) -> Floats:
    lower = _normal_of(2 * np.arange((n + 1) // 2) + 1, n)
    return _frozen(np.concatenate([lower, -lower[: n // 2][::-1]]))


def _normal_of(doubled: Places, n: int) -> Floats:
    """``Phi^-1(doubled / 2n)``, beyond the median as the mirror image."""
    lower = ndtri(np.minimum(doubled, 2 * n - doubled) / (2.0 * n))
    scores: Floats = np.where(doubled > n, -lower, lower)
    return scores


def _frozen(table: Floats) -> Floats:
    table.flags.writeable = False
    return table


def _starts(block: Floats) -> Places:
    """Where each row starts in the block, laid out by rows."""
    starts: Places = block.shape[1] * np.arange(len(block))[:, None]
    return starts


def _sort(block: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Sort each row, stably, NaN last: where its values stand, and the values.

    Places are those in the whole block, so that one ``take`` serves all rows. A call
    for each would be half as long again, and hold up other threads in between.
    """
    places = np.argsort(_buckets(block), axis=1, kind="stable")
    places += _starts(block)
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


def _swap_neighbours(order: Places, ascending: Floats) -> Places:
    """Swap neighbours out of order, in place; return the rows that need a real sort.

    No value may be in two swaps at once: of neighbouring pairs the first is swapped,
    and the next is looked at again, as are those on both sides of a swap.
    """
    n, values = order.shape[1], ascending.reshape(-1)
    inverted = values[1:] < values[:-1]
    inverted[n - 1 :: n] = False  # the end of a row and the start of the next
    left = np.flatnonzero(inverted)
    for _ in range(_SWAP_PASSES):
        if left.size == 0 or left.size > order.size // 4:
            break
        follows = np.append(False, left[1:] - left[:-1] <= 1)
        now, later = left[~follows], left[follows]
        right = now + 1
        for flat in (order.reshape(-1), values):
            flat[now], flat[right] = flat[right], flat[now]
        beside = np.concatenate([now - 1, right, later])
        after = np.take(values, beside + 1, mode="wrap")
        left = np.sort(beside[after < values[beside]])
        left = left[left % n != n - 1]
    return np.unique(left // n)


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
