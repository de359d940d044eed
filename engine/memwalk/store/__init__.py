# SPDX-License-Identifier: Apache-2.0
"""One access path to one Neo4j: named queries, transactions, the change sequence, migrations; the log of reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.store._chain import ChainReport, Fault, Head
from memwalk.store._queries import Query, load_query, query_names
from memwalk.store._read_log import ReadLog

if TYPE_CHECKING:
    from memwalk.store._audit import find_changes, verify_changes
    from memwalk.store._client import FOREVER, Change, Reader, Store, Transaction
    from memwalk.store._migrations import graph_description, migrate

__all__ = [
    "FOREVER",
    "ChainReport",
    "Change",
    "Fault",
    "Head",
    "Query",
    "ReadLog",
    "Reader",
    "Store",
    "Transaction",
    "find_changes",
    "graph_description",
    "load_query",
    "migrate",
    "query_names",
    "verify_changes",
]


def __getattr__(name: str) -> Any:
    # The supervisor of the local server imports this package and must stay free of the driver.
    if name in {"FOREVER", "Change", "Store", "Transaction"}:
        from memwalk.store import _client as module
    elif name in {"graph_description", "migrate"}:
        from memwalk.store import _migrations as module  # type: ignore[no-redef]  # one name, two modules
    elif name in {"find_changes", "verify_changes"}:
        from memwalk.store import _audit as module  # type: ignore[no-redef]  # the same
    else:
        raise AttributeError(name)
    return getattr(module, name)
