"""`PerformanceReport`: its numbers, its errors and its file."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import long_scores, long_tournament
from pages import N_SCRIPTS, Page

from skbench.analysis import Analysis, Synergy, analyze, compare
from skbench.datasets import load_benchmark_models
from skbench.metrics import feature_exposure, numerai_corr, summarize
from skbench.report import FeatureExposureDisplay, PerformanceReport
from skbench.staking import PayoutRule, simulate

pytest.importorskip("plotly", reason="a page needs plotly")
pytest.importorskip("jinja2", reason="a page needs jinja2")

BLOCK = 5


def eras(n, first=1):
    return [f"{i:04d}" for i in range(first, first + n)]


def random_scores(n_eras=60, models=("a", "b", "c"), seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.01, 0.03, (n_eras, len(models)))
    return pd.DataFrame(values, index=eras(n_eras), columns=list(models))


def rows_of(report, span="all", score="corr"):
    summary = report.to_dict()["summary"]
    return {
        row["model"]: row
        for row in summary
        if (row["span"], row["score"]) == (span, score)
    }


@pytest.fixture(scope="module")
def data():
    return long_tournament()


@pytest.fixture(scope="module")
def scores():
    return long_scores()


class TestNumbers:
    @pytest.mark.parametrize(
        ("span", "n"), [("all", 65), ("last 52", 52), ("last 13", 13)]
    )
    def test_all_numbers_are_those_of_summarize(self, data, scores, span, n):
        report = PerformanceReport(scores, benchmark=data.models[1], horizon=BLOCK)
        scored = scores["corr"].dropna(how="all").index[-n:]
        for name, frame in scores.items():
            part = frame.loc[scored]
            expected = summarize(part, part[data.models[1]], horizon=BLOCK)
            for model, row in rows_of(report, span, name).items():
                for field in ("mean", "low", "high", "sharpe", "max_drawdown"):
                    assert row[field] == pytest.approx(
                        expected.loc[model, field], rel=1e-12
                    ) or (row[field] is None and np.isnan(expected.loc[model, field]))
                assert row["n_eras"] == expected.loc[model, "n_eras"]
                difference = row["differences"]["benchmark"]
                assert difference["n_eras"] == expected.loc[model, "n_paired"]
                for field, column in (
                    ("mean", "difference"),
                    ("low", "difference_low"),
                    ("high", "difference_high"),
                ):
                    wanted = expected.loc[model, column]
                    got = np.nan if difference[field] is None else difference[field]
                    np.testing.assert_allclose(got, wanted, rtol=1e-12)

    def test_a_mean_and_its_count_by_hand(self):
        frame = pd.DataFrame({"a": [1.0, None, 3.0], "b": [1.0, 2.0, 9.0]}, eras(3))
        report = PerformanceReport(frame, benchmark="b")
        row = rows_of(report)["a"]
        assert (row["mean"], row["n_eras"], row["n_missing"]) == (2.0, 2, 1)
        assert row["differences"]["benchmark"] == {
            "mean": -3.0,
            "low": None,
            "high": None,
            "n_eras": 2,
        }

    def test_eras_without_a_score_stay_gaps(self, data, scores):
        values = PerformanceReport(scores).to_dict()["scores"]["mmc"]["values"]
        series = values[data.models[0]]
        assert series.count(None) == 70 - 25
        assert 0.0 not in series

    def test_spans_that_hold_all_eras_are_left_out(self):
        spans = PerformanceReport(random_scores(40)).to_dict()["spans"]
        assert spans == [
            {"name": "all", "n_eras": 40, "first": "0001", "last": "0040"},
            {"name": "last 13", "n_eras": 13, "first": "0028", "last": "0040"},
        ]
        assert len(PerformanceReport(random_scores(13)).to_dict()["spans"]) == 1

    def test_pairs_are_the_differences_of_the_summary(self):
        frame = random_scores(60, ("a", "b", "c"))
        frame.loc[frame.index[:30], "b"] = np.nan
        frame.loc[frame.index[5], "c"] = np.nan
        numbers = PerformanceReport(frame, horizon=4).to_dict()
        assert [pair["span"] for pair in numbers["pairs"]] == [
            *("all", "last 52", "last 13"),
        ]
        for pair, n in zip(numbers["pairs"], (60, 52, 13), strict=True):
            last = frame.iloc[-n:]
            for i, name in enumerate(pair["models"]):
                assert len(pair["mean"][i]) == i
                for j, other in enumerate(pair["models"][:i]):
                    told = summarize(last[[name]], last[other], horizon=4).loc[name]
                    got = [pair[key][i][j] for key in ("mean", "low", "high", "n_eras")]
                    assert got == pytest.approx(
                        [
                            told["difference"],
                            told["difference_low"],
                            told["difference_high"],
                            told["n_paired"],
                        ]
                    )

    def test_eras_without_a_score_are_not_counted(self):
        frame = random_scores(60)
        frame.iloc[-5:] = np.nan
        report = PerformanceReport(frame)
        assert ", 55 eras, scores: corr" in repr(report)
        lead = " ".join(Page(report._page()).text.split())
        assert "55 eras (0001 to 0055)." in lead

    def test_recent_eras_are_the_last_with_a_score_whatever_the_row_order(self):
        frame = random_scores(60)
        frame.iloc[-5:] = np.nan
        shuffled = frame.sample(frac=1, random_state=0)
        report = PerformanceReport(shuffled)
        assert report.to_dict()["eras"] == eras(60)
        wanted = frame["a"].iloc[-18:-5].mean()
        assert rows_of(report, "last 13")["a"]["mean"] == pytest.approx(wanted)

    def test_models_are_sorted_by_the_first_score(self):
        frame = pd.DataFrame({"bad": [0.0, 0.1], "none": np.nan, "good": 1.0}, eras(2))
        assert PerformanceReport(frame).to_dict()["models"] == ["good", "bad", "none"]

    def test_models_with_fewer_eras_are_sorted_by_what_the_best_has_there(self):
        frame = random_scores(60)
        frame["late"] = frame["a"].iloc[30:] + 0.001
        frame["later"] = frame["a"].iloc[40:] + 0.002
        frame.iloc[:30] -= 0.1
        report = PerformanceReport(frame, horizon=BLOCK)
        whole = frame[["a", "b", "c"]].mean().sort_values(ascending=False).index
        assert report.to_dict()["models"] == [*whole, "later", "late"]
        rows = rows_of(report)
        assert rows["late"]["mean"] > rows[whole[0]]["mean"]
        beside = summarize(frame, whole[0], horizon=BLOCK).loc["late"]
        found = rows["late"]["shorter"]
        told = found.pop("told")
        assert found == {
            "versus": whole[0],
            "mean": beside["difference"],
            "low": beside["difference_low"],
            "high": beside["difference_high"],
            "n_eras": 30,
        }
        side = "above" if found["mean"] > 0 else "below"
        assert told.startswith(
            f"late: 30 eras, 0031 to 0060; there {abs(found['mean']):.4f} {side} "
            f"{whole[0]} ("
        )
        assert [rows[model]["shorter"] for model in whole] == [None] * 3
        assert rows_of(report, "last 13")["late"]["shorter"] is None

    def test_correlations_are_those_of_the_scores_with_enough_eras(self):
        frame = random_scores(30)
        frame.iloc[2:, 2] = np.nan  # only 2 eras in common with the others
        numbers = PerformanceReport(frame).to_dict()["scores"]["corr"]["correlations"]
        expected = np.corrcoef(frame["a"], frame["b"])[0, 1]
        assert numbers["values"][0][1] == pytest.approx(expected)
        assert numbers["values"][0][2] is None

    def test_correlations_that_are_given_are_kept(self):
        given = pd.DataFrame([[1.0, 0.3], [0.3, 1.0]], ["a", "b"], ["a", "b"])
        report = PerformanceReport(random_scores(), correlations=given)
        assert report.to_dict()["correlations"]["values"] == [[1.0, 0.3], [0.3, 1.0]]

    def test_it_is_plain_and_a_copy(self, data, scores):
        report = PerformanceReport(scores, benchmark=data.models[0])
        text = json.dumps(report.to_dict(), allow_nan=False)
        assert json.loads(text) == report.to_dict()
        report.to_dict()["models"].clear()
        assert report.to_dict()["models"]

    def test_nothing_is_left_to_chance(self):
        frame = random_scores(100)
        one, two = (PerformanceReport(frame, horizon=3) for _ in range(2))
        assert one.to_dict() == two.to_dict()

    def test_frames_of_other_kinds_count_their_rows(self):
        frame = random_scores(20)
        polars = PerformanceReport(pl.DataFrame(frame.reset_index(drop=True)))
        array = PerformanceReport(frame.to_numpy())
        assert polars.to_dict()["eras"] == [str(i) for i in range(20)]
        assert array.to_dict()["models"] == [
            str("abc".index(m)) for m in polars.to_dict()["models"]
        ]

    def test_models_that_only_some_scores_have(self):
        scores = {"corr": random_scores(), "mmc": random_scores()[["b"]]}
        numbers = PerformanceReport(scores, benchmark="a").to_dict()
        assert list(numbers["scores"]["mmc"]["values"]) == ["b"]
        assert numbers["scores"]["mmc"]["references"] == {}

    def test_the_target_sets_the_horizon(self):
        frame = random_scores(30)
        short = PerformanceReport(frame, target="target_ender_20")
        assert short.to_dict()["scores"]["corr"]["horizon"] == 5
        assert rows_of(short)["a"]["low"] is not None
        assert short.to_dict()["scores"]["corr"]["least_eras"] == 10
        assert PerformanceReport(frame).to_dict()["scores"]["corr"]["horizon"] == 13
        seldom = PerformanceReport(random_scores(60).iloc[::4]).to_dict()
        assert seldom["scores"]["corr"]["least_eras"] == 8  # 13 weeks hold 4 of these

    @pytest.mark.parametrize(
        ("name", "label"),
        [("corr", "CORR"), ("corr20", "CORR20"), ("v2_corr20", "CORR20"), ("x", "x")],
    )
    def test_labels(self, name, label):
        numbers = PerformanceReport({name: random_scores(5)}).to_dict()
        assert numbers["scores"][name]["label"] == label


class TestReferences:
    def test_a_series_is_matched_by_era_and_holds_the_first_score(self):
        frame = random_scores(10)
        series = pd.Series([0.5, 0.25], index=["0010", "0003"])
        scores = {"corr": frame, "mmc": frame}
        numbers = PerformanceReport(scores, meta_model=series).to_dict()
        assert numbers["meta_model"] == {"name": "Meta Model", "is_model": False}
        values = numbers["scores"]["corr"]["references"]["meta_model"]
        assert [values[2], values[9], values.count(None)] == [0.25, 0.5, 8]
        assert "meta_model" not in numbers["scores"]["mmc"]["references"]

    def test_an_array_is_matched_by_row_before_eras_are_sorted(self):
        frame = random_scores(4).iloc[::-1]
        report = PerformanceReport(frame, benchmark=np.array([4.0, 3.0, 2.0, 1.0]))
        values = report.to_dict()["scores"]["corr"]["references"]["benchmark"]
        assert values == [1.0, 2.0, 3.0, 4.0]

    def test_a_mapping_holds_several_scores(self):
        frame = random_scores(10)
        report = PerformanceReport(
            {"corr": frame, "mmc": frame},
            benchmark={"mmc": frame["a"].rename("ours"), "corr": frame["b"]},
        )
        numbers = report.to_dict()
        values = numbers["scores"]["mmc"]["references"]["benchmark"]
        assert values == frame["a"].tolist()
        assert numbers["benchmark"] == {"name": "ours", "is_model": False}

    def test_a_series_that_is_called_like_a_model_is_not_that_model(self):
        frame = random_scores(10)
        for value, is_model in (("a", True), (frame["a"] / 2, False)):
            numbers = PerformanceReport(frame, benchmark=value).to_dict()
            assert numbers["benchmark"] == {"name": "a", "is_model": is_model}

    def test_both_references_are_compared(self):
        report = PerformanceReport(
            random_scores(60), benchmark="b", meta_model="c", horizon=BLOCK
        )
        rows = rows_of(report)
        means = {key: row["mean"] for key, row in rows.items()}
        for key, other in (("benchmark", "b"), ("meta_model", "c")):
            got = rows["a"]["differences"][key]["mean"]
            assert got == pytest.approx(means["a"] - means[other])

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("zz", r"`benchmark` must name one of the models 'a', 'b', 'c'.*got 'zz'"),
            ({"mmc": "a"}, r"`benchmark` must hold some of the scores 'corr'.*'mmc'"),
            ({}, r"`benchmark` must hold some of the scores"),
            (pd.Series([1.0], ["9999"]), r"`benchmark` has no value for any of"),
            (pd.Series([np.inf], ["0001"]), r"`benchmark` must not be infinite"),
            (pd.Series([np.nan], ["0001"]), r"`benchmark` has no score in any"),
            (pd.Series([1.0, 2.0], ["0001"] * 2), "several are '0001'"),
            (np.ones(3), r"`benchmark` must have one value a row; got 3 for 60"),
        ],
    )
    def test_what_cannot_be_compared_with(self, value, message):
        with pytest.raises(ValueError, match=message):
            PerformanceReport(random_scores(), benchmark=value)


class TestOtherInputs:
    def test_weights_of_every_kind(self):
        frame = pd.DataFrame({"weight": [0.2, 0.8]}, ["a", "b"])
        for given in ({"a": 0.2, "b": 0.8}, frame["weight"], frame):
            numbers = PerformanceReport(random_scores(), weights=given).to_dict()
            assert numbers["weights"] == [
                {"name": "a", "weight": 0.2, "low": None, "high": None},
                {"name": "b", "weight": 0.8, "low": None, "high": None},
            ]
        numbers = PerformanceReport(
            random_scores(), weights=frame.assign(low=0, high=1)
        )
        assert numbers.to_dict()["weights"][1]["high"] == 1.0

    def test_exposures_are_mean_sizes_over_eras_largest_first(self, data):
        frame = data.frame
        found = feature_exposure(
            frame[data.models[0]], frame[data.features], era=frame["era"]
        )
        report = PerformanceReport(
            random_scores(),
            exposures={"before": found, "after": -found.abs().mean() / 2},
        )
        numbers = report.to_dict()["exposures"]
        order = found.abs().mean().sort_values(ascending=False)
        assert numbers["features"] == list(order.index)
        assert numbers["largest"]["before"] == pytest.approx(order.iloc[0])
        assert numbers["largest"]["after"] == pytest.approx(order.iloc[0] / 2)

    def test_features_of_other_names_stand_beside_each_other(self):
        stages = {"before": pd.Series({"a": 0.3, "b": -0.2}), "after": pd.Series([0.1])}
        numbers = PerformanceReport(random_scores(), exposures=stages).to_dict()
        assert numbers["exposures"] == {
            "features": ["a", "b", "0"],
            "stages": {"before": [0.3, 0.2, None], "after": [None, None, 0.1]},
            "largest": {"before": 0.3, "after": 0.1},
        }

    def test_stages_of_one_name(self):
        stages = {1: pd.Series([0.1]), "1": pd.Series([0.2])}
        with pytest.raises(ValueError, match="`exposures` has duplicate column names"):
            PerformanceReport(random_scores(), exposures=stages)

    def test_exposures_to_and_fro_do_not_cancel_out(self):
        index = eras(20)
        before = pd.DataFrame({"small": 0.05, "turns": [0.4, -0.4] * 10}, index)
        after = before / 2
        report = PerformanceReport(
            random_scores(), exposures={"before": before, "after": after}
        )
        numbers = report.to_dict()["exposures"]
        assert numbers["features"] == ["turns", "small"]
        assert numbers["stages"]["before"] == pytest.approx([0.4, 0.05])
        # The chart says the same.
        plt = pytest.importorskip("matplotlib.pyplot")
        plt.switch_backend("agg")
        drawn = FeatureExposureDisplay.from_exposures(before, after)
        plt.close(drawn.figure_)
        for stage, sizes in drawn.exposures.items():
            assert numbers["features"] == list(sizes.index)
            assert numbers["stages"][stage] == pytest.approx(list(sizes))

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"weights": {}}, "`weights` has 0 rows"),
            ({"weights": {"a": np.nan}}, "`weights` must not be missing"),
            ({"weights": {"a": np.inf}}, "`weights` must not be infinite"),
            ({"weights": {"a": "x"}}, "must hold numbers"),
            ({"weights": random_scores(2)}, "`weights` must have the column 'weight'"),
            ({"exposures": {}}, "at least one stage"),
            ({"exposures": pd.Series([2.0])}, "`exposures` must be correlations"),
            ({"correlations": random_scores(2)}, "models as rows and"),
            (
                {"correlations": pd.DataFrame([[1, 2], [2, 1]])},
                "`correlations` must be between -1 and 1",
            ),
            (
                {"correlations": pd.DataFrame([[1, 0.5], [0.1, 1]])},
                "`correlations` must be symmetric",
            ),
            ({"title": " "}, "`title` must be a text"),
            ({"title": None}, "`title` must be a text"),
            ({"horizon": 0}, "`horizon` must be a whole number"),
            ({"target": 20}, "`target` must be the name of a target; got 20"),
        ],
    )
    def test_what_cannot_be_used(self, option, message):
        with pytest.raises(ValueError, match=message):
            PerformanceReport(random_scores(), **option)


@pytest.fixture(scope="module")
def analysis(data):
    return analyze(data, model=data.models[0], horizon=BLOCK)


def answers(sentences=(), **changes):
    """An analysis that found nothing, but for what is given."""
    fields = {
        "implied_weights": None,
        "underweight": None,
        "synergy": None,
        "comparison": None,
        "sentences": list(sentences),
        "confidence": 0.95,
        "target": "target_x_20",
        "n_eras": 60,
        "horizon": 5,
    }
    return Analysis(**fields | changes)


def analysed(analysis, scores=None, **options):
    scores = random_scores(70) if scores is None else scores
    return PerformanceReport(scores, analysis=analysis, **options).to_dict()["analysis"]


def same(got, expected):
    """Whether numbers are those of an array, with None for NaN."""
    np.testing.assert_array_equal(np.array(got, dtype=float), expected)


class TestAnalysis:
    def test_most_reports_have_none(self):
        assert analysed(None) is None
        numbers = PerformanceReport.from_live(live_rows()).to_dict()
        assert numbers["analysis"] is None

    @pytest.mark.parametrize(
        ("name", "label"), [("underweight", "model"), ("comparison", "benchmark")]
    )
    def test_lists_are_those_of_the_analysis(self, analysis, name, label):
        frame = getattr(analysis, name)
        rows = analysed(analysis)[name]
        assert [row[label] for row in rows] == list(frame.index)
        for row, (_, expected) in zip(rows, frame.iterrows(), strict=True):
            assert set(row) == {label, *frame.columns}
            assert isinstance(row["n_eras"], int)
            for column in set(frame) - {"ahead", "verdict"}:
                same(row[column], expected[column])
            if name == "comparison":
                assert row["ahead"] is expected["ahead"]
                assert row["verdict"] == expected["verdict"]

    def test_synergy_is_that_of_the_analysis(self, analysis):
        numbers = analysed(analysis)["synergy"]
        pairs = analysis.synergy
        assert numbers["models"] == list(pairs.gain)
        for name in ("gain", "tilt", "tilt_low", "tilt_high"):
            same(numbers[name], getattr(pairs, name))
        n = len(pairs.gain)
        assert numbers["n_pairs"] == n * (n - 1) // 2

    def test_pairs_are_marked_where_the_interval_lies_above_zero(self):
        low = pd.DataFrame(
            [[0.0, 0.01, -0.01], [0.01, 0.0, np.nan], [-0.01, np.nan, 0.0]]
        )
        middle = low + 0.02
        ends = low, low + 0.04, low - 0.02, low + 0.06
        pairs = Synergy(middle, middle, *ends, low.notna() * 60, 0.95)
        found = answers(synergy=pairs)
        numbers = analysed(found)["synergy"]
        assert numbers["clear"] == [
            [False, True, False],
            [True, False, False],
            [False, False, False],
        ]
        assert (numbers["n_pairs"], numbers["n_clear"]) == (2, 1)
        assert not np.any(numbers["jointly_clear"])
        assert numbers["tilt_low"][1][2] is None

    def test_groups_may_pair_with_themselves(self, data):
        groups = dict.fromkeys(data.models[:2], "one") | {data.models[2]: "two"}
        found = analyze(data, groups=groups, horizon=BLOCK)
        numbers = analysed(found)["synergy"]
        assert numbers["models"] == ["one", "two"]
        assert numbers["gain"][1][1] is None
        assert numbers["n_pairs"] == 2

    def test_implied_weights_and_their_means(self, analysis):
        numbers = analysed(analysis)["implied_weights"]
        weights = analysis.implied_weights
        expected = summarize(weights, horizon=BLOCK)
        order = expected.drop("r2")["mean"].sort_values(ascending=False).index
        assert list(numbers["values"]) == list(order)
        assert [row["model"] for row in numbers["means"]] == list(order)
        for model in order:
            same(numbers["values"][model], weights[model])
        same(numbers["r2"], weights["r2"])
        columns = ["mean", "low", "high", "n_eras"]
        rows = [[row[name] for name in columns] for row in numbers["means"]]
        np.testing.assert_allclose(rows, expected.loc[order, columns])
        explained = [numbers["explained"][name] for name in columns]
        np.testing.assert_allclose(explained, expected.loc["r2", columns])

    def test_an_era_of_the_report_without_the_meta_model_is_a_gap(self, analysis):
        kept = analysis.implied_weights.drop(index=["0050", "0051"])
        numbers = analysed(replace(analysis, implied_weights=kept))["implied_weights"]
        assert numbers["eras"] == list(analysis.implied_weights.index)
        place = numbers["eras"].index("0050")
        assert numbers["r2"][place : place + 2] == [None, None]
        assert numbers["explained"]["n_eras"] == len(kept)

    def test_its_eras_need_not_be_those_of_the_report(self, analysis):
        numbers = analysed(analysis, random_scores(5, seed=1))["implied_weights"]
        assert numbers["eras"] == list(analysis.implied_weights.index)

    def test_what_the_data_do_not_hold_is_none(self):
        assert analysed(answers(["Cannot tell."])) == {
            "sentences": ["Cannot tell."],
            "confidence": 0.95,
            "target": "target_x_20",
            "n_eras": 60,
            "horizon": 5,
            "implied_weights": None,
            "underweight": None,
            "synergy": None,
            "comparison": None,
            "claims": {},
            "lead": ["Cannot tell."],
        }

    def test_each_question_has_its_claim_and_verdicts_are_told_once(self, data):
        found = analyze(data, model=data.models[0], horizon=BLOCK)
        numbers = analysed(found)
        claims = numbers["claims"]
        assert list(claims) == [
            *("implied_weights", "underweight", "synergy", "comparison"),
        ]
        assert numbers["lead"] == []
        verdicts = set(found.comparison["verdict"])
        assert not verdicts & set(claims.values())
        assert [*claims.values()] == [s for s in found.sentences if s not in verdicts]
        without = data | {"meta_model": None}
        numbers = analysed(analyze(type(data)(**without), horizon=BLOCK))
        assert list(numbers["claims"]) == ["synergy"]
        assert numbers["lead"][0].startswith("Cannot tell what the Meta Model holds")

    def test_it_is_plain_and_a_copy(self, analysis):
        report = PerformanceReport(random_scores(), analysis=analysis)
        text = json.dumps(report.to_dict(), allow_nan=False)
        assert json.loads(text) == report.to_dict()
        report.to_dict()["analysis"]["sentences"].clear()
        assert report.to_dict()["analysis"]["sentences"] == analysis.sentences

    @pytest.mark.parametrize("wrong", [{}, [], "analysis", random_scores()])
    def test_what_is_no_analysis(self, wrong):
        with pytest.raises(TypeError, match=r"`analysis` must be what .* got "):
            PerformanceReport(random_scores(), analysis=wrong)

    @pytest.mark.parametrize(
        ("name", "change", "message"),
        [
            ("implied_weights", lambda f: f.drop(columns="r2"), "no column 'r2'"),
            ("implied_weights", lambda f: f * np.inf, "must not be infinite"),
            ("implied_weights", lambda f: pd.concat([f, f]), "several are"),
            (
                "implied_weights",
                lambda f: f.set_axis([era.lstrip("0") for era in f.index]),
                "same number",
            ),
            ("underweight", lambda f: f.drop(columns="corr"), "no column 'corr'"),
            ("underweight", lambda f: f.assign(corr="x"), "must hold numbers"),
            ("comparison", lambda f: f.drop(columns="ahead"), "no column 'ahead'"),
            ("synergy", lambda s: replace(s, gain=s.gain.iloc[:1]), "the same rows"),
            ("synergy", lambda s: replace(s, gain=s.gain.iloc[:, :1]), "the same rows"),
        ],
    )
    def test_what_a_page_cannot_show(self, analysis, name, change, message):
        changed = replace(analysis, **{name: change(getattr(analysis, name))})
        with pytest.raises(ValueError, match=message):
            analysed(changed)

    def test_too_few_eras_have_no_intervals(self, data):
        found = analyze(data, model=data.models[0], horizon=50)
        numbers = analysed(found)
        assert numbers["underweight"][0]["derivative_low"] is None
        assert numbers["implied_weights"]["means"][0]["low"] is None
        assert numbers["synergy"]["n_pairs"] == 0
        assert numbers["comparison"][0]["ahead"] is None


class TestScoresThatCannotBeReported:
    @pytest.mark.parametrize(
        ("scores", "message"),
        [
            ({}, "at least one frame"),
            (pd.DataFrame(), "`scores` has 0 rows"),
            ({"corr": pd.DataFrame({"a": []})}, r"`scores\['corr'\]` has 0 rows"),
            (pd.DataFrame({"a": [np.nan, np.nan]}), "no score in any era"),
            (pd.DataFrame({"a": [1.0, np.inf]}), "`scores` must not be infinite"),
            (pd.DataFrame({"a": ["x"]}), "must hold numbers"),
            (pd.DataFrame({"a": [1.0, 2.0]}, ["0001"] * 2), "several are '0001'"),
            (pd.DataFrame({"a": [1.0, 2.0]}, ["0001", "1"]), "have the same number"),
            (pd.DataFrame({"a": [1.0, 2.0]}, ["0001", None]), "missing are 1 of 2"),
            (pd.DataFrame([[1.0, 2.0]], columns=["1", 1]), "several are '1'"),
            (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "duplicate column"),
        ],
    )
    def test_message(self, scores, message):
        with pytest.raises(ValueError, match=message):
            PerformanceReport(scores)

    def test_one_era_has_a_page_without_intervals(self, tmp_path):
        report = PerformanceReport(random_scores(1), benchmark="a")
        row = rows_of(report)["b"]
        assert (row["low"], row["sharpe"], row["n_eras"]) == (None, None, 1)
        report.write_html(tmp_path / "one.html")
        assert (tmp_path / "one.html").stat().st_size > 1_000_000


def live_rows():
    """Two models, rounds 1 to 4, of which 4 is open, with all days of each round."""
    values = {("a", 1): 0.1, ("a", 2): 0.2, ("a", 3): None, ("a", 4): 0.4}
    values |= {("b", 1): 0.0, ("b", 2): 0.1, ("b", 3): 0.3, ("b", 4): 0.9}
    rows = [
        {
            "model": model,
            "round": number,
            "day": day,
            "resolved": number < 4,
            "date": pd.Timestamp("2026-01-01"),
            "score": "corr20",
            # Earlier days say something else, and must not count.
            "value": None if value is None else value + (20 - day),
            "percentile": 0.5,
        }
        for (model, number), value in values.items()
        for day in (20, 3)
    ]
    return pd.DataFrame(rows)


class TestLive:
    def test_the_last_day_counts_and_open_rounds_do_not(self):
        report = PerformanceReport.from_live(live_rows(), benchmark="b")
        numbers = report.to_dict()
        score = numbers["scores"]["corr20"]
        assert numbers["unit"] == "round"
        assert numbers["eras"] == ["1", "2", "3", "4"]
        assert score["values"]["a"] == [0.1, 0.2, None, 0.4]
        assert score["unresolved"] == ["4"]
        assert score["horizon"] == 24
        row = rows_of(report, score="corr20")["a"]
        assert (row["n_eras"], row["mean"]) == (2, pytest.approx(0.15))
        difference = row["differences"]["benchmark"]
        assert (difference["n_eras"], difference["mean"]) == (2, pytest.approx(0.1))

    def test_one_row_a_round_is_the_same(self):
        rows = live_rows()
        last = rows[rows["day"] == 20]
        one, all_days = map(PerformanceReport.from_live, (last, rows))
        assert one.to_dict() == all_days.to_dict()

    def test_scores_resolve_on_their_own(self):
        rows = live_rows()
        slow = rows.assign(score="corr60", resolved=False)
        report = PerformanceReport.from_live(pd.concat([rows, slow]))
        scores = report.to_dict()["scores"]
        assert scores["corr20"]["unresolved"] == ["4"]
        assert scores["corr60"]["unresolved"] == ["1", "2", "3", "4"]
        assert scores["corr60"]["horizon"] == 64
        assert rows_of(report, score="corr60")["a"]["mean"] is None

    def test_a_score_that_is_open_hides_no_other(self):
        rows = [
            (model, number, 20, (model, number) != ("late", 2), "corr20", value)
            for model, value in (("good", 0.05), ("bad", -0.05), ("late", 0.01))
            for number in (1, 2, 3)
        ]
        columns = ["model", "round", "day", "resolved", "score", "value"]
        frame = pd.DataFrame(rows, columns=columns)
        report = PerformanceReport.from_live(frame, benchmark="late")
        found = rows_of(report, score="corr20")
        counts = {model: row["n_eras"] for model, row in found.items()}
        assert counts == {"good": 3, "bad": 3, "late": 2}
        score = report.to_dict()["scores"]["corr20"]
        assert score["unresolved"] == ["2"]
        assert score["open"] == {"bad": [], "good": [], "late": ["2"]}
        # Staking counts the same rounds.
        rule = PayoutRule("corr", {"corr20": 1.0})
        totals = simulate(frame, 1.0, rule, duration=9).totals
        assert totals["n_rounds"].to_dict() == counts
        # No difference rests on what the benchmark may still lose, yet it is drawn.
        assert found["good"]["differences"]["benchmark"]["n_eras"] == 2
        assert score["references"]["benchmark"] == [0.01, 0.01, 0.01]

    def test_the_last_day_is_that_of_staking(self):
        rows = [(1, 19, 0.1), (1, None, -0.9), (2, 20, 0.2), (2, 21, None)]
        frame = pd.DataFrame(rows, columns=["round", "day", "value"])
        frame = frame.assign(model="m", score="corr20", resolved=True)
        numbers = PerformanceReport.from_live(frame).to_dict()
        assert numbers["scores"]["corr20"]["values"] == {"m": [0.1, 0.2]}
        rule = PayoutRule("corr", {"corr20": 1.0})
        paid = simulate(frame, 1.0, rule, duration=9).ledger["payout"]
        assert list(paid) == pytest.approx([0.1, 0.2])

    def test_no_round_is_final_yet(self, tmp_path):
        report = PerformanceReport.from_live(live_rows().assign(resolved=False))
        assert {row["n_eras"] for row in report.to_dict()["summary"]} == {0}
        report.write_html(tmp_path / "live.html")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda r: r.drop(columns="day"), "lacks 'day', which"),
            (lambda r: r.assign(value=None), "has no value"),
            (lambda r: pd.concat([r, r]), r"one row a .*several for \{'model': 'a'"),
            (lambda r: r.assign(resolved=None), "without a 'resolved'"),
            (lambda r: r.assign(resolved="yes"), "True or False"),
            (lambda r: r.assign(model=None), "without a 'model'"),
            (lambda r: r.assign(value=np.inf), "must not be infinite"),
            (lambda r: r.iloc[:0], "has any round been scored yet"),
            (lambda r: r.assign(round=[{}] * 16), "'round' must hold labels"),
            (lambda r: r.assign(resolved=[[]] * 16), "'resolved' must hold labels"),
            (lambda r: r.assign(day="late"), "numbers in its column 'day'"),
            (lambda r: r.assign(day=r["date"]), "numbers in its column 'day'"),
            (lambda r: r.assign(value=1j), "numbers in its column 'value'"),
            (lambda r: r.assign(value=10**400), "numbers in its column 'value'"),
        ],
    )
    def test_rows_that_cannot_be_used(self, change, message):
        with pytest.raises(ValueError, match=message):
            PerformanceReport.from_live(change(live_rows()))

    @pytest.mark.parametrize("wrong", [0, np.array([]), random_scores(2)])
    def test_a_block_that_is_no_length(self, wrong):
        with pytest.raises(ValueError, match="`horizon` must be a whole number"):
            PerformanceReport.from_live(live_rows(), horizon=wrong)

    @pytest.mark.parametrize(
        "change",
        [
            lambda r: r.assign(day=[("3", 20.0)[day == 20] for day in r["day"]]),
            lambda r: r.assign(value=r["value"].astype(object)),
            lambda r: r.assign(round=[n if n % 2 else str(n) for n in r["round"]]),
            lambda r: r.assign(round=r["round"].astype(np.float16)),
            lambda r: r.astype({"model": "category", "score": "category"}),
        ],
    )
    def test_other_dtypes_say_the_same(self, change):
        numbers = PerformanceReport.from_live(change(live_rows())).to_dict()
        expected = PerformanceReport.from_live(live_rows()).to_dict()
        assert numbers["summary"] == expected["summary"]
        assert list(map(float, numbers["eras"])) == [1, 2, 3, 4]

    def test_no_days_of_so_many_digits(self):
        rows = live_rows().assign(score="corr" + "9" * 5000)
        (score,) = PerformanceReport.from_live(rows).to_dict()["scores"].values()
        assert score["horizon"] == 64

    def test_what_is_no_frame(self):
        with pytest.raises(TypeError, match="must be a pandas frame"):
            PerformanceReport.from_live([1, 2])

    def test_the_benchmark_must_be_there(self):
        with pytest.raises(ValueError, match="models 'a', 'b'"):
            PerformanceReport.from_live(live_rows(), benchmark="c")


HOSTILE = "</script><script>alert(1)</script>"


class TestPage:
    def test_a_hostile_name_is_data(self, tmp_path):
        frame = random_scores(20, (HOSTILE, "<b>&amp;", "__proto__"))
        scores = {"<img src=x>": frame, "mmc": frame}
        path = tmp_path / "page.html"
        PerformanceReport(
            scores,
            benchmark=HOSTILE,
            title=HOSTILE,
            weights={HOSTILE: 1.0},
            exposures=pd.DataFrame({HOSTILE: [0.1]}, index=[HOSTILE]),
            analysis=answers(
                [HOSTILE],
                implied_weights=pd.DataFrame({HOSTILE: [1.0], "r2": 0.5}, eras(1)),
                target=HOSTILE,
            ),
        ).write_html(path)
        page = Page(path.read_text())
        # The data, plotly, and our own scripts: none came from a name.
        assert [tag for tag, _ in page.tags].count("script") == N_SCRIPTS
        assert "img" not in [tag for tag, _ in page.tags]
        assert HOSTILE in page.text
        data = json.loads(page.script[0])
        assert set(data["models"]) == {HOSTILE, "<b>&amp;", "__proto__"}

    def test_nothing_is_asked_of_a_network(self, tmp_path):
        path = tmp_path / "page.html"
        PerformanceReport(random_scores()).write_html(path)
        page = Page(path.read_text())
        addresses = [
            value
            for _, attributes in page.tags
            for name, value in attributes.items()
            if name in ("src", "href", "srcset", "action", "data")
        ]
        assert addresses == ["data:,"]
        policy = [a.get("content", "") for _, a in page.tags if "http-equiv" in a]
        assert policy
        assert policy[0].startswith("default-src 'none'")

    def test_numbers_in_the_page_are_those_of_the_report(self, tmp_path):
        report = PerformanceReport(random_scores(), benchmark="a")
        report.write_html(tmp_path / "page.html")
        page = Page((tmp_path / "page.html").read_text())
        data = json.loads(page.script[0])
        numbers = report.to_dict()
        got = data["scores"]["corr"]["values"]["a"]
        np.testing.assert_allclose(
            got, numbers["scores"]["corr"]["values"]["a"], rtol=1e-5
        )
        assert data["eras"] == numbers["eras"]

    def test_repr_and_notebook(self):
        report = PerformanceReport(random_scores(), benchmark="a", title='"><b>')
        assert repr(report) == (
            "PerformanceReport('\"><b>': 3 models, 60 eras, scores: corr, benchmark: a)"
        )
        page = Page(report._repr_html_())
        assert [tag for tag, _ in page.tags][-1] == "iframe"
        attributes = page.tags[-1][1]
        assert attributes["title"] == '"><b>'
        assert attributes["srcdoc"].startswith("<!DOCTYPE html>")

    def test_a_failed_report_leaves_the_old_one(self, tmp_path, monkeypatch):
        path = tmp_path / "page.html"
        path.write_text("good")
        monkeypatch.setattr("skbench.report._page.render", lambda *_: b"no text")
        with pytest.raises(TypeError, match="must be str"):
            PerformanceReport(random_scores()).write_html(path)
        assert path.read_text() == "good"
        assert list(tmp_path.iterdir()) == [path]

    def test_half_a_character_shows_as_a_question_mark(self, tmp_path):
        report = PerformanceReport(random_scores(), title="half \ud800")
        report.write_html(tmp_path / "page.html")
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert "<h1>half ?</h1>" in text

    def test_an_analysis_names_its_target_and_its_confidence(self, data):
        found = analyze(data, horizon=BLOCK, confidence=0.8)
        page = PerformanceReport(random_scores(), analysis=found)
        text = " ".join(Page(page._page()).text.split())
        named = f"Scored with {found.target}, which {found.n_eras} eras have."
        assert f"{named} All intervals of this part are 80 % intervals, which" in text
        assert f"allow for the {BLOCK} eras over which scores share days." in text
        assert "of the Meta Model (80 % interval " in text
        marked = int(np.triu(found.synergy.jointly_clear).sum())
        n = len(data.models)
        told = f"among all pairs together: {marked} of {n * (n - 1) // 2}."
        assert told in text

    def test_too_few_eras_mark_no_pair(self, data):
        found = analyze(data, horizon=50)
        page = PerformanceReport(random_scores(), analysis=found)
        numbers = page.to_dict()["analysis"]["synergy"]
        assert (numbers["n_clear"], numbers["n_pairs"]) == (0, 0)
        text = Page(page._page()).text
        assert "too few eras for an interval of any tilt" in text

    def test_exposures_are_called_sizes(self):
        given = pd.DataFrame({"before": [-0.3]}, index=["f"])
        page = PerformanceReport(random_scores(), exposures=given)
        assert page.to_dict()["exposures"]["stages"] == {"before": [0.3]}
        text = Page(page._page()).text
        assert "The size of the correlation of the prediction with each feat" in text

    def test_paths_that_cannot_be_written(self, tmp_path):
        report = PerformanceReport(random_scores())
        with pytest.raises(IsADirectoryError, match="must name a file"):
            report.write_html(tmp_path)
        with pytest.raises(FileNotFoundError, match="folder that is there"):
            report.write_html(tmp_path / "none" / "page.html")

    def test_without_plotly_the_error_says_what_to_install(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "plotly.offline", None)
        monkeypatch.setitem(sys.modules, "jinja2", None)
        with pytest.raises(ModuleNotFoundError, match=r"skbench\[report\]"):
            PerformanceReport(random_scores()).write_html(tmp_path / "page.html")
        assert list(tmp_path.iterdir()) == []

    def test_many_models_and_eras_are_quick_and_small(self, tmp_path):
        models = [f"v53_lgbm_model_{i}" for i in range(60)]
        scores = {
            name: random_scores(700, models, seed)
            for seed, name in enumerate(("corr", "mmc", "bmc", "fnc"))
        }
        path = tmp_path / "page.html"
        start = perf_counter()
        PerformanceReport(scores, benchmark=models[0]).write_html(path)
        assert perf_counter() - start < 60
        assert path.stat().st_size < 12_000_000


def test_the_report_and_the_displays_load_apart():
    code = """
