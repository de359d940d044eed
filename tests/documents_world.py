# SPDX-License-Identifier: Apache-2.0
"""Folders of small documents that are changed at random and added again and again."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from tests.conftest import OWNER, renew
from tests.live_graph import differences, live_graph

from memwalk import policy
from memwalk.ingest import Extraction, add_sources, find_vanished, read_sources
from memwalk.units import forget_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memwalk.errors import SourceError
    from memwalk.ingest import AddReport, Extractor, Source, Vanished
    from memwalk.models import Embedder
    from memwalk.progress import Progress
    from memwalk.store import Store

__all__ = ["Act", "Known", "Step", "World", "fresh", "steps", "stories"]

SPACES = ("home", "work")
SENTENCES = (
    "Charles Babbage designed the Analytical Engine in London.",
    "Ada Lovelace wrote notes on the analytical engine of Charles Babbage.",
    "The Analytical Engines were never built.",
    "Mary Somerville taught Ada Lovelace in 1832.",
    "Mary Somerville taught Ada Lovelace in 1833.",
    "Charles Babbage's engine stood in London.",
    "It was so.",
)
TITLES = ("", "Charles Babbage", "Analytical Engine", "Ada")
NAMES = ("ada.md", "Ada.md", "b.txt", "below/c.md", "rows.json", "chat.jsonl")


class Known:
    """A real extractor and a real embedder that do each thing once, and note what they are asked for."""

    def __init__(self, extractor: Extractor, embedder: Embedder) -> None:
        self._extractor, self._embedder = extractor, embedder
        self._read: dict[tuple[str, str], Extraction] = {}
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self.dimension = embedder.dimension
        self.name = extractor.name
        self.read: list[tuple[str, str]] = []
        self.embedded: list[str] = []

    def extract(self, passages: Sequence[tuple[str, str]], progress: Progress | None = None) -> list[Extraction]:
        """Read passages."""
        new = [passage for passage in dict.fromkeys(passages) if passage not in self._read]
        self._read |= dict(zip(new, self._extractor.extract(new, progress), strict=True))
        self.read += passages
        return [self._read[passage] for passage in passages]

    def take_skipped(self) -> list[SourceError]:
        """What was left out."""
        return self._extractor.take_skipped()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors |= dict(zip(new, self._embedder.encode(new), strict=True))
        self.embedded += texts
        return np.stack([self._vectors[text] for text in texts]) if texts else np.empty((0, self.dimension), np.float32)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the tokens of a text lie in it."""
        return self._embedder.spans(text)

    def asked(self) -> tuple[int, int]:
        """How many passages were to be read, and how many texts to be embedded, since this was last asked."""
        counts = len(self.read), len(self.embedded)
        self.read, self.embedded = [], []
        return counts


class Act(NamedTuple):
    """What happens to a file."""

    what: str
    """``write``, ``remove`` or ``move``."""
    space: str
    name: str
    other: str = ""
    title: str = ""
    sentences: tuple[int, ...] = ()


class Step(NamedTuple):
    """What happens to the files of a folder, before it is added again."""

    acts: tuple[Act, ...]
    forgets: bool
    """Documents are forgotten by hand, instead of pruned."""


_ACT = st.builds(
    Act,
    st.sampled_from(("write", "write", "write", "remove", "move")),
    st.sampled_from(SPACES),
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.sampled_from(TITLES),
    st.lists(st.integers(0, len(SENTENCES) - 1), min_size=1, max_size=5).map(tuple),
)


def steps(acts: int) -> st.SearchStrategy[Step]:
    """Single steps."""
    return st.builds(Step, st.lists(_ACT, min_size=1, max_size=acts).map(tuple), st.booleans())


def stories(most: int, acts: int) -> st.SearchStrategy[list[Step]]:
    """Sequences of steps."""
    return st.lists(steps(acts), min_size=2, max_size=most)


def fresh(store: Store) -> None:
    """Make a database a new store with the two spaces."""
    renew(store)
    policy.set_owner(store, OWNER)
    for space in SPACES:
        policy.create_space(store, OWNER, space)


@dataclass(repr=False)
class World:
    """A folder for each space, and the store that they are added to."""

    store: Store
    models: Any
    """A `Known`, as extractor and embedder."""
    root: Path
    reports: list[AddReport] = field(default_factory=list)

    def begin(self) -> None:
        """Empty folders, an empty store."""
        for space in SPACES:
            shutil.rmtree(self.root / space, ignore_errors=True)
            (self.root / space).mkdir(parents=True)
        fresh(self.store)

    def take(self, step: Step) -> None:
        """Change files, and add their folders."""
        for act in step.acts:
            self.act(act)
        for space in sorted({act.space for act in step.acts}):
            if step.forgets:
                self.forget(space)
            self.add(space)

    def act(self, act: Act) -> None:
        """Change a file."""
        path, other = (self.root / act.space / name for name in (act.name, act.other))
        if act.what == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(_content(act), encoding="utf-8")
        elif act.what == "remove":
            path.unlink(missing_ok=True)
        elif path.exists() and path.suffix == other.suffix:
            other.parent.mkdir(exist_ok=True)
            path.rename(other)

    def add(self, space: str) -> None:
        """Add a space's folder, and retire what vanished from it."""
        folder = self.root / space
        if not any(path.is_file() for path in folder.rglob("*")):
            self.forget(space)
            return
        sources = [source for source in read_sources(folder) if not _is_empty_folder(source)]
        self.put(space, sources, find_vanished(self.store, space, [folder], sources))

    def put(self, space: str, sources: Sequence[Source | SourceError], vanished: Sequence[Vanished] = ()) -> None:
        """Add sources to a space."""
        self.reports.append(
            add_sources(
                self.store,
                OWNER,
                space,
                sources,
                extractor=self.models,
                embedder=self.models,
                vanished=vanished,
            )
        )

    def forget(self, space: str) -> None:
        """Forget the documents whose files are gone, by hand."""
        rows = self.store.run_text(
            "MATCH (d:Document {state: 'live', space: $space}) RETURN d.id, d.uri",
            {"space": space},
            write=False,
            limit=99,
        )[1]
        files = {path.resolve().as_uri() for path in (self.root / space).rglob("*") if path.is_file()}
        gone = [unit for unit, uri in rows if uri.partition("#")[0] not in files]
        if gone:
            self.store.write(lambda tx: forget_units(tx, gone), operation="forget", principal=OWNER)

    def compare(self) -> None:
        """The live graph is that of a store that only ever saw what is there now."""
        found = live_graph(self.store)
        fresh(self.store)
        for space in reversed(SPACES):
            self.add(space)
        assert differences(found, live_graph(self.store)) == []


def _content(act: Act) -> str:
    said = [SENTENCES[number] for number in act.sentences]
    if act.name.endswith(".json"):
        return json.dumps([{"title": act.title, "text": sentence} for sentence in said])
    if act.name.endswith(".jsonl"):
        turns = [
            {"role": act.title or "user", "content": sentence, "time": 1_000 * len(act.title) + place // 2}
            for place, sentence in enumerate(said)
        ]
        return "\n".join(map(json.dumps, turns))
    heading = f"# {act.title}\n\n" if act.title and act.name.endswith(".md") else ""
    return heading + " ".join(said) + "\n"


def _is_empty_folder(source: object) -> bool:
    return Path(getattr(source, "path", __file__)).is_dir()
