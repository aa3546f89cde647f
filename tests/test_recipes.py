"""Recipes as data, and the pipelines and estimators that they build."""

import copy
import pickle
import re
import sys
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
import reference
from helpers import each_kind, to_kind
from scipy.special import ndtr, ndtri
from scipy.stats import qmc
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
from skbench.datasets import make_benchmark_models
from skbench.metrics import max_feature_exposure
from skbench.model_selection import walk_forward_predict
from skbench.recipes import (
    COLUMNS,
    FeatureRegressor,
    Recipe,
    describe_recipes,
    list_recipes,
    recipe,
    riskiest_features,
)

NAN = float("nan")
ENSEMBLES = [name for name in list_recipes() if recipe(name).is_ensemble]
MODELS = [name for name in list_recipes() if not recipe(name).is_ensemble]
NEUTRAL = [name for name in ENSEMBLES if recipe(name).neutralizers]
RAIN = (
    "ralph",
    "jeremy",
    "waldo",
    "tyler",
    "victor",
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
)


@pytest.fixture(scope="module")
def data():
    """Return few rows, in shuffled order, with many models."""
    data = make_benchmark_models(
        n_eras=5,
        rows_per_era=150,
        n_models=22,
        n_features=24,
        targets=["target_cyrus_20"],
        unscored=False,
        random_state=3,
    )
    data.frame = data.frame.sample(frac=1, random_state=0)
    models = data.frame[data.models]
    data.frame[data.models] = models.round(2)  # ties, which row order breaks
    return data


def sets_of(data, name):
    """Name the feature sets of a recipe among those of synthetic data."""
    return dict.fromkeys(recipe(name).neutral_sets, data.feature_groups["serenity"])


def today(data, name):
    return dict(zip(recipe(name).weights, data.models, strict=False))


def tutorial(frame, columns, name, features):
    """Blend as the tutorials do, era by era; not yet ranked."""
    one = recipe(name)
    if one.ranks == "uniform":
        ranks = frame.groupby("era")[list(columns.values())].rank(pct=True)
        return ranks.mean(axis=1).to_numpy()
    (column,) = columns.values()
    out = pd.Series(np.nan, index=frame.index)
    for _, era in frame.groupby("era"):
        F = np.column_stack([era[features].to_numpy(float), np.ones(len(era))])
        x = era[column].to_numpy()
        out[era.index] = x - F @ (np.linalg.pinv(F) @ x)
    return out.to_numpy()


def published(frame, columns, name, features):
    """Blend and neutralise as published, era by era and in float64; not yet ranked."""
    one = recipe(name)
    out = pd.Series(np.nan, index=frame.index)
    for _, era in frame.groupby("era"):
        gauss = [reference.rank_gauss(era[columns[part]]) for part in one.weights]
        blend = reference.blend(np.column_stack(gauss), list(one.weights.values()))
        blend = reference.rank_gauss(blend)
        if features:
            blend = reference.published_neutralization(
                blend, era[features], one.proportion
            )
        out[era.index] = blend
    return out.to_numpy()


# the catalogue


def test_all_published_models_are_there():
    names = (
        "V42_RAIN_ENSEMBLE V42_RAIN_ENSEMBLE2 V42_LGBM_CT_BLEND V43_LGBM_CT_BLEND "
        "V5_LGBM_CT_BLEND V41_EXAMPLE_PREDS V42_EXAMPLE_PREDS V4_EXAMPLE_PREDS "
        "V3_EXAMPLE_PREDS V2_EXAMPLE_PREDS V4_LGBM_NOMI20 V53_LGBM_ENDER60"
    )
    for name in names.split():
        assert recipe(name).name == name.lower()
    assert len(set(list_recipes())) == len(list_recipes())


@pytest.mark.parametrize("name", ENSEMBLES)
def test_weights_sum_to_one_and_keep_the_published_ratios(name):
    one = recipe(name)
    assert sum(one.weights.values()) == pytest.approx(1, abs=1e-15)
    shares = dict(one.shares)
    assert list(one.weights) == list(shares)
    first = next(iter(shares))
    for part, weight in one.weights.items():
        ratio = weight / one.weights[first]
        assert ratio == pytest.approx(shares[part] / shares[first], rel=1e-15)
        assert weight > 0


def test_the_rain_ensemble_is_as_published():
    weights = recipe("V42_RAIN_ENSEMBLE").weights
    expected = {"v42_lgbm_cyrus20": 0.33, "v42_lgbm_cyrus60": 0.17}
    expected |= {f"v42_lgbm_{name}20": 0.033 for name in RAIN}
    expected |= {f"v42_lgbm_{name}60": 0.017 for name in RAIN}
    assert weights == pytest.approx(expected)
    assert len(weights) == 22


def test_the_second_rain_ensemble_is_the_20_day_half():
    expected = {"v42_lgbm_cyrus20": 0.5, **{f"v42_lgbm_{n}20": 0.05 for n in RAIN}}
    one = recipe("v42_rain_ensemble2")
    assert one.weights == pytest.approx(expected)
    assert (one.neutralizers, one.proportion) == ("serenity", 1.0)


def test_the_sunshine_example_is_as_published():
    one = recipe("V41_EXAMPLE_PREDS")
    assert [part.target for part in one.parts] == [
        "target_nomi_20",
        "target_jerome_60",
        "target_ralph_20",
        "target_victor_20",
        "target_waldo_20",
        "target_tyler_20",
    ]
    assert set(one.weights.values()) == {1 / 6}
    assert (one.neutralizers, one.proportion) == ("medium", 0.5)


def test_the_announcements_example_has_an_ensemble_as_a_part():
    one = recipe("announcement_example")
    assert one.weights == {"v4_lgbm_nomi20": 0.1, "v42_rain_ensemble": 0.9}
    assert [part.is_ensemble for part in one.parts] == [False, True]


