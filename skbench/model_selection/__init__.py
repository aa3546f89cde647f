"""Choosing a model in the order of time: walk-forward windows and grids of weights."""

from ._backtest import backtest
from ._grid import weight_grid
from ._predict import walk_forward_predict
from ._result import Backtest
from ._split import WalkForwardEraSplit
from ._weights import walk_forward_weights

__all__ = [
    "Backtest",
    "WalkForwardEraSplit",
    "backtest",
    "walk_forward_predict",
    "walk_forward_weights",
    "weight_grid",
]
