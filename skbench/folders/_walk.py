"""Pipelines walked forward over the eras of a folder."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skbench._eras import find_eras, horizon_of
from skbench._frames import ALL
from skbench._learning import scores_of
from skbench._stacking import StackingWeights
from skbench.model_selection import WalkForwardEraSplit, default_split
from skbench.tournament import ERA, META_MODEL_FILE, FolderRows


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
        if not isinstance(step, StackingWeights) or rows.meta_model is not None:
            continue
        if "contribution" in scores_of(step.objective, step.payout):
            raise ValueError(
                f"`objective` {step.objective!r} needs the Meta Model, and "
                f"{META_MODEL_FILE} is not in the folder: download it"
            )
