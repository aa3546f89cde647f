"""Slow, obvious versions of the analysis of the Meta Model, from the raw rows.

A tournament is a frame with `era`, models, `meta` and `y`, none of them missing.
"""

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import norm


def gaussianize(column):
    """Normal quantiles of the ranks of one era, of unit standard deviation."""
    p = (pd.Series(np.asarray(column)).rank() - 0.5) / len(column)
    z = norm.ppf(p.to_numpy())
    return z / z.std(ddof=1)


def eras(frame):
    """The rows of each era, in the order of the numbers."""
    return [rows for _, rows in frame.groupby("era", sort=True)]


def implied(frame, models, window=1):
    """Weights and r2, one row an era (or a window of eras)."""
    found = []
    parts = eras(frame)
    for last in range(window - 1, len(parts)):
        some = parts[last - window + 1 : last + 1]
        # Each era weighs the same, whatever its number of rows.
        X = np.vstack(
            [
                np.column_stack([centred(gaussianize(p[m])) for m in models])
                / np.sqrt(len(p))
                for p in some
            ]
        )
        m = np.concatenate(
            [centred(gaussianize(p["meta"])) / np.sqrt(len(p)) for p in some]
        )
        w, residual = nnls(X, m)
        found.append([*w / w.sum(), 1 - residual**2 / (m @ m)])
    return np.array(found)


def centred(values):
    return values - values.mean()


def derivative(frame, base, model, step=1e-5):
    """Finite difference of the mean correlation of ``base + eps * model``."""
    up, down = (
        np.mean(
            [
                np.corrcoef(base(p) + eps * gaussianize(p[model]), p["y"])[0, 1]
                for p in eras(frame)
            ]
        )
        for eps in (step, -step)
    )
    return (up - down) / (2 * step)


def synergy(frame, one, other, objective="corr", steps=20001):
    """Best blend by trying very many weights, less the better single model."""
    a, b, r = np.transpose(
        [
            [
                np.corrcoef(gaussianize(rows[one]), rows["y"])[0, 1],
                np.corrcoef(gaussianize(rows[other]), rows["y"])[0, 1],
                np.corrcoef(gaussianize(rows[one]), gaussianize(rows[other]))[0, 1],
            ]
            for rows in eras(frame)
        ]
    )
    w = np.linspace(0, 1, steps)
    if objective == "corr":
        size = np.sqrt(w**2 + 2 * w * (1 - w) * r.mean() + (1 - w) ** 2)
        scores = (w * a.mean() + (1 - w) * b.mean()) / size
    else:
        blends = w[:, None] * a + (1 - w)[:, None] * b
        scores = blends.mean(axis=1) / blends.std(axis=1)
    return scores.max() - max(scores[0], scores[-1])


def tilt(frame, one, other):
    """b - r a in each era, a the scores of the model that is better in the mean."""
    a, b, r = [], [], []
    for rows in eras(frame):
        p, q = gaussianize(rows[one]), gaussianize(rows[other])
        a.append(np.corrcoef(p, rows["y"])[0, 1])
        b.append(np.corrcoef(q, rows["y"])[0, 1])
        r.append(np.corrcoef(p, q)[0, 1])
    if sum(b) > sum(a):
        a, b = b, a
    return [y - s * x for x, y, s in zip(a, b, r, strict=True)]


def share_won(difference, recent, window):
    """Share of windows with a mean above 0, by a loop."""
    newest = [d for d in difference if not np.isnan(d)][-recent:]
    wins = [sum(newest[i : i + window]) > 0 for i in range(len(newest) - window + 1)]
    return sum(wins) / len(wins) if wins else np.nan
