"""The charts: what is drawn equals the numbers, and can be read."""

import sys
from itertools import pairwise

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.datasets import make_benchmark_models
from skbench.metrics import (
    feature_exposure,
    max_feature_exposure,
    numerai_corr,
    summarize,
)
from skbench.model_selection import WalkForwardEraSplit, walk_forward_weights
from skbench.report import (
    CumulativeScoreDisplay,
    EraScoreDisplay,
    FeatureExposureDisplay,
    NeutralizationPathDisplay,
    WeightsDisplay,
    WeightsPathDisplay,
)

ERAS = [f"{i:04}" for i in range(1, 61)]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def make_scores(n_models=3, eras=ERAS, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.01, 0.02, (len(eras), n_models))
    return pd.DataFrame(values, eras, [f"model_{i}" for i in range(n_models)])


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def drawn(line):
    """Points of a line, without the gaps."""
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    return x[np.isfinite(y)], y[np.isfinite(y)]


def widths(ax, figure):
    """Extents of the axes and of its legend, after layout."""
    figure.canvas.draw()
    return ax.get_window_extent(), ax.get_legend().get_window_extent()


class TestCumulativeScoreDisplay:
    def test_lines_are_the_sums_of_the_scores(self):
        scores = make_scores()
        display = CumulativeScoreDisplay.from_scores(scores)
        for line, name in zip(display.lines_, scores, strict=True):
            assert_allclose(line.get_ydata(), np.cumsum(scores[name]))
            assert_array_equal(line.get_xdata(), np.arange(1, 61))
            assert line.get_linestyle() == "-"

    def test_drawdown_is_that_of_summarize(self):
        scores = make_scores()
        display = CumulativeScoreDisplay.from_scores(scores, benchmark="model_2")
        lowest = [-line.get_ydata().min() for line in display.drawdown_lines_]
        assert_allclose(lowest, summarize(scores)["max_drawdown"])
        assert_allclose(lowest[0], summarize(scores["model_0"])["max_drawdown"])

    def test_an_early_loss_is_a_drawdown_from_zero(self):
        display = CumulativeScoreDisplay.from_scores(pd.Series([-0.1, 0.3, -0.2]))
        assert_allclose(display.drawdown_lines_[0].get_ydata(), [-0.1, 0.0, -0.2])

    def test_order_of_the_rows_does_not_matter(self):
        scores = make_scores()
        shuffled = scores.sample(frac=1, random_state=0)
        one = CumulativeScoreDisplay.from_scores(scores)
        other = CumulativeScoreDisplay.from_scores(shuffled)
        for a, b in zip(one.lines_, other.lines_, strict=True):
            assert_array_equal(a.get_xydata(), b.get_xydata())

    def test_named_benchmark_is_dotted_and_no_model(self):
        scores = make_scores()
        display = CumulativeScoreDisplay.from_scores(scores, benchmark="model_1")
        assert len(display.lines_) == 2
        assert display.benchmark_line_.get_linestyle() == ":"
        assert_allclose(display.benchmark_line_.get_ydata(), scores["model_1"].cumsum())
        assert sorted(legend_of(display.ax_)) == [
            "model_0",
            "model_1 (benchmark)",
            "model_2",
        ]
        assert display.drawdown_lines_[-1].get_linestyle() == ":"

    def test_series_benchmark_is_matched_by_era(self):
        scores = make_scores(1)
        benchmark = make_scores(1, seed=1)["model_0"].rename("other")
        display = CumulativeScoreDisplay.from_scores(
            scores, benchmark=benchmark[::-1].iloc[:-10]
        )
        x, y = drawn(display.benchmark_line_)
        assert_array_equal(x, np.arange(11, 61))
        assert_allclose(y, benchmark.iloc[10:].cumsum())
        assert "other (benchmark)" in legend_of(display.ax_)

    def test_array_benchmark_is_matched_by_position(self):
        scores = make_scores(2).iloc[::-1]
        values = scores["model_1"].to_numpy()
        display = CumulativeScoreDisplay.from_scores(scores, benchmark=values)
        assert len(display.lines_) == 2
        assert_array_equal(
            display.benchmark_line_.get_ydata(), display.lines_[1].get_ydata()
        )
        assert "benchmark" in " ".join(legend_of(display.ax_))

    def test_model_given_as_its_own_benchmark_is_drawn_twice(self):
        scores = make_scores(2)
        display = CumulativeScoreDisplay.from_scores(
            scores, benchmark=scores["model_1"]
        )
        assert len(display.lines_) == 2
        assert len(legend_of(display.ax_)) == 3

    def test_missing_eras_are_gaps_not_zeros(self):
        scores = make_scores(1)
        scores.iloc[[3, 4, 20], 0] = np.nan
        line = CumulativeScoreDisplay.from_scores(scores).lines_[0]
        y = line.get_ydata()
        assert_array_equal(np.flatnonzero(np.isnan(y)), [3, 4, 20])
        assert_allclose(y[5], scores.iloc[[0, 1, 2, 5], 0].sum())

    def test_no_line_bridges_eras_that_are_not_there(self):
        scores = make_scores(1).drop(index=ERAS[10:20])
        line = CumulativeScoreDisplay.from_scores(scores).lines_[0]
        assert_array_equal(np.flatnonzero(np.isnan(line.get_ydata())), [10])
        assert_array_equal(drawn(line)[0], [*range(1, 11), *range(21, 61)])

    def test_every_fourth_era_is_no_gap(self):
        scores = make_scores(1).iloc[::4]
        line = CumulativeScoreDisplay.from_scores(scores).lines_[0]
        assert np.isfinite(line.get_ydata()).all()
        assert_array_equal(line.get_xdata(), np.arange(1, 61, 4))

    def test_era_between_gaps_is_marked(self):
        scores = make_scores(1)
        scores.iloc[[4, 6], 0] = np.nan
        line = CumulativeScoreDisplay.from_scores(scores).lines_[0]
        assert line.get_marker() == "o"
        assert line.get_markevery() == [5]

    def test_benchmark_between_gaps_is_marked(self):
        scores = make_scores(2)
        scores.iloc[::2, 1] = np.nan
        display = CumulativeScoreDisplay.from_scores(scores, benchmark="model_1")
        assert display.benchmark_line_.get_markevery() == [*range(1, 60, 2)]
        assert display.lines_[0].get_markevery() is None

    def test_legend_is_in_the_order_of_the_ends(self):
        scores = pd.DataFrame({"low": [0.0, -1], "top": [1.0, 1], "mid": [0.1, 0.1]})
        display = CumulativeScoreDisplay.from_scores(scores)
        assert legend_of(display.ax_) == ["top", "mid", "low"]
        handles = display.ax_.get_legend().legend_handles
        colours = [to_hex(display.lines_[i].get_color()) for i in (1, 2, 0)]
        assert [to_hex(handle.get_color()) for handle in handles] == colours

    def test_model_without_scores_is_named_as_such(self):
        scores = make_scores(2)
        scores["model_0"] = np.nan
        display = CumulativeScoreDisplay.from_scores(scores)
        assert legend_of(display.ax_) == ["model_1", "model_0 (no scores)"]

    def test_strange_names_are_written_as_they_are(self):
        names = ["_hidden", "a $b$ c", r"$\frac$", "100 %", ("x", 1), "ümlaut_1"]
        scores = make_scores(6).set_axis(pd.Index(names, tupleize_cols=False), axis=1)
        display = CumulativeScoreDisplay.from_scores(scores)
        texts = display.ax_.get_legend().get_texts()
        assert {text.get_text() for text in texts} == {str(name) for name in names}
        assert not any(text.get_parse_math() for text in texts)
        display.figure_.canvas.draw()

    def test_thirty_models_differ_in_colour_or_mark(self):
        display = CumulativeScoreDisplay.from_scores(
            make_scores(31), benchmark="model_0"
        )
        styles = {(line.get_color(), line.get_marker()) for line in display.lines_}
        assert len(styles) == 30
        assert len(legend_of(display.ax_)) == 31

    @pytest.mark.parametrize("n_models", [1, 14, 30])
    def test_legend_stands_beside_the_lines_and_inside_the_figure(self, n_models):
        display = CumulativeScoreDisplay.from_scores(make_scores(n_models))
        axes, legend = widths(display.ax_, display.figure_)
        assert legend.x0 >= axes.x1
        assert legend.x1 <= display.figure_.bbox.x1
        assert axes.width > 0.45 * display.figure_.bbox.width
        below = display.drawdown_ax_.get_window_extent()
        assert (below.x0, below.x1) == pytest.approx((axes.x0, axes.x1))

    def test_given_axes_are_used(self):
        figure, ax = plt.subplots()
        display = CumulativeScoreDisplay.from_scores(make_scores(), ax=ax)
        assert display.ax_ is ax
        assert display.figure_ is figure
        assert display.drawdown_ax_ is None
        assert display.drawdown_lines_ == []
        assert ax.get_xlabel() == "era"
        assert plt.get_fignums() == [figure.number]

    def test_two_given_axes_are_used(self):
        figure, axes = plt.subplots(2)
        display = CumulativeScoreDisplay.from_scores(make_scores(), ax=axes)
        assert (display.ax_, display.drawdown_ax_) == tuple(axes)
        assert len(display.drawdown_lines_) == 3
        assert plt.get_fignums() == [figure.number]

    def test_three_axes_are_refused(self):
        _, axes = plt.subplots(3)
        with pytest.raises(ValueError, match=r"`ax` must be one axes, or two .* got 3"):
            CumulativeScoreDisplay.from_scores(make_scores(), ax=axes)

    def test_new_figure_and_labels(self):
        display = CumulativeScoreDisplay.from_scores(make_scores(), score_name="CORR")
        assert len(plt.get_fignums()) == 1
        assert display.ax_.get_ylabel() == "cumulative CORR"
        assert display.drawdown_ax_.get_ylabel() == "drawdown"
        assert display.drawdown_ax_.get_xlabel() == "era"

    def test_plot_draws_again(self):
        display = CumulativeScoreDisplay.from_scores(make_scores(), benchmark="model_0")
        before = [line.get_xydata() for line in display.lines_]
        _, ax = plt.subplots()
        assert display.plot(ax) is display
        assert display.ax_ is ax
        for line, data in zip(display.lines_, before, strict=True):
            assert_array_equal(line.get_xydata(), data)

    def test_name_of_one_model(self):
        display = CumulativeScoreDisplay.from_scores(make_scores(1), name="mine")
        assert legend_of(display.ax_) == ["mine"]
        with pytest.raises(ValueError, match="`name` is for one model"):
            CumulativeScoreDisplay.from_scores(make_scores(2), name="mine")

    def test_other_containers(self):
        scores = make_scores(2)
        frames = pl.DataFrame(scores.to_numpy(), schema=["model_0", "model_1"])
        for other in (frames, scores.to_numpy()):
            display = CumulativeScoreDisplay.from_scores(other)
            assert_allclose(display.cumulative.to_numpy(), scores.cumsum().to_numpy())

    def test_scores_stay_as_they_are(self):
        scores = make_scores().iloc[::-1]
        copy = scores.copy()
        CumulativeScoreDisplay.from_scores(scores, benchmark="model_0")
        pd.testing.assert_frame_equal(scores, copy)

    def test_errors(self):
        scores = make_scores()
        draw = CumulativeScoreDisplay.from_scores
        with pytest.raises(ValueError, match="has 0 rows"):
            draw(scores.iloc[:0])
        with pytest.raises(ValueError, match="`scores` has no score in any era"):
            draw(scores * np.nan)
        with pytest.raises(
            ValueError, match=r"`benchmark` must name a column.*'nobody'"
        ):
            draw(scores, benchmark="nobody")
        with pytest.raises(ValueError, match="no column but the benchmark"):
            draw(scores[["model_0"]], benchmark="model_0")
        with pytest.raises(ValueError, match="the rows of `scores` must differ"):
            draw(pd.concat([scores, scores]))
        with pytest.raises(ValueError, match="must not be infinite"):
            draw(scores.replace(scores.iloc[0, 0], np.inf))
        with pytest.raises(ValueError, match="same number"):
            draw(scores.rename(index={"0002": "1"}))
        assert plt.get_fignums() == []


