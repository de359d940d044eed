# SPDX-License-Identifier: Apache-2.0
"""One access path to one Neo4j: named queries, transactions, the change sequence, migrations; the log of reads."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memwalk.store._chain import ChainReport, Fault, Head
from memwalk.store._queries import Query, load_query, query_names
from memwalk.store._read_log import ReadLog

if TYPE_CHECKING:
    from memwalk.store._audit import find_changes, verify_changes
    from memwalk.store._backup import dump, load
    from memwalk.store._backup_file import BackupHeader
    from memwalk.store._check import CheckReport, Finding, check
    from memwalk.store._client import FOREVER, Change, Reader, Store, Transaction
    from memwalk.store._migrations import graph_description, migrate
    from memwalk.store._rebuild import rebuild

__all__ = [
    "FOREVER",
    "BackupHeader",
    "ChainReport",
    "Change",
    "CheckReport",
    "Fault",
    "Finding",
    "Head",
    "Query",
    "ReadLog",
    "Reader",
    "Store",
    "Transaction",
    "check",
    "dump",
    "find_changes",
    "graph_description",
    "load",
    "load_query",
    "migrate",
    "query_names",
    "rebuild",
    "verify_changes",
]

_LATER = {
    "BackupHeader": "_backup_file",
    "Change": "_client",
    "CheckReport": "_check",
    "FOREVER": "_client",
    "Finding": "_check",
    "Store": "_client",
    "Transaction": "_client",
    "check": "_check",
    "dump": "_backup",
    "find_changes": "_audit",
    "graph_description": "_migrations",
    "load": "_backup",
    "migrate": "_migrations",
    "rebuild": "_rebuild",
    "verify_changes": "_audit",
}
"""Where names are that need the driver: the supervisor of the local server imports this package and has none."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(f"memwalk.store.{_LATER[name]}"), name)
