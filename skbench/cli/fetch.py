"""``skbench fetch``."""

from pathlib import Path

import click

from ._command import skbench
from ._options import FILE
from ._show import say


@skbench.command()
@click.option(
    "--version",
    default="latest",
    show_default=True,
    metavar="VERSION",
    help="Data version, such as v5.3.",
)
@click.option(
    "--features",
    metavar="SET",
    help="Feature set to fetch too, such as small or medium; none without it.",
)
@click.option(
    "--meta-model",
    metavar="RELEASE[@ROUND]",
    help="Take the Meta Model from another release, such as v4.3@842, which covers "
    "more eras. Later calls keep to it, until the folder's own release is named.",
)
@click.option(
    "--data-home",
    type=FILE,
    metavar="FOLDER",
    help="Where to keep the files; without it, $SKBENCH_HOME or ~/skbench_data.",
)
def fetch(
    version: str,
    features: str | None,
    meta_model: str | None,
    data_home: Path | None,
) -> None:
    """Download what an ensemble needs: some 200 MB, and no keys.

    That is the predictions of the benchmark models and of the Meta Model, and of the
    large files the targets and features asked for alone. Files that are there already
    and have not changed on the server are kept.
    """
    from skbench.datasets import fetch_benchmark_models

    data = fetch_benchmark_models(
        version,
        features=features,
        meta_model=meta_model or True,
        data_home=data_home,
        progress=True,
    )
    frame = data.frame
    covered = frame[frame[data.meta_model].notna()]
    say(
        f"{data.folder}: {len(data.models)} models, {len(data.features)} features, "
        f"{frame[data.era].nunique()} eras, {len(frame):,} rows; the Meta Model in "
        f"{covered[data.era].nunique()} eras, {len(covered):,} rows"
    )
