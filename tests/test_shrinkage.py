"""Shrinkage by empirical Bayes: of scores that few eras tell, and weights."""

import time
from dataclasses import replace

import numpy as np
import pytest
import reference
import stacking_reference as slow
from scipy.stats import truncnorm
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from stacking_reference import META_MODEL, Rows, params, tournament

from benchmarks.coverage import moments
from benchmarks.shrinkage import made_up
from skbench import EraRankGauss, StackingWeights
from skbench._learning import on_differences
from skbench.datasets import make_benchmark_models
from skbench.distributed import fit as fit_on_dask
from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict
from skbench.solvers.shrinkage import Scores, mean_scores, posterior, shrinkage
from skbench.solvers.weights import Problem
from skbench.streaming import fit_parquet

MODELS = [f"model_{letter}" for letter in "abcd"]
BAYES = {"shrinkage": "bayes", "horizon": 2}
OBJECTIVES = ["corr", "contribution", "payout"]
each_objective = pytest.mark.parametrize("objective", OBJECTIVES)


def learned(X, y, objective="corr", **options):
    return StackingWeights(**params(objective), **BAYES | options).fit(X, y)


def weights(fitted):
    return np.array(list(fitted.weights_.values()))


def assert_close(got, expected, tolerance=1e-10):
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


def scores(seed=0, k=6, error=0.005, spread=0.004):
    """Scores of models that are alike, as seen with some error."""
    rng = np.random.default_rng(seed)
    loads = np.sqrt(rng.uniform(0.3, 0.8, k))
    alike = np.outer(loads, loads)
    np.fill_diagonal(alike, 1.0)
    sizes = rng.uniform(0.7, 1.4, k)
    alike *= np.outer(sizes, sizes)
    noise = np.linalg.cholesky(alike) @ rng.normal(size=k)
    means = 0.015 + spread * rng.normal(size=k) + error * noise
    return Scores(means, alike, error**2), rng.dirichlet(np.ones(k))


def problem(k=5, n_eras=60, seed=0, horizon=5, **options):
    """Eras of models whose best weights differ."""
    truth = np.arange(1.0, k + 1) / np.arange(1.0, k + 1).sum()
    rng = np.random.default_rng(seed)
    held = moments(truth, 0.5, n_eras, horizon, rng)
    prior = np.full(k, 1.0 / k)
    return Problem(held, np.arange(1.0, n_eras + 1), prior, **options)


def found(one, horizon=5):
    """The shrinkage of a problem, and the weights that follow."""
    shrunk = shrinkage(one, horizon)
    return shrunk, shrunk.with_scores(shrunk.known.mean).solve().weights


# What is known of the scores


@pytest.mark.parametrize("error", [0.0005, 0.005, 0.05])
@pytest.mark.parametrize("k", [2, 6, 22])
@pytest.mark.parametrize("seed", range(3))
def test_the_posterior_is_that_of_the_text(seed, k, error):
    seen, prior = scores(seed, k, error)
    known = posterior(seen, prior)
    mean, deviation, share = reference.shrunk_scores(
        seen.means, seen.alike, seen.variance, prior
    )
    assert_close(known.mean, mean, 1e-10)
    assert_close(known.deviation, deviation, 1e-10)
    assert_close(known.shrinkage, share, 1e-10)
    assert 0 < known.shrinkage < 1


@pytest.mark.parametrize("error", [0.003, 0.006, 0.02])
@pytest.mark.parametrize("seed", range(3))
def test_of_two_models_it_is_what_a_sum_over_all_that_may_be_gives(seed, error):
    seen, _ = scores(seed, 2, error)
    prior = np.array([0.7, 0.3])
    expected = reference.shrunk_scores_of_two(
        seen.means, seen.alike, seen.variance, prior
    )
    assert_close(
        posterior(seen, prior).mean, expected, 1e-6 + 1e-3 * np.ptp(seen.means)
    )


