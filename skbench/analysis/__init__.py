"""The meta model of meta models: what the Meta Model holds, lacks and could use."""

from ._answers import Analysis, analyze
from ._answers import answers as answers
from ._answers import beside as beside
from ._answers import check_model as check_model
from ._compare import compare
from ._implied import implied_weights
from ._marginal import marginal_contribution
from ._synergy import Synergy, synergy
from ._underweight import underweight

__all__ = [
    "Analysis",
    "Synergy",
    "analyze",
    "compare",
    "implied_weights",
    "marginal_contribution",
    "synergy",
    "underweight",
]
