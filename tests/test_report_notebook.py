"""Reports in a notebook: plotly once, small ones after it, and none stays empty."""

import html
import re
import types

import numpy as np
import pandas as pd
import pytest
from pages import HOSTILE, Page, needs_browser

from skbench.report import PerformanceReport, _notebook

pytest.importorskip("plotly", reason="needs the extra `report`")


def make_report(n_eras=40, models=("a", "b", HOSTILE), scores=("corr",)):
    rng = np.random.default_rng(0)
    eras = [f"{i:04d}" for i in range(1, n_eras + 1)]
    shape = n_eras, len(models)
    frames = {
        name: pd.DataFrame(rng.normal(0.02, 0.02, shape), eras, list(models))
        for name in scores
    }
    return PerformanceReport(frames, benchmark=models[0])


def running(monkeypatch, cell):
    """Let a cell run, as a frontend that names it says."""
    shell = types.SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": cell}})
    module = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(_notebook.sys.modules, "IPython", module)


def has_plotly(output):
    return "plotly.js v" in output


@pytest.mark.usefixtures("kernel")
class TestOutput:
    def test_plotly_is_in_the_first_alone(self):
        first, *others = [make_report()._repr_html_() for _ in range(3)]
        assert has_plotly(first)
        assert not any(map(has_plotly, others))
        assert all(first.endswith(other) for other in others)

    def test_sizes_in_bytes(self):
        models = [f"v53_lgbm_target{i:02d}_20" for i in range(22)]
        largest = make_report(690, models, ("corr", "mmc"))
        for report, most in ((make_report(), 100_000), (largest, 600_000)):
            _notebook._shown_in.clear()
            first, second = (report._repr_html_().encode() for _ in range(2))
            assert 4_000_000 < len(first) < 6_000_000
            assert len(second) < most

    def test_a_cell_that_runs_again_has_it_again(self, monkeypatch):
        report = make_report()
        running(monkeypatch, "one")
        assert has_plotly(report._repr_html_())
        running(monkeypatch, "two")
        assert not has_plotly(report._repr_html_())
        running(monkeypatch, "one")
        assert has_plotly(report._repr_html_())

    def test_a_file_has_its_own(self, tmp_path):
        make_report()._repr_html_()
        make_report().write_html(tmp_path / "report.html")
        text = (tmp_path / "report.html").read_text()
        assert has_plotly(text)
        assert "cdn.plot.ly" not in Page(text).text
        assert "text/plain" not in [dict(a).get("type") for _, a in Page(text).tags]
        (policy,) = [a["content"] for t, a in Page(text).tags if "http-equiv" in a]
        assert "http" not in policy

    def test_only_plotly_may_be_loaded_and_from_there_alone(self):
        frame = Page(make_report()._repr_html_()).tags[-1][1]
        assert frame["sandbox"] == "allow-scripts"
        page = Page(frame["srcdoc"])
        (policy,) = [a["content"] for t, a in page.tags if "http-equiv" in a]
        assert policy.count("https://") == 1
        assert "script-src 'unsafe-inline' https://cdn.plot.ly;" in policy

    def test_no_name_ends_a_script(self):
        page = Page(make_report()._repr_html_())
        assert [tag for tag, _ in page.tags] == ["script", "iframe"]
        inside = Page(page.tags[-1][1]["srcdoc"])
        assert not any("alert(1)</script>" in text for text in inside.script)


@pytest.fixture
def notebook(browser):
    """Show outputs in a page without network, or with one that has plotly."""
    pages = []

    def show(*outputs, plotly=None, apart=False, dark=False):
        page = browser.new_page(color_scheme="dark" if dark else "light")
        pages.append(page)
        page.complaints, page.asked = [], []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: page.complaints.append(dialog.message))

        def answer(route):
            page.asked.append(route.request.url)
            if plotly is None:
                return route.abort()
            allowed = {"Access-Control-Allow-Origin": "*"}
            return route.fulfill(
                body=plotly, content_type="text/javascript", headers=allowed
            )

        page.route(re.compile("^https?:"), answer)
        if apart:
            outputs = [
                f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(output)}" '
                'style="width:100%;height:900px"></iframe>'
                for output in outputs
            ]
        page.set_content("".join(outputs))
        return page

    yield show
    for page in pages:
        page.close()


def drawn(page, i=0):
    """Wait until a report has its list and its chart; return what it is in."""
    frame = page.frame_locator("iframe").nth(i) if isinstance(i, int) else i
    frame.locator("#score-chart .scatterlayer").wait_for()
    assert frame.locator("#models tbody tr").count() == 3
    assert frame.locator("#lost").is_hidden()
    return frame


@needs_browser
@pytest.mark.usefixtures("kernel")
class TestBrowser:
    def test_every_report_is_drawn_from_the_one_plotly(self, notebook):
        page = notebook(*[make_report()._repr_html_() for _ in range(3)])
        for i in range(3):
            drawn(page, i)
        assert page.asked == page.complaints == []

    def test_in_whatever_order_the_cells_are_shown(self, notebook):
        first, second = (make_report()._repr_html_() for _ in range(2))
        page = notebook(second, first)
        drawn(page, 0)
        drawn(page, 1)
        assert page.asked == page.complaints == []

    def test_plotly_that_comes_late_is_taken_all_the_same(self, notebook):
        first, second = (make_report()._repr_html_() for _ in range(2))
        page = notebook(second)
        lost = page.frame_locator("iframe").locator("#lost")
        lost.wait_for()
        assert "Restart the kernel and run the cell again" in lost.inner_text()
        page.evaluate(
            """(output) => {
                const cell = document.createElement("div");
                document.body.append(cell);
                cell.append(document.createRange().createContextualFragment(output));
            }""",
            first,
        )
        drawn(page, 0)
        drawn(page, 1)
        assert len(page.asked) == 1
        assert page.complaints == []

    def test_a_report_alone_loads_the_same_bytes(self, notebook):
        from plotly.offline import get_plotlyjs

        make_report()._repr_html_()
        page = notebook(make_report()._repr_html_(), plotly=get_plotlyjs())
        drawn(page)
        assert page.asked == [_notebook.asked()["url"]]
        assert page.complaints == []

    def test_other_bytes_do_not_run(self, notebook):
        make_report()._repr_html_()
        page = notebook(make_report()._repr_html_(), plotly="alert('not plotly')")
        page.frame_locator("iframe").locator("#lost").wait_for()
        assert page.complaints == []

    def test_outputs_in_frames_of_their_own(self, notebook):
        from plotly.offline import get_plotlyjs

        outputs = [make_report()._repr_html_() for _ in range(2)]
        page = notebook(*outputs, plotly=get_plotlyjs(), apart=True)
        for i in range(2):
            cell = page.frame_locator("iframe").nth(i)
            drawn(page, cell.frame_locator("iframe"))
        assert len(page.asked) == 1  # the second, which has nobody to ask

    def test_another_frame_cannot_make_a_report_run_its_script(self, notebook):
        make_report()._repr_html_()
        key = _notebook.asked()["key"]
        stranger = (
            "<script>setInterval(() => parent.frames[0].postMessage("
            f"{{ '{key}': 'alert(1)' }}, '*'), 50)</script>"
        )
        other = f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(stranger)}">'
        page = notebook(make_report()._repr_html_() + other)
        page.frame_locator("iframe").first.locator("#lost").wait_for()
        assert page.complaints == []
