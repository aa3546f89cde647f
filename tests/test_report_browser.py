"""The page of a `PerformanceReport` in a real browser: what its switches really do."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pages import (
    BOLD,
    HOSTILE,
    N_SCRIPTS,
    SCREEN,
    assert_fits,
    chart,
    close,
    column,
    escaped,
    needs_browser,
    until,
)

from skbench.analysis import Analysis, Synergy
from skbench.metrics import summarize
from skbench.report import PerformanceReport

pytestmark = needs_browser

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
# "late" has so few eras that it stands beneath the others, whatever its scores are.
WHOLE = SCORES["corr"][MODELS[:-1]].mean()
BEST_FIRST = [*WHOLE.sort_values(ascending=False).index, "late"]
META_MODEL = (SCORES["corr"]["beta"].iloc[30:] / 3).rename(None)


def sums(series, first=0):
    """The line of added-up scores, from 0 before an era."""
    return [0.0, *series.iloc[first:].cumsum()]


def with_ends(middle, half=0.011):
    """Columns of a mean and its interval, by the name of the mean."""
    return {
        name + end: values + sign * half
        for name, values in middle.items()
        for end, sign in (("", 0), ("_low", -1), ("_high", 1))
    }


def make_analysis(names=tuple(MODELS[:7]), first=31, n_eras=50):
    """An analysis of eras of which the twentieth is missing, the thirtieth empty."""
    rng = np.random.default_rng(5)
    names, k = list(names), len(names)
    eras = [f"{i:04d}" for i in range(first, first + n_eras)]
    weights = pd.DataFrame(rng.dirichlet(np.arange(k, 0, -1), n_eras), eras, names)
    weights["r2"] = rng.uniform(0.4, 0.8, n_eras)
    weights.iloc[29] = [*[np.nan] * k, 0.0]
    weights = weights.drop(index=eras[19])

    steps = np.linspace(0.03, -0.03, k)
    middle = {"derivative": steps, "implied_weight": rng.random(k)}
    middle |= {"corr": rng.normal(size=k), "contribution": rng.normal(size=k)}
    board = pd.DataFrame({**with_ends(middle), "n_eras": 48}, index=names)
    board["derivative_joint_low"] = board["derivative"] - 0.021
    board["derivative_joint_high"] = board["derivative"] + 0.021

    gain = rng.uniform(0.001, 0.01, (k, k))
    gain = np.where(np.eye(k, dtype=bool), 0.0, (gain + gain.T) / 2)
    tilt = np.where(gain > np.median(gain), 0.02, 0.005) * (gain > 0)
    halves = np.array([0.01, 0.018])[:, None, None] * (gain > 0)
    ends = [tilt + sign * half for half in halves for sign in (-1, 1)]
    n_pair_eras = 48 * (gain > 0)
    values = gain, tilt, *ends, n_pair_eras
    frames = (pd.DataFrame(v, names, names) for v in values)

    comparison = pd.DataFrame(
        {
            "corr": 0.02,
            "benchmark_corr": 0.02 - steps,
            **with_ends({"difference": steps}),
            "share_won": [np.nan, *np.linspace(1, 0, k - 1)],
            "correlation": rng.random(k),
            "n_eras": 47,
            "ahead": [
                True if a > 0.011 else False if a < -0.011 else None for a in steps
            ],
            "verdict": [f"So it is with {name}." for name in names],
        },
        index=names,
    )
    sentences = [f"It has most of {name}." for name in names]
    pairs = Synergy(*frames, confidence=0.95)
    basis = (0.95, "target", 50, 5)
    return Analysis(weights, board, pairs, comparison, sentences, *basis)


ANALYSIS = make_analysis()


# Unfolds the evidence of an analysis and the models one by one.
UNFOLD = """document.querySelectorAll("#performance, #analysis > details")
    .forEach((each) => { each.open = true; })"""


def make_means():
    """Mean targets of three groups in each era, which rise by other steps."""
    eras = SCORES["corr"].index
    rng = np.random.default_rng(2)
    pairs = pd.MultiIndex.from_product([MODELS, [1, 2, 3]], names=["model", "quantile"])
    steps = np.outer(np.arange(1, 9) / 1000, [-1, 0, 1]).ravel()
    values = steps + rng.normal(0, 0.02, (len(eras), len(pairs)))
    return pd.DataFrame(values, index=eras, columns=pairs)


MEANS = make_means()


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
        quantiles=MEANS,
        analysis=ANALYSIS,
        horizon=5,
        title=HOSTILE,
    )


def live_report(final=25, late=25):
    """Rounds 1 to 30, open after ``final``, and of "bench" after ``late``."""
    rng = np.random.default_rng(1)
    rows = [
        (model, number, 20, number <= last, "corr20", rng.normal())
        for model, last in (("mine", final), ("bench", min(final, late)))
        for number in range(1, 31)
    ]
    columns = ["model", "round", "day", "resolved", "score", "value"]
    return PerformanceReport.from_live(
        pd.DataFrame(rows, columns=columns), benchmark="bench"
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    make_report().write_html(path)
    return path.as_uri()


@pytest.fixture
def page(shared, address):
    """The page as it was when it was opened, with what it folds away unfolded."""
    if shared.page.url.partition("#")[0] != address:
        shared.page.goto(address)
    shared.page.evaluate(
        """() => {
            const look = () => JSON.stringify([state, [...state.shown]]);
            const before = look();
            document.querySelectorAll("select").forEach((e) => (e.selectedIndex = 0));
            document.querySelectorAll("details").forEach((e) =>
                (e.open = e.matches("#performance, #analysis > details")));
            for (const name of ["span", "view"])
                document.querySelector(`#${name} input`).checked = true;
            Object.assign(state, {
                score: find("score").value, reference: find("reference").value,
                span: "all", view: "cumulative",
                isChosen: false, sort: { key: "mean corr", descending: true } });
            showOnly(DATA.models.slice(0, BEST));
            if (look() !== before) drawAll();
        }"""
    )
    return shared.page


@pytest.fixture
def fresh(shared, address):
    """The page opened anew, the focus nowhere."""
    shared.page.goto(address)
    return shared.page


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

    @pytest.mark.usefixtures("kernel")
    def test_in_a_notebook_frame(self, shared):
        page = shared.page
        page.goto("about:blank")
        page.set_content(make_report()._repr_html_())
        frame = page.frame_locator("iframe")
        heading = frame.locator("#analysis-heading")
        heading.wait_for()
        assert heading.evaluate("(e) => e.getBoundingClientRect().top < innerHeight")
        frame.locator("#performance > summary").click()
        frame.locator("#score-chart .scatterlayer").wait_for()
        assert frame.locator("#models tbody tr").count() == len(MODELS)
        assert shared.complaints == []

    @pytest.mark.parametrize(
        ("report", "says"),
        [
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
        ids=["nothing final", "hostile eras and score"],
    )
    def test_odd_reports(self, visit, report, says):
        page = visit(report())
        assert page.inner_text("#verdict").startswith(says)
        for choice in ("all", "none", "best"):
            page.click(f"[data-show={choice}]")
        page.select_option("#reference", "")
        assert page.locator("#analysis").count() == 0

    def test_a_page_of_one_era_and_one_sentence(self, visit):
        none = (None, None, None, None)
        found = Analysis(*none, ["Cannot tell."], 0.9, "target", 1, 13)
        scores = SCORES["corr"].iloc[:1, :1]
        page = visit(PerformanceReport(scores, analysis=found))
        page.click("#performance > summary")
        text = page.inner_text("#verdict")
        assert text.startswith("1 era of CORR is too few to tell models apart")
        close(chart(page)["alpha"]["y"], [0, SCORES["corr"].iloc[0, 0]])
        assert page.is_disabled("#view input[value=mean]")
        assert page.is_hidden("#correlation-chart")
        assert page.inner_text("#analysis .claim") == "Cannot tell."
        assert page.locator("#analysis .chart, #analysis table").count() == 0


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
        assert (line["x"][0], line["y"][0]) == ("start", 0)
        assert line["y"][11] is None
        assert line["gaps"] is False
        close(line["y"], sums(SCORES["corr"]["alpha"]))

    @pytest.mark.parametrize("window", [13, 26, 52])
    def test_rolling_numbers_are_those_of_pandas(self, page, window):
        assert page.is_hidden("#window")
        page.check("#view input[value=mean]")
        page.select_option("#window", str(window))
        for model in ("alpha", "gamma"):
            final = SCORES["corr"][model].dropna().rolling(window)
            for view, values in (
                ("mean", final.mean()),
                ("sharpe", final.mean() / final.std(ddof=0)),
            ):
                page.check(f"#view input[value={view}]")
                line = chart(page)[model]
                close(line["y"], values.reindex(SCORES["corr"].index))
                assert line["x"] == list(SCORES["corr"].index)
        assert len(set(chart(page)["alpha"]["y"])) > 20

    def test_a_window_that_no_line_fills(self, page):
        page.select_option("#score", "mmc")
        page.check("#view input[value=mean]")
        assert page.inner_text("#start") == ""
        page.select_option("#window", "52")
        assert page.inner_text("#start") == "None of these lines has 52 eras yet."

    def test_a_rolling_sharpe_of_what_does_not_vary(self, visit):
        scores = pd.DataFrame({"flat": 0.1, "b": np.arange(20.0)})
        page = visit(PerformanceReport(scores.rename(lambda i: f"{i:04d}")))
        page.check("#view input[value=sharpe]")
        assert set(chart(page)["flat"]["y"]) == {None}

    def test_the_dotted_line(self, page):
        close(chart(page)["gamma"]["y"], sums(SCORES["corr"]["gamma"]))
        page.select_option("#reference", "meta_model")
        lines = chart(page)
        assert lines["Meta Model"]["dash"] == "dot"
        assert lines["gamma"]["dash"] == "solid"
        close(lines["Meta Model"]["y"], sums(META_MODEL))
        page.select_option("#reference", "")
        assert {line["dash"] for line in chart(page).values()} == {"solid"}

    def test_all_lines_start_at_the_first_era_that_all_have(self, page):
        page.select_option("#reference", "meta_model")
        lines = chart(page)
        for name in ("alpha", "gamma", "eta"):
            close(lines[name]["y"], sums(SCORES["corr"][name], first=30))
        assert {line["x"][1] for line in lines.values()} == {"0031"}
        assert {line["y"][0] for line in lines.values()} == {0}
        assert page.inner_text("#start").startswith(
            "All lines start from 0 before era 0031, the first that all of them have. "
            "Of these, Meta Model starts last"
        )
        page.select_option("#reference", "")
        assert page.inner_text("#start") == ""
        assert chart(page)["alpha"]["x"][1] == "0001"

    def test_lines_without_an_era_in_common(self, visit):
        scores = pd.DataFrame({"a": [0.1, 0.2, np.nan], "b": [np.nan, np.nan, 0.3]})
        page = visit(PerformanceReport(scores.rename(lambda i: f"{i:04d}")))
        assert page.inner_text("#start").startswith("These lines have no era in common")
        close(chart(page)["b"]["y"], [0, np.nan, np.nan, 0.3])

    def test_the_score(self, page):
        page.select_option("#score", "mmc")
        close(chart(page)["alpha"]["y"], sums(SCORES["mmc"]["alpha"], first=40))
        title = "document.getElementById('score-chart').layout.yaxis.title.text"
        assert page.evaluate(title) == "cumulative MMC"
        # The Meta Model was given by its CORR alone.
        page.select_option("#reference", "meta_model")
        assert "Meta Model" not in chart(page)
        told = page.inner_text("#verdict")
        assert "Meta Model has no MMC" in told
        assert "Choose what to compare with" not in told

    def test_the_best_six_are_those_of_the_score_and_the_span(self, visit):
        rng = np.random.default_rng(3)
        names = list("abcdefgh")
        index = [f"{i:04d}" for i in range(70)]
        corr = pd.DataFrame(rng.normal(0, 0.1, (70, 8)), index, names)
        mmc = pd.DataFrame(rng.normal(0, 0.1, (70, 8)), index, names)
        page = visit(PerformanceReport({"corr": corr, "mmc": mmc}, horizon=5))

        def order(frame):
            return list(frame.mean().sort_values(ascending=False).index)

        def rows():
            (strip,) = chart(page, "strip").values()
            return len(strip["x"]), page.evaluate(
                "document.getElementById('strip-chart').layout.yaxis.ticktext"
            )

        for score, frame in (("corr", corr), ("mmc", mmc)):
            page.select_option("#score", score)
            for span, n in (("last 13", 13), ("last 52", 52), ("all", 70)):
                page.check(f"#span input[value='{span}']")
                best = order(frame.iloc[-n:])
                assert list(chart(page)) == best[:6]
                assert rows() == (n, best)
                assert page.inner_text("#boxes").split() == best
                assert column(page, "model") == best
                (heat,) = chart(page, "correlation").values()
                close(np.array(heat["z"]), frame[best].corr())
        assert order(corr)[:6] != order(mmc)[:6]
        # What the reader ticks stays.
        page.uncheck(f"#boxes input[value={best[0]}]")
        page.select_option("#score", "corr")
        assert set(chart(page)) == set(best[1:6])
        page.click("[data-show=best]")
        assert list(chart(page)) == order(corr)[:6]

    def test_the_span_cuts_all_charts(self, page):
        page.check("#span input[value='last 13']")
        last = list(SCORES["corr"].index[-13:])
        close(chart(page)["alpha"]["y"], sums(SCORES["corr"]["alpha"], first=67))
        assert chart(page)["alpha"]["x"] == ["start", *last]
        for name in ("drawdown", "strip"):
            assert {tuple(t["x"]) for t in chart(page, name).values()} == {tuple(last)}
        page.check("#view input[value=mean]")
        line = chart(page)["alpha"]
        assert line["x"] == last
        assert None not in line["y"]  # the eras before the span count

    def test_the_boxes(self, page):
        page.uncheck("#boxes input[value=alpha]")
        page.check("#boxes input[value=late]")
        lines = chart(page)
        assert "alpha" not in lines
        close(lines["late"]["y"], sums(SCORES["corr"]["late"], first=60))
        assert "late" in page.inner_text("#drawdown-legend")
        page.click("[data-show=all]")
        assert set(chart(page)) == {escaped(name) for name in MODELS}
        page.click("[data-show=none]")
        assert set(chart(page)) == {"gamma"}
        assert page.locator("#boxes input:checked").count() == 0
        page.click("[data-show=best]")
        assert page.locator("#boxes input:checked").count() == 6

    def test_a_single_model_has_a_band(self, page):
        assert not {"low", "high"} & set(chart(page))
        page.click("[data-show=none]")
        page.check("#boxes input[value=late]")
        ends = summarize(SCORES["corr"], horizon=5).loc["late"]
        lines, counts = chart(page), np.arange(21.0)
        for end in ("low", "high"):
            close(lines[end]["y"], counts * ends[end])
        page.check("#view input[value=mean]")
        assert not {"low", "high"} & set(chart(page))
        page.check("#view input[value=cumulative]")
        page.check("#boxes input[value=alpha]")
        assert not {"low", "high"} & set(chart(page))


def luminance(colour):
    """Relative luminance of a colour like #1b1f24, as WCAG defines it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def slow_falls(name, scores):
    """Each fall below the highest sum so far: where from, how deep, and until when."""
    scores = scores.dropna()
    total = np.array([0.0, *scores.cumsum()])
    labels = ["start", *scores.index]
    falls, i = [], 0
    while i < len(total) - 1:
        after = [j for j in range(i + 1, len(total)) if total[j] >= total[i]]
        end = after[0] if after else len(total)
        if end > i + 1:
            bottom = min(range(i + 1, end), key=lambda j: total[j])
            over = labels[end] if after else "not yet"
            depth = total[i] - total[bottom]
            falls.append(
                (name, depth, labels[i], labels[bottom], over, str(end - i - 1))
            )
        i = end
    return falls


