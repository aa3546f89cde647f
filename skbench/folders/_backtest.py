"""Ways to blend the models of a folder, judged out of sample: `backtest_folder`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from skbench._checks import check_count, check_flag, is_several
from skbench._files import Address
from skbench._neutralizer import FeatureNeutralizer, checked_shares
from skbench._progress import progress_bar
from skbench._steps import steps_of
from skbench._warnings import warn
from skbench.model_selection import Backtest, backtest
from skbench.recipes import list_recipes, recipe
from skbench.staking import latest_payout
from skbench.tournament import (
    FEATURES_FILE,
    ID,
    check_folder,
    feature_sets,
    main_file,
    models_file,
    open_file,
    open_folder,
)

from ._ensemble import PROPORTION, ensemble_pipeline
from ._walk import check_meta_model, targets_of, windows_of


def backtest_folder(
    path: Address,
    *,
    fit: str | Sequence[str] = "corr",
    shrinkage: float | str | None = None,
    payout: Mapping[str, float] | None = None,
    predictions: Address | Sequence[Address] = (),
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
    payout : mapping of str to float, default=None
        Multipliers of "corr" and "contribution", for the objective "payout" and to
        score by. None: those of the newest payout rule.
    predictions : path-like or sequence of path-like, default=()
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
    payout = latest_payout() if payout is None else payout
    candidates = _combinations(path, fit, shrinkage, payout, neutralize, proportions)
    candidates |= _published(check_folder(path))
    features = _features_of(candidates.values()) or None
    rows, _ = open_folder(
        path, target=target, features=features, predictions=predictions
    )
    check_meta_model(rows, _steps_of(candidates.values()))
    for name, words in rows.made.items():
        if words.startswith("in sample"):
            warn(
                f"the predictions of {name!r} are {words}: so are those of all that "
                "blends them"
            )
    names = [name for name in rows.source.schema.names if name != ID]
    # Each row is read for the moments, and again to be scored.
    with progress_bar(progress, 2 * rows.source.n_rows) as counted:
        return backtest(
            candidates,
            rows.table(*names, counted=counted),
            targets_of(rows),
            windows_of(rows, chunk),
            payout=payout,
            keep_predictions=False,
        )


def _combinations(
    path: Address,
    fit: str | Sequence[str],
    shrinkage: float | str | None,
    payout: Mapping[str, float],
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
                neutralize=neutralize,
                proportion=share,
            )
    return combinations


def _published(folder: Path) -> dict[str, Pipeline]:
    """Return the published ensembles of which the folder has models and features."""
    file = folder / FEATURES_FILE
    sets = feature_sets(file) if file.is_file() else {}
    models = set(open_file(folder, models_file("validation")).types)
    features = set(open_file(folder, main_file("validation")).types)
    found = {}
    for name in list_recipes():
        one = recipe(name)
        if not one.is_ensemble or not models.issuperset(one.weights):
            continue
        needed = sets.get(one.neutralizers) if one.neutralizers else []
        if needed is not None and features.issuperset(needed):
            found[name] = one.pipeline(feature_sets=sets)
    return found


def _steps_of(pipelines: Iterable[Pipeline]) -> list[Any]:
    return [step for pipeline in pipelines for step in steps_of(pipeline)]


def _features_of(pipelines: Iterable[Pipeline]) -> list[str]:
    """Return the features to which pipelines neutralise."""
    steps = _steps_of(pipelines)
    names = [s.neutralizers for s in steps if isinstance(s, FeatureNeutralizer)]
    return list(dict.fromkeys(name for some in names for name in some))
