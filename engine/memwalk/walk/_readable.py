# SPDX-License-Identifier: Apache-2.0
"""What one principal may read of a walk graph: all that seeds, walks and reasons are made from."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from memwalk.walk._adjacency import Adjacency
from memwalk.walk._nodes import KINDS
from memwalk.walk._push import over_relaxed, push
from memwalk.walk._records import TEXTS
from memwalk.walk._row_kernels import Weighted, entries_of
from memwalk.walk._rows import ABOUT, FACT, MENTIONS, UNIT, Edges
from memwalk.walk._sharpen import sharpen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from memwalk.walk._graph import WalkGraph
    from memwalk.walk._profile import Profile
    from memwalk.walk._push import Pushed, Space

__all__ = ["Best", "ReadableGraph"]

_SLACK = 1e-4
"""More than a float32 product of unit vectors can be wrong by."""
_FIRST = 64
"""Candidates looked at first where it is not known before who of them may be read."""


class Best(NamedTuple):
    """What is wanted of a walk: the best nodes of some kinds, by their mass less a share of their restart mass."""

    many: int
    kinds: Sequence[str]
    echo: float


class ReadableGraph:
    """A walk graph under a mask of policy classes; nothing of it depends on what the mask hides.

    Parameters
    ----------
    graph : WalkGraph
    classes : iterable of str
        Keys of the policy classes that may be read.
    """

    def __init__(self, graph: WalkGraph, classes: Iterable[str]) -> None:
        self.graph = graph
        self.mask = graph.readable(classes)

    # --- single nodes ------------------------------------------------------------------------------

    def find(self, unit_id: str) -> int:
        """The number of a unit, -1 if it is not there for this reader."""
        number = self.graph.nodes.find(unit_id)
        return number if number >= 0 and self.graph.can_see(number, self.mask) else -1

    def mentioned(self, entity: int) -> int:
        """How many passages mention an entity."""
        return self.graph.weigh(entity, MENTIONS, self.mask) // UNIT

    def is_defined(self, entity: int) -> bool:
        """Whether a passage is about an entity."""
        return self.graph.weigh(entity, ABOUT, self.mask) > 0

    def defining(self, entity: int) -> list[int]:
        """The passages that are about an entity."""
        return [target for _, _, _, target, _ in self.graph.row(entity, (ABOUT,), self.mask)]

    def ends(self, fact: int) -> tuple[int, ...]:
        """The two entities of a fact; none for a fact about one entity alone."""
        subject, object_ = self.graph.nodes.ends[fact].tolist()
        return (subject, object_) if subject != object_ and min(subject, object_) >= 0 else ()

    # --- seeds -------------------------------------------------------------------------------------

    def nearest(self, vector: NDArray[np.float32], kinds: Sequence[str], count: int) -> list[tuple[int, float]]:
        """The nodes of these kinds that are nearest to a vector, with their cosines; ties in canonical order.

        Exact: candidates by float32 products, then each by itself in float64, so that a cosine does not
        depend on what else is compared.
        """
        nodes = self.graph.nodes
        numbers, scores = [], []
        for kind in kinds:
            for block, vectors in nodes.blocks(kind):
                numbers.append(block)
                scores.append(vectors @ vector)
        number, score = np.concatenate(numbers), np.concatenate(scores)
        if set(kinds) <= set(TEXTS):
            seen = self.mask[nodes.policy[number]] > 0
            return self._exactly(vector, number[seen], score[seen], count)
        wide = max(_FIRST, 4 * count)
        while True:
            floor = _floor(score, wide)
            best = number[score >= floor - _SLACK]
            visible = np.array([self.graph.can_see(int(node), self.mask) for node in best], dtype=bool)
            if visible.sum() >= count or len(best) == len(number):
                kept = best[visible]
                return self._exactly(vector, kept, nodes.vectors(kept) @ vector, count)
            wide *= 4

    def _exactly(
        self, vector: NDArray[np.float32], number: NDArray[np.int64], score: NDArray[np.float32], count: int
    ) -> list[tuple[int, float]]:
        best = number[score >= _floor(score, count) - _SLACK]
        exact = np.einsum("nd,d->n", self.graph.nodes.vectors(best).astype(np.float64), vector.astype(np.float64))
        return self.ranked(best, exact, count)

    def words(self, query: str, count: int) -> list[tuple[int, float]]:
        """The nodes whose text shares most with a query by BM25, with their scores; ties in canonical order."""
        number, score = self.graph.words.scores(query, self.mask, self.graph.nodes.policy)
        return self.ranked(number, score, count)

    def ranked(
        self, number: NDArray[np.integer[Any]], score: NDArray[np.floating[Any]], count: int
    ) -> list[tuple[int, float]]:
        """The best nodes, best first, ties by kind and id."""
        kept = np.nonzero(score >= _floor(score, count))[0]
        nodes = self.graph.nodes
        rows = [(-float(score[i]), int(nodes.kind[number[i]]), nodes.id(int(number[i])), int(number[i])) for i in kept]
        return [(node, -negative) for negative, _, _, node in sorted(rows)[:count]]

    # --- walking -----------------------------------------------------------------------------------

    @cached_property
    def entries(self) -> int:
        """About how many entries a walk could touch."""
        return self.graph.entries(self.mask)

    def push(self, seeds: Mapping[int, float], profile: Profile, best: Best | None = None) -> Pushed:
        """Personalized PageRank from these seeds by local forward push.

        Parameters
        ----------
        seeds : mapping
            Restart mass by node; sums to one.
        profile : Profile
        best : Best, optional
            What is wanted of it: this is decided then, with so many entries as the profile allows.
        """
        graph = self.graph
        numbers = np.array(sorted(seeds), dtype=np.int32)
        reset = np.array([seeds[number] for number in numbers.tolist()], dtype=np.float64)
        space, other = graph.space(), graph.space()
        most = self.entries * profile.sweep_share
        weighted = self.weighted(profile)
        over, enough = (over_relaxed(profile.damping), profile.push_entries) if best else (1.0, np.inf)
        pushed = push(weighted, numbers, reset, profile.damping, profile.eps, most, space, over, enough)
        if best and not pushed.swept:
            pushed = self._sharpened(weighted, profile, seeds, best, pushed, space, other)
        space.clear(pushed.nodes)
        graph.spare += [space, other]
        return pushed

    def _sharpened(
        self,
        weighted: Weighted,
        profile: Profile,
        seeds: Mapping[int, float],
        best: Best,
        pushed: Pushed,
        space: Space,
        other: Space,
    ) -> Pushed:
        nodes = self.graph.nodes
        asked = np.isin(nodes.kind[pushed.nodes], [KINDS.index(kind) for kind in best.kinds])
        place = np.nonzero(asked & (pushed.mass > 0))[0]
        candidates = pushed.nodes[place].astype(np.int64)
        taken = best.echo * np.array([seeds.get(node, 0.0) for node in candidates.tolist()])
        sharp = sharpen(
            weighted,
            profile.damping,
            pushed.eps,
            candidates,
            taken,
            best.many,
            profile.entries - pushed.edges,
            space,
            other,
            nodes.id,
        )
        mass = pushed.mass.copy()
        mass[place] = sharp.mass
        missed = pushed.missed - float((mass - pushed.mass).sum())
        return pushed._replace(mass=mass, missed=missed, edges=pushed.edges + sharp.edges, decided=sharp.decided)

    def weighted(self, profile: Profile) -> Weighted:
        """What a walk is on."""
        return Weighted(self.graph.base, self.graph.overlay.rows, self.mask, profile.factors(), self.graph.nodes.kind)

    def part(self, nodes: Sequence[int], profile: Profile) -> tuple[Adjacency, Edges]:
        """The graph between some nodes, numbered by their places, with their whole degrees; and its edges."""
        numbers = np.array(nodes, dtype=np.int64)
        edges = Edges(*entries_of(self.weighted(profile), numbers)).classless()
        factors = profile.factors()
        order = np.argsort(numbers)
        ranked = numbers[order]
        node = order[np.searchsorted(ranked, edges.node)]
        weight = edges.weight * factors[edges.type] / UNIT
        by_type = np.zeros((len(numbers), len(factors)), dtype=np.int64)  # whole numbers: in whatever order
        np.add.at(by_type, (node, edges.type), edges.weight)
        degree = (by_type * factors).sum(axis=1) / UNIT
        place = np.searchsorted(ranked, edges.target)
        inside = ranked[np.minimum(place, len(ranked) - 1)] == edges.target
        target = order[np.minimum(place, len(ranked) - 1)]
        once = inside & (node < target)
        kept = edges.where(once)
        return Adjacency.build(len(numbers), node[once], target[once], weight[once], degree), kept

    def adjacency(self, profile: Profile) -> Adjacency:
        """The whole readable graph, for exact engines; nodes as numbered in the walk graph."""
        return self.graph.adjacency(self.mask, profile.factors())

    def facts_crossed(self, mass: Mapping[int, float], profile: Profile) -> dict[int, float]:
        """Mass that crosses each fact in a step of the walk, both ways."""
        graph = self.graph
        entities = [node for node in mass if KINDS[graph.nodes.kind[node]] == "Entity"]
        edges = Edges(*entries_of(self.weighted(profile), np.array(entities, dtype=np.int64))).classless()
        factors = profile.factors()
        weight = edges.weight * factors[edges.type]
        found: dict[int, list[float]] = {}
        degrees: dict[int, list[float]] = {}
        for node, share in zip(edges.node.tolist(), weight.tolist(), strict=True):
            degrees.setdefault(node, []).append(share)
        total = {node: math.fsum(shares) for node, shares in degrees.items()}
        crossing = np.nonzero(edges.type == FACT)[0]
        for node, unit, share in zip(
            edges.node[crossing].tolist(), edges.unit[crossing].tolist(), weight[crossing].tolist(), strict=True
        ):
            found.setdefault(unit, []).append(profile.damping * mass[node] * share / total[node])
        return {unit: math.fsum(shares) for unit, shares in found.items()}


def _floor(score: NDArray[Any], count: int) -> float:
    """The count-th best score; the lowest if there are no more."""
    if len(score) <= count:
        return -math.inf
    return float(np.partition(score, len(score) - count)[len(score) - count])
