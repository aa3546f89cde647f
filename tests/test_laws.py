"""Law 1: an era's result depends on nothing but that era. Law 2: so fit learns no row.

Ranks and blends bit for bit; the neutralizer bit for bit for the same rows of an era in
the same order, and to 1e-9 for the same rows in another.
"""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from strategies import (
    ANY_VALUE,
    FEATURES,
    MODELS,
    NUMBER,
    SCORE,
    column,
    law,
    tournaments,
)
from threadpoolctl import threadpool_limits

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    WeightedEnsemble,
    neutralization_path,
)

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
# Of eras that hypothesis makes, many are constant.
pytestmark = pytest.mark.filterwarnings("ignore:the prediction .* is the same in all")
COLUMNS = ["era", *MODELS, *FEATURES]
WEIGHTS = {"a": 0.3, "b": -1.7}

RANKS = {
    "EraRankGauss": EraRankGauss(),
    "EraRankGauss, unscaled": EraRankGauss(scale=False),
    "EraRank": EraRank(),
}
FIRST = {
    "EraRankGauss, first": EraRankGauss(ties="first"),
    "EraRank, first": EraRank(ties="first"),
}
BLENDS = {
    "blend, propagate": WeightedEnsemble(WEIGHTS),
    "blend, omit": WeightedEnsemble(WEIGHTS, nan_policy="omit"),
    "blend, raise": WeightedEnsemble(WEIGHTS, nan_policy="raise"),
    "blend, equal weights": WeightedEnsemble(),
}
NEUTRALIZERS = {
    "neutralizer": FeatureNeutralizer(),
    "neutralizer, half": FeatureNeutralizer(proportion=0.5),
    "neutralizer, no intercept": FeatureNeutralizer(fit_intercept=False),
    "neutralizer, unscaled": FeatureNeutralizer(standardize=False),
    "neutralizer, fill": FeatureNeutralizer(missing=0.25, proportion=0.9),
    "neutralizer, one feature": FeatureNeutralizer("feature_y", columns=["b"]),
}
PIPELINES = {
    "pipeline": make_pipeline(
        EraRankGauss(),
        WeightedEnsemble(WEIGHTS, nan_policy="omit"),
        EraRankGauss(),
        EraRank(),
    )
}
BITWISE = RANKS | BLENDS | PIPELINES
EVERY = BITWISE | FIRST | NEUTRALIZERS
THREADED = RANKS | FIRST | NEUTRALIZERS


def values_for(name):
    if name in RANKS or name in FIRST or name in PIPELINES:
        return ANY_VALUE
    return NUMBER if "raise" in name else SCORE


def label_kinds(frame):
    """Write the same eras as numbers, strings and categories."""
    numbers = frame["era"]
    strings = "era" + numbers.astype(str)
    kinds = {"integer": numbers, "string": strings}
    kinds["categorical"] = strings.astype("category")
    kinds["unused categories"] = kinds["categorical"].cat.add_categories(["era000"])
    return kinds


def predict(estimator, X):
    """Fit and predict, as an array of two dimensions."""
    return clone(estimator).fit(X).predict(X).reshape(len(X), -1)


def assert_bits(got, expected):
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def assert_same(name, got, expected):
    """Bit for bit, except where a sum over rows is taken in another order."""
    if name not in NEUTRALIZERS:
        assert_bits(got, expected)
    else:
        single = expected.dtype == np.float32
        tolerance = 1e-6 if single else 1e-9
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def rows_by_era(X):
    return list(X.groupby("era").indices.values())


def each(estimators):
    return pytest.mark.parametrize("name", estimators)


