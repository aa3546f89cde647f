"""Exported files: what they compute, what is in them, what is refused."""

import ast
import copyreg
import gc
import importlib
import inspect
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers import five_steps
from numpy.testing import assert_array_equal
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import GammaRegressor, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skbench
from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.deploy import check_predict, export_predict
from skbench.deploy.check import RUNNERS
from skbench.deploy.export import _export

# What runs where the file runs, beside the modules that it holds.
TEXTS = [
    "deploy/check/_child.py",
    "deploy/check/_plain.py",
    "deploy/export/_loader.py",
]
FEATURES = [f"feature_{i}" for i in range(6)]
MODELS = ["v5_a", "v5_b", "v5_c"]


def rows_of(n_eras=3, rows=60, seed=0, gaps=False):
    """Rows of some eras, which are mixed, with ids as index."""
    rng = np.random.default_rng(seed)
    n = n_eras * rows
    ids = pd.Index([f"n{i:05d}" for i in rng.permutation(n)], name="id")
    frame = pd.DataFrame(
        {name: rng.integers(5, size=n).astype(np.int8) for name in FEATURES}, index=ids
    )
    frame.insert(0, "era", [f"{e:04d}" for e in rng.permutation(np.arange(n) % n_eras)])
    for name in MODELS:
        frame[name] = rng.normal(size=n).round(2)
        if gaps:
            frame.loc[rng.random(n) < 0.1, name] = np.nan
    frame["target"] = rng.integers(5, size=n) / 4
    return frame


def split(frame, seed=1):
    """Return the two frames of the runner, the second in another order."""
    live = frame[["era", *FEATURES]]
    return live, frame[["era", *MODELS]].sample(frac=1, random_state=seed)


def steps(ensemble=None, **neutralizer):
    blend = ensemble or WeightedEnsemble({"v5_c": 0.2, "v5_a": 0.8})
    return five_steps(blend, **neutralizer)


def exported(pipeline, tmp_path, **options):
    return pd.read_pickle(export_predict(pipeline, tmp_path / "predict.pkl", **options))


def assert_same(pipeline, frame, tmp_path, **options):
    """Compare with `pipeline.predict`, bit for bit; return the predictions."""
    out = exported(pipeline, tmp_path, **options)(*split(frame))
    assert type(out) is pd.DataFrame
    assert list(out.columns) == ["prediction"]
    assert out.index.name == "id"
    assert list(out.index) == list(frame.index)
    expected = pipeline.predict(frame)
    assert np.isfinite(expected).all()
    assert_array_equal(out["prediction"], expected)
    return out


@pytest.fixture
def frame():
    return rows_of()


@pytest.fixture
def fitted(frame):
    return steps().fit(frame)


# what it computes


@pytest.mark.parametrize(
    "pipeline",
    [
        steps(proportion=0.5),
        steps(fit_intercept=False, standardize=False, rcond=1e-3),
        steps(neutralizers=FEATURES[::-2], keep_neutralizers=True, missing=0.25),
        steps(StackingWeights(max_weight=0.5)),
        steps(WeightedEnsemble([0.1, -0.4, 0.5], output="blend")),
        steps(WeightedEnsemble({"v5_a": 0.0, "v5_b": 2})),
        make_pipeline(
            WeightedEnsemble(columns=["v5_b", "v5_a"]), EraRank("prediction")
        ),
        make_pipeline(
            EraRankGauss(ties="first", scale=False), WeightedEnsemble(), EraRank()
        ),
        make_pipeline(WeightedEnsemble(era=None), EraRank(ties="first")),
        make_pipeline(EraRank(MODELS), WeightedEnsemble(), EraRank(era=None)),
        make_pipeline(EraRank(["v5_b"])),
        Pipeline(
            [
                ("nothing", None),
                (
                    "inner",
                    make_pipeline(EraRankGauss(), "passthrough", WeightedEnsemble()),
                ),
                ("also_nothing", "passthrough"),
                ("rank", EraRank()),
            ]
        ),
        EraRank("v5_a"),
        make_pipeline(
            FeatureNeutralizer(["feature_1", "feature_3"], keep_neutralizers=True),
            WeightedEnsemble(),
            FeatureNeutralizer(["feature_0", "feature_1"], proportion=0.25),
            EraRank(),
        ),
    ],
    ids=lambda pipeline: re.sub(r"\s+", " ", str(pipeline))[:60],
)
def test_it_predicts_what_the_pipeline_predicts(pipeline, frame, tmp_path):
    assert_same(pipeline.fit(frame, frame["target"]), frame, tmp_path)


def test_a_column_that_a_step_has_changed_can_be_a_neutralizer(frame, tmp_path):
    pipeline = make_pipeline(
        EraRank(["v5_a", "v5_b", "v5_c"]),
        FeatureNeutralizer(["v5_b", "feature_0"], columns=["v5_a", "v5_c"]),
        WeightedEnsemble(),
        EraRank(),
    )
    assert_same(pipeline.fit(frame), frame, tmp_path)


