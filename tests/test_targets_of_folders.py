"""Twenty targets of a folder in one reading: what a call for each of them gives."""

import json
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tournament_files import own_predictions, write_tournament

from skbench.analysis import synergy
from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.folders import (
    analyze_folder,
    backtest_folder,
    diagnose_folder,
    ensemble_folder,
    ensemble_pipeline,
    explore_folder,
    report_folder,
    score_folder,
    stake_folder,
)
from skbench.metrics import score_models
from skbench.staking import PAYOUT_RULES
from skbench.tournament import ERA, open_folder
from skbench.tournament._join import JoinReader

NAMES = [f"target_{name}_{days}" for days in (20, 60) for name in "abcdefghij"]
DATA = make_benchmark_models(
    60, 40, 4, targets=NAMES, mean_corr=0.1, meta_model_eras=50, random_state=0
)
ALIAS = NAMES[0]  # what "target" is a copy of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tournament(tmp_path_factory.mktemp("files"), DATA)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Predictions that lack the last 25 eras: they have fewer than the other models."""
    own = own_predictions(DATA.frame, DATA.models[0])
    path = tmp_path_factory.mktemp("mine") / "mine.parquet"
    own[own["era"] <= "0035"].to_parquet(path)
    return path


@pytest.fixture
def read(monkeypatch):
    """How often each column is read of an era."""
    counts, reader = Counter(), JoinReader.read

    def counted(self, key):
        counts.update(self._schema.names)
        return reader(self, key)

    monkeypatch.setattr(JoinReader, "read", counted)
    return counts


def one_by_one(folder, targets, **options):
    boards = []
    for name, horizon in targets.items():
        board = score_folder(folder, target=name, **options)
        board.insert(0, "target", name)
        board.insert(1, "horizon", horizon)
        boards.append(board)
    return pd.concat(boards, ignore_index=True)


HORIZONS = {name: 5 if name.endswith("_20") else 13 for name in NAMES}


# Scores


@pytest.mark.filterwarnings("ignore:.* lacks .* rows")
def test_a_board_of_twenty_targets_is_that_of_each(folder, mine):
    options = {
        "predictions": mine,
        "benchmark": DATA.models[1],
        "payout": {"corr": 1.0, "mmc": 2.0},
        "recent": 20,
    }
    board = score_folder(folder, target=NAMES, **options)
    pd.testing.assert_frame_equal(board, one_by_one(folder, HORIZONS, **options))
    assert board["target"].unique().tolist() == NAMES
    assert {"corr", "mmc", "bmc", "payout", "made", "corr_n_paired"} <= {*board}


def test_the_rows_are_read_once(folder, read):
    score_folder(folder, target=NAMES[0])
    alone = dict(read)
    read.clear()
    score_folder(folder, target=NAMES)
    for name in [*DATA.models, NAMES[0], "numerai_meta_model"]:
        assert read[name] == alone[name]
    assert all(read[name] == alone[NAMES[0]] for name in NAMES)


