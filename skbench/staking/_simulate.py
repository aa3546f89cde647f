"""What stakes would have become: `simulate`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import (
    HUGE,
    check_count,
    check_flag,
    did_you_mean,
    is_number,
    listed,
)
from skbench._eras import era_counts
from skbench._frames import as_mapping
from skbench._shown import Part, Shown
from skbench.solvers.ledger import resolved_before, settle
from skbench.solvers.positions import play
from skbench.solvers.series import max_drawdown

from ._history import check_payouts, read_all_payouts
from ._rules import PayoutRule

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Simulation(Shown):
    """What `simulate` found.

    Attributes
    ----------
    rule : PayoutRule
        What was paid.
    payout_factor : float
        What the multiplied scores were multiplied by.
    ledger : pandas.DataFrame
        One row a round and model with a score: ``round``, ``model``, ``at_risk``,
        ``payout``, then ``stake_after``, the stake once the round has resolved, of a
        legacy rule, or ``deferred``, the burns of the model that are not final once the
        position has settled, of an atomic one; in NMR. ``pending``: whether the round
        is open, so that its payout is what the newest scores would pay.
    totals : pandas.DataFrame
        One row a model, in NMR: ``stake`` at the start, or on each round; ``earned``,
        ``burned`` (the negative payouts) and ``pending``, the payouts of open rounds.
        Then, of a legacy rule, ``withdrawn`` and ``final``; of an atomic one
        ``committed``, the most NMR that was locked in open positions at once, and
        ``deferred``. ``return``, what was gained as a share of the stake at the start,
        or of ``committed``; ``max_drawdown``, the largest fall of the sum of the
        payouts from its highest point before; ``n_rounds``, those that have resolved.
    account : pandas.DataFrame of shape (n_rounds, 2) or None
        Of an atomic rule: the ``idle`` balance, and what is ``locked`` in positions,
        once those of the round are open.
    balance : float or None
        Of an atomic rule: what is idle once all that has resolved has settled.
    """

    rule: PayoutRule
    payout_factor: float
    ledger: pd.DataFrame
    totals: pd.DataFrame
    account: pd.DataFrame | None = None
    balance: float | None = None

    def _parts(self) -> list[Part]:
        parts: list[Part] = [
            f"Simulation of the rule {self.rule.name!r} ({self.rule.status}), payout "
            f"factor {self.payout_factor:.4g}, in NMR",
            self.totals,
        ]
        if self.balance is not None:
            parts.append(f"Idle balance at the end: {self.balance:.4f}")
        return parts


def simulate(
    scores: Any,
    stakes: Any,
    rule: PayoutRule,
    *,
    duration: int,
    compound: bool = True,
    balance: float | None = None,
    total_at_risk: float | None = None,
) -> Simulation:
    """Simulate stakes through rounds that overlap. Nothing is staked.

    By a **legacy** rule each model has one stake, and round n of it goes like this:

    1. Before it opens, each open round that has resolved by then pays: the payouts of
       all rounds up to n - ``duration`` are in the stake, later ones are not.
    2. When it opens, what is at risk in it is fixed: the stake of that moment divided
       by ``rule.concurrent_rounds``. Without a score, nothing is at risk.
    3. When it resolves, it pays what was at risk times the payout of its scores.
       A burn takes no more than is left of the stake.

    With one concurrent round and a ``duration`` above 1, a stake is at risk in several
    rounds at once, and may be lost to them several times as fast.

    By an **atomic** rule each round and model has a position with NMR of its own, which
    is locked for ``duration`` rounds: a stake of 1 NMR a round ties up 64 NMR where 64
    rounds are open. All models share an idle balance:

    1. Before round n opens, the positions of all rounds up to n - ``duration`` settle:
       each gives back its NMR and its payout. No position loses more than itself.
    2. When it opens, a model stakes its stake of a round or, with ``compound``, the
       proceeds of its newest settled position. What its settled positions give beyond
       that goes to the balance; what they lack comes from it. Where the balance is too
       small, those named first in ``stakes`` come first, and the rest stake what there
       is. Without a score no position is opened.
    3. A burn is deferred: a later payout of the same model is made of it first, and
       only what goes beyond is new NMR. Whatever is deferred belongs to nobody: it
       cannot be staked or withdrawn, and is burned if the model stops.

    After the last round, those still open resolve in their order, if their scores are
    final. Rounds whose scores are not are shown as pending; nothing is paid for them.

    Parameters
    ----------
    scores : mapping of str to DataFrame of shape (n_rounds, n_models), or DataFrame
        Scores by name, the rounds in the index; or one tidy frame of live scores, as
        `skbench.datasets.load_scores` gives it, of which the last day counts.
    stakes : mapping of str to float, Series or float
        Stake of each model before the first round, or on each round by an atomic rule,
        in NMR. Only these models are simulated. One number: the stake of every model.
    rule : PayoutRule
        What the scores pay.
    duration : int
        How many rounds after it opens a round resolves, by the number in the label of
        the round, or in weeks where labels are dates. Of weekly eras, 4 for a 20-day
        and 12 for a 60-day target, or 13 with the days until a score is final; of
        Numerai's daily rounds, 20 and 60, and the few days until then: 64 are open at
        once.
    compound : bool, default=True
        Whether what is earned is staked too. If not, it is withdrawn from the stake of
        a legacy rule, while burns are taken from it all the same; and by an atomic rule
        each position is of the same size, as long as there is enough NMR.
    balance : float, default=None
        For an atomic rule: what is idle before the first round, in NMR. None: what is
        locked when the most rounds are open, so the sum of the stakes of a round times
        their number.
    total_at_risk : float, default=None
        Stakes at risk in the tournament, in NMR, which set the payout factor of a rule
        with a threshold. None: the factor of the rule.

    Returns
    -------
    simulation : Simulation
        The ledger and the totals.

    Raises
    ------
    ValueError
        If a score that pays is missing, a stake is negative, its model has no score or
        it grows beyond any number, the payout factor is not known, or a parameter
        cannot be used.
    TypeError
        If the scores or the rule are of another kind.

    See Also
    --------
    allocate : How to spread a stake over models.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.staking import PayoutRule, simulate
    >>> rule = PayoutRule("half", {"corr": 1.0}, clip=0.5, concurrent_rounds=2)
    >>> corr = pd.DataFrame({"a": [0.1, -0.2, 0.4]}, index=["0001", "0002", "0003"])
    >>> simulation = simulate({"corr": corr}, 100.0, rule, duration=2)
    >>> simulation.ledger.drop(columns="pending")
      round model  at_risk  payout  stake_after
    0  0001     a     50.0     5.0        105.0
    1  0002     a     50.0   -10.0         95.0
    2  0003     a     52.5    21.0        116.0

    >>> atomic = PayoutRule("atomic", {"corr": 1.0}, clip=1.0, mode="atomic")
    >>> simulation = simulate({"corr": corr}, 100.0, atomic, duration=2)
    >>> simulation.ledger.drop(columns="pending")
      round model  at_risk  payout  deferred
    0  0001     a    100.0    10.0       0.0
    1  0002     a    100.0   -20.0      20.0
    2  0003     a    110.0    44.0       0.0
    >>> simulation.account, simulation.balance
    (       idle  locked
    round
    0001   100.0   100.0
    0002     0.0   200.0
    0003     0.0   210.0, 234.0)
    """
    check_count("duration", duration, 1)
    check_flag("compound", compound)
    payouts, final = read_all_payouts(scores, rule, total_at_risk)
    start = _stakes(stakes, payouts)
    payouts, final = payouts[list(start)], final[list(start)]
    check_payouts(payouts)
    if rule.mode == "legacy" and balance is not None:
        raise ValueError(
            f"`balance` is for atomic rules, and {rule.name!r} is a legacy one; got "
            f"{balance!r}"
        )
    how: dict[str, Any] = {"duration": int(duration), "compound": bool(compound)}
    account = idle = None
    with np.errstate(over="ignore", invalid="ignore"):
        if rule.mode == "legacy":
            parts = int(rule.concurrent_rounds)
            ledger, totals = _legacy(payouts, final, start, parts, **how)
        else:
            ledger, totals, account, idle = _atomic(
                payouts, final, start, balance, **how
            )
    if not np.isfinite(ledger.select_dtypes("number")).all(axis=None):
        most = float(np.nanmax(payouts.to_numpy()))
        raise ValueError(
            f"`scores` pay up to {most:.4g} of the stake a round, by which a stake "
            "grows beyond any number: give scores such as 0.02, or a `rule` with a clip"
        )
    factor = rule.payout_factor(total_at_risk)
    return Simulation(rule, factor, ledger, totals, account, idle)


def _legacy(
    payouts: pd.DataFrame,
    final: pd.DataFrame,
    start: Mapping[Any, float],
    parts: int,
    *,
    duration: int,
    compound: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Play rounds in which each model has one stake."""
    at_risk, paid, after = settle(
        payouts.to_numpy(),
        era_counts(list(payouts.index)),
        np.array(list(start.values())),
        duration=duration,
        parts=parts,
        compound=compound,
        final=final.to_numpy(),
    )
    ledger = _ledger(payouts, final, at_risk, paid, {"stake_after": after})
    totals = _totals(ledger, start)
    totals["withdrawn"] = 0.0 if compound else totals["earned"]
    totals["final"] = after[-1]
    gained = totals["earned"] + totals["burned"]
    totals["return"] = gained / totals["stake"].where(totals["stake"] > 0)
    return ledger, totals


