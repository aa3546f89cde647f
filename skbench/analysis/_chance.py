"""How likely a gain is to be chance, as far as resamples can tell."""

from typing import Any


def chance(share_positive: Any, n_bootstrap: Any) -> Any:
    """Return the share of the resamples without a gain, one more counted among them.

    With B resamples it is 1 / (B + 1) at least: what was never seen in few resamples
    may still happen now and then. NaN where the share is.
    """
    return (n_bootstrap * (1.0 - share_positive) + 1.0) / (n_bootstrap + 1.0)


def is_clear(chance: Any, confidence: float, n: int = 1) -> Any:
    """Whether a gain that is the best of n is more than chance (Bonferroni)."""
    # Shares are means of many numbers, so their last digits may be off.
    return chance <= (1.0 + 1e-9) * tail_of(confidence) / n


def tail_of(confidence: float) -> float:
    """Return what lies beyond one end of an interval."""
    return (1.0 - confidence) / 2
