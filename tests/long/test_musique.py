# SPDX-License-Identifier: Apache-2.0
"""The HippoRAG set through the store: every stage of `add`, and recall of what is searched."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from memwalk.memory import Memory


def test_musique_from_files_to_recall(memory: Memory, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1,890 passages with their OpenIE: dense recall@5 is 62.2 within a point, the walk's is above it."""
    folder = data / "musique_train100"
    report = memory.add(folder / "corpus.json", openie=folder / "openie_gpt-3.5-turbo-1106.json")
    assert (report.documents, report.passages) == (1890, 1890)
    assert report.facts > 17_000
    again = memory.add(folder / "corpus.json", openie=folder / "openie_gpt-3.5-turbo-1106.json")
    assert (again.documents, again.unchanged, again.seconds["embed"]) == (0, 1890, 0.0)

    corpus = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    first: dict[tuple[str, str], int] = {}
    for position, row in enumerate(corpus):
        first.setdefault((row["title"], row["text"]), position)
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    gold = [
        {first[p["title"], p["paragraph_text"]] for p in query["paragraphs"] if p["is_supporting"]} for query in queries
    ]

    def recall(ranked: list[list[int]]) -> float:
        return 100 * float(np.mean([len(g & set(r[:5])) / len(g) for r, g in zip(ranked, gold, strict=True)]))

    session = memory._session
    graph = session.walk_graph(session.readable_classes(memory.principal))
    passages = [node for node, kind in enumerate(graph.kinds) if kind == "Passage"]
    positions = [first[graph.names[node], graph.texts[node]] for node in passages]
    asked = session.models.embedder.encode([query["question"] for query in queries])
    cosine = asked @ graph.vectors[passages].T
    dense = recall([[positions[i] for i in np.argsort(-row, kind="stable")[:5]] for row in cosine])
    found = [memory.search(query["question"], limit=5) for query in queries]
    walked = recall([[first[result.name, result.text] for result in results] for results in found])
    with capsys.disabled():
        sys.stdout.write(f"\nadd: {report.seconds}\nrecall@5: dense {dense:.1f}, walk {walked:.1f}\n")
    assert abs(dense - 62.2) <= 1.0
    assert walked > dense
