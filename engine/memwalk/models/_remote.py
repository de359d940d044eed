# SPDX-License-Identifier: Apache-2.0
"""A chat-completions endpoint, asked for one answer at a time: how often again, and after how long."""

from __future__ import annotations

import email.utils
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memwalk.errors import EndpointFailed, EndpointRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

__all__ = ["TRIES", "Completion", "complete_chat", "refusal"]

TRIES = 5
_LONGEST_WAIT = 60.0
_BODY = 2_000
"""Characters of an answer's body that an error repeats."""
_BUSY = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Completion:
    """One whole answer.

    Attributes
    ----------
    text : str
    is_whole : bool
        False if it was cut off at its longest.
    tokens_in, tokens_out : int
        As the endpoint counts them; 0 if it does not say.
    """

    text: str
    is_whole: bool
    tokens_in: int
    tokens_out: int


def complete_chat(
    client: httpx.Client, url: str, body: dict[str, Any], *, pause: Callable[[float], None] = time.sleep
) -> Completion:
    """Ask for one answer.

    Asked up to `TRIES` times while the endpoint is busy, out of reach or talks nonsense (429, 5xx, a cut
    connection, a body that is no chat completion), after growing pauses or as long as it says itself, at
    most a minute each.

    Parameters
    ----------
    client : httpx.Client
        With its headers and timeouts.
    url : str
        Of the chat completions.
    body : dict
        As the protocol has it, not streamed.
    pause : callable
        Waits so many seconds; whatever it raises ends the asking.

    Raises
    ------
    EndpointFailed
        All tries failed.
    EndpointRefused
        It answered 4xx: with the reason that its body gives.
    """
    import httpx

    for attempt in range(1, TRIES + 1):
        wait = None
        try:
            response = client.post(url, json=body)
            if response.is_success:
                return _completion(url, response)
            error, wait = refusal(url, response)
        except EndpointFailed as nonsense:
            error = nonsense
        except httpx.HTTPError as cause:
            error = EndpointFailed(url, str(cause) or type(cause).__name__)
            error.__cause__ = cause
        if attempt == TRIES or not error.is_retryable():
            raise error
        pause(min(_LONGEST_WAIT, 0.5 * 2**attempt if wait is None else wait))
    raise AssertionError


def refusal(url: str, response: httpx.Response) -> tuple[EndpointFailed, float | None]:
    """What an answer with an error status means, and after how many seconds it asks to be asked again."""
    response.read()
    status = response.status_code
    kind = EndpointFailed if status in _BUSY or status >= 500 else EndpointRefused
    return (
        kind(url, f"answered {status} {response.reason_phrase}".rstrip(), status=status, body=response.text[:_BODY]),
        _wait(response.headers.get("retry-after", "")),
    )


def _wait(text: str) -> float | None:
    """Seconds of a Retry-After header, which may also be a date.

    >>> _wait("7"), _wait("soon"), _wait("Thu, 01 Jan 1970 00:00:00 GMT")
    (7.0, None, 0.0)
    """
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _completion(url: str, response: httpx.Response) -> Completion:
    try:
        told = json.loads(response.text)
        choice = told["choices"][0]
        text, finish = choice["message"]["content"], choice.get("finish_reason")
        usage = told.get("usage") or {}
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        whole = str(text or "").encode("utf-8", "replace").decode()  # half of a surrogate pair is no text
        return Completion(whole, finish != "length", *tokens)
    except (ValueError, AttributeError, TypeError, KeyError, IndexError, RecursionError) as error:
        detail = f"sent what is no chat completion ({type(error).__name__}: {error})"
        raise EndpointFailed(url, detail, status=response.status_code, body=response.text[:_BODY]) from error
