"""Try an exported file as Numerai's runner would: `check_predict`."""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from skbench._checks import check_choice, check_flag, is_number
from skbench._files import Address, as_path, check_there
from skbench._parquet import arrow_path

from ._environment import python_in, runner_python
from ._process import run_child
from ._report import CheckReport, make_report
from ._runners import PACKAGES, RUNNERS

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def check_predict(
    path: Address,
    live_features: pd.DataFrame | Address,
    live_benchmark_models: pd.DataFrame | Address | None = None,
    *,
    runner: str | None = None,
    python: Address | None = None,
    memory_limit: str | int = "4GB",
    time_limit: float = 600,
    progress: bool = False,
) -> CheckReport:
    """Try a pickled function as Numerai's runner would, before it is uploaded.

    Another process loads the file, calls the function and asks all that the runner
    asks. It has one thread, no network, no skbench, none of your environment variables
    and an empty working folder; a process over one of the limits is killed, and so it
    is if this one ends. Its memory, and that of the processes it starts, is watched
    while it runs if psutil is installed; else only its own is known, at its end, and
    the report says so. The file runs code: check only what you trust.

    Parameters
    ----------
    path : str or path-like
        The pickle: what `export_predict` writes, or one of your own.
    live_features : DataFrame or path-like
        Features with the ids as index, or a parquet file of them.
    live_benchmark_models : DataFrame or path-like, default=None
        Benchmark predictions, for a function of two parameters.
    runner : str, default=None
        Runner of Numerai whose Python and versions of packages it is run with: "3.12"
        for that Python, or "3.10", "3.11", "3.13"; "3.11-head" or "3.12-head" for the
        newest state of the runner's sources. An environment of them is made where
        there is none yet, in ``runners`` of the folder ``$SKBENCH_HOME``, or of
        ``~/skbench_data``. That needs such a Python and PyPI. None: `python`.
    python : str or path-like, default=None
        Another Python to run it under, in place of `runner`: an interpreter, or the
        folder of a virtual environment. None: this one, with all packages that it
        finds, but for modules in the current folder.
    memory_limit : str or int, default="4GB"
        Bytes of resident memory, or text such as "500MB" or "4GiB". What several
        processes share counts for each of them.
    time_limit : float, default=600
        Seconds for all of it, the start of Python included.
    progress : bool, default=False
        Whether to say that an environment is being made, on standard error.

    Returns
    -------
    report : CheckReport
        Each check with its outcome; print it.

    Raises
    ------
    FileNotFoundError
        If a file or the interpreter is not there, or no Python for the runner.
    ConnectionError
        If the packages of the runner cannot be installed.
    TypeError, ValueError
        If an argument cannot be used.

    See Also
    --------
    export_predict : Write such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import cloudpickle
    >>> import pandas as pd
    >>> from skbench.deploy import check_predict
    >>> live = pd.DataFrame({"feature_a": [1, 2]}, index=pd.Index(["n1", "n2"]))
    >>> def predict(live_features):
    ...     return live_features.rename(columns={"feature_a": "prediction"}) / 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "predict.pkl"
    ...     _ = path.write_bytes(cloudpickle.dumps(predict))
    ...     report = check_predict(path, live)
    >>> report.passed
    False
    >>> report.checks.query("outcome == 'fail'")["found"].to_dict()
    {'index': 'the name None', 'csv': "the header ',prediction'"}
    """
    path = check_there(path)
    limit = _size(memory_limit)
    if not is_number(time_limit) or not time_limit > 0:
        raise ValueError(
            f"`time_limit` must be a positive number of seconds; got {time_limit!r}"
        )
    check_flag("progress", progress)
    if runner is not None and python is not None:
        raise ValueError(
            f"`runner` names an environment, and `python` another; got {runner!r} and "
            f"{python!r}: pass one of them"
        )
    if runner is not None:
        check_choice("runner", runner, list(RUNNERS))
    interpreter = _interpreter(python)
    frames: dict[str, Any] = {"live_features": live_features}
    if live_benchmark_models is not None:
        frames["live_benchmark_models"] = live_benchmark_models
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = [str(_parquet(frame, key, folder)) for key, frame in frames.items()]
        task = json.dumps(
            {"path": str(path.resolve()), "frames": written, "packages": PACKAGES}
        )
        (folder / "task.json").write_text(task, encoding="utf-8")
        if runner is not None:
            interpreter = str(runner_python(runner, progress=progress))
        run = run_child(interpreter, folder, limit, float(time_limit))
        return make_report(path, folder, run)


def _size(limit: Any) -> int:
    """Bytes that a number, or text such as "4GB", stands for."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(limit))
    unit = (match[2].upper() or "B") if match else ""
    if match is None or isinstance(limit, bool) or unit not in _UNITS:
        raise ValueError(
            f"`memory_limit` must be a number of bytes, or text such as '4GB'; "
            f"got {limit!r}"
        )
    size = float(match[1]) * _UNITS[unit]
    if not 1 <= size < float("inf"):
        raise ValueError(f"`memory_limit` must be above 0 and finite; got {limit!r}")
    return int(size)


def _interpreter(python: Address | None) -> str | None:
    """Return the interpreter that a path, a folder or a command stands for."""
    if python is None:
        return None
    path = as_path(python, "python")
    if found := python_in(path):
        return str(found)
    if path.is_file():
        return str(path.absolute())
    if command := shutil.which(str(python)):
        return command
    raise FileNotFoundError(
        f"`python` must be an interpreter, or the folder of an environment with one; "
        f"got {python}"
    )


def _parquet(frame: Any, name: str, folder: Path) -> Path:
    if isinstance(frame, (str, os.PathLike)):
        return check_there(frame, name).resolve()
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"`{name}` must be a pandas DataFrame, as the runner passes one, or the "
            f"path of a parquet file; got {type(frame).__name__}"
        )
    path = folder / f"{name}.parquet"
    try:
        frame.to_parquet(arrow_path(path), write_page_checksum=True)
    except pa.ArrowException as error:
        raise ValueError(
            f"`{name}` must be a frame that a parquet file can hold: {error}"
        ) from error
    return path
