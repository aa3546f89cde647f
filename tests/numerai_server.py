"""A server on this machine that speaks as much of Numerai's API as skbench needs.

In tests: ``with NumeraiServer({"v5.3": folder}) as server`` points numerapi at it, and
back at Numerai in the end. By hand: ``python tests/numerai_server.py FOLDER``.
"""

import base64
import contextlib
import gzip
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import numerapi
from numerapi import base_api

KEYS = ("PUBLICIDPUBLICID", "SECRETKEYSECRETKEY")
SCORES = ("canon_corr60", "canon_mmc60")


class NumeraiServer:
    """What the server has, what was asked of it, and how it is to fail.

    ``versions`` maps a data version to the folder of its files. Everything else is
    plain attributes, for a test to read and to change:

    - ``accounts``: account -> names of its models; ``scores``: model id -> scores;
    - ``asked``: names of the requests so far, such as "listDatasets",
      "GET v5.3/live.parquet" or "PUT predictions.csv"; ``sent``: bytes a file;
    - ``stored``: what was uploaded, by file name; ``submissions``, ``model_uploads``,
      ``diagnostics``: what was made of it;
    - ``diagnostics_states``: what is said of diagnostics before they are done;
      ``score``: from a file to the scores of each era.
    """

    def __init__(self, versions=None):
        self.versions = {name: Path(path) for name, path in (versions or {}).items()}
        self.accounts = {"benchmark_models": ["v53_lgbm_ender20", "v53_lgbm_ender60"]}
        self.scores = {}
        self.rounds = [make_round(1344, "OPEN"), make_round(1343, "RESOLVING")]
        self.data_versions = ["v5.2", "v5.3"]
        self.docker_images = ["Python 3.11", "Python 3.12"]
        self.stored = {}
        self.submissions = []
        self.model_uploads = []
        self.diagnostics = {}
        self.diagnostics_states = []
        self.score = lambda content: []
        self.asked = []
        self.sent = Counter()
        self._failures = []
        self._lock = threading.Lock()

    def __enter__(self):
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.numerai = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self._endpoint = base_api.API_TOURNAMENT_URL
        base_api.API_TOURNAMENT_URL = self.url + "/graphql"
        return self

    def __exit__(self, *_):
        base_api.API_TOURNAMENT_URL = self._endpoint
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def api(self, *keys):
        """Return numerapi's own client, with keys or without."""
        return numerapi.NumerAPI(*keys, show_progress_bars=False)

    def fail(self, how, on="", times=1, seconds=0.0, to=""):
        """Fail the next requests whose name matches a pattern; ``times=None``: all.

        ``how`` is a status such as 500 or 403, or one of "drop" (close the connection
        midway), "short" (send fewer bytes, and say so), "whole" (ignore the range),
        "garbage" (no JSON, or other bytes), "errors" (a GraphQL error), "null" (no
        data), "sleep" (answer after some seconds), "drip" (a byte each so many
        seconds), "gzip" (zeros without end, compressed), "long" (more bytes than were
        asked for), "elsewhere" (as many bytes of another place, and say so) and
        "redirect" (``to`` another address).
        """
        self._failures.append(_Failure(how, on, times, seconds, to))

    def recover(self):
        """Fail no more."""
        self._failures.clear()

    def forget(self):
        """Start counting anew."""
        self.asked.clear()
        self.sent.clear()

    def asked_for(self, what):
        """Return how many of the requests so far match a pattern."""
        return sum(bool(re.search(what, name)) for name in self.asked)

    def model_id(self, name):
        return str(uuid5(NAMESPACE_URL, name))

    @property
    def models(self):
        """Names of all models by id."""
        names = {name for models in self.accounts.values() for name in models}
        return {self.model_id(name): name for name in sorted(names)}

    def file(self, name):
        """Return the path of one of Numerai's files, or None."""
        version, _, rest = name.rpartition("/")
        path = self.versions.get(version, Path("/nowhere")) / rest
        return path if path.is_file() else None

    def _note(self, name):
        """Count a request, and say how it is to fail."""
        with self._lock:
            self.asked.append(name)
            for failure in self._failures:
                if failure.times != 0 and re.search(failure.on, name):
                    if failure.times is not None:
                        failure.times -= 1
                    return failure
        return None


