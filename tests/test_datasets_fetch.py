"""Numerai's files are fetched once, in the parts that are needed, and never by half."""

import errno
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numerai_server import _ANSWERS, KEYS, NumeraiServer, _Handler
from tournament_files import write_tournament

from skbench import _numerai
from skbench._locks import locked
from skbench.datasets import (
    fetch_benchmark_models,
    load_benchmark_models,
    make_benchmark_models,
)
from skbench.folders import score_folder

MAIN = "validation.parquet"
MODELS = "validation_benchmark_models.parquet"
LIVE = "live_benchmark_models.parquet"
FEATURES = "features.json"
FILES = [FEATURES, "meta_model.parquet", MODELS, MAIN, LIVE]


@pytest.fixture(scope="session")
def made():
    return make_benchmark_models(
        n_eras=20, rows_per_era=200, n_models=2, n_features=64, random_state=0
    )


@pytest.fixture(scope="session")
def published(made, tmp_path_factory):
    folder = write_tournament(tmp_path_factory.mktemp("published"), made)
    main = pd.read_parquet(folder / MAIN)
    # Several row groups, and targets apart from each other, as in Numerai's own file.
    columns = [*main.columns[:40], "target", *main.columns[40:].drop("target")]
    main[columns].to_parquet(folder / MAIN, row_group_size=1400)
    return folder


@pytest.fixture
def server(published, tmp_path, no_keys):
    folder = shutil.copytree(published, tmp_path / "server")
    with NumeraiServer({"v5.3": folder}) as server:
        yield server


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def visible(home):
    return sorted(p.name for p in (home / "v5.3").iterdir() if p.name[0] != ".")


def hidden(home):
    return sorted(p.name for p in (home / "v5.3").iterdir() if p.name[0] == ".")


def check_same_as_the_whole_files(data, published, **options):
    whole = load_benchmark_models(published, **options)
    pd.testing.assert_frame_equal(data.frame, whole.frame)
    if whole.live is not None:
        pd.testing.assert_frame_equal(data.live, whole.live)


# What is fetched


def test_what_is_fetched_is_what_the_whole_files_hold(server, home, published, made):
    data = fetch_benchmark_models(data_home=home, features="small")
    check_same_as_the_whole_files(data, published, targets=True, features="small")
    assert visible(home) == sorted([*FILES, "live.parquet"])
    assert data.folder == home / "v5.3"
    assert data.version == "v5.3"
    assert data.targets == ["target", "target_cyrus_20", "target_ender_60"]
    for name in [FEATURES, MODELS, LIVE, "meta_model.parquet"]:
        assert (home / "v5.3" / name).read_bytes() == (published / name).read_bytes()
    schema = pq.read_schema(home / "v5.3" / MAIN)
    assert set(schema.names) == {
        "id", "era", "data_type", *data.targets, *data.features,
    }  # fmt: skip
    assert all(str(schema.field(name).type) == "int8" for name in data.features)
    copy = pd.read_parquet(home / "v5.3" / MAIN)
    assert copy.index.name == "id"
    pd.testing.assert_frame_equal(copy, pd.read_parquet(published / MAIN)[[*copy]])


def test_without_features_live_rows_have_no_large_file(server, home):
    data = fetch_benchmark_models(data_home=home)
    assert visible(home) == sorted(FILES)
    assert len(data.live) > 0
    assert data.features == []


def test_less_can_be_asked_for(server, home):
    data = fetch_benchmark_models(
        "v5.3", ["validation"], meta_model=False, targets=False, data_home=home
    )
    assert visible(home) == sorted([FEATURES, MODELS])
    assert data.live is None
    assert data.targets == []
    assert data.meta_model is None


def test_live_rows_alone_have_neither_targets_nor_the_meta_model(server, home):
    data = fetch_benchmark_models(splits=["live"], features="small", data_home=home)
    assert visible(home) == sorted([FEATURES, LIVE, "live.parquet"])
    assert data.frame["era"].nunique() == 1
    assert not server.asked_for("meta_model")


def test_single_targets_and_features_by_name(server, home, made):
    wanted = made.features[3:5]
    data = fetch_benchmark_models(
        data_home=home, targets=["target_ender_60"], features=wanted
    )
    assert data.features == wanted
    assert data.targets == ["target_ender_60"]
    assert "target" not in pq.read_schema(home / "v5.3" / MAIN).names


def test_an_empty_list_of_features_is_none(server, home):
    data = fetch_benchmark_models(data_home=home, features=[], targets=[])
    assert data.features == data.targets == []
    assert MAIN not in visible(home)


def test_of_a_large_file_a_small_part_is_read(server, home, published):
    """Two columns of 300; the footer, which names all of them, has to be read too."""
    folder = server.versions["v5.3"]
    main = pd.read_parquet(folder / MAIN)
    noise = make_benchmark_models(
        n_eras=20, rows_per_era=100, n_models=2, n_features=300, random_state=0
    ).frame
    columns = [name for name in noise if name.startswith("feature")]
    wide = noise[["era", *columns]].assign(
        target=main["target"].to_numpy()[: len(noise)]
    )
    # As many rows as make the footer small beside them, as it is in a real file.
    many = pd.concat([wide] * 30).set_axis(
        pd.Index([f"n{i:06d}" for i in range(30 * len(wide))], name="id")
    )
    many.to_parquet(folder / MAIN)
    models = many[["era"]].assign(v53_lgbm_ender20=0.5)
    models.to_parquet(folder / MODELS)
    size = (folder / MAIN).stat().st_size

    fetch_benchmark_models(
        splits=["validation"], meta_model=False, features=columns[7:8], data_home=home
    )
    read = server.sent[f"v5.3/{MAIN}"]
    assert size > 5_000_000
    ids = cost(folder / MAIN, ["id"])
    assert read < ids + 0.02 * size
    assert read < 0.2 * size


