"""The five steps in one pipeline, from validation rows to a legal submission."""

import json
import os
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import each_kind, five_steps, to_kind
from reference import stretch
from scipy.stats import norm, rankdata
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
from skbench.datasets import make_benchmark_models

TARGET = "target_cyrus_20"
PROPORTION = 0.5


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(
        n_eras=6,
        rows_per_era=2100,
        n_models=4,
        n_features=12,
        targets=[TARGET],
        unscored=False,
        random_state=0,
    )


@pytest.fixture(scope="module")
def small():
    """Return rows that are few, for what trains many times."""
    return make_benchmark_models(
        n_eras=12,
        rows_per_era=60,
        n_models=3,
        n_features=4,
        targets=[TARGET],
        unscored=False,
        random_state=1,
    )


def steps_of(weights, neutralizers, proportion=PROPORTION):
    blend = WeightedEnsemble(weights)
    return five_steps(blend, neutralizers=neutralizers, proportion=proportion)


def weights_of(data):
    """Weigh all models but one."""
    return dict(zip(data.models[:0:-1], [0.6, 0.3, 0.1], strict=False))


def pipeline_of(data, **params):
    return steps_of(weights_of(data), data.feature_groups["agility"], **params)


# the same by hand, slowly


def gauss(values):
    return norm.ppf((rankdata(values) - 0.5) / len(values))


def five_steps_by_hand(era, weights, features, proportion=PROPORTION):
    """Do the five steps on the rows of one era, one line a step."""
    columns = {name: gauss(era[name]) for name in weights}
    columns = {name: z / np.std(z, ddof=1) for name, z in columns.items()}
    blend = sum(weight * columns[name] for name, weight in weights.items())
    z = gauss(blend)
    z = z / np.std(z, ddof=1)
    design = np.column_stack([np.ones(len(era)), era[features].to_numpy(dtype=float)])
    left = z - proportion * design @ np.linalg.lstsq(design, z, rcond=None)[0]
    return pd.Series(left, index=era.index), rank_of(left)


def rank_of(values):
    return (rankdata(values) - 0.5) / len(values)


def by_hand(frame, *args, **kwargs):
    """Do so era by era; ranks aligned to the rows of the frame."""
    ranks = pd.Series(np.nan, index=frame.index)
    for _, era in frame.groupby("era"):
        ranks[era.index] = five_steps_by_hand(era, *args, **kwargs)[1]
    return ranks.to_numpy()


def corr_by_hand(frame, prediction, target):
    """Mean over eras of Numerai's CORR."""
    both = pd.DataFrame({"era": frame["era"], "p": prediction, "y": target})
    scores = [
        np.corrcoef(stretch(gauss(era["p"])), stretch(era["y"] - era["y"].mean()))[0, 1]
        for _, era in both.groupby("era")
    ]
    return np.mean(scores)


# fit on validation, predict live


def test_the_pipeline_equals_the_five_steps_by_hand(data):
    pipeline = pipeline_of(data).fit(data.frame)
    expected = by_hand(data.frame, weights_of(data), data.feature_groups["agility"])
    np.testing.assert_allclose(pipeline.predict(data.frame), expected, atol=1e-9)


def test_live_predictions_equal_the_five_steps_by_hand(data):
    pipeline = pipeline_of(data).fit(data.frame)
    expected = by_hand(data.live, weights_of(data), data.feature_groups["agility"])
    np.testing.assert_allclose(pipeline.predict(data.live), expected, atol=1e-9)


def live_variants():
    shuffled = np.random.default_rng(0).permutation

    def drop(live, *names):
        return live.drop(columns=list(names))

    return {
        "without targets": lambda live: drop(live, "target", TARGET, "data_type"),
        "without eras": lambda live: drop(live, "era"),
        "columns reversed": lambda live: live[live.columns[::-1]],
        "columns shuffled": lambda live: live[shuffled(live.columns)],
        "bare": lambda live: drop(live, "era", "target", TARGET, "data_type").iloc[
            :, ::-1
        ],
        "with more columns": lambda live: live.assign(
            v99_lgbm_new=np.arange(len(live)) / len(live), feature_new=np.int8(1)
        ),
        "with a meta model": lambda live: live.assign(numerai_meta_model=0.5),
    }


@pytest.mark.parametrize("variant", list(live_variants()))
@each_kind
def test_live_predictions_do_not_depend_on_what_is_not_used(variant, kind, data):
    pipeline = pipeline_of(data).fit(to_kind(data.frame, kind))
    assert "numerai_meta_model" not in data.live
    expected = pipeline.predict(to_kind(data.live, kind))
    live = to_kind(live_variants()[variant](data.live), kind)
    np.testing.assert_array_equal(pipeline.predict(live), expected)


