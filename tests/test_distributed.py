"""Dask: what partitions of whole eras give is what all rows in memory give."""

import logging
import os
import signal
import time
import warnings
from threading import Thread

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import assert_weights
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench import model_selection as in_memory
from skbench.metrics import score_models
from skbench.model_selection import WalkForwardEraSplit

dd = pytest.importorskip("dask.dataframe", reason="needs the extra `dask`")
distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")
from skbench.distributed import (  # noqa: E402
    backtest,
    fit,
    partition_by_era,
    score,
    transform,
)

MODELS = ["a", "b", "c"]


def tournament(n_eras=24, n_rows=60, seed=0):
    rng = np.random.default_rng(seed)
    n = n_eras * n_rows
    frame = pd.DataFrame({"era": np.repeat(np.arange(1, n_eras + 1), n_rows)})
    F = rng.integers(0, 5, (n, 5))
    for i, feature in enumerate(F.T.astype(np.int8)):
        frame[f"feature_{i}"] = feature
    frame["target"] = rng.integers(0, 5, n) / 4
    for i, name in enumerate(MODELS):
        frame[name] = (i * frame["target"] + 0.3 * F[:, 0] + rng.normal(size=n)).round(
            2
        )
    frame["numerai_meta_model"] = frame[MODELS].mean(axis=1)
    frame.loc[rng.random(n) < 0.05, "b"] = np.nan
    frame.loc[frame["era"] == n_eras, "target"] = np.nan
    frame["era"] = frame["era"].map("{:04d}".format)
    frame.index = pd.Index([f"n{i:05d}" for i in range(n)], name="id")
    return frame


FRAME = tournament()
# Eras have 60 rows: cut at multiples of that.
CUTS = [f"n{i:05d}" for i in (0, 240, 300, 900)] + [FRAME.index[-1]]
PIPELINE = make_pipeline(
    EraRankGauss(),
    StackingWeights(
        nan_policy="omit",
        shrinkage="auto",
        horizon=2,
    ),
    EraRankGauss(),
    FeatureNeutralizer(proportion=0.5),
)
FITTED = clone(PIPELINE).fit(FRAME, FRAME["target"])
BLEND = make_pipeline(EraRankGauss(), WeightedEnsemble({"a": 0.2, "c": 0.8}), EraRank())
BLEND.fit(FRAME)
FEATURES = [name for name in FRAME if name.startswith("feature")]
SPLIT = WalkForwardEraSplit(6, 2)
CANDIDATES = {
    "learned": clone(PIPELINE).set_params(stackingweights__shrinkage=0.1),
    "bayes": clone(PIPELINE).set_params(stackingweights__shrinkage="bayes"),
    "quarter": clone(PIPELINE).set_params(
        stackingweights__shrinkage=0.1, featureneutralizer__proportion=0.25
    ),
    "payout": make_pipeline(
        EraRankGauss(),
        StackingWeights(
            "payout",
            payout={"corr": 0.5, "contribution": 2.0},
            nan_policy="omit",
            horizon=2,
        ),
    ),
    "given": BLEND,
}


def whole(frame=FRAME):
    """Partitions of 4, 1, 10 and 9 eras."""
    return dd.from_pandas(frame, npartitions=1).repartition(divisions=CUTS)


def divided(frame=FRAME):
    """Partitions that divide eras."""
    return dd.from_pandas(frame, npartitions=7)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start two processes, without what they log while they come and go."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    made = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",  # any free port: other workers of pytest have theirs
        local_directory=tmp_path_factory.mktemp("dask"),
        silence_logs=logging.CRITICAL,
    )
    with made, distributed.Client(made) as client:
        client.wait_for_workers(2)
        yield client


def wait_for_both(client):
    """Wait for the process that takes the place of a killed one.

    On a busy machine its guard may give it up; then both are started anew.
    """
    try:
        client.wait_for_workers(2, timeout=30)
    except TimeoutError:
        client.cluster.scale(0)
        client.cluster.scale(2)
        client.wait_for_workers(2, timeout=120)


