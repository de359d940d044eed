# SPDX-License-Identifier: Apache-2.0
"""`memwalk init` and `memwalk db`: making a store, and the Neo4j that memwalk runs for it."""

import os
import shlex
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memwalk.cli import _render
from memwalk.cli._document import of_backup, of_check, time_of
from memwalk.cli._errors import FAILED, INTERRUPTED
from memwalk.cli._run import As as AsOption
from memwalk.cli._run import Json, Run, StoreAt, command, group
from memwalk.cli._streams import clean, emit_json, say, show, write
from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.store.server import LocalServer, ServerStatus

__all__ = ["register"]

_PANEL = "Store"
_POLL = 0.3


class LogName(StrEnum):
    """Which of the server's logs."""

    console = "console"
    neo4j = "neo4j"
    debug = "debug"
    supervisor = "supervisor"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, init, "init", "memwalk init", "memwalk init ~/notes --as alice", panel=_PANEL)
    text = "The Neo4j that memwalk runs for a data directory; it starts by itself and stops when idle."
    db = group(app, "db", text, _PANEL)
    command(db, start, "start", "memwalk db start")
    command(db, stop, "stop", "memwalk db stop")
    command(db, status, "status", "memwalk db status --json")
    command(db, logs, "logs", "memwalk db logs -n 20", "memwalk db logs debug --follow")
    command(db, env, "env", "memwalk db env", 'eval "$(memwalk db env)" && cypher-shell')
    command(db, sweep, "sweep", "memwalk db sweep --dry-run")
    command(db, browser, "browser", "memwalk db browser --open")
    command(db, dump, "dump", "memwalk db dump notes-2026-11.zip")
    command(db, load, "load", "memwalk db load notes-2026-11.zip --replace")
    command(db, check, "check", "memwalk db check --json")


def init(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The data directory (default: as --store).", show_default=False)
    ] = None,
    store: StoreAt = None,
    principal: AsOption = None,
) -> None:
    """Make a store, or join one: says where it is, who owns it, and what to do next.

    Whoever opens a new store is its owner and administrator. The first `memwalk add` does so as well.
    """
    if directory is not None and store is not None:
        raise typer.BadParameter("give DIR or --store, not both")
    run = Run.of(context, str(directory) if directory is not None else store, principal)
    with run.open(make=True) as memory:
        spaces = memory.spaces()
        facts = {
            "store": memory.uri if run.uri else str(run.directory),
            "Neo4j": memory.uri,
            "owner": memory.owner,
            "you": memory.principal,
            "spaces": ", ".join(f"{space.id} ({space.documents} documents)" for space in spaces) or "none you may read",
        }
    show(_render.facts_lines(facts))
    at = "" if run.store is None else f" --store {shlex.quote(run.store)}"
    say(f"next: memwalk{at} add PATH, then memwalk{at} ask QUESTION")


def start(context: typer.Context, store: StoreAt = None, json: Json = False) -> None:
    """Start the local Neo4j and wait until it answers; it stays until it is stopped or idle."""
    run = Run.of(context, store)
    with run.drawing() as progress:
        running = _server(run).start(progress)
    _show_status(run, running, json=json)


def stop(context: typer.Context, store: StoreAt = None) -> None:
    """Stop the local Neo4j, whoever uses it, and wait until it has ended."""
    run = Run.of(context, store)
    ended = _server(run).stop()
    say(f"the Neo4j of {run.directory} {'has stopped' if ended else 'was not running'}")


def status(context: typer.Context, store: StoreAt = None, json: Json = False) -> None:
    """Tell whether the local Neo4j runs, where it answers and who is connected; starts nothing."""
    run = Run.of(context, store)
    _show_status(run, _server(run).status(), json=json)


