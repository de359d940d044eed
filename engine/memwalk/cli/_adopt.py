# SPDX-License-Identifier: Apache-2.0
"""`memwalk adopt`: a graph that is there already."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from memwalk.cli._add import show_report
from memwalk.cli._run import As, Json, Run, StoreAt, command

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        adopt,
        "adopt",
        "memwalk adopt movies.toml --uri bolt://db.example.com:7687 --space movies",
        panel="Putting in",
    )


def adopt(
    context: typer.Context,
    mapping: Annotated[
        Path,
        typer.Argument(
            metavar="MAPPING", help="A TOML file: which labels, types and properties are what.", show_default=False
        ),
    ],
    uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The other Neo4j (default: MEMWALK_ADOPT_URI).", show_default=False),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="User there (default: MEMWALK_ADOPT_USERNAME; the password is in MEMWALK_ADOPT_PASSWORD).",
            show_default=False,
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Database there (default: MEMWALK_ADOPT_DATABASE).", show_default=False),
    ] = None,
    space: Annotated[
        str, typer.Option(metavar="SPACE", help="Where the units live; you must be a writer there.")
    ] = "default",
    extractor: Annotated[
        str, typer.Option(metavar="spacy|endpoint", help="What reads the texts of nodes; as with `memwalk add`.")
    ] = "spacy",
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Read another Neo4j database into a space; it is only read, and can be adopted again when it changed.

    Nodes become entities, relationships and chosen properties facts, chosen texts passages. What is unchanged costs
    nothing, and what is there no longer is retired. docs/adopt.md describes the mapping. Nodes that cannot be named
    are told of, the rest is adopted, and the exit code is 1.
    """
    run = Run.of(context, store, principal)
    told = {"uri": uri, "username": username, "database": database}
    source = replace(run.settings.adopt, **{name: value for name, value in told.items() if value}).needed()
    with run.open(make=True) as memory:
        report = memory.adopt(mapping, source=source, space=space, extractor=extractor, progress=run.progress)
    show_report(report, json=json, failed=bool(report.skipped))
