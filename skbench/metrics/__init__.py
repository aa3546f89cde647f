"""Scores of predictions, one an era and model; their summary; scorers made of them."""

from ._leaderboard import concat_scores as concat_scores
from ._leaderboard import leaderboard, score_models
from ._scorers import (
    contribution_scorer,
    era_scorer,
    numerai_corr_scorer,
    sharpe_scorer,
)
from ._scores import (
    correlation_contribution,
    correlation_with,
    feature_exposure,
    feature_neutral_corr,
    max_feature_exposure,
    neutral_contribution,
    numerai_corr,
)
from ._summary import summarize

__all__ = [
    "contribution_scorer",
    "correlation_contribution",
    "correlation_with",
    "era_scorer",
    "feature_exposure",
    "feature_neutral_corr",
    "leaderboard",
    "max_feature_exposure",
    "neutral_contribution",
    "numerai_corr",
    "numerai_corr_scorer",
    "score_models",
    "sharpe_scorer",
    "summarize",
]
