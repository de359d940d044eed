# SPDX-License-Identifier: Apache-2.0
"""Opening a memory: a data directory with its own server, or anybody's Neo4j."""

from __future__ import annotations

import getpass
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.config import Settings
from memwalk.memory._memory import DEFAULT_SPACE, Memory
from memwalk.memory._present_graph import PresentGraph
from memwalk.memory._session import Models, Session
from memwalk.payloads import PayloadStore
from memwalk.policy import set_owner
from memwalk.store import ReadLog, Store, migrate

if TYPE_CHECKING:
    import neo4j

    from memwalk.progress import Progress
    from memwalk.store.server import LocalServer

__all__ = ["open_memory"]


def open_memory(
    location: str | Path | neo4j.Driver | None = None,
    *,
    principal: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Memory:
    """Open a memory, making it if it is new.

    Parameters
    ----------
    location : str, Path or neo4j.Driver, optional
        A data directory (a local Neo4j is started or joined there), the URI of any Neo4j, or a
        driver of your own. None: ``NEO4J_URI`` if that is set, else the user's data directory.
    principal : str, optional
        On whose behalf; None: the store's owner. Whoever opens a new store is its owner. On one's
        own machine this is asserted, not authenticated.
    settings : Settings, optional
        Defaults to the environment's.
    progress : Progress, optional
        Told of downloads and other long work.

    Raises
    ------
    UnknownPrincipal
        The store does not know `principal`.
    StoreUnavailable, AuthenticationFailed, ForeignData, SchemaMismatch, ServerFailed, DownloadFailed, StorageFull
    """
    settings = settings or Settings.from_environment()
    with ExitStack() as closing:
        directory, store, server = _connect(location, settings, closing, progress)
        if migrate(store) or store.read("store/get_store")[0]["owner"] is None:
            set_owner(store, principal or getpass.getuser(), DEFAULT_SPACE)
        who = principal or store.read("store/get_store")[0]["owner"]
        identity = store.read("store/get_store")[0]["uuid"]
        payloads = PayloadStore(settings.store.payloads or directory / "payloads", owner=identity)
        # Beside the store; of one that is elsewhere, here: each machine logs what is read from it.
        reads = ReadLog(directory / "audit" if store.disk else directory / "audit" / identity)
        closing.callback(reads.close)
        models = Models(settings, directory / "costs.json", progress)
        session = Session(store, payloads, settings, models, reads, server, present=PresentGraph(directory / "walk"))
        session.readable_classes(who)
        session.closing = closing.pop_all()
        return Memory(session, who)


def _connect(
    location: str | Path | neo4j.Driver | None, settings: Settings, closing: ExitStack, progress: Progress | None
) -> tuple[Path, Store, LocalServer | None]:
    if location is not None and not isinstance(location, (str, Path)):
        return settings.data_directory(), Store(location, settings.store.database, uri="your driver"), None
    uri = location if isinstance(location, str) and "://" in location else ""
    uri = uri or (settings.store.uri if location is None else "")
    if uri:
        store = Store.connect(replace(settings.store, uri=uri))
        closing.callback(store.close)
        return settings.data_directory(), store, None

    from memwalk.store.server import LocalServer

    directory = Path(location).expanduser() if location else settings.data_directory()
    server = LocalServer(directory, settings.server, settings.cache_directory(), offline=settings.models.offline)
    lease = closing.enter_context(server.join(progress))
    endpoint = lease.endpoint
    store = Store.connect(
        replace(
            settings.store,
            uri=endpoint.uri,
            username=endpoint.username,
            password=endpoint.password,
            database=endpoint.database,
        ),
        disk=directory,
        lease=lease,
    )
    closing.callback(store.close)
    return directory, store, server
