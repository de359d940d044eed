# SPDX-License-Identifier: Apache-2.0
"""Searching as of a time gives what a search gave then: many random chronicles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from tests.documents_world import Known, World
from tests.past_world import Chapter, Past, chronicles

from memwalk.ingest import SpacyExtractor, _pipeline, _rows

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.config import Settings
    from memwalk.memory._session import Models
    from memwalk.store import Store


@pytest.fixture
def past(store: Store, models: Models, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    """A memory of small passages, in small batches, and notes."""
    monkeypatch.setattr(_rows, "MAX_TOKENS", 24)
    monkeypatch.setattr(_rows, "OVERLAP", 6)
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 3)
    return Past(World(store, Known(SpacyExtractor(models.parser), models.embedder), tmp_path), models, settings)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(chronicle=chronicles(chapters=6, acts=5))
def test_as_of_equals_then(past: Past, chronicle: list[Chapter]) -> None:
    """Documents, notes, summaries and rights change at random: as of each time the answers are those of then."""
    past.begin()
    for chapter in chronicle:
        past.live(chapter)
        past.check([next(iter(past.diary))])
    past.reopen()
    past.check()
