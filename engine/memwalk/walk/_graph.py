# SPDX-License-Identifier: Apache-2.0
"""The walk graph: all units and the edges between them as arrays, with the policy class that each edge takes to see."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from memwalk.errors import InvalidArgument
from memwalk.walk._adjacency import Adjacency
from memwalk.walk._nodes import KINDS, NOBODY, NodeArrays, Nodes, with_room
from memwalk.walk._records import TEXTS, Changes
from memwalk.walk._rows import (
    ABOUT,
    EVIDENCE,
    FACT,
    MENTIONS,
    NEXT,
    OPEN,
    SIMILAR_TO,
    UNIT,
    WALKED,
    Edges,
    Overlay,
    build_rows,
    fixed,
)
from memwalk.walk._words import Postings, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from memwalk.walk._push import Space
    from memwalk.walk._records import Entity, Fact, Reading
    from memwalk.walk._rows import Rows

__all__ = ["Snapshot", "WalkGraph"]

_OWNED = (ABOUT, MENTIONS, NEXT, EVIDENCE)
"""Types of the edges that are told with the passage at one of their ends."""
_COUNTED = (ABOUT, FACT, MENTIONS)
End = tuple[int, int, int, int, int, int]
"""Node, policy class, type, target, weight, fact."""
Entry = tuple[int, int, int, int, int]
"""Node, policy class, type, target, fact."""


@dataclass(frozen=True)
class Snapshot:
    """A walk graph at rest: what is kept in files.

    Attributes
    ----------
    watermark : int
        Number of the last change in it.
    classes : tuple of str
        Keys of the policy classes by number; the first two stand for no class at all and for nobody.
    spaces : tuple of str
        By number; the first is empty.
    nodes : NodeArrays
    rows : Rows
    words : Postings
    """

    watermark: int
    classes: tuple[str, ...]
    spaces: tuple[str, ...]
    nodes: NodeArrays
    rows: Rows
    words: Postings

    @classmethod
    def none(cls, dimension: int = 0) -> Snapshot:
        """Of an empty store."""
        rows = build_rows(0, Edges.of([]))
        return cls(0, ("", ""), ("",), NodeArrays.none(dimension), rows, Postings.none())


@dataclass(eq=False)
class WalkGraph:
    """The walk graph of a store, for all principals; a principal's rights are a mask over policy classes.

    A snapshot, and over it what changed since. Bringing it up to date costs what changed. It holds no names
    and no texts: those are read from the store, for what was found.

    Parameters
    ----------
    snapshot : Snapshot, optional
        Nothing, if none is given.
    """

    snapshot: Snapshot = field(default_factory=Snapshot.none)
    spare: list[Space] = field(default_factory=list, repr=False)
    """Working memory of pushes that have ended."""

    def __post_init__(self) -> None:
        self.watermark = self.snapshot.watermark
        self.nodes = Nodes(self.snapshot.nodes)
        self.base = self.snapshot.rows
        self.overlay = Overlay(2 * self.nodes.count + 64)
        self.words = Words(self.snapshot.words, self.snapshot.nodes.policy)
        self._classes = {key: number for number, key in enumerate(self.snapshot.classes) if number > NOBODY}
        self._spaces = {name: number for number, name in enumerate(self.snapshot.spaces)}
        self._space_names = list(self.snapshot.spaces)
        self._entries = np.zeros(len(self.snapshot.classes), dtype=np.int64)
        counted = np.isin(self.base.type, _COUNTED)
        many = np.where(self.base.type == FACT, self.base.total // UNIT, np.diff(self.base.begin))
        np.add.at(self._entries, self.base.policy[counted], many[counted])

    @classmethod
    def build(cls, changes: Changes, watermark: int = 0) -> WalkGraph:
        """A graph of these units alone, in canonical order."""
        graph = cls()
        graph.apply(changes, watermark)
        return cls(graph.packed())

    def __len__(self) -> int:
        """Nodes that are not gone."""
        return int(np.count_nonzero(self.nodes.policy[: self.nodes.count] != NOBODY))

    def __repr__(self) -> str:
        live = self.nodes.policy[: self.nodes.count] != NOBODY
        counts = Counter(self.nodes.kind[: self.nodes.count][live].tolist())
        told = ", ".join(f"{count} {KINDS[kind]}" for kind, count in sorted(counts.items()))
        return f"<WalkGraph at {self.watermark}: {told or 'empty'}; {self.overlay.entries} entries of overlay>"

    # --- reading -----------------------------------------------------------------------------------

    @property
    def classes(self) -> tuple[str, ...]:
        """Keys of the policy classes by number."""
        return ("", "", *self._classes)

    def readable(self, classes: Iterable[str]) -> NDArray[np.uint8]:
        """The mask of policy classes, given by their keys (uint8 [classes])."""
        mask = np.zeros(len(self._classes) + 2, dtype=np.uint8)
        mask[OPEN] = 1
        mask[[self._classes[key] for key in classes if key in self._classes]] = 1
        return mask

    def space(self) -> Space:
        """Working memory for a push; to be put back into `spare` when it is clear."""
        from memwalk.walk._push import Space

        found = self.spare.pop() if self.spare else None
        if found is None or len(found.settled) < self.nodes.count:
            return Space.make(len(self.overlay.rows.row))
        return found

    def space_of(self, node: int) -> str:
        """The space of a node; empty for what belongs to its evidence."""
        return self._space_names[int(self.nodes.space[node])]

    def entries(self, readable: NDArray[np.uint8]) -> int:
        """How many entries of rows there are of the types whose class says all about who may read them; a fact's
        counts once for each time it is said, so that the classes do not matter."""  # noqa: D205, D209
        return int(self._entries[: len(readable)][readable[: len(self._entries)] > 0].sum())

    def segments(self, node: int) -> Iterator[tuple[Rows, int]]:
        """Where the segments of a node are: the array and the place in it."""
        overlay = self.overlay.rows
        newest = int(overlay.row[node]) if node < len(overlay.row) else 0
        while newest:
            yield overlay, newest - 1
            newest = int(overlay.before[newest - 1])
        if node < len(self.base.row) - 1:
            for place in range(int(self.base.row[node]), int(self.base.row[node + 1])):
                yield self.base, place

    def row(self, node: int, types: Sequence[int], readable: NDArray[np.uint8] | None = None) -> Counter[Entry]:
        """The entries of a node's row with their weights, those taken back left out.

        Returns
        -------
        Counter
            Weight by (node, policy, type, target, unit).
        """
        found: Counter[Entry] = Counter()
        for part, place in self.segments(node):
            kind, policy = int(part.type[place]), int(part.policy[place])
            if kind in types and (readable is None or readable[policy]):
                where = slice(int(part.begin[place]), int(part.begin[place + 1]))
                rows = zip(
                    part.target[where].tolist(), part.weight[where].tolist(), part.unit[where].tolist(), strict=True
                )
                for target, weight, unit in rows:
                    found[node, policy, kind, target, unit] += weight
        return Counter({key: weight for key, weight in found.items() if weight})

    def weigh(self, node: int, kind: int, readable: NDArray[np.uint8]) -> int:
        """Sum of the readable weights of one type at a node, in `UNIT`; not for SIMILAR_TO."""
        return sum(
            int(part.total[place])
            for part, place in self.segments(node)
            if part.type[place] == kind and readable[part.policy[place]]
        )

    def can_see(self, node: int, readable: NDArray[np.uint8]) -> bool:
        """Whether a node is there for who may read these classes."""
        policy = int(self.nodes.policy[node])
        kind = KINDS[self.nodes.kind[node]]
        if kind in TEXTS or policy == NOBODY:
            return bool(readable[policy])
        return self.weigh(node, MENTIONS if kind == "Entity" else EVIDENCE, readable) > 0

    # --- changing ----------------------------------------------------------------------------------

    def apply(self, changes: Changes, watermark: int) -> None:
        """Take in units as they are now.

        An edge is kept if both its ends are here. What is told twice is here once: applying the same
        again changes nothing.

        Parameters
        ----------
        changes : Changes
        watermark : int
            Number of the last change in them.

        Raises
        ------
        InvalidArgument
            Vectors differ in length, or a unit is told twice.
        """
        told = [unit.id for units in changes[:3] for unit in units]
        if len(set(told)) != len(told):
            raise InvalidArgument("changes", len(told), "each unit once")
        for reading in changes.readings:
            self.nodes.add(reading.id, reading.kind)
        for entity in changes.entities:
            number = self.nodes.add(entity.id, "Entity")  # first: it may move the array
            self.nodes.policy[number] = OPEN
        for fact in changes.facts:
            self._add_fact(fact)
        self.overlay.grow(self.nodes.count)
        vectors = [(self.nodes.find(unit.id), unit.vector) for units in changes[:3] for unit in units]
        self.nodes.set_vectors(vectors)
        for units in changes[:3]:
            for unit in units:
                self.nodes.seq[self.nodes.find(unit.id)] = unit.seq
        gone = [number for unit_id in changes.gone if (number := self.nodes.find(unit_id)) >= 0]
        ends = [*self._edges_of_readings(changes.readings, gone), *self._synonyms(changes.entities, gone)]
        self.nodes.policy[gone] = NOBODY
        edges = Edges.of(_without_opposites(ends))
        self._count(edges)
        self.overlay.add(edges)
        self.watermark = watermark

    def _add_fact(self, fact: Fact) -> None:
        number = self.nodes.add(fact.id, "Fact")
        self.nodes.policy[number] = OPEN
        self.nodes.ends[number] = self.nodes.find(fact.subject), self.nodes.find(fact.object)

    def _edges_of_readings(self, readings: Sequence[Reading], gone: Sequence[int]) -> list[End]:
        """Take back the edges of these passages as they were, and add them as they are."""
        nodes, ends = self.nodes, _Ends()
        numbers = [nodes.find(reading.id) for reading in readings]
        left = [number for number in gone if KINDS[nodes.kind[number]] in TEXTS]
        for number in (*numbers, *left):
            for (_, _, kind, target, _), weight in self.row(number, _OWNED).items():
                ends.join(number, target, kind, -weight, *self._sight(number, target, kind))
        for number, reading in zip(numbers, readings, strict=True):
            old, nodes.policy[number] = int(nodes.policy[number]), self._class(reading.policy)
            nodes.space[number] = self._space(reading.space)
            self.words.set(number, reading.text, old, int(nodes.policy[number]))
        for number in left:
            self.words.set(number, "", int(nodes.policy[number]), NOBODY)
        ends.forget_pairs()
        for number, reading in zip(numbers, readings, strict=True):
            edges = [(MENTIONS, unit, UNIT) for unit in reading.mentions] + [
                (ABOUT, unit, UNIT) for unit in reading.about
            ]
            edges += [(EVIDENCE, fact, fixed(count)) for fact, count in reading.states]
            edges += [(NEXT, unit, UNIT) for unit in reading.beside]
            for kind, unit, weight in edges:
                target = nodes.find(unit)
                if target >= 0 and target != number and nodes.policy[target] != NOBODY and target not in gone:
                    ends.join(number, target, kind, weight, *self._sight(number, target, kind))
        return ends.rows + self._statements(ends)

    def _sight(self, passage: int, target: int, kind: int) -> tuple[int, int]:
        """The classes that it takes to see an edge of a passage from there, and from its target."""
        own = int(self.nodes.policy[passage])
        return (int(self.nodes.policy[target]) if kind == NEXT else own), own

    def _statements(self, ends: _Ends) -> list[End]:
        """The FACT edges that change with what says these facts."""
        rows: list[End] = []
        for (fact, policy), change in sorted(ends.said.items()):
            subject, object_ = self.nodes.ends[fact].tolist()
            if not change or subject < 0 or object_ < 0 or subject == object_:
                continue
            mask = np.zeros(len(self._classes) + 2, dtype=np.uint8)
            mask[policy] = 1
            old = self.weigh(fact, EVIDENCE, mask)
            for weight in (-fixed(old / UNIT), fixed((old + change) / UNIT)):
                rows.append((subject, policy, FACT, object_, weight, fact))
                rows.append((object_, policy, FACT, subject, weight, fact))
        return rows

    def _synonyms(self, entities: Sequence[Entity], gone: Sequence[int]) -> list[End]:
        """Take back the SIMILAR_TO edges of these entities as they were, and add them as they are."""
        ends = _Ends()
        numbers = [self.nodes.find(entity.id) for entity in entities]
        left = [number for number in gone if KINDS[self.nodes.kind[number]] == "Entity"]
        for number in (*numbers, *left):
            for (_, _, kind, target, _), weight in self.row(number, (SIMILAR_TO,)).items():
                ends.join(number, target, kind, -weight, OPEN, OPEN)
        ends.forget_pairs()
        for number, entity in zip(numbers, entities, strict=True):
            for unit, score in entity.similar:
                target = self.nodes.find(unit)
                if target >= 0 and target != number and self.nodes.policy[target] != NOBODY and target not in gone:
                    ends.join(number, target, SIMILAR_TO, fixed(score), OPEN, OPEN)
        return ends.rows

    def _class(self, key: str) -> int:
        number = self._classes.setdefault(key, len(self._classes) + 2)
        self._entries = with_room(self._entries, number + 1)
        return number

    def _space(self, name: str) -> int:
        if name not in self._spaces:
            self._spaces[name] = len(self._space_names)
            self._space_names.append(name)
        return self._spaces[name]

    def _count(self, edges: Edges) -> None:
        counted = np.isin(edges.type, _COUNTED)
        many = np.where(edges.type == FACT, edges.weight // UNIT, np.sign(edges.weight))
        np.add.at(self._entries, edges.policy[counted], many[counted])

    def packed(self) -> Snapshot:
        """All that is live as a snapshot: nodes in canonical order, without overlay."""
        live = self.nodes.live()
        place = np.full(self.nodes.count, -1, dtype=np.int64)
        place[live] = np.arange(len(live))
        edges = self._all_ends()
        kept = (place[edges.node] >= 0) & (place[edges.target] >= 0)
        moved = edges.where(kept)
        unit = np.where(moved.unit >= 0, place[moved.unit], -1)
        moved = moved._replace(node=place[moved.node], target=place[moved.target], unit=unit)
        rows = build_rows(len(live), moved)
        nodes, words = self.nodes.packed(live), self.words.packed(live)
        return Snapshot(self.watermark, self.classes, tuple(self._space_names), nodes, rows, words)

    def _all_ends(self) -> Edges:
        """All entries, base and overlay."""
        base, overlay = self.base, self.overlay.rows
        sizes = np.diff(base.begin)
        node = np.repeat(np.repeat(np.arange(len(base.row) - 1), np.diff(base.row)), sizes)
        used = self.overlay.segments
        own = np.zeros(used, dtype=np.int64)
        for start in np.nonzero(overlay.row)[0].tolist():
            newest = int(overlay.row[start])
            while newest:
                own[newest - 1] = start
                newest = int(overlay.before[newest - 1])
        added = np.diff(overlay.begin[: used + 1])
        many = self.overlay.entries
        columns = (
            np.concatenate((node, np.repeat(own, added))),
            np.concatenate((np.repeat(base.policy, sizes), np.repeat(overlay.policy[:used], added))),
            np.concatenate((np.repeat(base.type, sizes), np.repeat(overlay.type[:used], added))),
            np.concatenate((base.target, overlay.target[:many])),
            np.concatenate((base.weight, overlay.weight[:many])),
            np.concatenate((base.unit, overlay.unit[:many])),
        )
        return Edges(*(column.astype(np.int64) for column in columns))

    # --- the whole, for exact engines ---------------------------------------------------------------

    def adjacency(self, readable: NDArray[np.uint8], factors: NDArray[np.float64]) -> Adjacency:
        """The readable graph under a profile's factors, whole: for exact engines. Costs what exists."""
        edges = self._all_ends()
        kept = (edges.type < WALKED) & (readable[edges.policy] > 0) & (edges.node < edges.target)
        kept &= (edges.type != NEXT) | (readable[self.nodes.policy[edges.node]] > 0)  # its class is the other end's
        edges = edges.where(kept).merged()
        similar = np.nonzero(edges.type == SIMILAR_TO)[0]
        ends = np.unique(np.concatenate((edges.node[similar], edges.target[similar])))
        seen = np.array([self.can_see(int(node), readable) for node in ends], dtype=bool)
        hidden = np.isin(edges.node[similar], ends[~seen]) | np.isin(edges.target[similar], ends[~seen])
        weight = edges.weight * factors[edges.type]
        weight[similar[hidden]] = 0
        return Adjacency.build(self.nodes.count, edges.node, edges.target, weight / UNIT)


