"""Weights of an ensemble with their intervals: `WeightsDisplay`."""

from collections.abc import Hashable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skbench._checks import is_number, listed
from skbench._frames import as_mapping
from skbench._stacking import StackingWeights

from . import _axes
from ._display import Display


class WeightsDisplay(Display):
    """Weights of an ensemble, with their intervals.

    An interval that reaches far says that the eras cannot tell this weight well.

    Parameters
    ----------
    weights : pandas.Series of shape (n_models,)
        Weights, the largest first.
    intervals : pandas.DataFrame of shape (n_models, 2), default=None
        Their 95 % intervals, "low" and "high".

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    bars_ : matplotlib.container.BarContainer
        The weights.
    interval_lines_ : matplotlib.collections.LineCollection or None
        Their intervals.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skbench.report import WeightsDisplay
    >>> display = WeightsDisplay.from_weights({"a": 0.3, "b": 0.7},
    ...                                       {"a": (0.1, 0.4), "b": (0.6, 0.9)})
    >>> [float(bar.get_width()) for bar in display.bars_]
    [0.7, 0.3]
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, *, weights: pd.Series, intervals: pd.DataFrame | None = None
    ) -> None:
        self.weights = weights
        self.intervals = intervals

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : StackingWeights, WeightedEnsemble or Pipeline with one of them
            Fitted. There are intervals of `StackingWeights` where it has eras enough.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : WeightsDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator has no weights yet.
        ValueError
            If a pipeline has no step with weights, or several.
        """
        estimator = weighted_step(estimator)
        if not hasattr(estimator, "fit"):
            raise TypeError(
                "`estimator` must be an ensemble or a pipeline with one; "
                f"got {estimator!r}"
            )
        check_is_fitted(estimator, "weights_")
        if isinstance(estimator, StackingWeights):
            estimator.check_one_target()
        intervals = getattr(estimator, "weights_interval_", None)
        if intervals and np.isnan([*intervals.values()]).any():
            intervals = None  # too few eras, which a warning has said
        return cls.from_weights(estimator.weights_, intervals, ax=ax)

    @classmethod
    def from_weights(
        cls, weights: Any, intervals: Any = None, *, ax: Any = None
    ) -> Self:
        """Draw weights.

        Parameters
        ----------
        weights : mapping from name to float, or Series
            Weight of each model.
        intervals : mapping from name to (float, float), default=None
            95 % interval of each weight, its lower and its upper end.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : WeightsDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If there are no weights, one is no finite number, or the intervals are
            those of other models.
        """
        weights = _as_weights(weights)
        order = sorted(weights, key=lambda name: -weights[name])
        index = pd.Index(order, name="model", tupleize_cols=False)
        series = pd.Series([float(weights[name]) for name in order], index)
        display = cls(weights=series, intervals=_as_intervals(intervals, index))
        return display.plot(ax)

    def _size(self) -> tuple[float, float]:
        return 9.0, _axes.height_for(len(self.weights))

    def _draw(self, ax: Any) -> None:
        rows = range(len(self.weights))
        self.bars_ = ax.barh(rows, self.weights, height=0.7, color=_axes.SKY)
        self.interval_lines_ = None
        ax.axvline(0.0, color=_axes.GREY, linewidth=0.8)
        ax.set_xlabel("weight")
        _axes.label_bars(ax, list(self.weights.index))
        if self.intervals is not None:
            ends = self.intervals["low"], self.intervals["high"]
            self.interval_lines_ = ax.hlines(rows, *ends, color="black", linewidth=2)
            names = ["weight", "95 % interval"]
            _axes.legend(ax, [self.bars_, self.interval_lines_], names)


def weighted_step(estimator: Any) -> Any:
    """Return the one step of a pipeline that has weights."""
    if not isinstance(estimator, Pipeline):
        return estimator
    steps = [step for _, step in estimator.steps if hasattr(step, "weights_")]
    if len(steps) != 1:
        raise ValueError(
            f"the pipeline has {len(steps)} fitted steps with weights: pass the step, "
            f"one of {listed(estimator.named_steps)}"
        )
    return steps[0]


def _as_weights(weights: Any) -> dict[Hashable, float]:
    if isinstance(weights, pd.Series) and not weights.index.is_unique:
        raise ValueError("`weights` names a model twice")
    weights = as_mapping(weights)
    if not isinstance(weights, Mapping) or not weights:
        raise ValueError(
            f"`weights` must map the name of each model to its weight; got {weights!r}"
        )
    for name, weight in weights.items():
        if not is_number(weight) or not np.isfinite(weight):
            raise ValueError(
                f"`weights` must be finite numbers; got {weight!r} for {name!r}"
            )
    return dict(weights)


def _as_intervals(intervals: Any, models: pd.Index) -> pd.DataFrame | None:
    if intervals is None:
        return None
    if not isinstance(intervals, Mapping):
        raise ValueError(
            f"`intervals` must map each model to its two ends; got {intervals!r}"
        )
    if set(intervals) != set(models):
        raise ValueError(
            f"`intervals` must be of the models {listed(models)}; "
            f"got {listed(intervals)}"
        )
    for name in models:
        if not _are_ends(intervals[name]):
            raise ValueError(
                "`intervals` must hold a lower and an upper end; "
                f"got {intervals[name]!r} for {name!r}"
            )
    ends = [tuple(intervals[name]) for name in models]
    return pd.DataFrame(ends, index=models, columns=["low", "high"], dtype=float)


def _are_ends(ends: Any) -> bool:
    try:
        low, high = ends
    except (TypeError, ValueError):
        return False
    return bool(is_number(low) and is_number(high) and low <= high)
