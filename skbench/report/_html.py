"""From the numbers of a report to one page that needs nothing else."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from ._notebook import asked

# What all pages share. In order: each uses only what stands before it.
_SCRIPTS = ("series.js", "style.js", "drawing.js", "boxes.js", "lists.js")
_DIGITS = 6
# What could end the element that holds the data, or a line of JavaScript.
_ESCAPES = {
    ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"
}


def render(
    template: str,
    scripts: Sequence[str],
    numbers: dict[str, Any],
    notebook: bool = False,
) -> str:
    """Return the page: text, style, scripts and data in one.

    In a notebook it has no plotly of its own, but asks for it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=PackageLoader("skbench.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        numbers=numbers,
        plotly=None if notebook else Markup(get_plotlyjs()),
        asked=Markup(as_json(asked())) if notebook else None,
        asks=Markup(_source("asks.js")),
        style=Markup(_source("style.css")),
        scripts=[Markup(_source(name)) for name in (*_SCRIPTS, *scripts)],
        data=Markup(as_json(numbers)),
    )


def as_json(numbers: dict[str, Any]) -> str:
    """Return the numbers as JSON that can stand inside an HTML element."""
    text = json.dumps(_rounded(numbers), separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)


def _source(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Keep as many digits as a chart can show: half the size of the file."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
