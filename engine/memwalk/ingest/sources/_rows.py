# SPDX-License-Identifier: Apache-2.0
"""Files of many documents, a row each: HippoRAG's corpus JSON, and JSON Lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest.sources._source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.ingest.sources._files import Raw

__all__ = ["from_corpus", "what_is_wrong"]


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


def what_is_wrong(row: Any, *keys: str) -> str:
    """Why a row that shall have strings under some keys cannot be kept; empty if it can.

    The last key's must hold more than white space.
    """
    if not isinstance(row, dict):
        return "not an object with " + " and ".join(f'"{key}"' for key in keys)
    for key in keys:
        value = row.get(key)
        if not isinstance(value, str):
            return f'"{key}" is missing' if key not in row else f'"{key}" is not a string'
        if "\0" in value:
            return f'"{key}" holds a NUL character'
        try:
            value.encode()
        except UnicodeEncodeError:
            return f'"{key}" holds half of a surrogate pair'
    return "" if row[keys[-1]].strip() else f'"{keys[-1]}" is empty'


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
