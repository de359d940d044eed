# SPDX-License-Identifier: Apache-2.0
"""Writing documents: short ones by the batch in one transaction, a long one part by part.

A long document takes as many transactions as its passages need, in this order:

1. its head becomes a new version that says ``unfinished: add``, whose hash is that of no source;
2. its passages, part by part, in their order: each part with its edges, what it says, and all vectors. Of a
   document that changed, passages that are wanted no longer stay until all the new ones are there;
3. what is wanted no longer is retired, as many passages at a time;
4. with the last of these, its head becomes the version that names the source.

So a reader never takes a part for the whole: the document says that it is unfinished, and each passage that is
there is a whole one, with all it says. Wherever this is stopped, the document is not what its source is, so the
next `add` writes it again: passages that are there as they shall be cost nothing, the others are retired at the
end. Who begins makes a new version of the head, and every later transaction looks whether the head is still that
version: of two who write one document, the one who began later goes on, and the other starts again. What is live at
the end does not depend on the parts: a passage's edges and what it evidences come with it, and entities and facts
that lose their last evidence in one part and get other in a later one are retired and live again, with their vectors.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from memwalk import policy
from memwalk.errors import StoreBusy
from memwalk.ingest._concepts import OvertakenError, join_late, write_concepts
from memwalk.ingest._rows import Cut, part_rows
from memwalk.store import FOREVER
from memwalk.units import lock_units, put_units, record_activity, retire_units

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from memwalk.ingest._concepts import Concepts
    from memwalk.ingest._reading import PassageReader
    from memwalk.ingest._report import AddReport
    from memwalk.ingest._rows import Piece
    from memwalk.ingest.sources import Source
    from memwalk.store import Reader, Store, Transaction
    from memwalk.units import NewUnit

__all__ = ["ATTEMPTS", "DocumentWriter", "HeadMovedError", "check_head"]

Row = dict[str, Any]
T = TypeVar("T")

ATTEMPTS = 3
"""How often a batch that other writers overtook is prepared."""


class HeadMovedError(Exception):
    """A long document's head is no longer the version that this writer made."""


