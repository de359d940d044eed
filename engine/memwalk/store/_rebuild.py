# SPDX-License-Identifier: Apache-2.0
"""The files of a local store made anew: what was deleted from the graph is not in them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from memwalk.store._backup import store_at
from memwalk.store._copy import copy_graph
from memwalk.store.server import maintenance

if TYPE_CHECKING:
    from memwalk.progress import Progress
    from memwalk.store.server import LocalServer

__all__ = ["rebuild"]


def rebuild(server: LocalServer, progress: Progress | None = None) -> tuple[int, int]:
    """Copy the graph into a fresh database and delete the old files: stores, indexes, transaction logs, server logs.

    Neo4j overwrites what was deleted only when it needs the room, and keeps it in its transaction logs until they
    are rotated. Others wait meanwhile. A kill leaves the old files or the new, whole.

    Returns
    -------
    nodes, edges
        How many were copied.

    Raises
    ------
    StorageFull
        There is no room for a second copy; the store is as it was.
    ServerFailed, StoreBusy
    """
    with maintenance(server, "a rebuild of the database's files without what was purged", progress) as work:
        with work.staged() as staged:
            with store_at(work.start()) as source, staged.join(progress) as lease, store_at(lease.endpoint) as target:
                copied = copy_graph(source, target, progress)
            work.adopt(staged)
        shutil.rmtree(server.files.logs, ignore_errors=False)
        server.files.logs.mkdir(mode=0o700)
    return copied
