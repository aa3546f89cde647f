"""Recipes trained window by window, and blended."""

import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import reference
from sklearn.model_selection import GroupKFold

from skbench.datasets import make_benchmark_models
from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict
from skbench.recipes import recipe, riskiest_features

FEW = {"n_estimators": 6, "learning_rate": 0.1, "min_child_samples": 5}
FEW |= {"n_jobs": 1, "random_state": 0, "max_bin": 15}
BLEND = "v43_lgbm_ct_blend"
TARGETS = {
    "target_teager_20": "target_ender_60",
    "target_cyrus_20": "target_cyrus_20",
}
NOMI = {"target_nomi_20": "target_cyrus_20"}
CV = WalkForwardEraSplit(chunk_size=8, purge=2)


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(
        n_eras=30, rows_per_era=50, n_models=2, n_features=12, random_state=7
    )


@pytest.fixture(scope="module")
def made(data):
    return recipe(BLEND).reproduce(data.frame, CV, targets=TARGETS, **FEW)


def all_targets(name, column="target_cyrus_20"):
    """Map every target that a recipe needs to one column."""
    one = recipe(name)
    if not one.is_ensemble:
        return {one.target: column}
    return {k: v for part in one.weights for k, v in all_targets(part, column).items()}


# what comes out


def test_every_model_and_the_ensemble_come_out(made, data):
    assert list(made) == ["era", "v43_lgbm_teager20", "v43_lgbm_cyrus20", BLEND]
    expected = data.frame[data.frame["era"] >= "0009"]
    assert made.index.equals(expected.index)
    assert made["era"].equals(expected["era"])
    assert not made.isna().any(axis=None)
    assert made[BLEND].between(0, 1, inclusive="neither").all()


@pytest.mark.parametrize("part", recipe(BLEND).weights)
def test_a_model_is_predicted_out_of_sample(part, made, data):
    column = TARGETS[recipe(part).target]
    model = recipe(part).estimator(**FEW)
    # The purge of these windows is short, of which the name of a target would warn.
    y = data.frame[column].rename(None)
    found = walk_forward_predict(model, data.frame, y, CV)
    np.testing.assert_array_equal(made[part], found.loc[made.index])


def test_the_ensemble_is_that_of_its_columns(made):
    pipeline = recipe(BLEND).pipeline()
    expected = pipeline.fit(made).predict(made)
    np.testing.assert_allclose(made[BLEND], expected, rtol=0, atol=1e-12)
    one = made[made["era"] == "0020"]
    gauss = [reference.rank_gauss(one[part]) for part in recipe(BLEND).weights]
    blend = np.round(sum(gauss) / 2, 12)
    np.testing.assert_allclose(one[BLEND], reference.percentile_rank(blend), atol=1e-12)


def test_the_same_seed_gives_the_same_numbers(made, data):
    again = recipe(BLEND).reproduce(data.frame, CV, targets=TARGETS, **FEW)
    pd.testing.assert_frame_equal(again, made, check_exact=True)
    other = {**FEW, "random_state": 1, "subsample": 0.5, "subsample_freq": 1}
    changed = recipe(BLEND).reproduce(data.frame, CV, targets=TARGETS, **other)
    assert (changed[BLEND] != made[BLEND]).any()


def test_one_model_alone(made, data):
    name = "v43_lgbm_cyrus20"
    found = recipe(name).reproduce(data.frame, CV, **FEW)
    assert list(found) == ["era", name]
    pd.testing.assert_series_equal(found[name], made[name], check_exact=True)


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_other_frames_give_a_pandas_frame(kind, made, data):
    plain = data.frame.reset_index(drop=True)
    frame = pl.from_pandas(plain) if kind == "polars" else pa.Table.from_pandas(plain)
    found = recipe(BLEND).reproduce(frame, CV, targets=TARGETS, **FEW)
    assert isinstance(found, pd.DataFrame)
    assert found.index[0] == (data.frame["era"] < "0009").sum()
    np.testing.assert_array_equal(found[BLEND], made[BLEND])


def test_the_order_of_rows_and_columns_does_not_matter(made, data):
    mixed = data.frame.sample(frac=1, random_state=0)[data.frame.columns[::-1]]
    features = data.features
    # The order of features and rows is LightGBM's; so that of the features is kept.
    found = recipe(BLEND).reproduce(
        mixed, CV, targets=TARGETS, features=features, **FEW
    )
    assert found.index.equals(mixed.index[mixed["era"] >= "0009"])
    np.testing.assert_allclose(
        found.loc[made.index, "v43_lgbm_cyrus20"], made["v43_lgbm_cyrus20"], atol=1e-9
    )