@pytest.mark.parametrize("level", [0.015, 0.0, -0.01])
def test_draws_have_the_mean_and_the_spread_of_what_is_known(level):
    seen, prior = scores()
    seen = replace(seen, means=seen.means - seen.means.mean() + level)
    known = posterior(seen, prior)
    drawn = known.draws(200_000, np.random.default_rng(0))
    assert_close(drawn.mean(axis=0), known.mean, 3e-5)
    base, noise = seen.alike @ prior, seen.variance * seen.alike
    noise /= seen.alike.diagonal().mean()
    best = prior @ seen.means / (prior @ base)
    error = 1 / np.sqrt(base @ np.linalg.inv(noise) @ base)
    strength = truncnorm(-best / error, np.inf, best, error)
    common = np.outer(base, base)
    covariance = strength.var() * common
    for odds, kept in zip(known.odds, known.kept, strict=True):
        inside = kept * (noise - common * error**2)
        apart = (kept - 1 + known.shrinkage) * (seen.means - best * base)
        covariance += odds * (inside + np.outer(apart, apart))
    np.testing.assert_allclose(np.cov(drawn.T), covariance, rtol=0.05, atol=2e-7)
    # Blended as before, the models have no own part.
    np.testing.assert_allclose(
        (drawn @ prior).std() / (prior @ base), strength.std(), rtol=0.02
    )


def test_a_common_blend_that_lost_is_not_thought_to_lose():
    seen, prior = scores()
    known = posterior(replace(seen, means=seen.means - 0.05), prior)
    assert known.strength < 0
    assert 0 < prior @ known.mean < 0.1 * known.error
    assert (known.draws(1000, np.random.default_rng(0)) @ prior > 0).all()


def test_certain_scores_are_taken_as_they_are():
    seen, prior = scores(error=0.005)
    for variance in (1e-14, 0.0):
        known = posterior(replace(seen, variance=variance), prior)
        assert_close(known.mean, seen.means, 1e-9)
        assert known.shrinkage < 1e-6


def test_scores_that_say_nothing_leave_the_common_blend():
    seen, prior = scores()
    known = posterior(replace(seen, variance=1e6), prior)
    blend = seen.alike @ prior
    # As the scale of tau goes to zero, so does tau.
    none = replace(known, taus=1e-9 * known.taus)
    np.testing.assert_allclose(none.mean / blend, none.mean[0] / blend[0])
    assert none.mean[0] > 0
    assert_close(none.shrinkage, 1.0)


def test_the_size_of_the_prior_and_the_unit_of_scores_do_not_matter():
    seen, prior = scores()
    known = posterior(seen, prior)
    assert_close(posterior(seen, 7.0 * prior).mean, known.mean, 1e-13)
    larger = Scores(1e3 * seen.means, 5.0 * seen.alike, 1e6 * seen.variance)
    other = posterior(larger, prior)
    assert_close(other.mean, 1e3 * known.mean, 1e-10)
    assert_close(other.shrinkage, known.shrinkage)
    assert_close(other.deviation, 1e3 * known.deviation, 1e-10)


@pytest.mark.parametrize("what", ["means", "alike"])
def test_scores_of_nothing_are_no_error(what):
    seen, prior = scores()
    nothing = replace(seen, **{what: 0.0 * getattr(seen, what)}, variance=0.0)
    known = posterior(nothing, prior)
    assert np.isfinite(known.mean).all()
    assert np.isfinite(known.draws(10, np.random.default_rng(0))).all()
    assert 0 <= known.shrinkage <= 1


# From moments


@pytest.mark.parametrize("halflife", [None, 5.0])
@each_objective
def test_scores_and_how_alike_models_are_come_from_the_rows(objective, halflife):
    X, y = tournament(n_eras=30, n_rows=80)
    fitted = learned(X, y, objective, halflife=halflife)
    one = fitted._learning().problem
    seen = mean_scores(one, 2)
    rows = Rows(X, y, halflife)
    alone, alike, numbers = rows.alone(objective)
    eras = rows.weighed([*range(len(alone))])
    assert_close(seen.means, eras @ alone)
    assert_close(
        seen.alike / seen.alike.diagonal().mean(), alike / alike.diagonal().mean()
    )
    influence = eras @ alone + len(eras) * eras[:, None] * (alone - eras @ alone)
    variances = [reference.variance_of_mean(s, numbers, 2)[0] for s in influence.T]
    assert_close(seen.variance, np.mean(variances), 1e-14)


