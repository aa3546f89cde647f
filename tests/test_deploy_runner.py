"""Environments like Numerai's runners: whole or not there, and found by name."""

import os
import stat
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from helpers import failure

from skbench.deploy import CheckReport, check_predict
from skbench.deploy.check import RUNNERS, _check, _environment, runner_python
from skbench.deploy.check._process import Run
from skbench.deploy.check._report import make_report

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the folder of environments; a runner has one package, of this folder."""
    monkeypatch.setenv("SKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setitem(RUNNERS, HERE, {"tiny-package": "1.0"})
    write_wheel(tmp_path / "tiny_package-1.0-py3-none-any.whl")
    return tmp_path / "home" / "runners"


def write_wheel(path):
    about = "tiny_package-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_package.py", "")
        wheel.writestr(
            f"{about}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.0",
        )
        wheel.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any",
        )
        wheel.writestr(f"{about}/RECORD", "")


@pytest.fixture
def ran(monkeypatch):
    """Return the commands that were run to make environments."""
    commands, run = [], _environment._run

    def noting(command):
        commands.append(command)
        run(command)

    monkeypatch.setattr(_environment, "_run", noting)
    return commands


def imports(python, module):
    """Whether a Python finds a module, but for what the environment names."""
    done = subprocess.run([python, "-I", "-c", f"import {module}"], capture_output=True)
    return done.returncode == 0


def test_an_environment_is_made_once_and_has_what_the_runner_has(home, ran):
    made = runner_python(HERE)
    assert len(ran) == 2
    assert made.is_relative_to(home)
    assert imports(made, "tiny_package")
    assert not imports(made, "skbench")
    assert not imports(made, "numpy")
    assert runner_python(HERE) == made
    assert len(ran) == 2
    assert [path.name for path in home.iterdir()] == [made.parents[1].name]


def test_other_pins_are_another_environment(home, ran, monkeypatch):
    monkeypatch.setattr(_environment, "_make", lambda folder, *_: folder)
    before = runner_python(HERE)
    monkeypatch.setitem(RUNNERS, HERE, {"tiny-package": "1.1"})
    assert runner_python(HERE) != before
    assert ran == []


def test_half_an_environment_is_never_there(home, ran, monkeypatch):
    monkeypatch.setitem(RUNNERS, HERE, {"tiny-package": "1.1"})
    with pytest.raises(ConnectionError, match=r"(?s)tiny-package==1\.1.*reach PyPI"):
        runner_python(HERE)
    assert list(home.iterdir()) == []
    assert len(ran) == 2


def test_an_environment_whose_python_is_gone_is_made_anew(home):
    first = runner_python(HERE)
    first.unlink()
    first.symlink_to(home / "nowhere")
    second = runner_python(HERE)
    assert second == first
    assert imports(second, "tiny_package")


def test_two_at_once_make_one(home, ran, capsys):
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(runner_python, HERE, progress=True) for _ in range(2)]
        one, other = [call.result() for call in calls]
    assert one == other
    assert len(ran) == 2
    told = capsys.readouterr().err
    assert told.count("making an environment") == 1
    assert told.count("waiting for process") == 1


# Which Python it is made of


def write_python(path, version, works=True):
    """Write a program that says that it is a Python, whatever it is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version} {path}\nexit {0 if works else 1}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare_path(tmp_path, monkeypatch):
    """Return the only folder in which commands are found, but for what sh needs."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path / "bin"


def test_the_plain_command_comes_first(bare_path, tmp_path):
    write_python(tmp_path / "pyenv/versions/3.98.1/bin/python", "3.98")
    plain = write_python(bare_path / "python3.98", "3.98")
    assert _environment._find_python("3.98") == str(plain)


def test_the_python_that_runs_is_taken_for_its_own_version(bare_path):
    assert os.path.samefile(_environment._find_python(HERE), sys.executable)


@pytest.mark.parametrize("works", [True, False])
def test_a_command_of_another_version_or_that_fails_is_passed_over(
    bare_path, tmp_path, works
):
    write_python(bare_path / "python3.98", "3.97" if works else "3.98", works)
    found = write_python(tmp_path / "pyenv/versions/3.98.1/bin/python", "3.98")
    assert _environment._find_python("3.98") == str(found)


def test_uv_is_asked(bare_path, tmp_path):
    found = write_python(tmp_path / "somewhere/python", "3.98")
    write_python(bare_path / "uv", "").write_text(f"#!/bin/sh\necho {found}\n")
    assert _environment._find_python("3.98") == str(found)


def test_no_python_is_told_with_what_to_install(bare_path, home, monkeypatch):
    with pytest.raises(FileNotFoundError) as caught:
        _environment._find_python("3.98")
    for words in ("uv python install 3.98", "pyenv install 3.98", "python3.98-venv"):
        assert words in str(caught.value)


def test_a_python_without_venv_is_none(bare_path, home):
    python = bare_path / "python3.98"
    write_python(python, "3.98").write_text(
        f"#!/bin/sh\nexec {sys.executable} -I -c 'import no_such_ensurepip'\n"
    )
    with pytest.raises(FileNotFoundError, match="can make virtual environments"):
        _environment._find_python("3.98")


# Checks with a runner's versions


@pytest.fixture
def exported(tmp_path):
    path = tmp_path / "predict.pkl"
    path.write_bytes(b"cbuiltins\nlen\n.")
    return path


def report_of(python, versions, tmp_path, outcome="pass"):
    run = Run(1.0, 1, watched=True, status=0, over=None, memory_limit=10)
    (tmp_path / "log.txt").write_text("")
    report = make_report(tmp_path / "predict.pkl", tmp_path, run)
    checks = report.checks.assign(outcome=outcome)
    return replace(report, checks=checks, python=python, versions=versions)


@pytest.mark.parametrize("runner", RUNNERS)
def test_only_a_runners_versions_are_ready_to_upload(runner, tmp_path):
    python = f"{runner.partition('-')[0]}.4"
    there = {**RUNNERS[runner], "torch": "2.9"}
    report = report_of(python, there, tmp_path)
    assert report.runner == runner
    assert f"ready to upload to runner {runner} (" in str(report)
    assert "ready" not in str(report_of(python, there, tmp_path, "fail"))
    for other in (
        replace(report, versions=there | {"numpy": "2.9.0"}),
        replace(report, versions={"numpy": there["numpy"]}),
        replace(report, python="3.1.4"),
        replace(report, python=None),
    ):
        assert isinstance(other, CheckReport)
        assert other.runner is None
        assert "all checks passed, but with versions that no runner has" in str(other)


def test_the_file_runs_in_the_environment_of_the_runner(
    exported, tmp_path, monkeypatch
):
    asked = []

    def made(runner, *, progress):
        asked.append((runner, progress))
        return sys.executable

    monkeypatch.setattr(_check, "runner_python", made)
    live = tmp_path / "live.parquet"
    live.write_bytes(b"")
    report = check_predict(exported, live, runner="3.12")
    assert asked == [("3.12", False)]
    assert report.python.startswith(HERE)


def test_a_runner_and_a_python_are_two_answers(exported, tmp_path):
    with pytest.raises(ValueError, match="`runner` names an environment"):
        check_predict(exported, exported, runner="3.12", python=sys.executable)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--runner", "3.9"], "--runner must be '3.10' or '3.11'"),
        (["--runner", "3.12", "--python", "x"], "--runner names an environment, and"),
    ],
)
def test_the_command_names_its_options(exported, tmp_path, options, told, capsys):
    assert told in failure(capsys, "check", exported, tmp_path, *options)


def test_a_missing_python_is_one_line_of_the_command(
    exported, tmp_path, home, monkeypatch, capsys
):
    monkeypatch.setattr(_environment, "_candidates", lambda minor: [])
    (tmp_path / "live.parquet").write_bytes(b"")
    told = failure(capsys, "check", exported, tmp_path, "--runner", "3.12")
    assert "uv python install 3.12" in told
    assert "--python" in told
