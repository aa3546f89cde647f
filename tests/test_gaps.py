"""Models that start late, and the options by which they are left out or lived with."""

import io
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import failure, run
from tournament_files import write_tournament

from skbench.cli import main
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.demo import run_demo
from skbench.folders import (
    analyze_folder,
    backtest_folder,
    ensemble_folder,
    ensemble_pipeline,
    report_folder,
    score_folder,
    stake_folder,
)
from skbench.staking import PAYOUT_RULES

pytestmark = pytest.mark.filterwarnings("default")

FIRST = "0040"  # era of the model that starts late


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(60, 80, 4, 6, meta_model_eras=40, random_state=2)


@pytest.fixture(scope="module")
def late(data):
    return data.models[1]


@pytest.fixture(scope="module")
def folder(data, late, tmp_path_factory):
    """Return a folder in which one model has predictions of the last third alone."""
    path = write_tournament(tmp_path_factory.mktemp("late"), data)
    file = path / "validation_benchmark_models.parquet"
    frame = pd.read_parquet(file)
    frame[late] = frame[late].where(frame["era"] >= FIRST)
    frame.to_parquet(file)
    return path


@pytest.fixture(scope="module")
def mine(data, folder):
    """Return a file with two models of one's own."""
    rng = np.random.default_rng(0)
    own = data.frame[["era"]].assign(
        a=rng.random(len(data.frame)), b=rng.random(len(data.frame))
    )
    path = folder.parent / "mine.parquet"
    own.to_parquet(path)
    return path


def missing(path):
    return pd.read_parquet(path)["prediction"].isna().sum()


class TestMissing:
    def test_a_model_that_starts_late_empties_the_blend_unless_told_otherwise(
        self, folder, data, late, tmp_path, capsys
    ):
        output = tmp_path / "e.parquet"
        n_early = (data.frame["era"] < FIRST).sum()
        main(["ensemble", str(folder), "-o", str(output)])
        told = capsys.readouterr().err
        assert missing(output) == n_early
        assert f"gaps in {late!r}: leave these models out (--without), or" in told
        assert "--missing omit" in told
        main(["ensemble", str(folder), "-o", str(output), "--missing", "omit"])
        assert missing(output) == 0
        assert capsys.readouterr().err == ""

    def test_the_others_are_blended_by_their_weights(
        self, folder, data, late, tmp_path, capsys
    ):
        """Where the late model is missing, as without it; elsewhere, as with it."""
        made = {}
        for name, args in {
            "omit": ["--missing", "omit"],
            "without": ["--without", late],
            "all": [],
        }.items():
            output = tmp_path / f"{name}.parquet"
            run(capsys, "ensemble", folder, "-o", output, *args)
            made[name] = pd.read_parquet(output)
        early = made["omit"]["era"] < FIRST
        for some, expected in [(early, "without"), (~early, "all")]:
            pd.testing.assert_frame_equal(made["omit"][some], made[expected][some])

    def test_a_gap_may_be_refused(self, folder, late, tmp_path, capsys):
        args = ["-o", tmp_path / "e.parquet", "--missing", "raise"]
        told = failure(capsys, "ensemble", folder, *args)
        assert f"column {late!r} has" in told
        assert "--missing omit" in told
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("fit", ["corr", "mse"])
    def test_weights_are_learned_from_all_eras(self, folder, tmp_path, capsys, fit):
        args = ["--fit", fit, "--chunk", 6, "-o", tmp_path / "e.parquet"]
        run(capsys, "ensemble", folder, *args)
        few = joblib.load(tmp_path / "e.joblib")[1]
        run(capsys, "ensemble", folder, *args, "--missing", "omit")
        many = joblib.load(tmp_path / "e.joblib")[1]
        assert many.nan_policy == "omit"
        assert len(few.eras_) < 20 < 50 < len(many.eras_)

    def test_a_recipe_has_the_option_too(self, folder, data, late, tmp_path, capsys):
        output = tmp_path / "e.parquet"
        pairs = f"v5_lgbm_teager2b20={late},v5_lgbm_cyrusd20={data.models[0]}"
        args = ["--recipe", "v5_lgbm_ct_blend", "--columns", pairs, "-o", output]
        run(capsys, "ensemble", folder, *args, "--missing", "omit")
        assert missing(output) == 0

    def test_a_backtest_judges_all_eras(self, folder, capsys):
        args = ["backtest", folder, "--chunk", 6, "--format", "json"]
        for more, least in [([], 0), (["--missing", "omit"], 30)]:
            lines = json.loads(run(capsys, *args, *more))
            n_eras = {line["candidate"]: line["corr_n_eras"] for line in lines}
            assert least <= n_eras["equal weights"] <= least + 15
        found = backtest_folder(folder, chunk=6, nan_policy="omit")
        assert found.scores["corr"]["equal weights"].count() > 30

    def test_a_demo_goes_on_with_it(self, folder, late, tmp_path, capsys):
        args = ["--output", tmp_path / "s.csv", "--report", tmp_path / "d.html"]
        args = ["demo", "--data", folder, *args]
        assert "13 eras from 0040" in run(capsys, *args)
        run(capsys, *args, "--missing", "omit")
        told = run(capsys, *args, "--without", late)
        assert "13 eras from 0040" not in told
        assert late not in told
        result = run_demo(
            folder, output=tmp_path / "s.csv", without=[late], nan_policy="omit"
        )
        assert late not in result.weights

    def test_what_is_no_policy(self, folder, tmp_path, capsys):
        args = ["-o", tmp_path / "e.parquet", "--missing", "drop"]
        assert "--missing" in failure(capsys, "ensemble", folder, *args)
        pipeline = ensemble_pipeline(folder, nan_policy="drop")
        with pytest.raises(ValueError, match=r"`nan_policy` must be .*got 'drop'"):
            ensemble_folder(folder, tmp_path / "e.parquet", pipeline)
        with pytest.raises(ValueError, match=r"`nan_policy` must be .*got 'drop'"):
            backtest_folder(folder, nan_policy="drop")


