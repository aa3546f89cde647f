"""``skbench upload``."""

from pathlib import Path

import click

from ._command import skbench
from ._options import FILE, MODEL, SEND
from ._show import say


@skbench.command()
@click.argument("path", type=FILE, metavar="FILE")
@MODEL
@SEND
@click.option(
    "--data-version",
    metavar="VERSION",
    help="Data version that the model reads, such as v5.3; without it, the highest "
    "that Numerai offers.",
)
@click.option(
    "--docker-image",
    metavar="IMAGE",
    help="Image to run it in; without it, the one of --python.",
)
@click.option(
    "--python",
    metavar="VERSION",
    help="Python to run it on, such as 3.12. Without it: that of the code in FILE or, "
    "where skbench export put none into it, 3.12; for another pickle, this one.",
)
def upload(
    path: Path,
    model_name: str,
    send: bool,
    data_version: str | None,
    docker_image: str | None,
    python: str | None,
) -> None:
    """Upload FILE, as skbench export writes it, for Numerai to run as MODEL each round.

    FILE is a whole pickle, whose name ends in .pkl. It is not loaded here: skbench
    check tries it as Numerai would. What is sent is read back and compared.

    The keys of your account are read from the environment variables NUMERAI_PUBLIC_ID
    and NUMERAI_SECRET_KEY alone.
    """
    from skbench.deploy import upload_model

    receipt = upload_model(
        path,
        model_name,
        dry_run=not send,
        data_version=data_version,
        docker_image=docker_image,
        python=python,
    )
    say(
        "Passed: the file is a whole pickle; the model is of your account; Numerai has "
        "the data version and the image",
        receipt,
    )
