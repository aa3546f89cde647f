"""Files are written whole or not at all."""

import errno
import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from skbench._disk import disk_errors
from skbench._files import check_writable, written_whole

ROOT = Path(__file__).parents[1]


def test_a_file_appears_when_all_is_written(tmp_path):
    path = tmp_path / "frame.parquet"
    with written_whole(path) as unfinished:
        assert unfinished.suffix == ".parquet"
        unfinished.write_text("half")
        assert not path.exists()
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")

    with suppress(KeyboardInterrupt), written_whole(path) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_nobody_wrote_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_checked_before_work_is_done_for_it(tmp_path):
    assert check_writable(str(tmp_path / "file")) == tmp_path / "file"
    with pytest.raises(IsADirectoryError, match="`output` must name a file"):
        check_writable(tmp_path, "output")
    with pytest.raises(FileNotFoundError, match="folder that is there"):
        check_writable(tmp_path / "none" / "file")


WRITES = """
import sys, time
from pathlib import Path
from skbench._files import kept_apart, written_whole
path = Path(sys.argv[1])
with kept_apart(path) as folder, written_whole(path) as unfinished:
    folder.mkdir()
    (folder / "0").write_text("half")
    unfinished.write_text("half")
    print("half", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["e.parquet", "no ending", "[a]*.b.c"])
def test_what_a_killed_process_left_goes_and_what_another_writes_stays(tmp_path, name):
    path, other = tmp_path / name, tmp_path / f"other {name}"
    with ExitStack() as stack:

        def start(path):
            """Return a process that writes, and its files."""
            before = set(tmp_path.iterdir())
            process = subprocess.Popen(
                [sys.executable, "-c", WRITES, path],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout.readline() == "half\n"
            files = set(tmp_path.iterdir()) - before
            assert len(files) == 4
            return process, files

        (_, of_running), (killed, _), (killed_too, of_other) = map(
            start, [path, path, other]
        )
        for process in killed, killed_too:
            process.kill()
            process.wait()
        with written_whole(path) as unfinished:
            unfinished.write_text("whole")
        # What was left beside another target is no business of this one.
        assert set(tmp_path.iterdir()) == {path} | of_running | of_other
    for one in path, other:
        with written_whole(one) as unfinished:
            unfinished.write_text("whole")
    assert set(tmp_path.iterdir()) == {path, other}


def test_what_cannot_be_removed_does_not_keep_from_writing(tmp_path, monkeypatch):
    path = tmp_path / "file"
    (tmp_path / ".file.01234567.lock").touch()
    (tmp_path / ".file.01234567.part").mkdir()

    def refuse(path):
        raise PermissionError("of another user")

    monkeypatch.setattr("shutil.rmtree", refuse)
    with written_whole(path) as unfinished:
        unfinished.write_text("whole")
    assert path.read_text() == "whole"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_errors_of_the_disk_name_the_file_and_say_what_to_do(number, tmp_path):
    path = tmp_path / "report.html"
    with pytest.raises(OSError, match=r"See that its disk has room") as caught:  # noqa: SIM117
        with written_whole(path):
            raise OSError(number, "what pyarrow says")
    assert caught.value.errno == number
    said = str(caught.value.strerror)
    assert said.startswith(f"{path} cannot be written: {os.strerror(number)}.")


def test_the_outermost_says_whose_file_it_is(tmp_path):
    path, target = tmp_path / "part.parquet", tmp_path / "out.parquet"
    with pytest.raises(OSError, match="cannot be written") as caught:  # noqa: SIM117
        with disk_errors(target, "target", "buy a disk"), written_whole(path):
            raise OSError(errno.ENOSPC, "no room")
    said = str(caught.value.strerror)
    assert said.startswith(f"`target` {target} cannot be written: No space left")
    assert said.endswith("or buy a disk")
    assert said.count("cannot be written") == 1


def test_other_errors_are_left_alone(tmp_path):
    error = ConnectionResetError(errno.ECONNRESET, "reset")
    with pytest.raises(ConnectionResetError) as caught, written_whole(tmp_path / "a"):
        raise error
    assert caught.value is error


FULL = """
import resource, sys
import pandas as pd
from skbench import EraRank
from skbench.deploy import export_predict
from skbench.demo import run_demo
from skbench.report import PerformanceReport

scores = pd.DataFrame({"a": [0.1] * 9, "b": [0.2] * 9}, [f"{i:04d}" for i in range(9)])
report = PerformanceReport(scores)
ranks = EraRank("a").fit(pd.DataFrame({"era": ["1", "1"], "a": [0.1, 0.2]}))
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
for write in (
    lambda: report.write_html("report.html"),
    lambda: export_predict(ranks, "predict.pkl"),
):
    try:
        write()
    except OSError as error:
        print(error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of a file")
def test_reports_and_exported_files_on_a_full_disk(tmp_path):
    pytest.importorskip("plotly")
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    for name, line in zip(("report.html", "predict.pkl"), lines, strict=True):
        assert line.startswith(f"{name} cannot be written: File too large. See that")
    assert list(tmp_path.iterdir()) == []
