# SPDX-License-Identifier: Apache-2.0
"""The HippoRAG set from another machine: an empty cache, models of its own, the same rankings, the same answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.second_machine import answer, elsewhere, rankings

import memwalk
from memwalk.config import LTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.config import Settings, StoreSettings
    from memwalk.memory._session import Models

QUESTIONS = 20


def test_another_machine_ranks_musique_the_same(
    store_directory: Path,
    store_settings: Callable[[str], StoreSettings],
    settings: Settings,
    models: Models,
    data: Path,
    tmp_path: Path,
) -> None:
    """1,890 passages in two spaces, two principals, to the last bit; a KV block is loaded from the payload URL."""
    folder = data / "musique_train100"
    reached = replace(store_settings(LTS), payloads=(tmp_path / "bucket").as_uri())
    corpus = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    half = len(corpus) // 2
    questions = [row["question"] for row in json.loads((folder / "queries.json").read_text(encoding="utf-8"))]
    asked = [(who, question) for who in ("owner", "alice") for question in questions[:QUESTIONS]]
    here = replace(settings, store=reached, directory=tmp_path / "here")
    with memwalk.open(reached.uri, principal="owner", settings=here) as memory:
        memory._session.models = models
        for space, part in (("first", corpus[:half]), ("second", corpus[half:])):
            memory.create_space(space)
            (tmp_path / f"{space}.json").write_text(json.dumps(part), encoding="utf-8")
            memory.add(tmp_path / f"{space}.json", space=space, openie=folder / "openie_gpt-3.5-turbo-1106.json")
            memory.search(questions[0])  # so that its graph grows by changes, as the other's does not
        memory.create_principal("alice")
        memory.grant("alice", "reader", space="first")
        memory.build_kv([result.unit_id for result in memory.search(questions[0], limit=2)])
        mine = rankings(memory, asked)
        said = answer(memory, questions[0])
    other = elsewhere(tmp_path / "elsewhere", reached, asked, kv=questions[0])
    assert other == {"rankings": mine, "answer": said}
    assert said
    assert all(len(found) == 20 for found in mine)
    assert mine[:QUESTIONS] != mine[QUESTIONS:]
