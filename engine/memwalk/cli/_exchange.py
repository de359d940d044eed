# SPDX-License-Identifier: Apache-2.0
"""`memwalk export` and `memwalk import`: a subgraph as one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memwalk.cli._render import facts_lines, size
from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import emit_json, say, show, warn

if TYPE_CHECKING:
    from memwalk.units.exchange import ExportReport, ImportReport

__all__ = ["register"]

_PANEL = "Moving"
_TOLD = 20
File = Annotated[Path, typer.Argument(metavar="FILE", help="The export file.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(
        app,
        export,
        "export",
        "memwalk export notes.zip",
        "memwalk export work.zip --space work --as alice",
        'memwalk export bridge.zip --unit "Pont Neuf"',
        "memwalk export graph.graphml --graphml",
        panel=_PANEL,
    )
    command(app, import_, "import", "memwalk import notes.zip", "memwalk import --discard", panel=_PANEL)


def export(
    context: typer.Context,
    file: File,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPACE", help="Only the units of this space; may be given several times.", show_default=False
        ),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="UNIT",
            help="Only this unit, by id or name, and its parts; may be given several times.",
            show_default=False,
        ),
    ] = None,
    graphml: Annotated[
        bool,
        typer.Option("--graphml", help="Only entities and facts, as GraphML, for any graph program; `add` reads it."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Write what you may read into one file that another store, or another Neo4j version, can import.

    Units with their versions, provenance, vectors and payloads; what they were made from comes along. Grants and
    denials come along where you administer. docs/export-format.md describes the file.
    """
    run = Run.of(context, store, principal)
    if graphml:
        if unit:
            raise typer.BadParameter("goes with spaces, not with units", param_hint="--graphml")
        _export_graph(run, file, space, force=force, json=json)
        return
    with run.open() as memory, run.drawing() as progress:
        report = memory.export(file, spaces=space, units=unit, replace=force, progress=progress)
    if json:
        emit_json(_exported(report))
    else:
        counts = report.counts
        facts = {
            "file": f"{report.path}, {size(report.bytes)}",
            "units": f"{counts['units.jsonl']} in {counts['versions.jsonl']} versions",
            "payloads": str(counts["payloads"]),
            "seal": report.seal,
        }
        show(facts_lines(facts))


def _export_graph(run: Run, file: Path, spaces: list[str] | None, *, force: bool, json: bool) -> None:
    with run.open() as memory:
        report = memory.export_graph(file, spaces=spaces, replace=force)
    if json:
        emit_json({"path": report.path, "bytes": report.bytes, "entities": report.entities, "facts": report.facts})
    else:
        show(
            facts_lines(
                {
                    "file": f"{report.path}, {size(report.bytes)}",
                    "entities": str(report.entities),
                    "facts": str(report.facts),
                }
            )
        )


def import_(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The export file.", show_default=False)] = None,
    widen: Annotated[
        bool,
        typer.Option(
            "--widen", help="Take grants, denials and memberships on spaces and groups that are there already, too."
        ),
    ] = False,
    discard: Annotated[
        bool,
        typer.Option("--discard", help="Read no file: take back what killed imports left, which nobody can read."),
    ] = False,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Read an export file into the store (administrators); what is there already, and the same, stays.

    The whole file is verified first. Nothing is stored if it was changed since it was written, or says otherwise
    than the store. It is not signed: import only files from somebody you trust.

    An import that was killed goes on when its file is imported again; if that is lost, --discard clears it away.
    """
    run = Run.of(context, store, principal)
    if discard:
        if file is not None or widen:
            raise typer.BadParameter("takes neither a file nor --widen", param_hint="--discard")
        _discard(run, json=json)
        return
    if file is None:
        raise typer.BadParameter("give the export file", param_hint="FILE")
    with run.open(make=True) as memory, run.drawing() as progress:
        report = memory.import_archive(file, widen=widen, progress=progress)
    if json:
        emit_json(_imported(report))
        return
    facts = {
        "units": f"{report.units} new, {report.present} there already",
        "payloads": str(report.payloads),
        "spaces": ", ".join(report.spaces) or "none new",
        "principals": ", ".join(report.principals) or "none new",
        "seal": report.seal,
    }
    show(facts_lines(facts))
    for line in report.left_out[:_TOLD]:
        warn(f"left out: {line}")
    if report.left_out:
        warn(f"{len(report.left_out)} in all concern what was there before; --widen takes them")


def _discard(run: Run, *, json: bool) -> None:
    with run.open() as memory:
        found = memory.discard_imports()
    if json:
        emit_json({"discarded": [{"seal": one.seal, "units": one.units, "kept": one.kept} for one in found]})
        return
    for one in found:
        say(f"discarded {one.units} unit{'' if one.units == 1 else 's'} of the import of {one.seal}")
        if one.kept:
            warn(f"{one.kept} stay, unreadable: units that had been revealed stand on them")
    if not found:
        say("no import is unfinished")


def _exported(report: "ExportReport") -> dict[str, Any]:
    return {"path": report.path, "bytes": report.bytes, "seal": report.seal, "counts": report.counts}


def _imported(report: "ImportReport") -> dict[str, Any]:
    return {
        "path": report.path,
        "seal": report.seal,
        "units": {"new": report.units, "present": report.present},
        "payloads": report.payloads,
        "spaces": list(report.spaces),
        "principals": list(report.principals),
        "left_out": list(report.left_out),
    }
