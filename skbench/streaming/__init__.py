"""Files larger than memory: whole eras at a time, from parquet to parquet."""

from ._fit import fit_parquet
from ._predictions import BATCH_ROWS as BATCH_ROWS
from ._predictions import Predictions as Predictions
from ._sort import sort_parquet
from ._transform import transform_parquet
from ._write_tables import write_tables as write_tables

__all__ = ["fit_parquet", "sort_parquet", "transform_parquet"]
