"""One score an era and model: `numerai_corr` and its relatives."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._aligned import Aligned, align
from skbench._checks import check_count
from skbench._frames import is_tensor, keeps_kind
from skbench.kernels import score
from skbench.kernels.device import neutralize_eras
from skbench.kernels.rank import rank_gauss

Kernel = Callable[..., NDArray[np.float64]]

# Inputs of which only the ranks count.
_RANKED = ("y_pred", "meta_model")


@keeps_kind
def numerai_corr(
    y_true: Any,
    y_pred: Any,
    *,
    era: Any,
    top_bottom: int | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    r"""Numerai CORR of each model in each era.

    With r the rank of a prediction among the n of its era, ties sharing their average
    rank, and :math:`s(x) = \mathrm{sign}(x) |x|^{1.5}`, the Pearson correlation

    .. math::

        \rho\left(s\left(\Phi^{-1}\left(\frac{r - 1/2}{n}\right)\right),
        s\left(y - \bar y\right)\right).

    A model counts on the rows where it and the target are there; the target is centred
    before, over all its rows. A constant prediction scores 0. An era with fewer than 3
    rows that count, or with no target or a constant one there, gives NaN. Infinite
    predictions rank as the extremes.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none yet. With several, the columns have a level
        more: the target above the model.
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    top_bottom : int, default=None
        Correlate only so many of the highest and of the lowest predictions of an era;
        of ties, the first in row order are the lowest. NaN where the targets of these
        are all equal. None: all.
    n_jobs : int, default=None
        Threads over eras, as joblib counts them. None: one. A second gains a tenth to
        a fifth at best, and costs a third more processor time, as Python runs one
        thread only between the many short calls of numpy.

    Returns
    -------
    scores : DataFrame of shape (n_eras, n_models)
        Scores, eras in order. A single column without a name is "prediction".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, or a column holds
        no numbers.

    See Also
    --------
    summarize : The usual numbers of such scores.

    References
    ----------
    ``numerai_tools.scoring.numerai_corr``, which takes one era, and drops the rows that
    any model lacks for all.

    Examples
    --------
    >>> from skbench.metrics import numerai_corr
    >>> numerai_corr([0, 0.25, 0.5, 1] * 2, [0.2, 0.1, 0.3, 0.4, 1, 2, 3, 4],
    ...              era=["0001"] * 4 + ["0002"] * 4).round(4)
          prediction
    era
    0001      0.7408
    0002      0.9814
    """
    kernel = partial(score.numerai_corr, top_bottom=_checked(top_bottom))
    return _by_era(kernel, era, n_jobs=n_jobs, y_pred=y_pred, y_true=y_true)


@keeps_kind
def correlation_contribution(
    y_true: Any,
    y_pred: Any,
    meta_model: Any,
    *,
    era: Any,
    top_bottom: int | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    r"""Contribution of each model to a reference in each era: MMC or BMC.

    With p and m the normal quantiles of the ranks of prediction and reference, ties
    sharing their average rank, the covariance with the target of what p adds to m,

    .. math:: \frac{1}{n} \left(p - \frac{p \cdot m}{m \cdot m} m\right)
        \cdot (y - \bar y),

    where y is 4 times the target if all targets that count in the era lie in [0, 1].

    A model counts on the rows that have it, the reference and the target; the target is
    centred on these. A constant prediction or target gives 0. A constant reference, or
    fewer than 3 rows that count, give NaN. Against one benchmark this is the BMC of the
    diagnostics, not that of the leaderboard, whose reference is not published.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none yet. With several, the columns have a level
        more: the target above the model.
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    meta_model : array-like of shape (n_rows,)
        The reference: the Meta Model or a benchmark; NaN where there is none.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    top_bottom : int, default=None
        Take the mean only over so many of the highest and of the lowest values of what
        a model adds in an era. None: over all.
    n_jobs : int, default=None
        Threads over eras, as joblib counts them. None: one. A second gains a tenth to
        a fifth at best, and costs a third more processor time, as Python runs one
        thread only between the many short calls of numpy.

    Returns
    -------
    scores : DataFrame of shape (n_eras, n_models)
        Scores, eras in order. A single column without a name is "prediction".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, or a column holds
        no numbers.

    References
    ----------
    ``numerai_tools.scoring.correlation_contribution``, for one era.

    Examples
    --------
    >>> from skbench.metrics import correlation_contribution
    >>> target, reference = [0, 0.25, 0.5, 0.75, 1], [1, 3, 2, 5, 4]
    >>> correlation_contribution(target, [2, 1, 3, 4, 5], reference,
    ...                          era=[1] * 5).round(4)
         prediction
    era
    1         0.569
    """
    kernel = partial(score.correlation_contribution, top_bottom=_checked(top_bottom))
    return _by_era(
        kernel, era, n_jobs=n_jobs, y_pred=y_pred, y_true=y_true, meta_model=meta_model
    )


@keeps_kind
def feature_neutral_corr(
    y_true: Any,
    y_pred: Any,
    features: Any,
    *,
    era: Any,
    top_bottom: int | None = None,
) -> pd.DataFrame:
    """Numerai CORR of each model, neutralised to features, in each era: FNC.

    The prediction is ranked (ties kept) and gaussianized, loses its least-squares
    projection on the features and a constant, and is scored as in `numerai_corr`.

    Ranks and projection use all rows of the era that have the prediction and every
    feature, also those without a target. A prediction that the features explain wholly
    scores 0. Collinear and constant features are fine. Otherwise as `numerai_corr`.

    Features in a torch tensor stay on its device, such as a GPU, as they do in
    `FeatureNeutralizer`.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none yet. With several, the columns have a level
        more: the target above the model.
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    features : array-like of shape (n_rows, n_features)
        What to neutralise to. A row with a missing feature does not count.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    top_bottom : int, default=None
        Correlate only so many of the highest and of the lowest neutralised predictions
        of an era. NaN where the targets of these are all equal. None: all.

    Returns
    -------
    scores : DataFrame of shape (n_eras, n_models)
        Scores, eras in order. A single column without a name is "prediction".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, a column holds no
        numbers, or a feature is infinite.

    References
    ----------
    ``numerai_tools.scoring.feature_neutral_corr``, for one era.

    Examples
    --------
    >>> from skbench.metrics import feature_neutral_corr
    >>> features = [[0], [2], [1], [1], [4]]
    >>> feature_neutral_corr([0, 0.25, 0.5, 0.75, 1], [0.2, 0.1, 0.3, 0.5, 0.4],
    ...                      features, era=[1] * 5).round(4)
         prediction
    era
    1        0.5612
    """
    top_bottom = _checked(top_bottom)
    kernel = partial(score.feature_neutral_corr, top_bottom=top_bottom)
    rows = align_scored(era, y_pred=y_pred, y_true=y_true, features=features)
    # A tensor of one column is taken from the device, as one column of any kind is.
    if is_tensor(features) and len(rows.inputs["features"].names) > 1:
        return _neutral_corr_on_device(rows, features, top_bottom)
    scores = rows.by_era(_of_targets(kernel, rows), squared="features")
    return framed(rows, scores, scored_columns(rows))


@keeps_kind
def mean_target_by_quantile(
    y_true: Any,
    y_pred: Any,
    *,
    era: Any,
    n_quantiles: int = 10,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Mean target of the rows that a model ranks lowest, ..., highest in each era.

    The rows of an era are cut by their rank into groups whose sizes differ by one row
    at most: deciles, the first of which has the lowest predictions. What counts of
    a target is how far it lies above the mean of its era. A model that knows something
    has means that rise from group to group; those of one that knows only the extremes
    rise at the ends.

    A model counts on the rows where it and the target are there; the target is centred
    on these. Ties share the mean of their targets, as if each came into each of their
    groups in part: so a constant prediction gives 0. An era with fewer rows that count
    than groups gives NaN. Infinite predictions rank as the extremes.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,)
        Target, NaN where there is none yet.
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    n_quantiles : int, default=10
        Number of groups, 2 at least.
    n_jobs : int, default=None
        Threads over eras, as for `numerai_corr`.

    Returns
    -------
    means : DataFrame of shape (n_eras, n_models * n_quantiles)
        Mean targets less that of the era, eras in order. The columns are pairs of model
        and group, from 1 to ``n_quantiles``, where polars and pyarrow join the two
        names by " / "; a single column without a name is "prediction". `summarize`
        gives their means over eras with an interval.
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, a column holds no
        numbers, or there are fewer than 2 groups.

    See Also
    --------
    numerai_corr : One number of the same ranks.
    skbench.report.TargetByQuantileDisplay : The means as a chart.

    Examples
    --------
    >>> from skbench.metrics import mean_target_by_quantile, summarize
    >>> means = mean_target_by_quantile([0, 0.25, 0.5, 1, 0, 1, 0, 1],
    ...                                 [0.2, 0.1, 0.3, 0.4, 1, 2, 3, 4],
    ...                                 era=["0001"] * 4 + ["0002"] * 4, n_quantiles=2)
    >>> means
    model    prediction
    quantile          1       2
    era
    0001        -0.3125  0.3125
    0002         0.0000  0.0000
    >>> summarize(means)["mean"]
    model
    (prediction, 1)   -0.15625
    (prediction, 2)    0.15625
    Name: mean, dtype: float64
    """
    return quantile_means_of(y_true, y_pred, era, n_quantiles, n_jobs)


