# SPDX-License-Identifier: Apache-2.0
"""Whether an export file is whole in itself: every row, every reference, every hash, before anything is written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memwalk.errors import ArchiveMismatch, InvalidArgument, PayloadMalformed
from memwalk.payloads import SafetensorsCheck
from memwalk.policy import ROLES, covers, right_of
from memwalk.store import FOREVER
from memwalk.units._kinds import DERIVED, KINDS, Readable
from memwalk.units._new import dump_metadata
from memwalk.units._states import State
from memwalk.units.exchange._format import VECTORS, edge_fields, edge_types, payload_member, shown_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memwalk.errors import ArchiveCorrupt
    from memwalk.progress import Progress
    from memwalk.units.exchange._archive import Archive

__all__ = ["Contents", "verify_archive"]

_NAME = re.compile(r"[\w][\w.@-]{0,63}")
_PRINCIPALS = ("user", "group", "agent")
_STATES = (State.LIVE.value, State.RETIRED.value)
_ENDS = {"MENTIONS", "ABOUT", "SUBJECT", "OBJECT", "SIMILAR_TO"}
"""Edges whose ends are of kinds of their own."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _UnitFacts:
    kind: str
    space: str | None
    seq: int
    right: str | None
    published: frozenset[str]
    """Rights of its sources that it no longer needs."""


@dataclass
class Contents:
    """What a verified file holds, as far as other rows name it."""

    spaces: dict[str, Row] = field(default_factory=dict)
    principals: dict[str, Row] = field(default_factory=dict)
    grants: list[Row] = field(default_factory=list)
    units: dict[str, _UnitFacts] = field(default_factory=dict)
    versions: dict[str, dict[int, frozenset[str] | None]] = field(default_factory=dict)
    """The rights that each version needs, by unit and number; None for those readable by evidence."""
    rights: set[str] = field(default_factory=set)
    has_own_rights: bool = False
    """Some unit has a right of its own."""
    dimension: int = 0
    rows: int = 0
    """Of all members together."""


def verify_archive(archive: Archive, progress: Progress | None = None) -> Contents:
    """Read all of a file once.

    Raises
    ------
    ArchiveCorrupt
        Anything in it is not as it was written, or names what is not in it.
    ArchiveMismatch
        It holds a kind of unit that this memwalk does not know.
    """
    check = _Check(archive)
    stages = (
        check.principals,
        check.spaces,
        check.units,
        check.grants,
        check.versions,
        check.derivations,
        check.evidence,
        check.edges,
        check.vectors,
        check.payloads,
    )
    for done, stage in enumerate(stages, start=1):
        stage()
        if progress:
            progress("verify", done, len(stages))
    check.contents.rows = sum(entry.get("rows", 0) for entry in archive.header["members"].values())
    return check.contents