def assert_frames(got, expected, atol=1e-12):
    got = got.loc[expected.index]  # Dask has strings of its own, and an order
    assert list(got) == list(expected)
    assert got["era"].tolist() == expected["era"].tolist()
    assert got["prediction"].dtype == expected["prediction"].dtype
    np.testing.assert_allclose(
        got["prediction"], expected["prediction"], rtol=0, atol=atol
    )


def scored(frame=FRAME, models=MODELS):
    """Score in one process by all there is."""
    return score_models(
        frame["target"],
        frame[models],
        era=frame["era"],
        meta_model=frame["numerai_meta_model"],
        benchmark="a",
        features=frame[FEATURES],
    )


def walked(frame=FRAME):
    return in_memory.backtest(CANDIDATES, frame, frame["target"], SPLIT)


def assert_scores(got, expected, atol=1e-12):
    assert list(got) == list(expected)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(got[name], table, rtol=0, atol=atol)


def assert_backtests(got, expected, atol=1e-12):
    assert_scores(got.scores, expected.scores, atol)
    assert_scores(got.weights, expected.weights, atol)
    assert_scores({"": got.exposures}, {"": expected.exposures}, atol)
    for name in ("rivals", "curves", "horizon", "confidence"):
        assert getattr(got, name) == getattr(expected, name)
    assert got.predictions is None
    assert got.verdict() == expected.verdict()
    assert list(got.pipelines) == list(expected.pipelines)
    for name, pipeline in expected.pipelines.items():
        for own, other in zip(got.pipelines[name], pipeline, strict=True):
            assert type(own) is type(other)
            assert own.feature_names_in_.tolist() == other.feature_names_in_.tolist()
            assert own.n_features_in_ == other.n_features_in_
            if isinstance(other, StackingWeights):
                assert own.eras_.tolist() == other.eras_.tolist()
                assert (own.horizon_, own._target) == (other.horizon_, other._target)
                assert list(own.weights_) == list(other.weights_)
                np.testing.assert_allclose(
                    [*own.weights_.values()],
                    [*other.weights_.values()],
                    rtol=0,
                    atol=atol,
                )


EXPECTED = walked()
KINDS = {
    "strings": lambda X: X,
    "integers": lambda X: X.assign(era=X["era"].astype(int)),
    "categories": lambda X: X.astype({"era": "category"}),
    "float32": lambda X: X.astype(dict.fromkeys(MODELS, np.float32)),
}


@pytest.fixture
def synchronous():
    import dask

    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.usefixtures("synchronous")
