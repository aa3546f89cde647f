"""`BacktestReport`: its numbers, its file, and what a browser makes of it."""

import json
import re
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from helpers import five_steps
from pages import (
    BOLD,
    HOSTILE,
    SCREEN,
    Page,
    assert_fits,
    chart,
    close,
    column,
    escaped,
    needs_browser,
    until,
)
from sklearn.pipeline import make_pipeline

from skbench import EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.datasets import make_benchmark_models
from skbench.metrics import summarize
from skbench.model_selection import WalkForwardEraSplit, backtest
from skbench.report import BacktestReport

pytest.importorskip("plotly", reason="a page needs plotly")
pytest.importorskip("jinja2", reason="a page needs jinja2")

HORIZON, CONFIDENCE = 5, 0.9
ENDS = ("", "_low", "_high")


@cache
def tournament(n_models=11):
    """Return 70 eras, of which 45 have a meta model, with models of odd names."""
    data = make_benchmark_models(
        70, 40, n_models, 6, meta_model_eras=45, random_state=3
    )
    names = dict(zip(data.models, (HOSTILE, BOLD, *data.models[2:]), strict=True))
    return data.frame.rename(columns=names), [*names.values()]


def run(candidates, n_models=11, **options):
    frame, _ = tournament(n_models)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # windows with few eras
        return backtest(
            candidates,
            frame,
            frame["target"],
            WalkForwardEraSplit(9, HORIZON),
            horizon=HORIZON,
            **options,
        )


def learner(objective, proportion, **options):
    _, models = tournament()
    stacking = StackingWeights(objective, columns=models, horizon=HORIZON, **options)
    return five_steps(stacking, proportion=proportion)


def blend(**options):
    _, models = tournament()
    stacking = StackingWeights("corr", columns=models, horizon=HORIZON, **options)
    return make_pipeline(EraRankGauss(), stacking)


@cache
def found():
    """Two objectives at three proportions; that for MMC begins later."""
    payout = {"corr": 0.75, "contribution": 2.25}
    candidates = {
        f"{objective} {proportion}": learner(objective, proportion, **options)
        for objective, options in (("corr", {}), ("payout", {"payout": payout}))
        for proportion in (0, 0.5, 1)
    }
    candidates[HOSTILE] = learner("sharpe", 0.25)
    candidates["__proto__"] = learner("corr", 0.5, nonnegative=False)
    return run(candidates, confidence=CONFIDENCE)


@cache
def report():
    return BacktestReport(found(), title=BOLD)


def same(got, expected):
    """Whether a number of a report is one of a frame, which has NaN for None."""
    got = np.array([np.nan if value is None else value for value in np.ravel(got)])
    np.testing.assert_allclose(got, np.ravel(expected), rtol=1e-12, equal_nan=True)