def _atomic(
    payouts: pd.DataFrame,
    final: pd.DataFrame,
    start: Mapping[Any, float],
    balance: float | None,
    *,
    duration: int,
    compound: bool,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, float]:
    """Play rounds in which each model has a position with NMR of its own."""
    dates = era_counts(list(payouts.index))
    stakes = np.array(list(start.values()))
    if balance is None:
        n_open = np.arange(1, len(dates) + 1) - resolved_before(dates, duration)
        balance = float(stakes.sum() * n_open.max())
    if not is_number(balance) or not 0 <= balance <= HUGE:
        raise ValueError(
            f"`balance` must be a number from 0 to {HUGE:g}, or None; got {balance!r}"
        )
    found = play(
        payouts.to_numpy(),
        dates,
        stakes,
        float(balance),
        duration=duration,
        compound=compound,
        final=final.to_numpy(),
    )
    ledger = _ledger(
        payouts, final, found.at_risk, found.paid, {"deferred": found.deferred}
    )
    totals = _totals(ledger, start)
    totals["committed"] = found.locked.max(axis=0)
    totals["deferred"] = found.deferred[-1]
    gained = totals["earned"] + totals["burned"]
    totals["return"] = gained / totals["committed"].where(totals["committed"] > 0)
    account = pd.DataFrame(
        {"idle": found.idle[:-1], "locked": found.locked.sum(axis=1)},
        index=payouts.index.rename("round"),
    )
    return ledger, totals, account, float(found.idle[-1])