@pytest.mark.parametrize("policy", ["omit", "propagate"])
def test_missing_predictions(policy, tmp_path, caplog):
    frame = rows_of(gaps=True)
    frame.loc[frame.index[3], MODELS] = np.nan
    weights = WeightedEnsemble([0.5, 0.3, 0.2], nan_policy=policy)
    pipeline = make_pipeline(EraRankGauss(), weights, EraRank()).fit(frame)
    expected = pipeline.predict(frame)
    missing = np.isnan(expected)
    with caplog.at_level(logging.WARNING):
        out = exported(pipeline, tmp_path, fill=0.25)(*split(frame))["prediction"]
    assert_array_equal(out[~missing], expected[~missing])
    assert (out[missing] == 0.25).all()
    count = missing.sum()
    assert f"{count} of 180 rows have no prediction: filled with 0.25" in caplog.text
    strict = exported(pipeline, tmp_path, fill=None)
    with pytest.raises(ValueError, match=f"{count} of 180 rows have no prediction"):
        strict(*split(frame))


def test_policies_that_raise_do_so_there_too(tmp_path):
    complete, frame = rows_of(), rows_of(gaps=True)
    ensemble = WeightedEnsemble(nan_policy="raise")
    predict = exported(make_pipeline(ensemble, EraRank()).fit(complete), tmp_path)
    with pytest.raises(ValueError, match=r"'v5_a' has .* missing values"):
        predict(*split(frame))
    frame = complete.astype(dict.fromkeys(FEATURES, "float32"))
    for missing, bad in ("raise", np.nan), ("median", np.inf):
        predict = exported(steps(missing=missing).fit(frame), tmp_path)
        live, benchmarks = split(frame)
        live = live.copy()
        live.iloc[7, 3] = bad
        with pytest.raises(
            ValueError, match=r"'feature_2' has 1 (missing|infinite) val"
        ):
            predict(live, benchmarks)
    benchmarks = split(complete)[1].copy()
    benchmarks.iloc[2, 1] = -np.inf
    predict = exported(
        make_pipeline(WeightedEnsemble(), EraRank()).fit(complete), tmp_path
    )
    with pytest.raises(ValueError, match="'v5_a' has 1 infinite values"):
        predict(split(complete)[0], benchmarks)


@pytest.mark.parametrize("missing", ["median", 0.75])
def test_missing_features_are_filled_alike(missing, frame, tmp_path):
    frame = frame.astype(dict.fromkeys(FEATURES, "float64"))
    rng = np.random.default_rng(5)
    frame[FEATURES] = frame[FEATURES].mask(rng.random((len(frame), 6)) < 0.2)
    frame.loc[frame["era"] == "0001", "feature_2"] = np.nan
    assert_same(steps(missing=missing).fit(frame), frame, tmp_path)


@pytest.mark.parametrize(
    "dtypes",
    [
        dict.fromkeys(MODELS, "float32"),
        {"v5_a": "float32"},
        dict.fromkeys(MODELS, "Float32"),
        {"v5_b": "Float64", "feature_1": "Int8"},
        {"feature_1": "float32", "feature_2": "int64", "feature_3": "bool"},
        {"era": "category"},
    ],
    ids=str,
)
def test_dtypes_mean_the_same(dtypes, frame, tmp_path):
    frame = frame.astype(dtypes)
    pipeline = steps(WeightedEnsemble()).fit(frame)
    out = assert_same(pipeline, frame, tmp_path)
    assert out["prediction"].dtype == np.float64


def test_eras_may_be_numbers(frame, tmp_path):
    frame["era"] = frame["era"].astype(int)
    assert_same(steps().fit(frame), frame, tmp_path)


def test_each_era_stands_alone(frame, fitted, tmp_path):
    predict = exported(fitted, tmp_path)
    whole = predict(*split(frame))
    for _, era in frame.groupby("era"):
        alone = predict(*split(era))
        assert_array_equal(alone["prediction"], whole.loc[era.index, "prediction"])


def test_other_columns_ids_and_orders_change_nothing(frame, fitted, tmp_path):
    predict = exported(fitted, tmp_path)
    expected = predict(*split(frame))
    live, benchmarks = split(frame)
    live = live[live.columns[::-1]].assign(feature_new=1, v5_a=0.0, note="text")
    live.index.name = None
    more = benchmarks.iloc[:5].set_axis([f"x{i}" for i in range(5)])
    benchmarks = pd.concat([more, benchmarks.drop(columns="era")])
    pd.testing.assert_frame_equal(
        predict(live, benchmarks.assign(v6_new=np.nan)), expected
    )
    before = frame.copy()
    predict(*split(frame))
    pd.testing.assert_frame_equal(frame, before)


def test_the_era_may_stand_beside_the_benchmarks(frame, fitted, tmp_path):
    live, benchmarks = split(frame)
    out = exported(fitted, tmp_path)(live.drop(columns="era"), benchmarks)
    assert_array_equal(out["prediction"], fitted.predict(frame))


