"""Live data that is live: of a folder, and of one's own models in an ensemble."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import failure, run
from tournament_files import write_rows

from skbench.datasets import load_benchmark_models
from skbench.demo import run_demo
from skbench.deploy import validate_submission
from skbench.folders import ensemble_folder, ensemble_pipeline, score_folder
from skbench.tournament import Origin, with_origin

FRIDAY, WEEK = pd.Timestamp("2024-01-05"), pd.Timedelta(weeks=1)


def blended(release, tmp_path, name="e", **options):
    pipeline = ensemble_pipeline(release)
    return ensemble_folder(release, tmp_path / f"{name}.parquet", pipeline, **options)


class TestEnsembleOfOnesOwn:
    """One's own models are blended with those of a folder, for live too."""

    def in_memory(self, release, own, live):
        data = load_benchmark_models(release)
        pipeline = ensemble_pipeline(release)
        frames = [
            frame.drop(columns="numerai_meta_model", errors="ignore").assign(
                mine=part["prediction"].reindex(frame.index)
            )
            for frame, part in ((data.frame, own), (data.live, live))
        ]
        pipeline.fit(frames[0], frames[0]["target"])
        return np.concatenate([pipeline.predict(frame) for frame in frames])

    def test_live_rows_in_the_file_or_beside_it(self, release, own, live, tmp_path):
        expected = self.in_memory(release, own, live)
        both = pd.concat([own, live])
        alone = {"columns": "era"}
        path = tmp_path / "mine.csv"
        write_rows(path, both.drop(**alone).sample(frac=1, random_state=0))
        givens = [path, {"mine": both}, {"mine": pl.from_pandas(both.reset_index())}]
        for i, (own_file, live_file) in enumerate(
            [
                ("mine.csv", "mine_live.csv"),
                ("mine.parquet", "mine_live.parquet"),
                ("mine.csv.gz", "mine_live.parquet"),
            ]
        ):
            home = tmp_path / str(i)
            home.mkdir()
            givens.append(write_rows(home / own_file, own))
            write_rows(home / live_file, live.drop(**alone) if i else live)
        home = tmp_path / "one"
        home.mkdir()
        givens.append(write_rows(home / "mine.parquet", both))
        for given in givens:
            made = blended(release, tmp_path, predictions=given)
            assert set(made.weights) == {*load_benchmark_models(release).models, "mine"}
            found = made.predictions["prediction"].to_numpy()
            np.testing.assert_array_equal(found, expected)
            assert made.n_rows == made.n_predicted

    def test_on_the_command_line(self, release, own, live, tmp_path, capsys):
        path = write_rows(tmp_path / "mine.csv", own[["prediction"]])
        write_rows(tmp_path / "mine_live.csv", live[["prediction"]])
        output, submission = tmp_path / "e.parquet", tmp_path / "s.csv"
        args = ["-o", output, "--predictions", path, "--live", submission]
        told = run(capsys, "ensemble", release, *args, "--fit", "corr", "--chunk", 5)
        n_live = len(live)
        assert f"Live era, to submit: {n_live} predictions: {submission}" in told
        frame = pd.read_csv(submission)
        validate_submission(submission, live.index)
        made = pd.read_parquet(output)
        expected = made["prediction"][made["era"] == "X"]
        assert frame["id"].tolist() == expected.index.tolist()
        np.testing.assert_allclose(frame["prediction"], expected, rtol=0, atol=1e-15)

    @pytest.mark.filterwarnings("default:no live rows are predicted")
    def test_without_live_rows_validation_alone_is_predicted(
        self, release, own, tmp_path, capsys
    ):
        path = write_rows(tmp_path / "mine.csv", own)
        args = ["ensemble", release, "--predictions", path, "-o"]
        told = run(capsys, *args, tmp_path / "e.parquet")
        assert f"Predictions of {len(own):,} validation rows" in told
        assert set(pd.read_parquet(tmp_path / "e.parquet")["era"]) == set(own["era"])
        with pytest.warns(
            UserWarning, match=r"no live rows are predicted: .*mine\.csv has no live"
        ):
            blended(release, tmp_path, predictions=path)
        with pytest.warns(
            UserWarning, match=r"predictions\['mine'\] has no live rows$"
        ):
            blended(release, tmp_path, predictions={"mine": own})

    def test_live_is_refused_where_there_is_none(self, release, own, tmp_path, capsys):
        path = write_rows(tmp_path / "mine.csv", own)
        output, submission = tmp_path / "e.parquet", tmp_path / "s.csv"
        args = ["ensemble", release, "-o", output, "--live", submission]
        line = failure(capsys, *args, "--predictions", path)
        assert "--live cannot be written" in line
        assert f"{path} has no live rows: give mine_live.csv beside it" in line
        (release / "live_benchmark_models.parquet").unlink()
        line = failure(capsys, *args)
        assert "lacks live_benchmark_models.parquet" in line
        assert not output.exists()
        assert not submission.exists()

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda live: live.iloc[3:], "3 ids .* are live and without a prediction"),
            (lambda live: live.rename(lambda i: f"x{i}"), "0 of .* ids are live ids"),
            (
                lambda live: pd.concat([live, live.iloc[:2]]),
                "2 ids .* are more than once",
            ),
            (
                lambda live: live.assign(era=["X", *["Y"] * (len(live) - 1)]),
                "its rows are of 2 eras",
            ),
            (
                lambda live: live.rename(columns={"prediction": "theirs"}),
                "lacks 'mine', which .*mine.csv has: live rows need the same",
            ),
        ],
    )
    def test_live_rows_that_do_not_fit(
        self, release, own, live, tmp_path, change, told
    ):
        path = write_rows(tmp_path / "mine.csv", own)
        write_rows(tmp_path / "mine_live.csv", change(live))
        with pytest.raises(ValueError, match=rf"mine_live\.csv .*{told}"):
            blended(release, tmp_path, predictions=path)
        assert not (tmp_path / "e.parquet").exists()

    def test_live_rows_in_two_places(self, release, own, live, tmp_path):
        path = write_rows(tmp_path / "mine.csv", pd.concat([own, live]))
        write_rows(tmp_path / "mine_live.parquet", live)
        with pytest.raises(ValueError, match=r"mine_live\.parquet and .*mine\.csv: "):
            blended(release, tmp_path, predictions=path)

    def test_live_rows_with_gaps_are_no_submission(self, release, own, live, tmp_path):
        gaps = live.assign(prediction=live["prediction"].mask(np.arange(len(live)) < 4))
        both = {"mine": pd.concat([own, gaps])}
        with pytest.raises(ValueError, match=r"4 rows have no prediction \(NaN\)"):
            blended(release, tmp_path, predictions=both, live=tmp_path / "s.csv")
        assert [p.name for p in tmp_path.iterdir()] == ["release"]
        with pytest.warns(UserWarning, match=r"4 of \d+ predictions are missing"):
            made = blended(release, tmp_path, predictions=both)
        assert made.n_rows["live"] - made.n_predicted["live"] == 4

    @pytest.mark.filterwarnings("default")
    def test_rows_without_a_prediction_are_counted(
        self, release, own, tmp_path, capsys
    ):
        path = write_rows(tmp_path / "mine.csv", own[own["era"] > "0020"])
        args = [
            "ensemble",
            release,
            "--predictions",
            path,
            "-o",
            tmp_path / "e.parquet",
        ]
        told = run(capsys, *args)
        there = int((own["era"] > "0020").sum())
        assert f"Of these rows, {there:,} validation have one" in told

    @pytest.mark.parametrize("option", ["-o", "--live"])
    def test_no_input_is_written_over(
        self, release, own, live, tmp_path, capsys, option
    ):
        path = write_rows(tmp_path / "mine.parquet", own)
        beside = write_rows(tmp_path / "mine_live.parquet", live)
        before = path.read_bytes(), beside.read_bytes()
        for target in path, beside:
            args = {"-o": tmp_path / "e.parquet", option: target}
            args = [part for pair in args.items() for part in pair]
            line = failure(capsys, "ensemble", release, "--predictions", path, *args)
            assert "must be another file than" in line
        line = failure(
            capsys, "ensemble", release, "-o", tmp_path / "e.parquet", "--live",
            tmp_path / "e.joblib",
        )  # fmt: skip
        assert "--live must be another file" in line
        assert (path.read_bytes(), beside.read_bytes()) == before

    @pytest.mark.filterwarnings("default:no live rows are predicted")
    def test_a_blend_of_models_in_sample_says_so(self, release, own, tmp_path):
        table = pa.Table.from_pandas(own)
        schema = with_origin(table.schema, Origin("learned", "corr", "0040"))
        pq.write_table(table.cast(schema), tmp_path / "mine.parquet")
        with pytest.warns(UserWarning, match="'mine' are in sample"):
            blended(release, tmp_path, predictions=tmp_path / "mine.parquet")
        board = score_folder(release, predictions=tmp_path / "e.parquet")
        assert board["made"].dropna().unique().tolist() == ["in sample"]

    def test_the_pipeline_needs_the_model(self, release, own, live, tmp_path):
        blended(release, tmp_path, predictions={"mine": pd.concat([own, live])})
        pipeline = joblib.load(tmp_path / "e.joblib")
        assert "mine" in pipeline[0].columns_


