"""Models by position beside the Meta Model and targets: what counts, what is lost."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbench._aligned import Aligned, align
from skbench._checks import listed
from skbench._era_statistics import gathered
from skbench._warnings import warn
from skbench.kernels.score import MIN_ROWS

Floats = NDArray[np.float64]
Moments = Mapping[str, NDArray[Any]]
# What is done with an era: the models (n_models, n_rows), and the columns beside them.
Describe = Callable[..., dict[str, Any]]

# Share of lost rows from which on a warning names the models that cost them.
_MANY = 0.2


def read(
    argument: str,
    models: Any,
    era: Any,
    *,
    least: int = 2,
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


def _covered(rows: Aligned, columns: list[str]) -> list[int]:
    """Positions of the eras in which columns are there together, and vary."""
    found = []
    for position, era in enumerate(rows.eras.rows):
        block = np.array([rows.one(name, era) for name in columns])
        block = block[:, ~np.isnan(block).any(axis=0)]
        if block.shape[1] >= MIN_ROWS and (block != block[:, :1]).any(axis=1).all():
            found.append(position)
    return found


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
