"""What a timer calls each day, against a server that fails at every step."""

import configparser
import errno
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import five_steps
from numerai_server import KEYS, NumeraiServer, make_round
from numerapi import base_api
from tournament_files import write_feature_sets, write_tournament

from skbench import StackingWeights
from skbench.cli import main, skbench
from skbench.cli.daily import STATUSES
from skbench.daily import KeysError, RefusedError, read_config, run_daily
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.deploy import submit
from skbench.deploy.send import _upload as uploading
from skbench.recipes import recipe

ROOT = Path(__file__).parents[1]
MODEL, OTHER = "v53_lgbm_ender20", "v53_lgbm_ender60"
N = 55  # live rows
CONFIG = f"""
output = "predictions"
data_home = "data"

[models.{MODEL}]
fit = "corr"
shrinkage = 0.5
neutralize = "small"
proportion = 0.25
"""


@pytest.fixture(scope="module")
def made():
    made = make_benchmark_models(34, 60, 3, 8, random_state=0)
    assert len(made.live) == N
    return made


@pytest.fixture
def server(made, tmp_path, keys, monkeypatch):
    monkeypatch.setattr(uploading, "DELAYS", (0.0, 0.0, 0.0))
    monkeypatch.chdir(tmp_path)
    Path("daily.toml").write_text(CONFIG)
    files = write_tournament(tmp_path / "server", made)
    with NumeraiServer({"v5.3": files}) as server:
        yield server


@pytest.fixture
def daily(capsys):
    """Return what runs the command: its status, and what it prints on both ways."""

    def run(*options):
        status = 0
        try:
            main(["daily", "daily.toml", *options])
        except SystemExit as exit_:
            status = exit_.code
        out, err = capsys.readouterr()
        assert not any(key in out + err for key in KEYS)
        assert all("SIGNED" not in text for text in (out, err))
        lines = err.splitlines()
        told = [line for line in lines if not line.startswith("skbench: warning: ")]
        return status, out.splitlines(), told

    return run


def received(server):
    """The predictions that Numerai has of the model, by id."""
    content = server.stored[server.submissions[-1]["filename"]].decode()
    rows = [line.split(",") for line in content.split()[1:]]
    return {name: float(number) for name, number in rows}


def expected(made, folder="predictions"):
    """The live predictions that were written."""
    frame = pd.read_parquet(f"{folder}/{MODEL}.parquet")
    live = frame[frame["data_type"] == "live"]["prediction"]
    assert sorted(live.index) == sorted(made.live.index)
    return live.to_dict()


def left_behind():
    """Files that only work in progress has."""
    every = [path for path in Path.cwd().rglob("*") if path.is_file()]
    return [path.name for path in every if re.search(r"\.part|\.lock$", path.name)]


# When nothing goes wrong


def test_without_send_nothing_is_sent(server, daily):
    status, out, err = daily()
    assert (status, err) == (0, [])
    assert out[-1] == f"OK round 1344 {MODEL} {N} rows dry run"
    assert "are valid; nothing was sent" in out[-2]
    assert server.stored == {}
    assert server.submissions == []
    assert daily()[0] == 0


def test_a_line_with_its_time_for_each_step(server, daily):
    status, out, err = daily("--send")
    assert (status, err) == (0, [])
    *steps, last = out
    told = []
    for step in steps:
        moment, _, words = step.partition(" ")
        ago = datetime.now(UTC) - datetime.fromisoformat(moment)
        assert timedelta(0) <= ago < timedelta(minutes=2)
        told.append(words)
    made_id = server.submissions[0]["id"]
    assert told == [
        f"Keys accepted, for '{MODEL}'",
        "Round 1344 is open",
        f"Fetched data/v5.3: {N} live rows",
        f"{MODEL}: predictions written to predictions/{MODEL}.parquet",
        f"{MODEL}: Received: {N} predictions for '{MODEL}', round 1344, as {made_id}",
    ]
    assert last == f"OK round 1344 {MODEL} {N} rows {made_id}"


def test_rows_are_read_by_the_ensemble_alone(server, daily, monkeypatch):
    """Which holds an era at a time; a frame of all rows would take gigabytes."""

    loaded = []

    def load(folder, split, **options):
        loaded.append(split)
        return load_benchmark_models(folder, split, **options)

    monkeypatch.setattr("skbench.datasets._fetch.load_benchmark_models", load)
    status, out, err = daily()
    assert (status, err, loaded) == (0, [], ["live"])  # as what is submitted is checked
    assert f"Fetched data/v5.3: {N} live rows" in "".join(out)


