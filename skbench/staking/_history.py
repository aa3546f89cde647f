"""From scores, in either layout, to what each round would have paid each model."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench._eras import chronological
from skbench._frames import as_table, check_numbers, factorize
from skbench.metrics._live import KEY, labels_of, last_values

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
    frames = _live_frames(scores) if is_live(scores) else scores
    paying = {
        name: _checked(frame, name) for name, frame in rule.select(frames).items()
    }
    rounds = _union(frame.index for frame in paying.values())
    models = _union(frame.columns for frame in paying.values())
    aligned = {
        name: frame.reindex(index=rounds, columns=models).astype("float64")
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


def check_payouts(payouts: pd.DataFrame) -> None:
    """Refuse models without any payout."""
    if empty := [name for name in payouts.columns if payouts[name].isna().all()]:
        raise ValueError(
            f"`scores` has no round that pays {listed(empty)}: leave them out, or give "
            "them scores"
        )


def _union(labels: Any) -> list[Hashable]:
    return list(dict.fromkeys(label for some in labels for label in some))


def _checked(frame: Any, name: str) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"the score {name!r} must be a pandas DataFrame (rounds x models); "
            f"got {type(frame).__name__}"
        )
    table = as_table(frame, name=f"the score {name!r}")
    check_numbers(table, table.names)
    if frame.index.has_duplicates:
        twice = list(frame.index[frame.index.duplicated()].unique())
        raise ValueError(
            f"the score {name!r} must have one row a round; several are {listed(twice)}"
        )
    return frame


def _check_live(scores: pd.DataFrame) -> None:
    """Refuse a tidy frame whose rows cannot be told apart, or hold no numbers."""
    table = as_table(scores, name="`scores`")
    for name in (name for name in [*KEY, "day", "resolved"] if name in table.names):
        read = labels_of if name in KEY else factorize
        read(scores[name], name)
        if scores[name].dtype == np.float16:  # which no index of pandas can hold
            raise ValueError(
                f"column {name!r} must hold labels; its dtype is float16: make it wider"
            )
    check_numbers(table, ["value"])


def _live_frames(scores: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Turn a tidy frame into one a score, of the resolved rounds and their last day."""
    if missing := [name for name in [*KEY, "value"] if name not in scores.columns]:
        raise ValueError(
            f"`scores` lacks {listed(missing)}, which a frame of live scores has: pass "
            "one, or a mapping from score to frame (rounds x models)"
        )
    _check_live(scores)
    days = ["day"] if "day" in scores.columns else []
    twice = scores.duplicated([*KEY, *days])
    if twice.any():
        found = scores.loc[twice, [*KEY, *days]].iloc[:1].to_dict("records")[0]
        raise ValueError(
            f"`scores` must have one value a {', '.join([*KEY, *days])}; there are "
            f"several for {found!r}"
        )
    last = last_values(scores, KEY)
    if "resolved" in last.columns:
        last = last[last["resolved"].eq(True)]
        if last.empty:
            raise ValueError("`scores` has no resolved round: their payouts are open")
    return {
        str(name): part.pivot(index="round", columns="model", values="value")
        for name, part in last.groupby("score", sort=False, observed=True)
    }
