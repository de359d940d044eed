# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible endpoint: a real HTTP server on the loopback, answering with server-sent events."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from memwalk.config import EndpointSettings
from memwalk.errors import ConfigurationError, EndpointFailed, EndpointRefused
from memwalk.runtime import generate_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = [{"role": "user", "content": "Question: why?"}]
Answer = tuple[int, dict[str, str], list[bytes]]


def event(text: str | None, finish: str | None = None) -> bytes:
    """One chunk of a chat completion."""
    delta = {} if text is None else {"content": text}
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
DONE = b"data: [DONE]\n\n"
GOOD: Answer = (200, STREAM, [b": hello\n\n", event(None), event("Be"), event("cause 日"), event(None, "stop"), DONE])


@dataclass
class Endpoint:
    """What the server answers, one answer a request, and what it was asked."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    between: Event | None = None
    settings: EndpointSettings = field(default_factory=EndpointSettings)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A running server that answers as it is told."""
    told = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            told.paths.append(self.path)
            told.keys.append(self.headers["Authorization"])
            status, headers, parts = told.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for part in parts:
                self.wfile.write(part)
                self.wfile.flush()
                if told.between:
                    told.between.wait(10)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    told.settings = EndpointSettings(f"http://127.0.0.1:{server.server_port}/v1/", "secret", "some-model", 10.0)
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that were asked for; none is made."""
    return []


def test_streams_pieces(endpoint: Endpoint) -> None:
    """Pieces come as the endpoint sends them, in its order, and the request is what the protocol says."""
    endpoint.answers = [GOOD]
    generation = generate_remote(endpoint.settings, MESSAGES, max_new_tokens=7, temperature=0.5, seed=3, stop=["x"])
    assert endpoint.asked == []
    before = generation.seconds_to_first_token
    assert list(generation) == ["Be", "cause 日"]
    assert endpoint.asked == [
        {
            "model": "some-model", "messages": MESSAGES, "max_tokens": 7, "temperature": 0.5, "seed": 3,
            "stream": True, "stop": ["x"],
        }
    ]  # fmt: skip
    assert (endpoint.paths, endpoint.keys) == (["/v1/chat/completions"], ["Bearer secret"])
    assert before is None
    assert generation.seconds_to_first_token is not None
    assert (generation.prefilled, generation.reused) == (0, 0)
    assert list(generation) == []


def test_first_piece_does_not_wait_for_the_last(endpoint: Endpoint) -> None:
    """The first piece is there while the endpoint still holds the rest back."""
    endpoint.answers, endpoint.between = [(200, STREAM, [event("first"), event("second", "stop")])], Event()
    generation = generate_remote(endpoint.settings, MESSAGES)
    assert next(generation) == "first"
    endpoint.between.set()
    assert list(generation) == ["second"]


@pytest.mark.parametrize("busy", [429, 500, 503])
def test_busy_endpoint_is_asked_again(endpoint: Endpoint, pauses: list[float], busy: int) -> None:
    """While it is busy it is asked again, with growing pauses or those it asks for, and not for ever."""
    endpoint.answers = [(busy, {"Retry-After": "3"}, [b"later"]), (busy, {}, [b"later"]), GOOD]
    assert "".join(generate_remote(endpoint.settings, MESSAGES, pause=pauses.append)) == "Because 日"
    assert pauses == [3.0, 2.0]
    endpoint.answers = [(busy, {"Retry-After": "9999"}, [b"later"])] * 3
    with pytest.raises(EndpointFailed, match="later") as failed:
        list(generate_remote(endpoint.settings, MESSAGES, pause=pauses.append))
    assert (failed.value.status, failed.value.body, failed.value.is_retryable()) == (busy, "later", True)
    assert len(endpoint.asked) == 6
    assert max(pauses) == 20.0


@pytest.mark.parametrize("status", [400, 401, 404])
def test_refusal_is_final(endpoint: Endpoint, pauses: list[float], status: int) -> None:
    """A refusal is told with its body, and the endpoint is not asked again."""
    endpoint.answers = [(status, {}, [b'{"error": "no such model"}'])]
    with pytest.raises(EndpointRefused, match="no such model") as refused:
        list(generate_remote(endpoint.settings, MESSAGES, pause=pauses.append))
    assert (refused.value.status, refused.value.is_retryable(), len(endpoint.asked)) == (status, False, 1)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([event("be")], "before the answer did"),
        ([event("be"), b'data: {"error": {"message": "out of memory"}}\n\n'], "out of memory"),
        ([event("be"), b"data: {nonsense\n\n"], "no chat completion"),
        ([event("be"), b"data: [1, 2]\n\n"], "no chat completion"),
    ],
)
def test_broken_stream_is_an_error(endpoint: Endpoint, pauses: list[float], parts: list[bytes], reason: str) -> None:
    """An answer that breaks off is an error, never a short answer, and never begun anew."""
    endpoint.answers = [(200, STREAM, parts)]
    generation = generate_remote(endpoint.settings, MESSAGES, pause=pauses.append)
    assert next(generation) == "be"
    with pytest.raises(EndpointFailed, match=reason):
        list(generation)
    assert (len(endpoint.asked), pauses) == (1, [])


def test_answer_without_stream(endpoint: Endpoint) -> None:
    """A page, or an answer in one piece, is not taken for a stream."""
    endpoint.answers = [(200, {"Content-Type": "text/html"}, [b"<h1>Log in</h1>"])]
    with pytest.raises(EndpointFailed, match="Log in"):
        list(generate_remote(endpoint.settings, MESSAGES))


def test_nobody_there(pauses: list[float]) -> None:
    """An address where nobody answers is tried three times, within seconds."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = EndpointSettings(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "", "m", 5.0)
        started = time.monotonic()
        with pytest.raises(EndpointFailed, match=r"127\.0\.0\.1"):
            list(generate_remote(settings, MESSAGES, pause=pauses.append))
    assert len(pauses) == 2
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        (EndpointSettings(), "OPENAI_BASE_URL"),
        (EndpointSettings("http://127.0.0.1:1"), "MEMWALK_ENDPOINT_MODEL"),
    ],
)
def test_settings_are_needed(settings: EndpointSettings, setting: str) -> None:
    """Without an address or a model name the call says which setting is missing."""
    with pytest.raises(ConfigurationError, match=setting):
        generate_remote(settings, MESSAGES)
