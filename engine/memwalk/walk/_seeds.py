# SPDX-License-Identifier: Apache-2.0
"""Where a walk starts: passages, facts and named entities, each kind with its quota of the mass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument
from memwalk.text import normalise_phrase
from memwalk.units import derived_id
from memwalk.walk._records import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.walk._profile import Profile
    from memwalk.walk._readable import ReadableGraph

__all__ = ["Seeds", "find_seeds", "named_entities"]

_LONGEST_NAME = 16
Masses = dict[int, float]


@dataclass(frozen=True, eq=False)
class Seeds:
    """Starting mass of a query.

    Attributes
    ----------
    mass : dict of int to float
        By node; sums to one, empty when nothing could be seeded.
    parts : dict of str to dict
        What each kind of seed gave: `dense`, `lexical`, `fact`, `named`, `about`. They add up to `mass`.
    """

    mass: Masses
    parts: dict[str, Masses]

    def of(self, node: int) -> dict[str, float]:
        """The mass one node got, by kind of seed."""
        return {kind: part[node] for kind, part in self.parts.items() if part.get(node, 0.0) > 0}


def find_seeds(
    graph: ReadableGraph, query: str, vector: NDArray[np.float32] | None, phrases: Sequence[str], profile: Profile
) -> Seeds:
    """Seed a walk. Sums are exact, so that they do not depend on the order of their terms.

    Parameters
    ----------
    graph : ReadableGraph
    query : str
    vector : float32 [dimension], optional
        The query's embedding; without it there are no dense and no fact seeds.
    phrases : sequence of str
        Normalised phrases of the query that may name entities.
    profile : Profile

    Raises
    ------
    InvalidArgument
        The vector has another length than the graph's.
    """
    size = graph.graph.nodes.dimension
    if vector is not None and size and vector.shape != (size,):
        raise InvalidArgument("query vector", vector.shape, f"{size} numbers, from the embedder that made the store's")
    known = vector if size else None
    named = named_entities(graph, query, phrases)
    parts = _passages(graph, query, known, profile) | {
        "fact": _facts(graph, known, profile),
        "named": _scaled(_shares(graph, named), profile.named_mass),
        "about": _scaled(_about(graph, named), profile.about_mass),
    }
    total = math.fsum(share for part in parts.values() for share in part.values())
    if total <= 0:
        return Seeds({}, parts)
    parts = {kind: _scaled(part, 1 / total) for kind, part in parts.items()}
    return Seeds(_added(parts.values()), parts)


def named_entities(graph: ReadableGraph, query: str, phrases: Sequence[str]) -> list[int]:
    """The entities a query names.

    Those among `phrases`, and those that a passage is about and whose phrase stands in the query word
    for word (titles such as "The Good, the Bad and the Ugly" are cut up by every parser). A name inside
    a longer one that is known too does not count.
    """
    words = normalise_phrase(query).split()
    found = {phrase: node for phrase in phrases if (node := _entity(graph, phrase)) >= 0}
    for start in range(len(words)):
        for stop in range(start + 1, min(start + _LONGEST_NAME, len(words)) + 1):
            phrase = " ".join(words[start:stop])
            node = _entity(graph, phrase)
            if node >= 0 and graph.is_defined(node):
                found[phrase] = node
    inner = {a for a in found for b in found if a != b and f" {a} " in f" {b} "}
    return sorted(node for phrase, node in found.items() if phrase not in inner)


def _entity(graph: ReadableGraph, phrase: str) -> int:
    return graph.find(derived_id("", "", "Entity", phrase))


def _passages(
    graph: ReadableGraph, query: str, vector: NDArray[np.float32] | None, profile: Profile
) -> dict[str, Masses]:
    """The best passages by dense and lexical rank, each weighing what it is above the next one left out.

    Notes and summaries are read as passages are. A list's share is the reciprocal of the rank
    (reciprocal rank fusion [1]_, without its constant).

    References
    ----------
    .. [1] G. Cormack, C. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual
       rank learning methods", SIGIR 2009.
    """
    dense = graph.nearest(vector, TEXTS, profile.ranks) if vector is not None else []
    by_vector = {node: 1 / rank for rank, (node, _) in enumerate(dense, start=1)}
    lexical = graph.words(query, profile.ranks) if profile.lexical > 0 else []
    by_words = {node: profile.lexical / rank for rank, (node, _) in enumerate(lexical, start=1)}
    fused = _added((by_vector, by_words))
    nodes = graph.graph.nodes
    order = sorted(fused, key=lambda node: (-fused[node], nodes.kind[node], nodes.id(node)))
    best = order[: profile.passages]
    floor = fused[order[profile.passages]] if len(order) > profile.passages else 0.0
    above = {node: fused[node] - floor for node in best}
    total = math.fsum(above.values())
    if total <= 0:
        above, total = dict.fromkeys(best, 1.0), float(len(best))
    parts: dict[str, Masses] = {"dense": {}, "lexical": {}}
    for node in best:
        share = profile.passage_mass * above[node] / total
        part = by_words.get(node, 0.0) / fused[node]
        parts["dense"][node] = share * (1 - part)
        parts["lexical"][node] = share * part
    return parts


def _facts(graph: ReadableGraph, vector: NDArray[np.float32] | None, profile: Profile) -> Masses:
    """The ends of the nearest facts: the mean over these facts of cosine / passages mentioning the end.

    As in HippoRAG 2 (arXiv:2502.14802), without its limit on phrases and its filter by a language model, and
    with the cosine instead of its place between the lowest and the highest in the store.
    """
    if vector is None:
        return {}
    found: dict[int, list[float]] = {}
    for fact, score in graph.nearest(vector, ("Fact",), profile.facts):
        for end in graph.ends(fact):
            found.setdefault(end, []).append(max(score, 0.0) / max(graph.mentioned(end), 1))
    means = {end: math.fsum(scores) / len(scores) for end, scores in found.items()}
    return _to_one(means, profile.fact_mass)


def _shares(graph: ReadableGraph, entities: Sequence[int]) -> Masses:
    """One unit of mass over entities, rarer ones more."""
    return _to_one({entity: 1 / max(graph.mentioned(entity), 1) for entity in entities}, 1.0)


def _about(graph: ReadableGraph, named: Sequence[int]) -> Masses:
    """One unit of mass over the passages about these entities, each entity's split evenly."""
    shares = _shares(graph, [entity for entity in named if graph.is_defined(entity)])
    split = []
    for entity, share in shares.items():
        passages = graph.defining(entity)
        split.append({passage: share / len(passages) for passage in passages})
    return _added(split)


def _added(parts: Iterable[Mapping[int, float]]) -> Masses:
    shares: dict[int, list[float]] = {}
    for part in parts:
        for node, share in part.items():
            shares.setdefault(node, []).append(share)
    return {node: math.fsum(values) for node, values in shares.items()}


def _scaled(part: Mapping[int, float], factor: float) -> Masses:
    return {node: factor * share for node, share in part.items()}


def _to_one(part: Mapping[int, float], mass: float) -> Masses:
    """Scaled to a sum; nothing if it sums to nothing."""
    total = math.fsum(part.values())
    return {node: mass * share / total for node, share in part.items()} if total > 0 else {}