def quantile_means_of(
    y_true: Any, y_pred: Any, era: Any, n_quantiles: int, n_jobs: int | None = None
) -> pd.DataFrame:
    """Compute `mean_target_by_quantile` as a pandas frame, whatever comes in."""
    check_count("n_quantiles", n_quantiles, 2)
    kernel = partial(score.quantile_means, n=int(n_quantiles))
    rows = align_scored(era, several=(), y_pred=y_pred, y_true=y_true)
    return framed(
        rows, rows.by_era(kernel, n_jobs), quantile_columns(rows, n_quantiles)
    )


def quantile_columns(rows: Aligned, n_quantiles: int) -> pd.Index:
    """Name the means of each model in each of its groups."""
    groups = range(1, n_quantiles + 1)
    return pd.MultiIndex.from_product(
        [rows.models, groups], names=["model", "quantile"]
    )


@keeps_kind
def neutral_correlation(
    y_true: Any,
    y_pred: Any,
    neutralizers: Any,
    *,
    era: Any,
    top_bottom: int | None = None,
) -> pd.DataFrame:
    """Correlation with the target of each model, once neutralised, in each era.

    The prediction is ranked (ties kept) and gaussianized, loses its least-squares
    projection on the neutralizers and a constant, and is correlated with the target:
    Pearson's correlation, of which neither side is stretched by the power 1.5. That is
    what sets it apart from `feature_neutral_corr`, which ranks and stretches anew.

    A model counts on the rows that have it, the target and every neutralizer. Where
    nothing is left of a prediction, it scores 0. A constant target, or fewer than 3
    rows that count, give NaN.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none yet. With several, the columns have a level
        more: the target above the model.
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    neutralizers : array-like of shape (n_rows, n_neutralizers)
        What to neutralise to. A row with a missing one does not count.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    top_bottom : int, default=None
        Correlate only so many of the highest and of the lowest neutralised predictions
        of an era. None: all.

    Returns
    -------
    scores : DataFrame of shape (n_eras, n_models)
        Scores, eras in order. A single column without a name is "prediction".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, a column holds no
        numbers, or a neutralizer is infinite.

    References
    ----------
    ``numerai_tools.scoring.neutral_correlation``, for one era.

    Examples
    --------
    >>> from skbench.metrics import neutral_correlation
    >>> neutral_correlation([0, 0.25, 0.5, 0.75, 1], [2, 1, 3, 4, 5],
    ...                     [[0], [1], [1], [0], [0]], era=[1] * 5).round(4)
         prediction
    era
    1        0.8759
    """
    kernel = partial(score.neutral_correlation, top_bottom=_checked(top_bottom))
    return _by_era(
        kernel,
        era,
        y_pred=y_pred,
        y_true=y_true,
        neutralizers=neutralizers,
        squared="neutralizers",
    )


