"""A submission is refused with all its faults, or sent and seen to have arrived."""

import gzip
import logging
import pickle
import time

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import requests
from helpers import to_pandas
from numerai_server import KEYS, NumeraiServer
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.pipeline import make_pipeline
from tournament_files import write_tournament

from skbench import EraRank, EraRankGauss, WeightedEnsemble, _numerai
from skbench.datasets import make_benchmark_models
from skbench.deploy import (
    export_predict,
    find_duplicates,
    submission,
    submit,
    upload_model,
    validate_submission,
)
from skbench.deploy.send import _upload as uploading

N_ROWS = 40
LIVE = [f"n{i:015x}" for i in np.random.default_rng(1).permutation(N_ROWS)]
MODEL = "v53_lgbm_ender20"
# All that is asked of the server on the way, as patterns.
STEPS = "account|rounds|[aA]uth|^PUT|^create|^GET|^submissions$|^computePickles$"


def values(n=N_ROWS, seed=0):
    return np.random.default_rng(seed).permutation((np.arange(n) + 0.5) / n)


def frame_of(ids=LIVE, prediction=None):
    prediction = values(len(ids)) if prediction is None else prediction
    return pd.DataFrame({"id": ids, "prediction": prediction})


def problems(call, *args, **options):
    """Return the problems that a call is refused for, one line each."""
    with pytest.raises(ValueError, match="cannot be submitted") as caught:
        call(*args, **options)
    head, *lines = str(caught.value).split("\n- ")
    count = f"{len(lines)} problem{'s' * (len(lines) > 1)}:"
    assert head.endswith(f"cannot be submitted, it has {count}")
    return lines


# Making a submission


def test_predictions_are_found_by_id_whatever_their_order():
    series = pd.Series(values(), index=LIVE)
    expected = frame_of()
    shuffled = series.sample(frac=1, random_state=0)
    for given in (
        shuffled,
        shuffled.to_frame("any name"),
        shuffled.rename_axis("id").reset_index(name="p"),
        shuffled.rename_axis("id").reset_index(name="p").assign(era="0001"),
        pl.DataFrame({"p": shuffled.to_numpy(), "id": list(shuffled.index)}),
        pa.table({"id": list(shuffled.index), "p": shuffled.to_numpy()}),
    ):
        made = to_pandas(submission(given, LIVE))
        pd.testing.assert_frame_equal(made, expected)


@pytest.mark.parametrize(
    "given",
    [values(), values()[:, None], list(values()), pl.Series(values())],
    ids=["array", "one column", "list", "polars"],
)
def test_predictions_without_ids_are_in_the_order_of_the_live_rows(given):
    made = to_pandas(submission(given, LIVE))
    pd.testing.assert_frame_equal(made, frame_of())


@pytest.mark.parametrize(
    "live",
    [
        LIVE,
        tuple(LIVE),
        np.array(LIVE),
        np.array(LIVE, dtype=object),
        pd.Index(LIVE, name="id"),
        pd.Series(LIVE),
        pl.Series(LIVE),
        pa.array(LIVE),
        pd.DataFrame({"era": "X", "feature_a": 1}, index=pd.Index(LIVE)),
        pd.DataFrame({"era": "X", "id": LIVE}),
        pl.DataFrame({"id": LIVE, "era": ["X"] * N_ROWS}),
    ],
    ids=lambda live: f"{type(live).__module__}.{type(live).__name__}",
)
def test_live_ids_are_ids_or_live_rows(live):
    made = to_pandas(submission(values(), live))
    pd.testing.assert_frame_equal(made, frame_of())


def test_single_precision_is_written_as_it_is():
    single = values().astype(np.float32)
    made = submission(single, LIVE)
    assert made["prediction"].dtype == np.float64
    np.testing.assert_array_equal(made["prediction"], single)


def test_what_is_passed_is_not_changed():
    series = pd.Series(values(), index=LIVE)[::-1]
    before = series.copy()
    submission(series, LIVE)
    pd.testing.assert_series_equal(series, before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (values(39), "40 live ids, in their order; got 39"),
        (values(41), "40 live ids, in their order; got 41"),
        (np.column_stack([values()] * 2), "must have one column of predictions"),
        (pd.DataFrame({"a": values(), "b": values()}), "it has 'a', 'b': pass one"),
        (pd.DataFrame({"id": LIVE, "era": "1"}), "it has none: pass one"),
        (
            pd.concat({"0001": pd.Series(values(), index=LIVE)}, names=["era", "id"]),
            "ids alone as index; got the levels 'era', 'id'",
        ),
        ("predictions.csv", "`predictions` must be one column"),
        (None, "`predictions` must be one column"),
    ],
)
def test_what_is_no_column_of_predictions_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        submission(given, LIVE)


def test_a_series_that_lost_its_ids_is_refused():
    (problem,) = problems(submission, pd.Series(values()), LIVE)
    assert problem.startswith("0 of 40 ids are live ids")
    assert "such as 0: these look like" in problem


def test_text_is_no_prediction():
    series = pd.Series([str(value) for value in values()], index=LIVE)
    (problem,) = problems(submission, series, LIVE)
    assert "'predictions' must hold numbers" in problem
    assert "astype({'predictions': 'float64'})" in problem


@pytest.mark.parametrize(
    "dtype", ["bool", "complex128", "double[pyarrow]", "Float64", "Sparse[float64]"]
)
def test_numbers_of_another_dtype_are_refused(dtype):
    frame = frame_of()
    frame["prediction"] = frame["prediction"].round().astype(dtype)
    (problem,) = problems(validate_submission, frame, LIVE)
    assert "must hold numbers of a plain dtype such as float64, and its" in problem
    assert "astype({'prediction': 'float64'})" in problem
    assert problems(submission, frame, LIVE) == [problem]