class TestNumbers:
    @pytest.mark.parametrize("score", ["corr", "mmc", "payout"])
    def test_the_list_is_the_summary(self, score):
        summary, joint = found().summary(), found().joint_intervals(score)
        rows = report().to_dict()["scores"][score]["table"]
        assert {row["name"] for row in rows} == set(summary.index)
        pairs = {f"mean{end}": f"{score}{end}" for end in ENDS}
        pairs |= {
            name: f"{score}_{name}" for name in ("sharpe", "max_drawdown", "n_eras")
        }
        pairs |= {f"difference{end}": f"{score}_difference{end}" for end in ENDS}
        pairs |= {"turnover": "turnover", "exposure": "exposure"}
        for row in rows:
            for field, name in pairs.items():
                same(row[field], summary.loc[row["name"], name])
            if row["name"] in joint.index:
                same(row["joint_low"], joint.loc[row["name"], "low"])
                same(row["joint_high"], joint.loc[row["name"], "high"])
            else:
                assert row["joint_low"] is None

    @pytest.mark.parametrize("score", ["corr", "mmc", "payout"])
    def test_the_verdict_is_on_the_best_of_the_joint_intervals(self, score):
        numbers = report().to_dict()["scores"][score]
        assert numbers["verdict"] == found().verdict(score)
        joint = found().joint_intervals(score)
        # None is sure to be better, so it is the one with the largest difference, but
        # those on "payout" have fewer eras.
        assert joint["low"].max() < 0
        whole = [name for name in joint.index if not name.startswith("payout")]
        assert numbers["best"] == joint["difference"][whole].idxmax()
        low, high = joint.loc[numbers["best"], ["low", "high"]]
        assert (
            f"difference {low:.4f} to {high:.4f}, held together" in numbers["verdict"]
        )
        assert numbers["n_candidates"] == len(joint) == 8

    def test_joint_intervals_are_longer_and_of_the_same_means(self):
        joint, summary = found().joint_intervals(), found().summary()
        own = summary.loc[joint.index]
        same(joint["difference"], own["corr_difference"])
        assert (joint["low"] < own["corr_difference_low"]).all()
        assert (joint["high"] > own["corr_difference_high"]).all()

    def test_those_with_fewer_eras_stand_beneath(self):
        numbers = report().to_dict()
        n_eras = found().summary()["corr_n_eras"]
        order = [one["name"] for one in numbers["candidates"]]
        assert [name.startswith("payout") for name in order] == [
            *[False] * (len(order) - 3),
            *[True] * 3,
        ]
        for score in numbers["scores"].values():
            assert [row["name"] for row in score["table"]] == order
        shorter = {
            row["name"]: row["shorter"] for row in numbers["scores"]["corr"]["table"]
        }
        assert {name for name in shorter if shorter[name]} == set(
            n_eras.index[n_eras < 0.9 * n_eras.max()]
        )
        table = found().scores["corr"]
        both = table["payout 1"].notna()
        versus = table[order[0]]
        told = f"{abs((table['payout 1'] - versus)[both].mean()):.4f}"
        assert f"there {told} " in shorter["payout 1"]
        assert order[0] in shorter["payout 1"]
        whole = found().summary().loc[order[:-3], "corr"]
        assert whole.is_monotonic_decreasing

    @pytest.mark.parametrize("score", ["corr", "mmc"])
    def test_sums_and_the_bands_of_differences(self, score):
        numbers = report().to_dict()["scores"][score]
        table = found().scores[score]
        for name, line in numbers["cumulative"].items():
            same(line, table[name].cumsum())
        for name, rivals in found().rivals.items():
            difference = table[name] - table[rivals["equal weights"]]
            ends = summarize(difference, horizon=HORIZON, confidence=CONFIDENCE).iloc[0]
            got = numbers["differences"][name]
            same(got["cumulative"], difference.cumsum())
            assert got["n_eras"] == difference.count() == ends["n_eras"]
            counts = difference.notna().cumsum().where(difference.notna())
            same(got["low"], counts * ends["low"])
            same(got["high"], counts * ends["high"])
        assert set(numbers["differences"]) == set(found().rivals)

    def test_weights_of_each_window_the_rest_added_up(self):
        weights = report().to_dict()["weights"]
        assert set(weights) == set(found().weights)
        path, got = found().weights["corr 0"], weights["corr 0"]
        order = path.mean().sort_values(ascending=False, kind="stable").index
        assert got["windows"] == list(path.index)
        assert got["models"] == list(order[:8])
        same(got["values"], path[order[:8]].to_numpy().T)
        assert got["n_others"] == 3
        same(got["others"], path[order[8:]].sum(axis=1))
        total = np.sum(got["values"], axis=0) + got["others"]
        np.testing.assert_allclose(total, 1.0)
        assert got["equal"] == pytest.approx(1 / 11)

    def test_curves_are_paired_differences_from_proportion_0(self):
        curves = report().to_dict()["curves"]
        # Of learned and equal weights, and of the best single model.
        assert [curve["name"] for curve in curves] == [
            "corr 0",
            "payout 0",
            "equal weights, proportion 0",
            "best single model, proportion 0",
        ]
        tables = {
            "corr": found().scores["corr"],
            "mmc": found().scores["mmc"],
            "exposure": found().exposures,
        }
        for curve in curves:
            assert curve["measures"] == [*tables]
            proportions = [row["proportion"] for row in curve["rows"]]
            assert proportions[0] == 0.0
            assert proportions == sorted(proportions)
            for row in curve["rows"]:
                for measure, table in tables.items():
                    paired = table[row["name"]] - table[curve["name"]]
                    ends = summarize(paired, horizon=HORIZON, confidence=CONFIDENCE)
                    for end, name in zip(ENDS, ("mean", "low", "high"), strict=True):
                        # A difference of nothing is 0, its interval too.
                        same(row[measure + end], ends[name].iloc[0])
                    assert row[f"{measure}_n_eras"] == paired.count()

    def test_a_payout_says_what_it_is_the_sum_of(self):
        numbers = report().to_dict()["scores"]["payout"]
        assert (numbers["label"], numbers["explained"]) == (
            "payout",
            "0.75 CORR + 2.25 MMC",
        )

    def test_it_is_plain_and_a_copy(self):
        numbers = report().to_dict()
        assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
        numbers["scores"].clear()
        assert set(report().to_dict()["scores"]) == {"corr", "mmc", "payout"}


