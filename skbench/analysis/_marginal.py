"""What each model would add to a blend of one's own: `marginal_contribution`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skbench._aligned import Aligned
from skbench._checks import did_you_mean, is_number, listed
from skbench._eras import era_numbers
from skbench._frames import Name, has_name
from skbench.kernels.blend import blend
from skbench.kernels.moments import era_moments
from skbench.kernels.rank import rank_gauss
from skbench.kernels.score import MIN_ROWS
from skbench.solvers.pairs import Pairs
from skbench.solvers.relations import correlations, slopes

from ._intervals import Intervals
from ._rows import Describe, Floats, Moments, check_models, moments_of, read, scored


def marginal_contribution(
    portfolio: Any,
    models: Any,
    y: Any,
    *,
    era: Any,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    r"""Tell what adding each model changes in a blend of one's own.

    Models are ranked and gaussianized within each era, to unit standard deviation; the
    portfolio p is a blend of them, scaled to unit standard deviation and not ranked
    again, or a prediction column, gaussianized as they are. For each model x:

    - the derivative of the Pearson correlation of :math:`p + \epsilon x` with the
      target at :math:`\epsilon = 0`, as in `underweight`, mean over eras;
    - the best mix :math:`(1 - \lambda) p + \lambda x`, with :math:`\lambda` in [0, 1],
      and what it scores above the portfolio. With :math:`\bar\rho` the mean
      correlation with the target and :math:`\bar r` that of the portfolio and the
      model, mean over eras, a mix scores

      .. math:: \frac{(1 - \lambda) \bar\rho_p + \lambda \bar\rho_x}
          {\sqrt{(1-\lambda)^2 + 2 \lambda (1 - \lambda) \bar r + \lambda^2}},

      whose peak is known in closed form. The mix is chosen on the eras on which it is
      scored, so the gain flatters it and is never below 0. It is no mean over eras
      and has a kink at 0, so it has no interval here: whether the model helps is what
      the interval of the derivative says.

    A row counts where it has the target, the portfolio and all models.

    Parameters
    ----------
    portfolio : mapping of column to float, or array-like of shape (n_rows,)
        Weights of some of the models, used as given; or the predictions of the blend.
    models : array-like of shape (n_rows, n_models)
        Predictions, one column a model.
    y : array-like of shape (n_rows,)
        Targets, NaN where there is none yet.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as the name of ``y``
        says, 13 where it does not.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    board : pandas.DataFrame of shape (n_models, 10)
        One row a model, the largest derivative first. ``derivative`` and
        ``correlation`` (with the portfolio, mean over eras) and their intervals, as
        `skbench.metrics.summarize` has them, ``{column}_low`` and ``{column}_high``,
        NaN for fewer eras than two horizons; ``mix``, the share :math:`\lambda` of the
        model in the best mix, and its ``gain``; ``n_eras``; ``score``, the mean Pearson
        correlation of the portfolio with the target in those eras.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, the portfolio names a column that is
        not there, fewer than 2 eras count, or a model or the portfolio is constant.

    See Also
    --------
    underweight : The same for the Meta Model.

    Examples
    --------
    >>> from skbench.analysis import marginal_contribution
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(90, 1000, 3, random_state=0)
    >>> frame = data.frame
    >>> board = marginal_contribution({data.models[0]: 1.0}, frame[data.models],
    ...                               frame["target_cyrus_20"], era=frame["era"])
    >>> board.loc[data.models[1], ["derivative", "mix", "gain"]].round(4).tolist()
    [0.006, 0.3301, 0.0011]
    """
    intervals = Intervals.checked(y, horizon, confidence)
    if isinstance(portfolio, Mapping):
        rows = read("models", models, era, y=y)
        describe = _of_weights(_weights(portfolio, rows))
    else:
        rows = read("models", models, era, y=y, portfolio=portfolio)
        describe = _of_column
    moments = moments_of(rows, describe)
    counts = scored(moments, -1)
    if not counts.any():
        raise ValueError(
            "`portfolio` must vary in some era that has targets: it is constant, or "
            "a model in it is missing, in all of them"
        )
    varies = moments["varies"][:, :-1] & counts[:, None]
    check_models(rows, varies)
    return _board(rows, moments, varies, intervals)


def _board(
    rows: Aligned, moments: Moments, varies: Any, intervals: Intervals
) -> pd.DataFrame:
    """Put the numbers of each model in a row."""
    derivative = np.where(varies, slopes(moments, -1)[:, :-1], np.nan)
    scores, between = correlations(moments)
    portfolio = np.where(varies, scores[:, -1:], np.nan)
    likeness = np.where(varies, between[:, :-1, -1], np.nan)
    models = np.where(varies, scores[:, :-1], np.nan)
    best = Pairs(portfolio.T, models.T, likeness.T).best()
    numbers = era_numbers(rows.eras.labels)
    board = {
        **intervals.of_means("derivative", derivative, numbers),
        "mix": best.share,
        "gain": best.over_first,
        **intervals.of_means("correlation", likeness, numbers),
        "score": pd.DataFrame(portfolio).mean().to_numpy(),
        "n_eras": varies.sum(axis=0),
    }
    index = pd.Index(rows.models, name="model", tupleize_cols=False)
    frame = pd.DataFrame(board, index=index)
    return frame.sort_values("derivative", ascending=False, kind="stable")


def _weights(portfolio: Mapping[Name, float], rows: Aligned) -> Floats:
    """Weight of each model, 0 where the portfolio does not name it."""
    if absent := [name for name in portfolio if not has_name(rows.models, name)]:
        raise ValueError(
            f"`portfolio` names {listed(absent)}, which `models` does not have; "
            f"it has {listed(rows.models)}{did_you_mean(absent[0], rows.models)}"
        )
    weights = [portfolio.get(name, 0.0) for name in rows.models]
    if not all(is_number(w) and np.isfinite(w) for w in weights) or not any(weights):
        raise ValueError(
            f"`portfolio` must hold finite weights, not all 0; got {dict(portfolio)!r}"
        )
    return np.array(weights, dtype=np.float64)


def _of_weights(weights: Floats) -> Describe:
    """Describe the models of an era and, last, their blend."""
    used = np.flatnonzero(weights)

    def describe(models: Floats, y: Floats) -> dict[str, Any]:
        normal = rank_gauss(models)
        blended = blend(list(normal[used]), list(weights[used]))
        return era_moments(np.vstack([normal, _unit(blended)]), y)

    return describe


def _of_column(models: Floats, y: Floats, portfolio: Floats) -> dict[str, Any]:
    """Describe the models of an era and, last, the portfolio."""
    return era_moments(rank_gauss(np.vstack([models, portfolio])), y)


def _unit(blended: Floats) -> Floats:
    """Scale to unit standard deviation, as the models are; a constant stays."""
    there = blended[~np.isnan(blended)]
    if there.size < MIN_ROWS or there.max() == there.min():
        return blended
    scaled: Floats = blended / there.std(ddof=1)
    return scaled
