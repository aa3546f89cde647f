"""The runner re-enacted: every way to fail is seen, and called by its name."""

import os
import pickle
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from contextlib import suppress
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.deploy import CheckReport, check_predict, export_predict
from skbench.deploy.check import RUNNERS, _check, _process, _report
from skbench.deploy.check._plain import is_plain

try:
    import psutil
except ImportError:
    psutil = None

FEATURES = [f"feature_{i}" for i in range(5)]
MODELS = ["v5_a", "v5_b"]
ROOT = Path(__file__).parents[1]
slow = pytest.mark.slow
watched = pytest.mark.skipif(psutil is None, reason="psutil watches the memory")
# The heads differ from these in few versions.
PLAIN_RUNNERS = [name for name in RUNNERS if not name.endswith("-head")]
KINDS = ["weighted", "stacking", "neutralizer", "lightgbm"]
# Where not all of them: what needs most of numpy and scipy, and of LightGBM.
SOME_KINDS = {"3.10": KINDS[2:], "3.11-head": KINDS[2:3], "3.12-head": KINDS[2:3]}


def rows_of(n=40, n_eras=2):
    rng = np.random.default_rng(0)
    ids = pd.Index([f"n{i:04d}" for i in rng.permutation(n)], name="id")
    frame = pd.DataFrame({"era": [f"{i % n_eras:04d}" for i in range(n)]}, index=ids)
    for name in FEATURES:
        frame[name] = rng.integers(5, size=n).astype(np.int8)
    for name in MODELS:
        frame[name] = rng.normal(size=n)
    frame["target"] = rng.integers(5, size=n) / 4
    return frame


def split(frame):
    return frame[["era", *FEATURES]], frame[["era", *MODELS]][::-1]


@pytest.fixture
def frame():
    return rows_of()


@pytest.fixture
def check(frame, pickled):
    """Return a function that pickles another by value, and checks it."""

    def check(function, **options):
        return check_predict(pickled(function), *split(frame), **options)

    return check


@pytest.fixture
def pickled(tmp_path):
    """Return a function that pickles another by value, into a file."""

    def pickled(function):
        path = tmp_path / "predict.pkl"
        this = sys.modules[__name__]
        cloudpickle.register_pickle_by_value(this)
        try:
            path.write_bytes(cloudpickle.dumps(function))
        finally:
            cloudpickle.unregister_pickle_by_value(this)
        return path

    return pickled


def failed(report):
    assert not report.passed
    return report.checks.query("outcome == 'fail'")


def only_failure(report, name):
    """Return what was found by the one check that failed."""
    checks = failed(report)
    assert list(checks.index) == [name], str(report)
    found, fix = checks.loc[name, ["found", "fix"]]
    assert found
    assert fix in str(report)
    assert found.splitlines()[-1] in str(report)
    return found


def not_reached(report):
    return list(report.checks.query("outcome == 'not reached'").index)


AFTER_CALL = [
    "frame",
    "rows",
    "missing",
    "numbers",
    "range",
    "spread",
    "index",
    "columns",
    "ids",
    "csv",
]


def ranked(live):
    """Return what would pass."""
    ranks = (live["feature_0"].rank(method="first") - 0.5) / len(live)
    return ranks.to_frame("prediction")


# what passes


def test_a_pipeline_passes(frame, tmp_path):
    pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank()).fit(frame)
    path = export_predict(pipeline, tmp_path / "predict.pkl")
    report = check_predict(path, *split(frame))
    assert isinstance(report, CheckReport)
    assert report.passed
    assert (report.checks["outcome"] == "pass").all()
    assert 0 < report.seconds < 120
    assert 20e6 < report.peak_memory < 1e9
    assert report.python == ".".join(map(str, sys.version_info[:3]))
    assert report.versions["numpy"] == np.__version__
    expected = pd.DataFrame({"prediction": pipeline.predict(frame)}, index=frame.index)
    pd.testing.assert_frame_equal(report.predictions, expected)
    assert "all checks passed" in str(report)
    lines = str(report).splitlines()[1:-1]
    assert len({line.rindex("pass") for line in lines}) == 1
    assert str(report) == repr(report)


