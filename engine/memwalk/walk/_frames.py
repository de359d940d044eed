# SPDX-License-Identifier: Apache-2.0
"""All of a walk graph that one principal may read, for other graph programs: networkx, igraph, pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memwalk.errors import NotInstalled
from memwalk.store import FOREVER
from memwalk.walk._nodes import KINDS
from memwalk.walk._profile import DEFAULT_PROFILE
from memwalk.walk._records import TEXTS
from memwalk.walk._row_kernels import entries_of
from memwalk.walk._rows import EDGE_TYPES, EVIDENCE, FACT, NEXT, SIMILAR_TO, UNIT, Edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import igraph
    import networkx as nx
    import pandas as pd

    from memwalk.store import Reader
    from memwalk.walk._profile import Profile
    from memwalk.walk._readable import ReadableGraph

__all__ = [
    "Frames",
    "UnitDetail",
    "Whole",
    "describe_whole",
    "read_details",
    "to_frames",
    "to_igraph",
    "to_networkx",
    "whole_graph",
]

_PAGE = 10_000


class WholeUnit(NamedTuple):
    """A unit of the walk graph."""

    id: str
    kind: str
    space: str
    """Empty for entities and facts: they belong to their evidence."""


class WholeEdge(NamedTuple):
    """An edge of the walk graph; a walk goes over it from both ends."""

    source: str
    target: str
    type: str
    weight: float
    """Its own times its type's factor; 0 for a fact about one entity alone, which is not walked over."""
    fact: str = ""
    """The fact that a FACT edge stands for."""
    times: int | None = None
    """How often readable passages state that fact."""


class WholeEvidence(NamedTuple):
    """A passage that states a fact, and how often."""

    fact: str
    passage: str
    times: int


class Whole(NamedTuple):
    """All that somebody may read of a walk graph, in canonical order: units by kind and id."""

    units: list[WholeUnit]
    edges: list[WholeEdge]
    """From passages to entities, from a fact's subject to its object; NEXT and SIMILAR_TO from the lower id."""
    evidence: list[WholeEvidence]


class UnitDetail(NamedTuple):
    """What the store says of a unit."""

    name: str
    text: str
    predicate: str = ""
    """Of a fact."""
    next: Sequence[str] = ()
    """The passages that follow a passage."""


class Frames(NamedTuple):
    """A walk graph as pandas data frames.

    Attributes
    ----------
    units : pandas.DataFrame
        Indexed by ``id``: ``kind``, ``space``, ``name``, ``text``.
    edges : pandas.DataFrame
        ``source``, ``target``, ``type``, ``weight``; of facts ``fact``, ``predicate``, ``count``.
    evidence : pandas.DataFrame
        Which passage states which fact how often: ``fact``, ``passage``, ``count``.
    """

    units: pd.DataFrame
    edges: pd.DataFrame
    evidence: pd.DataFrame


