# SPDX-License-Identifier: Apache-2.0
"""`memwalk cypher`: a person's own queries, and the named ones of `cypher/explore/`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memwalk.cli import _render
from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import emit_json, say, show, write
from memwalk.cli._values import as_csv, as_json_text, as_text, parse_parameter
from memwalk.errors import SourceNotFound, SourceNotReadable, SourceNotText

if TYPE_CHECKING:
    from memwalk.store import Query

__all__ = ["register"]

_AREA = "explore/"


class OutputFormat(StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"
    csv = "csv"


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(
        app,
        cypher,
        "cypher",
        "memwalk cypher --list",
        "memwalk cypher --run entity_neighbourhood -p name=paris",
        "memwalk cypher 'MATCH (u:Unit) RETURN labels(u), count(*)'",
        "memwalk cypher --file query.cypher -p ids='[1, 2]' --format csv",
        panel="Looking in",
    )


def cypher(
    context: typer.Context,
    query: Annotated[
        str | None,
        typer.Argument(metavar="QUERY", help="One Cypher statement; - reads it from stdin.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read the statement from a file.", show_default=False)
    ] = None,
    run_name: Annotated[
        str | None,
        typer.Option("--run", metavar="NAME", help="Run a named query; --list shows them.", show_default=False),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the named queries with their parameters.")] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="A parameter, $NAME in the query: JSON, or else a string. May be given several times.",
            show_default=False,
        ),
    ] = None,
    writing: Annotated[bool, typer.Option("--write", help="Allow writing; else the server refuses it.")] = False,
    format_: Annotated[OutputFormat, typer.Option("--format", help="How to print the rows.")] = OutputFormat.table,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to print; also $limit of a named query.")] = 100,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Run Cypher on the graph (administrators: it sees everything), read-only unless --write.

    A table shortens what is long and leaves vectors out; JSON and CSV hold everything.
    """
    run = Run.of(context, store, principal)
    form = OutputFormat.json if json else format_
    if sum((query is not None, file is not None, run_name is not None, list_)) != 1:
        raise typer.BadParameter("give one of QUERY, --file, --run and --list")
    if list_:
        _list(form)
        return
    parameters = _parameters(parameter or [])
    if run_name is not None:
        text, parameters = _named(run_name, parameters, limit)
    else:
        text = _read(query, file)
    with run.open() as memory:
        columns, rows, more = memory.cypher(text, parameters, write=writing, limit=limit)
    _print(form, columns, rows, more=more)


def _print(form: OutputFormat, columns: list[str], rows: list[list[Any]], *, more: bool) -> None:
    if form is OutputFormat.json:
        write(as_json_text(columns, rows, more=more))
    elif form is OutputFormat.csv:
        write(as_csv(columns, rows))
    elif columns:
        numbers = [
            column
            for place, column in enumerate(columns)
            if all(isinstance(row[place], (int, float)) and not isinstance(row[place], bool) for row in rows)
        ]
        show(_render.rows_table(columns, [[as_text(value) for value in row] for row in rows], numbers=numbers))
    if form is not OutputFormat.json:
        count = f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}"
        say(f"{count}, and there are more: --limit" if more else count if columns else "done")


def _list(form: OutputFormat) -> None:
    from memwalk.store import load_query, query_names

    queries = [load_query(name) for name in query_names(_AREA.rstrip("/"))]
    if form is OutputFormat.json:
        emit_json(
            {
                "queries": [
                    {"name": _short(query), "summary": query.summary, "parameters": _asked(query)} for query in queries
                ]
            }
        )
        return
    rows = [[_short(query), ", ".join(_asked(query)), query.summary] for query in queries]
    if form is OutputFormat.csv:
        write(as_csv(["name", "parameters", "summary"], rows))
    else:
        show(_render.rows_table(["name", "parameters", "what it answers"], rows))


def _short(query: "Query") -> str:
    return query.name.removeprefix(_AREA)


def _asked(query: "Query") -> list[str]:
    """The parameters a person gives; the limit is the command's."""
    return sorted(query.parameters - {"limit"})


def _named(name: str, parameters: dict[str, Any], limit: int) -> tuple[str, dict[str, Any]]:
    from memwalk.store import load_query

    query = load_query(_AREA + name.removeprefix(_AREA))
    missing = query.parameters - {"limit"} - parameters.keys()
    unknown = parameters.keys() - query.parameters
    if missing:
        asked = " ".join(f"-p {parameter}=..." for parameter in sorted(missing))
        raise typer.BadParameter(f"{name} needs {asked} ({query.summary})")
    if unknown:
        raise typer.BadParameter(f"{name} has no parameter {', '.join(sorted(unknown))}")
    if "limit" in query.parameters:
        parameters = {"limit": limit + 1} | parameters  # one more, to tell whether there are more
    return query.text, parameters


def _parameters(given: list[str]) -> dict[str, Any]:
    try:
        return dict(parse_parameter(text) for text in given)
    except ValueError as error:
        raise typer.BadParameter(f"{error}: expected NAME=VALUE", param_hint="-p") from None


def _read(query: str | None, file: Path | None) -> str:
    if query is not None and query != "-":
        return query
    if file is None or str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceNotFound(file) from None
    except PermissionError:
        raise SourceNotReadable(file) from None
    except UnicodeDecodeError:
        raise SourceNotText(file) from None
