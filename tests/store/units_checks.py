# SPDX-License-Identifier: Apache-2.0
"""What the store holds and shows, compared with the in-memory model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from tests.store.rights_model import OWNER, ROLES

from memwalk import policy
from memwalk.errors import MemwalkError
from memwalk.units import get_units, lineage, list_history, list_stale, list_units, stale_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.store.units_model import Model

    from memwalk.store import Store
    from memwalk.units import Unit

T = TypeVar("T")
_STORED = """
MATCH (v:Version)
OPTIONAL MATCH (v)<-[:HEAD]-(u:Unit)
RETURN v.unit_id AS id, v.seq AS seq, v.state, v.text, coalesce(v.tags, []), coalesce(v.metadata, '{}'), v.valid_from,
  v.valid_to, v.tx_from, v.tx_to, v.policy_class, u IS NOT NULL,
  COUNT { (v)-[:PREVIOUS]->(:Version {unit_id: v.unit_id, seq: v.seq - 1}) },
  COLLECT { MATCH (v)-[:WAS_DERIVED_FROM]->(made) RETURN [made.unit_id, made.seq] },
  COLLECT { MATCH (v)<-[edge:EVIDENCED_BY]-(said:Unit) RETURN [said.id, edge.tx_from, edge.tx_to] },
  [u.id, u.seq, u.state, u.text, u.tags, u.metadata, u.valid_from, u.valid_to, u.policy_class, u.content_hash],
  [v.unit_id, v.seq, v.state, v.text, v.tags, v.metadata, v.valid_from, v.valid_to, v.policy_class, v.content_hash]
ORDER BY id, seq
"""


def check_stored(store: Store, model: Model) -> None:
    """All versions, their chains, sources, classes and evidence are as the model says; units bear their heads."""
    found = []
    for row in store.run_text(_STORED, {}, write=False, limit=10_000)[1]:
        *said, sources, evidence, unit, head = row
        said[5] = json.loads(said[5])
        found.append([*said, sorted(sources), sorted(evidence)])
        assert unit == head or not said[11]
    assert found == model.stored()


def check_rights(store: Store, model: Model, who: str, at: int | None = None) -> None:
    """Somebody holds each role on just the rights that the model says, at its hour."""
    held = policy.rights_of(store, who, at)
    assert held.administers == (who == OWNER)
    for role in ROLES:
        expected = {right for right in model.all_rights() if model.holds(who, role, right)}
        assert held.held[role] == {policy.right_of(*right) for right in expected}


def check_seen(store: Store, model: Model, who: str, *, at: int | None = None, when: int | None = None) -> None:
    """What somebody is shown of all units by their ids, now or as they were, by the rights of now or of a time."""
    found = get_units(store, policy.readable_classes(store, who, when), list(model.units), at=at)
    assert {unit_id: shown(unit) for unit_id, unit in found.items()} == model.shown(who, at=at)


def check_shown(
    store: Store,
    model: Model,
    who: str,
    *,
    at: int | None = None,
    valid_at: int | None = None,
    retired: bool = False,
) -> None:
    """What somebody is shown of all units by their ids, and as a list, is what the model says.

    `at` is the system time of what the units say, `valid_at` the world time.
    """
    classes = policy.readable_classes(store, who)
    expected = model.shown(who, at=at, valid_at=valid_at, retired=retired)
    found = get_units(store, classes, list(model.units), retired=retired, at=at, valid_at=valid_at)
    assert {unit_id: shown(unit) for unit_id, unit in found.items()} == expected
    state = None if retired else "live"
    listed: list[Unit] = []
    while page := list_units(
        store, classes, state=state, at=at, valid_at=valid_at, limit=7, after=listed[-1].id if listed else ""
    ):
        listed += page
    assert {unit.id: shown(unit) for unit in listed} == expected
    assert [unit.id for unit in listed] == sorted(expected)


def check_chosen(
    store: Store,
    model: Model,
    who: str,
    *,
    tags: Sequence[str],
    at: int | None,
    kind: str | None = None,
    space: str | None = None,
) -> None:
    """A list of those of a kind, of a space, with all of some tags."""
    listed = list_units(store, policy.readable_classes(store, who), kind=kind, space=space, tags=tags, at=at)
    assert {unit.id for unit in listed} == {
        unit_id
        for unit_id, (its_kind, its_space, _, _, its_tags, *_) in model.shown(who, at=at).items()
        if kind in {None, its_kind} and space in {None, its_space} and {*tags} <= {*its_tags}
    }


def check_traced(store: Store, model: Model, who: str, unit_id: str, direction: str) -> None:
    """What somebody is shown of a unit's history and lineage."""
    unit = model.units[unit_id]
    classes = policy.readable_classes(store, who)
    history = or_error(lambda: [(r["seq"], r["state"]) for r in list_history(store, classes, unit_id)])
    assert history == model.history(who, unit)
    found = or_error(lambda: lineage(store, classes, unit_id, direction=direction, depth=100))
    expected = model.lineage(who, unit, direction)
    if isinstance(found, type) or isinstance(expected, type):
        assert found == expected
        return
    assert {(edge.ref, edge.source) for edge in found.edges} == expected
    assert {node.ref for node in found.nodes} == {ref for edge in expected for ref in edge} | {found.unit}
    for node in found.nodes:
        shared = model.units[node.ref.id].is_shared
        assert node.is_current == (shared or model.is_current(node.ref))


def check_stale(store: Store, model: Model, who: str) -> None:
    """What was made of what is no longer so, of all that somebody may read."""
    expected = model.stale(who)
    classes = policy.readable_classes(store, who)
    assert {unit.id for unit in list_stale(store, classes)} == expected
    assert stale_units(store, model.shown(who)) == expected


def or_error(read: Callable[[], T]) -> T | type[MemwalkError]:
    """What something returns, or the kind of error it raises."""
    try:
        return read()
    except MemwalkError as error:
        return type(error)


def shown(unit: Unit) -> tuple[Any, ...]:
    """A unit as the model has it."""
    times = (unit.valid_from, unit.valid_to)
    said = (unit.text, unit.tags, unit.metadata, times)
    return (unit.kind, unit.space, unit.seq, *said, unit.state, unit.policy_class, unit.since)
