"""``skbench diagnose``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._command import skbench
from ._options import FILE, TARGET
from ._show import say, show

if TYPE_CHECKING:
    import pandas as pd

# What Numerai and skbench may differ by: rounding, and other versions of scipy.
_TOLERANCE = 1e-4
_SHOWN = 5


@skbench.command()
@click.argument("predictions", type=FILE)
@click.argument("model")
@click.argument("folder", type=FILE, required=False)
@TARGET
@click.option(
    "--benchmark",
    metavar="MODEL",
    help="Model of FOLDER to score the contribution to (BMC); without it, the one of "
    "the target.",
)
@click.option(
    "--send", is_flag=True, help="Send the predictions; else it is a dry run."
)
def diagnose(
    predictions: Path,
    model: str,
    folder: Path | None,
    target: str,
    benchmark: str | None,
    send: bool,
) -> None:
    """Let Numerai score the validation PREDICTIONS, as diagnostics of your MODEL.

    PREDICTIONS is a file with ids and eras (parquet, CSV or Feather), such as skbench
    ensemble writes. With a FOLDER of Numerai's files, its scores are put beside those
    that skbench computes from them, era by era. Nothing is sent without --send. The
    keys of your account come from the environment variables NUMERAI_PUBLIC_ID and
    NUMERAI_SECRET_KEY.
    """
    progress = sys.stderr.isatty()
    if folder is None:
        from skbench.deploy import diagnostics

        if benchmark is not None:
            raise click.UsageError("--benchmark goes with a FOLDER")
        made = diagnostics(predictions, model, dry_run=not send, progress=progress)
        say(made)
        if made.scores is not None:
            show(made.scores.mean().rename("mean").reset_index(name="mean"), "table")
        return
    from skbench.folders import diagnose_folder

    made, comparison = diagnose_folder(
        folder,
        predictions,
        model,
        target=target,
        benchmark=benchmark,
        dry_run=not send,
        progress=progress,
    )
    say(made)
    if comparison is not None:
        for score, table in comparison.groupby("score", sort=False):
            say("")
            _show_agreement(str(score).upper(), table)


def _show_agreement(score: str, table: "pd.DataFrame") -> None:
    """Print in how many eras a score is Numerai's, and where it differs most."""
    both = table.dropna()
    if both.empty:
        return say(f"{score}: no era is scored by both")
    far = both[both["difference"].abs() > _TOLERANCE]
    equal = "all" if far.empty else f"{len(both) - len(far):,} of"
    means = both[["numerai", "own"]].mean()
    say(
        f"{score}: equal to within {_TOLERANCE:g} in {equal} {len(both):,} eras; mean "
        f"{means['numerai']:.4f} at Numerai, {means['own']:.4f} here"
    )
    for which, by in (("numerai", "Numerai"), ("own", "skbench")):
        alone = table[table[which].notna()]
        if n_alone := len(alone) - len(both):
            say(f"Eras scored by {by} alone: {n_alone:,}")
    if not far.empty:
        most = far["difference"].abs().nlargest(_SHOWN).index
        say("The eras that differ most:")
        show(far.loc[most].drop(columns="score"), "table")
