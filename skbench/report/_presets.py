"""Weights to start from: equal, learned, given, or those of the Meta Model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbench._checks import (
    HUGE,
    check_choice,
    check_name,
    check_share,
    is_number,
    is_several,
    listed,
)
from skbench._era_statistics import Statistics
from skbench._eras import blas_threads, era_counts
from skbench._frames import META_MODEL
from skbench._learning import OBJECTIVES, SHRUNK_BY_BAYES, Learning, tell
from skbench.solvers.implied import implied_weights
from skbench.solvers.intervals import least_eras
from skbench.solvers.weights import NotEnoughErasError
from skbench.solvers.windows import Chunks
from skbench.staking import latest_payout

EQUAL = "equal weights"
IMPLIED = "weights implied by the Meta Model"
# Weights are learned anew so many times, after as many eras as these at least.
_WINDOWS, _LEAST_ERAS = 6, 26
_WITH_REFERENCE = ("contribution", "payout")
# Parameters of `StackingWeights` as they are by default. The estimator would load
# scikit-learn, which takes as long as all that is learned here.
_BY_DEFAULT = {
    "nonnegative": True,
    "max_weight": 1.0,
    "prior": None,
    "search": "slsqp",
    "max_iter": 100,
    "halflife": None,
    "nan_policy": "propagate",
    "meta_model": META_MODEL,
}


@dataclass(frozen=True)
class Preset:
    """Weights by model, and the proportion to neutralise by.

    ``windows``: of weights that are learned, those learned before each window, by its
    first era; ``weights`` are then learned from all eras, and so in sample.
    """

    name: str
    kind: str
    weights: dict[str, float]
    proportion: float = 0.0
    windows: list[tuple[str, dict[str, float]]] = field(default_factory=list)

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it for a page: weights in the order of the models."""
        return {
            "name": self.name,
            "kind": self.kind,
            "weights": in_order(self.weights, names),
            "proportion": self.proportion,
            "windows": [
                {"first": first, "weights": in_order(weights, names)}
                for first, weights in self.windows
            ],
        }


