"""Frames of every kind: which columns are used, and the same kind out as came in."""

import gc
import re
import tracemalloc
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sklearn
from helpers import each_kind, to_kind
from sklearn.base import clone
from sklearn.compose import make_column_selector
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
    metrics,
    rank_gauss,
)
from skbench._frames import take

KINDS = ["pandas", "polars", "pyarrow"]
MODELS = ["model_a", "model_b", "model_c"]
FEATURES = ["feature_x", "feature_y"]

each_container = pytest.mark.parametrize("container", ["pandas", "polars"])


def make_frame(n_rows=40, seed=0):
    """Make a frame with a column of every role, eras interleaved, roles mixed."""
    rng = np.random.default_rng(seed)
    floats = rng.normal(size=(5, n_rows))
    bins = rng.integers(0, 5, size=(2, n_rows)).astype(np.int8)
    return pd.DataFrame(
        {
            "data_type": np.repeat("validation", n_rows),
            "feature_x": bins[0],
            "model_a": floats[0],
            "sector": pd.Categorical(np.resize(["tech", "oil", "bank"], n_rows)),
            "era": np.resize(["0003", "0001", "0002"], n_rows),
            "model_b": floats[1],
            "numerai_meta_model": floats[2],
            "target_cyrus_20": floats[3].round(),
            "feature_y": bins[1],
            "model_c": floats[4],
            "size": np.arange(n_rows),
        },
        index=pd.Index([f"n{i * 7 % n_rows:03d}" for i in range(n_rows)], name="id"),
    )


@pytest.fixture
def frame():
    return make_frame()


def names_of(X):
    return list(X.column_names if isinstance(X, pa.Table) else X.columns)


def values_of(X, name):
    return np.asarray(X[name])


def block_of(X, names):
    return np.column_stack([values_of(X, name) for name in names])


def reordered(X):
    return X.select(names_of(X)[::-1]) if not is_pandas(X) else X[names_of(X)[::-1]]


def without(X, names):
    return X.drop(columns=names) if is_pandas(X) else X.drop(names)


def is_pandas(X):
    return isinstance(X, pd.DataFrame)


def transformers():
    return [
        EraRankGauss(),
        EraRank(),
        WeightedEnsemble(),
        WeightedEnsemble({"model_c": 0.25, "model_a": 0.75}),
        FeatureNeutralizer(),
        FeatureNeutralizer(keep_neutralizers=True),
    ]


def each_of(estimators):
    return pytest.mark.parametrize("estimator", estimators, ids=repr, indirect=True)


each = each_of(transformers())


@pytest.fixture
def estimator(request):
    return clone(request.param)


def expected_columns(estimator, names):
    """Write out what a step does to the columns, in the obvious way."""
    first = min(names.index(name) for name in MODELS)
    if isinstance(estimator, WeightedEnsemble):
        kept = ["prediction" if i == first else name for i, name in enumerate(names)]
        return [name for name in kept if name not in MODELS]
    models = [name for name in names if name in MODELS]
    before = [name for name in names[:first] if name not in MODELS]
    after = [name for name in names[first:] if name not in MODELS]
    out = before + models + after
    if isinstance(estimator, FeatureNeutralizer) and not estimator.keep_neutralizers:
        out = [name for name in out if name not in FEATURES]
    return out


# the same kind out


@each_kind
@each
def test_the_same_kind_comes_out_with_the_columns_in_place(estimator, kind, frame):
    X = to_kind(frame, kind)
    out = estimator.fit_transform(X)
    assert type(out) is type(X)
    assert names_of(out) == expected_columns(estimator, names_of(X))


@each_kind
@each
def test_every_kind_gives_the_same_bits(estimator, kind, frame):
    expected = estimator.fit(frame).predict(frame)
    X = to_kind(frame, kind)
    np.testing.assert_array_equal(estimator.fit(X).predict(X), expected)
    out = estimator.transform(X)
    new = ["prediction"] if expected.ndim == 1 else MODELS
    np.testing.assert_array_equal(block_of(out, new).T, np.atleast_2d(expected.T))


@each_kind
@each
def test_other_columns_pass_through_unchanged(estimator, kind, frame):
    X = to_kind(frame, kind)
    out = estimator.fit_transform(X)
    passed = [name for name in names_of(out) if name in names_of(X)]
    passed = [name for name in passed if name not in MODELS]
    assert len(passed) >= 6
    for name in passed:
        np.testing.assert_array_equal(values_of(out, name), values_of(X, name))
        assert out[name].dtype == X[name].dtype if kind != "pyarrow" else True
    if kind == "pyarrow":
        assert all(out.schema.field(name) == X.schema.field(name) for name in passed)


@each
def test_pandas_keeps_its_index(estimator, frame):
    assert estimator.fit_transform(frame).index.equals(frame.index)
    assert estimator.fit_transform(frame).index.name == "id"


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([0] * 40),
        pd.RangeIndex(40, 0, -1),
        pd.MultiIndex.from_product([range(8), list("abcde")], names=["k", "l"]),
        pd.date_range("2020", periods=40, name="day"),
    ],
    ids=["duplicates", "descending", "multi", "dates"],
)
@each
def test_any_index_will_do(estimator, index, frame):
    expected = estimator.fit(frame).predict(frame)
    out = estimator.fit_transform(frame.set_index(index))
    pd.testing.assert_index_equal(out.index, index)
    new = ["prediction"] if expected.ndim == 1 else MODELS
    np.testing.assert_array_equal(np.squeeze(out[new].to_numpy()), expected)


@each
def test_pyarrow_keeps_the_metadata_that_restores_the_index(estimator, frame):
    out = estimator.fit_transform(pa.Table.from_pandas(frame))
    assert out.to_pandas().index.equals(frame.index)


@each_kind
@each
def test_the_input_stays_as_it_was(estimator, kind, frame):
    frame.iloc[3:5, frame.columns.get_loc("model_a")] = np.nan
    X, same = to_kind(frame, kind), to_kind(frame, kind)
    estimator.fit(X)
    estimator.transform(X)
    estimator.predict(X)
    estimator.score(X, frame["model_b"].to_numpy())
    assert X.equals(same)


