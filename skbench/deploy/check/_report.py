"""What the process of `check_predict` found, as a report."""

import json
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from skbench._parquet import read_parquet

from ._process import Run
from ._runners import runner_with

# In the order in which the runner meets them: name, what it asks, how to mend it.
_CHECKS = {
    "start": ("Python starts and reads the frames", "install pandas and pyarrow there"),
    "load": (
        "pandas.read_pickle loads the file",
        "write the file with `export_predict`, or with cloudpickle under the runner's "
        "versions of Python and the packages",
    ),
    "callable": ("it is a function", "pickle the function itself"),
    "parameters": (
        "it has one parameter, or two",
        "take `live_features`, or `live_features, live_benchmark_models`, and nothing "
        "else: defaults, *args and **kwargs count too",
    ),
    "call": ("it runs without an error", "mend what the traceback says"),
    "frame": (
        "it returns exactly a pandas.DataFrame",
        "return `pandas.DataFrame(...)`, no subclass of it, series or array",
    ),
    "rows": ("the frame is not empty", "return one row for each row of live_features"),
    "missing": ("no value is missing", "fill missing predictions, say with 0.5"),
    "numbers": (
        "the first column holds plain numbers",
        "convert it with astype('float64'): the runner fails on others, or writes "
        "what is no number",
    ),
    "range": ("the first column is within [0, 1]", "rank it, as EraRank does"),
    "spread": (
        "the predictions differ",
        "return something else than one value for all rows",
    ),
    "index": (
        "the index is named id",
        "return the index of live_features, renamed to 'id'",
    ),
    "columns": (
        "the only column is prediction",
        "name the column 'prediction' and return no other",
    ),
    "ids": (
        "each id of live_features is there once",
        "keep the index of live_features as it is",
    ),
    "csv": (
        "the CSV's header is id,prediction",
        "name the index 'id' and the only column 'prediction'",
    ),
    "time": ("it keeps the time limit", "use fewer features or a smaller model"),
    "memory": (
        "it keeps the memory limit",
        "use fewer features, a smaller model, or a part of the rows at a time",
    ),
}

_WATCH = "install psutil, which watches the memory"
_ITS_OWN = "without psutil, only the process itself is known, and none that it started"
_UNKNOWN = "not known without psutil"


@dataclass
class CheckReport:
    """What `check_predict` found; as text a table of the checks.

    Attributes
    ----------
    path : pathlib.Path
        The file that was checked.
    checks : pandas.DataFrame
        One row a check, by its name, in the order of the runner: ``question``,
        ``outcome`` ("pass", "fail" or "not reached"), ``found`` and ``fix``.
    seconds : float
        Wall time of the process, its start included.
    peak_memory : int
        Largest resident memory of the process and those it started, in bytes; without
        psutil, what the process itself needed at most.
    python : str or None
        Version of the Python it ran under.
    versions : dict of str to str
        Versions of the packages there that Numerai's runner has.
    predictions : pandas.DataFrame or None
        What the function returned, if it was a frame.
    log : str
        What the process printed.
    """

    path: Path
    checks: pd.DataFrame
    seconds: float
    peak_memory: int
    python: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    predictions: pd.DataFrame | None = field(default=None, repr=False)
    log: str = field(default="", repr=False)

    @property
    def passed(self) -> bool:
        """Whether every check passed.

        Returns
        -------
        passed : bool
            False where one failed or was not reached.
        """
        return bool((self.checks["outcome"] == "pass").all())

    @property
    def runner(self) -> str | None:
        """Name of the runner of Numerai that has the versions it was tried with.

        Returns
        -------
        runner : str or None
            Such as "3.12"; None where no runner has this Python and these versions.
        """
        return runner_with(self.python or "", self.versions)

    def __str__(self) -> str:
        """Write the checks as a table, with what to do where one fails."""
        width = max(len(question) for question, _ in _CHECKS.values())
        lines = [f"{self.path.name}: {self._verdict()}"]
        for check in self.checks.to_dict("records"):
            lines.append(f"  {check['question']:<{width}}  {check['outcome']}")
            lines += [f"      {line}" for line in check["found"].splitlines()]
            if check["fix"]:
                lines.append(f"      How to fix it: {check['fix']}")
        packages = [f"{name} {version}" for name, version in self.versions.items()]
        lines.append(f"  Python {self.python or 'unknown'}; {', '.join(packages)}")
        return "\n".join(lines)

    __repr__ = __str__

    def _verdict(self) -> str:
        failed = int((self.checks["outcome"] == "fail").sum())
        if not self.passed:
            verdict = f"{failed} check(s) failed"
        elif self.runner is None:
            verdict = "all checks passed, but with versions that no runner has"
        else:
            verdict = f"all checks passed, ready to upload to runner {self.runner}"
        return f"{verdict} ({self.seconds:.1f} s, {self.peak_memory / 1e6:.0f} MB)"


