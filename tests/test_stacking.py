"""Weights learned from targets are the optimum, however the rows arrive."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import stacking_reference as slow
from helpers import is_plain
from numerai_tools import scoring
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.compose import make_column_selector
from sklearn.exceptions import (
    ConvergenceWarning,
    DataConversionWarning,
    NotFittedError,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from stacking_reference import (
    META_MODEL,
    MULTIPLIERS,
    OBJECTIVES,
    Rows,
    RowsWithGaps,
    params,
    tournament,
    with_known_optimum,
)

from skbench import EraRank, EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.datasets import make_benchmark_models
from skbench.solvers import weights as kernel

NAN = np.nan
MODELS = [f"model_{letter}" for letter in "abcd"]

each_objective = pytest.mark.parametrize("objective", OBJECTIVES)


def learned(X, y, objective="corr", **options):
    return StackingWeights(**params(objective), **options).fit(X, y)


def gaussianized(X):
    return EraRankGauss().fit_transform(X)


def weights(fitted):
    return np.array(list(fitted.weights_.values()))


def pick_eras(X, y, labels):
    """Rows of some eras."""
    rows = X["era"].isin(labels)
    return X[rows], y[rows]


def batches(X, y, n=3, seed=0):
    """All eras in random order, in a few batches."""
    labels = np.random.default_rng(seed).permutation(X["era"].unique())
    return [pick_eras(X, y, part) for part in np.array_split(labels, n)]


def assert_same(one, other):
    """Same statistics and weights, bit for bit."""
    assert one.weights_ == other.weights_
    assert list(one.weights_) == list(other.weights_)
    assert one.era_statistics_.keys() == other.era_statistics_.keys()
    for name, values in one.era_statistics_.items():
        np.testing.assert_array_equal(values, other.era_statistics_[name], err_msg=name)
    assert (one.n_eras_, one.n_rows_) == (other.n_eras_, other.n_rows_)
    optimised = one.train_score_["optimised"]
    np.testing.assert_equal(other.train_score_["optimised"], optimised)


def assert_close(got, expected, tolerance=1e-10):
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


# Of a few eras alone there may be no optimum yet.
unripe = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:.*the prior is kept"
)


# The optimum


@pytest.mark.parametrize("optimum", [(0.5, 0.3, 0.2), (0.1, 0.1, 0.8)])
@each_objective
def test_a_known_optimum_is_found(objective, optimum):
    X, y = with_known_optimum(objective, optimum)
    assert_close(weights(learned(X, y, objective)), optimum, 2e-5)


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse"])
def test_a_known_signed_optimum_is_found(objective):
    X, y = with_known_optimum(objective, (0.6, -0.1, 0.3))
    found = learned(X, y, objective, nonnegative=False)
    assert_close(weights(found), (0.6, -0.1, 0.3), 2e-5)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("objective", ["corr", "mse"])
def test_many_eras_come_within_two_hundredths_of_the_truth(objective, seed):
    data = make_benchmark_models(
        1000, 400, 3, 4, mean_corr=0.4, unscored=False, random_state=seed
    )
    X = EraRankGauss().fit_transform(data.frame[["era", *data.models]])
    found = learned(X, data.frame["target"], objective)
    assert list(found.weights_) == data.models
    assert_close(weights(found), list(data.weights.values()), 0.02)


LIMITS = [
    {},
    {"max_weight": 0.4},
    {"nonnegative": False},
    {"nonnegative": False, "max_weight": 0.4},
]


def scipy_best(rows, objective, k, max_weight=1.0, nonnegative=True):
    return slow.best_by_scipy(
        lambda w: rows.value(objective, w), k, max_weight, signed=not nonnegative
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limits", LIMITS, ids=str)
@each_objective
def test_not_worse_than_scipy_on_the_raw_rows(objective, limits, seed):
    k = 4 if limits.get("nonnegative", True) else 3
    X, y = tournament(k=k, seed=seed)
    found, rows = learned(X, y, objective, **limits), Rows(X, y)
    value = rows.value(objective, weights(found))
    assert_close(found.train_score_["optimised"], value)
    assert value >= scipy_best(rows, objective, k, **limits) - 1e-8


@pytest.mark.parametrize(
    ("objective", "skill", "seed"),
    [("corr", -0.3, 0), ("corr", -0.1, 9), ("contribution", -0.3, 1)],
)
def test_not_worse_than_scipy_where_no_model_is_good(objective, skill, seed):
    X, y = tournament(seed=seed, skill=skill)
    found, rows = learned(X, y, objective, max_weight=0.5), Rows(X, y)
    value = rows.value(objective, weights(found))
    assert value >= scipy_best(rows, objective, 4, 0.5) - 1e-8


@pytest.mark.parametrize("seed", range(6))
def test_signs_are_right_where_the_largest_weight_binds(seed):
    X, y = tournament(k=3, seed=seed, skill=0.3, noise=0.15)
    limits = {"max_weight": 0.4, "nonnegative": False}
    found, rows = learned(X, y, "sharpe", **limits), Rows(X, y)
    value = rows.value("sharpe", weights(found))
    assert value >= scipy_best(rows, "sharpe", 3, **limits) - 1e-8


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@each_objective
def test_no_move_of_weight_gains_anything(objective, limits):
    X, y = tournament(seed=7, skill=0.1)
    w, rows = weights(learned(X, y, objective, **limits)), Rows(X, y)
    value, step = rows.value(objective, w), 1e-4
    cap, signed = limits.get("max_weight", 1.0), not limits.get("nonnegative", True)
    for taken in np.flatnonzero(np.abs(w) >= step):
        for given in range(len(w)):
            for sign in [-1, 1] if signed and w[given] == 0 else [np.sign(w[given])]:
                moved = w.copy()
                moved[taken] -= step * np.sign(w[taken])
                moved[given] += step * (sign or 1)
                if given != taken and abs(moved[given]) <= cap:
                    assert rows.value(objective, moved) <= value + 1e-7 * abs(value)


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@each_objective
def test_weights_keep_within_their_bounds_and_sum_to_one(objective, limits):
    X, y = tournament(seed=3)
    found = weights(learned(X, y, objective, **limits))
    assert_close(np.abs(found).sum(), 1.0, 1e-12)
    assert np.abs(found).max() <= limits.get("max_weight", 1.0) + 1e-12
    if limits.get("nonnegative", True):
        assert found.min() >= 0.0


@each_objective
def test_the_largest_weight_binds_where_the_optimum_lies_above(objective):
    X, y = with_known_optimum(objective, (0.6, 0.3, 0.1))
    assert_close(max(weights(learned(X, y, objective, max_weight=0.5))), 0.5, 1e-9)


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_the_largest_weight_of_one_over_k_leaves_equal_weights(limits):
    X, y = tournament()
    found = learned(X, y, **{**limits, "max_weight": 0.25})
    assert_close(np.abs(weights(found)), 0.25, 1e-9)


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("copies", [1, 3])
@each_objective
def test_a_copy_of_a_model_makes_nothing_worse(objective, copies, nonnegative):
    X, y = tournament(k=3, seed=5)
    more = X.assign(**{f"model_copy{i}": X["model_b"] for i in range(copies)})
    found = [learned(one, y, objective, nonnegative=nonnegative) for one in (X, more)]
    before, after = (one.train_score_["optimised"] for one in found)
    assert after >= before - 1e-10


def test_more_columns_than_eras_some_of_them_near_copies_find_an_optimum():
    X, y = tournament(n_eras=7, n_rows=200, k=6)
    rng = np.random.default_rng(0)
    near = {f"model_{i}": X["model_a"] + 1e-6 * rng.normal(size=len(X)) for i in "xyz"}
    for objective in OBJECTIVES:  # a ConvergenceWarning would be an error
        assert_close(weights(learned(X.assign(**near), y, objective)).sum(), 1.0)


def test_one_column_gets_all_the_weight():
    X, y = tournament(k=1)
    for objective in OBJECTIVES:
        assert learned(X, y, objective).weights_ == {"model_a": 1.0}


# Other judges


@pytest.mark.parametrize("halflife", [None, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_mse_is_nnls_on_the_stacked_rows(seed, halflife):
    X, y = tournament(seed=seed, unit=False)
    X, y = gaussianized(X.iloc[30:]), y.iloc[30:]  # eras of two lengths weigh the same
    found = learned(X, y, "mse", halflife=halflife)
    rows = Rows(X, y, halflife)
    assert (rows.nnls() > 0).sum() > 1
    assert_close(weights(found), rows.nnls(), 1e-8)


def test_mse_needs_no_centred_target():
    X, y = tournament()
    root = np.sqrt(X.groupby("era")["era"].transform("size").to_numpy())
    stacked = X[MODELS].to_numpy() / root[:, None], (y + 5).to_numpy() / root
    expected = nnls(*stacked)[0]
    assert_close(weights(learned(X, y + 5, "mse")), expected / expected.sum(), 1e-8)


def test_signed_mse_is_least_squares_on_the_stacked_rows():
    X, y = tournament(skill=0.05)
    expected = np.linalg.lstsq(*Rows(X, y).stacked())[0]
    assert expected.min() < 0
    found = weights(learned(X, y, "mse", nonnegative=False))
    assert_close(found, expected / np.abs(expected).sum(), 1e-8)


def by_numerai_tools(X, y, w):
    """Contribution of each era, by the functions of numerai_tools."""
    out = []
    for _, rows in X.assign(target=y).dropna().groupby("era"):
        rows = rows.reset_index(drop=True)
        blend = rows[MODELS] @ w
        blend = (blend / blend.std(ddof=0)).to_frame("blend")
        reference = scoring.gaussian(scoring.tie_kept_rank(rows[[META_MODEL]]))
        added = scoring.orthogonalize(blend.to_numpy(), reference[META_MODEL])
        out.append(scoring.contribution_scores(added, rows["target"], blend)["blend"])
    return np.array(out)


def with_gaps_in_the_reference(X, seed=0):
    """Return it without reference in the first eras, and here and there later."""
    rng = np.random.default_rng(seed)
    gone = (rng.random(len(X)) < 0.2) | X["era"].isin(["0001", "0002", "0003"])
    return X.assign(**{META_MODEL: X[META_MODEL].where(~gone)})


@pytest.mark.parametrize("unit", [True, False])
def test_contribution_and_payout_are_those_of_numerai_tools(unit):
    X, y = tournament(unit=unit)
    X = with_gaps_in_the_reference(X)
    found = learned(X, y, "contribution")
    assert found.n_eras_ == 7
    contributions = by_numerai_tools(X, y, weights(found))
    assert_close(found.train_score_["optimised"], contributions.mean(), 1e-12)

    found = learned(X, y, "payout")
    assert found.n_eras_ == 7
    rows = Rows(X, y)
    corrs = rows.scores("corr", weights(found), [*rows.compared])
    payouts = 3.0 * corrs + 15.0 * by_numerai_tools(X, y, weights(found))
    assert_close(found.train_score_["optimised"], payouts.mean(), 1e-12)


@pytest.mark.parametrize("objective", ["contribution", "payout"])
def test_eras_without_reference_count_for_nothing(objective):
    X, y = tournament()
    X = with_gaps_in_the_reference(X)
    rows = Rows(X, y)
    found = learned(X, y, objective)
    assert (
        rows.value(objective, weights(found)) >= scipy_best(rows, objective, 4) - 1e-8
    )


def test_payout_of_corr_alone_is_corr_and_needs_no_reference():
    X, y = tournament()
    expected = learned(X, y, "corr").weights_
    X = X.drop(columns=META_MODEL)
    found = StackingWeights("payout", payout={"corr": 1.0}).fit(X, y)
    assert found.weights_ == expected


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", range(3))
@each_objective
def test_greedy_is_the_loop_of_caruana(objective, seed, signed):
    X, y = tournament(k=3, n_eras=6, seed=seed)
    rows = Rows(X, y)
    found = learned(
        X, y, objective, search="greedy", max_iter=8, nonnegative=not signed
    )
    expected = slow.caruana(lambda w: rows.value(objective, w), 3, 8, signed)
    assert_close(weights(found), expected, 1e-12)


@pytest.mark.parametrize("max_iter", [1, 2, 5])
def test_greedy_makes_no_more_picks_than_allowed(max_iter):
    X, y = tournament()
    found = weights(learned(X, y, search="greedy", max_iter=max_iter))
    n_picks = [n for n in range(1, max_iter + 1) if np.allclose(found * n % 1, 0)]
    assert n_picks


@pytest.mark.parametrize("max_weight", [0.3, 0.5])
def test_greedy_keeps_within_the_largest_weight(max_weight):
    X, y = with_known_optimum("corr", (0.05, 0.05, 0.1, 0.8))
    found = weights(learned(X, y, search="greedy", max_weight=max_weight))
    assert found.max() <= max_weight + 1e-9
    assert_close(found.sum(), 1.0)
    exact = learned(X, y, max_weight=max_weight).train_score_["optimised"]
    value = Rows(X, y).value("corr", found)
    assert exact - 0.002 < value <= exact + 1e-12


def test_greedy_says_when_its_picks_cannot_keep_within_the_largest_weight():
    X, y = tournament()
    with pytest.raises(ValueError, match=r"max_weight|3 shares"):
        learned(X, y, search="greedy", max_iter=3, max_weight=0.3)


@pytest.mark.parametrize("halflife", [0.5, 4.0])
@each_objective
def test_halflife_weighs_eras_by_halves(objective, halflife):
    X, y = tournament(seed=2)
    found, rows = learned(X, y, objective, halflife=halflife), Rows(X, y, halflife)
    value = rows.value(objective, weights(found))
    assert_close(found.train_score_["optimised"], value)
    assert value >= scipy_best(rows, objective, 4) - 1e-8


def test_a_long_halflife_is_none_and_a_short_one_the_last_era():
    X, y = tournament(n_eras=5)
    assert_close(weights(learned(X, y, halflife=1e12)), weights(learned(X, y)), 1e-5)
    last = pick_eras(X, y, ["0005"])
    assert_close(weights(learned(X, y, halflife=0.02)), weights(learned(*last)), 1e-5)


@pytest.mark.parametrize("objective", ["corr", "sharpe", "mse"])
def test_of_a_sample_the_last_era_counts_where_the_halflife_is_tiny(objective):
    X, y = tournament(n_eras=5)
    options = {"horizon": 1}
    made = learned(X, y, objective, halflife=5e-324, **options)
    ends = np.array(list(made.weights_interval_.values()))
    assert np.isfinite(ends).all()
    assert_close(weights(made), weights(learned(X, y, objective, halflife=1e-3)))


def test_the_standard_deviation_of_sharpe_has_no_degrees_of_freedom():
    X, y = tournament(n_eras=4)
    found = learned(X, y, "sharpe")
    scores = Rows(X, y).scores("corr", weights(found), range(4))
    expected = scores.mean() / scores.std(ddof=0)
    assert_close(found.train_score_["optimised"], expected)


def mean_score(objective, corrs, contributions):
    """Score eras of which the last ones have a contribution."""
    corrs, contributions = np.array(corrs), np.array(contributions)
    paid = corrs[len(corrs) - len(contributions) :]
    return {
        "corr": corrs.mean(),
        "mse": corrs.mean(),
        "sharpe": corrs.mean() / corrs.std(ddof=0),
        "contribution": contributions.mean(),
        "payout": (3.0 * paid + 15.0 * contributions).mean(),
    }[objective]


@each_objective
def test_the_exact_score_is_that_of_numerai_tools(objective):
    X, y = tournament()
    X = with_gaps_in_the_reference(X)
    found = learned(X, y, objective)
    corrs, contributions = [], []
    frame = X.assign(target=y, blend=found.predict(X))
    for _, rows in frame.groupby("era"):
        rows = rows.reset_index(drop=True)
        corrs.append(scoring.numerai_corr(rows[["blend"]], rows["target"])["blend"])
        rows = rows.dropna()
        rows = rows.reset_index(drop=True)
        if len(rows):
            one = scoring.correlation_contribution(
                rows[["blend"]], rows[META_MODEL], rows["target"]
            )
            contributions.append(one["blend"])
    expected = mean_score(objective, corrs, contributions)
    assert_close(found.train_score_["exact"], expected, 1e-12)
    assert found.train_score_["objective"] == objective


# Prior and shrinkage


@pytest.mark.parametrize("shrinkage", [0.2, 0.5, 0.9])
def test_signed_weights_are_scaled_to_one_after_shrinkage(shrinkage):
    X, y = tournament(n_eras=30, skill=0.05, noise=0.3, seed=2)
    options = {"nonnegative": False, "horizon": 2}
    optimum = weights(learned(X, y, nonnegative=False))
    assert (optimum < 0).any()
    found = learned(X, y, shrinkage=shrinkage, **options)
    moved = (1 - shrinkage) * optimum + shrinkage / 4
    assert np.abs(moved).sum() < 0.99
    assert_close(weights(found), moved / np.abs(moved).sum())
    assert np.abs(list(found.weights_interval_.values())).max() <= 1


def test_full_shrinkage_is_the_prior():
    X, y = tournament()
    assert_close(weights(learned(X, y, shrinkage=1)), 0.25, 1e-15)
    prior = {"model_c": 1, "model_a": 3.0}
    found = learned(X, y, shrinkage=1.0, prior=prior)
    assert list(found.weights_) == MODELS
    assert_close(weights(found), [0.75, 0, 0.25, 0], 1e-15)


@each_objective
def test_shrinkage_goes_a_share_of_the_way_to_the_prior(objective):
    X, y = tournament()
    prior = {"model_c": 0.5, "model_a": 0.5}
    optimum = weights(learned(X, y, objective, prior=prior))
    found = weights(learned(X, y, objective, prior=prior, shrinkage=0.3))
    assert_close(found, 0.7 * optimum + 0.3 * np.array([0.5, 0, 0.5, 0]), 1e-12)


def test_the_prior_does_not_move_the_optimum():
    X, y = tournament()
    prior = {"model_d": 1.0}
    assert_close(weights(learned(X, y, prior=prior)), weights(learned(X, y)), 1e-5)


def test_a_signed_prior_keeps_its_signs():
    X, y = tournament()
    prior = {"model_a": 3.0, "model_b": -1.0}
    found = learned(X, y, shrinkage=1.0, prior=prior, nonnegative=False)
    assert_close(weights(found), [0.75, -0.25, 0, 0], 1e-15)


def test_the_score_is_that_of_the_weights_after_shrinkage():
    X, y = tournament()
    found = learned(X, y, shrinkage=0.6)
    value = Rows(X, y).value("corr", weights(found))
    assert_close(found.train_score_["optimised"], value)


def test_auto_shrinkage_trusts_a_true_prior_more_than_a_false_one():
    truth, shares = (0.4, 0.3, 0.3), []
    for seed in range(6):
        X, y = with_known_optimum("corr", truth, n_eras=40, seed=seed)
        y = y + 6 * np.random.default_rng(seed).normal(size=len(y))
        options = {"shrinkage": "auto", "horizon": 1}
        priors = {"model_b": 1.0}, dict(zip(MODELS, truth, strict=False))
        found = [learned(X, y, prior=prior, **options) for prior in priors]
        shares.append([one.shrinkage_ for one in found])
    false, true = np.mean(shares, axis=0)
    assert true > false + 0.2
    X, y = with_known_optimum("corr", (0.9, 0.05, 0.05), n_eras=40)
    assert learned(X, y, prior={"model_b": 1.0}, **options).shrinkage_ <= 0.1


def test_auto_shrinkage_is_that_share_given_as_a_number():
    X, y = tournament(n_eras=30, skill=0.05)
    chosen = learned(X, y, shrinkage="auto", horizon=2)
    assert_close(chosen.shrinkage_ * 10 % 1, 0, 1e-9)
    same = learned(X, y, shrinkage=chosen.shrinkage_)
    assert chosen.weights_ == same.weights_


@pytest.mark.parametrize("n_eras", [1, 4, 13])
def test_auto_shrinkage_of_too_few_eras_says_so(n_eras):
    X, y = tournament(n_eras=n_eras)
    with pytest.raises(ValueError, match=rf"'auto'.*{n_eras} "):
        learned(X, y, shrinkage="auto", horizon=13)


def test_auto_shrinkage_copes_with_a_gap_in_the_calendar():
    labels = [f"{i:04d}" for i in [*range(1, 21), *range(60, 80)]]
    X, y = tournament(n_eras=40, labels=labels)
    found = learned(X, y, shrinkage="auto", horizon=13)
    assert 0 <= found.shrinkage_ <= 1


@unripe
def test_auto_shrinkage_of_a_block_beyond_all_eras_says_so():
    with pytest.raises(ValueError, match="shrinkage='auto' needs more than 30 scored"):
        learned(*tournament(n_eras=30), shrinkage="auto", horizon=10**400)


def test_auto_shrinkage_waits_for_eras_that_come_in_batches():
    X, y = tournament(n_eras=24)
    options = {"shrinkage": "auto", "horizon": 2}
    expected = learned(X, y, **options)
    found = StackingWeights(**options)
    for batch in batches(X, y, 6):
        found.partial_fit(*batch)
    assert_same(found, expected)


# Two laws


@unripe
@each_objective
def test_batches_of_eras_give_what_everything_gives(objective):
    X, y = tournament(seed=4)
    expected = learned(X, y, objective)
    for seed in range(3):
        found = StackingWeights(**params(objective))
        for batch in batches(X, y, seed=seed):
            assert found.partial_fit(*batch) is found
        assert_same(found, expected)


@unripe
@each_objective
def test_merged_halves_give_what_everything_gives(objective):
    X, y = tournament(seed=4)
    expected = learned(X, y, objective)
    first, second = (learned(*batch, objective) for batch in batches(X, y, 2))
    before = pickle.dumps(second)
    assert first.merge(second) is first
    assert_same(first, expected)
    assert pickle.dumps(second) == before


@unripe
def test_a_tree_of_merges_in_any_order_gives_what_everything_gives():
    X, y = tournament(n_eras=12, seed=4)
    a, b, c, d = (learned(*batch, "sharpe") for batch in batches(X, y, 4))
    assert_same(d.merge(a).merge(c.merge(b)), learned(X, y, "sharpe"))


@unripe
def test_eras_without_a_number_have_one_order_however_they_come():
    labels = ["X", "Q1 2018", "eraA", "Q2 2018", "B"]
    X, y = tournament(n_eras=5, labels=labels)
    options = {"nonnegative": False}
    expected = learned(X, y, **options)
    for order in (labels, labels[::-1]):
        found = StackingWeights(**options)
        for label in order:
            found.partial_fit(*pick_eras(X, y, [label]))
        assert_same(found, expected)
    assert expected.era_statistics_["era"].tolist() == sorted(labels)


@unripe
def test_merge_then_partial_fit_gives_what_everything_gives():
    X, y = tournament(n_eras=12)
    a, b, c = batches(X, y, 3)
    assert_same(learned(*a).merge(learned(*b)).partial_fit(*c), learned(X, y))


@each_objective
def test_a_shuffle_of_the_rows_changes_next_to_nothing(objective):
    X, y = tournament(seed=4)
    X = with_gaps_in_the_reference(X)
    order = np.random.default_rng(0).permutation(len(X))
    a, b = learned(X, y, objective), learned(X.iloc[order], y.iloc[order], objective)
    for name in ("optimised", "exact"):
        assert_close(a.train_score_[name], b.train_score_[name], 1e-10)
    assert list(a.era_statistics_["era"]) == list(b.era_statistics_["era"])
    assert_close(weights(a), weights(b), 1e-5)


@unripe
def test_batches_give_the_same_intervals():
    X, y = tournament(n_eras=12)
    expected, found = learned(X, y, horizon=2), StackingWeights(horizon=2)
    for batch in batches(X, y):
        found.partial_fit(*batch)
    assert found.weights_interval_ == expected.weights_interval_


@pytest.mark.parametrize("method", ["partial_fit", "merge"])
def test_an_era_handed_over_twice_is_refused_and_changes_nothing(method):
    X, y = tournament(n_eras=5)
    found = learned(*pick_eras(X, y, ["0001", "0002", "0003"]))
    before = pickle.dumps(found)
    again = pick_eras(X, y, ["0003", "0004"])
    args = again if method == "partial_fit" else [learned(*again)]
    with pytest.raises(ValueError, match="era '0003'"):
        getattr(found, method)(*args)
    assert pickle.dumps(found) == before


def test_an_era_cut_in_two_is_refused():
    X, y = tournament()
    found = StackingWeights().partial_fit(X[:120], y[:120])
    with pytest.raises(ValueError, match="era '0002'"):
        found.partial_fit(X[60:], y[60:])


def test_one_era_written_in_two_ways_is_refused():
    X, y = tournament(n_eras=2, labels=["0575", "0576"])
    found = learned(X, y)
    with pytest.raises(ValueError, match=r"'0575'.*575|575.*'0575'"):
        found.partial_fit(X.assign(era=X["era"].astype(int)), y)


def test_a_merge_that_fails_changes_nothing():
    X, y = tournament()
    one, other = (learned(*batch) for batch in batches(X, y, 2))
    one.set_params(max_weight=0.1)
    before = pickle.dumps(one)
    with pytest.raises(ValueError, match="max_weight"):
        one.merge(other)
    assert pickle.dumps(one) == before


def test_merge_of_other_columns_is_refused():
    X, y = tournament()
    one, other = learned(X, y), learned(X.rename(columns={"model_a": "model_z"}), y)
    with pytest.raises(ValueError, match="'model_z'"):
        one.merge(other)


def test_merge_needs_two_fitted_ones():
    found = learned(*tournament())
    for pair in [(found, StackingWeights()), (StackingWeights(), found)]:
        with pytest.raises(NotFittedError, match="fitted"):
            pair[0].merge(pair[1])


def test_fit_forgets_what_was_learned_before():
    X, y = tournament()
    found = learned(*tournament(seed=9, k=2, labels=range(20, 30)), horizon=2)
    before = found.weights_interval_
    assert_same(found.fit(X, y), learned(X, y))
    assert found.weights_interval_ != before
    assert found.weights_interval_ == learned(X, y, horizon=2).weights_interval_


def test_a_fit_that_fails_leaves_the_estimator_as_it_was():
    X, y = tournament()
    found = learned(X, y)
    before = pickle.dumps(found)
    for bad in [(X, y * NAN), (X, y[:-1]), (X.drop(columns=MODELS), y)]:
        with pytest.raises(ValueError, match=r"."):
            found.fit(*bad)
        assert pickle.dumps(found) == before


def test_batches_without_targets_leave_the_weights_open():
    X, y = tournament(n_eras=6)
    late = y.where(X["era"] >= "0004")
    found = StackingWeights()
    for label in X["era"].unique()[:3]:
        found.partial_fit(*pick_eras(X, late, [label]))
        for method in (found.predict, found.transform):
            with pytest.raises(NotFittedError):
                method(X)
        assert not hasattr(found, "weights_")
    found.partial_fit(*pick_eras(X, late, ["0004", "0005", "0006"]))
    assert_same(found, learned(X, late))
    assert found.n_eras_ == 3


def test_merge_of_two_that_are_open_stays_open_until_there_is_a_target():
    X, y = tournament(n_eras=3)
    late = y.where(X["era"] == "0003")
    a, b, c = (
        StackingWeights().partial_fit(*pick_eras(X, late, [label]))
        for label in X["era"].unique()
    )
    with pytest.raises(NotFittedError):
        a.merge(b).predict(X)
    assert_same(a.merge(c), learned(X, late))


@unripe
def test_sharpe_is_open_until_the_second_era():
    X, y = tournament(n_eras=3)
    found = StackingWeights("sharpe").partial_fit(*pick_eras(X, y, ["0002"]))
    with pytest.raises(NotFittedError):
        found.predict(X)
    found.partial_fit(*pick_eras(X, y, ["0001", "0003"]))
    assert_same(found, learned(X, y, "sharpe"))


def test_intervals_are_open_until_there_are_two_horizons():
    X, y = tournament(n_eras=8)
    found = StackingWeights(horizon=3)
    for n_eras, batch in zip([2, 4, 6, 8], batches(X, y, 4), strict=True):
        found.partial_fit(*batch)
        if n_eras >= 6:
            assert np.isfinite(intervals(found)).all()
            continue
        message = f"two horizons of eras on, of 3 eras each; {n_eras} are scored"
        with pytest.warns(UserWarning, match=message):
            assert np.isnan(intervals(found)).all()
    assert found.weights_interval_ == learned(X, y, horizon=3).weights_interval_


def blank(X, name, value):
    return X.assign(**{name: X[name].mask(X["era"] == "0001", value)})


@pytest.mark.parametrize(
    ("columns", "value", "options"),
    [
        (MODELS, 0.0, {}),
        (["model_a"], 0.0, {"max_weight": 0.25}),
        (["model_a"], NAN, {"max_weight": 0.25, "nan_policy": "omit"}),
        (["model_a"], 0.0, {"prior": {"model_a": 1.0}, "shrinkage": 0.5}),
    ],
    ids=["all constant", "too few", "too few present", "prior without a column"],
)
def test_a_batch_that_no_weights_follow_from_alone_leaves_them_open(
    columns, value, options
):
    X, y = tournament(n_eras=5)
    for name in columns:
        X = blank(X, name, value)
    expected = learned(X, y, **options)
    found = StackingWeights(**options).partial_fit(*pick_eras(X, y, ["0001"]))
    found.partial_fit(*pick_eras(X, y, ["0002", "0003", "0004", "0005"]))
    assert_same(found, expected)


def _late(X):
    """Model b comes in era 0005; of model a most rows of the first eras are missing."""
    early = X["era"] <= "0004"
    gone = early & (np.random.default_rng(0).random(len(X)) < 0.5)
    return X.assign(
        model_a=X["model_a"].mask(gone),
        model_b=X["model_b"].mask(early, 0.0),
        model_c=X["model_c"].mask(early, 2.0 * X["model_c"]),
    )


@pytest.mark.parametrize("method", ["partial_fit", "merge"])
@pytest.mark.parametrize("shrinkage", ["auto", "bayes"])
def test_eras_that_are_too_few_so_far_are_not_warned_of(shrinkage, method):
    X, y = tournament(n_eras=24)
    X = _late(X)
    options = {"shrinkage": shrinkage, "horizon": 3}
    labels = X["era"].unique()
    found = StackingWeights(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for label in labels[:4]:
            batch = pick_eras(X, y, [label])
            if method == "merge" and hasattr(found, "era_statistics_"):
                found.merge(StackingWeights(**options).partial_fit(*batch))
            else:
                found.partial_fit(*batch)
    assert not hasattr(found, "weights_")
    for use in (lambda: found.predict(X), lambda: found.summary):
        with pytest.raises(NotFittedError, match="too few for weights, or `finish`"):
            use()
    with pytest.warns(DataConversionWarning, match="model_c"):
        found.partial_fit(*pick_eras(X, y, labels[4:]))
    with pytest.warns(DataConversionWarning, match="model_c"):
        assert_same(found, learned(X, y, **options))


def test_the_last_batch_says_once_what_all_eras_lack():
    X, y = tournament(n_eras=4)
    found = StackingWeights(shrinkage="bayes", horizon=3)
    for batch in batches(_late(X), y, 4):
        found.partial_fit(*batch)
    with pytest.warns() as told:
        found.finish()
    messages = [str(one.message) for one in told]
    for part in ("'model_b' constant", "4 are scored: the prior is kept", "left out"):
        assert sum(part in message for message in messages) == 1
    assert len(messages) == len(set(messages))
    assert {one.filename for one in told} == {__file__}


@pytest.mark.filterwarnings("ignore:.*(constant|not standardised):UserWarning")
def test_rows_that_few_eras_are_left_of_are_named_before_the_error():
    X, y = tournament(n_eras=4)
    with (
        pytest.warns(UserWarning, match="rows with a target are left out"),
        pytest.raises(ValueError, match="'auto' needs more than 4 scored eras"),
    ):
        learned(_late(X), y, shrinkage="auto", horizon=3)


def test_partial_fit_after_fit_adds_eras():
    X, y = tournament()
    found = learned(*pick_eras(X, y, ["0001", "0002"]))
    found.partial_fit(*pick_eras(X, y, sorted(set(X["era"]))[2:]))
    assert_same(found, learned(X, y))


def test_partial_fit_finds_columns_by_name():
    X, y = tournament(n_eras=4)
    first, second = batches(X, y, 2)
    found = StackingWeights().partial_fit(*first)
    shuffled = second[0][
        ["model_d", META_MODEL, "model_b", "era", "model_a", "model_c"]
    ]
    found.partial_fit(shuffled.assign(model_new=1.0), second[1])
    assert_same(found, learned(X, y))


@pytest.mark.parametrize("column", ["model_d", META_MODEL])
def test_partial_fit_names_a_column_that_a_batch_lacks(column):
    X, y = tournament(n_eras=4)
    y = y - X["model_d"]  # so that it gets no weight
    first, second = batches(X, y, 2)
    found = StackingWeights().partial_fit(*first)
    with pytest.raises(ValueError, match=f"lacks '{column}'"):
        found.partial_fit(second[0].drop(columns=column), second[1])


def test_transform_of_a_batch_is_the_batch_of_a_transform():
    X, y = tournament()
    found = learned(X, y)
    whole = found.transform(X)
    for part, _ in batches(X, y):
        part = part.sample(frac=1.0, random_state=0)
        pd.testing.assert_frame_equal(
            found.transform(part), whole.loc[part.index], check_exact=True
        )


# refit


@pytest.mark.parametrize(
    "change",
    [
        *(params(objective) for objective in OBJECTIVES),
        {"max_weight": 0.3},
        {"nonnegative": False},
        {"shrinkage": 0.4, "prior": {"model_b": 1.0}},
        {"search": "greedy", "max_iter": 7},
        {"halflife": 2.0},
        {"shrinkage": "auto", "horizon": 1},
        {"objective": "corr", "shrinkage": "bayes", "horizon": 2},
        {**params("payout"), "shrinkage": "bayes", "horizon": 2},
    ],
    ids=str,
)
def test_refit_is_fit_with_those_parameters(change):
    X, y = tournament(n_eras=12)
    start = learned(X, y, "sharpe" if change.get("objective") != "sharpe" else "mse")
    expected = clone(start).set_params(**change).fit(X, y)
    assert start.refit(**change) is start
    assert_same(start, expected)
    assert start.get_params() == expected.get_params()
    assert start.train_score_["objective"] == start.objective
    assert "exact" not in start.train_score_


@pytest.mark.parametrize(
    "fixed",
    [
        {"columns": ["model_a"]},
        {"nan_policy": "omit"},
        {"meta_model": None},
        {"era": None},
        {"single_era_rows": (1, 2)},
    ],
    ids=lambda fixed: next(iter(fixed)),
)
def test_refit_refuses_what_decides_what_is_kept_of_the_rows(fixed):
    found = learned(*tournament())
    before = pickle.dumps(found)
    with pytest.raises(ValueError, match=rf"`{next(iter(fixed))}`"):
        found.refit(objective="mse", **fixed)
    assert pickle.dumps(found) == before


def test_a_refit_that_fails_leaves_the_estimator_as_it_was():
    X, y = tournament()
    found = learned(X.drop(columns=META_MODEL), y)
    before = pickle.dumps(found)
    bad = [{"objective": "profit"}, {"objective": "contribution"}, {"unknown": 1}]
    for change in [*bad, {"max_weight": 0.1}]:
        with pytest.raises(ValueError, match=r"."):
            found.refit(**change)
        assert pickle.dumps(found) == before


def test_refit_needs_a_fit():
    with pytest.raises(NotFittedError, match="refit"):
        StackingWeights().refit(objective="mse")


def test_refit_of_intervals():
    X, y = tournament(n_eras=12)
    options = {"horizon": 2}
    expected = learned(X, y, **options).weights_interval_
    found = learned(X, y).refit(**options)
    assert found.weights_interval_ == expected
    wider = np.array(list(found.refit(confidence=0.99).weights_interval_.values()))
    low, high = np.array(list(expected.values())).T
    assert (wider[:, 0] <= low).all()
    assert (wider[:, 1] >= high).all()


# Intervals


def intervals(fitted):
    return np.array(list(fitted.weights_interval_.values()))


@pytest.mark.parametrize(
    ("name", "size"), [("target_x_20", 5), ("target_y_60", 13), (None, 13), ("t", 13)]
)
def test_the_name_of_the_target_tells_the_horizon(name, size):
    X, y = tournament(n_eras=60, n_rows=100, k=2)
    found = learned(X, y.rename(name))
    explicit = learned(X, y, horizon=size)
    assert found.weights_interval_ == explicit.weights_interval_
    other = learned(X, y, horizon=size - 1)
    assert found.weights_interval_ != other.weights_interval_


@each_objective
def test_intervals_are_in_order_and_within_the_bounds(objective):
    X, y = tournament(n_eras=12)
    options = {"horizon": 2}
    found = learned(X, y, objective, max_weight=0.5, **options)
    assert list(found.weights_interval_) == MODELS
    low, high = intervals(found).T
    assert (low >= 0).all()
    assert (low <= high).all()
    assert (high <= 0.5 + 1e-12).all()
    assert (high > low).any()


def test_shrinkage_shrinks_the_interval():
    X, y = tournament(n_eras=12)
    options = {"horizon": 2}
    full = intervals(learned(X, y, **options))
    half = intervals(learned(X, y, shrinkage=0.5, **options))
    assert ((full > 0) & (full < 1)).sum() >= 2
    assert_close(half, 0.5 * full + 0.5 * 0.25, 1e-9)


def test_where_nothing_helps_no_weight_is_spoken_against():
    X, y = tournament(n_eras=12, skill=-2.0)
    with pytest.warns(UserWarning, match="prior"):
        found = learned(X, y, "mse", horizon=2)
    assert_close(weights(found), 0.25)
    assert_close(intervals(found), np.tile([0, 1], (4, 1)))


# Missing predictions, targets and references


@pytest.mark.parametrize("value", [NAN, 0.0, 7.0])
@pytest.mark.parametrize("nan_policy", ["propagate", "omit"])
@each_objective
def test_a_column_without_information_gets_weight_zero(objective, nan_policy, value):
    X, y = tournament()
    expected = learned(X, y, objective, nan_policy=nan_policy)
    more = X.copy()
    more.insert(2, "model_void", value)
    with pytest.warns(UserWarning, match="'model_void'"):
        found = learned(more, y, objective, nan_policy=nan_policy)
    assert found.weights_["model_void"] == 0.0
    assert list(found.weights_) == ["model_a", "model_void", *MODELS[1:]]
    assert_close([found.weights_[name] for name in MODELS], weights(expected), 1e-6)
    assert found.n_rows_ == expected.n_rows_
    assert_close(found.predict(more), expected.predict(X), 1e-5)


def test_a_void_column_has_no_part_in_the_prior_and_no_interval():
    X, y = tournament(n_eras=6)
    X["model_void"] = NAN
    options = {"horizon": 2}
    with pytest.warns(UserWarning, match="'model_void'"):
        found = learned(X, y, shrinkage=1.0, **options)
    assert_close(weights(found), [0.25] * 4 + [0])
    assert found.weights_interval_["model_void"] == (0.0, 0.0)


@pytest.mark.parametrize("value", [NAN, 1.0])
def test_columns_all_without_information_are_an_error(value):
    X, y = tournament()
    with pytest.raises(ValueError, match=r"column|predictions|complete rows"):
        learned(X.assign(**dict.fromkeys(MODELS, value)), y)


def lose(X, share, columns=("model_b",), seed=0):
    """Blank some predictions."""
    gone = np.random.default_rng(seed).random(len(X)) < share
    return gaussianized(X.assign(**{name: X[name].mask(gone) for name in columns}))


@each_objective
def test_propagate_learns_from_complete_rows(objective):
    X, y = tournament(seed=6)
    X = lose(X, 0.15)
    found = learned(X, y, objective)  # under 20 %: no warning
    complete = X.dropna()
    assert found.n_rows_ == len(complete)
    value = Rows(X, y).value(objective, weights(found))
    assert_close(found.train_score_["optimised"], value)
    assert value >= scipy_best(Rows(X, y), objective, 4) - 1e-8


@pytest.mark.filterwarnings("error")
def test_propagate_warns_where_a_fifth_of_the_rows_is_lost():
    X, y = tournament()
    few, many = X.copy(), X.copy()
    few.loc[:119, "model_b"] = NAN  # 120 of 600 rows
    learned(few, y)
    many.loc[:120, "model_b"] = NAN
    with pytest.warns(UserWarning, match=r"rows.*'model_b'") as caught:
        learned(many, y)
    assert not [name for name in ("model_a", "model_c") if name in str(caught[0])]
    assert len(caught) == 1


def test_the_fifth_is_of_rows_with_a_target():
    X, y = tournament()
    X.loc[:119, "model_b"] = NAN
    learned(X, y.mask(y.index < 120))
    with pytest.warns(UserWarning, match="'model_b'"):
        learned(X, y.mask(y.index >= 300))


def test_a_column_of_one_value_does_not_cost_the_other_rows():
    X, y = tournament()
    X.loc[1:, "model_b"] = NAN
    with pytest.warns(UserWarning, match="'model_b'"):
        found = learned(X, y)
    assert found.weights_["model_b"] == 0.0
    assert found.n_eras_ == 9


@pytest.mark.filterwarnings("ignore:.*rows with a target:UserWarning")
@pytest.mark.parametrize("nan_policy", ["propagate", "omit"])
def test_gaps_of_whole_eras(nan_policy):
    X, y = tournament(n_eras=8)
    X["model_b"] = X["model_b"].mask(X["era"] <= "0003")
    found = learned(X, y, nan_policy=nan_policy)
    if nan_policy == "propagate":
        labels = sorted(set(X["era"]))[3:]
        expected = learned(*pick_eras(X, y, labels))
        assert found.weights_ == expected.weights_
        assert found.n_eras_ == 5
        return
    assert found.n_eras_ == 8
    scores = [
        slow.corr(found.predict(rows)[:, None], y[rows.index].to_numpy(), np.ones(1))
        for _, rows in X.groupby("era")
    ]
    assert_close(found.train_score_["optimised"], np.mean(scores))


@each_objective
def test_omit_counts_a_missing_value_as_zero(objective):
    X, y = tournament()
    gaps, filled = lose(X, 0.3), lose(X, 0.3).fillna({"model_b": 0.0})
    found = learned(gaps, y, objective, nan_policy="omit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        expected = learned(filled, y, objective)
    assert_close(weights(found), weights(expected), 1e-12)
    assert found.n_rows_ == len(X)


def test_omit_leaves_out_rows_without_any_prediction():
    X, y = tournament()
    X = lose(X, 0.3, MODELS)  # in the same rows
    found = learned(X, y, nan_policy="omit")
    expected = X.dropna(subset=MODELS)
    assert found.n_rows_ == len(expected)
    assert_close(weights(found), weights(learned(expected, y[expected.index])), 1e-6)


def lacking(X, eras_of):
    """Take whole eras from models: {model: numbers of the eras it lacks}."""
    numbers = X["era"].astype(int)
    gaps = {name: X[name].mask(numbers.isin(eras)) for name, eras in eras_of.items()}
    return X.assign(**gaps)


def late(seed=0, n_eras=10, k=3):
    """Models that begin one after the other, or lack eras here and there."""
    rng = np.random.default_rng(seed)
    X, y = tournament(n_eras, 30, k, seed, skill=0.1)
    gone = rng.random((n_eras, k)) < 0.3
    if seed % 2:
        gone = np.arange(1, n_eras + 1)[:, None] <= rng.integers(0, n_eras - 2, k)
    gone[gone.all(axis=1)] = False
    return lacking(X, {MODELS[i]: np.flatnonzero(gone[:, i]) + 1 for i in range(k)}), y


# Of very few eras, which is what these tests are about.
few_eras = pytest.mark.filterwarnings("ignore:the weights rest on:UserWarning")


@few_eras
@pytest.mark.parametrize("weight", [0.0, 1e-9, 0.5])
@pytest.mark.parametrize("options", [{}, {"halflife": 3.0}], ids=str)
@each_objective
def test_the_score_is_of_the_eras_in_which_the_blend_has_a_value(
    objective, options, weight
):
    X, y = tournament(k=2)
    X = lacking(X, {"model_a": [9], "model_b": [1, 2, 3]})
    given = {"shrinkage": 1, "prior": {"model_a": weight, "model_b": 1 - weight}}
    found = learned(X, y, objective, nan_policy="omit", **options, **given)
    expected = RowsWithGaps(X, y, **options).score(objective, weights(found))
    assert_close(found.train_score_["optimised"], expected)


@few_eras
@pytest.mark.parametrize("weight", [0.0, 1e-9, 0.5])
@each_objective
def test_the_exact_score_is_of_the_eras_in_which_the_blend_has_a_value(
    objective, weight
):
    X, y = tournament(k=2)
    X = lacking(X, {"model_a": [9], "model_b": [1, 2, 3]})
    given = {"shrinkage": 1, "prior": {"model_a": weight, "model_b": 1 - weight}}
    found = learned(X, y, objective, nan_policy="omit", **given)
    corrs, contributions = [], []
    frame = X.assign(target=y, blend=found.predict(X)).dropna(subset="blend")
    assert frame["era"].nunique() == (10 if weight else 7)
    for _, rows in frame.drop(columns=MODELS[:2]).groupby("era"):
        one = rows.reset_index(drop=True)
        blend = one[["blend"]]
        corrs.append(scoring.numerai_corr(blend, one["target"])["blend"])
        contributions.append(
            scoring.correlation_contribution(blend, one[META_MODEL], one["target"])[
                "blend"
            ]
        )
    expected = mean_score(objective, corrs, contributions)
    assert_close(found.train_score_["exact"], expected, 1e-12)
    assert_close(found.score(X, y), np.mean(corrs), 1e-12)


@few_eras
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("seed", range(6))
@each_objective
def test_no_point_of_a_grid_beats_the_weights_of_models_with_gaps(objective, seed, k):
    X, y = late(seed, k=k)
    rows = RowsWithGaps(X, y)
    found = learned(X, y, objective, nan_policy="omit")
    value = rows.value(objective, weights(found))
    score = rows.score(objective, weights(found))
    assert_close(found.train_score_["optimised"], score)
    steps = {2: 20, 3: 10}[k]
    counts = np.array(list(np.ndindex(*[steps + 1] * k)))
    grid = counts[counts.sum(axis=1) == steps] / steps
    assert value >= max(rows.value(objective, w) for w in grid) - 1e-9


@pytest.mark.parametrize("objective", ["corr", "sharpe", "contribution"])
def test_a_model_that_starts_in_better_times_does_not_win_by_these(objective):
    X, y = tournament(40, 60, 3, seed=1, skill=0.1)
    # In the later eras all models are better, the first of them no more than others.
    good = X["era"].astype(int) > 25
    for name in MODELS[:3]:
        X[name] += 0.3 * good * (y - y.mean())
    X = lacking(EraRankGauss(MODELS[:3]).fit_transform(X), {"model_a": range(1, 26)})
    found = learned(X, y, objective, nan_policy="omit")
    recent = learned(X[good], y[good], objective)
    assert weights(recent)[0] < 0.5
    assert weights(found)[0] < 0.6


@few_eras
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", range(2))
@each_objective
def test_greedy_is_the_loop_of_caruana_with_gaps_too(objective, seed, signed):
    X, y = late(seed)
    rows = RowsWithGaps(X, y)
    options = {"search": "greedy", "max_iter": 8, "nonnegative": not signed}
    found = learned(X, y, objective, nan_policy="omit", **options)
    expected = slow.caruana(lambda w: rows.value(objective, w), 3, 8, signed)
    assert_close(weights(found), expected, 1e-12)


@few_eras
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("objective", ["corr", "contribution"])
def test_signed_weights_of_models_with_gaps(objective, seed):
    X, y = late(seed)
    rows = RowsWithGaps(X, y)
    found = learned(X, y, objective, nan_policy="omit", nonnegative=False)
    value = rows.value(objective, weights(found))
    score = rows.score(objective, weights(found))
    assert_close(found.train_score_["optimised"], score)
    assert_close(np.abs(weights(found)).sum(), 1)
    ends = np.vstack([np.eye(3), np.full(3, 1 / 3)])
    signs = np.array(list(np.ndindex(2, 2, 2))) * 2 - 1
    tried = (ends[:, None] * signs).reshape(-1, 3)
    assert value >= max(rows.value(objective, w) for w in tried) - 1e-9


@few_eras
@each_objective
def test_the_largest_weight_holds_with_gaps(objective):
    for seed in range(4):
        X, y = late(seed)
        found = learned(X, y, objective, nan_policy="omit", max_weight=0.45)
        assert_close(weights(found).sum(), 1)
        assert weights(found).max() <= 0.45 + 1e-12


@few_eras
@each_objective
def test_samples_and_folds_of_eras_with_gaps_are_judged_alike(objective):
    X, y = late(1, n_eras=12)
    rows, found = RowsWithGaps(X, y), learned(X, y, objective, nan_policy="omit")
    problem = found._learning().problem
    rng = np.random.default_rng(0)
    blends = rng.dirichlet(np.ones(3), 8) * (rng.random((8, 3)) < 0.6) + 0.0
    blends = np.vstack([blends[blends.any(axis=1)], np.eye(3)])
    part = problem.of_eras(np.arange(4, 12))
    got = part.function(part.era_weights()).values(blends.T)
    later = X["era"].astype(int) > 4
    rows = RowsWithGaps(X[later], y[later])
    assert_close(got, [rows.value(objective, w) for w in blends])
    counts = np.array([0] * 4 + [1, 0, 2, 1, 0, 3, 1, 4])
    again = [
        X[X["era"].astype(int) == e + 1].assign(era=f"{100 * e + i:04d}")
        for e, count in enumerate(counts)
        for i in range(count)
    ]
    drawn = pd.concat(again)
    rows = RowsWithGaps(drawn.reset_index(drop=True), y[drawn.index])
    got = problem.function(problem.era_weights(counts)).values(blends.T)
    assert_close(got, [rows.value(objective, w) for w in blends])


@few_eras
def test_intervals_and_shrinkage_of_models_with_gaps():
    X, y = late(1, n_eras=30)
    options = {"horizon": 2}
    found = learned(X, y, shrinkage="auto", nan_policy="omit", **options)
    assert found.shrinkage_ in kernel.SHRINKAGES
    assert all(0 <= a <= b <= 1 for a, b in found.weights_interval_.values())


@few_eras
def test_a_blend_without_a_value_in_any_era_has_no_score():
    X, y = tournament(k=2)
    X.loc[X["model_b"].index[X["era"] > "0003"], META_MODEL] = NAN
    X = lacking(X, {"model_b": [1, 2, 3]})
    options = {"shrinkage": 1.0, "prior": {"model_b": 1.0}, "nan_policy": "omit"}
    found = learned(X, y, "contribution", **options)
    assert weights(found).tolist() == [0, 1]
    assert np.isnan(found.train_score_["optimised"])
    assert np.isnan(found.train_score_["exact"])
    alone = learned(X, y, "contribution", nan_policy="omit")
    assert weights(alone).tolist() == [1, 0]


def test_weights_that_rest_on_few_eras_draw_a_warning():
    X, y = tournament(k=2)
    X = lacking(X, {"model_b": [1, 2]})
    options = {"shrinkage": 1.0, "prior": {"model_b": 1.0}, "nan_policy": "omit"}
    learned(X, y, **options)
    X = lacking(X, {"model_b": [1, 2, 3]})
    with pytest.warns(UserWarning, match="the weights rest on 7 of 10 scored eras"):
        learned(X, y, **options)
    found = StackingWeights(**options | {"shrinkage": 0.5})
    assert weights(found.fit(X, y)).all()


@few_eras
def test_two_rows_of_a_model_are_no_era_of_it():
    X, y = tournament(k=2)
    in_first = X.index[X["era"] == "0001"]
    X.loc[in_first[2:], "model_b"] = NAN
    given = {"shrinkage": 1.0, "prior": {"model_b": 1.0}, "nan_policy": "omit"}
    found = learned(X, y, **given)
    rest = pick_eras(X, y, sorted(set(X["era"]))[1:])
    assert_close(found.train_score_["optimised"], Rows(*rest).value("corr", [0, 1]))
    assert_close(found.train_score_["exact"], found.score(X, y), 1e-15)
    X.loc[in_first, "model_a"] = NAN
    assert learned(X, y, nan_policy="omit").n_eras_ == 9


def test_raise_names_the_column():
    X, y = tournament()
    X.loc[5, "model_c"] = NAN
    with pytest.raises(ValueError, match="'model_c' has 1 missing"):
        learned(X, y, nan_policy="raise")


def test_infinite_predictions_are_an_error():
    X, y = tournament()
    X.loc[5, "model_c"] = np.inf
    with pytest.raises(ValueError, match="'model_c' has 1 infinite"):
        learned(X, y)


def test_rows_and_eras_without_target_are_left_out():
    X, y = tournament(seed=8)
    gone = (np.random.default_rng(0).random(len(X)) < 0.1) | (X["era"] > "0007")
    found = learned(X, y.mask(gone))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        expected = learned(X[~gone], y[~gone])
    assert_close(weights(found), weights(expected), 1e-9)
    assert (found.n_eras_, found.n_rows_) == (7, (~gone).sum())
    for name in ("optimised", "exact"):
        assert_close(found.train_score_[name], expected.train_score_[name])
    assert len(found.era_statistics_["era"]) == 10


@pytest.mark.parametrize("kind", ["two rows", "constant target"])
def test_eras_that_cannot_be_scored_are_left_out(kind):
    X, y = tournament(n_eras=5)
    first = X["era"] == "0001"
    if kind == "two rows":
        y = y.mask(first & (X.groupby("era").cumcount() > 1))
    else:
        y = y.mask(first, 0.5)
    found, expected = learned(X, y), learned(X[~first], y[~first])
    assert_close(weights(found), weights(expected), 1e-9)
    assert found.n_eras_ == 4


def test_no_target_at_all_is_an_error():
    X, y = tournament()
    with pytest.raises(ValueError, match="target"):
        learned(X, y * NAN)


def test_one_era_is_enough_but_not_for_sharpe():
    X, y = tournament(n_eras=1, n_rows=200)
    for objective in ("corr", "mse", "contribution", "payout"):
        assert learned(X, y, objective).n_eras_ == 1
    with pytest.raises(ValueError, match=r"'sharpe'.*2 .*eras"):
        learned(X, y, "sharpe")


@unripe
def test_eras_that_are_all_alike_have_no_sharpe_to_speak_of():
    X, y = tournament(n_eras=1)
    X = pd.concat([X.assign(era=i) for i in range(3)], ignore_index=True)
    found = learned(X, np.tile(y, 3), "sharpe")  # no warning of a division by 0
    assert_close(weights(found).sum(), 1.0)


def test_a_constant_reference_is_none():
    X, y = tournament()
    flat = X["era"] == "0003"
    constant = X.assign(**{META_MODEL: X[META_MODEL].mask(flat, 0.5)})
    found = learned(constant, y, "contribution")
    missing = X.assign(**{META_MODEL: X[META_MODEL].mask(flat)})
    assert found.train_score_ == learned(missing, y, "contribution").train_score_


@pytest.mark.parametrize("objective", ["contribution", "payout"])
@pytest.mark.parametrize("name", [META_MODEL, "example_preds"])
def test_a_missing_reference_is_named(objective, name):
    X, y = tournament()
    with pytest.raises(ValueError, match=f"{name}"):
        learned(X.drop(columns=META_MODEL), y, objective, meta_model=name)


@pytest.mark.parametrize("objective", ["contribution", "payout"])
def test_a_reference_without_values_is_an_error(objective):
    X, y = tournament()
    with pytest.raises(ValueError, match=rf"'{objective}'.*reference|{META_MODEL}"):
        learned(X.assign(**{META_MODEL: NAN}), y, objective)


@each_objective
def test_where_nothing_helps_the_best_of_it_is_made(objective):
    X, y = tournament(skill=-2.0, noise=0.01)
    if objective == "mse":
        prior = {"model_b": 0.25, "model_c": 0.75}
        with pytest.warns(UserWarning, match="prior"):
            found = learned(X, y, objective, prior=prior)
        assert_close(weights(found), [0, 0.25, 0.75, 0])
    else:
        found = learned(X, y, objective)
        assert found.train_score_["optimised"] < 0


# Targets


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series, pa.array])
def test_targets_of_any_kind_give_the_same_weights(kind):
    X, y = tournament()
    found = learned(X, kind(y.tolist()))
    assert found.weights_ == learned(X, y).weights_


def test_targets_may_be_one_column_of_a_frame_or_nullable():
    X, y = tournament()
    gaps = y.mask(y.index < 100)
    for same in [gaps.to_frame(), gaps.astype("Float64"), gaps.to_numpy()[:, None]]:
        assert learned(X, same).weights_ == learned(X, gaps).weights_


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_targets_that_are_words_are_an_error_that_says_so(kind):
    X, _ = tournament()
    with pytest.raises(ValueError, match=r"\by\b|target"):
        learned(X, kind(["low"] * len(X)))


def test_infinite_targets_are_an_error():
    X, y = tournament()
    with pytest.raises(ValueError, match=r"(\by\b|target).*infinit"):
        learned(X, y.mask(y.index == 3, np.inf))


@pytest.mark.parametrize("bad", [None, "a cube", "short", "long"])
def test_targets_of_the_wrong_shape_are_an_error(bad):
    X, y = tournament()
    wrong = {
        "a cube": np.zeros((len(y), 2, 2)),
        "short": y[:-1].to_numpy(),
        "long": [*y, 0.0],
    }
    with pytest.raises(ValueError, match=r"\by\b"):
        StackingWeights().fit(X, wrong.get(bad))


def test_a_target_of_another_index_is_refused():
    X, y = tournament()
    y = y.iloc[::-1]
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match="index"):
            getattr(StackingWeights(), method)(X, y)
    assert learned(X, y.to_numpy()).n_eras_ == 10


def test_fit_needs_a_target():
    X, _ = tournament()
    for call in (StackingWeights().fit, StackingWeights().fit_transform):
        with pytest.raises((TypeError, ValueError), match=r"\by\b"):
            call(X)
    assert get_tags(StackingWeights()).target_tags.required
    assert get_tags(StackingWeights()).requires_fit


# Eras


LABELS = {
    "strings": [f"{i:04d}" for i in range(1, 13)],
    "integers": [*range(1, 13)],
    "prefixed": [f"era{i}" for i in range(1, 13)],
    "with live": [*(f"{i}" for i in range(1, 12)), "X"],
    "with eraX": [*(f"era{i}" for i in range(1, 12)), "eraX"],
    "from 0575": [f"{i:04d}" for i in range(575, 587)],
    "past 0999": [f"{i}" for i in range(993, 1005)],
}


def shuffled_eras(X, y, seed=0):
    """Eras in random order, their rows in their own."""
    parts = dict(list(X.groupby("era", sort=False)))
    order = np.random.default_rng(seed).permutation(len(parts))
    X = pd.concat([[*parts.values()][i] for i in order])
    return X, y.loc[X.index]


@pytest.mark.parametrize("labels", list(LABELS.values()), ids=list(LABELS))
def test_eras_are_ordered_by_their_number_however_they_are_written(labels):
    options = {"halflife": 2.0, "horizon": 3}
    expected = learned(*tournament(n_eras=12), **options)
    X, y = tournament(n_eras=12, labels=labels)
    found = learned(*shuffled_eras(X, y), **options)
    assert list(found.era_statistics_["era"]) == labels
    assert found.weights_ == expected.weights_
    assert found.weights_interval_ == expected.weights_interval_


def test_every_fourth_era_keeps_its_order():
    labels = [f"{i:04d}" for i in range(575, 623, 4)]
    X, y = tournament(n_eras=12, labels=labels)
    expected = learned(*tournament(n_eras=12), horizon=3)
    found = learned(*shuffled_eras(X, y), horizon=12)
    assert list(found.era_statistics_["era"]) == labels
    for name, ends in expected.weights_interval_.items():
        assert found.weights_interval_[name] == pytest.approx(ends, abs=1e-12)


def test_categorical_eras_give_the_same():
    X, y = tournament()
    found = learned(X.assign(era=X["era"].astype("category")), y)
    assert_same(found, learned(X, y))


def test_a_missing_era_label_is_an_error():
    X, y = tournament()
    with pytest.raises(ValueError, match="era column 'era' has 1 missing"):
        learned(X.assign(era=X["era"].mask(X.index == 7)), y)


@pytest.mark.filterwarnings("ignore:X has no era column")
def test_no_era_column_is_one_era_or_an_error():
    X, y = tournament(n_eras=1, n_rows=2000)
    assert learned(X.drop(columns="era"), y).weights_ == learned(X, y).weights_
    short = X.drop(columns="era")[:500], y[:500]
    with pytest.raises(ValueError, match="era column 'era'"):
        learned(*short)
    assert learned(*short, era=None).n_eras_ == 1


# Standardised columns


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", ["plain", "ties", "bins", "small", "rare", "gaps"])
def test_gaussianized_columns_draw_no_warning(case, dtype):
    rng = np.random.default_rng(0)
    n_rows = 6 if case == "small" else 200
    X, y = tournament(n_rows=n_rows)
    if case == "ties":
        X[MODELS] = (X[MODELS] > 1).astype(float)
    elif case == "bins":
        X[MODELS] = X[MODELS].round()
    elif case == "rare":
        X[MODELS] = (X[MODELS] == X.groupby("era")[MODELS].transform("max")).astype(
            float
        )
    elif case == "gaps":
        X = lose(X, 0.1, MODELS[:1])
    y = y.mask(rng.random(len(y)) < 0.3)
    gauss = EraRankGauss().fit_transform(X.astype(dict.fromkeys(MODELS, dtype)))
    learned(gauss, y)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: 0.5 + 0.02 * x,
        lambda x: 3 * x,
        lambda x: 0.5 * x,
        lambda x: x + 2,
    ],
    ids=["raw", "wide", "narrow", "shifted"],
)
def test_columns_not_standardised_draw_a_warning_that_names_them(spoil):
    X, y = tournament()
    X["model_b"] = spoil(X["model_b"])
    with pytest.warns(DataConversionWarning, match="'model_b'") as caught:
        learned(X, y)
    assert "'model_a'" not in str(caught[0].message)


def test_one_era_not_standardised_is_enough_for_a_warning():
    X, y = tournament()
    X["model_b"] = X["model_b"].mask(X["era"] == "0004", X["model_b"] * 0.1)
    with pytest.warns(DataConversionWarning, match="'model_b'"):
        learned(X, y)


def test_numerais_raw_predictions_draw_a_warning():
    data = make_benchmark_models(20, 50, 3, random_state=0)
    X = data.frame[["era", *data.models]]
    with pytest.warns(DataConversionWarning, match="EraRankGauss"):
        learned(X, data.frame["target"])
    learned(EraRankGauss().fit_transform(X), data.frame["target"])
    learned(EraRankGauss(scale=False).fit_transform(X), data.frame["target"])


# Search


@pytest.mark.parametrize("objective", ["corr", "sharpe", "contribution", "payout"])
def test_too_few_iterations_warn_and_keep_the_best_point(objective):
    X, y = tournament(k=6, n_eras=20, seed=1)
    options = {"max_weight": 0.3, "max_iter": 1}
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        found = learned(X, y, objective, **options)
    value, rows = found.train_score_["optimised"], Rows(X, y)
    assert value >= rows.value(objective, np.full(6, 1 / 6)) - 1e-12
    assert_close(value, rows.value(objective, weights(found)))
    assert weights(found).max() <= 0.3 + 1e-12


# Parameters


@pytest.mark.parametrize(
    "bad",
    [
        {"objective": "profit"},
        {"search": "random"},
        {"nonnegative": 1},
        {"max_weight": 0},
        {"max_weight": 1.5},
        {"max_weight": NAN},
        {"max_weight": 0.2},  # below 1/4
        {"shrinkage": -0.1},
        {"shrinkage": 1.1},
        {"shrinkage": "some"},
        {"shrinkage": None},
        {"max_iter": 0},
        {"max_iter": 2.5},
        {"max_iter": 10**18},
        {"halflife": 0},
        {"halflife": -1.0},
        {"halflife": NAN},
        {"horizon": 0},
        {"horizon": 1.5},
        {"confidence": 1.0},
        {"confidence": 95},
        {"random_state": -1},
        {"random_state": "luck"},
        {"nan_policy": "drop"},
        {"output": ""},
        {"prior": {"model_z": 1.0}},
        {"prior": {"model_a": 1e308, "model_b": 1e308}},
        {"prior": {"model_a": -1.0, "model_b": 2.0}},
        {"prior": {"model_a": NAN}},
        {"prior": {"model_a": 0.0}},
        {"prior": [0.25] * 4},
    ],
    ids=str,
)
def test_bad_parameters_are_named(bad):
    made = StackingWeights(**bad)
    with pytest.raises(ValueError, match=rf"`{next(iter(bad))}`"):
        made.fit(*tournament())


@pytest.mark.parametrize(
    "payout",
    [None, {}, {"tc": 1.0}, {"corr": "3"}, {"corr": NAN}, {"corr": 1e308}, 3.0],
)
def test_bad_payouts_are_shown(payout):
    with pytest.raises(ValueError, match="`payout`"):
        StackingWeights("payout", payout=payout).fit(*tournament())


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_largest_weight_that_no_further_era_makes_feasible_is_an_error(method):
    with pytest.raises(ValueError, match="`max_weight`"):
        getattr(StackingWeights(max_weight=0.2), method)(*tournament())


def test_the_largest_weight_is_shared_by_columns_that_vary():
    X, y = tournament()
    with (
        pytest.warns(UserWarning, match="'model_a'"),
        pytest.raises(ValueError, match=r"`max_weight`.*1/3"),
    ):
        learned(X.assign(model_a=NAN), y, max_weight=0.3)


def test_an_output_that_clashes_is_an_error():
    X, y = tournament()
    with pytest.raises(ValueError, match="'target'"):
        learned(X.assign(target=y), y, output="target")


# Columns and containers


def test_only_predictions_are_blended_and_never_the_meta_model():
    X, y = tournament()
    more = X.assign(
        feature_x=1.0, target_y=y, id="n", data_type="validation", count=3, target=y
    )
    for objective in ("corr", "payout"):
        found = learned(more, y, objective)
        assert found.columns_ == MODELS
        assert found.weights_ == learned(X, y, objective).weights_


def test_a_reference_of_another_name_is_not_blended():
    X, y = tournament()
    mine = X.rename(columns={META_MODEL: "mine"})
    found = learned(mine, y, "payout", meta_model="mine")
    assert found.weights_ == learned(X, y, "payout").weights_
    assert "mine" in found.transform(mine).columns


@pytest.mark.parametrize("position", [5, -1])
def test_the_reference_of_an_array_is_a_position(position):
    X, y = tournament(labels=range(1, 11))
    array = X.to_numpy(dtype=float)
    found = learned(array, y, "payout", era=0, meta_model=position)
    assert list(found.weights_) == [1, 2, 3, 4]
    assert_close(weights(found), weights(learned(X, y, "payout")), 1e-15)


def test_columns_may_be_chosen():
    X, y = tournament()
    expected = learned(X[["era", "model_b", "model_d"]], y).weights_
    chosen = [["model_b", "model_d"], [2, 4], make_column_selector("model_[bd]")]
    for columns in chosen:
        found = learned(X, y, columns=columns)
        assert found.weights_ == expected
        assert list(found.transform(X)) == ["era", "model_a", "prediction", *kept(X)]


def kept(X):
    return ["model_c", META_MODEL]


CONTAINERS = {
    "polars": pl.from_pandas,
    "arrow": lambda X: pa.Table.from_pandas(X, preserve_index=False),
}


@pytest.mark.parametrize("make", list(CONTAINERS.values()), ids=list(CONTAINERS))
@each_objective
def test_every_container_gives_the_same_weights(objective, make):
    X, y = tournament()
    X = with_gaps_in_the_reference(X)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X.iloc[order].reset_index(drop=True), y.iloc[order].reset_index(drop=True)
    expected, found = learned(X, y, objective), learned(make(X), y, objective)
    assert found.weights_ == expected.weights_
    assert found.train_score_ == expected.train_score_
    out = found.transform(make(X))
    assert type(out) is type(make(X))
    np.testing.assert_array_equal(found.predict(make(X)), expected.predict(X))


def test_an_array_gives_the_same_weights():
    X, y = tournament(labels=range(1, 11))
    array = X.drop(columns=META_MODEL).to_numpy(dtype=float)
    expected = learned(X, y)
    for given, era in [(array, 0), (np.roll(array, -1, axis=1), -1)]:
        found = learned(given, y.to_numpy(), era=era)
        assert weights(found).tolist() == weights(expected).tolist()
    found = learned(np.asfortranarray(array), y, era=0)
    assert weights(found).tolist() == weights(expected).tolist()


def test_single_precision_is_learned_from_in_double():
    X, y = tournament()
    single = X.astype(dict.fromkeys(MODELS, np.float32))
    double = single.astype(dict.fromkeys(MODELS, np.float64))
    found = learned(single, y)
    assert found.weights_ == learned(double, y).weights_
    assert found.predict(single).dtype == np.float32
    assert found.predict(double).dtype == np.float64


@pytest.mark.parametrize("nan_policy", ["propagate", "omit"])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_transform_and_predict_are_those_of_an_ensemble(nan_policy, nonnegative):
    X, y = tournament(skill=0.05)
    X = lose(X, 0.1).assign(feature_x=np.arange(len(X)), model_count=1)
    options = {"output": "blend", "nan_policy": nan_policy}
    found = learned(X, y, nonnegative=nonnegative, **options)
    fixed = WeightedEnsemble(found.weights_, **options).fit(X)
    pd.testing.assert_frame_equal(found.transform(X), fixed.transform(X))
    np.testing.assert_array_equal(found.predict(X), fixed.predict(X))
    assert found.score(X, y) == fixed.score(X, y)
    assert list(found.get_feature_names_out()) == list(fixed.get_feature_names_out())


def test_live_data_has_no_target_no_reference_and_another_order():
    X, y = tournament()
    found = learned(X, y, "payout")
    live, _ = tournament(n_eras=1, n_rows=2000, seed=3)
    expected = live[MODELS] @ weights(found)
    live = live[[*MODELS[::-1]]].assign(model_new=1.0)
    assert_close(found.predict(live), expected, 1e-12)


def test_live_data_may_lack_a_column_without_weight():
    X, y = tournament()
    found = learned(X, y + X["model_a"] - X["model_d"])
    assert found.weights_["model_d"] == 0 < found.weights_["model_a"]
    lacking = X.drop(columns="model_d")
    np.testing.assert_array_equal(found.predict(lacking), found.predict(X))
    with pytest.raises(ValueError, match="'model_a'"):
        found.predict(X.drop(columns="model_a"))


def test_x_and_y_are_not_changed():
    X, y = tournament()
    X = lose(X, 0.1)
    before = X.copy(), y.copy()
    found = learned(X, y, "payout")
    found.transform(X)
    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_series_equal(y, before[1])


def test_it_stands_in_a_pipeline():
    data = make_benchmark_models(30, 100, 3, 8, mean_corr=0.2, random_state=0)
    pipeline = make_pipeline(EraRankGauss(), StackingWeights(), EraRank())
    pipeline.fit(data.frame, data.frame["target"])
    predicted = pipeline.set_params(erarank__single_era_rows=(5, 500)).predict(
        data.live
    )
    assert predicted.shape == (len(data.live),)
    assert pipeline.score(data.frame, data.frame["target"]) > 0.1


def test_grid_search_chooses_an_objective():
    data = make_benchmark_models(
        40, 60, 3, 4, mean_corr=0.2, meta_model_eras=40, random_state=0
    )
    X, y = data.frame, data.frame["target"]
    pipeline = make_pipeline(EraRankGauss(), StackingWeights(payout=MULTIPLIERS))
    grid = {"stackingweights__objective": OBJECTIVES}
    eras = X["era"].astype(int).to_numpy()
    cv = [(np.flatnonzero(eras <= n), np.flatnonzero(eras > n)) for n in (10, 20)]
    search = GridSearchCV(pipeline, grid, cv=cv, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.1
    chosen = search.best_estimator_[-1]
    assert chosen.objective == search.best_params_["stackingweights__objective"]
    assert list(chosen.weights_) == data.models


# scikit-learn


ALL_PARAMETERS = {
    "objective": "payout",
    "columns": MODELS[:3],
    "output": "blend",
    "payout": MULTIPLIERS,
    "nonnegative": False,
    "max_weight": 0.9,
    "prior": {"model_a": 1, "model_b": 1},
    "shrinkage": 0.1,
    "search": "greedy",
    "max_iter": 20,
    "halflife": 9,
    "horizon": 2,
    "confidence": 0.9,
    "random_state": 3,
    "nan_policy": "omit",
    "meta_model": META_MODEL,
    "era": "era",
    "single_era_rows": (5, 50),
}


def test_parameters_are_stored_untouched_by_init_and_fit():
    made = StackingWeights(**ALL_PARAMETERS)
    assert vars(made).keys() == ALL_PARAMETERS.keys()
    made.fit(*tournament())
    assert made.get_params().keys() == ALL_PARAMETERS.keys()
    for name, value in ALL_PARAMETERS.items():
        assert made.get_params()[name] is value


def test_defaults_are_as_documented():
    assert StackingWeights().get_params() == {
        "objective": "corr",
        "columns": None,
        "output": "prediction",
        "payout": None,
        "nonnegative": True,
        "max_weight": 1.0,
        "prior": None,
        "shrinkage": 0.0,
        "search": "slsqp",
        "max_iter": 100,
        "halflife": None,
        "horizon": None,
        "confidence": 0.95,
        "random_state": 0,
        "nan_policy": "propagate",
        "meta_model": "numerai_meta_model",
        "era": "era",
        "single_era_rows": (1800, 10000),
    }


def test_only_the_objective_may_come_without_its_name():
    assert StackingWeights("mse").objective == "mse"
    with pytest.raises(TypeError, match="positional"):
        StackingWeights("mse", None)


def test_clone_is_not_fitted_and_gives_the_same():
    X, y = tournament(n_eras=6)
    found = StackingWeights(**ALL_PARAMETERS).fit(X, y)
    copy = clone(found)
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert_same(copy.fit(X, y), found)
    assert copy.weights_interval_ == found.weights_interval_


@pytest.mark.parametrize("travel", ["pickle", "joblib"])
def test_a_fitted_one_survives_the_trip_and_learns_on(travel, tmp_path):
    X, y = tournament()
    first, second = batches(X, y, 2)
    found = learned(*first)
    if travel == "pickle":
        back = pickle.loads(pickle.dumps(found))
    else:
        joblib.dump(found, tmp_path / "stacking.joblib")
        back = joblib.load(tmp_path / "stacking.joblib")
    assert_same(back, found)
    np.testing.assert_array_equal(back.predict(X), found.predict(X))
    assert_same(back.partial_fit(*second), learned(X, y))


def test_fitted_state_is_of_plain_types():
    found = StackingWeights(**ALL_PARAMETERS).fit(*tournament())
    state = {name: vars(found)[name] for name in vars(found) if name.endswith("_")}
    assert {"weights_", "era_statistics_"} <= state.keys()
    assert {"n_eras_", "n_rows_", "train_score_"} <= state.keys()
    for name, value in state.items():
        assert is_plain(value), name


def test_repr_shows_the_columns_in_play():
    assert repr(StackingWeights("mse")) == "StackingWeights(objective='mse')"
    shown = repr(learned(*tournament()))
    assert all(f"'{name}'" in shown for name in MODELS)
    assert META_MODEL not in shown


def test_statistics_hold_an_entry_an_era_and_no_rows():
    found = learned(*tournament(n_eras=7, n_rows=100))
    assert all(len(values) == 7 for values in found.era_statistics_.values())
    assert max(values.size for values in found.era_statistics_.values()) == 7 * 4 * 4


def test_what_is_left_out_is_counted():
    X, y = tournament(n_eras=6)
    y = y.mask(X["era"].isin(["0005", "0006"])).mask(X.index % 7 == 0)
    found = learned(X, y)
    assert (found.n_eras_, found.n_eras_left_out_) == (4, 2)
    assert found.n_rows_ == y.notna().sum()
    assert found.n_rows_ + found.n_rows_left_out_ == len(X)


def test_merge_of_another_nan_policy_is_refused():
    X, y = tournament()
    one, other = batches(X, y, 2)
    with pytest.raises(ValueError, match="'propagate' and 'omit'"):
        learned(*one).merge(learned(*other, nan_policy="omit"))


MIXED = {
    "columns": ({"columns": MODELS[:2]}, "'model_d' and 'model_a', 'model_b'"),
    "nan_policy": ({"nan_policy": "omit"}, "'propagate' and 'omit'"),
    "meta_model": ({"meta_model": "bench"}, f"'{META_MODEL}' and 'bench'"),
    "era": ({"era": None}, "'era' and None"),
    "single_era_rows": ({"single_era_rows": (5, 9)}, "1800, 10000 and 5, 9"),
}


@pytest.mark.parametrize("name", MIXED)
def test_merge_does_not_mix_what_refit_cannot_change(name):
    X, y = tournament()
    (one, one_y), (other, other_y) = batches(X.assign(bench=X["model_a"]), y, 2)
    others, said = MIXED[name]
    found = learned(one, one_y, columns=MODELS)
    before = pickle.dumps(found)
    with pytest.raises(ValueError, match=f"`{name}`: .*{said}"):
        found.merge(learned(other, other_y, **{"columns": MODELS} | others))
    assert pickle.dumps(found) == before


def test_merge_takes_another_objective_and_columns_that_come_to_the_same():
    X, y = tournament()
    one, other = batches(X, y, 2)
    merged = learned(*one).merge(learned(*other, "mse", columns=MODELS))
    assert_same(merged, learned(X, y))


def test_merge_of_another_reference_of_one_name_is_refused():
    X, y = tournament()
    (one, one_y), (other, other_y) = batches(X.assign(bench=X["model_a"]), y, 2)
    found = learned(one, one_y, columns=MODELS, meta_model="bench")
    found.set_params(meta_model=META_MODEL)
    with pytest.raises(ValueError, match=f"`meta_model`: 'bench' and '{META_MODEL}'"):
        found.merge(learned(other, other_y, columns=MODELS))


def test_a_reference_that_was_missing_still_has_its_name():
    X, y = tournament()
    (one, one_y), (other, other_y) = batches(X, y, 2)
    without = learned(one.drop(columns=META_MODEL), one_y, meta_model="bench")
    with pytest.raises(ValueError, match="`meta_model`: 'bench' and"):
        without.merge(learned(other, other_y))


def test_contribution_counts_the_rows_that_have_the_reference():
    X, y = tournament()
    X[META_MODEL] = X[META_MODEL].mask(X.index % 3 == 0)
    assert learned(X, y, "contribution").n_rows_ == X[META_MODEL].notna().sum()
    assert learned(X, y, "corr").n_rows_ == len(X)


def test_a_merge_brings_the_reference_to_one_that_has_none():
    X, y = tournament()
    (one, one_y), (other, other_y) = batches(X, y, 2)
    merged = learned(one.drop(columns=META_MODEL), one_y).merge(learned(other, other_y))
    assert merged.refit(objective="contribution").n_eras_ == other["era"].nunique()


def test_a_prior_above_the_largest_weight_is_refused():
    X, y = tournament()
    prior = {MODELS[0]: 3.0, MODELS[1]: 1.0}
    with pytest.raises(ValueError, match=r"`prior` exceeds `max_weight` 0\.5"):
        learned(X, y, prior=prior, max_weight=0.5)


# Later eras and samples of eras, by fits of their own


def slow_shrinkage(X, y, prior, horizon, **options):
    """Fit on the eras before each of five folds; the best mean value on the folds."""
    labels = sorted(X["era"].unique())
    numbers = np.array([int(label) for label in labels])
    sixth = numbers[len(labels) // 6]
    later = np.flatnonzero(numbers > sixth + horizon)
    first, n = later[0], len(labels)
    gains = []
    for fold in range(5):
        begin, end = (first + (n - first) * i // 5 for i in (fold, fold + 1))
        before = [x for x in labels if int(x) < numbers[begin] - horizon]
        best = weights(learned(*pick_eras(X, y, before), prior=prior, **options))
        blends = [
            share * np.array(list(prior.values())) + (1 - share) * best
            for share in np.arange(11) / 10
        ]
        rows = Rows(*pick_eras(X, y, labels[begin:end]), options.get("halflife"))
        gains.append([rows.value(options["objective"], blend) for blend in blends])
    return np.argmax(np.mean(gains, axis=0)) / 10


class TestLaterEras:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize(
        ("objective", "halflife"),
        [("corr", None), ("corr", 2.0), ("sharpe", None), ("contribution", None)],
    )
    def test_auto_shrinkage_is_that_of_fits_of_its_own(self, objective, halflife, seed):
        numbers = [i for i in range(1, 38) if i % 7 != seed]
        labels = [f"{i:04d}" for i in numbers]
        X, y = tournament(len(labels), 40, 3, seed, 0.15, 0.15, labels)
        prior = {"model_a": 0.6, "model_b": 0.2, "model_c": 0.2}
        options = {"objective": objective, "halflife": halflife}
        found = learned(X, y, shrinkage="auto", horizon=2, prior=prior, **options)
        assert_close(found.shrinkage_, slow_shrinkage(X, y, prior, 2, **options))

    def test_of_equal_shares_of_the_prior_the_largest_is_taken(self):
        X, y = tournament(n_eras=20, k=1)
        assert learned(X, y, shrinkage="auto", horizon=1).shrinkage_ == 1

    def test_eras_that_are_just_enough_for_five_folds(self):
        # Eras 1 and 2 are always learned from, and era 3 is the block after them.
        X, y = tournament(n_eras=8, k=2)
        found = StackingWeights(shrinkage="auto", horizon=1)
        assert 0 <= found.fit(X, y).shrinkage_ <= 1
        with pytest.raises(ValueError, match="more than 7 scored eras"):
            found.fit(*pick_eras(X, y, sorted(set(X["era"]))[:7]))


@pytest.mark.parametrize("objective", ["corr", "mse"])
def test_the_largest_weight_holds_for_negative_weights_too(objective):
    X, y = with_known_optimum(objective, (0.3, -0.6, 0.1))
    found = learned(X, y, objective, nonnegative=False, max_weight=0.5)
    assert_close(weights(found)[1], -0.5, 1e-9)
    assert_close(np.abs(weights(found)).sum(), 1.0)