def test_truth_values_of_every_container_are_refused():
    chosen = values() > 0.5
    for given in (
        chosen,
        list(chosen),
        pl.DataFrame({"p": chosen}),
        pa.table({"p": chosen}),
    ):
        (problem,) = problems(submission, given, LIVE)
        assert "its dtype is bool" in problem


def test_truth_values_in_a_file_are_refused(tmp_path):
    path = tmp_path / "submission.csv"
    frame_of(prediction=values() > 0.5).to_csv(path, index=False)
    (problem,) = problems(validate_submission, path, LIVE)
    assert "its dtype is bool" in problem


def test_several_eras_are_refused():
    frame = frame_of().assign(era=["0001", "0002"] * 20)
    found = problems(submission, frame, LIVE)
    assert found == [
        "the rows are of 2 eras ('0001', '0002'), and live rows are of one: predict "
        "the live rows alone"
    ]


@pytest.mark.parametrize(
    ("live", "message"),
    [
        ([], "`live_ids` is empty"),
        (LIVE[:0], "`live_ids` is empty"),
        ([*LIVE, LIVE[0]], rf"each id once; 1 id \('{LIVE[0]}'\) is more than once"),
        ([*LIVE, None], "strings; got None"),
        ([*LIVE, np.nan], "strings; got None"),
        (range(N_ROWS), "strings; got 0, 1, 2 and 37 more: read the live file with"),
        (pd.DataFrame({"era": ["X"] * 3}), "strings; got 0, 1, 2"),
        (pl.DataFrame({"era": ["X"] * 3}), "a frame with the column 'id'.*has.* 'era'"),
        (
            frame_of().assign(era="X").set_index(["id", "prediction"]),
            "`live_ids` must have the ids alone as index; got the levels 'id'",
        ),
        (frame_of().assign(era=["1", "2"] * 20), r"of 2 eras \('1', '2'\)"),
        ("n1", "`live_ids` must be one column"),
        (None, "`live_ids` must be one column"),
        (np.array(5.0), "`live_ids` must be one column"),
        (sparse.csr_matrix(np.ones((40, 1))), "`live_ids` must be one column"),
    ],
)
def test_live_ids_that_cannot_be_used(live, message):
    for call in (submission, validate_submission):
        with pytest.raises(ValueError, match=message):
            call(frame_of(), live)


# Checking a submission


def test_a_valid_submission_is_returned_as_it_is(tmp_path):
    frame = frame_of()[::-1]
    assert validate_submission(frame, LIVE) is frame
    polars = pl.DataFrame(frame_of())
    assert validate_submission(polars, LIVE) is polars
    path = tmp_path / "submission.csv"
    frame.to_csv(path, index=False)
    for given in (path, str(path)):
        read = validate_submission(given, LIVE)
        assert list(read["id"]) == LIVE[::-1]
        np.testing.assert_array_equal(read["prediction"], frame["prediction"])


def test_the_bounds_themselves_are_valid():
    prediction = values()
    prediction[:2] = 0.0, 1.0
    validate_submission(frame_of(prediction=prediction), LIVE)


COLUMNS = "the columns must be exactly 'id', 'prediction'; got "


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda f: f[["prediction", "id"]],
            COLUMNS + "'prediction', 'id': keep these two alone, in this order",
        ),
        (lambda f: f.rename(columns={"prediction": "p"}), COLUMNS + "'id', 'p': keep"),
        (lambda f: f.assign(era="0001"), COLUMNS + "'id', 'prediction', 'era': keep"),
        (lambda f: f.set_index("id"), "the ids are the index, .* call reset_index"),
        (
            lambda f: f.reset_index().rename(columns={"index": "Unnamed: 0"}),
            "the index was written too: write the file with index=False",
        ),
        (
            lambda f: f[:-1],
            f"1 id ('{LIVE[-1]}') is live and without a prediction: predict every",
        ),
        (
            lambda f: f[:-5],
            f"5 ids ('{LIVE[-5]}', '{LIVE[-4]}', '{LIVE[-3]}', ...) are live",
        ),
        (
            lambda f: pd.concat([f, frame_of(["x"])]),
            "1 id ('x') is not live: drop the rows, or",
        ),
        (
            lambda f: pd.concat([f, f[:1]]),
            f"1 id ('{LIVE[0]}') is more than once: submit one prediction",
        ),
        (lambda f: pd.concat([f, frame_of([None])]), "1 row has no id: give each row"),
        (
            lambda f: f.assign(prediction=f["prediction"].where(f.index > 1)),
            f"2 rows have no prediction (NaN), such as the id '{LIVE[0]}': predict",
        ),
        (
            lambda f: f.assign(prediction=f["prediction"] + 0.5),
            "20 rows have a prediction outside [0, 1]; they go from 0.5125 to 1.4875: "
            "end the pipeline in `EraRank()`, or rank them",
        ),
        (
            lambda f: f.assign(prediction=-f["prediction"]),
            "40 rows have a prediction outside [0, 1]; they go from -0.9875 to -0.0125",
        ),
        (
            lambda f: f.assign(prediction=[np.inf, -np.inf, *f["prediction"][2:]]),
            "2 rows have a prediction outside [0, 1]; they go from -inf to inf",
        ),
        (
            lambda f: f.assign(prediction=0.25),
            "all predictions are 0.25, so their standard deviation is 0: look for",
        ),
        (
            lambda f: f.assign(prediction=0.5 + 1e-12 * f["prediction"]),
            "all predictions are 0.5, so their standard deviation is 0: look for",
        ),
        (
            lambda f: f.assign(prediction=(f["prediction"] * 4).round() / 4),
            "the 40 predictions have 5 different values, and 25% are 0.25",
        ),
        (
            lambda f: f.assign(prediction=f["prediction"].where(f.index > 24, 0.5)),
            "the 40 predictions have 16 different values, and 62% are 0.5: look for",
        ),
        (
            lambda f: f.assign(prediction=f["prediction"].astype(str)),
            "must hold numbers of a plain dtype such as float64, and its dtype is",
        ),
    ],
)
def test_each_fault_is_told_with_its_remedy(change, expected):
    (found,) = problems(validate_submission, change(frame_of()), LIVE)
    for part in expected.split(" .* "):
        assert part in found


