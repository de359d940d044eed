# SPDX-License-Identifier: Apache-2.0
"""Adding, changing, moving and removing documents in any order gives the graph of one batch of what is left."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from tests.documents_world import Step, World, stories


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(story=stories(most=3, acts=4))
def test_incremental_equals_batch(world: World, story: list[Step]) -> None:
    """Random sequences in two spaces: the live graph is that of one load of what is left."""
    world.begin()
    for step in story:
        world.take(step)
    world.compare()
