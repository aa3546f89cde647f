"""Models by position beside the Meta Model and targets: what counts, what is lost."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbench._aligned import Aligned, Input, align
from skbench._checks import listed
from skbench._era_statistics import gathered, gathered_each
from skbench._eras import Rows
from skbench._frames import Name
from skbench._warnings import warn
from skbench.kernels.score import MIN_ROWS

Floats = NDArray[np.float64]
Moments = Mapping[str, NDArray[Any]]
# What is done with an era: the models (n_models, n_rows), and the columns beside them.
Describe = Callable[..., dict[str, Any]]
# The same of several targets: the models, and the targets (n_targets, n_rows).
DescribeEach = Callable[[Floats, Floats], list[dict[str, Any]]]

# Eras without which there is nothing to say.
_LEAST = 2
# Share of lost rows from which on a warning names the models that cost them.
_MANY = 0.2


def read(
    argument: str,
    models: Any,
    era: Any,
    *,
    least: int = _LEAST,
    ordered: bool = True,
    **columns: Any,
) -> Aligned:
    """Align models, by what the caller calls them, with columns: all but y are ranked.

    Only eras in which all columns are there and vary are kept, ``least`` or more.
    """
    inputs = {argument: models, **columns}
    one = argument.removesuffix("s")
    rows = align(inputs, era, called=one, ranked={*inputs} - {"y"}, ordered=ordered)
    kept = rows.at(_covered(rows, [*columns]))
    if len(kept.eras.labels) < least:
        _refuse(rows, [*columns], least, len(kept.eras.labels))
    return kept


def read_targets(
    argument: str, models: Any, era: Any, y: Any
) -> tuple[Aligned, dict[Name, NDArray[np.bool_]]]:
    """Align models with several targets; tell which eras `read` would keep for each."""
    inputs = {argument: models, "y": y}
    called = argument.removesuffix("s")
    rows = align(
        inputs, era, called=called, ranked=[argument], several=["y"], ordered=True
    )
    found = [
        [_covers(target[None, :]) for target in rows.one("y", of_era)]
        for of_era in rows.eras.rows
    ]
    covered = dict(zip(rows.inputs["y"].names, np.array(found).T, strict=True))
    for i, (name, kept) in enumerate(covered.items()):
        if kept.sum() < _LEAST:
            argument = f"y[{name!r}]"
            own = Input([name], partial(_one_of, rows, i))
            alone = replace(rows, inputs={**rows.inputs, argument: own})
            _refuse(alone, [argument], _LEAST, int(kept.sum()))
    return rows, covered


def _one_of(rows: Aligned, i: int, era: Rows) -> Floats:
    values: Floats = rows.one("y", era)[i]
    return values


def moments_of_targets(
    rows: Aligned, covered: Mapping[Name, NDArray[np.bool_]], describe: DescribeEach
) -> dict[Name, tuple[Aligned, Moments]]:
    """Do what `moments_of` does with each target, in the eras that it covers."""
    some = np.array([*covered.values()]).any(axis=0)
    held = gathered_each(rows.at(np.flatnonzero(some).tolist()), describe)
    found: dict[Name, tuple[Aligned, Moments]] = {}
    for (name, kept), moments in zip(covered.items(), held, strict=True):
        own = {key: values[kept[some]] for key, values in moments.items()}
        found[name] = rows.at(np.flatnonzero(kept).tolist()), own
        _warn_of_lost_rows(*found[name])
    return found


def _covered(rows: Aligned, columns: list[str]) -> list[int]:
    """Positions of the eras in which columns are there together, and vary."""
    return [
        position
        for position, era in enumerate(rows.eras.rows)
        if _covers(np.array([rows.one(name, era) for name in columns]))
    ]


def _covers(block: Floats) -> bool:
    """Whether columns, (n_columns, n_rows), are there together, and vary."""
    block = block[:, ~np.isnan(block).any(axis=0)]
    varies = (block != block[:, :1]).any(axis=1).all()
    return block.shape[1] >= MIN_ROWS and bool(varies)


def _refuse(rows: Aligned, columns: list[str], least: int, n_kept: int) -> None:
    """Say which column is at fault, or that they have too few eras in common."""
    spans = []
    for name in columns:
        own = rows.at(_covered(rows, [name])).eras.labels
        if not own:
            raise ValueError(
                f"`{name}` has no era with {MIN_ROWS} or more values that differ: "
                "it is missing or constant throughout"
            )
        spans.append(f"`{name}` has {len(own)}, from {own[0]!r} to {own[-1]!r}")
    together = " and ".join(f"`{name}`" for name in columns)
    raise ValueError(
        f"{least} or more eras with {together} are needed; got {n_kept}: "
        f"{', '.join(spans)}"
    )


def moments_of(rows: Aligned, describe: Describe) -> Moments:
    """Describe every era by its moments; warn where some models cost many rows."""
    moments = gathered(rows, describe)
    _warn_of_lost_rows(rows, moments)
    return moments


def scored(moments: Moments, *needed: int) -> NDArray[np.bool_]:
    """Whether each era has rows that count, and the columns that it needs."""
    some: NDArray[np.bool_] = (moments["n_rows"] > 0) & (moments["target_variance"] > 0)
    return some & moments["varies"][:, list(needed)].all(axis=1)


def check_models(rows: Aligned, varies: NDArray[np.bool_]) -> None:
    """Refuse models that say nothing in any era that counts, (n_eras, n_models)."""
    dull = [rows.models[i] for i in np.flatnonzero(~varies.any(axis=0))]
    if dull:
        argument = next(iter(rows.inputs))
        raise ValueError(
            f"`{argument}` must vary in some of the {len(varies)} eras that "
            f"count; {listed(dull)} constant or missing in all of them: drop these"
        )


def _warn_of_lost_rows(rows: Aligned, moments: Moments) -> None:
    """Warn where rows are left out because some models lack them."""
    missing = moments["n_missing"][:, : len(rows.models)]
    there = missing < moments["n_target"][:, None]
    # An era that no model has is not lost by the gaps of some.
    total = moments["n_target"][there.any(axis=1)].sum()
    kept = moments["n_rows"].sum()
    if total - kept <= _MANY * total:
        return
    partly = (missing > 0) & there
    gaps = [rows.models[i] for i in np.flatnonzero(partly.any(axis=0))]
    warn(
        f"{(total - kept) / total:.0%} of the rows are left out, because a row counts "
        f"where all models have it; gaps are in {listed(gaps)}: drop these models"
    )
