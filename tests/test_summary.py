"""summarize(): plain loops, exact cases, and intervals by the slow formula."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import reference
from helpers import assert_close, to_pandas

from skbench.metrics import numerai_corr, summarize

NAN = np.nan
PLAIN = [
    "mean",
    "std",
    "sharpe",
    "max_drawdown",
    "autocorrelation",
    "share_positive",
    "n_eras",
    "n_missing",
    "low",
    "high",
    "sharpe_low",
    "sharpe_high",
]
PAIRED = [
    "difference",
    "difference_low",
    "difference_high",
    "sharpe_difference",
    "sharpe_difference_low",
    "sharpe_difference_high",
    "n_paired",
]


def scores(n=60, models=("a", "b", "c"), seed=0):
    """Autocorrelated era scores with a gap in one model and none at the end."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.01, 0.02, size=(n + 4, len(models)))
    means = np.stack([noise[i : i + n] for i in range(5)]).mean(axis=0)
    index = pd.Index([f"{i + 1:04}" for i in range(n)], name="era")
    frame = pd.DataFrame(means, index=index, columns=list(models))
    frame.iloc[10:13, 0] = NAN
    frame.iloc[-2:] = NAN
    return frame


def slow_drawdown(series):
    total, highest, worst = 0.0, 0.0, 0.0
    for score in series:
        total += score
        highest = max(highest, total)
        worst = max(worst, highest - total)
    return worst


class TestPlainNumbers:
    def test_frozen(self):
        frame = pd.DataFrame({"m": [-0.02, 0.03, 0.01, -0.05, 0.02, 0.04]})
        got = summarize(frame).loc["m"]
        assert_close(got["mean"], 0.005)
        assert_close(got["std"], (0.0059 / 6 - 0.005**2) ** 0.5)
        assert_close(got["sharpe"], 0.005 / got["std"])
        assert_close(got["max_drawdown"], 0.05)
        assert_close(got["share_positive"], 4 / 6)
        assert got["n_eras"] == 6
        assert got["n_missing"] == 0

    def test_columns(self):
        got = summarize(scores())
        assert list(got) == PLAIN
        assert list(got.index) == ["a", "b", "c"]
        assert got.index.name == "model"
        assert list(summarize(scores(), "b")) == PLAIN + PAIRED

    def test_against_pandas(self):
        frame = scores()
        got = summarize(frame)
        assert_close(got["mean"], frame.mean())
        assert_close(got["std"], frame.std(ddof=0))
        assert_close(got["sharpe"], frame.mean() / frame.std(ddof=0))
        assert_close(got["autocorrelation"], [frame[m].autocorr(1) for m in frame])
        assert_close(
            got["share_positive"], [(frame[m].dropna() > 0).mean() for m in frame]
        )
        assert list(got["n_eras"]) == [55, 58, 58]
        assert list(got["n_missing"]) == [5, 2, 2]

    @pytest.mark.parametrize("seed", range(5))
    def test_drawdown(self, seed):
        frame = scores(seed=seed) - 0.01
        expected = [slow_drawdown(frame[m].dropna()) for m in frame]
        assert_close(summarize(frame)["max_drawdown"], expected)

    def test_a_drawdown_starts_at_zero(self):
        assert_close(summarize(pd.Series([-0.1, 0.3]))["max_drawdown"], 0.1)
        assert summarize(pd.Series([0.1, 0.3]))["max_drawdown"].iloc[0] == 0

    def test_the_order_is_that_of_the_eras(self):
        frame = scores()
        mixed = frame.iloc[np.random.default_rng(0).permutation(len(frame))]
        pd.testing.assert_frame_equal(summarize(mixed), summarize(frame))
        bench = np.arange(60.0)
        got = summarize(
            mixed, pd.Series(bench, frame.index).loc[mixed.index].to_numpy()
        )
        assert_close(got["difference"], summarize(frame, bench)["difference"])

    def test_pairs_beside_a_gap_are_none(self):
        series = pd.Series([1.0, 2, 4, NAN, 3, 1, 5])
        expected = np.corrcoef([1, 2, 3, 1], [2, 4, 1, 5])[0, 1]
        assert_close(summarize(series)["autocorrelation"], expected)
        assert summarize(series[:4])["autocorrelation"].isna().all()

    def test_three_pairs_are_enough_and_two_are_not(self):
        expected = np.corrcoef([1, 2, 4], [2, 4, 3])[0, 1]
        assert_close(summarize(pd.Series([1.0, 2, 4, 3]))["autocorrelation"], expected)
        assert summarize(pd.Series([1.0, 2, 4]))["autocorrelation"].isna().all()

    @pytest.mark.parametrize("last", [-1.0, 1.0])
    def test_no_autocorrelation_where_one_side_of_the_pairs_is_constant(self, last):
        series = pd.Series([0.0, 0, 0, 0, last])
        assert summarize(series)["autocorrelation"].isna().all()
        assert summarize(series[::-1].to_numpy())["autocorrelation"].isna().all()

    def test_a_series_that_does_not_vary(self):
        got = summarize(pd.Series([0.1] * 40), horizon=3).iloc[0]
        assert np.isnan(got["sharpe"])
        assert np.isnan(got["autocorrelation"])
        assert_close(got[["mean", "low", "high"]].to_numpy(float), 0.1, 1e-15)

    def test_a_model_without_scores(self):
        frame = scores().assign(b=NAN)
        got = summarize(frame, "a").loc["b"]
        assert got["n_eras"] == got["n_paired"] == 0
        assert got["n_missing"] == 60
        assert got.drop(["n_eras", "n_paired", "n_missing"]).isna().all()

    def test_scores_come_from_the_metrics(self):
        rng = np.random.default_rng(0)
        y, P = rng.random(400), rng.random((400, 2))
        frame = numerai_corr(y, P, era=np.repeat(np.arange(40), 10))
        assert list(summarize(frame).index) == [0, 1]

    def test_other_containers(self):
        frame = scores().fillna(0.0)
        expected = summarize(frame, "b")
        for other in (frame.to_numpy(), pl.from_pandas(frame)):
            name = "b" if isinstance(other, pl.DataFrame) else 1
            got = to_pandas(summarize(other, name), "model")
            assert_close(got, expected)

    def test_pairs_of_model_and_feature(self):
        frame = scores(models=("a", "b"))
        frame.columns = pd.MultiIndex.from_tuples([("m", "f"), ("m", "g")])
        got = summarize(frame, ("m", "g"))
        assert list(got.index) == [("m", "f"), ("m", "g")]
        assert got["difference"].iloc[1] == 0


