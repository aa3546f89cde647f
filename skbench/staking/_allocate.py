"""How to spread a stake over models: `allocate`."""

from collections.abc import Hashable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import check_choice, check_count, check_share, is_number, listed
from skbench._eras import era_numbers
from skbench._shown import Part, Shown
from skbench._warnings import warn
from skbench.metrics import summarize
from skbench.solvers.additive import adjusted_means, n_compared
from skbench.solvers.intervals import least_eras
from skbench.solvers.shares import cvar, mean_cvar, min_variance

from ._history import check_payouts, is_live, read_payouts
from ._rules import PayoutRule

Floats = NDArray[np.float64]

# A risk aversion, or rounds of prior trust, that decide alone: more means nothing else,
# and would leave the linear program numbers of too unlike sizes.
_DECIDES_ALONE = 1e6
_METHODS = ("mean_cvar", "min_variance", "equal")
# Thirteen weeks: more than a 60-day target reaches over. Live rounds open five a week.
_HORIZON_ERAS, _HORIZON_LIVE = 13, 64
_WARNING = (
    "The past is no promise: the shares were chosen on the rounds that they are judged "
    "by here, so the bands flatter them, and payout rules change."
)


@dataclass(frozen=True, repr=False)
class Allocation(Shown):
    """How `allocate` would spread a stake; printing it shows the tables.

    Payouts, and what is made of them, are shares of what is at risk in a round: of the
    stake divided by ``rule.concurrent_rounds``, or of a position of an atomic rule.

    Attributes
    ----------
    rule : PayoutRule
        What was paid.
    payout_factor : float
        What the multiplied scores were multiplied by.
    method : str
        How the shares were chosen.
    shares : dict of str to float
        Share of each model; they sum to one.
    table : pandas.DataFrame of shape (n_models, 7)
        One row a model: ``share``; ``n_rounds``, the rounds that pay it; ``n_compared``
        those of them that pay another model too; ``mean`` payout of a round, and its
        interval ``low`` to ``high``; ``expected``, the mean that its share rests on.
    bands : pandas.DataFrame of shape (2, 7)
        Outcome of the allocation, and of equal shares, in the rounds that all models
        have: ``mean`` payout of a round, its interval ``low`` to ``high``, ``std``,
        ``cvar``, ``max_drawdown`` of the sum, and ``n_rounds``.
    n_shared : int
        Number of rounds that all models have, which the risk rests on.
    warning : str
        What a reader should know.
    """

    rule: PayoutRule
    payout_factor: float
    method: str
    shares: dict[Hashable, float]
    table: pd.DataFrame
    bands: pd.DataFrame
    n_shared: int
    warning: str

    def stakes(
        self, total: float, *, open_rounds: int | None = None
    ) -> dict[Hashable, float]:
        """Spread a stake, as `simulate` takes it.

        Parameters
        ----------
        total : float
            The whole stake, in NMR; of an atomic rule, what may be locked at once.
        open_rounds : int, default=None
            For an atomic rule: how many rounds are open at once, 13 of weekly eras.
            None: ``rule.concurrent_rounds``, 64 of those that open every trading day.

        Returns
        -------
        stakes : dict of str to float
            Stake of each model, in NMR; of an atomic rule on each round.

        Raises
        ------
        ValueError
            If the stake is not above 0, or ``open_rounds`` does not go with the rule.
        """
        if not is_number(total) or not isfinite(total) or total <= 0:
            raise ValueError(f"`total` must be a number above 0; got {total!r}")
        if self.rule.mode == "legacy":
            if open_rounds is not None:
                raise ValueError(
                    f"`open_rounds` is for atomic rules, and {self.rule.name!r} is a "
                    f"legacy one; got {open_rounds!r}"
                )
            a_round = float(total)
        else:
            n_open = self.rule.concurrent_rounds if open_rounds is None else open_rounds
            check_count("open_rounds", n_open, 1)
            a_round = float(total) / n_open
        return {model: share * a_round for model, share in self.shares.items()}

    def _parts(self) -> list[Part]:
        return [
            f"Allocation by {self.method!r}, its risk seen in {self.n_shared} "
            "rounds that all models have",
            f"Payouts of a round: {_unit(self.rule)}; payout factor "
            f"{self.payout_factor:.4g}",
            "Models by their share, the largest first",
            self.table.sort_values("share", ascending=False, kind="stable"),
            self.bands,
            *self.warning.split("\n"),
        ]


