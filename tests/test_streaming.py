"""Streaming: what batches of whole eras give is what all rows in memory give."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from helpers import assert_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    QuantileTransformer,
    StandardScaler,
)
from strategies import ANY_VALUE, tournaments

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
    __version__,
)
from skbench.streaming import fit_parquet, sort_parquet, transform_parquet
from skbench.streaming._parts import Parts
from skbench.tournament._era_file import EraFile, _ahead
from skbench.tournament._footer import DividedFooter, read_footer
from skbench.tournament._join import Joined
from skbench.tournament._sides import Side
from skbench.tournament._source import Source

ROOT = Path(__file__).parents[1]
MODELS = ["a", "b", "c"]


def tournament(n_eras=9, n_rows=40, seed=0):
    """Eras of differing length, with gaps in a model, the reference and the targets."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(n_rows // 2, n_rows, n_eras)
    n = sizes.sum()
    frame = pd.DataFrame({"era": np.repeat(np.arange(1, n_eras + 1), sizes)})
    frame["data_type"] = "validation"
    F = rng.integers(0, 5, (n, 6))
    for i, feature in enumerate(F.T.astype(np.int8)):
        frame[f"feature_{i}"] = feature
    frame["target"] = rng.integers(0, 5, n) / 4
    for i, name in enumerate(MODELS):
        noise = rng.normal(size=n)
        frame[name] = (i * frame["target"] + 0.3 * F[:, 0] + noise).round(2)
    frame["numerai_meta_model"] = frame[MODELS].mean(axis=1)
    frame.loc[rng.random(n) < 0.05, "b"] = np.nan
    frame.loc[frame["era"] <= 2, "numerai_meta_model"] = np.nan
    frame.loc[frame["era"] == n_eras, "target"] = np.nan
    frame["era"] = frame["era"].map("{:04d}".format)
    frame.index = pd.Index([f"n{i:05d}" for i in range(n)], name="id")
    return frame


FRAME = tournament()
BLEND = make_pipeline(
    EraRankGauss(), WeightedEnsemble({"a": 0.2, "c": 0.8}), EraRank()
).fit(FRAME)
FIVE_STEPS = make_pipeline(
    EraRankGauss(),
    StackingWeights(nan_policy="omit"),
    EraRankGauss(),
    FeatureNeutralizer(proportion=0.5),
).fit(FRAME, FRAME["target"])
PIPELINES = {"blend": (BLEND, 0), "five steps": (FIVE_STEPS, 1e-9)}


def one_file(frame, folder):
    frame.to_parquet(folder / "rows.parquet", row_group_size=7)
    return folder / "rows.parquet"


def one_row_group(frame, folder):
    frame.to_parquet(folder / "rows.parquet")
    return str(folder / "rows.parquet")


def files_that_divide_eras(frame, folder):
    paths = []
    for i, start in enumerate(range(0, len(frame), 50)):
        paths.append(folder / f"{i:03d}.parquet")
        frame.iloc[start : start + 50].to_parquet(paths[-1], row_group_size=9)
    return paths


def a_folder(frame, folder):
    (folder / "part").mkdir()
    files_that_divide_eras(frame, folder / "part")
    return folder / "part"


def hive_folders(frame, folder):
    """Eras in the names of folders only; they come back as whole numbers."""
    for label, rows in frame.groupby("era", sort=False, observed=True):
        (folder / f"hive/era={label}").mkdir(parents=True)
        rows.drop(columns="era").to_parquet(folder / f"hive/era={label}/rows.parquet")
    return folder / "hive"


def a_dataset(frame, folder):
    return ds.dataset(hive_folders(frame, folder), partitioning="hive")


def written_by_polars(frame, folder):
    pl.from_pandas(frame.reset_index()).write_parquet(
        folder / "rows.parquet", row_group_size=16
    )
    return folder / "rows.parquet"


LAYOUTS = [
    one_file,
    one_row_group,
    files_that_divide_eras,
    a_folder,
    hive_folders,
    a_dataset,
    written_by_polars,
]


def with_integer_eras(frame):
    return frame.assign(era=frame["era"].astype(int))


def with_categorical_eras(frame):
    """Categories in another order than their eras, and one that does not occur."""
    labels = ["unused", *frame["era"].unique()[::-1]]
    return frame.assign(era=pd.Categorical(frame["era"], labels))


def with_float32(frame):
    return frame.astype(dict.fromkeys(MODELS, np.float32))


def with_mixed_precision(frame):
    return frame.astype({"a": np.float32})


def with_an_id_column(frame):
    return frame.reset_index()


def without_ids(frame):
    return frame.reset_index(drop=True)


def with_nullable_dtypes(frame):
    """Dtypes that pandas notes in the file, and restores when it reads it."""
    return frame.astype({"a": "Float64", "data_type": "category"})


def shuffled_within_eras(frame):
    order = np.random.default_rng(1).permutation(len(frame))
    return frame.iloc[order].sort_values("era", kind="stable")


KINDS = [
    with_integer_eras,
    with_categorical_eras,
    with_float32,
    with_mixed_precision,
    with_an_id_column,
    without_ids,
    with_nullable_dtypes,
    shuffled_within_eras,
]


def assert_same(got, expected, atol=0):
    """Compare new columns, eras and ids of what was written with those in memory."""
    kept = [name for name in ("era", "id", "data_type") if name in expected]
    new = [n for n in expected if n in [*MODELS, "prediction"]]
    assert list(got) == kept + new
    pd.testing.assert_index_equal(got.index, expected.index)
    for name in kept:
        assert got[name].tolist() == expected[name].tolist()
    assert got[new].dtypes.tolist() == expected[new].dtypes.tolist()
    expected_values = expected[new].to_numpy(np.float64, na_value=np.nan)
    values = got[new].to_numpy(np.float64, na_value=np.nan)
    np.testing.assert_allclose(values, expected_values, rtol=0, atol=atol)


