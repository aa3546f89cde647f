"""Talking to Numerai: the one place that knows numerapi, its requests and failures."""

import copy
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

# Seconds: to connect, and until the next bytes arrive.
TIMEOUT = (10.0, 60.0)
# Seconds to wait before each further attempt.
DELAYS = (1.0, 2.0, 4.0, 8.0)

_KEYS = ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")
_BUSY = (408, 429)  # like the 500s, answers that may be another one a little later


class AttemptError(Exception):
    """An attempt that did not succeed, where another one may."""


def client(api: Any = None) -> Any:
    """Return a numerapi client that keeps time, tries again and raises clear errors.

    numerapi's own requests have no time limit, and `KeyError` is all that is seen of
    one that fails. So what comes back is a copy of the caller's client, or a new one,
    that sends its queries through `_query`. A client that is not numerapi's, or has
    its own `raw_query`, is returned as it is.
    """
    from numerapi.base_api import Api

    made = _new_client() if api is None else copy.copy(api)
    if getattr(type(made), "raw_query", None) is not Api.raw_query:
        return api
    if "raw_query" in vars(made):
        return api

    def raw_query(
        query: str, variables: Mapping[str, Any] | None = None, authorization: Any = 0
    ) -> dict[str, Any]:
        return _query(made, query, variables, bool(authorization))

    made.raw_query = raw_query
    return made


def persist(
    asked: str, attempt: Callable[[], T], delays: Sequence[float] | None = None
) -> T:
    """Return the result of an attempt, made again after each `AttemptError`.

    Parameters
    ----------
    asked : str
        What is attempted, as the error message is to call it.
    attempt : callable
        Called without arguments.
    delays : sequence of float, optional
        Seconds to wait before each further attempt; `DELAYS` by default.

    Raises
    ------
    ConnectionError
        When the last attempt has failed as well.
    """
    pending = list(DELAYS if delays is None else delays)
    n_attempts = len(pending) + 1
    while True:
        try:
            return attempt()
        except AttemptError as failure:
            if not pending:
                raise ConnectionError(
                    f"{asked} failed ({n_attempts} of {n_attempts} attempts): "
                    f"{failure}. Check the connection to Numerai, or try again later"
                ) from None
        time.sleep(pending.pop(0))


def send(session: Any, method: str, url: str, **options: Any) -> Any:
    """Send one request and return the answer, whatever its status below 500.

    Parameters
    ----------
    session : requests.Session
        What sends it; the ``requests`` module itself serves as well.
    method : str
        Such as "GET".
    url : str
        Where to. It is kept out of messages, since it may carry a signature.
    **options : dict
        For ``session.request``.

    Raises
    ------
    AttemptError
        No answer in time, a broken connection, or a server that is in trouble.
    """
    with network_errors():
        answer = session.request(method, url, timeout=TIMEOUT, **options)
    if answer.status_code >= 500 or answer.status_code in _BUSY:
        answer.close()
        raise AttemptError(status(answer))
    return answer


@contextmanager
def network_errors() -> Iterator[None]:
    """Raise `AttemptError` where the network fails, without the address in it."""
    import requests

    broken = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    )
    try:
        yield
    except broken as error:
        # What went wrong stands behind the address, if there is one.
        inner = error.args[0] if error.args else error
        reason = getattr(inner, "reason", inner)
        raise AttemptError(f"{type(error).__name__}: {reason}") from None


def status(answer: Any) -> str:
    """Return the status of an answer, in words."""
    return f"the server answered {answer.status_code} {answer.reason or ''}".rstrip()


def _new_client() -> Any:
    """Make a client with the keys of the environment, if they are there."""
    import numerapi

    with _root_logger_left_alone():
        # Given keys, whatever they are, numerapi does not look for a `.env` file.
        create: Any = numerapi.NumerAPI
        made = create("none", "none", show_progress_bars=False)
    keys = tuple(os.environ.get(name) for name in _KEYS)
    made.token = keys if all(keys) else None
    return made


@contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    """Keep `logging.basicConfig` from doing anything: it does so where a handler is."""
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)


def _query(
    api: Any, text: str, variables: Mapping[str, Any] | None, authorization: bool
) -> dict[str, Any]:
    """Post a GraphQL query and return the answer, which has "data".

    A mutation is sent once: it may have been carried out though no answer came.
    """
    import requests
    from numerapi import base_api

    asked = _asked(text, variables)
    headers = {"Accept": "application/json"}
    if authorization:
        headers["Authorization"] = "Token {}${}".format(*_token(api, asked))
    body = {"query": text, "variables": variables}
    url = base_api.API_TOURNAMENT_URL

    def attempt() -> dict[str, Any]:
        answer = send(requests, "POST", url, json=body, headers=headers)
        return _data(answer, asked, api.token or ())

    once = text.lstrip().startswith("mutation")
    return persist(asked, attempt, () if once else None)


def _asked(text: str, variables: Mapping[str, Any] | None) -> str:
    """Name the field of a query, and the values it is asked for."""
    field = re.search(r"{\s*(\w+)", text)
    name = field[1] if field else "query"
    given = [
        f"{key}={value!r}"
        for key, value in (variables or {}).items()
        if value is not None
    ]
    return f"Numerai's `{name}`({', '.join(given)})"


def _token(api: Any, asked: str) -> tuple[str, str]:
    """Return the two keys, which may not break the header that they are sent in."""
    if not api.token:
        missing = [name for name in _KEYS if not os.environ.get(name)]
        raise ValueError(
            f"{asked} needs the API keys of an account: set the environment variables "
            f"{' and '.join(_KEYS)} (not set: {', '.join(missing) or 'none'})"
        )
    public_id, secret_key = api.token
    if not all(re.fullmatch("[!-~]+", key) for key in api.token):
        raise ValueError(
            f"the API keys in {' and '.join(_KEYS)} must be of printable ASCII "
            "characters; got others, such as spaces or line ends"
        )
    return public_id, secret_key


def _data(answer: Any, asked: str, secrets: Sequence[str]) -> dict[str, Any]:
    """Read an answer, whose status is below 500."""
    try:
        content = answer.json()
    except ValueError:
        raise AttemptError(f"{status(answer)}, and not with JSON") from None
    errors = content.get("errors") if isinstance(content, dict) else None
    if errors:
        message = "; ".join(_messages(errors))
        for secret in secrets:
            message = message.replace(secret, "***")
        raise ValueError(f"{asked} was refused: {message}")
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise AttemptError(f"{status(answer)}, and without data")
    return content


def _messages(errors: Any) -> list[str]:
    """Collect the messages of GraphQL errors, which come as a list or one mapping."""
    listed = errors if isinstance(errors, list) else [errors]
    return [
        str(error.get("message") or error.get("detail") or error)
        if isinstance(error, dict)
        else str(error)
        for error in listed
    ]
