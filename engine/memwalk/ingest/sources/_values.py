# SPDX-License-Identifier: Apache-2.0
"""JSON values with their places in a text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JsonRow", "members", "past_space", "rows_of", "what_is_wrong"]

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class JsonRow:
    """A line of JSON Lines.

    Attributes
    ----------
    number : int
        Of the line, from 1.
    offset : int
        Where it begins in the file, in characters.
    text : str
        The line.
    value : object
        What it says.
    wrong : str
        Why it cannot be read; empty if it can.
    """

    number: int
    offset: int
    text: str
    value: Any = None
    wrong: str = ""


def rows_of(text: str) -> Iterator[JsonRow]:
    """The lines of JSON Lines, without those that are blank."""
    offset = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield JsonRow(number, offset, line, json.loads(line))
            except json.JSONDecodeError as error:
                yield JsonRow(number, offset, line, wrong=f"column {error.colno}: {error.msg}")
            except (ValueError, RecursionError) as error:  # a number of too many digits; nested too deep
                yield JsonRow(number, offset, line, wrong=str(error))
        offset += len(line) + 1


def members(text: str, at: int) -> Iterator[tuple[str, Any, int, int]]:
    """Each key and value of the JSON object that begins at a place, and where the value stands; it must be valid."""
    at = past_space(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        start = past_space(text, past_space(text, end) + 1)
        value, end = _DECODER.raw_decode(text, start)
        yield key, value, start, end
        at = past_space(text, end)
        if text[at] == ",":
            at = past_space(text, at + 1)


def past_space(text: str, at: int) -> int:
    """The first place that is not JSON's white space."""
    while text[at] in " \t\n\r":
        at += 1
    return at


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
