"""A file written in parts, so that a job that was killed can go on."""

import shutil
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from pickle import PicklingError
from typing import Any

import cloudpickle
import joblib
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skbench._base import check_flag
from skbench._files import linked, written_whole

from ._disk import room_for


class Parts:
    """Batches of rows on disk in a hidden folder beside the file they will make.

    Each is a file of its own, written whole; those that are there are finished.
    """

    def __init__(self, target: Path, job: Any, resume: bool) -> None:
        check_flag("resume", resume)
        self.target = target = linked(target)
        self.folder = target.with_name(f".{target.name}.parts")
        self.resume = resume
        # What the job is: the same files, pipeline and options make the same parts.
        fingerprint, of_job = self.folder / "job", _fingerprint(job)
        if resume and fingerprint.is_file():
            self._check_same(fingerprint.read_text(), of_job)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            with room_for(target), self._kept():
                self.folder.mkdir()
                with written_whole(fingerprint) as unfinished:
                    unfinished.write_text(of_job)
        self.finished = sorted(self.folder.glob("[0-9]*.parquet"))

    def _check_same(self, found: str, job: str) -> None:
        if found != job:
            raise ValueError(
                f"cannot resume {self.target}: the source, the pipeline or an option "
                "is not what it was. Pass resume=False to start again"
            )

    @property
    def n_rows(self) -> int:
        """Number of source rows that are finished."""
        return sum(pq.read_metadata(path).num_rows for path in self.finished)

    def eras(self, era: str) -> list[Hashable]:
        """Eras that are finished."""
        columns = (pq.read_table(path, columns=[era])[era] for path in self.finished)
        return [label for column in columns for label in pc.unique(column).to_pylist()]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the file of the batches written meanwhile.

        An error leaves nothing behind, unless the next call is to go on from here.
        """
        with self._kept():
            yield
            self._join()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            if not self.resume:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def write(self, rows: pa.Table) -> None:
        """Keep a batch."""
        if self.finished:
            rows = rows.cast(pq.read_schema(self.finished[0]))
        path = self.folder / f"{len(self.finished):06d}.parquet"
        with room_for(self.target), written_whole(path) as unfinished:
            pq.write_table(rows, unfinished)
        self.finished.append(path)

    def _join(self) -> None:
        schema = pq.read_schema(self.finished[0])
        joined = self.folder / "joined.parquet"
        with (
            room_for(self.target),
            written_whole(joined) as unfinished,
            pq.ParquetWriter(unfinished, schema) as writer,
        ):
            for path in self.finished:
                writer.write_table(pq.read_table(path))
        with room_for(self.target):
            joined.replace(self.target)
        shutil.rmtree(self.folder)


def _fingerprint(job: Any) -> str:
    """Digest of a job: of what it is made of, not of the objects that hold it."""
    try:
        return str(joblib.hash(job))
    except PicklingError:  # some function has no name, as in columns=lambda X: ...
        return sha256(cloudpickle.dumps(job)).hexdigest()
