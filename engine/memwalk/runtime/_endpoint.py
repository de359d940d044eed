# SPDX-License-Identifier: Apache-2.0
"""A model behind an OpenAI-compatible endpoint, streamed. It takes memory in context form only."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from memwalk.errors import ConfigurationError, EndpointFailed
from memwalk.models import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx

    from memwalk.config import EndpointSettings

__all__ = ["RemoteGeneration", "generate_remote"]

_TRIES = 3
_LONGEST_WAIT = 20.0
_BODY = 2_000
"""Characters of an answer's body that an error repeats."""


class RemoteGeneration:
    """An answer as it comes from an endpoint: an iterator over pieces of text.

    Attributes
    ----------
    prefilled, reused : int
        0: an endpoint does not say.
    seconds_to_first_token : float or None
        From the first request for a piece; None before it.
    """

    prefilled = 0
    reused = 0

    def __init__(self, pieces: Callable[[], Iterator[str]]) -> None:
        self._make = pieces
        self._pieces: Iterator[str] | None = None
        self._started = 0.0
        self.seconds_to_first_token: float | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._pieces is None:
            self._started = time.perf_counter()
            self._pieces = self._make()
        piece = next(self._pieces)
        if self.seconds_to_first_token is None:
            self.seconds_to_first_token = time.perf_counter() - self._started
        return piece


def generate_remote(
    settings: EndpointSettings,
    messages: Sequence[dict[str, str]],
    *,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    seed: int = 0,
    stop: Sequence[str] = (),
    pause: Callable[[float], None] = time.sleep,
) -> RemoteGeneration:
    """Answer chat messages by a remote model.

    Asked up to three times while the endpoint is busy or out of reach (429, 5xx, no connection), with
    growing pauses or as long as it says itself; never again once it has begun to answer.

    Parameters
    ----------
    settings : EndpointSettings
    messages : sequence of dict
        As `PromptFormat.messages` or `write_messages` write them.
    max_new_tokens : int
    temperature : float
    seed : int
    stop : sequence of str
    pause : callable
        Waits so many seconds.

    Raises
    ------
    ConfigurationError
        No address or no model name is set.
    EndpointFailed
        It could not be reached, kept being busy, or broke off. Raised while iterating, as the next.
    EndpointRefused
        It answered 4xx: with the reason that its body gives.
    """
    if not settings.url:
        raise ConfigurationError("OPENAI_BASE_URL", "", "the base URL of an OpenAI-compatible endpoint")
    if not settings.model:
        raise ConfigurationError("MEMWALK_ENDPOINT_MODEL", "", "the name of a model there")
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": list(messages),
        "max_tokens": max_new_tokens,
        "temperature": temperature,
        "seed": seed,
        "stream": True,
    }
    if stop:
        body["stop"] = list(stop)
    return RemoteGeneration(lambda: _pieces(settings, body, pause))


def _pieces(settings: EndpointSettings, body: dict[str, Any], pause: Callable[[float], None]) -> Iterator[str]:
    import httpx

    url = f"{settings.url.rstrip('/')}/chat/completions"
    headers = {"Accept": "text/event-stream"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    timeout = httpx.Timeout(settings.seconds, connect=min(10.0, settings.seconds))
    with httpx.Client(timeout=timeout, headers=headers) as client:
        for attempt in range(1, _TRIES + 1):
            begun = False
            try:
                with client.stream("POST", url, json=body) as response:
                    if response.is_success:
                        for piece in _events(url, response):
                            begun = True
                            yield piece
                        return
                    error, wait = refusal(url, response)
            except httpx.HTTPError as cause:
                detail = f"broke off after it had begun to answer ({cause})" if begun else f"{cause}"
                error, wait = EndpointFailed(url, detail or type(cause).__name__), None
                error.__cause__ = cause
            if begun or attempt == _TRIES or not error.is_retryable():
                raise error
            pause(min(_LONGEST_WAIT, 0.5 * 2**attempt if wait is None else wait))


def _events(url: str, response: httpx.Response) -> Iterator[str]:
    """Texts of a stream of server-sent events; one without its end is an error, never a short answer."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        response.read()
        raise EndpointFailed(url, "answered without a stream", status=response.status_code, body=response.text[:_BODY])
    finished = False
    data: list[str] = []
    for line in response.iter_lines():
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
            continue
        if line or not data:  # a comment, another field, or an empty line too many
            continue
        event, data = "\n".join(data), []
        if event == "[DONE]":
            return
        text, ended = _text(url, event)
        finished = finished or ended
        if text:
            yield text
    if not finished:
        raise EndpointFailed(url, "the stream ended before the answer did")


def _text(url: str, event: str) -> tuple[str, bool]:
    try:
        chunk = json.loads(event)
        if "error" in chunk:
            raise EndpointFailed(url, "failed while answering", body=json.dumps(chunk["error"])[:_BODY])
        choices = chunk.get("choices") or [{}]
        delta = choices[0].get("delta") or {}
        return delta.get("content") or "", choices[0].get("finish_reason") is not None
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise EndpointFailed(url, f"sent what is no chat completion ({error})", body=event[:_BODY]) from error