@pytest.mark.parametrize("version", ["v42", "v43"])
def test_the_blends_are_half_and_half(version):
    halves = {f"{version}_lgbm_teager20": 0.5, f"{version}_lgbm_cyrus20": 0.5}
    assert recipe(f"{version}_lgbm_ct_blend").weights == halves


def test_the_blend_of_v5_has_the_targets_of_v5():
    one = recipe("v5_lgbm_ct_blend")
    assert one.weights == {"v5_lgbm_teager2b20": 0.5, "v5_lgbm_cyrusd20": 0.5}


# Columns that came with each release, as listed in October 2026.
RELEASED = {
    "v4": """v4_lgbm_jerome20 v4_lgbm_jerome60 v4_lgbm_nomi20 v4_lgbm_nomi60
        v4_lgbm_ralph20 v4_lgbm_ralph60 v4_lgbm_tyler20 v4_lgbm_tyler60
        v4_lgbm_victor20 v4_lgbm_victor60 v4_lgbm_waldo20 v4_lgbm_waldo60""",
    "v4.1": """v41_lgbm_caroline20 v41_lgbm_caroline60 v41_lgbm_cyrus20
        v41_lgbm_cyrus60 v41_lgbm_sam20 v41_lgbm_sam60 v41_lgbm_xerxes20
        v41_lgbm_xerxes60""",
    "v4.2": """v2_example_preds v3_example_preds v41_example_preds v42_example_preds
        v42_lgbm_agnes20 v42_lgbm_claudia20 v42_lgbm_ct_blend v42_lgbm_rowan20
        v42_lgbm_teager20 v42_lgbm_teager60 v42_rain_ensemble v42_rain_ensemble2
        v42_teager_ensemble v42_teager_plus_cyrus""",
    "v4.3": """v43_lgbm_ct_blend v43_lgbm_cyrus20 v43_lgbm_cyrus60 v43_lgbm_teager20
        v43_lgbm_teager60""",
    "v5.0": "v5_lgbm_ct_blend v5_lgbm_cyrusd20 v5_lgbm_teager2b20",
    "v5.1": """v51_lgbm_cyrusd20 v51_lgbm_cyrusd60 v51_lgbm_teager2b20
        v51_lgbm_teager2b60""",
    "v5.2": """v52_lgbm_cyrusd20 v52_lgbm_cyrusd60 v52_lgbm_ender20 v52_lgbm_ender60
        v52_lgbm_jasper20 v52_lgbm_jasper60 v52_lgbm_teager2b20 v52_lgbm_teager2b60""",
    "v5.3": "v53_lgbm_ender20 v53_lgbm_ender60",
}


def test_the_columns_of_each_release_are_those_that_were_listed():
    released = {name: text.split() for name, text in RELEASED.items()}
    files = dict(released)
    files["v4.2"] = [n for name in ("v4", "v4.1", "v4.2") for n in released[name]]
    files["v4.3"] = [*files["v4.2"], *released["v4.3"]]
    assert {name: sorted(found) for name, found in COLUMNS.items()} == {
        name: sorted(columns) for name, columns in files.items()
    }


def test_every_column_is_a_recipe_but_those_without_a_definition():
    undefined = {"v42_teager_ensemble", "v42_teager_plus_cyrus"}
    columns = {name for columns in COLUMNS.values() for name in columns}
    assert columns - set(list_recipes()) == undefined
    for name in columns - undefined:
        held = [release for release, found in COLUMNS.items() if name in found]
        assert list(recipe(name).published_in) == held


@pytest.mark.parametrize(
    ("name", "releases"),
    [
        ("v42_lgbm_ct_blend", ("v4.2", "v4.3")),
        ("v43_lgbm_ct_blend", ("v4.3",)),
        ("v5_lgbm_ct_blend", ("v5.0",)),
        ("announcement_example", ("v4.2", "v4.3")),
        ("integration_test", ("v5.0",)),
        ("v4_example_preds", ("v4", "v4.2", "v4.3")),
        # The files never had all parts of these.
        ("v42_rain_ensemble", ()),
        ("v42_rain_ensemble2", ()),
        ("v41_example_preds", ()),
        ("target_ensemble_tutorial", ()),
        ("nb_target_ensemble", ()),
        ("nb_feature_neutral", ()),
        ("v53_lgbm_ender20", ()),
    ],
)
def test_what_can_be_made_from_the_file_of_a_release(name, releases):
    assert recipe(name).made_from == releases


def test_what_no_file_ever_held_is_known_as_such():
    never = {name for name in list_recipes() if not recipe(name).published_in}
    assert {name for name in never if recipe(name).is_ensemble} == {
        "v4_example_preds",
        "announcement_example",
        "integration_test",
        "target_ensemble_tutorial",
        "nb_target_ensemble",
        "nb_feature_neutral",
    }
    assert {"v42_lgbm_ralph20", "v41_lgbm_nomi20", "nb_hello_numerai"} <= never


def test_the_example_of_v42_is_its_model_of_cyrus():
    """The file has no v42_lgbm_cyrus20: without this its blend could not be rebuilt."""
    names = ("v42_lgbm_cyrus20", "v42_example_preds")
    assert names[0] not in COLUMNS["v4.2"]
    assert names[1] in COLUMNS["v4.2"]
    for name in names:
        assert set(recipe(name).column_names) == {*names, "lg_lgbm_v42_cyrus20"}
        assert recipe(name).column_names[0] == name
    assert recipe(names[0]).parameters == recipe(names[1]).parameters
    assert recipe(names[0]).target == recipe(names[1]).target
    assert recipe("v42_lgbm_cyrus60").column_names == ("v42_lgbm_cyrus60",)


