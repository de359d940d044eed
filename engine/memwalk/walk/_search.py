# SPDX-License-Identifier: Apache-2.0
"""Search: seed, walk, rank, and say why."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from memwalk.errors import InvalidArgument
from memwalk.walk._graph import EDGE_TYPES, FACT, TEXTS
from memwalk.walk._pagerank import personalized_pagerank
from memwalk.walk._paths import strongest_path
from memwalk.walk._profile import DEFAULT_PROFILE, Profile
from memwalk.walk._seeds import find_seeds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from memwalk.walk._adjacency import Adjacency
    from memwalk.walk._graph import WalkGraph
    from memwalk.walk._seeds import Seeds

__all__ = ["Result", "Step", "explain_result", "search"]

_DECIMALS = 12
"""Scores equal to so many decimals are ties: what is left of them is the order of summation."""

SEED_WORDS = {
    "dense": "close in meaning to the query",
    "lexical": "shares words with the query",
    "fact": "in a fact close in meaning to the query",
    "named": "named in the query",
    "about": "about something the query names",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path, in walking direction."""

    edge: str
    source_id: str
    source_name: str
    target_id: str
    target_name: str
    weight: float
    """Probability of this step from its source."""
    fact: str = ""
    """What the fact says, for a FACT edge."""


@dataclass(frozen=True, slots=True)
class Result:
    """A unit the walk found."""

    unit_id: str
    seq: int
    kind: str
    space: str
    name: str
    text: str
    score: float
    seeds: Mapping[str, float]
    """Starting mass of this unit by kind of seed; empty if it was walked to only."""
    path: tuple[Step, ...]
    """Strongest path from another unit that was seeded; empty if none leads here."""
    origin: Mapping[str, float]
    """Starting mass of the unit the path starts at, by kind of seed."""


def search(
    graph: WalkGraph,
    query: str,
    vector: NDArray[np.float32] | None,
    phrases: Sequence[str] = (),
    profile: Profile = DEFAULT_PROFILE,
    limit: int = 10,
    *,
    kinds: Sequence[str] = TEXTS,
) -> list[Result]:
    """Find units by a walk from the query, best first.

    Parameters
    ----------
    graph : WalkGraph
        What the principal may read.
    query : str
    vector : float32 [dimension], optional
        The query's embedding.
    phrases : sequence of str
        Normalised phrases of the query that may name entities.
    profile : Profile
    limit : int
        Most results.
    kinds : sequence of str
        Kinds of the results. An entity ranks by its mass; a fact by the mass that crosses it in a step.

    Returns
    -------
    list of Result
        Only what the walk came to. Ties are in canonical order. Empty for an empty graph.
    """
    if limit < 1:
        raise InvalidArgument("limit", limit, "1 or more")
    if not kinds:
        raise InvalidArgument("kinds", kinds, "at least one kind")
    seeds = find_seeds(graph, query, vector, phrases, profile)
    if not seeds.mass.any():
        return []
    adjacency = graph.adjacency(profile)
    mass = personalized_pagerank(adjacency, seeds.mass, profile.damping, profile.engine)
    score = mass - (1 - profile.echo) * (1 - profile.damping) * seeds.mass
    if "Fact" in kinds:
        facts = np.nonzero(graph.types == FACT)[0]
        score[graph.units[facts]] = _crossing(graph, adjacency, mass, profile)[facts]
    score = np.round(score, _DECIMALS)
    asked = np.concatenate([np.arange(len(graph))[graph.slice(kind)] for kind in sorted(set(kinds))])
    asked = asked[score[asked] > 0]
    best = asked[np.argsort(-score[asked], kind="stable")][:limit]
    paths = _Paths(graph, adjacency, seeds, profile)
    return [_result(graph, seeds, paths, int(node), float(score[node])) for node in best]


