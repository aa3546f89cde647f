"""What people use today, written afresh from the published formulas."""

import numpy as np
import pandas as pd
from numerai_tools.scoring import neutralize
from scipy import stats


def published_rank_gauss(frame, columns):
    """Numerai's per-era ensemble steps 1 and 2: pandas, one column at a time."""
    frame = frame.copy()
    for column in columns:
        groups = frame.groupby("era", group_keys=False)[column]
        frame[column] = groups.transform(_rank_gauss)
    return frame


def _rank_gauss(series):
    ranks = (series.rank(method="average") - 0.5) / series.count()
    normal = pd.Series(stats.norm.ppf(ranks), index=ranks.index)
    return normal / normal.std()


def published_neutralize(era, column, features):
    """Numerai's published neutralisation of one era: float32 ``pinv``, no intercept."""
    scores = era[column]
    ranks = (scores.rank(method="first") - 0.5) / scores.count()
    scores = stats.norm.ppf(ranks).astype(np.float32)
    matrix = era[features].to_numpy(dtype=np.float32)
    scores = scores - matrix @ (np.linalg.pinv(matrix, rcond=1e-6) @ scores)
    return scores / scores.std(ddof=0)


def official_neutralize(era, column, features):
    """The official library's neutralisation of one era: ``lstsq``."""
    return neutralize(era[[column]], era[features])[column]


def by_era(frame, score):
    """A score of the official library, era by era, as a frame of eras x models."""
    return pd.DataFrame({label: score(era) for label, era in frame.groupby("era")}).T
