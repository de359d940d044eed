# SPDX-License-Identifier: Apache-2.0
"""The engine's side of small worlds: many of them made in one store at once, and what it says of them.

Worlds share nothing, so what one principal may in one of them is what the engine says of it there. To ask
for many worlds in one query, a principal of the test's is put into one principal of each world.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from tests.worlds.oracle import ROLES, STORE, TIMES, make_world

from memwalk import policy
from memwalk.policy import Grant, right_of
from memwalk.store import FOREVER
from memwalk.units import (
    DERIVED,
    NewUnit,
    UnitChange,
    get_units,
    put_units,
    record_activity,
    retire_units,
    update_units,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.worlds.oracle import Edge, Step, World

    Classes = dict[tuple[str, int], str]

    from memwalk.store import Store, Transaction

__all__ = ["Answers", "ask", "build", "compare_packed", "differences", "version_classes"]

T = TypeVar("T", str, tuple[str, int])

OWNER = "owner"
BASE = 2**42
"""Time 0 of the worlds (ms): to come, so that windows lie where the worlds say."""
_TIMES_ASKED = 3


@dataclass
class Answers:
    """What the engine says of a principal at a time, by world."""

    versions: dict[str, set[tuple[str, int]]]
    masked: dict[str, set[tuple[str, int]]]
    shown: dict[str, set[str]]
    counts: dict[str, set[tuple[str, int]]]
    """(entity or fact, how often it is said)."""
    roles: dict[str, dict[str, set[str]]]
    space_roles: dict[str, dict[str, set[str]]]


# --- making worlds -------------------------------------------------------------------------------------


def build(store: Store, worlds: Sequence[World]) -> None:
    """Make these worlds in an empty store, all of a round in one transaction."""
    people = [{"id": p, "kind": "group" if p in w.groups else "user"} for w in worlds for p in w.principals]
    text = "UNWIND $rows AS row CREATE (p:Principal) SET p += row"
    store.run_text(text, {"rows": people}, write=True, limit=1)
    store.write(lambda tx: _places(tx, worlds), operation="test", principal=OWNER)
    seqs: dict[str, int] = {}
    for steps in zip_longest(*(world.rounds for world in worlds)):
        every = [step for one in steps for step in one]
        if every:
            store.write(partial(_round, worlds=worlds, steps=every, seqs=seqs), operation="test", principal=OWNER)
            _owners(store, every)


def _places(tx: Transaction, worlds: Sequence[World]) -> None:
    members = [{"member": member, "group": group} for world in worlds for member, group in world.members]
    tx.run("policy/create_memberships", rows=members)
    spaces = [{"id": space, "local_only": False, "right": right_of(space)} for w in worlds for space in w.spaces]
    tx.run("policy/create_spaces", rows=spaces, at=tx.at)
    tx.touch("test")


def _round(tx: Transaction, worlds: Sequence[World], steps: Sequence[Step], seqs: dict[str, int]) -> None:
    act, ids = steps[0].act, [step.unit for step in steps]
    units = {unit.id: unit for world in worlds for unit in world.units.values()}
    if act in {"edge", "end"}:
        _edges(tx, act, [step.edge for step in steps if step.edge is not None])
    elif act == "put":
        new = [
            NewUnit(s.unit, units[s.unit].kind, s.unit, "", space=units[s.unit].space, derived_from=tuple(s.sources))
            for s in steps
        ]
        seqs |= put_units(tx, record_activity(tx, OWNER, "test"), new)
    elif act == "update":
        changes = [
            UnitChange(s.unit, seqs[s.unit], {"text": str(seqs[s.unit]), "derived_from": tuple(s.sources)})
            for s in steps
        ]
        seqs |= update_units(tx, record_activity(tx, OWNER, "test"), changes)
    elif act == "retire":
        retire_units(tx, record_activity(tx, OWNER, "test"), ids)
    elif act == "publish":
        policy.publish_units(tx, policy.source_rights(tx, ids, derived=DERIVED), derived=DERIVED)
    elif act == "unpublish":
        tx.run("policy/set_published", rows=[{"id": unit, "published": None} for unit in ids])
        policy.reclassify(tx, ids, derived=DERIVED)
    else:
        _concepts(tx, worlds)
    tx.touch("test")


def _edges(tx: Transaction, act: str, edges: Sequence[Edge]) -> None:
    if act == "end":
        for edge in edges:
            kind = "DENIED" if edge.denied else "GRANTED"
            on = {"space": edge.space, "unit": edge.unit}
            tx.run("policy/end_grants", principal=edge.principal, type=kind, at=tx.at, **on)
        return
    own = [edge for edge in edges if edge.space != STORE]
    policy.give_own_rights(tx, [edge.unit for edge in own if edge.unit], derived=DERIVED)
    policy.write_grants(
        tx,
        [
            Grant(edge.principal, edge.role, edge.space, BASE + edge.since, BASE + edge.until, edge.unit, edge.denied)
            for edge in own
        ],
    )


def _owners(store: Store, steps: Sequence[Step]) -> None:
    """Grants on the whole store: the engine makes but one, the owner's."""
    edges = [step.edge for step in steps if step.act == "edge" and step.edge and step.edge.space == STORE]
    text = (
        "UNWIND $rows AS row MATCH (p:Principal {id: row.principal}) MATCH (s:Store) "
        "CREATE (p)-[edge:GRANTED]->(s) SET edge += row.edge"
    )
    rows = [
        {
            "principal": edge.principal,
            "edge": {"role": edge.role, "from": BASE + edge.since, "until": BASE + edge.until},
        }
        for edge in edges
    ]
    store.run_text(text, {"rows": rows}, write=True, limit=1)