@pytest.mark.parametrize(
    ("name", "version", "days"),
    [("target_ensemble_tutorial", "v5.2", 20), ("nb_target_ensemble", "v5.3", 60)],
)
def test_the_target_ensemble_tutorial_blends_two_models(name, version, days):
    one = recipe(name)
    parts = [f"tutorial_lgbm_{target}{days}" for target in ("ender", "teager2b")]
    assert one.weights == dict.fromkeys(parts, 0.5)
    assert one.version == version
    for part in one.parts:
        assert (part.version, part.feature_set, part.era_step) == (version, "small", 4)
        assert part.parameters["num_leaves"] == 15


def test_models_are_of_releases_that_have_their_target():
    """v5.0 and v5.1 have no Ender; the tutorial's model of it is of a later release."""
    for name in MODELS:
        one = recipe(name)
        assert not ("ender" in one.target and one.version in ("v5.0", "v5.1")), name


def test_what_the_benchmark_account_submits_is_there():
    favourite = recipe("INTEGRATION_TEST")
    assert favourite.weights == {"v5_lgbm_ct_blend": 1.0}
    for name in ("nb_hello_numerai", "nb_example_model"):
        one = recipe(name)
        assert (one.target, one.feature_set) == ("target_ender_60", "small")
        assert (one.version, one.era_step) == ("v5.3", 4)
    neutral = recipe("nb_feature_neutral")
    assert neutral.weights == {"tutorial_lgbm_ender60": 1.0}
    assert (neutral.neutral_sets, neutral.proportion) == (("small", "serenity"), 1.0)


def test_two_sets_stand_for_what_both_have():
    sets = {"small": ["a", "b", "c"], "serenity": ["c", "x", "a"]}
    assert recipe("nb_feature_neutral").neutral_features(sets) == ["a", "c"]
    step = recipe("nb_feature_neutral").pipeline(feature_sets=sets)[1]
    assert (step.neutralizers, step.fit_intercept) == (["a", "c"], True)
    assert recipe("v42_rain_ensemble2").neutral_features(sets) == ["c", "x", "a"]
    assert recipe("v42_rain_ensemble").neutral_features(sets) == []
    assert recipe("nb_feature_neutral").neutral_features({"small": ["a"]}) is None
    apart = {"small": ["a"], "serenity": ["b"]}
    with pytest.raises(ValueError, match=r"must hold the names of .*got \[\]"):
        recipe("nb_feature_neutral").pipeline(feature_sets=apart)


def test_sources_are_dated():
    assert set(describe_recipes()["checked"]) == {"2026-10"}
    assert recipe("v52_lgbm_jasper60").source != recipe("v5_lgbm_cyrusd20").source


# Rows that Numerai printed, of era 0575 of v5.0: Cyrusd20, Teager2b20, their blend.
PRINTED = np.array(
    [
        [0.323319, 0.506974, 0.404506],
        [0.860873, 0.823677, 0.851931],
        [0.749285, 0.950823, 0.883941],
        [0.981402, 0.977289, 0.981760],
        [0.862482, 0.831903, 0.857117],
    ]
)


def printed_era(correlation, n=40_000):
    """Make up the rest of an era, so that these rows have the ranks that they had.

    Normal quantiles at evenly spread ranks, of two columns that correlate so much.
    """
    grid = qmc.Sobol(2, scramble=False).random(2**16)[1 : n + 1]
    first, second = ndtri(grid.T)
    second = correlation * first + np.sqrt(1 - correlation**2) * second
    made = np.column_stack([ndtr(first), ndtr(second)])
    rows = np.vstack([PRINTED[:, :2], made])
    frame = pd.DataFrame(rows, columns=["v5_lgbm_cyrusd20", "v5_lgbm_teager2b20"])
    return frame.assign(era="0575")


def test_the_blend_of_v5_gives_the_rows_that_were_printed():
    """Within what the rows that were not printed leave open.

    A blend's rank depends on the whole era, of which one number is fitted here: how
    much the two models correlate. That leaves 0.0042, and a share of 60 % four times
    as much.
    """
    one = recipe("v5_lgbm_ct_blend")
    frame = printed_era(0.825)
    found = one.pipeline().fit(frame).predict(frame)[: len(PRINTED)]
    np.testing.assert_allclose(found, PRINTED[:, 2], rtol=0, atol=0.0045)
    other = replace(one, shares=(("v5_lgbm_teager2b20", 40), ("v5_lgbm_cyrusd20", 60)))
    for correlation in (0.7, 0.8, 0.9):
        frame = printed_era(correlation)
        found = other.pipeline().fit(frame).predict(frame)[: len(PRINTED)]
        assert np.abs(found - PRINTED[:, 2]).max() > 0.014


def test_the_blend_of_v42_is_rebuilt_from_the_columns_of_its_file(data):
    part = recipe("v42_lgbm_cyrus20")
    file = data.frame[["era"]].assign(
        v42_lgbm_teager20=data.frame[data.models[0]],
        v42_example_preds=data.frame[data.models[1]],
    )
    held = [name for name in part.column_names if name in file]
    names = {"v42_lgbm_teager20": "v42_lgbm_teager20", "v42_lgbm_cyrus20": held[0]}
    pipeline = recipe("v42_lgbm_ct_blend").pipeline(names).fit(file)
    expected = published(file, names, "v42_lgbm_ct_blend", None)
    np.testing.assert_allclose(pipeline[:-1].predict(file), expected, atol=1e-12)


def test_every_part_is_a_recipe():
    for name in ENSEMBLES:
        assert [part.name for part in recipe(name).parts] == list(recipe(name).weights)