def explain_result(result: Result) -> str:
    """Why a result was found: its score, its seeds, and the strongest path to it, in words.

    Examples
    --------
    >>> seeds = {"dense": 0.4}
    >>> print(explain_result(Result("p", 1, "Passage", "work", "Pont Neuf", "", 0.25, seeds, (), seeds)))
    Pont Neuf  (score 0.2500)
      seed: close in meaning to the query (40.0 % of the mass)
    """
    lines = [f"{result.name or result.unit_id}  (score {result.score:.4f})"]
    if result.seeds:
        lines.append(f"  seed: {_seed_words(result.seeds)}")
    if result.path:
        first = result.path[0]
        lines.append(f"  from: {first.source_name or first.source_id}, {_seed_words(result.origin)}")
        for step in result.path:
            says = f" ({step.fact})" if step.fact else ""
            lines.append(f"    -[{step.edge} {step.weight:.3f}]- {step.target_name or step.target_id}{says}")
    return "\n".join(lines)


def _seed_words(seeds: Mapping[str, float]) -> str:
    return "; ".join(
        f"{SEED_WORDS[kind]} ({100 * share:.1f} % of the mass)"
        for kind, share in sorted(seeds.items(), key=lambda item: (-item[1], item[0]))
    )


def _crossing(
    graph: WalkGraph, adjacency: Adjacency, mass: NDArray[np.float64], profile: Profile
) -> NDArray[np.float64]:
    """Mass that crosses each edge in a step of the walk, both ways (float64 [edges])."""
    rate: NDArray[np.float64] = np.divide(mass, adjacency.degree, out=np.zeros(len(mass)), where=adjacency.degree > 0)
    return profile.damping * graph.factors(profile) * (rate[graph.source] + rate[graph.target])


class _Paths:
    """The strongest paths of one query."""

    def __init__(self, graph: WalkGraph, adjacency: Adjacency, seeds: Seeds, profile: Profile) -> None:
        self.graph = graph
        self.adjacency = adjacency
        self.reset = seeds.mass
        self.damping = profile.damping

    def to(self, node: int) -> list[int]:
        """Nodes of the path from elsewhere to a node; to the likelier end of a fact."""
        if self.graph.kinds[node] == "Fact":
            found = [strongest_path(self.adjacency, self.reset, self.damping, end) for end in self.graph.ends[node]]
            return max(found, key=lambda path: path[0])[1]
        # Being a seed is told apart (and may not count in the rank): show what else led here.
        reset = self.reset.copy()
        reset[node] = 0.0
        return strongest_path(self.adjacency, reset, self.damping, node)[1]

    def steps(self, nodes: Sequence[int]) -> Iterator[Step]:
        """The edges between these nodes."""
        graph, adjacency = self.graph, self.adjacency
        for source, target in pairwise(nodes):
            row = slice(adjacency.indptr[source], adjacency.indptr[source + 1])
            entry = int(adjacency.indptr[source] + np.searchsorted(adjacency.indices[row], target))
            edge = int(adjacency.edge[entry])
            fact = int(graph.units[edge])
            yield Step(
                edge=EDGE_TYPES[graph.types[edge]],
                source_id=graph.ids[source],
                source_name=graph.names[source],
                target_id=graph.ids[target],
                target_name=graph.names[target],
                weight=float(adjacency.weights[entry] / adjacency.degree[source]),
                fact=graph.names[fact] if fact >= 0 else "",
            )


def _result(graph: WalkGraph, seeds: Seeds, paths: _Paths, node: int, score: float) -> Result:
    nodes = paths.to(node)
    return Result(
        unit_id=graph.ids[node],
        seq=int(graph.seqs[node]),
        kind=graph.kinds[node],
        space=graph.spaces[node],
        name=graph.names[node],
        text=graph.texts[node],
        score=score,
        seeds=seeds.of(node),
        path=tuple(paths.steps(nodes)),
        origin=seeds.of(nodes[0]) if nodes else {},
    )