# A second call


def test_a_second_call_transfers_nothing(server, home):
    first = fetch_benchmark_models(data_home=home, features="small")
    times = {path: path.stat().st_mtime_ns for path in (home / "v5.3").iterdir()}
    server.forget()
    second = fetch_benchmark_models(data_home=home, features="small")
    # One byte of each file tells whether it has changed.
    assert sum(server.sent.values()) == len(server.sent) == len(FILES) + 1
    assert times == {path: path.stat().st_mtime_ns for path in times}
    pd.testing.assert_frame_equal(first.frame, second.frame)


def test_live_data_that_changed_is_fetched_anew(server, home):
    before = fetch_benchmark_models(data_home=home).live
    path = server.versions["v5.3"] / LIVE
    (pd.read_parquet(path).iloc[::-1]).to_parquet(path)
    server.forget()
    after = fetch_benchmark_models(data_home=home).live
    assert list(after.index) == list(before.index[::-1])
    fetched = {name for name, n_bytes in server.sent.items() if n_bytes > 1}
    assert fetched == {f"v5.3/{LIVE}"}


def test_live_data_that_changed_is_never_returned_old(server, home):
    """Whether or not it is asked for: the loader reads what is in the folder."""
    before = fetch_benchmark_models(data_home=home).live
    path = server.versions["v5.3"] / LIVE
    (pd.read_parquet(path).iloc[::-1]).to_parquet(path)
    data = fetch_benchmark_models(splits=["validation"], data_home=home)
    assert list(data.live.index) == list(before.index[::-1])

    (pd.read_parquet(path).iloc[::-1]).to_parquet(path, compression="gzip")
    server.fail(503, f"GET v5.3/{LIVE}", None)
    with pytest.raises(ConnectionError, match=LIVE):
        fetch_benchmark_models(data_home=home)


def test_a_main_file_that_changed_is_fetched_anew(server, home):
    fetch_benchmark_models(data_home=home, features="small")
    path = server.versions["v5.3"] / MAIN
    changed = pd.read_parquet(path)
    changed["target"] = 1 - changed["target"]
    changed.to_parquet(path)
    data = fetch_benchmark_models(data_home=home)
    pd.testing.assert_series_equal(
        data.frame["target"], changed["target"].loc[data.frame.index]
    )
    names = pq.read_schema(home / "v5.3" / MAIN).names
    assert not any(name.startswith("feature") for name in names)


def test_further_columns_are_merged_in(server, home, published, made):
    fetch_benchmark_models(data_home=home, features=made.features[:2])
    server.forget()
    data = fetch_benchmark_models(data_home=home, features="small")
    new = ["id", *data.features[2:]]
    assert 1 < server.sent[f"v5.3/{MAIN}"] < cost(published / MAIN, new)
    assert server.sent[f"v5.3/{MODELS}"] == 1
    check_same_as_the_whole_files(data, published, targets=True, features="small")
    order = [n for n in pq.read_schema(published / MAIN).names if n in data.frame]
    held = pq.read_schema(home / "v5.3" / MAIN).names
    assert [n for n in held if n != "id"] == order

    server.forget()
    fetch_benchmark_models(data_home=home, features=made.features[1:3])
    assert server.sent[f"v5.3/{MAIN}"] == 1


def cost(path, names):
    """Return the bytes of some columns, the footer and the gaps that are read over."""
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
    columns = [g.column(i) for g in groups for i in range(g.num_columns)]
    wanted = [c.total_compressed_size for c in columns if c.path_in_schema in names]
    return sum(wanted) + max(file.metadata.serialized_size, 2**16) + 1000 * len(groups)


@pytest.mark.parametrize("change", ["ids", "rows", "groups"])
def test_columns_are_not_merged_into_other_rows(server, home, made, change):
    fetch_benchmark_models(data_home=home, features=made.features[:2])
    path = home / "v5.3" / MAIN
    copy = pd.read_parquet(path)
    if change == "ids":
        copy = copy.set_axis(["other", *copy.index[1:]]).rename_axis("id")
    elif change == "rows":
        copy = copy.iloc[1:]
    copy.to_parquet(path, row_group_size=500 if change == "groups" else 1400)
    before = path.read_bytes()
    record_size(path)
    with pytest.raises(ValueError, match="delete it, and call again"):
        fetch_benchmark_models(data_home=home, features=made.features[:3])
    assert path.read_bytes() == before
    path.unlink()
    data = fetch_benchmark_models(data_home=home, features=made.features[:3])
    assert len(data.features) == 3


def record_size(path):
    """Make the record of a copy vouch for what is there now."""
    record_path = path.with_name(f".{path.name}.json")
    record = json.loads(record_path.read_text())
    record["bytes"] = path.stat().st_size
    record_path.write_text(json.dumps(record))


# Files of the user


def test_a_full_file_of_the_user_serves(server, home, published):
    folder = home / "v5.3"
    folder.mkdir(parents=True)
    shutil.copy(published / MAIN, folder)
    data = fetch_benchmark_models(data_home=home, features="all")
    assert server.sent[f"v5.3/{MAIN}"] == 1
    check_same_as_the_whole_files(data, published, targets=True, features="all")
    assert f".{MAIN}.json" not in hidden(home)


