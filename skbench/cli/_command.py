"""The group of commands, whose errors and warnings name their options."""

from typing import TYPE_CHECKING, Any

import click

from skbench import __version__

from ._show import say

if TYPE_CHECKING:
    from collections.abc import Callable


# What functions call an option that the command calls otherwise.
_OTHERWISE = {"chunk_size": "chunk", "objective": "fit", "targets": "target"}


_GAPS = "drop these columns, or choose nan_policy='omit'"


class Command(click.Command):
    """A command whose errors name its options, in place of parameters of functions."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, FileNotFoundError) as error:
            if getattr(error, "filename", None):
                raise
            raise click.ClickException(self.in_own_words(str(error))) from error

    def in_own_words(self, text: str) -> str:
        """Name options and arguments in place of the parameters that a text names."""
        flags = {
            p.name: p.opts[0] if isinstance(p, click.Option) else p.human_readable_name
            for p in self.params
        }
        for name, option in _OTHERWISE.items():
            flags.setdefault(name, flags.get(option, f"`{name}`"))
        for name, flag in flags.items():
            text = text.replace(f"`{name}`", flag).replace(f"`{name}=True`", flag)
        return text.replace(_GAPS, "leave these models out, or fill them")


class Failure(click.ClickException):
    """What ends a command with an exit status that says of which kind it is."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def words_of(error: Exception) -> str:
    """Say what went wrong, and with which file."""
    if not isinstance(error, OSError):
        return str(error)
    # Where an error of ours has a number, its text names the file.
    place = f"{error.filename}: " if error.filename else ""
    return place + (error.strerror or str(error))


class _Group(click.Group):
    command_class = Command


@click.group(cls=_Group, invoke_without_command=True)
@click.version_option(__version__, prog_name="skbench")
@click.pass_context
def skbench(context: click.Context) -> None:
    """Blend the predictions of many Numerai models into one, and judge it honestly."""
    if context.invoked_subcommand is None:
        say(*context.get_help().split("\n"))


def warner() -> "Callable[..., None]":
    """Return what prints warnings, each of them once."""
    told: set[str] = set()

    def warn(message: Warning | str, *_: Any) -> None:
        text, context = str(message), click.get_current_context(silent=True)
        if context is not None and isinstance(context.command, Command):
            text = context.command.in_own_words(text)
        if text not in told:
            told.add(text)
            say(f"skbench: warning: {text}", err=True)

    return warn