class TestTransform:
    @pytest.mark.parametrize("batch_rows", [1, 60, None])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("name", PIPELINES)
    def test_layouts(self, name, layout, batch_rows, tmp_path):
        pipeline, atol = PIPELINES[name]
        source = layout(FRAME, tmp_path)
        target = tmp_path / "out.parquet"
        transform_parquet(pipeline, source, target, batch_rows=batch_rows)
        got = pd.read_parquet(target)
        expected = pipeline.transform(FRAME)
        if layout in (hive_folders, a_dataset):
            expected = with_integer_eras(expected)
        if layout is written_by_polars:
            expected = expected.reset_index()
        assert_same(got, expected, atol)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("name", PIPELINES)
    def test_kinds_of_rows(self, name, kind, tmp_path):
        pipeline, atol = PIPELINES[name]
        frame = kind(FRAME)
        transform_parquet(
            pipeline, one_file(frame, tmp_path), tmp_path / "out.parquet", batch_rows=50
        )
        got = pd.read_parquet(tmp_path / "out.parquet")
        assert_same(got, pipeline.transform(frame), atol)

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def test_any_sizes_of_eras_files_row_groups_and_batches(self, tmp_path, data):
        sizes = st.integers(1, 12)
        drawn = tournaments(ANY_VALUE, sizes=sizes, max_eras=8, mixed=False)
        frame = data.draw(drawn)
        n = len(frame)
        ends = sorted(data.draw(st.sets(st.integers(1, n))) | {n})
        paths = []
        for start, end in zip([0, *ends], ends, strict=False):
            paths.append(tmp_path / f"{start}.parquet")
            group = data.draw(st.integers(1, 12))
            frame[start:end].to_parquet(paths[-1], row_group_size=group, index=False)
        rank = EraRankGauss().fit(frame)
        batch_rows = data.draw(st.integers(1, n))
        transform_parquet(rank, paths, tmp_path / "out.parquet", batch_rows=batch_rows)
        got = pd.read_parquet(tmp_path / "out.parquet")
        expected = rank.transform(frame)[["era", *rank.columns_]]
        pd.testing.assert_frame_equal(got, expected, check_exact=True)

    def test_only_columns_in_use_are_read(self, tmp_path, monkeypatch):
        seen = []
        transform = EraRankGauss.transform
        monkeypatch.setattr(
            EraRankGauss,
            "transform",
            lambda s, X: seen.append(list(X)) or transform(s, X),
        )
        pipeline = make_pipeline(EraRankGauss(columns=["a", "c"])).fit(FRAME)
        transform_parquet(pipeline, one_file(FRAME, tmp_path), tmp_path / "out.parquet")
        assert seen == [["era", "data_type", "a", "c"]]

    def test_further_columns_are_kept_as_they_are(self, tmp_path):
        target = tmp_path / "out.parquet"
        columns = ["feature_2", "target", "a"]
        transform_parquet(BLEND, one_file(FRAME, tmp_path), target, columns=columns)
        got = pd.read_parquet(target)
        pd.testing.assert_frame_equal(got[columns], FRAME[columns], check_exact=True)
        assert list(got) == ["era", "data_type", *columns, "prediction"]
        transform_parquet(BLEND, one_file(FRAME, tmp_path), target, columns="target")
        assert "target" in pq.read_schema(target).names

    def test_what_the_pipeline_makes_goes_before_what_is_kept(self, tmp_path):
        rank = EraRank(["a"]).fit(FRAME)
        target = tmp_path / "out.parquet"
        transform_parquet(rank, one_file(FRAME, tmp_path), target, columns=["a"])
        expected = rank.transform(FRAME)
        pd.testing.assert_series_equal(pd.read_parquet(target)["a"], expected["a"])

    def test_a_kept_column_without_values_in_the_first_batch(self, tmp_path):
        first = FRAME["era"] == "0001"
        frame = FRAME.assign(
            data_type=FRAME["data_type"].mask(first), count=first.astype("Int8")
        )
        frame["count"] = frame["count"].mask(~first)
        path, target = one_file(frame, tmp_path), tmp_path / "out.parquet"
        transform_parquet(BLEND, path, target, columns=["count"], batch_rows=1)
        got, expected = pq.read_table(target), pq.read_table(path)
        for name in ("data_type", "count"):
            assert got[name].to_pylist() == expected[name].to_pylist()
            assert got.schema.field(name).type == expected.schema.field(name).type
        assert pd.read_parquet(target)["count"].dtype == "Int8"

    def test_an_integer_model_that_becomes_a_rank(self, tmp_path):
        frame = FRAME.assign(votes=FRAME["feature_0"].astype("Int64"))
        rank = EraRank(["votes"]).fit(frame)
        transform_parquet(rank, one_file(frame, tmp_path), tmp_path / "out.parquet")
        got = pd.read_parquet(tmp_path / "out.parquet")["votes"]
        np.testing.assert_array_equal(got, rank.transform(frame)["votes"])

    def test_files_of_other_types_are_read_as_in_memory(self, tmp_path):
        """An int8 feature is a float where some are missing."""
        half = FRAME["era"] <= "0004"
        old, new = FRAME[half], with_float32(FRAME[~half])
        new = new.astype({"feature_1": np.float32})
        new.iloc[0, new.columns.get_loc("feature_1")] = np.nan
        paths = [tmp_path / "old.parquet", tmp_path / "new.parquet"]
        old.to_parquet(paths[0])
        new.to_parquet(paths[1])
        for order in (1, -1):
            transform_parquet(FIVE_STEPS, paths[::order], tmp_path / "out.parquet")
            expected = FIVE_STEPS.transform(pd.concat([old, new][::order]))
            assert_same(pd.read_parquet(tmp_path / "out.parquet"), expected, 1e-9)

    def test_columns_of_later_files_in_another_order(self, tmp_path):
        path = one_file(FRAME[:100], tmp_path)
        FRAME[100:].iloc[:, ::-1].assign(more="x").to_parquet(tmp_path / "2.parquet")
        target = tmp_path / "out.parquet"
        transform_parquet(BLEND, [path, tmp_path / "2.parquet"], target)
        assert_same(pd.read_parquet(target), BLEND.transform(FRAME))

    def test_a_function_without_a_name(self, tmp_path):
        rank = EraRank(columns=lambda X: ["a"]).fit(FRAME)
        transform_parquet(rank, one_file(FRAME, tmp_path), tmp_path / "out.parquet")
        got = pd.read_parquet(tmp_path / "out.parquet")
        pd.testing.assert_series_equal(got["a"], rank.transform(FRAME)["a"])

    def test_steps_of_others(self, tmp_path):
        drop = FunctionTransformer(_without_features, feature_names_out=None)
        pipeline = make_pipeline(
            drop, make_pipeline(EraRank(["a", "b"])), "passthrough"
        )
        pipeline.fit(FRAME)
        target = tmp_path / "out.parquet"
        transform_parquet(pipeline, one_file(FRAME, tmp_path), target, batch_rows=50)
        expected = pipeline.transform(FRAME)
        got = pd.read_parquet(target)
        pd.testing.assert_frame_equal(got[list(expected)], expected)

    def test_progress(self, tmp_path, capsys):
        path, target = one_file(FRAME, tmp_path), tmp_path / "out.parquet"
        transform_parquet(BLEND, path, target)
        assert capsys.readouterr().err == ""
        transform_parquet(BLEND, path, target, progress=True)
        assert f"100%|{'█' * 10}| {len(FRAME)}/{len(FRAME)}" in capsys.readouterr().err

    def test_nothing_else_is_left(self, tmp_path):
        path = one_file(FRAME, tmp_path)
        transform_parquet(BLEND, path, tmp_path / "out.parquet", batch_rows=1)
        assert sorted(tmp_path.iterdir()) == [tmp_path / "out.parquet", path]


def _without_features(X):
    return X[[name for name in X if not name.startswith("feature")]]


LEARNERS = {
    "plain": StackingWeights(),
    "interval": StackingWeights(horizon=2),
    "auto": StackingWeights("sharpe", shrinkage="auto", horizon=1),
    "omit": StackingWeights("mse", nan_policy="omit", shrinkage=0.3),
    "contribution": StackingWeights("contribution", search="greedy", halflife=3),
    "columns": StackingWeights(columns=["c", "a"], output="d", max_weight=0.7),
}


class TestFit:
    @pytest.mark.parametrize("name", LEARNERS)
    @pytest.mark.parametrize("batch_rows", [1, 100])
    def test_objectives(self, name, batch_rows, tmp_path):
        pipeline = make_pipeline(EraRankGauss(), clone(LEARNERS[name]), EraRank())
        expected = clone(pipeline).fit(FRAME, FRAME["target"])
        path = one_file(FRAME, tmp_path)
        assert fit_parquet(pipeline, path, batch_rows=batch_rows) is pipeline
        assert_weights(pipeline[1], expected[1])
        got, want = pipeline.transform(FRAME), expected.transform(FRAME)
        pd.testing.assert_frame_equal(got, want, check_exact=False, rtol=0, atol=1e-9)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_layouts(self, layout, tmp_path):
        expected = clone(FIVE_STEPS)
        frame = written = FRAME
        if layout in (hive_folders, a_dataset):
            written = with_integer_eras(FRAME).drop(columns="era")
            written["era"] = FRAME["era"].astype(int)  # folders come last
        if layout is written_by_polars:
            written = FRAME.reset_index()
        expected.fit(written, written["target"])
        got = fit_parquet(clone(FIVE_STEPS), layout(frame, tmp_path), batch_rows=70)
        assert_weights(got[1], expected[1])

    @pytest.mark.parametrize("kind", KINDS)
    def test_kinds_of_rows(self, kind, tmp_path):
        frame = kind(FRAME)
        expected = clone(FIVE_STEPS).fit(frame, frame["target"])
        got = fit_parquet(clone(FIVE_STEPS), one_file(frame, tmp_path), batch_rows=70)
        assert_weights(got[1], expected[1])

    def test_a_model_without_weight_in_the_first_era_stays_in_play(self, tmp_path):
        gauss = EraRankGauss().fit_transform(FRAME)
        first = gauss[gauss["era"] == "0001"]
        target = FRAME["target"].copy()
        target[first.index] = -first["c"]  # the first era says nothing for c
        path = one_file(FRAME.assign(target=target), tmp_path)
        alone = StackingWeights().fit(first, target[first.index])
        assert alone.weights_["c"] == 0
        pipeline = make_pipeline(EraRankGauss(), StackingWeights())
        expected = clone(pipeline).fit(FRAME, target)
        assert expected[1].weights_["c"] > 0.2
        assert_weights(fit_parquet(pipeline, path, batch_rows=1)[1], expected[1])

    def test_two_steps_that_learn(self, tmp_path):
        pipeline = make_pipeline(
            EraRankGauss(),
            StackingWeights(columns=["a", "b"], output="ab"),
            EraRankGauss(),
            StackingWeights(columns=["ab", "c"]),
        )
        expected = clone(pipeline).fit(FRAME, FRAME["target"])
        got = fit_parquet(clone(pipeline), one_file(FRAME, tmp_path), batch_rows=60)
        for k in (1, 3):
            assert_weights(got[k], expected[k])

    def test_an_estimator_alone(self, tmp_path):
        gauss = EraRankGauss().fit_transform(FRAME)
        got = fit_parquet(StackingWeights(), one_file(gauss, tmp_path), batch_rows=1)
        assert_weights(got, StackingWeights().fit(gauss, FRAME["target"]))
        rank = fit_parquet(EraRank(), tmp_path / "rows.parquet")
        assert rank.columns_ == MODELS

    def test_another_target(self, tmp_path):
        frame = FRAME.assign(target_ender_20=FRAME["target"] ** 2)
        pipeline = make_pipeline(EraRankGauss(), StackingWeights())
        got = fit_parquet(clone(pipeline), one_file(frame, tmp_path), "target_ender_20")
        expected = clone(pipeline).fit(frame, frame["target_ender_20"])
        assert_weights(got[1], expected[1])
        assert got[1]._target == "target_ender_20"

    def test_parameters_stay_the_callers_objects(self, tmp_path):
        prior = {"a": 1.0, "b": 2.0, "c": 0.5}
        pipeline = make_pipeline(EraRankGauss(), StackingWeights(prior=prior))
        fit_parquet(pipeline, one_file(FRAME, tmp_path))
        assert pipeline[1].prior is prior

    def test_warnings_are_those_of_the_whole(self, tmp_path):
        # Constant in the first era only, then in all of them.
        frame = FRAME.assign(a=FRAME["a"].mask(FRAME["era"] == "0001", 0.5))
        pipeline = make_pipeline(EraRankGauss(), StackingWeights())
        fit_parquet(pipeline, one_file(frame, tmp_path), batch_rows=1)
        path = one_file(FRAME.assign(a=0.5), tmp_path)
        with pytest.warns(UserWarning, match="'a' constant or missing throughout"):
            fit_parquet(pipeline, path, batch_rows=1)

    def test_a_column_of_another_role_warns(self, tmp_path):
        steps = make_pipeline(
            EraRankGauss(["a", "feature_0"]),
            StackingWeights(columns=["a", "feature_0"]),
        )
        path = one_file(FRAME, tmp_path)
        with pytest.warns(UserWarning, match="'feature_0' is used as a pred") as caught:
            fit_parquet(steps, path, batch_rows=1)
        assert len(caught) == 2  # one a step

    def test_a_step_of_scikit_learn_that_learns_in_batches(self, tmp_path):
        # It takes all columns, so that all must be numbers.
        frame = with_integer_eras(FRAME).drop(columns=["data_type"])
        frame = frame.reset_index(drop=True).fillna({"numerai_meta_model": 0.0})
        frame["target"] = frame["target"].fillna(0.5)
        scaler = StandardScaler().set_output(transform="pandas")
        path = one_file(frame, tmp_path)
        pipeline = fit_parquet(make_pipeline(scaler, EraRank()), path, batch_rows=1)
        expected = StandardScaler().fit(frame)
        np.testing.assert_allclose(pipeline[0].mean_, expected.mean_, rtol=1e-12)
        np.testing.assert_allclose(pipeline[0].var_, expected.var_, rtol=1e-12)
        assert pipeline[0].feature_names_in_.tolist() == list(frame)
        transform_parquet(pipeline, path, tmp_path / "out.parquet", batch_rows=50)
        got = pd.read_parquet(tmp_path / "out.parquet")
        assert got["era"].tolist() == frame["era"].tolist()  # not the scaled ones
        np.testing.assert_array_equal(got["c"], EraRank().fit_transform(frame)["c"])

    def test_a_last_step_that_only_predicts(self, tmp_path):
        frame = with_integer_eras(FRAME).fillna({"b": 0.0, "target": 0.5})
        frame = frame.drop(columns=["data_type", "numerai_meta_model"])
        steps = make_pipeline(EraRankGauss(), SGDRegressor(random_state=0))
        fit_parquet(steps, one_file(frame, tmp_path), batch_rows=100)
        assert steps[-1].coef_.shape == (frame.shape[1],)

    @pytest.mark.parametrize("rows", [1, 1000])
    def test_one_era(self, rows, tmp_path):
        frame = FRAME[FRAME["era"] == "0002"]
        pipeline = make_pipeline(EraRankGauss(), StackingWeights())
        got = fit_parquet(pipeline, one_file(frame, tmp_path), batch_rows=rows)
        assert_weights(got[1], clone(pipeline).fit(frame, frame["target"])[1])

    def test_too_few_eras_to_choose_a_shrinkage(self, tmp_path):
        pipeline = make_pipeline(EraRankGauss(), StackingWeights(shrinkage="auto"))
        with pytest.raises(ValueError, match=r"more than 8 scored eras"):
            fit_parquet(pipeline, one_file(FRAME, tmp_path))
        assert not hasattr(pipeline[1], "weights_")
        assert not hasattr(pipeline[0], "columns_")