def as_validation(release):
    """The validation file once more, in place of the live one."""
    for name in "validation", "validation_benchmark_models":
        frame = pd.read_parquet(release / f"{name}.parquet")
        frame.to_parquet(release / f"{name.replace('validation', 'live')}.parquet")


def edited(name, change):
    def edit(release):
        path = release / f"{name}.parquet"
        change(pd.read_parquet(path)).to_parquet(path)

    return edit


def of_a_validation_era(release):
    models = pd.read_parquet(release / "validation_benchmark_models.parquet")
    models = models[models["era"] == models["era"].max()].assign(era="X")
    models.to_parquet(release / "live_benchmark_models.parquet")
    (release / "live.parquet").unlink()


MODELS = "live_benchmark_models"
NOT_LIVE = [
    pytest.param(as_validation, "its rows are of 40 eras", id="validation"),
    pytest.param(of_a_validation_era, "of its ids are of rows that are not", id="era"),
    pytest.param(
        edited(MODELS, lambda live: live.assign(era="0040")),
        "rows that are not live are of '0040' too",
        id="label",
    ),
    pytest.param(
        edited(MODELS, lambda live: live.iloc[2:]),
        "2 ids .* are live and",
        id="lacking",
    ),
    pytest.param(
        edited("live", lambda live: live.iloc[2:]),
        "2 ids .* are not live",
        id="too much",
    ),
    pytest.param(
        edited(MODELS, lambda live: pd.concat([live, live.iloc[:1]])),
        "more than once|duplicate ids",
        id="twice",
    ),
]