def _ledger(
    payouts: pd.DataFrame,
    final: pd.DataFrame,
    at_risk: Floats,
    paid: Floats,
    further: Mapping[str, Floats],
) -> pd.DataFrame:
    """Lay out what was at risk and paid as one row a round and scored model."""
    n_rounds, n_models = payouts.shape
    rates = payouts.to_numpy()
    scored, known = ~np.isnan(rates), final.to_numpy()
    # What an open round would pay by the newest scores: no more than all can be lost.
    newest = at_risk * np.maximum(np.where(scored, rates, 0.0), -1.0)
    data = {
        "round": np.repeat(payouts.index.to_numpy(), n_models),
        "model": np.tile(payouts.columns.to_numpy(), n_rounds),
        "at_risk": at_risk.ravel(),
        "payout": np.where(known, paid, newest).ravel(),
        **{name: block.ravel() for name, block in further.items()},
        "pending": ~known.ravel(),
    }
    ledger: pd.DataFrame = pd.DataFrame(data)[scored.ravel()].reset_index(drop=True)
    return ledger


def _totals(ledger: pd.DataFrame, start: Mapping[Any, float]) -> pd.DataFrame:
    """Sum up what each model was paid."""
    rows = []
    for model, stake in start.items():
        own = ledger[ledger["model"] == model]
        paid = own["payout"][~own["pending"]].to_numpy()
        rows.append(
            {
                "stake": stake,
                "earned": float(paid[paid > 0].sum()),
                "burned": float(paid[paid < 0].sum()),
                "pending": float(own["payout"][own["pending"]].sum()),
                "max_drawdown": max_drawdown(paid),
                "n_rounds": len(paid),
            }
        )
    index = pd.Index(list(start), name="model", tupleize_cols=False)
    return pd.DataFrame(rows, index=index)


def _stakes(stakes: Any, payouts: pd.DataFrame) -> dict[Any, float]:
    """Return the stake of each model to simulate."""
    models = list(payouts.columns)
    stakes = as_mapping(stakes)
    if is_number(stakes):
        stakes = dict.fromkeys(models, stakes)
    if not isinstance(stakes, Mapping) or not stakes:
        raise ValueError(
            f"`stakes` must map models to their stakes, or be a number; got {stakes!r}"
        )
    for model, stake in stakes.items():
        if model not in models:
            raise ValueError(
                f"`stakes` names {model!r}, which `scores` does not have; it has "
                f"{listed(models)}{did_you_mean(model, models)}"
            )
        if not is_number(stake) or not 0 <= stake <= HUGE:
            raise ValueError(
                f"`stakes` must hold numbers from 0 to {HUGE:g}; got {stake!r} for "
                f"{model!r}"
            )
    return {model: float(stake) for model, stake in stakes.items()}
