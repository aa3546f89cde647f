"""Laws beyond the transformers: scores, weights, windows, payouts, on any data."""

import numpy as np
import pandas as pd
import pytest
import reference
from helpers import assert_close
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from strategies import (
    ANY_VALUE,
    MODELS,
    NUMBER,
    SCORE,
    columns,
    era_scores,
    law,
    tournaments,
)

from skbench import (
    EraRank,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
    metrics,
    rank_gauss,
)
from skbench.analysis import implied_weights
from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict
from skbench.solvers.weights import NotEnoughErasError
from skbench.staking import PayoutRule, allocate, simulate

# Of eras that hypothesis makes, many are constant.
pytestmark = pytest.mark.filterwarnings("ignore:the prediction .* is the same in all")
quick = settings(law, max_examples=15)
SCORED = tournaments(SCORE, targets=True)
# Eras that are large enough to score.
FULL = tournaments(NUMBER, sizes=st.integers(4, 13), max_eras=6, targets=True)
RULE = PayoutRule("all", {"corr": 1.0}, clip=0.05, concurrent_rounds=2)


class TestRank:
    @quick
    @given(columns(ANY_VALUE))
    def test_larger_values_have_larger_ranks_and_equal_ones_the_same(self, values):
        ranks = rank_gauss(values, scale=False)
        assert (np.isnan(ranks) == np.isnan(values)).all()
        known = ~np.isnan(values)
        order = np.sign(np.subtract.outer(ranks[known], ranks[known]))
        expected = np.greater.outer(values[known], values[known])
        np.testing.assert_array_equal(order > 0, expected)

    @quick
    @given(columns(ANY_VALUE))
    def test_the_other_sign_gives_the_other_sign(self, values):
        assert_close(rank_gauss(-values), -rank_gauss(values), 1e-6)

    @quick
    @given(columns(NUMBER), st.integers(-8, 8))
    def test_only_the_order_counts(self, values, shift):
        moved = values * 4 + np.float32(shift)
        np.testing.assert_array_equal(rank_gauss(moved), rank_gauss(values))


class TestEnsemble:
    @quick
    @given(tournaments(SCORE), NUMBER, NUMBER, NUMBER)
    def test_twice_the_weights_give_twice_the_blend(self, X, first, second, factor):
        weights = {"a": first, "b": second}
        more = {name: factor * weight for name, weight in weights.items()}
        assume(factor and first and second)
        once = WeightedEnsemble(weights).fit(X).predict(X)
        assert_close(WeightedEnsemble(more).fit(X).predict(X), factor * once, 1e-2)

    @quick
    @given(tournaments(SCORE))
    def test_the_blend_of_one_model_is_the_model(self, X):
        got = WeightedEnsemble({"b": 1.0}).fit(X).predict(X)
        np.testing.assert_array_equal(got, X["b"])


class TestNeutralizer:
    @quick
    @given(tournaments(SCORE), st.booleans())
    def test_what_is_neutral_stays_as_it_is(self, X, fit_intercept):
        neutralizer = FeatureNeutralizer(fit_intercept=fit_intercept)
        neutralizer.set_params(keep_neutralizers=True, standardize=False)
        once = neutralizer.fit(X).transform(X.astype(dict.fromkeys(MODELS, float)))
        assert_close(neutralizer.transform(once)[MODELS], once[MODELS], 1e-9)

    @quick
    @given(tournaments(SCORE))
    def test_no_proportion_is_no_change(self, X):
        none = FeatureNeutralizer(proportion=0.0, standardize=False).fit(X)
        assert_close(none.transform(X)[MODELS], X[MODELS])

    @quick
    @given(tournaments(NUMBER, sizes=st.integers(5, 13)))
    def test_nothing_is_left_of_the_features(self, X):
        X = X.astype(dict.fromkeys(MODELS, float))
        out = FeatureNeutralizer(keep_neutralizers=True).fit_transform(X)
        features = [name for name in out if name.startswith("feature")]
        for _, rows in out.groupby("era"):
            F = rows[features].fillna(rows[features].median()).fillna(0.5)
            for model in MODELS:
                for feature in features:
                    assert abs(correlation(rows[model], F[feature])) <= 1e-6


def correlation(x, y):
    x, y = (np.asarray(v, float) - np.mean(np.asarray(v, float)) for v in (x, y))
    size = np.sqrt((x @ x) * (y @ y))
    return x @ y / size if size > 1e-12 else 0.0


SCORES = {
    "numerai_corr": lambda X: metrics.numerai_corr(
        X["target"], X[MODELS], era=X["era"]
    ),
    "correlation_contribution": lambda X: metrics.correlation_contribution(
        X["target"], X[["a"]], X["b"], era=X["era"]
    ),
    "correlation_with": lambda X: metrics.correlation_with(
        X[["a"]], X["b"], era=X["era"]
    ),
    "feature_exposure": lambda X: metrics.feature_exposure(
        X["a"], X[["feature_x", "feature_y"]], era=X["era"]
    ),
}


@pytest.mark.parametrize("name", SCORES)
class TestScores:
    def test_an_era_alone_has_the_score_that_it_has_among_others(self, name):
        @quick
        @given(SCORED)
        def check(X):
            whole = SCORES[name](X)
            for era, rows in X.groupby("era"):
                alone = SCORES[name](rows)
                pd.testing.assert_frame_equal(alone, whole.loc[[era]], rtol=1e-12)

        check()

    def test_the_order_of_rows_is_nothing(self, name):
        @quick
        @given(SCORED, st.randoms(use_true_random=False))
        def check(X, random):
            order = random.sample(range(len(X)), len(X))
            got, expected = SCORES[name](X.iloc[order]), SCORES[name](X)
            assert list(got.index) == list(expected.index)
            assert_close(got, expected, 1e-9)

        check()


