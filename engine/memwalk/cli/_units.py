# SPDX-License-Identifier: Apache-2.0
"""`memwalk list`, `update`, `revert`, `forget`, `diff`, `lineage`: units over time, and where they come from."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memwalk.cli import _unit_render
from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import emit_json, say, show
from memwalk.cli._times import TIME_FORMS, parse_time
from memwalk.cli._unit_lines import given_time, read_lines
from memwalk.cli._values import parse_parameter

if TYPE_CHECKING:
    from memwalk.units import Unit

__all__ = ["At", "ValidAt", "register"]

_PANEL = "Units over time"
Reference = Annotated[
    str,
    typer.Argument(metavar="UNIT", help="An id, the first 6 characters of one or more, or a name.", show_default=False),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help=f"As the store was then ({TIME_FORMS}); rights are those of now.",
        show_default=False,
    ),
]
ValidAt = Annotated[
    str | None,
    typer.Option("--valid-at", metavar="TIME", help="Only what holds in the world then.", show_default=False),
]
Number = Annotated[
    int | None,
    typer.Option(
        "--version",
        metavar="N",
        min=1,
        help="Only if the unit still is at this version (default: the one it is at now).",
        show_default=False,
    ),
]


class StateName(StrEnum):
    """Which units are listed."""

    live = "live"
    retired = "retired"
    all = "all"


class Direction(StrEnum):
    """Which way a lineage goes."""

    up = "up"
    down = "down"
    both = "both"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(
        app,
        list_,
        "list",
        "memwalk list --space work --kind Note --tag plan",
        'memwalk list --at "2h ago"',
        "memwalk list --stale",
        panel=_PANEL,
    )
    command(
        app,
        update,
        "update",
        'memwalk update 3f2a9c1e --text "The bridge was paid for by Henry III." --tag checked',
        "memwalk update --units changes.jsonl",
        panel=_PANEL,
    )
    command(app, revert, "revert", "memwalk history 3f2a9c1e", "memwalk revert 3f2a9c1e 2", panel=_PANEL)
    command(app, forget, "forget", "memwalk forget 3f2a9c1e", "memwalk revert 3f2a9c1e 2", panel=_PANEL)
    command(app, diff, "diff", "memwalk diff 3f2a9c1e 1 3", panel=_PANEL)
    command(
        app,
        lineage,
        "lineage",
        "memwalk lineage 3f2a9c1e",
        "memwalk lineage 3f2a9c1e --direction down --json",
        panel=_PANEL,
    )


def list_(
    context: typer.Context,
    space: Annotated[str | None, typer.Option(metavar="SPACE", help="Of this space alone.", show_default=False)] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Of this kind alone: Note, Passage, Entity, …", show_default=False),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="With this tag; may be given several times.", show_default=False),
    ] = None,
    state: Annotated[StateName, typer.Option(help="Live ones, forgotten ones, or both.")] = StateName.live,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what was made of something that changed since; with --space.")
    ] = False,
    at: At = None,
    valid_at: ValidAt = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    after: Annotated[
        str, typer.Option(metavar="ID", help="Go on behind this id, the last of the page before.", show_default=False)
    ] = "",
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """List units you may read, by id.

    With --at as they were at a past time; what you may no longer read is not shown then either.
    """
    run = Run.of(context, store, principal)
    if stale and (kind or tag or at or valid_at or state is not StateName.live):
        raise typer.BadParameter("goes with --space, --limit and --after alone", param_hint="--stale")
    now = _now()
    with run.open() as memory:
        if stale:
            units = memory.stale(space=space, limit=limit, after=after)
        else:
            units = memory.list(
                space=space,
                kind=kind,
                tags=tag or (),
                state=None if state is StateName.all else state.value,
                at=given_time(at, now, "--at"),
                valid_at=given_time(valid_at, now, "--valid-at"),
                limit=limit,
                after=after,
            )
    if json:
        emit_json({"units": [_unit_render.of_listed(unit) for unit in units]})
    elif units:
        show(_unit_render.units_table(units))
    else:
        say("nothing found")
    if len(units) == limit:
        say(f"there may be more: --after {units[-1].id}")


def update(
    context: typer.Context,
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="[UNIT]", help="An id, the first 6 characters of one or more, or a name.", show_default=False
        ),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help='Many at once, all or none: JSON Lines of {"id", "version", and new values}; - reads stdin.',
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it says (notes, summaries, passages).", show_default=False)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What it is called (notes, summaries, chats).", show_default=False),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Add a tag; several times for more.", show_default=False)
    ] = None,
    untag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Take a tag away.", show_default=False)] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=JSON", help="Set a key of the metadata; null takes it away.", show_default=False),
    ] = None,
    valid_from: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Since when it holds in the world; '' for ever.", show_default=False),
    ] = None,
    valid_to: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until when; '' for no end.", show_default=False)
    ] = None,
    derived_from: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="ID[@N]",
            help="What it is made from now, instead of before; several times for more.",
            show_default=False,
        ),
    ] = None,
    version: Number = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Change a unit: a new version, if nobody was faster. The old one stays in its history.

    A passage is read again: entities and facts that only its old text spoke of go.
    """
    run = Run.of(context, store, principal)
    if (reference is None) == (units is None):
        raise typer.BadParameter("a unit, or --units", param_hint="UNIT")
    given = {"text": text, "name": name, "derived_from": derived_from}
    values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    now = _now()
    for key, typed in (("valid_from", valid_from), ("valid_to", valid_to)):
        if typed is not None:
            values[key] = parse_time(typed, now, option=f"--{key.replace('_', '-')}") if typed.strip() else None
    pairs = [_pair(one) for one in meta or ()]
    if reference is None:
        if values or tag or untag or pairs or version:
            raise typer.BadParameter("stands alone: what changes is in the file", param_hint="--units")
        from memwalk.units import as_change

        changes = read_lines(str(units), as_change, now)
    with run.open() as memory:
        if reference is not None:
            unit = memory.show(reference)
            changes = [{"id": unit.id, "version": version or unit.seq, **values, **_notes(unit, tag, untag, pairs)}]
        written = memory.update(changes)
    if json:
        emit_json(_unit_render.of_refs(written))
    else:
        show(_unit_render.refs_table(written))


