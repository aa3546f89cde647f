"""The commands, each a thin layer over a public function."""

import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import failure, run
from numerai_server import NumeraiServer, make_scores
from sklearn.base import clone
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tournament_files import write_feature_sets, write_tournament

from skbench import EraRank, cli
from skbench.analysis import analyze
from skbench.cli import main
from skbench.cli._show import show
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.demo import run_demo
from skbench.folders import (
    analyze_folder,
    ensemble_folder,
    ensemble_pipeline,
    folder_target,
    report_folder,
    score_folder,
    stake_folder,
)
from skbench.metrics import (
    leaderboard,
    mean_target_by_quantile,
    numerai_corr,
    score_models,
)
from skbench.recipes import describe_recipes, recipe
from skbench.report import PerformanceReport
from skbench.staking import PAYOUT_RULES, PayoutRule
from skbench.streaming import sort_parquet, transform_parquet

ROOT = Path(__file__).parents[1]
# The column of which "target" is a copy in the tournaments made here.
TARGET = "target_cyrus_20"


@pytest.fixture(scope="session")
def data():
    return make_benchmark_models(70, 120, 6, 12, meta_model_eras=40, random_state=5)


@pytest.fixture(scope="session")
def folder(data, tmp_path_factory):
    return write_tournament(tmp_path_factory.mktemp("files"), data)


@pytest.fixture(scope="session")
def small():
    return make_benchmark_models(24, 60, 3, 12, meta_model_eras=16, random_state=5)


