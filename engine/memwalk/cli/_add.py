# SPDX-License-Identifier: Apache-2.0
"""`memwalk add` and `memwalk build`: putting units into a memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._errors import FAILED
from memwalk.cli._run import As, Json, Run, StoreAt, command, group
from memwalk.cli._streams import emit_json, show, warn

if TYPE_CHECKING:
    from memwalk.units import Loadable

__all__ = ["register"]

_PANEL = "Putting in"
_TOLD = 20
Units = Annotated[
    list[str],
    typer.Argument(
        metavar="UNIT", help="Units by id, the first 6 characters of one or more, or name.", show_default=False
    ),
]
HomeSpace = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="SPACE",
        help="Where the new unit lives (default: where the first one lives).",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(
        app,
        add,
        "add",
        "memwalk add reports/ --space work --as alice",
        "memwalk add corpus.json --openie openie_results.json",
        panel=_PANEL,
    )
    build = group(app, "build", "Build what loads faster than text: KV blocks and adapters.", _PANEL)
    command(build, kv, "kv", 'memwalk build kv "Pont Neuf" "Henry III"', 'memwalk ask "..." --form kv')
    command(build, adapter, "adapter", 'memwalk build adapter "Pont Neuf"', 'memwalk ask "..." --form adapter')
    command(build, list_, "list", "memwalk build list --json")


def add(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", help="Text, Markdown, HippoRAG corpus JSON, or folders of these.", show_default=False
        ),
    ],
    space: Annotated[
        str, typer.Option(metavar="SPACE", help="Where the units live; you must be a writer there.")
    ] = "default",
    openie: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="HippoRAG OpenIE results: entities and facts come from there instead of spaCy.",
            show_default=False,
        ),
    ] = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Add files and folders: documents become passages, entities and facts.

    What is unchanged since the last time costs nothing. Sources that cannot be read are named, the rest is
    added, and the exit code is 1.
    """
    run = Run.of(context, store, principal)
    with run.open(make=True) as memory:
        report = memory.add(*paths, space=space, openie=openie, progress=run.progress)
    if json:
        emit_json(_document.of_report(report))
    else:
        show(_render.report_table(report))
    for error in report.skipped[:_TOLD]:
        warn(f"skipped {error}")
    if len(report.skipped) > _TOLD:
        warn(f"and {len(report.skipped) - _TOLD} more: --json lists them all")
    # Rows of an OpenIE file that make no sense are left out; that is no failure of what was asked.
    if any(openie is None or error.path != str(openie) for error in report.skipped):
        raise typer.Exit(FAILED)


def kv(
    context: typer.Context,
    units: Units,
    space: HomeSpace = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Compute the KV cache of some units, in this order, and keep it as a unit.

    Readable by those who may read all of the units; stale, and never loaded, once one of them changes.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        built = memory.build_kv(units, space=space, progress=run.progress)
    _show_built([built], json=json)


def adapter(
    context: typer.Context,
    units: Units,
    space: HomeSpace = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Train a LoRA adapter on some units, and keep it as a unit.

    Readable by those who may read all of the units; stale, and never attached, once one of them changes.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        built = memory.build_adapter(units, space=space, progress=run.progress)
    _show_built([built], json=json)


def list_(context: typer.Context, store: StoreAt = None, principal: As = None, json: Json = False) -> None:
    """List the KV blocks and adapters you may read, stale ones marked."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        built = memory.loadables()
    _show_built(built, json=json)


def _show_built(built: "list[Loadable]", *, json: bool) -> None:
    if json:
        emit_json({"loadables": [_document.of_loadable(loadable) for loadable in built]})
    else:
        show(_render.loadables_table(built))
