# SPDX-License-Identifier: Apache-2.0
"""The vectors of all live entities, grown batch by batch, to join near-synonyms: only new x all, never all x all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.ingest._synonyms import similar_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.store import Store

__all__ = ["THRESHOLD", "EntityNeighbours"]

THRESHOLD = 0.8
"""Cosine from which two entities are near-synonyms (HippoRAG, arXiv 2405.14831, section 2.3)."""


class EntityNeighbours:
    """Entities by id, with their unit vectors (float32, one row each).

    A pair is joined by its cosine alone, never by being among the nearest of many: so what one may
    not read changes no pair of what one may.
    """

    def __init__(self, ids: list[str], names: list[str], vectors: NDArray[np.float32]) -> None:
        self._ids = ids
        self._names = names
        self._vectors = vectors

    @classmethod
    def load(cls, store: Store, dimension: int) -> EntityNeighbours:
        """Read those of a store."""
        import numpy as np

        rows = list(store.stream("units/stream_entity_vectors"))
        vectors = np.array([row["vector"] for row in rows], dtype=np.float32).reshape(len(rows), dimension)
        return cls([row["id"] for row in rows], [row["name"] for row in rows], vectors)

    def join(
        self, ids: Sequence[str], names: Sequence[str], vectors: NDArray[np.float32]
    ) -> list[tuple[str, str, float]]:
        """Take in new entities; returns their pairs (smaller id, larger id, cosine), sorted."""
        import numpy as np

        known = {unit_id: row for row, unit_id in enumerate(self._ids)}
        new = [row for row, unit_id in enumerate(ids) if unit_id not in known]
        self._ids = self._ids + [ids[row] for row in new]
        self._names = self._names + [names[row] for row in new]
        self._vectors = np.concatenate([self._vectors, vectors[new]])
        found = similar_pairs(vectors, self._vectors, threshold=THRESHOLD, new_names=names, all_names=self._names)
        pairs = {
            (min(ids[i], self._ids[j]), max(ids[i], self._ids[j])): score
            for i, j, score in found
            if ids[i] != self._ids[j]
        }
        return [(a, b, score) for (a, b), score in sorted(pairs.items())]
