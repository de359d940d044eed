# SPDX-License-Identifier: Apache-2.0
"""`memwalk plan`, `ask`, `chat`: what to load for a question, and the answer."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from memwalk.cli import _document, _render
from memwalk.cli._errors import sentence
from memwalk.cli._run import As, Json, Run, StoreAt, command
from memwalk.cli._streams import clean, emit_json, fail, say, stream, write
from memwalk.errors import MemwalkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.memory import Conversation
    from memwalk.schedule import Budget

__all__ = ["register"]

_PANEL = "Answering"


class FormName(StrEnum):
    """How units are loaded."""

    context = "context"
    kv = "kv"
    adapter = "adapter"


Question = Annotated[str, typer.Argument(metavar="QUESTION", help="What you want to know.", show_default=False)]
Tokens = Annotated[int, typer.Option(min=0, help="Budget: tokens of memory in the prompt.")]
Seconds = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Budget: time to the first token, estimated from costs measured on this machine.",
        show_default=False,
    ),
]
FormOption = Annotated[
    FormName | None, typer.Option(help="Load in this form alone (default: the plan chooses).", show_default=False)
]
Remote = Annotated[
    bool,
    typer.Option(
        "--remote",
        help="Let the endpoint at OPENAI_BASE_URL answer: context form only, and nothing of local-only spaces.",
    ),
]
MaxTokens = Annotated[int, typer.Option(min=1, help="The longest answer.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, plan, "plan", 'memwalk plan "Who paid for the bridge?" --tokens 400', panel=_PANEL)
    command(
        app,
        ask,
        "ask",
        'memwalk ask "Who paid for the bridge?"',
        'memwalk ask "Who paid for the bridge?" --form kv --show-plan',
        panel=_PANEL,
    )
    command(app, chat, "chat", "memwalk chat", "memwalk chat --conversation 0199c0de-...", panel=_PANEL)


def plan(
    context: typer.Context,
    question: Question,
    tokens: Tokens = 800,
    seconds: Seconds = None,
    form: FormOption = None,
    remote: Remote = False,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Decide what to load for a question under a budget, and say why, without answering.

    Shows each pick with its form, cost, score and path, and what was left out with the reason.
    """
    run = Run.of(context, store, principal)
    budget = _budget(tokens, seconds)
    with run.open() as memory:
        decided = memory.plan(question, budget=budget, form=form and form.value, remote=remote)
    if json:
        emit_json(_document.of_plan(decided))
    else:
        write(clean(decided.explain()) + "\n")


def ask(
    context: typer.Context,
    question: Question,
    tokens: Tokens = 800,
    seconds: Seconds = None,
    form: FormOption = None,
    remote: Remote = False,
    max_tokens: MaxTokens = 128,
    show_plan: Annotated[bool, typer.Option("--show-plan", help="Show the plan before the answer, on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the answer.")] = False,
    store: StoreAt = None,
    principal: As = None,
    json: Json = False,
) -> None:
    """Plan, load and answer: the answer streams to stdout.

    What was loaded is recorded: [bold]memwalk cypher --run answer_sources[/bold] tells how an answer came about.
    """
    run = Run.of(context, store, principal)
    budget = _budget(tokens, seconds)
    with run.open() as memory:
        decided = memory.plan(question, budget=budget, form=form and form.value, remote=remote)
        answer = memory.generate(decided, max_tokens=max_tokens)
        if json:
            text = answer.text
            run.progress.stop()
            emit_json(_document.of_answer(answer, text))
            return
        run.progress.stop()
        if show_plan:
            say(decided.explain())
        stream(answer)
        if not quiet:
            say(_render.answer_footer(answer))


def chat(
    context: typer.Context,
    conversation: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Go on with this conversation (default: begin one).", show_default=False),
    ] = None,
    space: Annotated[
        str, typer.Option(metavar="SPACE", help="Where a new conversation lives; you must be a writer there.")
    ] = "default",
    name: Annotated[str, typer.Option(metavar="NAME", help="What a new conversation is called.")] = "chat",
    tokens: Tokens = 800,
    max_tokens: MaxTokens = 128,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but the answers.")] = False,
    store: StoreAt = None,
    principal: As = None,
) -> None:
    """Talk with a memory: one question a line, kept as messages of a conversation.

    Works from a pipe as well. /quit or the end of input ends it; Ctrl-C stops an answer, which is then not kept.
    """
    run = Run.of(context, store, principal)
    with run.open(make=True) as memory:
        talk = memory.chat(conversation, space=space, name=name)
        run.progress.stop()
        if not quiet:
            turns = talk.turns()
            said = f", {len(turns)} messages so far" if turns else ""
            say(f"conversation {talk.unit.id} in space {talk.unit.space}{said}; /quit ends it")
        for line in _lines():
            if line in {"/quit", "/exit"}:
                break
            _turn(run, talk, line, _budget(tokens, None), max_tokens)
        if not quiet:
            say(f"go on with: memwalk chat --conversation {talk.unit.id}")


def _lines() -> "Iterator[str]":
    """The lines a person types or a pipe brings, empty ones left out."""
    watched = sys.stdin.isatty()
    while True:
        if watched:
            sys.stderr.write("> ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _turn(run: Run, talk: "Conversation", line: str, budget: "Budget", max_tokens: int) -> None:
    """One turn; a person may go on after an error or an interruption, a pipe may not."""
    watched = sys.stdin.isatty()

    def pieces() -> "Iterator[str]":
        for piece in talk.say(line, budget=budget, max_tokens=max_tokens):
            run.progress.stop()
            yield piece

    try:
        stream(pieces())
    except MemwalkError as error:
        if not watched:
            raise
        run.progress.stop()
        fail(sentence(error))
    except KeyboardInterrupt:
        if not watched:
            raise
        write("\n")
        run.progress.stop()
        say("stopped; this turn is not kept")


def _budget(tokens: int, seconds: float | None) -> "Budget":
    from memwalk.schedule import Budget

    return Budget(tokens=tokens, seconds=seconds)