def test_all_faults_are_told_at_once():
    frame = frame_of([*LIVE[:-3], LIVE[0], "x", None], prediction=values())
    frame.loc[3, "prediction"], frame.loc[4, "prediction"] = np.nan, 7.0
    frame["era"] = ["0001", "0002"] * 20
    found = problems(validate_submission, frame, LIVE)
    assert len(found) == 8
    words = ("columns", "2 eras", "no id", "once", "not live", "NaN", "outside")
    assert all(any(word in problem for problem in found) for word in words)


def test_validation_sent_as_live_is_called_so():
    ids = [f"v{i}" for i in range(5_000)]
    (found,) = problems(validate_submission, frame_of(ids), LIVE)
    assert found == (
        f"0 of 5,000 ids are live ids, such as '{LIVE[0]}', and others are not, such "
        "as 'v0': these look like predictions of validation or of another round; "
        "predict this round's live file, and keep its index"
    )
    mixed = frame_of(LIVE + ids)
    (found,) = problems(validate_submission, mixed, LIVE)
    assert found.startswith("40 of 5,040 ids are live ids")
    eras = frame_of(ids).assign(era=[f"{i % 7:04d}" for i in range(5_000)])
    found = problems(submission, eras, LIVE)
    assert len(found) == 2
    assert "7 eras ('0000', '0001', '0002' and 4 more)" in found[0]


def test_a_part_of_the_live_rows_is_not_taken_for_validation():
    (found,) = problems(validate_submission, frame_of(LIVE[:4]), LIVE)
    assert found.startswith("36 ids (")


def test_ties_may_be_allowed_but_a_constant_never():
    few = frame_of(prediction=np.round(values()))
    problems(validate_submission, few, LIVE)
    assert validate_submission(few, LIVE, allow_ties=True) is few
    submission(few, LIVE, allow_ties=True)
    constant = frame_of(prediction=np.full(N_ROWS, 0.5))
    for call in (submission, validate_submission):
        problems(call, constant, LIVE, allow_ties=True)
        with pytest.raises(ValueError, match="`allow_ties` must be True or False"):
            call(few, LIVE, allow_ties=1)


def test_few_rows_are_no_ties():
    validate_submission(frame_of(LIVE[:2]), LIVE[:2])
    one = frame_of(LIVE[:1])
    assert "standard deviation" in problems(validate_submission, one, LIVE[:1])[0]


def test_all_missing_is_one_problem():
    frame = frame_of(prediction=np.full(N_ROWS, np.nan))
    (found,) = problems(validate_submission, frame, LIVE)
    assert found.startswith("40 rows have no prediction")


@pytest.mark.parametrize("given", [pd.Series(values(), index=LIVE), values()])
def test_only_frames_and_paths_are_validated(given):
    with pytest.raises(TypeError, match="make a frame of it with `submission`"):
        validate_submission(given, LIVE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"id,prediction\n", "0 rows"),
        (gzip.compress(frame_of().to_csv(index=False).encode()), "cannot be read"),
        (b"id,prediction\na,0.5,7\nb\nc,1,2,3\n", "cannot be read"),
        (b"\xff\xfe\x00id", "cannot be read"),
    ],
    ids=["empty", "no rows", "compressed", "ragged", "no text"],
)
def test_files_that_are_no_csv(tmp_path, content, message):
    path = tmp_path / "submission.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        validate_submission(path, LIVE)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`submission` must name.*none\.csv"):
        validate_submission(tmp_path / "none.csv", LIVE)


def test_ids_that_look_like_numbers_stay_text(tmp_path):
    ids = ["007", "1e5", "0x1", "12"]
    path = tmp_path / "submission.csv"
    frame_of(ids).to_csv(path, index=False)
    assert list(validate_submission(path, ids)["id"]) == ids


# Duplicates


def test_increasing_transforms_are_duplicates_and_nothing_else_is():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    slots = pd.DataFrame(
        {
            "a": a, "b": b, "ranked": pd.Series(a).rank(pct=True),
            "exp": np.exp(3 * a), "flipped": -a, "near": a + 1e-4 * b,
        }
    )  # fmt: skip
    pairs = find_duplicates(slots)
    found = {frozenset(pair) for pair in zip(pairs.slot_a, pairs.slot_b, strict=True)}
    alike = ["a", "ranked", "exp", "near"]
    assert found == {frozenset((x, y)) for x in alike for y in alike if x != y}
    assert list(pairs.correlation) == sorted(pairs.correlation, reverse=True)
    exact = find_duplicates(slots, threshold=1.0)
    assert {*exact.slot_a, *exact.slot_b} == {"a", "ranked", "exp"}
    assert (exact.correlation == 1).all()


@pytest.mark.parametrize("gaps", ["none", "shared", "own"])
def test_correlations_are_spearman_s_over_shared_rows(gaps):
    rng = np.random.default_rng(3)
    block = np.round(rng.normal(size=(4, 60)), 1) + np.round(rng.normal(size=60), 1)
    if gaps == "shared":
        block[:2, :20] = np.nan
    if gaps == "own":
        block[rng.random(block.shape) < 0.3] = np.nan
    pairs = find_duplicates(block.T, threshold=0.0)
    assert len(pairs) == 6
    for a, b, correlation, n_rows in pairs.itertuples(index=False):
        both = ~np.isnan(block[a] + block[b])
        expected = spearmanr(block[a][both], block[b][both]).statistic
        assert correlation == pytest.approx(expected, abs=1e-12)
        assert n_rows == both.sum()


