# SPDX-License-Identifier: Apache-2.0
"""`memwalk grant`, `deny`, `revoke`, `undeny`, `grants`, `can`, `publish`: who may read and write what."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import clean, emit_json, say, show, write
from memwalk.cli._times import TIME_FORMS, parse_time

__all__ = ["register"]

_PANEL = "Rights"


class RoleName(StrEnum):
    """What a grant allows; each includes those before it."""

    reader = "reader"
    writer = "writer"
    admin = "admin"


class Action(StrEnum):
    """What somebody may or may not do with a unit."""

    read = "read"
    write = "write"
    administer = "administer"


Who = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="A user, group or agent.", show_default=False)]
Role = Annotated[
    RoleName,
    typer.Argument(metavar="ROLE", help="reader, writer or admin; each includes those before it.", show_default=False),
]
Space = Annotated[str | None, typer.Option("--space", metavar="SPACE", help="On this space.", show_default=False)]
OfUnit = Annotated[
    str | None,
    typer.Option(
        "--unit", metavar="UNIT", help="On this one unit: an id, the beginning of one, or a name.", show_default=False
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="WHEN", help=f"When it begins (default: now): {TIME_FORMS}.", show_default=False),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="When it ends (default: never).", show_default=False),
]
Unit = Annotated[
    str, typer.Argument(metavar="UNIT", help="An id, the beginning of one, or a name.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(
        app,
        grant,
        "grant",
        "memwalk grant alice writer --space work",
        "memwalk grant bob reader --space work --until 30d",
        "memwalk grant carol reader --unit 0190a1 --from 2026-12-01",
        panel=_PANEL,
    )
    command(
        app,
        deny,
        "deny",
        "memwalk deny bob reader --unit 0190a1",
        "memwalk deny interns writer --space work",
        panel=_PANEL,
    )
    command(app, revoke, "revoke", "memwalk revoke bob --space work", panel=_PANEL)
    command(app, undeny, "undeny", "memwalk undeny bob --unit 0190a1", panel=_PANEL)
    command(app, grants, "grants", "memwalk grants --space work", "memwalk grants --unit 0190a1 --json", panel=_PANEL)
    command(app, can, "can", "memwalk can bob read 0190a1", "memwalk can me write 0190a1 --as me", panel=_PANEL)
    command(app, publish, "publish", "memwalk publish 0190a1", "memwalk publish 0190a1 --undo", panel=_PANEL)


def grant(
    context: typer.Context,
    grantee: Who,
    role: Role,
    space: Space = None,
    unit: OfUnit = None,
    since: From = None,
    until: Until = None,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Give a principal a role on a space or on one unit (its administrators).

    From its beginning on it takes the place of what was granted in the same role. An administrator of the
    store who names a principal or a space that is not there yet creates it.
    """
    (begin, end), target = _window(since, until), _target(space, unit)
    with Run.of(context, store, principal).open(make=True) as memory:
        memory.grant(grantee, role.value, space=space, unit=unit, since=begin, until=end)
    say(f"{grantee} is {role.value} of {target}{_when(begin, end)}")


def deny(
    context: typer.Context,
    denied: Who,
    role: Role,
    space: Space = None,
    unit: OfUnit = None,
    since: From = None,
    until: Until = None,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Deny a principal a role, and those that include it, on a space or on one unit (its administrators).

    A denial wins over every grant, also one to a group the principal is in: denied reader it may do nothing,
    denied writer it may still read. A denial of a group binds all who are in it.
    """
    (begin, end), target = _window(since, until), _target(space, unit)
    with Run.of(context, store, principal).open() as memory:
        memory.deny(denied, role.value, space=space, unit=unit, since=begin, until=end)
    say(f"{denied} is denied {role.value} on {target}{_when(begin, end)}")


def revoke(
    context: typer.Context,
    grantee: Who,
    space: Space = None,
    unit: OfUnit = None,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """End all of a principal's own grants on a space or on one unit, those to come included (its administrators).

    What it may do there through its groups stays.
    """
    target = _target(space, unit)
    with Run.of(context, store, principal).open() as memory:
        ended = memory.revoke(grantee, space=space, unit=unit)
    say(
        f"ended {_counted(ended, 'grant')} of {grantee} on {target}"
        if ended
        else f"{grantee} held no grant of its own on {target}"
    )


def undeny(
    context: typer.Context,
    denied: Who,
    space: Space = None,
    unit: OfUnit = None,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """End all of a principal's own denials on a space or on one unit, those to come included (its administrators)."""
    target = _target(space, unit)
    with Run.of(context, store, principal).open() as memory:
        ended = memory.undeny(denied, space=space, unit=unit)
    say(
        f"ended {_counted(ended, 'denial')} of {denied} on {target}"
        if ended
        else f"{denied} was not itself denied on {target}"
    )


def grants(
    context: typer.Context,
    space: Annotated[
        str | None,
        typer.Option(metavar="SPACE", help="On this space and its units (default: on all).", show_default=False),
    ] = None,
    unit: OfUnit = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """List the grants and denials that run or are to come (administrators of what they are on)."""
    if space is not None and unit is not None:
        raise typer.BadParameter("give one of --space and --unit, or none", param_hint="--space")
    with Run.of(context, store, principal).open() as memory:
        found = memory.grants(space, unit=unit)
    if json:
        emit_json({"grants": [_document.of_grant(one) for one in found]})
    else:
        show(_render.grants_table(found))


def can(
    context: typer.Context,
    asked: Who,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="read, write or administer.", show_default=False)],
    unit: Unit,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Tell whether somebody may do something with a unit, and which memberships and grants decide it.

    For yourself, or, if you administer all that is involved, for anybody.
    """
    with Run.of(context, store, principal).open() as memory:
        decision = memory.can(asked, action.value, unit)
    if json:
        emit_json(_document.of_decision(decision))
    else:
        write(f"{clean(str(decision))}\n")


def publish(
    context: typer.Context,
    unit: Unit,
    undo: Annotated[bool, typer.Option("--undo", help="Make it need the rights of its sources again.")] = False,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Let a derived unit be read without the rights of its sources (administrators of it and of all of these).

    Somebody then needs the unit's own right alone. A later version that is made of something else needs the
    right to that, until it is published again.
    """
    with Run.of(context, store, principal).open() as memory:
        if undo:
            memory.unpublish(unit)
            say(f"unit {unit} needs the rights of its sources again")
            return
        dropped = memory.publish(unit)
    say(f"unit {unit} no longer needs {', '.join(dropped)}" if dropped else f"unit {unit} needs its own right alone")


def _window(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    now = time.time_ns() // 1_000_000
    begin = None if since is None else parse_time(since, now, option="--from")
    end = None if until is None else parse_time(until, now, option="--until")
    if end is not None and end <= max(now, begin or now):
        raise typer.BadParameter(f"{until!r} is over before it begins", param_hint="--until")
    return None if begin is not None and begin <= now else begin, end  # neither can reach back, nor be told as if


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _target(space: str | None, unit: str | None) -> str:
    """What it is on, in words; one of the two options was given."""
    if (space is None) == (unit is None):
        raise typer.BadParameter("give one of --space and --unit", param_hint="--space")
    return f"unit {unit}" if unit else str(space)


def _when(begin: int | None, end: int | None) -> str:
    since = f" from {_render.minutes(begin)}" if begin else ""
    return since + (f" until {_render.minutes(end)}" if end else "")
