"""What a step tells of itself is enough to stream it, to scale it and to deploy it."""

import pickle

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import Lasso, SGDRegressor
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, StackingWeights, WeightedEnsemble
from skbench._steps import columns_of, gathers, learns, plan_of, steps_of
from skbench.datasets import make_benchmark_models
from skbench.deploy import export_predict
from skbench.distributed import fit, partition_by_era, transform
from skbench.streaming import fit_parquet, transform_parquet


def spread(block, exponent):
    """Centre each column of an era, and raise it to a power that keeps the sign."""
    centred = block - block.mean(axis=1, keepdims=True)
    return np.sign(centred) * np.abs(centred) ** exponent


class EraSpread(TransformerMixin, BaseEstimator):
    """A step as a user may write one: it looks at one era at a time."""

    def __init__(self, columns, exponent=1.5, era="era"):
        self.columns = columns
        self.exponent = exponent
        self.era = era

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        out = X.copy()
        for rows in X.groupby(self.era, sort=False).indices.values():
            block = X[self.columns].to_numpy()[rows].T
            out.iloc[rows, X.columns.get_indexer(self.columns)] = spread(
                block, self.exponent
            ).T
        return out

    def predict(self, X):
        return self.transform(X)[self.columns[0]].to_numpy()

    def era_plan(self):
        return {
            "kind": "own",
            "function": spread,
            "options": {"exponent": self.exponent},
            "reads": [list(self.columns)],
            "makes": {name: [name] for name in self.columns},
            "drops": [],
            "era": self.era,
            "single_era_rows": (1800, 10000),
        }


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(12, 60, 3, 4, random_state=4)


@pytest.fixture
def path(data, tmp_path):
    data.frame.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def of_five(middle):
    return make_pipeline(
        EraRankGauss(), middle, EraSpread(["prediction"]), EraRank("prediction")
    )


def test_a_step_of_ones_own_reads_what_it_says(data, path, tmp_path, monkeypatch):
    pipeline = of_five(WeightedEnsemble()).fit(data.frame)
    read, made = columns_of(steps_of(pipeline))
    assert (read[:3], set(made)) == (data.models, {*data.models, "prediction"})
    seen = []
    own = EraSpread.transform
    monkeypatch.setattr(
        EraSpread, "transform", lambda step, X: seen.append(list(X)) or own(step, X)
    )
    transform_parquet(pipeline, path, tmp_path / "out.parquet", batch_rows=1)
    assert {tuple(names) for names in seen} == {("era", "data_type", "prediction")}


def test_a_step_of_ones_own_streams(data, path, tmp_path):
    pipeline = of_five(WeightedEnsemble()).fit(data.frame)
    transform_parquet(pipeline, path, tmp_path / "out.parquet", batch_rows=1)
    got = pd.read_parquet(tmp_path / "out.parquet")
    assert_array_equal(got["prediction"], pipeline.predict(data.frame))


def test_weights_are_learned_behind_a_step_of_ones_own(data, path):
    pipeline = make_pipeline(EraSpread(data.models), EraRankGauss(), StackingWeights())
    expected = pipeline.fit(data.frame, data.frame["target"])[-1].weights_
    assert fit_parquet(pipeline, path, batch_rows=1)[-1].weights_ == expected
    ddf = partition_by_era(dd.from_pandas(data.frame.reset_index(), npartitions=3))
    assert fit(ddf, pipeline)[-1].weights_ == expected


def test_a_step_of_ones_own_scales(data):
    pipeline = of_five(WeightedEnsemble()).fit(data.frame)
    ddf = partition_by_era(dd.from_pandas(data.frame, npartitions=3))
    got = transform(ddf, pipeline)["prediction"].compute()
    assert_array_equal(got.loc[data.frame.index], pipeline.predict(data.frame))


def test_a_step_of_ones_own_is_deployed(data, tmp_path):
    pipeline = of_five(WeightedEnsemble()).fit(data.frame)
    with pytest.warns(UserWarning, match="function of step 'eraspread'.*as it is"):
        path = export_predict(pipeline, tmp_path / "predict.pkl")
    predict = pickle.loads(path.read_bytes())
    frame = data.frame
    got = predict(frame[["era"]], frame[data.models])
    assert_array_equal(got["prediction"], pipeline.predict(frame))


