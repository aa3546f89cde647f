"""What a report is given beside scores: weights, exposures, correlations; checked."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import did_you_mean, listed
from skbench.metrics import check_labels, read_table

_ENDS = ["low", "high"]
_FULL_CORRELATION = 1 + 1e-9  # give or take the last digits


def read_weights(weights: Any) -> list[dict[str, Any]] | None:
    """Read weights by model: a mapping, a Series, or a frame with the interval."""
    if weights is None:
        return None
    if isinstance(weights, Mapping):
        weights = pd.Series(dict(weights), dtype=object).infer_objects()
    if isinstance(weights, pd.Series):
        weights = weights.rename("weight")
    frame = read_table(weights, "weights")
    missing = {"weight"} - set(frame)
    if missing or not set(frame) <= {"weight", *_ENDS}:
        raise ValueError(
            "`weights` must have the column 'weight' and may have 'low' and 'high'; "
            f"got {listed(frame.columns)}"
        )
    if frame["weight"].isna().any():
        raise ValueError("`weights` must not be missing; one is NaN")
    frame = frame.reindex(columns=["weight", *_ENDS])
    return [
        {"name": str(name), "weight": weight, "low": low, "high": high}
        for name, weight, low, high in frame.itertuples(name=None)
    ]


def read_made(made: Any, models: Collection[str]) -> dict[str, str] | None:
    """Read how the predictions of models were made, in words."""
    if made is None:
        return None
    is_told = isinstance(made, Mapping)
    if not is_told or not all(isinstance(text, str) for text in made.values()):
        raise ValueError(f"`made` must be texts by the names of models; got {made!r}")
    if unknown := [name for name in made if str(name) not in models]:
        raise ValueError(
            f"`made` must name models of `scores`, {listed(models)}; "
            f"got {listed(unknown)}{did_you_mean(unknown[0], models)}"
        )
    return {str(name): text for name, text in made.items()}


def read_exposures(exposures: Any) -> dict[str, Any] | None:
    """Read sizes of exposures by feature, a column a stage: before, after."""
    if exposures is None:
        return None
    if isinstance(exposures, Mapping):
        if not exposures:
            raise ValueError("`exposures` must hold at least one stage; got none")
        stages = [str(stage) for stage in exposures]
        columns = map(_by_feature, exposures.values(), stages)
        exposures = pd.concat(columns, axis=1, keys=stages, sort=False)
    frame = read_table(exposures, "exposures").abs()
    if (frame > _FULL_CORRELATION).any(axis=None):
        raise ValueError("`exposures` must be correlations, between -1 and 1")
    check_labels(list(frame.columns), "stages of `exposures`")
    order = (-frame.max(axis=1)).argsort(kind="stable")
    frame = frame.iloc[order.to_numpy()]
    return {
        "features": [str(feature) for feature in frame.index],
        "stages": {str(stage): frame[stage].tolist() for stage in frame},
        "largest": {str(stage): frame[stage].max() for stage in frame},
    }


def _by_feature(values: Any, stage: str) -> pd.Series:
    """Size of the exposure to each feature, of a frame the mean over its eras."""
    # Sizes before means: exposures that change sign shall not cancel out.
    frame = read_table(values, f"exposures[{stage!r}]").abs()
    return frame.iloc[:, 0] if isinstance(values, pd.Series) else frame.mean()


def read_correlations(correlations: Any) -> dict[str, Any] | None:
    """Read a square frame of correlations between models."""
    if correlations is None:
        return None
    frame = read_table(correlations, "correlations")
    if list(frame.index) != list(frame.columns):
        raise ValueError(
            "`correlations` must have the models as rows and, in the same order, as "
            f"columns; got rows {listed(frame.index)} and columns "
            f"{listed(frame.columns)}"
        )
    values = frame.to_numpy()
    if (np.abs(values) > _FULL_CORRELATION).any():
        raise ValueError("`correlations` must be between -1 and 1")
    if not np.allclose(values, values.T, atol=1e-6, equal_nan=True):
        raise ValueError("`correlations` must be symmetric")
    return {"models": [str(name) for name in frame], "values": values.tolist()}