class _Check:
    """One verification."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.contents = Contents()
        self._interned: dict[frozenset[str], frozenset[str]] = {}
        self._activities: set[str | None] = {None}
        self._vectors = 0

    def principals(self) -> None:
        """Names, kinds, groups that are groups and in no circle; then activities, by known principals."""
        member, known = "principals.jsonl", self.contents.principals
        known.update((row["id"], row) for row in self.archive.rows(member))
        for name, row in known.items():
            self._demand(_NAME.fullmatch(name) and row["kind"] in _PRINCIPALS, member, f"principal {name!r}")
            for group in row.get("groups", ()):
                is_group = group in known and known[group]["kind"] == "group"
                self._demand(is_group, member, f"{name!r} is in {group!r}, which is no group in the file")
        self._demand(not _has_circle(known), member, "a group is in itself")
        for row in self.archive.rows("activities.jsonl"):
            self._demand(row["principal"] in known, "activities.jsonl", f"unknown principal {row['principal']!r}")
            self._activities.add(row["id"])

    def spaces(self) -> None:
        """Names."""
        for row in self.archive.rows("spaces.jsonl"):
            self._demand(_NAME.fullmatch(row["id"]), "spaces.jsonl", f"space {row['id']!r}")
            self.contents.spaces[row["id"]] = row
            self.contents.rights.add(right_of(row["id"]))

    def units(self) -> None:
        """Known kinds, spaces that are there, and what they show."""
        member = "units.jsonl"
        for number, row in enumerate(self.archive.rows(member), start=1):
            unit, kind, space = row["id"], row["kind"], row.get("space")
            if kind not in KINDS:
                detail = f"unit {unit} is a {kind!r}: import it with a memwalk that knows this kind"
                raise ArchiveMismatch(self.archive.path, detail)
            shared = KINDS[kind].readable is Readable.ANY_EVIDENCE
            placed = space is None if shared else space in self.contents.spaces
            self._demand(unit and placed, member, f"a {kind} in space {space!r}", number)
            self._demand(row["state"] in _STATES, member, f"state {row['state']!r}", number)
            own = bool(row.get("own_right"))
            self.contents.has_own_rights |= own
            self._demand(not (own and shared), member, f"a {kind} with a right of its own", number)
            unshown = row.get("shown", {}).keys() - set(shown_names(kind))
            self._demand(not unshown, member, f"unknown field {min(unshown, default='')!r} in 'shown'", number)
            self._check_said(member, kind, row.get("shown", {}), number)
            right = None if space is None else right_of(space, unit if own else "")
            if right:
                self.contents.rights.add(right)
            self._vectors += bool(row.get("vector"))
            published = frozenset(row.get("published", ()))
            self.contents.units[unit] = _UnitFacts(kind, space, row["seq"], right, published)

    def grants(self) -> None:
        """Of known principals, on known spaces or units with a right of their own."""
        member, contents = "grants.jsonl", self.contents
        for number, row in enumerate(self.archive.rows(member), start=1):
            sound = row["type"] in {"granted", "denied"} and row["role"] in ROLES
            self._demand(sound, member, "no role, or neither granted nor denied", number)
            self._demand(row["principal"] in contents.principals, member, "an unknown principal", number)
            if "unit" in row:
                unit = contents.units.get(row["unit"])
                on = "space" not in row and unit and unit.right == right_of(unit.space or "", row["unit"])
            else:
                on = row.get("space") in contents.spaces
            self._demand(on, member, "on nothing that is in the file", number)
            contents.grants.append(row)

    def versions(self) -> None:
        """Of known units, their numbers and times rising, the last of each its head; needing rights that exist."""
        member, contents = "versions.jsonl", self.contents
        last: Row | None = None
        named: set[str] = set()
        for number, row in enumerate(self.archive.rows(member), start=1):
            unit = contents.units.get(row["id"])
            if unit is None or row["kind"] != unit.kind or row["state"] not in _STATES or row["seq"] < 1:
                detail = f"version {row['seq']} of {row['id']}: of no unit in the file, or not as its unit"
                raise self._corrupt(member, detail, number)
            if last is not None:
                self._check_order(last, row, number)
            self._demand(row.get("activity") in self._activities, member, "an unknown activity", number)
            named.update({row["payload"]} if "payload" in row else ())
            self._check_said(member, unit.kind, row, number)
            contents.versions.setdefault(row["id"], {})[row["seq"]] = self._rights(row, unit, number)
            last = row
        if last is not None:
            self._check_order(last, {"id": None}, 0)
        headless = contents.units.keys() - contents.versions.keys()
        self._demand(not headless, member, f"unit {min(headless, default='')} has no version")
        self._demand(named == set(self.archive.payloads), member, "the payloads are not those that versions name")

    def derivations(self) -> None:
        """Between known versions; what needs all its sources needs all their rights."""
        member, contents = "derivations.jsonl", self.contents
        for number, row in enumerate(self.archive.rows(member), start=1):
            unit = contents.units.get(row["id"])
            mine = contents.versions.get(row["id"], {})
            source = contents.versions.get(row["source"], {})
            known = row["seq"] in mine and row["source_seq"] in source
            self._demand(known, member, "of a version that is not in the file", number)
            if unit is not None and unit.kind in DERIVED:
                needed, held = source[row["source_seq"]], mine[row["seq"]]
                kept = {right for right in needed or () if not covers(unit.published, right)}
                enough = needed is not None and held is not None and kept <= held
                self._demand(enough, member, "the version needs fewer rights than its source", number)

    def evidence(self) -> None:
        """Of entities and facts, by known versions."""
        member, contents = "evidence.jsonl", self.contents
        for number, row in enumerate(self.archive.rows(member), start=1):
            unit = contents.units.get(row["id"])
            shared = unit is not None and unit.space is None
            known = row["source_seq"] in contents.versions.get(row["source"], {})
            self._demand(shared and known, member, "of or by what is not in the file", number)

    def edges(self) -> None:
        """Between known units, with what their type bears."""
        member, contents = "edges.jsonl", self.contents
        for number, row in enumerate(self.archive.rows(member), start=1):
            source, target = contents.units.get(row["source"]), contents.units.get(row["target"])
            if source is None or target is None or row["type"] not in edge_types():
                raise self._corrupt(member, "of no known type, or between units that are not in the file", number)
            given = row.keys() - {"source", "type", "target"} | ({"tx_to"} if "tx_from" in row else set())
            self._demand(given == edge_fields(row["type"]), member, "not the fields of its type", number)
            if row["type"] in _ENDS:
                self._demand(target.kind == "Entity", member, f"{row['type']} to a {target.kind}", number)

    def vectors(self) -> None:
        """One tensor of 32-bit floats, a row for each unit that has a vector."""
        archive = self.archive
        self._demand(archive.count(VECTORS) == self._vectors, VECTORS, "not as many as units have")
        if not self._vectors:
            self._demand(VECTORS not in archive.header["members"], VECTORS, "nothing in it")
            return
        head = b""
        for piece in archive.pieces(VECTORS):
            head = head or piece
        length = int.from_bytes(head[:8], "little")
        text = head[8 : 8 + length]
        try:
            shape = json.loads(text)["vectors"]["shape"]
            rows, dimension = shape
            tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * rows * dimension]}
        except (ValueError, TypeError, KeyError, RecursionError):
            raise self._corrupt(VECTORS, "no head of a safetensors file") from None
        sound = text.rstrip(b" ") == json.dumps({"vectors": tensor}, separators=(",", ":")).encode()
        whole = rows == self._vectors and archive.size(VECTORS) == 8 + length + 4 * rows * dimension
        self._demand(sound and whole and dimension > 0, VECTORS, "not the tensor its head describes")
        self.contents.dimension = dimension

    def payloads(self) -> None:
        """Each a safetensors file; its hash is checked as it is read."""
        for sha256 in self.archive.payloads:
            check = SafetensorsCheck()
            try:
                for piece in self.archive.payload(sha256):
                    check.feed(piece)
                check.finish()
            except PayloadMalformed as error:
                raise self._corrupt(payload_member(sha256), str(error)) from error

    # --- inside ------------------------------------------------------------------------------------

    def _corrupt(self, member: str, detail: str, line: int = 0) -> ArchiveCorrupt:
        return self.archive.corrupt(member, detail, line)

    def _demand(self, sound: object, member: str, detail: str, line: int = 0) -> None:
        if not sound:
            raise self._corrupt(member, detail, line)

    def _check_order(self, before: Row, row: Row, number: int) -> None:
        """A version and the next row's: the same unit's next, or another unit's first."""
        member, unit = "versions.jsonl", before["id"]
        if row["id"] == unit:
            ended = before.get("tx_to", FOREVER)
            self._demand(before["tx_from"] <= ended <= row["tx_from"], member, "before the one before ended", number)
        else:
            head = self.contents.units[unit].seq == before["seq"] and "tx_to" not in before
            self._demand(head, member, f"the last version of unit {unit} is not its head")

    def _check_said(self, member: str, kind: str, row: Mapping[str, Any], number: int) -> None:
        """Values that a unit or version may bear for its kind."""
        for name, wanted in KINDS[kind].properties.items():
            self._demand(row.get(name) is None or type(row[name]) is wanted, member, f"field {name!r}", number)
        if row.get("metadata") is not None:
            try:
                sound = dump_metadata(json.loads(row["metadata"])) == row["metadata"]
            except (InvalidArgument, ValueError, TypeError, RecursionError):
                sound = False
            self._demand(sound, member, "field 'metadata' is none", number)

    def _rights(self, row: Row, unit: _UnitFacts, number: int) -> frozenset[str] | None:
        if unit.right is None:
            self._demand("rights" not in row, "versions.jsonl", f"a {unit.kind} that needs rights", number)
            return None
        rights = frozenset(row.get("rights", ()))
        sound = unit.right in rights and rights <= self.contents.rights and sorted(rights) == row["rights"]
        self._demand(sound, "versions.jsonl", f"the rights {sorted(rights)} are not those of its unit", number)
        return self._interned.setdefault(rights, rights)


def _has_circle(principals: Mapping[str, Row]) -> bool:
    """Whether a group is in itself, through others or not."""
    done: set[str] = set()
    for start in principals:
        path: dict[str, list[str]] = {start: list(principals[start].get("groups", ()))}
        while path:
            name, waiting = next(reversed(path.items()))
            if not waiting:
                done.add(name)
                del path[name]
                continue
            group = waiting.pop()
            if group in path:
                return True
            if group not in done:
                path[group] = list(principals[group].get("groups", ()))
    return False