def test_a_missing_feature_is_not_filled_in_the_callers_frame(frame):
    X = frame.astype({"feature_x": float})
    X.iloc[::5, X.columns.get_loc("feature_x")] = np.nan
    same = X.copy(deep=True)
    kept = FeatureNeutralizer(keep_neutralizers=True).fit_transform(X)
    pd.testing.assert_frame_equal(X, same)
    pd.testing.assert_series_equal(kept["feature_x"], same["feature_x"])


@pytest.mark.parametrize("writeable", [True, False])
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_an_array_gives_an_array(writeable):
    X = np.random.default_rng(0).normal(size=(9, 3))
    same = X.copy()
    X.setflags(write=writeable)
    for estimator in (EraRank(), WeightedEnsemble(), FeatureNeutralizer([1])):
        out = estimator.fit_transform(X)
        assert type(out) is np.ndarray
        assert not np.shares_memory(out, X)
    np.testing.assert_array_equal(X, same)


# which columns


@each_kind
def test_only_floats_without_another_role_are_predictions(kind, frame):
    X = to_kind(frame.assign(id=0.5, targeted=0.5, features=0.5, era_2=0.5), kind)
    assert EraRank().fit(X).columns_ == [*MODELS, "era_2"]


@each_kind
def test_bool_and_int_columns_are_no_predictions(kind, frame):
    X = to_kind(frame.assign(flag=frame["size"] > 3, count=frame["size"]), kind)
    assert EraRank().fit(X).columns_ == MODELS


@each_kind
def test_a_float_era_column_is_no_prediction(kind, frame):
    X = to_kind(frame.assign(era=frame["era"].astype(float)), kind)
    assert EraRank().fit(X).columns_ == MODELS


@each_kind
def test_features_are_found_by_their_names_whatever_their_dtype(kind, frame):
    X = to_kind(frame.astype({"feature_x": np.float32}), kind)
    fitted = FeatureNeutralizer().fit(X)
    assert fitted.neutralizers_ == FEATURES
    assert fitted.columns_ == MODELS


@pytest.mark.parametrize(
    ("columns", "used"),
    [
        ("model_b", ["model_b"]),
        (["model_c", "model_a"], ["model_c", "model_a"]),
        (("model_a",), ["model_a"]),
        (np.array(["model_a", "model_c"]), ["model_a", "model_c"]),
        (pd.Index(["model_a"]), ["model_a"]),
        (2, ["model_a"]),
        ([9, 2], ["model_c", "model_a"]),
        (-2, ["model_c"]),
        (np.array([2, 5]), ["model_a", "model_b"]),
        (lambda X: [name for name in names_of(X) if "_b" in name], ["model_b"]),
    ],
)
@each_kind
def test_columns_are_named_counted_or_called_for(columns, used, kind, frame):
    X = to_kind(frame, kind)
    fitted = EraRank(columns).fit(X)
    assert fitted.columns_ == used
    out = fitted.transform(X)
    plain = EraRank().fit_transform(X)
    for name in MODELS:
        expected = plain if name in used else X
        np.testing.assert_array_equal(values_of(out, name), values_of(expected, name))


def test_a_column_selector_of_scikit_learn_will_do(frame):
    assert EraRank(make_column_selector("_[ac]$")).fit(frame).columns_ == [
        "model_a",
        "model_c",
    ]
    selector = make_column_selector("^feature", dtype_include="int8")
    assert FeatureNeutralizer(selector).fit(frame).neutralizers_ == FEATURES


@each_kind
def test_columns_may_be_of_any_number_dtype(kind, frame):
    out = EraRank("size").fit_transform(to_kind(frame, kind))
    expected = frame.groupby("era")["size"].rank() - 0.5
    expected /= frame.groupby("era")["size"].transform("size")
    np.testing.assert_allclose(values_of(out, "size"), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("feature_x", "feature"),
        ("target_cyrus_20", "target"),
        ("numerai_meta_model", "reference"),
    ],
)
@each_kind
def test_naming_a_column_of_another_role_warns(kind, name, role, frame):
    X = to_kind(frame, kind)
    match = f"'{name}' is used as a prediction.*'{role}'"
    with pytest.warns(UserWarning, match=match):
        assert EraRank([name]).fit(X).columns_ == [name]
    with pytest.warns(UserWarning, match=match):
        fitted = WeightedEnsemble({name: 1.0}).fit(X)
    assert list(fitted.weights_) == [name]


def test_the_warning_points_at_the_callers_line(frame):
    with pytest.warns(UserWarning, match="used as a prediction") as caught:
        EraRank(["feature_x"]).fit(frame)
    assert caught[0].filename == __file__


@each_kind
def test_an_ensemble_replaces_every_prediction_also_those_without_a_weight(kind, frame):
    X = to_kind(frame, kind)
    for weights in ({"model_b": 1.0}, {"model_a": 0, "model_b": 1.0}, [0, 1, 0]):
        out = WeightedEnsemble(weights).fit_transform(X)
        assert not set(MODELS) & set(names_of(out))
        assert names_of(out).index("prediction") == names_of(X).index("model_a")
        expected = values_of(X, "model_b")
        np.testing.assert_array_equal(values_of(out, "prediction"), expected)


def test_an_ensemble_of_given_columns_leaves_the_others(frame):
    out = WeightedEnsemble(columns=["model_a", "model_c"]).fit_transform(frame)
    assert [name for name in out if name in (*MODELS, "prediction")] == [
        "prediction",
        "model_b",
    ]
    expected = 0.5 * frame["model_a"] + 0.5 * frame["model_c"]
    np.testing.assert_array_equal(out["prediction"], expected)


@each_kind
def test_a_neutralizer_named_by_hand_is_dropped_and_others_stay(kind, frame):
    X = to_kind(frame, kind)
    assert "feature_x" not in names_of(FeatureNeutralizer("feature_x").fit_transform(X))
    assert "feature_y" in names_of(FeatureNeutralizer("feature_x").fit_transform(X))
    kept = FeatureNeutralizer("feature_x", keep_neutralizers=True).fit_transform(X)
    assert names_of(kept) == expected_columns(EraRank(), names_of(X))


# columns at transform


@each_kind
@each
def test_columns_are_found_by_name_in_any_order(estimator, kind, frame):
    X = to_kind(frame, kind)
    expected = estimator.fit(X).predict(X)
    np.testing.assert_array_equal(estimator.predict(reordered(X)), expected)
    out = estimator.transform(reordered(X))
    assert names_of(out)[0] == "size"
    models = ["prediction"] if expected.ndim == 1 else MODELS
    np.testing.assert_array_equal(
        block_of(out, models), block_of(estimator.transform(X), models)
    )


