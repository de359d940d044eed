# SPDX-License-Identifier: Apache-2.0
"""`can`: the edges that decide, told to those who may know; agrees with what is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound, NotPermitted, UnknownPrincipal
from memwalk.policy import OnUnit
from memwalk.store import FOREVER
from memwalk.units import DERIVED, NewUnit, put_units, record_activity

if TYPE_CHECKING:
    from memwalk.policy import Decision
    from memwalk.store import Store, Transaction

OWNER = "owner"


@pytest.fixture
def world(store: Store) -> Store:
    """Alice in editors in staff; a summary over two spaces; an entity said in both; bob with nothing."""
    policy.create_space(store, OWNER, "home")
    policy.create_principal(store, OWNER, "staff", kind="group")
    policy.create_principal(store, OWNER, "editors", kind="group", groups=["staff"])
    policy.create_principal(store, OWNER, "alice", groups=["editors"])
    policy.create_principal(store, OWNER, "bob")

    def work(tx: Transaction) -> None:
        activity = record_activity(tx, OWNER, "test")
        put_units(tx, activity, [NewUnit("a", "Passage", "a", "", "default"), NewUnit("h", "Passage", "h", "", "home")])
        made = NewUnit("s", "Summary", "s", "", "default", derived_from=(("a", 1), ("h", 1)))
        put_units(tx, activity, [made, NewUnit("e", "Entity", "e", "")])
        rows = [{"id": "e", "source": source, "source_seq": 1, "count": 1} for source in ("a", "h")]
        tx.run("units/create_evidence", rows=rows, at=tx.at, forever=FOREVER)

    store.write(work, operation="test", principal=OWNER)
    policy.grant(store, OWNER, "staff", "writer", "default")
    return store


def words(decision: Decision) -> list[str]:
    """The answer's lines without their times."""
    return re.sub(r" (since|until) \d{4}-\d\d-\d\d \d\d:\d\dZ", r" \1 …", str(decision)).splitlines()


def test_the_path_that_decided(world: Store) -> None:
    """The chain of memberships, the grant with its window, and what is missing, right by right."""
    assert words(policy.can(world, OWNER, "alice", "read", "s")) == [
        "alice may not read unit s",
        "  space:default: alice is in editors; editors is in staff; staff is writer of space default since …",
        "  space:home: no role of reader is held",
    ]
    policy.grant(world, OWNER, "alice", "reader", "home", until=policy.now() + 10**9)
    decision = policy.can(world, OWNER, "alice", "write", "s")
    assert decision.allowed
    assert words(decision) == [
        "alice may write unit s",
        "  space:default: alice is in editors; editors is in staff; staff is writer of space default since …",
        "  space:home: alice is reader of space home since … until …",
    ]
    assert not policy.can(world, OWNER, "alice", "administer", "s").allowed
    policy.deny(world, OWNER, "editors", "reader", OnUnit("a", DERIVED))
    assert words(policy.can(world, OWNER, "alice", "read", "a")) == [
        "alice may not read unit a",
        "  space:default/a: alice is in editors; editors is denied reader on unit a since …",
    ]
    assert words(policy.can(world, OWNER, OWNER, "administer", "a")) == [
        "owner may administer unit a",
        "  space:default/a: owner is admin of the store since …",
    ]


def test_evidence_decides(world: Store) -> None:
    """An entity is read by any of its evidence, and written by nobody."""
    assert words(policy.can(world, OWNER, "alice", "read", "e")) == [
        "alice may read unit e",
        "  by its evidence, unit a version 1",
        "    space:default: alice is in editors; editors is in staff; staff is writer of space default since …",
    ]
    refused = policy.can(world, OWNER, OWNER, "write", "e")
    assert (refused.allowed, refused.ways) == (False, ())


def test_oneself(world: Store) -> None:
    """For oneself: the grants one has, no denials; and of what one may not read, that there is none."""
    sent = set()
    for hidden in ("s", "h", "missing"):
        before = world.queries_sent
        with pytest.raises(NotFound) as caught:
            policy.can(world, "alice", "alice", "read", hidden)
        sent.add((str(caught.value).replace(repr(hidden), "?"), world.queries_sent - before))
    assert len(sent) == 1
    assert policy.can(world, "alice", "alice", "write", "a").allowed
    policy.deny(world, OWNER, "alice", "writer", "default")
    mine = policy.can(world, "alice", "alice", "write", "a")
    assert words(mine) == ["alice may not write unit a", "  space:default: no role of writer is held"]
    assert [way.evidence for way in policy.can(world, "alice", "alice", "read", "e").ways] == [("a", 1)]
    with pytest.raises(InvalidArgument):
        policy.can(world, "alice", "alice", "dance", "a")


def test_others(world: Store) -> None:
    """For others only administrators of all that is involved; what they do not administer is not told of."""
    for unit in ("a", "e"):
        with pytest.raises(NotPermitted):
            policy.can(world, "alice", "bob", "read", unit)
    with pytest.raises(NotFound):
        policy.can(world, "alice", "bob", "read", "h")
    policy.grant(world, OWNER, "alice", "admin", "default")
    policy.grant(world, OWNER, "alice", "reader", "home")
    policy.grant(world, OWNER, "bob", "reader", "home")
    policy.deny(world, OWNER, "bob", "reader", "default")
    assert words(policy.can(world, "alice", "bob", "read", "a"))[1:] == [
        "  space:default: bob is denied reader on space default since …"
    ]
    with pytest.raises(NotPermitted):
        policy.can(world, "alice", "bob", "read", "s")
    told = policy.can(world, "alice", "bob", "read", "e")
    assert [way.evidence for way in told.ways] == [("a", 1)], "bob reads it by what alice does not administer"
    with pytest.raises(UnknownPrincipal):
        policy.can(world, "alice", "nobody", "read", "a")
