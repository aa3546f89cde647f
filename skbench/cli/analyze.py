"""``skbench analyze``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._command import skbench
from ._options import FILE, FOLDER, PREDICTIONS, TARGET, choice_of_models
from ._show import say

if TYPE_CHECKING:
    from skbench.analysis import Analysis


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
    if n := _n_unsaid(analysis):
        verdicts = f"{n} more verdict{'s' if n > 1 else ''} on benchmarks of lower CORR"
        page = "the page below has" if report else "--report FILE writes a page with"
        say(f"- There {'are' if n > 1 else 'is'} {verdicts}: {page} all of them.")
    if report is not None:
        made = report_folder(folder, benchmark=model, analysis=analysis, **options)
        made.write_html(report)
        say("", report)


def _n_unsaid(analysis: "Analysis") -> int:
    """Count the verdicts that are not among the sentences."""
    if analysis.comparison is None:
        return 0
    return int((~analysis.comparison["verdict"].isin(analysis.sentences)).sum())
