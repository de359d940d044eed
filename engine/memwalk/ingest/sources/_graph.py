# SPDX-License-Identifier: Apache-2.0
"""A graph that somebody has already, as a document: each node's lines, and what they state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memwalk.ingest.sources._source import Markup, Section, Source, Statement
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memwalk.ingest.sources._files import Raw

__all__ = ["MAX_COUNT", "UNNAMED", "Edge", "Node", "as_words", "given", "graph_source", "is_name"]

UNNAMED = "is linked to"
"""The predicate of an edge that has none."""
MAX_COUNT = 10**9
"""How often an edge may be stated is below this."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge, as it is written down: `attributes` are its others, by name."""

    predicate: str
    target: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Node:
    """A node with its edges to others, each with how often it is there, and where in the file it stands."""

    name: str
    start: int
    end: int
    attributes: tuple[tuple[str, str], ...] = ()
    edges: Counter[Edge] = field(default_factory=Counter)


def as_words(value: Any) -> str:
    r"""A value as it is written in a line.

    >>> as_words(" two\n words"), as_words(True), as_words(None)
    ('two words', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).replace("\0", " ").split())


def is_name(words: str) -> bool:
    """Whether words can name an entity, or a predicate: they hold a letter or digit."""
    return bool(normalise_phrase(words))


def graph_source(raw: Raw, file_format: str, text: str, nodes: Iterable[Node]) -> Source | None:
    """The graph as a document; None if it has no node.

    A node's text is a line for each attribute (``born: 1815``) and each edge (``Ada -[wrote]-> Notes``, with
    the edge's attributes in brackets), or its name where it has none of these.
    """
    parts: list[str] = []
    sections: list[Section] = []
    at = 0
    for node in nodes:
        lines = [f"{name}: {value}" for name, value in node.attributes]
        statements: list[Statement] = []
        start = at + sum(len(line) + 1 for line in lines)
        for edge, times in node.edges.items():
            line = _line(node.name, edge, times)
            statements.append(Statement(start, node.name, edge.predicate, edge.target, times))
            lines.append(line)
            start += len(line) + 1
        said = "\n".join(lines or [node.name])
        parts.append(said)
        sections.append(Section(node.name, at, at + len(said), node.start, node.end, tuple(statements)))
        at += len(said) + 2
    if not sections:
        return None
    plain = "\n\n".join(parts)
    markup = Markup("", plain, text, ())
    return Source(raw.uri, raw.stem, plain, file_format, markup=markup, sections=tuple(sections))


def _line(name: str, edge: Edge, times: int) -> str:
    said = ", ".join(f"{key}: {value}" for key, value in edge.attributes)
    return f"{name} -[{edge.predicate}]-> {edge.target}" + (f" ({said})" if said else "") + _times(times)


def _times(times: int) -> str:
    return f" \u00d7{times}" if times > 1 else ""


def given(values: Mapping[str, Any], names: Iterable[str]) -> tuple[str, str]:
    """The first of some names, whatever their case, that has a value that can name something; and that value."""
    by_name = {key.casefold(): key for key in values}
    for name in names:
        key = by_name.get(name)
        if key is not None and is_name(as_words(values[key])):
            return key, as_words(values[key])
    return "", ""
