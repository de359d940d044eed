# SPDX-License-Identifier: Apache-2.0
"""Public reads are logged before they are done: the same for granted, denied and missing; unlogged ones are refused."""

from __future__ import annotations

import contextlib
import inspect
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save

from memwalk.errors import AuditFailed, ConfigurationError, MemwalkError, NotFound, NotPermitted
from memwalk.memory import Memory
from memwalk.payloads import PayloadStore
from memwalk.store.server import Gate
from memwalk.units import NewUnit, new_id, put_units, record_activity, sweep_payloads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.store import Store

NO_READS = {
    "add",
    "add_member",
    "add_units",
    "adopt",  # reads another database, as `add` reads files
    "as_principal",
    "ask",  # plans and generates
    "build_adapter",
    "build_kv",
    "close",
    "create_principal",
    "create_space",
    "deny",
    "discard_imports",
    "finish_erasures",
    "forget",
    "grant",
    "import_archive",
    "publish",
    "purge",
    "purge_files",
    "remove_member",
    "revert",
    "revoke",
    "sweep",
    "undeny",
    "unpublish",
    "update",
}
"""Public methods that write, or read nothing of the graph themselves."""


def test_every_public_method_is_a_logged_read_or_no_read() -> None:
    """A new method of `Memory` is decorated with `logged`, or named above as one that reads nothing."""
    methods = {name: m for name, m in inspect.getmembers(Memory, inspect.isfunction) if not name.startswith("_")}
    assert {name for name, method in methods.items() if not hasattr(method, "logged")} == NO_READS


def tensors(n: int) -> bytes:
    """A small safetensors file."""
    return bytes(save({"x": np.full(10, n, np.uint8)}))


def put(memory: Memory, space: str, name: str, **version: Any) -> str:
    """A unit; its id."""
    unit = NewUnit(new_id(), "Note", name, "text", space=space, version=version)
    memory._session.store.write(
        lambda tx: put_units(tx, record_activity(tx, memory.principal, "test"), [unit]),
        operation="test",
        principal=memory.principal,
    )
    return unit.id


def lines(directory: Path) -> list[str]:
    """The lines of the log."""
    path = directory / "audit" / "reads.jsonl"
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def log(memory: Memory, store_directory: Path) -> Callable[[], list[dict[str, Any]]]:
    """What was logged since the last call."""
    seen = len(lines(store_directory))

    def since() -> list[dict[str, Any]]:
        nonlocal seen
        found = lines(store_directory)[seen:]
        seen += len(found)
        return [json.loads(line) for line in found]

    return since


