"""Scores per era and model: Numerai's own functions, scipy and slow loops as judges."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import reference
from helpers import assert_close, to_pandas
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import scoring
from scipy.stats import norm, pearsonr

from skbench import metrics
from skbench.kernels import rank, score

NAN = np.nan
BINS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
MODELS = ["a", "b", "c"]
FEATURES = [f"feature_{i}" for i in range(6)]
TOP_BOTTOM = [None, 5, 20, 40]


class Data:
    """Eras of different sizes, out of order and interleaved, predictions with ties."""

    def __init__(self, n_eras=4, size=90, models=MODELS, seed=0, shuffle=True):
        rng = np.random.default_rng(seed)
        sizes = size + 7 * np.arange(n_eras)
        era = np.repeat([f"{n_eras - i:04}" for i in range(n_eras)], sizes)
        n = len(era)
        index = pd.Index([f"n{i:06}" for i in range(n)], name="id")
        signal = rng.normal(size=n)
        noise = rng.normal(size=(n, len(models)))
        self.P = pd.DataFrame(
            0.3 * signal[:, None] + noise, index=index, columns=models
        )
        self.P.iloc[:, 0] = self.P.iloc[:, 0].round(1)
        share = pd.Series(signal + rng.normal(size=n)).rank(pct=True)
        bins = BINS[np.searchsorted([0.05, 0.25, 0.75, 0.96], share)]
        self.y = pd.Series(bins, index=index, name="target")
        self.m = pd.Series(rng.random(n).round(2), index=index, name="meta")
        features = rng.integers(0, 5, size=(n, len(FEATURES))) + (signal > 1)[:, None]
        self.F = pd.DataFrame(features.astype(np.int8), index=index, columns=FEATURES)
        self.era = pd.Series(era, index=index, name="era")
        if shuffle:
            self.take(rng.permutation(n))

    def take(self, rows):
        for name in "PymF":
            setattr(self, name, getattr(self, name).iloc[rows])
        self.era = self.era.iloc[rows]
        return self

    def judged(self, function):
        """One row an era: the judge wants an index that is sorted."""
        out = {}
        for era in sorted(self.era.unique()):
            ids = self.era.index[self.era == era].sort_values()
            out[era] = function(ids)
        return pd.DataFrame(out).T

    def judge(self, name, **options):
        P, y, m, F = self.P, self.y, self.m, self.F
        functions = {
            "numerai_corr": lambda i: scoring.numerai_corr(P.loc[i], y[i], **options),
            "correlation_contribution": lambda i: scoring.correlation_contribution(
                P.loc[i], m[i], y[i], **options
            ),
            "feature_neutral_corr": lambda i: scoring.feature_neutral_corr(
                P.loc[i], F.loc[i], y[i], **options
            ),
            "neutral_contribution": lambda i: scoring.neutral_contribution(
                P.loc[i], m[i], F.loc[i], y[i], **options
            ),
            "neutral_correlation": lambda i: scoring.neutral_correlation(
                P.loc[i], F.loc[i], y[i], **options
            ),
            "max_feature_exposure": lambda i: pd.Series(
                {
                    c: scoring.max_feature_correlation(
                        P.loc[i, c], F.loc[i], **options
                    )[1]
                    for c in P
                }
            ),
            "correlation_with": lambda i: scoring.tie_kept_rank__gaussianize__pow_1_5(
                P.loc[i]
            ).apply(lambda one: scoring.pearson_correlation(one, m[i])),
        }
        return self.judged(functions[name])

    def tolerance(self, name):
        """What rounding may do to a score, most of all where features are taken out.

        A contribution is a mean of products with a target, centred and times 4, that
        is within 4 of 0, and both predictions in it are neutralised.
        """
        if not name.startswith(("feature_neutral", "neutral")):
            return 1e-12

        def error(i):
            normal = self.P.loc[i].rank().apply(lambda p: norm.ppf((p - 0.5) / len(i)))
            return normal.apply(reference.neutralization_error, features=self.F.loc[i])

        return 8 * self.judged(error).to_numpy().max()

    def score(self, name, **options):
        arguments = {
            "numerai_corr": (self.y, self.P),
            "correlation_contribution": (self.y, self.P, self.m),
            "feature_neutral_corr": (self.y, self.P, self.F),
            "neutral_contribution": (self.y, self.P, self.m, self.F),
            "neutral_correlation": (self.y, self.P, self.F),
            "max_feature_exposure": (self.P, self.F),
            "feature_exposure": (self.P, self.F),
            "correlation_with": (self.P, self.m),
        }
        return getattr(metrics, name)(*arguments[name], era=self.era, **options)


OFFICIAL = [
    "numerai_corr",
    "correlation_contribution",
    "feature_neutral_corr",
    "neutral_contribution",
    "neutral_correlation",
    "max_feature_exposure",
]
CONTRIBUTIONS = ["correlation_contribution", "neutral_contribution"]
SCORES = [*OFFICIAL, "correlation_with"]
every_score = pytest.mark.parametrize("name", SCORES)


def one(function, *columns, **options):
    """Score one model in one era."""
    era = np.ones(len(columns[0]))
    return getattr(metrics, function)(*columns, era=era, **options).iloc[0, 0]


class TestFrozenNumbers:
    def test_contribution_of_three_rows(self):
        # Quantiles -z, 0, z of both; the reference orders the rows otherwise.
        z = 0.967421566101701
        p, m = np.array([-z, 0, z]), np.array([0, -z, z])
        added = p - 0.5 * m
        expected = added @ np.array([-2, 0, 2]) / 3
        got = one("correlation_contribution", [0, 0.5, 1], [1, 2, 3], [2, 1, 3])
        assert_close(got, expected)

    def test_a_reference_adds_nothing_to_itself(self):
        values = [3, 1, 2, 5, 4]
        got = one("correlation_contribution", BINS, values, values)
        assert_close(got, 0, 1e-15)

    def test_the_meta_model_of_cwmm_is_not_ranked(self):
        p, m = [1, 2, 3], [0.0, 0.1, 0.9]
        assert_close(one("correlation_with", p, m), pearsonr([-1, 0, 1], m)[0])
        assert one("correlation_with", p, [0.0, 0.5, 1.0]) == pytest.approx(1)

    def test_exposure(self):
        assert_close(
            one("feature_exposure", [1, 2, 3, 4], [[0], [0], [1], [1]]), 0.8**0.5
        )

    def test_the_largest_exposure_has_no_sign(self):
        assert_close(
            one("max_feature_exposure", [1, 2, 3], [[3, 1], [2, 0], [1, 1]]), 1
        )


class TestJudges:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("top_bottom", TOP_BOTTOM)
    @pytest.mark.parametrize("name", OFFICIAL)
    def test_numerai_tools(self, name, top_bottom, seed):
        # Ties at the ends are broken by row order: the judge's is that of the ids.
        data = Data(seed=seed)
        if top_bottom:
            data.take(np.argsort(data.P.index.to_numpy()))
        expected = data.judge(name, top_bottom=top_bottom)
        got = data.score(name, top_bottom=top_bottom)
        pd.testing.assert_index_equal(got.index, expected.index, check_names=False)
        assert list(got) == MODELS
        assert_close(got, expected, data.tolerance(name))

    @pytest.mark.parametrize("seed", range(3))
    def test_correlation_with(self, seed):
        data = Data(seed=seed)
        got = data.score("correlation_with")
        assert_close(got, data.judge("correlation_with"))

    @pytest.mark.parametrize("name", SCORES)
    def test_full_size(self, name):
        data = Data(1, 5000)
        assert_close(data.score(name), data.judge(name), data.tolerance(name))

    @pytest.mark.parametrize("name", CONTRIBUTIONS)
    def test_targets_outside_0_and_1_are_not_multiplied(self, name):
        inside = Data()
        data = Data()
        data.y = data.y - 0.5
        assert_close(data.score(name), data.judge(name), data.tolerance(name))
        assert_close(4 * data.score(name), inside.score(name))

    @pytest.mark.parametrize("name", CONTRIBUTIONS)
    def test_the_factor_is_decided_era_by_era(self, name):
        data = Data()
        data.y = data.y.mask(data.era == "0002", 2 * data.y - 1)
        assert_close(data.score(name), data.judge(name), data.tolerance(name))

    def test_more_features_than_rows_leave_nothing(self):
        rng = np.random.default_rng(0)
        F = rng.normal(size=(8, 20))
        y, p, m = rng.random(8), rng.random(8), rng.random(8)
        assert one("feature_neutral_corr", y, p, F) == 0
        assert one("neutral_correlation", y, p, F) == 0
        assert np.isnan(one("neutral_contribution", y, p, m, F))

    def test_every_exposure_is_a_pearson_correlation(self):
        data = Data()
        got = data.score("feature_exposure")
        assert got.columns.names == ["model", "feature"]
        assert got.shape == (4, len(MODELS) * len(FEATURES))
        for era in got.index:
            rows = data.era == era
            for model in MODELS:
                for feature in FEATURES:
                    expected = pearsonr(
                        data.P.loc[rows, model], data.F.loc[rows, feature]
                    )
                    assert_close(got.loc[era, (model, feature)], expected[0])

    def test_the_largest_exposure_is_the_largest(self):
        data = Data()
        every = data.score("feature_exposure").abs().T.groupby(level=0).max().T
        assert_close(data.score("max_feature_exposure"), every)

    def test_many_features(self):
        rng = np.random.default_rng(0)
        P, F = rng.normal(size=(50, 2)), rng.normal(size=(50, 300))
        got = metrics.feature_exposure(P, F, era=np.ones(50)).to_numpy().reshape(2, 300)
        assert_close(got, np.corrcoef(P.T, F.T)[:2, 2:])

    def test_features_that_miss_the_same_rows_for_a_model_with_few_values(self):
        few = np.full(6, np.nan)
        few[:2] = [1.0, 2.0]
        P = np.column_stack([few, np.arange(6.0)])
        F = np.array([[1.0, 3, 2, 5, 4, 6]] * 3).T
        F[5, :2] = np.nan
        got = metrics.feature_exposure(P, F, era=["1"] * 6).to_numpy().reshape(2, 3)
        assert np.isnan(got[0]).all()
        assert_close(got[1, 0], np.corrcoef(np.arange(5), F[:5, 0])[0, 1])
        assert_close(got[1, 0], got[1, 1])


class TestMissingValues:
    @every_score
    def test_a_model_is_scored_as_if_alone(self, name):
        data = Data()
        rng = np.random.default_rng(1)
        data.P = data.P.mask(rng.random(data.P.shape) < [0.3, 0, 0.1])
        data.m = data.m.mask(rng.random(len(data.m)) < 0.05)
        together = data.score(name)
        for model in MODELS:
            single = Data()
            single.P, single.m = data.P[[model]], data.m
            assert_close(single.score(name), together[[model]], 1e-14)

    @pytest.mark.parametrize(
        "name", ["numerai_corr", "correlation_contribution", "correlation_with"]
    )
    def test_bit_for_bit(self, name):
        data, gaps = Data(), Data()
        gaps.P = gaps.P.assign(b=gaps.P["b"].mask(np.arange(len(gaps.P)) % 3 == 0))
        pd.testing.assert_frame_equal(
            data.score(name)[["a", "c"]], gaps.score(name)[["a", "c"]], check_exact=True
        )

    @pytest.mark.parametrize("top_bottom", [None, 20])
    @pytest.mark.parametrize("name", OFFICIAL[:4])
    def test_the_judge_agrees_on_each_models_own_rows(self, name, top_bottom):
        data = Data(models=["a"]).take(slice(None))
        data.take(np.argsort(data.P.index.to_numpy()))
        data.P = data.P.assign(a=data.P["a"].mask(np.arange(len(data.P)) % 9 == 0))
        got = data.score(name, top_bottom=top_bottom)
        if name == "feature_neutral_corr":  # whose judge refuses NaN
            there = data.P["a"].notna()
            data.P, data.F = data.P[there], data.F[there]
            function = lambda i: scoring.feature_neutral_corr(  # noqa: E731
                data.P.loc[i.intersection(data.P.index)],
                data.F.loc[i.intersection(data.P.index)],
                data.y[i],
                top_bottom=top_bottom,
            )
            expected = data.judged(function)
        else:
            expected = data.judge(name, top_bottom=top_bottom)
        assert_close(got, expected)

    def test_the_target_of_corr_is_centred_before_rows_go(self):
        y, p = [0, 0.25, 0.5, 1, 1], [NAN, 1, 2, 3, 4]
        centred = np.array(y) - np.mean(y)
        x = reference.stretch(reference.rank_gauss(p[1:], scale=False))
        assert_close(
            one("numerai_corr", y, p), pearsonr(x, reference.stretch(centred)[1:])[0]
        )

    def test_the_target_of_a_contribution_is_centred_after(self):
        y, p, m = [0, 0.25, 0.5, 1, 1], [NAN, 1, 2, 3, 4], [1, 5, 3, 2, 4]
        assert_close(
            one("correlation_contribution", y, p, m),
            one("correlation_contribution", y[1:], p[1:], m[1:]),
        )

    @pytest.mark.parametrize("name", SCORES[:4])
    def test_eras_without_targets(self, name):
        data = Data()
        expected = data.score(name)
        data.y = data.y.mask(data.era == "0003")
        got = data.score(name)
        assert got.loc["0003"].isna().all()
        assert_close(got.drop("0003"), expected.drop("0003"), 0)

    def test_fnc_neutralises_rows_without_a_target_too(self):
        data = Data(models=["a"])
        data.y = data.y.mask(np.arange(len(data.y)) % 9 == 0)
        assert_close(
            data.score("feature_neutral_corr"), data.judge("feature_neutral_corr")
        )

    @pytest.mark.parametrize(
        "name", ["feature_neutral_corr", "neutral_contribution", "neutral_correlation"]
    )
    def test_rows_without_a_feature_do_not_count(self, name):
        data = Data()
        some = np.arange(len(data.F)) % 8 == 0
        data.F = data.F.assign(feature_0=data.F["feature_0"].mask(some))
        got = data.score(name)
        there = np.flatnonzero(data.F.notna().all(axis=1))
        if name == "feature_neutral_corr":  # but the target is centred over all rows
            data.P = data.P.assign(**{c: data.P[c].mask(some) for c in MODELS})
            data.F = data.F.fillna(0)
            assert_close(got, data.score(name))
        else:
            assert_close(got, data.take(there).score(name))

    def test_exposures_use_the_rows_that_both_have(self):
        rng = np.random.default_rng(0)
        P = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
        F = pd.DataFrame(rng.normal(size=(40, 3)), columns=FEATURES[:3])
        P.iloc[:7, 0], F.iloc[3:20, 1], F.iloc[:, 2] = NAN, NAN, NAN
        got = metrics.feature_exposure(P, F, era=["1"] * 40)
        for model in P:
            for feature in list(F)[:2]:
                both = P[model].notna() & F[feature].notna()
                expected = pearsonr(P.loc[both, model], F.loc[both, feature])[0]
                assert_close(got[model, feature].iloc[0], expected)
        assert got.xs("feature_2", axis=1, level=1).isna().all(axis=None)
        largest = metrics.max_feature_exposure(P, F, era=["1"] * 40)
        assert_close(largest.iloc[0], got.abs().T.groupby(level=0).max().T.iloc[0])

    def test_a_model_without_values_costs_no_other_its_exposures(self):
        data = Data()
        expected = data.score("feature_exposure")
        data.P = data.P.assign(a=NAN)
        got = data.score("feature_exposure")
        assert got["a"].isna().all(axis=None)
        assert_close(got[["b", "c"]], expected[["b", "c"]])

    @given(seed=st.integers(0, 1000), share=st.sampled_from([0, 0.2, 0.7]))
    @settings(max_examples=30, deadline=None)
    def test_slow_reference(self, seed, share):
        rng = np.random.default_rng(seed)
        era = rng.integers(1, 6, 60)
        P = rng.integers(0, 9, (60, 2)) / 8.0
        P[rng.random(P.shape) < share] = NAN
        y = np.where(rng.random(60) < share, NAN, rng.choice(BINS, 60))
        got = metrics.numerai_corr(y, P, era=era)
        for label, scores in got.iterrows():
            rows = era == label
            expected = [slow_corr(p, y[rows]) for p in P[rows].T]
            assert_close(scores, expected)


def slow_corr(prediction, target):
    if np.isnan(target).all():
        return NAN
    return reference.numerai_corr(prediction, target)


class TestFewRowsAndConstants:
    @every_score
    def test_fewer_than_three_rows(self, name):
        data = Data(3, 40)
        first = np.flatnonzero(data.era == "0001")[2:]
        second = np.flatnonzero(data.era == "0002")[1:]
        keep = np.setdiff1d(np.arange(len(data.era)), np.r_[first, second])
        data.take(keep)
        got = data.score(name)
        assert got.loc[["0001", "0002"]].isna().all(axis=None)
        assert got.loc["0003"].notna().all()

    @every_score
    def test_three_rows_are_enough(self, name):
        data = Data(1, 40)
        if "neutral" in name:
            data.F = data.F[["feature_0"]]
        data.y[:] = np.linspace(0, 1, 40)
        assert data.take(np.arange(3)).score(name).notna().all(axis=None)

    @every_score
    def test_a_constant_prediction_scores_zero(self, name):
        data = Data()
        expected = data.score(name)
        data.P = data.P.assign(b=0.1)
        got = data.score(name)
        assert (got["b"] == 0).all()
        assert_close(got.drop(columns="b"), expected.drop(columns="b"), 1e-14)

    @pytest.mark.parametrize("top_bottom", [None, 4])
    @every_score
    def test_a_constant_prediction_has_no_extremes(self, name, top_bottom):
        if name == "correlation_with":
            return
        data = Data()
        data.P = data.P.assign(b=7.7)
        assert (data.score(name, top_bottom=top_bottom)["b"] == 0).all()

    def test_constant_targets(self):
        y, p, m, F = [0.3] * 4, [1, 2, 4, 3], [2, 1, 3, 4], [[0], [1], [2], [0]]
        assert np.isnan(one("numerai_corr", y, p))
        assert np.isnan(one("feature_neutral_corr", y, p, F))
        assert np.isnan(one("neutral_correlation", y, p, F))
        assert_close(one("correlation_contribution", y, p, m), 0, 1e-15)
        assert_close(one("neutral_contribution", y, p, m, F), 0, 1e-15)

    def test_constant_references(self):
        y, p, m, F = BINS, [1, 2, 4, 3, 5], [0.7] * 5, [[0], [1], [2], [0], [1]]
        assert np.isnan(one("correlation_contribution", y, p, m))
        assert np.isnan(one("correlation_contribution", y, p, m, top_bottom=2))
        assert np.isnan(one("neutral_contribution", y, p, m, F))
        assert np.isnan(one("correlation_with", p, m))

    def test_a_reference_without_any_value(self):
        y, p, m, F = BINS, [1, 2, 4, 3, 5], [NAN] * 5, [[0], [1], [2], [0], [1]]
        assert np.isnan(one("correlation_contribution", y, p, m))
        assert np.isnan(one("neutral_contribution", y, p, m, F))
        assert np.isnan(one("correlation_with", p, m))

    def test_features_without_a_complete_row_that_has_a_target(self):
        p, m, F = [1, 2, 4, 3], [2, 1, 3, 4], [[NAN], [NAN], [2.0], [0.0]]
        for y in ([0, 0.5, NAN, NAN], [0, 0.5, 0.5, 1]):
            for features in (F, [[NAN]] * 4):
                assert np.isnan(one("feature_neutral_corr", y, p, features))
                assert np.isnan(one("neutral_correlation", y, p, features))
                assert np.isnan(one("neutral_contribution", y, p, m, features))

    def test_constant_features(self):
        F = pd.DataFrame({"f": [0.1] * 5, "g": [1.0, 2, 3, 5, 4]})
        got = metrics.feature_exposure([1, 2, 3, 4, 5], F, era=["1"] * 5)
        assert got.loc["1", "f"] == 0
        assert_close(got.loc["1", "g"], 0.9)
        assert_close(
            one("feature_neutral_corr", BINS, [2, 1, 3, 4, 5], F[["f"]]),
            one("numerai_corr", BINS, [2, 1, 3, 4, 5]),
        )

    def test_tiny_and_huge_values(self):
        p, F = np.array([1.0, 3, 2, 5]), np.array([[1.0], [2], [2], [3]])
        expected = one("feature_exposure", p, F)
        assert_close(one("feature_exposure", p * 1e-200, F * 1e-170), expected)
        assert_close(one("feature_exposure", p * 1e99, F * 1e99), expected)
        # Too small for a reciprocal, so as good as constant.
        assert_close(one("feature_exposure", p, F * 5e-324), 0)


class TestTopBottom:
    def test_only_the_extremes_count(self):
        data = Data(1, 100, ["b"])
        order = np.argsort(data.P["b"].to_numpy(), kind="stable")
        middle = order[20:-20]
        expected = data.score("max_feature_exposure", top_bottom=20)
        data.F.iloc[middle] = 0
        assert_close(data.score("max_feature_exposure", top_bottom=20), expected, 1e-14)

    @pytest.mark.parametrize("name", OFFICIAL)
    def test_where_top_and_bottom_meet_all_rows_count(self, name):
        data = Data()
        for top_bottom in (60, 10_000, 10**30):
            got = data.score(name, top_bottom=top_bottom)
            assert_close(got, data.score(name), 1e-14)

    @pytest.mark.parametrize("name", OFFICIAL)
    def test_one_of_each(self, name):
        data = Data()
        data.take(np.argsort(data.P.index.to_numpy()))
        got = data.score(name, top_bottom=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the judge's, where two targets are equal
            expected = data.judge(name, top_bottom=1)
        assert_close(got, expected, data.tolerance(name))

    @pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "20"])
    @pytest.mark.parametrize("name", OFFICIAL)
    def test_wrong(self, name, wrong):
        with pytest.raises(ValueError, match="`top_bottom` must be a whole number"):
            Data().score(name, top_bottom=wrong)

    def test_numpy_integers(self):
        data = Data()
        got = data.score("numerai_corr", top_bottom=np.int64(9))
        pd.testing.assert_frame_equal(got, data.score("numerai_corr", top_bottom=9))


class TestThreads:
    @pytest.mark.parametrize("n_jobs", [1, 2, -1])
    @pytest.mark.parametrize("name", ["numerai_corr", "correlation_contribution"])
    def test_scores_do_not_depend_on_them(self, name, n_jobs):
        data = Data(n_eras=30)
        pd.testing.assert_frame_equal(
            data.score(name, n_jobs=n_jobs), data.score(name), check_exact=True
        )


class TestEras:
    @every_score
    def test_an_era_stands_alone(self, name):
        data, alone = Data(), Data()
        alone.take(np.flatnonzero(alone.era == "0002"))
        assert_close(alone.score(name), data.score(name).loc[["0002"]], 1e-14)

    @every_score
    def test_row_order_does_not_matter(self, name):
        data = Data()
        expected = data.score(name)
        rows = np.random.default_rng(3).permutation(len(data.era))
        assert_close(data.take(rows).score(name), expected, data.tolerance(name))

    @pytest.mark.parametrize(
        "labels",
        [
            ["0003", "0010", "eraX"],
            ["era3", "era10", "X"],
            [3, 10, 11],
            [3.0, 10.0, 11.0],
            pd.CategoricalDtype(["b", "a", "c"]),
        ],
    )
    def test_labels_in_order(self, labels):
        codes = np.array([1, 0, 2, 0, 1, 2, 0, 1, 0, 1, 2, 2])
        if isinstance(labels, pd.CategoricalDtype):
            era = pd.Series(pd.Categorical.from_codes(codes, dtype=labels))
            expected = ["a", "b", "c"]  # no numbers: in order of appearance
        else:
            era, expected = np.array(labels)[codes], labels
        p = np.random.default_rng(0).random(12)
        got = metrics.numerai_corr(np.r_[BINS, BINS, 0, 1], p, era=era)
        assert list(got.index) == expected
        assert got.index.name == "era"

    def test_duplicate_index_labels_are_fine(self):
        data = Data()
        expected = data.score("numerai_corr")
        same = pd.Index(["x"] * len(data.era))
        for name in "PymF":
            getattr(data, name).index = same
        data.era.index = same
        pd.testing.assert_frame_equal(data.score("numerai_corr"), expected)

    def test_one_number_for_two_labels(self):
        with pytest.raises(ValueError, match="same number"):
            metrics.numerai_corr(BINS, BINS, era=["1", "1", "1", "01", "01"])

    def test_a_missing_era(self):
        with pytest.raises(ValueError, match="missing labels"):
            metrics.numerai_corr(BINS, BINS, era=["1", "1", None, "1", "1"])

    @pytest.mark.parametrize("wrong", [None, "era"])
    def test_no_eras(self, wrong):
        with pytest.raises(ValueError, match="`era` must hold one value a row"):
            metrics.numerai_corr(BINS, BINS, era=wrong)


CONVERT = {
    "numpy": lambda x: x.to_numpy(),
    "list": lambda x: x.to_numpy().tolist(),
    "polars": lambda x: pl.from_pandas(x.reset_index(drop=True)),
    "arrow": lambda x: (
        pa.Table.from_pandas(x, preserve_index=False)
        if isinstance(x, pd.DataFrame)
        else pa.chunked_array([pa.array(x.to_numpy())])
    ),
}


class TestContainers:
    @pytest.mark.parametrize("kind", ["numpy", "list", "polars", "arrow"])
    @every_score
    def test_same_scores(self, name, kind):
        data = Data()
        expected = data.score(name)
        for attribute in "PymF":
            setattr(data, attribute, CONVERT[kind](getattr(data, attribute)))
        data.era = CONVERT[kind](data.era)
        got = to_pandas(data.score(name), "era")
        assert_close(got, expected, 1e-14)
        assert list(got.index) == list(expected.index)
        named = MODELS if kind in ("polars", "arrow") else [0, 1, 2]
        assert list(got) == named

    def test_float32(self):
        data, wide = Data(), Data()
        for attribute in "Pym":
            setattr(data, attribute, getattr(data, attribute).astype(np.float32))
            setattr(wide, attribute, getattr(data, attribute).astype(np.float64))
        for name in SCORES:
            pd.testing.assert_frame_equal(data.score(name), wide.score(name))
            assert (data.score(name).dtypes == np.float64).all()

    def test_nullable_columns(self):
        data = Data()
        some = np.arange(len(data.P)) % 7 == 0
        data.P = data.P.assign(b=data.P["b"].mask(some))
        expected = data.score("numerai_corr")
        data.P, data.y = data.P.astype("Float64"), data.y.astype("Float64")
        pd.testing.assert_frame_equal(data.score("numerai_corr"), expected)

    @pytest.mark.parametrize(
        ("y_pred", "name"),
        [
            (list(BINS), "prediction"),
            (BINS, "prediction"),
            (BINS[:, None], "prediction"),
            (pd.Series(BINS), "prediction"),
            (pd.Series(BINS, name="m"), "m"),
            (pl.Series(BINS), "prediction"),
            (pl.Series("m", BINS), "m"),
            (pd.DataFrame({"m": BINS}), "m"),
        ],
    )
    def test_names_of_one_column(self, y_pred, name):
        got = to_pandas(metrics.numerai_corr(BINS, y_pred, era=["1"] * 5), "era")
        assert list(got) == [name]
        assert_close(got, slow_corr(BINS, BINS))

    def test_one_column_frames_are_columns(self):
        data = Data()
        expected = data.score("correlation_contribution")
        data.y, data.m = data.y.to_frame(), data.m.to_frame()
        data.era = data.era.to_frame()
        pd.testing.assert_frame_equal(data.score("correlation_contribution"), expected)

    def test_nothing_is_written_to(self):
        data, same = Data(), Data()
        for name in SCORES:
            data.score(name)
        for attribute in "PymF":
            left, right = getattr(data, attribute), getattr(same, attribute)
            assert left.equals(right)

    def test_the_result_pickles(self):
        got = Data().score("feature_exposure")
        pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(got)), got)

    def test_layout_of_an_array_does_not_matter(self):
        data = Data()
        expected = data.score("numerai_corr")
        data.P = np.asfortranarray(data.P.to_numpy())
        assert_close(data.score("numerai_corr"), expected, 0)


class TestSeveralTargets:
    @pytest.mark.parametrize("name", [*OFFICIAL[:-1], "neutral_correlation"])
    @pytest.mark.parametrize("options", [{}, {"top_bottom": 7}])
    def test_each_is_as_it_is_alone(self, name, options):
        data = Data()
        targets = pd.DataFrame({"y": data.y, "z": (1 - data.y).where(data.y != 0.5)})
        alone = {}
        for target in targets:
            data.y = targets[target]
            alone[target] = data.score(name, **options)
        data.y = targets
        got = data.score(name, **options)
        assert got.columns.names == ["target", "model"]
        expected = pd.concat(alone, axis=1, names=["target", "model"])
        pd.testing.assert_frame_equal(got, expected, check_exact=True)

    def test_they_may_stand_in_an_array_and_be_one(self):
        data = Data()
        alone = data.score("numerai_corr")
        data.y = data.y.to_frame()
        pd.testing.assert_frame_equal(data.score("numerai_corr"), alone)
        data = Data()
        data.y = np.column_stack([data.y, data.y])
        got = metrics.numerai_corr(data.y, data.P.to_numpy(), era=data.era.to_numpy())
        assert list(got.columns) == [(t, m) for t in (0, 1) for m in range(3)]
        assert_close(got[1], alone, 0)

    def test_a_tensor_of_features(self):
        torch = pytest.importorskip("torch")
        data = Data()
        data.y = pd.DataFrame({"y": data.y, "z": 1 - data.y})
        expected = data.score("feature_neutral_corr")
        features = torch.from_numpy(data.F.to_numpy(dtype=np.float64))
        got = metrics.feature_neutral_corr(data.y, data.P, features, era=data.era)
        assert_close(got, expected, data.tolerance("feature_neutral_corr"))
        assert got.columns.equals(expected.columns)

    def test_another_kind_has_both_names_in_one(self):
        data = Data()
        y = pl.DataFrame({"y": data.y.to_numpy(), "z": 1 - data.y.to_numpy()})
        models = pl.from_pandas(data.P.reset_index(drop=True))
        got = metrics.numerai_corr(y, models, era=pl.Series(data.era.to_numpy()))
        names = [f"{target} / {model}" for target in "yz" for model in data.P]
        assert got.columns == ["era", *names]

    def test_they_can_be_summarised(self):
        data = Data()
        data.y = pd.DataFrame({"y": data.y, "z": 1 - data.y})
        scores = data.score("numerai_corr")
        table = metrics.summarize(scores, horizon=1)
        assert_close(table["mean"], scores.mean())


class TestErrors:
    def test_lengths(self):
        with pytest.raises(ValueError, match="`era` has 5 rows and `y_pred` has 4"):
            metrics.numerai_corr(BINS, BINS[:4], era=["1"] * 5)

    @pytest.mark.parametrize("attribute", ["y", "P", "m", "F"])
    def test_index(self, attribute):
        data = Data()
        value = getattr(data, attribute)
        setattr(data, attribute, value.iloc[::-1])
        with pytest.raises(ValueError, match="another index than"):
            data.score("neutral_contribution")

    def test_an_index_on_one_side_only(self):
        data = Data()
        expected = data.score("numerai_corr")
        data.y, data.era = data.y.to_numpy(), data.era.to_numpy()
        pd.testing.assert_frame_equal(data.score("numerai_corr"), expected)

    def test_text(self):
        with pytest.raises(ValueError, match="column 'm' must hold numbers"):
            metrics.numerai_corr(BINS, pd.DataFrame({"m": list("abcde")}), era=[1] * 5)

    def test_duplicate_names(self):
        twice = pd.DataFrame(np.ones((5, 2)), columns=["m", "m"])
        with pytest.raises(
            ValueError, match="`y_pred` has duplicate column names: 'm'"
        ):
            metrics.numerai_corr(BINS, twice, era=[1] * 5)

    def test_lazy_frames(self):
        with pytest.raises(TypeError, match="`y_pred` is a polars LazyFrame"):
            metrics.numerai_corr(BINS, pl.LazyFrame({"m": BINS}), era=[1] * 5)

    def test_infinite_values(self):
        for worst in (np.inf, -np.inf, 1e101):
            self.refuse(np.array([0, 0.5, worst, 1, NAN]))

    def refuse(self, bad):
        for call in (
            lambda: one("numerai_corr", bad, BINS),
            lambda: one("feature_neutral_corr", BINS, BINS, bad[:, None]),
            lambda: one("neutral_contribution", BINS, BINS, BINS, bad[:, None]),
            lambda: one("neutral_correlation", BINS, BINS, bad[:, None]),
            lambda: one("correlation_with", BINS, bad),
            lambda: one("feature_exposure", bad, BINS[:, None]),
            lambda: one("max_feature_exposure", BINS, bad[:, None]),
        ):
            with pytest.raises(
                ValueError, match=r"has 1 infinite or huge values in column .* era"
            ):
                call()

    def test_infinite_predictions_rank_as_extremes(self):
        got = one("numerai_corr", BINS, [-np.inf, 1, 2, 3, np.inf])
        assert got == one("numerai_corr", BINS, [0, 1, 2, 3, 4])


class TestKernels:
    def test_numbers_of_the_judges_kernel_at_any_layout(self):
        block = np.random.default_rng(0).normal(size=(4, 3000))
        expected = score.numerai_corr(block, np.arange(3000.0))
        got = score.numerai_corr(np.asfortranarray(block), np.arange(3000.0))
        np.testing.assert_array_equal(got, expected)

    def test_ascending_gauss_is_rank_gauss(self):
        block = np.random.default_rng(0).normal(size=(4, 30)).round(1)
        block[1, :5], block[2], block[3] = NAN, 1.0, NAN
        out = np.full(block.shape, NAN)
        for rows, places, normal in rank.ascending_gauss(block):
            part = np.full((len(places), block.shape[1]), NAN)
            np.put_along_axis(part, places, np.broadcast_to(normal, places.shape), 1)
            out[rows] = part
        np.testing.assert_array_equal(out, rank.rank_gauss(block, scale=False))

    @pytest.mark.parametrize("n_rows", [500, 10_007])  # einsum buffers 8,192 values
    @pytest.mark.parametrize("decimals", [1, 15])
    def test_a_score_does_not_depend_on_the_other_predictions(self, n_rows, decimals):
        rng = np.random.default_rng(0)
        block = rng.normal(size=(5, n_rows)).round(decimals)
        block[3, :7], block[4] = NAN, block[1]
        target, reference = rng.normal(size=(2, n_rows))
        for kernel in (
            lambda rows: score.numerai_corr(rows, target),
            lambda rows: score.correlation_contribution(rows, target, reference),
        ):
            alone = [kernel(block[i : i + 1])[0] for i in range(5)]
            np.testing.assert_array_equal(kernel(block), alone)

    def test_rounding_takes_no_correlation_beyond_one(self):
        for n in range(3, 200):
            p = np.random.default_rng(n).normal(size=n)
            assert np.abs(score.correlations(np.stack([p, -p]), p[None])).max() <= 1
            assert abs(score.pearson(p, p)) <= 1
            assert abs(score.pearson(p, -p)) <= 1

    def test_correlations_with_features(self):
        p, F = np.array([1.0, 2, 3, 4]), np.array([[0, 0, 1, 1], [4, 3, 2, 1]])
        assert_close(np.abs(score.correlations(p[None], F)).max(), 1)
        assert np.abs(score.correlations(np.full((1, 4), 0.1), F)).max() == 0


class TestRareRowsAndValues:
    @pytest.mark.parametrize("top_bottom", [None, 20])
    @pytest.mark.parametrize("name", CONTRIBUTIONS)
    def test_a_contribution_is_of_the_rows_that_have_target_and_reference(
        self, name, top_bottom
    ):
        data, place = Data(), np.arange(len(Data().y))
        data.take(np.argsort(data.P.index.to_numpy()))
        data.y = data.y.mask(place % 7 == 0)
        data.m = data.m.mask(place % 11 == 0)
        got = data.score(name, top_bottom=top_bottom)
        data.take(np.flatnonzero(data.y.notna() & data.m.notna()))
        expected = data.judge(name, top_bottom=top_bottom)
        assert_close(got, expected, data.tolerance(name))

    @pytest.mark.parametrize("times", [1.5, 2, 4])
    @pytest.mark.parametrize("name", CONTRIBUTIONS)
    def test_targets_above_1_are_not_multiplied(self, name, times):
        data = Data()
        data.y = times * data.y
        assert_close(data.score(name), data.judge(name), data.tolerance(name))

    def test_the_only_extreme_that_has_the_feature_tells_nothing(self):
        y_pred, feature = np.arange(10.0), np.arange(10.0) % 4
        name, options = "max_feature_exposure", {"top_bottom": 1}
        # The feature is 0 at the lowest prediction and 1 at the highest.
        assert_close(one(name, y_pred, feature[:, None], **options), 1)
        feature[9] = NAN
        assert np.isnan(one(name, y_pred, feature[:, None], **options))

    def test_the_layout_of_features_does_not_matter(self):
        rng = np.random.default_rng(0)
        block, features = rng.normal(size=(3, 500)), rng.normal(size=(7, 500))
        np.testing.assert_array_equal(
            score.correlations(block, np.asfortranarray(features)),
            score.correlations(block, features),
        )

    @pytest.mark.parametrize("low", [1.0, np.nextafter(1.0, 2.0)])
    def test_values_one_rounding_step_apart_are_not_constant(self, low):
        # The mean of the two is rounded to one of them.
        values = np.repeat([low, np.nextafter(low, 2.0)], 2)
        assert_close(score.correlations(values[None], values[None]), 1)
        assert_close(score.correlations(values[None], -values[None]), -1)

    def test_tiny_and_huge_columns_side_by_side(self):
        rng = np.random.default_rng(0)
        P, F = rng.normal(size=(3, 30)), rng.normal(size=(3, 30))
        sizes = np.array([[1e-200], [1e150], [1.0]])
        got = score.correlations(P * sizes, F * sizes[::-1])
        assert_close(got, np.corrcoef(P, F)[:3, 3:])

    def test_the_smallest_of_normal_numbers_still_varies(self):
        values = np.finfo(float).tiny * np.array([[-1.0, 1.0, 1.0, -1.0]])
        assert_close(score.correlations(values, values), 1)
