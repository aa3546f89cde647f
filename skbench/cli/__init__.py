"""The ``skbench`` command: every subcommand is one public function."""

import os
import sys
import warnings
from typing import Any

import click

from . import (  # noqa: F401 - each adds its command to the group
    analyze,
    backtest,
    check,
    demo,
    ensemble,
    explore,
    export,
    fetch,
    recipes,
    report,
    score,
    stake,
)
from ._command import skbench as skbench
from ._command import warner
from ._show import say


def main(args: list[str] | None = None) -> Any:
    """Run the command; one line and exit status 2 for what the user can mend."""
    if args is None:
        # What is named on the command line is UTF-8 in the files, whatever the locale.
        how = sys.getfilesystemencodeerrors()
        args = [os.fsencode(text).decode("utf-8", how) for text in sys.argv[1:]]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = warner()
            skbench.main(args, prog_name="skbench", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        sys.exit(130)
    except OSError as error:
        # Where an error of ours has a number, its text names the file.
        place = f"{error.filename}: " if error.filename else ""
        _fail(place + (error.strerror or str(error)))
    except (ImportError, ValueError) as error:
        _fail(str(error))


def _fail(message: str) -> None:
    say(f"skbench: {message}", err=True)
    sys.exit(2)