def test_what_it_makes_must_be_of_the_shape_that_it_says(data, tmp_path):
    class Wrong(EraSpread):
        def era_plan(self):
            return super().era_plan() | {"function": lambda block, exponent: block[0]}

    pipeline = make_pipeline(
        WeightedEnsemble(), Wrong(["prediction"]), EraRank("prediction")
    ).fit(data.frame)
    with pytest.warns(UserWarning, match="as it is"):
        path = export_predict(pipeline, tmp_path / "predict.pkl")
    predict = pickle.loads(path.read_bytes())
    with pytest.raises(ValueError, match=r"must make an array of shape \(1, \d+\)"):
        predict(data.frame[["era"]], data.frame[data.models])


def to_power(block, power):
    """Take the power from a tuple, the values of a dict or an array."""
    if isinstance(power, list):
        raise TypeError("a tuple was made a list")
    return block ** (power[1] if isinstance(power, tuple | dict) else power)


@pytest.mark.parametrize(
    "power", [(2, 3), {1: 3}, np.array([[3.0]]), np.int64(3)], ids=str
)
def test_options_of_a_function_are_deployed_as_they_are(data, tmp_path, power):
    class Powered(EraSpread):
        def transform(self, X):
            return X.assign(prediction=X["prediction"] ** 3)

        def era_plan(self):
            own = {"function": to_power, "options": {"power": power}}
            return super().era_plan() | own

    pipeline = make_pipeline(
        WeightedEnsemble(), Powered(["prediction"]), EraRank("prediction")
    ).fit(data.frame)
    with pytest.warns(UserWarning, match="as it is"):
        path = export_predict(pipeline, tmp_path / "predict.pkl")
    got = pickle.loads(path.read_bytes())(data.frame[["era"]], data.frame[data.models])
    assert_array_equal(got["prediction"], pipeline.predict(data.frame))


def centre_in_place(block, exponent):
    block -= block.mean(axis=1, keepdims=True)
    return block


def test_a_function_may_work_in_place(data, tmp_path):
    class InPlace(EraSpread):
        def era_plan(self):
            return super().era_plan() | {"function": centre_in_place}

    model = data.models[0]
    pipeline = make_pipeline(InPlace([model], exponent=1), EraRank(model))
    pipeline.fit(data.frame)
    # As a feature, it is read from the frame as it is.
    with pytest.warns(UserWarning, match="as it is"):
        path = export_predict(
            pipeline, tmp_path / "predict.pkl", feature_columns=[model]
        )
    live = data.frame[["era", model]]
    before = live.copy()
    got = pickle.loads(path.read_bytes())(live)
    assert_array_equal(got["prediction"], pipeline.predict(data.frame))
    pd.testing.assert_frame_equal(live, before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"reads": ["prediction"]}, r"in blocks.*it reads \['prediction'\]"),
        ({"makes": ["prediction"]}, r"in blocks.*and makes \['prediction'\]"),
        ({"makes": {"prediction": "prediction"}}, "in blocks"),
        ({"drops": None}, "it lacks 'drops'"),
        ({"options": None}, "it lacks 'options'"),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_read_is_refused(data, path, tmp_path, changed, message):
    class Odd(EraSpread):
        def era_plan(self):
            plan = super().era_plan() | changed
            return {key: value for key, value in plan.items() if value is not None}

    pipeline = make_pipeline(
        WeightedEnsemble(), Odd(["prediction"]), EraRank("prediction")
    ).fit(data.frame)
    with pytest.raises(ValueError, match=f"the `era_plan` of Odd must.*{message}"):
        export_predict(pipeline, tmp_path / "predict.pkl")
    with pytest.raises(ValueError, match=f"the `era_plan` of Odd must.*{message}"):
        transform_parquet(pipeline, path, tmp_path / "out.parquet")


def test_a_plan_of_an_unknown_kind_is_refused(data, tmp_path):
    class Unknown(EraSpread):
        def era_plan(self):
            return super().era_plan() | {"kind": "cluster"}

    pipeline = make_pipeline(
        WeightedEnsemble(), Unknown(["prediction"]), EraRank("prediction")
    ).fit(data.frame)
    with pytest.raises(ValueError, match=r"must be of the kind 'rank'.*got 'cluster'"):
        export_predict(pipeline, tmp_path / "predict.pkl")


