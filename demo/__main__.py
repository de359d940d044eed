# SPDX-License-Identifier: Apache-2.0
"""`make demo`: documents become a graph, a walk picks units, a model answers with them loaded in three forms."""

from __future__ import annotations

import math
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.rule import Rule

import memwalk
from demo._questions import CORPUS, load_fact, load_questions
from memwalk.cli._progress import Drawing
from memwalk.errors import AlreadyExists, MemwalkError

if TYPE_CHECKING:
    from demo._questions import Question
    from memwalk.memory import Answer, Memory
    from memwalk.schedule import Plan
    from memwalk.units import Loadable

STORE = Path(".demo") / "store"
BUDGET = memwalk.Budget(tokens=700)
THREE = ("blocks", "blast", "lock")
AGAIN = "blast"
GUEST = "guest"

console = Console(highlight=False, soft_wrap=True)


def say(title: str) -> None:
    """Begin a part."""
    console.print()
    console.print(Rule(title, align="left", style="bold"))


def show(answer: Answer) -> None:
    """Print an answer as it comes."""
    console.print("[bold]answer[/] ", end="")
    for piece in answer:
        console.file.write(piece)
        console.file.flush()
    console.print()
    console.print(
        f"[dim]{answer.seconds_to_first_token:.2f} s to the first token, "
        f"{answer.prefilled} tokens prefilled, {answer.reused} from a KV block[/]"
    )


def times(gain: float) -> str:
    """A ratio of probabilities, from the difference of their logarithms, as a person reads it."""
    ratio = math.exp(gain)
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"


def percent(log_probability: float) -> str:
    """A probability a person can read."""
    return f"{100 * math.exp(log_probability):.3g} %"


def spaces(memory: Memory) -> None:
    """Two spaces, and a guest who may read one of them."""
    for space in ("works", "lives"):
        with suppress(AlreadyExists):
            memory.create_space(space)
    memory.grant(GUEST, "reader", space="works")


def ingest(memory: Memory, progress: Drawing) -> None:
    """Documents become units."""
    for space in ("works", "lives"):
        report = memory.add(CORPUS / space, space=space, progress=progress)
        progress.stop()
        took = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.seconds.items() if seconds >= 0.05)
        console.print(
            f"{space}: {report.documents} documents new, {report.unchanged} unchanged, {report.passages} passages, "
            f"{report.entities} entities, {report.facts} facts" + (f"  [dim]({took})[/]" if took else "")
        )


def ask(memory: Memory, question: Question) -> Plan:
    """Plan, explain, answer; and how probable the right answer is with and without the memory."""
    console.print(f"[bold]question[/] {question.text}")
    plan = memory.plan(question.text, budget=BUDGET)
    console.print(plan.explain(), markup=False)
    show(memory.generate(plan, max_tokens=24))
    nothing = memory.plan(question.text, budget=memwalk.Budget(tokens=0), form="context")
    before, with_memory = (memory.answer_probability(p, question.answer) for p in (nothing, plan))
    console.print(
        f"[dim]as the whole answer, {question.answer!r} is {times(with_memory - before)} as probable with this memory "
        "as without[/]"
    )
    return plan


def built(memory: Memory, kind: str, units: list[str], progress: Drawing) -> Loadable:
    """A KV block or adapter over these units: the fresh one that is there, else a new one."""
    for found in memory.loadables():
        if found.kind == kind and found.fresh and [ref.id for ref in found.sources] == units:
            console.print(f"[dim]{kind} over these units is there already, and fresh[/]")
            return found
    start = time.perf_counter()
    build = memory.build_kv if kind == "KVBlock" else memory.build_adapter
    loadable = build(units, progress=progress)
    progress.stop()
    console.print(
        f"[dim]built in {time.perf_counter() - start:.1f} s: {loadable.bytes / 1e6:.1f} MB, unit {loadable.id[:8]}[/]"
    )
    return loadable


def run(progress: Drawing) -> None:
    """The demo, from an empty folder to a store to play with."""
    questions = load_questions()
    say("A real Neo4j starts itself")
    start = time.perf_counter()
    with memwalk.open(STORE, progress=progress) as memory:
        progress.stop()
        console.print(
            f"{memory.uri} answers after {time.perf_counter() - start:.1f} s; you are {memory.principal!r}, its owner"
        )
        spaces(memory)

        say("Documents become a graph of memory units")
        ingest(memory, progress)

        say("Questions of two hops: a walk picks the passages, a local model answers from them")
        plans = {}
        for key in THREE:
            plans[key] = ask(memory, questions[key])
            console.print()

        say("The same memory as cached KV: only what follows it is computed")
        texts = [ref.id for ref in plans[AGAIN].units]
        built(memory, "KVBlock", texts, progress)
        for form in ("context", "kv"):
            plan = memory.plan(questions[AGAIN].text, budget=BUDGET, form=form)
            console.print(f"[bold]{form}[/]")
            show(memory.generate(plan, max_tokens=24))

        say("One passage as an adapter: no text in the prompt")
        fact = load_fact()
        source = memory.search(fact.text, limit=1)[0]
        built(memory, "Adapter", [source.unit_id], progress)
        nothing = memory.plan(fact.text, budget=memwalk.Budget(tokens=0), form="context")
        adapter = memory.plan(fact.text, budget=memwalk.Budget(tokens=0), form="adapter")
        before = memory.answer_probability(nothing, fact.answer)
        during = memory.answer_probability(adapter, fact.answer)
        after = memory.answer_probability(nothing, fact.answer)
        console.print(f"{fact.text}  →  {fact.answer}")
        console.print(
            f"probability of that answer: {percent(before)} before, {percent(during)} with the adapter, "
            f"{percent(after)} after it was detached ({'the same to the bit' if before == after else 'NOT the same'})"
        )

        say(f"{GUEST!r} may not read the space 'lives'")
        ask(memory.as_principal(GUEST), questions[THREE[0]])

        say("The store is yours to play with")
        for line in (
            f"memwalk --store {STORE} ask '{questions[AGAIN].text}' --tokens 700",
            f"memwalk --store {STORE} explain '{questions[AGAIN].text}'",
            f"memwalk --store {STORE} cypher --list",
            f"memwalk --store {STORE} cypher --run connected_entities",
            f"memwalk --store {STORE} chat",
            f"memwalk --store {STORE} db browser",
            f"memwalk --store {STORE} db stop",
        ):
            console.print(f"  .venv/bin/{line}", markup=False)


def main() -> int:
    """Run, and tell what went wrong in a sentence."""
    progress = Drawing()
    try:
        run(progress)
    except MemwalkError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; what was committed stays, `make demo` goes on from there")
        return 130
    finally:
        progress.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
