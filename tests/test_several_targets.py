"""Several targets in one call are what a call for each of them gives."""

import pickle
import warnings

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from stacking_reference import OBJECTIVES, params

from skbench import EraRank, EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.analysis import synergy
from skbench.datasets import make_benchmark_models
from skbench.deploy import export_predict
from skbench.distributed import fit as fit_dask
from skbench.distributed import partition_by_era
from skbench.distributed import score as score_dask
from skbench.distributed import transform as transform_dask
from skbench.metrics import score_models
from skbench.model_selection import WalkForwardEraSplit, walk_forward_weights
from skbench.report import WeightsDisplay
from skbench.streaming import fit_parquet, transform_parquet

NAMES = ["target_cyrus_20", "target_ender_60", "target_own"]
MODELS = ["v53_lgbm_cyrus20", "v53_lgbm_cyrus60", "v53_lgbm_ender20"]
FOUND = (
    "weights_",
    "n_iter_",
    "shrinkage_",
    "train_score_",
    "n_eras_",
    "n_rows_",
    "n_eras_left_out_",
    "n_rows_left_out_",
    "horizon_",
    "weights_interval_",
)


def made():
    """Rows in any order, with targets that end in different eras and have gaps."""
    data = make_benchmark_models(
        60, 60, 3, mean_corr=0.1, meta_model_eras=55, random_state=0
    )
    frame = EraRankGauss().fit_transform(data.frame)
    rng = np.random.default_rng(1)
    own = frame["target_cyrus_20"].copy()
    own[frame["era"].isin(frame["era"].unique()[:7])] = np.nan
    own[rng.random(len(own)) < 0.2] = np.nan
    frame["target_own"] = own + 0.3 * frame[MODELS[2]] * own.std()
    frame = frame.drop(columns="target")
    return frame.sample(frac=1.0, random_state=2)


FRAME = made()
TARGETS = FRAME[NAMES]

OPTIONS = [
    *[params(objective) for objective in OBJECTIVES],
    {"objective": "corr", "shrinkage": "bayes", "random_state": 3},
    {"objective": "corr", "shrinkage": "auto", "halflife": 20.0},
    {"objective": "corr", "nonnegative": False, "max_weight": 0.6},
    {"objective": "mse", "search": "greedy"},
]


def assert_same(one, alone):
    """What was learned of a target is what is learned of it alone, bit for bit."""
    for name in FOUND:
        np.testing.assert_equal(getattr(one, name), getattr(alone, name), err_msg=name)
    assert list(one.weights_) == list(alone.weights_)
    np.testing.assert_array_equal(one.eras_, alone.eras_)
    assert one.era_statistics_.keys() == alone.era_statistics_.keys()
    for name, values in alone.era_statistics_.items():
        np.testing.assert_array_equal(one.era_statistics_[name], values, err_msg=name)
    assert getattr(one, "skill_deviation_", 0) == getattr(alone, "skill_deviation_", 0)
    assert one.summary == alone.summary


def assert_each_alone(several, make, frame=FRAME, predicted=True):
    predictions = several.predict(frame)
    assert [*several.weights_interval_] == NAMES  # found once, for each target
    assert predictions.shape == (len(frame), len(NAMES))
    for i, name in enumerate(NAMES):
        alone, one = make().fit(frame, frame[name]), several.of_target(name)
        assert_same(one, alone)
        for attribute in FOUND:
            of_all = getattr(several, attribute)
            np.testing.assert_equal(of_all[name], getattr(alone, attribute))
        np.testing.assert_array_equal(predictions[:, i], alone.predict(frame))
        pd.testing.assert_frame_equal(one.transform(frame), alone.transform(frame))


# One pass over the rows


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_each_target_is_learned_as_if_alone(options):
    def make():
        return StackingWeights(**options)

    assert_each_alone(make().fit(FRAME, TARGETS), make)


def test_horizons_are_those_of_each_name():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    assert fitted.horizon_ == dict(zip(NAMES, [5, 13, 13], strict=True))
    assert len(set(fitted.n_eras_.values())) == len(NAMES)