class TestEraAxis:
    def labels(self, eras):
        display = EraScoreDisplay.from_scores(make_scores(1, eras))
        return tick_labels(display.ax_.xaxis)

    def test_labels_of_many_eras_are_thinned(self):
        labels = self.labels([f"{i:04}" for i in range(575, 1220)])
        assert labels == ["0600", "0700", "0800", "0900", "1000", "1100", "1200"]

    def test_labels_are_those_of_eras_that_are_there(self):
        eras = [f"era{i}" for i in range(575, 1220, 4)]
        assert set(self.labels(eras)) <= set(eras)
        assert 3 <= len(self.labels(eras)) <= 9

    def test_few_eras_are_all_labelled(self):
        assert self.labels(["0001", "0002", "0003"]) == ["0001", "0002", "0003"]
        assert self.labels(["0007"]) == ["0007"]

    def test_two_eras_far_apart_are_labelled(self):
        assert self.labels(["0003", "0999"])

    def test_eras_without_a_number_come_last(self):
        display = EraScoreDisplay.from_scores(make_scores(1, ["eraX", "era1", "era2"]))
        assert_allclose([bar.get_center()[0] for bar in display.bars_], [1, 2, 3])
        assert tick_labels(display.ax_.xaxis) == ["era1", "era2", "eraX"]

    def test_labels_are_no_mathematics(self):
        assert self.labels(["$1$", "$2$"]) == ["$1$", "$2$"]

    def test_labels_that_say_no_order(self):
        with pytest.raises(ValueError, match="do not say which comes first"):
            self.labels(["$a$", "$b$"])


