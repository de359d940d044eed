# SPDX-License-Identifier: Apache-2.0
"""`memwalk search`, `explain`, `show`, `history`: looking into a memory."""

import time
from typing import Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import clean, emit_json, say, show, write
from memwalk.cli._unit_lines import given_time
from memwalk.cli._units import At, ValidAt

__all__ = ["register"]

_PANEL = "Looking in"
Query = Annotated[str, typer.Argument(metavar="QUERY", help="A question or some words.", show_default=False)]
Reference = Annotated[
    str,
    typer.Argument(metavar="UNIT", help="An id, the first 6 characters of one or more, or a name.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(
        app,
        search,
        "search",
        'memwalk search "Who paid for the bridge?" --limit 5',
        'memwalk search "Who paid for the bridge?" --at "2d ago"',
        panel=_PANEL,
    )
    command(app, explain, "explain", 'memwalk explain "Who paid for the bridge?"', panel=_PANEL)
    command(
        app, show_, "show", "memwalk show 3f2a9c1e", 'memwalk show "Pont Neuf" --at 2026-11-01 --json', panel=_PANEL
    )
    command(app, history, "history", "memwalk history 3f2a9c1e", panel=_PANEL)


def search(
    context: typer.Context,
    query: Query,
    limit: Annotated[int, typer.Option(min=1, help="How many passages.")] = 10,
    at: At = None,
    valid_at: ValidAt = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Find passages by a walk over what you may read, best first.

    With --at as the store would have answered then, but for what you may no longer read and what was purged; the
    first search of a time reads the graph of then whole.
    """
    run = Run.of(context, store, principal)
    then, holds = _moment(at, valid_at)
    with run.open() as memory:
        results = memory.search(query, limit=limit, at=then, valid_at=holds)
    if json:
        emit_json({"query": query, "results": [_document.of_result(result) for result in results]})
    elif results:
        show(*(_render.result(place, result) for place, result in enumerate(results, start=1)))
    else:
        say("nothing found")


def explain(
    context: typer.Context,
    query: Query,
    limit: Annotated[int, typer.Option(min=1, help="How many passages.")] = 5,
    at: At = None,
    valid_at: ValidAt = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Tell the walk for a query in words: its seeds, and the strongest path to each passage."""
    run = Run.of(context, store, principal)
    then, holds = _moment(at, valid_at)
    with run.open() as memory:
        if json:
            found = memory.search(query, limit=limit, at=then, valid_at=holds)
            results = [_document.of_result(result) for result in found]
        else:
            text = memory.explain(query, limit=limit, at=then, valid_at=holds)
    if json:
        emit_json({"query": query, "results": results})
    else:
        write(clean(text) + "\n")


def show_(
    context: typer.Context,
    reference: Reference,
    at: At = None,
    valid_at: ValidAt = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Show one unit as its head version says it is, or with --at as it was, forgotten since or not."""
    run = Run.of(context, store, principal)
    then, holds = _moment(at, valid_at)
    with run.open() as memory:
        unit = memory.show(reference, at=then, valid_at=holds)
        loadable = next((found for found in memory.loadables() if found.id == unit.id), None)
    if json:
        emit_json(_document.of_unit(unit, loadable))
    else:
        show(_render.unit_panel(unit, loadable))


def history(
    context: typer.Context, reference: Reference, store: StoreAt = None, principal: As = None, json: Json = False
) -> None:
    """Show the versions of a unit, forgotten or not, newest first, with what made them and on whose behalf."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        unit = memory.show(reference, retired=True)
        versions = memory.history(unit.id)
    if json:
        emit_json({"unit": _document.of_unit(unit, None), "versions": [_document.of_version(row) for row in versions]})
    else:
        show(_render.history_table(unit, versions))


def _moment(at: str | None, valid_at: str | None) -> tuple[int | None, int | None]:
    """System and world time as they were typed, in ms."""
    present = round(time.time() * 1000)
    return given_time(at, present, "--at"), given_time(valid_at, present, "--valid-at")
