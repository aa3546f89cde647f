"""How results are displayed: a few parts, as text and as a notebook has them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape

import pandas as pd

from ._text import visible

# A sentence, a list of them, or a table.
Part = str | list[str] | pd.DataFrame

_DIGITS = "{:.4f}".format


class Shown(ABC):
    """A result that is displayed by its parts, which say what is worth knowing first.

    Names in them may come from others: they show as text, and do nothing.
    """

    @abstractmethod
    def _parts(self) -> Sequence[Part]:
        """Return what is displayed, in order."""

    def __repr__(self) -> str:
        """Write the parts as text."""
        lines = [line for part in self._parts() for line in _as_text(part)]
        return "\n".join(map(visible, lines)).rstrip()

    def _repr_html_(self) -> str:
        return as_html(*self._parts())


def as_html(*parts: Part) -> str:
    """Write parts as HTML, for a notebook."""
    return "".join(map(_one_as_html, parts))


def _one_as_html(part: Part) -> str:
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    if isinstance(part, list):
        return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in part)}</ul>"
    with pd.option_context("display.max_colwidth", None):
        return part.to_html(float_format=_DIGITS, na_rep="-")


def _as_text(part: Part) -> list[str]:
    """Write a part as lines; an empty one follows a table."""
    if isinstance(part, str):
        return [part]
    if isinstance(part, list):
        return [f"- {line}" for line in part]
    return [*part.to_string(float_format=_DIGITS).split("\n"), ""]
