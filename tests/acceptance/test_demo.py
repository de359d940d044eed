# SPDX-License-Identifier: Apache-2.0
"""The demo's questions are honest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from demo.__main__ import BUDGET, THREE
from demo._questions import CORPUS, load_fact, load_questions

from memwalk.schedule import Budget

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory
    from memwalk.schedule import Plan

QUESTIONS = load_questions()


def names(memory: Memory, plan: Plan) -> set[str]:
    """Documents (relative to the corpus) of a plan's passages."""
    rows = memory.cypher(
        "MATCH (d:Document)-[:HAS_PART]->(p:Passage) WHERE p.id IN $ids RETURN d.uri",
        {"ids": [r.id for r in plan.units]},
    )[1]
    return {"/".join(uri.split("/")[-2:]) for (uri,) in rows}


def add(memory: Memory, folder: Path) -> None:
    """The corpus in its two spaces, as in the demo."""
    for space in ("works", "lives"):
        memory.create_space(space)
        memory.add(folder / space, space=space)


def test_corpus_says_what_the_questions_need() -> None:
    """Quotes are in the files they name, the answer in the second alone, the bridge in neither question."""
    for question in (*(QUESTIONS[key] for key in QUESTIONS),):
        texts = {p: " ".join((CORPUS / p).read_text(encoding="utf-8").split()) for p in question.hops}
        for path, quote in zip(question.hops, question.quotes, strict=True):
            assert " ".join(quote.split()) in texts[path]
        holding = [p for p in CORPUS.rglob("*.md") if question.answer in p.read_text(encoding="utf-8")]
        assert [f"{p.parent.name}/{p.name}" for p in holding] == [question.hops[1]]
        assert not set(question.bridge.split()) & set(question.text.replace("?", "").split())
    assert load_fact().answer in (CORPUS / load_fact().file).read_text(encoding="utf-8")


def test_plans_hold_both_hops_and_memory_helps(memory: Memory) -> None:
    """Each plan holds both hops' passages, and the gold answer is more probable with memory than without."""
    add(memory, CORPUS)
    for key in THREE:
        question = QUESTIONS[key]
        plan = memory.plan(question.text, budget=BUDGET)
        assert set(question.hops) <= names(memory, plan), key
        without = memory.plan(question.text, budget=Budget(tokens=0), form="context")
        assert without.picks == ()
        gain = memory.answer_probability(plan, question.answer) - memory.answer_probability(without, question.answer)
        assert gain > 1.0, (key, gain)


@pytest.mark.parametrize("hop", [0, 1])
def test_removing_a_hop_changes_the_plan(memory: Memory, tmp_path: Path, hop: int) -> None:
    """Without either passage the plan is another, and the answer less probable without the second."""
    add(memory, CORPUS)
    plans = {key: memory.plan(QUESTIONS[key].text, budget=BUDGET) for key in THREE}
    probable = {key: memory.answer_probability(plans[key], QUESTIONS[key].answer) for key in THREE}
    memory.cypher("MATCH (n) WHERE n:Unit OR n:Version OR n:Activity DETACH DELETE n", write=True)
    dropped = {QUESTIONS[key].hops[hop] for key in THREE}
    for space in ("works", "lives"):
        for path in sorted((CORPUS / space).glob("*.md")):
            if f"{space}/{path.name}" not in dropped:
                (tmp_path / space).mkdir(exist_ok=True)
                (tmp_path / space / path.name).write_bytes(path.read_bytes())
        memory.add(tmp_path / space, space=space)
    for key in THREE:
        plan = memory.plan(QUESTIONS[key].text, budget=BUDGET)
        assert names(memory, plan) != names(memory, plans[key])
        if hop == 1:
            assert memory.answer_probability(plan, QUESTIONS[key].answer) < probable[key]
