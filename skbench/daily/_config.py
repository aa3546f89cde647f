"""What a round is submitted with: read from a file, and checked before any work."""

import inspect
import json
import re
import tempfile
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from skbench._checks import (
    Check,
    check_count,
    check_name,
    did_you_mean,
    is_several,
    listed,
)
from skbench._files import Address, check_there
from skbench._frames import is_frame
from skbench._steps import steps_of
from skbench.folders import ensemble_pipeline
from skbench.recipes import RISKIEST, recipe
from skbench.streaming import write_tables
from skbench.tournament import ERA, FEATURES_FILE, ID, models_file, named

Options = Mapping[str, Any]

_SETTINGS = ("models", "output", "version", "data_home")
# Options of a model: how its pipeline is made of a folder, and what it is fitted to.
OF_PIPELINE = tuple(inspect.signature(ensemble_pipeline).parameters)[1:]


def _check_files(parameter: str, files: Any) -> None:
    for _, given in named(files):
        if not is_frame(given):
            check_there(given, parameter)


def _check_names(parameter: str, names: Any) -> None:
    if not is_several(names) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"`{parameter}` must be a list of names; got {names!r}")


OF_FIT: Mapping[str, Check] = {
    "models": _check_names,
    "without": _check_names,
    "predictions": _check_files,
    "target": check_name,
    "chunk": partial(check_count, least=1),
}


def read_config(path: Address) -> dict[str, Any]:
    """Read the arguments of `run_daily` from a TOML file.

    Parameters
    ----------
    path : path-like
        The file. It has the keys ``output`` and, if wanted, ``version`` and
        ``data_home``, and a table ``[models.NAME]`` for each model.

    Returns
    -------
    arguments : dict
        To call `run_daily` with. The tables are not looked into yet.

    Raises
    ------
    FileNotFoundError
        If the file is not there.
    ValueError
        If it is no TOML, has other keys or lacks one.

    Examples
    --------
    >>> from skbench.daily import read_config, run_daily
    >>> run_daily(**read_config("daily.toml"))  # doctest: +SKIP
    """
    path = check_there(path)
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be a TOML file; it is not: {error}") from error
    for name in config:
        if name not in _SETTINGS:
            hint = did_you_mean(name, _SETTINGS) or "."
            raise ValueError(
                f"{path} has the key {name!r}{hint} It may have {listed(_SETTINGS)}"
            )
    if missing := [name for name in ("models", "output") if name not in config]:
        raise ValueError(f"{path} lacks {listed(missing)}: add it")
    for name in config.keys() - {"models"}:
        check_name(name, config[name], "text")
    if isinstance(config["models"], dict):
        config["models"] = {k: _in_python(v) for k, v in config["models"].items()}
    return config


def _in_python(options: Any) -> Any:
    """Call --missing what Python calls it; all other options have one name."""
    if not isinstance(options, dict):
        return options
    return {"nan_policy" if k == "missing" else k: v for k, v in options.items()}


def check_models(models: Any) -> None:
    """Refuse options that could not be used whatever Numerai's files hold."""
    if not isinstance(models, Mapping) or not models:
        raise ValueError(
            "`models` must map names of models to options of their ensembles; got "
            f"{models!r}"
        )
    for name, options in models.items():
        # It is a name of files, too.
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
            raise ValueError(f"`models` must have names of your models; got {name!r}")
        if not isinstance(options, Mapping):
            raise ValueError(
                f"`models` must map {name!r} to options of its ensemble; got "
                f"{options!r}"
            )
        try:
            _check_options(options)
        except (FileNotFoundError, TypeError, ValueError) as error:
            raise ValueError(f"`models` cannot have {name!r} so: {error}") from error


def _check_options(options: Options) -> None:
    known = list(dict.fromkeys([*OF_PIPELINE, *OF_FIT]))
    for option in options:
        if option not in known:
            hint = did_you_mean(str(option), known) or "."
            raise ValueError(
                f"there is no option {option!r}{hint} There are "
                f"{listed(known, limit=60)}"
            )
    for option, check in OF_FIT.items():
        if option in options:
            check(option, options[option])
    own = [name for name in OF_PIPELINE if name not in OF_FIT]
    # In a folder that has the features and models asked for: what is refused there is
    # refused in any.
    with tempfile.TemporaryDirectory() as folder:
        _make_folder(Path(folder), options)
        pipeline = ensemble_pipeline(folder, **chosen(options, own))
    for step in steps_of(pipeline):
        step.check_parameters()


def _make_folder(folder: Path, options: Options) -> None:
    """Write files with the features and models that options name."""
    names = {*_sets_of(options)} - {RISKIEST}
    sets = {name: ["feature"] for name in names}
    file = folder / FEATURES_FILE
    file.write_text(json.dumps({"feature_sets": sets}), encoding="utf-8")
    published = options.get("recipe")
    parts = recipe(published).weights if published is not None else {}
    weights, columns = (options.get(name) or {} for name in ("weights", "columns"))
    models = {*parts}
    models |= {*weights} if isinstance(weights, Mapping) else set()
    models |= {*columns.values()} if isinstance(columns, Mapping) else set()
    row = {ID: ["a"], ERA: ["1"], **{str(model): [0.5] for model in models}}
    write_tables([pa.table(row)], folder / models_file("validation"))


def _sets_of(options: Options) -> tuple[str, ...]:
    """Return the names of the feature sets that an ensemble is neutral to."""
    name = options.get("recipe")
    if name is not None:
        return recipe(name).neutral_sets
    return (str(options["neutralize"]),) if options.get("neutralize") else ()


def features_of(options: Options) -> str | None:
    """Return a feature set to fetch, if any: of several, any has what all share."""
    return next(iter(_sets_of(options)), None)


def chosen(options: Options, names: Any) -> dict[str, Any]:
    """Return the options of these names."""
    return {name: options[name] for name in names if name in options}
