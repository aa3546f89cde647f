"""Payout rules as data: what the scores of a round pay on the stake at risk."""

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import (
    HUGE,
    check_choice,
    check_count,
    check_name,
    did_you_mean,
    is_number,
    listed,
)
from skbench._score_names import find_score, multipliers_of

from ._current import read_current

MODES = ("legacy", "atomic")
_PRECISIONS = re.compile(r"\d{4}(-\d{2}){0,2}")


@dataclass(frozen=True)
class PayoutRule:
    r"""What the scores of a round pay, as a share of the stake at risk in it.

    For multipliers :math:`m_i` and scores :math:`s_i`,

    .. math::

        \mathrm{payout} = \mathrm{clip}\Bigl(f \sum_i m_i s_i, -c, c\Bigr),
        \qquad f = \min(1, \mathrm{threshold} / \mathrm{total\ at\ risk})

    A negative payout is a burn. Scores of multiplier 0 are never read. Without a
    threshold f is ``factor``, or 1. With one, f depends on the total at risk and can be
    a tenth or less: without that total and without ``factor`` the payout is an error.

    Attributes
    ----------
    name : str
        What the rule is called.
    multipliers : mapping of str to float
        Multiplier of each score that pays: not negative, and one at least above 0.
    clip : float, default=None
        Largest payout and burn of a round, as a share of the stake at risk. None: no
        limit.
    factor : float, default=None
        Payout factor where the total at risk is not given. None: 1 for a rule without a
        threshold; of a rule with one, the total must then be given.
    threshold : float, default=None
        Total at risk, in NMR, above which the payout factor falls. None: the factor
        does not depend on it.
    concurrent_rounds : int, default=1
        How many rounds are open at once, of those that open every trading day, over
        which NMR is split. 1: each round has the whole stake at risk.
    mode : {"legacy", "atomic"}, default="legacy"
        "legacy": a model has one stake, of which each round has 1 /
        ``concurrent_rounds`` at risk. "atomic": each round and model has a position
        with NMR of its own; see `simulate`.
    target : str, default=None
        Target of the scores that pay, such as "target_ender_60". None: not known.
    first_round : int, default=None
        Number of the first round of this rule. None: not known.
    first, last : str, default=None
        When the first and the last round of this rule opened, as an ISO date to the
        precision known: "2024", "2024-01" or "2024-01-02". None: not known, or not yet.
    status : {"unconfirmed", "confirmed"}, default="unconfirmed"
        Whether all of it was seen in what Numerai itself publishes.
    source : str, default=""
        Where the rule was published.

    Raises
    ------
    ValueError
        If a field cannot be used.

    References
    ----------
    Numerai, "Staking", https://docs.numer.ai/numerai-tournament/staking.

    Examples
    --------
    >>> from skbench.staking import PayoutRule
    >>> rule = PayoutRule("mine", {"corr": 0.5, "mmc": 2.0}, clip=0.05, threshold=72e3)
    >>> round(rule.payout({"corr": 0.02, "mmc": 0.004}, total_at_risk=60e3), 6)
    0.018
    >>> round(rule.payout({"corr": 0.02, "mmc": 0.004}, total_at_risk=144e3), 6)
    0.009
    """

    name: str
    multipliers: Mapping[str, float] = field(hash=False)
    _: KW_ONLY
    clip: float | None = None
    factor: float | None = None
    threshold: float | None = None
    concurrent_rounds: int = 1
    mode: str = "legacy"
    target: str | None = None
    first_round: int | None = None
    first: str | None = None
    last: str | None = None
    status: str = "unconfirmed"
    source: str = ""

    def __post_init__(self) -> None:
        check_name("name", self.name, "a string that is not empty")
        object.__setattr__(self, "multipliers", _multipliers(self.multipliers))
        for limit in ("clip", "factor", "threshold"):
            if getattr(self, limit) is not None:
                _check_limit(limit, getattr(self, limit))
        check_count("concurrent_rounds", self.concurrent_rounds, 1)
        check_choice("mode", self.mode, MODES)
        if self.target is not None:
            check_name("target", self.target, "the name of a target")
        if self.first_round is not None:
            check_count("first_round", self.first_round, 1)
        check_choice("status", self.status, ("unconfirmed", "confirmed"))
        if not isinstance(self.source, str):
            raise ValueError(f"`source` must be a string; got {self.source!r}")
        _check_dates(self.first, self.last)

    def payout_factor(self, total_at_risk: float | None = None) -> float:
        """Return what the multiplied scores are multiplied by before they are clipped.

        Parameters
        ----------
        total_at_risk : float, default=None
            Stakes at risk in the tournament, in NMR. None: the factor of the rule.

        Returns
        -------
        factor : float
            ``min(1, threshold / total_at_risk)``, or the factor of the rule, or 1.

        Raises
        ------
        ValueError
            If the total is not above 0, is given to a rule without a threshold, or is
            not given to a rule with a threshold and no factor.
        """
        if total_at_risk is None:
            return self._own_factor()
        _check_limit("total_at_risk", total_at_risk)
        if self.threshold is None:
            raise ValueError(
                f"`total_at_risk` must be None, as the rule {self.name!r} has no "
                f"threshold; got {total_at_risk!r}"
            )
        return float(min(1.0, self.threshold / total_at_risk))

    def _own_factor(self) -> float:
        """Return the factor where the total at risk is not given."""
        if self.factor is not None:
            return float(self.factor)
        if self.threshold is None:
            return 1.0
        error = ValueError(
            f"`total_at_risk` must be given for the rule {self.name!r}, which pays "
            f"less once more than {self.threshold:,.0f} NMR are at risk in the "
            "tournament: a number of NMR, such as 720000; got None"
        )
        # In Python alone: commands have no option for it, and print no notes.
        error.add_note(
            "Or give the rule its payout factor: dataclasses.replace(rule, factor=...)"
        )
        raise error

    def payout(
        self, scores: Mapping[str, Any], *, total_at_risk: float | None = None
    ) -> Any:
        """Return what scores pay, as a share of the stake at risk.

        Where one of the scores is missing, so is the payout.

        Parameters
        ----------
        scores : mapping of str to float, array, Series or DataFrame
            Each score that pays, by its name or another word for it, see `select`.
            Others are not read. pandas objects are matched by their labels.
        total_at_risk : float, default=None
            As for `payout_factor`.

        Returns
        -------
        payout : float, array, Series or DataFrame
            Of the same kind as the scores.

        Raises
        ------
        ValueError
            If a score that pays is not there, infinite or huge, the scores have no
            rows and models in common, or the payout factor is not known.
        """
        factor = self.payout_factor(total_at_risk)
        chosen = {k: _finite(v, k) for k, v in self.select(scores).items()}
        try:
            paid = factor * sum(self.multipliers[k] * v for k, v in chosen.items())
        except ValueError as error:
            shapes = {name: np.shape(values) for name, values in chosen.items()}
            raise ValueError(
                f"`scores` must have rows and models in common; got the shapes "
                f"{shapes!r}: {error}"
            ) from error
        if self.clip is not None:
            paid = np.clip(paid, -self.clip, self.clip)
        return float(paid) if np.ndim(paid) == 0 else paid

    def select(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        """Return the scores that pay.

        Where none has the very name, one of the same kind is taken: "corr" of
        `skbench.metrics.score_models` where the rule pays "v2_corr20", "canon_mmc60"
        where it pays "mmc60". It must not name another number of days.

        Parameters
        ----------
        scores : mapping of str to object
            Scores by name.

        Returns
        -------
        scores : dict of str to object
            Those that have a multiplier above 0, named as in ``multipliers``.

        Raises
        ------
        ValueError
            If a score that pays is not there, or several may be it.
        TypeError
            If the scores are not a mapping.
        """
        if not isinstance(scores, Mapping):
            raise TypeError(
                "`scores` must map the names of scores to their values; "
                f"got {type(scores).__name__}"
            )
        paying = [name for name, multiplier in self.multipliers.items() if multiplier]
        found = {name: find_score(name, scores) for name in paying}
        if missing := [name for name, key in found.items() if key is None]:
            raise ValueError(
                f"`scores` lacks {listed(missing)}, which the rule {self.name!r} pays "
                f"(`multipliers`); it has {listed(scores)}. Give the scores these "
                f"names, or the rule those: rule.renamed({{{missing[0]!r}: ...}})"
            )
        if len(set(found.values())) < len(found):
            raise ValueError(
                f"`scores` must tell apart what the rule {self.name!r} pays, "
                f"{listed(paying)}; it has {listed(scores)}"
            )
        return {name: scores[key] for name, key in found.items()}

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Return the rule with other names for its scores.

        Parameters
        ----------
        names : mapping of str to str
            New name of each score that is to have one.

        Returns
        -------
        rule : PayoutRule
            A rule that pays the same.

        Raises
        ------
        ValueError
            If the rule does not pay a score to rename, or two would have one name.

        Examples
        --------
        >>> from skbench.staking import PAYOUT_2026
        >>> PAYOUT_2026.renamed({"v2_corr20": "corr"}).multipliers
        {'corr': 0.75, 'mmc': 2.25}
        """
        if not isinstance(names, Mapping):
            raise ValueError(f"`names` must map names to names; got {names!r}")
        if unknown := [name for name in names if name not in self.multipliers]:
            raise ValueError(
                f"`names` holds {listed(unknown)}, which the rule {self.name!r} does "
                f"not pay; it pays {listed(self.multipliers)}"
            )
        for key, name in names.items():
            check_name(f"names[{key!r}]", name)
        new = {names.get(key, key): value for key, value in self.multipliers.items()}
        if len(new) < len(self.multipliers):
            raise ValueError(f"`names` must keep the scores apart; got {dict(names)!r}")
        return replace(self, multipliers=new)

    @staticmethod
    def for_round(number: int) -> "PayoutRule":
        """Return the rule of `PAYOUT_RULES` by which a round pays.

        Parameters
        ----------
        number : int
            Number of the round. One that opens in future has the newest rule.

        Returns
        -------
        rule : PayoutRule
            The newest rule whose ``first_round`` is not after it.

        Raises
        ------
        ValueError
            If the round was before all rules that are known.

        Examples
        --------
        >>> from skbench.staking import PayoutRule
        >>> [PayoutRule.for_round(n).name for n in (1000, 1342, 1343)]
        ['2024', '2026', 'round 1343']
        """
        check_count("number", number, 1)
        rules = [r for r in PAYOUT_RULES.values() if (r.first_round or 0) <= number]
        if not rules:
            oldest = next(iter(PAYOUT_RULES.values())).first_round
            raise ValueError(
                f"`number` must be at least {oldest}, the first round of a known rule; "
                f"got {number!r}"
            )
        return rules[-1]

    @classmethod
    def from_api(cls, api: Any = None, *, concurrent_rounds: int | None = None) -> Self:
        """Read the rule of the current round from Numerai.

        The multipliers, the clip and the threshold are those of the scores that pay. A
        round has no payout factor before it is scored; until then the factor is None.
        What is at risk in a round Numerai tells only with keys, so it is not read.

        Parameters
        ----------
        api : numerapi.NumerAPI, default=None
            Client to ask. None: a new one; no keys are needed.
        concurrent_rounds : int, default=None
            How many rounds are open at once, which Numerai's rounds do not tell. None:
            as in the rule of `PAYOUT_RULES` with the same multipliers.

        Returns
        -------
        rule : PayoutRule
            The rule, its scores named as in `skbench.datasets.load_scores`; its mode
            and target are those of the rule of `PAYOUT_RULES` with the same
            multipliers. Where there is none, the mode is "atomic".

        Raises
        ------
        ValueError
            If no score pays, the scores disagree on the clip, the threshold or the
            factor, or it is not known over how many rounds a stake is split.
        ConnectionError
            If Numerai cannot be reached.
        """
        fields = read_current(api)
        known = _known(fields["multipliers"])
        if known is not None:
            fields |= {"mode": known.mode, "target": known.target}
            concurrent_rounds = concurrent_rounds or known.concurrent_rounds
        if concurrent_rounds is None:
            raise ValueError(
                f"`concurrent_rounds` must be given: {fields['name']} pays "
                f"{fields['multipliers']!r}, and no rule of PAYOUT_RULES tells how "
                "many rounds are then open at once"
            )
        fields = {"mode": "atomic", "status": "confirmed", **fields}
        return cls(**fields, concurrent_rounds=concurrent_rounds)


def _finite(values: Any, name: str) -> Any:
    """Return a score as floats, of which none is infinite or huge."""
    pandas = isinstance(values, (pd.Series, pd.DataFrame))
    try:
        if np.asarray(values).dtype.kind == "c":
            raise TypeError
        values = values.astype(float) if pandas else np.asarray(values, np.float64)
    except (OverflowError, TypeError, ValueError):
        raise ValueError(
            f"the score {name!r} must hold numbers; got {values!r}"
        ) from None
    floats = np.asarray(values, dtype=np.float64)
    if (large := floats[np.abs(floats) > HUGE]).size:
        raise ValueError(
            f"`scores` must hold numbers from {-HUGE:g} to {HUGE:g}; got "
            f"{large[0]} for {name!r}: mark a missing score by NaN"
        )
    return values


def _multipliers(values: Any) -> dict[str, float]:
    """Check multipliers, and return a copy of them."""
    if not isinstance(values, Mapping):
        raise ValueError(
            f"`multipliers` must map names of scores to numbers; got {values!r}"
        )
    for name, value in values.items():
        check_name("multipliers", name)
        if not is_number(value) or not 0 <= value <= HUGE:
            raise ValueError(
                f"`multipliers` must hold numbers from 0 to {HUGE:g}; got "
                f"{value!r} for {name!r}"
            )
    if not any(values.values()):
        raise ValueError(
            f"`multipliers` must hold one above 0, else nothing pays; got {values!r}"
        )
    return {name: float(value) for name, value in values.items()}


def _check_limit(parameter: str, value: Any) -> None:
    if not is_number(value) or not 0 < value <= HUGE:
        raise ValueError(
            f"`{parameter}` must be a number above 0 and at most {HUGE:g}; got "
            f"{value!r}"
        )


def _check_dates(first: Any, last: Any) -> None:
    for parameter, value in (("first", first), ("last", last)):
        if value is not None and not _is_date(value):
            raise ValueError(
                f"`{parameter}` must be a date such as '2024', '2024-01' or "
                f"'2024-01-02', or None; got {value!r}"
            )
    if first is None or last is None:
        return
    digits = min(len(first), len(last))
    if first[:digits] > last[:digits]:
        raise ValueError(
            f"`first` must not be after `last`; got first={first!r}, last={last!r}"
        )


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or not _PRECISIONS.fullmatch(value):
        return False
    try:
        date.fromisoformat((value + "-01-01")[:10])
    except ValueError:
        return False
    return True


def _known(multipliers: Mapping[str, float]) -> PayoutRule | None:
    for rule in PAYOUT_RULES.values():
        if rule.multipliers == multipliers:
            return rule
    return None


PAYOUT_2024 = PayoutRule(
    "2024",
    {"v2_corr20": 0.5, "mmc": 2.0},
    clip=0.05,
    threshold=72_000.0,
    target="target_cyrus_20",
    first_round=650,
    first="2024-01-02",
    last="2026-01",
    status="confirmed",
    source="https://docs.numer.ai/numerai-tournament/staking",
)
"""What rounds of 2024 and 2025 paid: half of CORR and twice MMC, both of 20 days.

The target became ``target_cyrusd_20`` on the way.
"""

PAYOUT_2026 = PayoutRule(
    "2026",
    {"v2_corr20": 0.75, "mmc": 2.25},
    clip=0.05,
    threshold=72_000.0,
    target="target_ender_20",
    first_round=1175,
    first="2026-01-06",
    last="2026-08",
    status="confirmed",
    source="https://docs.numer.ai/numerai-tournament/staking",
)
"""What rounds paid from the start of 2026 until August: a little more of both."""

PAYOUT_ROUND_1343 = PayoutRule(
    "round 1343",
    {"corr60": 3.0, "mmc60": 15.0},
    clip=1.0,
    factor=1.0,
    concurrent_rounds=64,
    mode="atomic",
    target="target_ender_60",
    first_round=1343,
    first="2026-08-28",
    status="confirmed",
    source="https://docs.numer.ai/numerai-tournament/staking",
)
"""What rounds pay from number 1343 on: scores of 60 days, NMR staked round by round."""

PAYOUT_RULES: Mapping[str, PayoutRule] = {
    rule.name: rule for rule in (PAYOUT_2024, PAYOUT_2026, PAYOUT_ROUND_1343)
}
"""The rules of the past and the present by name, oldest first."""


def newest_rule() -> PayoutRule:
    """Return the rule of `PAYOUT_RULES` that came last."""
    *_, rule = PAYOUT_RULES.values()
    return rule


def rule_named(name: str, parameter: str = "rule", otherwise: str = "") -> PayoutRule:
    """Return a rule of `PAYOUT_RULES` by its name; ``otherwise`` is also allowed."""
    if name not in PAYOUT_RULES:
        raise ValueError(
            f"`{parameter}` must be the name of a payout rule, {listed(PAYOUT_RULES)}"
            f"{otherwise}; got {name!r}{did_you_mean(name, PAYOUT_RULES)}"
        )
    return PAYOUT_RULES[name]


def latest_payout() -> dict[str, float]:
    """Return the multipliers of the newest payout rule that is known."""
    return multipliers_of(newest_rule().multipliers)


def of_kinds(rule: PayoutRule) -> dict[str, float]:
    """Return what a rule multiplies CORR and MMC by, of however many days they are."""
    names = {"corr": "corr", "contribution": "mmc"}
    return {names[kind]: by for kind, by in multipliers_of(rule.multipliers).items()}
