"""Pipelines walked forward over the eras of a folder."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import did_you_mean, listed
from skbench._eras import find_eras, horizon_of
from skbench._frames import ALL
from skbench._learning import scores_of
from skbench._score_names import multipliers_of
from skbench._stacking import StackingWeights
from skbench._warnings import warn
from skbench.model_selection import WalkForwardEraSplit, default_split
from skbench.staking import PAYOUT_RULES
from skbench.tournament import ERA, META_MODEL_FILE, FolderRows, fetch_command


def targets_of(rows: FolderRows) -> "pd.Series[float]":
    """Return the targets of all rows, NaN where there is none, under their name."""
    values = rows.table(rows.target).select([rows.target])(ALL)[0]
    return pd.Series(values.astype(np.float64), name=rows.target)


def windows_of(rows: FolderRows, chunk: int) -> WalkForwardEraSplit:
    """Return windows of so many eras from the first one on, purged by the horizon."""
    labels = find_eras(rows.table(ERA), ERA).labels
    return default_split(labels, horizon_of(rows.target), chunk)


def check_meta_model(
    rows: FolderRows, steps: Iterable[Any] = (), payout: Any = None
) -> None:
    """Refuse what needs the Meta Model where the folder has none."""
    needs = {
        f"`objective` {step.objective!r}": scores_of(step.objective, step.payout)
        for step in steps
        if isinstance(step, StackingWeights)
    }
    if payout is not None:
        needs["what `payout` pays"] = multipliers_of(payout)
    for what, scores in needs.items():
        if "contribution" in scores and rows.meta_model is None:
            raise ValueError(f"{what} needs the Meta Model{no_meta_model(rows)}")


def warn_of_in_sample(rows: FolderRows) -> None:
    """Warn of predictions that score too well, and so all that blends them."""
    for name, words in rows.made.items():
        if words.startswith("in sample"):
            warn(
                f"the predictions of {name!r} are {words}: so are those of all that "
                "blends them"
            )


def no_meta_model(rows: FolderRows) -> str:
    """End a sentence on a folder without the Meta Model."""
    folder = rows.source.base.file.path.parent
    return (
        f", and {META_MODEL_FILE} is not in {folder}: download it by "
        f"{fetch_command(folder)}"
    )


def read_payout(payout: Any) -> Mapping[str, float]:
    """Return multipliers, given as such or by the name of a payout rule."""
    if isinstance(payout, str):
        if payout not in PAYOUT_RULES:
            raise ValueError(
                f"`payout` must be the name of a payout rule, {listed(PAYOUT_RULES)}, "
                f"or multipliers such as corr=3,mmc=15; got {payout!r}"
                f"{did_you_mean(payout, PAYOUT_RULES)}"
            )
        return PAYOUT_RULES[payout].multipliers
    multipliers_of(payout)
    return dict(payout)
