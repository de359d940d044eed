# SPDX-License-Identifier: Apache-2.0
"""Where a walk starts: passages, facts and named entities, each kind with its quota of the mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memwalk.errors import InvalidArgument
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memwalk.walk._graph import WalkGraph
    from memwalk.walk._profile import Profile

__all__ = ["Seeds", "find_seeds", "named_entities"]

_LONGEST_NAME = 16


@dataclass(frozen=True, eq=False)
class Seeds:
    """Starting mass of a query.

    Attributes
    ----------
    mass : float64 [nodes]
        Sums to one; all zero when nothing could be seeded.
    parts : dict of str to float64 [nodes]
        What each kind of seed gave: `dense`, `lexical`, `fact`, `named`, `about`. They add up to `mass`.
    """

    mass: NDArray[np.float64]
    parts: dict[str, NDArray[np.float64]]

    def of(self, node: int) -> dict[str, float]:
        """The mass one node got, by kind of seed."""
        return {kind: float(part[node]) for kind, part in self.parts.items() if part[node] > 0}


def find_seeds(
    graph: WalkGraph, query: str, vector: NDArray[np.float32] | None, phrases: Sequence[str], profile: Profile
) -> Seeds:
    """Seed a walk.

    Parameters
    ----------
    graph : WalkGraph
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
    size = graph.vectors.shape[1]
    if vector is not None and size and vector.shape != (size,):
        raise InvalidArgument("query vector", vector.shape, f"{size} numbers, from the embedder that made the store's")
    known = vector if size else None
    named = named_entities(graph, query, phrases)
    parts = _passages(graph, query, known, profile) | {
        "fact": _facts(graph, known, profile),
        "named": profile.named_mass * _shares(graph, named),
        "about": profile.about_mass * _about(graph, named),
    }
    mass = np.sum(list(parts.values()), axis=0)
    total = mass.sum()
    if total > 0:
        return Seeds(mass / total, {kind: part / total for kind, part in parts.items()})
    return Seeds(mass, parts)


def named_entities(graph: WalkGraph, query: str, phrases: Sequence[str]) -> list[int]:
    """The entities a query names.

    Those among `phrases`, and those that a passage is about and whose phrase stands in the query word
    for word (titles such as "The Good, the Bad and the Ugly" are cut up by every parser). A name inside
    a longer one that is known too does not count.
    """
    words = normalise_phrase(query).split()
    found = {phrase for phrase in phrases if phrase in graph.entities}
    for start in range(len(words)):
        for stop in range(start + 1, min(start + _LONGEST_NAME, len(words)) + 1):
            phrase = " ".join(words[start:stop])
            if graph.entities.get(phrase) in graph.defining:
                found.add(phrase)
    inner = {a for a in found for b in found if a != b and f" {a} " in f" {b} "}
    return sorted(graph.entities[phrase] for phrase in found - inner)


def _passages(
    graph: WalkGraph, query: str, vector: NDArray[np.float32] | None, profile: Profile
) -> dict[str, NDArray[np.float64]]:
    """The best passages by min-max dense + lexical score, each weighing what it is above the next one left out.

    Notes and summaries are read as passages are.
    """
    passages = graph.readings
    count = len(passages)
    dense = _scaled(graph.nearness(vector)) if vector is not None else np.zeros(count)
    lexical = profile.lexical * _scaled(graph.lexical.scores(query))
    score = dense + lexical
    order = np.argsort(-score, kind="stable")
    best = order[: profile.passages]
    floor = score[order[profile.passages]] if count > profile.passages else 0.0
    above = score[best] - floor
    if len(best) and above.sum() <= 0:
        above = np.ones(len(best))
    share = profile.passage_mass * above / max(above.sum(), 1e-300)
    by_words = np.divide(lexical[best], score[best], out=np.zeros(len(best)), where=score[best] > 0)
    parts = {"dense": np.zeros(len(graph)), "lexical": np.zeros(len(graph))}
    parts["dense"][passages[best]] = share * (1 - by_words)
    parts["lexical"][passages[best]] = share * by_words
    return parts


def _facts(graph: WalkGraph, vector: NDArray[np.float32] | None, profile: Profile) -> NDArray[np.float64]:
    """The ends of the best facts: the mean over these facts of score / passages mentioning the end.

    As in HippoRAG 2 (arXiv:2502.14802), without its limit on phrases and its filter by a language model.
    """
    result = np.zeros(len(graph))
    facts = graph.slice("Fact")
    if vector is None or facts.start == facts.stop:
        return result
    score = _scaled(graph.vectors[facts] @ vector)
    times = np.zeros(len(graph))
    for fact in np.argsort(-score, kind="stable")[: profile.facts]:
        for end in graph.ends.get(facts.start + int(fact), ()):
            result[end] += score[fact] / max(graph.mentioned[end], 1)
            times[end] += 1
    np.divide(result, times, out=result, where=times > 0)
    total = result.sum()
    return profile.fact_mass * result / total if total > 0 else result


def _shares(graph: WalkGraph, entities: Sequence[int]) -> NDArray[np.float64]:
    """One unit of mass over entities, rarer ones more."""
    result = np.zeros(len(graph))
    for entity in entities:
        result[entity] = 1 / max(graph.mentioned[entity], 1)
    total = result.sum()
    return result / total if total > 0 else result


def _about(graph: WalkGraph, named: Sequence[int]) -> NDArray[np.float64]:
    """One unit of mass over the passages about these entities, each entity's split evenly."""
    result = np.zeros(len(graph))
    defined = [entity for entity in named if entity in graph.defining]
    shares = _shares(graph, defined)
    for entity in defined:
        passages = list(graph.defining[entity])
        result[passages] += shares[entity] / len(passages)
    return result


def _scaled(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Min-max to [0, 1]; all zero when all are equal."""
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        return values
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros(len(values))
