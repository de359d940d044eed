# SPDX-License-Identifier: Apache-2.0
"""Search: seed, walk, rank, and say why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memwalk.errors import InvalidArgument
from memwalk.walk._nodes import KINDS
from memwalk.walk._pagerank import personalized_pagerank
from memwalk.walk._paths import strongest_path
from memwalk.walk._profile import DEFAULT_PROFILE, Profile
from memwalk.walk._readable import Best
from memwalk.walk._records import TEXTS
from memwalk.walk._rows import EDGE_TYPES, UNIT
from memwalk.walk._seeds import find_seeds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from memwalk.walk._adjacency import Adjacency
    from memwalk.walk._readable import ReadableGraph
    from memwalk.walk._rows import Edges
    from memwalk.walk._seeds import Seeds

__all__ = ["Content", "Found", "Leg", "Result", "Step", "Walk", "describe", "explain_result", "search", "walk"]

_DECIMALS = 12
"""Scores equal to so many decimals are ties."""

SEED_WORDS = {
    "dense": "close in meaning to the query",
    "lexical": "shares words with the query",
    "fact": "in a fact close in meaning to the query",
    "named": "named in the query",
    "about": "about something the query names",
}


class Content(NamedTuple):
    """What the store says of a unit."""

    name: str
    text: str
    seq: int
    """Number of the version that says so."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One edge of a path, in walking direction."""

    edge: str
    source_id: str
    target_id: str
    weight: float
    """Probability of this step from its source."""
    fact_id: str = ""
    """The fact that a FACT edge stands for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit the walk came to, before its content was read."""

    unit_id: str
    seq: int
    kind: str
    space: str
    score: float
    seeds: Mapping[str, float]
    """Starting mass of this unit by kind of seed; empty if it was walked to only."""
    path: tuple[Leg, ...]
    """Strongest path from another unit that was seeded; empty if none leads here."""
    origin: Mapping[str, float]
    """Starting mass of the unit the path starts at, by kind of seed."""
    inflow: Mapping[str, float]
    """Mass that came over each type of edge."""

    @property
    def units(self) -> Iterator[str]:
        """All units that it names."""
        yield self.unit_id
        for leg in self.path:
            yield from (leg.source_id, leg.target_id)
            if leg.fact_id:
                yield leg.fact_id


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
    inflow: Mapping[str, float]
    """Mass that came over each type of edge."""


class Walk(NamedTuple):
    """Where the mass of a query went.

    Attributes
    ----------
    mass : dict of int to float
        Personalized PageRank by node.
    walked : set of int
        The nodes that others got mass from.
    missed : float
        Mass not accounted for.
    edges : int
        Entries touched; 0 for exact engines.
    swept : bool
        Whether a push went over to sweeps.
    decided : bool
        Whether it is decided which nodes are the wanted ones (see `sharpen`).
    """

    mass: dict[int, float]
    walked: set[int]
    missed: float = 0.0
    edges: int = 0
    swept: bool = False
    decided: bool = True


def walk(
    graph: ReadableGraph, seeds: Mapping[int, float], profile: Profile = DEFAULT_PROFILE, best: Best | None = None
) -> Walk:
    """Walk from seeds by the profile's engine.

    Parameters
    ----------
    graph : ReadableGraph
    seeds : mapping
        Restart mass by node; sums to one.
    profile : Profile
    best : Best, optional
        What is wanted of it; a push makes sure which these are.
    """
    if profile.engine == "push":
        pushed = graph.push(seeds, profile, best)
        nodes = pushed.nodes.tolist()
        mass = dict(zip(nodes, pushed.mass.tolist(), strict=True))
        return Walk(
            mass, set(pushed.nodes[pushed.walked].tolist()), pushed.missed, pushed.edges, pushed.swept, pushed.decided
        )
    reset = np.zeros(graph.graph.nodes.count)
    for node, share in seeds.items():
        reset[node] = share
    exact = personalized_pagerank(graph.adjacency(profile), reset, profile.damping, profile.engine)
    reached = np.nonzero(exact)[0].tolist()
    return Walk({node: float(exact[node]) for node in reached}, set(reached))


