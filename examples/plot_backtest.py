"""
Which weights would have done better?
=====================================

Weights look good in the eras that they were learned from. This example asks how three
ways to learn them would have done in eras that came later, beside equal weights.

Run it as ``python examples/plot_backtest.py picture.png`` to keep the picture.
"""

import argparse

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skbench import EraRankGauss, StackingWeights
from skbench.datasets import make_benchmark_models
from skbench.model_selection import backtest
from skbench.report import CumulativeScoreDisplay, WeightsPathDisplay

parser = argparse.ArgumentParser()
parser.add_argument("picture", nargs="?", help="file for the picture")
options = parser.parse_args()

# %%
# A made-up tournament, and three ways to learn weights.

data = make_benchmark_models(n_eras=200, rows_per_era=300, random_state=4)
ways = {
    "corr": StackingWeights(),
    "shrunk": StackingWeights(shrinkage="bayes"),
    "sharpe": StackingWeights("sharpe"),
}
candidates = {name: make_pipeline(EraRankGauss(), way) for name, way in ways.items()}

# %%
# Before each window of 26 eras the weights are learned from what was known by then.
# ``corr_difference`` is the mean difference from equal weights in the same eras: the
# number to go by.

found = backtest(candidates, data.frame, data.frame["target"])
columns = ["corr", "corr_difference", "corr_difference_low", "corr_difference_high"]
print(found.summary()[[*columns, "turnover"]].round(4))
print(found.verdict())

# %%
# Weights that move a lot are weights that the eras cannot tell. Below, each way is
# added up as its difference from equal weights: above zero, learning paid.

figure, (top, bottom) = plt.subplots(2, figsize=(9, 8), layout="constrained")
WeightsPathDisplay.from_weights(found.weights["shrunk"], ax=top)
top.set_title("weights learned before each window")
corr = found.scores["corr"]
difference = corr.sub(corr["equal weights"], axis=0)[list(ways)]
CumulativeScoreDisplay.from_scores(
    difference, score_name="CORR, less that of equal weights", ax=bottom
)
if options.picture:
    figure.savefig(options.picture)
else:
    plt.show()
