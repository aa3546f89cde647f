"""Pipelines walked forward over the eras of a folder."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skbench._eras import find_eras, horizon_of
from skbench._frames import ALL
from skbench._learning import scores_of
from skbench._stacking import StackingWeights
from skbench._warnings import warn
from skbench.model_selection import WalkForwardEraSplit, default_split
from skbench.tournament import ERA, FolderRows

from ._payout import check_scores


def targets_of(rows: FolderRows) -> "pd.Series[float]":
    """Return the targets of all rows, NaN where there is none, under their name."""
    values = rows.table(rows.target).select([rows.target])(ALL)[0]
    return pd.Series(values.astype(np.float64), name=rows.target)


def windows_of(rows: FolderRows, chunk: int) -> WalkForwardEraSplit:
    """Return windows of so many eras from the first one on, purged by the horizon."""
    labels = find_eras(rows.table(ERA), ERA).labels
    return default_split(labels, horizon_of(rows.target), chunk)


def check_meta_model(rows: FolderRows, steps: Iterable[Any]) -> None:
    """Refuse steps that learn from the Meta Model where the folder has none."""
    for step in steps:
        if isinstance(step, StackingWeights):
            scores = scores_of(step.objective, step.payout)
            check_scores(rows, f"`objective` {step.objective!r}", scores)


def warn_of_in_sample(rows: FolderRows) -> None:
    """Warn of predictions that score too well, and so all that blends them."""
    for name, words in rows.made.items():
        if words.startswith("in sample"):
            warn(
                f"the predictions of {name!r} are {words}: so are those of all that "
                "blends them"
            )
