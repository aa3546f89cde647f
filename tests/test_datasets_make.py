"""The synthetic tournament looks like the real one and tells the truth about itself."""

import re

import numpy as np
import pandas as pd
import pytest
from reference import stretch
from scipy.stats import norm, rankdata

from skbench.datasets import make_benchmark_models

BINS = [0.0, 0.25, 0.5, 0.75, 1.0]


def gaussianize(values):
    """Rank with ties kept, to normal scores, column by column."""
    return norm.ppf((rankdata(values, axis=0) - 0.5) / len(values))


def corr(predictions, target):
    """Compute Numerai's CORR of each column in one era."""
    pred = stretch(gaussianize(predictions))
    pred = pred - pred.mean(axis=0)
    targ = stretch(target - target.mean())
    targ = targ - targ.mean()
    return targ @ pred / np.sqrt((pred**2).sum(axis=0) * (targ @ targ))


def standardize(values):
    """Centre each column and divide it by its standard deviation."""
    values = np.asarray(values, dtype=float)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def exposures(era, data, columns):
    """Correlate features with columns in one era: (n_features, n_columns)."""
    return standardize(era[data.features]).T @ standardize(era[columns]) / len(era)


def by_era(data, target=None):
    """List the eras that have the target."""
    frame = data.frame if target is None else data.frame.dropna(subset=target)
    return [era for _, era in frame.groupby("era")]


def scores(data, target):
    """Score all models in all eras that have the target: (n_eras, n_models)."""
    return np.array(
        [
            corr(era[data.models].to_numpy(), era[target].to_numpy())
            for era in by_era(data, target)
        ]
    )


def autocorrelation(values, n_lags):
    """Average over columns the autocorrelation at lags 1 to `n_lags`."""
    values = values - values.mean(axis=0)
    products = [(values[lag:] * values[:-lag]).sum(axis=0) for lag in range(1, n_lags)]
    return (np.array(products) / (values**2).sum(axis=0)).mean(axis=1)


@pytest.fixture(scope="module")
def data():
    """Make the default tournament."""
    return make_benchmark_models(random_state=0)


@pytest.fixture(scope="module")
def large():
    """Make eras of real size, enough of them to see the autocorrelation."""
    return make_benchmark_models(250, 5000, 3, 4, random_state=0)


@pytest.fixture(scope="module")
def steady():
    """Make a signal so strong and steady that the truth shows in the sample."""
    return make_benchmark_models(
        40, 5000, 4, 4, mean_corr=0.15, era_std=0, random_state=0
    )


# Layout


def test_columns_and_types(data):
    """Name columns as Numerai does, in blocks of one type."""
    frame = data.frame
    assert list(frame.columns) == [
        "era",
        "data_type",
        *data.models,
        "numerai_meta_model",
        *data.targets,
        *data.features,
    ]
    assert data.targets == ["target", "target_cyrus_20", "target_ender_60"]
    assert all(re.fullmatch(r"v\d\d_lgbm_[a-z0-9]+[26]0", name) for name in data.models)
    assert all(name.startswith("feature_") for name in data.features)
    assert set(frame["data_type"]) == {"validation"}
    assert (frame[data.models].dtypes == np.float64).all()
    assert len(data.models) == 6
    assert len(data.features) == 40
    assert frame.columns.is_unique


def test_features_are_one_int8_block_of_five_even_bins(data):
    """Keep the features in a single int8 block, the values 0 to 4 alike in number."""
    # Only the private block manager tells how the columns are stored.
    blocks = [block for block in data.frame._mgr.blocks if block.dtype == np.int8]
    assert len(blocks) == 1
    assert blocks[0].shape == (40, len(data.frame))
    shares = np.bincount(data.frame[data.features].to_numpy().ravel()) / len(data.frame)
    np.testing.assert_allclose(shares / 40, [0.2] * 5, atol=0.005)


