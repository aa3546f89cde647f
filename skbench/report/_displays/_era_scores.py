"""Score of one model in each era: `EraScoreDisplay`."""

from collections.abc import Hashable
from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import check_count, did_you_mean, listed
from skbench._frames import has_name
from skbench.metrics import by_era, check_scored, read_table, summarize

from . import _axes
from ._display import Display


class EraScoreDisplay(Display):
    """Score of one model in each era, with its rolling mean and its mean.

    The band is the 95 % interval of the mean, as in `skbench.metrics.summarize`; with
    fewer eras than two horizons of the target there is none. Eras
    stand at the number in their label, dates at their week. An era without a score has
    no bar.

    Parameters
    ----------
    scores : pandas.Series of shape (n_eras,)
        Scores, eras in order.
    rolling : pandas.Series of shape (n_eras,)
        Rolling mean.
    summary : pandas.Series
        With "mean", "low" and "high".
    window : int, default=20
        Eras in a rolling mean.
    score_name : str, default="score"
        What the score is called.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    bars_ : matplotlib.container.BarContainer
        One bar for each era with a score.
    rolling_line_ : matplotlib.lines.Line2D or None
        Rolling mean; None where too few eras have a score.
    mean_line_ : matplotlib.lines.Line2D
        Mean over all eras.
    interval_ : matplotlib.patches.Patch or None
        Interval of the mean.

    See Also
    --------
    CumulativeScoreDisplay : The sums of the scores of several models.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skbench.report import EraScoreDisplay
    >>> scores = pd.Series([0.02, -0.01, 0.03, 0.04],
    ...                    index=["0001", "0002", "0003", "0004"])
    >>> display = EraScoreDisplay.from_scores(scores, window=2, horizon=1)
    >>> [round(float(bar.get_height()), 2) for bar in display.bars_]
    [0.02, -0.01, 0.03, 0.04]
    >>> display.rolling.round(3).tolist()
    [0.02, 0.005, 0.01, 0.035]
    >>> display.summary.round(4).to_dict()
    {'mean': 0.02, 'low': -0.0144, 'high': 0.0544}
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        scores: pd.Series,
        rolling: pd.Series,
        summary: pd.Series,
        window: int = 20,
        score_name: str = "score",
    ) -> None:
        self.scores = scores
        self.rolling = rolling
        self.summary = summary
        self.window = window
        self.score_name = score_name

    @classmethod
    def from_scores(
        cls,
        scores: Any,
        *,
        model: Hashable = None,
        window: int = 20,
        score_name: str = "score",
        target: str | None = None,
        horizon: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the scores of a model.

        Parameters
        ----------
        scores : Series of shape (n_eras,) or DataFrame of shape (n_eras, n_models)
            Scores, as the functions of `skbench.metrics` give them, NaN where there is
            none; the index holds the eras, in any order.
        model : column name, default=None
            The model to draw, where there are several.
        window : int, default=20
            Eras in a rolling mean: the last that ``scores`` has a row for, of which at
            least half must have a score.
        score_name : str, default="score"
            What the score is called: "CORR".
        target : str, default=None
            Name of the target, which sets the horizon as in `summarize`.
        horizon : int, default=None
            Over how many eras a score shares days with others. None: as ``target``
            says.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : EraScoreDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If there are several models and none is named, there is no score, or a
            parameter cannot be used.
        """
        check_count("window", window, 1)
        series = _of_one_model(scores, model)
        check_scored(series)
        summary = summarize(series, target=target, horizon=horizon)
        display = cls(
            scores=series,
            rolling=series.rolling(window, min_periods=(window + 1) // 2).mean(),
            summary=summary.iloc[0][["mean", "low", "high"]],
            window=window,
            score_name=score_name,
        )
        return display.plot(ax)

    def _draw(self, ax: Any) -> None:
        numbers = _axes.era_numbers(self.scores.index)
        self._draw_bars(numbers)
        named = self._draw_mean()
        self.rolling_line_ = None
        if self.rolling.notna().any():
            x, y = _axes.with_gaps(numbers, self.rolling.to_numpy())
            style = {"color": "black", "linewidth": 1.5, "label": "rolling mean"}
            (self.rolling_line_,) = ax.plot(x, y, **style)
            named[f"mean of the last {self.window} eras"] = self.rolling_line_
        ax.set_title(str(self.scores.name), parse_math=False)
        ax.set_ylabel(self.score_name)
        _axes.label_eras(ax, self.scores.index, numbers)
        _axes.legend(ax, list(named.values()), list(named))

    def _draw_bars(self, numbers: _axes.Floats) -> None:
        there = self.scores.notna().to_numpy()
        heights = self.scores.to_numpy()[there]
        colours = np.where(heights < 0, _axes.ORANGE, _axes.SKY)
        width = 0.9 * _axes.usual_step(numbers)
        self.bars_ = self.ax_.bar(numbers[there], heights, width, color=colours)
        self.ax_.axhline(0.0, color=_axes.GREY, linewidth=0.8)

    def _draw_mean(self) -> dict[str, Any]:
        """Draw the mean and its interval; return them by name."""
        mean, low, high = self.summary
        colour = _axes.VERMILLION
        self.mean_line_ = self.ax_.axhline(mean, color=colour, linestyle="--")
        named = {f"mean {mean:.4f}": self.mean_line_}
        self.interval_ = None
        if np.isfinite(low):
            self.interval_ = self.ax_.axhspan(low, high, color=colour, alpha=0.2)
            named[f"95 % interval\n{low:.4f} to {high:.4f}"] = self.interval_
        return named


def _of_one_model(scores: Any, model: Any) -> pd.Series:
    """Return the scores of one model, eras in order."""
    frame = by_era(read_table(scores, "scores", "prediction"))
    if model is None and frame.shape[1] > 1:
        raise ValueError(
            f"`scores` has several models, {listed(frame.columns)}: name one in `model`"
        )
    if model is None:
        return frame.iloc[:, 0]
    if not has_name(frame.columns, model):
        raise ValueError(
            f"`model` must be one of {listed(frame.columns)}; got {model!r}"
            f"{did_you_mean(model, frame.columns)}"
        )
    series: pd.Series = frame[model]
    return series
