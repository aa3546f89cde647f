"""The estimators keep scikit-learn's contract, and say where they depart from it."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from helpers import five_steps, is_plain
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

import skbench
from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)

ERA_WISE = ("EraRankGauss", "EraRank", "FeatureNeutralizer")
ALL = (*ERA_WISE, "WeightedEnsemble", "StackingWeights")
STATELESS = ERA_WISE

# Estimators, the check that they do not pass, and why. Each must really fail: expected
# failures are strict (`xfail_strict` in pyproject.toml).
_ONE_KIND = (
    "it fits on named columns and then hands over an array, whose columns have no "
    "names to be found by: an error here, not a guess"
)
EXCEPTIONS = [
    (
        ERA_WISE,
        "check_methods_subset_invariance",
        "ranks and projections are those of an era: a part of it, such as one row "
        "alone, is another era",
    ),
    (
        ALL,
        "check_dataframe_column_names_consistency",
        "columns are found by name: they may come, go and change places",
    ),
    (
        ("StackingWeights",),
        "check_fit_score_takes_y",
        "it hands the same rows to fit and then to partial_fit: an era held already is "
        "refused, not counted twice",
    ),
    (ALL, "check_set_output_transform_pandas", _ONE_KIND),
    (ALL, "check_set_output_transform_polars", _ONE_KIND),
    (ALL, "check_global_output_transform_pandas", _ONE_KIND),
    (ALL, "check_global_set_output_transform_polars", _ONE_KIND),
]

# Checks that scikit-learn keeps for itself. Most hand over small named frames.
MORE_CHECKS = [
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_dataframe_column_names_consistency",
    "check_estimators_overwrite_params",
    "check_readonly_memmap_input",
    "check_n_features_in_after_fitting",
]


def estimators(**params):
    return [
        EraRankGauss(**params),
        EraRank(**params),
        WeightedEnsemble(**params),
        FeatureNeutralizer(neutralizers=[0], **params),
    ]


def checked(**params):
    """All estimators, those that need a target too."""
    return [*estimators(**params), StackingWeights(**params)]


def name_of(value):
    return type(value).__name__


def expected_failures(estimator):
    """Return the exceptions of one estimator: check to reason."""
    name = name_of(estimator)
    return {check: reason for names, check, reason in EXCEPTIONS if name in names}


def more_checks():
    for check in MORE_CHECKS:
        for estimator in checked(era=None):
            reason = expected_failures(estimator).get(check)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            name = f"{name_of(estimator)}-{check}"
            yield pytest.param(estimator, check, marks=marks, id=name)


each = pytest.mark.parametrize("estimator", estimators(), ids=name_of)
each_without_era = pytest.mark.parametrize(
    "estimator", estimators(era=None), ids=name_of
)


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(20, 4))


@pytest.fixture
def frame(array):
    X = pd.DataFrame(array, columns=["model_a", "model_b", "model_c", "feature_d"])
    X.insert(0, "era", np.repeat(["0001", "0002"], 10))
    return X


def steps():
    blend = WeightedEnsemble({"model_a": 0.25, "model_c": 0.75})
    return five_steps(blend, proportion=0.5)


def for_frame(estimator):
    """Neutralise to the feature, where there are names to tell it by."""
    estimator = clone(estimator)
    if isinstance(estimator, FeatureNeutralizer):
        estimator.set_params(neutralizers=None)
    return estimator


# scikit-learn's own checks


def checks_of_scikit_learn():
    # scikit-learn 1.6 hands a generator to pytest, which wants a list since 9.1.
    mark = parametrize_with_checks(
        checked(era=None), expected_failed_checks=expected_failures
    )
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)


# The columns of the checks are not standardised, and StackingWeights says so.
raw_columns = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.DataConversionWarning"
)


@raw_columns
@checks_of_scikit_learn()
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@raw_columns
@pytest.mark.parametrize(("estimator", "check"), list(more_checks()))
def test_passes_the_checks_that_scikit_learn_keeps_for_itself(estimator, check):
    getattr(estimator_checks, check)(name_of(estimator), estimator)


@pytest.mark.parametrize(("names", "check", "reason"), EXCEPTIONS)
def test_every_exception_is_of_a_check_that_runs_and_has_a_reason(names, check, reason):
    generator = estimator_checks.estimator_checks_generator
    run = {
        getattr(check, "func", check).__name__
        for estimator in (EraRankGauss(), StackingWeights())
        for _, check in generator(estimator, mark=None)
    }
    assert check in run | set(MORE_CHECKS)
    assert set(names) <= set(ALL)
    assert len(reason) > 20


# set_output where the kind of container stays: what the checks above cannot reach


@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@pytest.mark.parametrize("where", ["local", "global"])
@pytest.mark.parametrize(("container", "kind"), [("pandas", pd), ("polars", pl)])
@each_without_era
def test_set_output_names_the_columns_of_an_array(
    estimator, container, kind, where, method, array
):
    plain = clone(estimator).fit_transform(array)
    out = in_container(estimator, container, where, method, array)
    assert isinstance(out, kind.DataFrame)
    names = clone(estimator).fit(array).get_feature_names_out()
    assert list(out.columns) == list(names)
    np.testing.assert_array_equal(out.to_numpy(), plain)


@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@pytest.mark.parametrize("where", ["local", "global"])
@pytest.mark.parametrize(("container", "kind"), [("pandas", pd), ("polars", pl)])
@each_without_era
def test_set_output_keeps_names_and_values_of_a_frame(
    estimator, container, kind, where, method, array
):
    X = pd.DataFrame(array, columns=list("abcd"), index=[f"n{i}" for i in range(20)])
    plain = clone(estimator).fit_transform(X)
    out = in_container(estimator, container, where, method, X)
    assert isinstance(out, kind.DataFrame)
    assert list(out.columns) == list(plain.columns)
    np.testing.assert_array_equal(out.to_numpy(), plain.to_numpy())
    if container == "pandas":
        assert out.index.equals(X.index)


def in_container(estimator, container, where, method, X):
    """Call one of the two methods, asking for a container in one of the two places."""
    estimator = clone(estimator).fit(X)
    if where == "local":
        return getattr(estimator.set_output(transform=container), method)(X)
    with config_context(transform_output=container):
        return getattr(estimator, method)(X)


@each_without_era
def test_a_choice_by_set_output_outweighs_the_global_one(estimator, array):
    estimator = clone(estimator).set_output(transform="default")
    with config_context(transform_output="pandas"):
        assert isinstance(estimator.fit_transform(array), np.ndarray)
        assert isinstance(estimator.transform(array), np.ndarray)


@each
def test_set_output_returns_the_estimator_and_none_leaves_the_choice(estimator, frame):
    estimator = for_frame(estimator)
    assert estimator.set_output(transform="polars") is estimator
    assert estimator.set_output(transform=None) is estimator
    assert isinstance(estimator.fit_transform(frame), pl.DataFrame)


# parameters, clone, repr


def some_parameters(estimator):
    """Return parameters with other values than the default, as the caller's objects."""
    params = {"columns": ["model_b"], "era": "date", "single_era_rows": (5, 50)}
    own = {
        "EraRankGauss": {"ties": "first", "scale": False, "n_jobs": 2},
        "EraRank": {"ties": "first", "n_jobs": 2},
        "WeightedEnsemble": {
            "weights": {"model_b": 1},
            "output": "blend",
            "nan_policy": "omit",
        },
        "FeatureNeutralizer": {
            "neutralizers": np.array(["feature_d"]),
            "proportion": 1,
            "fit_intercept": False,
            "standardize": False,
            "missing": 0.5,
            "rcond": 1e-8,
            "keep_neutralizers": True,
            "n_jobs": 2,
        },
    }
    return params | own[name_of(estimator)]