@pytest.mark.parametrize("known", [False, True], ids=["put there", "put over ours"])
def test_another_file_of_the_user_is_left_alone(server, home, published, known):
    folder = home / "v5.3"
    folder.mkdir(parents=True)
    if known:
        fetch_benchmark_models(data_home=home)
    pd.read_parquet(published / MAIN).iloc[:-1].to_parquet(folder / MAIN)
    before = (folder / MAIN).read_bytes()
    with pytest.raises(FileExistsError, match="not put there by skbench"):
        fetch_benchmark_models(data_home=home)
    assert (folder / MAIN).read_bytes() == before


# Failures of the network


@pytest.mark.parametrize("how", ["drop", "short", 503, "garbage"])
@pytest.mark.parametrize("name", [MODELS, MAIN])
def test_a_lasting_failure_leaves_nothing_broken(server, home, published, how, name):
    server.fail(how, f"GET v5.3/{name}$", None)
    with pytest.raises(ConnectionError, match=name) as caught:
        fetch_benchmark_models(data_home=home)
    assert "SIGNED" not in str(caught.value)
    assert name not in visible(home)
    assert not [n for n in hidden(home) if "part" in n]
    server.recover()
    data = fetch_benchmark_models(data_home=home)
    check_same_as_the_whole_files(data, published, targets=True)


def test_other_bytes_than_a_file_are_called_that(server, home):
    server.fail("garbage", "GET", None)
    with pytest.raises(ConnectionError, match=r"came as v5.3/features.json cannot be"):
        fetch_benchmark_models(data_home=home)
    server.recover()
    server.fail("garbage", f"GET v5.3/{MAIN}", None)
    with pytest.raises(ConnectionError, match=rf"came as v5.3/{MAIN} cannot be read"):
        fetch_benchmark_models(data_home=home)


@pytest.mark.parametrize("how", ["drop", "short", 500, 429, 403])
def test_a_passing_failure_is_got_over(server, home, published, how):
    server.fail(how, "GET", 2)
    data = fetch_benchmark_models(data_home=home)
    check_same_as_the_whole_files(data, published, targets=True)


def test_an_address_that_has_expired_is_asked_for_again(server, home):
    server.fail(403, f"GET v5.3/{MODELS}", 1)
    fetch_benchmark_models(data_home=home)
    files = 5
    assert server.asked_for("^dataset$") == files + 1


def test_a_server_that_does_not_answer_is_given_up(server, home, monkeypatch):
    monkeypatch.setattr(_numerai, "TIMEOUT", (0.2, 0.05))
    server.fail("sleep", "GET", None, seconds=0.3)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=r"3 of 3 attempts.*Timeout"):
        fetch_benchmark_models(data_home=home)
    assert time.monotonic() - start < 5
    assert not visible(home)
    assert not hidden(home)
    server.recover()
    fetch_benchmark_models(data_home=home)


@pytest.mark.parametrize("how", ["errors", "null", "garbage", "drop", 500])
@pytest.mark.parametrize("query", ["listDatasets", "^dataset$"])
def test_a_query_that_fails_leaves_nothing_broken(server, home, published, how, query):
    server.fail(how, query, None)
    with pytest.raises((ConnectionError, ValueError), match=f"`{query.strip('^$')}`"):
        fetch_benchmark_models(data_home=home)
    assert not list(home.glob("*/*"))
    server.recover()
    data = fetch_benchmark_models(data_home=home)
    check_same_as_the_whole_files(data, published, targets=True)


def test_a_server_that_ignores_ranges_is_not_read_whole(server, home):
    server.fail("whole", f"GET v5.3/{MAIN}", None)
    with pytest.raises(ConnectionError, match="header `Range`"):
        fetch_benchmark_models(data_home=home)


@pytest.mark.parametrize("how", ["elsewhere", "long", "gzip"])
@pytest.mark.parametrize("name", [FEATURES, MODELS, MAIN])
def test_what_was_not_asked_for_is_not_kept(server, home, published, how, name):
    """Other bytes of the same file, of the same number, make another file."""
    server.fail(how, f"GET v5.3/{name}$", None)
    with pytest.raises(ConnectionError, match=f"reading v5.3/{name}.*3 of 3 attempts"):
        fetch_benchmark_models(data_home=home)
    assert name not in visible(home)
    server.recover()
    server.fail(how, "GET", 2)
    data = fetch_benchmark_models(data_home=home)
    check_same_as_the_whole_files(data, published, targets=True)


def test_another_part_of_a_file_is_called_that(server, home):
    server.fail("elsewhere", "GET", None)
    told = r"bytes 1 to 1 of \d+ came, where 0 to 0 were asked for"
    with pytest.raises(ConnectionError, match=told):
        fetch_benchmark_models(data_home=home)


def test_a_part_of_another_place_is_never_put_into_a_copy(
    server, home, published, monkeypatch
):
    """It would look like a whole file, and be recorded as the newest one."""
    monkeypatch.setattr("skbench.datasets._cache.BLOCK", 4096)
    note = server._note

    def note_and_fail(name):
        if name == f"GET v5.3/{MODELS}" and server.asked_for(name) == 3:
            server.fail("elsewhere", name)
        return note(name)

    monkeypatch.setattr(server, "_note", note_and_fail)
    fetch_benchmark_models(data_home=home)
    assert (home / "v5.3" / MODELS).read_bytes() == (published / MODELS).read_bytes()