@pytest.mark.parametrize("name", [name for name in MODELS if "_lgbm_" in name])
def test_standard_models_are_named_by_version_and_target(name):
    one = recipe(name)
    version, _, target = name.split("_")
    assert one.target.replace("target", "").replace("_", "") == target
    if version != "tutorial":
        assert one.version.removesuffix(".0").replace(".", "") == version


def test_parameters_are_as_published():
    standard = {
        "n_estimators": 20000,
        "learning_rate": 0.001,
        "max_depth": 6,
        "num_leaves": 64,
        "colsample_bytree": 0.1,
    }
    deep = {**standard, "n_estimators": 30000, "max_depth": 10, "num_leaves": 1024}
    deep["min_child_samples"] = 10000
    tutorial = {**standard, "n_estimators": 2000, "learning_rate": 0.01}
    tutorial |= {"max_depth": 5, "num_leaves": 15}
    assert recipe("v42_example_preds").parameters == standard
    assert recipe("v5_lgbm_cyrusd20").parameters == deep
    assert recipe("v53_lgbm_ender60").parameters == deep
    assert recipe("tutorial_lgbm_ender20").parameters == tutorial
    hello = {**tutorial, "num_leaves": 31}
    assert recipe("nb_hello_numerai").parameters == hello
    assert recipe("nb_example_model").parameters == hello
    assert recipe("v42_rain_ensemble").parameters == {}
    for name in MODELS:
        old = recipe(name).version < "v5"
        assert not old or recipe(name).parameters == standard


def test_the_former_name_is_an_alias():
    one = recipe("LG_LGBM_V42_CYRUS20")
    assert one is recipe("v42_example_preds")
    assert one.target == "target_cyrus_20"
    assert "lg_lgbm_v42_cyrus20" not in list_recipes()


def test_the_older_examples_name_their_features():
    found = {n: recipe(f"{n}_example_preds") for n in ("v2", "v3")}
    assert found["v3"].feature_set == "v3_equivalent_features"
    assert found["v2"].feature_set == "v2_equivalent_features"
    targets = {n: one.target for n, one in found.items()}
    assert targets == {"v2": "target_nomi_20", "v3": "target_ralph_20"}


def test_the_catalogue_cannot_be_changed():
    one = recipe("v43_lgbm_ct_blend")
    before = copy.deepcopy(one)
    one.weights["v43_lgbm_cyrus20"] = 2
    recipe("v42_example_preds").parameters["n_estimators"] = 1
    with pytest.raises(AttributeError, match="cannot assign"):
        one.name = "mine"
    assert one == before == recipe("v43_lgbm_ct_blend")
    assert recipe("v42_example_preds").parameters["n_estimators"] == 20000


def test_recipes_are_hashable_and_pickle():
    for name in list_recipes():
        one = recipe(name)
        assert pickle.loads(pickle.dumps(one)) == one
        assert len({one, recipe(name.upper())}) == 1


def test_a_repr_shows_what_is_in_it():
    shown = repr(recipe("v42_rain_ensemble2"))
    assert "0.5 v42_lgbm_cyrus20 + 0.05 v42_lgbm_ralph20" in shown
    assert "+ 8 more" in shown
    assert "100% neutral to 'serenity'" in shown
    assert "n_estimators=20000" in repr(recipe("v42_example_preds"))
    assert max(len(repr(recipe(name))) for name in list_recipes()) < 250


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("v42_rain_ensembel", "v42_rain_ensemble"),
        ("V42 RAIN ENSEMBLE", "v42_rain_ensemble"),
        ("lg_lgbm_cyrus20", "lg_lgbm_v42_cyrus20"),
        ("v44_lgbm_ct_blend", "v43_lgbm_ct_blend"),
    ],
)
def test_an_unknown_name_is_answered_with_close_ones(name, close):
    with pytest.raises(ValueError, match=f"got {name!r}: did you mean .*{close!r}"):
        recipe(name)


def test_a_name_like_no_other_is_answered_with_where_to_look():
    with pytest.raises(ValueError, match=r"got 'xyz': `list_recipes` lists all"):
        recipe("xyz")


@pytest.mark.parametrize("name", [None, 42, "", ["v42_rain_ensemble"]])
def test_what_is_no_name_is_an_error(name):
    with pytest.raises(ValueError, match="`name` must be"):
        recipe(name)


def test_tables_tell_all():
    table = describe_recipes()
    assert table["name"].tolist() == list_recipes()
    assert table.set_index("name")["n_parts"]["v42_rain_ensemble"] == 22
    assert table["summary"].str.len().between(10, 80).all()
    assert table["source"].str.startswith("https://").all()
    parts = recipe("announcement_example").table()
    assert parts["weight"].tolist() == [0.1, 0.9]
    assert recipe("v42_lgbm_echo60").table()["target"].tolist() == ["target_echo_60"]


# pipelines


@pytest.mark.parametrize("name", ENSEMBLES)
def test_a_pipeline_equals_the_published_steps_by_hand(name, data):
    columns, sets = today(data, name), sets_of(data, name)
    features = next(iter(sets.values()), None)
    pipeline = recipe(name).pipeline(columns, sets).fit(data.frame)
    found = pipeline[:-1].predict(data.frame)
    if recipe(name).ranks == "gauss":
        expected = published(data.frame, columns, name, features)
    else:
        expected = tutorial(data.frame, columns, name, features)
        # Ours are of ranks r - 1/2, or of unit deviation: the order is the same.
        found, expected = (
            reference.by_era(reference.rank_gauss, data.frame["era"], np.round(x, 9))
            for x in (found, expected)
        )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    if recipe(name).ranks == "uniform":
        return  # ranks of ties by row order: below
    ranked = reference.by_era(
        reference.percentile_rank, data.frame["era"], np.round(expected, 9)
    )
    np.testing.assert_allclose(pipeline.predict(data.frame), ranked, atol=0.01)


