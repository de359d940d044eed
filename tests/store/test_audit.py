# SPDX-License-Identifier: Apache-2.0
"""The audit of writes in the graph: found by who, what and when; every tampering with the chain is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from memwalk import policy
from memwalk.errors import InvalidArgument
from memwalk.store._audit import find_changes, verify_changes
from memwalk.store._chain import ChainReport, Head

if TYPE_CHECKING:
    from memwalk.store import Store, Transaction

OWNER = "owner"


def act(store: Store, text: str, **parameters: Any) -> None:
    """Do to the graph what somebody with the password could."""
    store.run_text(text, parameters, write=True, limit=1)


def change(store: Store, operation: str, principal: str = OWNER, *units: str) -> None:
    """Commit something."""

    def work(tx: Transaction) -> None:
        tx.touch(*units or ("unit",))
        tx.tell(reason="für alle")

    store.write(work, operation=operation, principal=principal)


@pytest.fixture
def chained(store: Store) -> Store:
    """A store with ten more changes than it has at first."""
    for n in range(10):
        change(store, f"operation {n}", "alice" if n % 2 else OWNER, f"unit-{n % 3}", "other")
    return store


TAMPERINGS: dict[str, tuple[str, str, int]] = {
    "operation changed": ("MATCH (c:Change {seq: $seq}) SET c.operation = 'x'", "changed", 0),
    "principal changed": ("MATCH (c:Change {seq: $seq}) SET c.principal = 'x'", "changed", 0),
    "time changed": ("MATCH (c:Change {seq: $seq}) SET c.at = c.at + 1", "changed", 0),
    "unit taken out": ("MATCH (c:Change {seq: $seq}) SET c.units = c.units[1..]", "changed", 0),
    "detail changed": ("MATCH (c:Change {seq: $seq}) SET c.detail = '{}'", "changed", 0),
    "field taken out": ("MATCH (c:Change {seq: $seq}) REMOVE c.detail", "changed", 0),
    "field put in": ("MATCH (c:Change {seq: $seq}) SET c.note = date()", "changed", 0),
    "hash changed": ("MATCH (c:Change {seq: $seq}) SET c.hash = 'x'", "changed", 0),
    "hash taken out": ("MATCH (c:Change {seq: $seq}) REMOVE c.hash", "changed", 0),
    "middle record removed": ("MATCH (c:Change {seq: $seq}) DELETE c", "missing", 0),
    "number taken away": ("MATCH (c:Change {seq: $seq}) REMOVE c.seq", "missing", 0),
    "number as text": ("MATCH (c:Change {seq: $seq}) SET c.seq = toString(c.seq)", "missing", 0),
    "two swapped": (
        """
        MATCH (a:Change {seq: $seq}), (b:Change {seq: $seq + 1}) SET a.seq = -1
        WITH a, b SET b.seq = $seq
        WITH a SET a.seq = $seq + 1
        """,
        "changed",
        0,
    ),
    "tail removed": ("MATCH (c:Change) WHERE c.seq > $seq DELETE c", "missing", 1),
    "tail removed and counter set back": (
        "MATCH (c:Change) WHERE c.seq > $seq DELETE c WITH count(*) AS _ MATCH (n:Counter) SET n.seq = $seq",
        "changed",
        0,
    ),
    "counter set back": ("MATCH (n:Counter), (c:Change {seq: $seq}) SET n.seq = $seq, n.hash = c.hash", "changed", 1),
    "counter's hash changed": ("MATCH (n:Counter) SET n.hash = 'x', n.note = $seq", "changed", 5),
    "record put in beyond the end": (
        "MATCH (n:Counter) CREATE (c:Change {seq: n.seq + 1, hash: toString($seq)})",
        "changed",
        6,
    ),
    "beginning declared unaudited": ("MATCH (n:Counter) SET n.audited_from = $seq", "changed", 0),
    "counter removed": ("MATCH (n:Counter) WHERE $seq > 0 DELETE n", "missing", -1),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found(chained: Store, name: str) -> None:
    """Each way to tamper is told with the number where the chain breaks."""
    head = verify_changes(chained).head
    assert verify_changes(chained, anchor=head) == ChainReport(head, None)
    assert head.seq == chained.watermark()
    text, kind, offset = TAMPERINGS[name]
    seq = head.seq - 5
    act(chained, text, seq=seq)
    fault = verify_changes(chained).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (kind, 1 if offset < 0 else seq + offset)


def test_a_chain_written_anew_needs_an_anchor(chained: Store) -> None:
    """A cut end with a counter that agrees is whole in itself; a head kept elsewhere shows it."""
    head = verify_changes(chained).head
    text = (
        "MATCH (c:Change) WHERE c.seq > $seq DELETE c WITH count(*) AS _ "
        "MATCH (n:Counter), (c:Change {seq: $seq}) SET n.seq = $seq, n.hash = c.hash"
    )
    act(chained, text, seq=head.seq - 2)
    assert verify_changes(chained).ok
    fault = verify_changes(chained, anchor=head).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == ("missing", head.seq - 1)
    change(chained, "later")
    change(chained, "later")
    assert verify_changes(chained).ok
    fault = verify_changes(chained, anchor=head).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == ("anchor", head.seq)


def test_a_chain_that_begins_late(chained: Store) -> None:
    """What was written before there was a chain is noted, not verified; an anchor from there is refused."""
    seq = chained.watermark()
    act(chained, "MATCH (c:Change) REMOVE c.hash")
    act(chained, "MATCH (n:Counter) SET n.audited_from = n.seq + 1, n.hash = ''")
    change(chained, "later")
    report = verify_changes(chained)
    assert report.ok
    assert report.head.seq == seq + 1
    assert f"begins with number {seq + 1}" in report.notes[0]
    with pytest.raises(InvalidArgument, match="anchor"):
        verify_changes(chained, anchor=Head(seq, "x"))


def test_while_others_write(store: Store) -> None:
    """A verification amid commits takes no number and always sees a whole chain up to some commit."""
    done = threading.Event()

    def write() -> None:
        for n in range(40):
            change(store, f"{n}")
        done.set()

    before = store.watermark()
    writer = threading.Thread(target=write)
    writer.start()
    heads = []
    while not done.is_set():
        report = verify_changes(store)
        assert report.ok, report.fault
        heads.append(report.head.seq)
    writer.join()
    assert heads == sorted(heads)
    assert len(heads) > 1
    assert store.watermark() == before + 40


def test_find_changes(chained: Store) -> None:
    """The latest first, by principal, operation, unit and time; what was told is in the detail."""
    found = find_changes(chained)
    assert [c.seq for c in found] == list(range(chained.watermark(), 0, -1))
    assert found[0].operation == "operation 9"
    assert found[0].principal == "alice"
    assert found[0].units == ("other", "unit-0")
    assert found[0].detail == {"reason": "für alle"}
    assert [c.seq for c in find_changes(chained, limit=3)] == [c.seq for c in found[:3]]
    assert {c.operation for c in find_changes(chained, principal="alice")} == {
        f"operation {n}" for n in (1, 3, 5, 7, 9)
    }
    assert [c.operation for c in find_changes(chained, unit="unit-2")] == [f"operation {n}" for n in (8, 5, 2)]
    assert [c.seq for c in find_changes(chained, operation="operation 4", unit="other")] == [found[5].seq]
    middle = found[4].at
    assert {c.seq for c in find_changes(chained, since=middle)} == {c.seq for c in found if c.at >= middle}
    assert {c.seq for c in find_changes(chained, until=middle)} == {c.seq for c in found if c.at < middle}


def test_what_policy_writes_is_in_the_chain(store: Store) -> None:
    """Spaces, principals and grants are records of whoever made them."""
    before = store.watermark()
    policy.create_principal(store, OWNER, "alice")
    policy.create_space(store, OWNER, "work")
    policy.grant(store, OWNER, "alice", "reader", "work")
    policy.revoke(store, OWNER, "alice", "work")
    made = [c for c in find_changes(store) if c.seq > before]
    assert len(made) == 4
    assert {c.principal for c in made} == {OWNER}
    assert verify_changes(store).ok
