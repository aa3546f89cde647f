"""
Files larger than memory
========================

A transformer looks at one era at a time, and weights are learned from small per-era
moments. So a pipeline can be fitted on a parquet file, and the file transformed, a few
whole eras at a time: memory holds one batch, however long the file is, and the answer
is that of doing it all in memory.

Run it as ``python examples/plot_streaming.py picture.png`` to keep the picture.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, StackingWeights
from skbench.datasets import make_benchmark_models
from skbench.streaming import fit_parquet, transform_parquet

# %%
# The file: features, predictions of three models and the target, all eras one after
# the other. Its row groups divide eras, as those of most files do.

folder = tempfile.TemporaryDirectory()
source, target = Path(folder.name, "rows.parquet"), Path(folder.name, "out.parquet")
frame = make_benchmark_models(
    n_eras=160, rows_per_era=500, n_models=3, n_features=40, random_state=0
).frame

# %%
# The pipeline. Its first step notes how many bytes it is given at a time.


class NotingRankGauss(EraRankGauss):
    """Notes the size of each batch."""

    def transform(self, X):
        batches.append(X.memory_usage().sum())
        return super().transform(X)


batches = []
pipeline = make_pipeline(
    NotingRankGauss(),
    StackingWeights(),
    EraRankGauss(),
    FeatureNeutralizer(proportion=0.5),
    EraRank(),
)

# %%
# Files of more and more eras. A batch has whole eras of 5,000 rows or a little more.
# `fit_parquet` reads only what it learns from; `transform_parquet` the features too.

lengths = [20, 40, 80, 160]
eras = frame["era"].unique()
largest, whole = [], []
for n_eras in lengths:
    rows = frame[frame["era"].isin(eras[:n_eras])]
    rows.to_parquet(source, row_group_size=1700)
    batches.clear()
    fit_parquet(pipeline, source, batch_rows=5000)
    transform_parquet(pipeline, source, target, batch_rows=5000)
    largest.append(max(batches) / 1e6)
    whole.append(rows.memory_usage().sum() / 1e6)

# %%
# The same in memory.

streamed = pd.read_parquet(target)["prediction"]
expected = clone(pipeline).fit(frame, frame["target"]).transform(frame)["prediction"]
difference = np.abs(streamed - expected).max()
print(f"largest difference from the answer in memory: {difference:.1g}")

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 5.6), layout="constrained")
left.plot(lengths, whole, "o-", color="tab:gray", label="all rows")
left.plot(lengths, largest, "o-", color="tab:green", label="largest batch")
left.set(xlabel="eras in the file", ylabel="MB", ylim=(0, None), xticks=lengths)
left.set_title("Held in memory at a time")
left.legend()

some = slice(None, None, 40)
right.plot(expected[some], streamed[some], ".", ms=3, color="tab:green")
right.set(xlabel="prediction, all in memory", ylabel="prediction, streamed")
right.set_title(f"The same answer: largest difference {difference:.1g}")
figure.suptitle("A file, whole eras at a time", fontweight="bold")

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=100)
else:
    plt.show()
folder.cleanup()
