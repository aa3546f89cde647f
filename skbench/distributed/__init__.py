"""The same on Dask: a partition holds whole eras, and what is found of it merges."""

from ._backtest import backtest
from ._fit import fit
from ._partitions import partition_by_era
from ._score import score
from ._transform import transform

__all__ = ["backtest", "fit", "partition_by_era", "score", "transform"]
