"""A file written in parts, so that a job that was killed can go on."""

import shutil
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from pickle import PicklingError
from typing import Any

import cloudpickle
import joblib
import pyarrow as pa
import pyarrow.compute as pc

from skbench import __version__
from skbench._disk import disk_errors
from skbench._files import linked, written_whole
from skbench._locks import locked
from skbench._parquet import open_parquet, parquet_writer, read_parquet
from skbench._progress import tell


@contextmanager
def alone_with(target: Path, wait: bool, progress: bool) -> Iterator[None]:
    """Keep other jobs away from a target; where one is at work, wait for it or raise.

    Whoever is alone with a target owns its parts. Any that it finds are of a job that
    has ended.
    """

    def busy(owner: str) -> None:
        if not wait:
            raise BlockingIOError(
                f"`target` {target} is being written by {owner}: call again when that "
                "has ended, or with wait=True, which waits for it"
            )
        tell(f"waiting for {owner}, which is writing {target}", progress)

    with ExitStack() as stack:
        with disk_errors(target, "target"):
            stack.enter_context(locked(linked(target), busy))
        yield


class Parts:
    """Batches of rows on disk in a hidden folder beside the file they will make.

    Each is a file of its own, written whole; those that are there are finished.
    """

    def __init__(self, target: Path, job: Any, resume: bool) -> None:
        self.target = target = linked(target)
        self.folder = target.with_name(f".{target.name}.parts")
        self.resume = resume
        # What the job is: the same files, pipeline, options and version of skbench make
        # the same parts.
        self.fingerprint, of_job = self.folder / "job", _fingerprint(job)
        if resume and self.fingerprint.is_file():
            self._check_same(self.fingerprint.read_text(encoding="utf-8"), of_job)
        else:
            with disk_errors(target, "target"):
                self._discard()
                self._begin(of_job)
        self.finished = sorted(self.folder.glob("[0-9]*.parquet"))
        self._check_whole()

    def _begin(self, job: str) -> None:
        with self._kept():
            self.folder.mkdir()
            with written_whole(self.fingerprint) as unfinished:
                unfinished.write_text(f"{job} {__version__}", encoding="utf-8")

    def _check_same(self, found: str, job: str) -> None:
        before, _, version = found.partition(" ")
        if version != __version__:
            by = f"skbench {version}" if version else "an older skbench"
            raise ValueError(
                f"cannot resume {self.target}: its parts were written by {by}, and "
                f"this is {__version__}. Pass resume=False to start again"
            )
        if before != job:
            raise ValueError(
                f"cannot resume {self.target}: the source, the pipeline or an option "
                "is not what it was. Pass resume=False to start again"
            )

    def _check_whole(self) -> None:
        """Refuse to go on from parts of which one is damaged, or gone."""
        for place, path in enumerate(self.finished):
            try:
                if path.name != _name(place):
                    raise FileNotFoundError(f"{_name(place)} is not there")
                with open_parquet(path) as file:
                    for _ in file.iter_batches():
                        pass
            except (pa.ArrowException, OSError) as error:
                part = path.with_name(_name(place))
                raise ValueError(
                    f"cannot resume {self.target}: its part {part} cannot be read "
                    f"({error}). Pass resume=False to start again"
                ) from error

    @property
    def n_rows(self) -> int:
        """Number of source rows that are finished."""
        return sum(open_parquet(path).metadata.num_rows for path in self.finished)

    def eras(self, era: str) -> list[Hashable]:
        """Eras that are finished."""
        columns = (read_parquet(path, [era])[era] for path in self.finished)
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
                self._discard()
            raise

    def _discard(self) -> None:
        """Delete the parts; the fingerprint first, as a kill may leave the others."""
        self.fingerprint.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, rows: pa.Table) -> None:
        """Keep a batch."""
        if self.finished:
            rows = rows.cast(open_parquet(self.finished[0]).schema_arrow)
        path = self.folder / _name(len(self.finished))
        with (
            disk_errors(self.target, "target"),
            written_whole(path) as unfinished,
            parquet_writer(unfinished, rows.schema) as writer,
        ):
            writer.write_table(rows)
        self.finished.append(path)

    def _join(self) -> None:
        schema = open_parquet(self.finished[0]).schema_arrow
        joined = self.folder / "joined.parquet"
        with (
            disk_errors(self.target, "target"),
            written_whole(joined) as unfinished,
            parquet_writer(unfinished, schema) as writer,
        ):
            for path in self.finished:
                writer.write_table(read_parquet(path))
        with disk_errors(self.target, "target"):
            joined.replace(self.target)
        self._discard()


def _name(place: int) -> str:
    return f"{place:06d}.parquet"


def _fingerprint(job: Any) -> str:
    """Digest of a job: of what it is made of, not of the objects that hold it."""
    try:
        return str(joblib.hash(job))
    except PicklingError:  # some function has no name, as in columns=lambda X: ...
        return sha256(cloudpickle.dumps(job)).hexdigest()
