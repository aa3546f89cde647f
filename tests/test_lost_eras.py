"""The era column that gets lost on the way: told by name, or warned of."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import reference
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench import neutralization_path as path_of
from skbench.metrics import numerai_corr, numerai_corr_scorer
from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict

MODELS = ["a", "b"]
ESTIMATORS = [
    EraRankGauss(),
    EraRank(),
    WeightedEnsemble(),
    FeatureNeutralizer(["feature_x"]),
    StackingWeights(),
]


def names(estimators):
    return [type(estimator).__name__ for estimator in estimators]


@pytest.fixture
def data():
    """Twelve eras of two models with gaps, a feature and a target."""
    rng = np.random.default_rng(0)
    n = 12 * 40
    values = rng.normal(size=(n, 3))
    X = pd.DataFrame(values, columns=[*MODELS, "feature_x"])
    X = X.assign(feature_x=rng.integers(0, 5, n).astype(float))
    X.insert(0, "era", np.repeat([f"{era:04d}" for era in range(1, 13)], 40))
    y = pd.Series(0.3 * values[:, 0] + 0.1 * values[:, 1] + rng.normal(size=n))
    # The level of each model moves from era to era, which ranks over all would see.
    X[MODELS] += np.repeat(rng.normal(size=(12, 2)) * 3, 40, axis=0)
    X[MODELS] = X[MODELS].mask(rng.random((n, 2)) < 0.1)
    return X.sample(frac=1, random_state=0), y


def imputer(**options):
    return ColumnTransformer(
        [("i", SimpleImputer(), MODELS)], remainder="passthrough", **options
    )


def expected_score(X, y):
    """Mean CORR of the equal blend of imputed columns, era by era, the slow way."""
    filled = X[MODELS].fillna(X[MODELS].mean())
    scores = []
    for _, rows in X.groupby("era"):
        z = [reference.rank_gauss(filled.loc[rows.index, name]) for name in MODELS]
        scores.append(reference.numerai_corr(sum(z) / 2, y[rows.index].to_numpy()))
    return np.mean(scores)


class TestColumnTransformer:
    def test_that_keeps_the_name_scores_era_by_era(self, data):
        X, y = data
        y = y[X.index]
        kept = imputer(verbose_feature_names_out=False).set_output(transform="pandas")
        pipe = make_pipeline(kept, EraRankGauss(), WeightedEnsemble()).fit(X)
        assert pipe.score(X, y) == pytest.approx(expected_score(X, y), abs=1e-12)

    def test_that_gives_an_array_with_text_is_an_error(self, data):
        X, _ = data
        pipe = make_pipeline(imputer(), EraRankGauss(), WeightedEnsemble())
        with pytest.raises(
            ValueError, match=r"array that holds text, '00\d\d': pass a frame.*position"
        ):
            pipe.fit(X)

    def test_the_position_of_the_eras_in_its_array_is_understood(self, data):
        X, y = data
        y = y[X.index]
        pipe = make_pipeline(
            imputer(),
            EraRankGauss([0, 1], era=2),
            WeightedEnsemble(columns=[0, 1], era=2),
        ).fit(X)
        # The blend takes the place of two columns.
        assert pipe.score(X, y) == pytest.approx(expected_score(X, y), abs=1e-12)

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=names(ESTIMATORS))
    def test_that_renames_the_column_is_an_error(self, data, estimator):
        X, y = data
        renamed = imputer().set_output(transform="pandas").fit_transform(X)
        assert "remainder__era" in renamed
        with pytest.raises(
            ValueError, match=r"but a column 'remainder__era'.*pass era"
        ):
            estimator.fit(renamed, y[X.index])
        with pytest.raises(ValueError, match="but a column 'remainder__era'"):
            EraRank(["i__a"]).transform(renamed)

    def test_that_gives_numbers_warns(self, data):
        X, _ = data
        array = imputer().fit_transform(X.assign(era=X["era"].astype(int)))
        with pytest.warns(UserWarning, match="480 rows are taken as one era"):
            EraRankGauss().fit(array)


@pytest.mark.parametrize("name", ["week_era", "x.era", "my era", "Remainder-era"])
def test_a_column_whose_name_ends_in_that_of_the_eras(name):
    X = pd.DataFrame({name: ["0001"] * 3, "a": [0.1, 0.2, 0.3]})
    with pytest.raises(ValueError, match=f"no era column 'era', but a column '{name}'"):
        EraRank().transform(X)


@pytest.mark.parametrize("name", ["camera", "feature_ephemera", "eras", "era_2"])
def test_a_word_that_ends_in_the_same_letters_is_no_era_column(name):
    X = pd.DataFrame({name: [1.0] * 3, "a": [0.1, 0.2, 0.3]})
    bounds = {"single_era_rows": (0, 10)}
    assert EraRank(["a"], **bounds).transform(X)["a"].tolist() == [1 / 6, 0.5, 5 / 6]


class TestObjectArrays:
    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=names(ESTIMATORS))
    @pytest.mark.parametrize("era", ["era", None])
    def test_text_is_refused(self, data, estimator, era):
        X, y = data
        estimator = type(estimator)(era=era)
        with pytest.raises(ValueError, match="X is an array that holds text"):
            estimator.fit(X.to_numpy(), y)

    def test_numbers_are_numbers(self):
        X = np.array([[0.3, 2], [0.1, 4], [0.2, 8]], dtype=object)
        found = EraRank([0], era=None).fit_transform(X)
        np.testing.assert_allclose(found[:, 0].astype(float), [5 / 6, 1 / 6, 1 / 2])


class TestWarning:
    """Learning from rows without eras warns; looking at live data does not."""

    @pytest.fixture(params=["frame", "array"])
    def live(self, request, data):
        X, y = data
        X = X.fillna(0.0).drop(columns="era")
        return (X if request.param == "frame" else X.to_numpy()), y[X.index].to_numpy()

    def made(self, estimator, live, **options):
        options["single_era_rows"] = (0, 10_000)
        if isinstance(estimator, FeatureNeutralizer):
            options["neutralizers"] = ["feature_x"]
        if not isinstance(live, pd.DataFrame):
            options = options | {"columns": [0, 1]}
            if "neutralizers" in options:
                options["neutralizers"] = [2]
        return type(estimator)(**options)

    @pytest.mark.parametrize(
        ("estimator", "method"),
        [
            *(
                (one, method)
                for one in ESTIMATORS
                for method in ("fit", "fit_transform")
            ),
            (StackingWeights(), "partial_fit"),
        ],
    )
    def test_fit_warns(self, live, estimator, method):
        X, y = live
        estimator = self.made(estimator, X)
        warnings.filterwarnings("ignore", ".*not standardised")
        message = "no era column 'era': its 480 rows are taken as one era.*`transform`"
        with pytest.warns(UserWarning, match=message) as caught:
            getattr(estimator, method)(X, y)
        assert len([one for one in caught if "one era" in str(one.message)]) == 1

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=names(ESTIMATORS))
    def test_declared_eras_do_not(self, live, estimator):
        X, y = live
        estimator = self.made(estimator, X, era=None)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*not standardised")
            estimator.fit(X, y).transform(X)

    @pytest.mark.parametrize("estimator", ESTIMATORS[:4], ids=names(ESTIMATORS[:4]))
    def test_transform_and_predict_do_not(self, data, estimator):
        X, y = data
        X, y = X.fillna(0.0), y[X.index]
        estimator = self.made(estimator, X)
        live = X[X["era"] == "0012"].drop(columns="era")
        if estimator._stateless:
            unfitted = estimator.transform(live)
        estimator.fit(X, y)
        found = estimator.transform(live)
        estimator.predict(live)
        if estimator._stateless:
            pd.testing.assert_frame_equal(unfitted, found)

    def test_the_path_of_proportions_does_not(self, data):
        X, _ = data
        live = X[X["era"] == "0012"].drop(columns="era")
        bounds = {"single_era_rows": (0, 100)}
        path = path_of(live, [0.0, 1.0], neutralizers=["feature_x"], **bounds)
        assert len(path) == 40


class TestRecordBatch:
    """A pyarrow RecordBatch is a table like any other."""

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=names(ESTIMATORS))
    def test_comes_out_as_it_went_in(self, data, estimator):
        X, y = data
        X = X.fillna(0.0).reset_index(drop=True)
        if isinstance(estimator, StackingWeights):
            X = EraRankGauss().fit_transform(X)
        batch = pa.RecordBatch.from_pandas(X, preserve_index=False)
        expected = estimator.fit(X, y.to_numpy()).transform(X)
        found = estimator.fit(batch, y.to_numpy()).transform(batch)
        assert isinstance(found, pa.RecordBatch)
        pd.testing.assert_frame_equal(found.to_pandas(), expected)
        names = [name for name in expected if name in [*MODELS, "prediction"]]
        predicted = estimator.predict(batch).reshape(len(X), -1)
        np.testing.assert_array_equal(predicted, expected[names])

    def test_is_scored_and_split_as_a_table(self, data):
        X, y = data
        y = y[X.index].to_numpy()
        X = X.fillna(0.0)
        batch = pa.RecordBatch.from_pandas(X, preserve_index=False)
        pipe = make_pipeline(EraRankGauss(), WeightedEnsemble())
        assert pipe.fit(batch).score(batch, y) == pipe.fit(X).score(X, y)
        expected = pytest.approx(pipe.score(X, y), abs=1e-15)
        assert numerai_corr_scorer(pipe, batch, y) == expected
        models = batch.select(MODELS)
        scores = numerai_corr(y, models, era=batch.column("era"))
        pd.testing.assert_frame_equal(
            scores.to_pandas().set_index("era"),
            numerai_corr(y, X[MODELS], era=X["era"]),
        )
        cv = WalkForwardEraSplit(4, 1)
        np.testing.assert_array_equal(
            walk_forward_predict(pipe, batch, y, cv),
            walk_forward_predict(pipe, X, y, cv),
        )

    @pytest.mark.parametrize("output", ["pandas", "polars"])
    def test_set_output(self, data, output):
        X, _ = data
        batch = pa.RecordBatch.from_pandas(X, preserve_index=False)
        found = EraRank().set_output(transform=output).fit_transform(batch)
        assert type(found).__module__.split(".")[0] == output
