"""Formulas as MathML, which browsers draw by themselves: no script, nothing remote."""

import re

from docutils import nodes
from docutils.utils.math import latex2mathml

# What docutils does not know: a bar larger than the line, and dots at any height.
REPLACED = {r"\Big|": "|", r"\dots": r"\ldots"}


def as_mathml(tex, block):
    """Return LaTeX as MathML. What cannot be translated is an error of the build."""
    if block:
        # Sphinx lets a blank line stand for a line break; docutils does not.
        tex = re.sub(r"\n\s*\n", r"\n\\\\\n", tex.strip())
    for command, known in REPLACED.items():
        tex = tex.replace(command, known)
    return latex2mathml.tex2mathml(tex, as_block=block)


def visit_inline(writer, node):
    """Write a formula within a line."""
    writer.body.append(as_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def visit_block(writer, node):
    """Write a formula on lines of its own; wide ones can be scrolled."""
    formula = as_mathml(node.astext(), block=True)
    writer.body.append(f'<div class="formula">\n{formula}\n</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer, for Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