def slow_interval(series, horizon, confidence=0.95):
    """Ends of the interval of the mean of scores, from the matrices of the formula."""
    series = series.dropna()
    numbers = [int(era) for era in series.index]
    mean, half, _ = reference.interval_of_mean(series, numbers, horizon, confidence)
    return mean - half, mean + half


def slow_influence(series):
    """Turn scores into the Sharpe ratio plus the influence of each on it."""
    m, s = series.mean(), series.std(ddof=0)
    z = (series - m) / s
    return m / s + z - m / s * (z**2 - 1) / 2


class TestInterval:
    @pytest.mark.parametrize("horizon", [1, 5, 13])
    def test_is_that_of_the_slow_formula(self, horizon):
        frame = scores()
        got = summarize(frame, "a", horizon=horizon, confidence=0.9)
        both = frame["a"].notna()
        for model in frame:
            low, high = slow_interval(frame[model], horizon, 0.9)
            assert_close(got.loc[model, ["low", "high"]].to_numpy(float), [low, high])
            ends = slow_interval(slow_influence(frame[model]), horizon, 0.9)
            found = got.loc[model, ["sharpe_low", "sharpe_high"]].to_numpy(float)
            assert_close(found, ends)
            paired = slow_influence(frame[model][both])
            ends = slow_interval(
                paired - slow_influence(frame["a"][both]), horizon, 0.9
            )
            assert_close(got.loc[model, PAIRED[4:6]].to_numpy(float), ends)
            of_both = [frame.loc[both, name].dropna() for name in (model, "a")]
            ratios = [scores.mean() / scores.std(ddof=0) for scores in of_both]
            assert_close(got.loc[model, "sharpe_difference"], ratios[0] - ratios[1])

    def test_eras_far_apart_need_fewer(self):
        frame = scores(120).iloc[::4]
        got = summarize(frame, target="target_x_60")
        for model in frame:
            low, high = slow_interval(frame[model], 13)
            assert_close(got.loc[model, ["low", "high"]].to_numpy(float), [low, high])
        assert summarize(frame.iloc[:8], target="target_x_60")["low"].notna().any()

    def test_a_model_does_not_depend_on_others(self):
        frame = scores()
        together = summarize(frame)
        for model in frame:
            alone = summarize(frame[[model]])
            assert_close(alone[["low", "high"]], together.loc[[model], ["low", "high"]])

    def test_fewer_eras_than_two_horizons(self):
        frame = scores(28)  # 26 scored, and 23 in one model
        got = summarize(frame)
        assert got["low"].isna().tolist() == [True, False, False]
        assert summarize(frame, horizon=14)[["low", "high"]].isna().all(axis=None)

    @pytest.mark.parametrize(
        ("target", "horizon"),
        [
            ("target_ender_20", 5),
            ("target_ender_60", 13),
            ("target_x_v4_20", 5),
            ("target_30", 7),
            ("target", 13),
            ("target_x_v4", 13),
            (None, 13),
        ],
    )
    def test_the_horizon_is_as_long_as_the_target_says(self, target, horizon):
        frame = scores()
        got = summarize(frame, target=target)
        pd.testing.assert_frame_equal(got, summarize(frame, horizon=horizon))

    def test_more_confidence_is_wider(self):
        frame = scores()
        narrow, wide = (summarize(frame, confidence=c) for c in (0.5, 0.99))
        assert (wide["low"] < narrow["low"]).all()
        assert (wide["high"] > narrow["high"]).all()
        assert (narrow["low"] < narrow["mean"]).all()

    def test_overlapping_targets_need_more(self):
        frame = scores(400, ["a"])
        got = summarize(frame, horizon=5).iloc[0]
        naive = 2 * 1.96 * got["std"] / np.sqrt(got["n_eras"])
        assert 1.5 < (got["high"] - got["low"]) / naive < 3.0  # sqrt(5) without end


