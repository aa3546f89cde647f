"""The models of a Dask frame, scored: `score`."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from skbench._checks import check_name, one_or_several
from skbench._eras import chronological
from skbench._frames import META_MODEL, as_table, columns_of_role
from skbench.metrics import score_models

from ._merge import merge_scores, of_partitions
from ._partitions import (
    check_columns,
    check_frame,
    column_names,
    keep_columns,
    made_up,
    reference_of,
)


def score(
    ddf: Any,
    models: Any = None,
    *,
    y: str | Sequence[str] = "target",
    era: str = "era",
    meta_model: str = META_MODEL,
    benchmark: Hashable = None,
    features: Any = None,
    payout: Mapping[str, float] | None = None,
) -> dict[str, pd.DataFrame]:
    """Score models by all measures that the data allow, partition by partition.

    Only the columns that are named are read. What comes back of a partition is a number
    an era, model and score.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Rows with the era column; a partition holds whole eras, see `partition_by_era`.
    models : str or sequence of str, default=None
        Columns of predictions. None: every prediction column.
    y : str or sequence of str, default="target"
        Column of the targets, NaN where there is none yet; or several columns.
    era : str, default="era"
        The era column.
    meta_model : str, default="numerai_meta_model"
        Column of the Meta Model; where ``ddf`` has none of the default name,
        contributions to it are not scored.
    benchmark : str, default=None
        The one of the models whose predictions are the benchmark.
    features : str or sequence of str, default=None
        Columns of features that a model should not need. None: not scored.
    payout : mapping of str to float, default=None
        Multipliers of "corr" and "mmc", as for `skbench.metrics.score_models`.

    Returns
    -------
    scores : dict of str to pandas.DataFrame of shape (n_eras, n_models)
        As `skbench.metrics.score_models` gives them of all rows at once.

    Raises
    ------
    ValueError
        If a column is missing or cannot be used, or an era is in two partitions.

    See Also
    --------
    skbench.metrics.leaderboard : The scores of each model in one line.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.distributed import partition_by_era, score
    >>> frame = make_benchmark_models(20, 50, 3, random_state=0).frame
    >>> ddf = partition_by_era(dd.from_pandas(frame, npartitions=3))
    >>> scores = score(ddf)
    >>> list(scores), scores["mmc"].shape
    (['corr', 'mmc'], (20, 3))
    """
    check_frame(ddf)
    targets = one_or_several("y", y)
    check_name("era", era)
    check_columns(ddf, [era, *targets], "the eras and the targets")
    reference = reference_of(ddf, meta_model)
    head = made_up(ddf)
    if models is None:
        models = columns_of_role(as_table(head), "prediction", era)
    models = column_names(ddf, models, "models")
    if features is not None:
        features = column_names(ddf, features, "features")
    work = partial(
        _scores,
        models=models,
        targets=targets,
        era=era,
        reference=reference,
        benchmark=benchmark,
        features=features,
        payout=payout,
    )
    work(head)  # refuses columns before there is work
    read = {era, *targets, *reference, *models, *(features or [])}
    scores = of_partitions(keep_columns(ddf, read), work, merge_scores)
    order = chronological(scores["corr"].index.tolist(), needed=False)
    return {name: table.iloc[order] for name, table in scores.items()}


def _scores(
    frame: pd.DataFrame,
    models: list[str],
    targets: list[str],
    era: str,
    reference: list[str],
    benchmark: Hashable,
    features: list[str] | None,
    payout: Mapping[str, float] | None,
) -> dict[str, pd.DataFrame]:
    """Score the eras of a partition."""
    return score_models(
        frame[targets],
        frame[models],
        era=frame[era],
        meta_model=frame[reference] if reference else None,
        benchmark=benchmark,
        features=frame[features] if features else None,
        payout=payout,
    )
