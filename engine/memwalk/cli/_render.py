# SPDX-License-Identifier: Apache-2.0
"""What a person sees: tables, panels and lines. Text of the store is shown as it is, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.constrain import Constrain
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from memwalk.cli._document import time_of
from memwalk.cli._streams import clean, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from rich.console import RenderableType

    from memwalk.ingest import AddReport, Spent
    from memwalk.memory import Answer
    from memwalk.models import ModelStatus
    from memwalk.policy import Grant, Principal, Space
    from memwalk.store import BackupHeader, CheckReport
    from memwalk.units import Loadable, Unit
    from memwalk.walk import Result

__all__ = [
    "answer_footer",
    "backup_facts",
    "check_report",
    "facts_lines",
    "grants_table",
    "history_table",
    "loadables_table",
    "minutes",
    "models_table",
    "principals_table",
    "report_table",
    "result",
    "rows_table",
    "short_id",
    "size",
    "spaces_table",
    "unit_panel",
]

_SNIPPET = 240
_UNIT_TEXT = 4_000
_PANEL = 100
_COLUMN = 20
"""Cells up to this width are not folded while there is room."""


def short_id(unit_id: str) -> str:
    """As much of an id as tells it apart; ids that sort by time start alike, so they are shown whole.

    >>> short_id("3f2a9c1e-5b00-5abc-8000-756e69747300"), short_id("0199c0de-0000-7000-8000-000000000001")
    ('3f2a9c1e', '0199c0de-0000-7000-8000-000000000001')
    """
    return unit_id if unit_id[14:15] == "7" else unit_id[:8]


def size(count: float) -> str:
    """Bytes for people.

    >>> size(512), size(1_234_567), size(5_600_000_000)
    ('512 B', '1.2 MB', '5.6 GB')
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} B"


