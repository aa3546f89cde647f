"""Calls of the whole public API with bad arguments, one a seed, and their judgement.

``python tests/fuzzing.py 0 100`` runs the seeds from 0 to 99, and ``python
tests/fuzzing.py 57`` shows what happens with one. A line of JSON a seed is written.
"""

import json
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import DataConversionWarning

SECONDS = 30
# Between a column with NaN and the part of the result that it is of.
OF = " of "
# Bytes that a process may have: what asks for more must say so itself.
MEMORY = 6 * 2**30
# What the documentation lets a caller expect, exactly these and what Python makes of
# a path that cannot be used. A subclass, such as LinAlgError, is a leak.
DOCUMENTED = {
    "ValueError", "TypeError", "NotFittedError", "CommandRefusedError",
    "OSError", "FileNotFoundError", "IsADirectoryError", "NotADirectoryError",
    "FileExistsError", "PermissionError", "ConnectionError", "UnicodeEncodeError",
}  # fmt: skip
# scikit-learn's own words for an argument, which estimators keep.
SKLEARN = {
    "X|first|second": "Expected 2D array|Expected a 2-dimensional|Found array with|"
    "Complex data not supported|Sparse data was passed|dtype='numeric'|"
    "could not convert string|feature\\(s\\)|"
    "could not be converted to float|y has",
    "random_state": "seed a numpy|Seed must be",
}
# Errors of a file, which may name the file that was given and not the argument.
OF_FILES = {
    "OSError", "FileNotFoundError", "IsADirectoryError", "NotADirectoryError",
    "FileExistsError", "PermissionError",
}  # fmt: skip
# Warnings that are meant for the user.
TOLD = (UserWarning, DataConversionWarning)


@dataclass
class Case:
    """One call: what was spoiled, and by what words a message may name it."""

    name: str
    arguments: dict
    spoiled: dict
    words: list


class NoAnswerError(BaseException):
    """A call that took too long. No `except Exception` is to catch it."""


def draw(calls, seed):
    """Return the case of a seed, and its call."""
    from fuzz_spoil import spoil

    rng = np.random.default_rng(seed)
    names = [name for name, call in calls.items() for _ in range(call.weight)]
    name = names[rng.integers(len(names))]
    call = calls[name]
    free = [key for key in call.arguments if key not in call.fixed]
    count = min(len(free), 1 + (rng.random() < 0.2))
    arguments, spoiled, words = dict(call.arguments), {}, []
    for key in rng.choice(free, count, replace=False) if free else []:
        arguments[key], spoiled[str(key)], columns = spoil(arguments[key], rng)
        words += [re.escape(str(key)), call.aliases.get(key), *map(re.escape, columns)]
        if _holds_data(call.arguments[key]):
            words.append("era labels|column .* must hold|no era can be|twice as many;")
        words += [said for keys, said in SKLEARN.items() if key in keys.split("|")]
    words += [
        re.escape(repr(c))
        for v in [*arguments.values(), *call.arguments.values()]
        for c in _columns(v)
    ]
    return Case(name, arguments, spoiled, [word for word in words if word]), call


def _columns(value):
    return list(value.columns) if isinstance(value, pd.DataFrame) else []


def judge(case, call, baseline):
    """Run a case; return what it came to, and what is wrong with that, if anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in TOLD:
            warnings.filterwarnings("ignore", category=category)
        for category in (UserWarning, DataConversionWarning):
            warnings.simplefilter("ignore", category)
        try:
            with Deadline():
                result = call.function(**case.arguments)
        except (Exception, NoAnswerError) as error:
            fault = _fault_of_error(error, case)
            return type(error).__name__, fault and f"{fault}: {_place(error)}"
    only_parameters = not any(_holds_data(call.arguments[k]) for k in case.spoiled)
    left_alone = only_parameters and not set(call.missing) & set(case.spoiled)
    new = sorted(
        hole
        for hole in holes(result) - baseline
        if not set(hole.split(OF)) & set(call.missing)
    )
    if left_alone and new:
        return "worked", f"silent NaN or infinity in {new}"
    return "worked", None


def _fault_of_error(error, case):
    kind = type(error).__name__
    own = type(error).__module__.startswith("skbench.") and isinstance(
        error, ValueError
    )
    if kind not in DOCUMENTED and not own:
        return f"{kind} is not documented"
    text = str(error)
    if kind == "CommandRefusedError":
        return None if text.startswith(("1", "2")) else "an exit status of its own"
    words = [*case.words, "File name too long", "surrogates not allowed"]
    if kind in OF_FILES:
        words += _files_given(case)
    if not re.search("|".join(words), text):
        return "the message names nothing of what is at fault"
    return None


def _files_given(case):
    given = [case.arguments[key] for key in case.spoiled]
    paths = [str(value) for value in given if isinstance(value, (str, Path))]
    return [rf"(^|[ '\"]){re.escape(path)}" for path in paths if path.strip()]


def _place(error):
    """Return the line of the package that an error came through, and its message."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "/skbench/" in f.filename] or frames
    last = f"{os.path.basename(inside[-1].filename)}:{inside[-1].lineno}"
    return f"{last} {str(error)[:160]!r}"


