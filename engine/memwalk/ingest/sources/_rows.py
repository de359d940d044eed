# SPDX-License-Identifier: Apache-2.0
"""Files of many documents, a row each: HippoRAG's corpus JSON, and JSON Lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest.sources._chat import from_chat, is_chat
from memwalk.ingest.sources._source import Source
from memwalk.ingest.sources._values import rows_of, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.ingest.sources._files import Raw

__all__ = ["from_corpus", "from_json_lines"]


def from_corpus(raw: Raw) -> Iterator[Source | SourceError]:
    """HippoRAG's corpus: ``[{"title": ..., "text": ...}, ...]``.

    Raises
    ------
    SourceError
    """
    rows = _parsed(raw)
    if not isinstance(rows, list):
        raise SourceMalformed(raw.path, 'expected a list of {"title", "text"} rows')
    if not rows:
        raise SourceEmpty(raw.path, "a list without rows")
    faults = [what_is_wrong(row, "title", "text") for row in rows]
    if len(rows) > 1 and all(faults):  # another file: told once
        raise SourceMalformed(raw.path, f"no row of a corpus among {len(rows)}; row 1: {faults[0]}")
    seen: dict[str, int] = {}
    for number, (row, wrong) in enumerate(zip(rows, faults, strict=True), start=1):
        if wrong:
            yield SourceMalformed(raw.path, f"row {number}: {wrong}")
            continue
        title = row["title"].strip()
        yield Source(f"{raw.uri}#{_anchor(title, seen)}", title, row["text"], "hipporag", bool(title))


def from_json_lines(raw: Raw) -> Iterator[Source | SourceError]:
    """JSON Lines: conversations, or a document a row, ``{"text"}`` with ``title`` and ``id`` where there are any.

    Offsets are in the row's text. A row without ``id`` and ``title`` is known by its number.

    Raises
    ------
    SourceError
    """
    rows = [*rows_of(raw.text())]
    if any(is_chat(row.value) for row in rows):
        yield from from_chat(raw)
        return
    faults = [row.wrong or _what_is_wrong(row.value) for row in rows]
    if len(rows) > 1 and all(faults):  # another file: told once
        raise SourceMalformed(raw.path, f"no row of {len(rows)} is a document; row {rows[0].number}: {faults[0]}")
    seen: dict[str, int] = {}
    for row, wrong in zip(rows, faults, strict=True):
        if wrong:
            yield SourceMalformed(raw.path, f"row {row.number}: {wrong}")
            continue
        title = (row.value.get("title") or "").strip()
        named = row.value.get("id")
        name = (str(named) if named is not None else title).strip()
        anchor = _anchor(name, seen) if name else f"row={row.number}"
        yield Source(f"{raw.uri}#{anchor}", title or raw.stem, row.value["text"], "jsonl", bool(title))


def _what_is_wrong(row: Any) -> str:
    """Why a row of JSON Lines is no document; empty if it is."""
    if isinstance(row, dict):
        named = row.get("id")
        if isinstance(named, bool) or not isinstance(named, str | int | None):
            return '"id" is neither a string nor a whole number'
        return what_is_wrong(row | {"title": row.get("title") or "", "id": str(named)}, "title", "id", "text")
    return 'not an object with "text"'


def _parsed(raw: Raw) -> Any:
    try:
        return json.loads(raw.text())
    except json.JSONDecodeError as error:
        raise SourceMalformed(raw.path, f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of too many digits; nested too deep
        raise SourceMalformed(raw.path, str(error)) from None


def _anchor(name: str, seen: dict[str, int]) -> str:
    """A name as a fragment; where it occurs again, with which time it is."""
    seen[name] = seen.get(name, 0) + 1
    return quote(name) + (f"#{seen[name]}" if seen[name] > 1 else "")