def test_a_list_of_one_says_its_target(folder):
    board = score_folder(folder, target=["target"])
    pd.testing.assert_frame_equal(board, one_by_one(folder, {ALIAS: 5}))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["target", ALIAS], f"'target' and '{ALIAS}', which are one column"),
        ([ALIAS, ALIAS], "names a column twice"),
        ([], "must name a column at least"),
        ([5], "`target` must be a column name; got 5"),
        ([ALIAS, "target_a_2"], "'target_a_2', which validation.parquet does not have"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(folder, targets, message):
    with pytest.raises(ValueError, match=message):
        score_folder(folder, target=targets)


@pytest.mark.parametrize(
    "job",
    [
        analyze_folder,
        backtest_folder,
        explore_folder,
        report_folder,
        partial(stake_folder, rule=PAYOUT_RULES["2026"], total_at_risk=1e5),
    ],
    ids=["analyze", "backtest", "explore", "report", "stake"],
)
def test_other_jobs_take_one_target(folder, job):
    with pytest.raises(ValueError, match="`target` must name one target here; got"):
        job(folder, target=NAMES[:2])


@pytest.mark.filterwarnings("ignore:.* lacks .* rows")
def test_nothing_is_sent_to_be_scored_with_several_targets(folder, mine):
    options = {"benchmark": DATA.models[1], "dry_run": True, "api": None}
    with pytest.raises(ValueError, match="`target` must name one target here; got"):
        diagnose_folder(folder, mine, "a_model", target=NAMES[:2], **options)


def test_an_ensemble_of_several_targets_writes_nothing(folder, tmp_path):
    pipeline = ensemble_pipeline(folder, fit="corr")
    with pytest.raises(ValueError, match="`target` must name one target here; got"):
        ensemble_folder(folder, tmp_path / "e.parquet", pipeline, target=NAMES[:2])
    assert not list(tmp_path.iterdir())


def test_scores_of_several_targets_are_those_of_each():
    frame, models = DATA.frame, DATA.models
    options = {
        "era": frame["era"],
        "meta_model": frame["numerai_meta_model"],
        "benchmark": models[1],
        "features": frame[DATA.features[:5]],
        "payout": {"corr": 1.0, "mmc": 2.0},
    }
    scores = score_models(frame[NAMES[8:12]], frame[models], **options)
    assert [*scores] == ["corr", "mmc", "bmc", "fnc", "payout"]
    for name in NAMES[8:12]:
        alone = score_models(frame[name], frame[models], **options)
        for score, table in alone.items():
            pd.testing.assert_frame_equal(scores[score][name], table, check_names=False)


def test_polars_joins_target_and_model():
    frame = pl.from_pandas(DATA.frame[["era", *NAMES[:2], *DATA.models]])
    scores = score_models(
        frame.select(NAMES[:2]), frame.select(DATA.models), era=frame["era"]
    )
    pairs = [f"{target} / {model}" for target in NAMES[:2] for model in DATA.models]
    assert scores["corr"].columns == ["era", *pairs]


# On the command line


def told_by(capsys, *args):
    main([*map(str, args)])
    return capsys.readouterr().out


def test_the_command_scores_with_several_targets(folder, capsys):
    targets = "target,target_b_20,target_a_60"
    args = ["score", folder, "--target", targets]
    board = score_folder(folder, target=targets.split(","))
    found = pd.DataFrame(json.loads(told_by(capsys, *args, "--format", "json")))
    for name in ("target", "horizon", "eras", "model", "corr_n_eras"):
        assert found[name].tolist() == board[name].tolist()
    np.testing.assert_allclose(found["mmc_low"], board["mmc_low"], rtol=1e-12)
    told = told_by(capsys, *args)
    headings = [line for line in told.splitlines() if line.startswith("Target: ")]
    assert headings == [
        "Target: target_a_20; its scores share days over 5 eras",
        "Target: target_b_20; its scores share days over 5 eras",
        "Target: target_a_60; its scores share days over 13 eras",
    ]
    of_each = told.split("Target: ")[1:]
    for name, part in zip(board["target"].unique(), of_each, strict=True):
        alone = told_by(capsys, "score", folder, "--target", name)
        assert alone.startswith(f"Target: {name}\n\n")
        tables = part.split("\n", 1)[1].split("The interval from")[0].strip()
        assert tables in alone


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ("target_a_20,target_z_20", "--target names 'target_z_20', which"),
        ("target,target_a_20", "'target' and 'target_a_20', which are one column"),
        ("target_a_20,target_a_20", "--target names a column twice: 'target_a_20'"),
    ],
)
def test_the_command_refuses_targets_that_cannot_be_used(
    folder, targets, message, capsys
):
    with pytest.raises(SystemExit):
        main(["score", str(folder), "--target", targets])
    assert message in capsys.readouterr().err


# Which targets go together


