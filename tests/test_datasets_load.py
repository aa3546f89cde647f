"""Numerai's files joined into one frame."""

import json
import subprocess
import sys
from contextlib import contextmanager
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tournament_files import FILES, write_feature_sets, write_tournament

from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.tournament import SET_SIZES, _source
from skbench.tournament._features import feature_sets, resolve_features

MODELS = "validation_benchmark_models.parquet"
MAIN = "validation.parquet"
META = "meta_model.parquet"


@pytest.fixture(scope="module")
def made():
    return make_benchmark_models(20, 30, 3, 12, random_state=0)


@pytest.fixture
def folder(made, tmp_path):
    return write_tournament(tmp_path / "data", made)


def change(path, function):
    """Write a file anew, after a function of its frame."""
    function(pd.read_parquet(path)).to_parquet(path)


def change_table(path, function, **options):
    """Write a file anew, after a function of its pyarrow table."""
    pq.write_table(function(pq.read_table(path)), path, **options)


def with_column(table, name, column):
    return table.set_column(table.column_names.index(name), name, column)


def without_rows(frame, era, n_rows):
    """Drop the first rows of an era."""
    return frame.drop(index=frame.index[frame["era"] == era][:n_rows])


def joined_by_pandas(folder):
    """Join by id with what everybody would use: a slow, obvious reference."""
    models, main, meta = (
        pd.read_parquet(folder / name) for name in (MODELS, MAIN, META)
    )
    features = [name for name in main if name.startswith("feature")]
    rows = models.index[models.index.isin(main.index)]
    frame = models.loc[rows, ["era"]]
    frame["data_type"] = main["data_type"]
    frame = frame.join(models.drop(columns="era"))
    frame["numerai_meta_model"] = meta["numerai_meta_model"]
    targets = [name for name in main if name.startswith("target")]
    return frame.join(main[[*targets, *features]])


class TestRoundTrip:
    def test_frame_is_the_one_that_was_written(self, folder, made):
        data = load_benchmark_models(folder, features="all", targets=True)
        pd.testing.assert_frame_equal(data.frame, made.frame)
        # Live data has no targets.
        live = made.live.drop(columns=made.targets)
        pd.testing.assert_frame_equal(data.live, live)

    def test_bunch_has_the_keys_of_a_synthetic_one(self, folder, made):
        data = load_benchmark_models(folder, features="all", targets=True)
        assert set(data) == {*made, "unmatched"}
        for key in ("era", "meta_model", "models", "features", "targets"):
            assert data[key] == made[key]
        for key in ("weights", "expected_corr", "model_corr", "meta_weights"):
            assert data[key] is None
        assert set(data.unmatched) == {*FILES} - {"features.json"}
        assert not any(data.unmatched.values())

    def test_feature_groups_are_the_sets_that_were_read_whole(self, folder, made):
        data = load_benchmark_models(folder, features="all")
        names = {"small", "medium", "all", *made.feature_groups}
        assert set(data.feature_groups) == names
        group, features = next(iter(made.feature_groups.items()))
        assert load_benchmark_models(folder, features=group).feature_groups == {
            group: features
        }
        part = load_benchmark_models(folder, features=features[:-1])
        assert part.feature_groups == {}

    def test_single_precision_stays(self, tmp_path):
        made = make_benchmark_models(20, 10, 2, 4, dtype=np.float32, random_state=0)
        data = load_benchmark_models(write_tournament(tmp_path, made), features="all")
        pd.testing.assert_frame_equal(
            data.frame, made.frame.drop(columns=made.targets[1:])
        )

    def test_row_groups_and_batches_make_no_difference(self, folder, made, monkeypatch):
        change_table(folder / MAIN, lambda table: table, row_group_size=37)
        change_table(folder / MODELS, lambda table: table, row_group_size=101)

        def small(self, *arguments):
            for start, chunk in original(self, *arguments):
                for first in range(0, len(chunk), 13):
                    yield start + first, chunk.slice(first, 13)

        original = _source.Source.placed
        monkeypatch.setattr(_source.Source, "placed", small)
        data = load_benchmark_models(folder, features="all", targets=True)
        pd.testing.assert_frame_equal(data.frame, made.frame)

    def test_description_tells_counts_and_files(self, folder, made):
        text = load_benchmark_models(folder, features="all").DESCR
        assert f"{len(made.frame)}" in text
        assert str(folder) in text
        assert MODELS in text

    def test_arguments_in_any_form(self, folder, made):
        names = made.features[:2]
        lists = load_benchmark_models(folder, models=made.models[:1], features=names)
        for form in (tuple, np.array, pd.Series, iter):
            other = load_benchmark_models(
                str(folder), models=form(made.models[:1]), features=form(names)
            )
            pd.testing.assert_frame_equal(lists.frame, other.frame)

    def test_columns_come_in_the_order_asked_for(self, folder, made):
        models, features = made.models[::-1], made.features[5:2:-1]
        targets = ["target_ender_60", "target"]
        data = load_benchmark_models(
            folder, models=models, features=features, targets=targets
        )
        assert list(data.frame.columns) == [
            *("era", "data_type", *models, "numerai_meta_model", *targets, *features)
        ]
        pd.testing.assert_frame_equal(data.frame, made.frame[data.frame.columns])


