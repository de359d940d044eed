# SPDX-License-Identifier: Apache-2.0
"""`memwalk purge`: erasure."""

import sys
from typing import Annotated

import typer

from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import emit_json, say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, purge, "purge", "memwalk purge 0190f3", 'memwalk purge "Old diary" --physical --yes', panel="Memory")


def purge(
    context: typer.Context,
    units: Annotated[
        list[str] | None,
        typer.Argument(metavar="UNIT...", help="Ids, beginnings of ids, or names.", show_default=False),
    ] = None,
    physical: Annotated[
        bool,
        typer.Option(
            "--physical",
            help="Then rebuild the database's files without what was ever deleted; others wait. "
            "Without units: only that.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Remove units for good, with all that was made of them (administrators of each unit).

    Content, versions, vectors, payloads, derived KV blocks, adapters, summaries and answers are gone at once, for \
everybody; a document takes its passages along, a conversation its messages. There is no way back. An audit record \
without content stays. Backups and exports made before are not reached.

    Neo4j overwrites what it deleted only later; --physical copies what is left into a fresh database and deletes the \
old files (the store's administrators, local stores).
    """
    run = Run.of(context, store, principal)
    if not (units or physical):
        raise typer.BadParameter("give units, or --physical", param_hint="UNIT...")
    with run.open() as memory:
        if units and not yes:
            _confirm(len(units))
        purged = memory.purge(*units) if units else None
        files = memory.purge_files(progress=run.progress) if physical else None
    if json:
        document: dict[str, object] = {"units": [], "blanked_questions": 0, "payloads": 0}
        if purged:
            document = {
                "units": list(purged.units),
                "blanked_questions": purged.blanked,
                "payloads": len(purged.payloads),
            }
        emit_json(document | ({"rebuilt": {"nodes": files[0], "edges": files[1]}} if files else {}))
        return
    if purged:
        say(f"purged {len(purged.units)} units, {len(purged.payloads)} payloads, {purged.blanked} recorded questions")
    if files:
        say(f"rebuilt the database: {files[0]} nodes, {files[1]} edges; the old files are deleted")
    else:
        say("Neo4j's files may still hold it until they are overwritten: memwalk purge --physical")


def _confirm(count: int) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to ask: there is no way back, so say it", param_hint="--yes")
    typer.confirm(f"Remove {count} unit{'s' if count > 1 else ''} and all that was made of them for good?", abort=True)
