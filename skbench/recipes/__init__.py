"""Numerai's published benchmark models as data: what they are, and how to make them."""

from ._build import Recipe, describe_recipes, list_recipes, recipe
from ._models import FeatureRegressor
from ._riskiest import riskiest_features

__all__ = [
    "FeatureRegressor",
    "Recipe",
    "describe_recipes",
    "list_recipes",
    "recipe",
    "riskiest_features",
]