class TestInThisProcess:
    """The synchronous scheduler runs the same tasks."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_transform(self, kind):
        frame = KINDS[kind](FRAME)
        for pipeline in (FITTED, BLEND):
            out = transform(whole(frame), pipeline)
            expected = pipeline.transform(frame)
            assert list(out.columns) == list(expected)
            assert out.dtypes["prediction"] == expected.dtypes["prediction"]
            got = out.compute()
            assert_frames(got, expected)
            if pipeline is BLEND:
                np.testing.assert_array_equal(got["prediction"], expected["prediction"])

    @pytest.mark.parametrize("kind", KINDS)
    def test_fit(self, kind):
        frame = KINDS[kind](FRAME)
        pipeline = clone(PIPELINE)
        expected = clone(PIPELINE).fit(frame, frame["target"])
        assert fit(whole(frame), pipeline) is pipeline
        assert_weights(pipeline[1], expected[1])
        assert_frames(
            transform(whole(frame), pipeline).compute(), expected.transform(frame)
        )

    @pytest.mark.parametrize("kind", KINDS)
    def test_score(self, kind):
        frame = KINDS[kind](FRAME)
        got = score(whole(frame), benchmark="a", features=FEATURES)
        assert list(got) == ["corr", "mmc", "bmc", "fnc"]
        assert_scores(got, scored(frame))

    def test_a_payout_by_any_words(self):
        payout = {"numerai_corr": 3.0, "mmc60": 15.0}
        got = score(whole(), payout=payout)
        expected = 3 * got["corr"] + 15 * got["mmc"]
        pd.testing.assert_frame_equal(got["payout"], expected)
        found = backtest(whole(), CANDIDATES, cv=SPLIT, payout=payout)
        assert found.payout == {"corr": 3.0, "contribution": 15.0}

    @pytest.mark.parametrize("kind", KINDS)
    def test_backtest(self, kind):
        frame = KINDS[kind](FRAME)
        got = backtest(whole(frame), CANDIDATES, cv=SPLIT)
        assert list(got.scores) == ["corr", "mmc", "payout"]
        assert got.scores["corr"]["learned"].notna().sum() > 10
        assert_backtests(got, walked(frame))

    def test_candidates_that_no_window_is_enough_for_are_warned_of(self):
        frame = FRAME.copy()
        first = sorted(frame["era"].unique())[-3]
        frame.loc[frame["era"] < first, "numerai_meta_model"] = np.nan
        with pytest.warns(UserWarning, match="'payout' is left out: no window has two"):
            got = backtest(whole(frame), CANDIDATES, cv=SPLIT)
        assert "payout" not in got.pipelines

    def test_scores_of_some_models_under_other_names(self):
        renamed = {"era": "week", "target": "goal", "numerai_meta_model": "meta"}
        ddf = whole(FRAME.rename(columns=renamed))
        names = {"y": "goal", "era": "week", "meta_model": "meta"}
        got = score(ddf, ["c", "a"], **names, benchmark="a", features=FEATURES)
        assert_scores(got, scored(models=["c", "a"]))
        assert_scores(
            score(ddf, "c", y="goal", era="week"), {"corr": got["corr"][["c"]]}
        )

    def test_one_candidate_that_learns_nothing(self):
        got = backtest(whole(), BLEND, horizon=3, confidence=0.9)
        target = FRAME["target"]
        expected = in_memory.backtest(BLEND, FRAME, target, horizon=3, confidence=0.9)
        assert got.weights == {}
        assert_backtests(got, expected)

    def test_shuffled_eras_are_put_in_order(self):
        """Of partitions by hash, which hold eras from all times."""
        ddf = partition_by_era(divided(), "era", 3)
        order = ddf["era"].compute().unique().tolist()
        assert order != sorted(order)
        got = score(ddf, benchmark="a", features=FEATURES)
        assert got["corr"].index.tolist() == sorted(order)
        # Rows of an era come in another order, so sums of them round otherwise.
        assert_scores(got, scored(), 1e-9)
        assert_backtests(backtest(ddf, CANDIDATES, cv=SPLIT), EXPECTED, 1e-7)

    def test_shuffled_rows_are_put_together(self):
        frame = FRAME.sample(frac=1, random_state=0)
        ddf = partition_by_era(
            dd.from_pandas(frame, npartitions=5, sort=False), "era", 3
        )
        assert ddf.npartitions == 3
        per_part = ddf["era"].map_partitions(lambda eras: eras.nunique())
        assert per_part.compute().sum() == 24
        pipeline = fit(ddf, clone(PIPELINE))
        # Rows of an era come in another order, so sums of them round otherwise.
        assert_weights(pipeline[1], FITTED[1], 1e-7)
        got = transform(ddf, BLEND).compute()
        assert_frames(got, BLEND.transform(FRAME))

    def test_nothing_is_computed_until_asked(self):
        def refuse(frame):
            raise AssertionError("rows were computed")

        lazy = whole().map_partitions(refuse, meta=FRAME.iloc[:0])
        out = transform(partition_by_era(lazy), FITTED)
        assert list(out.columns) == list(FITTED.transform(FRAME[:60]))
        with pytest.raises(AssertionError, match="rows were computed"):
            out.compute()

    def test_partitions_without_rows(self):
        ddf = dd.from_delayed(
            [
                _delayed(FRAME.iloc[:0]),
                _delayed(FRAME.iloc[:720]),
                _delayed(FRAME.iloc[:0]),
                _delayed(FRAME.iloc[720:]),
            ],
            meta=FRAME.iloc[:0],
        )
        assert_frames(transform(ddf, FITTED).compute(), FITTED.transform(FRAME))
        assert_weights(fit(ddf, clone(PIPELINE))[1], FITTED[1])
        assert_scores(score(ddf, benchmark="a", features=FEATURES), scored())
        assert_backtests(backtest(ddf, CANDIDATES, cv=SPLIT), EXPECTED)

    def test_partitions_without_targets(self):
        frame = FRAME.assign(target=FRAME["target"].mask(FRAME["era"] == "0005"))
        ddf = whole(frame)  # of which the second partition is that era alone
        assert ddf.partitions[1]["target"].count().compute() == 0
        assert_scores(score(ddf, benchmark="a", features=FEATURES), scored(frame))
        got = backtest(ddf, CANDIDATES, cv=SPLIT)
        assert_backtests(got, walked(frame))

    def test_the_alias_is_what_it_is_in_all_rows(self):
        """In rows without targets all targets are alike; of others it may be two."""
        late, two = FRAME["era"] > "0020", FRAME["era"] <= "0005"
        frame = FRAME.assign(
            target=FRAME["target"].mask(late),
            target_x_60=(1 - FRAME["target"]).where(two, FRAME["target"]).mask(late),
            target_y_20=FRAME["target"].mask(late),
            target_z_20=FRAME["target"].where(~two, 0.5).mask(late),
        )
        first = frame[frame["era"].isin(["0021", "0022"])]
        ddf = dd.from_delayed(
            [_delayed(first), *map(_delayed, whole_parts(frame.drop(first.index)))],
            meta=frame.iloc[:0],
        )
        learner = make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes"))
        assert fit(ddf, clone(learner))[1]._target == "target_y_20"
        y = frame["target"]
        expected = clone(learner).fit(frame, y)[1]
        assert (expected._target, expected.horizon_) == ("target_y_20", 5)
        got = backtest(ddf, learner, cv=WalkForwardEraSplit(14, 4))
        assert got.horizon == 5
        assert got.pipelines["candidate"][1]._target == "target_y_20"
        cv = WalkForwardEraSplit(14, 4)
        assert_backtests(got, in_memory.backtest(learner, frame, y, cv))

    def test_only_what_is_used_is_read(self, tmp_path, monkeypatch):
        from skbench.distributed import _merge

        FRAME.assign(d=FRAME["a"], target_w_20=0.5).to_parquet(tmp_path / "0.parquet")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as above
            ddf = dd.read_parquet(tmp_path)
        seen = []

        def watched(frame, work):
            seen.append(set(frame.columns))
            return work(frame)

        monkeypatch.setattr(_merge, "_of_rows", watched)
        score(ddf, ["a", "b"], features=FEATURES[:1])
        models = {"era", "target", "a", "b"}
        assert seen.pop() == models | {"numerai_meta_model", FEATURES[0]}
        pipeline = make_pipeline(
            EraRankGauss(columns=["a", "b"]),
            StackingWeights(columns=["a", "b"], horizon=2, meta_model="c"),
            FeatureNeutralizer(FEATURES[1:3], columns="prediction"),
        )
        backtest(ddf, pipeline, cv=SPLIT, meta_model="d")
        alias, learning, scoring = seen
        assert alias == {"target", "target_w_20"}
        assert learning == models | {"c"}
        assert scoring == models | {"d", *FEATURES[1:3]}

    def test_tasks_share_what_is_walked(self):
        """The graph holds it once, and without the moments."""
        import cloudpickle
        import dask

        graphs = []

        def schedule(graph, keys, **options):
            tasks = graph.__dask_graph__().values()
            graphs.append([cloudpickle.dumps(task) for task in tasks])
            return dask.get(graph, keys, **options)

        with dask.config.set(scheduler=schedule):
            backtest(whole(), CANDIDATES, cv=SPLIT)
        assert len(graphs) == 2
        for graph in graphs:
            assert sum(b"model_selection._walk" in task for task in graph) == 1
            assert not any(b"era_statistics_" in task for task in graph)

    def test_no_rows(self):
        ddf = dd.from_pandas(FRAME.iloc[:0], npartitions=1)
        assert len(transform(ddf, BLEND).compute()) == 0
        with pytest.raises(ValueError, match="`ddf` holds no rows to learn from"):
            fit(ddf, clone(PIPELINE))
        for call in (
            lambda: score(ddf),
            lambda: backtest(ddf, PIPELINE),
            lambda: backtest(ddf, BLEND),
        ):
            with pytest.raises(ValueError, match="`ddf` holds no rows"):
                call()

    def test_from_parquet(self, tmp_path):
        for i, rows in enumerate((FRAME[:600], FRAME[600:])):
            rows.to_parquet(tmp_path / f"{i}.parquet")
        with warnings.catch_warnings():
            # Dask calls pandas in a way that pandas 3.1 is about to drop.
            warnings.simplefilter("ignore")
            ddf = dd.read_parquet(tmp_path)
        pipeline = fit(ddf, clone(PIPELINE))
        assert_weights(pipeline[1], FITTED[1])
        assert_frames(transform(ddf, pipeline).compute(), FITTED.transform(FRAME))

    def test_the_callers_pipeline_and_rows_stay_as_they_are(self):
        before = FRAME.copy(deep=True)
        learned = dict(FITTED[1].weights_)
        transform(whole(), FITTED).compute()
        assert FITTED[1].weights_ == learned
        pd.testing.assert_frame_equal(FRAME, before)

    def test_merging_changes_no_task(self):
        """A task whose input was changed in place would see its eras twice."""
        ddf = whole()
        first, second = (fit(ddf, clone(PIPELINE)) for _ in range(2))
        assert first[1].weights_ == second[1].weights_

    def test_two_steps_that_learn(self):
        pipeline = make_pipeline(
            EraRankGauss(),
            StackingWeights(columns=["a", "b"], output="ab"),
            EraRankGauss(),
            StackingWeights(columns=["ab", "c"]),
        )
        expected = clone(pipeline).fit(FRAME, FRAME["target"])
        got = fit(whole(), pipeline)
        for k in (1, 3):
            np.testing.assert_allclose(
                [*got[k].weights_.values()],
                [*expected[k].weights_.values()],
                rtol=0,
                atol=1e-12,
            )


def whole_parts(frame):
    """Rows in three parts of whole eras."""
    labels = np.array_split(frame["era"].unique(), 3)
    return [frame[frame["era"].isin(part)] for part in labels]


def _delayed(frame):
    from dask.delayed import delayed

    return delayed(frame)


def test_threads():
    """Dask's default: tasks share this process and its warning filters."""
    filters = warnings.filters[:]
    for _ in range(2):
        assert_weights(fit(whole(), clone(PIPELINE))[1], FITTED[1])
        assert_frames(transform(whole(), FITTED).compute(), FITTED.transform(FRAME))
        assert_scores(score(whole(), benchmark="a", features=FEATURES), scored())
        assert_backtests(backtest(whole(), CANDIDATES, cv=SPLIT), EXPECTED)
    assert warnings.filters == filters


