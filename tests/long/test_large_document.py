# SPDX-License-Identifier: Apache-2.0
"""A text of 50 MB, whole, on a server of the default size."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from tests.conftest import wipe

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory

SENTENCE = "Fifty megabytes of it. "
TIMES = 2_200_000
GROWTH = 300
"""MiB: the text in the process, and what is kept of a passage (its id and a hash)."""


def test_fifty_megabytes(memory: Memory, tmp_path: Path) -> None:
    """All of it is there, in order; the process needs no more memory at the end than the text has, and some ids.

    It says the same again and again, so that reading and embedding cost nothing and the writing is what is seen.
    """
    text = tmp_path / "large.txt"
    text.write_text(SENTENCE * TIMES, encoding="utf-8")
    used: list[int] = []

    def note(stage: str, done: int, total: int | None) -> None:
        if stage == "characters":
            used.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

    report = memory.add(text, progress=note)
    assert report.skipped == []
    assert (report.documents, report.extracted < 1_000) == (1, True)
    rows = memory.cypher(
        "MATCH (d:Document)-[:HAS_PART]->(p:Passage {state: 'live'}) "
        "RETURN count(p), min(p.start), max(p.end), count(DISTINCT p.ordinal), d.unfinished"
    )[1]
    assert rows == [[report.passages, 0, len(SENTENCE) * TIMES - 1, report.passages, None]]
    assert used[-1] - used[0] < GROWTH
    again = memory.add(text)
    assert (again.documents, again.unchanged) == (0, 1)
    wipe(memory._session.store)
