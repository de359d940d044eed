# SPDX-License-Identifier: Apache-2.0
"""One access path to one Neo4j: named queries, transactions, the change sequence, migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.store._queries import Query, load_query, query_names

if TYPE_CHECKING:
    from memwalk.store._client import FOREVER, Change, Reader, Store, Transaction
    from memwalk.store._migrations import graph_description, migrate

__all__ = [
    "FOREVER",
    "Change",
    "Query",
    "Reader",
    "Store",
    "Transaction",
    "graph_description",
    "load_query",
    "migrate",
    "query_names",
]


def __getattr__(name: str) -> Any:
    # The supervisor of the local server imports this package and must stay free of the driver.
    if name in {"FOREVER", "Change", "Store", "Transaction"}:
        from memwalk.store import _client as module
    elif name in {"graph_description", "migrate"}:
        from memwalk.store import _migrations as module  # type: ignore[no-redef]  # one name, two modules
    else:
        raise AttributeError(name)
    return getattr(module, name)