def test_the_callers_frame_stays_as_it_was(data):
    before = data.frame.copy()
    recipe("v43_lgbm_cyrus20").reproduce(data.frame, CV, **FEW)
    pd.testing.assert_frame_equal(data.frame, before)


def test_another_name_for_the_era_column(made, data):
    frame = data.frame.rename(columns={"era": "week"})
    found = recipe(BLEND).reproduce(frame, CV, targets=TARGETS, era="week", **FEW)
    assert found.columns[0] == "week"
    np.testing.assert_array_equal(found[BLEND], made[BLEND])


def test_equal_index_labels_do_no_harm(made, data):
    frame = data.frame.set_axis(np.zeros(len(data.frame)), axis=0)
    found = recipe(BLEND).reproduce(frame, CV, targets=TARGETS, **FEW)
    np.testing.assert_array_equal(found[BLEND], made[BLEND])


# windows


@pytest.fixture(scope="module")
def long():
    """Return as many eras as four published windows need, of few rows each."""
    rng = np.random.default_rng(0)
    eras = np.repeat([f"{era:04d}" for era in range(1, 640)], 4)
    frame = pd.DataFrame({"era": eras, "feature_a": rng.integers(0, 5, len(eras))})
    for days in (20, 60):
        frame[f"target_cyrus_{days}"] = rng.random(len(eras))
    return frame


class Spy:
    """Stands for `walk_forward_predict`, and keeps the windows it is handed."""

    def __init__(self):
        self.seen = []

    def __call__(self, estimator, X, y, cv, **kwargs):
        self.seen.append((y.name, cv))
        return walk_forward_predict(estimator, X, y, cv, **kwargs)


def windows_of(monkeypatch, name, frame, cv=None, **options):
    spy = Spy()
    home = sys.modules["skbench.recipes._reproduce"]
    monkeypatch.setattr(home, "walk_forward_predict", spy)
    recipe(name).reproduce(frame, cv, **options, **FEW)
    number = frame["era"].astype(int).to_numpy()
    return {
        target: [
            (number[a].min(), number[a].max(), number[b].min(), number[b].max())
            for a, b in cv
        ]
        for target, cv in spy.seen
    }


@pytest.mark.parametrize(
    ("name", "column", "ends"),
    [
        ("v42_lgbm_cyrus20", "target_cyrus_20", [148, 304, 460, 616]),
        ("v42_lgbm_cyrus60", "target_cyrus_60", [140, 296, 452, 608]),
        # The purge is that of what the model is trained on.
        ("v42_lgbm_cyrus20", "target_cyrus_60", [140, 296, 452, 608]),
        ("v42_lgbm_cyrus60", "target_cyrus_20", [148, 304, 460, 616]),
    ],
)
def test_the_default_is_the_published_windows(name, column, ends, monkeypatch, long):
    targets = {recipe(name).target: column}
    found = windows_of(monkeypatch, name, long, targets=targets)
    starts = [157, 313, 469, 625]
    stops = [312, 468, 624, 639]
    expected = list(zip([1] * 4, ends, starts, stops, strict=True))
    assert found == {column: expected}


def test_a_target_without_days_is_purged_longest(monkeypatch, long):
    frame = long.rename(columns={"target_cyrus_20": "target"})
    found = windows_of(
        monkeypatch,
        "v42_lgbm_cyrus20",
        frame,
        targets={"target_cyrus_20": "target"},
    )
    assert [window[1] for window in found["target"]] == [140, 296, 452, 608]


# Of so few rows in an era, some are all alike.
@pytest.mark.filterwarnings("ignore:the prediction .* is the same in all rows")
def test_each_model_has_the_purge_of_its_own_target(monkeypatch, long):
    columns = {"target_jerome_60": "target_cyrus_60"}
    names = ("nomi", "ralph", "victor", "waldo", "tyler")
    columns |= {f"target_{name}_20": "target_cyrus_20" for name in names}
    found = windows_of(
        monkeypatch,
        "v41_example_preds",
        long[long["era"] <= "0330"],
        targets=columns,
        feature_sets={"medium": ["feature_a"]},
    )
    assert [window[1] for window in found["target_cyrus_20"]] == [148, 304]
    assert [window[1] for window in found["target_cyrus_60"]] == [140, 296]


