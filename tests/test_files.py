"""Files are written whole or not at all."""

from contextlib import suppress

import pytest

from skbench._files import check_writable, written_whole


def test_a_file_appears_when_all_is_written(tmp_path):
    path = tmp_path / "frame.parquet"
    with written_whole(path) as unfinished:
        assert unfinished.suffix == ".parquet"
        unfinished.write_text("half")
        assert not path.exists()
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")

    with suppress(KeyboardInterrupt), written_whole(path) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_nobody_wrote_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_checked_before_work_is_done_for_it(tmp_path):
    assert check_writable(str(tmp_path / "file")) == tmp_path / "file"
    with pytest.raises(IsADirectoryError, match="`output` must name a file"):
        check_writable(tmp_path, "output")
    with pytest.raises(FileNotFoundError, match="folder that is there"):
        check_writable(tmp_path / "none" / "file")
