"""What all displays share: axes to draw on, colours, an axis of eras, legends."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._eras import era_numbers as numbers_of_eras

Floats = NDArray[np.float64]

# Colours that colour-blind readers can tell apart (Okabe and Ito, 2008), without the
# yellow, which is faint on white. Black is that of the benchmark.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
_BENCHMARK = {"color": "black", "linestyle": ":", "linewidth": 2.0, "zorder": 3}
GREY = "0.6"
# When the colours have been used up, the next round of lines has marks.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_ROWS_OF_LEGEND = 24


def pyplot() -> Any:
    """Return `matplotlib.pyplot`, or say how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'charts need matplotlib: pip install "skbench[report]"'
        ) from error
    return plt


def axes_or_new(ax: Any, size: tuple[float, float] = (9.0, 4.5)) -> Any:
    """Return the axes given, or those of a new figure."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=size, layout="constrained")
    elif not hasattr(ax, "figure"):
        raise TypeError(f"`ax` must be matplotlib axes or None; got {ax!r}")
    return ax


def height_for(n_bars: int) -> float:
    """Height in inches of a figure with so many horizontal bars."""
    return max(2.5, 1.2 + 0.25 * n_bars)


def era_numbers(eras: pd.Index) -> Floats:
    """Return where eras in order stand on their axis: at their number, or week."""
    return numbers_of_eras(list(eras))


def usual_step(numbers: Floats) -> float:
    """Return how far apart neighbouring eras usually are: 4 in every fourth era."""
    return float(np.median(np.diff(numbers))) if numbers.size > 1 else 1.0


def with_gaps(numbers: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Put a missing value where eras are skipped, so that no line bridges them."""
    # Months and dates about a holiday lie unevenly, and skip nothing.
    skipped = np.flatnonzero(np.diff(numbers) > 1.5 * usual_step(numbers)) + 1
    return np.insert(numbers, skipped, np.nan), np.insert(values, skipped, np.nan)


def line_style(i: int, values: Floats) -> dict[str, Any]:
    """Return the style of the i-th solid line, which has these values."""
    round_, colour = divmod(i, len(COLOURS))
    marker, places = "o", _lone(values)
    if round_:
        marker = _MARKERS[(round_ - 1) % len(_MARKERS)]
        spread = np.arange(i % 10, values.size, ceil(values.size / 10))
        places = np.union1d(places, spread)
    style = {"color": COLOURS[colour], "linewidth": 1.5}
    return style | _marks(marker, places)


def benchmark_style(values: Floats) -> dict[str, Any]:
    """Return the style of the dotted line of a benchmark with these values."""
    return _BENCHMARK | _marks("o", _lone(values))


def _marks(marker: str, places: NDArray[np.intp]) -> dict[str, Any]:
    if not places.size:
        return {}
    return {"marker": marker, "markersize": 4, "markevery": places.tolist()}


def _lone(values: Floats) -> NDArray[np.intp]:
    """Places of values without a neighbour, of which a line shows nothing."""
    there = np.concatenate([[False], np.isfinite(values), [False]])
    return np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:])


def label_eras(ax: Any, eras: pd.Index, numbers: Floats) -> None:
    """Write the labels of a few eras, those next to round numbers."""
    from matplotlib.ticker import MaxNLocator

    round_numbers = MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True).tick_values(
        numbers[0], numbers[-1]
    )
    inside = (round_numbers >= numbers[0]) & (round_numbers <= numbers[-1])
    shown = {int(np.abs(numbers - n).argmin()) for n in round_numbers[inside]}
    places = sorted(shown or {0})
    labels = [str(eras[i]) for i in places]
    ax.set_xticks(numbers[places], labels, parse_math=False)
    ax.set_xlabel("era")


def label_bars(ax: Any, names: Sequence[Any]) -> None:
    """Write the names of horizontal bars, the first at the top."""
    ax.set_yticks(range(len(names)), [str(name) for name in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)


def legend_columns(n_names: int) -> int:
    """Return the number of columns in which a legend writes so many names."""
    return ceil(n_names / _ROWS_OF_LEGEND)


def legend(ax: Any, artists: Sequence[Any], names: Sequence[Any]) -> None:
    """Name the artists, to the right of the axes, where no line is covered.

    In a figure without a layout engine there is no room made for it: it stands inside.
    """
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
    if ax.figure.get_layout_engine() is None:
        place = {"loc": "best"}
    columns = legend_columns(len(names))
    # The names are written afterwards: a legend leaves out those that start with "_",
    # and reads "$" as mathematics.
    made = ax.legend(
        artists, ["name"] * len(names), ncols=columns, labelspacing=0.35, **place
    )
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(str(name))
        text.set_parse_math(False)
        text.set_fontsize("small")