def search(
    graph: ReadableGraph,
    query: str,
    vector: NDArray[np.float32] | None,
    phrases: Sequence[str] = (),
    profile: Profile = DEFAULT_PROFILE,
    limit: int = 10,
    *,
    kinds: Sequence[str] = TEXTS,
) -> list[Found]:
    """Find units by a walk from the query, best first.

    Parameters
    ----------
    graph : ReadableGraph
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
    list of Found
        Only what the walk came to. Ties are in canonical order, by kind and id. Empty for an empty graph.
    """
    if limit < 1:
        raise InvalidArgument("limit", limit, "1 or more")
    if not kinds:
        raise InvalidArgument("kinds", kinds, "at least one kind")
    seeds = find_seeds(graph, query, vector, phrases, profile)
    if not seeds.mass:
        return []
    wanted = Best(limit, kinds, (1 - profile.echo) * (1 - profile.damping)) if set(kinds) <= set(TEXTS) else None
    walked = walk(graph, seeds.mass, profile, wanted)
    best = _best(graph, seeds, walked, profile, limit, kinds)
    reasons = _Reasons(graph, seeds, walked, [node for node, _ in best], profile)
    return [reasons.found(node, score) for node, score in best]


def describe(found: Sequence[Found], contents: Mapping[str, Content]) -> list[Result]:
    """Results with their texts, and paths with names; what has no content here is left out.

    Parameters
    ----------
    found : sequence of Found
    contents : mapping
        By id. A step over a unit that is not here keeps its place, without a name.
    """

    def name(unit: str) -> str:
        return contents[unit].name if unit in contents else ""

    def step(leg: Leg) -> Step:
        ends = leg.source_id, name(leg.source_id), leg.target_id, name(leg.target_id)
        return Step(leg.edge, *ends, leg.weight, name(leg.fact_id))

    return [
        Result(
            unit_id=unit.unit_id,
            seq=contents[unit.unit_id].seq,
            kind=unit.kind,
            space=unit.space,
            name=contents[unit.unit_id].name,
            text=contents[unit.unit_id].text,
            score=unit.score,
            seeds=unit.seeds,
            path=tuple(map(step, unit.path)),
            origin=unit.origin,
            inflow=unit.inflow,
        )
        for unit in found
        if unit.unit_id in contents
    ]