def test_what_arrives_is_the_ensemble(server, daily, made):
    assert daily("--send")[0] == 0
    assert received(server) == expected(made)
    frame, features = made.frame, made.features[: (len(made.features) + 1) // 2]
    kept = ["era", *made.models, *features]
    ensemble = five_steps(StackingWeights("corr", shrinkage=0.5), proportion=0.25)
    ensemble.fit(frame[kept], frame["target"])
    wanted = dict(zip(made.live.index, ensemble.predict(made.live[kept]), strict=True))
    assert received(server) == pytest.approx(wanted, abs=1e-12)


def test_a_second_run_leaves_the_round_alone(server, daily):
    daily("--send")
    server.forget()
    status, out, err = daily("--send")
    assert (status, err) == (0, [])
    assert out[-1] == "OK round 1344 already submitted"
    assert server.asked == ["account", "rounds", "submissions"]
    assert len(server.submissions) == 1


def submission_of(server, moment, **more):
    """Put a submission that somebody made by hand among those that Numerai has."""
    server.stored["mine.csv"] = b"id,prediction\nn1,0.5\n"
    made = {"id": "by-hand", "filename": "mine.csv", "insertedAt": moment}
    server.submissions.append({**made, "modelId": server.model_id(MODEL), **more})


def test_what_was_submitted_by_hand_is_left_alone(server, daily):
    submission_of(server, datetime.now(UTC).isoformat())
    assert daily("--send")[1][-1] == "OK round 1344 already submitted"
    assert len(server.submissions) == 1
    assert not server.asked_for("^PUT|^GET")


@pytest.mark.parametrize("zone", ["+00:00", "Z", ""])
def test_what_was_submitted_in_the_last_round_does_not_count(server, daily, zone):
    before = datetime.now(UTC) - timedelta(hours=1, minutes=1)
    submission_of(server, before.strftime("%Y-%m-%dT%H:%M:%S") + zone)
    status, out, _ = daily("--send")
    assert (status, out[-1].startswith(f"OK round 1344 {MODEL}")) == (0, True)
    assert len(server.submissions) == 2


def test_several_models_share_what_is_fetched(server, daily):
    text = CONFIG + f'[models.{OTHER}]\nneutralize = "small"\nchunk = 5\n'
    Path("daily.toml").write_text(text)
    submission_of(server, datetime.now(UTC).isoformat())
    status, out, _ = daily("--send")
    made_id = server.submissions[-1]["id"]
    last = f"OK round 1344 {MODEL} already submitted, {OTHER} {N} rows {made_id}"
    assert (status, out[-1]) == (0, last)
    server.submissions.clear()
    status, out, _ = daily("--send")
    assert [made["modelId"] for made in server.submissions] == [
        server.model_id(name) for name in (MODEL, OTHER)
    ]
    assert len([line for line in out if "Fetched" in line]) == 1


def test_the_others_are_seen_to_where_one_fails(server, daily):
    first = f"output = 'predictions'\n[models.{OTHER}]\nweights = {{nobody = 1.0}}\n"
    Path("daily.toml").write_text(first + CONFIG.partition("\n\n")[2])
    os.environ["SKBENCH_HOME"] = "data"
    try:
        status, out, err = daily("--send")
    finally:
        del os.environ["SKBENCH_HOME"]
    assert status == 12
    assert "'nobody'" in err[0]
    assert any(f"{OTHER}: failed, " in line for line in out)
    (submission,) = server.submissions
    assert submission["modelId"] == server.model_id(MODEL)


@pytest.mark.parametrize("name", ["V42_RAIN_ENSEMBLE2", "NB_FEATURE_NEUTRAL"])
def test_features_of_a_recipe_are_fetched(server, daily, name):
    parts = recipe(name).weights
    wide = make_benchmark_models(34, 60, max(2, len(parts)), 8, random_state=0)
    columns = dict(zip(parts, wide.models, strict=False))
    server.versions["v5.3"] = files = write_tournament("wide", wide)
    sets = {"serenity": wide.features[:3], "small": wide.features[1:5]}
    write_feature_sets(files / "features.json", sets, wide.targets)
    table = ", ".join(f"{part} = '{column}'" for part, column in columns.items())
    Path("daily.toml").write_text(
        CONFIG.partition("fit")[0] + f"recipe = '{name}'\ncolumns = {{{table}}}\n"
    )
    status, _, err = daily("--send")
    assert (status, err) == (0, [])
    assert len(server.submissions) == 1


def test_real_rows(real_folder, server, daily):
    server.versions["v5.3"] = real_folder
    status, out, err = daily("--send")
    assert (status, err) == (0, [])
    live = pd.read_parquet(real_folder / "live_benchmark_models.parquet")
    assert sorted(received(server)) == sorted(live.index)
    made_id = server.submissions[0]["id"]
    assert out[-1] == f"OK round 1344 {MODEL} {len(live)} rows {made_id}"
    assert daily("--send")[1][-1] == "OK round 1344 already submitted"


def test_missing_is_called_as_on_the_command_line(tmp_path):
    path = tmp_path / "daily.toml"
    path.write_text("output = 'p'\n[models.a]\nmissing = 'omit'\nfit = 'corr'")
    options = {"nan_policy": "omit", "fit": "corr"}
    assert read_config(path) == {"output": "p", "models": {"a": options}}


def test_predictions_of_ones_own_are_blended(server, daily, made):
    both = {"mine": made.frame, "mine_live": made.live}
    for name, frame in both.items():
        own = frame[["era"]].assign(prediction=frame[made.models[0]])
        own.rename_axis("id").to_csv(f"{name}.csv")
    text = CONFIG.replace('fit = "corr"\nshrinkage = 0.5', "weights = {mine = 1.0}")
    Path("daily.toml").write_text(text + 'predictions = ["mine.csv"]\n')
    status, _, err = daily("--send")
    assert (status, err) == (0, [])
    with_mine = received(server)
    Path("daily.toml").write_text(text.replace("mine =", f"{made.models[0]} ="))
    server.submissions.clear()
    assert daily("--send")[0] == 0
    assert with_mine == pytest.approx(received(server), abs=1e-9)


# What goes wrong, step by step: how, the status, what the last line says, whether
# anything was submitted, and how it is mended.


def of_server(how, on, times=None):
    return lambda server, patch: server.fail(how, on, times)


def without_keys(server, patch):
    patch.delenv("NUMERAI_SECRET_KEY")


def with_wrong_keys(server, patch):
    patch.setenv("NUMERAI_SECRET_KEY", "WRONGWRONG")


def of_another_account(server, patch):
    patch.setattr(server, "accounts", {"somebody": [OTHER]})


def without_network(server, patch):
    patch.setattr(base_api, "API_TOURNAMENT_URL", "http://127.0.0.1:9/graphql")


def between_rounds(server, patch):
    patch.setattr(server, "rounds", [make_round(1344, "RESOLVING")])


def too_late(server, patch):
    opened = datetime.now(UTC) - timedelta(hours=3)
    patch.setattr(server, "rounds", [make_round(1344, "OPEN", opened)])


def damaged(name):
    def damage(server, patch):
        path = server.file(f"v5.3/{name}")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        patch.setattr(server, "recover", lambda: path.write_bytes(whole))

    return damage


def with_other_live(name, change):
    def put(server, patch):
        path = server.file(f"v5.3/{name}")
        whole = path.read_bytes()
        change(pd.read_parquet(path)).to_parquet(path)
        patch.setattr(server, "recover", lambda: path.write_bytes(whole))

    return put


def without_numbers(frame):
    """Models that say nothing of the first row."""
    numbers = frame.select_dtypes("float").columns
    return frame.assign(**{name: frame[name].where(frame.index != frame.index[0])
                           for name in numbers})  # fmt: skip


def with_a_full_disk(server, patch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr("skbench.folders._ensemble.write_tables", full)


def keeping_another(change):
    """Let Numerai keep something else than what was sent, or nothing."""

    def keep(server, patch):
        class Stored(dict):
            def __setitem__(self, name, content):
                if (kept := change(content)) is not None:
                    super().__setitem__(name, kept)

        patch.setattr(server, "stored", Stored())

    return keep


NOT_ARRIVED = r"^skbench: network: .*could not be verified, and may not have arrived"
FAILURES = {
    "no keys": (without_keys, 10, "^skbench: keys: .*not set: NUMERAI_SECRET_KEY", 0),
    "wrong keys": (with_wrong_keys, 10, "keys: .*You must be authenticated", 0),
    "a model of another": (of_another_account, 10, f"keys: .*must be .*'{MODEL}'", 0),
    "no network": (without_network, 11, "^skbench: network: .*`account`.* failed", 0),
    "no login": (of_server(500, "account"), 11, "network: .*`account`.* 500", 0),
    "no round": (between_rounds, 13, "refused: .*round not open for submissions", 0),
    "a late run": (too_late, 13, r"refused: round 1344 closed at 20\d\d-.* UTC: ", 0),
    "no list of submissions": (
        of_server("errors", "^submissions$"), 13, "refused: .*submissions", 0),
    "no list of files": (of_server("drop", "listDatasets"), 11, "network: ", 0),
    "a download that breaks off": (
        of_server("drop", "GET v5.3/validation.parquet"), 11, "network: .*failed", 0),
    "a download that is cut": (
        of_server("short", "GET v5.3/live_bench"), 11, "network: .*failed", 0),
    "a damaged file": (damaged("validation.parquet"), 11, "network: .*parquet", 0),
    "a damaged live file": (
        damaged("live_benchmark_models.parquet"), 11, "network: .*live_bench", 0),
    "too few live rows": (
        with_other_live("live.parquet", lambda live: live.head(20)), 12,
        r"data: .*live\.parquet", 0),
    "a live row without a prediction": (
        with_other_live("live_benchmark_models.parquet", without_numbers), 13,
        "refused: .*cannot be submitted.*1 row has no prediction", 0),
    "a full disk": (with_a_full_disk, 12, "data: .*No space left.*See that its", 0),
    "no leave to upload": (
        of_server("errors", "upload_auth"), 13, "refused: .*is refused", 0),
    "a file that is not taken": (
        of_server(403, "^PUT"), 11, "network: .*not taken.*403", 0),
    "a refused submission": (
        of_server("errors", "^create"), 13, "refused: .*create_submission is ref", 0),
    "no answer to a submission": (of_server("drop", "^create"), 11, NOT_ARRIVED, 0),
    "nothing arrives": (keeping_another(lambda c: None), 11, NOT_ARRIVED, 1),
    "something else arrives": (
        keeping_another(lambda c: c[:-3]), 11, NOT_ARRIVED + ".*differs", 1),
    "nothing to read back": (of_server(500, "^GET [^v]"), 11, NOT_ARRIVED, 1),
}  # fmt: skip


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize("what", FAILURES)
def test_what_goes_wrong_is_told_and_mended_by_the_next_run(server, made, daily, what):
    spoil, status, last, n_made = FAILURES[what]
    with pytest.MonkeyPatch.context() as patch:
        spoil(server, patch)
        ended, out, err = daily("--send")
        assert ended == status, err
        assert re.search(last, err[-1]), err
        assert len(err) == 1
        assert not any(line.startswith("OK") for line in out)
        assert len(server.submissions) == n_made
        assert left_behind() == []
        if status == 10:  # keys are tried before all else
            assert set(server.asked) <= {"account"}
        if what == "no keys":
            assert server.asked == []
        server.recover()
    status, out, err = daily("--send")
    assert (status, err) == (0, [])
    assert re.fullmatch(f"OK round 1344 {MODEL} {N} rows .*-.*", out[-1])
    assert received(server) == expected(made)
    assert len(server.submissions) <= n_made + 1
    assert daily("--send")[1][-1] == "OK round 1344 already submitted"


def test_what_arrived_without_an_answer_is_not_sent_again(server, daily, made):
    server.fail(500, "^GET [^v]", None)
    assert daily("--send")[0] == 11
    server.recover()
    server.forget()
    status, out, _ = daily("--send")
    (submission,) = server.submissions
    assert (status, out[-1]) == (
        0,
        f"OK round 1344 {MODEL} {N} rows {submission['id']}",
    )
    assert not server.asked_for("^PUT|^create")
    assert received(server) == expected(made)


def test_other_predictions_are_sent_where_what_arrived_is_not_known(
    server, daily, made
):
    """The weights of the second run differ: what Numerai has is not what it is to."""
    server.fail(500, "^GET [^v]", None)
    assert daily("--send")[0] == 11
    server.recover()
    first = received(server)
    Path("daily.toml").write_text(CONFIG.replace("proportion = 0.25", "proportion = 1"))
    assert daily("--send")[0] == 0
    assert len(server.submissions) == 2
    assert received(server) == expected(made) != first


def test_what_is_refused_leaves_a_submission_by_hand_alone(server, daily):
    server.fail("errors", "^create", None)
    assert daily("--send")[0] == 13
    server.recover()
    submission_of(server, datetime.now(UTC).isoformat())
    assert daily("--send")[1][-1] == "OK round 1344 already submitted"


def test_every_status_is_told_in_help_and_happens(capsys):
    main(["daily", "--help"])
    told = capsys.readouterr().out.partition("Exit status:")[2]
    numbers = {int(number) for number in re.findall(r"^ +(\d+)  ", told, re.MULTILINE)}
    known = {number for number, *_ in STATUSES.values()}
    assert numbers == known | {0, 2}
    assert known == {status for _, status, *_ in FAILURES.values()} | {14}


# Other processes

RUNS = """
import sys
from numerapi import base_api
base_api.API_TOURNAMENT_URL = sys.argv[1] + "/graphql"
from skbench.cli import main, skbench
main(["daily", "daily.toml", "--send"])
"""


def start(server):
    return subprocess.Popen(
        [sys.executable, "-c", RUNS, server.url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(seen):
    deadline = time.monotonic() + 120
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_at_the_same_time(server, daily):
    server.fail("sleep", "GET v5.3/validation_bench", 1, seconds=2.0)
    with start(server) as process:
        wait_for(lambda: server.asked_for("GET v5.3/validation_bench"))
        status, _, err = daily("--send")
        assert status == 14
        told = rf"^skbench: busy: process {process.pid} on \S+ is at work on predict"
        assert re.search(told, err[-1])
        assert process.stdout.read().splitlines()[-1].startswith("OK round 1344")
    assert process.returncode == 0
    assert len(server.submissions) == 1
    assert left_behind() == []


@pytest.mark.parametrize(
    ("at", "n_made"),
    [("GET v5.3/validation_bench", 0), ("^PUT", 0), ("submissionDownloadAuth", 1)],
)
def test_one_that_is_killed(server, daily, made, at, n_made):
    server.fail("sleep", at, 1, seconds=2.0)
    with start(server) as process:
        wait_for(lambda: server.asked_for(at))
        process.kill()
        assert "OK" not in process.stdout.read()
    time.sleep(2.2)  # until what it asked last has been answered
    assert len(server.submissions) == n_made
    status, out, err = daily("--send")
    assert (status, err) == (0, [])
    assert out[-1] == f"OK round 1344 {MODEL} {N} rows {server.submissions[0]['id']}"
    assert len(server.submissions) == 1
    assert received(server) == expected(made)
    assert left_behind() == []


# Settings

SETTINGS = {
    "output = 'p'\n[models.a": "daily.toml must be a TOML file.*Expected",
    "[models.a]": "daily.toml lacks 'output': add it",
    "output = 'p'": "daily.toml lacks 'models': add it",
    "output = 'p'\ndata_hom = 'd'\n[models.a]": "'data_hom'; did you mean 'data_home'",
    "output = 'p'\nsecret_key = 'SECRETKEYSECRETKEY'\n[models.a]": "key 'secret_key'",
    "output = 5\n[models.a]": "`output` must be text; got 5",
    "output = 'daily.toml'\n[models.a]": "`output` must name a folder; .*is a file",
    "output = 'p'\nversion = 5.3\n[models.a]": "`version` must be text; got 5.3",
    "output = 'p'\nmodels = 'a'": "`models` must map names .* got 'a'",
    "output = 'p'\nmodels = {}": "`models` must map names of models",
    "output = 'p'\n[models]\na = 'corr'": "must map 'a' to options .*got 'corr'",
    "output = 'p'\n[models.'a/b']": "must have names of your models; got 'a/b'",
    "output = 'p'\n[models.a]\nfitt = 'corr'": "'a' so: .*'fitt'; did you mean 'fit'",
    "output = 'p'\n[models.a]\nlive = 's.csv'": "no option 'live'. There are 'weights'",
    "output = 'p'\n[models.a]\nmissing = 'skip'": "missing must be .*got 'skip'",
    "output = 'p'\n[models.a]\nfit = 'luck'": "`fit` must be 'corr' or .*got 'luck'",
    "output = 'p'\n[models.a]\nfit = 'corr'\nshrinkage = 7": "shrinkage must .*got 7",
    "output = 'p'\n[models.a]\nfit = 'sharpe'\nshrinkage = 'bayes'": "shrinkage 'bay",
    "output = 'p'\n[models.a]\nshrinkage = 0.5": "the shrinkage is for `fit`",
    "output = 'p'\n[models.a]\nweights = 5": "`weights` must be a mapping .*got 5",
    "output = 'p'\n[models.a]\nneutralize = 5": "`neutralize` must name .*got 5",
    "output = 'p'\n[models.a]\nproportion = 0.5": "`proportion` is for `neutralize`",
    "output = 'p'\n[models.a]\nneutralize = 's'\nproportion = 2": "between 0 and 1; go",
    "output = 'p'\n[models.a]\nrecipe = 'none'": "must be that of a recipe; got 'none'",
    "output = 'p'\n[models.a]\nrecipe = 'V4_EXAMPLE_PREDS'": "to the riskiest features",
    "output = 'p'\n[models.a]\nrecipe = 'V41_EXAMPLE_PREDS'\nfit = 'corr'": "one way",
    "output = 'p'\n[models.a]\npredictions = [5]": "`predictions` must be a path",
    "output = 'p'\n[models.a]\npredictions = 'no.csv'": "`predictions` must .* no.csv",
    "output = 'p'\n[models.a]\nchunk = 0": "`chunk` must be a whole number .*got 0",
    "output = 'p'\n[models.a]\ntarget = 5": "`target` must be a column name; got 5",
}


@pytest.mark.parametrize("text", SETTINGS)
def test_settings_are_refused_before_anything_is_asked(server, daily, text):
    Path("daily.toml").write_text(text)
    before = sorted(Path.cwd().iterdir())
    status, out, err = daily("--send")
    assert (status, out) == (2, [])
    assert re.search(SETTINGS[text], err[-1]), err
    assert len(err) == 1
    assert server.asked == []
    assert sorted(Path.cwd().iterdir()) == before


def test_settings_that_are_not_there(server, daily):
    Path("daily.toml").unlink()
    status, out, (told,) = daily()
    assert (status, out) == (2, [])
    assert told == "skbench: CONFIG must name a file that is there; got daily.toml"


# What the documentation shows

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def blocks(kind):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == kind]


def options_of(line):
    """Read a line as the shell and the command would; what is unknown is an error."""
    command, name, *args = shlex.split(line)
    assert (Path(command).name, name) == ("skbench", "daily")
    return skbench.commands["daily"].make_context("daily", args).params


def test_the_settings_that_are_shown_pass_every_check(tmp_path, no_keys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").touch()
    (text,) = blocks("toml")
    path = tmp_path / "daily.toml"
    path.write_text(text)
    with pytest.raises(KeysError, match="needs the API keys"):
        run_daily(**read_config(path))


def test_the_units_run_the_command():
    units = [configparser.ConfigParser(interpolation=None) for _ in blocks("ini")]
    for unit, text in zip(units, blocks("ini"), strict=True):
        unit.optionxform = str
        unit.read_string(text)
    service, timer = units
    run = options_of(service["Service"]["ExecStart"])
    assert run == {"config": Path("daily.toml"), "send": True}
    assert service["Service"]["Type"] == "oneshot"
    keys = service["Service"]["EnvironmentFile"].replace("%h", "~")
    assert f"chmod 600 {keys}" in PAGE
    assert "NUMERAI" not in "".join(blocks("ini"))
    assert timer["Install"]["WantedBy"] == "timers.target"
    # At ten past each of two hours, as the line for cron: 13:10,14:10 is no such thing.
    assert timer["Timer"]["OnCalendar"] == "Tue..Sat 13,14:10 UTC"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_takes_the_units(tmp_path):
    program = tmp_path / "numerai" / ".venv" / "bin" / "skbench"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name, text in zip(("skbench.service", "skbench.timer"), blocks("ini"),
                          strict=True):  # fmt: skip
        (tmp_path / name).write_text(text.replace("%h", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "skbench.service", "skbench.timer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    said = [line for line in done.stderr.splitlines() if "skbench" in line]
    assert said == []


def test_the_line_for_cron_runs_the_command(server, tmp_path):
    """With the shell that cron takes, in a home of its own and without any keys."""
    (line,) = [text for text in blocks("") if "* * 2-6" in text]
    minute, hours, *_, command = line.split(maxsplit=5)
    assert (minute, hours) == ("10", "13,14")
    home, program = tmp_path / "home", tmp_path / "home/numerai/.venv/bin/skbench"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\n{RUNS.replace('sys.argv[1]', 'URL')}"
                       .replace("import sys\n", f"URL = {server.url!r}\n"))  # fmt: skip
    program.chmod(0o755)
    secrets = home / ".config" / "skbench" / "keys"
    secrets.parent.mkdir(parents=True)
    names = ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")
    pairs = zip(names, KEYS, strict=True)
    secrets.write_text("".join(f"{name}={key}\n" for name, key in pairs))
    shutil.copy("daily.toml", home / "numerai")
    bare = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["/bin/sh", "-c", command], env=bare, capture_output=True)
    log = (home / "numerai" / "daily.log").read_text()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), log
    assert log.splitlines()[-1].startswith(f"OK round 1344 {MODEL} {N} rows ")
    assert not any(key in log for key in KEYS)
    assert len(server.submissions) == 1


# In Python


def test_errors_are_of_kinds_that_a_program_can_tell_apart(server):
    settings = read_config("daily.toml")
    with pytest.raises(PermissionError, match="must be a model of your") as caught:
        run_daily({"nobody": {}}, "predictions")
    assert type(caught.value) is KeysError
    server.rounds = []
    with pytest.raises(ValueError, match="has no round to submit to") as caught:
        run_daily(**settings)
    assert type(caught.value) is RefusedError


def test_a_client_of_the_caller(server, monkeypatch):
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        monkeypatch.delenv(name)
    done = run_daily(**read_config("daily.toml"), api=server.api(*KEYS))
    assert str(done) == f"round 1344 {MODEL} {N} rows dry run"
    assert done.receipts[MODEL].dry_run


# The program to copy

PROGRAM = ROOT / "examples" / "daily.py"


def run_program(*options):
    program = runpy.run_path(str(PROGRAM))["main"]
    program([MODEL, "--data-home", "data", *options])


def test_the_program_sends_nothing_unless_told_to(server, capsys):
    run_program()
    told = capsys.readouterr().out
    assert "Dry run: " in told
    assert "nothing was sent" in told
    assert server.stored == {}
    assert server.submissions == []


def test_the_program_sends_the_live_rows(server, made, capsys):
    run_program("--send")
    told = capsys.readouterr().out
    assert f"{MODEL}: Received: {len(made.live):,} predictions for '{MODEL}'" in told
    assert received(server) == expected(made)
    assert not any(key in told for key in KEYS)
    run_program("--send")
    assert capsys.readouterr().out.endswith(f"{MODEL}: left alone\n")


@pytest.mark.parametrize(
    ("how", "on", "told"),
    [
        (500, "account", "Run it again later"),
        ("errors", "account", "Look at your keys"),
    ],
)
def test_what_ends_the_program(server, how, on, told):
    server.fail(how, on, None)
    with pytest.raises(SystemExit, match=told):
        run_program("--send")


def test_a_refusal_ends_the_program(server):
    server.fail("errors", on="create_submission", times=None)
    with pytest.raises(RefusedError, match="create_submission"):
        run_program("--send")


# By hand: `skbench submit`


def live_files(made, tmp_path):
    """Predictions of the live rows as people have them: CSV, and two of parquet."""
    values = np.random.default_rng(0).permutation(np.linspace(0.01, 0.99, N))
    frame = pd.DataFrame({"id": list(made.live.index), "prediction": values})
    frame.to_csv("live.csv", index=False)
    frame.set_index("id").to_parquet("live.parquet")
    old = pd.DataFrame({"id": ["v1"], "prediction": [0.5], "data_type": "validation"})
    both = pd.concat([old, frame.assign(data_type="live")]).assign(era="X")
    both.astype({"data_type": "category"}).to_parquet("both.parquet")
    return dict(zip(frame["id"], values, strict=True))


def command(capsys, *args):
    status = 0
    try:
        main([str(arg) for arg in args])
    except SystemExit as exit_:
        status = exit_.code
    out, err = capsys.readouterr()
    assert not any(key in out + err for key in KEYS)
    return status, out, err


@pytest.mark.parametrize("file", ["live.csv", "live.parquet", "both.parquet"])
def test_a_file_by_hand(server, made, tmp_path, capsys, file):
    values = live_files(made, tmp_path)
    status, out, err = command(capsys, "submit", file, MODEL)
    assert (status, err) == (0, "")
    passed, last = out.splitlines()
    assert passed.startswith("Passed: the columns; each live id once and no other; ")
    assert last.endswith(f"{N} predictions for '{MODEL}', round 1344, are valid; "
                         "nothing was sent")  # fmt: skip
    assert server.submissions == []
    status, out, _ = command(capsys, "submit", file, MODEL, "--send")
    assert (status, server.submissions[0]["id"] in out) == (0, True)
    assert received(server) == values


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="era"), "FILE must have live rows; .*'validation'"),
        (lambda f: f.assign(data_type="live", prediction=0.5), "standard deviation"),
        (lambda f: f.assign(data_type="live"), r"\d+ of \d+ ids are live ids"),
    ],
)
def test_a_file_of_other_rows(server, made, capsys, change, told):
    frame = made.frame.assign(prediction=made.frame[made.models[0]])
    kept = frame[["era", "data_type", "prediction"]].tail(N)
    change(kept).to_parquet("p.parquet")
    status, out, err = command(capsys, "submit", "p.parquet", MODEL, "--send")
    assert (status, out) == (2, "")
    assert re.search(told, err), err
    assert not server.submissions


