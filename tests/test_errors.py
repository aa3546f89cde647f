"""Bad input gets an error that says what was wrong, and nothing changes."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    WeightedEnsemble,
    neutralization_path,
)

KINDS = ["pandas", "polars", "pyarrow"]
each_kind = pytest.mark.parametrize("kind", KINDS)


def all_four(**params):
    return [
        EraRankGauss(**params),
        EraRank(**params),
        WeightedEnsemble(**params),
        FeatureNeutralizer(**params),
    ]


each = pytest.mark.parametrize("made", all_four(), ids=repr)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "era": ["0001"] * 6 + ["0002"] * 6,
            "model_a": rng.normal(size=12),
            "model_b": rng.normal(size=12),
            "feature_x": rng.integers(0, 5, 12).astype(float),
            "feature_y": rng.integers(0, 5, 12).astype(float),
            "name": list("abcdefghijkl"),
        },
        index=pd.Index([f"n{i}" for i in range(12)], name="id"),
    )


@pytest.fixture
def y():
    return np.random.default_rng(1).integers(0, 5, 12) / 4


def to_kind(frame, kind):
    if kind == "polars":
        return pl.from_pandas(frame)
    if kind == "pyarrow":
        return pa.Table.from_pandas(frame, preserve_index=False)
    return frame.copy()


def changed(frame, row, name, value):
    frame = frame.copy()
    frame.iloc[row, frame.columns.get_loc(name)] = value
    return frame


def snapshot(X):
    """Copy whatever X is, in a form that can be compared where it holds NaN."""
    if isinstance(X, np.ndarray):
        return pd.DataFrame(X.copy())
    if isinstance(X, pd.DataFrame):
        return X.copy()
    if isinstance(X, pl.DataFrame):
        return X.clone()
    return pd.DataFrame(X.to_pydict())


def refused_in_fit(made, X, match, error=ValueError):
    """Check that fit, and for a stateless one transform too, refuses X untouched."""
    made = clone(made)
    before = snapshot(X)
    methods = [made.fit]
    if not isinstance(made, WeightedEnsemble):
        methods += [made.transform, made.predict]
    for method in methods:
        with pytest.raises(error, match=match):
            method(X)
    assert snapshot(X).equals(before)
    assert not [name for name in vars(made) if name.endswith("_")]


def refused_after_fit(made, good, bad, match, error=ValueError):
    """Check that a fitted estimator refuses X, untouched, and works on as before."""
    fitted = clone(made).fit(good)
    before, expected = snapshot(bad), fitted.predict(good)
    for method in (fitted.transform, fitted.predict):
        with pytest.raises(error, match=match):
            method(bad)
    assert snapshot(bad).equals(before)
    np.testing.assert_array_equal(fitted.predict(good), expected)


# eras


@each_kind
@each
def test_a_frame_without_eras_is_told_both_ways_out(made, kind, frame):
    X = to_kind(frame.drop(columns="era"), kind)
    match = r"no era column 'era'.*12 rows.*1800.*10000.*Add the column.*era=None"
    refused_in_fit(made, X, match)
    refused_after_fit(made, to_kind(frame, kind), X, match)


@each_kind
def test_another_era_column_is_named(kind, frame):
    refused_in_fit(EraRank(era="week"), to_kind(frame, kind), "no era column 'week'")


def null_eras():
    labels = ["0001", "0002"]
    codes = [0, 0, -1, 1, 0, 1]
    strings = ["0001", "0001", None, "0002", "0001", "0002"]
    floats = [1.0, 1.0, np.nan, 2.0, 1.0, 2.0]
    a = np.arange(6.0)
    return {
        "pandas None": pd.DataFrame({"era": np.array(strings, dtype=object), "a": a}),
        "pandas str": pd.DataFrame({"era": pd.Series(strings, dtype="string"), "a": a}),
        "pandas NaN": pd.DataFrame({"era": floats, "a": a}),
        "pandas Int64": pd.DataFrame({"era": pd.array(floats, "Int64"), "a": a}),
        "pandas category": pd.DataFrame(
            {"era": pd.Categorical.from_codes(codes, labels), "a": a}
        ),
        "polars null": pl.DataFrame({"era": strings, "a": a}),
        "polars NaN": pl.DataFrame({"era": floats, "a": a}),
        "polars category": pl.DataFrame(
            {"era": pl.Series(strings, dtype=pl.Categorical), "a": a}
        ),
        "pyarrow null": pa.table({"era": strings, "a": a}),
        "pyarrow NaN": pa.table({"era": floats, "a": a}),
        "pyarrow dictionary": pa.table(
            {"era": pa.array(strings).dictionary_encode(), "a": a}
        ),
        "pyarrow null in a dictionary": pa.table(
            {
                "era": pa.DictionaryArray.from_arrays(
                    pa.array([0, 0, 2, 1, 0, 1]), pa.array(["0001", "0002", None])
                ),
                "a": a,
            }
        ),
    }


@pytest.mark.parametrize("case", list(null_eras()))
@pytest.mark.parametrize("made", [EraRank(), WeightedEnsemble()], ids=repr)
def test_a_missing_era_label_is_refused(made, case):
    match = "era column 'era' has 1 missing label.*row 2"
    refused_in_fit(made, null_eras()[case], match)


@pytest.mark.parametrize("dtype", [float, object])
def test_a_missing_era_label_in_an_array_is_refused(dtype):
    X = np.array([[1.0, 0.5], [np.nan, 0.2]], dtype=dtype)
    refused_in_fit(EraRank(era=0), X, "era column 0 has 1 missing label.*row 1")


@each_kind
def test_a_missing_era_label_is_refused_after_fit(kind, frame):
    bad = frame.assign(era=frame["era"].where(frame["era"] == "0001", None))
    good, bad = to_kind(frame, kind), to_kind(bad, kind)
    refused_after_fit(EraRank(), good, bad, "'era' has 6 missing labels.*row 6")


def test_the_era_column_cannot_be_blended_or_ranked_or_neutralised_to(frame):
    X = frame.assign(era=[1.0] * 6 + [2.0] * 6)
    refused_in_fit(EraRank("era"), X, "era column 'era' cannot be a prediction")
    refused_in_fit(WeightedEnsemble({"era": 1}), X, "era column 'era' cannot be")
    refused_in_fit(FeatureNeutralizer(["era"]), X, "era column 'era' cannot be")


@pytest.mark.parametrize("era", [3, -4])
def test_an_era_position_outside_an_array_is_refused(era):
    refused_in_fit(EraRank(era=era), np.eye(3), f"`era`.*3 columns.*got {era}")


def test_an_era_name_cannot_be_found_in_an_array():
    refused_in_fit(EraRank(era="week"), np.eye(3), "array.*'week'.*position")


# weights


@each_kind
def test_a_weight_for_a_column_that_is_not_there_lists_what_is(kind, frame):
    made = WeightedEnsemble({"model_a": 0.5, "model_z": 0.5})
    match = "`weights` names 'model_z'.*'model_a', 'model_b'"
    refused_in_fit(made, to_kind(frame, kind), match)


@pytest.mark.parametrize("weights", [[1.0], [0.2, 0.3, 0.5], [], np.ones(3), (1,)])
def test_too_few_or_too_many_weights_are_counted(weights, frame):
    match = f"`weights`.*2 columns 'model_a', 'model_b'; got {len(weights)}"
    refused_in_fit(WeightedEnsemble(weights), frame, match)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "0.5", None, True, [0.5]])
def test_weights_that_are_no_finite_numbers_name_their_column(bad, frame):
    match = "`weights` must be finite numbers.*'model_b'"
    refused_in_fit(WeightedEnsemble({"model_a": 1, "model_b": bad}), frame, match)
    refused_in_fit(WeightedEnsemble([1, bad]), frame, match)


@pytest.mark.parametrize("weights", [0.5, "ab", b"ab", np.array(0.5), {"model_a"}, {}])
def test_weights_of_another_type_are_refused(weights, frame):
    refused_in_fit(
        WeightedEnsemble(weights), frame, "`weights`", (TypeError, ValueError)
    )


def test_a_weight_for_a_column_left_out_is_refused(frame):
    made = WeightedEnsemble({"model_b": 1.0}, columns=["model_a"])
    refused_in_fit(made, frame, "`weights` names 'model_b'.*`columns` leaves out")


@pytest.mark.filterwarnings("ignore:X has no era column")
def test_a_weight_at_a_position_that_is_not_there_is_refused():
    refused_in_fit(WeightedEnsemble({3: 1.0}), np.eye(3), "`weights`.*3.*3 columns")


@pytest.mark.filterwarnings("ignore:X has no era column")
def test_a_weight_by_name_needs_names():
    match = "`weights` must hold positions.*'model_a'"
    refused_in_fit(WeightedEnsemble({"model_a": 1.0}), np.eye(3), match)


# columns


@each_kind
@pytest.mark.parametrize(
    "made", [EraRank("name"), WeightedEnsemble({"name": 1.0})], ids=repr
)
def test_a_column_without_numbers_is_named(made, kind, frame):
    refused_in_fit(made, to_kind(frame, kind), "'name' must hold numbers.*(?i:str|obj)")


@each_kind
def test_a_neutralizer_without_numbers_is_named(kind, frame):
    X = to_kind(frame, kind)
    refused_in_fit(FeatureNeutralizer(["name"]), X, "'name' must hold numbers")


@pytest.mark.parametrize("values", [1j, pd.Timestamp("2020-01-01"), pd.Timedelta(1)])
def test_complex_numbers_and_times_are_no_numbers(values, frame):
    X = frame.assign(model_a=values)
    refused_in_fit(EraRank("model_a"), X, "'model_a' must hold numbers")


@each_kind
def test_a_column_that_turned_into_strings_is_named(kind, frame):
    bad = to_kind(frame.assign(model_b="high"), kind)
    match = "'model_b' must hold numbers"
    refused_after_fit(EraRank(), to_kind(frame, kind), bad, match)


@each_kind
@each
def test_no_prediction_column_lists_what_there_is(made, kind, frame):
    X = to_kind(frame.drop(columns=["model_a", "model_b"]), kind)
    match = "no prediction column.*'era', 'feature_x'.*`columns`"
    refused_in_fit(made, X, match)


@each_kind
@pytest.mark.parametrize(
    ("made", "parameter"),
    [
        (EraRank("model_z"), "columns"),
        (EraRank(["model_a", "model_z"]), "columns"),
        (EraRankGauss(lambda X: ["model_z"]), "columns"),
        (WeightedEnsemble(columns=["model_z"]), "columns"),
        (FeatureNeutralizer(["feature_x", "model_z"]), "neutralizers"),
        (FeatureNeutralizer(columns="model_z"), "columns"),
    ],
)
def test_a_column_that_is_not_there_is_named(made, parameter, kind, frame):
    match = f"`{parameter}` names 'model_z'.*'model_a'"
    refused_in_fit(made, to_kind(frame, kind), match)


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (EraRank([]), "`columns` selects no column"),
        (EraRank(6), "`columns` has position 6, but X has 6 columns"),
        (EraRank(-7), "`columns` has position -7, but X has 6 columns"),
        (EraRank([1, "model_a"]), "`columns` names a column twice: 'model_a'"),
        (EraRank([1.5]), "`columns` names 1.5"),
        (EraRank([True]), "`columns` names True"),
        (FeatureNeutralizer([]), "`neutralizers` selects no column"),
        (FeatureNeutralizer([3, 3]), "`neutralizers` names a column twice"),
        (FeatureNeutralizer(lambda X: []), "`neutralizers` selects no column"),
    ],
)
def test_a_choice_of_columns_that_makes_no_sense_is_refused(made, match, frame):
    refused_in_fit(made, frame, match)


def duplicates(frame, kind):
    if kind == "pandas":
        return frame.rename(columns={"model_b": "model_a"})
    table = to_kind(frame, "pyarrow")
    return table.append_column("model_a", table["model_b"])


@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
@each
def test_duplicate_column_names_are_named(made, kind, frame):
    refused_in_fit(made, duplicates(frame, kind), r"(?is)(duplicate|unique).*'model_a'")


@each_kind
@pytest.mark.parametrize(
    "made",
    [
        FeatureNeutralizer(["model_a"], columns=["model_a"]),
        FeatureNeutralizer(["feature_x", "model_a"], columns=["model_b", "model_a"]),
    ],
    ids=repr,
)
def test_a_column_cannot_be_neutralised_to_itself(made, kind, frame):
    refused_in_fit(made, to_kind(frame, kind), "'model_a'.*both")


def test_no_feature_column_lists_what_there_is(frame):
    X = frame.drop(columns=["feature_x", "feature_y"])
    match = "no column.*'feature'.*'model_a', 'model_b'.*`neutralizers`"
    refused_in_fit(FeatureNeutralizer(), X, match)


@pytest.mark.filterwarnings("ignore:X has no era column")
def test_an_array_needs_positions_of_neutralizers():
    X = np.random.default_rng(0).normal(size=(5, 3))
    refused_in_fit(FeatureNeutralizer(), X, "`neutralizers` must hold positions")
    refused_in_fit(FeatureNeutralizer("feature"), X, "`neutralizers` must hold pos")
    refused_in_fit(FeatureNeutralizer([3]), X, "`neutralizers` has position 3")


@pytest.mark.parametrize("output", ["era", "feature_x", "name"])
@each_kind
def test_an_output_name_that_is_taken_is_refused(output, kind, frame):
    made = WeightedEnsemble(output=output)
    refused_in_fit(made, to_kind(frame, kind), f"output column '{output}' clashes")


def test_an_output_name_that_is_taken_at_transform_is_refused(frame):
    fitted = WeightedEnsemble(output="blend").fit(frame)
    bad = frame.assign(blend="taken")
    with pytest.raises(ValueError, match=r"output column 'blend' clashes.*rename"):
        fitted.transform(bad)
    np.testing.assert_array_equal(fitted.predict(bad), fitted.predict(frame))


@pytest.mark.parametrize("output", ["model_a", "model_b"])
def test_an_output_may_take_the_name_of_a_column_that_it_replaces(output, frame):
    out = WeightedEnsemble(output=output).fit_transform(frame)
    assert [name for name in out if name.startswith("model")] == [output]


# another X than at fit


@each_kind
@each
def test_a_used_column_that_is_gone_is_named(made, kind, frame):
    bad = to_kind(frame.drop(columns="model_b"), kind)
    match = f"lacks 'model_b', which {type(made).__name__} uses.*'model_a'"
    refused_after_fit(made, to_kind(frame, kind), bad, match)


@each_kind
def test_a_neutralizer_that_is_gone_is_named(kind, frame):
    bad = to_kind(frame.drop(columns="feature_y"), kind)
    match = "lacks 'feature_y', which FeatureNeutralizer uses"
    refused_after_fit(FeatureNeutralizer(), to_kind(frame, kind), bad, match)


@each_kind
@pytest.mark.parametrize("made", all_four(era=None), ids=repr)
def test_an_array_after_a_fit_on_names_is_refused(made, kind, frame):
    named = frame.drop(columns=["era", "name"])
    match = f"X is an array, but {type(made).__name__} was fitted on a frame"
    refused_after_fit(made, to_kind(named, kind), named.to_numpy(), match)


@pytest.mark.parametrize(
    "made", [EraRank(), WeightedEnsemble(), FeatureNeutralizer([1])], ids=repr
)
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_a_frame_after_a_fit_on_an_array_is_refused(made, frame):
    X = frame[["model_a", "model_b"]].to_numpy()
    match = "X is a frame, but .* was fitted on an array"
    refused_after_fit(made, X, frame, match)


@pytest.mark.parametrize("n_columns", [2, 4])
@pytest.mark.parametrize(
    "made", [EraRank(), WeightedEnsemble(), FeatureNeutralizer([1])], ids=repr
)
@pytest.mark.filterwarnings("ignore:X has no era column")
def test_another_number_of_array_columns_is_refused(made, n_columns):
    X = np.random.default_rng(0).normal(size=(5, 4))
    match = f"X has {n_columns} features, but .* is expecting 3"
    refused_after_fit(made, X[:, :3], X[:, :n_columns], match)


# containers


@each
def test_an_empty_frame_is_refused(made, frame):
    for kind in KINDS:
        refused_in_fit(made, to_kind(frame.iloc[:0], kind), "0 rows")
    refused_in_fit(made, np.empty((0, 3)), "0 sample")
    refused_in_fit(made, pd.DataFrame(index=range(5)), "0 columns")


@each_kind
def test_an_empty_frame_is_refused_after_fit(kind, frame):
    good, bad = to_kind(frame, kind), to_kind(frame.iloc[:0], kind)
    refused_after_fit(EraRank(), good, bad, "0 rows")


@each
def test_a_lazy_frame_is_to_be_collected(made, frame):
    lazy = pl.from_pandas(frame).lazy()
    with pytest.raises((TypeError, ValueError), match=r"LazyFrame.*collect\(\)"):
        clone(made).fit(lazy)
    fitted = clone(made).fit(frame)
    with pytest.raises((TypeError, ValueError), match=r"LazyFrame.*collect\(\)"):
        fitted.predict(lazy)


@pytest.mark.parametrize("era", ["era", 0, None])
@pytest.mark.parametrize(
    ("X", "match"),
    [
        (np.arange(5.0), "2D array"),
        (np.zeros((2, 2, 2)), "dim 3|3 dim|2D"),
        (pd.Series([1.0, 2.0]), "2D array|2-dim|Series"),
        (pl.Series([1.0, 2.0]), "2D array"),
        ([1.0, 2.0], "2D array"),
    ],
    ids=["1-D", "3-D", "pandas series", "polars series", "list"],
)
def test_what_is_not_two_dimensional_is_refused(X, match, era):
    with pytest.raises(ValueError, match=match):
        EraRank(era=era).fit(X)


@pytest.mark.parametrize("era", ["era", 0, None])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_input_is_refused(form, era):
    with pytest.raises(TypeError, match=r"(?i)sparse"):
        EraRank(era=era).fit(form(np.eye(3)))


@pytest.mark.parametrize("era", ["era", None])
def test_an_array_of_strings_is_refused(era):
    with pytest.raises(ValueError, match="X is an array that holds text, 'a': pass a"):
        EraRank(era=era).fit(np.array([["a", "b"], ["c", "d"]]))


def test_strings_beside_the_eras_of_an_array_are_refused():
    X = np.array([["0001", 0.5], ["0001", "high"]], dtype=object)
    refused_in_fit(EraRank(era=0), X, "column 1 must hold numbers")


# y


@pytest.mark.parametrize("method", ["fit", "fit_transform", "score"])
@each
def test_a_y_of_another_length_is_refused(made, method, frame, y):
    fitted = clone(made).fit(frame)
    for other in (y[:-1], list(y[:-1]), pd.Series(y[:-1])):
        with pytest.raises(ValueError, match=r"12 rows.*11"):
            getattr(fitted, method)(frame, other)


@pytest.mark.parametrize("method", ["fit", "fit_transform", "score"])
@each
def test_a_y_of_another_index_is_refused(made, method, frame, y):
    fitted = clone(made).fit(frame)
    by_id = pd.Series(y, index=frame.index)
    for other in (by_id[::-1], by_id.reset_index(drop=True), by_id.to_frame()[::-1]):
        with pytest.raises(ValueError, match="y has another index than X"):
            getattr(fitted, method)(frame, other)


@each
def test_a_y_of_the_same_index_or_none_is_taken(made, frame, y):
    fitted = clone(made).fit(frame)
    expected = fitted.score(frame, y)
    for other in (
        pd.Series(y, index=frame.index),
        pd.DataFrame({"target": y}, index=frame.index),
        pd.Series(y, index=frame.index, dtype="Float64"),
        list(y),
        y[:, None],
        pl.Series(y),
        pa.array(y),
        pa.chunked_array([y[:5], y[5:]]),
    ):
        assert fitted.score(frame, other) == expected


@each
def test_several_columns_of_y_are_refused(made, frame, y):
    fitted = clone(made).fit(frame)
    for other in (np.column_stack([y, y]), frame[["model_a", "model_b"]]):
        with pytest.raises(ValueError, match=r"y must be one column.*\(12, 2\)"):
            fitted.score(frame, other)


def test_a_score_needs_a_y(frame):
    with pytest.raises((TypeError, ValueError), match=r"\by\b.*(None|target)"):
        EraRank().score(frame, None)


def test_a_y_without_numbers_is_refused(frame):
    with pytest.raises(ValueError, match=r"\by\b.*numbers|string to float"):
        EraRank().score(frame, list("abcdefghijkl"))


def test_a_y_without_targets_cannot_be_scored(frame):
    with pytest.raises(ValueError, match="no era can be scored"):
        EraRank().score(frame, np.full(12, np.nan))


# parameters


BAD_CHOICES = [
    (EraRank, "ties", "min"),
    (EraRank, "ties", None),
    (EraRank, "ties", ["average"]),
    (EraRankGauss, "ties", "dense"),
    (EraRankGauss, "scale", "yes"),
    (EraRankGauss, "scale", 2),
    (WeightedEnsemble, "nan_policy", "ignore"),
    (WeightedEnsemble, "nan_policy", None),
    (WeightedEnsemble, "output", ""),
    (WeightedEnsemble, "output", 5),
    (WeightedEnsemble, "output", None),
    (FeatureNeutralizer, "missing", "mean"),
    (FeatureNeutralizer, "missing", np.nan),
    (FeatureNeutralizer, "missing", np.inf),
    (FeatureNeutralizer, "missing", None),
    (FeatureNeutralizer, "missing", [0.5]),
    (FeatureNeutralizer, "fit_intercept", "no"),
    (FeatureNeutralizer, "standardize", 1),
    (FeatureNeutralizer, "keep_neutralizers", None),
]
BAD_BOUNDS = [None, 5, (5,), (1, 2, 3), (10, 5), (5, 5), (0, np.nan), "ab", ("1", "9")]
BAD_SHARES = [1.5, -0.1, "a", np.nan, np.inf, None, True, [0.5], 2, -1]


def refuses_parameter(made, name, value, X, match):
    """Check that a bad parameter is refused in fit, and in transform after a fit."""
    refused_in_fit(made, X, match)
    fitted = clone(made).set_params(**{name: type(made)().get_params()[name]})
    fitted.fit(X).set_params(**{name: value})
    for method in (fitted.transform, fitted.predict):
        with pytest.raises(ValueError, match=match):
            method(X)


def quoted(value):
    return {"(": r"\("}.get(repr(value)[0], "") or repr(value)[:3].replace("[", r"\[")


@pytest.mark.parametrize(("estimator", "name", "value"), BAD_CHOICES)
def test_a_bad_choice_names_the_parameter_and_the_value(estimator, name, value, frame):
    match = f"`{name}` must be .*; got {quoted(value)}"
    refuses_parameter(estimator(**{name: value}), name, value, frame, match)


@pytest.mark.parametrize("bounds", BAD_BOUNDS)
@each
def test_bad_bounds_name_the_parameter_and_the_value(made, bounds, frame):
    made = clone(made).set_params(single_era_rows=bounds)
    match = f"`single_era_rows` must be .*; got {quoted(bounds)}"
    refuses_parameter(made, "single_era_rows", bounds, frame, match)


@pytest.mark.parametrize("value", BAD_SHARES)
@pytest.mark.parametrize("name", ["proportion", "rcond"])
def test_a_share_outside_zero_and_one_is_refused(name, value, frame):
    match = f"`{name}` must be between 0 and 1; got {quoted(value)}"
    made = FeatureNeutralizer(**{name: value})
    refuses_parameter(made, name, value, frame, match)


@pytest.mark.parametrize("proportion", [0, 1])
def test_a_whole_proportion_will_do(proportion, frame):
    out = FeatureNeutralizer(proportion=proportion).fit(frame).predict(frame)
    expected = FeatureNeutralizer(proportion=float(proportion)).predict(frame)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("proportion", [1.5, -0.1, "a", np.nan])
def test_a_path_refuses_bad_proportions(proportion, frame):
    before = frame.copy()
    with pytest.raises(ValueError, match="`proportions` must be between 0 and 1"):
        neutralization_path(frame, [0.5, proportion])
    assert frame.equals(before)


@pytest.mark.parametrize("proportions", [[], [0.5, 0.5]])
def test_a_path_needs_proportions_that_differ(proportions, frame):
    with pytest.raises(ValueError, match="`proportions` must"):
        neutralization_path(frame, proportions)


@pytest.mark.parametrize("container", ["arrow", "pyarrow", "numpy", "", 5, True])
@each
def test_an_unknown_container_is_refused_and_the_choice_kept(made, container, frame):
    made = clone(made).set_output(transform="polars")
    with pytest.raises(ValueError, match=r"`transform` must be .*'pandas'.*; got"):
        made.set_output(transform=container)
    assert isinstance(made.fit_transform(frame), pl.DataFrame)


@each
def test_a_fit_that_fails_leaves_the_earlier_one(made, frame):
    fitted = clone(made).fit(frame)
    expected = fitted.predict(frame)
    bad = frame.rename(columns={"model_a": "feature_a", "model_b": "feature_b"})
    with pytest.raises(ValueError, match="no prediction column"):
        fitted.fit(bad)
    np.testing.assert_array_equal(fitted.predict(frame), expected)


# values


INFINITIES = [np.inf, -np.inf, [np.inf, -np.inf]]


@each_kind
@pytest.mark.parametrize("value", INFINITIES, ids=repr)
def test_infinite_features_are_named(value, kind, frame):
    rows = range(7, 7 + np.size(value))
    bad = to_kind(changed(frame, list(rows), "feature_y", value), kind)
    match = f"'feature_y' has {np.size(value)} infinite"
    with pytest.raises(ValueError, match=match):
        FeatureNeutralizer().transform(bad)
    refused_after_fit(FeatureNeutralizer(), to_kind(frame, kind), bad, match)


@each_kind
@pytest.mark.parametrize("value", INFINITIES, ids=repr)
@pytest.mark.parametrize("made", [WeightedEnsemble(), FeatureNeutralizer()], ids=repr)
def test_infinite_predictions_are_named(made, value, kind, frame):
    rows = range(7, 7 + np.size(value))
    bad = to_kind(changed(frame, list(rows), "model_b", value), kind)
    match = f"'model_b' has {np.size(value)} infinite"
    refused_after_fit(made, to_kind(frame, kind), bad, match)


def test_infinities_beside_a_missing_value_are_still_found(frame):
    bad = changed(frame, [7, 8], "feature_y", [np.inf, np.nan])
    refused_after_fit(FeatureNeutralizer(), frame, bad, "'feature_y' has 1 infinite")
    bad = changed(frame, [7, 8], "model_b", [np.inf, np.nan])
    for made in (FeatureNeutralizer(), WeightedEnsemble(nan_policy="omit")):
        refused_after_fit(made, frame, bad, "'model_b' has 1 infinite")


def test_infinities_where_nothing_is_read_do_no_harm(frame):
    bad = changed(frame, 7, "model_b", np.inf)
    out = WeightedEnsemble({"model_a": 1, "model_b": 0}).fit(frame).predict(bad)
    np.testing.assert_array_equal(out, frame["model_a"])


@each_kind
def test_a_missing_prediction_is_named_if_it_is_to_raise(kind, frame):
    made = WeightedEnsemble(nan_policy="raise")
    bad = to_kind(changed(frame, [3, 7], "model_b", np.nan), kind)
    match = "'model_b' has 2 missing.*nan_policy"
    refused_after_fit(made, to_kind(frame, kind), bad, match)


def test_a_missing_prediction_of_weight_zero_does_not_raise(frame):
    made = WeightedEnsemble({"model_a": 1, "model_b": 0}, nan_policy="raise")
    bad = changed(frame, [3, 7], "model_b", np.nan)
    np.testing.assert_array_equal(made.fit(bad).predict(bad), frame["model_a"])


@each_kind
def test_a_missing_feature_is_named_if_it_is_to_raise(kind, frame):
    made = FeatureNeutralizer(missing="raise")
    bad = to_kind(changed(frame, [7, 8], "feature_y", np.nan), kind)
    match = "'feature_y' has 2 missing.*missing='median'"
    refused_after_fit(made, to_kind(frame, kind), bad, match)


def test_complete_features_of_any_dtype_do_not_raise(frame):
    for dtype in ("int8", "bool", "Int8", "float32"):
        X = frame.astype({"feature_x": dtype})
        made = FeatureNeutralizer(missing="raise")
        assert np.isfinite(made.fit(X).predict(X)).all()
