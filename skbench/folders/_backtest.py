"""Ways to blend the models of a folder, judged out of sample: `backtest_folder`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from skbench._checks import check_count, check_flag, is_several
from skbench._files import Address
from skbench._neutralizer import FeatureNeutralizer, checked_shares
from skbench._progress import progress_bar
from skbench._score_names import warn_of_days
from skbench._steps import steps_of
from skbench.model_selection import Backtest, backtest
from skbench.recipes import recipe
from skbench.staking import latest_payout
from skbench.tournament import (
    FEATURES_FILE,
    ID,
    OwnPredictions,
    check_folder,
    feature_sets,
    open_folder,
)

from ._ensemble import PROPORTION, ensemble_pipeline
from ._payout import check_paid, read_payout
from ._recipes import folder_recipes
from ._walk import check_meta_model, targets_of, warn_of_in_sample, windows_of


def backtest_folder(
    path: Address,
    *,
    fit: str | Sequence[str] = "corr",
    shrinkage: float | str | None = None,
    payout: str | Mapping[str, float] | None = None,
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    nan_policy: str = "propagate",
    predictions: OwnPredictions = (),
    neutralize: str | None = None,
    proportions: Sequence[float] | None = None,
    chunk: int = 26,
    target: str = "target",
    progress: bool = False,
) -> Backtest:
    """Walk ways to blend the models of a folder forward, and score them.

    Every objective is combined with every proportion. Each combination stands against
    equal weights, the best single model of the past, and the published ensembles whose
    models and features the folder has.

    Memory holds one era, however large the files are, and the targets.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    fit : str or sequence of str, default="corr"
        Objectives of `StackingWeights` by which to learn weights.
    shrinkage : float, "auto" or "bayes", default=None
        As for `ensemble_pipeline`.
    payout : str or mapping of str to float, default=None
        The name of a payout rule, such as "2026", or multipliers of "corr" and "mmc":
        for the objective "payout" and to score by. None: those of the newest rule.
    models : sequence of str, default=None
        Models to blend, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    nan_policy : {"propagate", "omit", "raise"}, default="propagate"
        What becomes of a row that a model does not predict: it has no prediction, one
        of the other models by their weights, or is refused; as in `StackingWeights`.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models to blend, as for `score_folder`.
    neutralize : str, default=None
        Name of the feature set to neutralise to.
    proportions : sequence of float, default=None
        For ``neutralize``: shares of what these features explain to neutralise, between
        0 and 1. None: 0.5.
    chunk : int, default=26
        Eras of a window, whose weights are learned before it.
    target : str, default="target"
        Target to learn from and to score with.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    found : skbench.model_selection.Backtest
        Scores, weights and what to conclude; it holds no predictions.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, an option cannot be used, or there are too few
        eras for a window.
    """
    check_flag("progress", progress)
    check_count("chunk", chunk, 1)
    asked = None if payout is None else read_payout(payout)
    payout = latest_payout() if asked is None else asked
    chosen: dict[str, Any] = {"models": models, "without": without}
    chosen["predictions"] = predictions
    blends = shrinkage, payout, nan_policy, neutralize, proportions
    candidates = _combinations(path, fit, *blends)
    candidates |= _published(path, nan_policy, **chosen)
    features = _features_of(candidates.values()) or None
    rows, _ = open_folder(path, target=target, features=features, **chosen)
    check_meta_model(rows, _steps_of(candidates.values()))
    if asked is not None:
        check_paid(rows, asked)
    warn_of_days(payout, rows.target)
    warn_of_in_sample(rows)
    names = [name for name in rows.source.schema.names if name != ID]
    how: dict[str, Any] = {"payout": payout, "keep_predictions": False}
    # Each row is read for the moments, and again to be scored.
    with progress_bar(progress, 2 * rows.source.n_rows) as counted:
        table = rows.table(*names, counted=counted)
        return backtest(
            candidates, table, targets_of(rows), windows_of(rows, chunk), **how
        )


def _combinations(
    path: Address,
    fit: str | Sequence[str],
    shrinkage: float | str | None,
    payout: Mapping[str, float],
    nan_policy: str,
    neutralize: str | None,
    proportions: Sequence[float] | None,
) -> dict[str, Pipeline]:
    """Return a pipeline for each objective and proportion."""
    objectives = [fit] if isinstance(fit, str) else fit
    if not is_several(objectives) or not len(objectives):
        raise ValueError(f"`fit` must list one objective or more; got {fit!r}")
    if neutralize is None and proportions is not None:
        raise ValueError(
            f"`proportions` is for `neutralize`; got {proportions!r} without features"
        )
    shares: list[float | None] = [None]
    if neutralize is not None:
        shares = [*checked_shares([PROPORTION] if proportions is None else proportions)]
    combinations = {}
    for objective in objectives:
        for share in shares:
            tail = "" if share is None else f", proportion {share:g}"
            combinations[objective + tail] = ensemble_pipeline(
                path,
                fit=objective,
                payout=payout if objective == "payout" else None,
                shrinkage=shrinkage,
                nan_policy=nan_policy,
                neutralize=neutralize,
                proportion=share,
            )
    return combinations


def _published(path: Address, nan_policy: str, **chosen: Any) -> dict[str, Pipeline]:
    """Return the published ensembles of which the folder has models and features."""
    file = check_folder(path) / FEATURES_FILE
    sets = feature_sets(file) if file.is_file() else {}
    found = folder_recipes(path, **chosen)
    found = found[found["fits"]]
    pipelines = {
        name: recipe(name).pipeline(columns=columns, feature_sets=sets)
        for name, columns in zip(found["name"], found["columns"], strict=True)
    }
    for pipeline in pipelines.values():
        pipeline.set_params(weightedensemble__nan_policy=nan_policy)
    return pipelines


def _steps_of(pipelines: Iterable[Pipeline]) -> list[Any]:
    return [step for pipeline in pipelines for step in steps_of(pipeline)]


def _features_of(pipelines: Iterable[Pipeline]) -> list[str]:
    """Return the features to which pipelines neutralise."""
    steps = _steps_of(pipelines)
    names = [s.neutralizers for s in steps if isinstance(s, FeatureNeutralizer)]
    return list(dict.fromkeys(name for some in names for name in some))
