"""Files of predictions as people bring them: read to the bit, or refused by name."""

import gzip
import io
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import failure, run
from tournament_files import write_rows

from skbench.folders import (
    analyze_folder,
    backtest_folder,
    report_folder,
    score_folder,
    stake_folder,
)
from skbench.staking import PAYOUT_RULES
from skbench.tournament import (
    Origin,
    _any_file,
    folder_models,
    open_folder,
    with_origin,
)


def csv_of(own, **options):
    return own.to_csv(**options).encode()


# What people bring, by its name, and how it is made of predictions with eras.


def plain_csv(own):
    return "mine.csv", csv_of(own)


def with_byte_order_mark(own):
    return "mine.csv", b"\xef\xbb\xbf" + csv_of(own)


def with_windows_line_ends(own):
    return "mine.csv", csv_of(own, lineterminator="\r\n")


def compressed(own):
    return "mine.csv.gz", gzip.compress(csv_of(own))


def compressed_and_called_otherwise(own):
    return "mine.csv", gzip.compress(csv_of(own))


def quoted(own):
    return "mine.csv", csv_of(own, quoting=1)


def with_an_index_column(own):
    return "mine.csv", csv_of(own.reset_index())


def with_an_index_column_that_was_read_again(own):
    frame = own.reset_index().reset_index(names="Unnamed: 0")
    return "mine.csv", csv_of(frame, index=False)


def with_an_index_that_has_no_name(own):
    return "mine.csv", csv_of(own[["prediction"]].rename_axis(None))


def ids_alone(own):
    return "mine.csv", csv_of(own[["prediction"]])


def ids_alone_in_any_order(own):
    shuffled = own[["prediction"]].sample(frac=1, random_state=0)
    return "mine.csv", csv_of(shuffled)


def eras_in_any_order(own):
    return "mine.csv", csv_of(own.sample(frac=1, random_state=0))


def ids_alone_in_parquet(own):
    return "mine.parquet", parquet_of(own[["prediction"]])


def ids_alone_in_parquet_in_any_order(own):
    shuffled = own[["prediction"]].sample(frac=1, random_state=0)
    return "mine.parquet", parquet_of(shuffled.reset_index())


def eras_as_numbers(own):
    return "mine.csv", csv_of(own.astype({"era": int}))


def eras_padded_otherwise(own):
    era = "era" + own["era"].str.lstrip("0")
    return "mine.csv", csv_of(own.assign(era=era))


def eras_as_numbers_in_parquet(own):
    return "mine.parquet", parquet_of(own.astype({"era": "int32"}))


def eras_as_categories_in_parquet(own):
    return "mine.parquet", parquet_of(own.astype({"era": "category"}))


def with_data_type(own):
    return "mine.csv", csv_of(own.assign(data_type="validation"))


def with_features_and_targets(own):
    more = own.assign(feature_a=1, target="none", numerai_meta_model="none")
    return "mine.csv", csv_of(more)


def parquet_called_csv(own):
    return "mine.csv", parquet_of(own)


def csv_called_parquet(own):
    return "mine.parquet", csv_of(own)


def feather(own):
    frame = pl.from_pandas(own.reset_index())
    return "mine.feather", bytes_of(frame.write_ipc)


def arrow_stream(own):
    table = pa.Table.from_pandas(own)
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return "mine.arrow", file.getvalue()


def parquet_of_polars(own):
    frame = pl.from_pandas(own.reset_index())
    return "mine.parquet", bytes_of(frame.write_parquet)


def polars_categories_alone(own):
    frame = pl.from_pandas(own.reset_index()[["id", "prediction"]])
    frame = frame.with_columns(pl.col("id").cast(pl.Categorical))
    return "mine.feather", bytes_of(frame.write_ipc)


def parquet_of(frame):
    return bytes_of(frame.to_parquet)