def test_live_rows_without_an_era_are_one_if_their_count_is_right(tmp_path):
    frame = rows_of(1, 1900)
    pipeline = steps().fit(frame)
    predict = exported(pipeline, tmp_path)
    live, benchmarks = (part.drop(columns="era") for part in split(frame))
    expected = pipeline.predict(frame.drop(columns="era"))
    assert_array_equal(predict(live, benchmarks)["prediction"], expected)
    with pytest.raises(ValueError, match="`single_era_rows` expects more than 1800"):
        predict(live.iloc[:100], benchmarks)
    wide = steps().set_params(
        **{f"{name}__single_era_rows": (0, float("inf")) for name, _ in steps().steps}
    )
    predict = exported(wide.fit(frame), tmp_path)
    assert len(predict(live.iloc[:100], benchmarks)) == 100


def test_missing_era_labels_are_an_error(frame, fitted, tmp_path):
    predict = exported(fitted, tmp_path)
    live, benchmarks = split(frame)
    gap = live.assign(era=live["era"].where(live.index != live.index[4]))
    with pytest.raises(ValueError, match="has 1 missing labels"):
        predict(gap, benchmarks)
    with pytest.raises(ValueError, match="has 10 missing labels"):
        predict(live.drop(columns="era"), benchmarks.drop(index=live.index[:10]))


def test_ids_without_benchmark_predictions_are_filled(frame, fitted, tmp_path, caplog):
    predict = exported(fitted, tmp_path)
    live, benchmarks = split(frame)
    lacking = live.index[:10]
    out = predict(live, benchmarks.drop(index=lacking))["prediction"]
    assert (out[lacking] == 0.5).all()
    assert "10 of 180 rows" in caplog.text
    without = frame.copy()
    without.loc[lacking, MODELS] = np.nan
    assert_array_equal(out[10:], fitted.predict(without)[10:])
    with pytest.raises(ValueError, match="none of the ids"):
        predict(live, benchmarks.reset_index(drop=True))
    with pytest.raises(ValueError, match="180 of 180 rows have no prediction"):
        predict(live, benchmarks.assign(**dict.fromkeys(MODELS, np.nan)))


def test_what_is_wrong_with_live_data_is_said(frame, fitted, tmp_path):
    predict = exported(fitted, tmp_path)
    live, benchmarks = split(frame)
    with pytest.raises(
        ValueError, match=r"`live_features` lacks .*'feature_2'.*version"
    ):
        predict(live.drop(columns="feature_2"), benchmarks)
    with pytest.raises(ValueError, match=r"models` lacks .*'v5_a', 'v5_c'.*version"):
        predict(live, benchmarks[["era", "v5_b"]])
    with pytest.raises(ValueError, match="duplicate ids: 'n0"):
        predict(live, pd.concat([benchmarks, benchmarks.iloc[:1]]))
    with pytest.raises(
        ValueError, match="`live_features` has duplicate columns: 'feat"
    ):
        predict(pd.concat([live, live[["feature_1"]]], axis=1), benchmarks)
    with pytest.raises(ValueError, match="has no rows"):
        predict(live.iloc[:0], benchmarks)
    with pytest.raises(TypeError, match="must be a pandas DataFrame; got ndarray"):
        predict(live.to_numpy(), benchmarks)
    with pytest.raises(ValueError, match="'v5_a' must hold numbers; the dtype is"):
        predict(live, benchmarks.assign(v5_a="high"))
    objects = benchmarks.astype({"v5_a": object})
    with pytest.raises(ValueError, match=r"object: .* with astype\('float64'\)"):
        predict(live, objects)
    assert_array_equal(
        predict(live, objects.astype({"v5_a": "float64"})), predict(live, benchmarks)
    )
    with pytest.raises(ValueError, match="'feature_4' must hold numbers"):
        predict(live.assign(feature_4="high"), benchmarks)


def test_eras_that_tell_nothing_are_told_to_the_log(frame, fitted, tmp_path, caplog):
    predict = exported(fitted, tmp_path)
    live, benchmarks = split(frame)
    with caplog.at_level(logging.WARNING):
        predict(live, benchmarks)
    assert not caplog.text
    same = benchmarks.assign(
        **{name: frame[name].mask(frame["era"] == "0001", 0.5) for name in MODELS}
    )
    with caplog.at_level(logging.WARNING):
        out = predict(live, same)
    assert (out["prediction"][live["era"] == "0001"] == 0.5).all()
    found = "the prediction is the same in all rows of 1 of 3 eras"
    assert found in caplog.text
    with pytest.warns(UserWarning, match="of 1 of 3 eras, the first '0001'"):
        expected = fitted.predict(live.join(same[MODELS]))
    assert_array_equal(out["prediction"], expected)


@pytest.mark.parametrize("rcond", [0.0, 1e-16])
def test_an_rcond_below_rounding_does_as_in_the_pipeline(frame, rcond, tmp_path):
    frame = frame.assign(**{f"{name}_too": frame[name] for name in FEATURES})
    pipeline = steps(rcond=rcond).fit(frame)
    live, benchmarks = frame.drop(columns=[*MODELS, "target"]), frame[["era", *MODELS]]
    out = exported(pipeline, tmp_path)(live, benchmarks)["prediction"]
    assert_array_equal(out, pipeline.predict(frame))
    assert_array_equal(out, steps().fit(frame).predict(frame))


