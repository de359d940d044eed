# SPDX-License-Identifier: Apache-2.0
"""The members of an export, written to a scratch folder while the graph is read."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Self

from memwalk.errors import SchemaMismatch
from memwalk.units.exchange._format import MEMBERS, VECTORS, dump_row
from memwalk.units.exchange._rows import (
    activity_row,
    derivation_rows,
    edge_rows,
    evidence_rows,
    grant_rows,
    principal_rows,
    shared_version_row,
    unit_row,
    version_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from memwalk.progress import Progress
    from memwalk.store import Store
    from memwalk.units.exchange._select import Scope

__all__ = ["CHUNK_UNITS", "Staged", "chunks", "stage"]

CHUNK_UNITS = 1_000
Row = dict[str, Any]


@dataclass
class Staged:
    """What was written so far."""

    folder: Path
    counts: dict[str, int] = field(default_factory=dict)
    payloads: set[str] = field(default_factory=set)
    dimension: int = 0
    embedder: str | None = None
    store: str = ""
    _files: dict[str, IO[bytes]] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        for member in (*MEMBERS, VECTORS):
            self._files[member] = self._closing.enter_context((self.folder / member).open("wb"))
            self.counts[member] = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.close()

    def write(self, member: str, rows: Iterable[Row]) -> None:
        """Append rows to a member."""
        file = self._files[member]
        for row in rows:
            file.write(dump_row(row))
            self.counts[member] += 1

    def write_vector(self, unit: str, vector: Sequence[float]) -> None:
        """Append a vector, as 32-bit floats."""
        import numpy as np

        self.dimension = self.dimension or len(vector)
        if len(vector) != self.dimension:
            raise SchemaMismatch(f"unit {unit} has a vector of {len(vector)} numbers, others of {self.dimension}")
        self._files[VECTORS].write(np.asarray(vector, dtype="<f4").tobytes())
        self.counts[VECTORS] += 1


def stage(store: Store, scope: Scope, folder: Path, progress: Progress | None) -> Staged:
    """Read all that goes along and write it to a folder, a file a member; the vectors without their head."""
    with Staged(folder) as staged:
        held = store.read("store/get_store")[0]
        staged.embedder, staged.store = held["embedder"], held["uuid"]
        spaces: set[str] = set()
        own: dict[str, str] = {}
        activities: set[str] = set()
        for done, ids in enumerate(chunks(scope.units, CHUNK_UNITS)):
            rows = _units(store, scope, ids, staged, activities)
            spaces |= {row["space"] for row in rows if "space" in row}
            own |= {row["id"]: row["space"] for row in rows if row.get("own_right")}
            if progress:
                progress("units", min((done + 1) * CHUNK_UNITS, len(scope.units)), len(scope.units))
        principals: set[str] = set()
        for ids in chunks(sorted(activities), CHUNK_UNITS):
            found = sorted(store.read("exchange/list_activities", ids=ids), key=lambda row: str(row["id"]))
            staged.write("activities.jsonl", [activity_row(row, scope) for row in found])
            principals |= {row["principal"] for row in found}
        _frame(store, scope, staged, spaces, own, principals)
    return staged


def chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Ids in lists of some length."""
    rest = iter(ids)
    while some := list(islice(rest, size)):
        yield some


def _units(store: Store, scope: Scope, ids: list[str], staged: Staged, activities: set[str]) -> list[Row]:
    """Write what hangs on these units; returns their rows."""
    found = {row["id"]: row for row in store.read("exchange/list_units", ids=ids)}
    held: dict[str, list[Row]] = {unit: [] for unit in ids}
    for row in store.read("exchange/list_versions", ids=ids):
        held[row["id"]].append(row)
    waived = None if scope.rights.administers else scope.rights.held["reader"]
    units, versions = [], []
    for unit in ids:
        shared, head = scope.shared.get(unit), found[unit]["unit"]["seq"]
        if shared:
            rows = [shared_version_row(row, shared) for row in held[unit] if row["version"]["seq"] == head]
        else:
            mine = [row for row in held[unit] if scope.has(unit, row["version"]["seq"])]
            rows = [version_row(row, scope.classes, scope) for row in mine]
        units.append(unit_row(found[unit], rows[-1], shared, waived))
        versions += rows
    activities.update(row["activity"] for row in versions if "activity" in row)
    staged.payloads.update(row["payload"] for row in versions if "payload" in row)
    staged.write("units.jsonl", units)
    staged.write("versions.jsonl", versions)
    made = [row for unit in ids if unit not in scope.shared for row in held[unit]]
    staged.write("derivations.jsonl", derivation_rows(made, scope))
    staged.write("evidence.jsonl", evidence_rows(store.read("exchange/list_evidence", ids=ids), scope))
    staged.write("edges.jsonl", edge_rows(store.read("exchange/list_edges", ids=ids), scope))
    vectors = {row["id"]: row["vector"] for row in store.stream("exchange/stream_vectors", ids=ids)}
    for unit in sorted(vectors):
        staged.write_vector(unit, vectors[unit])
    return units


def _frame(
    store: Store, scope: Scope, staged: Staged, spaces: set[str], own: dict[str, str], principals: set[str]
) -> None:
    """Write the spaces and principals that the rest names, and the grants."""
    every = scope.rights.administers
    readable = {row["id"] for row in store.read("policy/list_spaces", classes=sorted(scope.rights.held["reader"]))}
    if not scope.selected:
        spaces |= readable
    for row in store.read("exchange/list_spaces"):
        if row["id"] in spaces or scope.whole:
            known = every or row["id"] in readable
            staged.write("spaces.jsonl", [row if known else {name: row[name] for name in ("id", "local_only")}])
            spaces.add(row["id"])
    grants = grant_rows(store.read("exchange/list_grants"), scope, spaces, own)
    staged.write("grants.jsonl", grants)
    known_principals = {row["id"]: row for row in store.read("exchange/list_principals")}
    principals |= {row["principal"] for row in grants}
    if scope.whole:
        principals |= known_principals.keys()
    elif every:
        _add_members(principals, known_principals)
    staged.write("principals.jsonl", principal_rows(known_principals, principals, complete=every))


def _add_members(principals: set[str], known: dict[str, Row]) -> None:
    """With a group go its members, and theirs: its grants reach them."""
    before = 0
    while len(principals) > before:
        before = len(principals)
        principals.update(name for name, row in known.items() if principals & set(row["groups"]))
