"""The page of a `PerformanceReport` in a real browser: what its switches really do."""

import importlib.util
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from skbench.report import PerformanceReport

CHROMIUM = shutil.which("chromium")
NEEDED = ("playwright", "plotly", "jinja2")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if CHROMIUM is None:
    MISSING.append("chromium")

# Where a browser is required, a missing one is a failure and no reason to skip.
pytestmark = pytest.mark.skipif(
    bool(MISSING) and not os.environ.get("SKBENCH_REQUIRE_BROWSER"),
    reason=f"needs {', '.join(MISSING)}",
)

HOSTILE = "<script>alert(1)</script>"
BOLD = "<b>bold</b> &amp; co"
N_ERAS = 80
MODELS = ["alpha", "beta", "gamma", HOSTILE, BOLD, "eta", "theta", "late"]


def make_scores():
    """Scores of 80 eras; "late" begins at the 61st, and era 11 has none."""
    rng = np.random.default_rng(0)
    steps = 0.03 - 0.003 * np.arange(len(MODELS))
    eras = [f"{i:04d}" for i in range(1, N_ERAS + 1)]
    values = rng.normal(steps, 0.03, (N_ERAS, len(MODELS)))
    corr = pd.DataFrame(values, index=eras, columns=MODELS)
    corr.loc[eras[:60], "late"] = np.nan
    corr.iloc[10] = np.nan
    mmc = corr / 2
    mmc.iloc[:40] = np.nan
    return {"corr": corr, "mmc": mmc}


SCORES = make_scores()
META_MODEL = (SCORES["corr"]["beta"].iloc[30:] / 3).rename(None)


def make_report():
    weights = pd.DataFrame(
        {"weight": [0.7, 0.3], "low": [0.5, None], "high": [0.8, None]},
        index=[HOSTILE, "beta"],
    )
    exposures = pd.DataFrame(
        {"before": [0.1, -0.2], "after": [0.05, -0.1]}, index=["f1", HOSTILE]
    )
    return PerformanceReport(
        SCORES,
        benchmark="gamma",
        meta_model=META_MODEL,
        weights=weights,
        exposures=exposures,
        block_size=5,
        title=HOSTILE,
    )


def live_report(final=25):
    rng = np.random.default_rng(1)
    rows = [
        (model, number, 20, number <= final, "corr20", rng.normal())
        for model in ("mine", "bench")
        for number in range(1, 31)
    ]
    columns = ["model", "round", "day", "resolved", "score", "value"]
    return PerformanceReport.from_live(
        pd.DataFrame(rows, columns=columns), benchmark="bench"
    )


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    make_report().write_html(path)
    return path.as_uri()


