"""``skbench submit``."""

from pathlib import Path

import click

from ._command import skbench
from ._options import FILE, MODEL, SEND
from ._show import say


@skbench.command()
@click.argument("predictions", type=FILE, metavar="FILE")
@MODEL
@SEND
@click.option(
    "--allow-ties", is_flag=True, help="Let predictions with many ties pass the checks."
)
def submit(predictions: Path, model_name: str, send: bool, allow_ties: bool) -> None:
    """Check the predictions in FILE and submit them for MODEL, one of your models.

    FILE is a CSV file with the columns id and prediction, or a parquet file as skbench
    ensemble writes, of which the live rows are taken. What is sent is read back and
    compared, to the last digit.

    The keys of your account are read from the environment variables NUMERAI_PUBLIC_ID
    and NUMERAI_SECRET_KEY alone.
    """
    from skbench import deploy

    receipt = deploy.submit(
        predictions, model_name, dry_run=not send, allow_ties=allow_ties
    )
    ties = "" if allow_ties else ", few ties"
    say(
        "Passed: the columns; each live id once and no other; predictions between 0 "
        f"and 1, none missing, not constant{ties}; the model is of your account; the "
        "round is open",
        receipt,
    )