def test_given_windows_are_used_as_given(monkeypatch, data):
    found = windows_of(monkeypatch, BLEND, data.frame, CV, targets=TARGETS)
    expected = [(1, 6, 9, 16), (1, 14, 17, 24), (1, 22, 25, 30)]
    assert found == dict.fromkeys(TARGETS.values(), expected)


def test_windows_may_be_rows_and_come_from_a_generator(made, data):
    splits = ((train, test) for train, test in CV.split(data.frame))
    found = recipe(BLEND).reproduce(data.frame, splits, targets=TARGETS, **FEW)
    pd.testing.assert_frame_equal(found, made)
    masks = [
        (np.isin(np.arange(len(data.frame)), a), np.isin(np.arange(len(data.frame)), b))
        for a, b in CV.split(data.frame)
    ]
    found = recipe(BLEND).reproduce(data.frame, masks, targets=TARGETS, **FEW)
    pd.testing.assert_frame_equal(found, made)


def test_another_splitter_gets_the_eras_as_groups(data):
    found = recipe("v43_lgbm_cyrus20").reproduce(data.frame, GroupKFold(2), **FEW)
    assert len(found) == len(data.frame)


def test_a_model_without_a_first_window_leaves_the_ensemble_missing(long):
    late = long[(long["era"] >= "0144") & (long["era"] <= "0330")]
    found = recipe("v41_example_preds").reproduce(
        late,
        targets={
            "target_jerome_60": "target_cyrus_60",
            **{
                f"target_{name}_20": "target_cyrus_20"
                for name in ("nomi", "ralph", "victor", "waldo", "tyler")
            },
        },
        feature_sets={"medium": ["feature_a"]},
        **FEW,
    )
    first = found["era"] <= "0312"
    assert first.any()
    assert found.loc[first, "v41_lgbm_nomi20"].notna().all()
    assert (
        found.loc[first, ["v41_lgbm_jerome60", "v41_example_preds"]]
        .isna()
        .all(axis=None)
    )
    assert found[~first].notna().all(axis=None)


# no look-ahead


@pytest.mark.parametrize("name", [BLEND, "v4_example_preds", "announcement_example"])
def test_later_targets_change_no_earlier_prediction(name, data):
    options = {"n_riskiest": 4, **FEW}
    targets = all_targets(name)
    if name == BLEND:
        targets = TARGETS
    before = recipe(name).reproduce(data.frame, CV, targets=targets, **options)
    frame = data.frame.copy()
    # The last window trains on eras 1 to 22, the one before it on 1 to 14.
    later = frame["era"] >= "0015"
    columns = list(set(targets.values()))
    frame.loc[later, columns] = 1 - frame.loc[later, columns]
    after = recipe(name).reproduce(frame, CV, targets=targets, **options)
    same = before["era"] <= "0024"
    pd.testing.assert_frame_equal(after[same], before[same], check_exact=True)
    assert (after.loc[~same, name] != before.loc[~same, name]).any()


def test_later_features_change_no_earlier_prediction(data):
    options = {"targets": NOMI, "n_riskiest": 4, **FEW}
    before = recipe("v4_example_preds").reproduce(data.frame, CV, **options)
    frame = data.frame.copy()
    later = frame["era"] >= "0025"
    frame.loc[later, data.features] = 4 - frame.loc[later, data.features]
    after = recipe("v4_example_preds").reproduce(frame, CV, **options)
    same = before["era"] <= "0024"
    pd.testing.assert_frame_equal(after[same], before[same], check_exact=True)


# neutralisation


@pytest.mark.parametrize("exact", [False, True])
def test_each_window_is_neutral_to_the_riskiest_of_its_training(exact, data):
    name = "v4_example_preds"
    found = recipe(name).reproduce(
        data.frame, CV, targets=NOMI, n_riskiest=4, exact=exact, **FEW
    )
    assert list(found) == ["era", "v4_lgbm_nomi20", name]
    chosen = set()
    for train, test in CV.split(data.frame):
        X, rows = data.frame.iloc[train], data.frame.iloc[test]
        riskiest = riskiest_features(X, X["target_cyrus_20"], 4)
        chosen.add(tuple(riskiest))
        X = rows[["era", *riskiest]].join(found["v4_lgbm_nomi20"])
        pipeline = recipe(name).pipeline(
            feature_sets={"riskiest": riskiest}, exact=exact
        )
        expected = pipeline.fit(X).predict(X)
        np.testing.assert_allclose(found.loc[rows.index, name], expected, atol=1e-12)
    assert len(chosen) > 1


