"""
From a fitted pipeline to a file for Numerai's runner
=====================================================

Numerai runs uploaded models every day, with pinned versions of a few packages and
without skbench. This fits an ensemble, writes it as one file that runs there, tries
that file out as the runner would, in a process that cannot import skbench, and prints
what was checked.

Run it as ``python examples/deploy_model.py predict.pkl`` to keep the file.
"""

# sphinx_gallery_thumbnail_path = "thumbnails/deploy_model.svg"
import sys
import tempfile
from pathlib import Path

from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, StackingWeights
from skbench.datasets import make_benchmark_models
from skbench.deploy import check_predict, export_predict

# %%
# An ensemble, its weights learned from the validation targets, half neutral to the
# features. It ends in a rank, as predictions must lie between 0 and 1.

data = make_benchmark_models(n_eras=60, rows_per_era=2000, n_models=4, random_state=1)
validation, live = data.frame, data.live
pipeline = make_pipeline(
    EraRankGauss(),
    StackingWeights(shrinkage=0.5),
    EraRankGauss(),
    FeatureNeutralizer(proportion=0.5),
    EraRank(),
).fit(validation, validation["target"])

# %%
# The file: numbers and the text of a few functions. It needs neither skbench nor the
# scikit-learn of this machine.

folder = Path(tempfile.mkdtemp())
path = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "predict.pkl"
export_predict(pipeline, path)
print(f"{path.name}: {path.stat().st_size / 1000:,.0f} kB\n")

# %%
# The runner hands over two frames: features, and benchmark predictions. To test with
# its own versions, name an environment that has them: ``python=".venv-runner"``.

features = live[["era", *data.features]]
benchmarks = live[["era", *data.models]]
report = check_predict(path, features, benchmarks)
print(report)

# %%
# What the file predicts is what the pipeline predicts.

difference = report.predictions["prediction"] - pipeline.predict(live)
print(f"\nLargest difference from pipeline.predict: {abs(difference).max()}")
if not report.passed:
    sys.exit("Do not upload this file.")
