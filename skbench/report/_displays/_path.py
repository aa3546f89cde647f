"""Score against the proportion of neutralisation: `NeutralizationPathDisplay`."""

from collections.abc import Hashable, Iterable, Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import check_share, is_several, listed
from skbench._eras import era_column
from skbench._frames import as_table, check_alignment, indexed, name_of, pick
from skbench._neutralizer import neutralization_path
from skbench.metrics import by_era, check_scored, numerai_corr, read_table, summarize

from . import _axes
from ._display import Display


class NeutralizationPathDisplay(Display):
    """Mean score against the proportion of neutralisation: how much to take.

    The band is the 95 % interval of the mean at each proportion. The scores at two
    proportions are close relatives, so whether one is better than the other is not seen
    from the bands. The title says it: from the interval of the paired difference
    between the best proportion and none. As the best of k is chosen, these intervals
    are wider, so that all k hold together with a probability of 95 %.

    Parameters
    ----------
    summary : pandas.DataFrame
        One row a proportion, ascending from 0, with the columns "mean", "low", "high",
        "difference", "difference_low" and "difference_high" of
        `skbench.metrics.summarize`.
    score_name : str, default="score"
        What the score is called.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    line_ : matplotlib.lines.Line2D
        Mean score at each proportion.
    best_mark_ : matplotlib.lines.Line2D
        The highest of them.
    interval_ : matplotlib.collections.PolyCollection or None
        The band; None where there are too few eras for one.

    See Also
    --------
    skbench.neutralization_path : The predictions at each proportion.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skbench.report import NeutralizationPathDisplay
    >>> scores = pd.DataFrame({0: [0.02, -0.01, 0.03, 0.04],
    ...                        0.5: [0.02, 0.01, 0.03, 0.04],
    ...                        1: [0.01, 0.0, 0.01, 0.02]})
    >>> display = NeutralizationPathDisplay.from_scores(scores, horizon=1)
    >>> display.best, display.summary["mean"].round(3).tolist()
    (0.5, [0.02, 0.025, 0.01])
    >>> print(display.ax_.get_title())
    Highest at 0.5, but it cannot be told from none:
    +0.0050 (95 % interval -0.0158 to +0.0258)
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, summary: pd.DataFrame, score_name: str = "score") -> None:
        self.summary = summary
        self.score_name = score_name

    @property
    def best(self) -> float:
        """The proportion with the highest mean score, the smallest of equals.

        Returns
        -------
        best : float
            The proportion.
        """
        return float(self.summary.index.to_numpy()[self._best])

    @property
    def _best(self) -> int:
        return int(np.nanargmax(self.summary["mean"].to_numpy()))

    @classmethod
    def from_scores(
        cls,
        scores: Any,
        *,
        score_name: str = "score",
        target: str | None = None,
        horizon: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw scores, one an era and proportion.

        Parameters
        ----------
        scores : DataFrame of shape (n_eras, n_proportions)
            Scores; the columns are the proportions, 0 among them, or names that end in
            one, as `neutralization_path` makes them ("prediction_0.5").
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
        display : NeutralizationPathDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the columns are no proportions, 0 is not among them, or there is no
            score.
        """
        frame = by_era(read_table(scores, "scores", "prediction"))
        check_scored(frame)
        frame.columns = pd.Index(_proportions(frame.columns), name="proportion")
        options: dict[str, Any] = {"target": target, "horizon": horizon}
        summary = summarize(frame, 0.0, **options)
        # The best of them is shown: all are to hold together (Sidak).
        together = 0.95 ** (1 / max(frame.shape[1] - 1, 1))
        paired = ["difference", "difference_low", "difference_high"]
        summary[paired] = summarize(frame, 0.0, confidence=together, **options)[paired]
        summary = summary.rename_axis("proportion").sort_index()
        return cls(summary=summary, score_name=score_name).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        y: Any,
        *,
        proportions: Iterable[float] = tuple(i / 10 for i in range(11)),
        horizon: int | None = None,
        ax: Any = None,
        **params: Any,
    ) -> Self:
        """Neutralise a prediction by each proportion, and draw its Numerai CORR.

        The features of each era are factorised once.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            A prediction, its neutralizers and the era column.
        y : array-like of shape (n_rows,)
            Targets, NaN where there is none yet. Its name, as in "target_ender_20",
            sets the horizon as in `summarize`.
        proportions : iterable of float, default=(0.0, 0.1, ..., 1.0)
            Shares of the explained part to subtract. 0 is added if it is not there, as
            the one to compare with.
        horizon : int, default=None
            Over how many eras a score shares days with others. None: as the name of
            ``y`` says.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.
        **params
            Parameters of `skbench.neutralization_path`: ``neutralizers``, ``columns``,
            ``era`` and so on.

        Returns
        -------
        display : NeutralizationPathDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If X has no eras or several predictions, or something cannot be used.
        """
        _axes.pyplot()  # what is missing should be said before the work is done
        shares = _shares(proportions)
        era = _eras_of(X, y, params)
        path = neutralization_path(X, shares, **params)
        scores = indexed(numerai_corr(y, path, era=era), "era")
        if scores.shape[1] > len(shares):
            raise ValueError(
                f"X has {scores.shape[1] // len(shares)} predictions: name one in "
                "`columns`"
            )
        return cls.from_scores(
            scores.set_axis(shares, axis=1),
            score_name="CORR",
            target=name_of(y),
            horizon=horizon,
            ax=ax,
        )

    def _draw(self, ax: Any) -> None:
        shares, mean = self.summary.index.to_numpy(), self.summary["mean"]
        (self.line_,) = ax.plot(shares, mean, color=_axes.BLUE, marker="o")
        best = [self.best], [mean.max()]
        style = {"color": _axes.VERMILLION, "marker": "D", "markersize": 10}
        (self.best_mark_,) = ax.plot(*best, linestyle="none", **style)
        named = {"mean over eras": self.line_, "highest": self.best_mark_}
        self.interval_ = None
        low, high = self.summary["low"], self.summary["high"]
        if low.notna().any():
            self.interval_ = ax.fill_between(
                shares, low, high, color=_axes.BLUE, alpha=0.2
            )
            named["95 % interval"] = self.interval_
        ax.set_xlabel("proportion of neutralisation")
        ax.set_ylabel(f"mean {self.score_name}")
        ax.set_title(self._verdict())
        _axes.legend(ax, list(named.values()), list(named))

    def _verdict(self) -> str:
        """Say whether the best proportion can be told from none."""
        if self.best == 0.0:
            return "No proportion scores higher than none"
        paired = self.summary[["difference", "difference_low", "difference_high"]]
        gain, low, high = paired.to_numpy()[self._best]
        if np.isnan(low):
            return f"Highest at {self.best:g}, of too few eras for an interval"
        told = "better than none" if low > 0 else "but it cannot be told from none"
        interval = f"{gain:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"
        return f"Highest at {self.best:g}, {told}:\n{interval}"


