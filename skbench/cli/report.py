"""``skbench report``."""

from pathlib import Path
from typing import Any

import click

from ._command import skbench
from ._options import (
    FILE,
    PAYOUT_COLUMN,
    PREDICTIONS,
    TARGET,
    check_subject,
    choice_of_models,
)
from ._show import say


@skbench.command()
@click.argument("folder", type=FILE, required=False)
@PREDICTIONS
@choice_of_models
@click.option("--benchmark", metavar="MODEL", help="Model to compare the others with.")
@click.option(
    "--features",
    metavar="SET",
    help="Feature set, such as small: also score what is left of each model when it is "
    "neutral to these features (FNC).",
)
@PAYOUT_COLUMN
@TARGET
@click.option(
    "--account",
    metavar="NAME",
    help="Instead of FOLDER: report the live rounds of this account or model.",
)
@click.option(
    "--against",
    metavar="NAME",
    help="With --account: another account, such as benchmark_models.",
)
@click.option(
    "--output",
    "-o",
    type=FILE,
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="HTML file to write.",
)
def report(
    folder: Path | None,
    predictions: tuple[Path, ...],
    output: Path,
    benchmark: str | None,
    target: str,
    features: str | None,
    payout: str | dict[str, float] | None,
    account: str | None,
    against: str | None,
    **models: Any,
) -> None:
    """Write a report of the models in FOLDER and your own, or of live rounds.

    One HTML file that needs no network: a list of the models to sort, their scores over
    time beside the benchmark or the Meta Model, targets by rank, drawdowns and
    correlations.
    """
    from skbench._files import check_writable
    from skbench.folders import input_files, report_account, report_folder

    check_subject(folder, account, predictions=predictions, payout=payout, **models)
    check_writable(output, "output", input_files(folder, predictions))
    if folder is not None:
        made = report_folder(
            folder,
            target=target,
            predictions=predictions,
            benchmark=benchmark,
            features=features,
            payout=payout,
            **models,
        )
    else:
        made = report_account(str(account), against=against, benchmark=benchmark)
    made.write_html(output)
    say(made, output)
