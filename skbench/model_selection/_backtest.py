"""Pipelines judged out of sample, beside equal weights: `backtest`."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skbench._aligned import block
from skbench._checks import check_confidence, check_flag, check_name, listed
from skbench._eras import (
    Rows,
    blas_threads,
    check_horizon,
    chronological,
    find_eras,
    n_rows_of,
)
from skbench._frames import (
    META_MODEL,
    Table,
    aligned_target,
    as_table,
    has_name,
    target_name,
)
from skbench._progress import with_progress
from skbench._score_names import multipliers_of, paid
from skbench.kernels import score

from ._paths import EraColumns
from ._result import Backtest
from ._split import WalkForwardEraSplit
from ._walk import Walk
from ._weights import weights_of

Floats = NDArray[np.float64]
# By name, eras x candidates.
Scores = dict[str, pd.DataFrame]


def backtest(
    candidates: Any,
    X: Any,
    y: Any,
    cv: WalkForwardEraSplit | None = None,
    *,
    meta_model: str = META_MODEL,
    payout: Mapping[str, float] | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
    keep_predictions: bool = True,
    progress: bool = False,
) -> Backtest:
    """Walk ensembles forward, and score them in eras they were not learned from.

    Before each window weights are learned from what was known by then, in one pass over
    the rows for all candidates and windows. A second pass blends the eras of each
    window with these weights, takes the steps after the blend, and scores the result.
    Each candidate stands against the same pipeline with equal weights and, if it
    learns, with the best single model of the same past by mean CORR.

    Candidates that have steps in common take them together; the features of an era are
    factorised once for all weights and proportions.

    Parameters
    ----------
    candidates : Pipeline or mapping of str to Pipeline
        Era-local steps with one `StackingWeights`, or `WeightedEnsemble`, among them.
        A step must tell by ``era_plan`` all that it does; what learns otherwise can be
        walked forward by `walk_forward_predict`.
    X : DataFrame or Table of shape (n_rows, n_columns)
        Rows with the era column, the models and what else the steps read.
    y : array-like of shape (n_rows,)
        Targets, NaN where there is none yet. Its name says how far it looks ahead.
    cv : WalkForwardEraSplit, default=None
        The windows. None: chunks of 26 eras from the first on, purged by the horizon.
        A window needs two horizons of eras to learn from.
    meta_model : str, default="numerai_meta_model"
        Column of the reference; where X has it, contributions to it are scored.
    payout : mapping of str to float, default=None
        Multipliers of "corr" and "mmc", to score their sum as well. None: those of the
        first candidate with the objective "payout", if there is one.
    horizon : int, default=None
        Over how many eras a score shares days with others, for the intervals. None: as
        the name of y says. What is purged, candidates say by their own.
    confidence : float, default=0.95
        Probability that an interval is to have.
    keep_predictions : bool, default=True
        Whether to hold the predictions: one number a row and candidate.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    found : Backtest
        Scores, weights of each window, and the candidates fitted on all eras.

    Raises
    ------
    ValueError
        If a candidate cannot be walked forward, or no window has eras enough.

    See Also
    --------
    walk_forward_weights : The weights alone, from moments.
    walk_forward_predict : Predictions of any estimator.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.model_selection import backtest
    >>> data = make_benchmark_models(90, 100, 3, random_state=0)
    >>> ensemble = make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes"))
    >>> found = backtest({"learned": ensemble}, data.frame, data.frame["target"])
    >>> found.summary()[["corr", "corr_difference", "corr_n_eras"]].round(4)
                         corr  corr_difference  corr_n_eras
    candidate
    best single model  0.0142           0.0037           59
    learned            0.0110           0.0006           59
    equal weights      0.0104              NaN           59
    >>> print(found.verdict())
    equal weights: nothing here can be told from them; the best, learned, is 0.0006
    CORR an era above them (95% interval of the difference -0.0083 to 0.0095)
    """
    check_flag("progress", progress)
    check_flag("keep_predictions", keep_predictions)
    check_confidence("confidence", confidence)
    check_name("meta_model", meta_model)
    if payout is not None:
        multipliers_of(payout)
    walk = Walk(named(candidates))
    table = as_table(X)
    if not has_name(table.names, walk.era):
        raise ValueError(f"X has no era column {walk.era!r}: eras are what is walked")
    index = X.index if isinstance(X, pd.DataFrame) else None
    y = pd.Series(aligned_target(table, y), index, name=target_name(X, y))
    horizon = check_horizon(horizon, y.name)
    walk.fit(table, y, cv)
    names = walk.names if keep_predictions else []
    kept = {name: np.full(table.n_rows, np.nan) for name in names}
    scores = WalkedScores(walk.names)
    for era in with_progress(walked(walk, table, y, meta_model), "era", progress):
        scores.add(era)
        if keep_predictions:
            for name, column in zip(era.made.names, era.made.columns, strict=True):
                kept[name][era.rows] = column
    predictions = pd.DataFrame(kept, index) if keep_predictions else None
    return result_of(walk, scores.frames(), predictions, payout, horizon, confidence)


@dataclass(frozen=True)
class WalkedEra:
    """The columns of an era, the rows that they are of, and their scores by name."""

    label: Hashable
    rows: Rows
    made: EraColumns
    scores: dict[str, Floats]


def walked(
    walk: Walk,
    table: Table,
    y: "pd.Series[float]",
    meta_model: str,
    exposures: bool = True,
) -> Iterator[WalkedEra]:
    """Yield the eras of a table in which a candidate that learns has weights.

    ``exposures``: whether to measure them, too.
    """
    paths, eras = walk.paths(table), find_eras(table, walk.era)
    target: Floats = np.asarray(y, dtype=np.float64)
    reference = None
    if has_name(table.names, meta_model):
        reference = block(table, [meta_model]).fetch
    for label, rows in zip(eras.labels, eras.rows, strict=True):
        if not walk.is_walked(label):
            continue
        with blas_threads(None, n_rows_of(rows), len(walk.names)):
            made = paths.of(label, rows)
            scores = {"corr": score.numerai_corr(made.columns, target[rows])}
            if reference is not None:
                scores["mmc"] = score.correlation_contribution(
                    made.columns, target[rows], reference(rows)[0]
                )
            if exposures:
                scores["exposure"] = made.exposures()
        yield WalkedEra(label, rows, made, scores)


class WalkedScores:
    """Scores of eras, gathered as they come."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._labels: list[Hashable] = []
        self._rows: dict[str, list[dict[str, float]]] = {}

    def add(self, era: WalkedEra) -> None:
        """Keep the scores of an era, and nothing else of it."""
        self._labels.append(era.label)
        for name, values in era.scores.items():
            row = dict(zip(era.made.names, values.tolist(), strict=True))
            self._rows.setdefault(name, []).append(row)

    def frames(self) -> Scores:
        """Return the scores by name, eras x candidates."""
        index = pd.Index(self._labels, name="era", tupleize_cols=False)
        return {
            name: pd.DataFrame(rows, index, self._names)
            for name, rows in self._rows.items()
        }


