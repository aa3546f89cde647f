"""Every parquet file that is written has checksums, which tell of any flipped bit."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tournament_files import write_tournament

from skbench import EraRank
from skbench._parquet import arrow_path, parquet_writer, python_path, read_parquet
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.folders import ensemble_folder, ensemble_pipeline
from skbench.streaming import sort_parquet, transform_parquet
from skbench.tournament import open_source

N_ROWS = 400
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "era": [f"{i // 100:04d}" for i in range(N_ROWS)],
        "a": RNG.random(N_ROWS),
        "b": RNG.random(N_ROWS),
    },
    index=pd.Index([f"n{i:015x}" for i in range(N_ROWS)], name="id"),
)
RANK = EraRank(["a", "b"]).fit(FRAME)


def flip(path, column, row_group=0, bit=4):
    """Flip a bit of the last value in a column's last page."""
    metadata = pq.read_metadata(path)
    chunk = metadata.row_group(row_group).column(metadata.schema.names.index(column))
    first = chunk.data_page_offset
    if chunk.dictionary_page_offset is not None:
        first = min(first, chunk.dictionary_page_offset)
    data = bytearray(path.read_bytes())
    data[first + chunk.total_compressed_size - 3] ^= 1 << bit
    path.write_bytes(data)


def plain(path):
    """Write pages that any bytes can be unpacked from, as most damage goes unseen."""
    table = pa.Table.from_pandas(FRAME)
    options = {"compression": "none", "use_dictionary": False}
    pq.write_table(table, path, write_page_checksum=True, **options)
    return path


def transformed(folder):
    source, target = plain(folder / "rows.parquet"), folder / "out.parquet"
    transform_parquet(RANK, source, target)
    return target


def sorted_by_era(folder):
    source, target = plain(folder / "rows.parquet"), folder / "out.parquet"
    sort_parquet(source, target)
    return target


WRITERS = [transformed, sorted_by_era]


@pytest.mark.parametrize("write", WRITERS)
def test_a_flipped_bit_in_what_was_written_is_an_error_that_names_the_file(
    write, tmp_path
):
    path = write(tmp_path)
    flip(path, "a")
    with pytest.raises(ValueError, match=r"out\.parquet cannot be read .*CRC checksum"):
        transform_parquet(RANK, path, tmp_path / "again.parquet")


def test_a_flipped_bit_in_predictions_of_a_folder(tmp_path):
    made = make_benchmark_models(24, 60, 3, 12, meta_model_eras=16, random_state=5)
    output = tmp_path / "blend.parquet"
    folder = tmp_path / "data"
    folder.mkdir()
    write_tournament(folder, made)
    result = ensemble_folder(folder, output, ensemble_pipeline(folder))
    assert len(result.predictions) > 1000
    flip(output, "prediction")
    with pytest.raises(ValueError, match=r"blend\.parquet cannot be read: .*CRC check"):
        _ = result.predictions


def test_a_flipped_bit_in_a_file_that_is_loaded(tmp_path):
    made = make_benchmark_models(24, 60, 3, 12, meta_model_eras=16, random_state=5)
    write_tournament(tmp_path, made)
    path = tmp_path / "validation_benchmark_models.parquet"
    options = {"compression": "none", "use_dictionary": False}
    pq.write_table(pq.read_table(path), path, write_page_checksum=True, **options)
    load_benchmark_models(tmp_path)
    flip(path, made.models[0])
    with pytest.raises(
        ValueError, match=r"validation_benchmark_models\.parquet cannot"
    ):
        load_benchmark_models(tmp_path)


def test_without_checksums_a_flipped_bit_is_another_number(tmp_path):
    """Why they are written, and what the documentation says of other files."""
    path = tmp_path / "rows.parquet"
    options = {"compression": "none", "use_dictionary": False}
    pq.write_table(pa.Table.from_pandas(FRAME), path, **options)
    flip(path, "a")
    back = read_parquet(path).to_pandas()
    assert (back["a"] != FRAME["a"]).sum() == 1


def test_what_is_written_in_parts_is_read_back(tmp_path):
    table = pa.Table.from_pandas(FRAME)
    path = tmp_path / "été.parquet"
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table.slice(0, 300))
        writer.write_table(table.slice(300))
    assert read_parquet(path).equals(table)
    assert read_parquet(path, ["b"]).column_names == ["b"]


def test_paths_go_to_pyarrow_and_back(tmp_path):
    path = tmp_path / "modèle.parquet"
    assert arrow_path(path) == str(path)
    assert python_path(arrow_path(path)) == str(path)


def test_a_file_that_is_replaced_while_it_is_read_gives_no_numbers_of_another(tmp_path):
    """What is where in a file is known from its first opening on."""
    path = tmp_path / "rows.parquet"
    rows = pa.table({"a": np.arange(2000.0), "b": np.arange(2000.0)})
    pq.write_table(rows, path, row_group_size=500)
    source = open_source(path)
    other = pa.table({"b": np.zeros(2000), "a": np.zeros(2000)})
    pq.write_table(other, tmp_path / "other.parquet", row_group_size=500)
    os.utime(tmp_path / "other.parquet", (1, 1))
    (tmp_path / "other.parquet").replace(path)
    with pytest.raises(ValueError, match=r"rows.parquet was replaced while it was"):
        source.whole()
    assert open_source(path).whole().equals(other)
