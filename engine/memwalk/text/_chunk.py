# SPDX-License-Identifier: Apache-2.0
"""Cutting a text into sentences, and sentences into chunks that a model can take."""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Chunk", "chunk", "chunks", "sentences"]

_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_IDEOGRAPHIC_STOP = re.compile(r"[\u3002\uff01\uff1f\uff61]+[\u300d\u300f\u3011\u3009\u300b\uff09\u201d\u2019]*")
_CLAUSE_END = ".!?;:\u2026\u3002\uff01\uff1f"
_LONGEST_TOKEN = 100
"""Characters. To WordPiece a blob without spaces is one unknown token, however long; here it counts as several."""
_WINDOW = 1 << 18
"""Characters of a paragraph that are looked at together: `sentencex` takes some hundred bytes a sentence."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text: ``source[start:end] == text``."""

    text: str
    start: int
    end: int


class _Unit(NamedTuple):
    """A sentence, or a piece of one, its tokens, and those of the white space before it."""

    start: int
    end: int
    tokens: int
    gap: int


class _Cell(NamedTuple):
    """Characters that cannot be told apart by tokens, and how many tokens they are."""

    start: int
    end: int
    tokens: int


def sentences(text: str) -> list[tuple[int, int]]:
    """Find the sentences of a text.

    A blank line always ends one. Otherwise the rules of `sentencex` decide, which know abbreviations,
    initials, quotes and brackets, and rather leave two sentences together than cut one. Linear in the
    length of the text.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of (int, int)
        Start and end of each sentence, in order, without the white space around it. Together they hold
        every character that is not white space.

    Notes
    -----
    `sentencex` 1.0 panics on some characters of more than one byte, so it is shown a copy of the text
    in ASCII with as many characters, and ideographic full stops are handled here. A paragraph of more
    than 262,144 characters is looked at in stretches of so many, each from the end of a sentence on.
    """
    return list(_sentences(text))


def chunk(
    text: str,
    spans: Callable[[str], Sequence[tuple[int, int]]],
    max_tokens: int,
    overlap: int = 0,
    *,
    whole: Sequence[tuple[int, int]] = (),
) -> list[Chunk]:
    """Cut a text into chunks of whole sentences: all of `chunks` at once, by the same parameters."""
    return list(chunks(text, spans, max_tokens, overlap, whole=whole))


def chunks(
    text: str,
    spans: Callable[[str], Sequence[tuple[int, int]]],
    max_tokens: int,
    overlap: int = 0,
    *,
    whole: Sequence[tuple[int, int]] = (),
) -> Iterator[Chunk]:
    """Cut a text into chunks of whole sentences, one after the other; what is held does not grow with the text.

    Parameters
    ----------
    text : str
        Any text.
    spans : callable
        The tokenizer: gives the character offsets of a text's tokens, without special tokens. It is
        called on one sentence at a time, with the white space before it.
    max_tokens : int
        No chunk has more tokens, counted sentence by sentence. A longer sentence is cut, after
        punctuation if that can be, else between words, else between tokens.
    overlap : int
        Each chunk starts with the last sentences of the one before, as many as fit in so many tokens;
        where not even one does, with its last words.
    whole : sequence of (int, int), optional
        Stretches to be kept whole, repeated ones too, instead of sentences: such as turns of a conversation.
        In order, apart from each other, with all of the text that is not white space. Only one that has
        more than `max_tokens` is cut into sentences.

    Yields
    ------
    Chunk
        In order. Together they hold every character that is not white space.

    Raises
    ------
    InvalidArgument
        `max_tokens` is below 8, or `overlap` is negative or above half of `max_tokens`.
    """
    if max_tokens < 8:
        raise InvalidArgument("max_tokens", max_tokens, "at least 8")
    if not 0 <= overlap <= max_tokens // 2:
        raise InvalidArgument("overlap", overlap, f"0 to {max_tokens // 2}, half of max_tokens")
    return _chunks(text, spans, max_tokens, overlap, whole)


