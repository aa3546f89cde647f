"""Charts of era scores, exposures and weights, after the manner of scikit-learn.

Each class has constructors that compute what is drawn (`from_scores`, ...), keeps it in
attributes, and draws it again with `plot`. What is drawn can be styled afterwards: the
artists are attributes, too.
"""

from ._analysis import ImpliedWeightsDisplay, SynergyDisplay
from ._cumulative import CumulativeScoreDisplay
from ._era_scores import EraScoreDisplay
from ._exposure import FeatureExposureDisplay
from ._path import NeutralizationPathDisplay
from ._quantiles import TargetByQuantileDisplay
from ._weights import WeightsDisplay
from ._weights_path import WeightsPathDisplay

__all__ = [
    "CumulativeScoreDisplay",
    "EraScoreDisplay",
    "FeatureExposureDisplay",
    "ImpliedWeightsDisplay",
    "NeutralizationPathDisplay",
    "SynergyDisplay",
    "TargetByQuantileDisplay",
    "WeightsDisplay",
    "WeightsPathDisplay",
]
