"""Mean target by rank: the metric, the numbers of a report and the display."""

from itertools import permutations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import reference
from helpers import assert_close, long_tournament
from hypothesis import given, settings
from hypothesis import strategies as st

from skbench.folders import report_folder
from skbench.metrics import (
    mean_target_by_quantile,
    numerai_corr,
    score_models,
    summarize,
)
from skbench.report import PerformanceReport, TargetByQuantileDisplay

NAN = np.nan


def one(y, p, n=10):
    """Means of one model in one era."""
    return mean_target_by_quantile(y, p, era=[1] * len(y), n_quantiles=n).to_numpy()[0]


@pytest.fixture(scope="module")
def data():
    return long_tournament()


@pytest.fixture(scope="module")
def means(data):
    frame = data.frame
    scored = frame[frame["target"].notna()]
    return mean_target_by_quantile(
        scored["target"], scored[data.models], era=scored["era"]
    )


class TestMetric:
    def test_by_hand(self):
        # Of five rows in two groups, two are in the first; their mean is 0.4.
        assert_close(one([0, 1, 0, 1, 0], [5, 1, 2, 4, 3], n=2), [0.1, -1 / 15])

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.sampled_from([NAN, 0, 0.25, 1]), st.integers(-1, 8)),
            min_size=1,
            max_size=40,
        ),
        st.integers(2, 11),
    )
    def test_it_is_that_of_the_slow_loop(self, rows, n):
        y, p = np.array(rows, dtype=float).T
        p[p < 0] = NAN
        assert_close(one(y, p, n), reference.quantile_means(p, y, n), 1e-12)

    def test_ties_are_the_mean_over_all_orders_in_which_they_could_stand(self):
        y = np.array([0.0, 1.0, 0.0, 0.5, 1.0, 0.25])
        p = np.array([1.0, 2, 2, 2, 2, 3])
        tied = np.flatnonzero(p == 2)
        split = [
            one(y, np.where(p == 2, 2 + 0.1 * np.argsort([0, *order, 9]), p), 3)
            for order in permutations(range(1, len(tied) + 1))
        ]
        assert_close(one(y, p, 3), np.mean(split, axis=0), 1e-12)

    def test_row_order_and_monotone_changes_mean_nothing(self, data, means):
        frame = data.frame.sample(frac=1.0, random_state=0)
        models = frame[data.models]
        for changed in (models, np.arctan(7 * models - 2)):
            got = mean_target_by_quantile(frame["target"], changed, era=frame["era"])
            assert_close(got.dropna(), means, 1e-12)

    def test_a_model_does_not_depend_on_the_gaps_of_another(self, data):
        frame = data.frame.copy()
        frame.loc[frame.index[::3], data.models[0]] = NAN
        together = mean_target_by_quantile(
            frame["target"], frame[data.models], era=frame["era"]
        )
        for name in data.models:
            alone = mean_target_by_quantile(
                frame["target"], frame[[name]], era=frame["era"]
            )
            pd.testing.assert_frame_equal(together[[name]], alone)

    def test_groups_of_one_size_add_up_to_nothing(self):
        rng = np.random.default_rng(0)
        got = one(rng.random(70), rng.random(70))
        assert abs(got.sum()) < 1e-12

    def test_a_constant_prediction_knows_nothing(self):
        assert (one([0, 1, 0.5, 0.25], [3, 3, 3, 3], 2) == 0).all()

    def test_fewer_rows_than_groups(self):
        y = np.linspace(0, 1, 10)
        assert np.isfinite(one(y, y)).all()
        y[4] = NAN
        assert np.isnan(one(y, np.arange(10.0))).all()
        assert np.isnan(one([NAN] * 12, np.arange(12.0))).all()

    def test_the_best_of_all_models_rises(self):
        y = np.repeat([0, 0.25, 0.5, 0.75, 1], 20)
        assert (np.diff(one(y, y)) >= 0).all()
        assert_close(one(y, -y), one(y, y)[::-1])

    def test_threads(self, data, means):
        frame = data.frame
        got = mean_target_by_quantile(
            frame["target"], frame[data.models], era=frame["era"], n_jobs=2
        )
        pd.testing.assert_frame_equal(got.loc[means.index], means)

    @pytest.mark.parametrize("wrong", [0, 1, 2.5, "ten", None, True])
    def test_what_is_no_number_of_groups(self, wrong):
        with pytest.raises((TypeError, ValueError), match="`n_quantiles` must be"):
            one([0.0, 1.0], [0.0, 1.0], wrong)

    def test_several_targets(self, data):
        frame = data.frame
        with pytest.raises(ValueError, match="`y_true` must"):
            mean_target_by_quantile(
                frame[["target"]].assign(other=1.0),
                frame[data.models],
                era=frame["era"],
            )