class TestBenchmark:
    def test_differences_are_paired(self):
        frame = scores()
        got = summarize(frame, "a")
        paired = frame.sub(frame["a"], axis=0)
        assert_close(got["difference"], paired.mean())
        assert list(got["n_paired"]) == [55, 55, 55]
        expected = summarize(paired)
        assert_close(got["difference_low"], expected["low"])
        assert_close(got["difference_high"], expected["high"])

    def test_a_benchmark_does_not_differ_from_itself(self):
        got = summarize(scores(), "b").loc["b", PAIRED]
        assert_close(got.to_numpy(float), [0, 0, 0, 0, 0, 0, 58])

    def test_what_is_common_cancels(self):
        rng = np.random.default_rng(0)
        common = rng.normal(size=100)
        frame = pd.DataFrame({"a": common + 0.1, "b": common})
        got = summarize(frame, "b", horizon=5).loc["a"]
        assert got["low"] < 0 < got["high"]
        assert_close(got[["difference_low", "difference_high"]].to_numpy(float), 0.1)

    def test_series_are_matched_by_era(self):
        frame = scores()
        expected = summarize(frame, "b")
        for benchmark in (
            frame["b"].iloc[::-1],
            frame[["b"]],
            frame["b"].to_numpy(),
            pl.Series(frame["b"].to_numpy()),
            list(frame["b"]),
        ):
            got = summarize(frame, benchmark)
            pd.testing.assert_frame_equal(got, expected)

    def test_only_the_eras_of_both(self):
        frame = scores()
        other = pd.Series(0.5, index=[*frame.index[20:50], "2000"])
        got = summarize(frame, other)
        assert (got["n_paired"] == 30).all()
        assert_close(got["difference"], frame.iloc[20:50].mean() - 0.5)


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"horizon": 0}, "`horizon` must be a whole number of at least 1; got 0"),
            ({"horizon": 2.5}, "`horizon` must be a whole number"),
            ({"confidence": 1}, "`confidence` must be above 0 and below 1; got 1"),
            ({"confidence": 95}, "`confidence` must be above 0 and below 1; got 95"),
            ({"target": 20}, "`target` must be the name of a target; got 20"),
            ({"benchmark": "z"}, "`benchmark` must name a column of the scores, 'a'"),
            ({"benchmark": [0.1, 0.2]}, "`benchmark` must have one value a row; got 2"),
            ({"benchmark": np.ones((60, 2))}, "`benchmark` must be one column"),
            ({"benchmark": pd.Series([1.0])}, "`benchmark` has no value for any of"),
            (
                {"benchmark": pd.Series([1.0, 2], index=["0001", "0001"])},
                "the rows of `benchmark` must differ .* '0001'",
            ),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            summarize(scores(), **options)

    def test_an_era_twice(self):
        frame = pd.concat([scores(), scores().iloc[:1]])
        with pytest.raises(ValueError, match=r"rows of `scores` .*several are '0001'"):
            summarize(frame)

    def test_an_era_twice_as_numbers_of_two_kinds(self):
        frame = pd.DataFrame({"a": [0.1, 0.2]}, index=pd.Index([1, 1.0], dtype=object))
        with pytest.raises(ValueError, match=r"rows of `scores` .*several are '1\.0'"):
            summarize(frame)

    def test_infinite(self):
        with pytest.raises(ValueError, match="must not be infinite"):
            summarize(scores().replace({"b": {scores()["b"].iloc[0]: np.inf}}))

    @pytest.mark.parametrize("large", [np.inf, -1e200])
    def test_an_infinite_benchmark(self, large):
        frame = scores()
        benchmark = frame["b"].copy()
        benchmark.iloc[3] = large
        for given in (benchmark, benchmark.to_numpy()):
            with pytest.raises(ValueError, match="`benchmark` must not be infinite"):
                summarize(frame, given)

    def test_text(self):
        with pytest.raises(ValueError, match="must hold numbers"):
            summarize(scores().assign(a="x"))