def test_a_set_named_riskiest_is_not_read(data):
    options = {"targets": NOMI, "n_riskiest": 4, **FEW}
    expected = recipe("v4_example_preds").reproduce(data.frame, CV, **options)
    sets = {"riskiest": data.features[:1]}
    found = recipe("v4_example_preds").reproduce(
        data.frame, CV, feature_sets=sets, **options
    )
    pd.testing.assert_frame_equal(found, expected)


def test_the_sets_neutralise_the_ensemble(data):
    name = "v41_example_preds"
    targets = all_targets(name)
    sets = {"medium": data.features[:5]}
    found = recipe(name).reproduce(
        data.frame, CV, targets=targets, feature_sets=sets, **FEW
    )
    X = found.join(data.frame[data.features[:5]])
    expected = recipe(name).pipeline(feature_sets=sets).fit(X).predict(X)
    np.testing.assert_allclose(found[name], expected, atol=1e-12)
    columns = list(recipe(name).weights)
    assert (found[columns].nunique(axis=1) == 1).all()  # one target for them all


def test_the_inner_ensemble_is_built_first(data):
    name = "announcement_example"
    found = recipe(name).reproduce(data.frame, CV, targets=all_targets(name), **FEW)
    models = list(recipe("v42_rain_ensemble").weights)
    assert list(found) == ["era", "v4_lgbm_nomi20", *models, "v42_rain_ensemble", name]
    assert len(models) == 22
    for ensemble in ("v42_rain_ensemble", name):
        expected = recipe(ensemble).pipeline().fit(found).predict(found)
        np.testing.assert_allclose(found[ensemble], expected, atol=1e-12)


def test_the_tutorial_blends_ranks(data):
    name = "target_ensemble_tutorial"
    found = recipe(name).reproduce(
        data.frame,
        CV,
        targets=all_targets(name),
        feature_sets={"small": data.features[:4]},
        **FEW,
    )
    # Added up as the ensemble does, so that ties are the same.
    ranks = found.groupby("era")[list(recipe(name).weights)].rank() - 0.5
    sizes = found.groupby("era")["era"].transform("size")
    blend = (ranks.div(sizes, axis=0) * 0.5).sum(axis=1)
    again = blend.groupby(found["era"]).rank(method="first")
    np.testing.assert_allclose(found[name], (again - 0.5) / sizes, atol=1e-12)


def test_the_tutorials_train_on_every_fourth_era_of_a_window(data):
    name = "nb_hello_numerai"
    options = {
        "targets": all_targets(name),
        "feature_sets": {"small": data.features},
        **FEW,
    }
    mixed = data.frame.sample(frac=1, random_state=1)
    found = recipe(name).reproduce(mixed, CV, **options)
    eras = mixed["era"].astype(int).to_numpy()
    model = recipe(name).estimator(data.features, **FEW)
    windows = [
        (train[eras[train] % 4 == 1], test)  # eras 1, 5, 9, ...
        for train, test in CV.split(mixed)
    ]
    y = mixed["target_cyrus_20"].rename(None)
    expected = walk_forward_predict(model, mixed, y, windows)
    np.testing.assert_array_equal(found[name], expected.loc[found.index])
    pairs = [(list(train), list(test)) for train, test in CV.split(mixed)]
    again = recipe(name).reproduce(mixed, pairs, **options)
    np.testing.assert_array_equal(again[name], found[name])
    whole = walk_forward_predict(model, mixed, y, CV)
    assert (found[name] != whole.loc[found.index]).any()


def test_the_tutorial_about_neutralising_neutralises_what_it_predicts(data):
    name = "nb_feature_neutral"
    sets = {"small": data.features[:8], "serenity": data.features[5:]}
    found = recipe(name).reproduce(
        data.frame, CV, targets=all_targets(name), feature_sets=sets, **FEW
    )
    X = found.join(data.frame[data.features])
    expected = recipe(name).pipeline(feature_sets=sets).fit(X).predict(X)
    np.testing.assert_allclose(found[name], expected, atol=1e-12)


