# SPDX-License-Identifier: Apache-2.0
"""The other end of the wire: an HTTP server on the loopback that speaks chat completions as a script says.

Nothing of memwalk is replaced by it. It stands for an endpoint that somebody else runs, so that its faults
(busy, cut connections, nonsense) come when a test wants them; a model that answers for real is too slow here.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CUT", "ChatServer", "Reply", "completion", "passage_of", "running"]


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; `cut` closes the connection before it is whole."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


CUT = Reply(b"{", cut=True)


def completion(content: object, *, finish: str = "stop", tokens: tuple[int, int] = (100, 20)) -> Reply:
    """A whole chat completion; what is no text is written as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    told = {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]},
    }
    return Reply(json.dumps(told).encode())


def passage_of(request: dict[str, Any]) -> str:
    """The passage that a request asks about."""
    asked: str = request["messages"][-1]["content"]
    return asked.partition("<memory>\n")[2].rpartition("\n</memory>")[0]


@dataclass
class ChatServer:
    """A running server: what it answers, and what it was asked."""

    answer: Callable[[dict[str, Any]], Reply]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def running(answer: Callable[[dict[str, Any]], Reply]) -> Iterator[ChatServer]:
    """Run a server for a while."""
    told, lock = ChatServer(answer), Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                told.asked.append(request)
                told.keys.append(self.headers["Authorization"])
            reply = told.answer(request)
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(reply.body) + (50 if reply.cut else 0)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # who asked may have gone
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
