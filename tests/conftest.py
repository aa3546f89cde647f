"""Fixtures that several files share; plain functions stand in `helpers.py`."""

import os
from pathlib import Path

import pytest

NAMES = ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")


@pytest.fixture(scope="session")
def real_folder():
    """Return a folder of Numerai's own files."""
    folder = os.environ.get("SKBENCH_DATA")
    if not folder:
        pytest.skip("SKBENCH_DATA names no folder of Numerai's files")
    return Path(folder)


@pytest.fixture(scope="session")
def tournament():
    """Make a small tournament of two models."""
    from skbench.datasets import make_benchmark_models

    return make_benchmark_models(40, 60, 2, 8, meta_model_eras=30, random_state=3)


@pytest.fixture
def release(tournament, tmp_path):
    """Write that tournament as Numerai's files; return their folder."""
    from tournament_files import write_tournament

    return write_tournament(tmp_path / "release", tournament)


@pytest.fixture
def own(tournament):
    """Make predictions of one's own for its validation rows, with eras."""
    from tournament_files import own_predictions

    return own_predictions(tournament.frame, tournament.models[0])


@pytest.fixture
def live(tournament):
    """Make predictions of one's own for its live rows."""
    from tournament_files import own_predictions

    return own_predictions(tournament.live, tournament.models[0])


@pytest.fixture
def no_waits(monkeypatch):
    """Try again at once where Numerai does not answer."""
    from skbench import _numerai

    monkeypatch.setattr(_numerai, "DELAYS", (0.0, 0.0))


@pytest.fixture
def no_keys(no_waits, monkeypatch):
    """Take the keys of an account out of the environment."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def keys(no_waits, monkeypatch):
    """Put the keys that the server of the tests knows into the environment."""
    from numerai_server import KEYS

    for name, key in zip(NAMES, KEYS, strict=True):
        monkeypatch.setenv(name, key)


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    from pages import CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared(browser):
    """One page for all: what it has compiled once is quick to open again."""
    from pages import SCREEN, Watched

    page = browser.new_page(viewport=SCREEN)
    yield Watched(page)
    page.close()


@pytest.fixture
def kernel(monkeypatch):
    """A kernel that has shown no report yet, and in which no cell has a name."""
    from skbench.report import _notebook

    monkeypatch.setattr(_notebook, "_shown_in", [])


@pytest.fixture
def visit(shared, tmp_path):
    """Open another report in the page, which must not complain of anything."""

    def open_report(report):
        path = tmp_path / "other.html"
        report.write_html(path)
        shared.page.goto(path.as_uri())
        return shared.page

    yield open_report
    assert shared.complaints == []