@each_kind
@each
def test_columns_that_are_not_used_may_go(estimator, kind, frame):
    X = to_kind(frame, kind)
    expected = estimator.fit(X).predict(X)
    gone = ["target_cyrus_20", "numerai_meta_model", "data_type", "size", "sector"]
    if not isinstance(estimator, FeatureNeutralizer):
        gone += FEATURES
    live = without(X, gone)
    np.testing.assert_array_equal(estimator.predict(live), expected)
    assert not set(gone) & set(names_of(estimator.transform(live)))


@each_kind
def test_a_column_of_weight_zero_may_go(kind, frame):
    X = to_kind(frame, kind)
    fitted = WeightedEnsemble({"model_a": 0, "model_b": 1}).fit(X)
    out = fitted.transform(without(X, ["model_a", "model_c"]))
    np.testing.assert_array_equal(values_of(out, "prediction"), values_of(X, "model_b"))


def test_where_all_weights_are_zero_every_column_may_go(frame):
    fitted = WeightedEnsemble({"model_a": 0}).fit(frame)
    out = fitted.transform(frame.drop(columns=MODELS))
    assert (out["prediction"] == 0).all()


@each_kind
@each
def test_a_column_that_is_new_is_not_used(estimator, kind, frame):
    X = to_kind(frame, kind)
    expected = estimator.fit(X).predict(X)
    new = to_kind(frame.assign(model_0=frame["model_a"] ** 3, feature_z=1.5), kind)
    np.testing.assert_array_equal(estimator.predict(new), expected)


@each_kind
@each_of([EraRank(), FeatureNeutralizer()])
def test_a_new_column_passes_through(estimator, kind, frame):
    estimator.fit(to_kind(frame, kind))
    new = to_kind(frame.assign(model_0=frame["model_a"] ** 3, feature_z=1.5), kind)
    out = estimator.transform(new)
    for name in ("model_0", "feature_z"):
        np.testing.assert_array_equal(values_of(out, name), values_of(new, name))


@each_kind
def test_an_ensemble_also_replaces_a_model_that_is_new(kind, frame):
    fitted = WeightedEnsemble().fit(to_kind(frame, kind))
    out = fitted.transform(to_kind(frame.assign(model_0=frame["model_a"] ** 3), kind))
    assert "model_0" not in names_of(out)


@pytest.mark.parametrize("fit_kind", KINDS)
@each_kind
@each
def test_a_frame_of_another_kind_will_do(estimator, fit_kind, kind, frame):
    estimator.fit(to_kind(frame, fit_kind))
    X = to_kind(frame, kind)
    expected = estimator.fit(frame).predict(frame)
    np.testing.assert_array_equal(estimator.predict(X), expected)


# names


@each_kind
@each
def test_names_out_are_the_columns_of_the_output(estimator, kind, frame):
    X = to_kind(frame, kind)
    out = estimator.fit_transform(X)
    assert list(estimator.get_feature_names_out()) == names_of(out)
    assert estimator.get_feature_names_out().dtype == object


@each_kind
@each
def test_names_and_number_of_columns_are_recorded(estimator, kind, frame):
    estimator.fit(to_kind(frame, kind))
    assert estimator.n_features_in_ == frame.shape[1]
    assert estimator.feature_names_in_.dtype == object
    assert list(estimator.feature_names_in_) == list(frame.columns)


@pytest.mark.filterwarnings("ignore:X has no era column")
def test_a_fit_on_an_array_forgets_the_names_of_a_frame(frame):
    estimator = EraRank().fit(frame).fit(np.eye(4))
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.n_features_in_ == 4
    assert list(estimator.get_feature_names_out()) == ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (EraRank(), ["a", "b", "c"]),
        (WeightedEnsemble(columns=[1, 2]), ["a", "prediction"]),
        (WeightedEnsemble(output="blend"), ["blend"]),
        (FeatureNeutralizer([1]), ["a", "c"]),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_an_array_takes_names_for_its_columns(estimator, names):
    X = np.random.default_rng(0).normal(size=(9, 3))
    out = estimator.fit_transform(X)
    assert list(estimator.get_feature_names_out(["a", "b", "c"])) == names
    assert out.shape == (9, len(names))


# set_output