def _shares(proportions: Any) -> list[float]:
    """Return the proportions in order, and 0 to compare them with."""
    if not is_several(proportions):
        raise ValueError(f"`proportions` must be numbers; got {proportions!r}")
    shares = list(proportions)
    for share in shares:
        check_share("proportions", share)
    return sorted({0.0, *shares})


def _proportions(columns: pd.Index) -> list[float]:
    """Return the proportions that columns are named by, as they stand."""
    shares = [_proportion(name) for name in columns]
    if len(set(shares)) < len(shares):
        raise ValueError(
            "`scores` must have one column a proportion, of one model; "
            f"got {listed(columns)}"
        )
    if 0.0 not in shares:
        raise ValueError(
            "`scores` must have a column for the proportion 0, to compare with; "
            f"got {listed(columns)}"
        )
    return shares


def _proportion(name: Hashable) -> float:
    try:
        share = float(str(name).rsplit("_", 1)[-1])
    except ValueError:
        share = np.nan
    if not 0 <= share <= 1:
        raise ValueError(
            "`scores` must have columns that are named by their proportion, between 0 "
            f"and 1, as in 0.5 or 'prediction_0.5'; got {name!r}"
        )
    return share


def _eras_of(X: Any, y: Any, params: Mapping[str, Any]) -> Any:
    """Return the era column of X, which must be there, as must the rows of y."""
    era = params.get("era", "era")
    table = as_table(X, object_array=isinstance(era, Integral))
    check_alignment(table, y)
    there = era in table.names or isinstance(era, Integral)
    if era is None or not there:
        raise ValueError(
            f"X has no era column {era!r}, and scores are by era: name it in `era`, by "
            "its position in an array"
        )
    return pick(table, [era_column(table, era, (0, 0))])