def test_live_rows_beside_validation_rows_come_out_the_same(data):
    pipeline = pipeline_of(data).fit(data.frame)
    together = pd.concat([data.live, data.frame]).sample(frac=1, random_state=0)
    out = pd.Series(pipeline.predict(together), index=together.index)
    np.testing.assert_allclose(
        out[data.live.index], pipeline.predict(data.live), rtol=0, atol=1e-9
    )


def test_fit_on_live_gives_the_same_predictions(data):
    fitted = pipeline_of(data).fit(data.frame)
    refitted = pipeline_of(data).fit(data.live)
    expected = fitted.predict(data.live)
    np.testing.assert_array_equal(refitted.predict(data.live), expected)


def test_the_callers_frames_stay_as_they_were(data):
    frame, live = data.frame.copy(), data.live.copy()
    pipeline_of(data).fit(frame, frame[TARGET]).predict(live)
    pd.testing.assert_frame_equal(frame, data.frame)
    pd.testing.assert_frame_equal(live, data.live)


@each_kind
def test_every_kind_gives_identical_predictions(kind, data):
    expected = pipeline_of(data).fit(data.frame).predict(data.live)
    pipeline = pipeline_of(data).fit(to_kind(data.frame, kind))
    np.testing.assert_array_equal(pipeline.predict(to_kind(data.live, kind)), expected)


@each_kind
def test_transform_gives_the_predictions_in_the_frame(kind, data):
    X = to_kind(data.live, kind)
    pipeline = pipeline_of(data).fit(to_kind(data.frame, kind))
    out = pipeline.transform(X)
    assert type(out) is type(X)
    np.testing.assert_array_equal(out["prediction"], pipeline.predict(X))
    names = out.column_names if kind == "pyarrow" else list(out.columns)
    gone = {*data.models, *data.feature_groups["agility"]}
    assert not gone & set(names)
    assert set(data.features) - gone <= set(names)


def test_names_out_of_the_pipeline_are_the_columns_of_its_output(data):
    pipeline = pipeline_of(data).fit(data.frame)
    out = pipeline.transform(data.frame)
    assert list(pipeline.get_feature_names_out()) == list(out.columns)


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_set_output_of_the_pipeline_reaches_every_step(container, data):
    plain = pipeline_of(data).fit(data.frame)
    name = {pd.DataFrame: "pandas", pl.DataFrame: "polars"}[container]
    pipeline = pipeline_of(data).set_output(transform=name).fit(data.frame)
    reversed_ = data.live[data.live.columns[::-1]]
    out = pipeline.transform(reversed_)
    assert type(out) is container
    assert type(pipeline[:1].transform(reversed_)) is container
    np.testing.assert_array_equal(out["prediction"], plain.predict(data.live))
    np.testing.assert_array_equal(pipeline.predict(reversed_), out["prediction"])


def test_a_pipeline_predicts_one_column_or_several(data):
    assert pipeline_of(data).fit(data.frame).predict(data.live).shape == (
        len(data.live),
    )
    several = make_pipeline(EraRankGauss(), FeatureNeutralizer(), EraRank())
    out = several.fit(data.frame).predict(data.live)
    assert out.shape == (len(data.live), len(data.models))


def test_a_pipeline_works_on_arrays_with_positions(data):
    neutralizers = data.feature_groups["agility"]
    models, weights = [1, 2, 3, 4], weights_of(data)
    pipeline = make_pipeline(
        EraRankGauss(models, era=0),
        WeightedEnsemble(
            [weights.get(name, 0) for name in data.models], columns=models, era=0
        ),
        # From here on: the era, the blend, the features.
        EraRankGauss([1], era=0),
        FeatureNeutralizer(
            list(range(2, 2 + len(neutralizers))), proportion=PROPORTION, era=0
        ),
        EraRank(era=0),
    )
    X = data.frame[["era", *data.models, *neutralizers]].astype({"era": int}).to_numpy()
    expected = pipeline_of(data).fit(data.frame).predict(data.frame)
    np.testing.assert_allclose(pipeline.fit(X).predict(X), expected, rtol=0, atol=1e-9)


def test_the_output_is_a_legal_submission(data, tmp_path):
    pipeline = pipeline_of(data).fit(data.frame)
    prediction = pipeline.predict(data.live)
    table = pd.DataFrame({"prediction": prediction}, index=data.live.index)
    table.to_csv(tmp_path / "submission.csv")
    sent = pd.read_csv(tmp_path / "submission.csv")
    assert list(sent.columns) == ["id", "prediction"]
    assert list(sent["id"]) == list(data.live.index)
    assert sent["id"].is_unique
    assert sent["prediction"].between(0, 1, inclusive="neither").all()
    assert sent["prediction"].std() > 0.28
    assert sent["prediction"].notna().all()


