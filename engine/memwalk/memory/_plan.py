# SPDX-License-Identifier: Apache-2.0
"""Planning: the walk's results and the readable loadables, under a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument
from memwalk.memory._find import search
from memwalk.policy import local_only_units
from memwalk.schedule import Candidate, Form, make_plan
from memwalk.units import UnitRef, list_loadables

if TYPE_CHECKING:
    from memwalk.memory._session import Session
    from memwalk.schedule import Budget, Plan

__all__ = ["CANDIDATES", "plan"]

CANDIDATES = 12
"""Passages of the walk that a plan chooses from."""


def plan(
    session: Session, principal: str, question: str, *, budget: Budget, form: Form | str | None, remote: bool
) -> Plan:
    """Decide what to load for a question."""
    from memwalk.runtime import Memory as Block

    if isinstance(form, str):
        if form not in {f.value for f in Form}:
            raise InvalidArgument("form", form, " or ".join(f.value for f in Form))
        form = Form(form)
    results = search(session, principal, question, limit=CANDIDATES, profile=None)
    prompt = session.models.prompt
    candidates = [
        Candidate(
            ref=UnitRef(r.unit_id, r.seq),
            name=r.name,
            space=r.space,
            score=r.score,
            tokens=len(prompt.block(Block(r.unit_id, r.name, r.text, r.seq))),
            path=r.path,
        )
        for r in results
    ]
    classes = session.readable_classes(principal)
    return make_plan(
        question,
        candidates,
        list_loadables(session.store, classes),
        budget,
        session.models.costs,
        fingerprint=session.models.language.fingerprint,
        fixed_tokens=len(prompt.preamble()) + len(prompt.tail(question)),
        form=form,
        local_only=local_only_units(session.store, [c.ref.id for c in candidates]) if remote else (),
        remote=remote,
    )
