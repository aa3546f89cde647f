"""Scores as displays draw them."""

from typing import Any

import numpy as np
import pandas as pd

from skbench._eras import chronological
from skbench._frames import as_columns, row_labels


def by_era(scores: Any) -> pd.DataFrame:
    """Return scores, which `summarize` has accepted, as a frame with eras in order."""
    table = as_columns(scores, "scores", "prediction")
    labels = row_labels(scores)
    values = table.select(table.names)(slice(0, table.n_rows)).T.astype(np.float64)
    frame = pd.DataFrame(
        values,
        index=pd.Index(labels, name="era"),
        columns=pd.Index(table.names, tupleize_cols=False),
    )
    return frame.iloc[chronological(labels)]


def check_scored(summary: pd.DataFrame) -> None:
    if not summary["n_eras"].any():
        raise ValueError(
            "`scores` has no score in any era: were there targets to score with?"
        )
