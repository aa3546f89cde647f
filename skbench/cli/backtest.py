"""``skbench backtest``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._command import skbench
from ._options import (
    CHUNK,
    FILE,
    FOLDER,
    FORMAT,
    MISSING,
    PREDICTIONS,
    SHRINKAGE,
    TARGET,
    choice_of_models,
    list_of,
    payout_option,
)
from ._show import BEST_FIRST, say, show, show_newest_rule, title_of

if TYPE_CHECKING:
    import pandas as pd

    from skbench.model_selection import Backtest


@skbench.command()
@FOLDER
@PREDICTIONS
@choice_of_models
@MISSING
@click.option(
    "--fit",
    callback=list_of(str),
    default="corr",
    show_default=True,
    metavar="OBJECTIVE,...",
    help="Ways to learn the weights: corr, sharpe, mse, mmc (or contribution), payout.",
)
@payout_option(
    "For --fit payout, and to score by; without it, those of the newest rule, named."
)
@SHRINKAGE
@click.option(
    "--neutralize",
    metavar="SET",
    help="Feature set to neutralise to, such as small.",
)
@click.option(
    "--proportion",
    "proportions",
    callback=list_of(float),
    metavar="SHARE,...",
    help="Shares of what these features explain to neutralise, such as 0,0.25,0.5,1; "
    "without it, 0.5.",
)
@CHUNK
@TARGET
@click.option(
    "--report",
    type=FILE,
    metavar="FILE",
    help="HTML file to write too: a page of charts.",
)
@FORMAT
def backtest(
    folder: Path,
    predictions: tuple[Path, ...],
    report: Path | None,
    form: str,
    **options: Any,
) -> None:
    """Judge ways to blend the models in FOLDER, and your own, out of sample.

    Every way to learn weights is combined with every proportion. Each combination is
    walked forward: weights are learned before each window from what was known by then.
    It stands against equal weights, the best single model of the past, and the
    published ensembles that FOLDER has the models for. Nothing is written but --report.
    """
    from skbench._files import check_writable
    from skbench.folders import backtest_folder, folder_target, input_files

    if report is not None:
        check_writable(report, "report", input_files(folder, predictions))
    options["target"] = folder_target(folder, options["target"])
    found = backtest_folder(
        folder, predictions=predictions, progress=sys.stderr.isatty(), **options
    )
    newest = options["payout"] is None and "payout" in found.scores
    if form != "table":
        show(found.summary().reset_index(), form)
        if newest:
            show_newest_rule(err=True)
    else:
        say(f"Target: {options['target']}")
        if newest:
            show_newest_rule()
        _show_found(found)
    if report is not None:
        from skbench.report import BacktestReport

        BacktestReport(found, title=f"Backtest of {folder.resolve().name}").write_html(
            report
        )
        if form == "table":
            say("", report)


def _show_found(found: "Backtest") -> None:
    """Print what a backtest found, and what to conclude."""
    say()
    for name in found.scores:
        _show_backtest(name, title_of(name, found.payout), found.summary(name))
    given = [name for name in found.pipelines if _is_given(found, name)]
    if given:
        say(
            f"Weights given, not learned here: {', '.join(given)}. Who chose them "
            "may have known the targets of these eras.",
            "",
        )
    say(f"Verdict: {found.verdict()}.")


def _is_given(found: "Backtest", name: str) -> bool:
    """Whether a candidate has weights that are neither learned nor equal."""
    from skbench.model_selection import EQUAL

    equal = {rivals.get(EQUAL) for rivals in found.rivals.values()}
    return name not in found.weights and name not in equal


def _show_backtest(name: str, title: str, summary: "pd.DataFrame") -> None:
    """Print what a backtest says of one score."""
    parts = ["low", "high", "difference", "difference_low", "difference_high"]
    parts += ["sharpe", "max_drawdown", "n_eras"]
    table = summary[[name, *(f"{name}_{part}" for part in parts), "turnover"]]
    table = table.set_axis(["mean", *parts, "turnover"], axis=1)
    say(f"{title} out of sample; differences from equal weights; {BEST_FIRST}")
    show(table.reset_index(), "table")
    say()
