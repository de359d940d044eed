# SPDX-License-Identifier: Apache-2.0
"""Migrations: numbered, checksummed, recorded in the graph."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from memwalk.errors import ForeignData, SchemaMismatch
from memwalk.store._queries import resource_directory

if TYPE_CHECKING:
    from memwalk.store._client import Store, Transaction

__all__ = ["Migration", "graph_description", "list_migrations", "migrate"]

_NAME = re.compile(r"V(\d{3})__(\w+)\.cypher")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `schema/`: statements that each bear being run twice."""

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]


@cache
def graph_description() -> dict[str, Any]:
    """`schema/graph.json`: the one description of labels, edges and properties."""
    description: dict[str, Any] = json.loads((resource_directory("schema") / "graph.json").read_text(encoding="utf-8"))
    return description


@cache
def list_migrations() -> tuple[Migration, ...]:
    """The migrations this code knows, in order."""
    found = []
    for path in sorted(resource_directory("schema").glob("V*.cypher")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise SchemaMismatch(f"{path.name}: a migration is named V001__what_it_does.cypher")
        text = path.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("//")]
        statements = tuple(s.strip() for s in "\n".join(lines).split(";") if s.strip())
        found.append(Migration(int(match[1]), match[2], hashlib.sha256(text.encode()).hexdigest(), statements))
    return tuple(found)


def migrate(store: Store) -> bool:
    """Bring a database to this code's schema.

    Returns
    -------
    bool
        True if the database was new.

    Raises
    ------
    ForeignData
        The database holds nodes with our labels that memwalk did not write.
    SchemaMismatch
        The graph is newer than the code, or an applied migration's file was changed.
    """
    state = _claimed_state(store)
    applied = {m["version"]: m for m in state["migrations"]}
    known = {m.version: m for m in list_migrations()}
    for version, record in applied.items():
        if version not in known:
            raise SchemaMismatch(
                f"the graph has migration V{version:03} ({record['name']}), "
                f"this memwalk knows up to V{max(known):03}: update memwalk"
            )
        if known[version].checksum != record["checksum"]:
            raise SchemaMismatch(
                f"migration V{version:03} in the graph is not the one of this memwalk: its file was changed"
            )
    due = [migration for migration in list_migrations() if migration.version not in applied]
    if due:
        store.run_schema(_lock_statement())
    made = [_apply(store, migration) for migration in due]
    return state["uuid"] is None and made[0]


def _claimed_state(store: Store) -> dict[str, Any]:
    """What the store says of itself; other people's data under our labels is refused."""
    state = store.read("store/get_store")[0]
    if state["uuid"] is not None:
        return state
    checksums = [migration.checksum for migration in list_migrations()]
    labels = store.read("store/find_foreign_labels", labels=sorted(graph_description()["nodes"]), checksums=checksums)
    if labels:
        state = store.read("store/get_store")[0]  # unless another memwalk set it up just now
        if state["uuid"] is None:
            raise ForeignData(store.uri, [row["label"] for row in labels])
    return state


def _lock_statement() -> str:
    """What makes migrations unique, and so a record not yet committed a lock that others wait for."""
    statements = list_migrations()[0].statements
    return next(statement for statement in statements if "CONSTRAINT migration_version" in statement)


def _apply(store: Store, migration: Migration) -> bool:
    """Apply a migration while its record, written first, committed last, keeps others waiting; whether it was due."""

    def work(tx: Transaction) -> bool:
        record = tx.run(
            "store/record_migration",
            version=migration.version,
            name=migration.name,
            checksum=migration.checksum,
            at=tx.at,
        )
        if not record[0]["made"]:
            return False
        for statement in migration.statements:
            store.run_schema(statement)
        tx.run("store/create_store", uuid=str(uuid.uuid4()), at=tx.at)
        return True

    return store.write(work, operation=f"migration V{migration.version:03}", principal="")