def mixed_up(frame):
    """The eras in two rounds: no era is contiguous."""
    return pd.concat([frame[::2], frame[1::2]])


class TestBadSources:
    """One clear error each; the old target stays, and nothing is left beside it."""

    def check(self, folder, source, error, message, pipeline=BLEND, **options):
        target = folder / "target.parquet"
        target.write_text("old")
        before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
        with pytest.raises(error, match=message):
            transform_parquet(pipeline, source, target, **{"batch_rows": 30} | options)
        assert before == {
            p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()
        }
        assert not (folder / ".target.parquet.parts").exists()

    def test_no_such_file(self, tmp_path):
        there = one_file(FRAME, tmp_path)
        source = tmp_path / "none.parquet"
        self.check(
            tmp_path, source, FileNotFoundError, "`source` .*none.parquet is not"
        )
        self.check(tmp_path, [there, source], FileNotFoundError, "none.parquet is not")
        self.check(tmp_path, [], ValueError, "at least one parquet file")

    def test_no_parquet_file(self, tmp_path):
        source = tmp_path / "rows.parquet"
        source.write_text("era,a\n1,2\n")
        self.check(tmp_path, [str(source)], ValueError, r"rows\.parquet")
        cut = tmp_path / "cut.parquet"
        cut.write_bytes(one_file(FRAME, tmp_path).read_bytes()[:-100])
        message = r"cut\.parquet cannot be read: "
        self.check(tmp_path, [tmp_path / "rows.parquet", cut], ValueError, message)

    def test_a_corrupt_row_group(self, tmp_path):
        source = one_file(FRAME, tmp_path)
        metadata = pq.read_metadata(source)
        names = metadata.schema.names
        column = metadata.row_group(20).column(names.index("c"))
        start = column.dictionary_page_offset or column.data_page_offset
        with source.open("r+b") as file:
            file.seek(start)
            file.write(b"\xff" * column.total_compressed_size)
        message = r"rows\.parquet cannot be read in row group 20"
        self.check(tmp_path, source, ValueError, message)

    def test_a_flipped_bit_where_pages_have_checksums(self, tmp_path):
        source = tmp_path / "rows.parquet"
        pq.write_table(
            pa.Table.from_pandas(FRAME),
            source,
            compression="none",
            use_dictionary=False,
            write_page_checksum=True,
            row_group_size=100,
        )
        column = pq.read_metadata(source).row_group(1)
        at = column.column(FRAME.columns.get_loc("c"))
        with source.open("r+b") as file:
            file.seek(at.data_page_offset + at.total_compressed_size - 3)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        self.check(tmp_path, source, ValueError, "row group 1: .*CRC checksum")

    def test_a_missing_column(self, tmp_path):
        source = one_file(FRAME.drop(columns="c"), tmp_path)
        self.check(tmp_path, source, ValueError, "lacks 'c', which the pipeline uses")
        source = one_file(FRAME.drop(columns="era"), tmp_path)
        self.check(tmp_path, source, ValueError, "lacks 'era', the era column; it has")
        source = one_file(FRAME, tmp_path)
        message = "lacks 'z', which `columns` names"
        self.check(tmp_path, source, ValueError, message, columns=["target", "z"])
        second = tmp_path / "second.parquet"
        FRAME.drop(columns="b").to_parquet(second)
        message = r"second\.parquet lacks 'b', which .*rows\.parquet has"
        self.check(tmp_path, [source, second], ValueError, message)

    def test_eras_as_the_index(self, tmp_path):
        source = one_file(FRAME.set_index("era"), tmp_path)
        self.check(tmp_path, source, ValueError, r"'era' are the index.*reset_index")

    def test_types_that_do_not_go_together(self, tmp_path):
        source = one_file(FRAME[:50], tmp_path)
        second = tmp_path / "second.parquet"
        with_integer_eras(FRAME[50:]).to_parquet(second)
        message = "must agree on the types of their columns, but .*second.*era"
        self.check(tmp_path, [source, second], ValueError, message)

    def test_eras_that_are_not_contiguous(self, tmp_path):
        source = one_file(mixed_up(FRAME), tmp_path)
        message = "era '0001' goes on after other eras have begun.*sort_parquet"
        self.check(tmp_path, source, ValueError, message)
        again = pd.concat([FRAME, FRAME[FRAME["era"] == "0001"]])
        self.check(tmp_path, one_file(again, tmp_path), ValueError, message)

    @pytest.mark.parametrize("missing", [None, np.nan])
    def test_a_missing_label(self, tmp_path, missing):
        eras = FRAME["era"].to_numpy(object, copy=True)
        if missing is not None:
            eras = FRAME["era"].astype(float).to_numpy().copy()
        eras[-3] = missing
        table = pa.Table.from_pandas(FRAME.drop(columns="era"))
        table = table.append_column("era", pa.array(eras, from_pandas=False))
        pq.write_table(table, tmp_path / "rows.parquet", row_group_size=50)
        message = "era column 'era' has missing labels"
        self.check(tmp_path, tmp_path / "rows.parquet", ValueError, message)

    def test_no_rows(self, tmp_path):
        self.check(tmp_path, one_file(FRAME[:0], tmp_path), ValueError, "has no rows")

    def test_what_is_no_file(self, tmp_path):
        table = ds.dataset(pa.Table.from_pandas(FRAME))
        self.check(tmp_path, table, TypeError, "parquet files; got a InMemoryDataset")
        filtered = ds.dataset(one_file(FRAME, tmp_path)).filter(ds.field("c") > 0)
        self.check(tmp_path, filtered, ValueError, "filter")

    def test_options(self, tmp_path):
        source = one_file(FRAME, tmp_path)
        for batch_rows in (0, 2.5, True):
            message = "`batch_rows` must be a whole number of at least 1; got"
            self.check(tmp_path, source, ValueError, message, batch_rows=batch_rows)

    def test_pipelines(self, tmp_path):
        source = one_file(FRAME, tmp_path)
        unfitted = make_pipeline(EraRank(), EraRank())
        self.check(tmp_path, source, NotFittedError, "EraRank", unfitted)
        other = make_pipeline(EraRank(), EraRank(era="time")).fit(
            FRAME.assign(time=FRAME["era"])
        )
        message = "name the same era column, .* got 'era', 'time'"
        self.check(tmp_path, source, ValueError, message, other)
        nothing = EraRank(era=None).fit(FRAME)
        self.check(tmp_path, source, ValueError, "got None", nothing)
        foreign = StandardScaler().fit(FRAME[MODELS])
        self.check(tmp_path, source, ValueError, "must have a step of skbench", foreign)
        message = "must be a scikit-learn estimator; got 'rank'"
        self.check(tmp_path, source, TypeError, message, "rank")
        polars = clone(BLEND).fit(FRAME).set_output(transform="polars")
        self.check(tmp_path, source, TypeError, "set_output", polars)
        rows = make_pipeline(FunctionTransformer(_first_rows), EraRank()).fit(FRAME)
        self.check(tmp_path, source, ValueError, "must give the rows that it g", rows)

    def test_target(self, tmp_path):
        source = one_file(FRAME, tmp_path)
        with pytest.raises(ValueError, match="`target` must be another file"):
            transform_parquet(BLEND, source, tmp_path / "." / "rows.parquet")
        with pytest.raises(FileNotFoundError, match="`target` must name a file in"):
            transform_parquet(BLEND, source, tmp_path / "none" / "out.parquet")
        with pytest.raises(IsADirectoryError, match="`target` must name a file"):
            transform_parquet(BLEND, source, tmp_path)
        with pytest.raises(ValueError, match="`target` must be another file"):
            sort_parquet([source], source)
        assert list(tmp_path.iterdir()) == [source]
        before = source.read_bytes()
        (tmp_path / "link.parquet").symlink_to(source)
        (tmp_path / "hard.parquet").hardlink_to(source)
        for name in ("link.parquet", "hard.parquet"):
            with pytest.raises(ValueError, match="`target` must be another file"):
                sort_parquet(source, tmp_path / name)
            with pytest.raises(ValueError, match="`target` must be another file"):
                transform_parquet(BLEND, source, tmp_path / name)
        assert source.read_bytes() == before