class DocumentWriter:
    """One `add`: what its batches have in common.

    Parameters
    ----------
    store : Store
    principal : str
    space : str
    extractor : str
        Its name.
    reader : PassageReader
    report : AddReport
        Told of all that is done.
    most : int
        Passages that one transaction writes or retires.
    """

    def __init__(
        self,
        store: Store,
        principal: str,
        space: str,
        extractor: str,
        reader: PassageReader,
        report: AddReport,
        *,
        most: int,
    ) -> None:
        self.report = report
        self.long: frozenset[str] = frozenset()
        """Documents that are due and have more passages in the store than are retired at a time."""
        self._store = store
        self._principal = principal
        self._space = space
        self._extractor = extractor
        self._reader = reader
        self._most = most
        self._mentioned: set[str] = set()
        self._stated: set[str] = set()

    def due(self, documents: Sequence[tuple[Source, NewUnit]]) -> list[tuple[Source, NewUnit]]:
        """Those that are not in the store as they are."""
        held = self._hashes([unit.id for _, unit in documents])
        due = [(source, unit) for source, unit in documents if held.get(unit.id) != unit.hash()]
        there = [unit.id for _, unit in due if unit.id in held]
        if there:
            rows = self._store.read("units/count_parts", ids=there, forever=FOREVER)
            self.long = frozenset(row["id"] for row in rows if row["count"] > self._most)
        return due

    def write(self, cuts: Sequence[Cut]) -> None:
        """Extract, embed and write documents, in one transaction.

        Raises
        ------
        StoreBusy
        """
        pieces = {piece.id: piece for cut in cuts for piece in cut.passages}

        def attempt() -> None:
            with self.report.timed("write"):
                held = self._hashes(list(pieces))
            fresh = [piece for piece in pieces.values() if held.get(piece.id) != self._unit(piece).hash()]
            self._read_and_write(fresh, lambda tx, concepts: self._commit(tx, cuts, fresh, concepts))

        _again(attempt)

    def write_long(
        self,
        document: NewUnit,
        cut: Callable[[], Iterator[Piece]],
        pieces: Iterator[Piece],
        length: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Extract, embed and write a document part by part.

        Parameters
        ----------
        document : NewUnit
        cut : callable
            Gives its passages, from the first on.
        pieces : iterator of Piece
            Those, given once.
        length : int
            Of the original, in characters.
        progress : callable, optional
            Told how many of these are done.

        Raises
        ------
        StoreBusy
        """
        for _ in range(ATTEMPTS):
            try:
                return self._write_parts(document, pieces, length, progress)
            except HeadMovedError:
                if self._hashes([document.id]).get(document.id) == document.hash():
                    return None  # another writer did the same
                pieces = cut()
        raise StoreBusy(f"add: other writers keep changing {document.properties['uri']}; add again")

    def _write_parts(
        self,
        document: NewUnit,
        pieces: Iterator[Piece],
        length: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        begun = replace(document, properties={**document.properties, "unfinished": "add"})
        seq = self._change(lambda tx, activity: put_units(tx, activity, [begun], anew=True)[document.id])
        wanted: set[str] = set()
        before: tuple[str, ...] = ()
        while passages := tuple(islice(pieces, self._most)):
            _again(partial(self._write_part, Cut(document, passages, before, ()), seq))
            wanted.update(piece.id for piece in passages)
            before = (passages[-1].id,)
            if progress:
                progress(min(passages[-1].end, length), length)
        self._finish(document, seq, wanted, before)

    def _write_part(self, part: Cut, seq: int) -> None:
        """Write a part of a document whose head is version `seq`; one that is there as it shall be costs a read."""
        _, order = part_rows([part])
        ids = [piece.id for piece in part.passages]
        with self.report.timed("write"):
            held = _placed(self._store, [*part.before, *ids])
        fresh = [
            piece
            for piece in part.passages
            if piece.id not in held or held[piece.id]["content_hash"] != self._unit(piece).hash()
        ]
        if not fresh and _is_in_place(held, ids, order):
            return

        def commit(tx: Transaction, concepts: Concepts) -> dict[str, int]:
            activity = self._begin(tx)
            check_head(tx, part.document.id, seq)
            placed = {unit for unit, row in _placed(tx, ids).items() if row["is_part"]}
            put, made = self._put(tx, activity, [part], placed, fresh, concepts, {part.document.id: seq})
            retire_units(tx, activity, _loose(tx, put))
            join_late(tx, made, concepts)
            return {"passages": len(put)}

        self._read_and_write(fresh, commit)

    def _finish(self, document: NewUnit, seq: int, wanted: set[str], last: Sequence[str]) -> None:
        """Retire what a document has no longer, and make its head name the source."""
        with self.report.timed("write"):
            rows = self._store.read("units/list_parts", ids=[document.id], forever=FOREVER)
        gone = sorted({row["id"] for row in rows} - wanted)

        def retire(tx: Transaction, activity: str, ids: Sequence[str]) -> None:
            check_head(tx, document.id, seq)
            retire_units(tx, activity, ids)

        def finish(tx: Transaction, activity: str, ids: Sequence[str]) -> None:
            retire(tx, activity, ids)
            _put_in_order(tx, [{"source": unit, "target": None} for unit in last])
            put_units(tx, activity, [document])

        for start in range(0, max(1, len(gone)), self._most):
            ids = gone[start : start + self._most]
            work = finish if start + self._most >= len(gone) else retire
            self._change(partial(work, ids=ids))
            self.report.retired += len(ids)
        self.report.documents += 1

    def _read_and_write(
        self, fresh: Sequence[Piece], commit: Callable[[Transaction, Concepts], dict[str, int]]
    ) -> None:
        """Extract and embed passages, and commit; adds to the report what `commit` counted."""
        report = self.report
        concepts = self._reader.read(fresh)
        with report.timed("write"):
            counts = self._store.write(lambda tx: commit(tx, concepts), operation="add", principal=self._principal)
        for name, count in {**counts, **concepts.costs}.items():
            setattr(report, name, getattr(report, name) + count)
        self._mentioned.update(unit.id for unit in concepts.rows.entities)
        self._stated.update(unit.id for unit in concepts.rows.facts)
        report.entities, report.facts = len(self._mentioned), len(self._stated)

    def _change(self, work: Callable[[Transaction, str], T]) -> T:
        """Do what reads nothing, in a transaction."""
        with self.report.timed("write"):
            return self._store.write(lambda tx: work(tx, self._begin(tx)), operation="add", principal=self._principal)

    def _begin(self, tx: Transaction) -> str:
        """Begin a transaction of this `add`; returns its activity."""
        policy.require_role(tx, self._principal, "writer", self._space)
        tx.tell(space=self._space)
        return record_activity(tx, self._principal, "add", self._space)

    def _commit(
        self, tx: Transaction, cuts: Sequence[Cut], fresh: Sequence[Piece], concepts: Concepts
    ) -> dict[str, int]:
        """Write whole documents."""
        activity = self._begin(tx)
        documents = [cut.document for cut in cuts]
        ids = [document.id for document in documents]
        written = put_units(tx, activity, documents)
        heads = {row["id"]: row["seq"] for row in tx.run("units/list_states", ids=ids)}
        wanted = {piece.id for cut in cuts for piece in cut.passages}
        held = {row["id"] for row in tx.run("units/list_parts", ids=ids, forever=FOREVER)}
        put, made = self._put(tx, activity, cuts, held, fresh, concepts, heads)
        # Last, when what is left of the documents evidences all it can.
        retire_units(tx, activity, [*sorted(held - wanted), *_loose(tx, put)])
        join_late(tx, made, concepts)
        return {"documents": len(written), "passages": len(put), "retired": len(held - wanted)}

    def _put(
        self,
        tx: Transaction,
        activity: str,
        cuts: Sequence[Cut],
        placed: Collection[str],
        fresh: Sequence[Piece],
        concepts: Concepts,
        heads: Mapping[str, int],
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Write passages in their order with what they say; returns new heads, of passages and of what they say."""
        span = {"at": tx.at, "forever": FOREVER}
        parts, order = part_rows(cuts)
        put = put_units(tx, activity, [self._unit(piece, heads[piece.document]) for piece in fresh])
        tx.run("units/end_passage_edges", rows=_replaced(put), **span)
        tx.run("units/create_has_part_edges", rows=[row for row in parts if row["target"] not in placed], **span)
        _put_in_order(tx, order)
        return put, write_concepts(tx, activity, put, concepts)

    def _unit(self, piece: Piece, seq: int = 0) -> NewUnit:
        return piece.unit(self._space, self._extractor, seq)

    def _hashes(self, ids: list[str]) -> dict[str, str]:
        """Content hash of the live ones among these units."""
        rows = self._store.read("units/list_states", ids=ids)
        return {row["id"]: row["content_hash"] for row in rows if row["state"] == "live"}


def check_head(tx: Transaction, document: str, seq: int) -> None:
    """Lock a document that is written or retired part by part.

    Raises
    ------
    HeadMovedError
        Its head is not the version that it was begun with.
    """
    held = lock_units(tx, [document])
    if document not in held or held[document].seq != seq:
        raise HeadMovedError


def _again(attempt: Callable[[], None]) -> None:
    """Prepare and commit a batch, again where another writer retired an entity or fact of it meanwhile."""
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except OvertakenError:
            continue
    raise StoreBusy("add: other writers keep retiring what this batch mentions; add again")


def _placed(reader: Reader, ids: Sequence[str]) -> dict[str, Row]:
    """The live ones among some passages, with what is said of their places."""
    return {row["id"]: row for row in reader.read("units/list_placed", ids=list(ids), forever=FOREVER)}


def _is_in_place(held: Mapping[str, Row], ids: Iterable[str], order: Iterable[Row]) -> bool:
    """Whether passages are part of their document, and in this order."""
    return all(held[unit]["is_part"] for unit in ids) and all(
        row["source"] in held and held[row["source"]]["next"] == [row["target"]] for row in order
    )


def _put_in_order(tx: Transaction, order: Sequence[Row]) -> None:
    """Make each passage be followed by the one that it shall be followed by, or by none."""
    ended = tx.run("units/end_next_edges", rows=order, at=tx.at, forever=FOREVER)
    made = tx.run("units/create_missing_next_edges", rows=order, at=tx.at, forever=FOREVER)
    tx.touch(*(row[end] for row in [*ended, *made] for end in ("source", "target")))


def _replaced(put: Mapping[str, int]) -> list[Row]:
    """The passages that were there before."""
    return [{"id": unit_id, "seq": seq} for unit_id, seq in sorted(put.items()) if seq > 1]


def _loose(tx: Transaction, put: Mapping[str, int]) -> list[str]:
    """What passages that are there anew said before, and nothing says now."""
    rows = tx.run("units/list_unevidenced", ids=[row["id"] for row in _replaced(put)], forever=FOREVER)
    return [row["id"] for row in rows]