class TestRealRows:
    def test_join_is_that_of_pandas(self, real_folder):
        data = load_benchmark_models(real_folder, features="all", targets=True)
        expected = joined_by_pandas(real_folder)
        assert data.frame.columns[17] == "target"
        pd.testing.assert_frame_equal(data.frame, expected[list(data.frame)])
        assert len(data.models) == 14
        assert data.frame["numerai_meta_model"].count() == 1900
        assert data.live["era"].unique().tolist() == ["eraX"]

    def test_live_rows_alone(self, real_folder):
        data = load_benchmark_models(real_folder, "live", features="small")
        assert data.live is data.frame
        assert data.frame.shape == (50, 2 + 14 + 10)
        assert data.meta_model is None
        assert data.targets == []

    def test_without_its_files_train_is_refused(self, real_folder):
        with pytest.raises(FileNotFoundError, match="train_benchmark_models"):
            load_benchmark_models(real_folder, "train")


class TestRows:
    def test_shuffled_main_file_gives_the_same(self, folder, made):
        change(folder / MAIN, lambda frame: frame.sample(frac=1, random_state=0))
        change(folder / META, lambda frame: frame.sample(frac=1, random_state=1))
        data = load_benchmark_models(folder, features="all", targets=True)
        pd.testing.assert_frame_equal(data.frame, made.frame)

    def test_interleaved_eras_keep_the_order_of_the_benchmark_file(self, folder, made):
        order = np.random.default_rng(0).permutation(len(made.frame))
        change(folder / MODELS, lambda frame: frame.iloc[order])
        data = load_benchmark_models(folder, features="all", targets=True)
        pd.testing.assert_frame_equal(data.frame, made.frame.iloc[order])
        some = load_benchmark_models(folder, features="all", targets=True, eras=[3, 17])
        expected = data.frame[data.frame["era"].isin(["0003", "0017"])]
        pd.testing.assert_frame_equal(some.frame, expected)

    # The folder is written anew for each example.
    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(seed=st.integers(0, 10**6), share=st.sampled_from([0.95, 1.0]))
    @pytest.mark.filterwarnings("ignore:ids without a partner")
    def test_any_files_give_what_pandas_gives(self, tmp_path, seed, share):
        made = make_benchmark_models(14, 12, 2, 4, random_state=seed)
        folder = write_tournament(tmp_path, made)
        for name in (MODELS, MAIN, META):
            change(
                folder / name, lambda frame: frame.sample(frac=share, random_state=seed)
            )
        size = np.random.default_rng(seed).integers(3, 60)
        change_table(folder / MAIN, lambda table: table, row_group_size=size)
        data = load_benchmark_models(folder, features="all", targets=True)
        expected = joined_by_pandas(folder)
        pd.testing.assert_frame_equal(data.frame, expected[list(data.frame)])

    def test_meta_model_is_nan_outside_its_eras_and_drops_nothing(self, folder, made):
        change(folder / META, lambda frame: frame[frame["era"] >= "0018"].iloc[3:])
        data = load_benchmark_models(folder)
        assert data.frame.index.equals(made.frame.index)
        missing = data.frame["numerai_meta_model"].isna()
        n_late = (made.frame["era"] >= "0018").sum()
        assert (~missing).sum() == n_late - 3
        assert not any(data.unmatched.values())

    def test_no_meta_model_in_these_eras_is_told(self, folder):
        with pytest.warns(UserWarning, match=r"meta_model\.parquet has none of the"):
            data = load_benchmark_models(folder, eras=[1, 2])
        assert data.frame["numerai_meta_model"].isna().all()
        assert data.frame["numerai_meta_model"].dtype == np.float64

    def test_rows_of_one_file_alone_are_counted_and_told(self, folder, made):
        change(folder / MAIN, lambda frame: without_rows(frame, "0004", 5))
        change(folder / MODELS, lambda frame: without_rows(frame, "0009", 2))
        with pytest.warns(UserWarning, match=f"5 of {MODELS}, 2 of {MAIN}"):
            data = load_benchmark_models(folder)
        assert len(data.frame) == len(made.frame) - 7
        assert data.unmatched[MODELS] == 5
        assert data.unmatched[MAIN] == 2
        expected = made.frame.loc[data.frame.index, data.frame.columns]
        pd.testing.assert_frame_equal(data.frame, expected)

    def test_eras_of_one_file_alone_are_counted_and_not_refused(self, folder, made):
        change(folder / MAIN, lambda frame: frame[frame["era"] <= "0003"])
        with pytest.warns(UserWarning, match="left out"):
            data = load_benchmark_models(folder)
        assert data.frame["era"].unique().tolist() == ["0001", "0002", "0003"]
        assert data.unmatched[MODELS] == len(made.frame) - len(data.frame)

    def test_pruned_eras_are_no_unmatched_ones(self, folder, made):
        change(folder / MAIN, lambda frame: frame[frame["era"] <= "0003"])
        data = load_benchmark_models(folder, eras=["0002"], meta_model=False)
        assert data.unmatched[MODELS] == 0
        assert data.frame["era"].unique().tolist() == ["0002"]

    def test_live_rows_need_their_files(self, folder):
        (folder / "live.parquet").unlink()
        assert load_benchmark_models(folder, features="small").live is None
        # Without features, the predictions are all there is to live rows.
        assert load_benchmark_models(folder).live is not None
        (folder / "live_benchmark_models.parquet").unlink()
        data = load_benchmark_models(folder)
        assert data.live is None
        assert "not loaded" in data.DESCR

    def test_stale_live_files_are_refused(self, folder):
        other = make_benchmark_models(20, 30, 3, 12, random_state=1)
        other.live[["era", *other.features]].to_parquet(folder / "live.parquet")
        message = r"live_benchmark_models\.parquet has \d+ ids .* only 0 are in both"
        with pytest.raises(ValueError, match=message):
            load_benchmark_models(folder, features="small")


