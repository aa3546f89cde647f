"""``skbench analyze``."""

from pathlib import Path
from typing import Any

import click

from ._command import skbench
from ._options import FILE, FOLDER, PREDICTIONS, TARGET, choice_of_models
from ._show import say


@skbench.command()
@FOLDER
@PREDICTIONS
@choice_of_models
@click.option(
    "--model", metavar="MODEL", help="Your own model, to judge by the others."
)
@TARGET
@click.option(
    "--report",
    type=FILE,
    metavar="FILE",
    help="HTML file to write too, with the numbers behind the answers.",
)
def analyze(
    folder: Path,
    predictions: tuple[Path, ...],
    model: str | None,
    target: str,
    report: Path | None,
    **options: Any,
) -> None:
    """Ask what the Meta Model underweights, and which models ensemble well.

    With --model also: is this model still good? Each answer has its interval, and says
    so where the data cannot tell.
    """
    from skbench._files import check_writable
    from skbench.folders import analyze_folder, input_files, report_folder

    if report is not None:
        check_writable(report, "report", input_files(folder, predictions))
    options |= {"predictions": predictions, "target": target}
    analysis = analyze_folder(folder, model=model, **options)
    say(f"Target: {analysis.target}")
    for sentence in analysis.sentences:
        say(f"- {sentence}")
    if report is not None:
        made = report_folder(folder, benchmark=model, analysis=analysis, **options)
        made.write_html(report)
        say("", report)