def _concepts(tx: Transaction, worlds: Sequence[World]) -> None:
    concepts = [concept for world in worlds for concept in world.told]
    facts = [
        NewUnit(concept, "Fact", concept, "", properties={"subject": concept, "predicate": "is", "object": "told"})
        for concept in concepts
    ]
    put_units(tx, record_activity(tx, OWNER, "test"), facts)
    said = [
        {"id": concept, "source": unit, "source_seq": seq, "count": count}
        for world in worlds
        for concept, versions in world.told.items()
        for (unit, seq), count in versions.items()
    ]
    tx.run("units/create_evidence", rows=said, at=tx.at, forever=FOREVER)


# --- asking --------------------------------------------------------------------------------------------


def _together(store: Store, name: str, principals: Sequence[str]) -> None:
    """A principal who is all of these, each of another world."""
    rows = list(principals)
    store.run_text(
        "CREATE (one:Principal {id: $name, kind: 'user'}) "
        "WITH one UNWIND $rows AS id MATCH (p:Principal {id: id}) CREATE (one)-[:MEMBER_OF]->(p)",
        {"name": name, "rows": rows},
        write=True,
        limit=1,
    )


def ask(store: Store, worlds: Sequence[World], versions: Classes, principal: str, at: int) -> Answers:
    """What the engine says of a principal in these worlds at one of their times; `versions` as `version_classes`."""
    ids = [unit for world in worlds for unit in world.units]
    concepts = [concept for world in worlds for concept in world.told]
    spaces = [space for world in worlds for space in world.spaces]
    keys = sorted(set(versions.values()))
    time = BASE + at
    classes = policy.readable_classes(store, principal, time)
    readable = set(classes)
    mask = dict(zip(keys, policy.readable_mask(store, principal, keys, time).tolist(), strict=True))
    held = policy.rights_of(store, principal, time)
    rights = {row["id"]: row["right"] for row in store.read("policy/list_unit_rights", ids=ids, classes=classes)}
    counts = store.read("units/list_stated", classes=classes, spaces=None, forever=FOREVER)
    return Answers(
        versions=_by_world(version for version, key in versions.items() if key in readable),
        masked=_by_world(version for version, key in versions.items() if mask[key]),
        shown=_by_world(get_units(store, classes, ids + concepts)),
        counts=_by_world((row["subject"], row["count"]) for row in counts),
        roles={role: _by_world(u for u, right in rights.items() if held.allows(role, right)) for role in ROLES},
        space_roles={role: _by_world(s for s in spaces if held.allows(role, right_of(s))) for role in ROLES},
    )


def _by_world(found: Iterable[T]) -> dict[str, set[T]]:
    """Names, or pairs that begin with one, by the world they are in."""
    sorted_out: defaultdict[str, set[T]] = defaultdict(set)
    for one in found:
        name = one if isinstance(one, str) else one[0]
        sorted_out[name.partition("-")[0]].add(one)
    return sorted_out


def version_classes(store: Store) -> Classes:
    """The policy class of each version."""
    text = "MATCH (v:Version) WHERE v.policy_class IS NOT NULL RETURN v.unit_id, v.seq, v.policy_class"
    rows = store.run_text(text, {}, write=False, limit=1_000_000)[1]
    return {(unit, seq): key for unit, seq, key in rows}


# --- comparing -----------------------------------------------------------------------------------------


def differences(world: World, principal: str, at: int, said: Answers) -> list[str]:
    """Where what the engine said of a principal in one of the worlds is not what brute force finds."""
    reads = {
        (unit.id, seq)
        for unit in world.units.values()
        for seq in range(1, len(unit.versions) + 1)
        if world.reads(principal, unit.id, seq, at)
    }
    counts = world.counts(principal, at)
    pairs: list[tuple[str, Mapping[str, object], object]] = [
        ("versions", said.versions, reads),
        ("mask", said.masked, reads),
        ("shown", said.shown, world.shown(principal, at) | counts.keys()),
        ("counts", said.counts, set(counts.items())),
    ]
    for role in ROLES:
        pairs.append((f"{role} of units", said.roles[role], world.roles(principal, role, at)))
        pairs.append((f"{role} of spaces", said.space_roles[role], world.space_roles(principal, role, at)))
    found = [(what, answers.get(world.name, set()), expected) for what, answers, expected in pairs]
    return [
        f"{world.name} {principal} at {at}: {what}: engine {engine!r}, brute force {expected!r}"
        for what, engine, expected in found
        if engine != expected
    ]


def compare_packed(store: Store, numbers: Sequence[int], seed: int) -> tuple[list[str], int]:
    """Make the worlds of these numbers in one store and compare all their principals at several times.

    Returns
    -------
    list of str, int
        The differences; how many pairs of principal and time were compared.
    """
    worlds = [make_world(f"w{number}", random.Random(f"{seed}-{number}")) for number in numbers]
    build(store, worlds)
    found, compared, versions = [], 0, version_classes(store)
    for k in range(max(len(world.principals) for world in worlds)):
        asking = [world for world in worlds if k < len(world.principals)]
        _together(store, f"all-{k}", [world.principals[k] for world in asking])
        for at in random.Random(f"{seed}-{numbers[0]}-{k}").sample(range(-1, TIMES + 1), _TIMES_ASKED):
            said = ask(store, asking, versions, f"all-{k}", at)
            for world in asking:
                found += differences(world, world.principals[k], at, said)
                compared += 1
    return found, compared