@each_container
@each_kind
@each
def test_set_output_changes_the_container_and_nothing_else(
    estimator, kind, container, frame
):
    X = to_kind(frame, kind)
    plain = estimator.set_output(transform="default").fit_transform(X)
    out = estimator.set_output(transform=container).fit_transform(X)
    assert type(out) is {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    assert names_of(out) == names_of(plain)
    for name in names_of(out):
        np.testing.assert_array_equal(values_of(out, name), values_of(plain, name))
    if kind == container == "pandas":
        pd.testing.assert_frame_equal(out, plain)


@each_container
@each_kind
@each
def test_set_output_keeps_values_under_their_names_when_reordered(
    estimator, kind, container, frame
):
    X = to_kind(frame, kind)
    plain = estimator.set_output(transform="default").fit(X).transform(X)
    out = estimator.set_output(transform=container).transform(reordered(X))
    assert set(names_of(out)) == set(names_of(plain))
    assert names_of(out) != names_of(plain)
    for name in names_of(out):
        np.testing.assert_array_equal(values_of(out, name), values_of(plain, name))


@each_container
@each_kind
def test_set_output_keeps_small_integers_small(kind, container, frame):
    out = EraRank().set_output(transform=container).fit_transform(to_kind(frame, kind))
    assert str(out["feature_x"].dtype).lower() == "int8"


@each_container
def test_set_output_does_not_change_predict(container, frame):
    expected = EraRank().predict(frame)
    changed = EraRank().set_output(transform=container).predict(frame)
    assert type(changed) is np.ndarray
    np.testing.assert_array_equal(changed, expected)


@each_container
def test_set_output_of_an_array_with_eras(container):
    X = np.column_stack([[1, 2, 1, 2], [0.1, 0.2, 0.3, 0.4]])
    out = EraRank(era=0).set_output(transform=container).fit_transform(X)
    assert names_of(out) == ["x0", "x1"]
    np.testing.assert_array_equal(values_of(out, "x1"), [0.25, 0.25, 0.75, 0.75])


# memory


def shares_memory(out, X, name):
    if isinstance(X, pa.Table):
        columns = (table[name].chunk(0).buffers()[1] for table in (out, X))
        return len({buffer.address for buffer in columns}) == 1
    return np.shares_memory(out[name].to_numpy(), X[name].to_numpy())


@each_kind
@each_of(
    [
        EraRankGauss(),
        EraRank(),
        WeightedEnsemble(),
        FeatureNeutralizer("feature_x"),
        FeatureNeutralizer(keep_neutralizers=True),
    ]
)
def test_features_are_passed_on_without_a_copy(estimator, kind, frame):
    X = to_kind(frame, kind)
    out = estimator.fit_transform(X)
    assert "feature_y" in names_of(out)
    passed = set(FEATURES) & set(names_of(out))
    assert all(shares_memory(out, X, name) for name in passed)


@each_kind
def test_features_stay_uncopied_where_others_are_dropped_between_them(kind):
    bins = np.random.default_rng(0).integers(0, 5, size=(30, 9)).astype(np.int8)
    X = pd.DataFrame(bins, columns=[f"feature_{i}" for i in range(9)])
    X["model"] = np.random.default_rng(1).normal(size=30)
    X = to_kind(X, kind)
    dropped = ["feature_1", "feature_2", "feature_5"]
    out = FeatureNeutralizer(dropped, era=None).fit_transform(X)
    passed = [name for name in names_of(out) if name != "model"]
    assert len(passed) == 6
    assert all(shares_memory(out, X, name) for name in passed)


def wide_frame(n_rows=8000, n_features=3000):
    bins = np.random.default_rng(0).integers(
        0, 5, size=(n_rows, n_features), dtype="i1"
    )
    X = pd.DataFrame(bins, columns=[f"feature_{i}" for i in range(n_features)])
    model = pd.DataFrame({"model": np.random.default_rng(1).normal(size=n_rows)})
    return pd.concat([model, X], axis=1)


FLOAT64 = {"pandas": "float64", "polars": "float64", "pyarrow": "double"}


def peak_memory(call):
    """Call something twice; return the peak of the second call in bytes."""
    call()
    gc.collect()
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


@each_of(
    [
        EraRankGauss(era=None),
        EraRank(era=None),
        WeightedEnsemble(era=None),
        FeatureNeutralizer([1, 2, 3, 4], era=None),
        FeatureNeutralizer([5, 77, 2000, 8], era=None),
        FeatureNeutralizer([5, 77, 2000, 8], era=None, keep_neutralizers=True),
    ]
)
@each_kind
def test_three_thousand_features_beside_one_prediction_cost_nothing(estimator, kind):
    X = to_kind(wide_frame(), kind)
    features = 8000 * 3000
    estimator.fit(X)
    arrow_before = pa.total_allocated_bytes()
    peak, out = peak_memory(lambda: estimator.transform(X))
    assert peak < 0.4 * features
    assert pa.total_allocated_bytes() - arrow_before < 0.1 * features
    dtypes = out.schema.types if kind == "pyarrow" else out.dtypes
    assert {str(dtype).lower() for dtype in dtypes} == {"int8", FLOAT64[kind]}


# precision


@each_kind
@each
def test_single_precision_comes_back_as_single(estimator, kind, frame):
    X = frame.astype(dict.fromkeys(MODELS, np.float32))
    out = estimator.fit_transform(to_kind(X, kind))
    new = ["prediction"] if isinstance(estimator, WeightedEnsemble) else MODELS
    assert {values_of(out, name).dtype for name in new} == {np.dtype(np.float32)}
    assert estimator.predict(to_kind(X, kind)).dtype == np.float32


@each_kind
@each_of([EraRankGauss(), FeatureNeutralizer()])
def test_each_column_keeps_its_own_precision(estimator, kind, frame):
    X = to_kind(frame.astype({"model_b": np.float32}), kind)
    out = estimator.fit_transform(X)
    assert [values_of(out, name).dtype.itemsize for name in MODELS] == [8, 4, 8]
    assert estimator.predict(X).dtype == np.float64
    rounded = frame["model_b"].astype(np.float32).astype(float)
    double = estimator.predict(to_kind(frame.assign(model_b=rounded), kind))
    np.testing.assert_array_equal(values_of(out, "model_a"), double[:, 0])
    np.testing.assert_array_equal(
        values_of(out, "model_b"), double[:, 1].astype(np.float32)
    )


@pytest.mark.parametrize(
    ("weights", "itemsize"),
    [
        ({"model_a": 1, "model_b": 1}, 8),
        ({"model_b": 1}, 4),
        ({"model_a": 0, "model_b": 1}, 4),
        ({"model_a": 0}, 8),
    ],
)
def test_a_blend_is_single_where_all_that_it_reads_is(weights, itemsize, frame):
    X = frame.astype({"model_b": np.float32})
    out = WeightedEnsemble(weights).fit_transform(X)
    assert out["prediction"].dtype.itemsize == itemsize


def test_arithmetic_on_single_precision_is_in_double():
    X = pd.DataFrame({"a": [1.0], "b": [2.0**-30], "c": [-1.0]}, dtype=np.float32)
    blend = WeightedEnsemble([1, 1, 1], era=None).fit(X)
    np.testing.assert_array_equal(blend.predict(X), [2.0**-30])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64])
@each_of([EraRank(), WeightedEnsemble(), FeatureNeutralizer([1])])
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_an_array_is_single_only_if_it_was(estimator, dtype):
    X = np.random.default_rng(0).integers(0, 9, size=(9, 3)).astype(dtype)
    wanted = np.float32 if dtype == np.float32 else np.float64
    assert estimator.fit_transform(X).dtype == wanted
    assert estimator.predict(X).dtype == wanted


# missing values


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
@each
def test_missing_values_are_nulls_in_and_out(estimator, kind, frame):
    frame.iloc[[1, 8], frame.columns.get_loc("model_a")] = np.nan
    with_nulls = to_kind(frame, kind)
    assert count_nulls(with_nulls, "model_a") == 2
    out = estimator.fit_transform(with_nulls)
    new = "prediction" if isinstance(estimator, WeightedEnsemble) else "model_a"
    assert count_nulls(out, new) == 2
    as_pandas = estimator.fit_transform(frame)
    np.testing.assert_array_equal(values_of(out, new), as_pandas[new])


