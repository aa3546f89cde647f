"""From a fitted pipeline to Numerai's runner: write the file, and try it out first."""

from ._check import check_predict
from ._check_report import CheckReport
from ._export import export_predict

__all__ = ["CheckReport", "check_predict", "export_predict"]