def explain_result(result: Result) -> str:
    """Why a result was found: its score, its seeds, and the strongest path to it, in words.

    Examples
    --------
    >>> seeds = {"dense": 0.4}
    >>> print(explain_result(Result("p", 1, "Passage", "work", "Pont Neuf", "", 0.25, seeds, (), seeds, {"NEXT": 0.2})))
    Pont Neuf  (score 0.2500)
      seed: close in meaning to the query (40.0 % of the mass)
      mass came over: NEXT 100.0 %
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
    total = sum(result.inflow.values())
    if total > 0:
        parts = sorted(result.inflow.items(), key=lambda item: (-item[1], item[0]))
        lines.append("  mass came over: " + ", ".join(f"{edge} {100 * share / total:.1f} %" for edge, share in parts))
    return "\n".join(lines)


def _seed_words(seeds: Mapping[str, float]) -> str:
    return "; ".join(
        f"{SEED_WORDS[kind]} ({100 * share:.1f} % of the mass)"
        for kind, share in sorted(seeds.items(), key=lambda item: (-item[1], item[0]))
    )


def _best(
    graph: ReadableGraph, seeds: Seeds, walked: Walk, profile: Profile, limit: int, kinds: Sequence[str]
) -> list[tuple[int, float]]:
    """The best nodes of some kinds with their scores, rounded."""
    echo = (1 - profile.echo) * (1 - profile.damping)
    score = {node: mass - echo * seeds.mass.get(node, 0.0) for node, mass in walked.mass.items()}
    if "Fact" in kinds:
        score |= graph.facts_crossed({node: walked.mass[node] for node in walked.walked}, profile)
    number = np.fromiter(score, dtype=np.int64, count=len(score))
    value = np.round(np.fromiter(score.values(), dtype=np.float64, count=len(score)), _DECIMALS)
    asked = np.isin(graph.graph.nodes.kind[number], [KINDS.index(kind) for kind in kinds]) & (value > 0)
    return graph.ranked(number[asked], value[asked], limit)


class _Reasons:
    """Why the units of one query were found."""

    def __init__(
        self, graph: ReadableGraph, seeds: Seeds, walked: Walk, found: Sequence[int], profile: Profile
    ) -> None:
        self.graph = graph
        self.seeds = seeds
        self.mass = walked.mass
        self.damping = profile.damping
        nodes = graph.graph.nodes
        ends = [end for node in found if KINDS[nodes.kind[node]] == "Fact" for end in graph.ends(node)]
        near = {*walked.walked, *seeds.mass, *found, *ends}
        self.nodes = sorted(near, key=lambda node: (nodes.kind[node], nodes.id(node)))
        self.place = {node: i for i, node in enumerate(self.nodes)}
        self.part: Adjacency
        self.edges: Edges
        self.part, self.edges = graph.part(self.nodes, profile)
        self._ends = tuple(
            np.array([self.place[node] for node in column.tolist()], dtype=np.int64)
            for column in (self.edges.node, self.edges.target)
        )
        self.factors = profile.factors()
        self.reset = np.array([seeds.mass.get(node, 0.0) for node in self.nodes])

    def found(self, node: int, score: float) -> Found:
        """One unit with its reasons."""
        nodes = self.graph.graph.nodes
        path = self._path(node)
        return Found(
            unit_id=nodes.id(node),
            seq=int(nodes.seq[node]),
            kind=KINDS[nodes.kind[node]],
            space=self.graph.graph.space_of(node),
            score=score,
            seeds=self.seeds.of(node),
            path=tuple(self._legs(path)),
            origin=self.seeds.of(self.nodes[path[0]]) if path else {},
            inflow=self._inflow(node),
        )

    def _path(self, node: int) -> list[int]:
        """Places of the path from elsewhere to a node; to the likelier end of a fact."""
        if KINDS[self.graph.graph.nodes.kind[node]] == "Fact":
            places = [self.place[end] for end in self.graph.ends(node)]
            paths = [strongest_path(self.part, self.reset, self.damping, place) for place in places]
            return max(paths, key=lambda path: path[0])[1]
        # Being a seed is told apart (and may not count in the rank): show what else led here.
        reset = self.reset.copy()
        reset[self.place[node]] = 0.0
        return strongest_path(self.part, reset, self.damping, self.place[node])[1]

    def _legs(self, path: Sequence[int]) -> Iterator[Leg]:
        """The edges between these places."""
        part, nodes = self.part, self.graph.graph.nodes
        for source, target in pairwise(path):
            row = slice(part.indptr[source], part.indptr[source + 1])
            entry = int(part.indptr[source] + np.searchsorted(part.indices[row], target))
            edge = int(part.edge[entry])
            fact = int(self.edges.unit[edge])
            yield Leg(
                edge=EDGE_TYPES[self.edges.type[edge]],
                source_id=nodes.id(self.nodes[source]),
                target_id=nodes.id(self.nodes[target]),
                weight=float(part.weights[entry] / part.degree[source]),
                fact_id=nodes.id(fact) if fact >= 0 else "",
            )

    def _inflow(self, node: int) -> dict[str, float]:
        """Mass that came to a node, by type of edge."""
        place = self.place[node]
        from_lower, from_higher = self._ends[1] == place, self._ends[0] == place
        found: dict[str, list[float]] = {}
        for here, ends in ((from_lower, self._ends[0]), (from_higher, self._ends[1])):
            for edge in np.nonzero(here)[0].tolist():
                other = int(ends[edge])
                kind = int(self.edges.type[edge])
                share = self.edges.weight[edge] * self.factors[kind] / UNIT / self.part.degree[other]
                mass = self.damping * self.mass.get(self.nodes[other], 0.0) * float(share)
                if mass > 0:
                    found.setdefault(EDGE_TYPES[kind], []).append(mass)
        return {kind: math.fsum(masses) for kind, masses in sorted(found.items())}  # in whatever order they came
