# SPDX-License-Identifier: Apache-2.0
"""Rights on single units, denials, publishing: classes follow in the same transaction, down the whole derivation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound, NotPermitted, UnknownPrincipal, WrongState
from memwalk.policy import OnUnit
from memwalk.store import FOREVER
from memwalk.units import (
    DERIVED,
    NewUnit,
    UnitChange,
    UnitRevert,
    get_units,
    put_units,
    record_activity,
    retire_units,
    revert_units,
    update_units,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memwalk.store import Store, Transaction

OWNER = "owner"


def on(unit: str) -> OnUnit:
    """A unit as a target."""
    return OnUnit(unit, DERIVED)


def act(store: Store, work: Callable[[Transaction, str], object]) -> None:
    """Do some work on units as the owner."""
    store.write(lambda tx: work(tx, record_activity(tx, OWNER, "test")), operation="test", principal=OWNER)


def put(store: Store, *units: NewUnit) -> None:
    """Write units."""
    act(store, lambda tx, activity: put_units(tx, activity, units))


def unit(name: str, space: str = "default", kind: str = "Note", sources: Sequence[tuple[str, int]] = ()) -> NewUnit:
    """A unit whose id is its name."""
    return NewUnit(name, kind, name, f"text of {name}", space=space, derived_from=tuple(sources))


def seen(store: Store, principal: str, at: int | None = None) -> list[str]:
    """The live units a principal reads."""
    ids = [row[0] for row in store.run_text("MATCH (u:Unit) RETURN u.id", {}, write=False, limit=1_000)[1]]
    return sorted(get_units(store, policy.readable_classes(store, principal, at), ids))


def classes(store: Store, unit_id: str) -> list[str]:
    """The classes of a unit's versions, oldest first, and last its own."""
    text = (
        "MATCH (u:Unit {id: $id}) MATCH (v:Version {unit_id: $id}) WITH u, v ORDER BY v.seq "
        "WITH u, collect(v.policy_class) AS held RETURN held + u.policy_class"
    )
    return list(store.run_text(text, {"id": unit_id}, write=False, limit=1)[1][0][0])


def test_denial_wins(store: Store) -> None:
    """A denied role is not held, nor those that include it; the lower ones stay; undeny gives them back."""
    policy.grant(store, OWNER, "alice", "admin", "default")
    for denied, left in (("admin", "writer"), ("writer", "reader"), ("reader", None)):
        policy.deny(store, OWNER, "alice", denied, "default")
        rights = policy.rights_of(store, "alice")
        held = [role for role in policy.ROLES if rights.allows(role, "space:default")]
        assert held == list(policy.ROLES[: policy.ROLES.index(left) + 1] if left else ())
    assert policy.readable_classes(store, "alice") == []
    assert policy.undeny(store, OWNER, "alice", "default") == 3
    assert policy.undeny(store, OWNER, "alice", "default") == 0
    policy.require_role(store, "alice", "admin", "default")


def test_denial_of_a_group_reaches_its_members(store: Store) -> None:
    """Denial wins over a member's own grant, and the store's owner is not above it."""
    policy.create_principal(store, OWNER, "staff", kind="group")
    policy.create_principal(store, OWNER, "alice", groups=["staff"])
    policy.grant(store, OWNER, "alice", "writer", "default")
    policy.deny(store, OWNER, "staff", "reader", "default")
    assert policy.readable_classes(store, "alice") == []
    policy.deny(store, OWNER, OWNER, "reader", "default")
    assert policy.readable_classes(store, OWNER) == []
    assert policy.is_administrator(store, OWNER)
    policy.undeny(store, OWNER, OWNER, "default")
    assert policy.readable_classes(store, OWNER) == ["space:default"]


def test_denial_of_nobody_or_nothing_is_refused(store: Store) -> None:
    """A denial creates no one: who misspells a name is told."""
    with pytest.raises(UnknownPrincipal):
        policy.deny(store, OWNER, "alcie", "reader", "default")
    with pytest.raises(NotFound):
        policy.deny(store, OWNER, OWNER, "reader", "nowhere")
    for role, window in (("boss", {}), ("reader", {"until": 5}), ("reader", {"since": FOREVER, "until": FOREVER})):
        with pytest.raises(InvalidArgument):
            policy.deny(store, OWNER, OWNER, role, "default", **window)
    assert [found for found in policy.list_grants(store, OWNER) if found.denied] == []


