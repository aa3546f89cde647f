"""The group of commands, whose errors and warnings name their options."""

import re
from typing import TYPE_CHECKING, Any

import click

from skbench import __version__

from ._show import say

if TYPE_CHECKING:
    from collections.abc import Callable


# What functions call otherwise than commands call their options and arguments.
_OTHERWISE = {
    "account_or_model": ("account",),
    "also": ("trust",),
    "chunk_size": ("chunk",),
    "data": ("folder",),
    "name": ("recipe",),
    "objective": ("fit",),
    "path": ("data", "folder", "pipeline", "exported", "config", "name"),
    "proportion": ("proportions",),
    "targets": ("target",),
}
# What no option gives, in plain words.
_THINGS = {
    "era_plan": "era_plan",
    "horizon": "the horizon",
    "list_recipes": "skbench recipes",
    "live_features": "the file of live features",
    "max_iter": "the limit of iterations",
    "meta_model": "the Meta Model",
    "nan_policy": "missing",
    "pipeline": "the pipeline",
    "scores": "the record of scores",
    "shrinkage": "the shrinkage",
    "y": "the target",
}
# Advice to those who write Python, and what it is on the command line.
_ADVICE = {
    "leave these columns out": "leave these models out (--without)",
    "Leave out models with few eras": "Leave out models with few eras (--without)",
    ", or supply it by `models`": ", or supply it in Python (skbench.deploy)",
    "A model of your own goes into `models`": "Models are exported in Python "
    "(skbench.deploy)",
}
# How a text names a parameter, or a parameter and its value.
_PARAMETER = re.compile(r"`(\w+)(?:=True)?`|(?<![\w./-])(\w+)=('?)([\w.]+)\3")


class Command(click.Command):
    """A command whose errors name its options, in place of parameters of functions."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.strerror:
                error.strerror = self.in_own_words(error.strerror)
                raise
            raise click.ClickException(self.in_own_words(str(error))) from error

    def in_own_words(self, text: str) -> str:
        """Name options and arguments in place of the parameters that a text names."""
        names = {p.name: _shown(p) for p in self.params}
        for parameter, others in _OTHERWISE.items():
            for shown in [names[other] for other in others if other in names]:
                names.setdefault(parameter, shown)
        names = _THINGS | names

        def own(found: re.Match[str]) -> str:
            shown = names.get(found[1] or found[2])
            if shown is None:
                return found[0]
            return shown if found[1] else f"{shown} {found[4]}"

        for python, command in _ADVICE.items():
            text = text.replace(python, command)
        return _PARAMETER.sub(own, text)


def _shown(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return parameter.opts[0]
    metavar = parameter.metavar or ""
    return metavar if metavar.isalpha() else str(parameter.name).upper()


class Failure(click.ClickException):
    """What ends a command with an exit status that says of which kind it is."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.status)


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
