# SPDX-License-Identifier: Apache-2.0
"""`Memory`: the graph that one may read, for other graph programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.memory._logged import logged
from memwalk.memory._view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    import igraph
    import networkx as nx

    from memwalk.walk import Frames, Profile, UnitDetail, Whole

__all__ = ["FrameMethods"]


class FrameMethods(View):
    """What a walk goes over, as other programs' graphs and tables.

    Entities, facts, passages, notes and summaries that the principal may read, with the edges that readable passages
    evidence and the weights that a walk gives them: nothing tells that there is more. What is withdrawn while it is
    read is left out.
    """

    @logged("export graph")
    def to_networkx(self, *, profile: Profile | None = None) -> nx.MultiDiGraph:
        """The graph that the principal may read, for networkx.

        Nodes are unit ids with ``kind``, ``name`` and ``space``. Edges have ``type`` and ``weight``: ABOUT and MENTIONS
        from passages to entities, NEXT from a passage to the one after it, SIMILAR_TO between entities, and FACT from
        subject to object with the unit ``fact``, its ``predicate`` and its ``count``: how often readable passages state
        it. A walk goes both ways: on ``to_undirected()`` networkx's personalized PageRank is that of the walk.

        Parameters
        ----------
        profile : Profile, optional
            Whose weights; None: those of `search`.
        """
        from memwalk.walk import to_networkx

        return to_networkx(*self._whole(profile))

    @logged("export graph")
    def to_igraph(self, *, profile: Profile | None = None) -> igraph.Graph:
        """The graph that the principal may read, for igraph: as `to_networkx`, with ``id`` a vertex attribute.

        A walk goes both ways: ``as_undirected(mode="each")``.

        Parameters
        ----------
        profile : Profile, optional
            Whose weights; None: those of `search`.
        """
        from memwalk.walk import to_igraph

        return to_igraph(*self._whole(profile))

    @logged("export graph")
    def to_frames(self, *, profile: Profile | None = None) -> Frames:
        """The graph that the principal may read, as pandas data frames (the extra ``memwalk[frames]``).

        Parameters
        ----------
        profile : Profile, optional
            Whose weights; None: those of `search`.

        Returns
        -------
        Frames
            ``units`` by id, with their texts; ``edges`` as `to_networkx` has them; ``evidence``: which passage
            states which fact how often.

        Raises
        ------
        NotInstalled
        """
        from memwalk.walk import to_frames

        return to_frames(*self._whole(profile))

    def _whole(self, profile: Profile | None) -> tuple[Whole, Mapping[str, UnitDetail]]:
        from memwalk.walk import DEFAULT_PROFILE, ReadableGraph, describe_whole, read_details, whole_graph

        with self._session.walk_graph() as graph:
            classes = self._classes()
            whole = whole_graph(ReadableGraph(graph, classes), profile or DEFAULT_PROFILE)
        details = read_details(self._session.store, (unit.id for unit in whole.units), classes)
        return describe_whole(whole, details), details
