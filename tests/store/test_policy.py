# SPDX-License-Identifier: Apache-2.0
"""Rights: spaces, roles, groups, windows; the unreadable looks like the missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memwalk import policy
from memwalk.errors import AlreadyExists, CyclicGroup, InvalidArgument, NotFound, NotPermitted, UnknownPrincipal

if TYPE_CHECKING:
    from memwalk.store import Store

OWNER = "owner"


def test_owner_reads_every_space(store: Store) -> None:
    """The opener of a store administers it, spaces to come included."""
    policy.create_space(store, OWNER, "later")
    assert policy.readable_classes(store, OWNER) == ["space:default", "space:later"]
    assert policy.is_administrator(store, OWNER)


def test_nobody_else_reads_anything_before_a_grant(store: Store) -> None:
    """A new principal has no rights; an unknown one is refused by name."""
    policy.create_principal(store, OWNER, "alice")
    assert policy.readable_classes(store, "alice") == []
    with pytest.raises(UnknownPrincipal, match="mallory"):
        policy.readable_classes(store, "mallory")


def test_roles_include_each_other(store: Store) -> None:
    """A writer reads, a reader does not write, and the missing space gives the same error as the hidden one."""
    policy.create_space(store, OWNER, "hidden")
    policy.grant(store, OWNER, "alice", "reader", "default")
    policy.require_role(store, "alice", "reader", "default")
    with pytest.raises(NotPermitted, match="write"):
        policy.require_role(store, "alice", "writer", "default")
    messages = []
    for space in ("hidden", "absent"):
        with pytest.raises(NotFound) as caught:
            policy.require_role(store, "alice", "writer", space)
        messages.append(str(caught.value).replace(space, "?"))
    assert messages[0] == messages[1]
    policy.grant(store, OWNER, "alice", "writer", "default")
    policy.require_role(store, "alice", "writer", "default")
    assert policy.revoke(store, OWNER, "alice", "default") == 2
    assert policy.readable_classes(store, "alice") == []


def test_groups_nest(store: Store) -> None:
    """A member of a member of a group has the group's rights; a circle cannot close."""
    policy.create_principal(store, OWNER, "staff", kind="group")
    policy.create_principal(store, OWNER, "editors", kind="group", groups=("staff",))
    policy.create_principal(store, OWNER, "alice", groups=("editors",))
    policy.grant(store, OWNER, "staff", "reader", "default")
    assert policy.readable_classes(store, "alice") == ["space:default"]
    with pytest.raises(CyclicGroup):
        policy.add_member(store, OWNER, "staff", "editors")


def test_window(store: Store) -> None:
    """A grant that has ended, or not begun, gives nothing."""
    policy.create_principal(store, OWNER, "alice")
    with pytest.raises(InvalidArgument, match="until"):
        policy.grant(store, OWNER, "alice", "reader", "default", until=1)
    begins = policy.now() + 10**9
    policy.grant(store, OWNER, "alice", "reader", "default", since=begins, until=begins + 5)
    for at, expected in ((None, []), (begins - 1, []), (begins, ["space:default"]), (begins + 5, [])):
        assert policy.readable_classes(store, "alice", at) == expected


def test_only_administrators_administer(store: Store) -> None:
    """Others create no spaces or principals, and grant only where they are admin."""
    policy.create_space(store, OWNER, "team")
    policy.grant(store, OWNER, "bob", "admin", "team")
    policy.create_principal(store, OWNER, "carol")
    for act in (
        lambda: policy.create_space(store, "bob", "mine"),
        lambda: policy.create_principal(store, "bob", "friend"),
        lambda: policy.list_grants(store, "bob"),
        lambda: policy.list_principals(store, "bob"),
    ):
        with pytest.raises(NotPermitted):
            act()
    policy.grant(store, "bob", "carol", "reader", "team")
    assert policy.readable_classes(store, "carol") == ["space:team"]
    with pytest.raises(NotFound):
        policy.grant(store, "bob", "carol", "reader", "default")
    with pytest.raises(UnknownPrincipal):
        policy.grant(store, "bob", "nobody", "reader", "team")
    assert [g.principal for g in policy.list_grants(store, "bob", "team")] == ["bob", "carol", OWNER]


def test_names_and_doubles_are_refused(store: Store) -> None:
    """Odd names and names taken are refused."""
    for name in ("", "a b", "x" * 65, "../etc", "space:x", "a+b"):
        with pytest.raises(InvalidArgument):
            policy.create_space(store, OWNER, name)
        with pytest.raises(InvalidArgument):
            policy.create_principal(store, OWNER, name)
    with pytest.raises(AlreadyExists):
        policy.create_space(store, OWNER, "default")
    with pytest.raises(AlreadyExists):
        policy.create_principal(store, OWNER, OWNER)
    with pytest.raises(InvalidArgument):
        policy.grant(store, OWNER, "alice", "emperor", "default")