def test_gaps_do_not_hide_a_duplicate():
    a = np.random.default_rng(0).normal(size=300)
    slots = pd.DataFrame({"a": a, "b": np.where(a < 0.5, a**3, np.nan)})
    (pair,) = find_duplicates(slots).itertuples(index=False)
    assert pair == ("a", "b", 1.0, (a < 0.5).sum())


def test_eras_count_alike_and_keep_to_themselves():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30))
    era = np.repeat(["0001", "0002", "0003"], [20, 8, 2])
    slots = pd.DataFrame({"era": era, "a": a, "b": np.where(era == "0001", a, b)})
    # The same within each era, but for a shift that differs between them.
    slots["c"] = slots["a"] + np.where(era == "0001", 100.0, 0.0)
    pairs = find_duplicates(slots, era="era", threshold=0.0).set_index(
        ["slot_a", "slot_b"]
    )
    assert pairs.loc[("a", "c")].tolist() == [1.0, 28]
    second = slots[slots.era == "0002"]
    expected = (1 + spearmanr(second.a, second.b).statistic) / 2
    assert pairs.loc[("a", "b"), "correlation"] == pytest.approx(expected)
    assert find_duplicates(slots[["a", "c"]]).empty


def test_constant_and_empty_slots_are_left_out():
    a = np.arange(10.0)
    slots = pd.DataFrame({"a": a, "flat": 0.1, "flat2": 0.1, "none": np.nan})
    slots["two"] = [0.1, 0.2] + [np.nan] * 8
    pairs = find_duplicates(slots, threshold=0.0)
    assert pairs.empty
    assert list(pairs) == ["slot_a", "slot_b", "correlation", "n_rows"]


def test_infinite_predictions_rank_as_extremes():
    a = np.arange(10.0)
    slots = pd.DataFrame({"a": a, "b": [-np.inf, *a[1:9], np.inf]})
    assert find_duplicates(slots).correlation.tolist() == [1.0]


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "array"])
def test_any_container_of_slots(kind):
    a = np.arange(10.0)
    frame = pd.DataFrame({"era": [1.0] * 10, "a": a, "b": a**2})
    made = {
        "polars": pl.DataFrame(frame),
        "pyarrow": pa.Table.from_pandas(frame),
        "array": frame.to_numpy(),
    }[kind]
    pairs = find_duplicates(made, era=0 if kind == "array" else "era")
    assert pairs.correlation.tolist() == [1.0]
    assert pairs.slot_a.tolist() == [1 if kind == "array" else "a"]


@pytest.mark.parametrize(
    ("slots", "options", "message"),
    [
        (pd.DataFrame({"a": [1.0]}), {}, "two columns or more.* got 'a'"),
        (pd.DataFrame({"id": ["x"], "era": [1]}), {"era": "era"}, "got none"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), {}, "'b' must hold numbers"),
        (pd.DataFrame({"a": [1.0], "b": [1]}), {"threshold": 1.1}, "got 1.1"),
        (pd.DataFrame({"a": [1.0], "b": [1]}), {"era": "week"}, "column 'week'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "duplicate column names"),
    ],
)
def test_slots_that_cannot_be_compared(slots, options, message):
    with pytest.raises(ValueError, match=message):
        find_duplicates(slots, **options)


def test_sixty_slots_are_compared_quickly():
    rng = np.random.default_rng(0)
    slots = rng.normal(size=(7_000, 60))
    slots[:, 59] = np.exp(slots[:, 0])
    start = time.perf_counter()
    pairs = find_duplicates(slots)
    assert time.perf_counter() - start < 5  # 0.1 s, on a machine that does nothing else
    assert pairs[["slot_a", "slot_b"]].to_numpy().tolist() == [[0, 59]]


# Sending: what the server and the keys are


@pytest.fixture
def server(monkeypatch, keys):
    monkeypatch.setattr(uploading, "DELAYS", (0.0, 0.0, 0.0))
    with NumeraiServer() as server:
        yield server


@pytest.fixture
def model(tmp_path):
    """Return the path of a pickle, of Python's own protocol."""
    path = tmp_path / "predict.pkl"
    path.write_bytes(cloudpickle.dumps(lambda live_features: live_features))
    return path


def send(**options):
    return submit(values(), MODEL, live_ids=LIVE, **{"dry_run": False, **options})


def send_model(path, **options):
    options = {"dry_run": False, "python": "3.11", **options}
    return upload_model(path, MODEL, **options)


@pytest.fixture(params=["submit", "upload_model"])
def either(request, model):
    """Return one of the two ways to send something."""
    if request.param == "submit":
        return send
    return lambda **options: send_model(model, **options)


def nothing_was_sent(server):
    writes = server.asked_for("^PUT|create|UploadAuth|upload_auth")
    return not (writes or server.stored or server.submissions or server.model_uploads)


# Sending predictions


def test_predictions_arrive_as_they_were_sent(server):
    receipt = send()
    (made,) = server.submissions
    assert made["modelId"] == server.model_id(MODEL)
    assert server.stored[made["filename"]] == frame_of().to_csv(index=False).encode()
    assert receipt.submission_id == made["id"]
    assert receipt.verified
    assert not receipt.dry_run
    assert (receipt.model, receipt.round, receipt.n_rows) == (MODEL, 1344, N_ROWS)
    assert str(receipt) == repr(receipt)
    assert str(receipt) == (
        f"Received: 40 predictions for '{MODEL}', round 1344, as {made['id']}"
    )


def test_a_dry_run_sends_nothing(server):
    receipt = submit(values(), MODEL, live_ids=LIVE)
    assert nothing_was_sent(server)
    assert server.asked == ["account", "rounds"]
    assert receipt.dry_run
    assert not receipt.verified
    assert receipt.submission_id is None
    assert repr(receipt) == (
        f"Dry run: 40 predictions for '{MODEL}', round 1344, are valid for the ids "
        "given; nothing was sent"
    )