def test_files_that_cannot_be_read(server, capsys):
    Path("p.parquet").write_bytes(b"PAR1")
    for file, told in {
        "p.parquet": "p.parquet cannot be read: .*Make it again",
        "nowhere.parquet": "FILE must name a file that is there; got nowhere.parquet",
        "nowhere.csv": "FILE must name a file that is there; got nowhere.csv",
    }.items():
        status, out, err = command(capsys, "submit", file, MODEL)
        assert (status, out) == (2, "")
        assert re.search(told, err), err
    assert not server.asked_for("create|PUT")


def test_ties_that_are_meant(server, made, capsys):
    frame = pd.DataFrame(
        {"id": list(made.live.index), "prediction": [0.2, 0.8] * (N // 2) + [0.2]}
    )
    frame.to_csv("ties.csv", index=False)
    status, _, err = command(capsys, "submit", "ties.csv", MODEL)
    assert status == 2
    assert "or pass --allow-ties if it is meant" in err
    status, out, _ = command(capsys, "submit", "ties.csv", MODEL, "--allow-ties")
    assert status == 0
    assert "few ties" not in out


@pytest.mark.parametrize("spoil", [between_rounds, too_late])
def test_a_closed_round_by_hand(server, made, tmp_path, capsys, monkeypatch, spoil):
    live_files(made, tmp_path)
    spoil(server, monkeypatch)
    status, out, err = command(capsys, "submit", "live.csv", MODEL, "--send")
    assert (status, out) == (2, "")
    assert re.search("round 1344 closed at|round not open for submissions", err)
    assert not server.asked_for("create|PUT")


def test_again_or_not(server, made, tmp_path):
    live_files(made, tmp_path)
    first = submit("live.csv", MODEL, dry_run=False, again=False)
    same = submit("live.parquet", MODEL, dry_run=False, again=False)
    assert same == first
    assert len(server.submissions) == 1
    again = submit("live.parquet", MODEL, dry_run=False)
    assert again.submission_id != first.submission_id
    server.stored[server.submissions[-1]["filename"]] = b"id,prediction\n"
    third = submit("live.parquet", MODEL, dry_run=False, again=False)
    assert third.submission_id not in (first.submission_id, again.submission_id)
    server.stored.pop(server.submissions[-1]["filename"])
    assert submit("live.csv", MODEL, dry_run=False, again=False).verified
    assert len(server.submissions) == 4


# By hand: `skbench upload`


def test_a_model_by_hand(server, daily, capsys):
    daily()
    command(capsys, "export", f"predictions/{MODEL}.joblib")
    options = ["upload", "predict.pkl", MODEL, "--python", "3.12"]
    status, out, err = command(capsys, *options, "--data-version", "v5.2")
    assert (status, err) == (0, "")
    passed, last = out.splitlines()
    assert passed.startswith("Passed: the file is a whole pickle; the model is of your")
    assert last.endswith("to run on data v5.2 in 'Python 3.12'; nothing was sent")
    assert server.model_uploads == []
    status, out, _ = command(capsys, *options, "--send")
    (upload,) = server.model_uploads
    assert status == 0
    assert f"Received: a file of {Path('predict.pkl').stat().st_size:,} bytes" in out
    assert upload["id"] in out
    assert server.stored[upload["filename"]] == Path("predict.pkl").read_bytes()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nowhere.pkl", MODEL], "FILE must name a file that is there; got nowhere"),
        (["daily.toml", MODEL], r"FILE must end in \.pkl"),
        (["p.pkl", "nobody"], "MODEL must be a model of your account; got 'nobody'"),
        (
            ["p.pkl", MODEL, "--python", "3"],
            "--python must be a version such as '3.12'",
        ),
        (["p.pkl", MODEL, "--data-version", "v9"], "--data-version must be one that"),
        (["p.pkl", MODEL, "--docker-image", "x"], "--docker-image must be one that Nu"),
    ],
)
def test_what_cannot_be_uploaded(server, capsys, args, told):
    Path("p.pkl").write_bytes(b"\x80\x04N.")
    status, out, err = command(capsys, "upload", *args, "--send")
    assert (status, out) == (2, "")
    assert re.search(told, err), err
    assert not server.stored