@pytest.mark.parametrize("nan_policy", ["omit", "propagate"])
def test_gaps_of_a_model_matter_to_the_targets_that_weigh_it_alone(nan_policy):
    frame = FRAME.copy()
    first = frame["era"].isin(sorted(frame["era"].unique())[:10])
    frame.loc[first, MODELS[0]] = np.nan

    def make():
        return StackingWeights(nan_policy=nan_policy)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_each_alone(make().fit(frame, frame[NAMES]), make, frame)


def test_a_column_without_weight_for_a_target_may_be_missing():
    frame = FRAME.copy()
    fitted = StackingWeights().fit(frame, TARGETS)
    fitted.weights_ = {
        NAMES[0]: dict(zip(MODELS, [1.0, 0.0, 0.0], strict=True)),
        NAMES[1]: dict(zip(MODELS, [0.0, 0.5, 0.5], strict=True)),
        NAMES[2]: dict(zip(MODELS, [0.0, 0.0, 1.0], strict=True)),
    }
    frame[MODELS[1]] = np.nan
    out = fitted.predict(frame)
    np.testing.assert_array_equal(out[:, 0], frame[MODELS[0]])
    assert np.isnan(out[:, 1]).all()
    np.testing.assert_array_equal(out[:, 2], frame[MODELS[2]])


def test_the_alias_has_the_horizon_of_what_it_is_a_copy_of():
    frame = FRAME.assign(target=FRAME["target_cyrus_20"])
    fitted = StackingWeights().fit(frame, frame[["target", "target_ender_60"]])
    assert fitted.horizon_ == {"target": 5, "target_ender_60": 13}
    alone = StackingWeights().fit(frame, frame["target"])
    assert_same(fitted.of_target("target"), alone)


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_other_frames(kind):
    def to(frame):
        frame = pl.from_pandas(frame.reset_index(drop=True))
        return frame if kind == "polars" else frame.to_arrow()

    expected = StackingWeights().fit(FRAME, TARGETS)
    fitted = StackingWeights().fit(to(FRAME), to(TARGETS))
    assert fitted.weights_ == expected.weights_
    assert fitted.weights_interval_ == expected.weights_interval_
    out = fitted.transform(to(FRAME))
    assert isinstance(out, pl.DataFrame if kind == "polars" else pa.Table)
    for name in NAMES:
        np.testing.assert_array_equal(
            out[f"prediction_{name}"], expected.transform(FRAME)[f"prediction_{name}"]
        )


def test_arrays_name_their_targets_by_position():
    array = FRAME[["era", *MODELS]].assign(era=FRAME["era"].astype(int)).to_numpy()
    options = {"era": 0, "columns": [1, 2, 3], "meta_model": None}
    fitted = StackingWeights(**options).fit(array, TARGETS.to_numpy())
    assert list(fitted.weights_) == [0, 1, 2]
    for i, name in enumerate(NAMES):
        alone = StackingWeights(**options).fit(array, TARGETS[name].to_numpy())
        assert_same(fitted.of_target(i), alone)
    assert fitted.transform(array).shape == (len(array), 4)
    names = fitted.get_feature_names_out()
    assert list(names) == ["x0", "prediction_0", "prediction_1", "prediction_2"]


@pytest.mark.parametrize("one", [FRAME[NAMES[:1]], FRAME[NAMES[:1]].to_numpy()])
def test_one_column_is_one_target(one):
    y = one[NAMES[0]] if isinstance(one, pd.DataFrame) else one[:, 0]
    assert_same(StackingWeights().fit(FRAME, one), StackingWeights().fit(FRAME, y))
    out = StackingWeights().fit(FRAME, one).transform(FRAME)
    assert "prediction" in out
    with pytest.raises(ValueError, match="it has one target; got 'target_cyrus_20'"):
        StackingWeights().fit(FRAME, one).of_target(NAMES[0])


def test_a_later_fit_on_one_target_forgets_the_others():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    assert fitted.weights_interval_
    fitted.fit(FRAME, FRAME[NAMES[0]])
    assert_same(fitted, StackingWeights().fit(FRAME, FRAME[NAMES[0]]))
    assert list(clone(fitted).fit(FRAME, TARGETS).weights_) == NAMES


