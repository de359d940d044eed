# SPDX-License-Identifier: Apache-2.0
"""Why the server ended: the decisive line of its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memwalk.errors import ServerFailed, StorageFull, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.store.server._files import Files

__all__ = ["decisive_line", "failure", "full_disk"]

_TAIL_BYTES = 64 * 1024
_FULL = re.compile(r"no space left on (the )?device|disk quota exceeded", re.IGNORECASE)
_TELLING = (
    re.compile(r"SIG(SEGV|BUS|ILL)"),
    re.compile(r"already in use|cannot bind", re.IGNORECASE),
    re.compile(r"locked by another process|lock file", re.IGNORECASE),
    re.compile(r"^Invalid (maximum|initial) heap size|Could not reserve enough space|OutOfMemoryError"),
    re.compile(r"Error evaluating value for setting|Unrecognized setting|Failed to validate"),
)
_PREFIX = re.compile(r"^[\s#]*(Caused by: |\d{4}-\d\d-\d\d \S+ (ERROR|WARN|INFO) +)*([\w.$]+(Exception|Error): )*")


def full_disk(text: str) -> bool:
    """Whether some output says that the disk is full."""
    return _FULL.search(text) is not None


def decisive_line(text: str) -> str:
    """The line of a server's log that says why it ended; empty if it says nothing."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    for pattern in _TELLING:
        for line in lines:
            if pattern.search(line):
                return _PREFIX.sub("", line).strip()
    causes = [line for line in lines if line.lstrip().startswith("Caused by: ")]
    errors = [line for line in lines if " ERROR " in line]
    chosen = (causes or errors or lines or [""])[-1]
    return _PREFIX.sub("", chosen).strip()[:500]


def failure(files: Files, what: str) -> StoreError:
    """The error for a server that ended by itself."""
    text = _tail(files.console)
    if full_disk(text):
        return StorageFull(files.home.parent)
    line = decisive_line(text)
    return ServerFailed(f"{what}: {line}" if line else what, files.console)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