@keeps_kind
def neutral_contribution(
    y_true: Any,
    y_pred: Any,
    meta_model: Any,
    neutralizers: Any,
    *,
    era: Any,
    top_bottom: int | None = None,
) -> pd.DataFrame:
    """Contribution of each model to a reference, both neutralised, in each era.

    As `correlation_contribution`, but prediction and reference, once ranked and
    gaussianized, lose their least-squares projections on the neutralizers and a
    constant. Where nothing is left of a prediction, it scores 0; where nothing is left
    of the reference, the era gives NaN.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none yet. With several, the columns have a level
        more: the target above the model.
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    meta_model : array-like of shape (n_rows,)
        The reference: the Meta Model or a benchmark; NaN where there is none.
    neutralizers : array-like of shape (n_rows, n_neutralizers)
        What to neutralise to. A row with a missing one does not count.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    top_bottom : int, default=None
        Take the mean only over so many of the highest and of the lowest values of what
        a model adds in an era. None: over all.

    Returns
    -------
    scores : DataFrame of shape (n_eras, n_models)
        Scores, eras in order. A single column without a name is "prediction".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, a column holds no
        numbers, or a neutralizer is infinite.

    References
    ----------
    ``numerai_tools.scoring.neutral_contribution``, for one era.

    Examples
    --------
    >>> from skbench.metrics import neutral_contribution
    >>> target, reference = [0, 0.25, 0.5, 0.75, 1], [1, 3, 2, 5, 4]
    >>> neutral_contribution(target, [2, 1, 3, 4, 5], reference, [[0], [1], [1], [0],
    ...                      [0]], era=[1] * 5).round(4)
         prediction
    era
    1          0.51
    """
    kernel = partial(score.neutral_contribution, top_bottom=_checked(top_bottom))
    return _by_era(
        kernel,
        era,
        y_pred=y_pred,
        y_true=y_true,
        meta_model=meta_model,
        neutralizers=neutralizers,
        squared="neutralizers",
    )


