# SPDX-License-Identifier: Apache-2.0
"""`memwalk space`, `principal`, `group`: what rights are about, and whose they are."""

from enum import StrEnum
from typing import Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._run import As, Json, Run, StoreAt, command, group
from memwalk.cli._streams import emit_json, say, show

__all__ = ["register"]

_PANEL = "Rights"


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
    groups = group(app, "group", "Groups: whoever is in one has its rights, and is bound by its denials.", _PANEL)
    command(groups, group_add, "add", "memwalk group add staff alice bob", "memwalk group add company staff")
    command(groups, group_remove, "remove", "memwalk group remove staff bob")


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


Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group.", show_default=False)]
Members = Annotated[
    list[str], typer.Argument(metavar="PRINCIPAL...", help="Users, agents, or other groups.", show_default=False)
]


def group_add(
    context: typer.Context, group: Group, members: Members, store: StoreAt = None, principal: As = None
) -> None:
    """Put principals into a group (administrators).

    A group may be in other groups; none can be in itself, not even through others.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        for member in members:
            added = memory.add_member(member, group)
            say(f"{member} is in {group}{'' if added else ' already'}")


def group_remove(
    context: typer.Context, group: Group, members: Members, store: StoreAt = None, principal: As = None
) -> None:
    """Take principals out of a group (administrators)."""
    run = Run.of(context, store, principal)
    with run.open() as memory:
        for member in members:
            memory.remove_member(member, group)
            say(f"{member} is no longer in {group}")
