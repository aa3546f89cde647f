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

from skbench._checks import Check, check_count, check_name, did_you_mean, listed
from skbench._files import Address, check_there
from skbench._steps import steps_of
from skbench.folders import ensemble_pipeline
from skbench.recipes import RISKIEST, recipe
from skbench.tournament import FEATURES_FILE

Options = Mapping[str, Any]

_SETTINGS = ("models", "output", "version", "data_home")
# Options of a model: how its pipeline is made of a folder, and what it is fitted to.
OF_PIPELINE = tuple(inspect.signature(ensemble_pipeline).parameters)[1:]
OF_FIT: Mapping[str, Check] = {
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
            raise ValueError(
                f"{path} has the key {name!r}{did_you_mean(name, _SETTINGS)} It may "
                f"have {listed(_SETTINGS)}"
            )
    if missing := [name for name in ("models", "output") if name not in config]:
        raise ValueError(f"{path} lacks {listed(missing)}: add it")
    for name in config.keys() - {"models"}:
        check_name(name, config[name], "text")
    return config


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
        except ValueError as error:
            raise ValueError(f"`models` cannot have {name!r} so: {error}") from error


def _check_options(options: Options) -> None:
    known = [*OF_PIPELINE, *OF_FIT]
    for option in options:
        if option not in known:
            raise ValueError(
                f"there is no option {option!r}{did_you_mean(str(option), known)} "
                f"There are {listed(known, limit=60)}"
            )
    for option, check in OF_FIT.items():
        if option in options:
            check(option, options[option])
    # In a folder that has the features asked for: what is refused there is refused
    # in any.
    name = features_of(options)
    sets = {} if name in (None, RISKIEST) else {str(name): ["feature"]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FEATURES_FILE
        file.write_text(json.dumps({"feature_sets": sets}), encoding="utf-8")
        pipeline = ensemble_pipeline(folder, **chosen(options, OF_PIPELINE))
    for step in steps_of(pipeline):
        step.check_parameters()


def features_of(options: Options) -> Any:
    """Return the name of the feature set that an ensemble is neutral to, if any."""
    name = options.get("recipe")
    return options.get("neutralize") if name is None else recipe(name).neutralizers


def chosen(options: Options, names: Any) -> dict[str, Any]:
    """Return the options of these names."""
    return {name: options[name] for name in names if name in options}