@pytest.mark.parametrize("dtype", ["bool[pyarrow]", "boolean", "float16"])
def test_features_of_a_dtype_that_is_rare(frame, dtype, tmp_path):
    values = frame["feature_0"] > 2
    if dtype == "float16":
        values = 15_000.0 * frame["feature_0"]
    frame = frame.assign(feature_0=values.astype(dtype))
    assert_same(steps().fit(frame), frame, tmp_path)


# the file itself


def test_it_has_the_parameters_that_it_needs(frame, fitted, tmp_path):
    two = exported(fitted, tmp_path)
    assert inspect.isfunction(two)
    assert [*inspect.signature(two).parameters] == [
        "live_features",
        "live_benchmark_models",
    ]
    pipeline = make_pipeline(
        WeightedEnsemble({"v5_a": 1}), FeatureNeutralizer(), EraRank()
    ).fit(frame)
    columns = [*FEATURES, "v5_a"]
    one = exported(pipeline, tmp_path, feature_columns=columns)
    assert [*inspect.signature(one).parameters] == ["live_features"]
    out = one(frame[["era", *columns]])
    assert_array_equal(out["prediction"], pipeline.predict(frame))


def test_the_same_pipeline_gives_the_same_bytes(frame, fitted, tmp_path):
    first = export_predict(fitted, tmp_path / "a").read_bytes()
    fitted.predict(rows_of(5, 33))
    pickle.loads(first)(*split(frame))
    again = pickle.loads(pickle.dumps(fitted))
    assert export_predict(again, tmp_path / "b").read_bytes() == first


def test_other_pythons_write_the_same_bytes(frame, fitted, tmp_path):
    other = os.environ.get("SKBENCH_OTHER_PYTHON")
    if not other:
        pytest.skip("SKBENCH_OTHER_PYTHON names no other environment")
    stacked = steps(StackingWeights()).fit(frame, frame["target"])
    script = (
        "import joblib, warnings, sys; warnings.simplefilter('ignore');"
        "from skbench.deploy import export_predict;"
        "export_predict(joblib.load(sys.argv[1]), sys.argv[2])"
    )
    import joblib

    joblib.dump(stacked, tmp_path / "pipeline.joblib")
    files = [str(tmp_path / "pipeline.joblib"), str(tmp_path / "other")]
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root)}
    subprocess.run([other, "-c", script, *files], check=True, env=environment)
    ours = export_predict(stacked, tmp_path / "ours").read_bytes()
    assert (tmp_path / "other").read_bytes() == ours


def test_two_files_do_not_disturb_each_other(frame, tmp_path):
    first = steps(proportion=0.1).fit(frame)
    second = make_pipeline(WeightedEnsemble({"v5_b": 1}), EraRank()).fit(frame)
    data = export_predict(first, tmp_path / "first").read_bytes()
    one = pickle.loads(data)
    two = exported(second, tmp_path)
    again = pickle.loads(data)
    gc.collect()
    for predict, pipeline in ((one, first), (two, second), (again, first)):
        out = predict(*split(frame))["prediction"]
        assert_array_equal(out, pipeline.predict(frame))
    assert not [name for name in sys.modules if name.startswith("skbench._skbench")]


def test_nothing_private_is_in_the_file(frame, tmp_path):
    pipeline = steps(StackingWeights(horizon=1))
    pipeline.fit(frame, frame["target"])
    data = export_predict(pipeline, tmp_path / "file").read_bytes()
    import skbench

    root = str(Path(skbench.__file__).parent.parent)
    for secret in (
        root,
        str(Path.home()) + "/",
        "site-packages",
        str(tmp_path),
        "NUMERAI",
    ):
        assert secret.encode() not in data
    for statistic in "era_statistics", "weights_interval", "covariance", "sklearn":
        assert statistic.encode() not in data
    assert b"skbench." not in re.sub(rb"_skbench_[0-9a-f]{16}\.", b"", data)
    assert len(data) < 100_000


def test_it_is_below_a_megabyte_with_all_features(tmp_path):
    names = [f"feature_considerable_incandescent_{i:05d}_word" for i in range(3555)]
    frame = pd.DataFrame(np.zeros((4, 3555), dtype=np.int8), columns=names).assign(
        era="1", a=[0.0, 1.0, 2.0, 4.0], b=[0.0, 1.0, 3.0, 2.0]
    )
    pipeline = steps(WeightedEnsemble()).fit(frame)
    assert export_predict(pipeline, tmp_path / "file").stat().st_size < 1_000_000


def test_it_runs_where_neither_skbench_nor_sklearn_is(frame, fitted, tmp_path):
    path = export_predict(fitted, tmp_path / "file")
    live, benchmarks = split(frame)
    live.to_parquet(tmp_path / "live")
    benchmarks.to_parquet(tmp_path / "benchmarks")
    script = """if True:
        import sys
        sys.modules["sklearn"] = sys.modules["skbench"] = None
        import pandas as pd
        frames = [pd.read_parquet(name) for name in sys.argv[2:4]]
        pd.read_pickle(sys.argv[1])(*frames).to_parquet(sys.argv[4])
    """
    names = [str(path), *(str(tmp_path / n) for n in ("live", "benchmarks", "out"))]
    subprocess.run([sys.executable, "-c", script, *names], check=True, cwd=tmp_path)
    out = pd.read_parquet(tmp_path / "out")
    assert_array_equal(out["prediction"], fitted.predict(frame))