def test_files_and_one_parameter(frame, tmp_path):
    path = tmp_path / "predict.pkl"
    script = """if True:
        import cloudpickle, sys
        def predict(live_features):
            import os
            assert os.listdir() == [], os.listdir()
            assert os.environ["OMP_NUM_THREADS"] == "1"
            assert "SECRET" not in os.environ
            print("said")
            return (live_features[["feature_0"]] / 4).set_axis(["prediction"], axis=1)
        open(sys.argv[1], "wb").write(cloudpickle.dumps(predict))
    """
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    frame.to_parquet(tmp_path / "live.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", "1")
        report = check_predict(
            path, tmp_path / "live.parquet", python=Path(sys.executable).parents[1]
        )
    assert report.passed, str(report)
    assert report.log == "said\n"


def test_arguments_are_checked_before_anything_runs(frame, tmp_path):
    path, (live, _) = tmp_path / "file", split(frame)
    with pytest.raises(FileNotFoundError, match="`path` must name a file that is the"):
        check_predict(path, live)
    path.write_bytes(b"")
    with pytest.raises(
        TypeError, match=r"`live_features` must be a pandas .* got dict"
    ):
        check_predict(path, {})
    with pytest.raises(FileNotFoundError, match="`live_benchmark_models` must name"):
        check_predict(path, live, tmp_path / "none.parquet")
    for odd in {}, [1, "a"]:
        with pytest.raises(ValueError, match=r"`live_features` must .* parquet file"):
            check_predict(path, live.assign(odd=[odd] * len(live)))
    with pytest.raises(FileNotFoundError, match=r"`python` must be .*; got .*none"):
        check_predict(path, live, python=tmp_path / "none")
    for python in 10**18, -0.5, True, ["python"]:
        with pytest.raises(TypeError, match=r"`python` must be a path; got .*"):
            check_predict(path, live, python=python)
    for limit in "4 gigs", "-1GB", 0, True, None, "GB", 10**400:
        with pytest.raises(ValueError, match=r"`memory_limit` must be .*; got "):
            check_predict(path, live, memory_limit=limit)
    for seconds in 0, -1, "1", float("nan"):
        with pytest.raises(ValueError, match=r"`time_limit` must be .*; got "):
            check_predict(path, live, time_limit=seconds)


# what fails to load, or to run


def test_what_is_no_pickle(frame, tmp_path):
    path = tmp_path / "predict.pkl"
    path.write_bytes(b"this is no pickle")
    report = check_predict(path, *split(frame))
    assert "UnpicklingError" in only_failure(report, "load")
    assert not_reached(report)[:3] == ["callable", "parameters", "call"]
    assert "not reached" in str(report)
    assert report.predictions is None


def test_what_cannot_be_called(check):
    assert only_failure(check({"a": 1}), "callable") == "a dict"


def by_default(live_features, live_benchmark_models, proportion=0.5):
    return ranked(live_features)


def by_keywords(live_features, live_benchmark_models, **options):
    return ranked(live_features)


def by_nothing():
    return None


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (by_default, "3: live_features, live_benchmark_models, proportion"),
        (by_keywords, "3: live_features, live_benchmark_models, options"),
        (by_nothing, "0: "),
    ],
)
def test_another_number_of_parameters(function, found, check):
    report = check(function)
    assert only_failure(report, "parameters") == found
    assert not_reached(report)[0] == "call"


def of_both(live_features, live_benchmark_models):
    return ranked(live_features)


def test_benchmarks_that_are_not_given(check, frame, tmp_path):
    assert check(of_both).passed
    report = check_predict(tmp_path / "predict.pkl", split(frame)[0])
    assert "no `live_benchmark_models`" in only_failure(report, "call")


def uses_skbench(live_features):
    import skbench.metrics

    return skbench.metrics


def uses_what_is_missing(live_features):
    import not_a_module.at_all

    return not_a_module


def divides(live_features):
    return 1 / 0


def downloads(live_features):
    from urllib.request import urlopen

    return urlopen("http://127.0.0.1:9/")


