"""
A meta model of meta models: three questions
============================================

Benchmark predictions, the Meta Model and targets are all it takes to ask:

- What does the Meta Model consist of, and which models does it underweight?
- Which models ensemble well?
- Is my own model still good?

Every answer comes with a 95 % interval, which allows for the overlap of neighbouring
eras; and where the interval holds 0, the answer is that the data cannot tell. With
the eras that the Meta Model covers, that is the answer more often than not.

Run it as ``python examples/plot_meta_model.py picture.png`` to keep the picture, and
with ``--data FOLDER`` to ask about Numerai's files in that folder.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt

from skbench.analysis import analyze
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.report import ImpliedWeightsDisplay, SynergyDisplay

parser = argparse.ArgumentParser()
parser.add_argument("picture", nargs="?", help="file for the picture")
parser.add_argument("--data", type=Path, help="folder with Numerai's files")
options = parser.parse_args()

# %%
# The data. The Meta Model of the synthetic tournament is made of the same models, and
# of something of its own; how much of each is known.

if options.data:
    data = load_benchmark_models(options.data)
else:
    data = make_benchmark_models(
        n_eras=200, rows_per_era=1500, n_models=6, meta_model_eras=87, random_state=5
    )
own, *benchmarks = data.models
target = data.targets[-1]

# %%
# The answers. The first model plays the part of one's own; a column of predictions,
# indexed by id, would do as well.

answers = analyze(data, model=own, target=target)
for sentence in answers.sentences:
    print(sentence)

if data.meta_weights:
    print("\nThe truth, which only a synthetic tournament knows:")
    for model, weight in data.meta_weights.items():
        found = answers.implied_weights.get(model)
        found = "(one's own)" if found is None else f"{found.mean():.2f}"
        print(f"{model}: weight {weight:.2f} in the Meta Model, found {found}")

# %%
# The frames behind the sentences, drawn. In the square, numbers are in thousandths, and
# bold where a gain is clear by itself.


def draw_intervals(axes, frame, column, label):
    """Draw one number a model, with its interval: in grey where that holds 0."""
    frame = frame.iloc[::-1]
    low, high = frame[f"{column}_low"], frame[f"{column}_high"]
    clear = (low > 0) | (high < 0)
    colors = ["tab:blue" if one else "0.6" for one in clear]
    places = range(len(frame))
    axes.hlines(places, low, high, color=colors, linewidth=3)
    axes.scatter(frame[column], places, color=colors, zorder=3)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, frame.index, parse_math=False)
    axes.set_xlabel(label)


figure = plt.figure(figsize=(13.5, 9.4), layout="constrained")
panels = [part.subplots() for part in figure.subfigures(2, 2).ravel()]
if answers.implied_weights is not None:
    ImpliedWeightsDisplay.from_weights(answers.implied_weights, ax=panels[0])
panels[0].set_title("What the Meta Model consists of")
if answers.underweight is not None:
    draw_intervals(
        panels[1],
        answers.underweight,
        "derivative",
        "change of its correlation, per unit of the model",
    )
panels[1].set_title("What more of each model would do for it")
SynergyDisplay.from_synergy(answers.synergy, ax=panels[2])
panels[2].set_title("What pairs of models gain over the better one")
draw_intervals(
    panels[3],
    answers.comparison,
    "difference",
    "its CORR less the benchmark's",
)
panels[3].set_title(f"Is {own} still good?")
figure.suptitle(
    f"Three questions about {len(data.models)} models, scored with {target}\n"
    "(95 % intervals, each by itself; grey where it holds 0)",
    fontweight="bold",
)

if options.picture:
    figure.savefig(options.picture, dpi=100)
else:
    plt.show()
