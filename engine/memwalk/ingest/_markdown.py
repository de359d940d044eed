# SPDX-License-Identifier: Apache-2.0
"""Markdown as plain text that remembers where each piece of it stood."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Markup", "Piece", "read_markdown"]

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)??(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?|\n")
_REFERENCE = re.compile(r"\]\[[^\[\]]*\]|\]")


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
        From the front matter, else the first heading; empty when there is neither.
    plain : str
        The text without its markup, blocks set apart by blank lines. A heading that opens the text and
        is its title is left out, as the title is known.
    pieces : tuple of Piece
        In order, both of plain text and of source. Plain text between them (breaks between blocks) has
        no source.
    """

    title: str
    plain: str
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


def read_markdown(text: str) -> Markup:
    """Read CommonMark with tables and strike-through.

    HTML, link destinations and front matter are left out; alternative texts of images and code are kept.

    Parameters
    ----------
    text : str
        The source.

    Returns
    -------
    Markup
    """
    front = _FRONT_MATTER.match(text)
    offset = front.end() if front else 0
    given = _FRONT_TITLE.search(front.group()) if front else None
    return _Reader(text, offset, given.group(1).strip("\"' ") if given else "").read()


def _is_literal(piece: Piece) -> bool:
    return piece.end - piece.start == piece.source_end - piece.source_start


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


class _Reader:
    """One pass over the parser's tokens, with a cursor in the source that only moves on."""

    def __init__(self, text: str, offset: int, title: str) -> None:
        self.text = text
        self.title = title
        self.cursor = offset
        self.limit = len(text)
        body = text[offset:]
        ends = [offset, *(offset + match.end() for match in _LINE_END.finditer(body))]
        self.lines = [*ends, len(text)]
        # The parser counts a form feed and the like as text, as it must; NUL would come back as U+FFFD.
        self.tokens = _parser().parse(body)
        self.parts: list[str] = []
        self.length = 0
        self.pieces: list[Piece] = []

    def read(self) -> Markup:
        opening: tuple[int, int, int] | None = None  # parts, length and pieces before the title's heading
        level = ""
        for token in self.tokens:
            if token.map and token.nesting >= 0:
                self._enter(token.map)
            if token.type == "heading_open":
                level = token.tag
            elif token.type in {"fence", "code_block"}:
                self._break("\n\n")
                self._code(token.content)
            elif token.type == "inline":
                starts = level and not self.title
                before = (len(self.parts), self.length, len(self.pieces))
                self._break(self._separator(token))
                mark = self.length
                self._inline(token.children or ())
                if starts:
                    self.title = " ".join("".join(self.parts)[mark:].split())
                    if self.title and not before[1]:
                        opening = (len(self.parts), self.length, len(self.pieces))
                level = ""
            elif token.type in {"tr_open", "th_open", "td_open"}:
                self._cell(token.type)
        return self._result(opening)

    def _result(self, opening: tuple[int, int, int] | None) -> Markup:
        parts, pieces, shift = self.parts, self.pieces, 0
        if opening and self.length > opening[1]:
            parts, pieces, shift = parts[opening[0] :], pieces[opening[2] :], opening[1]
        plain = "".join(parts)
        moved = (Piece(p.start - shift, p.end - shift, p.source_start, p.source_end) for p in pieces)
        return Markup(self.title, plain, tuple(moved))
