"""Text of others, as terminals and spreadsheets may safely show it."""

import pytest

from skbench._text import no_formula, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v53_lgbm_ender20", "v53_lgbm_ender20"),
        ("modèle 模型 🐂", "modèle 模型 🐂"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("two\nlines\r", r"two\nlines\r"),
        ("a\ttab, a bell\a", r"a\ttab, a bell\x07"),
        ("\x7f \x9b31m", r"\x7f \x9b31m"),
        ("\u202eback to front", r"\u202eback to front"),
        ("half a pair \ud800", r"half a pair \ud800"),
    ],
)
def test_what_controls_a_terminal_is_visible(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize("first", "=+-@\t\r")
def test_what_a_spreadsheet_would_compute_is_quoted(first):
    assert no_formula(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize("text", ["a=1", "", "'=1", " =1", "0.5"])
def test_other_text_is_left_alone(text):
    assert no_formula(text) == text
