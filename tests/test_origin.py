"""How predictions were made: what their file says, and in what words it is shown."""

import json
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tournament_files import write_tournament

from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.folders import (
    analyze_folder,
    report_folder,
    score_folder,
    stake_folder,
)
from skbench.metrics import numerai_corr
from skbench.report import PerformanceReport
from skbench.staking import PAYOUT_RULES
from skbench.streaming import sort_parquet
from skbench.tournament import EraFile, Origin, origin_lines, origin_of, with_origin

LEARNED = Origin("learned", "corr", learned_until="0017", out_of_sample_from="0009")
IN_SAMPLE = Origin("learned", "corr", learned_until="0017")


def write_made(path, frame, origin=None):
    """Write predictions with pandas' index, and how they were made."""
    table = pa.Table.from_pandas(frame)
    if origin is not None:
        schema = with_origin(table.schema, origin)
        table = table.replace_schema_metadata(schema.metadata)
    pq.write_table(table, path)
    return path


@pytest.fixture
def frame():
    eras = {"era": ["0009", "0010"], "prediction": [0.1, 0.2]}
    return pd.DataFrame(eras, index=pd.Index(["a", "b"], name="id"))


class TestRecord:
    @pytest.mark.parametrize("origin", [LEARNED, IN_SAMPLE, Origin("given")])
    def test_it_travels_in_a_file_beside_the_notes_of_pandas(
        self, frame, origin, tmp_path
    ):
        path = write_made(tmp_path / "made.parquet", frame, origin)
        assert origin_of(EraFile(path).source.schema) == origin
        pd.testing.assert_frame_equal(pd.read_parquet(path), frame)

    def test_in_a_large_footer(self, frame, tmp_path, monkeypatch):
        monkeypatch.setattr("skbench.tournament._footer._LARGE", 0)
        path = write_made(tmp_path / "made.parquet", frame, LEARNED)
        assert origin_of(EraFile(path).source.schema) == LEARNED

    def test_labels_of_any_kind_are_kept_as_texts(self):
        schema = with_origin(pa.schema([]), Origin("learned", "mse", 17, 9))
        assert origin_of(schema) == Origin("learned", "mse", "17", "9")

    def test_the_rows_in_another_order_are_made_alike(self, frame, tmp_path):
        path = write_made(tmp_path / "made.parquet", frame.iloc[::-1], LEARNED)
        sort_parquet(path, tmp_path / "sorted.parquet")
        assert origin_of(EraFile(tmp_path / "sorted.parquet").source.schema) == LEARNED

    @pytest.mark.parametrize(
        "record",
        [
            b"",
            b"\xff",
            b"{",
            b"[1]",
            b"7",
            b'"learned"',
            json.dumps({"version": 1, "weights": "learned"}).encode(),
            *(
                json.dumps(
                    {
                        "version": 1,
                        "weights": "learned",
                        "fit": "corr",
                        "learned_until": "0017",
                        "out_of_sample_from": "0009",
                    }
                    | change
                ).encode()
                for change in (
                    {"version": 2},
                    {"weights": "guessed"},
                    {"weights": None},
                    {"out_of_sample_from": 9},
                    {"fit": ["corr"]},
                )
            ),
        ],
    )
    def test_what_cannot_be_read_says_nothing(self, record):
        assert origin_of(pa.schema([], {b"skbench": record})) is None

    def test_a_file_made_elsewhere_says_nothing(self, frame, tmp_path):
        path = write_made(tmp_path / "made.parquet", frame)
        assert origin_of(EraFile(path).source.schema) is None
        assert origin_of(pa.schema([])) is None


