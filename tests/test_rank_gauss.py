"""Ranks per era are exact, whatever the values, and agree with every judge."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import reference
from helpers import assert_close
from numerai_tools import scoring
from scipy.stats import norm, rankdata

from skbench import EraRank, EraRankGauss, rank_gauss
from skbench.kernels import rank
from skbench.metrics import numerai_corr

NAN, INF = np.nan, np.inf
TINY = 5e-324  # the smallest float above zero


def with_gaps(values, rng, share):
    values = np.array(values, dtype=float)
    values[rng.random(len(values)) < share] = NAN
    return values


# Columns that break sorts, buckets and bit tricks: name -> values of one era.
COLUMNS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.random(n),
    "float32": lambda rng, n: rng.random(n).astype(np.float32),
    "float16": lambda rng, n: rng.random(n).astype(np.float16),
    "all ties": lambda rng, n: np.full(n, 0.1),
    "two values": lambda rng, n: rng.integers(0, 2, n),
    "five bins": lambda rng, n: rng.integers(0, 5, n) / 4,
    "draws": lambda rng, n: rng.choice(rng.normal(size=n), n),
    "one odd one out": lambda rng, n: np.r_[np.zeros(n - 1), 1.0],
    "sorted": lambda rng, n: np.arange(n),
    "reversed": lambda rng, n: -np.arange(n),
    "nearly sorted": lambda rng, n: np.arange(n) + 3 * rng.normal(size=n),
    "swapped ends": lambda rng, n: np.r_[n, np.arange(1, n - 1), 0][:n],
    "organ pipe": lambda rng, n: np.abs(np.arange(n) - n // 2),
    "infinities": lambda rng, n: rng.choice([INF, -INF, 0.0, 1.0], n),
    "only infinities": lambda rng, n: rng.choice([INF, -INF], n),
    "one infinity": lambda rng, n: np.r_[INF, rng.normal(size=n - 1)],
    "infinities and gaps": lambda rng, n: rng.choice([INF, -INF, NAN, 1.0], n),
    "signed zeros": lambda rng, n: rng.choice([0.0, -0.0], n),
    "signed zeros among others": lambda rng, n: rng.choice([0.0, -0.0, 1, -1], n),
    "signed zeros and an outlier": lambda rng, n: np.r_[
        1e300, rng.choice([0.0, -0.0, 1.0, -1.0], n - 1)
    ],
    "denormals": lambda rng, n: TINY * rng.integers(-9, 9, n),
    "many denormals": lambda rng, n: TINY * rng.permutation(n),
    "tiny": lambda rng, n: 1e-305 * rng.normal(size=n),
    "neighbouring floats": lambda rng, n: 1 + np.finfo(float).eps * rng.permutation(n),
    "neighbours, tied": lambda rng, n: 1 + 2.0**-52 * rng.integers(0, 9, n),
    "neighbours, negative": lambda rng, n: -1 - 2.0**-52 * rng.permutation(n),
    "neighbours and an outlier": lambda rng, n: np.r_[
        -1e300, 1 + 2.0**-52 * rng.permutation(n - 1)
    ],
    "ties and an outlier": lambda rng, n: np.r_[
        1e300, 1 + 2.0**-52 * rng.integers(0, 4, n - 1)
    ],
    "huge range": lambda rng, n: 1e308 * rng.uniform(-1.7, 1.7, n),
    "huge and small": lambda rng, n: rng.choice([1e308, -1e308, 1.0, 0.0, TINY], n),
    "all magnitudes": lambda rng, n: (
        rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-320, 308, n)
    ),
    "outlier": lambda rng, n: np.r_[1e9, rng.normal(size=n - 1)],
    "far outlier below": lambda rng, n: np.r_[rng.normal(size=n - 1), -1e300],
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "lognormal": lambda rng, n: rng.lognormal(sigma=5, size=n),
    "buckets half full": lambda rng, n: np.r_[0.0, 1 + rng.random(n - 1) * 1e-6],
    "gaps 10%": lambda rng, n: with_gaps(rng.normal(size=n), rng, 0.1),
    "gaps 50%, ties": lambda rng, n: with_gaps(rng.integers(0, 9, n), rng, 0.5),
    "gaps 99%": lambda rng, n: with_gaps(rng.normal(size=n), rng, 0.99),
    "gaps of both signs and an outlier": lambda rng, n: np.r_[
        1e300, np.where(rng.random(n - 1) < 0.2, rng.choice([NAN, -NAN], n - 1), 1.0)
    ],
    "all missing": lambda rng, n: np.full(n, NAN),
    "one value": lambda rng, n: np.r_[np.full(n - 1, NAN), 3.0],
    "two values at the ends": lambda rng, n: np.r_[2.0, np.full(n, NAN), 1.0][-n:],
}

every_column = pytest.mark.parametrize("name", COLUMNS)
both_ties = pytest.mark.parametrize("ties", ["average", "first"])


def column(name, n, seed=0):
    with np.errstate(over="ignore"):
        return np.asarray(COLUMNS[name](np.random.default_rng(seed), n), dtype=float)


def half_if_constant(values, ranks):
    """What the average rank of a constant is anyway, whatever is done about ties."""
    values = np.asarray(values)
    return np.where(np.isnan(ranks), NAN, 0.5) if is_constant(values) else ranks


def is_constant(values):
    return len(set(values[~np.isnan(values)].tolist())) < 2


def one_row(kernel, values, **options):
    return kernel(np.asarray(values, dtype=float)[None, :], **options)[0]


def frame(n_eras=4, size=40, seed=0):
    """Eras of different sizes, interleaved, with ties and gaps."""
    rng = np.random.default_rng(seed)
    era = np.repeat([f"{i:04}" for i in range(n_eras)], size + 7 * np.arange(n_eras))
    n = len(era)
    X = pd.DataFrame(
        {
            "era": era,
            "smooth": rng.normal(size=n) + np.arange(n),
            "binned": rng.integers(0, 5, n) / 4,
            "gaps": with_gaps(rng.standard_cauchy(n), rng, 0.2),
        }
    )
    return X.iloc[rng.permutation(n)]


class TestFrozenNumbers:
    """Worked out by hand from a table of the normal distribution."""

    def test_five_values(self):
        got = rank_gauss([30, 10, 50, 20, 40], scale=False)
        z1, z2 = 1.2815515655446004, 0.5244005127080407  # of 0.9 and 0.7
        assert_close(got, [0, -z1, z1, -z2, z2])

    def test_two_values_scaled(self):
        assert_close(rank_gauss([5.0, 3.0]), [np.sqrt(0.5), -np.sqrt(0.5)])

    def test_three_values_scaled(self):
        # Phi^-1 of 1/6, 1/2, 5/6 is (-z, 0, z), whose sample deviation is z.
        assert_close(rank_gauss([0.1, 0.2, 0.9]), [-1, 0, 1])

    def test_ties_share_their_average_rank(self):
        # Ranks 1, 2.5, 2.5, 4 of 4: shares 1/8, 1/2, 1/2, 7/8.
        z = 1.1503493803760079
        assert_close(rank_gauss([0, 1, 1, 2], scale=False), [-z, 0, 0, z])

    def test_ties_first_rank_in_row_order(self):
        got = one_row(rank.rank_uniform, [1, 0, 1, 0, 1], ties="first")
        assert_close(got, [0.5, 0.1, 0.7, 0.3, 0.9])

    def test_missing_values_count_for_nothing(self):
        got = one_row(rank.rank_uniform, [NAN, 7, NAN, 3, 5])
        assert_close(got, [NAN, 5 / 6, NAN, 1 / 6, 1 / 2])

    def test_infinities_are_the_extremes(self):
        got = one_row(rank.rank_uniform, [INF, 1e308, -INF, -1e308])
        assert_close(got, [7 / 8, 5 / 8, 1 / 8, 3 / 8])

    @pytest.mark.parametrize("value", [0.1, -3.0, INF, -INF, TINY, 1e308])
    @pytest.mark.parametrize("n", [1, 2, 3, 1000])
    @both_ties
    def test_a_constant_column_gives_zeros(self, value, n, ties):
        got = rank_gauss(np.full(n, value), ties=ties)
        np.testing.assert_array_equal(got, np.zeros(n))

    def test_zeros_of_both_signs_are_a_constant(self):
        np.testing.assert_array_equal(rank_gauss([0.0, -0.0, 0.0]), [0, 0, 0])

    def test_a_single_value_among_gaps_gives_zero(self):
        np.testing.assert_array_equal(rank_gauss([NAN, 4.0, NAN]), [NAN, 0, NAN])

    def test_nothing_but_gaps_stays_so(self):
        np.testing.assert_array_equal(rank_gauss([NAN, NAN]), [NAN, NAN])

    def test_frame(self):
        X = pd.DataFrame({"era": ["b", "a", "b", "a", "b"], "m": [1.0, 5, 3, 4, 2]})
        got = EraRankGauss().fit_transform(X)["m"]
        half = np.sqrt(0.5)
        assert_close(got, [-1, half, 1, -half, 0])
        got = EraRank().fit_transform(X)["m"]
        assert_close(got, [1 / 6, 3 / 4, 5 / 6, 1 / 4, 1 / 2])


class TestProperties:
    @pytest.mark.parametrize("n", [2, 3, 10, 999, 4000])
    def test_mean_zero_and_unit_sample_deviation(self, n):
        z = rank_gauss(column("lognormal", n))
        assert_close(z.mean(), 0)
        assert_close(z.std(ddof=1), 1)

    @pytest.mark.parametrize("name", ["five bins", "gaps 50%, ties", "gaps 10%"])
    def test_unit_sample_deviation_with_ties_and_gaps(self, name):
        z = rank_gauss(column(name, 500))
        assert_close(np.nanstd(z, ddof=1), 1)

    @every_column
    def test_missing_where_the_input_is_and_nowhere_else(self, name):
        values = column(name, 300)
        np.testing.assert_array_equal(np.isnan(rank_gauss(values)), np.isnan(values))

    @every_column
    def test_order_is_kept(self, name):
        values = column(name, 300)
        z = rank_gauss(values)
        order = np.argsort(values, kind="stable")
        rises = values[order][1:] > values[order][:-1]
        np.testing.assert_array_equal(z[order][1:] > z[order][:-1], rises)

    @every_column
    def test_ranks_lie_inside_zero_and_one(self, name):
        p = one_row(rank.rank_uniform, column(name, 300))
        assert ((p > 0) & (p < 1) | np.isnan(p)).all()

    @every_column
    def test_the_mirror_image_of_values_is_that_of_scores(self, name):
        values = column(name, 301)
        assert_close(rank_gauss(-values), -rank_gauss(values))

    def test_only_the_order_of_values_matters(self):
        values = np.random.default_rng(0).integers(-20, 20, 500).astype(float)
        z = rank_gauss(values)
        for other in (np.exp(values), values**3, 1e300 * values, TINY * values):
            np.testing.assert_array_equal(rank_gauss(other), z)

    @every_column
    @pytest.mark.parametrize("n", [2, 100, 3000])
    def test_average_ties_do_not_know_the_row_order(self, name, n):
        values = column(name, n)
        order = np.random.default_rng(1).permutation(n)
        got = rank_gauss(values[order])
        np.testing.assert_array_equal(got, rank_gauss(values)[order])

    def test_scaling_divides_by_the_sample_deviation_only(self):
        values = column("gaps 50%, ties", 200)
        plain = rank_gauss(values, scale=False)
        assert_close(rank_gauss(values), plain / np.nanstd(plain, ddof=1))

    @both_ties
    def test_columns_of_a_block_do_not_touch_each_other(self, ties):
        block = np.array([column(name, 700) for name in COLUMNS])
        together = rank.rank_gauss(block, ties=ties)
        alone = [one_row(rank.rank_gauss, values, ties=ties) for values in block]
        np.testing.assert_array_equal(together, alone)

    @both_ties
    @pytest.mark.parametrize("n", range(1, 9))
    def test_short_columns_of_a_block_do_not_touch_each_other(self, ties, n):
        far_apart = 10.0 * np.array([3, 2, 1, 2, 3])[:, None]
        block = np.random.default_rng(n).normal(size=(5, n)) + far_apart
        together = rank.rank_uniform(block, ties=ties)
        alone = [one_row(rank.rank_uniform, values, ties=ties) for values in block]
        np.testing.assert_array_equal(together, alone)

    @pytest.mark.parametrize(("low", "high"), [(0.3, 1.0), (0.2, 0.9), (0.1, 0.9)])
    def test_the_two_lowest_and_the_two_highest_may_almost_be_tied(self, low, high):
        middle = np.linspace(low, high, 22)[1:-1]
        values = np.r_[np.nextafter(low, 1), low, middle, high, np.nextafter(high, 0)]
        assert_close(
            one_row(rank.rank_uniform, values), reference.percentile_rank(values)
        )

    @both_ties
    @pytest.mark.parametrize("n", [400, 3000])
    @pytest.mark.parametrize("names", [["normal", "draws"], ["draws"] * 4, COLUMNS])
    def test_memory_layout_does_not_matter(self, ties, names, n):
        block = np.array([column(name, n, seed) for seed, name in enumerate(names)])
        expected = rank.rank_gauss(block, ties=ties)
        wide = np.repeat(block, 3, axis=1)
        for other in (np.asfortranarray(block), wide[:, ::3], block[::-1][::-1]):
            got = rank.rank_gauss(other, ties=ties)
            np.testing.assert_array_equal(got, expected)

    @every_column
    def test_the_block_is_not_written_to(self, name):
        block = column(name, 200)[None, :]
        before = block.copy()
        block.flags.writeable = False
        rank.rank_gauss(block)
        rank.rank_uniform(block, ties="first")
        assert block.tobytes() == before.tobytes()

    def test_what_comes_out_is_the_callers_own(self):
        first = rank_gauss(np.arange(50.0))
        first[:] = 7
        assert_close(rank_gauss(np.arange(3.0)), [-1, 0, 1])
        assert_close(rank_gauss(np.arange(50.0)).std(ddof=1), 1)

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [
            (np.float32, np.float32),
            (np.float64, np.float64),
            (np.float16, np.float64),
            (np.int8, np.float64),
            (bool, np.float64),
        ],
    )
    def test_float32_stays_and_all_else_is_float64(self, dtype, expected):
        z = rank_gauss(np.array([0, 1, 1, 0, 1], dtype=dtype))
        assert z.dtype == expected

    def test_float32_is_rounded_only_at_the_end(self):
        values = column("float32", 500).astype(np.float32)
        exact = rank_gauss(values.astype(np.float64))
        np.testing.assert_array_equal(rank_gauss(values), exact.astype(np.float32))


class TestSlowReference:
    @every_column
    @both_ties
    @pytest.mark.parametrize("n", [2, 3, 50, 1500])
    def test_rank(self, name, ties, n):
        values = column(name, n)
        expected = reference.percentile_rank(values, ties)
        got = one_row(rank.rank_uniform, values, ties=ties)
        assert_close(got, half_if_constant(values, expected))

    @every_column
    @both_ties
    @pytest.mark.parametrize("scale", [True, False])
    def test_rank_gauss(self, name, ties, scale):
        for seed, n in enumerate([2, 7, 64, 401]):
            values = column(name, n, seed)
            expected = reference.rank_gauss(values, ties, scale)
            assert_close(rank_gauss(values, ties=ties, scale=scale), expected)

    @pytest.mark.parametrize("seed", range(5))
    @both_ties
    def test_every_small_size(self, seed, ties):
        rng = np.random.default_rng(seed)
        for n in range(1, 30):
            values = with_gaps(rng.integers(0, max(n // 2, 2), n), rng, 0.2)
            assert_close(
                rank_gauss(values, ties=ties), reference.rank_gauss(values, ties)
            )

    @pytest.mark.parametrize("seed", range(3))
    @both_ties
    @pytest.mark.parametrize("name", ["smooth", "binned", "gaps"])
    def test_frame(self, seed, ties, name):
        X = frame(seed=seed)

        def gauss(values):
            return reference.rank_gauss(values, ties)

        def uniform(values):
            return reference.percentile_rank(values, ties)

        for estimator, one_era in ((EraRankGauss, gauss), (EraRank, uniform)):
            got = estimator(ties=ties).fit_transform(X)[name]
            assert_close(got, reference.by_era(one_era, X["era"], X[name]))


class TestJudges:
    """The same from scipy, pandas and Numerai's own library."""

    @every_column
    @pytest.mark.parametrize("n", [10, 3000])
    def test_scipy(self, name, n):
        values = column(name, n)
        ranks = rankdata(values, nan_policy="omit")
        p = (ranks - 0.5) / max((~np.isnan(values)).sum(), 1)
        assert_close(one_row(rank.rank_uniform, values), p)
        assert_close(rank_gauss(values, scale=False), norm.ppf(p))

    @every_column
    @both_ties
    @pytest.mark.parametrize("n", [10, 3000])
    def test_pandas(self, name, ties, n):
        values = pd.Series(column(name, n))
        expected = (values.rank(method=ties) - 0.5) / values.count()
        got = one_row(rank.rank_uniform, values, ties=ties)
        assert_close(got, half_if_constant(values, expected))

    @pytest.mark.parametrize("name", ["smooth", "binned", "gaps"])
    @both_ties
    def test_pandas_groupby(self, name, ties):
        X = frame()
        groups = X.groupby("era")[name]
        expected = (groups.rank(method=ties) - 0.5) / groups.transform("count")
        assert_close(EraRank(ties=ties).fit_transform(X)[name], expected)

    @pytest.mark.parametrize("name", ["normal", "five bins", "gaps 10%", "cauchy"])
    def test_numerai_tools(self, name):
        values = pd.DataFrame({"m": column(name, 800)})
        ranked = scoring.tie_kept_rank(values)
        assert_close(EraRank(era=None).fit_transform(values), ranked)
        normal = scoring.gaussian(ranked)
        assert_close(EraRankGauss(scale=False, era=None).fit_transform(values), normal)

    def test_numerai_tools_first(self):
        values = pd.DataFrame({"m": column("five bins", 800)})
        ranked = scoring.tie_broken_rank(values)
        assert_close(EraRank(ties="first", era=None).fit_transform(values), ranked)

    def test_published_ensemble_step(self):
        """Rank with ties kept, gaussianize, divide by pandas' deviation, by era."""
        X = frame()

        def step(values):
            z = scoring.gaussian(scoring.tie_kept_rank(values.to_frame()))
            return (z / z.std()).iloc[:, 0]

        in_order = X.sort_index()
        expected = in_order.groupby("era")["gaps"].transform(step)
        got = EraRankGauss().fit_transform(X)["gaps"]
        assert_close(got.sort_index(), expected)