class TestEraScoreDisplay:
    def test_bars_are_the_scores(self):
        scores = make_scores(1)
        scores.iloc[[3, 7], 0] = np.nan
        display = EraScoreDisplay.from_scores(scores.sample(frac=1, random_state=0))
        there = scores["model_0"].dropna()
        assert_allclose([bar.get_height() for bar in display.bars_], there)
        centres = [bar.get_center()[0] for bar in display.bars_]
        assert_allclose(centres, [int(era) for era in there.index])

    def test_losses_have_another_colour(self):
        display = EraScoreDisplay.from_scores(make_scores(1))
        colours = {(bar.get_height() < 0, bar.get_facecolor()) for bar in display.bars_}
        assert len(colours) == 2

    def test_rolling_mean_is_over_the_eras_before(self):
        scores = make_scores(1)["model_0"]
        line = EraScoreDisplay.from_scores(scores, window=8).rolling_line_
        x, y = drawn(line)
        assert_array_equal(x, np.arange(4, 61))
        assert_allclose(y[0], scores.iloc[:4].mean())
        assert_allclose(y[-1], scores.iloc[-8:].mean())

    def test_rolling_mean_needs_half_of_its_eras(self):
        scores = make_scores(1)["model_0"]
        scores.iloc[10:20] = np.nan
        line = EraScoreDisplay.from_scores(scores, window=4).rolling_line_
        missing = np.flatnonzero(np.isnan(line.get_ydata()))
        assert_array_equal(missing, [0, *range(12, 21)])

    def test_too_few_eras_have_no_rolling_mean(self):
        display = EraScoreDisplay.from_scores(make_scores(1, ERAS[:5]))
        assert display.rolling_line_ is None
        assert len(legend_of(display.ax_)) == 1

    def test_mean_and_interval_are_those_of_summarize(self):
        scores = make_scores(1)
        display = EraScoreDisplay.from_scores(scores, target="target_ender_20")
        row = summarize(scores, target="target_ender_20").iloc[0]
        assert_allclose(display.mean_line_.get_ydata(), row["mean"])
        low, high = (
            display.interval_.get_extents()
            .transformed(display.ax_.transData.inverted())
            .intervaly
        )
        assert_allclose([low, high], row[["low", "high"]].to_numpy(dtype=float))
        assert f"mean {row['mean']:.4f}" in legend_of(display.ax_)

    def test_too_few_eras_have_no_interval(self):
        display = EraScoreDisplay.from_scores(make_scores(1, ERAS[:20]))
        assert display.interval_ is None
        assert not any("interval" in text for text in legend_of(display.ax_))

    def test_model_is_chosen_by_name(self):
        scores = make_scores(3)
        display = EraScoreDisplay.from_scores(scores, model="model_1", score_name="MMC")
        heights = [bar.get_height() for bar in display.bars_]
        assert_allclose(heights, scores["model_1"])
        assert display.ax_.get_title() == "model_1"
        assert display.ax_.get_ylabel() == "MMC"

    def test_given_axes_are_used(self):
        figure, ax = plt.subplots()
        display = EraScoreDisplay.from_scores(make_scores(1), ax=ax)
        assert display.ax_ is ax
        assert plt.get_fignums() == [figure.number]

    def test_legend_stands_beside_the_bars(self):
        display = EraScoreDisplay.from_scores(make_scores(1))
        axes, legend = widths(display.ax_, display.figure_)
        assert legend.x0 >= axes.x1

    def test_errors(self):
        scores = make_scores(2)
        draw = EraScoreDisplay.from_scores
        with pytest.raises(ValueError, match=r"several models.*'model_0', 'model_1'"):
            draw(scores)
        with pytest.raises(ValueError, match=r"`model` must be one of.*got 'x'"):
            draw(scores, model="x")
        with pytest.raises(ValueError, match="no score in any era"):
            draw(scores["model_0"] * np.nan)
        with pytest.raises(ValueError, match="no score in any era"):
            draw(scores.assign(model_1=np.nan), model="model_1")
        with pytest.raises(ValueError, match=r"`window` must be .* at least 1; got 0"):
            draw(scores, model="model_0", window=0)
        with pytest.raises(ValueError, match="has 0 rows"):
            draw(scores["model_0"].iloc[:0])
        assert plt.get_fignums() == []