@each
def test_parameters_are_stored_untouched(estimator):
    params = some_parameters(estimator)
    made = type(estimator)(**params)
    assert made.get_params().keys() == params.keys()
    assert all(made.get_params()[name] is value for name, value in params.items())
    assert vars(made).keys() == params.keys()


@each
def test_set_params_is_the_same_as_making_it_so(estimator):
    params = some_parameters(estimator)
    changed = type(estimator)().set_params(**params)
    assert all(changed.get_params()[name] is value for name, value in params.items())


@each
def test_bad_parameters_are_stored_and_only_refused_in_fit(estimator, frame):
    made = type(estimator)(single_era_rows="many")
    assert made.single_era_rows == "many"
    with pytest.raises(ValueError, match="`single_era_rows` must be"):
        made.fit(frame)


@each
def test_only_the_first_parameter_may_come_without_its_name(estimator):
    with pytest.raises(TypeError, match="positional"):
        type(estimator)(None, None)


@each
def test_clone_is_not_fitted_and_keeps_the_container(estimator, frame):
    fitted = for_frame(estimator).set_output(transform="polars").fit(frame)
    copy = clone(fitted)
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert isinstance(copy.fit_transform(frame), pl.DataFrame)


@each
def test_fit_returns_the_estimator_and_keeps_the_parameters(estimator, frame):
    estimator = for_frame(estimator)
    before = estimator.get_params()
    assert estimator.fit(frame) is estimator
    after = estimator.get_params()
    assert all(after[name] is value for name, value in before.items())


