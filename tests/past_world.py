# SPDX-License-Identifier: Apache-2.0
"""A memory that is changed at random, and what it answered at several times."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st
from tests.conftest import OWNER
from tests.documents_world import SENTENCES, SPACES, Step, steps

from memwalk import policy
from memwalk.ingest import query_entities
from memwalk.memory import Memory
from memwalk.memory._session import Session
from memwalk.payloads import PayloadStore
from memwalk.store import ReadLog
from memwalk.walk import DEFAULT_PROFILE, Moment, ReadableGraph, describe, read_contents, search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.documents_world import World

    from memwalk.config import Settings
    from memwalk.memory._session import Models
    from memwalk.walk import Result

__all__ = ["ENGINES", "FRIEND", "QUERIES", "VISITOR", "Chapter", "Deed", "Past", "chronicles", "differences", "now"]

VISITOR = "visitor"
"""May read one of the two spaces."""
FRIEND = "friend"
"""May read what is shared, unit by unit."""
QUERIES = ("Who taught Ada Lovelace?", "analytical engines of Charles Babbage", "It was so in London.")
ENGINES = (DEFAULT_PROFILE, replace(DEFAULT_PROFILE, engine="prpack"))
KEYS = 2


class Told(NamedTuple):
    """A result: the unit's id, version and texts, and why it is here."""

    said: tuple[Any, ...]
    score: float
    seeds: dict[str, float]
    inflow: dict[str, float]


Answers = dict[tuple[str, str, str], list[Told]]
"""By principal, query and engine."""


class Deed(NamedTuple):
    """What happens to a unit."""

    what: str
    """To a note: ``write``, ``tag``, ``forget``, ``revert`` or ``sum up``; or to a passage: ``edit`` or ``share``."""
    space: str
    key: int
    sentence: int


Chapter = tuple[Step, tuple[Deed, ...]]
_DEEDS = st.builds(
    Deed,
    st.sampled_from(("write", "write", "tag", "forget", "revert", "sum up", "edit", "share")),
    st.sampled_from(SPACES),
    st.integers(0, KEYS - 1),
    st.integers(0, len(SENTENCES) - 1),
)


def chronicles(chapters: int, acts: int) -> st.SearchStrategy[list[Chapter]]:
    """Sequences of what happens to folders and to units."""
    chapter = st.tuples(steps(acts), st.lists(_DEEDS, max_size=acts).map(tuple))
    return st.lists(chapter, min_size=2, max_size=chapters)


def now() -> int:
    """A time that is after all that was written before, and before all that is written after."""
    start = policy.now()
    while (at := policy.now()) <= start + 2:  # a version may begin a tick after the one before
        time.sleep(0.001)
    while policy.now() <= at:
        time.sleep(0.001)
    return at


class Past:
    """A memory over a world of documents, and its diary: what it answered, by time."""

    def __init__(self, world: World, models: Models, settings: Settings) -> None:
        self.world, self._models, self._settings = world, models, settings
        self.diary: dict[int, Answers] = {}
        self._parsed: dict[str, list[str]] = {}

    def begin(self) -> None:
        """An empty memory with two spaces, of which the visitor may read one."""
        self.world.begin()
        self.diary = {}
        self.reopen()
        self.memory.create_principal(VISITOR)
        self.memory.grant(VISITOR, "reader", space=SPACES[0])
        self.memory.create_principal(FRIEND)

    def reopen(self) -> None:
        """The same store with empty caches."""
        folder = self.world.root
        reads, payloads = ReadLog(folder / "audit"), PayloadStore(folder / "payloads")
        self.memory = Memory(Session(self.world.store, payloads, self._settings, self._models, reads), OWNER)

    def live(self, chapter: Chapter) -> None:
        """Let a chapter happen, and note what is answered then."""
        step, deeds = chapter
        self.world.take(step)
        for deed in deeds:
            self.do(deed)
        self.note()

    def note(self) -> int:
        """Write down what is answered now; returns the time."""
        at = now()
        self.diary[at] = self.answers()
        return at

    def answers(
        self, at: int | None = None, valid_at: int | None = None, asking: Sequence[str] = (OWNER, VISITOR)
    ) -> Answers:
        """What each principal gets for each query, by each engine: units, texts, scores, seeds, mass by edge type."""
        moment, session = Moment(at, valid_at), self.memory._session
        answers: Answers = {}
        with session.walk_graph(moment) as graph:
            for who in asking:
                classes = session.readable_classes(who)
                readable = ReadableGraph(graph, classes)
                found = {
                    (who, query, profile.engine): search(
                        readable, query, self.world.models.encode([query])[0], self._phrases(query), profile, 20
                    )
                    for query in QUERIES
                    for profile in ENGINES
                }
                names = {unit for ranked in found.values() for one in ranked for unit in one.units}
                contents = read_contents(session.store, names, classes, moment)
                answers |= {key: list(map(_told, describe(ranked, contents))) for key, ranked in found.items()}
        return answers

    def _phrases(self, query: str) -> list[str]:
        if query not in self._parsed:
            self._parsed[query] = query_entities(self._models.parser, query)
        return self._parsed[query]

    def check(self, times: Iterable[int] | None = None) -> None:
        """As of these times, or of all, the answers are those of then."""
        for at in self.diary if times is None else times:
            assert differences(self.answers(at), self.diary[at]) == []

    def do(self, deed: Deed) -> None:
        """Change a unit, where there is one to be changed so."""
        memory, text = self.memory, SENTENCES[deed.sentence]
        units = {unit.id: unit for unit in memory.list(space=deed.space, state=None)}
        key = f"note {deed.key}"
        if deed.what == "write":
            memory.add_units([{"key": key, "text": text}], space=deed.space)
            return
        kind = "Passage" if deed.what in {"edit", "share"} else "Note"
        found = [unit for unit in units.values() if unit.kind == kind]
        if not found:
            return
        unit = found[deed.key % len(found)]
        if deed.what == "revert" and (unit.state == "retired" or unit.seq > 1):
            memory.revert([{"id": unit.id, "version": unit.seq, "to": 1}])
        elif unit.state != "live":
            return
        elif deed.what == "tag":
            memory.update([{"id": unit.id, "version": unit.seq, "tags": [f"tag {unit.seq}"]}])
        elif deed.what == "forget":
            memory.forget(unit.id)
        elif deed.what == "sum up":
            summary = {"kind": "Summary", "key": f"of {unit.id}", "text": text, "derived_from": [unit.id]}
            memory.add_units([summary], space=deed.space)
        elif deed.what == "edit":
            memory.update([{"id": unit.id, "version": unit.seq, "text": text}])
        elif deed.what == "share":
            memory.grant(FRIEND, "reader", unit=unit.id)


def differences(found: Answers, expected: Answers) -> list[str]:
    """What differs, a line each. By push all is equal to the last bit; an exact engine sums in the order of nodes."""
    lines = []
    for key in sorted({*found, *expected}):
        a, b = found.get(key, []), expected.get(key, [])
        same = a == b if key[2] == "push" else _close(a, b)
        if not same:
            lines.append(f"{key}: {a} instead of {b}")
    return lines


def _close(a: list[Told], b: list[Told]) -> bool:
    return [one.said for one in a] == [one.said for one in b] and all(
        math.isclose(x.score, y.score, rel_tol=0, abs_tol=1e-9) for x, y in zip(a, b, strict=True)
    )


def _told(result: Result) -> Told:
    said = (result.unit_id, result.seq, result.kind, result.space, result.name, result.text)
    return Told(said, result.score, dict(result.seeds), dict(result.inflow))