def test_the_tutorial_ranks_its_mean_again_with_ties_by_row_order():
    name = "target_ensemble_tutorial"
    rng = np.random.default_rng(0)
    # Eras of 64 rows, in which ranks and their means are exact.
    frame = pd.DataFrame({"era": np.repeat(["0001", "0002"], 64)})
    for part in recipe(name).weights:
        frame[part] = rng.integers(0, 40, len(frame)) / 40.0
    by_era = frame.groupby("era")
    mean = by_era[list(recipe(name).weights)].rank(pct=True).mean(axis=1)
    expected = mean.groupby(frame["era"]).rank(pct=True, method="first") - 0.5 / 64
    found = recipe(name).pipeline().fit(frame).predict(frame)
    np.testing.assert_array_equal(found, expected)
    assert mean.duplicated().any()


def test_the_reference_above_is_not_the_blend_before_neutralising(data):
    """The features of the comparison matter."""
    name = "v42_rain_ensemble2"
    columns, features = today(data, name), data.feature_groups["serenity"]
    with_features = published(data.frame, columns, name, features)
    without = published(data.frame, columns, name, None)
    assert np.abs(with_features - without).max() > 0.1


@pytest.mark.parametrize("exact", [False, True])
def test_exposures_to_serenity_drop(exact, data):
    name = "v42_rain_ensemble2"
    features, era = data.feature_groups["serenity"], data.frame["era"]
    columns = today(data, name)
    pipeline = recipe(name).pipeline(columns, data.feature_groups, exact)

    def exposure(values):
        found = max_feature_exposure(values, data.frame[features], era=era)
        return found.to_numpy().mean()

    before = exposure(published(data.frame, columns, name, None))
    after = exposure(pipeline[:-1].fit(data.frame).predict(data.frame))
    assert before > 0.1
    # Without an intercept, features with a mean keep some of their exposure.
    assert after < (1e-6 if exact else 0.7 * before)
    assert exact or after > 1e-4


def test_half_neutral_keeps_half_of_the_exposure(data):
    name = "v41_example_preds"
    columns, features = today(data, name), data.feature_groups["serenity"]
    pipeline = recipe(name).pipeline(columns, {"medium": features}, exact=True)
    neutralizer = pipeline.named_steps["featureneutralizer"]
    assert neutralizer.proportion == 0.5
    raw = pipeline[:-2].fit(data.frame).predict(data.frame)
    neutralizer = clone(neutralizer).set_params(standardize=False)
    half = Pipeline([*pipeline.steps[:-2], ("half", neutralizer)])
    left = half.fit(data.frame).predict(data.frame)
    for _, rows in data.frame.assign(at=range(len(raw))).groupby("era"):
        at = rows["at"].to_numpy()
        F = data.frame[features].to_numpy(float)[at]
        F -= F.mean(axis=0)
        np.testing.assert_allclose(F.T @ left[at], F.T @ raw[at] / 2, atol=1e-7)


def test_the_steps_are_ours():
    pipeline = recipe("V42_RAIN_ENSEMBLE2").pipeline(
        feature_sets={"serenity": ["feature_a"]}
    )
    kinds = [type(step) for _, step in pipeline.steps]
    assert kinds == [
        EraRankGauss,
        WeightedEnsemble,
        EraRankGauss,
        FeatureNeutralizer,
        EraRank,
    ]
    assert pipeline[1].weights == recipe("V42_RAIN_ENSEMBLE2").weights
    assert (pipeline[2].ties, pipeline[2].scale) == ("first", False)
    assert pipeline[3].fit_intercept is False
    again = recipe("target_ensemble_tutorial").pipeline()
    assert [type(step) for _, step in again.steps] == [
        EraRank,
        WeightedEnsemble,
        EraRank,
    ]
    assert (again[0].ties, again[2].ties) == ("average", "first")


def test_the_inner_ensemble_is_a_column(data):
    frame = data.frame[["era", "numerai_meta_model"]].assign(
        v4_lgbm_nomi20=data.frame[data.models[0]],
        v42_rain_ensemble=data.frame[data.models[1]],
        v42_lgbm_cyrus20=data.frame[data.models[2]],
    )
    pipeline = recipe("announcement_example").pipeline().fit(frame)
    other = frame.assign(v42_lgbm_cyrus20=0.0)
    np.testing.assert_array_equal(pipeline.predict(frame), pipeline.predict(other))
    columns = {name: name for name in ("v4_lgbm_nomi20", "v42_rain_ensemble")}
    blend = published(frame, columns, "announcement_example", None)
    np.testing.assert_allclose(pipeline[:-1].predict(frame), blend, atol=1e-12)
    assert list(pipeline.transform(frame)) == [
        "era",
        "numerai_meta_model",
        "prediction",
    ]


@pytest.mark.parametrize("name", ENSEMBLES)
@each_kind
def test_every_kind_gives_the_same(kind, name, data):
    pipeline = recipe(name).pipeline(today(data, name), sets_of(data, name))
    expected = pipeline.fit(data.frame).predict(data.frame)
    frame = to_kind(data.frame, kind)
    np.testing.assert_array_equal(pipeline.fit(frame).predict(frame), expected)
    assert ((expected > 0) & (expected < 1)).all()


@pytest.mark.parametrize("name", ENSEMBLES)
def test_an_era_stands_alone(name, data):
    pipeline = recipe(name).pipeline(today(data, name), sets_of(data, name))
    whole = pd.Series(pipeline.fit(data.frame).predict(data.frame), data.frame.index)
    for _, era in data.frame.groupby("era"):
        np.testing.assert_allclose(pipeline.predict(era), whole[era.index], atol=1e-9)


