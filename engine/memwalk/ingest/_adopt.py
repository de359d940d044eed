# SPDX-License-Identifier: Apache-2.0
"""Somebody's graph as documents: a node's statements, and its texts, under addresses that stay the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from memwalk.errors import InvalidArgument, SourceEmpty, SourceError, SourceMalformed
from memwalk.ingest._prune import Vanished
from memwalk.ingest.sources import Section, Source, Statement
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from memwalk.ingest._mapping import GraphMapping, NodeMapping
    from memwalk.progress import Progress
    from memwalk.store import Store

__all__ = ["find_vanished_below", "graph_address", "read_graph"]

_TOLD_EVERY = 500
_FORMAT = "neo4j"
Fact = tuple[str, str, str]
"""Predicate, object, and what is said of it beside (a relationship's properties)."""


@dataclass
class _Node:
    """One node, or several of one label and key."""

    name: str
    uri: str
    facts: Counter[Fact] = field(default_factory=Counter)
    texts: list[tuple[str, str]] = field(default_factory=list)


def graph_address(mapping: GraphMapping) -> str:
    """What the addresses of all documents of a graph begin with."""
    return f"neo4j:{quote(mapping.name, safe='')}/"


def read_graph(
    foreign: Store, mapping: GraphMapping, progress: Progress | None = None
) -> tuple[list[Source], list[SourceError]]:
    """Read a graph, and leave it as it is: the server is asked in read-only sessions.

    A node becomes a document of what it states, and one of each text that it holds.

    Parameters
    ----------
    foreign : Store
        A database of Neo4j 5.21 or later.
    mapping : GraphMapping
    progress : Progress, optional

    Returns
    -------
    sources, skipped
        By address; and the nodes that cannot be named.

    Raises
    ------
    InvalidArgument
        It is one of memwalk's own stores, whose rights would be lost on the way.
    SourceEmpty
        It has no node of these labels: probably it is another database than was meant.
    StoreError
    """
    if foreign.read("store/get_store")[0]["uuid"] is not None:
        raise InvalidArgument("uri", foreign.uri, "somebody else's graph; `memwalk export` and `import` move a store")
    nodes: dict[str, _Node] = {}
    skipped: list[SourceError] = []
    names = sorted({node.name for node in mapping.nodes.values()})
    rows = foreign.stream(
        "adopt/stream_nodes", labels=list(mapping.nodes), types=list(mapping.relationships), names=names
    )
    for count, row in enumerate(rows, start=1):
        label = _label(mapping, row["labels"])
        name = _words(row["properties"].get(mapping.nodes[label].name))
        if normalise_phrase(name):
            _take(nodes, mapping, names, label, name, row)
        else:
            what = f"{label} {row['id']}: its {mapping.nodes[label].name!r} holds no letter or digit"
            skipped.append(SourceMalformed(foreign.uri, what))
        if progress and count % _TOLD_EVERY == 0:
            progress("nodes", count, None)
    if not nodes:
        raise SourceEmpty(foreign.uri, f"no named node of {', '.join(mapping.nodes)}: nothing was added or retired")
    sources = [source for uri in sorted(nodes) for source in _sources(nodes[uri])]
    return sources, sorted(skipped, key=str)


def find_vanished_below(store: Store, space: str, address: str, read: Collection[str]) -> list[Vanished]:
    """The live documents of a space whose addresses begin so and that were not read now."""
    rows = store.read("units/list_documents_below", space=space, uri=address, prefixes=[address])
    return [Vanished(row["id"], row["seq"]) for row in rows if row["uri"] not in read]


def _take(
    nodes: dict[str, _Node], mapping: GraphMapping, names: list[str], label: str, name: str, row: Mapping[str, Any]
) -> None:
    """Add what one row says."""
    means, properties = mapping.nodes[label], row["properties"]
    key = _words(properties.get(means.key)) or name
    uri = f"{graph_address(mapping)}{quote(label, safe='')}/{quote(key, safe='')}"
    node = nodes.setdefault(uri, _Node(name, uri))
    node.name = min(node.name, name)  # of several with one key, whatever order they come in
    node.facts.update(_facts(means, properties))
    for relationship in row["relationships"]:
        target = mapping.nodes[_label(mapping, relationship["labels"])].name
        said = _words(relationship["names"][names.index(target)])
        if normalise_phrase(said):
            beside = ", ".join(
                f"{key}: {_words(value)}" for key, value in sorted(relationship["properties"].items()) if _words(value)
            )
            node.facts[mapping.relationships[relationship["type"]], said, beside] += 1
    for text in means.text:
        value = properties.get(text)
        if isinstance(value, str) and value.strip():
            node.texts.append((text, value.replace("\0", " ")))


def _facts(means: NodeMapping, properties: Mapping[str, Any]) -> Iterable[Fact]:
    if means.kind and normalise_phrase(means.kind):
        yield "is", means.kind, ""
    for name, predicate in means.facts:
        value = properties.get(name)
        for one in value if isinstance(value, list) else [value]:
            if normalise_phrase(_words(one)):
                yield predicate, _words(one), ""


def _sources(node: _Node) -> Iterable[Source]:
    """A node's documents."""
    lines: list[str] = []
    statements: list[Statement] = []
    at = 0
    for (predicate, target, beside), times in sorted(node.facts.items()):
        statements.append(Statement(at, node.name, predicate, target, times))
        line = f"{node.name} {predicate} {target}" + (f" ({beside})" if beside else "")
        lines.append(line + (f" \u00d7{times}" if times > 1 else ""))
        at += len(lines[-1]) + 1
    text = "\n".join(lines or [node.name])
    section = Section(node.name, 0, len(text), 0, len(text), tuple(statements))
    yield Source(node.uri, node.name, text, _FORMAT, is_titled=True, sections=(section,))
    seen: Counter[str] = Counter()
    for name, text in sorted(node.texts):
        seen[name] += 1
        again = f"#{seen[name]}" if seen[name] > 1 else ""
        yield Source(f"{node.uri}/{quote(name, safe='')}{again}", node.name, text, _FORMAT, is_titled=True)


def _label(mapping: GraphMapping, labels: Iterable[str]) -> str:
    """The first label of the mapping that a node has."""
    held = set(labels)
    return next(label for label in mapping.nodes if label in held)


def _words(value: Any) -> str:
    """A property's value in words."""
    if value is None or isinstance(value, bytes | bytearray):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_words, value)))
    if hasattr(value, "iso_format"):  # the driver's dates and times
        return str(value.iso_format())
    return " ".join(str(value).replace("\0", " ").split())