def bytes_of(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


AS_PARQUET = [
    plain_csv,
    with_byte_order_mark,
    with_windows_line_ends,
    compressed,
    compressed_and_called_otherwise,
    quoted,
    with_an_index_column,
    with_an_index_column_that_was_read_again,
    with_an_index_that_has_no_name,
    ids_alone,
    ids_alone_in_any_order,
    eras_in_any_order,
    ids_alone_in_parquet,
    ids_alone_in_parquet_in_any_order,
    eras_as_numbers,
    eras_padded_otherwise,
    eras_as_numbers_in_parquet,
    eras_as_categories_in_parquet,
    with_data_type,
    with_features_and_targets,
    parquet_called_csv,
    csv_called_parquet,
    feather,
    arrow_stream,
    parquet_of_polars,
    polars_categories_alone,
]


class TestSameScores:
    """Whatever the file, scores are those of a parquet file with eras, to the bit."""

    def scores(self, release, path):
        return score_folder(release, predictions=path, benchmark="mine")

    def same(self, found, expected):
        pd.testing.assert_frame_equal(found, expected, rtol=0, atol=0)

    @pytest.mark.parametrize("made", AS_PARQUET)
    def test_of_a_file(self, release, own, tmp_path, made):
        expected = self.scores(release, write_rows(tmp_path / "mine.parquet", own))
        name, content = made(own)
        path = tmp_path / name
        path.write_bytes(content)
        pd.testing.assert_frame_equal(
            self.scores(release, path), expected, rtol=0, atol=0
        )

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda own: own.assign(prediction=0.5), id="constant"),
            pytest.param(
                lambda own: own.assign(
                    prediction=own["prediction"].mask(own["prediction"] > 0.8)
                ),
                id="gaps",
            ),
            pytest.param(
                lambda own: own.assign(
                    prediction=own["prediction"].mask(own["prediction"] > 0.8, np.inf)
                ),
                id="infinities",
            ),
            pytest.param(
                lambda own: own[own["era"] > "0020"].assign(other=0.1),
                id="some eras, two models",
            ),
            pytest.param(
                lambda own: own[np.arange(len(own)) % 19 > 0], id="ids that lack"
            ),
            pytest.param(
                lambda own: own.astype({"prediction": np.float32}), id="float32"
            ),
        ],
    )
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("made", [plain_csv, ids_alone, feather])
    def test_of_what_is_in_it(self, release, own, tmp_path, made, change):
        own = change(own)
        expected = self.scores(release, write_rows(tmp_path / "mine.parquet", own))
        if made is ids_alone:
            name, content = "mine.parquet", parquet_of(own.drop(columns="era"))
        else:
            name, content = made(own)
        path = tmp_path / "again" / name
        path.parent.mkdir()
        path.write_bytes(content)
        pd.testing.assert_frame_equal(
            self.scores(release, path), expected, rtol=0, atol=0
        )

    def test_gaps_may_be_written_as_nothing_or_as_nan(self, release, own, tmp_path):
        gaps = own.assign(prediction=own["prediction"].mask(own["prediction"] > 0.8))
        expected = self.scores(release, write_rows(tmp_path / "mine.parquet", gaps))
        for missing in ("", "NaN", "NA", "null"):
            path = tmp_path / "mine.csv"
            path.write_bytes(csv_of(gaps, na_rep=missing))
            self.same(self.scores(release, path), expected)

    def test_whole_numbers_are_predictions_too(self, release, own, tmp_path):
        ranks = own["prediction"].groupby(own["era"]).rank().astype(int)
        own = own.assign(prediction=ranks)
        floats = own.astype({"prediction": float})
        expected = self.scores(release, write_rows(tmp_path / "mine.parquet", floats))
        for ending in "parquet", "csv":
            path = write_rows(tmp_path / f"mine.{ending}", own)
            found = self.scores(release, path)
            self.same(found, expected)

    def test_live_rows_in_it_are_left_out(self, release, own, live, tmp_path):
        expected = self.scores(release, write_rows(tmp_path / "mine.parquet", own))
        both = pd.concat([own, live])
        for frame in both, both.drop(columns="era").sample(frac=1, random_state=0):
            path = write_rows(tmp_path / "mine.csv", frame)
            found = self.scores(release, path)
            self.same(found, expected)

    def test_ids_that_nobody_knows_are_counted(self, release, own, tmp_path):
        expected = self.scores(release, write_rows(tmp_path / "mine.parquet", own))
        strangers = own.iloc[:7].rename("x{}".format)
        path = tmp_path / "mine.csv"
        write_rows(path, pd.concat([strangers, own]).drop(columns="era"))
        with pytest.warns(UserWarning, match=r"7 ids of .*mine\.csv have no partner"):
            found = self.scores(release, path)
        self.same(found, expected)

    def test_how_they_were_made_is_still_told(self, release, own, tmp_path):
        table = pa.Table.from_pandas(own.drop(columns="era"))
        schema = with_origin(table.schema, Origin("given"))
        pq.write_table(table.cast(schema), tmp_path / "mine.parquet")
        found = self.scores(release, tmp_path / "mine.parquet")
        assert found["made"].dropna().unique().tolist() == ["weights given"]


def no_predictions_but_text(own):
    return "mine.parquet", parquet_of(own.assign(prediction="high"))


