# SPDX-License-Identifier: Apache-2.0
"""Logs of conversations: a conversation is one document, made of turns."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest.sources._source import Markup, Piece, Source, Turn
from memwalk.ingest.sources._values import members, past_space, rows_of, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.ingest.sources._files import Raw

__all__ = ["from_chat", "is_chat"]

_CHARACTERS = re.compile(
    r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\"]+', re.DOTALL
)
"""What a JSON string is made of: a pair of surrogates, an escape, or characters as they are."""
_MILLISECONDS = 1e11
"""A number of this size or above counts milliseconds: as seconds it would be after the year 5000."""


class _RowError(ValueError):
    """A row, or a message in one, cannot be kept; the message says why."""


@dataclass(slots=True)
class _Talk:
    """A conversation while it is read."""

    uri: str
    title: str
    is_titled: bool
    text: list[str] = field(default_factory=list)
    length: int = 0
    turns: list[Turn] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    source_length: int = 0

    def say(self, row: str, offset: int, message: dict[str, Any], literal: tuple[int, int]) -> None:
        """Add a turn; `row` is the text that holds it, `offset` where that stands in the original."""
        opening = ("\n\n" if self.text else "") + f"{' '.join(message['role'].split())}: "
        start = self.length + (2 if self.text else 0)
        self.text.append(opening + message["content"])
        at = self.length + len(opening)
        self.length = at + len(message["content"])
        end = at + len(message["content"].rstrip())
        self.turns.append(Turn(start, end, _time(message.get("time"))))
        for match in _CHARACTERS.finditer(row, literal[0] + 1, literal[1] - 1):
            said = json.loads(f'"{match.group()}"') if match.group()[0] == "\\" else match.group()
            self.pieces.append(Piece(at, at + len(said), offset + match.start(), offset + match.end()))
            at += len(said)

    def keep(self, row: str) -> int:
        """Take a row into the original; returns where it stands there."""
        offset = self.source_length
        self.rows.append(row)
        self.source_length += len(row) + 1
        return offset

    def source(self, original: str) -> Source:
        """The document."""
        text = "".join(self.text)
        markup = Markup(self.title, text, original, tuple(self.pieces))
        return Source(self.uri, self.title, text, "chat", self.is_titled, markup, turns=tuple(self.turns))


def is_chat(row: object) -> bool:
    """Whether a row is a turn or a conversation."""
    return isinstance(row, dict) and ("messages" in row or ("role" in row and "content" in row))


def from_chat(raw: Raw) -> Iterator[Source | SourceError]:
    """Conversations from JSON Lines.

    A row is a turn, ``{"role", "content"}`` with ``time`` (ISO 8601, or seconds or milliseconds since 1970)
    and ``conversation`` (its name; without it the file is one conversation) where there are any; or a whole
    conversation, ``{"messages": [turns]}`` with ``id`` and ``title`` where there are any.

    Raises
    ------
    SourceError
    """
    text = raw.text()
    talks: dict[str, _Talk] = {}
    for row in rows_of(text):
        if row.wrong:
            yield SourceMalformed(raw.path, f"row {row.number}: {row.wrong}")
            continue
        try:
            if isinstance(row.value, dict) and "messages" in row.value:
                yield from _whole(raw, row.number, row.text, row.value)
            else:
                _turn(raw, talks, row.text, row.offset, row.value)
        except _RowError as error:
            yield SourceMalformed(raw.path, f"row {row.number}: {error}")
    for name, talk in talks.items():
        # Rows of other conversations shall not count as a change of this one.
        yield talk.source("\n".join(talk.rows) if name else text)


def _turn(raw: Raw, talks: dict[str, _Talk], row: str, offset: int, value: Any) -> None:
    """Add a row to the conversation that it is a turn of."""
    _check(value)
    name = value.get("conversation")
    if not isinstance(name, str | int | None) or isinstance(name, bool):
        raise _RowError('"conversation" is not a name')
    name = _checked("conversation", "" if name is None else str(name))
    uri, title = (f"{raw.uri}#{quote(name)}", f"{raw.stem} {name}") if name else (raw.uri, raw.stem)
    literal = _place(row, row.index("{"), "content")
    talk = talks.setdefault(name, _Talk(uri, title, is_titled=False))
    talk.say(row, talk.keep(row) if name else offset, value, literal)


def _whole(raw: Raw, number: int, row: str, value: dict[str, Any]) -> Iterator[Source | SourceError]:
    """A row that is a whole conversation."""
    anchor = value.get("id")
    anchor = _checked("id", str(anchor)) if isinstance(anchor, str | int) and str(anchor).strip() else f"row={number}"
    given = value.get("title")
    title = _checked("title", given.strip()) if isinstance(given, str) else ""
    talk = _Talk(f"{raw.uri}#{quote(anchor, safe='=')}", title or f"{raw.stem} {anchor}", bool(title))
    if not isinstance(value["messages"], list):
        raise _RowError('"messages" is not a list')
    at, _ = _place(row, row.index("{"), "messages")
    for place, (message, start) in enumerate(_elements(row, at), start=1):
        try:
            _check(message)
        except _RowError as error:
            yield SourceMalformed(raw.path, f"row {number}, message {place}: {error}")
            continue
        talk.say(row, 0, message, _place(row, start, "content"))
    if not talk.turns:
        yield SourceEmpty(raw.path, f"row {number}: a conversation without turns")
        return
    yield talk.source(row)


def _place(text: str, at: int, wanted: str) -> tuple[int, int]:
    """Where the value of a key stands that the JSON object at a place has; of several equal keys the last counts."""
    places = {key: (start, end) for key, _, start, end in members(text, at)}
    return places[wanted]


def _elements(text: str, at: int) -> Iterator[tuple[Any, int]]:
    """The elements of the JSON list that begins at a place, and where each does."""
    decoder = json.JSONDecoder()
    at = past_space(text, at + 1)
    while text[at] != "]":
        value, end = decoder.raw_decode(text, at)
        yield value, at
        at = past_space(text, end)
        if text[at] == ",":
            at = past_space(text, at + 1)


def _checked(key: str, name: str) -> str:
    """A name that can be stored; blank is as good as none.

    Raises
    ------
    _RowError
    """
    wrong = what_is_wrong({key: name, "": "-"}, key, "")
    if wrong:
        raise _RowError(wrong)
    return name


def _check(message: Any) -> None:
    wrong = what_is_wrong(message, "role", "content")
    if wrong:
        raise _RowError(wrong)
    if not message["role"].strip():
        raise _RowError('"role" is empty')
    _time(message.get("time"))


def _time(value: Any) -> int | None:
    """World time in milliseconds.

    Raises
    ------
    _RowError
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            said = datetime.fromisoformat(value)
            return round((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() * 1000)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            at = round(value if abs(value) >= _MILLISECONDS else value * 1000)
            if abs(at) < 2**62:
                return at
    except (ValueError, OverflowError):
        pass
    raise _RowError(f'"time" is no time: {json.dumps(value)[:60]}')