@pytest.mark.parametrize("name", ENSEMBLES)
def test_a_pipeline_survives_joblib_and_clone(name, data, tmp_path):
    pipeline = recipe(name).pipeline(today(data, name), sets_of(data, name))
    expected = clone(pipeline).fit(data.frame).predict(data.frame)
    joblib.dump(pipeline.fit(data.frame), tmp_path / "pipeline.joblib")
    loaded = joblib.load(tmp_path / "pipeline.joblib")
    np.testing.assert_array_equal(loaded.predict(data.frame), expected)


def test_another_name_for_the_era_column(data):
    name = "v42_rain_ensemble2"
    pipeline = recipe(name).pipeline(today(data, name), data.feature_groups)
    expected = pipeline.fit(data.frame).predict(data.frame)
    frame = data.frame.rename(columns={"era": "week"})
    pipeline = recipe(name).pipeline(today(data, name), data.feature_groups, era="week")
    np.testing.assert_array_equal(pipeline.fit(frame).predict(frame), expected)


def test_columns_may_be_keyed_in_upper_case(data):
    name = "v42_lgbm_ct_blend"
    lower = today(data, name)
    upper = {part.upper(): column for part, column in lower.items()}
    found = recipe(name).pipeline(upper)
    assert repr(found) == repr(recipe(name).pipeline(lower))


def test_unmapped_and_unknown_parts_are_listed(data):
    columns = today(data, "v42_rain_ensemble")
    del columns["v42_lgbm_echo60"], columns["v42_lgbm_alpha20"]
    columns["v42_lgbm_agnes20"] = "a"
    message = (
        r"each part of 'v42_rain_ensemble'; it lacks 'v42_lgbm_alpha20', "
        r"'v42_lgbm_echo60'; it names 'v42_lgbm_agnes20', no part\."
    )
    with pytest.raises(ValueError, match=message):
        recipe("v42_rain_ensemble").pipeline(columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"v42_lgbm_teager20": "a", "v42_lgbm_cyrus20": "a"}, "another column for eac"),
        ({"v42_lgbm_teager20": "a", "v42_lgbm_cyrus20": 3}, "must be a column name"),
        ({"v42_lgbm_teager20": "a", "V42_LGBM_TEAGER20": "b"}, "lacks"),
        (["a", "b"], "must be a mapping"),
        ("ab", "must be a mapping"),
        ({}, "lacks 'v42_lgbm_teager20', 'v42_lgbm_cyrus20'"),
    ],
)
def test_columns_that_cannot_be(columns, message):
    with pytest.raises(ValueError, match=message):
        recipe("v42_lgbm_ct_blend").pipeline(columns)


def test_a_column_that_is_not_there_is_named_at_fit(data):
    pipeline = recipe("v42_lgbm_ct_blend").pipeline()
    with pytest.raises(ValueError, match="v42_lgbm_teager20"):
        pipeline.fit(data.frame)


@pytest.mark.parametrize("name", NEUTRAL)
@pytest.mark.parametrize("sets", [None, {}, {"other": ["feature_a"]}])
def test_a_missing_set_is_named(sets, name):
    needed = recipe(name).neutralizers
    with pytest.raises(ValueError, match=f"must hold the names of '{needed}'"):
        recipe(name).pipeline(feature_sets=sets)


@pytest.mark.parametrize("names", [[], "feature_a"])
def test_a_set_without_features_is_an_error(names):
    with pytest.raises(ValueError, match="must hold the names of 'serenity'"):
        recipe("v42_rain_ensemble2").pipeline(feature_sets={"serenity": names})


def test_sets_that_are_no_mapping_are_an_error():
    with pytest.raises(ValueError, match="`feature_sets` must be a mapping"):
        recipe("v42_rain_ensemble2").pipeline(feature_sets=["feature_a"])


def test_exact_is_a_flag():
    with pytest.raises(ValueError, match="`exact` must be True or False; got 1"):
        recipe("v42_rain_ensemble").pipeline(exact=1)


def test_a_model_has_no_pipeline_and_an_ensemble_no_estimator():
    with pytest.raises(ValueError, match="'v42_lgbm_cyrus20' is one model"):
        recipe("v42_lgbm_cyrus20").pipeline()
    with pytest.raises(ValueError, match="'v43_lgbm_ct_blend' is an ensemble"):
        recipe("v43_lgbm_ct_blend").estimator()
    with pytest.raises(ValueError, match="'v43_lgbm_ct_blend' is an ensemble"):
        recipe("v43_lgbm_ct_blend").cv()


# estimators


@pytest.fixture(scope="module")
def rows():
    return make_benchmark_models(
        n_eras=14, rows_per_era=60, n_models=2, n_features=8, random_state=5
    )


def small_model(name="v42_example_preds", **overrides):
    few = {"n_estimators": 8, "learning_rate": 0.1, "min_child_samples": 5}
    return recipe(name).estimator(**few, n_jobs=1, random_state=0, **overrides)


def test_the_estimator_has_the_published_parameters():
    found = recipe("v5_lgbm_cyrusd20").estimator().regressor.get_params()
    assert found["n_estimators"] == 30000
    assert found["min_child_samples"] == 10000
    changed = recipe("v5_lgbm_cyrusd20").estimator(n_estimators=9, max_bin=5)
    params = changed.regressor.get_params()
    assert (params["n_estimators"], params["max_bin"]) == (9, 5)
    assert params["num_leaves"] == 1024