@pytest.fixture(scope="session")
def pipeline(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("ensemble") / "e.parquet"
    main(["ensemble", str(folder), "-o", str(output), "--neutralize", "small"])
    return output.with_suffix(".joblib")


@pytest.fixture
def server(folder, no_keys):
    with NumeraiServer({"v5.3": folder}) as server:
        yield server


class Runs:
    """What writes a file when its pickle is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_help_starts_without_pandas():
    code = (
        "import sys; from skbench.cli import main; main(['--help']); "
        "print({'pandas', 'numpy', 'sklearn', 'numerapi'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("set()\n")
    for command in (
        "analyze",
        "check",
        "daily",
        "demo",
        "ensemble",
        "export",
        "fetch",
        "recipes",
        "report",
        "score",
        "stake",
        "submit",
        "upload",
    ):
        assert f"\n  {command} " in done.stdout


class TestFetch:
    def test_from_an_empty_folder_to_an_ensemble_in_three_commands(
        self, server, data, tmp_path, capsys
    ):
        home, output = tmp_path / "data", tmp_path / "ensemble.parquet"
        told = run(capsys, "fetch", "--data-home", home, "--features", "small")
        rows = f"{len(data.frame):,} rows"
        covered = data.frame[data.frame["numerai_meta_model"].notna()]
        meta = f"{covered['era'].nunique()} eras, {len(covered):,} rows"
        assert told == (
            f"{home / 'v5.3'}: 6 models, 6 features, 70 eras, {rows}; "
            f"the Meta Model in {meta}\n"
        )
        assert "CORR, all eras" in run(capsys, "score", home / "v5.3")
        run(capsys, "ensemble", home / "v5.3", "--fit", "corr", "-o", output)
        assert output.is_file()

    def test_a_version_that_is_gone(self, server, tmp_path, capsys):
        line = failure(capsys, "fetch", "--version", "v4.2", "--data-home", tmp_path)
        assert "'v4.2'" in line
        assert "v5.3" in line

    def test_a_full_disk(self, server, tmp_path, capsys, monkeypatch):
        usage = shutil.disk_usage("/")._replace(free=5)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        home = tmp_path / "home"
        line = failure(capsys, "fetch", "--data-home", home)
        assert line.startswith(f"skbench: {home}/v5.3/features.json cannot be written")

    def test_a_server_that_does_not_answer(self, server, tmp_path, capsys):
        server.fail(500, times=None)
        line = failure(capsys, "fetch", "--data-home", tmp_path / "data")
        assert "the server answered 500" in line


class TestRecipes:
    def test_list(self, capsys):
        table = run(capsys, "recipes")
        for name in describe_recipes()["name"]:
            assert f"{name} " in table
        found = json.loads(run(capsys, "recipes", "--format", "json"))
        assert [one["name"] for one in found] == describe_recipes()["name"].tolist()

    def test_one(self, capsys):
        table = run(capsys, "recipes", "V42_RAIN_ENSEMBLE2")
        assert recipe("v42_rain_ensemble2").summary in table
        csv = run(capsys, "recipes", "v42_rain_ensemble2", "--format", "csv")
        found = pd.read_csv(io.StringIO(csv))
        assert found["weight"].sum() == pytest.approx(1)

    def test_part_of_a_name(self, capsys):
        line = failure(capsys, "recipes", "rain")
        assert "NAME must be that of a recipe; got 'rain'" in line
        assert "'v42_rain_ensemble'" in line
        assert line.endswith("? skbench recipes lists all")

    def test_a_folder_that_is_not_there(self, tmp_path, capsys):
        line = failure(capsys, "recipes", tmp_path / "no")
        assert f"FOLDER must be a folder that is there; got {tmp_path / 'no'}" in line

    @pytest.mark.parametrize("path", ["no/", "./no", "a.txt"])
    def test_what_is_a_path_is_no_name(self, path, tmp_path, capsys, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("a.txt").touch()
        line = failure(capsys, "recipes", path)
        assert f"FOLDER must be a folder that is there; got {path}" in line


class TestScore:
    def test_numbers_are_those_of_the_function(self, folder, data, capsys):
        model = data.models[2]
        expected = score_folder(folder, benchmark=model, recent=20)
        csv = run(
            capsys,
            *("score", folder, "--benchmark", model),
            *("--recent", 20, "--format", "csv"),
        )
        pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(csv)), expected)
        out = run(capsys, "score", folder, "--format", "json")
        assert [row["model"] for row in json.loads(out)[:4]] == (
            score_folder(folder)["model"][:4].tolist()
        )

    def test_a_table_a_score_with_aligned_columns(self, folder, data, capsys):
        out = run(capsys, "score", folder, "--benchmark", data.models[0])
        first, *rest, last = out.strip().split("\n\n")
        assert first == f"Target: {TARGET}"
        assert "--benchmark MODEL" in last
        tables = [table.splitlines() for table in rest]
        assert [table[0] for table in tables] == [
            f"{score}, {span} eras; best mean first"
            for span in ("all", "last 52")
            for score in ("CORR", "MMC", "BMC")
        ]
        for _, header, *lines in tables:
            assert len(lines) == len(data.models)
            assert {len(line) for line in lines} == {len(header)}
            means = [float(line.split()[1]) for line in lines]
            assert means == sorted(means, reverse=True)

    def test_without_a_meta_model(self, folder, tmp_path, capsys):
        for file in folder.iterdir():
            if file.name != "meta_model.parquet":
                (tmp_path / file.name).symlink_to(file)
        assert "MMC" not in run(capsys, "score", tmp_path)

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--benchmark", "other"], "'other'"),
            (["--target", "target_other_20"], "target_other_20"),
            (["--recent", "0"], "recent"),
            (["--format", "xml"], "format"),
        ],
    )
    def test_errors_are_one_line(self, folder, capsys, args, told):
        assert told in failure(capsys, "score", folder, *args)

    def test_a_folder_that_is_not_there(self, tmp_path, capsys):
        assert str(tmp_path / "no") in failure(capsys, "score", tmp_path / "no")

    def test_a_model_of_ones_own_needs_no_live_rows(self, folder, tmp_path, capsys):
        files = shutil.copytree(folder, tmp_path / "files")
        path = files / "validation_benchmark_models.parquet"
        pd.read_parquet(path).assign(mine=lambda x: x.iloc[:, 1] ** 3).to_parquet(path)
        assert "\n            mine " in run(capsys, "score", files)


class TestEnsemble:
    def test_files_hold_what_the_pipeline_gives(self, folder, tmp_path, capsys):
        output = tmp_path / "ensemble.parquet"
        out = run(
            capsys,
            *("ensemble", folder, "-o", output),
            *("--neutralize", "charisma", "--proportion", 0.5),
        )
        assert "\nweights given\n" in out
        predictions = pd.read_parquet(output)
        pipeline = joblib.load(tmp_path / "ensemble.joblib")
        data = load_benchmark_models(folder, features="charisma")
        frame = pd.concat([data.frame, data.live])
        assert predictions.index.equals(frame.index)
        assert predictions["prediction"].tolist() == pipeline.predict(frame).tolist()
        assert predictions["data_type"].tolist() == frame["data_type"].tolist()
        assert pipeline[3].neutralizers == data.feature_groups["charisma"]
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "ensemble.joblib",
            "ensemble.parquet",
        ]

    def test_stated_weights(self, folder, data, tmp_path, capsys):
        a, b = data.models[:2]
        output = tmp_path / "e.parquet"
        out = run(
            capsys, "ensemble", folder, "--weights", f"{a}=0.25,{b}=0.75", "-o", output
        )
        assert f", the largest first\n 75.00%  {b}\n 25.00%  {a}\n" in out
        assert "learned" not in out
        assert joblib.load(tmp_path / "e.joblib")[1].weights_ == {a: 0.25, b: 0.75}

    def test_equal_weights_unless_told_otherwise(self, folder, tmp_path, capsys):
        assert " 16.67%  " in run(
            capsys, "ensemble", folder, "-o", tmp_path / "e.parquet"
        )

    @pytest.mark.parametrize(
        ("fit", "given", "expected"),
        [
            ("corr", [], "bayes"),
            ("contribution", [], "bayes"),
            ("sharpe", [], 0.0),
            ("mse", [], 0.0),
            ("corr", ["--shrinkage", "bayes"], "bayes"),
            ("corr", ["--shrinkage", "auto"], "auto"),
            ("sharpe", ["--shrinkage", "0.25"], 0.25),
        ],
    )
    def test_learned_weights_are_shrunk(
        self, folder, tmp_path, capsys, fit, given, expected
    ):
        output = tmp_path / "e.parquet"
        out = run(capsys, "ensemble", folder, "--fit", fit, "-o", output, *given)
        blend = joblib.load(tmp_path / "e.joblib")[1]
        assert blend.shrinkage == expected
        assert f"\n\n{blend.summary}\n\nTarget: {TARGET}\n" in out
        assert ("models differ" in out) == (expected == "bayes")

    def test_payout(self, folder, tmp_path, capsys):
        out = run(
            capsys,
            *("ensemble", folder, "-o", tmp_path / "e.parquet", "--fit", "payout"),
            *("--payout", "corr=0.75,contribution=2.25", "--format", "json"),
            *("--chunk", 10),
        )
        means = {
            (row["score"], row["candidate"]): row["mean"] for row in json.loads(out)
        }
        for name in ("ensemble", "equal weights", "best single model", "in sample"):
            paid = 0.75 * means["corr", name] + 2.25 * means["mmc", name]
            assert means["payout", name] == pytest.approx(paid, abs=1e-12)

    def test_a_recipe_with_todays_columns(self, folder, data, tmp_path, capsys):
        a, b = data.models[:2]
        columns = f"v5_lgbm_teager2b20={a},v5_lgbm_cyrusd20={b}"
        run(
            capsys,
            *("ensemble", folder, "-o", tmp_path / "e.parquet"),
            *("--recipe", "V5_LGBM_CT_BLEND", "--columns", columns),
        )
        pipeline = joblib.load(tmp_path / "e.joblib")
        assert pipeline[1].weights_ == {a: 0.5, b: 0.5}

    def test_a_recipe_that_neutralises_reads_its_set(
        self, folder, data, tmp_path, capsys
    ):
        parts = recipe("v41_example_preds").weights
        pairs = zip(parts, data.models, strict=True)
        columns = ",".join(f"{part}={name}" for part, name in pairs)
        run(
            capsys,
            *("ensemble", folder, "-o", tmp_path / "e.parquet"),
            *("--recipe", "V41_EXAMPLE_PREDS", "--columns", columns),
        )
        medium = json.loads((folder / "features.json").read_text())["feature_sets"][
            "medium"
        ]
        assert joblib.load(tmp_path / "e.joblib")[3].neutralizers == medium

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--weights", "a"], "MODEL=WEIGHT"),
            (["--weights", "a=b"], "MODEL=WEIGHT"),
            (["--weights", "a=1,a=2"], "once"),
            (["--weights", "other=1"], "other"),
            (["--fit", "luck"], "luck"),
            (["--fit", "corr", "--recipe", "v5_lgbm_ct_blend"], "one way to blend"),
            (["--recipe", "v5_lgbm_ct_blend"], "v5_lgbm_teager2b20"),
            (["--recipe", "v42_rain_ensemble2", "--neutralize", "small"], "--recipe"),
            (["--columns", "a=b"], "without one"),
            (["--payout", "corr=1"], "--payout is for"),
            (["--shrinkage", "bayes"], "--shrinkage is for --fit"),
            (["--fit", "mse", "--shrinkage", "bayes"], "--shrinkage 'bayes' shrinks"),
            (["--fit", "corr", "--shrinkage", "some"], "bayes|auto|SHARE"),
            (["--fit", "corr", "--shrinkage", "2"], "between 0 and 1; got 2"),
            (["--proportion", "0.5"], "--proportion is for"),
            (["--recipe", "v5_lgbm_ct_blend", "--proportion", "0.5"], "--proportion"),
            (["--neutralize", "courage"], "'courage'"),
            (["--proportion", "1.5"], "1.5"),
            (["--target", "target_other_20"], "target_other_20"),
        ],
    )
    def test_errors_are_one_line_and_leave_nothing(
        self, folder, tmp_path, capsys, args, told
    ):
        output = tmp_path / "e.parquet"
        assert told in failure(capsys, "ensemble", folder, "-o", output, *args)
        assert list(tmp_path.iterdir()) == []

    def test_an_output_that_cannot_be_written(self, folder, tmp_path, capsys):
        line = failure(capsys, "ensemble", folder, "-o", tmp_path / "no" / "e.parquet")
        assert "folder that is there" in line
        line = failure(capsys, "ensemble", folder, "-o", tmp_path / "e.csv")
        assert "must end in .parquet" in line

    @pytest.mark.filterwarnings("default:10 of")
    def test_missing_predictions_are_told(self, folder, data, tmp_path, capsys):
        files, output = (
            shutil.copytree(folder, tmp_path / "files"),
            tmp_path / "e.parquet",
        )
        path = files / "validation_benchmark_models.parquet"
        frame = pd.read_parquet(path)
        frame.loc[frame.index[:10], data.models[2]] = float("nan")
        frame.to_parquet(path)
        main(["ensemble", str(files), "-o", str(output)])
        told = f"10 of {len(data.frame) + len(data.live)} predictions are missing"
        err = capsys.readouterr().err
        assert told in err
        assert f"gaps in {data.models[2]!r}:" in err
        assert pd.read_parquet(output)["prediction"].isna().sum() == 10

    def test_an_ensemble_without_any_prediction_is_not_written(
        self, folder, data, tmp_path, capsys
    ):
        files = shutil.copytree(folder, tmp_path / "files")
        path = files / "validation_benchmark_models.parquet"
        pd.read_parquet(path).assign(**{data.models[2]: float("nan")}).to_parquet(path)
        line = failure(capsys, "ensemble", files, "-o", tmp_path / "e.parquet")
        assert "no era can be scored" in line
        assert [path.name for path in tmp_path.iterdir()] == ["files"]

    def test_what_a_killed_one_left_goes_with_the_next(self, folder, tmp_path):
        output = tmp_path / "e.parquet"
        command = [sys.executable, "-c", STOPS, "ensemble", folder, "-o", output]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == "half\n"
            process.kill()
        left = sorted(path.suffix for path in tmp_path.glob(".e.*.part.*"))
        assert left == [".joblib", ".parquet"]
        main(["ensemble", str(folder), "-o", str(output)])
        assert set(tmp_path.iterdir()) == {output, output.with_suffix(".joblib")}


# The command, which stops while both files of an ensemble are being written.
STOPS = """
import sys, time
from pathlib import Path
import joblib
from skbench import cli

def stop(pipeline, path):
    Path(path).write_text("half")
    print("half", flush=True)
    time.sleep(60)

joblib.dump = stop
cli.main(sys.argv[1:])
"""


def shuffled_in_eras(files, data):
    """Put the rows of every file in another order, era by era, as its index says."""
    for name in ("validation", "validation_benchmark_models", "meta_model"):
        seed = len(name)
        edit(
            files,
            name,
            lambda frame, seed=seed: frame.sample(frac=1, random_state=seed),
        )


def ids_missing_in_each(files, data):
    for i, name in enumerate(("validation", "validation_benchmark_models")):
        edit(files, name, lambda frame, i=i: frame.drop(frame.index[3 + i :: 11]))


def eras_only_in_one(files, data):
    """Each file lacks eras that the others have, at its ends and in its middle."""
    cuts = {
        "validation": ["0001", "0010", "0024"],
        "validation_benchmark_models": ["0002", "0011", "0018"],
        "meta_model": ["0012", "0017"],
    }
    for name, eras in cuts.items():
        edit(files, name, lambda frame, e=eras: frame[~frame["era"].isin(e)])


def meta_model_recent_only(files, data):
    edit(files, "meta_model", lambda frame: frame[frame["era"] >= "0015"])


def no_meta_model(files, data):
    (files / "meta_model.parquet").unlink()


def meta_model_of_other_eras(files, data):
    edit(files, "meta_model", lambda frame: frame.assign(era="9" + frame["era"]))


def single_precision(files, data):
    dtypes = dict.fromkeys(data.models, np.float32)
    for split in ("validation", "live"):
        name = f"{split}_benchmark_models"
        edit(files, name, lambda frame: frame.astype(dtypes))


def features_with_gaps(files, data):
    def punch(frame):
        gaps = np.random.default_rng(0).random(len(frame)) < 0.1
        for name in data.features[:3]:
            frame[name] = pd.array(frame[name].mask(gaps).to_numpy(), dtype="Int8")
        return frame

    edit(files, "validation", punch)


def predictions_with_gaps(files, data):
    def punch(frame):
        frame.iloc[5:40, 2] = np.nan
        return frame

    edit(files, "validation_benchmark_models", punch)


def eras_in_another_order(files, data):
    backwards = {"ascending": False, "kind": "stable"}
    edit(files, "validation", lambda frame: frame.sort_values("era", **backwards))


def eras_written_as_numbers(files, data):
    edit(files, "validation", lambda frame: frame.astype({"era": int}))


def eras_as_categories(files, data):
    edit(
        files,
        "validation_benchmark_models",
        lambda frame: frame.astype({"era": "category"}),
    )


def ids_as_a_column(files, data):
    edit(files, "validation", lambda frame: frame.reset_index())
    edit(files, "validation_benchmark_models", lambda frame: frame.reset_index())


def no_live_rows(files, data):
    (files / "live_benchmark_models.parquet").unlink()


def no_data_type(files, data):
    edit(files, "validation", lambda frame: frame.drop(columns="data_type"))


FOLDERS = [
    shuffled_in_eras,
    ids_missing_in_each,
    eras_only_in_one,
    meta_model_recent_only,
    no_meta_model,
    meta_model_of_other_eras,
    single_precision,
    features_with_gaps,
    predictions_with_gaps,
    eras_in_another_order,
    eras_written_as_numbers,
    eras_as_categories,
    ids_as_a_column,
    no_live_rows,
    no_data_type,
]


def edit(folder, name, change):
    """Rewrite a file, in row groups that divide eras; an era stays in one piece."""
    path = folder / f"{name}.parquet"
    frame = change(pd.read_parquet(path))
    order = pd.factorize(frame["era"])[0].argsort(kind="stable")
    frame.iloc[order].to_parquet(path, row_group_size=101)


def windows_of_six(frame, y):
    """Yield rows to train on and to test on, where ten eras can be learned from."""
    numbers = frame["era"].astype(int)
    first = numbers.min()
    for start in range(first + 6, numbers.max() + 1, 6):
        train = np.flatnonzero(numbers < start - 5)
        test = np.flatnonzero((numbers >= start) & (numbers < start + 6))
        if y.iloc[train].notna().groupby(numbers.iloc[train]).any().sum() >= 10:
            yield train, test


def fact_of(warning):
    """Return what a warning says is so, without what to do: options differ."""
    return warning.partition(" throughout: ")[0]


@pytest.mark.filterwarnings("default")
class TestLargerThanMemory:
    """What is streamed era by era is what public functions give for all the rows."""

    @pytest.fixture
    def data(self, small):
        return small

    @pytest.fixture
    def files(self, data, tmp_path):
        return write_tournament(tmp_path / "files", data)

    def loaded(self, files, **options):
        meta_model = (files / "meta_model.parquet").is_file()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            loaded = load_benchmark_models(files, meta_model=meta_model, **options)
        return loaded, [str(warning.message) for warning in told]

    @pytest.mark.parametrize("fit", [None, "corr"])
    @pytest.mark.parametrize("change", FOLDERS)
    def test_ensemble(self, files, data, change, fit, recwarn):
        change(files, data)
        pipeline = ensemble_pipeline(files, fit=fit, neutralize="charisma")
        made = ensemble_folder(files, files / "e.parquet", pipeline, chunk=6)
        told = [str(warning.message) for warning in recwarn]
        loaded, expected_warnings = self.loaded(files, features="charisma")
        # Its name says how far the target looks ahead.
        frame, y = loaded.frame, loaded.frame["target"].rename(TARGET)
        expected = clone(pipeline).fit(frame, y)
        assert [*map(fact_of, told)][: len(expected_warnings)] == [
            *map(fact_of, expected_warnings)
        ]
        if fit is None:
            parts = [expected.predict(frame)]
        else:
            parts = [np.full(len(frame), np.nan)]
            for train, test in windows_of_six(frame, y):
                then = clone(pipeline).fit(frame.iloc[train], y.iloc[train])
                parts[0][test] = then.predict(frame.iloc[test])
                frame.loc[frame.index[test], "walked"] = True
            parts[0] = parts[0][frame["walked"].eq(True)]
            parts[0] = parts[0].astype(then.predict(frame.iloc[test]).dtype)
            frame = frame[frame.pop("walked").eq(True)]
        frames = [f for f in (frame, loaded.live) if f is not None]
        got = made.predictions
        assert got.index.tolist() == [label for f in frames for label in f.index]
        for name in ("era", "data_type"):
            assert got[name].tolist() == [v for f in frames for v in f[name]]
        values = np.concatenate([*parts, *map(expected.predict, frames[1:])])
        assert got["prediction"].dtype == values.dtype
        np.testing.assert_array_equal(got["prediction"], values)
        assert made.weights == expected[1].weights_
        assert made.n_rows == {f["data_type"].iloc[0]: len(f) for f in frames}
        scores = numerai_corr(frame["target"], parts[0], era=frame["era"])
        if scores.isna().all(axis=None):
            assert made.scores == {}  # as the eras that are predicted have no targets
            return
        pd.testing.assert_frame_equal(
            made.scores["corr"][["ensemble"]],
            scores.dropna().set_axis(["ensemble"], axis=1),
            check_index_type=False,
            rtol=0,
            atol=1e-12,
        )
        names = [
            [TARGET if name == "target" else name for name in step.feature_names_in_]
            for step in expected
        ]
        assert [step.feature_names_in_.tolist() for step in made.pipeline] == names

    @pytest.mark.parametrize("change", FOLDERS)
    def test_scores(self, files, data, change, recwarn):
        change(files, data)
        benchmark = data.models[1]
        board = score_folder(files, benchmark=benchmark, recent=20)
        told = [str(warning.message) for warning in recwarn]
        loaded, expected_warnings = self.loaded(files, features="small", live=False)
        frame = loaded.frame
        scores = score_models(
            frame["target"],
            frame[loaded.models],
            era=frame["era"],
            meta_model=frame[loaded.meta_model] if loaded.meta_model else None,
            benchmark=benchmark,
            features=frame[loaded.features],
        )
        assert [*map(fact_of, told)][: len(expected_warnings)] == [
            *map(fact_of, expected_warnings)
        ]
        fnc = scores.pop("fnc")
        expected = leaderboard(scores, recent=20, target=TARGET)
        pd.testing.assert_frame_equal(board, expected, rtol=0, atol=1e-12)
        if change is meta_model_of_other_eras:
            return  # a report refuses a Meta Model without any score
        meta_model = None
        if loaded.meta_model:
            meta_model = numerai_corr(
                frame["target"], frame[loaded.meta_model], era=frame["era"]
            )[loaded.meta_model]
        means = mean_target_by_quantile(
            frame["target"], frame[loaded.models], era=frame["era"]
        )
        expected = PerformanceReport(
            {**scores, "fnc": fnc},
            benchmark=benchmark,
            meta_model=meta_model,
            quantiles=means,
            target=TARGET,
            title="Models of files",
        )
        report = report_folder(files, benchmark=benchmark, features="small")
        assert report.to_dict() == expected.to_dict()


def own_predictions(data):
    """Predictions of two models for all rows, and for those of the live era."""
    frame = pd.concat([data.frame, data.live])
    rng = np.random.default_rng(1)
    own = frame[["era"]].copy()
    own["prediction"] = frame[data.models[0]] + 0.1 * rng.normal(size=len(own))
    own["other"] = rng.random(len(own)).astype(np.float32)
    return own


def as_it_is(own):
    return own


def shuffled_rows(own):
    """Eras in another order, and rows within them."""
    era = pd.factorize(own["era"])[0]
    order = np.lexsort([np.random.default_rng(0).random(len(own)), (5 * era) % 29])
    return own.iloc[order]


def some_eras(own):
    return own[own["era"].isin(["0003", "0015", "0016", "0018"])]


def some_rows(own):
    """An era is there by 90 %, and has rows that no other file has."""
    own = shuffled_rows(own)
    strange = [f"n{i}" if i % 19 == 0 else id_ for i, id_ in enumerate(own.index)]
    return own.set_axis(pd.Index(strange, name="id")).drop(index=strange[1::19])


def other_labels(own):
    own = own[own["era"] != "X"].astype({"era": int})
    return shuffled_rows(own.reset_index())


def categories(own):
    own = own.astype({"era": "category"})
    return own.set_axis(pd.CategoricalIndex(own.index, name="id"))


def gaps(own):
    return own.assign(other=own["other"].mask(own["era"] > "0017"))


OWN = [
    as_it_is,
    shuffled_rows,
    some_eras,
    some_rows,
    other_labels,
    categories,
    gaps,
]


class TestFolderTarget:
    """The column of targets of which "target" is a copy."""

    @pytest.fixture
    def frame(self):
        rng = np.random.default_rng(0)
        y = np.where(np.arange(3000) > 2800, np.nan, rng.integers(0, 5, 3000) / 4)
        other = np.append(y[:-300], rng.permutation(y[-300:]))  # alike for a long time
        return pd.DataFrame(
            {
                "era": np.repeat([f"{era:04d}" for era in range(30)], 100),
                "target": y,
                "target_a_20": rng.permutation(y),
                "target_b_60": y,
                "target_c_20": other,
                "target_d_20": y,
                "target_plain": y,
            },
            index=pd.Index([f"n{i}" for i in range(3000)], name="id"),
        )

    def written(self, folder, frame):
        frame.to_parquet(folder / "validation.parquet", row_group_size=700)
        return folder

    def test_is_the_one_that_looks_furthest_ahead(self, tmp_path, frame):
        assert folder_target(self.written(tmp_path, frame)) == "target_b_60"

    def test_a_name_that_is_no_alias_stays(self, tmp_path, frame):
        folder = self.written(tmp_path, frame)
        assert folder_target(folder, "target_plain") == "target_plain"

    @pytest.mark.parametrize("names", [[], ["target_a_20", "target_c_20"]])
    def test_a_copy_of_none_stays(self, tmp_path, frame, names):
        folder = self.written(tmp_path, frame[["era", "target", *names]])
        assert folder_target(folder) == "target"

    def test_no_folder(self, tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"validation\.parquet is not there"
        ):
            folder_target(tmp_path)


class TestPredictions:
    """Files of predictions beside the models of a folder."""

    @pytest.fixture
    def files(self, small, tmp_path):
        return write_tournament(tmp_path / "files", small)

    @pytest.fixture
    def mine(self, small, tmp_path):
        path = tmp_path / "mine.parquet"
        own_predictions(small).to_parquet(path, row_group_size=101)
        return path

    def in_memory(self, files, own):
        """What the folder holds, and the predictions put beside it by pandas."""
        data = load_benchmark_models(files, live=False)
        own = own.reset_index() if own.index.name == "id" else own
        own = own.rename(columns={"prediction": "mine"}).drop(columns="era")
        own = own.astype({"id": str}).set_index("id")
        data.frame = data.frame.join(own)
        data.models = [*data.models, "mine", "other"]
        return data

    @pytest.mark.filterwarnings("default")
    @pytest.mark.parametrize("change", OWN)
    def test_scores_are_those_in_memory(self, files, mine, small, change):
        own = change(own_predictions(small))
        own.to_parquet(mine, row_group_size=101)
        data = self.in_memory(files, own)
        frame = data.frame
        scores = score_models(
            frame["target"],
            frame[data.models],
            era=frame["era"],
            meta_model=frame["numerai_meta_model"],
            benchmark="mine",
        )
        expected = leaderboard(scores, recent=9, target=TARGET)
        assert expected["corr"].notna().all()
        board = score_folder(files, predictions=[mine], benchmark="mine", recent=9)
        made = {"mine": "not known", "other": "not known"}
        expected["made"] = expected["model"].map(made)
        pd.testing.assert_frame_equal(board, expected, rtol=0, atol=1e-12)
        report = report_folder(files, predictions=mine, benchmark="mine").to_dict()
        meta_model = numerai_corr(
            frame["target"], frame["numerai_meta_model"], era=frame["era"]
        )["numerai_meta_model"]
        means = mean_target_by_quantile(
            frame["target"], frame[data.models], era=frame["era"]
        )
        assert report == (
            PerformanceReport(
                scores,
                benchmark="mine",
                meta_model=meta_model,
                quantiles=means,
                made=made,
                target=TARGET,
                title="Models of files",
            ).to_dict()
        )

    @pytest.mark.filterwarnings("default")
    @pytest.mark.parametrize("change", [shuffled_rows, some_rows])
    def test_answers_are_those_in_memory(self, files, mine, small, change):
        own = change(own_predictions(small))
        own.to_parquet(mine, row_group_size=101)
        data = self.in_memory(files, own)
        data.frame = data.frame.rename(columns={"target": TARGET})
        expected = analyze(data, model="mine", target=TARGET)
        found = analyze_folder(files, model="mine", predictions=mine)
        made = "How the predictions were made: mine, other: not known."
        assert found.sentences == [made, *expected.sentences]
        for name in ("implied_weights", "underweight", "comparison"):
            pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))

    @pytest.mark.filterwarnings("default:the 11 rounds", "default:the rule '2026' pays")
    def test_stakes_are_spread_over_them_too(self, files, mine, small, capsys):
        rule = PAYOUT_RULES["2026"]
        told = run(
            capsys, "stake", files, "--predictions", mine, "--rule", "2026",
            "--total-at-risk", "720000",
        )  # fmt: skip
        allocation = stake_folder(files, rule, predictions=mine, total_at_risk=720e3)
        assert list(allocation.shares) == [*small.models, "mine", "other"]
        assert str(allocation) in told

    def test_an_ensemble_beside_the_models_it_is_made_of(
        self, files, small, tmp_path, capsys
    ):
        first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
        run(capsys, "ensemble", files, "-o", first)
        run(capsys, "ensemble", files, "--fit", "corr", "--chunk", 1, "-o", second)
        out = tmp_path / "page.html"
        args = [files, "--predictions", first, "--predictions", second]
        board = json.loads(run(capsys, "score", *args, "--format", "json"))
        assert {row["model"] for row in board} == {*small.models, "first", "second"}
        frame = pd.read_parquet(second)
        target = small.frame["target"].reindex(frame.index)
        scores = numerai_corr(target, frame["prediction"], era=frame["era"])
        (row,) = [r for r in board if (r["model"], r["eras"]) == ("second", "all")]
        assert row["corr"] == pytest.approx(scores["prediction"].mean(), abs=1e-12)
        assert row["made"] == f"out of sample from era {frame['era'].iloc[0]}"
        told = run(capsys, "report", *args, "--benchmark", "first", "-o", out)
        assert "5 models" in told
        assert "benchmark: first" in told
        assert '"second"' in out.read_text()
        told = run(capsys, "analyze", *args, "--model", "second", "--report", out)
        assert "whether second or first is better" in told
        assert '"second"' in out.read_text()

    def test_models_of_the_folder_may_be_left_out(self, files, mine, small):
        board = score_folder(files, models=small.models[:1], predictions=mine)
        assert set(board["model"]) == {small.models[0], "mine", "other"}
        free = mine.with_name(f"{small.models[1]}.parquet")
        mine.rename(free)
        board = score_folder(files, models=small.models[:1], predictions=free)
        assert small.models[1] in set(board["model"])

    @pytest.mark.filterwarnings("default")
    def test_gaps_are_told(self, files, mine, small, capsys):
        some_eras(own_predictions(small)).to_parquet(mine)
        lines = score_folder(files, predictions=mine).set_index(["eras", "model"])
        assert lines.loc[("all", "mine"), "corr_n_eras"] == 4
        assert lines.loc[("all", small.models[0]), "corr_n_eras"] == 19
        own = some_rows(own_predictions(small))
        own[own["era"] != "X"].to_parquet(mine)
        main(["score", str(files), "--predictions", str(mine)])
        told = capsys.readouterr().err.splitlines()
        n_rows = len(small.frame)
        there = int(own.index.isin(small.frame.index).sum())
        strange = int((~own.index.isin(small.frame.index) & (own["era"] != "X")).sum())
        assert told == [
            f"skbench: warning: {mine} lacks {n_rows - there} of {n_rows} rows: no "
            "predictions there of 'mine', 'other'",
            f"skbench: warning: {strange} ids of {mine} have no partner and are left "
            "out",
        ]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda own: own.reset_index(drop=True), "must have the columns 'id'"),
            (
                lambda own: own[["era"]].assign(target=0.5, n=1),
                "has no predictions: it",
            ),
            (lambda own: own.rename({own.index[1]: own.index[2]}), "has duplicate ids"),
            (lambda own: own.sample(frac=1, random_state=0), "goes on after other"),
            (lambda own: own.assign(era="9" + own["era"])[:99], "none of the eras of"),
            (lambda own: own[own["era"] == "X"], "'0001' to '0024', but 'X' to 'X'"),
            (lambda own: own.iloc[::2], "Predict all rows of these eras again"),
            (lambda own: own.rename("x{}".format), "Predict all rows of these eras"),
            (lambda own: own.assign(mine=own["other"]), "two columns would be called"),
            (lambda own: own.assign(v53_lgbm_cyrus20=0.1), "v53_lgbm_cyrus20', of"),
            (lambda own: own.assign(data_type=0.1), "would call a model 'data_type'"),
            (lambda own: own.iloc[:0], "has no rows"),
        ],
    )
    def test_what_is_refused(self, files, mine, small, capsys, change, told):
        change(own_predictions(small)).to_parquet(mine)
        old = mine.with_name("report.html")
        old.write_text("old")
        args = [files, "--predictions", mine]
        for command in (["score"], ["report", "-o", old], ["analyze", "--report", old]):
            line = failure(capsys, command[0], *args, *command[1:])
            assert told in line
            assert mine.name in line
        assert old.read_text() == "old"

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("v53_lgbm_cyrus20", "two columns would be called 'v53_lgbm_cyrus20', of"),
            ("target_x", "would call a model 'target_x'"),
            ("era", "would call a model 'era'"),
            ("numerai_meta_model", "would call a model 'numerai_meta_model'"),
            ("other", "two columns would be called 'other'"),
        ],
    )
    def test_names_of_files_that_are_taken(self, files, mine, capsys, name, told):
        path = mine.rename(mine.with_name(f"{name}.parquet"))
        line = failure(capsys, "score", files, "--predictions", path)
        assert told in line
        assert str(path) in line

    def test_two_files_of_one_name(self, files, mine, tmp_path, capsys):
        again = Path(shutil.copytree(files, tmp_path / "again")) / "mine.parquet"
        pd.read_parquet(mine).drop(columns="other").to_parquet(again)
        args = ["--predictions", mine, "--predictions", again]
        line = failure(capsys, "score", files, *args)
        assert f"'mine', of {mine} and of {again}: name each file once" in line
        line = failure(capsys, "score", files, *args[:2], *args[:2])
        assert "name each file once" in line

    def test_what_is_no_file_of_predictions(self, files, mine, capsys):
        line = failure(capsys, "score", files, "--predictions", files)
        assert f"--predictions must name a file that is there; got {files}" in line
        noise = mine.with_name("noise.parquet")
        noise.write_bytes(bytes(range(256)))
        line = failure(capsys, "score", files, "--predictions", noise)
        assert f"{noise} cannot be read: it does not end in a parquet footer" in line
        for command in ("report", "stake"):
            args = ["--account", "me", "--predictions", mine]
            assert "goes with a FOLDER" in failure(capsys, command, *args)
        for wrong in (None, 5, b"mine"):
            with pytest.raises(ValueError, match="`predictions` must be names of"):
                score_folder(files, predictions=wrong)
        with pytest.raises(TypeError, match="`predictions` must be a path; got 5"):
            score_folder(files, predictions=[5])


class TestBadFiles:
    """One line that names the file, whatever the command; and nothing is written."""

    @pytest.fixture
    def files(self, folder, tmp_path):
        return shutil.copytree(folder, tmp_path / "files")

    def refused(self, capsys, files, told):
        output = files.parent / "e.parquet"
        output.write_text("old")
        for args in (["score"], ["ensemble", "-o", output, "--neutralize", "small"]):
            assert told in failure(capsys, args[0], files, *args[1:])
        assert sorted(path.name for path in files.parent.iterdir()) == [
            "e.parquet",
            "files",
        ]
        assert output.read_text() == "old"

    @pytest.mark.parametrize(
        "name", ["validation", "validation_benchmark_models", "meta_model"]
    )
    def test_an_era_in_pieces(self, files, capsys, name):
        path = files / f"{name}.parquet"
        frame = pd.read_parquet(path)
        pieces = [frame.iloc[:50], frame.iloc[150:], frame.iloc[50:150]]
        pd.concat(pieces).to_parquet(path, row_group_size=50)
        told = f"goes on after other eras have begun in {path}"
        self.refused(capsys, files, told)
        sort_parquet(path, files / "sorted.parquet")
        (files / "sorted.parquet").replace(path)
        assert "CORR, all eras" in run(capsys, "score", files)

    @pytest.mark.parametrize(
        ("name", "column"),
        [
            ("validation", "target"),
            ("validation_benchmark_models", "v53_lgbm_cyrus20"),
        ],
    )
    def test_a_corrupt_row_group(self, files, data, capsys, name, column):
        path = files / f"{name}.parquet"
        pd.read_parquet(path).to_parquet(path, row_group_size=1000)
        chunk = next(
            chunk
            for i in range(pq.read_metadata(path).num_columns)
            if (chunk := pq.read_metadata(path).row_group(3).column(i)).path_in_schema
            == column
        )
        raw = bytearray(path.read_bytes())
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        raw[start : start + chunk.total_compressed_size] = bytes(
            chunk.total_compressed_size
        )
        path.write_bytes(raw)
        self.refused(capsys, files, f"{path} cannot be read in row group 3")

    def test_a_file_that_was_cut_off(self, files, capsys):
        path = files / "validation.parquet"
        path.write_bytes(path.read_bytes()[:-100])
        self.refused(capsys, files, f"{path} cannot be read: ")

    @pytest.mark.parametrize(
        ("name", "column"),
        [
            ("validation", "target"),
            ("validation", "era"),
            ("validation_benchmark_models", "era"),
            ("meta_model", "era"),
            ("meta_model", "numerai_meta_model"),
        ],
    )
    def test_a_missing_column(self, files, capsys, name, column):
        path = files / f"{name}.parquet"
        pd.read_parquet(path).drop(columns=column).to_parquet(path)
        self.refused(capsys, files, f"{column!r}")

    def test_a_missing_feature(self, files, data, tmp_path, capsys):
        path = files / "validation.parquet"
        name = data.features[0]
        pd.read_parquet(path).drop(columns=name).to_parquet(path)
        args = ["-o", tmp_path / "e.parquet", "--neutralize", "small"]
        assert repr(name) in failure(capsys, "ensemble", files, *args)
        assert [path.name for path in tmp_path.iterdir()] == ["files"]

    def test_text_for_numbers(self, files, data, capsys):
        path = files / "validation.parquet"
        frame = pd.read_parquet(path)
        frame.assign(target=frame["target"].astype(str)).to_parquet(path)
        self.refused(capsys, files, "column 'target' of")

    @pytest.mark.parametrize("name", ["validation", "validation_benchmark_models"])
    def test_ids_that_are_missing_or_there_twice(self, files, capsys, name):
        path = files / f"{name}.parquet"
        frame = pd.read_parquet(path)
        twice = frame.rename(index={frame.index[7]: frame.index[8]})
        twice.to_parquet(path)
        self.refused(capsys, files, f"{path} has duplicate ids: '{frame.index[8]}'")
        index = frame.index.to_numpy(object, copy=True)
        index[7] = None
        frame.set_axis(pd.Index(index, name="id")).to_parquet(path)
        self.refused(capsys, files, f"{path} has 1 rows without an id")

    def test_files_of_other_releases(self, files, capsys):
        path = files / "validation.parquet"
        frame = pd.read_parquet(path)
        frame.iloc[::2].to_parquet(path)
        self.refused(capsys, files, "are they of one release?")
        frame.assign(era="9" + frame["era"]).to_parquet(path)
        self.refused(capsys, files, "share no era")

    def test_an_error_in_the_live_rows_leaves_nothing(self, files, capsys):
        path = files / "live_benchmark_models.parquet"
        frame = pd.read_parquet(path)
        frame.assign(v53_lgbm_cyrus20="x").to_parquet(path)
        args = ["-o", files.parent / "e.parquet"]
        told = failure(capsys, "ensemble", files, *args)
        assert f"column 'v53_lgbm_cyrus20' of {path}" in told
        assert [path.name for path in files.parent.iterdir()] == ["files"]


PEAK = """
import resource, sys
from skbench.cli import main
main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
# What `resource` says may be that of the parent before it started this process.
assert int(peak.split()[1]) <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("peak", peak.split()[1], file=sys.stderr)
"""


def many_eras(folder, n_eras, n_features=200, n_models=4):
    """Write a tournament of eras that are alike but for their labels and targets."""
    rng = np.random.default_rng(0)
    features = [f"feature_{i}" for i in range(n_features)]
    models = [f"model_{i}" for i in range(n_models)]
    writers, n_rows = {}, 2000
    bins = dict(
        zip(features, rng.integers(0, 5, (n_features, n_rows), np.int8), strict=True)
    )
    folder.mkdir()
    for era in range(n_eras):
        label = {"era": [f"{era:04d}"] * n_rows}
        ids = {"id": [f"n{era:04d}{i:08d}" for i in range(n_rows)]}
        noise = dict(zip(models, rng.random((n_models, n_rows)), strict=True))
        tables = {
            "validation": ids
            | label
            | {name: rng.random(n_rows) for name in ("target", "target_own_60")}
            | bins,
            "validation_benchmark_models": ids | label | noise,
            "meta_model": ids | label | {"numerai_meta_model": rng.random(n_rows)},
            "mine": ids | label | {"prediction": rng.random(n_rows)},
        }
        for name, columns in tables.items():
            table = pa.table(columns)
            if name not in writers:
                path = folder / f"{name}.parquet"
                writers[name] = pq.ParquetWriter(path, table.schema)
            writers[name].write_table(table)
    for writer in writers.values():
        writer.close()
    write_feature_sets(folder / "features.json", {"all": features}, ["target"])
    return folder


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read as Linux has it"
)
@pytest.mark.parametrize(
    "args",
    [
        ["score", "--predictions", "FOLDER/mine.parquet"],
        ["score", "--target", "target,target_own_60"],
        ["ensemble", "--fit", "corr", "--neutralize", "all", "-o", "e.parquet"],
    ],
)
def test_memory_does_not_grow_with_the_number_of_eras(args, tmp_path):
    """Features and models of 360 eras take 167 MB: nothing but ids may be kept.

    The smaller release fills what the allocators of numpy and pyarrow keep to
    themselves, which is more in one version than in another.
    """
    peaks = []
    for n_eras in (120, 480):
        folder = many_eras(tmp_path / str(n_eras), n_eras)
        done = subprocess.run(
            [
                *(sys.executable, "-c", PEAK, args[0], str(folder)),
                *(arg.replace("FOLDER", str(folder)) for arg in args[1:]),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(re.search(r"peak (\d+)", done.stderr)[1]))
    assert peaks[1] <= 1.1 * peaks[0], peaks


class TestReport:
    def test_of_a_folder(self, folder, data, tmp_path, capsys):
        output = tmp_path / "report.html"
        told = run(
            capsys,
            *("report", folder, "-o", output, "--benchmark", data.models[1]),
            *("--features", "small"),
        )
        assert f"benchmark: {data.models[1]}" in told
        assert "scores: corr, mmc, bmc, fnc" in told
        assert told.endswith(f"{output}\n")
        assert all(model in output.read_text() for model in data.models)
        numbers = report_folder(folder, benchmark=data.models[1]).to_dict()
        board = score_folder(folder, benchmark=data.models[1])
        summary = {
            (row["span"], row["model"]): row["mean"]
            for row in numbers["summary"]
            if row["score"] == "mmc"
        }
        for line in board.itertuples():
            assert summary[line.eras, line.model] == line.mmc

    def test_of_live_rounds_beside_another_account(self, server, tmp_path, capsys):
        server.accounts["me"] = ["my_model"]
        for i, name in enumerate(["my_model", *server.accounts["benchmark_models"]]):
            rounds = range(1330 + i, 1342)
            scores = make_scores(rounds, days=(1, 20), open_rounds=(1341,))
            server.scores[server.model_id(name)] = scores
        output = tmp_path / "live.html"
        told = run(
            capsys,
            *("report", "--account", "me", "--against", "benchmark_models"),
            *("-o", output),
        )
        assert "3 models" in told
        assert "benchmark: v53_lgbm_ender20" in told
        assert output.is_file()

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            ([], "name a FOLDER, or an --account"),
            (["FOLDER", "--account", "me"], "name a FOLDER, or an --account"),
            (["FOLDER", "--benchmark", "other"], "'other'"),
            (["FOLDER", "--features", "courage"], "'courage'"),
            (["--account", "nobody"], "'nobody'"),
        ],
    )
    def test_errors_leave_an_old_report(
        self, server, folder, tmp_path, capsys, args, told
    ):
        output = tmp_path / "report.html"
        output.write_text("old")
        args = [folder if arg == "FOLDER" else arg for arg in args]
        assert told in failure(capsys, "report", "-o", output, *args)
        assert output.read_text() == "old"


class TestAnalyze:
    def test_the_sentences_are_those_of_the_function(self, folder, data, capsys):
        told = run(capsys, "analyze", folder, "--model", data.models[0])
        sentences = analyze_folder(folder, model=data.models[0]).sentences
        assert told.splitlines() == [
            f"Target: {TARGET}",
            *(f"- {sentence}" for sentence in sentences),
        ]
        assert "Meta Model" in sentences[0]

    def test_the_report_holds_them_too(self, folder, tmp_path, capsys):
        output = tmp_path / "analysis.html"
        told = run(capsys, "analyze", folder, "--report", output)
        assert told.endswith(f"\n{output}\n")
        assert "The Meta Model: what it holds" in output.read_text()

    def test_verdicts_that_are_left_out_are_counted(self, tmp_path, capsys):
        data = make_benchmark_models(30, 60, 8, random_state=0)
        folder, page = (
            write_tournament(tmp_path / "eight", data),
            tmp_path / "page.html",
        )
        told = run(capsys, "analyze", folder, "--model", data.models[0])
        assert told.splitlines()[-1] == (
            "- There are 2 more verdicts on benchmarks of lower CORR: "
            "--report FILE writes a page with all of them."
        )
        args = ["--model", data.models[0], "--report", page]
        told = run(capsys, "analyze", folder, *args)
        assert told.endswith(
            "- There are 2 more verdicts on benchmarks of lower CORR: "
            f"the page below has all of them.\n\n{page}\n"
        )
        assert "All 7 verdicts in words" in page.read_text()
        args = ["--model", data.models[0], "--without", data.models[1]]
        assert "There is 1 more verdict on" in run(capsys, "analyze", folder, *args)

    def test_an_unknown_model(self, folder, capsys):
        assert "'other'" in failure(capsys, "analyze", folder, "--model", "other")


@pytest.mark.filterwarnings("default:the rule '(2026|round 1343)' pays scores of")
class TestStake:
    def test_over_the_models_of_a_folder(self, folder, data, capsys):
        told = run(
            capsys, "stake", folder, "--rule", "2026", "--max-share", "0.4",
            "--total-at-risk", "720000",
        )  # fmt: skip
        allocation = stake_folder(
            folder, PAYOUT_RULES["2026"], total_at_risk=720e3, max_share=0.4
        )
        assert str(allocation) in told
        assert "payout factor 0.1\n" in told
        assert "Payout rule: 2026 (confirmed)" in told
        assert sum(allocation.shares.values()) == pytest.approx(1)
        assert max(allocation.shares.values()) <= 0.4 + 1e-9

    def test_what_it_is_in_nmr(self, folder, capsys):
        options = ["--rule", "round 1343", "--method", "equal", "--stake", "640"]
        told = run(capsys, "stake", folder, *options)
        (title,) = [line for line in told.split("\n") if "tied up" in line]
        assert title.split() == ["NMR", "a", "round", "NMR", "tied", "up"]
        rows = [line.split() for line in told.split(title)[1].strip().split("\n")]
        n_models = len(rows) - 1
        assert {row[1] for row in rows[:-1]} == {f"{10 / n_models:.4f}"}
        assert {row[2] for row in rows[:-1]} == {f"{640 / n_models:.4f}"}
        assert told.endswith("64 rounds are open at once, each with NMR of its own.\n")
        legacy = ["--rule", "2026", "--total-at-risk", "720000", "--stake", "640"]
        told = run(capsys, "stake", folder, "--method", "equal", *legacy)
        assert f"{640 / n_models:.4f}" in told.split("NMR at risk")[1]

    def test_scores_of_another_target_are_said_to_be(self, folder, capsys):
        with pytest.warns(UserWarning, match="pays scores of 'target_ender_60', and "):
            stake_folder(folder, PAYOUT_RULES["round 1343"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            stake_folder(folder, PAYOUT_RULES["round 1343"], target="target_ender_60")

    @pytest.mark.parametrize("name", ["mmc", "contribution"])
    def test_a_rule_that_pays_mmc_needs_the_meta_model(self, folder, tmp_path, name):
        files = shutil.copytree(folder, tmp_path / "files")
        (files / "meta_model.parquet").unlink()
        rule = PayoutRule("mine", {"corr": 1.0, name: 2.0})
        with pytest.raises(ValueError, match="'mine' pays MMC, and meta_model"):
            stake_folder(files, rule)

    def test_over_the_live_rounds_of_an_account(self, server, capsys):
        rng = np.random.default_rng(0)
        for name in server.accounts["benchmark_models"]:
            scores = make_scores(range(1000, 1200), days=(20,), names=("v2_corr20",))
            scores += make_scores(range(1000, 1200), days=(20,), names=("mmc",))
            for score in scores:
                score["value"] = float(rng.normal(0.01, 0.02))
            server.scores[server.model_id(name)] = scores
        told = run(
            capsys, "stake", "--account", "benchmark_models", "--rule", "2024",
            "--total-at-risk", "60000",
        )  # fmt: skip
        assert "payout factor 1\n" in told
        assert "v53_lgbm_ender60" in told
        assert "200 rounds that all models have" in told

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--rule", "2026"], "name a FOLDER, or an --account"),
            (["FOLDER", "--rule", "luck"], "'round 1343'"),
            (["FOLDER", "--rule", "2026"], "--total-at-risk must be given"),
            (
                ["FOLDER", "--rule", "round 1343", "--total-at-risk", "9"],
                "has no threshold",
            ),
            (
                ["FOLDER", "--rule=2026", "--max-share=0.1", "--total-at-risk=9"],
                "--max-share",
            ),
        ],
    )
    def test_errors_are_one_line(self, folder, capsys, args, told):
        args = [folder if arg == "FOLDER" else arg for arg in args]
        assert told in failure(capsys, "stake", *args)


class TestDeploy:
    def test_from_a_pipeline_to_a_file_that_passes_every_check(
        self, folder, pipeline, tmp_path, capsys
    ):
        exported = tmp_path / "predict.pkl"
        assert f"{exported}: " in run(capsys, "export", pipeline, "-o", exported)
        with pytest.raises(SystemExit) as exit_:
            main(["check", str(exported), str(folder)])
        assert exit_.value.code == 0
        out = capsys.readouterr().out
        assert "all checks passed" in out
        assert "fail" not in out

    def test_a_file_without_a_name(self, pipeline, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert run(capsys, "export", pipeline).startswith("predict.pkl: ")
        assert [path.name for path in tmp_path.iterdir()] == ["predict.pkl"]

    def test_a_file_that_fails_a_check(self, folder, tmp_path, capsys):
        exported = tmp_path / "predict.pkl"
        pd.to_pickle({"not": "a function"}, exported)
        with pytest.raises(SystemExit) as exit_:
            main(["check", str(exported), str(folder)])
        assert exit_.value.code == 1
        assert "fail" in capsys.readouterr().out

    def test_what_is_no_pipeline(self, folder, tmp_path, capsys):
        output = tmp_path / "predict.pkl"
        other = folder / "features.json"
        assert "no joblib file" in failure(capsys, "export", other, "-o", output)
        joblib.dump(StandardScaler(), tmp_path / "scaler.joblib")
        line = failure(capsys, "export", tmp_path / "scaler.joblib", "-o", output)
        assert "StandardScaler" in line
        assert not output.exists()

    @pytest.mark.parametrize("name", ["pipeline.skops", "pipeline.joblib"])
    def test_a_skops_file_by_its_ending_or_content(
        self, pipeline, tmp_path, capsys, name
    ):
        skops = pytest.importorskip("skops.io")
        skops.dump(joblib.load(pipeline), tmp_path / name)
        ours, theirs = tmp_path / "a.pkl", tmp_path / "b.pkl"
        run(capsys, "export", pipeline, "-o", ours)
        run(capsys, "export", tmp_path / name, "-o", theirs)
        assert ours.read_bytes() == theirs.read_bytes()

    def test_a_skops_file_that_may_run_code(self, tmp_path, capsys):
        skops = pytest.importorskip("skops.io")
        hostile, output = tmp_path / "pipeline.skops", tmp_path / "predict.pkl"
        skops.dump(FunctionTransformer(np.load), hostile)
        kind = "sklearn.preprocessing.FunctionTransformer"
        line = failure(capsys, "export", hostile, "-o", output)
        assert "_function_transformer.FunctionTransformer" in line
        assert "in --trust" in line
        assert "`" not in line
        line = failure(capsys, "export", hostile, "-o", output, "--trust", kind)
        assert "numpy.load" in line
        assert "--trust" not in line
        assert not output.exists()

    def test_a_further_type_of_a_skops_file(self, tmp_path, capsys):
        skops = pytest.importorskip("skops.io")
        file, output = tmp_path / "pipeline.skops", tmp_path / "predict.pkl"
        skops.dump(make_pipeline(FunctionTransformer(), RidgeCV()), file)
        kinds = [
            "--trust=sklearn.preprocessing.FunctionTransformer",
            "--trust=sklearn.linear_model.RidgeCV",
        ]
        assert "RidgeCV" in failure(capsys, "export", file, kinds[0], "-o", output)
        # It is loaded, and of no use here.
        line = failure(capsys, "export", file, *kinds, "-o", output)
        assert "is not one of skbench's estimators" in line
        line = failure(capsys, "export", file, "--trust=os.system", "-o", output)
        assert "--trust must hold types" in line

    def test_a_pickle_that_is_called_a_skops_file_is_not_run(self, tmp_path, capsys):
        file, ran = tmp_path / "pipeline.skops", tmp_path / "ran"
        file.write_bytes(pickle.dumps(Runs(str(ran))))
        line = failure(capsys, "export", file, "-o", tmp_path / "predict.pkl")
        assert "must be a skops file" in line
        assert not ran.exists()

    def test_a_joblib_file_is_trusted_with_everything(self, pipeline, tmp_path, capsys):
        trust = ["--trust", "sklearn.linear_model.RidgeCV"]
        line = failure(
            capsys, "export", pipeline, *trust, "-o", tmp_path / "predict.pkl"
        )
        assert "--trust goes with a skops file" in line

    @pytest.mark.parametrize("command", ["export", "check"])
    def test_help_says_that_a_pickle_runs_code(self, command, capsys):
        told = " ".join(run(capsys, command, "--help").split())
        assert "runs whatever code its author put into it" in told
        assert "none but your own" in told

    def test_a_folder_without_live_files(self, pipeline, tmp_path, capsys):
        exported = tmp_path / "predict.pkl"
        run(capsys, "export", pipeline, "-o", exported)
        assert "live.parquet" in failure(capsys, "check", exported, tmp_path)


# A colour, a line break, the cursor to the left and a bell.
HOSTILE = "\x1b[31mred\nskbench: fine\x9b9D\a"
FORMULA = "=HYPERLINK(A1)"


@pytest.fixture
def hostile(small, tmp_path):
    """Files with such names of models, in a folder of such a name."""
    folder = tmp_path / "a\x1b[2J\nfolder"
    folder.mkdir()
    write_tournament(folder, small)
    names = dict(zip(small.models, [HOSTILE, FORMULA], strict=False))
    for part in "validation", "live":
        path = folder / f"{part}_benchmark_models.parquet"
        pd.read_parquet(path).rename(columns=names).to_parquet(path)
    return folder


SHOWN = r"\x1b[31mred\nskbench: fine\x9b9D\x07"


class TestNamesOfOthers:
    @pytest.mark.parametrize(
        "command",
        [
            "score",
            "score --format json",
            "score --format csv",
            "ensemble -o e.parquet",
            "ensemble -o e.parquet --format csv",
            "report -o r.html",
            "analyze",
            "stake --rule 2024 --total-at-risk 700000",
            "score --benchmark none",
        ],
    )
    def test_nothing_controls_the_terminal(self, command, hostile, tmp_path, capsys):
        name, *options = command.split()
        options = [str(tmp_path / o) if "." in o else o for o in options]
        with suppress(SystemExit):
            main([name, str(hostile), *options])
        printed = capsys.readouterr()
        text = printed.out + printed.err
        assert text
        assert all(c.isprintable() or c == "\n" for c in text)
        assert not re.search("^skbench: fine", text, re.MULTILINE)
        if "json" in command:
            models = {line["model"] for line in json.loads(printed.out)}
            assert {HOSTILE, FORMULA} <= models
        elif command in ("score", "score --format csv", "ensemble -o e.parquet"):
            assert SHOWN in text

    def test_a_path_in_an_error_stays_on_its_line(self, capsys):
        line = failure(capsys, "score", "none\nskbench: fine\x1b[2J")
        assert line.endswith(r"got none\nskbench: fine\x1b[2J")

    def test_a_formula_is_quoted_in_csv(self, hostile, capsys):
        csv = run(capsys, "score", hostile, "--format", "csv")
        models = set(pd.read_csv(io.StringIO(csv))["model"])
        assert f"'{FORMULA}" in models
        assert FORMULA not in models
        help_ = " ".join(run(capsys, "score", "--help").split())
        assert "text that begins as a formula does" in help_

    def test_numbers_below_zero_stay_numbers(self, folder, capsys):
        csv = run(capsys, "score", folder, "--format", "csv")
        assert pd.read_csv(io.StringIO(csv))["corr_low"].min() < 0

    def test_the_last_control_character_in_json(self, capsys):
        show(pd.DataFrame({"model": ["a\x7fb"]}), "json")
        out = capsys.readouterr().out
        assert "\x7f" not in out
        assert json.loads(out) == [{"model": "a\x7fb"}]

    def test_all_that_is_printed_goes_through_one_place(self):
        files = Path(cli.__file__).parent.glob("*.py")
        source = "".join(path.read_text(encoding="utf-8") for path in files)
        assert source.count("click.echo(") == 1
        assert "print(" not in source


LOCALES = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii output": {"PYTHONIOENCODING": "ascii"},
}
JOBS = """
score donnée --benchmark modèle --predictions à_moi.parquet
score donnée --format csv
ensemble donnée -o é.parquet --weights modèle=1
report donnée -o é.html --benchmark modèle
analyze donnée --model modèle --report ö.html
stake donnée --rule 2024 --total-at-risk 700000
export é.joblib -o é.pkl
check é.pkl donnée
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="locales of Linux")
@pytest.mark.parametrize("locale", LOCALES)
def test_names_beyond_ascii_in_any_locale(locale, small, tmp_path):
    folder = tmp_path / "donnée"
    folder.mkdir()
    write_tournament(folder, small)
    names = {small.models[0]: "modèle"}
    for part in "validation", "live":
        path = folder / f"{part}_benchmark_models.parquet"
        pd.read_parquet(path).rename(columns=names).to_parquet(path)
    own_predictions(small)[["era", "prediction"]].to_parquet(tmp_path / "à_moi.parquet")
    env = {k: v for k, v in os.environ.items() if not k.startswith("LC_")}
    for job in JOBS.split("\n")[1:-1]:
        done = subprocess.run(
            [sys.executable, "-m", "skbench", *job.split()],
            cwd=tmp_path,
            env=env | LOCALES[locale] | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
        )
        assert done.returncode == 0, (job, done.stderr)
        assert b"Traceback" not in done.stderr
    made = {path.name for path in tmp_path.iterdir()}
    assert {"é.parquet", "é.joblib", "é.html", "ö.html", "é.pkl"} <= made
    assert "modèle" in (tmp_path / "é.html").read_text(encoding="utf-8")