def make_exposures(n_features=30, seed=0):
    rng = np.random.default_rng(seed)
    names = [f"feature_{i}" for i in range(n_features)]
    return pd.DataFrame(rng.uniform(-0.3, 0.3, (10, n_features)), ERAS[:10], names)


class TestFeatureExposureDisplay:
    def test_dots_are_the_mean_sizes_sorted(self):
        before, after = make_exposures(), make_exposures(seed=1) / 2
        display = FeatureExposureDisplay.from_exposures(before, after, n_features=8)
        sizes = before.abs().mean(), after.abs().mean()
        order = np.maximum(*sizes).sort_values(ascending=False).index[:8]
        for dots, size in zip((display.before_, display.after_), sizes, strict=True):
            assert_allclose(dots.get_offsets()[:, 0], size[order])
            assert_array_equal(dots.get_offsets()[:, 1], np.arange(8))
        assert tick_labels(display.ax_.yaxis) == list(order)
        assert len(display.exposures) == 30

    def test_first_feature_is_at_the_top(self):
        display = FeatureExposureDisplay.from_exposures(
            make_exposures(), make_exposures() / 2
        )
        bottom, top = display.ax_.get_ylim()
        assert top < 0 < 19 < bottom

    def test_exposure_that_grew_is_not_hidden(self):
        before = make_exposures()
        after = before.assign(feature_7=0.9)
        display = FeatureExposureDisplay.from_exposures(before, after, n_features=1)
        assert tick_labels(display.ax_.yaxis) == ["feature_7"]

    def test_predictions_give_the_exposures_of_the_metrics(self):
        data = make_benchmark_models(10, 100, 2, random_state=0)
        frame, era = data.frame, data.frame["era"]
        name, features = data.models[0], frame[data.features]
        neutralizer = FeatureNeutralizer(columns=[name]).fit(frame)
        after = neutralizer.predict(frame)
        display = FeatureExposureDisplay.from_predictions(
            frame[name], after, features, era=era
        )
        expected = feature_exposure(frame[name], features, era=era).abs().mean()
        found = display.exposures["before"]
        assert_allclose(found, expected[found.index])
        assert_allclose(display.exposures["after"], 0, atol=1e-6)
        largest = max_feature_exposure(frame[name], features, era=era).mean().iloc[0]
        assert_allclose(display.largest["before"], largest)
        assert f"{largest:.3f}" in legend_of(display.ax_)[0]

    def test_fewer_features_than_asked_for(self):
        display = FeatureExposureDisplay.from_exposures(
            make_exposures(2), make_exposures(2)
        )
        assert len(display.before_.get_offsets()) == 2
        assert "2 largest exposures to 2 features" in display.ax_.get_title()

    def test_feature_without_exposure_is_left_out(self):
        before = make_exposures(3)
        before["feature_1"] = np.nan
        display = FeatureExposureDisplay.from_exposures(before, make_exposures(3))
        assert set(display.exposures.index) == {"feature_0", "feature_2"}

    def test_given_axes_are_used(self):
        figure, ax = plt.subplots()
        exposures = make_exposures()
        display = FeatureExposureDisplay.from_exposures(exposures, exposures, ax=ax)
        assert display.ax_ is ax
        assert plt.get_fignums() == [figure.number]

    def test_errors(self):
        exposures, draw = make_exposures(), FeatureExposureDisplay.from_exposures
        with pytest.raises(TypeError, match="`after` must be a pandas frame"):
            draw(exposures, exposures.to_numpy())
        with pytest.raises(
            ValueError, match="same features; they differ in 'feature_3"
        ):
            draw(exposures, exposures.drop(columns="feature_3"))
        with pytest.raises(ValueError, match="same eras; they differ in '0001'"):
            draw(exposures.iloc[1:], exposures)
        with pytest.raises(ValueError, match="share no exposure"):
            draw(exposures, exposures * np.nan)
        with pytest.raises(ValueError, match="`before` has 0 rows"):
            draw(exposures.iloc[:0], exposures.iloc[:0])
        with pytest.raises(ValueError, match="`n_features` must be"):
            draw(exposures, exposures, n_features=0)
        two = pd.concat({"a": exposures, "b": exposures}, axis=1)
        with pytest.raises(ValueError, match=r"several models.*before\['a'\]"):
            draw(two, exposures)
        assert plt.get_fignums() == []