class TestOtherCharts:
    def test_axes_name_the_score_in_short(self, page):
        titles = page.evaluate(
            """() => {
                const score = DATA.scores[state.score];
                const { label } = score;
                score.label = "payout (3 CORR + 15 MMC)";
                drawLines();
                const title = (id) => find(id).layout.yaxis.title.text;
                const found = ["score-chart", "drawdown-chart"].map(title);
                score.label = label;
                drawLines();
                return found;
            }"""
        )
        assert titles == ["cumulative payout", "payout below its highest"]

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
        order = BEST_FIRST
        for name, row in zip(order, strip["z"], strict=True):
            close(row, SCORES["corr"][name])
        page.select_option("#score", "mmc")
        (strip,) = chart(page, "strip").values()
        best = SCORES["mmc"].iloc[:, :-1].mean().idxmax()
        close(strip["z"][0], SCORES["mmc"][best].iloc[40:])

    def test_the_worst_drawdowns(self, page):
        page.click("[data-show=all]")
        rows = [
            row.split("\t")
            for row in page.locator("#worst-list tbody tr").all_inner_texts()
        ]
        expected = [
            fall for name in MODELS for fall in slow_falls(name, SCORES["corr"][name])
        ]
        expected.sort(key=lambda fall: -fall[1])
        assert len(rows) == 10
        assert rows == [[n, f"{d:.3f}", *rest] for n, d, *rest in expected[:10]]
        page.check("#span input[value='last 13']")
        page.click("[data-show=none]")
        page.select_option("#reference", "")
        page.check("#boxes input[value=alpha]")
        texts = page.locator("#worst-list tbody tr").all_inner_texts()
        falls = slow_falls("alpha", SCORES["corr"]["alpha"].iloc[-13:])
        assert len(texts) == len(falls) > 0

    def test_correlations_are_named_for_what_they_are(self, page):
        (heat,) = chart(page, "correlation").values()
        order = BEST_FIRST
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
            ("before", [0.2, 0.1]),
            ("after", [0.1, 0.05]),
        ]


