"""
The five steps, one at a time
=============================

An ensemble in Numerai's manner takes five steps: gaussianize the predictions of each
model within each era, to unit standard deviation (steps 1 and 2); take their weighted
sum (step 3); gaussianize that (step 4); neutralise it to features (step 5). A last
ranking puts the result between 0 and 1, as a submission needs.

Here each step is taken by itself, on a synthetic tournament, and drawn for one era. Run
it as ``python examples/plot_five_steps.py five_steps.png`` to keep the picture.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
from skbench.datasets import make_benchmark_models

# %%
# The data: one row a stock and era, one column a model. Models come on scales of their
# own, which say nothing: here the second is squeezed, and the third is squared.

data = make_benchmark_models(n_eras=60, rows_per_era=2000, n_models=3, random_state=3)
frame = data.frame
first, second, third = data.models
frame[second] = 0.5 + 0.4 * (frame[second] - 0.5)
frame[third] = frame[third] ** 2

# %%
# Steps 1 and 2. Only the order within an era is kept; every model weighs the same.

gaussianized = EraRankGauss().fit_transform(frame)

# %%
# Step 3. The weighted sum. Its spread depends on how alike the models are.

weights = {first: 0.5, second: 0.3, third: 0.2}
blended = WeightedEnsemble(weights).fit_transform(gaussianized)

# %%
# Step 4. Gaussianized again, so that eras are alike.

regaussianized = EraRankGauss().fit_transform(blended)

# %%
# Step 5. Half of what the features explain is taken away, then the rest is ranked.

neutralizer = FeatureNeutralizer(proportion=0.5, keep_neutralizers=True)
neutralized = neutralizer.fit_transform(regaussianized)
submission = EraRank().fit_transform(neutralized)

# %%
# What became of the rows of one era.

ERA = "0060"


def of_era(step, column="prediction"):
    """Values of a column in the era that is drawn."""
    return step.loc[step["era"] == ERA, column].to_numpy()


def exposures(step):
    """Correlation of the prediction with each feature in the era that is drawn."""
    prediction = of_era(step)
    return np.array(
        [np.corrcoef(prediction, of_era(frame, name))[0, 1] for name in data.features]
    )


figure, axes = plt.subplots(2, 3, figsize=(10, 7), layout="constrained")
panels = axes.ravel()
for model in data.models:
    panels[0].hist(of_era(frame, model), bins=40, alpha=0.6, label=model)
    panels[1].hist(of_era(gaussianized, model), bins=40, histtype="step", label=model)
panels[2].hist(of_era(blended), bins=40, color="tab:gray")
panels[3].hist(of_era(regaussianized), bins=40, color="tab:gray")
order = np.argsort(exposures(regaussianized))
panels[4].plot(exposures(regaussianized)[order], "o", ms=4, label="before")
panels[4].plot(exposures(neutralized)[order], "o", ms=4, label="after")
panels[4].axhline(0, color="black", lw=0.5)
panels[5].hist(of_era(submission), bins=40, color="tab:green")

titles = (
    "Predictions of three models",
    "1, 2  Gaussianized: now all three are alike",
    "3  Weighted sum",
    "4  Gaussianized again",
    "5  Neutralised: half the exposure",
    "Ranked, to submit",
)
labels = ["prediction"] * 4 + ["feature, in order of exposure", "prediction"]
for panel, title, label in zip(panels, titles, labels, strict=True):
    panel.set(title=title, xlabel=label, ylabel="rows")
panels[4].set_ylabel("correlation with the prediction")
for panel in (panels[0], panels[4]):
    panel.legend(fontsize="small")
figure.suptitle(f"The five steps of an ensemble, era {ERA}", fontweight="bold")

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=100)
else:
    plt.show()