@each_objective
def test_a_model_that_is_constant_in_an_era_scores_nothing_there(objective):
    X, y = tournament(n_eras=30, n_rows=80)
    X["model_b"] = X["model_b"].mask(X["era"] <= "0003", 0.0)
    fitted = learned(X, y, objective)
    seen = mean_scores(fitted._learning().problem, 2)
    alone, alike, _ = Rows(X, y).alone(objective)
    assert (alone[:3, 1] == 0).all()
    assert_close(seen.means, alone.mean(axis=0))
    assert_close(
        seen.alike / seen.alike.diagonal().mean(), alike / alike.diagonal().mean()
    )
    assert 0 < fitted.weights_["model_b"] < 1


@pytest.mark.parametrize("halflife", [None, 8.0])
@each_objective
def test_the_weights_are_the_best_ones_for_the_shrunk_scores(objective, halflife):
    X, y = tournament(n_eras=30, n_rows=80, skill=0.1)
    prior = dict(zip(MODELS, (0.4, 0.3, 0.2, 0.1), strict=True))
    fitted = learned(X, y, objective, halflife=halflife, prior=prior)
    rows = Rows(X, y, halflife)
    alone, alike, numbers = rows.alone(objective)
    eras = rows.weighed([*range(len(alone))])
    means = eras @ alone
    influence = means + len(eras) * eras[:, None] * (alone - means)
    variances = [reference.variance_of_mean(s, numbers, 2)[0] for s in influence.T]
    expected, deviation, share = reference.shrunk_scores(
        means, alike, np.mean(variances), list(prior.values())
    )
    assert_close(fitted.skill_deviation_, deviation)
    assert_close(fitted.shrinkage_, share)
    assert 0.02 < share < 0.98

    def value(w):
        return rows.shrunk_value(objective, w, expected - means)

    best = slow.best_by_scipy(value, 4)
    assert_close(value(weights(fitted)), best, 1e-8 * abs(best) + 1e-9)
    assert value(weights(learned(X, y, objective, shrinkage=0.0))) < best - 1e-7
    own = rows.value(objective, weights(fitted))
    assert_close(fitted.train_score_["optimised"], own)


# Limits and invariances


def test_scores_without_noise_give_the_raw_optimum():
    one = problem(horizon=1)
    held = dict(one.moments)
    held["target_covariance"] = np.tile(held["target_covariance"].mean(0), (60, 1))
    same = replace(one, moments=held)
    shrunk, best = found(same)
    assert_close(best, same.solve().weights, 1e-6)
    assert shrunk.known.shrinkage < 1e-6


def test_nothing_of_their_own_gives_the_weights_of_the_prior():
    prior = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    one = replace(problem(), prior=prior)
    shrunk = shrinkage(one, 5)
    none = replace(shrunk.known, taus=1e-9 * shrunk.known.taus)
    assert_close(shrunk.with_scores(none.mean).solve().weights, prior, 1e-5)


