"""A file on Numerai's server, read in ranges of bytes.

The reading is done with requests, on which numerapi stands: fsspec would read through
an event loop in a thread of its own, and could neither compare the answers with each
other nor try again by our rules.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from skbench._numerai import AttemptError, body, persist, send, status

# Bytes a request, so that a broken connection costs little.
BLOCK = 8 * 2**20

_DOWNLOAD = """
    query($filename: String! $round: Int $tournament: Int) {
        dataset(filename: $filename round: $round tournament: $tournament)
    }
"""


def _ignore(n_bytes: int) -> None:
    """Report progress to nobody."""


class Identity(NamedTuple):
    """What tells a file on the server from its next version."""

    size: int
    etag: str | None
    last_modified: str | None


class RemoteFile(io.RawIOBase):
    """A file on the server; each read asks for the bytes, and only for those.

    All answers must be parts of one version of the file, which is `identity`. A file
    that is no longer listed is asked for as it was in a round.
    """

    def __init__(self, api: Any, name: str, round_number: int | None = None) -> None:
        import requests

        self.name = name
        self._round = round_number
        self._api = api
        self._session = requests.Session()
        self._url: Any = None
        self._position = 0
        self._report: Callable[[int], object] = _ignore
        self._known: Identity | None = None
        try:
            # The address is signed for GET alone, so HEAD would be refused.
            self._fetch(0, 1)
        except BaseException:
            self.close()
            raise

    @property
    def identity(self) -> Identity:
        """The version of the file that is being read."""
        assert self._known is not None
        return self._known

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, of which there are `size` unless the file ends."""
        end = self.identity.size
        if size is not None and size >= 0:
            end = min(end, self._position + size)
        blocks = []
        while self._position < end:
            block = self._fetch(self._position, min(end, self._position + BLOCK))
            self._position += len(block)
            self._report(len(block))
            blocks.append(block)
        return b"".join(blocks)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position, which costs no request."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}
        self._position = offset + start.get(whence, self.identity.size)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether the position can be moved: always."""
        return True

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
        super().close()

    @contextmanager
    def shown(self, n_bytes: int, progress: bool) -> Iterator[None]:
        """Show on a terminal how much of so many bytes has been read."""
        from tqdm import tqdm

        with tqdm(
            total=n_bytes,
            desc=self.name,
            unit="B",
            unit_scale=True,
            disable=None if progress else True,
        ) as bar:
            self._report = bar.update
            try:
                yield
            finally:
                self._report = _ignore

    def _fetch(self, start: int, stop: int) -> bytes:
        return persist(
            f"reading {self.name} from Numerai", lambda: self._ask(start, stop)
        )

    def _ask(self, start: int, stop: int) -> bytes:
        """Ask once for a range of bytes; after a failure, the address is a new one."""
        if self._url is None:
            self._url = _address(self._api, self.name, self._round)
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        try:
            with send(self._session, "GET", self._url, headers=headers) as answer:
                found = self._check(answer, start, stop)
                content = body(answer, stop - start)
            if len(content) != stop - start:
                raise AttemptError(f"{len(content)} of {stop - start} bytes came")
        except AttemptError:
            self._url = None  # signed for a short time, which may be over
            raise
        self._known = found
        return content

    def _check(self, answer: Any, start: int, stop: int) -> Identity:
        """Check that an answer is the part asked for, of the version being read."""
        if answer.status_code == 200:
            raise ConnectionError(
                f"a part of {self.name} was asked for, and all of it was sent: what "
                "stands between this machine and Numerai (a proxy?) must pass on the "
                "header `Range`"
            )
        headers = answer.headers
        extent = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+)", headers.get("Content-Range", "")
        )
        if answer.status_code != 206 or extent is None:
            raise AttemptError(status(answer))
        first, last, size = map(int, extent.groups())
        if (first, last) != (start, stop - 1) or size < stop:
            raise AttemptError(
                f"bytes {first} to {last} of {size} came, where {start} to {stop - 1} "
                "were asked for"
            )
        found = Identity(size, headers.get("ETag"), headers.get("Last-Modified"))
        if self._known not in (None, found):
            raise ConnectionError(
                f"{self.name} was replaced on the server while it was being read: "
                "call again to get the new one"
            )
        return found


def _address(api: Any, name: str, round_number: int | None) -> Any:
    variables = {"filename": name, "tournament": api.tournament_id}
    if round_number is not None:
        variables["round"] = round_number
    address = api.raw_query(_DOWNLOAD, variables)["data"]["dataset"]
    if not address:
        of = "" if round_number is None else f" of round {round_number}"
        raise FileNotFoundError(f"Numerai has no file {name}{of}")
    return address
