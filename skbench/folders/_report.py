"""A page about the models of a folder, or of an account."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from skbench._checks import check_name
from skbench._files import Address
from skbench._parquet import arrow_path
from skbench._score_names import multipliers_of, sum_in_words
from skbench.analysis import Analysis
from skbench.datasets import load_scores
from skbench.report import PerformanceReport
from skbench.staking import with_season
from skbench.tournament import OwnPredictions, open_folder

from ._payout import read_payout
from ._scores import scores_of

_TENTHS = 10


def report_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
    benchmark: str | None = None,
    features: str | None = None,
    payout: str | Mapping[str, float] | None = None,
    analysis: Analysis | None = None,
) -> PerformanceReport:
    """Report on the models in a folder.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    target : str, default="target"
        Target to score with.
    models : sequence of str, default=None
        Models to report on, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models, as for `score_folder`.
    benchmark : str, default=None
        Model to compare the others with.
    features : str, default=None
        Name of a feature set: adds the scores of what is left of each model when it is
        neutral to these features.
    payout : str or mapping of str to float, default=None
        As for `score_folder`; the score is called by what it is the sum of.
    analysis : skbench.analysis.Analysis, default=None
        What `analyze_folder` found, to show too.

    Returns
    -------
    report : skbench.report.PerformanceReport
        To write as a page; its other reference is the Meta Model, where it is there. It
        says how the ``predictions`` were made, in the words of `score_folder`.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name.
    """
    rows, _ = open_folder(
        path,
        target=target,
        models=models,
        without=without,
        features=features,
        predictions=predictions,
    )
    target = rows.target  # several are refused before rows are read
    found = scores_of(rows, benchmark, payout=payout, n_quantiles=_TENTHS, own=True)
    scores = found.scores
    if payout is not None:
        words = sum_in_words(multipliers_of(read_payout(payout)))
        scores[f"payout ({words})"] = scores.pop("payout")
    return PerformanceReport(
        scores,
        benchmark=benchmark,
        meta_model=None if found.own is None else found.own.iloc[:, 0],
        quantiles=found.quantiles,
        analysis=analysis,
        made=rows.made or None,
        target=target,
        title=f"Models of {arrow_path(Path(path).resolve().name)}",
    )


def report_account(
    account: str,
    *,
    against: str | None = None,
    benchmark: str | None = None,
    api: Any = None,
) -> PerformanceReport:
    """Report on the live scores of a model, or of all models of an account.

    Parameters
    ----------
    account : str
        Name of an account or model.
    against : str, default=None
        Name of another, such as "benchmark_models", whose models stand beside them.
    benchmark : str, default=None
        Model to compare the others with. None: of ``against``, the model with the most
        resolved rounds.
    api : numerapi.NumerAPI, default=None
        Client to ask. None: a new one.

    Returns
    -------
    report : skbench.report.PerformanceReport
        To write as a page; rounds take the place of eras, and the season score stands
        beside the scores.

    Raises
    ------
    ConnectionError
        If Numerai cannot be reached.
    ValueError
        If a name is unknown, or there are no scores.
    """
    check_name("account", account, "a name")
    if against is not None:
        check_name("against", against, "a name")
    scores = load_scores(account, api)
    if against is not None:
        others = load_scores(against, api)
        if benchmark is None and others["resolved"].any():
            benchmark = others.loc[others["resolved"], "model"].mode()[0]
        scores = pd.concat([scores, others[~others["model"].isin(scores["model"])]])
    return PerformanceReport.from_live(
        with_season(scores), benchmark=benchmark, title=f"Live rounds of {account}"
    )