class TestStableSort:
    """With ties="first" the ranks are those of a stable sort, at every size."""

    @every_column
    @pytest.mark.parametrize("n", [2, 17, 1000, 4096, 6700])
    def test_stable_argsort(self, name, n):
        values = column(name, n)
        count = (~np.isnan(values)).sum()
        order = np.argsort(values, kind="stable")[:count]
        expected = np.full(n, NAN)
        expected[order] = (np.arange(count) + 0.5) / max(count, 1)
        got = one_row(rank.rank_uniform, values, ties="first")
        assert_close(got, half_if_constant(values, expected))

    @pytest.mark.parametrize("bits", range(0, 52, 3))
    def test_values_that_differ_in_any_bit(self, bits):
        rng = np.random.default_rng(bits)
        values = (
            1
            + 2.0**-bits * rng.integers(0, 2, 500)
            + 2.0**-52 * rng.integers(0, 4, 500)
        )
        values[0] = 1e200  # one outlier: buckets are of no use
        expected = reference.percentile_rank(values, "first")
        assert_close(one_row(rank.rank_uniform, values, ties="first"), expected)


class TestBuckets:
    """The speed of the sort depends on these keys of 16 bits, its result does not."""

    @every_column
    def test_they_never_contradict_the_order(self, name):
        values = column(name, 700)
        keys = rank._buckets(values[None, :])[0].astype(int)
        assert (np.diff(keys[np.argsort(values, kind="stable")]) >= 0).all()

    @pytest.mark.parametrize("others", [[], [NAN], [INF], [-INF], [-INF, INF, NAN]])
    def test_finite_values_of_each_row_spread_over_all_of_them(self, others):
        rows = np.array([[0.0, 1, 2, *others], [-4096, 4096, 0, *others]])
        keys = rank._buckets(rows)[:, :3]
        np.testing.assert_array_equal(keys, [[1, 32767, 65533], [1, 65533, 32767]])

    @pytest.mark.parametrize("other", [NAN, INF, -INF])
    def test_a_gap_or_infinity_in_one_row_is_nothing_to_another(self, other):
        keys = rank._buckets(np.array([[0.0, 1, 2, other], [-4096, 4096, 0, 0]]))
        np.testing.assert_array_equal(keys[0, :3], [1, 32767, 65533])
        np.testing.assert_array_equal(keys[1], [1, 65533, 32767, 32767])

    def test_infinities_and_gaps_have_their_own(self):
        keys = rank._buckets(np.array([[NAN, INF, -INF, 1, 2], [NAN] * 5]))
        np.testing.assert_array_equal(keys[0], [65535, 65534, 0, 1, 65533])
        np.testing.assert_array_equal(keys[1], 65535)
        assert keys.dtype == np.uint16

    def test_a_range_too_wide_or_too_narrow_for_floats_has_one(self):
        rows = [[-1.7e308, 0, 1.7e308], [0, TINY, 2 * TINY], [5, 5, 5], [0, 1, 2]]
        expected = [[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 32767, 65533]]
        np.testing.assert_array_equal(rank._buckets(np.array(rows)), expected)

    def test_a_constant_row_does_not_cost_a_wide_one_its_buckets(self):
        rows = np.array([[0.0, 2.0**20, 2.0**21], [5, 5, 5]])
        expected = [[1, 32767, 65533], [1, 1, 1]]
        np.testing.assert_array_equal(rank._buckets(rows), expected)