@pytest.fixture(scope="module")
def stacked():
    data = make_benchmark_models(60, 100, 4, random_state=0)
    model = make_pipeline(EraRankGauss(), StackingWeights())
    return model.fit(data.frame, data.frame["target"])


class TestWeightsDisplay:
    def test_bars_and_intervals_are_those_of_the_estimator(self, stacked):
        step = stacked[-1]
        display = WeightsDisplay.from_estimator(step)
        order = sorted(step.weights_, key=step.weights_.get, reverse=True)
        assert tick_labels(display.ax_.yaxis) == order
        found = [bar.get_width() for bar in display.bars_]
        assert_allclose(found, [step.weights_[name] for name in order])
        ends = [segment[:, 0] for segment in display.interval_lines_.get_segments()]
        assert_allclose(ends, [step.weights_interval_[name] for name in order])

    def test_pipeline_gives_its_weights(self, stacked):
        one = WeightsDisplay.from_estimator(stacked)
        other = WeightsDisplay.from_estimator(stacked[-1])
        pd.testing.assert_series_equal(one.weights, other.weights)

    def test_estimator_without_intervals(self):
        frame = pd.DataFrame({"a": [0.1, 0.2], "b": [0.3, 0.1]})
        fitted = WeightedEnsemble({"a": 0.3, "b": 0.7}, era=None).fit(frame)
        display = WeightsDisplay.from_estimator(fitted)
        assert display.interval_lines_ is None
        assert display.ax_.get_legend() is None
        assert [bar.get_width() for bar in display.bars_] == [0.7, 0.3]

    def test_interval_need_not_hold_its_weight(self):
        display = WeightsDisplay.from_weights({"a": 1.0}, {"a": (0.2, 0.4)})
        (segment,) = display.interval_lines_.get_segments()
        assert_allclose(segment[:, 0], [0.2, 0.4])

    def test_series_and_strange_names(self):
        weights = pd.Series({"_a": 0.2, "$b$": -0.5, 3: 0.3})
        display = WeightsDisplay.from_weights(weights)
        assert tick_labels(display.ax_.yaxis) == ["3", "_a", "$b$"]
        ticks = display.ax_.yaxis.get_ticklabels()
        assert not any(tick.get_parse_math() for tick in ticks)

    def test_all_of_thirty_names_are_shown(self):
        weights = {f"v53_lgbm_ender{i}": i / 465 for i in range(31)}
        display = WeightsDisplay.from_weights(weights)
        display.figure_.canvas.draw()
        boxes = [t.get_window_extent() for t in display.ax_.yaxis.get_ticklabels()]
        assert len(boxes) == 31
        assert all(a.y0 > b.y1 for a, b in pairwise(boxes))

    def test_given_axes_are_used(self):
        figure, ax = plt.subplots()
        assert WeightsDisplay.from_weights({"a": 1.0}, ax=ax).ax_ is ax
        assert plt.get_fignums() == [figure.number]

    def test_errors(self, stacked):
        draw = WeightsDisplay.from_weights
        with pytest.raises(ValueError, match="`weights` must map"):
            draw({})
        with pytest.raises(ValueError, match="`weights` must map"):
            draw([0.5, 0.5])
        with pytest.raises(ValueError, match="finite numbers; got nan for 'a'"):
            draw({"a": np.nan})
        with pytest.raises(ValueError, match="names a model twice"):
            draw(pd.Series([0.5, 0.5], ["a", "a"]))
        with pytest.raises(ValueError, match="`intervals` must be of the models 'a'"):
            draw({"a": 1.0}, {"b": (0, 1)})
        with pytest.raises(ValueError, match=r"lower and an upper end; got \(1, 0\)"):
            draw({"a": 1.0}, {"a": (1, 0)})
        with pytest.raises(NotFittedError):
            WeightsDisplay.from_estimator(StackingWeights())
        with pytest.raises(ValueError, match="0 fitted steps with weights"):
            WeightsDisplay.from_estimator(make_pipeline(EraRankGauss()))
        assert plt.get_fignums() == []


