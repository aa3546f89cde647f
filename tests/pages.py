"""What tests of pages share: a parser, and what a browser shows of charts and lists."""

import importlib.util
import os
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

CHROMIUM = shutil.which("chromium")
NEEDED = ("playwright", "plotly", "jinja2")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if CHROMIUM is None:
    MISSING.append("chromium")

# Where a browser is required, a missing one is a failure and no reason to skip.
needs_browser = pytest.mark.skipif(
    bool(MISSING) and not os.environ.get("SKBENCH_REQUIRE_BROWSER"),
    reason=f"needs {', '.join(MISSING)}",
)

HOSTILE = "<script>alert(1)</script>"
BOLD = "<b>bold</b> &amp; co"
# Those of a report with its data and plotly.
N_SCRIPTS = 16
SCREEN = {"width": 1200, "height": 900}


class Page(HTMLParser):
    """Text and tags of a page; scripts apart."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.inside, self.text, self.script = [], "", "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.script.append(data)
        else:
            self.text += data


class Watched:
    """A page, with what it asked for and complained of."""

    def __init__(self, page):
        self.requests, self.complaints = [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page = page


def chart(page, name="score"):
    """Lines of a chart as plotly holds them, by name."""
    traces = page.evaluate(
        """(id) => document.getElementById(id).data.map((trace) => ({
            name: trace.name, x: trace.x, y: trace.y, z: trace.z,
            text: trace.hovertext, cells: trace.text,
            gaps: trace.connectgaps, symbols: trace.marker && trace.marker.symbol,
            dash: trace.line && trace.line.dash, color: trace.line && trace.line.color,
        }))""",
        f"{name}-chart",
    )
    return {trace["name"]: trace for trace in traces}


def column(page, key, table="models"):
    """First text of each cell in a column of a list."""
    place = page.evaluate(
        """([table, key]) => [...document.querySelectorAll(`#${table} th[data-key]`)]
            .findIndex((cell) => cell.dataset.key === key)""",
        [table, key],
    )
    assert place >= 0
    return page.evaluate(
        """([table, i]) => [...document.querySelectorAll(`#${table} tbody tr`)]
            .map((row) => row.children[i].firstChild.textContent)""",
        [table, place],
    )


def escaped(name):
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def close(got, series, tolerance=1e-5):
    """Whether a line is a series, gaps included."""
    got = np.array(got, dtype=float)
    np.testing.assert_allclose(got, series, atol=tolerance, equal_nan=True)


def until(page, condition):
    """Wait for it to hold; the policy of the page forbids playwright's own way."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never: {condition}")


def assert_fits(page, width):
    """Nothing is wider than the screen, and no chart lies on what comes after it."""
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1] == width
    heights = page.locator(".chart").evaluate_all(
        """(all) => all.map((e) => [e.offsetHeight,
            e.querySelector(".main-svg").getBoundingClientRect().height])"""
    )
    assert all(room == drawn > 0 for room, drawn in heights)