class TestOthers:
    def test_no_curve_no_section(self):
        numbers = BacktestReport(run({"one": learner("corr", 0.5)})).to_dict()
        assert numbers["curves"] == []
        text = Page(BacktestReport(run({"one": learner("corr", 0.5)}))._page()).text
        assert "What neutralising does" not in text
        assert "How its weights moved" in text

    def test_given_weights_have_no_windows(self):
        _, models = tournament()
        given = WeightedEnsemble(dict(zip(models, range(1, 12), strict=True)))
        report = BacktestReport(run({"mine": make_pipeline(EraRankGauss(), given)}))
        numbers = report.to_dict()
        assert (numbers["windows"], numbers["weights"]) == ([], {})
        assert numbers["scores"]["corr"]["best"] == "mine"
        assert "How its weights moved" not in Page(report._page()).text

    def test_it_takes_a_backtest_alone(self):
        frame = found().summary()
        with pytest.raises(TypeError, match=r"`found` must be .* gives; got DataFrame"):
            BacktestReport(frame)
        with pytest.raises(ValueError, match="`title` must be a text that is not empt"):
            BacktestReport(found(), title=" ")

    def test_repr_and_notebook(self):
        told = repr(BacktestReport(found()))
        n_eras = len(found().scores["corr"])
        assert told == (
            f"BacktestReport('Backtest': {len(found().summary())} candidates, "
            f"{n_eras} eras, scores: corr, mmc, payout)"
        )
        page = Page(report()._repr_html_())
        assert [tag for tag, _ in page.tags][-1] == "iframe"
        assert page.tags[-1][1]["title"] == BOLD

    def test_hostile_names_are_data(self, tmp_path):
        report().write_html(tmp_path / "page.html")
        page = Page((tmp_path / "page.html").read_text())
        # The data, plotly, and our own scripts: none came from a name.
        assert [tag for tag, _ in page.tags].count("script") == 8
        assert not {"b", "img"} & {tag for tag, _ in page.tags}
        data = json.loads(page.script[0])
        assert data["scores"]["corr"]["verdict"] == found().verdict()
        assert HOSTILE in page.text

    def test_an_unknown_score_of_a_backtest(self):
        for method in (found().joint_intervals, found().differences, found().verdict):
            with pytest.raises(ValueError, match=r"`score` must be .*'sharpe'"):
                method("sharpe")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("backtest") / "report.html"
    report().write_html(path)
    return path.as_uri()


