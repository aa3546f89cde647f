"""Which published ensembles the files of a folder can make: `folder_recipes`."""

from collections.abc import Sequence

import pandas as pd

from skbench._files import Address
from skbench.recipes import recipe, recipes_for
from skbench.tournament import (
    FEATURES_FILE,
    OwnPredictions,
    check_folder,
    feature_sets,
    folder_models,
    main_file,
    open_file,
)


def folder_recipes(
    path: Address,
    *,
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
) -> pd.DataFrame:
    """Tell which published ensembles can be made of the models in a folder.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    models : sequence of str, default=None
        Models to use, those of ``predictions`` too; None: all.
    without : sequence of str, default=None
        Models to leave out.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models, as for `score_folder`.

    Returns
    -------
    recipes : pandas.DataFrame of shape (n_ensembles, 5)
        As `skbench.recipes.recipes_for` gives it; and in ``features`` the set of
        features that the folder lacks for an ensemble, None where it lacks none. An
        ensemble ``fits`` if it lacks neither models nor features.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files cannot be used.
    """
    found = recipes_for(folder_models(path, models, without, predictions))
    folder = check_folder(path)
    file = folder / FEATURES_FILE
    sets = feature_sets(file) if file.is_file() else {}
    there = set(open_file(folder, main_file("validation")).types)
    lacks = []
    for name in found["name"]:
        one = recipe(name)
        needed = one.neutral_features(sets)
        have = bool(needed) and there.issuperset(needed)
        lacks.append(None if have else one.neutralizers)
    found["features"] = pd.Series(lacks, dtype=object)
    return found.assign(fits=found["fits"] & found["features"].isna())