REFUSED = [
    ("mine.csv", lambda own: csv_of(own, sep=";"), "has ';' between its columns"),
    ("mine.csv", lambda own: csv_of(own, sep="\t"), r"has '\t' between its columns"),
    (
        "mine.csv",
        lambda own: csv_of(own, sep=";", decimal=","),
        "with commas between columns and points in numbers",
    ),
    ("mine.csv", lambda own: csv_of(own, decimal=","), "invalid value '"),
    (
        "mine.csv",
        lambda own: csv_of(own, decimal=",").replace(b'"', b""),
        "Expected 3 columns, got 4",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.assign(prediction="high")),
        "invalid value 'high'",
    ),
    ("mine.csv", lambda own: csv_of(own.drop(columns="prediction")), "has no predict"),
    ("mine.csv", lambda own: csv_of(own, header=False), "must have the column 'id'"),
    (
        "mine.csv",
        lambda own: csv_of(own.reset_index(), columns=["prediction"], index=False),
        "must have the column 'id'",
    ),
    ("mine.csv", lambda own: b"", "is empty"),
    ("mine.csv", lambda own: csv_of(own.iloc[:0]), "has no rows"),
    (
        "mine.csv",
        lambda own: csv_of(pd.concat([own, own.iloc[:1]]).drop(columns="era")),
        "has duplicate ids",
    ),
    ("mine.csv", lambda own: csv_of(pd.concat([own, own[:1]])), "has duplicate ids"),
    (
        "mine.csv",
        lambda own: csv_of(own.drop(columns="era").rename("x{}".format)),
        "has none of the ids of",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.drop(columns="era").rename(" {}".format)),
        "its own are as ' ",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.drop(columns="era").rename({own.index[3]: None})),
        "has 1 rows without an id",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.assign(era=own["era"].mask(own["era"] == "0003"))),
        "rows without an era",
    ),
    ("mine.csv", lambda own: csv_of(own.assign(era="0001")), "Predict all rows of"),
    (
        "mine.csv",
        lambda own: csv_of(own.drop(columns="era").iloc[::2]),
        "Predict all rows of these eras again",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.assign(mine=own["prediction"])),
        "two columns would be called 'mine'",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.rename(columns={"prediction": "v53_lgbm_cyrus20"})),
        "two columns would be called 'v53_lgbm_cyrus20'",
    ),
    (
        "mine.csv",
        lambda own: csv_of(own.set_axis(["era", "id"], axis=1)),
        "and no name twice",
    ),
    ("mine.csv", lambda own: csv_of(own).decode().encode("utf-16"), "text in UTF-16"),
    ("mine.csv", lambda own: csv_of(own)[:99] + b"\0" + csv_of(own)[99:], "is not a p"),
    ("mine.csv", lambda own: b"id,pr\xe9vision\n" + csv_of(own), "not text in UTF-8"),
    ("mine.csv.gz", lambda own: gzip.compress(csv_of(own))[:-99], "cannot be read"),
    ("mine.xlsx", lambda own: b"PK\x03\x04" + bytes(99), "is an Excel workbook or a"),
    ("mine.xls", lambda own: b"\xd0\xcf\x11\xe0" + bytes(99), "is an Excel workbook"),
    ("mine.feather", lambda own: b"ARROW1" + bytes(99), "cannot be read"),
    ("mine.parquet", lambda own: parquet_of(own)[:-9], "cannot be read"),
    ("mine.parquet", lambda own: no_predictions_but_text(own)[1], "has no predictions"),
    (
        "mine.parquet",
        lambda own: parquet_of(own.sample(frac=1, random_state=0)),
        "goes on after other eras",
    ),
    ("mine.pkl", lambda own: bytes_of(own.to_pickle), "is not a parquet, CSV"),
]


@pytest.mark.parametrize(("name", "content", "told"), REFUSED)
def test_what_is_refused_by_name(release, own, tmp_path, capsys, name, content, told):
    path = tmp_path / name
    path.write_bytes(content(own))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = failure(capsys, "score", release, "--predictions", path)
    assert told in line
    assert name in line


