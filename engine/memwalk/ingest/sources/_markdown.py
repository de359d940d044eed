# SPDX-License-Identifier: Apache-2.0
"""Markdown as plain text that remembers where each piece of it stood."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from memwalk.ingest.sources._source import Markup, Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)??(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?|\n")


def read_markdown(text: str) -> Markup:
    """Read CommonMark with tables and strike-through.

    HTML, link destinations and front matter are left out; alternative texts of images and code are kept.
    The title is that of the front matter, else the first heading; a heading that opens the text and is its
    title is left out of it, as the title is known.

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
    title = given.group(1).strip("\"' ") if given else ""
    body = text[offset:]
    tokens = _parser().parse(body)
    lines = [offset, *(offset + match.end() for match in _LINE_END.finditer(body)), len(text)]
    read = _Reader(text, lines, title)
    read.blocks(tokens, without_title=True)
    if not read.pieces and read.title and not title:  # nothing but the heading
        read = _Reader(text, lines, "")
        read.blocks(tokens, without_title=False)
    return Markup(read.title, "".join(read.parts), text, tuple(read.pieces))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Joined texts would hide which characters were escaped.
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("text_join")


class _Reader:
    """One pass over the parser's tokens, with a cursor in the source that only moves on."""

    def __init__(self, text: str, lines: Sequence[int], title: str) -> None:
        self.text = text
        self.lines = lines
        self.title = title
        self.cursor = lines[0]
        self.limit = len(text)
        self.break_before = ""
        self.parts: list[str] = []
        self.length = 0
        self.pieces: list[Piece] = []

    def blocks(self, tokens: Iterable[Token], *, without_title: bool) -> None:
        is_heading = is_first_cell = False
        for token in tokens:
            if token.map:
                self.cursor = max(self.cursor, self.lines[token.map[0]])
                self.limit = self.lines[min(token.map[1], len(self.lines) - 1)]
            if token.type in {"heading_open", "paragraph_open", "fence", "code_block"}:
                self.break_before = "\n\n"
                is_heading = token.type == "heading_open"
            elif token.type in {"th_open", "td_open"}:
                self.break_before = "\n\n" if is_first_cell else " | "
            is_first_cell = token.type == "tr_open"
            if token.type == "inline":
                self._text(token, is_title=is_heading and not self.title, without_title=without_title)
            elif token.type in {"fence", "code_block"}:
                self._code(token)

    def _text(self, token: Token, *, is_title: bool, without_title: bool) -> None:
        opens = len(self.parts)
        self._inline(token.children or ())
        if is_title:
            self.title = " ".join("".join(self.parts[opens:]).split())
            if self.title and without_title and not opens:
                self.parts, self.length, self.pieces = [], 0, []

    def _code(self, token: Token) -> None:
        for line in token.content.splitlines():
            self._locate_or_words(line)
            self.break_before = "\n"

    def _inline(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            if token.type in {"softbreak", "hardbreak"}:
                end = _LINE_END.search(self.text, self.cursor, self.limit)
                if end:
                    self.cursor = end.end()
                self.break_before = "\n"
            elif token.type == "text_special":
                at = self.text.find(token.markup, self.cursor, self.limit)
                self._add(token.content, at, len(token.markup))
            elif token.type == "html_inline":
                at = self.text.find(token.content, self.cursor, self.limit)
                self.cursor = at + len(token.content) if at >= 0 else self.cursor
            elif token.type == "image":
                self._inline(token.children or ())
                self._skip_destination()
            elif token.type == "link_close":
                if not token.markup:  # not <https://...>
                    self._skip_destination()
            elif token.content:
                self._locate_or_words(token.content)

    def _locate_or_words(self, content: str) -> None:
        at = self.text.find(content, self.cursor, self.limit)
        if at >= 0:
            self._add(content, at, len(content))
            return
        for i, word in enumerate(content.split()):  # code over several lines, or with tabs
            if i:
                self.break_before = " "
            self._add(word, self.text.find(word, self.cursor, self.limit), len(word))

    def _add(self, content: str, at: int, source_length: int) -> None:
        """Append plain text; `at` is -1 for what cannot be found, such as the decoded text of a link."""
        if not content:
            return
        if at < 0:
            at, source_length = self.cursor, 0
        if self.break_before and self.parts:
            self.parts.append(self.break_before)
            self.length += len(self.break_before)
        self.break_before = ""
        self.parts.append(content)
        self.pieces.append(Piece(self.length, self.length + len(content), at, at + source_length))
        self.length += len(content)
        self.cursor = at + source_length

    def _skip_destination(self) -> None:
        """Move past ``](destination "title")`` or ``][reference]``."""
        helpers = _parser().helpers
        close = self.text.find("]", self.cursor, self.limit)
        if close < 0:
            return
        self.cursor = close + 1
        following = self.text[self.cursor : self.cursor + 1]
        if following == "[":
            reference = self.text.find("]", self.cursor, self.limit)
            self.cursor = reference + 1 if reference >= 0 else self.cursor
        elif following == "(":
            at = self._past_space(self.cursor + 1)
            destination = helpers.parseLinkDestination(self.text, at, self.limit)
            at = self._past_space(destination.pos if destination.ok else at)
            title = helpers.parseLinkTitle(self.text, at, self.limit)
            at = self._past_space(title.pos if title.ok else at)
            if self.text[at : at + 1] == ")":
                self.cursor = at + 1

    def _past_space(self, at: int) -> int:
        while at < self.limit and self.text[at].isspace():
            at += 1
        return at
