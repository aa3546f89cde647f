"""Peak memory of streaming a file through the five steps: a process of its own."""

import sys
from pathlib import Path

from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
from skbench.streaming import fit_parquet, transform_parquet


def stream(source, target, batch_rows):
    """Rank, blend, rank, neutralise and rank the eras of a file."""
    pipeline = make_pipeline(
        EraRankGauss(),
        WeightedEnsemble(),
        EraRankGauss(),
        FeatureNeutralizer(proportion=0.5, single_era_rows=(0, 10_000)),
        EraRank(),
    )
    fit_parquet(pipeline, source, batch_rows=batch_rows)
    transform_parquet(pipeline, source, target, batch_rows=batch_rows)


def peak_megabytes():
    """Peak of this process as Linux has it.

    What `resource.getrusage` says may be that of the parent before it started this one.
    """
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("/proc/self/status has no VmHWM")


if __name__ == "__main__":
    stream(sys.argv[1], sys.argv[2], int(sys.argv[3]) or None)
    print(peak_megabytes())
