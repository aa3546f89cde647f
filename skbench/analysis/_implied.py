"""What the Meta Model is made of: `implied_weights`."""

from typing import Any

import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from skbench._checks import check_count
from skbench.kernels.moments import era_moments
from skbench.kernels.rank import rank_gauss
from skbench.solvers.implied import implied_by_era

from ._rows import Floats, check_models, moments_of, read, scored


def implied_weights(
    meta_model: Any, models: Any, *, era: Any, window: int | None = None
) -> pd.DataFrame:
    r"""Find the blend of models that best explains the Meta Model, era by era.

    The Meta Model m and the models X are ranked and gaussianized within each era, to
    unit standard deviation, and centred. The blend is that of non-negative least
    squares over the eras e of a window (or one era alone), of :math:`n_e` rows each,

    .. math:: \hat v = \arg\min_{v \ge 0}
        \sum_e \frac{1}{n_e} \lVert m_e - X_e v \rVert^2,

    so that every era weighs the same, whatever its number of rows. The weights are
    :math:`\hat v` divided by its sum. What the blend explains of the Meta Model stands
    in ``r2``: the share of its variance, of which each era has its mean, too.

    A row counts where it has the Meta Model and all models. A model without any value
    in an era, or with one value only, has weight NaN there, and the others share the
    weight. With few rows for many models the weights of an era are noisy, small ones
    come out too large, since none is negative, and ``r2`` too high: take a window.
    Where no model helps to explain the Meta Model, all weights are NaN and
    ``r2`` is 0. Models that are nearly copies of each other share their weight in any
    proportion: read the sum of their weights.

    The mean of the weights over eras, with an interval, is what
    `skbench.metrics.summarize` makes of the frame. The windows of neighbouring eras
    overlap, so its ``horizon`` must be longer by ``window - 1``.

    Parameters
    ----------
    meta_model : array-like of shape (n_rows,)
        The Meta Model, NaN where there is none.
    models : array-like of shape (n_rows, n_models)
        Predictions, one column a model.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    window : int, default=None
        Number of neighbouring eras that have the Meta Model to explain by one blend.
        None: each era has a blend of its own.

    Returns
    -------
    weights : pandas.DataFrame of shape (n_eras, n_models + 1)
        Weights that sum to one, one column a model, and ``r2``. One row for each era
        that has the Meta Model, in order; with a window, the row of its last era.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, no era has the Meta Model (or fewer
        than the window), a model is constant, or is called "r2".

    See Also
    --------
    underweight : Which models would improve the Meta Model.

    References
    ----------
    W. F. Sharpe, "Asset allocation: Management style and performance measurement",
    Journal of Portfolio Management 18 (1992), does the same for the returns of funds.

    Examples
    --------
    >>> from skbench.analysis import implied_weights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.metrics import summarize
    >>> data = make_benchmark_models(90, 2000, 3, meta_model_eras=90, random_state=0)
    >>> frame = data.frame
    >>> weights = implied_weights(
    ...     frame["numerai_meta_model"], frame[data.models], era=frame["era"])
    >>> summarize(weights)[["mean", "low", "high"]].round(3)
                       mean    low   high
    model
    v53_lgbm_cyrus20  0.245  0.240  0.250
    v53_lgbm_cyrus60  0.702  0.698  0.706
    v53_lgbm_ender20  0.053  0.049  0.056
    r2                0.799  0.797  0.801
    """
    if window is not None:
        check_count("window", window, 1)
    ordered = window is not None
    rows = read("models", models, era, least=1, ordered=ordered, meta_model=meta_model)
    if "r2" in rows.models:
        raise ValueError("`models` must not hold a column 'r2', the name of a result")
    moments = moments_of(rows, _describe)
    counts = scored(moments)
    usable = moments["varies"] & counts[:, None]
    check_models(rows, usable)
    eras = [label for label, some in zip(rows.eras.labels, counts, strict=True) if some]
    if len(eras) < (window or 1):
        raise ValueError(
            f"`window` must be at most the number of eras that count; got {window} for "
            f"{len(eras)}"
        )
    covariance, cross, variance = (
        _means(moments[name][counts], window)
        for name in ("covariance", "target_covariance", "target_variance")
    )
    # A model that lacks an era of the window would be compared with rows it never saw.
    usable = _means(usable[counts].astype(float), window) == 1.0
    weights, explained = implied_by_era(covariance, cross, variance, usable)
    index = pd.Index(eras[(window or 1) - 1 :], name="era", tupleize_cols=False)
    columns = pd.Index(rows.models, tupleize_cols=False)
    frame = pd.DataFrame(weights, index=index, columns=columns)
    frame["r2"] = explained
    return frame


def _describe(models: Floats, meta_model: Floats) -> dict[str, Any]:
    return era_moments(rank_gauss(models), rank_gauss(meta_model[None])[0])


def _means(values: NDArray[Any], window: int | None) -> Floats:
    """Mean over each window of eras."""
    if window is None:
        return values
    means: Floats = sliding_window_view(values, window, axis=0).mean(axis=-1)
    return means
