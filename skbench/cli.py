"""The ``skbench`` command: every subcommand is one public function."""

import sys
from pathlib import Path
from typing import Any

import click

from skbench import __version__


@click.group(invoke_without_command=True)
@click.version_option(__version__, prog_name="skbench")
@click.pass_context
def skbench(context: click.Context) -> None:
    """Turn the predictions of many Numerai models into one better prediction."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@skbench.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder with Numerai's files of one release; without it, a synthetic "
    "tournament of about 100 eras x 5,000 rows is made.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="submission.csv",
    show_default=True,
    metavar="FILE",
    help="File for the predictions of the live era.",
)
@click.option(
    "--proportion",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of what the features explain to neutralise.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the tournament."
)
def demo(data: Path | None, output: Path, proportion: float, seed: int) -> None:
    """Run the five steps of an ensemble, score them and write a submission.

    Gaussianize each model's predictions per era, blend them, gaussianize the blend,
    neutralise it to the features, rank it. The weights are learned from the first half
    of the eras; the table shows the scores in later ones, beside equal weights.

    FOLDER needs validation.parquet, validation_benchmark_models.parquet, live.parquet,
    live_benchmark_models.parquet and features.json, as Numerai publishes them.
    """
    from .demo import run_demo

    result = run_demo(
        data, output=output, proportion=proportion, random_state=seed, progress=True
    )
    scores, (before, after) = result.scores, result.exposures
    click.echo(result.title)
    click.echo(
        f"\nCORR in eras {scores.index[0]} to {scores.index[-1]} ({len(scores)} eras; "
        "low and high: 95% interval of the mean)\n"
    )
    weights = {name: f"{weight:.1%}" for name, weight in result.weights.items()}
    table = result.summary()[["mean", "low", "high", "std", "sharpe", "max_drawdown"]]
    table = table.map("{:.4f}".format).rename(columns={"max_drawdown": "max drawdown"})
    table.insert(0, "weight", [weights.get(str(name), "") for name in table.index])
    click.echo(table.rename_axis(None).to_string())
    click.echo(
        "\nLargest correlation of the ensemble with a feature (mean over eras): "
        f"{before:.4f}, after neutralising {proportion:.0%}: {after:.4f}"
    )
    click.echo(f"Live era: {len(result.submission):,} predictions written to {output}")


def main(args: list[str] | None = None) -> Any:
    """Run the command; one line and exit status 2 for what the user can mend.

    Parameters
    ----------
    args : list of str, default=None
        Command-line arguments; None: those of the process.
    """
    try:
        skbench.main(args, prog_name="skbench", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        sys.exit(130)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.strerror else str(error))
    except ValueError as error:
        _fail(str(error))


def _fail(message: str) -> None:
    click.echo(f"skbench: {message}", err=True)
    sys.exit(2)
