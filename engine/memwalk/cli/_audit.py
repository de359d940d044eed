# SPDX-License-Identifier: Apache-2.0
"""`memwalk audit`: who wrote and who read what, and whether these records are whole."""

import json as json_text
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memwalk.cli import _render
from memwalk.cli._document import time_of
from memwalk.cli._errors import FAILED
from memwalk.cli._run import As, Json, Run, StoreAt, command, group
from memwalk.cli._streams import emit_json, show
from memwalk.cli._times import TIME_FORMS, parse_time

if TYPE_CHECKING:
    from memwalk.store import ChainReport

__all__ = ["register"]

_PANEL = "Rights"

By = Annotated[str | None, typer.Option("--by", metavar="PRINCIPAL", help="By this one alone.", show_default=False)]
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help=f"From then on: {TIME_FORMS}.", show_default=False)
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Before then.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most, the latest.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    audit = group(app, "audit", "The audit of writes and reads (administrators).", _PANEL)
    command(
        audit,
        list_,
        "list",
        "memwalk audit list --by alice --since '7d ago'",
        "memwalk audit list --operation purge --json",
    )
    command(audit, reads, "reads", "memwalk audit reads --of 3f2a9c1e-5b00-5abc-8000-756e69747300")
    command(
        audit,
        verify,
        "verify",
        "memwalk audit verify",
        "memwalk audit verify --changes 120:9f86d081… --reads 4711:2c26b46b…",
    )


def list_(
    context: typer.Context,
    by: By = None,
    operation: Annotated[
        str | None, typer.Option(metavar="NAME", help="This operation alone: add, grant, purge, …", show_default=False)
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="ID", help="What changed this unit, principal or space alone.", show_default=False),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """List committed writes, the latest first: adds, updates, grants, purges, generations.

    They say who did what to which units, never what a unit says.
    """
    run = Run.of(context, store, principal)
    window = _window(since, until)
    with run.open() as memory:
        changes = memory.audit(principal=by, operation=operation, unit=unit, limit=limit, **window)
    if json:
        documents = [
            {
                "seq": change.seq,
                "at": time_of(change.at),
                "operation": change.operation,
                "principal": change.principal or None,
                "units": list(change.units),
                "detail": change.detail,
            }
            for change in changes
        ]
        emit_json({"changes": documents})
        return
    rows = [
        (str(c.seq), _render.minutes(c.at), c.operation, c.principal, _units(c.units), _facts(c.detail))
        for c in changes
    ]
    show(_render.rows_table(("number", "at", "operation", "for", "changed", "detail"), rows, numbers=["number"]))


def reads(
    context: typer.Context,
    by: By = None,
    action: Annotated[
        str | None, typer.Option(metavar="NAME", help="This kind of read alone: search, show, …", show_default=False)
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="That asked for this: a unit's id, or the exact text.", show_default=False),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """List reads, the latest first: that they were asked for, not what came of it.

    Of a text that was asked only a keyed hash is kept; --of finds it by the text.
    """
    run = Run.of(context, store, principal)
    window = _window(since, until)
    with run.open() as memory:
        found = memory.audit_reads(principal=by, action=action, target=of, limit=limit, **window)
    if json:
        documents = [
            {
                "seq": r.seq,
                "at": time_of(r.at),
                "principal": r.principal,
                "action": r.action,
                "target": r.target or None,
            }
            for r in found
        ]
        emit_json({"reads": documents})
        return
    rows = [(str(r.seq), _render.minutes(r.at), r.principal, r.action, r.target[:36]) for r in found]
    show(_render.rows_table(("number", "at", "for", "action", "target"), rows, numbers=["number"]))


def verify(
    context: typer.Context,
    changes: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="The writes' head that an earlier run printed.", show_default=False),
    ] = None,
    reads: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="The reads' head that an earlier run printed.", show_default=False),
    ] = None,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Recompute the hash chains of writes and reads, and tell the first changed, missing or reordered record.

    Keep the heads it prints somewhere else: given again, they show even a chain that was written anew as a whole.
    Ends with exit code 1 if anything is wrong.
    """
    from memwalk.store import Head

    run = Run.of(context, store, principal)
    anchors = {name: Head.parse(text) for name, text in (("changes", changes), ("reads", reads)) if text is not None}
    with run.open() as memory:
        report = memory.verify_audit(**anchors)
    if json:
        emit_json({"ok": report.ok, "changes": _document(report.changes), "reads": _document(report.reads)})
    else:
        show(_render.facts_lines({"writes": _sentence(report.changes), "reads": _sentence(report.reads)}))
    if not report.ok:
        raise typer.Exit(FAILED)


def _window(since: str | None, until: str | None) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    given = (("since", since), ("until", until))
    return {name: parse_time(text, now, option=f"--{name}") for name, text in given if text is not None}


def _units(units: tuple[str, ...]) -> str:
    shown = ", ".join(_render.short_id(unit) if len(unit) == 36 else unit for unit in units[:3])
    return shown + (f" and {len(units) - 3:,} more" if len(units) > 3 else "")


def _facts(detail: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json_text.dumps(value, ensure_ascii=False)}"
        for name, value in detail.items()
    )


def _document(report: "ChainReport") -> dict[str, Any]:
    fault = report.fault
    return {
        "ok": report.ok,
        "records": report.head.seq,
        "head": str(report.head),
        "fault": None if fault is None else {"seq": fault.seq, "kind": fault.kind, "message": fault.detail},
        "notes": list(report.notes),
    }


def _sentence(report: "ChainReport") -> str:
    if report.fault is None:
        said = f"whole, {report.head.seq:,} records, head {report.head}"
    else:
        said = f"record {report.fault.seq:,} is {report.fault.kind}: {report.fault.detail}; whole up to {report.head}"
    return "; ".join((said, *report.notes))
