# SPDX-License-Identifier: Apache-2.0
"""Answers that were paid for and are not yet in the store: kept beside it until the `add` that asked is through.

What an `add` committed is in the graph, which is what a later `add` looks at first. This file only holds what
was asked since: after Ctrl-C, or when an endpoint fails half way, the next `add` takes it from here.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Answer", "Answers"]

_KEPT_DAYS = 7
_WAIT_SECONDS = 30.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers "
    "(key TEXT PRIMARY KEY, text TEXT NOT NULL, whole INTEGER NOT NULL, at REAL NOT NULL) WITHOUT ROWID"
)


class Answer(NamedTuple):
    """What an endpoint said."""

    text: str
    is_whole: bool


class Answers:
    """Answers by key, in a file that several processes and threads may use at once.

    Parameters
    ----------
    path : Path
        Made when the first answer is put, readable by this user alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, key: str) -> Answer | None:
        """An answer, if it is there."""
        if not self._path.exists():
            return None
        with self._lock, closing(self._open()) as connection, connection:
            row = connection.execute("SELECT text, whole FROM answers WHERE key = ?", (key,)).fetchone()
        return Answer(row[0], bool(row[1])) if row else None

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; it is on disk when this returns."""
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        row = (key, answer.text, int(answer.is_whole), time.time())
        with self._lock, closing(self._open()) as connection, connection:
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", row)

    def forget(self, keys: Iterable[str]) -> None:
        """Let go of answers that are in the store now, and of those that nobody came back for."""
        if not self._path.exists():
            return
        with self._lock, closing(self._open()) as connection, connection:
            connection.executemany("DELETE FROM answers WHERE key = ?", ((key,) for key in keys))
            connection.execute("DELETE FROM answers WHERE at < ?", (time.time() - _KEPT_DAYS * 86_400,))

    def clear(self) -> None:
        """Let go of all: what they say may have been purged."""
        self._path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(_TABLE)
        return connection
