# SPDX-License-Identifier: Apache-2.0
"""Reading passages: extraction and embedding, or what the store holds of the same text in the same space.

What was read out of a passage stays in the graph when the passage is retired: its entities and facts by the
edges that ended, its vector beside it. So the store is the cache, a purge empties it, and every machine has
it. It is asked per space: a hit on what another space holds would tell, by the time it saves, that it is
there. For the same reason an entity or fact that only other spaces know is embedded as if it were new.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memwalk.ingest._concepts import Concepts
from memwalk.ingest._extract import Extraction, Triple
from memwalk.ingest._rows import batch_rows
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.ingest._extract import Extractor
    from memwalk.ingest._neighbours import EntityNeighbours
    from memwalk.ingest._report import AddReport
    from memwalk.ingest._rows import BatchRows, Piece
    from memwalk.models import Embedder
    from memwalk.store import Store

    Vector = NDArray[np.float32]

__all__ = ["PassageReader"]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read out of a passage before."""

    extractor: str
    ordinal: int
    vector: Vector | None
    extraction: Extraction


class PassageReader:
    """Reads the passages of one `add`.

    Parameters
    ----------
    store : Store
    spaces : sequence of str
        Where the passages live.
    reuses : bool
        Take over what was read out of the same text before; then there is one space.
    extractor : Extractor
    embedder : Embedder
    neighbours : EntityNeighbours
    report : AddReport
        Told of times and of what had to be left out.
    """

    def __init__(
        self,
        store: Store,
        spaces: Sequence[str],
        extractor: Extractor,
        embedder: Embedder,
        neighbours: EntityNeighbours,
        report: AddReport,
        *,
        reuses: bool,
    ) -> None:
        self._neighbours = neighbours
        self._store = store
        self._spaces = list(spaces)
        self._extractor = extractor
        self._embedder = embedder
        self._report = report
        self._reuses = reuses
        self._places: dict[str, str] = {}
        """A passage of the space by the hash of what it says, as far as this `add` came across it."""

    def remember(self, passages: Iterable[str]) -> None:
        """Take note of passages whose texts may come back elsewhere in the space: those of vanished documents."""
        for row in self._store.read("units/list_said", ids=sorted(passages)):
            self._places[row["said"]] = row["id"]

    def read(self, pieces: Sequence[Piece]) -> Concepts:
        """What passages say, with the vectors of it all."""
        said = {piece.id: _said(self._spaces[0], piece) for piece in pieces} if self._reuses else {}
        held = self._held(said)
        extracted, read, taken = self._extract(pieces, held)
        rows = batch_rows(pieces, extracted)
        vectors = {unit: reading.vector for unit, reading in held.items() if reading.vector is not None}
        bare = [piece for piece in pieces if piece.id not in vectors]
        self._embed(bare, rows, vectors)
        with self._report.timed("embed"):
            new = [unit for unit in rows.entities if unit.id in vectors]
            similar, since = self._neighbours.find(self._store, new, vectors) if new else ([], 0)
        for unit, text in said.items():
            self._places.setdefault(text, unit)
        costs = {
            "extracted": read,
            "extractions_reused": taken,
            "embedded": len(bare),
            "embeddings_reused": len(pieces) - len(bare),
        }
        return Concepts(rows, vectors, similar, since, said, costs)

    def _held(self, said: Mapping[str, str]) -> dict[str, _Reading]:
        """What was read out of the same text in this space, by the passage that says it now."""
        ids = {*said, *(self._places[text] for text in said.values() if text in self._places)}
        with self._report.timed("write"):
            rows = self._store.read("units/list_readings", ids=sorted(ids)) if ids else []
        rows.sort(key=lambda row: (row["extractor"] == self._extractor.name, row["vector"] is not None))
        best = {row["said"]: row for row in rows}
        return {unit: _reading(best[text]) for unit, text in said.items() if text in best}

    def _extract(self, pieces: Sequence[Piece], held: Mapping[str, _Reading]) -> tuple[dict[str, Extraction], int, int]:
        """What passages say, by passage; how many had to be read for it, and how many had been before."""
        extracted = {piece.id: piece.stated for piece in pieces if piece.stated is not None}
        others = [piece for piece in pieces if piece.id not in extracted]
        taken = {p.id: held[p.id].extraction for p in others if p.id in held and self._serves(held[p.id], p)}
        unread = [piece for piece in others if piece.id not in taken]
        with self._report.timed("extract"):
            found = self._extractor.extract([(piece.title, piece.text) for piece in unread])
            self._report.skipped += self._extractor.take_skipped()
        read = dict(zip([piece.id for piece in unread], found, strict=True))
        return extracted | taken | read, len(read), len(taken)

    def _serves(self, reading: _Reading, piece: Piece) -> bool:
        """Whether a passage says the same as one of the same text that was read before.

        What opens a document mentions its title once at least. Whether the text itself does so cannot be
        told from that, for one that opens none.
        """
        if reading.extractor != self._extractor.name:
            return False
        title = normalise_phrase(piece.title)
        opens = reading.ordinal == 0 and piece.ordinal != 0
        return not (title and opens and reading.extraction.entities.count(title) == 1)

    def _embed(self, pieces: Sequence[Piece], rows: BatchRows, vectors: dict[str, Vector]) -> None:
        """Add the vectors of passages, and of the entities and facts that are not there."""
        import numpy as np

        concepts = [*rows.entities, *rows.facts]
        with self._report.timed("write"):
            found = self._store.read(
                "units/list_known_concepts", ids=[unit.id for unit in concepts], spaces=self._spaces
            )
        known = {row["id"]: row for row in found if row["own"]}
        live = {row["id"] for row in found if row["state"] == "live"}
        for unit, row in known.items():
            if unit not in live and row["vector"] is not None:
                vectors[unit] = np.array(row["vector"], dtype=np.float32)
        named = [unit for unit in concepts if unit.id not in vectors and not (unit.id in known and unit.id in live)]
        with self._report.timed("embed"):
            texts = [*(piece.embedded for piece in pieces), *(unit.name for unit in named)]
            once = {text: row for row, text in enumerate(dict.fromkeys(texts))}
            encoded = self._embedder.encode(list(once))
        vectors |= {piece.id: encoded[once[piece.embedded]] for piece in pieces}
        vectors |= {unit.id: encoded[once[unit.name]] for unit in named if unit.id not in live}


def _said(space: str, piece: Piece) -> str:
    """The hash of what a passage says, in a space."""
    return hashlib.sha256(json.dumps([space, piece.title, piece.text]).encode()).hexdigest()


def _reading(row: dict[str, Any]) -> _Reading:
    import numpy as np

    entities: list[str] = []
    triples: list[Triple] = []
    times: list[int] = []
    for concept in row["concepts"]:
        if concept["subject"] is None:
            entities += [concept["name"]] * concept["count"]
        else:
            triples.append(Triple(concept["subject"], concept["predicate"], concept["object"]))
            times.append(concept["count"])  # a graph may count any number
    vector = None if row["vector"] is None else np.array(row["vector"], dtype=np.float32)
    return _Reading(row["extractor"], row["ordinal"], vector, Extraction(tuple(entities), tuple(triples), tuple(times)))