import sys
from skbench.report import PerformanceReport
PerformanceReport([[0.1]])
heavy = ("matplotlib", "plotly", "jinja2", "skbench.analysis")
assert not [name for name in heavy if name in sys.modules]
import skbench.report
assert "PerformanceReport" in dir(skbench.report)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_real_rows(real_folder, tmp_path):
    folder = real_folder
    models = pd.read_parquet(folder / "validation_benchmark_models.parquet")
    target = pd.read_parquet(folder / "validation.parquet", columns=["target"])
    frame = models.join(target, how="inner")
    names = [name for name in models if name.startswith("v18")]
    corr = numerai_corr(frame["target"], frame[names], era=frame["era"])
    report = PerformanceReport(corr, benchmark=names[0])
    means = corr.mean()
    for name, row in rows_of(report).items():
        assert row["mean"] == pytest.approx(means[name])
        assert row["n_eras"] == corr[name].count()
    report.write_html(tmp_path / "page.html")


def test_real_rows_analysed(real_folder, tmp_path):
    data = load_benchmark_models(real_folder)
    own, *others = data.models[:5]
    data.models = [own, *others]
    found = analyze(data, model=own)
    frame, era = data.frame, data.frame[data.era]
    corr = numerai_corr(frame["target"], frame[others], era=era)
    report = PerformanceReport(corr, analysis=found, target="target")
    numbers = report.to_dict()["analysis"]
    assert numbers["sentences"] == found.sentences
    # The first sentence says the same as the list of implied weights.
    share = 100 * numbers["implied_weights"]["explained"]["mean"]
    told = re.search(r"explain ([\d.]+) % of the Meta Model", found.sentences[0])[1]
    assert float(told) == pytest.approx(share, abs=0.5)
    assert numbers["implied_weights"]["means"][0]["model"] in found.sentences[0]
    verdicts = compare(frame[own], frame[others], frame["target"], era=era)
    for row in numbers["comparison"]:
        difference = verdicts.loc[row["benchmark"], "difference"]
        assert row["difference"] == pytest.approx(difference)
    report.write_html(tmp_path / "page.html")


def test_a_report_without_a_benchmark_names_none():
    report = PerformanceReport(random_scores(), title="alone")
    assert repr(report) == "PerformanceReport('alone': 3 models, 60 eras, scores: corr)"


def test_a_broken_installation_is_not_taken_for_a_missing_extra(monkeypatch, tmp_path):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'json'", name="json")

    monkeypatch.setattr("skbench.report._page.render", fail)
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'json'$"):
        PerformanceReport(random_scores()).write_html(tmp_path / "report.html")