class TestFileForms:
    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    def test_id_as_a_plain_column(self, folder, made, name):
        change(folder / name, lambda frame: frame.reset_index())
        self.check(folder, made)

    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    def test_no_pandas_metadata(self, folder, made, name):
        change_table(folder / name, lambda table: table.replace_schema_metadata(None))
        self.check(folder, made)

    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    def test_index_without_a_name(self, folder, made, name):
        change(folder / name, lambda frame: frame.rename_axis(None))
        self.check(folder, made)

    @pytest.mark.parametrize("name", [MAIN, META])
    def test_era_as_a_number_in_another_file(self, folder, made, name):
        change(folder / name, lambda frame: frame.astype({"era": int}))
        self.check(folder, made)

    @pytest.mark.parametrize("name", [MAIN, META])
    @pytest.mark.parametrize("column", ["id", "era", "data_type"])
    def test_dictionary_columns(self, folder, made, name, column):
        change_table(
            folder / name,
            lambda table: with_column(table, column, table[column].dictionary_encode()),
            row_group_size=50,
        )
        self.check(folder, made)

    @pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
    def test_either_type_of_strings(self, folder, made, text):
        change_table(
            folder / MAIN,
            lambda table: with_column(table, "id", table["id"].cast(text)),
        )
        self.check(folder, made)

    @staticmethod
    def check(folder, made):
        data = load_benchmark_models(folder, features="all", targets=True)
        pd.testing.assert_frame_equal(data.frame, made.frame)

    def test_era_keeps_the_form_of_the_benchmark_file(self, folder, made):
        change(folder / MODELS, lambda frame: frame.astype({"era": np.int16}))
        data = load_benchmark_models(folder, eras=["0019", 20])
        assert data.frame["era"].dtype == np.int16
        assert data.frame["era"].unique().tolist() == [19, 20]
        change(
            folder / MODELS,
            lambda frame: frame.assign(era=made.frame["era"].astype("category")),
        )
        data = load_benchmark_models(folder, eras=[20])
        assert isinstance(data.frame["era"].dtype, pd.CategoricalDtype)
        assert data.frame["era"].unique().tolist() == ["0020"]
        assert "eras                1\n" in data.DESCR

    def test_data_type_is_the_split_where_no_file_has_it(self, folder):
        change(folder / MAIN, lambda frame: frame.drop(columns="data_type"))
        data = load_benchmark_models(folder)
        assert data.frame["data_type"].unique().tolist() == ["validation"]

    def test_data_type_follows_its_rows(self, folder, made):
        labels = np.where(made.frame["era"] > "0015", "test", "validation")
        change(folder / MAIN, lambda f: f.assign(data_type=labels).iloc[::-1])
        data = load_benchmark_models(folder)
        assert data.frame["data_type"].tolist() == labels.tolist()
        change(folder / MAIN, lambda frame: frame.drop(columns="data_type"))
        change(folder / MODELS, lambda frame: frame.assign(data_type=labels))
        data = load_benchmark_models(folder)
        assert data.frame["data_type"].tolist() == labels.tolist()

    def test_missing_feature_makes_its_column_floating_and_no_other(self, folder, made):
        name, other, third = made.features[1], made.features[0], made.features[2]
        values = made.frame[name].astype("Int8")
        values.iloc[[3, 400]] = pd.NA
        change(folder / MAIN, lambda frame: frame.assign(**{name: values}))
        change_table(folder / MAIN, lambda table: table, row_group_size=100)
        frame = load_benchmark_models(folder, features="all").frame
        assert frame[name].dtype == np.float32
        np.testing.assert_array_equal(np.flatnonzero(frame[name].isna()), [3, 400])
        kept = frame[name].notna()
        pd.testing.assert_series_equal(
            frame.loc[kept, name], made.frame.loc[kept, name], check_dtype=False
        )
        pd.testing.assert_frame_equal(frame[[other, third]], made.frame[[other, third]])
        # In eras where nothing is missing, it is what it was.
        some = load_benchmark_models(folder, features="all", eras=[8], meta_model=False)
        assert some.frame[name].dtype == np.int8

    def test_null_predictions_and_targets_are_nan(self, folder, made):
        values = pa.array([None, *made.frame[made.models[0]].iloc[1:]])
        change_table(folder / MODELS, lambda t: with_column(t, made.models[0], values))
        frame = load_benchmark_models(folder).frame
        assert frame[made.models[0]].isna().sum() == 1
        assert frame["target"].isna().sum() == made.frame["target"].isna().sum() > 0

    def test_frame_can_be_changed_and_files_do_not_change(self, folder):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        frame = load_benchmark_models(folder, features="all").frame
        frame["target"] = 0.0
        frame.iloc[0, 5] = 1.0
        assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


