"""From scores, in either layout, to what each round would have paid each model."""

from typing import Any

import pandas as pd

from skbench._checks import listed
from skbench._eras import chronological
from skbench._score_names import warn_of_days
from skbench._warnings import warn
from skbench.metrics import (
    Frames,
    by_score,
    check_eras_by_models,
    read_live,
    read_table,
    union,
)

from ._rules import PayoutRule


def is_live(scores: Any) -> bool:
    """Whether scores are a tidy frame of live rounds, as `load_scores` gives it."""
    return isinstance(scores, pd.DataFrame)


def read_payouts(
    scores: Any, rule: Any, total_at_risk: float | None = None
) -> pd.DataFrame:
    """Return the payout of each round and model, a share of the stake at risk.

    Rounds are in order. NaN: the model lacks a score that pays.
    """
    check_rule(rule, total_at_risk)
    frames = _live_frames(scores)[0] if is_live(scores) else scores
    return _paid(frames, rule, total_at_risk)


def read_all_payouts(
    scores: Any, rule: Any, total_at_risk: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return payouts as they are now, and which of them are final."""
    check_rule(rule, total_at_risk)
    if not is_live(scores):
        payouts = _paid(scores, rule, total_at_risk)
        return payouts, payouts.notna()
    frames, newest = _live_frames(scores)
    final = _paid(frames, rule, total_at_risk).notna()
    payouts = _paid(newest, rule, total_at_risk)
    index, columns = payouts.index, payouts.columns
    return payouts, final.reindex(index=index, columns=columns, fill_value=False)


def _paid(frames: Any, rule: PayoutRule, total_at_risk: float | None) -> pd.DataFrame:
    paying = {
        name: _checked(frame, name) for name, frame in rule.select(frames).items()
    }
    rounds = union(frame.index for frame in paying.values())
    models = union(frame.columns for frame in paying.values())
    aligned = {
        name: frame.reindex(index=rounds, columns=models)
        for name, frame in paying.items()
    }
    payouts: pd.DataFrame = rule.payout(aligned, total_at_risk=total_at_risk)
    payouts = payouts.iloc[chronological(rounds)]
    if payouts.isna().all(axis=None):
        raise ValueError(
            f"`scores` has no round in which a model has {listed(paying)}: nothing can "
            "be paid"
        )
    return payouts


def check_rule(rule: Any, total_at_risk: float | None) -> None:
    """Refuse what is no rule, or one whose payout factor is not known."""
    if not isinstance(rule, PayoutRule):
        raise TypeError(f"`rule` must be a PayoutRule; got {type(rule).__name__}")
    rule.payout_factor(total_at_risk)


def warn_of_target(rule: PayoutRule, target: str) -> None:
    """Warn of scores of another target than that of the rule."""
    if rule.target is None:
        warn_of_days(rule.multipliers, target)
    elif rule.target != target:
        warn(
            f"the rule {rule.name!r} pays scores of {rule.target!r}, and these are of "
            f"{target!r}: what it pays may differ much"
        )


def check_payouts(payouts: pd.DataFrame) -> None:
    """Refuse models without any payout."""
    if empty := [name for name in payouts.columns if payouts[name].isna().all()]:
        raise ValueError(
            f"`scores` has no round that pays {listed(empty)}: leave them out, or give "
            "them scores"
        )


def _checked(frame: Any, name: str) -> pd.DataFrame:
    check_eras_by_models(frame, f"scores[{name!r}]", "rounds x models")
    return read_table(frame, f"scores[{name!r}]")


def _live_frames(scores: pd.DataFrame) -> tuple[Frames, Frames]:
    """Turn a tidy frame into one a score: of the resolved rounds, and of all."""
    last = read_live(scores)
    final = last[last["resolved"]]
    if final.empty:
        raise ValueError("`scores` has no resolved round: their payouts are open")
    return by_score(final, "value"), by_score(last, "value")
