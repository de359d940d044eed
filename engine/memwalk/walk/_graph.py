# SPDX-License-Identifier: Apache-2.0
"""The walk graph: what one set of policy classes may read, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memwalk.errors import InvalidArgument
from memwalk.walk._adjacency import Adjacency
from memwalk.walk._lexical import LexicalIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from memwalk.walk._profile import Profile

__all__ = ["EDGE_TYPES", "TEXTS", "Edge", "Node", "WalkGraph"]

EDGE_TYPES = ("ABOUT", "FACT", "MENTIONS", "NEXT", "SIMILAR_TO")
"""Named as in the store; a FACT edge joins the two ends of a fact unit."""
ABOUT, FACT, MENTIONS, NEXT, SIMILAR_TO = range(len(EDGE_TYPES))
TEXTS = ("Note", "Passage", "Summary")
"""Kinds whose units are read, and so seeded by what they say; sorted."""


class Node(NamedTuple):
    """A unit to walk on. `space` is empty for what belongs to its evidence."""

    id: str
    kind: str
    name: str
    text: str
    space: str
    seq: int
    vector: Sequence[float] | NDArray[np.float32] | None


class Edge(NamedTuple):
    """An undirected edge. `weight` is a count or a cosine; `unit` is the fact a FACT edge stands for."""

    type: str
    source: str
    target: str
    weight: float = 1.0
    unit: str = ""


@dataclass(frozen=True, eq=False)
class WalkGraph:
    """What some policy classes may read, at a watermark, and nothing that depends on anything else.

    Nodes are sorted by (kind, id), so that a kind is a slice, and edges by their ends: the same units
    and edges give the same arrays in whatever order they came.

    Attributes
    ----------
    watermark : int
        Number of the last change in it.
    ids, kinds, names, texts, spaces : tuple of str, one a node
    seqs : int64 [nodes]
        Head versions.
    vectors : float32 [nodes, dimension]
        Unit length; a zero row where the store holds none.
    source, target : int64 [edges]
        Positions of the ends, source < target.
    types : int64 [edges]
        Position in `EDGE_TYPES`.
    weights : float64 [edges]
        Counts and cosines, before any profile.
    units : int64 [edges]
        Position of the fact that a FACT edge stands for, -1 for the other types.
    """

    watermark: int
    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    texts: tuple[str, ...]
    spaces: tuple[str, ...]
    seqs: NDArray[np.int64]
    vectors: NDArray[np.float32]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    types: NDArray[np.int64]
    weights: NDArray[np.float64]
    units: NDArray[np.int64]
    _adjacencies: dict[tuple[float, ...], Adjacency] = field(default_factory=dict, repr=False)

    @classmethod
    def build(cls, nodes: Iterable[Node], edges: Iterable[Edge], watermark: int = 0) -> WalkGraph:
        """Sort nodes and edges into arrays.

        Edges that lack an end (or their fact) are left out, and loops: an end that is not here is one
        that may not be read.

        Parameters
        ----------
        nodes : iterable of Node
            Each id once.
        edges : iterable of Edge
        watermark : int

        Raises
        ------
        InvalidArgument
            An id occurs twice, or vectors differ in length.
        """
        # A vector is turned into float32 as its row comes: as Python floats they would take 16 times the memory.
        rows = sorted(
            (
                node if node.vector is None else node._replace(vector=np.asarray(node.vector, dtype=np.float32))
                for node in nodes
            ),
            key=lambda node: (node.kind, node.id),
        )
        place = {node.id: i for i, node in enumerate(rows)}
        if len(place) != len(rows):
            raise InvalidArgument("nodes", len(rows), "each id once")
        sizes = {len(node.vector) for node in rows if node.vector is not None}
        if len(sizes) > 1:
            raise InvalidArgument("vectors", sorted(sizes), "one length")
        vectors = np.zeros((len(rows), max(sizes, default=0)), dtype=np.float32)
        for i, node in enumerate(rows):
            if node.vector is not None:
                vectors[i] = node.vector
        table = _edge_table(place, edges)
        ends = np.ascontiguousarray(table[:, :4].T.astype(np.int64))
        weights = table[:, 4].copy()
        for array in (vectors, ends, weights):
            array.setflags(write=False)
        return cls(
            watermark=watermark,
            ids=tuple(node.id for node in rows),
            kinds=tuple(node.kind for node in rows),
            names=tuple(node.name for node in rows),
            texts=tuple(node.text for node in rows),
            spaces=tuple(node.space for node in rows),
            seqs=np.array([node.seq for node in rows], dtype=np.int64),
            vectors=vectors,
            source=ends[0],
            target=ends[1],
            types=ends[2],
            units=ends[3],
            weights=weights,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        counts = ", ".join(f"{s.stop - s.start} {kind}" for kind, s in self.slices.items())
        return f"<WalkGraph at {self.watermark}: {counts or 'empty'}; {len(self.source)} edges>"

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each kind's nodes are."""
        kinds = np.array(self.kinds)
        return {
            str(kind): slice(int(np.searchsorted(kinds, kind)), int(np.searchsorted(kinds, kind, side="right")))
            for kind in np.unique(kinds)
        }

    def slice(self, kind: str) -> slice:
        """Where a kind's nodes are; an empty slice if there are none."""
        return self.slices.get(kind, slice(0, 0))

    @cached_property
    def readings(self) -> NDArray[np.int64]:
        """The nodes of all kinds that are read, ascending (int64 [readings])."""
        return np.concatenate([np.arange(len(self))[self.slice(kind)] for kind in TEXTS])

    def nearness(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine of each of `readings` with a query vector (float32 [readings])."""
        return np.concatenate([self.vectors[self.slice(kind)] @ vector for kind in TEXTS])

    @cached_property
    def lexical(self) -> LexicalIndex:
        """BM25 over `readings`: titles and texts."""
        return LexicalIndex([f"{self.names[i]}\n{self.texts[i]}" for i in self.readings])

    @cached_property
    def entities(self) -> dict[str, int]:
        """Entities by phrase."""
        entities = self.slice("Entity")
        return {self.names[i]: i for i in range(entities.start, entities.stop)}

    @cached_property
    def mentioned(self) -> NDArray[np.int64]:
        """How many passages mention each node (int64 [nodes])."""
        edges = self.types == MENTIONS
        ends = np.concatenate((self.source[edges], self.target[edges]))
        return np.bincount(ends, minlength=len(self))

    @cached_property
    def defining(self) -> dict[int, tuple[int, ...]]:
        """The passages that are about an entity, by entity."""
        found: dict[int, list[int]] = {}
        for edge in np.nonzero(self.types == ABOUT)[0]:
            entity, passage = sorted((int(self.source[edge]), int(self.target[edge])), key=lambda n: self.kinds[n])
            found.setdefault(entity, []).append(passage)
        return {entity: tuple(passages) for entity, passages in found.items()}

    @cached_property
    def ends(self) -> dict[int, tuple[int, int]]:
        """The two entities of each fact, by fact; a fact about one entity alone is not here."""
        facts = np.nonzero(self.types == FACT)[0]
        return {int(self.units[edge]): (int(self.source[edge]), int(self.target[edge])) for edge in facts}

    def factors(self, profile: Profile) -> NDArray[np.float64]:
        """Each edge's weight under a profile (float64 [edges])."""
        factor = np.array([profile.about, profile.fact, profile.mention, profile.next, profile.similar])
        own = np.where((self.types == FACT) | (self.types == SIMILAR_TO), self.weights, 1.0)
        return factor[self.types] * own

    def adjacency(self, profile: Profile) -> Adjacency:
        """The graph under a profile's weights; kept for the next query."""
        key = (profile.about, profile.fact, profile.mention, profile.next, profile.similar)
        if key not in self._adjacencies:
            weights = self.factors(profile)
            self._adjacencies[key] = Adjacency.build(len(self), self.source, self.target, weights)
        return self._adjacencies[key]


def _edge_table(place: dict[str, int], edges: Iterable[Edge]) -> NDArray[np.float64]:
    """Columns source, target, type, unit, weight; sorted."""
    number = {name: i for i, name in enumerate(EDGE_TYPES)}
    rows = []
    for edge in edges:
        source, target = place.get(edge.source, -1), place.get(edge.target, -1)
        unit = place.get(edge.unit, -1)
        if source < 0 or target < 0 or source == target or (edge.unit and unit < 0):
            continue
        rows.append((min(source, target), max(source, target), number[edge.type], unit, edge.weight))
    table = np.array(sorted(rows), dtype=np.float64)
    return table.reshape(len(rows), 5)