class TestQuantiles:
    def bars(self, page):
        return page.evaluate(
            """() => { const [bar] = document.getElementById("quantile-chart").data;
                return { y: bar.y, up: bar.error_y.array, down: bar.error_y.arrayminus,
                         shown: bar.error_y.visible, text: bar.hovertext }; }"""
        )

    def assert_shows(self, page, model, n=N_ERAS):
        expected = summarize(MEANS[model].iloc[-n:], horizon=5)
        bars = self.bars(page)
        close(bars["y"], expected["mean"])
        close(bars["up"], expected["high"] - expected["mean"])
        close(bars["down"], expected["mean"] - expected["low"])
        apart = MEANS[model][3] - MEANS[model][1]
        spread = summarize(apart.iloc[-n:], horizon=5).iloc[0]
        told = page.inner_text("#spread")
        assert told.startswith(f"{model}, {n} eras: the rows")
        ends = f"{spread['low']:.4f} to {spread['high']:.4f}"
        assert f" {spread['mean']:.4f} above that of" in told
        assert f"(95 % interval {ends})" in told

    def test_bars_are_those_of_the_model_and_the_span(self, fresh):
        fresh.evaluate(UNFOLD)
        names = fresh.locator("#quantile-model option").all_inner_texts()
        assert names == BEST_FIRST
        self.assert_shows(fresh, BEST_FIRST[0])
        for model in (HOSTILE, "late"):
            fresh.select_option("#quantile-model", model)
            self.assert_shows(fresh, model)
        fresh.check("#span input[value='last 13']")
        self.assert_shows(fresh, "late", 13)

    def test_spaces_of_a_name_are_kept(self, visit):
        spaced = {"beta": " two  spaces "}
        scores = {name: table.rename(columns=spaced) for name, table in SCORES.items()}
        means = MEANS[["beta"]].rename(columns=spaced, level=0)
        page = visit(PerformanceReport(scores, quantiles=means, horizon=5))
        close(self.bars(page)["y"], summarize(MEANS["beta"], horizon=5)["mean"])

    def test_a_model_without_means_is_not_offered(self, visit):
        some = MEANS[["beta", "eta"]].iloc[:4]
        some = some.set_axis(
            pd.MultiIndex.from_product([["beta", "eta"], [1, 2, 3]]), axis=1
        )
        page = visit(PerformanceReport(SCORES, quantiles=some, horizon=5))
        names = page.locator("#quantile-model option").all_inner_texts()
        assert sorted(names) == ["beta", "eta"]
        assert self.bars(page)["shown"] is False
        assert "too few for an interval" in page.inner_text("#spread")
        page.check("#span input[value='last 13']")
        assert "has no era with a target here" in page.inner_text("#spread")

    def test_scores_alone_say_nothing_of_it(self, visit):
        page = visit(PerformanceReport(SCORES))
        assert page.locator("#quantile-chart, #quantile-heading").count() == 0