@dataclass
class _Failure:
    how: object
    on: str
    times: int | None
    seconds: float
    to: str


# What it answers: one function a field of GraphQL, of the server and the variables


def _list_datasets(server, _):
    return [
        f"{version}/{path.name}"
        for version, folder in server.versions.items()
        if "@" not in version  # as it was in a round, which the list leaves out
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    ]


def _dataset(server, variables):
    name = variables["filename"]
    if variables.get("round") is not None:
        release, _, file = name.partition("/")
        name = f"{release}@{variables['round']}/{file}"
    if server.file(name) is None:
        raise LookupError(f"no such file: {name}")
    return f"{server.url}/files/{name}?signature=SIGNEDSIGNED"


def _account_profile(server, variables):
    names = server.accounts.get(variables["username"])
    if names is None:
        raise LookupError("account not found")
    models = [{"id": server.model_id(name), "displayName": name} for name in names]
    return {"models": models}


def _user_profile(server, variables):
    name = variables["model_name"]
    if name not in server.models.values():
        return None
    return {
        "id": server.model_id(name),
        "startDate": "2024-01-01T00:00:00Z",
        "username": name,
        "bio": None,
        "nmrStaked": None,
    }


def _submission_scores(server, variables):
    scores = server.scores.get(variables["modelId"], [])
    resolved = variables["resolved"]
    scores = [s for s in scores if resolved in (None, s["resolved"])]
    if last := variables["lastNRounds"]:
        rounds = sorted({s["roundNumber"] for s in scores})[-last:]
        scores = [s for s in scores if s["roundNumber"] in rounds]
    return scores


def _rounds(server, variables):
    number, status = variables.get("number"), variables.get("status")
    if number == 0 and server.rounds and server.rounds[0]["status"] != "OPEN":
        raise LookupError("Current round not open for submissions")
    rounds = server.rounds[:1] if number == 0 else server.rounds
    if number:
        rounds = [r for r in rounds if r["number"] == number]
    rounds = [r for r in rounds if status in (None, r["status"])]
    return rounds[: variables.get("limit")]


def _leaderboard(server, variables):
    return [{"username": name} for name in server.accounts][: variables["limit"]]


def _account(server, _):
    models = [
        {"id": model_id, "name": name, "tournament": 8}
        for model_id, name in server.models.items()
    ]
    return {"models": models}


def _model(server, variables):
    return {"name": _known_model(server, variables)}


def _known_model(server, variables):
    model_id = variables.get("modelId", variables.get("modelid"))
    if model_id not in server.models:
        raise LookupError(f"no such model: {model_id}")
    return server.models[model_id]


def _upload_auth(server, variables):
    _known_model(server, variables)
    name = f"{len(server.asked)}-{variables['filename']}"
    return {"filename": name, "url": f"{server.url}/uploads/{name}?signature=SIGNED"}


def _create_submission(server, variables):
    """Make a submission, whether its file has come or not, as Numerai does."""
    submission = {
        "id": server.model_id(variables["filename"]),
        "filename": variables["filename"],
        "modelId": variables["modelId"],
        "insertedAt": datetime.now(UTC).isoformat(),
    }
    server.submissions.append(submission)
    return {"id": submission["id"]}


def _submissions(server, variables):
    return [s for s in server.submissions if s["modelId"] == variables["modelId"]]


def _submission_download(server, variables):
    for submission in server.submissions:
        if submission["id"] == variables["id"]:
            name = submission["filename"]
            return {
                "filename": name,
                "url": f"{server.url}/uploads/{name}?signature=SIGNED",
            }
    raise LookupError(f"no such submission: {variables['id']}")


def _create_model_upload(server, variables):
    upload = {"id": server.model_id(variables["filename"]), **variables}
    server.model_uploads.append(upload)
    return {"id": upload["id"]}


def _model_upload_list(server, variables):
    return [
        {"id": upload["id"], "validationStatus": "pending"}
        for upload in server.model_uploads
        if upload["modelId"] == variables["modelId"]
    ]


def _model_download(server, variables):
    for upload in server.model_uploads:
        if upload["id"] == variables["pickleId"]:
            name = upload["filename"]
            return {
                "filename": name,
                "url": f"{server.url}/uploads/{name}?signature=SIGNED",
            }
    raise LookupError(f"no such upload: {variables['pickleId']}")


