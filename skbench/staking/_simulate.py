"""What stakes would have become: `simulate`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import HUGE, check_count, check_flag, is_number, listed
from skbench._eras import era_counts
from skbench._frames import as_mapping
from skbench._shown import Part, Shown
from skbench.solvers.ledger import settle
from skbench.solvers.series import max_drawdown

from ._history import check_payouts, read_payouts
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
        ``payout`` and ``stake_after``, the stake once the round has resolved, in NMR.
    totals : pandas.DataFrame of shape (n_models, 8)
        One row a model, in NMR: ``stake`` at the start, ``earned``, ``burned`` (the
        negative payouts), ``withdrawn`` and ``final``; ``return``, what was gained as a
        share of the stake at the start; ``max_drawdown``, the largest fall of the sum
        of the payouts from its highest point before; ``n_rounds``.
    """

    rule: PayoutRule
    payout_factor: float
    ledger: pd.DataFrame
    totals: pd.DataFrame

    def _parts(self) -> list[Part]:
        return [
            f"Simulation of the rule {self.rule.name!r} ({self.rule.status}), payout "
            f"factor {self.payout_factor:.4g}, in NMR",
            self.totals,
        ]


def simulate(
    scores: Any,
    stakes: Any,
    rule: PayoutRule,
    *,
    duration: int,
    compound: bool = True,
    total_at_risk: float | None = None,
) -> Simulation:
    """Simulate stakes through rounds that overlap. Nothing is staked.

    Round n of a model goes like this:

    1. Before it opens, each open round that has resolved by then pays: the payouts of
       all rounds up to n - ``duration`` are in the stake, later ones are not.
    2. When it opens, what is at risk in it is fixed: the stake of that moment divided
       by ``rule.concurrent_rounds``. Without a score, nothing is at risk.
    3. When it resolves, it pays what was at risk times the payout of its scores.
       A burn takes no more than is left of the stake.

    After the last round, those still open resolve in their order. With one concurrent
    round and a ``duration`` above 1, a stake is at risk in several rounds at once, and
    may be lost to them several times as fast.

    Parameters
    ----------
    scores : mapping of str to DataFrame of shape (n_rounds, n_models), or DataFrame
        Scores by name, the rounds in the index; or one tidy frame of live scores, as
        `skbench.datasets.load_scores` gives it, of which the resolved rounds count.
    stakes : mapping of str to float, Series or float
        Stake of each model before the first round, in NMR. Only these models are
        simulated. One number: the stake of every model.
    rule : PayoutRule
        What the scores pay.
    duration : int
        How many rounds after it opens a round resolves, by the number in the label of
        the round, or in weeks where labels are dates. Of weekly eras, 4 for a 20-day
        and 12 for a 60-day target; of Numerai's daily rounds, 20 and 60, and the few
        days until a score is final.
    compound : bool, default=True
        Whether what is earned is added to the stake. If not, it is withdrawn; burns are
        taken from the stake all the same.
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
    >>> simulation.ledger
      round model  at_risk  payout  stake_after
    0  0001     a     50.0     5.0        105.0
    1  0002     a     50.0   -10.0         95.0
    2  0003     a     52.5    21.0        116.0
    """
    check_count("duration", duration, 1)
    check_flag("compound", compound)
    payouts = read_payouts(scores, rule, total_at_risk)
    start = _stakes(stakes, payouts)
    payouts = payouts[list(start)]
    check_payouts(payouts)
    at_risk, paid, after = _settled(payouts, start, rule, int(duration), bool(compound))
    ledger = _ledger(payouts, at_risk, paid, after)
    totals = _totals(ledger, start, bool(compound))
    return Simulation(rule, rule.payout_factor(total_at_risk), ledger, totals)


def _settled(
    payouts: pd.DataFrame,
    start: Mapping[Any, float],
    rule: PayoutRule,
    duration: int,
    compound: bool,
) -> tuple[Floats, Floats, Floats]:
    """Play the rounds, unless a stake grows beyond any number in them."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = settle(
            payouts.to_numpy(),
            era_counts(list(payouts.index)),
            np.array(list(start.values())),
            duration=duration,
            parts=int(rule.concurrent_rounds),
            compound=compound,
        )
    if not all(np.isfinite(block).all() for block in found):
        most = float(np.nanmax(payouts.to_numpy()))
        raise ValueError(
            f"`scores` pay up to {most:.4g} of the stake a round, by which a stake "
            "grows beyond any number: give scores such as 0.02, or a `rule` with a clip"
        )
    return found


def _ledger(payouts: pd.DataFrame, *columns: Any) -> pd.DataFrame:
    """Lay out what was at risk, paid and left as one row a round and scored model."""
    n_rounds, n_models = payouts.shape
    scored = ~np.isnan(payouts.to_numpy())
    data = {
        "round": np.repeat(payouts.index.to_numpy(), n_models),
        "model": np.tile(payouts.columns.to_numpy(), n_rounds),
    }
    names = ("at_risk", "payout", "stake_after")
    data |= {name: block.ravel() for name, block in zip(names, columns, strict=True)}
    ledger: pd.DataFrame = pd.DataFrame(data)[scored.ravel()].reset_index(drop=True)
    return ledger


def _totals(
    ledger: pd.DataFrame, start: Mapping[Any, float], compound: bool
) -> pd.DataFrame:
    rows = []
    for model, stake in start.items():
        own = ledger[ledger["model"] == model]
        paid = own["payout"].to_numpy()
        earned = float(paid[paid > 0].sum())
        rows.append(
            {
                "stake": stake,
                "earned": earned,
                "burned": float(paid[paid < 0].sum()),
                "withdrawn": 0.0 if compound else earned,
                "final": float(own["stake_after"].iloc[-1]),
                "return": float(paid.sum()) / stake if stake else np.nan,
                "max_drawdown": max_drawdown(paid),
                "n_rounds": len(own),
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
                f"{listed(models)}"
            )
        if not is_number(stake) or not 0 <= stake <= HUGE:
            raise ValueError(
                f"`stakes` must hold numbers from 0 to {HUGE:g}; got {stake!r} for "
                f"{model!r}"
            )
    return {model: float(stake) for model, stake in stakes.items()}