class TestList:
    def test_numbers_and_their_eras(self, page):
        row = page.locator("#models tbody tr", has_text="late").inner_text().split()
        mean = SCORES["corr"]["late"].mean()
        assert row[:3] == ["late", f"{mean:.4f}", "20"]
        heading = '#models th[data-key="mean corr"]'
        assert page.inner_text(heading).split()[1:] == ["79", "eras"]
        # Those that rest on as many as the others are not marked.
        assert page.locator("#models td:nth-child(2) small").count() == 1
        page.check("#span input[value='last 13']")
        row = page.locator("#models tbody tr", has_text="late").inner_text().split()
        mean = SCORES["corr"]["late"].iloc[-13:].mean()
        assert row[:2] == ["late", f"{mean:.4f}"]
        assert page.inner_text(heading).split()[1:] == ["13", "eras"]
        assert page.locator("#models td:nth-child(2) small").count() == 0

    def test_the_sharpe_ratio_has_its_interval(self, page):
        ends = summarize(SCORES["corr"], horizon=5).loc["alpha"]
        cell = page.locator("#models tbody tr", has_text="alpha").inner_text()
        low, high = ends["sharpe_low"], ends["sharpe_high"]
        assert f"{ends['sharpe']:.3f} {low:.3f} to {high:.3f}" in " ".join(cell.split())

    @pytest.mark.parametrize("key", ["mean corr", "sharpe", "max_drawdown", "mean mmc"])
    def test_numbers_sort_in_both_directions(self, page, key):
        cell = page.locator(f'#models th[data-key="{key}"]')
        seen = set()
        for _ in range(2):
            cell.locator("button").click()
            direction = cell.get_attribute("aria-sort")
            seen.add(direction)
            assert column(page, "model")[-1] == "late"  # it has fewer eras
            values = [float(text) for text in column(page, key)[:-1]]
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

    def test_models_with_fewer_eras_stand_beneath_and_say_by_how_much(self, visit):
        eras = [f"{i:04d}" for i in range(1, 61)]
        steps = 0.01 * np.sin(np.arange(60.0)) + np.repeat([0.0, 0.04], 30)
        corr = pd.DataFrame({"weak": steps, "strong": steps + 0.01}, index=eras)
        corr["near"] = (corr["strong"] - 0.002).iloc[30:]
        corr["nearest"] = (corr["strong"] - 0.001).iloc[30:]
        mmc = corr[["weak", "strong", "nearest"]]
        report = PerformanceReport(
            {"corr": corr, "mmc": mmc},
            horizon=5,
            made={"near": "in sample", "weak": "not known", "nearest": "in sample"},
        )
        page = visit(report)
        told = page.locator("#shorter li").all_inner_texts()
        assert [line.split(" (")[0] for line in told] == [
            f"{model}: 30 eras, 0031 to 0060; there {less} below strong"
            for model, less in {"nearest": "0.0010", "near": "0.0020"}.items()
        ]
        assert column(page, "model") == ["strong", "weak", "nearest", "near"]
        badges = page.locator("#models tbody tr", has=page.locator(".badge"))
        assert [text.split()[:3] for text in badges.all_inner_texts()] == [
            [model, "in", "sample"] for model in ("nearest", "near")
        ]
        page.click('#models th[data-key="mean corr"] button')
        assert column(page, "model") == ["weak", "strong", "near", "nearest"]
        page.click('#models th[data-key="model"] button')
        assert column(page, "model") == ["near", "nearest", "strong", "weak"]
        page.select_option("#score", "mmc")
        (line,) = page.locator("#shorter li").all_inner_texts()
        assert line.startswith("nearest: 30 eras")
        page.check("#span input[value='last 13']")
        assert page.locator("#shorter li").count() == 0  # all have these
        assert page.locator("#made li").all_inner_texts() == [
            "near, nearest: in sample",
            "weak: not known",
        ]

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

    @pytest.mark.parametrize("score", ["corr", "mmc"])
    @pytest.mark.parametrize("model", ["alpha", "late", HOSTILE])
    def test_any_model_may_be_the_reference(self, page, model, score):
        page.select_option("#score", score)
        page.select_option("#reference", label=model)
        for span, n in (("all", N_ERAS), ("last 52", 52)):
            page.check(f"#span input[value='{span}']")
            scores = SCORES[score].dropna(how="all").iloc[-n:]
            if span == "last 52":
                scores = SCORES[score].loc[SCORES["corr"].index[-52:]]
            ends = summarize(scores, scores[model], horizon=5)
            for row in page.locator("#models tbody tr").all():
                cells = row.locator("td").all_inner_texts()
                name = row.locator("th span").first.inner_text()
                if name == model:
                    assert cells[2] == "–"
                    continue
                found = ends.loc[name]
                number, *rest = cells[2].split()
                assert number == f"{found['difference']:.4f}".replace(
                    "-0.0000", "0.0000"
                )
                if not np.isnan(found["difference_low"]):
                    low, high = found[["difference_low", "difference_high"]]
                    assert " ".join(rest[-4:-1]) == f"{low:.4f} to {high:.4f}"
        assert model in page.inner_text("#verdict")
        assert chart(page)[escaped(model)]["dash"] == "dot"

    def test_the_sentence_counts_what_the_list_says(self, page):
        told = page.locator("#models .told").all_inner_texts()
        sentence = page.inner_text("#verdict")
        assert f"of {len(MODELS) - 1} models" in sentence
        assert f"{told.count('above')} clearly above gamma" in sentence
        assert f"{told.count('unclear')} that cannot be told from it" in sentence
        page.check("#span input[value='last 13']")
        assert "13 eras" in page.inner_text("#verdict")

    def test_the_sentence_says_how_many_eras_a_comparison_rests_on(self, page):
        page.select_option("#reference", "meta_model")
        told = page.inner_text("#verdict")
        n = int(SCORES["corr"]["beta"].iloc[30:].notna().sum())
        assert told.startswith(
            f"CORR over up to 79 eras, of which {n} have Meta Model too: of 8 models, "
        )
        page.select_option("#reference", "benchmark")
        assert "of which" not in page.inner_text("#verdict")

    def test_numbers_stand_in_columns(self, page):
        cell = page.locator("#models tbody td").first
        style = cell.evaluate(
            """(cell) => { const style = getComputedStyle(cell);
                return [style.textAlign, style.fontVariantNumeric]; }"""
        )
        assert style == ["right", "tabular-nums"]


