# SPDX-License-Identifier: Apache-2.0
"""What tests of ingest share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.documents_world import Known, World

from memwalk.ingest import SpacyExtractor, _pipeline, _rows

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory._session import Models
    from memwalk.store import Store


@pytest.fixture(scope="session")
def known(models: Models) -> Known:
    """The real models, each text once."""
    return Known(SpacyExtractor(models.parser), models.embedder)


@pytest.fixture
def world(store: Store, known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Small passages in small batches, so that a document has several and an `add` too."""
    monkeypatch.setattr(_rows, "MAX_TOKENS", 24)
    monkeypatch.setattr(_rows, "OVERLAP", 6)
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 3)
    known.asked()
    return World(store, known, tmp_path)
