# SPDX-License-Identifier: Apache-2.0
"""A document as it was read, and where each piece of its text stands in what it was read from."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Markup", "Piece", "Section", "Source", "Statement", "Turn"]


class Piece(NamedTuple):
    """A stretch of plain text and the stretch of source it came from; of equal length unless it was escaped."""

    start: int
    end: int
    source_start: int
    source_end: int


@dataclass(frozen=True, slots=True)
class Markup:
    """What a reader of a marked-up text reads, and where it stands in the source.

    Attributes
    ----------
    title : str
        What the document says of itself; empty when it does not.
    plain : str
        The text without its markup, blocks set apart by blank lines.
    source : str
        The text with its markup.
    pieces : tuple of Piece
        In order, both of plain text and of source. Plain text between them (breaks between blocks) has
        no source.
    """

    title: str
    plain: str
    source: str
    pieces: tuple[Piece, ...]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Where ``plain[start:end]`` stands in the source: the smallest stretch that holds it."""
        first = bisect.bisect_right(self.pieces, start, key=lambda piece: piece.end)
        last = bisect.bisect_left(self.pieces, end, key=lambda piece: piece.start) - 1
        if last < first:  # nothing but a break: the place between its neighbours
            at = self.pieces[last].source_end if last >= 0 else 0
            return at, at
        opening, closing = self.pieces[first], self.pieces[last]
        source_start, source_end = opening.source_start, closing.source_end
        if start > opening.start and _is_literal(opening):
            source_start += start - opening.start
        if end < closing.end and _is_literal(closing):
            source_end -= closing.end - end
        return source_start, source_end


class Turn(NamedTuple):
    """What one speaker says at a time: a stretch of text that is kept whole where it fits a passage."""

    start: int
    end: int
    at: int | None
    """World time (ms since 1970, UTC); None where the log has none."""


class Statement(NamedTuple):
    """A triple that a source gives as such, and where in its text the line stands that says so."""

    at: int
    subject: str
    predicate: str
    object: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a source that is cut for itself, under its own name: a node of a graph.

    Its lines are kept whole where they fit a passage, and what they say is given: nothing extracts it.
    """

    name: str
    start: int
    end: int
    source_start: int
    source_end: int
    """Its place in the original."""
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One document as it was read.

    Attributes
    ----------
    uri : str
        Its identity: the ``file:`` address of the file; for a row of a file of documents, with what names
        the row as the fragment (``#2`` and so on added where that occurs again).
    title : str
        What the document calls itself, else the file's name without its suffix.
    text : str
        What a reader reads, and what is cut into passages: the file's text, without markup.
    format : str
        One of `memwalk.ingest.sources.FORMATS`.
    is_titled : bool
        Whether the title is the document's own, so that it says what the document is about. A file's name
        does not.
    markup : Markup, optional
        Of a marked-up text: the text as it stands in the file, and where each piece of it stands there.
    pages : tuple of int
        Where in the text each page begins; empty where there are none.
    turns : tuple of Turn
        Of a conversation: who spoke when, in order.
    sections : tuple of Section
        Of a graph: its nodes, in order.
    """

    uri: str
    title: str
    text: str
    format: str
    is_titled: bool = False
    markup: Markup | None = None
    pages: tuple[int, ...] = ()
    turns: tuple[Turn, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def original(self) -> str:
        """The text as it stands in the source: with its markup."""
        return self.markup.source if self.markup else self.text

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original, in characters; of a section, where that does."""
        if self.sections:
            section = self.sections[bisect.bisect_right(self.sections, start, key=lambda one: one.start) - 1]
            return section.source_start, section.source_end
        return self.markup.locate(start, end) if self.markup else (start, end)

    def page(self, start: int) -> int | None:
        """The number of the page, from 1, that holds ``text[start]``; None where there are no pages."""
        return bisect.bisect_right(self.pages, start) or None

    def time(self, start: int, end: int) -> int | None:
        """When the last of what ``text[start:end]`` holds was said; None where that is not known.

        Of several turns the last counts, so that nothing is held to have been known before it was said.
        """
        first = bisect.bisect_right(self.turns, start, key=lambda turn: turn.end)
        last = bisect.bisect_left(self.turns, end, key=lambda turn: turn.start)
        return max((turn.at for turn in self.turns[first:last] if turn.at is not None), default=None)


def _is_literal(piece: Piece) -> bool:
    return piece.end - piece.start == piece.source_end - piece.source_start
