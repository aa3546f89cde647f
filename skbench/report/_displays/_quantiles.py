"""Mean target by the rank of a model: `TargetByQuantileDisplay`."""

from collections.abc import Hashable
from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import did_you_mean, listed
from skbench._frames import has_name
from skbench.metrics import quantile_means_of, summarize
from skbench.report._quantiles import checked_quantiles

from . import _axes
from ._display import Display


class TargetByQuantileDisplay(Display):
    """Mean target of the rows that a model ranks lowest, ..., highest.

    Each bar is a mean over eras of what `skbench.metrics.mean_target_by_quantile`
    gives: how far the targets of a group lie above the mean of their era. The whiskers
    are the 95 % intervals of `skbench.metrics.summarize`; with fewer eras than two
    horizons of the target there are none.

    Parameters
    ----------
    summary : pandas.DataFrame of shape (n_quantiles, 4)
        With columns "mean", "low", "high" and "n_eras", the lowest group first.
    model : str, default="prediction"
        What the model is called.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    bars_ : matplotlib.container.BarContainer
        The means.
    interval_lines_ : matplotlib.collections.LineCollection or None
        Their intervals.

    See Also
    --------
    EraScoreDisplay : One model, era by era.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skbench.report import TargetByQuantileDisplay
    >>> display = TargetByQuantileDisplay.from_predictions(
    ...     [0, 0.25, 0.5, 1] * 2, [0.2, 0.1, 0.3, 0.4, 1, 2, 3, 4],
    ...     era=["0001"] * 4 + ["0002"] * 4, n_quantiles=2)
    >>> [float(bar.get_height()) for bar in display.bars_]
    [-0.3125, 0.3125]
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, summary: pd.DataFrame, model: str = "prediction") -> None:
        self.summary = summary
        self.model = model

    @classmethod
    def from_means(
        cls,
        means: Any,
        *,
        model: Hashable = None,
        target: str | None = None,
        horizon: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw means as `skbench.metrics.mean_target_by_quantile` gives them.

        Parameters
        ----------
        means : DataFrame of shape (n_eras, n_models * n_quantiles)
            Mean targets; the columns are pairs of model and group.
        model : label, default=None
            The model to draw, where there are several.
        target : str, default=None
            Name of the target, which sets the horizon as in `summarize`.
        horizon : int, default=None
            Over how many eras a score shares days with others. None: as ``target``
            says.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : TargetByQuantileDisplay
            What was drawn.

        Raises
        ------
        TypeError
            If ``means`` is no frame.
        ValueError
            If there are several models and none is named, there is no mean, or a
            parameter cannot be used.
        """
        table = checked_quantiles(means, "means")
        models = table.columns.unique(0)
        if model is None and len(models) > 1:
            raise ValueError(
                f"`means` has several models, {listed(models)}: name one in `model`"
            )
        if model is not None and not has_name(models, model):
            raise ValueError(
                f"`model` must be one of {listed(models)}; got {model!r}"
                f"{did_you_mean(model, models)}"
            )
        name = models[0] if model is None else model
        summary = summarize(table[name], target=target, horizon=horizon)
        kept = summary[["mean", "low", "high", "n_eras"]].rename_axis("quantile")
        return cls(summary=kept, model=str(name)).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        era: Any,
        n_quantiles: int = 10,
        target: str | None = None,
        horizon: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the means of a model's predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,)
            Target, NaN where there is none yet.
        y_pred : array-like of shape (n_rows,)
            Predictions of one model.
        era : array-like of shape (n_rows,)
            The era of each row, in any order.
        n_quantiles : int, default=10
            Number of groups, 2 at least.
        target : str, default=None
            Name of the target, which sets the horizon as in `summarize`.
        horizon : int, default=None
            Over how many eras a score shares days with others. None: as ``target``
            says.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : TargetByQuantileDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the inputs differ in length or index, there are several models, no era
            has as many rows as groups, or a parameter cannot be used.
        """
        _axes.pyplot()  # what is missing should be said before the work is done
        means = quantile_means_of(y_true, y_pred, era, n_quantiles)
        if len(models := means.columns.unique(0)) > 1:
            raise ValueError(f"`y_pred` must hold one model; got {listed(models)}")
        return cls.from_means(means, target=target, horizon=horizon, ax=ax)

    def _draw(self, ax: Any) -> None:
        shown = self.summary
        places = np.arange(1, len(shown) + 1)
        self.bars_ = ax.bar(places, shown["mean"], 0.7, color=_axes.SKY)
        self.interval_lines_ = None
        if shown["low"].notna().any():
            self.interval_lines_ = ax.vlines(
                places, shown["low"], shown["high"], color="black", linewidth=1.5
            )
        ax.axhline(0.0, color=_axes.GREY, linewidth=0.8)
        ax.set_xticks(places)
        ax.set_xlabel("group of rows, from the lowest predictions to the highest")
        ax.set_ylabel("mean target above that of the era")
        ax.set_title(f"{self.model}, {shown['n_eras'].max()} eras", parse_math=False)