@each
def test_repr_shows_the_columns_in_use_after_fit(estimator, frame):
    estimator = for_frame(estimator).set_params(single_era_rows=(5, 50))
    assert repr(estimator) == f"{name_of(estimator)}(single_era_rows=(5, 50))"
    shown = repr(estimator.fit(frame))
    assert all(f"'{name}'" in shown for name in estimator.columns_)
    assert "feature_d" not in shown


def test_repr_of_many_columns_is_short():
    X = pd.DataFrame(np.eye(3, 500), columns=[f"model_{i}" for i in range(500)])
    shown = repr(EraRank(era=None).fit(X))
    assert "'model_0'" in shown
    assert "488 more" in shown
    assert len(shown) < 400


@pytest.mark.parametrize("fitted", [False, True])
@each
def test_html_repr_works(estimator, fitted, frame):
    estimator = for_frame(estimator)
    if fitted:
        estimator.fit(frame)
    assert name_of(estimator) in estimator._repr_html_()


def test_html_repr_of_a_fitted_pipeline_shows_every_step(frame):
    html = steps().fit(frame)._repr_html_()
    assert all(name_of(step) in html for step in steps())


# state


@each
def test_tags_say_whether_fit_is_needed(estimator):
    assert get_tags(estimator).requires_fit is (name_of(estimator) not in STATELESS)
    assert get_tags(estimator).input_tags.allow_nan


@pytest.mark.parametrize("method", ["transform", "predict"])
@pytest.mark.parametrize("estimator", estimators(era=None)[:2], ids=name_of)
def test_a_stateless_one_works_without_fit(estimator, method, frame):
    expected = getattr(clone(estimator).fit(frame), method)(frame)
    out = getattr(clone(estimator), method)(frame)
    np.testing.assert_array_equal(out, expected)


def test_the_neutralizer_works_without_fit(frame):
    expected = FeatureNeutralizer().fit(frame).predict(frame)
    np.testing.assert_array_equal(FeatureNeutralizer().predict(frame), expected)


@pytest.mark.parametrize("estimator", estimators(era=None)[:2], ids=name_of)
def test_a_stateless_one_stays_without_state(estimator, frame):
    estimator = clone(estimator).set_output(transform="polars")
    before = set(vars(estimator))
    assert isinstance(estimator.transform(frame), pl.DataFrame)
    assert set(vars(estimator)) == before


@pytest.mark.parametrize("method", ["transform", "predict", "score"])
def test_an_ensemble_that_is_not_fitted_says_so(method, frame):
    args = [frame, frame["model_a"]] if method == "score" else [frame]
    with pytest.raises(NotFittedError, match="WeightedEnsemble"):
        getattr(WeightedEnsemble(), method)(*args)


