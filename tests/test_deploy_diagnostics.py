"""Diagnostics: what is sent, how long it is waited for, and whose scores are whose."""

import inspect
import io
import re
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import failure, run
from numerai_server import NumeraiServer
from numerai_tools.scoring import correlation_contribution, numerai_corr
from numerapi.base_api import Api
from tournament_files import write_tournament

from skbench.datasets import make_benchmark_models
from skbench.deploy import Diagnostics, diagnostics
from skbench.deploy.check import read_submission
from skbench.deploy.send import _diagnostics
from skbench.folders import diagnose_folder, ensemble_folder, ensemble_pipeline
from skbench.tournament import Origin, with_origin

MODEL = "v53_lgbm_ender20"


@cache
def tournament():
    return make_benchmark_models(60, 100, 3, 8, meta_model_eras=30, random_state=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tournament(tmp_path_factory.mktemp("v5.3"), tournament())


@pytest.fixture(scope="module")
def ensemble(folder, tmp_path_factory):
    """Return the file of an ensemble with given weights, of all eras and the live."""
    path = tmp_path_factory.mktemp("made") / "mine.parquet"
    ensemble_folder(folder, path, ensemble_pipeline(folder))
    return path


@pytest.fixture
def server(keys, monkeypatch):
    monkeypatch.setattr(_diagnostics, "DELAYS", (0.0, 0.0, 0.0))
    with NumeraiServer() as server:
        server.score = judged
        yield server


def judged(content):
    """Score a file as Numerai does, by Numerai's own functions."""
    return [dict(scores) for scores in _judged(content)]


@cache
def _judged(content):
    data, benchmark = tournament(), benchmark_of(tournament())
    frame = data.frame.join(pd.read_csv(io.BytesIO(content), index_col="id"))
    scores = []
    for era, rows in frame.groupby(data.era):
        rows = rows.dropna(subset=["target"])
        if rows.empty or rows["prediction"].isna().any():
            continue
        mine, target = rows[["prediction"]], rows["target"]
        known = rows[data.meta_model].notna().any()
        mmc = contribution(mine, rows[data.meta_model], target) if known else None
        scores.append(
            {
                "era": era,
                "validationCorr": float(numerai_corr(mine, target)["prediction"]),
                "validationMmc": mmc,
                "validationBmc": contribution(mine, rows[benchmark], target),
            }
        )
    return scores


def contribution(mine, other, target):
    return float(correlation_contribution(mine, other, target)["prediction"])


def benchmark_of(data):
    target = next(
        name
        for name in reversed(data.targets)
        if name != "target" and data.frame[name].equals(data.frame["target"])
    )
    return "v53_lgbm_" + target.removeprefix("target_").replace("_", "")


def made(path, frame, origin=None):
    """Write a file of predictions."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if origin is not None:
        table = table.cast(with_origin(table.schema, origin))
    pq.write_table(table, path)
    return path


def frame_of(eras=("0001", "0002"), n=20, seed=0):
    rng = np.random.default_rng(seed)
    size = n * len(eras)
    return pd.DataFrame(
        {
            "id": [f"n{i:05d}" for i in range(size)],
            "era": np.repeat(eras, n),
            "prediction": rng.permutation((np.arange(size) + 0.5) / size),
        }
    )


@pytest.fixture
def file(tmp_path):
    return made(tmp_path / "mine.parquet", frame_of())


def nothing_was_sent(server):
    writes = server.asked_for("^PUT|create|UploadAuth")
    return not (writes or server.stored or server.diagnostics)


# What is sent


def test_a_dry_run_sends_nothing(server, file):
    done = diagnostics(file, MODEL)
    assert nothing_was_sent(server)
    assert server.asked == ["account"]
    assert done.dry_run
    assert (done.diagnostics_id, done.scores) == (None, None)
    assert repr(done) == (
        f"Dry run: 40 validation predictions for '{MODEL}', are valid; nothing was "
        "sent. How they were made: not known"
    )
    with pytest.raises(ValueError, match="pass dry_run=False"):
        done.compare({"corr": pd.Series(dtype=float)})


def test_ids_and_predictions_are_sent_to_the_last_digit(server, tmp_path):
    frame = frame_of(["0001", "0002", "X"])
    path = made(tmp_path / "mine.parquet", frame)
    server.score = lambda content: [era_scores("0001")]
    done = diagnostics(path, MODEL, dry_run=False)
    (content,) = server.stored.values()
    back = read_submission(content)
    expected = frame[["id", "prediction"]][:40]
    pd.testing.assert_frame_equal(back, expected, check_dtype=False)
    assert done.n_rows == 40
    assert {done.diagnostics_id} == set(server.diagnostics)
    assert str(done).startswith("Scored in 1 era: 40 validation predictions")


def test_a_column_of_any_name_and_ids_as_index_are_read(server, tmp_path):
    frame = frame_of().rename(columns={"prediction": "mine"}).set_index("id")
    frame.to_parquet(tmp_path / "mine.parquet")
    assert diagnostics(tmp_path / "mine.parquet", MODEL).n_rows == 40


def era_scores(era, corr=0.01, mmc=None, bmc=0.0):
    return {
        "era": era,
        "validationCorr": corr,
        "validationMmc": mmc,
        "validationBmc": bmc,
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.assign(other=0.5), "must hold one column of predictions"),
        (lambda f: f.assign(era="X"), "only 'X'"),
        (lambda f: f.assign(id="n1"), r"1 id \('n1'\) is more than once"),
        (lambda f: f.assign(prediction=f["prediction"] * 2), r"outside \[0, 1\]"),
        (lambda f: f.assign(prediction=np.nan), "no prediction"),
        (lambda f: f.assign(prediction=0.5), "standard deviation is 0"),
        (lambda f: f.drop(columns="prediction"), "no predictions"),
        (lambda f: f.drop(columns="era"), "columns 'id' and 'era'"),
        (lambda f: f.assign(id=[None, *f["id"][1:]]), "some rows have no id"),
    ],
)
def test_what_cannot_be_scored_reaches_nobody(server, tmp_path, change, told):
    path = made(tmp_path / "mine.parquet", change(frame_of()))
    with pytest.raises(ValueError, match=told):
        diagnostics(path, MODEL, dry_run=False)
    assert nothing_was_sent(server)


def test_a_file_that_is_not_there(server, tmp_path):
    with pytest.raises(FileNotFoundError, match="`predictions`"):
        diagnostics(tmp_path / "none.parquet", MODEL)


def test_an_unknown_model_is_told(server, file):
    with pytest.raises(ValueError, match="did you mean 'v53_lgbm_ender20'"):
        diagnostics(file, "v53_lgbm_ender2", dry_run=False)
    assert nothing_was_sent(server)


def test_missing_keys_are_named(server, file, monkeypatch):
    monkeypatch.delenv("NUMERAI_SECRET_KEY")
    with pytest.raises(ValueError, match="not set: NUMERAI_SECRET_KEY"):
        diagnostics(file, MODEL, dry_run=False)
    assert nothing_was_sent(server)


# How it ends


def test_it_is_waited_for(server, file, capsys):
    server.diagnostics_states = ["pending", "processing", "done"]
    server.score = lambda content: [era_scores("0002", 0.2), era_scores("0001", 0.1)]
    done = diagnostics(file, MODEL, dry_run=False, progress=True)
    assert server.asked_for("^diagnostics$") == 3
    assert done.scores["corr"].to_dict() == {"0001": 0.1, "0002": 0.2}
    assert done.scores["mmc"].isna().all()
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "waiting for Numerai's scores, which are pending",
        "waiting for Numerai's scores, which are processing",
    ]


def test_nobody_waits_for_ever(server, file):
    server.diagnostics_states = ["pending"]
    with pytest.raises(ConnectionError, match="the predictions were sent") as caught:
        diagnostics(file, MODEL, dry_run=False)
    assert server.asked_for("^diagnostics$") == 4
    assert next(iter(server.diagnostics)) in str(caught.value)
    assert "status is 'pending'" in str(caught.value)
    assert 600 <= sum(_delays()) <= 1000


def _delays():
    """Return the seconds that a user waits, and no test does."""
    text = _diagnostics.__loader__.get_source(_diagnostics.__name__)
    (line,) = [line for line in text.splitlines() if line.startswith("DELAYS = ")]
    return eval(line.removeprefix("DELAYS = "))


@pytest.mark.parametrize("state", ["failed", "error", "validation_error"])
def test_what_numerai_cannot_score_is_said_as_it_says_it(server, file, state):
    server.diagnostics_states = ["pending", state]
    with pytest.raises(ValueError, match=f"a message about {state}"):
        diagnostics(file, MODEL, dry_run=False)
    assert server.asked_for("^diagnostics$") == 2


def test_predictions_of_which_no_era_is_scored(server, file):
    server.score = lambda content: []
    with pytest.raises(ValueError, match=r"none of the eras.*a message about done"):
        diagnostics(file, MODEL, dry_run=False)


@pytest.mark.parametrize("status", [400, 403])
def test_a_file_that_is_refused_begins_nothing(server, file, status):
    server.fail(status, on="^PUT", times=None)
    with pytest.raises(ConnectionError, match="the file was not taken"):
        diagnostics(file, MODEL, dry_run=False)
    assert server.diagnostics == {}


@pytest.mark.parametrize("how", ["drop", 500, "garbage"])
def test_a_network_that_is_gone_is_told(server, file, how):
    server.fail(how, on="^diagnostics$", times=None)
    with pytest.raises(ConnectionError, match="will be on Numerai's site") as caught:
        diagnostics(file, MODEL, dry_run=False)
    assert next(iter(server.diagnostics)) in str(caught.value)


@pytest.mark.parametrize("how", ["drop", 500])
def test_passing_failures_are_got_over(server, file, how):
    server.score = lambda content: [era_scores("0001")]
    server.fail(how, on="^PUT", times=1)
    server.fail(how, on="^diagnostics$", times=1)
    assert len(diagnostics(file, MODEL, dry_run=False).scores) == 1


def test_they_are_begun_once(server, file):
    server.fail("drop", on="^createDiagnostics", times=None)
    with pytest.raises(ConnectionError, match="1 of 1 attempts"):
        diagnostics(file, MODEL, dry_run=False)
    assert server.asked_for("^createDiagnostics") == 1


# How predictions were made


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (Origin("learned", "corr", "0060"), "in sample"),
        (
            Origin("learned", "corr", "0060", out_of_sample_from="0001"),
            "out of sample from era 0001",
        ),
        (
            Origin("learned", "corr", "0060", out_of_sample_from="0002"),
            "in sample before era 0002",
        ),
        (Origin("given"), "weights given"),
        (None, "not known"),
    ],
)
def test_it_is_said_how_they_were_made(server, tmp_path, origin, words):
    path = made(tmp_path / "mine.parquet", frame_of(), origin)
    done = diagnostics(path, MODEL)
    assert done.made == words
    assert str(done).endswith(f"How they were made: {words}")


# Beside our own


def test_numerais_functions_and_ours_agree_in_every_era(server, folder, ensemble):
    done, table = diagnose_folder(folder, ensemble, MODEL, dry_run=False)
    assert isinstance(done, Diagnostics)
    assert done.made == "weights given"
    n_eras = table.groupby("score", sort=False).size().to_dict()
    assert list(n_eras) == ["corr", "mmc", "bmc"]
    assert n_eras["corr"] == len(done.scores) > 40
    assert 0 < n_eras["mmc"] < n_eras["corr"]
    assert table["difference"].abs().max() < 1e-10
    assert table["own"].abs().max() > 0.01


def test_another_benchmark_is_another_bmc(server, folder, ensemble):
    data = tournament()
    other = next(name for name in data.models if name != benchmark_of(data))
    _, table = diagnose_folder(folder, ensemble, MODEL, benchmark=other, dry_run=False)
    far = table.groupby("score")["difference"].apply(lambda d: d.abs().max())
    assert far["bmc"] > 1e-4 > far["corr"]
    with pytest.raises(ValueError, match="`benchmark` must be one of"):
        diagnose_folder(folder, ensemble, MODEL, benchmark="none")


def test_eras_of_one_side_and_other_labels():
    scores = pd.DataFrame({"corr": {"3": 0.1, "2": 0.2, "1": np.nan}})
    done = Diagnostics(MODEL, 5, "not known", False, "an id", scores)
    own = pd.Series({"0004": 0.4, "0002": 0.25, "0003": 0.1})
    table = done.compare({"corr": own, "fnc": own})
    expected = pd.DataFrame(
        {
            "score": "corr",
            "era": ["0002", "0003", "0004"],
            "numerai": [0.2, 0.1, np.nan],
            "own": [0.25, 0.1, 0.4],
            "difference": [0.05, 0.0, np.nan],
        }
    )
    pd.testing.assert_frame_equal(table, expected)
    with pytest.raises(ValueError, match="`scores` must hold some of Numerai's"):
        done.compare({"fnc": own})


# The command


def test_the_command_says_that_all_eras_agree(server, folder, ensemble, capsys):
    out = run(capsys, "diagnose", ensemble, MODEL, folder, "--send")
    n_eras = len(server.score(next(iter(server.stored.values()))))
    assert f"CORR: equal to within 0.0001 in all {n_eras} eras; mean " in out
    assert "MMC: equal to within 0.0001 in all" in out
    assert "BMC: equal to within 0.0001 in all" in out
    assert "How they were made: weights given" in out
    assert "differ" not in out


def test_the_command_names_the_eras_that_differ_most(server, folder, ensemble, capsys):
    def off(content):
        scores = judged(content)
        scores[3]["validationCorr"] += 0.01
        scores[7]["validationCorr"] += 0.02
        return scores[:-1]

    server.score = off
    out = run(capsys, "diagnose", ensemble, MODEL, folder, "--send")
    n_eras = len(off(next(iter(server.stored.values()))))
    assert f"CORR: equal to within 0.0001 in {n_eras - 2} of {n_eras} eras" in out
    assert "Eras scored by skbench alone: 1\n" in out
    told = out.split("The eras that differ most:\n")[1].split("\n")
    assert [line.split()[0] for line in told[1:3]] == ["0008", "0004"]
    assert told[1].split()[-1] == "-0.0200"


def test_nothing_is_sent_unless_the_command_says_so(server, folder, ensemble, capsys):
    for place in ([], [folder]):
        assert "Dry run: " in run(capsys, "diagnose", ensemble, MODEL, *place)
    assert nothing_was_sent(server)


def test_without_a_folder_the_means_are_shown(server, ensemble, capsys):
    out = run(capsys, "diagnose", ensemble, MODEL, "--send")
    assert "Scored in " in out
    for name in ("corr", "mmc", "bmc"):
        assert re.search(rf"(?m)^ *{name} +-?0\.\d{{4}}$", out)


def test_in_sample_is_said_by_the_command(server, tmp_path, capsys):
    origin = Origin("learned", "corr", "0060")
    path = made(tmp_path / "mine.parquet", frame_of(), origin)
    server.score = lambda content: [era_scores("0001")]
    out = run(capsys, "diagnose", path, MODEL, "--send")
    assert "How they were made: in sample" in out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--benchmark", "a"], "--benchmark goes with a FOLDER"),
        (["FOLDER", "--benchmark", "a"], "--benchmark must be one of"),
    ],
)
def test_the_command_names_its_options(server, folder, ensemble, options, told, capsys):
    options = [folder if option == "FOLDER" else option for option in options]
    assert told in failure(capsys, "diagnose", ensemble, MODEL, *options)


def test_what_is_asked_is_what_numerapi_asks():
    query = inspect.getsource(Api.diagnostics)
    for name in re.findall(r"\w+", _diagnostics._RESULT):
        assert name in query