class Deadline:
    """Raise where the work takes too long."""

    def __enter__(self):
        signal.signal(signal.SIGALRM, self._raise)
        signal.alarm(SECONDS)

    def __exit__(self, *_):
        signal.alarm(0)

    def _raise(self, *_):
        raise NoAnswerError(f"no answer in {SECONDS} seconds")


def holes(result, name=""):
    """Names of the parts of a result that hold NaN or infinity."""
    if isinstance(result, pd.DataFrame):
        whole = f"{OF}{name}" if name else ""
        return {hole for i, key in enumerate(result)
                for hole in holes(result.iloc[:, i], f"{key}{whole}")}  # fmt: skip
    if isinstance(result, pd.Series) and result.dtype.kind not in "fc":
        return set()
    if isinstance(result, dict):
        return {h for key, value in result.items() for h in holes(value, str(key))}
    if isinstance(result, (list, tuple)):
        return {h for i, value in enumerate(result) for h in holes(value, f"{name}{i}")}
    if hasattr(result, "__dataclass_fields__"):
        return holes(dict(vars(result)))
    if isinstance(result, (float, np.floating, np.ndarray, pd.Series)):
        values = np.asarray(result)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return {name}
    return set()


def _holds_data(value):
    if isinstance(value, dict):
        return any(map(_holds_data, value.values()))
    return isinstance(value, (pd.DataFrame, pd.Series, np.ndarray))


@contextmanager
def table():
    """Yield the calls, on a world in a folder of their own."""
    import fuzz_calls

    from skbench import _numerai

    before, delays, environment = os.getcwd(), _numerai.DELAYS, dict(os.environ)
    _numerai.DELAYS = (0.0,)
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        world = fuzz_calls.World(home)
        try:
            yield fuzz_calls.calls(world)
        finally:
            world.close()
            os.chdir(before)
            _numerai.DELAYS = delays
            os.environ.clear()
            os.environ.update(environment)


def run(seeds, out=sys.stdout, detail=False):
    """Run the cases of some seeds, a line of JSON each before and after it."""
    with table() as calls:
        baselines = {}
        for seed in seeds:
            case, call = draw(calls, seed)
            told = {"seed": seed, "name": case.name, "spoiled": case.spoiled}
            print(json.dumps({"begun": told}), file=out, flush=True)
            if case.name not in baselines:
                baselines[case.name] = baseline(call)
            if detail:
                show(case, call)
            if isinstance(baselines[case.name], Exception):
                outcome, fault = "broken", repr(baselines[case.name])
            else:
                outcome, fault = judge(case, call, baselines[case.name])
            told |= {"outcome": outcome, "fault": fault}
            print(json.dumps({"done": told}), file=out, flush=True)


def baseline(call):
    """Return where the result has NaN though nothing is spoiled, or what breaks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return holes(call.function(**call.arguments))
        except Exception as error:
            return error


def show(case, call):
    """Print a case, and the trace of its error."""
    print(case.name, case.spoiled, case.words)
    for key in case.spoiled:
        print(f"{key} =", repr(case.arguments[key])[:1500])
    try:
        with Deadline():
            print(repr(call.function(**case.arguments))[:3000])
    except (Exception, NoAnswerError):
        traceback.print_exc(file=sys.stdout)


def limit_memory():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    limit_memory()
    first, *last = map(int, sys.argv[1:])
    run(range(first, last[0] if last else first + 1), detail=not last)
