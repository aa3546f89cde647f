"""Numerai's published benchmark models as data: what they are, and how to make them."""

from typing import TYPE_CHECKING, Any

from ._catalog import COLUMNS as COLUMNS
from ._catalog import RISKIEST as RISKIEST
from ._fitting import published_columns as published_columns
from ._fitting import recipes_for
from ._recipe import Recipe, describe_recipes, list_recipes, recipe
from ._riskiest import riskiest_features

if TYPE_CHECKING:
    from ._models import FeatureRegressor

__all__ = [
    "FeatureRegressor",
    "Recipe",
    "describe_recipes",
    "list_recipes",
    "recipe",
    "recipes_for",
    "riskiest_features",
]


def __getattr__(name: str) -> Any:
    if name == "FeatureRegressor":  # a regressor of scikit-learn, which recipes are not
        from ._models import FeatureRegressor

        return FeatureRegressor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