def count_nulls(X, name):
    count = X[name].null_count
    return count() if callable(count) else count


def test_nan_of_polars_is_a_missing_value_too():
    X = pl.DataFrame({"a": [0.3, float("nan"), 0.1, None]})
    out = EraRank(era=None).fit_transform(X)
    assert out["a"].to_list() == [0.75, None, 0.25, None]


@each_kind
def test_missing_integer_features_are_filled_by_the_median_of_the_era(kind, frame):
    gaps = frame["feature_x"].astype(float).mask(np.arange(40) % 4 == 0)
    filled = gaps.fillna(gaps.groupby(frame["era"]).transform("median"))
    expected = FeatureNeutralizer().predict(frame.assign(feature_x=filled))
    X = to_kind(frame.assign(feature_x=gaps.astype("Int8")), kind)
    out = FeatureNeutralizer().fit_transform(X)
    np.testing.assert_allclose(block_of(out, MODELS), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["Float64", "double[pyarrow]"])
@each
def test_nullable_pandas_dtypes_are_read(estimator, dtype, frame):
    frame.iloc[[1, 8], frame.columns.get_loc("model_a")] = np.nan
    expected = estimator.fit(frame).predict(frame)
    X = frame.astype(dict.fromkeys(MODELS, dtype))
    assert X["model_a"].isna().sum() == 2
    np.testing.assert_array_equal(estimator.fit(X).predict(X), expected)
    out = estimator.transform(X)
    new = ["prediction"] if expected.ndim == 1 else MODELS
    block = out[new].to_numpy(dtype=float, na_value=np.nan)
    np.testing.assert_array_equal(np.squeeze(block), expected)


@pytest.mark.parametrize("dtype", ["Float32", "float[pyarrow]"])
def test_nullable_single_precision_comes_back_as_single(dtype, frame):
    X = frame.astype(dict.fromkeys(MODELS, dtype))
    assert EraRank().fit(X).predict(X).dtype == np.float32
    assert EraRank().fit_transform(X)["model_a"].dtype.itemsize == 4


@pytest.mark.parametrize("dtype", ["Int8", "int8[pyarrow]", "boolean", "Float64"])
def test_nullable_features_are_read(dtype, frame):
    plain = frame.astype({"feature_x": float, "feature_y": float})
    plain[FEATURES] = (plain[FEATURES] > 2).astype(float)
    plain.iloc[::4, plain.columns.get_loc("feature_x")] = np.nan
    X = plain.astype(dict.fromkeys(FEATURES, dtype))
    expected = FeatureNeutralizer().fit(plain).predict(plain)
    np.testing.assert_allclose(
        FeatureNeutralizer().fit(X).predict(X), expected, atol=1e-12
    )


@each_kind
def test_a_bool_feature_is_zero_or_one(kind, frame):
    flags = frame.assign(feature_x=frame["feature_x"] > 2)
    expected = FeatureNeutralizer().predict(flags.astype({"feature_x": float}))
    out = FeatureNeutralizer().predict(to_kind(flags, kind))
    np.testing.assert_allclose(out, expected, atol=1e-12)


@each_kind
def test_a_bool_feature_hides_no_missing_value_of_another(kind, frame):
    gaps = frame["feature_y"].astype(float).mask(frame["feature_y"] == 1)
    flags = frame.assign(feature_x=frame["feature_x"] > 2, feature_y=gaps)
    expected = FeatureNeutralizer().predict(flags.astype({"feature_x": float}))
    assert np.isfinite(expected).all()
    out = FeatureNeutralizer().predict(to_kind(flags, kind))
    np.testing.assert_allclose(out, expected, atol=1e-12)


# labels of eras, integer labels of columns, positions


@pytest.mark.parametrize("convert", [str, int, float, "category"])
@each_kind
@each
def test_era_labels_may_be_of_any_type(estimator, convert, kind, frame):
    expected = estimator.fit(frame).predict(frame)
    eras = frame["era"].astype(convert if convert == "category" else int)
    X = frame.assign(era=eras.astype(convert))
    out = estimator.fit(to_kind(X, kind)).predict(to_kind(X, kind))
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    "dtype", [pl.Categorical, pl.Enum(["9", "0001", "0002", "0003"])]
)
def test_era_labels_may_be_categories_of_polars(dtype, frame):
    X = pl.from_pandas(frame).with_columns(pl.col("era").cast(dtype))
    out = EraRank().fit_transform(X)
    assert out["era"].dtype == X["era"].dtype
    np.testing.assert_array_equal(EraRank().predict(X), EraRank().predict(frame))


def test_era_labels_may_be_dictionaries_that_differ_between_chunks(frame):
    halves = [frame.iloc[:20], frame.iloc[20:].assign(era=frame["era"].iloc[20:][::-1])]
    tables = []
    for half in halves:
        table = to_kind(half, "pyarrow")
        at = table.column_names.index("era")
        codes = table["era"].combine_chunks().dictionary_encode()
        tables.append(table.set_column(at, "era", codes))
    assert tables[0]["era"].chunk(0).dictionary != tables[1]["era"].chunk(0).dictionary
    expected = EraRank().predict(pd.concat(halves))
    np.testing.assert_array_equal(EraRank().predict(pa.concat_tables(tables)), expected)


@each_kind
def test_the_era_column_may_have_another_name(kind, frame):
    X = to_kind(frame.rename(columns={"era": "date"}), kind)
    out = EraRank(era="date").fit(X).predict(X)
    np.testing.assert_array_equal(out, EraRank().predict(frame))


@pytest.mark.parametrize("labels", [[0, 1, 2], [1, 0, 2], [30, 10, 20]])
@each_of(
    [EraRank(era=None), WeightedEnsemble(era=None), FeatureNeutralizer([1], era=None)]
)
def test_pandas_labels_may_be_integers(estimator, labels):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 3)), columns=labels)
    expected = estimator.fit(X.to_numpy()).predict(X.to_numpy())
    np.testing.assert_array_equal(estimator.fit(X).predict(X), expected)
    np.testing.assert_array_equal(estimator.predict(X[labels[::-1]]), expected)
    out = estimator.transform(X)
    assert list(out.columns) == list(estimator.get_feature_names_out())
    if isinstance(estimator, EraRank):
        pd.testing.assert_index_equal(out.columns, X.columns)


