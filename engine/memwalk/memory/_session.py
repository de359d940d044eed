# SPDX-License-Identifier: Apache-2.0
"""What the principals of one opened store share: store, payloads, loaded models, walk graphs, the log of reads."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from memwalk.errors import SchemaMismatch
from memwalk.policy import readable_classes

if TYPE_CHECKING:
    from pathlib import Path

    from spacy.language import Language

    from memwalk.config import Settings
    from memwalk.models import Embedder, LanguageModel
    from memwalk.payloads import PayloadStore
    from memwalk.progress import Progress
    from memwalk.runtime import Costs, PromptFormat
    from memwalk.store import ReadLog, Store, Transaction
    from memwalk.store.server import LocalServer
    from memwalk.walk import WalkGraph

__all__ = ["Models", "Session"]

_NOT_WALKED = {
    *("generate", "chat", "build"),
    *("create principal", "add member", "remove member", "grant", "deny", "revoke", "undeny"),
}
"""Operations that leave the walk graph as it is: rights are asked for at each call anyway."""

_CHANGES = 1_000


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
    _graphs: dict[tuple[str, ...], tuple[int, WalkGraph]] = field(default_factory=dict)
    _generation: int = 0
    """Of the graph they were read from."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def readable_classes(self, principal: str) -> list[str]:
        """The policy classes a principal may read now."""
        return readable_classes(self.store, principal)

    def walk_graph(self, classes: list[str]) -> WalkGraph:
        """The walk graph of these readable classes, read again only when a change since may have touched it."""
        from memwalk.walk import load_walk_graph

        key = tuple(classes)
        with self._lock:
            watermark = self.store.watermark()
            if self._generation != self.store.data_generation:
                self._graphs.clear()
                self._generation = self.store.data_generation
            cached = self._graphs.get(key)
            if cached is not None and self._unchanged(cached[0], watermark):
                self._graphs[key] = (watermark, cached[1])
                return cached[1]
            graph = load_walk_graph(self.store, classes)
            self._graphs[key] = (watermark, graph)
            return graph

    def _unchanged(self, since: int, watermark: int) -> bool:
        if watermark - since > _CHANGES:
            return False
        # A first grant on a unit gives it, and what is derived from it, another policy class.
        return all(
            change.operation in _NOT_WALKED and not change.detail.get("reclassified")
            for change in self.store.changes(since, limit=_CHANGES)
        )

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