def numbers_of(means, scores=None, **options):
    models = means.columns.unique(0)
    if scores is None:
        scores = pd.DataFrame(0.01, means.index, models)
        scores.iloc[::2] = 0.02
    return PerformanceReport(scores, quantiles=means, **options).to_dict()


class TestReport:
    @pytest.mark.parametrize(("span", "n"), [("all", None), ("last 13", 13)])
    def test_numbers_are_those_of_summarize(self, data, means, span, n):
        found = [
            row
            for row in numbers_of(means, horizon=5)["quantiles"]
            if row["span"] == span
        ]
        assert [row["model"] for row in found] == list(data.models)
        inside = means if n is None else means.iloc[-n:]
        for row in found:
            own = inside[row["model"]]
            expected = summarize(own, horizon=5)
            for name in ("mean", "low", "high"):
                assert_close(row[name], expected[name], 1e-12)
            spread = summarize(own[10] - own[1], horizon=5).iloc[0]
            assert_close(list(row["spread"].values()), spread[["mean", "low", "high"]])
            assert row["n_eras"] == spread["n_eras"] == len(inside)

    def test_scores_alone_have_none(self):
        scores = pd.DataFrame({"a": [0.1, 0.2]}, ["1", "2"])
        assert PerformanceReport(scores).to_dict()["quantiles"] is None
        page = PerformanceReport(scores)._page()
        assert 'id="quantile-chart"' not in page

    def test_too_few_eras_have_no_interval(self, means):
        found = numbers_of(means.iloc[:6], horizon=5)["quantiles"][0]
        assert None not in found["mean"]
        assert found["low"] == [None] * 10
        assert found["spread"]["low"] is None

    def test_eras_that_the_report_lacks_do_not_count(self, means):
        models = means.columns.unique(0)
        scores = pd.DataFrame({m: [0.1, 0.2, 0.1] for m in models}, means.index[:3])
        found = numbers_of(means, scores)["quantiles"][0]
        assert found["n_eras"] == 3
        assert_close(found["mean"], means[models[0]].iloc[:3].mean(), 1e-12)

    def test_no_era_in_common(self, means):
        models = means.columns.unique(0)
        scores = pd.DataFrame({m: [0.1, 0.2] for m in models}, ["9001", "9002"])
        found = numbers_of(means, scores)["quantiles"][0]
        assert (found["n_eras"], found["mean"][0]) == (0, None)

    def test_frames_of_other_kinds(self, data, means):
        frame = pl.from_pandas(data.frame[data.frame["target"].notna()])
        got = mean_target_by_quantile(
            frame["target"], frame[data.models], era=frame["era"]
        )
        assert got.columns[10:12] == [f"{data.models[0]} / 10", f"{data.models[1]} / 1"]
        models = means.columns.unique(0)
        scores = pd.DataFrame(dict.fromkeys(models, 0.01), means.index)
        first, second = (
            PerformanceReport(scores, quantiles=given).to_dict()["quantiles"]
            for given in (means, got)
        )
        assert first == second

    def test_what_cannot_be_used(self, means):
        scores = pd.DataFrame({"a": [0.1, 0.2]}, ["1", "2"])

        def refused(message, quantiles):
            with pytest.raises((TypeError, ValueError), match=message):
                PerformanceReport(scores, quantiles=quantiles)

        refused("`quantiles` must be a pandas frame", [1, 2])
        refused("`quantiles` must have pairs of model and quantile", scores)
        refused("must have pairs of model", means.iloc[:, :-1])
        refused("must be of models of `scores`, 'a'; got", means)
        refused("`quantiles` has no mean in any era", means * NAN)

    def test_a_folder_is_read_once_for_scores_and_means(self, real_folder):
        validation = pd.read_parquet(real_folder / "validation.parquet")
        models = pd.read_parquet(real_folder / "validation_benchmark_models.parquet")
        models = models.loc[validation.index].drop(columns="era")
        meta = pd.read_parquet(real_folder / "meta_model.parquet")
        column = meta["numerai_meta_model"].reindex(validation.index)
        y, era = validation["target"], validation["era"]
        numbers = report_folder(real_folder).to_dict()
        scores = score_models(y, models, era=era, meta_model=column)
        for name, expected in scores.items():
            got = pd.DataFrame(numbers["scores"][name]["values"], dtype=float)
            assert_close(got[list(expected)], expected, 1e-12)
        of_meta = numbers["scores"]["corr"]["references"]["meta_model"]
        assert numbers["meta_model"]["name"] == "numerai_meta_model"
        expected = numerai_corr(y, column, era=era).iloc[:, 0]
        assert_close(np.array(of_meta, dtype=float), expected, 1e-12)
        means = mean_target_by_quantile(y, models, era=era)
        for row in numbers["quantiles"]:
            if row["span"] == "all":
                assert_close(row["mean"], means[row["model"]].mean(), 1e-12)


