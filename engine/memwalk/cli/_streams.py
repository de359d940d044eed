# SPDX-License-Identifier: Apache-2.0
"""Where output goes: results to stdout, progress and messages to stderr."""

from __future__ import annotations

import json
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, RenderableType

__all__ = ["clean", "emit_json", "fail", "one_line", "say", "show", "stderr", "stream", "warn", "write"]

# Control characters and bidirectional overrides: what is stored must not steer a terminal.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PIPED_WIDTH = 240


def clean(text: str) -> str:
    r"""Text of the store, safe to show on a terminal.

    >>> clean("a\x1b[31mb\r\n")
    'a�[31mb\n'
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str, length: int) -> str:
    r"""Text on one line, shortened.

    >>> one_line("to be or\n not to be", 12)
    'to be or no…'
    """
    line = " ".join(clean(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def stdout() -> Console:
    """A console on the present stdout; wide where nobody watches."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def stderr() -> Console:
    """A console on the present stderr."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def show(*renderables: RenderableType) -> None:
    """Show results to a person; what goes into a pipe has no blanks at the ends of its lines."""
    console = stdout()
    if console.is_terminal:
        console.print(*renderables, sep="\n")
        return
    with console.capture() as captured:
        console.print(*renderables, sep="\n")
    sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().removesuffix("\n").split("\n")))


def write(text: str) -> None:
    """Write a result to stdout as it is."""
    sys.stdout.write(text)


def stream(pieces: Iterable[str]) -> None:
    """Write an answer as it comes, with a line end after it."""
    last = "\n"
    for piece in pieces:
        sys.stdout.write(clean(piece))
        sys.stdout.flush()
        last = piece or last
    if not last.endswith("\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


def emit_json(document: Any) -> None:
    """Write the one JSON document of a read."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def say(message: str) -> None:
    """Tell something beside the result."""
    stderr().print(clean(message), soft_wrap=True)


def warn(message: str) -> None:
    """Tell of something that went wrong while the rest went on."""
    stderr().print("warning: " + clean(message), style="yellow", soft_wrap=True)


def fail(message: str) -> None:
    """Tell why the command ends."""
    stderr().print("error: " + clean(message), style="bold red", soft_wrap=True)