class TestPruning:
    @pytest.fixture
    def bytes_read(self, monkeypatch):
        """Count the bytes that are read of each file."""
        counts = {}

        class Counting(BytesIO):
            def read(self, size=-1):
                content = super().read(size)
                counts[self.name] = counts.get(self.name, 0) + len(content)
                return content

        @contextmanager
        def counting(self):
            file = Counting(Path(self.path).read_bytes())
            file.name = Path(self.path).name
            yield pa.PythonFile(file, "r")

        monkeypatch.setattr(_source._File, "open", counting)
        return counts

    @pytest.fixture
    def wide(self, tmp_path):
        made = make_benchmark_models(20, 300, 2, 200, random_state=0)
        folder = write_tournament(tmp_path, made)
        change_table(folder / MAIN, lambda table: table, row_group_size=300)
        return folder, made

    def test_only_the_columns_asked_for_are_read(self, wide, bytes_read):
        folder, made = wide
        load_benchmark_models(folder, features="all")
        whole = bytes_read.pop(MAIN)
        # The footer, which lists 200 columns in 20 row groups, is most of the rest.
        footer = pq.read_metadata(folder / MAIN).serialized_size
        load_benchmark_models(folder, features=made.features[:2])
        assert bytes_read[MAIN] - footer < 0.25 * (whole - footer)
        bytes_read.clear()
        load_benchmark_models(folder, targets=())
        assert MAIN not in bytes_read

    def test_only_row_groups_of_the_eras_asked_for_are_read(self, wide, bytes_read):
        folder, _ = wide
        load_benchmark_models(folder, features="all", meta_model=False)
        whole = bytes_read.pop(MAIN)
        footer = pq.read_metadata(folder / MAIN).serialized_size
        load_benchmark_models(folder, features="all", eras=[7], meta_model=False)
        # An era lies in two or three row groups of the twenty.
        assert bytes_read[MAIN] - footer < 0.2 * (whole - footer)

    @pytest.mark.parametrize("pieces", [1, 3, 4000])
    def test_row_groups_keep_their_places(self, tmp_path, monkeypatch, pieces):
        """Of two files, and whether they are opened for each row group or for all."""
        monkeypatch.setattr("skbench.tournament._footer._COLUMN_CHUNKS", pieces)
        paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
        table = pa.table({"row": range(23)})
        pq.write_table(table[:12], paths[0], row_group_size=3)
        pq.write_table(table[12:], paths[1], row_group_size=4)
        source = _source.Source(paths)
        asked = []

        def is_needed(start, stop):
            asked.append((start, stop))
            return start in (0, 6, 9, 12, 20)

        read = list(source.placed(["row"], is_needed))
        for start, chunk in read:
            assert chunk["row"].to_pylist() == [*range(start, start + len(chunk))]
        rows = [row for _, chunk in read for row in chunk["row"].to_pylist()]
        assert rows == [0, 1, 2, *range(6, 16), 20, 21, 22]
        ends = [0, 3, 6, 9, 12, 16, 20, 23]
        assert asked == [*pairwise(ends)]
        for skip in range(24):
            rest = [c["row"].to_pylist() for c in source.chunks(["row"], skip)]
            assert [row for rows in rest for row in rows] == [*range(skip, 23)]

    def test_columns_that_are_read_are_those_of_the_frame(self, wide, monkeypatch):
        folder, made = wide
        seen = set()
        original = pq.ParquetFile.iter_batches

        def spy(self, *args, columns, **kwargs):
            seen.update(columns)
            return original(self, *args, columns=columns, **kwargs)

        monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
        load_benchmark_models(
            folder, models=made.models[:1], features=["feature_x"][:0]
        )
        meta = "numerai_meta_model"
        assert seen == {"id", "era", "data_type", made.models[0], meta, "target"}

    def test_files_that_are_not_needed_may_be_missing(self, folder, made):
        for name in FILES:
            if name != MODELS:
                (folder / name).unlink()
        data = load_benchmark_models(folder, targets=(), meta_model=False)
        expected = made.frame[["era", "data_type", *made.models]]
        pd.testing.assert_frame_equal(data.frame, expected)
        assert data.meta_model is None
        assert data.unmatched == {MODELS: 0}

    def test_named_features_need_no_features_json(self, folder, made):
        (folder / "features.json").unlink()
        data = load_benchmark_models(folder, features=made.features[:2])
        assert data.features == made.features[:2]
        assert data.feature_groups == {}