def test_a_file_is_sent_to_the_last_digit(server, tmp_path):
    path = tmp_path / "mine.csv"
    prediction = np.nextafter(values(), 1) / 3
    frame_of(prediction=prediction).to_csv(path, index=False)
    assert submit(path, MODEL, live_ids=LIVE, dry_run=False).verified
    (content,) = server.stored.values()
    numbers = [line.split(",")[1] for line in content.decode().split()[1:]]
    assert [float(number) for number in numbers] == list(prediction)


def test_a_file_to_send_is_called_what_the_caller_calls_it(server, tmp_path):
    missing = tmp_path / "none.csv"
    with pytest.raises(FileNotFoundError, match=r"`predictions` must name.*none\.csv"):
        submit(missing, MODEL, live_ids=LIVE)
    missing.write_bytes(b"")
    with pytest.raises(ValueError, match="`predictions` must be a CSV file"):
        submit(missing, MODEL, live_ids=LIVE)
    assert nothing_was_sent(server)


def test_the_callers_client_is_used(server, monkeypatch):
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        monkeypatch.delenv(name)
    assert send(api=server.api(*KEYS)).verified


def test_live_ids_are_asked_of_numerai(server, tmp_path, monkeypatch):
    data = make_benchmark_models(
        n_eras=12, rows_per_era=50, n_models=2, n_features=6, random_state=0
    )
    server.versions["v5.3"] = write_tournament(tmp_path / "v5.3", data)
    monkeypatch.setenv("SKBENCH_HOME", str(tmp_path / "home"))
    live = data.live.index
    prediction = pd.Series(values(len(live)), index=live)
    receipt = submit(prediction[::-1], MODEL)
    assert receipt.n_rows == len(live)
    assert str(receipt).endswith("round 1344, are valid; nothing was sent")
    assert not (tmp_path / "home").exists()
    assert nothing_was_sent(server)
    stale = prediction.rename(index={live[0]: "n_of_last_week"})
    found = problems(submit, stale, MODEL, dry_run=False)
    assert f"'{live[0]}'" in found[1]
    assert nothing_was_sent(server)
    server.fail(500, "listDatasets", None)
    with pytest.raises(ConnectionError, match="listDatasets"):
        submit(prediction, MODEL, dry_run=False)
    assert nothing_was_sent(server)


@pytest.mark.parametrize("dry_run", [True, False])
def test_bad_predictions_reach_nobody(server, dry_run):
    for prediction in (np.full(N_ROWS, 0.5), values() * 2, values(7)):
        with pytest.raises(ValueError, match="`predictions`"):
            submit(prediction, MODEL, live_ids=LIVE, dry_run=dry_run)
    assert not server.asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dry_run": "no"}, "`dry_run` must be True or False; got 'no'"),
        ({"dry_run": None}, "`dry_run` must be True or False"),
    ],
)
def test_options_that_mean_nothing(server, either, options, message):
    with pytest.raises(ValueError, match=message):
        either(**options)
    assert not server.asked


@pytest.mark.parametrize("name", ["", None, 7])
def test_model_names_that_are_none(server, model, name):
    with pytest.raises(ValueError, match="`model_name` must be the name"):
        submit(values(), name, live_ids=LIVE)
    with pytest.raises(ValueError, match="`model_name` must be the name"):
        upload_model(model, name)
    assert not server.asked


# Sending either


