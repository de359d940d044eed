# SPDX-License-Identifier: Apache-2.0
"""`memwalk add` and `memwalk build`: putting units into a memory."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memwalk.cli import _document, _render, _unit_render
from memwalk.cli._errors import FAILED
from memwalk.cli._run import As, Json, Run, StoreAt, command, group
from memwalk.cli._streams import emit_json, show, warn
from memwalk.cli._unit_lines import read_lines

if TYPE_CHECKING:
    from memwalk.ingest import AddReport
    from memwalk.units import Loadable

__all__ = ["register", "show_report"]

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
        "memwalk add page.html paper.pdf chat.jsonl graph.graphml edges.csv",
        "curl -s https://example.org/page.html | memwalk add - --name https://example.org/page.html",
        "memwalk add corpus.json --openie openie_results.json",
        "memwalk add reports/ --extractor endpoint",
        "memwalk add reports/ --prune",
        """echo '{"text": "Ada pays.", "tags": ["plan"]}' | memwalk add --units -""",
        panel=_PANEL,
    )
    build = group(app, "build", "Build what loads faster than text: KV blocks and adapters.", _PANEL)
    command(build, kv, "kv", 'memwalk build kv "Pont Neuf" "Henry III"', 'memwalk ask "..." --form kv')
    command(build, adapter, "adapter", 'memwalk build adapter "Pont Neuf"', 'memwalk ask "..." --form adapter')
    command(build, list_, "list", "memwalk build list --json")


def add(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH|-]...", help="Files, or folders of them; - reads stdin, with --name.", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What stdin is called: notes.md, or an address. Adding again under it changes that document.",
            show_default=False,
        ),
    ] = None,
    as_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="What all of it is, whatever the names say: text, markdown, html, pdf, jsonl, chat, hipporag, "
            "graphml, csv.",
            show_default=False,
        ),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Instead of files: notes and summaries, as JSON Lines; - reads stdin.",
            show_default=False,
        ),
    ] = None,
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
    extractor: Annotated[
        str,
        typer.Option(
            metavar="spacy|endpoint",
            help="What reads passages: spaCy here, or the endpoint of MEMWALK_EXTRACTOR_URL or OPENAI_BASE_URL.",
        ),
    ] = "spacy",
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Also retire the documents that came from there before and have vanished."),
    ] = False,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Add files and folders: documents become passages, entities and facts.

    What is unchanged since the last time costs nothing. Sources that cannot be read are named, the rest is
    added, and the exit code is 1. A long document is written part by part: `memwalk show` calls it unfinished
    until all of it is there, and the next add goes on with one that was stopped.

    The suffix says the format:

    .md .markdown, .html .htm .xhtml (the main text), .pdf (by page; a scan needs OCR first)

    .jsonl .ndjson: {"text", "title", "id"} a row a document; or {"role", "content", "time", "conversation"} a row
    a turn of a chat, or {"messages", "id", "title"} a row a chat. Only text, or role and content, must be.

    .json: a HippoRAG corpus, [{"title", "text"}]

    .graphml, .csv .tsv (with a header: source, predicate, target; count): a graph. Its nodes and edges become
    entities and facts as they are; nothing is extracted from them.

    Any other: plain text. All text is UTF-8; a page may declare another encoding.

    With --prune a document is retired, with what only it evidenced, if its file or row below these paths is gone;
    never one of another place or space, and never because something could not be read. Its history stays.

    With --units each line is {"text": ...} and, as needed, "kind" (Note or Summary), "name", "space", "tags",
    "metadata", "valid_from", "valid_to" (times), "derived_from" (a list of ids, or id@version) and "key" (your
    own name for it: adding again under it changes that unit, or nothing). All are added or none.
    """
    run = Run.of(context, store, principal)
    if bool(paths) == (units is not None):
        raise typer.BadParameter("files and folders, or --units", param_hint="PATH")
    if units is not None:
        for option, value in (
            ("--openie", openie),
            ("--name", name),
            ("--format", as_format),
            ("--prune", prune or None),
        ):
            if value is not None:
                raise typer.BadParameter("goes with files", param_hint=option)
        _add_units(run, units, space, json=json)
        return
    if prune and not any(str(path) != "-" for path in paths or []):
        raise typer.BadParameter("goes with files and folders", param_hint="--prune")
    files, streams = _streams(paths or [], name)
    with run.open(make=True) as memory:
        report = memory.add(
            *files,
            space=space,
            openie=openie,
            extractor=extractor,
            streams=streams,
            as_format=as_format,
            prune=prune,
            progress=run.progress,
        )
    # Rows of an OpenIE file, or of an endpoint's answer, that make no sense are left out; that is no failure.
    rows = [error for error in report.skipped if error.path == str(openie) or "://" in error.path]
    show_report(report, json=json, failed=len(rows) < len(report.skipped))


def show_report(report: "AddReport", *, json: bool, failed: bool) -> None:
    """What was added, and what was left out; exits if that is a failure."""
    if json:
        emit_json(_document.of_report(report))
    else:
        show(_render.report_table(report))
    for error in report.skipped[:_TOLD]:
        warn(f"skipped {error}")
    if len(report.skipped) > _TOLD:
        warn(f"and {len(report.skipped) - _TOLD} more: --json lists them all")
    if failed:
        raise typer.Exit(FAILED)


def _streams(paths: list[Path], name: str | None) -> tuple[list[Path], dict[str, bytes]]:
    """The files among what was given, and stdin's content by its name."""
    files = [path for path in paths if str(path) != "-"]
    if (len(files) == len(paths)) != (name is None):
        raise typer.BadParameter("goes with - for stdin, which needs a name: notes.md, say", param_hint="--name")
    return files, {} if name is None else {name: sys.stdin.buffer.read()}


def _add_units(run: Run, source: str, space: str, *, json: bool) -> None:
    """Add the units of a file of JSON Lines."""
    from memwalk.units import as_draft

    lines = read_lines(source, lambda values: as_draft(values, principal="", space=space), round(time.time() * 1000))
    with run.open(make=True) as memory:
        written = memory.add_units(lines, space=space)
    if json:
        emit_json(_unit_render.of_refs(written))
    else:
        show(_unit_render.refs_table(written))


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
