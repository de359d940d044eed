# SPDX-License-Identifier: Apache-2.0
"""CSV edge lists: an existing knowledge graph, a row an edge."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest.sources._graph import MAX_COUNT, UNNAMED, Edge, Node, as_words, graph_source, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memwalk.ingest.sources._files import Raw
    from memwalk.ingest.sources._source import Source

__all__ = ["from_edges"]

_SOURCES = ("source", "subject", "head", "from", "start", "start id", "src")
_TARGETS = ("target", "object", "tail", "to", "end", "end id", "dst")
_PREDICATES = ("predicate", "relation", "relationship", "label", "type", "edge")
_COUNT = "count"
_KINDS_OF_EDGE = frozenset({"directed", "undirected"})
"""What Gephi writes under Type."""
_DELIMITERS = ",\t;|"


class _Row(NamedTuple):
    """A row with its number (1 is the header) and its place in the text."""

    number: int
    cells: list[str]
    start: int
    end: int


class _Columns(NamedTuple):
    """Which column is what; None where there is none."""

    source: int
    target: int
    predicate: int | None
    times: int | None


def from_edges(raw: Raw) -> Iterator[Source | SourceError]:
    """A table with a header, comma, tab, semicolon or bar between its cells.

    One column is the ``source`` (``subject``, ``head``, ``from``), one the ``target`` (``object``, ``tail``,
    ``to``), and, where there are any, one the ``predicate`` (``relation``, ``label``, ``type``) and one the
    ``count``. Other columns become words of the text alone. Rows that name nothing are told of.

    Raises
    ------
    SourceError
    """
    text = raw.text()
    delimiter, header, columns = _header(raw, text)
    nodes: dict[str, Node] = {}
    try:
        for row in _rows(text, delimiter):
            if row.number == 1:
                continue
            wrong = _what_is_wrong(row.cells, header, columns)
            if wrong:
                yield SourceMalformed(raw.path, f"row {row.number}: {wrong}")
                continue
            name, edge, times = _edge(row.cells, header, columns)
            node = nodes.setdefault(name, Node(name, row.start, row.end))
            node.end = row.end
            node.edges[edge] += times
    except csv.Error as error:
        raise SourceMalformed(raw.path, f"no CSV: {error}") from None
    source = graph_source(raw, "csv", text, nodes.values())
    if source is None:
        raise SourceEmpty(raw.path, "a table without a row that is an edge")
    yield source


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """The rows that are not blank; a quoted cell may hold line breaks."""
    lines = [*io.StringIO(text, newline="")]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    before = number = 0
    for cells in reader:
        start, before = starts[before], reader.line_num
        if any(cell.strip() for cell in cells):
            number += 1
            said = text[start : starts[before]]
            yield _Row(number, cells, start, start + len(said.rstrip("\r\n")))


def _header(raw: Raw, text: str) -> tuple[str, list[str], _Columns]:
    """How the table is written, and what its columns are.

    Raises
    ------
    SourceMalformed
    """
    found: list[str] = []
    for delimiter in _DELIMITERS:
        try:
            header = next(_rows(text, delimiter)).cells
        except csv.Error:
            continue
        except StopIteration:
            break
        names = [" ".join(cell.casefold().replace("_", " ").replace(":", " ").split()) for cell in header]
        source, target = _column(names, _SOURCES), _column(names, _TARGETS)
        if source is not None and target is not None:
            named = [names.index(name) for name in _PREDICATES if name in names]
            usable = [column for column in named if not _is_kind_of_edge(text, delimiter, column)]
            return delimiter, header, _Columns(source, target, next(iter(usable), None), _column(names, (_COUNT,)))
        found = max(found, header, key=len)
    told = ", ".join(cell.strip()[:40] for cell in found[:8])
    raise SourceMalformed(
        raw.path, f"no edge list: expected a header such as source,predicate,target; its first row is: {told}"
    )


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _is_kind_of_edge(text: str, delimiter: str, column: int) -> bool:
    """Whether a column only says which edges have a direction."""
    for row in _rows(text, delimiter):
        if row.number > 1:
            return column < len(row.cells) and row.cells[column].strip().casefold() in _KINDS_OF_EDGE
    return False


def _what_is_wrong(cells: Sequence[str], header: Sequence[str], columns: _Columns) -> str:
    """Why a row is no edge; empty if it is."""
    if len(cells) != len(header):
        return f"{len(cells)} cells instead of {len(header)}"
    for column in (columns.source, columns.target):
        if not is_name(cells[column]):
            return f"no letter or digit in {header[column].strip()!r}"
    if columns.times is not None:
        count = cells[columns.times].strip()
        if count and not (count.isascii() and count.isdigit() and len(count) < 10 and 0 < int(count) < MAX_COUNT):
            return f"{header[columns.times].strip()!r} is no whole number above 0"
    return ""


def _edge(cells: Sequence[str], header: Sequence[str], columns: _Columns) -> tuple[str, Edge, int]:
    """The name that a row's edge begins at, the edge, and how often it is stated."""
    predicate = "" if columns.predicate is None else as_words(cells[columns.predicate])
    count = "" if columns.times is None else cells[columns.times].strip()
    others = tuple(
        (as_words(header[column]), as_words(cell))
        for column, cell in enumerate(cells)
        if column not in columns and as_words(cell)
    )
    edge = Edge(predicate if is_name(predicate) else UNNAMED, as_words(cells[columns.target]), others)
    return as_words(cells[columns.source]), edge, int(count or 1)
