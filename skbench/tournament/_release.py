"""A release of Numerai's in a folder: its files, and what is said of them."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from skbench._files import Address, as_path
from skbench._frames import META_MODEL
from skbench._warnings import warn

SPLITS = ("train", "validation", "live")
FEATURES_FILE = "features.json"
META_MODEL_FILE = "meta_model.parquet"


# What folders of the releases are called.
_VERSION = re.compile(r"v\d+(\.\d+)*")


def to_download(folder: Path, features: str | None = None, what: str = "it") -> str:
    """Say how to download files of a folder, and a set of features.

    The name of the folder tells the version, if it is called so.
    """
    home = folder.resolve()
    named = _VERSION.fullmatch(home.name)
    words = ["--version", home.name] if named else []
    words += [] if features is None else ["--features", features]
    words += ["--data-home", str(home.parent)] if named else []
    told = f"download {what} with {shlex.join(['skbench', 'fetch', *words])}"
    return told if named else f"{told} (and take the folder that it makes)"


def main_file(split: str) -> str:
    """Return the name of the file with the features and targets of a split."""
    return f"{split}.parquet"


def models_file(split: str) -> str:
    """Return the name of the file with the benchmark models of a split."""
    return f"{split}_benchmark_models.parquet"


# The files that skbench reads.
FILES = (
    FEATURES_FILE,
    META_MODEL_FILE,
    *map(main_file, SPLITS),
    *map(models_file, SPLITS),
)


def check_folder(path: Address) -> Path:
    """Return the path of a folder that is there."""
    folder = as_path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"`path` must be a folder that is there; got {folder}")
    return folder


def has_live(folder: Path, features: Sequence[str]) -> bool:
    """Whether the files of the live rows are there, with features if any are needed."""
    needed = [models_file("live"), *([main_file("live")] if features else [])]
    return all((folder / name).is_file() for name in needed)


def warn_of_no_meta_model(name: str, advice: str) -> None:
    """Warn that a file has the Meta Model of other eras only."""
    warn(
        f"{name} has none of the eras that are loaded, so {META_MODEL!r} is "
        f"missing throughout: {advice}"
    )


def warn_of_unmatched(unmatched: dict[str, int]) -> None:
    """Warn of the rows of files that are left out, if there are any."""
    lost = [f"{count} of {name}" for name, count in unmatched.items() if count]
    if lost:
        warn(
            f"ids without a partner in the other files are left out: {', '.join(lost)}"
        )