# What writes, and the option that says where.
WRITING = {
    "demo": (["demo", "--data", "FILES", "--report", "r.html"], "--output"),
    "demo's report": (["demo", "--data", "FILES", "--output", "s"], "--report"),
    "report": (["report", "FILES"], "--output"),
    "ensemble": (["ensemble", "FILES"], "--output"),
    "analyze": (["analyze", "FILES"], "--report"),
}


class TestOutputs:
    """No command replaces what it reads, or what else it writes."""

    @pytest.fixture
    def files(self, folder, tmp_path):
        return shutil.copytree(folder, tmp_path / "files")

    @pytest.mark.parametrize("command", WRITING)
    @pytest.mark.parametrize("kind", ["name", "relative", "symbolic link", "hard link"])
    def test_a_file_of_the_folder(
        self, files, tmp_path, monkeypatch, capsys, command, kind
    ):
        args, option = WRITING[command]
        args = [files if arg == "FILES" else arg for arg in args]
        monkeypatch.chdir(tmp_path)
        for path in sorted(files.iterdir()):
            before, output = path.read_bytes(), tmp_path / f"output{path.suffix}"
            output.unlink(missing_ok=True)
            if kind == "symbolic link":
                output.symlink_to(path)
            elif kind == "hard link":
                output.hardlink_to(path)
            else:
                output = path if kind == "name" else f"files/../files/{path.name}"
            line = failure(capsys, *args, option, output)
            assert f"{option} must be another file than" in line
            assert path.read_bytes() == before
        names = {p.name for p in tmp_path.iterdir()} - {"output.json", "output.parquet"}
        assert names == {"files"}

    @pytest.mark.parametrize("command", [["report", "-o"], ["analyze", "--report"]])
    def test_a_file_of_predictions(self, files, tmp_path, capsys, command):
        run(capsys, "ensemble", files, "-o", tmp_path / "mine.parquet")
        before = (tmp_path / "mine.parquet").read_bytes()
        (tmp_path / "link.html").symlink_to("mine.parquet")
        name, option = command
        for output in ("mine.parquet", "link.html"):
            line = failure(
                capsys,
                *(name, files, "--predictions", tmp_path / "mine.parquet"),
                *(option, tmp_path / output),
            )
            assert "must be another file than" in line
        assert (tmp_path / "mine.parquet").read_bytes() == before

    def test_the_pipeline_that_is_exported(self, pipeline, tmp_path, capsys):
        path = Path(shutil.copy(pipeline, tmp_path))
        before = path.read_bytes()
        (tmp_path / "predict.pkl").hardlink_to(path)
        for output in (path, tmp_path / "predict.pkl"):
            line = failure(capsys, "export", path, "-o", output)
            assert "--output must be another file than" in line
            assert path.read_bytes() == before

    def test_the_pipeline_beside_an_ensemble(self, files, tmp_path, capsys):
        """It has a name that nobody gave, and may lead to a file that is read."""
        before = (files / "live.parquet").read_bytes()
        (tmp_path / "e.joblib").symlink_to(files / "live.parquet")
        line = failure(capsys, "ensemble", files, "-o", tmp_path / "e.parquet")
        assert "--output must be another file than" in line
        assert (files / "live.parquet").read_bytes() == before
        assert not (tmp_path / "e.parquet").exists()

    def test_one_file_for_two_outputs(self, tmp_path, capsys):
        same = tmp_path / "out.html"
        line = failure(capsys, "demo", "--output", same, "--report", same)
        assert "--report must be another file than" in line
        assert not same.exists()

    def test_the_functions_behind_the_commands(self, files):
        before = {path: path.read_bytes() for path in files.iterdir()}
        for name in ("live.parquet", "validation.parquet"):
            with pytest.raises(ValueError, match="`output` must be another file"):
                run_demo(files, output=files / name)
            with pytest.raises(ValueError, match="`output` must be another file"):
                ensemble_folder(files, files / name, ensemble_pipeline(files))
        assert {path: path.read_bytes() for path in files.iterdir()} == before

    def test_links_stay(self, files, pipeline, tmp_path, capsys):
        """What they lead to is replaced, by all that write."""
        there = tmp_path / "there"
        there.mkdir()
        outputs = ["e.parquet", "e.joblib", "report.html", "predict.pkl"]
        outputs += ["ranks.parquet", "sorted.parquet"]
        for name in outputs:
            (there / f"blob of {name}").write_text("old")
            (tmp_path / name).symlink_to(there / f"blob of {name}")
        run(capsys, "ensemble", files, "-o", tmp_path / "e.parquet")
        run(capsys, "report", files, "-o", tmp_path / "report.html")
        run(capsys, "export", pipeline, "-o", tmp_path / "predict.pkl")
        source = files / "live_benchmark_models.parquet"
        rank = EraRank().fit(pd.read_parquet(source))
        transform_parquet(rank, source, tmp_path / "ranks.parquet")
        sort_parquet(source, tmp_path / "sorted.parquet")
        assert all((tmp_path / name).is_symlink() for name in outputs)
        written = {path.name: path.read_bytes() for path in there.iterdir()}
        assert set(written) == {f"blob of {name}" for name in outputs}
        assert b"old" not in written.values()
        assert joblib.load(tmp_path / "e.joblib")
        assert len(pd.read_parquet(tmp_path / "ranks.parquet"))