class Watched:
    """A page, with what it asked for and complained of."""

    def __init__(self, page, address):
        self.requests, self.complaints = [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.goto(address)
        self.page = page


@pytest.fixture(scope="module")
def shared(browser, address):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    watched = Watched(page, address)
    yield watched
    page.close()


@pytest.fixture
def page(shared):
    """The page as it was when it was opened."""
    shared.page.evaluate(
        """() => {
            document.querySelectorAll("select").forEach((e) => (e.selectedIndex = 0));
            for (const name of ["span", "view"])
                document.querySelector(`#${name} input`).checked = true;
            Object.assign(state, {
                score: find("score").value, reference: find("reference").value,
                span: "all", view: "cumulative",
                sort: { key: "mean corr", descending: true } });
            showOnly(DATA.models.slice(0, BEST));
            drawAll();
        }"""
    )
    return shared.page


@pytest.fixture
def fresh(shared):
    """The page opened anew, the focus nowhere."""
    shared.page.reload()
    return shared.page


def chart(page, name="score"):
    """Lines of a chart as plotly holds them, by name."""
    traces = page.evaluate(
        """(id) => document.getElementById(id).data.map((trace) => ({
            name: trace.name, y: trace.y, z: trace.z, text: trace.hovertext,
            gaps: trace.connectgaps, symbols: trace.marker && trace.marker.symbol,
            dash: trace.line && trace.line.dash, color: trace.line && trace.line.color,
        }))""",
        f"{name}-chart",
    )
    return {trace["name"]: trace for trace in traces}


def column(page, key):
    """First text of each cell in a column of the list."""
    place = page.evaluate(
        """(key) => [...document.querySelectorAll("#models th[data-key]")]
            .findIndex((cell) => cell.dataset.key === key)""",
        key,
    )
    assert place >= 0
    return page.evaluate(
        """(i) => [...document.querySelectorAll("#models tbody tr")]
            .map((row) => row.children[i].firstChild.textContent)""",
        place,
    )


def escaped(name):
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def close(got, series, tolerance=1e-5):
    """Whether a line is a series, gaps included."""
    got = np.array(got, dtype=float)
    np.testing.assert_allclose(got, series, atol=tolerance, equal_nan=True)


class TestLoading:
    def test_no_request_no_complaint(self, shared, page, address):
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(200)
        assert set(shared.requests) == {address}
        assert shared.complaints == []

    def test_even_a_script_could_not_reach_a_network(self, page, shared):
        refused = page.evaluate(
            "fetch('https://example.org').then(() => false, () => true)"
        )
        assert refused
        assert any("Content Security Policy" in text for text in shared.complaints)
        shared.complaints.clear()
        shared.requests[:] = [url for url in shared.requests if "file" in url]

    def test_in_a_notebook_frame(self, browser):
        page = browser.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_content(make_report()._repr_html_())
        frame = page.frame_locator("iframe")
        frame.locator("#score-chart .scatterlayer").wait_for()
        assert frame.locator("#models tbody tr").count() == len(MODELS)
        assert complaints == []
        page.close()

    @pytest.mark.parametrize(
        ("report", "says"),
        [
            (
                lambda: PerformanceReport(SCORES, n_bootstrap=0),
                "Intervals were not asked for",
            ),
            (
                lambda: live_report(final=0),
                "No round has a final CORR20 yet, so there is nothing to tell.",
            ),
            (
                lambda: PerformanceReport(
                    {'"x"\n<b>': SCORES["corr"].rename(lambda era: f"<b>{era}</b>")},
                    benchmark="alpha",
                ),
                '"x" <b> over up to 79 eras: of 7 models, ',
            ),
        ],
        ids=["no intervals", "nothing final", "hostile eras and score"],
    )
    def test_odd_reports(self, browser, tmp_path, report, says):
        path = tmp_path / "odd.html"
        report().write_html(path)
        watched = Watched(browser.new_page(), path.as_uri())
        assert watched.page.inner_text("#verdict").startswith(says)
        for choice in ("all", "none", "best"):
            watched.page.click(f"[data-show={choice}]")
        watched.page.select_option("#reference", "")
        assert watched.complaints == []
        watched.page.close()

    def test_a_page_of_one_era(self, browser, tmp_path):
        path = tmp_path / "one.html"
        PerformanceReport(SCORES["corr"].iloc[:1, :1]).write_html(path)
        watched = Watched(browser.new_page(), path.as_uri())
        text = watched.page.inner_text("#verdict")
        assert text.startswith("1 era of CORR is too few to tell models apart")
        close(chart(watched.page)["alpha"]["y"], SCORES["corr"].iloc[:1, 0])
        assert watched.page.is_hidden("#correlation-chart")
        assert watched.complaints == []
        watched.page.close()


class TestScoreChart:
    def test_lines_at_first(self, page):
        lines = chart(page)
        shown = SCORES["corr"].mean().sort_values(ascending=False).index[:6]
        assert set(lines) == {escaped(name) for name in shown} | {"gamma"}
        assert {line["dash"] for line in lines.values()} == {"solid", "dot"}
        assert lines["gamma"]["dash"] == "dot"
        colours = [line["color"] for line in lines.values()]
        assert len(set(colours)) == len(colours)

    def test_a_gap_is_a_gap_and_the_sum_goes_on(self, page):
        line = chart(page)["alpha"]
        assert line["y"][10] is None
        assert line["gaps"] is False
        close(line["y"], SCORES["corr"]["alpha"].cumsum())

    def test_per_era(self, page):
        page.check("#view input[value=each]")
        close(chart(page)["alpha"]["y"], SCORES["corr"]["alpha"])
        page.check("#view input[value=cumulative]")
        close(chart(page)["alpha"]["y"], SCORES["corr"]["alpha"].cumsum())

    def test_the_dotted_line(self, page):
        close(chart(page)["gamma"]["y"], SCORES["corr"]["gamma"].cumsum())
        page.select_option("#reference", "meta_model")
        lines = chart(page)
        assert lines["Meta Model"]["dash"] == "dot"
        assert lines["gamma"]["dash"] == "solid"
        full = META_MODEL.reindex(SCORES["corr"].index)
        close(lines["Meta Model"]["y"], full.cumsum())
        assert lines["Meta Model"]["y"][:30] == [None] * 30
        page.select_option("#reference", "")
        assert {line["dash"] for line in chart(page).values()} == {"solid"}

    def test_the_score(self, page):
        page.select_option("#score", "mmc")
        close(chart(page)["alpha"]["y"], SCORES["mmc"]["alpha"].cumsum())
        title = "document.getElementById('score-chart').layout.yaxis.title.text"
        assert page.evaluate(title) == "cumulative MMC"
        # The Meta Model was given by its CORR alone.
        page.select_option("#reference", "meta_model")
        assert "Meta Model" not in chart(page)

    def test_the_boxes(self, page):
        page.uncheck("#boxes input[value=alpha]")
        page.check("#boxes input[value=late]")
        lines = chart(page)
        assert "alpha" not in lines
        close(lines["late"]["y"], SCORES["corr"]["late"].cumsum())
        assert "late" in page.inner_text("#drawdown-legend")
        page.click("[data-show=all]")
        assert set(chart(page)) == {escaped(name) for name in MODELS}
        page.click("[data-show=none]")
        assert set(chart(page)) == {"gamma"}
        assert page.locator("#boxes input:checked").count() == 0
        page.click("[data-show=best]")
        assert page.locator("#boxes input:checked").count() == 6


class TestOtherCharts:
    def test_the_deepest_drawdown_is_that_of_the_list(self, page):
        page.click("[data-show=all]")
        cells = dict(
            zip(column(page, "model"), column(page, "max_drawdown"), strict=True)
        )
        for name in MODELS:
            line = chart(page, "drawdown")[escaped(name)]["y"]
            deepest = -min(value for value in line if value is not None)
            assert f"{deepest:.3f}" == cells[name]

    def test_the_strip_has_all_models_and_eras(self, page):
        (strip,) = chart(page, "strip").values()
        order = SCORES["corr"].mean().sort_values(ascending=False).index
        for name, row in zip(order, strip["z"], strict=True):
            close(row, SCORES["corr"][name])
        page.select_option("#score", "mmc")
        (strip,) = chart(page, "strip").values()
        close(strip["z"][0], SCORES["mmc"][order[0]])

    def test_correlations_are_named_for_what_they_are(self, page):
        (heat,) = chart(page, "correlation").values()
        order = SCORES["corr"].mean().sort_values(ascending=False).index
        close(np.array(heat["z"]), SCORES["corr"][order].corr())
        assert "CORR over eras (not of their pre" in page.inner_text(
            "#correlation-text"
        )

    def test_weights_and_exposures(self, page):
        bars = page.evaluate("document.getElementById('weights-chart').data[0]")
        assert bars["x"] == [0.7, 0.3]
        assert bars["error_x"]["array"] == pytest.approx([0.1, 0])
        assert bars["error_x"]["arrayminus"] == pytest.approx([0.2, 0])
        stages = page.evaluate("document.getElementById('exposures-chart').data")
        assert [(s["name"], s["x"]) for s in stages] == [
            ("before", [-0.2, 0.1]),
            ("after", [-0.1, 0.05]),
        ]


class TestList:
    def test_numbers_and_their_eras(self, page):
        row = page.locator("#models tbody tr", has_text="late").inner_text().split()
        mean = SCORES["corr"]["late"].mean()
        assert row[:3] == ["late", f"{mean:.4f}", "20"]
        page.check("#span input[value='last 13']")
        row = page.locator("#models tbody tr", has_text="late").inner_text().split()
        mean = SCORES["corr"]["late"].iloc[-13:].mean()
        assert row[:3] == ["late", f"{mean:.4f}", "13"]

    @pytest.mark.parametrize("key", ["mean corr", "sharpe", "max_drawdown", "mean mmc"])
    def test_numbers_sort_in_both_directions(self, page, key):
        cell = page.locator(f'#models th[data-key="{key}"]')
        seen = set()
        for _ in range(2):
            cell.locator("button").click()
            direction = cell.get_attribute("aria-sort")
            seen.add(direction)
            values = [float(text) for text in column(page, key)]
            assert values == sorted(values, reverse=direction == "descending")
            assert page.locator("#models th[aria-sort]").count() == 1
        assert seen == {"ascending", "descending"}

    def test_missing_values_are_last_in_both_directions(self, page):
        cell = page.locator('#models th[data-key="difference"] button')
        for _ in range(2):
            cell.click()
            names = column(page, "model")
            assert names[-1] == "gamma"  # not compared with itself
            values = [float(text) for text in column(page, "difference")[:-1]]
            assert len(values) == len(MODELS) - 1

    def test_names_sort_as_words(self, page):
        page.click('#models th[data-key="model"] button')
        names = column(page, "model")
        plain = [name for name in names if name not in (HOSTILE, BOLD)]
        assert plain == sorted(plain)

    def test_the_difference_follows_the_reference(self, page):
        page.select_option("#reference", "meta_model")
        cells = dict(
            zip(column(page, "model"), column(page, "difference"), strict=True)
        )
        expected = (SCORES["corr"]["alpha"] - META_MODEL).mean()
        assert cells["alpha"] == f"{expected:.4f}"
        page.select_option("#reference", "")
        assert page.locator('#models th[data-key="difference"]').count() == 0

    def test_the_sentence_counts_what_the_list_says(self, page):
        told = page.locator("#models .told").all_inner_texts()
        sentence = page.inner_text("#verdict")
        assert f"of {len(MODELS) - 1} models" in sentence
        assert f"{told.count('above')} clearly above gamma" in sentence
        assert f"{told.count('unclear')} that cannot be told from it" in sentence
        page.check("#span input[value='last 13']")
        assert "13 eras" in page.inner_text("#verdict")

    def test_numbers_stand_in_columns(self, page):
        cell = page.locator("#models tbody td").first
        style = cell.evaluate(
            """(cell) => { const style = getComputedStyle(cell);
                return [style.textAlign, style.fontVariantNumeric]; }"""
        )
        assert style == ["right", "tabular-nums"]


class TestHostileNames:
    def test_they_are_text_everywhere(self, page):
        assert page.inner_text("h1") == HOSTILE
        assert HOSTILE in column(page, "model")
        assert BOLD in column(page, "model")
        assert page.locator("#boxes label", has_text=BOLD).inner_text() == BOLD
        for name in ("strip", "weights", "exposures"):
            texts = page.locator(f"#{name}-chart .ytick text").all_text_contents()
            assert HOSTILE in texts
        assert page.locator("#models b, #boxes b").count() == 0

    def test_plotly_shows_them_as_they_are(self, page):
        order = list(SCORES["corr"].mean().sort_values(ascending=False).index)
        row = (order.index(BOLD) + 0.5) / len(order)
        page.locator("#strip-chart").scroll_into_view_if_needed()
        box = page.locator("#strip-chart .nsewdrag").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * row)
        hover = page.locator("#strip-chart .hoverlayer text")
        hover.first.wait_for()
        assert BOLD in "".join(hover.all_text_contents())

    def test_they_did_nothing(self, shared, page):
        assert shared.complaints == []
        assert page.locator("script").count() == 7


