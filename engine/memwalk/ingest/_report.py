# SPDX-License-Identifier: Apache-2.0
"""What an `add` tells of itself."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.errors import SourceError
    from memwalk.ingest._endpoint_extractor import Spent

__all__ = ["AddReport"]


@dataclass
class AddReport:
    """What an `add` did. Counts are of what was new or had changed in the space added to.

    Entities and facts are those that its passages mention and state, whether or not others did so
    before: that would tell what is in spaces one may not read. For the same reason the numbers of what
    was extracted, embedded and reused are of passages alone.
    """

    documents: int = 0
    unchanged: int = 0
    """Documents that were there as they are; they cost nothing."""
    passages: int = 0
    entities: int = 0
    facts: int = 0
    retired: int = 0
    """Passages that are no longer in their documents, or whose documents vanished."""
    pruned: int = 0
    """Documents that were retired because their sources vanished."""
    extracted: int = 0
    """Passages that were read by the extractor."""
    extractions_reused: int = 0
    """Passages whose text the same extractor had read in this space before."""
    embedded: int = 0
    """Passages that were embedded."""
    embeddings_reused: int = 0
    """Passages whose text had been embedded in this space before."""
    spent: Spent | None = None
    """What an endpoint that extracted cost; None if none did."""
    skipped: list[SourceError] = field(default_factory=list)
    """Sources, or rows of them, that could not be read."""
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("cut", "extract", "embed", "write"), 0.0))
    """Time spent, by stage."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start
