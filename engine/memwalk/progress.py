# SPDX-License-Identifier: Apache-2.0
"""How long work tells of itself, and how one sees that it was stopped; only the command line draws."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "interruption"]


class Progress(Protocol):
    """Called as work goes on: a stage's name, how much is done, of how much (None: unknown)."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...  # noqa: D102


def interruption(error: BaseException | None, outer: BaseException | None = None) -> KeyboardInterrupt | None:
    """The Ctrl-C behind an error that came of cleaning up after it.

    Parameters
    ----------
    error : BaseException, optional
    outer : BaseException, optional
        What was being handled before; a Ctrl-C as old as that is not behind the error.
    """
    while error is not None and error is not outer:
        if isinstance(error, KeyboardInterrupt):
            return error
        error = error.__cause__ or error.__context__
    return None