def walk_scores(
    walk: Walk, table: Table, y: "pd.Series[float]", meta_model: str
) -> Scores:
    """Score the candidates in the eras of a table."""
    scores = WalkedScores(walk.names)
    for era in walked(walk, table, y, meta_model):
        scores.add(era)
    return scores.frames()


def result_of(
    walk: Walk,
    scores: Scores,
    predictions: pd.DataFrame | None,
    payout: Mapping[str, float] | None,
    horizon: int,
    confidence: float,
) -> Backtest:
    """Put together what a backtest found, eras in the order of time."""
    order = chronological(scores["corr"].index.tolist())
    names = [name for name in walk.names if name not in walk.lacking]
    scores = {name: table.iloc[order][names] for name, table in scores.items()}
    exposures = scores.pop("exposure", scores["corr"] * np.nan)
    scores = {
        name: t for name, t in scores.items() if name == "corr" or t.any(axis=None)
    }
    multipliers = payout or walk.payout
    if multipliers is not None:
        multipliers = multipliers_of(multipliers)
        if (sum_of_scores := paid(multipliers, scores)) is not None:
            scores["payout"] = sum_of_scores
    candidates = {name: walk.candidates[name] for name in names}
    return Backtest(
        scores,
        exposures,
        {
            name: weights_of(one.windows)
            for name, one in candidates.items()
            if one.windows
        },
        None if predictions is None else predictions[names],
        {name: one.pipeline for name, one in candidates.items()},
        {name: one.rivals for name, one in candidates.items() if one.rivals},
        walk.curves,
        None if multipliers is None else dict(multipliers),
        horizon,
        confidence,
    )


def named(candidates: Any) -> dict[str, Any]:
    """Return pipelines by name, of a mapping or of one pipeline."""
    if isinstance(candidates, BaseEstimator):
        return {"candidate": candidates}
    if not isinstance(candidates, Mapping):
        raise ValueError(
            "`candidates` must be a pipeline, or a mapping from names to pipelines; "
            f"got {candidates!r}"
        )
    if not candidates:
        raise ValueError("`candidates` must hold at least one pipeline; got none")
    for name, pipeline in candidates.items():
        if not isinstance(pipeline, BaseEstimator):
            raise ValueError(
                f"`candidates` must map names to pipelines; {name!r} is {pipeline!r}"
            )
    named = {str(name): pipeline for name, pipeline in candidates.items()}
    if len(named) < len(candidates):
        raise ValueError(
            f"`candidates` must have names that differ; got {listed(candidates)}"
        )
    return named