# features


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("v43_lgbm_cyrus20", {}, slice(None)),
        ("v43_lgbm_cyrus20", {"feature_sets": {"small": slice(2)}}, slice(None)),
        ("v43_lgbm_cyrus20", {"feature_sets": {"all": slice(5)}}, slice(5)),
        ("v43_lgbm_cyrus20", {"features": slice(3)}, slice(3)),
        (
            "v3_example_preds",
            {"feature_sets": {"v3_equivalent_features": slice(4)}},
            slice(4),
        ),
        ("v3_example_preds", {"features": slice(6)}, slice(6)),
    ],
)
def test_models_are_trained_on_the_features_of_the_recipe(
    name, options, expected, data
):
    def named(value):
        if isinstance(value, dict):
            return {key: named(part) for key, part in value.items()}
        return data.features[value]

    given = {key: named(value) for key, value in options.items()}
    rng = np.random.default_rng(0)

    def predicted_with_noise_for(names):
        noise = {name: rng.permutation(data.frame[name]) for name in names}
        made = recipe(name).reproduce(
            data.frame.assign(**noise),
            CV,
            targets=all_targets(name),
            **given,
            **{**FEW, "colsample_bytree": 1.0},
        )
        return made[name]

    used = data.features[expected]
    found = predicted_with_noise_for([])
    again = predicted_with_noise_for([n for n in data.features if n not in used])
    np.testing.assert_array_equal(again, found)
    for one in used:
        assert (predicted_with_noise_for([one]) != found).any()


# errors, all before anything is trained


@pytest.fixture
def untrained(monkeypatch):
    """Fail where a model would be trained."""

    def train(*args, **kwargs):
        raise AssertionError("a model was trained")

    home = sys.modules["skbench.recipes._reproduce"]
    monkeypatch.setattr(home, "walk_forward_predict", train)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (BLEND, {}, r"`train` lacks the targets 'target_teager_20'; it has 'target',"),
        (BLEND, {"targets": {"target_x": "target"}}, r"`targets` names 'target_x'"),
        (BLEND, {"targets": ["target"]}, "`targets` must be a mapping"),
        (BLEND, {"feature_sets": ["a"]}, "`feature_sets` must be a mapping"),
        (BLEND, {"era": "week"}, "no era column 'week'"),
        (BLEND, {"era": None}, "no era column None"),
        (BLEND, {"progress": 2}, "`progress` must be True or False; got 2"),
        (BLEND, {"exact": "no"}, "`exact` must be True or False; got 'no'"),
        (BLEND, {"targets": TARGETS, "cv": 5}, "`cv` must be a splitter .* got 5"),
        (BLEND, {"targets": TARGETS, "cv": None}, "Choose a smaller `chunk_size`"),
        (
            BLEND,
            {"targets": TARGETS, "features": ["feature_x"]},
            "`features` names 'feature_x', which X does not have",
        ),
        (
            BLEND,
            {"targets": TARGETS, "features": ["target_cyrus_20"]},
            "'target_cyrus_20' cannot be a feature to train on",
        ),
        (
            BLEND,
            {"targets": TARGETS, "features": ["era"]},
            "'era' cannot be a feature to train on",
        ),
        (
            "v2_example_preds",
            {"targets": NOMI, "feature_sets": {"small": []}},
            "must hold 'v2_equivalent_features', on which 'v2_example_preds' is traine",
        ),
        (
            "v42_rain_ensemble2",
            {"targets": all_targets("v42_rain_ensemble2")},
            "`feature_sets` must hold the names of 'serenity'",
        ),
        (
            "v42_rain_ensemble2",
            {
                "targets": all_targets("v42_rain_ensemble2"),
                "feature_sets": {"serenity": ["feature_x"]},
            },
            "`feature_sets` names 'feature_x'",
        ),
        (
            "v4_example_preds",
            {"targets": NOMI},
            "`n_riskiest` must be at most 12, the number of features; got 50",
        ),
        (
            "v4_example_preds",
            {"targets": NOMI, "n_riskiest": 0},
            "`n_riskiest` must be a whole number of at least 1; got 0",
        ),
    ],
)
@pytest.mark.usefixtures("untrained")
def test_bad_input_is_refused_before_anything_is_trained(name, options, message, data):
    options = {"cv": CV, **options}
    with pytest.raises(ValueError, match=message):
        recipe(name).reproduce(data.frame, **options, **FEW)


@pytest.mark.usefixtures("untrained")
def test_a_window_without_targets_is_refused_before_anything_is_trained(data):
    frame = data.frame.copy()
    frame.loc[frame["era"] <= "0008", "target_ender_60"] = np.nan
    message = r"'target_ender_60' is missing in all \d+ training rows of a window"
    with pytest.raises(ValueError, match=message):
        recipe(BLEND).reproduce(frame, CV, targets=TARGETS, **FEW)


