# SPDX-License-Identifier: Apache-2.0
"""Incremental equals batch: many random sequences, and 300 real passages with what was extracted from them."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.documents_world import Known, Step, World, stories

from memwalk.ingest import OpenIEFile, SpacyExtractor, _pipeline, _rows

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory._session import Models
    from memwalk.store import Store

PASSAGES = 300
ROUNDS = 8


@pytest.fixture
def world(store: Store, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Small passages in small batches."""
    monkeypatch.setattr(_rows, "MAX_TOKENS", 24)
    monkeypatch.setattr(_rows, "OVERLAP", 6)
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 3)
    return World(store, Known(SpacyExtractor(models.parser), models.embedder), tmp_path)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(story=stories(most=8, acts=6))
def test_many_sequences(world: World, story: list[Step]) -> None:
    """Random sequences in two spaces: the live graph is that of one load of what is left."""
    world.begin()
    for step in story:
        world.take(step)
    world.compare()


def test_real_passages(
    store: Store, models: Models, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a real corpus come, go, change and change places round by round, in two spaces, in many batches."""
    chance = random.Random(20261122)
    source = data / "musique_train100"
    corpus: list[dict[str, Any]] = json.loads((source / "corpus.json").read_text(encoding="utf-8"))[:PASSAGES]
    extractor = OpenIEFile(source / "openie_gpt-3.5-turbo-1106.json", SpacyExtractor(models.parser))
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 50)
    world = World(store, Known(extractor, models.embedder), tmp_path)
    world.begin()
    for _ in range(ROUNDS):
        for space in ("home", "work"):
            rows = chance.sample(corpus, chance.randrange(PASSAGES // 3, PASSAGES))
            for row in chance.sample(range(len(rows)), 10):
                rows[row] = {**rows[row], "text": rows[row]["text"][: len(rows[row]["text"]) // 2]}
            (tmp_path / space / f"{chance.choice('ab')}.json").write_text(json.dumps(rows), encoding="utf-8")
            if chance.random() < 0.5:
                (tmp_path / space / f"{chance.choice('ab')}.json").unlink(missing_ok=True)
            world.add(space)
    for space in ("home", "work"):
        (tmp_path / space / "a.json").write_text(json.dumps(corpus), encoding="utf-8")
        (tmp_path / space / "b.json").unlink(missing_ok=True)
        world.add(space)
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 256)
    world.compare()