def _named(server, names):
    return [{"name": name, "id": server.model_id(name)} for name in names]


_ANSWERS = {
    "listDatasets": _list_datasets,
    "dataset": _dataset,
    "accountProfile": _account_profile,
    "v3UserProfile": _user_profile,
    "submissionScores": _submission_scores,
    "rounds": _rounds,
    "accountLeaderboard": _leaderboard,
}
_ANSWERS_WITH_KEYS = {
    "account": _account,
    "model": _model,
    "submission_upload_auth": _upload_auth,
    "create_submission": _create_submission,
    "submissions": _submissions,
    "submissionDownloadAuth": _submission_download,
    "computePickleUploadAuth": _upload_auth,
    "createComputePickleUpload": _create_model_upload,
    "computePickles": _model_upload_list,
    "computePickleDownloadAuth": _model_download,
    "computePickleDataVersions": lambda s, _: _named(s, s.data_versions),
    "computePickleDockerImages": lambda s, _: _named(s, s.docker_images),
}


def make_round(number, status, opened=None):
    """Make a round as `list_rounds` returns it, with the scores that pay.

    It opened an hour ago if nothing else is said, or the day before if its status is
    not "OPEN", and closes two hours later.
    """
    days = 0 if status == "OPEN" else 1
    opened = opened or datetime.now(UTC) - timedelta(days=days, hours=1)
    closes = opened + timedelta(hours=2)
    configs = [
        {
            "name": name,
            "displayName": name,
            "version": "1",
            "isPayout": True,
            "defaultMultiplier": multiplier,
            "minMultiplier": multiplier,
            "maxMultiplier": multiplier,
            "clipThreshold": 1.0,
            "scoringStart": None,
            "scoringEnd": None,
        }
        for name, multiplier in zip(SCORES, (3.0, 15.0), strict=True)
    ]
    return {
        "id": str(number),
        "tournament": 8,
        "number": number,
        "status": status,
        "openTime": opened.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "closeStakingTime": closes.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "closeTime": closes.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "payoutFactor": "0.1",
        "roundScoreConfigs": configs,
    }


