"""Era-wise ensembles of Numerai predictions, as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives; imported on first use, so that `import skbench` is fast.
_HOMES = {
    "EraRank": "_rank_gauss",
    "EraRankGauss": "_rank_gauss",
    "FeatureNeutralizer": "_neutralizer",
    "StackingWeights": "_stacking",
    "WeightedEnsemble": "_ensemble",
    "neutralization_path": "_neutralizer",
    "rank_gauss": "_rank_gauss",
}

__all__ = [
    "EraRank",
    "EraRankGauss",
    "FeatureNeutralizer",
    "StackingWeights",
    "WeightedEnsemble",
    "analysis",
    "datasets",
    "deploy",
    "metrics",
    "model_selection",
    "neutralization_path",
    "rank_gauss",
    "recipes",
    "report",
    "staking",
    "streaming",
]

if TYPE_CHECKING:
    from . import (
        analysis,
        datasets,
        deploy,
        metrics,
        model_selection,
        recipes,
        report,
        staking,
        streaming,
    )
    from ._ensemble import WeightedEnsemble
    from ._neutralizer import FeatureNeutralizer, neutralization_path
    from ._rank_gauss import EraRank, EraRankGauss, rank_gauss
    from ._stacking import StackingWeights


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
