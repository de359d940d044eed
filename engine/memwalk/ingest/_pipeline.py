# SPDX-License-Identifier: Apache-2.0
"""From sources to units: cut, extract, embed, write; one transaction a batch, so that a stop loses one batch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from memwalk import policy
from memwalk.errors import SourceError, StoreBusy
from memwalk.ingest._concepts import Concepts, OvertakenError, join_late, write_concepts
from memwalk.ingest._neighbours import neighbours_of
from memwalk.ingest._prune import retire_documents
from memwalk.ingest._reading import PassageReader
from memwalk.ingest._report import AddReport
from memwalk.ingest._rows import Cut, Piece, cut_source, document_unit, part_rows
from memwalk.store import FOREVER
from memwalk.units import put_units, record_activity, retire_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memwalk.ingest._extract import Extractor
    from memwalk.ingest._prune import Vanished
    from memwalk.ingest.sources import Source
    from memwalk.models import Embedder
    from memwalk.progress import Progress
    from memwalk.store import Store, Transaction
    from memwalk.units import NewUnit

__all__ = ["add_sources", "rewrite_passages"]

BATCH_PASSAGES = 256
_ATTEMPTS = 3
Row = dict[str, Any]
T = TypeVar("T")


def add_sources(
    store: Store,
    principal: str,
    space: str,
    sources: Sequence[Source | SourceError],
    *,
    extractor: Extractor,
    embedder: Embedder,
    vanished: Sequence[Vanished] = (),
    progress: Progress | None = None,
) -> AddReport:
    """Add sources to a space.

    Parameters
    ----------
    store : Store
    principal : str
    space : str
    sources : sequence of Source or SourceError
    extractor : Extractor
    embedder : Embedder
    vanished : sequence of Vanished
        Documents to retire afterwards; what they say costs nothing where it stands in a source now.
    progress : Progress, optional

    Raises
    ------
    StoreError, ModelError
        What was committed before stays; adding again goes on from there.
    """
    report = AddReport(skipped=[s for s in sources if isinstance(s, SourceError)])
    readable = {s.uri: s for s in sources if not isinstance(s, SourceError)}
    neighbours = neighbours_of(store, embedder.dimension)
    reader = PassageReader(store, [space], extractor, embedder, neighbours, report, reuses=True)
    ingest = _Ingest(store, principal, space, extractor.name, reader, report)
    changed = ingest.changed(list(readable.values()))
    report.unchanged = len(readable) - len(changed)
    if changed:
        ingest.remember([document.id for document in vanished])
    total = len(readable) + len(vanished)
    batch: list[Cut] = []
    for done, (source, document) in enumerate(changed, start=1):
        with report.timed("cut"):
            batch.append(cut_source(source, document, embedder.spans))
        if sum(len(cut.passages) for cut in batch) >= BATCH_PASSAGES or done == len(changed):
            ingest.write(batch)
            batch = []
            if progress:
                progress("documents", report.unchanged + done, total)
    for start in range(0, len(vanished), BATCH_PASSAGES):
        with report.timed("write"):
            documents, passages = retire_documents(store, principal, space, vanished[start : start + BATCH_PASSAGES])
        report.pruned += documents
        report.retired += passages
        if progress:
            progress("documents", min(len(readable) + start + BATCH_PASSAGES, total), total)
    return report


def rewrite_passages(
    store: Store,
    pieces: Sequence[Piece],
    write: Callable[[Callable[[Transaction, str, dict[str, int]], None]], T],
    *,
    spaces: Sequence[str],
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
    spaces : sequence of str
        Where the passages live.
    extractor : Extractor
    embedder : Embedder

    Raises
    ------
    StoreBusy
        Other writers keep retiring what these passages mention.
    """
    neighbours = neighbours_of(store, embedder.dimension)
    # Its version says by what the text before was read: others cannot take over what is read now.
    reader = PassageReader(store, spaces, extractor, embedder, neighbours, AddReport(), reuses=False)
    for _ in range(_ATTEMPTS):
        concepts = reader.read(pieces)
        try:
            return write(partial(_fill, concepts=concepts))
        except OvertakenError:
            continue
    raise StoreBusy("update: other writers keep retiring what these passages mention; try again")


def _fill(tx: Transaction, activity: str, put: dict[str, int], *, concepts: Concepts) -> None:
    join_late(tx, write_concepts(tx, activity, put, concepts), concepts)


class _Ingest:
    """One `add`: what its batches have in common."""

    def __init__(
        self, store: Store, principal: str, space: str, extractor: str, reader: PassageReader, report: AddReport
    ) -> None:
        self.store = store
        self.principal = principal
        self.space = space
        self.extractor = extractor
        self.reader = reader
        self.report = report
        self._mentioned: set[str] = set()
        self._stated: set[str] = set()

    def changed(self, sources: list[Source]) -> list[tuple[Source, NewUnit]]:
        """The sources whose documents are not in the store as they are, with these."""
        units = [document_unit(source, self.space, self.extractor) for source in sources]
        held = self._hashes([unit.id for unit in units])
        return [(s, unit) for s, unit in zip(sources, units, strict=True) if held.get(unit.id) != unit.hash()]

    def remember(self, documents: Sequence[str]) -> None:
        """Keep in mind what these documents say."""
        rows = self.store.read("units/list_parts", ids=list(documents), forever=FOREVER) if documents else []
        self.reader.remember(row["id"] for row in rows)

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
        concepts = self.reader.read(fresh)
        with report.timed("write"):
            counts = self.store.write(
                lambda tx: self._commit(tx, cuts, fresh, concepts),
                operation="add",
                principal=self.principal,
            )
        for name, count in {**counts, **concepts.costs}.items():
            setattr(report, name, getattr(report, name) + count)
        self._mentioned.update(unit.id for unit in concepts.rows.entities)
        self._stated.update(unit.id for unit in concepts.rows.facts)
        report.entities, report.facts = len(self._mentioned), len(self._stated)

    def _unit(self, piece: Piece, seq: int = 0) -> NewUnit:
        return piece.unit(self.space, self.extractor, seq)

    def _hashes(self, ids: list[str]) -> dict[str, str]:
        """Content hash of the live ones among these units."""
        rows = self.store.read("units/list_states", ids=ids)
        return {row["id"]: row["content_hash"] for row in rows if row["state"] == "live"}

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
        made = write_concepts(tx, activity, put, concepts)

        # Last, when what is left of the documents evidences all it can.
        loose = tx.run("units/list_unevidenced", ids=[row["id"] for row in replaced], forever=FOREVER)
        retire_units(tx, activity, [*sorted(held - wanted), *(row["id"] for row in loose)])
        join_late(tx, made, concepts)
        return {"documents": len(written), "passages": len(put), "retired": len(held - wanted)}