class TestModels:
    """The names of the models of a file, for which no row is read."""

    @pytest.mark.parametrize("made", AS_PARQUET)
    def test_are_those_that_are_read(self, release, own, tmp_path, made):
        name, content = made(own)
        path = tmp_path / name
        path.write_bytes(content)
        rows, _ = open_folder(release, target="target", predictions=path)
        assert rows.models[-1] == "mine"
        assert folder_models(release, predictions=path) == rows.models

    def test_whole_numbers_are_predictions_too(self, release, own, tmp_path):
        ranks = own.assign(prediction=own["prediction"].rank().astype(int))
        path = write_rows(tmp_path / "mine.parquet", ranks)
        assert folder_models(release, predictions=path)[-1] == "mine"
        assert folder_models(release, predictions={"m": ranks["prediction"]})[-1] == "m"

    def test_what_stands_in_the_rows_is_not_looked_at(self, release, own, tmp_path):
        path = write_rows(tmp_path / "mine.csv", own.assign(prediction="high"))
        assert folder_models(release, predictions=path)[-1] == "mine"
        write_rows(path, own.drop(columns="prediction"))
        with pytest.raises(ValueError, match=r"mine\.csv has no predictions"):
            folder_models(release, predictions=path)

    @pytest.mark.filterwarnings("ignore:no live rows are predicted")
    def test_an_ensemble_reads_a_file_once(
        self, release, own, tmp_path, capsys, monkeypatch
    ):
        read, original = [], _any_file.read_csv

        def counted(*args, **options):
            read.append(args)
            return original(*args, **options)

        monkeypatch.setattr(_any_file, "read_csv", counted)
        path = write_rows(tmp_path / "mine.csv", own)
        args = ["--predictions", path, "--weights", "mine=1", "-o"]
        run(capsys, "ensemble", release, *args, tmp_path / "e.parquet")
        assert len(read) == 1


class TestFrames:
    """A mapping of names to frames, as files of those names."""

    @pytest.mark.parametrize(
        "as_frame",
        [
            pytest.param(lambda own: own, id="pandas, eras"),
            pytest.param(lambda own: own["prediction"], id="series"),
            pytest.param(lambda own: own[["prediction"]].rename_axis(None), id="bare"),
            pytest.param(
                lambda own: own.drop(columns="era").reset_index(), id="column"
            ),
            pytest.param(lambda own: own.set_index("era", append=True), id="levels"),
            pytest.param(lambda own: own.sample(frac=1, random_state=0), id="shuffled"),
            pytest.param(lambda own: pl.from_pandas(own.reset_index()), id="polars"),
            pytest.param(lambda own: pa.Table.from_pandas(own), id="arrow"),
            pytest.param(
                lambda own: pa.RecordBatch.from_pandas(own.reset_index()), id="batch"
            ),
        ],
    )
    def test_of_any_kind(self, release, own, tmp_path, as_frame):
        path = write_rows(tmp_path / "mine.parquet", own)
        expected = score_folder(release, predictions=path)
        found = score_folder(release, predictions={"mine": as_frame(own)})
        pd.testing.assert_frame_equal(found, expected, rtol=0, atol=0)

    @pytest.mark.filterwarnings("default:the rule '2026' pays scores of")
    def test_in_every_job(self, release, own, tmp_path):
        path = write_rows(tmp_path / "mine.parquet", own)
        rule = PAYOUT_RULES["2026"]
        jobs = [
            lambda given: report_folder(release, predictions=given).to_dict(),
            lambda given: analyze_folder(release, predictions=given).sentences,
            lambda given: str(
                stake_folder(release, rule, predictions=given, total_at_risk=7e5)
            ),
            lambda given: str(
                backtest_folder(release, predictions=given, chunk=5).summary()
            ),
        ]
        for job in jobs:
            assert job({"mine": own[["prediction"]]}) == job(path)

    def test_the_key_names_a_file_too(self, release, own, tmp_path):
        path = write_rows(tmp_path / "predictions.csv", own)
        board = score_folder(release, predictions={"mine": path})
        assert "mine" in set(board["model"])

    @pytest.mark.parametrize(
        ("given", "error", "told"),
        [
            (lambda own: own, ValueError, "a mapping from names to frames; got"),
            (lambda own: {5: own}, ValueError, "must be a mapping from names; got 5"),
            (lambda own: {"m": own.to_numpy()}, TypeError, r"\['m'\]` must be a frame"),
            (lambda own: {"m": pl.from_pandas(own).lazy()}, TypeError, "LazyFrame"),
            (
                lambda own: {"m": own.reset_index(drop=True)},
                ValueError,
                r"predictions\['m'\] must have the column 'id'",
            ),
            (
                lambda own: {"v53_lgbm_cyrus20": own},
                ValueError,
                "two columns would be called 'v53_lgbm_cyrus20'",
            ),
        ],
    )
    def test_what_is_refused(self, release, own, given, error, told):
        with pytest.raises(error, match=told):
            score_folder(release, predictions=given(own))
