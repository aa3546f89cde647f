"""Intervals of 95 % on rows of made-up tournaments: how many of them hold the truth."""

from functools import cache

import numpy as np
import pytest

from skbench import EraRankGauss, StackingWeights
from skbench.analysis import compare, marginal_contribution, underweight
from skbench.datasets import make_benchmark_models
from skbench.metrics import numerai_corr, summarize

pytestmark = pytest.mark.slow
TARGET, GAP = "target_x_20", 5
N_TOURNAMENTS = 3


@cache
def tournament(seed, n_eras):
    """A long tournament, and its windows of some eras, which share no day."""
    step = n_eras + GAP
    n_windows = 9200 // step
    data = make_benchmark_models(
        n_windows * step,
        200,
        3,
        4,
        targets=[TARGET],
        mean_corr=0.06,
        era_std=0.1,  # or the noise of so few rows hides that eras overlap
        unscored=False,
        meta_model_eras=n_windows * step,
        random_state=seed,
    )
    numbers = data.frame["era"].astype(int).to_numpy()
    first = 1 + step * np.arange(n_windows)
    ends = np.searchsorted(numbers, [first, first + n_eras]).T
    return data, [data.frame.iloc[begin:end] for begin, end in ends]


def intervals(frame, data):
    """Lower end, middle and upper end of all kinds of intervals, by kind."""
    models, y, era = frame[data.models], frame[TARGET], frame["era"]
    meta, own = frame[data.meta_model], data.models[0]
    scores = summarize(numerai_corr(y, models, era=era), own, target=TARGET)
    others = data.models[1:]
    under = underweight(meta, models, y, era=era)
    gained = marginal_contribution(models[own], models[others], y, era=era)
    compared = compare(meta, models, y, era=era)
    tables = {
        "mean": scores.rename(columns={"low": "mean_low", "high": "mean_high"}),
        "sharpe": scores,
        "difference": scores.loc[others],
        "sharpe_difference": scores.loc[others],
        "derivative": under,
    }
    found = {kind: ends(table, kind) for kind, table in tables.items()}
    found["of a contribution"] = ends(gained, "derivative")
    found["of a comparison"] = ends(compared, "difference")
    return found


def ends(table, name):
    """Lower end, middle and upper end, (n_models, 3), in the order of the models."""
    return table.sort_index()[[f"{name}_low", name, f"{name}_high"]].to_numpy()


@pytest.mark.parametrize("n_eras", [41, 87])
def test_of_scores_and_of_what_the_analysis_says(n_eras):
    held = {}
    for seed in range(N_TOURNAMENTS):
        data, windows = tournament(seed, n_eras)
        found = [intervals(window, data) for window in windows]
        for kind in found[0]:
            low, middle, high = np.transpose([one[kind] for one in found])
            truth = middle.mean(axis=1, keepdims=True)  # that of 100 windows and more
            held.setdefault(kind, []).append((low <= truth) & (truth <= high))
    shares = {kind: np.mean(parts) for kind, parts in held.items()}
    assert all(0.93 <= share <= 0.975 for share in shares.values()), shares


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse"])
def test_of_weights(objective):
    held = []
    data, windows = tournament(0, 87)
    gauss = EraRankGauss(data.models)
    best = np.array(list(data.weights.values()))
    for window in windows:
        X = gauss.fit_transform(window[["era", *data.models]])
        learned = StackingWeights(objective).fit(X, window[TARGET])
        low, high = np.array(list(learned.weights_interval_.values())).T
        held.append((low <= best) & (best <= high))
    assert 0.92 <= np.mean(held) <= 0.99, np.mean(held)
