# SPDX-License-Identifier: Apache-2.0
"""What a batch of documents says, as units and rows of edges; no store, no model."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any

from memwalk.ingest._extract import tidy
from memwalk.text import Chunk, chunk, chunks, normalise_phrase
from memwalk.units import NewUnit, derived_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from memwalk.ingest._extract import Extraction, Triple
    from memwalk.ingest.sources import Source

__all__ = ["BatchRows", "Cut", "Piece", "batch_rows", "cut_source", "document_unit", "part_rows"]

MAX_TOKENS = 200
OVERLAP = 40
LONGEST_ENTRY = 200_000
"""Characters. A longer entry of a HippoRAG corpus is no passage to any model, and is cut like other texts."""
STATED = "stated-1"
"""What stands for the extractor where the source itself says what it states."""
_LINE = re.compile(r"[^\n]+")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage to be: its identity, text, and place in the source (characters)."""

    id: str
    document: str
    name: str
    text: str
    ordinal: int
    start: int
    end: int
    is_titled: bool
    page: int | None = None
    """Of its document, from 1; None where it has no pages."""
    valid_from: int | None = None
    """World time (ms) from when it holds, where the source says when."""
    stated: Extraction | None = None
    """What it says, where the source gives that as such; None: it has to be read."""
    is_opening: bool = False
    """Whether it opens a section, and so is about what names that."""

    @property
    def title(self) -> str:
        """The document's own title; empty where it is only a file's name."""
        return self.name if self.is_titled else ""

    @property
    def embedded(self) -> str:
        """What the embedder sees: the title, a line break, the text, as HippoRAG has it."""
        return f"{self.title}\n{self.text}" if self.title else self.text

    def unit(self, space: str, extractor: str, seq: int = 0) -> NewUnit:
        """The passage as a unit, made from version `seq` of its document."""
        place = {"ordinal": self.ordinal, "start": self.start, "end": self.end}
        if self.page is not None:
            place["page"] = self.page
        if self.stated is not None:  # what it states counts as its content
            extractor = f"{STATED} {hashlib.sha256(repr(self.stated).encode()).hexdigest()[:12]}"
        version: dict[str, object] = {"extractor": extractor}
        if self.valid_from is not None:
            version["stated_from"] = self.valid_from
        return NewUnit(
            id=self.id,
            kind="Passage",
            name=self.name,
            text=self.text,
            space=space,
            properties=place,
            version=version,
            derived_from=((self.document, seq),),
            valid_from=self.valid_from,
            keeps=True,
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """Passages of a document that are written together: all of them, or those of a part of a long one."""

    document: NewUnit
    passages: tuple[Piece, ...]
    before: tuple[str, ...] = ()
    """The passage before them, of a part that is not the first."""
    after: tuple[None, ...] = (None,)
    """That nothing comes after them; empty for a part of a document."""


@dataclass
class BatchRows:
    """Units and edges of a batch, each edge once."""

    entities: list[NewUnit] = field(default_factory=list)
    facts: list[NewUnit] = field(default_factory=list)
    evidence: list[Row] = field(default_factory=list)
    mentions: list[Row] = field(default_factory=list)
    about: list[Row] = field(default_factory=list)
    statements: list[Row] = field(default_factory=list)


def document_unit(source: Source, space: str, extractor: str) -> NewUnit:
    """A source as a document unit; its anchor is its URI, its content the hash of its text."""
    extractor = STATED if source.sections else extractor
    return NewUnit(
        id=derived_id(space, "", "Document", source.uri),
        kind="Document",
        name=source.title,
        text="",
        space=space,
        properties={"uri": source.uri, "format": source.format},
        version={"source_sha256": hashlib.sha256(source.original.encode()).hexdigest(), "extractor": extractor},
        keeps=True,
    )


def cut_source(source: Source, document: NewUnit, spans: Callable[[str], Sequence[tuple[int, int]]]) -> Iterator[Piece]:
    """Cut a source into passages, one after the other; a passage's anchor is its text and which occurrence of it.

    An entry of a HippoRAG corpus is a passage already and stays whole.
    """
    if source.sections:
        return _cut_sections(source, document, spans)
    return _cut_text(source, document, spans)


def _cut_text(source: Source, document: NewUnit, spans: Callable[[str], Sequence[tuple[int, int]]]) -> Iterator[Piece]:
    """The passages of a text."""
    cuts: Iterable[Chunk]
    if source.format == "hipporag" and len(source.text) <= LONGEST_ENTRY:
        cuts = [Chunk(source.text, 0, len(source.text))]
    else:
        turns = [(turn.start, turn.end) for turn in source.turns]
        cuts = chunks(source.text, spans, MAX_TOKENS, OVERLAP, whole=turns)
    seen: Counter[bytes] = Counter()
    for ordinal, cut in enumerate(cuts):
        passage = derived_id(document.space or "", source.uri, "Passage", f"{cut.text}\x1e{_again(seen, cut.text)}")
        place = source.locate(cut.start, cut.end)
        page, said = source.page(cut.start), source.time(cut.start, cut.end)
        yield Piece(passage, document.id, source.title, cut.text, ordinal, *place, source.is_titled, page, said)


def _again(seen: Counter[bytes], text: str) -> int:
    """How often a text came before; what is kept of it is short."""
    key = hashlib.sha256(text.encode()).digest()
    seen[key] += 1
    return seen[key] - 1


def _cut_sections(
    source: Source, document: NewUnit, spans: Callable[[str], Sequence[tuple[int, int]]]
) -> Iterator[Piece]:
    """The passages of a graph: of each node its lines, and what they state."""
    seen: Counter[bytes] = Counter()
    ordinal = 0
    for section in source.sections:
        text = source.text[section.start : section.end]
        lines = [(match.start(), match.end()) for match in _LINE.finditer(text)]
        for cut in chunk(text, spans, MAX_TOKENS, whole=lines):
            anchor = f"{section.name}\x1f{cut.text}"
            passage = derived_id(document.space or "", source.uri, "Passage", f"{anchor}\x1e{_again(seen, anchor)}")
            start, end = section.start + cut.start, section.start + cut.end
            first, last = (bisect_left(section.statements, at, key=lambda one: one.at) for at in (start, end))
            stated = section.statements[first:last]
            said = tidy([section.name], [(one.subject, one.predicate, one.object) for one in stated])
            yield Piece(
                passage,
                document.id,
                section.name,
                cut.text,
                ordinal,
                *source.locate(start, end),
                is_titled=True,
                stated=replace(said, times=tuple(one.times for one in stated)),
                is_opening=cut.start == 0,
            )
            ordinal += 1


def batch_rows(pieces: Iterable[Piece], extracted: Mapping[str, Extraction]) -> BatchRows:
    """The entities and facts that passages evidence, and the edges between all of them."""
    rows = BatchRows()
    entities: dict[str, NewUnit] = {}
    facts: dict[str, NewUnit] = {}

    def entity(phrase: str) -> str:
        unit_id = derived_id("", "", "Entity", phrase)
        entities.setdefault(unit_id, NewUnit(id=unit_id, kind="Entity", name=phrase, text=""))
        return unit_id

    for piece in pieces:
        mentioned = Counter(extracted[piece.id].entities)
        said = extracted[piece.id]
        stated: Counter[Triple] = Counter()
        for triple, times in zip(said.triples, said.times or repeat(1, len(said.triples)), strict=True):
            stated[triple] += times
        title = normalise_phrase(piece.title)
        if title and (piece.ordinal == 0 or piece.is_opening):
            mentioned[title] = max(1, mentioned[title])
            rows.about.append({"source": piece.id, "target": entity(title)})
        for phrase, count in sorted(mentioned.items()):
            target = entity(phrase)
            rows.mentions.append({"source": piece.id, "target": target, "count": count})
            rows.evidence.append({"id": target, "source": piece.id, "count": count})
        for (subject, predicate, object_), count in sorted(stated.items()):
            unit_id = derived_id("", "", "Fact", "\x1e".join((subject, predicate, object_)))
            if unit_id not in facts:
                facts[unit_id] = _fact(unit_id, subject, predicate, object_)
                rows.statements.append({"id": unit_id, "subject": entity(subject), "object": entity(object_)})
            rows.evidence.append({"id": unit_id, "source": piece.id, "count": count})
    rows.entities = sorted(entities.values(), key=lambda unit: unit.id)
    rows.facts = sorted(facts.values(), key=lambda unit: unit.id)
    return rows


def part_rows(cuts: Iterable[Cut]) -> tuple[list[Row], list[Row]]:
    """Rows of the edges from documents to passages, and from each passage to the next; its target may be None."""
    parts: list[Row] = []
    order: list[Row] = []
    for cut in cuts:
        ids = [piece.id for piece in cut.passages]
        parts += [{"source": cut.document.id, "target": unit} for unit in ids]
        order += [{"source": a, "target": b} for a, b in pairwise([*cut.before, *ids, *cut.after])]
    return parts, order


def _fact(unit_id: str, subject: str, predicate: str, object_: str) -> NewUnit:
    said = f"{subject} {predicate} {object_}"
    properties = {"subject": subject, "predicate": predicate, "object": object_}
    return NewUnit(id=unit_id, kind="Fact", name=said, text=said, properties=properties)
