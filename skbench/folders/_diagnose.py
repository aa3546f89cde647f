"""Numerai's diagnostics of predictions, beside the scores of a folder."""

from dataclasses import replace
from typing import Any

import pandas as pd

from skbench._checks import listed
from skbench._files import Address, as_path
from skbench.deploy import Diagnostics, diagnostics
from skbench.tournament import FolderRows, open_folder

from ._scores import scores_of


def diagnose_folder(
    path: Address,
    predictions: Address,
    model_name: str,
    *,
    target: str = "target",
    benchmark: str | None = None,
    api: Any = None,
    dry_run: bool = True,
    progress: bool = False,
) -> tuple[Diagnostics, pd.DataFrame | None]:
    """Let Numerai score predictions, and compare with the scores of a folder's files.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`; of the release that Numerai's
        diagnostics use.
    predictions : path-like
        File of predictions, as for `skbench.deploy.diagnostics`.
    model_name : str
        Name of one of your models.
    target : str, default="target"
        Target to score with. Numerai scores with the release's own, which "target"
        stands for.
    benchmark : str, default=None
        Model of the folder to which the contribution (BMC) is scored. None: the one of
        this target, such as "v53_lgbm_ender60" for "target_ender_60"; without any, it
        is not compared.
    api : numerapi.NumerAPI, default=None
        Client to use. None: a new one.
    dry_run : bool, default=True
        Whether to send nothing.
    progress : bool, default=False
        Whether to show how far the scores are, here and at Numerai.

    Returns
    -------
    diagnostics : skbench.deploy.Diagnostics
        Numerai's scores.
    comparison : pandas.DataFrame or None
        As `Diagnostics.compare` gives it; None in a dry run.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If the files do not fit together, or the predictions cannot be sent.
    ConnectionError
        If Numerai cannot be reached, or is not done in time.
    """
    predictions = as_path(predictions, "predictions")
    rows, _ = open_folder(path, target=target, predictions=predictions)
    target = rows.target  # several are refused before anything is sent
    names = [name for side in rows.predictions for name in side.names]
    benchmark = _benchmark(rows, benchmark, target)
    rows = replace(rows, benchmarks=[] if benchmark is None else [benchmark])
    # First, so that nothing is sent of files that do not fit.
    own = scores_of(rows, benchmark, progress).scores
    made = diagnostics(
        predictions, model_name, api=api, dry_run=dry_run, progress=progress
    )
    if made.scores is None:
        return made, None
    return made, made.compare({score: table[names[0]] for score, table in own.items()})


def _benchmark(rows: FolderRows, name: str | None, target: str) -> str | None:
    """Return the model to which BMC is scored, None where the target has none."""
    if name is None:
        ending = "_lgbm_" + target.removeprefix("target_").replace("_", "")
        return next((m for m in rows.benchmarks if m.endswith(ending)), None)
    if name not in rows.benchmarks:
        raise ValueError(
            f"`benchmark` must be one of {listed(rows.benchmarks)}, the models of the "
            f"folder; got {name!r}"
        )
    return name
