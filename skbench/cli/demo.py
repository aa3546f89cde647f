"""``skbench demo``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._command import skbench
from ._options import FILE, MISSING, choice_of_models
from ._show import ABOUT_DIFFERENCES, BEST_FIRST, say, show, show_candidates

if TYPE_CHECKING:
    from skbench.demo import Demo


@skbench.command()
@click.option(
    "--data",
    type=FILE,
    metavar="FOLDER",
    help="Folder with Numerai's files of one release; without it, a synthetic "
    "tournament of about 100 eras x 5,000 rows is made.",
)
@choice_of_models
@MISSING
@click.option(
    "--proportion",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="Share of what the features explain to neutralise.",
)
@click.option(
    "--seed",
    "random_state",
    type=int,
    default=0,
    show_default=True,
    metavar="NUMBER",
    help="Seed of the synthetic tournament.",
)
@click.option(
    "--output",
    type=FILE,
    default="submission.csv",
    show_default=True,
    metavar="FILE",
    help="File for the predictions of the live era.",
)
@click.option(
    "--folder",
    type=FILE,
    metavar="NEW",
    help="New folder to write the synthetic tournament to, as Numerai's files, for the "
    "other commands to read.",
)
@click.option(
    "--report",
    type=FILE,
    default="demo.html",
    show_default=True,
    metavar="FILE",
    help="File for the report of the scores.",
)
def demo(
    data: Path | None,
    output: Path,
    folder: Path | None,
    proportion: float,
    report: Path,
    **options: Any,
) -> None:
    """Run the five steps of an ensemble, score them and write a submission.

    Gaussianize each model's predictions in an era (give their ranks the values of a
    normal distribution), blend them, gaussianize the blend, neutralise it to the
    features, rank it. Each era is predicted with weights learned
    before it; the table shows how that does beside equal weights and the best single
    model of the past. The live era gets the weights of all eras.

    FOLDER needs validation.parquet, validation_benchmark_models.parquet, live.parquet,
    live_benchmark_models.parquet and features.json, as Numerai publishes them.
    """
    from skbench._files import check_writable
    from skbench.demo import run_demo
    from skbench.folders import input_files

    check_writable(report, "report", [output, *input_files(data)])
    result = run_demo(
        data,
        output=output,
        folder=folder,
        proportion=proportion,
        progress=True,
        **options,
    )
    _say(result, proportion)
    say(f"Live era: {len(result.submission):,} predictions written to {output}")
    if folder is not None:
        say(f"The tournament, as Numerai's files: {folder}")
    try:
        result.report().write_html(report)
    except ModuleNotFoundError as error:
        say(f"No report: {error}")
    else:
        say(f"Report, to open in a browser: {report}")


def _say(result: "Demo", proportion: float) -> None:
    scores, (before, after) = result.scores, result.exposures
    first, last = scores.index[0], scores.index[-1]
    say(result.title, "", f"Target: {result.target}", "")
    title = f"CORR out of sample, {len(scores)} eras from {first} to {last}"
    show_candidates(title, result.comparison())
    say("", *ABOUT_DIFFERENCES, "")
    say(f"The models in these eras, and their weights for the live era; {BEST_FIRST}")
    models = result.summary().loc[list(result.weights)]
    models = models[["mean", "low", "high", "sharpe", "max_drawdown"]]
    models.insert(0, "weight", [f"{w:.1%}" for w in result.weights.values()])
    models = models.sort_values("mean", ascending=False)
    show(models.rename_axis("model").reset_index(), "table")
    say("", *result.sentences, "")
    say(
        "Largest correlation of the live predictions with a feature: "
        f"{before:.4f}, after neutralising {proportion:.0%}: {after:.4f}"
    )
