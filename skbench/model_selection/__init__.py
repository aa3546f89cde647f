"""Choosing a model in the order of time: walk-forward windows and grids of weights."""

from ._backtest import WalkedScores as WalkedScores
from ._backtest import backtest
from ._backtest import named as named
from ._backtest import result_of as result_of
from ._backtest import walk_scores as walk_scores
from ._backtest import walked as walked
from ._candidate import EQUAL as EQUAL
from ._candidate import IN_SAMPLE as IN_SAMPLE
from ._candidate import SINGLE as SINGLE
from ._grid import weight_grid
from ._predict import walk_forward_predict
from ._result import Backtest
from ._split import WalkForwardEraSplit
from ._walk import Walk as Walk
from ._weights import NoWindowError as NoWindowError
from ._weights import default_split as default_split
from ._weights import learned_windows as learned_windows
from ._weights import walk_forward_weights

__all__ = [
    "Backtest",
    "WalkForwardEraSplit",
    "backtest",
    "walk_forward_predict",
    "walk_forward_weights",
    "weight_grid",
]