def _first_rows(X):
    return X[:5]


class TestBadFits:
    """The pipeline stays as it was."""

    def check(self, source, error, message, *steps, y="target", **options):
        pipeline = make_pipeline(EraRankGauss(), *steps).set_params()
        before = [dict(vars(step)) for _, step in pipeline.steps]
        with pytest.raises(error, match=message):
            fit_parquet(pipeline, source, y, **options)
        assert before == [vars(step) for _, step in pipeline.steps]

    def test_sources(self, tmp_path):
        learner = StackingWeights()
        source = one_file(FRAME, tmp_path)
        message = "lacks 'target_z', the column of targets `y`"
        self.check(source, ValueError, message, learner, y="target_z")
        self.check(source, ValueError, "`batch_rows` must be", learner, batch_rows=0)
        source = one_file(mixed_up(FRAME), tmp_path)
        message = "era '0001' goes on.*sort_parquet"
        self.check(source, ValueError, message, learner)
        self.check(source, ValueError, message, learner, batch_rows=1)
        source = one_file(FRAME.drop(columns="era"), tmp_path)
        self.check(source, ValueError, "lacks 'era', the era column", learner)
        source = one_file(FRAME.assign(target=np.nan), tmp_path)
        self.check(source, ValueError, "at least 1 eras", learner)
        source = one_file(FRAME.assign(target="high"), tmp_path)
        self.check(source, ValueError, "y must hold numbers", learner)

    def test_steps(self, tmp_path):
        source = one_file(FRAME, tmp_path)
        message = "QuantileTransformer can only learn from all rows at once"
        quantiles = QuantileTransformer()
        self.check(source, ValueError, message, StackingWeights(), quantiles)
        message = "`horizon` must be a whole number of at least 1; got 0"
        self.check(source, ValueError, message, StackingWeights(horizon=0))
        message = "`shrinkage` must be between 0 and 1; got 2"
        self.check(source, ValueError, message, StackingWeights(shrinkage=2))

    def test_steps_are_refused_before_rows_are_read(self, tmp_path, monkeypatch):
        source = one_file(FRAME, tmp_path)
        monkeypatch.setattr(pq.ParquetFile, "iter_batches", None)
        message = "QuantileTransformer can only learn"
        self.check(source, ValueError, message, QuantileTransformer())
        message = "`shrinkage` must be between 0 and 1; got 2"
        self.check(source, ValueError, message, StackingWeights(shrinkage=2))


class Logged(TransformerMixin, BaseEstimator):
    """Passes rows on, counts the batches, and breaks at one of them."""

    def __init__(self, breaks_at=None, error=KeyboardInterrupt):
        self.breaks_at = breaks_at
        self.error = error

    def transform(self, X):
        COUNTS.append(len(X))
        if self.breaks_at == len(COUNTS):
            raise self.error("broken")
        return X

    def __getstate__(self):
        return {}  # so that a pipeline that breaks is taken for one that does not


COUNTS = []


@pytest.fixture
def counts():
    COUNTS.clear()
    return COUNTS


def pipeline_that_breaks(at, error=KeyboardInterrupt):
    return make_pipeline(Logged(at, error), EraRank(MODELS).fit(FRAME))