def _chunks(
    text: str,
    spans: Callable[[str], Sequence[tuple[int, int]]],
    max_tokens: int,
    overlap: int,
    whole: Sequence[tuple[int, int]],
) -> Iterator[Chunk]:
    current: list[_Unit] = []
    filled = 0
    for unit in _units(text, spans, max_tokens, max_tokens - overlap, whole):
        if current and filled + unit.gap + unit.tokens > max_tokens:
            yield _joined(text, current)
            current = _carried(text, spans, current, min(overlap, max_tokens - unit.gap - unit.tokens), bool(whole))
            filled = sum(u.gap + u.tokens for u in current)
        filled += unit.tokens + (unit.gap if current else 0)
        current.append(unit)
    if current:
        yield _joined(text, current)


# --- sentences -----------------------------------------------------------------------------------


class _Ascii(dict[int, str]):
    """A translation table that fills itself: one ASCII character that behaves alike for each other one."""

    def __missing__(self, codepoint: int) -> str:
        character = chr(codepoint)
        if codepoint < 128:
            alike = character
        elif character in "\u2028\u2029\x85":
            alike = "\n"
        elif character in "\u061f\uff1f":
            alike = "?"
        elif character in "\uff01\u055c":
            alike = "!"
        elif character in "\u0964\u0965\u06d4\u1362\u2026\u0589\uff0e":
            alike = "."
        else:
            alike = _ASCII_BY_CATEGORY.get(unicodedata.category(character), "a")
        self[codepoint] = alike
        return alike


_ASCII_BY_CATEGORY = {
    "Lu": "A", "Lt": "A", "Nd": "1", "Zs": " ", "Zl": "\n", "Zp": "\n", "Pi": '"', "Pf": '"', "Ps": "(", "Pe": ")",
    "Pd": "-", "Po": ",", "Sc": "$",
}  # fmt: skip
_ASCII = _Ascii()


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _PARAGRAPH_BREAK.finditer(text):
        yield from _sentences_of_paragraph(text, start, match.start())
        start = match.end()
    yield from _sentences_of_paragraph(text, start, len(text))


def _sentences_of_paragraph(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min(start + _WINDOW, end)
        edges = _edges(text[start:stop])
        if stop < end and len(edges) > 2:  # the last sentence may go on behind the stretch
            edges.pop()
        for left, right in itertools.pairwise(edges):
            trimmed = _trimmed(text, start + left, start + right)
            if trimmed[0] < trimmed[1]:
                yield trimmed
        start += edges[-1]


def _edges(paragraph: str) -> list[int]:
    """Where its sentences begin, and where it ends."""
    from sentencex import get_sentence_boundaries

    cuts = {0, len(paragraph)}
    if not paragraph.isspace():
        cuts.update(found["end_index"] for found in get_sentence_boundaries("en", paragraph.translate(_ASCII)))
    if not paragraph.isascii():
        cuts.update(match.end() for match in _IDEOGRAPHIC_STOP.finditer(paragraph))
    return sorted(cuts)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


# --- chunks --------------------------------------------------------------------------------------


def _units(
    text: str,
    spans: Callable[[str], Sequence[tuple[int, int]]],
    max_tokens: int,
    piece_tokens: int,
    whole: Sequence[tuple[int, int]],
) -> Iterator[_Unit]:
    """The sentences, or stretches to keep, those above `max_tokens` in pieces of at most `piece_tokens`."""
    before = 0
    for start, end in _stretches(text, spans, max_tokens, whole):
        cells, first = _measured(text, spans, before, start, end)
        gap = sum(cell.tokens for cell in cells[:first])
        total = sum(cell.tokens for cell in cells[first:])
        if total <= max_tokens:
            yield _Unit(start, end, total, gap)
        else:
            yield from _pieces(text, start, end, cells[first:], piece_tokens, gap)
        before = end


def _stretches(
    text: str,
    spans: Callable[[str], Sequence[tuple[int, int]]],
    max_tokens: int,
    whole: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int]]:
    """The sentences; of a text with stretches to keep these, but sentences of one that is too long."""
    if not whole:
        yield from _sentences(text)
    before = 0
    for start, end in whole:
        cells, first = _measured(text, spans, before, start, end)
        if sum(cell.tokens for cell in cells[first:]) <= max_tokens:
            yield start, end
        else:
            yield from ((start + left, start + right) for left, right in _sentences(text[start:end]))
        before = end


