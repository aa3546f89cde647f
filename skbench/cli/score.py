"""``skbench score``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._command import skbench
from ._options import (
    FOLDER,
    FORMAT,
    PAYOUT_COLUMN,
    PREDICTIONS,
    TARGETS,
    choice_of_models,
)
from ._show import say, show, show_score, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


_ABOUT_INTERVALS = """\
The interval from low to high holds the true mean in 95 of 100 cases; four times as
many eras halve it. Models whose intervals overlap may still be told apart by their
difference in each era: skbench report FOLDER --benchmark MODEL"""


@skbench.command()
@FOLDER
@PREDICTIONS
@choice_of_models
@click.option(
    "--benchmark",
    metavar="MODEL",
    help="Score each model's contribution to this one too (BMC).",
)
@PAYOUT_COLUMN
@click.option(
    "--recent",
    type=click.IntRange(1),
    default=52,
    show_default=True,
    metavar="ERAS",
    help="Number of the most recent eras to score by themselves.",
)
@TARGETS
@FORMAT
def score(
    folder: Path,
    predictions: tuple[Path, ...],
    target: list[str],
    benchmark: str | None,
    payout: str | dict[str, float] | None,
    recent: int,
    form: str,
    **models: Any,
) -> None:
    """Rank the models in FOLDER, and your own, by their scores.

    CORR, the correlation with the targets, and MMC, the contribution to the Meta Model
    where FOLDER holds it: mean over the eras, low and high end of its 95% interval,
    Sharpe ratio, largest drawdown, number of eras. Each table is sorted by the score
    that it shows. A model with less than 90% of the eras that others have stands
    beneath them, with its mean difference from the best of them in the eras of both.
    Under the tables: how your predictions were made, if their file says so. With
    several targets there are tables for each; its intervals allow for the days that it
    looks ahead.
    """
    from skbench.folders import folder_target, read_payout, score_folder
    from skbench.tournament import origin_lines

    several = len(target) > 1
    targets = target if several else folder_target(folder, target[0])
    paid = None if payout is None else read_payout(payout)
    board = score_folder(
        folder,
        target=targets,
        predictions=predictions,
        benchmark=benchmark,
        payout=paid,
        recent=recent,
        progress=sys.stderr.isatty(),
        **models,
    )
    if form != "table":
        return show(board, form)
    told = board[["model", "made"]].dropna() if "made" in board else board.iloc[:0]
    made = dict(told.to_numpy().tolist())
    board = _marked(board, made)
    if several:
        for (name, horizon), lines in board.groupby(["target", "horizon"], sort=False):
            say(f"Target: {name}; its scores share days over {horizon} eras", "")
            _show_board(lines, paid)
    else:
        say(f"Target: {targets}", "")
        _show_board(board, paid)
    if made:
        say(*origin_lines(made), "")
    say(*_ABOUT_INTERVALS.split("\n"))


def _show_board(board: "pd.DataFrame", paid: "Mapping[str, float] | None") -> None:
    """Print what a leaderboard says of each score, over each span of eras."""
    for span, lines in board.groupby("eras", sort=False):
        for name in ("corr", "mmc", "bmc", "payout"):
            if name in lines:
                show_score(name, title_of(name, paid), str(span), lines)


def _marked(board: "pd.DataFrame", made: "dict[str, str]") -> "pd.DataFrame":
    """Mark the models whose scores are in sample, wherever a leaderboard names them."""
    flattered = [name for name, words in made.items() if words.startswith("in sample")]
    shown = {name: f"{name} (in sample)" for name in flattered}
    names = ["model", *board.filter(regex="_versus$")]
    return board.assign(**{name: board[name].replace(shown) for name in names})
