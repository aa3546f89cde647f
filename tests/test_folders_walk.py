"""Ensembles of a folder out of sample, and `skbench backtest`."""

import json

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import failure, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.utils import Bunch
from tournament_files import write_tournament

from skbench.cli import main
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.folders import backtest_folder, ensemble_folder, ensemble_pipeline
from skbench.metrics import correlation_contribution, numerai_corr, summarize
from skbench.model_selection import WalkForwardEraSplit, backtest
from skbench.recipes import recipe
from skbench.tournament import Origin, origin_of, with_origin

TARGET = "target_cyrus_20"
RIVALS = ["ensemble", "equal weights", "best single model", "in sample"]


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(70, 80, 4, 12, meta_model_eras=45, random_state=5)


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    return write_tournament(tmp_path_factory.mktemp("files"), data)


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "e.parquet"
    pipeline = ensemble_pipeline(folder, fit="corr", neutralize="small", proportion=0.5)
    return ensemble_folder(folder, output, pipeline, chunk=10)


def copied(folder, to):
    """A copy of a folder, of which files may be written anew."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


class TestOutOfSample:
    def test_is_what_backtest_gives_in_memory(self, folder, made):
        loaded = load_benchmark_models(folder, features="small")
        frame, y = loaded.frame, loaded.frame["target"].rename(TARGET)
        pipeline = ensemble_pipeline(
            folder, fit="corr", neutralize="small", proportion=0.5
        )
        cv = WalkForwardEraSplit(10, 5)
        found = backtest({"ensemble": pipeline}, frame, y, cv)
        expected = found.predictions["ensemble"].dropna()
        got = made.predictions[made.predictions["data_type"] == "validation"]
        assert got.index.tolist() == expected.index.tolist()
        np.testing.assert_array_equal(got["prediction"], expected)
        for name, scores in made.scores.items():
            if name == "payout":
                continue
            both = found.scores[name].dropna(how="all")
            pd.testing.assert_frame_equal(
                scores[RIVALS[:3]], both[RIVALS[:3]], check_index_type=False
            )

    def test_eras_before_the_first_window_are_absent(self, made):
        validation = made.predictions[made.predictions["data_type"] == "validation"]
        # 10 eras to learn from, 5 purged, windows of 10 from era 1 on: 21 is the first.
        assert validation["era"].min() == "0021" == made.out_of_sample_from
        assert not validation["prediction"].isna().any()

    def test_in_sample_is_what_the_pipeline_gives(self, folder, data, made):
        frame = load_benchmark_models(folder, features="small").frame
        fitted = joblib.load(made.file.with_suffix(".joblib"))
        frame = frame[frame["era"] >= "0021"]
        scores = numerai_corr(frame["target"], fitted.predict(frame), era=frame["era"])
        np.testing.assert_allclose(
            made.scores["corr"]["in sample"], scores["prediction"].dropna(), atol=1e-12
        )

    def test_the_comparison_is_that_of_summarize(self, made):
        for name, scores in made.scores.items():
            assert list(scores) == RIVALS
            table = made.comparison(name)
            longer = {"corr": "numerai_corr", "mmc": "contribution"}
            again = made.comparison(longer.get(name, name))
            pd.testing.assert_frame_equal(again, table)
            for rival in RIVALS[1:]:
                pair = summarize(
                    scores[["ensemble"]], scores[rival], target=TARGET
                ).loc["ensemble"]
                for end in ("", "_low", "_high"):
                    own = table.loc[rival, f"difference{end}"]
                    assert own == pytest.approx(pair[f"difference{end}"], abs=1e-12)

    def test_the_payout_is_that_of_the_newest_rule(self, made):
        assert made.payout == {"corr": 3.0, "contribution": 15.0}
        paid = 3 * made.scores["corr"] + 15 * made.scores["mmc"]
        pd.testing.assert_frame_equal(
            made.scores["payout"], paid.reindex(made.scores["payout"].index)
        )

    def test_the_file_says_how_it_was_made(self, made):
        import pyarrow.parquet as pq

        origin = origin_of(pq.read_schema(made.file))
        assert origin.weights == "learned"
        assert origin.fit == "corr"
        assert origin.learned_until == "0065"
        assert origin.out_of_sample_from == "0021"

    def test_weights_that_are_given_hold_in_all_eras(self, folder, data, tmp_path):
        weights = {data.models[0]: 0.3, data.models[1]: 0.7}
        pipeline = ensemble_pipeline(folder, weights=weights)
        made = ensemble_folder(folder, tmp_path / "e.parquet", pipeline)
        assert made.predictions["era"].nunique() == 71
        assert made.out_of_sample_from is None
        assert list(made.scores) == ["corr"]

    @settings(
        max_examples=8,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.integers(22, 66), st.sampled_from([4, 10, 26]))
    def test_the_future_changes_no_prediction(
        self, folder, data, tmp_path_factory, first, chunk
    ):
        """Nor do targets, the Meta Model and features of later eras."""
        home = tmp_path_factory.mktemp("poisoned")
        files = copied(folder, home / "files")
        rng = np.random.default_rng(first)
        for name in ("validation", "meta_model"):
            frame = pd.read_parquet(files / f"{name}.parquet")
            later = frame["era"].astype(int) >= first
            floats = frame.select_dtypes("float").columns
            poison = frame.loc[later, floats].iloc[rng.permutation(later.sum())] ** 3
            frame.loc[later, floats] = poison.to_numpy()
            frame.to_parquet(files / f"{name}.parquet")
        before, after = (
            ensemble_folder(
                path,
                home / f"{i}.parquet",
                ensemble_pipeline(path, fit="corr", neutralize="small"),
                chunk=chunk,
            ).predictions
            for i, path in enumerate((folder, files))
        )
        # Targets are known five eras later; windows begin at their own borders.
        unchanged = before["era"].ne("X") & (
            pd.to_numeric(before["era"], errors="coerce") < first
        )
        assert before.index.equals(after.index)
        pd.testing.assert_frame_equal(before[unchanged], after[unchanged])


class TestEnsembleCommand:
    def test_says_how_it_does_out_of_sample(self, folder, tmp_path, capsys):
        output = tmp_path / "e.parquet"
        args = ["ensemble", folder, "--fit", "corr", "--chunk", 10, "-o", output]
        out = run(capsys, *args)
        rows = json.loads(run(capsys, *args, "--format", "json"))
        for name in ("CORR", "MMC", "PAYOUT (3 CORR + 15 MMC)"):
            (row,) = [
                row
                for row in rows
                if name.lower().startswith(row["score"])
                and row["candidate"] == "in sample"
            ]
            assert f"\n{name} out of sample, " in out
            assert f"\nin sample it would have been {row['mean']:.4f}\n" in out
        assert " eras from 0021 on; best mean first\n" in out
        assert {row["candidate"] for row in rows} == {*RIVALS}
        lines = [line.split() for line in out.splitlines()]
        assert ["equal", "weights"] in [line[:2] for line in lines]

    def test_scores_that_rest_on_it_say_so(self, folder, tmp_path, capsys):
        output = tmp_path / "mine.parquet"
        run(capsys, "ensemble", folder, "--fit", "corr", "--chunk", 10, "-o", output)
        told = run(capsys, "score", folder, "--predictions", output)
        assert "mine: out of sample from era 0021" in told
        run(capsys, "ensemble", folder, "-o", output)
        told = run(capsys, "score", folder, "--predictions", output)
        assert "mine: weights given" in told

    def test_too_few_eras_for_a_window(self, folder, tmp_path, capsys):
        output = tmp_path / "e.parquet"
        out = run(
            capsys, "ensemble", folder, "--fit", "corr", "--chunk", 90, "-o", output
        )
        # Eras 1 to 70: era 91 would be the first.
        assert "out of sample yet: that takes 21 eras more, or a smaller --chunk" in out
        assert pd.read_parquet(output)["data_type"].unique().tolist() == ["live"]
        files = copied(folder, tmp_path / "files")
        (files / "live.parquet").unlink()
        (files / "live_benchmark_models.parquet").unlink()
        output.unlink()
        err = failure(
            capsys, "ensemble", files, "--fit", "corr", "--chunk", 90, "-o", output
        )
        assert "--chunk" in err
        assert "`chunk`" not in err
        assert not output.exists()

    def test_an_exported_file_is_in_sample(self, folder, tmp_path, capsys):
        output = tmp_path / "e.parquet"
        run(capsys, "ensemble", folder, "--fit", "corr", "--chunk", 10, "-o", output)
        exported = tmp_path / "predict.pkl"
        told = run(capsys, "export", output.with_suffix(".joblib"), "-o", exported)
        assert (
            "from the eras 0001 to 0065: what it predicts of them is in sample" in told
        )
        run(capsys, "ensemble", folder, "-o", output)
        told = run(capsys, "export", output.with_suffix(".joblib"), "-o", exported)
        assert "in sample" not in told


@pytest.fixture
def late(data, tmp_path):
    """A folder of which one model starts in era 41."""
    tardy = Bunch(**{**data, "frame": data.frame.copy()})
    tardy.frame.loc[tardy.frame["era"] <= "0040", data.models[1]] = np.nan
    return write_tournament(tmp_path / "late", tardy)


@pytest.mark.filterwarnings("always")
class TestModelsThatStartLate:
    def test_all_are_scored_on_the_same_eras(self, late, tmp_path, capsys):
        output = tmp_path / "e.parquet"
        args = ["ensemble", late, "--fit", "corr", "--chunk", 10, "-o", output]
        out = run(capsys, *args)
        rows = json.loads(run(capsys, *args, "--format", "json"))
        assert {row["n_eras"] for row in rows if row["score"] == "corr"} == {15}
        assert "CORR out of sample, 15 eras from 0041 on" in out
        assert pd.read_parquet(output)["era"].min() == "0021"

    def test_windows_that_are_lost_are_told_of(self, late, tmp_path, capsys):
        output = tmp_path / "e.parquet"
        main(
            ["ensemble", str(late), "--fit", "corr", "--chunk", "10", "-o", str(output)]
        )
        # Of the ten eras that all models have, five are purged.
        err = capsys.readouterr().err
        assert "the windows from '0051' on have fewer than two horizons, of 5" in err
        eras = set(pd.read_parquet(output)["era"])
        assert not eras & {f"{era:04d}" for era in range(51, 61)}
        assert {"0050", "0061"} <= eras

    @pytest.mark.parametrize(
        "args",
        [["ensemble", "-o", "e.parquet"], ["backtest"]],
        ids=lambda args: args[0],
    )
    def test_warnings_come_once_and_advise_what_can_be_done(
        self, late, tmp_path, capsys, monkeypatch, args
    ):
        monkeypatch.chdir(tmp_path)
        main([args[0], str(late), "--fit", "corr", "--chunk", "10", *args[1:]])
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == len(set(lines)) == 2
        (line,) = [line for line in lines if "--missing omit" in line]
        assert "% of the rows with a target are left out" in line
        assert "nan_policy" not in line


class TestWithoutMetaModel:
    @pytest.mark.parametrize(
        "args",
        [["ensemble", "-o", "e.parquet"], ["backtest"]],
        ids=lambda args: args[0],
    )
    @pytest.mark.parametrize("fit", ["payout", "contribution"])
    def test_what_learns_from_it_names_the_file(
        self, folder, tmp_path, capsys, monkeypatch, args, fit
    ):
        files = copied(folder, tmp_path / "files")
        (files / "meta_model.parquet").unlink()
        monkeypatch.chdir(tmp_path)
        line = failure(capsys, args[0], files, "--fit", fit, *args[1:])
        assert f"--fit '{fit}' needs the Meta Model, and meta_model.parquet" in line
        assert not (tmp_path / "e.parquet").exists()


class TestBacktest:
    def test_is_what_backtest_gives_in_memory(self, folder):
        found = backtest_folder(
            folder,
            fit=["corr", "sharpe"],
            neutralize="small",
            proportions=[0, 0.5],
            chunk=10,
        )
        loaded = load_benchmark_models(folder, features="small")
        frame, y = loaded.frame, loaded.frame["target"].rename(TARGET)
        candidates = {
            f"{fit}, proportion {share:g}": ensemble_pipeline(
                folder, fit=fit, neutralize="small", proportion=share
            )
            for fit in ("corr", "sharpe")
            for share in (0, 0.5)
        }
        cv = WalkForwardEraSplit(10, 5)
        expected = backtest(candidates, frame, y, cv, payout=found.payout)
        assert list(found.scores) == list(expected.scores) == ["corr", "mmc", "payout"]
        for name, scores in expected.scores.items():
            pd.testing.assert_frame_equal(
                found.scores[name], scores, rtol=0, atol=1e-12, check_index_type=False
            )
        for name, weights in expected.weights.items():
            pd.testing.assert_frame_equal(found.weights[name], weights)
        assert found.predictions is None
        assert found.verdict() == expected.verdict()

    def test_holds_the_recipes_that_the_folder_can_make(self, data, tmp_path, capsys):
        parts = list(recipe("v5_lgbm_ct_blend").weights)
        names = dict(zip(data.models, parts, strict=False))
        files = write_tournament(tmp_path / "files", data)
        for split in ("validation", "live"):
            path = files / f"{split}_benchmark_models.parquet"
            pd.read_parquet(path).rename(columns=names).to_parquet(path)
        found = backtest_folder(files, chunk=10)
        assert "v5_lgbm_ct_blend" in found.summary().index
        told = run(capsys, "backtest", files, "--chunk", 10)
        assert "\nWeights given, not learned here: v5_lgbm_ct_blend. Who" in told
        frame = load_benchmark_models(files).frame
        blend = recipe("v5_lgbm_ct_blend").pipeline().fit(frame)
        frame = frame[frame["era"] >= "0021"]
        scores = correlation_contribution(
            frame["target"],
            blend.predict(frame),
            frame["numerai_meta_model"],
            era=frame["era"],
        )
        np.testing.assert_allclose(
            found.scores["mmc"]["v5_lgbm_ct_blend"], scores["prediction"], atol=1e-12
        )

    def test_blends_files_of_ones_own(self, folder, data, tmp_path):
        own = tmp_path / "mine.parquet"
        frame = data.frame[["era", data.models[0]]].rename(
            columns={data.models[0]: "prediction"}
        )
        frame["prediction"] **= 3
        frame.to_parquet(own)
        found = backtest_folder(folder, predictions=own, chunk=10)
        assert "mine" in found.weights["corr"]

    def test_models_that_have_seen_the_eras_are_warned_of(self, folder, data, tmp_path):
        own = tmp_path / "own.parquet"
        frame = data.frame[["era", data.models[0]]].set_axis(["era", "own"], axis=1)
        table = pa.Table.from_pandas(frame)
        told = Origin("learned", "corr", learned_until="0065")
        table = table.replace_schema_metadata(with_origin(table.schema, told).metadata)
        pq.write_table(table, own)
        with pytest.warns(UserWarning, match="'own' are in sample: so are those of"):
            backtest_folder(folder, predictions=own, chunk=10)

    def test_the_order_of_each_table_is_by_its_score(self, folder, capsys):
        args = ["backtest", folder, "--fit", "corr,payout", "--chunk", 10]
        out = run(capsys, *args, "--payout", "corr=1,contribution=-5")
        # The Meta Model starts late: of "payout" there are fewer eras.
        for part in out.split(" out of sample; differences")[1:]:
            names = [line.strip() for line in part.splitlines()[2:6]]
            assert names[-1].startswith("payout ")

    def test_the_command(self, folder, capsys):
        args = ["backtest", folder, "--fit", "corr,mse", "--chunk", 10]
        args += ["--neutralize", "small", "--proportion", "0,1"]
        out = run(capsys, *args)
        found = backtest_folder(
            folder,
            fit=["corr", "mse"],
            neutralize="small",
            proportions=[0, 1],
            chunk=10,
        )
        assert out.startswith(f"Target: {TARGET}\n")
        assert f"\nVerdict: {found.verdict()}.\n" in out
        assert "\nPAYOUT (3 CORR + 15 MMC) out of sample" in out
        rows = json.loads(run(capsys, *args, "--format", "json"))
        summary = found.summary()
        assert [row["candidate"] for row in rows] == list(summary.index)
        for row in rows:
            assert row["corr"] == pytest.approx(summary["corr"][row["candidate"]])

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--fit", "luck"], "luck"),
            (["--fit", "corr,"], "got ''"),
            (["--proportion", "half", "--neutralize", "small"], "SHARE"),
            (["--proportion", "2", "--neutralize", "small"], "between 0 and 1; got 2"),
            (["--neutralize", "courage"], "'courage'"),
            (["--proportion", "0,1"], "--proportion is for --neutralize; got"),
            (["--chunk", "300"], "--chunk"),
            (["--target", "target_x"], "--target names 'target_x'"),
            (["--proportion", "0.5"], "--proportion is for --neutralize"),
            (["--fit", "sharpe", "--shrinkage", "bayes"], "so --fit must be one of"),
            (["--predictions", "no.parquet"], "no.parquet"),
            (["--report", "no/wf.html"], "no"),
        ],
    )
    def test_mistakes_are_told_in_a_line(self, folder, capsys, args, told):
        line = failure(capsys, "backtest", folder, *args)
        assert told in line
