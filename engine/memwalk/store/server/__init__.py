# SPDX-License-Identifier: Apache-2.0
"""The local Neo4j that memwalk runs itself: jars, start, sharing, stop."""

from __future__ import annotations

from memwalk.store.server._gate import Gate, Generation
from memwalk.store.server._jars import BROWSER, Jar, JarCache, read_list, server_versions
from memwalk.store.server._maintenance import Maintenance, maintenance
from memwalk.store.server._server import Lease, LocalServer, ServerAddress, ServerStatus

__all__ = [
    "BROWSER",
    "Gate",
    "Generation",
    "Jar",
    "JarCache",
    "Lease",
    "LocalServer",
    "Maintenance",
    "ServerAddress",
    "ServerStatus",
    "maintenance",
    "read_list",
    "server_versions",
]
