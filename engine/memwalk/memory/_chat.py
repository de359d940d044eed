# SPDX-License-Identifier: Apache-2.0
"""Chat: a conversation whose turns are message units."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import NotFound
from memwalk.memory._generate import generate
from memwalk.memory._plan import plan as make_plan
from memwalk.schedule import Budget
from memwalk.store import FOREVER
from memwalk.units import NewUnit, get_unit, new_id, put_units, record_activity, stale_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.memory._session import Session
    from memwalk.runtime import Turn
    from memwalk.schedule import Plan
    from memwalk.store import Transaction
    from memwalk.units import Unit

__all__ = ["Conversation", "open_conversation"]

TURNS = 6
"""Earlier messages that go into a prompt."""


class Conversation:
    """A chat of one principal with the memory. Made by `Memory.chat`."""

    def __init__(self, session: Session, principal: str, unit: Unit) -> None:
        self._session = session
        self._principal = principal
        self.unit = unit

    def turns(self) -> list[Turn]:
        """The messages so far that the principal may read, in order."""
        from memwalk.runtime import Turn

        with self._session.store.passage():
            self._session.reads.append(self._principal, "chat", self.unit.id)
            return [Turn(row["role"], row["text"]) for row in self._rows()]

    def say(self, text: str, *, budget: Budget | None = None, max_tokens: int = 128) -> Iterator[str]:
        """Say something and stream the answer; both become messages when the answer has ended.

        An answer is derived from the unit versions it was made from, so it is readable only by
        those who may read all of these, and no part of a later prompt once one of them is no longer so.
        """
        from memwalk.runtime import Turn

        with self._session.store.passage():
            self._session.reads.append(self._principal, "chat", self.unit.id)
            earlier = self._fresh_rows()[-TURNS:]
            plan = make_plan(self._session, self._principal, text, budget=budget or Budget(), form=None, remote=False)
        turns = [Turn(row["role"], row["text"]) for row in earlier]
        answer = generate(self._session, self._principal, plan, max_tokens=max_tokens, temperature=0.0, turns=turns)
        yield from answer
        self._keep(text, answer.text, plan, [(row["id"], row["seq"]) for row in earlier])

    def _rows(self) -> list[dict[str, Any]]:
        classes = self._session.readable_classes(self._principal)
        return self._session.store.read(
            "runtime/list_messages", conversation=self.unit.id, classes=classes, forever=FOREVER
        )

    def _fresh_rows(self) -> list[dict[str, Any]]:
        rows = self._rows()
        stale = stale_units(self._session.store, (row["id"] for row in rows))
        return [row for row in rows if row["id"] not in stale]

    def _keep(self, question: str, answer: str, plan: Plan, earlier: list[tuple[str, int]]) -> None:
        space = self.unit.space or ""
        classes = self._session.readable_classes(self._principal)
        sources = [*((ref.id, ref.seq) for ref in plan.units), *earlier]

        def work(tx: Transaction) -> None:
            policy.require_role(tx, self._principal, "writer", space)
            activity = record_activity(tx, self._principal, "chat", self.unit.id)
            known = tx.run("runtime/list_messages", conversation=self.unit.id, classes=classes, forever=FOREVER)
            last = known[-1] if known else None
            ordinal = last["ordinal"] + 1 if last else 0
            asked = NewUnit(
                id=new_id(),
                kind="Message",
                name=_headline(question),
                text=question,
                space=space,
                properties={"role": "user", "ordinal": ordinal},
            )
            put_units(tx, activity, [asked])
            answered = NewUnit(
                id=new_id(),
                kind="Message",
                name=_headline(answer),
                text=answer,
                space=space,
                properties={"role": "assistant", "ordinal": ordinal + 1},
                derived_from=(*sources, (asked.id, 1)),
            )
            put_units(tx, activity, [answered])
            order = [*([last["id"]] if last else []), asked.id, answered.id]
            parts = [{"source": self.unit.id, "target": message.id} for message in (asked, answered)]
            tx.run("units/create_has_part_edges", rows=parts, at=tx.at, forever=FOREVER)
            links = [{"source": a, "target": b} for a, b in pairwise(order)]
            tx.run("units/create_next_edges", rows=links, at=tx.at, forever=FOREVER)

        self._session.store.write(work, operation="chat", principal=self._principal)


def open_conversation(
    session: Session, principal: str, conversation: str | None, *, space: str, name: str
) -> Conversation:
    """Go on with a conversation, or begin one."""
    if conversation is not None:
        unit = get_unit(session.store, session.readable_classes(principal), conversation)
        if unit.kind != "Conversation":
            raise NotFound("conversation", conversation)
        policy.require_role(session.store, principal, "writer", unit.space or "")
        return Conversation(session, principal, unit)
    policy.require_role(session.store, principal, "writer", space)
    unit_id = new_id()

    def work(tx: Transaction) -> None:
        policy.require_role(tx, principal, "writer", space)
        activity = record_activity(tx, principal, "chat", unit_id)
        begun = NewUnit(
            id=unit_id,
            kind="Conversation",
            name=name,
            text="",
            space=space,
        )
        put_units(tx, activity, [begun])

    session.store.write(work, operation="chat", principal=principal)
    return Conversation(session, principal, get_unit(session.store, session.readable_classes(principal), unit_id))


def _headline(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
