"""A pipeline over a parquet file, whole eras at a time: `transform_parquet`."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from skbench._checks import check_flag, is_several
from skbench._files import Address, check_writable
from skbench._frames import BlockTable
from skbench._progress import progress_bar
from skbench._steps import as_frame, columns_of, container, era_of, steps_of
from skbench.tournament import Source, open_source, whole_eras

from ._parts import Parts, alone_with


def transform_parquet(
    pipeline: Any,
    source: Any,
    target: Address,
    *,
    columns: Sequence[str] | None = None,
    batch_rows: int | None = None,
    resume: bool = False,
    wait: bool = False,
    progress: bool = False,
) -> None:
    """Transform parquet files of any size, whole eras at a time.

    An era-local pipeline gives the same rows whatever the other eras, so the output is
    that of transforming all rows at once. Memory holds one batch, however many eras
    there are; of the columns, those that the pipeline uses are read.

    The output appears when it is complete. Until then, finished batches stand in a
    hidden folder beside it, ``.NAME.parts``. Where the process was killed or
    interrupted they stay there, and a call with ``resume`` goes on from them; one
    without starts afresh. After an error they stay if that call was to ``resume``.

    One call at a time writes to a target. A second, of this or another process, is
    refused or waits for the first, as ``wait`` says; then it does its own job.

    Parameters
    ----------
    pipeline : estimator
        Fitted `sklearn.pipeline.Pipeline` or single estimator.
    source : path-like, list of path-like or pyarrow.dataset.Dataset
        Parquet files with the era column, read in this order; those of a folder in the
        order of their names. The rows of an era must be contiguous; row groups and
        files may divide them. Folders may be named after a column (``era=0001``).
    target : path-like
        Parquet file to write.
    columns : sequence of str, default=None
        Further columns of the source to keep, beside the era, the index, ``id`` and
        ``data_type``, which are always kept. None: none.
    batch_rows : int, default=None
        A batch is as many whole eras as make up so many rows. None: as make up 32 MB.
    resume : bool, default=False
        Whether to go on after the last batch that an interrupted call finished. The
        source, the pipeline, the other options and the version of skbench must be the
        same.
    wait : bool, default=False
        Whether to wait while another call writes to the target. False: raise an error.
    progress : bool, default=False
        Whether to show a progress bar.

    Raises
    ------
    BlockingIOError
        If another call is writing to the target, and this one is not to ``wait``.
    FileNotFoundError
        If a file of the source, or the folder of the target, is not there.
    OSError
        If the disk is full or cannot be written to. The target is what it was then.
    ValueError
        If a file cannot be read or lacks a column, an era is not contiguous, or what
        is to be resumed was another job or has a damaged part; or if the target is a
        file of the source. The target is what it was then.

    See Also
    --------
    fit_parquet : Fit a pipeline on such files.
    sort_parquet : Sort a file by era.

    Examples
    --------
    >>> import tempfile, pandas as pd
    >>> from pathlib import Path
    >>> from skbench import EraRank
    >>> from skbench.streaming import transform_parquet
    >>> folder = Path(tempfile.mkdtemp())
    >>> frame = pd.DataFrame({"era": ["1", "1", "2", "2"],
    ...                       "model": [0.3, 0.1, 0.2, 0.9]})
    >>> frame.to_parquet(folder / "models.parquet")
    >>> rank = EraRank().fit(frame)
    >>> transform_parquet(rank, folder / "models.parquet", folder / "ranks.parquet")
    >>> pd.read_parquet(folder / "ranks.parquet")["model"].tolist()
    [0.75, 0.25, 0.25, 0.75]
    """
    path = check_writable(target, "target")
    for name, flag in {"resume": resume, "wait": wait, "progress": progress}.items():
        check_flag(name, flag)
    opened = open_source(source)
    opened.check_apart(path)
    steps = steps_of(pipeline)
    era = era_of(steps)
    opened.check_era(era)
    copied = [era, *opened.index(), *_identifiers(opened)]
    kept = _kept(opened, copied, columns)
    used, made = columns_of(steps)
    contained = container(steps, era)
    read = _columns_to_read(opened, used, kept)
    batch_rows = opened.batch_rows(batch_rows, read)
    with alone_with(path, wait, progress):
        parts = Parts(path, [opened.stamp(), pipeline, kept, batch_rows], resume)
        done = parts.n_rows
        with parts.writing(), progress_bar(progress, opened.n_rows, done) as counted:
            chunks = map(counted, opened.chunks(read, skip=done))
            for batch in whole_eras(chunks, era, batch_rows, parts.eras(era)):
                new = _new_columns(pipeline, contained(batch), copied, made)
                parts.write(_with_columns(batch, kept, new))
                del batch, new  # or two batches are held while the next is read


def _identifiers(source: Source) -> list[str]:
    return [name for name in ("id", "data_type") if name in source.schema.names]


def _kept(
    source: Source, copied: Sequence[str], columns: str | Sequence[str] | None
) -> list[str]:
    """Columns of the source that stand in the output as they are."""
    columns = _names_of(columns)
    source.check_columns(columns, "which `columns` names")
    return list(dict.fromkeys([*copied, *columns]))


def _names_of(columns: Any) -> list[str]:
    """Return `columns` as a list."""
    if columns is None:
        return []
    names = list(columns) if is_several(columns) else [columns]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"`columns` must hold names of columns; got {wrong[0]!r}")
    return names


def _columns_to_read(
    source: Source, used: Collection[str] | None, kept: Sequence[str]
) -> list[str]:
    """Columns to read, in the order of the source; all where any may be used."""
    if used is None:
        return list(source.schema.names)
    source.check_columns(used, "which the pipeline uses")
    wanted = {*used, *kept}
    return [name for name in source.schema.names if name in wanted]


def _new_columns(
    pipeline: Any,
    rows: Any,
    copied: Collection[str],
    made: Collection[str] | None,
) -> pa.Table:
    """Transform a batch; return the columns that its steps made (None: any may be)."""
    out = pipeline.transform(rows)
    if isinstance(rows, pd.DataFrame) and not as_frame(out).index.equals(rows.index):
        raise ValueError(
            f"the pipeline must give the rows that it gets, in their order; of "
            f"{len(rows)} rows it made {len(out)}"
        )
    if isinstance(out, BlockTable):
        table = out.to_arrow()
    else:
        table = pa.Table.from_pandas(as_frame(out), preserve_index=False)
    new = [name for name in table.column_names if name not in copied]
    return table.select([name for name in new if made is None or name in made])


def _with_columns(batch: pa.Table, kept: Sequence[str], made: pa.Table) -> pa.Table:
    """Put new columns beside those of a batch that are kept, in their own types."""
    old = [name for name in kept if name not in made.column_names]
    out = batch.select(old)
    for field in made.schema:
        out = out.append_column(field, made[field.name])
    return out.replace_schema_metadata(_metadata(batch.schema, old))


def _metadata(schema: pa.Schema, names: Sequence[str]) -> dict[str, str]:
    """Return what pandas noted of columns: the index, and dtypes to restore."""
    if not schema.pandas_metadata:
        return {}
    noted = schema.pandas_metadata
    columns = [column for column in noted["columns"] if column["field_name"] in names]
    return {"pandas": json.dumps({**noted, "columns": columns})}