def test_warnings_are_those_of_the_whole():
    frame = FRAME.assign(a=FRAME["a"].mask(FRAME["era"] <= "0005", 0.5))
    fit(whole(frame), clone(PIPELINE))
    with pytest.warns(UserWarning, match="'a' constant or missing throughout"):
        fit(whole(FRAME.assign(a=0.5)), clone(PIPELINE))


@pytest.mark.usefixtures("synchronous")
class TestErrors:
    def test_eras_in_several_partitions(self):
        message = "a partition must hold whole eras, but '00.*partition_by_era first"
        out = transform(divided(), BLEND)
        with pytest.raises(ValueError, match=message):
            out.compute()
        pipeline = clone(PIPELINE)
        with pytest.raises(ValueError, match=message):
            fit(divided(), pipeline)
        assert not hasattr(pipeline[0], "columns_")
        assert not hasattr(pipeline[1], "weights_")
        for call in (
            lambda: score(divided()),
            lambda: backtest(divided(), pipeline, cv=SPLIT),
            lambda: backtest(divided(), BLEND),
        ):
            with pytest.raises(ValueError, match=message):
                call()

    def test_frames(self):
        for function in (transform, fit, score, backtest):
            with pytest.raises(
                TypeError, match=r"must be a Dask DataFrame .* got DataF"
            ):
                function(FRAME, clone(PIPELINE))
        with pytest.raises(TypeError, match="must be a Dask DataFrame"):
            partition_by_era(FRAME)

    def test_columns(self):
        without = whole(FRAME.drop(columns="era"))
        for call in (
            lambda: transform(without, FITTED),
            lambda: fit(without, clone(PIPELINE)),
            lambda: partition_by_era(without),
            lambda: score(without),
            lambda: backtest(without, PIPELINE),
        ):
            with pytest.raises(ValueError, match="`ddf` lacks 'era'"):
                call()
        with pytest.raises(ValueError, match="`ddf` lacks 'target_z', the"):
            fit(whole(), clone(PIPELINE), "target_z")
        with pytest.raises(ValueError, match="lacks 'c', which EraRankGauss uses"):
            transform(whole(FRAME.drop(columns="c")), FITTED)

    def test_what_cannot_be_used_is_refused_before_there_is_work(self):
        def refuse(frame):
            raise AssertionError("rows were computed")

        more = FRAME.assign(word="a", target_w_20=0.5)
        lazy = whole(more).map_partitions(refuse, meta=more.iloc[:0])
        blend = make_pipeline(EraRankGauss(), StackingWeights(columns=["a", "d"]))
        far = make_pipeline(StackingWeights(), FeatureNeutralizer(["feature_9"]))
        for said, call in {
            "`ddf` lacks 'd', named in `models`": lambda: score(lazy, ["a", "d"]),
            "`ddf` lacks 'f', named in `features`": lambda: score(lazy, features="f"),
            "; did you mean 'target'.": lambda: score(lazy, y="targe"),
            "`ddf` lacks 'm', named in `meta_m": lambda: score(lazy, meta_model="m"),
            "`models` must be names .* got 5": lambda: score(lazy, 5),
            "`models` must be names .* got ..$": lambda: score(lazy, []),
            "`benchmark` must be one .* got 'd'": lambda: score(lazy, benchmark="d"),
            "column 'word' must hold numbers": lambda: score(lazy, ["word"]),
            "`ddf` lacks 't', the eras and": lambda: backtest(lazy, PIPELINE, "t"),
            "lacks 'm', named": lambda: backtest(lazy, PIPELINE, meta_model="m"),
            "`cv` must be a W.*got 5": lambda: backtest(lazy, PIPELINE, cv=5),
            "`payout` must map": lambda: backtest(lazy, PIPELINE, payout={"a": 1}),
            "`confidence` must": lambda: backtest(lazy, PIPELINE, confidence=2),
            "`candidates` must hold at least": lambda: backtest(lazy, {}),
            "`columns` names 'd'": lambda: backtest(lazy, blend),
            "`neutralizers` names 'feature_9'": lambda: backtest(lazy, far),
            "one step that blends": lambda: backtest(lazy, EraRank()),
        }.items():
            with pytest.raises(ValueError, match=said):
                call()

    def test_steps(self):
        scaled = make_pipeline(StandardScaler(), EraRank())
        with pytest.raises(
            TypeError, match=r"StandardScaler learns .* cannot be merged"
        ):
            fit(whole(), scaled)
        with pytest.raises(ValueError, match="`shrinkage` must be between 0 and 1"):
            fit(whole(), make_pipeline(EraRankGauss(), StackingWeights(shrinkage=2)))
        polars = clone(BLEND).fit(FRAME).set_output(transform="polars")
        with pytest.raises(TypeError, match="set_output"):
            transform(whole(), polars)


