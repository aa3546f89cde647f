"""
A recipe against its parts
==========================

Numerai publishes the predictions of its benchmark models, and says how its ensembles
are made of them. Is an ensemble better than its parts? This loads a folder of such
predictions, ranks the models, blends them by a published recipe, and draws how the
scores add up.

Without a folder it makes a synthetic tournament. With one, as ``skbench fetch`` makes:
``python examples/plot_benchmark_models.py picture.png --data ~/skbench_data/v5.3``.
"""

import argparse

import matplotlib.pyplot as plt

from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.metrics import leaderboard, numerai_corr, score_models
from skbench.recipes import recipe

parser = argparse.ArgumentParser(description="Compare a recipe with its parts.")
parser.add_argument("picture", nargs="?", help="file for the picture")
parser.add_argument("--data", help="folder of Numerai's files")
arguments = parser.parse_args()

# %%
# The data: predictions and the Meta Model, joined with the targets by id. Features are
# not needed for this recipe, and so are not read.

if arguments.data:
    data = load_benchmark_models(arguments.data)
else:
    data = make_benchmark_models(n_eras=120, rows_per_era=1000, random_state=8)
frame, era = data.frame, data.frame[data.era]

# %%
# The leaderboard. MMC is what a model adds to the Meta Model; low and high are the ends
# of a 95 % interval, without which a rank says little.

scores = score_models(
    frame["target"], frame[data.models], era=era, meta_model=frame[data.meta_model]
)
board = leaderboard(scores)
columns = ["eras", "model", "corr", "corr_low", "corr_high", "corr_sharpe", "mmc"]
print(board[columns].round(4).to_string(index=False))

# %%
# The recipe: half and half of two models. Any release will do, if one says which
# columns stand for its models; here these are the first two there are.

blend = recipe("V5_LGBM_CT_BLEND")
print(f"\n{blend}")
first, second = data.models[:2]
parts = dict(zip(blend.weights, (first, second), strict=True))
frame["recipe"] = blend.pipeline(columns=parts).fit(frame).predict(frame)

# %%
# The ensemble beside its parts. Where two models err in different rows their blend errs
# less, so its line is steadier, if not always the highest.

lines = numerai_corr(frame["target"], frame[[first, second, "recipe"]], era=era)
lines = lines.dropna()
print()
print(leaderboard(lines, recent=None)[columns[1:-1]].round(4).to_string(index=False))

figure, axis = plt.subplots(figsize=(7, 4.9), layout="constrained")
for name, style in zip(lines, ("--", "--", "-"), strict=True):
    axis.plot(lines.index, lines[name].cumsum(), style, label=name)
axis.set(title="A recipe and its parts", xlabel="era", ylabel="CORR, added up")
axis.xaxis.set_major_locator(plt.MaxNLocator(8))
axis.axhline(0, color="0.7", linewidth=0.8)
axis.legend()
if arguments.picture:
    figure.savefig(arguments.picture, dpi=120)
else:
    plt.show()
