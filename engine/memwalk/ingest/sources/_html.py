# SPDX-License-Identifier: Apache-2.0
"""HTML as the text that a reader came for, with the place of each piece of it in the file."""

from __future__ import annotations

import codecs
import html
import re
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from memwalk.errors import SourceEmpty
from memwalk.ingest.sources._source import Markup, Piece, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memwalk.ingest.sources._files import Raw

__all__ = ["from_html", "read_html"]

_SPACE = " \t\n\r\f"
_WORDS = re.compile(rf"[^{_SPACE}]+(?: [^{_SPACE}]+)*")
_DECLARED = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([-\w.:]+)""", re.IGNORECASE)
_DECODED = re.compile(r"(windows|iso-8859|koi8|euc|iso-2022|shift)[-_]|gb|big5|macintosh|ibm866|latin1|us-ascii")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_NEVER = frozenset(
    {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "canvas", "audio", "video"}
    | {"nav", "aside", "button", "select", "textarea", "dialog", "menu"}
)
"""What holds no text, or text about the site and not of the page."""
_NEVER_OUTSIDE = frozenset({"header", "footer"})
"""Of the page, unless they are an article's own."""
_MAIN = frozenset({"main", "article"})
_PARAGRAPHS = frozenset(
    {"address", "article", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure"}
    | {"footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section"}
    | {"summary", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)
_CELLS = frozenset({"td", "th"})


def from_html(raw: Raw) -> Iterator[Source]:
    """A page's main text.

    Raises
    ------
    SourceError
    """
    markup = read_html(raw.text(_encoding(raw.data)))
    if not markup.plain.strip():
        raise SourceEmpty(raw.path, "markup without text")
    yield Source(raw.uri, markup.title or raw.stem, markup.plain, "html", bool(markup.title), markup)


def read_html(text: str) -> Markup:
    """Read the main text of a page.

    That is what stands in ``<main>`` or ``<article>`` where there are any, else in all of the body; without
    navigation, asides, scripts, what is hidden, and the page's own header and footer. White space
    is collapsed except in ``<pre>``. The title is the first ``<h1>`` if the page's ``<title>`` holds it, or
    there is none, else that; a heading that opens the text and is the title is left out of it.

    Parameters
    ----------
    text : str
        The source.

    Returns
    -------
    Markup
    """
    reader = _Reader(text)
    reader.feed(text)
    if not reader.rawdata.startswith("<"):  # else a tag or comment that never ends: as browsers do, no text
        reader.close()
    runs = [run for run in reader.runs if run.is_main] or reader.runs
    number = next((run.heading for run in runs if run.heading), 0)
    heading = " ".join("".join(run.space + run.text for run in runs if number and run.heading == number).split())
    named = " ".join("".join(reader.title).split())
    title = heading if heading and (not named or heading in named) else named
    opening = 0
    while opening < len(runs) and number and runs[opening].heading == number:
        opening += 1
    if heading == title and opening < len(runs):
        runs = runs[opening:]
    return _joined(title, text, runs)


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of text without markup, and what sets it apart from the one before."""

    text: str
    start: int
    end: int
    space: str
    is_main: bool
    heading: int
    """Which ``<h1>`` of the page it stands in, from 1; 0: in none."""


@dataclass(frozen=True, slots=True)
class _Open:
    """An element that has begun, and what that means for the text in it."""

    name: str
    is_left_out: bool
    is_main: bool
    is_pre: bool
    heading: int


class _Reader(HTMLParser):
    """One pass over a page. Elements that are never closed end with what holds them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._open: list[_Open] = [_Open("", is_left_out=False, is_main=False, is_pre=False, heading=0)]
        self._names: Counter[str] = Counter()
        self._in_title = False
        self._headings = 0
        self._space = ""
        self.title: list[str] = []
        self.runs: list[_Run] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self._break(tag)
        if tag == "title" and not self._names["svg"]:
            self._in_title = not self.title
        if tag in _VOID:
            return
        around, said = self._open[-1], dict(attrs)
        is_main = around.is_main or tag in _MAIN or said.get("role") == "main"
        is_hidden = "hidden" in said or said.get("aria-hidden") == "true"
        is_page_own = tag in _NEVER_OUTSIDE and not is_main
        self._headings += tag == "h1"
        heading = self._headings if tag == "h1" else around.heading
        is_left_out = around.is_left_out or tag in _NEVER or is_hidden or is_page_own
        self._open.append(_Open(tag, is_left_out, is_main, around.is_pre or tag == "pre", heading))
        self._names[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An empty element in XHTML's spelling, which HTML takes for a beginning unless it is void."""
        self.handle_starttag(tag, attrs)
        if tag in _NEVER:  # <script/> and <svg/> of XHTML are over
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and with it all that was left open in it."""
        self._break(tag)
        if tag == "title":
            self._in_title = False
        if not self._names[tag]:
            return
        while True:
            closed = self._open.pop()
            self._names[closed.name] -= 1
            if closed.name == tag:
                return

    def handle_data(self, data: str) -> None:
        """Text."""
        start = self._at()
        if self._in_title:
            self.title.append(data)
            return
        if self._open[-1].is_pre:
            for match in re.finditer(r"\r?\n|[^\r\n]+|\r", data):
                if match.group()[-1] in "\r\n":
                    self._set_apart("\n")
                else:
                    self._add(match.group(), start + match.start(), start + match.end())
            return
        end = 0
        for match in _WORDS.finditer(data):
            if match.start() > end:
                self._set_apart(" ")
            self._add(match.group(), start + match.start(), start + match.end())
            end = match.end()
        if end < len(data):
            self._set_apart(" ")

    def handle_entityref(self, name: str) -> None:
        """A named character, or an ampersand that nobody escaped."""
        self._character(f"&{name}")

    def handle_charref(self, name: str) -> None:
        """A character by its number."""
        self._character(f"&#{name}")

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: ARG002  # the parser's own signature
        """Read ``<![...>`` as browsers do: as a comment."""
        return int(self.parse_bogus_comment(i))

    def _character(self, token: str) -> None:
        start = self._at()
        if self._text.startswith(";", start + len(token)):
            token += ";"
        said = html.unescape(token)
        if self._in_title:
            self.title.append(said)
        elif said in _SPACE:
            self._set_apart(" ")
        else:
            self._add(said, start, start + len(token))

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._set_apart("\n\n")
        elif tag == "br":
            self._set_apart("\n")
        elif tag in _CELLS and "\n" not in self._space:
            self._space = " | "

    def _set_apart(self, space: str) -> None:
        """The widest of the breaks between two runs counts."""
        widths = ("", " ", " | ", "\n", "\n\n")
        self._space = max(self._space, space, key=widths.index)

    def _add(self, text: str, start: int, end: int) -> None:
        around = self._open[-1]
        if around.is_left_out or not text:
            return
        self.runs.append(_Run(text, start, end, self._space, around.is_main, around.heading))
        self._space = ""


def _joined(title: str, source: str, runs: Sequence[_Run]) -> Markup:
    """Runs as one text."""
    parts: list[str] = []
    pieces: list[Piece] = []
    length = 0
    for run in runs:
        if parts:
            parts.append(run.space)
            length += len(run.space)
        piece = Piece(length, length + len(run.text), run.start, run.end)
        pieces.append(piece)
        parts.append(run.text)
        length = piece.end
    return Markup(title, "".join(parts), source, tuple(pieces))


def _encoding(data: bytes) -> str:
    """UTF-8, unless the page declares one of the encodings that browsers know."""
    declared = _DECLARED.search(data[:1024])
    if declared is None or data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    name = declared.group(1).decode("ascii").lower()
    if not _DECODED.match(name):
        return "utf-8-sig"
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return "utf-8-sig"
    return "cp1252" if found in {"iso8859-1", "ascii"} else found
