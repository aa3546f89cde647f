"""Weights to start from: equal, learned, given, or those of the Meta Model."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from skbench._stacking import OBJECTIVES, SHRUNK_BY_BAYES, StackingWeights
from skbench.model_selection import (
    NoWindowError,
    default_split,
    learned_windows,
)
from skbench.solvers.implied import implied_weights
from skbench.solvers.weights import NotEnoughErasError
from skbench.staking import latest_payout

EQUAL = "equal weights"
IMPLIED = "weights implied by the Meta Model"
# Weights are learned anew so many times, after as many eras as these at least.
_WINDOWS, _LEAST_ERAS = 6, 26
_WITH_REFERENCE = ("contribution", "payout")


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
        stacking = StackingWeights(
            objective,
            payout=latest_payout() if objective == "payout" else None,
            shrinkage="bayes" if objective in SHRUNK_BY_BAYES else 0.0,
            horizon=horizon,
        ).holding(held, names, reference=reference)
        if objectives is None and objective in _WITH_REFERENCE and reference is None:
            continue
        try:
            weights = stacking.finish().weights_
        except NotEnoughErasError:
            if objectives is None:
                continue
            raise
        yield Preset(objective, "learned", by_name(weights), windows=_windows(stacking))


def _windows(stacking: StackingWeights) -> list[tuple[str, dict[str, float]]]:
    """Return what would have been learned before each window, as far as any could."""
    labels = stacking.gathered_eras()
    size = max(stacking.n_eras_ // _WINDOWS, _LEAST_ERAS)
    try:
        with warnings.catch_warnings():
            # That some windows have too few eras is no news here.
            warnings.simplefilter("ignore")
            split = default_split(labels, stacking.horizon_, size)
            windows, _ = learned_windows(stacking, split)
    except NoWindowError:
        return []
    return [(str(window.test[0]), by_name(window.weights)) for window in windows]


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
