"""``skbench recipes``."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._command import skbench
from ._options import FORMAT
from ._show import say, show

if TYPE_CHECKING:
    import pandas as pd


@skbench.command()
@click.argument("name", required=False, metavar="[NAME|FOLDER]")
@FORMAT
def recipes(name: str | None, form: str) -> None:
    """List the published benchmark models, show one, or tell which fit a folder.

    The list has ensembles first, then single models. With the NAME of a recipe: what it
    is made of. With a FOLDER: which ensembles its models can make, what the others
    lack, and the commands that make them, also with models of the same targets in place
    of those that are lacking.
    """
    from skbench.recipes import describe_recipes, recipe

    if name is not None and _is_path(name):
        return _show_fitting(name, form)
    if name is not None:
        found = recipe(name)
        if form == "table":
            say(f"{found.name}: {found.summary}", found.source, "")
        return show(found.table(), form)
    listed = describe_recipes()
    if form == "table":
        listed = listed[["name", "version", "summary"]]
    show(listed, form)


def _is_path(name: str) -> bool:
    """Whether a word is a path, there or not, and no name of a recipe."""
    separators = os.sep, os.altsep or os.sep
    return Path(name).exists() or any(sign in name for sign in separators)


def _show_fitting(folder: str, form: str) -> None:
    """Print which recipes the models in a folder can make, and by which commands."""
    from skbench.folders import folder_recipes

    if not Path(folder).is_dir():
        raise click.UsageError(f"FOLDER must be a folder that is there; got {folder}")
    found = folder_recipes(folder)
    found["command"] = [_command(folder, line) for _, line in found.iterrows()]
    found["missing"] = found["missing"].map(", ".join)
    if form != "table":
        return show(found.drop(columns="columns"), form)
    table = found[["name", "fits", "missing", "features"]].copy()
    table["fits"] = table["fits"].map({True: "yes", False: "no"})
    table["missing"] = table["missing"].map(_shortened)
    show(table.fillna("").rename(columns={"features": "missing features"}), form)
    for title, fits in {
        "As they were published:": True,
        "With models of the same targets in place of those that are missing:": False,
    }.items():
        if commands := found["command"][found["fits"] == fits].dropna().tolist():
            say("", title, *commands)
    if found["command"].isna().all():
        say("", "No published ensemble can be made of the models in this folder.")


def _command(folder: str, line: "pd.Series") -> str | None:
    """Return the command that makes an ensemble of the models in a folder."""
    if line["columns"] is None or line["features"] is not None:
        return None
    words = ["skbench", "ensemble", folder, "--recipe", line["name"]]
    if not line["fits"]:
        pairs = [f"{part}={column}" for part, column in line["columns"].items()]
        words += ["--columns", ",".join(pairs)]
    return shlex.join([*words, "--output", f"{line['name']}.parquet"])


def _shortened(names: str) -> str:
    first, *others = names.split(", ")
    return f"{first} and {len(others)} more" if others else first
