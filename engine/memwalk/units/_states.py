# SPDX-License-Identifier: Apache-2.0
"""Lifecycle: the states of a unit and which may follow which.

======== =============== ================ =================
act      from absent     from live        from retired
======== =============== ================ =================
add      live            live             live
update   refused         live             refused
revert   refused         live             live
forget   refused         retired          refused
purge    refused         absent           absent
======== =============== ================ =================

What is refused raises `WrongState`; of a unit that is absent those who act are told `NotFound`, as of one
that they may not read.
"""

from __future__ import annotations

from enum import StrEnum

from memwalk.errors import WrongState

__all__ = ["State", "check_transition"]


class State(StrEnum):
    """Where a unit is in its life."""

    ABSENT = "absent"
    """Never there, or purged: no node, no version; an audit record may tell that it was."""
    LIVE = "live"
    """Found, walked, loaded."""
    RETIRED = "retired"
    """Forgotten: its head is a tombstone without content, its earlier versions are kept."""


_TRANSITIONS: dict[str, dict[State, State]] = {
    "add": {State.ABSENT: State.LIVE, State.RETIRED: State.LIVE, State.LIVE: State.LIVE},
    "update": {State.LIVE: State.LIVE},
    "revert": {State.LIVE: State.LIVE, State.RETIRED: State.LIVE},
    "forget": {State.LIVE: State.RETIRED},
    "purge": {State.LIVE: State.ABSENT, State.RETIRED: State.ABSENT},
}
"""What each act makes of each state it is allowed in."""


def check_transition(act: str, unit: str, state: str) -> State:
    """The state an act leads to.

    Raises
    ------
    WrongState
        The act is not allowed in this state.

    Examples
    --------
    >>> check_transition("forget", "u1", "live")
    <State.RETIRED: 'retired'>
    """
    allowed = _TRANSITIONS[act]
    if State(state) not in allowed:
        raise WrongState(unit, state, act, tuple(sorted(allowed)))
    return allowed[State(state)]