@pytest.fixture
def page(shared, address):
    """The page as it is when it is opened, which must not complain of anything."""
    shared.page.set_viewport_size(SCREEN)
    shared.page.goto(address)
    yield shared.page
    assert shared.complaints == []
    shared.page.emulate_media(color_scheme="light")


def numbers_of(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


@needs_browser
class TestBrowser:
    def test_no_request_no_complaint(self, shared, page, address):
        shared.requests.clear()
        page.reload()
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(200)
        assert set(shared.requests) == {address}
        assert shared.complaints == []

    def test_eras_without_targets_are_told_of(self, page):
        scored = found().scores["corr"].notna().any(axis=1)
        lead = page.inner_text(".lead")
        assert f"{len(scored)} eras" in lead
        assert f"of which {scored.sum()} can be scored" in lead

    def test_the_verdict_stands_on_top_and_follows_the_score(self, page):
        for score in ("corr", "mmc", "payout"):
            page.select_option("#score", score)
            assert page.inner_text("#verdict") == f"{found().verdict(score)}."
        assert "The best of 8 has had 8 chances" in page.inner_text("#chances")

    @pytest.mark.parametrize("score", ["corr", "payout"])
    def test_the_list(self, page, score):
        page.select_option("#score", score)
        rows = report().to_dict()["scores"][score]["table"]
        names = column(page, "name", "candidates")
        whole = sorted(
            (row for row in rows if not row["shorter"]), key=lambda row: -row["mean"]
        )
        beneath = sorted(
            (row for row in rows if row["shorter"]), key=lambda row: -row["mean"]
        )
        assert names == [row["name"] for row in [*whole, *beneath]]
        for key, digits in (("mean", 4), ("sharpe", 3), ("n_eras", 0)):
            got = column(page, key, "candidates")
            assert got == [f"{row[key]:.{digits}f}" for row in [*whole, *beneath]]
        best = next(row for row in rows if row["name"] == "corr 0.5")
        cell = page.locator("#candidates tbody tr").nth(names.index("corr 0.5"))
        ends = [f"{best[f'{part}_{end}']:.4f}" for part in ("difference", "joint")
                for end in ("low", "high")]  # fmt: skip
        text = " ".join(cell.inner_text().split())
        assert f"{ends[0]} to {ends[1]}" in text
        assert f"{ends[2]} to {ends[3]}" in text

    def test_those_with_fewer_eras_stay_beneath_in_both_directions(self, page):
        for _ in range(2):
            page.click("#candidates th[data-key=sharpe] button")
            names = column(page, "name", "candidates")
            assert {name[:6] for name in names[-3:]} == {"payout"}
        rows = report().to_dict()["scores"]["corr"]["table"]
        told = [row["shorter"] for row in rows if row["shorter"]]
        assert page.locator("#shorter li").all_inner_texts() == told

    def test_lines_and_what_they_stand_against(self, page):
        chosen = report().to_dict()["scores"]["corr"]["best"]
        rivals = found().rivals[chosen]
        lines, sums = chart(page, "lines"), found().scores["corr"].cumsum()
        for kind, dash in (("equal weights", "dot"), ("best single model", "dash")):
            assert lines[escaped(rivals[kind])]["dash"] == dash
            close(lines[escaped(rivals[kind])]["y"], sums[rivals[kind]])
        close(lines[escaped(chosen)]["y"], sums[chosen])
        assert not [name for name in lines if name.startswith("payout")]
        page.click("[data-show=all]")
        lines = chart(page, "lines")
        assert set(lines) == {escaped(name) for name in found().summary().index}
        solid = {name for name, line in lines.items() if line["dash"] == "solid"}
        assert solid == {escaped(name) for name in found().joint_intervals().index}
        for name, line in lines.items():
            original = next(n for n in sums if escaped(n) == name)
            close(line["y"], sums[original])
        page.click("[data-show=none]")
        assert chart(page, "lines") == {}

    def test_upright_lines_where_weights_were_learned_anew(self, page):
        shapes = page.evaluate("document.getElementById('lines-chart').layout.shapes")
        eras = list(found().scores["corr"].index)
        starts = [eras.index(era) for era in found().weights["corr 0"].index]
        assert starts[0] == 0
        assert [shape["x0"] for shape in shapes] == [i - 0.5 for i in starts[1:]]

    @pytest.mark.parametrize("name", ["corr 1", "payout 0", HOSTILE, "__proto__"])
    def test_the_difference_with_its_bands(self, page, name):
        page.select_option("#candidate", name)
        got = report().to_dict()["scores"]["corr"]["differences"][name]
        lines = chart(page, "difference")
        close(lines[escaped(name)]["y"], np.array(got["cumulative"], float))
        for end in ("low", "high"):
            close(lines[end]["y"], np.array(got[end], float))
            close(lines[f"joint {end}"]["y"], np.array(got[f"joint_{end}"], float))
        row = found().summary().loc[name]
        joint = found().joint_intervals().loc[name]
        claim = page.inner_text("#difference-claim")
        assert claim.startswith(f"{name} scores ")
        told = numbers_of(claim.removeprefix(name))
        assert told == pytest.approx(
            [
                abs(row["corr_difference"]),
                row["corr_difference_low"],
                row["corr_difference_high"],
                joint["low"],
                joint["high"],
            ],
            abs=5.1e-5,
        )
        holds = row["corr_difference_low"] <= 0 <= row["corr_difference_high"]
        assert ("which holds 0" in claim) == holds
        assert "90\N{NO-BREAK SPACE}% interval" in claim

    def test_weights_are_steps(self, page):
        page.select_option("#candidate", "corr 1")
        path = found().weights["corr 1"]
        eras = list(found().scores["corr"].index)
        traces = chart(page, "weights")
        order = path.mean().sort_values(ascending=False, kind="stable").index
        assert list(traces) == [*map(escaped, order[:8]), "3 other models, added up"]
        every = path.reindex(eras).ffill()
        for name in order[:8]:
            assert traces[escaped(name)]["x"] == eras
            close(traces[escaped(name)]["y"], every[name])
        close(traces["3 other models, added up"]["y"], every[order[8:]].sum(axis=1))
        look = "document.getElementById('weights-chart').data.map((t) => t.%s)"
        assert set(page.evaluate(look % "line.shape")) == {"hvh"}
        assert set(page.evaluate(look % "stackgroup")) == {"all"}
        claim = page.inner_text("#weights-claim")
        moved = found().summary().loc["corr 1", "turnover"]
        assert f"{100 * moved:.0f} % of the weights of corr 1 move" in claim
        assert "each model 9.1 %" in claim

    def test_weights_that_begin_later_and_negative_ones(self, page):
        page.select_option("#candidate", "payout 1")
        path = found().weights["payout 1"]
        eras = list(found().scores["corr"].index)
        first = next(iter(chart(page, "weights").values()))
        assert first["x"] == eras[eras.index(path.index[0]) :]
        page.select_option("#candidate", "__proto__")
        assert found().weights["__proto__"].to_numpy().min() < 0
        groups = page.evaluate(
            "document.getElementById('weights-chart').data.map((t) => t.stackgroup)"
        )
        assert set(groups) == {None}
        assert "negative" in page.inner_text("#weights-claim")

    def test_curves_follow_the_candidate_and_their_own_switch(self, page):
        curves = report().to_dict()["curves"]
        page.select_option("#candidate", "payout 0.5")
        assert page.input_value("#curve") == "1"
        for place, curve in enumerate(curves):
            page.select_option("#curve", str(place))
            rows = curve["rows"]
            for measure in ("corr", "mmc", "exposure"):
                panel = page.evaluate(
                    f"document.getElementById('{measure}-chart').data[0]"
                )
                assert panel["x"] == [row["proportion"] for row in rows]
                middle = np.array([row[measure] for row in rows])
                close(panel["y"], middle)
                for end, key in (("high", "array"), ("low", "arrayminus")):
                    ends = np.array([row[f"{measure}_{end}"] for row in rows], float)
                    close(panel["error_y"][key], np.nan_to_num(abs(ends - middle)))
            last = rows[-1]
            claim = page.inner_text("#curve-claim")
            assert f"largest exposure falls by {-last['exposure']:.4f}" in claim
            shares = [f"{row['proportion']:g}" for row in rows[1:]]
            assert column(page, "proportion", "curve-list") == shares
            cells = [f"{row['mmc']:.4f}" for row in rows[1:]]
            assert column(page, "mmc", "curve-list") == cells

    def test_hostile_names_are_text(self, page):
        assert page.inner_text("h1") == BOLD
        assert HOSTILE in column(page, "name", "candidates")
        page.select_option("#candidate", HOSTILE)
        assert page.locator("main b").count() == 0
        legend = page.locator("#weights-legend li").all_inner_texts()
        shown = report().to_dict()["weights"][HOSTILE]["models"]
        assert legend[:8] == shown
        assert {HOSTILE, BOLD} & set(shown)
        assert page.locator("script").count() == 8

    def test_without_the_meta_model_and_with_too_few_eras(self, visit):
        frame, _ = tournament()
        short = frame[frame["era"] <= "0030"].drop(columns="numerai_meta_model")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            few = backtest(
                {f"at {p}": learner("corr", p) for p in (0, 1)},
                short,
                short["target"],
                WalkForwardEraSplit(9, HORIZON),
                horizon=13,
            )
        page = visit(BacktestReport(few))
        assert page.inner_text("#verdict").startswith("too few eras to tell anything")
        assert "too few eras for an interval" in page.inner_text("#difference-claim")
        assert set(chart(page, "difference")) == {page.input_value("#candidate")}
        assert page.is_hidden("#mmc-chart")
        assert page.is_visible("#corr-chart")

    def test_a_candidate_of_given_weights_alone(self, visit):
        _, models = tournament()
        given = WeightedEnsemble(dict.fromkeys(models, 1 / 11))
        steps = make_pipeline(EraRankGauss(), given)
        page = visit(BacktestReport(run({"mine": steps, "learned": blend()})))
        page.select_option("#candidate", "mine")
        assert page.inner_text("#weights-claim") == (
            "The weights of mine are given, not learned."
        )
        assert page.is_hidden("#weights-chart")
        page.select_option("#candidate", "learned")
        assert page.is_visible("#weights-chart")

    def test_every_switch_has_a_name(self, page):
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input, select, button")].filter(
                (e) => !(e.labels?.length) && !e.textContent.trim()).length"""
        )
        assert nameless == 0

    @pytest.mark.parametrize("width", [360, 768])
    def test_nothing_is_wider_than_the_screen(self, page, width):
        page.set_viewport_size({"width": width, "height": 700})
        page.click("[data-show=all]")
        assert_fits(page, width)

    def test_dark_and_light(self, page):
        for scheme, text in (("dark", "#e6e9ed"), ("light", "#1b1f24")):
            page.emulate_media(color_scheme=scheme)
            for name in ("lines", "difference", "weights", "corr", "exposure"):
                layout = f"document.getElementById('{name}-chart').layout"
                until(page, f"{layout}.font.color === '{text}'")


def test_real_pages_are_small(tmp_path):
    path = tmp_path / "page.html"
    report().write_html(path)
    assert path.stat().st_size < 8_000_000


def test_labels_of_eras_may_be_numbers():
    frame, _ = tournament()
    numbered = frame.assign(era=frame["era"].astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = BacktestReport(
            backtest(
                {"one": blend()},
                numbered,
                numbered["target"],
                WalkForwardEraSplit(9, HORIZON),
            )
        ).to_dict()
    assert set(numbers["windows"]) <= set(numbers["eras"])
    assert pd.Series(numbers["eras"]).str.fullmatch(r"\d+").all()