class Shifted(EraRank):
    """Has a transform of its own, which its plan knows nothing of."""

    def transform(self, X):
        out = super().transform(X)
        return out.assign(**{name: out[name] / 2 for name in self.columns_})


def test_a_transform_of_its_own_is_run(data, path, tmp_path):
    step = Shifted(data.models).fit(data.frame)
    assert plan_of(step) is None
    assert plan_of(EraRank(data.models).fit(data.frame)) is not None
    transform_parquet(step, path, tmp_path / "out.parquet", batch_rows=1)
    got = pd.read_parquet(tmp_path / "out.parquet")
    expected = step.transform(data.frame)[data.models]
    pd.testing.assert_frame_equal(got[data.models], expected)


class FittedItsOwnWay(StackingWeights):
    def fit(self, X, y):
        super().fit(X, y)
        self.weights_ = dict.fromkeys(self.weights_, 0.5)
        return self


class LearnsItsOwnWay(FittedItsOwnWay):
    def partial_fit(self, X, y):
        super().partial_fit(X, y)
        self.seen_ = [*getattr(self, "seen_", []), *X["era"].unique()]
        return self


def test_a_fit_of_its_own_is_not_passed_by(data, path):
    assert gathers(StackingWeights())
    assert not gathers(FittedItsOwnWay())
    with pytest.raises(
        ValueError, match="FittedItsOwnWay can only learn from all rows"
    ):
        fit_parquet(make_pipeline(EraRankGauss(), FittedItsOwnWay()), path)
    learner = make_pipeline(EraRankGauss(), LearnsItsOwnWay())
    fitted = fit_parquet(learner, path, batch_rows=1)[-1]
    assert fitted.seen_ == list(data.frame["era"].unique())
    ddf = dd.from_pandas(data.frame, npartitions=1)
    with pytest.raises(TypeError, match="LearnsItsOwnWay learns from the rows"):
        fit(ddf, make_pipeline(EraRankGauss(), LearnsItsOwnWay()))


def test_what_others_learn_batch_by_batch():
    assert learns(SGDRegressor())
    assert not learns(EraSpread(["a"]))
    with pytest.raises(ValueError, match="SelectFromModel can only learn from all"):
        learns(SelectFromModel(Lasso()))  # has partial_fit where its model has it


class SharpeWeights(StackingWeights):
    def __init__(self, columns=None, era="era"):
        super().__init__("sharpe", columns=columns, era=era)


def test_a_learner_may_fix_parameters(data):
    gauss, y = EraRankGauss().fit_transform(data.frame), data.frame["target"]
    own, expected = SharpeWeights().fit(gauss, y), StackingWeights("sharpe")
    assert own.weights_ == expected.fit(gauss, y).weights_
    assert own.train_score_ == expected.train_score_


def test_a_plan_needs_a_fitted_step():
    with pytest.raises(NotFittedError):
        EraRank().era_plan()
    with pytest.raises(NotFittedError):
        StackingWeights().era_plan()


def test_a_plan_needs_valid_parameters(data):
    step = EraRank(data.models).fit(data.frame).set_params(single_era_rows=5)
    with pytest.raises(ValueError, match="`single_era_rows` must be two numbers"):
        step.era_plan()


def test_gathered_parts_make_the_weights_of_the_whole(data):
    frame, y = data.frame, data.frame["target"]
    gauss = EraRankGauss().fit_transform(frame)
    whole = StackingWeights().fit(gauss, y)
    early = frame["era"] < "0006"
    first, second = (
        StackingWeights().gather(gauss[rows], y[rows]) for rows in (early, ~early)
    )
    assert not hasattr(first, "weights_")
    assert first.gathered_columns() == [*data.models, "numerai_meta_model"]
    assert first.absorb(second).finish().weights_ == whole.weights_
    assert first.n_eras_ == whole.n_eras_
    with pytest.raises(ValueError, match="is held already"):
        first.absorb(second)
    assert first.weights_ == whole.weights_  # as it was
    later = first.gather(gauss[early], y[early])
    assert list(later.era_statistics_["era"]) == sorted(frame["era"][early].unique())
    with pytest.raises(NotFittedError):
        StackingWeights().absorb(first)
