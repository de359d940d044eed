# SPDX-License-Identifier: Apache-2.0
"""`Memory`: adopting a graph that somebody has already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.memory._extractors import check_extractor, make_extractor, settle
from memwalk.memory._view import View

if TYPE_CHECKING:
    from memwalk.config import StoreSettings
    from memwalk.ingest import AddReport
    from memwalk.progress import Progress

__all__ = ["AdoptMethods"]


class AdoptMethods(View):
    """Another Neo4j database as a source."""

    def adopt(
        self,
        mapping: str | Path,
        *,
        source: StoreSettings | None = None,
        space: str = "default",
        extractor: str = "spacy",
        progress: Progress | None = None,
    ) -> AddReport:
        """Read another Neo4j database into a space by a mapping; the source is only read.

        Nodes become entities, relationships and chosen properties facts, chosen texts passages. Each node is a
        document, so that adopting again costs what changed, and what is there no longer is retired.

        Parameters
        ----------
        mapping : str or Path
            A TOML file as `memwalk.ingest.GraphMapping` describes it.
        source : StoreSettings, optional
            Where the other database is; defaults to ``MEMWALK_ADOPT_URI`` and so on.
        space : str
            Where the units live; the principal must be a writer there.
        extractor : {"spacy", "endpoint"}
            What reads the texts.
        progress : Progress, optional

        Raises
        ------
        SourceError, ConfigurationError, InvalidArgument, NotFound, NotPermitted, LocalOnly, StoreError, ModelError
        """
        from memwalk.ingest import GraphMapping, add_sources, find_vanished_below, graph_address, read_graph
        from memwalk.store import Store

        session = self._session
        policy.require_role(session.store, self.principal, "writer", space)
        check_extractor(session, space, extractor, None)
        means = GraphMapping.read(Path(mapping).expanduser())
        with Store.connect(source or session.settings.adopt.needed()) as foreign:
            sources, skipped = read_graph(foreign, means, progress)
        vanished = find_vanished_below(session.store, space, graph_address(means), {one.uri for one in sources})
        reads = make_extractor(session, space, extractor, None)
        report = add_sources(
            session.store,
            self.principal,
            space,
            [*sources, *skipped],
            extractor=reads,
            embedder=session.check_embedder(claim=True),
            vanished=vanished,
            progress=progress,
        )
        return settle(reads, report)