def refuse(*args, **options):
    raise AssertionError("this sort is not needed here")


class TestSortsInUse:
    """Each sort is quick on its own: the slower one behind it is seldom called."""

    @pytest.mark.parametrize("name", ["normal", "draws", "five bins", "gaps 10%"])
    def test_swaps_alone_finish_columns_that_spread_over_the_buckets(
        self, name, monkeypatch
    ):
        block = np.array([column(name, 6700, seed) for seed in range(3)])
        expected = [reference.percentile_rank(row, "first") for row in block]
        monkeypatch.setattr(rank, "_packed_argsort", refuse)
        assert_close(rank.rank_uniform(block, ties="first"), expected)

    @pytest.mark.parametrize("n", [2, 3, 512, 513, 700])
    @pytest.mark.parametrize(
        "name",
        [
            "normal",
            "all magnitudes",
            "outlier",
            "infinities and gaps",
            "signed zeros among others",
            "gaps of both signs and an outlier",
        ],
    )
    def test_packed_keys_alone_sort_what_their_leading_bits_tell_apart(
        self, name, n, monkeypatch
    ):
        values = column(name, n)
        expected = np.argsort(values, kind="stable")
        with monkeypatch.context() as patch:
            patch.setattr(np, "argsort", refuse)
            got = rank._packed_argsort(values)
        np.testing.assert_array_equal(got, expected)


