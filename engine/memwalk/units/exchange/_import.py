# SPDX-License-Identifier: Apache-2.0
"""Reading an export file into a store: all of it is verified and compared before anything is written."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import PayloadMissing
from memwalk.store import FOREVER
from memwalk.units.exchange._archive import Archive
from memwalk.units.exchange._bundles import read_bundles
from memwalk.units.exchange._compare import check_frame, find_present
from memwalk.units.exchange._discard import discard_stage
from memwalk.units.exchange._format import VECTORS
from memwalk.units.exchange._verify import verify_archive
from memwalk.units.exchange._write import Writer, check_embedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memwalk.payloads import PayloadStore
    from memwalk.progress import Progress
    from memwalk.store import Store, Transaction
    from memwalk.units.exchange._bundles import Bundle
    from memwalk.units.exchange._verify import Contents

__all__ = ["ONE_TRANSACTION", "ImportReport", "import_archive"]

ONE_TRANSACTION = 20_000
"""Rows up to which all is written in one transaction."""
BATCH_UNITS = 1_000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import wrote."""

    path: str
    seal: str
    """Sha256 that names the file's content; the audit record bears it as well."""
    units: int
    """Units that are new."""
    present: int
    """Units that were there, the same."""
    payloads: int
    spaces: tuple[str, ...]
    """Those that are new."""
    principals: tuple[str, ...]
    """Those that are new."""
    left_out: tuple[str, ...] = field(default=())
    """Grants, denials and memberships that would have changed who may read what was there before."""