def order_of_weights():
    means = ANALYSIS.implied_weights.drop(columns="r2").mean()
    return list(means.sort_values(ascending=False).index)


class TestAnalysis:
    def test_sentences_are_a_list(self, page):
        texts = page.locator("#analysis .claim").all_inner_texts()
        assert texts == ANALYSIS.sentences

    def test_each_claim_stands_above_its_evidence(self, page):
        seen = page.locator(
            "#analysis h3, #analysis .claim, #analysis .chart, #analysis table"
        ).evaluate_all("(all) => all.map((e) => e.tagName + e.id)")
        assert seen[3:] == [
            *("H3", "P", "DIVimplied-chart", "TABLEimplied-list"),
            *("H3", "P", "TABLEunderweight-list"),
            *("H3", "P", "DIVsynergy-chart"),
            *("H3", "P", "TABLEcomparison-list"),
        ]
        assert (
            page.inner_text("#analysis summary >> nth=-1") == "All 7 verdicts in words"
        )

    def test_implied_weights_are_stacked_and_gaps_are_gaps(self, page):
        weights = ANALYSIS.implied_weights.reindex(
            [f"{i:04d}" for i in range(31, 81)]
        )  # the missing era in its place
        order = order_of_weights()
        traces = chart(page, "implied")
        assert list(traces)[:6] == [
            *map(escaped, order[:5]),
            "2 other models, added up",
        ]
        for name in order[:5]:
            assert traces[escaped(name)]["x"] == list(weights.index)
            close(traces[escaped(name)]["y"], weights[name])
        rest = weights[order[5:]].sum(axis=1, min_count=1)
        close(traces["2 other models, added up"]["y"], rest)
        stacked = "document.getElementById('implied-chart').layout.barmode"
        assert page.evaluate(stacked) == "stack"

    def test_the_share_explained_is_a_line_with_gaps(self, page):
        line = chart(page, "implied")["share explained"]
        assert line["gaps"] is False
        assert (line["y"][19], line["y"][29]) == (None, 0.0)
        assert "era 0031: 0." in line["text"][0]

    def test_every_part_has_its_place_in_the_legend(self, page):
        texts = page.locator("#implied-legend li").all_inner_texts()
        assert texts[:5] == order_of_weights()[:5]
        colours = page.locator("#implied-legend path").evaluate_all(
            "(paths) => paths.map((path) => path.getAttribute('stroke'))"
        )
        assert len(set(colours)) == 7

    def test_means_of_the_weights(self, page):
        means = ANALYSIS.implied_weights.mean()
        row = page.locator("#implied-list tbody tr").first.inner_text().split()
        first = order_of_weights()[0]
        assert row[:2] == [first, f"{means[first]:.3f}"]
        assert row[3] == "to"
        heading = page.inner_text("#implied-list th[data-key=mean]")
        assert heading.split()[-2:] == ["48", "eras"]

    def test_the_list_of_what_is_underweighted(self, page):
        rows = page.locator("#underweight-list tbody tr").all_inner_texts()
        assert rows[0].split()[:7] == [
            *("alpha", "0.0300"),
            *("0.0090", "to", "0.0510", "more", "helps"),
        ]
        told = page.locator("#underweight-list .told").all_inner_texts()
        assert told == ["more helps", *["unclear"] * 5, "more hurts"]

    @pytest.mark.parametrize(
        ("table", "key"),
        [
            ("implied-list", "mean"),
            ("underweight-list", "derivative"),
            ("underweight-list", "implied_weight"),
            ("underweight-list", "contribution"),
            ("comparison-list", "difference"),
            ("comparison-list", "share_won"),
        ],
    )
    def test_lists_sort_in_both_directions(self, page, table, key):
        page.evaluate(
            "for (const e of document.querySelectorAll('details')) e.open = 1"
        )
        cell = page.locator(f"#{table} th[data-key={key}]")
        seen = set()
        for _ in range(2):
            cell.locator("button").click()
            direction = cell.get_attribute("aria-sort")
            seen.add(direction)
            texts = column(page, key, table)
            assert "–" not in texts[:-1]  # the missing is last
            values = [float(text) for text in texts if text != "–"]
            assert values == sorted(values, reverse=direction == "descending")
            assert page.locator(f"#{table} th[aria-sort]").count() == 1
        assert seen == {"ascending", "descending"}

    def test_gains_and_half_widths(self, page):
        (heat,) = chart(page, "synergy").values()
        means = SCORES["corr"].mean().sort_values(ascending=False)
        order = [name for name in means.index if name in ANALYSIS.synergy.gain]
        found = ANALYSIS.synergy
        gain, tilt, low, high = (
            frame.loc[order, order].to_numpy()
            for frame in (
                found.gain,
                found.tilt,
                found.tilt_joint_low,
                found.tilt_joint_high,
            )
        )
        for i, j in np.ndindex(gain.shape):
            if i == j:
                cell = (heat["z"][i][j], heat["cells"][i][j], heat["text"][i][j])
                assert cell == (None, "", "")
                continue
            assert heat["z"][i][j] == pytest.approx(gain[i, j], rel=1e-5)
            text = heat["cells"][i][j].removeprefix("<b>").removesuffix("</b>")
            star = " *" if low[i, j] > 0 else ""
            below = f"{1000 * tilt[i, j]:.1f} ±{1000 * (high - low)[i, j] / 2:.1f}"
            assert text == f"{1000 * gain[i, j]:.1f}{star}<br>{below}"
            ends = f"({low[i, j]:.4f} to {high[i, j]:.4f})"
            assert f"tilt {tilt[i, j]:.4f} {ends}" in heat["text"][i][j]
            assert escaped(order[i]) in heat["text"][i][j]
        marked = int((np.triu(low) > 0).sum())
        assert 0 < marked < 21
        text = page.inner_text("#analysis")
        assert f"among all pairs together: {marked} of 21." in text
        assert "Scored with target, which 50 eras have. All intervals" in text
        assert "95 % intervals" in text

    def test_the_comparison_has_verdicts(self, page):
        names = page.locator("#comparison-list tbody th").all_inner_texts()
        told = page.locator("#comparison-list .told").all_inner_texts()
        ahead = ANALYSIS.comparison["ahead"]
        words = {True: "ahead", False: "behind", None: "unclear"}
        assert told == [words[ahead[name]] for name in names]
        page.locator("summary", has_text="in words").click()
        assert "So it is with alpha." in page.inner_text("#analysis")

    def test_it_stays_when_the_score_changes(self, page):
        before = chart(page, "implied")
        page.select_option("#score", "mmc")
        page.select_option("#reference", "")
        assert chart(page, "implied") == before

    def test_many_models_called_by_numbers(self, visit):
        # An object in JavaScript would sort such keys by their size.
        names = [str(i) for i in range(20, 0, -1)]
        found = make_analysis(names, first=1, n_eras=31)
        page = visit(PerformanceReport(SCORES, analysis=found, horizon=5))
        page.evaluate(UNFOLD)
        means = found.implied_weights.drop(columns="r2").mean()
        order = means.sort_values(ascending=False).index
        assert list(chart(page, "implied"))[:5] == list(order[:5])
        assert "15 other models, added up" in chart(page, "implied")
        (heat,) = chart(page, "synergy").values()
        assert {cell for row in heat["cells"] for cell in row} == {"", "*"}

    def test_too_few_eras_for_any_interval(self, visit):
        found = make_analysis(("__proto__", "b"), n_eras=31)
        nothing = found.synergy.gain * np.nan
        board, compared = (
            frame.assign(**dict.fromkeys(frame.filter(regex="_(low|high)$"), np.nan))
            for frame in (found.underweight, found.comparison)
        )
        ends = ("tilt_low", "tilt_high", "tilt_joint_low", "tilt_joint_high")
        pairs = replace(found.synergy, **dict.fromkeys(ends, nothing))
        found = replace(
            found,
            underweight=board,
            synergy=pairs,
            comparison=compared,
            sentences=[],
            horizon=40,
        )
        page = visit(PerformanceReport(SCORES, analysis=found, horizon=40))
        page.evaluate(UNFOLD)
        for table in ("underweight-list", "comparison-list"):
            told = page.locator(f"#{table} .told").all_inner_texts()
            assert set(told) == {"too few"}
        assert set(column(page, "interval", "implied-list")) == {"–"}
        text = page.inner_text("#analysis")
        assert "too few eras for an interval of any tilt" in text
        (heat,) = chart(page, "synergy").values()
        assert "too few eras for an interval" in heat["text"][0][1]
        assert "±" not in heat["cells"][0][1]
        close(
            chart(page, "implied")["__proto__"]["y"][:3],
            found.implied_weights["__proto__"].iloc[:3],
        )


