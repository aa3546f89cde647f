"""Exposures before and after neutralisation: `FeatureExposureDisplay`."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import check_count, listed
from skbench._frames import indexed
from skbench.metrics import check_frame, exposures_of, read_table

from . import _axes


class FeatureExposureDisplay:
    r"""Largest feature exposures of a prediction before and after neutralisation.

    The exposure to a feature is the Pearson correlation with it in an era; what is
    drawn is the mean over eras of its absolute value. This is not 0 for a prediction
    that has nothing to do with the feature: in eras of n rows it is then about
    :math:`0.8 / \sqrt{n}`.

    Parameters
    ----------
    exposures : pandas.DataFrame of shape (n_features, 2)
        Mean absolute exposures "before" and "after", the largest first.
    largest : pandas.Series
        "before" and "after": mean over eras of the largest absolute exposure.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    before_, after_ : matplotlib.collections.PathCollection
        A dot for each feature.
    changes_ : matplotlib.collections.LineCollection
        A line between the two.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skbench.report import FeatureExposureDisplay
    >>> eras = ["0001", "0002"]
    >>> before = pd.DataFrame({"feature_a": [0.1, -0.1], "feature_b": [0.3, 0.2]}, eras)
    >>> display = FeatureExposureDisplay.from_exposures(before, before / 2)
    >>> display.exposures
               before  after
    feature_b    0.25  0.125
    feature_a    0.10  0.050
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, exposures: pd.DataFrame, largest: pd.Series) -> None:
        self.exposures = exposures
        self.largest = largest

    @classmethod
    def from_exposures(
        cls, before: Any, after: Any, *, n_features: int = 20, ax: Any = None
    ) -> Self:
        """Draw exposures as `skbench.metrics.feature_exposure` gives them.

        Parameters
        ----------
        before, after : pandas.DataFrame of shape (n_eras, n_features)
            Exposures of one model, of the same eras to the same features.
        n_features : int, default=20
            Number of features to draw: those with the largest exposure before or
            after, in this order.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : FeatureExposureDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If eras or features differ, there are several models, or no exposure.
        """
        check_count("n_features", n_features, 1)
        sizes = {"before": _sizes(before, "before"), "after": _sizes(after, "after")}
        _check_same_exposures(sizes["before"], sizes["after"])
        exposures = pd.DataFrame({name: size.mean() for name, size in sizes.items()})
        exposures = exposures.dropna()
        if exposures.empty:
            raise ValueError(
                "`before` and `after` share no exposure to any of the features in any "
                "era: each must vary in some era that both have"
            )
        order = np.argsort(-exposures.max(axis=1).to_numpy(), kind="stable")
        largest = {name: size.max(axis=1).mean() for name, size in sizes.items()}
        display = cls(exposures=exposures.iloc[order], largest=pd.Series(largest))
        return display.plot(ax, n_features=n_features)

    @classmethod
    def from_predictions(
        cls,
        before: Any,
        after: Any,
        features: Any,
        *,
        era: Any,
        n_features: int = 20,
        ax: Any = None,
    ) -> Self:
        """Draw the exposures of predictions.

        Parameters
        ----------
        before, after : array-like of shape (n_rows,)
            Predictions of one model, before and after neutralisation.
        features : DataFrame, Table or array of shape (n_rows, n_features)
            Features.
        era : array-like of shape (n_rows,)
            The era of each row, in any order.
        n_features : int, default=20
            Number of features to draw: those with the largest exposure before or
            after, in this order.
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : FeatureExposureDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the inputs differ in length or index, or there are several models.
        """
        _axes.pyplot()  # what is missing should be said before the work is done
        return cls.from_exposures(
            exposures_of("before", before, features, era),
            exposures_of("after", after, features, era),
            n_features=n_features,
            ax=ax,
        )

    def plot(self, ax: Any = None, *, n_features: int = 20) -> Self:
        """Draw the chart.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Axes to draw on. None: a new figure.
        n_features : int, default=20
            Number of features to draw, from the first.

        Returns
        -------
        display : FeatureExposureDisplay
            The display.
        """
        check_count("n_features", n_features, 1)
        drawn = self.exposures.iloc[:n_features]
        size = (9.0, _axes.height_for(len(drawn)))
        self.ax_ = ax = _axes.axes_or_new(ax, size)
        self.figure_ = ax.figure
        rows, before, after = range(len(drawn)), drawn["before"], drawn["after"]
        self.changes_ = ax.hlines(rows, before, after, color=_axes.GREY, zorder=1)
        self.before_ = ax.scatter(before, rows, color=_axes.VERMILLION, marker="o")
        self.after_ = ax.scatter(after, rows, color=_axes.BLUE, marker="D")
        ax.set_xlim(left=0.0)
        ax.set_xlabel("size of the exposure (mean over eras of |correlation|)")
        ax.set_title(
            f"The {len(drawn)} largest exposures to {len(self.exposures)} features"
        )
        _axes.label_bars(ax, list(drawn.index))
        names = [
            f"{name} neutralisation:\nlargest of an era {value:.3f} on average"
            for name, value in self.largest.items()
        ]
        _axes.legend(ax, [self.before_, self.after_], names)
        return self


def _sizes(exposures: Any, name: str) -> pd.DataFrame:
    exposures = indexed(exposures, "era")
    check_frame(exposures, name, "eras x features")
    if exposures.columns.nlevels > 1:
        models = exposures.columns.get_level_values(0).unique()
        raise ValueError(
            f"`{name}` has several models, {listed(models)}: choose one, as in "
            f"{name}[{models[0]!r}]"
        )
    return read_table(exposures, name).abs()


def _check_same_exposures(before: pd.DataFrame, after: pd.DataFrame) -> None:
    for what, axis in (("eras", 0), ("features", 1)):
        differ = before.axes[axis].symmetric_difference(after.axes[axis], sort=False)
        if len(differ):
            raise ValueError(
                f"`before` and `after` must have the same {what}; they differ in "
                f"{listed(differ)}"
            )
