"""
For every day: fetch, ensemble, check, submit
=============================================

A program to copy and to change. It fetches what is new, learns the weights of an
ensemble, says how such an ensemble did in eras it had not learned from, predicts the
live rows, checks the submission and, if told to, sends it. Without ``--send`` it does
all but send.

It needs the keys of your account in the environment variables ``NUMERAI_PUBLIC_ID`` and
``NUMERAI_SECRET_KEY``. They must not stand in the program, where they would be copied
with it. For example, each day at 14:30 UTC, by cron::

    30 14 * * 2-6  cd ~/numerai && .venv/bin/python daily.py my_model --send >> log

``python examples/daily.py --help`` lists the options.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, StackingWeights
from skbench.datasets import fetch_benchmark_models
from skbench.deploy import submit
from skbench.model_selection import backtest

# %%
# What to change: the features to be neutral to and how much, what the weights are to be
# good at, and how near to equal they stay.

FEATURES = "small"
PROPORTION = 0.25
OBJECTIVE = "corr"
SHRINKAGE = 0.5


def make_ensemble():
    """The five steps, with weights that are learned."""
    return make_pipeline(
        EraRankGauss(),
        StackingWeights(OBJECTIVE, shrinkage=SHRINKAGE),
        EraRankGauss(),
        FeatureNeutralizer(proportion=PROPORTION),
        EraRank(),
    )


# %%
# Fetch. Only what has changed since yesterday is transferred: mostly the live files.


def fetch(data_home):
    """Benchmark predictions, targets, Meta Model and features; the live rows."""
    return fetch_benchmark_models(features=FEATURES, data_home=data_home)


# %%
# Ensemble. The scores are out of sample: weights are learned anew before each window of
# eras. The live rows get the weights of all eras.


def fit(data):
    """Fit the ensemble, print its weights and what it scores, and return it."""
    found = backtest(
        {"ensemble": make_ensemble()},
        data.frame,
        data.frame["target"],
        keep_predictions=False,
    )
    ensemble = found.pipelines["ensemble"]
    for model, weight in ensemble[1].weights_.items():
        print(f"{weight:8.2%}  {model}")
    row = found.summary().loc["ensemble"]
    print(
        f"CORR {row['corr']:.4f} (95 % interval {row['corr_low']:.4f} to "
        f"{row['corr_high']:.4f}) in {row['corr_n_eras']:.0f} eras, out of sample"
    )
    print(f"Verdict: {found.verdict()}")
    return ensemble


# %%
# Check and submit. `submit` refuses what Numerai would refuse, and what can hardly be
# meant: other ids than those of the round, nearly constant predictions. It returns when
# Numerai has given back what was sent; anything else is an error, and the program ends
# with a status that cron reports.


def main(arguments):
    """Run one day."""
    parser = argparse.ArgumentParser(description="Fetch, ensemble, check, submit.")
    parser.add_argument("model", help="name of your model at Numerai")
    parser.add_argument("--data-home", type=Path, help="folder for Numerai's files")
    parser.add_argument("--send", action="store_true", help="submit; else a dry run")
    options = parser.parse_args(arguments)
    data = fetch(options.data_home)
    print(
        f"{data.version}: {len(data.frame):,} rows to learn from, "
        f"{len(data.live):,} live rows"
    )
    predictions = pd.Series(fit(data).predict(data.live), data.live.index)
    print(submit(predictions, options.model, dry_run=not options.send))


if __name__ == "__main__":
    main(sys.argv[1:])
