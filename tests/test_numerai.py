"""Requests to Numerai end in time, are sent again, and fail with one clear error."""

import io
import logging
import pickle
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numerapi
import pandas as pd
import pytest
import requests
from numerai_server import KEYS, NumeraiServer

from skbench import _numerai
from skbench._numerai import AttemptError, body, client, persist, send


@pytest.fixture
def server(no_keys):
    with NumeraiServer() as server:
        yield server


@pytest.fixture
def with_keys(server, keys):
    return server


@pytest.fixture
def model_id(server):
    return next(iter(server.models))


# Which client


def test_numerapi_s_own_methods_work_with_a_new_client(server):
    rounds = client().list_rounds(status="open")
    configs = rounds[0]["roundScoreConfigs"]
    assert [config["defaultMultiplier"] for config in configs] == [3.0, 15.0]
    assert client().get_current_round() == 1344
    assert list(client().models_of_account("benchmark_models")) == [
        "v53_lgbm_ender20", "v53_lgbm_ender60",
    ]  # fmt: skip


def test_the_caller_s_client_is_used_and_left_as_it_is(server):
    mine = server.api(*KEYS)
    before = dict(vars(mine))
    assert len(client(mine).get_models()) == 2
    assert vars(mine) == before
    signals = numerapi.SignalsAPI(show_progress_bars=False)
    assert client(signals).tournament_id == 11


def test_what_is_not_numerapi_s_client_is_returned_as_it_is():
    class Own(numerapi.NumerAPI):
        def raw_query(self, *_, **__):
            return {"data": {"listDatasets": ["own"]}}

    own, patched, other = Own(), numerapi.NumerAPI(), object()
    patched.raw_query = own.raw_query
    for api in (own, patched, other):
        assert client(api) is api


def test_keys_come_from_the_environment_alone(server, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("NUMERAI_PUBLIC_ID=a\nNUMERAI_SECRET_KEY=b\n")
    monkeypatch.chdir(tmp_path)
    assert client().token is None
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", KEYS[0])
    assert client().token is None
    monkeypatch.setenv("NUMERAI_SECRET_KEY", KEYS[1])
    assert client().token == KEYS


def test_no_env_file_is_looked_for(monkeypatch):
    looked = []
    monkeypatch.setattr(
        "numerapi.utils.load_secrets", lambda: looked.append(1) or (None, None)
    )
    client()
    assert not looked


def test_logging_is_what_it_was():
    code = (
        "import logging; from skbench._numerai import client; client(); "
        "print(logging.root.handlers, logging.root.level)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["[]", str(logging.WARNING)]


# Keys


def test_what_needs_keys_says_so_before_anything_is_sent(server, monkeypatch):
    with pytest.raises(ValueError, match=r"`account`.*not set: NUMERAI_PUBLIC_ID, NUM"):
        client().get_models()
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", KEYS[0])
    with pytest.raises(ValueError, match=r"not set: NUMERAI_SECRET_KEY\)"):
        client().get_models()
    assert not server.asked


def test_wrong_keys_are_refused_and_not_shown(server, monkeypatch):
    wrong = [key[::-1] for key in KEYS]
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", wrong[0])
    monkeypatch.setenv("NUMERAI_SECRET_KEY", wrong[1])
    with pytest.raises(ValueError, match="must be authenticated") as caught:
        client().get_models()
    assert not any(key in str(caught.getrepr()) for key in wrong)
    assert server.asked == ["account"]


@pytest.mark.parametrize("end", ["\n", " ", "\u2026", "\r\nX-Evil: 1"])
def test_keys_that_break_a_header_are_not_shown(with_keys, monkeypatch, end):
    monkeypatch.setenv("NUMERAI_SECRET_KEY", KEYS[1] + end)
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        client().get_models()
    assert KEYS[1] not in str(caught.value)
    assert not with_keys.asked


def test_a_server_that_repeats_the_keys_is_not_quoted(with_keys, monkeypatch):
    def repeat(self, field, variables):
        return {"errors": [{"message": f"bad token {self.headers['Authorization']}"}]}

    monkeypatch.setattr("numerai_server._Handler._answer", repeat)
    with pytest.raises(ValueError, match=r"bad token Token \*\*\*\$\*\*\*") as caught:
        client().get_models()
    assert not any(key in str(caught.value) for key in KEYS)


@pytest.mark.parametrize("how", ["drop", 500, "errors", "garbage"])
def test_keys_are_in_no_error_and_no_log(with_keys, caplog, capfd, how):
    caplog.set_level("DEBUG")
    with_keys.fail(how, "account", None)
    with pytest.raises((ConnectionError, ValueError)) as caught:
        client().get_models()
    seen = (str(caught.getrepr()), caplog.text, repr(client()), *capfd.readouterr())
    assert not any(key in text for key in KEYS for text in seen)


def test_a_client_with_keys_cannot_be_pickled_by_accident(with_keys):
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        pickle.dumps(client())


# Failures


@pytest.mark.parametrize("how", ["drop", 500, 503, 429, 408, "garbage", "null"])
def test_a_passing_failure_is_got_over(server, how):
    server.fail(how, "listDatasets", 2)
    assert client().list_datasets() == []
    assert server.asked == ["listDatasets"] * 3


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("drop", "IncompleteRead"),
        (500, "the server answered 500 Internal Server Error"),
        (404, "404 Not Found, and not with JSON"),
        ("garbage", "not with JSON"),
        ("null", "without data"),
    ],
)
def test_a_lasting_failure_is_one_clear_error(server, tmp_path, how, reason):
    server.fail(how, "dataset", None)
    with pytest.raises(ConnectionError, match=reason) as caught:
        client().download_dataset("v5.3/live.parquet", str(tmp_path / "live.parquet"))
    message = str(caught.value)
    assert "`dataset`(filename='v5.3/live.parquet', tournament=8)" in message
    assert "3 of 3 attempts" in message
    assert "try again later" in message
    assert caught.value.__suppress_context__


