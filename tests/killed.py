# SPDX-License-Identifier: Apache-2.0
"""A writer that is killed at any moment, and what must hold of the store afterwards."""

from __future__ import annotations

import itertools
import json
import random
import time
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save
from tests import writers

import memwalk
from memwalk.errors import StaleVersion, StoreError
from memwalk.units import NewUnit, UnitChange, new_id, put_units, record_activity, retire_units, update_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import TextIO

    from memwalk.config import Settings
    from memwalk.memory import Memory
    from memwalk.store import Transaction

__all__ = ["Acknowledged", "check_store", "read_log", "write_until_killed"]

OWNER = "owner"
Acknowledged = dict[tuple[str, int], tuple[str, str | None]]
"""By unit and number of its version: the text, and the payload."""


class _Writer:
    """Does one random thing after another and notes in a file what was acknowledged."""

    def __init__(self, memory: Memory, log: TextIO, shared: Sequence[str], chance: random.Random) -> None:
        self.memory = memory
        self.log = log
        self.shared = shared
        self.chance = chance
        self.own: list[str] = []
        """Documents of this writer that live."""
        self.blocks: dict[str, tuple[str, int]] = {}
        """What each of its KV blocks derives from."""

    def step(self) -> None:
        acts: list[Callable[[], None]] = [self.add, self.update, self.update, self.build, self.forget]
        (self.chance.choice(acts) if len(self.own) >= 5 else self.add)()

    def _write(self, operation: str, work: Callable[[Transaction, str], dict[str, int]]) -> dict[str, int]:
        def within(tx: Transaction) -> dict[str, int]:
            return work(tx, record_activity(tx, OWNER, operation))

        return self.memory._session.store.write(within, operation=operation, principal=OWNER)

    def _note(self, heads: dict[str, int], texts: dict[str, str], payload: str | None = None) -> None:
        for unit, seq in heads.items():
            self.log.write(json.dumps([unit, seq, texts[unit], payload]) + "\n")
        self.log.flush()

    def _head(self, unit: str) -> tuple[int, str]:
        seq, text = writers.rows(
            self.memory._session.store, "MATCH (:Unit {id: $id})-[:HEAD]->(v) RETURN v.seq, v.text", id=unit
        )[0]
        return seq, text

    def add(self) -> None:
        """A batch of five documents."""
        units = [writers.document(new_id(), f"a text {self.chance.random()} " * 20) for _ in range(5)]
        heads = self._write("add", lambda tx, activity: put_units(tx, activity, units))
        self.own += heads
        self._note(heads, {unit.id: unit.text for unit in units})

    def update(self) -> None:
        """Append a token to a document that others append to."""
        unit = self.chance.choice(self.shared)
        seq, text = self._head(unit)
        said = f"{text} {new_id()}"
        change = UnitChange(unit, seq, {"text": said})
        try:
            heads = self._write("update", lambda tx, activity: update_units(tx, activity, [change]))
        except StaleVersion:
            return
        self._note(heads, {unit: said})

    def build(self) -> None:
        """A KV block over a document, or a new version of one: its payload first, then the version that names it."""
        data = save({"keys": np.frombuffer(self.chance.randbytes(4 * 2_000), dtype=np.float32)})
        payload = self.memory._session.payloads.put(data)
        again = bool(self.blocks) and self.chance.random() < 0.5
        block = self.chance.choice(list(self.blocks)) if again else new_id()
        document = self.chance.choice(self.own)
        source = self.blocks[block] if again else (document, self._head(document)[0])
        unit = NewUnit(
            block,
            "KVBlock",
            "block",
            "",
            space="default",
            version={
                "payload": payload,
                "fingerprint": "a model",
                "adapters": "",
                "tokens": 1,
                "bytes": len(data),
                "source_order": [source[0]],
            },
            derived_from=(source,),
        )
        heads = self._write("build", lambda tx, activity: put_units(tx, activity, [unit]))
        self.blocks[block] = source
        self._note(heads, {block: ""}, payload)

    def forget(self) -> None:
        """Retire a document."""
        unit = self.own.pop(self.chance.randrange(len(self.own)))
        seq = self._head(unit)[0]

        def work(tx: Transaction, activity: str) -> dict[str, int]:
            retire_units(tx, activity, [unit])
            return {unit: seq + 1}

        self._note(self._write("forget", work), {unit: ""})


def write_until_killed(directory: Path, settings: Settings, log: Path, shared: Sequence[str], seed: int) -> None:
    """Write for ever; when the server goes, open it again."""
    with log.open("a", encoding="utf-8") as file:
        while True:
            try:
                with memwalk.open(directory, principal=OWNER, settings=settings) as memory:
                    writer = _Writer(memory, file, shared, random.Random(seed))
                    while True:
                        writer.step()
            except StoreError:  # killed under it: what was under way is not acknowledged
                time.sleep(0.2)


def read_log(path: Path) -> Acknowledged:
    """What a writer had acknowledged; its last line may be torn."""
    found: Acknowledged = {}
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            unit, seq, text, payload = json.loads(line)
            found[unit, seq] = (text, payload)
    return found


def check_store(memory: Memory, acknowledged: Acknowledged, shared: Iterable[str]) -> dict[str, int]:
    """All that was acknowledged is there, every unit is whole, no payload is missing; returns how many of what."""
    store = memory._session.store
    said = writers.rows(store, "MATCH (v:Version) RETURN v.unit_id, v.seq, v.text, v.payload")
    there = {(unit, seq): (text, payload) for unit, seq, text, payload in said}
    assert {key: there.get(key) for key in acknowledged} == acknowledged
    writers.check_history(store)
    whole = (
        "MATCH (u:Unit) OPTIONAL MATCH (u)-[:HEAD]->(v:Version {unit_id: u.id, seq: u.seq}) "
        "WITH u, v RETURN count(u), sum(CASE WHEN v.state = u.state AND v.content_hash = u.content_hash "
        "AND v.text = u.text AND v.policy_class = u.policy_class AND COUNT { (u)-[:IN_SPACE]->() } = 1 "
        "AND EXISTS { (v)-[:WAS_GENERATED_BY]->()-[:ACTED_FOR]->(:Principal) } "
        "AND (v.kind <> 'KVBlock' OR v.state = 'retired' OR COUNT { (v)-[:WAS_DERIVED_FROM]->() } = 1) "
        "THEN 1 ELSE 0 END)"
    )
    units, intact = writers.rows(store, whole)[0]
    assert units == intact
    assert writers.rows(store, "MATCH (v:Version) WHERE NOT (v)<-[:HEAD|PREVIOUS]-() RETURN count(v)") == [[0]]
    for unit in shared:
        texts = [there[unit, seq][0] for seq in sorted(seq for owner, seq in there if owner == unit)]
        for text, later in itertools.pairwise(texts):  # each has all that was said before, and one token more
            assert later.rpartition(" ")[0] == text
    payloads = {payload for _, payload in there.values() if payload}
    for payload in payloads:
        memory._session.payloads.get(payload)  # raises if it is missing or other bytes
    changes = writers.check_changes(store)
    return {"units": units, "versions": len(there), "payloads": len(payloads), "changes": changes}
