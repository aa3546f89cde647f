"""The files of a folder that a job may read, and what they call a target."""

from pathlib import Path

from skbench._files import Address, as_path
from skbench.tournament import (
    FILES,
    OwnPredictions,
    check_folder,
    files_of,
    main_file,
    open_file,
    target_of,
)


def input_files(path: Address | None, predictions: OwnPredictions = ()) -> list[Path]:
    """Return the files that a job may read, there or not: no output may replace one."""
    numerais = [] if path is None else [as_path(path) / name for name in FILES]
    return [*numerais, *files_of(predictions)]


def folder_target(path: Address, target: str = "target") -> str:
    """Return the target that a name stands for in a folder.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    target : str, default="target"
        The name. Numerai's files have a column "target", which is a copy of another.

    Returns
    -------
    target : str
        The name of that other column, such as "target_ender_60", whose number of days
        says how far it looks ahead; or the name given, if it is no copy.

    Raises
    ------
    FileNotFoundError
        If the folder lacks ``validation.parquet``.
    ValueError
        If that file cannot be read.
    """
    return target_of(open_file(check_folder(path), main_file("validation")), target)