def rows_table(columns: Iterable[str], rows: Iterable[Iterable[str | Text]], *, numbers: Iterable[str] = ()) -> Table:
    """A table of plain text; the columns named in `numbers` are set to the right."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    cells = [[Text(clean(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    for place, column in enumerate(columns):
        aligned = column in set(numbers)
        table.add_column(
            Text(clean(column)),
            justify="right" if aligned else "left",
            overflow="fold",
            no_wrap=aligned,
            min_width=min(_COLUMN, max((row[place].cell_len for row in cells), default=0)),
        )
    for row in cells:
        table.add_row(*row)
    return table


def facts_lines(facts: Mapping[str, str]) -> RenderableType:
    """Names and values, one pair a line."""
    width = max(len(name) for name in facts)
    return Group(*(Text.assemble((name.ljust(width), "bold"), "  ", clean(value)) for name, value in facts.items()))


def backup_facts(header: BackupHeader, file: Path) -> dict[str, str]:
    """What a backup is of."""
    return {
        "backup": f"{file}, {size(header.bytes)}",
        "written": f"{time_of(header.at)} by memwalk {header.memwalk}",
        "Neo4j": header.neo4j,
        "id": header.store,
        "changes": f"up to number {header.change}",
        "payloads": f"{header.payloads:,}" if not header.payloads_url else f"at {header.payloads_url}",
    }


def check_report(report: CheckReport) -> RenderableType:
    """What a check looked at, and what it found."""
    counts = {
        "units": f"{report.units:,}",
        "versions": f"{report.versions:,}",
        "changes": f"{report.changes:,}",
        "payloads": f"{report.payloads:,}",
        "orphans": f"{report.orphans:,} payloads that nothing names, {size(report.orphan_bytes)}: no fault",
    }
    if report.staged:
        counts["staged"] = f"{report.staged:,} units of an unfinished import: import its file again, or --discard it"
    if report.sound:
        return Group(facts_lines(counts), Text("all is as it must be", "green"))
    rows = [(finding.kind, finding.where, finding.detail) for finding in report.findings]
    return Group(facts_lines(counts), Text(), rows_table(("found", "where", "what"), rows))


def report_table(report: AddReport) -> RenderableType:
    """What an `add` did, and where the time went."""
    counts = {
        "documents": report.documents,
        "unchanged": report.unchanged,
        "passages": report.passages,
        "entities": report.entities,
        "facts": report.facts,
        "pruned": report.pruned,
        "retired": report.retired,
        "extracted": report.extracted,
        "embedded": report.embedded,
        "skipped": len(report.skipped),
    }
    total = sum(report.seconds.values())
    times = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items())
    rows = [(name, f"{count:,}") for name, count in counts.items()]
    lines = [Text(f"{total:.1f} s: {times}")]
    if report.spent is not None:
        lines.append(Text(_spent(report.spent)))
    return Group(rows_table(("added", "count"), rows, numbers=["count"]), *lines)


def _spent(spent: Spent) -> str:
    """What an endpoint cost."""
    price = "" if spent.cost is None else f", cost {spent.cost:,.4f}"
    tokens = f"{spent.tokens_in:,} tokens read, {spent.tokens_out:,} written"
    return f"endpoint: {spent.requests:,} answers, {spent.reused:,} reused, {tokens}{price}"


def result(place: int, found: Result) -> RenderableType:
    """A passage that was found, and why in a line or two."""
    head = Text.assemble(
        (f"{place:2} ", "dim"),
        (one_line(found.name, 80), "bold"),
        (f"  {found.score:.4f}  {found.space}  {short_id(found.unit_id)}", "dim"),
    )
    why = [f"seed: {_seeds(found.seeds)}"] if found.seeds else []
    if found.path:
        steps = "".join(f" -[{step.edge}]- {one_line(step.target_name, 60)}" for step in found.path)
        why.append(f"path: {one_line(found.path[0].source_name, 60)} ({_seeds(found.origin)}){steps}")
    lines = [Text(one_line(found.text, _SNIPPET)), *(Text(line, "cyan") for line in why)]
    return Padding(Group(head, Padding(Group(*lines), (0, 0, 0, 3))), (0, 0, 1, 0))


def _seeds(shares: Mapping[str, float]) -> str:
    """Starting mass by kind of seed, the most first."""
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{kind} {share:.0%}" for kind, share in ordered)


def unit_panel(unit: Unit, loadable: Loadable | None) -> RenderableType:
    """A unit with its text."""
    facts = {"id": unit.id, "kind": unit.kind, "space": unit.space or "of its evidence", "version": str(unit.seq)}
    if unit.policy_class and unit.policy_class != f"space:{unit.space}":
        facts["needs"] = unit.policy_class
    facts |= {name: one_line(str(value), 400) for name, value in unit.properties.items() if value is not None}
    if unit.tags:
        facts["tags"] = ", ".join(unit.tags)
    facts |= {f"metadata {key}": one_line(str(value), 400) for key, value in unit.metadata.items()}
    bounds = {"holds from": unit.valid_from, "holds until": unit.valid_to}
    facts |= {name: minutes(ms) for name, ms in bounds.items() if ms is not None}
    if loadable is not None:
        facts["state"] = _freshness(loadable)
        facts["built from"] = ", ".join(f"{short_id(ref.id)} version {ref.seq}" for ref in loadable.sources)
    parts: list[RenderableType] = [facts_lines(facts)]
    text = clean(unit.text)
    if text and text != unit.name:
        more = f"\n… {len(text) - _UNIT_TEXT:,} more characters: --json shows all" if len(text) > _UNIT_TEXT else ""
        parts += [Text(), Text(text[:_UNIT_TEXT]), *([Text(more, "dim")] if more else [])]
    panel = Panel(Group(*parts), title=Text(one_line(unit.name, 80), "bold"), title_align="left", box=box.ROUNDED)
    return Constrain(panel, _PANEL)


def history_table(unit: Unit, versions: list[dict[str, Any]]) -> RenderableType:
    """The versions of a unit."""
    rows = [
        (
            str(row["seq"]),
            row["state"] or "",
            minutes(row["at"]) if row["at"] is not None else "",
            row["activity"] or "",
            row["principal"] or "",
            (row["content_hash"] or "")[:12],
        )
        for row in versions
    ]
    title = Text.assemble((unit.kind, "dim"), " ", (one_line(unit.name, 80), "bold"), (f"  {unit.id}", "dim"))
    return Group(title, rows_table(("version", "state", "at", "by", "for", "content"), rows, numbers=["version"]))


def loadables_table(loadables: Iterable[Loadable]) -> Table:
    """KV blocks and adapters."""
    rows = [
        (
            short_id(found.id),
            found.kind,
            one_line(found.name, 60),
            found.space,
            f"{found.tokens:,}" if found.tokens else "",
            size(found.bytes),
            _freshness(found),
        )
        for found in loadables
    ]
    columns = ("id", "kind", "over", "space", "tokens", "size", "state")
    return rows_table(columns, rows, numbers=["tokens", "size"])


def _freshness(loadable: Loadable) -> str:
    return "fresh" if loadable.fresh else "stale: a source changed since, build it again"


def answer_footer(answer: Answer) -> str:
    """What an answer cost and stood on, on one line."""
    forms: dict[str, int] = {}
    for pick in answer.plan.picks:
        forms[pick.form.value] = forms.get(pick.form.value, 0) + len(pick.units)
    loaded = ", ".join(f"{count} as {form}" for form, count in forms.items())
    parts = [f"units: {loaded}" if loaded else "no memory loaded"]
    if answer.seconds_to_first_token is not None:
        parts.append(f"first token after {answer.seconds_to_first_token:.2f} s")
    if answer.prefilled or answer.reused:
        parts.append(f"{answer.prefilled} tokens prefilled, {answer.reused} reused")
    return f"[{'; '.join(parts)}; activity {answer.activity}]"


def models_table(models: Iterable[ModelStatus]) -> Table:
    """The models, fetched or not."""
    rows = [
        (
            model.role,
            model.name,
            model.origin or "not here: memwalk models pull",
            size(model.size) if model.size is not None else "",
            model.licence or "",
            (model.fingerprint or "")[:12],
        )
        for model in models
    ]
    return rows_table(("role", "model", "from", "size", "licence", "fingerprint"), rows, numbers=["size"])


def spaces_table(spaces: Iterable[Space]) -> Table:
    """Spaces with their sizes."""
    rows = [(space.id, f"{space.documents:,}", "local-only" if space.local_only else "") for space in spaces]
    return rows_table(("space", "documents", ""), rows, numbers=["documents"])


def principals_table(principals: Iterable[Principal]) -> Table:
    """Principals with their groups."""
    return rows_table(("principal", "kind", "groups"), [(p.id, p.kind, ", ".join(p.groups)) for p in principals])


def grants_table(grants: Iterable[Grant]) -> Table:
    """Grants and denials with their windows."""
    rows = [
        (
            g.principal,
            f"not {g.role}" if g.denied else g.role,
            f"{g.space}, unit {g.unit}" if g.unit else g.space or "the whole store",
            minutes(g.since),
            minutes(g.until) or "no end",
        )
        for g in grants
    ]
    return rows_table(("principal", "role", "on", "since", "until"), rows)


def minutes(ms: int) -> str:
    """A time (ms) to the minute; empty for one that never comes."""
    moment = time_of(ms)
    return f"{moment[:10]} {moment[11:16]}Z" if moment else ""
