"""An environment with the versions of one of Numerai's runners: `runner_python`."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from skbench._disk import disk_errors
from skbench._files import kept_apart
from skbench._locks import locked
from skbench._progress import tell
from skbench.datasets import folder_of_data

from ._runners import RUNNERS, python_of

# Fails where the Python cannot make environments; Debian has both in another package.
_WHO = (
    "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"
)
_ELSEWHERE = "set SKBENCH_HOME to another folder"
_SECONDS = 60  # in which a Python says who it is


def runner_python(runner: str, *, progress: bool = False) -> Path:
    """Return the Python of an environment like a runner's, made if there is none yet.

    It is kept among the files that are fetched from Numerai, has no skbench, and has
    its name once all is installed, so that nobody ever finds half of one.
    """
    pins = RUNNERS[runner]
    digest = hashlib.sha256(json.dumps(pins).encode()).hexdigest()[:8]
    folder = folder_of_data() / "runners" / f"{runner}-{digest}"
    if (python := python_in(folder)) is not None:
        return python
    base = _find_python(python_of(runner))

    def busy(owner: str) -> None:
        tell(f"waiting for {owner}, which is making {folder}", progress)

    with disk_errors(folder, elsewhere=_ELSEWHERE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder, busy):
            if (python := python_in(folder)) is None:
                tell(f"making an environment like runner {runner}: {folder}", progress)
                python = _make(folder, base, [f"{n}=={v}" for n, v in pins.items()])
    return python


def python_in(folder: Path) -> Path | None:
    """Return the interpreter of an environment, if there is one in the folder."""
    inside = [folder / "bin" / "python", folder / "Scripts" / "python.exe"]
    # Not resolved: a link is what makes an environment of a Python.
    return next((path.absolute() for path in inside if path.is_file()), None)


def _make(folder: Path, base: str, requirements: Sequence[str]) -> Path:
    """Make an environment of a Python, and give it its name in the end."""
    with kept_apart(folder) as unfinished:
        _run([base, "-I", "-m", "venv", str(unfinished)])
        # Without building anything: that would run programs of others, for an hour.
        options = ["--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
        pip = [str(python_in(unfinished)), "-I", "-m", "pip", "install", *options]
        _run([*pip, *requirements])
        if folder.exists():  # of a Python that has been removed since
            shutil.rmtree(folder)
        unfinished.rename(folder)
    python = python_in(folder)
    assert python is not None
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).rstrip().splitlines()[-8:])
        raise ConnectionError(
            "an environment with the runner's versions could not be made, by "
            f"{' '.join(command[:5])} ...:\n{said}\nSee that pip can reach PyPI, and "
            "try again"
        )


def _find_python(minor: str) -> str:
    """Return an interpreter of a minor version that can make environments."""
    for candidate in _candidates(minor):
        found, _, executable = _output([*candidate, "-I", "-c", _WHO]).partition(" ")
        if found == minor:
            return executable
    raise FileNotFoundError(
        f"`runner` {minor} needs a Python {minor} that can make virtual environments, "
        f"and none was found: install it (with uv: uv python install {minor}; with "
        f"pyenv: pyenv install {minor}; on Debian the packages python{minor} and "
        f"python{minor}-venv), or name an environment of your own as `python`"
    )


def _candidates(minor: str) -> Iterator[list[str]]:
    """Commands that may run a Python of a minor version, the plainest first."""
    yield [f"python{minor}"]
    yield [sys.executable]
    yield ["py", f"-{minor}"]
    if found := _output(["uv", "python", "find", minor]):
        yield [found]
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    for path in sorted(pyenv.glob(f"versions/{minor}.*/bin/python")):
        yield [str(path)]


def _output(command: Sequence[str]) -> str:
    """Return what a command prints; nothing where it is not there, or fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
