# SPDX-License-Identifier: Apache-2.0
"""Purge with real models: what was said, cached, trained on, answered from and asked about is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memwalk.errors import NotFound, NotPermitted, StaleUnit
from memwalk.schedule import Budget

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory

CLOCK = "# The brass clock\n\nThe brass clock of the town hall was made by Silas Penhaligon in 1788.\n"
HARBOUR = "# The harbour\n\nThe harbour was deepened in 1801 so that larger ships could enter it.\n"
QUESTION = "Who made the brass clock?"
LEFT = """
MATCH (n) WHERE any(key IN keys(n) WHERE key IN ['name', 'text', 'detail', 'uri', 'subject', 'object']
  AND toLower(n[key]) CONTAINS $word) RETURN labels(n)"""


def left(memory: Memory, word: str) -> list[list[Any]]:
    """Labels of the nodes whose text holds a word."""
    return memory.cypher(LEFT, {"word": word})[1]


def test_a_document_and_all_that_was_made_of_it(memory: Memory, tmp_path: Path) -> None:
    """Search, plans, payloads, chats and records know nothing of it; its neighbour is as it was."""
    (tmp_path / "clock.md").write_text(CLOCK, encoding="utf-8")
    (tmp_path / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    memory.add(tmp_path)
    found = {result.name: result.unit_id for result in memory.search(QUESTION)}
    block = memory.build_kv([found["The brass clock"]])
    plan = memory.plan(QUESTION, budget=Budget(tokens=120))
    assert memory.generate(plan, max_tokens=4).text
    chat = memory.chat()
    assert "".join(chat.say("Tell me of the brass clock.", max_tokens=4))
    before = memory.search("When was the harbour deepened?")
    assert len(left(memory, "clock")) > 4

    memory.as_principal("owner").create_principal("reader")
    memory.grant("reader", "writer", space="default")
    with pytest.raises(NotPermitted):
        memory.as_principal("reader").purge("The brass clock")
    purged = memory.purge("The brass clock")
    assert {found["The brass clock"], block.id} <= set(purged.units)
    assert purged.payloads == (block.payload,)
    for word in ("clock", "penhaligon", "1788"):
        assert left(memory, word) == []
    payloads = memory._session.payloads
    assert block.payload not in {payload.sha256 for payload in payloads.list()}
    assert memory.loadables() == []
    assert [turn.text for turn in chat.turns()] == []
    with pytest.raises((NotFound, StaleUnit)):
        memory.generate(plan)
    with pytest.raises(NotFound):
        memory.show(found["The brass clock"])
    after = memory.search("When was the harbour deepened?")
    assert [(r.unit_id, r.text) for r in after] == [(r.unit_id, r.text) for r in before if r.name == "The harbour"]

    # What was purged can be added again, as something new.
    report = memory.add(tmp_path)
    assert (report.documents, report.unchanged) == (1, 1)
    assert memory.show(found["The brass clock"]).seq == 1
