"""Processes that are killed, at any moment, leave what was there or what is whole."""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numerai_server import NumeraiServer
from tournament_files import write_tournament

from skbench.datasets import fetch_benchmark_models, make_benchmark_models
from skbench.deploy import submit

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
N_KILLS = 20
PAUSE = 0.01  # seconds before each answer, so that there are moments between them
POINTED = """
import sys
from numerapi import base_api
base_api.API_TOURNAMENT_URL = sys.argv[1] + "/graphql"
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch, keys):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def serve(monkeypatch):
    """Return what makes a server take its time, and count what it is asked."""

    def slow(server):
        note = server._note

        def note_slowly(name):
            time.sleep(PAUSE)
            return note(name)

        monkeypatch.setattr(server, "_note", note_slowly)
        return server

    return slow


def start(code, *args):
    command = [sys.executable, "-c", POINTED + code, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def wait_for(process, seen):
    """Wait until something is seen, or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and not seen():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def duration(process, begun, done=lambda: False):
    """Return the seconds from one moment to another or the end, undisturbed."""
    wait_for(process, begun)
    begin = time.monotonic()
    wait_for(process, done)
    seconds = time.monotonic() - begin
    process.communicate(timeout=120)
    assert process.returncode == 0
    return seconds


def kill(process, seen, seconds):
    """Kill -9 a process so long after something was seen; return what it printed."""
    wait_for(process, seen)
    time.sleep(seconds)
    process.kill()
    told, _ = process.communicate(timeout=120)
    assert process.returncode in (0, -9)
    time.sleep(5 * PAUSE)  # until what it asked last has been answered
    return told.decode(), process.returncode == -9


# A fetch

FETCH = """
from skbench.datasets import fetch_benchmark_models
fetch_benchmark_models(data_home=sys.argv[2], features="small")
"""


@pytest.fixture
def releases(tmp_path):
    """Return two folders of files of the same names, and of other content."""
    folders = []
    for seed in range(2):
        made = make_benchmark_models(
            n_eras=20, rows_per_era=200, n_models=2, n_features=64, random_state=seed
        )
        folder = tmp_path / f"release {seed}"
        folder.mkdir()
        folders.append(write_tournament(folder, made))
    return folders


def is_whole(path, releases):
    """Whether a copy is a file of a release or, of a large one, some of its columns."""
    whole = [folder / path.name for folder in releases]
    if path.read_bytes() in [file.read_bytes() for file in whole]:
        return True
    if path.name not in ("validation.parquet", "live.parquet"):
        return False
    copy = pd.read_parquet(path)
    return any(copy.equals(pd.read_parquet(file)[[*copy]]) for file in whole)


def copies(home):
    return [path for path in home.glob("v5.3/*") if not path.name.startswith(".")]


def test_a_fetch_that_is_killed(releases, tmp_path, serve):
    draw = random.Random(0)
    home, published = tmp_path / "home", tmp_path / "published"
    shutil.copytree(releases[0], published)
    with NumeraiServer({"v5.3": published}) as server:
        serve(server)

        def begun():
            return server.asked_for("^listDatasets$")

        longest = duration(start(FETCH, server.url, tmp_path / "undisturbed"), begun)
        n_killed, n_mixed = 0, 0
        for release in islice(cycle(releases[::-1]), N_KILLS):
            shutil.copytree(release, published, dirs_exist_ok=True)
            server.forget()
            _, killed = kill(
                start(FETCH, server.url, home), begun, draw.uniform(0, longest)
            )
            n_killed += killed
            assert all(is_whole(path, releases) for path in copies(home))
            n_mixed += any(is_whole(path, [release]) for path in copies(home))
            fetch_benchmark_models(data_home=home, features="small")
            assert len(copies(home)) == len(copies(tmp_path / "undisturbed"))
            assert all(is_whole(path, [release]) for path in copies(home))
    assert n_killed > N_KILLS // 2
    assert n_mixed > 2  # some were killed when a part of the files was there


