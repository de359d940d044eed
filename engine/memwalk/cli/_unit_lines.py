# SPDX-License-Identifier: Apache-2.0
"""JSON Lines of units and of changes: each bad line is told with its number, and then nothing is stored."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from memwalk.cli._times import parse_time
from memwalk.errors import InvalidArgument, SourceEmpty, SourceMalformed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["given_time", "read_lines"]

_TOLD = 20
_LONGEST = 16 << 20
"""Characters of a line; a unit that says more is a document to be added as a file."""


def read_lines(source: str, check: Callable[[dict[str, Any]], object], now: int) -> list[dict[str, Any]]:
    """The JSON objects of a file, or of standard input (``-``), one a line; empty lines are left out.

    Parameters
    ----------
    source : str
    check : callable
        Raises `InvalidArgument` for an object that has no meaning.
    now : int
        The present (ms), for times such as ``2d ago``.

    Raises
    ------
    SourceError
        The file cannot be read, or holds nothing, or a line is none of what it shall be: all are told.
    """
    from memwalk.ingest import read_text_file

    name = "standard input" if source == "-" else source
    text = sys.stdin.read() if source == "-" else read_text_file(Path(source).expanduser())
    found, faults = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = _object(line, now)
            check(values)
        except InvalidArgument as error:
            faults.append(f"line {number}: {error}")
        else:
            found.append(values)
    if faults:
        more = f"; and {len(faults) - _TOLD} more lines" if len(faults) > _TOLD else ""
        raise SourceMalformed(name, f"nothing was stored: {'; '.join(faults[:_TOLD])}{more}")
    if not found:
        raise SourceEmpty(name)
    return found


def given_time(text: str | None, now: int, option: str) -> int | None:
    """A time that was typed, or none."""
    return None if text is None else parse_time(text, now, option=option)


def _object(line: str, now: int) -> dict[str, Any]:
    """One JSON object; times may be written as people type them."""
    if len(line) > _LONGEST:
        raise InvalidArgument("line", f"{len(line)} characters", f"at most {_LONGEST}")
    try:
        values = json.loads(line, parse_constant=_no_number)
    except RecursionError:
        raise InvalidArgument("line", line[:40], "JSON that is nested less deep") from None
    except ValueError as error:
        raise InvalidArgument("line", line[:40], f"a JSON object ({error})") from None
    if not isinstance(values, dict):
        raise InvalidArgument("line", line[:40], "a JSON object")
    for name in ("valid_from", "valid_to"):
        if isinstance(values.get(name), str):
            try:
                values[name] = parse_time(values[name], now, option=name)
            except typer.BadParameter as error:
                raise InvalidArgument(name, values[name], error.message) from None
    return values


def _no_number(constant: str) -> None:
    raise ValueError(constant)