def test_files_of_two_releases_do_not_disturb_each_other(frame, tmp_path, monkeypatch):
    text_of = _export._text

    def of_another_release(at):
        return text_of(at).replace("+ 0.5) / n)", "+ 0.25) / n)")

    pipeline = make_pipeline(WeightedEnsemble({"v5_b": 1}), EraRank(ties="first"))
    pipeline.fit(frame)
    ours = export_predict(pipeline, tmp_path / "ours")
    with monkeypatch.context() as patch:
        patch.setattr(_export, "_text", of_another_release)
        theirs = export_predict(pipeline, tmp_path / "theirs")
    predict, other = pd.read_pickle(ours), pd.read_pickle(theirs)
    expected = pipeline.predict(frame)
    assert_array_equal(predict(*split(frame))["prediction"], expected)
    shifted = expected - 0.25 / 60
    np.testing.assert_allclose(other(*split(frame))["prediction"], shifted, atol=1e-15)
    assert_array_equal(predict(*split(frame))["prediction"], expected)


# what is refused


def assert_refused(error, match, pipeline, tmp_path, **options):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error, match=match):
        export_predict(pipeline, path, **options)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


class OwnRank(EraRank):
    def transform(self, X):
        return super().transform(X)


class RenamedRank(EraRank):
    pass


def test_steps_that_are_not_skbenchs_are_refused(frame, tmp_path):
    numbers = frame.drop(columns=["era", "target"])
    scaled = make_pipeline(
        StandardScaler().set_output(transform="pandas"), EraRank(era=None)
    )
    scaled.fit(numbers)
    assert_refused(
        TypeError, "'standardscaler' .* is a StandardScaler", scaled, tmp_path
    )
    own = Pipeline([("inner", Pipeline([("mine", OwnRank("v5_a"))]))]).fit(frame)
    assert_refused(TypeError, "'inner__mine' .* is a OwnRank", own, tmp_path)
    assert_refused(
        TypeError, "must be a .* estimator; got 'EraRank'", "EraRank", tmp_path
    )
    assert_refused(TypeError, "must be a .* estimator", EraRank, tmp_path)


def test_a_subclass_that_changes_nothing_is_exported(frame, tmp_path):
    renamed = RenamedRank("v5_a").fit(frame)
    assert_same(renamed, frame, tmp_path)


def test_what_is_not_fitted_on_frames_is_refused(frame, tmp_path):
    assert_refused(NotFittedError, "EraRankGauss", steps(), tmp_path)
    fitted = steps(StackingWeights())
    fitted.steps[0][1].fit(frame)
    assert_refused(NotFittedError, "StackingWeights", fitted, tmp_path)
    array = EraRank(era=None).fit(frame[["v5_a"]].to_numpy())
    assert_refused(ValueError, "'EraRank' .* not strings: 0", array, tmp_path)
    numbered = EraRank(7, era=None).fit(frame.set_axis(range(frame.shape[1]), axis=1))
    assert_refused(ValueError, "not strings: 7", numbered, tmp_path)


def test_pipelines_of_another_end_are_refused(frame, tmp_path):
    blend = make_pipeline(EraRankGauss(), WeightedEnsemble()).fit(frame)
    assert_refused(ValueError, "must end in EraRank.*'weightedens", blend, tmp_path)
    gauss = make_pipeline(EraRank("v5_a"), EraRankGauss("v5_a")).fit(frame)
    assert_refused(ValueError, "must end in EraRank", gauss, tmp_path)
    assert_refused(ValueError, "gives 3: 'v5_a'", EraRank().fit(frame), tmp_path)
    empty = Pipeline([("nothing", "passthrough")])
    assert_refused(ValueError, "it has no steps", empty, tmp_path)


def test_steps_that_do_not_fit_together_are_refused(frame, tmp_path):
    apart = make_pipeline(
        WeightedEnsemble({"v5_a": 1}).fit(frame), EraRank("v5_b").fit(frame)
    )
    assert_refused(ValueError, "'erarank' .* uses 'v5_b', which", apart, tmp_path)
    dropped = make_pipeline(
        FeatureNeutralizer(["feature_0"], columns="v5_a").fit(frame),
        EraRank("v5_a", era="feature_0").fit(frame),
    )
    assert_refused(ValueError, "uses 'feature_0', which", dropped, tmp_path)


