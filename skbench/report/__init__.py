"""What scores say of models: one self-contained page, and displays to build on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Where each public name lives; imported on first use, so that the page does not load
# matplotlib, nor a display plotly.
_HOMES = {
    "BacktestReport": "_backtest",
    "BlendExplorer": "_explorer",
    "CumulativeScoreDisplay": "_displays",
    "EraScoreDisplay": "_displays",
    "FeatureExposureDisplay": "_displays",
    "ImpliedWeightsDisplay": "_displays",
    "NeutralizationPathDisplay": "_displays",
    "PerformanceReport": "_report",
    "SynergyDisplay": "_displays",
    "TargetByQuantileDisplay": "_displays",
    "WeightsDisplay": "_displays",
    "WeightsPathDisplay": "_displays",
}

__all__ = [
    "BacktestReport",
    "BlendExplorer",
    "CumulativeScoreDisplay",
    "EraScoreDisplay",
    "FeatureExposureDisplay",
    "ImpliedWeightsDisplay",
    "NeutralizationPathDisplay",
    "PerformanceReport",
    "SynergyDisplay",
    "TargetByQuantileDisplay",
    "WeightsDisplay",
    "WeightsPathDisplay",
]

if TYPE_CHECKING:
    from ._backtest import BacktestReport
    from ._displays import (
        CumulativeScoreDisplay,
        EraScoreDisplay,
        FeatureExposureDisplay,
        ImpliedWeightsDisplay,
        NeutralizationPathDisplay,
        SynergyDisplay,
        TargetByQuantileDisplay,
        WeightsDisplay,
        WeightsPathDisplay,
    )
    from ._explorer import BlendExplorer
    from ._report import PerformanceReport


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
