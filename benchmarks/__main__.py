"""Print tables of ratios; exit 1 when one falls short."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from threadpoolctl import threadpool_limits

from benchmarks import (  # noqa: F401 - the modules enter their rows in the table
    neutralizer_rows,
    process_rows,
    rank_rows,
    report,
    score_rows,
    stacking_rows,
)
from benchmarks.commands import HEADING, lines
from benchmarks.growth import GROWTH
from benchmarks.rows import ROWS, UnmeasurableError
from benchmarks.scale import FULL_SCALE, QUICK_SCALE, Scale
from benchmarks.setup import FULL, QUICK, Setup


@click.command()
@click.option("--quick", is_flag=True, help="Smaller sizes, about a minute.")
@click.option("--row", "names", type=click.Choice(list(ROWS)), multiple=True)
@click.option("--growth", is_flag=True, help="How cost grows, in place of the rows.")
@click.option(
    "--scale",
    is_flag=True,
    help="What a million rows cost, and a billion would; on one thread.",
)
@click.option(
    "--commands",
    is_flag=True,
    help="Whole commands on a release of full size, in place of the rows.",
)
@click.option("--json", "as_json", is_flag=True, help="All numbers, as JSON.")
@click.option(
    "--repeats",
    type=click.IntRange(min=5),
    default=5,
    show_default=True,
    help="Measurements of each side.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="For either side, where it can use them.",
)
def main(quick, names, growth, scale, commands, as_json, repeats, threads):
    """Measure skbench and its peers in turn, on the same rows and threads."""
    if scale and (names or growth or as_json):
        raise click.UsageError("--scale goes with --quick and --repeats only")
    if scale:
        _scale(QUICK_SCALE if quick else FULL_SCALE, repeats)
        return
    if commands:
        if names or growth or as_json:
            raise click.UsageError("--commands goes with --quick alone")
        sys.exit(0 if _commands(quick) else 1)
    os.environ["POLARS_MAX_THREADS"] = str(threads)  # read when polars is imported
    say = _say_nothing if as_json else click.echo
    sizes = QUICK if quick else FULL
    say(report.environment_line(threads))
    if quick:
        say("Small work: the ratios asked for are those of the full sizes.\n")
    say(report.GROWTH_HEADING if growth else report.HEADING)
    run = _grow if growth else _compare
    found = []
    with threadpool_limits(threads), TemporaryDirectory() as folder:
        for name in GROWTH if growth else names or ROWS:
            facts, text = run(name, Setup(sizes, threads, Path(folder)), repeats)
            say(text)
            found.append(facts)
    if as_json:
        about = report.environment(threads)
        click.echo(json.dumps({"environment": about, "results": found}, indent=1))
    sys.exit(1 if any(facts["reached"] is False for facts in found) else 0)


def _scale(sizes, repeats):
    """Print the tables of the page on scale."""
    click.echo(report.environment_line(1))
    with TemporaryDirectory() as folder:
        for line in Scale(sizes, Path(folder)).lines(repeats):
            click.echo(line)


def _commands(quick):
    """Print the table of commands; whether all that is asked for is reached."""
    click.echo(report.environment_line(os.cpu_count()))
    click.echo(HEADING)
    reached = []
    with TemporaryDirectory() as folder:
        for text, is_reached in lines(folder, quick, 1 if quick else 3):
            click.echo(text)
            reached.append(is_reached)
    return all(reached)


def _compare(name, setup, repeats):
    try:
        result = ROWS[name](setup).run(repeats)
    except UnmeasurableError as reason:
        facts = {"row": name, "reached": None, "note": f"not measured: {reason}"}
        return facts, report.unmeasured_line(name, reason)
    return report.data_of(name, result), report.line(name, result)


def _grow(name, setup, repeats):
    series = GROWTH[name](setup).run(repeats)
    return report.growth_data_of(name, series), report.growth_lines(series)


def _say_nothing(text):
    pass


if __name__ == "__main__":
    main()