def logs(
    context: typer.Context,
    name: Annotated[
        LogName | None, typer.Argument(help="Which log (default: the most telling one there is).", show_default=False)
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come; Ctrl-C ends it.")] = False,
    store: StoreAt = None,
) -> None:
    """Show the local Neo4j's log."""
    run = Run.of(context, store)
    found = [path for path in _server(run).log_files if name is None or path.stem == name.value]
    if not found:
        what = f"no log {name.value}" if name else "no log"
        raise InvalidArgument("store", str(run.directory), f"a data directory where Neo4j has run: there is {what}")
    say(f"{found[0]}:")
    try:
        for line in _tail(found[0], lines, follow=follow):
            write(clean(line))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def sweep(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    store: StoreAt = None,
    principal: AsOption = None,
    json: Json = False,
) -> None:
    """Remove the payloads that no version names, and what killed writers left (administrators).

    Nothing younger than an hour goes; others may write meanwhile.
    """
    run = Run.of(context, store, principal)
    with run.open() as memory:
        swept = memory.sweep(dry_run=dry_run)
    if json:
        document = {"payloads": list(swept.payloads), "leftovers": swept.leftovers, "bytes": swept.bytes}
        emit_json({"dry_run": dry_run, **document})
    else:
        counts = f"{len(swept.payloads):,} payloads and {swept.leftovers:,} leftovers, {_render.size(swept.bytes)}"
        say(f"{'would remove' if dry_run else 'removed'} {counts}")


def env(context: typer.Context, store: StoreAt = None, json: Json = False) -> None:
    """Print the NEO4J_* variables with which any Neo4j tool joins, the password among them, and MEMWALK_STORE.

    The server is started if need be.
    """
    run = Run.of(context, store)
    if run.uri:
        given = run.settings.store
        variables = {
            "NEO4J_URI": run.uri,
            "NEO4J_USERNAME": given.username,
            "NEO4J_PASSWORD": given.password,
            "NEO4J_DATABASE": given.database,
        }
    else:
        with run.drawing() as progress:
            variables = _server(run).environment(progress)
        # memwalk itself goes by NEO4J_URI then, and finds the payloads by this.
        variables["MEMWALK_STORE"] = str(run.directory)
    if json:
        emit_json(variables)
    else:
        write("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


def browser(
    context: typer.Context,
    open_: Annotated[bool, typer.Option("--open", help="Open it in your web browser.")] = False,
    store: StoreAt = None,
    json: Json = False,
) -> None:
    """Serve the page Neo4j Browser, and say where it is and how to log in.

    A server that runs without it is started again, if nobody else uses it.
    """
    run = Run.of(context, store)
    with run.drawing() as progress, _server(run).join(progress, http=True) as lease:
        address = lease.endpoint
        facts = {
            "page": address.browser_uri or "",
            "connect to": address.uri,
            "user": address.username,
            "password": address.password,
        }
    if json:
        keys = ("browser_uri", "uri", "username", "password")
        emit_json(dict(zip(keys, facts.values(), strict=True)))
    else:
        show(_render.facts_lines(facts))
        say("try there: MATCH (a:Unit)-[edge]-(b:Unit) RETURN * LIMIT 50")
    if open_:
        typer.launch(facts["page"])


def dump(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; a zip.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    store: StoreAt = None,
    json: Json = False,
) -> None:
    """Back the whole store up into one file: the graph, the payloads, the log of reads.

    The local Neo4j stops meanwhile. Others who have the store open need not do anything: what they do next waits,
    tells them why, and goes on. A program connected by Bolt alone loses its connection.

    The file is there whole or not at all. The password is not in it, but all that was ever remembered is, whoever may
    read it: keep it as safe as the store. Payloads at a URL (MEMWALK_PAYLOADS) stay there, and this says so.

    Like `db start`, it acts on files of this machine, so it asks for no principal.
    """
    from memwalk.memory import dump_store

    run = Run.of(context, store)
    with run.drawing() as progress:
        header = dump_store(run.store, file, overwrite=overwrite, settings=run.settings, progress=progress)
    if json:
        emit_json(of_backup(header, file))
    else:
        show(_render.facts_lines(_render.backup_facts(header, file)))
    if header.payloads_url:
        say(f"the payloads are not in it: they stay at {header.payloads_url}")
    if header.damaged:
        say(f"{len(header.damaged)} payloads hold other bytes than were stored and were left out: `memwalk db check`")


def load(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `memwalk db dump` wrote.", show_default=False)],
    replace: Annotated[
        bool, typer.Option("--replace", help="A store that is there is gone then, its log of reads included.")
    ] = False,
    store: StoreAt = None,
    json: Json = False,
) -> None:
    """Make a data directory's store the one of a backup.

    All of the file is verified first. Whatever happens, a kill included, the directory then holds the old store or the
    new one, whole. Others who have it open wait, and find the new one.

    A backup of an older Neo4j is migrated; a newer one's is refused. To move single spaces, or into a store that holds
    others, use `memwalk export` and `memwalk import`.

    Like `db start`, it acts on files of this machine, so it asks for no principal.
    """
    from memwalk.memory import load_store

    run = Run.of(context, store)
    with run.drawing() as progress:
        header = load_store(file, run.store, replace=replace, settings=run.settings, progress=progress)
    if json:
        emit_json(of_backup(header, file))
    else:
        show(_render.facts_lines({"store": str(run.directory), **_render.backup_facts(header, file)}))
    if header.payloads_url:
        say(f"its payloads are not in it: they are at {header.payloads_url}; set MEMWALK_PAYLOADS to that")


def check(context: typer.Context, store: StoreAt = None, json: Json = False) -> None:
    """Check that a store is whole; exit code 1 if it is not.

    Neo4j's own checker reads its files while the server is stopped. Then memwalk looks whether every unit has one head
    and one unbroken chain of versions, whether a change number is missing, and whether every payload that a version
    names is there with the bytes that were stored. Others wait until the graph was read, as for `db dump`.

    It changes nothing. Like `db start`, it acts on files of this machine, so it asks for no principal.
    """
    from memwalk.memory import check_store

    run = Run.of(context, store)
    with run.drawing() as progress:
        report = check_store(run.store, settings=run.settings, progress=progress)
    if json:
        emit_json(of_check(report))
    else:
        show(_render.check_report(report))
    if not report.sound:
        raise typer.Exit(FAILED)


def _server(run: Run) -> "LocalServer":
    if run.uri:
        raise InvalidArgument("store", run.uri, "a data directory: memwalk runs no server for somebody's own Neo4j")
    from memwalk.store.server import LocalServer

    settings = run.settings
    return LocalServer(run.directory, settings.server, settings.cache_directory(), offline=settings.models.offline)


def _show_status(run: Run, running: "ServerStatus | None", *, json: bool) -> None:
    document: dict[str, Any] = {"store": str(run.directory), "running": running is not None}
    if running is not None:
        document |= {
            "state": running.state,
            "version": running.version,
            "uri": running.uri,
            "browser_uri": f"{running.http_uri}/browser/" if running.http_uri else None,
            "pid": running.pid,
            "supervisor_pid": running.supervisor_pid,
            "started_at": time_of(round(running.started_at * 1000)),
            "in_use": running.leased,
            "connections": running.connections,
            "idle_seconds": running.idle_seconds,
        }
    if json:
        emit_json(document)
        return
    facts = {"store": document["store"], "Neo4j": "stopped"}
    if running is not None:
        facts["Neo4j"] = f"{running.version}, {running.state}, process {running.pid}"
        facts["address"] = running.uri
        if running.http_uri:
            facts["page"] = document["browser_uri"]
        held = "open" if running.leased else "not open"
        facts["used by"] = f"{running.connections} connections; the directory is {held} in memwalk"
        facts["stops"] = f"after {running.idle_seconds:.0f} s without any"
    show(_render.facts_lines(facts))


def _tail(path: Path, count: int, *, follow: bool) -> "Iterator[str]":
    """The last lines of a file, and then those that come; a file that was begun anew is read from its beginning."""
    with path.open(encoding="utf-8", errors="replace") as file:
        held = file.readlines()
        yield from held[len(held) - count :] if count else []
        while follow:
            line = file.readline()
            if line:
                yield line
            elif path.exists() and path.stat().st_size < os.fstat(file.fileno()).st_size:
                return
            else:
                time.sleep(_POLL)
