# SPDX-License-Identifier: Apache-2.0
"""The HippoRAG set through the store: every stage of `add`, and recall of what is searched."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from memwalk.walk import ReadableGraph

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from memwalk.memory import Memory


def test_musique_from_files_to_recall(
    memory: Memory, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    asked = session.models.embedder.encode([query["question"] for query in queries])
    with session.walk_graph() as graph:
        readable = ReadableGraph(graph, session.readable_classes(memory.principal))
        near = [[graph.nodes.id(node) for node, _ in readable.nearest(row, ("Passage",), 5)] for row in asked]
    shown = {unit: memory.show(unit) for unit in {unit for units in near for unit in units}}
    dense = recall([[first[shown[unit].name, shown[unit].text] for unit in units] for units in near])
    found = [memory.search(query["question"], limit=5) for query in queries]
    walked = recall([[first[result.name, result.text] for result in results] for results in found])
    with capsys.disabled():
        sys.stderr.write(f"\nadd: {report.seconds}\nrecall@5: dense {dense:.1f}, walk {walked:.1f}\n")
    one = tmp_path / "one.txt"
    one.write_text("The lighthouse keeper of Skerryvore collected barometers. He was born in Tobermory.")
    for change in (lambda: memory.add(one), lambda: memory.forget("one")):
        change()
        before, start = session.store.watermark(), time.perf_counter()
        with session.walk_graph() as graph:
            seconds = time.perf_counter() - start
        assert graph.watermark == before
        with capsys.disabled():
            sys.stderr.write(f"until searchable: {seconds:.2f} s\n")
    assert abs(dense - 62.2) <= 1.0
    assert walked > dense
