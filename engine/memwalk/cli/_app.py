# SPDX-License-Identifier: Apache-2.0
"""The `memwalk` command: its global options, and the commands in their order."""

import logging
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from memwalk._version import __version__
from memwalk.cli import (
    _add,
    _adopt,
    _answer,
    _audit,
    _cypher,
    _db,
    _exchange,
    _find,
    _models,
    _principals,
    _purge,
    _rights,
    _units,
)
from memwalk.cli._errors import guarded, interrupt
from memwalk.cli._run import As, Run, StoreAt, usage
from memwalk.cli._streams import write
from memwalk.config import prepare_process

__all__ = ["app", "main"]


class _Guarded(TyperGroup):
    """A group that tells errors to a person."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with guarded():
            return super().invoke(ctx)


app = typer.Typer(
    name="memwalk",
    cls=_Guarded,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=usage(
        "memwalk init",
        "memwalk add reports/",
        'memwalk ask "Who paid for the bridge?"',
        "memwalk db browser",
    ),
)


def _print_version(wanted: bool) -> None:
    if wanted:
        write(f"memwalk {__version__}\n")
        raise typer.Exit


_ABOUT = """A graph-native memory engine for language models.

Documents become a graph of memory units in Neo4j; for each question a walk picks units, under the rights of who asks, \
and a model answers with them as context, cached KV or an adapter."""


@app.callback(help=_ABOUT)
def _root(
    context: typer.Context,
    store: StoreAt = None,
    principal: As = None,
    version: Annotated[  # noqa: ARG001  # read by its callback
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Remember, find and answer, each act on behalf of a principal."""
    run = Run.of(context, store, principal)
    if run.settings.debug:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
        logging.getLogger("memwalk").setLevel(logging.DEBUG)


for _module in (
    _db,
    _models,
    _add,
    _adopt,
    _find,
    _units,
    _answer,
    _purge,
    _principals,
    _rights,
    _audit,
    _exchange,
    _cypher,
):
    _module.register(app)


def main() -> None:
    """Run the command line."""
    prepare_process()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it
        signal.signal(signal.SIGINT, interrupt)
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):
            output.reconfigure(errors="backslashreplace")
    app(prog_name="memwalk")
