"""Sort a parquet file of any size by era: `sort_parquet`."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skbench._checks import check_flag, check_name
from skbench._disk import disk_errors
from skbench._eras import chronological
from skbench._files import Address, check_writable, kept_apart, written_whole
from skbench._parquet import parquet_writer
from skbench._progress import progress_bar
from skbench.tournament import Source, coded

_MAX_BUCKETS = 256  # as many files are open at once


def sort_parquet(
    source: Any,
    target: Address,
    *,
    era: str = "era",
    batch_rows: int | None = None,
    progress: bool = False,
) -> None:
    """Sort parquet files by era, whatever their size.

    Eras come in the order of time, or in that of their text where labels do not say
    which comes first; the rows of an era stay in their order. The rows go through
    temporary files beside the target, which take as much room as they do uncompressed,
    and one part after the other is sorted in memory.

    Parameters
    ----------
    source : path-like, list of path-like or pyarrow.dataset.Dataset
        Parquet files.
    target : path-like
        Parquet file to write.
    era : str, default="era"
        The era column.
    batch_rows : int, default=None
        About how many rows to sort at a time. None: 32 MB of them.
    progress : bool, default=False
        Whether to show a progress bar.

    Raises
    ------
    FileNotFoundError
        If a file of the source, or the folder of the target, is not there.
    ValueError
        If a file cannot be read, or an era label is missing. Nothing is written then.

    See Also
    --------
    transform_parquet : Needs the eras contiguous.

    Examples
    --------
    >>> import tempfile, pandas as pd
    >>> from pathlib import Path
    >>> from skbench.streaming import sort_parquet
    >>> folder = Path(tempfile.mkdtemp())
    >>> frame = pd.DataFrame({"era": ["2", "10", "2"], "model": [0.3, 0.1, 0.2]})
    >>> frame.to_parquet(folder / "mixed.parquet")
    >>> sort_parquet(folder / "mixed.parquet", folder / "sorted.parquet")
    >>> pd.read_parquet(folder / "sorted.parquet")["era"].tolist()
    ['2', '2', '10']
    """
    path = check_writable(target, "target")
    check_name("era", era)
    check_flag("progress", progress)
    opened = Source(source)
    opened.check_apart(path)
    opened.check_columns([era], "the era column")
    rows = opened.batch_rows(batch_rows, opened.schema.names)
    ranks, counts = _order_of_eras(opened, era)
    rows = max(min(rows, opened.n_rows + 1), -(-opened.n_rows // _MAX_BUCKETS))
    # An era goes where the rows before it end.
    buckets = (np.cumsum(counts) - counts) // rows
    with (
        disk_errors(path, "target"),
        kept_apart(path) as folder,
        written_whole(path) as unfinished,
    ):
        folder.mkdir()
        files = [folder / f"{i}.arrow" for i in range(int(buckets[-1]) + 1)]
        with progress_bar(progress, opened.n_rows) as counted:
            chunks = map(counted, opened.chunks(opened.schema.names))
            _distribute(chunks, era, ranks, buckets, files)
        with parquet_writer(unfinished, opened.schema) as writer:
            for file in files:
                if file.exists():  # no era begins in a bucket that one era fills
                    writer.write_table(_sorted(file, era, ranks))
                    file.unlink()


def _order_of_eras(
    source: Source, era: str
) -> tuple[dict[Hashable, int], NDArray[np.int64]]:
    """Rank of each era, and the number of its rows in the order of the ranks."""
    counts: Counter[Hashable] = Counter()
    for chunk in source.chunks([era]):
        codes, labels = coded(chunk[era], era)
        of_label = np.bincount(codes, minlength=len(labels)).tolist()
        counts.update(dict(zip(labels, of_label, strict=True)))
    labels = list(counts)
    ordered = [labels[i] for i in chronological(labels, needed=False)]
    ranks = {label: rank for rank, label in enumerate(ordered)}
    return ranks, np.array([counts[label] for label in ordered])


def _distribute(
    chunks: Iterator[pa.Table],
    era: str,
    ranks: dict[Hashable, int],
    buckets: NDArray[np.int64],
    files: list[Path],
) -> None:
    """Append each row to the file of its bucket."""
    with ExitStack() as stack:
        writers: dict[int, Any] = {}
        for chunk in chunks:
            of_row = buckets[_ranks_of(chunk, era, ranks)]
            for bucket in np.unique(of_row).tolist():
                if bucket not in writers:
                    writer = pa.ipc.new_stream(str(files[bucket]), chunk.schema)
                    writers[bucket] = stack.enter_context(writer)
                rows = pa.array(np.flatnonzero(of_row == bucket))
                writers[bucket].write_table(chunk.take(rows).combine_chunks())


def _sorted(file: Path, era: str, ranks: dict[Hashable, int]) -> pa.Table:
    """Return the rows of a bucket in order."""
    with pa.ipc.open_stream(str(file)) as stream:
        table = stream.read_all()
    order = np.argsort(_ranks_of(table, era, ranks), kind="stable")
    return table.take(pa.array(order))


def _ranks_of(
    table: pa.Table, era: str, ranks: dict[Hashable, int]
) -> NDArray[np.int64]:
    codes, labels = coded(table[era], era)
    of_label = np.array([ranks[label] for label in labels])
    out: NDArray[np.int64] = of_label[codes]
    return out
