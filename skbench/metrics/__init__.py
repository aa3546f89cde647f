"""Scores of predictions, one an era and model; their summary; scorers made of them."""

from ._leaderboard import ScoredRows as ScoredRows
from ._leaderboard import leaderboard, score_models
from ._leaderboard import score_rows as score_rows
from ._live import by_score as by_score
from ._live import read_live as read_live
from ._ranking import about_shorter as about_shorter
from ._ranking import best_first as best_first
from ._ranking import compare_shorter as compare_shorter
from ._ranking import lacks_eras as lacks_eras
from ._ranking import shorter_lines as shorter_lines
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
    mean_target_by_quantile,
    neutral_contribution,
    neutral_correlation,
    numerai_corr,
)
from ._scores import exposures_of as exposures_of
from ._scores import quantile_means_of as quantile_means_of
from ._summary import summarize
from ._summary import summarize_beside as summarize_beside
from ._tables import Frames as Frames
from ._tables import by_era as by_era
from ._tables import check_eras_by_models as check_eras_by_models
from ._tables import check_frame as check_frame
from ._tables import check_labels as check_labels
from ._tables import check_scored as check_scored
from ._tables import is_model_name as is_model_name
from ._tables import read_benchmark as read_benchmark
from ._tables import read_scores as read_scores
from ._tables import read_table as read_table
from ._tables import scores_at as scores_at
from ._tables import spans as spans
from ._tables import union as union

__all__ = [
    "contribution_scorer",
    "correlation_contribution",
    "correlation_with",
    "era_scorer",
    "feature_exposure",
    "feature_neutral_corr",
    "leaderboard",
    "max_feature_exposure",
    "mean_target_by_quantile",
    "neutral_contribution",
    "neutral_correlation",
    "numerai_corr",
    "numerai_corr_scorer",
    "score_models",
    "sharpe_scorer",
    "summarize",
]