class TestLiveFiles:
    """Of a release: of one era, each id once, and those of live.parquet."""

    @pytest.mark.parametrize(("change", "told"), NOT_LIVE)
    def test_what_is_not_live_is_refused(self, release, tmp_path, change, told):
        change(release)
        with pytest.raises(ValueError, match=told):
            blended(release, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["release"]
        with pytest.raises(ValueError, match=told):
            load_benchmark_models(release)
        load_benchmark_models(release, live=False)
        score_folder(release)

    @pytest.mark.parametrize(("change", "told"), [NOT_LIVE[0], *NOT_LIVE[3:]])
    def test_the_split_by_itself(self, release, change, told):
        change(release)
        with pytest.raises(ValueError, match=told):
            load_benchmark_models(release, "live")

    @pytest.mark.parametrize("change", [edited(MODELS, lambda live: live.iloc[2:])])
    def test_the_demo(self, release, tmp_path, change):
        change(release)
        with pytest.raises(ValueError, match="are live and without a prediction"):
            run_demo(release, output=tmp_path / "submission.csv")

    @pytest.mark.parametrize(
        "label",
        [
            pytest.param(lambda era: FRIDAY + WEEK * era, id="date"),
            pytest.param(lambda era: era, id="number"),
        ],
    )
    @pytest.mark.parametrize("live", ["eraX", "X"])
    def test_eras_that_are_no_text_beside_a_live_x(
        self, release, tmp_path, label, live
    ):
        expected = blended(release, tmp_path, "expected").predictions
        for name in "validation", "validation_benchmark_models", "meta_model":
            edited(name, lambda f: f.assign(era=label(f["era"].astype(int))))(release)
        for name in "live", MODELS:
            edited(name, lambda f: f.assign(era=live))(release)
        made = blended(release, tmp_path, live=tmp_path / "s.csv")
        found = made.predictions
        assert found["prediction"].tolist() == expected["prediction"].tolist()
        assert found["era"].iloc[-1] == live
        assert found["era"].nunique() == 41
        board = score_folder(release, predictions=made.file)
        assert board.loc[board["model"] == "e", "corr_n_eras"].iloc[0] == 35

    def test_the_real_folder_is_live(self, real_folder, tmp_path):
        made = blended(real_folder, tmp_path, live=tmp_path / "s.csv")
        assert made.n_rows["live"] == made.n_predicted["live"] == 50
        live = pd.read_parquet(real_folder / "live.parquet")
        validate_submission(tmp_path / "s.csv", live)