class TestDisplay:
    @pytest.fixture(autouse=True)
    def closed(self):
        plt = pytest.importorskip("matplotlib.pyplot")
        plt.switch_backend("agg")
        yield
        plt.close("all")

    def test_bars_and_whiskers_are_those_of_summarize(self, data, means):
        name = data.models[1]
        display = TargetByQuantileDisplay.from_means(means, model=name, horizon=5)
        expected = summarize(means[name], horizon=5)
        assert_close([bar.get_height() for bar in display.bars_], expected["mean"])
        ends = [line[:, 1] for line in display.interval_lines_.get_segments()]
        assert_close(ends, expected[["low", "high"]])
        assert display.ax_.get_title() == f"{name}, {len(means)} eras"
        display.figure_.canvas.draw()

    def test_predictions_give_the_means_of_the_metric(self, data, means):
        frame, name = pl.from_pandas(data.frame), data.models[0]
        display = TargetByQuantileDisplay.from_predictions(
            frame["target"], frame[name], era=frame["era"], horizon=5
        )
        assert_close(display.summary["mean"], means[name].mean())
        assert display.model == name

    def test_too_few_eras_have_no_whiskers(self, data, means):
        display = TargetByQuantileDisplay.from_means(means[[data.models[0]]].iloc[:4])
        assert display.interval_lines_ is None

    def test_errors(self, data, means):
        draw = TargetByQuantileDisplay.from_means
        with pytest.raises(ValueError, match="`means` has several models"):
            draw(means)
        with pytest.raises(ValueError, match=r"`model` must be one of .* got 'x'"):
            draw(means, model="x")
        with pytest.raises(TypeError, match="`means` must be a pandas frame"):
            draw([1.0])
        with pytest.raises(ValueError, match="`means` must have pairs"):
            draw(means[data.models[0]])
        frame = data.frame
        with pytest.raises(ValueError, match="`y_pred` must hold one model; got 'v53"):
            TargetByQuantileDisplay.from_predictions(
                frame["target"], frame[data.models], era=frame["era"]
            )
