"""``skbench recipes``."""

import click

from ._command import skbench
from ._options import FORMAT
from ._show import say, show


@skbench.command()
@click.argument("name", required=False)
@FORMAT
def recipes(name: str | None, form: str) -> None:
    """List the published benchmark models, or show the one called NAME.

    Ensembles come first, then single models.
    """
    from skbench.recipes import describe_recipes, recipe

    if name is not None:
        found = recipe(name)
        if form == "table":
            say(f"{found.name}: {found.summary}", found.source, "")
        return show(found.table(), form)
    listed = describe_recipes()
    if form == "table":
        listed = listed[["name", "version", "summary"]]
    show(listed, form)
