# SPDX-License-Identifier: Apache-2.0
"""Building KV blocks and adapters: units derived from the exact versions they were built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import InvalidArgument, StaleUnit, WrongState
from memwalk.units import (
    NewUnit,
    claim_payload,
    derived_id,
    find_unit,
    list_loadables,
    put_units,
    record_activity,
    stale_units,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.memory._session import Session
    from memwalk.progress import Progress
    from memwalk.store import Transaction
    from memwalk.units import Loadable, Unit

__all__ = ["build_adapter", "build_kv"]


def build_kv(
    session: Session, principal: str, references: Sequence[str], *, space: str | None, progress: Progress | None
) -> Loadable:
    """Compute the KV cache of some units, in the order given, behind the shared preamble."""
    from memwalk import runtime
    from memwalk.runtime import Memory as Block

    units, space = _sources(session, principal, references, space)
    prompt, language = session.models.prompt, session.models.language
    ids = list(prompt.preamble())
    for unit in units:
        ids += prompt.block(Block(unit.id, unit.name, unit.text, unit.seq))
    if progress:
        progress("prefill", 0, len(ids))
    data = runtime.build_kv(language, ids)
    if progress:
        progress("prefill", len(ids), len(ids))
    # The preamble is part of every prompt: only the units' own tokens count against a budget.
    return _store(session, principal, "KVBlock", units, space, data, len(ids) - len(prompt.preamble()))


def build_adapter(
    session: Session, principal: str, references: Sequence[str], *, space: str | None, progress: Progress | None
) -> Loadable:
    """Train a LoRA adapter on some units' text and on questions and answers made of it."""
    from memwalk import runtime

    units, space = _sources(session, principal, references, space)
    data = runtime.train_adapter(
        session.models.language,
        [f"{unit.name}. {unit.text}" for unit in units],
        session.models.parser,
        runtime.AdapterConfig(),
        progress=progress,
    )
    return _store(session, principal, "Adapter", units, space, data, 0)


def _sources(session: Session, principal: str, references: Sequence[str], space: str | None) -> tuple[list[Unit], str]:
    if not references:
        raise InvalidArgument("units", [], "at least one unit, by id or name")
    classes = session.readable_classes(principal)
    units = list({unit.id: unit for unit in (find_unit(session.store, classes, r) for r in references)}.values())
    units = [part for unit in units for part in _parts(session, classes, unit)]
    for unit in units:
        if not unit.text or unit.policy_class is None:
            raise InvalidArgument("unit", unit.name, "a unit with a text of its own: a passage, a document, a message")
    for stale in sorted(stale_units(session.store, [unit.id for unit in units])):
        raise StaleUnit(stale)
    home = space or units[0].space or ""
    policy.require_role(session.store, principal, "writer", home)
    return units, home


def _parts(session: Session, classes: list[str], unit: Unit) -> list[Unit]:
    """A document stands for its passages.

    Raises
    ------
    WrongState
        They are being written or retired part by part.
    """
    if unit.kind != "Document":
        return [unit]
    if unit.properties.get("unfinished"):
        raise WrongState(unit.id, "unfinished", "build", ["whole"])
    from memwalk.store import FOREVER
    from memwalk.units import get_units

    rows = session.store.read("units/list_parts", ids=[unit.id], forever=FOREVER)
    return sorted(
        get_units(session.store, classes, [row["id"] for row in rows]).values(),
        key=lambda part: (part.properties["ordinal"], part.id),
    )


def _store(
    session: Session, principal: str, kind: str, units: list[Unit], space: str, data: bytes, tokens: int
) -> Loadable:
    payload = session.payloads.put(data)
    fingerprint = session.models.language.fingerprint
    name = " + ".join(dict.fromkeys(unit.name for unit in units))
    anchor = "\x1e".join([fingerprint, *(unit.id for unit in units)])
    unit_id = derived_id(space, "", kind, anchor)

    def work(tx: Transaction) -> None:
        policy.require_role(tx, principal, "writer", space)
        claim_payload(tx, payload)
        session.payloads.put(data)  # a purge may have deleted it since
        activity = record_activity(tx, principal, "build", kind)
        new = NewUnit(
            id=unit_id,
            kind=kind,
            name=name,
            text="",
            space=space,
            version={
                "payload": payload,
                "fingerprint": fingerprint,
                "adapters": "",
                "tokens": tokens,
                "bytes": len(data),
                "source_order": [unit.id for unit in units],
            },
            derived_from=tuple((unit.id, unit.seq) for unit in units),
        )
        put_units(tx, activity, [new])
        tx.touch(activity)

    session.store.write(work, operation="build", principal=principal)
    classes = session.readable_classes(principal)
    return next(found for found in list_loadables(session.store, classes) if found.id == unit_id)
