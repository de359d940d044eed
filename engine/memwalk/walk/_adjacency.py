# SPDX-License-Identifier: Apache-2.0
"""The walk graph under one profile's weights: symmetric CSR, parallel edges added up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Adjacency"]


@dataclass(frozen=True, eq=False)
class Adjacency:
    """A weighted undirected graph, each edge stored from both ends.

    Attributes
    ----------
    indptr : int64 [nodes + 1]
        Where each node's row begins.
    indices : int64 [2 * pairs]
        Neighbours, ascending in each row.
    weights : float64 [2 * pairs]
        Positive.
    edge : int64 [2 * pairs]
        The heaviest edge of the pair, by its position in the edge list given.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    weights: NDArray[np.float64]
    edge: NDArray[np.int64]
    known_degree: NDArray[np.float64] | None = None
    """float64 [nodes], where the graph is a part of a larger one and its nodes have more edges there."""

    @classmethod
    def build(
        cls,
        nodes: int,
        source: NDArray[np.int64],
        target: NDArray[np.int64],
        weight: NDArray[np.float64],
        degree: NDArray[np.float64] | None = None,
    ) -> Adjacency:
        """Add up parallel edges; drop loops and edges without weight.

        Parameters
        ----------
        nodes : int
        source, target : int64 [edges]
        weight : float64 [edges]
        degree : float64 [nodes], optional
            Sum of the weights at each node, where there are more than these.
        """
        kept = np.nonzero((source != target) & (weight > 0))[0]
        low, high = np.minimum(source, target)[kept], np.maximum(source, target)[kept]
        order = np.lexsort((kept, -weight[kept], high, low))
        low, high, kept = low[order], high[order], kept[order]
        first = np.ones(len(kept), dtype=bool)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        total = np.add.reduceat(weight[kept], np.nonzero(first)[0]) if len(kept) else np.zeros(0)
        low, high, heaviest = low[first], high[first], kept[first]
        row, column = np.concatenate((low, high)), np.concatenate((high, low))
        both = np.lexsort((column, row))
        indptr = np.zeros(nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=nodes), out=indptr[1:])
        return cls(indptr, column[both], np.tile(total, 2)[both], np.tile(heaviest, 2)[both], degree)

    @property
    def nodes(self) -> int:
        """How many nodes there are, isolated ones included."""
        return len(self.indptr) - 1

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The node each entry belongs to."""
        return np.repeat(np.arange(self.nodes), np.diff(self.indptr))

    @cached_property
    def degree(self) -> NDArray[np.float64]:
        """Sum of the weights at each node."""
        if self.known_degree is not None:
            return self.known_degree
        total = np.zeros(self.nodes)
        if len(self.weights):
            total[self.connected] = np.add.reduceat(self.weights, self.indptr[self.connected])
        return total

    @cached_property
    def connected(self) -> NDArray[np.int64]:
        """Nodes with an edge, ascending."""
        return np.nonzero(np.diff(self.indptr))[0]

    @cached_property
    def inflow(self) -> NDArray[np.float64]:
        """For each entry, the probability of stepping from the neighbour to the node."""
        return self.weights / self.degree[self.indices]

    @cached_property
    def outflow(self) -> NDArray[np.float64]:
        """For each entry, the probability of stepping from the node to the neighbour."""
        return self.weights / self.degree[self.rows]

    @cached_property
    def igraph(self) -> tuple[Any, list[float]]:
        """The connected nodes as an `igraph.Graph`, numbered as in `connected`, and the edges' weights."""
        import igraph

        once = self.rows < self.indices
        number = np.full(self.nodes, -1, dtype=np.int64)
        number[self.connected] = np.arange(len(self.connected))
        edges = np.stack((number[self.rows[once]], number[self.indices[once]]), axis=1)
        return igraph.Graph(n=len(self.connected), edges=edges, directed=False), self.weights[once].tolist()