class TestFolds:
    @pytest.fixture(autouse=True)
    def _as_before(self, shared):
        yield
        shared.page.set_viewport_size(SCREEN)

    def test_the_answers_stand_on_the_first_two_screens(self, fresh):
        fresh.set_viewport_size({"width": 1280, "height": 900})
        height = "document.documentElement.scrollHeight"
        assert fresh.locator("details[open]").count() == 0
        ends = fresh.locator("#analysis .claim").evaluate_all(
            "(all) => all.map((e) => e.getBoundingClientRect().bottom)"
        )
        assert len(ends) == 7
        assert max(ends) < 1800
        fresh.evaluate(
            """document.querySelectorAll("#analysis > details")
                .forEach((each) => { each.open = true; })"""
        )
        assert fresh.evaluate(height) < 3500

    def test_a_chart_that_is_unfolded_has_the_width_of_the_page(self, fresh):
        fresh.set_viewport_size({"width": 700, "height": 900})
        fresh.evaluate(UNFOLD)
        width = """[...document.querySelectorAll(".chart")].every((e) =>
            e._fullLayout.width === e.clientWidth && e.clientWidth === %d)"""
        until(fresh, width % 668)
        fresh.set_viewport_size({"width": 1000, "height": 900})
        until(fresh, width % 968)

    def test_all_is_printed_and_folded_again(self, fresh):
        fresh.click("#performance > summary")
        fresh.evaluate(
            """window.addEventListener("beforeprint", () => { window.folded =
                document.querySelectorAll("details:not([open])").length; })"""
        )
        fresh.pdf()
        assert fresh.evaluate("window.folded") == 0
        until(fresh, "document.querySelectorAll('details[open]').length === 1")
        assert fresh.get_attribute("#performance", "open") is not None

    def test_own_model_is_called_no_benchmark(self, visit):
        own = [name for name in MODELS[:7] if name != "gamma"]
        found = make_analysis(own)
        page = visit(PerformanceReport(SCORES, benchmark="gamma", analysis=found))
        assert "Own model: gamma." in page.inner_text(".lead")
        page = visit(PerformanceReport(SCORES, benchmark="gamma"))
        assert "Benchmark: gamma." in page.inner_text(".lead")


