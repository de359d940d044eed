# SPDX-License-Identifier: Apache-2.0
"""Small random worlds of passages, entities and facts, told to a walk graph as the store would."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from memwalk.units import derived_id
from memwalk.walk import Changes, Entity, Fact, Reading

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

    from numpy.typing import NDArray

CLASSES = ("a", "b", "c", "d")
NAMES = ("ada", "bern", "cato", "dover", "eve", "ford", "ghent", "henry")
WORDS = (*NAMES, "bridge", "king", "river", "town")
DIMENSION = 4


def unit_vector(numbers: list[float]) -> NDArray[np.float32]:
    """A vector of unit length."""
    vector = np.array(numbers, dtype=np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def random_vector(random: Random) -> NDArray[np.float32]:
    """One of few, so that ties occur."""
    return unit_vector([random.randint(-2, 2) for _ in range(DIMENSION - 1)] + [1.0])


def entity_id(name: str) -> str:
    """As ingest makes it."""
    return derived_id("", "", "Entity", name)


@dataclass
class Passage:
    """A passage and what it says."""

    id: str
    policy: str
    seq: int
    text: str
    vector: NDArray[np.float32]
    mentions: list[str]
    about: list[str]
    states: dict[tuple[str, str], int]


@dataclass
class World:
    """Documents of passages; entities and facts are there while a passage says so."""

    random: Random
    documents: dict[str, list[Passage]] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    similar: dict[tuple[str, str], float] = field(default_factory=dict)
    made: int = 0

    @classmethod
    def make(cls, random: Random, documents: int) -> World:
        """A world with some documents."""
        world = cls(random)
        for name in NAMES:
            world.vectors[name] = random_vector(random)
        for a in NAMES:
            for b in NAMES:
                world.vectors[f"{a} {b}"] = random_vector(random)
                if a < b and random.random() < 0.15:
                    world.similar[a, b] = random.uniform(0.8, 1.0)
        for _ in range(documents):
            world.add()
        return world

    def passage(self) -> Passage:
        """A new passage."""
        random = self.random
        self.made += 1
        mentions = random.sample(NAMES, random.randint(0, 4))
        pairs = [(a, b) for a in mentions for b in mentions if random.random() < 0.3]
        return Passage(
            id=f"p{random.randrange(10**6):06}-{self.made}",
            policy=random.choice(CLASSES),
            seq=1,
            text=" ".join(random.choices(WORDS, k=random.randint(1, 6))),
            vector=random_vector(random),
            mentions=mentions,
            about=random.sample(mentions, min(len(mentions), random.randint(0, 1))),
            states={pair: random.randint(1, 3) for pair in pairs},
        )

    def add(self) -> None:
        """A new document."""
        self.made += 1
        self.documents[f"d{self.made}"] = [self.passage() for _ in range(self.random.randint(1, 3))]

    def change(self) -> None:
        """Remove, cut, lengthen, reorder, reclassify or rewrite a document, or add one."""
        random = self.random
        if not self.documents or random.random() < 0.3:
            self.add()
            return
        name = random.choice(sorted(self.documents))
        passages = self.documents[name]
        what = random.randrange(6)
        if what == 0 or not passages:
            del self.documents[name]
        elif what == 1:
            passages.pop(random.randrange(len(passages)))
        elif what == 2:
            passages.insert(random.randint(0, len(passages)), self.passage())
        elif what == 3:
            random.shuffle(passages)
        elif what == 4:
            random.choice(passages).policy = random.choice(CLASSES)
        else:
            other, place = self.passage(), random.randrange(len(passages))
            other.id, other.seq = passages[place].id, passages[place].seq + 1
            passages[place] = other

    # --- as a store tells it -----------------------------------------------------------------------

    def told(self, classes: Collection[str] = CLASSES) -> Changes:
        """All that a store would hold that only ever held these classes."""
        readings: list[Reading] = []
        mentioned: set[str] = set()
        stated: set[tuple[str, str]] = set()
        for passages in self.documents.values():
            kept = {p.id for p in passages if p.policy in classes}
            beside: dict[str, list[str]] = {p.id: [] for p in passages}
            for a, b in pairwise(passages):
                beside[a.id].append(b.id)
                beside[b.id].append(a.id)
            for p in passages:
                if p.id not in kept:
                    continue
                mentioned.update(p.mentions)
                stated.update(p.states)
                readings.append(
                    Reading(
                        id=p.id,
                        kind="Passage",
                        space="work",
                        policy=p.policy,
                        seq=p.seq,
                        text=p.text,
                        vector=p.vector,
                        mentions=[entity_id(name) for name in p.mentions],
                        about=[entity_id(name) for name in p.about],
                        states=[(fact_id(*pair), count) for pair, count in p.states.items()],
                        beside=[unit for unit in beside[p.id] if unit in kept],
                    )
                )
        entities = [Entity(entity_id(name), 1, self.vectors[name], self._near(name, mentioned)) for name in mentioned]
        facts = [Fact(fact_id(a, b), 1, self.vectors[f"{a} {b}"], entity_id(a), entity_id(b)) for a, b in stated]
        return Changes(readings, entities, facts)

    def _near(self, name: str, live: set[str]) -> list[tuple[str, float]]:
        pairs = [(a, b, score) for (a, b), score in self.similar.items() if name in {a, b}]
        others = [(b if a == name else a, score) for a, b, score in pairs]
        return [(entity_id(other), score) for other, score in others if other in live]


def fact_id(subject: str, object_: str) -> str:
    """As ingest makes it."""
    return derived_id("", "", "Fact", f"{subject}\x1eknows\x1e{object_}")


def difference(before: Changes, after: Changes) -> Changes:
    """What a store tells of a change: the units that differ, and those that are gone."""
    old = {unit.id: unit for units in before[:3] for unit in units}
    new = {unit.id: unit for units in after[:3] for unit in units}

    def differs(unit_id: str) -> bool:
        return unit_id not in old or _plain(old[unit_id]) != _plain(new[unit_id])

    return Changes(
        [unit for unit in after.readings if differs(unit.id)],
        [unit for unit in after.entities if differs(unit.id)],
        [unit for unit in after.facts if differs(unit.id)],
        sorted(old.keys() - new.keys()),
    )


def _plain(unit: Reading | Entity | Fact) -> tuple[object, ...]:
    return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in unit)