def groups_of(models):
    """The target that each model was trained on."""
    return {name: name.split("_")[-1] for name in models}


FRAMES = ("gain", "tilt", "tilt_low", "tilt_high", "tilt_joint_low", "tilt_joint_high")


def assert_same_synergy(found, alone):
    for name in (*FRAMES, "n_eras"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(alone, name))
    assert (found.confidence, found.horizon) == (alone.confidence, alone.horizon)
    pd.testing.assert_frame_equal(found.pairs, alone.pairs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"groups": groups_of(DATA.models), "objective": "sharpe"},
        {"horizon": 3, "confidence": 0.8},
    ],
    ids=str,
)
def test_synergy_of_twenty_targets_is_that_of_each(folder, read, options):
    rows, _ = open_folder(folder, target=NAMES)
    read.clear()
    found = synergy(
        rows.table(*rows.models),
        rows.table(*rows.targets),
        era=rows.table(ERA),
        **options,
    )
    n_eras = len(rows.source.eras)
    assert all(read[name] <= n_eras for name in DATA.models)
    assert [*found] == NAMES
    frame = DATA.frame.sample(frac=1.0, random_state=0)
    in_memory = synergy(frame[DATA.models], frame[NAMES], era=frame["era"], **options)
    for name in NAMES:
        alone = synergy(
            rows.table(*rows.models), rows.table(name), era=rows.table(ERA), **options
        )
        assert_same_synergy(found[name], alone)
        np.testing.assert_allclose(in_memory[name].tilt, alone.tilt, atol=1e-12)
        assert found[name].horizon == options.get("horizon", HORIZONS[name])


def test_gaps_are_those_of_each_target():
    frame, models = DATA.frame.copy(), DATA.models
    eras = sorted(frame["era"].unique())
    frame.loc[frame["era"].isin(eras[:12]), NAMES[1]] = np.nan
    frame.loc[frame["era"].isin(eras[5:30]), models[2]] = np.nan
    found = synergy(frame[models], frame[NAMES[:3]], era=frame["era"])
    for name in NAMES[:3]:
        alone = synergy(frame[models], frame[name], era=frame["era"])
        assert_same_synergy(found[name], alone)
    assert found[NAMES[1]].n_eras.iloc[0, 1] == found[NAMES[0]].n_eras.iloc[0, 1] - 12


def test_pairs_are_listed_with_the_largest_tilt_first():
    frame, models = DATA.frame, DATA.models
    found = synergy(frame[models], frame[NAMES[0]], era=frame["era"])
    pairs = found.pairs
    assert len(pairs) == 6
    assert pairs["tilt"].is_monotonic_decreasing
    for line in pairs.to_dict("records"):
        at = line["first"], line["second"]
        for name in (*FRAMES, "n_eras"):
            assert line[name] == getattr(found, name).loc[at]
        assert line["horizon"] == 5
    groups = dict(zip(models, "aabb", strict=True))
    grouped = synergy(frame[models], frame[NAMES[0]], era=frame["era"], groups=groups)
    cells = grouped.pairs[["first", "second"]].to_numpy().tolist()
    assert sorted(cells) == [["a", "a"], ["a", "b"], ["b", "b"]]


def test_a_target_without_eras_is_named():
    frame, models = DATA.frame.assign(empty=np.nan), DATA.models
    with pytest.raises(ValueError, match=r"`y\['empty'\]` has no era with"):
        synergy(frame[models], frame[[NAMES[0], "empty"]], era=frame["era"])


def test_wrong_groups_are_refused_before_models_are_read(folder, read):
    rows, _ = open_folder(folder, target=NAMES[:2])
    read.clear()
    with pytest.raises(ValueError, match="`groups` must map each of the models"):
        synergy(
            rows.table(*rows.models),
            rows.table(*rows.targets),
            era=rows.table(ERA),
            groups={"a": "b"},
        )
    assert not read[DATA.models[0]]