@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@each_container
@pytest.mark.parametrize("labels", [[0, 1], [1, 0]])
def test_set_output_takes_integer_labels(labels, container, method):
    X = pd.DataFrame([[0.1, 0.4], [0.2, 0.3]], columns=labels)
    estimator = EraRank(era=None).set_output(transform=container).fit(X)
    out = getattr(estimator, method)(X)
    np.testing.assert_array_equal(out.to_numpy(), [[0.25, 0.75], [0.75, 0.25]])
    if container == "pandas":
        pd.testing.assert_index_equal(out.columns, X.columns)


@pytest.mark.parametrize("labels", [[0, 1], [1, 0], [10, 20]])
def test_a_mapping_names_the_columns_also_where_labels_are_integers(labels):
    X = pd.DataFrame([[0.1, 0.4], [0.2, 0.3]], columns=labels)
    for label in labels:
        blend = WeightedEnsemble({label: 1.0}, era=None).fit(X)
        np.testing.assert_array_equal(blend.predict(X), X[label])


@pytest.mark.parametrize(("era", "era_out"), [(0, 0), (1, 2), (2, 2), (-1, 2)])
def test_an_array_has_its_eras_at_a_position(era, era_out, frame):
    models, eras = frame[MODELS[:2]].to_numpy(), frame["era"].astype(int)
    X = np.insert(models, range(3)[era], eras, axis=1)
    expected = EraRank().predict(frame)[:, :2]
    estimator = EraRank(era=era).fit(X)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    # Both models stand in place of the first of them.
    expected = np.insert(expected, era_out, eras, axis=1)
    np.testing.assert_array_equal(estimator.transform(X), expected)


def test_an_object_array_may_have_strings_for_eras(frame):
    X = frame[["era", *MODELS]].to_numpy(dtype=object)
    out = EraRank(era=0).fit_transform(X)
    np.testing.assert_array_equal(out[:, 0], X[:, 0])
    np.testing.assert_array_equal(out[:, 1:].astype(float), EraRank().predict(frame))
    assert EraRank(era=0).predict(X).dtype == np.float64


def test_positions_in_an_array_are_those_of_the_step(frame):
    X = np.column_stack([frame["era"].astype(int), frame[MODELS + FEATURES]])
    named = frame[["era", *MODELS, *FEATURES]]
    expected = FeatureNeutralizer().predict(named)
    out = FeatureNeutralizer([4, 5], era=0).predict(X)
    np.testing.assert_allclose(out, expected, atol=1e-12)
    blend = WeightedEnsemble({3: 0.5, 1: 0.25}, era=0).fit(X)
    assert blend.weights_ == {1: 0.25, 3: 0.5}
    expected = 0.25 * X[:, 1] + 0.5 * X[:, 3]
    np.testing.assert_array_equal(blend.predict(X), expected)


# live data: one era without a label


def live(n_rows, kind="pandas"):
    values = np.random.default_rng(n_rows).normal(size=n_rows)
    X = pd.DataFrame({"model_a": values, "model_b": -values, "feature_x": values > 0})
    return to_kind(X, kind)


one_era = [EraRank(), WeightedEnsemble(), FeatureNeutralizer()]


@pytest.mark.filterwarnings("ignore:the prediction .* is the same in all rows")
@pytest.mark.parametrize("n_rows", [1801, 9999])
@each_kind
@each_of(one_era)
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_a_frame_without_eras_is_one_era_inside_the_bounds(estimator, kind, n_rows):
    X = live(n_rows, kind)
    out = estimator.set_params(era="era").fit(X).predict(X)
    expected = estimator.set_params(era=None).fit(X).predict(X)
    np.testing.assert_array_equal(out, expected)
    estimator.set_params(era="era")


@pytest.mark.parametrize("n_rows", [1, 1800, 10000, 10001])
@each_kind
@each_of(one_era)
def test_a_frame_without_eras_is_refused_outside_the_bounds(estimator, kind, n_rows):
    X = live(n_rows, kind)
    with pytest.raises(ValueError, match=f"no era column 'era'.*{n_rows} rows"):
        estimator.fit(X)


@pytest.mark.parametrize("n_rows", [1800, 10000])
@each_of(one_era)
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_the_bounds_hold_at_transform_too(estimator, n_rows):
    fitted = estimator.fit(live(5000))
    for method in (fitted.transform, fitted.predict):
        with pytest.raises(ValueError, match=f"no era column 'era'.*{n_rows} rows"):
            method(live(n_rows))


@pytest.mark.parametrize(("n_rows", "fits"), [(9, False), (10, True), (11, False)])
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_the_bounds_can_be_moved(n_rows, fits):
    estimator = EraRank(single_era_rows=(9, 11))
    if fits:
        assert estimator.fit_transform(live(n_rows)).shape == (n_rows, 3)
    else:
        with pytest.raises(ValueError, match="more than 9 and fewer than 11"):
            estimator.fit(live(n_rows))


@each_kind
def test_live_data_needs_no_era_after_a_fit_with_eras(kind, frame):
    fitted = EraRank().fit(to_kind(frame, kind))
    X = to_kind(make_frame(1900).drop(columns="era"), kind)
    np.testing.assert_array_equal(
        fitted.predict(X), EraRank(era=None).fit(X).predict(X)
    )