def import_archive(
    store: Store,
    payloads: PayloadStore,
    principal: str,
    path: str | Path,
    *,
    widen: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Read an export file into a store (administrators of the store).

    Grants, denials and memberships on spaces and groups that were there before are taken only with `widen`, or
    into a store that holds no unit: else a file could say who reads what it does not hold.

    Parameters
    ----------
    store : Store
    payloads : PayloadStore
    principal : str
    path : str or Path
    widen : bool
    progress : Progress, optional

    Raises
    ------
    NotPermitted, UnknownPrincipal
    SourceNotFound, SourceNotReadable
    ArchiveCorrupt
        The file is not as it was written. Nothing was stored.
    ArchiveMismatch
        It was made by a newer memwalk. Nothing was stored.
    ArchiveConflict
        A unit, space or principal is there and not the same. Nothing was stored.
    SchemaMismatch
        Its vectors are another embedder's. Nothing was stored.
    StorageFull, StoreError
        What was staged is taken back; payloads that nothing names are swept.
    """
    policy.require_administrator(store, principal, "import into")
    with Archive(path) as archive:
        contents = verify_archive(archive, progress)
        run = _Import(store, payloads, principal, archive, contents, progress)
        return run.write(widen=widen)


class _Import:
    """One import, behind its verification."""

    def __init__(
        self,
        store: Store,
        payloads: PayloadStore,
        principal: str,
        archive: Archive,
        contents: Contents,
        progress: Progress | None,
    ) -> None:
        self.store = store
        self.payloads = payloads
        self.principal = principal
        self.archive = archive
        self.contents = contents
        self.progress = progress
        self.embedder: str | None = archive.header["embedder"] if archive.count(VECTORS) else None
        if self.embedder is not None:
            check_embedder(store.read("store/get_store")[0]["embedder"], self.embedder)
        self.spaces, self.principals = check_frame(store, archive, contents)
        stage = f"import:{archive.seal}"
        present = find_present(store, archive, contents, stage)
        self.writer = Writer(archive.path, archive.seal, present, self._put)
        self.is_empty = bool(store.read("exchange/is_empty", stage=stage)[0]["empty"])
        self.held = {_grant_key(row) for row in store.read("exchange/list_grants")}
        self.left_out: list[str] = []
        self._unit_grants: dict[str, list[Row]] = {}

    def write(self, *, widen: bool) -> ImportReport:
        """Payloads first, then the graph: in one transaction, or in batches if there is much."""
        space_grants, memberships = self._chosen(widen=widen or self.is_empty)
        self._put_payloads()
        frame = partial(self._frame, grants=space_grants, memberships=memberships)
        if self.contents.rows <= ONE_TRANSACTION:
            steps: list[Callable[[Transaction], None]] = [*self._staging(), frame, *self._revealing()]
            self._commit(partial(_all_of, steps))
        else:
            with ExitStack() as undo:
                undo.callback(self._discard)
                for step in self._staging():
                    self._commit(step)
                undo.pop_all()
            # From here on each step leaves a store in which what is readable is whole; importing again goes on.
            self._commit(frame)
            for step in self._revealing():
                self._commit(step)
        contents = self.contents
        return ImportReport(
            path=str(self.archive.path),
            seal=self.archive.seal,
            units=len(contents.units) - len(self.writer.present),
            present=len(self.writer.present),
            payloads=len(self.archive.payloads),
            spaces=tuple(sorted(contents.spaces.keys() - self.spaces)),
            principals=tuple(sorted(contents.principals.keys() - self.principals.keys())),
            left_out=tuple(self.left_out),
        )

    def _commit(self, step: Callable[[Transaction], None]) -> None:
        self.store.write(step, operation="import", principal=self.principal)

    def _put_payloads(self) -> None:
        names = self.archive.payloads
        for done, sha256 in enumerate(names, start=1):
            self.payloads.put(self.archive.payload(sha256))
            if self.progress:
                self.progress("payloads", done, len(names))

    def _put(self, sha256: str) -> None:
        """Put a payload that has been put, if it is gone since."""
        try:
            self.payloads.renew(sha256)
        except PayloadMissing:
            self.payloads.put(self.archive.payload(sha256))

    def _staging(self) -> Iterator[Callable[[Transaction], None]]:
        for batch in self._batches("stage", vectors=self.contents.dimension):
            yield partial(self.writer.stage_units, bundles=batch)
        for batch in self._batches("link"):
            yield partial(self.writer.link_units, bundles=batch)

    def _revealing(self) -> Iterator[Callable[[Transaction], None]]:
        writer = self.writer
        for rows in _batched(self.archive.rows("activities.jsonl")):
            yield partial(writer.write_activities, rows=rows)
        if self.contents.has_own_rights:
            for batch in self._batches("rights"):
                yield partial(writer.write_rights, bundles=batch)
        for batch in self._batches("entities", vectors=self.contents.dimension):
            yield partial(writer.reveal_shared, principal=self.principal, bundles=batch)
        for batch in self._batches("units"):
            grants = [row for bundle in batch for row in self._unit_grants.get(bundle.id, ())]
            yield partial(writer.reveal_units, bundles=batch, grants=grants)
        if writer.present:
            for batch in self._batches("rights of sources"):
                yield partial(writer.settle, bundles=batch)

    def _batches(self, stage: str, *, vectors: int = 0) -> Iterator[list[Bundle]]:
        done, total = 0, len(self.contents.units)
        for batch in _batched(read_bundles(self.archive, vectors=vectors)):
            yield batch
            done += len(batch)
            if self.progress:
                self.progress(stage, done, total)

    def _frame(self, tx: Transaction, *, grants: list[Row], memberships: list[tuple[str, str]]) -> None:
        """Spaces, principals, who is in which group, and what is granted on spaces."""
        policy.lock_policy(tx)
        policy.require_administrator(tx, self.principal, "import into")
        writer = self.writer
        tx.tell(archive=self.archive.seal)
        tx.touch("memwalk")
        writer.claim_vectors(tx, self.embedder)
        for name, row in self.contents.principals.items():
            writer.write_principal(tx, row, is_new=name not in self.principals)
        for member, group in memberships:
            writer.write_membership(tx, member, group)
        for name, row in self.contents.spaces.items():
            writer.write_space(tx, row, is_new=name not in self.spaces)
        writer.write_space_grants(tx, grants)

    def _chosen(self, *, widen: bool) -> tuple[list[Row], list[tuple[str, str]]]:
        """The grants and memberships to take; the others are told of."""
        space_grants: list[Row] = []
        for row in self.contents.grants:
            unit, space = row.get("unit"), row.get("space")
            on_new = unit not in self.writer.present if unit else space not in self.spaces
            if _grant_key(row) in self.held:
                continue
            if not (on_new or widen):
                on = f"unit {unit}" if unit else f"space {space}"
                self.left_out.append(f"{row['principal']} {row['type']} {row['role']} on {on}")
            elif unit:
                self._unit_grants.setdefault(unit, []).append(row)
            else:
                space_grants.append(row)
        memberships = []
        for name, row in self.contents.principals.items():
            known = self.principals.get(name, {"groups": []})["groups"]
            for group in row.get("groups", ()):
                if group in known:
                    continue
                if group in self.principals and not widen:
                    self.left_out.append(f"{name} in {group}")
                else:
                    memberships.append((name, group))
        return space_grants, memberships

    def _discard(self) -> None:
        """Take back what was staged: nobody has seen it."""
        discard_stage(self.store, self.principal, self.writer.stage, limit=BATCH_UNITS)


def _all_of(steps: list[Callable[[Transaction], None]], tx: Transaction) -> None:
    for step in steps:
        step(tx)


def _grant_key(row: Row) -> tuple[Any, ...]:
    target = (row.get("space"), row.get("unit"))
    return (row["principal"], row["type"], row["role"], *target, row["from"], row.get("until", FOREVER))


def _batched(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, BATCH_UNITS)):
        yield batch