SPACES = ("a", "b", "c")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    granted=st.sets(st.tuples(st.sampled_from(("u", "g")), st.sampled_from(SPACES))),
    classes=st.sets(st.frozensets(st.sampled_from(SPACES), min_size=1), min_size=1),
    member=st.booleans(),
)
def test_classes_against_a_plain_oracle(
    store: Store, granted: set[tuple[str, str]], classes: set[frozenset[str]], member: bool
) -> None:
    """A class is readable exactly when all its spaces are granted to the user or its group."""
    store.run_text(
        "MATCH (n) WHERE n:Principal OR n:Space OR n:Right OR n:PolicyClass DETACH DELETE n", {}, write=True, limit=1
    )
    policy.set_owner(store, OWNER)
    for space in SPACES:
        policy.create_space(store, OWNER, space)
    policy.create_principal(store, OWNER, "g", kind="group")
    policy.create_principal(store, OWNER, "u", groups=("g",) if member else ())
    for principal, space in granted:
        policy.grant(store, OWNER, principal, "reader", space)
    wanted = {frozenset(policy.right_of(space) for space in spaces) for spaces in classes}
    store.write(lambda tx: policy.ensure_classes(tx, wanted), operation="test", principal=OWNER)
    held = {space for principal, space in granted if principal == "u" or member}
    every = wanted | {frozenset({policy.right_of(space)}) for space in SPACES}
    expected = {policy.class_of(rights) for rights in every if rights <= {policy.right_of(space) for space in held}}
    assert set(policy.readable_classes(store, "u")) == expected


def test_members_come_and_go(store: Store) -> None:
    """Administrators change membership, the audit record tells it, and a circle is refused: nothing is stored."""
    for group, groups in (("a", ()), ("b", ("a",)), ("c", ("b",))):
        policy.create_principal(store, OWNER, group, kind="group", groups=groups)
    policy.create_principal(store, OWNER, "alice")
    policy.grant(store, OWNER, "a", "reader", "default")
    assert policy.add_member(store, OWNER, "alice", "c")
    assert not policy.add_member(store, OWNER, "alice", "c")
    assert policy.readable_classes(store, "alice") == ["space:default"]
    change = store.changes(0)[-1]
    assert (change.operation, change.detail, change.units) == (
        "add member",
        {"member": "alice", "group": "c"},
        ("alice", "c"),
    )
    for member, group in (("a", "c"), ("a", "b"), ("a", "a")):
        with pytest.raises(CyclicGroup) as caught:
            policy.add_member(store, OWNER, member, group)
        assert (caught.value.member, caught.value.group) == (member, group)
    assert store.changes(0)[-1].seq == change.seq
    with pytest.raises(NotFound):
        policy.add_member(store, OWNER, "a", "alice")
    with pytest.raises(UnknownPrincipal):
        policy.add_member(store, OWNER, "nobody", "a")
    for refused in (policy.add_member, policy.remove_member):
        with pytest.raises(NotPermitted):
            refused(store, "alice", "alice", "a")
    policy.remove_member(store, OWNER, "c", "b")
    assert policy.readable_classes(store, "alice") == []
    with pytest.raises(NotFound):
        policy.remove_member(store, OWNER, "c", "b")
    assert policy.add_member(store, OWNER, "a", "c")


def test_a_lattice_of_groups(store: Store) -> None:
    """Thirty layers of groups, each in all of the next: 3^30 ways up, and each group is still looked at once."""
    store.run_text(
        "UNWIND range(0, 30) AS layer UNWIND [0, 1, 2] AS i CREATE (:Principal {id: 'g' + layer + i, kind: 'group'})",
        {},
        write=True,
        limit=1,
    )
    store.run_text(
        "UNWIND range(0, 29) AS layer UNWIND [0, 1, 2] AS i UNWIND [0, 1, 2] AS j "
        "MATCH (a:Principal {id: 'g' + layer + i}) MATCH (b:Principal {id: 'g' + (layer + 1) + j}) "
        "CREATE (a)-[:MEMBER_OF]->(b)",
        {},
        write=True,
        limit=1,
    )
    policy.grant(store, OWNER, "g300", "reader", "default")
    assert policy.readable_classes(store, "g00") == ["space:default"]
    assert policy.rights_of(store, "g00").allows("reader", "space:default")
    assert not policy.is_administrator(store, "g00")
    with pytest.raises(CyclicGroup):
        policy.add_member(store, OWNER, "g300", "g00")
