"""`score_models` and `leaderboard`."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import long_scores, long_tournament, to_pandas

from skbench.metrics import (
    about_shorter,
    best_first,
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
            got = to_pandas(found[name], "era")
            pd.testing.assert_frame_equal(got, scores[name])

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


def some_models(n_eras=102):
    """Scores that rise: "late" has none of the first half, where all are low."""
    eras = [f"{i:04d}" for i in range(1, n_eras + 1)]
    common = 0.02 * np.sin(np.arange(n_eras)) + np.repeat([0.0, 0.03], n_eras // 2)
    rng = np.random.default_rng(3)
    corr = pd.DataFrame(
        {
            "weak": common,
            "strong": common + 0.01,
            "late": common + 0.008 + 0.001 * rng.normal(size=n_eras),
            "later": common + 0.009 + 0.001 * rng.normal(size=n_eras),
        },
        index=eras,
    )
    corr.loc[eras[: n_eras // 2], "late"] = np.nan
    corr.loc[eras[: n_eras // 2 + 5], "later"] = np.nan
    return corr


PARTS = ["eras", "versus", "difference", "difference_low", "difference_high"]


class TestFewerEras:
    """Models that lack eras are never sorted above others by the eras they have."""

    def test_they_stand_beneath_by_what_both_have(self):
        corr = some_models()
        board = leaderboard(corr, recent=20, target="target_20")
        lines = board[board["eras"] == "all"].set_index("model")
        assert lines.loc["late", "corr"] > lines.loc["strong", "corr"]
        assert list(lines.index) == ["strong", "weak", "later", "late"]
        beside = summarize(corr, "strong", target="target_20")
        for model, span in {"late": "0052 to 0102", "later": "0057 to 0102"}.items():
            row = lines.loc[model]
            assert row["corr_eras"] == span
            assert row["corr_versus"] == "strong"
            assert row["corr_n_paired"] == row["corr_n_eras"]
            for name in PARTS[2:]:
                assert row[f"corr_{name}"] == beside.loc[model, name]
        columns = [f"corr_{name}" for name in PARTS]
        assert lines.loc[["strong", "weak"], columns].isna().all(axis=None)

    def test_in_eras_that_all_have_they_are_like_any_other(self):
        board = leaderboard(some_models(), recent=20)
        recent = board[board["eras"] == "last 20"]
        assert recent["corr"].is_monotonic_decreasing
        assert recent["corr_versus"].isna().all()

    @pytest.mark.parametrize(("n_lacking", "is_whole"), [(10, True), (11, False)])
    def test_nine_tenths_of_the_eras_are_whole(self, n_lacking, is_whole):
        corr = some_models(100)[["weak", "strong"]]
        corr["own"] = corr["strong"] - 0.001
        corr.iloc[:n_lacking, 2] = np.nan
        board = leaderboard(corr, recent=None)
        assert board["corr"].idxmax() == (0 if is_whole else 2)
        assert board["model"].iloc[0 if is_whole else 2] == "own"
        assert ("corr_versus" in board) != is_whole

    def test_without_such_models_there_are_no_columns_of_them(self, scores):
        assert list(leaderboard(scores["corr"])) == [
            "eras",
            "model",
            "corr",
            *(
                f"corr_{part}"
                for part in ("low", "high", "sharpe", "max_drawdown", "n_eras")
            ),
        ]

    def test_each_score_has_its_own(self):
        corr = some_models()
        mmc = corr[["weak", "strong", "later"]].iloc[60:] / 2
        mmc["late"] = np.nan
        mmc.loc[mmc.index[:20], "weak"] = np.nan
        board = leaderboard({"corr": corr, "mmc": mmc}, recent=None)
        lines = board.set_index("model")
        assert lines["mmc_versus"].dropna().to_dict() == {
            "weak": "strong",
            "late": "strong",
        }
        assert list(best_first(lines, "mmc").index) == [
            "strong",
            "later",
            "weak",
            "late",
        ]
        assert lines.loc["late", "mmc_eras"] == ""
        assert np.isnan(lines.loc["late", "mmc_difference"])
        assert lines["corr_versus"].dropna().index.tolist() == ["later", "late"]

    def test_a_model_that_a_score_lacks_stands_last(self):
        corr = some_models()
        mmc = corr[["strong", "late"]]
        lines = leaderboard({"corr": corr, "mmc": mmc}, recent=None).set_index("model")
        assert list(best_first(lines, "mmc").index[:2]) == ["strong", "late"]
        assert lines["mmc_versus"].dropna().to_dict() == {"late": "strong"}

    def test_eras_that_no_two_have(self):
        corr = some_models()
        corr.loc[corr.index[51:61], ["weak", "strong"]] = np.nan
        corr.loc[corr.index[61:], ["late", "later"]] = np.nan
        board = leaderboard(corr, recent=None).set_index("model")
        assert list(board.index) == ["strong", "weak", "late", "later"]
        assert board.loc["late", "corr_n_paired"] == 0
        assert np.isnan(board.loc["late", "corr_difference"])

    def test_names_that_are_no_texts(self):
        corr = some_models().rename(columns={"strong": 7, "late": 8})
        board = leaderboard(corr, recent=None).set_index("model")
        assert board.loc[8, "corr_versus"] == 7

    @pytest.mark.parametrize(
        ("found", "told"),
        [
            (
                {"n_eras": 49, "eras": "0057 to 0105", "n_paired": 49}
                | {"difference": 0.0021, "difference_low": -0.0004}
                | {"difference_high": 0.0046},
                "own: 49 eras, 0057 to 0105; there 0.0021 above best "
                "(-0.0004 to 0.0046)",
            ),
            (
                {"n_eras": 49, "eras": "0057 to 0105", "n_paired": 47}
                | {"difference": -0.0021, "difference_low": -0.0046}
                | {"difference_high": 0.0004},
                "own: 49 eras, 0057 to 0105; in the 47 that both have 0.0021 below "
                "best (-0.0046 to 0.0004)",
            ),
            (
                {"n_eras": 1, "eras": "0057 to 0057", "n_paired": 1}
                | {"difference": 0.001, "difference_low": np.nan}
                | {"difference_high": np.nan},
                "own: 1 era, 0057 to 0057; there 0.0010 above best "
                "(too few for an interval)",
            ),
            (
                {"n_eras": 9, "eras": "0001 to 0009", "n_paired": 0},
                "own: 9 eras, 0001 to 0009; none of them has best",
            ),
            ({"n_eras": 0, "eras": ""}, "own: no eras"),
        ],
    )
    def test_the_line_that_is_shown(self, found, told):
        assert about_shorter("own", found | {"versus": "best"}, "era") == told
