"""Choosing a model in the order of time: walk-forward windows and grids of weights."""

from ._grid import weight_grid
from ._predict import walk_forward_predict
from ._split import WalkForwardEraSplit

__all__ = ["WalkForwardEraSplit", "walk_forward_predict", "weight_grid"]