@keeps_kind
def correlation_with(y_pred: Any, reference: Any, *, era: Any) -> pd.DataFrame:
    r"""Correlation of each model with a reference in each era: CWMM.

    With r the rank of a prediction among the n of its era, ties sharing their average
    rank, and :math:`s(x) = \mathrm{sign}(x) |x|^{1.5}`, the Pearson correlation

    .. math::

        \rho\left(s\left(\Phi^{-1}\left(\frac{r - 1/2}{n}\right)\right), m\right)

    with the reference m as it stands: it is not ranked, gaussianized or stretched. So
    the reference itself, which in Numerai's file is spread evenly over (0, 1), has a
    correlation below 1 with itself (0.91), and CWMM is not symmetric.

    A model counts on the rows where it and the reference are there. A constant
    prediction scores 0; a constant reference, or fewer than 3 rows that count, give
    NaN.

    Parameters
    ----------
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    reference : array-like of shape (n_rows,)
        The Meta Model, or what else to compare with; NaN where there is none.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.

    Returns
    -------
    scores : DataFrame of shape (n_eras, n_models)
        Correlations, eras in order. A single column without a name is "prediction".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, a column holds no
        numbers, or the reference is infinite.

    References
    ----------
    Numerai's "Correlation With the Meta Model", which is not in ``numerai_tools``.

    Examples
    --------
    >>> from skbench.metrics import correlation_with
    >>> correlation_with([0.1, 0.2, 0.3, 0.4], [0.2, 0.4, 0.6, 0.8],
    ...                  era=[1] * 4).round(4)
         prediction
    era
    1        0.9844
    """
    return _by_era(score.correlation_with, era, y_pred=y_pred, reference=reference)


@keeps_kind
def feature_exposure(y_pred: Any, features: Any, *, era: Any) -> pd.DataFrame:
    """Pearson correlation of each model with each feature in each era.

    Neither is ranked. Each pair counts on the rows that both have; fewer than 3 give
    NaN. A constant prediction or feature has exposure 0.

    Parameters
    ----------
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    features : array-like of shape (n_rows, n_features)
        Features.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.

    Returns
    -------
    exposures : DataFrame of shape (n_eras, n_models * n_features)
        Correlations, eras in order. The columns are the features for one model, and
        pairs of model and feature for several, where polars and pyarrow join the two
        names by " / ".
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, or a column holds
        no numbers or an infinite one.

    See Also
    --------
    max_feature_exposure : The largest of them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.metrics import feature_exposure
    >>> features = pd.DataFrame({"feature_a": [0, 1, 2, 3], "feature_b": [1, 0, 0, 1]})
    >>> feature_exposure([0.1, 0.2, 0.3, 0.4], features, era=["0001"] * 4).round(4)
          feature_a  feature_b
    era
    0001        1.0        0.0
    """
    return exposures_of("y_pred", y_pred, features, era)


def exposures_of(argument: str, y_pred: Any, features: Any, era: Any) -> pd.DataFrame:
    """Compute `feature_exposure` of predictions that the caller calls otherwise."""
    rows = align_scored(era, (), **{argument: y_pred}, features=features)
    columns = pd.Index(rows.inputs["features"].names)
    if len(rows.models) > 1:
        names = ["model", "feature"]
        columns = pd.MultiIndex.from_product([rows.models, columns], names=names)
    return framed(rows, rows.by_era(score.correlations), columns)