def test_windows_of_grants_follow_each_other(store: Store) -> None:
    """From its beginning on a grant takes the place of the one before; what is to come can be revoked."""
    now = policy.now()
    policy.grant(store, OWNER, "alice", "reader", "default")
    policy.grant(store, OWNER, "alice", "reader", "default", since=now + 10**6, until=now + 2 * 10**6)
    windows = [(g.since >= now, g.until) for g in policy.list_grants(store, OWNER, "default") if g.principal == "alice"]
    assert windows == [(True, now + 10**6), (True, now + 2 * 10**6)]
    assert policy.readable_classes(store, "alice", now + 10**6) == ["space:default"]
    assert policy.readable_classes(store, "alice", now + 2 * 10**6) == []
    policy.grant(store, OWNER, "alice", "writer", "default", since=1)
    (writer,) = [g for g in policy.list_grants(store, OWNER, "default") if g.role == "writer"]
    assert writer.since >= now, "a grant does not reach back"
    assert policy.revoke(store, OWNER, "alice", "default") == 3
    assert policy.readable_classes(store, "alice", now + 10**6) == []


def test_a_unit_of_its_own(store: Store) -> None:
    """A grant on one unit shows that unit alone; one on the space reaches it too; denial on it wins."""
    put(store, unit("a"), unit("b"))
    policy.grant(store, OWNER, "alice", "reader", on("a"))
    policy.grant(store, OWNER, "bob", "reader", "default")
    assert classes(store, "a") == ["space:default/a"] * 2
    assert (seen(store, "alice"), seen(store, "bob")) == (["a"], ["a", "b"])
    policy.deny(store, OWNER, "bob", "reader", on("a"))
    assert (seen(store, "alice"), seen(store, "bob")) == (["a"], ["b"])
    policy.deny(store, OWNER, "alice", "reader", "default")
    assert seen(store, "alice") == []
    act(store, lambda tx, activity: update_units(tx, activity, [UnitChange("a", 1, {"text": "new"})]))
    assert classes(store, "a") == ["space:default/a"] * 3
    assert policy.undeny(store, OWNER, "bob", on("a")) == 1
    assert seen(store, "bob") == ["a", "b"]


def test_what_is_derived_follows(store: Store) -> None:
    """A right of its own on a source reaches all that is derived from it, in every version, and followers are told."""
    policy.create_space(store, OWNER, "home")
    put(store, unit("a"), unit("b", "home"))
    put(store, unit("s", kind="Summary", sources=[("a", 1), ("b", 1)]))
    act(store, lambda tx, activity: update_units(tx, activity, [UnitChange("a", 1, {"text": "new"})]))
    put(store, unit("t", "home", "Summary", [("s", 1), ("a", 2)]), unit("p", kind="Passage", sources=[("a", 1)]))
    assert classes(store, "t") == ["space:default+space:home"] * 2
    policy.grant(store, OWNER, "bob", "reader", "default")
    policy.grant(store, OWNER, "bob", "reader", "home")
    assert seen(store, "bob") == ["a", "b", "p", "s", "t"]
    policy.deny(store, OWNER, "bob", "reader", on("a"))
    assert seen(store, "bob") == ["b", "p"], "what is only cut from a source is not derived from it"
    assert classes(store, "s") == ["space:default+space:default/a+space:home"] * 2
    assert classes(store, "t") == ["space:default+space:default/a+space:home"] * 2
    assert classes(store, "p") == ["space:default"] * 2
    change = store.changes(0)[-1]
    assert set(change.units) == {"a", "s", "t", "bob"}
    assert (change.operation, change.principal) == ("deny", OWNER)
    assert {k: change.detail[k] for k in ("to", "role", "unit", "until", "reclassified")} == {
        "to": "bob",
        "role": "reader",
        "unit": "a",
        "until": None,
        "reclassified": 3,
    }
    policy.deny(store, OWNER, "bob", "writer", on("a"))
    assert store.changes(0)[-1].detail["reclassified"] == 0