def test_a_constant_takes_two_values_that_are_alike():
    rows = {
        (1.0, 1.0, NAN): True,
        (2.0, 2.0, 2.0): True,
        (INF, NAN, INF): True,
        (1.0, 2.0, NAN): False,
        (NAN, 3.0, NAN): False,
        (NAN, NAN, NAN): False,
    }
    assert rank.is_constant(np.array([*rows])).tolist() == [*rows.values()]


class TestAscendingGauss:
    def test_rows_without_ties_share_quantiles_that_cannot_be_written_to(self):
        block = np.random.default_rng(0).normal(size=(3, 9))
        block[1, :2] = 4.0
        groups = rank.ascending_gauss(block)
        shapes = {
            tuple(rows): (normal.shape, normal.flags.writeable)
            for rows, _, normal in groups
        }
        assert shapes == {(0, 2): ((9,), False), (1,): ((1, 9), True)}


class TestEstimators:
    @pytest.mark.parametrize("estimator", [EraRank, EraRankGauss])
    def test_one_row_eras(self, estimator):
        X = pd.DataFrame({"era": ["1", "2", "3"], "m": [4.0, NAN, INF]})
        middle = {EraRank: 0.5, EraRankGauss: 0.0}[estimator]
        got = estimator().fit_transform(X)["m"]
        np.testing.assert_array_equal(got, [middle, NAN, middle])

    @pytest.mark.parametrize("estimator", [EraRank, EraRankGauss])
    def test_columns_keep_their_own_precision(self, estimator):
        X = frame().astype({"smooth": np.float32})
        out = estimator().fit_transform(X)
        kinds = ["float32", "float64", "float64"]
        assert [str(dtype) for dtype in out.dtypes[1:]] == kinds
        exact = estimator().fit_transform(X.astype({"smooth": np.float64}))
        expected = exact["smooth"].astype(np.float32)
        np.testing.assert_array_equal(out["smooth"], expected)
        np.testing.assert_array_equal(out["gaps"], exact["gaps"])

    def test_predict_holds_the_columns_worked_on(self):
        X = frame()
        out = EraRankGauss().fit_transform(X)
        got = EraRankGauss().fit(X).predict(X)
        np.testing.assert_array_equal(got, out[["smooth", "binned", "gaps"]])
        one = EraRankGauss("gaps").fit(X).predict(X)
        assert one.shape == (len(X),)
        np.testing.assert_array_equal(one, out["gaps"])

    def test_features_targets_and_the_meta_model_pass_unchanged(self):
        X = frame()[["era", "smooth"]].assign(
            feature_a=1.5, target=0.25, numerai_meta_model=0.125, id="n1"
        )
        out = EraRankGauss().fit_transform(X)
        pd.testing.assert_frame_equal(
            out.drop(columns="smooth"), X.drop(columns="smooth")
        )


