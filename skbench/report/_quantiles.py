"""Mean target of the rows that models rank lowest, ..., highest: over spans of eras."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import did_you_mean, listed
from skbench._eras import era_numbers
from skbench._frames import indexed
from skbench.metrics import by_era, check_frame, check_labels, read_table
from skbench.solvers.intervals import of_means

from ._numbers import CONFIDENCE, plain

Floats = NDArray[np.float64]


def checked_quantiles(values: Any, name: str) -> pd.DataFrame:
    """Return means as `mean_target_by_quantile` gives them, eras in order."""
    frame = indexed(values, "era")
    check_frame(frame, name, "eras x pairs of model and quantile")
    columns = _pairs(frame.columns)
    models, groups = (columns.unique(level) for level in (0, 1))
    expected = pd.MultiIndex.from_product([models, range(1, len(groups) + 1)])
    if len(groups) < 2 or not columns.equals(expected):
        raise ValueError(
            f"`{name}` must have pairs of model and quantile as columns, as "
            "skbench.metrics.mean_target_by_quantile gives them; "
            f"got {listed(frame.columns)}"
        )
    table = by_era(read_table(frame, name)).set_axis(expected, axis=1)
    if table.isna().all(axis=None):
        raise ValueError(
            f"`{name}` has no mean in any era: had any of them as many rows with a "
            "target as there are quantiles?"
        )
    return table


def _pairs(columns: pd.Index) -> pd.Index:
    """Return model and quantile of each column; kinds without levels join the two."""
    if isinstance(columns, pd.MultiIndex):
        return columns.droplevel([*range(2, columns.nlevels)])
    parts = [str(name).rpartition(" / ") for name in columns]
    return pd.MultiIndex.from_tuples(
        (model, int(n)) if joint and n.isdecimal() else (n, 0)
        for model, joint, n in parts
    )


def read_quantiles(
    quantiles: Any, numbers: Mapping[str, Any], horizon: int
) -> list[dict[str, Any]] | None:
    """Summarise means over the spans of a report: a dict a span and model."""
    if quantiles is None:
        return None
    table = checked_quantiles(quantiles, "quantiles")
    models = [str(model) for model in table.columns.unique(0)]
    check_labels(models, "models of `quantiles`")
    _check_models(models, numbers["models"])
    parts = []
    for span in numbers["spans"]:
        first, last = (numbers["eras"].index(span[end]) for end in ("first", "last"))
        inside = table.index.map(str).isin(numbers["eras"][first : last + 1])
        means = table.to_numpy().T.reshape(len(models), -1, len(table))
        found = _over_eras(np.where(inside, means, np.nan), table.index, horizon)
        parts += [
            {"span": span["name"], "model": model, **of_model}
            for model, of_model in zip(models, found, strict=True)
        ]
    return parts


def _check_models(models: Collection[str], known: Collection[str]) -> None:
    if unknown := [model for model in models if model not in known]:
        raise ValueError(
            f"`quantiles` must be of models of `scores`, {listed(known)}; "
            f"got {listed(unknown)}{did_you_mean(unknown[0], known)}"
        )


def _over_eras(means: Floats, eras: pd.Index, horizon: int) -> list[dict[str, Any]]:
    """Summarise the means of each model, and how far the last lies above the first."""
    apart = means[:, -1:] - means[:, :1]
    series = np.concatenate([means, apart], axis=1)
    flat, times = series.reshape(-1, len(eras)), era_numbers(list(eras))
    found = of_means(flat, times, horizon, CONFIDENCE)
    mean, low, high = (
        plain(ends.reshape(series.shape[:2]).tolist())
        for ends in (found.value, found.low, found.high)
    )
    return [
        {
            "n_eras": int((~np.isnan(apart[i])).sum()),
            "mean": mean[i][:-1],
            "low": low[i][:-1],
            "high": high[i][:-1],
            "spread": {"mean": mean[i][-1], "low": low[i][-1], "high": high[i][-1]},
        }
        for i in range(len(means))
    ]
