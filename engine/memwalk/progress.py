# SPDX-License-Identifier: Apache-2.0
"""How long work tells of itself; only the command line draws."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress"]


class Progress(Protocol):
    """Called as work goes on: a stage's name, how much is done, of how much (None: unknown)."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...  # noqa: D102
