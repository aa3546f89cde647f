"""Results as Markdown tables and as plain data."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from statistics import median

_PACKAGES = [
    "skbench",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "polars",
    "numerai-tools",
    "skfolio",
]
HEADING = (
    "| row | work | against | asked | found | ours | the other | largest difference |\n"
    "|---|---|---|---|---|---|---|---|"
)
GROWTH_HEADING = "| work | size | time (s) | times the first |\n|---|---|---|---|"


def environment(threads):
    """What the numbers were measured with."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {"cores": os.cpu_count(), "threads": threads, "versions": found}


def environment_line(threads):
    """Write the same as a sentence."""
    facts = environment(threads)
    versions = ", ".join(f"{name} {v}" for name, v in facts["versions"].items())
    used = f"{threads} thread" if threads == 1 else f"{threads} threads"
    return f"{used} on {facts['cores']} cores; {versions}.\n"


def line(name, result):
    """Write the line of a comparison."""
    asked = result.comparison
    cells = [f"`{name}`", asked.work, asked.against, _asked(asked)]
    if not result.own:
        return _joined([*cells, f"**{result.note}**", "", "", ""])
    found = _ratio(asked, median(result.ratios))
    if result.reached is False:
        found = f"**{found}**"
    difference = "" if result.difference is None else f"{result.difference:.1g}"
    spread = [spread_of(side, asked.unit) for side in (result.own, result.theirs)]
    return _joined([*cells, found, *spread, difference])


def unmeasured_line(name, reason):
    """Write the line of a row that cannot be measured here."""
    return _joined([f"`{name}`", f"not measured: {reason}", *[""] * 6])


def growth_lines(series):
    """Write the lines of a series, one a size."""
    lines = []
    for label, times in series.times.items():
        ratio = f"{series.ratio(label):.2f}"
        lines.append(_joined([series.work, label, spread_of(times, "s"), ratio]))
    if series.at_most is not None:
        verdict = "reached" if series.reached else "**not reached**"
        limit = f"the last at most {series.at_most:g} times the first: {verdict}"
        lines.append(_joined([series.work, limit, "", ""]))
    return "\n".join(lines)


def data_of(name, result):
    """Give a comparison as plain data."""
    asked = result.comparison
    return {
        "row": name,
        "work": asked.work,
        "against": asked.against,
        "at_least": asked.at_least,
        "at_most": asked.at_most,
        "ceiling": asked.ceiling,
        "unit": asked.unit,
        "ours": result.own,
        "other": result.theirs,
        "ratio": median(result.ratios) if result.own else None,
        "largest_difference": result.difference,
        "note": result.note,
        "reached": result.reached,
    }


def growth_data_of(name, series):
    """Give a series as plain data."""
    ratios = {label: series.ratio(label) for label in series.times}
    return {
        "series": name,
        "work": series.work,
        "seconds": series.times,
        "times_the_first": ratios,
        "at_most": series.at_most,
        "reached": series.reached,
    }


def spread_of(numbers, unit):
    """Write the median, and the least and the greatest."""
    digits = 3 if unit == "s" else 0
    middle, low, high = (
        f"{value:.{digits}f}" for value in (median(numbers), min(numbers), max(numbers))
    )
    return f"{middle} {unit} ({low} to {high})"


def _asked(asked):
    parts = []
    if asked.at_least is not None:
        parts.append(f"at least {asked.at_least:g}x faster")
    if asked.at_most is not None:
        parts.append(f"at most {asked.at_most:g}x")
    if asked.ceiling is not None:
        parts.append(f"under {asked.ceiling:g} {asked.unit}")
    return ", ".join(parts) or "for information"


def _ratio(asked, ratio):
    return f"{ratio:.1f}x faster" if asked.at_most is None else f"{ratio:.2f}x"


def _joined(cells):
    return "| " + " | ".join(cells) + " |"
