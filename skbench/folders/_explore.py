"""The models of a folder, to blend by hand: `explore_folder`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skbench._checks import check_flag
from skbench._files import Address, as_path
from skbench._parquet import arrow_path
from skbench._progress import progress_bar
from skbench.recipes import Recipe, recipe, recipes_for
from skbench.report import BlendExplorer
from skbench.tournament import (
    ERA,
    FEATURES_FILE,
    FolderRows,
    OwnPredictions,
    feature_set,
    feature_sets,
    open_folder,
)


def explore_folder(
    path: Address,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
    neutralize: str | None = None,
    progress: bool = False,
) -> BlendExplorer:
    """Make a page on which the weights of the models in a folder are moved by hand.

    Its presets are equal weights, those that each objective learns, those of the
    published ensembles whose models the folder has, and those that the Meta Model
    implies.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    target : str, default="target"
        Target to score with.
    models : sequence of str, default=None
        Models to blend, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models, as for `score_folder`.
    neutralize : str, default=None
        Name of the feature set to neutralise to.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    explorer : skbench.report.BlendExplorer
        To write as a page.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name; if
        there are more models than a page can hold.
    """
    check_flag("progress", progress)
    features = _features(path, neutralize)
    asked: dict[str, Any] = {"models": models, "without": without, "target": target}
    rows, _ = open_folder(path, **asked, features=features, predictions=predictions)
    fitting = _fitting(rows.models)
    with progress_bar(progress, rows.source.n_rows) as counted:
        return BlendExplorer(
            rows.table(*rows.models, counted=counted),
            rows.table(rows.target),
            era=rows.table(ERA),
            meta_model=rows.table(rows.meta_model) if rows.meta_model else None,
            neutralizers=rows.table(*rows.features) if rows.features else None,
            presets={
                one.name: {columns[part]: by for part, by in one.weights.items()}
                for one, columns in fitting
            },
            proportions={
                one.name: one.proportion
                for one, _ in fitting
                if neutralize is not None and one.neutralizers == neutralize
            },
            folder=str(path),
            neutralize=neutralize,
            elsewhere=_elsewhere(rows, predictions),
            target=rows.target,
            title=f"Blends of {arrow_path(Path(path).resolve().name)}",
        )


def _features(path: Address, neutralize: str | None) -> list[str] | None:
    """Return the features of a set of the folder."""
    if neutralize is None:
        return None
    sets = feature_sets(as_path(path) / FEATURES_FILE)
    return feature_set(neutralize, sets, "neutralize")


def _elsewhere(rows: FolderRows, predictions: OwnPredictions) -> dict[str, str | None]:
    """Return the models that are not in the folder, each with its file.

    None for those of a mapping, whose names no command would find in files.
    """
    named = isinstance(predictions, Mapping)
    return {
        name: None if named else str(side.file.path)
        for side in rows.predictions
        for name in side.names
    }


def _fitting(models: Sequence[str]) -> list[tuple[Recipe, dict[str, str]]]:
    """Return the published ensembles of normal quantiles that have all their models.

    Each with the model of each part.
    """
    found = recipes_for(models)
    found = found[found["fits"]]
    pairs = zip(map(recipe, found["name"]), found["columns"], strict=True)
    return [(one, columns) for one, columns in pairs if one.ranks == "gauss"]
