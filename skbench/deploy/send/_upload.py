"""A file sent to Numerai, read back and compared: `deliver`.

numerapi's own uploads do not look at the answer to the file, and then tell Numerai
that it has come. Here a file that was refused is an error, before any is told.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from skbench._numerai import AttemptError, body, persist, send, status

T = TypeVar("T")

# Seconds to wait before each further attempt to read back: two minutes in all.
DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_READING = "reading back what was sent"
_LARGEST_ANSWER = 2**20  # bytes, to a file: none, or a page that says what is wrong
# One of the submissions or uploads that Numerai lists: its id, and what else is known.
Listed = Mapping[str, Any]


def deliver(
    what: str,
    content: bytes,
    *,
    address: Callable[[], Any],
    create: Callable[[str], Any],
    listed: Callable[[], Iterable[Listed]],
    download: Callable[[str], str | None],
    is_same: Callable[[bytes], bool],
) -> tuple[Listed, bool]:
    """Send a file, tell Numerai, and see that it arrived: what Numerai lists, and if.

    ``address`` asks for a name and a signed address to send it under; ``create`` tells
    Numerai, once, that the file of this name is there; ``listed`` asks for all of the
    kind that the model has; ``download`` asks for a signed address to read back what
    has this id, or gives None where Numerai does not say, and nothing can be verified;
    ``is_same`` says whether what was read back is what was sent. If it is not, or
    Numerai cannot be reached, that is a ConnectionError.
    """
    target = address()
    put(target["url"], content)
    with _unverified(f"the {what}"):
        made_id = str(create(target["filename"])["id"])

    def arrival() -> tuple[Listed, bytes | None]:
        found = [one for one in listed() if one["id"] == made_id]
        if not found:
            raise ValueError(f"it is not among the model's {what}s")
        if (url := download(made_id)) is None:
            return found[0], None
        return found[0], _get(url, _largest(content))

    with _unverified(f"the {what} {made_id}"):
        made, back = _until_there(arrival)
        if back is not None and not is_same(back):
            raise ConnectionError("what Numerai has differs from what was sent")
    return made, back is not None


def read_back(url: str, content: bytes) -> bytes | None:
    """Return what was sent before and may be this content; None: nothing is there."""
    try:
        return persist(_READING, lambda: _get(url, _largest(content)))
    except ValueError:  # which says that there is no such file
        return None


def _largest(content: bytes) -> int:
    """Allow for other words: numbers with more digits, other line ends."""
    return 2 * len(content) + 2**20


def ask(api: Any, query: str, variables: Mapping[str, Any]) -> Any:
    """Return the answer to a query of one field, with the account's keys."""
    data = api.raw_query(query, dict(variables), authorization=True)["data"]
    ((field, answer),) = data.items()
    if answer is None:
        raise ConnectionError(f"Numerai answered `{field}` with nothing: try again")
    return answer


def put(url: str, content: bytes) -> None:
    import requests

    def attempt() -> Any:
        # As a stream: bytes go out in one piece, within the time limit for connecting.
        with send(requests, "PUT", url, data=io.BytesIO(content)) as answer:
            body(answer, _LARGEST_ANSWER)
        return answer

    answer = persist("sending the file", attempt)
    if not 200 <= answer.status_code < 300:
        raise ConnectionError(
            f"the file was not taken: {status(answer)}. Nothing was submitted; try "
            "again later"
        )


def _get(url: str, largest: int) -> bytes:
    import requests

    with send(requests, "GET", url) as answer:
        if answer.status_code != 200:
            raise ValueError(status(answer))
        return body(answer, largest)


def _until_there(find: Callable[[], T]) -> T:
    """Look for what was sent until no `ValueError` says that it is missing."""

    def attempt() -> T:
        try:
            return find()
        except ValueError as missing:
            raise AttemptError(str(missing)) from None

    return persist(_READING, attempt, DELAYS)


@contextmanager
def _unverified(what: str) -> Iterator[None]:
    """Make of a failure an error that says that it is not known what Numerai has."""
    try:
        yield
    except ConnectionError as error:
        raise ConnectionError(
            f"{what} could not be verified, and may not have arrived: {error}. Look on "
            "Numerai's site, or send it again"
        ) from None
