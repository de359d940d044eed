# SPDX-License-Identifier: Apache-2.0
"""Random sequences of unit, version and policy operations, against a plain in-memory model: no difference."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from tests.store.units_machine import UnitsMachine

if TYPE_CHECKING:
    from memwalk.store import Store


_ROUND = 10
"""Stories in a run: from the eleventh on hypothesis makes most by repeating parts of one before."""


def drive(store: Store, *, examples: int, steps: int) -> None:
    """Run random sequences; a failing one is shrunk and printed."""
    for _ in range(examples // _ROUND):
        run_state_machine_as_test(
            cast("type[RuleBasedStateMachine]", partial(UnitsMachine, store)),
            settings=settings(
                max_examples=_ROUND,
                stateful_step_count=steps,
                deadline=None,
                derandomize=False,  # each run has others
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_the_store_agrees_with_the_model(store: Store) -> None:
    """Random sequences of operations end as the model says, and all readers see what it says."""
    drive(store, examples=10, steps=25)