def exits(live_features):
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "found", "fix"),
    [
        (uses_skbench, "No module named 'skbench'", "write the file with `export_pred"),
        pytest.param(
            uses_what_is_missing,
            "No module named 'not_a_module'",
            "without 'not_a_modu",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            divides,
            "ZeroDivisionError: division by zero",
            "what the traceback says",
            marks=pytest.mark.slow,
        ),
        (downloads, "Numerai's runner has no internet", "without the network"),
        (exits, "SystemExit: 3", "what the traceback says"),
    ],
)
def test_errors(function, found, fix, check):
    report = check(function)
    text = only_failure(report, "call")
    assert found in text
    assert function is downloads or "in " + function.__name__ in text
    assert "_child.py" not in text
    assert fix in report.checks.loc["call", "fix"]
    assert not_reached(report) == AFTER_CALL


def test_a_file_that_needs_skbench_to_load(frame, tmp_path):
    path = tmp_path / "predict.pkl"
    path.write_bytes(cloudpickle.dumps(EraRank().predict))
    report = check_predict(path, *split(frame))
    assert "No module named 'skbench" in only_failure(report, "load")
    assert "export_predict" in report.checks.loc["load", "fix"]


def dies(live_features):
    import os

    os.kill(os.getpid(), signal.SIGSEGV)


def leaves(live_features):
    import os

    print("last words", flush=True)
    os._exit(0)


def test_a_process_that_dies(check):
    report = check(dies)
    assert "died by SIGSEGV" in only_failure(report, "call")
    assert "bytecode" in report.checks.loc["call", "fix"]
    assert not_reached(report) == AFTER_CALL
    text = only_failure(check(leaves), "call")
    assert text == "the process ended by itself, with status 0\nlast words"


def sleeps(live_features):
    import time

    time.sleep(60)


@pytest.mark.slow
def test_a_process_that_is_too_slow(check):
    report = check(sleeps, time_limit=10)
    found = only_failure(report, "time")
    assert found.startswith("killed after 1")
    assert "during: it runs without an error" in found
    assert 10 <= report.seconds < 20
    assert not_reached(report) == ["call", *AFTER_CALL, "memory"]


def hoards(live_features):
    import time

    import numpy as np

    hoard = np.ones(60_000_000)
    time.sleep(60)
    return hoard


def gives_back(live_features):
    import numpy as np

    np.ones(60_000_000)
    return ranked(live_features)


@pytest.mark.slow
@watched
def test_a_process_that_needs_too_much_memory(check):
    report = check(hoards, memory_limit="400MB")
    found = only_failure(report, "memory")
    assert "over 400 MB, during: it runs without an error" in found
    assert report.seconds < 30


def test_a_peak_of_memory_counts_though_it_is_over(check):
    report = check(gives_back, memory_limit=400 * 10**6)
    assert "over 400 MB" in only_failure(report, "memory")
    assert report.peak_memory > 400e6
    assert check(gives_back, memory_limit="1GiB").passed


def starts_a_hoarder(live_features):
    import subprocess
    import sys

    program = "import time; hoard = bytearray(500_000_000); time.sleep(60)"
    subprocess.run([sys.executable, "-c", program], check=True)
    return ranked(live_features)


@watched
def test_memory_of_processes_that_it_starts_counts(check):
    report = check(starts_a_hoarder, memory_limit="400MB")
    assert "over 400 MB, during: it runs" in only_failure(report, "memory")
    assert report.seconds < 30


# The first hides what follows it in /proc behind a name such as a program may choose.
HOARDS = """
import time
open("/proc/self/comm", "w").write(") R 1 1 (")
hoard = bytearray(100_000_000)
time.sleep(60)
"""
STARTS = {
    "child": "subprocess.run(command)",
    "child of a child": "subprocess.run([*shell, '\"$@\"; true', '', *command])",
    "session of its own": "subprocess.run(command, start_new_session=True)",
    "orphan": "subprocess.run([*shell, '\"$@\" & true', '', *command])",
}


@watched
@pytest.mark.parametrize("how", STARTS)
def test_all_that_a_process_starts_is_found(how):
    program = f"""
import subprocess, sys, time
shell, command = ["/bin/sh", "-c"], [sys.executable, "-S", "-c", {HOARDS!r}]
{STARTS[how]}
time.sleep(60)
"""
    command = [sys.executable, "-S", "-c", program]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while _process._resident(process.pid) < 100e6:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # The hoard, and not every process there is.
        assert _process._resident(process.pid) < 200e6
    finally:
        for member in _process._family(process.pid, psutil):
            member.kill()
        process.wait()


