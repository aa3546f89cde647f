"""summarize(): plain loops, exact cases and the limits of the bootstrap."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skbench.kernels import bootstrap
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
]
PAIRED = ["difference", "difference_low", "difference_high", "n_paired"]


def assert_close(got, expected, tolerance=1e-12):
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


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


def slow_interval(series, block, n_resamples, confidence, seed):
    """One resample after the other, by hand."""
    rng = np.random.default_rng(seed)
    n, means = len(series), []
    for _ in range(n_resamples):
        drawn = []
        while len(drawn) < n:
            start = rng.integers(n - block + 1)
            drawn += list(series[start : start + block])
        means.append(np.mean(drawn[:n]))
    tail = (1 - confidence) / 2
    return np.quantile(means, [tail, 1 - tail])


class TestPlainNumbers:
    def test_frozen(self):
        frame = pd.DataFrame({"m": [-0.02, 0.03, 0.01, -0.05, 0.02, 0.04]})
        got = summarize(frame, random_state=0).loc["m"]
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
        got = summarize(frame, random_state=0)
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
        pd.testing.assert_frame_equal(
            summarize(mixed, random_state=0), summarize(frame, random_state=0)
        )
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
        got = summarize(pd.Series([0.1] * 40), block_size=3).iloc[0]
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
        expected = summarize(frame, "b", random_state=0)
        for other in (frame.to_numpy(), pl.from_pandas(frame)):
            name = "b" if isinstance(other, pl.DataFrame) else 1
            got = summarize(other, name, random_state=0)
            assert_close(got, expected)

    def test_pairs_of_model_and_feature(self):
        frame = scores(models=("a", "b"))
        frame.columns = pd.MultiIndex.from_tuples([("m", "f"), ("m", "g")])
        got = summarize(frame, ("m", "g"), random_state=0)
        assert list(got.index) == [("m", "f"), ("m", "g")]
        assert got["difference"].iloc[1] == 0


class TestInterval:
    def test_a_model_does_not_depend_on_others(self):
        frame = scores()
        together = summarize(frame, random_state=3)
        for model in frame:
            alone = summarize(frame[[model]], random_state=3)
            assert_close(alone[["low", "high"]], together.loc[[model], ["low", "high"]])

    def test_random_state(self):
        frame = scores()
        first, again, other = (summarize(frame, random_state=s) for s in (1, 1, 2))
        pd.testing.assert_frame_equal(first, again)
        assert (first["low"] != other["low"]).all()
        state = np.random.RandomState(0)
        assert summarize(frame, random_state=state)["low"].notna().all()

    def test_fewer_eras_than_two_blocks(self):
        frame = scores(28)  # 26 scored, and 23 in one model
        got = summarize(frame)
        assert got["low"].isna().tolist() == [True, False, False]
        assert summarize(frame, block_size=14)[["low", "high"]].isna().all(axis=None)

    @pytest.mark.parametrize(
        ("target", "block"),
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
    def test_blocks_are_as_long_as_the_target_says(self, target, block):
        frame = scores()
        got = summarize(frame, target=target, random_state=0)
        expected = summarize(frame, block_size=block, random_state=0)
        pd.testing.assert_frame_equal(got, expected)

    def test_no_bootstrap(self):
        got = summarize(scores(), "b", n_bootstrap=0)
        intervals = [name for name in got if name.endswith(("low", "high"))]
        assert got[intervals].isna().all(axis=None)
        assert got["difference"].notna().all()

    def test_more_confidence_is_wider(self):
        frame = scores()
        narrow = summarize(frame, confidence=0.5, random_state=0)
        wide = summarize(frame, confidence=0.99, random_state=0)
        assert (wide["low"] < narrow["low"]).all()
        assert (wide["high"] > narrow["high"]).all()
        assert (narrow["low"] < narrow["mean"]).all()

    def test_overlapping_targets_need_blocks(self):
        frame = scores(400, ["a"])
        blocks, naive = (
            summarize(frame, block_size=b, random_state=0) for b in (13, 1)
        )
        ratio = (blocks["high"] - blocks["low"]) / (naive["high"] - naive["low"])
        assert 1.5 < ratio.iloc[0] < 2.6  # sqrt(5) without end

    @pytest.mark.parametrize("block", [1, 4])
    def test_the_slow_loop_agrees(self, block):
        series = scores(81, ["a"])["a"].dropna().to_numpy()[:76]
        got = bootstrap.mean_interval(series[None], block, 20_000, 0.9, seed=0)[:, 0]
        slow = slow_interval(series, block, 20_000, 0.9, seed=1)
        # The loop is off by what the ends of the series lack.
        n = len(series)
        bias = (bootstrap.expected_counts(n, block) / n) @ series - series.mean()
        assert_close(got, slow - bias, 2e-4)

    def test_coverage(self):
        # A mean of 5 weekly innovations, as scores of a 20-day target are.
        rng = np.random.default_rng(0)
        noise = rng.normal(size=(400, 304))
        series = sum(noise[:, i : i + 300] for i in range(5)) + 0.7
        low, high = bootstrap.mean_interval(series, 13, 500, 0.95, seed=0)
        covered = np.mean((low <= 0.7) & (high >= 0.7))
        assert 0.86 < covered <= 0.97
        low, high = bootstrap.mean_interval(series, 1, 500, 0.95, seed=0)
        assert np.mean((low <= 0.7) & (high >= 0.7)) < 0.7

    def test_resamples(self):
        counts = bootstrap.block_counts(11, 4, 5000, np.random.default_rng(0))
        assert counts.shape == (5000, 11)
        assert (counts.sum(axis=1) == 11).all()
        assert_close(bootstrap.expected_counts(11, 4).sum(), 11)
        assert_close(counts.mean(axis=0), bootstrap.expected_counts(11, 4), 0.06)

    def test_one_block_is_the_series_itself(self):
        counts = bootstrap.block_counts(7, 7, 10, np.random.default_rng(0))
        assert (counts == 1).all()
        assert_close(bootstrap.expected_counts(7, 7), 1)

    def test_independent_draws_are_the_plain_bootstrap(self):
        assert_close(bootstrap.expected_counts(9, 1), 1)

    def test_values_that_alternate_cancel_in_blocks_of_two(self):
        series = np.tile([1.0, -1.0], 10)[None]
        counts = bootstrap.block_counts(20, 2, 50, np.random.default_rng(0))
        assert_close(series @ counts.T, 0)
        assert_close(bootstrap.mean_interval(series, 2, 50, 0.9, 0), 0)


class TestBenchmark:
    def test_differences_are_paired(self):
        frame = scores()
        got = summarize(frame, "a", random_state=0)
        paired = frame.sub(frame["a"], axis=0)
        assert_close(got["difference"], paired.mean())
        assert list(got["n_paired"]) == [55, 55, 55]
        expected = summarize(paired, random_state=0)
        assert_close(got["difference_low"], expected["low"])
        assert_close(got["difference_high"], expected["high"])

    def test_a_benchmark_does_not_differ_from_itself(self):
        got = summarize(scores(), "b").loc["b", PAIRED]
        assert_close(got.to_numpy(float), [0, 0, 0, 58])

    def test_what_is_common_cancels(self):
        rng = np.random.default_rng(0)
        common = rng.normal(size=100)
        frame = pd.DataFrame({"a": common + 0.1, "b": common})
        got = summarize(frame, "b", block_size=5).loc["a"]
        assert got["low"] < 0 < got["high"]
        assert_close(got[["difference_low", "difference_high"]].to_numpy(float), 0.1)

    def test_series_are_matched_by_era(self):
        frame = scores()
        expected = summarize(frame, "b", random_state=0)
        for benchmark in (
            frame["b"].iloc[::-1],
            frame[["b"]],
            frame["b"].to_numpy(),
            pl.Series(frame["b"].to_numpy()),
            list(frame["b"]),
        ):
            got = summarize(frame, benchmark, random_state=0)
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
            ({"n_bootstrap": -1}, "`n_bootstrap` must be a whole number of at least 0"),
            ({"n_bootstrap": 2.5}, "`n_bootstrap` must be a whole number"),
            ({"block_size": 0}, "`block_size` must be a whole number of at least 1"),
            ({"confidence": 1}, "`confidence` must be above 0 and below 1; got 1"),
            ({"confidence": 95}, "`confidence` must be above 0 and below 1; got 95"),
            ({"target": 20}, "`target` must be the name of a target; got 20"),
            ({"benchmark": "z"}, "`benchmark` must name a column of the scores, 'a'"),
            ({"benchmark": [0.1, 0.2]}, "`benchmark` must have one value a row; got 2"),
            ({"benchmark": np.ones((60, 2))}, "`benchmark` must be one column"),
            ({"benchmark": pd.Series([1.0])}, "`benchmark` has no value for any of"),
            (
                {"benchmark": pd.Series([1.0, 2], index=["0001", "0001"])},
                "`benchmark` has several values for '0001'",
            ),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            summarize(scores(), **options)

    def test_an_era_twice(self):
        frame = pd.concat([scores(), scores().iloc[:1]])
        with pytest.raises(ValueError, match="one row an era; several are '0001'"):
            summarize(frame)

    def test_infinite(self):
        with pytest.raises(ValueError, match="must not be infinite"):
            summarize(scores().replace({"b": {scores()["b"].iloc[0]: np.inf}}))

    def test_text(self):
        with pytest.raises(ValueError, match="must hold numbers"):
            summarize(scores().assign(a="x"))