def test_only_features_are_trained_on(rows):
    y = rows.frame["target_cyrus_20"]
    model = small_model().fit(rows.frame, y)
    assert model.features_ == rows.features
    assert list(model.regressor_.feature_name_) == rows.features
    bare = rows.frame[["era", *rows.features[::-1]]]
    expected = model.predict(rows.frame)
    np.testing.assert_array_equal(model.predict(bare), expected)
    np.testing.assert_array_equal(
        small_model().fit(bare, y).features_, bare.columns[1:]
    )
    assert np.ptp(expected) > 0


def test_the_regressor_gets_the_features_as_they_are(rows):
    class Spy(LinearRegression):
        def fit(self, X, y):
            self.dtypes_, self.n_ = set(X.dtypes), len(X)
            return super().fit(X, y)

    y = rows.frame["target_cyrus_20"]
    model = FeatureRegressor(Spy()).fit(rows.frame, y)
    assert model.regressor_.dtypes_ == {np.dtype(np.int8)}
    assert model.regressor_.n_ == y.notna().sum() < len(y)


def test_rows_without_a_target_change_nothing(rows):
    y = rows.frame["target_cyrus_20"]
    some = y.notna()
    expected = small_model().fit(rows.frame[some], y[some]).predict(rows.frame)
    found = small_model().fit(rows.frame, y).predict(rows.frame)
    np.testing.assert_array_equal(found, expected)


@each_kind
def test_every_kind_trains_alike(kind, rows):
    y = rows.frame["target_cyrus_20"]
    expected = small_model().fit(rows.frame, y).predict(rows.frame)
    frame = to_kind(rows.frame, kind)
    found = small_model().fit(frame, y.to_numpy()).predict(frame)
    np.testing.assert_array_equal(found, expected)


def test_the_estimator_clones_and_pickles(rows, tmp_path):
    model = clone(small_model()).fit(rows.frame, rows.frame["target_cyrus_20"])
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    found = loaded.predict(rows.live)
    np.testing.assert_array_equal(found, model.predict(rows.live))
    assert len(found) == len(rows.live)


def test_the_estimator_goes_through_walk_forward_predict(rows):
    found = walk_forward_predict(
        small_model(),
        rows.frame,
        rows.frame["target_cyrus_20"],
        [(np.arange(300), np.arange(360, 400))],
    )
    assert np.isfinite(found[360:400]).all()
    assert np.isnan(found[:360]).all()


def test_a_recipe_on_a_set_needs_its_features(rows):
    with pytest.raises(ValueError, match="features of the set 'v3_equivalent_features"):
        recipe("v3_example_preds").estimator()
    model = small_model("v3_example_preds", features=rows.features[:3])
    model.fit(rows.frame, rows.frame["target_cyrus_20"])
    assert model.features_ == rows.features[:3]


def test_bad_rows_are_refused(rows):
    y = rows.frame["target_cyrus_20"]
    with pytest.raises(ValueError, match=r"all \d+ targets are missing"):
        small_model().fit(rows.frame, y * NAN)
    with pytest.raises(ValueError, match="no column whose name starts with 'feature'"):
        small_model().fit(rows.frame[["era", *rows.models]], y)
    with pytest.raises(ValueError, match="got an array of shape"):
        small_model().fit(rows.frame[rows.features].to_numpy(), y)
    with pytest.raises(ValueError, match="`features` names 'feature_x'"):
        small_model(features=["feature_x"]).fit(rows.frame, y)
    with pytest.raises(ValueError, match="must hold numbers"):
        small_model(features=["data_type"]).fit(rows.frame, y)
    with pytest.raises(ValueError, match="another index"):
        small_model().fit(rows.frame, y[::-1])
    model = small_model().fit(rows.frame, y)
    with pytest.raises(ValueError, match=f"X lacks '{rows.features[0]}'"):
        model.predict(rows.frame.drop(columns=rows.features[0]))


def test_a_failed_fit_leaves_the_model_as_it_was(rows):
    y = rows.frame["target_cyrus_20"]
    model = small_model().fit(rows.frame, y)
    expected = model.predict(rows.frame)
    with pytest.raises(ValueError, match="targets are missing"):
        model.fit(rows.frame, y * NAN)
    np.testing.assert_array_equal(model.predict(rows.frame), expected)


def test_without_lightgbm_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ImportError, match=re.escape('pip install "skbench[models]"')):
        recipe("v42_example_preds").estimator()
    assert isinstance(recipe("v42_rain_ensemble").pipeline(), Pipeline)


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("v42_lgbm_cyrus20", [148, 304, 460, 616]),
        ("v42_lgbm_cyrus60", [140, 296, 452, 608]),
        ("v53_lgbm_ender60", [140, 296, 452, 608]),
    ],
)
def test_the_published_windows(name, ends):
    windows = recipe(name).cv().windows(range(1, 781))
    assert windows["train_last"].tolist() == ends
    assert windows["test_first"].tolist() == [157, 313, 469, 625]
    assert windows["test_last"].tolist() == [312, 468, 624, 780]
    assert (windows["train_first"] == 1).all()


# the riskiest features


def riskiest_by_hand(X, y, n, features):
    """Correlate with pandas, era by era, and skip what has no correlation."""
    eras = sorted(X["era"].unique(), key=lambda era: int(re.sub(r"\D", "", str(era))))
    rows = []
    for era in eras:
        inside = (X["era"] == era) & y.notna()
        if inside.any():
            both = X.loc[inside, features].assign(y=y[inside]).astype(float)
            rows.append({name: correlation(both[name], both["y"]) for name in features})
    by_era = pd.DataFrame(rows)
    half = len(by_era) // 2
    change = (by_era[half:].mean() - by_era[:half].mean()).abs()
    return change.sort_values(ascending=False, kind="stable").head(n).index.tolist()


def correlation(a, b):
    both = pd.concat([a, b], axis=1).dropna()
    if len(both) < 3 or (both.nunique() < 2).any():
        return NAN
    return np.corrcoef(both.T)[0, 1]


