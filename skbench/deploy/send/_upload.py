"""Sending a file to Numerai, and reading it back.

numerapi's own uploads do not look at the answer to the file, and then tell Numerai
that it has come. Here a file that was refused is an error, before any is told.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from skbench._numerai import AttemptError, body, persist, send, status

T = TypeVar("T")

# Seconds to wait before each further attempt to read back: two minutes in all.
DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_LARGEST_ANSWER = 2**20  # bytes, to a file: none, or a page that says what is wrong


def ask(api: Any, query: str, variables: Mapping[str, Any]) -> Any:
    """Return the answer to a query of one field, with the account's keys.

    Parameters
    ----------
    api : numerapi.NumerAPI
        Client to ask.
    query : str
        GraphQL with one field.
    variables : mapping of str to object
        Its variables.

    Returns
    -------
    answer : object
        Value of the field.

    Raises
    ------
    ConnectionError
        If Numerai cannot be reached, or answers with nothing.
    ValueError
        If it refuses.
    """
    data = api.raw_query(query, dict(variables), authorization=True)["data"]
    ((field, answer),) = data.items()
    if answer is None:
        raise ConnectionError(f"Numerai answered `{field}` with nothing: try again")
    return answer


def put_file(url: str, content: bytes) -> None:
    """Put a file where Numerai said; tried again where the connection breaks.

    Parameters
    ----------
    url : str
        A signed address, which no message repeats.
    content : bytes
        The file.

    Raises
    ------
    ConnectionError
        If it was not taken.
    """
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


def until_there(find: Callable[[], T]) -> T:
    """Look for what was sent until it is there, or time is up.

    Parameters
    ----------
    find : callable
        Returns it, or raises a `ValueError` that says what is missing.

    Returns
    -------
    found : object
        What `find` returned.

    Raises
    ------
    ConnectionError
        If it has not appeared.
    """

    def attempt() -> T:
        try:
            return find()
        except ValueError as missing:
            raise AttemptError(str(missing)) from None

    return persist("reading back what was sent", attempt, DELAYS)


def read_back(address: Callable[[], Any], n_bytes: int) -> bytes:
    """Download a file that was sent, once it is there.

    Parameters
    ----------
    address : callable
        Asks Numerai for a signed address, or raises a `ValueError`.
    n_bytes : int
        How many were sent. That they come back in other words, as numbers with more
        digits or other ends of lines, is allowed for.

    Returns
    -------
    content : bytes
        The file.

    Raises
    ------
    ConnectionError
        If it has not appeared.
    """
    import requests

    def download() -> bytes:
        with send(requests, "GET", address()) as answer:
            if answer.status_code != 200:
                raise ValueError(status(answer))
            return body(answer, 2 * n_bytes + 2**20)

    return until_there(download)


@contextmanager
def unverified(what: str) -> Iterator[None]:
    """Make of a failure an error that says that it is not known what Numerai has.

    Parameters
    ----------
    what : str
        What was sent.
    """
    try:
        yield
    except ConnectionError as error:
        raise ConnectionError(
            f"{what} could not be verified, and may not have arrived: {error}. Look on "
            "Numerai's site, or send it again"
        ) from None
