# SPDX-License-Identifier: Apache-2.0
"""What processes of their own do in the tests of many writers, and what must hold afterwards."""

from __future__ import annotations

import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import StaleVersion
from memwalk.store import Store, migrate
from memwalk.store._chain import verify_chain
from memwalk.units import NewUnit, UnitChange, new_id, put_units, record_activity, update_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from multiprocessing.synchronize import Barrier

    from memwalk.config import StoreSettings
    from memwalk.store import Transaction

OWNER = "owner"
END = "end of test"

_barrier: Barrier | None = None


def _initialise(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603  # a barrier can only be inherited, not sent with a task
    _barrier = barrier


def _wait() -> None:
    assert _barrier is not None
    _barrier.wait(timeout=120)


@contextmanager
def processes(count: int) -> Iterator[Callable[..., Future[Any]]]:
    """`submit` of so many spawned processes; each must get one task, and all begin at once."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(count, context, _initialise, (barrier,)) as pool:
        yield pool.submit


def rows(store: Store, text: str, **parameters: object) -> list[list[Any]]:
    """Cypher of a test's own, all of its rows."""
    return store.run_text(text, dict(parameters), write=False, limit=1_000_000)[1]


# --- compare-and-swap ----------------------------------------------------------------------------------


def document(unit: str, text: str = "", name: str = "d") -> NewUnit:
    """A document of the default space."""
    return NewUnit(unit, "Document", name, text, space="default")


def put(store: Store, units: Sequence[NewUnit], operation: str = "put", principal: str = OWNER) -> None:
    """Put units in one transaction, with an activity."""
    store.write(
        lambda tx: put_units(tx, record_activity(tx, principal, operation), units),
        operation=operation,
        principal=principal,
    )


def update_shared(settings: StoreSettings, me: str, ids: Sequence[str], count: int) -> tuple[list[str], int]:
    """Append tokens to units that others append to, each by compare-and-swap, until `count` are acknowledged.

    Returns
    -------
    acknowledged, stale
        The tokens, and how often another writer had been faster.
    """
    chance = random.Random(me)
    acknowledged: list[str] = []
    stale = 0
    with Store.connect(settings) as store:
        _wait()
        while len(acknowledged) < count:
            token = f"{me}.{len(acknowledged)}"
            unit = chance.choice(ids)
            # From the version, which never changes: a unit's own properties can be seen half of two commits.
            seq, text = rows(store, "MATCH (:Unit {id: $id})-[:HEAD]->(v) RETURN v.seq, v.text", id=unit)[0]
            change = UnitChange(unit, seq, {"text": f"{text} {token}".strip(), "metadata": {"by": me}})
            try:
                store.write(lambda tx, change=change: _update(tx, change), operation="update", principal=OWNER)  # type: ignore[misc]
            except StaleVersion:
                stale += 1
            else:
                acknowledged.append(token)
    return acknowledged, stale


def _update(tx: Transaction, change: UnitChange) -> None:
    tx.tell(heads=update_units(tx, record_activity(tx, OWNER, "update"), [change]))


def follow(settings: StoreSettings, since: int) -> list[str]:
    """Follow the change sequence to its end; returns what was wrong."""
    wrong = []
    with Store.connect(settings) as store:
        _wait()
        while True:
            for change in store.changes(since):
                if change.seq != since + 1:
                    wrong.append(f"{change.seq} came after {since}")
                since = change.seq
                if change.operation == END:
                    return wrong
                for unit, seq in change.detail.get("heads", {}).items():
                    now = rows(store, "MATCH (u:Unit {id: $id})-[:HEAD]->(v) RETURN u.seq, v.seq", id=unit)[0]
                    if min(now) < seq:
                        wrong.append(f"change {change.seq} made version {seq} of {unit}, seen was {now}")


def check_history(store: Store) -> None:
    """Every unit has one head and a linear chain without holes in time; changes have no gap and their chain holds."""
    heads = rows(store, "MATCH (u:Unit) RETURN COUNT { (u)-[:HEAD]->() }, u.seq = head([(u)-[:HEAD]->(v) | v.seq])")
    assert all(row == [1, True] for row in heads)
    chains = rows(
        store,
        "MATCH (v:Version) RETURN v.unit_id, v.seq, v.tx_from, v.tx_to, COUNT { (v)-[:WAS_GENERATED_BY]->() }, "
        "[(v)-[:PREVIOUS]->(o) | [o.unit_id, o.seq, o.tx_to = v.tx_from]] ORDER BY v.unit_id, v.seq",
    )
    last: tuple[str, int] = ("", 0)
    for unit, seq, since, until, activities, previous in chains:
        assert seq == (last[1] + 1 if unit == last[0] else 1)
        assert previous == ([] if seq == 1 else [[unit, seq - 1, True]])
        assert since < until
        assert activities == 1
        last = (unit, seq)
    check_changes(store)


def check_changes(store: Store) -> int:
    """Change numbers run from 1 without gap or repeat, and the audit chain holds; returns the last number."""
    records = [row[0] for row in rows(store, "MATCH (c:Change) RETURN properties(c) ORDER BY c.seq")]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert verify_chain(records).fault is None
    assert rows(store, "MATCH (c:Counter) RETURN c.seq, c.hash") == [[len(records), records[-1]["hash"]]]
    return len(records)


def check_tokens(store: Store, ids: Sequence[str], acknowledged: Sequence[str]) -> None:
    """The heads hold each acknowledged token once, and no other."""
    said = rows(store, "MATCH (u:Unit) WHERE u.id IN $ids RETURN u.text, u.seq", ids=list(ids))
    assert sorted(token for text, _ in said for token in text.split()) == sorted(acknowledged)
    assert sum(seq - 1 for _, seq in said) == len(acknowledged)


def run_shared_updates(store: Store, settings: StoreSettings, writers: int, count: int) -> int:
    """So many processes update the same 20 units so often each, and another one follows; returns the stale attempts."""
    ids = [new_id() for _ in range(20)]
    put(store, [document(unit) for unit in ids])
    since = store.watermark()
    with processes(writers + 1) as submit:
        follower = submit(follow, settings, since)
        tasks = [submit(update_shared, settings, f"w{number}", ids, count) for number in range(writers)]
        try:
            results = [task.result() for task in tasks]
        finally:
            store.write(lambda tx: tx.touch("end"), operation=END, principal=OWNER)
        wrong = follower.result()
    assert wrong == []
    assert [len(acknowledged) for acknowledged, _ in results] == [count] * writers
    check_tokens(store, ids, [token for acknowledged, _ in results for token in acknowledged])
    check_history(store)
    assert store.watermark() == since + writers * count + 1
    return sum(stale for _, stale in results)


# --- whole commits -------------------------------------------------------------------------------------

_SIGHTS = {
    "by id": "UNWIND $ids AS id MATCH (u:Unit {id: id}) RETURN count(u)",
    "by version": "UNWIND $ids AS id MATCH (v:Version {unit_id: id, seq: 1}) RETURN count(v)",
    "by label": "MATCH (d:Document) WHERE d.name = $batch RETURN count(d)",
    "by text": "CALL db.index.fulltext.queryNodes('unit_text', $batch) YIELD node RETURN count(node)",
    "by edge": "UNWIND $ids AS id MATCH (:Unit {id: id})-[:HEAD]->(:Version)-[:WAS_GENERATED_BY]->(a) RETURN count(a)",
}


@dataclass
class Seen:
    """What a follower saw."""

    changes: int = 0
    parts: int = 0
    """Commits of which a part was missing in some sight."""
    detail: str = ""


def write_batches(settings: StoreSettings, me: str, batches: int, size: int) -> None:
    """Commit so many batches of new documents, each named by its batch."""
    with Store.connect(settings) as store:
        _wait()
        for number in range(batches):
            batch = f"{me}x{number}"
            put(store, [document(new_id(), f"text of {batch}", batch) for _ in range(size)], f"batch {batch}")


def follow_batches(settings: StoreSettings, since: int, size: int) -> Seen:
    """Follow the change sequence and look at each batch from all sides."""
    seen = Seen()
    with Store.connect(settings) as store:
        _wait()
        while True:
            for change in store.changes(since):
                since = change.seq
                if change.operation == END:
                    return seen
                seen.changes += 1
                batch = change.operation.removeprefix("batch ")
                counts = {
                    name: rows(store, text, **({"ids": list(change.units)} if "$ids" in text else {"batch": batch}))[0][
                        0
                    ]
                    for name, text in _SIGHTS.items()
                }
                if set(counts.values()) != {size}:
                    seen.parts += 1
                    seen.detail = f"change {change.seq}: {counts}"


def follow_without_lock(settings: StoreSettings, since: int, size: int, last: int) -> Seen:
    """Read the counter, and what an index shows, in one statement: how a follower must not do it."""
    seen = Seen()
    text = (
        "MATCH (c:Counter {id: 0}) WITH c.seq AS seq RETURN seq, COUNT { MATCH (u:Unit {space: 'default'}) } AS units"
    )
    with Store.connect(settings) as store:
        _wait()
        while since < last:
            seq, units = rows(store, text)[0]
            if seq > since:
                since = seq
                seen.changes += 1
                seen.parts += units % size != 0
    return seen


def run_batches(store: Store, settings: StoreSettings, writers: int, batches: int, size: int) -> tuple[Seen, Seen]:
    """Writers commit whole batches while followers look; returns what the follower by the rules and the other saw."""
    since = store.watermark()
    with processes(writers + 3) as submit:
        followers = [submit(follow_batches, settings, since, size) for _ in range(2)]
        naive = submit(follow_without_lock, settings, since, size, since + writers * batches)
        tasks = [submit(write_batches, settings, f"w{number}", batches, size) for number in range(writers)]
        try:
            for task in tasks:
                task.result()
        finally:
            store.write(lambda tx: tx.touch("end"), operation=END, principal=OWNER)
        for follower in followers:
            seen = follower.result()
            assert seen.parts == 0, seen.detail
            assert seen.changes == writers * batches
        return seen, naive.result()


# --- the first write -----------------------------------------------------------------------------------


def found(settings: StoreSettings, me: str, ids: Sequence[str]) -> tuple[bool, bool]:
    """Migrate an empty database, try to own it, put units that others put at once; whether it was new, and owned."""
    with Store.connect(settings) as store:
        _wait()
        new = migrate(store)
        owned = policy.set_owner(store, me, "default")
        put(
            store, [document(unit, "the same text") for unit in ids], "first", store.read("store/get_store")[0]["owner"]
        )
        return new, owned


def run_founding(settings: StoreSettings, count: int) -> None:
    """So many processes set up the same empty database and write to it at once."""
    ids = sorted(new_id() for _ in range(50))
    with processes(count) as submit:
        tasks = [submit(found, settings, f"p{number}", ids) for number in range(count)]
        results = [task.result() for task in tasks]
    assert sorted(new for new, _ in results) == [False] * (count - 1) + [True]
    assert sorted(owned for _, owned in results) == [False] * (count - 1) + [True]
    with Store.connect(settings) as store:
        owner = f"p{[owned for _, owned in results].index(True)}"
        grants = rows(store, "MATCH (p:Principal)-[:GRANTED]->(:Store) RETURN p.id")
        assert grants == rows(store, "MATCH (s:Store) RETURN s.owner") == [[owner]]
        migrations = rows(store, "MATCH (m:Migration) RETURN count(m), count(DISTINCT m.version)")[0]
        assert migrations[0] == migrations[1]
        indexes = rows(store, "SHOW INDEXES YIELD name, labelsOrTypes WHERE name = 'unit_text' RETURN labelsOrTypes")
        assert "Note" in indexes[0][0]
        check_history(store)