@pytest.mark.parametrize("n_rows", [1, 1800, 9999])
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_an_array_below_the_upper_bound_is_one_era(n_rows):
    X = np.arange(2.0 * n_rows).reshape(n_rows, 2)
    expected = (np.arange(n_rows) + 0.5) / n_rows
    np.testing.assert_allclose(EraRank().fit_transform(X)[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("n_rows", [10000, 10001])
def test_an_array_at_the_upper_bound_is_refused(n_rows):
    X = np.zeros((n_rows, 1))
    with pytest.raises(ValueError, match=rf"{n_rows} rows.*10000.*era=None"):
        EraRank().fit(X)
    assert EraRank(era=None).fit_transform(X).shape == (n_rows, 1)


# masked arrays


def masked(values, mask):
    return np.ma.array(values, mask=mask)


MASKED = ["float64", "float32", "int8", "int64", "bool"]


@pytest.mark.parametrize("dtype", MASKED)
def test_a_masked_value_of_an_array_is_a_missing_one(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, (30, 4)).astype(dtype)
    mask = rng.random(X.shape) < 0.2
    plain = np.where(mask, np.nan, X).astype("f4" if dtype == "float32" else "f8")
    for made in (
        EraRank(era=None),
        EraRankGauss(era=None, columns=[0, 1]),
        WeightedEnsemble(era=None, nan_policy="omit"),
        FeatureNeutralizer([2, 3], era=None),
    ):
        got, expected = made.fit_transform(masked(X, mask)), made.fit_transform(plain)
        assert got.dtype == expected.dtype
        assert not isinstance(got, np.ma.MaskedArray)
        np.testing.assert_array_equal(got, expected)


def test_a_mask_that_hides_nothing_changes_nothing():
    X = np.arange(12).reshape(6, 2)
    for mask in (False, np.zeros(X.shape, bool)):
        got = EraRank(era=None).fit_transform(masked(X, mask))
        np.testing.assert_array_equal(got, EraRank(era=None).fit_transform(X))


def test_a_masked_era_is_a_missing_label():
    X = masked(np.c_[np.repeat([1, 2], 5), np.arange(10)], np.eye(10, 2) > 0)
    with pytest.raises(ValueError, match="1 missing labels, the first in row 0"):
        EraRank(era=0).fit(X)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
def test_a_masked_target_is_a_missing_one(frame, dtype):
    y = np.arange(len(frame)).astype(dtype)
    mask = np.arange(len(y)) % 4 == 0
    plain = np.where(mask, np.nan, y)
    fitted = WeightedEnsemble().fit(frame, masked(y, mask))
    assert fitted.score(frame, masked(y, mask)) == fitted.score(frame, plain)
    assert fitted.score(frame, masked(y, mask)) != fitted.score(frame, y)
    standardized = EraRankGauss().fit_transform(frame)
    got = StackingWeights().fit(standardized, masked(y, mask))
    assert got.n_rows_ == (~mask).sum()
    assert got.weights_ == StackingWeights().fit(standardized, plain).weights_


@pytest.mark.parametrize("metric", ["numerai_corr", "correlation_contribution"])
def test_masked_inputs_of_a_score(metric):
    rng = np.random.default_rng(0)
    inputs = {"y_true": rng.integers(0, 5, 40) / 4, "y_pred": rng.normal(size=(40, 2))}
    if metric == "correlation_contribution":
        inputs["meta_model"] = rng.integers(0, 30, 40)
    masks = {k: rng.random(v.shape) < 0.2 for k, v in inputs.items()}
    plain = {k: np.where(masks[k], np.nan, v) for k, v in inputs.items()}
    era, score = np.repeat(["0001", "0002"], 20), getattr(metrics, metric)
    got = score(**{k: masked(v, masks[k]) for k, v in inputs.items()}, era=era)
    pd.testing.assert_frame_equal(got, score(**plain, era=era), check_exact=True)


@pytest.mark.parametrize("dtype", MASKED)
def test_rank_gauss_of_a_masked_array(dtype):
    values, mask = np.array([3, 1, 2, 5, 4]).astype(dtype), [0, 1, 0, 0, 0]
    plain = np.where(mask, np.nan, values)
    np.testing.assert_array_equal(
        rank_gauss(masked(values, mask)).astype(float),
        rank_gauss(plain.astype("f4" if dtype == "float32" else "f8")).astype(float),
    )


def test_rows_taken_of_a_masked_array_keep_what_is_missing():
    X = masked(np.arange(6).reshape(3, 2), [[0, 0], [1, 0], [0, 0]])
    got = take(X, np.array([2, 1]))
    np.testing.assert_array_equal(got, [[4, 5], [np.nan, 3]])


# numbers that numpy has no dtype for


VALUES = [0.5, 0.1, 0.9, 0.3]
WHOLE = [3, 1, 4, 2]
TRUE = [True, False, False, True]
DECIMALS = [Decimal(str(value)) for value in VALUES]


def with_column(values, kind="pandas"):
    X = pd.DataFrame({"era": ["0001"] * 4, "b": [1.0, 2.0, 4.0, 3.0]})
    if kind == "pandas":
        return X.assign(a=values)
    if kind == "polars":
        return pl.from_pandas(X).with_columns(a=values)
    return pa.Table.from_pandas(X).append_column("a", values)


DTYPES = {
    "bool": (TRUE, pd.Series(TRUE)),
    "boolean": (TRUE, pd.Series(TRUE, dtype="boolean")),
    "bool[pyarrow]": (TRUE, pd.Series(TRUE, dtype="bool[pyarrow]")),
    "Int64": (WHOLE, pd.Series(WHOLE, dtype="Int64")),
    "int64[pyarrow]": (WHOLE, pd.Series(WHOLE, dtype="int64[pyarrow]")),
    "Float32": (WHOLE, pd.Series(WHOLE, dtype="Float32")),
    "decimal": (VALUES, pd.Series(DECIMALS, dtype=pd.ArrowDtype(pa.decimal128(9, 3)))),
    "pl.Boolean": (TRUE, pl.Series(TRUE)),
    "pl.Int128": (WHOLE, pl.Series(WHOLE, dtype=pl.Int128)),
    "pl.Decimal": (VALUES, pl.Series(DECIMALS, dtype=pl.Decimal(9, 3))),
    "pa.bool": (TRUE, pa.array(TRUE)),
    "pa.decimal": (VALUES, pa.array(DECIMALS, type=pa.decimal128(9, 3))),
}
if hasattr(pl, "UInt128"):
    DTYPES["pl.UInt128"] = (WHOLE, pl.Series(WHOLE, dtype=pl.UInt128))


def kind_of(values):
    if isinstance(values, pd.Series):
        return "pandas"
    return "polars" if isinstance(values, pl.Series) else "pyarrow"


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_of_every_dtype_are_their_values(dtype):
    plain, values = DTYPES[dtype]
    X = with_column(values, kind_of(values))
    expected = with_column([float(value) for value in plain])
    for made in (
        EraRank("a"),
        WeightedEnsemble({"a": 0.5, "b": 1.0}),
        FeatureNeutralizer(["a"], columns=["b"]),
    ):
        np.testing.assert_array_equal(
            made.fit(X).predict(X), made.fit(expected).predict(expected)
        )


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "bool"])
def test_their_gaps_are_missing_values(dtype):
    plain, values = DTYPES[dtype]
    kind = kind_of(values)
    if kind == "pandas":
        values = values.mask([False, True, False, False])
    elif kind == "polars":
        values = pl.select(pl.when(pl.Series(range(4)) != 1).then(values)).to_series()
    else:
        values = pc.if_else(pa.array([True, False, True, True]), values, None)
    X = with_column(values, kind)
    expected = with_column([float(value) for value in plain])
    expected.loc[1, "a"] = np.nan
    got = EraRank("a").fit(X).predict(X)
    assert np.isnan(got[1])
    expected = EraRank("a").fit(expected).predict(expected).astype(got.dtype)
    np.testing.assert_array_equal(got, expected)


