"""``skbench check``."""

import sys
from pathlib import Path

import click

from ._command import skbench
from ._options import FILE, FOLDER
from ._show import say


@skbench.command()
@click.argument("exported", type=FILE)
@FOLDER
@click.option(
    "--runner",
    metavar="VERSION",
    help="Run it with the Python and the versions of Numerai's runner: 3.10, 3.11, "
    "3.12 or 3.13; 3.11-head or 3.12-head for the newest state of its sources. That "
    "environment is made once, in $SKBENCH_HOME or ~/skbench_data.",
)
@click.option(
    "--python",
    type=str,
    metavar="PYTHON",
    help="Interpreter or environment to run it with; without it, this one.",
)
@click.option(
    "--memory-limit",
    default="4GB",
    show_default=True,
    metavar="SIZE",
    help="Memory that it may take.",
)
@click.option(
    "--time-limit",
    type=float,
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time that it may take.",
)
def check(
    exported: Path,
    folder: Path,
    runner: str | None,
    python: str | None,
    memory_limit: str,
    time_limit: float,
) -> None:
    """Run the EXPORTED file on the live files in FOLDER, as Numerai's runner would.

    EXPORTED is a pickle, so this runs whatever code its author put into it, in another
    process and without your environment variables: check none but your own. The exit
    status is 1 if a check fails.
    """
    from skbench.deploy import check_predict

    models = folder / "live_benchmark_models.parquet"
    report = check_predict(
        exported,
        folder / "live.parquet",
        models if models.is_file() else None,
        runner=runner,
        python=python,
        memory_limit=memory_limit,
        time_limit=time_limit,
        progress=True,
    )
    say(*str(report).split("\n"))
    if report.passed and report.runner is None:
        say("To try it with the versions of Numerai's runner: --runner 3.12")
    sys.exit(0 if report.passed else 1)
