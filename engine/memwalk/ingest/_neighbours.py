# SPDX-License-Identifier: Apache-2.0
"""The vectors of all live entities, to join near-synonyms: only new x all, never all x all."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from memwalk.ingest._synonyms import has_substance, pairs_of_substance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.store import Change, Reader, Store, Transaction
    from memwalk.units import NewUnit

    Pair = tuple[str, str, float]
    """Smaller id, larger id, cosine."""

__all__ = ["THRESHOLD", "EntityNeighbours", "late_pairs", "neighbours_of"]

THRESHOLD = 0.8
"""Cosine from which two entities are near-synonyms (HippoRAG, arXiv 2405.14831, section 2.3)."""
_ROOM = 1_024
_PAGE = 1_000


class EntityNeighbours:
    """The live entities of a store with their unit vectors (float32, one row each), as of a change.

    Kept from one `add` to the next: catching up reads what changed since, not what exists. A pair is
    joined by its cosine alone, never by being among the nearest of many: so what one may not read changes
    no pair of what one may.

    Parameters
    ----------
    dimension : int
        Length of a vector.
    """

    def __init__(self, dimension: int) -> None:
        import numpy as np

        self._ids: list[str] = []
        self._names: list[str] = []
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((_ROOM, dimension), dtype=np.float32)
        self._seq = 0
        self._identity: tuple[str, int] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ids)

    def find(
        self, store: Store, entities: Sequence[NewUnit], vectors: Mapping[str, NDArray[np.float32]]
    ) -> tuple[list[Pair], int]:
        """The pairs of new entities with each other and with those of a store, and the last change that counted."""
        with self._lock:
            self._catch_up(store)
            return self.pairs(entities, vectors), self._seq

    def put(self, unit: str, name: str, vector: Sequence[float] | NDArray[np.float32]) -> None:
        """Take in an entity; one whose phrase says too little to be compared is left out."""
        import numpy as np

        if not has_substance(name):
            return
        row = self._rows.get(unit, len(self._ids))
        if row == len(self._ids):
            if row == len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
            self._rows[unit] = row
            self._ids.append(unit)
            self._names.append(name)
        self._vectors[row] = vector

    def drop(self, unit: str) -> None:
        """Let go of an entity, if it is here."""
        row = self._rows.pop(unit, None)
        if row is None:
            return
        last = len(self._ids) - 1
        if row != last:  # the last takes its place
            self._ids[row], self._names[row], self._vectors[row] = (
                self._ids[last],
                self._names[last],
                self._vectors[last],
            )
            self._rows[self._ids[row]] = row
        del self._ids[last], self._names[last]

    def pairs(self, entities: Sequence[NewUnit], vectors: Mapping[str, NDArray[np.float32]]) -> list[Pair]:
        """The pairs of new entities with each other and with those that are here, sorted."""
        entities = [unit for unit in entities if has_substance(unit.name)]
        others = self._vectors[: len(self._ids)]
        found = _pairs(entities, vectors, self._ids, self._names, others)
        return _sorted([*found, *_among(entities, vectors)])

    def _catch_up(self, store: Store) -> None:
        """Read what changed since; the first time, all."""
        identity = (store.read("store/get_store")[0]["uuid"], store.data_generation)
        seq = store.watermark()
        if self._identity != identity or seq < self._seq:
            self._ids, self._names, self._rows = [], [], {}
            for row in store.stream("units/stream_entity_vectors"):
                self.put(row["id"], row["name"], row["vector"])
            self._identity, self._seq = identity, seq
        while self._seq < seq:
            changes = store.changes(self._seq, limit=_PAGE)
            self._follow(store, changes)
            self._seq = changes[-1].seq

    def _follow(self, store: Store, changes: Sequence[Change]) -> None:
        touched = {unit for change in changes for unit in change.units}
        now = _vectors_of(store, touched)
        for unit in sorted(touched):
            if unit in now:
                self.put(unit, *now[unit])
            else:
                self.drop(unit)


def late_pairs(
    tx: Transaction, since: int, entities: Sequence[NewUnit], vectors: Mapping[str, NDArray[np.float32]]
) -> list[Pair]:
    """The pairs of new entities with those that others committed after a change, sorted.

    Nobody else commits before this transaction ends: of two writers the later finds the pair.
    """
    import numpy as np

    entities = [unit for unit in entities if has_substance(unit.name)]
    upto = tx.run("store/lock_counter")[0]["seq"]
    late: dict[str, tuple[str, NDArray[np.float32]]] = {}
    while since < upto:
        changes = tx.run("store/list_changes", since=since, upto=upto, limit=_PAGE)
        late |= _vectors_of(tx, {unit for change in changes for unit in change["units"]})
        since = changes[-1]["seq"]
    if not late:
        return []
    stacked = np.stack([vector for _, vector in late.values()])
    return _sorted(_pairs(entities, vectors, list(late), [name for name, _ in late.values()], stacked))


def _vectors_of(reader: Reader, ids: Iterable[str]) -> dict[str, tuple[str, NDArray[np.float32]]]:
    """Name and vector of the live entities among these units whose phrases say enough to be compared."""
    import numpy as np

    rows = reader.read("units/list_entity_vectors", ids=sorted(ids))
    said = [row for row in rows if has_substance(row["name"])]
    return {row["id"]: (row["name"], np.array(row["vector"], dtype=np.float32)) for row in said}


def _among(entities: Sequence[NewUnit], vectors: Mapping[str, NDArray[np.float32]]) -> list[Pair]:
    """The pairs of new entities with each other."""
    import numpy as np

    if not entities:
        return []
    stacked = np.stack([vectors[unit.id] for unit in entities])
    return _pairs(entities, vectors, [u.id for u in entities], [u.name for u in entities], stacked)


def _pairs(
    entities: Sequence[NewUnit],
    vectors: Mapping[str, NDArray[np.float32]],
    ids: Sequence[str],
    names: Sequence[str],
    others: NDArray[np.float32],
) -> list[Pair]:
    import numpy as np

    if not entities or not ids:
        return []
    new = np.stack([vectors[unit.id] for unit in entities])
    found = pairs_of_substance(new, others, [unit.name for unit in entities], names, THRESHOLD)
    return [(entities[i].id, ids[j], score) for i, j, score in found if entities[i].id != ids[j]]


def _sorted(pairs: Iterable[Pair]) -> list[Pair]:
    """Each pair once, from the smaller id to the larger."""
    once = {(min(a, b), max(a, b)): score for a, b, score in pairs}
    return [(a, b, score) for (a, b), score in sorted(once.items())]


_known: weakref.WeakKeyDictionary[Store, EntityNeighbours] = weakref.WeakKeyDictionary()
_knowing = threading.Lock()


def neighbours_of(store: Store, dimension: int) -> EntityNeighbours:
    """The entities of a store, kept as long as it is open."""
    with _knowing:
        if store not in _known:
            _known[store] = EntityNeighbours(dimension)
        return _known[store]