class TestEras:
    @pytest.mark.parametrize(
        "eras",
        [
            ["0019", "0020"],
            [20, 19],
            range(19, 21),
            {"19", "0020"},
            np.array([19, 20]),
            pd.Series(["0019", "0020"]),
            (era for era in (19.0, 20.0)),
        ],
    )
    def test_any_form_of_labels(self, folder, made, eras):
        data = load_benchmark_models(folder, eras=eras)
        expected = made.frame[made.frame["era"] >= "0019"][data.frame.columns]
        pd.testing.assert_frame_equal(data.frame, expected)

    def test_live_rows_are_not_cut(self, folder, made):
        data = load_benchmark_models(folder, eras=[20])
        assert len(data.live) == len(made.live)

    @pytest.mark.parametrize(
        ("eras", "message"),
        [
            ([1, 99, "X"], r"names 99, 'X', which .* has 20 eras, '0001' to '0020'"),
            ([], "name an era"),
            ("0001", "list of era labels; got '0001'"),
            (1, "list of era labels; got 1"),
            ([None], "names None"),
        ],
    )
    def test_labels_that_are_not_there(self, folder, eras, message):
        with pytest.raises(ValueError, match=message):
            load_benchmark_models(folder, eras=eras)


class TestFit:
    """Whether files belong together."""

    @pytest.mark.parametrize("name", [MAIN, MODELS])
    @pytest.mark.filterwarnings("ignore:ids without a partner")
    def test_80_percent_of_the_ids_must_match(self, folder, made, name):
        frame = pd.read_parquet(folder / name)
        order = np.random.default_rng(0).permutation(len(frame))
        for share, refused in [(0.79, True), (0.81, False)]:
            kept = np.sort(order[: round(share * len(frame))])
            frame.iloc[kept].to_parquet(folder / name)
            if refused:
                with pytest.raises(ValueError, match=f"only {len(kept)} are in both"):
                    load_benchmark_models(folder, meta_model=False)
            else:
                data = load_benchmark_models(folder, meta_model=False)
                assert len(data.frame) == len(kept)

    def test_ids_of_another_release_are_refused_and_the_worst_era_named(self, folder):
        def replace(frame):
            late = frame["era"].isin(["0003", "0010", "0011", "0012", "0013", "0014"])
            whole = frame["era"] == "0010"
            other = late & (whole | (np.arange(len(frame)) % 10 > 0))
            ids = np.where(other, "other" + frame.index.astype(str), frame.index)
            return frame.set_axis(pd.Index(ids, name="id"))

        change(folder / MAIN, replace)
        with pytest.raises(ValueError, match="fewest in era '0010', 0 of"):
            load_benchmark_models(folder)

    def test_of_two_files_that_do_not_match_the_main_one_is_named(self, folder):
        change(folder / MODELS, lambda frame: frame.rename(index=lambda i: "x" + i))
        with pytest.raises(ValueError, match=r"validation\.parquet .* only 0 are in"):
            load_benchmark_models(folder)

    def test_meta_model_of_another_release_is_refused(self, folder):
        change(folder / META, lambda frame: frame.rename(index=lambda i: "x" + i))
        with pytest.raises(ValueError, match=r"meta_model\.parquet .* only 0 are in"):
            load_benchmark_models(folder)
        assert load_benchmark_models(folder, meta_model=False).meta_model is None

    def test_no_shared_era_is_refused(self, folder):
        change(folder / MAIN, lambda frame: frame.assign(era="0900"))
        change(folder / MAIN, lambda frame: frame.rename(index=lambda i: "x" + i))
        with pytest.raises(ValueError, match="share no era"):
            load_benchmark_models(folder)

    def test_eras_asked_for_that_the_main_file_lacks(self, folder):
        change(folder / MAIN, lambda frame: frame[frame["era"] != "0005"])
        with pytest.raises(ValueError, match="share no era"):
            load_benchmark_models(folder, eras=[5], meta_model=False)

    @pytest.mark.parametrize("name", [MAIN, META])
    @pytest.mark.parametrize("shuffled", [False, True])
    def test_id_in_another_era_is_refused(self, folder, made, name, shuffled):
        def move(frame):
            frame.iloc[-1, frame.columns.get_loc("era")] = "0019"
            return frame.iloc[::-1] if shuffled else frame

        change(folder / name, move)
        last = made.frame.index[-1]
        with pytest.raises(ValueError, match=f"{last!r} is in '0019' and '0020'"):
            load_benchmark_models(folder)

    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    def test_duplicate_ids_are_named(self, folder, name):
        twice = pd.read_parquet(folder / name).index[-1]
        change(folder / name, lambda frame: pd.concat([frame, frame.iloc[-1:]]))
        with pytest.raises(ValueError, match=f"{name} has duplicate ids: {twice!r}"):
            load_benchmark_models(folder)

    def test_duplicate_ids_alike_in_all_files_are_refused(self, folder):
        for name in (MODELS, MAIN, META):
            change(folder / name, lambda frame: pd.concat([frame, frame.iloc[-1:]]))
        with pytest.raises(ValueError, match=f"{MODELS} has duplicate ids"):
            load_benchmark_models(folder)

    @pytest.mark.parametrize("column", ["id", "era"])
    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    def test_missing_labels_are_refused(self, folder, name, column):
        def blank(table):
            values = table[column].to_pylist()
            return with_column(table, column, pa.array([None, *values[1:]]))

        change_table(folder / name, blank)
        with pytest.raises(ValueError, match=rf"{name} has 1 rows without an {column}"):
            load_benchmark_models(folder)

    def test_two_labels_of_one_era_are_refused(self, folder):
        change(folder / MODELS, lambda f: f.replace({"era": {"0002": "1"}}))
        with pytest.raises(ValueError, match=r"eras '0001' and '1' of the same number"):
            load_benchmark_models(folder)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"split": "valid"}, "`split` must be 'train' or 'validation' or 'live'"),
            ({"split": None}, "`split` must be"),
            ({"meta_model": None}, "`meta_model` must be True or False; got None"),
            ({"models": ["v53_lgbm_cyrus21"]}, "mean 'v53_lgbm_cyrus20'"),
            ({"models": []}, "no model to load"),
            ({"models": ["era"]}, "two columns called 'era'"),
            ({"models": 3}, "`models` must be names of columns; got 3"),
            ({"models": ["v53_lgbm_cyrus20"] * 2}, "`models` names a column twice"),
            ({"features": "smal"}, "got 'smal'; did you mean 'small'.* 'medium'"),
            ({"features": ""}, "got ''. The sets are 'small', 'medium', 'all'"),
            ({"features": ["feature_1"]}, rf"'feature_1', which {MAIN} does not"),
            ({"features": ["target"]}, "two columns called 'target'"),
            ({"features": True}, "`features` must be names of columns; got True"),
            ({"features": ["data_type"]}, "two columns called 'data_type'"),
            ({"targets": ["target_cyrus"]}, "; did you mean 'target_cyrus_20'"),
            ({"targets": 1}, "`targets` must be names of columns; got 1"),
        ],
    )
    def test_bad_ones_are_named(self, folder, arguments, message):
        with pytest.raises(ValueError, match=message):
            load_benchmark_models(folder, **arguments)

    def test_folder_must_be_there(self, folder):
        for path in (folder / "nowhere", folder / MAIN):
            with pytest.raises(FileNotFoundError, match="`path` must be a folder"):
                load_benchmark_models(path)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            (MODELS, "download it"),
            (MAIN, "it has the targets and features"),
            (META, "pass meta_model=False"),
            ("features.json", "it lists the feature sets"),
        ],
    )
    def test_missing_files_are_named(self, folder, name, hint):
        (folder / name).unlink()
        with pytest.raises(FileNotFoundError, match=f"{name} is not there: .*{hint}"):
            load_benchmark_models(folder, features="small")

    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    @pytest.mark.parametrize("cut", ["empty", "half", "text", "middle"])
    def test_broken_files_are_named(self, folder, name, cut):
        path = folder / name
        content = path.read_bytes()
        # With a hole in the middle, the file opens and its pages cannot be read.
        hole = content[:40] + b"\xff" * (len(content) // 3) + content[40:]
        path.write_bytes(
            {
                "empty": b"",
                "half": content[: len(content) // 2],
                "text": b"<html>404</html>",
                "middle": hole[: len(content) // 3 + 40]
                + content[len(content) // 3 + 40 :],
            }[cut]
        )
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            load_benchmark_models(folder, features="all")

    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    @pytest.mark.parametrize("column", ["id", "era"])
    def test_files_without_a_column_are_named(self, folder, name, column):
        change(folder / name, lambda f: f.reset_index().drop(columns=column))
        with pytest.raises(ValueError, match=f"{name} must have the columns"):
            load_benchmark_models(folder)

    @pytest.mark.parametrize("name", [MODELS, MAIN, META])
    def test_files_without_rows_are_named(self, folder, name):
        change_table(folder / name, lambda table: table.slice(0, 0))
        with pytest.raises(ValueError, match=f"{name} has no rows"):
            load_benchmark_models(folder)

    def test_file_without_models_is_named(self, folder):
        change(folder / MODELS, lambda frame: frame[["era"]])
        with pytest.raises(ValueError, match="no model to load"):
            load_benchmark_models(folder)

    def test_columns_of_text_are_no_predictions(self, folder, made):
        change(folder / MODELS, lambda frame: frame.assign(note="text", count=1))
        assert load_benchmark_models(folder).models == made.models
        (folder / "live_benchmark_models.parquet").unlink()
        counted = load_benchmark_models(folder, models=["count"]).frame
        assert counted["count"].eq(1).all()
        with pytest.raises(ValueError, match=r"'note' .* must hold numbers"):
            load_benchmark_models(folder, models=["note"])

    def test_meta_model_file_without_its_column(self, folder):
        change(folder / META, lambda f: f.rename(columns={"numerai_meta_model": "m"}))
        with pytest.raises(
            ValueError, match="must have the column 'numerai_meta_model'"
        ):
            load_benchmark_models(folder)

    def test_no_targets_where_all_are_asked_for(self, folder, made):
        change(folder / MAIN, lambda frame: frame.drop(columns=made.targets))
        with pytest.raises(ValueError, match="has no targets"):
            load_benchmark_models(folder, targets=True)

    def test_live_file_that_lacks_a_model(self, folder, made):
        path = folder / "live_benchmark_models.parquet"
        change(path, lambda frame: frame.drop(columns=made.models[0]))
        with pytest.raises(ValueError, match=f"{path} lacks {made.models[0]!r}, which"):
            load_benchmark_models(folder)
        data = load_benchmark_models(folder, live=False)
        assert data.models == made.models
        assert data.live is None


class TestFeatureSets:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            "3",
            "{}",
            '{"feature_sets": 3}',
            '{"feature_sets": {"small": "feature_x"}}',
            '{"feature_sets": {"small": [1]}}',
            b"\xff\xfe\x00",
        ],
    )
    def test_malformed_files_are_named(self, folder, content):
        path = folder / "features.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(ValueError, match=r"features\.json.*[Dd]ownload it again"):
            load_benchmark_models(folder, features="small")

    def test_sets_are_read_as_they_are(self, tmp_path):
        path = tmp_path / "features.json"
        write_feature_sets(path, {"a": ["x", "y"], "b": []}, ["target"])
        assert feature_sets(path) == {"a": ["x", "y"], "b": []}

    @pytest.fixture
    def newest(self, folder):
        """Return the sets of a release as large as the newest, and a way to write."""
        sizes = {**SET_SIZES, "all": 3555}
        sets = {n: [f"feature_{i}" for i in range(k)] for n, k in sizes.items()}

        def written(**changed):
            write_feature_sets(folder / "features.json", {**sets, **changed}, [])
            return folder / "features.json"

        return written

    def test_the_sets_of_the_newest_release_are_known(self, newest):
        assert len(feature_sets(newest())["serenity"]) == 95

    def test_sets_of_other_sizes_are_told_of_at_load(self, newest, made):
        path = newest(serenity=["feature_1"], small=made.features)
        message = (
            rf"not those of v5.3 in October 2026: in features, 'small' has "
            rf"{len(made.features)} and not 42, 'serenity' has 1 and not 95\. "
        )
        with pytest.warns(UserWarning, match=message):
            load_benchmark_models(path.parent, features="small")

    def test_an_older_release_has_other_sets_and_no_warning(self, newest):
        path = newest(serenity=["feature_1"])
        content = json.loads(path.read_text())
        del content["feature_sets"]["quantum"]
        path.write_text(json.dumps(content))
        assert feature_sets(path)["serenity"] == ["feature_1"]

    def test_none_a_set_and_names(self):
        sets = {"a": ["x", "y"]}
        assert resolve_features(None, sets, ["x"]) == []
        assert resolve_features("a", sets, ["z", "y", "x"]) == ["x", "y"]
        assert resolve_features(["y"], {}, ["z", "y", "x"]) == ["y"]

    def test_features_of_a_set_must_be_there(self, folder):
        write_feature_sets(folder / "features.json", {"small": ["feature_0"]}, [])
        with pytest.raises(ValueError, match=rf"{MAIN} lacks 1 of .*'feature_0'"):
            load_benchmark_models(folder, features="small")


def test_one_model_can_be_asked_for_by_its_name(folder, made):
    name = made.models[0]
    assert load_benchmark_models(folder, models=name).models == [name]


MEMORY = """
import sys
from skbench.datasets import load_benchmark_models

def peak():
    # Unlike the peak that `resource` has, this one is not the parent's at the start.
    with open("/proc/self/status") as lines:
        line = next(line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

before = peak()
frame = load_benchmark_models(sys.argv[1]).frame
print((peak() - before) / frame.memory_usage(deep=False).sum())
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [1, 300])
def test_memory_is_little_more_than_that_of_the_frame(n_groups, tmp_path):
    """Hashes of the ids come and go before the numbers; nothing is held twice."""
    n_rows = 3_000_000
    rng = np.random.default_rng(0)
    labels = {
        "id": [f"n{k:015x}" for k in rng.permutation(n_rows)],
        "era": np.repeat([f"{k:04d}" for k in range(300)], n_rows // 300),
    }
    models = {f"m{k}": rng.random(n_rows, np.float32) for k in range(22)}
    others = {
        MODELS: pa.table(labels | models),
        MAIN: pa.table(labels | {"target": models["m0"]}),
        META: pa.table(labels | {"numerai_meta_model": models["m1"]})[-400_000:],
    }
    for name, table in others.items():
        path = tmp_path / name
        pq.write_table(table, path, row_group_size=n_rows // n_groups)
    del labels, models, others
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.5
