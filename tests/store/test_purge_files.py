# SPDX-License-Identifier: Apache-2.0
"""Physical purge: no byte of what was purged is left in any file of the data directory, in any encoding."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.walk_files import holding

import memwalk
from memwalk.config import CURRENT, LTS
from memwalk.errors import InvalidArgument, NotPermitted
from memwalk.store.server import LocalServer
from memwalk.units import NewUnit, purge_units, put_units, record_activity

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.config import Settings
    from memwalk.memory import Memory
    from memwalk.store import Transaction

SHORT = "Zyxgrub"
LONG = "Quvvath the carpenter hid the ledger behind the third panel of the north wall. " * 40
FOREIGN = "Żółw Ωmega 秘密の鍵は台所にある, und der Schlüssel liegt im Flur."
KEPT = "Mildred planted apple trees along the canal."
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def put(memory: Memory, *texts: str) -> list[str]:
    """Notes that say these texts, in several versions."""
    units = [NewUnit(f"note-{abs(hash(text))}", "Note", text[:40], "first", "default", tags=("t",)) for text in texts]

    def work(tx: Transaction, said: list[NewUnit]) -> None:
        put_units(tx, record_activity(tx, memory.principal, "test"), said)

    write = memory._session.store.write
    write(lambda tx: work(tx, units), operation="test", principal=memory.principal)
    second = [replace(unit, text=text, metadata={"said": text[:90]}) for unit, text in zip(units, texts, strict=True)]
    write(lambda tx: work(tx, second), operation="test", principal=memory.principal)
    return [unit.id for unit in units]


def files_with(directory: Path, text: str) -> list[str]:
    """The files that hold a text, in any of the encodings."""
    needles = [text.encode(encoding) for encoding in ENCODINGS]
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(directory)) for path in files if any(n in path.read_bytes() for n in needles)]


@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_no_byte_is_left(version: str, tmp_path: Path, settings: Settings) -> None:
    """Before the rebuild the files still hold the purged text; after it none does, and the rest is as it was."""
    settings = replace(settings, server=replace(settings.server, version=version, idle_seconds=60))
    server = LocalServer(tmp_path, settings.server, settings.cache_directory())
    tokens = ["zyxgrub", "Zyxgrub", "quvvath", "Quvvath", "żółw", "schlüssel"]  # as full-text segments have them
    needles = [SHORT + SHORT + SHORT, LONG[:70], LONG[79:140], FOREIGN[:12], FOREIGN[13:30], "台所", *tokens]
    try:
        with memwalk.open(tmp_path, principal="owner", settings=settings) as memory:
            payload = memory._session.payloads.put(_tensors(LONG.encode()))
            doomed = put(memory, SHORT * 30, SHORT, LONG, FOREIGN)
            (kept,) = put(memory, KEPT)
            _build_on(memory, doomed[0], payload)
            assert memory.show(SHORT).id in doomed  # through the full-text index
            purged = memory.purge(*doomed)
            assert set(doomed) < set(purged.units)
            # What Neo4j keeps between the two: this is why there is a rebuild.
            assert [needle for needle in needles if files_with(tmp_path, needle)]
            walk, elsewhere = tmp_path / "walk", _purged_elsewhere(memory)
            assert holding(walk, elsewhere) == {elsewhere}
            before = memory._session.store.watermark()

            seen: list[object] = []
            other = threading.Thread(target=lambda: seen.append(memory.show(kept).text))
            copied = memory.purge_files()
            assert holding(walk, elsewhere) == set()
            other.start()
            other.join()
            assert seen == [KEPT]
            assert copied == tuple(memory.cypher("RETURN COUNT { () }, COUNT { ()-->() }")[1][0])
            assert memory._session.store.watermark() == before + 1
            assert memory.verify_audit().ok
            assert [version["seq"] for version in memory.history(kept)] == [2, 1]
            assert put(memory, "Something new.")
        assert {needle: files_with(tmp_path, needle) for needle in needles} == {needle: [] for needle in needles}
        server.stop()
        assert {needle: files_with(tmp_path, needle) for needle in needles} == {needle: [] for needle in needles}
        assert files_with(tmp_path, KEPT)
    finally:
        server.stop()


def test_who_may_and_where(memory: Memory) -> None:
    """The store's administrators alone; somebody else's Neo4j is not rebuilt."""
    memory.create_principal("alice")
    with pytest.raises(NotPermitted):
        memory.as_principal("alice").purge_files()
    memory._session.server = None
    with pytest.raises(InvalidArgument, match="own Neo4j"):
        memory.purge_files()


def _tensors(data: bytes) -> bytes:
    import numpy as np
    from safetensors.numpy import save

    return bytes(save({"x": np.frombuffer(data, dtype=np.uint8)}))


def _purged_elsewhere(memory: Memory) -> bytes:
    """The id of a unit that the walk's files hold, and that another machine purges."""
    (unit,) = put(memory, "Said and purged elsewhere.")
    with memory._session.walk_graph() as graph:
        assert graph.nodes.find(unit) >= 0
    memory._session.store.write(
        lambda tx: purge_units(tx, record_activity(tx, memory.principal, "purge"), [unit]),
        operation="purge",
        principal=memory.principal,
    )
    return unit.encode()


def _build_on(memory: Memory, source: str, payload: str) -> None:
    version = {
        "payload": payload,
        "fingerprint": "f",
        "adapters": "",
        "tokens": 1,
        "bytes": 1,
        "source_order": [source],
    }
    block = NewUnit("block", "KVBlock", SHORT, "", "default", version=version, derived_from=((source, 2),))
    memory._session.store.write(
        lambda tx: put_units(tx, record_activity(tx, memory.principal, "test"), [block]),
        operation="test",
        principal=memory.principal,
    )
