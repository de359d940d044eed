# SPDX-License-Identifier: Apache-2.0
"""Walk graphs of past moments, the last few that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memwalk.progress import Progress
    from memwalk.store import Store
    from memwalk.walk import Moment, WalkGraph

__all__ = ["KEPT", "PastGraphs"]

KEPT = 2
"""Each is as large as that of the present."""


class PastGraphs:
    """Graphs by moment, each read whole when it is first asked for."""

    def __init__(self) -> None:
        self._graphs: dict[Moment, WalkGraph] = {}
        self._generation = 0

    def get(self, store: Store, moment: Moment, progress: Progress | None) -> WalkGraph:
        """The graph of a moment, under the policy classes of now and without what was purged since.

        Purged vectors and words are not kept in memory: a graph that lost something is read anew.
        """
        from memwalk.walk import catch_up, load_walk_graph

        if self._generation != store.data_generation:
            self._generation = store.data_generation
            self._graphs.clear()
        graph = self._graphs.pop(moment, None)  # not kept if it is left half caught up
        if graph is not None and catch_up(store, graph, moment) and len(graph) < graph.nodes.count:
            graph = None
        if graph is None:
            while len(self._graphs) >= KEPT:
                del self._graphs[next(iter(self._graphs))]
            graph = load_walk_graph(store, progress, moment)
        self._graphs[moment] = graph
        return graph
