"""Interleaved timing of two ways to do the same work."""

from time import perf_counter


def seconds(function):
    """Wall-clock seconds of one call."""
    start = perf_counter()
    function()
    return perf_counter() - start


def interleaved(ours, other, repeats):
    """Time both in turn, so that drift hits both, after a warm-up of ours."""
    ours()
    pairs = [(seconds(ours), seconds(other)) for _ in range(repeats)]
    return tuple(zip(*pairs, strict=True))
