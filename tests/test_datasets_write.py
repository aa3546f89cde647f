"""A tournament written as Numerai's files, and read back."""

import errno
import json

import pandas as pd
import pytest

from skbench import _files
from skbench._parquet import open_parquet
from skbench.datasets import (
    load_benchmark_models,
    make_benchmark_models,
    to_folder,
)

NAMES = ["era", "meta_model", "models", "targets", "features"]
ALL = {"targets": True, "features": "all"}


@pytest.fixture(scope="module")
def made():
    return make_benchmark_models(20, 40, 3, 9, meta_model_eras=5, random_state=0)


@pytest.fixture
def folder(made, tmp_path):
    return to_folder(made, tmp_path / "new" / "v5.3")


def same(got, expected):
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestBack:
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_it_is_what_it_was(self, dtype, tmp_path):
        made = make_benchmark_models(20, 40, 3, 9, dtype=dtype, random_state=0)
        got = load_benchmark_models(to_folder(made, tmp_path), **ALL)
        same(got.frame, made.frame)
        same(got.live, made.live.drop(columns=made.targets))
        assert [got[name] for name in NAMES] == [made[name] for name in NAMES]
        assert got.feature_groups.items() >= made.feature_groups.items()

    def test_once_more_nothing_differs_at_all(self, folder, tmp_path):
        first = load_benchmark_models(folder, **ALL)
        again = load_benchmark_models(to_folder(first, tmp_path / "again"), **ALL)
        same(again.frame, first.frame)
        same(again.live, first.live)
        names = [*NAMES, "feature_groups", "unmatched"]
        assert [again[name] for name in names] == [first[name] for name in names]

    def test_a_part_of_the_rows(self, made, tmp_path):
        part = made.copy()
        part["frame"] = made.frame.iloc[::-3]
        got = load_benchmark_models(to_folder(part, tmp_path), **ALL)
        same(got.frame, part["frame"])

    def test_training_rows_stand_beside_others(self, made, folder):
        frame = made.frame.assign(data_type="train")
        train = {**made, "frame": frame, "live": None, "meta_model": None}
        to_folder({**train, "features": []}, folder)
        got = load_benchmark_models(folder, "train", targets=True, meta_model=False)
        same(got.frame, frame.drop(columns=[made.meta_model, *made.features]))
        same(load_benchmark_models(folder, **ALL).frame, made.frame)

    def test_several_types_of_data_are_of_validation(self, made, tmp_path):
        frame = made.frame.copy()
        frame.loc[frame["era"] > "0010", "data_type"] = "test"
        got = load_benchmark_models(
            to_folder({**made, "frame": frame}, tmp_path), **ALL
        )
        same(got.frame, frame)

    def test_live_rows_alone(self, folder, tmp_path):
        live = load_benchmark_models(folder, "live", features="all")
        again = to_folder(live, tmp_path / "live")
        assert sorted(contents(again)) == [
            "features.json", "live.parquet", "live_benchmark_models.parquet",
        ]  # fmt: skip
        same(load_benchmark_models(again, "live", features="all").frame, live.frame)

    def test_real_rows(self, real_folder, tmp_path):
        first = load_benchmark_models(real_folder, **ALL)
        again = load_benchmark_models(to_folder(first, tmp_path), **ALL)
        same(again.frame, first.frame)
        same(again.live, first.live)
        assert again.feature_groups == first.feature_groups


class TestFiles:
    def test_the_sets_are_those_that_numerai_names(self, made, folder):
        listed = json.loads((folder / "features.json").read_text())
        sets = listed["feature_sets"]
        assert sets["small"] == made.features[:5]
        assert sets["medium"] == sets["all"] == made.features
        assert made.feature_groups.items() <= sets.items()
        assert listed["targets"] == made.targets

    def test_no_features_no_sets(self, made, tmp_path):
        to_folder({**made, "features": [], "feature_groups": {}}, tmp_path)
        assert "features.json" not in contents(tmp_path)
        with pytest.raises(FileNotFoundError, match=r"features\.json is not there"):
            load_benchmark_models(tmp_path, features="small")

    def test_they_have_checksums(self, folder):
        path = folder / "validation_benchmark_models.parquet"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"CRC|checksum"):
            open_parquet(path).read()


class TestRefused:
    def test_files_that_are_there(self, made, folder):
        before = contents(folder)
        with pytest.raises(FileExistsError, match=r"has 'validation\.parquet', .*name"):
            to_folder(made, folder)
        (folder / "live.parquet").unlink()
        with pytest.raises(FileExistsError):
            to_folder(made, folder)
        assert contents(folder) == {
            name: old for name, old in before.items() if name != "live.parquet"
        }

    def test_unless_told_to(self, folder):
        (folder / "mine.csv").write_text("a")
        other = make_benchmark_models(20, 30, 2, 4, random_state=1)
        to_folder(other, folder, overwrite=True)
        same(load_benchmark_models(folder, **ALL).frame, other.frame)
        assert (folder / "mine.csv").read_text() == "a"

    def test_a_file_as_folder(self, made, tmp_path):
        path = tmp_path / "file"
        path.write_text("a")
        with pytest.raises(FileExistsError, match="`path` must name a folder"):
            to_folder(made, path, overwrite=True)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda data: data["frame"], "must be a tournament as .*got DataFrame"),
            (lambda data: {**data, "frame": 5}, "must have pandas frames whose index"),
            (
                lambda data: {**data, "frame": data["frame"].reset_index()},
                "whose index is the 'id' of each row",
            ),
            (
                lambda data: {**data, "live": data["live"].drop(columns="era")},
                "names 'era', which its frame does not have",
            ),
            (
                lambda data: {**data, "frame": pd.concat([data["frame"]] * 2)},
                "must have each id once; several have 'n",
            ),
        ],
    )
    def test_what_is_no_tournament(self, change, message, made, tmp_path):
        with pytest.raises(ValueError, match=message):
            to_folder(change(made), tmp_path / "new")
        assert not (tmp_path / "new").exists()

    def test_a_full_disk_leaves_the_old_files(self, folder, monkeypatch):
        before, fsync, calls = contents(folder), _files.os.fsync, []

        def full(file):
            calls.append(file)
            if len(calls) == 1:
                raise OSError(errno.ENOSPC, "full")
            fsync(file)

        monkeypatch.setattr(_files.os, "fsync", full)
        other = make_benchmark_models(20, 30, 2, 4, random_state=1)
        with pytest.raises(OSError, match="cannot be written: No space left"):
            to_folder(other, folder, overwrite=True)
        assert contents(folder) == before
