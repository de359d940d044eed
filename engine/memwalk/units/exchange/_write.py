# SPDX-License-Identifier: Apache-2.0
"""Writing what an export file says: first where nobody can read it, then, complete, unit by unit into the open.

A *staged* unit or version has all that it will have but its place: its policy class is one that no node
stands for and nobody holds, so nobody reads it. When all units, and all edges between them, are there, the
spaces, principals and grants follow in one transaction; then units are *revealed*: each gets its class, with
its versions, its own right and what is granted or denied on it, in one transaction. Entities and facts come
first; they are readable only by versions that come later. So no unit is ever readable in part.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import ArchiveConflict, SchemaMismatch
from memwalk.store import FOREVER
from memwalk.units._kinds import DERIVED, KINDS
from memwalk.units._new import NewUnit
from memwalk.units._purge import claim_payload
from memwalk.units._states import State
from memwalk.units._write import lock_units, record_activity, write_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from memwalk.store import Transaction
    from memwalk.units.exchange._bundles import Bundle

__all__ = ["Writer", "check_embedder"]

Row = dict[str, Any]


class Writer:
    """Writes parts of one file, each in a transaction that the caller holds.

    Parameters
    ----------
    path : Path
        For errors.
    seal : str
        Names the file's content.
    present : mapping
        State of each unit that was there before, and is the same, by id.
    put : callable
        Puts a payload of the file, by its sha256, unless it is there.
    """

    def __init__(self, path: Path, seal: str, present: dict[str, str], put: Callable[[str], None]) -> None:
        self.path = path
        self.seal = seal
        self.stage = f"import:{seal}"
        self.present = present
        self.put = put

    # --- staging -----------------------------------------------------------------------------------

    def stage_units(self, tx: Transaction, bundles: Sequence[Bundle]) -> None:
        """Units, with all versions of each, where nobody can read them; those staged before stay."""
        self._tell(tx, bundles)
        due = self._missing(tx, bundles)
        rows = [{"kind": bundle.unit["kind"], "unit": bundle.node()} for bundle in due]
        self._claim_payloads(tx, due)
        tx.run("exchange/stage_units", rows=rows, stage=self.stage)
        versions: list[Row] = []
        order: list[Row] = []
        for bundle in due:
            nodes = bundle.version_nodes()
            versions += [{"id": bundle.id, "version": node, "is_head": node is nodes[-1]} for node in nodes]
            order += [{"id": bundle.id, "seq": b["seq"], "before": a["seq"]} for a, b in pairwise(nodes)]
        tx.run("exchange/stage_versions", rows=versions, stage=self.stage)
        tx.run("exchange/stage_previous", rows=order)
        vectors = [{"id": b.id, "vector": b.vector.tolist()} for b in due if b.vector is not None]
        tx.run("units/set_vectors", rows=vectors)

    def link_units(self, tx: Transaction, bundles: Sequence[Bundle]) -> None:
        """What these units hang on. Between units that were there before the store knows better."""
        self._tell(tx, bundles)
        there = self.present
        made = [row for b in bundles if b.id not in there for row in b.derivations]
        tx.run("exchange/link_derivations", rows=made)
        evidence = [
            {**_picked(row, "id", "source", "source_seq"), "edge": _edge(row, "count", "tx_from", "tx_to")}
            for bundle in bundles
            for row in bundle.evidence
            if bundle.id not in there or row["source"] not in there
        ]
        tx.run("exchange/link_evidence", rows=evidence)
        edges = [
            {**_picked(row, "source", "type", "target"), "edge": _edge(row, "count", "score", "tx_from", "tx_to")}
            for bundle in bundles
            for row in bundle.edges
            if bundle.id not in there or row["target"] not in there
        ]
        tx.run("exchange/link_units", rows=edges)

    # --- the frame ---------------------------------------------------------------------------------

    def claim_vectors(self, tx: Transaction, embedder: str | None) -> None:
        """The store's vectors are this embedder's from now on, unless they are another's."""
        if embedder is not None:
            held = tx.run("store/set_embedder", embedder=embedder)[0]["embedder"]
            check_embedder(held, embedder)
            tx.touch("memwalk")

    def write_space(self, tx: Transaction, row: Row, *, is_new: bool) -> None:
        """A space; one that is there is as old as its oldest record."""
        at = row.get("created_at", tx.at)
        if is_new:
            made = {"id": row["id"], "local_only": row["local_only"], "right": policy.right_of(row["id"])}
            tx.run("policy/create_spaces", rows=[made], at=at)
        else:
            tx.run("exchange/set_space_age", id=row["id"], at=at)
        tx.touch(row["id"])

    def write_principal(self, tx: Transaction, row: Row, *, is_new: bool) -> None:
        """A principal; one that is there is as old as its oldest record."""
        at = row.get("created_at", tx.at)
        if is_new:
            tx.run("policy/create_principal", id=row["id"], kind=row["kind"], at=at)
        else:
            tx.run("exchange/set_principal_age", id=row["id"], at=at)
        tx.touch(row["id"])

    def write_membership(self, tx: Transaction, member: str, group: str) -> None:
        """Put a principal into a group."""
        if tx.run("policy/get_membership_chain", member=group, group=member):
            raise ArchiveConflict(self.path, "group", group, f"is in {member!r} in the store, not the other way round")
        tx.run("policy/create_memberships", rows=[{"member": member, "group": group}])
        tx.touch(member, group)

    def write_space_grants(self, tx: Transaction, grants: Sequence[Row]) -> None:
        """Grants and denials on spaces."""
        tx.run("exchange/create_space_grants", rows=[_grant(row) for row in grants])
        tx.touch(*(row["space"] for row in grants))

    def write_activities(self, tx: Transaction, rows: Sequence[Row]) -> None:
        """Activities; those that are there stay as they are."""
        tx.run("exchange/create_activities", rows=list(rows))
        tx.touch(*(row["id"] for row in rows))

    # --- revealing ---------------------------------------------------------------------------------

    def write_rights(self, tx: Transaction, bundles: Sequence[Bundle]) -> None:
        """The rights of single units, which classes of others may need."""
        due = [b for b in bundles if b.unit.get("own_right") and b.id not in self.present]
        rows = [{"id": bundle.id, "right": bundle.right} for bundle in due]
        if rows:
            tx.run("policy/create_unit_rights", rows=rows)
            self._tell(tx, due)

    def reveal_shared(self, tx: Transaction, principal: str, bundles: Sequence[Bundle]) -> None:
        """Entities and facts: from now on whoever may read evidence of them may read them."""
        due = [b for b in bundles if b.space is None]
        self._tell(tx, due)
        retired = [b for b in due if self.present.get(b.id) == State.RETIRED and b.unit["state"] == State.LIVE]
        self._revive(tx, principal, retired)
        self._reveal(tx, [b for b in due if b.id not in self.present], {})

    def reveal_units(self, tx: Transaction, bundles: Sequence[Bundle], grants: Sequence[Row]) -> None:
        """Units of spaces: from now on readable, each with what is granted and denied on it."""
        due = [b for b in bundles if b.space is not None and b.id not in self.present]
        policy.lock_policy(tx)
        self._tell(tx, due)
        needed = {frozenset(row["rights"]) for bundle in due for row in bundle.versions}
        keys = policy.ensure_classes(tx, needed)
        tx.run("exchange/create_unit_grants", rows=[_grant(row) for row in grants])
        self._reveal(tx, due, keys)

    def settle(self, tx: Transaction, bundles: Sequence[Bundle]) -> None:
        """What was made from units that were there before needs the rights that these need now."""
        due = [
            bundle.id
            for bundle in bundles
            if bundle.id not in self.present
            and bundle.unit["kind"] in DERIVED
            and any(row["source"] in self.present for row in bundle.derivations)
        ]
        if due:
            policy.lock_policy(tx)
            policy.reclassify(tx, due, derived=DERIVED)
            tx.tell(archive=self.seal)

    # --- inside ------------------------------------------------------------------------------------

    def _tell(self, tx: Transaction, bundles: Sequence[Bundle]) -> None:
        tx.touch(*(bundle.id for bundle in bundles))
        tx.tell(archive=self.seal)

    def _missing(self, tx: Transaction, bundles: Sequence[Bundle]) -> list[Bundle]:
        """Those of these units that are not there, nor staged; a unit that another writer made meanwhile is refused."""
        due = [bundle for bundle in bundles if bundle.id not in self.present]
        found = {
            row["id"]: row["policy_class"] for row in tx.run("exchange/list_present", ids=[bundle.id for bundle in due])
        }
        for unit, policy_class in found.items():
            if policy_class != self.stage:
                raise ArchiveConflict(self.path, "unit", unit, "was written by somebody else meanwhile; import again")
        return [bundle for bundle in due if bundle.id not in found]

    def _claim_payloads(self, tx: Transaction, bundles: Sequence[Bundle]) -> None:
        """Make sure of the payloads that these name: a purge or a sweep may have come in between."""
        for sha256 in sorted({row["payload"] for bundle in bundles for row in bundle.versions if "payload" in row}):
            claim_payload(tx, sha256)
            self.put(sha256)

    def _revive(self, tx: Transaction, principal: str, bundles: Sequence[Bundle]) -> None:
        """Entities and facts that were forgotten here live again, in a new version."""
        if not bundles:
            return
        activity = record_activity(tx, principal, "import", self.seal)
        units = [_shared_unit(bundle).checked() for bundle in bundles]
        write_versions(tx, activity, units, lock_units(tx, [unit.id for unit in units]))
        vectors = [{"id": b.id, "vector": b.vector.tolist()} for b in bundles if b.vector is not None]
        tx.run("units/set_vectors", rows=vectors)

    def _reveal(self, tx: Transaction, bundles: Sequence[Bundle], keys: dict[frozenset[str], str]) -> None:
        def key(version: Row) -> str | None:
            return keys[frozenset(version["rights"])] if "rights" in version else None

        versions = [
            {"id": b.id, "seq": row["seq"], "activity": row.get("activity"), "policy_class": key(row)}
            for b in bundles
            for row in b.versions
        ]
        tx.run("exchange/reveal_versions", rows=versions, stage=self.stage)
        units = [{"id": b.id, "space": b.space, "policy_class": key(b.head)} for b in bundles]
        tx.run("exchange/reveal_units", rows=units, stage=self.stage)
        there = {row["id"] for row in tx.run("exchange/list_present", ids=[b.id for b in bundles])}
        for bundle in bundles:
            if bundle.id not in there:
                raise ArchiveConflict(self.path, "unit", bundle.id, "was discarded meanwhile; import again")


def check_embedder(held: str | None, embedder: str) -> None:
    """Refuse vectors of another embedder than the store's.

    Raises
    ------
    SchemaMismatch
    """
    if held not in {None, embedder}:
        raise SchemaMismatch(
            f"the store's vectors were made by embedder {str(held)[:12]}, those of the file by {embedder[:12]}: "
            "distances between the two mean nothing; import it into a store of its own"
        )


def _shared_unit(bundle: Bundle) -> NewUnit:
    head, kind = bundle.head, bundle.unit["kind"]
    properties = {name: head[name] for name in KINDS[kind].properties if name in head}
    return NewUnit(id=bundle.id, kind=kind, name=head["name"], text=head["text"], properties=properties)


def _grant(row: Row) -> Row:
    edge = {"role": row["role"], "from": row["from"], "until": row.get("until", FOREVER)}
    return {**_picked(row, "principal", "space", "unit"), "type": row["type"].upper(), "edge": edge}


def _edge(row: Row, *names: str) -> Row:
    edge = _picked(row, *names)
    return edge | ({"tx_to": FOREVER} if "tx_from" in edge and "tx_to" not in edge else {})


def _picked(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names if name in row}
