"""``skbench daily``."""

from datetime import UTC, datetime
from pathlib import Path

import click

from ._command import Failure, skbench, words_of
from ._options import FILE, SEND
from ._show import say

# By the kind of error: the exit status, and what it means. The first that fits, from
# the error's own kind to the most general.
STATUSES = {
    "KeysError": (10, "keys", "missing or wrong, or the account has no such model"),
    "ConnectionError": (
        11,
        "network",
        "Numerai not reached, or what was sent not verified: run it again",
    ),
    "DataError": (
        12,
        "data",
        "Numerai's files, the ensemble that CONFIG asks for, or the disk",
    ),
    "OSError": (12, "data", ""),
    "RefusedError": (
        13,
        "refused",
        "the round is closed, or the predictions cannot be submitted",
    ),
    "BlockingIOError": (14, "busy", "another skbench daily is at work there"),
}
_LINES = [
    "  0  submitted, or already submitted; a dry run that went well",
    "  2  an option or CONFIG that cannot be used",
    *(f" {n}  {word}: {means}" for n, word, means in STATUSES.values() if means),
]


@skbench.command(epilog="\b\nExit status:\n" + "\n".join(_LINES))
@click.argument("config", type=FILE)
@SEND
def daily(config: Path, send: bool) -> None:
    """Fetch, ensemble, check and submit, as CONFIG says: for a timer, each day.

    CONFIG is a TOML file. Its keys are output, the folder for the predictions; version
    and data_home, as in skbench fetch; and a table [models.NAME] for each of your
    models, with options as those of skbench ensemble: fit = "corr", neutralize =
    "small" and so on.

    The keys of your account are read from the environment variables NUMERAI_PUBLIC_ID
    and NUMERAI_SECRET_KEY alone, and tried before anything is fetched. A model that has
    a submission in the round is left alone, so this may run as often as you like, but
    not twice at the same time in one output folder.

    Each step is a line with its time. The last line begins with OK, or is the error.
    """
    from skbench.daily import read_config, run_daily

    settings = read_config(config)
    try:
        done = run_daily(**settings, dry_run=not send, tell=_log)
    except (OSError, ValueError) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        known = [STATUSES[kind] for kind in kinds if kind in STATUSES]
        if not known:
            raise
        status, word, _ = known[0]
        raise Failure(f"{word}: {words_of(error)}", status) from error
    say(f"OK {done}")


def _log(line: str) -> None:
    say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}")
