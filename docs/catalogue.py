"""Tables of Numerai's published models, below what `skbench.recipes` says of itself.

They are written from the data of the catalogue each time that the pages are built.
"""

from skbench.recipes import COLUMNS, describe_recipes, recipe
from skbench.tournament import SET_SIZES, SIZES_OF


def describe(app, what, name, obj, options, lines):
    """Add the tables to what Sphinx found of the module."""
    if (what, name) == ("module", "skbench.recipes"):
        lines += tables()


def tables():
    """Return all tables in reStructuredText, each below a line that says what it is."""
    recipes = [recipe(name) for name in describe_recipes()["name"]]
    ensembles = [one for one in recipes if one.is_ensemble]
    checked = ", ".join(sorted({one.checked for one in recipes}))
    return [
        "",
        f"Ensembles, checked against their sources in {checked}. *Made from* are the",
        "releases whose benchmark files hold all parts; where there is none, the",
        "models have to be trained.",
        "",
        *table(
            ["Ensemble", "Parts", "Neutral to", "Column in", "Made from"],
            [row_of(one) for one in ensembles],
        ),
        "Columns of the benchmark files that came with each release. The files of v4.2",
        "and v4.3 hold those of the releases before them, too.",
        "",
        *table(["Release", "Columns"], [*new_columns()]),
        f"Features in each set of {SIZES_OF}:",
        "",
        *table(
            ["Set", "Features"], [(f"``{n}``", size) for n, size in SET_SIZES.items()]
        ),
    ]


def row_of(ensemble):
    """Return what the table says of an ensemble."""
    parts = [f"{w:.3g} ``{part}``" for part, w in ensemble.weights.items()]
    neutral = f"{ensemble.proportion:.0%} {ensemble.neutralizers}"
    return (
        f"`{ensemble.name} <{ensemble.source}>`__",
        ", ".join(parts),
        neutral if ensemble.neutralizers else "",
        ", ".join(ensemble.published_in),
        ", ".join(ensemble.made_from),
    )


def new_columns():
    """Yield each release, and the columns that none before it has."""
    seen = set()
    for release, columns in COLUMNS.items():
        new = [f"``{name}``" for name in columns if name not in seen]
        seen.update(columns)
        yield release, ", ".join(new)


def table(head, rows):
    """Write a table, its cells in the order of its head."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    for cells in [head, *rows]:
        first, *others = (str(cell) for cell in cells)
        lines += [f"   * - {first}", *(f"     - {cell}".rstrip() for cell in others)]
    return [*lines, ""]


def setup(app):
    """Connect it to autodoc, after numpydoc, which comes at 500."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", describe, priority=600)
    return {"parallel_read_safe": True}
