# SPDX-License-Identifier: Apache-2.0
"""Synthetic walk graphs of any size, fixed by a seed: passages that mention entities, a few of which are everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memwalk.walk import Snapshot, WalkGraph
from memwalk.walk._nodes import KINDS, NodeArrays
from memwalk.walk._rows import ABOUT, EVIDENCE, FACT, MENTIONS, NEXT, OPEN, SIMILAR_TO, UNIT, Edges, build_rows
from memwalk.walk._words import Postings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from memwalk.walk import ReadableGraph
    from memwalk.walk._readable import Best

CLASSES = 20
FOLLOWING = 4
"""Passages of a document."""


class Shape(NamedTuple):
    """How large a synthetic graph is, and how dense.

    Attributes
    ----------
    entities, passages : int
    own, popular : int
        Entities that a passage mentions: hardly any other does, or many do.
    stated : int
        Facts that a passage states.
    hubs : tuple of int
        For each of the last entities by how many passages it is mentioned besides.
    """

    entities: int
    passages: int
    own: int = 9
    popular: int = 4
    stated: int = 9
    hubs: tuple[int, ...] = ()


HUBS = Shape(entities=40_000, passages=25_000, own=3, popular=2, stated=2, hubs=(22_000, 12_000, 6_000, 3_000, 1_500))
"""A graph with entities that are nearly everywhere."""


def synthetic(nodes: int, seed: int = 7) -> WalkGraph:
    """A graph of about so many nodes, in the proportions of the MuSiQue graph: half are entities, 5 % passages.

    A passage mentions 13 entities: nine that on average 1.0 passages mention so, and four by a power law with
    exponent 0.75. It states nine facts between these. One entity in four has a near-synonym. Documents are of
    four passages, each in one of 20 policy classes.
    """
    return shaped(Shape(int(0.5 * nodes), int(0.053 * nodes)), seed)


def shaped(shape: Shape, seed: int = 7) -> WalkGraph:
    """A graph like `synthetic` of another shape."""
    random = np.random.default_rng(seed)
    entities, passages, many = shape.entities, shape.passages, shape.own + shape.popular
    shares = (1.0 + np.arange(entities)) ** -0.75
    popular = np.searchsorted(np.cumsum(shares) / shares.sum(), random.random(passages * shape.popular))
    table = np.concatenate(
        (
            random.permutation(np.arange(passages * shape.own) % entities).reshape(passages, shape.own),
            random.permutation(entities)[popular].reshape(passages, shape.popular),
        ),
        axis=1,
    )
    own = table[:, 0]
    mention = np.stack((np.repeat(np.arange(passages), many), table.ravel()))
    policy = 2 + random.integers(0, CLASSES, -(-passages // FOLLOWING)).repeat(FOLLOWING)[:passages]
    chosen = random.integers(0, many, (2, passages * shape.stated))
    stating = np.repeat(np.arange(passages), shape.stated)
    facts = np.stack((stating, table[stating, chosen[0]], table[stating, chosen[1]]))
    facts = facts[:, facts[1] != facts[2]]
    similar = np.unique(np.sort(random.integers(0, entities, (2, entities // 8)), axis=0), axis=1)
    similar = similar[:, similar[0] != similar[1]]
    for place, count in enumerate(shape.hubs):
        said = random.choice(passages, count, replace=False)
        mention = np.concatenate((mention, np.stack((said, np.full(count, entities - 1 - place)))), axis=1)
    mention = np.unique(mention, axis=1)
    first_fact, first_passage = entities, entities + facts.shape[1]
    fact = first_fact + np.arange(facts.shape[1])
    following = np.flatnonzero(np.arange(passages) % FOLLOWING != FOLLOWING - 1)[:-1]
    rows = [
        _both(mention[0] + first_passage, mention[1], MENTIONS, policy[mention[0]]),
        _both(np.arange(passages) + first_passage, own, ABOUT, policy),
        _both(facts[0] + first_passage, fact, EVIDENCE, policy[facts[0]]),
        _both(facts[1], facts[2], FACT, policy[facts[0]], unit=fact),
        _both(following + first_passage, following + 1 + first_passage, NEXT, policy[following]),
        _both(similar[0], similar[1], SIMILAR_TO, np.full(similar.shape[1], OPEN), weight=int(0.85 * UNIT)),
    ]
    edges = Edges(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))
    return WalkGraph(_snapshot(entities, facts, passages, policy, build_rows(first_passage + passages, edges)))


def _both(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    kind: int,
    policy: NDArray[np.int64],
    *,
    weight: int = UNIT,
    unit: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], ...]:
    """Both ends of edges as columns of `Edges`."""
    count = len(source)
    fact = np.full(count, -1) if unit is None else unit
    return (
        np.r_[source, target],
        np.r_[policy, policy],
        np.full(2 * count, kind),
        np.r_[target, source],
        np.full(2 * count, weight),
        np.r_[fact, fact],
    )


def _snapshot(
    entities: int, facts: NDArray[np.int64], passages: int, policy: NDArray[np.int64], rows: object
) -> Snapshot:
    stated = facts.shape[1]
    nodes = entities + stated + passages
    kind = np.repeat([KINDS.index(name) for name in ("Entity", "Fact", "Passage")], [entities, stated, passages])
    ends = np.full((nodes, 2), -1, dtype=np.int32)
    ends[entities : entities + stated] = facts[1:].T
    arrays = NodeArrays(
        ids=_ids(nodes),
        kind=kind.astype(np.uint8),
        policy=np.concatenate((np.zeros(entities + stated), policy)).astype(np.int32),
        space=np.zeros(nodes, dtype=np.int32),
        seq=np.ones(nodes, dtype=np.int32),
        ends=ends,
        vectors=np.zeros((nodes, 0), dtype=np.float32),
    )
    none = np.zeros(0, dtype=np.int64)
    words = Postings.build(nodes, none, none.astype(np.uint64), none)
    return Snapshot(0, ("", "", *class_names()), ("", "work"), arrays, rows, words)  # type: ignore[arg-type]  # Rows


def _ids(nodes: int) -> NDArray[np.bytes_]:
    """Ids of one length, in order."""
    digits = np.arange(nodes)[:, None] // 10 ** np.arange(8, -1, -1) % 10 + ord("0")
    return np.ascontiguousarray(digits.astype(np.uint8)).view("S9").ravel()


def class_names() -> Sequence[str]:
    """Keys of the policy classes."""
    return [f"class {number}" for number in range(CLASSES)]


def queries(graph: WalkGraph, count: int, seed: int = 11, always: Sequence[int] = ()) -> list[dict[int, float]]:
    """Restart masses of queries: ten passages share 0.4, ten entities 0.6, five of these popular, or those given."""
    random = np.random.default_rng(seed)
    kind = graph.nodes.kind[: graph.nodes.count]
    passages = np.flatnonzero(kind == KINDS.index("Passage"))
    mentions = np.flatnonzero(graph.base.type == MENTIONS)
    mentioned = np.zeros(len(kind), dtype=bool)  # others are not there for any reader
    mentioned[graph.base.target[np.repeat(graph.base.type == MENTIONS, np.diff(graph.base.begin))]] = True
    entities = np.flatnonzero(mentioned & (kind == KINDS.index("Entity")))
    made = []
    for _ in range(count):
        seeds = dict.fromkeys(random.choice(passages, 10, replace=False).tolist(), 0.04)
        seeds |= dict.fromkeys(random.choice(entities, 5, replace=False).tolist(), 0.06)
        seeds |= dict.fromkeys(always, 0.06)
        while len(seeds) < 20:
            segment = int(random.choice(mentions))
            entry = int(random.integers(graph.base.begin[segment], graph.base.begin[segment + 1]))
            target = int(graph.base.target[entry])
            if kind[target] == KINDS.index("Entity"):
                seeds[target] = 0.06
        made.append(seeds)
    return made


def best_nodes(graph: ReadableGraph, mass: Mapping[int, float], seeds: Mapping[int, float], wanted: Best) -> set[int]:
    """The best nodes by what came to them from elsewhere, ties in canonical order."""
    kind = graph.graph.nodes.kind
    number = np.array([node for node in mass if KINDS[kind[node]] in wanted.kinds], dtype=np.int64)
    score = np.round([mass[node] - wanted.echo * seeds.get(node, 0.0) for node in number.tolist()], 12)
    return {node for node, _ in graph.ranked(number, score, wanted.many)}


def hubs(shape: Shape) -> list[int]:
    """The nodes of a graph's hubs."""
    return [shape.entities - 1 - place for place in range(len(shape.hubs))]