class Watched(TransformerMixin, BaseEstimator):
    """Passes rows on, leaves a note of where, and takes its time."""

    def __init__(self, folder=None, seconds=0.0):
        self.folder = folder
        self.seconds = seconds

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        # What is made up to learn the columns has one row.
        if len(X) > 1:
            name = f"{X['era'].iloc[0]}.{os.getpid()}.{time.monotonic_ns()}"
            (self.folder / name).touch()
            time.sleep(self.seconds)
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class TestCluster:
    def test_fit_and_transform(self, cluster):
        ddf = partition_by_era(divided())
        pipeline = fit(ddf, clone(PIPELINE))
        got = transform(ddf, pipeline).compute()
        # The shuffle may change the order of rows within an era, and so the rounding.
        expected = clone(PIPELINE).fit(FRAME, FRAME["target"])
        assert_weights(pipeline[1], expected[1], 1e-7)
        assert_frames(got, pipeline.transform(FRAME), 1e-9)

    def test_whole_eras_to_the_last_digits(self, cluster):
        pipeline = fit(whole(), clone(PIPELINE))
        assert_weights(pipeline[1], FITTED[1])
        assert_frames(transform(whole(), pipeline).compute(), FITTED.transform(FRAME))

    def test_scores_to_the_last_digits(self, cluster):
        assert_scores(score(whole(), benchmark="a", features=FEATURES), scored())
        assert_backtests(backtest(whole(), CANDIDATES, cv=SPLIT), EXPECTED)

    @pytest.mark.filterwarnings("ignore:.* is left out:UserWarning")
    def test_a_candidate_without_a_window(self, cluster):
        far = make_pipeline(EraRankGauss(), StackingWeights(nan_policy="omit"))
        candidates = {**CANDIDATES, "far": far}
        expected = in_memory.backtest(candidates, FRAME, FRAME["target"], SPLIT)
        assert expected.scores["corr"].get("far", pd.Series()).notna().sum() == 0
        assert_backtests(backtest(whole(), candidates, cv=SPLIT), expected)

    @pytest.mark.parametrize(
        "job",
        [
            lambda ddf: fit(ddf, make_pipeline(EraRankGauss(), StackingWeights())),
            score,
            lambda ddf: backtest(ddf, SMALL, cv=WalkForwardEraSplit(3, 1)),
        ],
        ids=["fit", "score", "backtest"],
    )
    def test_the_scheduler_never_holds_rows(self, cluster, job):
        """What comes back is moments and scores: far less than the rows."""
        large = tournament(6, 4000).astype({"target": float})
        ddf = dd.from_delayed(
            [
                cluster.submit(_era, large.iloc[i : i + 8000])
                for i in range(0, len(large), 8000)
            ],
            meta=large.iloc[:0],
        )
        sent = []
        gather = cluster._gather

        async def counted(*args, **kwargs):
            result = await gather(*args, **kwargs)
            sent.append(len(joblib.hash(result)) and _size(result))
            return result

        cluster._gather = counted
        try:
            job(ddf)
        finally:
            del cluster._gather
        assert sent
        assert sum(sent) < 0.02 * _size(large)

    def test_a_worker_that_is_killed_changes_nothing(self, cluster, tmp_path):
        watched = make_pipeline(Watched(tmp_path, 0.3), *clone(BLEND)).fit(FRAME)
        for note in tmp_path.iterdir():
            note.unlink()  # of this process
        ddf = dd.from_pandas(FRAME, npartitions=1).repartition(
            divisions=[*FRAME.index[::240], FRAME.index[-1]]
        )
        before = set(cluster.scheduler_info()["workers"])
        future = cluster.compute(transform(ddf, watched))
        while len(seen := list(tmp_path.iterdir())) < 2:
            assert future.status == "pending"
            time.sleep(0.02)
        os.kill(int(seen[0].name.split(".")[1]), signal.SIGKILL)
        got = future.result(timeout=60)
        assert_frames(got, BLEND.transform(FRAME))
        wait_for_both(cluster)
        assert set(cluster.scheduler_info()["workers"]) != before

    @pytest.mark.parametrize(
        ("job", "n_done", "check"),
        [
            (lambda ddf: score(ddf, benchmark="a", features=FEATURES), 2,
             lambda got: assert_scores(got, scored())),
            (lambda ddf: backtest(ddf, CANDIDATES, cv=SPLIT), 2,
             lambda got: assert_backtests(got, EXPECTED)),
            (lambda ddf: backtest(ddf, CANDIDATES, cv=SPLIT), 6,
             lambda got: assert_backtests(got, EXPECTED)),
        ],
        ids=["scoring", "learning", "scoring what was learned"],
    )  # fmt: skip
    def test_a_worker_that_is_killed_midway(
        self, cluster, tmp_path, job, n_done, check
    ):
        """Of the four partitions two are done, in the first pass or in the second."""
        watched = Watched(tmp_path, 0.2)
        ddf = whole().map_partitions(watched.transform, meta=FRAME.iloc[:0])
        victim = []

        def kill():
            while len(seen := list(tmp_path.iterdir())) < n_done:
                time.sleep(0.02)
            last = max(seen, key=lambda note: int(note.name.split(".")[2]))
            victim.append(int(last.name.split(".")[1]))
            assert victim[0] != os.getpid()
            os.kill(victim[0], signal.SIGKILL)

        thread = Thread(target=kill)
        thread.start()
        got = job(ddf)
        assert victim  # it was over before the result was there
        thread.join()
        check(got)
        wait_for_both(cluster)

    def test_a_worker_that_is_killed_while_learning(self, cluster, tmp_path):
        steps = make_pipeline(Watched(tmp_path, 0.2), *clone(PIPELINE))
        victim = []

        def kill():
            while len(seen := list(tmp_path.iterdir())) < 2:
                time.sleep(0.02)
            victim.append(int(seen[0].name.split(".")[1]))
            assert victim[0] != os.getpid()
            os.kill(victim[0], signal.SIGKILL)

        thread = Thread(target=kill)
        thread.start()
        fit(whole(), steps)
        thread.join()
        assert victim
        assert_weights(steps[2], FITTED[1])
        wait_for_both(cluster)

    # Of joblib 1.5, about how Dask's backend is written.
    @pytest.mark.filterwarnings("ignore:`apply_async` is deprecated")
    @pytest.mark.parametrize("backend", ["dask", "threading", "loky"])
    def test_eras_as_jobs_of_joblib(self, cluster, backend):
        expected = FITTED.transform(FRAME)
        jobs = make_pipeline(*(clone(step) for step in FITTED))
        jobs.set_params(
            **{name: 2 for name in jobs.get_params() if name.endswith("__n_jobs")}
        )
        jobs.fit(FRAME, FRAME["target"])
        with joblib.parallel_config(backend=backend):
            got = jobs.transform(FRAME)
        pd.testing.assert_frame_equal(got, expected, check_exact=True)


# Two horizons are six eras.
SMALL = make_pipeline(EraRankGauss(), StackingWeights(horizon=1))


def _era(frame):
    return frame


def _size(value):
    import cloudpickle

    return len(cloudpickle.dumps(value))