def make_path(gain, eras=ERAS):
    """Scores at four proportions, of which 0.4 adds ``gain`` to each era."""
    base = make_scores(1, eras)["model_0"]
    return pd.DataFrame({0.8: base - 0.01, 0: base, 0.4: base + gain, 1: base - 0.02})


class TestNeutralizationPathDisplay:
    def test_line_and_band_are_those_of_summarize(self):
        scores = make_path(0.01)
        display = NeutralizationPathDisplay.from_scores(scores, horizon=5)
        rows = summarize(scores, 0, horizon=5).sort_index()
        assert_array_equal(display.line_.get_xdata(), [0, 0.4, 0.8, 1])
        assert_allclose(display.line_.get_ydata(), rows["mean"])
        band = display.interval_.get_paths()[0].vertices
        for share, low, high in rows[["low", "high"]].itertuples():
            ends = band[np.isclose(band[:, 0], share), 1]
            assert_allclose([ends.min(), ends.max()], [low, high])

    def test_best_that_can_be_told_from_none(self):
        display = NeutralizationPathDisplay.from_scores(make_path(0.01))
        assert display.best == 0.4
        assert "Highest at 0.4, better than none:\n+0.0100" in display.ax_.get_title()
        assert_allclose(display.best_mark_.get_xdata(), [0.4])
        assert_allclose(display.best_mark_.get_ydata(), make_path(0.01)[0.4].mean())

    def test_best_that_cannot_be_told_from_none(self):
        scores = make_path(0.0)
        noise = np.random.default_rng(2).normal(0, 0.05, 60)
        scores[0.4] += noise - noise.mean() + 0.001
        display = NeutralizationPathDisplay.from_scores(scores)
        assert display.best == 0.4
        assert "cannot be told from none" in display.ax_.get_title()

    def test_none_is_best(self):
        for loss in (-0.01, 0.0):
            display = NeutralizationPathDisplay.from_scores(make_path(loss))
            assert display.best == 0.0
            assert display.ax_.get_title() == "No proportion scores higher than none"

    def test_too_few_eras(self):
        display = NeutralizationPathDisplay.from_scores(make_path(0.01, ERAS[:9]))
        assert "too few eras" in display.ax_.get_title()
        assert display.interval_ is None
        assert legend_of(display.ax_) == ["mean over eras", "highest"]

    def test_predictions_are_neutralised_and_scored(self):
        data = make_benchmark_models(30, 100, 2, random_state=0)
        frame, name = data.frame, data.models[0]
        display = NeutralizationPathDisplay.from_predictions(
            frame, frame["target"], proportions=[1, 0.5], columns=name, horizon=5
        )
        assert list(display.summary.index) == [0, 0.5, 1]
        for share, mean in display.summary["mean"].items():
            neutralizer = FeatureNeutralizer(columns=name, proportion=share).fit(frame)
            assert_allclose(mean, neutralizer.score(frame, frame["target"]), atol=1e-6)
        assert display.ax_.get_ylabel() == "mean CORR"

    def test_path_of_neutralization_path_can_be_drawn(self):
        scores = make_path(0.01).rename(columns="prediction_{:g}".format)
        display = NeutralizationPathDisplay.from_scores(scores)
        assert list(display.summary.index) == [0, 0.4, 0.8, 1]

    def test_arrays_and_polars(self):
        data = make_benchmark_models(30, 60, 2, random_state=0)
        frame = data.frame[["era", data.models[0], *data.features[:3]]].copy()
        y = data.frame["target"].to_numpy()
        frame["era"] = frame["era"].astype(int)
        draw = NeutralizationPathDisplay.from_predictions
        expected = draw(frame, y, proportions=[0, 1]).summary
        tables = pl.DataFrame({name: frame[name].to_numpy() for name in frame})
        found = draw(tables, y, proportions=[0, 1]).summary
        pd.testing.assert_frame_equal(found, expected)
        array = frame.to_numpy(dtype=float)
        options = {"era": 0, "columns": 1, "neutralizers": [2, 3, 4]}
        found = draw(array, y, proportions=[0, 1], **options).summary
        pd.testing.assert_frame_equal(found, expected)

    def test_given_axes_are_used(self):
        figure, ax = plt.subplots()
        assert NeutralizationPathDisplay.from_scores(make_path(0.01), ax=ax).ax_ is ax
        assert plt.get_fignums() == [figure.number]

    def test_errors_of_scores(self):
        scores, draw = make_path(0.01), NeutralizationPathDisplay.from_scores
        with pytest.raises(ValueError, match="column for the proportion 0"):
            draw(scores.drop(columns=0))
        with pytest.raises(ValueError, match=r"named by their proportion.*'model'"):
            draw(scores.rename(columns={1: "model"}))
        with pytest.raises(
            ValueError, match=r"`scores` must have .*between 0 and 1.* 2\.0"
        ):
            draw(scores.rename(columns={1: 2}))
        with pytest.raises(ValueError, match="one column a proportion"):
            draw(scores.rename(columns={1: "a_0.4"}))
        with pytest.raises(ValueError, match="no score in any era"):
            draw(scores * np.nan)
        assert plt.get_fignums() == []

    def test_errors_of_predictions(self):
        data = make_benchmark_models(10, 60, 2, random_state=0)
        frame, y = data.frame, data.frame["target"]
        draw = NeutralizationPathDisplay.from_predictions
        with pytest.raises(ValueError, match="X has 2 predictions: name one"):
            draw(frame, y, proportions=[0, 1])
        with pytest.raises(ValueError, match="X has no era column 'era'"):
            draw(frame.drop(columns="era"), y)
        with pytest.raises(ValueError, match="X has no era column None"):
            draw(frame, y, era=None)
        with pytest.raises(ValueError, match=r"between 0 and 1; got 1.5"):
            draw(frame, y, proportions=[0, 1.5])
        with pytest.raises(ValueError, match="another index"):
            draw(frame, y.iloc[::-1], columns=data.models[0], proportions=[1])
        assert plt.get_fignums() == []


