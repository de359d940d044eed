# SPDX-License-Identifier: Apache-2.0
"""How errors are told: one line on stderr that says what, where and what to do, and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from memwalk.cli._streams import fail
from memwalk.config import Settings
from memwalk.errors import (
    AlreadyExists,
    ConfigurationError,
    InvalidArgument,
    MemwalkError,
    NotFound,
    NotPermitted,
    QueryFailed,
    SourceNotReadable,
    SourceNotText,
    StoreUnavailable,
)
from memwalk.progress import interruption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["FAILED", "INTERRUPTED", "USAGE", "guarded", "interrupt", "sentence"]

FAILED = 1
"""Exit code when something could not be done."""
USAGE = 2
"""Exit code when the command line or a setting has no meaning."""
INTERRUPTED = 128 + signal.SIGINT

_WHERE = {
    "store": "`memwalk init` makes one there, `memwalk add` fills it",
    "space": "`memwalk space list` shows those you may read, `memwalk space add` makes one",
    "unit": "give an id, the first 6 characters of one or more, or a name; `memwalk search` finds units",
    "group": "`memwalk principal add NAME --kind group` makes one",
}
_INSTEAD = {
    "file": "--overwrite replaces it",
    "store": "--replace puts the backup in its place",
}
_ADVICE: dict[type[MemwalkError], str] = {
    NotPermitted: "ask who administers it for a grant (`memwalk grant`), or act as somebody else with --as",
    SourceNotReadable: "give this user access to it",
    SourceNotText: "memwalk reads UTF-8 text, Markdown and corpus JSON",
    StoreUnavailable: "start it, or give another store with --store or NEO4J_URI",
}


def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Handle SIGINT: a `KeyboardInterrupt` that the database driver takes as a cancellation.

    At a plain one it goes on to talk over a connection that stopped within a message, and may wait for minutes.
    """
    import asyncio

    class Interrupted(KeyboardInterrupt, asyncio.CancelledError):
        pass

    raise Interrupted


@contextmanager
def guarded() -> Iterator[None]:
    """Tell errors to a person and turn them into exit codes."""
    try:
        with _stoppable():
            yield
            sys.stdout.flush()
    except MemwalkError as error:
        if _debug():
            raise
        fail(sentence(error))
        raise typer.Exit(USAGE if isinstance(error, (ConfigurationError, InvalidArgument)) else FAILED) from error
    except BrokenPipeError as error:
        _forget_stdout()
        raise typer.Exit(FAILED) from error
    except OSError as error:
        if _debug():
            raise
        fail(_os_sentence(error))
        raise typer.Exit(FAILED) from error


@contextmanager
def _stoppable() -> Iterator[None]:
    """Tell of Ctrl-C, also where an error that came of it took its place."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, typer.Exit) or not interruption(error):
            raise
        fail("interrupted; what was committed before is kept, the rest is not there")
        raise typer.Exit(INTERRUPTED) from error


def sentence(error: MemwalkError) -> str:
    """An error with what to do about it."""
    advice = _advice(error)
    message = str(error).strip()
    return f"{message}; {advice}" if advice else message


def _advice(error: MemwalkError) -> str:
    """What to do, where the message itself does not say."""
    if isinstance(error, NotFound):
        return _WHERE.get(error.what, "")
    if isinstance(error, AlreadyExists):
        return _INSTEAD.get(error.what, "")
    if isinstance(error, QueryFailed):
        return "queries only read unless you say --write" if error.code.endswith("AccessMode") else ""
    return next((advice for kind, advice in _ADVICE.items() if isinstance(error, kind)), "")


def _os_sentence(error: OSError) -> str:
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    places = [str(place) for place in (error.filename, error.filename2) if place is not None]
    advice = "; choose another folder or give this user access to it" if isinstance(error, PermissionError) else ""
    return f"{' -> '.join(places)}: {reason}{advice}" if places else f"the operating system says: {reason}"


def _debug() -> bool:
    try:
        return Settings.from_environment().debug
    except ConfigurationError:
        return False


def _forget_stdout() -> None:
    """Nobody reads on: keep the interpreter from writing the rest at its end."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    os.close(quiet)