# A report


def pages(folder, output):
    command = [
        sys.executable,
        "-m",
        "skbench",
        "report",
        str(folder),
        "-o",
        str(output),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def test_a_report_that_is_killed(releases, tmp_path):
    """Half of the times at any moment, and half while the page is being written."""
    draw = random.Random(0)
    folder, page = tmp_path / "pages", tmp_path / "pages" / "report.html"
    folder.mkdir()
    longest = duration(pages(releases[0], page), lambda: True)
    whole = page.read_text()
    assert whole.rstrip().endswith("</html>")
    n_killed, n_old, n_writing = 0, 0, 0

    def writing():
        return any(".part" in path.name for path in folder.iterdir())

    for i in range(N_KILLS):
        page.write_text("old")
        if i % 2:
            _, killed = kill(
                pages(releases[0], page), lambda: True, draw.uniform(0, longest)
            )
        else:
            _, killed = kill(pages(releases[0], page), writing, draw.uniform(0, 0.004))
        n_killed += killed
        assert page.read_text() in ("old", whole)
        n_old += page.read_text() == "old"
        n_writing += writing()
        for path in folder.glob(".*"):
            path.unlink()
    assert n_killed > N_KILLS // 2
    assert n_old > 2
    assert n_writing > 0  # some were killed with half a page on the disk


# A submission

MODEL = "v53_lgbm_ender20"
LIVE = [f"n{i:015x}" for i in range(2000)]
SUBMIT = """
import numpy as np
from skbench.deploy import submit
n = 2000
draw = np.random.default_rng(int(sys.argv[2]))
predictions = draw.permutation((np.arange(n) + 0.5) / n)
ids = [f"n{i:015x}" for i in range(n)]
print(submit(predictions, "v53_lgbm_ender20", live_ids=ids, dry_run=False))
"""


def predictions(seed):
    n = len(LIVE)
    return np.random.default_rng(seed).permutation((np.arange(n) + 0.5) / n)


def content(seed):
    frame = pd.DataFrame({"id": LIVE, "prediction": predictions(seed)})
    return frame.to_csv(index=False).encode()


def test_a_submission_that_is_killed(tmp_path, monkeypatch, serve):
    """One at most is made, of a whole file, and none is told that is not there."""
    draw = random.Random(0)
    monkeypatch.chdir(tmp_path)
    with NumeraiServer() as server:
        serve(server)

        def begun():
            return server.asked_for("^account$")

        def read_back():
            return server.asked_for("^GET")

        longest = duration(start(SUBMIT, server.url, 0), begun, read_back)
        n_killed, n_made, n_told, known = 0, 0, 0, {}
        for seed in range(1, N_KILLS + 1):
            server.submissions.clear()
            server.asked[:] = [f"run {seed}"] * 100 * seed  # names of files differ
            told, killed = kill(
                start(SUBMIT, server.url, seed), begun, draw.uniform(0, 1.3 * longest)
            )
            n_killed += killed
            assert server.asked_for("^create_submission$") <= 1
            made = list(server.submissions)
            assert len(made) <= 1
            assert all(server.stored[one["filename"]] == content(seed) for one in made)
            assert told == "" or re.fullmatch("Received: .*\n", told)
            if told:
                assert made[0]["id"] in told
            again = submit(predictions(seed), MODEL, live_ids=LIVE, dry_run=False)
            ids = [one["id"] for one in server.submissions]
            assert again.verified
            assert again.submission_id == ids[-1]
            assert len(ids) == len(set(ids)) == len(made) + 1
            assert not known.keys() & set(ids)
            known |= dict.fromkeys(ids, seed)
            n_made += len(made)
            n_told += bool(told)
    assert n_killed > N_KILLS // 2
    assert 0 < n_made < N_KILLS
    assert n_told <= n_made
    assert os.listdir(tmp_path) == []  # it writes no file that could be half of one