@pytest.mark.parametrize("seed", range(4))
def test_the_riskiest_equal_a_slow_reference(seed):
    rng = np.random.default_rng(seed)
    n = 400
    names = [f"feature_{i}" for i in range(12)]
    X = pd.DataFrame(rng.integers(0, 5, (n, 12)).astype(float), columns=names)
    X = X.mask(rng.random(X.shape) < 0.05)
    X.insert(0, "era", [f"era{i}" for i in rng.integers(7, 14, n)])  # mixed
    X.loc[X["era"].isin(["era7", "era12"]), "feature_3"] = 2.0
    X.loc[X["era"] == "era9", "feature_4"] = NAN
    y = pd.Series(rng.choice([0, 0.25, 0.5, 0.75, 1], n))
    y[(X["era"] == "era13") | (rng.random(n) < 0.1)] = NAN
    y[X["era"] == "era10"] = 0.5
    expected = riskiest_by_hand(X, y, 12, names)
    assert riskiest_features(X, y, 12) == expected
    assert riskiest_features(X, y, 5) == expected[:5]
    mixed = rng.permutation(n)
    assert riskiest_features(X.iloc[mixed], y.iloc[mixed], 12) == expected


def test_the_riskiest_are_found_in_every_kind(rows):
    y = rows.frame["target_cyrus_20"]
    expected = riskiest_by_hand(rows.frame, y, 8, rows.features)
    assert riskiest_features(rows.frame, y, 8) == expected
    for kind in ("polars", "pyarrow"):
        frame = to_kind(rows.frame, kind)
        assert riskiest_features(frame, y.to_numpy(), 8) == expected
    table = np.column_stack([rows.frame["era"].astype(int), rows.frame[rows.features]])
    found = riskiest_features(table, y.to_numpy(), 8, features=[*range(1, 9)], era=0)
    assert [rows.features[i - 1] for i in found] == expected


def halves():
    X = pd.DataFrame(
        {
            "era": ["0001"] * 4 + ["0002"] * 4,
            "feature_turned": [0, 1, 2, 3, 3, 2, 1, 0],
            "feature_gone": [0, 1, 2, 3, 2, 2, 2, 2],
            "feature_twin": [0, 1, 2, 3, 3, 2, 1, 0],
            "feature_same": [0, 1, 2, 3, 0, 1, 2, 3],
        }
    )
    return X, np.array([0.0, 0.25, 0.5, 1.0] * 2)


def test_ties_keep_column_order_and_a_constant_half_is_no_change():
    X, y = halves()
    expected = ["feature_turned", "feature_twin", "feature_same"]
    assert riskiest_features(X, y, 3) == expected
    with pytest.raises(ValueError, match=r"`n` must be at most 3, .*; got 4"):
        riskiest_features(X, y, 4)


def test_the_middle_era_is_in_the_second_half():
    X = pd.DataFrame({"era": np.repeat([1, 2, 3], 3), "feature_a": [0, 1, 2] * 3})
    X["feature_b"] = [0, 1, 2, 2, 1, 0, 0, 1, 2]  # mean 1, then 0: a change of 1
    X["feature_c"] = [0, 1, 2, 0, 1, 2, 0, 2, 1]  # 1, then 3/4: a change of 1/4
    assert riskiest_features(X, [0.0, 0.5, 1.0] * 3, 3) == [
        "feature_b",
        "feature_c",
        "feature_a",
    ]
    # With the middle era in the first half, b changes from 0 to 1 and c from 1 to 1/2.
    # So move the turned era: now only the second half has it.
    X["feature_b"] = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    X["feature_c"] = [0, 1, 2, 1, 0, 2, 0, 1, 2]
    assert riskiest_features(X, [0.0, 0.5, 1.0] * 3, 1) == ["feature_c"]


def test_eras_are_halved_by_their_number_not_by_their_text():
    eras = [8, 9, 10, 11]
    signs = [1, 1, -1, -1]
    X = pd.concat(
        pd.DataFrame(
            {
                "era": [f"era{era}"] * 3,
                "feature_turned": [-sign, 0, sign],
                "feature_odd": [-1, 0, 1] if era in (8, 10) else [1, 0, -1],
            }
        )
        for era, sign in zip(eras, signs, strict=True)
    )
    y = np.tile([0.0, 0.5, 1.0], 4)
    assert riskiest_features(X, y, 1) == ["feature_turned"]


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "two"])
def test_n_counts_features(n):
    X, y = halves()
    with pytest.raises(ValueError, match="`n` must be a whole number of at least 1"):
        riskiest_features(X, y, n)


def test_what_the_riskiest_cannot_come_from():
    X, y = halves()
    with pytest.raises(ValueError, match="two eras or more"):
        riskiest_features(X[:4], y[:4], 1)
    with pytest.raises(ValueError, match="two eras or more"):
        riskiest_features(X, np.where(X["era"] == "0001", y, NAN), 1)
    with pytest.raises(ValueError, match="no era column 'week'"):
        riskiest_features(X, y, 1, era="week")
    for value in (np.inf, 1e101):
        with pytest.raises(ValueError, match=r"4 infinite or huge .* 'feature_same'"):
            riskiest_features(X.assign(feature_same=value), y, 1)
    with pytest.raises(ValueError, match="cannot be a feature"):
        riskiest_features(X.assign(era=[1] * 4 + [2] * 4), y, 1, features=["era"])
    with pytest.raises(ValueError, match="starts with 'feature'"):
        riskiest_features(X[["era"]], y, 1)


def test_a_recipe_is_one_of_ours():
    assert all(isinstance(recipe(name), Recipe) for name in list_recipes())
