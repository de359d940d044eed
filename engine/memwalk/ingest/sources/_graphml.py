# SPDX-License-Identifier: Apache-2.0
"""GraphML: an existing knowledge graph."""

from __future__ import annotations

import html
import re
import warnings
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest.sources._graph import MAX_COUNT, UNNAMED, Edge, Node, as_words, given, graph_source, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memwalk.ingest.sources._files import Raw
    from memwalk.ingest.sources._source import Source

__all__ = ["from_graphml"]

_NAMES = ("name", "title", "label", "id")
_PREDICATES = ("predicate", "label", "relation", "relationship", "type", "name")
_COUNT = "count"
_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    r"""|<(?:[\w.-]+:)?node\b(?P<opening>(?:[^<>"']|"[^"]*"|'[^']*')*)>|(?P<closing></(?:[\w.-]+:)?node\s*>)""",
    re.DOTALL,
)
_ID = re.compile(r"""\bid\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def from_graphml(raw: Raw) -> Iterator[Source | SourceError]:
    """Nodes as entities, edges as facts.

    A node is named by its attribute ``name``, ``title`` or ``label``, else by its id; an edge's predicate is
    its ``predicate``, ``label``, ``relation``, ``relationship``, ``type`` or ``name``, and ``count`` says how
    often it is stated. Other attributes become words of the text alone. A node that cannot be named is told
    of and left out, with its edges; so is an edge that is counted by no number.

    Raises
    ------
    SourceError
    """
    import networkx as nx

    text = raw.text()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of edge types that are mixed
            graph = nx.parse_graphml(text, force_multigraph=True)
    except (nx.NetworkXError, ParseError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SourceMalformed(raw.path, f"no GraphML: {str(error) or type(error).__name__}") from None
    places = _places(text)
    names = {key: given({**values, "id": key}, _NAMES) for key, values in graph.nodes(data=True)}
    for key, (_, name) in names.items():
        if not name:
            yield SourceMalformed(raw.path, f"node {key!r}: no letter or digit in its name")
    nodes: dict[str, Node] = {}
    for key, values in graph.nodes(data=True):
        field, name = names[key]
        if name:
            nodes[key] = Node(name, *places.get(key, (0, len(text))), _said(values, field))
    for start, end, values in graph.edges(data=True):
        times = _times(values.get(_COUNT))
        if not times:
            yield SourceMalformed(raw.path, f"edge from {start!r} to {end!r}: {_COUNT!r} is no whole number above 0")
        elif start in nodes and end in nodes:
            nodes[start].edges[_edge(values, names[end][1])] += times
    targets = {end for _, end in graph.edges()}
    kept = [node for key, node in nodes.items() if node.edges or node.attributes or key not in targets]
    source = graph_source(raw, "graphml", text, kept)
    if source is None:
        raise SourceEmpty(raw.path, "a graph without nodes")
    yield source


def _edge(values: Mapping[str, Any], target: str) -> Edge:
    field, predicate = given(values, _PREDICATES)
    left = {key: value for key, value in values.items() if key not in {"id", _COUNT}}
    return Edge(predicate if is_name(predicate) else UNNAMED, target, _said(left, field))


def _times(count: Any) -> int:
    """How often an edge is stated; 0 if that makes no sense."""
    if count is None:
        return 1
    is_number = isinstance(count, int | float) and 0 < count < MAX_COUNT and count == int(count)
    return int(count) if is_number else 0


def _said(values: Mapping[str, Any], but: str) -> tuple[tuple[str, str], ...]:
    """The attributes that say something, without one."""
    return tuple((str(key), words) for key, value in values.items() if key != but and (words := as_words(value)))


def _places(text: str) -> dict[str, tuple[int, int]]:
    """Where each node's element stands, by its id; the text must be well-formed."""
    places: dict[str, tuple[int, int]] = {}
    waiting: list[tuple[str, int]] = []
    for match in _TOKEN.finditer(text):
        opening = match["opening"]
        if opening is not None:
            found = _ID.search(opening)
            key = html.unescape(found.group(1) or found.group(2) or "") if found else ""
            if opening.endswith("/"):
                places.setdefault(key, match.span())
            else:
                waiting.append((key, match.start()))
        elif match["closing"] and waiting:
            key, start = waiting.pop()
            places.setdefault(key, (start, match.end()))
    return places
