# SPDX-License-Identifier: Apache-2.0
"""What the principals of one opened store share: store, payloads, loaded models, the walk graph, the log of reads."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from memwalk.errors import SchemaMismatch
from memwalk.memory._past_graphs import PastGraphs
from memwalk.memory._present_graph import PresentGraph
from memwalk.policy import readable_classes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spacy.language import Language

    from memwalk.config import Settings
    from memwalk.models import Embedder, LanguageModel
    from memwalk.payloads import PayloadStore
    from memwalk.progress import Progress
    from memwalk.runtime import Costs, PromptFormat
    from memwalk.store import ReadLog, Store, Transaction
    from memwalk.store.server import LocalServer
    from memwalk.walk import Moment, WalkGraph

__all__ = ["Models", "Session"]


class Models:
    """The three models, each loaded when first needed and then kept."""

    def __init__(self, settings: Settings, costs_file: Path | None, progress: Progress | None) -> None:
        self._settings = settings
        self._costs_file = costs_file
        self.progress = progress

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model."""
        from memwalk.models import load_embedder

        return load_embedder(self._settings.models, self._settings.cache_directory(), self.progress)

    @cached_property
    def parser(self) -> Language:
        """The spaCy pipeline."""
        from memwalk.models import load_parser

        return load_parser(self._settings.models, self._settings.cache_directory(), self.progress)

    @cached_property
    def language(self) -> LanguageModel:
        """The language model."""
        from memwalk.models import load_language_model

        return load_language_model(self._settings.models, self._settings.cache_directory(), self.progress)

    @cached_property
    def prompt(self) -> PromptFormat:
        """How prompts are written for the language model."""
        from memwalk.runtime import PromptFormat

        return PromptFormat(self.language.tokenizer)

    @cached_property
    def costs(self) -> Costs:
        """What loading costs on this machine: measured once for a model, then read from the data directory."""
        from memwalk.runtime import cached_costs

        return cached_costs(self.language, self._costs_file)


@dataclass
class Session:
    """One opened store."""

    store: Store
    payloads: PayloadStore
    settings: Settings
    models: Models
    reads: ReadLog
    server: LocalServer | None = None
    """The local server, if the store is one of this machine's directories."""
    closing: ExitStack = field(default_factory=ExitStack)
    present: PresentGraph = field(default_factory=PresentGraph)
    _past: PastGraphs = field(default_factory=PastGraphs)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def readable_classes(self, principal: str) -> list[str]:
        """The policy classes a principal may read now."""
        return readable_classes(self.store, principal)

    @contextmanager
    def walk_graph(self, moment: Moment | None = None) -> Iterator[WalkGraph]:
        """The walk graph at the store's present, or of a moment; one thread at a time uses it."""
        from memwalk.walk import PRESENT

        with self._lock:
            if moment is not None and moment != PRESENT:
                yield self._past.get(self.store, moment, self.models.progress)
            else:
                yield self.present.get(self.store, self.models.progress)

    def check_embedder(self, *, claim: bool = False) -> Embedder:
        """The embedder, refused if the store's vectors are another's.

        Raises
        ------
        SchemaMismatch
        """
        embedder = self.models.embedder
        held = self.store.read("store/get_store")[0]["embedder"]
        if held is None and claim:

            def claim_vectors(tx: Transaction) -> str | None:
                tx.touch("memwalk")
                found: str | None = tx.run("store/set_embedder", embedder=embedder.fingerprint)[0]["embedder"]
                return found

            held = self.store.write(claim_vectors, operation="embedder", principal="")
        if held not in {None, embedder.fingerprint}:
            raise SchemaMismatch(
                f"the store's vectors were made by embedder {held[:12]}, {embedder.name} is "
                f"{embedder.fingerprint[:12]}: set MEMWALK_EMBEDDER to the one that made them"
            )
        return embedder

    def close(self) -> None:
        """Close the store and let go of the local server."""
        self.closing.close()
