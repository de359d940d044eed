# SPDX-License-Identifier: Apache-2.0
"""A small world with one of everything that an export file can hold."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from memwalk import policy
from memwalk.store import FOREVER, Store, migrate
from memwalk.units import DERIVED, NewUnit, put_units, record_activity, retire_units

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.config import StoreSettings
    from memwalk.payloads import PayloadStore
    from memwalk.store import Transaction

OWNER = "owner"
EMBEDDER = "e" * 64
TENSORS = bytes(save({"keys": np.arange(24, dtype=np.float32).reshape(2, 12)}))
Row = dict[str, Any]


def fresh(store: Store) -> None:
    """Make a database a new store."""
    store.run_text("MATCH (n) DETACH DELETE n", {}, write=True, limit=1)
    migrate(store)
    policy.set_owner(store, OWNER)
    policy.create_space(store, OWNER, "default")


def connect(store_settings: Callable[[str], StoreSettings], version: str) -> Store:
    """A new store on the server of a version."""
    store = Store.connect(store_settings(version))
    fresh(store)
    return store


def put(store: Store, *units: NewUnit, principal: str = OWNER, name: str = "add", detail: str = "") -> None:
    """Put units in one transaction."""

    def work(tx: Transaction) -> None:
        put_units(tx, record_activity(tx, principal, name, detail), units)

    store.write(work, operation="test", principal=principal)


def retire(store: Store, *ids: str) -> None:
    """Retire units in one transaction."""
    store.write(
        lambda tx: retire_units(tx, record_activity(tx, OWNER, "forget"), ids), operation="test", principal=OWNER
    )


def link(store: Store, query: str, *rows: Row, timed: bool = True) -> None:
    """Write edges by a named query."""

    def work(tx: Transaction) -> None:
        span = {"at": tx.at, "forever": FOREVER} if timed else {}
        tx.run(query, rows=list(rows), **span)
        tx.touch("edges")

    store.write(work, operation="test", principal=OWNER)


def vectors(store: Store, **numbers: int) -> None:
    """Give units vectors of 4 numbers."""
    rows = [{"id": unit, "vector": [number, 0.5, -1.25, 1 / 3]} for unit, number in numbers.items()]
    link(store, "units/set_vectors", *rows, timed=False)


def run(store: Store, text: str, **parameters: object) -> list[list[Any]]:
    """Run Cypher that writes."""
    return store.run_text(text, dict(parameters), write=True, limit=1_000)[1]


def edge(
    store: Store, principal: str, label: str, target: str, role: str, since: int = 1, until: int = FOREVER
) -> None:
    """A grant or denial on a space or unit."""
    text = f"""
    MATCH (p:Principal {{id: $principal}}) MATCH (t {{id: $target}}) WHERE t:Space OR t:Unit
    CREATE (p)-[:{label} {{role: $role, from: $since, until: $until}}]->(t)"""
    run(store, text, principal=principal, target=target, role=role, since=since, until=until)


def people(store: Store) -> None:
    """Spaces, nested groups, grants and denials in their windows."""
    policy.create_space(store, OWNER, "work")
    policy.create_space(store, OWNER, "home")
    policy.create_space(store, OWNER, "den", local_only=True)
    policy.create_principal(store, OWNER, "staff", kind="group")
    policy.create_principal(store, OWNER, "editors", kind="group", groups=("staff",))
    policy.create_principal(store, OWNER, "alice", groups=("editors",))
    policy.create_principal(store, OWNER, "bob")
    policy.create_principal(store, OWNER, "robot", kind="agent", groups=("staff",))
    policy.grant(store, OWNER, "staff", "reader", "work")
    policy.grant(store, OWNER, "bob", "admin", "work")
    edge(store, "robot", "DENIED", "work", "writer", 5, 2**60)
    edge(store, "bob", "DENIED", "home", "reader")


def passage(unit: str, space: str, text: str, ordinal: int = 0, **more: Any) -> NewUnit:
    """A passage."""
    return NewUnit(unit, "Passage", "A title", text, space, {"ordinal": ordinal, "start": 0, "end": len(text)}, **more)


def documents(store: Store, space: str, prefix: str) -> None:
    """A document of two passages with an entity they share, one of their own, and a fact; changed, partly retired."""
    document = NewUnit(f"{prefix}-d", "Document", "A title", "", space, {"uri": f"{prefix}.md", "format": "markdown"})
    put(store, document, detail=space)
    made: dict[str, Any] = {"derived_from": ((f"{prefix}-d", 1),)}
    first, second = (f"{prefix}-p1", f"{prefix}-p2")
    put(
        store,
        passage(first, space, "Ada met Grace.", **made),
        passage(second, space, "She left.", 1, **made),
        passage(f"{prefix}-p3", space, "An old passage.", 2, **made),
        NewUnit("e-ada", "Entity", "ada", ""),
        NewUnit(f"{prefix}-e", "Entity", f"grace {prefix}", ""),
        NewUnit(f"{prefix}-f", "Fact", "s p o", "s p o", None, {"subject": "s", "predicate": "p", "object": "o"}),
        detail=space,
    )
    put(store, passage(second, space, "She left at noon.", 1, **made), detail=space)
    parts = [{"source": f"{prefix}-d", "target": f"{prefix}-p{n}"} for n in (1, 2, 3)]
    link(store, "units/create_has_part_edges", *parts)
    link(store, "units/create_next_edges", {"source": first, "target": second})
    concepts = ("e-ada", f"{prefix}-e", f"{prefix}-f")
    evidence = [{"id": unit, "source": first, "source_seq": 1, "count": 2} for unit in concepts]
    evidence += [{"id": "e-ada", "source": f"{prefix}-p3", "source_seq": 1, "count": 1}]
    link(store, "units/create_evidence", *evidence)
    mentions = [{"source": first, "target": unit, "count": 2} for unit in concepts[:2]]
    link(store, "units/create_mentions_edges", *mentions)
    link(store, "units/create_about_edges", {"source": first, "target": "e-ada"})
    fact = {"id": f"{prefix}-f", "subject": "e-ada", "object": f"{prefix}-e"}
    link(store, "units/create_fact_edges", fact, timed=False)
    pair = sorted(["e-ada", f"{prefix}-e"])
    link(store, "units/create_similar_edges", {"source": pair[0], "target": pair[1], "score": 0.8125})
    vectors(store, **{first: 1, second: 2, f"{prefix}-e": 3, f"{prefix}-f": 4, "e-ada": 5})
    retire(store, f"{prefix}-p3")


def build(store: Store, payloads: PayloadStore, *, hidden: bool = True) -> None:
    """All of it; without `hidden` what space `home` holds is left out."""
    people(store)
    store.write(lambda tx: tx.run("store/set_embedder", embedder=EMBEDDER), operation="test", principal=OWNER)
    if hidden:
        documents(store, "home", "h")
        put(store, NewUnit("h-n", "Note", "a diary", "Nobody reads this.", "home"), name="chat", detail="a question")
    documents(store, "work", "w")
    note = NewUnit(
        id="w-n",
        kind="Note",
        name="a note",
        text="Zürich 🌉\n\u2028 — “quoted”",
        space="work",
        tags=("b", "a"),
        metadata={"n": 1.5, "deep": [{"ü": None}]},
        valid_from=-5,
        valid_to=2**61,
    )
    put(store, note, principal="bob", name="update", detail="by hand")
    put(store, NewUnit("w-o", "Note", "one's own", "Not for robots.", "work"))
    policy.deny(store, OWNER, "robot", "reader", policy.OnUnit("w-o", DERIVED))
    edge(store, "alice", "GRANTED", "w-o", "writer", 7, 2**61)
    block = {"payload": payloads.put(TENSORS), "fingerprint": "f", "adapters": "", "tokens": 3, "bytes": len(TENSORS)}
    version = {**block, "source_order": ["w-p2", "w-p1"]}
    put(store, NewUnit("w-kv", "KVBlock", "kv", "", "work", {}, version, (("w-p1", 1), ("w-p2", 2))), name="build")
    put(store, NewUnit("w-c", "Conversation", "chat", "", "work"), name="chat")
    asked = NewUnit("w-m1", "Message", "Who?", "Who?", "work", {"role": "user", "ordinal": 0})
    said = NewUnit("w-m2", "Message", "Ada.", "Ada.", "work", {"role": "assistant", "ordinal": 1})
    put(store, asked, principal="alice", name="chat", detail="Who?")
    sources = (("w-m1", 1), ("w-p1", 1), ("w-o", 1))
    put(store, NewUnit(said.id, said.kind, said.name, said.text, "work", said.properties, {}, sources), name="chat")
    link(store, "units/create_has_part_edges", *({"source": "w-c", "target": f"w-m{n}"} for n in (1, 2)))
    link(store, "units/create_next_edges", {"source": "w-m1", "target": "w-m2"})
    if hidden:
        both = (("h-p1", 1), ("w-p1", 1))
        put(store, NewUnit("w-s", "Summary", "both", "Of both.", "work", derived_from=both))
        put(store, NewUnit("w-u", "Summary", "public", "Of both, told to all.", "work", derived_from=both))
        policy.publish(store, OWNER, policy.OnUnit("w-u", DERIVED))
    put(store, NewUnit("w-r", "Note", "gone", "Forgotten.", "work", tags=("x",)))
    retire(store, "w-r")


def members(path: Path) -> dict[str, bytes]:
    """The members of an export file but for its header."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "header.json"}
