# SPDX-License-Identifier: Apache-2.0
"""Writers of rights at the same time: no circle closes, nothing is made twice, no version slips past a denial."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import AlreadyExists, CyclicGroup, MemwalkError
from memwalk.policy import OnUnit
from memwalk.units import DERIVED, NewUnit, get_units, put_units, record_activity

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.store import Store

OWNER = "owner"
ROUNDS = 8


def together(*acts: Callable[[], object]) -> list[MemwalkError | None]:
    """Do acts at the same moment, each in a thread; what each was refused with."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> MemwalkError | None:
        barrier.wait()
        try:
            act()
        except MemwalkError as error:
            return error
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def count(store: Store, text: str) -> int:
    """A number that Cypher counts."""
    return int(store.run_text(text, {}, write=False, limit=1)[1][0][0])


def test_no_circle_closes(store: Store) -> None:
    """Three writers each close a third of a circle: two may, the last is refused."""
    for round_ in range(ROUNDS):
        a, b, c = (f"{name}{round_}" for name in "abc")
        for group in (a, b, c):
            policy.create_principal(store, OWNER, group, kind="group")
        refused = together(
            lambda a=a, b=b: policy.add_member(store, OWNER, a, b),  # type: ignore[misc]
            lambda b=b, c=c: policy.add_member(store, OWNER, b, c),  # type: ignore[misc]
            lambda c=c, a=a: policy.add_member(store, OWNER, c, a),  # type: ignore[misc]
        )
        assert [type(error) for error in refused if error] == [CyclicGroup]
    assert count(store, "MATCH (p:Principal)-[:MEMBER_OF*1..]->(p) RETURN count(*)") == 0


def test_nothing_is_made_twice(store: Store) -> None:
    """A grant that makes a space, and two who create it: one of the three makes it, and the grant is on it."""
    for round_ in range(ROUNDS):
        space, who = f"s{round_}", f"p{round_}"
        refused = together(
            lambda space=space, who=who: policy.grant(store, OWNER, who, "reader", space),  # type: ignore[misc]
            lambda space=space: policy.create_space(store, OWNER, space),  # type: ignore[misc]
            lambda space=space: policy.create_space(store, OWNER, space),  # type: ignore[misc]
            lambda who=who: policy.create_principal(store, OWNER, who),  # type: ignore[misc]
        )
        assert refused[0] is None
        assert {type(error) for error in refused if error} == {AlreadyExists}
        assert policy.readable_classes(store, who) == [f"space:{space}"]
    for label in ("Space", "Principal", "PolicyClass", "Right"):
        assert count(store, f"MATCH (n:{label}) RETURN count(n)") == ROUNDS + 1


def test_no_version_slips_past_a_denial(store: Store) -> None:
    """A summary written while a source is first denied to somebody needs the source's own right, whoever was faster."""
    policy.grant(store, OWNER, "bob", "reader", "default")

    def write(*units: NewUnit) -> None:
        store.write(
            lambda tx: put_units(tx, record_activity(tx, OWNER, "test"), units), operation="test", principal=OWNER
        )

    for round_ in range(ROUNDS):
        source, made = f"n{round_}", f"s{round_}"
        write(NewUnit(source, "Note", source, "", "default"))
        summary = NewUnit(made, "Summary", made, "", "default", derived_from=((source, 1),))
        refused = together(
            lambda summary=summary: write(summary),  # type: ignore[misc]
            lambda source=source: policy.deny(store, OWNER, "bob", "reader", OnUnit(source, DERIVED)),  # type: ignore[misc]
        )
        assert refused == [None, None]
        assert get_units(store, policy.readable_classes(store, "bob"), [source, made]) == {}
        assert set(get_units(store, policy.readable_classes(store, OWNER), [source, made])) == {source, made}
