"""What displays of one chart share: how they are drawn, and drawn again."""

from abc import ABC, abstractmethod
from typing import Any, Self

from . import _axes


class Display(ABC):
    """A chart on axes of its own, or on those that it is given."""

    def plot(self, ax: Any = None) -> Self:
        """Draw the chart.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : Display
            The display itself.
        """
        self.ax_ = _axes.axes_or_new(ax, self._size())
        self.figure_ = self.ax_.figure
        self._draw(self.ax_)
        return self

    def _size(self) -> tuple[float, float]:
        """Width and height of a new figure, in inches."""
        return 9.0, 4.5

    @abstractmethod
    def _draw(self, ax: Any) -> None: ...
