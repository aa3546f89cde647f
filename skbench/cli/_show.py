"""What commands print."""

import sys
from typing import TYPE_CHECKING

import click

from skbench._text import no_formula, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import pandas as pd


# By what the tables of scores are sorted, as each says.
BEST_FIRST = "best mean first"

ABOUT_DIFFERENCES = (
    "difference: the ensemble less that line, era by era; the best single model is",
    "the one with the highest CORR before each window.",
)


def say(*lines: object, err: bool = False) -> None:
    """Print lines; all that the commands print goes through here.

    Names of models, files and eras may come from others: what would control the
    terminal, a line break within a line included, is shown as text. So is what the
    terminal's encoding cannot write.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = "\n".join(visible(str(line)) for line in lines)
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def show(frame: "pd.DataFrame", form: str) -> None:
    """Print a frame, as a table with aligned columns or for another program."""
    if form == "json":
        text = frame.to_json(orient="records", double_precision=15)
        # The one control character that it leaves as it is.
        return say(text.replace("\x7f", "\\u007f"))
    if form == "csv":
        frame = _with_text(frame, lambda text: visible(no_formula(text)))
        text = frame.to_csv(index=False, lineterminator="\n").rstrip("\n")
    else:
        frame = frame.rename(columns=lambda name: str(name).replace("_", " "))
        frame = _with_text(frame, visible)
        text = frame.to_string(index=False, float_format="%.4f", na_rep="-")
    say(*text.split("\n"))


def _with_text(frame: "pd.DataFrame", change: "Callable[[str], str]") -> "pd.DataFrame":
    """Change the text in the cells and headers of a frame."""
    changed = frame.rename(columns=lambda name: change(str(name)))
    return changed.map(lambda cell: change(cell) if isinstance(cell, str) else cell)


def show_score(name: str, title: str, span: str, board: "pd.DataFrame") -> None:
    """Print what a leaderboard says of one score, best first."""
    from skbench.metrics import best_first, shorter_lines

    board = best_first(board, name)
    parts = ["low", "high", "sharpe", "max_drawdown", "n_eras"]
    table = board[["model", name, *(f"{name}_{part}" for part in parts)]]
    table = table.set_axis(["model", "mean", *parts], axis=1)
    say(f"{title}, {span} eras; {BEST_FIRST}")
    show(table, "table")
    say(*shorter_lines(board, name), "")


def show_candidates(title: str, table: "pd.DataFrame") -> None:
    """Print an ensemble beside what it stands against, best first."""
    say(f"{title}; {BEST_FIRST}")
    table = table.sort_values("mean", ascending=False, kind="stable")
    show(table.rename_axis("candidate").reset_index(), "table")


def show_weights(weights: "Mapping[Hashable, float]") -> None:
    """Print weights as shares of their sum, the largest first.

    Only their ratios count, as what is blended is ranked again. Where some are
    negative, the sizes sum to 100 %.
    """
    total = sum(map(abs, weights.values())) or 1.0
    say("Weights, the largest first")
    for name in sorted(weights, key=lambda name: -weights[name]):
        say(f"{weights[name] / total:7.2%}  {name}")


def title_of(score: str, payout: "Mapping[str, float] | None") -> str:
    """Name a score; a payout by what it is the sum of."""
    if score != "payout" or not payout:
        return score.upper()
    from skbench._score_names import multipliers_of, sum_in_words

    return f"PAYOUT ({sum_in_words(multipliers_of(payout))})"


def show_newest_rule(err: bool = False) -> None:
    """Say which payout rule was taken where none was named."""
    from skbench._score_names import sum_in_words
    from skbench.staking import newest_rule

    rule = newest_rule()
    told = f"Payout: rule {rule.name!r}, the newest: {sum_in_words(rule.multipliers)}"
    say(told, err=err)
