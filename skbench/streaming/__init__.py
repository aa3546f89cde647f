"""Files larger than memory: whole eras at a time, from parquet to parquet."""

from ._fit import fit_parquet
from ._frame_writer import FrameWriter as FrameWriter
from ._predictions import Predictions as Predictions
from ._sort import sort_parquet
from ._transform import transform_parquet

__all__ = ["fit_parquet", "sort_parquet", "transform_parquet"]