def test_a_file_that_grows_while_it_is_read(server, home, monkeypatch):
    """Its size stands in each answer, and is compared with the first one."""
    monkeypatch.setattr("skbench.datasets._cache.BLOCK", 4096)
    send = _Handler._send

    def grow(self, status, content, headers=None, *args, **options):
        if MODELS in self.path and server.asked_for(MODELS) == 3:
            extent, _, size = headers["Content-Range"].partition("/")
            headers["Content-Range"] = f"{extent}/{int(size) + 1}"
        return send(self, status, content, headers, *args, **options)

    monkeypatch.setattr(_Handler, "_send", grow)
    with pytest.raises(ConnectionError, match="replaced on the server"):
        fetch_benchmark_models(data_home=home)
    assert MODELS not in visible(home)


def test_a_server_that_sends_a_byte_at_a_time_is_given_up(server, home, monkeypatch):
    monkeypatch.setattr(_numerai, "DEADLINE", 0.3)
    server.fail("drip", "GET", None, seconds=0.05)
    server.fail("drip", "GET", None, seconds=0.05)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=f"reading v5.3/{FEATURES}.*too slow"):
        fetch_benchmark_models(data_home=home)
    assert time.monotonic() - start < 5
    assert not visible(home)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd?signature=SIGNED",
        "https://numerai.example:SIGNED/file",
        "https:///file?signature=SIGNED",
        "/file?signature=SIGNED",
        "http://numerai.example/file?signature=SIGNED",
        {"url": "https://numerai.example/file?signature=SIGNED"},
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
def test_an_address_that_may_not_be_read_is_not_shown(
    server, home, monkeypatch, address, redirected
):
    if redirected and isinstance(address, str) and ":" in address:
        server.fail("redirect", "GET", None, to=address)
    else:
        monkeypatch.setitem(_ANSWERS, "dataset", lambda *_: address)
    with pytest.raises(ConnectionError, match="not https") as caught:
        fetch_benchmark_models(data_home=home)
    assert "SIGNED" not in "".join(traceback.format_exception(caught.value))
    assert not visible(home)


@pytest.mark.parametrize(
    "answer", [None, {}, "v5.3/live.parquet", [["v5.3/live.parquet"]], [None], [1]]
)
def test_a_list_of_files_that_is_none(server, home, monkeypatch, answer):
    monkeypatch.setitem(_ANSWERS, "listDatasets", lambda *_: answer)
    with pytest.raises(ConnectionError, match=r"`listDatasets` with .*try again later"):
        fetch_benchmark_models(data_home=home)
    assert not home.exists()


def test_a_file_that_changes_while_it_is_read(server, home, monkeypatch):
    monkeypatch.setattr("skbench.datasets._cache.BLOCK", 4096)
    path = server.versions["v5.3"] / MODELS
    answer, sent = server._note, []

    def change_after_three(name):
        sent.append(name)
        if sent.count(f"GET v5.3/{MODELS}") == 3 and sent[-1] == f"GET v5.3/{MODELS}":
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        return answer(name)

    monkeypatch.setattr(server, "_note", change_after_three)
    with pytest.raises(ConnectionError, match="replaced on the server"):
        fetch_benchmark_models(data_home=home)
    assert MODELS not in visible(home)


def test_a_failing_refresh_keeps_the_old_copy(server, home):
    fetch_benchmark_models(data_home=home)
    before = (home / "v5.3" / LIVE).read_bytes()
    path = server.versions["v5.3"] / LIVE
    (pd.read_parquet(path).iloc[::-1]).to_parquet(path)
    server.fail("drop", f"GET v5.3/{LIVE}", None)
    with pytest.raises(ConnectionError):
        fetch_benchmark_models(data_home=home)
    assert (home / "v5.3" / LIVE).read_bytes() == before


def test_a_failing_merge_keeps_the_old_copy_and_its_record(server, home, made):
    fetch_benchmark_models(data_home=home)
    state = {p: p.read_bytes() for p in (home / "v5.3").iterdir()}
    server.fail(500, f"GET v5.3/{MAIN}", None)
    with pytest.raises(ConnectionError):
        fetch_benchmark_models(data_home=home, features="small")
    server.recover()
    assert {p: state[p] for p in state} == {p: p.read_bytes() for p in state}


def flip_last_bit(path, name):
    """Flip a bit in the last page of a column."""
    metadata = pq.read_metadata(path)
    column = metadata.row_group(0).column(metadata.schema.names.index(name))
    pages = (column.data_page_offset, column.dictionary_page_offset)
    begin = min(at for at in pages if at is not None)
    data = bytearray(path.read_bytes())
    data[begin + column.total_compressed_size - 1] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_in_a_copy_is_named_and_mended(server, home, published):
    fetch_benchmark_models(data_home=home)
    path = home / "v5.3" / MAIN
    flip_last_bit(path, "target")
    with pytest.raises(ValueError, match=r"validation\.parquet cannot be read .*CRC"):
        fetch_benchmark_models(data_home=home)
    data = fetch_benchmark_models(data_home=home, features="small")
    check_same_as_the_whole_files(data, published, targets=True, features="small")


def test_a_flipped_bit_on_the_way_is_an_error_that_names_the_file(server, home):
    path = server.versions["v5.3"] / MAIN
    table = pq.read_table(path)
    pq.write_table(table, path, compression="none", write_page_checksum=True)
    flip_last_bit(path, "target")
    with pytest.raises(ConnectionError, match=r"what came as .*validation\.parquet ca"):
        fetch_benchmark_models(data_home=home)
    assert MAIN not in visible(home)


