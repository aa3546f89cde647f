"""All models beside each other: `score_models` and `leaderboard`."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import check_count, did_you_mean, listed
from skbench._frames import has_name, keeps_kind
from skbench._score_names import multipliers_of, paid
from skbench.kernels import score

from ._ranking import best_first, compare_shorter
from ._scores import (
    align_scored,
    feature_neutral_corr,
    framed,
    quantile_columns,
    scored_columns,
)
from ._summary import summarize
from ._tables import Frames, read_scores, spans

Floats = NDArray[np.float64]

# What one era has beside scores of models.
_OWN, _QUANTILES = "own", "quantiles"


@keeps_kind
def score_models(
    y_true: Any,
    y_pred: Any,
    *,
    era: Any,
    meta_model: Any = None,
    benchmark: Hashable = None,
    features: Any = None,
    payout: Mapping[str, float] | None = None,
) -> dict[str, pd.DataFrame]:
    """Score models by all measures that the data allow.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, NaN where there is none. With several, the columns of each frame have a
        level more: the target above the model.
    y_pred : DataFrame, Table or array of shape (n_rows, n_models)
        Predictions, one column a model.
    era : array-like of shape (n_rows,)
        Era of each row.
    meta_model : array-like of shape (n_rows,), default=None
        Predictions of the Meta Model, NaN where there are none.
    benchmark : column of ``y_pred``, default=None
        The model whose predictions are the benchmark.
    features : DataFrame, Table or array of shape (n_rows, n_features), default=None
        Features that a model should not need.
    payout : mapping of str to float, default=None
        Multipliers of "corr" and "mmc", or other words for them, such as
        ``{"corr": 3, "mmc": 15}`` or the ``multipliers`` of a
        `skbench.staking.PayoutRule`: their sum is a score, too.

    Returns
    -------
    scores : dict of str to DataFrame of shape (n_eras, n_models)
        By name: ``corr``, `numerai_corr`; ``mmc``, `correlation_contribution` to the
        Meta Model, if it is given; ``bmc``, the same to the benchmark, if it is named;
        ``fnc``, `feature_neutral_corr`, if features are given; ``payout``, if
        multipliers are given: the sum of what they multiply, before a payout factor and
        a clip. NaN where an era has no score: eras without a target, and for ``mmc``
        those without the Meta Model. Each frame is of the kind that came in, pandas for
        arrays; polars and pyarrow have the eras in a first column, `era`, and null for
        NaN.

    Raises
    ------
    ValueError
        If the inputs are not of equal length, no column is the benchmark, or ``payout``
        is of other scores, or of MMC without the Meta Model.

    See Also
    --------
    leaderboard : The scores of each model in one line.

    Examples
    --------
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.metrics import score_models
    >>> data = make_benchmark_models(20, 200, 3, random_state=0)
    >>> frame = data.frame
    >>> scores = score_models(frame["target"], frame[data.models], era=frame["era"],
    ...                       meta_model=frame["numerai_meta_model"])
    >>> list(scores), scores["mmc"].shape
    (['corr', 'mmc'], (20, 3))
    """
    return score_rows(
        y_true,
        y_pred,
        era=era,
        meta_model=meta_model,
        benchmark=benchmark,
        features=features,
        payout=payout,
    ).scores


@dataclass(frozen=True)
class ScoredRows:
    """What one pass over rows gives.

    ``scores`` are those of the models, by name. If asked, ``own`` is the CORR of the
    Meta Model, and ``quantiles`` what `mean_target_by_quantile` gives.
    """

    scores: Frames
    own: pd.DataFrame | None
    quantiles: pd.DataFrame | None


def score_rows(
    y_true: Any,
    y_pred: Any,
    *,
    era: Any,
    meta_model: Any = None,
    benchmark: Hashable = None,
    features: Any = None,
    payout: Mapping[str, float] | None = None,
    n_quantiles: int = 0,
    own: bool = False,
) -> ScoredRows:
    """Score models as `score_models` does, and what else a report tells of the rows.

    ``n_quantiles``: in how many groups their targets are averaged, if in any; ``own``:
    whether the Meta Model itself is scored, where it is there.
    """
    multipliers = None if payout is None else multipliers_of(payout)
    if meta_model is None and "contribution" in (multipliers or {}):
        raise ValueError(f"`payout` {payout!r} needs `meta_model`, for MMC; got None")
    inputs = {"y_pred": y_pred, "y_true": y_true}
    if meta_model is not None:
        inputs["meta_model"] = meta_model
    rows = align_scored(era, **inputs)
    place = None if benchmark is None else _place(rows.models, benchmark)
    # All of an era at once, which may have to be read from a file.
    measures = partial(_measures, benchmark=place, n_quantiles=n_quantiles, own=own)
    by_era = [*rows.by_era(measures)]
    found = {name: [of_era[name] for of_era in by_era] for name in by_era[0]}
    of_own, groups = found.pop(_OWN, None), found.pop(_QUANTILES, None)
    columns = scored_columns(rows)
    scores = {name: framed(rows, values, columns) for name, values in found.items()}
    if features is not None:
        scores["fnc"] = feature_neutral_corr(y_true, y_pred, features, era=era)
    if multipliers is not None:
        scores["payout"] = paid(multipliers, scores)
    names = pd.Index(rows.inputs["meta_model"].names) if of_own else None
    return ScoredRows(
        scores,
        framed(rows, of_own, names) if of_own else None,
        framed(rows, groups, quantile_columns(rows, n_quantiles)) if groups else None,
    )


def _place(models: Sequence[Hashable], benchmark: Any) -> int:
    if not has_name(models, benchmark):
        raise ValueError(
            f"`benchmark` must be one of the models {listed(models)}; got {benchmark!r}"
            f"{did_you_mean(benchmark, models)}"
        )
    return list(models).index(benchmark)


def _measures(
    predictions: Floats,
    target: Floats,
    meta_model: Floats | None = None,
    *,
    benchmark: int | None,
    n_quantiles: int,
    own: bool,
) -> dict[str, Floats]:
    """Score the models of one era by what needs no features, with each target."""
    if target.ndim > 1:
        of = partial(_measures, benchmark=benchmark, n_quantiles=n_quantiles, own=own)
        each = [of(predictions, one, meta_model) for one in target]
        return {name: np.stack([found[name] for found in each]) for name in each[0]}
    order = [*score.ranked(predictions, target)]
    found = {"corr": score.numerai_corr(predictions, target, order=order)}
    if n_quantiles:
        found[_QUANTILES] = score.quantile_means(
            predictions, target, n_quantiles, order=order
        )
    if meta_model is not None:
        found["mmc"] = score.correlation_contribution(predictions, target, meta_model)
        if own:
            found[_OWN] = score.numerai_corr(meta_model[None], target)
    if benchmark is not None:
        reference = predictions[benchmark]
        bmc = score.correlation_contribution(predictions, target, reference)
        # What a model adds to itself is nothing, not the rounding of the formula.
        bmc[benchmark] = np.where(np.isnan(bmc[benchmark]), np.nan, 0.0)
        found["bmc"] = bmc
    return found


@keeps_kind
def leaderboard(
    scores: Any,
    *,
    recent: int | None = 52,
    target: str | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Rank models by their scores, over all eras and over the most recent.

    The models of each span of eras are sorted by the mean of the first score. Means
    over other eras are no fair comparison, so a model with less than 90 % of the eras
    that any model has in the span stands beneath those that have them, whatever its
    mean: these models are sorted by their mean difference from the best of the others,
    in the eras that both have.

    The most recent eras are the last with any score at all; a score that some of them
    lack, as the contribution to a Meta Model that starts later, rests on those it has,
    and says on how many.

    Parameters
    ----------
    scores : mapping of str to DataFrame, or DataFrame of shape (n_eras, n_models)
        Scores by name, as `score_models` gives them; a frame alone is called "corr".
    recent : int, default=52
        Number of the most recent eras that stand for themselves as well; None: only
        all eras.
    target : str, default=None
        Name of the target, which sets the horizon as in `summarize`.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as ``target`` says.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    board : DataFrame
        One row a span of eras and model, in columns ``eras`` ("all", "last 52"),
        ``model`` and, for each score, its mean under the score's own name,
        ``{score}_low`` and ``{score}_high`` (its interval), ``{score}_sharpe``,
        ``{score}_max_drawdown`` and ``{score}_n_eras``. Where a model has fewer eras
        than others, a score also has, for such models alone: ``{score}_eras``, the
        first and the last of them, ``{score}_versus``, the best of the other models,
        ``{score}_difference``, the mean difference from that one in the eras of both,
        with its interval ``{score}_difference_low`` and ``{score}_difference_high``,
        and ``{score}_n_paired``, the number of these eras. The frame is of the kind
        that came in.

    Raises
    ------
    ValueError
        If there is no score at all, or an option cannot be used.

    See Also
    --------
    score_models : The scores of each era.
    summarize : More numbers of one kind of score.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.metrics import leaderboard
    >>> scores = pd.DataFrame({"a": [0.02, -0.01, 0.03, 0.04],
    ...                        "b": [0.01, 0.01, 0.01, 0.02]},
    ...                       index=["0001", "0002", "0003", "0004"])
    >>> board = leaderboard(scores, recent=2)
    >>> board[["eras", "model", "corr", "corr_sharpe", "corr_n_eras"]].round(4)
         eras model    corr  corr_sharpe  corr_n_eras
    0     all     a  0.0200       1.0690            4
    1     all     b  0.0125       2.8868            4
    2  last 2     a  0.0350       7.0000            2
    3  last 2     b  0.0150       3.0000            2
    """
    frames = read_scores(scores, frames_only=True)
    if recent is not None:
        check_count("recent", recent, 1)
    eras = spans(frames, [] if recent is None else [recent])
    options = {"target": target, "horizon": horizon, "confidence": confidence}
    parts = [_board(span, frames, kept, options) for span, kept in eras.items()]
    return pd.concat(parts, ignore_index=True)


def _board(
    span: str,
    frames: Frames,
    eras: list[Hashable],
    options: dict[str, Any],
) -> pd.DataFrame:
    parts = [
        _lines(name, frame.reindex(eras), options) for name, frame in frames.items()
    ]
    board = pd.concat(parts, axis=1)
    board = best_first(board, next(iter(frames))).rename_axis("model").reset_index()
    board.insert(0, "eras", span)
    return board


def _lines(name: str, frame: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """Numbers of one score: a row a model."""
    numbers = summarize(frame, **options)
    kept = numbers[["mean", "low", "high", "sharpe", "max_drawdown", "n_eras"]]
    kept = kept.join(compare_shorter(frame, numbers, **options))
    kept.columns = pd.Index(
        [name, *(f"{name}_{column}" for column in kept.columns[1:])]
    )
    return kept
