"""
Neutralise, but how much?
=========================

Neutralising takes out of a prediction what features explain of it. It guards against
the day when these features turn, and may cost some of the score. Somewhere between none
and all may lie a best proportion. Whether there is one, and whether these eras can
tell, is what this example draws.

Run it as ``python examples/plot_neutralize_how_much.py picture.png`` to keep the
picture, and with ``--data FOLDER --features small`` to ask about Numerai's files in
that folder.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRankGauss,
    FeatureNeutralizer,
    WeightedEnsemble,
    neutralization_path,
)
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.metrics import max_feature_exposure, numerai_corr, summarize
from skbench.report import FeatureExposureDisplay, NeutralizationPathDisplay

parser = argparse.ArgumentParser()
parser.add_argument("picture", nargs="?", help="file for the picture")
parser.add_argument("--data", type=Path, help="folder with Numerai's files")
parser.add_argument("--features", default="small", help="a set of features.json")
options = parser.parse_args()

# %%
# The data, and the prediction to neutralise: an equal blend of all models, gaussianized
# in the end.

if options.data:
    data = load_benchmark_models(options.data, features=options.features)
else:
    data = make_benchmark_models(
        n_eras=160, rows_per_era=1000, n_models=4, n_features=32, random_state=4
    )
ensemble = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRankGauss())
frame = ensemble.fit_transform(data.frame)

# %%
# One column for each proportion. The features of an era are factorised once, so ten
# proportions cost hardly more than one.

proportions = [0, 0.25, 0.5, 0.75, 1]
path = neutralization_path(frame, proportions)
path.columns = proportions

# %%
# What it does to the largest exposure, and to CORR. The last three columns are the
# difference from not neutralising at all, and its 95 % interval: the number to go by.

era = frame["era"]
summary = summarize(numerai_corr(frame["target"], path, era=era), benchmark=0)
largest = max_feature_exposure(path, frame[data.features], era=era).mean()
table = summary[["mean", "std", "sharpe", "max_drawdown"]].assign(largest=largest)
differences = ["difference", "difference_low", "difference_high"]
print(table.join(summary[differences]).round(4).to_string())

# %%
# The same as pictures. The title of the left one says what the eras can tell.

figure, axes = plt.subplots(1, 2, figsize=(10, 7), layout="constrained")
NeutralizationPathDisplay.from_predictions(frame, frame["target"], ax=axes[0])
half = FeatureNeutralizer(proportion=0.5).fit_transform(frame)
FeatureExposureDisplay.from_predictions(
    frame["prediction"], half["prediction"], frame[data.features], era=era, ax=axes[1]
)
axes[1].set_title("Exposures before, and after\nneutralising by half")
for axis in axes:
    legend = axis.get_legend()
    legend.set_loc("upper center")
    legend.set_bbox_to_anchor((0.5, -0.1), axis.transAxes)

if options.picture:
    figure.savefig(options.picture, dpi=100)
else:
    plt.show()