@pytest.mark.parametrize("name", ["v53_lgbm_ender2", "V53_LGBM_Ender20"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_an_unknown_model_is_told_with_those_alike(server, model, name, dry_run):
    for call in (
        lambda: submit(values(), name, live_ids=LIVE, dry_run=dry_run),
        lambda: upload_model(model, name, dry_run=dry_run, python="3.11"),
    ):
        with pytest.raises(ValueError, match=r"`model_name` must be") as caught:
            call()
        assert f"got '{name}'; did you mean 'v53_lgbm_ender20'" in str(caught.value)
    assert nothing_was_sent(server)


def test_an_unknown_model_that_is_like_none(server):
    with pytest.raises(ValueError, match=r"got 'zz'\. The account has 'v5"):
        submit(values(), "zz", live_ids=LIVE)


def test_an_account_without_models(server, either):
    server.accounts = {}
    with pytest.raises(ValueError, match="has no model in this tournament"):
        either()


@pytest.mark.parametrize("dry_run", [True, False])
def test_missing_keys_are_named(server, either, monkeypatch, dry_run):
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(ValueError, match="NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"):
        either(dry_run=dry_run)
    assert not server.asked


def test_wrong_keys_are_refused(server, either, monkeypatch):
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "WRONGWRONG")
    with pytest.raises(ValueError, match="must be authenticated") as caught:
        either()
    assert "WRONGWRONG" not in str(caught.value)
    assert nothing_was_sent(server)


def test_keys_without_an_account(server, either, monkeypatch):
    monkeypatch.setattr("numerai_server._account", lambda *_: None)
    monkeypatch.setitem(
        __import__("numerai_server")._ANSWERS_WITH_KEYS, "account", lambda *_: None
    )
    with pytest.raises(ValueError, match="no account for these API keys"):
        either()


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_file_that_is_refused_makes_no_submission(server, either, status):
    server.fail(status, "^PUT")
    with pytest.raises(ConnectionError, match=f"not taken: the server ans.* {status}"):
        either()
    assert not server.submissions
    assert not server.model_uploads


@pytest.mark.parametrize("how", ["drop", 500, 503])
def test_a_file_that_never_gets_through_makes_no_submission(server, either, how):
    server.fail(how, "^PUT", None)
    with pytest.raises(ConnectionError, match="sending the file failed") as caught:
        either()
    assert "signature" not in str(caught.value)
    assert server.asked_for("^PUT") == 3
    assert not server.submissions
    assert not server.model_uploads


@pytest.mark.parametrize("how", ["drop", 500])
def test_passing_failures_are_got_over(server, either, how):
    for name in STEPS.replace("|^create", "").split("|"):
        server.fail(how, name, 1)
    assert either().verified


@pytest.mark.parametrize("how", ["drop", 500, 404, "garbage", "null"])
def test_it_is_told_that_what_was_made_is_not_known(server, either, how):
    server.fail(how, "^create", None)
    with pytest.raises(
        ConnectionError, match=r"may not have arrived.*1 of 1"
    ) as caught:
        either()
    assert "create" in str(caught.value)
    assert server.asked_for("^create") == 1


@pytest.mark.parametrize("field", ["[uU]pload_?[aA]uth", "^create"])
def test_what_numerai_refuses_is_said_as_it_says_it(server, either, field):
    server.fail("errors", field, None)
    with pytest.raises(ValueError, match=r"was refused: .* is refused"):
        either()
    assert not server.submissions
    assert not server.model_uploads


def test_a_round_that_cannot_be_asked_for_stops_it(server):
    server.fail(500, "rounds", 3)
    with pytest.raises(ConnectionError, match="rounds"):
        send()
    server.rounds = []
    with pytest.raises(ValueError, match="has no round to submit to"):
        send()
    assert nothing_was_sent(server)


def lose(server, monkeypatch, change):
    """Let the server take a file, and then keep another one, or none."""
    put = server.stored.__class__.__setitem__

    class Stored(dict):
        def __setitem__(self, name, content):
            if (kept := change(content)) is not None:
                put(self, name, kept)

    monkeypatch.setattr(server, "stored", Stored())


def test_an_id_for_nothing_is_no_success(server, either, monkeypatch):
    lose(server, monkeypatch, lambda content: None)
    with pytest.raises(ConnectionError, match="could not be verified") as caught:
        either()
    made = (server.submissions + server.model_uploads)[0]["id"]
    assert made in str(caught.value)
    assert "404 Not Found" in str(caught.value)
    assert "4 of 4 attempts" in str(caught.value)
    assert server.asked_for("^GET") == 4


def test_what_differs_is_no_success(server, either, monkeypatch):
    lose(server, monkeypatch, lambda content: content[:-10])
    with pytest.raises(ConnectionError, match="differs from what was sent"):
        either()
    assert server.asked_for("^GET") == 1


def flip_digit(content):
    return content[:-3] + (b"1" if content[-3:-2] != b"1" else b"2") + content[-2:]


def drop_row(content):
    return content[: content.rstrip().rindex(b"\n") + 1]


def swap_ids(content):
    return content.replace(LIVE[0].encode(), b"@").replace(
        LIVE[1].encode(), LIVE[0].encode()
    ).replace(b"@", LIVE[1].encode())  # fmt: skip


@pytest.mark.parametrize(
    "change", [flip_digit, drop_row, swap_ids, bytes, lambda c: b"", lambda c: b"\x80"]
)
def test_every_difference_is_seen(server, monkeypatch, change):
    before = frame_of().to_csv(index=False).encode()
    after = change(before) if change is not bytes else bytes(len(before))
    assert after != before
    lose(server, monkeypatch, lambda _: after)
    with pytest.raises(ConnectionError, match="differs from what was sent"):
        send()


def test_another_way_to_write_the_same_is_no_difference(server, monkeypatch):
    lose(server, monkeypatch, lambda content: content.replace(b"\n", b"\r\n"))
    assert send().verified


@pytest.mark.parametrize("how", ["drop", 500])
def test_what_cannot_be_read_back_is_no_success(server, either, how):
    server.fail(how, "^GET", None)
    with pytest.raises(ConnectionError, match="could not be verified"):
        either()


@pytest.mark.parametrize("how", ["drop", 500, "errors", "null"])
def test_a_list_that_cannot_be_had_is_no_success(server, either, how):
    server.fail(how, "^submissions$|^computePickles$", None)
    with pytest.raises(ConnectionError, match="could not be verified"):
        either()


def test_a_submission_that_is_not_listed_is_no_success(server, either, monkeypatch):
    answers = __import__("numerai_server")._ANSWERS_WITH_KEYS
    monkeypatch.setitem(answers, "submissions", lambda *_: [])
    monkeypatch.setitem(answers, "computePickles", lambda *_: [])
    with pytest.raises(ConnectionError, match="it is not among the model's"):
        either()


def test_no_address_to_read_back_from_is_no_success(server, either, monkeypatch):
    answers = __import__("numerai_server")._ANSWERS_WITH_KEYS
    for field in ("submissionDownloadAuth", "computePickleDownloadAuth"):
        monkeypatch.setitem(answers, field, lambda *_: {"filename": "a", "url": None})
    with pytest.raises(ConnectionError, match="an address was given that is not https"):
        either()


def test_what_appears_late_is_waited_for(server, either, monkeypatch):
    waits = []
    monkeypatch.setattr(uploading, "DELAYS", (1.0, 2.0, 4.0))
    monkeypatch.setattr(time, "sleep", waits.append)
    server.fail(404, "^GET", 2)
    assert either().verified
    assert waits == [1.0, 2.0]


def test_what_is_not_there_for_long_is_waited_for_once(server, either, monkeypatch):
    """Being listed and being there take two minutes together, and not each."""
    waits, lists = [], []
    monkeypatch.setattr(uploading, "DELAYS", (1.0, 2.0, 4.0))
    monkeypatch.setattr(time, "sleep", waits.append)
    answers = __import__("numerai_server")._ANSWERS_WITH_KEYS
    for field in ("submissions", "computePickles"):
        full = answers[field]
        monkeypatch.setitem(
            answers,
            field,
            lambda *asked, full=full: lists.append(1) or full(*asked)[: len(lists) - 2],
        )
    server.fail(404, "^GET", None)
    with pytest.raises(ConnectionError, match="4 of 4 attempts"):
        either()
    assert waits == [1.0, 2.0, 4.0]
    assert server.asked_for("^GET") == 2


def test_it_is_waited_for_two_minutes():
    assert sum(uploading.__dict__["DELAYS"]) == 120


@pytest.mark.parametrize("name", ["account", "^PUT", "^create", "^GET"])
def test_a_server_that_says_nothing_is_given_up(server, either, monkeypatch, name):
    monkeypatch.setattr(_numerai, "TIMEOUT", (0.3, 0.15))
    monkeypatch.setattr(_numerai, "DELAYS", (0.0,))
    monkeypatch.setattr(uploading, "DELAYS", (0.0,))
    server.fail("sleep", name, None, seconds=0.5)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=r"[Tt]ime"):
        either()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("how", ["drop", "errors"])