class TestRealRows:
    def test_leaderboard(self, real_folder, capsys):
        csv = run(capsys, "score", real_folder, "--format", "csv")
        board = pd.read_csv(io.StringIO(csv))
        assert board.shape[0] == 2 * 14
        assert set(board["mmc_n_eras"]) == {42}
        best = board["model"][0]
        assert best.startswith("v18_ridge")  # of which the folder's description speaks

    @pytest.mark.parametrize(
        ("way", "first"),
        [
            # Eras count from 31 on, and a window has 26 of them.
            ("--fit sharpe --neutralize small", "0057"),
            # 14 eras from 91 on, where the Meta Model starts, and a purge of 7.
            ("--fit contribution --chunk 10", "0121"),
            ("--weights v18_ridge_ken30=0.4,v18_hgb_ken30=0.6", "0031"),
            (
                "--recipe v42_lgbm_ct_blend --columns "
                "v42_lgbm_teager20=v18_ridge_ken30,v42_lgbm_cyrus20=v18_hgb_ken30",
                "0031",
            ),
        ],
    )
    def test_ensembles(self, real_folder, tmp_path, capsys, way, first):
        output = tmp_path / "e.parquet"
        run(capsys, "ensemble", real_folder, "-o", output, *way.split())
        predictions = pd.read_parquet(output)
        models = pd.read_parquet(
            real_folder / "validation_benchmark_models.parquet", columns=["era"]
        )
        assert predictions["data_type"].value_counts().to_dict() == {
            "validation": int((models["era"] >= first).sum()),
            "live": 50,
        }
        assert predictions["era"].min() == first
        assert predictions["prediction"].between(0, 1).all()