def test_a_tombstone_keeps_its_class(store: Store) -> None:
    """A retired summary still names what it was about: its tombstone needs what its last version needed."""
    policy.create_space(store, OWNER, "home")
    put(store, unit("a"), unit("b", "home"))
    put(store, unit("s", kind="Summary", sources=[("a", 1), ("b", 1)]))
    act(store, lambda tx, activity: retire_units(tx, activity, ["s"]))
    policy.grant(store, OWNER, "bob", "reader", on("a"))
    assert classes(store, "s") == ["space:default+space:default/a+space:home"] * 3
    act(store, lambda tx, activity: revert_units(tx, activity, [UnitRevert("s", 2, 1)]))
    assert classes(store, "s") == ["space:default+space:default/a+space:home"] * 4


def test_publish(store: Store) -> None:
    """A published summary needs its own right alone, what is derived from it follows, and unpublish takes it back."""
    for space in ("home", "team"):
        policy.create_space(store, OWNER, space)
    put(store, unit("a"), unit("b", "home"))
    put(store, unit("s", "team", "Summary", [("a", 1), ("b", 1)]))
    put(store, unit("t", "team", "Summary", [("s", 1)]))
    policy.grant(store, OWNER, "bob", "reader", "team")
    assert seen(store, "bob") == []
    assert policy.publish(store, OWNER, on("s")) == ("space:default", "space:home")
    assert store.changes(0)[-1].detail == {"dropped": ["space:default", "space:home"], "reclassified": 2, "unit": "s"}
    assert seen(store, "bob") == ["s", "t"]
    policy.deny(store, OWNER, "bob", "reader", on("a"))
    assert seen(store, "bob") == ["s", "t"], "what was let go of stays let go of"
    assert policy.publish(store, OWNER, on("s")) == ()
    policy.deny(store, OWNER, "bob", "reader", on("s"))
    assert (seen(store, "bob"), classes(store, "t")) == ([], ["space:team+space:team/s"] * 2)
    policy.undeny(store, OWNER, "bob", on("s"))
    policy.unpublish(store, OWNER, on("s"))
    assert classes(store, "s") == ["space:default/a+space:home+space:team/s"] * 2
    with pytest.raises(InvalidArgument):
        policy.unpublish(store, OWNER, on("s"))
    act(store, lambda tx, activity: retire_units(tx, activity, ["s"]))
    with pytest.raises(WrongState):
        policy.publish(store, OWNER, on("s"))


def test_publish_within_a_space(store: Store) -> None:
    """A published unit does not follow a source of its own space that is denied to somebody later."""
    put(store, unit("a"), unit("b"))
    put(store, unit("s", kind="Summary", sources=[("a", 1)]), unit("t", kind="Summary", sources=[("a", 1)]))
    policy.grant(store, OWNER, "bob", "reader", "default")
    assert policy.publish(store, OWNER, on("s")) == ("space:default",)
    policy.deny(store, OWNER, "bob", "reader", on("a"))
    assert seen(store, "bob") == ["b", "s"]


def test_a_published_unit_made_of_something_else(store: Store) -> None:
    """Publishing lets go of what was known then: a later version from another space needs that space."""
    for space in ("home", "team"):
        policy.create_space(store, OWNER, space)
    put(store, unit("a"), unit("b", "home"))
    put(store, unit("s", "team", "Summary", [("a", 1)]))
    policy.publish(store, OWNER, on("s"))
    act(
        store,
        lambda tx, activity: update_units(
            tx, activity, [UnitChange("s", 1, {"text": "more", "derived_from": (("a", 1), ("b", 1))})]
        ),
    )
    assert classes(store, "s") == ["space:team", "space:home+space:team", "space:home+space:team"]


def test_who_may_publish(store: Store) -> None:
    """It needs admin on the unit and on every right it lets go of; what one may not read is not there."""
    for space in ("home", "team"):
        policy.create_space(store, OWNER, space)
    put(store, unit("a", kind="Document"), unit("b", "home"))
    put(store, unit("s", "team", "Summary", [("a", 1), ("b", 1)]))
    policy.grant(store, OWNER, "bob", "admin", "team")
    policy.grant(store, OWNER, "bob", "admin", "default")
    with pytest.raises(NotFound):
        policy.publish(store, "bob", on("s"))
    policy.grant(store, OWNER, "bob", "writer", "home")
    with pytest.raises(NotPermitted, match="space:home"):
        policy.publish(store, "bob", on("s"))
    policy.grant(store, OWNER, "bob", "admin", "home")
    assert policy.publish(store, "bob", on("s")) == ("space:default", "space:home")
    with pytest.raises(InvalidArgument, match="derived"):
        policy.publish(store, OWNER, on("a"))
    assert policy.publish(store, OWNER, on("b")) == (), "a note that is derived from nothing"


