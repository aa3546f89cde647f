"""The models of a folder, scored and ranked: `score_folder`."""

from collections.abc import Sequence

import pandas as pd

from skbench._checks import check_flag
from skbench._files import Address
from skbench._progress import progress_bar
from skbench.metrics import leaderboard, numerai_corr, score_models
from skbench.tournament import ERA, FolderRows, open_folder


def score_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: Address | Sequence[Address] = (),
    benchmark: str | None = None,
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
    target : str, default="target"
        Target to score with; its name sets the horizon of the intervals. "target"
        stands for the column of which it is a copy.
    models : sequence of str, default=None
        Models to rank, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    predictions : path-like or sequence of path-like, default=()
        Parquet files with further models, matched by `id` and `era`: one for each
        floating-point column, which gives it its name. A column `prediction`, as
        `ensemble_folder` writes it, gets the name of its file.
    benchmark : str, default=None
        Model to which the contribution is scored as well.
    recent : int, default=52
        Number of the most recent eras that are also scored by themselves.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    board : pandas.DataFrame
        As `skbench.metrics.leaderboard` gives it. With ``predictions`` there is one
        column more, ``made``: how the predictions of each model from a file were made,
        as far as the file says. "out of sample from era 0057": each era was predicted
        by weights that were learned before it; "in sample": the weights were learned
        from the eras that they are scored in, which flatters them; "weights given";
        or "not known".

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name.
    """
    check_flag("progress", progress)
    rows, _ = open_folder(
        path, target=target, models=models, without=without, predictions=predictions
    )
    scores = scores_of(rows, benchmark, progress)
    board = leaderboard(scores, recent=recent, target=rows.target)
    return board.assign(made=board["model"].map(rows.made)) if rows.made else board


def scores_of(
    rows: FolderRows, benchmark: str | None, progress: bool = False
) -> dict[str, pd.DataFrame]:
    """Score the models of a folder by all measures that its files allow."""
    with progress_bar(progress, rows.source.n_rows) as counted:
        return score_models(
            rows.table(rows.target),
            rows.table(*rows.models, counted=counted),
            era=rows.table(ERA),
            meta_model=rows.table(rows.meta_model) if rows.meta_model else None,
            benchmark=benchmark,
            features=rows.table(*rows.features) if rows.features else None,
        )


def scores_of_meta_model(rows: FolderRows) -> "pd.Series[float] | None":
    name, target = rows.meta_model, rows.target
    if name is None:
        return None
    scores = numerai_corr(rows.table(target), rows.table(name), era=rows.table(ERA))
    return scores[name]