def test_models_that_are_all_alike_get_nearly_equal_weights():
    alike = problem(n_eras=300, seed=1)
    held = dict(alike.moments)
    same = held["target_covariance"].mean(axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    jitter = 1e-3 * rng.normal(size=(300, 5))
    held["target_covariance"] = same + jitter
    best = found(replace(alike, moments=held))[1]
    raw = replace(alike, moments=held).solve().weights
    assert np.abs(best - 0.2).max() < np.abs(raw - 0.2).max()
    held["target_covariance"] = np.repeat(same, 5, axis=1)
    best = found(replace(alike, moments=held))[1]
    assert_close(best, 0.2, 1e-6)


@each_objective
def test_the_order_of_models_and_eras_does_not_matter(objective):
    X, y = tournament(n_eras=30)
    expected = learned(X, y, objective)
    other = learned(X[["era", *MODELS[::-1], META_MODEL]], y, objective)
    assert_close([other.weights_[m] for m in MODELS], weights(expected), 1e-6)
    assert_close(other.shrinkage_, expected.shrinkage_)
    rows = np.random.default_rng(0).permutation(len(X))
    shuffled = learned(X.iloc[rows], y.iloc[rows], objective)
    assert_close(weights(shuffled), weights(expected), 1e-6)
    assert_close(shuffled.skill_deviation_, expected.skill_deviation_)


@each_objective
def test_the_scale_of_a_model_changes_its_weight_alone(objective):
    X, y = tournament(n_eras=30)
    expected = learned(X, y, objective)
    prior = dict.fromkeys(MODELS, 1.0)
    with pytest.warns(UserWarning, match="not standardised"):
        other = learned(X.assign(model_b=2.0 * X["model_b"]), y, objective, prior=prior)
    changed = weights(other) * [1, 2, 1, 1]
    assert_close(changed / changed.sum(), weights(expected), 1e-5)


@pytest.mark.parametrize("seed", range(4))
@each_objective
def test_a_copy_of_a_model_shares_its_weight(objective, seed):
    X, y = tournament(n_eras=40, skill=0.1, seed=seed)
    expected = learned(X, y, objective).weights_
    prior = {"model_a": 2, "model_b": 1, "model_copy": 1, "model_c": 2, "model_d": 2}
    more = X.assign(model_copy=X["model_b"])
    shared = learned(more, y, objective, prior=prior).weights_
    shared["model_b"] += shared.pop("model_copy")
    assert_close([shared[name] for name in MODELS], [*expected.values()], 0.01)


# However the rows arrive


def assert_same(one, other):
    assert one.weights_ == other.weights_
    assert one.shrinkage_ == other.shrinkage_
    assert one.skill_deviation_ == other.skill_deviation_
    assert one.n_eras_ == other.n_eras_


@pytest.mark.parametrize("halflife", [None, 6.0])
@each_objective
def test_batches_merges_and_refits_give_the_same(objective, halflife):
    X, y = tournament(n_eras=30)
    expected = learned(X, y, objective, halflife=halflife)
    parts = []
    for share in (X["era"] <= "0012", X["era"] > "0012"):
        part = clone(expected).partial_fit(X[share], y[share])
        parts.append(part)
    assert_same(parts[0].merge(parts[1]), expected)
    late, early = X["era"] > "0012", X["era"] <= "0012"
    batches = clone(expected).partial_fit(X[late], y[late])
    assert_same(batches.partial_fit(X[early], y[early]), expected)
    raw = StackingWeights(**params(objective)).fit(X, y)
    again = raw.refit(halflife=halflife, **BAYES)
    assert_same(again, expected)
    assert again.weights_interval_ == expected.weights_interval_
    raw.refit(shrinkage=0.0)
    assert not hasattr(raw, "skill_deviation_")
    assert raw.shrinkage_ == 0.0


def test_files_and_a_cluster_give_the_same(tmp_path):
    dask = pytest.importorskip("dask")
    import dask.dataframe as dd

    data = make_benchmark_models(40, 60, 4, 4, random_state=0)
    frame = data.frame.reset_index()[["era", *data.models, "target"]]
    pipeline = make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes"))
    pipeline.set_params(stackingweights__horizon=2)
    expected = clone(pipeline).fit(frame.drop(columns="target"), frame["target"])[-1]
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=500)
    on_files = fit_parquet(clone(pipeline), tmp_path / "rows.parquet", "target")[-1]
    assert_same(on_files, expected)
    with dask.config.set(scheduler="synchronous"):
        table = dd.from_pandas(frame.set_index("era"), npartitions=3).reset_index()
        on_dask = fit_on_dask(table, clone(pipeline), "target")[-1]
    assert_same(on_dask, expected)


def test_walk_forward_learns_from_each_window_alone():
    data = make_benchmark_models(80, 60, 3, 4, random_state=0)
    frame, target = data.frame, data.frame["target"]
    pipeline = make_pipeline(EraRankGauss(), StackingWeights(**BAYES))
    cv = WalkForwardEraSplit(chunk_size=30, purge=4)
    columns = frame[["era", *data.models]]
    predicted = walk_forward_predict(pipeline, columns, target, cv)
    early = frame["era"] <= "0026"
    window = clone(pipeline).fit(columns[early], target[early])
    test = frame["era"].between("0031", "0060")
    assert_close(predicted[test], window.predict(columns[test]), 1e-12)


