"""Pages of constants: what is said of each in its source, and what a rule holds.

Sphinx would show the documentation of its class, and its value as code.
"""

import sys
from dataclasses import fields

from sphinx.pycode import ModuleAnalyzer

from skbench import staking


def describe(app, what, name, obj, options, lines):
    """Replace what Sphinx found of a constant."""
    if what == "data":
        lines[:] = [*said_of(name), "", *table(contents(obj))]


def said_of(name):
    """Return the text below a constant where it is defined, beside its public name."""
    package, _, constant = name.rpartition(".")
    for module in [name for name in sys.modules if name.startswith(f"{package}.")]:
        texts = ModuleAnalyzer.for_module(module).find_attr_docs()
        if ("", constant) in texts:
            return texts["", constant]
    raise LookupError(f"{name} has no text below it in its source: write one")


def contents(value):
    """Return what a payout rule, or the mapping of all, holds: names and texts."""
    if value is staking.PAYOUT_RULES:
        return {f'"{name}"': link_to(rule) for name, rule in value.items()}
    if not isinstance(value, staking.PayoutRule):
        return {}
    held = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: as_text(held[name]) for name in held if held[name] is not None}


def link_to(rule):
    """Return a link to the constant that is a rule."""
    names = [name for name in staking.__all__ if getattr(staking, name) is rule]
    return f":py:data:`~skbench.staking.{names[0]}`"


def as_text(value):
    """Write a field of a rule."""
    if isinstance(value, dict):
        return ", ".join(f"``{name}`` × {number:g}" for name, number in value.items())
    return f"{value:,g}" if isinstance(value, float) else str(value)


def table(rows):
    """Write names and texts as a table in reStructuredText."""
    if not rows:
        return []
    lines = [".. list-table::", "   :widths: auto", ""]
    for name, text in rows.items():
        lines += [f"   * - ``{name}``", f"     - {text}"]
    return [*lines, ""]


def setup(app):
    """Connect it to autodoc, after numpydoc, which comes at 500."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", describe, priority=600)
    return {"parallel_read_safe": True}
