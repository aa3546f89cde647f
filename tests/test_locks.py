"""A lock is held by one at a time, and by nobody once its process has ended."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from skbench._locks import lock_of, locked

ROOT = Path(__file__).parents[1]


def refuse(owner):
    raise BlockingIOError(owner)


def wait(owner):
    """Wait for the owner."""


def child(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


HOLDS = """
import sys, time
from pathlib import Path
from skbench._locks import locked
with locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_named_and_frees_its_lock_when_killed(tmp_path):
    path = tmp_path / "file"
    with child(HOLDS, path) as process:
        assert process.stdout.readline() == "held\n"
        told = rf"^process {process.pid} on \S"
        with pytest.raises(BlockingIOError, match=told), locked(path, refuse):
            pytest.fail("it is held by another")
        process.kill()
    assert lock_of(path).exists()
    with locked(path, refuse):
        assert lock_of(path).exists()
    assert list(tmp_path.iterdir()) == []


COUNTS = """
import sys
from pathlib import Path
from skbench._locks import locked
count = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with locked(count, lambda owner: None):
        count.write_text(str(int(count.read_text()) + 1))
"""


def test_one_at_a_time_between_processes_and_threads(tmp_path, monkeypatch):
    """Each removes the file of the lock while others try to take it."""
    monkeypatch.setattr("skbench._locks._PAUSE", 0.001)
    count = tmp_path / "count"
    count.write_text("0")
    code = "import skbench._locks; skbench._locks._PAUSE = 0.001\n" + COUNTS
    processes = [child(code, count, 100) for _ in range(3)]

    def add():
        for _ in range(100):
            with locked(count, wait):
                count.write_text(str(int(count.read_text()) + 1))

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.stdout.close()
    assert count.read_text() == "500"
    assert list(tmp_path.iterdir()) == [count]


def test_who_waits_is_told_once_for_whom(tmp_path):
    path, told = tmp_path / "file", []
    done = threading.Event()

    def second():
        with locked(path, told.append):
            done.set()

    thread = threading.Thread(target=second)
    with locked(path, refuse):
        thread.start()
        deadline = time.monotonic() + 30
        while not told:
            assert time.monotonic() < deadline
        assert not done.wait(0.3)
    thread.join(30)
    assert done.is_set()
    assert len(told) == 1
    assert told[0].startswith(f"process {os.getpid()} on ")


def test_an_error_frees_the_lock(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(KeyboardInterrupt), locked(path, refuse):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="locks of Unix")
def test_a_disk_without_locks_is_called_that(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", none)
    told = r"file.lock cannot be locked \(No locks available"
    with pytest.raises(OSError, match=told), locked(tmp_path / "file", refuse):
        pytest.fail("there are no locks")