class TestIntegersBeyondFloats:
    """float64 holds every whole number up to 2**53, and beyond it not every one."""

    message = "column {!r} holds integers beyond 2\\*\\*53"
    large = 2**53 + np.array([0, 1, 2, 4])

    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("estimator", [EraRank, EraRankGauss])
    def test_neighbours_tie_with_a_warning(self, estimator, sign):
        X = pd.DataFrame({"era": ["0001"] * 4, "a": sign * self.large})
        with pytest.warns(UserWarning, match=self.message.format("a")):
            got = estimator("a").fit(X).predict(X)
        expected = (
            estimator("a").fit(X).predict(X.assign(a=sign * np.array([0, 0, 2, 4])))
        )
        np.testing.assert_array_equal(got, expected)

    @pytest.mark.parametrize(
        "values",
        [
            large,
            list(map(int, large)),
            large.astype(np.uint64),
            pd.Series(large, name="values"),
            pd.Series([*large[:3].tolist(), None], dtype="Int64"),
            pl.Series(large),
        ],
        ids=["array", "list", "uint64", "pandas", "nullable", "polars"],
    )
    def test_one_column_of_any_kind(self, values):
        with pytest.warns(UserWarning, match=self.message.format("values")):
            rank_gauss(values)

    @pytest.mark.parametrize(
        "values", [[2**53, -(2**53), 1], [1e300, 1.0], [True, False]]
    )
    def test_what_is_exact_or_no_integer_draws_none(self, values):
        X = pd.DataFrame({"era": ["0001"] * len(values), "a": values})
        EraRank("a").fit_transform(X)
        rank_gauss(values)

    def test_a_block_of_several_dtypes(self):
        X = pd.DataFrame({"era": ["0001"] * 4, "a": self.large, "b": np.arange(4.0)})
        with pytest.warns(UserWarning, match=self.message.format("a")):
            EraRank(["a", "b"]).fit_transform(X)

    def test_scores(self):
        y, era = [0, 0.25, 0.5, 1], [1] * 4
        with pytest.warns(UserWarning, match=self.message.format("prediction")):
            numerai_corr(y, self.large, era=era)