class TestRowOrder:
    @each(BITWISE | NEUTRALIZERS)
    def test_shuffled_rows(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            order = data.draw(st.permutations(range(len(X))))
            expected = predict(EVERY[name], X)[order]
            assert_same(name, predict(EVERY[name], X.iloc[order]), expected)

        check()

    @each(EVERY)
    def test_interleaved_eras_whose_rows_keep_their_order(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            by_era = X["era"].argsort(kind="stable").to_numpy()
            expected = predict(EVERY[name], X)[by_era]
            assert_bits(predict(EVERY[name], X.iloc[by_era]), expected)

        check()


class TestOtherEras:
    @each(EVERY)
    def test_batches_of_whole_eras(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            fitted = clone(EVERY[name]).fit(X)
            expected = fitted.predict(X)
            for era in rows_by_era(X):
                assert_bits(fitted.predict(X.iloc[era]), expected[era])
            if len(rows_by_era(X)) > 1:
                rest = np.sort(np.concatenate(rows_by_era(X)[1:]))
                assert_bits(fitted.predict(X.iloc[rest]), expected[rest])

        check()

    @each(EVERY)
    def test_other_eras_may_change(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            era = rows_by_era(X)[0]
            changed = X.copy()
            others = np.setdiff1d(np.arange(len(X)), era)
            for at, dtype in ((1, X.dtypes["a"]), (2, X.dtypes["b"])):
                rng = np.random.default_rng(at)
                new = data.draw(column(values_for(name), len(others), rng))
                with np.errstate(over="ignore"):
                    changed.iloc[others, at] = new.astype(dtype)
            changed.iloc[others, 3:] = 4 - changed.iloc[others, 3:].to_numpy()
            expected = predict(EVERY[name], X)[era]
            assert_bits(predict(EVERY[name], changed)[era], expected)

        check()

    @each(EVERY)
    def test_an_era_declared_to_be_all_there_is(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            X = X[X["era"] == X["era"].iloc[0]]
            estimator = clone(EVERY[name])
            steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
            for step in steps:
                step.set_params(era=None)
            got = predict(estimator, X.drop(columns="era"))
            assert_bits(got, predict(EVERY[name], X))

        check()


def positional(estimator):
    """Make the same estimator for an array whose columns are COLUMNS."""
    if hasattr(estimator, "steps"):
        # The ensemble puts its one output in place of the columns 1 and 2.
        steps = [positional(step) for _, step in estimator.steps]
        for later in steps[2:]:
            later.set_params(columns=[1])
        return make_pipeline(*steps)
    estimator = clone(estimator).set_params(era=0)
    params = estimator.get_params()
    columns = params["columns"] or MODELS
    changed = {"columns": [COLUMNS.index(name) for name in columns]}
    if isinstance(params.get("weights"), dict):
        weights = params["weights"].items()
        changed["weights"] = {COLUMNS.index(name): w for name, w in weights}
    if "neutralizers" in params:
        neutralizers = params["neutralizers"] or FEATURES
        neutralizers = [neutralizers] if isinstance(neutralizers, str) else neutralizers
        changed["neutralizers"] = [COLUMNS.index(name) for name in neutralizers]
    return estimator.set_params(**changed)


def to_polars(X):
    return pl.DataFrame({name: to_series(X[name]) for name in X})


def to_series(column):
    values = column.tolist() if column.dtype.kind not in "fiu" else column.to_numpy()
    dtype = pl.Categorical if isinstance(column.dtype, pd.CategoricalDtype) else None
    return pl.Series(column.name, values, dtype=dtype)


def to_arrow(X):
    return pa.Table.from_pandas(X, preserve_index=False)


CONTAINERS = {"polars": to_polars, "arrow": to_arrow}


class TestContainers:
    @each(EVERY)
    @pytest.mark.parametrize("container", CONTAINERS)
    def test_polars_and_arrow(self, name, container):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            kind = data.draw(st.sampled_from(["integer", "string", "categorical"]))
            X = X.assign(era=label_kinds(X)[kind])
            other = CONTAINERS[container](X)
            expected = predict(EVERY[name], X)
            fitted = clone(EVERY[name]).fit(other)
            assert_bits(fitted.predict(other).reshape(expected.shape), expected)
            # What was learned from pandas works for it as well.
            from_pandas = clone(EVERY[name]).fit(X).predict(other)
            assert_bits(from_pandas.reshape(expected.shape), expected)

        check()

    @each(EVERY)
    def test_arrays(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            dtype = np.float32 if (X.dtypes[MODELS] == np.float32).all() else np.float64
            X = X.astype(dict.fromkeys(MODELS, dtype))
            layout = data.draw(st.sampled_from("CF"))
            array = np.array(X[COLUMNS].to_numpy(dtype), order=layout)
            expected = predict(EVERY[name], X)
            assert_bits(predict(positional(EVERY[name]), array), expected)

        check()

    @each(EVERY)
    def test_labels_of_eras(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            expected = predict(EVERY[name], X)
            for labels in label_kinds(X).values():
                assert_bits(predict(EVERY[name], X.assign(era=labels)), expected)

        check()

    @each(EVERY)
    def test_order_of_columns_and_columns_not_used(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            fitted = clone(EVERY[name]).fit(X)
            live = X.assign(target=np.nan, feature_new=np.nan, id="n")
            live = live[data.draw(st.permutations(list(live)))]
            assert_bits(fitted.predict(live), fitted.predict(X))

        check()

    @each(EVERY)
    def test_the_output_has_the_rows_of_the_input(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            fitted = clone(EVERY[name]).fit(X)
            out = fitted.transform(X)
            pd.testing.assert_index_equal(out.index, X.index)
            pd.testing.assert_series_equal(out["era"], X["era"])
            new = [c for c in out if c in [*MODELS, "prediction"]]
            if "one feature" in name:
                new.remove("a")
            expected = fitted.predict(X).reshape(len(X), -1)
            np.testing.assert_array_equal(out[new].to_numpy(expected.dtype), expected)

        check()


class TestThreads:
    @each(THREADED)
    def test_two_threads(self, name):
        @settings(law, max_examples=8)
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            threaded = clone(EVERY[name]).set_params(n_jobs=2)
            # The neutralizer's threads are in BLAS, and its bits are those of so many.
            with threadpool_limits(2):
                expected = predict(EVERY[name], X)
            assert_bits(predict(threaded, X), expected)
            np.testing.assert_allclose(predict(EVERY[name], X), expected, atol=1e-9)

        check()


class TestTheCallersData:
    @each(EVERY)
    def test_frames_are_not_written_to(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            X = X.assign(era=label_kinds(X)["string"])
            before = X.copy(deep=True)
            fitted = clone(EVERY[name]).fit(X)
            out = fitted.transform(X)
            fitted.predict(X)
            pd.testing.assert_frame_equal(X, before)
            # Nor is the output a view; but what pandas 2 passes through uncopied is.
            new = [c for c in out if c != "era" and (PANDAS_3 or c not in X)]
            out.loc[:, new] = 1
            pd.testing.assert_frame_equal(X, before)

        check()

    @each(EVERY)
    def test_arrays_are_not_written_to(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            array = X[COLUMNS].to_numpy(np.float64)
            array.flags.writeable = False
            before = array.tobytes()
            fitted = positional(EVERY[name]).fit(array)
            out = fitted.transform(array)
            out[:] = 1
            fitted.predict(array)
            assert array.tobytes() == before

        check()


class TestFitLearnsNoRow:
    @each(EVERY)
    def test_fit_on_a_part_is_fit_on_all(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            part = X.iloc[rows_by_era(X)[-1]]
            whole = clone(EVERY[name]).fit(X)
            partial = clone(EVERY[name]).fit(part)
            assert_bits(partial.predict(X), whole.predict(X))
            assert state(partial) == state(whole)

        check()

    @each(EVERY)
    def test_fit_transform_is_fit_then_transform(self, name):
        @law
        @given(st.data())
        def check(data):
            X = data.draw(tournaments(values_for(name)))
            got = clone(EVERY[name]).fit_transform(X)
            expected = clone(EVERY[name]).fit(X).transform(X)
            pd.testing.assert_frame_equal(got, expected, check_exact=True)

        check()


def state(estimator):
    """Everything that was learned, as text."""
    steps = getattr(estimator, "steps", [("", estimator)])
    return [
        {key: str(value) for key, value in vars(step).items() if key.endswith("_")}
        for _, step in steps
    ]


def large_frame(dtype, m=30):
    """Eras of a few hundred rows, where matrix products have many ways to go."""
    rng = np.random.default_rng(0)
    n = 900
    X = pd.DataFrame({"era": rng.choice([3, 12, 7], n, p=[0.5, 0.4, 0.1])})
    X["a"] = rng.normal(size=n)
    X["b"] = rng.normal(size=n).round(1)
    X.loc[rng.random(n) < 0.1, "b"] = np.nan
    F = rng.integers(0, 5, (n, m)) if dtype == np.int8 else rng.normal(size=(n, m))
    features = pd.DataFrame(F.astype(dtype)).add_prefix("feature_")
    return pd.concat([X, features], axis=1)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
@pytest.mark.parametrize("m", [30, 400])
@pytest.mark.parametrize(
    "estimator",
    [
        EraRankGauss(),
        WeightedEnsemble(nan_policy="omit"),
        FeatureNeutralizer(),
        FeatureNeutralizer(fit_intercept=False, proportion=0.3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
class TestLargerEras:
    def test_bits_of_batches_containers_layouts_and_threads(self, estimator, m, dtype):
        X = large_frame(dtype, m)
        fitted = clone(estimator).fit(X)
        expected = fitted.predict(X)
        for era in rows_by_era(X):
            assert_bits(fitted.predict(X.iloc[era]), expected[era])
        by_era = X["era"].argsort(kind="stable").to_numpy()
        assert_bits(fitted.predict(X.iloc[by_era]), expected[by_era])
        one_by_one = pd.concat([X[[name]] for name in X], axis=1)
        assert_bits(fitted.predict(one_by_one), expected)
        for convert in (to_arrow, to_polars):
            assert_bits(fitted.predict(convert(X)), expected)
        if "n_jobs" in fitted.get_params():
            # The neutralizer's threads are in BLAS, and its bits are those of so many.
            with threadpool_limits(2):
                expected = fitted.predict(X)
            fitted.set_params(n_jobs=2)
            for _ in range(5):
                assert_bits(fitted.predict(X), expected)
            for era in rows_by_era(X):
                assert_bits(fitted.predict(X.iloc[era]), expected[era])

    @pytest.mark.parametrize("layout", "CF")
    def test_bits_of_arrays(self, estimator, m, dtype, layout):
        X = large_frame(dtype, m).astype(np.float64)
        params = {"era": 0, "columns": [1, 2]}
        if isinstance(estimator, FeatureNeutralizer):
            params["neutralizers"] = list(range(3, m + 3))
        array = np.array(X.to_numpy(), order=layout)
        got = predict(clone(estimator).set_params(**params), array)
        assert_bits(got, predict(estimator, X))

    def test_shuffled_rows(self, estimator, m, dtype):
        X = large_frame(dtype, m)
        order = np.random.default_rng(1).permutation(len(X))
        fitted = clone(estimator).fit(X)
        got, expected = fitted.predict(X.iloc[order]), fitted.predict(X)[order]
        if isinstance(estimator, FeatureNeutralizer):
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
        else:
            assert_bits(got, expected)


class TestPath:
    def test_proportions_do_not_touch_each_other(self):
        @law
        @given(tournaments(SCORE))
        def check(X):
            path = neutralization_path(X, [0, 0.5, 1])
            for proportion in (0, 0.5, 1):
                alone = neutralization_path(X, [proportion])
                pd.testing.assert_frame_equal(
                    path[list(alone)], alone, check_exact=True
                )

        check()

    def test_batches_of_whole_eras(self):
        @law
        @given(tournaments(SCORE))
        def check(X):
            path = neutralization_path(X, [0.5, 1])
            for era in rows_by_era(X):
                got = neutralization_path(X.iloc[era], [0.5, 1])
                pd.testing.assert_frame_equal(got, path.iloc[era], check_exact=True)

        check()
