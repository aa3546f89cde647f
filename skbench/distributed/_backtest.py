"""Pipelines judged out of sample on a Dask frame: `backtest`."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from skbench._checks import check_confidence, check_name
from skbench._eras import check_horizon
from skbench._frames import META_MODEL, aligned_target, as_table
from skbench._score_names import multipliers_of
from skbench._stacking import StackingWeights
from skbench._steps import columns_of
from skbench.model_selection import (
    Backtest,
    Walk,
    WalkForwardEraSplit,
    named,
    result_of,
    walk_scores,
)

from ._merge import merge_moments, merge_scores, of_partitions
from ._partitions import (
    check_columns,
    check_frame,
    keep_columns,
    made_up,
    reference_of,
)
from ._target import target_of

Moments = dict[str, StackingWeights]


def backtest(
    ddf: Any,
    candidates: Any,
    y: str = "target",
    cv: WalkForwardEraSplit | None = None,
    *,
    meta_model: str = META_MODEL,
    payout: Mapping[str, float] | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> Backtest:
    """Walk ensembles forward, and score them in eras they were not learned from.

    It is `skbench.model_selection.backtest` in two passes over the partitions. The
    first gathers the moments of their eras, from which all weights are learned in this
    process; the second blends and scores the eras of each window with these. Both read
    only the columns that are used, and what comes back are moments and scores.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Rows with the era column; a partition holds whole eras, see `partition_by_era`.
    candidates : Pipeline or mapping of str to Pipeline
        Era-local steps with one `StackingWeights`, or `WeightedEnsemble`, among them.
    y : str, default="target"
        Column of the targets, NaN where there is none yet. Its name says how far it
        looks ahead; "target" stands for the target of which it is a copy.
    cv : WalkForwardEraSplit, default=None
        The windows. None: chunks of 26 eras from the first on, purged by the horizon.
    meta_model : str, default="numerai_meta_model"
        Column of the Meta Model; where ``ddf`` has none of the default name,
        contributions to it are not scored.
    payout : mapping of str to float, default=None
        Multipliers of "corr" and "mmc", to score their sum as well. None: those of the
        first candidate with the objective "payout", if there is one.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as the name of the
        target says.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    found : skbench.model_selection.Backtest
        That of all rows at once, without the predictions.

    Raises
    ------
    ValueError
        If a candidate cannot be walked forward, no window has eras enough, a column is
        missing, or an era is in two partitions.

    See Also
    --------
    skbench.model_selection.backtest : The same in memory.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.distributed import backtest, partition_by_era
    >>> frame = make_benchmark_models(90, 50, 3, random_state=0).frame
    >>> ddf = partition_by_era(dd.from_pandas(frame, npartitions=3))
    >>> ensemble = make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes"))
    >>> found = backtest(ddf, {"learned": ensemble})
    >>> found.summary()[["corr", "corr_difference", "corr_n_eras"]].round(4)
                         corr  corr_difference  corr_n_eras
    candidate
    equal weights      0.0429              NaN           59
    learned            0.0352          -0.0077           59
    best single model  0.0264          -0.0165           59
    """
    check_frame(ddf)
    check_name("y", y)
    check_confidence("confidence", confidence)
    if not isinstance(cv, WalkForwardEraSplit | None):
        raise ValueError(f"`cv` must be a WalkForwardEraSplit; got {cv!r}")
    if payout is not None:
        multipliers_of(payout)
    walk = Walk(named(candidates))
    check_columns(ddf, [walk.era, y], "the eras and the targets")
    reference = reference_of(ddf, meta_model)
    walk.fit_before(as_table(made_up(ddf)))
    _gather(made_up(ddf), walk, y, y)  # refuses columns before there is work
    called = target_of(ddf, y)
    horizon = check_horizon(horizon, called)
    walk.learn(_moments(ddf, walk, y, called), cv)
    walk.fit_after(as_table(made_up(ddf)))
    read = {walk.era, y, *reference}
    for one in walk.candidates.values():
        read |= _read(one.before, one.blend.columns_) | _read(one.steps)
    work = partial(_scores, walk=walk.without_moments(), y=y, meta_model=meta_model)
    scores = of_partitions(keep_columns(ddf, read), work, merge_scores)
    return result_of(walk, scores, None, payout, horizon, confidence)


def _moments(ddf: Any, walk: Walk, y: str, called: str) -> Moments:
    """Gather what the candidates learn from, of all partitions."""
    chosen = _gather(made_up(ddf), walk, y, called)
    if not chosen:
        return {}
    read = {walk.era, y}
    for one in walk.candidates.values():
        if one.learns:
            read |= _read(one.before, chosen[one.gathers].gathered_columns())
    work = partial(_gather, walk=walk, y=y, called=called)
    found = of_partitions(keep_columns(ddf, read), work, _merge_each)
    # They were chosen where all columns are seen, not only those that are read.
    return {key: one.of_eras([]).absorb(found[key]) for key, one in chosen.items()}


def _read(steps: Sequence[Any], further: Iterable[Hashable] = ()) -> set[str]:
    """Columns that steps read of rows, and further ones that they do not make."""
    read, made = columns_of(steps)
    assert read is not None  # or they were refused: candidates tell by plans
    assert made is not None
    return {*read, *({*map(str, further)} - {*made})}


def _gather(frame: pd.DataFrame, walk: Walk, y: str, called: str) -> Moments:
    """Gather what the candidates learn from, of the eras of a partition."""
    return walk.gather(as_table(frame), frame[y].rename(called))


def _merge_each(first: Moments, second: Moments) -> Moments:
    return {key: merge_moments(first[key], second[key]) for key in first}


def _scores(frame: pd.DataFrame, walk: Walk, y: str, meta_model: str) -> Any:
    """Score the eras of a partition that some candidate has weights for, if any."""
    table = as_table(frame)
    target = pd.Series(aligned_target(table, frame[y]))
    return walk_scores(walk, table, target, meta_model) or None