@keeps_kind
def max_feature_exposure(
    y_pred: Any, features: Any, *, era: Any, top_bottom: int | None = None
) -> pd.DataFrame:
    """Largest absolute Pearson correlation of each model with any feature in each era.

    The policies are those of `feature_exposure`; pairs without a correlation are left
    out.

    Parameters
    ----------
    y_pred : array-like of shape (n_rows,) or (n_rows, n_models)
        Predictions: one column, or a frame with a column a model.
    features : array-like of shape (n_rows, n_features)
        Features.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    top_bottom : int, default=None
        Correlate only so many of the highest and of the lowest predictions of an era;
        of ties, the first in row order are the lowest. None: all.

    Returns
    -------
    exposures : DataFrame of shape (n_eras, n_models)
        Largest exposures, eras in order.
        The frame is of the kind that came in, pandas for arrays; polars and pyarrow
        have the eras in a first column, `era`, and null for NaN.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, an era is missing, or a column holds
        no numbers or an infinite one.

    References
    ----------
    ``numerai_tools.scoring.max_feature_correlation``, for one era and model.

    Examples
    --------
    >>> from skbench.metrics import max_feature_exposure
    >>> max_feature_exposure([0.1, 0.2, 0.3, 0.4], [[3, 1], [2, 0], [0, 0], [1, 1]],
    ...                      era=[1] * 4)
         prediction
    era
    1           0.8
    """
    kernel = partial(_largest, top_bottom=_checked(top_bottom))
    return _by_era(kernel, era, ranked=(), y_pred=y_pred, features=features)


def _checked(top_bottom: Any) -> int | None:
    if top_bottom is None:
        return None
    check_count("top_bottom", top_bottom, 1)
    return int(top_bottom)


def _largest(
    predictions: NDArray[np.float64], features: NDArray[Any], top_bottom: int | None
) -> NDArray[np.float64]:
    exposures = np.abs(score.correlations(predictions, features, top_bottom))
    largest: NDArray[np.float64] = np.fmax.reduce(exposures, axis=1)
    return largest


def align_scored(
    era: Any,
    ranked: Sequence[str] = _RANKED,
    several: Sequence[str] = ("y_true",),
    **inputs: Any,
) -> Aligned:
    """Align the models, which come first, with what they are scored with."""
    return align(inputs, era, called="prediction", ranked=ranked, several=several)


def _by_era(
    kernel: Kernel,
    era: Any,
    *,
    ranked: Sequence[str] = _RANKED,
    n_jobs: int | None = None,
    squared: str | None = None,
    **inputs: Any,
) -> pd.DataFrame:
    """Score the models of each era: a frame (n_eras, n_models).

    With several targets, these are a level of the columns above the models.
    """
    rows = align_scored(era, ranked, **inputs)
    scores = rows.by_era(_of_targets(kernel, rows), n_jobs, squared=squared)
    return framed(rows, scores, scored_columns(rows))


def _targets(rows: Aligned) -> list[Any]:
    return rows.inputs["y_true"].names if "y_true" in rows.inputs else []


def _of_targets(kernel: Kernel, rows: Aligned) -> Kernel:
    """Let a kernel score with each of several targets, one after the other."""
    if len(_targets(rows)) < 2:
        return kernel

    def scores(predictions: Any, targets: Any, *others: Any) -> NDArray[np.float64]:
        return np.stack([kernel(predictions, one, *others) for one in targets])

    return scores


def scored_columns(rows: Aligned) -> pd.Index:
    """Name what is scored: the models, under each target if there are several."""
    targets = _targets(rows)
    if len(targets) < 2:
        return pd.Index(rows.models)
    return pd.MultiIndex.from_product([targets, rows.models], names=["target", "model"])


def framed(
    rows: Aligned,
    scores: Iterable[NDArray[np.float64]],
    columns: pd.Index | None = None,
) -> pd.DataFrame:
    """Lay out what was found in each era as a row; by default a column a model."""
    columns = pd.Index(rows.models) if columns is None else columns
    index = pd.Index(rows.eras.labels, name="era", tupleize_cols=False)
    values = np.stack([found.ravel() for found in scores])
    return pd.DataFrame(values, index=index, columns=columns)


def _neutral_corr_on_device(
    rows: Aligned, features: Any, top_bottom: int | None
) -> pd.DataFrame:
    """Compute `feature_neutral_corr`, neutralising where the features are."""
    eras, columns = rows.eras.rows, range(features.shape[1])
    normal = np.empty((len(rows.models), len(features)))
    for era in eras:
        normal[:, era] = rank_gauss(rows.one("y_pred", era), scale=False)
    whole = _of_targets(
        partial(score.feature_neutral_corr, top_bottom=top_bottom), rows
    )
    corr = _of_targets(partial(score.numerai_corr, top_bottom=top_bottom), rows)
    names = scored_columns(rows)
    scores = np.empty((len(eras), len(names)))
    for i, neutral in neutralize_eras(
        normal, features, columns, eras, standardize=False
    ):
        if neutral is None:
            found = next(rows.at([i]).by_era(whole, squared="features"))
        else:
            found = corr(neutral[0], rows.one("y_true", eras[i]))
        scores[i] = found.ravel()
    return framed(rows, scores, names)
