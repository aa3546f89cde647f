"""Talking to Numerai: the one place that knows numerapi, its requests and failures."""

import copy
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

T = TypeVar("T")

# Seconds: to connect, and until the next bytes arrive.
TIMEOUT = (10.0, 60.0)
# Seconds until all of an answer must be there.
DEADLINE = 300.0
# Seconds to wait before each further attempt.
DELAYS = (1.0, 2.0, 4.0, 8.0)

_KEYS = ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")
_BUSY = (408, 429)  # like the 500s, answers that may be another one a little later
_LARGEST_ANSWER = 64 * 2**20  # bytes; the scores of all rounds of a model are a few MB
_MAX_REDIRECTS = 5
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
# Words that are addresses: with a scheme, or with what stands in them behind the path.
_ADDRESS = re.compile(r"\S*(://|[?&][^\s=]+=)\S*")


class AttemptError(Exception):
    """An attempt that did not succeed, where another one may.

    Addresses are struck from the message: they may carry a signature.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_addresses(message))


class LastAttemptError(AttemptError):
    """An attempt that did not succeed, where another one would not either."""


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

    ``asked`` is what the attempt is called in the `ConnectionError` that comes when the
    last one has failed, and ``delays`` are the seconds before each further one.
    """
    pending = list(DELAYS if delays is None else delays)
    n_attempts = len(pending) + 1
    while True:
        try:
            return attempt()
        except AttemptError as failure:
            if not pending or isinstance(failure, LastAttemptError):
                raise ConnectionError(
                    f"{asked} failed ({n_attempts - len(pending)} of {n_attempts} "
                    "attempts): "
                    f"{failure}. Check the connection to Numerai, or try again later"
                ) from None
        time.sleep(pending.pop(0))


def send(session: Any, method: str, url: str, **options: Any) -> Any:
    """Send one request and return the answer, whatever its status below 500.

    What it contains is not read yet: that is for `body`. Where it says to look
    elsewhere, a GET does so; anything else is sent to one address only. The address
    must be HTTPS, and is kept out of messages, since it may carry a signature. No
    answer in time, or a server in trouble, is an `AttemptError`.
    """
    # What is not compressed cannot grow beyond what was announced.
    options["headers"] = {**options.get("headers", {}), "Accept-Encoding": "identity"}
    for _ in range(_MAX_REDIRECTS + 1):
        _check_address(url)
        with _network_errors():
            answer = session.request(
                method,
                url,
                timeout=TIMEOUT,
                stream=True,
                hooks={"response": _stay},
                **options,
            )
        if method != "GET" or answer.elsewhere is None:
            break
        answer.close()
        url = _redirected(url, answer.elsewhere)
    else:
        raise AttemptError(f"the server redirected more than {_MAX_REDIRECTS} times")
    if answer.status_code >= 500 or answer.status_code in _BUSY:
        answer.close()
        raise AttemptError(status(answer))
    return answer


def body(answer: Any, largest: int) -> bytes:
    """Read what an answer contains, of which no more than ``largest`` bytes may come.

    One that is larger, compressed or not complete within `DEADLINE`, or a broken
    connection, is an `AttemptError`.
    """
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise AttemptError(f"the answer came compressed ({encoding}), unasked for")
    end = time.monotonic() + DEADLINE
    content = bytearray()
    while len(content) <= largest:
        with _network_errors():
            # What has come by now: to wait for more would be to wait without an end.
            block = answer.raw.read1(min(2**16, largest + 1 - len(content)))
        if not block:
            return bytes(content)
        content += block
        if time.monotonic() > end:
            raise LastAttemptError(
                f"the server is too slow: {len(content)} bytes came in {DEADLINE:g} "
                "seconds, and not all"
            )
    raise AttemptError(f"more than {largest} bytes came")


def status(answer: Any) -> str:
    """Return the status of an answer, in words."""
    words = f"the server answered {answer.status_code} {answer.reason or ''}"
    return without_addresses(words.rstrip())


def without_addresses(text: str) -> str:
    """Strike addresses from a message."""
    return _ADDRESS.sub("(address)", text)


@contextmanager
def _network_errors() -> Iterator[None]:
    """Raise `AttemptError` where the network fails, or an address is none."""
    import requests
    import urllib3

    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # What went wrong stands behind the address, if there is one.
        inner = error.args[0] if error.args else error
        reason = getattr(inner, "reason", inner)
        raise AttemptError(f"{type(error).__name__}: {reason}") from None


def _check_address(url: Any) -> None:
    """Refuse what is not HTTPS, unless the client talks to a server on this machine."""
    from numerapi import base_api

    scheme, host = _scheme_and_host(url)
    _, asked = _scheme_and_host(base_api.API_TOURNAMENT_URL)
    local = host in _THIS_MACHINE and asked in _THIS_MACHINE
    if not host or scheme not in (("http", "https") if local else ("https",)):
        raise LastAttemptError(
            "an address was given that is not https, and nothing was sent there"
        )


def _stay(answer: Any, **_: Any) -> None:
    """Note where an answer redirects to, so that requests itself does not go there.

    It would not look at the address, and reads all that such an answer contains.
    """
    redirect = answer.is_redirect
    answer.elsewhere = answer.headers.pop("Location") if redirect else None


def _redirected(url: str, location: str) -> str:
    """Return where an answer says to look; empty where that is no address."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _scheme_and_host(url: Any) -> tuple[str, str]:
    """Return both in small letters; empty where it is no address."""
    try:
        parts = urlsplit(str(url))
        return ("", "") if parts.port == 0 else (parts.scheme, parts.hostname or "")
    except ValueError:  # such as a port that is no number
        return "", ""


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
    posted = {"query": text, "variables": variables}
    url = base_api.API_TOURNAMENT_URL

    def attempt() -> dict[str, Any]:
        with send(requests, "POST", url, json=posted, headers=headers) as answer:
            content = body(answer, _LARGEST_ANSWER)
        return _data(content, status(answer), asked, api.token or ())

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


def _data(
    answer: bytes, state: str, asked: str, secrets: Sequence[str]
) -> dict[str, Any]:
    """Read an answer, whose status is below 500."""
    try:
        content = json.loads(answer)
    except ValueError:
        raise AttemptError(f"{state}, and not with JSON") from None
    errors = content.get("errors") if isinstance(content, dict) else None
    if errors:
        message = without_addresses("; ".join(_messages(errors)))
        for secret in secrets:
            message = message.replace(secret, "***")
        raise ValueError(f"{asked} was refused: {message}")
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise AttemptError(f"{state}, and without data")
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