def test_ids_are_unique_and_look_like_numerais(data):
    """Give every row, live ones too, an id of its own."""
    ids = data.frame.index.append(data.live.index)
    assert data.frame.index.name == data.live.index.name == "id"
    assert ids.is_unique
    assert ids.str.fullmatch("n[0-9a-f]{15}").all()


def test_eras_are_padded_and_vary_in_size(data):
    """Label weekly eras in order; each has its own number of rows."""
    counts = data.frame.groupby("era", sort=False).size()
    assert list(counts.index) == [f"{number:04d}" for number in range(1, 121)]
    assert counts.between(450, 550).all()
    assert counts.nunique() > 20
    assert abs(counts.mean() - 500) < 10


def test_live_is_one_later_era_without_targets(data):
    """Leave out of live what live does not have."""
    live = data.live
    assert set(live["era"]) == {"X"}
    assert set(live["data_type"]) == {"live"}
    expected = [name for name in data.frame.columns if name != data.meta_model]
    assert list(live.columns) == expected
    assert live[data.targets].isna().all(axis=None)
    assert live[data.models + data.features].notna().all(axis=None)
    assert (live[data.features].dtypes == np.int8).all()
    assert 450 <= len(live) <= 550


def test_description_and_groups_name_what_is_there(data):
    """Describe the data and give each feature one group."""
    assert f"{len(data.frame):,} rows in 120 weekly eras, 6 models" in data.DESCR
    grouped = [name for names in data.feature_groups.values() for name in names]
    assert grouped == data.features
    assert len(data.feature_groups) == 8
    assert data.frame.columns.isin([data.era, data.meta_model]).sum() == 2


# Targets and Meta Model


@pytest.mark.parametrize("rows", [20, 301, 500])
def test_targets_have_fixed_shares_in_every_era(rows):
    """Cut 5, 20, 50, 20 and 5 % of each era, to one row."""
    data = make_benchmark_models(15, rows, 2, 1, unscored=False, random_state=1)
    for era in by_era(data):
        for target in data.targets:
            counts = era[target].value_counts().reindex(BINS, fill_value=0)
            wanted = len(era) * np.array([0.05, 0.2, 0.5, 0.2, 0.05])
            assert np.abs(counts - wanted).max() <= 1
            assert counts.iloc[0] == counts.iloc[-1]


def test_newest_eras_wait_for_their_targets(data):
    """Leave 5 eras without a 20-day target and 13 without a 60-day one."""
    missing = data.frame.groupby("era")[data.targets].agg(lambda x: x.isna().mean())
    assert missing.isin([0, 1]).all(axis=None)
    assert missing.sum().tolist() == [5, 5, 13]
    assert missing.iloc[:-13].eq(0).all(axis=None)
    assert missing.iloc[-5:].eq(1).all(axis=None)


def test_target_repeats_the_first_target():
    """Let the caller choose the main target, as Numerai did."""
    names = ("target_ender_60", "target_ralph_20", "target_waldo_20")
    data = make_benchmark_models(30, 50, 2, 2, targets=names, random_state=0)
    assert data.targets == ["target", *names]
    pd.testing.assert_series_equal(
        data.frame["target"], data.frame["target_ender_60"], check_names=False
    )
    assert data.frame.groupby("era")["target"].count().eq(0).sum() == 13
    assert not data.frame["target_ralph_20"].equals(data.frame["target_waldo_20"])


def test_targets_resemble_one_another(large):
    """Correlate the targets without making them equal."""
    frame = large.frame.dropna()
    value = np.corrcoef(frame["target_cyrus_20"], frame["target_ender_60"])[0, 1]
    assert 0.5 < value < 0.8


