"""Another process that is killed where it goes over a limit."""

import os
import signal
import site
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What the process inherits; above all no keys.
_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR")
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
_POLL = 0.02


@dataclass
class Run:
    """How the process went."""

    seconds: float
    peak: int  # as it was seen in between; 0 where it was not watched
    watched: bool
    status: int
    over: str | None  # the limit for which it was killed
    memory_limit: int


def run_child(
    interpreter: str | None, folder: Path, memory: int, seconds: float
) -> Run:
    """Run `_child.py` on what a folder holds, in an empty folder within it."""
    empty = folder / "empty"
    empty.mkdir()
    child = Path(__file__).with_name("_child.py")
    python = [interpreter] if interpreter else [sys.executable, *_own_options()]
    with (folder / "log.txt").open("wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(
            [*python, "-B", str(child), str(folder)],
            stdin=subprocess.PIPE,  # nothing is written to it: it ends when we do
            stdout=log,
            stderr=log,
            cwd=empty,
            env=_environment() | ({} if interpreter else _own_packages()),
            start_new_session=True,
        )
        try:
            peak, over = _watch(process, memory, seconds)
        finally:
            _kill(process)
    seconds_taken = time.monotonic() - begun
    watched = _psutil() is not None
    return Run(seconds_taken, peak, watched, process.returncode, over, memory)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in _THREADS}
    return kept | threads | {"LOKY_MAX_CPU_COUNT": "1", "PYTHONHASHSEED": "0"}


def _own_options() -> list[str]:
    """Options of this Python that say which packages it finds."""
    return [] if site.ENABLE_USER_SITE else ["-s"]


def _own_packages() -> dict[str, str]:
    """Variables that let this Python, and what it starts, find packages as here.

    Not what is in the current folder, nor beside the program that runs: a file there
    may have the name of a module that the packages import.
    """
    main = sys.modules["__main__"]
    left_out = {Path.cwd()}
    if main.__spec__ is None and hasattr(main, "__file__"):  # run by its path
        left_out.add(Path(str(main.__file__)).resolve().parent)
    found = [path for path in sys.path if path and Path(path).resolve() not in left_out]
    packages = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, found))}
    if site.ENABLE_USER_SITE and site.USER_BASE:
        packages["PYTHONUSERBASE"] = site.USER_BASE
    return packages


def _watch(
    process: "subprocess.Popen[bytes]", memory: int, seconds: float
) -> tuple[int, str | None]:
    """Wait for the end, or for a limit: the peak memory, and the limit it is over."""
    peak, deadline = 0, time.monotonic() + seconds
    while True:
        try:
            process.wait(_POLL)
        except subprocess.TimeoutExpired:
            peak = max(peak, _resident(process.pid))
            if peak > memory:
                return peak, "memory"
            if time.monotonic() > deadline:
                return peak, "time"
        else:
            return peak, None


def _psutil() -> Any:
    """Return the package that knows of processes, None where it is not installed."""
    try:
        import psutil
    except ImportError:
        return None
    return psutil


def _resident(pid: int) -> int:
    """Resident bytes of a process and all that it started; 0 without psutil."""
    if (psutil := _psutil()) is None:
        return 0
    resident = 0
    for process in _family(pid, psutil):
        with suppress(psutil.Error):  # it may have ended
            resident += process.memory_info().rss
    return resident


def _family(pid: int, psutil: Any) -> set[Any]:
    """Return a process and those that it started."""
    family = set()
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        family = {process, *process.children(recursive=True)}
    # By the session, one is found whose parent has ended.
    for number in psutil.pids() if hasattr(os, "getsid") else []:
        with suppress(psutil.Error, OSError):
            if os.getsid(number) == pid:
                family.add(psutil.Process(number))
    return family


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and whatever it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):  # it may have ended
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()
