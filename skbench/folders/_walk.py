"""Pipelines walked forward over the eras of a folder."""

import numpy as np
import pandas as pd

from skbench._eras import find_eras, horizon_of
from skbench._frames import ALL
from skbench.model_selection import WalkForwardEraSplit, default_split
from skbench.staking import PAYOUT_RULES
from skbench.tournament import ERA, FolderRows


def targets_of(rows: FolderRows) -> "pd.Series[float]":
    """Return the targets of all rows, NaN where there is none, under their name."""
    values = rows.table(rows.target).select([rows.target])(ALL)[0]
    return pd.Series(values.astype(np.float64), name=rows.target)


def windows_of(rows: FolderRows, chunk: int) -> WalkForwardEraSplit:
    """Return windows of so many eras from the first one on, purged by the horizon."""
    labels = find_eras(rows.table(ERA), ERA).labels
    return default_split(labels, horizon_of(rows.target), chunk)


def latest_payout() -> tuple[str, dict[str, float]]:
    """Return the newest payout rule that is known: its name and multipliers."""
    *_, rule = PAYOUT_RULES.values()
    scores = {"corr": "corr", "mmc": "contribution"}
    return rule.name, {
        scores[kind]: multiplier
        for name, multiplier in rule.multipliers.items()
        for kind in scores
        if kind in name
    }
