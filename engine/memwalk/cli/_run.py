# SPDX-License-Identifier: Apache-2.0
"""What every command has in common: which store, on whose behalf, and how it is opened."""

import inspect
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from memwalk.cli._progress import Drawing
from memwalk.config import Settings
from memwalk.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memwalk.memory import Memory

__all__ = ["As", "Json", "Run", "StoreAt", "command", "group", "usage"]


def _not_empty(value: str | None) -> str | None:
    # An unset shell variable must not silently mean the default store or its owner.
    if value is not None and not value.strip():
        raise typer.BadParameter("empty")
    return value


As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="PRINCIPAL",
        help="On whose behalf (default: the store's owner); asserted, not authenticated.",
        callback=_not_empty,
        show_default=False,
    ),
]
StoreAt = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="DIR|URI",
        help="A data directory, or the address of any Neo4j (default: NEO4J_URI, MEMWALK_STORE, or your data folder).",
        callback=_not_empty,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead, with stable keys.")]


@dataclass
class Run:
    """One run of the command line."""

    store: str | None = None
    principal: str | None = None
    progress: Drawing = field(default_factory=Drawing)
    """Draws on stderr; whoever writes something else stops it first."""

    @classmethod
    def of(cls, context: typer.Context, store: str | None = None, principal: str | None = None) -> "Run":
        """The run a command belongs to; what is said after the command counts more than what is said before it."""
        run = context.find_root().ensure_object(cls)
        run.store = store or run.store
        run.principal = principal or run.principal
        return run

    @cached_property
    def settings(self) -> Settings:
        """The environment's settings."""
        return Settings.from_environment()

    @property
    def uri(self) -> str:
        """The address of somebody's own Neo4j; empty for a local store."""
        if self.store is not None:
            return self.store if "://" in self.store else ""
        return self.settings.store.uri

    @property
    def directory(self) -> "Path":
        """The data directory of a local store."""
        from pathlib import Path

        return Path(self.store).expanduser() if self.store else self.settings.data_directory()

    @contextmanager
    def open(self, *, make: bool = False) -> "Iterator[Memory]":
        """Open the store on the principal's behalf; a new one is made only if asked for."""
        from memwalk.memory import open_memory

        if not (make or self.uri or (self.directory / "neo4j").is_dir()):
            raise NotFound("store", str(self.directory))
        with (
            self.drawing() as progress,
            open_memory(self.store, principal=self.principal, settings=self.settings, progress=progress) as memory,
        ):
            yield memory

    @contextmanager
    def drawing(self) -> "Iterator[Drawing]":
        """Draw progress; nothing of it is left at the end, whatever happened."""
        try:
            yield self.progress
        finally:
            self.progress.stop()


def command(
    app: typer.Typer, function: "Callable[..., None]", name: str, *examples: str, panel: str | None = None
) -> None:
    """Add a command: its help is the function's docstring, and how it is used."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    app.command(name, help=text, epilog=usage(*examples), rich_help_panel=panel)(function)


def group(app: typer.Typer, name: str, text: str, panel: str) -> typer.Typer:
    """Add a group of commands."""
    made = typer.Typer(no_args_is_help=True, help=text, rich_markup_mode="rich")
    app.add_typer(made, name=name, rich_help_panel=panel)
    return made


def usage(*examples: str) -> str:
    """The end of a help text: what to type."""
    return "\n".join(["[bold]For example[/bold]", *(f"[dim]$[/dim] [cyan]{escape(line)}[/cyan]" for line in examples)])
