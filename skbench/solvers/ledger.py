"""Stakes through rounds that overlap: what is at risk, what is paid, what is left."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# What rounding may leave between two equal numbers of rounds.
_SAME = 1e-6


def settle(
    rates: Floats,
    dates: Floats,
    stakes: Floats,
    *,
    duration: int,
    parts: int,
    compound: bool,
    final: Bools,
) -> tuple[Floats, Floats, Floats]:
    """Play rounds in order; return at risk, payout, and stake once it is resolved.

    A round puts 1 / ``parts`` of the stake at risk when it opens, and nothing where its
    rate is NaN. It resolves before the first round opens that is ``duration`` later. A
    burn takes no more than is left of the stake. Without ``compound``, what is earned
    is not added to the stake.

    Parameters
    ----------
    rates : array of shape (n_rounds, n_models)
        Payout of each round as a share of what is at risk.
    dates : array of shape (n_rounds,)
        Number of each round, increasing; days of a week are sevenths.
    stakes : array of shape (n_models,)
        Stake before the first round.
    duration : int
        In numbers of rounds, at least 1.
    parts : int
        Into how many parts a stake is split.
    compound : bool
        Whether what is earned is staked.
    final : array of shape (n_rounds, n_models)
        Where a rate is final; the other rounds pay nothing yet.

    Returns
    -------
    at_risk, paid, after : arrays of shape (n_rounds, n_models)
    """
    at_risk, paid, after = (np.zeros_like(rates) for _ in range(3))
    scored = ~np.isnan(rates)
    earned = np.where(scored & final, rates, 0.0)
    stake, done = stakes.astype(np.float64), 0
    for opens, until in enumerate([*resolved_before(dates, duration), len(rates)]):
        for i in range(done, until):
            paid[i] = np.maximum(at_risk[i] * earned[i], -stake)
            stake = stake + (paid[i] if compound else np.minimum(paid[i], 0.0))
            after[i] = stake
        done = until
        if opens < len(rates):
            at_risk[opens] = np.where(scored[opens], stake / parts, 0.0)
    return at_risk, paid, after


def resolved_before(dates: Floats, duration: int) -> NDArray[np.intp]:
    """Return how many rounds have resolved when each of them opens."""
    # A duration may be beyond any integer; beyond all rounds it has no other effect.
    duration = min(duration, int(np.ptp(dates)) + 1)
    return np.searchsorted(dates, dates - duration + _SAME, side="right")
