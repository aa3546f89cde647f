"""``skbench export``."""

from pathlib import Path
from typing import Any

import click

from ._command import skbench
from ._options import FILE
from ._show import say


@skbench.command()
@click.argument("pipeline", type=FILE)
@click.option(
    "--output",
    "-o",
    type=FILE,
    default="predict.pkl",
    show_default=True,
    metavar="FILE",
    help="File to upload to Numerai.",
)
@click.option(
    "--fill",
    type=float,
    default=0.5,
    show_default=True,
    metavar="VALUE",
    help="Prediction for rows that have none.",
)
@click.option(
    "--runner",
    default="3.12",
    show_default=True,
    metavar="VERSION",
    help="Runner of Numerai that the file is meant for, as for skbench check; you are "
    "told if it cannot run there.",
)
@click.option(
    "--trust",
    multiple=True,
    metavar="TYPE",
    help="Full name of a further type that a skops file may hold; may be given several "
    "times.",
)
def export(
    pipeline: Path, output: Path, fill: float, runner: str, trust: tuple[str, ...]
) -> None:
    """Write the fitted PIPELINE as a file that Numerai's runner can run.

    PIPELINE is a joblib file, as skbench ensemble writes it, or a skops file. Loading a
    joblib file runs whatever code its author put into it, before anything is checked:
    load none but your own. A skops file is loaded only if it holds nothing that could
    run code: skbench's estimators and those of scikit-learn that only compute.
    """
    from zipfile import is_zipfile

    from skbench._files import check_writable
    from skbench.deploy import export_predict

    check_writable(output, "output", [pipeline])
    is_skops = pipeline.suffix == ".skops" or is_zipfile(pipeline)
    if trust and not is_skops:
        raise click.UsageError(
            f"--trust goes with a skops file, and {pipeline} is none: a joblib file is "
            "trusted with everything"
        )
    fitted = _load_skops(pipeline, trust) if is_skops else _load_joblib(pipeline)
    try:
        export_predict(fitted, output, fill=fill, runner=runner)
    except TypeError as error:
        raise ValueError(str(error)) from error  # for its options to be named
    size = output.stat().st_size / 1000
    try_it = f"skbench check {output} FOLDER --runner {runner}"
    say(f"{output}: {size:,.0f} kB. Try it: {try_it}")
    if told := _learned_from(fitted):
        say(told)


def _load_skops(path: Path, trust: tuple[str, ...]) -> Any:
    """Load what skops wrote, if it holds nothing that could run code."""
    from skbench.deploy import load_trusted

    return load_trusted(path, also=trust)


def _load_joblib(path: Path) -> Any:
    """Load what joblib wrote, which runs whatever code its author put into it."""
    import joblib

    try:
        return joblib.load(path)
    except OSError:
        raise
    except Exception as error:  # which pickle may raise of any kind
        raise click.ClickException(
            f"{path} is no joblib file that can be loaded here ({error!r})"
        ) from error


def _learned_from(pipeline: Any) -> str:
    """Say of which eras predictions are in sample; nothing where no weights are."""
    from skbench._stacking import StackingWeights
    from skbench._steps import steps_of

    learned = [s for s in steps_of(pipeline) if isinstance(s, StackingWeights)]
    if not learned:
        return ""
    first, *_, last = learned[-1].eras_
    return (
        f"Its weights were learned from the eras {first} to {last}: what it predicts "
        "of them is in sample, and so are Numerai's diagnostics of it."
    )