# Interrupted, no room, no permission


@pytest.mark.parametrize("at", ["write", "rename", "record"])
def test_a_call_that_is_killed_is_made_good(server, home, published, monkeypatch, at):
    """Whatever stands on the disk at that moment, the next call returns the truth."""
    fetch_benchmark_models(data_home=home)
    path = server.versions["v5.3"] / MODELS
    changed = pd.read_parquet(path)
    changed.iloc[:, 1:] = 0.25
    changed.to_parquet(path)
    step = {
        "write": "skbench.datasets._cache._check_whole",
        "rename": "skbench.datasets._cache.write_record",
        "record": "skbench.tournament._record.Path.write_text",
    }[at]
    with monkeypatch.context() as patch:
        patch.setattr(step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch_benchmark_models(data_home=home)
    data = fetch_benchmark_models(data_home=home)
    assert (data.frame[data.models] == 0.25).all(axis=None)
    assert not [n for n in hidden(home) if "part" in n]


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_copy_whose_record_was_not_finished_is_not_relied_on(
    server, home, monkeypatch
):
    """The computer stops between the renaming of the copy and that of its record."""
    from skbench.datasets import _cache

    fetch_benchmark_models(data_home=home)
    path = server.versions["v5.3"] / MAIN
    changed = pd.read_parquet(path)
    changed["target"] = 0.25
    changed.to_parquet(path)
    write = _cache.write_record

    def stop_at_the_last(path, identity=None, *more):
        if path.name == MAIN and identity is not None:
            interrupt()
        write(path, identity, *more)

    with monkeypatch.context() as patch:
        patch.setattr(_cache, "write_record", stop_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            fetch_benchmark_models(data_home=home)
    server.forget()
    data = fetch_benchmark_models(data_home=home)
    assert server.sent[f"v5.3/{MAIN}"] > 1
    assert (data.frame["target"] == 0.25).all()


KILLED = """
import sys
from numerapi import base_api
from skbench.datasets import fetch_benchmark_models
base_api.API_TOURNAMENT_URL = sys.argv[1] + "/graphql"
fetch_benchmark_models(data_home=sys.argv[2], features="small")
"""


@pytest.mark.parametrize("name", [MODELS, MAIN])
def test_a_process_that_is_really_killed(server, home, published, name):
    """SIGKILL leaves no time to tidy up; nothing broken has its final name."""
    server.fail("sleep", on=f"GET v5.3/{name}", times=None, seconds=30)
    command = [sys.executable, "-c", KILLED, server.url, home]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 60
        while not server.asked_for(f"GET v5.3/{name}"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    assert process.returncode < 0
    assert name not in visible(home)
    server.recover()
    data = fetch_benchmark_models(data_home=home, features="small")
    check_same_as_the_whole_files(data, published, targets=True, features="small")


# Several at the same time

FETCHES = """
import sys
from numerapi import base_api
from skbench.datasets import fetch_benchmark_models
url, home, *features = sys.argv[1:]
base_api.API_TOURNAMENT_URL = url + "/graphql"
data = fetch_benchmark_models(data_home=home, features=features)
assert data.features == features
"""


def start_fetch(server, home, features):
    return subprocess.Popen(
        [sys.executable, "-c", FETCHES, server.url, home, *features],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_three_processes_fill_one_folder(server, home, published, made):
    """Each file is fetched by one of them, and the others add what they lack."""
    server.fail("sleep", on="GET", times=None, seconds=0.02)
    wanted = [made.features[i : i + 2] for i in (0, 2, 4)]
    processes = [start_fetch(server, home, features) for features in wanted]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert said == ["", "", ""]
    size = (published / MODELS).stat().st_size
    assert size < server.sent[f"v5.3/{MODELS}"] < size + 10
    names = [*FILES, "live.parquet"]
    assert visible(home) == sorted(names)
    assert hidden(home) == sorted(f".{name}.json" for name in names)
    server.recover()
    server.forget()
    data = fetch_benchmark_models(data_home=home, features=made.features[:6])
    assert sum(server.sent.values()) == len(names)
    check_same_as_the_whole_files(
        data, published, targets=True, features=made.features[:6]
    )


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("progress", [True, False])
def test_one_that_waits_says_so_where_progress_is_shown(
    server, home, monkeypatch, capsys, terminal, progress
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    path = home / "v5.3" / FEATURES
    path.parent.mkdir(parents=True)
    options = {"data_home": home, "progress": progress}
    with ThreadPoolExecutor() as pool:
        with locked(path, pytest.fail):
            fetch = pool.submit(fetch_benchmark_models, **options)
            with pytest.raises(TimeoutError):
                fetch.result(1)
            assert not server.asked_for("GET")
        fetch.result(60)
    lines = [ln for ln in capsys.readouterr().err.splitlines() if "waiting" in ln]
    assert len(lines) == (terminal and progress)
    for line in lines:
        told = rf"waiting for process {os.getpid()} on \S+, which is fetching {path}"
        assert re.fullmatch(told, line)


def zeros(content):
    return bytes(len(content))


def damaged_footer(content):
    """Keep the length and the last bytes, which say that it is a Parquet file."""
    return content[:-400] + bytes(350) + content[-50:]


def damaged_pages(content):
    return (
        content[:4] + b"\xff" * (len(content) // 2) + content[len(content) // 2 + 4 :]
    )


def cut_short(content):
    return content[: len(content) // 2]


def emptied(_):
    return b""


def first_fetched(home):
    fetch_benchmark_models(data_home=home, features="small")


def read_by_the_loader(home):
    load_benchmark_models(home / "v5.3", targets=True, features="small")


def read_era_by_era(home):
    score_folder(home / "v5.3")


@pytest.mark.parametrize(
    "damage", [zeros, damaged_footer, damaged_pages, cut_short, emptied]
)
@pytest.mark.parametrize("name", [MAIN, MODELS])
@pytest.mark.parametrize("read", [first_fetched, read_by_the_loader, read_era_by_era])
def test_a_damaged_copy_is_named_and_mended_by_the_next_fetch(
    server, home, published, name, damage, read
):
    """As after a failure of the disk, whether or not its record still says its size."""
    fetch_benchmark_models(data_home=home, features="small")
    copy = home / "v5.3" / name
    copy.write_bytes(damage(copy.read_bytes()))
    # What is shorter than it was is seen before it is read.
    if read is not first_fetched or damage not in (cut_short, emptied):
        with pytest.raises(ValueError, match=rf"{copy}.*Fetch it again: skbench fetch"):
            read(home)
    data = fetch_benchmark_models(data_home=home, features="small")
    check_same_as_the_whole_files(data, published, targets=True, features="small")


def test_damaged_sets_of_features_are_mended_by_the_next_fetch(server, home):
    fetch_benchmark_models(data_home=home)
    copy = home / "v5.3" / FEATURES
    copy.write_bytes(copy.read_bytes()[:-1] + b" ")
    with pytest.raises(ValueError, match=r"features\.json.*Fetch it again"):
        load_benchmark_models(home / "v5.3", features="small")
    assert fetch_benchmark_models(data_home=home, features="small").features


def test_a_copy_damaged_where_nothing_can_be_written_is_named(
    server, home, monkeypatch
):
    fetch_benchmark_models(data_home=home)
    copy = home / "v5.3" / MODELS
    copy.write_bytes(bytes(copy.stat().st_size))
    monkeypatch.setattr("skbench.tournament._record.written_whole", full_disk)
    with pytest.raises(ValueError, match=f"{copy} cannot be read"):
        load_benchmark_models(home / "v5.3")


def test_a_damaged_file_of_the_user_is_left_alone(server, home, published):
    folder = home / "v5.3"
    folder.mkdir(parents=True)
    size = (published / MODELS).stat().st_size
    (folder / MODELS).write_bytes(bytes(size))
    for _ in range(2):
        with pytest.raises(ValueError, match=f"{MODELS} cannot be read.*Delete it"):
            fetch_benchmark_models(data_home=home)
        assert (folder / MODELS).read_bytes() == bytes(size)


@pytest.mark.parametrize("error", [PermissionError, MemoryError])
def test_what_could_not_be_read_for_another_reason_is_not_fetched_again(
    server, home, monkeypatch, error
):
    def refuse(*_, **__):
        raise error("not now")

    fetch_benchmark_models(data_home=home)
    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.parquet.ParquetFile", refuse)
        with pytest.raises((ValueError, MemoryError)):
            load_benchmark_models(home / "v5.3")
    server.forget()
    fetch_benchmark_models(data_home=home)
    assert server.sent[f"v5.3/{MODELS}"] == 1


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_damaged_record_is_named(server, home, content):
    fetch_benchmark_models(data_home=home)
    record = home / "v5.3" / f".{MAIN}.json"
    record.write_text(content)
    with pytest.raises(ValueError, match=r"\.validation\.parquet\.json.*delete it"):
        fetch_benchmark_models(data_home=home)


def make_old(*paths):
    long_ago = time.time() - 7200
    for path in paths:
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)


def test_what_others_left_stays(server, home, tmp_path):
    """Such as what numerapi has downloaded so far, and goes on with."""
    folder = home / "v5.3"
    folder.mkdir(parents=True)
    mine = tmp_path / "mine"
    mine.write_bytes(b"half")
    stranger = [
        f"{MAIN}.temp", "notes.temp", ".mine.part.parquet", f".{MAIN}.part.parquet",
        ".validation.123.part.parquet", ".mine.0123abcd.part.parquet",
        ".validation.0123abcd.part.csv", ".validation.parquet.0123abcd.part.parquet",
    ]  # fmt: skip
    for name in stranger:
        (folder / name).write_bytes(b"half")
    folders = ["other.temp", ".live.0123abcd.part.parquet"]
    for name in folders:
        (folder / name).mkdir()
    link = ".validation.4567abcd.part.parquet"
    (folder / link).symlink_to(mine)
    make_old(mine, *(folder / name for name in [*stranger, *folders, link]))
    fetch_benchmark_models(data_home=home)
    assert all((folder / name).read_bytes() == b"half" for name in [*stranger, link])
    assert all((folder / name).is_dir() for name in folders)
    assert (folder / link).is_symlink()


@pytest.mark.parametrize("name", [MODELS, MAIN])
def test_a_full_disk_is_one_clear_error(server, home, monkeypatch, name):
    with monkeypatch.context() as patch:
        target = (
            ("skbench.datasets._cache._check_whole", full_disk)
            if name == MODELS
            else ("pyarrow.parquet.ParquetWriter.write_table", full_disk)
        )
        patch.setattr(*target)
        with pytest.raises(OSError, match=r"cannot be written.*No space.*`data_home`"):
            fetch_benchmark_models(data_home=home)
    assert name not in visible(home)
    assert not [n for n in hidden(home) if "part" in n]
    fetch_benchmark_models(data_home=home)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_too_little_room_is_seen_before_anything_is_read(server, home, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="bytes are needed, 100 are free") as caught:
        fetch_benchmark_models(data_home=home)
    assert caught.value.errno == errno.ENOSPC
    assert sum(server.sent.values()) == 1


def test_a_folder_that_cannot_be_written_to(server, home, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        with pytest.raises(PermissionError, match=r"Permission denied.*`data_home`"):
            fetch_benchmark_models(data_home=home)
    with monkeypatch.context() as patch:
        patch.setattr("skbench.datasets._cache.written_whole", refuse)
        with pytest.raises(PermissionError, match=r"features.json.*`data_home`"):
            fetch_benchmark_models(data_home=home)
    fetch_benchmark_models(data_home=home)


def test_a_complete_folder_need_not_be_writable(server, home, monkeypatch):
    fetch_benchmark_models(data_home=home)
    monkeypatch.setattr("skbench.datasets._cache.written_whole", full_disk)
    fetch_benchmark_models(data_home=home)


# Versions


def test_latest_is_the_highest_number_with_benchmark_models(server, home, published):
    older = server.versions.pop("v5.3")
    empty = home.parent / "empty"
    empty.mkdir()
    shutil.copy(published / FEATURES, empty)
    server.versions = {"v5.9": older, "v5.10": older, "v5.11": empty, "v4": older,
                       "signals/v9.0": older}  # fmt: skip
    assert fetch_benchmark_models(data_home=home).version == "v5.10"


@pytest.mark.parametrize("version", ["v4.3", "5.3", "../v5.3", "", None])
def test_an_unknown_version_lists_those_there_are(server, home, version):
    with pytest.raises(ValueError, match=r"`version` must be .* it has 'v5.3'"):
        fetch_benchmark_models(version, data_home=home)
    assert not home.exists()


def test_a_version_that_is_gone_leaves_its_copies(server, home, published):
    fetch_benchmark_models("v5.3", data_home=home)
    server.versions["v6.0"] = server.versions.pop("v5.3")
    with pytest.raises(ValueError, match=r"'v6.0'.* can be used as they are"):
        fetch_benchmark_models("v5.3", data_home=home)
    load_benchmark_models(home / "v5.3")


def test_a_file_that_a_version_lacks_is_named_before_any_is_read(server, home):
    (server.versions["v5.3"] / "meta_model.parquet").unlink()
    with pytest.raises(ValueError, match=r"no 'meta_model.parquet' in version v5.3"):
        fetch_benchmark_models(data_home=home)
    assert not server.sent
    fetch_benchmark_models(data_home=home, meta_model=False)


# A Meta Model of another release


@pytest.fixture
def longer(made, server, tmp_path):
    """The Meta Model as an old release had it: of more eras, in another order."""
    rng = np.random.default_rng(0)
    meta = made.frame[["era"]].assign(
        data_type="validation", numerai_meta_model=rng.random(len(made.frame))
    )
    folder = tmp_path / "v4.3"
    folder.mkdir()
    meta = meta.iloc[::-1]
    meta.to_parquet(folder / "meta_model.parquet")
    server.versions["v4.3@842"] = folder
    return meta


def test_a_longer_meta_model_is_joined_by_id(server, home, longer, published):
    own = load_benchmark_models(published).frame["numerai_meta_model"]
    data = fetch_benchmark_models(data_home=home, meta_model="v4.3@842")
    found = data.frame["numerai_meta_model"]
    expected = longer["numerai_meta_model"].loc[data.frame.index]
    pd.testing.assert_series_equal(found, expected)
    assert found.notna().sum() > own.notna().sum()
    assert (home / "v5.3" / "meta_model.parquet").stat().st_size == (
        server.versions["v4.3@842"] / "meta_model.parquet"
    ).stat().st_size
    scores = score_folder(home / "v5.3")
    assert scores["mmc_n_eras"].max() > score_folder(published)["mmc_n_eras"].max()


def test_later_calls_keep_to_it_until_its_own_is_named(server, home, longer, published):
    fetch_benchmark_models(data_home=home, meta_model="v4.3@842")
    server.sent.clear()
    data = fetch_benchmark_models(data_home=home)
    assert data.frame["numerai_meta_model"].notna().all()
    kept = home / "v5.3" / "meta_model.parquet"
    assert server.sent["v4.3@842/meta_model.parquet"] == 1
    data = fetch_benchmark_models(data_home=home, meta_model="v5.3")
    assert kept.read_bytes() == (published / "meta_model.parquet").read_bytes()
    fetch_benchmark_models(data_home=home)
    assert kept.read_bytes() == (published / "meta_model.parquet").read_bytes()


def test_one_that_does_not_fit_replaces_nothing(server, home, longer, published):
    fetch_benchmark_models(data_home=home)
    others = longer.assign(era=[f"{int(era) + 500:04}" for era in longer["era"]])
    others.to_parquet(server.versions["v4.3@842"] / "meta_model.parquet")
    with pytest.raises(ValueError, match=r"of v4.3@842 has the Meta Model of no"):
        fetch_benchmark_models(data_home=home, meta_model="v4.3@842")
    kept = home / "v5.3" / "meta_model.parquet"
    assert kept.read_bytes() == (published / "meta_model.parquet").read_bytes()
    fetch_benchmark_models(data_home=home)
    others = longer.set_axis(longer.index + "x")
    others.to_parquet(server.versions["v4.3@842"] / "meta_model.parquet")
    with pytest.raises(ValueError, match="only 0 are in both"):
        fetch_benchmark_models(data_home=home, meta_model="v4.3@842")
    assert kept.read_bytes() == (published / "meta_model.parquet").read_bytes()


def test_one_that_is_not_on_the_server(server, home, longer):
    with pytest.raises(ValueError, match=r"no such file: v4.3@841/meta_model.parquet"):
        fetch_benchmark_models(data_home=home, meta_model="v4.3@841")


def test_a_file_that_is_there_can_be_loaded(server, longer, published):
    path = server.versions["v4.3@842"] / "meta_model.parquet"
    data = load_benchmark_models(published, meta_model=path)
    expected = longer["numerai_meta_model"].loc[data.frame.index]
    pd.testing.assert_series_equal(data.frame["numerai_meta_model"], expected)
    longer.assign(era="0900").to_parquet(path)
    with pytest.raises(ValueError, match="has the Meta Model of no row of"):
        load_benchmark_models(published, meta_model=str(path))
    with pytest.raises(FileNotFoundError, match="`meta_model` must name a file"):
        load_benchmark_models(published, meta_model="none.parquet")


def test_a_file_that_vanishes_after_it_was_listed(server, home):
    server.fail("null", "^dataset$", None)
    with pytest.raises(ConnectionError, match=r"`dataset`.*without data"):
        fetch_benchmark_models(data_home=home)


# Arguments, keys, imports


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": "live"}, "`splits` must be a list"),
        ({"splits": []}, "`splits` must be a list"),
        ({"splits": ["test"]}, "`splits` must be 'train' or"),
        ({"targets": "target"}, "`targets` must be True, False or a list"),
        ({"targets": None}, "`targets` must be True, False or a list"),
        ({"meta_model": 1}, "`meta_model` must be True, False, or a release"),
        ({"meta_model": "long"}, "such as 'v4.3' or.* got 'long'"),
        ({"progress": "yes"}, "`progress` must be True or False"),
        ({"features": 3}, "`features` must be"),
        ({"features": [1]}, "`features` names '1'"),
        ({"features": "tiny"}, "`features` must be the name of a feature set"),
        ({"features": ["feature_none"]}, "`features` names 'feature_none'"),
        ({"targets": ["target_none"]}, "`targets` names 'target_none'"),
    ],
)
def test_bad_arguments_are_named(server, home, options, message):
    with pytest.raises(ValueError, match=message):
        fetch_benchmark_models(data_home=home, **options)
    assert not server.asked_for(MODELS)
    if home.exists():
        assert MAIN not in visible(home)
        fetch_benchmark_models(data_home=home)
        with pytest.raises(ValueError, match=message):
            fetch_benchmark_models(data_home=home, **options)


def test_the_folder_can_come_from_the_environment(server, home, monkeypatch):
    monkeypatch.setenv("SKBENCH_HOME", str(home))
    assert fetch_benchmark_models().folder == home / "v5.3"
    monkeypatch.delenv("SKBENCH_HOME")
    monkeypatch.setenv("HOME", str(home.parent))
    folder = fetch_benchmark_models().folder
    assert folder == home.parent / "skbench_data" / "v5.3"


def test_keys_are_seen_nowhere(server, home, keys, caplog, capfd):
    caplog.set_level("DEBUG")
    data = fetch_benchmark_models(data_home=home)
    server.fail(500, "GET", None)
    with pytest.raises(ConnectionError) as caught:
        fetch_benchmark_models(data_home=home)
    files = b"".join(path.read_bytes() for path in (home / "v5.3").iterdir())
    seen = (str(data), caplog.text, str(caught.getrepr()), *capfd.readouterr())
    for key in KEYS:
        assert not any(key in text for text in seen)
        assert key.encode() not in pickle.dumps(data) + files


def test_importing_the_datasets_loads_no_client():
    code = (
        "import sys, skbench.datasets, skbench.datasets._fetch, "
        "skbench.datasets._scores; "
        "print({'numerapi', 'fsspec', 'requests', 'tqdm'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_a_bar_shows_what_is_transferred(server, home, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fetch_benchmark_models(data_home=home, progress=True)
    shown = capsys.readouterr().err
    assert f"v5.3/{MODELS}: 100%" in shown
    assert f"v5.3/{MAIN}: 100%" in shown
    fetch_benchmark_models(data_home=home, progress=True)
    (home / "v5.3" / MODELS).unlink()
    fetch_benchmark_models(data_home=home)
    assert capsys.readouterr().err == ""


def test_real_rows(tmp_path, real_folder):
    with NumeraiServer({"v5.3": real_folder}):
        data = fetch_benchmark_models(features="medium", data_home=tmp_path)
    check_same_as_the_whole_files(data, real_folder, targets=True, features="medium")


def test_files_that_pandas_did_not_write_are_fetched_in_part(server, home, published):
    # Without what pandas notes in a file, the ids are a column like others.
    path = server.versions["v5.3"] / MAIN
    table = pq.read_table(path).replace_schema_metadata(None)
    pq.write_table(table, path)
    data = fetch_benchmark_models(data_home=home)
    check_same_as_the_whole_files(data, published, targets=True)


def test_no_version_has_what_is_asked_for(server, home):
    with pytest.raises(ValueError, match="no version with 'train_benchmark_models"):
        fetch_benchmark_models(splits=["train"], data_home=home)
