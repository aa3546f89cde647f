"""
Which weights? A search, judged on later eras
=============================================

Weights can be equal, picked from a grid by cross-validation, or learned from per-era
moments for one objective or another. Whatever they are, they must be judged on eras
that had no part in choosing them, and a mean over a few dozen eras that overlap is
uncertain: so every number here comes with a 95 % interval, and what counts is the
difference from equal weights.

Run it as ``python examples/plot_weight_search.py picture.png`` to keep the picture, and
with ``--data FOLDER`` to search on Numerai's files in that folder.
"""

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skbench import EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.metrics import correlation_contribution, numerai_corr, summarize
from skbench.model_selection import WalkForwardEraSplit, weight_grid

parser = argparse.ArgumentParser()
parser.add_argument("picture", nargs="?", help="file for the picture")
parser.add_argument("--data", type=Path, help="folder with Numerai's files")
options = parser.parse_args()

# %%
# The data: predictions of a few models, the Meta Model and the target. The older 60 %
# of the eras are for learning, the newer for judging. Thirteen eras in between are left
# out, because the targets of neighbouring eras overlap.

if options.data:
    data = load_benchmark_models(options.data)
else:
    data = make_benchmark_models(
        n_eras=220, rows_per_era=1000, n_models=4, meta_model_eras=180, random_state=0
    )
models = data.models
frame = data.frame[["era", *models, "numerai_meta_model", "target"]]
eras = sorted(frame["era"].unique())
last = int(0.6 * len(eras))
older = frame[frame["era"].isin(eras[:last])]
newer = frame[frame["era"].isin(eras[last + 13 :])]

# %%
# A grid of weights, cross-validated the way time runs: fit on the past, score the eras
# that follow. Ranking goes into the pipeline, so that it happens within each era.

pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble())
grid = weight_grid(models, step=0.25 if len(models) < 6 else 0.5)
chunk = len(eras[:last]) // 3
first = int(eras[0])
search = GridSearchCV(
    pipeline,
    {"weightedensemble__weights": grid},
    cv=WalkForwardEraSplit(chunk_size=chunk, purge=8, first_era=first),
)
began = time.perf_counter()
search.fit(older, older["target"])
naive = (time.perf_counter() - began) / len(grid)

# %%
# Weights learned for each objective, each from the moments of one pass over the rows.

began = time.perf_counter()
gauss = EraRankGauss().fit_transform(older)
learned = StackingWeights(payout={"corr": 3.0, "contribution": 15.0})
learned.fit(gauss, older["target"])

# %%
# The same moments score any number of weightings at once. With C the covariance of the
# models in an era, and c their covariances with the target, a blend w correlates by
# w'c / sqrt(w'Cw) with it, but for the deviation of the target. A search over a grid
# ranks, blends and scores all rows again for each weighting, which takes far longer,
# whether the ranks are cached (``memory=``) or not. What the moments leave out is that
# CORR ranks the blend once more, which changes little.

fine = weight_grid(models, step=1 / 16 if len(models) < 6 else 0.5)
moments = learned.era_statistics_
held = moments["n_rows"] > 0
W = np.array([list(point.values()) for point in fine])
cross = W @ moments["target_covariance"][held].T
size = np.einsum("wi,eij,wj->we", W, moments["covariance"][held], W)
with np.errstate(invalid="ignore", divide="ignore"):
    correlations = cross / np.sqrt(size * moments["target_variance"][held])
best = fine[np.nanmean(correlations, axis=1).argmax()]
fast = time.perf_counter() - began
print(
    f"By GridSearchCV a weighting takes {1000 * naive:.0f} ms, {len(fine)} of them "
    f"{naive * len(fine):.0f} s. From moments, with the ranking and the pass over the "
    f"rows, all {len(fine)} took {fast:.2f} s."
)
weights = {
    "equal weights": dict.fromkeys(models, 1 / len(models)),
    f"best of {len(fine)}, from moments": best,
    f"best of {len(grid)} on a grid": search.best_params_["weightedensemble__weights"],
}
for objective in ("corr", "sharpe", "mse", "contribution", "payout"):
    weights[f"learned: {objective}"] = learned.refit(objective=objective).weights_
weights["learned: corr, half-way to equal"] = learned.refit(
    objective="corr", shrinkage=0.5
).weights_

# %%
# Each judged on the newer eras, by CORR and by its contribution to the Meta Model.

blends = pd.DataFrame(
    {
        name: make_pipeline(EraRankGauss(), WeightedEnsemble(given))
        .fit(newer)
        .predict(newer)
        for name, given in weights.items()
    },
    index=newer.index,
)
scores = {
    "CORR": numerai_corr(newer["target"], blends, era=newer["era"]),
    "MMC": correlation_contribution(
        newer["target"], blends, newer["numerai_meta_model"], era=newer["era"]
    ),
}
summaries = {
    name: summarize(values, "equal weights") for name, values in scores.items()
}
shown = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
for name, summary in summaries.items():
    print(f"\n{name} in {int(summary['n_eras'].max())} later eras")
    print(summary[shown].round(4).to_string())

# %%
# What the table can tell. A difference whose interval holds zero is one that these eras
# cannot tell from chance.

for name, summary in summaries.items():
    others = summary.drop("equal weights")
    clear = others[(others["difference_low"] > 0) | (others["difference_high"] < 0)]
    print(
        f"\n{name}: {len(others) - len(clear)} of {len(others)} differences from equal "
        "weights are smaller than their intervals: these eras cannot tell them from 0."
    )
    for method, row in clear.iterrows():
        print(f"  told apart: {method}, {row['difference']:+.4f}")

# %%
# The same as a picture.

figure, axes = plt.subplots(1, 2, figsize=(9, 6.3), sharey=True, layout="constrained")
for axis, (name, summary) in zip(axes, summaries.items(), strict=True):
    rows = summary.drop("equal weights").iloc[::-1]
    middle = rows["difference"]
    whiskers = [middle - rows["difference_low"], rows["difference_high"] - middle]
    axis.errorbar(middle, rows.index, xerr=whiskers, fmt="o", capsize=3)
    axis.axvline(0, color="black", linestyle=":")
    axis.set_title(f"{name} in {int(summary['n_eras'].max())} later eras")
    axis.locator_params(axis="x", nbins=4)
figure.supxlabel("mean difference from equal weights, 95 % interval")
figure.suptitle("Does it beat equal weights?", fontweight="bold")

if options.picture:
    figure.savefig(options.picture, dpi=100)
else:
    plt.show()
