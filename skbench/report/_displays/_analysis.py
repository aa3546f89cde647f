"""Charts of what `skbench.analysis` finds."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import check_count
from skbench.analysis import Synergy
from skbench.metrics import read_table

from . import _axes
from ._display import Display

# More numbers than that in a row or column cannot be read.
_READABLE = 12


class ImpliedWeightsDisplay(Display):
    """What the Meta Model consists of, era by era.

    Parameters
    ----------
    weights : pandas.DataFrame of shape (n_eras, n_models)
        Weights of the models that are drawn, those of the largest mean first.
    others : pandas.Series of shape (n_eras,)
        Sum of the weights of the other models, named for the legend; 0 without any.
    explained : pandas.Series of shape (n_eras,)
        Share of the Meta Model that the models explain.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    bars_ : list of matplotlib.container.BarContainer
        Weights of each model, one bar an era.
    line_ : matplotlib.lines.Line2D
        The share explained.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skbench.report import ImpliedWeightsDisplay
    >>> weights = pd.DataFrame({"a": [0.3, 0.2], "b": [0.7, 0.8], "r2": [0.5, 0.6]},
    ...                        index=["0001", "0002"])
    >>> display = ImpliedWeightsDisplay.from_weights(weights)
    >>> list(display.weights)
    ['b', 'a']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, *, weights: pd.DataFrame, others: pd.Series, explained: pd.Series
    ) -> None:
        self.weights = weights
        self.others = others
        self.explained = explained

    @classmethod
    def from_weights(
        cls, weights: pd.DataFrame, *, n_models: int = 5, ax: Any = None
    ) -> Self:
        """Draw implied weights.

        Parameters
        ----------
        weights : pandas.DataFrame of shape (n_eras, n_models + 1)
            As `skbench.analysis.implied_weights` gives it. Where eras are noisy, give
            it a window there.
        n_models : int, default=5
            Number of models, those of the largest mean weight, to draw one by one.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : ImpliedWeightsDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the frame has no column "r2" and models beside it, or no rows.
        """
        check_count("n_models", n_models, 1)
        weights = read_table(weights, "weights")
        if "r2" not in weights or weights.shape[1] < 2:
            raise ValueError(
                "`weights` must be a frame of `implied_weights`: models and 'r2'; "
                f"got columns {list(weights)}"
            )
        models = weights.drop(columns="r2")
        order = np.argsort(-models.mean().fillna(0.0).to_numpy(), kind="stable")
        rest = models.iloc[:, order[n_models:]]
        display = cls(
            weights=models.iloc[:, order[:n_models]],
            others=rest.sum(axis=1).rename(f"{rest.shape[1]} others"),
            explained=weights["r2"],
        )
        return display.plot(ax)

    def _draw(self, ax: Any) -> None:
        numbers = _axes.era_numbers(self.weights.index)
        parts = {name: self.weights[name].fillna(0.0) for name in self.weights}
        colours = [_axes.COLOURS[i % len(_axes.COLOURS)] for i in range(len(parts))]
        if self.others.any():
            parts[self.others.name] = self.others
            colours.append(_axes.GREY)
        self.bars_, floor = [], np.zeros(len(numbers))
        for height, colour in zip(parts.values(), colours, strict=True):
            bars = ax.bar(
                numbers,
                height,
                _axes.usual_step(numbers),
                bottom=floor,
                color=colour,
                linewidth=0,
            )
            self.bars_.append(bars)
            floor = floor + height.to_numpy()
        (self.line_,) = ax.plot(
            *_axes.with_gaps(numbers, self.explained.to_numpy()), color="black"
        )
        ax.set(ylim=(0.0, 1.0), ylabel="implied weight")
        ax.margins(x=0.0)
        _axes.label_eras(ax, self.weights.index, numbers)
        # As they are stacked: the last model is on top.
        names = [*list(parts)[::-1], "share explained (r2)"]
        _axes.legend(ax, [*self.bars_[::-1], self.line_], names)


class SynergyDisplay(Display):
    """How much pairs of models gain over the better of the two.

    Parameters
    ----------
    synergy : Synergy
        What is drawn.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    image_ : matplotlib.image.AxesImage
        The gains.
    texts_ : list of matplotlib.text.Text
        Each gain in thousandths and, below it, the tilt and half the length of its
        interval, bold where the pair is clear by itself (``synergy.clear``); none for
        more than 12 models.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skbench.analysis import synergy
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.report import SynergyDisplay
    >>> data = make_benchmark_models(30, 100, 3, random_state=0)
    >>> found = synergy(data.frame[data.models], data.frame["target_cyrus_20"],
    ...                 era=data.frame["era"])
    >>> display = SynergyDisplay.from_synergy(found)
    >>> len(display.texts_)
    6
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, synergy: Synergy) -> None:
        self.synergy = synergy

    @classmethod
    def from_synergy(cls, synergy: Synergy, *, ax: Any = None) -> Self:
        """Draw the gains of pairs.

        Parameters
        ----------
        synergy : Synergy
            As `skbench.analysis.synergy` gives it.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : SynergyDisplay
            What was drawn.

        Raises
        ------
        TypeError
            If it is something else.
        """
        if not isinstance(synergy, Synergy):
            raise TypeError(
                "`synergy` must be what skbench.analysis.synergy gives; "
                f"got {type(synergy).__name__}"
            )
        return cls(synergy=synergy).plot(ax)

    def _size(self) -> tuple[float, float]:
        side = max(4.0, 2.0 + 0.6 * min(len(self.synergy.gain), 2 * _READABLE))
        return side + 2.0, side

    def _draw(self, ax: Any) -> None:
        names = [str(name) for name in self.synergy.gain]
        gains = self.synergy.gain.to_numpy()
        top = np.nanmax(gains, initial=0.0) or 1.0
        self.image_ = ax.imshow(
            gains, cmap="Blues", vmin=0.0, vmax=1.2 * top, aspect="auto"
        )
        ax.set_xticks(
            range(len(names)), names, parse_math=False, rotation=45, ha="right"
        )
        ax.set_yticks(range(len(names)), names, parse_math=False)
        self.texts_: list[Any] = []
        if len(names) <= _READABLE:
            self._write(gains, top)
        bar = self.figure_.colorbar(self.image_, ax=ax, shrink=0.8)
        bar.set_label("gain over the better of the two")

    def _write(self, gains: Any, top: float) -> None:
        """Write numbers on the gains, but not of a model with itself."""
        tilt = self.synergy.tilt.to_numpy()
        half = ((self.synergy.tilt_high - self.synergy.tilt_low) / 2).to_numpy()
        clear = self.synergy.clear.to_numpy()
        for i, j in np.argwhere(~np.isnan(gains)):
            if i == j and gains[i, j] == 0.0:
                continue
            text = f"{1000 * gains[i, j]:.1f}"
            if not np.isnan(half[i, j]):
                text += f"\n{1000 * tilt[i, j]:.1f} ±{1000 * half[i, j]:.1f}"
            self.texts_.append(
                self.ax_.text(
                    j,
                    i,
                    text,
                    ha="center",
                    va="center",
                    fontsize="small",
                    fontweight="bold" if clear[i, j] else "normal",
                    color="white" if gains[i, j] > 0.75 * top else "black",
                )
            )
