"""Which models the Meta Model has too little of: `underweight`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._eras import era_numbers
from skbench.kernels.moments import era_moments
from skbench.kernels.rank import rank_gauss
from skbench.kernels.score import correlation_contribution, numerai_corr
from skbench.solvers.implied import implied_by_era
from skbench.solvers.relations import slopes

from ._intervals import Intervals
from ._rows import Floats, check_models, moments_of, read, scored


def underweight(
    meta_model: Any,
    models: Any,
    y: Any,
    *,
    era: Any,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    r"""Rank models by how much a little more of each would improve the Meta Model.

    The Meta Model m and the models x are ranked and gaussianized within each era, to
    unit standard deviation. With :math:`\rho` the Pearson correlation with the target,
    in an era, the derivative is that of the blend, which is not ranked again,

    .. math::

        \frac{d}{d\epsilon} \rho(m + \epsilon x, y) \Big|_{\epsilon = 0}
        = \frac{\operatorname{cov}(x, y)}{\sigma_m \sigma_y}
        - \rho(m, y) \frac{\operatorname{cov}(x, m)}{\sigma_m^2},

    and its mean over eras is what counts. A derivative of 0.01 means: 1 % of the model
    added to the Meta Model raises its correlation by 0.0001. It is positive for a
    model that predicts more of the target than its likeness to the Meta Model explains,
    which may be one that has much weight already.

    A row counts where it has the target, the Meta Model and all models, and an era
    where it has the target and the Meta Model. Intervals are those of
    `skbench.metrics.summarize`. The best of many models looks better than it is:
    whoever picks one from the board goes by the joint interval, which is longer, so
    that those of all models hold together with the probability ``confidence`` (Sidak).

    Parameters
    ----------
    meta_model : array-like of shape (n_rows,)
        The Meta Model, NaN where there is none.
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
    board : pandas.DataFrame of shape (n_models, 15)
        One row a model, the most underweighted first. The ends of the interval of a
        column stand in ``{column}_low`` and ``{column}_high``, NaN for fewer eras than
        two horizons. The columns, means over eras:

        - derivative: as above; the ends of its joint interval stand in
          derivative_joint_low and derivative_joint_high;
        - implied_weight: the weight in the blend that explains the Meta Model, as
          `implied_weights` gives it for the rows that count;
        - corr, contribution: scores of the model itself, as
          `skbench.metrics.numerai_corr` and `correlation_contribution` (to the Meta
          Model) give them;
        - n_eras: number of eras of the derivative.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, fewer than 2 eras have both the target
        and the Meta Model, or a model is constant.

    See Also
    --------
    implied_weights : What the Meta Model is made of.
    marginal_contribution : The same for a blend of one's own.

    Examples
    --------
    >>> from skbench.analysis import underweight
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(90, 1000, 3, meta_model_eras=90, random_state=0)
    >>> frame = data.frame
    >>> board = underweight(frame["numerai_meta_model"], frame[data.models],
    ...                     frame["target_cyrus_20"], era=frame["era"])
    >>> board[["derivative", "derivative_low", "derivative_high"]].round(4)
                      derivative  derivative_low  derivative_high
    model
    v53_lgbm_cyrus20      0.0131          0.0039           0.0223
    v53_lgbm_cyrus60      0.0061          0.0016           0.0106
    v53_lgbm_ender20      0.0010         -0.0075           0.0095
    """
    intervals = Intervals.checked(y, horizon, confidence)
    rows = read("models", models, era, y=y, meta_model=meta_model)
    moments = moments_of(rows, _describe)
    counts = scored(moments, -1)
    varies = moments["varies"][:, :-1] & counts[:, None]
    check_models(rows, varies)
    implied = _implied(moments["covariance"][counts], varies[counts])
    derivative = np.where(varies, slopes(moments, -1)[:, :-1], np.nan)
    numbers = era_numbers(rows.eras.labels)
    board = pd.DataFrame(
        {
            **intervals.of_means("derivative", derivative, numbers),
            **intervals.joint("derivative", derivative, numbers),
            **intervals.of_means("implied_weight", implied, numbers),
            **intervals.of_means("corr", moments["corr"], numbers),
            **intervals.of_means("contribution", moments["contribution"], numbers),
            "n_eras": varies.sum(axis=0),
        },
        index=pd.Index(rows.models, name="model", tupleize_cols=False),
    )
    return board.sort_values("derivative", ascending=False, kind="stable")


def _implied(covariance: Floats, varies: NDArray[np.bool_]) -> Floats:
    """Weights of the models in the Meta Model, which stands last, in each era."""
    to_meta_model = covariance[:, :, -1]
    weights, _ = implied_by_era(
        covariance[:, :-1, :-1], to_meta_model[:, :-1], to_meta_model[:, -1], varies
    )
    return weights


def _describe(models: Floats, y: Floats, meta_model: Floats) -> dict[str, Any]:
    """Moments of the models and, last, the Meta Model; scores of the models."""
    return {
        **era_moments(rank_gauss(np.vstack([models, meta_model])), y),
        "corr": numerai_corr(models, y),
        "contribution": correlation_contribution(models, y, meta_model),
    }
