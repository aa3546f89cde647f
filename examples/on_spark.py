"""
The five steps on Spark
=======================

Eras are independent, so ``groupBy("era").applyInPandas`` is all it takes. It is
called twice: the first pass takes the moments of each era, from which the weights are
learned; the second predicts.

Needs Java and ``pip install pyspark``. ``python examples/on_spark.py`` runs it on this
machine, and compares with the same in memory.
"""

# sphinx_gallery_thumbnail_path = "thumbnails/on_spark.svg"
import os
import pickle
import sys
from functools import reduce

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.datasets import make_benchmark_models

# %%
# What happens to the rows of one era. Its moments travel as bytes.


def learn(rows):
    """Moments of one era, as one row."""
    gauss = EraRankGauss().fit_transform(rows)
    learned = StackingWeights().gather(gauss, rows["target"])
    return pd.DataFrame({"moments": [pickle.dumps(learned)]})


def merged(moments):
    """Merge two by two, so that an era is copied a few times only."""
    parts = [pickle.loads(state) for state in moments]
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [reduce(StackingWeights.absorb, pair) for pair in pairs]
    return parts[0]


def five_steps(weights):
    """The steps with weights that are known: nothing is left to learn."""
    return make_pipeline(
        EraRankGauss(),
        WeightedEnsemble(weights),
        EraRankGauss(),
        FeatureNeutralizer(proportion=0.5),
        EraRank(),
    )


# %%
# The same on all eras. ``rows`` is a Spark frame; so is the result.


def fit(rows):
    """Learn the weights of the models."""
    moments = rows.groupBy("era").applyInPandas(learn, "moments binary").collect()
    learned = merged([row.moments for row in moments])
    return learned.finish().weights_


def predict(rows, weights):
    """Predict the rows of each era."""

    def predict_era(era_rows):
        out = five_steps(weights).fit_transform(era_rows)
        return out[["id", "era", "prediction"]]

    schema = "id string, era string, prediction double"
    return rows.groupBy("era").applyInPandas(predict_era, schema)


# %%
# The run. Spark keeps no index and no order of rows: the ids are a column.


def tournament():
    """Make up rows of 40 eras, with ids."""
    data = make_benchmark_models(40, 200, 3, mean_corr=0.1, random_state=0)
    return data.frame.reset_index()


def compare(frame, on_spark):
    """Return the largest difference from the same in memory, row by row."""
    gauss = EraRankGauss().fit_transform(frame)
    weights = StackingWeights().fit(gauss, frame["target"]).weights_
    in_memory = pd.Series(five_steps(weights).fit_transform(frame)["prediction"])
    in_memory.index = pd.Index(frame["id"])
    found = on_spark.set_index("id")["prediction"]
    assert sorted(found.index) == sorted(in_memory.index)
    return float(np.abs(found - in_memory[found.index]).max())


def main():
    """Learn and predict on a made-up tournament."""
    frame = tournament()
    # On this machine, workers are to be of the same environment as this program.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").appName("skbench").getOrCreate()
    try:
        rows = spark.createDataFrame(frame)
        weights = fit(rows)
        out = predict(rows, weights).toPandas()
    finally:
        spark.stop()
    print({name: round(weight, 4) for name, weight in weights.items()})
    print(f"{len(out):,} rows; largest difference: {compare(frame, out):.1g}")


if __name__ == "__main__":
    main()
