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


# Links


def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    target, link = there / "blob", here / "report.html"
    target.write_text("old")
    link.symlink_to(target)
    assert check_writable(link) == link
    with written_whole(link) as unfinished:
        assert unfinished.parent == there  # a file is renamed in its folder alone
        assert unfinished.suffix == ".html"
        unfinished.write_text("new")
        assert target.read_text() == "old"
    assert link.is_symlink()
    assert target.read_text() == link.read_text() == "new"
    assert sorted(tmp_path.rglob("*")) == sorted([there, here, target, link])


def test_after_an_error_a_link_leads_to_the_old_file(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with suppress(KeyboardInterrupt), written_whole(link) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert link.is_symlink()
    assert link.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_to_a_link_to_what_is_not_there_yet(tmp_path):
    target, middle, link = (tmp_path / name for name in ("target", "middle", "link"))
    link.symlink_to("middle")
    middle.symlink_to("target")
    with written_whole(check_writable(link)) as unfinished:
        unfinished.write_text("new")
    assert target.read_text() == "new"
    assert link.is_symlink()
    assert middle.is_symlink()


def test_links_that_lead_nowhere_are_refused(tmp_path):
    circle, away = tmp_path / "circle", tmp_path / "away"
    circle.symlink_to(circle)
    away.symlink_to(tmp_path / "none" / "file")
    with pytest.raises(ValueError, match="a link to itself"):
        check_writable(circle)
    with pytest.raises(FileNotFoundError, match="folder that is there"):
        check_writable(away)
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path)
    with pytest.raises(IsADirectoryError):
        check_writable(folder)


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/null", tmp_path / "pipe"):
        with pytest.raises(ValueError, match="is a device or pipe"):
            check_writable(path)


# Outputs and inputs


def spelled(path, kind):
    """Return another path of a file."""
    other = path.parent / f"other{path.suffix}"
    if kind == "relative":
        return Path(os.path.relpath(path))
    if kind == "roundabout":
        return path.parent / ".." / path.parent.name / path.name
    if kind == "symbolic link":
        other.symlink_to(path)
    if kind == "hard link":
        other.hardlink_to(path)
    if kind == "linked folder":
        folder = path.parent.with_name(f"{path.parent.name}-linked")
        folder.symlink_to(path.parent)
        other = folder / path.name
    return path if kind == "same" else other


SPELLINGS = [
    "same", "relative", "roundabout", "symbolic link", "hard link", "linked folder",
]  # fmt: skip


@pytest.mark.parametrize("kind", SPELLINGS)
def test_an_input_is_no_output_however_it_is_spelled(tmp_path, kind):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "live.parquet"
    path.write_text("mine")
    with pytest.raises(ValueError, match="`output` must be another file than"):
        check_writable(spelled(path, kind), "output", [tmp_path / "none", path])


def test_an_input_that_is_not_there_yet_is_no_output_either(tmp_path):
    (tmp_path / "folder").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="must be another file"):
        check_writable(tmp_path / "folder" / "a", "output", [tmp_path / "a"])
    assert check_writable(tmp_path / "a", "output", [tmp_path / "b"])


def test_another_file_of_the_same_content_may_be_replaced(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("same")
    check_writable(tmp_path / "a", "output", [tmp_path / "b"])


def test_the_system_says_whether_two_spellings_are_one_file(tmp_path, monkeypatch):
    """As where capital letters make no difference."""
    for name in ("Live.parquet", "live.parquet"):
        (tmp_path / name).touch()
    monkeypatch.setattr(
        os.path, "samefile", lambda a, b: str(a).lower() == str(b).lower()
    )
    with pytest.raises(ValueError, match="must be another file"):
        check_writable(tmp_path / "Live.parquet", "output", [tmp_path / "live.parquet"])
