# SPDX-License-Identifier: Apache-2.0
"""Drawing progress: a bar with rate and time left on a terminal, a line per stage elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from memwalk.cli._streams import clean, say, stderr

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

__all__ = ["Drawing"]

_REDRAW = 0.1
_BYTES = 1_000_000
"""Totals from here on are bytes: nothing else that is counted grows so large on the way."""


class Drawing:
    """A `memwalk.progress.Progress` that draws on stderr."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show that so much of a stage is done."""
        finished = total is not None and done >= total
        now = time.monotonic()
        if stage == self._stage and not finished and now - self._told.get(stage, 0.0) < _REDRAW:
            return
        if not stderr().is_terminal:
            if stage != self._stage and not (finished and stage in self._told):
                say(f"{stage} …")
        else:
            self._draw(stage, done, total)
        self._stage = stage
        self._told[stage] = now

    def stop(self) -> None:
        """Take the bars away, so that something else can be written; the next call draws new ones."""
        if self._bars is not None:
            self._bars.stop()
        self._bars, self._tasks, self._stage = None, {}, ""

    def _draw(self, stage: str, done: int, total: int | None) -> None:
        if self._bars is None:
            self._bars = _bars()
            self._bars.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(clean(stage), total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


def _bars() -> Bars:
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    class Amount(ProgressColumn):
        """How much is done, how fast, and how long it will take."""

        def render(self, task: Task) -> Text:
            return Text(_amount(task))

    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=20),
        Amount(table_column=Column(no_wrap=True)),
        console=stderr(),
        transient=True,
    )


def _amount(task: Task) -> str:
    if task.total is None:
        return _span(task.elapsed or 0.0)
    speed = task.finished_speed or task.speed or 0.0
    text = _count(task.completed, task.total)
    if speed:
        text += f"  {speed / 1e6:.1f} MB/s" if task.total >= _BYTES else f"  {speed:.1f}/s"
    if task.finished:
        return f"{text}  in {_span(task.finished_time or 0.0)}"
    return f"{text}  {_span(task.time_remaining)} left" if task.time_remaining is not None else text


def _count(done: float, total: float) -> str:
    """How much of how much.

    >>> _count(30, 1200), _count(5_000_000, 20_000_000)
    ('30/1,200', '5.0/20.0 MB')
    """
    if total >= _BYTES:
        return f"{done / 1e6:.1f}/{total / 1e6:.1f} MB"
    return f"{done:,.0f}/{total:,.0f}"


def _span(seconds: float) -> str:
    """A time for people.

    >>> _span(4.2), _span(75), _span(4000)
    ('4 s', '1:15 min', '1:06 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