def test_meta_model_covers_only_the_newest_eras(data):
    """Overlap with the Meta Model shortly; it lies inside (0, 1)."""
    covered = data.frame.groupby("era")[data.meta_model].agg(lambda x: x.notna().mean())
    assert covered.iloc[:80].eq(0).all()
    assert covered.iloc[80:].eq(1).all()
    values = data.frame[data.meta_model].dropna()
    assert values.between(0, 1, inclusive="neither").all()
    assert 0.1 < values.std() < 0.25


@pytest.mark.parametrize("n_kept", [0, 1, 6])
def test_meta_model_eras_is_obeyed(n_kept):
    """Give exactly that many eras the Meta Model."""
    data = make_benchmark_models(6, 30, meta_model_eras=n_kept, random_state=0)
    assert data.frame.groupby("era")[data.meta_model].count().gt(0).sum() == n_kept


def test_meta_model_overlap_is_short_however_many_eras():
    """Cover 87 eras at most by default."""
    data = make_benchmark_models(300, 10, random_state=0)
    assert data.frame.groupby("era")[data.meta_model].count().gt(0).sum() == 87


# Scores


def test_scores_are_small_and_as_wide_as_large(large):
    """Score about 0.02 with a standard deviation about as large, at real era sizes."""
    found = scores(large, "target_cyrus_20")
    expected = np.array(list(large.expected_corr.values()))
    np.testing.assert_allclose(expected.mean(), 0.02)
    # The eras swing together, so that the mean over 245 of them is known to 0.0025.
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=0.006)
    np.testing.assert_allclose(found.std(axis=0), 0.0214, atol=0.004)
    assert found.mean() / found.std() == pytest.approx(0.93, abs=0.4)


@pytest.mark.parametrize(
    ("target", "weeks"), [("target_cyrus_20", 5), ("target_ender_60", 13)]
)
def test_scores_are_autocorrelated_as_far_as_windows_overlap(large, target, weeks):
    """Fall from a clear first lag to nothing past the overlap."""
    found = autocorrelation(scores(large, target), 25)
    lags = np.arange(1, 25)
    from_signal = 0.016**2 / (0.016**2 + 1 / 5000)
    expected = from_signal * np.clip(1 - lags / weeks, 0, None)
    np.testing.assert_allclose(found, expected, atol=0.25)
    assert found[0] > 0.3
    assert (found[: weeks - 1] > -0.02).all()
    assert found[: weeks - 1].mean() > 0.15
    assert abs(found[weeks:].mean()) < 0.1


def test_small_eras_add_sampling_noise(data):
    """Spread the scores of 500 rows by 0.047, of which 0.045 is sampling."""
    found = scores(data, "target")
    np.testing.assert_allclose(found.std(axis=0), 0.047, atol=0.01)


def test_without_swings_only_sampling_noise_is_left(steady):
    """Keep the signal the same in every era where `era_std` is 0."""
    assert scores(steady, "target").std(axis=0).max() < 1.3 / np.sqrt(5000)


def test_models_correlate_within_an_era(data):
    """Correlate models by 0.3 to 0.9, as the stated matrix says."""
    stated = data.model_corr.to_numpy()
    np.testing.assert_allclose(np.diag(stated), 1)
    pairs = np.triu_indices(6, 1)
    assert list(data.model_corr.index) == list(data.model_corr.columns) == data.models
    assert np.ptp(stated[pairs]) > 0.15
    found = [np.corrcoef(gaussianize(era[data.models]).T) for era in by_era(data)]
    assert np.min(found) > 0.3
    assert np.max(np.array(found)[:, *pairs]) < 0.9
    np.testing.assert_allclose(np.mean(found, axis=0), stated, atol=0.01)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n_features", [1, 8, 40])
def test_models_correlate_with_any_seed(seed, n_features):
    """Keep the stated correlations in range whatever the draw."""
    data = make_benchmark_models(6, 2, 12, n_features, random_state=seed)
    pairs = data.model_corr.to_numpy()[np.triu_indices(12, 1)]
    assert pairs.min() > 0.33
    assert pairs.max() < 0.86


# Features


