"""``skbench explore``."""

import sys
from pathlib import Path

import click

from ._command import skbench
from ._options import FILE, FOLDER, PREDICTIONS, TARGET, choice_of_models
from ._show import say


@skbench.command()
@FOLDER
@PREDICTIONS
@choice_of_models
@click.option(
    "--neutralize",
    metavar="SET",
    help="Feature set to neutralise to, such as small.",
)
@TARGET
@click.option(
    "--output",
    "-o",
    type=FILE,
    default="explore.html",
    show_default=True,
    metavar="FILE",
    help="HTML file to write.",
)
def explore(
    folder: Path,
    predictions: tuple[Path, ...],
    models: list[str] | None,
    without: list[str] | None,
    neutralize: str | None,
    output: Path,
    target: str,
) -> None:
    """Write a page on which you move the weights of the models in FOLDER by hand.

    One HTML file that needs no network: a slider for each model and one for
    neutralisation, and at once what they do to CORR, MMC, the payout and the difference
    from any model; presets, the frontier of CORR and MMC, and the command that makes
    the blend that you like.
    """
    from skbench._files import check_writable
    from skbench.folders import explore_folder, input_files

    check_writable(output, "output", input_files(folder, predictions))
    made = explore_folder(
        folder,
        target=target,
        models=models,
        without=without,
        predictions=predictions,
        neutralize=neutralize,
        progress=sys.stderr.isatty(),
    )
    made.write_html(output)
    say(made, output)