# Gaps


@pytest.mark.filterwarnings(
    "ignore:.*rows with a target are left out:UserWarning",
    "ignore::sklearn.exceptions.DataConversionWarning",  # of rows that are complete
)
@each_objective
def test_propagate_learns_from_complete_rows(objective):
    X, y = tournament(n_eras=30)
    gone = np.random.default_rng(0).random(len(X)) < 0.3
    X = EraRankGauss().fit_transform(X.assign(model_b=X["model_b"].mask(gone)))
    expected = learned(X[~gone], y[~gone], objective)
    assert_close(weights(learned(X, y, objective)), weights(expected), 1e-12)


@each_objective
def test_a_model_that_lacks_eras_is_judged_by_those_that_it_has(objective):
    X, y = tournament(n_eras=30)
    X["model_b"] = X["model_b"].mask(X["era"] <= "0010")
    fitted = learned(X, y, objective, nan_policy="omit")
    one = fitted._learning().problem
    seen = mean_scores(one, 2)
    late = X["era"] > "0010"
    some = learned(X[late], y[late], objective)._learning().problem
    expected = mean_scores(some, 2)
    assert_close(seen.means[1], expected.means[1])
    assert abs(seen.means[0] - expected.means[0]) > 1e-6
    size = expected.alike[1, 1] / expected.alike[1, 0]
    # Of a payout the terms weigh by the target's size, on average over all eras.
    tolerance = 1e-2 if objective == "payout" else 1e-9
    np.testing.assert_allclose(seen.alike[1, 1] / seen.alike[1, 0], size, tolerance)
    assert 0 <= fitted.weights_["model_b"] <= 1
    assert_close(weights(fitted).sum(), 1.0)


def test_a_column_without_any_reference_takes_no_part():
    X, y = tournament(n_eras=30)
    X.loc[X["era"] <= "0006", META_MODEL] = np.nan
    only_early = X["model_d"].where(X["era"] <= "0006")
    fitted = learned(X.assign(model_d=only_early), y, "contribution", nan_policy="omit")
    expected = learned(X.drop(columns="model_d"), y, "contribution", nan_policy="omit")
    assert fitted.weights_["model_d"] == 0.0
    assert_close(fitted.skill_deviation_, expected.skill_deviation_)
    assert_close(weights(fitted)[:3], weights(expected), 1e-6)


# Odd cases


def test_one_model_gets_all_the_weight():
    X, y = tournament(n_eras=30, k=1)
    for objective in OBJECTIVES:
        fitted = learned(X, y, objective)
        assert fitted.weights_ == {"model_a": 1.0}
        assert fitted.shrinkage_ == 1.0
        assert fitted.skill_deviation_ == 0.0
        assert fitted.weights_interval_ == {"model_a": (1.0, 1.0)}


@each_objective
def test_two_eras_keep_the_prior_and_say_so(objective):
    X, y = tournament(n_eras=2)
    prior = dict(zip(MODELS, (0.4, 0.3, 0.2, 0.1), strict=True))
    with pytest.warns(UserWarning, match="two horizons of eras on, of 13 eras each"):
        fitted = learned(X, y, objective, prior=prior, horizon=13)
    assert_close(weights(fitted), list(prior.values()))
    assert fitted.shrinkage_ == 1.0
    assert np.isnan(fitted.skill_deviation_)
    with pytest.warns(UserWarning, match="2 are scored"):
        interval = fitted.weights_interval_
    assert np.isnan([*interval.values()]).all()
    assert fitted.summary.endswith(
        "nothing tells the models apart: the weights are those of the prior"
    )


def test_scores_that_are_all_alike_keep_the_prior():
    X, y = tournament(n_eras=30)
    X = X.assign(**dict.fromkeys(MODELS, X["model_a"]))
    fitted = learned(X, y)
    assert_close(weights(fitted), 0.25, 1e-6)
    assert (fitted.shrinkage_, fitted.skill_deviation_) == (1.0, 0.0)
    assert "no sign that the models differ" in fitted.summary