def _without_opposites(ends: Sequence[End]) -> list[End]:
    """Ends of edges without those that are taken back and added again as they were."""
    net: Counter[End] = Counter()
    for node, policy, kind, target, weight, unit in ends:
        net[node, policy, kind, target, abs(weight), unit] += (weight > 0) - (weight < 0)
    return [
        (node, policy, kind, target, sign * weight, unit)
        for (node, policy, kind, target, weight, unit), sign in net.items()
        if sign
    ]


class _Ends:
    """Both ends of edges, each edge once for a pair and type."""

    def __init__(self) -> None:
        self.rows: list[End] = []
        self.said: Counter[tuple[int, int]] = Counter()
        """By how much the weight of the evidence for a fact in a policy class changes."""
        self._pairs: set[tuple[int, int, int]] = set()

    def forget_pairs(self) -> None:
        """From here on pairs may occur again."""
        self._pairs.clear()

    def join(self, node: int, target: int, kind: int, weight: int, there: int, back: int) -> None:
        """An edge, with the classes that it takes to see it from the node, and from the target."""
        pair = (min(node, target), max(node, target), kind)
        if pair in self._pairs:
            return
        self._pairs.add(pair)
        self.rows.append((node, there, kind, target, weight, -1))
        self.rows.append((target, back, kind, node, weight, -1))
        if kind == EVIDENCE:
            self.said[target, back] += weight
