# SPDX-License-Identifier: Apache-2.0
"""Answering: what a plan picked is checked again, loaded, recorded, and the answer streamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import ConfigurationError, LocalOnly, NotFound, StaleUnit
from memwalk.policy import local_only_units
from memwalk.schedule import Form
from memwalk.units import get_units, list_loadables, record_activity, stale_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memwalk.memory._session import Session
    from memwalk.runtime import Adapter, Generation, KVPrefix, RemoteGeneration, Turn
    from memwalk.runtime import Memory as Block
    from memwalk.schedule import Plan
    from memwalk.store import Transaction
    from memwalk.units import Unit, UnitRef

__all__ = ["Answer", "Loaded", "answer_probability", "generate", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plan made ready for the local model."""

    ids: list[int]
    """Token ids of the whole prompt; those of a KV block come first, right after the preamble."""
    kv: KVPrefix | None
    adapter: Adapter | None


class Answer:
    """An answer as it comes: iterate over its pieces, or take `text`.

    Attributes
    ----------
    activity : str
        Id of the generation activity, whose edges say which unit versions were loaded in which form.
    plan : Plan
    """

    def __init__(self, generation: Generation | RemoteGeneration, activity: str, plan: Plan) -> None:
        self._generation = generation
        self._pieces: list[str] = []
        self.activity = activity
        self.plan = plan

    def __iter__(self) -> Iterator[str]:
        yield from self._pieces
        for piece in self._generation:
            self._pieces.append(piece)
            yield piece

    @property
    def text(self) -> str:
        """The whole answer, generated to its end."""
        for _ in self:
            pass
        return "".join(self._pieces)

    @property
    def prefilled(self) -> int:
        """Prompt tokens that were computed for this answer; 0 for a remote model, which does not say."""
        return self._generation.prefilled

    @property
    def reused(self) -> int:
        """Prompt tokens whose keys and values came from a KV block."""
        return self._generation.reused

    @property
    def seconds_to_first_token(self) -> float | None:
        """Measured, from the start of the prefill; None before the first token."""
        return self._generation.seconds_to_first_token


def generate(
    session: Session,
    principal: str,
    plan: Plan,
    *,
    max_tokens: int,
    temperature: float,
    turns: Sequence[Turn] = (),
) -> Answer:
    """Answer a plan's question, streamed."""
    from memwalk import runtime

    units = _check(session, principal, plan)
    if plan.remote:
        if not session.settings.endpoint.url:
            raise ConfigurationError("OPENAI_BASE_URL", "", "the base URL of an OpenAI-compatible endpoint")
        if closed := local_only_units(session.store, list(units)):
            raise LocalOnly(sorted(closed))
        messages = session.models.prompt.messages(_blocks(plan, units), plan.question, turns)
        activity = _record(session, principal, plan)
        return Answer(
            runtime.generate_remote(
                session.settings.endpoint, messages, max_new_tokens=max_tokens, temperature=temperature
            ),
            activity,
            plan,
        )
    loaded = load(session, plan, units, turns)
    activity = _record(session, principal, plan)
    generation = runtime.generate(
        session.models.language,
        loaded.ids,
        kv=loaded.kv,
        adapter=loaded.adapter,
        max_new_tokens=max_tokens,
        temperature=temperature,
    )
    return Answer(generation, activity, plan)


def answer_probability(session: Session, principal: str, plan: Plan, answer: str) -> float:
    """Natural logarithm of the probability of exactly this answer under a plan."""
    from memwalk import runtime

    loaded = load(session, plan, _check(session, principal, plan))
    language = session.models.language
    ids = session.models.prompt.answer(answer)
    return runtime.log_probability(language, loaded.ids, ids, kv=loaded.kv, adapter=loaded.adapter)


def load(session: Session, plan: Plan, units: dict[str, Unit], turns: Sequence[Turn] = ()) -> Loaded:
    """Read payloads and write the prompt."""
    from memwalk import runtime

    prompt, language = session.models.prompt, session.models.language
    kv, adapter = None, None
    for pick in plan.picks:
        if pick.form is Form.KV:
            kv = runtime.load_kv(session.payloads.get(pick.payload), language, unit_id=pick.loadable)
        elif pick.form is Form.ADAPTER:
            adapter = runtime.load_adapter(session.payloads.get(pick.payload), language, unit_id=pick.loadable)
    ids = list(prompt.preamble())
    for block in _blocks(plan, units):
        ids += prompt.block(block)
    return Loaded(ids + list(prompt.tail(plan.question, turns)), kv, adapter)


def _blocks(plan: Plan, units: dict[str, Unit]) -> list[Block]:
    from memwalk.runtime import Memory as Block

    ordered = sorted(plan.picks, key=lambda pick: pick.form is not Form.KV)
    return [
        Block(ref.id, units[ref.id].name, units[ref.id].text, ref.seq)
        for pick in ordered
        if pick.form is not Form.ADAPTER
        for ref in pick.units
    ]


def _check(session: Session, principal: str, plan: Plan) -> dict[str, Unit]:
    """Read the plan's units again: rights may have ended and versions passed since it was made."""
    classes = session.readable_classes(principal)
    units = get_units(session.store, classes, [ref.id for ref in plan.units])
    for ref in plan.units:
        _same(ref, units)
    for unit in sorted(stale_units(session.store, units)):
        raise StaleUnit(unit)
    loadables = {loadable.id: loadable for loadable in list_loadables(session.store, classes)}
    for pick in plan.picks:
        if pick.form is not Form.CONTEXT:
            if pick.loadable not in loadables:
                raise NotFound("unit", pick.loadable)
            if not loadables[pick.loadable].fresh:
                raise StaleUnit(pick.loadable)
    return units


def _same(ref: UnitRef, units: dict[str, Unit]) -> None:
    if ref.id not in units:
        raise NotFound("unit", ref.id)
    if units[ref.id].seq != ref.seq:
        raise StaleUnit(ref.id)


def _record(session: Session, principal: str, plan: Plan) -> str:
    rows = [
        {"id": ref.id, "seq": ref.seq, "form": pick.form.value, "loadable": pick.loadable}
        for pick in plan.picks
        for ref in pick.units
    ]

    def work(tx: Transaction) -> str:
        activity = record_activity(tx, principal, "generate", plan.question)
        if rows:
            tx.run("runtime/record_generation", activity=activity, rows=rows)
        tx.touch(activity)
        return activity

    return session.store.write(work, operation="generate", principal=principal)