def test_bad_arguments_are_refused(frame, fitted, tmp_path):
    for fill in 0, 1.0, -1, "half", float("nan"), True:
        assert_refused(
            ValueError, "`fill` must be a number", fitted, tmp_path, fill=fill
        )
    changed = pickle.loads(pickle.dumps(fitted))
    changed.set_params(featureneutralizer__proportion=7)
    assert_refused(ValueError, "`proportion` must be .* got 7", changed, tmp_path)
    for models in ["v5_a"], {1: Ridge()}:
        assert_refused(
            TypeError, "`models` must be a mapp", fitted, tmp_path, models=models
        )
    assert_refused(
        TypeError,
        "must be a list of column names; got .feature_1",
        fitted,
        tmp_path,
        feature_columns="feature_1",
    )
    with pytest.raises(ValueError, match=r"`path` must not end in \.gz"):
        export_predict(fitted, tmp_path / "predict.pkl.gz")
    with pytest.raises(IsADirectoryError):
        export_predict(fitted, tmp_path)
    with pytest.raises(FileNotFoundError):
        export_predict(fitted, tmp_path / "none" / "file")


def test_columns_that_live_data_never_has_are_refused(frame, tmp_path):
    frame["numerai_meta_model"] = frame["v5_a"]
    ensemble = WeightedEnsemble(columns=["numerai_meta_model", "v5_a", "target"])
    pipeline = make_pipeline(ensemble, EraRank("prediction"))
    with pytest.warns(UserWarning, match="of the role"):
        pipeline.fit(frame)
    match = "uses 'numerai_meta_model', 'target', which live data does not"
    assert_refused(ValueError, match, pipeline, tmp_path)


# models of one's own


class Sum:
    """A regressor whose class is only here."""

    def fit(self, X):
        self.feature_names_in_ = np.array(X.columns)
        return self

    def predict(self, X):
        return X.sum(axis=1).to_numpy()


class Wide(Sum):
    def predict(self, X):
        return X.to_numpy()


class Leaning(Sum):
    def predict(self, X):
        return _export._START


class Broken(Sum):
    def __reduce__(self):
        raise RuntimeError("cannot be pickled")


@pytest.fixture
def blended(frame):
    """Return a pipeline of a benchmark and a model's column, and that model."""
    ridge = Ridge().fit(frame[FEATURES[3:]], frame["target"])
    frame["mine"] = ridge.predict(frame[FEATURES[3:]])
    weights = WeightedEnsemble({"mine": 0.5, "v5_a": 0.5})
    return make_pipeline(EraRankGauss(), weights, EraRank()).fit(
        frame[["era", "v5_a", "mine"]]
    ), ridge


def test_a_scikit_learn_model_comes_with_a_warning(blended, frame, tmp_path):
    pipeline, ridge = blended
    with pytest.warns(
        UserWarning, match=r"'mine' \(Ridge\).*numpy .*scikit-learn \d"
    ) as w:
        assert_same(pipeline, frame, tmp_path, models={"mine": ridge})
    assert w[0].filename == __file__
    assert "Python" not in str(w[0].message)
    predict = exported_quietly(pipeline, tmp_path, models={"mine": ridge})
    with pytest.raises(ValueError, match="lacks the columns 'feature_5'"):
        predict(split(frame)[0].drop(columns="feature_5"), split(frame)[1])


def exported_quietly(pipeline, tmp_path, **options):
    with pytest.warns(UserWarning, match="is pickled as it is"):
        return exported(pipeline, tmp_path, **options)


def test_a_model_alone_needs_no_benchmarks(blended, frame, tmp_path):
    _, ridge = blended
    pipeline = make_pipeline(WeightedEnsemble({"mine": 1}), EraRank()).fit(
        frame[["era", "mine"]]
    )
    predict = exported_quietly(pipeline, tmp_path, models={"mine": ridge})
    assert [*inspect.signature(predict).parameters] == ["live_features"]
    out = predict(split(frame)[0])["prediction"]
    assert_array_equal(out, pipeline.predict(frame))


def test_code_of_local_modules_travels_along(blended, frame, tmp_path):
    pipeline, _ = blended
    frame["mine"] = frame[FEATURES].sum(axis=1)
    here = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    before = cloudpickle.list_registry_pickle_by_value()
    # Or what earlier tests left could warn of itself within the block.
    gc.collect()
    with pytest.warns(UserWarning, match=here):
        path = export_predict(
            pipeline, tmp_path / "file", models={"mine": Sum().fit(frame[FEATURES])}
        )
    assert cloudpickle.list_registry_pickle_by_value() == before
    split(frame)[0].to_parquet(tmp_path / "live")
    split(frame)[1].to_parquet(tmp_path / "benchmarks")
    script = (
        "import sys, pandas as pd;"
        "out = pd.read_pickle(sys.argv[1])(*map(pd.read_parquet, sys.argv[2:4]));"
        "out.to_parquet(sys.argv[4])"
    )
    names = [str(tmp_path / name) for name in ("file", "live", "benchmarks", "out")]
    subprocess.run([sys.executable, "-I", "-c", script, *names], check=True, cwd="/")
    assert path.exists()
    out = pd.read_parquet(tmp_path / "out")["prediction"]
    assert_array_equal(out, pipeline.predict(frame))


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Return a module of the user's, whose class reads a global of it."""
    lines = [
        "from enum import Enum",
        "from typing import Generic, TypeVar",
        "T = TypeVar('T')",
        "FACTOR = 1.0",
        "class How(Enum):",
        "    TIMES = 'times'",
        "class Scaled(Generic[T]):",
        "    feature_names_in_ = ['feature_0']",
        "    how = How.TIMES",
        "    def predict(self, X):",
        "        return FACTOR * X['feature_0'].to_numpy(float) / 4",
    ]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "scaled_by_factor.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path / "own")
    monkeypatch.delitem(sys.modules, "scaled_by_factor", raising=False)
    yield importlib.import_module("scaled_by_factor")
    sys.modules.pop("scaled_by_factor", None)


