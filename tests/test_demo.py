"""The demo, and the command that runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skbench.cli import main
from skbench.demo import run_demo

SMALL = {"n_eras": 60, "rows_per_era": 300, "n_models": 3, "random_state": 1}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "submission.csv"
    return run_demo(output=path, **SMALL), path


def status_of(*args):
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return stop.value.code


class TestRunDemo:
    def test_weights_sum_to_one_and_none_is_negative(self, demo):
        weights = list(demo[0].weights.values())
        assert sum(weights) == pytest.approx(1)
        assert min(weights) >= 0

    def test_scores_are_those_of_every_model_and_of_the_ensembles(self, demo):
        names = [*demo[0].weights, "equal weights", "learned weights", "ensemble"]
        assert list(demo[0].scores.columns) == names
        assert demo[0].scores.notna().all(axis=None)

    def test_scored_eras_come_13_after_those_of_the_weights(self, demo):
        # 60 eras less the 5 newest, which have no target yet: 27 are the first half.
        assert demo[0].scores.index[0] == "0035"
        assert demo[0].scores.index[-1] == "0055"

    def test_summary_is_what_pandas_says(self, demo):
        scores = demo[0].scores["ensemble"].to_numpy()
        row = demo[0].summary().loc["ensemble"]
        total = np.concatenate([[0.0], np.cumsum(scores)])
        fall = max(total[: i + 1].max() - total[i] for i in range(total.size))
        expected = [scores.mean(), scores.std(), scores.mean() / scores.std(), fall]
        found = row[["mean", "std", "sharpe", "max_drawdown"]].to_numpy()
        np.testing.assert_allclose(found, expected)

    def test_neutralising_lowers_the_largest_exposure(self, demo):
        before, after = demo[0].exposures
        assert 0 < after < 0.75 * before

    def test_submission_file_is_legal_and_is_what_was_returned(self, demo):
        result, path = demo
        written = pd.read_csv(path)
        assert list(written.columns) == ["id", "prediction"]
        assert written["id"].is_unique
        assert written["prediction"].between(0, 1, inclusive="neither").all()
        pd.testing.assert_frame_equal(written.set_index("id"), result.submission)

    def test_report_is_of_these_scores(self, demo):
        numbers = demo[0].report().to_dict()
        rows = [row for row in numbers["summary"] if row["span"] == "all"]
        means = {row["model"]: row["mean"] for row in rows}
        expected = demo[0].scores.mean()
        assert means == pytest.approx(expected.to_dict())
        assert numbers["benchmark"]["name"] == "equal weights"

    def test_nothing_but_the_submission_is_left_behind(self, demo):
        assert [path.name for path in demo[1].parent.iterdir()] == ["submission.csv"]

    def test_seed_decides(self, demo, tmp_path):
        again = run_demo(output=tmp_path / "a.csv", **SMALL)
        other = run_demo(output=tmp_path / "b.csv", **{**SMALL, "random_state": 2})
        pd.testing.assert_frame_equal(again.scores, demo[0].scores)
        assert other.weights != again.weights

    def test_too_few_eras_are_refused_and_nothing_is_written(self, tmp_path):
        with pytest.raises(ValueError, match="only 15 eras have a target"):
            run_demo(output=tmp_path / "a.csv", **{**SMALL, "n_eras": 20})
        assert list(tmp_path.iterdir()) == []


class TestFiles:
    def test_runs_on_real_files(self, real_folder, tmp_path):
        result = run_demo(real_folder, output=tmp_path / "submission.csv")
        live = pd.read_parquet(real_folder / "live.parquet", columns=["era"])
        assert len(result.weights) == 14
        assert sorted(result.submission.index) == sorted(live.index)
        assert "10 features" in result.title

    def test_real_scores_do_not_depend_on_row_order(self, real_folder, tmp_path):
        shutil.copytree(real_folder, tmp_path / "data")
        path = tmp_path / "data" / "validation.parquet"
        pd.read_parquet(path).sample(frac=1, random_state=0).to_parquet(path)
        sorted_rows = run_demo(real_folder, output=tmp_path / "a.csv")
        shuffled = run_demo(tmp_path / "data", output=tmp_path / "b.csv")
        pd.testing.assert_frame_equal(sorted_rows.scores, shuffled.scores, rtol=1e-9)

    def test_files_of_two_releases_are_refused(self, real_folder, tmp_path):
        shutil.copytree(real_folder, tmp_path / "data")
        path = tmp_path / "data" / "validation_benchmark_models.parquet"
        pd.read_parquet(path).iloc[::2].to_parquet(path)
        with pytest.raises(ValueError, match=r"only 2264 are in both"):
            run_demo(tmp_path / "data", output=tmp_path / "a.csv")

    @pytest.mark.parametrize("name", ["live", "live_benchmark_models"])
    def test_missing_live_rows_are_asked_for(self, real_folder, tmp_path, name):
        shutil.copytree(real_folder, tmp_path / "data")
        (tmp_path / "data" / f"{name}.parquet").unlink()
        with pytest.raises(FileNotFoundError, match=r"live\.parquet, the rows"):
            run_demo(tmp_path / "data", output=tmp_path / "a.csv")

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("features.json", "{}", "JSON with the key 'feature_sets'"),
            ("features.json", "not json", "JSON with the key 'feature_sets'"),
            ("features.json", '{"feature_sets": {}}', "got 'small'"),
            ("validation.parquet", "not parquet", "validation.parquet cannot be read"),
        ],
    )
    def test_a_broken_file_is_named(
        self, real_folder, tmp_path, capsys, name, content, message
    ):
        shutil.copytree(real_folder, tmp_path / "data")
        (tmp_path / "data" / name).write_text(content)
        assert status_of("demo", "--data", tmp_path / "data") == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


class TestCommand:
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["demo", "--data", "nowhere"], "nowhere"),
            (["demo", "--proportion", "2"], "--proportion"),
            (["demo", "--output", "nowhere/a.csv"], "nowhere/a.csv"),
            (["demo", "--seed", "x"], "--seed"),
            (["nothing"], "nothing"),
            (["demo", "--nothing"], "--nothing"),
        ],
    )
    def test_bad_arguments_give_one_line_and_status_2(self, capsys, args, message):
        assert status_of(*args) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

    @pytest.mark.parametrize("args", [[], ["--help"]])
    def test_help_lists_the_subcommands(self, capsys, args):
        main(args)
        assert "demo" in capsys.readouterr().out

    def test_help_of_the_demo_explains_its_files(self, capsys):
        main(["demo", "--help"])
        assert "validation_benchmark_models.parquet" in capsys.readouterr().out

    def test_leaves_the_report_of_another_command(
        self, demo, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("skbench.demo.run_demo", lambda *_, **__: demo[0])
        Path("report.html").write_text("mine")
        main(["demo"])
        assert Path("report.html").read_text() == "mine"
        assert capsys.readouterr().out.endswith(": demo.html\n")
        assert "skbench demo" in Path("demo.html").read_text()

    @pytest.mark.slow
    def test_without_arguments_it_makes_a_tournament_of_realistic_size(self, tmp_path):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "skbench", "demo"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "100 eras" in done.stdout
        assert "8 models" in done.stdout
        for word in ("mean", "low", "std", "sharpe", "max drawdown", "equal weights"):
            assert word in done.stdout
        assert (tmp_path / "submission.csv").is_file()
        assert "Report, to open in a browser: demo.html" in done.stdout
        assert "skbench demo" in (tmp_path / "demo.html").read_text()
