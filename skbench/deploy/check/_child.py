"""What `check_predict` runs in another process: a file as Numerai's runner runs it.

Run by path under an interpreter that need not have skbench: standard library and pandas
only. Every finding is written down at once, so that it outlives a crash. It cannot be
imported, so that no file can name a function here that loads a pickle.
"""

import errno
import importlib.abc
import inspect
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from runpy import run_path
from typing import Any

_BLOCKED = "skbench"
if __name__.partition(".")[0] == _BLOCKED:
    raise ImportError(f"{__name__} is a program, to be run by its path")

_NETWORK = (
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.sendmsg",
    "socket.sendto",
)
# Checks of the frame that is returned: name, and what is wrong with it, if anything.
Finding = tuple[str, str | None]


class _Blocker(importlib.abc.MetaPathFinder):
    """Makes skbench look as if it were not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == _BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _refuse_network(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK:
        raise OSError(errno.ENETUNREACH, "Numerai's runner has no internet")


def _end_with_parent() -> None:
    """End this process, and what it started, when the one that started it is gone.

    However that ended, the other end of the pipe that is stdin is closed then.
    """
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        os.read(pipe, 1)
        if hasattr(os, "killpg"):
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _main(folder: Path) -> None:
    """Check what the file ``task.json`` in a folder says; write ``found.jsonl``."""
    _end_with_parent()
    # Python puts the folder of this file first, which holds modules of skbench.
    here = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != here]
    inherited = _peak_memory()
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    with (folder / "found.jsonl").open("a", encoding="utf-8") as found:

        def tell(**facts: Any) -> None:
            print(json.dumps(facts), file=found, flush=True)

        tell(python=sys.version.split()[0], versions=_versions(task["packages"]))
        try:
            _check(task, folder, tell)
        except BaseException as error:
            tell(error=_described(error), trace=_trace(error))
        tell(peak=_peak_memory(), inherited=inherited)


def _check(task: dict[str, Any], folder: Path, tell: Callable[..., None]) -> None:
    tell(begun="start")
    import pandas as pd

    frames = []
    for path in task["frames"]:
        with open(path, "rb") as file:  # pyarrow reads no path but of UTF-8
            frames.append(pd.read_parquet(file))
    sys.meta_path.insert(0, _Blocker())
    sys.addaudithook(_refuse_network)
    tell(passed="start", begun="load")
    function = pd.read_pickle(task["path"])
    tell(passed="load", begun="callable")
    if not callable(function):
        return tell(failed="callable", found=f"a {type(function).__name__}")
    tell(passed="callable", begun="parameters")
    # As the runner counts: defaults, *args and **kwargs count too.
    names = list(inspect.signature(function).parameters)
    if len(names) not in (1, 2):
        return tell(failed="parameters", found=f"{len(names)}: {', '.join(names)}")
    tell(passed="parameters", begun="call")
    if len(names) > len(frames):
        return tell(failed="call", found="no `live_benchmark_models` to call it with")
    ids = list(frames[0].index)
    predictions = function(*frames[: len(names)])
    tell(passed="call", begun="frame")
    _check_frame(predictions, ids, folder, tell)


def _check_frame(
    predictions: Any, ids: list[Any], folder: Path, tell: Callable[..., None]
) -> None:
    import pandas as pd

    kind = type(predictions)
    if kind is not pd.DataFrame:
        tell(failed="frame", found=f"a {kind.__module__}.{kind.__qualname__}")
    else:
        tell(passed="frame")
    if not isinstance(predictions, pd.DataFrame):
        return
    if predictions.empty:
        tell(failed="rows", found=f"the shape {predictions.shape}")
        return
    tell(passed="rows")
    for name, wrong in _findings(predictions, ids, folder):
        tell(
            **({"passed": name} if wrong is None else {"failed": name, "found": wrong})
        )
    try:
        predictions.to_parquet(folder / "predictions.parquet")
    except Exception as error:  # whatever parquet has no way to hold
        print(f"the predictions are not in the report: {error}", file=sys.stderr)


def _findings(predictions: Any, ids: list[Any], folder: Path) -> Iterator[Finding]:
    missing = int(predictions.isna().to_numpy().sum())
    yield "missing", f"{missing} missing values" if missing else None
    yield from _of_values(predictions.iloc[:, 0])
    names = list(predictions.index.names)
    yield "index", None if names == ["id"] else f"the name {names[0]!r}"
    columns = list(predictions.columns)
    yield "columns", None if columns == ["prediction"] else f"the columns {columns}"
    yield "ids", _other_ids(list(predictions.index), ids)
    written = folder / "predictions.csv"
    predictions.to_csv(written, index=True)
    with written.open(encoding="utf-8") as file:
        header = file.readline().rstrip("\r\n")
    yield "csv", None if header == "id,prediction" else f"the header {header!r}"


def _of_values(column: Any) -> Iterator[Finding]:
    is_plain = run_path(str(Path(__file__).with_name("_plain.py")))["is_plain"]
    if not is_plain(column.dtype):
        yield "numbers", f"values of the dtype {column.dtype}"
        return
    yield "numbers", None
    values = column.dropna()
    low, high = values.min(), values.max()
    outside = len(values) and not (low >= 0 and high <= 1)
    yield "range", f"values from {low:g} to {high:g}" if outside else None
    yield "spread", None if low < high else f"one value for all rows: {low:g}"


def _other_ids(found: list[Any], ids: list[Any]) -> str | None:
    twice, missing = len(found) - len(set(found)), len(set(ids) - set(found))
    other = len(set(found) - set(ids))
    if not (twice or missing or other):
        return None
    return f"{missing} ids missing, {other} unknown, {twice} more than once"


def _described(error: BaseException) -> dict[str, str | None]:
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "module": error.name if isinstance(error, ImportError) else None,
    }


def _trace(error: BaseException) -> str:
    """Last lines of a traceback, without those of this file."""
    lines = traceback.format_exception(error)
    text = "".join(line for line in lines if __file__ not in line)
    return "\n".join(text.rstrip().splitlines()[-12:])


def _versions(packages: Iterable[str]) -> dict[str, str]:
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _peak_memory() -> int:
    """Peak resident memory of this process in bytes; 0 where it is not told.

    At its begin that of the parent, which it does not fall below.
    """
    try:
        import resource
    except ImportError:  # on Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
    sys.stdout.flush()
    # Without the clean-up at exit, which the file's own threads might never let end.
    os._exit(0)