class TestWords:
    @pytest.mark.parametrize(
        ("origin", "first", "told"),
        [
            (LEARNED, "0009", "out of sample from era 0009"),
            (LEARNED, "0012", "out of sample from era 0009"),
            (LEARNED, 9, "out of sample from era 0009"),
            (Origin("learned", "corr", "era3", "era9"), 9, "out of sample from era 9"),
            (Origin("learned", "corr", "era3"), 9, "learned until era 3"),
            (LEARNED, "0008", "in sample before era 0009"),
            (LEARNED, "2024-01-05", "in sample before era 0009"),  # cannot be told
            (IN_SAMPLE, "0001", "in sample"),
            (IN_SAMPLE, "0017", "in sample"),
            (IN_SAMPLE, "0018", "learned until era 0017"),
            (IN_SAMPLE, "2024-01-05", "in sample"),
            (Origin("learned", "corr"), "0001", "in sample"),
            (Origin("learned", "mse", "0017", "X"), "0001", "in sample before era X"),
            (
                Origin("learned", "mse", "2024-03-01", "2024-01-05"),
                "2024-01-12",
                "out of sample from era 2024-01-05",
            ),
            (Origin("given"), "0001", "weights given"),
        ],
    )
    def test_by_the_first_era_that_is_scored(self, origin, first, told):
        assert origin.told(first) == told

    def test_a_line_for_models_made_alike(self):
        made = {"a": "not known", "b": "in sample", "c": "not known"}
        assert origin_lines(made) == [
            "How the predictions were made:",
            "a, c: not known",
            "b: in sample",
        ]
        assert origin_lines({}) == []


@pytest.fixture(scope="module")
def small():
    return make_benchmark_models(24, 60, 3, 12, meta_model_eras=16, random_state=5)


@pytest.fixture
def files(small, tmp_path):
    return write_tournament(tmp_path / "files", small)


@pytest.fixture
def made(small, tmp_path):
    """Write predictions of some eras of the folder, and of the live era."""

    def write(name, origin=None, first="0001", columns=("prediction",)):
        frame = pd.concat([small.frame, small.live])
        frame = frame[frame["era"] >= first]
        own = frame[["era"]].copy()
        for i, column in enumerate(columns):
            own[column] = frame[small.models[i]] * (i + 0.5) + frame[small.models[-1]]
        return write_made(tmp_path / f"{name}.parquet", own, origin)

    return write


# What a file says, the first era that it has, and the words for it.
CASES = [
    (LEARNED, "0009", "out of sample from era 0009"),
    (LEARNED, "0001", "in sample before era 0009"),
    (IN_SAMPLE, "0001", "in sample"),
    (Origin("given"), "0001", "weights given"),
    (None, "0001", "not known"),
]


def run(capsys, *args):
    main([str(arg) for arg in args])
    return capsys.readouterr().out