# A process of its own: what it starts begins with the peak of the one that starts it.
UNWATCHED = """
import sys
sys.modules["psutil"] = None
from skbench.deploy import check_predict
for limit in ("4GB", "400MB"):
    report = check_predict(*sys.argv[1:], memory_limit=limit)
    print(report.passed, report.peak_memory > 20e6, report, sep="\\n", end="\\0")
"""


def test_without_psutil_the_report_says_that_memory_is_not_watched(
    frame, tmp_path, pickled, monkeypatch
):
    names = "live.parquet", "live_benchmark_models.parquet"
    for name, part in zip(names, split(frame), strict=True):
        part.to_parquet(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", UNWATCHED, pickled(gives_back), *names],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    enough, too_little, _ = done.stdout.split("\0")
    assert enough.startswith("True\nTrue\n")
    assert "without psutil, only the process itself is known" in enough
    assert too_little.startswith("False\nTrue\n")
    assert "over 400 MB" in too_little
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert not _process._resident(os.getpid())


def test_what_is_not_known_of_the_memory_is_no_pass(tmp_path):
    """The parent was larger than the limit, and psutil is not there."""
    found = _report._Findings(tmp_path, None)
    found.add({"passed": "call"})
    run = _process.Run(1.0, 0, False, 0, None, memory_limit=100)
    found.limits(run, peak=0, most=200)
    memory = found.table().loc["memory"]
    assert list(memory[["outcome", "found"]]) == [
        "not reached",
        "not known without psutil",
    ]
    assert "install psutil" in memory["fix"]
    found.limits(run, peak=0, most=99)
    assert found.table().loc["memory", "outcome"] == "pass"


# the process that checks is killed

KILLED = """
import sys
from skbench.deploy import check_predict
check_predict(*sys.argv[1:])
"""


def notes_itself_and_sleeps(live_features):
    import os
    import subprocess
    import sys
    import time

    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(live_features.attrs["note"], "w") as file:
        file.write(f"{os.getpid()} {worker.pid}\n")
    while time.sleep(0.01) is None:
        sum(range(10**6))


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):  # a zombie whom nobody waits for has ended too
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_child_ends_when_its_parent_is_killed(frame, tmp_path, pickled):
    live, note = split(frame)[0], tmp_path / "note"
    live.attrs["note"] = str(note)
    live.to_parquet(tmp_path / "live.parquet")
    files = [pickled(notes_itself_and_sleeps), tmp_path / "live.parquet"]
    parent = subprocess.Popen([sys.executable, "-c", KILLED, *map(str, files)])
    try:
        wait_until(lambda: note.exists() and note.read_text().endswith("\n"))
        pids = [int(pid) for pid in note.read_text().split()]
        assert all(map(is_running, pids))
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not any(map(is_running, pids)))


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# where packages are found

CHECKS = """
import sys
import cloudpickle, pandas as pd
import helper_of_mine
from skbench.deploy import check_predict

live = pd.DataFrame({"feature_0": [0.0, 0.5, 1.0]}, pd.Index(list("abc"), name="id"))
with open("predict.pkl", "wb") as file:
    file.write(cloudpickle.dumps(helper_of_mine.predict))
print(check_predict("predict.pkl", live))
"""
HELPER = """
def predict(live_features):
    return live_features.set_axis(["prediction"], axis=1)
"""
PACKAGES = sysconfig.get_path("purelib")


def by_pythonpath(bare, libraries):
    paths = [str(libraries), str(ROOT), PACKAGES]
    return [bare], {"PYTHONPATH": os.pathsep.join(paths)}


def by_user_site(bare, libraries):
    """As `pip install --user` has it: for a Python that is no virtual environment."""
    base = libraries / "base"
    found = [
        sys._base_executable,
        "-c",
        "import site; print(site.getusersitepackages())",
    ]
    variables = {"PYTHONUSERBASE": str(base)}
    home = subprocess.run(
        found, env=os.environ | variables, capture_output=True, text=True, check=True
    ).stdout.strip()
    Path(home).mkdir(parents=True)
    lines = [str(libraries), str(ROOT), PACKAGES]
    (Path(home) / "installed.pth").write_text("\n".join(lines))
    return [sys._base_executable], variables