def test_nobody_there(server, monkeypatch):
    monkeypatch.setattr("numerapi.base_api.API_TOURNAMENT_URL", "http://127.0.0.1:9/q")
    with pytest.raises(ConnectionError, match="refused"):
        client().list_datasets()


def test_a_server_that_says_nothing_is_given_up(server, monkeypatch):
    monkeypatch.setattr(_numerai, "TIMEOUT", (0.2, 0.05))
    server.fail("sleep", "listDatasets", None, seconds=0.3)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="Timeout"):
        client().list_datasets()
    assert time.monotonic() - start < 3


def test_what_graphql_refuses_is_not_asked_again(server):
    server.fail("errors", "listDatasets", None)
    with pytest.raises(ValueError, match=r"`listDatasets`.* was refused: listDatasets"):
        client().list_datasets()
    assert server.asked == ["listDatasets"]


def test_a_mutation_is_sent_once(with_keys, model_id):
    with_keys.fail("drop", "create_submission", 1)
    with pytest.raises(ConnectionError, match="1 of 1 attempts"):
        client().upload_predictions(df=predictions(), model_id=model_id)
    assert with_keys.asked_for("create_submission") == 1


def test_waits_grow_and_end(monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)

    def fail():
        raise AttemptError("no luck")

    with pytest.raises(ConnectionError, match=r"asking failed \(5 of 5.*: no luck"):
        persist("asking", fail)
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_other_errors_are_not_tried_again():
    calls = []

    def fail():
        calls.append(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        persist("asking", fail)
    assert calls == [1]


def test_addresses_are_kept_out_of_failures(server):
    url = "http://127.0.0.1:9/file?signature=SIGNED"
    with pytest.raises(AttemptError) as caught:
        send(requests, "GET", url)
    assert "SIGNED" not in str(caught.value)
    assert "refused" in str(caught.value)


# How much is read, and for how long


def test_an_answer_is_not_unpacked(server):
    """Some kilobytes may become gigabytes; what was asked for is not compressed."""
    server.fail("gzip", "listDatasets", None)
    with pytest.raises(ConnectionError, match=r"came compressed \(gzip\), unasked for"):
        client().list_datasets()


def test_no_answer_is_compressed_unless_it_is_told_to(server, monkeypatch):
    headers = []
    plain = requests.Session.request

    def note(self, method, url, **options):
        headers.append(options["headers"])
        return plain(self, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", note)
    client().list_datasets()
    assert [sent["Accept-Encoding"] for sent in headers] == ["identity"]


@pytest.mark.parametrize("largest", [0, 1, 10, 100_000])
def test_no_more_than_a_byte_too_many_is_read(largest):
    class Answer:
        headers, raw = {}, io.BytesIO(bytes(10**6))

    with pytest.raises(AttemptError, match=f"more than {largest} bytes came"):
        body(Answer, largest)
    assert Answer.raw.tell() == largest + 1


def test_an_answer_of_the_largest_size_is_read(server, monkeypatch):
    size = len('{"data": {"listDatasets": []}}')
    monkeypatch.setattr(_numerai, "_LARGEST_ANSWER", size)
    assert client().list_datasets() == []
    monkeypatch.setattr(_numerai, "_LARGEST_ANSWER", size - 1)
    with pytest.raises(ConnectionError, match=f"more than {size - 1} bytes came"):
        client().list_datasets()


def test_a_server_that_sends_a_byte_at_a_time_is_given_up(server, monkeypatch):
    """Each byte comes within the time limit for one; all of them do not."""
    monkeypatch.setattr(_numerai, "DEADLINE", 0.3)
    server.fail("drip", "listDatasets", None, seconds=0.05)
    start = time.monotonic()
    with pytest.raises(
        ConnectionError, match=r"1 of 3 .*too slow: \d+ bytes came in 0"
    ):
        client().list_datasets()
    assert time.monotonic() - start < 3
    assert server.asked == ["listDatasets"]


# Where requests go

BAD_ADDRESSES = {
    "file": "file:///etc/passwd?signature=SIGNED",
    "plain http": "http://numerai.example/file?signature=SIGNED",
    "bad port": "https://numerai.example:SIGNED/file?signature=SIGNED",
    "port too large": "https://numerai.example:99999/file?signature=SIGNED",
    "no host": "https:///file?signature=SIGNED",
    "no address": "https://[::1/file?signature=SIGNED",
    "other scheme": "ftp://numerai.example/file?signature=SIGNED",
    "words": "SIGNED",
}
RELATIVE = {"relative": "/file?signature=SIGNED", "empty": "", "none": None}


@pytest.mark.parametrize("kind", [*BAD_ADDRESSES, *RELATIVE])
def test_what_is_no_https_address_is_not_asked_nor_shown(server, kind):
    with pytest.raises(ConnectionError, match="not https") as caught:
        persist(
            "asking", lambda: send(requests, "GET", (BAD_ADDRESSES | RELATIVE)[kind])
        )
    assert "1 of 3 attempts" in str(caught.value)
    assert "SIGNED" not in shown(caught)


def shown(caught):
    """Return all that Python prints of an error, and of those that it came from."""
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", sorted({*BAD_ADDRESSES} - {"words"}))
def test_nobody_is_followed_to_such_an_address(server, kind):
    server.fail("redirect", "GET", None, to=BAD_ADDRESSES[kind])
    url = f"{server.url}/files/v5.3/live.parquet?signature=SIGNED"
    with pytest.raises(ConnectionError, match="not https") as caught:
        persist("asking", lambda: send(requests, "GET", url))
    assert "SIGNED" not in shown(caught)
    assert server.asked == ["GET v5.3/live.parquet"]


def test_a_get_is_followed_and_not_in_circles(server):
    url = f"{server.url}/files/v5.3/live.parquet"
    server.fail("redirect", "GET", 2, to="/files/v5.2/live.parquet?signature=SIGNED")
    with send(requests, "GET", url) as answer:
        assert answer.status_code == 404
    assert server.asked == ["GET v5.3/live.parquet", *["GET v5.2/live.parquet"] * 2]
    server.fail("redirect", "GET", None, to=url)
    with pytest.raises(AttemptError, match="redirected more than 5 times"):
        send(requests, "GET", url)


def test_keys_and_files_are_sent_to_one_address_only(with_keys):
    with_keys.fail("redirect", "account", None, to=f"{with_keys.url}/elsewhere")
    with pytest.raises(ConnectionError, match="307 Temporary Redirect"):
        client().get_models()
    with_keys.fail("redirect", "PUT", None, to=f"{with_keys.url}/elsewhere")
    with send(requests, "PUT", f"{with_keys.url}/uploads/a", data=b"mine") as answer:
        assert answer.status_code == 307
    assert set(with_keys.asked) == {"account", "PUT a"}


@pytest.mark.parametrize(
    "endpoint", ["https://api-tournament.numer.ai", "http://numerai.example"]
)
def test_this_machine_is_asked_only_where_the_client_is_pointed_at_it(
    server, monkeypatch, endpoint
):
    monkeypatch.setattr("numerapi.base_api.API_TOURNAMENT_URL", endpoint)
    with pytest.raises(AttemptError, match="not https"):
        send(requests, "GET", f"{server.url}/files/v5.3/live.parquet")
    assert not server.asked


def test_keys_are_not_sent_in_the_clear(with_keys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "numerapi.base_api.API_TOURNAMENT_URL", "http://numerai.example/graphql"
    )
    monkeypatch.setattr(requests.Session, "request", lambda *a, **_: asked.append(a))
    with pytest.raises(ConnectionError, match="not https"):
        client().get_models()
    assert not asked


def test_addresses_are_struck_from_what_numerai_says(server, monkeypatch):
    def repeat(self, field, variables):
        return {"errors": [{"message": "no file at https://host/a?signature=SIGNED"}]}

    monkeypatch.setattr("numerai_server._Handler._answer", repeat)
    with pytest.raises(ValueError, match=r"no file at \(address\)") as caught:
        client().list_datasets()
    assert "SIGNED" not in shown(caught)


@pytest.mark.parametrize(
    "text",
    [
        "Max retries exceeded with url: /file?signature=SIGNED (Caused by nothing)",
        "Invalid URL 'https:///file?X-Amz-Signature=SIGNED&a=b': No host supplied",
        "no adapters for 'file:///SIGNED'",
        "at <https://me:SIGNED@host/file>, twice",
    ],
)
def test_addresses_are_struck_from_any_message(text):
    message = str(AttemptError(text))
    assert "SIGNED" not in message
    assert "(address)" in message
    assert message.split()[0] == text.split()[0]


# What the server can do for uploads


def predictions():
    return pd.DataFrame({"id": ["a", "b"], "prediction": [0.25, 0.75]})


def test_predictions_come_back_as_they_were_uploaded(with_keys, model_id, tmp_path):
    api = client()
    submission = api.upload_predictions(df=predictions(), model_id=model_id)
    assert [s["id"] for s in api.submission_ids(model_id)] == [submission]
    path = tmp_path / "back.csv"
    api.download_submission(submission, dest_path=str(path))
    pd.testing.assert_frame_equal(pd.read_csv(path), predictions())


def test_a_refused_upload_has_an_id_and_no_file(with_keys, model_id, tmp_path):
    """What numerapi does, and why an upload is to be read back."""
    with_keys.fail(403, "^PUT")
    submission = client().upload_predictions(df=predictions(), model_id=model_id)
    assert submission
    assert not with_keys.stored
    with pytest.raises(requests.HTTPError):
        client().download_submission(submission, dest_path=str(tmp_path / "back.csv"))


def test_a_model_is_uploaded(with_keys, model_id, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"a model")
    upload = client().model_upload(
        str(path), model_id=model_id, data_version="v5.3", docker_image="Python 3.11"
    )
    (made,) = with_keys.model_uploads
    assert made["id"] == upload
    assert made["dataVersionId"] == client().model_upload_data_versions()["v5.3"]
    assert made["dockerImageId"] == client().model_upload_docker_images()["Python 3.11"]
    assert with_keys.stored[made["filename"]] == b"a model"


def test_the_server_runs_by_itself(tmp_path):
    (tmp_path / "features.json").write_text("{}")
    script = Path(__file__).with_name("numerai_server.py")
    command = [sys.executable, "-u", str(script), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert isinstance(process.stdout, io.TextIOBase)
        url = process.stdout.readline().split('"')[1]
        body = {"query": "query { listDatasets }", "variables": None}
        answer = requests.post(url, json=body, timeout=10).json()
        process.terminate()
    assert answer == {"data": {"listDatasets": ["v5.3/features.json"]}}