@pytest.mark.parametrize("objective", ["sharpe", "mse"])
def test_other_objectives_are_refused_before_any_work(objective):
    X, y = tournament()
    raw = StackingWeights(objective).fit(X, y)
    before = raw.weights_
    for refused in (
        lambda: StackingWeights(objective, shrinkage="bayes").fit(X, y),
        lambda: raw.refit(shrinkage="bayes"),
    ):
        with pytest.raises(ValueError, match=f"'corr', .*; got '{objective}'"):
            refused()
    assert raw.weights_ == before


@pytest.mark.parametrize("limits", [{"nonnegative": False}, {"max_weight": 0.3}])
@pytest.mark.parametrize("search", ["slsqp", "greedy"])
@each_objective
def test_limits_and_other_searches_hold(objective, search, limits):
    X, y = tournament(n_eras=30)
    fitted = learned(X, y, objective, search=search, **limits)
    sizes = np.abs(weights(fitted))
    assert_close(sizes.sum(), 1.0)
    assert sizes.max() <= limits.get("max_weight", 1.0) + 1e-9


# What it says


def test_the_summary_tells_differences_from_chance():
    X, y = tournament(n_eras=60, n_rows=200, skill=0.6, noise=0.02)
    clear = learned(X, y)
    assert clear.shrinkage_ < 0.2
    told = f"models differ by {clear.skill_deviation_:.4f} CORR more than chance would"
    assert clear.summary == f"corr, learned from 60 eras; {told} make them"
    assert "payout more" in learned(X, y, "payout").summary
    chance = learned(*tournament(n_eras=60, skill=0.0))
    assert chance.shrinkage_ >= 0.5
    assert chance.summary.endswith(
        "no sign that the models differ: near equal weights would do as well"
    )
    raw = StackingWeights().fit(X, y)
    assert raw.summary == "corr, learned from 60 eras"


@pytest.mark.parametrize(("spread", "least", "most"), [(0.0, 0, 0.1), (0.008, 0.5, 1)])
def test_that_models_differ_is_seldom_said_of_models_that_are_alike(
    spread, least, most
):
    said = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        _, held = made_up(10, 100, spread, False, "corr", rng)
        one = Problem(held, np.arange(100.0), np.full(10, 0.1))
        known = shrinkage(one, 13).known
        said.append("no sign" not in on_differences("corr", known.shrinkage, 0.01))
    assert least <= np.mean(said) <= most


@each_objective
def test_intervals_hold_the_weights_and_follow_the_seed(objective):
    X, y = tournament(n_eras=30)
    fitted = learned(X, y, objective)
    low, high = np.array([*fitted.weights_interval_.values()]).T
    assert (low <= weights(fitted)).all()
    assert (weights(fitted) <= high).all()
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (low < high).any()
    assert learned(X, y, objective).weights_interval_ == fitted.weights_interval_
    other = learned(X, y, objective, random_state=1)
    assert other.weights_ == fitted.weights_
    assert other.weights_interval_ != fitted.weights_interval_
    wider = learned(X, y, objective, confidence=0.99).weights_interval_
    ends = np.array([*wider.values()]).T
    assert (ends[0] <= low + 1e-12).all()
    assert (ends[1] >= high - 1e-12).all()


def test_more_eras_narrow_the_intervals():
    widths = []
    for n_eras in (60, 600):
        one = problem(n_eras=n_eras)
        shrunk, best = found(one)
        drawn = shrunk.draws_of_weights(best, 100, np.random.default_rng(0))
        widths.append(np.ptp(np.quantile(drawn, [0.025, 0.975], axis=0), axis=0).mean())
    assert widths[1] < 0.6 * widths[0]


@pytest.mark.slow
def test_sixty_models_of_seven_hundred_eras_take_a_fifth_of_a_second_more():
    one = problem(60, 700, horizon=13)

    def seconds(function):
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            function()
            times.append(time.perf_counter() - begin)
        return min(times)

    assert seconds(lambda: found(one, 13)) < seconds(one.solve) + 0.2
