"""Positions with NMR of their own, one for each round and model; one idle balance."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ledger import resolved_before

Floats = NDArray[np.float64]


class Positions(NamedTuple):
    """What became of positions, in NMR.

    Of shape (n_rounds, n_models): what is ``at_risk`` in each position and what it
    ``paid``, 0 while it is open; the burns of the model that are ``deferred`` once the
    position has settled; what is ``locked`` in all positions of the model once those of
    the round are open. ``idle``, of shape (n_rounds + 1,), is the balance at that
    moment and, last, once all that is final has settled. ``minted`` is what of the
    payouts was new NMR, and no burn that was taken back.
    """

    at_risk: Floats
    paid: Floats
    deferred: Floats
    locked: Floats
    idle: Floats
    minted: float


def play(
    rates: Floats,
    dates: Floats,
    stakes: Floats,
    balance: float,
    *,
    duration: int,
    compound: bool,
    final: NDArray[np.bool_],
) -> Positions:
    """Play rounds in order: settle what is due, then open the positions of the round.

    Parameters
    ----------
    rates : array of shape (n_rounds, n_models)
        Payout of each position as a share of it; NaN: it is not opened. A position
        loses no more than itself.
    dates : array of shape (n_rounds,)
        Number of each round, increasing; days of a week are sevenths.
    stakes : array of shape (n_models,)
        What each model stakes on a round.
    balance : float
        What is idle before the first round.
    duration : int
        In numbers of rounds, at least 1.
    compound : bool
        Whether a model stakes the proceeds of its newest settled position, once there
        is one, and no longer its stake.
    final : array of shape (n_rounds, n_models)
        Where a rate is final; the other positions stay open to the end.

    Returns
    -------
    positions : Positions
    """
    at_risk, paid, deferred, locked = (np.zeros_like(rates) for _ in range(4))
    opened = ~np.isnan(rates)
    settled = np.where(opened & final, np.maximum(rates, -1.0), 0.0)
    wanted, open_now = stakes.astype(np.float64), np.zeros(len(stakes))
    idle, debt, minted = [float(balance)], np.zeros(len(stakes)), 0.0
    done = 0
    for opens, until in enumerate([*resolved_before(dates, duration), len(rates)]):
        claims = np.zeros(len(stakes))
        for i in range(done, until):
            claimed = np.where(final[i], at_risk[i], 0.0)
            paid[i] = claimed * settled[i]
            debt, new = _set_off(debt, paid[i])
            minted, deferred[i] = minted + new, debt
            claims += claimed + paid[i]
            open_now -= claimed
            if compound:
                wanted = np.where(claimed > 0, claimed + paid[i], wanted)
        done = until
        stake = np.where(opened[opens], wanted, 0.0) if opens < len(rates) else 0.0
        kept = np.minimum(claims, stake)
        free = idle[-1] + float((claims - kept).sum())
        # What its own claims lack a model takes from the balance, while there is any:
        # those named first come first.
        drawn = np.diff(np.minimum(np.cumsum(stake - kept), free), prepend=0.0)
        idle.append(free - float(drawn.sum()))
        if opens < len(rates):
            at_risk[opens] = kept + drawn
            open_now = open_now + at_risk[opens]
            locked[opens] = open_now
    return Positions(at_risk, paid, deferred, locked, np.array(idle[1:]), minted)


def _set_off(debt: Floats, paid: Floats) -> tuple[Floats, float]:
    """Set payouts off against earlier burns; return what is left, and the new NMR."""
    earned = np.maximum(paid, 0.0)
    taken_back = np.minimum(debt, earned)
    return debt - taken_back - np.minimum(paid, 0.0), float((earned - taken_back).sum())