def make_scores(rounds, days, open_rounds=(), names=SCORES):
    """Make scores as `submission_scores` returns them: some days of some rounds."""
    return [
        {
            "roundNumber": number,
            "day": day,
            "displayName": name,
            "value": round(0.001 * day + 0.01 * i, 6),
            "percentile": 0.5,
            "resolved": number not in open_rounds and day == max(days),
            "date": f"2026-01-{day:02d}T10:00:00Z",
        }
        for number in rounds
        for day in days
        for i, name in enumerate(names)
    ]


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; what is in them is not its business."""

    def log_message(self, *_):
        pass

    @property
    def numerai(self):
        return self.server.numerai

    def do_POST(self):
        body = json.loads(self._read_body())
        field = re.search(r"{\s*(\w+)", body["query"])[1]
        failure = self._failure(field)
        if failure and failure.how == "errors":
            return self._send_json({"errors": [{"message": f"{field} is refused"}]})
        if failure and failure.how == "null":
            return self._send_json({"data": None})
        if failure and failure.how == "garbage":
            return self._send(200, b"<html>")
        if failure:
            return self._send_failure(failure, b'{"data": {}}')
        return self._send_json(self._answer(field, body["variables"] or {}))

    def _answer(self, field, variables):
        signed = "Token {}${}".format(*KEYS)
        if field in _ANSWERS_WITH_KEYS and self.headers["Authorization"] != signed:
            return {"errors": [{"message": "You must be authenticated to do that."}]}
        answer = {**_ANSWERS, **_ANSWERS_WITH_KEYS}[field]
        try:
            return {"data": {field: answer(self.numerai, variables)}}
        except LookupError as error:
            return {"data": {field: None}, "errors": [{"message": error.args[0]}]}

    def do_GET(self):
        kind, _, name = self._path().partition("/")
        failure = self._failure(f"GET {name}")
        content, headers = self._file(kind, name)
        if failure and failure.how == "redirect":
            return self._send_failure(failure, b"")
        if content is None:
            return self._send(404, b"no such file")
        size, status = len(content), 200
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        if part and not (failure and failure.how == "whole"):
            start, stop = int(part[1]), int(part[2] or size - 1) + 1
            if failure and failure.how == "elsewhere":
                step = 1 if stop < size else -1
                start, stop = start + step, stop + step
            if start >= size:
                return self._send(416, b"")
            content, status = content[start:stop], 206
            end = start + len(content) - 1
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        if failure and failure.how == "short":
            content = content[: len(content) // 2]
        elif failure and failure.how == "garbage":
            content = bytes(len(content))
        elif failure and failure.how == "long":
            content += bytes(1000)
        elif failure and failure.how not in ("whole", "elsewhere"):
            return self._send_failure(failure, content, headers, status)
        return self._send(status, content, headers, name)

    def do_PUT(self):
        name = self._path().partition("/")[2]
        body = self._read_body()
        if failure := self._failure(f"PUT {name}"):
            return self._send_failure(failure, b"yes")
        self.numerai.stored[name] = body
        return self._send(200, b"")

    def do_HEAD(self):
        self._send(403, b"")  # addresses are signed for one method

    def _path(self):
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _read_body(self):
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _failure(self, name):
        failure = self.numerai._note(name)
        if failure and failure.how == "sleep":
            time.sleep(failure.seconds)
            return None
        return failure

    def _file(self, kind, name):
        """Return what a file contains, and the headers that name its version."""
        if kind == "uploads":
            return self.numerai.stored.get(name), {}
        path = self.numerai.file(name)
        if path is None:
            return None, {}
        content = path.read_bytes()
        digest = base64.b16encode(hashlib.md5(content).digest()).decode()
        modified = formatdate(path.stat().st_mtime, usegmt=True)
        return content, {"ETag": f'"{digest}"', "Last-Modified": modified}

    def _send_failure(self, failure, content, headers=None, status=200):
        if failure.how == "redirect":
            return self._send(307, b"", {"Location": failure.to})
        if failure.how == "gzip":
            zeros = gzip.compress(bytes(2**22))
            headers = {**(headers or {}), "Content-Encoding": "gzip"}
            return self._send(status, zeros, headers)
        if failure.how == "drip":
            return self._send(status, content, headers, pause=failure.seconds)
        if failure.how != "drop":
            return self._send(failure.how, b"no")
        self._send(status, content, headers, sent=len(content) // 2)
        self.close_connection = True
        return None

    def _send_json(self, content):
        self._send(200, json.dumps(content).encode())

    def _send(self, status, content, headers=None, name=None, sent=None, pause=0.0):
        """Send an answer, or say how long it is and then send less of it."""
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": len(content)}.items():
            self.send_header(key, str(value))
        self.end_headers()
        if name:
            self.numerai.sent[name] += len(content)
        with contextlib.suppress(ConnectionError):  # where the one who asked has gone
            step = 1 if pause else max(len(content), 1)
            for start in range(0, len(content[:sent]), step):
                if pause:
                    time.sleep(pause)
                self.wfile.write(content[:sent][start : start + step])


def _create_diagnostics(server, variables):
    model_id, name = variables["modelId"], variables["filename"]
    diagnostics_id = server.model_id(name)
    server.diagnostics[diagnostics_id] = {"modelId": model_id, "filename": name}
    return {"id": diagnostics_id}


def _diagnostics(server, variables):
    """Tell how far they are: in the last of the states for good, else done."""
    made = server.diagnostics.get(variables["id"])
    if made is None or made["modelId"] != variables["modelId"]:
        return []
    states = server.diagnostics_states
    state = states.pop(0) if len(states) > 1 else (states or ["done"])[0]
    scores = server.score(server.stored[made["filename"]]) if state == "done" else None
    message = None if scores else f"a message about {state}"
    return [{"status": state, "message": message, "perEraDiagnostics": scores}]


_ANSWERS_WITH_KEYS |= {
    "diagnosticsUploadAuth": _upload_auth,
    "createDiagnostics": _create_diagnostics,
    "diagnostics": _diagnostics,
}


def main():
    """Serve the files of a folder as version v5.3 until interrupted."""
    with NumeraiServer({"v5.3": sys.argv[1]}) as server:
        print(f'numerapi.base_api.API_TOURNAMENT_URL = "{server.url}/graphql"')
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