def test_features_correlate_in_groups(data):
    """Correlate features of a group by nearly a half, others not at all."""
    values = standardize(data.frame[data.features])
    found = values.T @ values / len(values)
    group = np.repeat(np.arange(8), [len(x) for x in data.feature_groups.values()])
    same = group[:, None] == group
    np.testing.assert_allclose(found[~same], 0, atol=0.03)
    off_diagonal = same & ~np.eye(40, dtype=bool)
    np.testing.assert_allclose(found[off_diagonal], 0.45, atol=0.04)


def test_models_are_exposed_to_features(data):
    """Expose each model by 0.1 to 0.4 to the feature it leans on most."""
    largest = [
        np.abs(exposures(era, data, data.models)).max(axis=0) for era in by_era(data)
    ]
    assert np.min(largest) > 0.1
    assert np.max(largest) < 0.4
    assert 0.15 < np.median(largest) < 0.3


def test_neutralizing_takes_something_away(data):
    """Leave less of a model, and no exposure, after regressing on the features."""
    era = by_era(data)[0]
    models, features = standardize(era[data.models]), standardize(era[data.features])
    rest = models - features @ np.linalg.lstsq(features, models)[0]
    assert np.abs(features.T @ rest / len(era)).max() < 1e-12
    assert (rest.var(axis=0) < 0.85).all()
    assert (rest.var(axis=0) > 0.5).all()


# Truth


def test_weights_are_a_convex_combination(data):
    """Name all models in column order; weights are non-negative and sum to one."""
    for weights in (data.weights, data.meta_weights):
        assert list(weights) == data.models
        assert min(weights.values()) >= 0
        np.testing.assert_allclose(sum(weights.values()), 1)
    assert all(type(value) is float for value in data.weights.values())


def test_weights_solve_the_stated_moments(data):
    """Be proportional to the inverse of the correlations times the expected CORR."""
    solved = np.linalg.solve(data.model_corr, list(data.expected_corr.values()))
    np.testing.assert_allclose(solved / solved.sum(), list(data.weights.values()))


@pytest.mark.parametrize("target", ["target_cyrus_20", "target_ender_60"])
def test_weights_are_what_a_large_sample_says(steady, target):
    """Recover the weights by regression of either target on gaussianized models."""
    eras = by_era(steady, target)
    models = np.vstack([standardize(gaussianize(era[steady.models])) for era in eras])
    targets = np.concatenate([era[target] - era[target].mean() for era in eras])
    fitted = np.linalg.lstsq(models, targets)[0]
    wanted = list(steady.weights.values())
    np.testing.assert_allclose(fitted / fitted.sum(), wanted, atol=0.04)


def test_weights_give_the_best_blend(steady):
    """Beat, by CORR, single models, the equal blend and steps to other weights."""
    weights = np.array(list(steady.weights.values()))
    steps = 0.15 * (np.eye(4) - np.ones((4, 4)) / 4)
    blends = np.column_stack([weights, np.eye(4), np.ones(4), *(weights + steps)])
    found = np.mean(
        [
            corr(gaussianize(era[steady.models]) @ blends, era["target"].to_numpy())
            for era in by_era(steady, "target")
        ],
        axis=0,
    )
    assert found[1:].max() < found[0]


def test_expected_corr_is_what_a_large_sample_says(steady):
    """State Numerai's CORR, not the correlation with the hidden target."""
    found = scores(steady, "target").mean(axis=0)
    expected = list(steady.expected_corr.values())
    np.testing.assert_allclose(found, expected, atol=4 / np.sqrt(5000 * 35))
    np.testing.assert_allclose(np.mean(expected), 0.15)