@pytest.fixture
def raw(frame):
    """Return a pipeline that ranks what a model of one's own predicts."""
    pipeline = make_pipeline(WeightedEnsemble({"mine": 1}), EraRank())
    return pipeline.fit(frame[["era"]].assign(mine=0.0))


def test_exporting_leaves_the_users_class_alone(raw, frame, tmp_path, own_module):
    model = own_module.Scaled()
    copyreg._slotnames(own_module.Scaled)  # what Python itself notes in the class
    kept = dict(vars(own_module.Scaled))
    first = exported_quietly(raw, tmp_path, models={"mine": model})
    data = (tmp_path / "predict.pkl").read_bytes()
    assert dict(vars(own_module.Scaled)) == kept
    own_module.FACTOR = -1.0
    second = exported_quietly(raw, tmp_path, models={"mine": model})
    # Whether files were loaded here or not.
    assert dict(vars(own_module.Scaled)) == kept
    assert list(own_module.How) == [own_module.How.TIMES]
    own_module.FACTOR = 1.0
    exported_quietly(raw, tmp_path, models={"mine": model})
    assert (tmp_path / "predict.pkl").read_bytes() == data
    assert_ranked(first, frame, 1)
    assert_ranked(second, frame, -1)
    assert_ranked(pickle.loads(data), frame, 1)


def assert_ranked(predict, frame, sign):
    expected = EraRank("mine").fit_transform(
        frame[["era"]].assign(mine=sign * frame["feature_0"].astype(float) / 4)
    )
    assert_array_equal(predict(split(frame)[0])["prediction"], expected["mine"])


def test_another_process_writes_the_same_code(raw, frame, tmp_path, own_module):
    exported_quietly(raw, tmp_path, models={"mine": own_module.Scaled()})
    script = """if True:
        import pickle, sys, warnings
        warnings.simplefilter("ignore")
        sys.path[:0] = sys.argv[3:]
        from scaled_by_factor import Scaled
        from skbench.deploy import export_predict
        pipeline = pickle.loads(open(sys.argv[1], "rb").read())
        export_predict(pipeline, sys.argv[2], models={"mine": Scaled()})
    """
    (tmp_path / "pipeline").write_bytes(pickle.dumps(raw))
    names = [str(tmp_path / name) for name in ("pipeline", "other", "own")]
    root = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", script, *names, root]
    environment = os.environ | {"PYTHONPATH": root, "PYTHONHASHSEED": "7"}
    subprocess.run(command, check=True, env=environment)
    ours = (tmp_path / "predict.pkl").read_bytes()
    assert (tmp_path / "other").read_bytes() == ours


@pytest.mark.parametrize(
    "model", [HistGradientBoostingRegressor(max_iter=3), GammaRegressor()], ids=str
)
def test_compiled_modules_of_packages_are_not_local(model, frame, tmp_path):
    with warnings.catch_warnings():
        # The runner's scikit-learn calls newer versions of scipy in an old way.
        warnings.simplefilter("ignore", DeprecationWarning)
        model.fit(frame[FEATURES], frame["target"] + 0.1)
    frame["mine"] = model.predict(frame[FEATURES])
    pipeline = make_pipeline(WeightedEnsemble({"mine": 1}), EraRank())
    pipeline.fit(frame[["era", "mine"]])
    with pytest.warns(UserWarning, match="numpy .*scikit-learn .*") as w:
        path = export_predict(pipeline, tmp_path / "f", models={"mine": model})
    assert "Python" not in str(w[0].message)
    report = check_predict(path, split(frame)[0])
    assert report.passed, str(report)
    assert_array_equal(report.predictions["prediction"], pipeline.predict(frame))


def test_code_of_another_python_is_refused_by_name(
    blended, frame, tmp_path, monkeypatch
):
    pipeline, _ = blended
    model = Sum().fit(frame[FEATURES])
    with pytest.warns(UserWarning, match="pickled as it is"):
        path = export_predict(pipeline, tmp_path / "file", models={"mine": model})
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(RuntimeError, match=r"code of Python 3.1\d, which Python 3.99"):
        pickle.loads(path.read_bytes())


