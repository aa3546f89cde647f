"""Text that comes from others, as a terminal or a spreadsheet may safely show it."""

# What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str) -> str:
    r"""Write what controls a terminal as `repr` does: ``\x1b``, and ``\n`` too."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def no_formula(text: str) -> str:
    """Put a ``'`` before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
