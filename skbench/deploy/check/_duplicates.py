"""Model slots that predict nearly the same: `find_duplicates`."""

from collections.abc import Hashable
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._aligned import Aligned, block
from skbench._checks import check_share, listed
from skbench._eras import find_eras, stated_era_column
from skbench._frames import Name, Table, as_table, check_numbers, warn_of_ties
from skbench.kernels.rank import rank_uniform
from skbench.kernels.score import MIN_ROWS

Floats = NDArray[np.float64]


# Correlations this close to 1 are those of equal ranks, but for rounding.
_ROUNDING = 1e-12


def find_duplicates(
    predictions: Any, *, threshold: float = 0.999, era: Hashable = None
) -> pd.DataFrame:
    """Find pairs of model slots whose predictions are nearly the same.

    Two slots are compared by their rank correlation (Spearman's, ties share their
    average rank) over the rows in which both have a prediction. So a prediction and
    any increasing transform of it are duplicates. A slot turned upside down is none.
    With several eras it is the mean of the correlations of each era.

    A slot that is constant over the shared rows has no rank correlation, and fewer
    than 3 shared rows are not enough for one: that era does not count for the pair. A
    pair for which no era counts is left out. Infinite predictions rank as extremes.

    Parameters
    ----------
    predictions : DataFrame, Table or array of shape (n_rows, n_slots)
        One column a slot, beside the era column and the columns `id` and `data_type`,
        if there are any. NaN where there is no prediction.
    threshold : float, default=0.999
        Correlation from which on a pair is listed, between 0 and 1.
    era : str, int or None, default=None
        Name of the era column, or its position in an array. None: one era.

    Returns
    -------
    pairs : pandas.DataFrame
        One row a pair, the most alike first: `slot_a` and `slot_b` in the order of the
        columns, `correlation`, and `n_rows`, the number of rows compared.

    Raises
    ------
    ValueError
        If a column holds no numbers, there are fewer than two slots, or another
        argument cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.deploy import find_duplicates
    >>> slots = pd.DataFrame({
    ...     "a": [0.1, 0.2, 0.4, 0.8], "b": [0.9, 0.3, 0.5, 0.1],
    ...     "c": [0.01, 0.04, 0.16, 0.64]})
    >>> find_duplicates(slots)
      slot_a slot_b  correlation  n_rows
    0      a      c          1.0       4
    """
    check_share("threshold", threshold)
    table = as_table(predictions, object_array=era is not None, name="`predictions`")
    column = None if era is None else stated_era_column(table, era)
    slots = _slots(table, column)
    n_slots = len(slots)
    total, count = np.zeros((n_slots, n_slots)), np.zeros((n_slots, n_slots), int)
    n_rows = np.zeros((n_slots, n_slots), int)
    rows = Aligned({"predictions": block(table, slots)}, find_eras(table, column))
    for correlations, shared in rows.by_era(_compare):
        known = ~np.isnan(correlations)
        total += np.where(known, correlations, 0.0)
        count += known
        n_rows += np.where(known, shared, 0)
    mean = np.full_like(total, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return _pairs(slots, mean, n_rows, threshold)


def _slots(table: Table, era: Name) -> list[Name]:
    beside = {era, "id", "data_type"} if table.named else {era}
    slots = [name for name in table.names if name not in beside]
    check_numbers(table, slots)
    warn_of_ties(table, slots)
    if len(slots) < 2:
        raise ValueError(
            "`predictions` must have two columns or more, one a model slot; got "
            f"{listed(slots) or 'none'}"
        )
    return slots


def _compare(block: Floats) -> tuple[Floats, NDArray[np.int_]]:
    """Correlate all pairs of rows of a block, and count the values that both have."""
    n_slots = len(block)
    correlations = np.full((n_slots, n_slots), np.nan)
    shared = np.zeros((n_slots, n_slots), int)
    gaps, group = np.unique(np.isnan(block), axis=0, return_inverse=True)
    # Slots with the same gaps share their rows with another slot, and so their ranks.
    for a, b in combinations_with_replacement(range(len(gaps)), 2):
        both = ~(gaps[a] | gaps[b])
        members = np.flatnonzero(np.isin(group, (a, b)))
        square = np.ix_(members, members)
        between = (group[members, None] == a) & (group[members] == b)
        between |= between.T
        if both.sum() >= MIN_ROWS:
            found = _correlate(block[np.ix_(members, both)])
            correlations[square] = np.where(between, found, correlations[square])
        shared[square] = np.where(between, both.sum(), shared[square])
    return correlations, shared


def _correlate(block: Floats) -> Floats:
    """Correlate the ranks of complete rows; NaN where one is constant."""
    ranks = rank_uniform(block) - 0.5  # their mean is 1/2, with ties or without
    norms = np.sqrt((ranks**2).sum(axis=1))
    # A constant row is 1/2 throughout, so its norm is exactly 0.
    unit = ranks / np.where(norms == 0, np.nan, norms)[:, None]
    found: Floats = unit @ unit.T
    return np.where(np.abs(found - 1) < _ROUNDING, 1.0, found)


def _pairs(
    slots: list[Name], correlations: Floats, n_rows: NDArray[np.int_], threshold: float
) -> pd.DataFrame:
    """List the pairs above the diagonal that reach the threshold."""
    first, second = np.triu_indices(len(slots), 1)
    found = correlations[first, second]
    chosen = np.flatnonzero(found >= threshold)
    chosen = chosen[np.argsort(-found[chosen], kind="stable")]
    first, second = first[chosen], second[chosen]
    return pd.DataFrame(
        {
            "slot_a": [slots[i] for i in first],
            "slot_b": [slots[i] for i in second],
            "correlation": found[chosen],
            "n_rows": n_rows[first, second],
        }
    )
