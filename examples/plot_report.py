"""
A report of models, in one file
===============================

How do models do, all in all and of late, and are they better than the benchmark? The
report answers in one HTML file: a list to sort, scores over time with a switch between
the benchmark and the Meta Model as the dotted line, drawdowns, all eras at a glance. It
needs no network, so it can be sent or kept as it is.

Run it as ``python examples/plot_report.py picture.png --output report.html`` to keep
both the picture and the report, and with ``--data FOLDER`` to report on Numerai's files
in that folder.
"""

# sphinx_gallery_thumbnail_path = "_static/report_light.webp"
import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skbench import EraRankGauss, StackingWeights
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.metrics import numerai_corr, score_models
from skbench.report import CumulativeScoreDisplay, PerformanceReport

parser = argparse.ArgumentParser()
parser.add_argument("picture", nargs="?", help="file for the picture")
parser.add_argument("--output", type=Path, help="file for the report")
parser.add_argument("--data", type=Path, help="folder with Numerai's files")
options = parser.parse_args()

# %%
# The data: predictions of a few models, the Meta Model and the target. The Meta Model
# has predictions for the newer eras alone, and the newest eras have no target yet.

if options.data:
    data = load_benchmark_models(options.data)
else:
    data = make_benchmark_models(
        n_eras=220, rows_per_era=500, n_models=6, meta_model_eras=100, random_state=0
    )
frame, models = data.frame, data.models
benchmark = models[0]
eras = sorted(frame["era"].unique())
older = frame[frame["era"].isin(eras[: len(eras) // 3])]
newer = frame[frame["era"].isin(eras[len(eras) // 3 + 13 :])]

# %%
# An ensemble learned on the older third of the eras. It is judged on those that come
# later, thirteen eras on, because the targets of neighbouring eras overlap.

ensemble = make_pipeline(
    EraRankGauss(models), StackingWeights("corr", columns=models, shrinkage=0.5)
)
ensemble.fit(older, older["target"])
predictions = newer[models].assign(ensemble=ensemble.predict(newer))

# %%
# Scores of each era. Where the Meta Model is missing its scores are gaps.

target, era = newer["target"], newer["era"]
scores = score_models(
    target,
    predictions,
    era=era,
    meta_model=newer["numerai_meta_model"],
    benchmark=benchmark,
)
meta_model = numerai_corr(target, newer["numerai_meta_model"], era=era).iloc[:, 0]

# %%
# The report. Its numbers are there as a dict, too.

report = PerformanceReport(
    scores,
    benchmark=benchmark,
    meta_model=meta_model.rename("Meta Model"),
    weights=ensemble[-1].weights_,
    title="Models and their ensemble",
)
output = options.output or Path(tempfile.mkdtemp()) / "report.html"
report.write_html(output)
print(report)
for row in report.to_dict()["summary"]:
    if row["span"] == "all" and row["score"] == "corr":
        difference = row["differences"]["benchmark"]["mean"]
        print(
            f"{row['model']:20} {row['mean']:.4f} over {row['n_eras']} eras, "
            f"{difference:+.4f} to the benchmark"
        )
print(f"written: {output}")

# %%
# One of its charts as a picture.

CumulativeScoreDisplay.from_scores(scores["corr"], benchmark=benchmark)

if options.picture:
    plt.savefig(options.picture, dpi=100)
else:
    plt.show()