def make_report(path: Path, folder: Path, run: Run) -> CheckReport:
    """Read what the process left in its folder."""
    facts = _facts(folder / "found.jsonl")
    log = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    about: dict[str, Any] = {}
    for fact in facts:
        about |= fact
    found = _Findings(path, about.get("python"))
    for fact in facts:
        found.add(fact)
    found.end(run, log, ended="peak" in about)
    most, inherited = about.get("peak", 0), about.get("inherited", 0)
    peak = max(run.peak, most if most > inherited else 0)
    found.limits(run, peak, most)
    saved = folder / "predictions.parquet"
    return CheckReport(
        path=path,
        checks=found.table(),
        seconds=run.seconds,
        peak_memory=peak or most,
        python=about.get("python"),
        versions=about.get("versions", {}),
        predictions=read_parquet(saved).to_pandas() if saved.exists() else None,
        log=log,
    )


def _facts(path: Path) -> list[dict[str, Any]]:
    """Lines that were written whole before the process ended."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


class _Findings:
    """Outcomes of the checks so far, and the check that was begun last."""

    def __init__(self, path: Path, python: str | None) -> None:
        self.path = path
        self.python = python
        self.begun = "start"
        self.outcomes: dict[str, tuple[str, str, str]] = {}

    def add(self, fact: dict[str, Any]) -> None:
        """Take up one line of what the process wrote."""
        if "passed" in fact:
            self.outcomes[fact["passed"]] = ("pass", "", "")
        if "failed" in fact:
            self.fail(fact["failed"], fact["found"])
        if "error" in fact:
            self.fail(self.begun, fact["trace"], self._fix(fact["error"]))
        self.begun = fact.get("begun", self.begun)

    def fail(self, name: str, found: str, fix: str | None = None) -> None:
        """Record that a check failed, with its usual remedy or another."""
        self.outcomes[name] = ("fail", found, fix or _CHECKS[name][1])

    def end(self, run: Run, log: str, ended: bool) -> None:
        """Record how the process ended, if not by itself or before its time."""
        if run.over or (ended and run.status == 0):
            return
        how = _how_it_ended(run.status)
        printed = "\n".join(log.rstrip().splitlines()[-8:])
        fix = self._fix({"kind": "signal" if run.status < 0 else "exit"})
        self.fail(self.begun, f"{how}\n{printed}".rstrip(), fix)

    def limits(self, run: Run, peak: int, most: int) -> None:
        """Record whether the process kept its limits, if it came to the call.

        ``peak`` is the memory that it needed, as far as that is known, and ``most``
        what it cannot have needed more than, by itself; 0 where that is not known.
        """
        where = f"during: {_CHECKS[self.begun][0]}"
        if run.over == "time":
            self.fail("time", f"killed after {run.seconds:.1f} s, {where}")
        elif "call" in self.outcomes:
            self.outcomes["time"] = ("pass", "", "")
        if peak > run.memory_limit:
            over = f"{peak / 1e6:.0f} MB, over {run.memory_limit / 1e6:.0f} MB"
            self.fail("memory", f"{over}, {where}" if run.over else over)
        elif "call" in self.outcomes and run.watched:
            self.outcomes["memory"] = ("pass", "", "")
        elif "call" in self.outcomes:
            known = 0 < most <= run.memory_limit
            self.outcomes["memory"] = (
                ("pass", _ITS_OWN, "") if known else ("not reached", _UNKNOWN, _WATCH)
            )

    def table(self) -> pd.DataFrame:
        """Return one row a check, in the order of the runner, by name."""
        rows = {
            name: (question, *self.outcomes.get(name, ("not reached", "", "")))
            for name, (question, _) in _CHECKS.items()
        }
        columns = ["question", "outcome", "found", "fix"]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        return table.rename_axis("check")

    def _fix(self, error: dict[str, Any]) -> str | None:
        module = error.get("module")
        if self.begun == "start":
            return None
        if error["kind"] == "ModuleNotFoundError" and module:
            if module.partition(".")[0] == "skbench":
                return "write the file with `export_predict`, which needs no skbench"
            return f"do without {module!r}, which is not installed there"
        if "runner has no internet" in error.get("message", ""):
            return "do without the network: put all that is needed into the file"
        if error["kind"] in _OF_BYTECODE and self._has_bytecode():
            mine = ".".join(map(str, sys.version_info[:3]))
            return (
                "the file holds bytecode, which runs only under the minor version of "
                f"Python that made it: it was run under {self.python}, and this is "
                f"{mine}. Write it under the runner's version, or with `export_predict`"
            )
        return None

    def _has_bytecode(self) -> bool:
        data = self.path.read_bytes()
        return b"cloudpickle" in data and b"CodeType" in data


# What bytecode of another Python ends in.
_OF_BYTECODE = ("SystemError", "TypeError", "ValueError", "signal")


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"the process ended by itself, with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    memory = ", as for want of memory" if name == "SIGKILL" else ""
    return f"the process died by {name}{memory}"
