"""Weights learned anew before each window: `WeightsPathDisplay`."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skbench.metrics import by_era, read_table
from skbench.model_selection import WalkForwardEraSplit, walk_forward_weights

from . import _axes
from ._display import Display
from ._weights import weighted_step


class WeightsPathDisplay(Display):
    """Weights of an ensemble over time, as they were learned before each window.

    Areas that are stacked, the largest weight on average at the bottom; lines, where a
    weight is negative. A window begins at the first era that it predicts, and its
    weights hold until the next one. Weights that jump from window to window say that
    the eras cannot tell the models apart. The models with small weights are drawn as
    one, "others".

    Parameters
    ----------
    weights : pandas.DataFrame of shape (n_windows, n_models)
        Weights, windows in the order of time, indexed by their first era.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    areas_ : list of matplotlib.collections.PolyCollection
        An area for each name, from the bottom up; none where a weight is negative.
    lines_ : list of matplotlib.lines.Line2D
        A line for each name, where a weight is negative.

    See Also
    --------
    skbench.model_selection.walk_forward_weights : The weights.
    WeightsDisplay : Those of all eras, with their intervals.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skbench.report import WeightsPathDisplay
    >>> weights = pd.DataFrame({"a": [0.2, 0.4], "b": [0.8, 0.6]}, ["0027", "0053"])
    >>> display = WeightsPathDisplay.from_weights(weights)
    >>> len(display.areas_), display.ax_.get_ylabel()
    (2, 'weight')
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, weights: pd.DataFrame) -> None:
        self.weights = weights

    @classmethod
    def from_estimator(
        cls, stacking: Any, cv: WalkForwardEraSplit | None = None, *, ax: Any = None
    ) -> Self:
        """Draw the weights that would have been learned before each window.

        Parameters
        ----------
        stacking : StackingWeights or Pipeline with one
            Fitted. Its moments are enough: no rows are needed.
        cv : WalkForwardEraSplit, default=None
            The windows, as for `walk_forward_weights`.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : WeightsPathDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator holds no eras.
        ValueError
            If no window has eras enough to learn from.
        """
        weights = walk_forward_weights(weighted_step(stacking), cv)
        return cls.from_weights(weights, ax=ax)

    @classmethod
    def from_weights(cls, weights: Any, *, ax: Any = None) -> Self:
        """Draw weights, a row a window.

        Parameters
        ----------
        weights : DataFrame of shape (n_windows, n_models)
            Weights as `walk_forward_weights` gives them; the index holds the first era
            of each window.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : WeightsPathDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If there are no weights, or one is no finite number.
        """
        table = by_era(read_table(weights, "weights", "model"))
        if not np.isfinite(table.to_numpy()).all():
            raise ValueError("`weights` must be finite numbers; some are not")
        return cls(weights=table).plot(ax)

    def _draw(self, ax: Any) -> None:
        shown = self._shown()
        numbers = _axes.era_numbers(shown.index)
        # The weights of a window hold until the next one, the last for as long again.
        edges = np.append(numbers, numbers[-1] + _axes.usual_step(numbers))
        heights = np.vstack([shown.to_numpy(), shown.to_numpy()[-1:]]).T
        names, colours = list(shown.columns), [*_axes.COLOURS, _axes.GREY]
        self.areas_, self.lines_ = [], []
        if (heights < 0).any():
            ax.axhline(0.0, color=_axes.GREY, linewidth=0.8)
            for height, colour in zip(heights, colours, strict=False):
                self.lines_ += ax.step(edges, height, where="post", color=colour)
            _axes.legend(ax, self.lines_, names)
        else:
            style = {"step": "post", "edgecolor": "white", "linewidth": 0.5}
            self.areas_ = ax.stackplot(edges, heights, colors=colours, **style)
            ax.set_ylim(0.0)
            _axes.legend(ax, self.areas_[::-1], names[::-1])
        ax.set_xlim(edges[0], edges[-1])
        _axes.label_eras(ax, shown.index, numbers)
        ax.set_xlabel("first era of each window")
        ax.set_ylabel("weight")

    def _shown(self) -> pd.DataFrame:
        """Return the models with the largest weights, and the others as one."""
        order = self.weights.abs().mean().to_numpy().argsort(kind="stable")[::-1]
        table = self.weights.iloc[:, order]
        n_named = len(_axes.COLOURS)
        if table.shape[1] <= n_named:
            return table
        rest = table.iloc[:, n_named:]
        others = rest.sum(axis=1).rename(f"{rest.shape[1]} others")
        return pd.concat([table.iloc[:, :n_named], others], axis=1)
