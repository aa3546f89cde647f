"""A fitted pipeline as one file that runs without skbench."""

from ._export import export_predict
from ._export import python_for as python_for
from ._trusted import load_trusted

__all__ = ["export_predict", "load_trusted"]