def _measured(
    text: str, spans: Callable[[str], Sequence[tuple[int, int]]], before: int, start: int, end: int
) -> tuple[list[_Cell], int]:
    """The cells of a stretch with the white space before it, and which is the first of its own.

    With the white space: to some tokenizers that is a token, or part of one.
    """
    cells = _cells(spans(text[before:end]), before, end)
    return cells, next((place for place, cell in enumerate(cells) if cell.end > start), len(cells))


def _cells(tokens: Sequence[tuple[int, int]], offset: int, end: int) -> list[_Cell]:
    """Tokens in order; overlapping ones (bytes of one character) together, over-long ones in parts."""
    cells: list[_Cell] = []
    for first, last in tokens:
        start, stop = max(offset + first, offset), min(offset + last, end)
        if cells and start < cells[-1].end:
            before = cells.pop()
            cells.append(_Cell(before.start, max(before.end, stop), before.tokens + 1))
            continue
        while stop - start > _LONGEST_TOKEN:
            cells.append(_Cell(start, start + _LONGEST_TOKEN, 1))
            start += _LONGEST_TOKEN
        cells.append(_Cell(start, stop, 1))
    return cells


def _pieces(text: str, start: int, end: int, cells: Sequence[_Cell], most: int, gap: int) -> Iterator[_Unit]:
    first = 0
    while first < len(cells):
        stop, total = first, 0
        while stop < len(cells) and (stop == first or total + cells[stop].tokens <= most):
            total += cells[stop].tokens
            stop += 1
        cut = stop if stop == len(cells) else _best_cut(text, cells, first, stop)
        until = end if cut == len(cells) else cells[cut].start
        left, right = _trimmed(text, start, until)
        inside = cells[first:cut]
        gap += sum(cell.tokens for cell in inside if cell.end <= left)
        if left < right:
            tokens = sum(cell.tokens for cell in inside if cell.end > left and cell.start < right)
            yield _Unit(left, right, tokens, gap)
            gap = sum(cell.tokens for cell in inside if cell.start >= right)
        start, first = until, cut


def _best_cut(text: str, cells: Sequence[_Cell], first: int, stop: int) -> int:
    """Where to cut in the second half of cells[first:stop]: after punctuation, between words, or at the end."""
    between_words = 0
    for cut in range(stop, first + (stop - first + 1) // 2, -1):
        at = cells[cut].start
        if text[at].isspace() or text[at - 1].isspace():
            between_words = between_words or cut
            if text[cells[cut - 1].end - 1] in _CLAUSE_END:
                return cut
    return between_words or stop


def _carried(
    text: str, spans: Callable[[str], Sequence[tuple[int, int]]], units: Sequence[_Unit], room: int, whole: bool
) -> list[_Unit]:
    """What the next chunk repeats: the last sentences that fit in `room` tokens, or else (unless `whole`) words."""
    taken: list[_Unit] = []
    left = room
    for unit in reversed(units):
        if unit.gap + unit.tokens > left:
            break
        taken.append(unit)
        left -= unit.gap + unit.tokens
    if taken:
        # The whole chunk again would be a chunk within the next one.
        return taken[: len(units) - 1][::-1]
    if whole:
        return []
    last = units[-1]
    cells = _cells(spans(text[last.start : last.end]), last.start, last.end)
    total = 0
    best = None
    for cell in reversed(cells[1:]):
        total += cell.tokens
        if total > room:
            break
        if text[cell.start].isspace() or text[cell.start - 1].isspace():
            best = _Unit(_trimmed(text, cell.start, last.end)[0], last.end, total, 0)
    return [best] if best else []


def _joined(text: str, units: Sequence[_Unit]) -> Chunk:
    start, end = units[0].start, units[-1].end
    return Chunk(text[start:end], start, end)