class TestChoice:
    def board(self, capsys, *args):
        csv = run(capsys, "score", *args, "--format", "csv")
        return set(pd.read_csv(io.StringIO(csv))["model"])

    def test_models_of_the_folder(self, folder, data, late, capsys):
        first, second, *others = data.models
        assert second == late
        assert self.board(capsys, folder, "--without", late) == {first, *others}
        both = f"{first}, {late}"
        assert self.board(capsys, folder, "--models", both) == {first, late}
        args = ["--models", both, "--without", late]
        assert self.board(capsys, folder, *args) == {first}

    def test_models_of_files_of_predictions(self, folder, data, mine, capsys):
        args, first = [folder, "--predictions", mine], data.models[0]
        assert self.board(capsys, *args) == {*data.models, "a", "b"}
        assert self.board(capsys, *args, "--without", "a") == {*data.models, "b"}
        assert self.board(capsys, *args, "--models", f"{first},b") == {first, "b"}
        assert self.board(capsys, *args, "--models", "a") == {"a"}
        # Who names a file, and none of its models, means all of them.
        assert self.board(capsys, *args, "--models", first) == {first, "a", "b"}
        assert self.board(capsys, *args, "--without", "a,b") == {*data.models}

    def test_every_job_takes_the_same_choice(self, folder, data, mine, tmp_path):
        first, late, *others = data.models
        chosen = {"without": [late, "b"], "predictions": mine}
        left = [first, *others, "a"]
        assert set(score_folder(folder, **chosen)["model"]) == set(left)
        report = report_folder(folder, **chosen).to_dict()
        assert late not in json.dumps(report)
        allocation = stake_folder(
            folder, PAYOUT_RULES["round 1343"], method="equal", **chosen
        )
        assert list(allocation.shares) == left
        analysis = analyze_folder(folder, model="a", **chosen)
        assert set(analysis.underweight.index) == {first, *others}
        found = backtest_folder(folder, fit="mse", chunk=6, **chosen)
        assert list(found.weights["mse"].columns) == left

    @pytest.mark.parametrize(
        "args",
        [
            ["score"],
            ["report", "-o", "{}"],
            ["analyze", "--report", "{}"],
            ["stake", "--rule", "round 1343", "--method", "equal"],
            ["backtest", "--chunk", "6", "--report", "{}"],
        ],
        ids=lambda args: args[0],
    )
    def test_every_command_has_the_options(
        self, folder, data, late, tmp_path, capsys, args
    ):
        page = tmp_path / "page.html"
        args = [arg.format(page) for arg in args]
        told = run(capsys, args[0], folder, *args[1:], "--without", late)
        if page.exists():
            told += page.read_text()
        assert late not in told
        line = failure(capsys, args[0], folder, *args[1:], "--without", late[:-1])
        assert f"--without names {late[:-1]!r}" in line
        assert f"did you mean {late!r}" in line

    def test_live_rows_have_the_same_models(self, folder, data, late, tmp_path, capsys):
        first, output = data.models[0], tmp_path / "e.parquet"
        run(capsys, "ensemble", folder, "-o", output, "--models", first)
        live = pd.read_parquet(output).query("era == 'X'")["prediction"]
        ranks = data.live[first].rank()
        np.testing.assert_allclose(live, (ranks - 0.5) / len(ranks))
        run(capsys, "ensemble", folder, "-o", output, "--without", late)
        assert late not in joblib.load(tmp_path / "e.joblib")[1].weights_

    def test_live_rows_that_lack_a_model(self, data, tmp_path, capsys):
        files = write_tournament(tmp_path / "files", data)
        path = files / "live_benchmark_models.parquet"
        gone = data.models[2]
        pd.read_parquet(path).drop(columns=gone).to_parquet(path)
        output = tmp_path / "e.parquet"
        line = failure(capsys, "ensemble", files, "-o", output)
        assert f"{path} lacks {gone!r}, which the other rows have: leave" in line
        assert "(--without)" in line
        with pytest.raises(ValueError, match="which the other rows have") as refused:
            load_benchmark_models(files)
        assert line.endswith(str(refused.value).replace("`models`", "--without"))
        run(capsys, "ensemble", files, "-o", output, "--without", gone)
        assert missing(output) == 0

    def test_weights_of_models_that_are_left_out(self, folder, late, tmp_path, capsys):
        args = ["-o", tmp_path / "e.parquet", "--weights", f"{late}=1"]
        line = failure(capsys, "ensemble", folder, *args, "--without", late)
        told = f"--weights names {late!r}, which --without leaves out: leave it out of "
        assert told in line
        assert "X" not in line.replace(str(folder), "")

    @pytest.mark.parametrize("option", ["--without", "--models"])
    def test_the_option_that_leaves_models_out_is_named(
        self, folder, data, mine, tmp_path, capsys, option
    ):
        left_out = {"--without": "a", "--models": f"b,{data.models[0]}"}[option]
        args = ["-o", tmp_path / "e.parquet", "--predictions", mine, option, left_out]
        line = failure(capsys, "ensemble", folder, *args, "--weights", "a=0.5,b=0.5")
        assert f"--weights names 'a', which {option} leaves out: " in line
        columns = "v42_lgbm_teager20=a,v42_lgbm_cyrus20=b"
        args += ["--recipe", "v42_lgbm_ct_blend"]
        line = failure(capsys, "ensemble", folder, *args, "--columns", columns)
        assert f"--columns names 'a', which {option} leaves out: " in line

    @pytest.mark.parametrize("option", ["--without", "--models"])
    def test_a_name_that_is_not_there_is_told_of_models_alone(
        self, folder, data, mine, capsys, option
    ):
        first = data.models[0]
        args = ["score", folder, "--predictions", mine, option, f"{first}0"]
        line = failure(capsys, *args)
        told = f"does not have; did you mean {first!r}"
        assert told in line
        every = ", ".join(map(repr, [*data.models, "a", "b"]))
        assert f"It has {every}: name others" in line
        for column in ("era", "id", "data_type"):
            assert repr(column) not in line

    def test_no_model_is_left(self, folder, data, capsys):
        every = ",".join(data.models)
        line = failure(capsys, "score", folder, "--without", every)
        assert "no model to load: --without is" in line

    @pytest.mark.parametrize("command", ["report", "stake"])
    @pytest.mark.parametrize("option", ["--models", "--without"])
    def test_an_account_has_no_models_to_choose(self, capsys, command, option):
        line = failure(capsys, command, "--account", "me", option, "a")
        assert f"{option} goes with a FOLDER" in line

    def test_a_demo_of_its_own_has_no_models_to_choose(self, tmp_path, capsys):
        args = ["--output", tmp_path / "s.csv", "--report", tmp_path / "d.html"]
        line = failure(capsys, "demo", *args, "--models", "a")
        assert "--models is for --data; got ['a'] without a folder" in line
