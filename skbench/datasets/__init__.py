"""Tournament data: fetched from Numerai, loaded from its files, or made up."""

from ._fetch import fetch_benchmark_models
from ._fetch import fetch_files as fetch_files
from ._fetch import folder_of_data as folder_of_data
from ._load import load_benchmark_models
from ._make import make_benchmark_models
from ._scores import load_scores
from ._write import to_folder

__all__ = [
    "fetch_benchmark_models",
    "load_benchmark_models",
    "load_scores",
    "make_benchmark_models",
    "to_folder",
]
