# SPDX-License-Identifier: Apache-2.0
"""The part of the state machine that acts on rights, and how it draws what happens.

Hypothesis leaves out some of a machine's rules in each example, to go deeper with the others. With few examples
that leaves stories in which next to nothing is written: so there is one rule here, that draws what happens by
weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.store.rights_model import OWNER, ROLES, Edge, lasts
from tests.store.units_checks import or_error

from memwalk import policy
from memwalk.errors import InvalidArgument
from memwalk.store import FOREVER
from memwalk.units import DERIVED

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.store.units_model import Model

    from memwalk.store import Store

SPACES = ("a", "b")
PEOPLE = ("ada", "bob", OWNER)
ACTORS = st.sampled_from((OWNER, OWNER, OWNER, "ada", "bob"))
"""Who writes: more often than not somebody who may, or little would come to be."""
SUBJECTS = st.sampled_from(("ada", "bob", "inner", "outer"))
ROLE = st.sampled_from(ROLES)
SPACE = st.sampled_from(SPACES)
HOUR = 3_600_000
WINDOWS = st.sampled_from(((-1, None), (-1, None), (0, None), (-1, 2), (1, None), (1, 2), (2, 3)))
"""Hours from the beginning of the story, in which grants and denials are in force."""
DRIFT = st.sampled_from((0, 0, 0, 0, -1_000, 1_000))
"""How far a writer's clock is off (ms)."""
TURNS: list[str] = []
"""Names of the operations, each as often as it has weight."""
GIVEN: dict[str, st.SearchStrategy[dict[str, Any]]] = {}
"""What each operation is given."""

Act = TypeVar("Act", bound="Callable[..., None]")


def operation(weight: int, **given: st.SearchStrategy[Any]) -> Callable[[Act], Act]:
    """Make a method one of the things that happen."""

    def register(act: Act) -> Act:
        TURNS.extend([act.__name__] * weight)
        GIVEN[act.__name__] = st.fixed_dictionaries(given)
        return act

    return register


class PolicyMachine(RuleBasedStateMachine):
    """One store and one model, and what is done to rights in both."""

    model: Model
    random: Random
    """Chooses what is looked at."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        store.run_text(
            "MATCH (n) WHERE NOT n:Migration AND NOT n:Counter AND NOT n:Store DETACH DELETE n", {}, write=True, limit=1
        )
        policy.set_owner(store, OWNER)
        for space in SPACES:
            policy.create_space(store, OWNER, space)
        self.begun = policy.now()
        self.drift = 0

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Something happens."""
        name = data.draw(st.sampled_from(TURNS), "operation")
        self.drift = data.draw(DRIFT, "drift")
        getattr(self, name)(data=data, **data.draw(GIVEN[name], name))

    # --- policy ------------------------------------------------------------------------------------

    @operation(2, who=SUBJECTS, role=ROLE, space=SPACE, deny=st.booleans(), window=WINDOWS)
    def space_edge(
        self, *, who: str, role: str, space: str, deny: bool, window: tuple[int, int | None], **_: object
    ) -> None:
        """A role on a space, granted or denied."""
        (policy.deny if deny else policy.grant)(self.store, OWNER, who, role, space, **self._span(window))
        self.model.put_edge(Edge(who, role, (space, ""), deny, window[0], lasts(window[1])))

    @operation(2, actor=ACTORS, who=SUBJECTS, role=ROLE, deny=st.booleans(), window=WINDOWS)
    def unit_edge(
        self, *, actor: str, who: str, role: str, deny: bool, window: tuple[int, int | None], data: st.DataObject
    ) -> None:
        """A role on one unit, granted or denied, by whoever."""
        unit_id = data.draw(self._units())
        expected = self.model.refuse_administration(actor, unit_id)
        act = policy.deny if deny else policy.grant
        target = policy.OnUnit(unit_id, DERIVED)
        found = or_error(lambda: act(self.store, actor, who, role, target, **self._span(window)))
        assert found == expected
        if not expected:
            unit = self.model.units[unit_id]
            unit.is_own = True
            self.model.put_edge(Edge(who, role, unit.right, deny, window[0], lasts(window[1])))

    @operation(1, who=SUBJECTS, denied=st.booleans())
    def end(self, *, who: str, denied: bool, data: st.DataObject) -> None:
        """All of a principal's own grants, or denials, on a space or unit end."""
        # Most often there is something to end; what is not denied must not end with what is granted.
        there = [(edge.who, edge.target) for edge in self.model.edges]
        known = [(who, right) for right in sorted(self.model.all_rights())]
        who, target = data.draw(st.sampled_from(known + there + there))
        on = policy.OnUnit(target[1], DERIVED) if target[1] else target[0]
        expected = self.model.end_edges(who, target, denied=denied)
        assert (policy.undeny if denied else policy.revoke)(self.store, OWNER, who, on) == expected

    @operation(1, member=st.sampled_from(("ada", "bob")))
    def move(self, *, member: str, **_: object) -> None:
        """Somebody joins the inner group, or leaves it."""
        members = self.model.groups["inner"]
        (policy.remove_member if member in members else policy.add_member)(self.store, OWNER, member, "inner")
        self.model.groups["inner"] = members ^ {member}

    @operation(1, actor=ACTORS)
    def publish(self, *, actor: str, data: st.DataObject) -> None:
        """A derived unit lets go of what its sources need."""
        unit_id = data.draw(self._units())
        model, expected = self.model, self.model.refuse_administration(actor, unit_id)
        dropped = expected or model.publishing(actor, model.units[unit_id])
        found = or_error(lambda: policy.publish(self.store, actor, policy.OnUnit(unit_id, DERIVED)))
        if isinstance(dropped, type):
            assert found == dropped
            return
        assert found == tuple(sorted(policy.right_of(*right) for right in dropped))
        model.units[unit_id].let_go |= dropped

    @operation(1, actor=ACTORS)
    def unpublish(self, *, actor: str, data: st.DataObject) -> None:
        """A published unit needs them again."""
        published = [unit.id for unit in self.model.units.values() if unit.let_go]
        unit_id = data.draw(st.sampled_from(published * 5) | self._units() if published else self._units())
        unit, expected = self.model.units.get(unit_id), self.model.refuse_administration(actor, unit_id)
        if unit and not expected and not unit.let_go:
            expected = InvalidArgument
        found = or_error(lambda: policy.unpublish(self.store, actor, policy.OnUnit(unit_id, DERIVED)))
        assert found == expected
        if unit and not expected:
            unit.let_go.clear()

    # --- inside ------------------------------------------------------------------------------------

    def _units(self) -> st.SearchStrategy[str]:
        spaced = [unit.id for unit in self.model.units.values() if not unit.is_shared]
        return st.sampled_from([*spaced, *spaced, *self.model.units, "nobody"])

    def _span(self, window: tuple[int, int | None]) -> dict[str, int]:
        """Hours as the store has them."""
        since, until = window
        return {"since": self.begun + since * HOUR, "until": FOREVER if until is None else self.begun + until * HOUR}
