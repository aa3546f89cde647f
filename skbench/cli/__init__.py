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
    daily,
    demo,
    diagnose,
    ensemble,
    explore,
    export,
    fetch,
    recipes,
    report,
    score,
    stake,
    submit,
    upload,
)
from ._command import Failure, warner, words_of
from ._command import skbench as skbench
from ._show import say


def main(args: list[str] | None = None) -> Any:
    """Run the command; one line and an exit status for what the user can mend."""
    if args is None:
        # What is named on the command line is UTF-8 in the files, whatever the locale.
        how = sys.getfilesystemencodeerrors()
        args = [os.fsencode(text).decode("utf-8", how) for text in sys.argv[1:]]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = warner()
            skbench.main(args, prog_name="skbench", standalone_mode=False)
    except Failure as error:
        _fail(error.message, error.status)
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        sys.exit(130)
    except (ImportError, OSError, ValueError) as error:
        _fail(words_of(error))


def _fail(message: str, status: int = 2) -> None:
    say(f"skbench: {message}", err=True)
    sys.exit(status)