def revert(
    context: typer.Context,
    reference: Reference,
    to: Annotated[int, typer.Argument(metavar="N", min=1, help="The version it shall say again.", show_default=False)],
    version: Number = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Make a unit say again what an earlier version said: a new version. A forgotten unit comes back.

    [bold]memwalk history[/bold] shows the versions, [bold]memwalk diff[/bold] what differs. The passages of a
    forgotten document come back one by one, or by adding the file again.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        unit = memory.show(reference, retired=True)
        written = memory.revert([{"id": unit.id, "version": version or unit.seq, "to": to}])
    if json:
        emit_json(_unit_render.of_refs(written))
    else:
        show(_unit_render.refs_table(written))


def forget(
    context: typer.Context,
    units: Annotated[
        list[str],
        typer.Argument(
            metavar="UNIT...", help="Ids, the first 6 characters of one or more, or names.", show_default=False
        ),
    ],
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Forget units: not found, walked or loaded any more. Their history stays; [bold]memwalk purge[/bold] erases.

    A document takes its passages along, a chat its messages; entities and facts go with the last passage that
    speaks of them. What was built from them is stale.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        gone = memory.forget(*[memory.show(unit).id for unit in units])
    if json:
        emit_json({"forgotten": gone})
    else:
        say(f"forgot {len(gone)} units; memwalk history UNIT and memwalk revert UNIT N bring one back")


def diff(
    context: typer.Context,
    reference: Reference,
    a: Annotated[int, typer.Argument(metavar="A", min=1, help="The number of a version.", show_default=False)],
    b: Annotated[int, typer.Argument(metavar="B", min=1, help="The number of another.", show_default=False)],
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Show what differs between two versions of a unit, field by field."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        found = memory.diff(reference, a, b)
    if json:
        emit_json(_unit_render.of_difference(found))
    else:
        show(_unit_render.difference_lines(found))


def lineage(
    context: typer.Context,
    reference: Reference,
    direction: Annotated[
        Direction, typer.Option(help="up: what it was made from; down: what depends on it.")
    ] = Direction.both,
    depth: Annotated[int, typer.Option(min=1, max=1_000, help="How many steps.")] = 10,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Show where a unit comes from and what was made of it, version by version, with who did it.

    What you may not read is not shown, nor what lies behind it.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        found = memory.lineage(reference, direction=direction.value, depth=depth)
    if json:
        emit_json(_unit_render.of_lineage(found))
    else:
        show(_unit_render.lineage_tree(found))


def _notes(
    unit: "Unit", tag: list[str] | None, untag: list[str] | None, pairs: list[tuple[str, Any]]
) -> dict[str, Any]:
    """Tags and metadata as they shall be."""
    values: dict[str, Any] = {}
    if tag or untag:
        values["tags"] = sorted({*unit.tags, *(tag or ())} - set(untag or ()))
    if pairs:
        merged = {**unit.metadata, **dict(pairs)}
        values["metadata"] = {key: value for key, value in merged.items() if value is not None}
    return values


def _pair(text: str) -> tuple[str, Any]:
    try:
        return parse_parameter(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not KEY=JSON", param_hint="--meta") from None


def _now() -> int:
    from memwalk.policy import now

    return now()