@quick
@given(FULL)
def test_corr_is_what_the_slow_formula_gives(X):
    got = metrics.numerai_corr(X["target"], X[MODELS], era=X["era"])
    for era, rows in X.groupby("era"):
        target = rows["target"].to_numpy()
        known = ~np.isnan(target)
        for model in MODELS:
            values = rows[model].to_numpy(np.float64)
            if known.sum() >= 3 and np.ptp(target[known]) and np.ptp(values[known]):
                slow = reference.numerai_corr(values, target)
                assert_close(got.loc[era, model], slow)


OBJECTIVES = ["corr", "sharpe", "mse"]


class TestStacking:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
    @pytest.mark.filterwarnings("ignore:(?s).*:UserWarning")
    def test_parts_in_any_order_and_merges_give_what_one_pass_gives(self, objective):
        @quick
        @given(FULL, st.randoms(use_true_random=False))
        def check(X, random):
            made = StackingWeights(objective)
            try:
                whole = clone(made).fit(X, X["target"])
            except NotEnoughErasError:
                assume(False)
            parts = [rows for _, rows in X.groupby("era")]
            random.shuffle(parts)
            one_by_one = clone(made)
            for rows in parts:
                one_by_one.partial_fit(rows, rows["target"])
            merged = clone(made).partial_fit(parts[0], parts[0]["target"])
            if len(parts) > 1:
                rest = pd.concat(parts[1:])
                other = clone(made).partial_fit(rest, rest["target"])
                merged = other.merge(merged)
            assert one_by_one.weights_ == whole.weights_
            assert merged.weights_ == whole.weights_
            assert sum(whole.weights_.values()) == pytest.approx(1)

        check()


class TestWindows:
    @quick
    @given(tournaments(SCORE, max_eras=8), st.integers(1, 4), st.integers(0, 3))
    def test_a_model_that_learns_nothing_predicts_what_it_would_alone(self, X, n, gap):
        cv = WalkForwardEraSplit(n, gap)
        X = X.assign(era=X["era"].rank(method="dense").astype(int))
        try:
            tested = np.concatenate([test for _, test in cv.split(X)])
        except ValueError:
            assume(False)
        rank = EraRank(["a"])
        got = walk_forward_predict(rank, X, cv=cv).to_numpy()
        expected = rank.fit(X).predict(X)
        np.testing.assert_array_equal(got[tested], expected[tested])
        rest = np.setdiff1d(np.arange(len(X)), tested)
        assert np.isnan(got[rest]).all()


@quick
@given(FULL)
def test_weights_of_the_meta_model_are_an_era_s_own(X):
    models, meta = X[MODELS].astype(float), X["a"].astype(float) + X["feature_x"]
    X = X.assign(meta=meta.fillna(0.0))
    try:
        whole = implied_weights(X["meta"], models, era=X["era"])
    except ValueError:
        assume(False)
    for era in whole.index[whole.notna().all(axis=1)]:
        rows = (X["era"] == era).to_numpy()
        if not covers(X[rows]) or rows.all():
            continue
        two = rows | (X["era"] == other_era(X, era)).to_numpy()
        try:
            alone = implied_weights(X["meta"][two], models[two], era=X["era"][two])
        except ValueError:
            continue
        assert_close(alone.loc[era], whole.loc[era], 1e-9)


def covers(X):
    return len(X) >= 3 and X[MODELS].nunique().min() > 1


def other_era(X, era):
    return next(label for label in X["era"] if label != era)


class TestStaking:
    @quick
    @given(era_scores(), st.sampled_from([0.5, 2.0, 4.0]))
    def test_a_larger_stake_is_paid_in_proportion(self, scores, factor):
        stakes = {"b": 8.0, "c": 2.0}
        more = {name: factor * stake for name, stake in stakes.items()}
        once = simulate({"corr": scores}, stakes, RULE, duration=2).ledger
        got = simulate({"corr": scores}, more, RULE, duration=2).ledger
        money = ["at_risk", "payout", "stake_after"]
        assert_close(got[money], factor * once[money], 1e-9)
        assert (once["stake_after"] >= 0).all()
        assert (once["payout"].abs() <= 0.05 * once["at_risk"] + 1e-12).all()

    @quick
    @given(
        era_scores(),
        st.sampled_from(["mean_cvar", "min_variance", "equal"]),
        st.sampled_from([0.4, 0.7, 1.0]),
    )
    def test_shares_sum_to_one_within_their_bounds(self, scores, method, max_share):
        try:
            found = allocate(
                {"corr": scores}, RULE, method=method, max_share=max_share,
                horizon=1,
            )  # fmt: skip
        except ValueError as error:
            assume("rounds" not in str(error))
            raise
        shares = np.array(list(found.shares.values()))
        assert_close(shares.sum(), 1.0, 1e-9)
        assert (shares >= 0).all()
        assert (shares <= max_share + 1e-9).all()

    @quick
    @given(era_scores())
    def test_payouts_are_clipped_and_gaps_stay_gaps(self, scores):
        paid = RULE.payout({"corr": scores})
        assert (paid.abs().max(axis=None) <= 0.05) or paid.isna().all(axis=None)
        pd.testing.assert_frame_equal(paid.isna(), scores.isna())
        pd.testing.assert_frame_equal(RULE.payout({"corr": -scores}), -paid)
