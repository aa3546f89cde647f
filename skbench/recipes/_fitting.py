"""Which recipes some models can make, as they are or with others of their targets."""

import re
from collections.abc import Iterable

import pandas as pd

from skbench._checks import is_several

from ._recipe import Recipe, list_recipes, recipe

# How benchmark models are called: data version, and what they are trained on.
_MODEL = re.compile(r"v(\d)(\d*)_lgbm_([a-z]\w*?)_?(\d+)", re.IGNORECASE)


def recipes_for(columns: Iterable[str]) -> pd.DataFrame:
    """Tell which published ensembles can be made of some models.

    Where a part is lacking, another model of the same target may stand for it, such as
    "v53_lgbm_ender20" for "tutorial_lgbm_ender20": of several the one of the newest
    data.

    Parameters
    ----------
    columns : iterable of str
        Names of models.

    Returns
    -------
    recipes : pandas.DataFrame of shape (n_ensembles, 4)
        The name of each ensemble, whether it ``fits`` as it was published, the parts
        that are ``missing`` among the models, and the model for each part in
        ``columns``, as `Recipe.pipeline` takes them: a dict, or None where some part
        has none.

    Raises
    ------
    ValueError
        If ``columns`` are not names.

    Examples
    --------
    >>> from skbench.recipes import recipes_for
    >>> found = recipes_for(["v5_lgbm_teager20", "v5_lgbm_cyrus20"])
    >>> found = found.set_index("name").loc["v43_lgbm_ct_blend"]
    >>> found["missing"]
    ['v43_lgbm_teager20', 'v43_lgbm_cyrus20']
    >>> found["columns"]
    {'v43_lgbm_teager20': 'v5_lgbm_teager20', 'v43_lgbm_cyrus20': 'v5_lgbm_cyrus20'}
    """
    if not is_several(columns):
        raise ValueError(f"`columns` must be names of models; got {columns!r}")
    known = [str(name) for name in columns]
    ensembles = [one for one in map(recipe, list_recipes()) if one.is_ensemble]
    return pd.DataFrame([_fit(one, known) for one in ensembles])


def published_columns(one: Recipe, known: Iterable[str]) -> dict[str, str]:
    """Return the column of each part that is among some, under any of its names."""
    known = list(known)
    found = {
        part.name: next((name for name in part.column_names if name in known), None)
        for part in one.parts
    }
    return {part: name for part, name in found.items() if name is not None}


def _fit(one: Recipe, known: list[str]) -> dict[str, object]:
    there = published_columns(one, known)
    missing = [part for part in one.weights if part not in there]
    return {
        "name": one.name,
        "fits": not missing,
        "missing": missing,
        "columns": _columns(one, known),
    }


def _columns(one: Recipe, known: list[str]) -> dict[str, str] | None:
    """Return a model for each part, another one for each; None where one has none."""
    chosen = published_columns(one, known)
    for part in one.parts:
        if part.name in chosen:
            continue
        free = [name for name in known if name not in chosen.values()]
        alike = [
            name for name in free if _target(name) and _target(name) == part.target
        ]
        if not alike:
            return None
        chosen[part.name] = max(alike, key=_version)
    return {part: chosen[part] for part in one.weights}


def _target(name: str) -> str | None:
    """Return the target that a model is trained on, by its name."""
    found = _MODEL.fullmatch(name)
    return f"target_{found[3]}_{found[4]}".lower() if found else None


def _version(name: str) -> tuple[int, int]:
    """Return the data version of a model, as in v53, by its name."""
    found = _MODEL.fullmatch(name)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