def test_local_only_stays_local(store: Store) -> None:
    """Whoever may read a published summary of a local-only space: it still never leaves for a remote model."""
    policy.create_space(store, OWNER, "diary", local_only=True)
    put(store, unit("d", "diary"), unit("a"))
    put(store, unit("s", kind="Summary", sources=[("d", 1), ("a", 1)]))
    assert policy.publish(store, OWNER, on("s")) == ("space:default", "space:diary")
    assert classes(store, "s") == ["space:default"] * 2
    assert policy.local_only_units(store, ["a", "d", "s"]) == {"d", "s"}


def test_evidence_takes_no_grant(store: Store) -> None:
    """An entity is readable by its evidence; a grant on it is refused to those who read it, and hidden from others."""
    put(store, unit("p", kind="Passage"), NewUnit("e", "Entity", "e", ""))
    rows = [{"id": "e", "source": "p", "source_seq": 1, "count": 2}]
    act(store, lambda tx, _: tx.run("units/create_evidence", rows=rows, at=tx.at, forever=FOREVER))
    policy.create_principal(store, OWNER, "alice")
    for write in (policy.grant, policy.deny):
        with pytest.raises(InvalidArgument, match="evidence"):
            write(store, OWNER, "alice", "reader", on("e"))
        with pytest.raises(NotFound):
            write(store, "alice", "alice", "reader", on("e"))
    policy.grant(store, OWNER, "alice", "reader", on("p"))
    assert seen(store, "alice") == ["e", "p"]
    policy.deny(store, OWNER, "alice", "reader", on("p"))
    assert seen(store, "alice") == []


def test_administering_one_unit(store: Store) -> None:
    """An admin of a unit grants on it and lists its grants, and on nothing else; the hidden unit is a missing one."""
    policy.create_space(store, OWNER, "home")
    put(store, unit("a"), unit("b"), unit("h", "home"))
    put(store, unit("s", kind="Summary", sources=[("a", 1), ("h", 1)]))
    for name in ("carol", "dave"):
        policy.create_principal(store, OWNER, name)
    policy.grant(store, OWNER, "bob", "admin", on("a"))
    policy.grant(store, OWNER, "bob", "admin", on("s"))
    policy.grant(store, "bob", "carol", "writer", on("a"))
    policy.require_unit_role(store, "carol", "writer", ["a"])
    with pytest.raises(NotPermitted):
        policy.grant(store, "carol", "dave", "reader", on("a"))
    with pytest.raises(UnknownPrincipal):
        policy.grant(store, "bob", "nobody", "reader", on("a"))
    sent = []
    for hidden in ("b", "s", "missing"):
        before = store.queries_sent
        with pytest.raises(NotFound) as caught:
            policy.grant(store, "bob", "dave", "reader", on(hidden))
        sent.append((str(caught.value).replace(hidden, "?"), store.queries_sent - before))
    assert len(set(sent)) == 1
    assert [(g.principal, g.role) for g in policy.list_grants(store, "bob", on("a"))] == [
        ("bob", "admin"),
        ("carol", "writer"),
        (OWNER, "admin"),
    ]
    with pytest.raises(NotFound):
        policy.list_grants(store, "bob", on("s"))
    with pytest.raises(NotFound):
        policy.list_grants(store, "bob", "default")
    assert policy.revoke(store, "bob", "carol", on("a")) == 1
    policy.grant(store, OWNER, "dave", "admin", "default")
    assert {g.unit for g in policy.list_grants(store, "dave", "default")} == {None, "a"}, "s may not be read by dave"


def test_ids_cannot_forge_a_class(store: Store) -> None:
    """A unit whose id looks like the rest of a class key gets a class of its own."""
    policy.create_space(store, OWNER, "home")
    put(store, unit("x"), unit("x+space:home"), unit("h", "home"))
    put(store, unit("s", kind="Summary", sources=[("x", 1), ("h", 1)]))
    policy.grant(store, OWNER, "alice", "reader", on("x+space:home"))
    policy.grant(store, OWNER, "bob", "reader", on("x"))
    assert seen(store, "alice") == ["x+space:home"]
    assert seen(store, "bob") == ["x"]