def test_granted_denied_and_missing_look_the_same(
    memory: Memory, store_directory: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    """The same act on a readable, a hidden and an absent unit: records that differ in nothing but what was asked."""
    memory.create_space("work")
    memory.create_space("hidden")
    memory.grant("alice", "reader", space="work")
    readable, hidden, absent = put(memory, "work", "a"), put(memory, "hidden", "b"), str(uuid.uuid4())
    alice = memory.as_principal("alice")
    log()
    reads: list[Callable[[str], object]] = [alice.show, alice.history]
    for read in reads:
        outcomes = []
        for target in (readable, hidden, absent):
            try:
                read(target)
                outcomes.append("granted")
            except NotFound:
                outcomes.append("not found")
        assert outcomes == ["granted", "not found", "not found"]
        records = log()
        assert [record.pop("target") for record in records] == [readable, hidden, absent]
        assert [list(record) for record in records] == [["seq", "at", "principal", "action", "hash"]] * 3
        assert {(record["principal"], record["action"]) for record in records} == {("alice", read.__name__)}
    sizes = {len(line) for line in lines(store_directory)[-3:]}
    assert len(sizes) == 1
    for text in ("a", "b", "no such name", "x" * 300):
        with contextlib.suppress(MemwalkError):
            alice.show(text)
    assert len({len(record["target"]) for record in log()}) == 1


def test_what_only_administrators_read(memory: Memory, log: Callable[[], list[dict[str, Any]]]) -> None:
    """A refused read of the whole store is logged as the permitted one is."""
    memory.create_principal("alice")
    alice = memory.as_principal("alice")
    log()
    for name in ("principals", "audit", "audit_reads", "verify_audit"):
        getattr(memory, name)()
        with pytest.raises(NotPermitted):
            getattr(alice, name)()
    for asker in (memory, alice):
        with contextlib.suppress(NotPermitted):
            asker.cypher("RETURN 1")
    records = log()
    pairs = list(zip(records[::2], records[1::2], strict=True))[:4]
    assert all(one["action"] == other["action"] and one["target"] == other["target"] for one, other in pairs)
    assert records[-2]["target"] == records[-1]["target"]
    assert [record["principal"] for record in records] == ["owner", "alice"] * 5


def test_one_record_a_call(memory: Memory, log: Callable[[], list[dict[str, Any]]]) -> None:
    """A read that makes others is one read; a conversation's are of the conversation."""
    unit = put(memory, "default", "a")
    conversation = memory.chat()
    log()
    memory.history(unit)
    memory.spaces()
    memory.loadables()
    memory.grants("default")
    conversation.turns()
    records = log()
    assert [record["action"] for record in records] == ["history", "spaces", "loadables", "grants", "chat"]
    assert records[0]["target"] == unit
    assert records[1]["target"] == ""
    assert records[3]["target"].startswith("hmac:")
    assert records[4]["target"] == conversation.unit.id


def test_what_cannot_be_logged_is_not_read(memory: Memory, store_directory: Path) -> None:
    """Without its log no read is done."""
    memory.spaces()
    audit = store_directory / "audit"
    memory._session.reads.close()
    audit.rename(store_directory / "away")
    audit.write_text("")
    try:
        with pytest.raises(AuditFailed, match="audit"):
            memory.spaces()
    finally:
        audit.unlink()
        (store_directory / "away").rename(audit)
    assert memory.spaces()


def test_reads_are_found_and_verified(memory: Memory, store_directory: Path) -> None:
    """An administrator finds who asked what by id or text; both chains verify, until somebody changes one."""
    unit = put(memory, "default", "a")
    memory.create_principal("alice")
    secret = f"the secret name {uuid.uuid4()}"
    for text in (unit, secret, secret):
        with contextlib.suppress(NotFound):
            memory.as_principal("alice").show(text)
    assert [read.action for read in memory.audit_reads(target=unit)] == ["audit reads", "show"]
    found = memory.audit_reads(target=secret, principal="alice")
    assert [read.action for read in found] == ["show", "show"]
    assert found[0].seq > found[1].seq
    assert memory.audit_reads(principal="alice", limit=1) == found[:1]
    assert memory.audit_reads(target=secret, until=found[1].at - 60_000) == []
    assert secret not in "".join(lines(store_directory))
    assert memory.audit(operation="create principal", unit="alice")[0].principal == "owner"
    report = memory.verify_audit()
    assert report.ok
    again = memory.verify_audit(changes=report.changes.head, reads=report.reads.head)
    assert again.ok
    path = store_directory / "audit" / "reads.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace('"alice"', '"bob"', 1))
    tampered = memory.verify_audit()
    path.write_text(whole)
    assert tampered.changes.ok
    assert tampered.reads.fault is not None
    assert tampered.reads.fault.kind == "changed"
    memory.cypher("MATCH (c:Change {seq: 2}) SET c.principal = 'bob'", write=True)
    report = memory.verify_audit()
    assert report.changes.fault is not None
    assert (report.changes.fault.seq, report.changes.fault.kind) == (2, "changed")


def test_sweep(store: Store, tmp_path: Path) -> None:
    """Payloads that any version names stay, past versions and retired units included; the others go."""
    payloads = PayloadStore(tmp_path)
    named, orphan = payloads.put(tensors(1)), payloads.put(tensors(2))
    unit = NewUnit(new_id(), "Note", "n", "t", space="default", version={"payload": named})

    def work(tx: Any) -> None:
        put_units(tx, record_activity(tx, "owner", "test"), [unit])

    store.write(work, operation="test", principal="owner")
    assert sweep_payloads(store, payloads).payloads == ()
    assert sweep_payloads(store, payloads, older_than=-1, dry_run=True).payloads == (orphan,)
    assert sweep_payloads(store, payloads, older_than=-1).payloads == (orphan,)
    assert payloads.get(named) == tensors(1)


def test_sweep_is_for_administrators_and_for_one_store(memory: Memory, tmp_path: Path) -> None:
    """Others are refused; a place that another store puts payloads in is not swept, young or old."""
    memory.create_principal("alice")
    with pytest.raises(NotPermitted):
        memory.as_principal("alice").sweep()
    identity = memory._session.store.read("store/get_store")[0]["uuid"]
    payloads = memory._session.payloads = PayloadStore(tmp_path, owner=identity)
    payloads.put(tensors(3))
    assert payloads.owners() == {identity}
    assert memory.sweep().payloads == ()
    PayloadStore(tmp_path, owner="somebody-else").put(tensors(4))
    with pytest.raises(ConfigurationError, match=r"one store alone.*somebody-else"):
        memory.sweep(dry_run=True)


def test_a_read_that_waited_is_logged_in_the_log_that_is_there_then(memory: Memory) -> None:
    """One that waits while a backup is loaded is in the log that came with it, not in the one before."""
    session = memory._session
    assert session.server is not None
    before = session.reads.append("owner", "test").seq
    with ThreadPoolExecutor() as pool:
        with Gate.of(session.server.files.home).alone("a test"):
            waiting = pool.submit(memory.list)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1.0)
            assert [record["seq"] for record in session.reads.records()][-1] == before
        waiting.result()
    last = list(session.reads.records())[-1]
    assert (last["seq"], last["action"]) == (before + 1, "list")