@pytest.mark.filterwarnings("default")
class TestShown:
    @pytest.mark.parametrize(("origin", "first", "words"), CASES)
    def test_by_every_command(
        self, files, made, tmp_path, capsys, origin, first, words
    ):
        path = made("blend", origin, first)
        told = run(capsys, "score", files, "--predictions", path)
        assert f"\n\nHow the predictions were made:\nblend: {words}\n\n" in told
        # In the very line that has its scores, too.
        assert ("blend (in sample) " in told) == words.startswith("in sample")
        sentence = f"How the predictions were made: blend: {words}."
        page = tmp_path / "page.html"
        told = run(capsys, "analyze", files, "--predictions", path, "--report", page)
        assert f"\n- {sentence}\n" in told
        analysis = analyze_folder(files, predictions=path)
        page_of = report_folder(files, predictions=path, analysis=analysis).to_dict()
        assert page_of["analysis"]["lead"] == [sentence]
        assert list(page_of["analysis"]["claims"].values()) == analysis.sentences[1:]
        assert f'<b class="name">blend</b>: {words}</li>' in page.read_text()
        run(capsys, "report", files, "--predictions", path, "-o", page)
        assert f'<b class="name">blend</b>: {words}</li>' in page.read_text()
        rule = ("--rule", "2026", "--total-at-risk", 720_000)
        told = run(capsys, "stake", files, "--predictions", path, *rule)
        assert told.endswith(f"\nHow the predictions were made:\nblend: {words}\n")

    def test_several_files(self, files, made, capsys):
        blend, mine = made("blend", LEARNED, "0009"), made("mine", None)
        both = made("two", IN_SAMPLE, columns=["first", "second"])
        args = (arg for path in (blend, mine, both) for arg in ("--predictions", path))
        told = run(capsys, "score", files, *args)
        _, lines = told.split("How the predictions were made:\n")
        assert sorted(lines.split("\n\n")[0].splitlines()) == [
            "blend: out of sample from era 0009",
            "mine: not known",
            "second, first: in sample",  # as they are sorted in the table
        ]

    def test_what_a_model_is_compared_with_is_marked(
        self, files, made, small, tmp_path, capsys
    ):
        known = small.frame[["era"]].assign(prediction=small.frame["target"])
        path = write_made(tmp_path / "flattered.parquet", known, IN_SAMPLE)
        args = ("--predictions", path, "--predictions", made("blend", LEARNED, "0009"))
        table = run(capsys, "score", files, *args).split("\n\n")[1].splitlines()
        assert table[2].strip().startswith("flattered (in sample) ")
        assert table[-2].strip().startswith("blend ")
        assert table[-1].startswith("blend: 11 eras, 0009 to 0019; there ")
        assert " below flattered (in sample) (" in table[-1]

    def test_as_a_column_of_models_from_files_alone(self, files, made, small, capsys):
        path = made("blend", LEARNED, "0009")
        board = score_folder(files, predictions=path, recent=9)
        words = "out of sample from era 0009"
        known = board.set_index("model")["made"]
        assert known["blend"].tolist() == [words] * 2
        assert known[small.models].isna().all()
        assert "made" not in score_folder(files, recent=9)
        args = ("score", files, "--predictions", path, "--recent", 9, "--format")
        rows = json.loads(run(capsys, *args, "json"))
        assert {(row["model"], row["made"]) for row in rows} == {
            *((model, None) for model in small.models),
            ("blend", words),
        }
        lines = run(capsys, *args, "csv").splitlines()
        assert lines[0].endswith(",made")
        assert [line.endswith(f",{words}") for line in lines[1:]] == [
            ",blend," in line for line in lines[1:]
        ]

    def test_in_the_results_of_the_functions(self, files, made):
        path = made("blend", LEARNED, "0009")
        numbers = report_folder(files, predictions=path).to_dict()
        assert numbers["made"] == {"blend": "out of sample from era 0009"}
        assert report_folder(files).to_dict()["made"] is None
        line = "blend: out of sample from era 0009"
        assert line in analyze_folder(files, predictions=path).sentences[0]
        assert "predictions were made" not in " ".join(analyze_folder(files).sentences)
        rule, at_risk = PAYOUT_RULES["2026"], {"total_at_risk": 720e3}
        found = stake_folder(files, rule, predictions=path, **at_risk)
        assert found.warning.endswith(f"\nHow the predictions were made:\n{line}")
        assert "made:" not in stake_folder(files, rule, **at_risk).warning

    def test_a_label_of_others_is_text_on_the_page(self, files, made, tmp_path):
        origin = Origin("learned", "corr", "0017", "<b>X</b>")
        page = tmp_path / "page.html"
        report_folder(files, predictions=made("blend", origin)).write_html(page)
        text = page.read_text()
        assert "in sample before era &lt;b&gt;X&lt;/b&gt;" in text
        assert "<b>X" not in text


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("in sample", "`made` must be texts by the names of models; got 'in sample'"),
        ({"a": 5}, "`made` must be texts by the names of models; got {'a': 5}"),
        ({"b": "in sample"}, "`made` must name models of `scores`, 'a'; got 'b'"),
    ],
)
def test_what_a_report_cannot_show(made, told):
    scores = pd.DataFrame({"a": [0.1, 0.2]}, index=["0001", "0002"])
    with pytest.raises(ValueError, match=re.escape(told)):
        PerformanceReport(scores, made=made)


def test_numbers_do_not_hang_on_how_predictions_were_made(files, made, small):
    plain, told = made("plain"), made("told", LEARNED)
    board = score_folder(files, predictions=[plain, told]).set_index(["eras", "model"])
    scores = board.drop(columns="made")
    one, other = (scores.xs(name, level="model") for name in ("plain", "told"))
    pd.testing.assert_frame_equal(one, other)
    frame = small.frame
    own = pd.read_parquet(told)["prediction"].reindex(frame.index)
    expected = numerai_corr(frame["target"], own, era=frame["era"]).mean().iloc[0]
    assert board.loc[("all", "told"), "corr"] == pytest.approx(expected, abs=1e-12)
