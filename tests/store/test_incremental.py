# SPDX-License-Identifier: Apache-2.0
"""Adding, changing, moving and removing documents in any order gives the graph of one batch of what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from tests.documents_world import Known, Step, World, stories

from memwalk.ingest import SpacyExtractor, _pipeline, _rows

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory._session import Models
    from memwalk.store import Store


@pytest.fixture(scope="module")
def known(models: Models) -> Known:
    """The real models, each text once."""
    return Known(SpacyExtractor(models.parser), models.embedder)


@pytest.fixture
def world(store: Store, known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Small passages in small batches, so that a document has several and an `add` too."""
    monkeypatch.setattr(_rows, "MAX_TOKENS", 24)
    monkeypatch.setattr(_rows, "OVERLAP", 6)
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 3)
    return World(store, known, tmp_path)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(story=stories(steps=4, acts=4))
def test_incremental_equals_batch(world: World, story: list[Step]) -> None:
    """Random sequences in two spaces: the live graph is that of one load of what is left."""
    world.begin()
    for step in story:
        world.take(step)
    world.compare()
