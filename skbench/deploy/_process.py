"""Another process that is killed where it goes over a limit."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# What the process inherits; above all no keys.
_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR")
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
_POLL = 0.02
# By number: the parent, the session and the resident bytes of each.
_Processes = dict[int, tuple[int, int, int]]
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass
class Run:
    """How the process went."""

    seconds: float
    peak: int
    status: int
    over: str | None  # the limit for which it was killed
    memory_limit: int


def run_child(interpreter: str, folder: Path, memory: int, seconds: float) -> Run:
    """Run `_child.py` on what a folder holds, in an empty folder within it.

    Parameters
    ----------
    interpreter : str
        The Python to run it under.
    folder : pathlib.Path
        Where its task is, and what it prints goes.
    memory : int
        Limit of the resident memory, in bytes.
    seconds : float
        Limit of the wall time.

    Returns
    -------
    run : Run
        How the process went.
    """
    empty = folder / "empty"
    empty.mkdir()
    child = Path(__file__).with_name("_child.py")
    command = [interpreter, "-I", "-B", str(child), str(folder)]
    with (folder / "log.txt").open("wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=empty,
            env=_environment(),
            start_new_session=True,
        )
        try:
            peak, over = _watch(process, memory, seconds)
        finally:
            _kill(process)
    seconds_taken = time.monotonic() - begun
    return Run(seconds_taken, peak, process.returncode, over, memory)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in _THREADS}
    return kept | threads | {"LOKY_MAX_CPU_COUNT": "1", "PYTHONHASHSEED": "0"}


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


def _resident(pid: int) -> int:
    """Resident bytes of a process and all that it started; 0 where none is told."""
    processes = _processes()
    return sum(processes[number][2] for number in _family(pid, processes))


def _family(pid: int, processes: _Processes) -> set[int]:
    """Return those of the processes that are a process, or that it started."""
    family, known = {pid}, 0
    while len(family) > known:
        known = len(family)
        # By the session, one is found whose parent has ended.
        family |= {
            number
            for number, (parent, session, _) in processes.items()
            if parent in family or session in family
        }
    return family & {*processes}


def _processes() -> _Processes:
    """Parent, session and resident bytes of all processes; none but on Linux."""
    processes: _Processes = {}
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    for name in filter(str.isdecimal, names):
        # Without pathlib, which takes twice the time; a process may have ended.
        with suppress(OSError), open(f"/proc/{name}/stat", errors="replace") as file:
            # The process's name, in brackets, may itself hold spaces and brackets.
            about = file.read().rpartition(")")[2].split()
            parent, session, pages = int(about[1]), int(about[3]), int(about[21])
            processes[int(name)] = parent, session, pages * _PAGE
    return processes


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and whatever it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):  # it may have ended
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
