"""One step on the rows of an era: what estimators and exported files run alike.

The text of this module travels in exported files, so it may use numpy and the kernels
alone. A step is told by its plan: a dict of names and plain numbers.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernels import rank
from .kernels.blend import blend, blend_present
from .kernels.neutralize import fill_missing, neutralize

Floats = NDArray[np.float64]
Plan = dict[str, Any]


def apply(plan: Plan, *blocks: NDArray[Any]) -> Floats:
    """Return the columns that a step makes, (n_columns, n_rows), in the rows of an era.

    ``blocks`` are the columns that the plan reads, (n_columns, n_rows) each.
    """
    made: Floats = KINDS[plan["kind"]](plan, *blocks)
    return made


def neutralized(
    plan: Plan,
    proportions: Sequence[float],
    predictions: NDArray[Any],
    features: NDArray[Any],
) -> Floats:
    """Neutralise by each proportion: (n_proportions, n_columns, n_rows)."""
    columns, neutralizers = plan["reads"]
    predictions = predictions.astype(np.float64, copy=False)
    refuse_infinite("prediction", predictions, columns)
    refuse_infinite("neutralizer", features, neutralizers)
    missing = plan["missing"]
    if missing == "raise":
        refuse_missing("neutralizer", features, neutralizers, "missing='median'")
    fill = None if isinstance(missing, str) else missing
    features = fill_missing(features, fill)
    options = plan["options"]
    out: Floats = neutralize(predictions, features, proportions=proportions, **options)
    return out


def _neutralize(plan: Plan, *blocks: NDArray[Any]) -> Floats:
    of_one: Floats = neutralized(plan, [plan["proportion"]], *blocks)[0]
    return of_one


def _rank(kernel: Callable[..., Floats], plan: Plan, block: NDArray[Any]) -> Floats:
    # Contiguous, because a frame may hold its columns interleaved.
    values = np.ascontiguousarray(block, dtype=np.float64)
    return kernel(values, **plan["options"])


def _blend(plan: Plan, block: NDArray[Any]) -> Floats:
    (names,) = plan["reads"]
    block = block.astype(np.float64, copy=False)
    refuse_infinite("prediction", block, names)
    if plan["nan_policy"] == "raise":
        refuse_missing("prediction", block, names, "nan_policy='omit'")
    combine = blend_present if plan["nan_policy"] == "omit" else blend
    out = np.zeros((len(plan["makes"]), block.shape[1]))
    for made, weights in zip(out, np.atleast_2d(plan["weights"]), strict=True):
        # A column without a weight takes no part in a blend: it may have gaps.
        if (used := np.flatnonzero(weights)).size:
            made[:] = combine([block[i] for i in used], weights[used].tolist())
    return out


def _own(plan: Plan, *blocks: NDArray[Any]) -> Floats:
    # Copies, because a function may work in place.
    made = plan["function"](*map(np.array, blocks), **plan["options"])
    made = np.asarray(made, dtype=np.float64)
    expected = len(plan["makes"]), blocks[0].shape[1]
    if made.shape != expected:
        raise ValueError(
            f"the function of a step must make an array of shape {expected} of these "
            f"rows; it made one of {made.shape}"
        )
    return made


def refuse_infinite(role: str, block: NDArray[Any], names: Sequence[Hashable]) -> None:
    """Refuse columns with infinite values."""
    advice = "replace them, or rank the column first, as EraRankGauss does"
    if block.dtype.kind == "f":
        refuse(np.isinf(block), role, "infinite", names, advice)


def refuse_missing(
    role: str, block: NDArray[Any], names: Sequence[Hashable], choice: str
) -> None:
    """Refuse columns with missing values."""
    if block.dtype.kind == "f":
        advice = f"fill them, or choose another policy, such as {choice}"
        refuse(np.isnan(block), role, "missing", names, advice)


def refuse(
    found: NDArray[np.bool_],
    role: str,
    what: str,
    names: Sequence[Hashable],
    advice: str,
) -> None:
    """Refuse the first column of a block, of some role, in which something is found."""
    if not found.any():
        return
    for name, count in zip(names, found.sum(axis=1), strict=True):
        if count:
            raise ValueError(
                f"{role} column {name!r} has {count} {what} values: {advice}"
            )


KINDS: dict[str, Callable[..., Floats]] = {
    "rank": partial(_rank, rank.rank_uniform),
    "rank_gauss": partial(_rank, rank.rank_gauss),
    "blend": _blend,
    "neutralize": _neutralize,
    "own": _own,
}