@pytest.mark.parametrize("step", STEPS.split("|"))
def test_keys_and_addresses_are_in_no_error_and_no_log(
    server, either, caplog, capfd, how, step
):
    caplog.set_level(logging.DEBUG)
    server.fail(how, step, None)
    seen = []
    try:
        receipt = either()
    except (ConnectionError, ValueError, UserWarning) as error:
        seen.append(f"{error!r} {error.__cause__}")
    else:
        assert receipt.verified  # where the step is no part of it
        seen.append(f"{receipt} {pickle.dumps(receipt)!r}")
    seen += [caplog.text, *capfd.readouterr()]
    hidden = [*KEYS, "Token "]
    assert not any(word in text for word in hidden for text in seen)
    assert "SIGNED" not in seen[0]


def test_numerapi_alone_would_have_called_it_a_success(server):
    """The reason for sending the file here: numerapi does not look at the answer."""
    server.fail(403, "^PUT", None)
    api = server.api(*KEYS)
    assert api.upload_predictions(df=frame_of(), model_id=server.model_id(MODEL))
    with pytest.raises(ConnectionError):
        send()


# Sending a model


def test_a_model_arrives_as_it_was_sent(server, model):
    receipt = send_model(model)
    (made,) = server.model_uploads
    assert server.stored[made["filename"]] == model.read_bytes()
    assert made["filename"].endswith("-predict.pkl")
    assert made["modelId"] == server.model_id(MODEL)
    assert made["dataVersionId"] == server.model_id("v5.3")
    assert made["dockerImageId"] == server.model_id("Python 3.11")
    assert made["tournament"] == 8
    assert receipt.verified
    assert (receipt.upload_id, receipt.status) == (made["id"], "pending")
    assert str(receipt) == repr(receipt)
    assert str(receipt) == (
        f"Received: a file of {model.stat().st_size:,} bytes for '{MODEL}', to run on "
        f"data v5.3 in 'Python 3.11', as {made['id']} (validation: pending)"
    )


def test_a_dry_run_sends_no_model(server, model):
    receipt = send_model(model, dry_run=True, data_version="v5.2")
    assert nothing_was_sent(server)
    assert not server.asked_for("GET")
    assert (receipt.upload_id, receipt.verified, receipt.dry_run) == (None, False, True)
    assert repr(receipt).endswith("data v5.2 in 'Python 3.11'; nothing was sent")
    assert repr(receipt).startswith("Dry run: a file of")


def test_keys_that_may_not_download_models_leave_it_unverified(server, model):
    server.fail("errors", "computePickleDownloadAuth", None)
    with pytest.warns(
        UserWarning, match=r"does not let its file be read back.*refused"
    ):
        receipt = send_model(model)
    assert not receipt.verified
    assert str(receipt).startswith("Sent, but NOT verified: a file of")


def test_the_image_is_that_of_the_running_python(server, model, monkeypatch):
    monkeypatch.setattr("sys.version_info", (3, 12, 1))
    assert upload_model(model, MODEL).docker_image == "Python 3.12"
    monkeypatch.setattr("sys.version_info", (3, 1, 0))
    with pytest.raises(
        ValueError, match=r"no image of Python 3\.1; it has 'Python 3.1"
    ):
        upload_model(model, MODEL)


class OwnModel:
    """A model of one's own, whose code travels along."""

    feature_names_in_ = ("feature_000",)

    def predict(self, X):
        return X.sum(axis=1)


@pytest.mark.parametrize("running", [(3, 11, 7), (3, 13, 1)])
def test_the_image_of_an_exported_file(server, tmp_path, monkeypatch, running):
    """It is that of the code in it; where there is none, the one offered first."""
    server.docker_images = [f"Python 3.{minor}" for minor in (11, 12, 13)]
    monkeypatch.setattr("sys.version_info", running)
    data = make_benchmark_models(9, 30, 2, 3, random_state=0)
    pipeline = make_pipeline(WeightedEnsemble(), EraRank()).fit(
        data.frame[["era", *data.models]]
    )
    path = export_predict(pipeline, tmp_path / "text.pkl")
    assert upload_model(path, MODEL).docker_image == "Python 3.12"
    assert upload_model(path, MODEL, python="3.11").docker_image == "Python 3.11"
    with pytest.warns(UserWarning, match="whose bytecode its code travels as"):
        path = export_predict(
            pipeline, tmp_path / "code.pkl", models={data.models[0]: OwnModel()}
        )
    monkeypatch.setattr("sys.version_info", (3, 12, 1))
    written_with = f"Python {running[0]}.{running[1]}"
    assert upload_model(path, MODEL).docker_image == written_with


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (["Python 3.11 GPU", "Python 3.11"], "Python 3.11"),
        (["py3.11-slim", "Python 3.110", "Python 13.11"], "py3.11-slim"),
        (["Python 3.11.9 "], "Python 3.11.9 "),
    ],
)
def test_which_image_is_chosen(server, model, images, expected):
    server.docker_images = images
    assert send_model(model, dry_run=True).docker_image == expected


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["Python 3.9"], "no image of Python 3.11; it has 'Python 3.9': pass"),
        (["3.11 a", "3.11 b"], "2 images of Python 3.11; it has '3.11 a', '3.11 b'"),
        ([], "no image of Python 3.11; it has none"),
    ],
)
def test_no_image_fits(server, model, images, message):
    server.docker_images = images
    with pytest.raises(ValueError, match=message):
        send_model(model)
    assert nothing_was_sent(server)


