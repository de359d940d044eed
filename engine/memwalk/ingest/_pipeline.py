# SPDX-License-Identifier: Apache-2.0
"""From sources to units: cut, extract, embed, write; one transaction a batch, so that a stop loses one batch."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from memwalk import policy
from memwalk.errors import SourceError, StoreBusy
from memwalk.ingest._concepts import Concepts, OvertakenError, write_concepts
from memwalk.ingest._neighbours import EntityNeighbours
from memwalk.ingest._rows import Cut, Piece, batch_rows, cut_source, document_unit, part_rows
from memwalk.store import FOREVER
from memwalk.units import put_units, record_activity, retire_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.ingest._endpoint_extractor import Spent
    from memwalk.ingest._extract import Extractor
    from memwalk.ingest.sources import Source
    from memwalk.models import Embedder
    from memwalk.progress import Progress
    from memwalk.store import Store, Transaction
    from memwalk.units import NewUnit

__all__ = ["AddReport", "add_sources", "rewrite_passages"]

BATCH_PASSAGES = 256
_ATTEMPTS = 3
Row = dict[str, Any]
T = TypeVar("T")


@dataclass
class AddReport:
    """What an `add` did. Counts are of what was new or had changed in the space added to.

    Entities and facts are those that its passages mention and state, whether or not others did so
    before: that would tell what is in spaces one may not read.
    """

    documents: int = 0
    unchanged: int = 0
    """Documents that were there as they are; they cost nothing."""
    passages: int = 0
    entities: int = 0
    facts: int = 0
    retired: int = 0
    """Passages that are no longer in their documents."""
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


def add_sources(
    store: Store,
    principal: str,
    space: str,
    sources: Sequence[Source | SourceError],
    *,
    extractor: Extractor,
    embedder: Embedder,
    progress: Progress | None = None,
) -> AddReport:
    """Add sources to a space.

    Raises
    ------
    StoreError, ModelError
        What was committed before stays; adding again goes on from there.
    """
    report = AddReport(skipped=[s for s in sources if isinstance(s, SourceError)])
    readable = {s.uri: s for s in sources if not isinstance(s, SourceError)}
    ingest = _Ingest(store, principal, space, extractor, embedder, report)
    changed = ingest.changed(list(readable.values()))
    report.unchanged = len(readable) - len(changed)
    batch: list[Cut] = []
    for done, (source, document) in enumerate(changed, start=1):
        with report.timed("cut"):
            batch.append(cut_source(source, document, embedder.spans))
        if sum(len(cut.passages) for cut in batch) >= BATCH_PASSAGES or done == len(changed):
            ingest.write(batch)
            batch = []
            if progress:
                progress("documents", report.unchanged + done, len(readable))
    return report


def rewrite_passages(
    store: Store,
    pieces: Sequence[Piece],
    write: Callable[[Callable[[Transaction, str, dict[str, int]], None]], T],
    *,
    extractor: Extractor,
    embedder: Embedder,
) -> T:
    """Read passages that somebody changed, and write them with what they say now.

    Parameters
    ----------
    store : Store
    pieces : sequence of Piece
        As they shall be.
    write : callable
        Writes the passages in one transaction, and calls what it is given in it, with the activity and
        the numbers of the new versions.
    extractor : Extractor
    embedder : Embedder

    Raises
    ------
    StoreBusy
        Other writers keep retiring what these passages mention.
    """
    ingest = _Ingest(store, "", "", extractor, embedder, AddReport())
    for _ in range(_ATTEMPTS):
        concepts = ingest.read(pieces)
        try:
            return write(partial(write_concepts, concepts=concepts))
        except OvertakenError:
            continue
    raise StoreBusy("update: other writers keep retiring what these passages mention; try again")


class _Ingest:
    """One `add`: what its batches have in common."""

    def __init__(
        self, store: Store, principal: str, space: str, extractor: Extractor, embedder: Embedder, report: AddReport
    ) -> None:
        self.store = store
        self.principal = principal
        self.space = space
        self.extractor = extractor
        self.embedder = embedder
        self.report = report
        self._neighbours: EntityNeighbours | None = None
        self._mentioned: set[str] = set()
        self._stated: set[str] = set()

    def changed(self, sources: list[Source]) -> list[tuple[Source, NewUnit]]:
        """The sources whose documents are not in the store as they are, with these."""
        units = [document_unit(source, self.space, self.extractor.name) for source in sources]
        held = self._hashes([unit.id for unit in units])
        return [(s, unit) for s, unit in zip(sources, units, strict=True) if held.get(unit.id) != unit.hash()]

    def write(self, cuts: list[Cut]) -> None:
        """Extract, embed and write one batch of documents, in one transaction.

        If another writer retired an entity or fact meanwhile, the batch is prepared again.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._write(cuts)
            except OvertakenError:
                continue
        raise StoreBusy("add: other writers keep retiring what this batch mentions; add again")

    def _write(self, cuts: list[Cut]) -> None:
        report = self.report
        pieces = {piece.id: piece for cut in cuts for piece in cut.passages}
        with report.timed("write"):
            held = self._hashes(list(pieces))
        fresh = [piece for piece in pieces.values() if held.get(piece.id) != self._unit(piece).hash()]
        concepts = self.read(fresh)
        with report.timed("write"):
            counts = self.store.write(
                lambda tx: self._commit(tx, cuts, fresh, concepts),
                operation="add",
                principal=self.principal,
            )
        report.documents += counts["documents"]
        report.passages += counts["passages"]
        report.retired += counts["retired"]
        self._mentioned.update(unit.id for unit in concepts.rows.entities)
        self._stated.update(unit.id for unit in concepts.rows.facts)
        report.entities, report.facts = len(self._mentioned), len(self._stated)

    def read(self, pieces: Sequence[Piece]) -> Concepts:
        """Extract and embed what passages say."""
        report = self.report
        with report.timed("extract"):
            said = {piece.id: piece.stated for piece in pieces if piece.stated is not None}
            unread = [piece for piece in pieces if piece.id not in said]
            extractions = self.extractor.extract([(piece.title, piece.text) for piece in unread])
            said |= dict(zip([piece.id for piece in unread], extractions, strict=True))
            report.skipped += self.extractor.take_skipped()
        rows = batch_rows(pieces, said)
        units = [*rows.entities, *rows.facts]
        with report.timed("write"):
            known = self._hashes([unit.id for unit in units])
        new = [unit for unit in units if unit.id not in known]
        with report.timed("embed"):
            encoded = self.embedder.encode([piece.embedded for piece in pieces] + [unit.name for unit in new])
            vectors = dict(zip([*(piece.id for piece in pieces), *(unit.id for unit in new)], encoded, strict=True))
            similar = self._similar([unit for unit in rows.entities if unit.id in vectors], vectors)
        return Concepts(rows, vectors, similar)

    def _unit(self, piece: Piece, seq: int = 0) -> NewUnit:
        return piece.unit(self.space, self.extractor.name, seq)

    def _hashes(self, ids: list[str]) -> dict[str, str]:
        """Content hash of the live ones among these units."""
        rows = self.store.read("units/list_states", ids=ids)
        return {row["id"]: row["content_hash"] for row in rows if row["state"] == "live"}

    def _similar(self, entities: list[NewUnit], vectors: Mapping[str, NDArray[np.float32]]) -> list[Row]:
        import numpy as np

        if not entities:
            return []
        if self._neighbours is None:
            self._neighbours = EntityNeighbours.load(self.store, self.embedder.dimension)
        stacked = np.stack([vectors[unit.id] for unit in entities])
        pairs = self._neighbours.join([u.id for u in entities], [u.name for u in entities], stacked)
        return [{"source": source, "target": target, "score": score} for source, target, score in pairs]

    def _commit(
        self,
        tx: Transaction,
        cuts: list[Cut],
        fresh: list[Piece],
        concepts: Concepts,
    ) -> dict[str, int]:
        policy.require_role(tx, self.principal, "writer", self.space)
        tx.tell(space=self.space)
        activity = record_activity(tx, self.principal, "add", self.space)
        span = {"at": tx.at, "forever": FOREVER}
        documents = [cut.document for cut in cuts]
        ids = [document.id for document in documents]
        written = put_units(tx, activity, documents)
        heads = {row["id"]: row["seq"] for row in tx.run("units/list_states", ids=ids)}

        parts, order = part_rows(cuts)
        wanted = {row["target"] for row in parts}
        held = {row["id"] for row in tx.run("units/list_parts", ids=ids, forever=FOREVER)}
        tx.run("units/end_next_edges", ids=ids, **span)

        put = put_units(tx, activity, [self._unit(piece, heads[piece.document]) for piece in fresh])
        replaced = [{"id": unit_id, "seq": seq} for unit_id, seq in sorted(put.items()) if seq > 1]
        tx.run("units/end_passage_edges", rows=replaced, **span)
        tx.run("units/create_has_part_edges", rows=[row for row in parts if row["target"] not in held], **span)
        tx.run("units/create_next_edges", rows=order, **span)
        write_concepts(tx, activity, put, concepts)

        # Last, when what is left of the documents evidences all it can.
        loose = tx.run("units/list_unevidenced", ids=[row["id"] for row in replaced], forever=FOREVER)
        retire_units(tx, activity, [*sorted(held - wanted), *(row["id"] for row in loose)])
        return {"documents": len(written), "passages": len(put), "retired": len(held - wanted)}
