"""Sets of features by name, as `features.json` lists them."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from skbench._checks import did_you_mean, is_several, listed
from skbench._warnings import warn

from ._release import FEATURES_FILE, to_download
from ._roles import HasColumns
from ._unreadable import why_unreadable

# Features in each set of the newest release, and a group that no release before it has.
SIZES_OF = "v5.3 in October 2026"
SET_SIZES = {
    "small": 42,
    "medium": 780,
    "all": 3555,
    "fncv3_features": 400,
    "v2_equivalent_features": 304,
    "v3_equivalent_features": 1000,
    "quantum": 807,
    "rain": 666,
    "faith": 372,
    "constitution": 335,
    "sunshine": 325,
    "charisma": 290,
    "midnight": 244,
    "agility": 145,
    "wisdom": 140,
    "strength": 135,
    "serenity": 95,
    "dexterity": 51,
    "intelligence": 35,
}
_NEWEST_GROUP = "quantum"


def feature_sets(path: Path, wanted: str | None = None) -> dict[str, list[str]]:
    """Read the sets of a `features.json`: the name of each, and its features.

    ``wanted`` is the set to fetch where the file is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: it lists the feature sets; "
            f"{to_download(path.parent, wanted)}"
        )
    try:
        sets = json.loads(path.read_text(encoding="utf-8"))["feature_sets"]
    except (ValueError, KeyError, TypeError) as error:
        why = why_unreadable(path, error, "Download it again")
        raise ValueError(
            f"{path} must be JSON with the key 'feature_sets'; got "
            f"{type(error).__name__}: {why}"
        ) from error
    if not isinstance(sets, dict) or not all(map(_is_names, sets.values())):
        raise ValueError(
            f"'feature_sets' in {path} must be lists of feature names, each under the "
            "name of its set: download it again"
        )
    _warn_of_other_sizes(path, sets)
    return dict(sets)


def _warn_of_other_sizes(path: Path, sets: Mapping[str, list[str]]) -> None:
    """Warn if a file of the newest release, or of one after it, has other sets."""
    if _NEWEST_GROUP not in sets:
        return
    other = [
        f"{name!r} has {len(sets.get(name, []))} and not {size}"
        for name, size in SET_SIZES.items()
        if len(sets.get(name, [])) != size
    ]
    if other:
        warn(
            f"the feature sets in {path} are not those of {SIZES_OF}: in features, "
            f"{', '.join(other)}. What was published about sets of these names may not "
            "hold for it; if it is an old file, download it again"
        )


def read_sets(folder: Path, features: Any) -> dict[str, list[str]]:
    """Read the sets of a folder, which only the name of a set cannot do without."""
    path = folder / FEATURES_FILE
    if features is None or not (isinstance(features, str) or path.is_file()):
        return {}
    return feature_sets(path, features if isinstance(features, str) else None)


def check_fetched(
    names: Collection[str], file: HasColumns, sets: Mapping[str, list[str]]
) -> None:
    """Refuse a file that lacks features, if a set has them: it can be fetched."""
    lacking = [name for name in names if name not in file.types]
    having = _having(names, sets) or _having(lacking, sets)
    if lacking and having:
        raise ValueError(
            f"{file.path} lacks {len(lacking)} of the features, {listed(lacking, 3)}: "
            f"{to_download(file.path.parent, having[0], 'them')}"
        )


def _having(names: Collection[str], sets: Mapping[str, list[str]]) -> list[str]:
    """Return the sets that have all these features, the smallest first."""
    having = [name for name, some in sets.items() if set(names).issubset(some)]
    return sorted(having, key=lambda name: len(sets[name]))


def resolve_features(
    features: Any,
    sets: Mapping[str, list[str]],
    available: Collection[str],
    source: str = "the file",
) -> list[str]:
    """Return the features that None, the name of a set or a list of names stands for.

    ``available`` are the columns of the file that they are to be read from, which
    messages call ``source``.
    """
    if features is None:
        return []
    if isinstance(features, str):
        features = feature_set(features, sets)
    return resolve_columns(features, available, "features", source)


def resolve_columns(
    names: Any,
    available: Collection[str],
    parameter: str,
    source: str,
    shown: Collection[str] | None = None,
) -> list[str]:
    """Return column names as a list, all different and all in the file.

    ``shown``: those to suggest where one is not there; None: all.
    """
    if isinstance(names, str):
        names = [names]
    if not is_several(names):
        raise ValueError(f"`{parameter}` must be names of columns; got {names!r}")
    chosen = [str(name) for name in names]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"`{parameter}` names a column twice: {listed(chosen)}")
    present = set(available)
    if absent := [name for name in chosen if name not in present]:
        shown = available if shown is None else shown
        raise ValueError(
            f"`{parameter}` names {listed(absent)}, which {source} does not have"
            f"{did_you_mean(absent[0], shown) or '.'} It has {listed(shown)}: "
            "name others, or fetch a file that has them"
        )
    return chosen


def feature_set(
    name: str, sets: Mapping[str, list[str]], parameter: str = "features"
) -> list[str]:
    """Return the features of the set of a name."""
    if not isinstance(name, str):
        raise ValueError(f"`{parameter}` must name a feature set; got {name!r}")
    if name in sets:
        return sets[name]
    raise ValueError(
        f"`{parameter}` must be the name of a feature set, or a list of features; got "
        f"{name!r}{did_you_mean(name, sets) or '.'} The sets are "
        f"{listed(sets, limit=100)}"
    )


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