REFUSED = {
    "object": pd.Series(VALUES, dtype=object),
    "object of decimals": pd.Series(DECIMALS, dtype=object),
    "text": pd.Series(["0.5", "0.1", "0.9", "0.3"]),
    "pl.Object": pl.Series(VALUES, dtype=pl.Object),
    "pl.String": pl.Series(["0.5", "0.1", "0.9", "0.3"]),
    "pa.string": pa.array(["0.5", "0.1", "0.9", "0.3"]),
}


def converted(X, refusal):
    """Run the code that a refusal offers."""
    found = re.search(r"its dtype is (.+): if .*convert it with (.+)$", str(refusal))
    dtype = X["a"].type if isinstance(X, pa.Table) else X["a"].dtype
    assert found[1] == str(dtype)
    return eval(f"X.{found[2]}", {"X": X, "pl": pl})


@pytest.mark.parametrize("name", REFUSED)
def test_the_remedy_for_another_dtype_works(name):
    values = REFUSED[name]
    X = with_column(values, kind_of(values))
    with pytest.raises(ValueError, match="column 'a' must hold numbers") as refusal:
        EraRank("a").fit(X)
    mended, expected = converted(X, refusal.value), with_column(VALUES)
    np.testing.assert_array_equal(
        EraRank("a").fit(mended).predict(mended),
        EraRank("a").fit(expected).predict(expected),
    )


@pytest.mark.parametrize(
    "values",
    [
        pa.array(np.array(VALUES, dtype=np.float16)),
        pa.array(DECIMALS, type=pa.decimal256(40, 3)),
    ],
    ids=["halffloat", "decimal256"],
)
def test_a_dtype_that_not_every_narwhals_knows_is_read_or_has_a_remedy(values):
    X, expected = with_column(values, "pyarrow"), with_column(VALUES)
    try:
        EraRank("a").fit(X)
    except ValueError as refusal:
        X = converted(X, refusal)
    np.testing.assert_array_equal(
        EraRank("a").fit(X).predict(X), EraRank("a").fit(expected).predict(expected)
    )


# eras in which a prediction is constant


CONSTANT = "the prediction .* is the same in all rows of {} of {} eras"


def two_eras(first=(0.2, 0.2, 0.2), second=(1.0, 3.0, 2.0)):
    values = [*first, *second]
    return pd.DataFrame({"era": ["0001"] * 3 + ["0002"] * 3, "a": values, "b": values})


@each_kind
@each_of([EraRank(), EraRankGauss(), WeightedEnsemble()])
def test_predict_warns_of_an_era_that_tells_nothing(estimator, kind):
    X = to_kind(two_eras(), kind)
    with pytest.warns(UserWarning, match=CONSTANT.format(1, 2) + ", the first '0001'"):
        estimator.fit(X).predict(X)
    estimator.fit_transform(X)  # a step on the way says nothing
    assert np.isfinite(estimator.score(X, [0, 0.5, 1] * 2))


def test_the_warning_names_the_columns_and_counts_the_eras():
    X = two_eras(second=(5.0, 5.0, 5.0)).assign(b=np.arange(6.0))
    with pytest.warns(UserWarning, match=r"^the prediction 'a' is .* of 2 of 2 eras"):
        EraRank().fit(X).predict(X)
    X = two_eras(second=(0.2, 0.2, 0.2))
    with pytest.warns(UserWarning, match="same in all rows of 1 of 1 eras: look"):
        EraRank(era=None).fit(X).predict(X)


def test_features_that_explain_a_prediction_wholly():
    X = two_eras().assign(feature_x=lambda f: f["a"])
    with pytest.warns(UserWarning, match=CONSTANT.format(2, 2)):
        FeatureNeutralizer(columns="a").fit(X).predict(X)


def test_models_constant_in_a_live_era(frame):
    pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank()).fit(frame)
    live = make_frame(9).assign(era="X", **dict.fromkeys(MODELS, 0.5))
    with pytest.warns(UserWarning, match=CONSTANT.format(1, 1) + ", the first 'X'"):
        assert (pipeline.predict(live) == 0.5).all()


@pytest.mark.parametrize("first", [(0.2, np.nan, np.nan), (np.nan,) * 3])
def test_one_value_alone_or_none_draws_no_warning(first):
    X = two_eras(first)
    EraRank().fit(X).predict(X)
    EraRank().fit(X).predict(X.iloc[[0, 3]])  # two eras of one row


def test_all_that_there_is_being_the_same_does():
    X = two_eras((0.2, np.nan, 0.2))
    with pytest.warns(UserWarning, match=CONSTANT.format(1, 2)):
        EraRank().fit(X).predict(X)


# scikit-learn slices frames


SLICED = [
    "pandas",
    "polars",
    pytest.param(
        "pyarrow",
        marks=pytest.mark.skipif(
            sklearn.__version__ < "1.9", reason="scikit-learn 1.6 cannot slice Arrow"
        ),
    ),
]


@pytest.mark.parametrize("kind", SLICED)
def test_grid_search_slices_every_kind_alike(kind, frame):
    grid = {"weights": [{"model_a": 1.0}, {"model_a": 0.5, "model_c": 0.5}, None]}
    y = frame["target_cyrus_20"].to_numpy()
    groups = frame["era"].to_numpy()

    def search(X):
        cv = GridSearchCV(WeightedEnsemble(), grid, cv=GroupKFold(3))
        return cv.fit(X, y, groups=groups)

    found, expected = search(to_kind(frame, kind)), search(frame)
    scores = "mean_test_score"
    np.testing.assert_array_equal(
        found.cv_results_[scores], expected.cv_results_[scores]
    )
    assert len(set(found.cv_results_[scores])) == 3
    X = to_kind(frame, kind)
    np.testing.assert_array_equal(found.predict(X), expected.predict(frame))