@pytest.mark.slow
@pytest.mark.parametrize("installed", [by_pythonpath, by_user_site])
def test_packages_are_found_where_this_python_finds_them(installed, tmp_path):
    bare = tmp_path / "bare"
    venv.create(bare, symlinks=True)
    libraries, here = tmp_path / "libraries", tmp_path / "here"
    libraries.mkdir()
    here.mkdir()
    (libraries / "helper_of_mine.py").write_text(HELPER)
    (tmp_path / "program.py").write_text(CHECKS)
    command, variables = installed(str(bare / "bin" / "python"), libraries)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [*command, str(tmp_path / "program.py")],
        env=clean | variables,
        cwd=here,
        capture_output=True,
        text=True,
    )
    assert "predict.pkl: all checks passed" in done.stdout, done.stdout + done.stderr


def test_the_current_folder_hides_no_module(check, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    for name in "pandas", "statistics", "skbench":
        (folder / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["", str(folder), *sys.path])
    assert check(ranked).passed


def test_what_is_beside_the_program_hides_no_module(tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text("""if True:
        import sys
        from skbench.deploy.check import _process
        print(sys.path[0] in _process._own_packages()["PYTHONPATH"].split(":"))
    """)
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_another_python_gets_none_of_these(check, tmp_path):
    line = f'test -z "$PYTHONPATH" && exec "{sys.executable}" "$@"'
    assert check(ranked, python=interpreter(tmp_path, line)).passed


def interpreter(tmp_path, line):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{line}\n")
    script.chmod(0o755)
    return script


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_python_that_does_not_start(check, tmp_path):
    report = check(ranked, python=interpreter(tmp_path, "echo no thanks; exit 7"))
    assert only_failure(report, "start").endswith("with status 7\nno thanks")
    assert report.python is None
    assert "Python unknown" in str(report)
    # Without the module site there are no installed packages.
    line = f'exec "{sys.executable}" -S "$@"'
    report = check(ranked, python=interpreter(tmp_path, line))
    assert "No module named 'pandas'" in only_failure(report, "start")
    assert report.checks.loc["start", "fix"] == "install pandas and pyarrow there"


# what is returned


class Subclass(pd.DataFrame):
    pass


def gives_subclass(live):
    return Subclass(ranked(live))


def gives_series(live):
    return ranked(live)["prediction"]


def gives_missing(live):
    out = ranked(live)
    out.iloc[3:5, 0] = float("nan")
    return out


def gives_negative(live):
    return ranked(live) - 0.25


def gives_text(live):
    return ranked(live).astype(str)


def gives_no_name(live):
    return ranked(live).rename_axis(None)


def gives_other_name(live):
    return ranked(live).rename(columns={"prediction": "score"})


def gives_two_columns(live):
    return ranked(live).assign(other=0.5)


def gives_columns_alike(live):
    import pandas as pd

    return pd.concat([ranked(live), ranked(live)], axis=1)


def gives_nothing(live):
    return ranked(live).iloc[:0]


def gives_constant(live):
    return ranked(live) * 0 + 0.5


def gives_other_ids(live):
    out = ranked(live)
    ids = list(out.index)
    return out.set_axis(["x", ids[2], *ids[2:]]).rename_axis("id")


def gives_infinity(live):
    return ranked(live).replace(ranked(live).iloc[0, 0], float("inf"))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (gives_subclass, {"frame": "Subclass"}),
        pytest.param(
            gives_series, {"frame": r"a pandas\..*Series"}, marks=pytest.mark.slow
        ),
        pytest.param(
            gives_missing, {"missing": "^2 missing values"}, marks=pytest.mark.slow
        ),
        pytest.param(
            gives_negative,
            {"range": r"^values from -0.2375 to 0.7375"},
            marks=pytest.mark.slow,
        ),
        pytest.param(gives_infinity, {"range": "to inf$"}, marks=pytest.mark.slow),
        pytest.param(gives_text, {"numbers": "of the dtype"}, marks=pytest.mark.slow),
        (gives_no_name, {"index": "the name None", "csv": "',prediction'"}),
        pytest.param(
            gives_other_name,
            {"columns": r"\['score'\]", "csv": "'id,score'"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            gives_two_columns,
            {"columns": "other", "csv": "'id,prediction,other'"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            gives_columns_alike,
            {"columns": "", "csv": "'id,prediction,prediction'"},
            marks=pytest.mark.slow,
        ),
        pytest.param(gives_nothing, {"rows": r"\(0, 1\)"}, marks=pytest.mark.slow),
        (gives_constant, {"spread": "^one value for all rows: 0.5"}),
        pytest.param(
            gives_other_ids,
            {"ids": "^2 ids missing, 1 unknown, 1 more than once"},
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_frames_that_the_runner_refuses(function, expected, check):
    report = check(function)
    checks = failed(report)
    assert list(checks.index) == list(expected), str(report)
    for name, found in expected.items():
        assert pd.Series([checks.loc[name, "found"]]).str.contains(found).all()
        assert checks.loc[name, "fix"] in str(report)
    assert f"{len(expected)} check(s) failed" in str(report)


# which dtypes are plain numbers

PLAIN = ["float64", "float32", "float16", "longdouble", "int64", "uint8"]
# What the runner cannot take, or writes as no number; or takes by chance.
OTHER = [
    "double[pyarrow]",
    "float[pyarrow]",
    "bool[pyarrow]",
    "complex128",
    "bool",
    "boolean",
    "Float64",
    "Int64",
    "category",
    "object",
    "string",
    "Sparse[float64]",
]


def gives_dtype(dtype):
    def predict(live_features):
        return ranked(live_features).round().astype(dtype)

    return predict


def the_runners_own_check(predictions):
    """Whether the runner takes a frame, and what each line of its CSV ends in."""
    try:
        taken = bool(predictions.iloc[:, 0].between(0, 1).all().all())
    except (AttributeError, TypeError):
        return False
    ends = {line.split(",")[1] for line in predictions.to_csv().splitlines()[1:]}
    return taken and ends <= {"0.0", "1.0", "0", "1"}


@pytest.mark.parametrize("dtype", PLAIN)
def test_what_is_plain_is_what_the_runner_takes(dtype):
    predictions = pd.DataFrame({"prediction": [0.0, 1.0]}).astype(dtype)
    assert is_plain(predictions["prediction"].dtype)
    assert the_runners_own_check(predictions)


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("dtype", OTHER)
def test_no_other_dtype_is_plain(dtype):
    predictions = pd.DataFrame({"prediction": [0.0, 1.0]}).astype(dtype)
    assert not is_plain(predictions["prediction"].dtype)
    by_chance = dtype in ("Float64", "Int64", "object") or "Sparse" in dtype
    assert by_chance or not the_runners_own_check(predictions)


@pytest.mark.parametrize(
    "dtype",
    [
        dtype
        if dtype in ("double[pyarrow]", "bool")
        else pytest.param(dtype, marks=slow)
        for dtype in OTHER
    ],
)
def test_predictions_of_another_dtype_are_refused(dtype, check):
    report = check(gives_dtype(dtype))
    found = only_failure(report, "numbers")
    assert found.startswith("values of the dtype ")
    assert "astype('float64')" in report.checks.loc["numbers", "fix"]
    assert not_reached(report) == ["range", "spread"]


@pytest.mark.slow
@pytest.mark.parametrize("runner", PLAIN_RUNNERS)
@pytest.mark.parametrize("dtype", ["double[pyarrow]", "complex128", "float32"])
def test_dtypes_on_the_runners(dtype, runner, frame, tmp_path):
    """A file as an expression, which every Python can run."""
    code = "lambda live: (live[['feature_0']] > 2).set_axis(['prediction'], axis=1)"
    path = tmp_path / "predict.pkl"
    path.write_bytes(pickle.dumps(Evaluated(f"{code}.astype(float).astype({dtype!r})")))
    report = check_predict(path, split(frame)[0], python=runner_of(runner))
    if dtype in PLAIN:
        assert report.passed, str(report)
    else:
        assert dtype in only_failure(report, "numbers")


class Evaluated:
    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return eval, (self.code,)


# the pinned environments of the runner


def runner_of(runner):
    variable = f"SKBENCH_RUNNER_{runner.replace('.', '').replace('-', '_').upper()}"
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no Python with the runner's packages")
    return python


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "runner"),
    [(kind, name) for name in RUNNERS for kind in SOME_KINDS.get(name, KINDS)],
)
def test_the_runners_predict_what_the_pipeline_predicts(kind, runner, tmp_path):
    python = runner_of(runner)
    frame, models = rows_of(120, 3), {}
    ensemble = WeightedEnsemble({"v5_a": 0.7, "v5_b": 0.3})
    steps = [FeatureNeutralizer(proportion=0.5)] if kind != "weighted" else []
    if kind == "stacking":
        ensemble = StackingWeights()
    if kind == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm")
        model = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1)
        model.fit(frame[FEATURES], frame["target"])
        frame["mine"] = model.predict(frame[FEATURES])
        ensemble, models = WeightedEnsemble(), {"mine": model}
    if kind == "neutralizer":
        frame = with_full_feature_set(frame)
    pipeline = make_pipeline(
        EraRankGauss(), ensemble, EraRankGauss(), *steps, EraRank()
    )
    pipeline.fit(frame, frame["target"])
    path = export_predict(pipeline, tmp_path / "predict.pkl", models=models)
    live = frame.drop(columns=[*MODELS, "target"])
    report = check_predict(path, live, split(frame)[1], python=python)
    assert report.passed, str(report)
    assert report.runner == runner
    assert f"ready to upload to runner {runner}" in str(report)
    assert "skbench" not in report.versions
    expected = pipeline.predict(frame)
    assert_allclose(report.predictions["prediction"], expected, rtol=0, atol=1e-12)


def with_full_feature_set(frame):
    rng = np.random.default_rng(1)
    names = [f"feature_full_{i}" for i in range(2376)]
    bins = rng.integers(5, size=(len(frame), len(names))).astype(np.int8)
    return frame.join(pd.DataFrame(bins, columns=names, index=frame.index))


def loops(live_features):
    total = {}
    for row, value in zip(live_features.index, live_features["feature_0"], strict=True):
        try:
            total[row] = (value + 0.5) / 5
        except ZeroDivisionError:
            total[row] = 0.5
    return ranked(live_features) if [v for v in total.values() if v > 2] else total


@pytest.mark.slow
@pytest.mark.parametrize("runner", PLAIN_RUNNERS)
def test_bytecode_of_another_python(runner, check):
    python = runner_of(runner)
    if f"3.{sys.version_info[1]}" == runner:
        pytest.skip("the same Python minor version")
    report = check(loops, python=python)
    checks = failed(report)
    assert set(checks.index) <= {"load", "call"}
    fix = checks["fix"].iloc[0]
    assert "the file holds bytecode" in fix
    assert report.python in fix
    assert ".".join(map(str, sys.version_info[:3])) in fix


@pytest.mark.slow
@pytest.mark.parametrize("runner", PLAIN_RUNNERS)
def test_a_model_of_another_python(runner, frame, tmp_path):
    python = runner_of(runner)
    if f"3.{sys.version_info[1]}" == runner:
        pytest.skip("the same Python minor version")
    frame["mine"] = frame[FEATURES].sum(axis=1).astype(float)
    pipeline = make_pipeline(WeightedEnsemble({"mine": 1}), EraRank()).fit(frame)
    with pytest.warns(UserWarning, match="pickled as it is"):
        path = export_predict(
            pipeline, tmp_path / "file", models={"mine": Total().fit(frame[FEATURES])}
        )
    found = only_failure(check_predict(path, split(frame)[0], python=python), "load")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"holds code of Python {here}, which Python {runner}" in found


class Total:
    """A regressor whose class is only here."""

    def fit(self, X):
        self.feature_names_in_ = np.array(X.columns)
        return self

    def predict(self, X):
        return X.sum(axis=1).to_numpy()


def test_an_interpreter_can_be_a_command(monkeypatch):
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", str(python.parent))
    assert _check._interpreter(python.name) == str(python)


def test_a_signal_without_a_name_is_told_by_its_number():
    assert _report._how_it_ended(-200) == "the process died by signal 200"


def test_where_there_are_no_process_groups_the_process_is_ended(monkeypatch):
    monkeypatch.delattr("os.killpg")
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(command)
    _process._kill(process)
    assert process.returncode < 0
    assert _process._resident(process.pid) == 0