def in_order(weights: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """Return weights in the order of the models, 0 for those that are not named."""
    return [float(weights.get(name, 0.0)) for name in names]


def equal_weights(names: Sequence[str]) -> Preset:
    """Return the preset that knows nothing."""
    return Preset(EQUAL, "given", dict.fromkeys(names, 1.0 / len(names)))


def learned(
    objectives: Sequence[str] | None,
    held: Statistics,
    names: Sequence[str],
    reference: str | None,
    horizon: int,
) -> Iterator[Preset]:
    """Learn weights by each objective; of None, by those that the data allow."""
    if objectives is not None and not is_several(objectives):
        raise ValueError(f"`objectives` must list objectives; got {objectives!r}")
    for objective in OBJECTIVES if objectives is None else objectives:
        check_choice("objectives", objective, OBJECTIVES)
        if objectives is None and objective in _WITH_REFERENCE and reference is None:
            continue
        # Unasked, weights are not learned where there are too few eras to tell models
        # apart: they would be those of the prior, which is a preset already.
        asked = objectives is not None
        learning = Learning(_asked(objective), names, reference, held, last=asked)
        try:
            with blas_threads(None, held["era"].size, len(names)):
                found = learning.find(horizon)
                windows = _windows(learning, horizon)
        except NotEnoughErasError:
            if objectives is None:
                continue
            raise
        finally:
            tell({None: learning})
        yield Preset(objective, "learned", by_name(found["weights_"]), windows=windows)


def _asked(objective: str) -> SimpleNamespace:
    """Return what `StackingWeights` would be asked for."""
    return SimpleNamespace(
        **_BY_DEFAULT,
        objective=objective,
        payout=latest_payout() if objective == "payout" else None,
        shrinkage="bayes" if objective in SHRUNK_BY_BAYES else 0.0,
    )


def _windows(learning: Learning, horizon: int) -> list[tuple[str, dict[str, float]]]:
    """Return what would have been learned before each window, as far as any could."""
    labels = learning.held["era"].tolist()
    numbers = era_counts(labels)
    size = max(learning.eras.size // _WINDOWS, _LEAST_ERAS)
    windows = Chunks(size, horizon, int(numbers.min())).windows(numbers)
    found = [
        (str(labels[window.test[0]]), _weights(learning.of_eras(window.train), horizon))
        for window in windows
    ]
    return [(first, by_name(weights)) for first, weights in found if weights]


def _weights(learning: Learning, horizon: int) -> Mapping[Any, float]:
    """Learn weights; none from fewer than two horizons of eras."""
    try:
        if learning.eras.size < least_eras(learning.era_numbers, horizon):
            return {}
        weights: Mapping[Any, float] = learning.find(horizon)["weights_"]
    except NotEnoughErasError:
        return {}
    return weights


def by_name(weights: Mapping[Any, float]) -> dict[str, float]:
    """Return weights that are not 0."""
    return {str(name): float(weight) for name, weight in weights.items() if weight}


def given(
    presets: Any, proportions: Any, names: Sequence[str], neutral: bool
) -> list[Preset]:
    """Check presets that are given."""
    presets = {} if presets is None else presets
    proportions = {} if proportions is None else proportions
    for argument, value in (("presets", presets), ("proportions", proportions)):
        if not isinstance(value, Mapping):
            raise ValueError(f"`{argument}` must go by name; got {value!r}")
    found = []
    for name, weights in presets.items():
        check_name("presets", name, "a name")
        share = proportions.get(name, 0.0)
        check_share("proportions", share)
        if share and not neutral:
            raise ValueError(
                f"`proportions` needs `neutralizers`; got {share!r} for {name!r}"
            )
        checked = checked_weights(f"presets[{name!r}]", weights, names)
        found.append(Preset(name, "published", checked, float(share)))
    if unknown := [name for name in proportions if name not in presets]:
        raise ValueError(
            f"`proportions` must name some of `presets`; got {listed(unknown)}"
        )
    return found


def checked_weights(
    argument: str, weights: Any, names: Sequence[str]
) -> dict[str, float]:
    """Check weights by model, of which one at least is not 0."""
    if not isinstance(weights, Mapping):
        raise ValueError(f"`{argument}` must map models to weights; got {weights!r}")
    if unknown := [name for name in weights if name not in names]:
        raise ValueError(
            f"`{argument}` names {listed(unknown)}, which is not among the models "
            f"{listed(names)}"
        )
    for name, weight in weights.items():
        if not is_number(weight) or abs(weight) > HUGE:
            raise ValueError(
                f"`{argument}` must hold numbers; got {weight!r} for {name!r}"
            )
    if not any(weights.values()):
        raise ValueError(f"`{argument}` must give some model a weight; got {weights!r}")
    return by_name(weights)


def implied(held: Statistics, names: Sequence[str]) -> Iterator[Preset]:
    """Find the weights that best explain the Meta Model, over all its eras at once.

    As `skbench.analysis.implied_weights` with a window of all eras, on those rows of
    them that have a target.
    """
    eras = (held["reference_n_rows"] > 0) & (held["reference_square"] > 0)
    if not eras.any():
        return
    scale = np.sqrt(held["reference_square"][eras])
    cross = held["reference_cross"][eras] / scale[:, None]
    there = held["reference_present"] & held["reference_varies"]
    usable: NDArray[np.bool_] = np.logical_and.reduce(there[eras])
    if not usable.any():
        return
    covariance = held["reference_covariance"][eras].mean(axis=0)
    weights, _ = implied_weights(covariance, cross.mean(axis=0), 1.0, usable)
    if np.nansum(weights) > 0:
        found = dict(zip(names, np.nan_to_num(weights).tolist(), strict=True))
        yield Preset(IMPLIED, "implied", by_name(found))
