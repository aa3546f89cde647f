"""The demo, and the command that runs it."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
)
from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.demo import run_demo
from skbench.metrics import max_feature_exposure, numerai_corr
from skbench.model_selection import backtest

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

    def test_the_table_is_that_of_a_backtest_of_the_same_pipeline(self, demo):
        made = make_benchmark_models(60, 300, 3, random_state=1)
        pipeline = make_pipeline(
            EraRankGauss(),
            StackingWeights(shrinkage="bayes"),
            EraRankGauss(),
            FeatureNeutralizer(proportion=0.5),
            EraRank(),
        )
        found = backtest({"ensemble": pipeline}, made.frame, made.frame["target"])
        names = ["equal weights", "best single model", "ensemble"]
        expected = found.scores["corr"][names].dropna()
        pd.testing.assert_frame_equal(demo[0].scores[names], expected)
        assert demo[0].backtest.verdict() == found.verdict()
        summary = found.summary().loc[names].add_prefix("of ")
        beside = demo[0].comparison().loc[names]
        for mine, theirs in {
            "mean": "of corr",
            "low": "of corr_low",
            "high": "of corr_high",
            "n_eras": "of corr_n_eras",
        }.items():
            np.testing.assert_allclose(beside[mine], summary[theirs], rtol=1e-12)
        ahead = ["difference", "difference_low", "difference_high"]
        np.testing.assert_allclose(
            beside.loc["equal weights", ahead].astype(float),
            summary.loc["ensemble", [f"of corr_{name}" for name in ahead]],
            rtol=1e-12,
        )

    def test_each_model_is_scored_in_the_same_eras(self, demo):
        made = make_benchmark_models(60, 300, 3, random_state=1)
        scores = numerai_corr(
            made.frame["target"], made.frame[made.models], era=made.frame["era"]
        )
        result = demo[0]
        # 26 eras are learned from first; the 5 newest have no target yet.
        assert result.scores.index[0] == "0027"
        assert result.scores.index[-1] == "0055"
        assert result.scores.notna().all(axis=None)
        pd.testing.assert_frame_equal(
            result.scores[made.models], scores.loc["0027":"0055"], check_names=False
        )
        assert list(result.weights) == made.models

    @pytest.mark.parametrize(
        ("first", "last", "same_until"),
        [
            # Within the horizon of 5 eras before the first window.
            ("0022", "0026", "0052"),
            # In the second window, and after it.
            ("0053", "0060", "0052"),
            # In the first window itself: the era before is not touched.
            ("0040", "0060", "0039"),
        ],
    )
    def test_no_era_that_was_learned_from_is_scored(
        self, demo, tmp_path, monkeypatch, first, last, same_until
    ):
        made = make_benchmark_models(60, 300, 3, random_state=1)
        poisoned = made.frame["era"].between(first, last)
        # The worst model is the best one there.
        worst = made.frame[demo[0].scores[made.models].mean().idxmin()]
        for target in made.targets:
            known = poisoned & made.frame[target].notna()
            made.frame.loc[known, target] = worst[known]
        maker = "skbench.demo.make_benchmark_models"
        monkeypatch.setattr(maker, lambda *_, **__: made)
        result = run_demo(output=tmp_path / "s.csv", **SMALL)
        assert result.weights != demo[0].weights
        expected = demo[0].scores.loc[:same_until]
        expected = expected[~expected.index.to_series().between(first, last)]
        pd.testing.assert_frame_equal(result.scores.loc[expected.index], expected)
        weights = result.backtest.weights["ensemble"]
        assert weights.iloc[0].equals(demo[0].backtest.weights["ensemble"].iloc[0])

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
        live = make_benchmark_models(60, 300, 3, random_state=1).live
        features = live.filter(regex="^feature_")
        submitted = demo[0].submission["prediction"]
        largest = max_feature_exposure(submitted, features, era=live["era"])
        assert after == pytest.approx(largest.iloc[0, 0])

    def test_weights_and_submission_are_those_of_all_eras(self, demo):
        pipeline = demo[0].backtest.pipelines["ensemble"]
        assert demo[0].weights == pipeline[1].weights_
        assert pipeline[1].eras_[-1] == "0055"
        live = make_benchmark_models(60, 300, 3, random_state=1).live
        predicted = demo[0].submission["prediction"]
        np.testing.assert_array_equal(predicted, pipeline.predict(live))

    @pytest.mark.parametrize(
        ("ahead", "words"),
        [
            (0.01, "did better than"),
            (0.0, "cannot be told from"),
            (-0.01, "did worse than"),
        ],
    )
    def test_sentences_say_how_the_ensemble_stands(self, demo, ahead, words):
        scores = demo[0].scores
        swing = np.where(np.arange(len(scores)) % 2, 1e-3, -1e-3)
        other = replace(
            demo[0],
            scores=scores.assign(
                **{
                    "best single model": scores["equal weights"],
                    "ensemble": scores["equal weights"] + ahead + swing,
                }
            ),
        )
        told = other.sentences[1]
        assert told.startswith("In plain words: over 29 eras the ensemble ")
        assert f"{words} equal weights; it {words} the best single" in told

    def test_a_model_that_scored_more_by_itself_is_named(self, demo):
        scores = demo[0].scores
        model = next(iter(demo[0].weights))
        above = replace(demo[0], scores=scores.assign(**{model: scores.max(axis=1)}))
        assert above.sentences[2].startswith(f"{model} by itself scored more (")
        best = scores.max(axis=1)
        below = replace(demo[0], scores=scores.assign(ensemble=best))
        assert not any("by itself" in told for told in below.sentences)

    def test_the_first_sentence_is_the_verdict_of_the_backtest(self, demo):
        assert demo[0].sentences[0] == f"Verdict: {demo[0].backtest.verdict()}."
        told = "cannot be told from equal weights" in demo[0].sentences[1]
        assert told == ("nothing here can be told" in demo[0].sentences[0])

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
        assert numbers["made"]["ensemble"] == "out of sample from era 0027"
        weights = {row["name"]: row["weight"] for row in numbers["weights"]}
        assert weights == pytest.approx(demo[0].weights)

    def test_nothing_but_the_submission_is_left_behind(self, demo):
        assert [path.name for path in demo[1].parent.iterdir()] == ["submission.csv"]

    def test_seed_decides(self, demo, tmp_path):
        again = run_demo(output=tmp_path / "a.csv", **SMALL)
        other = run_demo(output=tmp_path / "b.csv", **{**SMALL, "random_state": 2})
        pd.testing.assert_frame_equal(again.scores, demo[0].scores)
        assert other.weights != again.weights

    @pytest.mark.parametrize("n_eras", [20, 30])  # none, and none that can be scored
    def test_too_few_eras_are_refused_and_nothing_is_written(self, tmp_path, n_eras):
        with pytest.raises(ValueError, match=f"only {n_eras - 5} eras have a target"):
            run_demo(output=tmp_path / "a.csv", **{**SMALL, "n_eras": n_eras})
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
        told = capsys.readouterr().out
        assert told.endswith(": demo.html\n")
        assert "CORR out of sample, 29 eras from 0027 to 0055" in told
        for name, line in demo[0].comparison().iterrows():
            assert f"{name} {line['mean']:.4f} {line['low']:.4f}" in told
        for sentence in demo[0].sentences:
            assert sentence in told
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
        for word in ("mean", "low", "sharpe", "max drawdown", "equal weights"):
            assert word in done.stdout
        assert (tmp_path / "submission.csv").is_file()
        assert "Report, to open in a browser: demo.html" in done.stdout
        assert "skbench demo" in (tmp_path / "demo.html").read_text()


class TestFolder:
    def test_it_is_the_tournament_that_the_numbers_are_of(self, tmp_path):
        files = tmp_path / "data" / "demo"
        made = run_demo(output=tmp_path / "s.csv", folder=files, **SMALL)
        again = run_demo(files, output=tmp_path / "again.csv", proportion=0.5)
        assert (tmp_path / "s.csv").read_text().splitlines()[1].split(",")[0] == (
            tmp_path / "again.csv"
        ).read_text().splitlines()[1].split(",")[0]
        # The demo reads half of the features, which change nothing but the ensembles.
        pd.testing.assert_frame_equal(
            again.scores[[*made.weights]], made.scores[[*made.weights]]
        )
        assert again.weights == made.weights

    def test_a_folder_that_is_there_must_be_empty(self, tmp_path):
        files = tmp_path / "files"
        files.mkdir()
        run_demo(output=tmp_path / "s.csv", folder=files, **SMALL)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
        for taken in (files, tmp_path / "s.csv"):
            with pytest.raises(ValueError, match="`folder` must name a new or empty"):
                run_demo(output=tmp_path / "t.csv", folder=taken, **SMALL)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before

    def test_it_is_not_for_files_that_are_read(self, tmp_path, capsys):
        files, new = tmp_path / "files", tmp_path / "new"
        run_demo(output=tmp_path / "s.csv", folder=files, **SMALL)
        assert status_of("demo", "--data", files, "--folder", new) == 2
        assert "--folder is for the tournament that is made up without --data" in (
            capsys.readouterr().err
        )
        assert not new.exists()
