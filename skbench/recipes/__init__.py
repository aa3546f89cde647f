"""Numerai's published benchmark models as data: what they are, and how to make them."""

from ._catalog import COLUMNS as COLUMNS
from ._catalog import RISKIEST as RISKIEST
from ._fitting import published_columns as published_columns
from ._fitting import recipes_for
from ._models import FeatureRegressor
from ._recipe import Recipe, describe_recipes, list_recipes, recipe
from ._riskiest import riskiest_features

__all__ = [
    "FeatureRegressor",
    "Recipe",
    "describe_recipes",
    "list_recipes",
    "recipe",
    "recipes_for",
    "riskiest_features",
]
