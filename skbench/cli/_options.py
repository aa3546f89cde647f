"""Options and arguments that several commands have, and how they are read."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _Command = TypeVar("_Command", bound=Callable[..., Any])


class Utf8Path(click.Path):
    """A path, of an argument that `main` has read as UTF-8."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        return Path(os.fsdecode(str(value).encode("utf-8", "surrogateescape")))


FILE = Utf8Path()


FOLDER = click.argument("folder", type=FILE)


MODEL = click.argument("model_name", metavar="MODEL")


SEND = click.option(
    "--send", is_flag=True, help="Send it; without it, all is done but that."
)


FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or data for another program. In csv, text that begins as a "
    "formula does (with = + - @, a tab or a carriage return) has a ' before it.",
)


TARGET = click.option(
    "--target",
    default="target",
    show_default=True,
    metavar="NAME",
    help="Column of targets to score with; target is a copy of another one, which is "
    "then named.",
)


PREDICTIONS = click.option(
    "--predictions",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="File of predictions (parquet, CSV or Feather) to put beside the models of "
    "FOLDER, such as skbench ensemble writes, or with ids and predictions alone; may "
    "be given several times. A column called prediction is named after its file.",
)


def names_by_name(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> dict[str, str] | None:
    """Read ``a=b,c=d``."""
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(name and value for name, _, value in pairs):
        raise click.BadParameter(f"give {parameter.metavar}; got {text!r}")
    named = {name.strip(): value.strip() for name, _, value in pairs}
    if len(named) < len(pairs):
        raise click.BadParameter(f"each name may stand once; got {text!r}")
    return named


def numbers_by_name(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> dict[str, float] | None:
    """Read ``a=0.3,b=0.7``."""
    named = names_by_name(context, parameter, text)
    if named is None:
        return None
    try:
        return {name: float(value) for name, value in named.items()}
    except ValueError as error:
        raise click.BadParameter(f"give {parameter.metavar}; got {text!r}") from error


def list_of(kind: type) -> "Callable[..., list[Any] | None]":
    """Return what reads ``a,b,c``."""

    def read(
        context: click.Context, parameter: click.Parameter, text: str | None
    ) -> list[Any] | None:
        if text is None:
            return None
        try:
            return [kind(part.strip()) for part in text.split(",")]
        except ValueError as error:
            raise click.BadParameter(
                f"give {parameter.metavar}; got {text!r}"
            ) from error

    return read


TARGETS = click.option(
    "--target",
    default="target",
    show_default=True,
    callback=list_of(str),
    metavar="NAME,...",
    help="Column of targets to score with, or several; target is a copy of another "
    "one, which is then named.",
)


def share_or_way(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> float | str | None:
    """Read ``auto``, ``bayes`` or a number."""
    if text in (None, "auto", "bayes"):
        return text
    try:
        return float(text)
    except ValueError as error:
        raise click.BadParameter(f"give {parameter.metavar}; got {text!r}") from error


def rule_or_multipliers(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> str | dict[str, float] | None:
    """Read the name of a payout rule, or ``corr=3,mmc=15``."""
    if text is None or "=" not in text:
        return text
    from skbench._score_names import multipliers_of

    multipliers = numbers_by_name(context, parameter, text) or {}
    try:
        multipliers_of(multipliers)
    except ValueError as error:
        raise click.BadParameter(
            f"give multipliers of corr and mmc, as in corr=3,mmc=15; got {text!r}"
        ) from error
    return multipliers


def payout_option(use: str) -> "Callable[[_Command], _Command]":
    """Return the option of what pays, with words on what it is for."""
    return click.option(
        "--payout",
        callback=rule_or_multipliers,
        metavar="RULE|SCORE=MULTIPLIER,...",
        help="What pays: the name of a payout rule, such as 2026, or multipliers, such "
        f"as corr=3,mmc=15. {use}",
    )


PAYOUT_COLUMN = payout_option("Score their sum, too, before payout factor and clip.")


_MODELS = click.option(
    "--models",
    callback=list_of(str),
    metavar="MODEL,...",
    help="Use these models alone, in validation and live. A file of predictions of "
    "which none is named is used whole.",
)


_WITHOUT = click.option(
    "--without",
    callback=list_of(str),
    metavar="MODEL,...",
    help="Leave these models out, in validation and live.",
)


def choice_of_models(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """Add the options that choose among the models."""
    return _MODELS(_WITHOUT(command))


MISSING = click.option(
    "--missing",
    "nan_policy",
    type=click.Choice(["propagate", "omit", "raise"]),
    default="propagate",
    show_default=True,
    help="What to do with a row that some model has no prediction for. propagate: it "
    "gets none. omit: blend the models that have one, by their weights. raise: stop.",
)


SHRINKAGE = click.option(
    "--shrinkage",
    callback=share_or_way,
    metavar="bayes|auto|SHARE",
    help="For --fit: how near to stay to equal weights. bayes: by how little the eras "
    "tell the models apart; auto: by what did best on later eras; or a share from 0 to "
    "1. Unless given: bayes, or 0 for sharpe and mse.",
)


CHUNK = click.option(
    "--chunk",
    type=click.IntRange(1),
    default=26,
    show_default=True,
    metavar="ERAS",
    help="Eras that are predicted with the weights learned before them; then these are "
    "learned anew.",
)


def check_subject(folder: Path | None, account: str | None, **of_folder: Any) -> None:
    """Refuse a command that names no subject, or two, or options of the other."""
    if (folder is None) == (account is None):
        raise click.UsageError("name a FOLDER, or an --account")
    for option, value in of_folder.items():
        if value and account is not None:
            raise click.UsageError(f"--{option} goes with a FOLDER, not with --account")
