"""Cumulative score and drawdown of models: `CumulativeScoreDisplay`."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench.metrics import (
    by_era,
    check_scored,
    is_model_name,
    read_benchmark,
    read_table,
)

from . import _axes


class CumulativeScoreDisplay:
    """Cumulative score of models, and how far each is below its best.

    A model is a solid line, the benchmark a dotted one. Each sum starts from 0 at the
    first era that its model has. An era without a score is a gap; the sum goes on
    behind it as if its score had been 0, and so does the drawdown, which is the sum
    less its highest value so far, or less 0 where it was never above.

    Eras stand at the number in their label, dates at their week, and no line bridges
    eras that are skipped.
    Models that start in different eras are compared fairly over the eras that all have:
    draw ``scores.dropna()``.

    Parameters
    ----------
    cumulative : pandas.DataFrame of shape (n_eras, n_models)
        Cumulative scores, eras in order.
    benchmark : pandas.Series of shape (n_eras,), default=None
        Cumulative score of the benchmark.
    score_name : str, default="score"
        What the score is called.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the cumulative score.
    drawdown_ax_ : matplotlib.axes.Axes or None
        Axes of the drawdown.
    figure_ : matplotlib.figure.Figure
        The figure.
    lines_ : list of matplotlib.lines.Line2D
        Cumulative score of each model.
    benchmark_line_ : matplotlib.lines.Line2D or None
        That of the benchmark.
    drawdown_lines_ : list of matplotlib.lines.Line2D
        Drawdown of each model and, last, of the benchmark.

    See Also
    --------
    EraScoreDisplay : The scores of one model, era by era.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skbench.report import CumulativeScoreDisplay
    >>> scores = pd.DataFrame({"a": [0.02, -0.01, 0.03], "b": [0.01, 0.01, None]},
    ...                       index=["0001", "0002", "0003"])
    >>> display = CumulativeScoreDisplay.from_scores(scores, benchmark="b",
    ...                                              score_name="CORR")
    >>> display.cumulative["a"].round(2).tolist()
    [0.02, 0.01, 0.04]
    >>> display.benchmark_line_.get_linestyle(), display.ax_.get_ylabel()
    (':', 'cumulative CORR')
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        cumulative: pd.DataFrame,
        benchmark: pd.Series | None = None,
        score_name: str = "score",
    ) -> None:
        self.cumulative = cumulative
        self.benchmark = benchmark
        self.score_name = score_name

    @classmethod
    def from_scores(
        cls,
        scores: Any,
        *,
        benchmark: Any = None,
        name: str | None = None,
        score_name: str = "score",
        ax: Any = None,
    ) -> Self:
        """Draw scores, one an era and model.

        Parameters
        ----------
        scores : DataFrame of shape (n_eras, n_models) or Series of shape (n_eras,)
            Scores, as the functions of `skbench.metrics` give them, NaN where there is
            none; the index holds the eras, in any order.
        benchmark : column name, Series or array of shape (n_eras,), default=None
            What to compare with: one of the columns, which is then no model, or
            scores of its own. A pandas object is matched by era, an array by position.
        name : str, default=None
            Name of the model, where there is but one. None: its own.
        score_name : str, default="score"
            What the score is called: "CORR".
        ax : matplotlib axes or pair of them, default=None
            One: for the cumulative score alone. Two: the second for the drawdown.
            None: a new figure with both.

        Returns
        -------
        display : CumulativeScoreDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If there is no score at all, the scores or eras cannot be used, or the
            benchmark is not there.
        """
        models, line = _told_apart(scores, benchmark)
        display = cls(
            cumulative=_renamed(models, name).cumsum(),
            benchmark=None if line is None else line.cumsum(),
            score_name=score_name,
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the chart.

        Parameters
        ----------
        ax : matplotlib axes or pair of them, default=None
            One: for the cumulative score alone. Two: the second for the drawdown.
            None: a new figure with both.

        Returns
        -------
        display : CumulativeScoreDisplay
            The display.
        """
        sums = self._sums()
        self.ax_, self.drawdown_ax_ = _pair_of_axes(ax, sums.shape[1])
        self.figure_ = self.ax_.figure
        lines = self._draw(self.ax_, sums)
        n_models = self.cumulative.shape[1]
        self.lines_ = lines[:n_models]
        self.benchmark_line_ = lines[-1] if lines[n_models:] else None
        self.ax_.set_ylabel(f"cumulative {self.score_name}")
        _name_lines(self.ax_, lines, sums)
        self.drawdown_lines_ = []
        if self.drawdown_ax_ is not None:
            self.drawdown_lines_ = self._draw(self.drawdown_ax_, _drawdowns(sums))
            self.drawdown_ax_.set_ylabel("drawdown")
            self.ax_.set_xlabel("")
        return self

    def _sums(self) -> pd.DataFrame:
        """Return a column a line, that of the benchmark last."""
        if self.benchmark is None:
            return self.cumulative
        name = f"{self.benchmark.name} (benchmark)"
        return pd.concat([self.cumulative, self.benchmark.rename(name)], axis=1)

    def _draw(self, ax: Any, frame: pd.DataFrame) -> list[Any]:
        """Draw one line a column."""
        numbers = _axes.era_numbers(frame.index)
        ax.axhline(0.0, color=_axes.GREY, linewidth=0.8)
        lines = []
        for i, column in enumerate(frame.to_numpy().T):
            x, y = _axes.with_gaps(numbers, column)
            is_model = i < self.cumulative.shape[1]
            style = _axes.line_style(i, y) if is_model else _axes.benchmark_style(y)
            lines += ax.plot(x, y, **style)
        _axes.label_eras(ax, frame.index, numbers)
        return lines


def _name_lines(ax: Any, lines: list[Any], sums: pd.DataFrame) -> None:
    """Name the lines in the order in which they end, the highest first."""
    ends = sums.ffill().to_numpy()[-1]
    order = np.argsort(-ends, kind="stable")
    names = [
        str(name) if np.isfinite(end) else f"{name} (no scores)"
        for name, end in zip(sums.columns, ends, strict=True)
    ]
    _axes.legend(ax, [lines[i] for i in order], [names[i] for i in order])


def _drawdowns(sums: pd.DataFrame) -> pd.DataFrame:
    return sums - sums.cummax().clip(lower=0.0)


def _told_apart(scores: Any, benchmark: Any) -> tuple[pd.DataFrame, pd.Series | None]:
    """Return the scores of the models and those of the benchmark, eras in order."""
    table = read_table(scores, "scores", "prediction")
    check_scored(table)
    if benchmark is None:
        return by_era(table), None
    line = by_era(read_benchmark(benchmark, table))
    if is_model_name(benchmark):
        table = table.drop(columns=[line.name])
    return by_era(table), line


def _renamed(models: pd.DataFrame, name: str | None) -> pd.DataFrame:
    if models.empty:
        raise ValueError("`scores` has no column but the benchmark: nothing to draw")
    if name is None:
        return models
    if models.shape[1] > 1:
        raise ValueError(
            f"`name` is for one model; `scores` has {listed(models.columns)}"
        )
    return models.set_axis([name], axis=1)


def _pair_of_axes(ax: Any, n_lines: int) -> tuple[Any, Any]:
    """Return axes for the score, and for the drawdown or None."""
    if ax is None:
        _, (top, bottom) = _axes.pyplot().subplots(
            2,
            sharex=True,
            figsize=(6.5 + 2.5 * _axes.legend_columns(n_lines), 6.0),
            height_ratios=[3, 1],
            layout="constrained",
        )
        return top, bottom
    if not isinstance(ax, Iterable):
        return _axes.axes_or_new(ax), None
    axes = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) not in (1, 2):
        raise ValueError(
            "`ax` must be one axes, or two of which the second is for the drawdown; "
            f"got {len(axes)}"
        )
    top, *rest = map(_axes.axes_or_new, axes)
    return top, rest[0] if rest else None