def whole_graph(graph: ReadableGraph, profile: Profile = DEFAULT_PROFILE) -> Whole:
    """All units and edges that may be read; costs what exists.

    Parameters
    ----------
    graph : ReadableGraph
    profile : Profile
        Whose weights the edges have.
    """
    nodes = graph.graph.nodes
    seen = [node for node in nodes.live().tolist() if graph.graph.can_see(node, graph.mask)]
    place = {node: number for number, node in enumerate(seen)}
    units = [WholeUnit(nodes.id(node), KINDS[nodes.kind[node]], graph.graph.space_of(node)) for node in seen]
    evidence = sorted(
        WholeEvidence(units[place[node]].id, nodes.id(target), weight // UNIT)
        for node in seen
        if KINDS[nodes.kind[node]] == "Fact"
        for (_, _, _, target, _), weight in graph.graph.row(node, (EVIDENCE,), graph.mask).items()
    )
    return Whole(units, _edges(graph, profile, seen, place, units, evidence), evidence)


def _edges(
    graph: ReadableGraph,
    profile: Profile,
    seen: Sequence[int],
    place: Mapping[int, int],
    units: Sequence[WholeUnit],
    evidence: Sequence[WholeEvidence],
) -> list[WholeEdge]:
    nodes = graph.graph.nodes
    said: dict[str, int] = {}
    for row in evidence:
        said[row.fact] = said.get(row.fact, 0) + row.times
    found: dict[tuple[int, int, int, int], int] = {}
    ends = Edges(*entries_of(graph.weighted(profile), np.array(seen, dtype=np.int64))).merged()
    for node, kind, target, weight, fact in zip(
        *(column.tolist() for column in (ends.node, ends.type, ends.target, ends.weight, ends.unit)), strict=True
    ):
        if kind == FACT:
            once = node == nodes.ends[fact][0]
        elif kind in {NEXT, SIMILAR_TO}:
            once = place[node] < place[target]
        else:
            once = KINDS[nodes.kind[node]] in TEXTS
        if once:
            key = place[node], place[target], kind, place.get(fact, -1)
            found[key] = found.get(key, 0) + weight
    for node in seen:
        subject, object_ = nodes.ends[node].tolist()
        if subject == object_ >= 0:
            found[place[subject], place[object_], FACT, place[node]] = 0
    factors = profile.factors()
    return [
        WholeEdge(
            units[source].id,
            units[target].id,
            EDGE_TYPES[kind],
            float(weight * factors[kind] / UNIT),
            units[fact].id if fact >= 0 else "",
            said[units[fact].id] if fact >= 0 else None,
        )
        for (source, target, kind, fact), weight in sorted(found.items())
    ]


def read_details(reader: Reader, ids: Iterable[str], classes: Sequence[str]) -> dict[str, UnitDetail]:
    """What units say, those that may not be read left out."""
    wanted, found = sorted(ids), {}
    for start in range(0, len(wanted), _PAGE):
        page = wanted[start : start + _PAGE]
        for row in reader.read("walk/get_details", ids=page, classes=list(classes), forever=FOREVER):
            found[row["id"]] = UnitDetail(row["name"], row["text"], row["predicate"] or "", row["next"])
    return found


def describe_whole(whole: Whole, details: Mapping[str, UnitDetail]) -> Whole:
    """What of it has details, each NEXT edge from the passage before to the one after it."""

    def turned(edge: WholeEdge) -> WholeEdge:
        back = edge.type == "NEXT" and edge.source in details[edge.target].next
        return edge._replace(source=edge.target, target=edge.source) if back else edge

    return Whole(
        [unit for unit in whole.units if unit.id in details],
        [
            turned(edge)
            for edge in whole.edges
            if edge.source in details and edge.target in details and (not edge.fact or edge.fact in details)
        ],
        [row for row in whole.evidence if row.fact in details and row.passage in details],
    )


def to_networkx(whole: Whole, details: Mapping[str, UnitDetail]) -> nx.MultiDiGraph:
    """As a networkx graph; facts are its edges, under their ids."""
    import networkx as nx

    graph = nx.MultiDiGraph()
    graph.add_nodes_from(
        (unit.id, {"kind": unit.kind, "name": details[unit.id].name, "space": unit.space}) for unit in _nodes(whole)
    )
    for edge in whole.edges:
        told = {"type": edge.type, "weight": edge.weight}
        if edge.fact:
            told |= {"fact": edge.fact, "predicate": details[edge.fact].predicate, "count": edge.times}
        graph.add_edge(edge.source, edge.target, edge.fact or edge.type, **told)
    return graph


def to_igraph(whole: Whole, details: Mapping[str, UnitDetail]) -> igraph.Graph:
    """As an igraph graph; facts are its edges, and None stands for what an edge does not have."""
    import igraph

    nodes = _nodes(whole)
    place = {unit.id: number for number, unit in enumerate(nodes)}
    return igraph.Graph(
        n=len(nodes),
        edges=[(place[edge.source], place[edge.target]) for edge in whole.edges],
        directed=True,
        vertex_attrs={
            "id": [unit.id for unit in nodes],
            "kind": [unit.kind for unit in nodes],
            "name": [details[unit.id].name for unit in nodes],
            "space": [unit.space for unit in nodes],
        },
        edge_attrs={
            "type": [edge.type for edge in whole.edges],
            "weight": [edge.weight for edge in whole.edges],
            "fact": [edge.fact or None for edge in whole.edges],
            "predicate": [details[edge.fact].predicate if edge.fact else None for edge in whole.edges],
            "count": [edge.times for edge in whole.edges],
        },
    )


def to_frames(whole: Whole, details: Mapping[str, UnitDetail]) -> Frames:
    """As pandas data frames; facts are units and edges.

    Raises
    ------
    NotInstalled
        There is no pandas.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise NotInstalled("pandas", "frames") from error
    units = pd.DataFrame(whole.units, columns=WholeUnit._fields).set_index("id")
    units["name"] = [details[unit.id].name for unit in whole.units]
    units["text"] = [details[unit.id].text for unit in whole.units]
    columns = ["source", "target", "type", "weight", "fact", "count"]
    edges = pd.DataFrame(whole.edges, columns=columns).astype({"weight": float, "count": "Int64"})
    edges["fact"] = [edge.fact or None for edge in whole.edges]
    edges["predicate"] = [details[edge.fact].predicate if edge.fact else None for edge in whole.edges]
    return Frames(units, edges, pd.DataFrame(whole.evidence, columns=["fact", "passage", "count"]))


def _nodes(whole: Whole) -> list[WholeUnit]:
    return [unit for unit in whole.units if unit.kind != "Fact"]
