"""Interleaved timing of two ways to do the same work."""

from statistics import median
from time import perf_counter


def seconds(function):
    """Wall-clock seconds of one call."""
    start = perf_counter()
    function()
    return perf_counter() - start


def interleaved(ours, peer, repeats):
    """Time both in turn, so that drift hits both; one warm-up of ours.

    Returns the seconds of ours, those of the peer and the median ratio.
    """
    ours()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(repeats)]
    ratios = [theirs / own for own, theirs in pairs]
    own, theirs = zip(*pairs, strict=True)
    return own, theirs, median(ratios)