def test_every_era_is_spread_over_zero_to_one(data):
    prediction = pipeline_of(data).fit(data.frame).predict(data.frame)
    for _, era in pd.Series(prediction).groupby(data.frame["era"].to_numpy()):
        expected = (np.arange(len(era)) + 0.5) / len(era)
        np.testing.assert_allclose(np.sort(era), expected, atol=1e-12)


# the pipeline as a scikit-learn estimator


def test_a_clone_predicts_the_same(data):
    pipeline = pipeline_of(data).fit(data.frame)
    again = clone(pipeline).fit(data.frame)
    expected = pipeline.predict(data.live)
    np.testing.assert_array_equal(again.predict(data.live), expected)


def test_a_saved_pipeline_predicts_the_same(data, tmp_path):
    pipeline = pipeline_of(data).fit(data.frame)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    back = joblib.load(tmp_path / "model.joblib")
    expected = pipeline.predict(data.live)
    np.testing.assert_array_equal(back.predict(data.live), expected)


def test_a_saved_pipeline_holds_no_rows(data, tmp_path):
    pipeline = pipeline_of(data).fit(data.frame, data.frame[TARGET])
    joblib.dump(pipeline, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < 20_000


def test_parameters_of_a_step_can_be_set(data):
    pipeline = pipeline_of(data).set_params(featureneutralizer__proportion=1)
    out = pipeline.fit(data.frame).predict(data.frame)
    args = data.frame, weights_of(data), data.feature_groups["agility"]
    np.testing.assert_allclose(out, by_hand(*args, proportion=1), atol=1e-9)
    half = by_hand(*args)
    assert np.abs(out - half).max() > 0.01


def test_score_is_the_mean_corr_of_predict(small):
    pipeline = pipeline_of(small).fit(small.frame)
    prediction = pipeline.predict(small.frame)
    expected = corr_by_hand(small.frame, prediction, small.frame[TARGET])
    found = pipeline.score(small.frame, small.frame[TARGET])
    assert found == pytest.approx(expected, abs=1e-12)


def folds(data):
    eras = data.frame["era"].to_numpy()
    return list(GroupKFold(3).split(data.frame, groups=eras))


def grid_of(data):
    a, b, c = data.models
    return {
        "weightedensemble__weights": [{a: 1.0}, {b: 0.45, c: 0.55}, {a: 0.2, c: 0.8}],
        "featureneutralizer__proportion": [0, 0.5, 1.0],
    }


@each_kind
def test_grid_search_scores_every_candidate_as_by_hand(kind, small):
    y = small.frame[TARGET]
    search = GridSearchCV(
        pipeline_of(small), grid_of(small), cv=folds(small), error_score="raise"
    )
    if kind == "pyarrow" and not slices_arrow():
        pytest.skip("scikit-learn 1.6 cannot slice Arrow")
    target = y if kind == "pandas" else y.to_numpy()
    search.fit(to_kind(small.frame, kind), target)
    features = small.feature_groups["agility"]
    assert len(search.cv_results_["params"]) == 9
    for i, params in enumerate(search.cv_results_["params"]):
        weights, proportion = (params[name] for name in sorted(grid_of(small))[::-1])
        for k, (_, test) in enumerate(folds(small)):
            rows = small.frame.iloc[test]
            out = by_hand(rows, weights, features, proportion=proportion)
            found = search.cv_results_[f"split{k}_test_score"][i]
            expected = corr_by_hand(rows, out, y.iloc[test])
            assert found == pytest.approx(expected, abs=1e-9)
    best = search.cv_results_["params"][
        np.argmax(search.cv_results_["mean_test_score"])
    ]
    assert search.best_params_ == best
    expected = pipeline_of(small).set_params(**best).fit(small.frame)
    X = to_kind(small.frame, kind)
    np.testing.assert_array_equal(search.predict(X), expected.predict(small.frame))


@cache
def slices_arrow():
    from sklearn import __version__

    return tuple(int(part) for part in __version__.split(".")[:2]) >= (1, 9)


def test_grid_search_keeps_eras_whole_by_their_groups(small):
    groups = small.frame["era"]
    search = GridSearchCV(pipeline_of(small), grid_of(small), cv=GroupKFold(3))
    search.fit(small.frame, small.frame[TARGET], groups=groups)
    given = GridSearchCV(pipeline_of(small), grid_of(small), cv=folds(small))
    given.fit(small.frame, small.frame[TARGET])
    name = "mean_test_score"
    np.testing.assert_array_equal(search.cv_results_[name], given.cv_results_[name])
    assert len(set(search.cv_results_[name])) == 9


def test_grid_search_in_threads_gives_the_same(small):
    def scores(n_jobs):
        search = GridSearchCV(
            pipeline_of(small), grid_of(small), cv=folds(small), n_jobs=n_jobs
        )
        with joblib.parallel_config("threading"):
            search.fit(small.frame, small.frame[TARGET])
        return search.cv_results_["mean_test_score"]

    np.testing.assert_array_equal(scores(2), scores(None))


def test_cross_validate_returns_the_mean_corr_of_each_fold(small):
    y = small.frame[TARGET]
    result = cross_validate(
        pipeline_of(small), small.frame, y, cv=folds(small), return_estimator=True
    )
    for found, pipeline, (_, test) in zip(
        result["test_score"], result["estimator"], folds(small), strict=True
    ):
        rows = small.frame.iloc[test]
        expected = corr_by_hand(rows, pipeline.predict(rows), y.iloc[test])
        assert found == pytest.approx(expected, abs=1e-12)


# real rows


@cache
def real_rows():
    """Read validation and live rows with the benchmark models' predictions."""
    folder = os.environ.get("SKBENCH_DATA")
    if not folder or not (Path(folder) / "validation.parquet").is_file():
        pytest.skip("SKBENCH_DATA names no folder with Numerai's files")
    folder = Path(folder)

    def read(name):
        rows = pd.read_parquet(folder / f"{name}.parquet")
        models = pd.read_parquet(folder / f"{name}_benchmark_models.parquet")
        return rows.join(models.drop(columns="era"), how="inner"), list(models)[1:]

    (validation, models), (live, _) = read("validation"), read("live")
    sets = json.loads((folder / "features.json").read_text())["feature_sets"]
    return validation, live, models, sets["small"]


def real_weights(models):
    return {models[0]: 0.4, models[1]: 0.35, models[-1]: 0.25}


@pytest.mark.parametrize("proportion", [0.5, 1.0])
@pytest.mark.parametrize("part", ["validation", "live"])
def test_real_rows_equal_the_five_steps_by_hand(part, proportion):
    validation, live, models, small = real_rows()
    weights = real_weights(models)
    pipeline = steps_of(weights, small, proportion).fit(validation)
    frame = {"validation": validation, "live": live}[part]
    found = pipeline[:-1].predict(frame)
    ranks = pipeline.predict(frame)
    assert len(frame) >= 50
    for _, era in frame.groupby("era"):
        left, rank = five_steps_by_hand(era, weights, small, proportion)
        rows = frame.index.isin(era.index)
        expected = left / np.std(left)
        np.testing.assert_allclose(found[rows], expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ranks[rows], rank, rtol=0, atol=1e-9)


def test_real_live_rows_need_no_targets_and_no_order():
    validation, live, models, small = real_rows()
    pipeline = steps_of(real_weights(models), small).fit(validation)
    expected = pipeline.predict(live)
    bare = live[[*small, *models[::-1], "era"]]
    np.testing.assert_array_equal(pipeline.predict(bare), expected)
    assert live["era"].nunique() == 1
    steps = clone(pipeline).set_params(
        **{f"{name}__era": None for name, _ in pipeline.steps}
    )
    whole = steps.fit(live.drop(columns="era")).predict(live.drop(columns="era"))
    np.testing.assert_array_equal(whole, expected)


def test_fifty_real_live_rows_without_eras_are_too_few_to_be_taken_as_one():
    validation, live, models, small = real_rows()
    pipeline = steps_of(real_weights(models), small).fit(validation)
    with pytest.raises(ValueError, match=r"no era column 'era'.*50 rows"):
        pipeline.predict(live.drop(columns="era"))


@each_kind
def test_real_rows_give_identical_predictions_in_every_kind(kind):
    validation, live, models, small = real_rows()
    pipeline = steps_of(real_weights(models), small).fit(validation)
    expected = pipeline.predict(live)
    pipeline.fit(to_kind(validation, kind))
    np.testing.assert_array_equal(pipeline.predict(to_kind(live, kind)), expected)


def test_real_rows_score_as_by_hand():
    validation, _, models, small = real_rows()
    pipeline = steps_of(real_weights(models), small).fit(validation)
    out = pipeline.predict(validation)
    expected = corr_by_hand(validation, out, validation["target"].astype(float))
    found = pipeline.score(validation, validation["target"])
    assert found == pytest.approx(expected, abs=1e-12)
