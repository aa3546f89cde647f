"""Files larger than memory: whole eras at a time, from parquet to parquet."""

from ._fit import fit_parquet
from ._predictions import Predictions as Predictions
from ._sort import sort_parquet
from ._transform import transform_parquet
from ._write_frames import write_frames as write_frames

__all__ = ["fit_parquet", "sort_parquet", "transform_parquet"]