def test_a_named_image(server, model):
    options = {"python": None, "dry_run": True}
    named = send_model(model, docker_image="Python 3.12", **options)
    assert named.docker_image == "Python 3.12"
    with pytest.raises(
        ValueError, match=r"`docker_image` must be.*got 'Python 2'.*3.12"
    ):
        send_model(model, docker_image="Python 2", **options)
    with pytest.raises(ValueError, match="pass one of them"):
        send_model(model, docker_image="Python 3.12", python="3.12")
    for python in (3.11, "3", "3.11.2", "python3.11"):
        with pytest.raises(ValueError, match="`python` must be a version such as"):
            send_model(model, python=python)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [(["v5.9", "v5.10", "v5"], "v5.10"), (["v5.2", "beta"], "v5.2"), (["4.3"], "4.3")],
)
def test_the_highest_data_version_is_chosen(server, model, versions, expected):
    server.data_versions = versions
    assert send_model(model, dry_run=True).data_version == expected


def test_data_versions_that_are_not_there(server, model):
    with pytest.raises(ValueError, match=r"got 'v4', and it has 'v5\.2', 'v5\.3'"):
        send_model(model, data_version="v4")
    server.data_versions = ["beta"]
    with pytest.raises(ValueError, match="it has 'beta': pass one as `data_version`"):
        send_model(model)
    assert nothing_was_sent(server)


PICKLE = pickle.dumps({"a": list(range(100))})


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no pickle", PICKLE[:-1], PICKLE[:-30], gzip.compress(PICKLE), PICKLE * 2,
        PICKLE + b"\n", b"\x00" * 40, b"(dp0\n.x", frame_of().to_csv().encode(),
    ],
)  # fmt: skip
def test_what_is_no_pickle_is_not_sent(server, tmp_path, content):
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"must be a pickle.*{len(content):,} bytes"):
        send_model(path)
    assert not server.asked


def test_paths_that_are_no_pickle(server, tmp_path, model):
    with pytest.raises(FileNotFoundError, match="`path` must name a file"):
        send_model(tmp_path / "none.pkl")
    with pytest.raises(FileNotFoundError, match="`path` must name a file"):
        send_model(tmp_path)
    other = model.rename(tmp_path / "model.joblib")
    with pytest.raises(ValueError, match=r"`path` must end in .pkl"):
        send_model(other)
    assert not server.asked


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_all_protocols_are_pickles(server, tmp_path, protocol):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=protocol))
    assert send_model(path, dry_run=True).n_bytes == path.stat().st_size


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('it was loaded')",)


def test_the_pickle_is_not_loaded(server, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Evil()))
    assert send_model(path).verified


def test_a_large_file_on_a_slow_line_is_no_timeout(server, tmp_path, monkeypatch):
    """It may take longer in all than one wait may, as long as something goes on."""

    def read_slowly(handler):
        length = int(handler.headers["Content-Length"] or 0)
        parts = []
        while (left := length - sum(map(len, parts))) > 0:
            parts.append(handler.rfile.read(min(left, 2**20)))
            time.sleep(0.05 if left > 2**20 else 0.0)
        return b"".join(parts)

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(bytes(24 * 2**20)))
    monkeypatch.setattr("numerai_server._Handler._read_body", read_slowly)
    monkeypatch.setattr(_numerai, "TIMEOUT", (0.5, 5.0))
    assert send_model(path).verified
    assert server.asked_for("^PUT") == 1


def test_requests_are_those_of_the_server_alone(server, either, monkeypatch):
    """Nothing but the server is talked to: neither Numerai nor anybody else."""
    hosts = []
    plain = requests.Session.request

    def note(self, method, url, **options):
        hosts.append(url.split("/")[2])
        assert options["timeout"] == _numerai.TIMEOUT
        return plain(self, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", note)
    either()
    assert set(hosts) == {server.url.split("/")[2]}


def test_an_exported_pipeline_is_taken(server, tmp_path):
    X = pd.DataFrame({"era": "0001", "a": values(), "b": values(seed=1)}, index=LIVE)
    pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank()).fit(X)
    path = export_predict(pipeline, tmp_path / "predict.pkl")
    assert send_model(path).verified


def test_real_rows(server, real_folder):
    folder = real_folder
    live = pd.read_parquet(folder / "live_benchmark_models.parquet")
    old = pd.read_parquet(folder / "validation_benchmark_models.parquet")
    pipeline = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank()).fit(old)
    prediction = pd.Series(pipeline.predict(live), index=live.index)
    assert submit(prediction, MODEL, live_ids=live, dry_run=False).verified
    wrong = pd.Series(pipeline.predict(old), index=old.index)
    (found,) = problems(submission, wrong, live.index)
    assert "these look like predictions of validation" in found
    slots = live.drop(columns="era")
    slots["copy"] = slots.iloc[:, 0].rank(pct=True)
    found = find_duplicates(slots).iloc[0]
    assert (found.slot_a, found.slot_b) == (slots.columns[0], "copy")


def test_an_answer_with_nothing_in_it_is_an_error():
    class Api:
        def raw_query(self, *_, **__):
            return {"data": {"submission_upload_auth": None}}

    with pytest.raises(ConnectionError, match="`submission_upload_auth` with nothing"):
        uploading.ask(Api(), "query { submission_upload_auth }", {})