class TestHostileNames:
    def test_they_are_text_everywhere(self, page):
        assert page.inner_text("h1") == HOSTILE
        assert HOSTILE in column(page, "model")
        assert BOLD in column(page, "model")
        assert page.locator("#boxes label", has_text=BOLD).inner_text() == BOLD
        for name in ("strip", "weights", "exposures", "synergy"):
            texts = page.locator(f"#{name}-chart .ytick text").all_text_contents()
            assert HOSTILE in texts
        for table in ("implied-list", "underweight-list", "comparison-list"):
            names = page.locator(f"#{table} tbody th").all_text_contents()
            assert {HOSTILE, BOLD} < set(names)
        assert HOSTILE in "".join(page.locator(".claim").all_inner_texts())
        assert page.locator("#models b, #boxes b, #analysis li b").count() == 0
        assert page.locator("#analysis table b").count() == 0

    def test_plotly_shows_them_as_they_are(self, page):
        order = BEST_FIRST
        row = (order.index(BOLD) + 0.5) / len(order)
        page.locator("#strip-chart").scroll_into_view_if_needed()
        box = page.locator("#strip-chart .nsewdrag").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * row)
        hover = page.locator("#strip-chart .hoverlayer text")
        hover.first.wait_for()
        assert BOLD in "".join(hover.all_text_contents())

    def test_they_did_nothing(self, shared, page):
        assert shared.complaints == []
        assert page.locator("script").count() == N_SCRIPTS


def reach(page, selector, limit=80):
    """Press Tab until what a selector names has the focus."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


class TestKeyboard:
    def test_every_switch_is_reached_and_works(self, fresh):
        reach(fresh, "#performance > summary")
        fresh.keyboard.press("Enter")
        reach(fresh, "#score", 1)
        fresh.keyboard.press("m")
        assert fresh.input_value("#score") == "mmc"
        close(chart(fresh)["alpha"]["y"], sums(SCORES["mmc"]["alpha"], first=40))
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
        assert fresh.is_visible("#performance dl")
        reach(fresh, "#view input")
        fresh.keyboard.press("ArrowRight")
        means = SCORES["mmc"]["alpha"].iloc[40:].rolling(13).mean()
        close(chart(fresh)["alpha"]["y"], means)
        reach(fresh, "#window")
        fresh.keyboard.press("2")
        assert fresh.input_value("#window") == "26"
        reach(fresh, "[data-show=none]")
        fresh.keyboard.press("Enter")
        assert chart(fresh) == {}
        reach(fresh, "#boxes input[value=alpha]")
        fresh.keyboard.press("Space")
        assert set(chart(fresh)) == {"alpha"}
        reach(fresh, "#worst-list th[data-key=peak] button")
        fresh.keyboard.press("Enter")
        peak = fresh.locator("#worst-list th[data-key=peak]")
        assert peak.get_attribute("aria-sort") == "ascending"

    def test_lists_of_the_analysis_are_reached_and_sort(self, fresh):
        for table, key in (
            ("implied-list", "interval"),
            ("underweight-list", "corr"),
            ("comparison-list", "correlation"),
        ):
            reach(fresh, f"details:has(#{table}) > summary", 20)
            fresh.keyboard.press("Enter")
            reach(fresh, f".scroller:has(#{table})", 20)
            reach(fresh, f"#{table} th[data-key={key}] button", 20)
            fresh.keyboard.press("Enter")
            cell = fresh.locator(f"#{table} th[data-key={key}]")
            assert cell.get_attribute("aria-sort") == "descending"
            fresh.keyboard.press("Space")
            assert cell.get_attribute("aria-sort") == "ascending"

    def test_the_focus_is_seen(self, page):
        reach(page, "#models th button")
        style = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(style) == "solid"

    def test_every_switch_has_a_name(self, page):
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input, select, button")].filter(
                (e) => !(e.labels?.length) && !e.textContent.trim()).length"""
        )
        assert nameless == 0