class TestResume:
    def interrupted(self, tmp_path, at=4, error=KeyboardInterrupt, **options):
        source, target = one_file(FRAME, tmp_path), tmp_path / "out.parquet"
        with pytest.raises(error, match="broken"):
            transform_parquet(
                pipeline_that_breaks(at, error), source, target, batch_rows=1, **options
            )
        assert not target.exists()
        COUNTS.clear()
        return source, target

    def expected(self):
        return EraRank(MODELS).fit(FRAME).transform(FRAME)

    def test_finished_batches_are_not_made_again(self, tmp_path, counts):
        source, target = self.interrupted(tmp_path)
        parts = sorted(tmp_path.glob(".out.parquet.parts/0*.parquet"))
        assert len(parts) == 3
        before = [part.stat().st_mtime_ns for part in parts]
        again = pipeline_that_breaks(2)
        with pytest.raises(KeyboardInterrupt):
            transform_parquet(again, source, target, batch_rows=1, resume=True)
        assert [part.stat().st_mtime_ns for part in parts] == before
        whole = pipeline_that_breaks(None)
        transform_parquet(whole, source, target, batch_rows=1, resume=True)
        assert len(counts) == 2 + FRAME["era"].nunique() - 4
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())
        assert sorted(tmp_path.iterdir()) == [target, source]

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_layouts(self, layout, tmp_path, counts):
        source, target = layout(FRAME, tmp_path), tmp_path / "out.parquet"
        with pytest.raises(KeyboardInterrupt):
            transform_parquet(pipeline_that_breaks(4), source, target, batch_rows=50)
        whole = pipeline_that_breaks(None)
        transform_parquet(whole, source, target, batch_rows=50, resume=True)
        alone = tmp_path / "alone.parquet"
        transform_parquet(whole, source, alone, batch_rows=50)
        assert pq.read_table(target).equals(pq.read_table(alone))

    def test_killed_while_the_parts_are_joined(self, tmp_path, counts, monkeypatch):
        source, target = one_file(FRAME, tmp_path), tmp_path / "out.parquet"
        with monkeypatch.context() as patch:
            patch.setattr(Parts, "_join", _interrupt)
            with pytest.raises(KeyboardInterrupt):
                transform_parquet(pipeline_that_breaks(None), source, target)
        counts.clear()
        transform_parquet(pipeline_that_breaks(1), source, target, resume=True)
        assert counts == []
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())

    @pytest.mark.parametrize("n_deleted", [0, 1, 3])
    def test_killed_while_the_parts_are_deleted(
        self, n_deleted, tmp_path, counts, monkeypatch
    ):
        source, target = one_file(FRAME, tmp_path), tmp_path / "out.parquet"
        rmtree = shutil.rmtree

        def killed(folder, **options):
            if not target.exists():
                return rmtree(folder, **options)
            for path in sorted(Path(folder).iterdir())[:n_deleted]:
                path.unlink()
            raise KeyboardInterrupt

        whole = pipeline_that_breaks(None)
        with monkeypatch.context() as patch:
            patch.setattr("skbench.streaming._parts.shutil.rmtree", killed)
            with pytest.raises(KeyboardInterrupt):
                transform_parquet(whole, source, target, batch_rows=1, resume=True)
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())
        target.unlink()
        transform_parquet(whole, source, target, batch_rows=1, resume=True)
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())
        assert sorted(tmp_path.iterdir()) == [target, source]

    def test_without_resume_it_starts_afresh(self, tmp_path, counts):
        source, target = self.interrupted(tmp_path)
        transform_parquet(pipeline_that_breaks(None), source, target, batch_rows=1)
        assert len(counts) == FRAME["era"].nunique()
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())

    def test_nothing_to_resume(self, tmp_path, counts):
        source, target = one_file(FRAME, tmp_path), tmp_path / "out.parquet"
        transform_parquet(pipeline_that_breaks(None), source, target, resume=True)
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())

    def test_parts_of_another_user_are_told_of(self, tmp_path, counts, monkeypatch):
        source, target = self.interrupted(tmp_path)
        unlink = Path.unlink

        def refused(path, **options):
            if path.name == "job":
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            unlink(path, **options)

        monkeypatch.setattr(Path, "unlink", refused)
        with pytest.raises(PermissionError, match=f"`target` {target}"):
            transform_parquet(pipeline_that_breaks(None), source, target)

    def test_an_error_leaves_finished_batches_only_where_asked(self, tmp_path, counts):
        self.interrupted(tmp_path, error=RuntimeError)
        assert [p.name for p in tmp_path.iterdir()] == ["rows.parquet"]
        source, target = self.interrupted(tmp_path, error=RuntimeError, resume=True)
        whole = pipeline_that_breaks(None)
        transform_parquet(whole, source, target, batch_rows=1, resume=True)
        assert len(counts) == FRAME["era"].nunique() - 3

    def test_another_job_is_refused(self, tmp_path, counts):
        source, target = self.interrupted(tmp_path)
        whole = pipeline_that_breaks(None)
        other = make_pipeline(Logged(), EraRank(MODELS, ties="first").fit(FRAME))
        changed = [
            (other, {}),
            (whole, {"batch_rows": 2}),
            (whole, {"columns": ["target"]}),
        ]
        for pipeline, options in changed:
            with pytest.raises(ValueError, match=r"cannot resume .*resume=False"):
                transform_parquet(
                    pipeline,
                    source,
                    target,
                    resume=True,
                    **{"batch_rows": 1} | options,
                )
        os.utime(source)
        with pytest.raises(ValueError, match=r"cannot resume .*the source"):
            transform_parquet(whole, source, target, batch_rows=1, resume=True)
        assert len(list(tmp_path.glob(".out.parquet.parts/0*.parquet"))) == 3
        assert counts == []

    def test_parts_of_another_version_are_refused(self, tmp_path, counts, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("skbench.streaming._parts.__version__", "0.0.9")
            source, target = self.interrupted(tmp_path)
        message = rf"by skbench 0\.0\.9, and this is {re.escape(__version__)}\."
        self.check_refused(source, target, message)
        # Nor are those taken over that do not say which version wrote them.
        job = tmp_path / ".out.parquet.parts" / "job"
        job.write_text(job.read_text().partition(" ")[0])
        self.check_refused(source, target, "by an older skbench")
        assert counts == []

    def test_a_damaged_part_is_named(self, tmp_path, counts):
        source, target = self.interrupted(tmp_path)
        part = tmp_path / ".out.parquet.parts" / "000001.parquet"
        data = bytearray(part.read_bytes())
        data[len(data) // 3] ^= 16
        part.write_bytes(data)
        # Whether it is a page or what describes one depends on the version of pyarrow.
        self.check_refused(source, target, r"000001\.parquet cannot be read \(")
        part.write_bytes(data[:40])
        self.check_refused(source, target, r"000001\.parquet cannot be read \(")
        whole = pipeline_that_breaks(None)
        transform_parquet(whole, source, target, batch_rows=1)
        pd.testing.assert_frame_equal(pd.read_parquet(target), self.expected())

    def test_a_part_that_is_gone_is_named(self, tmp_path, counts):
        source, target = self.interrupted(tmp_path)
        (tmp_path / ".out.parquet.parts" / "000001.parquet").unlink()
        self.check_refused(source, target, r"000001\.parquet is not there")

    def check_refused(self, source, target, message):
        with pytest.raises(ValueError, match=rf"cannot resume .*{message}") as caught:
            transform_parquet(
                pipeline_that_breaks(None), source, target, batch_rows=1, resume=True
            )
        assert "Pass resume=False to start again" in str(caught.value)
        assert not target.exists()

    def test_an_era_that_comes_again_after_the_interruption(self, tmp_path, counts):
        frame = pd.concat([FRAME, FRAME[:30]])
        source, target = one_file(frame, tmp_path), tmp_path / "out.parquet"
        with pytest.raises(KeyboardInterrupt):
            transform_parquet(pipeline_that_breaks(4), source, target, batch_rows=1)
        with pytest.raises(ValueError, match="era '0001' goes on after"):
            transform_parquet(
                pipeline_that_breaks(None), source, target, batch_rows=1, resume=True
            )
        assert not target.exists()


def _interrupt(self):
    raise KeyboardInterrupt


CHILD = """
import sys, time
import warnings
from pathlib import Path
import pandas as pd
from sklearn.pipeline import make_pipeline
from skbench import EraRank, EraRankGauss, FeatureNeutralizer, StackingWeights
from skbench.streaming import fit_parquet, transform_parquet

folder = Path(sys.argv[1])
class Slow(EraRank):
    def transform(self, X):
        with (folder / "log").open("a") as log:
            log.write(X["era"].iloc[0] + "\\n")
        time.sleep(float(sys.argv[2]))
        return super().transform(X)

steps = make_pipeline(
    EraRankGauss(), StackingWeights(),
    FeatureNeutralizer(keep_neutralizers=True), Slow(),
)
fit_parquet(steps, folder / "rows.parquet")
(folder / "log").unlink(missing_ok=True)
transform_parquet(
    steps, folder / "rows.parquet", folder / "out.parquet", batch_rows=1,
    resume="resume" in sys.argv,
)
"""


def child(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def output_of(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def test_killed_and_resumed(tmp_path):
    one_file(FRAME, tmp_path)
    target = tmp_path / "out.parquet"
    steps = make_pipeline(
        EraRankGauss(),
        StackingWeights(),
        FeatureNeutralizer(keep_neutralizers=True),
        EraRank(),
    )
    steps.fit(FRAME, FRAME["target"])
    transform_parquet(steps, tmp_path / "rows.parquet", target, batch_rows=1)
    uninterrupted = pq.read_table(target)
    target.write_text("old")

    process = child(CHILD, tmp_path, 0.4)
    first = tmp_path / ".out.parquet.parts" / "000001.parquet"
    while not first.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    finished = len(list(first.parent.glob("0*.parquet")))
    written = first.stat().st_mtime_ns

    process = child(CHILD, tmp_path, 0.05, "resume")
    while process.poll() is None and (tmp_path / "log").stat().st_size < 5:
        assert not first.exists() or first.stat().st_mtime_ns == written
        time.sleep(0.01)
    output_of(process)
    log = (tmp_path / "log").read_text().split()
    assert log == list(FRAME["era"].unique()[finished:])
    assert pq.read_table(target).equals(uninterrupted)
    assert {p.name for p in tmp_path.iterdir()} == {
        "rows.parquet",
        "out.parquet",
        "log",
    }


JOB = """
import sys, time
from pathlib import Path
import pandas as pd
from skbench import EraRank, EraRankGauss
from skbench.streaming import sort_parquet, transform_parquet

source, target, kind, gate, *flags = sys.argv[1:]
class Gated({"rank": EraRank, "gauss": EraRankGauss}[kind]):
    def transform(self, X):
        if X["era"].iloc[0] == "0003":
            print("at work", flush=True)
            while not Path(gate).exists():
                time.sleep(0.01)
        return super().transform(X)

steps = Gated(["a", "b", "c"]).fit(pd.read_parquet(source))
options = dict.fromkeys(flags, True)
transform_parquet(steps, source, target, batch_rows=1, **options)
"""


class Held(EraRank):
    """Goes on when it is let go."""

    begun, go = threading.Event(), threading.Event()

    def transform(self, X):
        self.begun.set()
        assert self.go.wait(60)
        return super().transform(X)


class TestTwoJobs:
    """A slow job, which goes on when its gate is there, and a second on its target."""

    @pytest.fixture
    def paths(self, tmp_path):
        (tmp_path / "files").mkdir()
        source = one_file(FRAME, tmp_path / "files")
        target, gate = tmp_path / "files" / "out.parquet", tmp_path / "gate"
        target.write_text("old")
        return source, target, gate

    @contextmanager
    def slow(self, paths, *flags):
        source, target, gate = paths
        with child(JOB, source, target, "rank", gate, *flags) as process:
            try:
                assert process.stdout.readline() == "at work\n", process.stderr.read()
                yield process
            finally:
                process.kill()

    def second(self, paths, kind, *flags):
        """Start a job that needs no gate."""
        source, target, gate = paths
        return child(JOB, source, target, kind, gate.parent, *flags)

    def check(self, paths, kind):
        """The target is whole, of one job, and nothing stands beside it."""
        source, target, _ = paths
        expected = {"rank": EraRank, "gauss": EraRankGauss}[kind](MODELS)
        expected = expected.fit(FRAME).transform(FRAME)[["era", "data_type", *MODELS]]
        pd.testing.assert_frame_equal(pd.read_parquet(target), expected)
        assert set(target.parent.iterdir()) == {source, target}

    @pytest.mark.parametrize(
        ("kind", "flags"), [("gauss", []), ("gauss", ["resume"]), ("rank", ["resume"])]
    )
    def test_a_second_one_is_refused(self, paths, kind, flags):
        with self.slow(paths) as slow:
            _, said = (second := self.second(paths, kind, *flags)).communicate()
            assert second.returncode == 1
            assert re.search(
                rf"BlockingIOError: `target` {re.escape(str(paths[1]))} is being "
                rf"written by process {slow.pid} on \S+: call again .* wait=True",
                said,
            )
            assert paths[1].read_text() == "old"
            paths[2].touch()
            output_of(slow)
        self.check(paths, "rank")

    def test_a_second_one_waits_and_then_writes_its_own(self, paths):
        with self.slow(paths) as slow:
            second = self.second(paths, "gauss", "wait", "progress")
            line = second.stderr.readline()
            assert line.startswith(f"waiting for process {slow.pid} on "), line
            assert paths[1].read_text() == "old"
            paths[2].touch()
            output_of(slow)
            output_of(second)
        self.check(paths, "gauss")

    @pytest.mark.parametrize("flags", [[], ["wait"], ["resume"]])
    def test_a_killed_one_blocks_nobody(self, paths, flags):
        """What it finished is taken over where that is asked for, else thrown away."""
        with self.slow(paths) as slow:
            slow.kill()
        parts = paths[1].with_name(".out.parquet.parts")
        assert len(list(parts.glob("0*.parquet"))) == 2
        assert paths[1].read_text() == "old"
        output_of(self.second(paths, "rank", *flags))
        self.check(paths, "rank")

    def test_one_that_waits_goes_on_when_the_first_is_killed(self, paths):
        with self.slow(paths) as slow:
            second = self.second(paths, "gauss", "wait", "progress")
            assert second.stderr.readline().startswith("waiting for")
            slow.kill()
            output_of(second)
        self.check(paths, "gauss")

    def test_threads(self, paths):
        source, target, _ = paths
        gauss = EraRankGauss(MODELS).fit(FRAME)
        with ThreadPoolExecutor() as pool:
            slow = Held(MODELS).fit(FRAME)
            first = pool.submit(transform_parquet, slow, source, target, batch_rows=1)
            assert Held.begun.wait(60)
            with pytest.raises(BlockingIOError, match=f"by process {os.getpid()} on"):
                transform_parquet(gauss, source, target)
            second = pool.submit(transform_parquet, gauss, source, target, wait=True)
            assert target.read_text() == "old"
            Held.go.set()
            first.result(60)
            second.result(60)
        self.check(paths, "gauss")

    @pytest.mark.parametrize("name", ["resume", "wait", "progress"])
    def test_a_flag_is_true_or_false(self, paths, name):
        source, target, _ = paths
        with pytest.raises(ValueError, match=f"`{name}` must be True or False"):
            transform_parquet(BLEND, source, target, **{name: "yes"})
        assert set(target.parent.iterdir()) == {source, target}


SORT = """
import sys, time
from skbench.streaming import _sort, sort_parquet
def stop(*_):
    print("at work", flush=True)
    time.sleep(60)
_sort._sorted = stop
sort_parquet(*sys.argv[1:])
"""


def test_what_a_killed_sort_left_goes(tmp_path):
    source, target = one_file(FRAME, tmp_path), tmp_path / "out.parquet"
    with child(SORT, source, target) as process:
        assert process.stdout.readline() == "at work\n", process.stderr.read()
        process.kill()
    left = set(tmp_path.iterdir()) - {source}
    assert any(path.is_dir() for path in left)
    sort_parquet(source, target)
    assert set(tmp_path.iterdir()) == {source, target}


FULL = """
import resource, sys
import pandas as pd
from skbench import EraRank
from skbench.streaming import sort_parquet, transform_parquet

source, target, most = sys.argv[1:]
rank = EraRank(["a", "b", "c"]).fit(pd.read_parquet(source))
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
jobs = [
    lambda: sort_parquet(source, target, batch_rows=500),
    lambda: transform_parquet(rank, source, target, batch_rows=500),
    lambda: transform_parquet(rank, source, target, batch_rows=500, resume=True),
]
for job in jobs:
    try:
        job()
    except OSError as error:
        print(error)
"""


class TestDiskFull:
    def check(self, source, target, most, message):
        target.write_text("old")
        said = output_of(child(FULL, source, target, most)).splitlines()
        expected = rf"`target` {re.escape(str(target))} cannot be written: {message}"
        assert len(said) == 3
        assert all(re.search(expected, line) for line in said)
        assert target.read_text() == "old"
        # What is to be resumed is all that may stay.
        parts = target.with_name(".out.parquet.parts")
        assert set(target.parent.iterdir()) - {source} == {target, parts}
        for part in parts.glob("0*.parquet"):
            assert pq.read_table(part).num_rows > 100

    def test_a_limit_on_the_size_of_a_file(self, tmp_path):
        """Each part is small enough, and the file of all is not."""
        source = one_row_group(tournament(40, 200), tmp_path)
        target = tmp_path / "out.parquet"
        self.check(Path(source), target, 40_000, "File too large")

    def test_a_small_disk(self, tmp_path):
        source = one_row_group(tournament(40, 200), tmp_path)
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]
        refused = (
            not shutil.which("mount")
            or subprocess.run(mount, capture_output=True).returncode
        )
        if refused:
            pytest.skip("a file system of a few kilobytes needs the right to mount one")
        try:
            self.check(source, disk / "out.parquet", 0, "No space left on device")
        finally:
            subprocess.run(["umount", disk], check=True)


def every_type():
    """Columns whose footer holds all that footers hold."""
    n = 40
    return pa.table(
        {
            "era": [f"{i // 10:04d}" for i in range(n)],
            "flag": [i % 3 == 0 for i in range(n)],
            "empty": pa.nulls(n),
            "list": [[i, None] for i in range(n)],
            "struct": [{"x": i, "y": {"z": str(i)}} for i in range(n)],
            "map": pa.array([[("k", i)] for i in range(n)], pa.map_("str", "int8")),
            "binary": [b"\0" * (i * 300) for i in range(n)],
            "money": pa.array(range(n), pa.decimal128(20, 2)),
            "when": pa.array(range(n), pa.timestamp("us", "UTC")),
            "category": pa.array(["u", "v"] * (n // 2)).dictionary_encode(),
            "a": np.linspace(0, 1, n),
        }
    )


FOOTERS = {
    "plain": {},
    "one group": {"row_group_size": 1000},
    "no statistics": {"write_statistics": False},
    "page index": {"write_page_index": True, "data_page_version": "2.0"},
    "sorted": {"sorting_columns": [pq.SortingColumn(0)]},
    "old": {"version": "1.0", "store_schema": False},
}


class TestFooters:
    """A footer of some row groups says of them what the whole footer says."""

    @pytest.fixture(autouse=True)
    def all_are_large(self, monkeypatch):
        monkeypatch.setattr("skbench.tournament._footer._LARGE", 0)

    def check(self, path):
        whole = pq.read_metadata(path)
        with path.open("rb") as raw, pa.PythonFile(raw) as file:
            footer = read_footer(file)
            assert isinstance(footer, DividedFooter)
            assert footer.n_groups == whole.num_row_groups
            empty, _ = footer.part(file, 0, 0)
            assert empty.schema.equals(whole.schema)
            assert empty.metadata == whole.metadata
            for group in range(footer.n_groups):
                metadata, (place,) = footer.part(file, group, group + 1)
                assert metadata.num_row_groups == 1
                expected = whole.row_group(group).to_dict()
                assert metadata.row_group(place).to_dict() == expected
                got = pq.ParquetFile(file, metadata=metadata).read_row_group(place)
                assert got.equals(pq.ParquetFile(path).read_row_group(group))
            n_rows = [whole.row_group(k).num_rows for k in range(footer.n_groups)]
            for n_columns in (1, 5_000, 10_000, 40_000):
                assert footer.n_rows(file, n_columns) == n_rows
            together, _ = footer.part(file, 0, footer.n_groups)
            assert together.to_dict()["row_groups"] == whole.to_dict()["row_groups"]

    @pytest.mark.parametrize("window", [8, 1000, 2**20])
    @pytest.mark.parametrize("name", FOOTERS)
    def test_writers(self, name, window, tmp_path, monkeypatch):
        monkeypatch.setattr("skbench.tournament._footer._WINDOW", window)
        options = {"row_group_size": 3} | FOOTERS[name]
        pq.write_table(every_type(), tmp_path / "rows.parquet", **options)
        self.check(tmp_path / "rows.parquet")

    def test_polars_and_many_columns(self, tmp_path):
        written_by_polars(FRAME, tmp_path)
        self.check(tmp_path / "rows.parquet")
        wide = pd.DataFrame(np.zeros((3, 2000), np.int8)).add_prefix("feature_")
        wide.to_parquet(tmp_path / "rows.parquet", row_group_size=1)
        self.check(tmp_path / "rows.parquet")

    def test_no_row_group(self, tmp_path):
        schema = pa.schema([("era", pa.string())])
        with pq.ParquetWriter(tmp_path / "rows.parquet", schema):
            pass
        self.check(tmp_path / "rows.parquet")

    def is_refused(self, path):
        try:
            list(Source(path).chunks(["era", "a"]))
        except ValueError as error:
            return bool(re.search(r"bad\.parquet|lacks|no rows", str(error)))
        return False

    def test_what_is_read_is_the_same(self, tmp_path, monkeypatch):
        pq.write_table(every_type(), tmp_path / "rows.parquet", row_group_size=3)
        columns = every_type().column_names
        divided = pa.concat_tables(Source(tmp_path / "rows.parquet").chunks(columns))
        monkeypatch.undo()
        whole = pa.concat_tables(Source(tmp_path / "rows.parquet").chunks(columns))
        assert divided.equals(whole)
        assert whole.equals(pq.read_table(tmp_path / "rows.parquet"))

    @pytest.mark.parametrize("large", [0, 2**21])
    def test_damage(self, large, tmp_path, monkeypatch):
        """Whatever the bytes are, it ends, and with a clear error if with one."""
        monkeypatch.setattr("skbench.tournament._footer._LARGE", large)
        pq.write_table(every_type(), tmp_path / "rows.parquet", row_group_size=20)
        whole = (tmp_path / "rows.parquet").read_bytes()
        size = int.from_bytes(whole[-8:-4], "little")
        rng = np.random.default_rng(0)
        bad = tmp_path / "bad.parquet"
        refused = 0
        for k in range(300):
            data = bytearray(whole)
            at = rng.integers(len(whole) - 8 - size, len(whole), 1 + k % 5)
            for position in at:
                data[position] = rng.integers(256)
            bad.write_bytes(data if k % 2 else data[: int(at[0])] + whole[-8:])
            refused += self.is_refused(bad)
        assert refused > 200
        for bytes_ in (b"", b"PAR1", b"PAR1PAR1", whole[:-4] + b"PARE", b"\x1c" * 5000):
            bad.write_bytes(bytes_)
            with pytest.raises(ValueError, match=r"bad.parquet"):
                Source(bad)
        # Structs in structs, deeper than any stack.
        bad.write_bytes(
            b"PAR1" + b"\x1c" * 5000 + (5000).to_bytes(4, "little") + b"PAR1"
        )
        why = "" if large else ": its footer is dam"
        with pytest.raises(ValueError, match=f"cannot be read{why}"):
            Source(bad)


def in_memory(frame, order):
    """Sort the rows stably by the place of their era in an order."""
    place = {label: i for i, label in enumerate(order)}
    return frame.iloc[np.argsort(frame["era"].map(place).to_numpy(), kind="stable")]


class TestSort:
    @pytest.mark.parametrize("batch_rows", [1, 40, None])
    @pytest.mark.parametrize("kind", [lambda X: X, *KINDS])
    def test_kinds_of_rows(self, kind, batch_rows, tmp_path):
        order = np.random.default_rng(2).permutation(len(FRAME))
        frame = kind(FRAME.iloc[order])
        source, target = one_file(frame, tmp_path), tmp_path / "sorted.parquet"
        sort_parquet(source, target, batch_rows=batch_rows)
        expected = in_memory(frame, kind(FRAME)["era"].unique())
        if kind in (without_ids, with_an_id_column):
            expected = expected.reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.read_parquet(target), expected)
        assert sorted(tmp_path.iterdir()) == [source, target]

    def test_mixed_files_then_transformed(self, tmp_path):
        order = np.random.default_rng(3).permutation(len(FRAME))
        frame = FRAME.iloc[order]
        paths = files_that_divide_eras(frame, tmp_path)
        with pytest.raises(ValueError, match="sort_parquet"):
            transform_parquet(BLEND, paths, tmp_path / "out.parquet")
        sort_parquet(paths, tmp_path / "sorted.parquet", batch_rows=30)
        transform_parquet(BLEND, tmp_path / "sorted.parquet", tmp_path / "out.parquet")
        got = pd.read_parquet(tmp_path / "out.parquet")
        pd.testing.assert_series_equal(
            got["prediction"].loc[frame.index], BLEND.transform(frame)["prediction"]
        )

    @pytest.mark.parametrize(
        ("labels", "order"),
        [
            (["X", "10", "9", "10", "X", "2"], ["2", "9", "10", "X"]),
            # Two labels that name no time leave the order of text.
            (["X", "10", "9", "A", "2", "A"], ["10", "2", "9", "A", "X"]),
        ],
    )
    def test_labels_without_a_number(self, tmp_path, labels, order):
        frame = pd.DataFrame({"era": labels, "row": range(6)})
        source, target = one_file(frame, tmp_path), tmp_path / "sorted.parquet"
        sort_parquet(source, target, batch_rows=1)
        expected = in_memory(frame, order).reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.read_parquet(target), expected)

    def test_hive_folders_and_another_era_column(self, tmp_path):
        frame = with_integer_eras(FRAME)
        sort_parquet(hive_folders(frame, tmp_path), tmp_path / "sorted.parquet")
        got = pd.read_parquet(tmp_path / "sorted.parquet")
        assert got["era"].tolist() == frame["era"].tolist()
        renamed = FRAME.rename(columns={"era": "week"}).iloc[::-1]
        sort_parquet(one_file(renamed, tmp_path), tmp_path / "2.parquet", era="week")
        assert pd.read_parquet(tmp_path / "2.parquet")["week"].is_monotonic_increasing

    def test_one_era_larger_than_a_batch_and_more_batches_than_files(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("skbench.streaming._sort._MAX_BUCKETS", 5)
        frame = pd.concat([FRAME, FRAME[:30].assign(era="0001")] * 2)[::-1]
        source, target = one_file(frame, tmp_path), tmp_path / "sorted.parquet"
        sort_parquet(source, target, batch_rows=1)
        expected = in_memory(frame, FRAME["era"].unique())
        pd.testing.assert_frame_equal(pd.read_parquet(target), expected)

    def test_bad_sources(self, tmp_path):
        target = tmp_path / "sorted.parquet"
        target.write_text("old")
        eras = FRAME["era"].to_numpy(object, copy=True)
        eras[100] = None
        cases = {
            "missing labels": FRAME.assign(era=eras),
            "the same number": FRAME.assign(era=FRAME["era"].replace("0002", "1")),
            "lacks 'era'": FRAME.drop(columns="era"),
        }
        for message, frame in cases.items():
            source = one_file(frame, tmp_path)
            with pytest.raises(ValueError, match=message):
                sort_parquet(source, target)
        with pytest.raises(ValueError, match="`batch_rows` must be"):
            sort_parquet(source, target, era="target", batch_rows=-1)
        assert target.read_text() == "old"
        assert sorted(tmp_path.iterdir()) == [source, target]


def three_files(frame, folder, change=None):
    """Write models, features with targets, and the reference of the last eras."""
    features = [name for name in frame if name.startswith("feature")]
    parts = {
        "models": frame[["era", "data_type", *MODELS]],
        "main": frame[["era", *features, "target"]],
        "meta": frame.loc[frame["era"] >= "0003", ["era", "numerai_meta_model"]],
    }
    if change is not None:
        parts = {name: change(name, part) for name, part in parts.items()}
    for name, part in parts.items():
        part.to_parquet(folder / f"{name}.parquet", row_group_size=17)
    return joined(folder, features)


def joined(folder, features):
    files = {name: EraFile(folder / f"{name}.parquet") for name in FILES}
    return Joined(
        [
            Side(files["models"], ["data_type", *MODELS]),
            Side(files["main"], [*features, "target"]),
            Side(files["meta"], ["numerai_meta_model"], required=False),
        ],
    )


def in_one(frame):
    """Columns of a frame in the order of the join."""
    features = [name for name in frame if name.startswith("feature")]
    names = ["era", "data_type", *MODELS, *features, "target", "numerai_meta_model"]
    return frame[names]


def shuffled(name, part):
    """Put the eras of each file in another order, and the rows in each era."""
    rng = np.random.default_rng(len(name))
    eras = rng.permutation(part["era"].unique()).tolist()
    order = part["era"].map(eras.index) + rng.random(len(part))
    return part.loc[order.sort_values().index]


FILES = ["models", "main", "meta"]


class TestJoin:
    """Files joined by era and id are to a pipeline one file."""

    @pytest.mark.parametrize("change", [None, shuffled])
    def test_rows(self, tmp_path, change):
        source = three_files(FRAME, tmp_path, change)
        models = pd.read_parquet(tmp_path / "models.parquet")
        got = pa.concat_tables(source.chunks(source.schema.names)).to_pandas()
        expected = in_one(FRAME).loc[models.index]
        pd.testing.assert_frame_equal(got, expected)
        assert source.n_rows == len(FRAME)
        assert source.unmatched == [0, 0, 0]

    @pytest.mark.parametrize("change", [None, shuffled])
    def test_a_file_whose_columns_get_other_names(self, tmp_path, change):
        """Two columns swap their names; one of the first file's gets a third."""
        three_files(FRAME, tmp_path, change)
        files = {name: EraFile(tmp_path / f"{name}.parquet") for name in FILES}
        own = FRAME[["era", "a", "b"]].iloc[3:-3]
        own.drop(index=own.index[::9]).to_parquet(tmp_path / "own.parquet")
        swap = {"a": "b", "b": "a", "unused": "c"}
        part = Side(EraFile(tmp_path / "own.parquet"), ["a", "b"], False, swap)
        source = Joined([Side(files["models"], ["c"], renamed={"c": "main"}), part])
        models = pd.read_parquet(tmp_path / "models.parquet")
        there = own.drop(index=own.index[::9]).rename(columns={"a": "b", "b": "a"})
        expected = models[["era", "c"]].rename(columns={"c": "main"})
        expected = expected.join(there[["b", "a"]])
        got = pa.concat_tables(source.chunks(source.schema.names)).to_pandas()
        pd.testing.assert_frame_equal(got, expected)
        only_a = pa.concat_tables(source.chunks(["a"])).column("a").to_numpy()
        np.testing.assert_array_equal(only_a, expected["a"])
        assert source.gaps(part) == (len(FRAME) - len(there), 0)

    def test_gaps_are_of_the_eras_that_both_have(self, tmp_path):
        three_files(FRAME, tmp_path)
        own = FRAME.loc[FRAME["era"] >= "0004", ["era", "a"]]
        other = own.assign(era="9" + own["era"]).rename(index="x{}".format)
        strange = own.iloc[:3].rename(index="y{}".format)
        rows = pd.concat([strange, own.iloc[5:], other])
        rows.to_parquet(tmp_path / "own.parquet")
        models = Side(EraFile(tmp_path / "models.parquet"), ["a"])
        part = Side(EraFile(tmp_path / "own.parquet"), ["a"], False, {"a": "mine"})
        assert Joined([models, part]).gaps(part) == (len(FRAME) - len(own) + 5, 3)

    @pytest.mark.parametrize("skip", [0, 1, 37, 100, len(FRAME) - 1, len(FRAME)])
    def test_rows_but_the_first(self, tmp_path, skip):
        source = three_files(FRAME, tmp_path, shuffled)
        every = pa.concat_tables(source.chunks(["a", "target", "id"]))
        rest = list(source.chunks(["a", "target", "id"], skip))
        assert sum(map(len, rest)) == len(FRAME) - skip
        if rest:
            assert pa.concat_tables(rest).equals(every.slice(skip))

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def test_any_rows_in_any_of_the_files(self, tmp_path, data):
        """Some ids are missing in each file, and some eras in two of them."""
        rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
        gone = data.draw(
            st.sets(st.sampled_from(sorted(set(FRAME["era"]))), max_size=4)
        )

        def change(name, part):
            part = shuffled(name, part[rng.random(len(part)) > 0.05])
            return part[~part["era"].isin(gone)] if name != "models" else part

        source = three_files(FRAME, tmp_path, change)
        parts = {n: pd.read_parquet(tmp_path / f"{n}.parquet") for n in FILES}
        models, main, meta = parts.values()
        kept = models[models.index.isin(main.index)]
        expected = kept.join(main.drop(columns="era")).join(meta.drop(columns="era"))
        got = pa.concat_tables(source.chunks(source.schema.names)).to_pandas()
        pd.testing.assert_frame_equal(got, expected, check_dtype=False)
        assert source.unmatched == [
            len(models) - len(kept),
            len(main) - len(kept),
            len(meta) - int(meta.index.isin(kept.index).sum()),
        ]

    @pytest.mark.parametrize("batch_rows", [1, 70, None])
    @pytest.mark.parametrize("change", [None, shuffled])
    def test_pipelines(self, tmp_path, change, batch_rows):
        source = three_files(FRAME, tmp_path, change)
        models = pd.read_parquet(tmp_path / "models.parquet")
        frame = in_one(FRAME).loc[models.index]
        pipeline = fit_parquet(clone(FIVE_STEPS), source, batch_rows=batch_rows)
        expected = clone(FIVE_STEPS).fit(frame, frame["target"])
        assert pipeline[1].weights_ == expected[1].weights_
        names = [step.feature_names_in_.tolist() for step in expected]
        assert [step.feature_names_in_.tolist() for step in pipeline] == names
        target = tmp_path / "out.parquet"
        transform_parquet(pipeline, source, target, batch_rows=batch_rows)
        got = pd.read_parquet(target)
        assert_same(got, expected.transform(frame), atol=1e-12)

    def test_resume(self, tmp_path, counts):
        source = three_files(FRAME, tmp_path, shuffled)
        target = tmp_path / "out.parquet"
        with pytest.raises(KeyboardInterrupt):
            transform_parquet(pipeline_that_breaks(at=4), source, target, batch_rows=1)
        assert (tmp_path / ".out.parquet.parts").is_dir()
        again = joined(tmp_path, [n for n in FRAME if n.startswith("feature")])
        pipeline = pipeline_that_breaks(at=None)
        transform_parquet(pipeline, again, target, batch_rows=1, resume=True)
        models = pd.read_parquet(tmp_path / "models.parquet")
        assert pd.read_parquet(target).index.equals(models.index)

    def test_the_files_that_are_read_are_not_replaced(self, tmp_path):
        source = three_files(FRAME, tmp_path)
        with pytest.raises(ValueError, match="must be another file"):
            transform_parquet(BLEND, source, tmp_path / "meta.parquet")

    def test_labels_and_ids_in_other_forms(self, tmp_path):
        def change(name, part):
            if name == "main":
                part = part.assign(era=part["era"].astype(int)).reset_index()
            if name == "meta":
                part = part.assign(era=part["era"].astype("category"))
                part.index = pd.CategoricalIndex(part.index, name="id")
            return part

        source = three_files(FRAME, tmp_path, change)
        got = pa.concat_tables(source.chunks(source.schema.names)).to_pandas()
        pd.testing.assert_frame_equal(got, in_one(FRAME))

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda n, p: p.iloc[[*range(5, len(p)), *range(5)]], "goes on after"),
            (lambda n, p: p.iloc[:0], "has no rows"),
            (lambda n, p: p.rename(index={p.index[1]: p.index[2]}), "duplicate ids"),
            (lambda n, p: p.replace({"era": {"0004": "3"}}), "the same number"),
            (lambda n, p: p.assign(era=p["era"].mask(p["era"] == "0004")), "an era"),
            (lambda n, p: p.reset_index(drop=True), "must have the columns 'id'"),
            (lambda n, p: p.drop(columns="era"), "must have the columns 'id'"),
        ],
    )
    @pytest.mark.parametrize("name", FILES)
    def test_bad_files(self, tmp_path, name, change, told):
        def one(found, part):
            return change(name, part) if found == name else part

        with pytest.raises(ValueError, match=told) as error:
            three_files(FRAME, tmp_path, one)
        assert str(tmp_path / f"{name}.parquet") in str(error.value)


def test_reading_ahead_may_end_in_the_thread_that_reads():
    """As it does where that thread collects what nobody holds any more."""
    first_taken, ended = Event(), Event()

    def chunks():
        yield 1
        first_taken.wait(10)
        ahead.close()
        ended.set()
        yield 2

    ahead = _ahead(chunks())
    assert next(ahead) == 1
    first_taken.set()
    assert ended.wait(10)


MEMORY = """
import sys
from sklearn.pipeline import make_pipeline
from skbench import *
from skbench.streaming import fit_parquet, sort_parquet, transform_parquet

what, source, target = sys.argv[1:]
steps = make_pipeline(
    EraRankGauss(), StackingWeights(), EraRankGauss(), FeatureNeutralizer(), EraRank()
)
if what == "sort":
    sort_parquet(source, target, batch_rows=8000)  # few files are open at once
else:
    fit_parquet(steps, source, batch_rows=4000)
    transform_parquet(steps, source, target, batch_rows=4000)
# Unlike the peak that `resource` has, this one is not the parent's at the start.
with open("/proc/self/status") as lines:
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["five steps", "sort"])
def test_memory_does_not_grow_with_the_number_of_eras(what, tmp_path):
    """The rows of 80 eras take 95 MB at least, their footer in pyarrow 45 MB more."""
    peaks = []
    for n_eras in (8, 80):
        rng = np.random.default_rng(0)
        source = tmp_path / "rows.parquet"
        names = [f"feature_{i}" for i in range(560)]
        for k in range(n_eras):
            block = rng.integers(0, 5, (2000, 560), dtype=np.int8)
            frame = pd.DataFrame(block, columns=names).assign(era=f"{k:04d}")
            frame = frame.assign(a=rng.random(2000), b=rng.random(2000))
            frame = frame.assign(target=rng.random(2000))
            table = pa.Table.from_pandas(frame)
            if k == 0:
                writer = pq.ParquetWriter(source, table.schema, compression="none")
            writer.write_table(table)
        writer.close()
        said = output_of(child(MEMORY, what, source, tmp_path / "out.parquet"))
        peaks.append(int(said))
    assert peaks[1] <= 1.1 * peaks[0], peaks


def test_real_rows(real_folder, tmp_path):
    models = pd.read_parquet(real_folder / "validation_benchmark_models.parquet")
    rows = pd.read_parquet(real_folder / "validation.parquet")
    wanted = [n for n in rows if n.startswith("feature")] + ["target_bernie_30"]
    frame = models.join(rows[wanted])
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path, row_group_size=250)
    steps = make_pipeline(
        EraRankGauss(), StackingWeights(), EraRankGauss(), FeatureNeutralizer()
    )
    expected = clone(steps).fit(frame, frame["target_bernie_30"])
    fit_parquet(steps, path, "target_bernie_30", batch_rows=300)
    assert_weights(steps[1], expected[1])
    transform_parquet(steps, path, tmp_path / "out.parquet", batch_rows=300)
    got = pd.read_parquet(tmp_path / "out.parquet")
    want = expected.transform(frame)
    pd.testing.assert_index_equal(got.index, want.index)
    np.testing.assert_allclose(got["prediction"], want["prediction"], rtol=0, atol=1e-9)