def test_meta_weights_are_what_a_large_sample_says():
    """Recover the Meta Model's blend by regression, with 80 % explained."""
    data = make_benchmark_models(20, 5000, 3, 4, meta_model_eras=20, random_state=3)
    models = gaussianize(data.frame[data.models])
    meta = gaussianize(data.frame[data.meta_model])
    fitted, rest = np.linalg.lstsq(models, meta)[:2]
    wanted = list(data.meta_weights.values())
    np.testing.assert_allclose(fitted / fitted.sum(), wanted, atol=0.02)
    assert 1 - rest[0] / (meta @ meta) == pytest.approx(0.8, abs=0.01)


# Arguments


def assert_same(first, second):
    """Compare everything in two bunches."""
    pd.testing.assert_frame_equal(first.frame, second.frame)
    pd.testing.assert_frame_equal(first.live, second.live)
    assert first.weights == second.weights


@pytest.mark.parametrize("kind", [int, np.random.RandomState, np.random.default_rng])
def test_same_seed_same_data(kind):
    """Repeat the data, neither reading nor moving the global random state."""
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()  # noqa: NPY002
    first = make_benchmark_models(10, 30, random_state=kind(5))
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert_same(first, make_benchmark_models(10, 30, random_state=kind(5)))
    other = make_benchmark_models(10, 30, random_state=kind(6))
    assert other.weights != first.weights


def test_none_draws_from_the_global_state():
    """Behave as scikit-learn does without a seed."""
    np.random.seed(0)  # noqa: NPY002
    first, second = make_benchmark_models(10, 30), make_benchmark_models(10, 30)
    assert first.weights != second.weights
    np.random.seed(0)  # noqa: NPY002
    assert_same(first, make_benchmark_models(10, 30))


def test_float32_is_the_same_data():
    """Round the same numbers and leave the features alone."""
    wide = make_benchmark_models(10, 200, random_state=0)
    slim = make_benchmark_models(10, 200, dtype="float32", random_state=0)
    floats = [*wide.models, wide.meta_model, *wide.targets]
    assert (slim.frame[floats].dtypes == np.float32).all()
    assert (slim.live[slim.models].dtypes == np.float32).all()
    expected = wide.frame.astype(dict.fromkeys(floats, np.float32))
    pd.testing.assert_frame_equal(slim.frame, expected)
    values = slim.frame[slim.meta_model].dropna()
    assert values.between(0, 1, inclusive="neither").all()


def test_sizes_are_obeyed():
    """Take other sizes, another start, and targets up to the last era."""
    data = make_benchmark_models(
        4, 7, 60, 3, first_era=575, unscored=False, random_state=0
    )
    assert list(data.frame["era"].unique()) == ["0575", "0576", "0577", "0578"]
    assert len(set(data.models)) == 60
    assert len(data.features) == 3
    assert len(data.frame) == 28
    assert data.frame[data.targets].notna().all(axis=None)
    assert len(data.feature_groups) == 1


def test_numpy_integers_are_integers():
    """Accept what a numpy array holds."""
    assert len(make_benchmark_models(np.int64(6), np.int32(5), 2, 1).frame) == 30


def test_one_row_eras():
    """Make eras as small as can be, with the middle target."""
    data = make_benchmark_models(3, 1, 2, 1, unscored=False, random_state=0)
    assert len(data.frame) == 3
    assert data.frame["target"].eq(0.5).all()


def test_without_skills_of_their_own_equal_weights_are_the_best():
    data = make_benchmark_models(20, 50, 5, skill_std=0.0, random_state=0)
    np.testing.assert_allclose(list(data.weights.values()), 0.2)
    corr = np.array(list(data.expected_corr.values()))
    ratio = corr / data.model_corr.sum(axis=1)
    np.testing.assert_allclose(ratio, ratio.iloc[0])
    np.testing.assert_allclose(corr.mean(), 0.02)