@pytest.mark.usefixtures("untrained")
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(ValueError, match="`train` must be a frame"):
        recipe(BLEND).reproduce(data.frame[data.features].to_numpy(), CV)
    with pytest.raises(TypeError, match="`train` is a polars LazyFrame"):
        recipe(BLEND).reproduce(pl.from_pandas(data.frame).lazy(), CV)


@pytest.mark.usefixtures("untrained")
def test_lightgbm_is_missed_before_anything_else_happens(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ImportError, match=r"skbench\[models\]"):
        recipe(BLEND).reproduce(data.frame, CV, targets=TARGETS)


def test_windows_that_overlap_are_refused(data):
    n = len(data.frame)
    windows = [(np.arange(500), np.arange(600, n)), (np.arange(500), np.arange(700, n))]
    with pytest.raises(ValueError, match="windows: at most one may"):
        recipe(BLEND).reproduce(data.frame, windows, targets=TARGETS, **FEW)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("kind", ["positions", "mask"])
def test_rows_are_not_predicted_by_what_was_trained_on_them(kind, data):
    train, test = np.arange(500), np.arange(490, 600)
    if kind == "mask":
        train, test = (np.isin(np.arange(len(data.frame)), x) for x in (train, test))
    with pytest.raises(ValueError, match=r"`cv` must predict other rows .*; 10 rows"):
        recipe(BLEND).reproduce(data.frame, [(train, test)], targets=TARGETS)


def test_progress_is_shown_where_it_is_asked_for(data, capfd):
    recipe("v43_lgbm_cyrus20").reproduce(data.frame, CV, **FEW)
    assert capfd.readouterr() == ("", "")
    recipe("v43_lgbm_cyrus20").reproduce(data.frame, CV, progress=True, **FEW)
    out, err = capfd.readouterr()
    assert not out
    assert "model" in err
    assert "window" in err


# real rows


@cache
def real_rows():
    folder = os.environ.get("SKBENCH_DATA")
    if not folder or not (Path(folder) / "train.parquet").is_file():
        pytest.skip("SKBENCH_DATA names no folder with Numerai's files")
    parts = ("train", "validation")
    return pd.concat(pd.read_parquet(Path(folder) / f"{p}.parquet") for p in parts)


REAL_CV = WalkForwardEraSplit(chunk_size=44, purge=4)


def test_real_rows_make_a_benchmark_file():
    rows = real_rows()
    columns = [c for c in rows if c.startswith("target_")]
    needed = list(all_targets("v42_rain_ensemble2"))
    targets = {name: columns[i % len(columns)] for i, name in enumerate(needed)}
    sets = {"serenity": [c for c in rows if c.startswith("feature")][:10]}
    made = recipe("V42_RAIN_ENSEMBLE2").reproduce(
        rows, REAL_CV, targets=targets, feature_sets=sets, **FEW
    )
    assert made.shape == ((rows["era"] >= "0045").sum(), 13)
    assert made["era"].iloc[[0, -1]].tolist() == ["0045", "0132"]
    assert made.notna().all(axis=None)
    X = made.join(rows[sets["serenity"]])
    expected = recipe("v42_rain_ensemble2").pipeline(feature_sets=sets).fit(X)
    np.testing.assert_allclose(
        made["v42_rain_ensemble2"], expected.predict(X), atol=1e-12
    )
    # Models of one target are alike, those of unlike targets are not.
    names = list(recipe("v42_rain_ensemble2").weights)
    assert (made[names[0]] == made[names[7]]).all()
    assert (made[names[0]] != made[names[1]]).any()


def test_real_rows_are_neutral_to_the_riskiest_features():
    rows = real_rows()
    made = recipe("v4_example_preds").reproduce(
        rows,
        REAL_CV,
        targets={"target_nomi_20": "target_bernie_30"},
        n_riskiest=5,
        exact=True,
        **FEW,
    )
    features = [c for c in rows if c.startswith("feature")]
    train, test = list(REAL_CV.split(rows))[1]
    X, later = rows.iloc[train], rows.iloc[test]
    riskiest = riskiest_features(X, X["target_bernie_30"], 5)
    assert set(riskiest) < set(features)
    strongest = []
    for _, era in later.groupby("era"):
        raw = made.loc[era.index, "v4_lgbm_nomi20"]
        neutral = made.loc[era.index, "v4_example_preds"]
        if raw.nunique() > 10:
            pair = [era[riskiest].corrwith(one).abs().max() for one in (raw, neutral)]
            strongest.append(pair)
    raw, neutral = np.mean(strongest, axis=0)
    assert neutral < raw / 2  # ranks of what is neutral are nearly so