def test_what_another_runner_has_is_told(blended, frame, tmp_path, monkeypatch):
    pipeline, ridge = blended
    monkeypatch.setitem(RUNNERS, "3.12", {"scikit-learn": "0.0.1", "scipy": "0.1"})
    options = {"models": {"mine": ridge}}
    with pytest.warns(UserWarning, match="pickled as it is") as told:
        path = export_predict(pipeline, tmp_path / "file", **options)
    (words,) = [str(warning.message) for warning in told]
    assert words.endswith(
        ". The runner 3.12 has scikit-learn 0.0.1: try the file with these"
    )
    # What the file holds is the same for every runner; and with its versions, no word.
    versions = {"scikit-learn": sklearn.__version__}
    monkeypatch.setitem(RUNNERS, "3.13", versions)
    with pytest.warns(UserWarning, match="pickled as it is") as told:
        same = export_predict(pipeline, tmp_path / "same", runner="3.13", **options)
    assert "The runner" not in str(told[0].message)
    assert path.read_bytes() == same.read_bytes()


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_runner_that_cannot_run_the_code_is_told(blended, frame, tmp_path, runner):
    pipeline, _ = blended
    models = {"mine": Sum().fit(frame[FEATURES])}
    with pytest.warns(UserWarning, match="pickled as it is") as told:
        export_predict(pipeline, tmp_path / "file", models=models, runner=runner)
    here, there = f"3.{sys.version_info[1]}", runner.removesuffix("-head")
    found = f"The runner {runner} cannot run code of another Python than {there}: "
    found += f"choose the runner of Python {here}"
    words = str(told[0].message)
    assert (found in words) == (here != there)
    # skbench itself needs a newer one.
    exported = f", or export the file with Python {there}"
    assert (exported in words) == (there not in (here, "3.10"))


@pytest.mark.parametrize("name", [*filter(None, _export._MODULES.values()), *TEXTS])
def test_every_text_is_one_for_the_oldest_python(name):
    text = (Path(skbench.__file__).parent / name).read_text()
    ast.parse(text, feature_version=(3, 10))


def test_models_that_cannot_be_used_are_refused(blended, frame, tmp_path):
    pipeline, ridge = blended
    before = cloudpickle.list_registry_pickle_by_value()

    def refuse(error, match, **models):
        assert_refused(error, match, pipeline, tmp_path, models=models)

    refuse(ValueError, "supplies 'other', which", mine=ridge, other=ridge)
    refuse(ValueError, "knows no column names", mine=Ridge())
    refuse(TypeError, "with a method predict; got int", mine=3)
    refuse(RuntimeError, "cannot be pickled", mine=Broken().fit(frame[FEATURES]))
    with pytest.warns(UserWarning, match="of the role"):
        ours = EraRank(FEATURES[:2]).fit(frame)
    refuse(TypeError, "holds an object of skbench", mine=ours)
    leaning = Leaning().fit(frame[FEATURES])
    refuse(TypeError, "holds an object of skbench", mine=leaning)
    assert cloudpickle.list_registry_pickle_by_value() == before
    options = {"models": {"mine": ridge}, "feature_columns": ["mine"]}
    assert_refused(ValueError, "cannot come from both", pipeline, tmp_path, **options)


def test_a_model_must_give_one_number_a_row(blended, frame, tmp_path):
    pipeline, _ = blended
    model = Wide().fit(frame[FEATURES])
    predict = exported_quietly(pipeline, tmp_path, models={"mine": model})
    with pytest.raises(ValueError, match=r"'mine' must give .* the shape \(180, 6\)"):
        predict(*split(frame))


@pytest.mark.parametrize("kind", ["regressor", "booster"])
def test_a_lightgbm_model_travels_as_text(kind, blended, frame, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    pipeline, _ = blended
    X = frame[FEATURES[::-1]]
    model = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1)
    model.fit(X, frame["target"])
    frame["mine"] = model.predict(X)
    if kind == "booster":
        model = model.booster_
    assert_same(pipeline, frame, tmp_path, models={"mine": model})
    data = (tmp_path / "predict.pkl").read_bytes()
    assert b"Tree=19" in data
    assert b"sklearn" not in data
    first = export_predict(pipeline, tmp_path / "again", models={"mine": model})
    assert first.read_bytes() == data


def test_a_lightgbm_model_without_names_or_fit_is_refused(blended, frame, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    pipeline, _ = blended
    model = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1)
    refused = {"models": {"mine": model}}
    assert_refused(NotFittedError, "fit", pipeline, tmp_path, **refused)
    model.fit(frame[FEATURES].to_numpy(), frame["target"])
    assert_refused(ValueError, "knows no column names", pipeline, tmp_path, **refused)


# real rows


def test_real_rows(real_folder, tmp_path):
    folder = real_folder
    validation = pd.read_parquet(folder / "validation.parquet")
    benchmarks = pd.read_parquet(folder / "validation_benchmark_models.parquet")
    live = [
        pd.read_parquet(folder / name)
        for name in ("live.parquet", "live_benchmark_models.parquet")
    ]
    assert json.loads((folder / "features.json").read_text())["feature_sets"]
    models = [name for name in benchmarks if name in live[1] and name != "era"]
    frame = validation.join(benchmarks[models])
    pipeline = steps(WeightedEnsemble(columns=models), proportion=0.5).fit(frame)
    predict = exported(pipeline, tmp_path)
    columns = [name for name in live[0] if not name.startswith("target")]
    for features, predictions in ((validation[columns], benchmarks), live):
        both = features[columns].join(predictions[models])
        out = predict(features, predictions)["prediction"]
        assert_array_equal(out, pipeline.predict(both))