def test_true_skills_differ_by_as_much_as_asked():
    own = []
    for seed in range(20):
        options = {"skill_std": 0.004, "random_state": seed}
        data = make_benchmark_models(20, 50, 30, **options)
        common = data.model_corr.sum(axis=1)
        own.append(pd.Series(data.expected_corr) - 0.02 * common / common.mean())
        assert abs(own[-1].mean()) < 1e-12
        weights = np.array(list(data.weights.values()))
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(), 1)
        # No weight gains where another one loses: the best of those not negative.
        alike, corr = data.model_corr.to_numpy(), pd.Series(data.expected_corr)
        size = weights @ alike @ weights
        slope = corr - (weights @ corr) / size * (alike @ weights)
        assert np.abs(slope[weights > 1e-9]).max() < 1e-12
        assert slope.max() < 1e-12
    assert abs(np.std(own) - 0.004) < 0.0003


def test_rows_have_the_skills_that_were_drawn():
    options = {"mean_corr": 0.1, "era_std": 0.0, "skill_std": 0.05}
    data = make_benchmark_models(150, 800, 4, random_state=1, unscored=False, **options)
    found = scores(data, "target").mean(axis=0)
    np.testing.assert_allclose(found, list(data.expected_corr.values()), atol=0.012)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_eras": 0}, "`n_eras` must be a whole number .* 1; got 0"),
        ({"n_eras": 5}, "`n_eras` must be above 5, .*'target_cyrus_20'.*; got 5"),
        (
            {"rows_per_era": 0},
            "`rows_per_era` must be a whole number .* 1; got 0",
        ),
        (
            {"rows_per_era": 2.5},
            "`rows_per_era` must be a whole number .* 1; got 2.5",
        ),
        ({"n_models": 1}, "`n_models` must be a whole number .* 2; got 1"),
        (
            {"n_models": True},
            "`n_models` must be a whole number .* 2; got True",
        ),
        ({"n_models": 201}, "`n_models` must be at most 200; got 201"),
        ({"n_features": 0}, "`n_features` must be a whole number .* 1; got 0"),
        ({"first_era": -1}, "`first_era` must be a whole number .* 0; got -1"),
        ({"mean_corr": 0}, "`mean_corr` must be between 0 and 1; got 0"),
        ({"mean_corr": np.nan}, "`mean_corr` must be between 0 and 1; got nan"),
        ({"mean_corr": "0.1"}, "`mean_corr` must be a number; got '0.1'"),
        ({"mean_corr": 0.95}, "`mean_corr` and `era_std` must be so small .*; got 1"),
        ({"era_std": -1}, "`era_std` must be at least 0 and below 1; got -1"),
        ({"era_std": 0.5}, "`mean_corr` and `era_std` must be so small"),
        ({"skill_std": -1}, "`skill_std` must be at least 0 and below 1; got -1"),
        ({"skill_std": "0.1"}, "`skill_std` must be a number; got '0.1'"),
        (
            {"skill_std": 0.9},
            "`mean_corr` and `era_std` must be so small .*`skill_std`",
        ),
        ({"targets": "target_a_20"}, "`targets` must be a list .*; got 'target_a_20'"),
        ({"targets": []}, r"`targets` must be a list of names; got \[\]"),
        ({"targets": ["target_a_20"] * 2}, "`targets` must be different names; got"),
        ({"targets": ["target"]}, "`targets` must be names that end .*; got 'target'"),
        ({"meta_model_eras": 21}, "`meta_model_eras` must be at most 20; got 21"),
        (
            {"meta_model_eras": -1},
            "`meta_model_eras` must be a whole number of at least 0; got -1",
        ),
        ({"dtype": "int8"}, "`dtype` must be float64 or float32; got 'int8'"),
        ({"dtype": "nothing"}, "`dtype` must be float64 or float32; got 'nothing'"),
        ({"random_state": "a"}, "`random_state` must be an int, .*; got 'a'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    """Say which argument is wrong and what was found."""
    with pytest.raises(ValueError, match=f"^{message}"):
        make_benchmark_models(**{"n_eras": 20, "rows_per_era": 20, **arguments})
