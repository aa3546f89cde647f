"""Interleaved measurements of several ways to do something."""

from time import perf_counter


def seconds(function):
    """Wall-clock seconds of one call."""
    start = perf_counter()
    function()
    return perf_counter() - start


def reported(function):
    """What the call itself reports: seconds or megabytes of another process."""
    return function()


def interleaved(functions, repeats, measure=seconds):
    """Measure each in turn, so that a drift of the machine hits all alike."""
    rounds = [[measure(function) for function in functions] for _ in range(repeats)]
    return [list(numbers) for numbers in zip(*rounds, strict=True)]