def test_columns_come_in_place_of_the_predictions():
    fitted = StackingWeights(output="blend").fit(FRAME, TARGETS)
    out = fitted.transform(FRAME)
    new = [f"blend_{name}" for name in NAMES]
    assert [name for name in out if name not in FRAME] == new
    assert list(out) == list(fitted.get_feature_names_out())
    np.testing.assert_array_equal(out[new], fitted.predict(FRAME))


# Eras in batches


def batches(n=3):
    labels = np.random.default_rng(0).permutation(FRAME["era"].unique())
    parts = [FRAME["era"].isin(part) for part in np.array_split(labels, n)]
    return [(FRAME[rows], TARGETS[rows]) for rows in parts]


@pytest.mark.parametrize("options", OPTIONS[:2] + OPTIONS[-4:-2], ids=str)
def test_batches_merges_and_refits_are_one_fit(options):
    whole = StackingWeights(**options).fit(FRAME, TARGETS)
    parts = batches()
    partial = StackingWeights(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for X, Y in parts:
            # Columns are found by their names.
            partial.partial_fit(X, Y[Y.columns[::-1]] if X is not parts[0][0] else Y)
        merged = StackingWeights(**options).partial_fit(*parts[0])
        for part in parts[1:]:
            merged.merge(StackingWeights(**options).partial_fit(*part))
        absorbed = StackingWeights(**options).gather(*parts[0])
        absorbed.absorb(*(StackingWeights(**options).gather(*p) for p in parts[1:]))
        other = StackingWeights("mse").fit(FRAME, TARGETS)
    with pytest.raises(NotFittedError):
        absorbed.predict(FRAME)
    absorbed.finish()
    refitted = other.refit(**{"objective": "corr", **options})
    for found in (
        partial,
        merged,
        absorbed,
        refitted,
        pickle.loads(pickle.dumps(whole)),
    ):
        assert found.weights_ == whole.weights_
        assert (found.n_rows_, found.horizon_) == (whole.n_rows_, whole.horizon_)
        for name in NAMES:
            for label, values in whole.era_statistics_[name].items():
                held = found.era_statistics_[name][label]
                np.testing.assert_array_equal(held, values, err_msg=label)


def test_some_eras_alone():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    eras = fitted.gathered_eras()
    assert eras == sorted(FRAME["era"].unique())
    some = fitted.of_eras(eras[10:40]).finish()
    rows = FRAME["era"].isin(eras[10:40])
    expected = StackingWeights().fit(FRAME[rows], TARGETS[rows])
    assert some.weights_ == expected.weights_
    assert fitted.weights_ != some.weights_


def test_weights_wait_until_each_target_has_eras():
    # The first eras have no values of the third target.
    early = FRAME["era"].isin(sorted(FRAME["era"].unique())[:7])
    fitted = StackingWeights().partial_fit(FRAME[early], TARGETS[early])
    assert not hasattr(fitted, "weights_")
    with pytest.raises(ValueError, match=r"target 'target_own': .* needs at least 1"):
        fitted.finish()
    fitted.partial_fit(FRAME[~early], TARGETS[~early])
    assert fitted.weights_ == StackingWeights().fit(FRAME, TARGETS).weights_


def test_other_targets_are_refused():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    later = FRAME.assign(era=FRAME["era"].str.replace("0", "9"))
    message = "y must have the targets 'target_cyrus_20', 'target_ender_60', 'target_o"
    with pytest.raises(ValueError, match=f"{message}.* got one target"):
        fitted.partial_fit(later, FRAME[NAMES[0]])
    with pytest.raises(ValueError, match=r"y must have one target, .* got the targets"):
        StackingWeights().fit(FRAME, FRAME[NAMES[0]]).partial_fit(later, TARGETS)
    with pytest.raises(ValueError, match="both must have the targets"):
        fitted.merge(StackingWeights().fit(later, TARGETS[NAMES[:2]]))
    with pytest.raises(ValueError, match=message):
        fitted.score(FRAME, FRAME[NAMES[0]])


# What is told


def test_a_warning_of_all_targets_comes_once_and_others_name_theirs():
    frame = FRAME.assign(**{MODELS[0]: 5 * FRAME[MODELS[0]]})
    own = frame["era"].isin(sorted(frame["era"].unique())[-12:])
    targets = TARGETS.assign(target_own=TARGETS["target_own"].where(own))
    with pytest.warns() as told:
        StackingWeights(shrinkage="bayes").fit(frame, targets)
    messages = [str(warning.message) for warning in told]
    assert len(messages) == 2
    assert messages[0].startswith("'v53_lgbm_cyrus20' not standardised")
    assert told[0].category is DataConversionWarning
    assert messages[1].startswith("'target_own': shrinkage='bayes' tells models")


def test_the_summary_has_a_line_for_each_target():
    lines = StackingWeights().fit(FRAME, TARGETS).summary.splitlines()
    assert [line.split(":")[0] for line in lines] == NAMES


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (TARGETS.assign(target_own=np.inf), r"y\['target_own'\] has \d+ infinite"),
        (TARGETS.assign(target_own="a"), "column 'target_own' must hold numbers"),
        (TARGETS.iloc[:-1], "rows and y has"),
        (TARGETS.reset_index(drop=True), "y has another index than X"),
        (TARGETS.set_axis(["a", "b", "a"], axis=1), "'a'"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(bad, message):
    fitted = StackingWeights().fit(FRAME, FRAME[NAMES[0]])
    before = dict(fitted.weights_)
    with pytest.raises(ValueError, match=message):
        fitted.fit(FRAME, bad)
    assert fitted.weights_ == before


def test_only_one_of_the_targets_can_be_taken():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    with pytest.raises(ValueError, match="got 'target_cyrus'; did you mean"):
        fitted.of_target("target_cyrus")


def test_what_takes_one_target_says_how_to_take_it():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    for wants_one in (WeightsDisplay.from_estimator, walk_forward_weights):
        with pytest.raises(ValueError, match=r"3 targets, .* pass its of_target"):
            wants_one(fitted)
    of_one = fitted.of_target(NAMES[0])
    alone = StackingWeights().fit(FRAME, FRAME[NAMES[0]])
    cv = WalkForwardEraSplit(20, 5)
    pd.testing.assert_frame_equal(
        walk_forward_weights(of_one, cv), walk_forward_weights(alone, cv)
    )


# In pipelines, files and on Dask


def test_the_score_is_the_mean_over_the_targets():
    fitted = StackingWeights().fit(FRAME, TARGETS)
    each = [fitted.of_target(name).score(FRAME, FRAME[name]) for name in NAMES]
    assert fitted.score(FRAME, TARGETS) == np.mean(each)
    search = GridSearchCV(
        make_pipeline(EraRankGauss(), StackingWeights()),
        {"stackingweights__shrinkage": [0.0, 0.5]},
        cv=WalkForwardEraSplit(10, 13, first_era=1),
        error_score="raise",
    )
    scored = FRAME["target_ender_60"].notna()
    search.fit(FRAME[scored], TARGETS.loc[scored, NAMES[:2]])
    assert np.isfinite(search.best_score_)


def test_the_purge_must_reach_as_far_as_the_furthest_target():
    with pytest.warns(UserWarning, match="target_ender_60"):
        next(WalkForwardEraSplit(20, 8).split(FRAME, TARGETS))


def test_the_purge_must_reach_as_far_as_what_the_alias_stands_for():
    frame = FRAME.assign(target=FRAME[NAMES[1]])
    with pytest.warns(UserWarning, match=f"8 is too short for '{NAMES[1]}'"):
        next(WalkForwardEraSplit(20, 8).split(frame, frame[["target", NAMES[0]]]))


def test_a_frame_of_one_column_has_its_name():
    """The alias, too, is worth the horizon of what it is a copy of."""
    frame = FRAME.assign(target=FRAME[NAMES[0]])
    assert StackingWeights().fit(frame, frame[["target"]]).horizon_ == 5
    other = pl.from_pandas(frame)
    assert StackingWeights().fit(other, other[["target"]]).horizon_ == 5
    assert synergy(other[MODELS], other[[NAMES[0]]], era=other["era"]).horizon == 5


def pipeline(last):
    return make_pipeline(EraRankGauss(), last, EraRankGauss(), EraRank())


def test_a_pipeline_predicts_each_target():
    several = pipeline(StackingWeights()).fit(FRAME, TARGETS)
    predicted = several.predict(FRAME)
    for i, name in enumerate(NAMES):
        alone = pipeline(StackingWeights()).fit(FRAME, FRAME[name])
        np.testing.assert_array_equal(predicted[:, i], alone.predict(FRAME))


def test_targets_of_equal_weight_are_exported_as_one_prediction(tmp_path):
    steps = [
        EraRankGauss(),
        StackingWeights(),
        EraRankGauss(),
        WeightedEnsemble(output="blend"),
        EraRank(),
    ]
    ensemble = make_pipeline(*steps).fit(FRAME, TARGETS)
    path = export_predict(ensemble, tmp_path / "predict.pkl")
    live = FRAME[["era", *MODELS]].set_axis(FRAME.index)
    made = pd.read_pickle(path)(live[["era"]], live)
    np.testing.assert_array_equal(made["prediction"], ensemble.predict(live))


def test_several_predictions_are_not_exported(tmp_path):
    several = pipeline(StackingWeights()).fit(FRAME, TARGETS)
    with pytest.raises(ValueError, match=r"gives 3: .*of_target"):
        export_predict(several, tmp_path / "predict.pkl")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.sort_values("era", kind="stable").to_parquet(path)
    return path


@pytest.mark.parametrize("batch_rows", [None, 200])
def test_files_are_learned_from_and_predicted(file, batch_rows):
    frame = pd.read_parquet(file)
    several = fit_parquet(
        pipeline(StackingWeights()), file, NAMES, batch_rows=batch_rows
    )
    whole = pipeline(StackingWeights()).fit(frame, frame[NAMES])
    for name in NAMES:
        alone = fit_parquet(pipeline(StackingWeights()), file, name)[1]
        assert several[1].of_target(name).weights_ == alone.weights_
        assert several[1].of_target(name).horizon_ == alone.horizon_
    assert several[1].weights_ == whole[1].weights_
    out = transform_parquet(several, file, file.with_name("out.parquet"))
    made = pd.read_parquet(out if out is not None else file.with_name("out.parquet"))
    new = [f"prediction_{name}" for name in NAMES]
    np.testing.assert_array_equal(made[new], whole.predict(frame))


def test_dask_frames_are_learned_from_and_predicted(file):
    frame = pd.read_parquet(file)
    ddf = partition_by_era(dd.from_pandas(frame, npartitions=3, sort=False))
    several = fit_dask(ddf, pipeline(StackingWeights()), NAMES)
    whole = pipeline(StackingWeights()).fit(frame, frame[NAMES])
    # A shuffle of Dask changes the order of rows, and so the last bits of sums.
    for name in NAMES:
        assert several[1].weights_[name] == pytest.approx(whole[1].weights_[name])
    assert several[1].n_rows_ == whole[1].n_rows_
    assert several[1].horizon_ == whole[1].horizon_
    made = transform_dask(ddf, several).compute().loc[frame.index]
    new = [f"prediction_{name}" for name in NAMES]
    np.testing.assert_allclose(made[new], whole.predict(frame), atol=1e-9)


def test_dask_frames_are_scored(file):
    frame = pd.read_parquet(file)
    ddf = partition_by_era(dd.from_pandas(frame, npartitions=3, sort=False))
    options = {"benchmark": MODELS[0], "payout": {"corr": 1.0, "mmc": 2.0}}
    scores = score_dask(ddf, MODELS, y=NAMES, **options)
    expected = score_models(
        frame[NAMES],
        frame[MODELS],
        era=frame["era"],
        meta_model=frame["numerai_meta_model"],
        **options,
    )
    assert [*scores] == [*expected] == ["corr", "mmc", "bmc", "payout"]
    for name, table in expected.items():
        pd.testing.assert_frame_equal(scores[name], table)


def test_on_dask_a_copy_among_several_is_refused(file):
    frame = pd.read_parquet(file).assign(target=lambda X: X["target_cyrus_20"])
    ddf = partition_by_era(dd.from_pandas(frame, npartitions=3, sort=False))
    with pytest.raises(ValueError, match="a copy of 'target_cyrus_20': name that one"):
        fit_dask(ddf, StackingWeights(), ["target", "target_ender_60"])
