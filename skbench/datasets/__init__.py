"""Data to work with: synthetic tournaments whose truth is known."""

from ._make import make_benchmark_models

__all__ = ["make_benchmark_models"]