def allocate(
    scores: Any,
    rule: PayoutRule,
    *,
    total_at_risk: float | None = None,
    method: str = "mean_cvar",
    max_share: float = 1.0,
    risk_aversion: float = 1.0,
    tail: float = 0.05,
    prior_rounds: float | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> Allocation:
    r"""Spread a stake over models by what they would have been paid. Nothing is staked.

    With :math:`r_t(w) = \sum_i w_i p_{ti}` the payout of round t for shares w, not
    negative, at most ``max_share`` and of sum one:

    - "mean_cvar": the largest
      :math:`\mathrm{mean}(r) - \lambda \, \mathrm{CVaR}(r)`, where CVaR is minus the
      mean of the worst rounds, a share ``tail`` of them, and :math:`\lambda` is
      ``risk_aversion``; found as a linear program;
    - "min_variance": the least variance of r;
    - "equal": equal shares, whatever the payouts.

    Models that paid the same in every round have the same share.

    Models may have been scored in different rounds, and gaps are never filled. Risk is
    seen only in the rounds that all models have. What a model is expected to pay rests
    on all of its rounds:

    1. payout = model effect + round effect + error is fitted to all of them by least
       squares, so that models are compared in rounds that they share, and none gains by
       being there in good times only. Without gaps this gives the plain means;
    2. the mean of a model is moved towards the average of all models as if
       ``prior_rounds`` more rounds had paid that: a short history counts for less;
    3. "mean_cvar" moves the payouts of the shared rounds to these means.

    Parameters
    ----------
    scores : mapping of str to DataFrame of shape (n_rounds, n_models), or DataFrame
        As for `simulate`.
    rule : PayoutRule
        What the scores pay.
    total_at_risk : float, default=None
        Stakes at risk in the tournament, in NMR, which set the payout factor of a rule
        with a threshold. None: the factor of the rule.
    method : {"mean_cvar", "min_variance", "equal"}, default="mean_cvar"
        How to choose the shares.
    max_share : float, default=1.0
        The largest share that one model may have.
    risk_aversion : float, default=1.0
        Weight of the CVaR, not negative. 0: only the mean counts.
    tail : float, default=0.05
        Share of the rounds, the worst, that the CVaR is the mean of.
    prior_rounds : float, default=None
        Rounds that a model is taken to have been average in. None: two horizons, the
        least for which there is an interval. 0: none.
    horizon : int, default=None
        Over how many rounds a payout shares days with others. None: that of a 60-day
        target, 13 weekly eras, or 64 live rounds of a tidy frame.
    confidence : float, default=0.95
        Probability that an interval is to have; see `skbench.metrics.summarize`.

    Returns
    -------
    allocation : Allocation
        The shares, what they rest on, and how they would have done.

    Raises
    ------
    ValueError
        If a score that pays is missing, a model has no payout or always the same, all
        models share fewer than 2 rounds, ``max_share`` is too small for shares to sum
        to one, the payout factor is not known, or an option cannot be used.
    TypeError
        If the scores or the rule are of another kind.

    Warns
    -----
    UserWarning
        If all models share fewer rounds than two horizons: too few for bands.

    See Also
    --------
    simulate : What stakes would have become.

    References
    ----------
    R. T. Rockafellar and S. Uryasev, "Optimization of Conditional Value-at-Risk",
    Journal of Risk 2 (2000).

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.staking import PayoutRule, allocate
    >>> corr = pd.DataFrame({"a": [0.03, -0.01, 0.02, 0.00],
    ...                      "b": [-0.01, 0.03, 0.00, 0.02]},
    ...                     index=["0001", "0002", "0003", "0004"])
    >>> rule = PayoutRule("corr", {"corr": 1.0})
    >>> allocation = allocate({"corr": corr}, rule, horizon=1)
    >>> {model: round(share, 6) for model, share in allocation.shares.items()}
    {'a': 0.5, 'b': 0.5}
    """
    check_choice("method", method, _METHODS)
    _check_risk(risk_aversion, tail, prior_rounds)
    payouts = read_payouts(scores, rule, total_at_risk).dropna(how="all")
    check_payouts(payouts)
    _check_max_share(max_share, payouts.shape[1])
    horizon = _horizon(horizon, scores)
    intervals: dict[str, Any] = {"horizon": horizon, "confidence": confidence}
    table = summarize(payouts, **intervals)[["n_eras", "mean", "low", "high"]]
    shared = _shared_rounds(payouts)
    tail = max(float(tail), 1 / len(shared))  # less than a round is the worst one
    _warn_if_short(shared, horizon)
    expected = _expected(payouts, _prior_rounds(prior_rounds, horizon))
    shares = _shares(method, shared, expected, max_share, risk_aversion, tail)
    by_model: dict[Hashable, float] = dict(
        zip(payouts.columns, shares.tolist(), strict=True)
    )
    table = _table(table, payouts, shares, expected)
    bands = _bands(shared, shares, tail, intervals)
    paid = (rule, rule.payout_factor(total_at_risk))
    return Allocation(*paid, method, by_model, table, bands, len(shared), _WARNING)


def _unit(rule: PayoutRule) -> str:
    """Say what a payout is a share of."""
    if rule.mode == "atomic":
        return (
            "shares of the NMR staked on each round, of which "
            f"{rule.concurrent_rounds} are open at once"
        )
    if rule.concurrent_rounds == 1:
        return "shares of the stake, all of which is at risk in each round"
    return (
        "shares of what is at risk in each round, "
        f"1/{rule.concurrent_rounds} of the stake"
    )


def _shares(
    method: str,
    shared: pd.DataFrame,
    expected: Floats,
    max_share: float,
    risk_aversion: float,
    tail: float,
) -> Floats:
    if method == "equal":
        return np.full(expected.size, 1.0 / expected.size)
    seen = shared.to_numpy()
    if method == "min_variance":
        return min_variance(seen, float(max_share))
    scenarios = seen - seen.mean(axis=0) + expected
    return mean_cvar(scenarios, float(risk_aversion), tail, float(max_share))


def _prior_rounds(prior_rounds: float | None, horizon: int) -> float:
    if prior_rounds is None:
        return min(2 * horizon, _DECIDES_ALONE)  # a horizon may be beyond any float
    return float(prior_rounds)


def _expected(payouts: pd.DataFrame, prior: float) -> Floats:
    """Mean of each model, moved towards the average of all."""
    values = payouts.to_numpy()
    means, n = adjusted_means(values), n_compared(values)
    trust = n / np.maximum(n + prior, 1.0)
    expected: Floats = means.mean() + trust * (means - means.mean())
    return expected


def _table(
    summary: pd.DataFrame, payouts: pd.DataFrame, shares: Floats, expected: Floats
) -> pd.DataFrame:
    table = summary.rename(columns={"n_eras": "n_rounds"})
    table.insert(0, "share", shares)
    table.insert(2, "n_compared", n_compared(payouts.to_numpy()))
    table["expected"] = expected
    return table


def _bands(
    shared: pd.DataFrame, shares: Floats, tail: float, intervals: dict[str, Any]
) -> pd.DataFrame:
    outcomes = pd.DataFrame(
        {
            "allocation": shared.to_numpy() @ shares,
            "equal shares": shared.to_numpy().mean(axis=1),
        },
        index=shared.index,
    )
    bands = summarize(outcomes, **intervals)
    bands["cvar"] = [cvar(outcomes[name].to_numpy(), tail) for name in outcomes]
    bands = bands.rename(columns={"n_eras": "n_rounds"}).rename_axis(None)
    return bands[["mean", "low", "high", "std", "cvar", "max_drawdown", "n_rounds"]]


def _shared_rounds(payouts: pd.DataFrame) -> pd.DataFrame:
    """Return the rounds that all models have, if risk can be judged by them."""
    shared = payouts.dropna()
    if len(shared) < 2:
        counts = payouts.notna().sum().sort_values(kind="stable")
        fewest = {model: int(count) for model, count in counts.head(3).items()}
        raise ValueError(
            f"`scores` must have at least 2 rounds that pay all {payouts.shape[1]} "
            f"models; got {len(shared)}. Leave out the models that lack rounds; the "
            f"fewest are {fewest!r}"
        )
    values = shared.to_numpy()
    if constant := [
        name
        for name, column in zip(shared.columns, values.T, strict=True)
        if np.ptp(column) <= 1e-12 * np.abs(column).max()
    ]:
        raise ValueError(
            f"`scores` must pay each model unlike amounts, by which its risk is "
            f"judged; always the same, in the {len(shared)} rounds that all models "
            f"have, is paid to {listed(constant)}: leave them out"
        )
    return shared


def _horizon(horizon: Any, scores: Any) -> int:
    if horizon is None:
        return _HORIZON_LIVE if is_live(scores) else _HORIZON_ERAS
    check_count("horizon", horizon, 1)
    return int(horizon)


def _warn_if_short(shared: pd.DataFrame, horizon: int) -> None:
    least = least_eras(era_numbers(shared.index.tolist()), horizon)
    if len(shared) < least:
        warn(
            f"the {len(shared)} rounds that all models have are fewer than {least}, "
            f"twice as many as share days (`horizon` {horizon}): too few for bands, "
            "and for much trust"
        )


def _check_max_share(max_share: Any, n_models: int) -> None:
    check_share("max_share", max_share)
    if max_share * n_models < 1.0 - 1e-12:
        raise ValueError(
            f"`max_share` must be at least 1/{n_models} = {1 / n_models:.4g}, for the "
            f"shares of {n_models} models to sum to one; got {max_share!r}"
        )


def _check_risk(risk_aversion: Any, tail: Any, prior_rounds: Any) -> None:
    for parameter, value in (
        ("risk_aversion", risk_aversion),
        ("prior_rounds", 0 if prior_rounds is None else prior_rounds),
    ):
        if not is_number(value) or not 0 <= value <= _DECIDES_ALONE:
            raise ValueError(
                f"`{parameter}` must be a number from 0 to {_DECIDES_ALONE:g}; got "
                f"{value!r}"
            )
    if not is_number(tail) or not 0 < tail <= 1:
        raise ValueError(f"`tail` must be above 0 and at most 1; got {tail!r}")