@pytest.mark.parametrize("module", ["matplotlib", "matplotlib.pyplot"])
def test_without_matplotlib_the_error_says_what_to_install(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(
        sys.modules, "matplotlib.pyplot", raising=module != "matplotlib"
    )
    if module == "matplotlib.pyplot":
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "skbench\[report\]"'):
        CumulativeScoreDisplay.from_scores(make_scores())
    with pytest.raises(ImportError, match=r'pip install "skbench\[report\]"'):
        WeightsDisplay.from_weights({"a": 1.0})


def test_real_rows(real_folder):
    validation = pd.read_parquet(real_folder / "validation.parquet")
    models = pd.read_parquet(real_folder / "validation_benchmark_models.parquet")
    models = models.loc[validation.index].drop(columns="era")
    scores = numerai_corr(validation["target"], models, era=validation["era"])
    display = CumulativeScoreDisplay.from_scores(scores, benchmark=models.columns[0])
    ends = [line.get_ydata()[-1] for line in display.lines_]
    assert_allclose(ends, scores.iloc[:, 1:].sum())
    features = [name for name in validation if name.startswith("feature")]
    name = models.columns[0]
    X = validation[["era", *features]].assign(**{name: models[name]})
    path = NeutralizationPathDisplay.from_predictions(
        X, validation["target"], proportions=[0, 0.5, 1], neutralizers=features[:25]
    )
    assert_allclose(path.summary["mean"].iloc[0], scores[name].mean())
    for drawing in (display, path):
        drawing.figure_.canvas.draw()


class TestWeightsPathDisplay:
    def path(self, n_models=3, n_windows=4):
        rng = np.random.default_rng(0)
        weights = rng.dirichlet(np.ones(n_models), n_windows)
        eras = [f"{27 + 26 * i:04d}" for i in range(n_windows)]
        names = [f"model_{i}" for i in range(n_models)]
        return pd.DataFrame(weights, pd.Index(eras, name="era"), names)

    def test_areas_are_the_weights(self):
        path = self.path()
        display = WeightsPathDisplay.from_weights(path.iloc[[2, 0, 3, 1]])
        order = path.mean().sort_values(ascending=False).index
        assert legend_of(display.ax_) == list(order[::-1])
        assert display.lines_ == []
        below = np.zeros(len(path))
        for area, name in zip(display.areas_, order, strict=True):
            corners = area.get_paths()[0].vertices
            for i, x in enumerate([27, 53, 79, 105]):
                inside = corners[np.isclose(corners[:, 0], x)][:, 1]
                top = below[i] + path[name].iloc[i]
                assert np.isclose(inside, top).any()
                assert np.isclose(inside, below[i]).any()
            assert corners[:, 0].max() == 131  # as long as the windows before
            below += path[name].to_numpy()
        assert_allclose(below, 1)

    def test_lines_where_weights_may_be_negative(self):
        path = self.path()
        path["model_0"] *= -1
        display = WeightsPathDisplay.from_weights(path)
        assert display.areas_ == []
        names = legend_of(display.ax_)
        for line, name in zip(display.lines_, names, strict=True):
            assert line.get_drawstyle() == "steps-post"
            assert_allclose(line.get_ydata()[:-1], path[name])
            assert line.get_ydata()[-1] == path[name].iloc[-1]
        assert len({line.get_color() for line in display.lines_}) == 3

    def test_small_weights_are_drawn_as_one(self):
        path = self.path(22)
        display = WeightsPathDisplay.from_weights(path)
        names = legend_of(display.ax_)
        assert len(names) == 7
        assert names[0] == "16 others"
        largest = path.mean().nlargest(6).index
        assert names[1:] == list(largest[::-1])
        assert len({tuple(a.get_facecolor()[0]) for a in display.areas_}) == 7

    def test_one_window(self):
        display = WeightsPathDisplay.from_weights(self.path(2, 1))
        assert display.ax_.get_xlim() == (27, 28)

    def test_an_estimator_and_a_pipeline(self, stacked):
        cv = WalkForwardEraSplit(15, 5)
        expected = walk_forward_weights(stacked[-1], cv)
        for fitted in (stacked, stacked[-1]):
            display = WeightsPathDisplay.from_estimator(fitted, cv)
            pd.testing.assert_frame_equal(display.weights, expected, check_names=False)

    def test_errors(self):
        draw = WeightsPathDisplay.from_weights
        with pytest.raises(ValueError, match="`weights` must be finite numbers"):
            draw(self.path().replace(self.path().iloc[0, 0], np.nan))
        with pytest.raises(ValueError, match="`weights` has 0 rows"):
            draw(self.path().iloc[:0])
        with pytest.raises(NotFittedError, match="`stacking` holds no eras"):
            WeightsPathDisplay.from_estimator(StackingWeights())
        assert plt.get_fignums() == []
