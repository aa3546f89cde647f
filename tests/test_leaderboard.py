"""`score_models` and `leaderboard`."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import long_scores, long_tournament

from skbench.metrics import (
    correlation_contribution,
    feature_neutral_corr,
    leaderboard,
    numerai_corr,
    score_models,
    summarize,
)


@pytest.fixture(scope="module")
def data():
    return long_tournament()


@pytest.fixture(scope="module")
def scores():
    return long_scores()


class TestScoreModels:
    def test_each_score_is_the_function_of_its_name(self, data, scores):
        frame = data.frame
        y, X, era = frame["target"], frame[data.models], frame["era"]
        expected = {
            "corr": numerai_corr(y, X, era=era),
            "mmc": correlation_contribution(y, X, frame[data.meta_model], era=era),
            "bmc": correlation_contribution(y, X, X[data.models[1]], era=era),
            "fnc": feature_neutral_corr(y, X, frame[data.features], era=era),
        }
        assert list(scores) == list(expected)
        for name, frame in expected.items():
            pd.testing.assert_frame_equal(scores[name], frame)

    def test_a_model_adds_nothing_to_itself(self, data, scores):
        assert scores["bmc"][data.models[1]].abs().max() < 1e-12

    def test_eras_without_a_meta_model_are_gaps_and_no_zeros(self, scores):
        assert scores["mmc"].notna().sum().eq(25).all()  # 30, of which 5 lack targets
        assert scores["corr"].notna().sum().eq(65).all()

    def test_what_is_not_given_is_not_scored(self, data):
        frame = data.frame
        scores = score_models(frame["target"], frame[data.models], era=frame["era"])
        assert list(scores) == ["corr"]

    def test_polars(self, data, scores):
        frame = pl.from_pandas(data.frame)
        found = score_models(
            frame["target"],
            frame[data.models],
            era=frame["era"],
            meta_model=frame[data.meta_model],
            benchmark=data.models[1],
        )
        for name in ("corr", "mmc", "bmc"):
            pd.testing.assert_frame_equal(found[name], scores[name])

    def test_an_unknown_benchmark(self, data):
        frame = data.frame
        with pytest.raises(ValueError, match=r"`benchmark` must be .* got 'other'"):
            score_models(
                frame["target"],
                frame[data.models],
                era=frame["era"],
                benchmark="other",
            )


class TestLeaderboard:
    def test_numbers_are_those_of_summarize(self, scores):
        board = leaderboard(scores, target="target_ender_20")
        assert board["eras"].tolist() == ["all"] * 3 + ["last 52"] * 3
        scored = scores["corr"].dropna().index
        for span, eras in {"all": scored, "last 52": scored[-52:]}.items():
            lines = board[board["eras"] == span].set_index("model")
            for name, frame in scores.items():
                numbers = summarize(frame.loc[eras], target="target_ender_20").loc[
                    lines.index
                ]
                assert lines[name].tolist() == numbers["mean"].tolist()
                for column in ("low", "high", "sharpe", "max_drawdown", "n_eras"):
                    np.testing.assert_array_equal(
                        lines[f"{name}_{column}"], numbers[column]
                    )

    def test_best_first_in_each_span(self, scores):
        for _, lines in leaderboard(scores).groupby("eras"):
            assert lines["corr"].is_monotonic_decreasing

    def test_recent_eras_are_the_last_by_number_not_by_row(self, scores):
        shuffled = {k: f.sample(frac=1, random_state=1) for k, f in scores.items()}
        pd.testing.assert_frame_equal(leaderboard(shuffled), leaderboard(scores))

    def test_a_score_that_starts_late_says_on_how_many_eras_it_rests(self, scores):
        board = leaderboard(scores, recent=10).set_index(["eras", "model"])
        assert board.loc["all", "mmc_n_eras"].eq(25).all()
        assert board.loc["last 10", "mmc_n_eras"].eq(10).all()

    def test_fewer_eras_than_recent(self, scores):
        few = scores["corr"].dropna().iloc[:4]
        board = leaderboard(few)
        assert board["corr_n_eras"].eq(4).all()
        assert board[["corr_low", "corr_high"]].isna().all(axis=None)

    def test_a_model_without_any_score_stands_last(self, scores):
        corr = scores["corr"].assign(silent=np.nan)
        board = leaderboard(corr, recent=None)
        assert board["model"].iloc[-1] == "silent"
        assert board["corr_n_eras"].iloc[-1] == 0

    def test_eras_that_only_one_score_has(self):
        corr = pd.DataFrame({"a": [0.1, 0.2, 0.3]}, index=["0001", "0002", "0003"])
        mmc = pd.DataFrame({"a": [0.5]}, index=["0004"])
        board = leaderboard({"corr": corr, "mmc": mmc}, recent=2)
        recent = board[board["eras"] == "last 2"].iloc[0]
        assert (recent["corr"], recent["corr_n_eras"]) == (0.3, 1)
        assert (recent["mmc"], recent["mmc_n_eras"]) == (0.5, 1)

    def test_nothing_to_rank(self):
        with pytest.raises(ValueError, match="at least one frame"):
            leaderboard({})
        empty = pd.DataFrame({"a": [np.nan]}, index=["0001"])
        with pytest.raises(ValueError, match="no score in any era"):
            leaderboard(empty)
        with pytest.raises(ValueError, match="`recent` must be a whole number"):
            leaderboard(empty.fillna(0.1), recent=0)