def reach(page, selector, limit=80):
    """Press Tab until what a selector names has the focus."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


class TestKeyboard:
    def test_every_switch_is_reached_and_works(self, fresh):
        reach(fresh, "#score")
        fresh.keyboard.press("m")
        assert fresh.input_value("#score") == "mmc"
        close(chart(fresh)["alpha"]["y"], SCORES["mmc"]["alpha"].cumsum())
        reach(fresh, "#reference")
        fresh.keyboard.press("n")
        assert {line["dash"] for line in chart(fresh).values()} == {"solid"}
        reach(fresh, "#span input")
        fresh.keyboard.press("ArrowRight")
        assert fresh.is_checked("#span input[value='last 52']")
        reach(fresh, ".scroller")
        reach(fresh, "#models th[data-key=sharpe] button")
        fresh.keyboard.press("Enter")
        sharpe = fresh.locator("#models th[data-key=sharpe]")
        assert sharpe.get_attribute("aria-sort") == "descending"
        fresh.keyboard.press("Space")  # the heading kept the focus
        assert sharpe.get_attribute("aria-sort") == "ascending"
        reach(fresh, "summary")
        fresh.keyboard.press("Enter")
        assert fresh.is_visible("dl")
        reach(fresh, "#view input")
        fresh.keyboard.press("ArrowRight")
        close(chart(fresh)["alpha"]["y"], SCORES["mmc"]["alpha"])
        reach(fresh, "[data-show=none]")
        fresh.keyboard.press("Enter")
        assert chart(fresh) == {}
        reach(fresh, "#boxes input[value=alpha]")
        fresh.keyboard.press("Space")
        assert set(chart(fresh)) == {"alpha"}

    def test_the_focus_is_seen(self, fresh):
        reach(fresh, "#models th button")
        style = "getComputedStyle(document.activeElement).outlineStyle"
        assert fresh.evaluate(style) == "solid"

    def test_every_switch_has_a_name(self, fresh):
        nameless = fresh.evaluate(
            """() => [...document.querySelectorAll("input, select, button")].filter(
                (e) => !(e.labels?.length) && !e.textContent.trim()).length"""
        )
        assert nameless == 0


class TestScreens:
    @pytest.mark.parametrize("width", [360, 768])
    def test_nothing_is_wider_than_the_screen(self, browser, address, width):
        page = browser.new_page(viewport={"width": width, "height": 700})
        page.goto(address)
        page.click("[data-show=all]")
        widths = page.evaluate(
            "[document.documentElement.scrollWidth, window.innerWidth]"
        )
        assert widths[0] <= widths[1] == width
        assert page.evaluate(
            "(() => { const e = document.querySelector('.scroller');"
            " return e.scrollWidth > e.clientWidth; })()"
        )
        page.close()

    def test_dark_and_light(self, browser, address):
        page = browser.new_page(color_scheme="dark")
        page.goto(address)
        ground = "getComputedStyle(document.body).backgroundColor"
        paper = "document.getElementById('score-chart').layout.paper_bgcolor"
        text = "document.getElementById('score-chart').layout.font.color"
        assert page.evaluate(ground) == "rgb(18, 22, 27)"
        assert (page.evaluate(paper), page.evaluate(text)) == ("#12161b", "#e6e9ed")
        assert chart(page)["gamma"]["color"] == "#e6e9ed"
        page.emulate_media(color_scheme="light")
        page.wait_for_function(f"{paper} === '#ffffff'")
        assert chart(page)["gamma"]["color"] == "#1b1f24"
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        page.close()


def test_live_rounds_that_are_not_final_are_hollow_on_a_shade(browser, tmp_path):
    path = tmp_path / "live.html"
    live_report().write_html(path)
    watched = Watched(browser.new_page(), path.as_uri())
    page = watched.page
    for name, dash in (("mine", "solid"), ("bench", "dot")):
        line = chart(page)[name]
        assert line["dash"] == dash
        assert [s.endswith("-open") for s in line["symbols"]] == [False] * 25 + [
            True
        ] * 5
        assert "not final" in line["text"][-1]
    (shade,) = page.evaluate("document.getElementById('score-chart').layout.shapes")
    assert (shade["x0"], shade["x1"]) == (24.5, 29.5)
    assert chart(page, "drawdown")["mine"]["y"][25:] == [None] * 5
    assert column(page, "mean corr20")
    assert "25" in page.inner_text("#models tbody tr")
    assert watched.complaints == []
    page.close()