@each
def test_names_out_need_a_fit(estimator):
    with pytest.raises(NotFittedError, match=name_of(estimator)):
        clone(estimator).get_feature_names_out()


@each
def test_check_is_fitted_agrees_with_fit(estimator, frame):
    estimator = for_frame(estimator).fit(frame)
    check_is_fitted(estimator)
    check_is_fitted(estimator, "columns_")


def test_fitted_state_is_of_plain_types(frame):
    for estimator in estimators(era=None):
        state = vars(for_frame(estimator).fit(frame))
        for name in state.keys() - estimator.get_params().keys():
            assert is_plain(state[name]), name


def by_pickle(obj, tmp_path):
    return pickle.loads(pickle.dumps(obj))


def by_joblib(obj, tmp_path):
    joblib.dump(obj, tmp_path / "obj.joblib")
    return joblib.load(tmp_path / "obj.joblib")


@pytest.mark.parametrize("travel", [by_pickle, by_joblib])
@each
def test_a_fitted_one_survives_the_trip(estimator, travel, frame, tmp_path):
    fitted = for_frame(estimator).set_output(transform="polars").fit(frame)
    back = travel(fitted, tmp_path)
    assert repr(back) == repr(fitted)
    assert isinstance(back.transform(frame), pl.DataFrame)
    assert back.transform(frame).equals(fitted.transform(frame))


@pytest.mark.parametrize("travel", [by_pickle, by_joblib])
def test_a_fitted_pipeline_survives_the_trip(travel, frame, tmp_path):
    fitted = steps().fit(frame)
    back = travel(fitted, tmp_path)
    np.testing.assert_array_equal(back.predict(frame), fitted.predict(frame))


def in_new_process(code, *args):
    """Run code in a Python that has imported nothing yet; return what it printed."""
    root = str(Path(skbench.__file__).parents[1])
    command = [sys.executable, "-W", "error", "-c", code, *map(str, args)]
    env = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOAD_AND_PREDICT = """
import pickle, sys
import numpy as np, pandas as pd
with open(sys.argv[1], "rb") as file:
    pipeline = pickle.load(file)
np.save(sys.argv[3], pipeline.predict(pd.read_parquet(sys.argv[2])))
"""


def test_a_fitted_pipeline_predicts_in_a_new_process(frame, tmp_path):
    fitted = steps().fit(frame)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(fitted))
    frame.to_parquet(tmp_path / "X.parquet")
    files = [tmp_path / name for name in ("model.pkl", "X.parquet", "y.npy")]
    in_new_process(LOAD_AND_PREDICT, *files)
    np.testing.assert_array_equal(np.load(files[-1]), fitted.predict(frame))


IMPORT_AND_USE = """
import sklearn
before = sklearn.get_config()
import numpy as np
from skbench import EraRank, EraRankGauss, FeatureNeutralizer, WeightedEnsemble
X = np.random.default_rng(0).normal(size=(9, 3))
for kind in (EraRank, EraRankGauss, WeightedEnsemble, FeatureNeutralizer):
    made = kind(era=None)
    if kind is FeatureNeutralizer:
        made.neutralizers = [0]
    made.set_output(transform="polars").fit(X, X[:, 0]).transform(X)
    made.predict(X), made.score(X, X[:, 0]), repr(made), made._repr_html_()
assert sklearn.get_config() == before, sklearn.get_config()
print("unchanged")
"""


def test_import_and_use_leave_the_global_configuration_alone():
    assert in_new_process(IMPORT_AND_USE) == "unchanged\n"


def test_use_leaves_the_configuration_of_this_process_alone(frame):
    before = get_config()
    steps().set_output(transform="polars").fit(frame).predict(frame)
    assert get_config() == before


def test_metadata_routing_may_be_on(frame):
    with sklearn.config_context(enable_metadata_routing=True):
        routed = steps().fit(frame).predict(frame)
    np.testing.assert_array_equal(routed, steps().fit(frame).predict(frame))
