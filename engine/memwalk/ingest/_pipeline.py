# SPDX-License-Identifier: Apache-2.0
"""From sources to units: cut, extract, embed, write; one transaction a batch, so that a stop loses one batch.

A batch is some documents, or a part of one that has more passages than a transaction shall hold (`_writing` says
how such a one is written, and what is seen of it meanwhile).
"""

from __future__ import annotations

from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from memwalk.errors import SourceError, StoreBusy
from memwalk.ingest._concepts import Concepts, OvertakenError, join_late, write_concepts
from memwalk.ingest._neighbours import neighbours_of
from memwalk.ingest._prune import retire_documents
from memwalk.ingest._reading import PassageReader
from memwalk.ingest._report import AddReport
from memwalk.ingest._rows import Cut, Piece, cut_source, document_unit
from memwalk.ingest._writing import ATTEMPTS, DocumentWriter
from memwalk.store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from memwalk.ingest._extract import Extractor
    from memwalk.ingest._prune import Vanished
    from memwalk.ingest.sources import Source
    from memwalk.models import Embedder
    from memwalk.progress import Progress
    from memwalk.store import Store, Transaction
    from memwalk.units import NewUnit

__all__ = ["add_sources", "rewrite_passages"]

BATCH_PASSAGES = 256
"""Most passages that one transaction writes or retires; a server of 512 MiB of heap has the memory for it."""
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
    writer = DocumentWriter(store, principal, space, extractor.name, reader, report, most=BATCH_PASSAGES)
    due = writer.due([(source, document_unit(source, space, extractor.name)) for source in readable.values()])
    report.unchanged = len(readable) - len(due)
    if due and vanished:
        rows = store.read("units/list_parts", ids=[document.id for document in vanished], forever=FOREVER)
        reader.remember(row["id"] for row in rows)
    done, total = report.unchanged, len(readable) + len(vanished)
    for count in _write(writer, due, embedder, progress):
        done += count
        if progress:
            progress("documents", done, total)
    for start in range(0, len(vanished), BATCH_PASSAGES):
        with report.timed("write"):
            documents, passages = retire_documents(
                store, principal, space, vanished[start : start + BATCH_PASSAGES], most=BATCH_PASSAGES
            )
        report.pruned += documents
        report.retired += passages
        if progress:
            progress("documents", min(len(readable) + start + BATCH_PASSAGES, total), total)
    return report


def _write(
    writer: DocumentWriter,
    due: Sequence[tuple[Source, NewUnit]],
    embedder: Embedder,
    progress: Progress | None,
) -> Iterator[int]:
    """Write documents, those that fit by the batch; yields how many are done."""
    most = BATCH_PASSAGES
    batch: list[Cut] = []
    filled = 0
    for source, document in due:
        cut = partial(_timed, writer.report, cut_source, source, document, embedder.spans)
        pieces = cut()
        opening = tuple(islice(pieces, most + 1))
        fits = len(opening) <= most and document.id not in writer.long
        if batch and not (fits and filled + len(opening) <= most):
            writer.write(batch)
            yield len(batch)
            batch, filled = [], 0
        if not fits:
            told = partial(progress, "characters") if progress else None
            writer.write_long(document, cut, chain(opening, pieces), len(source.original), told)
            yield 1
            continue
        batch.append(Cut(document, opening))
        filled += len(opening)
        if filled >= most:
            writer.write(batch)
            yield len(batch)
            batch, filled = [], 0
    if batch:
        writer.write(batch)
        yield len(batch)


def _timed(report: AddReport, cut: Callable[..., Iterable[Piece]], *arguments: object) -> Iterator[Piece]:
    """What is cut, with the time that it takes."""
    pieces = iter(cut(*arguments))
    while True:
        with report.timed("cut"):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


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
    for _ in range(ATTEMPTS):
        concepts = reader.read(pieces)
        try:
            return write(partial(_fill, concepts=concepts))
        except OvertakenError:
            continue
    raise StoreBusy("update: other writers keep retiring what these passages mention; try again")


def _fill(tx: Transaction, activity: str, put: dict[str, int], *, concepts: Concepts) -> None:
    join_late(tx, write_concepts(tx, activity, put, concepts), concepts)