class TestScreens:
    @pytest.fixture(autouse=True)
    def _as_before(self, shared):
        yield
        shared.page.emulate_media(color_scheme="light")
        shared.page.set_viewport_size(SCREEN)

    @pytest.mark.parametrize("width", [360, 768])
    def test_nothing_is_wider_than_the_screen(self, page, width):
        page.set_viewport_size({"width": width, "height": 700})
        page.click("[data-show=all]")
        assert_fits(page, width)
        assert page.evaluate(
            "(() => { const e = document.querySelector('.scroller:has(#models)');"
            " return e.scrollWidth > e.clientWidth; })()"
        )

    def test_names_break_between_their_words(self, visit):
        name = "v53_lgbm_jeremy20"
        scores = pd.DataFrame({name: [0.1, 0.2, 0.3]}).rename(lambda i: f"{i:04d}")
        page = visit(PerformanceReport(scores))
        page.set_viewport_size({"width": 360, "height": 700})
        lines = page.locator("#models tbody th span").evaluate(
            """(span) => [...span.childNodes].filter((e) => e.data).map((node) => {
                const range = document.createRange();
                range.selectNodeContents(node);
                return range.getClientRects().length; })"""
        )
        assert lines == [1, 1, 1]
        assert page.inner_text("#models tbody th") == name

    def test_names_beside_a_chart_lose_the_start_that_they_share(self, visit):
        names = ["v18_ridge_hillary30", "v18_hgb_hillary30", "v18_hgb_ken30"]
        scores = pd.DataFrame(0.01, SCORES["corr"].index, names)
        page = visit(PerformanceReport(scores))
        shown = "document.getElementById('strip-chart').layout.yaxis.ticktext"
        assert sorted(page.evaluate(shown)) == sorted(names)
        page.set_viewport_size({"width": 360, "height": 700})
        until(page, f"{shown}[0].startsWith('…')")
        own = ["…ridge_hillary30", "…hgb_hillary30", "…hgb_ken30"]
        assert sorted(page.evaluate(shown)) == sorted(own)

    def test_a_phone_from_the_start(self, fresh):
        fresh.set_viewport_size({"width": 360, "height": 700})
        fresh.reload()
        assert fresh.evaluate("document.documentElement.scrollWidth") <= 360
        # No room for numbers in the cells: a star is left of them.
        (heat,) = chart(fresh, "synergy").values()
        assert {cell for row in heat["cells"] for cell in row} == {"", "*"}

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_the_two_blues_can_be_told_apart(self, page, scheme):
        page.emulate_media(color_scheme=scheme)
        texts = page.evaluate("[0, 5].map((i) => colour(`model-${i}`))")
        page.emulate_media(color_scheme="light")
        low, high = sorted(luminance(text) for text in texts)
        assert (high + 0.05) / (low + 0.05) > 1.75

    def test_points_have_a_ring_of_the_ground(self, page):
        page.emulate_media(color_scheme="dark")
        ring = "document.getElementById('score-chart').data[0].marker.line.color"
        until(page, f"{ring} === '#12161b'")
        page.emulate_media(color_scheme="light")
        until(page, f"{ring} === '#ffffff'")

    def test_dark_and_light(self, page):
        ground = "getComputedStyle(document.body).backgroundColor"
        for scheme, (seen, paper, text) in {
            "dark": ("rgb(18, 22, 27)", "#12161b", "#e6e9ed"),
            "light": ("rgb(255, 255, 255)", "#ffffff", "#1b1f24"),
        }.items():
            page.emulate_media(color_scheme=scheme)
            for name in ("score", "implied", "synergy"):
                layout = f"document.getElementById('{name}-chart').layout"
                until(page, f"{layout}.font.color === '{text}'")
                assert page.evaluate(f"{layout}.paper_bgcolor") == paper
            assert page.evaluate(ground) == seen
            assert chart(page)["gamma"]["color"] == text


def test_live_rounds_that_are_not_final_are_hollow_on_a_shade(visit):
    page = visit(live_report())
    for name, dash in (("mine", "solid"), ("bench", "dot")):
        line = chart(page)[name]
        assert line["dash"] == dash
        assert [s.endswith("-open") for s in line["symbols"]] == [False] * 26 + [
            True
        ] * 5
        assert "not final" in line["text"][-1]
    (shade,) = page.evaluate("document.getElementById('score-chart').layout.shapes")
    assert (shade["x0"], shade["x1"]) == (25.5, 30.5)
    assert chart(page, "drawdown")["mine"]["y"][25:] == [None] * 5
    assert column(page, "mean corr20")
    assert "25 rounds" in page.inner_text("#models thead")
    lead = "2 models, 25 rounds (1 to 25). 5 rounds are not final yet."
    assert page.inner_text(".lead").startswith(lead)


def test_a_round_that_is_open_for_one_model_is_hollow_for_it_alone(visit):
    page = visit(live_report(final=30, late=29))
    hollow = {
        name: [s.endswith("-open") for s in chart(page)[name]["symbols"]]
        for name in ("mine", "bench")
    }
    assert hollow == {"mine": [False] * 31, "bench": [False] * 30 + [True]}
    (shade,) = page.evaluate("document.getElementById('score-chart').layout.shapes")
    assert (shade["x0"], shade["x1"]) == (29.5, 30.5)
    drawn = chart(page, "drawdown")
    assert drawn["mine"]["y"][29] is not None
    assert drawn["bench"]["y"][29] is None
