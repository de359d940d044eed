# SPDX-License-Identifier: Apache-2.0
"""`memwalk space`, `principal`, `grant`, `revoke`, `grants`: who may read and write what."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._run import As, Json, Run, StoreAt, command, group
from memwalk.cli._streams import emit_json, say, show
from memwalk.cli._times import TIME_FORMS, parse_time

__all__ = ["register"]

_PANEL = "Rights"


class RoleName(StrEnum):
    """What a grant allows; each includes those before it."""

    reader = "reader"
    writer = "writer"
    admin = "admin"


class PrincipalKind(StrEnum):
    """What a principal is."""

    user = "user"
    group = "group"
    agent = "agent"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    space = group(app, "space", "Spaces: containers of units, which grants point at.", _PANEL)
    command(space, space_add, "add", "memwalk space add work", "memwalk space add diary --local-only")
    command(space, space_list, "list", "memwalk space list --json")
    principal = group(app, "principal", "Principals: users, groups and agents.", _PANEL)
    command(
        principal,
        principal_add,
        "add",
        "memwalk principal add staff --kind group",
        "memwalk principal add alice --group staff",
    )
    command(principal, principal_list, "list", "memwalk principal list --json")
    command(
        app,
        grant,
        "grant",
        "memwalk grant alice writer --space work",
        "memwalk grant bob reader --space work --until 30d",
        panel=_PANEL,
    )
    command(app, revoke, "revoke", "memwalk revoke bob --space work", panel=_PANEL)
    command(app, grants, "grants", "memwalk grants --space work", panel=_PANEL)


def space_add(
    context: typer.Context,
    space: Annotated[str, typer.Argument(metavar="SPACE", help="Its name.", show_default=False)],
    local_only: Annotated[
        bool, typer.Option("--local-only", help="Nothing of it is ever sent to a remote model.")
    ] = False,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Create a space (administrators)."""
    run = Run.of(context, store, principal)
    with run.open(make=True) as memory:
        made = memory.create_space(space, local_only=local_only)
    say(f"space {made.id}{', local-only' if made.local_only else ''}; memwalk grant PRINCIPAL ROLE --space {made.id}")


def space_list(context: typer.Context, store: StoreAt = None, principal: As = None, json: Json = False) -> None:
    """List the spaces you may read."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        spaces = memory.spaces()
    if json:
        emit_json({"spaces": [_document.of_space(space) for space in spaces]})
    else:
        show(_render.spaces_table(spaces))


def principal_add(
    context: typer.Context,
    new: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Its name.", show_default=False)],
    kind: Annotated[PrincipalKind, typer.Option(help="What it is.")] = PrincipalKind.user,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GROUP", help="A group it is a member of; may be given several times.", show_default=False
        ),
    ] = None,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Create a user, a group or an agent (administrators)."""
    run = Run.of(context, store, principal)
    with run.open(make=True) as memory:
        made = memory.create_principal(new, kind=kind.value, groups=group or ())
    say(f"{made.kind} {made.id}{', in ' + ', '.join(made.groups) if made.groups else ''}")


def principal_list(context: typer.Context, store: StoreAt = None, principal: As = None, json: Json = False) -> None:
    """List all principals with their groups (administrators)."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        principals = memory.principals()
    if json:
        emit_json({"principals": [_document.of_principal(found) for found in principals]})
    else:
        show(_render.principals_table(principals))


def grant(
    context: typer.Context,
    grantee: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who gets it.", show_default=False)],
    role: Annotated[
        RoleName,
        typer.Argument(
            metavar="ROLE", help="reader, writer or admin; each includes those before it.", show_default=False
        ),
    ],
    space: Annotated[str, typer.Option(metavar="SPACE", help="On what.", show_default=False)],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help=f"When it ends: {TIME_FORMS}.",
            show_default=False,
        ),
    ] = None,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Give a principal a role on a space (the space's administrators).

    An administrator of the store who names a principal or a space that is not there yet creates it.
    """
    run = Run.of(context, store, principal)
    end = None if until is None else parse_time(until, time.time_ns() // 1_000_000, option="--until")
    with run.open(make=True) as memory:
        memory.grant(grantee, role.value, space=space, until=end)
    say(f"{grantee} is {role.value} of {space}{f' until {_render.minutes(end)}' if end else ''}")


def revoke(
    context: typer.Context,
    grantee: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who loses it.", show_default=False)],
    space: Annotated[str, typer.Option(metavar="SPACE", help="On what.", show_default=False)],
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """End all of a principal's own grants on a space (the space's administrators).

    What it may do there through its groups stays.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        ended = memory.revoke(grantee, space=space)
    say(f"ended {ended} grants of {grantee} on {space}" if ended else f"{grantee} held no grant of its own on {space}")


def grants(
    context: typer.Context,
    space: Annotated[
        str | None, typer.Option(metavar="SPACE", help="On this space alone (default: on all).", show_default=False)
    ] = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """List the running grants (administrators of the space, or of the store)."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        running = memory.grants(space)
    if json:
        emit_json({"grants": [_document.of_grant(found) for found in running]})
    else:
        show(_render.grants_table(running))
