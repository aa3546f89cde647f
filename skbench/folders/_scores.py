"""The models of a folder, scored and ranked: `score_folder`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from skbench._checks import check_flag
from skbench._eras import horizon_of
from skbench._files import Address
from skbench._progress import progress_bar
from skbench._score_names import warn_of_days
from skbench.metrics import ScoredRows, leaderboard, score_rows
from skbench.tournament import ERA, FolderRows, OwnPredictions, open_folder

from ._payout import check_paid, read_payout


def score_folder(
    path: Address,
    *,
    target: str | Sequence[str] = "target",
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
    benchmark: str | None = None,
    payout: str | Mapping[str, float] | None = None,
    recent: int = 52,
    progress: bool = False,
) -> pd.DataFrame:
    """Rank the models in a folder by their scores.

    Memory holds one era, however large the files are.

    Where a file of predictions has no row, its models have no prediction; that is
    warned of. Rows that it has of eras that the folder lacks, such as the live era,
    are left out. In the eras that both have, at least 80 % of the ids must match.

    Parameters
    ----------
    path : path-like
        Folder with ``validation.parquet`` and ``validation_benchmark_models.parquet``,
        as Numerai lays them out. Where ``meta_model.parquet`` is there too, the
        contribution to the Meta Model is scored.
    target : str or sequence of str, default="target"
        Target to score with; its name sets the horizon of the intervals. "target"
        stands for the column of which it is a copy. Of several, the files are read
        once.
    models : sequence of str, default=None
        Models to rank, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models, or frames, each under a name: parquet, CSV (also
        ``.csv.gz``) and Feather files; pandas, polars and pyarrow frames. They have ids
        in a column `id`, or pandas' index, and a model in each floating-point column,
        which gives it its name. A column `prediction`, as `ensemble_folder` writes it,
        gets the name of its file or frame. Rows are matched by `id` and `era`; without
        a column `era`, an id has the era that it has in the folder. Parquet files with
        eras are read an era at a time, all else at once.
    benchmark : str, default=None
        Model to which the contribution is scored as well.
    payout : str or mapping of str to float, default=None
        The name of a payout rule, such as "2026", or multipliers of "corr" and "mmc":
        their sum is a further score, "payout", before a payout factor and a clip.
    recent : int, default=52
        Number of the most recent eras that are also scored by themselves.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    board : pandas.DataFrame
        As `skbench.metrics.leaderboard` gives it. Where ``target`` is a sequence, the
        boards of the targets follow each other, and the first columns are ``target``
        and ``horizon``, the number of eras over which its scores share days. With
        ``predictions`` there is one column more, ``made``: how the predictions of each
        model from a file were made, as far as the file says. "out of sample from era
        0057": each era was predicted by weights that were learned before it; "in
        sample": the weights were learned from the eras that they are scored in, which
        flatters them; "weights given"; or "not known".

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name; if
        ``payout`` is no rule and no multipliers, or pays MMC and there is no Meta
        Model.
    """
    check_flag("progress", progress)
    rows, _ = open_folder(
        path, target=target, models=models, without=without, predictions=predictions
    )
    found = scores_of(rows, benchmark, progress, payout).scores
    if isinstance(target, str):
        board = leaderboard(found, recent=recent, target=rows.target)
    else:
        boards = [_board_of(name, rows, found, recent) for name in rows.targets]
        board = pd.concat(boards, ignore_index=True)
    return board.assign(made=board["model"].map(rows.made)) if rows.made else board


def _board_of(
    target: str, rows: FolderRows, scores: dict[str, Any], recent: int
) -> pd.DataFrame:
    """Rank the models by their scores with one of the targets."""
    if len(rows.targets) > 1:
        scores = {k: frame.xs(target, axis=1) for k, frame in scores.items()}
    board = leaderboard(scores, recent=recent, target=target)
    board.insert(0, "target", target)
    board.insert(1, "horizon", horizon_of(target))
    return board


def scores_of(
    rows: FolderRows,
    benchmark: str | None,
    progress: bool = False,
    payout: str | Mapping[str, float] | None = None,
    **more: Any,
) -> ScoredRows:
    """Score the models of a folder by all measures that its files allow.

    Of several targets, as `score_models` does. ``more`` is what `score_rows` finds
    beside scores, in the same pass.
    """
    if payout is not None:
        payout = read_payout(payout)
        check_paid(rows, payout)
        for target in rows.targets:
            warn_of_days(payout, target)
    with progress_bar(progress, rows.source.n_rows) as counted:
        return score_rows(
            rows.table(*rows.targets),
            rows.table(*rows.models, counted=counted),
            era=rows.table(ERA),
            meta_model=rows.table(rows.meta_model) if rows.meta_model else None,
            benchmark=benchmark,
            features=rows.table(*rows.features) if rows.features else None,
            payout=payout,
            **more,
        )
